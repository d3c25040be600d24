use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::soap::{Element, Xml};

/// A MAPI property by its address (EWS "ExtendedFieldURI").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExtendedField {
    /// Where it is.
    pub name: PropertyName,
    /// What it holds.
    pub kind: PropertyKind,
}

impl ExtendedField {
    /// A property with a fixed tag below 0x8000, given without its type half.
    pub const fn tag(tag: u16, kind: PropertyKind) -> ExtendedField {
        ExtendedField { name: PropertyName::Tag(tag), kind }
    }

    /// A property numbered within a set.
    pub const fn id(set: PropertySet, id: i32, kind: PropertyKind) -> ExtendedField {
        ExtendedField { name: PropertyName::Id(set, id), kind }
    }

    /// A property named within a set.
    pub fn named(set: PropertySet, name: &str, kind: PropertyKind) -> ExtendedField {
        ExtendedField { name: PropertyName::Name(set, Arc::from(name)), kind }
    }

    pub(crate) fn write(&self, xml: &mut Xml) {
        let kind = ("PropertyType", self.kind.as_str());
        match &self.name {
            PropertyName::Tag(tag) => {
                xml.empty("t:ExtendedFieldURI", &[("PropertyTag", &format!("0x{tag:04x}")), kind]);
            }
            PropertyName::Id(set, id) => {
                xml.empty("t:ExtendedFieldURI", &[set.attribute(), ("PropertyId", &id.to_string()), kind]);
            }
            PropertyName::Name(set, name) => {
                xml.empty("t:ExtendedFieldURI", &[set.attribute(), ("PropertyName", name), kind]);
            }
        }
    }

    pub(crate) fn read(element: &Element) -> Option<ExtendedField> {
        let kind = PropertyKind::from_name(element.attribute("PropertyType")?)?;
        if let Some(tag) = element.attribute("PropertyTag") {
            return Some(ExtendedField { name: PropertyName::Tag(read_tag(tag)?), kind });
        }
        let set = match element.attribute("DistinguishedPropertySetId") {
            Some(name) => PropertySet::from_name(name)?,
            None => PropertySet::from_guid(element.attribute("PropertySetId")?),
        };
        let name = match element.attribute("PropertyId") {
            Some(id) => PropertyName::Id(set, id.parse().ok()?),
            None => PropertyName::Name(set, Arc::from(element.attribute("PropertyName")?)),
        };
        Some(ExtendedField { name, kind })
    }
}

/// Where a MAPI property is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PropertyName {
    /// A fixed property tag, type half left out.
    Tag(u16),
    /// A number within a set.
    Id(PropertySet, i32),
    /// A name within a set.
    Name(PropertySet, Arc<str>),
}

/// A set of named properties (EWS "DistinguishedPropertySetId", MS-OXPROPS 1.3.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PropertySet {
    /// Meetings.
    Meeting,
    /// Appointments.
    Appointment,
    /// Things any item has.
    Common,
    /// User-named properties, categories among them.
    PublicStrings,
    /// Contacts.
    Address,
    /// Headers with names of their own.
    InternetHeaders,
    /// The calendar assistant.
    CalendarAssistant,
    /// Voice mail.
    UnifiedMessaging,
    /// Tasks.
    Task,
    /// Sharing invitations.
    Sharing,
    /// Any other, by its GUID in lower case without braces.
    Guid(Arc<str>),
}

impl PropertySet {
    fn attribute(&self) -> (&'static str, &str) {
        match self {
            PropertySet::Guid(guid) => ("PropertySetId", guid),
            known => {
                let name = SETS.iter().find(|(set, _, _)| set == known).map_or("Common", |(_, name, _)| name);
                ("DistinguishedPropertySetId", name)
            }
        }
    }

    fn from_name(name: &str) -> Option<PropertySet> {
        SETS.iter().find(|(_, known, _)| *known == name).map(|(set, _, _)| set.clone())
    }

