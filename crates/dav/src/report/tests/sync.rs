//! sync-collection: RFC 6578.

use std::collections::BTreeMap;

use http::StatusCode;

use super::{CALDAV, DAV, Stage, Told, WORK, event};

fn sync(token: &str, rest: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:sync-collection xmlns:D=\"DAV:\" xmlns:C=\"{CALDAV}\">\
         <D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level>{rest}\
         <D:prop><D:getetag/></D:prop></D:sync-collection>"
    )
}

fn token(told: &Told) -> String {
    told.root().child(DAV, "sync-token").unwrap().text()
}

async fn ask(stage: &Stage, body: &str) -> Told {
    stage.ask("REPORT", WORK, "Depth: 0", body).await
}

fn put(stage: &Stage, name: &str) {
    stage.put("work", name, &event(name, "DTSTART:20260105T100000Z"));
}

#[tokio::test]
async fn row_07_sync_collection_tells_what_changed() {
    let stage = Stage::new();
    put(&stage, "1.ics");
    put(&stage, "2.ics");
    let first = ask(&stage, &sync("", "")).await;
    assert_eq!(first.names(), ["1.ics", "2.ics"]);
    let again = ask(&stage, &sync(&token(&first), "")).await;
    assert!(again.responses().is_empty());
    assert_eq!(token(&again), token(&first));
    put(&stage, "3.ics");
    put(&stage, "1.ics");
    let third = ask(&stage, &sync(&token(&first), "")).await;
    assert_eq!(third.names(), ["3.ics", "1.ics"]);
    // The token is the one that PROPFIND tells, and a URI.
    let body = "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:sync-token/></D:prop></D:propfind>";
    let found = stage.ask("PROPFIND", WORK, "Depth: 0", body).await;
    assert!(found.text.contains(&format!("<D:sync-token>{}</D:sync-token>", token(&third))), "{}", found.text);
    assert!(token(&third).starts_with("urn:"));
}

#[tokio::test]
async fn row_07_sync_collection_with_texts_and_without_a_level() {
    let stage = Stage::new();
    for number in 0..130 {
        put(&stage, &format!("{number}.ics"));
    }
    let body = format!(
        "<D:sync-collection xmlns:D=\"DAV:\" xmlns:C=\"{CALDAV}\"><D:sync-token/><D:prop><D:getetag/><C:calendar-data/>\
         </D:prop></D:sync-collection>"
    );
    let told = stage.ask("REPORT", WORK, "Depth: 1", &body).await;
    assert_eq!((told.names().len(), told.texts().len()), (130, 130));
    let level = |level: &str| sync("", "").replace("<D:sync-level>1<", &format!("<D:sync-level>{level}<"));
    assert_eq!(ask(&stage, &level("infinite")).await.names().len(), 130);
    assert_eq!(ask(&stage, &level("2")).await.status, StatusCode::BAD_REQUEST);
    let deep = stage.ask("REPORT", WORK, "Depth: infinity", &sync("", "")).await;
    assert_eq!(deep.status, StatusCode::BAD_REQUEST);
    let object = stage.ask("REPORT", &format!("{WORK}1.ics"), "Depth: 0", &sync("", "")).await;
    assert_eq!(object.condition(), "supported-report");
}

#[tokio::test]
async fn row_08_removed_members_are_404() {
    let stage = Stage::new();
    put(&stage, "1.ics");
    put(&stage, "2.ics");
    let first = token(&ask(&stage, &sync("", "")).await);
    stage.account.remove_object("work", "1.ics").unwrap();
    let told = ask(&stage, &sync(&first, "")).await;
    assert_eq!(told.statuses(), [("1.ics".to_owned(), "404 Not Found".to_owned())]);
    // "MUST NOT contain any DAV:propstat element".
    assert!(told.responses()[0].child(DAV, "propstat").is_none());
    // One that was made and removed since is not worth a word; one that is there again has changed.
    put(&stage, "1.ics");
    let told = ask(&stage, &sync(&first, "")).await;
    assert_eq!((told.names(), told.statuses().len()), (vec!["1.ics".to_owned()], 0));
    // From the beginning, nothing is gone.
    stage.account.remove_object("work", "2.ics").unwrap();
    assert_eq!(ask(&stage, &sync("", "")).await.names(), ["1.ics"]);
}

#[tokio::test]
async fn row_09_an_invalid_token_is_valid_sync_token() {
    let stage = Stage::new();
    put(&stage, "1.ics");
    let good = token(&ask(&stage, &sync("", "")).await);
    let other = stage.ask("REPORT", "/dav/calendars/bernard/calendar/", "Depth: 0", &sync("", "")).await;
    let future = good.replace(good.rsplit('-').next().unwrap(), "99999");
    for wrong in [
        "1",
        "urn:exgate:sync:",
        "http://example.com/ns/sync/1",
        &token(&other),
        &future,
        &format!("{good}x"),
        "&#x1F600;",
    ] {
        let told = ask(&stage, &sync(wrong, "")).await;
        assert_eq!((told.status, told.condition()), (StatusCode::FORBIDDEN, "valid-sync-token".to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn row_10_limits_are_kept_and_nothing_is_lost() {
    let stage = Stage::new();
    for number in 0..10 {
        put(&stage, &format!("{number}.ics"));
    }
    let limit = |number: &str| format!("<D:limit><D:nresults>{number}</D:nresults></D:limit>");
    let (mut seen, mut since, mut pages) = (BTreeMap::new(), String::new(), 0);
    loop {
        let told = ask(&stage, &sync(&since, &limit("3"))).await;
        pages += 1;
        let gone: Vec<String> =
            told.statuses().into_iter().filter(|(_, status)| status.starts_with("404")).map(|(name, _)| name).collect();
        let told_of = told.names();
        assert!(told_of.len() <= 3, "{told_of:?}");
        for name in told_of {
            seen.insert(name.clone(), !gone.contains(&name));
        }
        since = token(&told);
        let cut = told.statuses().contains(&("work".to_owned(), "507 Insufficient Storage".to_owned()));
        if !cut {
            break;
        }
        let last = told.responses().pop().unwrap();
        assert_eq!(last.child(DAV, "href").unwrap().text(), WORK);
        assert!(last.child(DAV, "error").unwrap().child(DAV, "number-of-matches-within-limits").is_some());
        // The world does not stand still meanwhile.
        if pages == 2 {
            stage.account.remove_object("work", "0.ics").unwrap();
            put(&stage, "new.ics");
            put(&stage, "9.ics");
        }
    }
    assert!(pages >= 4);
    let there: Vec<String> = seen.iter().filter(|(_, there)| **there).map(|(name, _)| name.clone()).collect();
    let mut expected: Vec<String> = (1..10).map(|number| format!("{number}.ics")).collect();
    expected.push("new.ics".to_owned());
    assert_eq!((there, seen.get("0.ics")), (expected, Some(&false)));
    assert!(ask(&stage, &sync(&since, "")).await.responses().is_empty());
    // A limit that cannot be met, and one that is none.
    let told = ask(&stage, &sync("", &limit("0"))).await;
    assert_eq!(
        (told.status, told.condition()),
        (StatusCode::INSUFFICIENT_STORAGE, "number-of-matches-within-limits".to_owned())
    );
    assert_eq!(ask(&stage, &sync("", &limit("few"))).await.status, StatusCode::BAD_REQUEST);
    assert!(ask(&stage, &sync("", &limit("10"))).await.statuses().is_empty());
}
