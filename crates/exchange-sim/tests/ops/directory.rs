//! The directory: names, lists, rooms, people, portraits; out of office; private distribution lists.

use std::sync::Arc;

use exchange_sim::{Entry, EntryKind};

use crate::soap::{Server, attribute, attributes, texts};

fn organisation(version: &str) -> Server {
    let server = Server::new(version);
    let list = |name: &str, address: &str, kind, members: &[&str]| Entry {
        kind,
        members: members.iter().map(|&member| member.to_owned()).collect(),
        ..Entry::person(address, name)
    };
    server.exchange.add_to_directory(Entry {
        title: "Engineer".into(),
        department: "Looms".into(),
        company: "Example".into(),
        city: "Ulm".into(),
        phone: "+49 1".into(),
        notes: "Knows the machine".into(),
        manager: "bob@example.org".into(),
        photo: Some(Arc::from(&b"\xff\xd8\xff"[..])),
        ..Entry::person("anna@example.org", "Anna Berg")
    });
    for (name, address, kind, members) in [
        ("Everybody", "all@example.org", EntryKind::List, &["team@example.org", "bob@example.org"][..]),
        ("Team", "team@example.org", EntryKind::List, &["anna@example.org"]),
        ("House 1", "house1@example.org", EntryKind::RoomList, &["blue@example.org"]),
        ("Blue room", "blue@example.org", EntryKind::Room, &[]),
    ] {
        server.exchange.add_to_directory(list(name, address, kind, members));
    }
    server
}

fn resolve(server: &Server, entry: &str, attributes: &str) -> String {
    server.ask(&format!(
        r#"<m:ResolveNames ReturnFullContactData="true" {attributes}><m:UnresolvedEntry>{entry}</m:UnresolvedEntry></m:ResolveNames>"#
    ))
}

