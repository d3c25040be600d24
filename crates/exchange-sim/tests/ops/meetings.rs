//! Meetings between two mailboxes: each message once, and what the calendars make of it.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    calendar::{create, fields, set, update, view},
    soap::{Server, attribute, attributes, texts},
};

const ANNA: &str = "anna@example.org";
const BOB: &str = "bob@example.org";
const ALL: &str = "<t:BaseShape>AllProperties</t:BaseShape>";

fn ask(server: &Server, user: &str, request: &str) -> String {
    let (status, answer) = server.document(user, &server.envelope(request));
    assert_eq!(status, 200, "{answer}");
    answer
}

fn listed(server: &Server, user: &str, folder: &str) -> String {
    ask(
        server,
        user,
        &format!(
            r#"<m:FindItem Traversal="Shallow"><m:ItemShape>{ALL}</m:ItemShape>
            <m:ParentFolderIds><t:DistinguishedFolderId Id="{folder}"/></m:ParentFolderIds></m:FindItem>"#
        ),
    )
}

fn get(server: &Server, user: &str, id: &str, shape: &str) -> String {
    ask(
        server,
        user,
        &format!(
            r#"<m:GetItem><m:ItemShape>{shape}</m:ItemShape><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:GetItem>"#
        ),
    )
}

fn classes(server: &Server, user: &str, folder: &str) -> Vec<String> {
    texts(&listed(server, user, folder), "ItemClass")
}

fn ids(server: &Server, user: &str, folder: &str) -> Vec<String> {
    attributes(&listed(server, user, folder), "ItemId", "Id")
}

fn attendees(kind: &str, addresses: &[&str]) -> String {
    let all: String = addresses
        .iter()
        .map(|address| {
            format!("<t:Attendee><t:Mailbox><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox></t:Attendee>")
        })
        .collect();
    format!("<t:{kind}>{all}</t:{kind}>")
}

fn meeting(server: &Server, send: &str) -> String {
    let properties = format!(
        r#"<t:Subject>Plan</t:Subject><t:Body BodyType="Text">Bring cake</t:Body><t:Start>2024-05-06T08:00:00Z</t:Start><t:End>2024-05-06T09:00:00Z</t:End>
        <t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus><t:Location>Attic</t:Location>{}"#,
        attendees("RequiredAttendees", &[BOB, "carol@elsewhere.example"])
    );
    attribute(&create(server, send, &properties), "ItemId", "Id")
}

fn answer(server: &Server, user: &str, how: &str, id: &str, disposition: &str, inside: &str) -> String {
    ask(
        server,
        user,
        &format!(
            r#"<m:CreateItem {disposition}><m:Items><t:{how}>{}<t:ReferenceItemId Id="{id}"/>{}</t:{how}></m:Items></m:CreateItem>"#,
            if inside.contains("Proposed") { "" } else { inside },
            if inside.contains("Proposed") { inside } else { "" },
        ),
    )
}

const SEND: &str = r#"MessageDisposition="SendAndSaveCopy""#;

