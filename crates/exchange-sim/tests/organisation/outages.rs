//! Thousands of messages through bad days: what the account tells afterwards is what was done, and a client that looks
//! before it tries again has sent each message once.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use exchange_sim::{
    Limits,
    http::{Running, User},
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::client::{ANNA, BEN, ask, control, envelope, start};

const OUTSIDE: &str = "x@out.example";
const SENDERS: usize = 4;
const MESSAGES: usize = 10_000;
const OUTAGES: usize = 9;

/// Somebody with a mailbox who sends messages by number.
struct Sender {
    server: Arc<Running>,
    address: String,
    away: watch::Receiver<bool>,
    /// Counts what came back of no use while Exchange was away.
    noticed: watch::Sender<usize>,
}

impl Sender {
    fn id(&self, number: usize) -> String {
        format!("<{number}.{}>", self.address)
    }

    fn create(&self, number: usize) -> String {
        let id = self.id(number);
        let mime = STANDARD.encode(format!(
            "From: {}\r\nTo: {BEN}, {OUTSIDE}\r\nSubject: {number}\r\nMessage-ID: {id}\r\n\r\nHello\r\n",
            self.address
        ));
        let body = format!(
            r#"<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:Items><t:Message><t:MimeContent>{mime}</t:MimeContent>
            <t:ExtendedProperty>{TOKEN}<t:Value>{number}</t:Value></t:ExtendedProperty></t:Message></m:Items></m:CreateItem>"#
        );
        envelope("", &body)
    }

    /// Whether the answer to one request says that it was taken.
    async fn is_taken(&self, request: &str) -> Option<String> {
        let answer = ask(self.server.ews, &self.address, "", request).await.ok()?;
        (answer.status() == "200" && answer.text("ResponseCode") == "NoError").then_some(answer.body)
    }

    /// Sends until it is known that the message was sent, and looks for it before each further attempt.
    async fn send(&mut self, number: usize) {
        while self.is_taken(&self.create(number)).await.is_none() {
            if self.finds(number).await {
                return;
            }
        }
    }

    /// Looks for a message in Sent Items, and where it may linger before, by its token, until there is an answer.
    async fn finds(&mut self, number: usize) -> bool {
        let find = format!(
            r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:Restriction><t:IsEqualTo>
            {TOKEN}<t:FieldURIOrConstant><t:Constant Value="{number}"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>
            <m:ParentFolderIds><t:DistinguishedFolderId Id="sentitems"/><t:DistinguishedFolderId Id="drafts"/></m:ParentFolderIds></m:FindItem>"#
        );
        let find = envelope("", &find);
        loop {
            if *self.away.borrow() {
                self.noticed.send_modify(|count| *count += 1);
                self.away.wait_for(|away| !away).await.unwrap();
            }
            if let Some(answer) = self.is_taken(&find).await {
                return answer.contains("<t:ItemId ");
            }
        }
    }
}

const TOKEN: &str = r#"<t:ExtendedFieldURI PropertySetId="11111111-2222-3333-4444-555555555555" PropertyName="Token" PropertyType="String"/>"#;

/// What goes wrong for one sender: so many of a hundred requests that send, and of those that look.
async fn trouble(server: &Running, user: &str, seed: u64) {
    for (what, chance, carried_out, sends) in [
        ("lost", 3, false, true),
        ("cut_after", 5, true, true),
        ("empty", 2, true, true),
        ("unavailable", 2, false, true),
        ("unavailable", 2, true, true),
        ("busy", 2, false, true),
        ("refused", 2, false, true),
        ("refused", 2, true, true),
        ("cut", 2, true, true),
        ("lost", 5, false, false),
        ("busy", 5, false, false),
    ] {
        let operation = if sends { Value::Null } else { json!("FindItem") };
        let order = json!({ "what": what, "times": "forever", "user": user, "sends": sends, "operation": operation,
            "chance": chance, "seed": seed, "carried_out": carried_out });
        control(server, "POST", "/fault", &order.to_string()).await;
    }
}

