//! The folders as a client sees them: the user's own, and those of the mailboxes beside it.

use std::collections::HashSet;
use std::sync::Arc;

use idmap::IdMap;
use mailbox::{Access, Folder, FolderId, FolderPath, Subscription};

use super::place::{self, Number, OTHERS, Root};
use crate::error::Result;
use crate::live::Live;

impl Live {
    /// A folder as a client sees it.
    pub(crate) async fn folder_at(self: &Arc<Self>, path: &FolderPath) -> Result<Option<Folder>> {
        if path.is_inbox()
            && let Some(inbox) = self.inbox_at_sign_in().await?
        {
            return Ok(Some(inbox));
        }
        Ok(self.all_folders().await?.iter().find(|folder| folder.path == *path).cloned())
    }

    /// The folders as a client sees them: the user's own, and those of the mailboxes that were found.
    pub(crate) async fn all_folders(self: &Arc<Self>) -> Result<Arc<[Folder]>> {
        let own = Arc::clone(&self.listing().await?.folders);
        let rows = self.rows().await?;
        if !rows.iter().any(|row| row.shown) {
            return Ok(own);
        }
        let names = self.names().await?;
        let wishes = self.map.subscriptions().await?;
        let mut all: Vec<Folder> = own.to_vec();
        let others = FolderPath(vec![names.others.clone()]);
        if rows.iter().any(|row| row.shown && matches!(row.root, Root::Other(_))) {
            all.push(container(place::global(OTHERS, FolderId(0)), others, true, &wishes));
        }
        for row in rows.into_iter().filter(|row| row.shown) {
            let (number, live) = self.mount(&row.root).await?;
            if live.visited.verdict().is_err() {
                continue;
            }
            let above = names.path(&row.root);
            let listing = live.known_listing().await?;
            let unknown = live.map.hierarchy_state().await?.is_none();
            let has_children = unknown || !listing.folders.is_empty();
            all.push(container(place::global(number, FolderId(0)), above.clone(), has_children, &wishes));
            all.extend(listing.folders.iter().map(|folder| live.shown(folder, number, &above, &wishes)));
        }
        Ok(all.into())
    }

    /// A folder of this mailbox, as it stands in the tree of the user whose it is not.
    fn shown(
        &self,
        folder: &Folder,
        number: Number,
        above: &FolderPath,
        wishes: &[(FolderPath, Subscription)],
    ) -> Folder {
        let facts = self.facts.of(folder.id);
        let path = FolderPath([above.0.as_slice(), folder.path.0.as_slice()].concat());
        let wish = wishes.iter().find(|(other, _)| *other == path).map(|(_, wish)| *wish);
        Folder {
            id: place::global(number, folder.id),
            selectable: folder.selectable && facts.read,
            has_children: folder.has_children || facts.children,
            // A client that looks for the folder to put sent mail in must find the user's own.
            special_use: None,
            // The archive is the user's own: it is shown like the mailbox. What is others' only if it is wanted.
            subscribed: match self.root {
                Root::Archive => wish != Some(Subscription::Unsubscribed),
                _ => wish == Some(Subscription::Subscribed),
            },
            access: if facts.write { Access::ReadWrite } else { Access::ReadOnly },
            path,
        }
    }

    /// Paths that are subscribed, in whatever mailbox.
    pub(crate) async fn all_subscriptions(self: &Arc<Self>) -> Result<Vec<FolderPath>> {
        let mut subscribed = self.listing().await?.subscribed.clone();
        let known: HashSet<FolderPath> = subscribed.iter().cloned().collect();
        let all = self.all_folders().await?;
        let wanted = all.iter().filter(|folder| folder.subscribed && !known.contains(&folder.path));
        subscribed.extend(wanted.map(|folder| folder.path.clone()));
        Ok(subscribed)
    }
}

/// A folder that only holds others.
fn container(id: FolderId, path: FolderPath, has_children: bool, wishes: &[(FolderPath, Subscription)]) -> Folder {
    let subscribed = wishes.iter().any(|(other, wish)| *other == path && *wish == Subscription::Subscribed);
    Folder { id, selectable: false, has_children, special_use: None, subscribed, access: Access::ReadOnly, path }
}
