//! APPEND.

use nom::Parser;
use nom::combinator::{map, opt};
use nom::sequence::{preceded, terminated};

use super::{ParseError, Tag, Verb};
use crate::date::{DateTime, date_time};
use crate::flag::{Flag, flag_list};
use crate::framer::RawCommand;
use crate::grammar::{Parsed, after_sp, announcement, end, expected, keyword, octet, sp, spaces};
use crate::mailbox::{MailboxName, Names, mailbox};

/// `APPEND` (RFC 3501 section 6.3.11) up to its first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Where to.
    pub mailbox: MailboxName,
    /// The message that comes first, and mostly alone.
    pub message: Message,
}

/// What is said of a message before its bytes come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Flags.
    pub flags: Vec<Flag>,
    /// INTERNALDATE, if it is not to be now.
    pub date: Option<DateTime>,
    /// Octets to come.
    pub size: u64,
    /// True for `UTF8 (~{n}` (RFC 6855): a `)` follows the message.
    pub utf8: bool,
}

/// ```text
/// append         = "APPEND" SP mailbox 1*append-message
/// ```
/// (RFC 3501 section 9, RFC 3502 section 6.3.11). Of the first message, all but its octets.
pub(super) fn append(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    let (rest, (mailbox, message)) = (after_sp(mailbox(names)), announced_message).parse(input)?;
    Ok((rest, Verb::Append(Append { mailbox, message })))
}

/// What stands before another message of the same APPEND (RFC 3502), as in [`crate::Step::AppendNext`].
///
/// # Errors
/// What is wrong; positions count from the end of the message before.
pub fn next(tag: &Tag, before: &Message, raw: &RawCommand) -> Result<Message, ParseError> {
    finish(tag, raw, preceded(|input| closing(before, input), announced_message).parse(raw.bytes()))
}

/// What stands behind the last message of an APPEND, as in [`crate::Step::AppendEnd`]: mostly nothing.
///
/// # Errors
/// What is wrong; positions count from the end of the message.
pub fn end_of(tag: &Tag, before: &Message, raw: &RawCommand) -> Result<(), ParseError> {
    finish(tag, raw, closing(before, raw.bytes()))
}

fn finish<T>(tag: &Tag, raw: &RawCommand, parsed: Parsed<'_, T>) -> Result<T, ParseError> {
    let parsed = parsed.and_then(|(rest, output)| end(rest).map(|_| output));
    parsed.map_err(|trouble| ParseError::new(Some(tag.clone()), Some("APPEND"), raw.bytes(), trouble))
}

/// The parenthesis that ends `UTF8 (`.
fn closing<'a>(before: &Message, input: &'a [u8]) -> Parsed<'a, ()> {
    if before.utf8 { preceded(spaces, octet(b')', ")")).parse(input) } else { Ok((input, ())) }
}

/// ```text
/// append-message = append-opts SP append-data
/// append-opts    = [SP flag-list] [SP date-time]
/// append-data    = literal / literal8 / append-data-ext
/// append-data-ext =/ "UTF8" SP "(" literal8 ")"
/// ```
/// (RFC 4466 section 6, RFC 3516 section 7, RFC 6855 section 4)
fn announced_message(input: &[u8]) -> Parsed<'_, Message> {
    let (rest, ()) = sp(input)?;
    let (rest, flags) = match rest {
        [b'(', ..] => terminated(flag_list, sp).parse(rest)?,
        _ => (rest, Vec::new()),
    };
    let (rest, date) = match rest {
        [b'"', ..] => map(terminated(date_time, sp), Some).parse(rest)?,
        _ => (rest, None),
    };
    let (rest, utf8) = opt((keyword("UTF8"), spaces, octet(b'(', "("), spaces)).parse(rest)?;
    match announcement(rest) {
        Ok((after, (_, size))) if after.is_empty() => Ok((after, Message { flags, date, size, utf8: utf8.is_some() })),
        _ => expected(rest, "the message as a literal"),
    }
}
