use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::tls_trouble::trouble;
use super::{Endpoint, Socket, socks, tunnel};
use crate::{Cause, Egress, Error, Proxy, ProxyKind};

/// Opens connections of one organisation: nothing leaves for its servers by another way. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Dialer {
    egress: Egress,
    tls: Arc<ClientConfig>,
}

/// A connection, and the certificate the other side showed.
pub(crate) struct Connection {
    pub(crate) socket: Socket,
    /// The server's own certificate, which a sign-in may be bound to (RFC 5929); None in clear.
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

impl Dialer {
    pub(crate) fn new(egress: Egress, tls: Arc<ClientConfig>) -> Dialer {
        Dialer { egress, tls }
    }

    /// The way out.
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Looks the host up, connects to the first of its addresses that answers, and starts TLS.
    pub(crate) async fn dial(&self, endpoint: &Endpoint) -> Result<Connection, Error> {
        let host = &endpoint.host;
        self.egress.check(host)?;
        let stream = match &self.egress.config().proxy {
            None => self.reach(host, endpoint.port).await?,
            Some(proxy) => self.through(proxy, host, endpoint.port).await?,
        };
        if !endpoint.secure {
            return Ok(Connection { socket: Socket::Clear(stream), certificate: None });
        }
        let name = ServerName::try_from(host.clone())
            .map_err(|_| Error::unavailable(format!("{host} is not a name a certificate can have")))?;
        let stream =
            TlsConnector::from(self.tls.clone()).connect(name, stream).await.map_err(|error| trouble(host, &error))?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let certificate = shown.map(|certificate| certificate.clone().into_owned());
        Ok(Connection { socket: Socket::Tls(Box::new(stream)), certificate })
    }

    async fn through(&self, proxy: &Proxy, host: &str, port: u16) -> Result<TcpStream, Error> {
        let reached = self.reach(&proxy.host, proxy.port).await;
        let mut stream = reached.map_err(|error| {
            Error { message: format!("the proxy of egress.proxy: {}", error.message), ..error }.because(Cause::Proxy)
        })?;
        match proxy.kind {
            ProxyKind::Connect => tunnel::connect(stream, proxy, host, port).await,
            ProxyKind::Socks5 => socks::connect(&mut stream, proxy, host, port).await.map(|()| stream),
        }
    }

    /// A connection to a host, without a proxy.
    async fn reach(&self, host: &str, port: u16) -> Result<TcpStream, Error> {
        let addresses: Vec<SocketAddr> =
            lookup_host((host, port)).await.map_err(|error| Error::unavailable(format!("{host}: {error}")))?.collect();
        let connected = self.connect(addresses).await;
        let stream = connected.map_err(|error| {
            Error::unavailable(format!("connecting to {host}: {error}")).because(Cause::Unreachable)
        })?;
        // Requests are written in one go; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    /// Tries the addresses in order, each a moment after the one before, and takes the first that connects (RFC 8305).
    async fn connect(&self, addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
        let mut tries = JoinSet::new();
        let bind = self.egress.config().bind;
        for (place, address) in (0..).zip(addresses.into_iter().filter(|address| speaks(bind, address))) {
            tries.spawn(async move {
                tokio::time::sleep(HEAD_START * place).await;
                let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
                bind.map_or(Ok(()), |from| socket.bind(SocketAddr::new(from, 0)))?;
                socket.connect(address).await
            });
        }
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address that can be reached");
        while let Some(done) = tries.join_next().await {
            match done.map_err(io::Error::other).flatten() {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

/// From an IPv4 address only IPv4 addresses are reached, and the other way round.
fn speaks(bind: Option<std::net::IpAddr>, address: &SocketAddr) -> bool {
    bind.is_none_or(|from| from.is_ipv4() == address.is_ipv4())
}

/// RFC 8305 section 5, "Connection Attempt Delay".
const HEAD_START: Duration = Duration::from_millis(250);
