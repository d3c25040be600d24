//! Creating, changing, sending, moving and deleting mail; attachments.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::soap::{Server, attribute, attributes, decoded, texts};

const MIME: &str = "<t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>";
const ALL: &str = "<t:BaseShape>AllProperties</t:BaseShape>";
const KEYS: &str = r#"<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>
    <t:ExtendedFieldURI PropertyTag="0x300b" PropertyType="Binary"/>
    <t:ExtendedFieldURI PropertyTag="0x0e23" PropertyType="Integer"/></t:AdditionalProperties>"#;

fn append(server: &Server, message: &str, properties: &str) -> String {
    let mime = STANDARD.encode(message);
    server.ask(&format!(
        r#"<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:DistinguishedFolderId Id="inbox"/></m:SavedItemFolderId>
        <m:Items><t:Message><t:MimeContent>{mime}</t:MimeContent>{properties}</t:Message></m:Items></m:CreateItem>"#
    ))
}

fn property(tag: &str, of: &str, value: &str) -> String {
    format!(
        r#"<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="{tag}" PropertyType="{of}"/><t:Value>{value}</t:Value></t:ExtendedProperty>"#
    )
}

#[test]
fn a_message_can_be_appended_as_if_it_had_been_received() {
    let server = Server::new("se");
    let flags = property("0x0e07", "Integer", "1")
        + &property("0x0e06", "SystemTime", "2020-01-02T03:04:05Z")
        + &property("0x1090", "Integer", "2");
    let id = attribute(&append(&server, "Subject: old\r\nFrom: a@b.example\r\n\r\nx\r\n", &flags), "ItemId", "Id");
    let item = server.item(&id, ALL);
    assert_eq!(texts(&item, "IsDraft"), ["false"]);
    assert_eq!(texts(&item, "IsRead"), ["true"]);
    assert_eq!(texts(&item, "DateTimeReceived"), ["2020-01-02T03:04:05Z"]);
    assert_eq!(texts(&item, "FlagStatus"), ["Flagged"]);
    // Never transported: no transport headers.
    assert!(!item.contains("InternetMessageHeaders"));
    let draft = attribute(&append(&server, "Subject: new\r\n\r\nx\r\n", ""), "ItemId", "Id");
    assert_eq!(texts(&server.item(&draft, ALL), "IsDraft"), ["true"]);
    assert_eq!(texts(&append(&server, "", ""), "ResponseCode"), ["ErrorMimeContentInvalid"]);
}

#[test]
fn the_source_is_rendered_anew_and_size_is_something_else() {
    let server = Server::new("se");
    let message = "From: a@b.example\r\nTo: anna@example.org\r\nSubject: two parts\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/alternative; boundary=\"mine\"\r\n\r\n--mine\r\nContent-Type: text/plain\r\n\r\none\r\n\
        --mine\r\nContent-Type: text/html\r\n\r\n<p>one</p>\r\n--mine--\r\n";
    server.deliver(message);
    let id = server.items("inbox").remove(0);
    let rendered = decoded(&server.item(&id, MIME), "MimeContent");
    assert!(!rendered.contains("--mine"), "{rendered}");
    assert!(rendered.contains("Subject: two parts"));
    let size: usize = texts(&server.item(&id, ALL), "Size")[0].parse().unwrap();
    assert_ne!(size, message.len());
}

#[test]
fn ids_change_with_the_folder_and_the_search_key_does_not() {
    let server = Server::new("se");
    server.deliver("Subject: x\r\n\r\nx\r\n");
    let id = server.items("inbox").remove(0);
    let to = |operation: &str, id: &str, folder: &str| {
        server.ask(&format!(
            r#"<m:{operation}><m:ToFolderId><t:DistinguishedFolderId Id="{folder}"/></m:ToFolderId>
            <m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:{operation}>"#
        ))
    };
    let key = |id: &str| texts(&server.item(id, KEYS), "Value");
    let before = key(&id);
    let copy = attribute(&to("CopyItem", &id, "inbox"), "ItemId", "Id");
    assert_ne!(copy, id);
    assert_eq!(key(&copy)[0], before[0]);
    assert_eq!(key(&copy)[1], "2");
    let moved = attribute(&to("MoveItem", &id, "drafts"), "ItemId", "Id");
    assert_eq!(key(&moved)[0], before[0]);
    assert_eq!(texts(&to("MoveItem", &id, "drafts"), "ResponseCode"), ["ErrorItemNotFound"]);
    assert_eq!(texts(&to("MoveItem", &moved.to_lowercase(), "drafts"), "ResponseCode")[0], "ErrorInvalidIdMalformed");
}

