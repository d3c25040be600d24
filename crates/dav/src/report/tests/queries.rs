//! What clients ask of calendars, and what other servers get wrong.

use std::time::{Duration, Instant};

use http::StatusCode;

use super::{CALDAV, DAV, Stage, WORK, event, query, query_for};
use mailbox::objects::{CollectionKind, Owner, Rights};

fn within(component: &str, start: &str, end: &str) -> String {
    query(&format!(
        "<C:comp-filter name=\"{component}\"><C:time-range start=\"{start}\" end=\"{end}\"/></C:comp-filter>"
    ))
}

fn expanded(start: &str, end: &str) -> String {
    query_for(
        &format!("<C:calendar-data><C:expand start=\"{start}\" end=\"{end}\"/></C:calendar-data>"),
        &format!(
            "<C:comp-filter name=\"VCALENDAR\"><C:comp-filter name=\"VEVENT\">\
             <C:time-range start=\"{start}\" end=\"{end}\"/></C:comp-filter></C:comp-filter>"
        ),
    )
}

/// A weekly series on Mondays in January 2026 at 10:00 UTC; the one of the 12th is moved to the 3rd of February.
const MOVED: &str = "DTSTART:20260105T100000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=4\nSUMMARY:Weekly\nEND:VEVENT\n\
    BEGIN:VEVENT\nUID:moved\nDTSTAMP:20260101T000000Z\nRECURRENCE-ID:20260112T100000Z\nDTSTART:20260203T100000Z\n\
    DURATION:PT1H\nSUMMARY:Moved";

#[tokio::test]
async fn row_16_calendar_multiget_asks_in_batches() {
    let stage = Stage::new();
    for number in 0..120 {
        stage.put("work", &format!("{number}.ics"), &event(&number.to_string(), "DTSTART:20260105T100000Z"));
    }
    let hrefs: String = (0..120).map(|number| format!("<D:href>{WORK}{number}.ics</D:href>")).collect();
    let multiget = |props: &str, hrefs: &str| {
        format!(
            "<C:calendar-multiget xmlns:D=\"DAV:\" xmlns:C=\"{CALDAV}\"><D:prop>{props}</D:prop>{hrefs}</C:calendar-multiget>"
        )
    };
    let told = stage.work(&multiget("<D:getetag/><C:calendar-data/>", &hrefs)).await;
    let names: Vec<String> = (0..120).map(|number| format!("{number}.ics")).collect();
    assert_eq!((told.names(), told.texts().len()), (names, 120));
    // Whatever leads nowhere is told of under the name it was asked for by.
    let hrefs = format!(
        "<D:href>{WORK}gone.ics</D:href><D:href>/etc/passwd</D:href><D:href>{WORK}../x.ics</D:href>\
         <D:href>/dav/calendars/lisa/work/1.ics</D:href><D:href>/dav/addressbooks/bernard/friends/1.vcf</D:href>\
         <D:href>http://cal.example.com{WORK}7.ics</D:href><D:href/>"
    );
    let told = stage.work(&multiget("<D:getetag/>", &hrefs)).await;
    let statuses: Vec<String> = told.statuses().into_iter().map(|(_, status)| status).collect();
    let gone = "404 Not Found";
    assert_eq!(statuses, [gone, gone, "400 Bad Request", gone, gone, "400 Bad Request"]);
    assert_eq!(told.names()[5], "7.ics");
}

