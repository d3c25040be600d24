//! What arrives bit by bit: messages as MIME, and events.

use std::io;

use crate::fake::*;
use ews::op::get_mime::GetMime;
use ews::op::subscribe::{Delivery, EventType, Subscribe};
use ews::*;

#[tokio::test]
async fn messages_arrive_decoded_and_failures_one_by_one() {
    let fake = Fake::start([Step::Drip(xml(&answer(
        "GetItem",
        &[
            &item("SGVsbG8s\r\nIHdvcmxkIQ==", "1"),
            &failed("ErrorItemNotFound", "<m:Items/>"),
            &item("SGVs*G8=", "3"),
            &item("", "4"),
            "<MESSAGE ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message>\
             <t:ItemId Id=\"5\"/></t:Message></m:Items></MESSAGE>",
            &item("Nic=", "6"),
        ],
    )))])
    .await;
    let mut sink = Sink::default();
    fake.client().get_mime(&ask(6), &mut sink).await.unwrap();
    let told = [
        "start 0 a0",
        "end 0 Some(\"1\") Hello, world!",
        "failed 1 ErrorItemNotFound: No.",
        "start 2 a2",
        "failed 2 the message's MIME is not valid base64",
        "start 3 a3",
        "failed 3 Exchange sent no MIME for the message",
        "failed 4 Exchange sent no MIME for the message",
        "start 5 a5",
        "end 5 Some(\"6\") 6'",
    ];
    assert_eq!(sink.told, told);
    assert!(fake.seen()[0].text().contains("<t:IncludeMimeContent>true</t:IncludeMimeContent>"));
}

#[tokio::test]
async fn an_answer_cut_in_a_message_fails_that_and_all_after_it() {
    let whole =
        xml(&answer("GetItem", &[&item("SGVsbG8=", "1"), &item(&"QUJD".repeat(1000), "2"), &item("QUJD", "3")]));
    let cut = whole.windows(8).position(|eight| eight == b"QUJDQUJD").unwrap() + 1000;
    let fake = Fake::start([Step::SendAndClose(whole[..cut].to_vec()), Step::SendAndClose(Vec::new())]).await;
    let mut sink = Sink::default();
    let client = fake.client().with_patience(std::time::Duration::ZERO);
    let error = client.get_mime(&ask(3), &mut sink).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(sink.told[..2], ["start 0 a0", "end 0 Some(\"1\") Hello"]);
    assert!(sink.told[2].starts_with("start 1 a1") && sink.told[3].starts_with("failed 1 "), "{:?}", sink.told);
    assert!(sink.told[4].starts_with("failed 2 ") && sink.told.len() == 5, "{:?}", sink.told);
    assert_eq!(fake.seen().len(), 2, "once more at once, and then it is over");
}

#[tokio::test]
async fn what_broke_off_goes_on_where_it_did() {
    let first =
        xml(&answer("GetItem", &[&item("SGVsbG8=", "1"), &item(&"QUJD".repeat(1000), "2"), &item("QUJD", "3")]));
    let cut = first.windows(8).position(|eight| eight == b"QUJDQUJD").unwrap() + 1000;
    let rest = xml(&answer("GetItem", &[&item("QUJD", "2"), &item("RA==", "3")]));
    let fake = Fake::start([Step::SendAndClose(first[..cut].to_vec()), Step::Send(rest)]).await;
    let mut sink = Sink::default();
    fake.client().get_mime(&ask(3), &mut sink).await.unwrap();
    let told = [
        "start 0 a0",
        "end 0 Some(\"1\") Hello",
        "start 1 a1",
        "start 1 a1",
        "end 1 Some(\"2\") ABC",
        "start 2 a2",
        "end 2 Some(\"3\") D",
    ];
    assert_eq!(sink.told, told);
    let asked = fake.seen()[1].text();
    assert!(!asked.contains("\"a0\"") && asked.contains("\"a1\"") && asked.contains("\"a2\""), "{asked}");
}

#[tokio::test]
async fn messages_are_asked_for_again_while_none_has_begun() {
    let fake = Fake::start([Step::Send(xml("")), Step::Send(xml(&answer("GetItem", &[&item("QUJD", "1")])))]).await;
    let mut sink = Sink::default();
    fake.client().get_mime(&ask(1), &mut sink).await.unwrap();
    assert_eq!(sink.told, ["start 0 a0", "end 0 Some(\"1\") ABC"]);
}

