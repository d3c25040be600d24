//! Contacts and distribution lists: what follows from what, entries one by one, pictures, members.

use crate::soap::{Server, attribute, attributes, texts};

const ALL: &str = "<t:BaseShape>AllProperties</t:BaseShape>";

fn create(server: &Server, contact: &str) -> String {
    let answer = server.ask(&format!("<m:CreateItem><m:Items>{contact}</m:Items></m:CreateItem>"));
    assert_eq!(texts(&answer, "ResponseCode"), ["NoError"], "{answer}");
    attribute(&answer, "ItemId", "Id")
}

fn update(server: &Server, id: &str, updates: &str) -> String {
    server.code(&format!(
        r#"<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange>
        <t:ItemId Id="{id}"/><t:Updates>{updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
    ))
}

fn set(uri: &str, value: &str) -> String {
    format!(r#"<t:SetItemField><t:FieldURI FieldURI="{uri}"/><t:Contact>{value}</t:Contact></t:SetItemField>"#)
}

fn entry(uri: &str, key: &str, value: &str) -> String {
    format!(
        r#"<t:SetItemField><t:IndexedFieldURI FieldURI="{uri}" FieldIndex="{key}"/><t:Contact>{value}</t:Contact></t:SetItemField>"#
    )
}

#[test]
fn a_contact_shows_what_recorded_servers_show() {
    let server = Server::new("se");
    let id = create(
        &server,
        r#"<t:Contact><t:GivenName>Complete</t:GivenName><t:CompanyName>Test Company Inc.</t:CompanyName>
        <t:EmailAddresses><t:Entry Key="EmailAddress1">complete@test.com</t:Entry></t:EmailAddresses>
        <t:PhoneNumbers><t:Entry Key="HomePhone">+1-555-0123</t:Entry></t:PhoneNumbers><t:Surname>Test</t:Surname></t:Contact>"#,
    );
    let item = server.item(&id, ALL);
    assert_eq!(texts(&item, "Subject"), ["Complete Test - Test Company Inc."]);
    assert_eq!(texts(&item, "IsDraft"), ["true"]);
    for recorded in [
        "<t:FileAs></t:FileAs><t:FileAsMapping>None</t:FileAsMapping><t:DisplayName>Complete Test</t:DisplayName>",
        "<t:CompleteName><t:FirstName>Complete</t:FirstName><t:LastName>Test</t:LastName><t:FullName>Complete Test</t:FullName></t:CompleteName>",
        r#"<t:Entry Key="EmailAddress1" Name="complete@test.com" RoutingType="SMTP" MailboxType="Contact">complete@test.com</t:Entry>"#,
        "<t:HasPicture>false</t:HasPicture>",
    ] {
        assert!(item.contains(recorded), "{recorded}\n{item}");
    }
    let list = server.ask(
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape>
        <m:ParentFolderIds><t:DistinguishedFolderId Id="contacts"/></m:ParentFolderIds></m:FindItem>"#,
    );
    assert!(list.contains(r#"<t:Entry Key="EmailAddress1">complete@test.com</t:Entry>"#), "{list}");
}

#[test]
fn entries_are_changed_one_by_one() {
    let server = Server::new("se");
    let id = create(&server, "<t:Contact><t:GivenName>Ada</t:GivenName></t:Contact>");
    let email = |n: u8, text: &str| {
        entry(
            "contacts:EmailAddress",
            &format!("EmailAddress{n}"),
            &format!(r#"<t:EmailAddresses><t:Entry Key="EmailAddress{n}">{text}</t:Entry></t:EmailAddresses>"#),
        )
    };
    let street = entry(
        "contacts:PhysicalAddress:Street",
        "Home",
        r#"<t:PhysicalAddresses><t:Entry Key="Home"><t:Street>Weg 1</t:Street></t:Entry></t:PhysicalAddresses>"#,
    );
    let city = street.replace("Street", "City").replace("Weg 1", "Ulm");
    let phone = entry(
        "contacts:PhoneNumber",
        "MobilePhone",
        r#"<t:PhoneNumbers><t:Entry Key="MobilePhone">12</t:Entry></t:PhoneNumbers>"#,
    );
    let all = [email(2, "b@example.org"), email(1, "a@example.org"), city, street, phone].concat();
    assert_eq!(update(&server, &id, &all), "NoError");
    assert_eq!(update(&server, &id, &email(1, "c@example.org")), "NoError");
    let item = server.item(&id, ALL);
    assert_eq!(attributes(&item, "Entry", "Key"), ["EmailAddress1", "EmailAddress2", "Home", "MobilePhone"]);
    assert_eq!(texts(&item, "Entry"), ["c@example.org", "b@example.org", "", "12"]);
    assert!(item.contains("<t:Street>Weg 1</t:Street><t:City>Ulm</t:City>"), "{item}");
    let remove = r#"<t:DeleteItemField><t:IndexedFieldURI FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress1"/></t:DeleteItemField>
        <t:DeleteItemField><t:IndexedFieldURI FieldURI="contacts:PhysicalAddress:Street" FieldIndex="Home"/></t:DeleteItemField>"#;
    assert_eq!(update(&server, &id, remove), "NoError");
    let one = r#"<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>
        <t:IndexedFieldURI FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress2"/>
        <t:IndexedFieldURI FieldURI="contacts:PhysicalAddress:City" FieldIndex="Home"/></t:AdditionalProperties>"#;
    let item = server.item(&id, one);
    assert_eq!(attributes(&item, "Entry", "Key"), ["EmailAddress2", "Home"]);
    assert!(!item.contains("Street") && !item.contains("PhoneNumbers"), "{item}");
    // A key that is none, a key that is another, and all at once.
    let wrong = email(1, "x").replace("\"EmailAddress1\"", "\"EmailAddress4\"");
    let refused = server.refused(&format!(
        r#"<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id="{id}"/>
        <t:Updates>{wrong}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
    ));
    assert!(refused.contains("ErrorSchemaValidation"), "{refused}");
    let other = email(1, "x").replace("FieldIndex=\"EmailAddress1\"", "FieldIndex=\"EmailAddress2\"");
    assert_eq!(update(&server, &id, &other), "ErrorUpdatePropertyMismatch");
    let whole = r#"<t:EmailAddresses><t:Entry Key="EmailAddress1">x</t:Entry></t:EmailAddresses>"#;
    assert_eq!(update(&server, &id, &set("contacts:EmailAddresses", whole)), "ErrorInvalidPropertySet");
}

#[test]
fn names_follow_from_names_and_some_are_the_servers() {
    let server = Server::new("se");
    let id = create(
        &server,
        "<t:Contact><t:FileAsMapping>LastCommaFirst</t:FileAsMapping><t:GivenName>Ada</t:GivenName><t:Surname>King</t:Surname></t:Contact>",
    );
    assert_eq!(texts(&server.item(&id, ALL), "FileAs"), ["King, Ada"]);
    assert_eq!(update(&server, &id, &set("contacts:Surname", "<t:Surname>Lace</t:Surname>")), "NoError");
    let item = server.item(&id, ALL);
    assert_eq!((texts(&item, "FileAs"), texts(&item, "Subject")), (vec!["Lace, Ada".into()], vec!["Ada Lace".into()]));
    assert_eq!(update(&server, &id, &set("contacts:FileAs", "<t:FileAs>The countess</t:FileAs>")), "NoError");
    let item = server.item(&id, ALL);
    assert_eq!(texts(&item, "FileAs"), ["The countess"]);
    assert_eq!(texts(&item, "FileAsMapping"), ["None"]);
    for (uri, value) in [
        ("contacts:CompleteName", "<t:CompleteName><t:FirstName>x</t:FirstName></t:CompleteName>"),
        ("contacts:HasPicture", "<t:HasPicture>true</t:HasPicture>"),
        ("contacts:Notes", "<t:Notes>x</t:Notes>"),
    ] {
        assert_eq!(update(&server, &id, &set(uri, value)), "ErrorInvalidPropertySet", "{uri}");
    }
    let born = set("contacts:Birthday", "<t:Birthday>1815-12-10T12:59:00+01:00</t:Birthday>");
    assert_eq!(update(&server, &id, &born), "NoError");
    assert_eq!(texts(&server.item(&id, ALL), "Birthday"), ["1815-12-10T11:59:00Z"]);
    let title = r#"<t:SetItemField><t:ExtendedFieldURI PropertyTag="0x3a45" PropertyType="String"/><t:Contact><t:ExtendedProperty>
        <t:ExtendedFieldURI PropertyTag="0x3a45" PropertyType="String"/><t:Value>Countess</t:Value></t:ExtendedProperty></t:Contact></t:SetItemField>"#;
    assert_eq!(update(&server, &id, title), "NoError");
    assert_eq!(texts(&server.item(&id, ALL), "Title"), ["Countess"]);
}

#[test]
fn a_property_has_two_names() {
    let server = Server::new("se");
    let id = create(
        &server,
        r#"<t:Contact><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x3a06" PropertyType="String"/><t:Value>Ada</t:Value></t:ExtendedProperty>
        <t:ExtendedProperty><t:ExtendedFieldURI DistinguishedPropertySetId="Address" PropertyId="32899" PropertyType="String"/><t:Value>a@example.org</t:Value></t:ExtendedProperty>
        <t:PhoneNumbers><t:Entry Key="MobilePhone">12</t:Entry></t:PhoneNumbers></t:Contact>"#,
    );
    let shape = r#"<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="contacts:GivenName"/>
        <t:IndexedFieldURI FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress1"/>
        <t:ExtendedFieldURI PropertyTag="0x3a1c" PropertyType="String"/></t:AdditionalProperties>"#;
    let item = server.item(&id, shape);
    assert_eq!(texts(&item, "GivenName"), ["Ada"]);
    assert_eq!(texts(&item, "Entry"), ["a@example.org"]);
    assert_eq!(texts(&item, "Value"), ["12"]);
}

#[test]
fn a_contact_has_a_picture() {
    let server = Server::new("se");
    let id = create(&server, "<t:Contact><t:GivenName>Ada</t:GivenName></t:Contact>");
    let attach = |name: &str, photo: bool| {
        let answer = server.ask(&format!(
            r#"<m:CreateAttachment><m:ParentItemId Id="{id}"/><m:Attachments><t:FileAttachment><t:Name>{name}</t:Name>
            <t:IsContactPhoto>{photo}</t:IsContactPhoto><t:Content>/9j/4AAQ</t:Content></t:FileAttachment></m:Attachments></m:CreateAttachment>"#
        ));
        attribute(&answer, "AttachmentId", "Id")
    };
    attach("note.txt", false);
    let picture = attach("ContactPicture.jpg", true);
    let item = server.item(&id, ALL);
    assert_eq!(texts(&item, "HasPicture"), ["true"]);
    assert_eq!(texts(&item, "IsContactPhoto"), ["false", "true"]);
    let deleted = format!(
        r#"<m:DeleteAttachment><m:AttachmentIds><t:AttachmentId Id="{picture}"/></m:AttachmentIds></m:DeleteAttachment>"#
    );
    assert_eq!(server.code(&deleted), "NoError");
    assert_eq!(texts(&server.item(&id, ALL), "HasPicture"), ["false"]);
    let old = Server::new("2007_SP1");
    let id = create(&old, "<t:Contact><t:GivenName>Ada</t:GivenName></t:Contact>");
    assert!(!old.item(&id, ALL).contains("HasPicture"));
}

#[test]
fn contacts_belong_in_contacts_folders() {
    let server = Server::new("se");
    for (item, code) in [
        ("<t:Contact><t:GivenName>x</t:GivenName></t:Contact>", "ErrorCannotCreateContactInNonContactFolder"),
        (
            "<t:DistributionList><t:DisplayName>x</t:DisplayName></t:DistributionList>",
            "ErrorCannotCreateContactInNonContactFolder",
        ),
        ("<t:Task><t:Subject>x</t:Subject></t:Task>", "ErrorCannotCreateTaskInNonTaskFolder"),
    ] {
        let wrong = format!(
            r#"<m:CreateItem><m:SavedItemFolderId><t:DistinguishedFolderId Id="inbox"/></m:SavedItemFolderId><m:Items>{item}</m:Items></m:CreateItem>"#
        );
        assert_eq!(server.code(&wrong), code);
    }
    let mime = "<t:Contact><t:MimeContent>QkVHSU46VkNBUkQ=</t:MimeContent></t:Contact>";
    let answer = server.ask(&format!("<m:CreateItem><m:Items>{mime}</m:Items></m:CreateItem>"));
    assert_eq!(texts(&answer, "ResponseCode"), ["ErrorUnsupportedMimeConversion"]);
}

#[test]
fn contacts_are_found_by_their_properties() {
    let server = Server::new("se");
    for (name, mail) in [("Ada", "ada@example.org"), ("Eve", "eve@example.org")] {
        create(
            &server,
            &format!(
                r#"<t:Contact><t:GivenName>{name}</t:GivenName><t:EmailAddresses><t:Entry Key="EmailAddress1">{mail}</t:Entry></t:EmailAddresses></t:Contact>"#
            ),
        );
    }
    let find = |path: &str, value: &str| {
        let answer = server.ask(&format!(
            r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:Restriction>
            <t:IsEqualTo>{path}<t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>
            <m:ParentFolderIds><t:DistinguishedFolderId Id="contacts"/></m:ParentFolderIds></m:FindItem>"#
        ));
        texts(&answer, "FullName")
    };
    let mail = r#"<t:IndexedFieldURI FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress1"/>"#;
    assert_eq!(find(mail, "eve@example.org"), ["Eve"]);
    assert_eq!(find(r#"<t:FieldURI FieldURI="contacts:DisplayName"/>"#, "Ada"), ["Ada"]);
    assert_eq!(find(r#"<t:FieldURI FieldURI="contacts:GivenName"/>"#, "Ian"), Vec::<String>::new());
}