#[tokio::test]
async fn row_17_time_ranges_of_every_kind() {
    let stage = Stage::new();
    for (name, lines) in [
        ("timed", "DTSTART:20260110T100000Z\nDTEND:20260110T110000Z"),
        ("instant", "DTSTART:20260110T120000Z"),
        ("day", "DTSTART;VALUE=DATE:20260111"),
        ("days", "DTSTART;VALUE=DATE:20260112\nDTEND;VALUE=DATE:20260114"),
        ("yearly-day", "DTSTART;VALUE=DATE:20200120\nRRULE:FREQ=YEARLY"),
        ("floating", "DTSTART:20260115T230000\nDURATION:PT30M"),
        ("zoned", "DTSTART;TZID=America/New_York:20260116T200000\nDURATION:PT1H"),
    ] {
        stage.put("work", name, &event(name, lines));
    }
    for (start, end, names) in [
        ("20260110T103000Z", "20260110T104500Z", vec!["timed"]),
        ("20260110T110000Z", "20260110T120000Z", vec![]),
        ("20260110T120000Z", "20260110T120001Z", vec!["instant"]),
        ("20260110T115959Z", "20260110T120000Z", vec![]),
        ("20260111T235959Z", "20260112T000000Z", vec!["day"]),
        ("20260113T120000Z", "20260113T130000Z", vec!["days"]),
        ("20260114T000000Z", "20260114T010000Z", vec![]),
        ("20260120T120000Z", "20260120T130000Z", vec!["yearly-day"]),
        ("20300120T120000Z", "20300120T130000Z", vec!["yearly-day"]),
        ("20260115T231500Z", "20260115T232000Z", vec!["floating"]),
        ("20260117T013000Z", "20260117T014000Z", vec!["zoned"]),
        ("20260116T203000Z", "20260116T204000Z", vec![]),
    ] {
        let told = stage.work(&within("VEVENT", start, end)).await;
        assert_eq!(told.names(), names, "{start} {end}");
        assert!(stage.work(&within("VTODO", start, end)).await.names().is_empty());
    }
}

#[tokio::test]
async fn row_17_floating_times_are_of_the_zone_of_the_request_or_of_the_calendar() {
    let stage = Stage::new();
    stage.put("work", "1.ics", &event("1", "DTSTART:20260115T230000\nDURATION:PT30M"));
    let filter = |zone: &str| {
        format!(
            "<C:calendar-query xmlns:D=\"DAV:\" xmlns:C=\"{CALDAV}\"><D:prop><D:getetag/></D:prop><C:filter>\
             <C:comp-filter name=\"VCALENDAR\"><C:comp-filter name=\"VEVENT\">\
             <C:time-range start=\"20260115T140000Z\" end=\"20260115T143000Z\"/></C:comp-filter></C:comp-filter>\
             </C:filter>{zone}</C:calendar-query>"
        )
    };
    assert!(stage.work(&filter("")).await.names().is_empty());
    assert_eq!(stage.work(&filter("<C:timezone-id>Asia/Tokyo</C:timezone-id>")).await.names(), ["1.ics"]);
    let refused = stage.work(&filter("<C:timezone-id>Asia/Atlantis</C:timezone-id>")).await;
    assert_eq!((refused.status, refused.condition()), (StatusCode::FORBIDDEN, "valid-timezone".to_owned()));
    let zone = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VTIMEZONE\nTZID:East\nBEGIN:STANDARD\nDTSTART:19700101T000000\n\
        TZOFFSETFROM:+0900\nTZOFFSETTO:+0900\nEND:STANDARD\nEND:VTIMEZONE\nEND:VCALENDAR\n";
    assert_eq!(stage.work(&filter(&format!("<C:timezone>{zone}</C:timezone>"))).await.names(), ["1.ics"]);
    let patch = format!(
        "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:C=\"{CALDAV}\"><D:set><D:prop><C:calendar-timezone>{zone}\
         </C:calendar-timezone></D:prop></D:set></D:propertyupdate>"
    );
    assert_eq!(stage.ask("PROPPATCH", WORK, "", &patch).await.status, StatusCode::MULTI_STATUS);
    assert_eq!(stage.work(&filter("")).await.names(), ["1.ics"]);
}

#[tokio::test]
async fn row_17_tasks_by_the_table() {
    let stage = Stage::new();
    for (name, lines) in [
        ("none", ""),
        ("due", "DUE:20260110T100000Z"),
        ("start-due", "DTSTART:20260108T100000Z\nDUE:20260110T100000Z"),
        ("start", "DTSTART:20260109T100000Z"),
        ("completed", "COMPLETED:20260109T120000Z"),
        ("created", "CREATED:20260109T120000Z"),
        ("weekly", "DTSTART:20260102T090000Z\nDUE:20260102T100000Z\nRRULE:FREQ=WEEKLY"),
    ] {
        let text = event(name, lines).replace("VEVENT", "VTODO").replace("\n\n", "\n");
        stage.put("work", name, &text);
    }
    for (start, end, names) in [
        ("20260110T000000Z", "20260111T000000Z", vec!["none", "due", "start-due", "created"]),
        ("20260109T000000Z", "20260109T110000Z", vec!["none", "start-due", "start", "weekly"]),
        ("20260109T110000Z", "20260109T130000Z", vec!["none", "start-due", "completed", "created"]),
        ("20250101T000000Z", "20250102T000000Z", vec!["none"]),
    ] {
        let told = stage.work(&within("VTODO", start, end)).await;
        assert_eq!(told.names(), names, "{start} {end}");
    }
}