#[test]
fn names_are_resolved_in_the_directory_and_in_contacts() {
    let server = organisation("se");
    let one = resolve(&server, "berg", "");
    assert_eq!(
        (texts(&one, "ResponseCode"), texts(&one, "EmailAddress")),
        (vec!["NoError".into()], vec!["anna@example.org".into()])
    );
    assert_eq!((texts(&one, "JobTitle"), texts(&one, "Manager")), (vec!["Engineer".into()], vec!["Bob Cook".into()]));
    assert!(!one.contains("Photo>"));
    let all = resolve(&server, "smtp:ANNA@example.org", r#"ContactDataShape="AllProperties""#);
    assert!(all.contains("<t:Photo>/9j/</t:Photo>") && all.contains("<t:Notes>Knows the machine</t:Notes>"), "{all}");
    let several = resolve(&server, "b", "");
    assert_eq!(texts(&several, "ResponseCode"), ["ErrorNameResolutionMultipleResults"]);
    assert_eq!(texts(&several, "EmailAddress"), ["anna@example.org", "blue@example.org", "bob@example.org"]);
    assert_eq!(texts(&resolve(&server, "nobody", ""), "ResponseCode"), ["ErrorNameResolutionNoResults"]);
    server.ask(
        r#"<m:CreateItem><m:Items><t:Contact><t:GivenName>Bert</t:GivenName><t:EmailAddresses>
        <t:Entry Key="EmailAddress1">bert@far.example</t:Entry></t:EmailAddresses></t:Contact></m:Items></m:CreateItem>"#,
    );
    let contact = resolve(&server, "bert", r#"SearchScope="Contacts""#);
    assert_eq!(texts(&contact, "MailboxType"), ["Contact"]);
    assert_eq!(texts(&contact, "EmailAddress"), ["bert@far.example"]);
    assert_eq!(
        texts(&resolve(&server, "bert", r#"SearchScope="ActiveDirectory""#), "ResponseCode"),
        ["ErrorNameResolutionNoResults"]
    );
    for index in 0..120 {
        let address = format!("zoe{index}@example.org");
        server.exchange.add_to_directory(Entry::person(&address, &format!("Zoe Z{index}")));
    }
    let many = resolve(&server, "zoe", r#"SearchScope="ActiveDirectory""#);
    assert_eq!(attribute(&many, "ResolutionSet", "TotalItemsInView"), "100");
    assert_eq!(attribute(&many, "ResolutionSet", "IncludesLastItemInRange"), "false");
}

fn expand(server: &Server, mailbox: &str) -> String {
    server.ask(&format!("<m:ExpandDL><m:Mailbox>{mailbox}</m:Mailbox></m:ExpandDL>"))
}

#[test]
fn lists_are_expanded_by_one_level() {
    let server = organisation("se");
    let all = expand(&server, "<t:EmailAddress>all@example.org</t:EmailAddress>");
    assert_eq!(texts(&all, "EmailAddress"), ["team@example.org", "bob@example.org"]);
    assert_eq!(texts(&all, "MailboxType"), ["PublicDL", "Mailbox"]);
    for nobody in ["anna@example.org", "none@example.org"] {
        let answer = expand(&server, &format!("<t:EmailAddress>{nobody}</t:EmailAddress>"));
        assert_eq!(texts(&answer, "ResponseCode"), ["ErrorNameResolutionNoResults"]);
    }
}

#[test]
fn a_private_list_has_members() {
    let server = organisation("se");
    let contact = server.ask(
        r#"<m:CreateItem><m:Items><t:Contact><t:GivenName>Bert</t:GivenName><t:EmailAddresses>
        <t:Entry Key="EmailAddress1">bert@far.example</t:Entry></t:EmailAddresses></t:Contact></m:Items></m:CreateItem>"#,
    );
    let bert = attribute(&contact, "ItemId", "Id");
    let member = |inside: &str| format!("<t:Member><t:Mailbox>{inside}</t:Mailbox></t:Member>");
    let members = [
        member("<t:Name>Someone</t:Name><t:EmailAddress>someone@far.example</t:EmailAddress>"),
        member("<t:EmailAddress>anna@example.org</t:EmailAddress>"),
        member(&format!(r#"<t:ItemId Id="{bert}"/>"#)),
        member("<t:EmailAddress>anna@example.org</t:EmailAddress>"),
    ];
    let list = server.ask(&format!(
        "<m:CreateItem><m:Items><t:DistributionList><t:DisplayName>Friends</t:DisplayName><t:Members>{}</t:Members></t:DistributionList></m:Items></m:CreateItem>",
        members.concat()
    ));
    let id = attribute(&list, "ItemId", "Id");
    let shape = "<t:BaseShape>AllProperties</t:BaseShape>";
    let item = server.item(&id, shape);
    assert_eq!(
        (texts(&item, "Subject"), texts(&item, "ItemClass")),
        (vec!["Friends".into()], vec!["IPM.DistList".into()])
    );
    assert_eq!(texts(&item, "MailboxType"), ["OneOff", "Mailbox", "Contact"]);
    assert_eq!(texts(&item, "EmailAddress"), ["someone@far.example", "anna@example.org", "bert@far.example"]);
    assert_eq!(texts(&item, "Status"), ["Normal", "Normal", "Normal"]);
    let expanded = expand(&server, &format!(r#"<t:ItemId Id="{id}"/>"#));
    assert_eq!(attribute(&expanded, "DLExpansion", "TotalItemsInView"), "3");
    let update = |updates: &str| {
        server.code(&format!(
            r#"<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id="{id}"/>
            <t:Updates>{updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
        ))
    };
    let key = &attributes(&item, "Member", "Key")[0];
    let remove = format!(
        r#"<t:DeleteItemField><t:IndexedFieldURI FieldURI="distributionlist:Members:Member" FieldIndex="{key}"/></t:DeleteItemField>"#
    );
    assert_eq!(update(&remove), "NoError");
    assert_eq!(update(&remove), "ErrorItemNotFound");
    let more = format!(
        r#"<t:AppendToItemField><t:FieldURI FieldURI="distributionlist:Members"/><t:DistributionList><t:Members>{}</t:Members></t:DistributionList></t:AppendToItemField>"#,
        member("<t:EmailAddress>bob@example.org</t:EmailAddress>")
    );
    assert_eq!(update(&more), "NoError");
    let delete = format!(
        r#"<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="{bert}"/></m:ItemIds></m:DeleteItem>"#
    );
    assert_eq!(server.code(&delete), "NoError");
    let item = server.item(&id, shape);
    assert_eq!(texts(&item, "EmailAddress"), ["anna@example.org", "bert@far.example", "bob@example.org"]);
    assert_eq!(texts(&item, "Status"), ["Normal", "Demoted", "Normal"]);
    let set = more.replace("AppendToItemField", "SetItemField");
    assert_eq!(update(&set), "NoError");
    assert_eq!(texts(&server.item(&id, shape), "EmailAddress"), ["bob@example.org"]);
    let old = organisation("2007_SP1");
    let answer = old.ask("<m:CreateItem><m:Items><t:DistributionList><t:DisplayName>x</t:DisplayName></t:DistributionList></m:Items></m:CreateItem>");
    assert!(!old.item(&attribute(&answer, "ItemId", "Id"), shape).contains("Members"));
}

#[test]
fn people_are_found_page_by_page() {
    let server = organisation("se");
    let find = |query: &str, offset: u32, shape: &str| {
        server.ask(&format!(
            r#"<m:FindPeople>{shape}<m:IndexedPageItemView BasePoint="Beginning" MaxEntriesReturned="2" Offset="{offset}"/>
            <m:ParentFolderId><t:DistinguishedFolderId Id="directory"/></m:ParentFolderId>{query}</m:FindPeople>"#
        ))
    };
    let first = find("", 0, "");
    assert_eq!(texts(&first, "TotalNumberOfPeopleInView"), ["6"]);
    assert_eq!(texts(&first, "DisplayName"), ["Anna Berg", "Blue room"]);
    assert_eq!(texts(&find("", 4, ""), "DisplayName"), ["House 1", "Team"]);
    let shape = r#"<m:PersonaShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="persona:Title"/></t:AdditionalProperties></m:PersonaShape>"#;
    let one = find("<m:QueryString>anna</m:QueryString>", 0, shape);
    assert_eq!(texts(&one, "Title"), ["Engineer"]);
    assert!(!one.contains("DisplayName"));
    let persona = server
        .ask(&format!(r#"<m:GetPersona><m:PersonaId Id="{}"/></m:GetPersona>"#, attribute(&one, "PersonaId", "Id")));
    assert_eq!(texts(&persona, "GivenName"), ["Anna"]);
}

#[test]
fn rooms_portraits_and_replies() {
    let server = organisation("se");
    assert_eq!(texts(&server.ask("<m:GetRoomLists/>"), "EmailAddress"), ["house1@example.org"]);
    let rooms = |list: &str| {
        server
            .ask(&format!("<m:GetRooms><m:RoomList><t:EmailAddress>{list}</t:EmailAddress></m:RoomList></m:GetRooms>"))
    };
    assert_eq!(texts(&rooms("house1@example.org"), "Name"), ["Blue room"]);
    assert_eq!(texts(&rooms("all@example.org"), "ResponseCode"), ["ErrorNameResolutionNoResults"]);
    let photo = |of: &str| {
        server.ask(&format!(
            "<m:GetUserPhoto><m:Email>{of}</m:Email><m:SizeRequested>HR48x48</m:SizeRequested></m:GetUserPhoto>"
        ))
    };
    assert_eq!(texts(&photo("anna@example.org"), "PictureData"), ["/9j/"]);
    assert_eq!(texts(&photo("bob@example.org"), "ResponseCode"), ["ErrorItemNotFound"]);
    let mailbox = |of: &str| format!("<t:Mailbox><t:Address>{of}</t:Address></t:Mailbox>");
    let get =
        |of: &str| server.ask(&format!("<m:GetUserOofSettingsRequest>{}</m:GetUserOofSettingsRequest>", mailbox(of)));
    assert_eq!(texts(&get("anna@example.org"), "OofState"), ["Disabled"]);
    assert_eq!(texts(&get("bob@example.org"), "ResponseCode"), ["ErrorAccessDenied"]);
    let set = |end: &str| {
        server.code(&format!(
            "<m:SetUserOofSettingsRequest>{}<t:UserOofSettings><t:OofState>Scheduled</t:OofState><t:ExternalAudience>Known</t:ExternalAudience>
            <t:Duration><t:StartTime>2026-01-02T00:00:00</t:StartTime><t:EndTime>{end}</t:EndTime></t:Duration>
            <t:InternalReply><t:Message>Away</t:Message></t:InternalReply><t:ExternalReply><t:Message>Gone</t:Message></t:ExternalReply>
            </t:UserOofSettings></m:SetUserOofSettingsRequest>",
            mailbox("anna@example.org")
        ))
    };
    assert_eq!(set("2026-01-01T00:00:00"), "ErrorInvalidScheduledOofDuration");
    assert_eq!(set("2026-01-09T00:00:00"), "NoError");
    let now = get("anna@example.org");
    let tips = |of: &str| {
        server.ask(&format!(
            "<m:GetMailTips><m:SendingAs><t:EmailAddress>bob@example.org</t:EmailAddress></m:SendingAs><m:Recipients><t:Mailbox><t:EmailAddress>{of}</t:EmailAddress></t:Mailbox></m:Recipients>
            <m:MailTipsRequested>OutOfOfficeMessage TotalMemberCount InvalidRecipient</m:MailTipsRequested></m:GetMailTips>"
        ))
    };
    assert_eq!(texts(&tips("all@example.org"), "TotalMemberCount"), ["2"]);
    assert_eq!(texts(&tips("nobody@example.org"), "InvalidRecipient"), ["true"]);
    let away = server.ask(&format!(
        "<m:SetUserOofSettingsRequest>{}<t:UserOofSettings><t:OofState>Enabled</t:OofState><t:ExternalAudience>None</t:ExternalAudience>
        <t:InternalReply><t:Message>Back soon</t:Message></t:InternalReply></t:UserOofSettings></m:SetUserOofSettingsRequest>",
        mailbox("anna@example.org")
    ));
    assert_eq!(texts(&away, "ResponseCode"), ["NoError"]);
    assert_eq!(texts(&tips("anna@example.org"), "Message"), ["Back soon"]);
    assert_eq!(
        (texts(&now, "OofState"), texts(&now, "Message")),
        (vec!["Scheduled".into()], vec!["Away".into(), "Gone".into()])
    );
}
