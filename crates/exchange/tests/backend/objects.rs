//! Calendars over a simulated Exchange: what comes out is right, and costs no more calls than it must.
use crate::lab::calendar::{Follower, Someone, event, if_match, if_none, name};
use crate::lab::{self, ANNA, Lab};
use ews::{DistinguishedFolder, ItemKind, Property};
use exchange_sim::{MimeMode, Version};
use mailbox::FolderId;
use mailbox::objects::{
    Calendaring, Collection, CollectionChange, CollectionKind, Condition, DeadProperty, NewCollection, ObjectEntry,
    ObjectError, ObjectName, Objects, Precondition, Range, Way,
};

async fn collection(account: &exchange::Account, segment: &str) -> Collection {
    let collections = account.collections().await.unwrap();
    collections.iter().find(|it| it.name == segment).unwrap_or_else(|| panic!("{segment} in {collections:#?}")).clone()
}

async fn calendar(account: &exchange::Account) -> FolderId {
    collection(account, "calendar").await.id
}

async fn follower(account: &exchange::Account) -> Follower {
    Follower::new(account, calendar(account).await)
}

fn precondition<T: std::fmt::Debug>(result: Result<T, ObjectError>) -> Precondition {
    match result {
        Err(ObjectError::Precondition(which, _)) => which,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn collections_are_made_named_coloured_and_deleted() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let account = &gate.account;
    let kinds: Vec<_> = account.collections().await.unwrap().iter().map(|it| (it.kind, it.is_default)).collect();
    assert!(kinds.contains(&(CollectionKind::Calendar, true)), "{kinds:?}");
    assert!(kinds.contains(&(CollectionKind::Tasks, true)) && kinds.contains(&(CollectionKind::Contacts, true)));
    assert_eq!(kinds[0], (CollectionKind::Calendar, true));
    let colour =
        DeadProperty { namespace: "ical".to_owned(), name: "calendar-color".to_owned(), xml: "#f00".to_owned() };
    let new = NewCollection {
        name: "8D7C".to_owned(),
        kind: CollectionKind::Calendar,
        display_name: Some("Team".to_owned()),
        dead: vec![colour.clone()],
    };
    let id = account.create_collection(&new).await.unwrap();
    let made = collection(account, "8D7C").await;
    assert_eq!((made.id, made.display_name.as_str(), &made.dead), (id, "Team", &vec![colour]));
    assert_eq!(account.create_collection(&new).await.unwrap_err().kind, mailbox::ErrorKind::Exists);
    let change = CollectionChange { display_name: Some("Crew".to_owned()), ..CollectionChange::default() };
    account.change_collection(id, &change).await.unwrap();
    drop(gate);
    let gate = lab.sign_in().await;
    let account = &gate.account;
    assert_eq!(collection(account, "8D7C").await.display_name, "Crew");
    account.delete_collection(id).await.unwrap();
    assert!(account.collections().await.unwrap().iter().all(|it| it.id != id));
    assert!(account.delete_collection(calendar(account).await).await.is_err());
}

#[tokio::test]
async fn what_was_put_is_read_octet_for_octet() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let mut client = follower(&gate.account).await;
    client.sync().await;
    gate.account.principal().await.unwrap();
    lab.reset().await;
    let text = event("one@lab", "Dentist", "X-COLOUR:blue\nLOCATION:Town");
    let put = client.put("Dentist.ics", &text, if_none()).await.unwrap();
    assert!(put.created && put.verbatim, "{put:?}");
    assert!(lab.calls().await <= 3, "{}", lab.stats().await);
    lab.reset().await;
    assert_eq!(client.text("Dentist.ics").await, text);
    let delta = client.sync().await;
    assert_eq!(delta.changed, std::slice::from_ref(&put.entry));
    assert_eq!(lab.calls().await, 0);
    // The same again changes nothing, whatever it says.
    let again = client.put("Dentist.ics", &text, if_match(&put.entry.etag)).await.unwrap();
    assert_eq!((again.created, again.verbatim, again.entry.etag), (false, true, put.entry.etag.clone()));
    let moved = text.replace("T090000Z", "T093000Z");
    let changed = client.put("Dentist.ics", &moved, if_match(&put.entry.etag)).await.unwrap();
    assert!(!changed.created && changed.verbatim && changed.entry.etag != put.entry.etag);
    // In another life, with what Exchange keeps only.
    drop((gate, client));
    std::fs::remove_dir_all(lab.state.path().join("maps")).unwrap();
    let gate = lab.sign_in().await;
    let mut client = follower(&gate.account).await;
    let entries = client.sync().await.changed;
    assert_eq!(entries.iter().map(|entry| &entry.name.0).collect::<Vec<_>>(), ["Dentist.ics"]);
    assert_eq!(entries[0].uid.as_deref(), Some("one@lab"));
    assert_eq!(client.text("Dentist.ics").await, moved);
}