/// Takes Exchange away each time a part of the messages was sent, and brings it back once somebody has noticed.
async fn outages(server: &Running, away: watch::Sender<bool>, mut noticed: watch::Receiver<usize>) {
    for outage in 0..OUTAGES {
        let after = (outage + 1) * MESSAGES / (OUTAGES + 1);
        control(server, "GET", &format!("/deliveries?after={after}&wait=600"), "").await;
        noticed.borrow_and_update();
        away.send_replace(true);
        let (gone, back) = match outage % 3 {
            0 => ("/away?how=refuse", "/back"),
            1 => ("/away?how=503", "/back"),
            _ => ("/front-end/0/kill", "/front-end/0/start"),
        };
        control(server, "POST", gone, "").await;
        noticed.changed().await.unwrap();
        control(server, "POST", back, "").await;
        away.send_replace(false);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_come_once_each_through_outages() {
    let addresses: Vec<String> = (0..SENDERS).map(|number| format!("sender{number}@a.test")).collect();
    let server = start(|settings| {
        settings.submission = Limits { linger: Some(1), ..Limits::default() };
        settings.users.extend(addresses.iter().map(|address| User {
            address: address.clone(),
            name: address.clone(),
            password: "secret".to_owned(),
        }));
    })
    .await;
    let server = Arc::new(server);
    for (address, seed) in addresses.iter().zip(1..) {
        trouble(&server, address, seed).await;
    }
    let (away, told) = watch::channel(false);
    let (noticed, seen) = watch::channel(0);
    let senders: Vec<_> = addresses
        .iter()
        .map(|address| {
            let mut sender = Sender {
                server: Arc::clone(&server),
                address: address.clone(),
                away: told.clone(),
                noticed: noticed.clone(),
            };
            tokio::spawn(async move {
                for number in 0..MESSAGES / SENDERS {
                    sender.send(number).await;
                }
            })
        })
        .collect();
    outages(&server, away, seen).await;
    for sender in senders {
        sender.await.unwrap();
    }
    control(&server, "POST", "/fault/clear", "").await;
    control(&server, "POST", "/clock?ahead=1", "").await;

    let counts = control(&server, "GET", "/deliveries/counts", "").await;
    let counts = counts.as_object().unwrap();
    let once = json!({ "sent": 1, "copies": 1, "reached": { BEN: 1, OUTSIDE: 1 }, "failed": {} });
    let others: Vec<_> = counts.iter().filter(|(_, count)| **count != once).collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(counts.len(), MESSAGES);
    let faults = control(&server, "GET", "/stats", "").await["faults"].clone();
    for what in ["lost", "cut_after", "empty", "unavailable", "busy", "refused", "cut"] {
        assert!(faults[what].as_u64().unwrap() > 100, "{faults}");
    }
}

#[tokio::test]
async fn the_same_seed_loses_the_same_messages() {
    let run = |seed: u64| async move {
        let server = start(|_| ()).await;
        for what in ["lost", "cut_after"] {
            let order = json!({ "what": what, "times": "forever", "sends": true, "chance": 20, "seed": seed });
            control(&server, "POST", "/fault", &order.to_string()).await;
        }
        let (_, away) = watch::channel(false);
        let (noticed, _) = watch::channel(0);
        let server = Arc::new(server);
        let sender = Sender { server: Arc::clone(&server), address: ANNA.to_owned(), away, noticed };
        for number in 0..100 {
            // A client that does not look.
            while sender.is_taken(&sender.create(number)).await.is_none() {}
        }
        let counts = control(&server, "GET", "/deliveries/counts", "").await;
        let sent: Vec<u64> = (0..100).map(|number| counts[sender.id(number)]["sent"].as_u64().unwrap()).collect();
        let faults = control(&server, "GET", "/stats", "").await["faults"].clone();
        assert_eq!(sent.iter().sum::<u64>(), 100 + faults["cut_after"].as_u64().unwrap(), "{faults}");
        (sent, faults)
    };
    let first = run(7).await;
    assert_eq!(run(7).await, first);
    assert_ne!(run(8).await, first);
}
