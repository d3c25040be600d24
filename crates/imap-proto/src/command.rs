//! Commands as values.

pub mod acl;
pub mod append;
pub mod esearch;
pub mod fetch;
pub mod list;
pub mod metadata;
pub mod notify;
pub mod quota;
pub mod scope;
pub mod search;
pub mod select;
pub mod sign_in;
pub mod sort;
pub mod status;
pub mod store;
pub mod thread;

mod compress;
mod identify;
mod manage;
mod transfer;

use std::fmt;

use nom::Err;
use nom::bytes::complete::take_while1;
use nom::{Parser, combinator::opt};

use crate::framer::RawCommand;
use crate::grammar::{Parsed, Trouble, end, named, sp};
use crate::mailbox::{MailboxName, Names};
use crate::sequence::{Numbering, SequenceSet};
use acl::{AclSubject, SetAcl};
use append::{Append, Replace};
use esearch::Esearch;
use fetch::Fetch;
use list::List;
use metadata::{GetMetadata, SetMetadata};
use notify::Notify;
use quota::SetQuota;
use search::Search;
use select::Select;
use sign_in::{Authenticate, Login};
use sort::Sort;
use status::Status;
use store::Store;
use thread::Thread;

pub use manage::{Create, Rename};
pub use transfer::Transfer;

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

impl Command {
    /// Reads a command: one of [`crate::Step::Command`], or the beginning of an APPEND or REPLACE as [`crate::Step::Append`]
    /// has it. `names` says how the client writes mailbox names.
    ///
    /// `command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF` (RFC 3501 section 9)
    ///
    /// # Errors
    /// What is wrong, and where, and to whom to say so.
    pub fn parse(raw: &RawCommand, names: Names) -> Result<Self, ParseError> {
        let bytes = raw.bytes();
        let error = |tag, name, reason, position| ParseError { tag, name, position, reason };
        let Some((tag, rest)) = Tag::leading(bytes) else { return Err(error(None, None, Reason::NoTag, 0)) };
        let (arguments, row) = match name(rest) {
            Ok((arguments, Some(row))) => (arguments, row),
            Ok(_) => return Err(error(Some(tag), None, Reason::UnknownCommand, bytes.len() - rest.len())),
            Err(trouble) => return Err(ParseError::new(Some(tag), None, bytes, trouble)),
        };
        match (|input| (row.arguments)(names, input)).parse(arguments).and_then(|(rest, verb)| Ok((end(rest)?, verb))) {
            Ok((_, verb)) => Ok(Self { tag, verb }),
            Err(trouble) => Err(ParseError::new(Some(tag), Some(row.name), bytes, trouble)),
        }
    }
}

/// The name of the command, behind the tag, and its row.
fn name(input: &[u8]) -> Parsed<'_, Option<&'static Row>> {
    let word = || named("a command", take_while1(|byte: u8| byte.is_ascii_graphic() && byte != b'('));
    let (rest, _) = sp(input)?;
    let (rest, first): (_, &[u8]) = word().parse(rest)?;
    let (rest, second) = if first.eq_ignore_ascii_case(b"UID") {
        opt(nom::sequence::preceded(sp, word())).parse(rest)?
    } else {
        (rest, None)
    };
    let is_named = |name: &str| match (name.split_once(' '), second) {
        (Some((_, name)), Some(second)) => name.as_bytes().eq_ignore_ascii_case(second),
        (None, None) => name.as_bytes().eq_ignore_ascii_case(first),
        _ => false,
    };
    Ok((rest, COMMANDS.iter().find(|row| is_named(row.name))))
}

