use jiff::Timestamp;

use super::moment::{Moment, read_utc};
use super::words::words;
use super::{Address, ItemId, MeetingTimeZone, Recurrence, TimeZoneDefinition};
use crate::soap::{Element, Xml};

/// What calendar items have beyond any item, and what messages about meetings have of it (EWS "CalendarItem").
///
/// What is None or empty was not asked, or is not set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calendar {
    /// The iCalendar UID; hexadecimal for items Exchange made.
    pub uid: Option<String>,
    /// Which occurrence an exception stands for.
    pub recurrence_id: Option<Moment>,
    /// When the organizer last changed it (DTSTAMP).
    pub stamp: Option<Timestamp>,
    /// When it begins.
    pub start: Option<Moment>,
    /// When it ends; of an all-day event, the midnight after its last day.
    pub end: Option<Moment>,
    /// When the occurrence would begin if it were none of the exceptions.
    pub original_start: Option<Moment>,
    /// Whole days, from midnight to midnight in the item's zone.
    pub is_all_day: Option<bool>,
    /// What free/busy shows.
    pub free_busy: Option<FreeBusy>,
    /// Where, as text.
    pub location: Option<String>,
    /// Where, in detail; from 2013 on.
    pub enhanced_location: Option<EnhancedLocation>,
    /// When, as text somebody wrote.
    pub when: Option<String>,
    /// It has attendees.
    pub is_meeting: Option<bool>,
    /// The organizer called it off.
    pub is_cancelled: Option<bool>,
    /// It is part of a series. False on the master, whose `kind` tells.
    pub is_recurring: Option<bool>,
    /// The owner of the calendar is the organizer; from 2013 on.
    pub is_organizer: Option<bool>,
    /// Invitations were sent.
    pub request_was_sent: Option<bool>,
    /// The organizer wants answers.
    pub is_response_requested: Option<bool>,
    /// Single, or what of a series.
    pub kind: Option<CalendarItemKind>,
    /// What the owner of the calendar answered.
    pub my_response: Option<ResponseKind>,
    /// When the owner answered.
    pub replied: Option<Timestamp>,
    /// Who invites.
    pub organizer: Option<Address>,
    /// Those invited.
    pub required: Vec<Attendee>,
    /// Those who may come.
    pub optional: Vec<Attendee>,
    /// Rooms and things.
    pub resources: Vec<Attendee>,
    /// xs:duration, as Exchange wrote it.
    pub duration: Option<String>,
    /// The zone as text for users; no id.
    pub time_zone: Option<String>,
    /// SEQUENCE.
    pub sequence: Option<i32>,
    /// Bits: 1 meeting, 2 received, 4 cancelled (MS-OXOCAL 2.2.1.10).
    pub state: Option<i32>,
    /// How it repeats; on a master only.
    pub recurrence: Option<Recurrence>,
    /// The first occurrence there still is.
    pub first: Option<Occurrence>,
    /// The last occurrence there still is.
    pub last: Option<Occurrence>,
    /// Those that differ from the rule.
    pub modified: Vec<Occurrence>,
    /// When those would begin that were deleted.
    pub deleted: Vec<Moment>,
    /// The zone as 2007 tells it.
    pub meeting_zone: Option<MeetingTimeZone>,
    /// The zone of the start, from 2010 on.
    pub start_zone: Option<TimeZoneDefinition>,
    /// The zone of the end, from 2010 on.
    pub end_zone: Option<TimeZoneDefinition>,
    /// The start as its zone's clocks show it, from 2013 on.
    pub start_wall: Option<Moment>,
    /// The end as its zone's clocks show it, from 2013 on.
    pub end_wall: Option<Moment>,
    /// The id of the start's zone, from 2013 on.
    pub start_zone_id: Option<String>,
    /// The id of the end's zone, from 2013 on.
    pub end_zone_id: Option<String>,
    /// 0 NetMeeting, 1 NetShow, 2 chat.
    pub conference: Option<i32>,
    /// Attendees may propose other times.
    pub allow_new_time: Option<bool>,
    /// It is held online.
    pub is_online: Option<bool>,
    /// A site about it.
    pub workspace_url: Option<String>,
    /// Where it is broadcast.
    pub net_show_url: Option<String>,
    /// Where to join it; from 2013 on, read only.
    pub join_url: Option<String>,
}