#[tokio::test]
async fn fewer_answers_than_asked_for_leave_nobody_waiting() {
    let fake = Fake::start([Step::Send(xml(&answer("GetItem", &[&item("QUJD", "1")])))]).await;
    let mut sink = Sink::default();
    let error = fake.client().get_mime(&ask(2), &mut sink).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
    assert!(sink.told[2].starts_with("failed 1 ") && sink.told.len() == 3, "{:?}", sink.told);
}

#[tokio::test]
async fn a_sink_that_fails_ends_the_call() {
    let fake = Fake::start([Step::Send(xml(&answer("GetItem", &[&item("QUJD", "1")])))]).await;
    let mut sink = Sink { full: true, ..Sink::default() };
    let error = fake.client().get_mime(&ask(1), &mut sink).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Local);
    assert!(
        sink.told.len() == 2 && sink.told[1].starts_with("failed 0 storing a message: disk full"),
        "{:?}",
        sink.told
    );
}

#[tokio::test]
async fn events_are_told_as_they_happen() {
    let notification = "<m:Notifications><m:Notification><t:SubscriptionId>sub</t:SubscriptionId><t:NewMailEvent>\
        <t:TimeStamp>2024-01-31T00:00:00Z</t:TimeStamp><t:ItemId Id=\"i\" ChangeKey=\"c\"/><t:ParentFolderId Id=\"f\" \
        ChangeKey=\"AQAAAA==\"/></t:NewMailEvent></m:Notification></m:Notifications>";
    let document = |content: &str| {
        let message =
            format!("<MESSAGE ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>{content}</MESSAGE>");
        answer("GetStreamingEvents", &[&message])
    };
    let status = |status: &str| format!("<m:ConnectionStatus>{status}</m:ConnectionStatus>");
    let documents =
        [document(&status("OK")), document(notification), document(&status("OK")), document(&status("Closed"))];
    // Chunks end where they like, also in the middle of a tag.
    let all = documents.join("\r\n");
    let mut body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in all.as_bytes().chunks(100) {
        body.extend(format!("{:x}\r\n", chunk.len()).bytes().chain(chunk.iter().copied()).chain(*b"\r\n"));
    }
    body.extend(b"0\r\n\r\n");
    let made = "<MESSAGE ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
        <m:SubscriptionId>sub</m:SubscriptionId></MESSAGE>";
    let cookie = "Set-Cookie: X-BackEndOverrideCookie=abc~1; path=/; HttpOnly\r\nSet-Cookie: other=1\r\n";
    let subscribed = http("200 OK", cookie, &answer("Subscribe", &[made]));
    let fake = Fake::start([Step::Send(subscribed), Step::Send(body)]).await;
    let client = fake.client().with_anchor("anna@example.org");
    let subscribe = Subscribe { folders: None, events: EventType::MAIL.to_vec(), delivery: Delivery::Streaming };
    let subscription = client.call(&subscribe).await.unwrap();
    let mut stream = client.stream(&[subscription.id], 30).await.unwrap();
    assert!(matches!(stream.next().await.unwrap(), StreamingEvent::Heartbeat));
    let StreamingEvent::Events(told) = stream.next().await.unwrap() else { panic!("no events") };
    assert_eq!((told[0].subscription.as_str(), told[0].events.len()), ("sub", 1));
    assert_eq!(told[0].events[0].kind, EventType::NewMail);
    assert!(matches!(stream.next().await.unwrap(), StreamingEvent::Heartbeat));
    assert!(matches!(stream.next().await.unwrap(), StreamingEvent::Closed));
    let asked = &fake.seen()[1];
    assert_eq!(asked.header("x-preferserveraffinity"), Some("true"));
    assert_eq!(asked.header("cookie"), Some("X-BackEndOverrideCookie=abc~1"));
    assert_eq!(asked.connection, 1, "streams have connections of their own");
}

#[tokio::test]
async fn a_lost_subscription_and_a_dead_stream_are_told_apart() {
    let lost = xml(&answer("GetStreamingEvents", &[&failed("ErrorSubscriptionNotFound", "")]));
    let fake = Fake::start([Step::Send(lost)]).await;
    let mut stream = fake.client().stream(&["sub".into()], 1).await.unwrap();
    let error = stream.next().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::SubscriptionLost);
    assert!(error.request_id.is_some());

    let mut fake = Fake::start([Step::Hang(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec())]).await;
    let client = fake.client();
    let mut stream = client.stream(&["sub".into()], 30).await.unwrap();
    fake.bell.recv().await.unwrap();
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    assert_eq!(stream.next().await.unwrap_err().kind, ErrorKind::Unavailable);
    assert!(before.elapsed() < std::time::Duration::from_secs(120), "heartbeats come every 45 s");
}

