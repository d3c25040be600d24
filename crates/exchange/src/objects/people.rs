//! Other people: when they are busy, and who they are.

use std::sync::Arc;

use ews::op::get_user_availability::{BusyEvent, GetUserAvailability, View};
use ews::op::resolve_names::{Resolution, ResolveNames, SearchScope};
use ews::{FreeBusy as Theirs, MailboxKind};
use jiff::{SignedDuration, Timestamp};
use mailbox::objects::{Busy, BusyKind, FreeBusy, Person, PersonKind, Range};
use mailbox::{Error, ErrorKind};

use super::principal::addresses;
use crate::account::Live;
use crate::error::{Result, Tried};

impl Live {
    /// When people are busy, in the order asked for.
    pub(crate) async fn free_busy(self: &Arc<Self>, people: &[String], range: Range) -> Result<Vec<Option<FreeBusy>>> {
        let windows = windows(range)?;
        let tried = Tried::new("it could not be found out who is busy");
        let client = self.client()?;
        let mut told: Vec<Option<Vec<BusyEvent>>> = vec![Some(Vec::new()); people.len()];
        for (some, told) in people.chunks(MAILBOXES).zip(told.chunks_mut(MAILBOXES)) {
            for (start, end) in &windows {
                let ask = GetUserAvailability {
                    mailboxes: some.to_vec(),
                    start: *start,
                    end: *end,
                    view: View::FreeBusy,
                    interval: SLOT,
                };
                let answers = client.call(&ask).await.map_err(|error| self.failed(&tried, &error))?;
                for (told, answer) in told.iter_mut().zip(answers) {
                    match (answer, told.as_mut()) {
                        (Ok(answer), Some(events)) => events.extend(answer.events),
                        // Nobody of that address, or nobody who lets it be known.
                        (Err(_), _) => *told = None,
                        (Ok(_), None) => {}
                    }
                }
            }
        }
        let all = |events: Vec<BusyEvent>| FreeBusy { busy: joined(&events, &windows) };
        Ok(told.into_iter().map(|events| events.map(all)).collect())
    }

    /// People of the directory by the beginning of their names.
    pub(crate) async fn find_people(self: &Arc<Self>, words: &str, limit: usize) -> Result<Vec<Person>> {
        let words = words.trim();
        if words.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let tried = Tried::new("nobody could be looked up");
        let ask = ResolveNames { entry: words.to_owned(), scope: SearchScope::ActiveDirectory, full: true };
        let found = self.client()?.call(&ask).await.map_err(|error| self.failed(&tried, &error))?.found;
        Ok(found.iter().filter_map(person).take(limit).collect())
    }
}

/// Windows that Exchange answers at once.
fn windows(range: Range) -> Result<Vec<(Timestamp, Timestamp)>> {
    let too_long = || Error::new(ErrorKind::Cannot, "ask for a stretch of time of at most two years");
    let (Some(mut start), Some(end)) = (range.start, range.end) else { return Err(too_long()) };
    let mut windows = Vec::new();
    while start < end {
        let next = start.checked_add(WINDOW).map_err(|_| too_long())?.min(end);
        windows.push((start, next));
        if windows.len() > WINDOWS {
            return Err(too_long());
        }
        start = next;
    }
    Ok(windows)
}

/// Times of one kind that touch become one; what is outside of what was asked for is cut.
fn joined(events: &[BusyEvent], windows: &[(Timestamp, Timestamp)]) -> Vec<Busy> {
    let (Some((first, _)), Some((_, last))) = (windows.first(), windows.last()) else { return Vec::new() };
    let mut all = Vec::new();
    for kind in [BusyKind::Busy, BusyKind::Tentative, BusyKind::Unavailable] {
        let mut busy: Vec<Busy> = events
            .iter()
            .filter(|event| busy_kind(event.kind) == Some(kind))
            .map(|event| Busy { start: event.start.max(*first), end: event.end.min(*last), kind })
            .filter(|busy| busy.start < busy.end)
            .collect();
        busy.sort_by_key(|busy| busy.start);
        let mut merged: Vec<Busy> = Vec::with_capacity(busy.len());
        for next in busy {
            match merged.last_mut() {
                Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
                _ => merged.push(next),
            }
        }
        all.extend(merged);
    }
    all.sort_by_key(|busy| (busy.start, busy.end));
    all
}

/// Who works elsewhere can be met.
fn busy_kind(kind: Theirs) -> Option<BusyKind> {
    match kind {
        Theirs::Busy => Some(BusyKind::Busy),
        Theirs::Tentative => Some(BusyKind::Tentative),
        Theirs::OutOfOffice => Some(BusyKind::Unavailable),
        Theirs::Free | Theirs::WorkingElsewhere | Theirs::NoData => None,
    }
}

