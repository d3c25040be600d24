//! SyncFolderItems.

use super::{Call, FolderPlace, Reply, is_private, respond, sync_folder_hierarchy::folder_gone};
use crate::{
    Version,
    property::{Base, Shape, View, write_item, write_item_id},
    soap::{Element, Fault, Writer},
    store::{
        Folder, Item,
        ids::{self, Target},
    },
    sync::{Phase, SyncKind, SyncState},
};

pub(super) fn sync_folder_items(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let reply = sync(call, request);
    // Recorded: errors too bring an empty state that claims to be the last.
    let empty = "<m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>";
    Ok(respond("SyncFolderItems", empty, vec![reply]))
}

/// One change to tell of.
enum Change<'a> {
    Create(&'a Item),
    Update(&'a Item),
    ReadFlag(&'a Item),
    Delete(u64),
}

fn sync(call: &Call<'_>, request: &Element) -> Reply {
    let shape = Shape::read(request.child("ItemShape"), true)?;
    let place = call.target_folder(request.child("SyncFolderId")).map_err(folder_gone)?;
    call.only_private(place)?;
    call.may_read(place)?;
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    let folder = mailbox.folders.get(&place.folder).ok_or_else(super::Trouble::not_found)?;
    let given = request.child_text("SyncState").unwrap_or_default();
    let mut state = SyncState::read(given, mailbox.guid, SyncKind::Items, place.folder)?;
    let room = request.child_text("MaxChangesReturned").and_then(|number| number.parse().ok()).unwrap_or(MOST);
    let associated = request.child_text("SyncScope") == Some("NormalAndAssociatedItems");
    let newest_first = call.organisation.options.version >= Version::Exchange2010Sp2;

    if state.snapshot == 0 {
        state.snapshot = mailbox.last_change();
    }
    let mut changes = Vec::new();
    let done = page(folder, &mut state, room.min(MOST), newest_first, &mut changes);
    if done {
        state = SyncState { base: state.snapshot, ..SyncState::start(mailbox.guid, SyncKind::Items, place.folder) };
    }
    let mut w = Writer::new();
    w.text("m:SyncState", &state.write());
    w.flag("m:IncludesLastItemInRange", done);
    let ignored: Vec<u64> = request.list("Ignore").iter().filter_map(|id| Some(call.item(id).ok()?.item)).collect();
    let private = call.rights(place).private;
    w.open("m:Changes", &[]);
    for change in changes {
        match change {
            Change::Create(item) | Change::Update(item) | Change::ReadFlag(item) if ignored.contains(&item.key) => {}
            Change::Create(item) | Change::Update(item) if item.associated && !associated => {}
            Change::Create(item) | Change::Update(item) if !private && is_private(item) => {}
            Change::Create(item) => write(&mut w, call, place, folder, item, "t:Create", &shape),
            Change::Update(item) => write(&mut w, call, place, folder, item, "t:Update", &shape),
            Change::ReadFlag(item) => {
                w.open("t:ReadFlagChange", &[]);
                write_item_id(&mut w, mailbox, folder.key, item);
                w.flag("t:IsRead", item.read);
                w.close("t:ReadFlagChange");
            }
            Change::Delete(item) => {
                let id = mailbox.id(Target::Item { folder: folder.key, item });
                w.open("t:Delete", &[]);
                w.empty("t:ItemId", &[("Id", &id), ("ChangeKey", &ids::change_key(mailbox.guid, 9, item))]);
                w.close("t:Delete");
            }
        }
    }
    w.close("m:Changes");
    Ok(w.finish())
}

/// Collects the changes of one page and moves the state on; tells whether the round is at its end.
fn page<'a>(
    folder: &'a Folder,
    state: &mut SyncState,
    room: usize,
    newest_first: bool,
    changes: &mut Vec<Change<'a>>,
) -> bool {
    let (base, snapshot) = (state.base, state.snapshot);
    if state.phase == Phase::Create {
        // A cursor of 0 has not given anything yet.
        let arrivals: Vec<&Item> = match (newest_first, state.cursor) {
            (true, 0) => folder
                .items
                .range(base + 1..snapshot.max(base) + 1)
                .rev()
                .map(|(_, item)| item)
                .take(room + 1)
                .collect(),
            (true, cursor) => {
                folder.items.range(base + 1..cursor.max(base + 1)).rev().map(|(_, item)| item).take(room + 1).collect()
            }
            (false, cursor) => folder
                .items
                .range(cursor.max(base) + 1..snapshot.max(cursor).max(base) + 1)
                .map(|(_, item)| item)
                .take(room + 1)
                .collect(),
        };
        for item in arrivals {
            if changes.len() == room {
                return false;
            }
            state.cursor = item.key;
            changes.push(Change::Create(item));
        }
        (state.phase, state.cursor) = (Phase::Update, 0);
    }
    if state.phase == Phase::Update {
        for (change, key) in folder.changes.range(state.cursor.max(base) + 1..) {
            let Some(item) = folder.items.get(key).filter(|item| *change <= snapshot && item.key <= base) else {
                continue;
            };
            if changes.len() == room {
                return false;
            }
            state.cursor = *change;
            changes.push(if item.altered > base { Change::Update(item) } else { Change::ReadFlag(item) });
        }
        (state.phase, state.cursor) = (Phase::Delete, 0);
    }
    for (change, key) in folder.departures.range(state.cursor.max(base) + 1..) {
        if *change > snapshot || *key > base {
            continue;
        }
        if changes.len() == room {
            return false;
        }
        state.cursor = *change;
        changes.push(Change::Delete(*key));
    }
    true
}

fn write(
    w: &mut Writer,
    call: &Call<'_>,
    place: FolderPlace,
    folder: &Folder,
    item: &Item,
    change: &str,
    shape: &Shape,
) {
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    w.open(change, &[]);
    if shape.base == Base::IdOnly && shape.additional.is_empty() {
        let element = format!("t:{}", item.kind.facts().0);
        w.open(&element, &[]);
        write_item_id(w, mailbox, folder.key, item);
        w.close(&element);
    } else {
        let view = View::new(mailbox, folder, item, call.version, call.organisation.options.mime, 0)
            .in_zone(call.zone.clone())
            .for_user(call.rights(place), &call.organisation.mailboxes[call.me].address);
        write_item(w, &view, shape);
    }
    w.close(change);
}

/// MaxSyncChangesReturnedType.
const MOST: usize = 512;
