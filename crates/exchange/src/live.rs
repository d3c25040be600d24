//! One mailbox while somebody uses it: shared by its sessions, kept fresh in the background.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use ews::{Caller, Client, DistinguishedFolder, Priority, Version};
use idmap::{IdMap, ItemRow};
use mailbox::{Bell, Error, FolderId, Uid};
use nodes::Nodes;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::account::Account;
use crate::batch::Batch;
use crate::bodies::Bodies;
use crate::caller::{caller, number};
use crate::directory::{Greeting, is_astray};
use crate::error::{self, Result, Tried};
use crate::folder_state::FolderState;
use crate::foreign::{Known, Levels, Mounts, Opener, Root, Visited};
use crate::hierarchy::Hierarchy;
use crate::keywords::Keywords;
use crate::learnt::Learnt;
use crate::maps::Map;
use crate::objects::{Fill, Myself, Others, People};
use crate::permissions::Lists;
use crate::problems::Soundness;
use crate::settings::{Prefetch, SearchIndex, SizePolicy};
use crate::stamps::Stamps;
use crate::submit::Outgoing;
use crate::watch::{Poll, Watching};

/// What the sessions of one mailbox share.
pub(crate) struct Live {
    /// The name people sign in with, for logs.
    pub(crate) user: String,
    pub(crate) map: Map,
    /// Exchange ids of the folders with a part to play, as Exchange told at sign-in.
    roles: RwLock<Vec<(String, DistinguishedFolder)>>,
    pub(crate) hierarchy: Hierarchy,
    /// Rings when anything changes that sessions of this mailbox can watch, in mailboxes beside it too.
    pub(crate) any: Bell,
    pub(crate) folders: DashMap<FolderId, Arc<FolderState>>,
    pub(crate) stamps: Stamps,
    pub(crate) bodies: Bodies,
    pub(crate) learnt: Learnt,
    pub(crate) keywords: Keywords,
    pub(crate) myself: Myself,
    pub(crate) others: Others,
    pub(crate) quota: Fill,
    pub(crate) permission_lists: Lists,
    pub(crate) people: People,
    pub(crate) sizes: SizePolicy,
    pub(crate) index: SearchIndex,
    pub(crate) prefetch: Prefetch,
    pub(crate) poll: Poll,
    pub(crate) watching: watch::Sender<Watching>,
    /// Whose folders these are.
    pub(crate) root: Root,
    /// The mailboxes beside this one, if it is the user's own.
    pub(crate) mounts: Mounts,
    /// What the user may do here, if it is not.
    pub(crate) facts: Known,
    pub(crate) visited: Visited,
    /// What is known of public folders, if they are it.
    pub(crate) levels: Levels,
    /// What is sent with from here, if it is the user's own.
    pub(crate) outgoing: Option<Outgoing>,
    /// Somebody began to listen to a folder.
    pub(crate) attention: Notify,
    pub(crate) batch: Batch,
    /// The same for what changes messages.
    pub(crate) writes: Batch,
    /// What is done for no session takes its turn as one.
    number: u64,
    /// Appends of which it is not known whether Exchange did them: what to look for before the same is tried again.
    pub(crate) unsettled: Mutex<Vec<crate::append::Unsettled>>,
    /// Held while the note of what is being added together is written.
    pub(crate) noting: tokio::sync::Mutex<()>,
    /// The other gateways that serve it.
    pub(crate) nodes: Option<Nodes>,
    /// What others left is being taken back.
    pub(crate) clearing: AtomicBool,
    client: RwLock<Client>,
    refused: AtomicBool,
    /// Told when the server seems to have the mailbox no more.
    astray: Arc<Notify>,
    tasks: Mutex<JoinSet<()>>,
    watcher: Mutex<Option<AbortHandle>>,
    presence: Mutex<Presence>,
    /// When something was last known to be as it is at Exchange.
    heard: Mutex<Instant>,
    pub(crate) soundness: Soundness,
}

#[derive(Debug)]
struct Presence {
    sessions: usize,
    since: Instant,
    /// It was put to rest, and nobody can join any more.
    over: bool,
}

