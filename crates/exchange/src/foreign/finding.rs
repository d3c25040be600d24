//! Whether there is an archive of the user's, and whether there are public folders.

use std::sync::Arc;
use std::time::Duration;

use ews::op::get_folder::GetFolder;
use ews::{ErrorKind as Theirs, FolderShape};
use idmap::IdMap;
use jiff::{SignedDuration, Timestamp};
use mailbox::Trace;

use super::mounts::{NAMES, tops};
use super::place::{Names, Root};
use crate::error::{Result, Tried};
use crate::live::Live;

impl Live {
    /// True if Exchange has an archive of the user's, or public folders: asked once a day.
    pub(super) async fn has(self: &Arc<Self>, root: &Root) -> bool {
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
            tokio::spawn(Trace::carried(async move { live.ask_whether(&root, &key).await }))
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
        loop {
            let before = self.map.note(NAMES).await?;
            let Some(mut kept) = before.as_deref().and_then(Names::read) else { return Ok(()) };
            match root {
                Root::Archive => kept.archive = names.archive.clone(),
                Root::Public => kept.public = names.public.clone(),
                Root::Own | Root::Other(_) => {}
            }
            if self.map.swap_note(NAMES, before.as_deref(), &kept.written()).await? {
                if let Some(table) = self.mounts.table.lock().await.as_mut() {
                    table.names = kept;
                }
                return Ok(());
            }
        }
    }

    /// Whether an answer that is no folder means that there is none.
    fn verdict(&self, kind: &Theirs) -> Option<bool> {
        let none = matches!(kind, Theirs::NotFound | Theirs::Denied | Theirs::Refused | Theirs::Unsupported);
        none.then_some(false)
    }
}

/// An archive that was not there is looked for again, and one that was there too.
const ASK_AGAIN: SignedDuration = SignedDuration::from_hours(24);
/// How long a client waits for what concerns not its own mailbox.
const PATIENCE: Duration = Duration::from_secs(5);
