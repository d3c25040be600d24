//! What a client asked to be told of without asking again (NOTIFY, RFC 5465).
//!
//! Nothing is queued: a wake-up says "look", and what is told is the difference between what the client was told last
//! and what is. So a client that reads slowly is told less often, and costs no memory. Looking costs no EWS call beyond
//! those that brought the news into the index.

mod folders;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use imap_proto::command::fetch::Item as FetchItem;
use imap_proto::command::metadata::Entry;
use imap_proto::command::notify::{Event, Group};
use imap_proto::command::scope::Scope;
use imap_proto::command::status::Item;
use imap_proto::response::{self, Attribute, ListLine, StatusValue};
use imap_proto::{MailboxName, Names, Verb};
use mailbox::{AnnotationChange, AnnotationSeq, Depth, Folder, FolderId, FolderPath, Mail, Namespaces, Status, Watch};
use tracing::debug;

use crate::command::list;
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::names;
use crate::view::Expunges;

/// What a session is told without asking.
#[derive(Debug, Default)]
pub(crate) enum Told {
    /// Messages of the selected mailbox, while a command runs (RFC 3501).
    #[default]
    Usual,
    /// Nothing (NOTIFY NONE).
    Nothing,
    /// This.
    Asked(Box<Notify>),
}

impl Told {
    /// The session does this itself: it need not be told of it.
    pub(crate) fn own(&mut self, verb: &Verb) {
        if let Self::Asked(notify) = self {
            notify.own.paths.extend(paths_of(verb));
        }
    }

    /// The session sets these notes itself.
    pub(crate) fn own_notes(&mut self, notes: impl IntoIterator<Item = AnnotationChange>) {
        if let Self::Asked(notify) = self {
            notify.own.notes.extend(notes);
        }
    }

    /// Wakes when there may be something to tell between commands.
    pub(crate) async fn woken(&mut self) {
        match self {
            // In a box, so that sessions that asked for nothing are as small as they were.
            Self::Asked(notify) => Box::pin(notify.woken()).await,
            Self::Usual | Self::Nothing => std::future::pending().await,
        }
    }
}

/// What one session is told of.
#[derive(Debug)]
pub(crate) struct Notify {
    /// Of the selected mailbox; nothing if it was not asked for.
    selected: Option<Arc<Selected>>,
    selected_watch: Option<(FolderId, Watch)>,
    others: Vec<Others>,
    server_notes: bool,
    /// Wakes for all of it.
    any: Watch,
    list: Watch,
    namespaces: Namespaces,
    /// Folders whose messages are watched, and what the client knows of them.
    watched: HashMap<FolderId, Watched>,
    /// Folders and subscriptions as the client knows them.
    folders: Arc<[Folder]>,
    subscribed: BTreeSet<FolderPath>,
    notes: AnnotationSeq,
    /// What this session does itself, and need not be told of.
    own: Own,
}

/// How it is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// How names are written.
    pub(crate) names: Names,
    /// The client understands HIGHESTMODSEQ.
    pub(crate) modseq: bool,
    /// The mailbox of which this is not told.
    pub(crate) selected: Option<FolderId>,
}

/// What is told of the selected mailbox.
#[derive(Clone, Debug)]
pub(crate) struct Selected {
    /// `SELECTED-DELAYED`
    delayed: bool,
    /// `FlagChange`
    flags: bool,
    /// What is told of each new message.
    items: Vec<FetchItem>,
}

/// What is told of other mailboxes.
#[derive(Debug)]
struct Others {
    mailboxes: Scope,
    messages: bool,
    flags: bool,
    names: bool,
    subscriptions: bool,
    notes: bool,
}

#[derive(Debug)]
struct Watched {
    watch: Watch,
    /// What was told last, if anything was.
    told: Option<Status>,
    /// There was news, and it could not be told.
    missed: bool,
}