#[tokio::test]
async fn conditions_and_uids_are_held() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let client = follower(&gate.account).await;
    let put = client.put("a.ics", &event("a@lab", "A", ""), if_none()).await.unwrap();
    let twin = client.put("b.ics", &event("a@lab", "A", ""), Condition::default()).await;
    assert_eq!(precondition(twin), Precondition::NoUidConflict);
    assert_eq!(precondition(client.put("a.ics", &event("a@lab", "B", ""), if_none()).await), Precondition::IfMatch);
    let other = client.put("a.ics", &event("other@lab", "B", ""), Condition::default()).await;
    assert_eq!(precondition(other), Precondition::NoUidConflict);
    let bad = client.put("c.ics", "BEGIN:VCALENDAR\r\n", Condition::default()).await;
    assert!(bad.is_err());
    let wrong = mailbox::objects::ETag("no".to_owned());
    let removed = gate.account.remove(client.collection, &name("a.ics"), if_match(&wrong), Calendaring::Server).await;
    assert_eq!(precondition(removed), Precondition::IfMatch);
    let condition = if_match(&put.entry.etag);
    gate.account.remove(client.collection, &name("a.ics"), condition.clone(), Calendaring::Server).await.unwrap();
    let gone = gate.account.remove(client.collection, &name("a.ics"), Condition::default(), Calendaring::Server).await;
    assert!(matches!(gone, Err(ObjectError::Mailbox(error)) if error.kind == mailbox::ErrorKind::NotFound));
    let gone = client.put("a.ics", &event("a@lab", "A", ""), condition).await;
    assert_eq!(precondition(gone), Precondition::IfMatch);
    assert!(lab.at_exchange("Calendar").is_empty(), "{:?}", lab.at_exchange("Calendar"));
}

#[tokio::test]
async fn of_six_who_change_the_same_one_wins() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let client = follower(&gate.account).await;
    let put = client.put("a.ics", &event("a@lab", "A", ""), if_none()).await.unwrap();
    let tries: Vec<_> = (0..6)
        .map(|n| {
            let (account, condition) = (gate.account.clone(), if_match(&put.entry.etag));
            let object = lab::calendar::new_object("a.ics", &event("a@lab", &format!("Try {n}"), ""));
            let collection = client.collection;
            tokio::spawn(async move { account.put(collection, object, condition).await })
        })
        .collect();
    let mut won = Vec::new();
    for one in tries {
        match one.await.unwrap() {
            Ok(put) => won.push(put),
            other => assert_eq!(precondition(other), Precondition::IfMatch),
        }
    }
    assert_eq!(won.len(), 1);
    // Somebody at Exchange, of whom the index has not heard yet, is no less somebody.
    let someone = Someone::new(&lab, ANNA);
    let id = someone.only_item(DistinguishedFolder::Calendar).await;
    someone.change(&id, ItemKind::CalendarItem, Property::Subject("Theirs".to_owned())).await;
    let late = client.put("a.ics", &event("a@lab", "Late", ""), if_match(&won[0].entry.etag)).await;
    assert_eq!(precondition(late), Precondition::IfMatch);
    assert!(client.text("a.ics").await.contains("SUMMARY:Theirs"));
}

