//! Sending: what a front end hands over once it has a message and its envelope, and what comes of it.
//!
//! A message is what the client sent, octet for octet. What the header says is read here ([`Header`]), held against the
//! envelope ([`Recipients`]), and completed where it must be ([`Header::completed`]); all of it is pure.

mod address;
mod addresses;
mod binary;
mod complete;
mod header;
mod recipients;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Instant;

use crate::{Content, Error, ErrorKind, Result};

pub use address::Address;
pub use addresses::{Mailbox, address_list};
pub use binary::without_binary;
pub use header::{Fault, Header, LARGEST_HEADER, Resent};
pub use recipients::Recipients;

/// What somebody who has signed in can send with. Clones share everything.
pub trait Submit: Clone + Send + Sync + 'static {
    /// What is known now, without asking anybody.
    fn limits(&self) -> Limits;

    /// Whether the user may send in the name of this address: it is one of the mailbox's own, or the user may send as
    /// its owner or on behalf of them. Asked when the sender is named (MAIL FROM), and before a message is handed over,
    /// for each address of its From, and for its Sender. What cannot be known before Exchange is handed the message is allowed here.
    ///
    /// # Errors
    /// `Denied` if not; `Busy` or `Unavailable` if it must be known and cannot be now.
    fn may_send_as(&self, address: &Address) -> impl Future<Output = Result<()>> + Send;

    /// Takes a message. When this returns it is sent, or on disk and will be sent: nobody has to bring it again. If
    /// this fails nobody gets the message; where it is not known whether Exchange took it, that is found out first,
    /// or the message is kept and this succeeds. A caller that goes away does not cancel it; one that stays is answered
    /// within some minutes, since clients wait for ten (RFC 5321 section 4.5.3.2.6) and then come again.
    ///
    /// # Errors
    /// For the whole message, with what it is about; see [`Refused`].
    fn submit(&self, submission: Submission) -> impl Future<Output = std::result::Result<Accepted, Refused>> + Send;

    /// The client knows the outcome of this submission, since it went on after it was told. Of one that is never heard
    /// of again, the client may come again with the same message.
    fn heard(&self, _id: SubmissionId) {}
}

/// The largest that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a message.
    pub message: u64,
    /// Recipients of a message.
    pub recipients: usize,
}

/// A message, whom it is for, and where it came from.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Its own, and no other's. A client that comes again has a new one.
    pub id: SubmissionId,
    /// Who gets it, and who hears of what becomes of it.
    pub envelope: Envelope,
    /// Its bytes as they came, Bcc included; every line ends with CRLF, and there is no NUL. Parts that came as binary are in
    /// base64.
    pub message: Content,
    /// What was read in its header.
    pub header: Header,
    /// The session it came in.
    pub session: Session,
    /// When its last octet had come. A client that hung up then may have brought it again, and have been quicker.
    pub arrived: Instant,
}

/// What names one submission everywhere: in the answer to the client, in logs, and in what Exchange is given to keep with
/// the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubmissionId(pub u128);

impl fmt::Display for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Where a submission came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The name somebody signed in with.
    pub user: String,
    /// What the client calls itself (EHLO). It may say anything.
    pub client: String,
    /// Its address.
    pub peer: SocketAddr,
    /// True if the message came under TLS.
    pub tls: bool,
}

/// RFC 5321 section 2.3.1, with what extensions add to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The reverse path, which hears of failures; `None` for `<>`, which nobody hears of.
    pub sender: Option<Address>,
    /// Who gets the message: at least one, nobody twice.
    pub recipients: Vec<Recipient>,
    /// What the client says of the octets (RFC 6152, 3030).
    pub body: Body,
    /// Addresses and header may hold UTF-8 (RFC 6531).
    pub smtp_utf8: bool,
    /// How much of the message a report of failure returns (RFC 3461 section 4.3, RET).
    pub returned: Option<Returned>,
    /// What the client calls the transaction in reports (RFC 3461 section 4.4, ENVID), decoded.
    pub envelope_id: Option<String>,
}

/// Who gets a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The forward path.
    pub address: Address,
    /// What the sender wants to hear of (RFC 3461 section 4.1, NOTIFY); `None` leaves it to the server.
    pub notify: Option<Notify>,
    /// The recipient as the sender named it first (RFC 3461 section 4.2, ORCPT).
    pub original: Option<OriginalRecipient>,
}

/// Reports that are wanted; none of them is NEVER.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// That it was delivered.
    pub success: bool,
    /// That it was not.
    pub failure: bool,
    /// That it is not yet.
    pub delay: bool,
}

/// `original-recipient-address = addr-type ";" xtext` (RFC 3461 section 4.2, RFC 6533 section 3), decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalRecipient {
    /// `rfc822` or `utf-8` mostly, as it came.
    pub kind: String,
    /// The address.
    pub address: String,
}

/// The octets of a message, as the client declares them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// Nothing above 127. Clients that say nothing say this, and many of them send 8-bit all the same.
    #[default]
    SevenBit,
    /// Lines of any octets but NUL (RFC 6152).
    EightBit,
    /// Any octets: line ends mean nothing where a part is binary (RFC 3030).
    Binary,
}

/// RFC 3461 section 4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// All of it.
    Full,
    /// The header only.
    Headers,
}

/// A message that is sent or will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Whether Exchange has it.
    pub by: Taker,
}

/// Who has a message now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taker {
    /// Exchange.
    Exchange,
    /// The gateway, on disk.
    Gateway,
    /// Whoever had it already: this was a client that came again, since it had not heard of the outcome.
    Before,
}

/// A message that nobody gets, and why.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Whose move it is, and a sentence.
    pub error: Error,
    /// What stands in the way.
    pub about: About,
}

/// What an error of sending is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The message, the mailbox or the server: the kind says which.
    Message,
    /// In whose name it is sent.
    Sender(Address),
    /// Somebody it is for: nobody of that name (`NotFound`), not from this user (`Denied`), and so on.
    Recipient(Address),
    /// How many it is for.
    RecipientCount,
    /// How much this user has sent lately.
    Rate,
}

impl Refused {
    /// An error about something.
    #[must_use]
    pub fn new(about: About, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { error: Error::new(kind, message), about }
    }
}

/// What is not about anything smaller is about the message.
impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, about: About::Message }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Refused {}
