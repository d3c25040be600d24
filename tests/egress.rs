//! How the gateway leaves for Exchange: from one address, by one way, to hosts that are allowed.
//!
//! What is told about it comes from the other end: the connections that Exchange saw.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use exgate_tests::{Dav, Options, Simulator, Site, Status, letter};

/// Linux gives every address of 127.0.0.0/8 to the loopback, so that a machine has two without being set up for it.
#[tokio::test]
async fn every_connection_comes_from_the_address_it_is_bound_to() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::with(&simulator, "domains = [\"demo.test\"]\n[exchange.main.egress]\nbind = \"127.0.0.9\"\n");
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    for number in 0..20 {
        simulator.deliver("INBOX", &letter(&format!("m{number}"))).await;
    }
    imap.select("INBOX").await;
    imap.ok("FETCH 1:* BODY.PEEK[]").await;
    gateway.dav().list(&Dav::collection("calendar")).await;
    simulator.settle().await;
    assert_eq!(peers(&simulator).await, BTreeSet::from(["127.0.0.9".to_owned()]));
}

/// What the operator does not allow is not even connected to, and said in the log and to the client.
#[tokio::test]
async fn a_host_that_is_not_allowed_is_not_reached() {
    let simulator = Options::preset("empty").start().await;
    let lines = "domains = [\"demo.test\"]\n[exchange.main.egress]\nallow_hosts = [\"mail.corp.example\"]\n";
    let site = Site::with(&simulator, lines);
    let gateway = site.start().await;
    let mut imap = gateway.connect().await;
    let refused = imap.command("LOGIN alice@demo.test demo-alice").await;
    assert_eq!(refused.status, Status::No, "{refused:?}");
    assert_eq!(peers(&simulator).await, BTreeSet::new());
    let log = std::fs::read_to_string(site.path().join("stderr")).unwrap();
    assert!(log.contains("egress.allow_hosts does not name the host"), "{log}");
}

/// The addresses from which Exchange was asked.
async fn peers(simulator: &Simulator) -> BTreeSet<String> {
    let all = simulator.get("/connections").await;
    let peers =
        all.as_array().expect("a list of connections").iter().map(|one| one["peer"].as_str().unwrap().to_owned());
    peers.map(|peer| peer.rsplit_once(':').expect("an address and a port").0.to_owned()).collect()
}
