//! What an operator can set, and what the backend is known to do.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::proto;

/// Settings of the submission front end.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the greeting calls this server.
    pub name: String,
    /// True to take passwords over any connection in clear. Connections from the machine itself may always send
    /// them.
    pub plaintext_passwords: bool,
    /// Where messages are kept while they come.
    pub spool: PathBuf,
    /// Octets of the largest message taken; the mailbox may take less.
    pub largest_message: u64,
    /// Recipients of a message; the mailbox may take fewer.
    pub most_recipients: usize,
    /// True if the backend honours what a client wants to hear of its message (RFC 3461).
    pub delivery_reports: bool,
    /// How long somebody who has signed in may take for a command, or may be silent within a message; RFC 5321 section
    /// 4.5.3.2.7 wants at least five minutes.
    pub inactivity: Duration,
    /// How long signing in may take.
    pub sign_in: Duration,
    /// Wrong passwords on one connection before it is closed.
    pub attempts: u32,
    /// Commands that are refused, one message after the other, before the connection is closed.
    pub errors: u32,
    /// Commands without a message or a recipient among them before the connection is closed.
    pub idle_commands: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "exgate".to_owned(),
            plaintext_passwords: false,
            spool: std::env::temp_dir(),
            largest_message: 150 << 20,
            most_recipients: 5000,
            delivery_reports: false,
            inactivity: Duration::from_secs(5 * 60),
            sign_in: Duration::from_secs(2 * 60),
            attempts: 5,
            errors: 20,
            idle_commands: 100,
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
