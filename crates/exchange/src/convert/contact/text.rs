//! Cards, read and written.

use ews::{AddressKey, AddressPart};
use pim::text::{join_fields, join_list, split_fields};
use pim::vcard::PartialDate;
use pim::{Component, Property};

use super::Slot;
use super::native::{NO_YEAR, day};
use super::places::{EMAILS, IMS, MESSENGERS, address, address_type, phone, phone_types, types};
use crate::convert::native::Native;
use crate::convert::photo;
use crate::convert::slots::{Fields, Said, block, class, line, parted};

/// What a card says that has a place in Exchange. Values take the places they have in `now`, where they can.
pub(super) fn read(card: &Component, now: &Fields<Slot>) -> Said<Slot> {
    let mut said = Said::of(card.properties.len());
    let mut wishes = Vec::new();
    for (index, property) in card.properties.iter().enumerate() {
        match property.name.to_ascii_uppercase().as_str() {
            "N" => fields(&mut said, index, &property.value, &NAME_PARTS),
            "ORG" => organization(&mut said, index, &property.value),
            "EMAIL" | "TEL" | "ADR" | "IMPP" | "URL" => wishes.extend(wish(index, property)),
            "CATEGORIES" => said.say_categories(index, Slot::Categories, &property.value),
            "NOTE" => drop(said.say(index, Slot::Note, block(&property.text()))),
            "PHOTO" => {
                if let Some(photo) = photo::of_property(property) {
                    said.say(index, Slot::Photo, photo.mark());
                }
            }
            "CLASS" => drop(said.say(index, Slot::Class, class(&property.value))),
            "BDAY" => date(&mut said, index, property, Slot::Birthday),
            "ANNIVERSARY" | "X-ANNIVERSARY" | "X-EVOLUTION-ANNIVERSARY" => {
                date(&mut said, index, property, Slot::Anniversary);
            }
            "X-ABDATE" if label(card, property) == "ANNIVERSARY" => date(&mut said, index, property, Slot::Anniversary),
            "X-ABRELATEDNAMES" => {
                let label = label(card, property);
                if let Some((_, slot)) = RELATIONS.iter().find(|(word, _)| *word == label) {
                    said.say(index, *slot, line(&property.text()));
                }
            }
            "RELATED" if property.has_parameter("VALUE", "text") && property.has_parameter("TYPE", "spouse") => {
                said.say(index, Slot::Spouse, line(&property.text()));
            }
            name => match WORDS.iter().find(|(known, _)| *known == name) {
                Some((_, slot)) => drop(said.say(index, *slot, line(&property.text()))),
                None => wishes.extend(messenger(index, name, property)),
            },
        }
    }
    settle(&mut said, wishes, now);
    said
}

/// A value and the places it may take: several slots at once for a postal address.
struct Wish {
    line: usize,
    places: Vec<Vec<(Slot, String)>>,
}

fn wish(line_number: usize, property: &Property) -> Option<Wish> {
    let types = types(property);
    let one = |slots: Vec<Slot>, value: String| {
        let places = slots.into_iter().map(|slot| vec![(slot, value.clone())]).collect();
        (!value.is_empty()).then_some(Wish { line: line_number, places })
    };
    let text = property.text();
    match property.name.to_ascii_uppercase().as_str() {
        "EMAIL" => {
            let address = line(strip_scheme(&text, "mailto:"));
            one(EMAILS.map(Slot::Email).into(), address)
        }
        "TEL" => one(phone(&types).into_iter().map(Slot::Phone).collect(), line(strip_scheme(&text, "tel:"))),
        "IMPP" => one(IMS.map(Slot::Im).into(), line(strip_scheme(&text, "im:"))),
        "URL" if types.iter().any(|word| word == "HOME") => one(vec![Slot::PersonalPage, Slot::HomePage], line(&text)),
        "URL" => one(vec![Slot::HomePage, Slot::PersonalPage], line(&text)),
        _ => {
            let parts = address_parts(&property.value);
            let place = |key| parts.iter().map(|(part, text)| (Slot::Postal(key, *part), text.clone())).collect();
            let any = parts.iter().any(|(_, text)| !text.is_empty());
            any.then(|| Wish { line: line_number, places: address(&types).into_iter().map(place).collect() })
        }
    }
}

fn messenger(index: usize, name: &str, property: &Property) -> Option<Wish> {
    let (_, scheme) = MESSENGERS.iter().find(|(known, _)| *known == name)?;
    let value = line(&format!("{scheme}:{}", property.text().trim()));
    let places = IMS.iter().map(|key| vec![(Slot::Im(*key), value.clone())]).collect();
    (!property.value.trim().is_empty()).then_some(Wish { line: index, places })
}

