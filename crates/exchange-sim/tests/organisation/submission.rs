//! Sending over HTTP: what the control interface tells and orders, and submissions whose request or answer is lost.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use exchange_sim::{
    Limits,
    http::{OverLength, Running},
};
use serde_json::{Value, json};

use crate::client::{ANNA, BEN, ask, begin, control, envelope, rest, start};

fn message(id: &str) -> String {
    let mime = STANDARD.encode(format!(
        "From: {ANNA}\r\nTo: {BEN}, x@out.example\r\nSubject: {id}\r\nMessage-ID: <{id}@client.test>\r\n\r\nHello\r\n"
    ));
    envelope(
        "",
        &format!(
            r#"<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:Items><t:Message><t:MimeContent>{mime}</t:MimeContent>
            </t:Message></m:Items></m:CreateItem>"#
        ),
    )
}

/// How often a message was sent, kept, and came to Ben.
async fn counts(server: &Running, id: &str) -> [u64; 3] {
    let told = control(server, "GET", "/deliveries/counts", "").await;
    let one = &told[format!("<{id}@client.test>")];
    [&one["sent"], &one["copies"], &one["reached"][BEN]].map(|count| count.as_u64().unwrap_or(0))
}

#[tokio::test]
async fn deliveries_are_told() {
    let server = start(|settings| {
        settings.aliases = vec![(BEN.to_owned(), "benedict@a.test".to_owned())];
        settings.lists = vec![("all@a.test".to_owned(), vec![ANNA.to_owned()])];
        settings.send_as = vec![(ANNA.to_owned(), "all@a.test".to_owned())];
    })
    .await;
    assert_eq!(ask(server.ews, ANNA, "", &message("one")).await.unwrap().text("ResponseCode"), "NoError");
    let all = control(&server, "GET", "/deliveries", "").await;
    let one = &all[0];
    assert_eq!(
        (&one["sender"], &one["author"], &one["message_id"]),
        (&json!(ANNA), &json!(ANNA), &json!("<one@client.test>"))
    );
    assert_eq!(one["copy"], json!({ "mailbox": ANNA, "folder": "Sent Items" }));
    let expected = json!([
        { "address": BEN, "role": "to", "list": null, "outcome": "delivered", "status": null },
        { "address": "x@out.example", "role": "to", "list": null, "outcome": "outside", "status": null },
    ]);
    assert_eq!(one["recipients"], expected);
    assert_eq!(control(&server, "GET", "/outside", "").await[0]["to"], json!(["x@out.example"]));
    let source = control(&server, "GET", "/outside?number=0", "").await;
    assert!(source["source"].as_str().unwrap().contains("Subject: one\r\n"));
    control(&server, "POST", "/outside/forget", "").await;
    control(&server, "POST", "/deliveries/forget", "").await;
    assert_eq!(control(&server, "GET", "/outside", "").await, json!([]));

    control(&server, "POST", "/outside/refuse?address=%40out.example&status=5.1.1", "").await;
    control(&server, "POST", "/alias?mailbox=ben@a.test&address=ben.two@a.test", "").await;
    control(&server, "POST", "/list?address=team@a.test&members=ben@a.test,anna@a.test", "").await;
    control(&server, "POST", "/send-on-behalf?user=anna@a.test&mailbox=ben@a.test", "").await;
    control(&server, "POST", "/restrict?address=team@a.test&user=ben@a.test", "").await;
    control(&server, "POST", "/quota?mailbox=ben@a.test&bytes=1000000", "").await;
    // Who waits is told when it has come.
    let two = message("two");
    let (waited, sent) =
        tokio::join!(control(&server, "GET", "/deliveries?after=0&wait=60", ""), ask(server.ews, ANNA, "", &two));
    assert_eq!(sent.unwrap().text("ResponseCode"), "NoError");
    assert_eq!(waited[0]["recipients"][1]["status"], "5.1.1");
    assert_eq!(control(&server, "GET", "/deliveries?after=1", "").await[0]["kind"], "report");
}

