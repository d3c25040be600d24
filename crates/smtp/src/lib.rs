//! The submission front end (RFC 6409): a session over any [`mailbox`] that can send.
//!
//! Octets become commands and messages in `proto`, which is pure; `connection` sees the socket; commands become answers in
//! `command`, one file each. Only who has signed in can send, and only in a name of their own. A message goes to disk as
//! it comes, and 250 is said once the mailbox has taken it.

mod command;
mod connection;
mod error;
mod extension;
mod gather;
mod pace;
mod session;
mod settings;
mod state;
mod transaction;

pub mod proto;

#[cfg(feature = "dialog")]
pub mod dialog;

use std::sync::Arc;

use mailbox::SignIn;
use mailbox::submit::Submit;
use serve::Protocol;

pub use connection::Transport;
pub use settings::Settings;

/// Submission to a mailbox, for [`serve::listen`].
#[derive(Clone, Debug)]
pub struct Smtp<B> {
    backend: B,
    settings: Arc<Settings>,
}

impl<B: SignIn> Smtp<B>
where
    B::Account: Submit,
{
    /// Takes mail from those whom `backend` lets in.
    pub fn new(backend: B, settings: Settings) -> Self {
        Self { backend, settings: Arc::new(settings) }
    }
}

impl<B: SignIn> Protocol for Smtp<B>
where
    B::Account: Submit,
{
    const NAME: &'static str = "submission";
    const REFUSAL: &'static [u8] = b"421 4.3.2 Too many connections\r\n";

    async fn run(&self, connection: serve::Connection) {
        run(connection, self.backend.clone(), Arc::clone(&self.settings)).await;
    }
}

/// Serves one client until it leaves or has to.
pub async fn run<T: Transport, B: SignIn>(connection: serve::Connection<T>, backend: B, settings: Arc<Settings>)
where
    B::Account: Submit,
{
    session::run(connection, backend, settings).await;
}
