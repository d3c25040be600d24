//! Collections: folders with objects, in the words of DAV.

use std::collections::HashMap;
use std::sync::Arc;

use ews::op::DeleteType;
use ews::op::create_folder::{CreateFolder, NewFolder};
use ews::op::delete_folder::DeleteFolder;
use ews::op::update_folder::{FolderUpdate, UpdateFolder};
use ews::{DistinguishedFolder, FolderKind};
use idmap::{CollectionRow, ExchangeFolder, FolderRow, IdMap, ObjectMap};
use mailbox::objects::{Collection, CollectionChange, CollectionKind, NewCollection, Owner, Rights};
use mailbox::{Error, ErrorKind, FolderId};

use super::pseudo_kind;
use crate::convert::object::{CLASSES, collection_kind};
use crate::error::{Result, Tried};
use crate::listing::Listing;
use crate::live::Live;

impl Live {
    /// All collections: parents before their children, the default one of each kind first.
    pub(crate) async fn collections(self: &Arc<Self>) -> Result<Arc<[Collection]>> {
        self.with_pseudo_folders().await?;
        let listing = self.listing().await?;
        let asides = self.asides().await?;
        let mut shown = shown(&listing);
        let own = shown.len();
        shown.extend(asides.iter().filter_map(|(row, _)| Some((row, kind_of(row)?))));
        let known = self.named(&shown).await?;
        let aside = |row: &FolderRow| asides.iter().find(|(other, _)| other.id == row.id).map(|(_, aside)| aside);
        let mut collections = Vec::with_capacity(shown.len());
        for (row, kind) in shown.drain(own..).collect::<Vec<_>>() {
            let (Some(collection), Some(aside)) = (known.get(&row.id), aside(row)) else { continue };
            collections.push(Collection {
                id: row.id,
                name: collection.name.clone(),
                kind,
                display_name: row.folder.name.clone(),
                is_default: aside.is_default,
                parent: None,
                owner: aside.owner.clone(),
                rights: match kind {
                    // Who has dealt with an invitation takes it out.
                    CollectionKind::ScheduleInbox => Rights { delete: true, ..Rights::READ },
                    _ => aside.rights,
                },
                dead: collection.dead.clone(),
            });
        }
        let others = std::mem::take(&mut collections);
        for (row, kind) in shown {
            let Some(collection) = known.get(&row.id) else { continue };
            let is_default = is_default(row, kind);
            let parent = row.folder.parent.as_deref().and_then(|parent| listing.by_exchange_id(parent));
            collections.push(Collection {
                id: row.id,
                name: collection.name.clone(),
                kind,
                display_name: row.folder.name.clone(),
                is_default,
                parent: parent.filter(|parent| collections.iter().any(|above: &Collection| above.id == *parent)),
                owner: Owner::Me,
                rights: Rights { administer: row.folder.role.is_none(), ..Rights::ALL },
                dead: collection.dead.clone(),
            });
        }
        collections.extend(others);
        Ok(collections.into())
    }

    /// What is in a folder; `None` if it is no collection.
    pub(crate) async fn collection_kind(self: &Arc<Self>, folder: FolderId) -> Result<Option<CollectionKind>> {
        Ok(kind_of(&self.folder_row(folder).await?))
    }

    /// What is in a collection.
    ///
    /// # Errors
    /// `NotFound` if there is no such collection.
    pub(crate) async fn objects_in(self: &Arc<Self>, folder: FolderId) -> Result<CollectionKind> {
        let no_collection = || Error::new(ErrorKind::NotFound, "there is no such collection (any more)");
        self.collection_kind(folder).await?.ok_or_else(no_collection)
    }

    /// Segments of the URL, given to those that have none yet.
    async fn named(&self, shown: &[(&FolderRow, CollectionKind)]) -> Result<HashMap<FolderId, CollectionRow>> {
        let known = self.map.collections().await?;
        let has_name = |folder: FolderId| known.iter().any(|row| row.folder == folder);
        let new: Vec<(FolderId, String)> = shown
            .iter()
            .filter(|(row, _)| !has_name(row.id))
            .map(|(row, kind)| (row.id, segment(row, *kind)))
            .collect();
        let known = match new.is_empty() {
            true => known,
            false => {
                self.map.name_collections(new).await?;
                self.map.collections().await?
            }
        };
        Ok(known.into_iter().map(|row| (row.folder, row)).collect())
    }

