//! What a hostile or broken client sends: a clear 4xx with the precondition, nothing stored, the server alive.

use exgate_tests::{Dav, Gateway, Options, Simulator, Site, event};

const FINE: &str = "DTSTART:20260301T090000Z\nDTEND:20260301T100000Z\nSUMMARY:Fine";

async fn scene() -> (Simulator, Site, Gateway, Dav) {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let dav = gateway.dav();
    (simulator, site, gateway, dav)
}

#[tokio::test]
async fn xml_that_attacks_is_refused() {
    let (_simulator, _site, _gateway, dav) = scene().await;
    let calendar = Dav::collection("calendar");
    let deep = format!("<propfind xmlns=\"DAV:\">{}{}</propfind>", "<prop>".repeat(5000), "</prop>".repeat(5000));
    let lols: String = (1..20).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    for body in [
        r#"<?xml version="1.0"?><!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:"><prop><getetag/>&x;</prop></propfind>"#.to_owned(),
        format!(r#"<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "lol">{lols}]><propfind xmlns="DAV:"><prop><getetag/>&l19;</prop></propfind>"#),
        deep,
        "<propfind xmlns=\"DAV:\"><prop>".to_owned(),
        "not xml at all".to_owned(),
        "<propfind xmlns=\"DAV:\"/>\u{0}".to_owned(),
    ] {
        let answer = dav.ask("PROPFIND", &calendar, &[("Depth", "0")], body.clone()).await;
        assert!(answer.status.is_client_error(), "{} for {}", answer.status, &body[..60.min(body.len())]);
        assert!(!answer.text.contains("root:"), "a file was read");
    }
    assert_eq!(dav.list(&calendar).await, []);
}

#[tokio::test]
async fn depth_infinity_is_refused_with_its_precondition() {
    let (_simulator, _site, _gateway, dav) = scene().await;
    let answer = dav.ask("PROPFIND", &Dav::collection("calendar"), &[("Depth", "infinity")], "").await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("propfind-finite-depth"), "{}", answer.text);
}

#[tokio::test]
async fn bodies_beyond_the_limit_are_refused() {
    let (_simulator, _site, _gateway, dav) = scene().await;
    let calendar = Dav::collection("calendar");
    let line = format!("X-LONG:{}\n", "x".repeat(1 << 20));
    let answer =
        dav.put(&format!("{calendar}huge.ics"), &event("huge@tests", &format!("{FINE}\n{}", line.repeat(25)))).await;
    assert!(answer.status == 413 || answer.status == 403, "{}", answer.status);
    assert!(answer.text.contains("max-resource-size"), "{}", answer.text);
    assert_eq!(dav.list(&calendar).await, []);
}

#[tokio::test]
async fn paths_that_play_tricks_lead_nowhere() {
    let (_simulator, _site, _gateway, dav) = scene().await;
    let calendar = Dav::collection("calendar");
    for name in ["..%2f..%2fetc%2fpasswd", "%2e%2e", "a%00b.ics", "a%2fb.ics", "%ff%fe.ics", &"n".repeat(5000)] {
        let answer = dav.put(&format!("{calendar}{name}"), &event("tricks@tests", FINE)).await;
        assert!(answer.status.is_client_error(), "{} for {name}", answer.status);
    }
    for path in
        ["/dav/calendars/bob@demo.test/calendar/", "/dav/calendars/nobody/", "/etc/passwd", "/dav/../../etc/passwd"]
    {
        let answer = dav.ask("PROPFIND", path, &[("Depth", "1")], "").await;
        assert!(answer.status.is_client_error(), "{} for {path}", answer.status);
    }
    assert_eq!(dav.list(&calendar).await, []);
}

