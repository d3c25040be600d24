//! One organisation's Exchange, as the gateway reaches it: where it is, and who signs in.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ews::autodiscover::{self, Found, ServerKind};
use ews::oauth::OAuth;
use ews::{
    Cause, Client, Egress, ErrorKind as Kind, FolderRef, Identity, Impersonation, Scheme, Schemes, Server,
    ServerConfig, Web, WebConfig,
};
use mailbox::{Error, ErrorKind, Trace};

use super::endpoints::Endpoints;
use super::place::Person;
use super::{Greeting, greet};
use crate::error::Result;
use crate::online::{EXCHANGE_ONLINE, is_online};
use crate::settings::{Discover, Organisation, Proof, Service, Way};

/// One organisation.
pub(super) struct Upstream {
    pub(super) organisation: Organisation,
    /// Everything that belongs to the organisation leaves by it.
    egress: Egress,
    /// For Autodiscover.
    web: Web,
    /// Where Autodiscover found mailboxes.
    endpoints: Endpoints,
    /// The servers that were needed so far, by their addresses.
    servers: Mutex<HashMap<Vec<String>, Arc<At>>>,
}

/// The servers at some addresses.
pub(super) struct At {
    server: Server,
    /// Where the gateway gets tokens for it.
    oauth: Option<OAuth>,
    /// The service account there: one client, whomever it acts for.
    service: Option<Client>,
}

/// A mailbox that was opened.
pub(super) struct Entered {
    /// Does the mailbox's work from now on.
    pub(super) client: Client,
    pub(super) greeting: Greeting,
    /// The ids of the other folders that were asked for, where they are open.
    pub(super) others: Vec<Option<String>>,
}

/// What is kept of a mailbox that was opened, to open it again while Exchange is away.
#[derive(Clone)]
pub(super) struct Memory {
    greeting: Greeting,
    /// The service account in its owner's place; an owner's own client is made anew, of what they sign in with.
    client: Option<Client>,
}

impl Upstream {
    /// Reads the certificates and what was found before, and checks the addresses; nobody is contacted.
    pub(super) fn new(organisation: Organisation, state: &Path) -> Result<Upstream> {
        let egress = Egress::new(organisation.egress.clone());
        let config = WebConfig {
            trust: organisation.trust.clone(),
            egress: egress.clone(),
            allow_http: match &organisation.way {
                Way::Discover(discover) => discover.allow_http,
                Way::Urls(_) => organisation.allow_http,
            },
            channel_binding: organisation.channel_binding,
            trace: organisation.trace.clone(),
            ..WebConfig::default()
        };
        let web = Web::new(config).map_err(|error| misconfigured(&organisation, &error))?;
        let endpoints = Endpoints::load(state, &organisation.name);
        let upstream = Upstream { organisation, egress, web, endpoints, servers: Mutex::default() };
        if let Way::Urls(urls) = &upstream.organisation.way {
            upstream.at(urls).map_err(|error| misconfigured(&upstream.organisation, &error))?;
        }
        Ok(upstream)
    }

    /// Who signs in with a password.
    pub(super) fn identity(&self, user: &str, password: ews::Secret) -> Identity {
        Identity::Password { user: user.to_owned(), password, schemes: self.schemes() }
    }

    /// True if nobody signs in with a password: the operator chose tokens, and no password is sent to Exchange then.
    pub(super) fn takes_no_passwords(&self) -> bool {
        matches!(self.organisation.proof, Proof::OAuth(_)) && !self.is_served()
    }

    /// True if a service account does the work.
    pub(super) fn is_served(&self) -> bool {
        self.organisation.service.is_some()
    }

    /// True if the gateway can open somebody's mailbox without them.
    pub(super) fn acts_alone(&self, person: &Person) -> bool {
        self.is_served() || self.has_grant(&person.name)
    }

