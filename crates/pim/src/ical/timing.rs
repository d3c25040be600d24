//! When a component takes place, apart from its repetitions: DTSTART with DTEND, DUE or DURATION.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::value::{DateOrTime, Duration, Moment, later};
use super::zone::{Zone, Zones};
use crate::Component;

/// Where a component begins and how long it lasts.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    /// DTSTART; for a VTODO without one, DUE.
    pub(crate) start: DateOrTime,
    /// The zone the start is of.
    pub(crate) zone: Zone,
    /// What the zone is called there.
    tzid: Option<String>,
    /// Whether that zone was told, or is the default one.
    pub(crate) floats: bool,
    length: Length,
}

#[derive(Clone, Copy, Debug)]
enum Length {
    /// From DTEND or DUE: the same number of seconds for each repetition (RFC 5545 section 3.8.5.3).
    Exact(i64),
    /// From DURATION or between days: by the calendar.
    Nominal(Duration),
}

impl Timing {
    /// `None` if the component has no time, or one that cannot be read.
    pub(crate) fn of(component: &Component, zones: &Zones, default: &Zone) -> Option<Self> {
        let moment = |name: &str| component.property(name).and_then(Moment::of);
        let end_name = if component.is("VTODO") { "DUE" } else { "DTEND" };
        let end = moment(end_name);
        let start = match moment("DTSTART") {
            Some(start) => start,
            None if component.is("VTODO") => end.clone()?,
            None => return None,
        };
        let zone = zones.zone_of(&start, default).into_owned();
        let floats = match start.value {
            DateOrTime::Utc(_) => false,
            DateOrTime::Date(_) => true,
            DateOrTime::Local(_) => start.tzid.as_deref().is_none_or(|tzid| zones.resolve(tzid).is_none()),
        };
        let length = match (end, component.value("DURATION").and_then(Duration::parse)) {
            (Some(end), _) if start.value.is_date() && end.value.is_date() => {
                let days = end.value.date().since(start.value.date()).map_or(0, |span| i64::from(span.get_days()));
                Length::Nominal(Duration::of_days(days.max(0)))
            }
            (Some(end), _) => {
                let (start, end) = (start.value.timestamp(&zone), zones.instant(&end, default));
                Length::Exact(end.duration_since(start).as_secs().max(0))
            }
            (None, Some(duration)) if !duration.is_negative() => Length::Nominal(duration),
            (None, _) if start.value.is_date() && !component.is("VTODO") => Length::Nominal(Duration::of_days(1)),
            (None, _) => Length::Exact(0),
        };
        Some(Self { start: start.value, zone, tzid: start.tzid, floats, length })
    }

    /// The moment at which it begins, if its start is set to another time.
    pub(crate) fn begin(&self, start: DateTime) -> Timestamp {
        self.start.at(start).timestamp(&self.zone)
    }

    /// The moment at which it is over, if its start is set to another time.
    pub(crate) fn end(&self, start: DateTime) -> Timestamp {
        let begin = self.begin(start);
        match self.length {
            Length::Exact(seconds) => later(begin, seconds),
            // A zone of somebody's own may turn its clocks back further than that.
            Length::Nominal(length) => length.after(start, &self.own_zone()).max(begin),
        }
    }

    /// The zone its start is written in.
    pub(crate) fn own_zone(&self) -> Zone {
        if matches!(self.start, DateOrTime::Utc(_)) { Zone::Utc } else { self.zone.clone() }
    }

    /// How long it may last, in seconds.
    pub(crate) fn longest(&self) -> i64 {
        match self.length {
            Length::Exact(seconds) => seconds,
            Length::Nominal(length) => length.nominal_seconds().saturating_add(86_400),
        }
    }

    /// Another moment as the start would be written: a day, local time of its zone, or UTC.
    pub(crate) fn in_own_form(&self, moment: &Moment, zones: &Zones) -> DateTime {
        match (self.start, moment.value) {
            // A day stands for the repetition of that day.
            (DateOrTime::Date(_), other) => DateOrTime::Date(other.date()).civil(),
            (start, DateOrTime::Date(day)) => day.to_datetime(start.civil().time()),
            // Not by way of the moment: a time that clocks skip would come back as another.
            (DateOrTime::Local(_), DateOrTime::Local(time)) if moment.tzid == self.tzid => time,
            (_, DateOrTime::Local(time)) if moment.tzid.is_none() => time,
            _ => self.own_zone().to_local(zones.instant(moment, &self.own_zone())),
        }
    }
}
