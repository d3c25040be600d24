//! CREATE, RENAME, DELETE: folders at Exchange first, then in the map.

use std::sync::Arc;

use ews::op::DeleteType;
use ews::op::create_folder::{CreateFolder, NewFolder};
use ews::op::delete_folder::DeleteFolder;
use ews::op::move_folder::MoveFolder;
use ews::op::update_folder::{FolderUpdate, UpdateFolder};
use ews::{DistinguishedFolder, ErrorKind as Theirs, FolderRef};
use idmap::{ExchangeFolder, FolderRow, IdMap};
use mailbox::{Access, Error, ErrorKind, FolderId, FolderPath, SpecialUse, Uid};

use crate::error::{self, Result, Tried};
use crate::hierarchy::ARCHIVE;
use crate::listing::Listing;
use crate::live::Live;

impl Live {
    /// Makes a folder, and those above it that are missing.
    pub(crate) async fn create_folder(self: &Arc<Self>, path: &FolderPath) -> Result<FolderId> {
        check_names(path)?;
        let before = self.listing().await?;
        if before.at(path).is_some() {
            return Err(exists(path));
        }
        match self.create_all(path).await {
            Err(error) if self.has_other_ids(&error, &before, path).await => self.create_all(path).await,
            made => made,
        }
    }

    async fn create_all(self: &Arc<Self>, path: &FolderPath) -> Result<FolderId> {
        let mut made = None;
        for depth in 1..=path.0.len() {
            let part = FolderPath(path.0.iter().take(depth).cloned().collect());
            if self.known_listing().await?.at(&part).is_none() {
                made = Some(self.create_one(&part).await?);
            }
        }
        made.ok_or_else(|| exists(path))
    }

    /// Makes a folder for a role. Exchange gives those it knows to folders of its own, and has none for archiving in most
    /// mailboxes: that one is kept here.
    pub(crate) async fn create_folder_for(self: &Arc<Self>, path: &FolderPath, role: SpecialUse) -> Result<FolderId> {
        let taken = self.listing().await?.folders.iter().any(|folder| folder.special_use == Some(role));
        if taken || role != SpecialUse::Archive || !self.is_own_path(path).await? {
            let sentence = "a folder has this use already, or none can be given it; make it without a use";
            return Err(Error::new(ErrorKind::Cannot, sentence));
        }
        let made = self.create_folder(path).await?;
        self.map.put_note(ARCHIVE, &made.0.to_string()).await?;
        self.hierarchy.forget();
        Ok(made)
    }

    async fn create_one(self: &Arc<Self>, path: &FolderPath) -> Result<FolderId> {
        let tried = Tried::new(format!("the folder \"{}\" could not be made", path.name()));
        let (parent, parent_id) = self.parent_of(path).await?;
        let folders = vec![NewFolder { name: path.name().to_owned(), class: Some(MAIL.to_owned()) }];
        let answer = self.client()?.call(&CreateFolder { parent, folders }).await;
        let id = match answer {
            Ok(mut answers) => answers.pop().ok_or_else(|| tried.because(&Theirs::Protocol, None))?,
            Err(error) => {
                // It may be there all the same: the listing tells.
                self.hierarchy_changed();
                return Err(self.failed(&tried, &error));
            }
        };
        let id = id.map_err(|error| {
            self.hierarchy_changed();
            tried.refused(&error)
        })?;
        let folder = ExchangeFolder {
            exchange_id: id.id,
            parent: parent_id,
            name: path.name().to_owned(),
            class: Some(MAIL.to_owned()),
            role: None,
            special_use: None,
            hidden: false,
            total: Some(0),
        };
        let id = self.map.put_folder(folder).await?;
        self.hierarchy.forget();
        Ok(id)
    }

    /// True if it failed because Exchange calls a folder, or one above it, otherwise since a migration, which nothing
    /// tells but that the old id is unknown.
    async fn has_other_ids(self: &Arc<Self>, error: &Error, before: &Listing, path: &FolderPath) -> bool {
        if error.kind != ErrorKind::NotFound {
            return false;
        }
        self.hierarchy.due.want();
        if self.look_at_hierarchy().await.is_err() {
            return false;
        }
        let Ok(now) = self.known_listing().await else { return false };
        (1..=path.0.len()).any(|depth| {
            let part = FolderPath(path.0.iter().take(depth).cloned().collect());
            let id = |listing: &Listing| listing.at(&part).map(|row| row.folder.exchange_id.clone());
            id(before).is_some_and(|id_before| id(&now).is_some_and(|id_now| id_now != id_before))
        })
    }

