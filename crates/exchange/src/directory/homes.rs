//! Which state belongs to which mailbox, however its owner names it.
//!
//! A mailbox's state is found by the name its owner first signed in with. Who signs in by another name later, say as
//! `CORP\anna` and no longer by mail address, is led to the same state if Exchange says that it is the same mailbox: its
//! top folder has the same id. State that is there already is never moved.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::endpoints::write;
use crate::error::Result;
use crate::maps::Shared;

/// The mailboxes of one organisation.
pub(super) enum Homes {
    /// Of this gateway alone.
    Files(Files),
    /// Of all gateways that share a database, and the organisation's name.
    Shared(Shared, String),
}

/// What a file beside the maps says.
pub(super) struct Files {
    directory: PathBuf,
    /// By the id of the top folder.
    names: Mutex<HashMap<String, String>>,
}

impl Homes {
    /// Reads what is known of the maps in this directory.
    pub(super) fn in_files(directory: &Path) -> Homes {
        Homes::Files(Files { directory: directory.to_owned(), names: Mutex::new(known_homes(directory)) })
    }

    /// Asks the database.
    pub(super) fn of_all_nodes(shared: Shared, organisation: String) -> Homes {
        Homes::Shared(shared, organisation)
    }

    /// The name by which the state of a mailbox is found.
    pub(super) async fn name(&self, user: &str, top: Option<&str>) -> Result<String> {
        match (self, top) {
            (_, None) => Ok(user.to_owned()),
            (Homes::Files(files), Some(top)) => files.name(user, top),
            (Homes::Shared(shared, organisation), Some(top)) => shared.home(organisation, user, top).await,
        }
    }
}

/// What is known of the maps in a directory: names by the ids of top folders.
pub(crate) fn known_homes(directory: &Path) -> HashMap<String, String> {
    let names = std::fs::read(directory.join(FILE)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    names.unwrap_or_default()
}

impl Files {
    fn name(&self, user: &str, top: &str) -> Result<String> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if idmap::sqlite::exists(&self.directory, user) {
            if !names.contains_key(top) {
                // After a migration the old id is nobody's.
                names.retain(|_, name| name != user);
                self.keep(&mut names, user, top)?;
            }
            return Ok(user.to_owned());
        }
        match names.get(top) {
            Some(name) => Ok(name.clone()),
            None => {
                names.retain(|_, name| name != user);
                self.keep(&mut names, user, top)?;
                Ok(user.to_owned())
            }
        }
    }

    fn keep(&self, names: &mut HashMap<String, String>, user: &str, top: &str) -> Result<()> {
        names.insert(top.to_owned(), user.to_owned());
        std::fs::create_dir_all(&self.directory)?;
        Ok(write(&self.directory.join(FILE), &json!(names).to_string())?)
    }
}

const FILE: &str = "mailboxes.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_mailbox_has_one_state_and_state_is_never_moved() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path();
        let name = async |user: &str, top: &str| Homes::in_files(place).name(user, Some(top)).await.unwrap();
        assert_eq!(name("anna", "A").await, "anna");
        assert_eq!(name("corp\\anna", "A").await, "anna", "the same mailbox");
        assert_eq!(name("ben", "B").await, "ben");
        let own = idmap::sqlite::open(place, "corp\\ben").await.unwrap();
        assert_eq!(name("corp\\ben", "B").await, "corp\\ben", "it has state of its own");
        drop(own);
        let own = idmap::sqlite::open(place, "anna").await.unwrap();
        assert_eq!(name("anna", "A2").await, "anna", "after a migration");
        assert_eq!(name("corp\\anna", "A2").await, "anna");
        assert_eq!(name("corp\\anna", "A").await, "corp\\anna", "the old id is nobody's");
        drop(own);
    }
}
