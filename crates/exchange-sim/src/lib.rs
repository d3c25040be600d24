//! A simulated Exchange server, written from the documentation.
//!
//! It answers Exchange Web Services (EWS) requests as the documentation, the schemas and recordings of real servers
//! say a real server would, and it knows nothing of the client it is used to test: it shares no code with it.
//!
//! [`Exchange`] is the organisation: mailboxes, folders, items, ids and subscriptions, and one method that answers one
//! SOAP request. The program in `main.rs` puts HTTP, sign-in and faults around it.
//!
//! # Sending
//!
//! Whoever tests how mail is sent needs this of the command line (`--help`) and of the control interface (`http/control.rs`):
//!
//! - Mailboxes, and `--alias`, `--list`, `--send-as`, `--send-on-behalf`, also as `POST /alias`, `/list`, `/send-as`,
//!   `/send-on-behalf`, `/restrict`. Domains of mailboxes are the organisation's own; every other one is outside.
//! - `GET /deliveries/counts` tells by Message-ID how often a message was sent, kept in Sent Items, and how often it reached
//!   or missed each recipient; `GET /deliveries?after=N&wait=S` tells each message as it is sent; `GET /outside?number=N` what left.
//! - Limits by `--max-message`, `--max-recipients`, `--message-rate`, `--recipient-rate`, `--prohibit-send`, `--max-receive`, or as
//!   JSON by `POST /submission` ([`Limits`]); room by `POST /quota`; what a request that is too long gets by `--over-length`.
//! - What exceeds the rate, what is deferred, and with `--linger` everything for a while, waits in Drafts, or in Outbox with
//!   `--waiting-in outbox`, marked as submitted, until `POST /clock?ahead=` or time itself goes on: only then is it delivered and
//!   a copy kept. `POST /submission/hold` keeps mail in transport, where the copy is there and the recipients have nothing.
//! - Faults (`POST /fault`) for what sends alone with `"sends":true`: `lost` (nothing is done), `cut_after` (done, no answer),
//!   `cut_late` (no answer, done `pause` ms later), `delay`, `hang` and `unavailable` with or without `carried_out`, `refused`
//!   with any `code`, `busy`; each `every`-th, after `skip`, or by `chance` of a hundred from a `seed`, so that a run can be
//!   repeated. `POST /away` is an outage, and `GET /late?wait=S` tells when nothing is done late any more.
//! - What cannot be delivered comes back as REPORT.IPM.Note.NDR, unless its property 0x0C08 is false; `POST /outside/refuse` lets
//!   the world refuse somebody.
//! - A copy arrives with a trace, without Bcc, rendered anew, and with the named properties of the original. What is signed
//!   arrives octet for octet; what is encrypted with OpenPGP becomes attachments of a `multipart/mixed`.

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
