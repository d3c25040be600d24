//! The mailboxes beside the user's own: the table of those that are known, and each of them brought to life.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use ews::Client;
use idmap::IdMap;
use mailbox::{Error, ErrorKind, FolderId};

use super::place::{self, Names, Number, OTHERS, Root};
use super::rights::{self, Known};
use super::routes::Routes;
use crate::bodies::Bodies;
use crate::body_cache::BodyCache;
use crate::directory::{Greeting, file_name, generation};
use crate::error::{self, Result};
use crate::listing::Listing;
use crate::live::{Live, Parts};
use crate::maps::Maps;
use crate::settings::Prefetch;

/// How the maps and bodies of further mailboxes are opened.
#[derive(Clone, Debug)]
pub(crate) struct Opener {
    pub(crate) maps: Maps,
    pub(crate) cache: BodyCache,
    /// The organisation's name.
    pub(crate) organisation: String,
    /// Which mailboxes have public folders.
    pub(crate) routes: Arc<Routes>,
}

/// The mailboxes beside one that is the user's own. Those have none.
#[derive(Debug, Default)]
pub(crate) struct Mounts {
    pub(super) opener: Option<Opener>,
    /// What the map's notes say, once read.
    pub(super) table: tokio::sync::Mutex<Option<Table>>,
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
pub(super) struct Table {
    pub(super) names: Names,
    rows: Vec<Row>,
}

/// One of them. Its number is never given to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) number: Number,
    pub(super) root: Root,
    /// It is listed: the user named it and was let in, and has not unsubscribed it since.
    pub(super) shown: bool,
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

    /// What was read of the map's notes may be old.
    pub(crate) async fn forget_table(&self) {
        *self.table.lock().await = None;
    }

    /// Those in use.
    pub(crate) fn lives(&self) -> Vec<Arc<Live>> {
        self.live.iter().map(|live| Arc::clone(&live)).collect()
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
    pub(super) fn turned_away(&self, root: &Root) -> Option<Error> {
        let mut turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        turned_away.retain(|(_, at, _)| at.elapsed() < TRY_AGAIN);
        turned_away.iter().find(|(other, ..)| other == root).map(|(.., error)| error.clone())
    }

    pub(super) fn turn_away(&self, root: &Root, error: &Error) {
        let mut turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        if turned_away.len() < MOST_TURNED_AWAY {
            turned_away.push((root.clone(), Instant::now(), error.clone()));
        }
    }

    pub(super) fn tried_in_vain(&self, root: &Root) -> bool {
        let mut in_vain = self.in_vain.lock().unwrap_or_else(PoisonError::into_inner);
        in_vain.retain(|(_, at)| at.elapsed() < TRY_AGAIN);
        in_vain.iter().any(|(other, _)| other == root)
    }

    pub(super) fn note_in_vain(&self, root: &Root) {
        self.in_vain.lock().unwrap_or_else(PoisonError::into_inner).push((root.clone(), Instant::now()));
    }
}

impl Live {
    /// The names in use; chosen when first needed, and the same for ever.
    pub(super) async fn names(self: &Arc<Self>) -> Result<Names> {
        Ok(self.table().await?.names)
    }

    pub(super) async fn rows(self: &Arc<Self>) -> Result<Vec<Row>> {
        Ok(self.table().await?.rows)
    }

    async fn table(self: &Arc<Self>) -> Result<Table> {
        let mut table = self.mounts.table.lock().await;
        if let Some(table) = &*table {
            return Ok(table.clone());
        }
        let names = self.names_kept().await?;
        let rows = rows(self.map.note(ROWS).await?.as_deref());
        let table = table.insert(Table { names, rows });
        self.mounts.reserve(table);
        // What the listing shows under these names is called otherwise from now on.
        self.hierarchy.forget();
        Ok(table.clone())
    }

