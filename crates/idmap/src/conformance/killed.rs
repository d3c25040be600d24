//! A real kill -9 of a process that writes to a map, at whatever it is doing: what it had announced is there, and nothing
//! is there twice.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::objects::{apply as apply_objects, listing as list_objects, object, read, rows, written};
use super::{End, apply, folder, item, listing, named};
use crate::{IdMap, ObjectItem, ObjectMap, ObjectRow};

/// A test of this program that announces what it did and does not end, in a process of its own.
pub(crate) struct Victim {
    pub(crate) test: &'static str,
    /// Where its map is.
    pub(crate) place: OsString,
}

impl Victim {
    /// Where the map is, in the process that is killed. Without somebody to kill it, it has nothing to do.
    pub(crate) fn place() -> Option<OsString> {
        std::env::var_os(VICTIM)
    }

    /// Kills it once it has announced so much.
    pub(crate) fn until_killed<T>(&self, count: usize, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", self.test, "--nocapture", "--test-threads=1"])
            .env(VICTIM, &self.place)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let said = lines.filter_map(|line| read(line.split_once("announced ")?.1)).take(count).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        said
    }
}

pub(crate) async fn messages_are_there<M: IdMap>(victim: &Victim, open: impl AsyncFn() -> M) {
    let mut announced: Vec<(u32, String)> = Vec::new();
    for round in 0..8usize {
        announced.extend(victim.until_killed(3 + round * 7, |said| {
            let (uid, item) = said.split_once(' ')?;
            Some((uid.parse().ok()?, item.to_owned()))
        }));
        let map = open().await;
        let inbox = map.folders().await.unwrap()[0].id;
        let here = named(&map, inbox).await;
        assert!(announced.iter().all(|message| here.contains(message)));
        assert_eq!(different(here.iter().map(|(_, item)| item)), here.len());
        assert_eq!(map.status(inbox).await.unwrap().messages as usize, here.len());
    }
    assert!(announced.len() > 100);
}

/// Announces what is on disk, until it is killed.
pub(crate) async fn announce_messages(map: impl IdMap) {
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
pub(crate) async fn objects_are_there<M: ObjectMap>(victim: &Victim, open: impl AsyncFn() -> M) {
    let (mut texts, mut gone) = (HashMap::new(), HashSet::new());
    for round in 0..8usize {
        let said = victim.until_killed(5 + round * 7, |said| {
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
        let map = open().await;
        let calendar = map.folders().await.unwrap()[0].id;
        let here = rows(&map, calendar).await;
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
pub(crate) async fn announce_objects(map: impl ObjectMap) {
    let calendar = map.put_folder(folder("calendar-id", "Calendar")).await.unwrap();
    let said = |what: &str, name: &str, etag: &str, text: &str| println!("announced {what} {name} {etag} {text}");
    // Exchange tells in the end of what was made just before a kill; what it never tells of would vanish.
    let before = rows(&map, calendar).await.into_iter().map(|row| {
        let ObjectRow { item_id, change_key, .. } = row;
        ObjectItem { item_id, change_key, name: None, ..object(0) }
    });
    let start = format!("start {}", map.object_token(calendar).await.unwrap().modseq.0);
    apply_objects(&map, calendar, list_objects(&before.collect::<Vec<_>>(), &start, End::Last)).await;
    // A number of its own for everything that is made in any run.
    let mut number = u32::try_from(map.object_token(calendar).await.unwrap().modseq.0).unwrap() * 10;
    loop {
        number += 10;
        let (ours, theirs) = (format!("ours-{number}.ics"), ObjectItem { name: None, ..object(number + 1) });
        for change in 0..2 {
            let changed = ObjectItem { change_key: format!("{number}c{change}"), ..object(number) };
            let words = format!("text-{number}-{change}");
            let row = written(&map, calendar, &ours, changed, Some(&words)).await;
            said("there", &ours, &row.entry.etag.0, &words);
        }
        let told = ObjectItem { change_key: format!("{number}c1"), ..object(number) };
        let page = list_objects([&told, &theirs], &format!("{number}"), End::Last);
        apply_objects(&map, calendar, page).await;
        for row in map.unread_objects(calendar, 9).await.unwrap() {
            let words = format!("read-{}", row.item_id);
            read(&map, calendar, row.number.0, &words).await;
            said("there", &row.entry.name.0, &row.entry.etag.0, &words);
        }
        let rows = rows(&map, calendar).await;
        let oldest = rows.iter().find(|row| !row.entry.name.0.starts_with("ours")).unwrap();
        map.objects_removed(calendar, &[oldest.number]).await.unwrap();
        said("gone", &oldest.entry.name.0, "-", "-");
    }
}

fn different<'a>(names: impl Iterator<Item = &'a String>) -> usize {
    names.collect::<HashSet<_>>().len()
}

/// Names the place of the map to the process that is killed.
const VICTIM: &str = "IDMAP_TEST_VICTIM";
