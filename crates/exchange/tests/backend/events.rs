//! Events of the corpus over a simulated Exchange: they come back as they were put, with nothing left in the gateway, and
//! what Exchange has of them says the same without the text that was kept.
use std::path::Path;
use std::sync::Arc;

use crate::lab::calendar::{Follower, Someone, if_none};
use crate::lab::{ANNA, Lab};
use ews::op::find_item::{FindItem, Traversal};
use ews::{DistinguishedFolder, ExtendedField, ItemKind, ItemShape, Property, PropertyKind, PropertySet, Value};
use jiff::Timestamp;
use mailbox::FolderId;
use mailbox::objects::{Condition, ObjectError, Objects, Precondition};
use pim::Component;

async fn calendar(account: &exchange::Account) -> FolderId {
    let collections = account.collections().await.unwrap();
    collections.iter().find(|it| it.name == "calendar").unwrap().id
}

fn corpus() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/events");
    let files = std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path());
    let texts = files.filter(|path| path.extension().is_some_and(|extension| extension == "ics"));
    let mut texts: Vec<_> = texts
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap()))
        .collect();
    texts.sort();
    texts
}

fn parsed(text: &str) -> Component {
    pim::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}")).remove(0)
}

#[tokio::test]
async fn the_corpus_comes_back_from_exchange_alone() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let mut client = Follower::new(&gate.account, calendar(&gate.account).await);
    client.sync().await;
    let (mut troubles, mut stored) = (Vec::new(), Vec::new());
    for (name, text) in corpus() {
        match client.put(&name, &text, if_none()).await {
            Ok(_) => stored.push((name, text)),
            Err(ObjectError::Precondition(Precondition::Unrepresentable, _)) => {}
            Err(error) => troubles.push(format!("{name}: {error}")),
        }
    }
    assert!(stored.len() > 200, "{}", stored.len());
    drop((gate, client));
    std::fs::remove_dir_all(lab.state.path().join("maps")).unwrap();
    let gate = lab.sign_in().await;
    let mut client = Follower::new(&gate.account, calendar(&gate.account).await);
    client.sync().await;
    for (name, text) in stored {
        let served = client.text(&name).await;
        let different = pim::semantic_difference(&parsed(&text), &parsed(&served));
        // What the server says of its sending is its own.
        let different: Vec<_> = different.into_iter().filter(|line| !line.contains("SCHEDULE-")).collect();
        if !different.is_empty() {
            troubles.push(format!("{name}: {different:#?}"));
        }
    }
    assert!(troubles.is_empty(), "{} troubles\n{}", troubles.len(), troubles.join("\n"));
}

#[tokio::test]
async fn exchange_itself_knows_every_occurrence() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let mut client = Follower::new(&gate.account, calendar(&gate.account).await);
    client.sync().await;
    let mut stored = Vec::new();
    for (name, text) in corpus().into_iter().filter(|(name, _)| TIMES.iter().any(|part| name.starts_with(part))) {
        // Clocks without a zone are those of the mailbox, and of dates at other times (RDATE) Outlook knows nothing.
        if !name.contains("floating")
            && !BESIDE.contains(&name.as_str())
            && client.put(&name, &text, if_none()).await.is_ok()
        {
            stored.push((name, text));
        }
    }
    assert!(stored.len() > 90, "{}", stored.len());
    drop((gate, client));
    std::fs::remove_dir_all(lab.state.path().join("maps")).unwrap();
    forget_the_kept(&lab).await;
    let gate = lab.sign_in().await;
    let mut client = Follower::new(&gate.account, calendar(&gate.account).await);
    client.sync().await;
    let mut troubles = Vec::new();
    for (name, text) in stored {
        let served = client.text(&name).await;
        let (wanted, told) = (occurrences(&text), occurrences(&served));
        if wanted != told {
            troubles.push(format!("{name}: {wanted:?}\n{told:?}\n{served}"));
        }
    }
    assert!(troubles.is_empty(), "{} troubles\n{}", troubles.len(), troubles.join("\n"));
}

