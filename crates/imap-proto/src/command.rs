//! Commands as values.

pub mod append;
pub mod fetch;
pub mod list;
pub mod search;
pub mod select;
pub mod sign_in;
pub mod status;
pub mod store;

use std::fmt;

use crate::mailbox::{MailboxName, Names};
use crate::sequence::{Numbering, SequenceSet};
use append::Append;
use fetch::Fetch;
use list::List;
use search::Search;
use select::Select;
use sign_in::{Authenticate, Login};
use status::Status;
use store::Store;

/// A command: its tag and what is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// To be repeated in the answer.
    pub tag: Tag,
    /// What is to be done.
    pub verb: Verb,
}

/// `tag` (RFC 3501 section 9): printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tag(pub(crate) String);

impl Tag {
    /// The tag as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a command does. One variant per command; those that exist behind `UID` too carry a [`Numbering`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `CAPABILITY`
    Capability,
    /// `NOOP`
    Noop,
    /// `LOGOUT`
    Logout,
    /// `STARTTLS`
    StartTls,
    /// `AUTHENTICATE` (RFC 3501 section 6.2.2, RFC 4959)
    Authenticate(Authenticate),
    /// `LOGIN`
    Login(Login),
    /// `ENABLE` (RFC 5161): names as sent.
    Enable(Vec<String>),
    /// `ID` (RFC 2971): what the client says of itself; empty for `NIL`.
    Id(Vec<(String, Option<String>)>),
    /// `NAMESPACE` (RFC 2342)
    Namespace,
    /// `SELECT`
    Select(Select),
    /// `EXAMINE`
    Examine(Select),
    /// `CREATE`
    Create(Create),
    /// `DELETE`
    Delete(MailboxName),
    /// `RENAME`
    Rename(Rename),
    /// `SUBSCRIBE`
    Subscribe(MailboxName),
    /// `UNSUBSCRIBE`
    Unsubscribe(MailboxName),
    /// `LIST`, with all its options (RFC 5258, 6154, 5819)
    List(List),
    /// `LSUB`: reference and pattern; options are empty.
    Lsub(List),
    /// `XLIST`: reference and pattern; options are empty.
    Xlist(List),
    /// `STATUS`
    Status(Status),
    /// `APPEND`, up to the first message, whose bytes the framer hands out piece by piece.
    Append(Append),
    /// `IDLE` (RFC 2177): the next line is `DONE`, see [`crate::Framer::expect_line`].
    Idle,
    /// `CHECK`
    Check,
    /// `CLOSE`
    Close,
    /// `UNSELECT` (RFC 3691)
    Unselect,
    /// `EXPUNGE`
    Expunge,
    /// `UID EXPUNGE` (RFC 4315)
    UidExpunge(SequenceSet),
    /// `SEARCH`
    Search(Search),
    /// `FETCH`
    Fetch(Fetch),
    /// `STORE`
    Store(Store),
    /// `COPY`
    Copy(Transfer),
    /// `MOVE` (RFC 6851)
    Move(Transfer),
}

/// `CREATE` (RFC 3501 section 6.3.3, RFC 6154 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// The name; a hierarchy delimiter at its end is kept.
    pub mailbox: MailboxName,
    /// `USE (...)`: attributes without their backslash.
    pub special_use: Vec<String>,
}

/// `RENAME` (RFC 3501 section 6.3.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The name it has.
    pub from: MailboxName,
    /// The name it shall have.
    pub to: MailboxName,
}

/// `COPY` and `MOVE` (RFC 3501 section 6.4.7, RFC 6851).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What the numbers are.
    pub numbering: Numbering,
    /// The messages.
    pub set: SequenceSet,
    /// Where to.
    pub to: MailboxName,
}

/// Why a command cannot be understood. Display is a sentence for the text of the answer; it holds nothing of what
/// the client sent but the command's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The tag, if there was one: `tag BAD`, else `* BAD`.
    pub tag: Option<Tag>,
    /// The command, if it was one we know.
    pub name: Option<&'static str>,
    /// Octets from the beginning of the command.
    pub position: usize,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong with a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no tag.
    NoTag,
    /// There is no such command.
    UnknownCommand,
    /// Something else was expected here.
    Expected(&'static str),
    /// A search or list is nested too deeply.
    TooDeep,
    /// SEARCH in a charset we do not have: `NO [BADCHARSET (US-ASCII UTF-8)]`, and no `BAD`.
    BadCharset,
}

impl Tag {
    /// The tag that `bytes` begin with, and what follows it.
    ///
    /// `tag = 1*<any ASTRING-CHAR except "+">` (RFC 3501 section 9)
    pub(crate) fn leading(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let length = bytes.iter().take(Self::LONGEST).take_while(|&&byte| is_tag_char(byte)).count();
        let (tag, rest) = bytes.split_at_checked(length)?;
        let text = std::str::from_utf8(tag).ok().filter(|text| !text.is_empty())?;
        matches!(rest, [] | [b' ', ..]).then(|| (Self(text.to_owned()), rest))
    }

    /// Octets. The longest of a real client are some thirty.
    const LONGEST: usize = 200;
}

fn is_tag_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b'+')
}
