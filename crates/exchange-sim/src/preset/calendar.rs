//! Very many events, to count calls and measure.

use jiff::{Timestamp, tz::TimeZone};

use super::demo::request::{create, own};
use crate::Exchange;

/// Puts `count` events into the calendar of `mailbox`, two hours apart from 2025 on; each twentieth recurs weekly, six
/// times.
///
/// # Errors
/// What the organisation refused.
pub fn fill(exchange: &Exchange, mailbox: &str, count: u32) -> Result<(), String> {
    let numbers: Vec<u32> = (0..count).collect();
    for some in numbers.chunks(500) {
        let items: String = some.iter().map(|number| event(*number)).collect();
        create(exchange, mailbox, &own("calendar"), "SendMeetingInvitations=\"SendToNone\"", &items)?;
    }
    Ok(())
}

fn event(number: u32) -> String {
    let start = FIRST + i64::from(number) * 7200;
    let (from, to) = (crate::time::write(start), crate::time::write(start + 3600));
    let recurrence = match number % 20 {
        7 => {
            let zoned = Timestamp::from_second(start).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC);
            let (day, weekday) = (zoned.date(), zoned.strftime("%A"));
            format!(
                "<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>{weekday}</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>{day}</t:StartDate><t:NumberOfOccurrences>6</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>"
            )
        }
        _ => String::new(),
    };
    format!(
        "<t:CalendarItem><t:Subject>Event {number}</t:Subject><t:UID>event-{number}@demo.test</t:UID><t:Start>{from}</t:Start><t:End>{to}</t:End><t:Location>Room {}</t:Location>{recurrence}</t:CalendarItem>",
        number % 17
    )
}

/// 2025-01-01T00:00:00Z.
const FIRST: i64 = 1_735_689_600;
