//! What depends on the version of the server and of the request, and what a migration changes.

use crate::soap::{Server, attribute, attributes, texts};

const ALL: &str = "<t:BaseShape>AllProperties</t:BaseShape>";

#[test]
fn a_server_knows_its_version_and_folders() {
    for (version, major, minor) in
        [("2007_SP1", "8", "1"), ("2010", "14", "0"), ("2013", "15", "0"), ("2016", "15", "1")]
    {
        let server = Server::new(version);
        let answer = server.sync("inbox", "");
        assert_eq!(attribute(&answer, "ServerVersionInfo", "MajorVersion"), major);
        assert_eq!(attribute(&answer, "ServerVersionInfo", "MinorVersion"), minor);
    }
    let folder = |id: &str| {
        format!(
            r#"<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>
            <m:FolderIds><t:DistinguishedFolderId Id="{id}"/></m:FolderIds></m:GetFolder>"#
        )
    };
    assert_eq!(Server::new("2013").code(&folder("conversationhistory")), "NoError");
    assert!(Server::new("2010_SP2").refused(&folder("conversationhistory")).contains("ErrorSchemaValidation"));
}

#[test]
fn an_older_request_sees_only_what_its_schema_has() {
    let message = "Subject: x\r\nMessage-ID: <1@b.example>\r\n\r\nx\r\n";
    for (version, flag, conversation) in [("2007_SP1", 0, 0), ("2010", 0, 1), ("2013", 1, 1)] {
        let server = Server::new(version);
        server.deliver(message);
        let id = server.items("inbox").remove(0);
        let item = server.item(&id, ALL);
        assert_eq!(item.matches("<t:Flag>").count(), flag, "{version}");
        assert_eq!(item.matches("<t:ConversationId ").count(), conversation, "{version}");
    }
}

#[test]
fn a_request_must_name_a_version_that_has_what_it_uses() {
    let server = Server::new("se");
    let ask = |version: &str, body: &str| {
        let request = server.envelope(body).replace("Exchange2013_SP1", version);
        server.document("anna@example.org", &request).1
    };
    let newer = r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>
        <t:FieldURI FieldURI="item:Flag"/></t:AdditionalProperties></m:ItemShape>
        <m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>"#;
    assert_eq!(texts(&ask("Exchange2010_SP2", newer), "e:ResponseCode").len(), 0);
    assert_eq!(texts(&ask("Exchange2010_SP2", newer), "ResponseCode"), ["ErrorIncorrectSchemaVersion"]);
    assert_eq!(texts(&ask("Exchange2013", newer), "ResponseCode"), ["NoError"]);
    assert_eq!(texts(&ask("Exchange2042", newer), "ResponseCode"), ["ErrorInvalidServerVersion"]);
    let mark = r#"<m:MarkAllItemsAsRead><m:ReadFlag>true</m:ReadFlag><m:SuppressReadReceipts>true</m:SuppressReadReceipts>
        <m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:MarkAllItemsAsRead>"#;
    assert_eq!(texts(&ask("Exchange2010_SP1", mark), "ResponseCode"), ["ErrorIncorrectSchemaVersion"]);
    assert_eq!(texts(&Server::new("2010_SP2").refused(mark), "ResponseCode"), ["ErrorInvalidRequest"]);
}

#[test]
fn after_a_migration_every_id_is_another_and_the_content_is_there() {
    let server = Server::new("se");
    for number in 0..5 {
        server.deliver(&format!("Subject: m{number}\r\n\r\nx\r\n"));
    }
    let keys = r#"<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:Subject"/>
        <t:ExtendedFieldURI PropertyTag="0x300b" PropertyType="Binary"/><t:ExtendedFieldURI PropertyTag="0x0e23" PropertyType="Integer"/>
        </t:AdditionalProperties>"#;
    let all = || {
        let page = server.sync("inbox", "");
        (
            attributes(&page, "ItemId", "Id"),
            attributes(&page, "ItemId", "ChangeKey"),
            texts(&page, "SyncState").remove(0),
        )
    };
    let content = |ids: &[String]| -> Vec<Vec<String>> {
        ids.iter()
            .map(|id| {
                let item = server.item(id, keys);
                [texts(&item, "Subject"), texts(&item, "Value")].concat()
            })
            .collect()
    };
    let (ids, change_keys, state) = all();
    let before = content(&ids);
    server.exchange.migrate("anna@example.org").unwrap();
    let (new_ids, new_change_keys, _) = all();
    assert!(ids.iter().all(|id| !new_ids.contains(id)));
    assert!(change_keys.iter().all(|key| !new_change_keys.contains(key)));
    assert_eq!(content(&new_ids), before);
    assert_eq!(texts(&server.item(&ids[0], keys), "ResponseCode"), ["ErrorItemNotFound"]);
    assert_eq!(texts(&server.sync("inbox", &state), "ResponseCode"), ["ErrorInvalidSyncStateData"]);
}

#[test]
fn an_edit_on_the_server_keeps_the_id_and_changes_the_rest() {
    let server = Server::new("se");
    server.deliver("Subject: before\r\n\r\nx\r\n");
    let page = server.sync("inbox", "");
    let (id, key) = (attribute(&page, "ItemId", "Id"), attribute(&page, "ItemId", "ChangeKey"));
    let edit = exchange_sim::Edit::Subject { folder: "inbox".to_owned(), subject: "before".to_owned() };
    server.exchange.edit("anna@example.org", &edit, b"Subject: after\r\n\r\ny\r\n".to_vec()).unwrap();
    let changes = server.sync("inbox", &texts(&page, "SyncState")[0]);
    assert_eq!(changes.matches("<t:Update>").count(), 1);
    assert_eq!(attribute(&changes, "ItemId", "Id"), id);
    assert_ne!(attribute(&changes, "ItemId", "ChangeKey"), key);
    assert_eq!(server.subject(&id), "after");
}

#[test]
fn what_belongs_to_others_is_not_shown() {
    let server = Server::new("se");
    server.deliver("Subject: private\r\n\r\nx\r\n");
    let id = server.items("inbox").remove(0);
    let request = server.envelope(&format!(
        r#"<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:GetItem>"#
    ));
    let (_, answer) = server.document("bob@example.org", &request);
    assert_eq!(texts(&answer, "ResponseCode"), ["ErrorAccessDenied"]);
}
