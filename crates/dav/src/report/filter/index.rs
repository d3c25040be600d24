//! What the index alone tells of an object: most of what a query passes over needs no text.

use jiff::{SignedDuration, Timestamp};
use mailbox::objects::{ObjectEntry, ObjectKind, Range};

use super::calendar::{CompFilter, CompTest, Filter, PropFilter};

/// What is known before the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It matches.
    Yes,
    /// It does not.
    No,
    /// The text will tell.
    Maybe,
}

impl Verdict {
    fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// Both must hold.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Maybe,
        }
    }
}

impl Filter {
    /// Whether an object matches, as far as the index knows it.
    pub(crate) fn by_index(&self, entry: &ObjectEntry) -> Verdict {
        let calendar = self.calendar().test.as_ref().is_none_or(|test| test.properties.is_empty());
        let own = if calendar { Verdict::Yes } else { Verdict::Maybe };
        self.components().iter().fold(own, |verdict, filter| verdict.and(component(filter, entry)))
    }
}

/// RFC 4791 section 4.1: an object holds components of one type, beside time zones.
fn component(filter: &CompFilter, entry: &ObjectEntry) -> Verdict {
    let name = match entry.kind {
        ObjectKind::Event => "VEVENT",
        ObjectKind::Todo => "VTODO",
        ObjectKind::Journal => "VJOURNAL",
        ObjectKind::Message | ObjectKind::Card | ObjectKind::Group => return Verdict::Maybe,
    };
    match &filter.test {
        test if filter.name == name => test.as_ref().map_or(Verdict::No, |test| present(test, entry)),
        test if EXCLUSIVE.contains(&filter.name.as_str()) => Verdict::of(test.is_none()),
        _ => Verdict::Maybe,
    }
}

fn present(test: &CompTest, entry: &ObjectEntry) -> Verdict {
    let nested = if test.components.is_empty() { Verdict::Yes } else { Verdict::Maybe };
    let timed = test.range.map_or(Verdict::Yes, |range| by_span(range, entry));
    test.properties.iter().fold(nested.and(timed), |verdict, filter| verdict.and(property(filter, entry)))
}

fn property(filter: &PropFilter, entry: &ObjectEntry) -> Verdict {
    match (&filter.test, &entry.uid) {
        (Some(test), Some(uid)) if filter.name == "UID" && test.range.is_none() && test.parameters.is_empty() => {
            Verdict::of(test.text.as_ref().is_none_or(|text| text.matches([uid.as_str()])))
        }
        _ => Verdict::Maybe,
    }
}

/// What lies well within the range overlaps it, what lies well outside does not.
pub(crate) fn by_span(range: Range, entry: &ObjectEntry) -> Verdict {
    let Some(span) = entry.span else { return Verdict::Maybe };
    let wide = widened(range);
    let before = wide.start.is_some_and(|start| span.end.is_some_and(|end| end < start));
    let after = wide.end.is_some_and(|end| span.start >= end);
    let begins = range.start.is_none_or(|start| span.start >= later(start, SLACK));
    let ends = match range.end {
        Some(to) => span.end.is_some_and(|end| end < later(to, -SLACK)),
        // The last moments of time come before no end, not even before an open one.
        None => span.start < later(Timestamp::MAX, -SLACK),
    };
    match (before || after, begins && ends) {
        (true, _) => Verdict::No,
        (false, true) => Verdict::Yes,
        (false, false) => Verdict::Maybe,
    }
}

/// A range in which everything lies that touches this one, whatever time zone dates and floating times are taken in.
pub(crate) fn widened(range: Range) -> Range {
    Range { start: range.start.map(|start| later(start, -SLACK)), end: range.end.map(|end| later(end, SLACK)) }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    at.checked_add(by).unwrap_or(end)
}

/// Time zones are up to 14 hours off UTC, and the index may have been made with another one.
const SLACK: SignedDuration = SignedDuration::from_hours(30);

/// At most one of these is in an object.
const EXCLUSIVE: [&str; 4] = ["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"];