/// Values that are at Exchange already stay where they are; then the others take what is free, in order.
fn settle(said: &mut Said<Slot>, wishes: Vec<Wish>, now: &Fields<Slot>) {
    let is_free = |said: &Said<Slot>, place: &[(Slot, String)]| {
        let Some((slot, _)) = place.first() else { return false };
        !said.lines.iter().flatten().any(|taken| same_place(taken, slot))
    };
    let is_there =
        |place: &[(Slot, String)]| place.iter().all(|(slot, value)| now.get(slot).map_or("", String::as_str) == value);
    let mut waiting = Vec::new();
    for wish in wishes {
        match wish.places.iter().find(|place| is_there(place) && is_free(said, place)) {
            Some(place) => take(said, wish.line, place),
            None => waiting.push(wish),
        }
    }
    for wish in waiting {
        if let Some(place) = wish.places.iter().find(|place| is_free(said, place)) {
            take(said, wish.line, place);
        }
    }
}

fn same_place(one: &Slot, other: &Slot) -> bool {
    match (one, other) {
        (Slot::Postal(one, _), Slot::Postal(other, _)) => one == other,
        _ => one == other,
    }
}

fn take(said: &mut Said<Slot>, line: usize, place: &[(Slot, String)]) {
    for (slot, value) in place {
        said.say(line, *slot, value.clone());
    }
}

/// N: each part may be a list.
fn fields(said: &mut Said<Slot>, index: usize, value: &str, slots: &[Slot]) {
    let mut parts = split_fields(value).into_iter();
    for slot in slots {
        said.say(index, *slot, line(&parts.next().unwrap_or_default().join(" ")));
    }
}

/// ORG: the company, then its units.
fn organization(said: &mut Said<Slot>, index: usize, value: &str) {
    let mut parts = split_fields(value).into_iter().map(|part| part.join(","));
    said.say(index, Slot::Company, line(&parts.next().unwrap_or_default()));
    let units: Vec<String> = parts.filter(|unit| !unit.trim().is_empty()).collect();
    said.say(index, Slot::Department, line(&units.join("; ")));
}

/// A whole date, or one that lacks only its year.
fn date(said: &mut Said<Slot>, index: usize, property: &Property, slot: Slot) {
    let Some(date) = PartialDate::of_property(property) else { return };
    let (Some(month), Some(day)) = (date.month, date.day) else { return };
    let told = match date.year.filter(|year| *year != NO_YEAR) {
        Some(year) => format!("{year:04}-{month:02}-{day:02}"),
        None => format!("--{month:02}-{day:02}"),
    };
    said.say(index, slot, told);
}

/// The label Apple gives a group: `_$!<Anniversary>!$_` is one of its own words.
fn label(card: &Component, property: &Property) -> String {
    let group = property.group.as_deref().unwrap_or_default();
    let labels = card.properties("X-ABLABEL");
    let mut of_group = labels.filter(|label| label.group.as_deref().unwrap_or_default().eq_ignore_ascii_case(group));
    let text = of_group.next().map(Property::text).unwrap_or_default();
    let text = text.trim_start_matches("_$!<").trim_end_matches(">!$_").to_ascii_uppercase();
    if group.is_empty() { String::new() } else { text }
}

/// ADR: post-office box, extension and street are one text to Exchange.
fn address_parts(value: &str) -> Vec<(AddressPart, String)> {
    let parts: Vec<String> = split_fields(value).into_iter().map(|part| block(&part.join(", "))).collect();
    let part = |index: usize| parts.get(index).map_or("", |text| text.trim()).to_owned();
    let street: Vec<String> = [part(0), part(1), part(2)].into_iter().filter(|text| !text.is_empty()).collect();
    vec![
        (AddressPart::Street, street.join("\n")),
        (AddressPart::City, part(3)),
        (AddressPart::State, part(4)),
        (AddressPart::PostalCode, part(5)),
        (AddressPart::Country, part(6)),
    ]
}

fn strip_scheme<'a>(text: &'a str, scheme: &str) -> &'a str {
    let text = text.trim();
    match text.get(..scheme.len()) {
        Some(start) if start.eq_ignore_ascii_case(scheme) => text.get(scheme.len()..).unwrap_or_default(),
        _ => text,
    }
}