    /// Opens a mailbox without its owner, who was let in before: it must be the one with this top, if one is given.
    ///
    /// # Errors
    /// What Exchange said, if that is why it cannot be done now.
    pub(super) async fn enter_alone(
        &self,
        person: &Person,
        top: Option<&str>,
    ) -> Result<(Identity, Entered), Option<ews::Error>> {
        let at = self.find_alone(person).await.ok_or(None)?;
        let entered = match self.enter_alone_at(&at, person, top).await {
            Err(Some(error)) if is_astray(&error) => match self.find_again_alone(person).await {
                Some(at) => self.enter_alone_at(&at, person, top).await,
                None => Err(Some(error)),
            },
            entered => entered,
        };
        match self.is_served() {
            true => entered.map_err(|error| error.map(|error| self.service_failed(&person.name, error))),
            false => entered,
        }
    }

    /// Where the mailbox of somebody who is not here has moved to.
    async fn find_again_alone(&self, person: &Person) -> Option<Arc<At>> {
        let identity = self.service_identity(self.organisation.service.as_ref()?, None)?;
        self.find_again(person, &identity).await
    }

    /// The same at these servers; else the last thing that was wrong, if anything but the mailbox was.
    async fn enter_alone_at(
        &self,
        at: &At,
        person: &Person,
        top: Option<&str>,
    ) -> Result<(Identity, Entered), Option<ews::Error>> {
        let mut clients: Vec<(Identity, Client)> = Vec::new();
        match (&at.service, self.organisation.service.as_ref(), &person.address) {
            (Some(service), Some(account), Some(name)) => {
                let identity = self.service_identity(account, at.oauth.as_ref()).ok_or(None)?;
                let whom = [Impersonation::PrimarySmtpAddress, Impersonation::PrincipalName];
                let client =
                    |whom: fn(String) -> Impersonation| service.impersonating(whom(name.clone())).with_anchor(name);
                clients.extend(whom.map(|whom| (identity.clone(), client(whom))));
            }
            (None, ..) if self.has_grant(&person.name) => {
                let identity = Identity::Tokens(Arc::new(at.oauth.as_ref().ok_or(None)?.tokens(&person.name)));
                clients.push((identity.clone(), at.server.client(identity)));
            }
            _ => {}
        }
        let mut last = None;
        for (identity, client) in clients {
            match greet(&client, Vec::new()).await {
                Ok((greeting, _)) if greeting.top().is_some() && (top.is_none() || greeting.top() == top) => {
                    return Ok((identity, Entered { client, greeting, others: Vec::new() }));
                }
                Ok(_) => tracing::warn!(user = person.name, "this is another mailbox than its owner has shown"),
                Err(error) => {
                    tracing::info!(user = person.name, %error, "a mailbox is not open without its owner");
                    // That a name is none of the second kind says less than what was wrong with it as one of the first.
                    let says_less =
                        error.code.as_ref().is_some_and(|code| code.as_str() == "ErrorInvalidUserPrincipalName");
                    last = last.filter(|_| says_less).or(Some(error));
                }
            }
        }
        Err(last)
    }

    /// The server of somebody who is not here. Autodiscover is asked by the service account, if there is one.
    async fn find_alone(&self, person: &Person) -> Option<Arc<At>> {
        let known = match &self.organisation.way {
            Way::Urls(urls) => return self.at(urls).ok(),
            Way::Discover(_) => self.endpoints.known(person.address.as_deref()?),
        };
        if let Some(url) = known {
            return self.at(&[url]).ok();
        }
        let identity = self.service_identity(self.organisation.service.as_ref()?, None)?;
        let found = self.find(person, &identity).await;
        found.inspect_err(|error| tracing::info!(user = person.name, %error, "a mailbox is not found")).ok()
    }