/// What [`Live::start`] is made of.
pub(crate) struct Parts {
    pub(crate) user: String,
    pub(crate) map: Map,
    pub(crate) greeting: Greeting,
    pub(crate) bodies: Bodies,
    pub(crate) client: Client,
    pub(crate) sizes: SizePolicy,
    pub(crate) index: SearchIndex,
    pub(crate) prefetch: Prefetch,
    pub(crate) poll: Poll,
    pub(crate) root: Root,
    pub(crate) facts: Known,
    /// Rings with any change.
    pub(crate) any: Bell,
    /// Rings with changes of folders, subscriptions and notes.
    pub(crate) list: Bell,
    /// How mailboxes beside it are opened, if it is the user's own.
    pub(crate) opener: Option<Opener>,
    /// What is sent with from here, if it is the user's own.
    pub(crate) outgoing: Option<Outgoing>,
    /// The other gateways that serve it.
    pub(crate) nodes: Option<Nodes>,
}

impl Live {
    /// Brings a mailbox to life: its changes are watched from now on.
    pub(crate) fn start(parts: Parts) -> Arc<Self> {
        let live = Arc::new(Self {
            user: parts.user,
            map: parts.map,
            roles: RwLock::new(parts.greeting.roles),
            hierarchy: Hierarchy::new(parts.list),
            any: parts.any,
            folders: DashMap::new(),
            stamps: Stamps::at_sign_in(parts.greeting.stamps),
            bodies: parts.bodies,
            learnt: Learnt::default(),
            keywords: Keywords::default(),
            myself: Myself::default(),
            others: Others::default(),
            people: People::default(),
            quota: Fill::new(parts.greeting.quota),
            permission_lists: Lists::default(),
            sizes: parts.sizes,
            index: parts.index,
            prefetch: parts.prefetch,
            poll: parts.poll,
            watching: watch::Sender::new(Watching::Starting),
            root: parts.root,
            mounts: Mounts::new(parts.opener),
            facts: parts.facts,
            visited: Visited::default(),
            levels: Levels::default(),
            outgoing: parts.outgoing,
            attention: Notify::new(),
            batch: Batch::default(),
            writes: Batch::default(),
            number: number(),
            unsettled: Mutex::default(),
            noting: tokio::sync::Mutex::default(),
            nodes: parts.nodes,
            clearing: AtomicBool::new(false),
            client: RwLock::new(parts.client),
            refused: AtomicBool::new(false),
            astray: Arc::default(),
            tasks: Mutex::default(),
            watcher: Mutex::default(),
            presence: Mutex::new(Presence { sessions: 0, since: Instant::now(), over: false }),
            heard: Mutex::new(Instant::now()),
            soundness: Soundness::default(),
        });
        live.watch_anew();
        live.spawn(Arc::clone(&live).clear_begun());
        live.spawn(Arc::clone(&live).send_what_waits());
        live
    }

    /// A session of it; None once it was put to rest.
    pub(crate) fn join(self: &Arc<Self>) -> Option<Account> {
        let mut presence = self.presence();
        if presence.over {
            return None;
        }
        presence.sessions += 1;
        if self.nodes.is_some() {
            self.spawn(Arc::clone(self).clear_left());
        }
        Some(Account::of(Arc::clone(self)))
    }

    /// A session of it has ended.
    pub(crate) fn leave(&self) {
        let mut presence = self.presence();
        presence.sessions = presence.sessions.saturating_sub(1);
        presence.since = Instant::now();
    }

    /// Puts it to rest if no session has used it for that long; true once it is at rest. While Exchange is away it stays,
    /// since who comes back then finds what is here, and nothing else; and while messages wait to be sent.
    pub(crate) fn rest(&self, linger: Duration) -> bool {
        let mut presence = self.presence();
        let is_quiet = presence.sessions == 0 && presence.since.elapsed() >= linger;
        if !presence.over && is_quiet && !self.is_away() && !self.has_mail_to_send() {
            presence.over = true;
            self.stop();
            tracing::info!(user = self.user, "mailbox put to rest");
        }
        presence.over
    }

