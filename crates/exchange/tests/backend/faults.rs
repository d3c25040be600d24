//! Each fault of the simulated Exchange, during each thing a client does: a right answer or a clear error, and
//! nothing lost, nothing doubled.

use std::time::Duration;

use crate::lab::{self, ANNA, Lab, new_message};
use mailbox::{Access, Flags, Mail, SignIn, SystemFlags, Uid};

/// Faults that may hit any operation.
const FAULTS: [&str; 13] = [
    r#"{"what":"nul_char","operation":"OP"}"#,
    r#"{"what":"truncated","operation":"OP"}"#,
    r#"{"what":"truncated_marker","operation":"OP"}"#,
    r#"{"what":"empty","operation":"OP"}"#,
    r#"{"what":"empty","operation":"OP","carried_out":true}"#,
    r#"{"what":"html","operation":"OP"}"#,
    r#"{"what":"html","operation":"OP","status":500,"carried_out":true}"#,
    r#"{"what":"unavailable","operation":"OP","retry_after":1}"#,
    r#"{"what":"busy","operation":"OP","back_off":200}"#,
    r#"{"what":"cut","operation":"OP"}"#,
    r#"{"what":"cut_after","operation":"OP"}"#,
    r#"{"what":"drip","operation":"OP","piece":200,"pause":1}"#,
    r#"{"what":"unauthorized","operation":"OP"}"#,
];

fn orders(operation: &str) -> impl Iterator<Item = String> {
    FAULTS.into_iter().map(move |fault| fault.replace("OP", operation))
}

