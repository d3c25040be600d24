//! The front ends: client access servers that all lead to the same mailboxes, and can be killed one by one.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
    task::JoinSet,
};

use super::{PATH, Server, accept, bind, tls::Secure};
use crate::vacant;

/// One front end: its listeners, and whether they are open.
pub(super) struct FrontEnd {
    /// From 0 on; 0 is the one of `listen` and `tls`.
    pub(super) number: usize,
    /// What `X-FEServer` says: `EX01` and so on.
    pub(super) name: String,
    doors: Vec<Door>,
    /// What its listeners serve.
    pub(super) face: Face,
    life: Mutex<Option<Life>>,
    load: watch::Sender<Load>,
    /// Its addresses while it is down.
    kept: Mutex<Vec<TcpSocket>>,
    requests: AtomicU64,
    connections: AtomicU64,
}

/// A listener: where it is, and what it needs for TLS.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) address: SocketAddr,
    pub(super) tls: Option<Secure>,
}

/// What is behind a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    /// EWS, and Autodiscover where it is on.
    Exchange,
    /// The web server that only leads to Autodiscover.
    Redirect,
}

/// What runs while a front end is up. Dropping `stop` ends it.
struct Life {
    stop: watch::Sender<()>,
    tasks: JoinSet<()>,
}

/// What it does, and whether it still begins anything.
#[derive(Default)]
struct Load {
    closed: bool,
    begun: usize,
}

/// An operation that was begun.
pub(super) struct Begun(watch::Sender<Load>);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.send_modify(|load| load.begun -= 1);
    }
}

impl FrontEnd {
    pub(super) fn new(number: usize, doors: Vec<Door>) -> Self {
        Self {
            number,
            name: format!("EX{:02}", number + 1),
            doors,
            face: Face::Exchange,
            life: Mutex::default(),
            load: watch::Sender::default(),
            kept: Mutex::default(),
            requests: AtomicU64::default(),
            connections: AtomicU64::default(),
        }
    }

    /// The same with another face.
    pub(super) fn with(self, face: Face) -> Self {
        Self { face, ..self }
    }

    /// Serves at listeners that are bound already, in the order of the doors.
    pub(super) fn open(self: &Arc<Self>, listeners: Vec<TcpListener>, server: &Arc<Server>) {
        self.load.send_modify(|load| load.closed = false);
        let (stop, stopped) = watch::channel(());
        let mut tasks = JoinSet::new();
        for (listener, door) in listeners.into_iter().zip(&self.doors) {
            tasks.spawn(accept(listener, door.tls.clone(), self.clone(), server.clone(), stopped.clone()));
        }
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = Some(Life { stop, tasks });
    }

    /// Opens the doors again where they were; nothing happens if it is up.
    ///
    /// # Errors
    /// An address is taken by somebody else.
    pub(super) async fn start(self: &Arc<Self>, server: &Arc<Server>) -> Result<(), String> {
        if self.is_up() {
            return Ok(());
        }
        let mut listeners = Vec::new();
        for door in &self.doors {
            listeners.push(bind(door.address).await?.1);
        }
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.open(listeners, server);
        Ok(())
    }

    /// Drops all connections and refuses new ones, and is done when that is so. Until 2010 subscriptions go with it.
    ///
    /// Nobody is cut off before what was begun for them is done, so that whoever looks for it afterwards finds it, through
    /// another front end or through this one when it is back; their answers are lost.
    pub(super) async fn kill(&self, server: &Server) {
        let life = self.life.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Life { stop, mut tasks }) = life {
            self.load.send_modify(|load| load.closed = true);
            // The sender is in `self`.
            let _ = self.load.subscribe().wait_for(|load| load.begun == 0).await;
            drop(stop);
            while tasks.join_next().await.is_some() {}
            let kept = self.doors.iter().filter_map(|door| vacant::keep(door.address)).collect();
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
            server.exchange.forget_subscriptions(self.number);
        }
    }

    /// The same without waiting for it.
    pub(super) fn abort(&self) {
        self.life.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Begins an operation, unless it is being killed: it is begun until what comes back is dropped.
    pub(super) fn begin(&self) -> Option<Begun> {
        let mut open = false;
        self.load.send_modify(|load| {
            open = !load.closed;
            load.begun += usize::from(open);
        });
        open.then(|| Begun(self.load.clone()))
    }

    /// Whether it is being killed, and sends no more answers.
    pub(super) fn is_dying(&self) -> bool {
        self.load.borrow().closed
    }

    pub(super) fn is_up(&self) -> bool {
        self.life.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub(super) fn connected(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub(super) fn asked(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    /// Counts from zero.
    pub(super) fn reset(&self) {
        self.requests.store(0, Relaxed);
        self.connections.store(0, Relaxed);
    }

    pub(super) fn json(&self) -> Value {
        let url = |door: &Door| {
            let scheme = if door.tls.is_some() { "https" } else { "http" };
            format!("{scheme}://{}{PATH}", door.address)
        };
        json!({
            "number": self.number,
            "name": self.name,
            "urls": self.doors.iter().map(url).collect::<Vec<_>>(),
            "up": self.is_up(),
            "requests": self.requests.load(Relaxed),
            "connections": self.connections.load(Relaxed),
        })
    }
}

/// Whether the whole of Exchange can be reached (`POST /away`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Presence {
    /// It answers.
    #[default]
    Here,
    /// Nobody listens.
    Refusing,
    /// Connections are taken, and nothing comes of them; open streams fall silent.
    Hanging,
    /// Each request gets 503, and streams end.
    Unavailable,
}

impl Presence {
    /// Reads the parameter `how`.
    pub(super) fn away(how: &str) -> Option<Self> {
        match how {
            "refuse" => Some(Self::Refusing),
            "hang" => Some(Self::Hanging),
            "503" => Some(Self::Unavailable),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Refusing => "refuse",
            Self::Hanging => "hang",
            Self::Unavailable => "503",
        }
    }
}

impl Server {
    /// Exchange goes away, one way or another, or comes back.
    ///
    /// # Errors
    /// A front end cannot have its address back.
    pub(super) async fn set_presence(self: &Arc<Self>, presence: Presence) -> Result<(), String> {
        let before = self.presence.send_replace(presence);
        if presence == Presence::Refusing {
            for front_end in &self.front_ends {
                front_end.kill(self).await;
            }
        } else if before == Presence::Refusing {
            for front_end in &self.front_ends {
                front_end.start(self).await?;
            }
        }
        Ok(())
    }

    /// Waits until Exchange no longer hangs.
    pub(super) async fn awake(&self) {
        // The sender is in `self`.
        let _ = self.presence.subscribe().wait_for(|presence| *presence != Presence::Hanging).await;
    }
}
