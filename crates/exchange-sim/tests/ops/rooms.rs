//! Rooms that answer for themselves, and delegates who get copies.

use exchange_sim::{Entry, EntryKind};

use crate::{
    calendar::{create, set, update},
    soap::{Server, attribute, attributes, texts},
};

const ATTIC: &str = "attic@example.org";
const BOB: &str = "bob@example.org";
const CAROL: &str = "carol@example.org";
const ALL: &str = "<t:BaseShape>AllProperties</t:BaseShape>";

fn with_room() -> Server {
    let server = Server::new("se");
    let people = server.exchange.mailboxes();
    server.exchange.add_to_directory(Entry { kind: EntryKind::Room, ..Entry::person(ATTIC, "Attic") });
    assert_eq!(server.exchange.mailboxes(), people, "a room is nobody");
    server
}

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

fn attendee(list: &str, address: &str) -> String {
    format!(
        "<t:{list}><t:Attendee><t:Mailbox><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox></t:Attendee></t:{list}>"
    )
}

/// A meeting of Anna's in the attic; gives its id.
fn booked(server: &Server, subject: &str, hour: i64, rest: &str) -> String {
    let properties = format!(
        r#"<t:Subject>{subject}</t:Subject><t:Body BodyType="Text">Bring cake</t:Body><t:Start>2024-05-06T{hour:02}:00:00Z</t:Start>
        <t:End>2024-05-06T{:02}:00:00Z</t:End>{}{rest}"#,
        hour + 1,
        attendee("Resources", ATTIC)
    );
    attribute(&create(server, "SendToAllAndSaveCopy", &properties), "ItemId", "Id")
}

/// What the attic said to a meeting, as Anna's calendar has it.
fn said(server: &Server, id: &str) -> String {
    let item = server.item(id, ALL);
    texts(item.split("<t:Resources>").nth(1).unwrap(), "ResponseType").remove(0)
}

#[test]
fn a_free_room_accepts_and_a_taken_one_declines() {
    let server = with_room();
    let first = booked(&server, "Plan", 8, "");
    assert_eq!(said(&server, &first), "Accept");
    let inbox = listed(&server, "anna@example.org", "inbox");
    assert_eq!(texts(&inbox, "ItemClass"), ["IPM.Schedule.Meeting.Resp.Pos"]);
    assert_eq!(texts(&inbox, "Subject"), ["Accepted: Plan"]);

    let second = booked(&server, "Other", 8, "");
    assert_eq!(said(&server, &second), "Decline");
    // Next to each other is no conflict.
    let third = booked(&server, "After", 9, "");
    assert_eq!(said(&server, &third), "Accept");

    let calendar = listed(&server, ATTIC, "calendar");
    assert_eq!(texts(&calendar, "Subject"), ["Anna Berg", "Anna Berg"], "who has it, not what for");
    assert_eq!(texts(&calendar, "LegacyFreeBusyStatus"), ["Busy", "Busy"]);
    assert!(attributes(&listed(&server, ATTIC, "inbox"), "ItemId", "Id").is_empty());
}

