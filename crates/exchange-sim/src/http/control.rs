//! The control interface for tests: plain HTTP, answers in JSON.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /stats` | what was counted |
//! | `POST /stats/reset` | count from zero |
//! | `GET /mailbox?mailbox=…` | all items by folder path: ids, flags, length and SHA-256 of what came in; of events UID, start and end |
//! | `POST /deliver?mailbox=…&folder=…` | deliver the message in the body, as if it had come by SMTP |
//! | `POST /folder?mailbox=…&path=…&class=…` | create a folder |
//! | `POST /edit?mailbox=…&folder=…&subject=…` (or `item=…`, `message_id=…`) | put the message in the body in place of what a draft holds |
//! | `POST /migrate?mailbox=…` | another id, change key and sync state for everything |
//! | `POST /password?user=…` | another password, in the body |
//! | `POST /token?user=…` | let the token in the body sign in as that user |
//! | `POST /token/revoke?user=…` | their tokens count no more |
//! | `GET /signins` | what became of each sign-in, and why; `POST /signins/clear` forgets them |
//! | `GET /locked-out` | the addresses; `POST /unlock?user=…` |
//! | `GET /connections` | every connection EWS ever saw: who, from where, by what scheme, how many requests, open or not |
//! | `POST /connections/close?which=all\|idle\|user` | close those, with `user=…` those of a user; says how many |
//! | `GET /proxy` | each proxy: what it carried and refused, for whom, from where to where; `POST /proxy/forget` |
//! | `POST /proxy/stop`, `POST /proxy/start` | all of them, or with `number=N` one; tunnels are cut |
//! | `POST /proxy/map?name=host:port&to=addr:port` | tell the proxies where a name leads |
//! | `POST /quota?bytes=…[&mailbox=…]` | every mailbox, or that one, may hold so much from now on |
//! | `GET /deliveries[?after=N][&wait=SECONDS]` | every message that was sent, from number N on, if need be once there is one: kind, sender, author, Message-ID, subject, size, where the copy went, and each recipient with role, list, outcome (`delivered`, `outside`, `failed`) and status |
//! | `GET /deliveries/counts` | by Message-ID: `sent`, `copies` (in the Sent Items of all mailboxes now), `reached` and `failed` by recipient; without reports and receipts |
//! | `POST /deliveries/forget` | forget them |
//! | `GET /outside[?number=N]` | what left the organisation: envelope, Message-ID, size, SHA-256; of one also the source; `POST /outside/forget` |
//! | `POST /outside/refuse?address=…&status=…` | refuse that address, or `@domain`, with a status such as `5.1.1`; `none` ends it |
//! | `GET /submission` | limits, whether transport is held, what is queued there, and which messages wait in their folders |
//! | `POST /submission` | other limits, as JSON, in place of those that are named; see [`crate::Limits`] |
//! | `POST /submission/hold`, `POST /submission/release` | transport takes mail and delivers none, until it is released |
//! | `POST /alias?mailbox=…&address=…` | one address more for a mailbox or list |
//! | `POST /list?address=…&name=…&members=…,…` | a distribution list; members may be lists, or outside |
//! | `POST /restrict?address=…&user=…` | that mailbox or list takes mail only from those named so |
//! | `POST /impersonator?user=…[&scope=…]` | the role ApplicationImpersonation; `POST /impersonator/remove?user=…` |
//! | `POST /full-access?user=…&mailbox=…` | the permission FullAccess |
//! | `POST /send-as?user=…&mailbox=…` | may send as the owner of that mailbox, or as that list |
//! | `POST /send-on-behalf?user=…&mailbox=…` | may send on behalf of them: Sender tells who did |
//! | `POST /permission?mailbox=…&folder=…&user=…&level=…` | a permission level in a folder; user may be `default` |
//! | `POST /mailbox/move?user=…&seconds=…[&ids=keep][&front_end=N]` | ErrorMailboxMoveInProgress for so long, then other ids (or the same), and only that front end serves it |
//! | `POST /mailbox/moved?user=…` | the move is over now |
//! | `POST /clock?ahead=…` | the clock that moves and waiting messages go by is so many seconds further ahead |
//! | `POST /skew?seconds=…` | the clock that `Date` tells is so wrong, and may be behind |
//! | `POST /poison?mailbox=…&message_id=…[&kind=mime\|corrupt]` (or `item=…`) | its MIME content, or all of it, cannot be had; `POST /heal?…` |
//! | `POST /ews-off?status=403\|404` | EWS is switched off; `POST /ews-on` |
//! | `POST /aqs?on=true\|false` | whether searches may use query strings |
//! | `GET /throttle` | the limits, the most each account had in flight, and how often it was told to wait |
//! | `POST /throttle` | other limits, as JSON, in place of those that are named; `POST /throttle/reset` counts from zero |
//! | `POST /fault` | order a fault; `GET /fault` lists those to come |
//! | `POST /fault/clear` | forget them, and let go what hangs |
//! | `GET /late[?wait=SECONDS]` | how many requests are still to be carried out, by `delay` and `cut_late`, if need be once there are none |
//! | `GET /front-ends` | number, name, addresses of each, whether it is up, and what it was asked |
//! | `POST /front-end/N/kill` | drop its connections, refuse new ones; `POST /front-end/N/start` opens it again |
//! | `POST /away?how=refuse\|hang\|503` | no front end can be reached; `POST /back` ends it, `GET /away` tells |
//! | `GET /autodiscover` | each request to Autodiscover (host, step, over TLS or not, scheme of its credentials, status), and the rules |
//! | `POST /autodiscover?only=STEP` (`&host=…`) | only that step answers (both may be narrowed by `&user=ADDRESS`): `v2`, `soap`, `pox`, `redirect` |
//! | `POST /autodiscover?step=STEP&fault=FAULT` (`&host=…`, `&to=…`) | a step, or `all`, misbehaves as `autodiscover::Fault` has it; `none` ends it |
//! | `POST /autodiscover?ews=…&internal=…&grouping=…&public_folders=…&schemas=…&redirect=…` | what is told, and where the web server without TLS leads |
//! | `POST /autodiscover/clear` | behave well and forget the requests |
//! | `GET /idp` | each request to the identity provider without its secrets and what became of it, its clients, resources and clock |
//! | `POST /idp?consent=USER` | everybody who asks for a code gets one for that user; `ask` shows the page |
//! | `POST /idp?approve=CODE&user=…` (or `decline=CODE`) | the user of a device signs in; `*` is every code |
//! | `POST /idp?revoke=USER` (or `expire=USER`) | their refresh tokens (or access tokens) count no more; `*` is everybody |
//! | `POST /idp?claims=USER` (`&value=JSON`; `no_claims=USER`) | EWS demands tokens asked with these claims |
//! | `POST /idp?error=AADSTS` (`&at=token\|authorize\|devicecode`, `&times=N\|always`, `&value=CLAIMS`) | the next answer is that error; `error=none` forgets them, and an administrator's consent at `/TENANT/adminconsent` ends 65001 and 90094 |
//! | `POST /idp?trouble=KIND` (`&at=…`, `&times=…`) | the next answer is none: `hang`, `html`, `429`, `500` or `503` |
//! | `POST /idp?advance=SECONDS` | the clock of tokens moves on |
//! | `POST /idp?lifetime=…` (`interval=…`, `device_lifetime=…`, `frequency=…\|none`) | seconds: of access tokens, between questions of a device, of device codes, between sign-ins |
//! | `POST /idp?roles=…` (`online=true\|false`, `resource=URL`, `unknown_resource=URL`) | roles of programs; whether tokens for Exchange Online count; known resources |
//! | `POST /idp?client=ID,…` (`expire_secret=ID`, `add_secret=ID&secret=…`) | another client, other secrets |
//! | `POST /idp?clear=1` | behave well and forget the requests; the clock stays |
//! | `GET /dns` | each question to the name server |
//! | `POST /dns?record=…` (or `remove=NAME`, `fault=servfail`, `refused`, `silence`, `truncate`, `none`) | change what it says |

