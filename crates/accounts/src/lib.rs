//! Who may use the gateway without the password of a mail client.
//!
//! [`Feeds`] are calendars that can be subscribed to by a secret address; [`Grants`] are the refresh tokens of those who
//! signed in at an identity provider. What opens a mailbox is sealed ([`Seal`]) under a key that lies in a file of its own,
//! so that a copy of the database alone opens nothing.
//!
//! Calls block for as long as a small transaction takes; asynchronous callers put them on a thread for that.

mod error;
mod feed;
mod grant;
mod seal;

pub use error::{Error, Result};
pub use feed::{Detail, Feed, FeedId, Feeds, NewFeed, Token};
pub use grant::{Grant, Grants};
pub use seal::Seal;
