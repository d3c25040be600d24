//! Several front ends, and Exchange as a whole away.

use std::{io::ErrorKind, net::SocketAddr};

use exchange_sim::http::{Running, WayIn};
use serde_json::json;
use tokio::net::TcpStream;

use crate::client::{ANNA, SUBSCRIBE, ask, begin, control, envelope, get_folder, hear, rest, start, stream_of};

fn inbox() -> String {
    envelope("", &get_folder("inbox"))
}

async fn with_two() -> Running {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    start(|settings| settings.front_ends = vec![WayIn { listen, tls: false }]).await
}

#[tokio::test]
async fn front_ends_lead_to_the_same_mailboxes_and_are_killed_one_by_one() {
    let server = with_two().await;
    let second = server.front_ends[0].0;
    for (address, name) in [(server.ews, "EX01"), (second, "EX02")] {
        let answer = ask(address, ANNA, "", &inbox()).await.unwrap();
        assert_eq!(answer.status(), "200");
        assert!(answer.head.contains(&format!("x-feserver: {name}\r\n")), "{}", answer.head);
    }
    let answer = ask(server.ews, ANNA, "", &envelope("", SUBSCRIBE)).await.unwrap();
    let id = answer.text("SubscriptionId").to_owned();
    let mut stream = begin(second, ANNA, &envelope("", &stream_of(&[&id]))).await;
    hear(&mut stream, "<m:ConnectionStatus>OK</m:ConnectionStatus>").await;

    control(&server, "POST", "/front-end/1/kill", "").await;
    assert!(!rest(&mut stream).await.contains("\r\n0\r\n\r\n"), "the stream has no end");
    assert_eq!(TcpStream::connect(second).await.err().unwrap().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(ask(server.ews, ANNA, "", &inbox()).await.unwrap().status(), "200");
    let told = control(&server, "GET", "/front-ends", "").await;
    assert_eq!((&told[0]["up"], &told[1]["up"]), (&json!(true), &json!(false)));
    assert_eq!((&told[0]["requests"], &told[1]["requests"]), (&json!(3), &json!(2)));
    assert_eq!(told[1]["urls"], json!([format!("http://{second}/EWS/Exchange.asmx")]));

    control(&server, "POST", "/front-end/1/start", "").await;
    assert_eq!(ask(second, ANNA, "", &inbox()).await.unwrap().status(), "200");
}

#[tokio::test]
async fn exchange_goes_away_and_comes_back() {
    let server = with_two().await;
    let second = server.front_ends[0].0;
    control(&server, "POST", "/away?how=refuse", "").await;
    for address in [server.ews, second] {
        assert_eq!(TcpStream::connect(address).await.err().unwrap().kind(), ErrorKind::ConnectionRefused);
    }
    assert_eq!(control(&server, "GET", "/away", "").await["how"], "refuse");
    control(&server, "POST", "/back", "").await;
    assert_eq!(ask(second, ANNA, "", &inbox()).await.unwrap().status(), "200");

    control(&server, "POST", "/away?how=503", "").await;
    assert_eq!(ask(server.ews, ANNA, "", &inbox()).await.unwrap().status(), "503");
    control(&server, "POST", "/away?how=hang", "").await;
    let mut stuck = begin(server.ews, ANNA, &inbox()).await;
    let nothing = tokio::time::timeout(std::time::Duration::from_millis(50), stuck.readable()).await;
    assert!(nothing.is_err(), "nothing comes while Exchange hangs");
    control(&server, "POST", "/back", "").await;
    assert_eq!(rest(&mut stuck).await, "", "what hung is cut");
    assert_eq!(ask(server.ews, ANNA, "", &inbox()).await.unwrap().status(), "200");
}

#[tokio::test]
async fn a_stream_falls_silent_while_exchange_hangs() {
    let server = start(|_| ()).await;
    let answer = ask(server.ews, ANNA, "", &envelope("", SUBSCRIBE)).await.unwrap();
    let mut stream = begin(server.ews, ANNA, &envelope("", &stream_of(&[answer.text("SubscriptionId")]))).await;
    hear(&mut stream, "<m:ConnectionStatus>OK</m:ConnectionStatus>").await;
    control(&server, "POST", "/away?how=hang", "").await;
    control(&server, "POST", "/deliver?mailbox=anna@a.test", "Subject: x\r\n\r\nx\r\n").await;
    control(&server, "POST", "/back", "").await;
    assert!(!rest(&mut stream).await.contains("NewMailEvent"));
}

#[tokio::test]
async fn an_answer_hangs_before_or_after_its_head() {
    let server = start(|_| ()).await;
    for (order, begun) in [(json!({"what": "hang"}), ""), (json!({"what": "hang_body", "bytes": 100}), "<s:Envelope")] {
        control(&server, "POST", "/fault", &order.to_string()).await;
        let mut stuck = begin(server.ews, ANNA, &inbox()).await;
        if begun.is_empty() {
            let nothing = tokio::time::timeout(std::time::Duration::from_millis(50), stuck.readable()).await;
            assert!(nothing.is_err(), "{order}");
        } else {
            assert!(hear(&mut stuck, begun).await.starts_with("HTTP/1.1 200"), "{order}");
        }
        control(&server, "POST", "/fault/clear", "").await;
        assert!(!rest(&mut stuck).await.contains("\r\n0\r\n\r\n"), "{order}");
    }
    assert_eq!(ask(server.ews, ANNA, "", &inbox()).await.unwrap().status(), "200");
}

#[tokio::test]
async fn ews_is_switched_off_and_items_are_poisoned_on_request() {
    let server = start(|settings| settings.ews_off = Some(403)).await;
    assert_eq!(ask(server.ews, ANNA, "", &inbox()).await.unwrap().status(), "403");
    control(&server, "POST", "/ews-off?status=404", "").await;
    assert_eq!(ask(server.ews, ANNA, "", &inbox()).await.unwrap().status(), "404");
    control(&server, "POST", "/ews-on", "").await;
    assert_eq!(ask(server.ews, ANNA, "", &inbox()).await.unwrap().status(), "200");

    let letter = "Subject: x\r\nMessage-ID: <x@a.test>\r\n\r\nx\r\n";
    control(&server, "POST", "/deliver?mailbox=anna@a.test", letter).await;
    let held = control(&server, "GET", "/mailbox?mailbox=anna@a.test", "").await;
    let get = envelope(
        "",
        &format!(
            "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>\
             </m:ItemShape><m:ItemIds><t:ItemId Id={}/></m:ItemIds></m:GetItem>",
            held["Inbox"][0]["item_id"]
        ),
    );
    for (order, code) in [
        ("/poison?mailbox=anna@a.test&message_id=%3Cx@a.test%3E", "ErrorMimeContentConversionFailed"),
        ("/poison?mailbox=anna@a.test&message_id=%3Cx@a.test%3E&kind=corrupt", "ErrorItemCorrupt"),
        ("/heal?mailbox=anna@a.test&message_id=%3Cx@a.test%3E", "NoError"),
    ] {
        control(&server, "POST", order, "").await;
        let answer = ask(server.ews, ANNA, "", &get).await.unwrap();
        assert_eq!(answer.text("ResponseCode"), code, "{order}");
    }
    control(&server, "POST", "/mailbox/move?user=anna@a.test&seconds=5", "").await;
    assert_eq!(ask(server.ews, ANNA, "", &inbox()).await.unwrap().text("ResponseCode"), "ErrorMailboxMoveInProgress");
    control(&server, "POST", "/clock?ahead=5", "").await;
    assert_eq!(ask(server.ews, ANNA, "", &inbox()).await.unwrap().status(), "200");
}

#[tokio::test]
async fn the_clock_of_the_server_may_be_wrong() {
    let server = start(|_| ()).await;
    control(&server, "POST", "/skew?seconds=-315360000", "").await;
    let answer = ask(server.ews, ANNA, "", &inbox()).await.unwrap();
    let date = answer.head.lines().find_map(|line| line.strip_prefix("date: ")).unwrap();
    let told = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).unwrap();
    let behind = jiff::Timestamp::now().as_second() - told.as_second();
    assert!((315_359_990..315_360_010).contains(&behind), "{date}");
    assert_eq!(answer.head.matches("date: ").count(), 1);
}