mod submission;

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    Edit, Poison,
    autodiscover::Autodiscover,
    dns::{Names, Trouble},
    form::Form,
    idp::Provider,
    proxy::Proxy,
};

use super::{ACCEPT_PAUSE, Server, body::Body, connection::Which, fault::Order, front_end::Presence, stats::Stats};

/// Serves the control interface until dropped.
pub(super) async fn accept(listener: TcpListener, server: Arc<Server>) {
    let mut connections = JoinSet::new();
    // The control interface must not count itself.
    let own = Arc::new(Stats::default());
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                let (server, own) = (server.clone(), own.clone());
                connections.spawn(async move {
                    let service = hyper::service::service_fn(move |request| handle(request, server.clone(), own.clone()));
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn handle(
    request: Request<Incoming>,
    server: Arc<Server>,
    own: Arc<Stats>,
) -> Result<Response<Body>, http::Error> {
    let (head, body) = request.into_parts();
    let query = Form::parse(head.uri.query().unwrap_or_default());
    let outcome = match body.collect().await {
        Err(error) => Err(refusal(error)),
        Ok(body) => {
            let (method, path) = (head.method, head.uri.path().to_owned());
            let body = Vec::from(body.to_bytes());
            // A message of 100 MB is parsed on delivery.
            tokio::task::spawn_blocking(move || server.control(&method, &path, &query, body))
                .await
                .unwrap_or_else(|error| Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())))
        }
    };
    let (status, value) = match outcome {
        Ok(value) => (StatusCode::OK, value),
        Err(Refusal(status, error)) => (status, json!({ "error": error })),
    };
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::page(&own, format!("{value}\n")))
}

