//! Objects: names that stay, ETags, and the text.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;

use crate::objects::Calendaring;
use crate::{ModSeq, UidValidity};

/// The last segment of an object's URL, decoded. It is what the client chose, or made from the stable id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName(pub String);

/// A strong entity tag (RFC 9110 section 8.8.3) without its quotes. It changes exactly when the object does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ETag(pub String);

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// VEVENT with its overrides.
    Event,
    /// VTODO.
    Todo,
    /// VJOURNAL.
    Journal,
    /// A vCard of a person or an organisation.
    Card,
    /// A vCard of KIND:group.
    Group,
    /// An iTIP message in the schedule inbox.
    Message,
}

impl ObjectKind {
    /// `text/vcard` or `text/calendar`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Card | Self::Group => "text/vcard",
            Self::Event | Self::Todo | Self::Journal | Self::Message => "text/calendar",
        }
    }
}

/// An object in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEntry {
    /// Its name.
    pub name: ObjectName,
    /// What it is.
    pub kind: ObjectKind,
    /// Its ETag.
    pub etag: ETag,
    /// RFC 6638 section 3.2.10: changes only when more than the attendees' answers does. `None` if it is no meeting.
    pub schedule_tag: Option<String>,
    /// UID of iCalendar or vCard.
    pub uid: Option<String>,
    /// Within this lies all of it, repetitions included. `None` if it is not known or has no time.
    pub span: Option<Span>,
    /// Bytes of its text, if known.
    pub length: Option<u64>,
    /// Its last change.
    pub modseq: ModSeq,
    /// When it was last changed, if known.
    pub modified: Option<Timestamp>,
}

/// A stretch of time from `start` on; to its `end` if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub start: Timestamp,
    /// The moment after the last; `None` for ever.
    pub end: Option<Timestamp>,
}

/// A stretch of time asked for; open where `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first moment.
    pub start: Option<Timestamp>,
    /// The moment after the last.
    pub end: Option<Timestamp>,
}

/// An object with its text, which Debug does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    /// What the index says of it.
    pub entry: ObjectEntry,
    /// iCalendar or vCard; UTF-8, CRLF, folded.
    pub text: Bytes,
}

/// An object to be stored. Debug does not show its text.
#[derive(Clone, PartialEq, Eq)]
pub struct NewObject {
    /// Its name.
    pub name: ObjectName,
    /// iCalendar or vCard, checked by the front end to be well-formed and to be one object.
    pub text: Bytes,
    /// What may be sent to others on the way.
    pub calendaring: Calendaring,
}

/// What people wrote must not reach a log.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("entry", &self.entry).field("octets", &self.text.len()).finish()
    }
}

impl fmt::Debug for NewObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("NewObject");
        shown
            .field("name", &self.name)
            .field("octets", &self.text.len())
            .field("calendaring", &self.calendaring)
            .finish()
    }
}

/// What must hold for a change to be made; everything that is `None` or empty always does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// If-Match: the object is there with one of these ETags. `Some(vec![])` stands for `*`: it is there.
    pub if_match: Option<Vec<ETag>>,
    /// If-None-Match: not with one of these. `Some(vec![])` stands for `*`: nothing is there.
    pub if_none_match: Option<Vec<ETag>>,
    /// If-Schedule-Tag-Match (RFC 6638 section 8.2).
    pub if_schedule_tag: Option<String>,
}

/// What became of a PUT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The object as it is in the index now.
    pub entry: ObjectEntry,
    /// True if nothing was there before.
    pub created: bool,
    /// True if a GET answers the very bytes that were put: only then may the ETag be told (RFC 4791 section 5.3.4).
    pub verbatim: bool,
}

/// A moment in a collection's history. Its text is opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SyncToken {
    /// The generation of the index; changes only if the ID map is lost.
    pub validity: UidValidity,
    /// The change up to which everything is known.
    pub modseq: ModSeq,
}

impl fmt::Display for SyncToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.validity.0, self.modseq.0)
    }
}

impl std::str::FromStr for SyncToken {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (validity, modseq) = text.split_once('-').ok_or(())?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(validity) || !digits(modseq) {
            return Err(());
        }
        Ok(Self {
            validity: UidValidity(validity.parse().map_err(|_| ())?),
            modseq: ModSeq(modseq.parse().map_err(|_| ())?),
        })
    }
}

/// Where a delta begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeltaStart {
    /// With everything there is.
    Beginning,
    /// After this moment.
    After(SyncToken),
}

/// What happened in a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectDelta {
    /// Objects that are new or another, by ascending change.
    pub changed: Vec<ObjectEntry>,
    /// Names under which there is nothing any more. Never told from the beginning.
    pub removed: Vec<ObjectName>,
    /// The moment up to which this tells everything.
    pub token: SyncToken,
    /// True if the limit cut it: ask again from `token`.
    pub truncated: bool,
}

/// How an object gets to another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It leaves the old one.
    Move,
    /// It stays there too.
    Copy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_text() {
        let name = ObjectName("a.ics".to_owned());
        let text = Bytes::from_static(b"SUMMARY:Secret plans");
        let object = NewObject { name, text, calendaring: Calendaring::Server };
        assert_eq!(
            format!("{object:?}"),
            r#"NewObject { name: ObjectName("a.ics"), octets: 20, calendaring: Server }"#
        );
    }
}
