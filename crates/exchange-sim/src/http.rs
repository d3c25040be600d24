//! The simulated server on the network: EWS over HTTP/1.1 and HTTPS, and a control interface for tests.
//!
//! Sign-in, headers, faults, counting and recording happen here; what an operation means is [`Exchange`]'s business.

mod auth;
mod autodiscover;
mod body;
mod connection;
mod control;
mod endpoint;
mod fault;
mod flow;
mod front_end;
mod idp;
mod photo;
mod record;
mod services;
mod settings;
mod stats;
mod throttle;
mod tls;

use std::{
    fmt, io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, atomic::AtomicI64},
    time::Duration,
};

use http::StatusCode;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::{
    Exchange, Limits, Version,
    ntlm::Names,
    preset,
    proxy::{self, Proxy},
};

use connection::{Connection, Connections, Way};
use front_end::{Door, FrontEnd, Presence};
use tls::Secure;

pub use settings::{ExtendedProtection, Scheme, SignIn, TlsRules, TlsVersion};

pub use services::Services;
pub use throttle::Policy;

/// Binds every listener of `settings`, gives each user a mailbox, and serves until the result is dropped.
///
/// # Errors
/// A sentence for the operator when an address cannot be bound, or a certificate or the record directory is unusable.
pub async fn serve(exchange: Exchange, settings: Settings) -> Result<Running, String> {
    let acceptor =
        settings.tls.as_ref().map(|tls| tls::acceptor(&tls.certificate, &tls.key, &settings.tls_rules)).transpose()?;
    let mut wanted = vec![vec![(settings.listen, None)]];
    if let (Some(tls), Some(first)) = (&settings.tls, wanted.first_mut()) {
        first.push((tls.listen, acceptor.clone()));
    }
    for way_in in &settings.front_ends {
        if way_in.tls && acceptor.is_none() {
            return Err(format!("the front end {} needs a certificate and a key", way_in.listen));
        }
        wanted.push(vec![(way_in.listen, acceptor.clone().filter(|_| way_in.tls))]);
    }
    let (mut front_ends, mut bound) = (Vec::new(), Vec::new());
    for (number, doors) in wanted.into_iter().enumerate() {
        let (mut places, mut listeners) = (Vec::new(), Vec::new());
        for (address, tls) in doors {
            let (address, listener) = bind(address).await?;
            places.push(Door { address, tls });
            listeners.push(listener);
        }
        bound.push((places.iter().map(|door| door.address).collect::<Vec<_>>(), listeners));
        front_ends.push(Arc::new(FrontEnd::new(number, places)));
    }
    let waiting = settings.services.bind(&settings.tls_rules).await?;
    let ews =
        bound.first().and_then(|(places, _)| places.last()).map(|place| services::ews(*place, acceptor.is_some()));
    let beside = settings.services.beside(exchange.options().version, &ews.unwrap_or_default(), &waiting)?;
    let mut proxies = Vec::new();
    for wanted in &settings.proxies {
        proxies.push(Proxy::open(wanted.clone()).await?);
    }
    let server = Server::new(exchange, &settings, front_ends, beside, proxies)?;
    let mut addresses = Vec::new();
    for (front_end, (places, listeners)) in server.front_ends.iter().zip(bound) {
        front_end.open(listeners, &server);
        addresses.push(places);
    }
    let mut tasks = JoinSet::new();
    let (services, more_doors) = settings.services.open(waiting, &server, &mut tasks).await?;
    tasks.spawn(keep_time(server.exchange.clone()));
    let control = match settings.control {
        None => None,
        Some(address) => {
            let (address, listener) = bind(address).await?;
            tasks.spawn(control::accept(listener, server.clone()));
            Some(address)
        }
    };
    let mut addresses = addresses.into_iter();
    let first = addresses.next().unwrap_or_default();
    let ews = first.first().copied().unwrap_or(settings.listen);
    let front_ends = addresses.flatten().zip(settings.front_ends.iter().map(|way_in| way_in.tls)).collect();
    Ok(Running {
        ews,
        ews_tls: first.get(1).copied(),
        front_ends,
        proxies: server.proxies.iter().map(|proxy| proxy.url()).collect(),
        control,
        services,
        _tasks: tasks,
        _doors: Doors(server, more_doors),
    })
}

