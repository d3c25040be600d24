//! APPEND and REPLACE: what stands around the octets of messages.
//!
//! Such a command comes in stretches: what the client says, an octet count, the octets, what it says next, and so
//! on. [`Append`] holds the first stretch, [`Literal::next`] reads those that follow.

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, opt, value};
use nom::sequence::{preceded, terminated};

use super::{ParseError, Tag, Verb};
use crate::date::{DateTime, date_time};
use crate::flag::{Flag, flag_list};
use crate::framer::RawCommand;
use crate::grammar::{Parsed, after_sp, announcement, astring_text, end, expected, keyword, named, octet, sp, spaces};
use crate::mailbox::{MailboxName, Names, mailbox};
use crate::sequence::{Bound, Numbering, SequenceSet, Span, bound};

/// `APPEND` (RFC 3501 section 6.3.11, RFC 3502) up to its first octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Where to.
    pub mailbox: MailboxName,
    /// What is said before the first octets come.
    pub said: Stretch,
}

/// `REPLACE` and `UID REPLACE` (RFC 8508) up to their first octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replace {
    /// What the number is.
    pub numbering: Numbering,
    /// The message that goes.
    pub message: Bound,
    /// The one that comes, and where to.
    pub append: Append,
}

impl Replace {
    /// The message that goes, as a set.
    #[must_use]
    pub fn set(&self) -> SequenceSet {
        SequenceSet::Spans(vec![Span { from: self.message, to: self.message }])
    }
}

/// What a client says between octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// One thing after the other.
    pub events: Vec<Event>,
    /// The octets that follow; `None` at the end of the command.
    pub literal: Option<Literal>,
}

/// Something that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message begins. All that comes until the next one belongs to it.
    Message {
        /// Flags.
        flags: Vec<Flag>,
        /// INTERNALDATE, if it is not to be now.
        date: Option<DateTime>,
    },
    /// The message goes on with what this URL names (RFC 4469).
    Url(String),
}

/// Octets to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Literal {
    /// What they are.
    pub kind: Kind,
    /// How many.
    pub size: u64,
    /// True for `UTF8 (~{n}` (RFC 6855 section 4): a `)` follows them.
    pub utf8: bool,
    /// True for `~{n}` (RFC 3516): there may be NUL among them.
    pub binary: bool,
}

/// What octets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message.
    Message,
    /// A part of one, `TEXT` of CATENATE (RFC 4469).
    Text,
    /// A URL, written as a literal.
    Url,
}

impl Literal {
    /// What is said after these octets, as in [`crate::Step::AppendNext`] and [`crate::Step::AppendEnd`].
    ///
    /// # Errors
    /// What is wrong; positions count from the end of the octets.
    pub fn next(&self, tag: &Tag, name: &'static str, raw: &RawCommand) -> Result<Stretch, ParseError> {
        let place = if self.kind == Kind::Message { Place::Between } else { Place::Parts };
        let close =
            if self.utf8 { preceded(spaces, octet(b')', ")")).parse(raw.bytes()) } else { Ok((raw.bytes(), ())) };
        let said = close.and_then(|(rest, ())| stretch(place, rest));
        said.map(|(_, said)| said)
            .map_err(|trouble| ParseError::new(Some(tag.clone()), Some(name), raw.bytes(), trouble))
    }
}

/// `append = "APPEND" SP mailbox 1*append-message` (RFC 3501 section 9, RFC 3502 section 6.3.11)
pub(super) fn append(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    map(|input| target(names, input), Verb::Append).parse(input)
}

/// `replace = "REPLACE" SP seq-number SP mailbox append-message` (RFC 8508 section 6); the number is a UID behind
/// `UID`.
pub(super) fn replace(numbering: Numbering, names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    let (rest, message) = after_sp(named("a message number", bound)).parse(input)?;
    let (rest, append) = target(names, rest)?;
    Ok((rest, Verb::Replace(Replace { numbering, message, append })))
}

fn target(names: Names, input: &[u8]) -> Parsed<'_, Append> {
    let (rest, mailbox) = after_sp(mailbox(names)).parse(input)?;
    let (rest, said) = stretch(Place::Start, rest)?;
    Ok((rest, Append { mailbox, said }))
}

