//! The IMAP front end: a session over any [`mailbox`].
//!
//! Bytes become commands in `connection`, commands become answers in `command`, one file each; a folder's numbering
//! as one client knows it is a `view`. Whatever the mailbox cannot do is answered with NO and a response code, and
//! the connection stays. Messages are streamed: none is ever whole in memory.

mod address;
mod capability;
mod command;
mod connection;
mod deflate;
mod downgrade;
mod enabled;
mod envelope;
mod error;
mod flags;
mod header;
mod mime;
mod names;
mod notify;
mod order;
mod session;
mod settings;
mod state;
mod structure;
mod tokens;
mod transfer_encoding;
mod view;

#[cfg(feature = "dialog")]
pub mod dialog;

use std::sync::Arc;

use mailbox::SignIn;
use serve::Protocol;

pub use capability::{all as capabilities, optional as optional_capabilities};
pub use connection::Transport;
pub use settings::{Settings, Withheld};

/// IMAP over a mailbox, for [`serve::listen`].
#[derive(Clone, Debug)]
pub struct Imap<B> {
    backend: B,
    settings: Arc<Settings>,
}

impl<B: SignIn> Imap<B> {
    /// Serves what `backend` lets people into.
    pub fn new(backend: B, settings: Settings) -> Self {
        Self { backend, settings: Arc::new(settings) }
    }
}

impl<B: SignIn> Protocol for Imap<B> {
    const NAME: &'static str = "imap";
    const REFUSAL: &'static [u8] = b"* BYE [UNAVAILABLE] Too many connections\r\n";

    async fn run(&self, connection: serve::Connection) {
        run(connection, self.backend.clone(), Arc::clone(&self.settings)).await;
    }
}

/// Serves one client until it leaves or has to.
pub async fn run<T: Transport, B: SignIn>(connection: serve::Connection<T>, backend: B, settings: Arc<Settings>) {
    session::run(connection, backend, settings).await;
}
