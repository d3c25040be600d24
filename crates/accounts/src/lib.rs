//! Who may use the gateway, with what, and how far.
//!
//! A [`Store`] holds the accounts, their device passwords, the administrators, and an audit log that is a chain of hashes; [`sqlite`] is
//! one for a single gateway, [`postgres`] one for several. [`Feeds`] are calendars that can be subscribed to by a secret address; [`Grants`] are the refresh tokens of those
//! who signed in at an identity provider. What opens a mailbox is sealed: under a key that lies in a file of its own
//! ([`rotate`] makes another one), which may be sealed under a key that is kept elsewhere ([`Safe`]), or, for device passwords, under one that is made of the password itself, so that a copy of everything
//! stored opens nothing.
//!
//! Calls of feeds and grants block for as long as a small transaction takes; asynchronous callers put them on a thread for
//! that.

mod account;
mod administrator;
mod audit;
mod check;
mod copy;
mod delays;
mod device;
mod error;
mod feed;
mod grant;
mod happening;
mod password;
mod policy;
mod register;
mod rotation;
mod safe;
mod seal;
mod store;
mod stored;
mod vault;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod postgres;
pub mod sqlite;

pub use account::{Account, AccountState, RELEASED};
pub use administrator::{Administrator, Role};
pub use audit::{Broken, Chain, Entry, Happening};
pub use check::Checker;
pub use copy::{Copied, copy};
pub use delays::Delays;
pub use device::{Device, DeviceId, Kept, NewDevice, Sighting};
pub use error::{Error, Result};
pub use feed::{Detail, Feed, FeedId, Feeds, NewFeed, Token};
pub use grant::{Grant, Grants};
pub use ipnet::IpNet;
pub use password::{ClientKey, DevicePassword, Hashed, ITERATIONS, Verifier, scram_salt};
pub use policy::{Decision, Facts, Rule, Verdict, decide};
pub use register::Register;
pub use rotation::{HeldKeys, Rotated, hold_keys, rotate, take_over};
pub use safe::{OuterKey, Safe};
pub use store::{Change, Committed, Fault, Store};
