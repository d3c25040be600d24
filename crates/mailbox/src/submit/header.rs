//! What a message's header says of its sender, its recipients and itself. Read in pieces, and no further than it goes.

use std::fmt;
use std::io;

use bytes::{Bytes, BytesMut};

use super::addresses::{Mailbox, address_list};
use crate::Content;

/// A header (RFC 5322 section 3.6), as far as sending needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Where it begins: some clients put the `From ` line of an mbox before it.
    pub(super) start: u64,
    /// Where its last field ends.
    pub(super) end: u64,
    /// Where the body begins: behind the empty line, or at `end` if there is none.
    pub(super) body: u64,
    /// Fields that are not sent to anybody, from and to.
    pub(super) hidden: Vec<(u64, u64)>,
    /// Who wrote it.
    pub from: Vec<Mailbox>,
    /// Who sent it, where that is said.
    pub sender: Option<Mailbox>,
    /// Whom it is addressed to.
    pub to: Vec<Mailbox>,
    /// Who gets a copy.
    pub cc: Vec<Mailbox>,
    /// Who gets a copy without the others seeing it.
    pub bcc: Vec<Mailbox>,
    /// The latest resending of it (section 3.6.6).
    pub resent: Option<Resent>,
    /// With its angle brackets, as it stands; `None` if there is none.
    pub message_id: Option<String>,
    /// The ids of the messages it answers, with their angle brackets.
    pub in_reply_to: Vec<String>,
    /// The last of its References, with its angle brackets: what it answers where there is no In-Reply-To.
    pub reference: Option<String>,
    /// The id of the message it passes on, with its angle brackets, where the client says so (`X-Forwarded-Message-Id`).
    pub forwarded: Option<String>,
    /// True if there is a Date.
    pub has_date: bool,
}

/// `Resent-` fields of one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resent {
    /// Who sent it again.
    pub from: Vec<Mailbox>,
    /// Who did it for them, where that is said.
    pub sender: Option<Mailbox>,
    /// Whom it is addressed to this time.
    pub to: Vec<Mailbox>,
    /// Who gets a copy this time.
    pub cc: Vec<Mailbox>,
    /// Who gets a copy this time without the others seeing it.
    pub bcc: Vec<Mailbox>,
}

/// Why a message cannot be sent as it is. Each can be said to whoever wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More than [`LARGEST_HEADER`].
    TooLarge,
    /// More addresses than a header may have.
    TooManyAddresses,
    /// A field that says who sends it is there twice, so that it depends on the reader who that is.
    Twice(&'static str),
    /// A field that says who sends it cannot be read.
    Unreadable(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("The header is too large"),
            Self::TooManyAddresses => f.write_str("The header names too many addresses"),
            Self::Twice(field) => write!(f, "The header has more than one {field} field"),
            Self::Unreadable(field) => write!(f, "The {field} field holds something else than addresses"),
        }
    }
}

impl std::error::Error for Fault {}

impl Header {
    /// Reads the header of a message. A message that begins with something else has an empty one.
    ///
    /// # Errors
    /// Those of reading it; within, what is wrong with it.
    pub fn read(message: &Content) -> io::Result<Result<Self, Fault>> {
        let (block, is_cut) = block(message)?;
        let header = Self::parse(&block);
        // Where something else than a field has come, the header is over, empty line or not.
        let goes_on = header.as_ref().is_ok_and(|header| is_cut && header.end == block.len() as u64);
        Ok(if goes_on { Err(Fault::TooLarge) } else { header })
    }

    /// The same of a header block, or of a message as a whole.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(block: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader { header: Self::default(), addresses: 0, seen: Vec::new(), resent_is_over: false };
        let is_mbox = block.starts_with(b"From ") && field(block, 0).is_none();
        let mut at = if is_mbox { line_end(block, 0) } else { 0 };
        reader.header.start = at as u64;
        while let Some((name, end)) = field(block, at) {
            let value = block.get(at + name.len()..end).unwrap_or_default();
            let value = value.trim_ascii_start().strip_prefix(b":").unwrap_or_default();
            reader.field(&String::from_utf8_lossy(name), value, at as u64..end as u64)?;
            at = end;
        }
        let after = line_end(block, at);
        let is_empty_line = matches!(block.get(at..after), Some(b"\r\n" | b"\n"));
        reader.header.end = at as u64;
        reader.header.body = if is_empty_line { after } else { at } as u64;
        Ok(reader.header)
    }

    /// Who has to be asked for to send it: of a message that is sent again, those who do that.
    pub fn senders(&self) -> impl Iterator<Item = &Mailbox> {
        let (from, sender) = match &self.resent {
            Some(resent) if !resent.from.is_empty() => (&resent.from, &resent.sender),
            _ => (&self.from, &self.sender),
        };
        from.iter().chain(sender)
    }
}

