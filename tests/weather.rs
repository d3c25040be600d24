//! Many clients of one mailbox: Exchange never sees more calls at once than it allows, and each client gets its turn.

use exgate_tests::{Gateway, Options, Simulator, Site};
use serde_json::json;
use tokio::task::JoinSet;

#[tokio::test]
async fn fifty_clients_of_one_mailbox_stay_within_its_budget() {
    let simulator = Options::preset("large:400").latency(10).with("--throttle", "2016").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    simulator.post("/throttle", json!({ "concurrency": 10 }).to_string().into_bytes()).await;
    simulator.reset().await;
    crowd(&gateway, 0).await;
    let (most, busy) = seen(&simulator).await;
    println!("50 clients: at most {most} calls in flight, {busy} refused");
    // One of them may be the stream, which has a budget of its own.
    assert!(most <= 11, "{most} in flight");
    assert_eq!(busy, 0, "calls were refused as too many");
}

/// A policy stricter than what we begin with is found out by being refused, and then kept to.
#[tokio::test]
async fn a_strict_policy_is_found_out_and_kept_to() {
    let simulator = Options::preset("large:400").latency(10).with("--throttle", "2016").start().await;
    simulator.post("/throttle", json!({ "concurrency": 3 }).to_string().into_bytes()).await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    crowd(&gateway, 0).await;
    let found_out = seen(&simulator).await.1;
    simulator.reset().await;
    crowd(&gateway, 200).await;
    let (most, busy) = seen(&simulator).await;
    println!("refused {found_out} times until it was known, {} after that; at most {most} in flight", busy - found_out);
    assert_eq!(busy, found_out, "calls were refused in the steady state");
}

/// Fifty clients open the inbox at once, and each reads a few messages nobody read before, from `first` on.
async fn crowd(gateway: &Gateway, first: u32) {
    let mut clients = JoinSet::new();
    for number in 0..50 {
        let mut imap = gateway.login().await;
        clients.spawn(async move {
            imap.select("INBOX").await;
            for message in 0..4 {
                let message = first + number * 4 + message + 1;
                let answer = imap.ok(&format!("FETCH {message} (BODY.PEEK[])")).await;
                assert_eq!(answer.fetches().count(), 1);
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}

/// How many calls were in flight at most, and how many were refused as too many.
async fn seen(simulator: &Simulator) -> (u64, u64) {
    let most = simulator.stats().await.0["largest_in_flight"].as_u64().unwrap();
    (most, simulator.get("/throttle").await["busy"].as_u64().unwrap())
}
