//! Contacts as Exchange has them, and what changes them.

use ews::op::update_item::FieldChange;
use ews::{
    AddressPart, Body, BodyKind, Contact, EmailEntry, EmailKey, ExtendedField, Field, FileAsMapping, Item, Moment,
    Property, PropertyKind, PropertySet, Value,
};
use jiff::civil::Date;

use super::Slot;
use crate::convert::days::{before_noon, day_of};
use crate::convert::native::Native;
use crate::convert::photo;
use crate::convert::slots::{Fields, block, changed, class_of, joined, line, parted, sensitivity};

/// What an item says.
pub(super) fn fields(native: &Native) -> Fields<Slot> {
    let item = &native.item;
    let contact = item.contact.as_deref().cloned().unwrap_or_default();
    let mut fields = Fields::new();
    let mut say = |slot, value: String| {
        if !value.is_empty() {
            fields.insert(slot, value);
        }
    };
    for word in &WORDS {
        say(word.slot, line((word.of)(&contact).as_deref().unwrap_or_default()));
    }
    for (slot, field) in &EXTENDED {
        say(*slot, line(item.extended.get(field).and_then(Value::as_text).unwrap_or_default()));
    }
    for key in EmailKey::ALL {
        say(Slot::Email(*key), line(&email(item, *key).unwrap_or_default()));
    }
    for (key, number) in &contact.phones {
        say(Slot::Phone(*key), line(number));
    }
    for (key, address) in &contact.ims {
        say(Slot::Im(*key), line(address));
    }
    for (key, address) in &contact.addresses {
        for part in AddressPart::ALL {
            say(Slot::Postal(*key, *part), block(address.part(*part).unwrap_or_default()));
        }
    }
    say(Slot::Birthday, contact.birthday.and_then(day_of).map_or(String::new(), told));
    say(Slot::Anniversary, contact.anniversary.and_then(day_of).map_or(String::new(), told));
    say(Slot::Categories, joined(item.categories.iter().cloned()));
    say(Slot::Note, block(item.body.as_ref().map_or("", |body| &body.text)));
    say(Slot::Class, class_of(item.sensitivity));
    say(Slot::Photo, photo::mark(native));
    fields.entry(Slot::DisplayName).or_insert_with(|| name_of(item));
    fields.retain(|_, value| !value.is_empty());
    fields
}

/// An SMTP address. Of an entry of the directory it stands in what Outlook shows.
fn email(item: &Item, key: EmailKey) -> Option<String> {
    let entry = item.contact.as_ref()?.email(key)?;
    let legacy = entry.routing.as_deref() == Some("EX") || entry.address.starts_with("/o=");
    if !legacy {
        return Some(entry.address.clone());
    }
    let (_, shown) = SMTP.iter().find(|(known, _)| *known == key)?;
    item.extended.get(shown).and_then(Value::as_text).filter(|shown| shown.contains('@')).map(str::to_owned)
}

/// What a contact without a name to show is called.
fn name_of(item: &Item) -> String {
    let contact = item.contact.as_deref();
    let full = contact.and_then(|contact| contact.complete_name.as_ref()).and_then(|name| name.full.clone());
    let company = contact.and_then(|contact| contact.company.clone());
    let names = [contact.and_then(|contact| contact.file_as.clone()), full, company, email(item, EmailKey::First)];
    names.into_iter().flatten().map(|name| line(&name)).find(|name| !name.is_empty()).unwrap_or_default()
}

/// A day as it stands in a slot.
pub(super) fn told(date: Date) -> String {
    match date.year() {
        NO_YEAR => format!("--{:02}-{:02}", date.month(), date.day()),
        _ => date.to_string(),
    }
}

/// The day in a slot.
pub(super) fn day(value: &str) -> Option<Date> {
    match value.strip_prefix("--") {
        Some(rest) => {
            let (month, day) = rest.split_once('-')?;
            Date::new(NO_YEAR, month.parse().ok()?, day.parse().ok()?).ok()
        }
        None => value.parse().ok(),
    }
}

/// What makes an item say what a card says; everything, if there is none yet.
pub(super) fn changes(before: Option<&Fields<Slot>>, after: &Fields<Slot>) -> Vec<FieldChange> {
    let nothing = Fields::new();
    let changed = changed(before.unwrap_or(&nothing), after);
    let mut changes: Vec<FieldChange> = changed.filter_map(|(slot, value)| change(*slot, value)).collect();
    if before.is_none() {
        changes.extend(file_as(after).map(FieldChange::Set));
    }
    changes
}

/// What a new contact is sorted under.
fn file_as(fields: &Fields<Slot>) -> Option<Property> {
    let has = |slot| fields.contains_key(&slot);
    match (has(Slot::Surname) || has(Slot::Given), has(Slot::Company)) {
        (true, _) => Some(Property::FileAsMapping(FileAsMapping::LastCommaFirst)),
        (false, true) => Some(Property::FileAsMapping(FileAsMapping::Company)),
        (false, false) => fields.get(&Slot::DisplayName).map(|name| Property::FileAs(name.clone())),
    }
}

