//! Listeners for every front end: accepting, TLS and STARTTLS, limits, drain, and the reading of sign-ins.
//!
//! A front end is a [`Protocol`]; [`listen`] runs it for every connection of one socket. Whatever happens in one
//! connection, a panic included, ends that connection only. Nothing here knows a protocol or a mailbox.

mod arrive;
mod drain;
mod limits;
mod listen;
mod stream;
mod tls;

pub mod sasl;

pub use arrive::arrive;
pub use drain::{Drain, Shutdown};
pub use limits::{Limits, Permit, Settings};
pub use listen::{Connection, Protocol, Security, listen};
pub use stream::Stream;
pub use tls::{Tls, TlsError};
