//! One mailbox while somebody uses it: shared by its sessions, kept fresh in the background.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use dashmap::DashMap;
use ews::{Caller, Client, DistinguishedFolder, Priority, Version};
use idmap::sqlite::Mailbox as Map;
use idmap::{IdMap, ItemRow};
use mailbox::search::Query;
use mailbox::{
    Access, Annotation, AnnotationChange, AnnotationSeq, Appended, Bell, Content, Delta, Depth, Details, Error,
    Expunged, FlagChange, Folder, FolderId, FolderPath, FolderRights, Grantee, Haste, Mail, ModSeq, Namespaces,
    NewMessage, Progress, Quota, RightsChange, Snapshot, SpecialUse, Status, Stored, Subscription, Transferred, Uid,
    Watch,
};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::batch::Batch;
use crate::bodies::Bodies;
use crate::directory::{Greeting, is_astray};
use crate::error::{self, Result, Tried};
use crate::folder_state::FolderState;
use crate::foreign::{Known, Levels, Mounts, Opener, Root, Visited, between};
use crate::hierarchy::Hierarchy;
use crate::keywords::Keywords;
use crate::learnt::Learnt;
use crate::objects::{Fill, Myself, Others, People};
use crate::permissions::Lists;
use crate::read_ahead::SharedTrail;
use crate::settings::{Prefetch, SearchIndex, SizePolicy};
use crate::sizes;
use crate::stamps::Stamps;
use crate::still::Still;
use crate::submit::Outgoing;
use crate::watch::{Poll, Watching};

/// One user's mail in Exchange, for one session or several.
#[derive(Clone, Debug)]
pub struct Account(Arc<Session>);

/// Counts while it lives.
#[derive(Debug)]
struct Session {
    live: Arc<Live>,
    /// Sessions take turns at Exchange.
    number: u64,
    /// How it goes through a folder.
    trail: SharedTrail,
    still: Still,
}