    /// Signs somebody in and opens their mailbox. It looks at `others` too.
    ///
    /// The error is of kind `SignIn` only if it is this identity that was refused.
    pub(super) async fn enter(
        &self,
        person: &Person,
        identity: &Identity,
        others: Vec<FolderRef>,
    ) -> Result<Entered, ews::Error> {
        let at = self.find(person, identity).await?;
        match self.enter_at(&at, person, identity, others.clone()).await {
            Err(error) if is_astray(&error) => match self.find_again(person, identity).await {
                Some(at) => self.enter_at(&at, person, identity, others).await,
                None => Err(error),
            },
            entered => entered,
        }
    }

    /// What is worth keeping of a mailbox that was opened.
    pub(super) fn memory(&self, entered: &Entered) -> Memory {
        let client = self.is_served().then(|| entered.client.clone());
        Memory { greeting: entered.greeting.clone(), client }
    }

    /// Opens a mailbox without Exchange; None if that is not away. To be called for whom Exchange let in before.
    pub(super) async fn enter_by_memory(
        &self,
        person: &Person,
        identity: &Identity,
        memory: Memory,
    ) -> Option<Entered> {
        let at = self.find(person, identity).await.ok()?;
        if !at.server.is_away() {
            return None;
        }
        let client = memory.client.unwrap_or_else(|| at.server.client(identity.clone()));
        Some(Entered { client, greeting: memory.greeting, others: Vec::new() })
    }

    async fn enter_at(
        &self,
        at: &At,
        person: &Person,
        identity: &Identity,
        others: Vec<FolderRef>,
    ) -> Result<Entered, ews::Error> {
        let own = at.server.client(identity.clone());
        let (greeting, others) = greet(&own, others).await?;
        if own.server_build().is_some_and(is_online) && !self.organisation.allow_exchange_online {
            let sentence = format!("this server is Exchange Online; {EXCHANGE_ONLINE}");
            return Err(local(Kind::Denied, sentence).because(Cause::ExchangeOnline));
        }
        match &at.service {
            None => {
                let client = self.lasting(at, person, &greeting).await.unwrap_or(own);
                Ok(Entered { client, greeting, others })
            }
            Some(service) => {
                let (client, greeting) = self.act(service, &own, person, &greeting).await?;
                Ok(Entered { client, greeting, others })
            }
        }
    }

    /// A client that outlives the token somebody came with: the gateway gets tokens for them itself, if they let it.
    async fn lasting(&self, at: &At, person: &Person, theirs: &Greeting) -> Option<Client> {
        if !self.has_grant(&person.name) {
            return None;
        }
        let tokens = at.oauth.as_ref()?.tokens(&person.name);
        let client = at.server.client(Identity::Tokens(Arc::new(tokens)));
        match greet(&client, Vec::new()).await {
            Ok((greeting, _)) if greeting.top().is_some() && greeting.top() == theirs.top() => Some(client),
            Ok(_) => None,
            Err(error) => {
                tracing::info!(user = person.name, %error, "the sign-in made by `exgate login` cannot be used");
                None
            }
        }
    }

    /// The service account in the place of somebody who is signed in. Whoever they say they are, the mailbox must be the
    /// one Exchange opens for them by themselves.
    async fn act(
        &self,
        service: &Client,
        own: &Client,
        person: &Person,
        theirs: &Greeting,
    ) -> Result<(Client, Greeting), ews::Error> {
        let mut last = None;
        let mut names = person.address.clone().map(|address| vec![address]).unwrap_or_default();
        let grouping = person.address.as_deref().and_then(|address| self.endpoints.grouping(address));
        let mut looked_up = false;
        while let Some(name) = names.pop() {
            for whom in [Impersonation::PrimarySmtpAddress(name.clone()), Impersonation::PrincipalName(name.clone())] {
                let client = service.impersonating(whom).with_anchor(&name);
                let client = grouping.iter().fold(client, |client, grouping| client.with_grouping(grouping));
                match greet(&client, Vec::new()).await {
                    Ok((greeting, _)) if greeting.top().is_some() && greeting.top() == theirs.top() => {
                        return Ok((client, greeting));
                    }
                    Ok(_) => tracing::warn!(name, user = person.name, "this is the address of another mailbox"),
                    Err(error) if is_unknown(&error) => last = Some(error),
                    Err(error) => return Err(self.service_failed(&name, error)),
                }
            }
            if names.is_empty() && !std::mem::replace(&mut looked_up, true) {
                names = addresses_of(own, &person.name).await;
                names.retain(|found| *found != name);
            }
        }
        let error = last.map(|error| self.service_failed(&person.name, error));
        Err(error.unwrap_or_else(|| {
            local(Kind::NotFound, format!("nobody knows the mail address of {}; sign in with it", person.name))
        }))
    }