#[test]
fn a_room_answers_anew_when_a_meeting_moves() {
    let server = with_room();
    let (first, second) = (booked(&server, "Plan", 8, ""), booked(&server, "Other", 10, ""));
    let to = |hour: i64| {
        let start = set("calendar:Start", &format!("<t:Start>2024-05-06T{hour:02}:00:00Z</t:Start>"));
        let end = set("calendar:End", &format!("<t:End>2024-05-06T{:02}:00:00Z</t:End>", hour + 1));
        format!("{start}{end}")
    };
    let id = format!(r#"<t:ItemId Id="{second}"/>"#);
    update(&server, &id, "SendToAllAndSaveCopy", &to(8));
    assert_eq!((said(&server, &first), said(&server, &second)), ("Accept".into(), "Decline".into()));
    update(&server, &id, "SendToAllAndSaveCopy", &to(12));
    assert_eq!(said(&server, &second), "Accept");
    // What was called off leaves the room free.
    let gone = format!(
        r#"<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendOnlyToAll"><m:ItemIds><t:ItemId Id="{first}"/></m:ItemIds></m:DeleteItem>"#
    );
    assert_eq!(server.code(&gone), "NoError");
    assert_eq!(said(&server, &booked(&server, "Instead", 8, "")), "Accept");
}

#[test]
fn one_taken_occurrence_is_enough_to_decline_a_series() {
    let server = with_room();
    let weekly = "<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek></t:WeeklyRecurrence>\
        <t:NumberedRecurrence><t:StartDate>2024-04-29</t:StartDate><t:NumberOfOccurrences>4</t:NumberOfOccurrences>\
        </t:NumberedRecurrence></t:Recurrence>";
    booked(&server, "Plan", 8, "");
    let series = |hour: i64| {
        let times = format!("<t:Start>2024-04-29T{hour:02}:00:00Z</t:Start><t:End>2024-04-29T{hour:02}:30:00Z</t:End>");
        let properties = format!("<t:Subject>S</t:Subject>{times}{}{weekly}", attendee("Resources", ATTIC));
        attribute(&create(&server, "SendOnlyToAll", &properties), "ItemId", "Id")
    };
    assert_eq!(said(&server, &series(8)), "Decline");
    assert_eq!(said(&server, &series(14)), "Accept");
}

#[test]
fn a_delegate_gets_copies_and_cannot_answer_them() {
    for (deliver, own) in [("DelegatesAndMe", 1), ("DelegatesOnly", 0), ("NoForward", 1)] {
        let server = Server::new("se");
        server.exchange.add_mailbox(CAROL, "Carol Dean");
        let added = ask(
            &server,
            BOB,
            &format!(
                r#"<m:AddDelegate><m:Mailbox><t:EmailAddress>{BOB}</t:EmailAddress></m:Mailbox><m:DelegateUsers><t:DelegateUser>
                <t:UserId><t:PrimarySmtpAddress>{CAROL}</t:PrimarySmtpAddress></t:UserId>
                <t:ReceiveCopiesOfMeetingMessages>true</t:ReceiveCopiesOfMeetingMessages></t:DelegateUser></m:DelegateUsers>
                <m:DeliverMeetingRequests>{deliver}</m:DeliverMeetingRequests></m:AddDelegate>"#
            ),
        );
        assert_eq!(texts(&added, "ResponseCode")[0], "NoError", "{added}");
        let properties = format!(
            "<t:Subject>Plan</t:Subject><t:Start>2024-05-06T08:00:00Z</t:Start><t:End>2024-05-06T09:00:00Z</t:End>{}",
            attendee("RequiredAttendees", BOB)
        );
        create(&server, "SendOnlyToAll", &properties);
        assert_eq!(attributes(&listed(&server, BOB, "inbox"), "ItemId", "Id").len(), own, "{deliver}");
        assert_eq!(attributes(&listed(&server, BOB, "deleteditems"), "ItemId", "Id").len(), 1 - own, "{deliver}");
        assert_eq!(attributes(&listed(&server, BOB, "calendar"), "ItemId", "Id").len(), 1, "{deliver}");
        assert_eq!(attributes(&listed(&server, CAROL, "calendar"), "ItemId", "Id").len(), 0, "{deliver}");
        let copies = attributes(&listed(&server, CAROL, "inbox"), "ItemId", "Id");
        assert_eq!(copies.len(), usize::from(deliver != "NoForward"), "{deliver}");
        let Some(copy) = copies.first() else { continue };
        let item = ask(
            &server,
            CAROL,
            &format!(
                r#"<m:GetItem><m:ItemShape>{ALL}</m:ItemShape><m:ItemIds><t:ItemId Id="{copy}"/></m:ItemIds></m:GetItem>"#
            ),
        );
        assert_eq!(texts(&item, "IsDelegated"), ["true"]);
        let whom = |element: &str| texts(item.split(element).nth(1).unwrap(), "EmailAddress").remove(0);
        assert_eq!((whom("<t:ReceivedBy>"), whom("<t:ReceivedRepresenting>")), (CAROL.into(), BOB.into()));
        let accept = format!(
            r#"<m:CreateItem MessageDisposition="SendOnly"><m:Items><t:AcceptItem><t:ReferenceItemId Id="{copy}"/></t:AcceptItem></m:Items></m:CreateItem>"#
        );
        assert_eq!(texts(&ask(&server, CAROL, &accept), "ResponseCode"), ["ErrorCalendarIsDelegatedForAccept"]);
    }
}
