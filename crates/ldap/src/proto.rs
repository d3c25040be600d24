//! LDAP as values (RFC 4511): messages out of octets ([`Framer`]), requests out of messages ([`Request`]), answers into
//! octets ([`Response`]). No IO, no clock.

mod ber;
mod dn;
mod filter;
mod framer;
mod request;
mod response;
mod write;

pub use ber::BerError;
pub use dn::Name;
pub use filter::{Filter, Part};
pub use framer::{Fault, Framer, Raw, Step};
pub use request::{Authentication, Bind, Control, Message, Operation, Request, Scope, Search};
pub use response::{Attribute, Code, Entry, Outcome, Response};
