//! Free/busy by POST to the outbox, and the inbox.

use http::StatusCode;
use mailbox::objects::{Busy, BusyKind, FreeBusy};

use super::super::filter::time::utc;
use super::{CALDAV, DAV, Stage, Told, event, query};

const OUTBOX: &str = "/dav/calendars/bernard/outbox/";

fn request(lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example Corp.//CalDAV Client//EN\r\nMETHOD:REQUEST\r\n\
         BEGIN:VFREEBUSY\r\nUID:4FD3AD926350\r\nDTSTAMP:20260602T200733Z\r\n{lines}END:VFREEBUSY\r\nEND:VCALENDAR\r\n"
    )
}

const DAY: &str = "DTSTART:20260602T000000Z\r\nDTEND:20260604T000000Z\r\n";
const WHO: &str = "ORGANIZER;CN=Bernard:mailto:Bernard@example.com\r\nATTENDEE;CN=Wilfredo:mailto:wilfredo@example.com\r\n\
    ATTENDEE:mailto:mike@example.org\r\nATTENDEE:http://example.com/cal/lisa\r\nATTENDEE:mailto:idle@example.com\r\n";

fn stage() -> Stage {
    let stage = Stage::new();
    let busy = |start: &str, end: &str, kind| Busy { start: utc(start).unwrap(), end: utc(end).unwrap(), kind };
    stage.account.set_busy(
        "wilfredo@example.com",
        FreeBusy {
            busy: vec![
                busy("20260602T110000Z", "20260602T120000Z", BusyKind::Unavailable),
                busy("20260603T110000Z", "20260603T120000Z", BusyKind::Busy),
            ],
        },
    );
    stage.account.set_busy("idle@example.com", FreeBusy::default());
    stage
}

async fn post(stage: &Stage, body: &str) -> Told {
    stage.ask("POST", OUTBOX, "Content-Type: text/calendar; charset=utf-8", body).await
}

#[tokio::test]
async fn row_41_free_busy_post_to_the_outbox() {
    let told = post(&stage(), &request(&format!("{DAY}{WHO}"))).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text);
    let root = told.root();
    assert!(root.is(CALDAV, "schedule-response"));
    let responses: Vec<_> = root.all(CALDAV, "response").collect();
    let part = |at: usize, name: &str| responses[at].child(CALDAV, name).map(|one| one.text());
    let recipient = |at: usize| responses[at].child(CALDAV, "recipient").unwrap().child(DAV, "href").unwrap().text();
    let recipients: Vec<String> = (0..4).map(recipient).collect();
    assert_eq!(
        recipients,
        [
            "mailto:wilfredo@example.com",
            "mailto:mike@example.org",
            "http://example.com/cal/lisa",
            "mailto:idle@example.com"
        ]
    );
    let statuses: Vec<String> = (0..4).map(|at| part(at, "request-status").unwrap()).collect();
    assert_eq!(statuses, ["2.0;Success", "3.7;Invalid calendar user", "3.7;Invalid calendar user", "2.0;Success"]);
    assert_eq!((part(1, "calendar-data"), part(2, "calendar-data")), (None, None));
    let reply = pim::parse(&part(0, "calendar-data").unwrap()).unwrap().remove(0);
    assert_eq!(reply.value("METHOD"), Some("REPLY"));
    let times = reply.component("VFREEBUSY").unwrap();
    for (name, value) in [
        ("UID", "4FD3AD926350"),
        ("DTSTART", "20260602T000000Z"),
        ("DTEND", "20260604T000000Z"),
        ("ORGANIZER", "mailto:Bernard@example.com"),
        ("ATTENDEE", "mailto:wilfredo@example.com"),
    ] {
        assert_eq!(times.value(name), Some(value));
    }
    let mut busy: Vec<_> =
        times.properties("FREEBUSY").map(|one| (one.parameter("FBTYPE").unwrap(), one.value.as_str())).collect();
    busy.sort_unstable();
    assert_eq!(
        busy,
        [("BUSY", "20260603T110000Z/20260603T120000Z"), ("BUSY-UNAVAILABLE", "20260602T110000Z/20260602T120000Z")]
    );
    let idle = pim::parse(&part(3, "calendar-data").unwrap()).unwrap().remove(0);
    assert!(!idle.component("VFREEBUSY").unwrap().has("FREEBUSY"));
}

