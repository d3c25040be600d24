//! What a calendar client's action costs in EWS calls and in time, with ten thousand events.

use std::time::{Duration, Instant};

use exgate_tests::{Dav, Options, Simulator, Site, eventually};
use tokio::time::sleep;

/// Events in the calendar: twenty pages of 512 but for a few.
const EVENTS: u32 = 10_000;
const PAGE: u32 = 512;
/// Objects a client asks for at once.
const BATCH: usize = 50;

#[tokio::test]
async fn actions_on_ten_thousand_events_cost_what_they_must() {
    let simulator = Options::preset(&format!("calendar:{EVENTS}")).unrecorded().start().await;
    let site = Site::new(&simulator);
    // Exchange tells in whole seconds when a folder last changed: what is seconds old is no fair beginning.
    sleep(Duration::from_secs(3)).await;
    let gateway = site.start().await;
    let dav = gateway.dav();
    let calendar = Dav::collection("calendar");

    let hrefs = first_index(&simulator, &dav, &calendar).await;
    everything(&simulator, &dav, &calendar, &hrefs).await;
    one_change(&simulator, &dav, &calendar).await;
}

/// ⌈N/512⌉ SyncFolderItems calls until the calendar can be listed, and no GetItem.
async fn first_index(simulator: &Simulator, dav: &Dav, calendar: &str) -> Vec<String> {
    let listed = dav.list(calendar).await;
    assert_eq!(listed.len(), EVENTS as usize);
    simulator.settle().await;
    let stats = simulator.stats().await;
    let (calls, limit) = (stats.operation("SyncFolderItems"), u64::from(EVENTS.div_ceil(PAGE)) * 13 / 10);
    assert!(calls <= limit, "{calls} SyncFolderItems calls for the first index, more than {limit}");
    assert_eq!(stats.operation("GetItem"), 0, "the index needs no item");
    println!("first index: {calls} SyncFolderItems calls (limit {limit}), {:?}", stats.0["operations"]);
    listed.into_iter().map(|object| object.href).collect()
}

/// A multiget of 50 costs at most 2 calls cold and none warm; the whole first download at most 1.3 × the least.
async fn everything(simulator: &Simulator, dav: &Dav, calendar: &str, hrefs: &[String]) {
    let first = &hrefs[..BATCH];
    simulator.reset().await;
    let cold = dav.multiget(calendar, first).await;
    assert_eq!(cold.len(), BATCH);
    let calls = items(simulator).await;
    assert!(calls <= 2, "{calls} calls for {BATCH} cold objects");
    println!("multiget of {BATCH}: {calls} calls cold");

    simulator.reset().await;
    let warm = dav.multiget(calendar, first).await;
    assert_eq!(warm, cold, "the same objects, to the byte");
    assert_eq!(items(simulator).await, 0, "{BATCH} warm objects cost nothing");

    simulator.reset().await;
    for batch in hrefs[BATCH..].chunks(BATCH) {
        let objects = dav.multiget(calendar, batch).await;
        assert!(objects.len() == batch.len() && objects.iter().all(|object| object.data.contains("BEGIN:VEVENT")));
    }
    let (calls, least) = (items(simulator).await, (hrefs.len() / BATCH - 1) as u64);
    assert!(calls * 10 <= least * 13, "{calls} calls for everything, more than 1.3 × {least}");
    println!("everything in batches of {BATCH}: {calls} calls, least {least}");
}

/// One event edited in Outlook: sync-collection tells one href, and asks Exchange nothing.
async fn one_change(simulator: &Simulator, dav: &Dav, calendar: &str) {
    let token = dav.sync(calendar, "").await.token;
    let subject = first_subject(dav, calendar).await;
    let id = simulator.item_id("calendar", &subject).await;
    simulator.edit(&id, "CalendarItem", "item:Subject", "<t:Subject>Edited in Outlook</t:Subject>").await;
    let changed = async || (!dav.sync(calendar, &token).await.changed.is_empty()).then_some(());
    eventually("the change is told", Duration::from_secs(20), changed).await;
    simulator.settle().await;
    simulator.reset().await;

    let mut best = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        let sync = dav.sync(calendar, &token).await;
        best = best.min(began.elapsed());
        assert_eq!((sync.changed.len(), sync.removed.len()), (1, 0), "{sync:?}");
    }
    let changed = dav.sync(calendar, &token).await.changed.remove(0);
    let objects = dav.multiget(calendar, &[changed.href]).await;
    assert!(objects[0].data.contains("SUMMARY:Edited in Outlook"), "{}", objects[0].data);
    assert_eq!(objects[0].etag, changed.etag);
    assert_eq!(items(simulator).await, 0, "what the watch has fetched costs no call");
    println!("sync-collection with one change: {best:?}");
}

async fn first_subject(dav: &Dav, calendar: &str) -> String {
    let href = dav.list(calendar).await.remove(0).href;
    let text = dav.get(&href).await.text;
    let line = text.lines().find_map(|line| line.strip_prefix("SUMMARY:")).expect("a summary");
    line.replace('\\', "")
}

/// Calls but for those that the gateway makes to be told of changes.
async fn items(simulator: &Simulator) -> u64 {
    simulator.stats().await.except(&["GetStreamingEvents", "Subscribe"])
}