    /// What stands in the way of the service account; never the user's password.
    fn service_failed(&self, mailbox: &str, error: ews::Error) -> ews::Error {
        let service = self.organisation.service.as_ref().map_or("", |service| &service.user);
        explain_service(service, mailbox, error)
    }

    /// The server of somebody: where it is known to be, or where Autodiscover says.
    async fn find(&self, person: &Person, identity: &Identity) -> Result<Arc<At>, ews::Error> {
        let discover = match &self.organisation.way {
            Way::Urls(urls) => return self.at(urls),
            Way::Discover(discover) => discover,
        };
        let address = person.address.as_deref().ok_or_else(|| {
            local(Kind::NotFound, format!("{} is no mail address, which Autodiscover needs", person.name))
        })?;
        if let Some(url) = self.endpoints.known(address) {
            return self.at(&[url]);
        }
        let found = self.discover(address, identity, discover).await?;
        self.endpoints.keep(address, &found.ews_url);
        self.at(&[found.ews_url])
    }

    /// Asks Autodiscover about somebody whose server fails, if that was not done within the hour. The server, if it is
    /// another one now.
    pub(super) async fn find_again(&self, person: &Person, identity: &Identity) -> Option<Arc<At>> {
        let (Way::Discover(discover), Some(address)) = (&self.organisation.way, person.address.as_deref()) else {
            return None;
        };
        let before = self.endpoints.stale(address, REFRESH)?;
        let found = match self.discover(address, identity, discover).await {
            Ok(found) => found,
            Err(error) => {
                tracing::info!(address, %error, "Autodiscover was asked again, and does not help");
                return None;
            }
        };
        self.endpoints.keep(address, &found.ews_url);
        if found.ews_url == before {
            return None;
        }
        tracing::warn!(address, from = before, to = found.ews_url, "the mailbox has another server now");
        self.at(&[found.ews_url]).ok()
    }

    async fn discover(&self, address: &str, identity: &Identity, discover: &Discover) -> Result<Found, ews::Error> {
        let request = autodiscover::Request {
            identity: Some(identity.clone()),
            prefer_internal: discover.prefer_internal,
            redirect_hosts: discover.hosts.clone(),
            allow_http: discover.allow_http,
            ..autodiscover::Request::new(address)
        };
        let (found, report) = autodiscover::discover(&self.web, &request).await;
        for tried in &report.tried {
            tracing::debug!(step = tried.step.as_str(), url = tried.url, outcome = tried.outcome, "Autodiscover");
        }
        let found = found.map_err(undiscovered)?;
        refuse_cloud(&self.organisation, address, &found)?;
        self.endpoints.group(address, found.grouping.clone());
        Ok(found)
    }

    /// All that Autodiscover tells of an address. Where it is not asked for servers, the one that is set is asked.
    pub(super) async fn settings_of(&self, address: &str, identity: &Identity) -> Option<Found> {
        let found = match &self.organisation.way {
            Way::Urls(urls) => {
                let own = self.organisation.autodiscover.clone();
                let url = own.or_else(|| autodiscover::beside(urls.first()?))?;
                autodiscover::ask_at(&self.web, &url, address, identity).await
            }
            Way::Discover(discover) => {
                let request = autodiscover::Request {
                    identity: Some(identity.clone()),
                    prefer_internal: discover.prefer_internal,
                    redirect_hosts: discover.hosts.clone(),
                    allow_http: discover.allow_http,
                    settings: true,
                    ..autodiscover::Request::new(address)
                };
                autodiscover::discover(&self.web, &request).await.0
            }
        };
        found.inspect_err(|error| tracing::info!(address, %error, "Autodiscover does not tell")).ok()
    }

