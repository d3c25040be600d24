//! What an operator can set.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use imap_proto::Limits;
use jiff::Timestamp;

/// Settings of the IMAP front end.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the greeting and ID call this server.
    pub name: String,
    /// The version ID tells.
    pub version: String,
    /// True to take passwords over any connection in clear. Connections from the machine itself may always send
    /// them.
    pub plaintext_passwords: bool,
    /// Capabilities that are not told to clients, as `MOVE`.
    pub capabilities_off: Vec<String>,
    /// Where messages being appended are kept while they come.
    pub spool: PathBuf,
    /// Octets of the largest message taken.
    pub largest_message: u64,
    /// How long somebody who has signed in may be silent; RFC 3501 section 5.4 wants at least half an hour.
    pub inactivity: Duration,
    /// How long signing in may take.
    pub sign_in: Duration,
    /// Wrong passwords on one connection before it is closed.
    pub attempts: u32,
    /// What time it is, for searches by age (RFC 5032); tests have their own.
    pub clock: fn() -> Timestamp,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "Exgate".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            plaintext_passwords: false,
            capabilities_off: Vec::new(),
            spool: std::env::temp_dir(),
            largest_message: 150 << 20,
            inactivity: Duration::from_secs(31 * 60),
            sign_in: Duration::from_secs(2 * 60),
            attempts: 5,
            clock: Timestamp::now,
        }
    }
}

impl Settings {
    /// What a stranger may send. Access tokens of some identity providers are long, and come in base64.
    pub(crate) fn limits_before_sign_in(&self) -> Limits {
        Limits { line: 16 << 10, literals: 16 << 10, message: u64::MAX, skip: 64 << 10 }
    }

    /// What a user may send.
    pub(crate) fn limits(&self) -> Limits {
        Limits { message: self.largest_message, skip: self.largest_message.saturating_mul(2), ..Limits::default() }
    }

    /// True if passwords may come from there in clear.
    pub(crate) fn trusts(&self, peer: SocketAddr) -> bool {
        self.plaintext_passwords || peer.ip().to_canonical().is_loopback()
    }
}
