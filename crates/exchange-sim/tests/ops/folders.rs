//! Folders.

use crate::soap::{Server, attribute, attributes, texts};

fn create(server: &Server, parent: &str, name: &str) -> String {
    server.ask(&format!(
        r#"<m:CreateFolder><m:ParentFolderId>{parent}</m:ParentFolderId>
        <m:Folders><t:Folder><t:DisplayName>{name}</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>"#
    ))
}

fn hierarchy(server: &Server, state: &str) -> String {
    server.ask(&format!(
        r#"<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>
        <m:SyncState>{state}</m:SyncState></m:SyncFolderHierarchy>"#
    ))
}

const INBOX: &str = r#"<t:DistinguishedFolderId Id="inbox"/>"#;

#[test]
fn a_folder_keeps_its_id_when_it_is_renamed_and_moved() {
    let server = Server::new("se");
    let start = hierarchy(&server, "");
    assert!(texts(&start, "DisplayName").contains(&"Sent Items".to_owned()));
    let state = texts(&start, "SyncState").remove(0);

    let created = create(&server, INBOX, "Work");
    let (id, key) = (attribute(&created, "FolderId", "Id"), attribute(&created, "FolderId", "ChangeKey"));
    assert_eq!(texts(&create(&server, INBOX, "work"), "ResponseCode"), ["ErrorFolderExists"]);
    let renamed = server.ask(&format!(
        r#"<m:UpdateFolder><m:FolderChanges><t:FolderChange><t:FolderId Id="{id}"/><t:Updates><t:SetFolderField>
        <t:FieldURI FieldURI="folder:DisplayName"/><t:Folder><t:DisplayName>Office &amp; more</t:DisplayName></t:Folder>
        </t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>"#
    ));
    assert_eq!(attribute(&renamed, "FolderId", "Id"), id);
    assert_ne!(attribute(&renamed, "FolderId", "ChangeKey"), key);
    let moved = server.ask(&format!(
        r#"<m:MoveFolder><m:ToFolderId><t:DistinguishedFolderId Id="msgfolderroot"/></m:ToFolderId>
        <m:FolderIds><t:FolderId Id="{id}"/></m:FolderIds></m:MoveFolder>"#
    ));
    assert_eq!(attribute(&moved, "FolderId", "Id"), id);

    let changes = hierarchy(&server, &state);
    assert_eq!(changes.matches("<t:Create>").count(), 1);
    assert!(texts(&changes, "DisplayName").contains(&"Office &amp; more".to_owned()));
    let state = texts(&changes, "SyncState").remove(0);
    assert_eq!(
        server.code(&format!(
            r#"<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds><t:FolderId Id="{id}"/></m:FolderIds></m:DeleteFolder>"#
        )),
        "NoError"
    );
    assert_eq!(hierarchy(&server, &state).matches("<t:Delete>").count(), 1);
    // Recorded: the code for items, for folders too.
    assert_eq!(
        server.code(&format!(
            r#"<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>
            <m:FolderIds><t:FolderId Id="{id}"/></m:FolderIds></m:GetFolder>"#
        )),
        "ErrorItemNotFound"
    );
    assert_eq!(
        texts(&create(&server, &format!("<t:FolderId Id=\"{id}\"/>"), "x"), "ResponseCode"),
        ["ErrorParentFolderNotFound"]
    );
}

/// Recorded from four servers: the same change key with other counts.
#[test]
fn new_mail_is_no_change_of_the_folder() {
    let server = Server::new("se");
    let state = texts(&hierarchy(&server, ""), "SyncState").remove(0);
    server.deliver("Subject: x\r\n\r\nx\r\n");
    assert!(attributes(&hierarchy(&server, &state), "FolderId", "Id").is_empty());
}

#[test]
fn what_must_not_be_done_to_folders() {
    let server = Server::new("2010_SP2");
    let delete = r#"<m:DeleteFolder DeleteType="MoveToDeletedItems"><m:FolderIds><t:DistinguishedFolderId Id="drafts"/></m:FolderIds></m:DeleteFolder>"#;
    assert_eq!(server.code(delete), "ErrorDeleteDistinguishedFolder");
    let malformed = create(&server, r#"<t:FolderId Id="invalidparentid"/>"#, "x");
    assert_eq!(texts(&malformed, "MessageText"), ["Id is malformed."]);
    assert!(malformed.contains("<m:Folders/>"));
    let a = attribute(&create(&server, INBOX, "a"), "FolderId", "Id");
    let b = attribute(&create(&server, &format!("<t:FolderId Id=\"{a}\"/>"), "b"), "FolderId", "Id");
    let into_itself = format!(
        r#"<m:MoveFolder><m:ToFolderId><t:FolderId Id="{b}"/></m:ToFolderId>
        <m:FolderIds><t:FolderId Id="{a}"/></m:FolderIds></m:MoveFolder>"#
    );
    assert_eq!(server.code(&into_itself), "ErrorMoveCopyFailed");
    let others = r#"<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>
        <t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>bob@example.org</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>
        <t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>x@example.org</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>
        </m:FolderIds></m:GetFolder>"#;
    assert_eq!(texts(&server.ask(others), "ResponseCode"), ["ErrorFolderNotFound", "ErrorNonExistentMailbox"]);
}

#[test]
fn folders_are_found_and_counted() {
    let server = Server::new("se");
    create(&server, INBOX, "One");
    server.deliver("Subject: x\r\n\r\nx\r\n");
    let answer = server.ask(
        r#"<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>
        <t:FieldURI FieldURI="folder:DisplayName"/><t:ExtendedFieldURI PropertyTag="0x3603" PropertyType="Integer"/>
        <t:ExtendedFieldURI PropertyTag="0x10f4" PropertyType="Boolean"/></t:AdditionalProperties></m:FolderShape>
        <m:IndexedPageFolderView MaxEntriesReturned="500" Offset="0" BasePoint="Beginning"/>
        <m:Restriction><t:Or><t:IsEqualTo><t:ExtendedFieldURI PropertyTag="0x3613" PropertyType="String"/>
        <t:FieldURIOrConstant><t:Constant Value="IPF.Note"/></t:FieldURIOrConstant></t:IsEqualTo>
        <t:Not><t:Exists><t:ExtendedFieldURI PropertyTag="0x3613" PropertyType="String"/></t:Exists></t:Not></t:Or></m:Restriction>
        <m:ParentFolderIds><t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderIds></m:FindFolder>"#,
    );
    let names = texts(&answer, "DisplayName");
    assert!(names.contains(&"Inbox".to_owned()) && names.contains(&"One".to_owned()), "{names:?}");
    assert!(!names.contains(&"Calendar".to_owned()));
    assert_eq!(attributes(&answer, "RootFolder", "IncludesLastItemInRange"), ["true"]);
    assert_eq!(attributes(&answer, "RootFolder", "TotalItemsInView"), [names.len().to_string()]);
}

#[test]
fn emptying_a_folder_leaves_it_empty() {
    let server = Server::new("se");
    for _ in 0..3 {
        server.deliver("Subject: x\r\n\r\nx\r\n");
    }
    let empty = r#"<m:EmptyFolder DeleteType="MoveToDeletedItems" DeleteSubFolders="false"><m:FolderIds>
        <t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:EmptyFolder>"#;
    assert_eq!(server.code(empty), "NoError");
    assert_eq!((server.items("inbox").len(), server.items("deleteditems").len()), (0, 3));
}
