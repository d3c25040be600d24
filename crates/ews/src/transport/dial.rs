use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Endpoint;
use crate::Error;

/// A connected socket, in clear or in TLS.
pub(super) enum Socket {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Looks the host up, connects to the first of its addresses that answers, and starts TLS.
pub(super) async fn dial(endpoint: &Endpoint, tls: &Arc<ClientConfig>) -> Result<Socket, Error> {
    let host = &endpoint.host;
    let addresses: Vec<SocketAddr> = lookup_host((host.as_str(), endpoint.port))
        .await
        .map_err(|error| Error::unavailable(format!("{host}: {error}")))?
        .collect();
    let stream =
        connect(addresses).await.map_err(|error| Error::unavailable(format!("connecting to {host}: {error}")))?;
    // Requests are written in one go; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    if !endpoint.secure {
        return Ok(Socket::Clear(stream));
    }
    let name = ServerName::try_from(host.clone())
        .map_err(|_| Error::unavailable(format!("{host} is not a name a certificate can have")))?;
    let stream = TlsConnector::from(tls.clone())
        .connect(name, stream)
        .await
        .map_err(|error| Error::unavailable(format!("TLS with {host}: {error}")))?;
    Ok(Socket::Tls(Box::new(stream)))
}

/// Tries the addresses in order, each a moment after the one before, and takes the first that connects (RFC 8305).
async fn connect(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut tries = JoinSet::new();
    for (place, address) in (0..).zip(addresses) {
        tries.spawn(async move {
            tokio::time::sleep(HEAD_START * place).await;
            TcpStream::connect(address).await
        });
    }
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    while let Some(done) = tries.join_next().await {
        match done.map_err(io::Error::other).flatten() {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// RFC 8305 section 5, "Connection Attempt Delay".
const HEAD_START: Duration = Duration::from_millis(250);

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Clear(stream) => Pin::new(stream).poll_read(cx, out),
            Socket::Tls(stream) => Pin::new(stream).poll_read(cx, out),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Clear(stream) => Pin::new(stream).poll_write(cx, bytes),
            Socket::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Clear(stream) => Pin::new(stream).poll_flush(cx),
            Socket::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Clear(stream) => Pin::new(stream).poll_shutdown(cx),
            Socket::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