impl Calendar {
    /// Takes an element that is one of these; false if it is something else.
    pub(crate) fn take(&mut self, child: &Element) -> bool {
        let text = || Some(child.text().to_owned());
        match child.name() {
            "UID" => self.uid = text(),
            "RecurrenceId" => self.recurrence_id = Moment::read(child),
            "DateTimeStamp" => self.stamp = read_utc(child),
            "Start" => self.start = Moment::read(child),
            "End" => self.end = Moment::read(child),
            "OriginalStart" => self.original_start = Moment::read(child),
            "IsAllDayEvent" => self.is_all_day = child.truth(),
            "LegacyFreeBusyStatus" => self.free_busy = FreeBusy::from_name(child.text()),
            "Location" => self.location = text(),
            "EnhancedLocation" => self.enhanced_location = Some(EnhancedLocation::read(child)),
            "When" => self.when = text(),
            "IsMeeting" => self.is_meeting = child.truth(),
            "IsCancelled" => self.is_cancelled = child.truth(),
            "IsRecurring" => self.is_recurring = child.truth(),
            "IsOrganizer" => self.is_organizer = child.truth(),
            "MeetingRequestWasSent" => self.request_was_sent = child.truth(),
            "IsResponseRequested" => self.is_response_requested = child.truth(),
            "CalendarItemType" => self.kind = CalendarItemKind::from_name(child.text()),
            "MyResponseType" => self.my_response = ResponseKind::from_name(child.text()),
            "AppointmentReplyTime" => self.replied = read_utc(child),
            "Organizer" => self.organizer = Address::all(child).next(),
            "RequiredAttendees" => self.required = Attendee::all(child),
            "OptionalAttendees" => self.optional = Attendee::all(child),
            "Resources" => self.resources = Attendee::all(child),
            "Duration" => self.duration = text(),
            "TimeZone" => self.time_zone = text(),
            "AppointmentSequenceNumber" => self.sequence = child.parse(),
            "AppointmentState" => self.state = child.parse(),
            _ => return self.take_series(child) || self.take_zones(child) || self.take_online(child),
        }
        true
    }

    fn take_series(&mut self, child: &Element) -> bool {
        match child.name() {
            "Recurrence" => self.recurrence = Recurrence::read(child),
            "FirstOccurrence" => self.first = Occurrence::read(child),
            "LastOccurrence" => self.last = Occurrence::read(child),
            "ModifiedOccurrences" => self.modified = child.all().iter().filter_map(Occurrence::read).collect(),
            "DeletedOccurrences" => {
                let starts = child.all().iter().filter_map(|deleted| deleted.child("Start"));
                self.deleted = starts.filter_map(Moment::read).collect();
            }
            _ => return false,
        }
        true
    }

    fn take_zones(&mut self, child: &Element) -> bool {
        match child.name() {
            "MeetingTimeZone" => self.meeting_zone = Some(MeetingTimeZone::read(child)),
            "StartTimeZone" => self.start_zone = Some(TimeZoneDefinition::read(child)),
            "EndTimeZone" => self.end_zone = Some(TimeZoneDefinition::read(child)),
            "StartWallClock" => self.start_wall = Moment::read(child),
            "EndWallClock" => self.end_wall = Moment::read(child),
            "StartTimeZoneId" => self.start_zone_id = Some(child.text().to_owned()),
            "EndTimeZoneId" => self.end_zone_id = Some(child.text().to_owned()),
            _ => return false,
        }
        true
    }

    fn take_online(&mut self, child: &Element) -> bool {
        let text = || Some(child.text().to_owned());
        match child.name() {
            "ConferenceType" => self.conference = child.parse(),
            "AllowNewTimeProposal" => self.allow_new_time = child.truth(),
            "IsOnlineMeeting" => self.is_online = child.truth(),
            "MeetingWorkspaceUrl" => self.workspace_url = text(),
            "NetShowUrl" => self.net_show_url = text(),
            "JoinOnlineMeetingUrl" => self.join_url = text(),
            _ => return false,
        }
        true
    }
}

