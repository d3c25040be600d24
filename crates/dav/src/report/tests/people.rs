//! Principals, and what each resource says it can report.

use http::StatusCode;
use mailbox::objects::{CollectionKind, Owner, Person, PersonKind, Rights};

use super::{CALDAV, CARDDAV, DAV, FRIENDS, Stage, Told, WORK, event};
use crate::xml::CALENDAR_SERVER;

const PRINCIPALS: &str = "/dav/principals/";
const ME: &str = "/dav/principals/bernard/";

fn stage() -> Stage {
    let stage = Stage::new();
    for (name, address, kind) in [
        ("Cyrus Daboo", "cyrus@example.com", PersonKind::Individual),
        ("Cyr Room", "room1@example.com", PersonKind::Room),
        ("Everybody", "all@example.com", PersonKind::Group),
    ] {
        stage.account.add_person(Person {
            display_name: name.to_owned(),
            address: address.to_owned(),
            kind,
            card: "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:x\r\nEND:VCARD\r\n".to_owned(),
        });
    }
    let lisa = Owner::Other { address: "lisa@example.com".to_owned(), name: "Lisa Dusseault".to_owned() };
    stage.add("hers", CollectionKind::Calendar, lisa, Rights::READ);
    stage
}

/// The hrefs told of.
fn hrefs(told: &Told) -> Vec<String> {
    told.responses().iter().map(|response| response.child(DAV, "href").unwrap().text()).collect()
}

#[tokio::test]
async fn row_04_supported_report_set_is_truthful() {
    let stage = stage();
    stage.put("work", "1.ics", &event("1", "DTSTART:20260105T100000Z"));
    stage.put("friends", "1.vcf", "BEGIN:VCARD\nVERSION:3.0\nUID:1\nFN:A\nN:;;;;\nEND:VCARD\n");
    let all = [
        (CALDAV, "calendar-query"),
        (CALDAV, "calendar-multiget"),
        (CALDAV, "free-busy-query"),
        (CARDDAV, "addressbook-query"),
        (CARDDAV, "addressbook-multiget"),
        (DAV, "sync-collection"),
        (DAV, "expand-property"),
        (DAV, "principal-match"),
        (DAV, "principal-property-search"),
        (DAV, "principal-search-property-set"),
        (CALENDAR_SERVER, "calendarserver-principal-search"),
        (DAV, "acl-principal-prop-set"),
        (DAV, "version-tree"),
    ];
    let propfind = "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:supported-report-set/></D:prop></D:propfind>";
    let mut supported = 0;
    for path in [
        "/dav/",
        PRINCIPALS,
        ME,
        "/dav/calendars/",
        "/dav/calendars/bernard/",
        "/dav/addressbooks/bernard/",
        WORK,
        FRIENDS,
        "/dav/calendars/bernard/inbox/",
        "/dav/calendars/bernard/outbox/",
        "/dav/calendars/bernard/work/1.ics",
        "/dav/addressbooks/bernard/friends/1.vcf",
    ] {
        let told = stage.ask("PROPFIND", path, "Depth: 0", propfind).await;
        for (namespace, name) in all {
            let is_said = told.root().child(DAV, "response").is_some() && told.text.contains(&format!(":{name}/>"));
            let body = format!("<x:{name} xmlns:x=\"{namespace}\"/>");
            let answer = stage.ask("REPORT", path, "Depth: 0", &body).await;
            let is_refused = answer.status == StatusCode::FORBIDDEN && answer.text.contains("supported-report/>");
            assert_eq!(is_said, !is_refused, "{path} {name}: {}", answer.text);
            supported += usize::from(is_said);
        }
    }
    assert!(supported > 40, "{supported}");
}