#[derive(Debug, Default)]
struct Own {
    paths: Vec<FolderPath>,
    notes: Vec<AnnotationChange>,
}

impl Notify {
    /// Begins to watch. Nothing is told yet.
    ///
    /// # Errors
    /// `NO [BADEVENT]` for events there are not, `NO [NOTIFICATIONOVERFLOW]` for too many mailboxes.
    pub(crate) async fn begin<A: Mail, T: Transport>(
        account: &A,
        connection: &mut Connection<T>,
        groups: &[Group],
    ) -> Result<Self, Stop> {
        if groups.iter().flat_map(|group| &group.events).any(|event| *event == Event::Unknown) {
            return Err(Answer::no(response::Code::BadEvent, "There is no such event here").into());
        }
        for path in groups.iter().flat_map(|group| group.mailboxes.named()).filter_map(names::path) {
            if let Err(error) = connection.patiently(account.visit(&path, Depth::Infinite)).await? {
                debug!(%error, "nothing to watch there");
            }
        }
        // The watches come first, so that nothing falls between them and what is looked at.
        let (any, list) = (account.watch_any(), account.watch_list());
        let mut notify = Self {
            selected: groups.iter().find_map(Selected::of).map(Arc::new),
            selected_watch: None,
            others: groups.iter().filter_map(Others::of).collect(),
            server_notes: groups.iter().any(|group| group.events.contains(&Event::ServerMetadataChange)),
            any,
            list,
            namespaces: connection.patiently(account.namespaces()).await??,
            watched: HashMap::new(),
            folders: connection.patiently(account.folders()).await??,
            subscribed: connection.patiently(account.subscriptions()).await??.into_iter().collect(),
            notes: connection.patiently(account.annotation_changes(None)).await??.0,
            own: Own::default(),
        };
        notify.watch(account);
        match notify.watched.len() > MOST_FOLDERS {
            true => Err(Answer::no(response::Code::NotificationOverflow, "These are too many mailboxes").into()),
            false => Ok(notify),
        }
    }

    /// What is told of the selected mailbox.
    pub(crate) fn selected(&self) -> Option<Arc<Selected>> {
        self.selected.clone()
    }

    async fn woken(&mut self) {
        let again = self.watched.values().any(|watched| watched.missed);
        tokio::select! {
            () = self.any.changed() => {}
            () = tokio::time::sleep(TRY_AGAIN), if again => {}
        }
    }

    /// STATUS of each mailbox that is watched, before the command is answered (RFC 5465 section 3.1).
    pub(crate) async fn tell_all<A: Mail, T: Transport>(
        &mut self,
        account: &A,
        connection: &mut Connection<T>,
        manner: &Manner,
    ) -> Result<(), Stop> {
        let folders = Arc::clone(&self.folders);
        for folder in folders.iter().filter(|folder| Some(folder.id) != manner.selected) {
            if self.watched.contains_key(&folder.id) {
                self.tell_status(account, connection, manner, folder, |_, _| true).await?;
                connection.relieve().await?;
            }
        }
        Ok(())
    }

    /// Mailboxes that were named and cannot be looked into (RFC 5465 section 3.1).
    pub(crate) fn tell_closed(&self, out: &mut Vec<u8>, names: Names) {
        let closed = |folder: &&Folder| !folder.selectable && self.is_others(&folder.path);
        for folder in self.folders.iter().filter(closed) {
            if self.others.iter().any(|others| others.messages && names::reaches(&others.mailboxes, &folder.path)) {
                let line = list::line(vec![Attribute::NoAccess], names::name(&folder.path));
                response::list(out, names, &line);
            }
        }
    }

