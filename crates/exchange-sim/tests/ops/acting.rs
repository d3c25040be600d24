//! Acting as somebody else: the ExchangeImpersonation header, its scopes, and the subscriptions of a service account.

use exchange_sim::{Answer, Caller, Entry, EntryKind};

use crate::soap::{Server, attribute, texts};

const SERVICE: &str = "svc@example.org";

/// Asks as the service account, with a `ConnectingSID` holding `who`.
fn acting(server: &Server, who: &str, request: &str) -> (u16, String) {
    let header = format!("<t:ExchangeImpersonation><t:ConnectingSID>{who}</t:ConnectingSID></t:ExchangeImpersonation>");
    let envelope = server.envelope(request).replace("</soap:Header>", &format!("{header}</soap:Header>"));
    server.document(SERVICE, &envelope)
}

fn code(server: &Server, who: &str) -> String {
    texts(&acting(server, who, INBOX).1, "ResponseCode").remove(0)
}

const INBOX: &str = r#"<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape><m:FolderIds>
    <t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>"#;

const ANNA: &str = "<t:PrimarySmtpAddress>anna@example.org</t:PrimarySmtpAddress>";
const BOB: &str = "<t:SmtpAddress>bob@example.org</t:SmtpAddress>";

#[test]
fn without_the_role_nobody_is_acted_as() {
    let server = Server::new("se");
    for who in [ANNA, "<t:SmtpAddress>nobody@example.org</t:SmtpAddress>"] {
        assert_eq!(code(&server, who), "ErrorImpersonateUserDenied");
    }
    assert_eq!(
        texts(&server.document(SERVICE, &server.envelope(INBOX)).1, "ResponseCode"),
        ["ErrorNonExistentMailbox"]
    );
    let old = Server::new("2007_SP1");
    assert_eq!(code(&old, ANNA), "ErrorImpersonationDenied");
}

#[test]
fn each_way_to_name_somebody_has_its_own_mistakes() {
    let server = Server::new("se");
    server.exchange.allow_impersonation(SERVICE, None);
    let set = server.ask(
        r#"<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:PermissionSet"/>
        </t:AdditionalProperties></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>"#,
    );
    assert!(set.contains("PermissionSet"));
    for (who, outcome) in [
        (ANNA, "NoError"),
        (BOB, "NoError"),
        ("<t:PrincipalName>ANNA@example.org</t:PrincipalName>", "NoError"),
        ("<t:SmtpAddress>nobody@example.org</t:SmtpAddress>", "ErrorNonExistentMailbox"),
        ("<t:PrincipalName>nobody@example.org</t:PrincipalName>", "ErrorInvalidUserPrincipalName"),
        ("<t:SID>S-1-5-21-1-2-3-4</t:SID>", "ErrorInvalidUserSid"),
        ("<t:SID>anna</t:SID>", "ErrorInvalidSid"),
        ("<t:SmtpAddress/>", "ErrorInvalidExchangeImpersonationHeaderData"),
        ("", "ErrorInvalidExchangeImpersonationHeaderData"),
    ] {
        assert_eq!(code(&server, who), outcome, "{who}");
    }
}

#[test]
fn a_scope_is_a_domain_a_list_or_an_address() {
    let server = Server::new("se");
    let list = Entry {
        kind: EntryKind::List,
        members: vec!["anna@example.org".to_owned()],
        ..Entry::person("team@example.org", "Team")
    };
    server.exchange.add_to_directory(list);
    for (scope, anna, bob) in [
        ("example.org", true, true),
        ("example.net", false, false),
        ("team@example.org", true, false),
        ("bob@example.org", false, true),
    ] {
        server.exchange.allow_impersonation(SERVICE, Some(scope));
        for (who, allowed) in [(ANNA, anna), (BOB, bob)] {
            let outcome = if allowed { "NoError" } else { "ErrorImpersonateUserDenied" };
            assert_eq!(code(&server, who), outcome, "{scope} {who}");
        }
        assert_eq!(server.exchange.forbid_impersonation(SERVICE), 1);
    }
}

