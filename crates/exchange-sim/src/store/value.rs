//! Property values, and the names of extended properties.

use std::cmp::Ordering;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::time::{self, Seconds};

/// Names a MAPI property.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum PropertyKey {
    /// By tag, without the type.
    Tag(u16),
    /// In a property set (lower-case GUID).
    Named(String, PropertyName),
}

/// The name of a property in its set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum PropertyName {
    /// `PropertyId`.
    Id(i64),
    /// `PropertyName`; case does not matter to Exchange, so it is kept in lower case.
    Name(String),
}

/// A value of a property.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Flag(bool),
    Number(i64),
    Float(f64),
    Text(String),
    Binary(Vec<u8>),
    Time(Seconds),
    List(Vec<Value>),
}

impl Value {
    /// Reads the text of a value of a `MapiPropertyTypeType`; `None` if it is not one.
    pub(crate) fn read(of: &str, text: &str) -> Option<Value> {
        Some(match of.strip_suffix("Array").unwrap_or(of) {
            "Boolean" => Value::Flag(matches!(text.trim(), "true" | "1")),
            "Integer" | "Short" | "Long" => Value::Number(text.trim().parse().ok()?),
            "Double" | "Float" | "Currency" | "ApplicationTime" => Value::Float(text.trim().parse().ok()?),
            "SystemTime" => Value::Time(time::parse(text)?),
            "Binary" => Value::Binary(STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).ok()?),
            _ => Value::Text(text.to_owned()),
        })
    }

    /// Whether this is a value of that `MapiPropertyTypeType`.
    pub(crate) fn is_of(&self, of: &str) -> bool {
        match self {
            Value::List(values) => of.ends_with("Array") && values.iter().all(|value| value.is_of(of)),
            _ => match (self, of.strip_suffix("Array").unwrap_or(of)) {
                (Value::Flag(_), of) => of == "Boolean",
                (Value::Number(_), of) => matches!(of, "Integer" | "Short" | "Long"),
                (Value::Float(_), of) => matches!(of, "Double" | "Float" | "Currency" | "ApplicationTime"),
                (Value::Text(_), of) => matches!(of, "String" | "CLSID" | "Object"),
                (Value::Binary(_), of) => of == "Binary",
                (Value::Time(_), of) => of == "SystemTime",
                (Value::List(_), _) => false,
            },
        }
    }

    /// As EWS writes it; lists joined with `;`.
    pub(crate) fn write(&self) -> String {
        match self {
            Value::Flag(value) => value.to_string(),
            Value::Number(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Text(value) => value.clone(),
            Value::Binary(value) => STANDARD.encode(value),
            Value::Time(value) => time::write(*value),
            Value::List(values) => values.iter().map(Value::write).collect::<Vec<_>>().join(";"),
        }
    }

    /// Compares with the text of a constant, read as the type of this value.
    pub(crate) fn compare_text(&self, constant: &str) -> Option<Ordering> {
        match self {
            Value::Flag(value) => Some(value.cmp(&matches!(constant.trim(), "true" | "1"))),
            Value::Number(value) => Some(value.cmp(&constant.trim().parse().ok()?)),
            Value::Float(value) => value.partial_cmp(&constant.trim().parse().ok()?),
            Value::Text(value) => Some(fold(value).cmp(&fold(constant))),
            Value::Binary(_) => Some(self.write().as_str().cmp(constant.trim())),
            Value::Time(value) => Some(value.cmp(&time::parse(constant)?)),
            Value::List(_) => None,
        }
    }

    /// Compares values of one kind; other pairs are equal.
    pub(crate) fn compare(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Flag(a), Value::Flag(b)) => a.cmp(b),
            (Value::Number(a), Value::Number(b)) | (Value::Time(a), Value::Time(b)) => a.cmp(b),
            (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
            (Value::Text(a), Value::Text(b)) => fold(a).cmp(&fold(b)),
            (Value::Binary(a), Value::Binary(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

/// Exchange compares text without regard to case.
fn fold(text: &str) -> String {
    text.to_lowercase()
}
