//! Collections outside the mailbox's own tree: others' calendars, tasks and contacts that they let the user open, the
//! directory, and the schedule inbox.
//!
//! Exchange tells nobody whose folders they may open, so others' are looked at when a client first names their owner,
//! and remembered from then on. They have no subscription: whoever asks looks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ews::op::find_folder::{FindFolder, Traversal};
use ews::op::get_folder::GetFolder;
use ews::op::resolve_names::{ResolveNames, SearchScope};
use ews::{DistinguishedFolder, ErrorKind as Theirs, Field, FolderRef, FolderShape, Page, Path, ReadAccess};
use idmap::{ExchangeFolder, FolderRow, IdMap, ObjectMap};
use mailbox::objects::{CollectionKind, Owner, Rights};
use mailbox::{FolderId, Result};

use super::principal::addresses;
use crate::convert::object::collection_kind;
use crate::error::Tried;
use crate::live::Live;

/// When others' folders were last looked at.
#[derive(Debug, Default)]
pub(crate) struct Others(Mutex<HashMap<String, Instant>>);

impl Others {
    /// True, and noted, if this owner's folders were not looked at for that long.
    fn is_due(&self, owner: &str, age: Duration) -> bool {
        let mut looked = self.lock();
        // Whoever tries address after address must not fill the memory.
        if looked.len() >= MOST_OWNERS {
            looked.retain(|_, at| at.elapsed() < age);
        }
        let due = looked.get(owner).is_none_or(|at| at.elapsed() >= age);
        if due {
            looked.insert(owner.to_owned(), Instant::now());
        }
        due
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A folder that stands aside, as a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Aside {
    pub(crate) owner: Owner,
    pub(crate) rights: Rights,
    pub(crate) is_default: bool,
}

impl Live {
    /// Looks whether somebody lets the user in. True if there is something of theirs to open.
    pub(crate) async fn open_mailbox(self: &Arc<Self>, address: &str) -> Result<bool> {
        let address = address.to_lowercase();
        let is_mine = self.principal().await?.addresses.contains(&address);
        if is_mine || !address.contains('@') {
            return Ok(false);
        }
        if !self.others.is_due(&address, LOOK_AGAIN) {
            return self.has_of(&address).await;
        }
        let tried = Tried::new("it could not be found out what somebody shares");
        let client = self.client()?;
        let ask = ResolveNames { entry: format!("smtp:{address}"), scope: SearchScope::ActiveDirectory, full: true };
        let known = client.call(&ask).await.map_err(|error| self.failed(&tried, &error))?;
        let Some(person) = known.found.iter().find(|one| addresses(one).contains(&address)) else {
            return Ok(false);
        };
        let primary = addresses(person).into_iter().next().unwrap_or(address);
        let name = person.address.name.clone().unwrap_or_else(|| primary.clone());
        self.look_at(&primary, &name).await?;
        self.has_of(&primary).await
    }

    async fn has_of(&self, address: &str) -> Result<bool> {
        let aside = self.map.aside().await?;
        Ok(aside.iter().any(|(_, owner)| owner.split('\n').next() == Some(address)))
    }

    /// Looks at everything of somebody's that can be a collection.
    async fn look_at(self: &Arc<Self>, address: &str, name: &str) -> Result<()> {
        let tried = Tried::new("it could not be found out what somebody shares");
        let client = self.client()?;
        let theirs = |folder| FolderRef::DistinguishedOf(folder, address.to_owned());
        let ask = GetFolder { folders: DEFAULTS.iter().map(|folder| theirs(*folder)).collect(), shape: shape() };
        let answers = client.call(&ask).await.map_err(|error| self.failed(&tried, &error))?;
        let mut seen = Vec::new();
        // What cannot be looked at just now is not gone.
        let mut certain = true;
        for (folder, answer) in DEFAULTS.iter().zip(answers) {
            let found = match answer {
                Ok(found) => found,
                Err(error) => {
                    certain &= is_closed(&error.kind);
                    continue;
                }
            };
            seen.extend(self.take_aside(&found, address, name, true).await?);
            let ask = FindFolder {
                parent: theirs(*folder),
                traversal: Traversal::Deep,
                shape: shape(),
                restriction: None,
                page: Some(Page { offset: 0, max: MOST_FOLDERS }),
            };
            // Not everybody who may open a folder may see those below it.
            let below = match client.call(&ask).await {
                Ok(below) => below,
                Err(error) => {
                    certain &= is_closed(&error.kind);
                    continue;
                }
            };
            certain &= below.next.is_none();
            for folder in &below.folders {
                seen.extend(self.take_aside(folder, address, name, false).await?);
            }
        }
        for (row, owner) in self.map.aside().await? {
            if certain && owner.split('\n').next() == Some(address) && !seen.contains(&row.id) {
                self.map.remove_folder(row.id).await?;
            }
        }
        self.hierarchy.forget();
        Ok(())
    }

    async fn take_aside(
        &self,
        folder: &ews::Folder,
        address: &str,
        name: &str,
        is_default: bool,
    ) -> Result<Option<FolderId>> {
        let rights = rights(folder);
        let Some(found) = crate::convert::folder(folder, None) else { return Ok(None) };
        let kind = collection_kind(found.class.as_deref());
        let busy_only = kind == Some(CollectionKind::Calendar)
            && folder.sharing_rights.is_some_and(|rights| rights != ReadAccess::Nothing);
        if kind.is_none() || found.hidden || !(rights.read || busy_only) {
            return Ok(None);
        }
        let id = self.map.put_aside(ExchangeFolder { role: None, ..found }, &format!("{address}\n{name}")).await?;
        self.map.put_note(&note_of(id), &written(rights, is_default)).await?;
        Ok(Some(id))
    }

    /// What is known of the folders that stand aside. Owners nobody has looked at for a while are looked at again.
    pub(crate) async fn asides(self: &Arc<Self>) -> Result<Vec<(FolderRow, Aside)>> {
        let mut asides = Vec::new();
        for (row, owner) in self.map.aside().await? {
            let Some((address, name)) = owner.split_once('\n') else {
                asides.push((row, Aside { owner: Owner::Me, rights: Rights::READ, is_default: true }));
                continue;
            };
            if self.others.is_due(address, LOOK_AGAIN) {
                let (live, address, name) = (Arc::clone(self), address.to_owned(), name.to_owned());
                self.spawn(async move {
                    if let Err(error) = live.look_at(&address, &name).await {
                        tracing::info!(user = live.user, %error, "somebody's folders cannot be looked at");
                    }
                });
            }
            let note = self.map.note(&note_of(row.id)).await?;
            let (rights, is_default) = note.as_deref().map_or((Rights::READ, false), read);
            let owner = Owner::Other { address: address.to_owned(), name: name.to_owned() };
            asides.push((row, Aside { owner, rights, is_default }));
        }
        Ok(asides)
    }

    /// The collections Exchange has no folder for stand aside too.
    pub(crate) async fn with_pseudo_folders(&self) -> Result<()> {
        let known = self.map.aside().await?;
        for (class, name) in PSEUDO {
            if known.iter().any(|(row, _)| row.folder.class.as_deref() == Some(class)) {
                continue;
            }
            let folder = ExchangeFolder {
                exchange_id: class.to_owned(),
                parent: None,
                name: name.to_owned(),
                class: Some(class.to_owned()),
                role: None,
                special_use: None,
                hidden: false,
                total: None,
            };
            self.map.put_aside(folder, "").await?;
            self.hierarchy.forget();
        }
        Ok(())
    }
}

/// It is not there, or not for the user.
fn is_closed(kind: &Theirs) -> bool {
    matches!(kind, Theirs::NotFound | Theirs::Denied | Theirs::NoMatch | Theirs::Refused)
}

/// What Exchange calls modify and delete is about the folder itself. Who may add objects may mostly change them as well,
/// their own at least; what is not allowed after all Exchange refuses.
fn rights(folder: &ews::Folder) -> Rights {
    let told = folder.effective_rights.unwrap_or_default();
    let writes = told.create_contents;
    Rights { read: told.read, create: writes, modify: writes, delete: writes, administer: false }
}

fn written(rights: Rights, is_default: bool) -> String {
    let all = [
        (rights.read, 'r'),
        (rights.create, 'c'),
        (rights.modify, 'm'),
        (rights.delete, 'd'),
        (rights.administer, 'a'),
        (is_default, '*'),
    ];
    all.into_iter().filter(|(has, _)| *has).map(|(_, letter)| letter).collect()
}

fn read(note: &str) -> (Rights, bool) {
    let has = |letter| note.contains(letter);
    let rights = Rights { read: has('r'), create: has('c'), modify: has('m'), delete: has('d'), administer: has('a') };
    (rights, has('*'))
}

fn note_of(folder: FolderId) -> String {
    format!("rights {folder}")
}

fn shape() -> FolderShape {
    let FolderShape { base, mut additional } = crate::convert::folder_shape();
    additional.extend([Field::FOLDER_RIGHTS, Field::FOLDER_SHARING_RIGHTS].map(Path::from));
    FolderShape { base, additional }
}

/// Which of the collections without a folder this is.
pub(crate) fn pseudo_kind(class: Option<&str>) -> Option<CollectionKind> {
    match class? {
        DIRECTORY => Some(CollectionKind::Directory),
        INBOX => Some(CollectionKind::ScheduleInbox),
        _ => None,
    }
}

/// What no class of Exchange's is called.
const DIRECTORY: &str = ":directory";
const INBOX: &str = ":inbox";
const PSEUDO: [(&str, &str); 2] = [(DIRECTORY, "Directory"), (INBOX, "Inbox")];

const DEFAULTS: [DistinguishedFolder; 3] =
    [DistinguishedFolder::Calendar, DistinguishedFolder::Tasks, DistinguishedFolder::Contacts];
const LOOK_AGAIN: Duration = Duration::from_secs(600);
const MOST_FOLDERS: u32 = 200;
const MOST_OWNERS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_come_back_as_they_were_written() {
        for rights in [Rights::ALL, Rights::READ, Rights { create: true, ..Rights::READ }] {
            assert_eq!(read(&written(rights, true)), (rights, true));
        }
        assert!(!read(&written(Rights::READ, false)).1);
    }
}
