//! What is in the mailboxes at the start.

pub mod demo;
pub mod large;

mod compose;
mod dice;

use std::str::FromStr;

use crate::{Exchange, http::User};

/// What is in the mailboxes at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Mail that looks real: [`demo`].
    Demo,
    /// Nothing but the folders every mailbox has.
    Empty,
    /// So many small messages in the first user's inbox: [`large`].
    Large(u32),
}

impl Preset {
    /// Fills the mailboxes of `users`, which must be there, and gives the number of messages.
    ///
    /// # Errors
    /// What the organisation refused.
    pub fn fill(self, exchange: &Exchange, users: &[User]) -> Result<usize, String> {
        match (self, users.first()) {
            (Self::Demo, _) => demo::fill(exchange, users),
            (Self::Large(count), Some(user)) => {
                large::fill(exchange, &user.address, count)?;
                Ok(usize::try_from(count).unwrap_or(usize::MAX))
            }
            _ => Ok(0),
        }
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match (name, name.strip_prefix("large:").map(str::parse)) {
            ("demo", _) => Ok(Self::Demo),
            ("empty", _) => Ok(Self::Empty),
            (_, Some(Ok(count))) => Ok(Self::Large(count)),
            _ => Err(format!("no such preset: {name} (known: demo, empty, large:N)")),
        }
    }
}