    /// Gives a folder another path.
    pub(crate) async fn rename_folder(self: &Arc<Self>, from: &FolderPath, to: &FolderPath) -> Result<()> {
        check_names(to)?;
        let before = self.listing().await?;
        match self.rename_known(from, to).await {
            Err(error)
                if self.has_other_ids(&error, &before, from).await || self.has_other_ids(&error, &before, to).await =>
            {
                self.rename_known(from, to).await
            }
            done => done,
        }
    }

    async fn rename_known(self: &Arc<Self>, from: &FolderPath, to: &FolderPath) -> Result<()> {
        let listing = self.listing().await?;
        let row = listing.at(from).cloned().ok_or_else(error::no_folder)?;
        if listing.at(to).is_some() {
            return Err(exists(to));
        }
        if from.is_inbox() {
            return self.rename_inbox(row.id, to).await;
        }
        if row.folder.role.is_some() {
            return Err(stays(from));
        }
        if to.is_below(from) {
            let sentence = "a folder cannot be moved into itself; choose another place";
            return Err(Error::new(ErrorKind::Cannot, sentence));
        }
        if let Some(parent) = to.parent().filter(|parent| listing.at(parent).is_none()) {
            self.create_folder(&parent).await?;
        }
        let (parent, parent_id) = self.parent_of(to).await?;
        let mut folder = row.folder;
        if folder.parent != parent_id {
            self.move_folder(from, &folder, parent).await?;
            folder.parent = parent_id;
            self.map.put_folder(folder.clone()).await?;
            self.hierarchy.forget();
        }
        if folder.name != to.name() {
            self.name_folder(from, &folder, to.name()).await?;
            folder.name = to.name().to_owned();
            self.map.put_folder(folder).await?;
            self.hierarchy.forget();
        }
        Ok(())
    }

    async fn move_folder(self: &Arc<Self>, path: &FolderPath, folder: &ExchangeFolder, to: FolderRef) -> Result<()> {
        let tried = Tried::new(format!("the folder \"{}\" could not be moved", path.name()));
        let folders = vec![ews::FolderId::new(&folder.exchange_id)];
        let answer = self.client()?.call(&MoveFolder { folders, to }).await;
        self.settled(&tried, answer)
    }

    async fn name_folder(self: &Arc<Self>, path: &FolderPath, folder: &ExchangeFolder, name: &str) -> Result<()> {
        let tried = Tried::new(format!("the folder \"{}\" could not be renamed", path.name()));
        let update = FolderUpdate {
            folder: ews::FolderId::new(&folder.exchange_id),
            kind: ews::FolderKind::Folder,
            name: Some(name.to_owned()),
            extended: Vec::new(),
            permissions: None,
        };
        let answer = self.client()?.call(&UpdateFolder { changes: vec![update] }).await;
        self.settled(&tried, answer)
    }

    /// RFC 9051 section 6.3.6: the inbox stays, its messages go to a new folder.
    async fn rename_inbox(self: &Arc<Self>, inbox: FolderId, to: &FolderPath) -> Result<()> {
        let new = self.create_folder(to).await?;
        self.fresh(inbox).await?;
        let entries = self.map.snapshot(inbox, Access::ReadOnly).await?.entries;
        let uids: Vec<Uid> = entries.iter().map(|entry| entry.uid).collect();
        let moved = self.move_each(inbox, &uids, new).await?;
        match moved.failed.into_iter().next() {
            None => Ok(()),
            Some((_, error)) => Err(error),
        }
    }

    /// Deletes a folder that has none below it, and its messages.
    ///
    /// A folder with messages goes to Deleted Items, where Outlook puts it too and from where a mistake can be
    /// undone: EWS cannot bring back a folder that was deleted in any other way. An empty one, or one that is in
    /// Deleted Items already, is gone at once.
    pub(crate) async fn delete_folder(self: &Arc<Self>, path: &FolderPath) -> Result<()> {
        let before = self.listing().await?;
        match self.delete_known(path).await {
            Err(error) if self.has_other_ids(&error, &before, path).await => self.delete_known(path).await,
            done => done,
        }
    }

