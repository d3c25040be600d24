//! Values as the tables hold them.

use crate::sql::{Column, Connection, OptionalExtension, Parameter, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use mailbox::{EmailId, Flags, FolderId, Keyword, SystemFlags, ThreadId, Uid};

use super::fault::{Fault, Outcome, RESTORE};
use crate::key::{self, Hash};
use crate::{Error, Item};

/// An item, ready for the tables.
#[derive(Clone, Debug)]
pub(crate) struct Coded {
    pub(crate) hash: Hash,
    /// `None` in what an older version of the program wrote for new content.
    pub(crate) bind: Option<Hash>,
    pub(crate) stamp: Hash,
    pub(crate) article: Option<u32>,
    pub(crate) flags: FlagBits,
    pub(crate) received: i64,
    pub(crate) size: i64,
    pub(crate) thread_id: Option<Hash>,
    pub(crate) draft: bool,
    pub(crate) change_key: Opaque,
    pub(crate) item_id: Opaque,
    pub(crate) message_id: Option<String>,
}

impl Coded {
    pub(crate) fn new(connection: &Connection, item: &Item) -> Outcome<Self> {
        Ok(Self {
            hash: key::item_id(&item.item_id),
            bind: Some(key::rebind(item)),
            stamp: item.stamp,
            article: item.article,
            flags: FlagBits::new(connection, &item.flags)?,
            received: item.received.as_second(),
            size: i64::try_from(item.size).unwrap_or(i64::MAX >> 24),
            thread_id: item.conversation.as_deref().map(|conversation| key::thread(conversation).0),
            draft: item.draft,
            change_key: Opaque::new(&item.change_key),
            item_id: Opaque::new(&item.item_id),
            message_id: item.message_id.clone(),
        })
    }
}

/// Flags: a byte, and the numbers of the keywords, each in groups of seven bits, the lowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct FlagBits {
    pub(crate) system: u8,
    pub(crate) keywords: Option<Vec<u8>>,
}

impl FlagBits {
    pub(crate) fn new(connection: &Connection, flags: &Flags) -> Outcome<Self> {
        let mut keywords = Vec::new();
        for keyword in flags.keywords() {
            let mut number = keyword_number(connection, keyword.as_str())?;
            while number >= 0x80 {
                keywords.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
                number >>= 7;
            }
            keywords.push(u8::try_from(number).unwrap_or_default());
        }
        Ok(Self { system: flags.system.0, keywords: (!keywords.is_empty()).then_some(keywords) })
    }

    pub(crate) fn decoded(&self, connection: &Connection) -> Outcome<Flags> {
        let mut names = Vec::new();
        let (mut number, mut shift) = (0i64, 0u32);
        for byte in self.keywords.iter().flatten() {
            number |= i64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
            shift += 7;
            if byte & 0x80 == 0 {
                names.extend(keyword_name(connection, number)?);
                (number, shift) = (0, 0);
            }
        }
        Ok(Flags::new(SystemFlags(self.system), names))
    }

    pub(crate) fn has(&self, flag: SystemFlags) -> bool {
        SystemFlags(self.system).contains(flag)
    }

    /// Equal but for order and case.
    pub(crate) fn same(&self, other: &Self, connection: &Connection) -> Outcome<bool> {
        Ok(self == other || (self.system == other.system && self.decoded(connection)? == other.decoded(connection)?))
    }
}

fn keyword_number(connection: &Connection, name: &str) -> Outcome<i64> {
    let mut find = connection.prepare_cached("SELECT id FROM keyword WHERE name = ?1")?;
    if let Some(number) = find.query_row([name], |row| row.get(0)).optional()? {
        return Ok(number);
    }
    let mut add = connection.prepare_cached("INSERT INTO keyword (name) VALUES (?1) RETURNING id")?;
    Ok(add.query_row([name], |row| row.get(0))?)
}

fn keyword_name(connection: &Connection, number: i64) -> Outcome<Option<Keyword>> {
    let mut find = connection.prepare_cached("SELECT name FROM keyword WHERE id = ?1")?;
    let name: Option<String> = find.query_row([number], |row| row.get(0)).optional()?;
    Ok(name.as_deref().map(Keyword::new))
}

/// An id of Exchange's. They are base64, three quarters as long once decoded; one that is not is kept as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opaque {
    Base64(Vec<u8>),
    Other(String),
}

impl Opaque {
    pub(crate) fn new(text: &str) -> Self {
        match STANDARD.decode(text) {
            // The decoder is strict, yet what cannot be encoded back exactly must not be decoded.
            Ok(bytes) if !bytes.is_empty() && STANDARD.encode(&bytes) == text => Self::Base64(bytes),
            _ => Self::Other(text.to_owned()),
        }
    }

    pub(crate) fn text(self) -> String {
        match self {
            Self::Base64(bytes) => STANDARD.encode(bytes),
            Self::Other(text) => text,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Base64(bytes) => bytes,
            Self::Other(text) => text.as_bytes(),
        }
    }
}

impl Parameter for Opaque {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Base64(bytes) => Value::Bytes(bytes),
            Self::Other(text) => Value::Text(text),
        }
    }
}

/// A server keeps all of them as text.
impl Column for Opaque {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(Self::Base64(bytes.to_vec())),
            Value::Text(text) => Some(Self::new(text)),
            Value::Null | Value::Integer(_) | Value::Other => None,
        }
    }
}

/// Folder and UID in one number, so that a folder's messages lie together in the order of their UIDs.
pub(crate) fn item_key(folder: i64, uid: u32) -> i64 {
    folder << 32 | i64::from(uid)
}

/// The first and the last key a folder can have.
pub(crate) fn item_keys(folder: i64) -> (i64, i64) {
    (item_key(folder, 0), item_key(folder, u32::MAX))
}

/// The UID in a key.
pub(crate) fn uid(key: i64) -> Outcome<Uid> {
    u32::try_from(key & i64::from(u32::MAX)).ok().and_then(Uid::new).ok_or_else(|| damaged("a UID"))
}

/// A folder's number in the tables.
pub(crate) fn folder_number(folder: FolderId) -> Outcome<i64> {
    i64::try_from(folder.0).ok().filter(|number| *number < 1 << 31).ok_or(Fault::Answer(Error::NoFolder(folder)))
}

pub(crate) fn folder_id(number: i64) -> FolderId {
    FolderId(number.unsigned_abs())
}

pub(crate) fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

pub(crate) fn email_id(bytes: Hash) -> EmailId {
    EmailId(bytes)
}

pub(crate) fn thread_id(bytes: Option<Hash>) -> Option<ThreadId> {
    bytes.map(ThreadId)
}

/// A value in the tables that this program never writes.
pub(crate) fn damaged(what: &str) -> Fault {
    Fault::Unusable(format!("{what} in it makes no sense; {RESTORE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_exactly() {
        for text in ["", "AAMkAb==", "AAMkAQ==", "AAMkAR==", "not base64", "AQAAAA==", "AAMk", "ä"] {
            assert_eq!(Opaque::new(text).text(), text);
        }
        assert_eq!(Opaque::new("AQAAAA==").bytes(), [1, 0, 0, 0]);
    }
}
