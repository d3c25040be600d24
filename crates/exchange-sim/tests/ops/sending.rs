//! Sending: who may send what in whose name, what becomes of it at each recipient, and what stays with the sender.

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
    assert_eq!(sends("", ""), "ErrorChangeKeyRequired");
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
fn a_token_and_the_message_id_are_found_in_sent_items() {
    let server = Server::new("se");
    let token = r#"<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="11111111-2222-3333-4444-555555555555" PropertyName="Token"
        PropertyType="String"/><t:Value>abc</t:Value></t:ExtendedProperty>"#;
    assert_eq!(send(&server, PLAIN, token), "NoError");
    let find = |folder: &str, uri: &str, value: &str| {
        let answer = server.ask(&format!(
            r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:Restriction><t:IsEqualTo>{uri}
            <t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>
            <m:ParentFolderIds><t:DistinguishedFolderId Id="{folder}"/></m:ParentFolderIds></m:FindItem>"#
        ));
        attributes(&answer, "ItemId", "Id").len()
    };
    let named = r#"<t:ExtendedFieldURI PropertySetId="11111111-2222-3333-4444-555555555555" PropertyName="Token" PropertyType="String"/>"#;
    assert_eq!([find("sentitems", named, "abc"), find("sentitems", named, "abd")], [1, 0]);
    let id = r#"<t:ExtendedFieldURI PropertyTag="0x1035" PropertyType="String"/>"#;
    assert_eq!(find("sentitems", id, "&lt;plain@client.test&gt;"), 1);
    // Named properties travel with a message inside the organisation.
    let shape = format!("<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>{named}</t:AdditionalProperties>");
    assert_eq!(texts(&latest(&server, BOB, "Inbox", &shape), "Value"), ["abc"]);
    assert_eq!(texts(&latest(&server, BOB, "Inbox", ALL), "InternetMessageId"), ["&lt;plain@client.test&gt;"]);
    limit(&server, |limits| limits.rewrite_message_id = true);
    assert_eq!(send(&server, PLAIN, ""), "NoError");
    let id = items(&server, ANNA, "Sent Items")[1]["message_id"].clone();
    assert!(id != "<plain@client.test>" && id == items(&server, BOB, "Inbox")[1]["message_id"]);
}

