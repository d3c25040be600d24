//! Answers nobody here wrote: recorded from real servers, and the examples of Microsoft's documentation.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod objects;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ews::op::DeleteType;
use ews::op::create_item::{CreateItem, Disposition, NewMessage};
use ews::op::delete_item::DeleteItem;
use ews::op::find_folder::{FindFolder, FolderPage, Traversal as FolderTraversal};
use ews::op::find_item::{FindItem, ItemPage, Traversal};
use ews::op::get_events::Object;
use ews::op::get_folder::GetFolder;
use ews::op::get_item::GetItem;
use ews::op::get_streaming_events::GetStreamingEvents;
use ews::op::move_item::MoveItem;
use ews::op::sync_folder_items::{ItemChange, SyncFolderItems};
use ews::soap::{self, Unreadable, skim};
use ews::*;

#[test]
fn every_recorded_answer_is_read() {
    let Some(samples) = samples() else { return };
    let mut read = BTreeMap::<String, usize>::new();
    for row in index(&samples.join("recorded/INDEX.tsv")) {
        let (file, operation, codes) = (&row[0], &row[3], &row[4]);
        let bytes = std::fs::read(samples.join("recorded").join(file)).unwrap();
        if operation == "Autodiscover" || operation == "Unknown" {
            assert_eq!(skim([&bytes[..]]), Err(Unreadable::NotSoap), "{file}");
            continue;
        }
        let whole = skim([&bytes[..]]).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(skim(bytes.chunks(61)).as_ref(), Ok(&whole), "{file} in pieces");
        assert_eq!(whole.documents, 1, "{file}");
        *read.entry(operation.clone()).or_default() += 1;
        if operation == "Fault" {
            assert_eq!(whole.faults, [if codes == "-" { "ErrorServerBusy" } else { codes }], "{file}");
        } else if operation.ends_with("Response") {
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(whole.messages, text.matches(" ResponseClass=\"").count(), "{file}");
            assert!(whole.messages > 0, "{file}");
            assert_eq!(whole.errors.is_empty(), codes == "NoError", "{file}: {:?}", whole.errors);
        }
        for cut in [bytes.len() / 3, bytes.len() / 2, bytes.len() * 9 / 10] {
            assert_eq!(skim([&bytes[..cut]]), Err(Unreadable::Cut), "{file} cut at {cut}");
        }
    }
    println!("read: {read:?}");
    assert!(read.values().sum::<usize>() > 700, "{read:?}");
}

#[test]
fn recorded_listings_give_every_item_with_its_properties() {
    let Some(samples) = samples() else { return };
    let (mut items, mut with_subject, mut mail) = (0, 0, 0);
    for (file, bytes) in recorded(&samples, "FindItemResponse") {
        let page: ItemPage = soap::read(&find_item(), [&bytes[..]]).unwrap_or_else(|error| panic!("{file}: {error}"));
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(page.items.len(), text.matches("<t:ItemId ").count(), "{file}");
        assert!(text.contains("TotalItemsInView") == page.total.is_some(), "{file}");
        for item in &page.items {
            assert!(item.id.as_ref().is_some_and(|id| id.change_key.is_some()), "{file}");
            assert!(item.class.is_some(), "{file}");
            mail += usize::from(item.kind == ItemKind::Message && item.received.is_some() && item.size.is_some());
        }
        items += page.items.len();
        with_subject += page.items.iter().filter(|item| item.subject.is_some()).count();
    }
    assert!(items > 50 && with_subject > 50 && mail > 10, "{items} items, {with_subject} subjects, {mail} mails");
}

#[test]
fn recorded_folders_are_whole() {
    let Some(samples) = samples() else { return };
    let (mut folders, mut classes) = (0, 0);
    for (file, bytes) in recorded(&samples, "FindFolderResponse") {
        let page: FolderPage =
            soap::read(&find_folder(), [&bytes[..]]).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(page.folders.len(), String::from_utf8_lossy(&bytes).matches("<t:FolderId ").count(), "{file}");
        assert!(page.folders.iter().all(|folder| folder.id.is_some()), "{file}");
        folders += page.folders.len();
        classes += page.folders.iter().filter(|folder| folder.class.is_some()).count();
    }
    for (file, bytes) in recorded(&samples, "GetFolderResponse") {
        let asked = String::from_utf8_lossy(&bytes).matches(" ResponseClass=\"").count();
        let folder: FolderRef = DistinguishedFolder::Inbox.into();
        let get = GetFolder { folders: vec![folder; asked], shape: FolderShape::default() };
        let answers = soap::read(&get, [&bytes[..]]).unwrap_or_else(|error| panic!("{file}: {error}"));
        for answer in answers {
            match answer {
                Ok(folder) => assert!(folder.id.is_some(), "{file}"),
                Err(error) => assert_eq!(error.kind, ErrorKind::NotFound, "{file}: {error}"),
            }
        }
    }
    assert!(folders > 300 && classes > 100 && classes < folders, "{folders} folders, {classes} with a class");
}

