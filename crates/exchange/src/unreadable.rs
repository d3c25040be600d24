//! The list of messages that Exchange cannot give, from the maps alone: beside a gateway that runs, too, and while nobody is in.

use std::collections::HashMap;
use std::path::Path;

use idmap::IdMap;
use idmap::postgres::Server;
use jiff::Timestamp;
use mailbox::{FolderId, Uid};

use crate::directory::{Directory, file_name};
use crate::error::Result;
use crate::listing::Listing;
use crate::maps::{DIRECTORY, Map, named};

/// A message that Exchange has and cannot give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What the gateway calls the mailbox. After a slash: which mailbox of others it is that is opened from there.
    pub mailbox: String,
    /// The path of the folder, with slashes.
    pub folder: String,
    /// What its clients call what is served in its place.
    pub uid: Uid,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// When it was received.
    pub received: Timestamp,
    /// What Exchange said last.
    pub reason: String,
    /// When Exchange did not give it for the first time.
    pub since: Timestamp,
    /// When it did not for the last time.
    pub tried: Timestamp,
}

/// Those of an organisation's mailboxes, or of one of them and what is opened from there: from files below a state directory, or from a
/// database.
///
/// # Errors
/// Those of either place.
pub async fn unreadable(
    state: &Path,
    server: Option<&Server>,
    organisation: &str,
    mailbox: Option<&str>,
) -> Result<Vec<Unreadable>> {
    let is_meant = |name: &String| {
        let rest = mailbox.map(|mailbox| name.strip_prefix(mailbox));
        rest.is_none_or(|rest| rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    };
    let mut all = Vec::new();
    match server {
        Some(server) => {
            let prefix = named(organisation, "");
            let names = server.troubled().await?;
            let ours = names.iter().filter_map(|name| name.strip_prefix(&prefix)).map(str::to_owned);
            for name in ours.filter(is_meant) {
                let map = server.mailbox(&named(organisation, &name)).await?;
                all.extend(of_map(&map, &name).await?);
            }
        }
        None => {
            let directory = state.join(DIRECTORY).join(file_name(organisation));
            if !directory.is_dir() {
                return Ok(all);
            }
            for name in idmap::sqlite::troubled(&directory).await?.into_iter().filter(is_meant) {
                let map = idmap::sqlite::open(&directory, &name).await?;
                all.extend(of_map(&map, &name).await?);
            }
        }
    }
    Ok(all)
}

async fn of_map(map: &Map, mailbox: &str) -> Result<Vec<Unreadable>> {
    let listing = Listing::new(map.folders().await?, &[], &[]);
    let paths: HashMap<FolderId, String> =
        listing.folders.iter().map(|folder| (folder.id, folder.path.0.join("/"))).collect();
    let hidden = |folder| listing.row(folder).map(|row| row.folder.name.clone()).unwrap_or_default();
    let told = map.problems().await?.into_iter().map(|one| Unreadable {
        mailbox: mailbox.to_owned(),
        folder: paths.get(&one.folder).cloned().unwrap_or_else(|| hidden(one.folder)),
        uid: one.uid,
        message_id: one.message_id,
        received: one.received,
        reason: one.reason,
        since: one.since,
        tried: one.tried,
    });
    Ok(told.collect())
}

impl Directory {
    /// Messages that Exchange has and cannot give, by organisation and mailbox; those of one mailbox if one is named.
    ///
    /// # Errors
    /// Those of reading what is kept.
    pub async fn unreadable(&self, one: Option<(&str, &str)>) -> Result<Vec<(String, Vec<Unreadable>)>> {
        let settings = self.settings();
        let server = settings.shared.as_ref().map(|shared| &shared.server);
        let mut all = Vec::new();
        for organisation in &settings.organisations {
            let name = organisation.name.as_str();
            let mailbox = one.filter(|(organisation, _)| *organisation == name).map(|(_, mailbox)| mailbox);
            if one.is_none() || mailbox.is_some() {
                all.push((name.to_owned(), unreadable(&settings.state, server, name, mailbox).await?));
            }
        }
        Ok(all)
    }
}
