//! An EWS answer from anywhere, in pieces of any size: read or refused, never a panic, and the same either way.

use ews::op::find_item::{FindItem, Traversal};
use ews::op::get_item::GetItem;
use ews::op::get_streaming_events::GetStreamingEvents;
use ews::op::sync_folder_items::SyncFolderItems;
use ews::soap::{read, skim};
use ews::{DistinguishedFolder, ItemId, ItemShape};

pub fn run(input: &[u8]) {
    let Some((piece, answer)) = input.split_first() else { return };
    let pieces = || answer.chunks(usize::from(*piece).max(1));
    match (skim([answer]), skim(pieces())) {
        (Ok(whole), Ok(pieced)) => assert_eq!(whole, pieced),
        (whole, pieced) => assert_eq!(whole.is_err(), pieced.is_err()),
    }
    let folder = DistinguishedFolder::Inbox;
    let shape = ItemShape::default;
    let sync = SyncFolderItems { folder: folder.into(), shape: shape(), state: None, max: 1 };
    if let Ok(page) = read(&sync, pieces()) {
        assert!(!page.state.is_empty());
    }
    let _ = read(&GetItem { items: vec![ItemId::new("x").into()], shape: shape() }, pieces());
    let _ = read(&GetStreamingEvents { subscriptions: Vec::new(), minutes: 1 }, pieces());
    let (condition, sort, page, traversal) = (None, Vec::new(), None, Traversal::Shallow);
    let _ = read(&FindItem { folder: folder.into(), shape: shape(), condition, sort, page, traversal }, pieces());
}
