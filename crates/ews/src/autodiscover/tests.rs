//! Autodiscover against servers that do as a table says.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::{ErrorKind, Secret, Service};

/// What is answered, by the beginning of a URL; to whom signs in, by `+` before it.
#[derive(Default)]
struct World {
    pages: HashMap<&'static str, Page>,
    services: Vec<Service>,
    /// What was asked, in order; with `+` before it if an identity went along.
    asked: Mutex<Vec<String>>,
}

#[derive(Clone)]
enum Page {
    Says(u16, &'static str, String),
    Refuses,
    Fails(Cause),
}

impl Network for World {
    async fn ask(&self, ask: Ask<'_>) -> Result<Told, Error> {
        let url = ask.url.split('?').next().unwrap();
        let asked = format!("{}{url}", if ask.identity.is_some() { "+" } else { "" });
        self.asked.lock().unwrap().push(asked.clone());
        tokio::task::yield_now().await;
        match self.pages.get(asked.as_str()) {
            Some(Page::Says(status, header, body)) => {
                let mut headers = HeaderMap::new();
                if let Some((name, value)) = header.split_once(": ") {
                    let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                    headers.insert(name, HeaderValue::from_str(value).unwrap());
                }
                Ok(Told { status: *status, headers, body: Bytes::from(body.clone()) })
            }
            Some(Page::Refuses) => {
                Err(Error::new(ErrorKind::SignIn, "Exchange refused the user name or password")
                    .because(Cause::Password))
            }
            Some(Page::Fails(cause)) => Err(Error::unavailable("no way there").because(*cause)),
            None => Err(Error::unavailable("nobody knows that name").because(Cause::NoSuchHost)),
        }
    }

