//! The POP3 front end (RFC 1939): a session over the inbox of any [`mailbox`].
//!
//! Octets become commands in `proto`, which is pure; `connection` sees the socket; commands become answers in `command`,
//! one file each. What a session sees of the inbox is what was there when it began. Nothing is removed before QUIT, and a
//! session that ends otherwise removes nothing. No lock is taken: messages are named by UIDs, which are never reused, so
//! that several sessions, and clients of other protocols, do not get in each other's way.

mod capability;
mod command;
mod connection;
mod error;
mod maildrop;
mod session;
mod settings;
mod state;

pub mod proto;

#[cfg(feature = "dialog")]
pub mod dialog;

use std::sync::Arc;

use mailbox::SignIn;
use serve::Protocol;

pub use connection::Transport;
pub use settings::{Settings, SizePolicy};

/// POP3 for a mailbox, for [`serve::listen`].
#[derive(Clone, Debug)]
pub struct Pop3<B> {
    backend: B,
    settings: Arc<Settings>,
}

impl<B: SignIn> Pop3<B> {
    /// Hands out the mail of those whom `backend` lets in.
    pub fn new(backend: B, settings: Settings) -> Self {
        Self { backend, settings: Arc::new(settings) }
    }
}

impl<B: SignIn> Protocol for Pop3<B> {
    const NAME: &'static str = "pop3";
    const REFUSAL: &'static [u8] = b"-ERR [SYS/TEMP] Too many connections\r\n";

    async fn run(&self, connection: serve::Connection) {
        run(connection, self.backend.clone(), Arc::clone(&self.settings)).await;
    }
}

/// Serves one client until it leaves or has to.
pub async fn run<T: Transport, B: SignIn>(connection: serve::Connection<T>, backend: B, settings: Arc<Settings>) {
    session::run(connection, backend, settings).await;
}
