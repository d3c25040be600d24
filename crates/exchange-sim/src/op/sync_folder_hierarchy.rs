//! SyncFolderHierarchy.

use super::{Call, FolderPlace, Reply, Trouble, respond};
use crate::{
    Version,
    property::{Shape, write_folder},
    soap::{Element, Fault, Writer},
    store::ids::Target,
    sync::{SyncKind, SyncState},
};

pub(super) fn sync_folder_hierarchy(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let reply = sync(call, request);
    let empty = "<m:SyncState/><m:IncludesLastFolderInRange>true</m:IncludesLastFolderInRange>";
    Ok(respond("SyncFolderHierarchy", empty, vec![reply]))
}

fn sync(call: &Call<'_>, request: &Element) -> Reply {
    let shape = Shape::read(request.child("FolderShape"), false)?;
    let root = root(call, request)?;
    call.only_private(root)?;
    let mailbox = &call.organisation.mailboxes[root.mailbox];
    let given = request.child_text("SyncState").unwrap_or_default();
    let mut state = SyncState::read(given, mailbox.guid, SyncKind::Hierarchy, root.folder)?;
    let base = state.base;
    state.base = mailbox.last_change();

    let mut changes = Writer::new();
    for folder in mailbox.folders.values() {
        if folder.key == root.folder || !mailbox.is_below(folder.key, root.folder) || folder.changed <= base {
            continue;
        }
        let rights = call.rights(FolderPlace { mailbox: root.mailbox, folder: folder.key });
        if !rights.any() {
            continue;
        }
        let change = if folder.key > base { "t:Create" } else { "t:Update" };
        changes.open(change, &[]);
        write_folder(&mut changes, mailbox, folder, &shape, call.version, &rights);
        changes.close(change);
    }
    // REQ SYNC_R37811001: 2007 does not tell of deleted folders.
    if call.organisation.options.version > Version::Exchange2007Sp1 {
        for (_, folder) in mailbox.deleted_folders.range(base + 1..).filter(|(_, folder)| **folder <= base) {
            let id = mailbox.id(Target::Folder { folder: *folder });
            changes.open("t:Delete", &[]);
            changes.empty("t:FolderId", &[("Id", &id), ("ChangeKey", "AQAAAA==")]);
            changes.close("t:Delete");
        }
    }
    let mut w = Writer::new();
    w.text("m:SyncState", &state.write());
    w.flag("m:IncludesLastFolderInRange", true);
    w.open("m:Changes", &[]);
    w.append(&changes.finish());
    w.close("m:Changes");
    Ok(w.finish())
}

fn root(call: &Call<'_>, request: &Element) -> Result<FolderPlace, Trouble> {
    match request.child("SyncFolderId") {
        None => {
            let folder =
                call.organisation.mailboxes[call.me].distinguished("msgfolderroot").ok_or_else(Trouble::not_found)?;
            Ok(FolderPlace { mailbox: call.me, folder })
        }
        some => call.target_folder(some).map_err(folder_gone),
    }
}

/// Sync calls have a code of their own for a folder that is not there.
pub(super) fn folder_gone(trouble: Trouble) -> Trouble {
    match trouble.code {
        "ErrorItemNotFound" => Trouble::new(
            "ErrorSyncFolderNotFound",
            "The folder for which synchronization is requested could not be found.",
        ),
        _ => trouble,
    }
}
