//! What is particular to the file. What every map must do is in `conformance`.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use mailbox::ModSeq;
use tempfile::TempDir;

use super::open;
use crate::conformance::{
    End, Place, apply, cases, filled, folder, item, listing, named, objects, page, random, random_objects, uid, uids,
};
use crate::sql::Connection;
use crate::tables::edit::Edit;
use crate::{Error, IdMap, ItemChange, Mailbox, ObjectItem, ObjectMap, ObjectRow};

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

/// A real kill -9, at whatever the process is doing: what it had announced is there, and nothing is there twice.
#[tokio::test]
async fn a_killed_process_lost_nothing_it_announced() {
    let directory = Directory::new();
    let mut announced: Vec<(u32, String)> = Vec::new();
    for round in 0..8usize {
        announced.extend(until_killed(&directory, "the_process_that_is_killed", 3 + round * 7, |said| {
            let (uid, item) = said.split_once(' ')?;
            Some((uid.parse().ok()?, item.to_owned()))
        }));
        let map = directory.open().await;
        map.check().await.unwrap();
        let inbox = map.folders().await.unwrap()[0].id;
        let here = named(&map, inbox).await;
        assert!(announced.iter().all(|message| here.contains(message)));
        assert_eq!(different(here.iter().map(|(_, item)| item)), here.len());
        assert_eq!(map.status(inbox).await.unwrap().messages as usize, here.len());
    }
    assert!(announced.len() > 100);
}

/// Announces what is on disk, until it is killed. Without somebody to kill it, it has nothing to do.
#[tokio::test]
async fn the_process_that_is_killed() {
    let Some(directory) = std::env::var_os(VICTIM) else { return };
    let map = open(Path::new(&directory), "anna@example.org").await.unwrap();
    let inbox = map.put_folder(folder("inbox-id", "Inbox")).await.unwrap();
    let mut number = map.status(inbox).await.unwrap().messages;
    loop {
        let page: Vec<_> = (1..=5).rev().map(|ahead| item(number + ahead)).collect();
        number += 5;
        apply(&map, inbox, listing(&page[..3], &format!("{number}a"), End::More)).await;
        apply(&map, inbox, listing(&page[3..], &format!("{number}b"), End::Last)).await;
        for (uid, item) in named(&map, inbox).await.into_iter().rev().take(5) {
            println!("announced {uid} {item}");
        }
    }
}

/// The same for objects: a name, its item and its text are there together, an ETag once told never stands for another
/// text, and what was removed stays so.
#[tokio::test]
async fn a_killed_process_lost_no_object_it_announced() {
    let directory = Directory::new();
    let (mut texts, mut gone) = (HashMap::new(), HashSet::new());
    for round in 0..8usize {
        let said = until_killed(&directory, "the_process_with_objects_that_is_killed", 5 + round * 7, |said| {
            let [what, name, etag, text] = said.split(' ').collect::<Vec<_>>().try_into().ok()?;
            Some((what.to_owned(), name.to_owned(), etag.to_owned(), text.to_owned()))
        });
        for (what, name, etag, text) in said {
            match what.as_str() {
                "there" => {
                    let before = texts.insert(etag.clone(), (name, text.clone()));
                    assert!(before.is_none_or(|(_, before)| before == text), "{etag} stands for two texts");
                }
                _ => drop(gone.insert(name)),
            }
        }
        let map = directory.open().await;
        map.check().await.unwrap();
        let calendar = map.folders().await.unwrap()[0].id;
        let here = objects::rows(&map, calendar).await;
        assert_eq!(different(here.iter().map(|row| &row.item_id)), here.len());
        assert_eq!(different(here.iter().map(|row| &row.entry.name.0)), here.len());
        assert_eq!(different(here.iter().map(|row| &row.entry.etag.0)), here.len());
        let of_name = |name: &str| here.iter().find(|row| row.entry.name.0 == name);
        assert!(gone.iter().all(|name| of_name(name).is_none()), "what was removed is back");
        for (etag, (name, text)) in &texts {
            let Some(row) = of_name(name) else {
                // Only what came from Exchange is ever removed, perhaps after the last word that was heard.
                assert!(!name.starts_with("ours"), "{name} is lost");
                continue;
            };
            let kept = map.object_texts(calendar, &[row.number]).await.unwrap().remove(0).1;
            assert!(row.entry.etag.0 != *etag || kept == text.as_bytes(), "{name} is another under its ETag");
        }
    }
    assert!(texts.len() > 60 && !gone.is_empty(), "{} {}", texts.len(), gone.len());
}

/// Makes, changes and removes objects as a client and as Exchange, and announces what is on disk.
#[tokio::test]
async fn the_process_with_objects_that_is_killed() {
    let Some(directory) = std::env::var_os(VICTIM) else { return };
    let map = open(Path::new(&directory), "anna@example.org").await.unwrap();
    let calendar = map.put_folder(folder("calendar-id", "Calendar")).await.unwrap();
    let said = |what: &str, name: &str, etag: &str, text: &str| println!("announced {what} {name} {etag} {text}");
    // Exchange tells in the end of what was made just before a kill; what it never tells of would vanish.
    let before = objects::rows(&map, calendar).await.into_iter().map(|row| {
        let ObjectRow { item_id, change_key, .. } = row;
        ObjectItem { item_id, change_key, name: None, ..objects::object(0) }
    });
    let start = format!("start {}", map.object_token(calendar).await.unwrap().modseq.0);
    objects::apply(&map, calendar, objects::listing(&before.collect::<Vec<_>>(), &start, End::Last)).await;
    // A number of its own for everything that is made in any run.
    let mut number = u32::try_from(map.object_token(calendar).await.unwrap().modseq.0).unwrap() * 10;
    loop {
        number += 10;
        let (ours, theirs) = (format!("ours-{number}.ics"), ObjectItem { name: None, ..objects::object(number + 1) });
        for change in 0..2 {
            let changed = ObjectItem { change_key: format!("{number}c{change}"), ..objects::object(number) };
            let words = format!("text-{number}-{change}");
            let row = objects::written(&map, calendar, &ours, changed, Some(&words)).await;
            said("there", &ours, &row.entry.etag.0, &words);
        }
        let told = ObjectItem { change_key: format!("{number}c1"), ..objects::object(number) };
        let page = objects::listing([&told, &theirs], &format!("{number}"), End::Last);
        objects::apply(&map, calendar, page).await;
        for row in map.unread_objects(calendar, 9).await.unwrap() {
            let words = format!("read-{}", row.item_id);
            objects::read(&map, calendar, row.number.0, &words).await;
            said("there", &row.entry.name.0, &row.entry.etag.0, &words);
        }
        let rows = objects::rows(&map, calendar).await;
        let oldest = rows.iter().find(|row| !row.entry.name.0.starts_with("ours")).unwrap();
        map.objects_removed(calendar, &[oldest.number]).await.unwrap();
        said("gone", &oldest.entry.name.0, "-", "-");
    }
}

/// Runs a test of this file in a process of its own, and kills it once it has announced so much.
fn until_killed<T>(directory: &Directory, test: &str, count: usize, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("sqlite::tests::{test}"), "--nocapture", "--test-threads=1"])
        .env(VICTIM, directory.0.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let said = lines.filter_map(|line| read(line.split_once("announced ")?.1)).take(count).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    said
}

fn different<'a>(names: impl Iterator<Item = &'a String>) -> usize {
    names.collect::<HashSet<_>>().len()
}

/// Names the directory to the process that is killed.
const VICTIM: &str = "IDMAP_TEST_VICTIM";
