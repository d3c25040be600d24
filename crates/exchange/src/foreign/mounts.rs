//! The mailboxes beside the user's own: which there are, how they are found, and what a client sees of them.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use ews::op::get_folder::GetFolder;
use ews::{Client, ErrorKind as Theirs, FolderShape, Version};
use idmap::IdMap;
use jiff::{SignedDuration, Timestamp};
use mailbox::{Access, Depth, Error, ErrorKind, Folder, FolderId, FolderPath, Namespaces, Subscription};

use super::place::{self, Names, Number, OTHERS, Place, Root};
use super::rights::{self, Known};
use super::routes::Routes;
use crate::bodies::Bodies;
use crate::body_cache::BodyCache;
use crate::directory::{Greeting, file_name, generation};
use crate::error::{self, Result, Tried};
use crate::listing::Listing;
use crate::live::{Live, Parts};
use crate::settings::Prefetch;

/// How the maps and bodies of further mailboxes are opened.
#[derive(Clone, Debug)]
pub(crate) struct Opener {
    /// Where the maps lie.
    pub(crate) directory: PathBuf,
    pub(crate) cache: BodyCache,
    /// The organisation's name.
    pub(crate) organisation: String,
    /// Which mailboxes have public folders.
    pub(crate) routes: Arc<Routes>,
}

/// The mailboxes beside one that is the user's own. Those have none.
#[derive(Debug, Default)]
pub(crate) struct Mounts {
    opener: Option<Opener>,
    /// What the map's notes say, once read.
    table: tokio::sync::Mutex<Option<Table>>,
    /// Names at the top of the user's tree that stand for something else than a folder of the user's own.
    reserved: RwLock<Vec<String>>,
    live: DashMap<Number, Arc<Live>>,
    /// Held while one is brought to life.
    opening: tokio::sync::Mutex<()>,
    /// Mailboxes that did not let the user in.
    turned_away: Mutex<Vec<(Root, Instant, Error)>>,
    /// When it was last tried in vain to find out whether there is something.
    in_vain: Mutex<Vec<(Root, Instant)>>,
}

/// What is remembered of them.
#[derive(Clone, Debug)]
struct Table {
    names: Names,
    rows: Vec<Row>,
}

/// One of them. Its number is never given to another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    number: Number,
    root: Root,
    /// It is listed: the user named it and was let in, and has not unsubscribed it since.
    shown: bool,
}

impl Mounts {
    pub(crate) fn new(opener: Option<Opener>) -> Self {
        Self { opener, ..Self::default() }
    }

    /// Ends what runs in the background.
    pub(crate) fn stop(&self) {
        self.live.iter().for_each(|live| live.stop());
        self.live.clear();
    }

    /// Takes another way to Exchange, after the password of the old one may have been refused.
    pub(crate) fn renew(&self, client: &Client) {
        for live in &self.live {
            live.levels.renew(client);
            let here = live.client();
            live.renew(match (&live.root, here) {
                // Requests for public folders go where they went.
                (Root::Public, Ok(here)) => client.routed_like(&here),
                (root, here) => {
                    let way = client_for(client, root);
                    here.ok()
                        .and_then(|here| here.server_version())
                        .map_or(way.clone(), |known| way.with_known_version(known))
                }
            });
        }
    }

    /// Names at the top of the user's tree that folders of the user's own cannot have.
    pub(crate) fn reserved(&self) -> Vec<String> {
        self.reserved.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reserve(&self, table: &Table) {
        let names =
            [&table.names.others].into_iter().chain(table.rows.iter().filter(|row| row.shown).filter_map(|row| {
                match row.root {
                    Root::Archive => Some(&table.names.archive),
                    Root::Public => Some(&table.names.public),
                    Root::Own | Root::Other(_) => None,
                }
            }));
        *self.reserved.write().unwrap_or_else(PoisonError::into_inner) = names.cloned().collect();
    }

    /// The mailbox a folder is in, if it is not the user's own and in use.
    pub(crate) fn in_use(&self, folder: FolderId) -> Option<(Arc<Live>, FolderId)> {
        let (number, folder) = place::local(folder);
        let live = Arc::clone(&*self.live.get(&number)?);
        Some((live.levels.routed(folder).unwrap_or(live), folder))
    }

    /// The user was not let in a moment ago.
    fn turned_away(&self, root: &Root) -> Option<Error> {
        let mut turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        turned_away.retain(|(_, at, _)| at.elapsed() < TRY_AGAIN);
        turned_away.iter().find(|(other, ..)| other == root).map(|(.., error)| error.clone())
    }

    fn turn_away(&self, root: &Root, error: &Error) {
        let mut turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        if turned_away.len() < MOST_TURNED_AWAY {
            turned_away.push((root.clone(), Instant::now(), error.clone()));
        }
    }

    fn tried_in_vain(&self, root: &Root) -> bool {
        let mut in_vain = self.in_vain.lock().unwrap_or_else(PoisonError::into_inner);
        in_vain.retain(|(_, at)| at.elapsed() < TRY_AGAIN);
        in_vain.iter().any(|(other, _)| other == root)
    }

    fn note_in_vain(&self, root: &Root) {
        self.in_vain.lock().unwrap_or_else(PoisonError::into_inner).push((root.clone(), Instant::now()));
    }
}

impl Live {
    /// Where folders are that are not the user's own.
    pub(crate) async fn namespaces(self: &Arc<Self>) -> Result<Namespaces> {
        let names = self.names().await?;
        let shared = match self.has(&Root::Public).await {
            true => vec![names.path(&Root::Public)],
            false => Vec::new(),
        };
        Ok(Namespaces { others: vec![FolderPath(vec![names.others])], shared })
    }

