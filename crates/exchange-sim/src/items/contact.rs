//! Contacts: names that follow from other names, and what only the server sets (MS-OXWSCONT).

use super::{drop_field, indexed, keep, kept, kept_text};
use crate::{
    Version,
    compose::{Edits, words},
    mime::parse::parse,
    op::Trouble,
    property::View,
    soap::Element,
    store::{Item, PropertyKey, Value},
};

/// In the shape `Default`.
pub(super) const DEFAULT: &[&str] = &[
    "FileAs",
    "CompleteName",
    "CompanyName",
    "EmailAddresses",
    "PhysicalAddresses",
    "PhoneNumbers",
    "ImAddresses",
    "JobTitle",
];

/// Whether only the server sets it. The later ones come from the directory alone: exchangelib's authors found that
/// Exchange refuses to set them.
pub(super) fn is_read_only(name: &str) -> bool {
    READ_ONLY.contains(&name)
}

/// Sets a property that has a rule.
pub(super) fn set(item: &mut Item, element: &Element) -> Result<bool, Trouble> {
    match element.name.as_str() {
        name if is_read_only(name) => {
            Err(Trouble::new("ErrorInvalidPropertySet", "Set action is invalid for property."))
        }
        "Birthday" | "WeddingAnniversary" => {
            let at = crate::time::parse(&element.text).map(crate::time::write);
            keep(item, Element::new(&element.name, at.unwrap_or_default()));
            Ok(true)
        }
        // R/fileasmapping: a text of one's own means that none is made.
        "FileAs" => {
            drop_field(item, "FileAsMapping");
            keep(item, element.clone());
            Ok(true)
        }
        name if indexed::element(name) => {
            keep(item, indexed::without_empty(element));
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The subject goes with the names until somebody sets it (recorded: `Complete Test - Test Company Inc.`).
pub(super) fn settle(before: Option<&Item>, item: &mut Item) {
    let old = before.map(title).unwrap_or_default();
    let new = title(item);
    if new != old && item.summary().subject == old {
        let bytes = item.bytes();
        let edits = Edits { fields: vec![("Subject", Some(words(&new)))], ..Edits::default() };
        item.set_content(edits.apply(&bytes, &parse(&bytes)));
    }
}

/// A property as EWS shows it.
pub(super) fn shown(view: &View<'_>, name: &str, list: bool) -> Option<Element> {
    let item = view.item;
    match name {
        "DisplayName" => {
            let display_name = display_name(item);
            (!display_name.is_empty()).then(|| Element::new(name, display_name))
        }
        // Recorded: empty, not absent.
        "FileAs" => Some(Element::new(name, file_as(item))),
        "FileAsMapping" => Some(Element::new(name, kept_text(item, name).unwrap_or("None"))),
        "CompleteName" => complete_name(item),
        // Recorded answers to Exchange2010 requests have none.
        "HasPicture" => (view.version > Version::Exchange2010).then(|| {
            let has = item.extra.as_ref().is_some_and(|extra| extra.photo.is_some());
            Element::new(name, has.to_string())
        }),
        // Recorded: FindItem gives the address alone, GetItem says of what kind it is.
        "EmailAddresses" if !list && view.version >= Version::Exchange2010 => {
            kept(item, name).map(|element| with_routing(element.clone()))
        }
        _ => kept(item, name).cloned(),
    }
}

fn with_routing(mut addresses: Element) -> Element {
    for entry in &mut addresses.children {
        if entry.attribute("Name").is_none() {
            let name = entry.text.clone();
            entry.attributes.push(("Name".to_owned(), name));
        }
        for (attribute, value) in [("RoutingType", "SMTP"), ("MailboxType", "Contact")] {
            if entry.attribute(attribute).is_none() {
                entry.attributes.push((attribute.to_owned(), value.to_owned()));
            }
        }
    }
    addresses
}

/// The subject a contact gets by itself.
fn title(item: &Item) -> String {
    let name = display_name(item);
    match kept_text(item, "CompanyName") {
        Some(company) if !name.is_empty() => format!("{name} - {company}"),
        Some(company) => company.to_owned(),
        None => name,
    }
}

/// The name a contact is shown by: its own, or made of its parts.
pub(crate) fn display_name(item: &Item) -> String {
    match kept_text(item, "DisplayName") {
        Some(name) => name.to_owned(),
        None => joined(item, &["GivenName", "MiddleName", "Surname", "Generation"]),
    }
}

/// MS-OXWSCONT: read-only, and made of its parts.
fn complete_name(item: &Item) -> Option<Element> {
    let title = match item.extra.as_ref().and_then(|extra| extra.properties.get(&TITLE)) {
        Some(Value::Text(title)) => Some(title.clone()),
        _ => None,
    };
    let text = |name: &str| kept_text(item, name).map(str::to_owned);
    let full = Some(display_name(item)).filter(|name| !name.is_empty());
    let parts = [
        ("Title", title),
        ("FirstName", text("GivenName")),
        ("MiddleName", text("MiddleName")),
        ("LastName", text("Surname")),
        ("Suffix", text("Generation")),
        ("Initials", text("Initials")),
        ("FullName", full),
        ("Nickname", text("Nickname")),
    ];
    let parts: Vec<Element> =
        parts.into_iter().filter_map(|(name, text)| text.map(|text| Element::new(name, text))).collect();
    (!parts.is_empty()).then(|| Element::holding("CompleteName", parts))
}

/// How a contact is filed: a text of its own, or made as `FileAsMapping` says (MS-OXWSCONT 3.1.4.1.2.4).
pub(super) fn file_as(item: &Item) -> String {
    let mapping = kept_text(item, "FileAsMapping").unwrap_or("None");
    let Some((_, parts)) = MAPPINGS.iter().find(|(name, _)| *name == mapping) else {
        return kept_text(item, "FileAs").unwrap_or_default().to_owned();
    };
    let mut text = String::new();
    for (before, name, after) in *parts {
        let value = match *name {
            "DisplayName" => display_name(item),
            name => kept_text(item, name).unwrap_or_default().to_owned(),
        };
        if value.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push_str(before);
        }
        text.push_str(&value);
        text.push_str(after);
    }
    // What was opened for a part must be closed, whichever part was the last.
    match text.contains('(') && !text.contains(')') {
        true => text + ")",
        false => text,
    }
}

fn joined(item: &Item, names: &[&str]) -> String {
    let parts: Vec<&str> = names.iter().filter_map(|name| kept_text(item, name)).collect();
    parts.join(" ")
}

/// Text before a part (unless it is the first), the part, text after it.
type Part = (&'static str, &'static str, &'static str);

const MAPPINGS: &[(&str, &[Part])] = &[
    ("LastCommaFirst", &[("", "Surname", ""), (", ", "GivenName", ""), (" ", "MiddleName", "")]),
    (
        "FirstSpaceLast",
        &[("", "GivenName", ""), (" ", "MiddleName", ""), (" ", "Surname", ""), (" ", "Generation", "")],
    ),
    ("Company", &[("", "CompanyName", "")]),
    (
        "LastCommaFirstCompany",
        &[("", "Surname", ""), (", ", "GivenName", ""), (" ", "MiddleName", ""), (" (", "CompanyName", ")")],
    ),
    (
        "CompanyLastFirst",
        &[("", "CompanyName", ""), (" (", "Surname", ""), ("", "GivenName", ""), (" ", "MiddleName", "")],
    ),
    ("LastFirst", &[("", "Surname", ""), ("", "GivenName", ""), (" ", "MiddleName", "")]),
    (
        "LastFirstCompany",
        &[("", "Surname", ""), ("", "GivenName", ""), (" ", "MiddleName", ""), (" (", "CompanyName", ")")],
    ),
    (
        "CompanyLastCommaFirst",
        &[("", "CompanyName", ""), (" (", "Surname", ""), (", ", "GivenName", ""), (" ", "MiddleName", "")],
    ),
    ("LastFirstSuffix", &[("", "Surname", ""), ("", "GivenName", ""), (" ", "Generation", "")]),
    (
        "LastSpaceFirstCompany",
        &[("", "Surname", ""), (" ", "GivenName", ""), (" ", "MiddleName", ""), (" (", "CompanyName", ")")],
    ),
    (
        "CompanyLastSpaceFirst",
        &[("", "CompanyName", ""), (" (", "Surname", ""), (" ", "GivenName", ""), (" ", "MiddleName", "")],
    ),
    ("LastSpaceFirst", &[("", "Surname", ""), (" ", "GivenName", ""), (" ", "MiddleName", "")]),
    ("DisplayName", &[("", "DisplayName", "")]),
    ("FirstName", &[("", "GivenName", "")]),
    (
        "LastFirstMiddleSuffix",
        &[("", "Surname", ""), ("", "GivenName", ""), ("", "MiddleName", ""), ("", "Generation", "")],
    ),
    ("LastName", &[("", "Surname", "")]),
    ("Empty", &[]),
];

/// PidTagDisplayNamePrefix, which has no element of its own in these schemas.
const TITLE: PropertyKey = PropertyKey::Tag(0x3a45);

const READ_ONLY: &[&str] = &[
    "CompleteName",
    "ContactSource",
    "HasPicture",
    "PhoneticFullName",
    "PhoneticFirstName",
    "PhoneticLastName",
    "Alias",
    "Notes",
    "Photo",
    "UserSMIMECertificate",
    "MSExchangeCertificate",
    "DirectoryId",
    "ManagerMailbox",
    "DirectReports",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Kind;

    fn contact(fields: &[(&str, &str)]) -> Item {
        let mut item = Item::new(Kind::Contact, None, 0);
        for (name, text) in fields {
            keep(&mut item, Element::new(name, *text));
        }
        item
    }

    #[test]
    fn contacts_are_filed_as_their_mapping_says() {
        let names = [("GivenName", "Ada"), ("Surname", "King"), ("CompanyName", "Loom"), ("Generation", "II")];
        for (mapping, filed) in [
            ("LastCommaFirst", "King, Ada"),
            ("FirstSpaceLast", "Ada King II"),
            ("Company", "Loom"),
            ("LastCommaFirstCompany", "King, Ada (Loom)"),
            ("CompanyLastCommaFirst", "Loom (King, Ada)"),
            ("CompanyLastFirst", "Loom (KingAda)"),
            ("LastFirst", "KingAda"),
            ("LastFirstSuffix", "KingAda II"),
            ("LastSpaceFirst", "King Ada"),
            ("DisplayName", "Ada King II"),
            ("Empty", ""),
            ("None", ""),
        ] {
            let mut item = contact(&names);
            keep(&mut item, Element::new("FileAsMapping", mapping));
            assert_eq!(file_as(&item), filed, "{mapping}");
        }
    }

    #[test]
    fn the_subject_follows_the_names_until_it_is_set() {
        let mut item = contact(&[("GivenName", "Ada")]);
        settle(None, &mut item);
        assert_eq!(item.summary().subject, "Ada");
        let before = item.clone();
        keep(&mut item, Element::new("CompanyName", "Loom"));
        settle(Some(&before), &mut item);
        assert_eq!(item.summary().subject, "Ada - Loom");
        item.set_content(b"Subject: mine\r\n\r\n".to_vec());
        let before = item.clone();
        keep(&mut item, Element::new("GivenName", "Eve"));
        settle(Some(&before), &mut item);
        assert_eq!(item.summary().subject, "mine");
    }
}