#[tokio::test]
async fn row_18_exceptions_moved_in_and_out_of_the_range() {
    let stage = Stage::new();
    stage.put("work", "moved.ics", &event("moved", MOVED));
    for (start, end, is_there) in [
        ("20260112T000000Z", "20260113T000000Z", false),
        ("20260203T000000Z", "20260204T000000Z", true),
        ("20260119T000000Z", "20260120T000000Z", true),
        ("20260201T000000Z", "20260203T000000Z", false),
        ("20260204T000000Z", "20270101T000000Z", false),
    ] {
        assert_eq!(stage.work(&within("VEVENT", start, end)).await.names().len(), usize::from(is_there), "{start}");
    }
    // What is asked beside the time range is asked of the component that takes place then.
    let named = |summary: &str, start: &str, end: &str| {
        query(&format!(
            "<C:comp-filter name=\"VEVENT\"><C:time-range start=\"{start}\" end=\"{end}\"/>\
             <C:prop-filter name=\"SUMMARY\"><C:text-match>{summary}</C:text-match></C:prop-filter></C:comp-filter>"
        ))
    };
    assert_eq!(stage.work(&named("moved", "20260203T000000Z", "20260204T000000Z")).await.names().len(), 1);
    assert_eq!(stage.work(&named("weekly", "20260203T000000Z", "20260204T000000Z")).await.names().len(), 0);
    assert_eq!(stage.work(&named("moved", "20260119T000000Z", "20260120T000000Z")).await.names().len(), 0);
}

#[tokio::test]
async fn row_19_text_match_collations_and_negation() {
    let stage = Stage::new();
    stage.put("work", "1.ics", &event("1", "DTSTART:20260105T100000Z\nSUMMARY:Größe\\, zwei\nCATEGORIES:Work,Öl"));
    stage.put("work", "2.ics", &event("2", "DTSTART:20260105T100000Z\nSUMMARY:Small"));
    let find = |name: &str, attributes: &str, text: &str| {
        query(&format!(
            "<C:comp-filter name=\"VEVENT\"><C:prop-filter name=\"{name}\"><C:text-match {attributes}>{text}\
             </C:text-match></C:prop-filter></C:comp-filter>"
        ))
    };
    for (name, attributes, text, names) in [
        ("SUMMARY", "", "GRößE, ZWEI", vec!["1.ics"]),
        ("SUMMARY", "", "GRÖßE", vec![]),
        ("summary", "collation=\"i;unicode-casemap\"", "GRÖßE", vec!["1.ics"]),
        ("SUMMARY", "collation=\"i;octet\"", "größe", vec![]),
        ("SUMMARY", "collation=\"i;octet\"", "Größe", vec!["1.ics"]),
        ("SUMMARY", "negate-condition=\"yes\"", "small", vec!["1.ics"]),
        ("SUMMARY", "", "all", vec!["2.ics"]),
        ("CATEGORIES", "", "work", vec!["1.ics"]),
        ("CATEGORIES", "negate-condition=\"yes\"", "home", vec!["1.ics"]),
        ("LOCATION", "", "", vec![]),
    ] {
        assert_eq!(stage.work(&find(name, attributes, text)).await.names(), names, "{name} {attributes} {text}");
    }
    let refused = stage.work(&find("SUMMARY", "collation=\"i;sorted\"", "a")).await;
    assert_eq!((refused.status, refused.condition()), (StatusCode::FORBIDDEN, "supported-collation".to_owned()));
}