    /// Goes where a client looks.
    pub(crate) async fn visit(self: &Arc<Self>, path: &FolderPath, depth: Depth) -> Result<()> {
        if path.0.is_empty() {
            return self.look_around(depth).await;
        }
        match self.names().await?.place(path) {
            Place::Own | Place::Others => Ok(()),
            Place::In(Root::Other(address), rest) => self.visit_other(&address, &rest, depth).await,
            Place::In(root, rest) => match self.has(&root).await {
                true => {
                    let (_, live) = self.mount(&root).await?;
                    match root {
                        Root::Public => live.walk(&rest, depth).await,
                        _ => live.visited_at(&rest, depth).await,
                    }
                }
                false => Ok(()),
            },
        }
    }

    /// A client lists all there is: the archive belongs to that, and that there are public folders. What is in those,
    /// and in others' mailboxes, is shown as it was when somebody last looked into them.
    async fn look_around(self: &Arc<Self>, depth: Depth) -> Result<()> {
        self.has(&Root::Public).await;
        if self.has(&Root::Archive).await && depth > Depth::Levels(1) {
            let (_, live) = self.mount(&Root::Archive).await?;
            live.revisit(REVISIT).await?;
        }
        Ok(())
    }

    async fn visit_other(self: &Arc<Self>, address: &str, rest: &FolderPath, depth: Depth) -> Result<()> {
        if !address.contains('@') {
            let sentence = "others' mailboxes are named by address, such as \"Other Users/ben@corp.example\"";
            return Err(Error::new(ErrorKind::NotFound, sentence));
        }
        if *address == self.user {
            return Err(Error::new(ErrorKind::NotFound, "this is your own mailbox; its folders are at the top"));
        }
        let root = Root::Other(address.to_owned());
        let mut version = None;
        if !self.rows().await?.iter().any(|row| row.root == root) {
            version = self.knock(&root).await?;
        }
        let (number, live) = self.mount(&root).await?;
        live.learn_version(version);
        live.visited_at(rest, depth).await?;
        live.keep_version().await;
        self.show(number, true).await
    }

    /// Whoever names mailbox after mailbox makes no map for those that do not let them in.
    /// Who is let in learns what the mailbox's server understands, which may be older than the user's own.
    async fn knock(&self, root: &Root) -> Result<Option<Version>> {
        if let Some(error) = self.mounts.turned_away(root) {
            return Err(error);
        }
        let client = client_for(&self.client()?, root);
        let Err(error) = self.try_doors(&client, root).await else { return Ok(client.server_version()) };
        if matches!(error.kind, ErrorKind::Denied | ErrorKind::NotFound) {
            self.mounts.turn_away(root, &error);
        }
        Err(error)
    }

    /// Whoever unsubscribes somebody's mailbox as a whole does not want it listed any more; what is kept of it stays, so
    /// that its UIDs are the same when it comes back.
    pub(crate) async fn unsubscribed(self: &Arc<Self>, path: &FolderPath) -> Result<()> {
        let Place::In(root @ Root::Other(_), rest) = self.names().await?.place(path) else { return Ok(()) };
        let row = self.rows().await?.into_iter().find(|row| row.root == root && rest.0.is_empty());
        match row {
            Some(row) => self.show(row.number, false).await,
            None => Ok(()),
        }
    }

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

