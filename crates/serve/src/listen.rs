//! The accept loop: one task per connection, counted, and cut off from the others' mishaps. Who the client is behind a proxy is
//! known before anything else happens.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tracing::{Instrument, debug, error, info_span, warn};

use crate::proxy::{self, Introduction, Step};
use crate::{Limits, Shutdown, Stream, Tls};

/// A front end, as a listener sees it.
pub trait Protocol: Clone + Send + Sync + 'static {
    /// What logs call it: `imap`.
    const NAME: &'static str;

    /// What is said, in clear, to a connection for which there is no room.
    const REFUSAL: &'static [u8];

    /// True if a proxy can tell its client in each request, as in HTTP.
    const TELLS_CLIENTS: bool = false;

    /// Serves one connection to its end. When a shutdown is requested, finishes what it is doing and returns;
    /// after a while it is dropped.
    fn run(&self, connection: Connection) -> impl Future<Output = ()> + Send;
}

/// How a listener's connections begin.
#[derive(Clone, Debug)]
pub enum Security {
    /// In clear, for good.
    Plain,
    /// In clear, with TLS to be had by STARTTLS.
    StartTls(Tls),
    /// Under TLS from the first byte.
    Tls(Tls),
}

/// A connection handed to a front end.
#[derive(Debug)]
pub struct Connection<T = TcpStream> {
    /// Its bytes.
    pub stream: Stream<T>,
    /// What STARTTLS needs, where it is offered.
    pub start_tls: Option<Tls>,
    /// Who is at the other end: the client itself, where a proxy is believed that told it before the first octet.
    pub peer: SocketAddr,
    /// Tells when to end.
    pub shutdown: Shutdown,
}

/// Serves every connection that comes to `listener`, until a shutdown is requested. Connections go on for as
/// long as they need after this has returned.
pub async fn listen<P: Protocol>(
    listener: TcpListener,
    security: Security,
    limits: Limits,
    mut shutdown: Shutdown,
    protocol: P,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.requested() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let door = Door { security: security.clone(), limits: limits.clone(), shutdown: shutdown.clone() };
                spawn(door, stream, peer, protocol.clone());
            }
            // Out of file descriptors, most likely: others must end first, and asking again at once is no help.
            Err(reason) => {
                warn!(protocol = P::NAME, %reason, "cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// What one connection needs of its listener.
struct Door {
    security: Security,
    limits: Limits,
    shutdown: Shutdown,
}

/// Runs a connection in its own task: should it panic, that is the end of this connection only.
fn spawn<P: Protocol>(door: Door, stream: TcpStream, peer: SocketAddr, protocol: P) {
    let mut cut = door.shutdown.clone();
    tokio::spawn(async move {
        let from = match introduced::<P>(&door, stream, peer).await {
            Ok(from) => from,
            Err(reason) => {
                return warn!(protocol = P::NAME, proxy = %peer, %reason, "refused: this peer is listed as a proxy, and told no client");
            }
        };
        let span = info_span!("connection", protocol = P::NAME, peer = %from.peer);
        async move {
            let _told = TellsOfPanic;
            tokio::select! {
                () = serve(door, from, protocol) => {}
                () = cut.cut() => debug!("cut"),
            }
        }
        .instrument(span)
        .await;
    });
}

/// A connection whose client is known.
struct From {
    stream: TcpStream,
    peer: SocketAddr,
    /// The client speaks TLS with a proxy on this machine.
    unwrapped: bool,
    /// The peer is a proxy that tells its clients later.
    is_proxy: bool,
}

/// Hears from a proxy who its client is.
async fn introduced<P: Protocol>(door: &Door, mut stream: TcpStream, peer: SocketAddr) -> io::Result<From> {
    let settings = door.limits.settings();
    let is_proxy = P::TELLS_CLIENTS && settings.http_proxies.contains(peer.ip());
    if is_proxy || !settings.proxies.contains(peer.ip()) {
        return Ok(From { stream, peer, unwrapped: false, is_proxy });
    }
    let told = tokio::time::timeout(settings.handshake, introduction(&mut stream)).await;
    let told = told.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it says nothing")))?;
    let is_near = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
    let unwrapped = told.tls && is_near(&peer);
    // A client on the proxy's machine is as far from here as the proxy is.
    let peer = told.client.filter(|client| !is_near(client) || is_near(&peer)).unwrap_or(peer);
    let is_proxy = P::TELLS_CLIENTS && settings.http_proxies.contains(peer.ip());
    Ok(From { stream, peer, unwrapped, is_proxy })
}

async fn introduction(stream: &mut TcpStream) -> io::Result<Introduction> {
    let mut header = Vec::new();
    loop {
        match proxy::step(&header).map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault.to_string()))? {
            Step::Done(told) => return Ok(told),
            Step::Need(more) => {
                let here = header.len();
                header.resize(here + more, 0);
                stream.read_exact(header.get_mut(here..).unwrap_or_default()).await?;
            }
        }
    }
}

/// Says so when it is dropped by a panic. A second task that waits for the first would cost each connection its room.
struct TellsOfPanic;

impl Drop for TellsOfPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            error!("a connection panicked and was closed");
        }
    }
}

async fn serve<P: Protocol>(door: Door, from: From, protocol: P) {
    let From { mut stream, peer, unwrapped, is_proxy } = from;
    let permit = if is_proxy { door.limits.admit_proxy() } else { door.limits.admit(peer.ip()) };
    let Some(_permit) = permit else {
        warn!("too many connections");
        if !matches!(door.security, Security::Tls(_)) {
            let _ = stream.write_all(P::REFUSAL).await;
        }
        return;
    };
    // Answers are written in large pieces; waiting for more to send only delays the last one.
    let _ = stream.set_nodelay(true);
    let (stream, start_tls) = match door.security {
        Security::Plain | Security::StartTls(_) if unwrapped => (Stream::Unwrapped(stream), None),
        Security::Plain => (Stream::Plain(stream), None),
        Security::StartTls(tls) => (Stream::Plain(stream), Some(tls)),
        Security::Tls(tls) => match Box::pin(shake_hands(&tls, stream, door.limits.settings().handshake)).await {
            Ok(stream) if stream.was_for_a_proof() => return debug!("an authority was given its proof"),
            Ok(stream) => (stream, None),
            Err(reason) => return debug!(%reason, "TLS handshake failed"),
        },
    };
    debug!("begins");
    protocol.run(Connection { stream, start_tls, peer, shutdown: door.shutdown }).await;
    debug!("ends");
}

async fn shake_hands(tls: &Tls, stream: TcpStream, limit: Duration) -> io::Result<Stream> {
    match tokio::time::timeout(limit, Stream::Plain(stream).upgrade(tls)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")),
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