    /// The servers at these addresses: one, however many ask.
    fn at(&self, urls: &[String]) -> Result<Arc<At>, ews::Error> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = servers.get(urls) {
            return Ok(Arc::clone(at));
        }
        let organisation = &self.organisation;
        let server = Server::new(ServerConfig {
            urls: urls.to_vec(),
            failover: organisation.failover,
            trust: organisation.trust.clone(),
            allow_http: organisation.allow_http
                || matches!(&organisation.way, Way::Discover(Discover { allow_http: true, .. })),
            egress: self.egress.clone(),
            channel_binding: organisation.channel_binding,
            limits: organisation.limits.clone(),
            trace: organisation.trace.clone(),
            command: || Trace::current().map(Trace::number),
        })?;
        let oauth = match (&organisation.proof, &organisation.store, urls.first()) {
            (Proof::OAuth(_), Some(_), Some(url)) => {
                Some(crate::tokens::oauth(organisation, url, self.egress.clone())?)
            }
            _ => None,
        };
        let service = organisation.service.as_ref().and_then(|service| self.service_identity(service, oauth.as_ref()));
        let service = service.map(|identity| server.client(identity));
        let at = Arc::new(At { server, oauth, service });
        servers.insert(urls.to_vec(), Arc::clone(&at));
        Ok(at)
    }

    fn service_identity(&self, service: &Service, oauth: Option<&OAuth>) -> Option<Identity> {
        let (user, schemes) = (service.user.clone(), self.schemes());
        match service.password.clone() {
            Some(password) => Some(Identity::Password { user, password, schemes }),
            None if schemes == Schemes::only(Scheme::Kerberos) => Some(Identity::Tickets { principal: Some(user) }),
            None => Some(Identity::Tokens(Arc::new(oauth?.tokens(&user)))),
        }
    }

    /// True if the gateway was given the right to get tokens for somebody (`exgate login`).
    fn has_grant(&self, user: &str) -> bool {
        let store = self.organisation.store.as_ref();
        matches!(self.organisation.proof, Proof::OAuth(_))
            && store.is_some_and(|store| store.load(user).is_ok_and(|found| found.is_some()))
    }

    fn schemes(&self) -> Schemes {
        match &self.organisation.proof {
            Proof::Password(schemes) => schemes.clone(),
            Proof::OAuth(_) => Schemes::auto(),
        }
    }
}

/// Refuses a mailbox that Autodiscover finds in Exchange Online.
///
/// # Errors
/// `Denied`, with the dates and what to do.
pub fn refuse_cloud(organisation: &Organisation, address: &str, found: &Found) -> Result<(), ews::Error> {
    if organisation.allow_exchange_online {
        return Ok(());
    }
    let sentence = match &found.kind {
        ServerKind::OnPremises => return Ok(()),
        ServerKind::HybridRemote { host } => format!(
            "the organisation's own Exchange says that the mailbox of {address} is in Exchange Online ({host}); {EXCHANGE_ONLINE}"
        ),
        ServerKind::Online => format!("the mailbox of {address} is in Exchange Online; {EXCHANGE_ONLINE}"),
    };
    Err(local(Kind::Denied, sentence).because(Cause::ExchangeOnline))
}

