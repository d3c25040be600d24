//! How much memory a big calendar takes on its way through the gateway. Meant for a release build:
//! `cargo test --release -p exgate-tests -- --ignored`.

use exgate_tests::{Dav, Gateway, Options, Site, event};

const MIB: u64 = 1 << 20;
const EVENTS: usize = 10_000;
/// Fifty objects are read in one go, and what the allocator keeps differs from run to run.
const LIMIT: u64 = 64 * MIB;
const LIMIT_OF_BIG: u64 = 128 * MIB;

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
    for time in ["first", "again", "and again"] {
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

/// Big events, each with a picture of a megabyte in it, read from the cache and from Exchange.
#[tokio::test]
#[ignore = "a measurement, for release builds"]
async fn big_events_go_through_in_pieces() {
    const BIG: usize = 100;
    let simulator = Options::preset("empty").unrecorded().start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let (dav, calendar) = (gateway.dav(), Dav::collection("calendar"));
    let before = gateway.program.resident();
    for number in 0..BIG {
        let answer = dav.put(&format!("{calendar}big-{number}.ics"), &big(number)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    let mut most = taken(&gateway, before, &format!("{BIG} PUTs of 1 MiB"));
    simulator.settle().await;
    gateway.stop().await;

    // Another start: what the client stored before is in no cache, or in that on disk.
    let gateway = site.start().await;
    let dav = gateway.dav();
    let hrefs: Vec<String> = dav.list(&calendar).await.into_iter().map(|object| object.href).collect();
    let before = gateway.program.resident();
    for time in ["first", "again"] {
        gateway.program.forget_peak();
        let objects = dav.multiget(&calendar, &hrefs).await;
        assert!(objects.len() == BIG && objects.iter().all(|object| object.data.len() > 1 << 20));
        most = most.max(taken(&gateway, before, &format!("multiget of {BIG} MiB {time}")));

        gateway.program.forget_peak();
        let file = dav.get(&calendar).await;
        assert!(file.status == 200 && file.text.len() > BIG << 20);
        most = most.max(taken(&gateway, before, &format!("GET of {BIG} MiB {time}")));
    }
    assert!(most <= LIMIT_OF_BIG, "{most} bytes more than before");
}

/// An event with an attachment in it; no two lines are the same.
fn big(number: usize) -> String {
    let data: String = (0..)
        .map(|line: u64| format!("{:016X}", (line + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number as u64))
        .take((1 << 20) / 16 + 100)
        .collect();
    let value =
        data.as_bytes().chunks(72).map(|piece| String::from_utf8_lossy(piece)).collect::<Vec<_>>().join("\r\n ");
    let text = event(&format!("big-{number}"), "DTSTART:20270101T090000Z\nSUMMARY:Big\n@");
    text.replace('@', &format!("ATTACH;ENCODING=BASE64;VALUE=BINARY;FMTTYPE=image/gif:\r\n {value}"))
}

fn taken(gateway: &Gateway, before: u64, what: &str) -> u64 {
    let extra = gateway.program.peak().saturating_sub(before);
    println!("{what} took {:.1} MiB at most", extra as f64 / MIB as f64);
    extra
}