/// Somebody of the directory; `None` without an SMTP address.
pub(crate) fn person(one: &Resolution) -> Option<Person> {
    let address = addresses(one).into_iter().next()?;
    let display_name = one.address.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| address.clone());
    let kind = match one.address.kind {
        Some(MailboxKind::PublicList | MailboxKind::PrivateList | MailboxKind::GroupMailbox) => PersonKind::Group,
        _ => PersonKind::Individual,
    };
    let card = card(one, &display_name, kind);
    Some(Person { display_name, address, kind, card })
}

/// A vCard 4.0 (RFC 6350) of a directory entry.
fn card(one: &Resolution, name: &str, kind: PersonKind) -> String {
    let contact = one.data.as_ref().and_then(|data| data.contact.as_deref());
    let some = |text: Option<&String>| text.map(String::as_str).unwrap_or_default().to_owned();
    let (surname, given) = contact
        .map_or_else(Default::default, |contact| (some(contact.surname.as_ref()), some(contact.given_name.as_ref())));
    let mut lines = vec![
        "BEGIN:VCARD".to_owned(),
        "VERSION:4.0".to_owned(),
        format!("KIND:{}", if kind == PersonKind::Group { "group" } else { "individual" }),
        format!("FN:{}", escaped(name)),
        format!("N:{};{};;;", escaped(&surname), escaped(&given)),
    ];
    let emails = addresses(one);
    lines.extend(emails.iter().take(1).map(|address| format!("UID:mailto:{address}")));
    lines.extend(emails.iter().map(|address| format!("EMAIL:{}", escaped(address))));
    if let Some(contact) = contact {
        let org = [contact.company.as_ref(), contact.department.as_ref()].map(some);
        if org.iter().any(|part| !part.is_empty()) {
            lines.push(format!("ORG:{};{}", escaped(&org[0]), escaped(&org[1])));
        }
        let title = some(contact.job_title.as_ref());
        if !title.is_empty() {
            lines.push(format!("TITLE:{}", escaped(&title)));
        }
        let phones = contact.phones.iter().filter(|(_, number)| !number.trim().is_empty());
        lines.extend(phones.map(|(_, number)| format!("TEL;VALUE=text:{}", escaped(number))));
    }
    lines.push("END:VCARD".to_owned());
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

/// RFC 6350 section 3.4.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\\' | ',' | ';' => escaped.extend(['\\', char]),
            '\n' => escaped.push_str("\\n"),
            '\r' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// GetUserAvailability: most addresses at a time.
const MAILBOXES: usize = 100;
/// GetUserAvailability: the longest stretch of time every version answers.
const WINDOW: SignedDuration = SignedDuration::from_hours(42 * 24);
const WINDOWS: usize = 18;
/// Minutes; nobody reads the slots.
const SLOT: u16 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 3600 * hour).unwrap()
    }

    #[test]
    fn long_stretches_are_cut() {
        let range = |hours| Range { start: Some(at(0)), end: Some(at(hours)) };
        assert_eq!(windows(range(24)).unwrap(), [(at(0), at(24))]);
        let two = windows(range(43 * 24)).unwrap();
        assert_eq!(two, [(at(0), at(42 * 24)), (at(42 * 24), at(43 * 24))]);
        assert!(windows(range(0)).unwrap().is_empty());
        assert!(windows(range(24 * 366 * 3)).is_err());
        assert!(windows(Range { start: Some(at(0)), end: None }).is_err());
    }

    #[test]
    fn times_that_touch_become_one() {
        let event = |start, end, kind| BusyEvent { start: at(start), end: at(end), kind, details: None };
        let events = [
            event(5, 6, Theirs::Busy),
            event(-2, 1, Theirs::Busy),
            event(1, 2, Theirs::Busy),
            event(1, 3, Theirs::Tentative),
            event(2, 9, Theirs::Free),
            event(8, 30, Theirs::OutOfOffice),
        ];
        let busy = |start, end, kind| Busy { start: at(start), end: at(end), kind };
        assert_eq!(
            joined(&events, &[(at(0), at(12)), (at(12), at(20))]),
            [
                busy(0, 2, BusyKind::Busy),
                busy(1, 3, BusyKind::Tentative),
                busy(5, 6, BusyKind::Busy),
                busy(8, 20, BusyKind::Unavailable),
            ]
        );
    }
}
