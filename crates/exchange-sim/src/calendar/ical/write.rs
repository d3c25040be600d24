//! Writing a VCALENDAR.

use crate::{
    calendar::{
        day::{DAY, write_local, write_offset},
        event::{Event, Role},
        recurrence::{End, Pattern, Recurrence},
        zone::{Step, When, Zone},
    },
    mime::parse::{Importance, Person},
    store::Item,
    time::Seconds,
};

/// What an event says beside its times and people.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) location: String,
    pub(crate) sensitivity: String,
    pub(crate) importance: Option<Importance>,
    pub(crate) categories: Vec<String>,
    /// Minutes before the start.
    pub(crate) reminder: Option<i64>,
}

impl Facts {
    /// Those of an item.
    pub(crate) fn of(item: &Item) -> Facts {
        let extra = item.extra.as_deref();
        let stored =
            |name: &str| extra.and_then(|extra| extra.fields.get(name)).map(|element| element.text.trim().to_owned());
        let parsed = crate::mime::parse::parse(&item.bytes());
        let body = parsed.text.or_else(|| parsed.html.map(|html| crate::property::text_of_html(&html)));
        let reminds = stored("ReminderIsSet").is_none_or(|set| set == "true" || set == "1");
        let minutes = stored("ReminderMinutesBeforeStart").and_then(|text| text.parse().ok()).unwrap_or(15);
        Facts {
            subject: item.summary().subject.clone(),
            body: body.unwrap_or_default(),
            location: stored("Location").unwrap_or_default(),
            sensitivity: stored("Sensitivity").unwrap_or_default(),
            importance: Some(item.summary().importance),
            categories: extra.map(|extra| extra.categories.clone()).unwrap_or_default(),
            reminder: reminds.then_some(minutes),
        }
    }
}

/// A VCALENDAR of an item: the master or single event first, then its exceptions.
pub(crate) fn write(method: &str, item: &Item) -> String {
    let mut lines = Lines::default();
    let Some(event) = item.event() else { return String::new() };
    lines.put("BEGIN", "VCALENDAR");
    lines.put("METHOD", method);
    lines.put("PRODID", "Microsoft Exchange Server 2010");
    lines.put("VERSION", "2.0");
    lines.zone(&event.zone, event.local_start());
    if let Some(end) = &event.end_zone {
        lines.zone(end, end.local(event.end));
    }
    lines.event(method, event, &Facts::of(item));
    if let Some(series) = &event.series {
        for day in series.exceptions.keys() {
            let Ok(exception) = item.occurrence(*day) else { continue };
            if let Some(own) = exception.event() {
                lines.event(method, own, &Facts::of(&exception));
            }
        }
    }
    lines.put("END", "VCALENDAR");
    lines.out
}

#[derive(Default)]
struct Lines {
    out: String,
}

impl Lines {
    /// One content line, folded at 75 octets (RFC 5545 section 3.1).
    fn put(&mut self, name: &str, value: &str) {
        let mut length = 0;
        for character in format!("{name}:{value}").chars() {
            if length + character.len_utf8() > 75 {
                self.out.push_str("\r\n ");
                length = 1;
            }
            length += character.len_utf8();
            self.out.push(character);
        }
        self.out.push_str("\r\n");
    }

    fn text(&mut self, name: &str, value: &str) {
        self.put(name, &escape(value));
    }

    /// The rules in force when the event starts, as Exchange gives them.
    fn zone(&mut self, zone: &Zone, at: i64) {
        self.put("BEGIN", "VTIMEZONE");
        self.put("TZID", &zone.id);
        let steps = zone.steps(at);
        let offset = |step: &Step| zone.periods.get(step.to).map_or(0, |period| period.offset);
        let standard = steps.iter().map(offset).min().unwrap_or(0);
        for (place, step) in steps.iter().enumerate() {
            let before = steps.get((place + steps.len() - 1) % steps.len()).map_or(0, offset);
            let kind = if offset(step) > standard { "DAYLIGHT" } else { "STANDARD" };
            self.put("BEGIN", kind);
            self.put("DTSTART", &when_start(&step.when));
            self.put("TZOFFSETFROM", &utc_offset(before));
            self.put("TZOFFSETTO", &utc_offset(offset(step)));
            if let Some(rule) = when_rule(&step.when) {
                self.put("RRULE", &rule);
            }
            self.put("END", kind);
        }
        self.put("END", "VTIMEZONE");
    }