#[tokio::test]
async fn many_events_cost_few_calls() {
    let lab = Lab::new().await;
    let someone = Someone::new(&lab, ANNA);
    for number in 0..600 {
        someone.make_event(number).await;
    }
    let gate = lab.sign_in().await;
    let calendar = calendar(&gate.account).await;
    gate.account.principal().await.unwrap();
    lab.reset().await;
    let entries = gate.account.entries(calendar, None).await.unwrap();
    assert_eq!(entries.len(), 600);
    assert_eq!(lab.calls_of("SyncFolderItems").await, 2);
    assert_eq!(lab.calls_of("GetItem").await, 0);
    // A year's index, of which a week is asked for.
    let at = |day: i64| jiff::Timestamp::from_second(1_767_225_600 + day * 86_400).ok();
    let week = gate.account.entries(calendar, Some(Range { start: at(10), end: at(17) })).await.unwrap();
    assert!((7..=9).contains(&week.len()), "{}", week.len());
    let names: Vec<ObjectName> = entries.iter().map(|entry| entry.name.clone()).collect();
    lab.reset().await;
    let mut read = 0;
    for some in names.chunks(50) {
        let objects = gate.account.objects(calendar, some).await.unwrap();
        for (told, (object_name, object)) in some.iter().zip(objects) {
            let object = object.unwrap();
            assert_eq!((&object_name, &object.entry.name), (told, told));
            assert!(entries.iter().any(|entry| entry.etag == object.entry.etag), "reading changes no ETag");
            read += 1;
        }
        if read == 50 {
            assert!(lab.calls().await <= 2, "{}", lab.stats().await);
        }
    }
    // Least: 600 in batches of 100.
    assert!(lab.calls().await <= 8, "{}", lab.stats().await);
    lab.reset().await;
    for some in names.chunks(50) {
        gate.account.objects(calendar, some).await.unwrap();
    }
    assert_eq!(lab.calls().await, 0);
    // Another life begins warm.
    drop(gate);
    let gate = lab.sign_in().await;
    gate.account.entries(calendar, None).await.unwrap();
    lab.reset().await;
    gate.account.objects(calendar, &names[..50]).await.unwrap();
    assert_eq!(lab.calls_of("GetItem").await, 0);
}

#[tokio::test]
async fn changes_at_exchange_are_told_once_and_only_they() {
    let lab = Lab::new().await;
    let someone = Someone::new(&lab, ANNA);
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(someone.make_event(number).await);
    }
    let gate = lab.sign_in().await;
    let mut client = follower(&gate.account).await;
    client.sync().await;
    let names: Vec<ObjectName> = client.here.keys().cloned().collect();
    gate.account.objects(client.collection, &names).await.unwrap();
    assert!(client.sync().await.changed.is_empty(), "a first reading is no change");
    someone.change(&ids[2], ItemKind::CalendarItem, Property::Subject("Moved".to_owned())).await;
    let delta = client.news().await;
    assert_eq!((delta.changed.len(), delta.removed.len()), (1, 0));
    lab.reset().await;
    let changed = delta.changed[0].name.0.clone();
    assert!(client.text(&changed).await.contains("SUMMARY:Moved"));
    assert!(client.sync().await.changed.is_empty());
    assert_eq!(lab.calls().await, 0, "{}", lab.stats().await);
    // What no client sees is no change: the next news are others.
    let note = ews::ExtendedField::named(ews::PropertySet::PublicStrings, "lab", ews::PropertyKind::String);
    let unseen = Property::Extended(note, ews::Value::Text("x".to_owned()));
    someone.change(&ids[0], ItemKind::CalendarItem, unseen).await;
    someone.delete(&ids[1]).await;
    let delta = client.news().await;
    assert_eq!((delta.changed.len(), delta.removed.len()), (0, 1), "{delta:?}");
    someone.make_event(77).await;
    let delta = client.news().await;
    assert_eq!((delta.changed.len(), delta.removed.len()), (1, 0), "{delta:?}");
}