#[tokio::test]
async fn row_20_param_filter_and_is_not_defined() {
    let stage = Stage::new();
    stage.put(
        "work",
        "1.ics",
        &event("1", "DTSTART:20260105T100000Z\nORGANIZER:mailto:a@b.c\nATTENDEE;PARTSTAT=DECLINED;CN=\"Doe, John\":mailto:j@b.c\nATTENDEE;PARTSTAT=ACCEPTED:mailto:k@b.c"),
    );
    stage.put("work", "2.ics", &event("2", "DTSTART:20260105T100000Z\nATTENDEE:mailto:j@b.c\nORGANIZER:mailto:a@b.c"));
    stage.put("work", "3.ics", &event("3", "DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY"));
    let partstat = |text: &str| format!("<C:param-filter name=\"partstat\">{text}</C:param-filter>");
    let of = |name: &str, inner: &str| {
        query(&format!(
            "<C:comp-filter name=\"VEVENT\"><C:prop-filter name=\"{name}\">{inner}</C:prop-filter></C:comp-filter>"
        ))
    };
    let j = "<C:text-match>mailto:j@</C:text-match>";
    for (name, inner, names) in [
        ("ATTENDEE", partstat("<C:text-match>declined</C:text-match>"), vec!["1.ics"]),
        ("ATTENDEE", partstat("<C:is-not-defined/>"), vec!["2.ics"]),
        ("ATTENDEE", partstat(""), vec!["1.ics"]),
        // One and the same attendee: it is k who has accepted.
        ("ATTENDEE", format!("{j}{}", partstat("<C:text-match>accepted</C:text-match>")), vec![]),
        (
            "ATTENDEE",
            format!("{j}{}", partstat("<C:text-match negate-condition=\"yes\">accepted</C:text-match>")),
            vec!["1.ics"],
        ),
        (
            "ATTENDEE",
            "<C:param-filter name=\"CN\"><C:text-match>doe, j</C:text-match></C:param-filter>".to_owned(),
            vec!["1.ics"],
        ),
        ("ATTENDEE", "<C:is-not-defined/>".to_owned(), vec!["3.ics"]),
        ("RRULE", "<C:is-not-defined/>".to_owned(), vec!["1.ics", "2.ics"]),
        ("RRULE", String::new(), vec!["3.ics"]),
    ] {
        assert_eq!(stage.work(&of(name, &inner)).await.names(), names, "{name} {inner}");
    }
    let none = query("<C:comp-filter name=\"VTODO\"><C:is-not-defined/></C:comp-filter>");
    assert_eq!(stage.work(&none).await.names().len(), 3);
    let none = query("<C:comp-filter name=\"VEVENT\"><C:is-not-defined/></C:comp-filter>");
    assert!(stage.work(&none).await.names().is_empty());
}

#[tokio::test]
async fn row_20_dates_in_properties() {
    let stage = Stage::new();
    stage.put(
        "work",
        "1.ics",
        &event("1", "DTSTART:20260105T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=10\nCREATED:20251231T000000Z"),
    );
    let of = |name: &str, start: &str, end: &str| {
        query(&format!(
            "<C:comp-filter name=\"VEVENT\"><C:prop-filter name=\"{name}\"><C:time-range start=\"{start}\" end=\"{end}\"/>\
             </C:prop-filter></C:comp-filter>"
        ))
    };
    for (name, start, end, is_there) in [
        ("CREATED", "20251231T000000Z", "20251231T000001Z", true),
        ("CREATED", "20260101T000000Z", "20260102T000000Z", false),
        // Each instance has a beginning, and an end that DURATION stands for.
        ("DTSTART", "20260110T100000Z", "20260110T100001Z", true),
        ("DTSTART", "20260110T101500Z", "20260110T110000Z", false),
        ("DTEND", "20260110T110000Z", "20260110T110001Z", true),
        ("DTEND", "20260110T100000Z", "20260110T110000Z", false),
        ("DTSTART", "20260115T100000Z", "20260116T100000Z", false),
    ] {
        assert_eq!(stage.work(&of(name, start, end)).await.names().len(), usize::from(is_there), "{name} {start}");
    }
    let refused = stage.work(&of("SUMMARY", "20260110T100000Z", "20260110T110000Z")).await;
    assert_eq!((refused.status, refused.condition()), (StatusCode::FORBIDDEN, "valid-filter".to_owned()));
}

