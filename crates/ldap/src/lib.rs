//! The LDAP front end (RFC 4511): the directory of people of any [`mailbox`], as far as an address list needs it.
//!
//! Octets become requests in `proto`, which is pure; `connection` sees the socket; requests become answers in `operation`,
//! one file each. Below one name there is an entry for each of the people, named by address. Nothing can be changed, and
//! nobody looks anybody up without having signed in. The directory itself is not read as a whole: it is asked for the words
//! of a filter, and the filter looks at what comes.

mod attribute;
mod connection;
mod directory;
mod error;
mod matching;
mod operation;
mod schema;
mod select;
mod session;
mod settings;
mod words;

pub mod proto;

use std::sync::Arc;

use mailbox::SignIn;
use mailbox::objects::Objects;
use serve::Protocol;

pub use connection::Transport;
pub use settings::Settings;

/// LDAP for a directory, for [`serve::listen`].
#[derive(Clone, Debug)]
pub struct Ldap<B> {
    backend: B,
    settings: Arc<Settings>,
}

impl<B: SignIn> Ldap<B>
where
    B::Account: Objects,
{
    /// Answers those whom `backend` lets in.
    pub fn new(backend: B, settings: Settings) -> Self {
        Self { backend, settings: Arc::new(settings) }
    }
}

impl<B: SignIn> Protocol for Ldap<B>
where
    B::Account: Objects,
{
    const NAME: &'static str = "ldap";
    /// Notice of Disconnection (RFC 4511 section 4.4.1): busy.
    const REFUSAL: &'static [u8] =
        b"\x30\x38\x02\x01\x00\x78\x33\x0a\x01\x33\x04\x00\x04\x14Too many connections\x8a\x161.3.6.1.4.1.1466.20036";

    async fn run(&self, connection: serve::Connection) {
        run(connection, self.backend.clone(), Arc::clone(&self.settings)).await;
    }
}

/// Serves one client until it leaves or has to.
pub async fn run<T: Transport, B: SignIn>(connection: serve::Connection<T>, backend: B, settings: Arc<Settings>)
where
    B::Account: Objects,
{
    session::run(connection, backend, settings).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::notice;
    use crate::proto::{Code, Outcome};

    #[test]
    fn who_is_refused_is_told_so() {
        let mut wanted = Vec::new();
        notice(Outcome::new(Code::Busy, "Too many connections")).write(0, &mut wanted);
        assert_eq!(<Ldap<mailbox::memory::Memory> as Protocol>::REFUSAL, wanted);
    }
}