#[test]
fn recorded_syncs_are_believed_only_when_they_worked() {
    let Some(samples) = samples() else { return };
    let sync = SyncFolderItems {
        folder: DistinguishedFolder::Inbox.into(),
        shape: ItemShape::default(),
        state: None,
        max: 512,
    };
    let mut kinds = [0; 4];
    for (file, bytes) in recorded(&samples, "SyncFolderItemsResponse") {
        let answer = soap::read(&sync, bytes.chunks(1000));
        if file.starts_with("ews-rs/03") {
            let error = answer.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Busy { retry_after: Some(std::time::Duration::from_secs(5)) });
            assert_eq!(error.code.unwrap().as_str(), "ErrorServerBusy");
            continue;
        }
        let page = answer.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(page.state.len() > 20 && page.last, "{file}");
        for change in page.changes {
            kinds[match change {
                ItemChange::Create(item) => {
                    assert!(item.id.is_some(), "{file}");
                    0
                }
                ItemChange::Update(_) => 1,
                ItemChange::Delete(_) => 2,
                ItemChange::ReadFlag { .. } => 3,
            }] += 1;
        }
    }
    assert!(kinds[0] > 5, "{kinds:?}");
}

#[test]
fn recorded_changes_give_ids() {
    let Some(samples) = samples() else { return };
    let ids = |count: usize| vec![ItemId::new("x"); count];
    let to: FolderRef = DistinguishedFolder::Inbox.into();
    let mut seen = 0;
    for (file, bytes) in recorded(&samples, "MoveItemResponse") {
        let asked = String::from_utf8_lossy(&bytes).matches(" ResponseClass=\"").count();
        let answers = soap::read(&MoveItem { items: ids(asked), to: to.clone() }, [&bytes[..]]).unwrap();
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Some(_)))), "{file}");
        seen += answers.len();
    }
    for (file, bytes) in recorded(&samples, "DeleteItemResponse") {
        let asked = String::from_utf8_lossy(&bytes).matches(" ResponseClass=\"").count();
        let delete = DeleteItem::quietly(ids(asked), DeleteType::HardDelete);
        for answer in soap::read(&delete, [&bytes[..]]).unwrap() {
            assert!(answer.is_ok() || answer.as_ref().is_err_and(|e| e.kind == ErrorKind::NotFound), "{file}");
        }
    }
    let create = CreateItem { disposition: Disposition::SaveOnly, folder: None, message: NewMessage::default() };
    for (file, bytes) in recorded(&samples, "CreateItemResponse") {
        if String::from_utf8_lossy(&bytes).matches("<t:ItemId ").count() == 1 {
            let id = soap::read(&create, [&bytes[..]]).unwrap_or_else(|error| panic!("{file}: {error}")).unwrap();
            assert!(id.change_key.is_some(), "{file}");
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn recorded_faults_are_sorted() {
    let Some(samples) = samples() else { return };
    let busy = |hint| ErrorKind::Busy { retry_after: hint };
    let long = std::time::Duration::from_millis(297_749);
    for (file, code, kind) in [
        ("exchangelib/01-Fault.xml", "ErrorServerBusy", busy(Some(long))),
        ("ews-rs/02-Fault.xml", "ErrorExceededConnectionCount", busy(None)),
        ("ews-rs/01-Fault.xml", "ErrorSchemaValidation", ErrorKind::Refused),
        ("gowsdlsoap/03-Fault.xml", "ErrorInvalidArgument", ErrorKind::Refused),
        (FAULT_OF_2007, "ErrorSchemaValidation", ErrorKind::Refused),
    ] {
        let bytes = std::fs::read(samples.join("recorded").join(file)).unwrap();
        let error = soap::read(&find_folder(), [&bytes[..]]).unwrap_err();
        assert_eq!((error.kind, error.sent), (kind, Sent::NotSent), "{file}");
        assert_eq!(error.code.unwrap().as_str(), code, "{file}");
        assert!(error.message.len() > code.len() + 10, "{file}: {}", error.message);
    }
}

/// Seen from Exchange 15.1.761: references to NUL and other characters XML 1.0 forbids.
#[test]
fn forbidden_characters_are_survived() {
    let Some(samples) = samples() else { return };
    let bytes = std::fs::read(samples.join("recorded/viewpoint/01-GetItemResponse.xml")).unwrap();
    let get = GetItem { items: vec![ItemId::new("x").into()], shape: ItemShape::default() };
    let item = soap::read(&get, bytes.chunks(17)).unwrap().pop().unwrap().unwrap();
    let told = format!("{item:?}");
    assert!(item.subject.is_some() && item.id.is_some() && told.contains('\u{FFFD}'), "{told}");
}

#[test]
fn documented_examples_are_read() {
    let Some(samples) = samples() else { return };
    let mut read = 0;
    for row in index(&samples.join("ms-docs/INDEX.tsv")) {
        let (file, kind, valid) = (&row[0], &row[4], &row[6]);
        if kind != "response" || valid != "yes" || file.contains("Autodiscover") {
            continue;
        }
        let bytes = std::fs::read(samples.join("ms-docs").join(file)).unwrap();
        skim(bytes.chunks(50)).unwrap_or_else(|error| panic!("{file}: {error}"));
        read += 1;
    }
    assert!(read > 150, "{read}");
}

#[test]
fn documented_events_are_understood() {
    let Some(samples) = samples() else { return };
    let stream = GetStreamingEvents { subscriptions: vec!["x".into()], minutes: 1 };
    let told = |number: u8| {
        let path = samples.join(format!("ms-docs/GetStreamingEvents/{number}-response.xml"));
        soap::read(&stream, [&std::fs::read(&path).unwrap()[..]]).unwrap().pop().unwrap()
    };
    let streamed = told(2).unwrap();
    let events: Vec<_> = streamed.notifications.iter().flat_map(|notification| &notification.events).collect();
    assert!(events.len() > 2 && !streamed.closed, "{streamed:?}");
    assert!(streamed.notifications.iter().all(|notification| !notification.subscription.is_empty()));
    for event in events {
        let (Object::Item(ItemId { id, .. }) | Object::Folder(FolderId { id, .. })) = &event.object;
        assert!(!id.is_empty() && event.at.is_some() && event.parent.is_some());
    }
    assert_eq!(told(3).unwrap_err().kind, ErrorKind::SubscriptionLost);
}

const FAULT_OF_2007: &str =
    "evolution-ews/Exchange2007_SP1/create_folder_with_invalid_distinguished_parent_id/01-response.xml";

fn find_item() -> FindItem {
    FindItem {
        folder: DistinguishedFolder::Inbox.into(),
        shape: ItemShape::default(),
        condition: None,
        sort: vec![],
        page: None,
        traversal: Traversal::Shallow,
    }
}

fn find_folder() -> FindFolder {
    FindFolder {
        parent: DistinguishedFolder::Top.into(),
        traversal: FolderTraversal::Deep,
        shape: FolderShape::default(),
        restriction: None,
        page: None,
    }
}

fn samples() -> Option<PathBuf> {
    let shared = std::env::var_os("EXGATE_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let samples = shared.join("ews-samples");
    if !samples.exists() {
        println!("skipped: {} is not there (set EXGATE_SHARED)", samples.display());
        return None;
    }
    Some(samples)
}

fn index(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// The recorded answers of one operation, with their names.
fn recorded(samples: &Path, operation: &str) -> Vec<(String, Vec<u8>)> {
    let rows = index(&samples.join("recorded/INDEX.tsv")).into_iter().filter(|row| row[3] == operation);
    let files: Vec<_> = rows
        .map(|row| {
            let bytes = std::fs::read(samples.join("recorded").join(&row[0])).unwrap();
            (row[0].clone(), bytes)
        })
        .collect();
    assert!(!files.is_empty(), "{operation}");
    files
}