#[test]
fn three_ways_to_delete() {
    for (version, how, found) in [
        ("se", "MoveToDeletedItems", ("deleteditems", 1)),
        ("se", "SoftDelete", ("recoverableitemsdeletions", 1)),
        ("2010", "SoftDelete", ("recoverableitemsdeletions", 1)),
        ("se", "HardDelete", ("recoverableitemsdeletions", 0)),
        ("2007_SP1", "SoftDelete", ("deleteditems", 0)),
    ] {
        let server = Server::new(version);
        server.deliver("Subject: x\r\n\r\nx\r\n");
        let id = server.items("inbox").remove(0);
        let delete = format!(
            r#"<m:DeleteItem DeleteType="{how}"><m:ItemIds><t:ItemId Id="{id}"/><t:ItemId Id="{id}"/></m:ItemIds></m:DeleteItem>"#
        );
        assert_eq!(texts(&server.ask(&delete), "ResponseCode"), ["NoError", "ErrorItemNotFound"], "{version} {how}");
        assert_eq!(server.items("inbox").len(), 0);
        assert_eq!(server.items(found.0).len(), found.1, "{version} {how}");
    }
}

#[test]
fn a_message_made_of_properties_is_sent_to_everybody() {
    let server = Server::new("se");
    let answer = server.ask(
        r#"<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:Items><t:Message><t:Subject>Grüße</t:Subject>
        <t:Body BodyType="HTML">&lt;p&gt;Hallo&lt;/p&gt;</t:Body>
        <t:Attachments><t:FileAttachment><t:Name>a.txt</t:Name><t:Content>aGVsbG8=</t:Content></t:FileAttachment></t:Attachments>
        <t:ToRecipients><t:Mailbox><t:EmailAddress>bob@example.org</t:EmailAddress></t:Mailbox></t:ToRecipients>
        <t:BccRecipients><t:Mailbox><t:EmailAddress>anna@example.org</t:EmailAddress></t:Mailbox></t:BccRecipients>
        </t:Message></m:Items></m:CreateItem>"#,
    );
    assert!(answer.contains("<m:Items></m:Items>") || answer.contains("<m:Items/>"));
    let received = server.items("inbox").remove(0);
    let source = decoded(&server.item(&received, MIME), "MimeContent");
    assert!(!source.contains("Bcc:") && source.contains("Message-ID: <"), "{source}");
    let item = server.item(&received, ALL);
    assert_eq!(texts(&item, "Subject"), ["Grüße"]);
    assert_eq!(texts(&item, "IsRead"), ["false"]);
    assert!(item.contains("InternetMessageHeaders"));
    let copy = server.items("sentitems").remove(0);
    let copied = server.item(&copy, ALL);
    assert!(copied.contains("BccRecipients") && !copied.contains("InternetMessageHeaders"));
    let attachment = attribute(&copied, "AttachmentId", "Id");
    let got = server.ask(&format!(
        r#"<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id="{attachment}"/></m:AttachmentIds></m:GetAttachment>"#
    ));
    assert_eq!(decoded(&got, "Content"), "hello");
}

#[test]
fn a_draft_gets_attachments_and_is_sent_with_its_change_key() {
    let server = Server::new("se");
    let draft = server.ask(
        r#"<m:CreateItem MessageDisposition="SaveOnly"><m:Items><t:Message><t:Subject>s</t:Subject><t:Body BodyType="Text">b</t:Body>
        <t:ToRecipients><t:Mailbox><t:EmailAddress>anna@example.org</t:EmailAddress></t:Mailbox></t:ToRecipients>
        </t:Message></m:Items></m:CreateItem>"#,
    );
    let (id, key) = (attribute(&draft, "ItemId", "Id"), attribute(&draft, "ItemId", "ChangeKey"));
    let attach = |name: &str| {
        server.ask(&format!(
            r#"<m:CreateAttachment><m:ParentItemId Id="{id}"/><m:Attachments><t:FileAttachment><t:Name>{name}</t:Name>
            <t:Content>aGVsbG8=</t:Content></t:FileAttachment></m:Attachments></m:CreateAttachment>"#
        ))
    };
    let (one, two) = (attach("one.txt"), attach("two.txt"));
    assert_eq!(attribute(&two, "AttachmentId", "RootItemId"), id);
    let gone = attribute(&one, "AttachmentId", "Id");
    let deleted = server.ask(&format!(
        r#"<m:DeleteAttachment><m:AttachmentIds><t:AttachmentId Id="{gone}"/></m:AttachmentIds></m:DeleteAttachment>"#
    ));
    let fresh = attribute(&deleted, "RootItemId", "RootItemChangeKey");
    let item = server.item(&id, ALL);
    assert_eq!(texts(&item, "Name")[0], "two.txt");
    assert_eq!(attributes(&item, "AttachmentId", "Id"), [attribute(&two, "AttachmentId", "Id")]);
    let send = |key: &str| {
        server.code(&format!(
            r#"<m:SendItem SaveItemToFolder="true"><m:ItemIds><t:ItemId Id="{id}" ChangeKey="{key}"/></m:ItemIds></m:SendItem>"#
        ))
    };
    assert_eq!(send(&key), "ErrorStaleObject");
    assert_eq!(send(&fresh), "NoError");
    assert_eq!([server.items("drafts").len(), server.items("sentitems").len(), server.items("inbox").len()], [0, 1, 1]);
}

