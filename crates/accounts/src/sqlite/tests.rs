use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::conformance::{self, Place};
use crate::{AccountState, Chain};

struct Home(TempDir);

impl Place for Home {
    type Store = Register;

    async fn open(&self) -> Register {
        open(self.0.path()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_does_what_every_store_must() {
    conformance::all(|| Home(tempfile::tempdir().unwrap())).await;
}

#[tokio::test]
async fn the_file_is_its_owners_alone() {
    let home = tempfile::tempdir().unwrap();
    let register = open(home.path()).unwrap();
    register.commit("test", Timestamp::default(), vec![know("anna@one.example")]).await.unwrap();
    for entry in std::fs::read_dir(home.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn what_was_removed_is_nowhere_in_the_files() {
    let home = tempfile::tempdir().unwrap();
    let register = open(home.path()).unwrap();
    let label = |value: &str| Change::Label {
        address: "anna@one.example".to_owned(),
        name: "note".to_owned(),
        value: Some(value.to_owned()),
    };
    register.commit("test", Timestamp::default(), vec![know("anna@one.example")]).await.unwrap();
    let connection = Connection::open(home.path().join(FILE)).unwrap();
    connection.execute("INSERT INTO label VALUES ('anna@one.example', 'note', 'canary-4711')", []).unwrap();
    register.commit("test", Timestamp::default(), vec![label("other")]).await.unwrap();
    register
        .commit("test", Timestamp::default(), vec![Change::Remove { address: "anna@one.example".into() }])
        .await
        .unwrap();
    register.fold().await.unwrap();
    for entry in std::fs::read_dir(home.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"canary-4711"));
    }
}

#[tokio::test]
async fn a_log_that_was_changed_shows() {
    let home = tempfile::tempdir().unwrap();
    let register = open(home.path()).unwrap();
    let changes = vec![know("anna@one.example"), know("bert@one.example")];
    register.commit("test", Timestamp::default(), changes).await.unwrap();
    assert!(Chain::EMPTY.follow(&register.audit(0, 10).await.unwrap()).is_ok());
    let connection = Connection::open(home.path().join(FILE)).unwrap();
    connection.execute("UPDATE audit SET subject = 'carl@one.example' WHERE number = 2", []).unwrap();
    assert_eq!(Chain::EMPTY.follow(&register.audit(0, 10).await.unwrap()).unwrap_err().0, 2);
}

#[test]
fn files_of_others_and_of_newer_versions_are_left_alone() {
    for (pragma, wanted) in [
        ("application_id = 1", "it is a database of another program; move it away"),
        ("user_version = 99", "it was written by a newer version (schema 99); run that version"),
    ] {
        let home = tempfile::tempdir().unwrap();
        drop(open(home.path()).unwrap());
        Connection::open(home.path().join(FILE)).unwrap().execute_batch(&format!("PRAGMA {pragma}")).unwrap();
        let sentence = open(home.path()).unwrap_err().to_string();
        assert!(sentence.ends_with(wanted), "{sentence}");
    }
}

fn know(address: &str) -> Change {
    Change::Know {
        address: address.to_owned(),
        organisation: "main".to_owned(),
        mailbox: None,
        state: AccountState::Open,
    }
}