#[test]
fn what_is_done_is_done_as_the_owner() {
    let server = Server::new("se");
    server.exchange.allow_impersonation(SERVICE, None);
    assert!(acting(&server, ANNA, INBOX).1.contains("<t:DistinguishedFolderId>inbox<"));
    let send = r#"<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:Items><t:Message><t:Subject>hello</t:Subject><t:ToRecipients>
        <t:Mailbox><t:EmailAddress>bob@example.org</t:EmailAddress></t:Mailbox></t:ToRecipients></t:Message></m:Items></m:CreateItem>"#;
    let (status, answer) = acting(&server, ANNA, send);
    assert_eq!((status, texts(&answer, "ResponseCode")), (200, vec!["NoError".to_owned()]));
    assert_eq!(server.items("sentitems").len(), 1);
    let received = server.exchange.contents("bob@example.org").unwrap();
    let id = received["Inbox"][0]["item_id"].as_str().unwrap();
    let get = format!(
        r#"<m:GetItem><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:GetItem>"#
    );
    let (_, item) = acting(&server, BOB, &get);
    assert!(texts(&item, "EmailAddress").contains(&"anna@example.org".to_owned()), "{item}");
    assert!(!item.contains(SERVICE));
}

#[test]
fn one_connection_carries_the_subscriptions_of_many_mailboxes() {
    let server = Server::new("se");
    server.exchange.allow_impersonation(SERVICE, None);
    server.exchange.set_affinity(true);
    let subscribe = r#"<m:Subscribe><m:StreamingSubscriptionRequest SubscribeToAllFolders="true"><t:EventTypes>
        <t:EventType>NewMailEvent</t:EventType></t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>"#;
    let ask = |caller: &Caller, who: &str, request: &str| {
        let header =
            format!("<t:ExchangeImpersonation><t:ConnectingSID>{who}</t:ConnectingSID></t:ExchangeImpersonation>");
        let envelope = server.envelope(request).replace("</soap:Header>", &format!("{header}</soap:Header>"));
        server.exchange.answer_for(caller, envelope.as_bytes())
    };
    let document = |caller: &Caller, who: &str, request: &str| match ask(caller, who, request) {
        Answer::Document { body, .. } => Some(String::from_utf8(body).unwrap()),
        Answer::Stream { .. } => None,
    };
    let anchored = Caller { anchor: Some("anna@example.org".to_owned()), ..Caller::of(SERVICE) };
    let ids: Vec<String> =
        [ANNA, BOB].map(|who| texts(&document(&anchored, who, subscribe).unwrap(), "SubscriptionId").remove(0)).into();
    let stream = |ids: &[String]| {
        let ids: String = ids.iter().map(|id| format!("<t:SubscriptionId>{id}</t:SubscriptionId>")).collect();
        format!(
            "<m:GetStreamingEvents><m:SubscriptionIds>{ids}</m:SubscriptionIds><m:ConnectionTimeout>1</m:ConnectionTimeout></m:GetStreamingEvents>"
        )
    };
    assert!(document(&anchored, ANNA, &stream(&ids)).is_none(), "a stream of both");
    // Bob's mailbox is on the other server: without the anchor the request goes there.
    let astray = document(&Caller::of(SERVICE), BOB, &stream(&ids)).unwrap();
    assert_eq!(texts(&astray, "SubscriptionId"), ids);
    let cookie = Caller { back_end: server.exchange.back_end("anna@example.org"), ..Caller::of(SERVICE) };
    assert!(document(&cookie, BOB, &stream(&ids)).is_none(), "the cookie leads there too");
    // Anna herself did not make them.
    server.exchange.set_affinity(false);
    let (_, refused) = server.document(
        "anna@example.org",
        &server.envelope(&format!("<m:Unsubscribe><m:SubscriptionId>{}</m:SubscriptionId></m:Unsubscribe>", ids[0])),
    );
    assert_eq!(texts(&refused, "ResponseCode"), ["ErrorSubscriptionAccessDenied"]);
}

