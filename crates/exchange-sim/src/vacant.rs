//! Addresses that nobody listens at for now, and nobody else may take meanwhile.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// Keeps an address from being given to somebody else's outgoing connection, which would be in the way when it is listened
/// at again. Whoever connects to it is refused. Binding a listener to it works all the same, since both may reuse it.
pub(crate) fn keep(address: SocketAddr) -> Option<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.ok()?;
    socket.set_reuseaddr(true).ok()?;
    socket.bind(address).ok()?;
    Some(socket)
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn a_kept_address_refuses_and_can_be_listened_at_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let kept = keep(address).unwrap();
        TcpStream::connect(address).await.unwrap_err();
        let listener = TcpListener::bind(address).await.unwrap();
        drop(kept);
        TcpStream::connect(address).await.unwrap();
        drop(listener);
    }
}