/// Where and for whom to serve.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address of the plain HTTP listener; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The HTTPS listener.
    pub tls: Option<Tls>,
    /// What every HTTPS listener asks of its clients.
    pub tls_rules: TlsRules,
    /// More front ends to the same mailboxes.
    pub front_ends: Vec<WayIn>,
    /// What stands beside EWS.
    pub services: Services,
    /// Forward proxies on the way to it.
    pub proxies: Vec<proxy::Settings>,
    /// Address of the control interface.
    pub control: Option<SocketAddr>,
    /// Who may sign in; everyone gets a mailbox.
    pub users: Vec<User>,
    /// Who may sign in and has no mailbox, as service accounts may be.
    pub accounts: Vec<User>,
    /// Addresses of mailboxes nobody signs in for.
    pub shared: Vec<String>,
    /// Who may act as whom.
    pub impersonators: Vec<Impersonator>,
    /// Requests that act as somebody else are lost without `X-AnchorMailbox`.
    pub require_anchor: bool,
    /// Subscriptions are known only to the server they were made on; see [`Exchange::set_affinity`].
    pub affinity: bool,
    /// What an account may have in flight.
    pub throttle: Policy,
    /// Mailboxes on servers of older versions; [`Exchange::set_mailbox_version`].
    pub mailbox_versions: Vec<(String, Version)>,
    /// Whether searches may use query strings.
    pub indexed: bool,
    /// The HTTP status of everything that is asked of EWS, if it is switched off: 403 or 404.
    pub ews_off: Option<u16>,
    /// Whose mailbox has an archive.
    pub archives: Vec<String>,
    /// Whether there are public folders.
    pub public_folders: PublicFolders,
    /// Mailboxes that others may open as their own.
    pub full_access: Vec<FullAccess>,
    /// Tokens that sign in too; with any, the server offers Bearer beside the other schemes.
    pub tokens: Vec<Token>,
    /// How people sign in.
    pub sign_in: SignIn,
    /// Waited before each answer.
    pub latency: Duration,
    /// Directory for the bodies of requests and answers.
    pub record: Option<PathBuf>,
    /// Longest request body in bytes.
    pub max_request: usize,
    /// What a longer one is answered with.
    pub over_length: OverLength,
    /// The limits of submission.
    pub submission: Limits,
    /// Other addresses of mailboxes: the mailbox, and the address.
    pub aliases: Vec<(String, String)>,
    /// Distribution lists: the address, and the members.
    pub lists: Vec<(String, Vec<String>)>,
    /// Who may send as whom: the user, and the mailbox or list.
    pub send_as: Vec<(String, String)>,
    /// Who may send on whose behalf.
    pub send_on_behalf: Vec<(String, String)>,
}

impl Settings {
    /// Plain HTTP and the control interface on free ports of the loopback interface.
    pub fn loopback(users: Vec<User>) -> Self {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen: anywhere,
            tls: None,
            tls_rules: TlsRules::default(),
            front_ends: Vec::new(),
            services: Services::default(),
            proxies: Vec::new(),
            control: Some(anywhere),
            users,
            accounts: Vec::new(),
            shared: Vec::new(),
            impersonators: Vec::new(),
            require_anchor: false,
            affinity: false,
            throttle: Policy::Off,
            mailbox_versions: Vec::new(),
            indexed: true,
            ews_off: None,
            archives: Vec::new(),
            public_folders: PublicFolders::None,
            full_access: Vec::new(),
            tokens: Vec::new(),
            sign_in: SignIn::default(),
            latency: Duration::ZERO,
            record: None,
            max_request: MAX_REQUEST,
            over_length: OverLength::default(),
            submission: Limits::default(),
            aliases: Vec::new(),
            lists: Vec::new(),
            send_as: Vec::new(),
            send_on_behalf: Vec::new(),
        }
    }
}

impl Settings {
    /// Addresses, lists and rights that mail goes by.
    fn correspondence(&self, exchange: &Exchange) -> Result<(), String> {
        for (mailbox, alias) in &self.aliases {
            exchange.add_alias(mailbox, alias)?;
        }
        for (address, members) in &self.lists {
            exchange.add_list(address, &title(address), members.clone());
        }
        for (user, mailbox) in &self.send_as {
            exchange.grant_send_as(mailbox, user)?;
        }
        for (user, mailbox) in &self.send_on_behalf {
            exchange.grant_send_on_behalf(mailbox, user)?;
        }
        exchange.limit_submission(self.submission.clone());
        Ok(())
    }
}

/// What a request is answered with that is longer than the server takes: whoever of those in front of EWS looks first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverLength {
    /// 413 of the web service.
    #[default]
    PayloadTooLarge,
    /// 400 of ASP.NET, which says nothing else.
    BadRequest,
    /// 404 of IIS's request filtering (404.13 in its log).
    NotFound,
}

impl OverLength {
    fn status(self) -> StatusCode {
        match self {
            OverLength::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            OverLength::BadRequest => StatusCode::BAD_REQUEST,
            OverLength::NotFound => StatusCode::NOT_FOUND,
        }
    }
}