#[cfg(test)]
mod tests {
    use mailbox::ModSeq;
    use mailbox::objects::{ETag, ObjectName, Span};

    use super::super::time;
    use super::*;
    use crate::xml::{CALDAV, Limits, read};

    fn filter(inner: &str) -> Filter {
        let text = format!("<filter xmlns='{CALDAV}'><comp-filter name='VCALENDAR'>{inner}</comp-filter></filter>");
        Filter::read(&read(text.as_bytes(), Limits::default()).unwrap()).unwrap()
    }

    fn event(start: &str, end: Option<&str>) -> ObjectEntry {
        ObjectEntry {
            name: ObjectName("1.ics".to_owned()),
            kind: ObjectKind::Event,
            etag: ETag("1".to_owned()),
            schedule_tag: None,
            uid: Some("abc@example.org".to_owned()),
            span: Some(Span { start: time::utc(start).unwrap(), end: end.map(|end| time::utc(end).unwrap()) }),
            length: None,
            modseq: ModSeq(1),
            modified: None,
        }
    }

    #[test]
    fn kinds_are_told_apart_without_texts() {
        let entry = event("20260101T000000Z", None);
        for (inner, verdict) in [
            ("", Verdict::Yes),
            ("<comp-filter name='VEVENT'/>", Verdict::Yes),
            ("<comp-filter name='VTODO'/>", Verdict::No),
            ("<comp-filter name='VEVENT'><is-not-defined/></comp-filter>", Verdict::No),
            ("<comp-filter name='VTODO'><is-not-defined/></comp-filter>", Verdict::Yes),
            ("<comp-filter name='VTIMEZONE'/>", Verdict::Maybe),
            ("<comp-filter name='VEVENT'><comp-filter name='VALARM'/></comp-filter>", Verdict::Maybe),
            ("<comp-filter name='VEVENT'/><prop-filter name='METHOD'/>", Verdict::Maybe),
            ("<comp-filter name='VEVENT'><prop-filter name='SUMMARY'/></comp-filter>", Verdict::Maybe),
            (
                "<comp-filter name='VEVENT'><prop-filter name='UID'><text-match>ABC@</text-match></prop-filter></comp-filter>",
                Verdict::Yes,
            ),
            (
                "<comp-filter name='VEVENT'><prop-filter name='UID'><text-match>b@</text-match></prop-filter></comp-filter>",
                Verdict::No,
            ),
        ] {
            assert_eq!(filter(inner).by_index(&entry), verdict, "{inner}");
        }
        let message = ObjectEntry { kind: ObjectKind::Message, ..entry };
        assert_eq!(filter("<comp-filter name='VTODO'/>").by_index(&message), Verdict::Maybe);
    }

    #[test]
    fn spans_decide_except_at_the_borders() {
        let january = filter(
            "<comp-filter name='VEVENT'><time-range start='20260101T000000Z' end='20260201T000000Z'/></comp-filter>",
        );
        for (start, end, verdict) in [
            ("20260110T000000Z", Some("20260110T010000Z"), Verdict::Yes),
            ("20260310T000000Z", Some("20260310T010000Z"), Verdict::No),
            ("20251210T000000Z", Some("20251210T010000Z"), Verdict::No),
            ("20251210T000000Z", None, Verdict::Maybe),
            ("20251231T200000Z", Some("20251231T210000Z"), Verdict::Maybe),
            ("20260131T230000Z", Some("20260131T233000Z"), Verdict::Maybe),
            ("20260201T100000Z", Some("20260201T110000Z"), Verdict::Maybe),
        ] {
            assert_eq!(january.by_index(&event(start, end)), verdict, "{start}");
        }
        let open = filter("<comp-filter name='VEVENT'><time-range start='20260101T000000Z'/></comp-filter>");
        for (start, verdict) in [("20260310T000000Z", Verdict::Yes), ("99991231T235959Z", Verdict::Maybe)] {
            assert_eq!(open.by_index(&event(start, Some(start))), verdict, "{start}");
        }
    }
}
