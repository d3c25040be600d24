//! GetUserAvailability: when people are free or busy.

use jiff::Timestamp;

use crate::operation::{Operation, Payload, only};
use crate::soap::{Element, Outcome, Xml};
use crate::types::{Day, FreeBusy, Version, read_utc};
use crate::{Error, ItemError};

/// Asks when people are free or busy. Times go both ways in UTC.
#[derive(Clone, Debug)]
pub struct GetUserAvailability {
    /// Whose, by address; 100 at most.
    pub mailboxes: Vec<String>,
    /// From when.
    pub start: Timestamp,
    /// Until when; Exchange allows 42 days, newer versions 62.
    pub end: Timestamp,
    /// How much is asked for; Exchange tells less where the asker may not know.
    pub view: View,
    /// Minutes of a slot where slots are asked for: 5 to 1440.
    pub interval: u16,
}

/// How much is told (EWS "FreeBusyViewType").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Slots only, which works for other organizations too.
    Merged,
    /// Times, and slots.
    FreeBusy,
    /// Times, subjects and places, and slots.
    Detailed,
}

/// When somebody is free or busy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Availability {
    /// How much was told.
    pub view: Option<String>,
    /// One digit for each slot: 0 free, 1 tentative, 2 busy, 3 out of office, 4 nobody knows or works elsewhere.
    pub merged: Option<String>,
    /// What there is.
    pub events: Vec<BusyEvent>,
    /// When somebody works.
    pub hours: Option<WorkingHours>,
}

/// One span of an availability.
#[derive(Clone, Debug, PartialEq)]
pub struct BusyEvent {
    /// From when.
    pub start: Timestamp,
    /// Until when.
    pub end: Timestamp,
    /// Which kind of busy.
    pub kind: FreeBusy,
    /// What it is, if the asker may know.
    pub details: Option<BusyDetails>,
}

/// What keeps somebody busy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BusyDetails {
    /// The entry id of the item in hexadecimal.
    pub id: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// Where.
    pub location: Option<String>,
    /// It has attendees.
    pub is_meeting: bool,
    /// It is of a series.
    pub is_recurring: bool,
    /// It is an exception in a series.
    pub is_exception: bool,
    /// There is a reminder.
    pub is_reminder_set: bool,
    /// It is private.
    pub is_private: bool,
}

/// When somebody works, on clocks of a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkingHours {
    /// UTC less standard time of the zone, in minutes.
    pub bias: i32,
    /// What standard time adds to that, and when it begins.
    pub standard: Option<ZoneChange>,
    /// What daylight-saving time adds, and when it begins.
    pub daylight: Option<ZoneChange>,
    /// Days with the first and the last minute of work.
    pub periods: Vec<(Vec<Day>, u16, u16)>,
}

/// When a zone's standard or daylight-saving time begins (EWS "SerializableTimeZoneTime").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneChange {
    /// Minutes added to the zone's bias.
    pub bias: i32,
    /// The time of day, as `02:00:00`.
    pub time: String,
    /// 1 to 4 for the first to fourth such day of the month, 5 for the last; a day of the month if there is a year.
    pub order: i16,
    /// From 1 on; 0 if there is no daylight-saving time.
    pub month: i16,
    /// The day of the week.
    pub day: Day,
    /// The year, if it holds for one only.
    pub year: Option<String>,
}

impl Operation for GetUserAvailability {
    type Payload = Found;
    type Answer = Vec<Result<Availability, ItemError>>;
    const NAME: &'static str = "GetUserAvailability";

    fn is_empty(&self) -> bool {
        self.mailboxes.is_empty()
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        let view = match self.view {
            View::Merged => "MergedOnly",
            View::FreeBusy => "FreeBusyMerged",
            View::Detailed => "DetailedMerged",
        };
        xml.within("m:GetUserAvailabilityRequest", &[], |xml| {
            write_utc(xml);
            xml.within("m:MailboxDataArray", &[], |xml| {
                for mailbox in &self.mailboxes {
                    xml.within("t:MailboxData", &[], |xml| {
                        xml.within("t:Email", &[], |xml| xml.text("t:Address", mailbox));
                        xml.text("t:AttendeeType", "Required");
                        xml.text("t:ExcludeConflicts", "false");
                    });
                }
            });
            xml.within("t:FreeBusyViewOptions", &[], |xml| {
                xml.within("t:TimeWindow", &[], |xml| {
                    xml.text("t:StartTime", &local(self.start));
                    xml.text("t:EndTime", &local(self.end));
                });
                xml.text("t:MergedFreeBusyIntervalInMinutes", &self.interval.clamp(5, 1440).to_string());
                xml.text("t:RequestedView", view);
            });
        });
    }

