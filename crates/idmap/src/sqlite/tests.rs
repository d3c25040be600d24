//! What is particular to the file. What every map must do is in `conformance`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use mailbox::ModSeq;
use tempfile::TempDir;

use super::open;
use crate::conformance::killed::{self, Victim};
use crate::conformance::{
    End, Place, apply, cases, filled, item, listing, named, objects, page, random, random_objects, uid, uids,
};
use crate::sql::Connection;
use crate::tables::edit::Edit;
use crate::{Error, IdMap, ItemChange, Mailbox};

/// A directory of its own for each map.
struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }
}

impl Place for Directory {
    type Map = Mailbox;

    async fn open(&self) -> Mailbox {
        open(self.0.path(), "anna@example.org").await.unwrap()
    }

    fn after_kill(&self) -> Self {
        let copy = Self::new();
        for entry in fs::read_dir(self.0.path()).unwrap() {
            let entry = entry.unwrap();
            // Shared memory is gone with its processes.
            if !entry.file_name().to_string_lossy().ends_with("-shm") {
                fs::copy(entry.path(), copy.0.path().join(entry.file_name())).unwrap();
            }
        }
        copy
    }
}

macro_rules! run {
    ($($story:ident)*) => {$(
        #[tokio::test]
        async fn $story() {
            cases::$story(Directory::new()).await;
        }
    )*};
}

cases::every_story!(run);

#[tokio::test]
async fn email_ids_are_the_same_in_a_new_map() {
    cases::email_ids_are_the_same_in_a_new_map(Directory::new(), Directory::new()).await;
}

#[tokio::test]
async fn files_are_ours_alone() {
    let directory = Directory::new();
    let below = directory.0.path().join("maps");
    let map = open(&below, "../Anna Ö").await.unwrap();
    filled(&map, &[item(1)]).await;
    assert_eq!(map.place(), below.join("%2E./%41nna".replace('/', "%2F") + "%20%C3%96.idmap"));
    assert_eq!(fs::metadata(&below).unwrap().permissions().mode() & 0o777, 0o700);
    let files: Vec<_> = fs::read_dir(&below).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 3);
    assert!(files.iter().all(|file| fs::metadata(file).unwrap().permissions().mode() & 0o777 == 0o600));
}

