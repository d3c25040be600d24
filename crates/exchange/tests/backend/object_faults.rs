//! Each fault of the simulated Exchange during each call a PUT makes: a right answer or a clear error, one object under
//! the client's name in the end, and nobody mailed twice.
use crate::lab::calendar::{Follower, event};
use crate::lab::{self, BEN, Lab};
use mailbox::SignIn;
use mailbox::objects::{CollectionKind, Condition, Objects};

const FAULTS: [&str; 8] = [
    r#"{"what":"truncated","operation":"OP"}"#,
    r#"{"what":"empty","operation":"OP"}"#,
    r#"{"what":"empty","operation":"OP","carried_out":true}"#,
    r#"{"what":"html","operation":"OP","status":500,"carried_out":true}"#,
    r#"{"what":"unavailable","operation":"OP","retry_after":1}"#,
    r#"{"what":"busy","operation":"OP","back_off":200}"#,
    r#"{"what":"cut","operation":"OP"}"#,
    r#"{"what":"cut_after","operation":"OP"}"#,
];

async fn client(lab: &Lab) -> (lab::Gate, Follower) {
    let gate = lab.sign_in().await;
    let collections = gate.account.collections().await.unwrap();
    let calendar = collections.iter().find(|it| it.is_default && it.kind == CollectionKind::Calendar).unwrap().id;
    let mut client = Follower::new(&gate.account, calendar);
    client.sync().await;
    gate.account.principal().await.unwrap();
    (gate, client)
}

/// Puts until it works, as clients do.
async fn put(client: &Follower, text: &str, order: &str) {
    let mut last = None;
    for _ in 0..6 {
        match client.put("a.ics", text, Condition::default()).await {
            Ok(_) => return,
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    }
    panic!("{order}: {last:?}");
}

fn invitations(lab: &Lab, user: &str) -> usize {
    let contents = lab.exchange.contents(user).unwrap();
    let inbox = contents["Inbox"].as_array().cloned().unwrap_or_default();
    inbox.iter().filter(|item| item.to_string().contains("IPM.Schedule.Meeting.Request")).count()
}

#[tokio::test]
async fn a_put_survives_every_fault() {
    let meeting = "ORGANIZER:mailto:anna@example.org\nATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.org\n\
                   ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:ben@example.org\nX-KEPT:yes";
    let mut runs = tokio::task::JoinSet::new();
    for operation in ["CreateItem", "GetItem", "UpdateItem", "SyncFolderItems"] {
        for fault in FAULTS {
            let order = fault.replace("OP", operation);
            runs.spawn(async move {
                let lab = Lab::new().await;
                let (gate, mut client) = client(&lab).await;
                lab.fault(&order).await;
                put(&client, &event("a@lab", "First", meeting), &order).await;
                lab.clear_faults().await;
                assert_eq!(lab.at_exchange("Calendar").len(), 1, "{order}");
                assert!(invitations(&lab, BEN) <= 1, "{order}: {}", invitations(&lab, BEN));
                lab.fault(&order).await;
                let second = event("a@lab", "Second", meeting);
                put(&client, &second, &order).await;
                lab.clear_faults().await;
                assert_eq!(lab.at_exchange("Calendar").len(), 1, "{order}");
                assert!(invitations(&lab, BEN) <= 2, "{order}: {}", invitations(&lab, BEN));
                // Whom Exchange told is for the gateway to say (RFC 6638 section 3.2.9).
                let told = client.text("a.ics").await.replace("\r\n ", "").replace(";SCHEDULE-STATUS=1.1", "");
                assert_eq!(told, second, "{order}");
                client.sync().await;
                assert_eq!(client.here.len(), 1, "{order}");
                assert!(client.here.keys().all(|name| name.0 == "a.ics"), "{order}");
                drop(gate);
            });
            while runs.len() >= 4 {
                runs.join_next().await.unwrap().unwrap();
            }
        }
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

/// The gateway goes away at any moment of a PUT; the next one serves what there is under the client's name.
#[tokio::test(flavor = "multi_thread")]
async fn a_put_cut_off_anywhere_keeps_its_name() {
    let lab = Lab::new().await;
    for round in 0..12_u64 {
        let uid = format!("{round}@lab");
        let under = format!("{round}.ics");
        let text = event(&uid, "Cut off", "X-KEPT:yes");
        let (settings, object) = (lab.settings.clone(), lab::calendar::new_object(&under, &text));
        // A runtime of its own, with which everything stops, wherever it is.
        let life = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let directory = exchange::Directory::new(settings).unwrap();
                let account = directory.sign_in(&lab::credentials(lab::ANNA, lab::PASSWORD)).await.unwrap();
                let collections = account.collections().await.unwrap();
                let id = collections.iter().find(|it| it.is_default && it.kind == CollectionKind::Calendar).unwrap().id;
                account.entries(id, None).await.unwrap();
                account.principal().await.unwrap();
                let work = account.put(id, object, Condition::default());
                let _ = tokio::time::timeout(std::time::Duration::from_millis(4 * round), work).await;
            });
            runtime.shutdown_background();
        });
        tokio::task::spawn_blocking(move || life.join().unwrap()).await.unwrap();
        let (_gate, mut client) = client(&lab).await;
        client.sync().await;
        for name in client.here.keys() {
            assert!(name.0.trim_end_matches(".ics").parse::<u64>().is_ok_and(|n| n <= round), "{name:?}");
        }
        client.put(&under, &text, Condition::default()).await.unwrap();
        assert_eq!(client.text(&under).await, text);
        client.sync().await;
        assert_eq!(client.here.len() as u64, round + 1);
    }
    assert_eq!(lab.at_exchange("Calendar").len(), 12);
}
