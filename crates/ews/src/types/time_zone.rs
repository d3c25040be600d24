use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

use super::moment::{Moment, parse_duration, read_date, read_time, write_duration};
use super::recurrence::{month_name, month_of};
use super::{Day, Index};
use crate::soap::{Element, Xml};

/// A time zone as Exchange knows it from 2010 on (EWS "TimeZoneDefinitionType").
///
/// One with an id only names a zone of the server's own; one with periods describes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeZoneDefinition {
    /// The zone's name in Windows, such as `W. Europe Standard Time`.
    pub id: Option<String>,
    /// What users see.
    pub name: Option<String>,
    /// Spans with one offset.
    pub periods: Vec<Period>,
    /// Yearly turns from one period to another, by group.
    pub groups: Vec<Transitions>,
    /// When which group or period begins to hold.
    pub transitions: Vec<Transition>,
}

/// A span with one offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// What transitions name it by.
    pub id: String,
    /// `Standard`, `Daylight`.
    pub name: String,
    /// UTC less local time: positive in the west.
    pub bias: SignedDuration,
}

/// Transitions that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transitions {
    /// What other transitions name them by.
    pub id: String,
    /// The transitions.
    pub transitions: Vec<Transition>,
}

/// A turn to another period or group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// To which.
    pub to: Target,
    /// When.
    pub when: Turn,
}

/// What holds after a transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A period, by id.
    Period(String),
    /// A group, by id.
    Group(String),
}

/// When a transition comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It held from the beginning.
    Always,
    /// Once.
    At(DateTime),
    /// Every year on a date.
    Date {
        /// Since local midnight.
        offset: SignedDuration,
        /// From 1 on.
        month: i8,
        /// From 1 on.
        day: i8,
    },
    /// Every year on such a day as the last Sunday of a month.
    Day {
        /// Since local midnight.
        offset: SignedDuration,
        /// From 1 on.
        month: i8,
        /// Which day of the week.
        day: Day,
        /// Which of them: 1 to 4 from the beginning, -1 is the last.
        occurrence: i8,
    },
}

impl TimeZoneDefinition {
    /// One that only names a zone.
    pub fn named(id: impl Into<String>) -> TimeZoneDefinition {
        TimeZoneDefinition { id: Some(id.into()), ..TimeZoneDefinition::default() }
    }

    pub(crate) fn read(element: &Element) -> TimeZoneDefinition {
        let list = |name| element.child(name).map(Element::all).unwrap_or_default();
        TimeZoneDefinition {
            id: element.attribute("Id").map(str::to_owned),
            name: element.attribute("Name").map(str::to_owned),
            periods: list("Periods").iter().filter_map(Period::read).collect(),
            groups: list("TransitionsGroups").iter().map(Transitions::read).collect(),
            transitions: list("Transitions").iter().filter_map(Transition::read).collect(),
        }
    }

    pub(crate) fn write(&self, xml: &mut Xml, name: &'static str) {
        let attributes = [("Id", &self.id), ("Name", &self.name)];
        let attributes: Vec<_> =
            attributes.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        if self.periods.is_empty() {
            return xml.empty(name, &attributes);
        }
        xml.within(name, &attributes, |xml| {
            xml.within("t:Periods", &[], |xml| self.periods.iter().for_each(|period| period.write(xml)));
            if !self.groups.is_empty() {
                xml.within("t:TransitionsGroups", &[], |xml| self.groups.iter().for_each(|group| group.write(xml)));
            }
            if !self.transitions.is_empty() {
                xml.within("t:Transitions", &[], |xml| self.transitions.iter().for_each(|turn| turn.write(xml)));
            }
        });
    }
}

impl Period {
    fn read(element: &Element) -> Option<Period> {
        Some(Period {
            id: element.attribute("Id")?.to_owned(),
            name: element.attribute("Name").unwrap_or_default().to_owned(),
            bias: parse_duration(element.attribute("Bias")?)?,
        })
    }

    fn write(&self, xml: &mut Xml) {
        xml.empty("t:Period", &[("Bias", &write_duration(self.bias)), ("Name", &self.name), ("Id", &self.id)]);
    }
}

impl Transitions {
    fn read(element: &Element) -> Transitions {
        Transitions {
            id: element.attribute("Id").unwrap_or_default().to_owned(),
            transitions: element.all().iter().filter_map(Transition::read).collect(),
        }
    }

    fn write(&self, xml: &mut Xml) {
        xml.within("t:TransitionsGroup", &[("Id", &self.id)], |xml| {
            self.transitions.iter().for_each(|turn| turn.write(xml));
        });
    }
}

impl Transition {
    fn read(element: &Element) -> Option<Transition> {
        let to = element.child("To")?;
        let target = to.text().to_owned();
        let to = if to.attribute("Kind") == Some("Group") { Target::Group(target) } else { Target::Period(target) };
        let number = |name| element.child(name).and_then(Element::parse::<i8>);
        let offset = || element.child("TimeOffset").and_then(|offset| parse_duration(offset.text()));
        let when = match element.name() {
            "AbsoluteDateTransition" => match element.child("DateTime").and_then(Moment::read)? {
                Moment::Local(local) => Turn::At(local),
                Moment::At(instant) => Turn::At(jiff::tz::TimeZone::UTC.to_datetime(instant)),
            },
            "RecurringDateTransition" => Turn::Date { offset: offset()?, month: number("Month")?, day: number("Day")? },
            "RecurringDayTransition" => Turn::Day {
                offset: offset()?,
                month: number("Month")?,
                day: element.child("DayOfWeek").and_then(|day| Day::from_name(day.text()))?,
                occurrence: number("Occurrence")?,
            },
            _ => Turn::Always,
        };
        Some(Transition { to, when })
    }