async fn refusal(directory: &Path, name: &str, words: &str) {
    let file = super::file::path(directory, name);
    let before = fs::read(&file).unwrap();
    let error = open(directory, name).await.unwrap_err();
    let Error::Unusable { file: named, reason } = error else { panic!("{error}") };
    assert_eq!(named, file);
    assert!(reason.contains(words), "{reason}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

/// Everything into the file itself, so that a test can look at its bytes.
fn fold_journal(file: &Path) {
    rusqlite::Connection::open(file).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_left_alone() {
    let directory = Directory::new();
    let path = directory.0.path();
    fs::write(path.join("text.idmap"), "Dear diary,\n".repeat(1000)).unwrap();
    refusal(path, "text", "not an SQLite database").await;

    let foreign = rusqlite::Connection::open(path.join("foreign.idmap")).unwrap();
    foreign.execute_batch("CREATE TABLE t (a); PRAGMA user_version = 1").unwrap();
    drop(foreign);
    refusal(path, "foreign", "another program").await;

    let newer = open(path, "newer").await.unwrap();
    newer.put_note("a", "b").await.unwrap();
    drop(newer);
    let connection = rusqlite::Connection::open(path.join("newer.idmap")).unwrap();
    connection.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(connection);
    fold_journal(&path.join("newer.idmap"));
    refusal(path, "newer", "newer version").await;

    drop(open(path, "anna").await.unwrap());
    fs::rename(path.join("anna.idmap"), path.join("berta.idmap")).unwrap();
    let error = open(path, "berta").await.unwrap_err();
    assert!(error.to_string().contains("another mailbox"), "{error}");
}

#[tokio::test]
async fn damage_is_found_and_named() {
    let directory = Directory::new();
    let map = directory.open().await;
    let items: Vec<_> = (1..=500).map(item).collect();
    let inbox = filled(&map, &items).await;
    map.check().await.unwrap();
    let file = map.place().to_owned();
    fold_journal(&file);
    drop(map);
    let mut bytes = fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0x55);
    fs::write(&file, &bytes).unwrap();
    let map = directory.open().await;
    let error = map.check().await.unwrap_err();
    assert!(matches!(&error, Error::Unusable { file: named, .. } if *named == file), "{error}");
    // Reading stumbles over it or does not; writing nonsense is out of the question.
    drop(map.snapshot(inbox, mailbox::Access::ReadOnly).await);
    drop(map);
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[tokio::test]
async fn a_full_folder_refuses() {
    let directory = Directory::new();
    let map = directory.open().await;
    let inbox = filled(&map, &[item(1)]).await;
    let connection = rusqlite::Connection::open(map.place()).unwrap();
    connection.execute("UPDATE folder SET uid_next = ?1", [u32::MAX - 1]).unwrap();
    assert_eq!(map.created(inbox, vec![item(2)]).await.unwrap(), [uid(u32::MAX - 1)]);
    assert_eq!(map.created(inbox, vec![item(3)]).await.unwrap_err(), Error::Full(inbox));
    assert_eq!(uids(&map, inbox).await, [uid(1), uid(u32::MAX - 1)]);
    assert_eq!(map.status(inbox).await.unwrap().messages, 2);
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_in_which_nothing_happens_holds_no_file_open() {
    let directory = Directory::new();
    let map = directory.open().await;
    let inbox = filled(&map, &[item(1)]).await;
    for round in 2..5 {
        assert_ne!(open_files(directory.0.path()), 0);
        while open_files(directory.0.path()) > 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(map.status(inbox).await.unwrap().messages, round - 1);
        map.created(inbox, vec![item(round)]).await.unwrap();
    }
    while open_files(directory.0.path()) > 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // Nobody must get a map that is empty for one that was taken away.
    fs::remove_file(map.place()).unwrap();
    assert!(matches!(map.created(inbox, vec![item(9)]).await, Err(Error::Store { .. })));
    assert!(!map.place().exists());
}

/// How many files below that directory this process has open.
fn open_files(directory: &Path) -> usize {
    let all = fs::read_dir("/proc/self/fd").unwrap();
    all.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()).filter(|file| file.starts_with(directory)).count()
}

/// A map of the first version keeps its UIDs and takes objects.
#[tokio::test]
async fn an_older_map_goes_on() {
    let directory = Directory::new();
    let file = super::file::path(directory.0.path(), "anna@example.org");
    let old = rusqlite::Connection::open(&file).unwrap();
    old.execute_batch(include_str!("schema_1.sql")).unwrap();
    old.execute_batch(
        "PRAGMA application_id = 0x4558696d; PRAGMA user_version = 1;
         INSERT INTO mailbox (one, name, modseq, uid_validity, hierarchy_resync)
         VALUES (1, 'anna@example.org', 7, 1234, 0);
         INSERT INTO folder (id, exchange_id, name, hidden, uid_validity, uid_next, highest_modseq, sync_state, complete)
         VALUES (3, 'inbox-id', 'Inbox', 0, 1234, 10, 7, 's', 1);
         INSERT INTO item (key, modseq, flags, received, size, email_id, draft, epoch, hash, stamp, change_key, item_id)
         VALUES (3 << 32 | 9, 7, 0, 0, 5, randomblob(16), 0, 1, randomblob(16), randomblob(16), 'c', 'i');
         INSERT INTO tombstone (folder, uid, modseq, email_id, stamp) VALUES (3, 8, 6, randomblob(16), randomblob(16));",
    )
    .unwrap();
    drop(old);
    let map = directory.open().await;
    let inbox = map.folders().await.unwrap()[0].id;
    assert_eq!(map.vanished(inbox, ModSeq(0)).await.unwrap(), Some(vec![uid(8)]));
    assert_eq!(named(&map, inbox).await, [(9, "i".to_owned())]);
    assert_eq!(map.created(inbox, vec![item(1)]).await.unwrap(), [uid(10)]);
    let calendar = objects::filled(&map, &[objects::object(1)]).await;
    assert_eq!(objects::rows(&map, calendar).await.len(), 1);
    assert!(map.annotate(Some(inbox), vec![("/private/a".to_owned(), Some(vec![1]))], 1).await.unwrap());
    drop(map);
    assert_eq!(objects::rows(&directory.open().await, calendar).await.len(), 1);
}

/// Of many removals the latest are remembered. Whoever asks for those since an earlier moment is told that they are not.
#[tokio::test]
async fn old_removals_are_forgotten() {
    let directory = Directory::new();
    let map = directory.open().await;
    let inbox = filled(&map, &[1, 2, 3, 4, 5].map(item)).await;
    let mut moments = vec![map.status(inbox).await.unwrap().state.highest_modseq];
    for number in 1..=3 {
        let gone = page([ItemChange::Delete(item(number).item_id)], &format!("s{number}"), End::Last);
        moments.push(apply(&map, inbox, gone).await.highest_modseq);
    }
    // Exchange has not told of this one, and may still list it.
    map.removed(inbox, &[uid(4)]).await.unwrap();
    moments.push(map.status(inbox).await.unwrap().state.highest_modseq);
    let file = super::file::open_writer(map.place(), "anna@example.org").unwrap();
    let writer = Connection::File(&file);
    let forget = |remembered| {
        let mut edit = Edit::open(&writer, inbox).unwrap();
        edit.forget_all_but(remembered).unwrap();
        edit.finish().unwrap();
    };
    forget(4);
    assert_eq!(map.vanished(inbox, moments[0]).await.unwrap().unwrap(), [1, 2, 3, 4].map(uid));
    forget(2);
    assert_eq!(map.vanished(inbox, moments[1]).await.unwrap(), None);
    assert_eq!(map.vanished(inbox, moments[2]).await.unwrap().unwrap(), [3, 4].map(uid));
    assert!(!map.delta(inbox, moments[1]).await.unwrap().complete);
    assert!(map.delta(inbox, moments[2]).await.unwrap().complete);
    forget(0);
    assert_eq!(map.vanished(inbox, moments[3]).await.unwrap(), None);
    assert_eq!(map.vanished(inbox, moments[4]).await.unwrap().unwrap(), []);
    apply(&map, inbox, listing(&[item(4)], "late", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(5)]);
}

#[test]
fn random_stories() {
    random::run(40, Directory::new);
}

#[test]
fn random_stories_of_objects() {
    random_objects::run(60, Directory::new);
}

/// A real kill -9, at whatever the process is doing.
#[tokio::test]
async fn a_killed_process_lost_nothing_it_announced() {
    let directory = Directory::new();
    let victim = Victim { test: "sqlite::tests::the_process_that_is_killed", place: directory.0.path().into() };
    killed::messages_are_there(&victim, || sound(&directory)).await;
}

#[tokio::test]
async fn the_process_that_is_killed() {
    let Some(directory) = Victim::place() else { return };
    killed::announce_messages(open(Path::new(&directory), "anna@example.org").await.unwrap()).await;
}

#[tokio::test]
async fn a_killed_process_lost_no_object_it_announced() {
    let directory = Directory::new();
    let test = "sqlite::tests::the_process_with_objects_that_is_killed";
    killed::objects_are_there(&Victim { test, place: directory.0.path().into() }, || sound(&directory)).await;
}

#[tokio::test]
async fn the_process_with_objects_that_is_killed() {
    let Some(directory) = Victim::place() else { return };
    killed::announce_objects(open(Path::new(&directory), "anna@example.org").await.unwrap()).await;
}

async fn sound(directory: &Directory) -> Mailbox {
    let map = directory.open().await;
    map.check().await.unwrap();
    map
}
