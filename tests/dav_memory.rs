//! How much memory a big calendar takes on its way through the gateway. Meant for a release build:
//! `cargo test --release -p exgate-tests -- --ignored`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use exgate_tests::{Dav, Gateway, Options, Site};

const MIB: u64 = 1 << 20;
const EVENTS: usize = 10_000;
/// As many objects are read in one go at most, and the answers of Exchange to that lie in memory as XML.
const LIMIT: u64 = 32 * MIB;

/// Listing, reading all in one multiget, and the calendar as one file: first with nothing known, then from the cache.
#[tokio::test]
#[ignore = "a measurement, for release builds"]
async fn a_calendar_of_ten_thousand_goes_through_in_pieces() {
    let simulator = Options::preset(&format!("calendar:{EVENTS}")).unrecorded().start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let dav = gateway.dav();
    let calendar = Dav::collection("calendar");
    // The index stays, and what any first look takes does not count.
    let hrefs: Vec<String> = dav.list(&calendar).await.into_iter().map(|object| object.href).collect();
    assert_eq!(hrefs.len(), EVENTS);
    simulator.settle().await;
    let before = gateway.program.resident();
    println!("{:.1} MiB resident with an index of {EVENTS} events", before as f64 / MIB as f64);
    let mut most = 0;
    for time in ["first", "again"] {
        gateway.program.forget_peak();
        assert_eq!(dav.list(&calendar).await.len(), EVENTS);
        most = most.max(taken(&gateway, before, &format!("PROPFIND {time}")));

        gateway.program.forget_peak();
        let objects = dav.multiget(&calendar, &hrefs).await;
        assert!(objects.len() == EVENTS && objects.iter().all(|object| object.data.contains("BEGIN:VEVENT")));
        most = most.max(taken(&gateway, before, &format!("multiget of all {time}")));

        gateway.program.forget_peak();
        let file = dav.get(&calendar).await;
        assert_eq!((file.status.as_u16(), file.text.matches("\nBEGIN:VEVENT").count() >= EVENTS), (200, true));
        most = most.max(taken(&gateway, before, &format!("GET of all {time}, {} bytes,", file.text.len())));
    }
    assert!(most <= LIMIT, "{most} bytes more than before");
}

fn taken(gateway: &Gateway, before: u64, what: &str) -> u64 {
    let extra = gateway.program.peak().saturating_sub(before);
    println!("{what} took {:.1} MiB at most", extra as f64 / MIB as f64);
    extra
}
