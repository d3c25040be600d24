//! Ids, change keys and sync states, laid out as MS-OXWSITEMID and recordings show them.
//!
//! ```text
//! id        = compression(0) storage(3) LE16(36) mailbox-guid-text instruction(0) LE16(length) entry-id [attachments]
//! folder    = flags(4) provider(16) LE16(1) database-guid(16) counter(6) pad(2)                    46 bytes
//! message   = flags(4) provider(16) LE16(7) folder-guid(16) counter(6) pad(2)
//!             message-guid(16) counter(6) pad(2)                                                    70 bytes
//! public folder = compression(0) storage(1) LE16(length) entry-id
//! public item   = compression(0) storage(2) instruction(0) LE16(length) entry-id LE16(length) folder-entry-id [attachments]
//! changekey = LE32(object type) LE32(0x16) guid(16) counter(6)
//! ```

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What an id leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Folder {
        folder: u64,
    },
    Item {
        folder: u64,
        item: u64,
    },
    /// The occurrence that the pattern of a recurring item gives on a day.
    Occurrence {
        folder: u64,
        item: u64,
        day: i64,
    },
    /// An attachment of such an occurrence.
    OccurrenceAttachment {
        folder: u64,
        item: u64,
        day: i64,
        number: u32,
    },
    Attachment {
        folder: u64,
        item: u64,
        number: u32,
    },
}

impl Target {
    /// The folder an item or attachment is in.
    fn folder(self) -> Option<u64> {
        match self {
            Target::Folder { .. } => None,
            Target::Item { folder, .. }
            | Target::Occurrence { folder, .. }
            | Target::OccurrenceAttachment { folder, .. }
            | Target::Attachment { folder, .. } => Some(folder),
        }
    }

    /// The day of an occurrence.
    fn day(self) -> Option<i64> {
        match self {
            Target::Occurrence { day, .. } | Target::OccurrenceAttachment { day, .. } => Some(day),
            _ => None,
        }
    }
}

/// An id, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// The mailbox guid in it.
    pub(crate) mailbox: Uuid,
    pub(crate) target: Target,
}

/// The id of something in the mailbox that now goes by `mailbox`.
pub(crate) fn encode(mailbox: Uuid, target: Target) -> String {
    let entry = entry_id(mailbox, target);
    let mut bytes = match (is_public(mailbox), target) {
        (true, Target::Folder { .. }) => vec![0, 1],
        (true, _) => vec![0, 2],
        (false, _) => {
            let mut bytes = vec![0, 3];
            bytes.extend(36u16.to_le_bytes());
            bytes.extend(mailbox.hyphenated().to_string().as_bytes());
            bytes
        }
    };
    if bytes != [0, 1] {
        // IdProcessingInstruction: Normal or Recurrence.
        bytes.push(u8::from(target.day().is_some()));
    }
    sized(&mut bytes, &entry);
    if let (true, Some(folder)) = (bytes.get(1) == Some(&2), target.folder()) {
        sized(&mut bytes, &entry_id(mailbox, Target::Folder { folder }));
    }
    if let Target::Attachment { number, .. } | Target::OccurrenceAttachment { number, .. } = target {
        bytes.push(1);
        bytes.extend(16u16.to_le_bytes());
        bytes.extend(&provider(mailbox)[..12]);
        bytes.extend(number.to_le_bytes());
    }
    STANDARD.encode(bytes)
}

/// A length and so many bytes.
fn sized(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend(u16::try_from(part.len()).unwrap_or_default().to_le_bytes());
    bytes.extend(part);
}

/// A guid for a tree of public folders: the ids in it do not hold it, and have another layout. It is known by its version.
pub(crate) fn public_guid() -> Uuid {
    uuid::Builder::from_custom_bytes(Uuid::new_v4().into_bytes()).into_uuid()
}

fn is_public(mailbox: Uuid) -> bool {
    mailbox.get_version_num() == 8
}

/// The MAPI entry id (PidTagEntryId) of a folder or item.
pub(crate) fn entry_id(mailbox: Uuid, target: Target) -> Vec<u8> {
    let mut entry = vec![0; 4];
    entry.extend(provider(mailbox));
    match target {
        Target::Folder { folder } => {
            entry.extend(1u16.to_le_bytes());
            counter(&mut entry, mailbox, folder);
        }
        Target::Item { folder, item }
        | Target::Attachment { folder, item, .. }
        | Target::Occurrence { folder, item, .. }
        | Target::OccurrenceAttachment { folder, item, .. } => {
            entry.extend(7u16.to_le_bytes());
            counter(&mut entry, mailbox, folder);
            counter(&mut entry, mailbox, item);
            if let Some(day) = target.day() {
                entry.extend(day.to_le_bytes());
            }
        }
    }
    entry
}

