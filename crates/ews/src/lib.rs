//! An Exchange Web Services client: operations, transport lanes, sign-in, back-off, notifications.
//!
//! It knows SOAP and Exchange and nothing of mailboxes as mail clients see them. What it guarantees:
//!
//! * a request is sent at most once unless it is idempotent or certainly was not carried out;
//! * an answer is believed only if it is whole: a cut one is an error, never half a result;
//! * a large answer, or the MIME of a large message, never stands in memory as a whole;
//! * an identity Exchange refused is not tried again before [`Client::refused_until`];
//! * while Exchange asks to be left alone, every call of that identity waits.
//!
//! Start with [`Server`], get a [`Client`] for an [`Identity`], and [`Client::call`] what is in [`op`].

mod attempt;
mod backoff;
mod breaker;
mod client;
mod dns;
mod egress;
mod endpoints;
mod error;
mod group;
mod limiter;
mod mime;
mod operation;
mod probe;
mod reading;
mod refusal;
mod schema;
mod secret;
mod server;
mod signin;
mod stream;
mod trace;
mod transport;
mod types;
mod vigil;
mod weather;
mod web;

pub mod autodiscover;
pub mod oauth;
pub mod op;
pub mod soap;

pub use client::Client;
pub use dns::Service;
pub use egress::{Egress, EgressConfig, Proxy, ProxyKind};
pub use endpoints::Failover;
pub use error::{Cause, Error, ErrorKind, ItemError, ResponseCode, Sent};
pub use group::{Heard, Hearing};
pub use limiter::{Caller, Priority};
pub use mime::{MimeError, MimeSink, MimeSource};
pub use operation::{Budget, Nothing, Operation, Payload};
pub use probe::{Certificate, ExtendedProtection, Offers, Probe, TlsFound};
pub use secret::Secret;
pub use server::{Identity, Impersonation, Limits, Server, ServerConfig};
pub use signin::{ChannelBinding, KERBEROS, Scheme, Schemes};
pub use stream::{EventStream, StreamingEvent};
pub use trace::Trace;
pub use transport::{ClientCertificate, Dialer, Legacy, TlsVersion, Trust};
pub use types::*;
pub use web::{Ask, Told, Web, WebConfig};

/// What a call gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;
