//! Synchronisation of folders and items.

use crate::soap::{Server, attribute, attributes, texts};

#[test]
fn a_folder_is_read_by_name() {
    let server = Server::new("se");
    let answer = server.ask(
        r#"<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape>
           <m:FolderIds><t:DistinguishedFolderId Id="inbox"/><t:DistinguishedFolderId Id="archiveroot"/></m:FolderIds></m:GetFolder>"#,
    );
    assert_eq!(texts(&answer, "ResponseCode"), ["NoError", "ErrorFolderNotFound"]);
    assert_eq!(texts(&answer, "DisplayName"), ["Inbox"]);
    assert_eq!(texts(&answer, "DistinguishedFolderId"), ["inbox"]);
}

#[test]
fn mail_arrives_is_synced_read_and_fetched() {
    let server = Server::new("se");
    server.deliver("Subject: hello\r\nFrom: Bob <bob@example.org>\r\nTo: anna@example.org\r\nMessage-ID: <1@example.org>\r\n\r\nHi Anna\r\n");
    let first = server.sync("inbox", "");
    assert_eq!(texts(&first, "IncludesLastItemInRange"), ["true"]);
    assert_eq!(first.matches("<t:Create>").count(), 1);
    let id = attribute(&first, "ItemId", "Id");
    assert!(id.len() >= 152, "{id}");
    let key = attribute(&first, "ItemId", "ChangeKey");
    let state = texts(&first, "SyncState").remove(0);

    let item = server.ask(&format!(
        r#"<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>
        <t:AdditionalProperties><t:ExtendedFieldURI PropertyTag="0x0e23" PropertyType="Integer"/>
        <t:ExtendedFieldURI PropertyTag="0x300B" PropertyType="Binary"/><t:ExtendedFieldURI PropertyTag="0x7d" PropertyType="String"/>
        </t:AdditionalProperties></m:ItemShape>
        <m:ItemIds><t:ItemId Id="{id}" ChangeKey="{key}"/></m:ItemIds></m:GetItem>"#
    ));
    assert_eq!(texts(&item, "Subject"), ["hello"]);
    assert_eq!(texts(&item, "InternetMessageId"), ["&lt;1@example.org&gt;"]);
    assert!(item.contains("PropertyTag=\"0xe23\""));
    assert_eq!(texts(&item, "Value")[0], "1");

    let update = |resolution: &str, read: bool, key: &str| {
        server.ask(&format!(
            r#"<m:UpdateItem MessageDisposition="SaveOnly" ConflictResolution="{resolution}"><m:ItemChanges><t:ItemChange>
            <t:ItemId Id="{id}" ChangeKey="{key}"/><t:Updates><t:SetItemField><t:FieldURI FieldURI="message:IsRead"/>
            <t:Message><t:IsRead>{read}</t:IsRead></t:Message></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
        ))
    };
    let updated = update("AutoResolve", true, &key);
    assert_eq!(texts(&updated, "ResponseCode"), ["NoError"]);
    assert_ne!(attribute(&updated, "ItemId", "ChangeKey"), key);
    // Only the read flag is newer: that is no conflict the server could not resolve.
    assert_eq!(texts(&update("AutoResolve", true, &key), "ResponseCode"), ["NoError"]);
    assert_eq!(texts(&update("NeverOverwrite", false, &key), "ResponseCode"), ["ErrorIrresolvableConflict"]);
    let second = server.sync("inbox", &state);
    assert_eq!(second.matches("<t:ReadFlagChange>").count(), 1);
    assert_eq!(second.matches("<t:Create>").count() + second.matches("<t:Update>").count(), 0);
    let state = texts(&second, "SyncState").remove(0);
    let third = server.sync("inbox", &state);
    assert!(third.contains("<m:Changes></m:Changes>"));
}

#[test]
fn pages_of_a_sync_hold_512_and_give_each_item_once() {
    for (version, newest_first) in [("2010_SP1", false), ("2010_SP2", true), ("se", true)] {
        let server = Server::new(version);
        for number in 0..1100 {
            server.deliver(&format!("Subject: m{number}\r\n\r\nx\r\n"));
        }
        let mut state = String::new();
        let mut seen = Vec::new();
        let mut pages = Vec::new();
        loop {
            let page = server.sync("inbox", &state);
            let ids = attributes(&page, "ItemId", "Id");
            pages.push(ids.len());
            seen.extend(ids);
            state = texts(&page, "SyncState").remove(0);
            if pages.len() == 1 {
                server.deliver("Subject: meanwhile\r\n\r\nx\r\n");
            }
            if texts(&page, "IncludesLastItemInRange") == ["true"] {
                break;
            }
        }
        assert_eq!(pages, [512, 512, 76], "{version}");
        let mut unique = seen.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), 1100);
        assert_eq!(server.subject(&seen[0]), if newest_first { "m1099" } else { "m0" });
        assert_eq!(attributes(&server.sync("inbox", &state), "ItemId", "Id").len(), 1);
    }
}

#[test]
fn wrong_requests_are_faults_as_recorded() {
    let wrong_order = r#"<m:GetFolder><m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds>
        <m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape></m:GetFolder>"#;
    let answer = Server::new("se").refused(wrong_order);
    assert!(answer.contains("a:ErrorSchemaValidation") && answer.contains("t:LineNumber"), "{answer}");
    let answer = Server::new("2007_SP1").refused(wrong_order);
    assert!(answer.contains("soap11:Client") && answer.contains("e:Line"), "{answer}");

    // What the recorded server was asked for, and what it said.
    let unknown = r#"<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>
        <m:FolderIds><t:DistinguishedFolderId Id="invalidparentid"/></m:FolderIds></m:GetFolder>"#;
    assert!(Server::new("se").refused(unknown).contains(
        "The 'Id' attribute is invalid - The value 'invalidparentid' is invalid according to its datatype \
         'http://schemas.microsoft.com/exchange/services/2006/types:DistinguishedFolderIdNameType' - \
         The Enumeration constraint failed."
    ));
}
