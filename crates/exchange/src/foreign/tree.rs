//! The folders of a mailbox that is not the user's own: entered once by name, then followed by their ids.

use std::sync::Arc;
use std::time::Instant;

use ews::op::find_folder::{FindFolder, Traversal};
use ews::op::get_folder::GetFolder;
use ews::{Client, DistinguishedFolder, ErrorKind as Theirs, FolderRef, Page};
use idmap::{FolderChange, HierarchyPage, IdMap};
use mailbox::{Error, ErrorKind, Trace};

use super::place::Root;
use super::rights::{Facts, shape};
use crate::convert;
use crate::directory::{Greeting, greet};
use crate::error::{Result, Tried};
use crate::live::Live;

/// How a tree is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// By SyncFolderHierarchy from its top.
    Sync,
    /// It was done another way.
    Done,
}

impl Live {
    /// The folder everything of this mailbox is in.
    pub(crate) fn top(&self) -> FolderRef {
        match (&self.root, self.id_of(DistinguishedFolder::Top)) {
            (Root::Own, _) | (_, None) => self.root.folder(self.root.top()),
            (_, Some(id)) => ews::FolderId::new(id).into(),
        }
    }

    /// Asks for the parts folders play once more: after a migration they may go by other ids.
    pub(crate) async fn greet_again(&self, client: &Client, tried: &Tried) -> Result<()> {
        if !self.root.is_own() {
            return self.enter(client).await.map(drop);
        }
        let greeted = greet(client, Vec::new()).await;
        self.greeted(greeted.map_err(|error| self.failed(tried, &error))?.0);
        Ok(())
    }

    /// Looks at a tree that is not the user's own, as far as SyncFolderHierarchy cannot.
    pub(crate) async fn look_at_foreign(self: &Arc<Self>) -> Result<Look> {
        if self.root.is_own() {
            return Ok(Look::Sync);
        }
        if self.root == Root::Public {
            self.list_level(None).await?;
            return Ok(Look::Done);
        }
        let client = self.client()?;
        let rooms = match self.id_of(DistinguishedFolder::Top) {
            Some(_) => Vec::new(),
            None => self.enter(&client).await?,
        };
        let synced = self.map.hierarchy_state().await?;
        if self.id_of(DistinguishedFolder::Top).is_some() {
            if synced.as_deref() == Some(ROOM_BY_ROOM) {
                self.map.begin_hierarchy_resync().await?;
            }
            return Ok(Look::Sync);
        }
        self.room_by_room(&client, rooms).await?;
        Ok(Look::Done)
    }

    /// Enters, and learns what the parts are called that folders play there.
    pub(crate) async fn enter(&self, client: &Client) -> Result<Vec<(DistinguishedFolder, ews::Folder)>> {
        let open = self.try_doors(client, &self.root).await?;
        let id = |(role, folder): &(DistinguishedFolder, ews::Folder)| Some((folder.id.clone()?.id, *role));
        self.greeted(Greeting { roles: open.iter().filter_map(id).collect(), ..Greeting::default() });
        Ok(open)
    }

    /// Tries the doors: the top of the mailbox, and each folder that plays a part in it.
    ///
    /// # Errors
    /// `Denied` if none opens, `NotFound` if there is no such mailbox.
    pub(crate) async fn try_doors(
        &self,
        client: &Client,
        root: &Root,
    ) -> Result<Vec<(DistinguishedFolder, ews::Folder)>> {
        let doors = doors(root);
        let folders = doors.iter().map(|(theirs, _)| root.folder(*theirs)).collect();
        let answers = match client.call(&GetFolder { folders, shape: shape() }).await {
            Ok(answers) => answers,
            Err(error) if matches!(error.kind, Theirs::Denied | Theirs::NotFound) => {
                return Err(shut_out(root, &error.kind, error.code.as_ref()));
            }
            Err(error) => return Err(self.failed(&Tried::new(cannot_be_opened(root)), &error)),
        };
        let mut open = Vec::new();
        let mut shut = None;
        for ((_, role), answer) in doors.into_iter().zip(answers) {
            match answer {
                Ok(folder) => open.push((role, folder)),
                Err(error) => shut = shut.or(Some(error)),
            }
        }
        match shut {
            Some(error) if open.is_empty() => Err(shut_out(root, &error.kind, Some(&error.code))),
            _ => Ok(open),
        }
    }

    /// Without its top a mailbox is a few rooms, each with what is below it.
    async fn room_by_room(&self, client: &Client, rooms: Vec<(DistinguishedFolder, ews::Folder)>) -> Result<()> {
        let tried = Tried::new("the folders could not be listed");
        let (mut changes, mut facts) = (Vec::new(), Vec::new());
        let mut take = |folder: &ews::Folder, role: Option<DistinguishedFolder>| {
            let Some(found) = convert::folder(folder, role) else { return };
            facts.push((found.exchange_id.clone(), Facts::of(folder)));
            changes.push(FolderChange::Upsert(found));
        };
        for (role, room) in &rooms {
            take(room, Some(*role));
            let Some(id) = room.id.clone() else { continue };
            let mut offset = 0;
            loop {
                let ask = FindFolder {
                    parent: id.clone().into(),
                    traversal: Traversal::Deep,
                    shape: shape(),
                    restriction: None,
                    page: Some(Page { offset, max: PAGE }),
                };
                let below = match client.call(&ask).await {
                    Ok(below) => below,
                    // Not everybody who may open a folder may see those below it.
                    Err(error) if matches!(error.kind, Theirs::Denied | Theirs::NotFound) => break,
                    Err(error) => return Err(self.failed(&tried, &error)),
                };
                below.folders.iter().for_each(|folder| take(folder, None));
                match below.next {
                    Some(next) if next > offset => offset = next,
                    _ => break,
                }
            }
        }
        self.map.begin_hierarchy_resync().await?;
        let page = HierarchyPage { changes, sync_state: ROOM_BY_ROOM.to_owned(), last: true };
        let applied = self.map.apply_hierarchy(page).await?;
        self.keep_facts(facts).await?;
        self.hierarchy.forget();
        for folder in applied.removed {
            if let Some((_, state)) = self.folders.remove(&folder) {
                state.bell.ring();
            }
        }
        Ok(())
    }