words! {
    /// What free/busy shows of an event (EWS "LegacyFreeBusyType").
    FreeBusy {
        Free "Free",
        Tentative "Tentative",
        Busy "Busy",
        OutOfOffice "OOF",
        WorkingElsewhere "WorkingElsewhere",
        NoData "NoData",
    }
}

words! {
    /// What somebody answered to an invitation (EWS "ResponseTypeType").
    ResponseKind {
        Unknown "Unknown",
        Organizer "Organizer",
        Tentative "Tentative",
        Accept "Accept",
        Decline "Decline",
        NoResponse "NoResponseReceived",
    }
}

words! {
    /// Single, or what of a series (EWS "CalendarItemTypeType").
    CalendarItemKind {
        Single "Single",
        Occurrence "Occurrence",
        Exception "Exception",
        Master "RecurringMaster",
    }
}

/// Somebody or something invited (EWS "Attendee").
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attendee {
    /// Who.
    pub mailbox: Address,
    /// What was answered.
    pub response: Option<ResponseKind>,
    /// When.
    pub last_response: Option<Timestamp>,
    /// The start proposed instead; from 2013 on.
    pub proposed_start: Option<Moment>,
    /// The end proposed instead; from 2013 on.
    pub proposed_end: Option<Moment>,
}

impl Attendee {
    /// Somebody to be invited.
    pub fn new(mailbox: Address) -> Attendee {
        Attendee { mailbox, ..Attendee::default() }
    }

    fn all(element: &Element) -> Vec<Attendee> {
        element.children("Attendee").filter_map(Attendee::read).collect()
    }

    fn read(element: &Element) -> Option<Attendee> {
        Some(Attendee {
            mailbox: Address::read(element.child("Mailbox")?),
            response: element.child("ResponseType").and_then(|response| ResponseKind::from_name(response.text())),
            last_response: element.child("LastResponseTime").and_then(read_utc),
            proposed_start: element.child("ProposedStart").and_then(Moment::read),
            proposed_end: element.child("ProposedEnd").and_then(Moment::read),
        })
    }

    /// Writes who is invited, and what was answered if that is told.
    pub(crate) fn write(&self, xml: &mut Xml) {
        xml.within("t:Attendee", &[], |xml| {
            self.mailbox.write(xml);
            if let Some(response) = self.response {
                xml.text("t:ResponseType", response.as_str());
            }
            if let Some(at) = self.last_response {
                xml.text("t:LastResponseTime", &at.to_string());
            }
        });
    }
}

/// One occurrence of a series, as its master tells of it (EWS "OccurrenceInfoType").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Its id.
    pub id: ItemId,
    /// When it begins.
    pub start: Moment,
    /// When it ends.
    pub end: Moment,
    /// When it would begin by the rule.
    pub original_start: Option<Moment>,
}

impl Occurrence {
    fn read(element: &Element) -> Option<Occurrence> {
        Some(Occurrence {
            id: ItemId::read(element.child("ItemId")?)?,
            start: Moment::read(element.child("Start")?)?,
            end: Moment::read(element.child("End")?)?,
            original_start: element.child("OriginalStart").and_then(Moment::read),
        })
    }
}

/// Where a meeting is, in detail (EWS "EnhancedLocation").
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnhancedLocation {
    /// What is shown.
    pub display_name: String,
    /// A remark.
    pub annotation: Option<String>,
    /// Street and number.
    pub street: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// What the place is known by where it was found, such as a room's address.
    pub uri: Option<String>,
    /// Where it was found: `None`, `LocationServices`, `PhonebookServices`, `Device`, `Contact`, `Resource`.
    pub source: Option<String>,
}