/// Properties of vCard 3.0 that say this; FN and N are there in any case.
pub(super) fn drawn(fields: &Fields<Slot>, native: &Native) -> Vec<Property> {
    let text = |slot| fields.get(&slot).map_or("", String::as_str);
    let mut properties = vec![Property::of_text("FN", text(Slot::DisplayName))];
    properties.push(Property::new("N", join_fields(NAME_PARTS.map(|slot| [text(slot)]))));
    if fields.contains_key(&Slot::Company) || fields.contains_key(&Slot::Department) {
        let units: &[Slot] = match fields.contains_key(&Slot::Department) {
            true => &[Slot::Company, Slot::Department],
            false => &[Slot::Company],
        };
        properties.push(Property::new("ORG", join_fields(units.iter().map(|slot| [text(*slot)]))));
    }
    for key in AddressKey::ALL {
        properties.extend(drawn_address(fields, *key));
    }
    properties.extend(fields.iter().filter_map(|(slot, value)| property(*slot, value)));
    if fields.contains_key(&Slot::Photo) {
        properties.extend(photo::property(native));
    }
    properties
}

fn drawn_address(fields: &Fields<Slot>, key: AddressKey) -> Option<Property> {
    let part = |part| fields.get(&Slot::Postal(key, part)).map_or("", String::as_str);
    let parts = [
        "",
        "",
        part(AddressPart::Street),
        part(AddressPart::City),
        part(AddressPart::State),
        part(AddressPart::PostalCode),
        part(AddressPart::Country),
    ];
    let any = parts.iter().any(|text| !text.is_empty());
    any.then(|| Property::new("ADR", join_fields(parts.map(|text| [text]))).with("TYPE", address_type(key)))
}

/// The property of a slot that has one of its own.
fn property(slot: Slot, value: &str) -> Option<Property> {
    let typed =
        |property: Property, types: &[&str]| types.iter().fold(property, |property, word| property.with("TYPE", *word));
    match slot {
        Slot::Email(_) => Some(Property::of_text("EMAIL", value).with("TYPE", "INTERNET")),
        Slot::Phone(key) => Some(typed(Property::of_text("TEL", value), phone_types(key))),
        Slot::Im(_) => {
            // A URI stands as it is; what is none is told as one.
            let uri =
                value.split_once(':').is_some_and(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric()));
            Some(Property::new("IMPP", if uri { value.to_owned() } else { format!("im:{value}") }))
        }
        Slot::HomePage => Some(Property::new("URL", value).with("TYPE", "WORK")),
        Slot::PersonalPage => Some(Property::new("URL", value).with("TYPE", "HOME")),
        Slot::Birthday | Slot::Anniversary => {
            let date = day(value)?;
            let year = (date.year() != NO_YEAR).then(|| date.year());
            let date = PartialDate { year, month: Some(date.month()), day: Some(date.day()), time: None };
            Some(date.to_v3(if slot == Slot::Birthday { "BDAY" } else { "X-ANNIVERSARY" }))
        }
        Slot::Categories => Some(Property::new("CATEGORIES", join_list(parted(value)))),
        Slot::Class => Some(Property::new("CLASS", value)),
        Slot::Note => Some(Property::of_text("NOTE", value)),
        other => {
            let (name, _) = WORDS.iter().find(|(name, slot)| *slot == other && *name != "FN")?;
            Some(Property::of_text(*name, value))
        }
    }
}

const NAME_PARTS: [Slot; 5] = [Slot::Surname, Slot::Given, Slot::Middle, Slot::Prefix, Slot::Suffix];

/// Properties that are one text; the first of a slot is the one that is written.
const WORDS: [(&str, Slot); 17] = [
    ("FN", Slot::DisplayName),
    ("NICKNAME", Slot::Nickname),
    ("TITLE", Slot::JobTitle),
    ("ROLE", Slot::Profession),
    ("X-OFFICE", Slot::Office),
    ("X-EVOLUTION-OFFICE", Slot::Office),
    ("X-SPOUSE", Slot::Spouse),
    ("X-EVOLUTION-SPOUSE", Slot::Spouse),
    ("X-MANAGER", Slot::Manager),
    ("X-EVOLUTION-MANAGER", Slot::Manager),
    ("X-ASSISTANT", Slot::Assistant),
    ("X-EVOLUTION-ASSISTANT", Slot::Assistant),
    ("FBURL", Slot::FreeBusyUrl),
    ("X-PHONETIC-FIRST-NAME", Slot::YomiFirst),
    ("X-PHONETIC-LAST-NAME", Slot::YomiLast),
    ("X-KADDRESSBOOK-X-SPOUSENAME", Slot::Spouse),
    ("X-KADDRESSBOOK-X-MANAGERSNAME", Slot::Manager),
];

/// Apple's labels of related names.
const RELATIONS: [(&str, Slot); 3] =
    [("SPOUSE", Slot::Spouse), ("MANAGER", Slot::Manager), ("ASSISTANT", Slot::Assistant)];