#[test]
fn an_invitation_is_one_request_and_one_tentative_entry() {
    let server = Server::new("se");
    let id = meeting(&server, "SendToAllAndSaveCopy");
    assert_eq!(classes(&server, BOB, "inbox"), ["IPM.Schedule.Meeting.Request"]);
    assert_eq!(classes(&server, ANNA, "sentitems"), ["IPM.Schedule.Meeting.Request"]);
    assert_eq!(classes(&server, ANNA, "inbox"), Vec::<String>::new());
    let request = get(&server, BOB, &ids(&server, BOB, "inbox")[0], ALL);
    for (element, value) in [
        ("Subject", "Plan"),
        ("Start", "2024-05-06T08:00:00Z"),
        ("Location", "Attic"),
        ("MeetingRequestType", "NewMeetingRequest"),
        ("IntendedFreeBusyStatus", "OOF"),
        ("IsOutOfDate", "false"),
        ("MyResponseType", "NoResponseReceived"),
        ("AppointmentState", "3"),
        ("HasAttachments", "false"),
        ("IsRead", "false"),
    ] {
        assert_eq!(texts(&request, element), [value], "{element}");
    }
    assert!(request.contains("<t:AcceptItem/><t:TentativelyAcceptItem/><t:DeclineItem/>"));
    let entries = ids(&server, BOB, "calendar");
    assert_eq!(attributes(&request, "AssociatedCalendarItemId", "Id"), entries);
    let entry = get(&server, BOB, &entries[0], ALL);
    for (element, value) in [
        ("LegacyFreeBusyStatus", "Tentative"),
        ("MyResponseType", "NoResponseReceived"),
        ("AppointmentState", "3"),
        ("IsMeeting", "true"),
        ("Location", "Attic"),
    ] {
        assert_eq!(texts(&entry, element), [value], "{element}");
    }
    let organizer = entry.split("<t:Organizer>").nth(1).unwrap();
    assert_eq!(texts(organizer, "EmailAddress")[0], ANNA);
    let own = get(&server, ANNA, &id, ALL);
    assert_eq!((texts(&own, "UID"), texts(&own, "MeetingRequestWasSent")), (texts(&entry, "UID"), vec!["true".into()]));
    // The source holds the calendar object.
    let mime = "<t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>";
    let source = get(&server, BOB, &ids(&server, BOB, "inbox")[0], mime);
    let source = String::from_utf8(STANDARD.decode(&texts(&source, "MimeContent")[0]).unwrap()).unwrap();
    assert!(source.contains("text/calendar") && source.contains("method=REQUEST"), "{source}");
    assert!(source.contains("multipart/alternative"), "{source}");
}