/// It broke after a whole document, so that all that came makes sense; what would have come next is lost all the same.
#[tokio::test]
async fn a_stream_that_breaks_between_two_documents_has_not_ended() {
    let lives = "<MESSAGE ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
        <m:ConnectionStatus>OK</m:ConnectionStatus></MESSAGE>";
    let document = answer("GetStreamingEvents", &[lives]);
    let chunk = format!("{:x}\r\n{document}\r\n", document.len());
    let body = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    let fake = Fake::start([Step::SendAndClose(body.into_bytes())]).await;
    let mut stream = fake.client().stream(&["sub".into()], 30).await.unwrap();
    assert!(matches!(stream.next().await.unwrap(), StreamingEvent::Heartbeat));
    assert_eq!(stream.next().await.unwrap_err().kind, ErrorKind::Unavailable);
}

/// Subscriptions that are lost are named, and the stream goes on for the others.
#[tokio::test]
async fn lost_subscriptions_are_named_while_the_stream_goes_on() {
    let ids = "<m:ErrorSubscriptionIds><t:SubscriptionId>one</t:SubscriptionId><t:SubscriptionId>two</t:SubscriptionId>\
        </m:ErrorSubscriptionIds>";
    let lost = answer("GetStreamingEvents", &[&failed("ErrorSubscriptionNotFound", ids)]);
    let lives = "<MESSAGE ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
        <m:ConnectionStatus>OK</m:ConnectionStatus></MESSAGE>";
    let body = lost + &answer("GetStreamingEvents", &[lives]);
    let fake = Fake::start([Step::Send(xml(&body))]).await;
    let mut stream = fake.client().stream(&["one".into(), "two".into(), "three".into()], 1).await.unwrap();
    let StreamingEvent::Refused { subscriptions, error } = stream.next().await.unwrap() else { panic!("not refused") };
    assert_eq!((subscriptions, error.kind), (vec!["one".to_owned(), "two".to_owned()], ErrorKind::SubscriptionLost));
    assert!(matches!(stream.next().await.unwrap(), StreamingEvent::Heartbeat));
    assert!(matches!(stream.next().await.unwrap(), StreamingEvent::Closed));
}

/// Calls can be spawned: their futures are `Send`.
#[tokio::test]
async fn calls_can_be_spawned() {
    let fake = Fake::start([Step::Send(xml(&answer("GetItem", &[&item("QUJD", "1")])))]).await;
    let client = fake.client();
    let fetched = tokio::spawn(async move {
        let mut sink = Sink::default();
        client.get_mime(&ask(1), &mut sink).await.map(|()| sink.told.len())
    });
    assert_eq!(fetched.await.unwrap().unwrap(), 2);
    let client = fake.client();
    let streamed = tokio::spawn(async move { client.stream(&["sub".into()], 1).await?.next().await });
    assert!(matches!(streamed.await.unwrap(), Ok(StreamingEvent::Heartbeat)));
}

#[derive(Default)]
struct Sink {
    told: Vec<String>,
    bytes: Vec<u8>,
    full: bool,
}

impl MimeSink for Sink {
    async fn start(&mut self, index: usize, id: &ItemId) -> io::Result<()> {
        self.bytes.clear();
        self.told.push(format!("start {index} {}", id.id));
        Ok(())
    }

    async fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        if self.full { Err(io::Error::other("disk full")) } else { Ok(()) }
    }

    async fn end(&mut self, index: usize, item: Item) -> io::Result<()> {
        let text = String::from_utf8_lossy(&self.bytes);
        self.told.push(format!("end {index} {:?} {text}", item.id.map(|id| id.id)));
        Ok(())
    }

    async fn failed(&mut self, index: usize, error: MimeError) -> io::Result<()> {
        self.told.push(format!("failed {index} {error}"));
        Ok(())
    }
}

fn item(base64: &str, id: &str) -> String {
    format!(
        "<MESSAGE ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message>\
         <t:MimeContent CharacterSet=\"UTF-8\">{base64}</t:MimeContent><t:ItemId Id=\"{id}\" ChangeKey=\"CQ\"/>\
         </t:Message></m:Items></MESSAGE>"
    )
}

fn ask(count: usize) -> GetMime {
    let items = (0..count).map(|number| ItemId::new(format!("a{number}"))).collect();
    GetMime { items, shape: ItemShape::default() }
}
