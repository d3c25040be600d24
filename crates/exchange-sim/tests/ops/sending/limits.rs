//! What is too much: refused, or kept until its time.

use serde_json::json;

use super::{ALL, ANNA, BOB, PLAIN, create, items, latest, limit, send, tag};
use crate::soap::{Server, attribute, texts};

#[test]
fn limits_refuse_what_is_too_much() {
    let server = Server::new("se");
    limit(&server, |limits| limits.max_message = Some(300));
    assert_eq!(send(&server, PLAIN, ""), "NoError");
    assert_eq!(send(&server, &format!("{PLAIN}{}", "x".repeat(300)), ""), "ErrorMessageSizeExceeded");
    limit(&server, |limits| limits.recipient_rate = Some(2));
    assert_eq!(send(&server, PLAIN, ""), "NoError");
    assert_eq!(send(&server, PLAIN, ""), "NoError");
    assert_eq!(send(&server, PLAIN, ""), "ErrorSubmissionQuotaExceeded");
    server.exchange.put_ahead(90_000);
    assert_eq!(send(&server, PLAIN, ""), "NoError");
    limit(&server, |limits| limits.prohibit_send = Some(100));
    assert_eq!(send(&server, PLAIN, ""), "ErrorQuotaExceeded");
    assert_eq!(items(&server, ANNA, "Sent Items").len(), 4, "nothing was kept of what was refused");
}

#[test]
fn messages_beyond_the_rate_wait_in_their_folder() {
    for (folder, name) in [("drafts", "Drafts"), ("outbox", "Outbox")] {
        let server = Server::new("se");
        limit(&server, |limits| {
            limits.message_rate = Some(2);
            limits.waiting_in = exchange_sim::Waiting::named(folder).unwrap();
        });
        for _ in 0..5 {
            assert_eq!(send(&server, PLAIN, ""), "NoError");
        }
        let counts = |server: &Server| ["Sent Items", name].map(|folder| items(server, ANNA, folder).len());
        assert_eq!(counts(&server), [2, 3]);
        let waiting = latest(&server, ANNA, name, ALL);
        assert_eq!(
            (texts(&waiting, "IsSubmitted"), texts(&waiting, "IsDraft")),
            (vec!["true".into()], vec!["true".into()])
        );
        assert_eq!(server.exchange.submission_state()["waiting"].as_array().unwrap().len(), 3);
        // Who deletes one takes it back.
        let id = items(&server, ANNA, name)[1]["item_id"].as_str().unwrap().to_owned();
        let delete = format!(
            r#"<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:DeleteItem>"#
        );
        assert_eq!(server.code(&delete), "NoError");
        server.exchange.put_ahead(61);
        server.exchange.settle_submissions();
        assert_eq!(counts(&server), [3, 1]);
        server.exchange.put_ahead(61);
        server.exchange.settle_submissions();
        assert_eq!(counts(&server), [4, 0]);
        assert_eq!(items(&server, BOB, "Inbox").len(), 4);
        assert_eq!(items(&server, ANNA, "Sent Items")[3]["submitted"], false);
    }
}

#[test]
fn a_message_may_linger_where_it_was_made() {
    let server = Server::new("se");
    limit(&server, |limits| limits.linger = Some(5));
    assert_eq!(send(&server, PLAIN, ""), "NoError");
    let folders = ["Drafts", "Sent Items"];
    assert_eq!(folders.map(|folder| items(&server, ANNA, folder).len()), [1, 0]);
    assert_eq!(items(&server, ANNA, "Drafts")[0]["submitted"], true);
    server.exchange.put_ahead(6);
    server.exchange.settle_submissions();
    assert_eq!(folders.map(|folder| items(&server, ANNA, folder).len()), [0, 1]);
    assert_eq!(items(&server, BOB, "Inbox").len(), 1);
}

#[test]
fn deferred_messages_are_sent_when_it_is_time() {
    let server = Server::new("se");
    let later = (now() + 3600).to_string();
    let draft = server.ask(&create("SaveOnly", "", PLAIN, &tag("0x3FEF", "SystemTime", &time(now() + 3600))));
    let (id, key) = (attribute(&draft, "ItemId", "Id"), attribute(&draft, "ItemId", "ChangeKey"));
    let sends = |key: &str| {
        server.code(&format!(
            r#"<m:SendItem SaveItemToFolder="true"><m:ItemIds><t:ItemId Id="{id}" ChangeKey="{key}"/></m:ItemIds></m:SendItem>"#
        ))
    };
    assert_eq!(sends(&key), "NoError");
    assert_eq!(sends(&key), "ErrorStaleObject", "it has another change key while it waits");
    let waiting = &items(&server, ANNA, "Drafts")[0];
    assert_eq!((&waiting["item_id"], &waiting["submitted"]), (&json!(id), &json!(true)), "{later}");
    // After three hours, by number and unit, which overrule the time; or once transport has had it for a day.
    let units =
        tag("0x3FEB", "Integer", "3") + &tag("0x3FEC", "Integer", "1") + &tag("0x3FEF", "SystemTime", &time(now()));
    assert_eq!(send(&server, PLAIN, &units), "NoError");
    assert_eq!(send(&server, PLAIN, &tag("0x000F", "SystemTime", &time(now() + 86_400))), "NoError");
    let arrived = |hours: u32| {
        server.exchange.put_ahead(hours * 3600 + 1);
        server.exchange.settle_submissions();
        items(&server, BOB, "Inbox").len()
    };
    assert_eq!(items(&server, ANNA, "Sent Items").len(), 1, "transport has that one");
    assert_eq!([arrived(0), arrived(1), arrived(2), arrived(21)], [0, 1, 2, 3]);
    assert_eq!(items(&server, ANNA, "Drafts").len(), 0);
}

#[test]
fn transport_may_be_held() {
    let server = Server::new("se");
    server.exchange.hold_transport(true);
    assert_eq!(send(&server, PLAIN, ""), "NoError");
    assert_eq!([items(&server, ANNA, "Sent Items").len(), items(&server, BOB, "Inbox").len()], [1, 0]);
    assert_eq!(server.exchange.submission_state()["queued"], 1);
    server.exchange.hold_transport(false);
    assert_eq!(items(&server, BOB, "Inbox").len(), 1);
}

#[test]
fn thousands_of_messages_are_counted() {
    let server = Server::new("se");
    assert_eq!(send(&server, &PLAIN.replace("plain@", "0@"), ""), "NoError");
    for number in 1..2_000 {
        let message = PLAIN.replace("plain@", &format!("{number}@"));
        let request = server.envelope(&create("SendAndSaveCopy", "", &message, ""));
        let exchange_sim::Answer::Document { status, .. } = server.exchange.answer(ANNA, request.as_bytes()) else {
            panic!()
        };
        assert_eq!(status, 200);
    }
    let counts = server.exchange.deliveries_by_id();
    let counts = counts.as_object().unwrap();
    assert_eq!(counts.len(), 2_000);
    let once = json!({ "sent": 1, "copies": 1, "reached": { BOB: 1 }, "failed": {} });
    assert!(counts.values().all(|count| *count == once));
}

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// `yyyy-MM-ddTHH:mm:ssZ`
fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}
