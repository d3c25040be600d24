//! A mailbox: folders by key, one change counter, and who wants to know.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use uuid::Uuid;

use super::{
    ARCHIVED, DISTINGUISHED, Folder, Item, PUBLIC,
    distinguished::Distinguished,
    ids::{self, Target},
};
use crate::{
    Version,
    calendar::event::Event as CalendarEvent,
    moving::Moving,
    op::Delegate,
    soap::Element,
    time::{self, Seconds},
};

/// What a mailbox is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Somebody's mail.
    Primary,
    /// The archive of the one with the same address.
    Archive,
    /// The tree of public folders.
    Public,
}

/// A mailbox.
pub(crate) struct Mailbox {
    pub(crate) role: Role,
    /// The primary SMTP address.
    pub(crate) address: String,
    pub(crate) display_name: String,
    /// The version of the server it is on, where that is older than the others.
    pub(crate) version: Option<Version>,
    /// The move it is in.
    pub(crate) moving: Option<Moving>,
    /// The only front end that serves it.
    pub(crate) front_end: Option<usize>,
    /// The guid in all ids; another after each migration.
    pub(crate) guid: Uuid,
    /// The guid behind search keys; stays.
    pub(crate) birth: Uuid,
    pub(crate) folders: BTreeMap<u64, Folder>,
    /// Deleted folders: the change, and the key.
    pub(crate) deleted_folders: BTreeMap<u64, u64>,
    pub(crate) subscriptions: HashMap<String, Subscription>,
    /// Out of office settings, once somebody set them.
    pub(crate) oof: Option<Element>,
    pub(crate) delegates: Vec<Delegate>,
    /// The addresses of those who have the permission FullAccess.
    pub(crate) full_access: Vec<String>,
    /// `DeliverMeetingRequests`
    pub(crate) deliver: String,
    /// Bytes it may hold.
    pub(crate) quota: u64,
    /// Folders and items whose time changed, of which nobody was told yet.
    retimed: BTreeSet<(u64, u64)>,
    last_change: u64,
    last_origin: u64,
    next_watermark: u64,
}

/// Somebody who wants to know.
pub(crate) struct Subscription {
    /// `None`: all folders.
    pub(crate) folders: Option<BTreeSet<u64>>,
    pub(crate) kinds: BTreeSet<EventKind>,
    pub(crate) streaming: bool,
    /// The account that made it: nobody else may use it.
    pub(crate) owner: String,
    /// The server that knows it.
    pub(crate) home: String,
    /// How long it lives while nobody asks, in seconds, and when that was last.
    pub(crate) patience: Seconds,
    pub(crate) asked_at: Seconds,
    pub(crate) queue: VecDeque<Event>,
    /// The watermark before the first event in the queue.
    pub(crate) watermark: u64,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EventKind {
    Copied,
    Created,
    Deleted,
    Modified,
    Moved,
    NewMail,
    FreeBusyChanged,
}

/// To what it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Item { folder: u64, item: u64 },
    Folder { folder: u64, parent: u64 },
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) watermark: u64,
    pub(crate) at: Seconds,
    pub(crate) kind: EventKind,
    pub(crate) subject: Subject,
    /// Where it was before, for moves and copies.
    pub(crate) old: Option<Subject>,
    /// The folder's unread count, for a changed folder.
    pub(crate) unread: Option<u32>,
}

impl Mailbox {
    /// A mailbox with the folders of that version.
    pub(crate) fn new(address: &str, display_name: &str, version: Version) -> Mailbox {
        let mut mailbox = Mailbox::empty(Role::Primary, address, display_name, Uuid::new_v4());
        mailbox.furnish(DISTINGUISHED.iter().filter(|row| row.since <= version));
        mailbox
    }

    /// Puts it on an older server: the folders that server does not make go, unless something is in them.
    pub(crate) fn age(&mut self, version: Version) {
        self.version = Some(version);
        for row in DISTINGUISHED.iter().filter(|row| row.since > version) {
            let empty = |folder: &&Folder| folder.distinguished == Some(row.id) && folder.items.is_empty();
            let gone = self.folders.values().find(empty).map(|folder| folder.key);
            if let Some(key) = gone {
                self.folders.remove(&key);
            }
        }
    }