tokio::task_local! {
    /// For whom this task asks Exchange; where it is not said, for nobody who waits.
    static CALLER: Caller;
}

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
    client: RwLock<Client>,
    refused: AtomicBool,
    /// Told when the server seems to have the mailbox no more.
    astray: Arc<Notify>,
    tasks: Mutex<JoinSet<()>>,
    watcher: Mutex<Option<AbortHandle>>,
    presence: Mutex<Presence>,
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
            client: RwLock::new(parts.client),
            refused: AtomicBool::new(false),
            astray: Arc::default(),
            tasks: Mutex::default(),
            watcher: Mutex::default(),
            presence: Mutex::new(Presence { sessions: 0, since: Instant::now(), over: false }),
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
        let session = Session {
            live: Arc::clone(self),
            number: number(),
            trail: SharedTrail::default(),
            still: Still::default(),
        };
        Some(Account(Arc::new(session)))
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
        let caller = CALLER.try_with(|caller| *caller).unwrap_or(nobody);
        Ok(self.way().with_caller(caller))
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
    /// ids, and those that are gone for all we know. The folder is looked at for that.
    pub(crate) async fn renamed(
        self: &Arc<Self>,
        folder: FolderId,
        rows: Vec<ItemRow>,
    ) -> (Vec<ItemRow>, Vec<ItemRow>) {
        let state = self.state(folder);
        state.due.want();
        let uids: Vec<Uid> = rows.iter().map(|row| row.uid).collect();
        let now = match self.look(&state).await {
            Ok(()) => self.map.items(folder, &uids).await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let old = |row: &ItemRow| rows.iter().any(|old| old.uid == row.uid && old.item_id == row.item_id);
        let renamed: Vec<ItemRow> = now.into_iter().filter(|row| !old(row)).collect();
        let gone = rows.iter().filter(|row| !renamed.iter().any(|new| new.uid == row.uid)).cloned().collect();
        (renamed, gone)
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

impl Drop for Session {
    fn drop(&mut self) {
        let mut presence = self.live.presence();
        presence.sessions = presence.sessions.saturating_sub(1);
        presence.since = Instant::now();
    }
}

impl Account {
    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.0.live
    }

    /// Does it for this session, and for somebody who waits.
    pub(crate) async fn attended<T>(&self, work: impl Future<Output = T>) -> T {
        // Boxed, so that what is deep does not become deeper.
        CALLER.scope(Caller { priority: Priority::User, session: self.0.number }, Box::pin(work)).await
    }

    /// The mailbox a folder is in, and what that calls it. In a box, as are others' mailboxes everywhere here: what is
    /// rarely needed must not make each call's future deeper.
    async fn at(&self, folder: FolderId) -> Result<(Arc<Live>, FolderId)> {
        Box::pin(self.live().at(folder)).await
    }
}

impl Mail for Account {
    async fn namespaces(&self) -> Result<Namespaces> {
        self.attended(async { Box::pin(self.live().namespaces()).await }).await
    }

    async fn visit(&self, path: &FolderPath, depth: Depth) -> Result<()> {
        self.attended(async { Box::pin(self.live().visit(path, depth)).await }).await
    }

    async fn folders(&self) -> Result<Arc<[Folder]>> {
        self.attended(async { Box::pin(self.live().all_folders()).await }).await
    }

    async fn folder(&self, path: &FolderPath) -> Result<Option<Folder>> {
        self.attended(async { Box::pin(self.live().folder_at(path)).await }).await
    }

    async fn create_folder(&self, path: &FolderPath) -> Result<FolderId> {
        self.attended(async { Box::pin(self.live().create_anywhere(path)).await }).await
    }

    async fn create_folder_for(&self, path: &FolderPath, role: SpecialUse) -> Result<FolderId> {
        self.attended(async { Box::pin(self.live().create_folder_for(path, role)).await }).await
    }

    async fn rename_folder(&self, from: &FolderPath, to: &FolderPath) -> Result<()> {
        self.attended(async { Box::pin(self.live().rename_anywhere(from, to)).await }).await
    }

    async fn delete_folder(&self, path: &FolderPath) -> Result<()> {
        self.attended(async {
            let (_, live, path) = Box::pin(self.live().at_path(path)).await?;
            live.delete_folder(&path).await
        })
        .await
    }

    async fn subscribe(&self, path: &FolderPath, wish: Subscription) -> Result<()> {
        self.live().map.subscribe(path, wish).await?;
        self.live().hierarchy.forget();
        match wish {
            Subscription::Subscribed => Ok(()),
            Subscription::Unsubscribed => Box::pin(self.live().unsubscribed(path)).await,
        }
    }

    async fn subscriptions(&self) -> Result<Vec<FolderPath>> {
        self.attended(async { Box::pin(self.live().all_subscriptions()).await }).await
    }

    async fn quota(&self, path: &FolderPath) -> Result<Option<Quota>> {
        self.attended(async { Box::pin(self.live().quota_at(path)).await }).await
    }

    async fn rights(&self, folder: FolderId) -> Result<FolderRights> {
        self.attended(async { Box::pin(self.live().rights(folder)).await }).await
    }

    async fn permissions(&self, folder: FolderId) -> Result<Vec<(Grantee, FolderRights)>> {
        self.attended(async { Box::pin(self.live().permissions(folder)).await }).await
    }

    async fn permit(&self, folder: FolderId, who: &Grantee, change: RightsChange) -> Result<()> {
        self.attended(async { Box::pin(self.live().permit(folder, who, change)).await }).await
    }

    async fn annotations(&self, folder: Option<FolderId>) -> Result<Vec<Annotation>> {
        let Some(folder) = folder else { return Ok(self.live().map.annotations(None).await?) };
        let (live, folder) = self.at(folder).await?;
        Ok(live.map.annotations(Some(folder)).await?)
    }

    async fn annotate(
        &self,
        folder: Option<FolderId>,
        changes: &[(String, Option<Vec<u8>>)],
        most: usize,
    ) -> Result<bool> {
        let (live, folder) = match folder {
            Some(folder) => self.at(folder).await.map(|(live, folder)| (live, Some(folder)))?,
            None => (Arc::clone(self.live()), None),
        };
        let done = live.map.annotate(folder, changes.to_vec(), most).await?;
        live.hierarchy.bell.ring();
        Ok(done)
    }

    async fn annotation_changes(&self, since: Option<AnnotationSeq>) -> Result<(AnnotationSeq, Vec<AnnotationChange>)> {
        Ok(self.live().map.annotation_changes(since).await?)
    }

    fn watch_any(&self) -> Watch {
        self.live().any.watch()
    }

    fn watch_list(&self) -> Watch {
        self.live().hierarchy.bell.watch()
    }

    async fn deleted_size(&self, folder: FolderId) -> Result<u64> {
        let (live, folder) = self.at(folder).await?;
        Ok(live.map.deleted_size(folder).await?)
    }

    async fn status(&self, folder: FolderId) -> Result<Status> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            if live.fresh(folder).await?.filling.load(Ordering::SeqCst) {
                // What is unread can be told once all is listed.
                live.listed(folder, 1).await?;
            }
            let (status, estimated) = live.map.weight(folder).await?;
            Ok(Status { size: sizes::of_all(status.size, estimated), ..status })
        })
        .await
    }

    async fn open(&self, folder: FolderId, access: Access) -> Result<Snapshot> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            self.0.trail.lock().unwrap_or_else(PoisonError::into_inner).forget();
            live.fresh(folder).await?;
            Ok(live.map.snapshot(folder, access).await?)
        })
        .await
    }

    async fn listed(&self, folder: FolderId, below: u32) -> Result<()> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.listed(folder, below).await
        })
        .await
    }

    async fn delta(&self, folder: FolderId, since: ModSeq) -> Result<Delta> {
        self.attended(async {
            let (live, its_own) = self.at(folder).await?;
            live.freshen(its_own).await;
            self.0.still.delta(&live, folder, its_own, since).await
        })
        .await
    }

    async fn vanished(&self, folder: FolderId, since: ModSeq) -> Result<Option<Vec<Uid>>> {
        let (live, folder) = self.at(folder).await?;
        Ok(live.map.vanished(folder, since).await?)
    }

    fn notice(&self) -> Option<&'static str> {
        self.live().is_away().then_some(NOTICE)
    }

    fn watch(&self, folder: FolderId) -> Watch {
        match self.live().mounts.in_use(folder) {
            None => self.live().state(folder).bell.watch(),
            Some((live, folder)) => {
                let watch = live.state(folder).bell.watch();
                live.attention.notify_one();
                watch
            }
        }
    }

    async fn details(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<Details>> {
        let (live, folder) = self.at(folder).await?;
        Ok(live.map.details(folder, uids).await?)
    }

    async fn sizes(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, u64)>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.sizes_of(folder, uids).await
        })
        .await
    }

    async fn headers(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Bytes>)>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.headers(folder, uids).await
        })
        .await
    }

    async fn letterheads(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Bytes>)>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.letterheads(folder, uids).await
        })
        .await
    }

    async fn contents(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Content>)>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.read_ahead(&self.0.trail, folder, uids);
            match live.at_hand(&self.0.trail, uids).await {
                Some(contents) => Ok(contents),
                None => live.contents(folder, uids).await,
            }
        })
        .await
    }

    async fn search(&self, folder: FolderId, query: &Query, progress: &Progress) -> Result<Vec<Uid>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            if live.state(folder).filling.load(Ordering::SeqCst) {
                live.listed(folder, 1).await?;
            }
            live.search(folder, query, progress).await
        })
        .await
    }

    async fn append(&self, folder: FolderId, message: NewMessage) -> Result<Appended> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.append(folder, message).await
        })
        .await
    }

    async fn append_all(&self, folder: FolderId, messages: Vec<NewMessage>) -> Result<Vec<Appended>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            Box::pin(live.append_all(folder, messages)).await
        })
        .await
    }

    async fn discard(&self, folder: FolderId, uids: &[Uid]) -> Result<Expunged> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.discard(folder, uids).await
        })
        .await
    }

    async fn previews(
        &self,
        folder: FolderId,
        uids: &[Uid],
        haste: Haste,
    ) -> Result<Vec<(Uid, Result<Option<String>>)>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.previews(folder, uids, haste).await
        })
        .await
    }

    async fn store(
        &self,
        folder: FolderId,
        uids: &[Uid],
        change: &FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Stored> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.store(folder, uids, change, unchanged_since).await
        })
        .await
    }

    async fn copy(&self, folder: FolderId, uids: &[Uid], to: FolderId) -> Result<Transferred> {
        self.attended(async { Box::pin(between(self.live(), crate::transfer::Way::Copy, folder, uids, to)).await })
            .await
    }

    async fn relocate(&self, folder: FolderId, uids: &[Uid], to: FolderId) -> Result<Transferred> {
        self.attended(async { Box::pin(between(self.live(), crate::transfer::Way::Move, folder, uids, to)).await })
            .await
    }

    async fn expunge(&self, folder: FolderId, only: Option<&[Uid]>) -> Result<Expunged> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.expunge(folder, only).await
        })
        .await
    }
}

/// For whom this task asks, so that another task can ask for the same.
pub(crate) async fn on_behalf<T>(caller: Option<Caller>, work: impl Future<Output = T>) -> T {
    match caller {
        Some(caller) => CALLER.scope(caller, work).await,
        None => work.await,
    }
}

/// For whom this task asks, if that was said.
pub(crate) fn caller() -> Option<Caller> {
    CALLER.try_with(|caller| *caller).ok()
}

fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What people are told while Exchange is away.
const NOTICE: &str = "Exchange is away: what is here already can be read, and nothing can be changed until it is back";
/// The map's note that holds the version of the schema the mailbox's server understands.
const VERSION: &str = "version";