    /// Makes a collection at the top of the mailbox.
    pub(crate) async fn create_collection(self: &Arc<Self>, new: &NewCollection) -> Result<FolderId> {
        let name = new.display_name.as_deref().unwrap_or(&new.name);
        let tried = Tried::new(format!("the collection \"{name}\" could not be made"));
        let Some(row) = CLASSES.iter().find(|row| row.kind == new.kind) else {
            return Err(Error::new(ErrorKind::Cannot, "such a collection cannot be made"));
        };
        check_name(name)?;
        if self.collections().await?.iter().any(|collection| collection.name == new.name) {
            return Err(tried.because(&ews::ErrorKind::Exists, None));
        }
        let folders = vec![NewFolder { name: name.to_owned(), class: Some(row.class.to_owned()) }];
        let ask = CreateFolder { parent: DistinguishedFolder::Top.into(), folders };
        let answer = self.client()?.call(&ask).await;
        if !matches!(answer.as_deref(), Ok([Ok(_)])) {
            // It may be there all the same: the tree tells.
            self.hierarchy_changed();
        }
        let mut answers = answer.map_err(|error| self.failed(&tried, &error))?;
        let id = answers.pop().ok_or_else(|| tried.because(&ews::ErrorKind::Protocol, None))?;
        let id = id.map_err(|error| tried.refused(&error))?;
        let folder = ExchangeFolder {
            exchange_id: id.id,
            parent: self.id_of(DistinguishedFolder::Top),
            name: name.to_owned(),
            class: Some(row.class.to_owned()),
            role: None,
            special_use: None,
            hidden: false,
            total: Some(0),
        };
        let id = self.map.put_folder(folder).await?;
        self.map.name_collections(vec![(id, new.name.clone())]).await?;
        self.map.change_dead(id, new.dead.clone(), Vec::new()).await?;
        self.hierarchy.forget();
        Ok(id)
    }

    /// Changes names and properties: at Exchange first, for only there it can fail.
    pub(crate) async fn change_collection(
        self: &Arc<Self>,
        collection: FolderId,
        change: &CollectionChange,
    ) -> Result<()> {
        let kind = self.objects_in(collection).await?;
        let row = self.folder_row(collection).await?;
        if let Some(name) = change.display_name.as_ref().filter(|name| **name != row.folder.name) {
            check_name(name)?;
            if pseudo_kind(row.folder.class.as_deref()).is_some() {
                let sentence = format!("the collection \"{}\" has this name for everybody", row.folder.name);
                return Err(Error::new(ErrorKind::Denied, sentence));
            }
            let tried = Tried::new(format!("the collection \"{}\" could not be renamed", row.folder.name));
            let update = FolderUpdate {
                folder: ews::FolderId::new(&row.folder.exchange_id),
                kind: folder_kind(kind),
                name: Some(name.clone()),
                extended: Vec::new(),
                permissions: None,
            };
            let answer = self.client()?.call(&UpdateFolder { changes: vec![update] }).await;
            self.settled(&tried, answer)?;
            self.map.put_folder(ExchangeFolder { name: name.clone(), ..row.folder }).await?;
            self.hierarchy.forget();
        }
        Ok(self.map.change_dead(collection, change.set.clone(), change.remove.clone()).await?)
    }

    /// Deletes a collection: it goes to Deleted Items.
    pub(crate) async fn delete_collection(self: &Arc<Self>, collection: FolderId) -> Result<()> {
        self.objects_in(collection).await?;
        let row = self.folder_row(collection).await?;
        if row.folder.role.is_some() || pseudo_kind(row.folder.class.as_deref()).is_some() {
            let sentence = format!("Exchange needs the collection \"{}\"; it cannot be deleted", row.folder.name);
            return Err(Error::new(ErrorKind::Cannot, Tried::new(sentence).text()));
        }
        let tried = Tried::new(format!("the collection \"{}\" could not be deleted", row.folder.name));
        let delete = async |how| {
            let folders = vec![ews::FolderId::new(&row.folder.exchange_id)];
            let answer = self.client()?.call(&DeleteFolder { folders, how }).await;
            self.settled(&tried, answer)
        };
        match delete(DeleteType::MoveToDeletedItems).await {
            // One of that name is there already.
            Err(error) if matches!(error.kind, ErrorKind::Exists | ErrorKind::Cannot) => {
                delete(DeleteType::SoftDelete).await?;
            }
            result => result?,
        }
        self.map.remove_folder(collection).await?;
        self.hierarchy.forget();
        self.hierarchy_changed();
        if let Some((_, state)) = self.folders.remove(&collection) {
            state.bell.ring();
        }
        Ok(())
    }
}