    /// The tree as it is known, brought up to date if that was long ago, or never. A mailbox whose owner does not let
    /// the user in any more is not shown from what is known of it.
    pub(crate) async fn revisit(self: &Arc<Self>, age: std::time::Duration) -> Result<()> {
        if !self.visited.is_older_than(age) {
            return self.visited.verdict();
        }
        self.hierarchy.due.want();
        let known = self.map.hierarchy_state().await?.is_some();
        let looked = {
            let live = Arc::clone(self);
            tokio::spawn(Trace::carried(async move { live.look_at_hierarchy().await }))
        };
        let looked = match known {
            true => self.await_news(PATIENCE, looked).await.and_then(std::result::Result::ok),
            false => looked.await.ok(),
        };
        match looked {
            Some(Err(error)) if matches!(error.kind, ErrorKind::Denied | ErrorKind::NotFound) => {
                self.visited.shut(error.clone());
                // It is a fact, not trouble: whoever asks again within a minute is told the same.
                Err(error)
            }
            Some(Err(error)) if !known => Err(error),
            // What is known is better than nothing.
            Some(Err(_)) => self.visited.verdict(),
            None if self.is_away() => self.visited.verdict(),
            Some(Ok(())) | None => {
                self.visited.open();
                Ok(())
            }
        }
    }
}

/// What somebody reads who is not let in. Exchange calls what may not be seen missing as often as forbidden.
fn shut_out(root: &Root, kind: &Theirs, code: Option<&ews::ResponseCode>) -> Error {
    let missing = code.is_some_and(|code| MISSING.contains(&code.as_str()));
    match root {
        Root::Other(address) if missing => {
            Error::new(ErrorKind::NotFound, format!("Exchange has no mailbox {address}; look at the address again"))
        }
        Root::Other(address) if matches!(kind, Theirs::Denied | Theirs::NotFound) => {
            let sentence = format!(
                "{address} lets you open none of their folders; ask them, or the administrator of Exchange, for access"
            );
            Error::new(ErrorKind::Denied, sentence)
        }
        _ => Tried::new(cannot_be_opened(root)).because(kind, code),
    }
}

fn cannot_be_opened(root: &Root) -> String {
    match root {
        Root::Other(address) => format!("the mailbox {address} could not be opened"),
        Root::Archive => "the online archive could not be opened".to_owned(),
        Root::Public => "the public folders could not be opened".to_owned(),
        Root::Own => "the mailbox could not be opened".to_owned(),
    }
}

/// When a mailbox that is not the user's own was last looked at, and whether its door was open.
#[derive(Debug, Default)]
pub(crate) struct Visited(std::sync::Mutex<Visit>);

#[derive(Debug, Default)]
struct Visit {
    at: Option<Instant>,
    shut: Option<Error>,
}

impl Visited {
    fn is_older_than(&self, age: std::time::Duration) -> bool {
        let visit = self.lock();
        let age = if visit.shut.is_some() { age.max(SHUT) } else { age };
        visit.at.is_none_or(|at| at.elapsed() >= age)
    }

    fn open(&self) {
        *self.lock() = Visit { at: Some(Instant::now()), shut: None };
    }

    fn shut(&self, error: Error) {
        *self.lock() = Visit { at: Some(Instant::now()), shut: Some(error) };
    }

    /// What the last look came to.
    ///
    /// # Errors
    /// That the user is not let in.
    pub(crate) fn verdict(&self) -> Result<()> {
        match &self.lock().shut {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Visit> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Folders asked for by name, and the parts they play here.
fn doors(root: &Root) -> Vec<(DistinguishedFolder, DistinguishedFolder)> {
    use DistinguishedFolder as Folder;
    match root {
        Root::Archive => vec![(Folder::ArchiveTop, Folder::Top), (Folder::ArchiveDeletedItems, Folder::DeletedItems)],
        Root::Public => vec![(Folder::PublicFolders, Folder::Top)],
        Root::Own | Root::Other(_) => {
            let parts = [
                Folder::Top,
                Folder::Inbox,
                Folder::Drafts,
                Folder::SentItems,
                Folder::DeletedItems,
                Folder::Junk,
                Folder::Outbox,
            ];
            parts.map(|part| (part, part)).to_vec()
        }
    }
}

/// The sync state of a tree that is listed room by room.
const ROOM_BY_ROOM: &str = "room by room";
/// By these Exchange says that there is no such mailbox (EWS "ResponseCode").
const MISSING: [&str; 3] = ["ErrorNonExistentMailbox", "ErrorMissingEmailAddress", "ErrorInvalidSmtpAddress"];
/// How long a tree that is known waits for news.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
/// A door that was shut is not tried again for so long.
const SHUT: std::time::Duration = std::time::Duration::from_secs(60);
/// FindFolder: as many as Exchange gives at a time.
const PAGE: u32 = 1000;