    /// The archive that belongs to the mailbox of that address.
    pub(crate) fn archive(address: &str, display_name: &str) -> Mailbox {
        let mut mailbox = Mailbox::empty(Role::Archive, address, display_name, Uuid::new_v4());
        mailbox.furnish(DISTINGUISHED.iter().filter(|row| ARCHIVED.contains(&row.id)));
        mailbox
    }

    /// An empty tree of public folders.
    pub(crate) fn public() -> Mailbox {
        let mut mailbox = Mailbox::empty(Role::Public, "", "Public Folders", ids::public_guid());
        mailbox.furnish(std::iter::once(&PUBLIC));
        mailbox
    }

    fn empty(role: Role, address: &str, display_name: &str, guid: Uuid) -> Mailbox {
        Mailbox {
            role,
            address: address.to_owned(),
            display_name: display_name.to_owned(),
            version: None,
            moving: None,
            front_end: None,
            guid,
            birth: Uuid::new_v4(),
            folders: BTreeMap::new(),
            deleted_folders: BTreeMap::new(),
            subscriptions: HashMap::new(),
            oof: None,
            delegates: Vec::new(),
            full_access: Vec::new(),
            deliver: "DelegatesAndMe".to_owned(),
            quota: QUOTA,
            retimed: BTreeSet::new(),
            last_change: 0x100,
            last_origin: 0,
            next_watermark: 1,
        }
    }

