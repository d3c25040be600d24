//! Archive mailboxes: their folders have distinguished names of their own.

use crate::soap::{Server, attribute, attributes, texts};

fn get(id: &str) -> String {
    format!(
        r#"<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape><m:FolderIds>
        <t:DistinguishedFolderId Id="{id}"/></m:FolderIds></m:GetFolder>"#
    )
}

#[test]
fn without_an_archive_its_folders_are_not_there() {
    let server = Server::new("se");
    assert_eq!(server.code(&get("archivemsgfolderroot")), "ErrorFolderNotFound");
    server.exchange.add_archive("bob@example.org").unwrap();
    assert_eq!(server.code(&get("archivemsgfolderroot")), "ErrorFolderNotFound", "that is Bob's");
    assert!(Server::new("2007_SP1").refused(&get("archiveroot")).contains("ErrorSchemaValidation"));
    assert!(server.exchange.add_archive("nobody@example.org").is_err());
}

#[test]
fn an_archive_is_a_mailbox_of_its_own() {
    let server = Server::new("se");
    server.exchange.add_archive("anna@example.org").unwrap();
    for id in [
        "archiveroot",
        "archivemsgfolderroot",
        "archivedeleteditems",
        "archiverecoverableitemsroot",
        "archiverecoverableitemsdeletions",
        "archiverecoverableitemsversions",
        "archiverecoverableitemspurges",
    ] {
        let answer = server.ask(&get(id));
        assert_eq!(texts(&answer, "DistinguishedFolderId"), [id]);
    }
    assert_eq!(server.code(&get("archiveinbox")), "ErrorFolderNotFound", "archives have none");
    let root = attribute(&server.ask(&get("archivemsgfolderroot")), "FolderId", "Id");
    assert_ne!(root, attribute(&server.ask(&get("msgfolderroot")), "FolderId", "Id"));

    let make = format!(
        r#"<m:CreateFolder><m:ParentFolderId><t:FolderId Id="{root}"/></m:ParentFolderId><m:Folders><t:Folder><t:DisplayName>2019</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>"#
    );
    let folder = attribute(&server.ask(&make), "FolderId", "Id");
    server.deliver("Subject: old\r\nMessage-ID: <old@b.example>\r\n\r\nx\r\n");
    let item = server.items("inbox").remove(0);
    let moved = server.ask(&format!(
        r#"<m:MoveItem><m:ToFolderId><t:FolderId Id="{folder}"/></m:ToFolderId><m:ItemIds><t:ItemId Id="{item}"/></m:ItemIds></m:MoveItem>"#
    ));
    assert_eq!(texts(&moved, "ResponseCode"), ["NoError"]);
    assert!(attributes(&moved, "ItemId", "Id").is_empty(), "another mailbox: no new id is told");
    assert!(server.items("inbox").is_empty());
    let held = server.exchange.contents("archive:anna@example.org").unwrap();
    assert_eq!(held["2019"][0]["message_id"], "<old@b.example>");
    let synced = server.ask(&format!(
        r#"<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:FolderId Id="{folder}"/></m:SyncFolderId><m:MaxChangesReturned>10</m:MaxChangesReturned></m:SyncFolderItems>"#
    ));
    assert_eq!(attributes(&synced, "ItemId", "Id").len(), 1);
    let tree = server.ask(
        r#"<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:SyncFolderId>
        <t:DistinguishedFolderId Id="archivemsgfolderroot"/></m:SyncFolderId></m:SyncFolderHierarchy>"#,
    );
    assert_eq!(texts(&tree, "DisplayName"), ["Deleted Items", "2019"]);
    let (_, refused) = server.document(
        "bob@example.org",
        &server.envelope(&format!(
            r#"<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:FolderId Id="{folder}"/></m:FolderIds></m:GetFolder>"#
        )),
    );
    assert_eq!(texts(&refused, "ResponseCode"), ["ErrorAccessDenied"]);
}
