//! How much a mailbox may hold.

use crate::soap::{Server, attribute, texts};

/// A number that a folder has as a MAPI property, if it has it.
fn tag(server: &Server, folder: &str, tag: &str, of: &str) -> Option<i64> {
    let answer = server.ask(&format!(
        r#"<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>
        <t:ExtendedFieldURI PropertyTag="{tag}" PropertyType="{of}"/></t:AdditionalProperties></m:FolderShape>
        <m:FolderIds><t:DistinguishedFolderId Id="{folder}"/></m:FolderIds></m:GetFolder>"#
    ));
    texts(&answer, "Value").first().map(|value| value.parse().unwrap())
}

fn used(server: &Server, folder: &str) -> i64 {
    tag(server, folder, SIZE, "Long").unwrap()
}

fn draft(server: &Server, length: usize) -> String {
    server.ask(&format!(
        r#"<m:CreateItem MessageDisposition="SaveOnly"><m:Items><t:Message><t:Subject>x</t:Subject>
        <t:Body BodyType="Text">{}</t:Body></t:Message></m:Items></m:CreateItem>"#,
        "word ".repeat(length / 5)
    ))
}

#[test]
fn a_folder_has_its_size_and_the_root_that_of_all() {
    let server = Server::new("se");
    assert_eq!((used(&server, "root"), used(&server, "inbox")), (0, 0));
    server.deliver(&format!("Subject: a\r\n\r\n{}\r\n", "x".repeat(70_000)));
    let inbox = used(&server, "inbox");
    assert!((50_000..80_000).contains(&inbox), "{inbox}");
    let message = server.items("inbox").remove(0);
    let item = server.item(
        &message,
        r#"<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:Size"/></t:AdditionalProperties>"#,
    );
    assert_eq!(texts(&item, "Size"), [inbox.to_string()]);
    draft(&server, 10_000);
    let drafts = used(&server, "drafts");
    assert_eq!(used(&server, "root"), inbox + drafts);
    assert_eq!(used(&server, "msgfolderroot"), 0, "what is below is not counted there");
    let change = |updates: &str| {
        server.ask(&format!(
            r#"<m:UpdateItem MessageDisposition="SaveOnly" ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange>
            <t:ItemId Id="{message}"/><t:Updates>{updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
        ))
    };
    change(
        r#"<t:SetItemField><t:FieldURI FieldURI="item:Body"/><t:Message><t:Body BodyType="Text">short</t:Body></t:Message></t:SetItemField>"#,
    );
    assert!(used(&server, "inbox") < 5_000);
    server.ask(&format!(
        r#"<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="{message}"/></m:ItemIds></m:DeleteItem>"#
    ));
    assert_eq!((used(&server, "inbox"), used(&server, "root")), (0, drafts));
}

#[test]
fn the_root_knows_the_limits_in_kilobytes() {
    let server = Server::new("se");
    server.exchange.set_quota(100 << 20);
    for folder in ["root", "msgfolderroot"] {
        for (name, kilobytes) in [("0x3FF5", 92_160), ("0x666A", 102_400), ("0x666E", 102_400)] {
            assert_eq!(tag(&server, folder, name, "Integer"), Some(kilobytes), "{folder} {name}");
        }
    }
    assert_eq!(tag(&server, "inbox", "0x666A", "Integer"), None);
}

#[test]
fn a_full_mailbox_takes_nothing_more() {
    let server = Server::new("se");
    server.exchange.set_quota(50_000);
    let first = draft(&server, 20_000);
    assert_eq!(texts(&first, "ResponseCode"), ["NoError"]);
    let (id, key) = (attribute(&first, "ItemId", "Id"), attribute(&first, "ItemId", "ChangeKey"));
    let before = used(&server, "root");
    assert_eq!(texts(&draft(&server, 60_000), "ResponseCode"), ["ErrorQuotaExceeded"]);
    let copy = format!(
        r#"<m:CopyItem><m:ToFolderId><t:DistinguishedFolderId Id="inbox"/></m:ToFolderId>
        <m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:CopyItem>"#
    );
    assert_eq!(server.code(&copy), "NoError");
    assert_eq!(server.code(&copy), "ErrorQuotaExceeded");
    let attach = format!(
        r#"<m:CreateAttachment><m:ParentItemId Id="{id}" ChangeKey="{key}"/><m:Attachments><t:FileAttachment>
        <t:Name>a</t:Name><t:Content>{}</t:Content></t:FileAttachment></m:Attachments></m:CreateAttachment>"#,
        "AAAA".repeat(10_000)
    );
    assert_eq!(server.code(&attach), "ErrorQuotaExceeded");
    server.deliver(&format!("Subject: a\r\n\r\n{}\r\n", "x".repeat(70_000)));
    assert_eq!(server.items("inbox").len(), 1);
    // Moving needs no room.
    let moved = format!(
        r#"<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="deleteditems"/></m:ToFolderId>
        <m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:MoveItem>"#
    );
    assert_eq!(server.code(&moved), "NoError");
    assert_eq!(used(&server, "root"), before * 2);
}

/// PidTagMessageSizeExtended
const SIZE: &str = "0x0E08";
