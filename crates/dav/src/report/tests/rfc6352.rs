//! The examples of RFC 6352 sections 8.6 and 8.7 give the documented answers.

use super::{CARDDAV, DAV, FRIENDS, Stage};

/// The address book of section 8.6.
pub(super) fn stage() -> Stage {
    let stage = Stage::new();
    for (name, nickname, uid, full, address) in [
        ("v102.vcf", "me", "34222-232@example.com", "Cyrus Daboo", "daboo@example.com"),
        ("v103.vcf", "sis", "34222-2322@example.com", "Lisa Dusseault", "lisa@example.com"),
        ("v104.vcf", "oliver", "34222-23222@example.com", "Oliver Daboo", "oliver@example.com"),
        ("v105.vcf", "ellen", "34222-232222@example.com", "Ellen Daboo", "ellen@example.com"),
    ] {
        stage.put(
            "friends",
            name,
            &format!(
                "BEGIN:VCARD\nVERSION:3.0\nN:;;;;\nNICKNAME:{nickname}\nUID:{uid}\nFN:{full}\nEMAIL:{address}\n\
                 TEL:+1-555\nEND:VCARD\n"
            ),
        );
    }
    stage
}

fn query(filter: &str, rest: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\" ?><C:addressbook-query xmlns:D=\"DAV:\" xmlns:C=\"{CARDDAV}\"><D:prop>\
         <D:getetag/><C:address-data><C:prop name=\"VERSION\"/><C:prop name=\"UID\"/><C:prop name=\"NICKNAME\"/>\
         <C:prop name=\"EMAIL\"/><C:prop name=\"FN\"/></C:address-data></D:prop>{filter}{rest}</C:addressbook-query>"
    )
}

const ME: [&str; 7] = [
    "BEGIN:VCARD",
    "VERSION:3.0",
    "NICKNAME:me",
    "UID:34222-232@example.com",
    "FN:Cyrus Daboo",
    "EMAIL:daboo@example.com",
    "END:VCARD",
];

#[tokio::test]
async fn section_8_6_3_partial_retrieval_of_cards_matching_nickname() {
    let filter = "<C:filter><C:prop-filter name=\"NICKNAME\"><C:text-match collation=\"i;unicode-casemap\" \
        match-type=\"equals\">me</C:text-match></C:prop-filter></C:filter>";
    let told = stage().friends(&query(filter, "")).await;
    assert_eq!(told.names(), ["v102.vcf"]);
    assert_eq!(told.texts()[0].lines().collect::<Vec<_>>(), ME);
}

#[tokio::test]
async fn section_8_6_4_cards_matching_a_full_name_or_email_address() {
    let part = |name: &str| {
        format!(
            "<C:prop-filter name=\"{name}\"><C:text-match collation=\"i;unicode-casemap\" match-type=\"contains\">daboo\
             </C:text-match></C:prop-filter>"
        )
    };
    let filter = format!("<C:filter test=\"anyof\">{}{}</C:filter>", part("FN"), part("EMAIL"));
    let told = stage().friends(&query(&filter, "")).await;
    assert_eq!(told.names(), ["v102.vcf", "v104.vcf", "v105.vcf"]);
    let filter = format!("<C:filter test=\"allof\">{}{}</C:filter>", part("FN"), part("EMAIL"));
    assert_eq!(stage().friends(&query(&filter, "")).await.names(), ["v102.vcf"]);
}

#[tokio::test]
async fn section_8_6_5_truncated_results() {
    let filter = "<C:filter test=\"anyof\"><C:prop-filter name=\"FN\"><C:text-match collation=\"i;unicode-casemap\" \
        match-type=\"contains\">daboo</C:text-match></C:prop-filter></C:filter>";
    let told = stage().friends(&query(filter, "<C:limit><C:nresults>2</C:nresults></C:limit>")).await;
    assert_eq!(told.names(), ["v102.vcf", "v104.vcf"]);
    assert_eq!(told.statuses(), [("friends".to_owned(), "507 Insufficient Storage".to_owned())]);
    let last = told.responses().pop().unwrap();
    assert_eq!(last.child(DAV, "href").unwrap().text(), FRIENDS);
    assert!(last.child(DAV, "error").unwrap().child(DAV, "number-of-matches-within-limits").is_some());
    // Three are three: nothing was cut.
    let told = stage().friends(&query(filter, "<C:limit><C:nresults>3</C:nresults></C:limit>")).await;
    assert_eq!((told.names().len(), told.statuses().len()), (3, 0));
}

fn multiget(data: &str, hrefs: &[&str]) -> String {
    let hrefs: String = hrefs.iter().map(|name| format!("<D:href>{FRIENDS}{name}</D:href>")).collect();
    format!(
        "<C:addressbook-multiget xmlns:D=\"DAV:\" xmlns:C=\"{CARDDAV}\"><D:prop><D:getetag/>{data}</D:prop>{hrefs}\
         </C:addressbook-multiget>"
    )
}

#[tokio::test]
async fn section_8_7_1_addressbook_multiget() {
    let data = "<C:address-data><C:prop name=\"VERSION\"/><C:prop name=\"UID\"/><C:prop name=\"NICKNAME\"/>\
        <C:prop name=\"EMAIL\"/><C:prop name=\"FN\"/></C:address-data>";
    let told = stage().friends(&multiget(data, &["v102.vcf", "v1.vcf"])).await;
    assert_eq!(told.names(), ["v102.vcf", "v1.vcf"]);
    assert_eq!(told.texts()[0].lines().collect::<Vec<_>>(), ME);
    assert_eq!(told.statuses(), [("v1.vcf".to_owned(), "404 Not Found".to_owned())]);
}

#[tokio::test]
async fn section_8_7_2_cards_of_another_version() {
    let stage = stage();
    stage.put("friends", "v99.vcf", "BEGIN:VCARD\nVERSION:9.0\nUID:9\nFN:From the future\nEND:VCARD\n");
    let data = "<C:address-data content-type=\"text/vcard\" version=\"4.0\"/>";
    let told = stage.friends(&multiget(data, &["v102.vcf", "v99.vcf"])).await;
    assert!(told.texts()[0].contains("VERSION:4.0\n") || told.texts()[0].contains("VERSION:4.0\r\n"));
    assert!(told.texts()[0].contains("FN:Cyrus Daboo"));
    // "In a format that the server is unable to convert to the one requested."
    assert_eq!(told.statuses(), [("v99.vcf".to_owned(), "415 Unsupported Media Type".to_owned())]);
    let last = told.responses().pop().unwrap();
    assert!(last.child(DAV, "error").unwrap().child(CARDDAV, "supported-address-data-conversion").is_some());
}