    /// Tells what happened outside of the selected mailbox.
    pub(crate) async fn tell<A: Mail, T: Transport>(
        &mut self,
        account: &A,
        connection: &mut Connection<T>,
        manner: &Manner,
    ) -> Result<(), Stop> {
        if self.list.take() {
            self.tell_list(account, connection, manner.names).await?;
            self.tell_notes(account, connection, manner.names).await?;
        }
        let news: Vec<FolderId> =
            self.watched.iter_mut().filter_map(|(id, watched)| watched.has_news().then_some(*id)).collect();
        if news.is_empty() {
            return Ok(());
        }
        let folders = Arc::clone(&self.folders);
        let news: HashSet<FolderId> = news.into_iter().filter(|id| Some(*id) != manner.selected).collect();
        for folder in folders.iter().filter(|folder| news.contains(&folder.id)) {
            self.tell_status(account, connection, manner, folder, is_news).await?;
            connection.relieve().await?;
        }
        Ok(())
    }

    /// A STATUS that says what is other than it was told last; of a folder that cannot be counted now, it comes later.
    async fn tell_status<A: Mail, T: Transport>(
        &mut self,
        account: &A,
        connection: &mut Connection<T>,
        manner: &Manner,
        folder: &Folder,
        is_told: fn(Option<&Status>, &Status) -> bool,
    ) -> Result<(), Stop> {
        let counted = connection.patiently(account.status(folder.id)).await?;
        let flags = self.others.iter().any(|others| others.flags && self.covers(others, folder));
        let Some(watched) = self.watched.get_mut(&folder.id) else { return Ok(()) };
        let now = match counted {
            Ok(now) => now,
            Err(error) => {
                debug!(%error, "no counts");
                watched.missed = true;
                return Ok(());
            }
        };
        if !is_told(watched.told.as_ref(), &now) {
            return Ok(());
        }
        let before = watched.told.replace(now);
        let items = items(before.as_ref(), &now, flags, manner.modseq);
        if !items.is_empty() {
            let values: Vec<(Item, StatusValue)> =
                items.into_iter().map(|(item, value)| (item, StatusValue::Number(value))).collect();
            response::status(&mut connection.out, manner.names, &names::name(&folder.path), &values);
        }
        Ok(())
    }

    /// Folders that came, went, have another name, or were subscribed.
    async fn tell_list<A: Mail, T: Transport>(
        &mut self,
        account: &A,
        connection: &mut Connection<T>,
        names: Names,
    ) -> Result<(), Stop> {
        let (now, subscribed) = match (
            connection.patiently(account.folders()).await?,
            connection.patiently(account.subscriptions()).await?,
        ) {
            (Ok(now), Ok(subscribed)) => (now, subscribed.into_iter().collect::<BTreeSet<_>>()),
            _ => return Ok(()),
        };
        let before = std::mem::replace(&mut self.folders, now);
        let were = std::mem::replace(&mut self.subscribed, subscribed);
        let own = std::mem::take(&mut self.own.paths);
        let mut lines: BTreeMap<FolderPath, Option<FolderPath>> = folders::changed(&before, &self.folders)
            .into_iter()
            .filter(|(path, old)| {
                let ours = own.contains(path) || old.as_ref().is_some_and(|old| own.contains(old));
                !ours
                    && (self.tells_name(path, &before) || old.as_ref().is_some_and(|old| self.tells_name(old, &before)))
            })
            .collect();
        for path in folders::resubscribed(&before, &self.folders, &were, &self.subscribed) {
            if !own.contains(path) && self.tells_subscription(path, &were) {
                lines.entry(path.clone()).or_insert(None);
            }
        }
        for (path, old) in lines {
            response::list(&mut connection.out, names, &self.line(&path, old.as_ref()));
            connection.relieve().await?;
        }
        self.watch(account);
        Ok(())
    }