impl Server {
    fn control(self: &Arc<Self>, method: &Method, path: &str, query: &Form, body: Vec<u8>) -> Result<Value, Refusal> {
        match (method.as_str(), path) {
            ("GET", "/stats") => return Ok(self.stats.json()),
            ("POST", "/stats/reset") => {
                self.stats.reset();
                self.front_ends.iter().for_each(|front_end| front_end.reset());
            }
            ("GET", "/front-ends") => {
                return Ok(self.front_ends.iter().map(|front_end| front_end.json()).collect());
            }
            ("GET", "/late") => {
                if let Some(seconds) = query.get("wait") {
                    let longest =
                        Duration::from_secs(seconds.parse().map_err(|_| refusal("wait is a number of seconds"))?);
                    // In vain is no mistake: the count tells.
                    let _ = wait(async { tokio::time::timeout(longest, self.faults.caught_up()).await });
                }
                return Ok(json!({ "late": self.faults.count_late() }));
            }
            ("GET", "/away") => {
                let presence = *self.presence.borrow();
                return Ok(json!({ "how": presence.name() }));
            }
            ("POST", "/away") => {
                let presence =
                    Presence::away(query.need("how")?).ok_or_else(|| refusal("how is refuse, hang or 503"))?;
                wait(self.set_presence(presence)).map_err(refusal)?;
            }
            ("POST", "/back") => wait(self.set_presence(Presence::Here)).map_err(refusal)?,
            ("POST", path) if path.starts_with("/front-end/") => self.front_end(path)?,
            ("POST", "/deliver") => {
                let folder = query.get("folder").unwrap_or("inbox");
                self.exchange.deliver(query.need("mailbox")?, folder, body).map_err(refusal)?;
            }
            ("POST", "/folder") => {
                let class = query.get("class").unwrap_or("IPF.Note");
                self.exchange.create_folder(query.need("mailbox")?, query.need("path")?, class).map_err(refusal)?;
            }
            ("POST", "/edit") => {
                let mailbox = query.need("mailbox")?;
                let item = match (query.get("item"), query.get("message_id")) {
                    (Some(id), _) => Edit::ItemId(id.to_owned()),
                    (_, Some(id)) => Edit::ItemId(self.item_of(mailbox, id)?),
                    _ => Edit::Subject {
                        folder: query.get("folder").unwrap_or("drafts").to_owned(),
                        subject: query.need("subject")?.to_owned(),
                    },
                };
                self.exchange.edit(mailbox, &item, body).map_err(refusal)?;
            }
            ("GET", "/mailbox") => return self.exchange.contents(query.need("mailbox")?).map_err(refusal),
            ("POST", "/migrate") => self.exchange.migrate(query.need("mailbox")?).map_err(refusal)?,
            ("POST", "/password") => {
                let password = String::from_utf8(body).map_err(refusal)?;
                if !self.directory.change_password(query.need("user")?, password.trim_end_matches(['\r', '\n'])) {
                    return Err(refusal("no such user"));
                }
            }
            ("POST", "/token") => {
                let token = String::from_utf8(body).map_err(refusal)?;
                self.directory.grant(query.need("user")?, token.trim());
            }
            ("POST", "/token/revoke") => {
                if self.directory.revoke(query.need("user")?) == 0 {
                    return Err(refusal("no token of that user counts"));
                }
            }
            ("POST", "/impersonator") => {
                self.exchange.allow_impersonation(query.need("user")?, query.get("scope"));
            }
            ("POST", "/impersonator/remove") => {
                if self.exchange.forbid_impersonation(query.need("user")?) == 0 {
                    return Err(refusal("that account has no such role"));
                }
            }
            ("POST", "/full-access") => {
                self.exchange.grant_full_access(query.need("mailbox")?, query.need("user")?).map_err(refusal)?;
            }
            ("POST", "/send-as") => {
                self.exchange.grant_send_as(query.need("mailbox")?, query.need("user")?).map_err(refusal)?;
            }
            ("POST", "/send-on-behalf") => {
                self.exchange.grant_send_on_behalf(query.need("mailbox")?, query.need("user")?).map_err(refusal)?;
            }
            ("POST", "/alias") => {
                self.exchange.add_alias(query.need("mailbox")?, query.need("address")?).map_err(refusal)?;
            }
            ("POST", "/list") => {
                let members = query.need("members")?.split(',').map(|member| member.trim().to_owned()).collect();
                let address = query.need("address")?;
                self.exchange.add_list(address, query.get("name").unwrap_or(address), members);
            }
            ("POST", "/restrict") => self.exchange.restrict(query.need("address")?, query.need("user")?),
            (_, path)
                if path.starts_with("/deliveries")
                    || path.starts_with("/outside")
                    || path.starts_with("/submission") =>
            {
                return submission::control(&self.exchange, method, path, query, &body)
                    .unwrap_or_else(|| Err(Refusal(StatusCode::NOT_FOUND, format!("there is no {method} {path}"))));
            }
            ("POST", "/permission") => {
                let folder = query.need("folder")?;
                let (mailbox, user, level) = (query.need("mailbox")?, query.need("user")?, query.need("level")?);
                self.exchange.permit(mailbox, folder, user, level).map_err(refusal)?;
            }
            ("GET", "/signins") => return Ok(self.signins.json()),
            ("POST", "/signins/clear") => self.signins.clear(),
            ("GET", "/locked-out") => return Ok(self.directory.locked_out().into()),
            ("POST", "/unlock") => {
                if !self.directory.unlock(query.need("user")?) {
                    return Err(refusal("no such user"));
                }
            }
            ("GET", "/proxy") => return Ok(self.proxies.iter().map(|proxy| proxy.json()).collect()),
            ("POST", "/proxy/forget") => self.proxies.iter().for_each(|proxy| proxy.forget()),
            ("POST", "/proxy/stop") => self.proxies(query)?.iter().for_each(|proxy| wait(proxy.stop())),
            ("POST", "/proxy/start") => {
                for proxy in self.proxies(query)? {
                    wait(proxy.start()).map_err(refusal)?;
                }
            }
            ("POST", "/proxy/map") => {
                let (name, to) = (query.need("name")?, query.need("to")?.parse().map_err(refusal)?);
                self.proxies.iter().for_each(|proxy| proxy.map(name, to));
            }
            ("GET", "/connections") => return Ok(self.connections.json()),
            ("POST", "/connections/close") => {
                let which = match query.need("which")? {
                    "all" => Which::All,
                    "idle" => Which::Idle,
                    "user" => Which::User(query.need("user")?),
                    _ => return Err(refusal("which is all, idle or user")),
                };
                return Ok(json!({ "closed": self.connections.close(which) }));
            }
            ("POST", "/mailbox/move") => {
                let seconds = query.need("seconds")?.parse().map_err(refusal)?;
                let to = query.get("front_end").map(str::parse).transpose().map_err(refusal)?;
                let new_ids = query.get("ids") != Some("keep");
                self.exchange.move_mailbox(query.need("user")?, seconds, new_ids, to).map_err(refusal)?;
            }
            ("POST", "/mailbox/moved") => self.exchange.finish_move(query.need("user")?).map_err(refusal)?,
            ("POST", "/clock") => {
                self.exchange.put_ahead(query.need("ahead")?.parse().map_err(refusal)?);
                self.exchange.settle_submissions();
            }
            ("POST", "/skew") => {
                self.skew.store(query.need("seconds")?.parse().map_err(refusal)?, Ordering::Relaxed);
            }
            ("POST", path @ ("/poison" | "/heal")) => {
                let mailbox = query.need("mailbox")?;
                let item = match query.get("item") {
                    Some(id) => id.to_owned(),
                    None => self.item_of(mailbox, query.need("message_id")?)?,
                };
                let poison = match (path, query.get("kind")) {
                    ("/heal", _) => None,
                    (_, Some("corrupt")) => Some(Poison::Corrupt),
                    (_, None | Some("mime")) => Some(Poison::Mime),
                    _ => return Err(refusal("kind is mime or corrupt")),
                };
                self.exchange.poison(mailbox, &Edit::ItemId(item), poison).map_err(refusal)?;
            }
            ("POST", "/ews-off") => {
                let status = query.need("status")?.parse().map_err(refusal)?;
                *self.ews_off.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
            }
            ("POST", "/ews-on") => *self.ews_off.lock().unwrap_or_else(PoisonError::into_inner) = None,
            ("POST", "/aqs") => self.exchange.set_indexed(query.need("on")? == "true"),
            ("GET", "/throttle") => return Ok(self.throttle.json()),
            ("POST", "/throttle/reset") => self.throttle.reset(),
            ("POST", "/throttle") => {
                let limits: super::throttle::Limits = changed(&self.throttle.limits(), &body)?;
                self.exchange.limit_subscriptions(limits.subscriptions);
                self.throttle.set(limits);
            }
            ("POST", "/quota") => {
                let bytes = query.need("bytes")?.parse().map_err(refusal)?;
                match query.get("mailbox") {
                    Some(mailbox) => self.exchange.set_mailbox_quota(mailbox, bytes).map_err(refusal)?,
                    None => self.exchange.set_quota(bytes),
                }
            }
            ("GET", "/fault") => return serde_json::to_value(self.faults.waiting()).map_err(refusal),
            ("POST", "/fault") => {
                let order: Order = serde_json::from_slice(&body).map_err(refusal)?;
                let open = self.stats.json()["streams"] != 0;
                if order.what == super::fault::Kind::StreamEnd && open {
                    self.stats.fault(order.what.name());
                }
                self.faults.order(order, open);
            }
            ("POST", "/fault/clear") => self.faults.clear(),
            ("GET", "/autodiscover") => return Ok(self.discovery()?.json()),
            ("POST", "/autodiscover") => self.discovery()?.order(query)?,
            ("POST", "/autodiscover/clear") => self.discovery()?.clear(),
            ("GET", "/idp") => return Ok(self.idp()?.json()),
            ("POST", "/idp") => self.idp()?.order(query)?,
            ("GET", "/dns") => return Ok(self.names()?.asked()),
            ("POST", "/dns") => names(self.names()?, query)?,
            _ => return Err(Refusal(StatusCode::NOT_FOUND, format!("there is no {method} {path}"))),
        }
        Ok(json!({ "ok": true }))
    }

