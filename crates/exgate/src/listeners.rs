//! The sockets that clients connect to: those systemd opened and hands over, by name and address, and all others opened here.

use std::net::SocketAddr;

use listenfd::ListenFd;
use rustix::net::sockopt::{set_ipv6_v6only, socket_acceptconn};
use tokio::net::{TcpListener, TcpSocket};
use tracing::info;

use crate::Failure;
use crate::config::LISTENERS;
use crate::gateway::Door;

/// Sockets that were open before the program began (sd_listen_fds(3)): who connects while it is started anew waits there.
#[derive(Debug, Default)]
pub(crate) struct HandedOver(Vec<Socket>);

#[derive(Debug)]
struct Socket {
    name: String,
    address: SocketAddr,
    listener: std::net::TcpListener,
}

impl HandedOver {
    /// Takes them over. To be called while there is one thread, since it takes them out of the environment.
    pub(crate) fn take() -> Result<Self, Failure> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut handed = ListenFd::from_env();
        let mut sockets = Vec::new();
        for number in 0..handed.len() {
            let name = names.next().unwrap_or_default().to_owned();
            let unusable = |why: &dyn std::fmt::Display| {
                Failure::mistake(format!(
                    "systemd hands over a socket `{name}` that cannot be used: {why}; in its unit, write ListenStream= and Accept=no"
                ))
            };
            let listener = handed.take_tcp_listener(number).map_err(|error| unusable(&error))?;
            let Some(listener) = listener else { continue };
            if !socket_acceptconn(&listener).is_ok_and(|listens| listens) {
                return Err(unusable(&"nobody listens there"));
            }
            listener.set_nonblocking(true).map_err(|error| unusable(&error))?;
            let address = listener.local_addr().map_err(|error| unusable(&error))?;
            sockets.push(Socket { name, address, listener });
        }
        Ok(Self(sockets))
    }

    /// Every door with its socket, or none.
    pub(crate) fn open(mut self, doors: Vec<Door>) -> Result<Vec<(Door, TcpListener)>, Failure> {
        let addresses: Vec<SocketAddr> = doors.iter().map(|door| door.address).collect();
        let mut open = Vec::new();
        for door in doors {
            let listener = match self.of(&door) {
                Some(listener) => TcpListener::from_std(listener),
                None => bind(door.address, &addresses),
            };
            let listener = listener.map_err(|error| {
                Failure::new(format!("cannot listen on {} for {}: {error}", door.address, door.name))
            })?;
            open.push((door, listener));
        }
        match self.0.first() {
            None => Ok(open),
            Some(Socket { name, address, .. }) => {
                let key = LISTENERS.iter().find(|known| *known == name).unwrap_or(&"NAME");
                Err(Failure::mistake(format!(
                    "listen: systemd hands over {address} as `{name}`, and it is not configured so: add it to listen.{key}, or take it out of the socket's unit"
                )))
            }
        }
    }

    /// The one for this door: at its address, and not named as another one.
    fn of(&mut self, door: &Door) -> Option<std::net::TcpListener> {
        let is_its = |name: &str| name == door.name || !LISTENERS.contains(&name);
        let at = self.0.iter().position(|socket| socket.address == door.address && is_its(&socket.name))?;
        info!(address = %door.address, listener = door.name, "the socket was handed over");
        Some(self.0.swap_remove(at).listener)
    }
}

/// `[::]` takes IPv4 as well, unless that is asked for at the same port by itself.
fn bind(address: SocketAddr, all: &[SocketAddr]) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    let is_its_twin = |other: &SocketAddr| other.is_ipv4() && other.port() == address.port() && address.port() != 0;
    if address.ip().is_unspecified() && address.is_ipv6() && all.iter().any(is_its_twin) {
        set_ipv6_v6only(&socket, true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Connections that wait to be taken; the system allows fewer where `net.core.somaxconn` is lower.
const BACKLOG: u32 = 1024;
