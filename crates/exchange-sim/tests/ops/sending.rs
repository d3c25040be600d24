//! Sending: who may send what in whose name, what becomes of it at each recipient, and what stays with the sender.

mod content;
mod limits;
mod reports;

use base64::{Engine, engine::general_purpose::STANDARD};
use exchange_sim::Limits;
use serde_json::{Value, json};

use crate::soap::{Server, attribute, attributes, decoded, texts};

const ANNA: &str = "anna@example.org";
const BOB: &str = "bob@example.org";
const MIME: &str = "<t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>";
const ALL: &str = "<t:BaseShape>AllProperties</t:BaseShape>";

/// Asks as somebody.
fn ask(server: &Server, user: &str, request: &str) -> String {
    let (status, answer) = server.document(user, &server.envelope(request));
    assert_eq!(status, 200, "{answer}");
    answer
}

/// CreateItem of a message in MIME, with properties beside it.
fn create(disposition: &str, folder: &str, message: &str, properties: &str) -> String {
    let mime = STANDARD.encode(message);
    format!(
        r#"<m:CreateItem MessageDisposition="{disposition}">{folder}<m:Items><t:Message><t:MimeContent>{mime}</t:MimeContent>
        {properties}</t:Message></m:Items></m:CreateItem>"#
    )
}

fn send(server: &Server, message: &str, properties: &str) -> String {
    texts(&server.ask(&create("SendAndSaveCopy", "", message, properties)), "ResponseCode").remove(0)
}

fn people(element: &str, addresses: &[&str]) -> String {
    let all: String = addresses
        .iter()
        .map(|address| format!("<t:Mailbox><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox>"))
        .collect();
    format!("<t:{element}>{all}</t:{element}>")
}

fn saved_in(folder: &str) -> String {
    format!("<m:SavedItemFolderId>{folder}</m:SavedItemFolderId>")
}

fn tag(tag: &str, of: &str, value: &str) -> String {
    format!(
        r#"<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="{tag}" PropertyType="{of}"/><t:Value>{value}</t:Value></t:ExtendedProperty>"#
    )
}

/// The items in a folder, by its path.
fn items(server: &Server, mailbox: &str, folder: &str) -> Vec<Value> {
    server.exchange.contents(mailbox).unwrap()[folder].as_array().cloned().unwrap_or_default()
}

/// The latest item in somebody's folder, in a shape.
fn latest(server: &Server, mailbox: &str, folder: &str, shape: &str) -> String {
    let all = items(server, mailbox, folder);
    let id = all.last().unwrap_or_else(|| panic!("nothing in {folder} of {mailbox}"))["item_id"].as_str().unwrap();
    ask(
        server,
        mailbox,
        &format!(
            r#"<m:GetItem><m:ItemShape>{shape}</m:ItemShape><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:GetItem>"#
        ),
    )
}

fn source(server: &Server, mailbox: &str, folder: &str) -> String {
    decoded(&latest(server, mailbox, folder, MIME), "MimeContent")
}

/// What the latest deliveries tell of a kind: the recipients and outcomes.
fn told(server: &Server, kind: &str) -> Vec<(String, String)> {
    let all = server.exchange.deliveries(0);
    let of_kind: Vec<&Value> = all.as_array().unwrap().iter().filter(|one| one["kind"] == kind).collect();
    let recipients = of_kind.last().map(|one| one["recipients"].as_array().cloned().unwrap()).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    recipients
        .iter()
        .map(|one| match one["status"].as_str() {
            Some(status) => (text(&one["address"]), status.to_owned()),
            None => (text(&one["address"]), text(&one["outcome"])),
        })
        .collect()
}

fn limit(server: &Server, change: impl FnOnce(&mut Limits)) {
    let mut limits = server.exchange.submission_limits();
    change(&mut limits);
    server.exchange.limit_submission(limits);
}

const PLAIN: &str = "From: anna@example.org\r\nTo: bob@example.org\r\nSubject: Plain\r\nMessage-ID: <plain@client.test>\r\n\r\nHello\r\n";