/// The mailbox's own collections in order.
fn shown(listing: &Listing) -> Vec<(&FolderRow, CollectionKind)> {
    let trash = DistinguishedFolder::DeletedItems.as_str();
    let mut shown: Vec<_> = listing
        .rows()
        .filter(|row| !row.folder.hidden && !listing.is_within(row.id, trash))
        .filter_map(|row| Some((row, collection_kind(row.folder.class.as_deref())?)))
        .collect();
    shown.sort_by_cached_key(|(row, kind)| {
        let order = CLASSES.iter().position(|class| class.kind == *kind);
        (listing.depth(row.id), !is_default(row, *kind), order, row.folder.name.to_lowercase(), row.id)
    });
    shown
}

fn kind_of(row: &FolderRow) -> Option<CollectionKind> {
    let class = row.folder.class.as_deref();
    pseudo_kind(class).or_else(|| collection_kind(class))
}

fn is_default(row: &FolderRow, kind: CollectionKind) -> bool {
    row.folder.role.is_some() && row.folder.role.as_deref() == default_role(kind).map(DistinguishedFolder::as_str)
}

fn default_role(kind: CollectionKind) -> Option<DistinguishedFolder> {
    match kind {
        CollectionKind::Calendar => Some(DistinguishedFolder::Calendar),
        CollectionKind::Tasks => Some(DistinguishedFolder::Tasks),
        CollectionKind::Notes => Some(DistinguishedFolder::Notes),
        CollectionKind::Contacts => Some(DistinguishedFolder::Contacts),
        CollectionKind::Directory | CollectionKind::ScheduleInbox => None,
    }
}

fn folder_kind(kind: CollectionKind) -> FolderKind {
    match kind {
        CollectionKind::Calendar => FolderKind::Calendar,
        CollectionKind::Tasks => FolderKind::Tasks,
        CollectionKind::Contacts => FolderKind::Contacts,
        CollectionKind::Notes | CollectionKind::Directory | CollectionKind::ScheduleInbox => FolderKind::Folder,
    }
}

/// The segment of the URL of a folder no client named: from the name it has when first seen.
fn segment(row: &FolderRow, kind: CollectionKind) -> String {
    match kind {
        CollectionKind::Directory => return "directory".to_owned(),
        CollectionKind::ScheduleInbox => return "inbox".to_owned(),
        _ if is_default(row, kind) => return default_role(kind).map_or("", DistinguishedFolder::as_str).to_owned(),
        _ => {}
    }
    let mut segment = String::new();
    for char in row.folder.name.chars().flat_map(char::to_lowercase).take(LONGEST_SEGMENT) {
        match char.is_alphanumeric() {
            true => segment.push(char),
            false if segment.ends_with('-') || segment.is_empty() => {}
            false => segment.push('-'),
        }
    }
    match segment.trim_end_matches('-') {
        "" => "collection".to_owned(),
        // Others have these (RFC 6638 sections 2.1, 2.2).
        reserved @ ("inbox" | "outbox" | "directory") => format!("{reserved}-folder"),
        segment => segment.to_owned(),
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        let sentence = "a collection's name must have 1 to 255 characters, and no control characters; choose another";
        return Err(Error::new(ErrorKind::Cannot, sentence));
    }
    Ok(())
}

/// PidTagDisplayName of folders.
const LONGEST_NAME: usize = 255;
const LONGEST_SEGMENT: usize = 60;

/// There is no such object.
pub(crate) fn no_object() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such object (any more)")
}

#[cfg(test)]
mod tests {
    use mailbox::UidValidity;

    use super::*;

    fn row(name: &str, role: Option<&str>) -> FolderRow {
        FolderRow {
            id: FolderId(7),
            uid_validity: UidValidity(std::num::NonZeroU32::MIN),
            folder: ExchangeFolder {
                exchange_id: "AAMk".to_owned(),
                parent: None,
                name: name.to_owned(),
                class: Some("IPF.Appointment".to_owned()),
                role: role.map(str::to_owned),
                special_use: None,
                hidden: false,
                total: None,
            },
            complete: true,
        }
    }

    #[test]
    fn segments_are_readable_and_safe() {
        let kind = CollectionKind::Calendar;
        for (name, role, expected) in [
            ("Kalender", Some("calendar"), "calendar"),
            ("Team / R&D (2026)", None, "team-r-d-2026"),
            ("Überstunden", None, "überstunden"),
            ("../..", None, "collection"),
            ("Outbox", None, "outbox-folder"),
        ] {
            assert_eq!(segment(&row(name, role), kind), expected);
        }
        assert!(segment(&row(&"x".repeat(300), None), kind).len() <= LONGEST_SEGMENT);
    }
}
