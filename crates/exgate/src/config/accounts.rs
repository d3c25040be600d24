//! `[accounts]`: whom the gateway lets in.

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Accounts {
    pub(crate) approval: Approval,
}

/// What happens to people who come for the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Approval {
    /// They are let in.
    #[default]
    Automatic,
    /// They wait for the operator.
    Manual,
}
