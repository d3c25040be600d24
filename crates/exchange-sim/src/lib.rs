//! A simulated Exchange server, written from the documentation.
//!
//! It answers Exchange Web Services (EWS) requests as the documentation, the schemas and recordings of real servers
//! say a real server would, and it knows nothing of the client it is used to test: it shares no code with it.
//!
//! [`Exchange`] is the organisation: mailboxes, folders, items, ids and subscriptions, and one method that answers one
//! SOAP request. The program in `main.rs` puts HTTP, sign-in and faults around it.

pub mod certificates;
pub mod dns;
pub mod http;
pub mod idp;
pub mod import;
pub mod mime;
pub mod preset;
pub mod proxy;

mod aqs;
mod autodiscover;
mod calendar;
mod caller;
mod compose;
mod contents;
mod der;
mod directory;
mod exchange;
mod form;
mod fresh;
mod items;
mod meeting;
mod moving;
mod ntlm;
mod op;
mod patch;
mod permission;
mod property;
mod public_folders;
mod reply;
mod restriction;
mod schema;
mod soap;
mod spnego;
mod store;
mod submission;
mod sync;
mod time;
mod vacant;
mod version;

pub use caller::Caller;
pub use directory::{Entry, EntryKind};
pub use exchange::{Answer, Edit, EventStream, Exchange, MimeMode, Options, Original, Poison, Received};
pub use submission::{Limits, Waiting};
pub use version::Version;