#[tokio::test]
async fn a_listing_survives() {
    let mut runs = tokio::task::JoinSet::new();
    for operation in ["SyncFolderItems", "SyncFolderHierarchy"] {
        let more = [
            format!(r#"{{"what":"busy_sync","operation":"{operation}","back_off":100}}"#),
            format!(r#"{{"what":"invalid_sync_state","operation":"{operation}"}}"#),
        ];
        for order in orders(operation).chain(more) {
            runs.spawn(async move {
                let lab = Lab::new().await;
                lab.fill(700);
                let before = {
                    let gate = lab.sign_in().await;
                    gate.open(gate.inbox().await).await
                };
                lab.deliver("Subject: new\r\n\r\nx\r\n");
                lab.fault(&order).await;
                let gate = lab.sign_in().await;
                let inbox = gate.inbox().await;
                let after = gate.until(inbox, |entries| entries.len() == 701).await;
                assert_eq!(after[..700], before.entries[..], "{order}");
            });
        }
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

#[tokio::test]
async fn a_first_listing_survives() {
    let mut runs = tokio::task::JoinSet::new();
    for order in orders("SyncFolderItems") {
        runs.spawn(async move {
            let lab = Lab::new().await;
            lab.fill(1100);
            let gate = lab.sign_in().await;
            let inbox = gate.inbox().await;
            // In the second page.
            lab.fault(&order.replace('}', r#","skip":1}"#)).await;
            for _ in 0..5 {
                if gate.account.open(inbox, Access::ReadOnly).await.is_ok() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(600)).await;
            }
            let uids = gate.uids(inbox).await;
            assert_eq!(uids.len(), 1100, "{order}");
            let dates: Vec<_> =
                gate.account.details(inbox, &uids).await.unwrap().iter().map(|row| row.received).collect();
            assert!(dates.is_sorted(), "{order}");
        });
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

#[tokio::test]
async fn messages_come_whole_or_not_at_all() {
    let mut runs = tokio::task::JoinSet::new();
    let more = [
        r#"{"what":"corrupt_item","operation":"GetItem","index":3}"#.to_owned(),
        r#"{"what":"mime_failed","operation":"GetItem","index":3}"#.to_owned(),
    ];
    for order in orders("GetItem").chain(more) {
        runs.spawn(async move {
            let lab = Lab::new().await;
            lab.fill(10);
            let gate = lab.sign_in().await;
            let inbox = gate.inbox().await;
            let uids = gate.uids(inbox).await;
            lab.fault(&order).await;
            let mut stand_ins = 0;
            for (uid, content) in gate.account.contents(inbox, &uids).await.unwrap() {
                let Ok(content) = content else { continue };
                let text = String::from_utf8(lab::bytes(content)).unwrap();
                let n = uid.get() - 1;
                if text.contains("X-Exgate-Rebuilt") {
                    stand_ins += 1;
                } else {
                    assert!(text.ends_with(&format!("\r\n--original-{n}--\r\n")), "{order}: {text}");
                }
            }
            assert_eq!(stand_ins, usize::from(order.contains("index")), "{order}");
            lab.clear_faults().await;
            assert_eq!(gate.all_contents(inbox, &uids).await.len(), 10, "{order}");
            assert_eq!(gate.account.headers(inbox, &uids).await.unwrap().len(), 10);
        });
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

/// Of several messages each is healed, with its copies elsewhere, also if the call for all of them fails.
#[tokio::test]
async fn what_exchange_gives_again_is_another_message_wherever_it_is() {
    let lab = Lab::new().await;
    lab.fill(3);
    let gate = lab.sign_in().await;
    let (inbox, drafts) = (gate.inbox().await, gate.folder(&["Drafts"]).await.id);
    let uids = gate.uids(inbox).await;
    // Of the inbox's alone: what Exchange gives of one copy is there for all.
    let poison = async |what: &str| {
        for item in lab.at_exchange("Inbox") {
            if item["message_id"] != "<1@example.org>" {
                let id = item["item_id"].as_str().unwrap().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
                lab.control("POST", &format!("/{what}?mailbox={}&item={id}&kind=mime", lab::ANNA), "").await;
            }
        }
    };
    poison("poison").await;
    let before = gate.all_contents(inbox, &uids).await;
    let is_stand_in = |content: &[u8]| String::from_utf8_lossy(content).contains("X-Exgate-Rebuilt");
    assert_eq!(before.iter().map(|(_, content)| is_stand_in(content)).collect::<Vec<_>>(), [true, false, true]);
    let copied = gate.account.copy(inbox, &uids[..1], drafts).await.unwrap().pairs;
    assert_eq!(gate.content(drafts, copied[0].1).await, before[0].1, "a copy of it is what it is");

    poison("heal").await;
    lab.fault(r#"{"what":"html","status":200,"operation":"GetItem","times":1}"#).await;
    gate.account.list_folder_anew(inbox).await.unwrap();
    let now = gate.uids(inbox).await;
    assert!(now.len() == 3 && now[0] == uids[1] && now[1] > uids[2], "{now:?}");
    let there = gate.uids(drafts).await;
    assert!(there.len() == 1 && there[0] > copied[0].1, "{there:?}");
    let mut after = gate.all_contents(inbox, &now).await;
    assert!(after.iter().all(|(_, content)| !is_stand_in(content)), "{after:?}");
    after.retain(|(_, content)| String::from_utf8_lossy(content).contains("--original-0"));
    assert_eq!(gate.content(drafts, there[0]).await, after[0].1);
    let same = gate.email_ids(inbox, &[after[0].0]).await;
    assert_eq!(gate.email_ids(drafts, &there).await, same);
}

#[tokio::test]
async fn no_stand_in_is_made_while_exchange_cannot_be_asked_for_it() {
    let lab = Lab::new().await;
    lab.fill(1);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    lab.fault(r#"{"what":"mime_failed","times":"forever"}"#).await;
    // For the GetItem after that one, which does not ask for MIME.
    lab.fault(r#"{"what":"html","status":403,"operation":"GetItem","times":"forever"}"#).await;
    let told = gate.account.contents(inbox, &uids).await.unwrap().remove(0).1;
    assert!(told.is_err(), "{told:?}");
    lab.clear_faults().await;
    let content = gate.content(inbox, uids[0]).await;
    assert!(!String::from_utf8(content).unwrap().contains("X-Exgate-Rebuilt"));
}

#[tokio::test]
async fn an_append_happens_once_or_not() {
    let mut runs = tokio::task::JoinSet::new();
    for order in orders("CreateItem").chain(orders("GetItem")) {
        runs.spawn(async move {
            let lab = Lab::new().await;
            let gate = lab.sign_in().await;
            let inbox = gate.inbox().await;
            gate.uids(inbox).await;
            lab.fault(&order).await;
            let text = "Subject: once\r\n\r\nonly\r\n";
            let mut done = gate.append(inbox, text).await;
            if done.is_err() {
                assert_eq!(lab.at_exchange("Inbox").len(), 0, "{order}: told that it failed, but it is there");
                done = gate.append(inbox, text).await;
            }
            let uid = done.unwrap_or_else(|error| panic!("{order}: {error}")).uid;
            assert_eq!(lab.at_exchange("Inbox").len(), 1, "{order}");
            let entries = gate.until(inbox, |entries| !entries.is_empty()).await;
            assert_eq!(entries.iter().map(|entry| entry.uid).collect::<Vec<_>>(), [uid], "{order}");
            assert_eq!(gate.content(inbox, uid).await, text.as_bytes(), "{order}");
        });
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

#[tokio::test]
async fn a_move_loses_and_doubles_nothing() {
    let mut runs = tokio::task::JoinSet::new();
    for order in orders("MoveItem").chain(orders("GetItem")) {
        runs.spawn(async move {
            let lab = Lab::new().await;
            lab.fill(20);
            lab.exchange.create_folder(ANNA, "Target", "").unwrap();
            let gate = lab.sign_in().await;
            let (inbox, target) = (gate.inbox().await, gate.folder(&["Target"]).await.id);
            let uids = gate.uids(inbox).await;
            gate.uids(target).await;
            let ids = gate.email_ids(inbox, &uids).await;
            lab.fault(&order).await;
            let mut pairs = Vec::new();
            for _ in 0..3 {
                let left = gate.uids(inbox).await;
                let moved = gate.account.relocate(inbox, &left, target).await.unwrap();
                pairs.extend(moved.pairs);
                if moved.failed.is_empty() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
            }
            assert_eq!((lab.at_exchange("Inbox").len(), lab.at_exchange("Target").len()), (0, 20), "{order}");
            gate.until(inbox, |entries| entries.is_empty()).await;
            gate.until(target, |entries| entries.len() == 20).await;
            pairs.sort_unstable();
            assert_eq!(pairs.iter().map(|pair| pair.0).collect::<Vec<_>>(), uids, "{order}");
            let there: Vec<Uid> = pairs.iter().map(|pair| pair.1).collect();
            for (uid, id) in there.iter().zip(ids) {
                assert_eq!(gate.email_ids(target, &[*uid]).await, [id], "{order}");
            }
        });
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

#[tokio::test]
async fn marks_and_removals_end_as_told() {
    let mut runs = tokio::task::JoinSet::new();
    for order in orders("UpdateItem").chain(orders("DeleteItem")) {
        runs.spawn(async move {
            let lab = Lab::new().await;
            lab.fill(20);
            let gate = lab.sign_in().await;
            let inbox = gate.inbox().await;
            let uids = gate.uids(inbox).await;
            lab.fault(&order).await;
            for _ in 0..3 {
                if gate.mark(inbox, &uids, SystemFlags::DELETED).await.failed.is_empty() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
            }
            let mut gone = Vec::new();
            for _ in 0..3 {
                let expunged = gate.account.expunge(inbox, None).await.unwrap();
                gone.extend(expunged.gone);
                if expunged.failed.is_empty() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
            }
            gone.sort_unstable();
            assert_eq!(gone, uids, "{order}");
            assert_eq!(lab.at_exchange("Inbox").len(), 0, "{order}");
            assert!(gate.uids(inbox).await.is_empty());
        });
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

#[tokio::test]
async fn the_same_message_may_be_appended_twice() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    for _ in 0..2 {
        gate.account.append(inbox, new_message("Subject: a\r\n\r\nb\r\n", Flags::default())).await.unwrap();
    }
    assert_eq!(lab.at_exchange("Inbox").len(), 2);
    assert_eq!(gate.uids(inbox).await.len(), 2);
}

#[tokio::test]
async fn an_append_nobody_waited_for_is_found_by_the_next() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let text = "Subject: once\r\n\r\nonly\r\n";
    // Made at once, but told so slowly that the client goes away.
    lab.fault(r#"{"what":"drip","operation":"CreateItem","piece":1,"pause":60000}"#).await;
    let is_there = async {
        while lab.at_exchange("Inbox").is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        done = gate.append(inbox, text) => panic!("it should take longer: {done:?}"),
        () = is_there => {}
    }
    lab.clear_faults().await;
    let uid = gate.append(inbox, text).await.unwrap().uid;
    assert_eq!((lab.at_exchange("Inbox").len(), gate.uids(inbox).await), (1, vec![uid]));
    gate.append(inbox, text).await.unwrap();
    assert_eq!(lab.at_exchange("Inbox").len(), 2, "the first is settled, and this is another");
}

#[tokio::test]
async fn an_append_is_looked_for_when_the_password_is_good_again() {
    let lab = Lab::new().await;
    let directory = lab.directory();
    let account = directory.sign_in(&lab::credentials(ANNA, lab::PASSWORD)).await.unwrap();
    let inbox = account.folders().await.unwrap().iter().find(|folder| folder.path.is_inbox()).unwrap().id;
    let message = || new_message("Subject: once\r\n\r\nonly\r\n", Flags::default());
    lab.fault(r#"{"what":"cut_after","operation":"CreateItem"}"#).await;
    lab.fault(r#"{"what":"unauthorized","operation":"FindItem","times":"forever"}"#).await;
    account.append(inbox, message()).await.unwrap_err();
    lab.clear_faults().await;
    lab.control("POST", &format!("/password?user={ANNA}"), "new").await;
    directory.sign_in(&lab::credentials(ANNA, "new")).await.unwrap();
    account.append(inbox, message()).await.unwrap();
    assert_eq!(lab.at_exchange("Inbox").len(), 1);
}

#[tokio::test]
async fn a_broken_stream_loses_no_news() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    gate.uids(inbox).await;
    for n in 1..4 {
        lab.fault(r#"{"what":"stream_end"}"#).await;
        lab.deliver(&format!("Subject: {n}\r\n\r\nx\r\n"));
        gate.until(inbox, |entries| entries.len() == n).await;
    }
}

/// What Exchange told on the broken stream last is asked for, and not before there is another: until then it may go on
/// telling there.
#[tokio::test]
async fn what_a_broken_stream_told_is_asked_for_on_the_next_one() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    gate.uids(gate.inbox().await).await;
    while lab.calls_of("GetStreamingEvents").await == 0 {
        tokio::task::yield_now().await;
    }
    lab.reset().await;
    lab.fault(r#"{"what":"hang","operation":"FindFolder","times":"forever"}"#).await;
    lab.fault(r#"{"what":"stream_end"}"#).await;
    let again = async {
        while lab.calls_of("GetStreamingEvents").await == 0 || lab.calls_of("FindFolder").await == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("nobody asks what was missed");
}