#[tokio::test]
async fn row_21_alarms() {
    let stage = Stage::new();
    let alarm = |lines: &str| format!("BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\n{lines}\nEND:VALARM");
    let timed = "DTSTART:20260105T100000Z\nDURATION:PT1H\n";
    for (name, lines) in [
        ("none", timed.trim().to_owned()),
        ("before", format!("{timed}{}", alarm("TRIGGER:-PT15M"))),
        ("end", format!("{timed}{}", alarm("TRIGGER;RELATED=END:PT5M"))),
        ("at", format!("{timed}{}", alarm("TRIGGER;VALUE=DATE-TIME:20260101T080000Z"))),
        ("again", format!("{timed}{}", alarm("TRIGGER:-PT15M\nREPEAT:3\nDURATION:PT1H"))),
        ("daily", format!("{timed}RRULE:FREQ=DAILY\n{}", alarm("TRIGGER:-P1D"))),
    ] {
        stage.put("work", name, &event(name, &lines));
    }
    let rings = |start: &str, end: &str| {
        query(&format!(
            "<C:comp-filter name=\"VEVENT\"><C:comp-filter name=\"VALARM\"><C:time-range start=\"{start}\" end=\"{end}\"/>\
             </C:comp-filter></C:comp-filter>"
        ))
    };
    for (start, end, names) in [
        ("20260105T094500Z", "20260105T094501Z", vec!["before", "again"]),
        ("20260105T094501Z", "20260105T100000Z", vec![]),
        ("20260105T110500Z", "20260105T110501Z", vec!["end"]),
        ("20260101T080000Z", "20260101T080001Z", vec!["at"]),
        ("20260105T124500Z", "20260105T124501Z", vec!["again"]),
        ("20260105T134500Z", "20260105T134501Z", vec![]),
        ("20260104T100000Z", "20260104T100001Z", vec!["daily"]),
        ("20260305T100000Z", "20260305T100001Z", vec!["daily"]),
    ] {
        assert_eq!(stage.work(&rings(start, end)).await.names(), names, "{start}");
    }
    let without = query(
        "<C:comp-filter name=\"VEVENT\"><C:comp-filter name=\"VALARM\"><C:is-not-defined/></C:comp-filter></C:comp-filter>",
    );
    assert_eq!(stage.work(&without).await.names(), ["none"]);
    let with = query(
        "<C:comp-filter name=\"VEVENT\"><C:comp-filter name=\"VALARM\"><C:prop-filter name=\"TRIGGER\">\
         <C:param-filter name=\"RELATED\"><C:text-match>END</C:text-match></C:param-filter></C:prop-filter></C:comp-filter></C:comp-filter>",
    );
    assert_eq!(stage.work(&with).await.names(), ["end"]);
}

#[tokio::test]
async fn row_22_expand_in_utc_with_recurrence_ids() {
    let stage = Stage::new();
    stage.put("work", "moved.ics", &event("moved", MOVED));
    stage.put(
        "work",
        "summer.ics",
        &event("summer", "DTSTART;TZID=Europe/Berlin:20260328T090000\nDTEND;TZID=Europe/Berlin:20260329T090000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;TZID=Europe/Berlin:20260330T090000\nX-A;TZID=Europe/Berlin:20260401T000000"),
    );
    stage.put(
        "work",
        "days.ics",
        &event("days", "DTSTART;VALUE=DATE:20260501\nDURATION:P2D\nRRULE:FREQ=DAILY;COUNT=2"),
    );
    let instances = |text: &str| -> Vec<String> {
        let calendar = pim::parse(text).unwrap().remove(0);
        assert!(calendar.components.iter().all(|one| one.is("VEVENT") && !one.has("RRULE") && !one.has("EXDATE")));
        let line = |one: &pim::Component, name: &str| {
            one.property(name).map(|one| one.write_line().trim().to_owned()).unwrap_or_default()
        };
        calendar
            .components
            .iter()
            .map(|one| ["DTSTART", "DTEND", "RECURRENCE-ID"].map(|name| line(one, name)).join(" "))
            .collect()
    };
    let told = stage.work(&expanded("20260110T000000Z", "20260210T000000Z")).await;
    assert_eq!(
        instances(&told.texts()[0]),
        [
            "DTSTART:20260119T100000Z  RECURRENCE-ID:20260119T100000Z",
            "DTSTART:20260126T100000Z  RECURRENCE-ID:20260126T100000Z",
            "DTSTART:20260203T100000Z  RECURRENCE-ID:20260112T100000Z",
        ]
    );
    // The night of the 29th has 23 hours; 24 hours after nine is ten then.
    let told = stage.work(&expanded("20260328T000000Z", "20260401T000000Z")).await;
    assert_eq!(
        instances(&told.texts()[0]),
        [
            "DTSTART:20260328T080000Z DTEND:20260329T070000Z RECURRENCE-ID:20260328T080000Z",
            "DTSTART:20260329T070000Z DTEND:20260330T060000Z RECURRENCE-ID:20260329T070000Z",
        ]
    );
    assert!(told.texts()[0].contains("X-A:20260331T220000Z"));
    let told = stage.work(&expanded("20260502T000000Z", "20260503T000000Z")).await;
    assert_eq!(
        instances(&told.texts()[0]),
        [
            "DTSTART;VALUE=DATE:20260501  RECURRENCE-ID;VALUE=DATE:20260501",
            "DTSTART;VALUE=DATE:20260502  RECURRENCE-ID;VALUE=DATE:20260502",
        ]
    );
}

