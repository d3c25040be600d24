//! What an operator can set.

use std::net::SocketAddr;
use std::time::Duration;

use crate::proto::Name;

/// Settings of the LDAP front end.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Below which name the people are.
    pub base: Name,
    /// True to take passwords over any connection in clear. Connections from the machine itself may always send
    /// them.
    pub plaintext_passwords: bool,
    /// The most people one search looks at.
    pub most_people: usize,
    /// How long a search may take.
    pub search: Duration,
    /// How long somebody who has signed in may be silent.
    pub inactivity: Duration,
    /// How long signing in may take.
    pub sign_in: Duration,
    /// Wrong passwords on one connection before it is closed.
    pub attempts: u32,
    /// Octets of the longest request.
    pub longest_request: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base: Name::default().child("ou", "people"),
            plaintext_passwords: false,
            most_people: 500,
            search: Duration::from_secs(60),
            inactivity: Duration::from_secs(30 * 60),
            sign_in: Duration::from_secs(2 * 60),
            attempts: 5,
            longest_request: 64 << 10,
        }
    }
}

impl Settings {
    /// True if passwords may come from there in clear.
    pub(crate) fn trusts(&self, peer: SocketAddr) -> bool {
        self.plaintext_passwords || peer.ip().to_canonical().is_loopback()
    }
}