    async fn tell_notes<A: Mail, T: Transport>(
        &mut self,
        account: &A,
        connection: &mut Connection<T>,
        names: Names,
    ) -> Result<(), Stop> {
        let Ok((now, changes)) = connection.patiently(account.annotation_changes(Some(self.notes))).await? else {
            return Ok(());
        };
        self.notes = now;
        let own = std::mem::take(&mut self.own.notes);
        let mut told: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for change in changes.into_iter().filter(|change| !own.contains(change)) {
            let name = match change.folder {
                None if self.server_notes => String::new(),
                None => continue,
                Some(id) => {
                    let Some(folder) = self.folders.iter().find(|folder| folder.id == id) else { continue };
                    if !self.others.iter().any(|others| others.notes && self.covers(others, folder)) {
                        continue;
                    }
                    names::name(&folder.path).0
                }
            };
            told.entry(name).or_default().push(Entry(change.name));
        }
        for (name, entries) in told {
            response::metadata_changed(&mut connection.out, names, &MailboxName(name), &entries);
        }
        Ok(())
    }

    /// A mailbox as it is now, for LIST.
    fn line(&self, path: &FolderPath, old: Option<&FolderPath>) -> ListLine {
        let folder = self.folders.iter().find(|folder| folder.path == *path);
        let mut attributes = match folder {
            Some(folder) => list::attributes(folder),
            None => list::missing(path, &self.folders),
        };
        if self.subscribed.contains(path) {
            attributes.push(Attribute::Subscribed);
        }
        ListLine { old_name: old.map(names::name), ..list::line(attributes, names::name(path)) }
    }

    fn tells_name(&self, path: &FolderPath, before: &[Folder]) -> bool {
        self.others.iter().any(|others| others.names && self.covers_path(others, path, before))
    }

    fn tells_subscription(&self, path: &FolderPath, were: &BTreeSet<FolderPath>) -> bool {
        self.others.iter().any(|others| {
            let was = matches!(others.mailboxes, Scope::Subscribed) && were.contains(path);
            others.subscriptions && (was || self.covers_path(others, path, &[]))
        })
    }

    /// Watches all folders whose messages are asked for, and no others.
    fn watch<A: Mail>(&mut self, account: &A) {
        let mut before = std::mem::take(&mut self.watched);
        let is_wanted = |folder: &&Folder| {
            folder.selectable && self.others.iter().any(|others| others.messages && self.covers(others, folder))
        };
        let new = |folder: FolderId| Watched { watch: account.watch(folder), told: None, missed: false };
        let wanted = self.folders.iter().filter(is_wanted).map(|folder| folder.id);
        self.watched = wanted.map(|id| (id, before.remove(&id).unwrap_or_else(|| new(id)))).collect();
    }

    /// Watches the selected mailbox, which Exchange may tell of only then.
    pub(crate) fn watch_selected<A: Mail>(&mut self, account: &A, selected: Option<FolderId>) {
        if self.selected_watch.as_ref().map(|(id, _)| *id) != selected {
            self.selected_watch = selected.map(|id| (id, account.watch(id)));
        }
    }

    fn covers(&self, others: &Others, folder: &Folder) -> bool {
        self.covers_path(others, &folder.path, &[])
    }

    /// RFC 5465 section 6. Rules of the mailbox may deliver anywhere, so that `INBOXES` is `PERSONAL`. A name that is
    /// gone is what it was.
    fn covers_path(&self, others: &Others, path: &FolderPath, before: &[Folder]) -> bool {
        match &others.mailboxes {
            Scope::Selected | Scope::SelectedDelayed => false,
            Scope::Inboxes | Scope::Personal => !self.is_others(path),
            Scope::Subscribed => {
                let was = before.iter().any(|folder| folder.path == *path && folder.subscribed);
                was || self.subscribed.contains(path)
            }
            Scope::Subtree(_) | Scope::SubtreeOne(_) | Scope::Mailboxes(_) => names::reaches(&others.mailboxes, path),
        }
    }

    fn is_others(&self, path: &FolderPath) -> bool {
        let tops = self.namespaces.others.iter().chain(&self.namespaces.shared);
        tops.into_iter().any(|top| path == top || path.is_below(top))
    }
}

