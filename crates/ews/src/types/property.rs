use jiff::Timestamp;

use super::{
    AddressKey, AddressPart, Attendee, Body, EmailEntry, EmailKey, EnhancedLocation, ExtendedField, Field,
    FileAsMapping, FlagStatus, FreeBusy, ImKey, Importance, ItemKind, MeetingTimeZone, Member, Moment, Path, Pattern,
    PhoneKey, PostalIndex, Recurrence, Sensitivity, TaskStatus, TimeZoneDefinition, Value, Version, write_property,
};
use crate::soap::Xml;

macro_rules! properties {
    ($($variant:ident($kind:ty) $field:ident $element:literal,)*) => {
        /// A property with its value, for making and changing items.
        ///
        /// Each knows its own element, its address and the first version with it, so that requests to older servers
        /// leave it out.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Property {
            $(#[doc = concat!("`", $element, "`")] $variant($kind),)*
            /// A MAPI property.
            Extended(ExtendedField, Value),
            /// One e-mail address of a contact.
            Email(EmailKey, EmailEntry),
            /// One telephone number of a contact.
            Phone(PhoneKey, String),
            /// One instant-messaging address of a contact.
            Im(ImKey, String),
            /// One part of a postal address of a contact.
            Postal(AddressKey, AddressPart, String),
        }

        impl Property {
            /// Where it is, for shapes and for deleting it.
            pub fn path(&self) -> Path {
                match self {
                    $(Property::$variant(_) => Path::Field(Field::$field),)*
                    Property::Extended(field, _) => Path::Extended(field.clone()),
                    Property::Email(key, _) => key.path(),
                    Property::Phone(key, _) => key.path(),
                    Property::Im(key, _) => key.path(),
                    Property::Postal(key, part, _) => key.path(*part),
                }
            }

            fn element(&self) -> &'static str {
                match self {
                    $(Property::$variant(_) => $element,)*
                    Property::Extended(..) => "t:ExtendedProperty",
                    Property::Email(..) => "t:EmailAddresses",
                    Property::Phone(..) => "t:PhoneNumbers",
                    Property::Im(..) => "t:ImAddresses",
                    Property::Postal(..) => "t:PhysicalAddresses",
                }
            }

            /// Writes it as the only one of its dictionary.
            pub(crate) fn write(&self, xml: &mut Xml, version: Version) {
                match self {
                    $(Property::$variant(value) => value.write_as(xml, $element, version),)*
                    Property::Extended(field, value) => write_property(xml, field, value),
                    entry => xml.within(entry.element(), &[], |xml| write_entries(xml, std::slice::from_ref(&entry), version)),
                }
            }
        }
    };
}

