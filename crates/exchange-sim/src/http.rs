//! The simulated server on the network: EWS over HTTP/1.1 and HTTPS, and a control interface for tests.
//!
//! Sign-in, headers, faults, counting and recording happen here; what an operation means is [`Exchange`]'s business.

mod auth;
mod body;
mod control;
mod endpoint;
mod fault;
mod photo;
mod record;
mod stats;
mod tls;

use std::{fmt, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::Exchange;

/// Binds every listener of `settings`, gives each user a mailbox, and serves until the result is dropped.
///
/// # Errors
/// A sentence for the operator when an address cannot be bound, or a certificate or the record directory is unusable.
pub async fn serve(exchange: Exchange, settings: Settings) -> Result<Running, String> {
    let server = Server::new(exchange, &settings)?;
    let mut tasks = JoinSet::new();
    let (ews, listener) = bind(settings.listen).await?;
    tasks.spawn(accept(listener, None, server.clone()));
    let ews_tls = match &settings.tls {
        None => None,
        Some(tls) => {
            let acceptor = tls::acceptor(&tls.certificate, &tls.key)?;
            let (address, listener) = bind(tls.listen).await?;
            tasks.spawn(accept(listener, Some(acceptor), server.clone()));
            Some(address)
        }
    };
    let control = match settings.control {
        None => None,
        Some(address) => {
            let (address, listener) = bind(address).await?;
            tasks.spawn(control::accept(listener, server));
            Some(address)
        }
    };
    Ok(Running { ews, ews_tls, control, _tasks: tasks })
}

/// Where and for whom to serve.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address of the plain HTTP listener; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The HTTPS listener.
    pub tls: Option<Tls>,
    /// Address of the control interface.
    pub control: Option<SocketAddr>,
    /// Who may sign in; everyone gets a mailbox.
    pub users: Vec<User>,
    /// Tokens that sign in too; with any, the server offers Bearer beside Basic.
    pub tokens: Vec<Token>,
    /// Waited before each answer.
    pub latency: Duration,
    /// Directory for the bodies of requests and answers.
    pub record: Option<PathBuf>,
    /// Longest request body in bytes.
    pub max_request: usize,
}

impl Settings {
    /// Plain HTTP and the control interface on free ports of the loopback interface.
    pub fn loopback(users: Vec<User>) -> Self {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen: anywhere,
            tls: None,
            control: Some(anywhere),
            users,
            tokens: Vec::new(),
            latency: Duration::ZERO,
            record: None,
            max_request: MAX_REQUEST,
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
    /// Where the control interface is.
    pub control: Option<SocketAddr>,
    _tasks: JoinSet<()>,
}

impl Running {
    /// The EWS address to give to a client.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.ews)
    }
}

/// What every connection shares.
struct Server {
    exchange: Exchange,
    directory: auth::Directory,
    faults: fault::Faults,
    stats: Arc<stats::Stats>,
    recorder: Option<record::Recorder>,
    latency: Duration,
    max_request: usize,
}

impl Server {
    fn new(exchange: Exchange, settings: &Settings) -> Result<Arc<Self>, String> {
        for user in &settings.users {
            exchange.add_mailbox(&user.address, &user.name);
        }
        Ok(Arc::new(Self {
            directory: auth::Directory::new(&settings.users, &settings.tokens),
            faults: fault::Faults::default(),
            stats: Arc::default(),
            recorder: settings.record.as_ref().map(|path| record::Recorder::open(path)).transpose()?,
            latency: settings.latency,
            max_request: settings.max_request,
            exchange,
        }))
    }
}

async fn bind(address: SocketAddr) -> Result<(SocketAddr, TcpListener), String> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        io::Result::Ok((listener.local_addr()?, listener))
    };
    bound.await.map_err(|error| format!("cannot listen on {address}: {error}"))
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, server: Arc<Server>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    server.stats.connected();
                    connections.spawn(connection(stream, tls.clone(), server.clone()));
                }
                // Out of descriptors, for one: others must be closed before this gets better.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, server: Arc<Server>) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve_connection(stream, server).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve_connection(stream, server).await;
            }
        }
    }
}

async fn serve_connection(stream: impl AsyncRead + AsyncWrite + Unpin, server: Arc<Server>) {
    let service = hyper::service::service_fn(move |request| endpoint::handle(request, server.clone()));
    let outcome = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = outcome {
        tracing::debug!(%error, "connection ended");
    }
}

/// Where Exchange serves EWS; IIS does not look at case.
pub const PATH: &str = "/EWS/Exchange.asmx";

/// Enough for a message of 100 MB in base64.
pub const MAX_REQUEST: usize = 256 << 20;

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