#[tokio::test]
async fn row_41_what_is_no_free_busy_request_is_refused_by_name() {
    let stage = stage();
    let other = WHO.replace("mailto:Bernard@example.com", "mailto:mallory@example.com");
    for (body, condition) in [
        ("nonsense".to_owned(), "valid-calendar-data"),
        ("BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n".to_owned(), "valid-calendar-data"),
        (request(&format!("{DAY}{other}")), "valid-organizer"),
        (request(&format!("{DAY}ATTENDEE:mailto:a@example.com\r\n")), "valid-scheduling-message"),
        (request(&format!("{DAY}ORGANIZER:mailto:bernard@example.com\r\n")), "valid-scheduling-message"),
        (request(WHO), "valid-scheduling-message"),
        (request(&format!("DTSTART:20260604T000000Z\r\nDTEND:20260602T000000Z\r\n{WHO}")), "valid-scheduling-message"),
        (request(&format!("{DAY}{WHO}")).replace("METHOD:REQUEST\r\n", ""), "valid-scheduling-message"),
        (request(&format!("{DAY}{WHO}")).replace("VFREEBUSY", "VEVENT"), "valid-scheduling-message"),
    ] {
        let told = post(&stage, &body).await;
        assert_eq!((told.status, told.condition().as_str()), (StatusCode::FORBIDDEN, condition), "{body}");
    }
    let told = stage.ask("POST", OUTBOX, "Content-Type: text/plain", &request(&format!("{DAY}{WHO}"))).await;
    assert_eq!(told.condition(), "supported-calendar-data");
}

#[tokio::test]
async fn row_41_inbox_and_outbox_are_where_the_principal_says() {
    let stage = stage();
    let body = format!(
        "<D:propfind xmlns:D=\"DAV:\" xmlns:C=\"{CALDAV}\"><D:prop><C:schedule-inbox-URL/><C:schedule-outbox-URL/></D:prop></D:propfind>"
    );
    let told = stage.ask("PROPFIND", "/dav/principals/bernard/", "Depth: 0", &body).await;
    assert!(told.text.contains(&format!("<C:schedule-outbox-URL><D:href>{OUTBOX}</D:href></C:schedule-outbox-URL>")));
    assert!(told.text.contains("<C:schedule-inbox-URL><D:href>/dav/calendars/bernard/inbox/</D:href>"));
    let kinds = "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:resourcetype/></D:prop></D:propfind>";
    assert!(stage.ask("PROPFIND", OUTBOX, "Depth: 1", kinds).await.text.contains("<C:schedule-outbox/>"));
    let default = format!(
        "<D:propfind xmlns:D=\"DAV:\" xmlns:C=\"{CALDAV}\"><D:prop><C:schedule-default-calendar-URL/></D:prop></D:propfind>"
    );
    let told = stage.ask("PROPFIND", "/dav/calendars/bernard/inbox/", "Depth: 0", &default).await;
    assert!(told.text.contains("<D:href>/dav/calendars/bernard/calendar/</D:href>"), "{}", told.text);
}

#[tokio::test]
async fn row_45_inbox_items_are_messages_with_their_method() {
    let stage = stage();
    let lines = "DTSTART:20260602T100000Z\nORGANIZER;SCHEDULE-STATUS=1.2:mailto:lisa@example.com\n\
        ATTENDEE;PARTSTAT=NEEDS-ACTION;SCHEDULE-AGENT=SERVER:mailto:bernard@example.com";
    stage.put("inbox", "invite.ics", &event("i", lines).replace("VERSION:2.0", "VERSION:2.0\nMETHOD:REQUEST"));
    let inbox = "/dav/calendars/bernard/inbox/";
    let told = stage.ask("REPORT", inbox, "Depth: 1", &query("<C:comp-filter name=\"VEVENT\"/>")).await;
    assert_eq!(told.names(), ["invite.ics"]);
    assert!(told.texts()[0].contains("METHOD:REQUEST"));
    assert!(told.texts()[0].contains("SCHEDULE-STATUS=1.2") && told.texts()[0].contains("SCHEDULE-AGENT=SERVER"));
    let method = query(
        "<C:comp-filter name=\"VEVENT\"/><C:prop-filter name=\"METHOD\"><C:text-match>request</C:text-match></C:prop-filter>",
    );
    assert_eq!(stage.ask("REPORT", inbox, "Depth: 1", &method).await.names(), ["invite.ics"]);
    let got = stage.ask("GET", &format!("{inbox}invite.ics"), "", "").await;
    assert!(got.text.contains("METHOD:REQUEST"));
    // Agents can be asked for.
    let by_agent = query(
        "<C:comp-filter name=\"VEVENT\"><C:prop-filter name=\"ATTENDEE\"><C:param-filter name=\"SCHEDULE-AGENT\">\
         <C:text-match>CLIENT</C:text-match></C:param-filter></C:prop-filter></C:comp-filter>",
    );
    assert!(stage.ask("REPORT", inbox, "Depth: 1", &by_agent).await.names().is_empty());
    let gone = stage.ask("DELETE", &format!("{inbox}invite.ics"), "", "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
}