properties! {
    Class(String) CLASS "t:ItemClass",
    Subject(String) SUBJECT "t:Subject",
    Sensitivity(Sensitivity) SENSITIVITY "t:Sensitivity",
    Body(Body) BODY "t:Body",
    Categories(Vec<String>) CATEGORIES "t:Categories",
    Importance(Importance) IMPORTANCE "t:Importance",
    ReminderDueBy(Moment) REMINDER_DUE_BY "t:ReminderDueBy",
    ReminderIsSet(bool) REMINDER_IS_SET "t:ReminderIsSet",
    ReminderMinutes(i32) REMINDER_MINUTES "t:ReminderMinutesBeforeStart",
    Culture(String) CULTURE "t:Culture",
    Flag(FlagStatus) FLAG "t:Flag",
    IsRead(bool) IS_READ "t:IsRead",
    Uid(String) UID "t:UID",
    Start(Moment) START "t:Start",
    End(Moment) END "t:End",
    IsAllDay(bool) IS_ALL_DAY "t:IsAllDayEvent",
    FreeBusy(FreeBusy) FREE_BUSY "t:LegacyFreeBusyStatus",
    Location(String) LOCATION "t:Location",
    IsResponseRequested(bool) IS_RESPONSE_REQUESTED "t:IsResponseRequested",
    RequiredAttendees(Vec<Attendee>) REQUIRED_ATTENDEES "t:RequiredAttendees",
    OptionalAttendees(Vec<Attendee>) OPTIONAL_ATTENDEES "t:OptionalAttendees",
    Resources(Vec<Attendee>) RESOURCES "t:Resources",
    Recurrence(Recurrence) RECURRENCE "t:Recurrence",
    MeetingTimeZone(MeetingTimeZone) MEETING_TIME_ZONE "t:MeetingTimeZone",
    StartTimeZone(TimeZoneDefinition) START_TIME_ZONE "t:StartTimeZone",
    EndTimeZone(TimeZoneDefinition) END_TIME_ZONE "t:EndTimeZone",
    ConferenceType(i32) CONFERENCE_TYPE "t:ConferenceType",
    AllowNewTimeProposal(bool) ALLOW_NEW_TIME "t:AllowNewTimeProposal",
    IsOnlineMeeting(bool) IS_ONLINE_MEETING "t:IsOnlineMeeting",
    MeetingWorkspaceUrl(String) WORKSPACE_URL "t:MeetingWorkspaceUrl",
    NetShowUrl(String) NET_SHOW_URL "t:NetShowUrl",
    EnhancedLocation(EnhancedLocation) ENHANCED_LOCATION "t:EnhancedLocation",
    TaskActualWork(i32) TASK_ACTUAL_WORK "t:ActualWork",
    TaskBilling(String) TASK_BILLING "t:BillingInformation",
    TaskCompanies(Vec<String>) TASK_COMPANIES "t:Companies",
    TaskCompleted(Moment) TASK_COMPLETED "t:CompleteDate",
    TaskContacts(Vec<String>) TASK_CONTACTS "t:Contacts",
    TaskDue(Moment) TASK_DUE "t:DueDate",
    TaskMileage(String) TASK_MILEAGE "t:Mileage",
    TaskPercent(f64) TASK_PERCENT "t:PercentComplete",
    TaskRecurrence(Recurrence) TASK_RECURRENCE "t:Recurrence",
    TaskStart(Moment) TASK_START "t:StartDate",
    TaskStatus(TaskStatus) TASK_STATUS "t:Status",
    TaskTotalWork(i32) TASK_TOTAL_WORK "t:TotalWork",
    FileAs(String) FILE_AS "t:FileAs",
    FileAsMapping(FileAsMapping) FILE_AS_MAPPING "t:FileAsMapping",
    DisplayName(String) DISPLAY_NAME "t:DisplayName",
    GivenName(String) GIVEN_NAME "t:GivenName",
    Initials(String) INITIALS "t:Initials",
    MiddleName(String) MIDDLE_NAME "t:MiddleName",
    Nickname(String) NICKNAME "t:Nickname",
    CompanyName(String) COMPANY_NAME "t:CompanyName",
    AssistantName(String) ASSISTANT_NAME "t:AssistantName",
    Birthday(Moment) BIRTHDAY "t:Birthday",
    BusinessHomePage(String) BUSINESS_HOME_PAGE "t:BusinessHomePage",
    Children(Vec<String>) CHILDREN "t:Children",
    Companies(Vec<String>) COMPANIES "t:Companies",
    Department(String) DEPARTMENT "t:Department",
    Generation(String) GENERATION "t:Generation",
    JobTitle(String) JOB_TITLE "t:JobTitle",
    Manager(String) MANAGER "t:Manager",
    Mileage(String) MILEAGE "t:Mileage",
    Office(String) OFFICE "t:OfficeLocation",
    PostalIndex(PostalIndex) POSTAL_INDEX "t:PostalAddressIndex",
    Profession(String) PROFESSION "t:Profession",
    Spouse(String) SPOUSE "t:SpouseName",
    Surname(String) SURNAME "t:Surname",
    Anniversary(Moment) ANNIVERSARY "t:WeddingAnniversary",
    Members(Vec<Member>) MEMBERS "t:Members",
}

impl Property {
    /// Whether the schema of a version has it. What took the place of MeetingTimeZone came in 2010.
    pub(crate) fn is_known_in(&self, version: Version) -> bool {
        match self {
            Property::MeetingTimeZone(_) => version < Version::Exchange2010,
            Property::FreeBusy(FreeBusy::WorkingElsewhere) => version >= Version::Exchange2013Sp1,
            other => other.path().since() <= version,
        }
    }

    /// The first version that has all of it; those with an older substitute do not count.
    pub(crate) fn since(&self) -> Version {
        match self {
            Property::Flag(_) | Property::EnhancedLocation(_) => Version::Exchange2007,
            Property::FreeBusy(FreeBusy::WorkingElsewhere) => Version::Exchange2013Sp1,
            // FirstDayOfWeek; without it every second week would be another one.
            Property::Recurrence(recurrence) | Property::TaskRecurrence(recurrence)
                if matches!(recurrence.pattern, Pattern::Weekly { first: Some(_), .. }) =>
            {
                Version::Exchange2010Sp1
            }
            Property::Email(_, email) => email.since(),
            other => other.path().since(),
        }
    }

