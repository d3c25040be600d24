//! What the end-to-end tests share: the programs of this workspace as processes of their own, a plain IMAP client
//! that shows every byte, the control interface of the simulator, and messages that are hard to carry.
//!
//! Nothing here uses the crates that are tested: what the tests say about the gateway comes from its sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test harness fails by panicking")]

mod corpus;
mod dav;
mod dice;
mod gateway;
mod imap;
mod port;
mod process;
mod receiver;
mod simulator;
mod smtp;
mod soap;
mod wait;
mod xml;

pub use crate::corpus::{Sample, big, corpus, header_of, letter, letter_from};
pub use crate::dav::{Dav, DavAnswer, DavObject, DavSync};
pub use crate::dice::Dice;
pub use crate::gateway::{Gateway, LOST_ANSWER, PASSWORD, Site, USER};
pub use crate::imap::{Answer, Broken, Fetch, Imap, Response, Selected, Status, Value};
pub use crate::port::Port;
pub use crate::process::{Program, program};
pub use crate::receiver::{Received, Receiver, Says};
pub use crate::simulator::{Options, Simulator, Stats, certificates};
pub use crate::smtp::{Reply, Smtp};
pub use crate::soap::event;
pub use crate::wait::{eventually, shared};
pub use crate::xml::Node;
