//! When other people are busy.

use std::sync::Arc;

use ews::FreeBusy as Theirs;
use ews::op::get_user_availability::{BusyEvent, GetUserAvailability, View};
use jiff::{SignedDuration, Timestamp};
use mailbox::objects::{Busy, BusyKind, FreeBusy, Range};
use mailbox::{Error, ErrorKind};

use crate::error::{Result, Tried};
use crate::live::Live;

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
                let mut answers = answers.into_iter();
                for told in told.iter_mut() {
                    match (answers.next(), told.as_mut()) {
                        (Some(Ok(answer)), Some(events)) => events.extend(answer.events),
                        (Some(Ok(_)), None) => {}
                        // Nobody of that address, nobody who lets it be known, or no answer: that is not to be free.
                        (Some(Err(_)) | None, _) => *told = None,
                    }
                }
            }
        }
        let all = |events: Vec<BusyEvent>| FreeBusy { busy: joined(&events, &windows) };
        Ok(told.into_iter().map(|events| events.map(all)).collect())
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
