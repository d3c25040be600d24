//! LIST, LSUB, XLIST, STATUS, NAMESPACE.

use super::word;
use crate::command::status::Item;
use crate::mailbox::{MailboxName, Names};

/// A mailbox as LIST shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListLine {
    /// Attributes.
    pub attributes: Vec<Attribute>,
    /// What separates the names of a path; `None` for a flat name.
    pub delimiter: Option<char>,
    /// The name, decoded.
    pub name: MailboxName,
    /// `CHILDINFO`: the selection options, as `SUBSCRIBED`, that mailboxes below match (RFC 5258 section 3.5).
    pub child_info: Vec<&'static str>,
    /// `OLDNAME`: the name it was asked for or had before (RFC 9051 section 6.3.9.7).
    pub old_name: Option<MailboxName>,
}

/// An attribute of a mailbox (RFC 3501 section 7.2.2, RFC 5258, RFC 6154, RFC 8457).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// `\Noinferiors`
    NoInferiors,
    /// `\Noselect`
    NoSelect,
    /// `\NonExistent`
    NonExistent,
    /// `\NoAccess` (RFC 5465)
    NoAccess,
    /// `\HasChildren`
    HasChildren,
    /// `\HasNoChildren`
    HasNoChildren,
    /// `\Marked`
    Marked,
    /// `\Unmarked`
    Unmarked,
    /// `\Subscribed`
    Subscribed,
    /// `\Remote`
    Remote,
    /// `\All`
    All,
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Flagged`
    Flagged,
    /// `\Important`
    Important,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

/// `* LIST (attributes) delimiter mailbox` (RFC 9051 section 7.3.1)
pub fn list(out: &mut Vec<u8>, names: Names, line: &ListLine) {
    mailbox_line(out, names, line, "LIST", &[], Attribute::name);
}

/// `* LSUB (attributes) delimiter mailbox` (RFC 3501 section 7.2.3)
pub fn lsub(out: &mut Vec<u8>, names: Names, line: &ListLine) {
    mailbox_line(out, names, line, "LSUB", &[], Attribute::name);
}

/// `* XLIST (attributes) delimiter mailbox`: Google's command of before RFC 6154, with names of its own for some
/// uses. Outlook 2013 and 2016 find special folders only so.
pub fn xlist(out: &mut Vec<u8>, names: Names, line: &ListLine) {
    let inbox: &[&str] = if line.name.is_inbox() { &["\\Inbox"] } else { &[] };
    mailbox_line(out, names, line, "XLIST", inbox, |attribute| match attribute {
        Attribute::All => "\\AllMail",
        Attribute::Flagged => "\\Starred",
        Attribute::Junk => "\\Spam",
        other => other.name(),
    });
}

/// A value of STATUS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusValue {
    /// A number.
    Number(u64),
    /// An id (MAILBOXID).
    Id(String),
    /// There is none (APPENDLIMIT).
    Nil,
}

/// `* STATUS mailbox (MESSAGES 231 UIDNEXT 44292)` (RFC 3501 section 7.2.4)
pub fn status(out: &mut Vec<u8>, names: Names, mailbox: &MailboxName, values: &[(Item, StatusValue)]) {
    out.extend_from_slice(b"* STATUS ");
    word::mailbox(out, names, mailbox);
    out.extend_from_slice(b" (");
    for (index, (item, value)) in values.iter().enumerate() {
        let value = match value {
            StatusValue::Number(number) => number.to_string(),
            StatusValue::Id(id) => format!("({id})"),
            StatusValue::Nil => "NIL".to_owned(),
        };
        let space = if index > 0 { " " } else { "" };
        out.extend_from_slice(format!("{space}{} {value}", item.name()).as_bytes());
    }
    out.extend_from_slice(b")\r\n");
}

/// Where mailboxes are (RFC 2342).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// The user's own.
    pub personal: Vec<Namespace>,
    /// Other users'.
    pub others: Vec<Namespace>,
    /// Shared ones.
    pub shared: Vec<Namespace>,
}

/// One of these places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// What names begin with, the delimiter included; mostly empty.
    pub prefix: MailboxName,
    /// What separates the names of a path.
    pub delimiter: Option<char>,
}

/// `* NAMESPACE (("" "/")) NIL NIL` (RFC 2342 section 5)
pub fn namespace(out: &mut Vec<u8>, names: Names, all: &Namespaces) {
    out.extend_from_slice(b"* NAMESPACE");
    for spaces in [&all.personal, &all.others, &all.shared] {
        out.push(b' ');
        if spaces.is_empty() {
            out.extend_from_slice(b"NIL");
            continue;
        }
        out.push(b'(');
        for space in spaces {
            out.push(b'(');
            // `namespace` wants strings here, not atoms.
            match names {
                Names::ModifiedUtf7 => word::string(out, &space.prefix.encode()),
                Names::Utf8 => word::quoted(out, space.prefix.0.as_bytes()),
            }
            out.push(b' ');
            delimiter(out, space.delimiter);
            out.push(b')');
        }
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}

impl Attribute {
    /// As on the wire, with its backslash.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoInferiors => "\\Noinferiors",
            Self::NoSelect => "\\Noselect",
            Self::NonExistent => "\\NonExistent",
            Self::NoAccess => "\\NoAccess",
            Self::HasChildren => "\\HasChildren",
            Self::HasNoChildren => "\\HasNoChildren",
            Self::Marked => "\\Marked",
            Self::Unmarked => "\\Unmarked",
            Self::Subscribed => "\\Subscribed",
            Self::Remote => "\\Remote",
            Self::All => "\\All",
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Flagged => "\\Flagged",
            Self::Important => "\\Important",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
        }
    }
}

fn mailbox_line(
    out: &mut Vec<u8>,
    names: Names,
    line: &ListLine,
    command: &str,
    more: &[&'static str],
    spell: impl Fn(Attribute) -> &'static str,
) {
    let attributes: Vec<_> =
        line.attributes.iter().map(|&attribute| spell(attribute)).chain(more.iter().copied()).collect();
    out.extend_from_slice(format!("* {command} ({}) ", attributes.join(" ")).as_bytes());
    delimiter(out, line.delimiter);
    out.push(b' ');
    word::mailbox(out, names, &line.name);
    extended_data(out, names, line);
    out.extend_from_slice(b"\r\n");
}

/// `mbox-list-extended = "(" [mbox-list-extended-item *(SP mbox-list-extended-item)] ")"` (RFC 5258 section 6)
fn extended_data(out: &mut Vec<u8>, names: Names, line: &ListLine) {
    if line.child_info.is_empty() && line.old_name.is_none() {
        return;
    }
    out.extend_from_slice(b" (");
    if !line.child_info.is_empty() {
        let quoted: Vec<_> = line.child_info.iter().map(|option| format!("\"{option}\"")).collect();
        out.extend_from_slice(format!("\"CHILDINFO\" ({})", quoted.join(" ")).as_bytes());
    }
    if let Some(old_name) = &line.old_name {
        out.extend_from_slice(if line.child_info.is_empty() { b"\"OLDNAME\" (" } else { b" \"OLDNAME\" (" });
        word::mailbox(out, names, old_name);
        out.push(b')');
    }
    out.push(b')');
}

fn delimiter(out: &mut Vec<u8>, delimiter: Option<char>) {
    let mut buffer = [0; 4];
    word::nstring(out, delimiter.map(|char| char.encode_utf8(&mut buffer).as_bytes()));
}