    /// The mailbox a folder is in, and what that calls it.
    ///
    /// # Errors
    /// `NotFound`; `Denied` if its owner does not let the user in any more.
    pub(crate) async fn at(self: &Arc<Self>, folder: FolderId) -> Result<(Arc<Live>, FolderId)> {
        let (number, inner) = place::local(folder);
        if number == 0 {
            return Ok((Arc::clone(self), folder));
        }
        let row = self.rows().await?.into_iter().find(|row| row.number == number).ok_or_else(error::no_folder)?;
        let (_, live) = self.mount(&row.root).await?;
        live.visited.verdict()?;
        match live.root {
            Root::Public => Ok((live.holder_of(self, inner).await?, inner)),
            _ => Ok((live, inner)),
        }
    }

    /// The mailbox a path is in, its number, and the path there.
    pub(crate) async fn at_path(self: &Arc<Self>, path: &FolderPath) -> Result<(Number, Arc<Live>, FolderPath)> {
        match self.names().await?.place(path) {
            Place::In(root, rest) if self.is_there(&root).await? => {
                let (number, live) = self.mount(&root).await?;
                Ok((number, live, rest))
            }
            _ => Ok((0, Arc::clone(self), path.clone())),
        }
    }

    /// True if what is at a path, or would be, is in the user's own mailbox.
    pub(crate) async fn is_own_path(self: &Arc<Self>, path: &FolderPath) -> Result<bool> {
        Ok(self.names().await?.place(path) == Place::Own)
    }

    /// Makes a folder, in whichever mailbox its path lies.
    pub(crate) async fn create_anywhere(self: &Arc<Self>, path: &FolderPath) -> Result<FolderId> {
        let (number, live, path) = self.at_path(path).await?;
        if path.0.is_empty() {
            return Err(Error::new(ErrorKind::Exists, "this name stands for a mailbox; choose another one below it"));
        }
        Ok(place::global(number, live.create_folder(&path).await?))
    }

    /// Gives a folder another path in the same mailbox.
    pub(crate) async fn rename_anywhere(self: &Arc<Self>, from: &FolderPath, to: &FolderPath) -> Result<()> {
        let (number, live, from) = self.at_path(from).await?;
        let (other, _, to) = self.at_path(to).await?;
        if number != other || to.0.is_empty() {
            let sentence = "a folder cannot go to another mailbox; make one there and move the messages";
            return Err(Error::new(ErrorKind::Cannot, sentence));
        }
        live.rename_folder(&from, &to).await
    }

    async fn is_there(self: &Arc<Self>, root: &Root) -> Result<bool> {
        Ok(self.rows().await?.iter().any(|row| row.root == *root && row.shown))
    }

    /// True if Exchange has an archive of the user's, or public folders: asked once a day.
    async fn has(self: &Arc<Self>, root: &Root) -> bool {
        let key = format!("has {}", root.written());
        let known = self.map.note(&key).await.ok().flatten();
        let known = known.as_deref().and_then(|note| note.split_once(' '));
        let is_there = known.is_some_and(|(verdict, _)| verdict == "yes");
        let is_fresh = known.is_some_and(|(_, at)| {
            let age = at.parse().map(|at: Timestamp| Timestamp::now().duration_since(at));
            age.is_ok_and(|age| age < ASK_AGAIN && age > -ASK_AGAIN)
        });
        if is_fresh || self.mounts.opener.is_none() || self.mounts.tried_in_vain(root) || self.is_away() {
            return is_there;
        }
        let asked = {
            let (live, root) = (Arc::clone(self), root.clone());
            tokio::spawn(async move { live.ask_whether(&root, &key).await })
        };
        match self.await_news(PATIENCE, asked).await {
            Some(Ok(Some(verdict))) => verdict,
            _ => is_there,
        }
    }

    async fn ask_whether(self: &Arc<Self>, root: &Root, key: &str) -> Option<bool> {
        let tried = Tried::new("it could not be found out what there is beside the mailbox");
        let ask = GetFolder { folders: vec![root.folder(root.top())], shape: FolderShape::default() };
        let client = self.client_for(root).await.ok()?;
        let answer = client.call(&ask).await.map(|mut answers| answers.pop());
        let verdict = match answer {
            Ok(Some(Ok(_))) => Some(true),
            Ok(Some(Err(error))) => self.verdict(&error.kind),
            Ok(None) => None,
            Err(error) => {
                self.failed(&tried, &error);
                self.verdict(&error.kind)
            }
        };
        let Some(verdict) = verdict else {
            self.mounts.note_in_vain(root);
            return None;
        };
        let word = if verdict { "yes" } else { "no" };
        self.map.put_note(key, &format!("{word} {}", Timestamp::now())).await.ok()?;
        self.found(root, verdict).await.ok()?;
        Some(verdict)
    }

