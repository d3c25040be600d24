//! What arrives of what was sent: header, properties, signed and sealed content, invitations.

use super::{ALL, ANNA, BOB, PLAIN, ask, create, items, latest, limit, send, source, told};
use crate::soap::{Server, attributes, texts};

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

    let counter =
        reply.replace("REPLY", "COUNTER").replace("PARTSTAT=ACCEPTED", "PARTSTAT=TENTATIVE").replace("T1", "T2");
    let answer = ask(&server, BOB, &create("SendAndSaveCopy", "", &counter, ""));
    assert_eq!(texts(&answer, "ResponseCode"), ["NoError"]);
    assert_eq!(items(&server, ANNA, "Inbox")[1]["class"], "IPM.Schedule.Meeting.Resp.Tent");
    let proposal = latest(&server, ANNA, "Inbox", ALL);
    assert_eq!(texts(&proposal, "ProposedStart"), ["2030-01-01T20:00:00Z"]);
    assert_eq!(texts(&proposal, "ProposedEnd"), ["2030-01-01T21:00:00Z"]);

    let cancel = message.replace("REQUEST", "CANCEL").replace("DTSTAMP", "STATUS:CANCELLED\r\nSEQUENCE:1\r\nDTSTAMP");
    assert_eq!(send(&server, &cancel, ""), "NoError");
    assert_eq!(items(&server, BOB, "Inbox")[1]["class"], "IPM.Schedule.Meeting.Canceled");
    assert_eq!(texts(&latest(&server, BOB, "Calendar", ALL), "IsCancelled"), ["true"]);
}

#[test]
fn meetings_of_exchanges_own_are_told_too() {
    let server = Server::new("se");
    server.exchange.add_mailbox("carol@example.org", "Carol Day");
    server.exchange.add_list("team@example.org", "Team", vec!["carol@example.org".to_owned(), BOB.to_owned()]);
    let attendees = format!(
        "<t:RequiredAttendees>{}</t:RequiredAttendees>",
        ["team@example.org", BOB, "x@out.example"]
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
    let expected = [("carol@example.org", "delivered"), (BOB, "delivered"), ("x@out.example", "outside")];
    for mailbox in ["carol@example.org", BOB] {
        assert_eq!(items(&server, mailbox, "Inbox").len(), 1, "{mailbox}");
    }
    assert_eq!(told(&server, "meeting"), expected.map(|(address, outcome)| (address.to_owned(), outcome.to_owned())));
    assert!(server.exchange.outside(Some(0)).unwrap()["source"].as_str().unwrap().contains("text/calendar"));
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
