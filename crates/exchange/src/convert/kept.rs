//! What Exchange has no place for is kept in named properties of our own, beside the native ones.
//!
//! The text as the client wrote it, tied to the native fields by their digest: while these are the same it is served
//! octet for octet. Once somebody changed them (Outlook, another client), they win, and only what has no native place
//! is taken from the text.

use std::sync::{Arc, LazyLock};

use ews::{ExtendedField, PropertyKind, PropertySet, Value};

/// The text, with the digest of the native fields it was kept with.
pub(crate) static OBJECT: LazyLock<ExtendedField> = LazyLock::new(|| own("Object", PropertyKind::Binary));
/// The UID, of items that have no native place for one. Listings tell it.
pub(crate) static UID: LazyLock<ExtendedField> = LazyLock::new(|| own("Uid", PropertyKind::String));
/// The name the client gave the object. Listings tell it, so that neither a crash between Exchange and the ID map nor
/// a lost map changes it.
pub(crate) static NAME: LazyLock<ExtendedField> = LazyLock::new(|| own("Name", PropertyKind::String));

fn own(name: &str, kind: PropertyKind) -> ExtendedField {
    ExtendedField::named(PropertySet::Guid(Arc::from(SET)), name, kind)
}

/// A text that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Of the native fields it belongs to; `None` if the gateway died before it knew.
    pub(crate) digest: Option<[u8; 16]>,
    /// The text, as the client wrote it.
    pub(crate) text: String,
}

impl Kept {
    /// What an item keeps, if its shape asked for [`OBJECT`].
    pub(crate) fn of(item: &ews::Item) -> Option<Self> {
        let bytes = item.extended.get(&OBJECT)?.as_binary()?;
        let line = bytes.iter().position(|byte| *byte == b'\n')?;
        let (digest, text) = bytes.split_at(line);
        let text = std::str::from_utf8(text.get(1..)?).ok()?.to_owned();
        Some(Self { digest: decode(digest), text })
    }

    /// Its value in Exchange.
    pub(crate) fn value(&self) -> Value {
        let hex: String = self.digest.iter().flatten().map(|byte| format!("{byte:02x}")).collect();
        Value::Binary(format!("{hex}\n{}", self.text).into_bytes())
    }
}

fn decode(hex: &[u8]) -> Option<[u8; 16]> {
    let number = u128::from_str_radix(std::str::from_utf8(hex).ok().filter(|hex| hex.len() == 32)?, 16).ok()?;
    Some(number.to_be_bytes())
}

/// The gateway's own property set.
const SET: &str = "7f6a3c1e-5b0d-4c53-9c8e-2e1b6c0a4d11";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_comes_back_and_a_missing_one_is_none() {
        let digest = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255];
        for digest in [Some(digest), None] {
            let kept = Kept { digest, text: "BEGIN:VCARD\r\nNOTE:\u{e4}\r\n".to_owned() };
            let Value::Binary(bytes) = kept.value() else { panic!() };
            let (head, _) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap());
            assert_eq!(decode(head), digest);
        }
        assert_eq!(decode(b"+1"), None);
    }
}