    /// Sessions there are.
    pub(crate) fn sessions(&self) -> usize {
        self.presence().sessions
    }

    /// Exchange told how things are.
    pub(crate) fn heard_now(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// For how long nothing was heard of Exchange; not at all while it tells by itself.
    pub(crate) fn unheard(&self) -> Duration {
        match *self.watching.borrow() {
            Watching::Streaming if !self.is_away() => Duration::ZERO,
            _ => self.heard.lock().unwrap_or_else(PoisonError::into_inner).elapsed(),
        }
    }

    /// True once it is at rest.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.presence().over
    }

    /// Exchange does not answer at all.
    pub(crate) fn is_away(&self) -> bool {
        self.way().is_away()
    }

    /// Waits that long for news; not at all while Exchange is away, since what is known is all there is then.
    pub(crate) async fn await_news<T>(&self, time: Duration, news: impl Future<Output = T>) -> Option<T> {
        let client = self.way();
        tokio::select! {
            biased;
            news = tokio::time::timeout(time, news) => news.ok(),
            () = client.gone() => None,
        }
    }

    /// Returns once Exchange is back after it was away; never if it is there.
    pub(crate) async fn returned(&self) {
        let client = self.way();
        match client.is_away() {
            true => client.back().await,
            false => std::future::pending().await,
        }
    }