#[tokio::test]
async fn row_23_limit_recurrence_set() {
    let stage = Stage::new();
    stage.put("work", "moved.ics", &event("moved", MOVED));
    let limited = |start: &str, end: &str| {
        query_for(
            &format!("<C:calendar-data><C:limit-recurrence-set start=\"{start}\" end=\"{end}\"/></C:calendar-data>"),
            "<C:comp-filter name=\"VCALENDAR\"/>",
        )
    };
    for (start, end, has_override) in [
        ("20260101T000000Z", "20260110T000000Z", false),
        // Where it was.
        ("20260112T000000Z", "20260113T000000Z", true),
        // Where it is.
        ("20260203T000000Z", "20260204T000000Z", true),
    ] {
        let told = stage.work(&limited(start, end)).await;
        assert!(told.texts()[0].contains("RRULE") && told.texts()[0].contains("SUMMARY:Weekly"));
        assert_eq!(told.texts()[0].contains("SUMMARY:Moved"), has_override, "{start}");
    }
    let both = query_for(
        "<C:calendar-data><C:expand start=\"20260101T000000Z\" end=\"20260110T000000Z\"/>\
         <C:limit-recurrence-set start=\"20260101T000000Z\" end=\"20260110T000000Z\"/></C:calendar-data>",
        "<C:comp-filter name=\"VCALENDAR\"/>",
    );
    assert_eq!(stage.work(&both).await.status, StatusCode::BAD_REQUEST);
    let open = query_for(
        "<C:calendar-data><C:expand start=\"20260101T000000Z\"/></C:calendar-data>",
        "<C:comp-filter name=\"VCALENDAR\"/>",
    );
    assert_eq!(stage.work(&open).await.condition(), "valid-filter");
}

#[tokio::test]
async fn row_24_partial_calendar_data() {
    let stage = Stage::new();
    stage.put("work", "1.ics", &event("1", "DTSTART:20260105T100000Z\nSUMMARY:Secret\nX-MINE;X-P=1:kept"));
    let told = stage
        .work(&query_for(
            "<C:calendar-data><C:comp name=\"VCALENDAR\"><C:prop name=\"VERSION\"/><C:comp name=\"VEVENT\">\
             <C:prop name=\"uid\"/><C:prop name=\"SUMMARY\" novalue=\"yes\"/><C:prop name=\"X-MINE\"/></C:comp></C:comp></C:calendar-data>",
            "<C:comp-filter name=\"VCALENDAR\"/>",
        ))
        .await;
    assert_eq!(
        told.texts()[0].lines().collect::<Vec<_>>(),
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "BEGIN:VEVENT",
            "UID:1",
            "SUMMARY:",
            "X-MINE;X-P=1:kept",
            "END:VEVENT",
            "END:VCALENDAR"
        ]
    );
    for attributes in ["content-type=\"application/calendar+json\"", "version=\"3.0\""] {
        let told = stage
            .work(&query_for(&format!("<C:calendar-data {attributes}/>"), "<C:comp-filter name=\"VCALENDAR\"/>"))
            .await;
        assert_eq!((told.status, told.condition()), (StatusCode::FORBIDDEN, "supported-calendar-data".to_owned()));
    }
    let told = stage
        .work(&query_for(
            "<C:calendar-data content-type=\"text/calendar\" version=\"2.0\"/>",
            "<C:comp-filter name=\"VCALENDAR\"/>",
        ))
        .await;
    assert!(told.texts()[0].contains("SUMMARY:Secret"));
}