#[tokio::test]
async fn a_migration_keeps_names_etags_and_tokens() {
    let lab = Lab::new().await;
    let someone = Someone::new(&lab, ANNA);
    for number in 0..5 {
        someone.make_event(number).await;
    }
    let gate = lab.sign_in().await;
    let mut client = follower(&gate.account).await;
    client.put("mine.ics", &event("m@lab", "Mine", "X-A:b"), if_none()).await.unwrap();
    client.sync().await;
    let names: Vec<ObjectName> = client.here.keys().cloned().collect();
    let before: Vec<(ObjectName, String)> = read(&client, &names).await;
    let entries: Vec<ObjectEntry> = client.here.values().cloned().collect();
    lab.exchange.migrate(ANNA).unwrap();
    // Reading needs the new ids, writing too: they are found out on the way.
    let put = client.put("mine.ics", &event("m@lab", "Mine too", "X-A:b"), Condition::default()).await.unwrap();
    assert!(!put.created);
    let delta = client.sync().await;
    assert_eq!(delta.changed, std::slice::from_ref(&put.entry), "{delta:?}");
    assert!(delta.removed.is_empty());
    drop((gate, client));
    lab.exchange.migrate(ANNA).unwrap();
    let gate = lab.sign_in().await;
    let mut client = follower(&gate.account).await;
    client.sync().await;
    for entry in entries.iter().filter(|entry| entry.name != put.entry.name) {
        assert_eq!(client.here[&entry.name].etag, entry.etag);
    }
    assert_eq!(client.here[&put.entry.name].etag, put.entry.etag);
    let after = read(&client, &names).await;
    assert_eq!(after.len(), before.len());
    for (before, after) in before.iter().zip(&after).filter(|(before, _)| before.0 != put.entry.name) {
        assert_eq!(before, after);
    }
}

async fn read(client: &Follower, names: &[ObjectName]) -> Vec<(ObjectName, String)> {
    let objects = client.account.objects(client.collection, names).await.unwrap();
    let text = |object: mailbox::objects::Object| String::from_utf8(object.text.to_vec()).unwrap();
    objects.into_iter().map(|(name, object)| (name, text(object.unwrap()))).collect()
}

#[tokio::test]
async fn an_answer_that_got_lost_makes_no_second_event() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let mut client = follower(&gate.account).await;
    client.sync().await;
    lab.fault(r#"{"what":"cut_after","operation":"CreateItem"}"#).await;
    let put = client.put("a.ics", &event("a@lab", "A", "X-A:b"), if_none()).await.unwrap();
    assert!(put.created);
    assert_eq!(lab.at_exchange("Calendar").len(), 1);
    let delta = client.sync().await;
    assert_eq!(delta.changed, std::slice::from_ref(&put.entry));
    // Nor does it look as if somebody else had changed it.
    lab.fault(r#"{"what":"cut_after","operation":"UpdateItem"}"#).await;
    let changed = client.put("a.ics", &event("a@lab", "B", "X-A:b"), if_match(&put.entry.etag)).await.unwrap();
    assert!(changed.verbatim && changed.entry.etag != put.entry.etag);
}

#[tokio::test]
async fn objects_are_moved_and_copied() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let account = &gate.account;
    let client = follower(account).await;
    let new =
        NewCollection { name: "two".to_owned(), kind: CollectionKind::Calendar, display_name: None, dead: Vec::new() };
    let two = account.create_collection(&new).await.unwrap();
    let text = event("a@lab", "A", "X-A:b");
    let put = client.put("a.ics", &text, if_none()).await.unwrap();
    let (a, b) = (name("a.ics"), name("b.ics"));
    let (here, there) = (client.collection, two);
    assert!(!account.relocate_object(Way::Copy, (here, &a), (there, &b), false).await.unwrap());
    let copied = Follower::new(account, two);
    assert_eq!(copied.text("b.ics").await, text);
    let occupied = account.relocate_object(Way::Move, (here, &a), (there, &b), false).await;
    assert_eq!(precondition(occupied), Precondition::IfMatch);
    assert!(account.relocate_object(Way::Move, (here, &a), (there, &b), true).await.unwrap());
    assert_eq!(copied.text("b.ics").await, text);
    assert_eq!(account.entries(here, None).await.unwrap(), []);
    assert_eq!(account.entries(two, None).await.unwrap().len(), 1);
    // Another name in the same collection: the object is what it was.
    let before = account.entry(two, &b).await.unwrap().unwrap();
    account.relocate_object(Way::Move, (two, &b), (two, &a), false).await.unwrap();
    let after = account.entry(two, &a).await.unwrap().unwrap();
    assert_eq!((before.etag, before.uid), (after.etag, after.uid));
    assert_eq!(account.entry(two, &b).await.unwrap(), None);
    assert_ne!(put.entry.modseq, after.modseq);
    // Names live with the items.
    drop((gate, client, copied));
    std::fs::remove_dir_all(lab.state.path().join("maps")).unwrap();
    let gate = lab.sign_in().await;
    let two = collection(&gate.account, "two").await.id;
    assert_eq!(gate.account.entries(two, None).await.unwrap()[0].name, a);
}