#[test]
fn recipients_are_those_of_the_header_unless_others_are_given_beside_it() {
    let server = Server::new("se");
    server.exchange.add_mailbox("carol@example.org", "Carol Day");
    let message = "From: anna@example.org\r\nTo: bob@example.org\r\nBcc: carol@example.org\r\nSubject: x\r\n\r\nx\r\n";
    assert_eq!(send(&server, message, ""), "NoError");
    assert_eq!(
        told(&server, "message"),
        [(BOB.to_owned(), "delivered".to_owned()), ("carol@example.org".to_owned(), "delivered".to_owned())]
    );
    for mailbox in [BOB, "carol@example.org"] {
        assert!(!source(&server, mailbox, "Inbox").to_lowercase().contains("bcc:"));
    }
    assert!(source(&server, ANNA, "Sent Items").contains("Bcc: carol@example.org"));

    // A list given as property takes the place of that list in the header, and only of that.
    let given = people("BccRecipients", &[ANNA]);
    assert_eq!(send(&server, message, &given), "NoError");
    let mut addresses: Vec<String> = told(&server, "message").into_iter().map(|(address, _)| address).collect();
    addresses.sort();
    assert_eq!(addresses, [ANNA, BOB]);
    assert_eq!(items(&server, "carol@example.org", "Inbox").len(), 1);
    assert_eq!(send(&server, message, &people("ToRecipients", &["carol@example.org"])), "NoError");
    assert_eq!(told(&server, "message"), [("carol@example.org".to_owned(), "delivered".to_owned())]);
    assert_eq!(send(&server, "Subject: nobody\r\n\r\nx\r\n", ""), "ErrorInvalidRecipients");
    assert_eq!(send(&server, "To: nonsense\r\nSubject: x\r\n\r\nx\r\n", ""), "ErrorInvalidRecipients");
    // A group is for its members, and one without any for nobody.
    let groups = "To: Two: bob@example.org, \"a b\"@out.example;\r\nCc: nobody:;\r\nSubject: x\r\n\r\nx\r\n";
    assert_eq!(send(&server, groups, ""), "NoError");
    let expected = [(BOB, "delivered"), ("\"a b\"@out.example", "outside")];
    assert_eq!(told(&server, "message"), expected.map(|(address, outcome)| (address.to_owned(), outcome.to_owned())));
}