#[tokio::test]
async fn row_25_free_busy_query() {
    let stage = Stage::new();
    for (name, lines) in [
        ("busy", "DTSTART:20260105T100000Z\nDURATION:PT1H"),
        ("joins", "DTSTART:20260105T110000Z\nDURATION:PT1H"),
        ("maybe", "DTSTART:20260105T113000Z\nDURATION:PT1H\nSTATUS:TENTATIVE"),
        ("off", "DTSTART:20260105T150000Z\nDURATION:PT1H\nSTATUS:CANCELLED"),
        ("free", "DTSTART;VALUE=DATE:20260105\nTRANSP:TRANSPARENT"),
        ("late", "DTSTART:20260105T230000Z\nDURATION:PT4H"),
        ("nothing", "DTSTART:20260105T180000Z"),
    ] {
        stage.put("work", name, &event(name, lines));
    }
    let body = |range: &str| format!("<C:free-busy-query xmlns:C=\"{CALDAV}\">{range}</C:free-busy-query>");
    let day = body("<C:time-range start=\"20260105T000000Z\" end=\"20260106T000000Z\"/>");
    let told = stage.work(&day).await;
    let calendar = pim::parse(&told.text).unwrap().remove(0);
    let lines: Vec<String> = calendar.components[0].properties("FREEBUSY").map(pim::Property::write_line).collect();
    assert_eq!(
        lines.iter().map(|line| line.replace("\r\n ", "").trim().to_owned()).collect::<Vec<_>>(),
        [
            "FREEBUSY;FBTYPE=BUSY:20260105T100000Z/20260105T120000Z,20260105T230000Z/20260106T000000Z",
            "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260105T120000Z/20260105T123000Z",
        ]
    );
    // Of all calendars together, if the home is asked with all that is in it.
    let told = stage.ask("REPORT", "/dav/calendars/bernard/", "Depth: infinity", &day).await;
    assert_eq!(told.text.matches("FREEBUSY;FBTYPE").count(), 2);
    let told = stage.ask("REPORT", &format!("{WORK}busy"), "Depth: 1", &day).await;
    assert_eq!(told.status, StatusCode::FORBIDDEN);
    for wrong in ["", "<C:time-range start=\"20260105T000000Z\"/>", "<C:time-range start=\"5\" end=\"6\"/>"] {
        let told = stage.work(&body(wrong)).await;
        assert_eq!((told.status, told.condition()), (StatusCode::FORBIDDEN, "valid-filter".to_owned()), "{wrong}");
    }
    let told = stage.work(&body("<C:time-range start=\"20270105T000000Z\" end=\"20270106T000000Z\"/>")).await;
    assert!(told.text.contains("BEGIN:VFREEBUSY") && !told.text.contains("FREEBUSY;"));
}

#[tokio::test]
async fn row_25_where_only_busy_times_may_be_seen_exchange_tells_them() {
    let stage = Stage::new();
    let lisa = Owner::Other { address: "lisa@example.com".to_owned(), name: "Lisa".to_owned() };
    stage.add(
        "hers",
        CollectionKind::Calendar,
        lisa,
        Rights { read: false, create: false, modify: false, delete: false, administer: false },
    );
    let at = |text: &str| super::super::filter::time::utc(text).unwrap();
    let busy = mailbox::objects::Busy {
        start: at("20260105T100000Z"),
        end: at("20260105T110000Z"),
        kind: mailbox::objects::BusyKind::Unavailable,
    };
    stage.account.set_busy("lisa@example.com", mailbox::objects::FreeBusy { busy: vec![busy] });
    let body = format!(
        "<C:free-busy-query xmlns:C=\"{CALDAV}\"><C:time-range start=\"20260105T000000Z\" end=\"20260106T000000Z\"/></C:free-busy-query>"
    );
    let told = stage.ask("REPORT", "/dav/calendars/lisa@example.com/hers/", "Depth: 1", &body).await;
    assert!(told.text.contains("FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260105T100000Z/20260105T110000Z"), "{}", told.text);
}

#[tokio::test]
async fn row_39_return_minimal_and_brief() {
    let stage = Stage::new();
    stage.put("work", "1.ics", &event("1", "DTSTART:20260105T100000Z"));
    let body = query_for("<D:quota-used-bytes/><C:x/>", "<C:comp-filter name=\"VCALENDAR\"/>");
    let propstats = |told: super::Told| told.responses()[0].all(DAV, "propstat").count();
    assert_eq!(propstats(stage.work(&body).await), 2);
    assert_eq!(propstats(stage.ask("REPORT", WORK, "Depth: 1\nPrefer: return=minimal", &body).await), 1);
    assert_eq!(propstats(stage.ask("REPORT", WORK, "Depth: 1\nBrief: t", &body).await), 1);
}

