use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::tls::{Session, Tls};
use super::{Endpoint, Socket, socks, tunnel};
use crate::{Cause, Egress, Error, Proxy, ProxyKind, Trace};

/// Opens connections of one organisation: nothing leaves for its servers by another way. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Dialer {
    egress: Egress,
    tls: Tls,
    /// Where dialogs are written down.
    trace: Option<Arc<Trace>>,
    /// Addresses that failed lately, and since when: of several, they are tried last.
    shunned: Arc<Mutex<HashMap<SocketAddr, Instant>>>,
}

/// A connection.
pub(crate) struct Connection {
    pub(crate) socket: Socket,
    /// What TLS came to; None in clear.
    pub(crate) tls: Option<Session>,
    /// The other end: the server's, or the proxy's.
    pub(crate) peer: SocketAddr,
}

impl Dialer {
    pub(crate) fn new(egress: Egress, tls: Tls) -> Dialer {
        Dialer { egress, tls, trace: None, shunned: Arc::default() }
    }

    /// Has what is said written down there.
    pub(crate) fn traced(self, trace: Option<Arc<Trace>>) -> Dialer {
        Dialer { trace, ..self }
    }

    /// Where dialogs are written down.
    pub(crate) fn trace(&self) -> Option<Arc<Trace>> {
        self.trace.clone()
    }

    /// The way out.
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Looks the host up, connects to the first of its addresses that answers, and starts TLS.
    pub(crate) async fn dial(&self, endpoint: &Endpoint) -> Result<Connection, Error> {
        self.egress.check(&endpoint.host)?;
        match &self.egress.config().proxy {
            None => self.direct(endpoint).await,
            Some(proxy) => {
                let (stream, peer) = self.through(proxy, &endpoint.host, endpoint.port).await?;
                self.secure(endpoint, stream, peer).await
            }
        }
    }

    /// Something that answered here did so badly: for a while, other addresses of its name are tried before it.
    pub(crate) fn shun(&self, address: SocketAddr) {
        self.shunned().insert(address, Instant::now());
    }

    /// It did so after this moment.
    pub(crate) fn shuns_since(&self, address: SocketAddr, moment: Instant) -> bool {
        self.shunned().get(&address).is_some_and(|since| *since > moment)
    }

    /// It did so lately.
    fn shuns(&self, address: SocketAddr) -> bool {
        self.shunned().get(&address).is_some_and(|since| since.elapsed() < SHUNNED_FOR)
    }

    /// Without a proxy. An address where TLS fails gives way to the next.
    async fn direct(&self, endpoint: &Endpoint) -> Result<Connection, Error> {
        let found = self.egress.addresses(&endpoint.host).await?;
        let mut addresses = self.in_order(found, endpoint.port);
        loop {
            let connected = self.connect(&addresses).await;
            let (stream, peer) = connected.map_err(|error| unreachable(&endpoint.host, &error))?;
            addresses.retain(|address| *address != peer);
            let secured = self.secure(endpoint, stream, peer);
            if addresses.is_empty() {
                return secured.await;
            }
            match timeout(HANDSHAKE, secured).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => tracing::info!(host = endpoint.host, %peer, %error, "the next address is tried"),
                Err(_) => tracing::info!(host = endpoint.host, %peer, "no TLS in time: the next address is tried"),
            }
            self.shun(peer);
        }
    }

    async fn secure(&self, endpoint: &Endpoint, stream: TcpStream, peer: SocketAddr) -> Result<Connection, Error> {
        if !endpoint.secure {
            return Ok(Connection { socket: Socket::Clear(stream), tls: None, peer });
        }
        let (socket, session) = self.tls.connect(&endpoint.host, stream).await?;
        if session.legacy {
            self.egress.count_legacy();
        }
        Ok(Connection { socket, tls: Some(session), peer })
    }

    async fn through(&self, proxy: &Proxy, host: &str, port: u16) -> Result<(TcpStream, SocketAddr), Error> {
        let reached = self.reach_proxy(proxy).await;
        let (mut stream, peer) = reached.map_err(|error| {
            Error { message: format!("the proxy of egress.proxy: {}", error.message), ..error }.because(Cause::Proxy)
        })?;
        let stream = match proxy.kind {
            ProxyKind::Connect => tunnel::connect(stream, proxy, host, port).await?,
            ProxyKind::Socks5 => socks::connect(&mut stream, proxy, host, port).await.map(|()| stream)?,
        };
        Ok((stream, peer))
    }

    async fn reach_proxy(&self, proxy: &Proxy) -> Result<(TcpStream, SocketAddr), Error> {
        let addresses = self.in_order(self.egress.proxy_addresses(proxy).await?, proxy.port);
        self.connect(&addresses).await.map_err(|error| unreachable(&proxy.host, &error))
    }

    /// Those that can be reached from where everything leaves, those that failed lately last.
    fn in_order(&self, found: Vec<IpAddr>, port: u16) -> Vec<SocketAddr> {
        let bind = self.egress.config().bind;
        // From an IPv4 address only IPv4 addresses are reached, and the other way round.
        let speaks = |address: &IpAddr| bind.is_none_or(|from| from.is_ipv4() == address.is_ipv4());
        let addresses = found.into_iter().filter(speaks).map(|address| SocketAddr::new(address, port));
        let mut addresses: Vec<SocketAddr> = addresses.collect();
        addresses.sort_by_key(|address| self.shuns(*address));
        addresses
    }

    /// Tries the addresses in order, each a moment after the one before, and takes the first that connects (RFC 8305).
    async fn connect(&self, addresses: &[SocketAddr]) -> io::Result<(TcpStream, SocketAddr)> {
        let mut tries = JoinSet::new();
        let bind = self.egress.config().bind;
        for (place, address) in (0..).zip(addresses.iter().copied()) {
            tries.spawn(async move {
                tokio::time::sleep(HEAD_START * place).await;
                let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
                bind.map_or(Ok(()), |from| socket.bind(SocketAddr::new(from, 0)))?;
                socket.connect(address).await.map(|stream| (stream, address))
            });
        }
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address that can be reached");
        while let Some(done) = tries.join_next().await {
            match done.map_err(io::Error::other).flatten() {
                Ok((stream, address)) => {
                    // Requests are written in one go; waiting for more to send only delays them.
                    let _ = stream.set_nodelay(true);
                    return Ok((stream, address));
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn shunned(&self) -> MutexGuard<'_, HashMap<SocketAddr, Instant>> {
        self.shunned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreachable(host: &str, error: &io::Error) -> Error {
    Error::unavailable(format!("connecting to {host}: {error}")).because(Cause::Unreachable)
}

/// RFC 8305 section 5, "Connection Attempt Delay".
const HEAD_START: Duration = Duration::from_millis(250);
/// For TLS with an address, if there is another to try.
const HANDSHAKE: Duration = Duration::from_secs(2);
const SHUNNED_FOR: Duration = Duration::from_secs(45);