    fn write(&self, xml: &mut Xml) {
        let name = match self.when {
            Turn::Always => "t:Transition",
            Turn::At(_) => "t:AbsoluteDateTransition",
            Turn::Date { .. } => "t:RecurringDateTransition",
            Turn::Day { .. } => "t:RecurringDayTransition",
        };
        xml.within(name, &[], |xml| {
            match &self.to {
                Target::Period(id) => xml.text_with("t:To", &[("Kind", "Period")], id),
                Target::Group(id) => xml.text_with("t:To", &[("Kind", "Group")], id),
            }
            let begin = |xml: &mut Xml, offset, month: i8| {
                xml.text("t:TimeOffset", &write_duration(offset));
                xml.text("t:Month", &month.to_string());
            };
            match &self.when {
                Turn::Always => {}
                Turn::At(local) => xml.text("t:DateTime", &local.to_string()),
                Turn::Date { offset, month, day } => {
                    begin(xml, *offset, *month);
                    xml.text("t:Day", &day.to_string());
                }
                Turn::Day { offset, month, day, occurrence } => {
                    begin(xml, *offset, *month);
                    xml.text("t:DayOfWeek", day.as_str());
                    xml.text("t:Occurrence", &occurrence.to_string());
                }
            }
        });
    }
}

/// A time zone as Exchange 2007 knows it, and as items made by old clients carry it (EWS "MeetingTimeZone").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeetingTimeZone {
    /// The zone's name in Windows, or what the maker of the item called it. A name the server knows is enough.
    pub name: Option<String>,
    /// UTC less standard time: positive in the west.
    pub base: Option<SignedDuration>,
    /// When standard time begins.
    pub standard: Option<TimeChange>,
    /// When daylight-saving time begins.
    pub daylight: Option<TimeChange>,
}

/// When one of the two times of a zone begins (EWS "TimeChangeType").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeChange {
    /// What this time is called.
    pub name: Option<String>,
    /// What it adds to the base: zero for standard time, -1 h for usual daylight-saving time.
    pub offset: SignedDuration,
    /// On which day.
    pub on: Option<ChangeDay>,
    /// At which time of the clock that then changes.
    pub time: Time,
}

/// The day of a time change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeDay {
    /// Such as the last Sunday of a month, each year.
    Relative {
        /// From 1 on.
        month: i8,
        /// Which day of the week.
        day: Day,
        /// Which of them.
        index: Index,
    },
    /// One date.
    Date(Date),
}

impl MeetingTimeZone {
    pub(crate) fn read(element: &Element) -> MeetingTimeZone {
        let change = |name| element.child(name).and_then(TimeChange::read);
        MeetingTimeZone {
            name: element.attribute("TimeZoneName").map(str::to_owned),
            base: element.child("BaseOffset").and_then(|base| parse_duration(base.text())),
            standard: change("Standard"),
            daylight: change("Daylight"),
        }
    }

    pub(crate) fn write(&self, xml: &mut Xml) {
        let name = self.name.as_deref().map(|name| ("TimeZoneName", name));
        let Some(base) = self.base else { return xml.empty("t:MeetingTimeZone", name.as_slice()) };
        xml.within("t:MeetingTimeZone", name.as_slice(), |xml| {
            xml.text("t:BaseOffset", &write_duration(base));
            if let (Some(standard), Some(daylight)) = (&self.standard, &self.daylight) {
                standard.write(xml, "t:Standard");
                daylight.write(xml, "t:Daylight");
            }
        });
    }
}

impl TimeChange {
    fn read(element: &Element) -> Option<TimeChange> {
        Some(TimeChange {
            name: element.attribute("TimeZoneName").map(str::to_owned),
            offset: parse_duration(element.child("Offset")?.text())?,
            on: element.all().iter().find_map(ChangeDay::read),
            time: read_time(element.child("Time")?)?,
        })
    }

    fn write(&self, xml: &mut Xml, name: &'static str) {
        let zone = self.name.as_deref().map(|zone| ("TimeZoneName", zone));
        xml.within(name, zone.as_slice(), |xml| {
            xml.text("t:Offset", &write_duration(self.offset));
            match &self.on {
                Some(ChangeDay::Relative { month, day, index }) => {
                    xml.within("t:RelativeYearlyRecurrence", &[], |xml| {
                        xml.text("t:DaysOfWeek", day.as_str());
                        xml.text("t:DayOfWeekIndex", index.as_str());
                        xml.text("t:Month", month_name(*month));
                    });
                }
                Some(ChangeDay::Date(date)) => xml.text("t:AbsoluteDate", &date.to_string()),
                None => {}
            }
            xml.text("t:Time", &self.time.to_string());
        });
    }
}

impl ChangeDay {
    fn read(element: &Element) -> Option<ChangeDay> {
        match element.name() {
            "AbsoluteDate" => read_date(element).map(ChangeDay::Date),
            "RelativeYearlyRecurrence" => Some(ChangeDay::Relative {
                month: month_of(element.child("Month")?.text())?,
                day: Day::from_name(element.child("DaysOfWeek")?.text())?,
                index: Index::from_name(element.child("DayOfWeekIndex")?.text())?,
            }),
            _ => None,
        }
    }
}