    /// The first version that does not take it for something else.
    pub(crate) fn required(&self) -> Version {
        match self {
            Property::Recurrence(recurrence) | Property::TaskRecurrence(recurrence) => recurrence.required(),
            _ => Version::Exchange2007,
        }
    }

    /// A list of nothing, which Exchange wants deleted rather than set.
    pub(crate) fn is_empty_list(&self) -> bool {
        match self {
            Property::Categories(list)
            | Property::TaskCompanies(list)
            | Property::TaskContacts(list)
            | Property::Children(list)
            | Property::Companies(list) => list.is_empty(),
            Property::RequiredAttendees(list) | Property::OptionalAttendees(list) | Property::Resources(list) => {
                list.is_empty()
            }
            Property::Members(list) => list.is_empty(),
            _ => false,
        }
    }

    /// Writes the properties of a new item in the order of the schema, which Exchange enforces. What the version does
    /// not know is left out.
    pub(crate) fn write_all(properties: &[Property], kind: ItemKind, xml: &mut Xml, version: Version) {
        let known = properties.iter().filter(|property| property.is_known_in(version) && !property.is_empty_list());
        let mut known: Vec<&Property> = known.collect();
        known.sort_by_key(|property| rank(kind, property.element()));
        for group in known.chunk_by(|one, next| one.is_entry() && one.element() == next.element()) {
            match group {
                [entry, ..] if entry.is_entry() => {
                    xml.within(entry.element(), &[], |xml| write_entries(xml, group, version));
                }
                all => all.iter().for_each(|property| property.write(xml, version)),
            }
        }
    }

    /// It shares its element with others of its kind.
    fn is_entry(&self) -> bool {
        matches!(self, Property::Email(..) | Property::Phone(..) | Property::Im(..) | Property::Postal(..))
    }
}

/// Writes the entries of one dictionary; the parts of one postal address belong into one entry, in order.
fn write_entries(xml: &mut Xml, entries: &[&Property], version: Version) {
    for entry in entries {
        match entry {
            Property::Email(key, email) => email.write(xml, *key, version),
            Property::Phone(key, text) => xml.text_with("t:Entry", &[("Key", key.as_str())], text),
            Property::Im(key, text) => xml.text_with("t:Entry", &[("Key", key.as_str())], text),
            _ => {}
        }
    }
    for key in AddressKey::ALL {
        let part_of = |wanted: AddressPart| {
            entries.iter().find_map(|entry| match entry {
                Property::Postal(its, part, text) if its == key && *part == wanted => Some((wanted, text)),
                _ => None,
            })
        };
        let parts: Vec<_> = AddressPart::ALL.iter().filter_map(|part| part_of(*part)).collect();
        if !parts.is_empty() {
            xml.within("t:Entry", &[("Key", key.as_str())], |xml| {
                for (part, text) in parts {
                    xml.text(part_element(part), text);
                }
            });
        }
    }
}

fn part_element(part: AddressPart) -> &'static str {
    match part {
        AddressPart::Street => "t:Street",
        AddressPart::City => "t:City",
        AddressPart::State => "t:State",
        AddressPart::Country => "t:CountryOrRegion",
        AddressPart::PostalCode => "t:PostalCode",
    }
}

/// Where an element stands among the others of an item; one that does not belong there comes last, and Exchange says so.
fn rank(kind: ItemKind, element: &str) -> usize {
    let own: &[&str] = match kind {
        ItemKind::CalendarItem => &CALENDAR,
        ItemKind::Task => &TASK,
        ItemKind::Contact => &CONTACT,
        ItemKind::DistributionList => &LIST,
        _ => &MESSAGE,
    };
    ITEM.iter().chain(own).position(|known| *known == element).unwrap_or(usize::MAX)
}

/// `ItemType`
const ITEM: [&str; 12] = [
    "t:ItemClass",
    "t:Subject",
    "t:Sensitivity",
    "t:Body",
    "t:Categories",
    "t:Importance",
    "t:ReminderDueBy",
    "t:ReminderIsSet",
    "t:ReminderMinutesBeforeStart",
    "t:ExtendedProperty",
    "t:Culture",
    "t:Flag",
];

/// `MessageType`
const MESSAGE: [&str; 1] = ["t:IsRead"];

/// `CalendarItemType`
const CALENDAR: [&str; 20] = [
    "t:UID",
    "t:Start",
    "t:End",
    "t:IsAllDayEvent",
    "t:LegacyFreeBusyStatus",
    "t:Location",
    "t:IsResponseRequested",
    "t:RequiredAttendees",
    "t:OptionalAttendees",
    "t:Resources",
    "t:Recurrence",
    "t:MeetingTimeZone",
    "t:StartTimeZone",
    "t:EndTimeZone",
    "t:ConferenceType",
    "t:AllowNewTimeProposal",
    "t:IsOnlineMeeting",
    "t:MeetingWorkspaceUrl",
    "t:NetShowUrl",
    "t:EnhancedLocation",
];