fn change(slot: Slot, value: Option<&str>) -> Option<FieldChange> {
    if let Some((_, field)) = EXTENDED.iter().find(|(known, _)| *known == slot) {
        return Some(match value {
            Some(text) => Property::Extended(field.clone(), Value::Text(text.to_owned())).into(),
            None => FieldChange::Delete(field.clone().into()),
        });
    }
    if let Some(word) = WORDS.iter().find(|word| word.slot == slot) {
        return Some(match value {
            Some(text) => (word.property)(text.to_owned()).into(),
            None => FieldChange::Delete(word.field.into()),
        });
    }
    let on_day = |property: fn(Moment) -> Property, field: Field| match value.and_then(day) {
        Some(date) => property(before_noon(date)).into(),
        None => FieldChange::Delete(field.into()),
    };
    let text = value.unwrap_or_default();
    Some(match slot {
        Slot::Birthday => on_day(Property::Birthday, Field::BIRTHDAY),
        Slot::Anniversary => on_day(Property::Anniversary, Field::ANNIVERSARY),
        Slot::Email(key) => match value {
            Some(address) => Property::Email(key, EmailEntry::new(address)).into(),
            None => FieldChange::Delete(key.path()),
        },
        Slot::Phone(key) => match value {
            Some(number) => Property::Phone(key, number.to_owned()).into(),
            None => FieldChange::Delete(key.path()),
        },
        Slot::Im(key) => match value {
            Some(address) => Property::Im(key, address.to_owned()).into(),
            None => FieldChange::Delete(key.path()),
        },
        Slot::Postal(key, part) => match value {
            Some(text) => Property::Postal(key, part, text.to_owned()).into(),
            None => FieldChange::Delete(key.path(part)),
        },
        Slot::Note => Property::Body(Body { kind: BodyKind::Text, text: text.to_owned() }).into(),
        Slot::Categories => Property::Categories(parted(text)).into(),
        Slot::Class => Property::Sensitivity(sensitivity(text)).into(),
        // The photo is an attachment: see `photo`. The others are words and extended properties.
        _ => return None,
    })
}

/// A field that is one line of text.
struct Word {
    slot: Slot,
    of: fn(&Contact) -> &Option<String>,
    property: fn(String) -> Property,
    field: Field,
}

const fn word(slot: Slot, of: fn(&Contact) -> &Option<String>, property: fn(String) -> Property, field: Field) -> Word {
    Word { slot, of, property, field }
}

static WORDS: [Word; 15] = [
    word(Slot::DisplayName, |contact| &contact.display_name, Property::DisplayName, Field::DISPLAY_NAME),
    word(Slot::Surname, |contact| &contact.surname, Property::Surname, Field::SURNAME),
    word(Slot::Given, |contact| &contact.given_name, Property::GivenName, Field::GIVEN_NAME),
    word(Slot::Middle, |contact| &contact.middle_name, Property::MiddleName, Field::MIDDLE_NAME),
    word(Slot::Suffix, |contact| &contact.generation, Property::Generation, Field::GENERATION),
    word(Slot::Nickname, |contact| &contact.nickname, Property::Nickname, Field::NICKNAME),
    word(Slot::Company, |contact| &contact.company, Property::CompanyName, Field::COMPANY_NAME),
    word(Slot::Department, |contact| &contact.department, Property::Department, Field::DEPARTMENT),
    word(Slot::JobTitle, |contact| &contact.job_title, Property::JobTitle, Field::JOB_TITLE),
    word(Slot::Profession, |contact| &contact.profession, Property::Profession, Field::PROFESSION),
    word(Slot::Office, |contact| &contact.office, Property::Office, Field::OFFICE),
    word(Slot::HomePage, |contact| &contact.home_page, Property::BusinessHomePage, Field::BUSINESS_HOME_PAGE),
    word(Slot::Spouse, |contact| &contact.spouse, Property::Spouse, Field::SPOUSE),
    word(Slot::Manager, |contact| &contact.manager, Property::Manager, Field::MANAGER),
    word(Slot::Assistant, |contact| &contact.assistant, Property::AssistantName, Field::ASSISTANT_NAME),
];

/// Fields that EWS has no name for, or none it lets write (MS-OXOCNTC 2.2.1).
pub(super) static EXTENDED: [(Slot, ExtendedField); 5] = [
    // PidTagDisplayNamePrefix
    (Slot::Prefix, ExtendedField::tag(0x3a45, PropertyKind::String)),
    // PidTagPersonalHomePage
    (Slot::PersonalPage, ExtendedField::tag(0x3a50, PropertyKind::String)),
    // PidLidFreeBusyLocation
    (Slot::FreeBusyUrl, ExtendedField::id(PropertySet::Address, 0x80d8, PropertyKind::String)),
    // PidLidYomiFirstName
    (Slot::YomiFirst, ExtendedField::id(PropertySet::Address, 0x802c, PropertyKind::String)),
    // PidLidYomiLastName
    (Slot::YomiLast, ExtendedField::id(PropertySet::Address, 0x802d, PropertyKind::String)),
];

/// PidLidEmail1OriginalDisplayName and its like (MS-OXOCNTC 2.2.1.2.4): the SMTP address where the address is X.500.
pub(super) static SMTP: [(EmailKey, ExtendedField); 3] = [
    (EmailKey::First, ExtendedField::id(PropertySet::Address, 0x8084, PropertyKind::String)),
    (EmailKey::Second, ExtendedField::id(PropertySet::Address, 0x8094, PropertyKind::String)),
    (EmailKey::Third, ExtendedField::id(PropertySet::Address, 0x80a4, PropertyKind::String)),
];

/// The year of a birthday without one: Outlook's and Apple's, and a leap year.
pub(super) const NO_YEAR: i16 = 1604;

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_without_a_year_are_told_without_one() {
        for (day_of_birth, told_as) in [(date(1604, 2, 29), "--02-29"), (date(1980, 12, 1), "1980-12-01")] {
            assert_eq!(told(day_of_birth), told_as);
            assert_eq!(day(told_as), Some(day_of_birth));
        }
        assert_eq!(day("--13-01"), None);
    }
}
