//! Every example of RFC 4791 sections 7 and 8 gives the documented answer.

use http::StatusCode;

use super::appendix_b::{object, stage};
use super::{CALDAV, DAV, Told, WORK, query, query_for};

/// The lines of the one text that came for a name.
fn text_of(told: &Told, name: &str) -> Vec<String> {
    let at = told.names().iter().position(|known| known == name).unwrap();
    told.texts()[at].lines().map(str::to_owned).collect()
}

fn has(lines: &[String], wanted: &[&str]) {
    for line in wanted {
        assert!(lines.iter().any(|has| has == line), "no {line} in {lines:#?}");
    }
}

fn lacks(lines: &[String], unwanted: &[&str]) {
    for line in unwanted {
        assert!(!lines.iter().any(|has| has.starts_with(line)), "{line} in {lines:#?}");
    }
}

#[tokio::test]
async fn section_7_8_1_partial_retrieval_of_events_by_time_range() {
    let props = "<C:calendar-data><C:comp name=\"VCALENDAR\"><C:prop name=\"VERSION\"/><C:comp name=\"VEVENT\">\
        <C:prop name=\"SUMMARY\"/><C:prop name=\"UID\"/><C:prop name=\"DTSTART\"/><C:prop name=\"DTEND\"/>\
        <C:prop name=\"DURATION\"/><C:prop name=\"RRULE\"/><C:prop name=\"RDATE\"/><C:prop name=\"EXRULE\"/>\
        <C:prop name=\"EXDATE\"/><C:prop name=\"RECURRENCE-ID\"/></C:comp><C:comp name=\"VTIMEZONE\"/></C:comp>\
        </C:calendar-data>";
    let filter = "<C:comp-filter name=\"VCALENDAR\"><C:comp-filter name=\"VEVENT\">\
        <C:time-range start=\"20060104T000000Z\" end=\"20060105T000000Z\"/></C:comp-filter></C:comp-filter>";
    let told = stage().work(&query_for(props, filter)).await;
    assert_eq!(told.names(), ["abcd2.ics", "abcd3.ics"]);
    let second = text_of(&told, "abcd2.ics");
    has(
        &second,
        &[
            "VERSION:2.0",
            "TZID:US/Eastern",
            "DTSTART;TZID=US/Eastern:20060102T120000",
            "RRULE:FREQ=DAILY;COUNT=5",
            "SUMMARY:Event #2",
            "RECURRENCE-ID;TZID=US/Eastern:20060104T120000",
            "SUMMARY:Event #2 bis",
            "RECURRENCE-ID;TZID=US/Eastern:20060106T120000",
            "SUMMARY:Event #2 bis bis",
            "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
        ],
    );
    lacks(&second, &["PRODID", "DTSTAMP"]);
    let third = text_of(&told, "abcd3.ics");
    has(&third, &["DTSTART;TZID=US/Eastern:20060104T100000", "DURATION:PT1H", "SUMMARY:Event #3"]);
    lacks(&third, &["DTSTAMP", "ATTENDEE", "X-ABC-GUID", "STATUS", "SEQUENCE", "LAST-MODIFIED:20060206"]);
}

#[tokio::test]
async fn section_7_8_2_partial_retrieval_of_recurring_events() {
    let props = "<C:calendar-data><C:limit-recurrence-set start=\"20060103T000000Z\" end=\"20060105T000000Z\"/>\
        </C:calendar-data>";
    let told = stage().work(&query_for(props, &third_and_fourth())).await;
    assert_eq!(told.names(), ["abcd2.ics", "abcd3.ics"]);
    let second = text_of(&told, "abcd2.ics");
    has(&second, &["SUMMARY:Event #2", "SUMMARY:Event #2 bis", "RRULE:FREQ=DAILY;COUNT=5", "TZID:US/Eastern"]);
    lacks(&second, &["SUMMARY:Event #2 bis bis"]);
    assert_eq!(told.texts()[1].replace("\r\n", "\n").trim(), object("abcd3.ics").trim());
}

#[tokio::test]
async fn section_7_8_3_expanded_retrieval_of_recurring_events() {
    let props = "<C:calendar-data><C:expand start=\"20060103T000000Z\" end=\"20060105T000000Z\"/></C:calendar-data>";
    let told = stage().work(&query_for(props, &third_and_fourth())).await;
    assert_eq!(told.names(), ["abcd2.ics", "abcd3.ics"]);
    let calendar = pim::parse(&told.texts()[0]).unwrap().remove(0);
    let instances: Vec<_> = calendar
        .components
        .iter()
        .map(|one| ["DTSTART", "DURATION", "RECURRENCE-ID", "SUMMARY", "UID"].map(|name| one.value(name).unwrap()))
        .collect();
    let uid = "00959BC664CA650E933C892C@example.com";
    assert_eq!(
        instances,
        [
            ["20060103T170000Z", "PT1H", "20060103T170000Z", "Event #2", uid],
            ["20060104T190000Z", "PT1H", "20060104T170000Z", "Event #2 bis", uid],
        ]
    );
    let third = text_of(&told, "abcd3.ics");
    has(&third, &["DTSTART:20060104T150000Z", "DURATION:PT1H", "X-ABC-GUID:E1CX5Dr-0007ym-Hz@example.com"]);
    for text in told.texts() {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lacks(&lines, &["BEGIN:VTIMEZONE", "RRULE", "DTSTART;TZID"]);
    }
    lacks(&third, &["RECURRENCE-ID"]);
}