    async fn delete_known(self: &Arc<Self>, path: &FolderPath) -> Result<()> {
        let listing = self.listing().await?;
        let row = listing.at(path).cloned().ok_or_else(error::no_folder)?;
        if row.folder.role.is_some() {
            return Err(stays(path));
        }
        if listing.folders.iter().any(|folder| folder.path.is_below(path)) {
            let sentence = format!("the folder \"{}\" has folders below it; delete those first", path.name());
            return Err(Error::new(ErrorKind::Cannot, Tried::new(sentence).text()));
        }
        let doomed = listing.is_within(row.id, DistinguishedFolder::DeletedItems.as_str());
        if doomed || self.is_empty(&row).await {
            return self.delete_as(path, &row, DeleteType::HardDelete).await;
        }
        match self.delete_as(path, &row, DeleteType::MoveToDeletedItems).await {
            // One of that name is there already.
            Err(error) if matches!(error.kind, ErrorKind::Exists | ErrorKind::Cannot) => {
                self.delete_as(path, &row, DeleteType::SoftDelete).await
            }
            result => result,
        }
    }

    async fn is_empty(self: &Arc<Self>, row: &FolderRow) -> bool {
        let known = self.fresh(row.id).await.is_ok();
        known && self.map.status(row.id).await.is_ok_and(|status| status.messages == 0)
    }

    async fn delete_as(self: &Arc<Self>, path: &FolderPath, row: &FolderRow, how: DeleteType) -> Result<()> {
        let tried = Tried::new(format!("the folder \"{}\" could not be deleted", path.name()));
        let folders = vec![ews::FolderId::new(&row.folder.exchange_id)];
        let answer = self.client()?.call(&DeleteFolder { folders, how }).await;
        self.settled(&tried, answer)?;
        if how == DeleteType::MoveToDeletedItems {
            // It is still there, elsewhere: the tree says where, and under which name.
            self.hierarchy.due.want();
            if self.look_at_hierarchy().await.is_ok() {
                return Ok(());
            }
        }
        self.map.remove_folder(row.id).await?;
        self.hierarchy.forget();
        if let Some((_, state)) = self.folders.remove(&row.id) {
            state.bell.ring();
        }
        Ok(())
    }

    /// The answer about one folder. Whatever went wrong, the tree may be another now.
    pub(crate) fn settled<T>(
        self: &Arc<Self>,
        tried: &Tried,
        answer: Result<Vec<Result<T, ews::ItemError>>, ews::Error>,
    ) -> Result<()> {
        let result = match answer {
            Ok(mut answers) => match answers.pop() {
                Some(Ok(_)) => return Ok(()),
                Some(Err(error)) => Err(tried.refused(&error)),
                None => Err(tried.because(&Theirs::Protocol, None)),
            },
            Err(error) => Err(self.failed(tried, &error)),
        };
        self.hierarchy_changed();
        result
    }

    /// The folder a path lies in: how it is named in a request, and its Exchange id.
    async fn parent_of(self: &Arc<Self>, path: &FolderPath) -> Result<(FolderRef, Option<String>)> {
        let listing: Arc<Listing> = self.known_listing().await?;
        match path.parent() {
            None => Ok((self.top(), self.id_of(DistinguishedFolder::Top))),
            Some(parent) => {
                let row = listing.at(&parent).ok_or_else(error::no_folder)?;
                let id = row.folder.exchange_id.clone();
                Ok((ews::FolderId::new(&id).into(), Some(id)))
            }
        }
    }
}

fn check_names(path: &FolderPath) -> Result<()> {
    let bad =
        |name: &String| name.trim().is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control);
    if path.0.is_empty() || path.0.iter().any(bad) {
        let sentence = "a folder name must have 1 to 255 characters, and no control characters; choose another";
        return Err(Error::new(ErrorKind::Cannot, sentence));
    }
    if path.is_inbox() {
        return Err(exists(path));
    }
    Ok(())
}

fn exists(path: &FolderPath) -> Error {
    Error::new(
        ErrorKind::Exists,
        Tried::new(format!("there is a folder \"{}\" already; choose another name", path.name())).text(),
    )
}

fn stays(path: &FolderPath) -> Error {
    let sentence = format!(
        "Exchange needs the folder \"{}\" where it is; only folders of your own can be moved or deleted",
        path.name()
    );
    Error::new(ErrorKind::Cannot, Tried::new(sentence).text())
}

/// The class of folders with mail.
const MAIL: &str = "IPF.Note";
/// PidTagDisplayName of folders.
const LONGEST: usize = 255;