#[test]
fn nobody_is_told_unless_wanted() {
    let server = Server::new("se");
    let id = meeting(&server, "SendToNone");
    let own = get(&server, ANNA, &id, ALL);
    assert_eq!(
        (texts(&own, "MeetingRequestWasSent").remove(0), texts(&own, "IsMeeting").remove(0)),
        ("false".into(), "true".into())
    );
    update(
        &server,
        &format!(r#"<t:ItemId Id="{id}"/>"#),
        "SendToNone",
        &set("calendar:Location", "<t:Location>x</t:Location>"),
    );
    server.ask(&format!(
        r#"<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendOnlyToAll"><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:DeleteItem>"#
    ));
    // Who was never invited is not told that it is off.
    for folder in ["inbox", "calendar"] {
        assert_eq!(classes(&server, BOB, folder), Vec::<String>::new());
    }
    assert_eq!(classes(&server, ANNA, "sentitems"), Vec::<String>::new());
}

#[test]
fn an_answer_reaches_the_organizer_once() {
    for (how, status, busy, class, prefix) in [
        ("AcceptItem", "Accept", "OOF", "IPM.Schedule.Meeting.Resp.Pos", "Accepted: Plan"),
        ("TentativelyAcceptItem", "Tentative", "Tentative", "IPM.Schedule.Meeting.Resp.Tent", "Tentative: Plan"),
    ] {
        let server = Server::new("se");
        let id = meeting(&server, "SendOnlyToAll");
        let request = ids(&server, BOB, "inbox").remove(0);
        assert_eq!(
            texts(&answer(&server, BOB, how, &request, "", ""), "ResponseCode"),
            ["ErrorMessageDispositionRequired"]
        );
        let body = r#"<t:Body BodyType="Text">Why not</t:Body>"#;
        let done = answer(&server, BOB, how, &request, SEND, body);
        assert_eq!(texts(&done, "ResponseCode"), ["NoError"]);
        assert!(done.contains("<t:CalendarItem>") && done.contains("<t:MeetingRequest>"), "{done}");
        assert_eq!(classes(&server, ANNA, "inbox"), [class]);
        assert_eq!(classes(&server, BOB, "sentitems"), [class]);
        assert_eq!(classes(&server, BOB, "inbox"), Vec::<String>::new());
        assert_eq!(classes(&server, BOB, "deleteditems"), ["IPM.Schedule.Meeting.Request"]);
        let response = get(&server, ANNA, &ids(&server, ANNA, "inbox")[0], ALL);
        assert_eq!(
            (texts(&response, "Subject").remove(0), texts(&response, "ResponseType").remove(0)),
            (prefix.into(), status.into())
        );
        assert!(response.contains("Why not"));
        let entry = get(&server, BOB, &ids(&server, BOB, "calendar")[0], ALL);
        assert_eq!(
            (texts(&entry, "LegacyFreeBusyStatus").remove(0), texts(&entry, "MyResponseType").remove(0)),
            (busy.into(), status.into())
        );
        let own = get(&server, ANNA, &id, ALL);
        assert_eq!(texts(&own, "ResponseType"), [status, "Unknown"]);
        assert_eq!(texts(&own, "LastResponseTime").len(), 1);
    }
}

#[test]
fn an_answer_may_stay_unsent_and_another_time_may_be_proposed() {
    let server = Server::new("se");
    let id = meeting(&server, "SendOnlyToAll");
    let entry = ids(&server, BOB, "calendar").remove(0);
    answer(&server, BOB, "AcceptItem", &entry, r#"MessageDisposition="SaveOnly""#, "");
    assert_eq!(classes(&server, ANNA, "inbox"), Vec::<String>::new());
    assert_eq!(texts(&get(&server, BOB, &entry, ALL), "MyResponseType"), ["Accept"]);
    let proposal =
        "<t:ProposedStart>2024-05-06T10:00:00Z</t:ProposedStart><t:ProposedEnd>2024-05-06T11:00:00Z</t:ProposedEnd>";
    let done = answer(&server, BOB, "TentativelyAcceptItem", &entry, SEND, proposal);
    assert_eq!(texts(&done, "ResponseCode"), ["NoError"], "{done}");
    let response = get(&server, ANNA, &ids(&server, ANNA, "inbox")[0], ALL);
    assert_eq!(texts(&response, "ProposedStart"), ["2024-05-06T10:00:00Z"]);
    assert_eq!(texts(&get(&server, ANNA, &id, ALL), "ProposedEnd"), ["2024-05-06T11:00:00Z"]);
}

#[test]
fn a_declined_meeting_leaves_the_calendar() {
    let server = Server::new("se");
    let id = meeting(&server, "SendOnlyToAll");
    let request = ids(&server, BOB, "inbox").remove(0);
    answer(&server, BOB, "DeclineItem", &request, SEND, "");
    assert_eq!(classes(&server, BOB, "calendar"), Vec::<String>::new());
    assert_eq!(classes(&server, ANNA, "inbox"), ["IPM.Schedule.Meeting.Resp.Neg"]);
    assert_eq!(texts(&get(&server, ANNA, &id, ALL), "ResponseType")[0], "Decline");
}

#[test]
fn updates_go_to_whom_they_concern() {
    let server = Server::new("se");
    let id = meeting(&server, "SendOnlyToAll");
    let item = format!(r#"<t:ItemId Id="{id}"/>"#);
    let inbox = || classes(&server, BOB, "inbox");
    // A category is Anna's own business, and one more guest none of Bob's.
    let red = r#"<t:SetItemField><t:FieldURI FieldURI="item:Categories"/><t:CalendarItem><t:Categories><t:String>Red</t:String></t:Categories></t:CalendarItem></t:SetItemField>"#;
    update(&server, &item, "SendOnlyToChanged", red);
    let more = attendees("OptionalAttendees", &["dan@elsewhere.example"]);
    update(&server, &item, "SendOnlyToChanged", &set("calendar:OptionalAttendees", &more));
    assert_eq!(inbox().len(), 1);
    update(&server, &item, "SendOnlyToChanged", &set("calendar:Location", "<t:Location>Cellar</t:Location>"));
    assert_eq!(inbox().len(), 2);
    let entry = get(&server, BOB, &ids(&server, BOB, "calendar")[0], ALL);
    assert_eq!(
        (texts(&entry, "Location").remove(0), texts(&entry, "AppointmentSequenceNumber").remove(0)),
        ("Cellar".into(), "0".into())
    );
    let later = set("calendar:Start", "<t:Start>2024-05-06T08:30:00Z</t:Start>");
    update(&server, &item, "SendToAllAndSaveCopy", &later);
    let kinds: Vec<String> = ids(&server, BOB, "inbox")
        .iter()
        .map(|id| texts(&get(&server, BOB, id, ALL), "MeetingRequestType").remove(0))
        .collect();
    assert_eq!(kinds, ["FullUpdate", "InformationalUpdate", "NewMeetingRequest"]);
    let entry = get(&server, BOB, &ids(&server, BOB, "calendar")[0], ALL);
    assert_eq!(
        (texts(&entry, "Start").remove(0), texts(&entry, "AppointmentSequenceNumber").remove(0)),
        ("2024-05-06T08:30:00Z".into(), "1".into())
    );
    // Who is taken off the list hears that it is off, and only once.
    let without = attendees("RequiredAttendees", &["carol@elsewhere.example"]);
    update(&server, &item, "SendOnlyToChanged", &set("calendar:RequiredAttendees", &without));
    assert_eq!(inbox()[0], "IPM.Schedule.Meeting.Canceled");
    update(&server, &item, "SendOnlyToAll", &set("calendar:Location", "<t:Location>Roof</t:Location>"));
    assert_eq!(inbox().len(), 4);
    assert_eq!(classes(&server, BOB, "calendar").len(), 1);
}

#[test]
fn a_cancelled_meeting_is_marked_and_removed() {
    let server = Server::new("se");
    let id = meeting(&server, "SendOnlyToAll");
    let entry = ids(&server, BOB, "calendar").remove(0);
    assert_eq!(
        texts(&answer(&server, BOB, "CancelCalendarItem", &entry, SEND, ""), "ResponseCode"),
        ["ErrorCalendarIsNotOrganizer"]
    );
    assert_eq!(
        texts(&answer(&server, ANNA, "AcceptItem", &id, SEND, ""), "ResponseCode"),
        ["ErrorCalendarIsOrganizerForAccept"]
    );
    let done = answer(&server, ANNA, "CancelCalendarItem", &id, r#"MessageDisposition="SendOnly""#, "");
    assert_eq!(texts(&done, "ResponseCode"), ["NoError"]);
    assert_eq!(classes(&server, ANNA, "calendar"), Vec::<String>::new());
    assert_eq!(classes(&server, BOB, "inbox")[0], "IPM.Schedule.Meeting.Canceled");
    let marked = get(&server, BOB, &entry, ALL);
    for (element, value) in [
        ("IsCancelled", "true"),
        ("AppointmentState", "7"),
        ("Subject", "Canceled: Plan"),
        ("LegacyFreeBusyStatus", "Free"),
    ] {
        assert_eq!(texts(&marked, element), [value], "{element}");
    }
    let off = texts(&answer(&server, BOB, "DeclineItem", &entry, SEND, ""), "ResponseCode");
    assert_eq!(off, ["ErrorCalendarIsCancelledForDecline"]);
    let message = ids(&server, BOB, "inbox").remove(0);
    assert_eq!(texts(&answer(&server, BOB, "RemoveItem", &message, "", ""), "ResponseCode"), ["NoError"]);
    assert_eq!(classes(&server, BOB, "calendar"), Vec::<String>::new());
}

#[test]
fn one_occurrence_is_moved_answered_and_cancelled() {
    let server = Server::new("se");
    let properties = format!(
        r#"<t:Subject>Plan</t:Subject><t:Start>2024-05-06T08:00:00Z</t:Start><t:End>2024-05-06T09:00:00Z</t:End>{}
        <t:Recurrence><t:DailyRecurrence><t:Interval>2</t:Interval></t:DailyRecurrence>
        <t:NumberedRecurrence><t:StartDate>2024-05-06</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>"#,
        attendees("RequiredAttendees", &[BOB])
    );
    let master = attribute(&create(&server, "SendOnlyToAll", &properties), "ItemId", "Id");
    let bobs = |shape: &str| {
        let find = format!(
            r#"<m:FindItem Traversal="Shallow"><m:ItemShape>{shape}</m:ItemShape><m:CalendarView StartDate="2024-05-01T00:00:00Z" EndDate="2024-06-01T00:00:00Z"/>
            <m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#
        );
        ask(&server, BOB, &find)
    };
    let shape = fields("calendar:Start calendar:MyResponseType calendar:IsCancelled");
    assert_eq!(texts(&bobs(&shape), "Start").len(), 3);
    let second = format!(r#"<t:OccurrenceItemId RecurringMasterId="{master}" InstanceIndex="2"/>"#);
    let times = set("calendar:Start", "<t:Start>2024-05-09T08:00:00Z</t:Start>")
        + &set("calendar:End", "<t:End>2024-05-09T09:00:00Z</t:End>");
    update(&server, &second, "SendOnlyToAll", &times);
    assert_eq!(texts(&bobs(&shape), "Start"), ["2024-05-06T08:00:00Z", "2024-05-09T08:00:00Z", "2024-05-10T08:00:00Z"]);
    let request = ids(&server, BOB, "inbox").remove(0);
    assert_eq!(texts(&get(&server, BOB, &request, ALL), "RecurrenceId"), ["2024-05-08T08:00:00Z"]);
    answer(&server, BOB, "AcceptItem", &request, SEND, "");
    assert_eq!(texts(&bobs(&shape), "MyResponseType"), ["NoResponseReceived", "Accept", "NoResponseReceived"]);
    let own =
        server.ask(&format!("<m:GetItem><m:ItemShape>{ALL}</m:ItemShape><m:ItemIds>{second}</m:ItemIds></m:GetItem>"));
    assert_eq!(texts(&own, "ResponseType"), ["Accept"]);
    assert_eq!(texts(&get(&server, ANNA, &master, ALL), "ResponseType"), ["Unknown"]);
    let third = view(&server, "2024-05-10T00:00:00Z", "2024-05-11T00:00:00Z", "<t:BaseShape>IdOnly</t:BaseShape>");
    let third = attribute(&third, "ItemId", "Id");
    answer(&server, ANNA, "CancelCalendarItem", &third, SEND, "");
    assert_eq!(texts(&bobs(&shape), "IsCancelled"), ["false", "false", "true"]);
    let left = view(&server, "2024-05-01T00:00:00Z", "2024-06-01T00:00:00Z", &shape);
    assert_eq!(texts(&left, "Start"), ["2024-05-06T08:00:00Z", "2024-05-09T08:00:00Z"]);
    assert_eq!(classes(&server, BOB, "calendar").len(), 1);
}

/// A calendar object in a mail, as another system sends it.
fn mail(method: &str, lines: &str) -> String {
    format!(
        "From: Dan <dan@elsewhere.example>\r\nTo: anna@example.org\r\nSubject: {method}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/alternative; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee the calendar.\r\n\
         --b\r\nContent-Type: text/calendar; charset=utf-8; method={method}\r\n\r\nBEGIN:VCALENDAR\r\nVERSION:2.0\r\n\
         PRODID:x\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\nDTSTAMP:20240101T000000Z\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n--b--\r\n"
    )
}

#[test]
fn people_elsewhere_invite_change_and_cancel_by_mail() {
    let server = Server::new("se");
    let invitation = |sequence: u32, start: &str| {
        format!(
            "UID:elsewhere-1\r\nSEQUENCE:{sequence}\r\nSUMMARY:Dinner\r\nLOCATION:Dan's\r\nDTSTART:{start}\r\nDURATION:PT2H\r\n\
             ORGANIZER;CN=Dan:mailto:dan@elsewhere.example\r\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:anna@example.org\r\n"
        )
    };
    server.deliver(&mail("REQUEST", &invitation(0, "20240506T180000Z")));
    let request = get(&server, ANNA, &ids(&server, ANNA, "inbox")[0], ALL);
    assert_eq!(texts(&request, "ItemClass"), ["IPM.Schedule.Meeting.Request"]);
    assert_eq!(
        (texts(&request, "UID").remove(0), texts(&request, "Location").remove(0)),
        ("elsewhere-1".into(), "Dan's".into())
    );
    let entries = ids(&server, ANNA, "calendar");
    let entry = get(&server, ANNA, &entries[0], ALL);
    assert_eq!(texts(&entry, "MyResponseType"), ["NoResponseReceived"]);
    assert_eq!(texts(entry.split("<t:Organizer>").nth(1).unwrap(), "EmailAddress")[0], "dan@elsewhere.example");
    server.deliver(&mail("REQUEST", &invitation(1, "20240507T180000Z")));
    server.deliver(&mail("REQUEST", &invitation(0, "20240508T180000Z")));
    let entry = get(&server, ANNA, &entries[0], ALL);
    assert_eq!(
        (texts(&entry, "Start").remove(0), ids(&server, ANNA, "calendar")),
        ("2024-05-07T18:00:00Z".into(), entries.clone())
    );
    let kinds: Vec<String> = ids(&server, ANNA, "inbox")
        .iter()
        .map(|id| texts(&get(&server, ANNA, id, ALL), "MeetingRequestType").remove(0))
        .collect();
    assert_eq!(kinds, ["Outdated", "FullUpdate", "NewMeetingRequest"]);
    server.deliver(&mail("CANCEL", &invitation(2, "20240507T180000Z")));
    assert_eq!(texts(&get(&server, ANNA, &entries[0], ALL), "IsCancelled"), ["true"]);
}

#[test]
fn people_elsewhere_answer_by_mail() {
    let server = Server::new("se");
    let properties = format!(
        "<t:Subject>Plan</t:Subject><t:UID>mine-1</t:UID><t:Start>2024-05-06T08:00:00Z</t:Start><t:End>2024-05-06T09:00:00Z</t:End>{}",
        attendees("RequiredAttendees", &["dan@elsewhere.example", BOB])
    );
    let id = attribute(&create(&server, "SendOnlyToAll", &properties), "ItemId", "Id");
    server.deliver(&mail(
        "REPLY",
        "UID:mine-1\r\nSUMMARY:Plan\r\nDTSTART:20240506T080000Z\r\nDTEND:20240506T090000Z\r\nORGANIZER:mailto:anna@example.org\r\n\
         ATTENDEE;PARTSTAT=DECLINED:mailto:dan@elsewhere.example\r\n",
    ));
    assert_eq!(classes(&server, ANNA, "inbox"), ["IPM.Schedule.Meeting.Resp.Neg"]);
    assert_eq!(texts(&get(&server, ANNA, &id, ALL), "ResponseType"), ["Decline", "Unknown"]);
    // A calendar that is merely attached is no invitation.
    server.deliver("Subject: x\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
    assert_eq!(classes(&server, ANNA, "inbox")[0], "IPM.Note");
}

#[test]
fn what_is_attached_reaches_those_invited() {
    let server = Server::new("se");
    let properties = format!(
        r#"<t:Subject>Plan</t:Subject><t:Body BodyType="HTML">&lt;p&gt;See there&lt;/p&gt;</t:Body>
        <t:Attachments><t:FileAttachment><t:Name>plan.txt</t:Name><t:Content>aGVsbG8=</t:Content></t:FileAttachment></t:Attachments>
        <t:Start>2024-05-06T08:00:00Z</t:Start>{}"#,
        attendees("RequiredAttendees", &[BOB])
    );
    create(&server, "SendOnlyToAll", &properties);
    for folder in ["inbox", "calendar"] {
        let item = get(&server, BOB, &ids(&server, BOB, folder)[0], ALL);
        let attachments = item.split("<t:Attachments>").nth(1).unwrap().split("</t:Attachments>").next().unwrap();
        assert_eq!(texts(attachments, "Name"), ["plan.txt"], "{folder}");
        assert!(item.contains("See there"));
        let id = attribute(attachments, "AttachmentId", "Id");
        let request = format!(
            r#"<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id="{id}"/></m:AttachmentIds></m:GetAttachment>"#
        );
        assert_eq!(texts(&ask(&server, BOB, &request), "Content"), ["aGVsbG8="]);
    }
}