impl Verb {
    /// The name of the command, for logs and answers: `UID FETCH`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let uid = |numbering, plain, uid| if numbering == Numbering::Uid { uid } else { plain };
        match self {
            Self::Capability => "CAPABILITY",
            Self::Noop => "NOOP",
            Self::Logout => "LOGOUT",
            Self::StartTls => "STARTTLS",
            Self::Authenticate(_) => "AUTHENTICATE",
            Self::Login(_) => "LOGIN",
            Self::Enable(_) => "ENABLE",
            Self::Id(_) => "ID",
            Self::Namespace => "NAMESPACE",
            Self::Compress(_) => "COMPRESS",
            Self::Unauthenticate => "UNAUTHENTICATE",
            Self::GetQuota(_) => "GETQUOTA",
            Self::GetQuotaRoot(_) => "GETQUOTAROOT",
            Self::SetQuota(_) => "SETQUOTA",
            Self::SetAcl(_) => "SETACL",
            Self::DeleteAcl(_) => "DELETEACL",
            Self::GetAcl(_) => "GETACL",
            Self::ListRights(_) => "LISTRIGHTS",
            Self::MyRights(_) => "MYRIGHTS",
            Self::GetMetadata(_) => "GETMETADATA",
            Self::SetMetadata(_) => "SETMETADATA",
            Self::Notify(_) => "NOTIFY",
            Self::Select(_) => "SELECT",
            Self::Examine(_) => "EXAMINE",
            Self::Create(_) => "CREATE",
            Self::Delete(_) => "DELETE",
            Self::Rename(_) => "RENAME",
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::List(_) => "LIST",
            Self::Lsub(_) => "LSUB",
            Self::Xlist(_) => "XLIST",
            Self::Status(_) => "STATUS",
            Self::Append(_) => "APPEND",
            Self::Replace(replace) => uid(replace.numbering, "REPLACE", "UID REPLACE"),
            Self::Idle => "IDLE",
            Self::Check => "CHECK",
            Self::Close => "CLOSE",
            Self::Unselect => "UNSELECT",
            Self::Expunge => "EXPUNGE",
            Self::UidExpunge(_) => "UID EXPUNGE",
            Self::Search(search) => uid(search.numbering, "SEARCH", "UID SEARCH"),
            Self::Esearch(_) => "ESEARCH",
            Self::Sort(sort) => uid(sort.numbering, "SORT", "UID SORT"),
            Self::Thread(thread) => uid(thread.numbering, "THREAD", "UID THREAD"),
            Self::Fetch(fetch) => uid(fetch.numbering, "FETCH", "UID FETCH"),
            Self::Store(store) => uid(store.numbering, "STORE", "UID STORE"),
            Self::Copy(copy) => uid(copy.numbering, "COPY", "UID COPY"),
            Self::Move(transfer) => uid(transfer.numbering, "MOVE", "UID MOVE"),
        }
    }
}

impl Verb {
    /// True if it names a charset that it need not name.
    #[must_use]
    pub fn names_charset(&self) -> bool {
        matches!(self, Self::Search(Search { charset: true, .. }) | Self::Esearch(Esearch { charset: true, .. }))
    }
}

/// A command's name and the parser of what follows it.
struct Row {
    name: &'static str,
    arguments: for<'a> fn(Names, &'a [u8]) -> Parsed<'a, Verb>,
}

const COMMANDS: &[Row] = &[
    Row { name: "APPEND", arguments: append::append },
    Row { name: "AUTHENTICATE", arguments: |_, input| sign_in::authenticate(input) },
    Row { name: "CAPABILITY", arguments: |_, input| Ok((input, Verb::Capability)) },
    Row { name: "CHECK", arguments: |_, input| Ok((input, Verb::Check)) },
    Row { name: "CLOSE", arguments: |_, input| Ok((input, Verb::Close)) },
    Row { name: "COMPRESS", arguments: |_, input| compress::compress(input) },
    Row { name: "COPY", arguments: |names, input| transfer::copy(Numbering::Sequence, names, input) },
    Row { name: "CREATE", arguments: manage::create },
    Row { name: "DELETE", arguments: manage::delete },
    Row { name: "DELETEACL", arguments: acl::delete },
    Row { name: "ENABLE", arguments: |_, input| identify::enable(input) },
    Row { name: "ESEARCH", arguments: esearch::esearch },
    Row { name: "EXAMINE", arguments: select::examine },
    Row { name: "EXPUNGE", arguments: |_, input| Ok((input, Verb::Expunge)) },
    Row { name: "FETCH", arguments: |_, input| fetch::fetch(Numbering::Sequence, input) },
    Row { name: "GETACL", arguments: acl::get },
    Row { name: "GETMETADATA", arguments: metadata::get },
    Row { name: "GETQUOTA", arguments: |_, input| quota::get(input) },
    Row { name: "GETQUOTAROOT", arguments: quota::root },
    Row { name: "ID", arguments: |_, input| identify::id(input) },
    Row { name: "IDLE", arguments: |_, input| Ok((input, Verb::Idle)) },
    Row { name: "LIST", arguments: list::list },
    Row { name: "LISTRIGHTS", arguments: acl::list_rights },
    Row { name: "LOGIN", arguments: |_, input| sign_in::login(input) },
    Row { name: "LOGOUT", arguments: |_, input| Ok((input, Verb::Logout)) },
    Row { name: "LSUB", arguments: list::lsub },
    Row { name: "MOVE", arguments: |names, input| transfer::relocate(Numbering::Sequence, names, input) },
    Row { name: "MYRIGHTS", arguments: acl::my_rights },
    Row { name: "NAMESPACE", arguments: |_, input| Ok((input, Verb::Namespace)) },
    Row { name: "NOOP", arguments: |_, input| Ok((input, Verb::Noop)) },
    Row { name: "NOTIFY", arguments: notify::notify },
    Row { name: "RENAME", arguments: manage::rename },
    Row { name: "REPLACE", arguments: |names, input| append::replace(Numbering::Sequence, names, input) },
    Row { name: "SEARCH", arguments: |_, input| search::search(Numbering::Sequence, input) },
    Row { name: "SELECT", arguments: select::select },
    Row { name: "SETACL", arguments: acl::set },
    Row { name: "SETMETADATA", arguments: metadata::set },
    Row { name: "SETQUOTA", arguments: |_, input| quota::set(input) },
    Row { name: "SORT", arguments: |_, input| sort::sort(Numbering::Sequence, input) },
    Row { name: "STARTTLS", arguments: |_, input| Ok((input, Verb::StartTls)) },
    Row { name: "STATUS", arguments: status::status },
    Row { name: "STORE", arguments: |_, input| store::store(Numbering::Sequence, input) },
    Row { name: "SUBSCRIBE", arguments: manage::subscribe },
    Row { name: "THREAD", arguments: |_, input| thread::thread(Numbering::Sequence, input) },
    Row { name: "UID COPY", arguments: |names, input| transfer::copy(Numbering::Uid, names, input) },
    Row { name: "UID EXPUNGE", arguments: |_, input| transfer::uid_expunge(input) },
    Row { name: "UID FETCH", arguments: |_, input| fetch::fetch(Numbering::Uid, input) },
    Row { name: "UID MOVE", arguments: |names, input| transfer::relocate(Numbering::Uid, names, input) },
    Row { name: "UID REPLACE", arguments: |names, input| append::replace(Numbering::Uid, names, input) },
    Row { name: "UID SEARCH", arguments: |_, input| search::search(Numbering::Uid, input) },
    Row { name: "UID SORT", arguments: |_, input| sort::sort(Numbering::Uid, input) },
    Row { name: "UID STORE", arguments: |_, input| store::store(Numbering::Uid, input) },
    Row { name: "UID THREAD", arguments: |_, input| thread::thread(Numbering::Uid, input) },
    Row { name: "UNAUTHENTICATE", arguments: |_, input| Ok((input, Verb::Unauthenticate)) },
    Row { name: "UNSELECT", arguments: |_, input| Ok((input, Verb::Unselect)) },
    Row { name: "UNSUBSCRIBE", arguments: manage::unsubscribe },
    Row { name: "XLIST", arguments: list::xlist },
];