#[tokio::test]
async fn objects_that_are_none_are_refused_with_their_precondition() {
    let (_simulator, _site, _gateway, dav) = scene().await;
    let (calendar, book) = (Dav::collection("calendar"), Dav::collection("contacts"));
    let fine = event("one@tests", FINE);
    let two_uids = fine.replace("END:VEVENT\r\n", "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:two@tests\r\nDTSTAMP:20260301T000000Z\r\nDTSTART:20260301T090000Z\r\nEND:VEVENT\r\n");
    let deep = format!("BEGIN:VCALENDAR\r\n{}", "BEGIN:VEVENT\r\n".repeat(100_000));
    for (text, precondition) in [
        ("this is no calendar".to_owned(), "valid-calendar-data"),
        (fine.replace("END:VEVENT\r\n", ""), "valid-calendar-data"),
        (deep, "valid-calendar-data"),
        (fine.replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:PUBLISH"), "valid-calendar-object-resource"),
        (two_uids, "valid-calendar-object-resource"),
        (fine.replace("UID:one@tests\r\n", ""), "valid-calendar-object-resource"),
        (fine.replace("VEVENT", "VTODO").replace("DTEND", "DUE"), "supported-calendar-component"),
        (event("one@tests", &format!("{FINE}\nRRULE:FREQ=HOURLY;COUNT=3")), "valid-calendar-object-resource"),
        (event("one@tests", &format!("{FINE}\nRRULE:FREQ=NEVER")), "valid-calendar-data"),
    ] {
        let answer = dav.put(&format!("{calendar}one.ics"), &text).await;
        let shown = &text[..text.len().min(300)];
        assert!(answer.status.is_client_error(), "{} for {shown}", answer.status);
        assert!(answer.text.contains(precondition), "{} for {shown}", answer.text);
    }
    let answer = dav.put(&format!("{book}one.vcf"), "this is no card").await;
    assert!(answer.status.is_client_error() && answer.text.contains("valid-address-data"), "{}", answer.text);
    let latin = dav.ask("PUT", &format!("{calendar}one.ics"), &[("Content-Type", "text/plain")], fine.clone()).await;
    assert!(latin.status.is_client_error() && latin.text.contains("supported-calendar-data"), "{}", latin.text);
    assert_eq!((dav.list(&calendar).await, dav.list(&book).await), (vec![], vec![]));
    assert_eq!(dav.put(&format!("{calendar}one.ics"), &fine).await.status, 201);
}

#[tokio::test]
async fn two_objects_of_one_uid_are_refused() {
    let (_simulator, _site, _gateway, dav) = scene().await;
    let calendar = Dav::collection("calendar");
    assert_eq!(dav.put(&format!("{calendar}one.ics"), &event("same@tests", FINE)).await.status, 201);
    let answer = dav.put(&format!("{calendar}two.ics"), &event("same@tests", FINE)).await;
    assert!(answer.status.is_client_error() && answer.text.contains("no-uid-conflict"), "{}", answer.text);
    assert!(answer.text.contains("one.ics"), "{}", answer.text);
}

#[tokio::test]
async fn of_six_writers_at_once_one_wins() {
    let (_simulator, _site, _gateway, dav) = scene().await;
    let path = format!("{}race.ics", Dav::collection("calendar"));
    assert_eq!(dav.put(&path, &event("race@tests", FINE)).await.status, 201);
    let etag = dav.get(&path).await.etag().expect("an ETag");
    let writers: Vec<_> = (0..6)
        .map(|number| {
            let (dav, path, etag) = (dav.clone(), path.clone(), etag.clone());
            tokio::spawn(async move {
                let text = event("race@tests", &FINE.replace("Fine", &format!("Writer {number}")));
                let headers = [("If-Match", etag.as_str()), ("Content-Type", "text/calendar")];
                (number, dav.ask("PUT", &path, &headers, text).await.status)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for writer in writers {
        let (number, status) = writer.await.expect("a writer");
        match status.as_u16() {
            204 => winners.push(number),
            412 => {}
            other => panic!("writer {number} got {other}"),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?} won");
    assert!(dav.get(&path).await.text.contains(&format!("SUMMARY:Writer {}", winners[0])));
}

#[tokio::test]
async fn rules_that_never_end_cost_nobody_anything() {
    let (_simulator, _site, _gateway, dav) = scene().await;
    let calendar = Dav::collection("calendar");
    for (number, rule) in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=999999999",
        "FREQ=SECONDLY",
        "FREQ=DAILY;COUNT=2000000000",
    ]
    .iter()
    .enumerate()
    {
        let path = format!("{calendar}bomb-{number}.ics");
        dav.put(&path, &event(&format!("bomb-{number}@tests"), &format!("{FINE}\nRRULE:{rule}"))).await;
    }
    let query = r#"<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data><C:expand start="20260101T000000Z" end="20270101T000000Z"/></C:calendar-data></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20260101T000000Z" end="20270101T000000Z"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"#;
    let asked = dav.ask("REPORT", &calendar, &[("Depth", "1")], query);
    let answer = tokio::time::timeout(std::time::Duration::from_secs(20), asked).await.expect("an answer in time");
    assert_eq!(answer.status, 207, "{}", answer.text);
}