#[test]
fn fields_are_set_appended_and_deleted() {
    let server = Server::new("se");
    server.deliver("Subject: one\r\nTo: anna@example.org\r\n\r\nbody\r\n");
    let id = server.items("inbox").remove(0);
    let update = |updates: &str| {
        server.code(&format!(
            r#"<m:UpdateItem MessageDisposition="SaveOnly" ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange>
            <t:ItemId Id="{id}"/><t:Updates>{updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
        ))
    };
    let set = |uri: &str, value: &str| {
        format!(r#"<t:SetItemField><t:FieldURI FieldURI="{uri}"/><t:Message>{value}</t:Message></t:SetItemField>"#)
    };
    assert_eq!(update(&set("item:Subject", "<t:Subject>two</t:Subject>")), "NoError");
    let categories = "<t:Categories><t:String>Red</t:String><t:String>blau</t:String></t:Categories>";
    assert_eq!(update(&set("item:Categories", categories)), "NoError");
    let append = r#"<t:AppendToItemField><t:FieldURI FieldURI="item:Body"/><t:Message><t:Body BodyType="Text"> and more</t:Body></t:Message></t:AppendToItemField>"#;
    assert_eq!(update(append), "NoError");
    let item = server.item(&id, ALL);
    assert_eq!(texts(&item, "Subject"), ["two"]);
    // The first Body is that of the envelope.
    assert_eq!(texts(&item, "Body")[1].trim_end(), "body and more");
    assert_eq!(texts(&item, "String"), ["Red", "blau"]);
    let keywords = r#"<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:ExtendedFieldURI
        DistinguishedPropertySetId="PublicStrings" PropertyName="Keywords" PropertyType="StringArray"/></t:AdditionalProperties>"#;
    assert_eq!(texts(&server.item(&id, keywords), "Value"), ["Red", "blau"]);
    assert_eq!(update(r#"<t:DeleteItemField><t:FieldURI FieldURI="item:Categories"/></t:DeleteItemField>"#), "NoError");
    assert!(!server.item(&id, ALL).contains("Categories"));
    assert_eq!(update(&set("item:Size", "<t:Size>5</t:Size>")), "ErrorInvalidPropertySet");
    assert_eq!(update(&set("item:Subject", "<t:Importance>High</t:Importance>")), "ErrorUpdatePropertyMismatch");
    assert_eq!(
        update(&set("item:Subject", "<t:Subject>x</t:Subject><t:Importance>High</t:Importance>")),
        "ErrorIncorrectUpdatePropertyCount"
    );
}

#[test]
fn a_flag_set_one_way_and_cleared_the_other_is_cleared() {
    let server = Server::new("se");
    server.deliver("Subject: one\r\n\r\nbody\r\n");
    let id = server.items("inbox").remove(0);
    let update = |updates: &str| {
        server.code(&format!(
            r#"<m:UpdateItem MessageDisposition="SaveOnly" ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange>
            <t:ItemId Id="{id}"/><t:Updates>{updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
        ))
    };
    let uri = r#"<t:ExtendedFieldURI PropertyTag="0x1090" PropertyType="Integer"/>"#;
    let set =
        format!("<t:SetItemField>{uri}<t:Message>{}</t:Message></t:SetItemField>", property("0x1090", "Integer", "2"));
    assert_eq!(update(&set), "NoError");
    assert_eq!(texts(&server.item(&id, ALL), "FlagStatus"), ["Flagged"]);
    let clear = r#"<t:SetItemField><t:FieldURI FieldURI="item:Flag"/><t:Message><t:Flag><t:FlagStatus>NotFlagged</t:FlagStatus></t:Flag></t:Message></t:SetItemField>"#;
    assert_eq!(update(clear), "NoError");
    let shape = format!("<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>{uri}</t:AdditionalProperties>");
    assert!(!server.item(&id, &shape).contains("Value"));
}

#[test]
fn all_mail_is_marked_read_at_once() {
    let server = Server::new("se");
    for _ in 0..3 {
        server.deliver("Subject: x\r\n\r\nx\r\n");
    }
    let mark = r#"<m:MarkAllItemsAsRead><m:ReadFlag>true</m:ReadFlag><m:SuppressReadReceipts>true</m:SuppressReadReceipts>
        <m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:MarkAllItemsAsRead>"#;
    assert_eq!(server.code(mark), "NoError");
    let folder = server.ask(
        r#"<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>
        <m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>"#,
    );
    assert_eq!(
        (texts(&folder, "UnreadCount"), texts(&folder, "TotalCount")),
        (vec!["0".to_owned()], vec!["3".to_owned()])
    );
}

#[test]
fn a_wrong_item_in_a_batch_costs_only_itself() {
    let server = Server::new("se");
    server.deliver("Subject: x\r\n\r\nx\r\n");
    let id = server.items("inbox").remove(0);
    let answer = server.ask(&format!(
        r#"<m:GetItem><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape>
        <m:ItemIds><t:ItemId Id="{id}"/><t:ItemId Id="nonsense"/><t:ItemId Id="{id}"/></m:ItemIds></m:GetItem>"#
    ));
    assert_eq!(texts(&answer, "ResponseCode"), ["NoError", "ErrorInvalidIdMalformed", "NoError"]);
    assert_eq!(answer.matches("<m:Items/>").count(), 1);
}