/// Reads an id; `None` if it is malformed.
pub(crate) fn decode(id: &str) -> Option<Decoded> {
    let bytes = STANDARD.decode(id).ok()?;
    if let Some(rest) = bytes.strip_prefix(&[0, 1]) {
        let (entry, rest) = read_sized(rest)?;
        let mailbox = public_of(entry).filter(|_| rest.is_empty())?;
        let target = decode_entry(mailbox, entry).filter(|target| matches!(target, Target::Folder { .. }))?;
        return Some(Decoded { mailbox, target });
    }
    let public = bytes.strip_prefix(&[0, 2]);
    let (mut mailbox, rest) = match public {
        Some(rest) => (None, rest),
        None => {
            let (guid, rest) = bytes.strip_prefix(&[0, 3, 36, 0])?.split_at_checked(36)?;
            (Some(Uuid::parse_str(std::str::from_utf8(guid).ok()?).ok()?), rest)
        }
    };
    let (instruction, rest) = rest.split_first()?;
    let (entry, mut attachment) = read_sized(rest)?;
    if public.is_some() {
        mailbox = public_of(entry);
        (_, attachment) = read_sized(attachment)?;
    }
    let mailbox = mailbox?;
    if *instruction == 1 {
        let (entry, day) = entry.split_last_chunk()?;
        let Target::Item { folder, item } = decode_entry(mailbox, entry)? else { return None };
        let day = i64::from_le_bytes(*day);
        let target = match attachment {
            [] => Target::Occurrence { folder, item, day },
            _ => Target::OccurrenceAttachment { folder, item, day, number: read_number(attachment)? },
        };
        return Some(Decoded { mailbox, target });
    }
    let target = decode_entry(mailbox, entry).filter(|_| *instruction == 0)?;
    let target = match (target, attachment) {
        (target, []) => target,
        (Target::Item { folder, item }, attachment) => {
            Target::Attachment { folder, item, number: read_number(attachment)? }
        }
        _ => return None,
    };
    Some(Decoded { mailbox, target })
}

/// What [`sized`] wrote, and the rest.
fn read_sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))
}

/// The guid of the tree an entry id is of: it is in its provider.
fn public_of(entry: &[u8]) -> Option<Uuid> {
    let bytes: [u8; 16] = entry.get(4..20)?.try_into().ok()?;
    let mailbox = Uuid::from_bytes(bytes.map(|byte| (byte ^ 0x5c).rotate_right(3)));
    is_public(mailbox).then_some(mailbox)
}

/// The number in the attachment part of an id.
fn read_number(attachment: &[u8]) -> Option<u32> {
    let path = attachment.strip_prefix(&[1, 16, 0])?;
    u32::from_le_bytes(path.get(12..)?.try_into().ok()?).into()
}

/// Reads an entry id of that mailbox.
pub(crate) fn decode_entry(mailbox: Uuid, entry: &[u8]) -> Option<Target> {
    let rest = entry.strip_prefix(&[0; 4])?.strip_prefix(&provider(mailbox))?;
    match rest.split_at_checked(2)? {
        ([1, 0], rest) => {
            let (folder, rest) = read_counter(rest, mailbox)?;
            rest.is_empty().then_some(Target::Folder { folder })
        }
        ([7, 0], rest) => {
            let (folder, rest) = read_counter(rest, mailbox)?;
            let (item, rest) = read_counter(rest, mailbox)?;
            rest.is_empty().then_some(Target::Item { folder, item })
        }
        _ => None,
    }
}

/// A change key. `object` is 1 for folders, 9 for messages, 15 calendar items, 17 contacts.
pub(crate) fn change_key(mailbox: Uuid, object: u32, change: u64) -> String {
    let mut bytes = object.to_le_bytes().to_vec();
    bytes.extend(change_bytes(mailbox, change));
    bytes.splice(4..4, 0x16u32.to_le_bytes());
    STANDARD.encode(bytes)
}

/// The change number in a change key; `None` if it is malformed or of another mailbox.
pub(crate) fn read_change_key(mailbox: Uuid, key: &str) -> Option<u64> {
    let bytes = STANDARD.decode(key).ok()?;
    let (_, rest) = bytes.split_at_checked(4)?;
    let rest = rest.strip_prefix(&0x16u32.to_le_bytes())?.strip_prefix(&database(mailbox))?;
    let mut counter = [0; 8];
    counter.get_mut(2..)?.copy_from_slice(rest.get(..6)?);
    (rest.len() == 6).then_some(u64::from_be_bytes(counter))
}