impl EnhancedLocation {
    fn read(element: &Element) -> EnhancedLocation {
        let address = element.child("PostalAddress");
        let part = |name| address.and_then(|address| address.child(name));
        let text = |name| part(name).map(|part| part.text().to_owned()).filter(|text| !text.is_empty());
        let own = |name| element.child(name).map(|own| own.text().to_owned());
        EnhancedLocation {
            display_name: own("DisplayName").unwrap_or_default(),
            annotation: own("Annotation"),
            street: text("Street"),
            city: text("City"),
            state: text("State"),
            country: text("Country"),
            postal_code: text("PostalCode"),
            latitude: part("Latitude").and_then(Element::parse),
            longitude: part("Longitude").and_then(Element::parse),
            uri: text("LocationUri"),
            source: text("LocationSource"),
        }
    }

    pub(crate) fn write(&self, xml: &mut Xml) {
        xml.within("t:EnhancedLocation", &[], |xml| {
            xml.text("t:DisplayName", &self.display_name);
            if let Some(annotation) = &self.annotation {
                xml.text("t:Annotation", annotation);
            }
            let number = |number: Option<f64>| number.map(|number| number.to_string());
            let parts = [
                ("t:Street", self.street.clone()),
                ("t:City", self.city.clone()),
                ("t:State", self.state.clone()),
                ("t:Country", self.country.clone()),
                ("t:PostalCode", self.postal_code.clone()),
                ("t:Latitude", number(self.latitude)),
                ("t:Longitude", number(self.longitude)),
                ("t:LocationUri", self.uri.clone()),
                ("t:LocationSource", self.source.clone()),
            ];
            if parts.iter().all(|(_, text)| text.is_none()) {
                return;
            }
            xml.within("t:PostalAddress", &[], |xml| {
                for (name, text) in parts {
                    if let Some(text) = text {
                        xml.text(name, &text);
                    }
                }
            });
        });
    }
}

/// What messages about meetings have beyond a [`Calendar`] (EWS "MeetingMessage" and its kinds).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meeting {
    /// The calendar item it is about.
    pub calendar_item: Option<ItemId>,
    /// It was meant for somebody whose delegate the reader is.
    pub is_delegated: Option<bool>,
    /// A later one has taken its place.
    pub is_out_of_date: Option<bool>,
    /// The calendar knows of it.
    pub has_been_processed: Option<bool>,
    /// What the reader answered, or what the sender of a response answers.
    pub response: Option<ResponseKind>,
    /// Why an invitation was sent.
    pub request: Option<RequestKind>,
    /// What free/busy shall show once it is accepted.
    pub intended_free_busy: Option<FreeBusy>,
    /// The start somebody proposes; from 2013 on.
    pub proposed_start: Option<Moment>,
    /// The end somebody proposes; from 2013 on.
    pub proposed_end: Option<Moment>,
}

impl Meeting {
    /// Takes an element that is one of these; false if it is something else.
    pub(crate) fn take(&mut self, child: &Element) -> bool {
        match child.name() {
            "AssociatedCalendarItemId" => self.calendar_item = ItemId::read(child),
            "IsDelegated" => self.is_delegated = child.truth(),
            "IsOutOfDate" => self.is_out_of_date = child.truth(),
            "HasBeenProcessed" => self.has_been_processed = child.truth(),
            "ResponseType" => self.response = ResponseKind::from_name(child.text()),
            "MeetingRequestType" => self.request = RequestKind::from_name(child.text()),
            "IntendedFreeBusyStatus" => self.intended_free_busy = FreeBusy::from_name(child.text()),
            "ProposedStart" => self.proposed_start = Moment::read(child),
            "ProposedEnd" => self.proposed_end = Moment::read(child),
            _ => return false,
        }
        true
    }
}

words! {
    /// Why an invitation was sent (EWS "MeetingRequestTypeType").
    RequestKind {
        Nothing "None",
        FullUpdate "FullUpdate",
        InformationalUpdate "InformationalUpdate",
        New "NewMeetingRequest",
        Outdated "Outdated",
        SilentUpdate "SilentUpdate",
        PrincipalWantsCopy "PrincipalWantsCopy",
    }
}
