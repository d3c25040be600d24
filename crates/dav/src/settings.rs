//! What an operator can set.

use std::time::Duration;

use crate::Pages;

/// Settings of the CalDAV and CardDAV front end.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the realm of a sign-in calls this server.
    pub name: String,
    /// True to take passwords over any connection in clear. Connections from the machine itself may always send them.
    pub plaintext_passwords: bool,
    /// Octets of the largest event, task or contact taken (`max-resource-size`).
    pub largest_object: u64,
    /// Octets of the largest XML document taken: a multiget of some ten thousand objects.
    pub largest_xml: u64,
    /// How long a connection may be silent between requests, and take for the head of one.
    pub silence: Duration,
    /// How long the next piece of a body may take, in either direction.
    pub patience: Duration,
    /// How long a sign-in that was right is not asked again.
    pub sign_in_kept: Duration,
    /// Members a query or a multiget answers at most; a client that needs more must use sync-collection or ask for
    /// less. A listing by PROPFIND, which has no word for the rest, is whole.
    pub most_members: usize,
    /// How much one client may have done at once where it comes through a proxy, and which proxies are believed.
    pub limits: serve::Limits,
    /// What anybody may read.
    pub pages: Pages,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "Exgate".to_owned(),
            plaintext_passwords: false,
            largest_object: 25 << 20,
            largest_xml: 8 << 20,
            silence: Duration::from_secs(75),
            patience: Duration::from_secs(60),
            sign_in_kept: Duration::from_secs(60),
            most_members: 100_000,
            limits: serve::Limits::new(serve::Settings::default()),
            pages: Pages::default(),
        }
    }
}
