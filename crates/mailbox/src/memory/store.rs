//! What the mailbox holds: folders of messages, each with its history.

use std::num::NonZeroU32;

use jiff::Timestamp;

use crate::{
    Access, Annotation, AnnotationChange, AnnotationSeq, Appended, Bell, Content, EmailId, Entry, Error, ErrorKind,
    FlagChange, Flags, Folder, FolderId, FolderPath, FolderRights, Grantee, ModSeq, Namespaces, Quota, Result,
    RightsChange, SpecialUse, State, Stored, SystemFlags, ThreadId, Uid, UidValidity,
};

/// All folders of a mailbox, in the order of their making.
#[derive(Debug, Default)]
pub(super) struct Store {
    folders: Vec<FolderData>,
    subscriptions: Vec<FolderPath>,
    others: Vec<Others>,
    ids_given: u64,
    pub(super) quota: Option<Quota>,
    /// Rings with any folder's, and with the next.
    pub(super) any: Bell,
    /// Rings when folders, subscriptions or notes change.
    pub(super) list: Bell,
    notes: Vec<Note>,
    notes_changed: u64,
}

/// A note; without a value, one that was removed.
#[derive(Debug)]
struct Note {
    folder: Option<FolderId>,
    name: String,
    value: Option<Vec<u8>>,
    changed: u64,
}

/// Somebody else's mailbox.
#[derive(Debug)]
struct Others {
    path: FolderPath,
    door: Door,
}

/// Whether somebody else's mailbox can be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// Nobody has named it yet.
    Unopened,
    /// It was named.
    Open,
    /// Its owner lets nobody in.
    Shut,
}

#[derive(Debug)]
pub(super) struct FolderData {
    pub(super) id: FolderId,
    pub(super) path: FolderPath,
    pub(super) uid_validity: UidValidity,
    pub(super) messages: Vec<Message>,
    pub(super) vanished: Vec<(Uid, ModSeq)>,
    /// Removals up to this one are not remembered.
    pub(super) forgotten: ModSeq,
    /// Messages below this UID were recent once.
    pub(super) told_below: Uid,
    pub(super) bell: Bell,
    special_use: Option<SpecialUse>,
    access: Access,
    permissions: Vec<(Grantee, FolderRights)>,
    uid_next: Uid,
    highest_modseq: ModSeq,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) uid: Uid,
    pub(super) flags: Flags,
    pub(super) modseq: ModSeq,
    pub(super) received: Timestamp,
    pub(super) saved: Timestamp,
    pub(super) email_id: EmailId,
    pub(super) content: Content,
}

impl Message {
    pub(super) fn entry(&self) -> Entry {
        Entry { uid: self.uid, flags: self.flags.clone(), modseq: self.modseq }
    }

    pub(super) fn thread_id(&self) -> ThreadId {
        ThreadId(self.email_id.0)
    }
}

impl FolderData {
    pub(super) fn state(&self) -> State {
        State { uid_validity: self.uid_validity, uid_next: self.uid_next, highest_modseq: self.highest_modseq }
    }

    pub(super) fn message(&self, uid: Uid) -> Option<&Message> {
        self.messages.binary_search_by_key(&uid, |message| message.uid).ok().map(|at| &self.messages[at])
    }

    /// Messages removed after that, as far as it is remembered.
    pub(super) fn vanished_since(&self, since: ModSeq) -> Vec<Uid> {
        let mut vanished: Vec<Uid> =
            self.vanished.iter().filter(|(_, modseq)| *modseq > since).map(|&(uid, _)| uid).collect();
        vanished.sort_unstable();
        vanished
    }

    /// What was removed so far is not remembered any more.
    pub(super) fn forget(&mut self) {
        self.vanished.clear();
        self.forgotten = self.highest_modseq;
    }

    fn next_modseq(&mut self) -> ModSeq {
        self.highest_modseq.0 += 1;
        self.highest_modseq
    }
}

impl Store {
    pub(super) fn listing(&self) -> Vec<Folder> {
        let mut list: Vec<Folder> =
            self.folders.iter().filter(|folder| self.is_open(&folder.path)).map(|folder| self.shown(folder)).collect();
        list.sort_by(|a, b| a.path.cmp(&b.path));
        list
    }

    fn shown(&self, folder: &FolderData) -> Folder {
        Folder {
            id: folder.id,
            path: folder.path.clone(),
            selectable: true,
            has_children: self.has_children(&folder.path),
            special_use: folder.special_use,
            subscribed: self.subscriptions.contains(&folder.path),
            access: folder.access,
        }
    }