#[test]
fn what_is_sent_is_gone_from_drafts_and_one_copy_is_kept_under_another_id() {
    let server = Server::new("se");
    for (disposition, copies) in [("SendOnly", 0), ("SendAndSaveCopy", 1)] {
        let answer = server.ask(&create(disposition, "", PLAIN, ""));
        assert!(attributes(&answer, "ItemId", "Id").is_empty(), "no id is told");
        assert_eq!(items(&server, ANNA, "Sent Items").len(), copies, "{disposition}");
    }
    let draft = server.ask(&create("SaveOnly", "", PLAIN, ""));
    let (id, key) = (attribute(&draft, "ItemId", "Id"), attribute(&draft, "ItemId", "ChangeKey"));
    let sends = |key: &str, more: &str| {
        server.code(&format!(
            r#"<m:SendItem SaveItemToFolder="true"><m:ItemIds><t:ItemId Id="{id}"{key}/></m:ItemIds>{more}</m:SendItem>"#
        ))
    };
    assert_eq!(sends("", ""), "ErrorChangeKeyRequiredForWriteOperations");
    let wrong = saved_in(r#"<t:FolderId Id="AAMk"/>"#);
    assert_eq!(sends(&format!(r#" ChangeKey="{key}""#), &wrong), "ErrorInvalidIdMalformed");
    let kept = saved_in(r#"<t:DistinguishedFolderId Id="journal"/>"#);
    assert_eq!(sends(&format!(r#" ChangeKey="{key}""#), &kept), "NoError");
    assert_eq!(sends(&format!(r#" ChangeKey="{key}""#), ""), "ErrorItemNotFound");
    assert_eq!(items(&server, ANNA, "Drafts").len(), 0);
    let copy = &items(&server, ANNA, "Journal")[0];
    assert_ne!(copy["item_id"], id.as_str());
    assert_eq!((&copy["draft"], &copy["read"], &copy["submitted"]), (&json!(false), &json!(true), &json!(false)));
    let counts = server.exchange.deliveries_by_id();
    assert_eq!(counts["<plain@client.test>"], json!({ "sent": 3, "copies": 1, "reached": { BOB: 3 }, "failed": {} }));
}

#[test]
fn an_updated_draft_is_sent_in_the_same_step() {
    let server = Server::new("se");
    let draft = server.ask(&create("SaveOnly", "", PLAIN, ""));
    let (id, key) = (attribute(&draft, "ItemId", "Id"), attribute(&draft, "ItemId", "ChangeKey"));
    let kept = saved_in(r#"<t:DistinguishedFolderId Id="notes"/>"#);
    let update = format!(
        r#"<m:UpdateItem MessageDisposition="SendAndSaveCopy" ConflictResolution="AutoResolve">{kept}<m:ItemChanges>
        <t:ItemChange><t:ItemId Id="{id}" ChangeKey="{key}"/><t:Updates><t:SetItemField><t:FieldURI FieldURI="item:Subject"/>
        <t:Message><t:Subject>Changed</t:Subject></t:Message></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
    );
    assert_eq!(server.code(&update), "NoError");
    assert_eq!(items(&server, BOB, "Inbox")[0]["subject"], "Changed");
    assert_eq!(items(&server, ANNA, "Notes")[0]["subject"], "Changed");
    assert_eq!(items(&server, ANNA, "Drafts").len(), 0);
}

#[test]
fn a_message_in_somebody_elses_name_needs_a_right() {
    let server = Server::new("se");
    server.exchange.add_mailbox("carol@example.org", "Carol Day");
    server.exchange.add_list("sales@example.org", "Sales", vec![BOB.to_owned()]);
    let from = |address: &str| PLAIN.replace("From: anna@example.org", &format!("From: {address}"));
    for address in ["carol@example.org", "sales@example.org", "anna@elsewhere.example", "ghost@example.org"] {
        assert_eq!(send(&server, &from(address), ""), "ErrorSendAsDenied", "{address}");
    }
    assert_eq!(items(&server, BOB, "Inbox").len(), 0);
    assert_eq!(items(&server, ANNA, "Drafts").len(), 4, "what was refused stays as drafts");
    assert_eq!(
        texts(&server.ask(&create("SendOnly", "", &from("carol@example.org"), "")), "ResponseCode"),
        ["ErrorSendAsDenied"]
    );
    assert_eq!(items(&server, ANNA, "Drafts").len(), 4);

    server.exchange.grant_send_on_behalf("carol@example.org", ANNA).unwrap();
    assert_eq!(send(&server, &from("carol@example.org"), ""), "NoError");
    let head = source(&server, BOB, "Inbox");
    assert!(
        head.contains("From: \"Carol Day\" <carol@example.org>\r\nSender: \"Anna Berg\" <anna@example.org>"),
        "{head}"
    );
    server.exchange.grant_send_as("sales@example.org", ANNA).unwrap();
    assert_eq!(send(&server, &from("sales@example.org"), ""), "NoError");
    let head = source(&server, BOB, "Inbox");
    assert!(head.contains("From: \"Sales\" <sales@example.org>") && !head.contains("Sender:"), "{head}");
    assert!(server.exchange.grant_send_as("nobody@example.org", ANNA).is_err());

    // A message that names nobody is its mailbox owner's.
    server.exchange.grant_full_access("carol@example.org", ANNA).unwrap();
    let carols = saved_in(
        r#"<t:DistinguishedFolderId Id="sentitems"><t:Mailbox><t:EmailAddress>carol@example.org</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>"#,
    );
    let unsigned = "To: bob@example.org\r\nSubject: hers\r\n\r\nx\r\n";
    assert_eq!(texts(&server.ask(&create("SendAndSaveCopy", &carols, unsigned, "")), "ResponseCode"), ["NoError"]);
    assert_eq!(items(&server, "carol@example.org", "Sent Items")[0]["subject"], "hers");
    assert!(source(&server, BOB, "Inbox").contains("From: \"Carol Day\""));
}

#[test]
fn an_author_may_get_a_copy_of_what_others_send_as_him() {
    let server = Server::new("se");
    server.exchange.add_mailbox("carol@example.org", "Carol Day");
    server.exchange.grant_send_as("carol@example.org", ANNA).unwrap();
    server.exchange.grant_send_on_behalf(BOB, ANNA).unwrap();
    let copies = |author: &str| {
        let message = PLAIN.replace("From: anna@example.org", &format!("From: {author}"));
        assert_eq!(send(&server, &message, ""), "NoError");
        items(&server, author, "Sent Items").len()
    };
    assert_eq!([copies("carol@example.org"), copies(BOB)], [0, 0]);
    limit(&server, |limits| limits.copy_for_send_as = true);
    assert_eq!([copies("carol@example.org"), copies(BOB)], [1, 0]);
    limit(&server, |limits| limits.copy_for_send_on_behalf = true);
    assert_eq!([copies("carol@example.org"), copies(BOB)], [2, 1]);
    let copy = &items(&server, BOB, "Sent Items")[0];
    assert_eq!((&copy["subject"], &copy["draft"], &copy["read"]), (&json!("Plain"), &json!(false), &json!(true)));
    assert_eq!(items(&server, ANNA, "Sent Items").len(), 6, "the sender has one as ever");
    assert_eq!(copies(ANNA), 7, "of one's own there is one");
}

#[test]
fn a_mailbox_has_other_addresses() {
    let server = Server::new("se");
    server.exchange.add_alias(BOB, "robert@example.org").unwrap();
    server.exchange.add_alias(ANNA, "a.berg@example.org").unwrap();
    assert!(server.exchange.add_alias(ANNA, "robert@example.org").is_err());
    let message = PLAIN.replace("bob@", "robert@").replace("anna@", "a.berg@");
    assert_eq!(send(&server, &message, ""), "NoError");
    assert_eq!(told(&server, "message"), [(BOB.to_owned(), "delivered".to_owned())]);
    assert!(source(&server, BOB, "Inbox").contains("From: \"Anna Berg\" <anna@example.org>"), "the primary one");
    limit(&server, |limits| limits.send_from_aliases = true);
    assert_eq!(send(&server, &message, ""), "NoError");
    assert!(source(&server, BOB, "Inbox").contains("From: \"Anna Berg\" <a.berg@example.org>"));

    let resolved = server.ask(
        r#"<m:ResolveNames ReturnFullContactData="true"><m:UnresolvedEntry>smtp:robert@example.org</m:UnresolvedEntry></m:ResolveNames>"#,
    );
    assert_eq!(texts(&resolved, "EmailAddress")[0], BOB);
    assert_eq!(texts(&resolved, "Entry"), ["SMTP:bob@example.org", "smtp:robert@example.org"]);
    let folder = r#"<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox">
        <t:Mailbox><t:EmailAddress>robert@example.org</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:FolderIds></m:GetFolder>"#;
    let answer = server.ask(folder);
    assert_eq!(texts(&answer, "ResponseCode"), ["ErrorNonPrimarySmtpAddress"]);
    assert_eq!(texts(&answer, "Value"), [BOB]);
}

#[test]
fn lists_are_expanded_and_everybody_gets_one_copy() {
    let server = Server::new("se");
    server.exchange.add_mailbox("carol@example.org", "Carol Day");
    let of = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    server.exchange.add_list(
        "inner@example.org",
        "Inner",
        of(&["carol@example.org", "all@example.org", "x@out.example"]),
    );
    server.exchange.add_list("all@example.org", "All", of(&[BOB, "inner@example.org"]));
    let message = "From: anna@example.org\r\nTo: all@example.org, bob@example.org\r\nCc: y@out.example\r\nSubject: x\r\n\r\nx\r\n";
    assert_eq!(send(&server, message, ""), "NoError");
    let mut outcomes = told(&server, "message");
    outcomes.sort();
    let expected = [
        (BOB, "delivered"),
        ("carol@example.org", "delivered"),
        ("x@out.example", "outside"),
        ("y@out.example", "outside"),
    ];
    assert_eq!(outcomes, expected.map(|(address, outcome)| (address.to_owned(), outcome.to_owned())));
    assert!(source(&server, BOB, "Inbox").contains("To: all@example.org, bob@example.org"));
    let outside = server.exchange.outside(None).unwrap();
    assert_eq!(outside[0]["to"], json!(["x@out.example", "y@out.example"]));
    assert_eq!(outside[0]["from"], ANNA);
    let one = server.exchange.outside(Some(0)).unwrap();
    let source = one["source"].as_str().unwrap();
    assert!(source.contains("Subject: x\r\n") && !source.contains("X-MS-Exchange-Organization"), "{source}");

    // A list of the sender's own is named by its id.
    let list = server.ask(
        r#"<m:CreateItem><m:Items><t:DistributionList><t:DisplayName>Mine</t:DisplayName><t:Members><t:Member><t:Mailbox>
        <t:Name>B</t:Name><t:EmailAddress>bob@example.org</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType><t:MailboxType>OneOff</t:MailboxType>
        </t:Mailbox></t:Member></t:Members></t:DistributionList></m:Items></m:CreateItem>"#,
    );
    let id = attribute(&list, "ItemId", "Id");
    let to = format!(
        r#"<t:ToRecipients><t:Mailbox><t:MailboxType>PrivateDL</t:MailboxType><t:ItemId Id="{id}"/></t:Mailbox></t:ToRecipients>"#
    );
    assert_eq!(send(&server, "Subject: mine\r\n\r\nx\r\n", &to), "NoError");
    assert_eq!(told(&server, "message"), [(BOB.to_owned(), "delivered".to_owned())]);
}

#[test]
fn a_folder_to_save_in_that_is_not_there_is_named_so() {
    let server = Server::new("se");
    server.exchange.create_folder(ANNA, "Gone", "IPF.Note").unwrap();
    let found = server.ask(
        r#"<m:FindFolder Traversal="Shallow"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>
        <m:ParentFolderIds><t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderIds></m:FindFolder>"#,
    );
    let place = texts(&found, "DisplayName").iter().position(|name| name == "Gone").unwrap();
    let id = attributes(&found, "FolderId", "Id").remove(place);
    let folder = format!(r#"<t:FolderId Id="{id}"/>"#);
    let delete =
        format!(r#"<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds>{folder}</m:FolderIds></m:DeleteFolder>"#);
    assert_eq!(server.code(&delete), "NoError");
    let answer = server.ask(&create("SendAndSaveCopy", &saved_in(&folder), PLAIN, ""));
    assert_eq!(texts(&answer, "ResponseCode"), ["ErrorSavedItemFolderNotFound"]);
    assert_eq!(items(&server, BOB, "Inbox").len(), 0);
}
