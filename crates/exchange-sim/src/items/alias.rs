//! MAPI names of properties that EWS has elements for: set by one name, they are read by the other (MS-OXPROPS,
//! MS-OXOCNTC, MS-OXOTASK).

use super::{contact, drop_field, indexed, keep, kept, set as set_field, task};
use crate::{
    soap::Element,
    store::{Item, Kind, PropertyKey, PropertyName, Value},
    time,
};

/// Where a MAPI property is kept.
#[derive(Clone, Copy)]
enum Home {
    /// An element with text.
    Field(&'static str),
    /// An element with a point in time.
    Time(&'static str),
    /// `true` or `false`.
    Flag(&'static str),
    /// A whole number.
    Number(&'static str),
    /// A list of strings.
    Strings(&'static str),
    /// An entry of a dictionary.
    Entry(&'static str, &'static str),
    /// A part of a postal address.
    Part(&'static str, &'static str),
    /// PidLidPercentComplete: 0 to 1.
    Percent,
    /// PidLidTaskStatus.
    Status,
    /// PidLidTaskComplete.
    Complete,
}

/// The value of a MAPI property that is kept as an element; `None` where it is none or has no value.
pub(crate) fn read(item: &Item, key: &PropertyKey) -> Option<Value> {
    let text = |name: &str| kept(item, name).map(|element| element.text.trim().to_owned());
    match home(item.kind, key)? {
        // These two follow from others where they were not set.
        Home::Field("DisplayName") => {
            Some(contact::display_name(item)).filter(|name| !name.is_empty()).map(Value::Text)
        }
        Home::Field("FileAs") => Some(contact::file_as(item)).filter(|name| !name.is_empty()).map(Value::Text),
        Home::Field(name) => text(name).map(Value::Text),
        Home::Time(name) => text(name).and_then(|text| time::parse(&text)).map(Value::Time),
        Home::Flag(name) => text(name).map(|text| Value::Flag(text == "true" || text == "1")),
        Home::Number(name) => text(name).and_then(|text| text.parse().ok()).map(Value::Number),
        Home::Strings(name) => {
            let all = kept(item, name)?;
            Some(Value::List(all.children.iter().map(|child| Value::Text(child.text.clone())).collect()))
        }
        Home::Entry(name, entry) => {
            let all = kept(item, name)?;
            let entry = all.children.iter().find(|child| child.attribute("Key") == Some(entry))?;
            Some(Value::Text(entry.text.clone()))
        }
        Home::Part(address, part) => {
            let all = kept(item, "PhysicalAddresses")?;
            let entry = all.children.iter().find(|child| child.attribute("Key") == Some(address))?;
            entry.child_text(part).map(|text| Value::Text(text.to_owned()))
        }
        Home::Percent => {
            text("PercentComplete").and_then(|text| text.parse().ok()).map(|p: f64| Value::Float(p / 100.0))
        }
        Home::Status => task::status_number(task::status(item)),
        Home::Complete => Some(Value::Flag(task::status(item) == "Completed")),
    }
}

/// Sets a MAPI property that is kept as an element; tells whether it is one.
pub(crate) fn write(item: &mut Item, key: &PropertyKey, value: &Value) -> bool {
    let Some(home) = home(item.kind, key) else { return false };
    let text = value.write();
    let element = match (home, value) {
        (Home::Field(name) | Home::Number(name) | Home::Flag(name), _) => Element::new(name, text),
        (Home::Time(name), Value::Time(at)) => Element::new(name, time::write(*at)),
        (Home::Strings(name), Value::List(values)) => {
            let strings = values.iter().map(|value| Element::new("String", value.write())).collect();
            Element::holding(name, strings)
        }
        (Home::Entry(name, entry), _) => {
            indexed::put(item, name, entry, None, Some(&text));
            return true;
        }
        (Home::Part(address, part), _) => {
            indexed::put(item, "PhysicalAddresses", address, Some(part), Some(&text));
            return true;
        }
        (Home::Percent, Value::Float(part)) => Element::new("PercentComplete", (part * 100.0).round().to_string()),
        (Home::Complete, Value::Flag(true)) => Element::new("Status", "Completed"),
        (Home::Status, Value::Number(number)) => match task::status_of(*number) {
            Some(status) => Element::new("Status", status),
            None => return true,
        },
        _ => return true,
    };
    // What has a rule follows it; what clients may not set by its element they may set by its MAPI name.
    if !matches!(set_field(item, &element), Ok(true)) {
        keep(item, element);
    }
    true
}

/// Removes a MAPI property that is kept as an element; tells whether it is one.
pub(crate) fn remove(item: &mut Item, key: &PropertyKey) -> bool {
    let Some(home) = home(item.kind, key) else { return false };
    match home {
        Home::Field(name) | Home::Time(name) | Home::Flag(name) | Home::Number(name) | Home::Strings(name) => {
            drop_field(item, name);
        }
        Home::Entry(name, entry) => indexed::put(item, name, entry, None, None),
        Home::Part(address, part) => indexed::put(item, "PhysicalAddresses", address, Some(part), None),
        Home::Percent => drop_field(item, "PercentComplete"),
        Home::Status | Home::Complete => drop_field(item, "Status"),
    }
    true
}

/// By tag.
type Tags = &'static [(u16, Home)];

/// By number in a property set.
type Ids = &'static [(i64, Home)];

fn home(kind: Kind, key: &PropertyKey) -> Option<Home> {
    let (tags, set, ids): (Tags, &str, Ids) = match kind {
        Kind::Contact => (CONTACT_TAGS, ADDRESS, CONTACT_IDS),
        Kind::DistributionList => (LIST_TAGS, ADDRESS, LIST_IDS),
        Kind::Task => (&[], TASK, TASK_IDS),
        _ => return None,
    };
    match key {
        PropertyKey::Tag(tag) => tags.iter().find(|(known, _)| known == tag).map(|(_, home)| *home),
        PropertyKey::Named(of, PropertyName::Id(id)) if of == set => {
            ids.iter().find(|(known, _)| known == id).map(|(_, home)| *home)
        }
        PropertyKey::Named(of, PropertyName::Id(id)) if of == COMMON => {
            COMMON_IDS.iter().find(|(known, _)| known == id).map(|(_, home)| *home)
        }
        PropertyKey::Named(..) => None,
    }
}

const ADDRESS: &str = "00062004-0000-0000-c000-000000000046";
const TASK: &str = "00062003-0000-0000-c000-000000000046";
const COMMON: &str = "00062008-0000-0000-c000-000000000046";

const fn mail(key: &'static str) -> Home {
    Home::Entry("EmailAddresses", key)
}

const fn phone(key: &'static str) -> Home {
    Home::Entry("PhoneNumbers", key)
}

const CONTACT_TAGS: &[(u16, Home)] = &[
    (0x3001, Home::Field("DisplayName")),
    (0x3a02, phone("Callback")),
    (0x3a05, Home::Field("Generation")),
    (0x3a06, Home::Field("GivenName")),
    (0x3a08, phone("BusinessPhone")),
    (0x3a09, phone("HomePhone")),
    (0x3a0a, Home::Field("Initials")),
    (0x3a11, Home::Field("Surname")),
    (0x3a16, Home::Field("CompanyName")),
    (0x3a17, Home::Field("JobTitle")),
    (0x3a18, Home::Field("Department")),
    (0x3a19, Home::Field("OfficeLocation")),
    (0x3a1a, phone("PrimaryPhone")),
    (0x3a1b, phone("BusinessPhone2")),
    (0x3a1c, phone("MobilePhone")),
    (0x3a1d, phone("RadioPhone")),
    (0x3a1e, phone("CarPhone")),
    (0x3a1f, phone("OtherTelephone")),
    (0x3a21, phone("Pager")),
    (0x3a23, phone("OtherFax")),
    (0x3a24, phone("BusinessFax")),
    (0x3a25, phone("HomeFax")),
    (0x3a2c, phone("Telex")),
    (0x3a2d, phone("Isdn")),
    (0x3a2e, phone("AssistantPhone")),
    (0x3a2f, phone("HomePhone2")),
    (0x3a30, Home::Field("AssistantName")),
    (0x3a41, Home::Time("WeddingAnniversary")),
    (0x3a42, Home::Time("Birthday")),
    (0x3a44, Home::Field("MiddleName")),
    (0x3a46, Home::Field("Profession")),
    (0x3a48, Home::Field("SpouseName")),
    (0x3a4b, phone("TtyTddPhone")),
    (0x3a4e, Home::Field("Manager")),
    (0x3a4f, Home::Field("Nickname")),
    (0x3a51, Home::Field("BusinessHomePage")),
    (0x3a57, phone("CompanyMainPhone")),
    (0x3a58, Home::Strings("Children")),
    (0x3a59, Home::Part("Home", "City")),
    (0x3a5a, Home::Part("Home", "CountryOrRegion")),
    (0x3a5b, Home::Part("Home", "PostalCode")),
    (0x3a5c, Home::Part("Home", "State")),
    (0x3a5d, Home::Part("Home", "Street")),
    (0x3a5f, Home::Part("Other", "City")),
    (0x3a60, Home::Part("Other", "CountryOrRegion")),
    (0x3a61, Home::Part("Other", "PostalCode")),
    (0x3a62, Home::Part("Other", "State")),
    (0x3a63, Home::Part("Other", "Street")),
];

const CONTACT_IDS: &[(i64, Home)] = &[
    (0x8005, Home::Field("FileAs")),
    (0x8045, Home::Part("Business", "Street")),
    (0x8046, Home::Part("Business", "City")),
    (0x8047, Home::Part("Business", "State")),
    (0x8048, Home::Part("Business", "PostalCode")),
    (0x8049, Home::Part("Business", "CountryOrRegion")),
    (0x8062, Home::Entry("ImAddresses", "ImAddress1")),
    (0x8083, mail("EmailAddress1")),
    (0x8093, mail("EmailAddress2")),
    (0x80a3, mail("EmailAddress3")),
];

const LIST_TAGS: &[(u16, Home)] = &[(0x3001, Home::Field("DisplayName"))];

const LIST_IDS: &[(i64, Home)] = &[(0x8053, Home::Field("DisplayName")), (0x8005, Home::Field("FileAs"))];

const TASK_IDS: &[(i64, Home)] = &[
    (0x8101, Home::Status),
    (0x8102, Home::Percent),
    (0x8104, Home::Time("StartDate")),
    (0x8105, Home::Time("DueDate")),
    (0x810f, Home::Time("CompleteDate")),
    (0x8110, Home::Number("ActualWork")),
    (0x8111, Home::Number("TotalWork")),
    (0x8112, Home::Number("ChangeCount")),
    (0x811c, Home::Complete),
];

const COMMON_IDS: &[(i64, Home)] = &[
    (0x8501, Home::Number("ReminderMinutesBeforeStart")),
    (0x8502, Home::Time("ReminderDueBy")),
    (0x8503, Home::Flag("ReminderIsSet")),
    (0x8534, Home::Field("Mileage")),
    (0x8535, Home::Field("BillingInformation")),
    (0x8539, Home::Strings("Companies")),
];
