//! What comes out of the framer, and how much may go in.

use std::fmt;

use crate::command::Tag;
use crate::secret::Secret;

/// How much a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a command outside of literals, and of a line asked for by [`crate::Framer::expect_line`].
    pub line: usize,
    /// Octets of all literals of a command that are not messages.
    pub literals: usize,
    /// Octets of one message of an APPEND.
    pub message: u64,
    /// Octets that are read and thrown away to get past a refused command, before the connection is given up
    /// (RFC 7888 section 4 leaves the choice).
    pub skip: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line: 64 << 10, literals: 256 << 10, message: 256 << 20, skip: 256 << 20 }
    }
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing until more bytes are pushed. Answers must be on their way to the client before waiting for them.
    NeedBytes,
    /// `+ ` is to be sent now: the client waits for it before it sends its literal.
    Continue,
    /// A whole command, but for APPEND and REPLACE with octets to come.
    Command(RawCommand),
    /// An APPEND or a REPLACE up to and with its first `{n}` that announces a message or a part of one. To take the message, go on with [`crate::Framer::next`]:
    /// [`Step::Continue`] follows if the client waits, then [`Step::Literal`], then [`Step::AppendNext`] or
    /// [`Step::AppendEnd`]. To refuse it, answer it and call [`crate::Framer::abandon`].
    Append(RawCommand),
    /// Some octets of the message, at least one. A message of no octets has no such step.
    Literal(Vec<u8>),
    /// These octets are complete; what follows them announces others (RFC 3502, RFC 4469). See [`Step::Append`] and
    /// [`crate::command::append::Literal::next`].
    AppendNext(RawCommand),
    /// These octets are complete, and so is the command; this is what stood between the two, mostly nothing.
    /// See [`crate::command::append::Literal::next`].
    AppendEnd(RawCommand),
    /// The line asked for by [`crate::Framer::expect_line`], without its end.
    Line(Secret),
    /// The command, or the line asked for, breaks a limit and is skipped. If an APPEND was under way, it is over.
    Refused(Refusal),
    /// The client cannot be followed any more: say BYE and close. Every step from now on is this one.
    Fatal(Fatal),
}

/// A command as sent, without the end of its line; each literal is `{n}`, CRLF and its octets. Debug shows no more
/// than the length, because it may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct RawCommand(pub(super) Vec<u8>);

impl RawCommand {
    /// Takes `bytes` for a command.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RawCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawCommand({} octets)", self.0.len())
    }
}

/// A command that breaks a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The tag, if there was one: `tag BAD`, else `* BAD`. For a line asked for, `None`.
    pub tag: Option<Tag>,
    /// Which limit.
    pub limit: Limit,
}

/// A limit that was broken. Display is a sentence for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::line`]: `BAD`.
    Line,
    /// [`Limits::literals`]: `BAD`.
    Literals,
    /// [`Limits::message`]: `NO [TOOBIG]`.
    Message,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "Line too long",
            Self::Literals => "Literal too big for this command",
            Self::Message => "Message too big",
        })
    }
}

/// Why the client cannot be followed. Display is a sentence for BYE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fatal {
    /// What is to be skipped is longer than [`Limits::skip`].
    TooMuchToSkip,
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refused command is too long to skip, closing")
    }
}