impl Tag {
    /// A tag; `None` if `text` is none.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        Self::leading(text.as_bytes()).filter(|(_, rest)| rest.is_empty()).map(|(tag, _)| tag)
    }

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
    /// `COMPRESS` (RFC 4978): the algorithm, in capitals.
    Compress(String),
    /// `UNAUTHENTICATE` (RFC 8437)
    Unauthenticate,
    /// `GETQUOTA` (RFC 9208): the quota root.
    GetQuota(String),
    /// `GETQUOTAROOT` (RFC 9208)
    GetQuotaRoot(MailboxName),
    /// `SETQUOTA` (RFC 9208)
    SetQuota(SetQuota),
    /// `SETACL` (RFC 4314)
    SetAcl(SetAcl),
    /// `DELETEACL` (RFC 4314)
    DeleteAcl(AclSubject),
    /// `GETACL` (RFC 4314)
    GetAcl(MailboxName),
    /// `LISTRIGHTS` (RFC 4314)
    ListRights(AclSubject),
    /// `MYRIGHTS` (RFC 4314)
    MyRights(MailboxName),
    /// `GETMETADATA` (RFC 5464)
    GetMetadata(GetMetadata),
    /// `SETMETADATA` (RFC 5464)
    SetMetadata(SetMetadata),
    /// `NOTIFY` (RFC 5465)
    Notify(Notify),
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
    /// `REPLACE` (RFC 8508), up to the same.
    Replace(Replace),
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
    /// `ESEARCH` (RFC 7377)
    Esearch(Esearch),
    /// `SORT` (RFC 5256)
    Sort(Sort),
    /// `THREAD` (RFC 5256)
    Thread(Thread),
    /// `FETCH`
    Fetch(Fetch),
    /// `STORE`
    Store(Store),
    /// `COPY`
    Copy(Transfer),
    /// `MOVE` (RFC 6851)
    Move(Transfer),
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

impl ParseError {
    fn new(tag: Option<Tag>, name: Option<&'static str>, bytes: &[u8], trouble: Err<Trouble<'_>>) -> Self {
        match trouble {
            Err::Error(trouble) | Err::Failure(trouble) => {
                Self { tag, name, position: bytes.len() - trouble.at.len(), reason: trouble.reason }
            }
            Err::Incomplete(_) => Self { tag, name, position: bytes.len(), reason: Reason::Expected("more") },
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.name {
            write!(f, "{name}: ")?;
        }
        match self.reason {
            Reason::NoTag => f.write_str("expected a tag and a command"),
            Reason::UnknownCommand => f.write_str("unknown command"),
            Reason::Expected(what) => write!(f, "expected {what} at octet {}", self.position),
            Reason::TooDeep => f.write_str("nested too deeply"),
            Reason::BadCharset => f.write_str("there is no such charset, use UTF-8"),
        }
    }
}

impl std::error::Error for ParseError {}

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
