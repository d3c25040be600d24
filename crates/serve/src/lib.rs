//! Listeners for every front end: accepting, proxies in front, TLS and STARTTLS, limits, drain, and the reading of sign-ins.
//!
//! A front end is a [`Protocol`]; [`listen`] runs it for every connection of one socket. Whatever happens in one
//! connection, a panic included, ends that connection only. Nothing here knows a protocol or a mailbox.

mod arrive;
mod certificates;
mod challenges;
mod drain;
mod forwarded;
mod limits;
mod listen;
mod network;
mod signer;
mod stream;
mod tls;

pub mod proxy;
pub mod sasl;

pub use arrive::arrive;
pub use certificates::{Certificates, ClientCertificates, Files, Pair, TlsError};
pub use challenges::Challenges;
pub use drain::{Drain, Shutdown};
pub use forwarded::{Fields, Forwarded, Unclear};
pub use limits::{Limits, Permit, Settings};
pub use listen::{Connection, Protocol, Security, listen};
pub use network::{Networks, NoNetwork};
pub use signer::{SignatureKind, Signer};
pub use stream::Stream;
pub use tls::Tls;