    fn answer(&self, messages: Vec<Result<Found, ItemError>>) -> Result<Self::Answer, Error> {
        // A list of nobody is answered without asking.
        if self.mailboxes.is_empty() {
            return Ok(Vec::new());
        }
        let found = only(messages)?.0;
        if found.len() != self.mailboxes.len() {
            let told = format!("{} were asked for and {} answered", self.mailboxes.len(), found.len());
            return Err(Error::protocol(told));
        }
        Ok(found)
    }
}

/// The payload of GetUserAvailability.
#[derive(Debug, Default)]
pub struct Found(Vec<Result<Availability, ItemError>>);

impl Payload for Found {
    fn take(&mut self, _container: &str, element: Element) {
        if element.name() == "FreeBusyResponseArray" {
            self.0.extend(element.children("FreeBusyResponse").map(read_one));
        }
    }
}

fn read_one(element: &Element) -> Result<Availability, ItemError> {
    let message = element.child("ResponseMessage").ok_or(ItemError::incomplete("response message"))?;
    Outcome::read(message).judge(())?;
    Ok(element.child("FreeBusyView").map(Availability::read).unwrap_or_default())
}

impl Availability {
    fn read(view: &Element) -> Availability {
        let text = |name| view.child(name).map(|text| text.text().trim().to_owned());
        let events = view.child("CalendarEventArray").map(Element::all).unwrap_or_default();
        Availability {
            view: text("FreeBusyViewType"),
            merged: text("MergedFreeBusy"),
            events: events.iter().filter_map(BusyEvent::read).collect(),
            hours: view.child("WorkingHours").map(WorkingHours::read),
        }
    }
}

impl BusyEvent {
    fn read(event: &Element) -> Option<BusyEvent> {
        Some(BusyEvent {
            start: event.child("StartTime").and_then(read_utc)?,
            end: event.child("EndTime").and_then(read_utc)?,
            kind: FreeBusy::from_name(event.child("BusyType")?.text()).unwrap_or(FreeBusy::NoData),
            details: event.child("CalendarEventDetails").map(BusyDetails::read),
        })
    }
}

impl BusyDetails {
    fn read(details: &Element) -> BusyDetails {
        let text = |name| details.child(name).map(|text| text.text().to_owned()).filter(|text| !text.is_empty());
        let truth = |name| details.child(name).and_then(Element::truth).unwrap_or(false);
        BusyDetails {
            id: text("ID"),
            subject: text("Subject"),
            location: text("Location"),
            is_meeting: truth("IsMeeting"),
            is_recurring: truth("IsRecurring"),
            is_exception: truth("IsException"),
            is_reminder_set: truth("IsReminderSet"),
            is_private: truth("IsPrivate"),
        }
    }
}

impl WorkingHours {
    fn read(hours: &Element) -> WorkingHours {
        let zone = hours.child("TimeZone");
        let periods = hours.child("WorkingPeriodArray").map(Element::all).unwrap_or_default();
        WorkingHours {
            bias: zone.and_then(|zone| zone.child("Bias")).and_then(Element::parse).unwrap_or(0),
            standard: zone.and_then(|zone| zone.child("StandardTime")).and_then(ZoneChange::read),
            daylight: zone.and_then(|zone| zone.child("DaylightTime")).and_then(ZoneChange::read),
            periods: periods.iter().filter_map(read_period).collect(),
        }
    }
}

fn read_period(period: &Element) -> Option<(Vec<Day>, u16, u16)> {
    let minutes = |name| period.child(name).and_then(Element::parse);
    let days = period.child("DayOfWeek")?.text().split_whitespace().filter_map(Day::from_name).collect();
    Some((days, minutes("StartTimeInMinutes")?, minutes("EndTimeInMinutes")?))
}

impl ZoneChange {
    fn read(change: &Element) -> Option<ZoneChange> {
        Some(ZoneChange {
            bias: change.child("Bias").and_then(Element::parse)?,
            time: change.child("Time")?.text().trim().to_owned(),
            order: change.child("DayOrder").and_then(Element::parse)?,
            month: change.child("Month").and_then(Element::parse)?,
            day: Day::from_name(change.child("DayOfWeek")?.text())?,
            year: change.child("Year").map(|year| year.text().trim().to_owned()),
        })
    }
}

/// The zone of all times in question and answer. Month 0 means that there is no daylight-saving time.
fn write_utc(xml: &mut Xml) {
    xml.within("t:TimeZone", &[], |xml| {
        xml.text("t:Bias", "0");
        for name in ["t:StandardTime", "t:DaylightTime"] {
            xml.within(name, &[], |xml| {
                xml.text("t:Bias", "0");
                xml.text("t:Time", "00:00:00");
                xml.text("t:DayOrder", "0");
                xml.text("t:Month", "0");
                xml.text("t:DayOfWeek", "Sunday");
            });
        }
    });
}

fn local(instant: Timestamp) -> String {
    jiff::tz::TimeZone::UTC.to_datetime(instant).to_string()
}
