//! Ports that a test must know before anybody listens at them.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// A port of `127.0.0.1` at which nobody listens. As long as this lives the kernel gives it to no other socket that asks
/// for any port, as each outgoing connection does: a number that is merely free now can be gone when the program that was
/// told of it comes to listen. That program may listen there all the same, since both may reuse the address.
pub struct Port {
    address: SocketAddr,
    _kept: TcpSocket,
}

impl Port {
    /// One that is free.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn free() -> Self {
        let kept = TcpSocket::new_v4().expect("a socket");
        kept.set_reuseaddr(true).expect("a socket can share its address");
        kept.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        Self { address: kept.local_addr().expect("it is bound"), _kept: kept }
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.address.port()
    }

    /// `127.0.0.1` and its number.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn it_refuses_and_can_be_listened_at() {
        let port = Port::free();
        TcpStream::connect(port.address()).unwrap_err();
        let listener = TcpListener::bind(port.address()).unwrap();
        TcpStream::connect(port.address()).unwrap();
        drop(listener);
        TcpListener::bind(port.address()).unwrap();
    }
}
