//! Time zones: those of the IANA database, Windows' names for them, and those an object brings along as VTIMEZONE.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use super::observances::Observances;
use super::value::{DateOrTime, Moment};
use super::windows;
use crate::Component;

/// How local times become moments, and back.
///
/// Where clocks jump, RFC 5545 section 3.3.5 decides: a time that does not exist is read with the offset before the
/// gap, one that is there twice is the first.
#[derive(Clone, Debug)]
pub enum Zone {
    /// UTC
    Utc,
    /// A zone of the IANA database.
    Iana(TimeZone),
    /// A zone that only its VTIMEZONE describes.
    Custom(Arc<Observances>),
}

impl Zone {
    /// A zone by a name that is known everywhere: IANA's, Windows' (by CLDR), either of them behind a vendor's prefix as
    /// in `/freeassociation.sourceforge.net/Europe/Berlin`, or a name Outlook shows, as in
    /// `(UTC+01:00) Amsterdam, Berlin, ...`.
    #[must_use]
    pub fn named(tzid: &str) -> Option<Self> {
        let tzid = tzid.trim().trim_matches('"');
        if UTC_NAMES.iter().any(|name| name.eq_ignore_ascii_case(tzid)) {
            return Some(Self::Utc);
        }
        iana_name(tzid).and_then(|name| database().get(&name).ok()).map(Self::Iana)
    }

    /// The moment at which clocks show this.
    #[must_use]
    pub fn to_instant(&self, local: DateTime) -> Timestamp {
        let tried = match self {
            Self::Utc => TimeZone::UTC.to_timestamp(local),
            Self::Iana(zone) => zone.to_timestamp(local),
            Self::Custom(observances) => return observances.to_instant(local),
        };
        // Only the very first and last days of time itself have no moment.
        tried.unwrap_or(if local < DateTime::ZERO { Timestamp::MIN } else { Timestamp::MAX })
    }

    /// What clocks show at a moment.
    #[must_use]
    pub fn to_local(&self, instant: Timestamp) -> DateTime {
        match self {
            Self::Utc => TimeZone::UTC.to_datetime(instant),
            Self::Iana(zone) => zone.to_datetime(instant),
            Self::Custom(observances) => shifted(instant, observances.offset_at(instant)),
        }
    }

    /// Seconds east of UTC at a moment.
    #[must_use]
    pub fn offset_at(&self, instant: Timestamp) -> i32 {
        match self {
            Self::Utc => 0,
            Self::Iana(zone) => zone.to_offset(instant).seconds(),
            Self::Custom(observances) => observances.offset_at(instant),
        }
    }

    /// Its name in the IANA database, if it is of there.
    #[must_use]
    pub fn iana(&self) -> Option<&str> {
        match self {
            Self::Utc => Some("UTC"),
            Self::Iana(zone) => zone.iana_name(),
            Self::Custom(_) => None,
        }
    }
}

/// The zones an object may speak of.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    named: Vec<(String, Option<Zone>)>,
}

impl Zones {
    /// Those a VCALENDAR brings along. A TZID that is known everywhere is what it is known as, since clients often cut
    /// the history and the future from what they send; any other is its VTIMEZONE.
    #[must_use]
    pub fn of(calendar: &Component) -> Self {
        let named = calendar.components("VTIMEZONE").take(MOST_ZONES).filter_map(|component| {
            let tzid = component.text("TZID")?;
            let known = Zone::named(&tzid);
            let zone = known.or_else(|| Observances::of(component).map(|own| Zone::Custom(Arc::new(own))));
            Some((tzid.trim().to_owned(), zone))
        });
        Self { named: named.collect() }
    }

    /// The zone of a TZID: known everywhere, or described in the object. `None` if it is neither.
    #[must_use]
    pub fn resolve(&self, tzid: &str) -> Option<Zone> {
        let tzid = tzid.trim();
        match self.named.iter().find(|(name, _)| name == tzid) {
            Some((_, zone)) => zone.clone(),
            None => Zone::named(tzid),
        }
    }

    /// The zone to read a date or time in: UTC, the one its TZID names, or `default` for days, floating times and names
    /// nobody knows.
    #[must_use]
    pub fn zone_of<'a>(&self, moment: &Moment, default: &'a Zone) -> Cow<'a, Zone> {
        match (moment.value, &moment.tzid) {
            (DateOrTime::Utc(_), _) => Cow::Owned(Zone::Utc),
            (DateOrTime::Local(_), Some(tzid)) => self.resolve(tzid).map_or(Cow::Borrowed(default), Cow::Owned),
            _ => Cow::Borrowed(default),
        }
    }

    /// The moment of a date or time; days and floating times are of `default`.
    #[must_use]
    pub fn instant(&self, moment: &Moment, default: &Zone) -> Timestamp {
        moment.value.timestamp(&self.zone_of(moment, default))
    }
}

/// IANA's name for a zone by whatever name it goes.
#[must_use]
pub fn iana_name(tzid: &str) -> Option<String> {
    let direct = |name: &str| database().get(name).ok().and_then(|zone| zone.iana_name().map(str::to_owned));
    direct(tzid).or_else(|| windows::iana_of(tzid).map(str::to_owned)).or_else(|| {
        // Behind a vendor's prefix the last two or three parts are the name.
        let parts: Vec<&str> = tzid.strip_prefix('/')?.split('/').collect();
        let tails = [3, 2, 1].into_iter().filter_map(|count| parts.get(parts.len().checked_sub(count)?..));
        let names = tails.map(|tail| tail.join("/"));
        names.map(|name| name.replace(' ', "_")).find_map(|name| direct(&name))
    })
}

/// Clocks at an offset.
pub(crate) fn shifted(instant: Timestamp, offset: i32) -> DateTime {
    let utc = TimeZone::UTC.to_datetime(instant);
    utc.saturating_add(SignedDuration::from_secs(i64::from(offset)))
}

/// The zone database that is built in, so that a text means the same on every machine.
pub(crate) fn database() -> &'static TimeZoneDatabase {
    static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
    DATABASE.get_or_init(TimeZoneDatabase::bundled)
}

/// Zones of one object; a start and an end each for some dozen replaced repetitions.
const MOST_ZONES: usize = 100;

/// The last one is of Outlook and Exchange.
const UTC_NAMES: [&str; 9] =
    ["UTC", "Z", "Etc/UTC", "Etc/UCT", "Etc/Zulu", "Zulu", "UCT", "GMT", "tzone://Microsoft/Utc"];