    fn discovery(&self) -> Result<&Autodiscover, Refusal> {
        self.beside.autodiscover.as_ref().ok_or_else(|| refusal("there is no Autodiscover"))
    }

    fn idp(&self) -> Result<&Provider, Refusal> {
        let idp = self.beside.idp.as_ref().ok_or_else(|| refusal("there is no identity provider"))?;
        Ok(&idp.provider)
    }

    fn names(&self) -> Result<&Names, Refusal> {
        self.beside.names.as_deref().ok_or_else(|| refusal("there is no name server"))
    }

    /// `/front-end/N/kill` and `/front-end/N/start`
    fn front_end(self: &Arc<Self>, path: &str) -> Result<(), Refusal> {
        let mut words = path.split('/').skip(2);
        let number = words.next().and_then(|number| number.parse::<usize>().ok());
        let front_end = number.and_then(|number| self.front_ends.get(number));
        let front_end = front_end.ok_or_else(|| refusal("no such front end"))?;
        match words.next() {
            Some("kill") => wait(front_end.kill(self)),
            Some("start") => wait(front_end.start(self)).map_err(refusal)?,
            _ => return Err(refusal("a front end can be killed and started")),
        }
        Ok(())
    }

    /// The proxy that `number` means, or all.
    fn proxies(&self, query: &Form) -> Result<&[Arc<Proxy>], Refusal> {
        let Some(number) = query.get("number") else { return Ok(&self.proxies) };
        let number: usize = number.parse().map_err(refusal)?;
        self.proxies.get(number..=number).ok_or_else(|| refusal("no such proxy"))
    }