/// Autodiscover led nowhere. What is wrong with the password or with certificates stays that.
fn undiscovered(error: ews::Error) -> ews::Error {
    let cause = match (&error.kind, error.cause) {
        (Kind::SignIn, cause) => cause,
        (
            _,
            None
            | Some(
                Cause::NoSuchHost
                | Cause::Unreachable
                | Cause::NotAllowed
                | Cause::WebPage
                | Cause::Forbidden
                | Cause::BrokeOff,
            ),
        ) => Some(Cause::Undiscovered),
        (_, cause) => cause,
    };
    ews::Error { cause, ..error }
}

/// Says which part of a service account's work failed, and what the administrator can do.
#[must_use]
pub fn explain_service(service: &str, mailbox: &str, error: ews::Error) -> ews::Error {
    let code = error.code.as_ref().map_or("", |code| code.as_str());
    let (kind, cause, message) = match (code, &error.kind) {
        ("ErrorImpersonateUserDenied" | "ErrorImpersonationDenied", _) => (
            Kind::Denied,
            Some(Cause::ServiceAccount),
            format!(
                "{service} may not act for {mailbox} ({code}); give it the role ApplicationImpersonation \
                 (New-ManagementRoleAssignment -Role ApplicationImpersonation -User \"{service}\"), in a scope that \
                 holds this mailbox"
            ),
        ),
        (_, Kind::SignIn) => (
            Kind::Unavailable,
            Some(Cause::ServiceAccount),
            format!(
                "the service account {service} cannot sign in: {}; correct service.user and service.password",
                error.message
            ),
        ),
        _ => {
            let message = format!("the service account {service}, for {mailbox}: {}", error.message);
            (error.kind.clone(), error.cause, message)
        }
    };
    ews::Error { kind, cause, message, ..error }
}

/// True if somebody else than the mailbox's owner may be meant by the name.
fn is_unknown(error: &ews::Error) -> bool {
    matches!(error.code.as_ref().map(ews::ResponseCode::as_str), Some(code) if UNKNOWN.contains(&code))
}

/// True if the mailbox may be elsewhere by now.
pub(crate) fn is_astray(error: &ews::Error) -> bool {
    // While a mailbox is being moved, Autodiscover tells where it was, and its one answer for the hour would be wasted.
    let gone = matches!(error.cause, Some(Cause::MailboxElsewhere | Cause::NoSuchHost | Cause::Unreachable));
    gone || error.kind == Kind::Unavailable && error.code.is_none() && error.cause.is_none()
}

/// The mail addresses the directory has for a name somebody signs in with, the least likely first.
async fn addresses_of(own: &Client, name: &str) -> Vec<String> {
    use ews::op::resolve_names::{ResolveNames, SearchScope};
    let entry = super::place::person(name).to_owned();
    let asked = ResolveNames { entry, scope: SearchScope::ActiveDirectory, full: false };
    let Ok(resolutions) = own.call(&asked).await else { return Vec::new() };
    let mailboxes =
        resolutions.found.into_iter().filter(|found| found.kind.as_deref().is_none_or(|kind| kind == "Mailbox"));
    let mut addresses: Vec<String> = mailboxes
        .filter_map(|found| found.address.address)
        .filter(|address| address.contains('@'))
        .take(MOST_NAMES)
        .collect();
    addresses.reverse();
    addresses
}

fn local(kind: Kind, message: String) -> ews::Error {
    ews::Error::told(kind, message)
}

fn misconfigured(organisation: &Organisation, error: &ews::Error) -> Error {
    Error::new(ErrorKind::Internal, format!("exchange {}: {}", organisation.name, error.message))
}

/// EWS "ResponseCode": there is no such person, or not by this name.
const UNKNOWN: [&str; 5] = [
    "ErrorNonExistentMailbox",
    "ErrorNonPrimarySmtpAddress",
    "ErrorInvalidUserPrincipalName",
    "ErrorInvalidSmtpAddress",
    "ErrorMissingEmailAddress",
];
/// Autodiscover is not asked again about one mailbox within this time.
const REFRESH: Duration = Duration::from_secs(60 * 60);
const MOST_NAMES: usize = 5;