#[tokio::test]
async fn an_event_becomes_another_one() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let mut client = Follower::new(&gate.account, calendar(&gate.account).await);
    client.sync().await;
    let about = |name: &str| TIMES.iter().any(|part| name.starts_with(part)) && !name.contains("floating");
    let texts: Vec<_> = corpus().into_iter().filter(|(name, _)| about(name)).collect();
    let texts: Vec<_> = texts.into_iter().filter(|(name, _)| !BESIDE.contains(&name.as_str())).collect();
    let mut stored = Vec::new();
    // Each becomes one some way down the list, which is of another kind as a rule.
    for (index, (name, text)) in texts.iter().enumerate() {
        let (_, other) = &texts[(index + texts.len() / 3) % texts.len()];
        if client.put(name, text, if_none()).await.is_err() {
            continue;
        }
        let mut other = parsed(other);
        let uid = parsed(text).component("VEVENT").unwrap().property("UID").unwrap().clone();
        other.components.iter_mut().filter(|it| it.is("VEVENT")).for_each(|event| event.set(uid.clone()));
        let other = other.write();
        match client.put(name, &other, Condition::default()).await {
            Ok(_) => stored.push((name.clone(), other)),
            Err(ObjectError::Precondition(Precondition::Unrepresentable, _)) => {}
            Err(error) => panic!("{name}: {error}\n{text}\n{other}"),
        }
    }
    assert!(stored.len() > 70, "{}", stored.len());
    drop((gate, client));
    std::fs::remove_dir_all(lab.state.path().join("maps")).unwrap();
    forget_the_kept(&lab).await;
    let gate = lab.sign_in().await;
    let mut client = Follower::new(&gate.account, calendar(&gate.account).await);
    client.sync().await;
    let mut troubles = Vec::new();
    for (name, text) in stored {
        let served = client.text(&name).await;
        let (wanted, told) = (occurrences(&text), occurrences(&served));
        if wanted != told {
            troubles.push(format!("{name}: {wanted:?}\n{told:?}\n{text}\n{served}"));
        }
    }
    assert!(troubles.is_empty(), "{} troubles\n{}", troubles.len(), troubles.join("\n"));
}

/// When an event takes place, up to 60 times.
fn occurrences(text: &str) -> Vec<(Timestamp, Timestamp, bool)> {
    let always = "1900-01-01T00:00:00Z".parse().unwrap()..Timestamp::MAX;
    let all = pim::ical::instances(&parsed(text), always, &pim::ical::Zone::Utc, 80);
    all.into_iter().filter(|one| !one.cancelled).take(60).map(|one| (one.start, one.end, one.all_day)).collect()
}

/// Takes the kept texts away, so that what is served is what Exchange says.
async fn forget_the_kept(lab: &Lab) {
    let someone = Someone::new(lab, ANNA);
    let find = FindItem {
        folder: DistinguishedFolder::Calendar.into(),
        shape: ItemShape::default(),
        condition: None,
        sort: Vec::new(),
        page: None,
        traversal: Traversal::default(),
    };
    let set = PropertySet::Guid(Arc::from("7f6a3c1e-5b0d-4c53-9c8e-2e1b6c0a4d11"));
    let kept = ExtendedField::named(set, "Object", PropertyKind::Binary);
    for item in someone.client().call(&find).await.unwrap().items {
        let nothing = Property::Extended(kept.clone(), Value::Binary(b"x".to_vec()));
        someone.change(&item.id.unwrap(), ItemKind::CalendarItem, nothing).await;
    }
}

/// What has dates beside its rule that no pattern of Exchange can have.
const BESIDE: [&str; 3] = ["repeat-date-list.ics", "repeat-date-list-utc.ics", "repeat-date-list-periods.ics"];

/// What of the corpus is about times.
const TIMES: [&str; 4] = ["repeat-", "replace-", "time-", "zone-"];
