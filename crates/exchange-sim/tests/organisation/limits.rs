//! What an account may have in flight, and the header fields a request needs that acts as somebody else.

use std::time::Duration;

use exchange_sim::http::{Impersonator, Policy, Running};
use serde_json::json;

use crate::client::{ANNA, BEN, SUBSCRIBE, ask, begin, control, envelope, get_folder, hear, start, stream_of};

const SYNC: &str = "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>\
    <t:DistinguishedFolderId Id=\"inbox\"/></m:SyncFolderId><m:MaxChangesReturned>5</m:MaxChangesReturned></m:SyncFolderItems>";

fn inbox() -> String {
    envelope("", &get_folder("inbox"))
}

#[tokio::test]
async fn one_request_too_many_is_refused_and_counted() {
    let server = start(|settings| settings.throttle = Policy::Exchange2016).await;
    control(&server, "POST", "/throttle", r#"{"concurrency":2,"sync":1,"subscriptions":2,"hanging":1}"#).await;
    control(&server, "POST", "/fault", r#"{"what":"hang_body","times":2,"operation":"SyncFolderItems"}"#).await;
    let mut first = begin(server.ews, ANNA, &envelope("", SYNC)).await;
    hear(&mut first, "<s:Envelope").await;
    let busy = ask(server.ews, ANNA, "", &envelope("", SYNC)).await.unwrap();
    assert_eq!(busy.status(), "200");
    for sign in ["ErrorServerBusy", "policy value '1'", "<m:SyncState/><m:IncludesLastItemInRange>true<", ">5000<"] {
        assert!(busy.body.contains(sign), "{sign}: {}", busy.body);
    }
    control(&server, "POST", "/throttle", r#"{"sync":null}"#).await;
    let mut second = begin(server.ews, ANNA, &envelope("", SYNC)).await;
    hear(&mut second, "<s:Envelope").await;
    let refused = ask(server.ews, ANNA, "", &inbox()).await.unwrap();
    assert_eq!((refused.status(), refused.text("ResponseCode")), ("500", "ErrorExceededConnectionCount"));
    assert_eq!(ask(server.ews, BEN, "", &inbox()).await.unwrap().status(), "200");
    let told = control(&server, "GET", "/throttle", "").await;
    let anna = &told["accounts"][ANNA];
    assert_eq!((&anna["in_flight"], &anna["largest_in_flight"], &anna["busy"]), (&json!(2), &json!(2), &json!(2)));
    control(&server, "POST", "/fault/clear", "").await;

    let (id, other) = (subscription(&server).await, subscription(&server).await);
    let again = ask(server.ews, BEN, "", &envelope("", SUBSCRIBE)).await.unwrap();
    assert_eq!(again.text("ResponseCode"), "ErrorExceededSubscriptionCount");
    let mut stream = begin(server.ews, BEN, &envelope("", &stream_of(&[&id]))).await;
    hear(&mut stream, "ConnectionStatus").await;
    let refused = ask(server.ews, BEN, "", &envelope("", &stream_of(&[&other]))).await.unwrap();
    assert_eq!(refused.text("ResponseCode"), "ErrorExceededConnectionCount");
    assert!(refused.body.contains("MaxStreamingConcurrency"), "{}", refused.body);
}

async fn subscription(server: &Running) -> String {
    let made = ask(server.ews, BEN, "", &envelope("", SUBSCRIBE)).await.unwrap();
    made.text("SubscriptionId").to_owned()
}

#[tokio::test]
async fn a_stream_that_replaces_another_has_its_place() {
    let server = start(|_| ()).await;
    control(&server, "POST", "/throttle", r#"{"hanging":1}"#).await;
    let (one, two) = (subscription(&server).await, subscription(&server).await);
    let ben = async || control(&server, "GET", "/throttle", "").await["accounts"][BEN].clone();
    let mut first = begin(server.ews, BEN, &envelope("", &stream_of(&[&one, &two]))).await;
    hear(&mut first, "ConnectionStatus>OK<").await;
    // The first stream would stay open for the other subscription.
    let refused = ask(server.ews, BEN, "", &envelope("", &stream_of(&[&one]))).await.unwrap();
    assert_eq!(refused.text("ResponseCode"), "ErrorExceededConnectionCount");
    assert!(refused.body.contains("policy value '1'"), "{}", refused.body);
    // What does not become a stream gives the place back.
    control(&server, "POST", "/fault", r#"{"what":"busy","operation":"GetStreamingEvents"}"#).await;
    let both = envelope("", &stream_of(&[&two, &one]));
    assert_eq!(ask(server.ews, BEN, "", &both).await.unwrap().text("ResponseCode"), "ErrorServerBusy");
    assert_eq!(ben().await["streams"], 1);
    let mut second = begin(server.ews, BEN, &both).await;
    hear(&mut second, "ConnectionStatus>OK<").await;
    let end = hear(&mut first, "\r\n0\r\n\r\n").await;
    let closed = end.find("ConnectionStatus>Closed<").unwrap();
    assert!(end.find("ErrorNewEventStreamConnectionOpened").unwrap() < closed, "{end}");
    control(&server, "POST", &format!("/deliver?mailbox={BEN}"), "Subject: x\r\n\r\nx\r\n").await;
    hear(&mut second, "NewMailEvent").await;
    let told = ben().await;
    assert_eq!((&told["streams"], &told["largest_streams"], &told["busy"]), (&json!(1), &json!(1), &json!(1)));
    drop(second);
    while ben().await["streams"] != 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn queue_and_rate_are_http_matters() {
    let server = start(|_| ()).await;
    control(&server, "POST", "/throttle", r#"{"queue":0}"#).await;
    assert_eq!(ask(server.ews, ANNA, "", &inbox()).await.unwrap().status(), "503");
    control(&server, "POST", "/throttle", r#"{"queue":null,"rate":0,"retry_after":7}"#).await;
    let slower = ask(server.ews, ANNA, "", &inbox()).await.unwrap();
    assert_eq!(slower.status(), "429");
    assert!(slower.head.contains("retry-after: 7\r\n"), "{}", slower.head);
    control(&server, "POST", "/throttle", r#"{"rate":null,"burst":-1,"recharge":1000}"#).await;
    let busy = ask(server.ews, ANNA, "", &inbox()).await.unwrap();
    assert_eq!((busy.status(), busy.text("ResponseCode")), ("500", "ErrorServerBusy"));
    assert!(busy.body.contains("Name=\"BackOffMilliseconds\">1<"), "{}", busy.body);
    let told = control(&server, "GET", "/throttle", "").await;
    assert_eq!(told["answers"], json!({"503": 1, "429": 1, "ErrorServerBusy": 1}));
}

#[tokio::test]
async fn busy_may_stand_inside_another_trouble() {
    let server = start(|_| ()).await;
    for (request, operation, end) in [
        (get_folder("inbox"), "GetFolder", "<m:Folders/></m:GetFolderResponseMessage>"),
        (SYNC.to_owned(), "SyncFolderItems", "</m:IncludesLastItemInRange></m:SyncFolderItemsResponseMessage>"),
    ] {
        control(&server, "POST", "/fault", r#"{"what":"busy_inside","back_off":321}"#).await;
        let answer = ask(server.ews, ANNA, "", &envelope("", &request)).await.unwrap();
        assert_eq!((answer.status(), answer.text("ResponseCode")), ("200", "ErrorInternalServerError"), "{operation}");
        for sign in ["Name=\"InnerErrorResponseCode\">ErrorServerBusy<", "Name=\"BackOffMilliseconds\">321<", end] {
            assert!(answer.body.contains(sign), "{sign}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn who_acts_as_others_brings_an_anchor_and_gets_a_cookie() {
    let role = Impersonator { account: BEN.to_owned(), scope: None };
    let server = start(|settings| {
        settings.impersonators = vec![role];
        settings.require_anchor = true;
    })
    .await;
    let header = format!(
        "<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>{ANNA}</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
    );
    let request = envelope(&header, &get_folder("inbox"));
    assert_eq!(ask(server.ews, BEN, "", &request).await.unwrap().status(), "503");
    let fields = format!("X-AnchorMailbox: {ANNA}\r\nX-PreferServerAffinity: true\r\n");
    let answer = ask(server.ews, BEN, &fields, &request).await.unwrap();
    assert_eq!((answer.status(), answer.text("ResponseCode")), ("200", "NoError"));
    assert!(answer.head.contains("set-cookie: X-BackEndOverrideCookie=ex01.demo.test~"), "{}", answer.head);
    let back = format!("{fields}Cookie: X-BackEndOverrideCookie=ex01.demo.test~1941996900\r\n");
    let answer = ask(server.ews, BEN, &back, &request).await.unwrap();
    assert!(!answer.head.contains("X-BackEndOverrideCookie"), "{}", answer.head);
    let told = control(&server, "GET", "/throttle", "").await;
    assert_eq!(told["accounts"][format!("{BEN} as {ANNA}")]["largest_in_flight"], 1);
}
