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

/// The mailboxes of one organisation.
pub(super) struct Homes {
    file: PathBuf,
    /// By the id of the top folder.
    names: Mutex<HashMap<String, String>>,
}

impl Homes {
    /// Reads what is known of the maps in this directory.
    pub(super) fn load(directory: &Path) -> Homes {
        let file = directory.join("mailboxes.json");
        let names = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Homes { file, names: Mutex::new(names.unwrap_or_default()) }
    }

    /// The name by which the state of a mailbox is found.
    pub(super) fn name(&self, directory: &Path, user: &str, top: Option<&str>) -> Result<String> {
        let Some(top) = top else { return Ok(user.to_owned()) };
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if idmap::sqlite::exists(directory, user) {
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
        Ok(write(&self.file, &json!(names).to_string())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_mailbox_has_one_state_and_state_is_never_moved() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path();
        let name = |user: &str, top: &str| Homes::load(place).name(place, user, Some(top)).unwrap();
        assert_eq!(name("anna", "A"), "anna");
        assert_eq!(name("corp\\anna", "A"), "anna", "the same mailbox");
        assert_eq!(name("ben", "B"), "ben");
        let own = idmap::sqlite::open(place, "corp\\ben").await.unwrap();
        assert_eq!(name("corp\\ben", "B"), "corp\\ben", "it has state of its own");
        drop(own);
        let own = idmap::sqlite::open(place, "anna").await.unwrap();
        assert_eq!(name("anna", "A2"), "anna", "after a migration");
        assert_eq!(name("corp\\anna", "A2"), "anna");
        assert_eq!(name("corp\\anna", "A"), "corp\\anna", "the old id is nobody's");
        drop(own);
    }
}