/// Series with changed occurrences: one call more for all of them together.
#[tokio::test]
async fn changed_occurrences_come_with_one_more_call() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let client = follower(&gate.account).await;
    for n in 0..8 {
        let uid = format!("{n}@lab");
        let moved = format!(
            "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20260311T090000Z\r\n\
             DTSTART:20260311T140000Z\r\nDTEND:20260311T150000Z\r\nSUMMARY:Late\r\nEND:VEVENT\r\nEND:VCALENDAR"
        );
        let text = event(&uid, "Daily", "RRULE:FREQ=DAILY;COUNT=5").replace("END:VCALENDAR", &moved);
        client.put(&format!("{n}.ics"), &text, if_none()).await.unwrap();
    }
    drop((gate, client));
    std::fs::remove_dir_all(lab.state.path().join("maps")).unwrap();
    let gate = lab.sign_in().await;
    let mut client = follower(&gate.account).await;
    client.sync().await;
    gate.account.principal().await.unwrap();
    let names: Vec<ObjectName> = client.here.keys().cloned().collect();
    lab.reset().await;
    for (_, text) in read(&client, &names).await {
        assert!(text.contains("DTSTART:20260311T140000Z"), "{text}");
    }
    assert_eq!((lab.calls().await, lab.calls_of("GetItem").await), (2, 2), "{}", lab.stats().await);
}

/// Exchange lets no occurrence pass another. Where a part is refused, nothing of it is left.
#[tokio::test]
async fn what_is_refused_in_part_is_not_there() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let mut client = follower(&gate.account).await;
    let passing = "BEGIN:VEVENT\r\nUID:a@lab\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20260311T090000Z\r\n\
                   DTSTART:20260313T140000Z\r\nDTEND:20260313T150000Z\r\nSUMMARY:Late\r\nEND:VEVENT\r\nEND:VCALENDAR";
    let text = event("a@lab", "Daily", "RRULE:FREQ=DAILY;COUNT=5").replace("END:VCALENDAR", passing);
    let error = client.put("a.ics", &text, if_none()).await.unwrap_err();
    println!("{error}");
    assert_eq!(lab.at_exchange("Calendar").len(), 0);
    client.sync().await;
    assert!(client.here.is_empty());
    // By the gateway, that was; this time by Exchange, when half of it is there.
    let later = passing.replace("20260313T14", "20260311T14").replace("20260313T15", "20260311T15");
    let text = event("a@lab", "Daily", "RRULE:FREQ=DAILY;COUNT=5").replace("END:VCALENDAR", &later);
    lab.fault(r#"{"what":"html","status":403,"operation":"UpdateItem","times":"forever"}"#).await;
    client.put("a.ics", &text, if_none()).await.unwrap_err();
    lab.clear_faults().await;
    assert_eq!(lab.at_exchange("Calendar").len(), 0);
    let put = client.put("a.ics", &text, if_none()).await.unwrap();
    assert!(put.created && put.verbatim);
}

