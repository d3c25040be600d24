//! Reports of what could not be delivered, and receipts.

use serde_json::{Value, json};

use super::{ALL, ANNA, BOB, PLAIN, ask, items, latest, limit, people, send, source, told};
use crate::soap::{Server, texts};

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

/// PidTagOriginatorNonDeliveryReportRequested (MS-OXOMSG)
#[test]
fn who_does_not_want_to_hear_of_failures_does_not() {
    let server = Server::new("se");
    let message = PLAIN.replace("bob@example.org", "ghost@example.org");
    let wish = |wanted: &str| {
        format!(
            r#"<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0C08" PropertyType="Boolean"/><t:Value>{wanted}</t:Value></t:ExtendedProperty>"#
        )
    };
    for (wanted, reports) in [("false", 0), ("true", 1)] {
        assert_eq!(send(&server, &message, &wish(wanted)), "NoError");
        assert_eq!(told(&server, "message"), [("ghost@example.org".to_owned(), "5.1.10".to_owned())]);
        assert_eq!(items(&server, ANNA, "Inbox").len(), reports, "{wanted}");
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
