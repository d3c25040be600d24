use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::Challenge;
use crate::{Error, Secret};

/// Where an identity's access tokens come from, and new ones when they end.
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// A token that is good now. `refused` is what Exchange said when it did not take the last one; then that one is
    /// not given again.
    ///
    /// # Errors
    /// `SignIn` with [`crate::Cause::GrantLost`] if somebody has to sign in again, with
    /// [`crate::Cause::Administrator`] if only an administrator can help; `Unavailable` if it cannot be known now.
    fn token<'a>(&'a self, refused: Option<&'a Challenge>) -> TokenFuture<'a>;

    /// Whose tokens these are: one text for each tenant, client, user and resource, without anything secret.
    fn key(&self) -> String;
}

/// What [`TokenSource::token`] gives.
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<Secret, Error>> + Send + 'a>>;