#[tokio::test]
async fn row_40_principal_property_search() {
    let stage = stage();
    let search = |attributes: &str, searches: &[(&str, &str)]| {
        let searches: String = searches
            .iter()
            .map(|(prop, text)| {
                format!("<D:property-search><D:prop>{prop}</D:prop><D:match>{text}</D:match></D:property-search>")
            })
            .collect();
        format!(
            "<D:principal-property-search xmlns:D=\"DAV:\" xmlns:C=\"{CALDAV}\" xmlns:S=\"{CALENDAR_SERVER}\" {attributes}>{searches}\
             <D:prop><D:displayname/><C:calendar-user-address-set/><C:calendar-user-type/></D:prop></D:principal-property-search>"
        )
    };
    let name = "<D:displayname/>";
    let address = "<C:calendar-user-address-set/>";
    for (attributes, searches, found) in [
        ("", vec![(name, "CYRUS")], vec!["cyrus@example.com"]),
        ("", vec![(name, "cyr")], vec!["cyrus@example.com", "room1@example.com"]),
        ("", vec![(name, "bernard")], vec!["bernard"]),
        ("", vec![(name, "lisa")], vec!["lisa@example.com"]),
        ("", vec![(address, "mailto:cyrus@example.com")], vec!["cyrus@example.com"]),
        ("", vec![(address, "mailto:b.desruisseaux@")], vec!["bernard"]),
        ("", vec![("<S:email-address-set/>", "cyrus")], vec!["cyrus@example.com"]),
        ("", vec![(name, "cyr"), ("<C:calendar-user-type/>", "room")], vec!["room1@example.com"]),
        ("", vec![(name, "cyrus"), (address, "nobody")], vec![]),
        ("test=\"anyof\"", vec![(name, "nobody"), (address, "cyrus")], vec!["cyrus@example.com"]),
        ("", vec![("<D:resourcetype/>", "cyrus")], vec![]),
    ] {
        let told = stage.ask("REPORT", PRINCIPALS, "Depth: 0", &search(attributes, &searches)).await;
        let expected: Vec<String> = found.iter().map(|name| format!("{PRINCIPALS}{name}/")).collect();
        assert_eq!(hrefs(&told), expected, "{searches:?}");
    }
    let told = stage.ask("REPORT", PRINCIPALS, "Depth: 0", &search("", &[(name, "cyr room")])).await;
    assert!(told.text.contains("<C:calendar-user-type>ROOM</C:calendar-user-type>"), "{}", told.text);
    assert!(told.text.contains("<D:href>mailto:room1@example.com</D:href>"));
    let told = stage.ask("REPORT", PRINCIPALS, "Depth: 0", "<D:principal-property-search xmlns:D=\"DAV:\"/>").await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn row_40_apples_principal_search() {
    let stage = stage();
    let search = |context: &str, words: &[&str]| {
        let words: String = words.iter().map(|word| format!("<S:search-token>{word}</S:search-token>")).collect();
        format!(
            "<S:calendarserver-principal-search xmlns:S=\"{CALENDAR_SERVER}\" xmlns:D=\"DAV:\" {context}>{words}\
             <S:limit><S:nresults>50</S:nresults></S:limit><D:prop><D:displayname/></D:prop></S:calendarserver-principal-search>"
        )
    };
    for (context, words, found) in [
        ("", vec!["cyr"], vec!["cyrus@example.com", "room1@example.com"]),
        ("context=\"attendee\"", vec!["cyr"], vec!["cyrus@example.com"]),
        ("context=\"location\"", vec!["cyr"], vec!["room1@example.com"]),
        ("", vec!["daboo", "cyrus"], vec!["cyrus@example.com"]),
        ("", vec!["daboo", "lisa"], vec![]),
    ] {
        let told = stage.ask("REPORT", PRINCIPALS, "Depth: 0", &search(context, &words)).await;
        let expected: Vec<String> = found.iter().map(|name| format!("{PRINCIPALS}{name}/")).collect();
        assert_eq!(hrefs(&told), expected, "{context} {words:?}");
    }
}

#[tokio::test]
async fn row_40_expand_property() {
    let stage = stage();
    let body = format!(
        "<D:expand-property xmlns:D=\"DAV:\"><D:property name=\"current-user-principal\"><D:property name=\"displayname\"/>\
         <D:property name=\"calendar-home-set\" namespace=\"{CALDAV}\"><D:property name=\"resourcetype\"/></D:property>\
         </D:property><D:property name=\"displayname\"/><D:property name=\"nothing\"/></D:expand-property>"
    );
    let told = stage.ask("REPORT", WORK, "Depth: 0", &body).await;
    let response = told.responses().remove(0);
    assert_eq!(response.child(DAV, "href").unwrap().text(), WORK);
    let propstat = |response: &crate::xml::Element, status: &str| {
        let all = response.all(DAV, "propstat");
        let mut with = all.filter(|one| one.child(DAV, "status").unwrap().text().contains(status));
        with.next().unwrap().child(DAV, "prop").unwrap().clone()
    };
    let found = propstat(&response, "200");
    assert_eq!(found.child(DAV, "displayname").unwrap().text(), "work");
    assert!(propstat(&response, "404").child(DAV, "nothing").is_some());
    let principal = found.child(DAV, "current-user-principal").unwrap().child(DAV, "response").unwrap().clone();
    assert_eq!(principal.child(DAV, "href").unwrap().text(), ME);
    let of_principal = propstat(&principal, "200");
    assert_eq!(of_principal.child(DAV, "displayname").unwrap().text(), "Bernard Desruisseaux");
    let homes = of_principal.child(CALDAV, "calendar-home-set").unwrap().clone();
    let home = homes.child(DAV, "response").unwrap();
    assert_eq!(home.child(DAV, "href").unwrap().text(), "/dav/calendars/bernard/");
    assert!(propstat(home, "200").child(DAV, "resourcetype").unwrap().child(DAV, "collection").is_some());
    // Round and round: refused, not followed for ever.
    let round = format!("{}{}", "<D:property name=\"principal-URL\">".repeat(20), "</D:property>".repeat(20));
    let told = stage
        .ask("REPORT", ME, "Depth: 0", &format!("<D:expand-property xmlns:D=\"DAV:\">{round}</D:expand-property>"))
        .await;
    assert_eq!(told.status, StatusCode::FORBIDDEN);
    let told =
        stage.ask("REPORT", ME, "", "<D:expand-property xmlns:D=\"DAV:\"><D:property/></D:expand-property>").await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn row_40_other_reports_about_principals() {
    let stage = stage();
    let prop = "<D:prop><D:displayname/></D:prop>";
    let me = format!("<D:principal-match xmlns:D=\"DAV:\"><D:self/>{prop}</D:principal-match>");
    let told = stage.ask("REPORT", PRINCIPALS, "Depth: 0", &me).await;
    assert_eq!(hrefs(&told), [ME]);
    assert!(told.text.contains("Bernard Desruisseaux"));
    let mine = format!(
        "<D:principal-match xmlns:D=\"DAV:\"><D:principal-property><D:owner/></D:principal-property>{prop}</D:principal-match>"
    );
    let told = stage.ask("REPORT", "/dav/calendars/bernard/", "Depth: 0", &mine).await;
    assert!(hrefs(&told).contains(&WORK.to_owned()));
    let told = stage.ask("REPORT", "/dav/calendars/lisa@example.com/", "Depth: 0", &mine).await;
    assert!(hrefs(&told).is_empty());
    let acl = format!("<D:acl-principal-prop-set xmlns:D=\"DAV:\">{prop}</D:acl-principal-prop-set>");
    let told = stage.ask("REPORT", WORK, "Depth: 0", &acl).await;
    assert_eq!(hrefs(&told), [ME]);
    let told = stage.ask("REPORT", PRINCIPALS, "Depth: 0", "<D:principal-search-property-set xmlns:D=\"DAV:\"/>").await;
    assert_eq!(told.status, StatusCode::OK);
    let root = told.root();
    assert!(root.is(DAV, "principal-search-property-set"));
    assert!(root.elements().all(|one| one.child(DAV, "prop").is_some() && one.child(DAV, "description").is_some()));
    assert!(told.text.contains("<D:displayname/>") && told.text.contains("<C:calendar-user-address-set/>"));
}