    /// The item id of the first message with that Message-ID.
    fn item_of(&self, mailbox: &str, message_id: &str) -> Result<String, Refusal> {
        let contents = self.exchange.contents(mailbox).map_err(refusal)?;
        let mut items =
            contents.as_object().into_iter().flat_map(|folders| folders.values()).filter_map(Value::as_array).flatten();
        let found = items.find(|item| item["message_id"] == message_id).and_then(|item| item["item_id"].as_str());
        found.map(str::to_owned).ok_or_else(|| refusal("no such message"))
    }
}

/// Records come and go, and so does trouble.
fn names(names: &Names, query: &Form) -> Result<(), Refusal> {
    if let Some(name) = query.get("remove") {
        names.remove(name);
    }
    if let Some(record) = query.get("record") {
        names.add(record.parse().map_err(|error: String| refusal(error))?);
    }
    match query.get("fault") {
        None => {}
        Some("none") => names.trouble(None),
        Some(word) => {
            let trouble = Trouble::named(word);
            names.trouble(Some(
                trouble.ok_or_else(|| refusal("fault is none, servfail, refused, silence or truncate"))?,
            ));
        }
    }
    Ok(())
}

/// The value with those fields changed that a JSON object names.
fn changed<T: Serialize + DeserializeOwned>(now: &T, changes: &[u8]) -> Result<T, Refusal> {
    let mut value = serde_json::to_value(now).map_err(refusal)?;
    let changes: serde_json::Map<String, Value> = serde_json::from_slice(changes).map_err(refusal)?;
    for (name, change) in changes {
        value[name] = change;
    }
    serde_json::from_value(value).map_err(refusal)
}

/// What control does runs on a thread that may wait.
fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(work)
}

struct Refusal(StatusCode, String);

impl From<String> for Refusal {
    fn from(error: String) -> Self {
        refusal(error)
    }
}

fn refusal(error: impl ToString) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, error.to_string())
}