    /// The names the map has; those that are free now, if none were ever chosen.
    async fn names_kept(self: &Arc<Self>) -> Result<Names> {
        loop {
            if let Some(names) = self.map.note(NAMES).await?.as_deref().and_then(Names::read) {
                return Ok(names);
            }
            let own = self.listing().await?;
            let names = Names::beside(&tops(&own));
            if self.map.swap_note(NAMES, None, &names.written()).await? {
                return Ok(names);
            }
        }
    }

    /// The number of a mailbox; a new one if it has none yet.
    pub(super) async fn number(self: &Arc<Self>, root: &Root) -> Result<Number> {
        let known = self.rows().await?;
        if let Some(row) = known.iter().find(|row| row.root == *root) {
            return Ok(row.number);
        }
        self.change_rows(|rows| {
            if let Some(row) = rows.iter().find(|row| row.root == *root) {
                return Ok(row.number);
            }
            let number = rows.iter().map(|row| row.number).max().unwrap_or(0) + 1;
            if number >= OTHERS {
                return Err(Error::new(ErrorKind::Cannot, "you have opened more mailboxes than there are numbers for"));
            }
            rows.push(Row { number, root: root.clone(), shown: false });
            Ok(number)
        })
        .await?
    }

    /// Lists a mailbox from now on, or no longer.
    pub(super) async fn show(self: &Arc<Self>, number: Number, shown: bool) -> Result<()> {
        let differs = |row: &Row| row.number == number && row.shown != shown;
        if !self.rows().await?.iter().any(differs) {
            return Ok(());
        }
        let changed = self.change_rows(|rows| {
            let row = rows.iter_mut().find(|row| differs(row))?;
            row.shown = shown;
            Some(row.root.written())
        });
        if let Some(root) = changed.await? {
            tracing::info!(user = self.user, mailbox = root, shown, "a mailbox beside the user's own");
            self.hierarchy.forget();
        }
        Ok(())
    }

    /// Changes the rows, in memory and in the map, where another node may change them at the same time.
    async fn change_rows<T>(&self, change: impl Fn(&mut Vec<Row>) -> T) -> Result<T> {
        let mut table = self.mounts.table.lock().await;
        loop {
            let before = self.map.note(ROWS).await?;
            let known = rows(before.as_deref());
            let mut rows = known.clone();
            let changed = change(&mut rows);
            if rows == known || self.map.swap_note(ROWS, before.as_deref(), &written(&rows)).await? {
                if let Some(table) = table.as_mut() {
                    table.rows = rows;
                    self.mounts.reserve(table);
                }
                return Ok(changed);
            }
        }
    }

    /// A mailbox beside the user's own, brought to life if it is not. Exchange is asked nothing.
    pub(super) async fn mount(self: &Arc<Self>, root: &Root) -> Result<(Number, Arc<Live>)> {
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
        let map = opener.maps.open(&opener.organisation, &name).await?;
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
            nodes: self.nodes.clone(),
        });
        live.recall_version().await;
        self.mounts.live.insert(number, Arc::clone(&live));
        Ok((number, live))
    }

    /// The way to a mailbox that is not the user's own.
    pub(super) async fn client_for(&self, root: &Root) -> Result<Client> {
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
}

/// The names at the top of the user's own tree.
pub(super) fn tops(listing: &Listing) -> Vec<&str> {
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

fn rows(note: Option<&str>) -> Vec<Row> {
    note.unwrap_or_default().lines().filter_map(Row::read).collect()
}

fn written(rows: &[Row]) -> String {
    let line = |row: &Row| {
        let shown = if row.shown { "shown" } else { "hidden" };
        format!("{} {shown} {}\n", row.number, row.root.written())
    };
    rows.iter().map(line).collect()
}

/// The way to a mailbox: requests go to the server it is on.
pub(super) fn client_for(client: &Client, root: &Root) -> Client {
    match root {
        Root::Other(address) => client.with_anchor(address),
        Root::Own | Root::Archive | Root::Public => client.clone(),
    }
}

/// The map's notes.
pub(super) const NAMES: &str = "names of namespaces";
const ROWS: &str = "mailboxes beside";
/// After a failure.
const TRY_AGAIN: Duration = Duration::from_secs(60);
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