    /// It is known that there is an archive, or that there are public folders; or that there are none.
    async fn found(self: &Arc<Self>, root: &Root, is_there: bool) -> Result<()> {
        let known = self.rows().await?.iter().any(|row| row.root == *root);
        if is_there && !known {
            self.name(root).await?;
        }
        match is_there || known {
            true => self.show(self.number(root).await?, is_there).await,
            false => Ok(()),
        }
    }

    /// Chooses the name under which something that was just found is shown from now on.
    async fn name(self: &Arc<Self>, root: &Root) -> Result<()> {
        let own = self.listing().await?;
        let names = Names::beside(&tops(&own));
        let mut table = self.mounts.table.lock().await;
        let Some(table) = table.as_mut() else { return Ok(()) };
        match root {
            Root::Archive => table.names.archive = names.archive,
            Root::Public => table.names.public = names.public,
            Root::Own | Root::Other(_) => {}
        }
        Ok(self.map.put_note(NAMES, &table.names.written()).await?)
    }

    /// Whether an answer that is no folder means that there is none.
    fn verdict(&self, kind: &Theirs) -> Option<bool> {
        let none = matches!(kind, Theirs::NotFound | Theirs::Denied | Theirs::Refused | Theirs::Unsupported);
        none.then_some(false)
    }

    /// The names in use; chosen when first needed, and the same for ever.
    async fn names(self: &Arc<Self>) -> Result<Names> {
        Ok(self.table().await?.names)
    }

    async fn rows(self: &Arc<Self>) -> Result<Vec<Row>> {
        Ok(self.table().await?.rows)
    }

    async fn table(self: &Arc<Self>) -> Result<Table> {
        let mut table = self.mounts.table.lock().await;
        if let Some(table) = &*table {
            return Ok(table.clone());
        }
        let names = match self.map.note(NAMES).await?.as_deref().and_then(Names::read) {
            Some(names) => names,
            None => {
                let own = self.listing().await?;
                let names = Names::beside(&tops(&own));
                self.map.put_note(NAMES, &names.written()).await?;
                names
            }
        };
        let rows = self.map.note(ROWS).await?.unwrap_or_default().lines().filter_map(Row::read).collect();
        let table = table.insert(Table { names, rows });
        self.mounts.reserve(table);
        // What the listing shows under these names is called otherwise from now on.
        self.hierarchy.forget();
        Ok(table.clone())
    }

    /// The number of a mailbox; a new one if it has none yet.
    async fn number(self: &Arc<Self>, root: &Root) -> Result<Number> {
        self.table().await?;
        let mut table = self.mounts.table.lock().await;
        let table = table.as_mut().ok_or_else(error::no_folder)?;
        if let Some(row) = table.rows.iter().find(|row| row.root == *root) {
            return Ok(row.number);
        }
        let number = table.rows.iter().map(|row| row.number).max().unwrap_or(0) + 1;
        if number >= OTHERS {
            return Err(Error::new(ErrorKind::Cannot, "you have opened more mailboxes than there are numbers for"));
        }
        table.rows.push(Row { number, root: root.clone(), shown: false });
        self.map.put_note(ROWS, &written(&table.rows)).await?;
        Ok(number)
    }

    /// Lists a mailbox from now on, or no longer.
    async fn show(self: &Arc<Self>, number: Number, shown: bool) -> Result<()> {
        let mut table = self.mounts.table.lock().await;
        let Some(table) = table.as_mut() else { return Ok(()) };
        let Some(row) = table.rows.iter_mut().find(|row| row.number == number && row.shown != shown) else {
            return Ok(());
        };
        row.shown = shown;
        let root = row.root.written();
        tracing::info!(user = self.user, mailbox = root, shown, "a mailbox beside the user's own");
        self.map.put_note(ROWS, &written(&table.rows)).await?;
        self.mounts.reserve(table);
        self.hierarchy.forget();
        Ok(())
    }