#[tokio::test]
async fn limits_are_set_while_it_runs() {
    let server = start(|settings| settings.submission = Limits { message_rate: Some(1), ..Limits::default() }).await;
    for id in ["one", "two"] {
        assert_eq!(ask(server.ews, ANNA, "", &message(id)).await.unwrap().text("ResponseCode"), "NoError");
    }
    let state = control(&server, "GET", "/submission", "").await;
    assert_eq!((&state["limits"]["message_rate"], &state["waiting"][0]["subject"]), (&json!(1), &json!("two")));
    control(&server, "POST", "/clock?ahead=60", "").await;
    assert_eq!([counts(&server, "one").await, counts(&server, "two").await], [[1, 1, 1]; 2]);
    control(&server, "POST", "/submission", r#"{"message_rate":null,"max_message":10}"#).await;
    let refused = ask(server.ews, ANNA, "", &message("three")).await.unwrap();
    assert_eq!(refused.text("ResponseCode"), "ErrorMessageSizeExceeded");
    control(&server, "POST", "/submission", r#"{"max_message":null}"#).await;
    control(&server, "POST", "/submission/hold", "").await;
    assert_eq!(ask(server.ews, ANNA, "", &message("four")).await.unwrap().text("ResponseCode"), "NoError");
    assert_eq!(counts(&server, "four").await, [1, 1, 0]);
    control(&server, "POST", "/submission/release", "").await;
    assert_eq!(counts(&server, "four").await, [1, 1, 1]);
}

#[tokio::test]
async fn what_waits_is_sent_though_nobody_asks() {
    let server = start(|settings| settings.submission = Limits { message_rate: Some(1), ..Limits::default() }).await;
    for id in ["one", "two"] {
        assert_eq!(ask(server.ews, ANNA, "", &message(id)).await.unwrap().text("ResponseCode"), "NoError");
    }
    control(&server, "POST", "/submission", r#"{"message_rate":null}"#).await;
    // The clock of the organisation goes on by itself; here it is only moved near.
    control(&server, "POST", "/clock?ahead=58", "").await;
    let told = control(&server, "GET", "/deliveries?after=1&wait=60", "").await;
    assert_eq!(told[0]["subject"], "two");
}

#[tokio::test]
async fn requests_and_answers_are_lost() {
    let server = start(|_| ()).await;
    for (what, done) in [("lost", 0), ("cut_after", 1)] {
        control(&server, "POST", "/fault", &json!({ "what": what, "sends": true }).to_string()).await;
        let mut stream = begin(server.ews, ANNA, &message(what)).await;
        assert_eq!(rest(&mut stream).await, "", "{what}");
        assert_eq!(counts(&server, what).await, [done; 3], "{what}");
        assert_eq!(ask(server.ews, ANNA, "", &message(what)).await.unwrap().text("ResponseCode"), "NoError");
        assert_eq!(counts(&server, what).await, [done + 1; 3], "a client that simply tries again: {what}");
    }
    assert_eq!(control(&server, "GET", "/stats", "").await["faults"], json!({ "cut_after": 1, "lost": 1 }));
}

#[tokio::test]
async fn a_submission_may_be_refused_with_any_code() {
    let server = start(|_| ()).await;
    for (code, done) in [("ErrorMessageSubmissionBlocked", 0), ("ErrorTimeoutExpired", 1)] {
        let order = json!({ "what": "refused", "code": code, "sends": true, "carried_out": done == 1 });
        control(&server, "POST", "/fault", &order.to_string()).await;
        let refused = ask(server.ews, ANNA, "", &message(code)).await.unwrap();
        assert_eq!((refused.status(), refused.text("ResponseCode")), ("200", code));
        assert!(refused.body.contains("<m:Items/></m:CreateItemResponseMessage>"), "{}", refused.body);
        assert_eq!(counts(&server, code).await, [done; 3], "{code}");
    }
}

#[tokio::test]
async fn what_is_late_is_done_though_nobody_waits() {
    let server = start(|_| ()).await;
    control(&server, "POST", "/fault", r#"{"what":"delay","pause":40,"sends":true}"#).await;
    let begun = std::time::Instant::now();
    assert_eq!(ask(server.ews, ANNA, "", &message("delay")).await.unwrap().text("ResponseCode"), "NoError");
    assert!(begun.elapsed() >= Duration::from_millis(40));
    for leaves in [false, true] {
        let (what, id) = if leaves { ("delay", "left") } else { ("cut_late", "late") };
        let order = json!({ "what": what, "pause": 300, "sends": true });
        control(&server, "POST", "/fault", &order.to_string()).await;
        let before: Value = control(&server, "GET", "/deliveries", "").await;
        let mut stream = begin(server.ews, ANNA, &message(id)).await;
        if leaves {
            // The fault is used up once the server has the request.
            while control(&server, "GET", "/fault", "").await != json!([]) {}
            drop(stream);
        } else {
            assert_eq!(rest(&mut stream).await, "");
        }
        assert_eq!(counts(&server, id).await, [0; 3]);
        assert_eq!(control(&server, "GET", "/late", "").await["late"], 1);
        let after = before.as_array().unwrap().len();
        control(&server, "GET", &format!("/deliveries?after={after}&wait=60"), "").await;
        assert_eq!(counts(&server, id).await, [1; 3]);
        assert_eq!(control(&server, "GET", "/late?wait=60", "").await["late"], 0);
    }
}

#[tokio::test]
async fn a_request_that_is_too_long_is_refused_by_whoever_looks_first() {
    for (over_length, status) in
        [(OverLength::PayloadTooLarge, "413"), (OverLength::BadRequest, "400"), (OverLength::NotFound, "404")]
    {
        let server = start(|settings| (settings.max_request, settings.over_length) = (500, over_length)).await;
        let refused = ask(server.ews, ANNA, "", &message(&"x".repeat(500))).await.unwrap();
        assert_eq!(refused.status(), status);
        assert_eq!(control(&server, "GET", "/deliveries", "").await, json!([]));
    }
}
