//! What clients ask of address books.

use http::StatusCode;
use mailbox::objects::{CollectionKind, Owner, Person, PersonKind, Rights};

use super::{CARDDAV, Stage};

fn query(filter: &str) -> String {
    format!(
        "<C:addressbook-query xmlns:D=\"DAV:\" xmlns:C=\"{CARDDAV}\"><D:prop><D:getetag/><C:address-data/></D:prop>\
         <C:filter{filter}</C:filter></C:addressbook-query>"
    )
}

fn stage() -> Stage {
    let stage = Stage::new();
    for (name, lines) in [
        (
            "anna",
            "FN:Anna Öztürk\nEMAIL;TYPE=HOME:anna@example.org\nTEL;TYPE=CELL,VOICE:+49 1\nCATEGORIES:Friends,Work",
        ),
        ("bert", "FN:Bert Brown\nEMAIL;TYPE=WORK:bert@example.com\nEMAIL;TYPE=HOME:bert@example.org"),
        ("club", "FN:The Club\nX-ADDRESSBOOKSERVER-KIND:group"),
    ] {
        stage.put("friends", name, &format!("BEGIN:VCARD\nVERSION:3.0\nUID:{name}\nN:;;;;\n{lines}\nEND:VCARD\n"));
    }
    stage
}

#[tokio::test]
async fn row_52_addressbook_query_filters() {
    let stage = stage();
    let text = |attributes: &str, text: &str| format!("<C:text-match {attributes}>{text}</C:text-match>");
    let prop = |name: &str, inner: &str| format!("<C:prop-filter name=\"{name}\">{inner}</C:prop-filter>");
    let home = "<C:param-filter name=\"TYPE\"><C:text-match match-type=\"equals\">home</C:text-match></C:param-filter>";
    for (filter, names) in [
        (">".to_owned(), vec!["anna", "bert", "club"]),
        (format!(">{}", prop("EMAIL", "")), vec!["anna", "bert"]),
        (format!(">{}", prop("EMAIL", "<C:is-not-defined/>")), vec!["club"]),
        (format!(">{}", prop("FN", &text("", "ÖZTÜRK"))), vec!["anna"]),
        (format!(">{}", prop("FN", &text("collation=\"i;ascii-casemap\"", "ÖZTÜRK"))), vec![]),
        (format!(">{}", prop("FN", &text("match-type=\"starts-with\"", "b"))), vec!["bert"]),
        (format!(">{}", prop("FN", &text("match-type=\"ends-with\"", "B"))), vec!["club"]),
        (format!(">{}", prop("FN", &text("negate-condition=\"yes\"", "b"))), vec!["anna"]),
        (format!(">{}", prop("CATEGORIES", &text("match-type=\"equals\"", "work"))), vec!["anna"]),
        (
            format!(
                ">{}",
                prop("TEL", "<C:param-filter name=\"TYPE\"><C:text-match>cell</C:text-match></C:param-filter>")
            ),
            vec!["anna"],
        ),
        (format!(" test=\"allof\">{}{}", prop("FN", &text("", "b")), prop("EMAIL", "")), vec!["bert"]),
        (format!(">{}{}", prop("FN", &text("", "anna")), prop("FN", &text("", "club"))), vec!["anna", "club"]),
        (
            format!(
                "><C:prop-filter name=\"EMAIL\" test=\"allof\">{}{home}</C:prop-filter>",
                text("", "bert@example.com")
            ),
            vec![],
        ),
        (
            format!(
                "><C:prop-filter name=\"EMAIL\" test=\"allof\">{}{home}</C:prop-filter>",
                text("", "bert@example.org")
            ),
            vec!["bert"],
        ),
    ] {
        assert_eq!(stage.friends(&query(&filter)).await.names(), names, "{filter}");
    }
    for (filter, condition) in [
        (format!(">{}", prop("FN", &text("collation=\"i;x\"", "b"))), "supported-collation"),
        (format!(">{}", prop("FN", &text("match-type=\"like\"", "b"))), "valid-filter"),
    ] {
        let told = stage.friends(&query(&filter)).await;
        assert_eq!((told.status, told.condition()), (StatusCode::FORBIDDEN, condition.to_owned()));
    }
    let bare = format!("<C:addressbook-query xmlns:C=\"{CARDDAV}\"/>");
    assert_eq!(stage.friends(&bare).await.condition(), "valid-filter");
    let version = query(">").replace("<C:address-data/>", "<C:address-data version=\"2.1\"/>");
    assert_eq!(stage.friends(&version).await.condition(), "supported-address-data");
}

#[tokio::test]
async fn row_53_cards_come_in_the_version_asked_for() {
    let stage = stage();
    stage.put("friends", "new", "BEGIN:VCARD\nVERSION:4.0\nUID:new\nFN:New\nEMAIL;PREF=1:new@example.org\nEND:VCARD\n");
    let versions = |told: super::Told| -> Vec<String> {
        let version = |text: &String| text.lines().find(|line| line.starts_with("VERSION")).unwrap().to_owned();
        told.texts().iter().map(version).collect()
    };
    let three = query(">");
    assert_eq!(versions(stage.friends(&three).await), ["VERSION:3.0"; 4]);
    let four = three.replace("<C:address-data/>", "<C:address-data content-type=\"text/vcard\" version=\"4.0\"/>");
    assert_eq!(versions(stage.friends(&four).await), ["VERSION:4.0"; 4]);
}

#[tokio::test]
async fn row_55_the_directory_is_searched() {
    let stage = Stage::new();
    stage.add("directory", CollectionKind::Directory, Owner::Me, Rights::READ);
    for (name, address) in
        [("Wilma Stone", "wilma@example.com"), ("Fred Stone", "fred@example.com"), ("Stone Room", "room@example.com")]
    {
        stage.account.add_person(Person {
            display_name: name.to_owned(),
            address: address.to_owned(),
            kind: PersonKind::Individual,
            card: format!(
                "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:{address}\r\nFN:{name}\r\nEMAIL:{address}\r\nEND:VCARD\r\n"
            ),
        });
    }
    let path = "/dav/addressbooks/bernard/directory/";
    let ask = |filter: &str, rest: &str| {
        let body = query(filter).replace("</C:addressbook-query>", &format!("{rest}</C:addressbook-query>"));
        let stage = &stage;
        async move { stage.ask("REPORT", path, "Depth: 1", &body).await }
    };
    let contains = |name: &str, text: &str| {
        format!("<C:prop-filter name=\"{name}\"><C:text-match>{text}</C:text-match></C:prop-filter>")
    };
    let told = ask(&format!(">{}{}", contains("FN", "wil"), contains("EMAIL", "wil")), "").await;
    assert_eq!(told.names(), ["wilma@example.com.vcf"]);
    assert!(told.texts()[0].contains("VERSION:3.0") && told.texts()[0].contains("FN:Wilma Stone"));
    let told = ask(&format!(" test=\"allof\">{}{}", contains("FN", "stone"), contains("EMAIL", "fred")), "").await;
    assert_eq!(told.names(), ["fred@example.com.vcf"]);
    let told = ask(&format!(">{}", contains("FN", "stone")), "<C:limit><C:nresults>2</C:nresults></C:limit>").await;
    assert_eq!((told.names().len(), told.statuses()[0].1.as_str()), (2, "507 Insufficient Storage"));
    // Nothing to look for: nobody is told of, rather than everybody.
    assert!(ask(">", "").await.names().is_empty());
}
