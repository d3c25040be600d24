//! What the operator decides.

use std::path::PathBuf;
use std::time::Duration;

/// How the backend is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The directory for ID maps and cached messages. It is made if it is not there.
    pub state: PathBuf,
    /// The Exchange servers. At least one.
    pub organisations: Vec<Organisation>,
    /// How RFC822.SIZE is answered.
    pub sizes: SizePolicy,
    /// How many bytes of messages are kept on disk, over all mailboxes.
    pub cache_bytes: u64,
    /// How often changes are looked for where Exchange cannot notify.
    pub poll: Duration,
    /// How long a mailbox stays live after its last session ended.
    pub linger: Duration,
    /// Whether access tokens (RFC 6750) are passed on to Exchange, which must be set up for them.
    pub tokens: bool,
}

impl Settings {
    /// The defaults for a state directory and these organisations.
    #[must_use]
    pub fn new(state: impl Into<PathBuf>, organisations: Vec<Organisation>) -> Self {
        Self {
            state: state.into(),
            organisations,
            sizes: SizePolicy::Auto,
            cache_bytes: 2 << 30,
            poll: Duration::from_secs(30),
            linger: Duration::from_secs(300),
            tokens: false,
        }
    }
}

/// One Exchange organisation, and who belongs to it.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// Its name in logs and in the state directory. State is found by it, so it must not change.
    pub name: String,
    /// Such as `https://mail.example.org/EWS/Exchange.asmx`.
    pub url: String,
    /// Domains of its users, without regard to case. Empty for everyone no other organisation claims.
    pub domains: Vec<String>,
    /// PEM certificates trusted beside the system's own.
    pub ca_file: Option<PathBuf>,
    /// Allow `http://` URLs, credentials and mail in clear.
    pub allow_http: bool,
}

/// How RFC822.SIZE is answered for a message whose rendering is not known yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SizePolicy {
    /// By an estimate that is never below the real size.
    #[default]
    Auto,
    /// Exactly, at the price of fetching the message.
    Exact,
}