    /// Somebody else's mailbox appears, closed as yet.
    pub(super) fn add_others(&mut self, path: FolderPath, door: Door) {
        self.others.retain(|others| others.path != path);
        self.others.push(Others { path, door });
    }

    /// A folder with which the user may do only that.
    pub(super) fn add_restricted(&mut self, path: FolderPath, access: Access) {
        let id = self.add(path, None);
        if let Ok(folder) = self.folder_mut(id) {
            folder.access = access;
        }
    }

    /// Somebody names a path.
    pub(super) fn visit(&mut self, path: &FolderPath) -> Result<()> {
        match self.others.iter_mut().find(|others| *path == others.path || path.is_below(&others.path)) {
            Some(others) if others.door == Door::Shut => {
                Err(Error::new(ErrorKind::Denied, "The owner of this mailbox does not let you in"))
            }
            Some(others) => {
                others.door = Door::Open;
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn namespaces(&self) -> Namespaces {
        let tops = |wanted: &str| {
            let top = FolderPath(vec![wanted.to_owned()]);
            let any = self.others.iter().any(|others| others.path == top || others.path.is_below(&top));
            if any { vec![top] } else { Vec::new() }
        };
        Namespaces { others: tops("Other Users"), shared: tops("Public") }
    }

    /// True for what is not the user's own.
    pub(super) fn is_others(&self, path: &FolderPath) -> bool {
        self.others_at(path).is_some()
    }

    fn is_open(&self, path: &FolderPath) -> bool {
        self.others_at(path).is_none_or(|others| others.door == Door::Open)
    }

    fn others_at(&self, path: &FolderPath) -> Option<&Others> {
        self.others.iter().find(|others| *path == others.path || path.is_below(&others.path))
    }

    pub(super) fn folder(&self, id: FolderId) -> Result<&FolderData> {
        self.folders.iter().find(|folder| folder.id == id).ok_or_else(no_folder)
    }

    pub(super) fn folder_mut(&mut self, id: FolderId) -> Result<&mut FolderData> {
        self.folders.iter_mut().find(|folder| folder.id == id).ok_or_else(no_folder)
    }

    pub(super) fn find(&self, path: &FolderPath) -> Result<&FolderData> {
        self.folders.iter().find(|folder| folder.path == *path).ok_or_else(no_folder)
    }

    pub(super) fn create(&mut self, path: &FolderPath) -> Result<FolderId> {
        if self.find(path).is_ok() {
            return Err(exists());
        }
        for depth in 1..path.0.len() {
            let above = FolderPath(path.0[..depth].to_vec());
            if self.find(&above).is_err() {
                self.add(above, None);
            }
        }
        Ok(self.add(path.clone(), None))
    }

    pub(super) fn create_for(&mut self, path: &FolderPath, role: SpecialUse) -> Result<FolderId> {
        if role != SpecialUse::Archive || self.folders.iter().any(|folder| folder.special_use == Some(role)) {
            return Err(Error::new(ErrorKind::Cannot, "A folder has this use already, or none can have it"));
        }
        let id = self.create(path)?;
        self.folder_mut(id)?.special_use = Some(role);
        Ok(id)
    }

    /// A folder is one like any other from now on.
    pub(super) fn take_use(&mut self, path: &FolderPath) -> Result<()> {
        let id = self.find(path)?.id;
        self.folder_mut(id)?.special_use = None;
        Ok(())
    }

    pub(super) fn add(&mut self, path: FolderPath, special_use: Option<SpecialUse>) -> FolderId {
        self.stirred();
        let id = FolderId(self.next_id());
        self.folders.push(FolderData {
            id,
            path,
            uid_validity: UidValidity(NonZeroU32::MIN),
            messages: Vec::new(),
            vanished: Vec::new(),
            forgotten: ModSeq(0),
            told_below: Uid::MIN,
            bell: self.any.below(),
            special_use,
            access: Access::ReadWrite,
            permissions: Vec::new(),
            uid_next: Uid::MIN,
            highest_modseq: ModSeq(1),
        });
        id
    }

    pub(super) fn rename(&mut self, from: &FolderPath, to: &FolderPath) -> Result<()> {
        let folder = self.find(from)?;
        if self.find(to).is_ok() {
            return Err(exists());
        }
        if folder.special_use.is_some() || to.is_below(from) {
            return Err(Error::new(ErrorKind::Cannot, "This folder must stay where it is"));
        }
        if from.is_inbox() {
            let inbox = folder.id;
            let id = self.create(to)?;
            let all: Vec<Uid> = self.folder(inbox)?.messages.iter().map(|message| message.uid).collect();
            self.copy(inbox, &all, id)?;
            self.remove(inbox, |_| true)?;
            return Ok(());
        }
        for depth in 1..to.0.len() {
            let above = FolderPath(to.0[..depth].to_vec());
            if self.find(&above).is_err() {
                self.add(above, None);
            }
        }
        for folder in &mut self.folders {
            if folder.path == *from || folder.path.is_below(from) {
                let rest = folder.path.0.split_off(from.0.len());
                folder.path = FolderPath(to.0.iter().cloned().chain(rest).collect());
            }
        }
        self.stirred();
        Ok(())
    }

    pub(super) fn delete(&mut self, path: &FolderPath) -> Result<()> {
        let folder = self.find(path)?;
        if path.is_inbox() || folder.special_use.is_some() || self.has_children(path) {
            return Err(Error::new(ErrorKind::Cannot, "This folder cannot be deleted"));
        }
        folder.bell.ring();
        let gone = Some(folder.id);
        self.folders.retain(|folder| folder.path != *path);
        self.notes.retain(|note| note.folder != gone);
        self.stirred();
        Ok(())
    }

    pub(super) fn subscriptions(&self) -> &[FolderPath] {
        &self.subscriptions
    }

    pub(super) fn subscribe(&mut self, path: &FolderPath) {
        if !self.subscriptions.contains(path) {
            self.subscriptions.push(path.clone());
        }
        self.stirred();
    }

    pub(super) fn unsubscribe(&mut self, path: &FolderPath) {
        self.subscriptions.retain(|subscribed| subscribed != path);
        self.stirred();
    }

    /// Folders, subscriptions or notes have changed.
    fn stirred(&self) {
        self.list.ring();
        self.any.ring();
    }

    /// What the user may do: everything in folders of their own, in others' what these let them.
    pub(super) fn rights(&self, id: FolderId) -> Result<FolderRights> {
        let folder = self.folder(id)?;
        Ok(match (self.is_others(&folder.path), folder.access) {
            (false, _) => FolderRights::ALL,
            (true, Access::ReadWrite) => FolderRights { own: false, ..FolderRights::ALL },
            (true, Access::ReadOnly) => FolderRights { lookup: true, read: true, ..FolderRights::NONE },
        })
    }

    pub(super) fn permissions(&self, id: FolderId) -> Result<&[(Grantee, FolderRights)]> {
        self.administered(id)?;
        Ok(&self.folder(id)?.permissions)
    }

    pub(super) fn permit(&mut self, id: FolderId, who: &Grantee, change: RightsChange) -> Result<()> {
        self.administered(id)?;
        let permissions = &mut self.folder_mut(id)?.permissions;
        let known = permissions.iter().find(|(other, _)| other == who);
        let rights = change.of(known.map(|(_, rights)| *rights).unwrap_or_default());
        permissions.retain(|(other, _)| other != who);
        if rights != FolderRights::NONE {
            permissions.push((who.clone(), rights));
        }
        Ok(())
    }

    fn administered(&self, id: FolderId) -> Result<()> {
        match self.rights(id)?.own {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Denied, "Only the owner of this folder says who may do what in it")),
        }
    }

    pub(super) fn annotations(&self, folder: Option<FolderId>) -> Result<Vec<Annotation>> {
        folder.map(|id| self.folder(id)).transpose()?;
        let here = self.notes.iter().filter(|note| note.folder == folder);
        let mut notes: Vec<Annotation> =
            here.filter_map(|note| Some(Annotation { name: note.name.clone(), value: note.value.clone()? })).collect();
        notes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(notes)
    }

    pub(super) fn annotate(
        &mut self,
        folder: Option<FolderId>,
        changes: &[(String, Option<Vec<u8>>)],
        most: usize,
    ) -> Result<bool> {
        let mut names: Vec<String> = self.annotations(folder)?.into_iter().map(|note| note.name).collect();
        for (name, value) in changes {
            names.retain(|other| other != name);
            names.extend(value.as_ref().map(|_| name.clone()));
        }
        if names.len() > most {
            return Ok(false);
        }
        for (name, value) in changes {
            self.notes_changed += 1;
            self.notes.retain(|note| note.folder != folder || note.name != *name);
            let (name, value, changed) = (name.clone(), value.clone(), self.notes_changed);
            self.notes.push(Note { folder, name, value, changed });
        }
        self.stirred();
        Ok(true)
    }

    pub(super) fn annotation_changes(&self, since: Option<AnnotationSeq>) -> (AnnotationSeq, Vec<AnnotationChange>) {
        let since = since.map_or(self.notes_changed, |since| since.0);
        let changed = self.notes.iter().filter(|note| note.changed > since);
        let changes = changed.map(|note| AnnotationChange { folder: note.folder, name: note.name.clone() }).collect();
        (AnnotationSeq(self.notes_changed), changes)
    }

    pub(super) fn put(
        &mut self,
        folder: FolderId,
        content: Content,
        flags: Flags,
        received: Timestamp,
    ) -> Result<Appended> {
        let mut email_id = [0; 16];
        email_id[8..].copy_from_slice(&self.next_id().to_be_bytes());
        self.put_message(folder, content, flags, received, EmailId(email_id))
    }

    fn put_message(
        &mut self,
        folder: FolderId,
        content: Content,
        flags: Flags,
        received: Timestamp,
        email_id: EmailId,
    ) -> Result<Appended> {
        let folder = self.folder_mut(folder)?;
        let uid = folder.uid_next;
        folder.uid_next = Uid::new(uid.get().wrapping_add(1))
            .ok_or_else(|| Error::new(ErrorKind::OverQuota, "The folder has used up its numbers"))?;
        let modseq = folder.next_modseq();
        let saved = Timestamp::now();
        folder.messages.push(Message { uid, flags, modseq, received, saved, email_id, content });
        folder.bell.ring();
        Ok(Appended { uid_validity: folder.uid_validity, uid })
    }

    pub(super) fn flag(
        &mut self,
        folder: FolderId,
        uids: &[Uid],
        change: &FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Stored> {
        let folder = self.folder_mut(folder)?;
        let mut stored = Stored::default();
        let mut next = None;
        for message in folder.messages.iter_mut().filter(|message| uids.contains(&message.uid)) {
            if unchanged_since.is_some_and(|since| message.modseq > since) {
                stored.modified.push(message.uid);
                continue;
            }
            let flags = message.flags.changed(change);
            if flags != message.flags {
                let modseq = *next.get_or_insert(ModSeq(folder.highest_modseq.0 + 1));
                (message.flags, message.modseq) = (flags, modseq);
            }
            stored.entries.push(message.entry());
        }
        if let Some(modseq) = next {
            folder.highest_modseq = modseq;
            folder.bell.ring();
        }
        Ok(stored)
    }

    pub(super) fn copy(&mut self, from: FolderId, uids: &[Uid], to: FolderId) -> Result<Vec<(Uid, Uid)>> {
        self.folder(to)?;
        let messages: Vec<Message> =
            uids.iter().filter_map(|&uid| self.folder(from).ok()?.message(uid).cloned()).collect();
        messages
            .into_iter()
            .map(|message| {
                let Message { uid, flags, received, email_id, content, .. } = message;
                Ok((uid, self.put_message(to, content, flags, received, email_id)?.uid))
            })
            .collect()
    }

    pub(super) fn remove(&mut self, folder: FolderId, which: impl Fn(&Message) -> bool) -> Result<Vec<Uid>> {
        let folder = self.folder_mut(folder)?;
        let gone: Vec<Uid> =
            folder.messages.iter().filter(|message| which(message)).map(|message| message.uid).collect();
        if !gone.is_empty() {
            let modseq = folder.next_modseq();
            folder.messages.retain(|message| !gone.contains(&message.uid));
            folder.vanished.extend(gone.iter().map(|&uid| (uid, modseq)));
            folder.bell.ring();
        }
        Ok(gone)
    }

    pub(super) fn remove_deleted(&mut self, folder: FolderId, only: Option<&[Uid]>) -> Result<Vec<Uid>> {
        self.remove(folder, |message| {
            message.flags.system.contains(SystemFlags::DELETED) && only.is_none_or(|only| only.contains(&message.uid))
        })
    }

    fn has_children(&self, path: &FolderPath) -> bool {
        self.folders.iter().any(|folder| folder.path.is_below(path))
    }

    fn next_id(&mut self) -> u64 {
        self.ids_given += 1;
        self.ids_given
    }
}

fn no_folder() -> Error {
    Error::new(ErrorKind::NotFound, "There is no such folder")
}

fn exists() -> Error {
    Error::new(ErrorKind::Exists, "There is a folder of that name already")
}