#[tokio::test]
async fn section_7_8_4_partial_retrieval_of_stored_free_busy_components() {
    let props = "<C:calendar-data><C:limit-freebusy-set start=\"20060102T000000Z\" end=\"20060103T000000Z\"/>\
        </C:calendar-data>";
    let filter = "<C:comp-filter name=\"VCALENDAR\"><C:comp-filter name=\"VFREEBUSY\">\
        <C:time-range start=\"20060102T000000Z\" end=\"20060103T000000Z\"/></C:comp-filter></C:comp-filter>";
    let told = stage().work(&query_for(props, filter)).await;
    assert_eq!(told.names(), ["abcd8.ics"]);
    let lines = text_of(&told, "abcd8.ics");
    let periods: Vec<&String> = lines.iter().filter(|line| line.starts_with("FREEBUSY")).collect();
    assert_eq!(periods, ["FREEBUSY;FBTYPE=BUSY-TENTATIVE:20060102T100000Z/20060102T120000Z"]);
}

#[tokio::test]
async fn section_7_8_5_retrieval_of_to_dos_by_alarm_time_range() {
    let told = stage()
        .work(&query(
            "<C:comp-filter name=\"VTODO\"><C:comp-filter name=\"VALARM\">\
             <C:time-range start=\"20060106T100000Z\" end=\"20060107T100000Z\"/></C:comp-filter></C:comp-filter>",
        ))
        .await;
    assert_eq!(told.names(), ["abcd5.ics"]);
    has(&text_of(&told, "abcd5.ics"), &["SUMMARY:Task #2", "TRIGGER;RELATED=START:-PT10M"]);
}

#[tokio::test]
async fn section_7_8_6_retrieval_of_event_by_uid() {
    let told = stage()
        .work(&query(
            "<C:comp-filter name=\"VEVENT\"><C:prop-filter name=\"UID\"><C:text-match collation=\"i;octet\"\
             >DC6C50A017428C5216A2F1CD@example.com</C:text-match></C:prop-filter></C:comp-filter>",
        ))
        .await;
    assert_eq!(told.names(), ["abcd3.ics"]);
    assert_eq!(told.texts()[0].replace("\r\n", "\n").trim(), object("abcd3.ics").trim());
}

#[tokio::test]
async fn section_7_8_7_retrieval_of_events_by_partstat() {
    let told = stage()
        .work(&query(
            "<C:comp-filter name=\"VEVENT\"><C:prop-filter name=\"ATTENDEE\">\
             <C:text-match collation=\"i;ascii-casemap\">mailto:lisa@example.com</C:text-match>\
             <C:param-filter name=\"PARTSTAT\"><C:text-match collation=\"i;ascii-casemap\">NEEDS-ACTION</C:text-match>\
             </C:param-filter></C:prop-filter></C:comp-filter>",
        ))
        .await;
    assert_eq!(told.names(), ["abcd3.ics"]);
}

#[tokio::test]
async fn section_7_8_8_retrieval_of_events_only() {
    let told = stage().work(&query("<C:comp-filter name=\"VEVENT\"/>")).await;
    assert_eq!(told.names(), ["abcd1.ics", "abcd2.ics", "abcd3.ics"]);
    for (name, text) in told.names().iter().zip(told.texts()) {
        assert_eq!(text.replace("\r\n", "\n").trim(), object(name).trim());
    }
}

#[tokio::test]
async fn section_7_8_9_retrieval_of_all_pending_to_dos() {
    let told = stage()
        .work(&query(
            "<C:comp-filter name=\"VTODO\"><C:prop-filter name=\"COMPLETED\"><C:is-not-defined/></C:prop-filter>\
             <C:prop-filter name=\"STATUS\"><C:text-match negate-condition=\"yes\">CANCELLED</C:text-match>\
             </C:prop-filter></C:comp-filter>",
        ))
        .await;
    assert_eq!(told.names(), ["abcd4.ics", "abcd5.ics"]);
}

/// There, the server cannot query X-ABC-GUID and says so; ours can, and finds that no value contains "ABC".
#[tokio::test]
async fn section_7_8_10_query_of_a_non_standard_property() {
    let by_guid = |text: &str| {
        query(&format!(
            "<C:comp-filter name=\"VEVENT\"><C:prop-filter name=\"X-ABC-GUID\"><C:text-match>{text}</C:text-match>\
             </C:prop-filter></C:comp-filter>"
        ))
    };
    assert!(stage().work(&by_guid("ABC")).await.names().is_empty());
    assert_eq!(stage().work(&by_guid("e1cx5dr")).await.names(), ["abcd3.ics"]);
}