    async fn services(&self, domain: &str) -> Result<Vec<Service>, Error> {
        self.asked.lock().unwrap().push(format!("SRV {domain}"));
        Ok(self.services.clone())
    }
}

impl World {
    fn new<const N: usize>(pages: [(&'static str, Page); N]) -> World {
        World { pages: HashMap::from(pages), ..World::default() }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    async fn find(&self, change: impl FnOnce(&mut Request)) -> (Result<Found, Error>, Report) {
        let mut request = Request::new("anna@corp.example");
        request.identity = Some(Identity::basic("CORP\\anna", Secret::new("sesame")));
        change(&mut request);
        let (found, report) = discover_over(self, &request).await;
        for asked in self.asked() {
            assert!(!asked.starts_with("+http://"), "credentials in clear: {asked}");
        }
        let told = format!("{found:?} {report:?}");
        assert!(!told.contains("sesame"), "{told}");
        (found, report)
    }
}

fn says(status: u16, body: impl Into<String>) -> Page {
    Page::Says(status, "", body.into())
}

fn asks() -> Page {
    Page::Says(401, "www-authenticate: NTLM", String::new())
}

fn leads(to: &'static str) -> Page {
    Page::Says(302, to, String::new())
}

fn json(url: &str) -> Page {
    says(200, format!("{{\"Protocol\":\"EWS\",\"Url\":\"{url}\"}}"))
}

fn soap_user(inside: &str) -> Page {
    let response = "<Envelope><Body><GetUserSettingsResponseMessage><Response><UserResponses><UserResponse>";
    let end = "</UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></Body></Envelope>";
    says(200, format!("{response}{inside}{end}"))
}

fn soap_urls(external: &str, internal: &str) -> Page {
    let setting =
        |name: &str, value: &str| format!("<UserSetting><Name>{name}</Name><Value>{value}</Value></UserSetting>");
    let urls = setting("ExternalEwsUrl", external) + &setting("InternalEwsUrl", internal);
    let more = setting("EwsSupportedSchemas", "Exchange2010") + &setting("GroupingInformation", "site-a");
    soap_user(&format!("<ErrorCode>NoError</ErrorCode><UserSettings>{urls}{more}</UserSettings>"))
}

fn pox_account(inside: &str) -> Page {
    says(200, format!("<Autodiscover><Response><Account>{inside}</Account></Response></Autodiscover>"))
}

fn pox_url(url: &str) -> Page {
    pox_account(&format!("<Action>settings</Action><Protocol><Type>EXPR</Type><EwsUrl>{url}</EwsUrl></Protocol>"))
}

const MAIL: &str = "https://mail.corp.example/EWS/Exchange.asmx";
const V2_DOMAIN: &str = "https://corp.example/autodiscover/autodiscover.json";
const V2: &str = "https://autodiscover.corp.example/autodiscover/autodiscover.json";
const SOAP: &str = "https://autodiscover.corp.example/autodiscover/autodiscover.svc";
const SOAP_IN: &str = "+https://autodiscover.corp.example/autodiscover/autodiscover.svc";
const POX: &str = "https://autodiscover.corp.example/autodiscover/autodiscover.xml";
const POX_IN: &str = "+https://autodiscover.corp.example/autodiscover/autodiscover.xml";
const PLAIN: &str = "http://autodiscover.corp.example/autodiscover/autodiscover.xml";
const FAR_V2: &str = "https://ex.hoster.example/autodiscover/autodiscover.json";
const FAR_SOAP: &str = "https://ex.hoster.example/autodiscover/autodiscover.svc";
const FAR_SOAP_IN: &str = "+https://ex.hoster.example/autodiscover/autodiscover.svc";
const FAR_POX: &str = "https://ex.hoster.example/Autodiscover/Autodiscover.xml";

fn hoster(request: &mut Request) {
    request.redirect_hosts = vec!["*.hoster.example".to_owned()];
}

#[tokio::test]
async fn each_step_alone_is_enough() {
    let far = Service { priority: 0, weight: 1, port: 443, host: "ex.hoster.example.".to_owned() };
    let record = |host: &str, port| Service { port, host: host.to_owned(), ..far.clone() };
    let mut srv = World::new([(FAR_SOAP, asks()), (FAR_SOAP_IN, soap_urls(MAIL, "")), (FAR_V2, says(404, ""))]);
    srv.services = vec![record("other.example", 443), record("ex.hoster.example", 8443), far.clone()];
    let plain = leads("location: https://ex.hoster.example/Autodiscover/Autodiscover.xml");
    let table = [
        (World::new([(V2_DOMAIN, json(MAIL))]), Step::V2),
        (World::new([(V2, json(MAIL))]), Step::V2),
        (World::new([(V2, says(404, "")), (SOAP, asks()), (SOAP_IN, soap_urls(MAIL, ""))]), Step::Soap),
        (World::new([(V2, asks()), (SOAP, says(404, "")), (POX, asks()), (POX_IN, pox_url(MAIL))]), Step::Pox),
        (
            World::new([(PLAIN, plain), (FAR_V2, says(404, "")), (FAR_POX, pox_url(MAIL)), (FAR_SOAP, says(405, ""))]),
            Step::Pox,
        ),
        (srv, Step::Soap),
    ];
    for (world, step) in table {
        let (found, report) = world.find(hoster).await;
        let found = found.unwrap_or_else(|error| panic!("{step}: {error}\n{report:?}"));
        assert_eq!((found.ews_url.as_str(), found.step, found.kind), (MAIL, step, ServerKind::OnPremises));
        assert!(report.tried.iter().any(|tried| tried.worked && tried.outcome == format!("names {MAIL}")));
    }
}

#[tokio::test]
async fn the_order_is_that_of_the_standard() {
    let world = World::new([]);
    let (found, report) = world.find(|_| {}).await;
    let error = found.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(
        error.message,
        "Autodiscover found no Exchange for anna@corp.example: https://corp.example/autodiscover/autodiscover.json cannot be \
         asked: nobody knows that name; give the url of Exchange to do without Autodiscover"
    );
    // A host whose name nobody knows is asked once.
    assert_eq!(world.asked(), [V2_DOMAIN, V2, PLAIN, "SRV corp.example"]);
    assert_eq!(report.tried.len(), 4);
}

#[tokio::test]
async fn nothing_that_real_servers_answer_stops_the_search() {
    let pages = [
        says(200, "<!DOCTYPE html><html><body>Welcome</body></html>"),
        says(200, "<html><body>"),
        says(200, ""),
        says(200, "\u{0}\u{1}\u{2}"),
        says(200, "{}"),
        says(200, "<Autodiscover><Response>"),
        says(200, "<?xml version=\"1.0\"?><Autodiscover><Account/></Autodiscover>"),
        says(400, "Bad Request"),
        says(403, ""),
        says(404, ""),
        says(405, ""),
        says(500, "<Fault/>"),
        says(503, ""),
        says(302, ""),
        leads("location: "),
        leads("location: https://www.corp.example/"),
        leads("location: http://corp.example/"),
        leads("location: javascript:alert(1)"),
        leads("location: https://corp.example/autodiscover/autodiscover.svc"),
        Page::Fails(Cause::CertificateName),
        Page::Fails(Cause::Unreachable),
        says(200, "{\"ErrorCode\":\"UserNotFound\"}"),
    ];
    for (number, page) in pages.into_iter().enumerate() {
        let world = World::new([
            (V2_DOMAIN, page.clone()),
            ("https://corp.example/autodiscover/autodiscover.svc", page.clone()),
            ("https://corp.example/autodiscover/autodiscover.xml", page.clone()),
            (V2, page.clone()),
            (SOAP, page.clone()),
            (POX, asks()),
            (POX_IN, pox_url(MAIL)),
        ]);
        let (found, report) = world.find(|_| {}).await;
        let unreached = matches!(page, Page::Fails(_));
        assert_eq!(found.is_ok(), !unreached, "page {number}: {found:?} {report:?}");
        // One host that is out of order does not keep the other from being found.
        let world = World::new([(V2_DOMAIN, page.clone()), (V2, json(MAIL))]);
        assert!(world.find(|_| {}).await.0.is_ok(), "page {number}");
    }
}

#[tokio::test]
async fn credentials_go_to_named_hosts_only() {
    // A redirect over plain http, a redirect over https and a DNS record, each to a host nobody named.
    let far = Service { priority: 0, weight: 1, port: 443, host: "ex.hoster.example".to_owned() };
    let far_pages = [(FAR_V2, says(404, "")), (FAR_SOAP, asks()), (FAR_SOAP_IN, soap_urls(MAIL, ""))];
    let mut by_record = World::new(far_pages.clone());
    by_record.services = vec![far];
    let mut by_http = World::new(far_pages.clone());
    by_http.pages.insert(PLAIN, leads("location: https://ex.hoster.example/Autodiscover/Autodiscover.xml"));
    let mut by_https = World::new(far_pages);
    by_https.pages.insert(SOAP, leads("location: https://ex.hoster.example/autodiscover/autodiscover.svc"));
    by_https.pages.insert(V2, says(404, ""));
    for world in [by_record, by_http, by_https] {
        let (found, _) = world.find(|_| {}).await;
        let error = found.unwrap_err();
        assert_eq!((error.kind, error.cause), (ErrorKind::Denied, Some(Cause::NotAllowed)));
        assert!(
            error.message.contains("ex.hoster.example, which autodiscover.hosts does not name"),
            "{}",
            error.message
        );
        assert!(!world.asked().iter().any(|asked| asked.contains("hoster")), "{:?}", world.asked());
        world.asked.lock().unwrap().clear();
        assert_eq!(world.find(hoster).await.0.unwrap().ews_url, MAIL);
    }
}

#[tokio::test]
async fn no_label_is_ever_stripped() {
    let world = World::new([]);
    let (_, _) = world.find(|request| request.address = "anna@mail.corp.example".to_owned()).await;
    for asked in world.asked() {
        assert!(asked.contains("mail.corp.example"), "{asked}");
    }
}

#[tokio::test]
async fn credentials_are_shown_after_a_challenge_and_never_in_clear() {
    let world = World::new([
        (PLAIN, asks()),
        (V2, says(404, "")),
        (SOAP, leads("location: http://autodiscover.corp.example/autodiscover/autodiscover.svc")),
        ("http://autodiscover.corp.example/autodiscover/autodiscover.svc", asks()),
        (POX, asks()),
        (POX_IN, pox_url(MAIL)),
    ]);
    world.find(|request| request.allow_http = true).await.0.unwrap();
    let asked = world.asked();
    let signed_in: Vec<_> = asked.iter().filter(|asked| asked.starts_with('+')).collect();
    assert_eq!(signed_in, [POX_IN]);
    let (before, after) = (asked.iter().position(|asked| asked == POX), asked.iter().position(|asked| asked == POX_IN));
    assert!(before < after, "{asked:?}");
}

#[tokio::test]
async fn a_refused_sign_in_is_not_repeated_until_the_account_is_locked() {
    let mut world =
        World::new([(SOAP, asks()), (SOAP_IN, Page::Refuses), (POX, asks()), (V2, says(404, "")), (PLAIN, asks())]);
    world.pages.insert("https://corp.example/autodiscover/autodiscover.json", says(404, ""));
    world.pages.insert("https://corp.example/autodiscover/autodiscover.svc", asks());
    world.pages.insert("https://corp.example/autodiscover/autodiscover.xml", asks());
    world.pages.insert("+https://corp.example/autodiscover/autodiscover.svc", Page::Refuses);
    world.pages.insert("+https://corp.example/autodiscover/autodiscover.xml", Page::Refuses);
    let (found, _) = world.find(|_| {}).await;
    let error = found.unwrap_err();
    assert_eq!((error.kind, error.cause), (ErrorKind::SignIn, Some(Cause::Password)));
    let signed_in = world.asked().iter().filter(|asked| asked.starts_with('+')).count();
    assert_eq!(signed_in, MOST_REFUSALS as usize, "once at each host");
    // Without an identity, what is missing is said.
    let error = world.find(|request| request.identity = None).await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::SignIn);
    assert!(error.message.contains("asks for a sign-in (NTLM), and none is given"), "{}", error.message);
}

#[tokio::test]
async fn the_cloud_is_told_from_servers_of_ones_own() {
    let cloud = "https://outlook.office365.com/EWS/Exchange.asmx";
    let hybrid = ServerKind::HybridRemote { host: "outlook.office365.com".to_owned() };
    let soap = |page| World::new([(V2, says(404, "")), (SOAP, asks()), (SOAP_IN, page)]);
    let moved = "<ErrorCode>RedirectAddress</ErrorCode><RedirectTarget>anna@corp.mail.onmicrosoft.com</RedirectTarget>";
    let far = "https://autodiscover-s.outlook.com/autodiscover/autodiscover.svc";
    let to_far = leads("location: https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml");
    let far_in = "+https://autodiscover-s.outlook.com/autodiscover/autodiscover.svc";
    let far_v2 = "https://autodiscover-s.outlook.com/autodiscover/autodiscover.json";
    let online =
        World::new([(PLAIN, to_far.clone()), (far_v2, says(404, "")), (far, asks()), (far_in, soap_urls(cloud, ""))]);
    let pox = "<Action>redirectAddr</Action><RedirectAddr>anna@corp.mail.onmicrosoft.com</RedirectAddr>";
    let table = [
        (soap(soap_user(moved)), hybrid.clone()),
        (soap(soap_urls(cloud, "")), hybrid.clone()),
        (World::new([(V2, says(404, "")), (SOAP, says(404, "")), (POX, pox_account(pox))]), hybrid.clone()),
        (World::new([(V2_DOMAIN, json(cloud))]), hybrid.clone()),
        (online, ServerKind::Online),
        (World::new([(PLAIN, to_far), (far_v2, json(cloud))]), ServerKind::Online),
    ];
    for (world, kind) in table {
        let (found, report) = world.find(|_| {}).await;
        let found = found.unwrap_or_else(|error| panic!("{error} {report:?}"));
        assert_eq!((found.kind, found.ews_url.as_str()), (kind, cloud), "{report:?}");
        assert!(world.asked().len() < 10, "no login loop");
    }
}

#[tokio::test]
async fn circles_and_endless_redirects_end() {
    let address = |address: &str| {
        soap_user(&format!("<ErrorCode>RedirectAddress</ErrorCode><RedirectTarget>{address}</RedirectTarget>"))
    };
    // To the address itself, and by way of another domain and back.
    let itself = World::new([(V2, says(404, "")), (SOAP, address("anna@corp.example"))]);
    let error = itself.find(|_| {}).await.0.unwrap_err();
    assert!(error.message.contains("goes in a circle"), "{}", error.message);
    let there = "https://autodiscover.two.example/autodiscover/autodiscover.svc";
    let there_v2 = "https://autodiscover.two.example/autodiscover/autodiscover.json";
    let pair = World::new([
        (V2, says(404, "")),
        (SOAP, address("anna@two.example")),
        (there_v2, says(404, "")),
        (there, address("Anna@corp.example")),
    ]);
    let (found, report) = pair.find(|_| {}).await;
    assert!(found.is_err() && report.tried.len() < 20, "{report:?}");
    // Of two pages that lead to each other.
    let page = leads("location: https://autodiscover.corp.example/b");
    let circle = World::new([(V2, says(404, "")), (SOAP, page.clone()), ("https://autodiscover.corp.example/b", page)]);
    let (found, report) = circle.find(|_| {}).await;
    assert!(found.is_err() && report.tried.iter().any(|tried| tried.outcome.contains("in a circle")), "{report:?}");
    // A chain without an end.
    let mut chain = World::new([(V2, says(404, ""))]);
    let name = |n: usize| &*Box::leak(format!("https://autodiscover.corp.example/{n}").into_boxed_str());
    let to = |n: usize| leads(Box::leak(format!("location: /{n}").into_boxed_str()));
    chain.pages.insert(SOAP, to(0));
    (0..50).for_each(|n| drop(chain.pages.insert(name(n), to(n + 1))));
    let (found, report) = chain.find(|_| {}).await;
    assert!(found.is_err() && report.tried.iter().any(|tried| tried.outcome.contains("after 10 times")), "{report:?}");
}

#[tokio::test]
async fn another_domain_gets_no_credentials_by_being_named() {
    let there = "https://autodiscover.two.example/autodiscover/autodiscover.svc";
    let there_in = "+https://autodiscover.two.example/autodiscover/autodiscover.svc";
    let there_v2 = "https://autodiscover.two.example/autodiscover/autodiscover.json";
    let moved = "<ErrorCode>RedirectAddress</ErrorCode><RedirectTarget>anna@two.example</RedirectTarget>";
    let mut world = World::new([
        (V2, says(404, "")),
        (SOAP, asks()),
        (SOAP_IN, soap_user(moved)),
        (there_v2, says(404, "")),
        (there, asks()),
        (there_in, soap_urls(MAIL, "")),
    ]);
    let error = world.find(|_| {}).await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(!world.asked().contains(&there_in.to_owned()));
    let found =
        world.find(|request| request.redirect_hosts = vec!["autodiscover.two.example".to_owned()]).await.0.unwrap();
    assert_eq!(found.primary_address.as_deref(), Some("anna@two.example"));
    // What needs no sign-in is asked all the same.
    world.pages.insert(there_v2, json(MAIL));
    assert_eq!(world.find(|_| {}).await.0.unwrap().ews_url, MAIL);
}

#[tokio::test]
async fn the_wished_url_is_taken_if_it_is_safe() {
    let inside = "https://in.corp.example/EWS/Exchange.asmx";
    let world = |external: &str, internal: &str| {
        World::new([(V2, json(MAIL)), (SOAP, asks()), (SOAP_IN, soap_urls(external, internal))])
    };
    let found = world(MAIL, inside).find(|request| request.prefer_internal = true).await.0.unwrap();
    assert_eq!((found.ews_url.as_str(), found.other_url.as_deref()), (inside, Some(MAIL)));
    assert_eq!((found.schemas, found.grouping.as_deref()), (vec!["Exchange2010".to_owned()], Some("site-a")));
    // The URL is known, and what else there is to know is asked for.
    let found = world(MAIL, inside).find(|request| request.settings = true).await.0.unwrap();
    assert_eq!((found.ews_url.as_str(), found.grouping.is_some(), found.step), (MAIL, true, Step::Soap));
    let silent = World::new([(V2, json(MAIL)), (SOAP, says(404, ""))]);
    let found = silent.find(|request| request.settings = true).await.0.unwrap();
    assert_eq!((found.ews_url.as_str(), found.step), (MAIL, Step::V2), "what was told without a sign-in");
    // Plain http counts only where it is allowed.
    let plain = "http://in.corp.example/EWS/Exchange.asmx";
    let found = world(MAIL, plain).find(|request| request.prefer_internal = true).await.0.unwrap();
    assert_eq!(found.ews_url, MAIL);
    let only = || World::new([(V2, says(404, "")), (SOAP, asks()), (SOAP_IN, soap_urls("", plain))]);
    let error = only().find(|_| {}).await.0.unwrap_err();
    assert!(error.message.contains("which is not https"), "{}", error.message);
    assert_eq!(only().find(|request| request.allow_http = true).await.0.unwrap().ews_url, plain);
}

#[tokio::test]
async fn what_is_no_address_is_not_searched_for() {
    for address in ["anna", "anna@", "anna@cor_p.example", "anna@bücher.example", "anna@a..b", "CORP\\anna", ""] {
        let world = World::new([]);
        let (found, report) = world.find(|request| request.address = address.to_owned()).await;
        assert_eq!(found.unwrap_err().kind, ErrorKind::Local, "{address}");
        assert!(report.tried.is_empty() && world.asked().is_empty());
    }
}

#[tokio::test]
async fn the_report_reads_like_a_story() {
    let world = World::new([
        (V2_DOMAIN, Page::Fails(Cause::CertificateName)),
        (V2, says(404, "")),
        (SOAP, asks()),
        (SOAP_IN, soap_urls(MAIL, "")),
    ]);
    let (_, report) = world.find(|_| {}).await;
    let lines: Vec<String> = report.tried.iter().map(|tried| format!("{} {}", tried.step, tried.outcome)).collect();
    assert_eq!(
        lines,
        [
            "v2 JSON cannot be asked: no way there",
            "v2 JSON answers 404",
            "SOAP asks for a sign-in (NTLM)",
            "SOAP names https://mail.corp.example/EWS/Exchange.asmx",
        ]
    );
}
