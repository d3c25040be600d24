//! Mail that is not in the user's own mailbox: other users' mailboxes, the online archive, the public folders.
//!
//! Each of them is a mailbox of its own here, a [`Live`] with an ID map of its own: its UIDs, its UIDVALIDITYs and its
//! cached bodies are apart from the user's. Two users who share a mailbox have two maps of it. To the client they are
//! folders below a name: `Other Users/ben@corp.example/`, `Archive/`, `Public/`.
//!
//! Exchange tells nobody whose mailboxes they may open. A mailbox of others is opened when a client first names it, and
//! is listed from then on until it is unsubscribed; listing costs no call for those that nobody names. Whether there is an
//! archive and whether there are public folders is asked once a day.

mod finding;
mod mounts;
mod place;
mod public;
mod rights;
mod routes;
mod shown;
mod transfer;
mod tree;
mod visits;
mod watch;

pub(crate) use mounts::{Mounts, Opener};
pub(crate) use place::{Root, is_container};
pub(crate) use public::Levels;
pub(crate) use rights::Known;
pub(crate) use routes::{Routes, Scout};
pub(crate) use transfer::between;
pub(crate) use tree::{Look, Visited};