/// PidTagChangeKey and PidTagSourceKey: guid and counter.
pub(crate) fn change_bytes(mailbox: Uuid, change: u64) -> Vec<u8> {
    let mut bytes = database(mailbox).to_vec();
    bytes.extend(&change.to_be_bytes()[2..]);
    bytes
}

/// A conversation id: 16 bytes that stay, in a wrapping that names the mailbox. Recorded: they are the last 16 of the
/// conversation index.
pub(crate) fn conversation_id(mailbox: Uuid, index: &[u8]) -> String {
    let mut bytes = vec![0, 4];
    bytes.extend(36u16.to_le_bytes());
    bytes.extend(mailbox.hyphenated().to_string().as_bytes());
    bytes.push(0);
    bytes.extend(16u16.to_le_bytes());
    bytes.extend(index.get(6..22).unwrap_or_default());
    STANDARD.encode(bytes)
}

/// SHA-256 of some pieces.
pub(crate) fn digest(pieces: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update(u64::try_from(piece.len()).unwrap_or_default().to_le_bytes());
        hash.update(piece);
    }
    hash.finalize().into()
}

/// Two more guids that go with the mailbox, cheap to make: ids are written by the hundred thousand.
fn provider(mailbox: Uuid) -> [u8; 16] {
    mailbox.into_bytes().map(|byte| byte.rotate_left(3) ^ 0x5c)
}

fn database(mailbox: Uuid) -> [u8; 16] {
    mailbox.into_bytes().map(|byte| byte.rotate_left(5) ^ 0x36)
}

fn counter(entry: &mut Vec<u8>, mailbox: Uuid, number: u64) {
    entry.extend(change_bytes(mailbox, number));
    entry.extend([0, 0]);
}

fn read_counter(bytes: &[u8], mailbox: Uuid) -> Option<(u64, &[u8])> {
    let rest = bytes.strip_prefix(&database(mailbox))?;
    let (number, rest) = rest.split_at_checked(6)?;
    let mut whole = [0; 8];
    whole[2..].copy_from_slice(number);
    Some((u64::from_be_bytes(whole), rest.strip_prefix(&[0, 0])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_back() {
        let mailbox = Uuid::from_u128(7);
        for (target, length) in [
            (Target::Folder { folder: 3 }, 120),
            (Target::Item { folder: 3, item: 1 << 40 }, 152),
            (Target::Attachment { folder: 3, item: 4, number: 9 }, 176),
            (Target::Occurrence { folder: 3, item: 4, day: 20_000 }, 164),
            (Target::OccurrenceAttachment { folder: 3, item: 4, day: -1, number: 9 }, 188),
        ] {
            let id = encode(mailbox, target);
            assert_eq!(id.len(), length);
            assert!(id.starts_with("AAMk"), "{id}");
            assert_eq!(decode(&id), Some(Decoded { mailbox, target }));
        }
    }

    #[test]
    fn ids_of_public_folders_name_no_mailbox_and_lead_back() {
        let mailbox = public_guid();
        for (target, start) in [
            (Target::Folder { folder: 3 }, "AAEu"),
            (Target::Item { folder: 3, item: 4 }, "AAIARg"),
            (Target::Attachment { folder: 3, item: 4, number: 9 }, "AAIARg"),
            (Target::Occurrence { folder: 3, item: 4, day: 20_000 }, "AAIBTg"),
        ] {
            let id = encode(mailbox, target);
            assert!(id.starts_with(start), "{id}");
            assert_eq!(decode(&id), Some(Decoded { mailbox, target }));
        }
    }

    #[test]
    fn what_is_not_an_id_is_malformed() {
        let id = encode(Uuid::from_u128(7), Target::Item { folder: 3, item: 4 });
        for wrong in ["", "x", "AAMk", &id[4..], &id[..148], &format!("{id}AAAA"), &id.to_lowercase()] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn change_keys_name_change_and_mailbox() {
        let mailbox = Uuid::from_u128(7);
        let key = change_key(mailbox, 9, 77);
        assert!(key.starts_with("CQAAABYAAA"), "{key}");
        assert_eq!(key.len(), 40);
        assert_eq!(read_change_key(mailbox, &key), Some(77));
        assert_eq!(read_change_key(Uuid::from_u128(8), &key), None);
    }
}