/// Where in the grammar a stretch begins, or goes on.
#[derive(Clone, Copy)]
enum Place {
    /// A message must come.
    Start,
    /// A message may come, or the end.
    Between,
    /// In the parentheses of CATENATE, before the first part.
    FirstPart,
    /// The same behind a part.
    Parts,
}

/// ```text
/// append-message = [SP flag-list] [SP date-time] SP append-data
/// append-data    = literal / literal8 / "UTF8" SP "(" literal8 ")" /
///                  "CATENATE" SP "(" cat-part *(SP cat-part) ")"
/// cat-part       = "TEXT" SP literal / "URL" SP astring / "UTF8" SP "(" literal8 ")"
/// ```
/// (RFC 4466 section 6, RFC 3516 section 7, RFC 6855 section 4, RFC 4469 section 5)
fn stretch(mut place: Place, mut rest: &[u8]) -> Parsed<'_, Stretch> {
    let mut events = Vec::new();
    loop {
        let (after, found) = match place {
            Place::Between if end(rest).is_ok() => return Ok((&[], Stretch { events, literal: None })),
            Place::Start | Place::Between => beginning(rest)?,
            Place::FirstPart => part(rest)?,
            Place::Parts => match preceded(spaces, octet(b')', ")")).parse(rest) {
                Ok((after, ())) => (after, Found::Place(None, Place::Between)),
                Err(_) => after_sp(part).parse(rest)?,
            },
        };
        match found {
            Found::Literal(event, literal) => {
                events.extend(event);
                return Ok((after, Stretch { events, literal: Some(literal) }));
            }
            Found::Place(event, next) => {
                events.extend(event);
                (place, rest) = (next, after);
            }
        }
    }
}

/// What was read, and what follows it.
enum Found {
    Literal(Option<Event>, Literal),
    Place(Option<Event>, Place),
}

fn beginning(input: &[u8]) -> Parsed<'_, Found> {
    let (rest, ()) = sp(input)?;
    let (rest, flags) = match rest {
        [b'(', ..] => terminated(flag_list, sp).parse(rest)?,
        _ => (rest, Vec::new()),
    };
    let (rest, date) = match rest {
        [b'"', ..] => map(terminated(date_time, sp), Some).parse(rest)?,
        _ => (rest, None),
    };
    let message = Event::Message { flags, date };
    if let Ok((rest, ())) = keyword("CATENATE").parse(rest) {
        let (rest, _) = (sp, octet(b'(', "("), spaces).parse(rest)?;
        return Ok((rest, Found::Place(Some(message), Place::FirstPart)));
    }
    let (after, literal) = octets(Kind::Message, rest)?;
    Ok((after, Found::Literal(Some(message), literal)))
}

fn part(input: &[u8]) -> Parsed<'_, Found> {
    if let Ok((rest, ())) = keyword("URL").parse(input) {
        let (rest, ()) = sp(rest)?;
        if let Ok((rest, literal)) = octets(Kind::Url, rest) {
            return Ok((rest, Found::Literal(None, literal)));
        }
        return map(named("a URL", astring_text), |url| Found::Place(Some(Event::Url(url)), Place::Parts)).parse(rest);
    }
    let text = value((), (keyword("TEXT"), sp));
    let utf8 = map(nom::combinator::peek(keyword("UTF8")), |()| ());
    let (rest, ()) = named("TEXT or URL", alt((text, utf8))).parse(input)?;
    let (rest, literal) = octets(Kind::Text, rest)?;
    Ok((rest, Found::Literal(None, literal)))
}

/// The announcement of octets, with which the line ends.
fn octets(kind: Kind, input: &[u8]) -> Parsed<'_, Literal> {
    let (rest, utf8) = opt((keyword("UTF8"), spaces, octet(b'(', "("), spaces)).parse(input)?;
    match announcement(rest) {
        Ok((after, (binary, size))) if after.is_empty() => {
            let utf8 = utf8.is_some();
            Ok((after, Literal { kind, size, utf8, binary: binary && !utf8 }))
        }
        _ => expected(rest, "the message as a literal"),
    }
}
