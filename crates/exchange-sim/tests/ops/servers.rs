//! Mailboxes on older servers, mailboxes that move, searches without an index, and items that fail for good.

use exchange_sim::{Caller, Edit, Poison};

use crate::soap::{Server, attributes, texts};

const ANNA: &str = "anna@example.org";
const BOB: &str = "bob@example.org";

const INBOX: &str = r#"<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape><m:FolderIds>
    <t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>"#;

/// Asks as somebody for a schema version.
fn ask(server: &Server, user: &str, version: &str, body: &str) -> String {
    server.document(user, &server.envelope(body).replace("Exchange2013_SP1", version)).1
}

#[test]
fn a_mailbox_may_be_on_an_older_server() {
    let server = Server::new("se");
    server.exchange.set_mailbox_version(ANNA, "2010_SP2".parse().unwrap()).unwrap();
    let code =
        |user: &str, version: &str, body: &str| texts(&ask(&server, user, version, body), "ResponseCode").remove(0);
    assert_eq!(code(ANNA, "Exchange2013", INBOX), "ErrorInvalidSchemaVersionForMailboxVersion");
    assert_eq!(code(BOB, "Exchange2013", INBOX), "NoError");
    let answer = ask(&server, ANNA, "Exchange2010_SP2", INBOX);
    assert!(answer.contains(r#"MajorVersion="14" MinorVersion="3""#), "{answer}");
    assert!(ask(&server, BOB, "Exchange2010_SP2", INBOX).contains(r#"MajorVersion="15""#));
    let annas = INBOX.replace(
        r#""inbox"/>"#,
        r#""inbox"><t:Mailbox><t:EmailAddress>anna@example.org</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>"#,
    );
    assert_eq!(code(BOB, "Exchange2013", &annas), "ErrorInvalidSchemaVersionForMailboxVersion");
    let tree = r#"<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:ParentFolderIds>
        <t:DistinguishedFolderId Id="root"/></m:ParentFolderIds></m:FindFolder>"#;
    let names = |user: &str| texts(&ask(&server, user, "Exchange2010_SP2", tree), "DisplayName");
    assert!(!names(ANNA).contains(&"Sync Issues".to_owned()) && names(BOB).contains(&"Sync Issues".to_owned()));
}

#[test]
fn workmail_refuses_newer_schemas() {
    let server = Server::new("workmail");
    assert_eq!("workmail".parse::<exchange_sim::Version>(), "2010_SP2".parse());
    let code = |version: &str| {
        let request = server.envelope(INBOX).replace("Exchangeworkmail", version);
        texts(&server.document(ANNA, &request).1, "ResponseCode").remove(0)
    };
    for (version, outcome) in [
        ("Exchange2013", "ErrorInvalidServerVersion"),
        ("Exchange2013_SP1", "ErrorInvalidServerVersion"),
        ("Exchange2010_SP2", "NoError"),
    ] {
        assert_eq!(code(version), outcome, "{version}");
    }
}

#[test]
fn a_mailbox_that_moves_is_away_for_a_while() {
    let server = Server::new("se");
    server.deliver("Subject: stays\r\n\r\nx\r\n");
    let before = server.items("inbox");
    server.exchange.move_mailbox(ANNA, 60, false, None).unwrap();
    assert_eq!(texts(&server.refused(INBOX), "ResponseCode"), ["ErrorMailboxMoveInProgress"]);
    assert_eq!(texts(&ask(&server, BOB, "Exchange2013", INBOX), "ResponseCode"), ["NoError"]);
    server.exchange.put_ahead(59);
    assert!(server.refused(INBOX).contains("ErrorMailboxMoveInProgress"));
    server.exchange.put_ahead(2);
    assert_eq!(server.items("inbox"), before, "the ids stayed");

    server.exchange.move_mailbox(ANNA, 3600, true, Some(1)).unwrap();
    server.exchange.finish_move(ANNA).unwrap();
    assert_eq!(texts(&server.refused(INBOX), "ResponseCode"), ["ErrorProxyRequestNotAllowed"]);
    let there = Caller { front_end: 1, ..Caller::of(ANNA) };
    let exchange_sim::Answer::Document { status, body, .. } =
        server.exchange.answer_for(&there, server.envelope(INBOX).as_bytes())
    else {
        panic!("a stream")
    };
    assert_eq!(status, 200);
    let id = attributes(&String::from_utf8(body).unwrap(), "FolderId", "Id").remove(0);
    assert!(!before[0].contains(&id[8..40]), "the ids are others");
}

#[test]
fn without_an_index_query_strings_are_refused() {
    let server = Server::new("se");
    let find = r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ParentFolderIds>
        <t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds><m:QueryString>subject:x</m:QueryString></m:FindItem>"#;
    assert_eq!(server.code(find), "NoError");
    server.exchange.set_indexed(false);
    assert_eq!(server.code(find), "ErrorContentIndexingNotEnabled");
}

#[test]
fn a_poisoned_item_fails_until_it_is_healed() {
    let server = Server::new("se");
    for number in 0..2 {
        server.deliver(&format!("Subject: m{number}\r\n\r\nx\r\n"));
    }
    let ids = server.items("inbox");
    let get = |shape: &str| {
        let ids: String = ids.iter().map(|id| format!(r#"<t:ItemId Id="{id}"/>"#)).collect();
        let answer = server
            .ask(&format!("<m:GetItem><m:ItemShape>{shape}</m:ItemShape><m:ItemIds>{ids}</m:ItemIds></m:GetItem>"));
        texts(&answer, "ResponseCode")
    };
    let mime = "<t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>";
    let item = Edit::ItemId(ids[0].clone());
    for _ in 0..2 {
        server.exchange.poison(ANNA, &item, Some(Poison::Mime)).unwrap();
        assert_eq!(get(mime), ["ErrorMimeContentConversionFailed", "NoError"]);
    }
    assert_eq!(get("<t:BaseShape>AllProperties</t:BaseShape>"), ["NoError", "NoError"]);
    server.exchange.poison(ANNA, &item, Some(Poison::Corrupt)).unwrap();
    assert_eq!(get("<t:BaseShape>AllProperties</t:BaseShape>"), ["ErrorItemCorrupt", "NoError"]);
    server.exchange.poison(ANNA, &item, None).unwrap();
    assert_eq!(get(mime), ["NoError", "NoError"]);
}