    fn from_guid(guid: &str) -> PropertySet {
        let guid = guid.trim_matches(['{', '}']).to_ascii_lowercase();
        match SETS.iter().find(|(_, _, known)| *known == guid) {
            Some((set, _, _)) => set.clone(),
            None => PropertySet::Guid(Arc::from(guid)),
        }
    }
}

/// What a MAPI property holds (EWS "MapiPropertyTypeType"; the kinds that can be read and written).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PropertyKind {
    /// Bytes.
    Binary,
    /// Several byte strings.
    BinaryArray,
    /// True or false.
    Boolean,
    /// A GUID.
    Clsid,
    /// A floating-point number.
    Double,
    /// 32 bits.
    Integer,
    /// Several of 32 bits.
    IntegerArray,
    /// 64 bits.
    Long,
    /// 16 bits.
    Short,
    /// A moment, UTC.
    SystemTime,
    /// Text.
    String,
    /// Several texts.
    StringArray,
}

impl PropertyKind {
    fn as_str(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("String", |(_, name)| name)
    }

    fn from_name(name: &str) -> Option<PropertyKind> {
        KINDS.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    fn of_one(self) -> PropertyKind {
        match self {
            PropertyKind::BinaryArray => PropertyKind::Binary,
            PropertyKind::IntegerArray => PropertyKind::Integer,
            PropertyKind::StringArray => PropertyKind::String,
            one => one,
        }
    }

    fn is_many(self) -> bool {
        self.of_one() != self
    }
}

/// What an extended property held, or shall hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// String, Clsid.
    Text(String),
    /// Short, Integer, Long.
    Integer(i64),
    /// Double.
    Double(f64),
    /// Boolean.
    Boolean(bool),
    /// Binary.
    Binary(Vec<u8>),
    /// SystemTime.
    Time(Timestamp),
    /// Any kind of array.
    Many(Vec<Value>),
}

impl Value {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The number, if it is a whole one.
    pub fn as_integer(&self) -> Option<i64> {
        if let Value::Integer(number) = self { Some(*number) } else { None }
    }

    /// The truth value, if it is one.
    pub fn as_boolean(&self) -> Option<bool> {
        if let Value::Boolean(value) = self { Some(*value) } else { None }
    }

    /// The bytes, if it is bytes.
    pub fn as_binary(&self) -> Option<&[u8]> {
        if let Value::Binary(bytes) = self { Some(bytes) } else { None }
    }

    /// The moment, if it is one.
    pub fn as_time(&self) -> Option<Timestamp> {
        if let Value::Time(time) = self { Some(*time) } else { None }
    }

    /// The values of an array; empty for anything else.
    pub fn as_many(&self) -> &[Value] {
        if let Value::Many(values) = self { values } else { &[] }
    }

    /// An array of texts.
    pub fn texts<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Value {
        Value::Many(texts.into_iter().map(|text| Value::Text(text.into())).collect())
    }

    fn write_text(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Double(number) => number.to_string(),
            Value::Boolean(value) => value.to_string(),
            Value::Binary(bytes) => STANDARD.encode(bytes),
            Value::Time(time) => time.to_string(),
            Value::Many(_) => String::new(),
        }
    }

    fn read(kind: PropertyKind, text: &str) -> Option<Value> {
        let trimmed = text.trim();
        Some(match kind {
            PropertyKind::Binary => Value::Binary(STANDARD.decode(trimmed).ok()?),
            PropertyKind::Boolean => Value::Boolean(matches!(trimmed, "true" | "1")),
            PropertyKind::Double => Value::Double(trimmed.parse().ok()?),
            PropertyKind::Integer | PropertyKind::Long | PropertyKind::Short => Value::Integer(trimmed.parse().ok()?),
            PropertyKind::SystemTime => Value::Time(trimmed.parse().ok()?),
            _ => Value::Text(text.to_owned()),
        })
    }
}

/// The extended properties of one item or folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExtendedProperties(Vec<(ExtendedField, Value)>);

