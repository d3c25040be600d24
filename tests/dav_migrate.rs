//! A mailbox is migrated, every Exchange id changes: hrefs, ETags and sync tokens stay.

use exgate_tests::{Dav, Options, Site, event};

#[tokio::test]
async fn hrefs_etags_and_tokens_outlive_a_migration() {
    let simulator = Options::preset("demo").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let dav = gateway.dav();
    let collections = ["calendar", "tasks", "contacts"].map(Dav::collection);
    let made = format!("{}chosen-by-the-client.ics", collections[0]);
    let text = event("chosen@tests", "DTSTART:20260301T090000Z\nDTEND:20260301T100000Z\nSUMMARY:Chosen\nX-KEPT:yes");
    assert_eq!(dav.put(&made, &text).await.status, 201);
    let mut before = Vec::new();
    for collection in &collections {
        let sync = dav.sync(collection, "").await;
        let hrefs: Vec<String> = sync.changed.iter().map(|object| object.href.clone()).collect();
        assert!(hrefs.len() > 3, "{collection} holds {}", hrefs.len());
        before.push((
            dav.list(collection).await,
            dav.multiget(collection, &hrefs).await,
            dav.sync(collection, "").await.token,
        ));
    }
    simulator.settle().await;

    simulator.migrate().await;
    drop(dav);
    gateway.stop().await;
    let gateway = site.start().await;
    let dav = gateway.dav();
    for (collection, (listed, objects, token)) in collections.iter().zip(&before) {
        let hrefs: Vec<String> = objects.iter().map(|object| object.href.clone()).collect();
        assert_eq!(&dav.list(collection).await, listed, "hrefs and ETags of {collection}");
        assert_eq!(&dav.multiget(collection, &hrefs).await, objects, "objects of {collection}");
        let sync = dav.sync(collection, token).await;
        assert_eq!((sync.changed.len(), sync.removed.len()), (0, 0), "{collection}: {sync:?}");
    }
    simulator.settle().await;
    for (collection, (listed, _, token)) in collections.iter().zip(&before) {
        assert_eq!(&dav.list(collection).await, listed, "hrefs and ETags of {collection} after the index is fresh");
        let sync = dav.sync(collection, token).await;
        assert_eq!((sync.changed.len(), sync.removed.len()), (0, 0), "{collection}: {sync:?}");
    }
    // The object can still be changed: Exchange is asked with ids that are good.
    let answer = dav.put(&made, &text.replace("SUMMARY:Chosen", "SUMMARY:Changed")).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert!(dav.get(&made).await.text.contains("SUMMARY:Changed"));
}
