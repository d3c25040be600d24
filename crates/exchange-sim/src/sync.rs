//! Sync states: opaque to clients, bound to one folder of one mailbox and one kind of call.
//!
//! A round of synchronisation goes from the change `base` (0 at first) to the change `snapshot`, in three phases:
//! new items by the change that brought them, then changed items, then departures. `cursor` is where the last page
//! ended. Changes made while a round goes on are above `snapshot` and belong to the next one.

use base64::{Engine, engine::general_purpose::STANDARD};
use uuid::Uuid;

use crate::{op::Trouble, store::ids::digest};

/// Which call a state is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyncKind {
    Hierarchy = 1,
    Items = 2,
}

/// What a page of SyncFolderItems begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Create = 0,
    Update = 1,
    Delete = 2,
}

/// A sync state, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SyncState {
    /// The mailbox guid of when it was given.
    pub(crate) mailbox: Uuid,
    pub(crate) kind: SyncKind,
    pub(crate) folder: u64,
    pub(crate) base: u64,
    pub(crate) snapshot: u64,
    pub(crate) phase: Phase,
    pub(crate) cursor: u64,
}

impl SyncState {
    /// The state before the first round.
    pub(crate) fn start(mailbox: Uuid, kind: SyncKind, folder: u64) -> SyncState {
        SyncState { mailbox, kind, folder, base: 0, snapshot: 0, phase: Phase::Create, cursor: 0 }
    }

    /// As the client keeps it.
    pub(crate) fn write(&self) -> String {
        let mut bytes = MAGIC.to_vec();
        bytes.push(self.kind as u8);
        bytes.push(self.phase as u8);
        bytes.extend(self.mailbox.as_bytes());
        for number in [self.folder, self.base, self.snapshot, self.cursor] {
            bytes.extend(number.to_le_bytes());
        }
        let check = digest(&[&bytes]);
        bytes.extend(&check[..8]);
        STANDARD.encode(bytes)
    }

    /// Reads a state and holds it against what it is used for. An empty one starts anew.
    pub(crate) fn read(text: &str, mailbox: Uuid, kind: SyncKind, folder: u64) -> Result<SyncState, Trouble> {
        if text.trim().is_empty() {
            return Ok(SyncState::start(mailbox, kind, folder));
        }
        decode(text.trim())
            .filter(|state| state.mailbox == mailbox && state.kind == kind && state.folder == folder)
            .ok_or_else(|| {
                Trouble::new("ErrorInvalidSyncStateData", "Synchronization state data is corrupt or otherwise invalid.")
            })
    }
}

fn decode(text: &str) -> Option<SyncState> {
    let bytes = STANDARD.decode(text).ok()?;
    let (content, check) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
    if digest(&[content])[..8] != *check {
        return None;
    }
    let rest = content.strip_prefix(MAGIC)?;
    let (&[kind, phase], rest) = rest.split_first_chunk::<2>()?;
    let (mailbox, rest) = rest.split_first_chunk::<16>()?;
    let mut numbers = rest.chunks_exact(8).map(|chunk| chunk.try_into().map(u64::from_le_bytes).unwrap_or_default());
    Some(SyncState {
        mailbox: Uuid::from_bytes(*mailbox),
        kind: if kind == SyncKind::Hierarchy as u8 { SyncKind::Hierarchy } else { SyncKind::Items },
        phase: [Phase::Create, Phase::Update, Phase::Delete].into_iter().find(|known| *known as u8 == phase)?,
        folder: numbers.next()?,
        base: numbers.next()?,
        snapshot: numbers.next()?,
        cursor: numbers.next()?,
    })
}

const MAGIC: &[u8] = &[0x1f, 0x8b, 0x08, 0x00];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_good_for_one_folder_only() {
        let mailbox = Uuid::from_u128(3);
        let state = SyncState {
            base: 7,
            snapshot: 9,
            cursor: 8,
            phase: Phase::Update,
            ..SyncState::start(mailbox, SyncKind::Items, 5)
        };
        let text = state.write();
        assert_eq!(SyncState::read(&text, mailbox, SyncKind::Items, 5), Ok(state));
        assert!(SyncState::read("", mailbox, SyncKind::Items, 5).is_ok());
        for wrong in [
            SyncState::read(&text, mailbox, SyncKind::Items, 6),
            SyncState::read(&text, mailbox, SyncKind::Hierarchy, 5),
            SyncState::read(&text, Uuid::from_u128(4), SyncKind::Items, 5),
            SyncState::read(&text[..text.len() - 4], mailbox, SyncKind::Items, 5),
            SyncState::read(&text.replacen('A', "B", 1), mailbox, SyncKind::Items, 5),
            SyncState::read("x", mailbox, SyncKind::Items, 5),
        ] {
            assert_eq!(wrong.unwrap_err().code, "ErrorInvalidSyncStateData");
        }
    }
}
