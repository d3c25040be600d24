//! FindItem: order, pages, restrictions, queries.

use crate::soap::{Server, attributes, texts};

fn find(server: &Server, view: &str, condition: &str, order: &str, query: &str) -> String {
    server.ask(&format!(
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape>{view}{condition}{order}
        <m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds>{query}</m:FindItem>"#
    ))
}

fn filled(version: &str, count: u32) -> Server {
    let server = Server::new(version);
    for number in 0..count {
        let from = if number % 2 == 0 { "Even <even@example.org>" } else { "Odd <odd@example.org>" };
        server.deliver(&format!("From: {from}\r\nSubject: message {number:04}\r\n\r\ntext of {number}\r\n"));
    }
    server
}

#[test]
fn pages_follow_the_order_asked_for() {
    let server = filled("se", 25);
    let order = r#"<m:SortOrder><t:FieldOrder Order="Ascending"><t:ExtendedFieldURI PropertyTag="0xe23" PropertyType="Integer"/></t:FieldOrder></m:SortOrder>"#;
    let page = |offset: u32, base: &str| {
        let view = format!(r#"<m:IndexedPageItemView MaxEntriesReturned="10" Offset="{offset}" BasePoint="{base}"/>"#);
        find(&server, &view, "", order, "")
    };
    let first = page(0, "Beginning");
    assert_eq!(texts(&first, "Subject")[0], "message 0000");
    assert_eq!(attributes(&first, "RootFolder", "IndexedPagingOffset"), ["10"]);
    assert_eq!(attributes(&first, "RootFolder", "TotalItemsInView"), ["25"]);
    assert_eq!(attributes(&first, "RootFolder", "IncludesLastItemInRange"), ["false"]);
    let last = page(20, "Beginning");
    assert_eq!(texts(&last, "Subject").len(), 5);
    assert_eq!(attributes(&last, "RootFolder", "IncludesLastItemInRange"), ["true"]);
    assert_eq!(texts(&page(0, "End"), "Subject").last().unwrap(), "message 0024");
    let seek = r#"<m:SeekToConditionPageItemView MaxEntriesReturned="3" BasePoint="Beginning"><t:Condition><t:IsGreaterThan>
        <t:ExtendedFieldURI PropertyTag="0xe23" PropertyType="Integer"/><t:FieldURIOrConstant><t:Constant Value="7"/></t:FieldURIOrConstant>
        </t:IsGreaterThan></t:Condition></m:SeekToConditionPageItemView>"#;
    assert_eq!(texts(&find(&server, seek, "", order, ""), "Subject"), ["message 0007", "message 0008", "message 0009"]);
    // FindItem shows names, not addresses.
    assert_eq!(texts(&first, "Name")[0], "Even");
    assert!(!first.contains("even@example.org"));
}

#[test]
fn restrictions_choose() {
    let server = filled("se", 10);
    let id = server.items("inbox").remove(0);
    server.ask(&format!(
        r#"<m:UpdateItem MessageDisposition="SaveOnly" ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange>
        <t:ItemId Id="{id}"/><t:Updates><t:SetItemField><t:FieldURI FieldURI="message:IsRead"/><t:Message><t:IsRead>true</t:IsRead></t:Message>
        </t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
    ));
    let constant =
        |value: &str| format!(r#"<t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant>"#);
    let read = format!(r#"<t:IsEqualTo><t:FieldURI FieldURI="message:IsRead"/>{}</t:IsEqualTo>"#, constant("true"));
    let contains = |uri: &str, text: &str| {
        format!(
            r#"<t:Contains ContainmentMode="Substring" ContainmentComparison="IgnoreCase"><t:FieldURI FieldURI="{uri}"/><t:Constant Value="{text}"/></t:Contains>"#
        )
    };
    let article = |operator: &str, value: &str| {
        format!(
            r#"<t:{operator}><t:ExtendedFieldURI PropertyTag="0x0e23" PropertyType="Integer"/>{}</t:{operator}>"#,
            constant(value)
        )
    };
    for (condition, count) in [
        (read.clone(), 1),
        (format!("<t:Not>{read}</t:Not>"), 9),
        (contains("item:Subject", "MESSAGE 000"), 10),
        (contains("message:From", "odd@example"), 5),
        (contains("item:Body", "text of 7"), 1),
        (article("IsGreaterThan", "8"), 2),
        (article("IsLessThanOrEqualTo", "3"), 3),
        (format!("<t:And>{}{}</t:And>", article("IsGreaterThanOrEqualTo", "3"), article("IsLessThan", "5")), 2),
        (format!("<t:Or>{}{}</t:Or>", article("IsEqualTo", "1"), article("IsEqualTo", "2")), 2),
        (r#"<t:Exists><t:FieldURI FieldURI="message:InternetMessageId"/></t:Exists>"#.to_owned(), 0),
        (
            r#"<t:Excludes><t:ExtendedFieldURI PropertyTag="0x0e07" PropertyType="Integer"/><t:Bitmask Value="0x1"/></t:Excludes>"#
                .to_owned(),
            9,
        ),
    ] {
        let answer = find(&server, "", &format!("<m:Restriction>{condition}</m:Restriction>"), "", "");
        assert_eq!(attributes(&answer, "RootFolder", "TotalItemsInView"), [count.to_string()], "{condition}");
    }
    let query = find(&server, "", "", "", "<m:QueryString>from:odd subject:message</m:QueryString>");
    assert_eq!(attributes(&query, "RootFolder", "TotalItemsInView"), ["5"]);
}

#[test]
fn more_than_a_thousand_are_refused_or_cut() {
    let view = r#"<m:IndexedPageItemView MaxEntriesReturned="2000" Offset="0" BasePoint="Beginning"/>"#;
    for (version, code, count) in
        [("2010_SP2", "ErrorExceededFindCountLimit", 0), ("se", "NoError", 1000), ("2007_SP1", "NoError", 1005)]
    {
        let server = filled(version, 1005);
        let answer = find(&server, view, "", "", "");
        assert_eq!(texts(&answer, "ResponseCode"), [code]);
        assert_eq!(attributes(&answer, "ItemId", "Id").len(), count, "{version}");
        if version == "se" {
            let all = r#"<m:Restriction><t:Exists><t:FieldURI FieldURI="item:Subject"/></t:Exists></m:Restriction>"#;
            let found = find(&server, view, all, "", "");
            assert_eq!(attributes(&found, "ItemId", "Id").len(), 250);
            assert_eq!(attributes(&found, "RootFolder", "IndexedPagingOffset"), ["250"]);
            assert_eq!(attributes(&found, "RootFolder", "IncludesLastItemInRange"), ["false"]);
        }
    }
}

/// The elements of a message in a recorded FindItem answer, AllProperties at Exchange2010.
const RECORDED: &str = "ItemId ParentFolderId ItemClass Subject Sensitivity DateTimeReceived Size Importance IsSubmitted \
    IsDraft IsFromMe IsResend IsUnmodified DateTimeSent DateTimeCreated DisplayCc DisplayTo HasAttachments Culture \
    EffectiveRights LastModifiedName LastModifiedTime IsAssociated WebClientReadFormQueryString ConversationId \
    IsReadReceiptRequested IsDeliveryReceiptRequested ConversationIndex ConversationTopic InternetMessageId IsRead";

#[test]
fn a_message_shows_what_recorded_servers_show() {
    let server = Server::new("2010");
    server.ask(
        r#"<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:DistinguishedFolderId Id="inbox"/></m:SavedItemFolderId>
        <m:Items><t:Message><t:Subject>Test Message</t:Subject></t:Message></m:Items></m:CreateItem>"#,
    );
    let answer = server.ask(
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape>
        <m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>"#,
    );
    let message = answer.split("<t:Message>").nth(1).unwrap().split("</t:Message>").next().unwrap();
    let mut rest = message.to_owned();
    // What is inside the rights is not an element of the message.
    if let Some((before, after)) = message.split_once("<t:EffectiveRights>") {
        rest = format!("{before}<t:EffectiveRights>{}", after.split_once("</t:EffectiveRights>").unwrap().1);
    }
    let names: Vec<&str> =
        rest.split("<t:").skip(1).map(|piece| piece.split([' ', '>', '/']).next().unwrap()).collect();
    assert_eq!(names.join(" "), RECORDED.split_whitespace().collect::<Vec<_>>().join(" "));
}
