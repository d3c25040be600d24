use std::fmt;

use crate::Secret;

/// Where stored sign-ins are kept, sealed. Calls may block for as long as a small transaction takes.
///
/// Errors are one sentence for the operator.
pub trait TokenStore: fmt::Debug + Send + Sync {
    /// The refresh token of a user, if there is one.
    fn load(&self, user: &str) -> Result<Option<Secret>, String>;

    /// Puts a refresh token in the place of what there was. When it returns, the token is on disk.
    fn replace(&self, user: &str, token: &Secret) -> Result<(), String>;

    /// Forgets a user's. False if there was none.
    fn remove(&self, user: &str) -> Result<bool, String>;
}