#[test]
fn full_access_opens_a_mailbox_as_its_owner_does() {
    let server = Server::new("se");
    let inbox = r#"<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>anna@example.org</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>"#;
    let top = inbox.replace("inbox", "msgfolderroot");
    let subscribe = format!(
        r#"<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds>{inbox}</t:FolderIds><t:EventTypes><t:EventType>CreatedEvent</t:EventType></t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>"#
    );
    let hierarchy = format!(
        "<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:SyncFolderId>{top}</m:SyncFolderId></m:SyncFolderHierarchy>"
    );
    let items = format!(
        "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>{inbox}</m:SyncFolderId><m:MaxChangesReturned>10</m:MaxChangesReturned></m:SyncFolderItems>"
    );
    let find = format!(
        r#"<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:ParentFolderIds>{top}</m:ParentFolderIds></m:FindFolder>"#
    );
    let make = format!(
        "<m:CreateFolder><m:ParentFolderId>{inbox}</m:ParentFolderId><m:Folders><t:Folder><t:DisplayName>Made by Bob</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>"
    );
    let as_bob = |request: &str| server.document("bob@example.org", &server.envelope(request)).1;
    let code = |request: &str| texts(&as_bob(request), "ResponseCode").remove(0);
    for request in [&subscribe, &hierarchy, &items, &find, &make] {
        assert_eq!(code(request), "ErrorFolderNotFound");
    }
    server.exchange.permit("anna@example.org", "inbox", "bob@example.org", "Editor").unwrap();
    assert_eq!(code(&items), "NoError");
    assert_eq!(code(&make), "ErrorAccessDenied");
    assert_eq!(code(&subscribe), "ErrorSubscriptionDelegateAccessNotSupported");
    server.exchange.permit("anna@example.org", "msgfolderroot", "bob@example.org", "Reviewer").unwrap();
    let seen = as_bob(&hierarchy);
    assert_eq!(texts(&seen, "DisplayName"), ["Inbox"], "only what he may see");

    server.exchange.grant_full_access("anna@example.org", "bob@example.org").unwrap();
    for request in [&subscribe, &hierarchy, &items, &find, &make] {
        assert_eq!(code(request), "NoError", "{request}");
    }
    let made = server.exchange.contents("anna@example.org").unwrap();
    assert!(made.get("Inbox/Made by Bob").is_some());
    let folder = attribute(&as_bob(&find), "FolderId", "Id");
    let delete = format!(
        r#"<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds><t:FolderId Id="{folder}"/></m:FolderIds></m:DeleteFolder>"#
    );
    assert_eq!(code(&delete), "ErrorDeleteDistinguishedFolder");
    assert!(!as_bob(&find).contains("DistinguishedFolderId"), "names like inbox are for one's own mailbox");
}

#[test]
fn a_message_of_somebody_else_needs_a_right() {
    let server = Server::new("se");
    let mime = "RnJvbTogYW5uYUBleGFtcGxlLm9yZw0KVG86IGJvYkBleGFtcGxlLm9yZw0KU3ViamVjdDogZnJvbSBBbm5hDQoNCngNCg==";
    let send = format!(
        r#"<m:CreateItem MessageDisposition="SendOnly"><m:Items><t:Message><t:MimeContent>{mime}</t:MimeContent></t:Message></m:Items></m:CreateItem>"#
    );
    let code = || texts(&server.document("bob@example.org", &server.envelope(&send)).1, "ResponseCode").remove(0);
    assert_eq!(code(), "ErrorSendAsDenied");
    let delegate = r#"<m:AddDelegate><m:Mailbox><t:EmailAddress>anna@example.org</t:EmailAddress></m:Mailbox><m:DelegateUsers>
        <t:DelegateUser><t:UserId><t:PrimarySmtpAddress>bob@example.org</t:PrimarySmtpAddress></t:UserId></t:DelegateUser>
        </m:DelegateUsers></m:AddDelegate>"#;
    assert!(server.ask(delegate).contains("NoError"));
    assert_eq!(code(), "NoError");
    server.exchange.grant_send_as("anna@example.org", "bob@example.org").unwrap();
    assert_eq!(code(), "NoError");
    let received = server.exchange.contents("bob@example.org").unwrap();
    let senders: Vec<String> = received["Inbox"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let get = format!(
                r#"<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id={}/></m:ItemIds></m:GetItem>"#,
                item["item_id"]
            );
            let item = server.document("bob@example.org", &server.envelope(&get)).1;
            let sender = item.split("<t:Sender>").nth(1).unwrap_or_default();
            texts(sender, "EmailAddress").remove(0)
        })
        .collect();
    assert_eq!(senders, ["bob@example.org", "anna@example.org"], "on behalf of her, and as her");
}
