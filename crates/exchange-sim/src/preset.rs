//! What is in the mailboxes at the start.

pub mod calendar;
pub mod demo;
pub mod large;

mod compose;
mod dice;
mod public;

use std::str::FromStr;

use crate::{Exchange, http::User};

pub use public::public_folders;

/// What is in the mailboxes at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Mail that looks real: [`demo`].
    Demo,
    /// Nothing but the folders every mailbox has.
    Empty,
    /// So many small messages in the first user's inbox: [`large`].
    Large(u32),
    /// So many events in the first user's calendar: [`calendar`].
    Calendar(u32),
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
            (Self::Calendar(count), Some(user)) => {
                calendar::fill(exchange, &user.address, count)?;
                Ok(0)
            }
            _ => Ok(0),
        }
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let of = |kind: &str| name.strip_prefix(kind).and_then(|count| count.parse().ok());
        match (name, of("large:"), of("calendar:")) {
            ("demo", ..) => Ok(Self::Demo),
            ("empty", ..) => Ok(Self::Empty),
            (_, Some(count), _) => Ok(Self::Large(count)),
            (.., Some(count)) => Ok(Self::Calendar(count)),
            _ => Err(format!("no such preset: {name} (known: demo, empty, large:N, calendar:N)")),
        }
    }
}