/// What newer versions have more is left out for older ones, and comes from the text that is kept.
#[tokio::test]
async fn every_version_serves_calendars() {
    let mut runs = tokio::task::JoinSet::new();
    for version in [
        Version::Exchange2007Sp1,
        Version::Exchange2010,
        Version::Exchange2010Sp1,
        Version::Exchange2010Sp2,
        Version::Exchange2013,
        Version::Exchange2013Sp1,
        Version::Exchange2016,
        Version::ExchangeSe,
    ] {
        runs.spawn(async move {
            let mut lab = Lab::with(version, MimeMode::Render).await;
            lab.settings.poll = std::time::Duration::from_millis(200);
            let gate = lab.sign_in().await;
            let mut client = follower(&gate.account).await;
            client.sync().await;
            let more = "X-KEPT:yes\nRRULE:FREQ=WEEKLY;COUNT=4\nEXDATE:20260317T090000Z\nLOCATION:Here";
            let text = event("a@lab", "A", more);
            let put =
                client.put("a.ics", &text, if_none()).await.unwrap_or_else(|error| panic!("{version:?}: {error}"));
            assert!(put.verbatim, "{version:?}: {}", client.text("a.ics").await);
            let delta = client.sync().await;
            assert_eq!(delta.changed, [put.entry], "{version:?}");
            let other = text.replace("SUMMARY:A", "SUMMARY:B");
            client.put("a.ics", &other, Condition::default()).await.unwrap();
            let someone = Someone::new(&lab, ANNA);
            someone.make_event(3).await;
            let delta = client.news().await;
            assert!(delta.changed.len() <= 2, "{version:?} {delta:?}");
            client.news_until(2).await;
            gate.account
                .remove(client.collection, &name("a.ics"), Condition::default(), Calendaring::Server)
                .await
                .unwrap();
            client.sync().await;
            assert_eq!(client.here.len(), 1, "{version:?}");
        });
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

/// Ten thousand events: the numbers, on demand (`cargo test -- --ignored --nocapture`).
#[tokio::test]
#[ignore = "takes minutes to fill"]
async fn ten_thousand_events() {
    let lab = Lab::new().await;
    let someone = Someone::new(&lab, ANNA);
    for number in 0..10_000 {
        someone.make_event(number % 4000).await;
    }
    let gate = lab.sign_in().await;
    let mut client = follower(&gate.account).await;
    gate.account.principal().await.unwrap();
    lab.reset().await;
    let started = std::time::Instant::now();
    client.sync().await;
    println!("index: {:?}, {}", started.elapsed(), lab.stats().await["operations"]);
    assert_eq!(lab.calls_of("SyncFolderItems").await, 20);
    let names: Vec<ObjectName> = client.here.keys().cloned().collect();
    lab.reset().await;
    let started = std::time::Instant::now();
    for some in names.chunks(50) {
        gate.account.objects(client.collection, some).await.unwrap();
    }
    println!("all texts: {:?}, {}", started.elapsed(), lab.stats().await["operations"]);
    // The least is 100, for 100 come with one call.
    assert!(lab.calls().await <= 102, "{}", lab.stats().await);
    let started = std::time::Instant::now();
    for some in names.chunks(50) {
        gate.account.objects(client.collection, some).await.unwrap();
    }
    println!("again: {:?}", started.elapsed());
    let id = someone.make_event(5000).await;
    client.news().await;
    someone.change(&id, ItemKind::CalendarItem, Property::Subject("Other".to_owned())).await;
    let mut watch = gate.account.watch_objects(client.collection);
    watch.changed().await;
    lab.reset().await;
    let started = std::time::Instant::now();
    let delta = client.sync().await;
    println!("one change: {:?}, {} changed", started.elapsed(), delta.changed.len());
    assert_eq!((delta.changed.len(), lab.calls().await), (1, 0));
}

/// In neither sync state is what was made and deleted between the two.
#[tokio::test]
async fn what_we_made_and_somebody_deleted_at_once_is_told() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let mut client = follower(&gate.account).await;
    client.sync().await;
    let someone = Someone::new(&lab, ANNA);
    for round in 0..2 {
        client.put("gone.ics", &event("gone@lab", "Gone", ""), if_none()).await.unwrap();
        client.news().await;
        someone.delete(&someone.only_item(DistinguishedFolder::Calendar).await).await;
        assert_eq!(client.news().await.removed, [name("gone.ics")], "{round}");
    }
    let inbox = gate.inbox().await;
    gate.open(inbox).await;
    gate.append(inbox, "Subject: Gone\r\nMessage-ID: <gone@lab>\r\n\r\nSoon.\r\n").await.unwrap();
    someone.delete(&someone.only_item(DistinguishedFolder::Inbox).await).await;
    gate.until(inbox, <[_]>::is_empty).await;
}
