//! Other people's folders: permissions, delegates, and what is refused.

use crate::soap::{Server, attribute, texts};

const ANNA: &str = "anna@example.org";
const BOB: &str = "bob@example.org";

fn as_bob(server: &Server, request: &str) -> String {
    let (status, answer) = server.document(BOB, &server.envelope(request));
    assert_eq!(status, 200, "{answer}");
    answer
}

/// A folder of Anna's.
fn annas(id: &str) -> String {
    format!(
        r#"<t:DistinguishedFolderId Id="{id}"><t:Mailbox><t:EmailAddress>{ANNA}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>"#
    )
}

fn permit(server: &Server, folder: &str, set: &str) -> String {
    let element = if folder == "calendar" { "CalendarFolder" } else { "ContactsFolder" };
    server.code(&format!(
        r#"<m:UpdateFolder><m:FolderChanges><t:FolderChange><t:DistinguishedFolderId Id="{folder}"/><t:Updates><t:SetFolderField>
        <t:FieldURI FieldURI="folder:PermissionSet"/><t:{element}><t:PermissionSet>{set}</t:PermissionSet></t:{element}>
        </t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>"#
    ))
}

fn level(level: &str) -> String {
    format!(
        "<t:Permissions><t:Permission><t:UserId><t:PrimarySmtpAddress>{BOB}</t:PrimarySmtpAddress></t:UserId>
        <t:PermissionLevel>{level}</t:PermissionLevel></t:Permission></t:Permissions>"
    )
}

fn get(folder: &str) -> String {
    format!(
        r#"<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:PermissionSet"/>
        </t:AdditionalProperties></m:FolderShape><m:FolderIds>{folder}</m:FolderIds></m:GetFolder>"#
    )
}

fn find(folder: &str) -> String {
    format!(
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ParentFolderIds>{folder}</m:ParentFolderIds></m:FindItem>"#
    )
}

fn create(folder: &str, name: &str, more: &str) -> String {
    format!(
        "<m:CreateItem><m:SavedItemFolderId>{folder}</m:SavedItemFolderId><m:Items><t:Contact>{more}<t:GivenName>{name}</t:GivenName></t:Contact></m:Items></m:CreateItem>"
    )
}

fn rename(id: &str) -> String {
    format!(
        r#"<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id="{id}"/><t:Updates><t:SetItemField>
        <t:FieldURI FieldURI="contacts:Surname"/><t:Contact><t:Surname>x</t:Surname></t:Contact></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
    )
}