    /// Waits that long, or until Exchange is back after it was away: then it is true.
    pub(crate) async fn pause(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.returned()).await.is_ok()
    }

    /// Ends what runs in the background.
    pub(crate) fn stop(&self) {
        self.mounts.stop();
        self.levels.stop();
        self.tasks().abort_all();
    }

    /// Another gateway changed what is known of this mailbox: whoever listens looks. Nothing that is remembered in memory is
    /// older than this.
    pub(crate) async fn others_wrote(&self) {
        self.mounts.forget_table().await;
        self.hierarchy.forget();
        self.soundness.doubt();
        self.folders.iter().for_each(|state| state.bell.ring());
    }

    /// Takes a password that Exchange accepts, after the old one may have been refused.
    pub(crate) fn renew(self: &Arc<Self>, client: Client) {
        self.mounts.renew(&client);
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
        self.refused.store(false, Ordering::SeqCst);
        self.watch_anew();
        self.wake_sender();
    }

    fn watch_anew(self: &Arc<Self>) {
        let watcher = match self.root.is_own() {
            true => self.spawn(Arc::clone(self).watch_changes()),
            false => self.spawn(Arc::clone(self).watch_foreign()),
        };
        let before = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).replace(watcher);
        before.inspect(AbortHandle::abort);
    }

    /// True once Exchange has refused the password it had accepted.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }

    /// The way to Exchange.
    ///
    /// # Errors
    /// `SignIn` once Exchange has refused the password: it is not asked again with it.
    pub(crate) fn client(&self) -> Result<Client> {
        if self.is_refused() {
            return Err(error::signed_out());
        }
        let nobody = Caller { priority: Priority::Idle, session: self.number };
        Ok(self.way().with_caller(caller().unwrap_or(nobody)))
    }

    /// The same, whether or not the password is still good.
    fn way(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the version of the schema that an earlier run found the mailbox's server to understand.
    pub(crate) async fn recall_version(&self) {
        self.learn_version(self.map.note(VERSION).await.ok().flatten().and_then(|word| Version::named(&word)));
    }

    /// Takes it from somebody who found it out.
    pub(crate) fn learn_version(&self, known: Option<Version>) {
        if let Some(known) = known {
            self.way().with_known_version(known);
        }
    }

    /// Keeps it for the next run.
    pub(crate) async fn keep_version(&self) {
        let newest = self.way().server_version();
        let Some(newest) = newest.map(Version::as_str) else { return };
        if self.map.note(VERSION).await.ok().flatten().as_deref() != Some(newest)
            && let Err(error) = self.map.put_note(VERSION, newest).await
        {
            tracing::warn!(user = self.user, %error, "the version of Exchange could not be kept");
        }
    }

    /// What Exchange calls a folder with a part to play.
    pub(crate) fn id_of(&self, role: DistinguishedFolder) -> Option<String> {
        let roles = self.roles.read().unwrap_or_else(PoisonError::into_inner);
        roles.iter().find(|(_, known)| *known == role).map(|(id, _)| id.clone())
    }

    /// The part a folder has to play.
    pub(crate) fn role_of(&self, id: &str) -> Option<DistinguishedFolder> {
        let roles = self.roles.read().unwrap_or_else(PoisonError::into_inner);
        roles.iter().find(|(known, _)| known == id).map(|(_, role)| *role)
    }

    /// Takes what Exchange tells of the mailbox now.
    pub(crate) fn greeted(&self, greeting: Greeting) {
        *self.roles.write().unwrap_or_else(PoisonError::into_inner) = greeting.roles;
        self.quota.learn(greeting.quota);
    }

    /// What a failed call means; a refused password is noted on the way.
    pub(crate) fn failed(&self, tried: &Tried, error: &ews::Error) -> Error {
        if error.kind == ews::ErrorKind::SignIn && self.is_refused_now() && !self.refused.swap(true, Ordering::SeqCst) {
            tracing::warn!(user = self.user, %error, "Exchange refuses the password; it is not used again");
        }
        if is_astray(error) {
            self.astray.notify_one();
        }
        tried.failed(error)
    }

    /// Rings when the server seems to have the mailbox no more.
    pub(crate) fn astray(&self) -> Arc<Notify> {
        Arc::clone(&self.astray)
    }

    /// False for a call that was made with the password before this one.
    fn is_refused_now(&self) -> bool {
        self.way().refused_until().is_some()
    }

    /// Runs until it ends or the mailbox is put to rest.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task)
    }

    /// What is kept of a folder in use.
    pub(crate) fn state(&self, folder: FolderId) -> Arc<FolderState> {
        if let Some(state) = self.folders.get(&folder) {
            return Arc::clone(&state);
        }
        let new = || {
            let state = FolderState::new(folder, &self.any);
            state.foreign.store(!self.root.is_own(), Ordering::SeqCst);
            Arc::new(state)
        };
        Arc::clone(&self.folders.entry(folder).or_insert_with(new))
    }

    /// Sorts messages whose ids Exchange did not know: those it calls otherwise by now (a migration), with these
    /// ids, and the others, each with why it is not among them: it is `gone`, or the folder, which is looked at for that,
    /// cannot be looked at.
    pub(crate) async fn renamed(
        self: &Arc<Self>,
        folder: FolderId,
        rows: Vec<ItemRow>,
        gone: impl Fn() -> Error,
    ) -> (Vec<ItemRow>, Vec<(ItemRow, Error)>) {
        let state = self.state(folder);
        state.due.want();
        // Exchange has just answered: whatever kept us from looking a moment ago is over.
        state.due.forgive();
        let uids: Vec<Uid> = rows.iter().map(|row| row.uid).collect();
        let looked = self.look(&state).await;
        let now = match looked {
            Ok(()) => self.map.items(folder, &uids).await.map_err(Error::from),
            Err(error) => Err(error),
        };
        let now = match now {
            Ok(now) => now,
            Err(error) => return (Vec::new(), rows.into_iter().map(|row| (row, error.clone())).collect()),
        };
        let old = |row: &ItemRow| rows.iter().any(|old| old.uid == row.uid && old.item_id == row.item_id);
        let renamed: Vec<ItemRow> = now.into_iter().filter(|row| !old(row)).collect();
        let missed = rows.into_iter().filter(|row| !renamed.iter().any(|new| new.uid == row.uid));
        let missed = missed.map(|row| (row, gone())).collect();
        (renamed, missed)
    }

    fn presence(&self) -> MutexGuard<'_, Presence> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Live({})", self.user)
    }
}

/// The map's note that holds the version of the schema the mailbox's server understands.
const VERSION: &str = "version";