impl Watched {
    fn has_news(&mut self) -> bool {
        self.watch.take() | std::mem::take(&mut self.missed)
    }
}

impl Selected {
    fn of(group: &Group) -> Option<Self> {
        let delayed = match group.mailboxes {
            Scope::Selected => false,
            Scope::SelectedDelayed => true,
            _ => return None,
        };
        let items = group.events.iter().find_map(|event| match event {
            Event::MessageNew(items) => Some(items.clone()),
            _ => None,
        })?;
        Some(Self { delayed, flags: group.events.contains(&Event::FlagChange), items })
    }

    /// Whether expunges may be told while no command runs.
    pub(crate) fn between_commands(&self) -> Expunges {
        if self.delayed { Expunges::Hold } else { Expunges::Tell }
    }

    /// True if others' changes of flags are told.
    pub(crate) fn tells_flags(&self) -> bool {
        self.flags
    }

    /// What is told of new messages.
    pub(crate) fn items(&self) -> &[FetchItem] {
        &self.items
    }
}

impl Others {
    fn of(group: &Group) -> Option<Self> {
        let has = |event: &Event| group.events.contains(event);
        (!group.mailboxes.is_selected()).then(|| Self {
            mailboxes: group.mailboxes.clone(),
            messages: has(&Event::MessageExpunge),
            flags: has(&Event::FlagChange),
            names: has(&Event::MailboxName),
            subscriptions: has(&Event::SubscriptionChange),
            notes: has(&Event::MailboxMetadataChange),
        })
    }
}

/// The folders a command makes, renames, deletes or subscribes, and those above what it makes or takes away.
fn paths_of(verb: &Verb) -> Vec<FolderPath> {
    let with_parents = |name: &MailboxName| {
        std::iter::successors(names::path_to_create(name), FolderPath::parent).collect::<Vec<FolderPath>>()
    };
    match verb {
        Verb::Create(create) => with_parents(&create.mailbox),
        Verb::Delete(name) => with_parents(name),
        Verb::Rename(rename) => [with_parents(&rename.from), with_parents(&rename.to)].concat(),
        Verb::Subscribe(name) | Verb::Unsubscribe(name) => names::path(name).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// False for a mailbox that is only looked at for the first time and never held a message.
fn is_news(before: Option<&Status>, now: &Status) -> bool {
    before.is_some() || now.messages > 0 || now.state.uid_next.get() > 1
}

/// What a STATUS tells (RFC 5465 sections 3.1, 5.1 to 5.3): all of it the first time, then what is other.
fn items(before: Option<&Status>, now: &Status, flags: bool, modseq: bool) -> Vec<(Item, u64)> {
    let validity = (Item::UidValidity, u64::from(now.state.uid_validity.0.get()));
    let next = (Item::UidNext, u64::from(now.state.uid_next.get()));
    let (messages, unseen) = ((Item::Messages, u64::from(now.messages)), (Item::Unseen, u64::from(now.unseen)));
    let highest = (Item::HighestModSeq, now.state.highest_modseq.0);
    let Some(before) = before else {
        return [messages, next, validity, unseen].into_iter().chain(modseq.then_some(highest)).collect();
    };
    let counted = before.messages != now.messages || before.state.uid_next != now.state.uid_next;
    let read = before.unseen != now.unseen;
    let changed = flags && (read || (modseq && before.state.highest_modseq != now.state.highest_modseq));
    let renumbered = before.state.uid_validity != now.state.uid_validity;
    let table = [
        (messages, counted),
        (next, counted),
        (validity, renumbered || (changed && !counted)),
        (unseen, read && (counted || flags)),
        (highest, modseq && (counted || changed)),
    ];
    table.into_iter().filter(|(_, told)| *told).map(|(item, _)| item).collect()
}

/// Folders one session may watch.
const MOST_FOLDERS: usize = 5000;
/// What could not be told is tried again after this.
const TRY_AGAIN: Duration = Duration::from_secs(30);
