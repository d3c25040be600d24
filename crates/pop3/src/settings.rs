//! What an operator can set.

use std::net::SocketAddr;
use std::time::Duration;

use crate::proto;

/// Settings of the POP3 front end.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the greeting calls this server.
    pub name: String,
    /// True to take passwords over any connection in clear. Connections from the machine itself may always send
    /// them.
    pub plaintext_passwords: bool,
    /// What STAT and LIST say of messages that were never read.
    pub sizes: SizePolicy,
    /// How long somebody who has signed in may be silent; RFC 1939 section 3 wants at least ten minutes.
    pub inactivity: Duration,
    /// How long signing in may take.
    pub sign_in: Duration,
    /// Wrong passwords on one connection before it is closed.
    pub attempts: u32,
    /// Commands that are refused, one after the other, before the connection is closed.
    pub errors: u32,
}

/// How big a message is said to be (RFC 1939 section 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SizePolicy {
    /// As many octets as RETR sends. What was never read is read to know.
    #[default]
    Exact,
    /// The same of what was read before; of the rest, what the mailbox answers without reading it.
    Auto,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "exgate".to_owned(),
            plaintext_passwords: false,
            sizes: SizePolicy::Exact,
            inactivity: Duration::from_secs(10 * 60),
            sign_in: Duration::from_secs(2 * 60),
            attempts: 5,
            errors: 20,
        }
    }
}

impl Settings {
    pub(crate) fn limits(&self) -> proto::Limits {
        proto::Limits { line: proto::LONGEST_LINE, skip: 64 << 10 }
    }

    /// True if passwords may come from there in clear.
    pub(crate) fn trusts(&self, peer: SocketAddr) -> bool {
        self.plaintext_passwords || peer.ip().to_canonical().is_loopback()
    }
}
