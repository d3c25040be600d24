//! Public folders: what may be asked of them, who may do what, and where requests must be sent.

use base64::{Engine, engine::general_purpose::STANDARD};
use exchange_sim::{Answer, Caller, preset::public_folders};

use crate::soap::{Server, attribute, attributes, texts};

const BOB: &str = "bob@example.org";

fn with_public_folders(version: &str, routed: bool) -> Server {
    let server = Server::new(version);
    public_folders(&server.exchange, "anna@example.org", routed).unwrap();
    server
}

fn find(parent: &str, how: &str) -> String {
    format!(
        r#"<m:FindFolder Traversal="{how}"><m:FolderShape><t:BaseShape>Default</t:BaseShape><t:AdditionalProperties>
        <t:ExtendedFieldURI PropertyTag="0x6698" PropertyType="Binary"/></t:AdditionalProperties></m:FolderShape>
        <m:ParentFolderIds>{parent}</m:ParentFolderIds></m:FindFolder>"#
    )
}

const ROOT: &str = r#"<t:DistinguishedFolderId Id="publicfoldersroot"/>"#;

/// The id of a folder below the root.
fn folder(server: &Server, name: &str) -> String {
    let found = server.ask(&find(ROOT, "Shallow"));
    let place = texts(&found, "DisplayName").iter().position(|found| found == name).unwrap();
    format!(r#"<t:FolderId Id="{}"/>"#, attributes(&found, "FolderId", "Id")[place])
}

fn items(folder: &str) -> String {
    format!(
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ParentFolderIds>{folder}</m:ParentFolderIds></m:FindItem>"#
    )
}

#[test]
fn there_may_be_none() {
    let server = Server::new("se");
    assert_eq!(server.code(&find(ROOT, "Shallow")), "ErrorNoPublicFolderServerAvailable");
}

#[test]
fn the_tree_is_walked_folder_by_folder() {
    let server = with_public_folders("se", false);
    let found = server.ask(&find(ROOT, "Shallow"));
    assert_eq!(texts(&found, "DisplayName"), ["Announcements", "Board", "Phone List", "Projects"]);
    assert!(attributes(&found, "FolderId", "Id").iter().all(|id| id.starts_with("AAEu")));
    for request in [
        find(ROOT, "Deep"),
        format!(
            "<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:SyncFolderId>{ROOT}</m:SyncFolderId></m:SyncFolderHierarchy>"
        ),
        format!(
            "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>{}</m:SyncFolderId><m:MaxChangesReturned>5</m:MaxChangesReturned></m:SyncFolderItems>",
            folder(&server, "Announcements")
        ),
        format!(
            r#"<m:CopyFolder><m:ToFolderId>{ROOT}</m:ToFolderId><m:FolderIds>{}</m:FolderIds></m:CopyFolder>"#,
            folder(&server, "Board")
        ),
    ] {
        assert_eq!(server.code(&request), "ErrorInvalidFolderTypeForOperation", "{request}");
    }
    let delete =
        format!(r#"<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds>{ROOT}</m:FolderIds></m:DeleteFolder>"#);
    assert_eq!(server.code(&delete), "ErrorOperationNotAllowedWithPublicFolderRoot");
    let inside = server.ask(&find(&folder(&server, "Projects"), "Shallow"));
    assert_eq!(texts(&inside, "DisplayName"), ["Alpha"]);
}

#[test]
fn everybody_reads_and_posts_and_only_the_owner_does_more() {
    let server = with_public_folders("se", false);
    let announcements = folder(&server, "Announcements");
    let as_bob = |request: &str| server.document(BOB, &server.envelope(request)).1;
    let code = |request: &str| texts(&as_bob(request), "ResponseCode").remove(0);
    assert_eq!(texts(&as_bob(&find(ROOT, "Shallow")), "DisplayName"), ["Announcements", "Phone List", "Projects"]);
    let listed = as_bob(&items(&announcements));
    assert_eq!(texts(&listed, "Subject").len(), 3);
    assert_eq!(listed.matches("<t:PostItem>").count(), 1);
    let ids = attributes(&listed, "ItemId", "Id");
    assert!(ids.iter().all(|id| id.starts_with("AAIARg")), "{ids:?}");
    let post = format!(
        r#"<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>{announcements}</m:SavedItemFolderId><m:Items><t:PostItem><t:Subject>Bob was here</t:Subject></t:PostItem></m:Items></m:CreateItem>"#
    );
    let own = attribute(&as_bob(&post), "ItemId", "Id");
    let delete = |id: &str| {
        format!(r#"<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:DeleteItem>"#)
    };
    assert_eq!(code(&delete(&ids[0])), "ErrorAccessDenied");
    assert_eq!(code(&delete(&own)), "NoError");
    let make = format!(
        "<m:CreateFolder><m:ParentFolderId>{announcements}</m:ParentFolderId><m:Folders><t:Folder><t:DisplayName>New</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>"
    );
    assert_eq!(code(&make), "ErrorAccessDenied");
    assert_eq!(server.code(&make), "NoError");
    assert_eq!(code(&items(&folder(&server, "Board"))), "ErrorAccessDenied");
    let shown = as_bob(&format!(
        "<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape><m:FolderIds>{announcements}</m:FolderIds></m:GetFolder>"
    ));
    assert_eq!(
        (texts(&shown, "CreateContents"), texts(&shown, "Delete")),
        (vec!["true".to_owned()], vec!["false".to_owned()])
    );
}

#[test]
fn items_move_between_public_folders_and_mailboxes() {
    let server = with_public_folders("se", false);
    let (announcements, board) = (folder(&server, "Announcements"), folder(&server, "Board"));
    let first = attribute(&server.ask(&items(&announcements)), "ItemId", "Id");
    let shift = |item: &str, to: &str| {
        server.ask(&format!(r#"<m:MoveItem><m:ToFolderId>{to}</m:ToFolderId><m:ItemIds><t:ItemId Id="{item}"/></m:ItemIds></m:MoveItem>"#))
    };
    let moved = attribute(&shift(&first, &board), "ItemId", "Id");
    assert_ne!(moved, first);
    let out = shift(&moved, r#"<t:DistinguishedFolderId Id="inbox"/>"#);
    assert_eq!((texts(&out, "ResponseCode").remove(0), out.contains("<t:ItemId")), ("NoError".to_owned(), false));
    assert_eq!(server.items("inbox").len(), 1);
}

#[test]
fn since_2013_requests_are_led_to_the_right_mailbox() {
    let server = with_public_folders("se", false);
    let found = server.ask(&find(ROOT, "Shallow"));
    let replica = String::from_utf8(STANDARD.decode(&texts(&found, "Value")[0]).unwrap()).unwrap();
    let projects = folder(&server, "Projects");
    let inside = server.ask(&find(&projects, "Shallow"));
    let other = String::from_utf8(STANDARD.decode(&texts(&inside, "Value")[0]).unwrap()).unwrap();
    let alpha = format!(r#"<t:FolderId Id="{}"/>"#, attribute(&inside, "FolderId", "Id"));
    let mailboxes = server.exchange.public_folder_mailboxes();
    assert_eq!(mailboxes[0].0, format!("{}@example.org", replica.trim_end_matches('\0')));
    assert_eq!(mailboxes[1].0, format!("{}@example.org", other.trim_end_matches('\0')));
    server.exchange.route_public_folders(true);

    let ask = |anchor: Option<&str>, mailbox: Option<&str>, request: &str| {
        let caller = Caller {
            anchor: anchor.map(str::to_owned),
            public_folder_mailbox: mailbox.map(str::to_owned),
            ..Caller::of("anna@example.org")
        };
        match server.exchange.answer_for(&caller, server.envelope(request).as_bytes()) {
            Answer::Document { body, .. } => texts(&String::from_utf8(body).unwrap(), "ResponseCode").remove(0),
            Answer::Stream { .. } => panic!("a stream"),
        }
    };
    let (hierarchy, first, second) = (mailboxes[0].1.as_str(), mailboxes[0].0.as_str(), mailboxes[1].1.as_str());
    let tree = find(&projects, "Shallow");
    assert_eq!(ask(None, None, &tree), "ErrorNoPublicFolderServerAvailable");
    assert_eq!(ask(Some("anna@example.org"), Some(first), &tree), "ErrorPublicFolderMailboxDiscoveryFailed");
    assert_eq!(ask(Some(second), Some(second), &tree), "ErrorPublicFolderOperationFailed");
    assert_eq!(ask(Some(hierarchy), Some(first), &tree), "NoError");
    assert_eq!(ask(Some(hierarchy), Some(first), &items(&alpha)), "ErrorPublicFolderOperationFailed");
    assert_eq!(ask(Some(second), Some(second), &items(&alpha)), "NoError");

    let old = with_public_folders("2010_SP2", true);
    assert_eq!(old.code(&find(ROOT, "Shallow")), "NoError", "2010 has public folder databases");
}
