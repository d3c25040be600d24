//! `[pop3]`: what clients of POP3 are told.

use serde::Deserialize;

use super::SizePolicy;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Pop3 {
    pub(crate) size: SizePolicy,
}

impl Default for Pop3 {
    /// Clients of POP3 may take a size for the length of what comes.
    fn default() -> Self {
        Self { size: SizePolicy::Exact }
    }
}
