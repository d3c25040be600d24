//! Every TCP connection the server ever saw: who it is from, who signed in on it, how many requests it carried.
//!
//! NTLM signs a connection in and not a request, so what is known of a sign-in lives here and ends with the connection.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{auth::Handshake, settings::Scheme, tls::Binding};

/// How a connection came in.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// The name of the front end.
    pub(super) front_end: String,
    /// Whether it speaks TLS.
    pub(super) tls: bool,
    /// What NTLM is to bind itself to.
    pub(super) binding: Option<Binding>,
}

/// One connection.
pub(super) struct Connection {
    /// Counts from 1.
    pub(super) number: u64,
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) way: Way,
    /// `TLSv1.2` or `TLSv1.3` once the handshake is done.
    pub(super) tls_version: OnceLock<String>,
    state: Mutex<State>,
    close: Notify,
}

#[derive(Default)]
struct State {
    open: bool,
    requests: u64,
    busy: u64,
    scheme: Option<Scheme>,
    users: BTreeSet<String>,
    handshake: Handshake,
}

impl Connection {
    /// Keeps a sign-in in mind for `GET /connections`. `true` if it is news.
    pub(super) fn used_by(&self, scheme: Scheme, user: &str) -> bool {
        let mut state = self.state();
        let new_scheme = state.scheme.replace(scheme) != Some(scheme);
        state.users.insert(user.to_owned()) || new_scheme
    }

    /// The handshake of this connection, to be read or moved on.
    pub(super) fn handshake<T>(&self, work: impl FnOnce(&mut Handshake) -> T) -> T {
        work(&mut self.state().handshake)
    }

    /// A request begins; it lasts until the result is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        let mut state = self.state();
        state.requests += 1;
        state.busy += 1;
        Busy(self.clone())
    }

    /// Returns when the control interface wants the connection closed.
    pub(super) async fn told_to_close(&self) {
        self.close.notified().await;
    }

    fn json(&self) -> Value {
        let state = self.state();
        json!({
            "id": self.number,
            "peer": self.peer.to_string(),
            "local": self.local.to_string(),
            "front_end": self.way.front_end,
            "tls": self.tls_version.get(),
            "scheme": state.scheme.map(Scheme::name),
            "users": state.users,
            "requests": state.requests,
            "busy": state.busy > 0,
            "open": state.open,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
pub(super) struct Busy(Arc<Connection>);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.busy = state.busy.saturating_sub(1);
    }
}

/// All connections, open and closed, in the order they came.
#[derive(Default)]
pub(super) struct Connections {
    all: Mutex<Vec<Arc<Connection>>>,
    count: AtomicU64,
}

impl Connections {
    /// A connection was accepted; it counts as open until the result is dropped.
    pub(super) fn open(&self, peer: SocketAddr, local: SocketAddr, way: Way) -> Open {
        let connection = Arc::new(Connection {
            number: self.count.fetch_add(1, Relaxed) + 1,
            peer,
            local,
            way,
            tls_version: OnceLock::new(),
            state: Mutex::new(State { open: true, ..State::default() }),
            close: Notify::new(),
        });
        let mut all = self.all();
        if all.len() >= REMEMBERED {
            all.retain(|known| known.state().open);
        }
        all.push(connection.clone());
        Open(connection)
    }

    /// Closes those that are meant and says how many.
    pub(super) fn close(&self, which: Which<'_>) -> usize {
        let all = self.all();
        let meant = all.iter().filter(|connection| {
            let state = connection.state();
            state.open
                && match which {
                    Which::All => true,
                    Which::Idle => state.busy == 0,
                    Which::User(user) => state.users.iter().any(|known| known.eq_ignore_ascii_case(user)),
                }
        });
        meant.map(|connection| connection.close.notify_one()).count()
    }

    pub(super) fn json(&self) -> Value {
        self.all().iter().map(|connection| connection.json()).collect()
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which connections to close.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    /// Every one.
    All,
    /// Those without a request in flight.
    Idle,
    /// Those on which this user signed in.
    User(&'a str),
}

/// A connection while it is open.
pub(super) struct Open(pub(super) Arc<Connection>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.state().open = false;
    }
}

/// Beyond so many, closed connections are forgotten.
const REMEMBERED: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_remembered_and_closed_by_kind() {
        let connections = Connections::default();
        let address = SocketAddr::from(([127, 0, 0, 1], 7));
        let way = Way { front_end: "EX01".to_owned(), tls: false, binding: None };
        let open: Vec<Open> = (0..3).map(|_| connections.open(address, address, way.clone())).collect();
        let busy = open[0].0.begin();
        open[1].0.used_by(Scheme::Ntlm, "anna@a.test");
        assert_eq!(connections.close(Which::All), 3);
        assert_eq!(connections.close(Which::Idle), 2);
        assert_eq!(connections.close(Which::User("ANNA@a.test")), 1);
        drop(busy);
        drop(open);
        assert_eq!(connections.close(Which::All), 0);
        let told = connections.json();
        assert_eq!((&told[0]["requests"], &told[0]["open"]), (&json!(1), &json!(false)));
        assert_eq!((&told[1]["scheme"], &told[1]["users"]), (&json!("ntlm"), &json!(["anna@a.test"])));
    }
}