    fn event(&mut self, method: &str, event: &Event, facts: &Facts) {
        self.put("BEGIN", "VEVENT");
        if event.is_meeting()
            && let Some(organizer) = &event.organizer
        {
            self.put(&format!("ORGANIZER;CN={}", parameter(organizer)), &format!("mailto:{}", organizer.address));
        }
        for attendee in &event.attendees {
            let role = match attendee.role {
                Role::Required => "REQ-PARTICIPANT",
                Role::Optional => "OPT-PARTICIPANT",
                Role::Resource => "NON-PARTICIPANT;CUTYPE=RESOURCE",
            };
            let status = partstat(attendee.response);
            let name = parameter(&attendee.person);
            self.put(
                &format!("ATTENDEE;ROLE={role};PARTSTAT={status};RSVP=TRUE;CN={name}"),
                &format!("mailto:{}", attendee.person.address),
            );
        }
        self.text("DESCRIPTION;LANGUAGE=en-US", facts.body.trim_end_matches(['\r', '\n']));
        if let Some(series) = &event.series {
            self.put("RRULE", &rule(&series.recurrence, event));
            for day in &series.deleted {
                self.time("EXDATE", event, event.span_on(*day).0, &event.zone);
            }
        }
        if let Some(instance) = event.instance {
            self.time("RECURRENCE-ID", event, instance.original, &event.zone);
        }
        self.text("SUMMARY;LANGUAGE=en-US", &facts.subject);
        self.time("DTSTART", event, event.start, &event.zone);
        self.time("DTEND", event, event.end, event.ends_in());
        self.put("UID", &escape(&event.uid));
        self.put(
            "CLASS",
            match facts.sensitivity.as_str() {
                "Private" => "PRIVATE",
                "Confidential" => "CONFIDENTIAL",
                "Personal" => "X-PERSONAL",
                _ => "PUBLIC",
            },
        );
        self.put(
            "PRIORITY",
            match facts.importance {
                Some(Importance::High) => "1",
                Some(Importance::Low) => "9",
                _ => "5",
            },
        );
        self.put("DTSTAMP", &utc(event.stamp));
        self.put("TRANSP", if event.busy == "Free" { "TRANSPARENT" } else { "OPAQUE" });
        self.put(
            "STATUS",
            match (event.cancelled || method == "CANCEL", event.busy.as_str()) {
                (true, _) => "CANCELLED",
                (_, "Tentative") => "TENTATIVE",
                _ => "CONFIRMED",
            },
        );
        self.put("SEQUENCE", &event.sequence.to_string());
        self.text("LOCATION;LANGUAGE=en-US", &facts.location);
        if !facts.categories.is_empty() {
            let all: Vec<String> = facts.categories.iter().map(|category| escape(category)).collect();
            self.put("CATEGORIES", &all.join(","));
        }
        self.put("X-MICROSOFT-CDO-APPT-SEQUENCE", &event.sequence.to_string());
        self.put("X-MICROSOFT-CDO-BUSYSTATUS", busy(&event.busy));
        self.put("X-MICROSOFT-CDO-INTENDEDSTATUS", busy(event.intended.as_deref().unwrap_or(&event.busy)));
        self.put("X-MICROSOFT-CDO-ALLDAYEVENT", if event.all_day { "TRUE" } else { "FALSE" });
        self.put(
            "X-MICROSOFT-CDO-INSTTYPE",
            match event.kind() {
                "RecurringMaster" => "1",
                "Occurrence" => "2",
                "Exception" => "3",
                _ => "0",
            },
        );
        if let Some(minutes) = facts.reminder {
            self.put("BEGIN", "VALARM");
            self.put("DESCRIPTION", "REMINDER");
            self.put("TRIGGER;RELATED=START", &format!("-PT{minutes}M"));
            self.put("ACTION", "DISPLAY");
            self.put("END", "VALARM");
        }
        self.put("END", "VEVENT");
    }

    fn time(&mut self, name: &str, event: &Event, at: Seconds, zone: &Zone) {
        let local = compact(zone.local(at));
        if event.all_day {
            self.put(&format!("{name};VALUE=DATE"), local.get(..8).unwrap_or(&local));
        } else {
            self.put(&format!("{name};TZID={}", quoted(&zone.id)), &local);
        }
    }
}

