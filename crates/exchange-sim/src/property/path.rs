//! Naming properties in requests: `FieldURI`, `IndexedFieldURI`, `ExtendedFieldURI`.

use crate::{
    op::Trouble,
    soap::Element,
    store::{PropertyKey, PropertyName},
};

/// A property named in a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Path {
    /// `FieldURI`, such as `item:Subject`.
    Field(String),
    /// `FieldURI` and `FieldIndex`.
    Indexed(String, String),
    /// A MAPI property.
    Extended(Extended),
}

/// A MAPI property as asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Extended {
    pub(crate) key: PropertyKey,
    /// The `MapiPropertyTypeType`.
    pub(crate) of: String,
    /// The attributes of the `ExtendedFieldURI`, to be repeated in the answer.
    pub(crate) echo: Vec<(String, String)>,
}

impl Path {
    /// Whether the element names a property.
    pub(crate) fn is_path(element: &Element) -> bool {
        matches!(element.name.as_str(), "FieldURI" | "IndexedFieldURI" | "ExtendedFieldURI")
    }

    /// Reads one of the three elements.
    pub(crate) fn read(element: &Element) -> Result<Path, Trouble> {
        let attribute = |name| element.attribute(name).unwrap_or_default().to_owned();
        match element.name.as_str() {
            "FieldURI" => Ok(Path::Field(attribute("FieldURI"))),
            "IndexedFieldURI" => Ok(Path::Indexed(attribute("FieldURI"), attribute("FieldIndex"))),
            _ => Extended::read(element).map(Path::Extended),
        }
    }

    /// The path among the children of an expression.
    pub(crate) fn within(element: &Element) -> Result<Path, Trouble> {
        match element.children.iter().find(|child| Path::is_path(child)) {
            Some(child) => Path::read(child),
            None => Err(Trouble::new("ErrorInvalidRestriction", "The restriction names no property.")),
        }
    }
}

impl Extended {
    fn read(element: &Element) -> Result<Extended, Trouble> {
        let invalid =
            || Trouble::new("ErrorInvalidExtendedProperty", "The extended property attribute combination is invalid.");
        let of = element.attribute("PropertyType").ok_or_else(invalid)?.to_owned();
        let set = match (element.attribute("DistinguishedPropertySetId"), element.attribute("PropertySetId")) {
            (Some(name), None) => Some(SETS.iter().find(|(known, _)| *known == name).ok_or_else(invalid)?.1.to_owned()),
            (None, Some(guid)) => Some(guid.trim_matches(['{', '}']).to_ascii_lowercase()),
            (None, None) => None,
            _ => return Err(invalid()),
        };
        let id = element.attribute("PropertyId").map(|id| id.trim().parse::<i64>());
        let key = match (set, element.attribute("PropertyTag"), element.attribute("PropertyName"), id) {
            (None, Some(tag), None, None) => PropertyKey::Tag(tag_number(tag).ok_or_else(invalid)?),
            (Some(set), None, Some(name), None) => PropertyKey::Named(set, PropertyName::Name(name.to_lowercase())),
            (Some(set), None, None, Some(Ok(id))) => PropertyKey::Named(set, PropertyName::Id(id)),
            _ => return Err(invalid()),
        };
        let echo = element
            .attributes
            .iter()
            .map(|(name, value)| match (&key, name.as_str()) {
                (PropertyKey::Tag(tag), "PropertyTag") => (name.clone(), format!("0x{tag:x}")),
                _ => (name.clone(), value.clone()),
            })
            .collect();
        Ok(Extended { key, of, echo })
    }
}

/// A tag without its type, in hex or decimal. Tags of named properties differ from mailbox to mailbox: not allowed.
fn tag_number(text: &str) -> Option<u16> {
    let text = text.trim();
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u16::from_str_radix(hex, 16).ok()?,
        None => text.parse().ok()?,
    };
    (!(0x8000..=0xfffe).contains(&number)).then_some(number)
}

/// `DistinguishedPropertySetId` and its GUID (MS-OXPROPS section 1.3.2).
pub(super) const SETS: &[(&str, &str)] = &[
    ("Meeting", "6ed8da90-450b-101b-98da-00aa003f1305"),
    ("Appointment", "00062002-0000-0000-c000-000000000046"),
    ("Task", "00062003-0000-0000-c000-000000000046"),
    ("Address", "00062004-0000-0000-c000-000000000046"),
    ("Common", "00062008-0000-0000-c000-000000000046"),
    ("Sharing", "00062040-0000-0000-c000-000000000046"),
    ("PublicStrings", PUBLIC_STRINGS),
    ("InternetHeaders", INTERNET_HEADERS),
    ("CalendarAssistant", "11000e07-b51b-40d6-af21-caa85edab1d0"),
    ("UnifiedMessaging", "4442858e-a9e3-4e80-b900-317a210cc15b"),
];

/// Home of the categories (`Keywords`).
pub(super) const PUBLIC_STRINGS: &str = "00020329-0000-0000-c000-000000000046";

/// Header fields by name.
pub(crate) const INTERNET_HEADERS: &str = "00020386-0000-0000-c000-000000000046";