/// An HTTPS listener.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Its address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// PEM file of the certificate chain.
    pub certificate: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
}

/// The listener of one more front end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WayIn {
    /// Its address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether it speaks TLS, with the certificate of [`Tls`].
    pub tls: bool,
}

/// Someone who may sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// SMTP address of the mailbox.
    pub address: String,
    /// Name shown to others.
    pub name: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({} <secret>)", self.address)
    }
}

/// The role ApplicationImpersonation; see [`Exchange::allow_impersonation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impersonator {
    /// The account that has it.
    pub account: String,
    /// A domain, a distribution list or an address; nothing is everybody.
    pub scope: Option<String>,
}

/// Whether there are public folders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PublicFolders {
    /// There are none.
    #[default]
    None,
    /// A few, wherever a request is sent.
    Anywhere,
    /// A few, and requests must be sent to the right mailbox, as of 2013.
    Routed,
}

/// The permission FullAccess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullAccess {
    /// Who has it.
    pub user: String,
    /// On which mailbox.
    pub mailbox: String,
}

/// An access token.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// SMTP address of the mailbox it is for.
    pub address: String,
    /// What `Authorization: Bearer` shows.
    pub token: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} <secret>)", self.address)
    }
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Running {
    /// Where EWS is served over HTTP.
    pub ews: SocketAddr,
    /// Where EWS is served over HTTPS.
    pub ews_tls: Option<SocketAddr>,
    /// Where the further front ends are, and whether they speak TLS.
    pub front_ends: Vec<(SocketAddr, bool)>,
    /// The URLs of the proxies.
    pub proxies: Vec<String>,
    /// Where the control interface is.
    pub control: Option<SocketAddr>,
    /// The services beside EWS, by the names they are announced with: their URLs, or addresses.
    pub services: Vec<(&'static str, String)>,
    _tasks: JoinSet<()>,
    _doors: Doors,
}

/// Closes the front ends when it is dropped.
struct Doors(Arc<Server>, Vec<Arc<FrontEnd>>);

impl fmt::Debug for Doors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Doors({})", self.0.front_ends.len())
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        self.0.front_ends.iter().chain(&self.1).for_each(|front_end| front_end.abort());
        self.0.proxies.iter().for_each(|proxy| proxy.abort());
    }
}

impl Running {
    /// The URL or address of a service beside EWS.
    pub fn service(&self, name: &str) -> Option<&str> {
        self.services.iter().find(|(known, _)| *known == name).map(|(_, place)| place.as_str())
    }

    /// The EWS address to give to a client.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.ews)
    }
}

/// What every connection shares.
struct Server {
    exchange: Exchange,
    directory: auth::Directory,
    sign_in: SignIn,
    names: Names,
    has_tls: bool,
    bound_to: Option<tls::Binding>,
    signins: auth::Record,
    connections: Connections,
    proxies: Vec<Arc<Proxy>>,
    faults: fault::Faults,
    stats: Arc<stats::Stats>,
    recorder: Option<record::Recorder>,
    front_ends: Vec<Arc<FrontEnd>>,
    beside: services::Beside,
    presence: watch::Sender<Presence>,
    require_anchor: bool,
    ews_off: Mutex<Option<u16>>,
    /// Seconds the clock of the server is wrong by, as `Date` tells.
    skew: AtomicI64,
    throttle: Arc<throttle::Throttle>,
    latency: Duration,
    max_request: usize,
    over_length: OverLength,
}