struct Reader {
    header: Header,
    addresses: usize,
    /// Fields that were there, of those that may be there once.
    seen: Vec<&'static str>,
    resent_is_over: bool,
}

impl Reader {
    fn field(&mut self, name: &str, value: &[u8], place: std::ops::Range<u64>) -> Result<(), Fault> {
        let Some(&(name, use_)) = FIELDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
            return Ok(());
        };
        let is_resent = name.starts_with("Resent-");
        let again = self.seen.contains(&name);
        if !again {
            self.seen.push(name);
        }
        // Section 3.6.6: the newest block is on top, and blocks are told apart by what came between or comes again.
        // Not by what is taken out: then whoever reads what is sent would tell them apart elsewhere.
        let is_taken_out = use_ == Use::Bcc;
        if is_resent {
            self.resent_is_over |= again && !is_taken_out;
        } else if use_ == Use::Trace {
            self.resent_is_over |= self.seen.iter().any(|name| name.starts_with("Resent-") && *name != "Resent-Bcc");
        }
        if is_taken_out {
            self.header.hidden.push((place.start, place.end));
        }
        if is_resent && (self.resent_is_over || (again && is_taken_out)) {
            return Ok(());
        }
        if again && matches!(use_, Use::From | Use::Sender) {
            return Err(Fault::Twice(name));
        }
        // The last line of what has no body may be without an end, and is given one: a backslash there quotes nothing.
        let value = String::from_utf8_lossy(value.trim_ascii_end());
        // RFC 6409 section 8: what is there and says nothing is replaced.
        let says_nothing = match use_ {
            Use::MessageId => ids(&value).next().is_none(),
            Use::Date => value.trim().is_empty(),
            _ => false,
        };
        if says_nothing {
            self.header.hidden.push((place.start, place.end));
            return Ok(());
        }
        match use_ {
            Use::MessageId if self.header.message_id.is_some() => {}
            Use::MessageId => self.header.message_id = ids(&value).next(),
            Use::InReplyTo => self.header.in_reply_to.extend(ids(&value).take(MOST_IDS)),
            Use::References => self.header.reference = ids(&value).last(),
            Use::Forwarded => self.header.forwarded = ids(&value).next(),
            Use::Date => self.header.has_date = true,
            Use::Trace => {}
            Use::From | Use::Sender | Use::To | Use::Cc | Use::Bcc => {
                let list = self.list(name, use_, &value)?;
                self.places(is_resent).put(use_, list);
            }
        }
        Ok(())
    }

    fn places(&mut self, is_resent: bool) -> Places<'_> {
        let Header { from, sender, to, cc, bcc, resent, .. } = &mut self.header;
        if !is_resent {
            return Places { from, sender, to, cc, bcc };
        }
        let Resent { from, sender, to, cc, bcc } = resent.get_or_insert_default();
        Places { from, sender, to, cc, bcc }
    }

    fn list(&mut self, name: &'static str, use_: Use, value: &str) -> Result<Vec<Mailbox>, Fault> {
        let (list, odd) = address_list(value);
        self.addresses += list.len();
        let wrong = match use_ {
            Use::From => odd > 0 || list.is_empty(),
            Use::Sender => odd > 0 || list.len() != 1,
            _ => false,
        };
        match wrong {
            true => Err(Fault::Unreadable(name)),
            false if self.addresses > MOST_ADDRESSES => Err(Fault::TooManyAddresses),
            false => Ok(list),
        }
    }
}

/// Where addresses go.
struct Places<'a> {
    from: &'a mut Vec<Mailbox>,
    sender: &'a mut Option<Mailbox>,
    to: &'a mut Vec<Mailbox>,
    cc: &'a mut Vec<Mailbox>,
    bcc: &'a mut Vec<Mailbox>,
}