    fn furnish<'a>(&mut self, rows: impl Iterator<Item = &'a Distinguished>) {
        for row in rows {
            let parent = self.distinguished(row.parent).unwrap_or(0);
            let key = self.add_folder(parent, row.display_name, row.class);
            if let Some(folder) = self.folders.get_mut(&key) {
                folder.distinguished = Some(row.id);
                folder.hidden = row.hidden;
            }
        }
    }

    pub(crate) fn is_public(&self) -> bool {
        self.role == Role::Public
    }

    /// The folder that paths begin below.
    pub(crate) fn top(&self) -> Option<u64> {
        self.distinguished(if self.is_public() { PUBLIC.id } else { "msgfolderroot" })
    }

    /// Takes the next number of the change counter.
    pub(crate) fn change(&mut self) -> u64 {
        self.last_change += 1;
        self.last_change
    }

    /// The last change made.
    pub(crate) fn last_change(&self) -> u64 {
        self.last_change
    }

    /// A distinguished folder.
    pub(crate) fn distinguished(&self, id: &str) -> Option<u64> {
        self.folders.values().find(|folder| folder.distinguished == Some(id)).map(|folder| folder.key)
    }

    /// A child by display name; case does not matter.
    pub(crate) fn child(&self, parent: u64, name: &str) -> Option<u64> {
        let wanted = name.to_lowercase();
        self.children(parent).find(|folder| folder.name.to_lowercase() == wanted).map(|folder| folder.key)
    }

    /// The folders right below one.
    pub(crate) fn children(&self, parent: u64) -> impl Iterator<Item = &Folder> {
        self.folders.values().filter(move |folder| folder.parent == parent)
    }

    /// Whether `folder` is `ancestor` or below it.
    pub(crate) fn is_below(&self, folder: u64, ancestor: u64) -> bool {
        let mut at = folder;
        loop {
            if at == ancestor {
                return true;
            }
            match self.folders.get(&at) {
                Some(folder) if folder.parent != 0 => at = folder.parent,
                _ => return false,
            }
        }
    }

    /// A distinguished id, or display names from the top of the information store joined with `/`; a `/` in a name is
    /// written `\/`.
    pub(crate) fn path(&self, path: &str) -> Option<u64> {
        if let Some(key) = self.distinguished(path) {
            return Some(key);
        }
        let names = names(path);
        let mut names = names.iter().map(String::as_str);
        let top = self.top()?;
        let first = names.next()?;
        // `inbox/Work` works in mailboxes of every language.
        let first = self.child(top, first).or_else(|| self.distinguished(&first.to_lowercase()))?;
        names.try_fold(first, |at, name| self.child(at, name))
    }

    /// Adds a folder and tells subscribers nothing.
    pub(crate) fn add_folder(&mut self, parent: u64, name: &str, class: &str) -> u64 {
        let key = self.change();
        self.folders.insert(key, Folder::new(key, parent, name, class, time::now()));
        key
    }

    /// The same, and the new folder takes from its parent what a public folder takes: permissions, and where its items are.
    pub(crate) fn add_below(&mut self, parent: u64, name: &str, class: &str) -> u64 {
        let key = self.add_folder(parent, name, class);
        let above = self.folders.get(&parent).map(|parent| (parent.permissions.clone(), parent.replica));
        if let (true, Some((permissions, replica)), Some(folder)) =
            (self.is_public(), above, self.folders.get_mut(&key))
        {
            (folder.permissions, folder.replica) = (permissions, replica);
        }
        key
    }

    /// Marks a folder as changed.
    pub(crate) fn touch_folder(&mut self, key: u64) {
        let change = self.change();
        if let Some(folder) = self.folders.get_mut(&key) {
            folder.changed = change;
            folder.committed_at = time::now();
        }
    }

    /// Puts an item into a folder; gives its key there.
    pub(crate) fn insert(&mut self, folder: u64, mut item: Item) -> Option<u64> {
        let key = self.change();
        if item.origin == 0 {
            self.last_origin += 1;
            item.origin = self.last_origin;
        }
        let folder = self.folders.get_mut(&folder)?;
        item.key = key;
        item.changed = key;
        item.altered = key;
        item.article = folder.next_article;
        folder.next_article = folder.next_article.wrapping_add(1);
        folder.unread += u32::from(item.is_unread());
        folder.size += item.size();
        folder.associated += usize::from(item.associated);
        folder.committed_at = time::now();
        folder.items.insert(key, item);
        Some(key)
    }

    /// What all items need, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.folders.values().map(|folder| folder.size).sum()
    }

    /// Whether so many bytes more would be too many.
    pub(crate) fn is_full_for(&self, bytes: u64) -> bool {
        self.size().saturating_add(bytes) > self.quota
    }

    /// Takes an item out of a folder.
    pub(crate) fn remove(&mut self, folder: u64, item: u64) -> Option<Item> {
        let change = self.change();
        let folder = self.folders.get_mut(&folder)?;
        let gone = folder.items.remove(&item)?;
        folder.changes.remove(&gone.changed);
        folder.departures.insert(change, item);
        folder.unread = folder.unread.saturating_sub(u32::from(gone.is_unread()));
        folder.size = folder.size.saturating_sub(gone.size());
        folder.associated = folder.associated.saturating_sub(usize::from(gone.associated));
        folder.committed_at = time::now();
        Some(gone)
    }

    /// An item.
    pub(crate) fn item(&self, folder: u64, item: u64) -> Option<&Item> {
        self.folders.get(&folder)?.items.get(&item)
    }

    /// Changes an item; gives it a new change number.
    pub(crate) fn alter(&mut self, folder: u64, item: u64, alter: impl FnOnce(&mut Item)) -> Option<()> {
        self.modify(folder, item, |item, change| {
            alter(item);
            item.altered = change;
        })
    }

    /// Sets the read flag alone; `None` if there is no such item.
    pub(crate) fn set_read(&mut self, folder: u64, item: u64, read: bool) -> Option<()> {
        if self.item(folder, item)?.read == read {
            return Some(());
        }
        self.modify(folder, item, |item, _| item.read = read)
    }

    fn modify(&mut self, folder: u64, item: u64, modify: impl FnOnce(&mut Item, u64)) -> Option<()> {
        let change = self.change();
        let folder = self.folders.get_mut(&folder)?;
        let item = folder.items.get_mut(&item)?;
        folder.changes.remove(&item.changed);
        folder.changes.insert(change, item.key);
        let (was_unread, was_size) = (item.is_unread(), item.size());
        let times = item.event().map(CalendarEvent::times);
        modify(item, change);
        if times != item.event().map(CalendarEvent::times) {
            self.retimed.insert((folder.key, item.key));
        }
        folder.size = (folder.size + item.size()).saturating_sub(was_size);
        item.changed = change;
        item.modified_at = time::now();
        folder.unread = (folder.unread + u32::from(item.is_unread())).saturating_sub(u32::from(was_unread));
        folder.committed_at = item.modified_at;
        Some(())
    }

    /// Tells whoever wants to know.
    pub(crate) fn notify(&mut self, kind: EventKind, subject: Subject, old: Option<Subject>) {
        self.tell(kind, subject, old);
        for subject in std::iter::once(subject).chain(old.filter(|_| kind == EventKind::Moved)) {
            if self.changes_times(kind, subject) {
                self.tell(EventKind::FreeBusyChanged, subject, None);
            }
        }
    }

    /// Whether something that happened changes when the owner is free (R/freebusychangedevent).
    fn changes_times(&mut self, kind: EventKind, subject: Subject) -> bool {
        let Subject::Item { folder, item } = subject else { return false };
        let Some(found) = self.folders.get(&folder).filter(|folder| folder.element() == "CalendarFolder") else {
            return false;
        };
        match (kind, found.items.get(&item).map(Item::event)) {
            (EventKind::Modified, _) => self.retimed.remove(&(folder, item)),
            (_, Some(event)) => event.is_some_and(|event| event.busy != "Free"),
            (_, None) => true,
        }
    }

    fn tell(&mut self, kind: EventKind, subject: Subject, old: Option<Subject>) {
        let folder_of = |subject: &Subject| match subject {
            Subject::Item { folder, .. } => *folder,
            Subject::Folder { parent, .. } => *parent,
        };
        let unread = match (kind, &subject) {
            (EventKind::Modified, Subject::Folder { folder, .. }) => {
                self.folders.get(folder).map(|folder| folder.unread)
            }
            _ => None,
        };
        let mut places = BTreeSet::from([folder_of(&subject)]);
        places.extend(old.iter().map(folder_of));
        if let Subject::Folder { folder, .. } = subject {
            places.insert(folder);
        }
        let watermark = self.next_watermark;
        self.next_watermark += 1;
        let now = time::now();
        let event = Event { watermark, at: now, kind, subject, old, unread };
        // Who does not ask is forgotten: the server does not keep events for ever.
        self.subscriptions.retain(|_, subscription| {
            subscription.asked_at + subscription.patience >= now && subscription.queue.len() < MOST_EVENTS
        });
        for subscription in self.subscriptions.values_mut() {
            let here = subscription.folders.as_ref().is_none_or(|folders| !folders.is_disjoint(&places));
            if here && subscription.kinds.contains(&kind) {
                subscription.queue.push_back(event.clone());
            }
        }
    }

    /// Tells that a folder's counts changed.
    pub(crate) fn notify_folder(&mut self, folder: u64) {
        let Some(parent) = self.folders.get(&folder).map(|folder| folder.parent) else { return };
        self.notify(EventKind::Modified, Subject::Folder { folder, parent }, None);
    }

    /// The watermark of now.
    pub(crate) fn watermark(&self) -> u64 {
        self.next_watermark - 1
    }

    /// The EWS id of something here.
    pub(crate) fn id(&self, target: Target) -> String {
        ids::encode(self.guid, target)
    }

    /// Every id, change key and sync state becomes another.
    pub(crate) fn migrate(&mut self) {
        self.guid = if self.is_public() { ids::public_guid() } else { Uuid::new_v4() };
        self.subscriptions.clear();
    }
}

/// The names in a path: `a/b\/c` is `b/c` in `a`.
pub(crate) fn names(path: &str) -> Vec<String> {
    let whole = path.replace("\\/", "\0");
    whole.split('/').filter(|name| !name.is_empty()).map(|name| name.replace('\0', "/")).collect()
}

/// Bytes a mailbox may hold unless told otherwise.
pub(crate) const QUOTA: u64 = 2 << 30;

/// Events kept for one subscription.
const MOST_EVENTS: usize = 50_000;