#[tokio::test]
async fn section_7_9_1_calendar_multiget() {
    let body = format!(
        "<C:calendar-multiget xmlns:D=\"DAV:\" xmlns:C=\"{CALDAV}\"><D:prop><D:getetag/><C:calendar-data/></D:prop>\
         <D:href>{WORK}abcd1.ics</D:href><D:href>{WORK}mtg1.ics</D:href></C:calendar-multiget>"
    );
    // "The Depth header MUST be ignored by the server and SHOULD NOT be sent by the client."
    let told = stage().ask("REPORT", WORK, "", &body).await;
    assert_eq!(told.names(), ["abcd1.ics", "mtg1.ics"]);
    assert_eq!(told.texts().len(), 1);
    assert_eq!(told.texts()[0].replace("\r\n", "\n").trim(), object("abcd1.ics").trim());
    assert_eq!(told.statuses(), [("mtg1.ics".to_owned(), "404 Not Found".to_owned())]);
}

/// The text asks for the fourth of January, 9 AM to 5 PM; the request as printed goes on to the fifth.
#[tokio::test]
async fn section_7_10_1_free_busy_query() {
    let told = stage().work(&free_busy("20060104T140000Z", "20060104T220000Z")).await;
    assert_eq!(told.status, StatusCode::OK);
    assert_eq!(told.headers["content-type"], "text/calendar; charset=utf-8");
    let calendar = pim::parse(&told.text).unwrap().remove(0);
    let answer = calendar.component("VFREEBUSY").unwrap();
    assert_eq!((answer.value("DTSTART"), answer.value("DTEND")), (Some("20060104T140000Z"), Some("20060104T220000Z")));
    assert!(answer.has("DTSTAMP"));
    assert_eq!(
        periods(&told),
        [
            ("BUSY-TENTATIVE".to_owned(), "20060104T150000Z/20060104T160000Z".to_owned()),
            ("BUSY".to_owned(), "20060104T190000Z/20060104T200000Z".to_owned()),
        ]
    );
    let told = stage().work(&free_busy("20060104T140000Z", "20060105T220000Z")).await;
    assert_eq!(
        periods(&told)[2..],
        [
            ("BUSY-UNAVAILABLE".to_owned(), "20060105T100000Z/20060105T120000Z".to_owned()),
            ("BUSY".to_owned(), "20060105T170000Z/20060105T180000Z".to_owned()),
        ]
    );
}

#[tokio::test]
async fn section_8_2_1_3_synchronization_by_time_range() {
    let day = |start: &str, end: &str| {
        query_for(
            "",
            &format!(
                "<C:comp-filter name=\"VCALENDAR\"><C:comp-filter name=\"VEVENT\">\
                 <C:time-range start=\"{start}\" end=\"{end}\"/></C:comp-filter></C:comp-filter>"
            ),
        )
    };
    let told = stage().work(&day("20040902T000000Z", "20040903T000000Z")).await;
    assert!(told.responses().is_empty());
    let told = stage().work(&day("20060102T000000Z", "20060103T000000Z")).await;
    assert_eq!(told.names(), ["abcd1.ics", "abcd2.ics"]);
    assert!(told.texts().is_empty());
    let prop = told.responses()[0].child(DAV, "propstat").unwrap().child(DAV, "prop").unwrap().clone();
    assert!(prop.child(DAV, "getetag").unwrap().text().starts_with('"'));
}

#[tokio::test]
async fn appendix_b_all_of_it() {
    let told = stage().work(&query("<C:allprop/><C:allcomp/>")).await;
    assert_eq!(told.names().len(), 8);
    for (name, text) in told.names().iter().zip(told.texts()) {
        assert_eq!(text.replace("\r\n", "\n").trim(), object(name).trim());
    }
}

fn third_and_fourth() -> String {
    "<C:comp-filter name=\"VCALENDAR\"><C:comp-filter name=\"VEVENT\">\
     <C:time-range start=\"20060103T000000Z\" end=\"20060105T000000Z\"/></C:comp-filter></C:comp-filter>"
        .to_owned()
}

fn free_busy(start: &str, end: &str) -> String {
    format!(
        "<C:free-busy-query xmlns:C=\"{CALDAV}\"><C:time-range start=\"{start}\" end=\"{end}\"/></C:free-busy-query>"
    )
}

fn periods(told: &Told) -> Vec<(String, String)> {
    let calendar = pim::parse(&told.text).unwrap().remove(0);
    let answer = calendar.component("VFREEBUSY").unwrap().clone();
    let mut all: Vec<(String, String)> = Vec::new();
    for property in answer.properties("FREEBUSY") {
        let kind = property.parameter("FBTYPE").unwrap_or("BUSY");
        all.extend(property.value.split(',').map(|period| (kind.to_owned(), period.to_owned())));
    }
    all.sort_by_key(|(_, period)| period.clone());
    all
}
