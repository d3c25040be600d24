//! What makes two items the same: hashes of what Exchange says of them.
//!
//! Message-ID is chosen by the sender, shared by copies, forged, or missing, so it never stands alone. Every hash is
//! the first half of a SHA-256 over parts that each carry their length, so that no two lists of parts run together.

use mailbox::{EmailId, ThreadId};
use sha2::{Digest, Sha256};

use crate::Item;

/// Sixteen bytes of SHA-256.
pub(crate) type Hash = [u8; 16];

/// Finds an item by its ItemId, which is case-sensitive.
pub(crate) fn item_id(item_id: &str) -> Hash {
    digest("item", &[item_id.as_bytes()])
}

/// What copies of a message share, and other messages do not. The same for ever, so that a lost map costs little.
/// `None` if Exchange says too little to tell.
pub(crate) fn content(item: &Item) -> Option<EmailId> {
    let message_id = item.message_id.as_deref().unwrap_or_default().as_bytes();
    let size = item.size.to_be_bytes();
    let hash = match (&item.search_key, &item.message_id) {
        (Some(search_key), _) => digest("searched", &[message_id, search_key, &size, &item.stamp]),
        (None, Some(_)) => digest("dated", &[message_id, &received(item), &size, &item.stamp]),
        (None, None) => return None,
    };
    Some(EmailId(hash))
}

/// By which an item is found again after its ItemId changed. Its size, which a migration may change, is compared apart.
pub(crate) fn rebind(item: &Item) -> Hash {
    let message_id = item.message_id.as_deref().unwrap_or_default().as_bytes();
    let search_key = item.search_key.as_deref().unwrap_or_default();
    digest("rebind", &[message_id, search_key, &received(item), &item.stamp])
}

/// By which an object is found again after its ItemId changed.
pub(crate) fn object(bind: &[u8]) -> Hash {
    digest("object", &[bind])
}

/// ConversationIds have any length, THREADIDs have one.
pub(crate) fn thread(conversation: &[u8]) -> ThreadId {
    ThreadId(digest("thread", &[conversation]))
}

/// A short hash of a ChangeKey, to know one again.
pub(crate) fn change_key(change_key: &[u8]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = digest("change", &[change_key]);
    [a, b, c, d, e, f, g, h]
}

fn received(item: &Item) -> [u8; 8] {
    item.received.as_second().to_be_bytes()
}

fn digest(purpose: &str, parts: &[&[u8]]) -> Hash {
    let mut sha = Sha256::new();
    for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part);
    }
    let whole: [u8; 32] = sha.finalize().into();
    let mut half = [0; 16];
    half.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(digest("x", &[b"ab", b"c"]), digest("x", &[b"a", b"bc"]));
        assert_ne!(digest("x", &[b"ab"]), digest("xa", &[b"b"]));
        assert_ne!(item_id("AAMkAbc="), item_id("AAMkABC="));
    }
}