    /// A mailbox beside the user's own, brought to life if it is not. Exchange is asked nothing.
    async fn mount(self: &Arc<Self>, root: &Root) -> Result<(Number, Arc<Live>)> {
        let number = self.number(root).await?;
        if let Some(live) = self.mounts.live.get(&number) {
            return Ok((number, Arc::clone(&live)));
        }
        let opener = self.mounts.opener.clone().ok_or_else(error::no_folder)?;
        let _one_at_a_time = self.mounts.opening.lock().await;
        if let Some(live) = self.mounts.live.get(&number) {
            return Ok((number, Arc::clone(&live)));
        }
        // No user name has a slash in it (MS-ADA3 sAMAccountName), so this is no user's own.
        let name = format!("{}/{}", self.user, root.written());
        let map = idmap::sqlite::open(&opener.directory, &name).await?;
        let shelf = format!("{}.{}", file_name(&format!("{}/{name}", opener.organisation)), generation(&map).await?);
        let facts = Known::read(&map.note(rights::NOTE).await?.unwrap_or_default());
        let live = Live::start(Parts {
            user: name,
            map,
            greeting: Greeting::default(),
            bodies: Bodies::new(opener.cache.shelf(&shelf)),
            client: self.client_for(root).await?,
            sizes: self.sizes,
            index: self.index,
            prefetch: Prefetch::None,
            poll: self.poll,
            root: root.clone(),
            facts,
            any: self.any.clone(),
            list: self.hierarchy.bell.below(),
            opener: None,
            outgoing: None,
        });
        live.recall_version().await;
        self.mounts.live.insert(number, Arc::clone(&live));
        Ok((number, live))
    }

    /// The way to a mailbox that is not the user's own.
    async fn client_for(&self, root: &Root) -> Result<Client> {
        let client = self.client()?;
        let routes = self.mounts.opener.as_ref().map(|opener| Arc::clone(&opener.routes));
        Ok(match (root, routes) {
            (Root::Public, Some(routes)) => match routes.tree().await {
                Some(tree) => client.with_public_folders(&tree.anchor, &tree.mailbox),
                None => client,
            },
            _ => client_for(&client, root),
        })
    }

    /// Which mailboxes have public folders.
    pub(crate) fn routes(&self) -> Arc<Routes> {
        self.mounts.opener.as_ref().map(|opener| Arc::clone(&opener.routes)).unwrap_or_default()
    }

    /// A client looks at a folder of this mailbox, or below it.
    async fn visited_at(self: &Arc<Self>, rest: &FolderPath, depth: Depth) -> Result<()> {
        // Whoever opens a folder that is known gets it from what is known.
        let known = depth == Depth::Levels(0) && self.known_listing().await?.at(rest).is_some();
        self.revisit(if known { REVISIT_KNOWN } else { REVISIT }).await
    }
}

/// The names at the top of the user's own tree.
fn tops(listing: &Listing) -> Vec<&str> {
    listing.folders.iter().filter(|folder| folder.path.0.len() == 1).map(|folder| folder.path.name()).collect()
}

impl Row {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let number = words.next()?.parse().ok()?;
        let shown = words.next()? == "shown";
        Some(Self { number, root: Root::read(words.next()?)?, shown })
    }
}

fn written(rows: &[Row]) -> String {
    let line = |row: &Row| {
        let shown = if row.shown { "shown" } else { "hidden" };
        format!("{} {shown} {}\n", row.number, row.root.written())
    };
    rows.iter().map(line).collect()
}

/// The way to a mailbox: requests go to the server it is on.
fn client_for(client: &Client, root: &Root) -> Client {
    match root {
        Root::Other(address) => client.with_anchor(address),
        Root::Own | Root::Archive | Root::Public => client.clone(),
    }
}

/// A folder that only holds others.
fn container(id: FolderId, path: FolderPath, has_children: bool, wishes: &[(FolderPath, Subscription)]) -> Folder {
    let subscribed = wishes.iter().any(|(other, wish)| *other == path && *wish == Subscription::Subscribed);
    Folder { id, selectable: false, has_children, special_use: None, subscribed, access: Access::ReadOnly, path }
}

/// The map's notes.
const NAMES: &str = "names of namespaces";
const ROWS: &str = "mailboxes beside";
/// An archive that was not there is looked for again, and one that was there too.
const ASK_AGAIN: SignedDuration = SignedDuration::from_hours(24);
/// How long a client waits for what concerns not its own mailbox.
const PATIENCE: Duration = Duration::from_secs(5);
/// After a failure.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// A tree that is listed is looked at again after this.
const REVISIT: Duration = Duration::from_secs(15);
/// A tree of which a folder is opened that is known.
const REVISIT_KNOWN: Duration = Duration::from_secs(600);
const MOST_TURNED_AWAY: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_written() {
        let row = |number, root, shown| Row { number, root, shown };
        let rows = vec![
            row(1, Root::Other("ben@corp.example".to_owned()), true),
            row(2, Root::Archive, false),
            row(5, Root::Public, true),
        ];
        assert_eq!(written(&rows).lines().filter_map(Row::read).collect::<Vec<_>>(), rows);
    }
}