fn delete(id: &str) -> String {
    format!(r#"<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:DeleteItem>"#)
}

#[test]
fn a_level_says_what_others_may_do() {
    let server = Server::new("se");
    let contacts = annas("contacts");
    let anna =
        attribute(&server.ask(&create(r#"<t:DistinguishedFolderId Id="contacts"/>"#, "Ada", "")), "ItemId", "Id");
    let code = |request: &str| texts(&as_bob(&server, request), "ResponseCode").remove(0);
    assert_eq!(code(&get(&contacts)), "ErrorFolderNotFound");
    for (name, read, make, edit) in [
        ("Reviewer", "NoError", "ErrorAccessDenied", "ErrorAccessDenied"),
        ("Contributor", "ErrorAccessDenied", "NoError", "ErrorAccessDenied"),
        ("Author", "NoError", "NoError", "ErrorAccessDenied"),
        ("Editor", "NoError", "NoError", "NoError"),
        ("None", "ErrorFolderNotFound", "ErrorFolderNotFound", "ErrorAccessDenied"),
    ] {
        assert_eq!(permit(&server, "contacts", &level(name)), "NoError");
        assert_eq!(code(&find(&contacts)), read, "{name}");
        assert_eq!(code(&create(&contacts, "Eve", "")), make, "{name}");
        assert_eq!(code(&rename(&anna)), edit, "{name}");
    }
    assert_eq!(permit(&server, "contacts", &level("Author")), "NoError");
    let own = attribute(&as_bob(&server, &create(&contacts, "Eve", "")), "ItemId", "Id");
    assert_eq!(code(&rename(&own)), "NoError");
    assert_eq!(code(&delete(&anna)), "ErrorAccessDenied");
    assert_eq!(code(&delete(&own)), "NoError");
    let shown = as_bob(&server, &get(&contacts));
    assert!(!shown.contains("PermissionSet"), "{shown}");
    assert_eq!(texts(&shown, "CreateContents"), ["true"]);
    assert_eq!(texts(&shown, "Delete"), ["false"]);
    let subscribe = format!(
        r#"<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds>{contacts}</t:FolderIds><t:EventTypes><t:EventType>CreatedEvent</t:EventType></t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>"#
    );
    assert_eq!(code(&subscribe), "ErrorSubscriptionDelegateAccessNotSupported");
}

#[test]
fn permissions_are_set_and_shown() {
    let server = Server::new("se");
    let calendar = server.ask(&get(r#"<t:DistinguishedFolderId Id="calendar"/>"#));
    assert_eq!(texts(&calendar, "CalendarPermissionLevel"), ["FreeBusyTimeOnly", "None"]);
    assert_eq!(texts(&calendar, "ReadItems"), ["TimeOnly", "None"]);
    let wrong = format!(
        r#"<m:UpdateFolder><m:FolderChanges><t:FolderChange><t:DistinguishedFolderId Id="calendar"/><t:Updates><t:SetFolderField>
        <t:FieldURI FieldURI="folder:PermissionSet"/><t:Folder><t:PermissionSet>{}</t:PermissionSet></t:Folder></t:SetFolderField>
        </t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>"#,
        level("Editor")
    );
    assert_eq!(server.code(&wrong), "ErrorCannotSetNonCalendarPermissionOnCalendarFolder");
    let user = |inside: &str| {
        format!(
            "<t:CalendarPermission><t:UserId>{inside}</t:UserId><t:CalendarPermissionLevel>Reviewer</t:CalendarPermissionLevel></t:CalendarPermission>"
        )
    };
    let bob = user(&format!("<t:PrimarySmtpAddress>{BOB}</t:PrimarySmtpAddress>"));
    let set =
        |inside: &str| permit(&server, "calendar", &format!("<t:CalendarPermissions>{inside}</t:CalendarPermissions>"));
    assert_eq!(set(&bob), "NoError");
    assert_eq!(set(&(bob.clone() + &bob)), "ErrorDuplicateUserIdsSpecified");
    assert_eq!(set(&user("<t:PrimarySmtpAddress>nobody@example.org</t:PrimarySmtpAddress>")), "ErrorInvalidUserInfo");
    let calendar = server.ask(&get(r#"<t:DistinguishedFolderId Id="calendar"/>"#));
    assert_eq!(texts(&calendar, "CalendarPermissionLevel"), ["Reviewer", "None", "None"]);
    assert_eq!(texts(&calendar, "PrimarySmtpAddress"), [BOB]);
    let custom = level("Custom").replace("<t:PermissionLevel>", "<t:CanCreateItems>true</t:CanCreateItems><t:IsFolderVisible>true</t:IsFolderVisible><t:ReadItems>FullDetails</t:ReadItems><t:PermissionLevel>");
    assert_eq!(permit(&server, "contacts", &custom), "NoError");
    assert_eq!(permit(&server, "contacts", &custom.replace("Custom", "Editor")), "ErrorInvalidPermissionSettings");
}

fn delegate(name: &str, inside: &str) -> String {
    format!("<m:{name}><m:Mailbox><t:EmailAddress>{ANNA}</t:EmailAddress></m:Mailbox>{inside}</m:{name}>")
}

#[test]
fn a_delegate_has_levels_and_may_see_what_is_private() {
    let server = Server::new("se");
    let user = |private: bool| {
        format!(
            "<m:DelegateUsers><t:DelegateUser><t:UserId><t:PrimarySmtpAddress>{BOB}</t:PrimarySmtpAddress></t:UserId><t:DelegatePermissions>
            <t:CalendarFolderPermissionLevel>Editor</t:CalendarFolderPermissionLevel><t:ContactsFolderPermissionLevel>Reviewer</t:ContactsFolderPermissionLevel></t:DelegatePermissions>
            <t:ViewPrivateItems>{private}</t:ViewPrivateItems></t:DelegateUser></m:DelegateUsers><m:DeliverMeetingRequests>DelegatesOnly</m:DeliverMeetingRequests>"
        )
    };
    let secret =
        create(r#"<t:DistinguishedFolderId Id="contacts"/>"#, "Secret", "<t:Sensitivity>Private</t:Sensitivity>");
    let id = attribute(&server.ask(&secret), "ItemId", "Id");
    let added = server.ask(&delegate("AddDelegate", &user(false)));
    assert_eq!(texts(&added, "ResponseCode"), ["NoError", "NoError"]);
    assert_eq!(texts(&added, "DisplayName"), ["Bob Cook"]);
    let again = server.ask(&delegate("AddDelegate", &user(false)));
    assert_eq!(texts(&again, "ResponseCode"), ["NoError", "ErrorDelegateAlreadyExists"]);
    let item = format!(
        r#"<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:GetItem>"#
    );
    assert_eq!(texts(&as_bob(&server, &item), "ResponseCode"), ["ErrorAccessDenied"]);
    assert_eq!(attribute(&as_bob(&server, &find(&annas("contacts"))), "RootFolder", "TotalItemsInView"), "0");
    assert_eq!(texts(&server.ask(&delegate("UpdateDelegate", &user(true))), "ResponseCode"), ["NoError", "NoError"]);
    assert_eq!(texts(&as_bob(&server, &item), "ResponseCode"), ["NoError"]);
    // The same for events, however they are looked for.
    for (subject, sensitivity) in [("Open", "Normal"), ("Hidden", "Private")] {
        server.ask(&format!(
            r#"<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem><t:Subject>{subject}</t:Subject><t:Sensitivity>{sensitivity}</t:Sensitivity>
            <t:Start>2026-01-05T09:00:00Z</t:Start><t:End>2026-01-05T10:00:00Z</t:End></t:CalendarItem></m:Items></m:CreateItem>"#
        ));
    }
    let view = find(&annas("calendar")).replace(
        "<m:ParentFolderIds>",
        r#"<m:CalendarView StartDate="2026-01-01T00:00:00Z" EndDate="2026-02-01T00:00:00Z"/><m:ParentFolderIds>"#,
    );
    let count = |request: &str| attribute(&as_bob(&server, request), "RootFolder", "TotalItemsInView");
    assert_eq!((count(&view), count(&find(&annas("calendar")))), ("2".to_owned(), "2".to_owned()));
    assert_eq!(texts(&server.ask(&delegate("UpdateDelegate", &user(false))), "ResponseCode"), ["NoError", "NoError"]);
    assert_eq!((count(&view), count(&find(&annas("calendar")))), ("1".to_owned(), "1".to_owned()));
    assert_eq!(texts(&server.ask(&delegate("UpdateDelegate", &user(true))), "ResponseCode"), ["NoError", "NoError"]);
    let known = server.ask(&delegate("GetDelegate", "").replacen(
        "GetDelegate>",
        r#"GetDelegate IncludePermissions="true">"#,
        1,
    ));
    assert_eq!(texts(&known, "CalendarFolderPermissionLevel"), ["Editor"]);
    assert_eq!(texts(&known, "TasksFolderPermissionLevel"), ["None"]);
    assert_eq!(texts(&known, "DeliverMeetingRequests"), ["DelegatesOnly"]);
    let other = delegate("GetDelegate", "").replacen("GetDelegate>", r#"GetDelegate IncludePermissions="false">"#, 1);
    assert_eq!(texts(&as_bob(&server, &other), "ResponseCode"), ["ErrorAccessDenied"]);
    let remove = delegate(
        "RemoveDelegate",
        &format!("<m:UserIds><t:UserId><t:PrimarySmtpAddress>{BOB}</t:PrimarySmtpAddress></t:UserId></m:UserIds>"),
    );
    assert_eq!(texts(&server.ask(&remove), "ResponseCode"), ["NoError", "NoError"]);
    assert_eq!(texts(&server.ask(&remove), "ResponseCode"), ["NoError", "ErrorNotDelegate"]);
    assert_eq!(texts(&as_bob(&server, &item), "ResponseCode"), ["ErrorAccessDenied"]);
}