#[tokio::test]
async fn row_58_recurrence_bombs_cannot_hang_it() {
    let stage = Stage::new();
    for (number, rule) in [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;INTERVAL=1;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;BYSETPOS=-1;BYDAY=MO,TU;BYHOUR=0,1,2,3;BYSECOND=0,1,2,3,4,5",
        "FREQ=DAILY;COUNT=999999999",
        "FREQ=DAILY;INTERVAL=2147483647",
        "FREQ=SECONDLY;UNTIL=99991231T235959Z",
    ]
    .iter()
    .enumerate()
    {
        stage.put("work", &format!("{number}.ics"), &event(&number.to_string(), &format!("DTSTART:19700101T000000Z\nDURATION:PT1S\nRRULE:{rule}\nBEGIN:VALARM\nACTION:AUDIO\nTRIGGER:-PT1S\nREPEAT:4000000000\nDURATION:PT1S\nEND:VALARM")));
    }
    let started = Instant::now();
    for body in [
        within("VEVENT", "20260105T100000Z", "20260105T110000Z"),
        within("VEVENT", "99980105T100000Z", "99990105T110000Z"),
        expanded("20000105T100000Z", "20990105T110000Z"),
        query(
            "<C:comp-filter name=\"VEVENT\"><C:comp-filter name=\"VALARM\"><C:time-range start=\"20260105T100000Z\"/></C:comp-filter></C:comp-filter>",
        ),
    ] {
        assert_eq!(stage.work(&body).await.status, StatusCode::MULTI_STATUS);
    }
    let body = format!(
        "<C:free-busy-query xmlns:C=\"{CALDAV}\"><C:time-range start=\"20260105T000000Z\" end=\"20360106T000000Z\"/></C:free-busy-query>"
    );
    assert_eq!(stage.work(&body).await.status, StatusCode::OK);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    // More instances than anybody can want are refused for the object, not for its neighbours.
    let told = stage.work(&expanded("20260105T000000Z", "20260108T000000Z")).await;
    assert!(
        told.statuses().contains(&("0.ics".to_owned(), "507 Insufficient Storage".to_owned())),
        "{:?}",
        told.statuses()
    );
    assert!(told.names().contains(&"4.ics".to_owned()) && told.texts().iter().any(|text| text.contains("UID:4")));
}

#[tokio::test]
async fn depth_says_where_to_look() {
    let stage = Stage::new();
    stage.put("work", "1.ics", &event("1", "DTSTART:20260105T100000Z"));
    stage.put("calendar", "2.ics", &event("2", "DTSTART:20260105T100000Z"));
    stage.put(
        "inbox",
        "3.ics",
        &event("3", "DTSTART:20260105T100000Z").replace("VERSION:2.0", "VERSION:2.0\nMETHOD:REQUEST"),
    );
    let body = query("<C:comp-filter name=\"VEVENT\"/>");
    let home = "/dav/calendars/bernard/";
    for (path, depth, names) in [
        (WORK, "Depth: 0", vec![]),
        (WORK, "", vec!["1.ics"]),
        (WORK, "Depth: infinity", vec!["1.ics"]),
        (home, "Depth: 1", vec![]),
        (home, "Depth: infinity", vec!["2.ics", "1.ics"]),
        ("/dav/calendars/bernard/work/1.ics", "", vec!["1.ics"]),
        ("/dav/calendars/bernard/inbox/", "Depth: 1", vec!["3.ics"]),
    ] {
        assert_eq!(stage.ask("REPORT", path, depth, &body).await.names(), names, "{path} {depth}");
    }
    assert_eq!(stage.ask("REPORT", "/dav/calendars/bernard/work/x.ics", "", &body).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_told_has_an_end() {
    let mut stage = Stage::new();
    for number in 0..10 {
        stage.put("work", &format!("{number}.ics"), &event(&number.to_string(), "DTSTART:20260105T100000Z"));
    }
    stage.settings.most_members = 4;
    let told = stage.work(&query("<C:comp-filter name=\"VEVENT\"/>")).await;
    assert_eq!(told.names().len(), 4);
    assert_eq!(told.statuses(), [("work".to_owned(), "507 Insufficient Storage".to_owned())]);
    let error = told.responses()[4].child(DAV, "error").unwrap().clone();
    assert!(error.child(DAV, "number-of-matches-within-limits").is_some());
}