fn rule(recurrence: &Recurrence, event: &Event) -> String {
    let end = match recurrence.end {
        End::Never => String::new(),
        End::After(count) => format!(";COUNT={count}"),
        End::On(last) if event.all_day => format!(";UNTIL={}", compact(last * DAY).get(..8).unwrap_or_default()),
        // RFC 5545 section 3.3.10: in UTC, and the last occurrence is still in it.
        End::On(last) => format!(";UNTIL={}", utc(event.span_on(last).0)),
    };
    let place = |index: i64| format!(";BYSETPOS={index}");
    match recurrence.pattern {
        Pattern::Daily { interval } => format!("FREQ=DAILY{end};INTERVAL={interval}"),
        Pattern::Weekly { interval, days, first } => format!(
            "FREQ=WEEKLY{end};INTERVAL={interval};BYDAY={};WKST={}",
            weekdays(days),
            DAYS.get(usize::try_from(first).unwrap_or(0)).unwrap_or(&"SU")
        ),
        Pattern::AbsoluteMonthly { interval, day } => {
            format!("FREQ=MONTHLY{end};INTERVAL={interval};{}", month_day(day))
        }
        Pattern::RelativeMonthly { interval, days, index } => {
            format!("FREQ=MONTHLY{end};INTERVAL={interval};BYDAY={}{}", weekdays(days), place(index))
        }
        Pattern::AbsoluteYearly { month, day } => {
            format!("FREQ=YEARLY{end};INTERVAL=1;BYMONTH={month};{}", month_day(day))
        }
        Pattern::RelativeYearly { month, days, index } => {
            format!("FREQ=YEARLY{end};INTERVAL=1;BYMONTH={month};BYDAY={}{}", weekdays(days), place(index))
        }
    }
}

/// A day that short months lack is their last one, which BYMONTHDAY alone would skip.
fn month_day(day: i64) -> String {
    match day {
        29.. => {
            let days: Vec<String> = (28..=day).map(|day| day.to_string()).collect();
            format!("BYMONTHDAY={};BYSETPOS=-1", days.join(","))
        }
        _ => format!("BYMONTHDAY={day}"),
    }
}

fn weekdays(days: u8) -> String {
    let named: Vec<&str> =
        DAYS.iter().enumerate().filter(|(at, _)| days & (1 << at) != 0).map(|(_, day)| *day).collect();
    named.join(",")
}

fn when_start(when: &When) -> String {
    let at = match *when {
        When::Always => 0,
        When::Weekday { at, .. } | When::Date { at, .. } => at,
    };
    format!("16010101T{}", compact(at.min(DAY - 1)).get(9..).unwrap_or("000000"))
}

fn when_rule(when: &When) -> Option<String> {
    match *when {
        When::Always => None,
        When::Weekday { month, nth, weekday, .. } => {
            let day = DAYS.get(usize::try_from(weekday).ok()?)?;
            let nth = if nth > 4 { -1 } else { nth };
            Some(format!("FREQ=YEARLY;INTERVAL=1;BYDAY={nth}{day};BYMONTH={month}"))
        }
        When::Date { month, day, .. } => Some(format!("FREQ=YEARLY;INTERVAL=1;BYMONTHDAY={day};BYMONTH={month}")),
    }
}

/// `yyyyMMddTHHmmss`
fn compact(local: i64) -> String {
    write_local(local).replace(['-', ':'], "")
}

/// A point in time in UTC.
fn utc(at: Seconds) -> String {
    format!("{}Z", compact(at))
}

fn utc_offset(seconds: i64) -> String {
    match write_offset(seconds).as_str() {
        "Z" => "+0000".to_owned(),
        offset => offset.replace(':', ""),
    }
}

/// RFC 5545 section 3.3.11.
pub(super) fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace(';', "\\;")
        .replace(',', "\\,")
        .replace("\r\n", "\\n")
        .replace(['\r', '\n'], "\\n")
}

fn quoted(value: &str) -> String {
    match value.contains([';', ':', ',']) {
        true => format!("\"{}\"", value.replace('"', "'")),
        false => value.to_owned(),
    }
}

fn parameter(person: &Person) -> String {
    quoted(if person.name.is_empty() { &person.address } else { &person.name })
}

fn partstat(response: &str) -> &'static str {
    match response {
        "Accept" | "Organizer" => "ACCEPTED",
        "Tentative" => "TENTATIVE",
        "Decline" => "DECLINED",
        _ => "NEEDS-ACTION",
    }
}

fn busy(status: &str) -> &'static str {
    match status {
        "Free" => "FREE",
        "Tentative" => "TENTATIVE",
        "OOF" => "OOF",
        "WorkingElsewhere" => "WORKINGELSEWHERE",
        _ => "BUSY",
    }
}

/// Sunday first.
pub(super) const DAYS: &[&str] = &["SU", "MO", "TU", "WE", "TH", "FR", "SA"];