impl Places<'_> {
    fn put(self, use_: Use, list: Vec<Mailbox>) {
        match use_ {
            Use::From => *self.from = list,
            Use::Sender => *self.sender = list.into_iter().next(),
            Use::To => self.to.extend(list),
            Use::Cc => self.cc.extend(list),
            Use::Bcc => self.bcc.extend(list),
            Use::MessageId | Use::InReplyTo | Use::References | Use::Forwarded | Use::Date | Use::Trace => {}
        }
    }
}

/// What a field is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    From,
    Sender,
    To,
    Cc,
    Bcc,
    MessageId,
    InReplyTo,
    References,
    Forwarded,
    Date,
    Trace,
}

const FIELDS: [(&str, Use); 17] = [
    ("From", Use::From),
    ("Sender", Use::Sender),
    ("To", Use::To),
    ("Cc", Use::Cc),
    ("Bcc", Use::Bcc),
    ("Message-ID", Use::MessageId),
    ("In-Reply-To", Use::InReplyTo),
    ("References", Use::References),
    ("X-Forwarded-Message-Id", Use::Forwarded),
    ("Date", Use::Date),
    ("Resent-From", Use::From),
    ("Resent-Sender", Use::Sender),
    ("Resent-To", Use::To),
    ("Resent-Cc", Use::Cc),
    ("Resent-Bcc", Use::Bcc),
    ("Received", Use::Trace),
    ("Return-Path", Use::Trace),
];

/// `msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS]` (RFC 5322 section 3.6.4); whatever stands between the brackets
/// is taken, since clients write all sorts of things there.
fn ids(value: &str) -> impl Iterator<Item = String> {
    value.split('<').skip(1).filter_map(|piece| {
        let (id, _) = piece.split_once('>')?;
        let id: String = id.chars().filter(|character| !character.is_control()).collect();
        (!id.is_empty()).then(|| format!("<{id}>"))
    })
}

/// The header block and what comes with it in the last piece; and whether it goes on behind that.
pub(super) fn block(message: &Content) -> io::Result<(Bytes, bool)> {
    let mut block = BytesMut::new();
    loop {
        let piece = message.read(block.len() as u64, PIECE)?;
        let is_end = piece.is_empty() || has_end(&block, &piece);
        block.extend_from_slice(&piece);
        if is_end || block.len() > LARGEST_HEADER {
            return Ok((block.freeze(), !is_end));
        }
    }
}

/// True if an empty line is in this piece, or begins before it.
fn has_end(before: &[u8], piece: &[u8]) -> bool {
    let tail = before.get(before.len().saturating_sub(3)..).unwrap_or_default();
    let seam: Vec<u8> = tail.iter().chain(piece.iter().take(3)).copied().collect();
    let is_at = |text: &[u8]| memchr::memmem::find(text, b"\r\n\r\n").is_some();
    (before.is_empty() && piece.starts_with(b"\r\n")) || is_at(&seam) || is_at(piece)
}

/// `field = field-name ":" unstructured CRLF` (RFC 5322 section 2.2), folding included: its name and its end.
pub(super) fn field(block: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = block.get(at..)?;
    let length = rest.iter().position(|byte| !(33..=126).contains(byte) || *byte == b':')?;
    let name = rest.get(..length).filter(|name| !name.is_empty())?;
    // Section 4.5: white space before the colon is old, and not right any more.
    let behind = rest.get(length..)?.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
    if rest.get(length + behind) != Some(&b':') {
        return None;
    }
    let mut end = line_end(block, at);
    while matches!(block.get(end), Some(b' ' | b'\t')) {
        end = line_end(block, end);
    }
    Some((name, end))
}

/// Behind the line that begins there.
fn line_end(block: &[u8], at: usize) -> usize {
    let rest = block.get(at..).unwrap_or_default();
    memchr::memchr(b'\n', rest).map_or(block.len(), |length| at + length + 1)
}

/// Octets of a header that are read: ten thousand recipients with their names.
pub const LARGEST_HEADER: usize = 1 << 20;

const PIECE: usize = 64 << 10;
const MOST_ADDRESSES: usize = 10_000;
const MOST_IDS: usize = 100;
