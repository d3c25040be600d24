//! When alarms ring (RFC 5545 section 3.6.6, RFC 4791 section 9.9).

use jiff::{SignedDuration, Timestamp};
use mailbox::objects::Range;
use pim::Component;
use pim::ical::{DateOrTime, Duration};

use super::super::time::holds;
use super::evaluate::{Scene, Standing, length};

/// Whether an alarm of a component rings in a range, the first time or again: "(start <= trigger-time) AND (end >
/// trigger-time)" for at least one of its triggers.
pub(super) fn rings(scene: &Scene<'_>, alarm: &Component, parent: Standing<'_>, range: Range) -> bool {
    let Some(trigger) = alarm.property("TRIGGER") else { return false };
    let echo = Echo::of(alarm);
    if let Some(at @ DateOrTime::Utc(_)) = DateOrTime::parse(&trigger.value) {
        return echo.sounds(at.timestamp(scene.floating), range);
    }
    let Some(offset) = Duration::parse(&trigger.value) else { return false };
    let from_end = trigger.has_parameter("RELATED", "END");
    if !parent.component.has("DTSTART") {
        // A task that is only due: seen from clients that write RELATED=START there, and in RFC 4791 section 7.8.5.
        let due = parent.component.property("DUE").and_then(|property| scene.moment(property));
        return due.is_some_and(|due| echo.sounds(later(due, offset.nominal_seconds()), range));
    }
    // An instance that ends where the range begins does not overlap it, hence the second.
    let offset = offset.nominal_seconds();
    let anchors = Range {
        start: range.start.map(|start| later(start, -offset - echo.length() - 1)),
        end: range.end.map(|end| later(end, -offset)),
    };
    scene.own(parent, anchors).any(|one| {
        let anchor = if from_end { one.end } else { one.start };
        echo.sounds(later(anchor, offset), range)
    })
}

/// REPEAT and DURATION: how often an alarm rings again, and after how many seconds each.
struct Echo {
    times: i64,
    pause: i64,
}

impl Echo {
    fn of(alarm: &Component) -> Self {
        let times = alarm.value("REPEAT").and_then(|text| text.trim().parse::<u32>().ok());
        let pause = length(alarm, "DURATION").map(Duration::nominal_seconds).filter(|pause| *pause > 0);
        match (times, pause) {
            (Some(times), Some(pause)) => Self { times: times.into(), pause },
            _ => Self { times: 0, pause: 1 },
        }
    }

    /// Seconds from the first to the last.
    fn length(&self) -> i64 {
        self.times.saturating_mul(self.pause).min(LONGEST)
    }

    /// Whether one of them lies in the range; counted, not tried, for there may be billions.
    fn sounds(&self, first: Timestamp, range: Range) -> bool {
        let missing = range.start.map_or(0, |start| start.as_second().saturating_sub(first.as_second()).max(0));
        let count = missing.div_euclid(self.pause) + i64::from(missing.rem_euclid(self.pause) != 0);
        count <= self.times && holds(range, later(first, count.saturating_mul(self.pause)))
    }
}

fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(at)
}

/// Ten years, in seconds: nobody is reminded for longer.
const LONGEST: i64 = 315_576_000;
