use std::fmt;

use crate::Secret;

/// Where stored sign-ins are kept, sealed. Calls may block for as long as a small transaction takes.
///
/// Errors are one sentence for the operator.
pub trait TokenStore: fmt::Debug + Send + Sync {
    /// The refresh token of a user, if there is one.
    fn load(&self, user: &str) -> Result<Option<Secret>, String>;

    /// Keeps a refresh token; when it returns, it is on disk. Without `used`, somebody signed in, and it takes the place of
    /// whatever there was. With it, it came in exchange for that one: if there is another by now, that other one stays.
    fn replace(&self, user: &str, used: Option<&Secret>, next: &Secret) -> Result<(), String>;

    /// Keeps the claims that somebody has to ask for when they sign in next, since a server wants them; None once they
    /// have.
    fn want(&self, user: &str, claims: Option<&str>) -> Result<(), String>;

    /// Forgets a user's. False if there was none.
    fn remove(&self, user: &str) -> Result<bool, String>;
}