#[test]
fn what_is_delivered_has_a_trace_and_keeps_what_the_sender_said() {
    let server = Server::new("se");
    let message = "From: Somebody Else <anna@example.org>\r\nTo: bob@example.org\r\nSubject: RE: Kept\r\nX-Mailer: test 1\r\n\
        Importance: high\r\nSensitivity: Company-Confidential\r\nX-MS-Exchange-Organization-SCL: 9\r\nSender: bob@example.org\r\n\
        Return-Path: bob@example.org\r\nReferences: <a@b>\r\n\r\nHello\r\n";
    let marks = r#"<t:ExtendedProperty><t:ExtendedFieldURI DistinguishedPropertySetId="InternetHeaders" PropertyName="X-Color"
        PropertyType="String"/><t:Value>blue</t:Value></t:ExtendedProperty>"#;
    assert_eq!(send(&server, message, marks), "NoError");
    let headers = r#"<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:ExtendedFieldURI PropertyTag="0x007D" PropertyType="String"/>
        <t:FieldURI FieldURI="item:Sensitivity"/><t:FieldURI FieldURI="item:Importance"/></t:AdditionalProperties>"#;
    let received = latest(&server, BOB, "Inbox", headers);
    assert_eq!(
        (texts(&received, "Sensitivity"), texts(&received, "Importance")),
        (vec!["Confidential".into()], vec!["High".into()])
    );
    let head = texts(&received, "Value").remove(0).replace("&lt;", "<").replace("&gt;", ">");
    for sign in [
        "Received: from EX01.example.org",
        "From: \"Anna Berg\" <anna@example.org>",
        "X-Mailer: test 1",
        "x-color: blue",
        "Thread-Topic: Kept",
        "X-MS-Exchange-Organization-AuthAs: Internal",
        "Return-Path: anna@example.org",
        "References: <a@b>",
    ] {
        assert!(head.contains(sign), "{sign}: {head}");
    }
    for sign in ["SCL", "Sender:", "Return-Path: bob"] {
        assert!(!head.contains(sign), "{sign}: {head}");
    }
    let ids = [source(&server, BOB, "Inbox"), source(&server, ANNA, "Sent Items")]
        .map(|message| message.lines().find(|line| line.starts_with("Message-ID: ")).unwrap().to_owned());
    assert_eq!(ids[0], ids[1], "one was made");
    assert_eq!(texts(&latest(&server, BOB, "Inbox", ALL), "IsFromMe"), ["false"]);
    assert_eq!(send(&server, &PLAIN.replace("To: bob", "To: anna"), ""), "NoError");
    assert_eq!(texts(&latest(&server, ANNA, "Inbox", ALL), "IsFromMe"), ["true"]);
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
    assert!(one["source"].as_str().unwrap().contains("Subject: x\r\n"));

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
fn what_cannot_be_delivered_comes_back_with_a_report() {
    for (version, status) in [("se", "5.1.10"), ("2010", "5.1.1")] {
        let server = Server::new(version);
        let message = PLAIN.replace("To: bob@example.org", "To: bob@example.org, \"Ghost\" <ghost@example.org>");
        assert_eq!(send(&server, &message, ""), "NoError");
        assert_eq!(told(&server, "message")[1], ("ghost@example.org".to_owned(), status.to_owned()));
        assert_eq!(told(&server, "report"), [(ANNA.to_owned(), "delivered".to_owned())]);
        let report = items(&server, ANNA, "Inbox").remove(0);
        assert_eq!(
            (&report["class"], &report["subject"]),
            (&json!("REPORT.IPM.Note.NDR"), &json!("Undeliverable: Plain"))
        );
        let text = source(&server, ANNA, "Inbox");
        for sign in [
            "multipart/report;\r\n\treport-type=delivery-status",
            "Final-recipient: RFC822;ghost@example.org\r\nAction: failed\r\n",
            &format!("Status: {status}\r\nDiagnostic-code: smtp;550 {status} RESOLVER.ADR.Recip"),
            "X-Display-Name: Ghost",
            "In-Reply-To: <plain@client.test>",
            "Message-ID: <plain@client.test>",
            "From: \"Microsoft Outlook\"\r\n <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.org>",
        ] {
            assert!(text.contains(sign), "{sign}: {text}");
        }
    }
}

#[test]
fn each_reason_has_its_status() {
    let server = Server::new("se");
    server.exchange.add_mailbox("full@example.org", "Full");
    server.exchange.set_mailbox_quota("full@example.org", 0).unwrap();
    server.exchange.add_mailbox("chief@example.org", "Chief");
    server.exchange.restrict("chief@example.org", BOB);
    server.exchange.refuse_outside("@shut.example", Some("5.7.1"));
    let outcome = |to: &str| {
        assert_eq!(send(&server, &PLAIN.replace("bob@example.org", to), ""), "NoError");
        told(&server, "message").remove(0).1
    };
    assert_eq!(outcome("full@example.org"), "5.2.2");
    assert_eq!(outcome("chief@example.org"), "5.7.1");
    assert_eq!(outcome("x@shut.example"), "5.7.1");
    assert_eq!(outcome("x@open.example"), "outside");
    let tips = server.ask(
        r#"<m:GetMailTips><m:SendingAs><t:EmailAddress>anna@example.org</t:EmailAddress></m:SendingAs><m:Recipients>
        <t:Mailbox><t:EmailAddress>full@example.org</t:EmailAddress></t:Mailbox><t:Mailbox><t:EmailAddress>chief@example.org</t:EmailAddress></t:Mailbox>
        </m:Recipients><m:MailTipsRequested>All</m:MailTipsRequested></m:GetMailTips>"#,
    );
    assert_eq!(texts(&tips, "MailboxFull"), ["true", "false"]);
    assert_eq!(texts(&tips, "DeliveryRestricted"), ["false", "true"]);
    limit(&server, |limits| (limits.max_receive, limits.recipients) = (Some(100), Some(1)));
    assert_eq!(outcome(BOB), "5.2.3");
    assert_eq!(outcome("bob@example.org, x@open.example"), "5.5.3");
    assert_eq!(items(&server, ANNA, "Inbox").len(), 5);
    assert_eq!(items(&server, ANNA, "Sent Items").len(), 6, "all were taken");
}

#[test]
fn limits_refuse_what_is_too_much() {
    let server = Server::new("se");
    limit(&server, |limits| limits.max_message = Some(300));
    assert_eq!(send(&server, PLAIN, ""), "NoError");
    assert_eq!(send(&server, &format!("{PLAIN}{}", "x".repeat(300)), ""), "ErrorMessageSizeExceeded");
    limit(&server, |limits| limits.recipient_rate = Some(2));
    assert_eq!(send(&server, PLAIN, ""), "NoError");
    assert_eq!(send(&server, PLAIN, ""), "NoError");
    assert_eq!(send(&server, PLAIN, ""), "ErrorSubmissionQuotaExceeded");
    server.exchange.put_ahead(90_000);
    assert_eq!(send(&server, PLAIN, ""), "NoError");
    limit(&server, |limits| limits.prohibit_send = Some(100));
    assert_eq!(send(&server, PLAIN, ""), "ErrorQuotaExceeded");
    assert_eq!(items(&server, ANNA, "Sent Items").len(), 4, "nothing was kept of what was refused");
}

#[test]
fn messages_beyond_the_rate_wait_in_their_folder() {
    for (folder, name) in [("drafts", "Drafts"), ("outbox", "Outbox")] {
        let server = Server::new("se");
        limit(&server, |limits| {
            limits.message_rate = Some(2);
            limits.waiting_in = exchange_sim::Waiting::named(folder).unwrap();
        });
        for _ in 0..5 {
            assert_eq!(send(&server, PLAIN, ""), "NoError");
        }
        let counts = |server: &Server| ["Sent Items", name].map(|folder| items(server, ANNA, folder).len());
        assert_eq!(counts(&server), [2, 3]);
        let waiting = latest(&server, ANNA, name, ALL);
        assert_eq!(
            (texts(&waiting, "IsSubmitted"), texts(&waiting, "IsDraft")),
            (vec!["true".into()], vec!["true".into()])
        );
        assert_eq!(server.exchange.submission_state()["waiting"].as_array().unwrap().len(), 3);
        // Who deletes one takes it back.
        let id = items(&server, ANNA, name)[1]["item_id"].as_str().unwrap().to_owned();
        let delete = format!(
            r#"<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:DeleteItem>"#
        );
        assert_eq!(server.code(&delete), "NoError");
        server.exchange.put_ahead(61);
        server.exchange.settle_submissions();
        assert_eq!(counts(&server), [3, 1]);
        server.exchange.put_ahead(61);
        server.exchange.settle_submissions();
        assert_eq!(counts(&server), [4, 0]);
        assert_eq!(items(&server, BOB, "Inbox").len(), 4);
        assert_eq!(items(&server, ANNA, "Sent Items")[3]["submitted"], false);
    }
}

#[test]
fn deferred_messages_are_sent_when_it_is_time() {
    let server = Server::new("se");
    let later = (now() + 3600).to_string();
    let draft = server.ask(&create("SaveOnly", "", PLAIN, &tag("0x3FEF", "SystemTime", &time(now() + 3600))));
    let (id, key) = (attribute(&draft, "ItemId", "Id"), attribute(&draft, "ItemId", "ChangeKey"));
    let sends = |key: &str| {
        server.code(&format!(
            r#"<m:SendItem SaveItemToFolder="true"><m:ItemIds><t:ItemId Id="{id}" ChangeKey="{key}"/></m:ItemIds></m:SendItem>"#
        ))
    };
    assert_eq!(sends(&key), "NoError");
    assert_eq!(sends(&key), "ErrorStaleObject", "it has another change key while it waits");
    let waiting = &items(&server, ANNA, "Drafts")[0];
    assert_eq!((&waiting["item_id"], &waiting["submitted"]), (&json!(id), &json!(true)), "{later}");
    // After three hours, by number and unit, which overrule the time; or once transport has had it for a day.
    let units =
        tag("0x3FEB", "Integer", "3") + &tag("0x3FEC", "Integer", "1") + &tag("0x3FEF", "SystemTime", &time(now()));
    assert_eq!(send(&server, PLAIN, &units), "NoError");
    assert_eq!(send(&server, PLAIN, &tag("0x000F", "SystemTime", &time(now() + 86_400))), "NoError");
    let arrived = |hours: u32| {
        server.exchange.put_ahead(hours * 3600 + 1);
        server.exchange.settle_submissions();
        items(&server, BOB, "Inbox").len()
    };
    assert_eq!(items(&server, ANNA, "Sent Items").len(), 1, "transport has that one");
    assert_eq!([arrived(0), arrived(1), arrived(2), arrived(21)], [0, 1, 2, 3]);
    assert_eq!(items(&server, ANNA, "Drafts").len(), 0);
}

#[test]
fn transport_may_be_held() {
    let server = Server::new("se");
    server.exchange.hold_transport(true);
    assert_eq!(send(&server, PLAIN, ""), "NoError");
    assert_eq!([items(&server, ANNA, "Sent Items").len(), items(&server, BOB, "Inbox").len()], [1, 0]);
    assert_eq!(server.exchange.submission_state()["queued"], 1);
    server.exchange.hold_transport(false);
    assert_eq!(items(&server, BOB, "Inbox").len(), 1);
}

#[test]
fn receipts_are_asked_for_by_property_or_by_header_and_come() {
    let server = Server::new("se");
    let wish = "<t:IsReadReceiptRequested>true</t:IsReadReceiptRequested><t:IsDeliveryReceiptRequested>true</t:IsDeliveryReceiptRequested>";
    let made = format!(
        r#"<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:Items><t:Message><t:Subject>By property</t:Subject>{}{wish}</t:Message></m:Items></m:CreateItem>"#,
        people("ToRecipients", &[BOB, "x@out.example"])
    );
    assert_eq!(server.code(&made), "NoError");
    let subjects = |server: &Server| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        items(server, ANNA, "Inbox").iter().map(|item| (text(&item["class"]), text(&item["subject"]))).collect()
    };
    let reports =
        [("REPORT.IPM.Note.DR", "Delivered: By property"), ("REPORT.IPM.Note.Relayed.DR", "Relayed: By property")];
    assert_eq!(subjects(&server), reports.map(|(class, subject)| (class.to_owned(), subject.to_owned())));
    let received = latest(&server, BOB, "Inbox", ALL);
    assert_eq!(texts(&received, "IsReadReceiptRequested"), ["true"]);
    let by_header = PLAIN.replace("Subject", "Disposition-Notification-To: Anna <anna@example.org>\r\nSubject");
    for _ in 0..3 {
        assert_eq!(send(&server, &by_header, ""), "NoError");
    }
    let all: Vec<String> =
        items(&server, BOB, "Inbox").iter().map(|item| item["item_id"].as_str().unwrap().to_owned()).collect();
    let read = |id: &str, suppress: &str| {
        let update = format!(
            r#"<m:UpdateItem MessageDisposition="SaveOnly" ConflictResolution="AlwaysOverwrite"{suppress}><m:ItemChanges><t:ItemChange>
            <t:ItemId Id="{id}"/><t:Updates><t:SetItemField><t:FieldURI FieldURI="message:IsRead"/><t:Message><t:IsRead>true</t:IsRead></t:Message>
            </t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
        );
        assert_eq!(texts(&ask(&server, BOB, &update), "ResponseCode"), ["NoError"]);
    };
    read(&all[0], "");
    read(&all[0], "");
    read(&all[1], r#" SuppressReadReceipts="true""#);
    let suppress = |id: &str| {
        let object = format!(
            r#"<m:CreateItem><m:Items><t:SuppressReadReceipt><t:ReferenceItemId Id="{id}"/></t:SuppressReadReceipt></m:Items></m:CreateItem>"#
        );
        texts(&ask(&server, BOB, &object), "ResponseCode").remove(0)
    };
    assert_eq!([suppress(&all[2]), suppress(&all[2])], ["NoError", "ErrorReadReceiptNotPending"]);
    read(&all[2], "");
    let delete = format!(
        r#"<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="{}"/></m:ItemIds></m:DeleteItem>"#,
        all[3]
    );
    assert_eq!(texts(&ask(&server, BOB, &delete), "ResponseCode"), ["NoError"]);
    let receipts = subjects(&server).split_off(2);
    let expected = [("REPORT.IPM.Note.IPNRN", "Read: By property"), ("REPORT.IPM.Note.IPNNRN", "Not read: Plain")];
    assert_eq!(receipts, expected.map(|(class, subject)| (class.to_owned(), subject.to_owned())));
    let text = source(&server, ANNA, "Inbox");
    assert!(text.contains("Disposition: automatic-action/MDN-sent-automatically; deleted"), "{text}");
    assert!(text.contains("Original-Message-ID: <plain@client.test>"), "{text}");
}

#[test]
fn what_is_signed_arrives_octet_for_octet() {
    let server = Server::new("se");
    for protocol in ["application/pkcs7-signature", "application/pgp-signature"] {
        let body = "--s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nexact  \r\n\r\n gr\u{fc}n\r\n--s\r\n\
            Content-Type: application/octet-stream; name=sig\r\n\r\nxx\r\n--s--\r\n";
        let message = format!(
            "From: anna@example.org\r\nTo: bob@example.org\r\nSubject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg=sha-256;\r\n\
             \tprotocol=\"{protocol}\"; boundary=s\r\n\r\n{body}"
        );
        assert_eq!(send(&server, &message, ""), "NoError");
        for (mailbox, folder) in [(BOB, "Inbox"), (ANNA, "Sent Items")] {
            let text = source(&server, mailbox, folder);
            assert_eq!(text.split_once("\r\n\r\n").unwrap().1, body, "{mailbox}");
            let class = items(&server, mailbox, folder).last().unwrap()["class"].clone();
            assert_eq!(class, "IPM.Note.SMIME.MultipartSigned");
        }
    }
    let sealed = "From: anna@example.org\r\nTo: bob@example.org\r\nSubject: s\r\nContent-Type: application/pkcs7-mime; \
        smime-type=enveloped-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAwQ=\r\n";
    assert_eq!(send(&server, sealed, ""), "NoError");
    assert_eq!(items(&server, BOB, "Inbox").last().unwrap()["class"], "IPM.Note.SMIME");
    let text = source(&server, BOB, "Inbox");
    assert!(text.contains("smime-type=enveloped-data") && text.ends_with("\r\nAAECAwQ=\r\n"), "{text}");
}

#[test]
fn an_invitation_sent_as_mail_is_a_meeting_message() {
    let server = Server::new("se");
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:u1\r\nDTSTAMP:20260101T000000Z\r\n\
        DTSTART:20300101T100000Z\r\nDTEND:20300101T110000Z\r\nSUMMARY:Meet\r\nORGANIZER:mailto:anna@example.org\r\n\
        ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let message = format!(
        "From: anna@example.org\r\nTo: bob@example.org\r\nSubject: Meet\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\
         Content-Type: text/plain\r\n\r\nMeet\r\n--b\r\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\n{event}\r\n--b--\r\n"
    );
    assert_eq!(send(&server, &message, ""), "NoError");
    assert_eq!(items(&server, BOB, "Inbox")[0]["class"], "IPM.Schedule.Meeting.Request");
    assert_eq!(items(&server, BOB, "Calendar")[0]["uid"], "u1");
    assert_eq!(items(&server, ANNA, "Sent Items")[0]["class"], "IPM.Schedule.Meeting.Request");
    assert_eq!(items(&server, ANNA, "Calendar").len(), 0);
    assert!(latest(&server, ANNA, "Sent Items", ALL).contains("<t:MeetingRequest>"));
    let reply = message
        .replace("REQUEST", "REPLY")
        .replace("NEEDS-ACTION", "ACCEPTED")
        .replace("From: anna", "From: x")
        .replace("To: bob", "To: anna")
        .replace("From: x@", "From: bob@");
    let answer = ask(&server, BOB, &create("SendAndSaveCopy", "", &reply, ""));
    assert_eq!(texts(&answer, "ResponseCode"), ["NoError"]);
    assert_eq!(items(&server, ANNA, "Inbox")[0]["class"], "IPM.Schedule.Meeting.Resp.Pos");
}

#[test]
fn meetings_of_exchanges_own_are_told_too() {
    let server = Server::new("se");
    let attendees = format!(
        "<t:RequiredAttendees>{}</t:RequiredAttendees>",
        [BOB, "x@out.example"]
            .map(|address| format!(
                "<t:Attendee><t:Mailbox><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox></t:Attendee>"
            ))
            .concat()
    );
    let made = format!(
        r#"<m:CreateItem SendMeetingInvitations="SendToAllAndSaveCopy"><m:Items><t:CalendarItem><t:Subject>Own</t:Subject>
        <t:Start>2030-01-01T10:00:00Z</t:Start><t:End>2030-01-01T11:00:00Z</t:End>{attendees}</t:CalendarItem></m:Items></m:CreateItem>"#
    );
    assert_eq!(server.code(&made), "NoError");
    let expected = [(BOB, "delivered"), ("x@out.example", "outside")];
    assert_eq!(told(&server, "meeting"), expected.map(|(address, outcome)| (address.to_owned(), outcome.to_owned())));
    assert!(server.exchange.outside(Some(0)).unwrap()["source"].as_str().unwrap().contains("text/calendar"));
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

#[test]
fn thousands_of_messages_are_counted() {
    let server = Server::new("se");
    assert_eq!(send(&server, &PLAIN.replace("plain@", "0@"), ""), "NoError");
    for number in 1..2_000 {
        let message = PLAIN.replace("plain@", &format!("{number}@"));
        let request = server.envelope(&create("SendAndSaveCopy", "", &message, ""));
        let exchange_sim::Answer::Document { status, .. } = server.exchange.answer(ANNA, request.as_bytes()) else {
            panic!()
        };
        assert_eq!(status, 200);
    }
    let counts = server.exchange.deliveries_by_id();
    let counts = counts.as_object().unwrap();
    assert_eq!(counts.len(), 2_000);
    let once = json!({ "sent": 1, "copies": 1, "reached": { BOB: 1 }, "failed": {} });
    assert!(counts.values().all(|count| *count == once));
}

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// `yyyy-MM-ddTHH:mm:ssZ`
fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}