impl Server {
    fn new(
        exchange: Exchange,
        settings: &Settings,
        front_ends: Vec<Arc<FrontEnd>>,
        beside: services::Beside,
        proxies: Vec<Arc<Proxy>>,
    ) -> Result<Arc<Self>, String> {
        for user in &settings.users {
            exchange.add_mailbox(&user.address, &user.name);
        }
        for address in &settings.shared {
            exchange.add_mailbox(address, &title(address));
        }
        for role in &settings.impersonators {
            exchange.allow_impersonation(&role.account, role.scope.as_deref());
        }
        for access in &settings.full_access {
            exchange.grant_full_access(&access.mailbox, &access.user)?;
        }
        settings.correspondence(&exchange)?;
        exchange.set_affinity(settings.affinity);
        exchange.set_indexed(settings.indexed);
        for (address, version) in &settings.mailbox_versions {
            exchange.set_mailbox_version(address, *version)?;
        }
        for address in &settings.archives {
            exchange.add_archive(address)?;
        }
        if let (true, Some(first)) = (settings.public_folders != PublicFolders::None, settings.users.first()) {
            let routed = settings.public_folders == PublicFolders::Routed;
            preset::public_folders(&exchange, &first.address, routed)?;
            if let Some(autodiscover) = &beside.autodiscover {
                autodiscover.set_public_folders(exchange.public_folder_mailboxes());
            }
        }
        let people = [&settings.users[..], &settings.accounts].concat();
        let throttle = Arc::new(throttle::Throttle::default());
        let limits = settings.throttle.limits();
        exchange.limit_subscriptions(limits.subscriptions);
        throttle.set(limits);
        Ok(Arc::new(Self {
            directory: auth::Directory::new(&people, &settings.tokens, &settings.sign_in),
            names: names(settings),
            sign_in: settings.sign_in.clone(),
            has_tls: settings.tls.is_some(),
            bound_to: settings.sign_in.bound_to.as_deref().map(tls::binding_to).transpose()?.flatten(),
            signins: auth::Record::default(),
            connections: Connections::default(),
            proxies,
            faults: fault::Faults::default(),
            stats: Arc::default(),
            recorder: settings.record.as_ref().map(|path| record::Recorder::open(path)).transpose()?,
            front_ends,
            beside,
            presence: watch::Sender::default(),
            require_anchor: settings.require_anchor,
            ews_off: Mutex::new(settings.ews_off),
            skew: AtomicI64::default(),
            throttle,
            latency: settings.latency,
            max_request: settings.max_request,
            over_length: settings.over_length,
            exchange,
        }))
    }
}

/// `anna.berg@a.test` is shown as `Anna Berg`.
pub fn title(address: &str) -> String {
    let name = address.split('@').next().unwrap_or_default();
    let words = name.split(['.', '_', '-']).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
    };
    words.map(capital).collect::<Vec<_>>().join(" ")
}

/// Sends what waits when its time comes, though nobody asks for anything.
async fn keep_time(exchange: Exchange) {
    loop {
        exchange.mail_waits().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        exchange.settle_submissions();
    }
}

async fn bind(address: SocketAddr) -> Result<(SocketAddr, TcpListener), String> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        io::Result::Ok((listener.local_addr()?, listener))
    };
    bound.await.map_err(|error| format!("cannot listen on {address}: {error}"))
}

/// Serves the connections of one listener until `stopped`.
async fn accept(
    listener: TcpListener,
    tls: Option<Secure>,
    front_end: Arc<FrontEnd>,
    server: Arc<Server>,
    mut stopped: watch::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Nobody sends: it ends when the sender is dropped.
            _ = stopped.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    server.stats.connected();
                    front_end.connected();
                    connections.spawn(connection(stream, tls.clone(), front_end.clone(), server.clone()));
                }
                // Out of descriptors, for one: others must be closed before this gets better.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, tls: Option<Secure>, front_end: Arc<FrontEnd>, server: Arc<Server>) {
    let _ = stream.set_nodelay(true);
    let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else { return };
    let binding = server.bound_to.or_else(|| tls.as_ref().and_then(|tls| tls.binding));
    let way = Way { front_end: front_end.name.clone(), tls: tls.is_some(), binding };
    let open = server.connections.open(peer, local, way);
    let connection = open.0.clone();
    let served = async {
        let connection = connection.clone();
        let Some(tls) = tls else { return serve_connection(stream, connection, front_end, server).await };
        server.awake().await;
        if let Ok(stream) = tls.acceptor.accept(stream).await {
            let version = stream.get_ref().1.protocol_version();
            let _ =
                connection.tls_version.set(version.and_then(|version| version.as_str()).unwrap_or_default().to_owned());
            serve_connection(stream, connection, front_end, server).await;
        }
    };
    tokio::select! {
        () = served => {}
        () = connection.told_to_close() => {}
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: Arc<Connection>,
    front_end: Arc<FrontEnd>,
    server: Arc<Server>,
) {
    let service = hyper::service::service_fn(move |request| {
        endpoint::handle(request, front_end.clone(), connection.clone(), server.clone())
    });
    let outcome = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = outcome {
        tracing::debug!(%error, "connection ended");
    }
}

/// What NTLM calls the server and its domain: the domain of the first user, unless a name is given.
fn names(settings: &Settings) -> Names {
    let domain =
        settings.users.first().and_then(|user| user.address.split_once('@')).map_or("demo.test", |(_, domain)| domain);
    let first = domain.split('.').next().unwrap_or(domain).to_uppercase();
    Names {
        domain: settings.sign_in.netbios.clone().unwrap_or(first),
        dns_domain: domain.to_owned(),
        computer: "EX01".to_owned(),
    }
}

/// Where Exchange serves EWS; IIS does not look at case.
pub const PATH: &str = "/EWS/Exchange.asmx";

/// Enough for a message of 100 MB in base64.
pub const MAX_REQUEST: usize = 256 << 20;

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