impl ExtendedProperties {
    /// The value of one property; None if Exchange sent none, which is how it says "not set".
    pub fn get(&self, field: &ExtendedField) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == field).map(|(_, value)| value)
    }

    /// Sets a property, in the place of the value it had.
    pub fn set(&mut self, field: ExtendedField, value: Value) {
        self.0.retain(|(known, _)| *known != field);
        self.0.push((field, value));
    }

    /// The same with one more, or with another value.
    #[must_use]
    pub fn with(self, field: ExtendedField, value: Value) -> ExtendedProperties {
        let mut all = self.without(&field);
        all.0.push((field, value));
        all
    }

    /// The same without one.
    #[must_use]
    pub fn without(mut self, field: &ExtendedField) -> ExtendedProperties {
        self.0.retain(|(known, _)| known != field);
        self
    }

    /// All of them, in the order received.
    pub fn iter(&self) -> impl Iterator<Item = &(ExtendedField, Value)> {
        self.0.iter()
    }

    /// Reads an `ExtendedProperty` element; one that makes no sense is left out, as if not set.
    pub(crate) fn take(&mut self, element: &Element) {
        let Some(field) = element.child("ExtendedFieldURI").and_then(ExtendedField::read) else { return };
        let value = match element.child("Values") {
            Some(values) => Some(Value::Many(
                values.children("Value").filter_map(|value| Value::read(field.kind.of_one(), value.text())).collect(),
            )),
            None => element.child("Value").and_then(|value| Value::read(field.kind, value.text())),
        };
        self.0.extend(value.map(|value| (field, value)));
    }
}

pub(crate) fn write_property(xml: &mut Xml, field: &ExtendedField, value: &Value) {
    xml.within("t:ExtendedProperty", &[], |xml| {
        field.write(xml);
        match value {
            Value::Many(values) => xml.within("t:Values", &[], |xml| {
                for value in values {
                    xml.text("t:Value", &value.write_text());
                }
            }),
            one if field.kind.is_many() => xml.within("t:Values", &[], |xml| xml.text("t:Value", &one.write_text())),
            one => xml.text("t:Value", &one.write_text()),
        }
    });
}

/// `0x7d`, `0x007D` or decimal; some servers send all 32 bits, type half last.
fn read_tag(text: &str) -> Option<u16> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => text.parse().ok()?,
    };
    u16::try_from(if number > 0xffff { number >> 16 } else { number }).ok()
}

const KINDS: [(PropertyKind, &str); 12] = [
    (PropertyKind::Binary, "Binary"),
    (PropertyKind::BinaryArray, "BinaryArray"),
    (PropertyKind::Boolean, "Boolean"),
    (PropertyKind::Clsid, "CLSID"),
    (PropertyKind::Double, "Double"),
    (PropertyKind::Integer, "Integer"),
    (PropertyKind::IntegerArray, "IntegerArray"),
    (PropertyKind::Long, "Long"),
    (PropertyKind::Short, "Short"),
    (PropertyKind::SystemTime, "SystemTime"),
    (PropertyKind::String, "String"),
    (PropertyKind::StringArray, "StringArray"),
];

const SETS: [(PropertySet, &str, &str); 10] = [
    (PropertySet::Meeting, "Meeting", "6ed8da90-450b-101b-98da-00aa003f1305"),
    (PropertySet::Appointment, "Appointment", "00062002-0000-0000-c000-000000000046"),
    (PropertySet::Common, "Common", "00062008-0000-0000-c000-000000000046"),
    (PropertySet::PublicStrings, "PublicStrings", "00020329-0000-0000-c000-000000000046"),
    (PropertySet::Address, "Address", "00062004-0000-0000-c000-000000000046"),
    (PropertySet::InternetHeaders, "InternetHeaders", "00020386-0000-0000-c000-000000000046"),
    (PropertySet::CalendarAssistant, "CalendarAssistant", "11000e07-b51b-40d6-af21-caa85edab1d0"),
    (PropertySet::UnifiedMessaging, "UnifiedMessaging", "4442858e-a9e3-4e80-b900-317a210cc15b"),
    (PropertySet::Task, "Task", "00062003-0000-0000-c000-000000000046"),
    (PropertySet::Sharing, "Sharing", "00062040-0000-0000-c000-000000000046"),
];
