//! PREVIEW (RFC 8970): how messages begin. Exchange tells it since 2013, a hundred in a call; of what it does not tell the
//! message itself does. What was told once stays, in the map.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ews::op::get_item::GetItem;
use ews::{Field, ItemId, ItemShape, Version};
use idmap::{IdMap, ItemRow};
use mailbox::{Content, EmailId, Error, FolderId, Haste, Uid, preview};

use crate::bodies::LOOK_AHEAD;
use crate::error::{Result, Tried};
use crate::live::Live;

impl Live {
    /// How messages of a folder begin.
    pub(crate) async fn previews(
        self: &Arc<Self>,
        folder: FolderId,
        uids: &[Uid],
        haste: Haste,
    ) -> Result<Vec<(Uid, Result<Option<String>>)>> {
        self.folder_row(folder).await?;
        let rows = self.map.items(folder, uids).await?;
        let ids: Vec<EmailId> = rows.iter().map(|row| row.email_id).collect();
        let mut known: HashMap<EmailId, String> = self.map.previews(&ids).await?.into_iter().collect();
        let mut seen = HashSet::new();
        let missing = |row: &&ItemRow| !known.contains_key(&row.email_id) && seen.insert(row.email_id);
        let missing: Vec<ItemRow> = rows.iter().filter(missing).cloned().collect();
        let mut failed: HashMap<EmailId, Error> = HashMap::new();
        if !missing.is_empty() {
            let (new, errors) = self.new_previews(folder, missing, haste).await?;
            failed = errors;
            self.keep_previews(&new).await;
            known.extend(new);
        }
        let told = |row: &ItemRow| match (known.get(&row.email_id), failed.get(&row.email_id)) {
            (None, Some(error)) => (row.uid, Err(error.clone())),
            (known, _) => (row.uid, Ok(known.cloned())),
        };
        Ok(rows.iter().map(told).collect())
    }

    /// Finds out what is not known: from messages that are here, else from Exchange.
    async fn new_previews(
        self: &Arc<Self>,
        folder: FolderId,
        mut missing: Vec<ItemRow>,
        haste: Haste,
    ) -> Result<(HashMap<EmailId, String>, HashMap<EmailId, Error>)> {
        let mut new = HashMap::new();
        for some in missing.chunks(LOOK_AHEAD) {
            new.extend(of_contents(self.here(some).await?).await?);
        }
        if haste == Haste::AtOnce {
            return Ok((new, HashMap::new()));
        }
        missing.retain(|row| !new.contains_key(&row.email_id));
        for some in missing.chunks(BATCH) {
            new.extend(self.told_previews(some).await?);
        }
        missing.retain(|row| !new.contains_key(&row.email_id));
        let mut failed = HashMap::new();
        while !missing.is_empty() {
            let contents = self.contents_of(folder, missing.iter().take(LOOK_AHEAD).cloned().collect()).await?;
            if contents.is_empty() {
                break;
            }
            let mut came = HashMap::new();
            for (uid, content) in contents {
                let place = missing.iter().position(|row| row.uid == uid);
                let Some(row) = place.map(|place| missing.swap_remove(place)) else { continue };
                match content {
                    Ok(content) => drop(came.insert(row.email_id, content)),
                    Err(error) => drop(failed.insert(row.email_id, error)),
                }
            }
            missing.sort_unstable_by_key(|row| row.uid);
            new.extend(of_contents(came).await?);
        }
        Ok((new, failed))
    }

    /// What Exchange tells of itself. Whatever goes wrong here, the messages may tell.
    async fn told_previews(&self, rows: &[ItemRow]) -> Result<HashMap<EmailId, String>> {
        let client = self.client()?;
        if client.server_version().is_some_and(|version| version < Version::Exchange2013) {
            return Ok(HashMap::new());
        }
        let items = rows.iter().map(|row| ItemId::new(&row.item_id).into()).collect();
        let answers = match client.call(&GetItem { items, shape: ItemShape::of([Field::PREVIEW.into()]) }).await {
            Ok(answers) => answers,
            Err(error) => {
                self.failed(&Tried::new("the beginnings of messages could not be asked for"), &error);
                tracing::info!(user = self.user, %error, "previews are made of the messages themselves");
                return Ok(HashMap::new());
            }
        };
        let told = rows.iter().zip(answers);
        Ok(told.filter_map(|(row, item)| Some((row.email_id, preview::shortened(&item.ok()?.preview?)))).collect())
    }

    /// Losing them costs a question later, so that is no reason to fail.
    async fn keep_previews(&self, new: &HashMap<EmailId, String>) {
        let new: Vec<(EmailId, String)> = new.iter().map(|(id, text)| (*id, text.clone())).collect();
        if new.is_empty() {
            return;
        }
        if let Err(error) = self.map.put_previews(new).await {
            tracing::warn!(user = self.user, %error, "previews could not be kept");
        }
    }
}

async fn of_contents(contents: HashMap<EmailId, Content>) -> Result<HashMap<EmailId, String>> {
    if contents.is_empty() {
        return Ok(HashMap::new());
    }
    let read = move || -> std::io::Result<_> {
        contents.into_iter().map(|(id, content)| Ok((id, preview::of(&content)?))).collect()
    };
    Ok(tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)??)
}

/// GetItem: one call for so many messages.
const BATCH: usize = 100;
