//! What the user may do in folders that are not their own, and what else a listing wants to know of them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ews::op::sync_folder_hierarchy::{FolderChange, HierarchyChanges};
use ews::{Field, FolderShape, Path};
use idmap::IdMap;
use mailbox::FolderId;

use crate::convert;
use crate::error::Result;
use crate::live::Live;

/// What is known of the folders of a mailbox; of one that is missing, nothing stands in the way.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<FolderId, Facts>>);

/// What Exchange told of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Its messages can be read.
    pub(crate) read: bool,
    /// Messages can be added. Who may add some may mostly change them as well, their own at least; what is not allowed
    /// after all Exchange refuses.
    pub(crate) write: bool,
    /// There are folders below it, known or not.
    pub(crate) children: bool,
    /// Folders can be made below it.
    pub(crate) create: bool,
    /// It can be changed and deleted itself.
    pub(crate) own: bool,
}

impl Facts {
    /// What Exchange tells of a folder.
    pub(crate) fn of(folder: &ews::Folder) -> Self {
        let rights = folder.effective_rights;
        Self {
            read: rights.is_none_or(|rights| rights.read),
            write: rights.is_none_or(|rights| rights.create_contents),
            children: folder.children.is_some_and(|children| children > 0),
            create: rights.is_none_or(|rights| rights.create_hierarchy),
            own: rights.is_none_or(|rights| rights.modify && rights.delete),
        }
    }

    fn written(self) -> String {
        let all = [(self.read, 'r'), (self.write, 'w'), (self.children, 'c'), (self.create, 'k'), (self.own, 'a')];
        all.into_iter().filter(|(has, _)| *has).map(|(_, letter)| letter).collect()
    }

    fn read(text: &str) -> Self {
        let has = |letter| text.contains(letter);
        Self { read: has('r'), write: has('w'), children: has('c'), create: has('k'), own: has('a') }
    }
}

impl Default for Facts {
    fn default() -> Self {
        Self { read: true, write: true, children: false, create: true, own: true }
    }
}

impl Known {
    /// What a note says.
    pub(crate) fn read(note: &str) -> Self {
        let line = |line: &str| {
            let (folder, facts) = line.split_once(' ')?;
            Some((FolderId(folder.parse().ok()?), Facts::read(facts)))
        };
        Self(Mutex::new(note.lines().filter_map(line).collect()))
    }

    fn written(&self) -> String {
        let known = self.lock();
        let mut lines: Vec<(FolderId, Facts)> = known.iter().map(|(folder, facts)| (*folder, *facts)).collect();
        lines.sort_unstable_by_key(|(folder, _)| *folder);
        lines.into_iter().map(|(folder, facts)| format!("{} {}\n", folder.0, facts.written())).collect()
    }

    /// What is known of a folder.
    pub(crate) fn of(&self, folder: FolderId) -> Facts {
        self.lock().get(&folder).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FolderId, Facts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// What a look at the tree asks for.
    pub(crate) fn tree_shape(&self) -> FolderShape {
        if self.root.is_own() { convert::folder_shape() } else { shape() }
    }

    /// What a page of a tree tells of folders that are not the user's own.
    pub(crate) fn facts_told(&self, page: &HierarchyChanges) -> Vec<(String, Facts)> {
        if self.root.is_own() {
            return Vec::new();
        }
        let told = |change: &FolderChange| match change {
            FolderChange::Create(folder) | FolderChange::Update(folder) => {
                Some((folder.id.clone()?.id, Facts::of(folder)))
            }
            FolderChange::Delete(_) => None,
        };
        page.changes.iter().filter_map(told).collect()
    }

    /// Takes what Exchange told of folders that the map knows by now.
    pub(crate) async fn keep_facts(&self, told: Vec<(String, Facts)>) -> Result<()> {
        if told.is_empty() {
            return Ok(());
        }
        let rows = self.map.folders().await?;
        let ids: HashMap<&str, FolderId> = rows.iter().map(|row| (row.folder.exchange_id.as_str(), row.id)).collect();
        let changed = {
            let mut known = self.facts.lock();
            let before = known.clone();
            for (folder, facts) in told.iter().filter_map(|(id, facts)| Some((*ids.get(id.as_str())?, *facts))) {
                match facts == Facts::default() {
                    true => known.remove(&folder),
                    false => known.insert(folder, facts),
                };
            }
            let there: std::collections::HashSet<FolderId> = rows.iter().map(|row| row.id).collect();
            known.retain(|folder, _| there.contains(folder));
            *known != before
        };
        if changed {
            self.map.put_note(NOTE, &self.facts.written()).await?;
        }
        Ok(())
    }
}

/// What a listing of folders that are not the user's own asks for.
pub(crate) fn shape() -> FolderShape {
    let FolderShape { base, mut additional } = convert::folder_shape();
    additional.extend([Field::FOLDER_RIGHTS, Field::FOLDER_CHILDREN].map(Path::from));
    FolderShape { base, additional }
}

/// The map's note that holds what is [`Known`].
pub(crate) const NOTE: &str = "facts";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_back_as_they_were_written() {
        let read_only = Facts { write: false, children: true, create: false, own: false, ..Facts::default() };
        let known = Known::default();
        known.lock().extend([(FolderId(3), read_only), (FolderId(12), Facts { read: false, ..read_only })]);
        let again = Known::read(&known.written());
        assert_eq!(again.of(FolderId(3)), read_only);
        assert!(!again.of(FolderId(12)).read);
        assert_eq!(again.of(FolderId(4)), Facts::default());
    }
}