/// `TaskType`
const TASK: [&str; 12] = [
    "t:ActualWork",
    "t:BillingInformation",
    "t:Companies",
    "t:CompleteDate",
    "t:Contacts",
    "t:DueDate",
    "t:Mileage",
    "t:PercentComplete",
    "t:Recurrence",
    "t:StartDate",
    "t:Status",
    "t:TotalWork",
];

/// `ContactItemType`
const CONTACT: [&str; 28] = [
    "t:FileAs",
    "t:FileAsMapping",
    "t:DisplayName",
    "t:GivenName",
    "t:Initials",
    "t:MiddleName",
    "t:Nickname",
    "t:CompanyName",
    "t:EmailAddresses",
    "t:PhysicalAddresses",
    "t:PhoneNumbers",
    "t:AssistantName",
    "t:Birthday",
    "t:BusinessHomePage",
    "t:Children",
    "t:Companies",
    "t:Department",
    "t:Generation",
    "t:ImAddresses",
    "t:JobTitle",
    "t:Manager",
    "t:Mileage",
    "t:OfficeLocation",
    "t:PostalAddressIndex",
    "t:Profession",
    "t:SpouseName",
    "t:Surname",
    "t:WeddingAnniversary",
];

/// `DistributionListType`
const LIST: [&str; 3] = ["t:DisplayName", "t:FileAs", "t:Members"];

/// A value that can be written as an element.
trait Written {
    fn write_as(&self, xml: &mut Xml, name: &'static str, version: Version);
}

macro_rules! written_as {
    ($($kind:ty: $text:expr;)*) => {
        $(impl Written for $kind {
            fn write_as(&self, xml: &mut Xml, name: &'static str, _version: Version) {
                let text: fn(&$kind) -> String = $text;
                xml.text(name, &text(self));
            }
        })*
    };
}

written_as! {
    String: String::clone;
    bool: bool::to_string;
    i32: i32::to_string;
    f64: f64::to_string;
    Moment: Moment::to_string;
    Timestamp: Timestamp::to_string;
    Sensitivity: |word| word.as_str().to_owned();
    Importance: |word| word.as_str().to_owned();
    FreeBusy: |word| word.as_str().to_owned();
    TaskStatus: |word| word.as_str().to_owned();
    FileAsMapping: |word| word.as_str().to_owned();
    PostalIndex: |word| word.as_str().to_owned();
}

impl Written for FlagStatus {
    fn write_as(&self, xml: &mut Xml, name: &'static str, _version: Version) {
        xml.within(name, &[], |xml| xml.text("t:FlagStatus", self.as_str()));
    }
}

impl Written for Body {
    fn write_as(&self, xml: &mut Xml, name: &'static str, _version: Version) {
        xml.text_with(name, &[("BodyType", self.kind.as_str())], &self.text);
    }
}

impl Written for Vec<String> {
    fn write_as(&self, xml: &mut Xml, name: &'static str, _version: Version) {
        xml.within(name, &[], |xml| self.iter().for_each(|text| xml.text("t:String", text)));
    }
}

impl Written for Vec<Attendee> {
    fn write_as(&self, xml: &mut Xml, name: &'static str, _version: Version) {
        xml.within(name, &[], |xml| self.iter().for_each(|attendee| attendee.write(xml)));
    }
}

impl Written for Vec<Member> {
    fn write_as(&self, xml: &mut Xml, name: &'static str, _version: Version) {
        xml.within(name, &[], |xml| self.iter().for_each(|member| member.write(xml)));
    }
}

impl Written for Recurrence {
    /// FirstDayOfWeek came with 2010 SP1's schema.
    fn write_as(&self, xml: &mut Xml, _name: &'static str, version: Version) {
        self.write(xml, version >= Version::Exchange2010Sp1);
    }
}

impl Written for TimeZoneDefinition {
    fn write_as(&self, xml: &mut Xml, name: &'static str, _version: Version) {
        self.write(xml, name);
    }
}

impl Written for MeetingTimeZone {
    fn write_as(&self, xml: &mut Xml, _name: &'static str, _version: Version) {
        self.write(xml);
    }
}

impl Written for EnhancedLocation {
    fn write_as(&self, xml: &mut Xml, _name: &'static str, _version: Version) {
        self.write(xml);
    }
}
