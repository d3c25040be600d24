//! LOGIN and AUTHENTICATE.

use crate::secret::Secret;

/// `LOGIN` (RFC 3501 section 6.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user's name, as typed.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// `AUTHENTICATE` (RFC 3501 section 6.2.2, RFC 4959).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticate {
    /// The mechanism, in capitals.
    pub mechanism: String,
    /// The initial response, still in base64; empty for `=`. Without it, an empty challenge is to be sent and
    /// the response comes as a line, see [`crate::Framer::expect_line`].
    pub initial: Option<Secret>,
}
