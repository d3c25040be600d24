//! Calendar items: times, zones, recurrence, occurrences, the calendar view.

use crate::soap::{Server, attribute, attributes, texts};

const ALL: &str = "<t:BaseShape>AllProperties</t:BaseShape>";

/// A shape of some properties by name.
pub(crate) fn fields(uris: &str) -> String {
    let paths: String = uris.split(' ').map(|uri| format!(r#"<t:FieldURI FieldURI="{uri}"/>"#)).collect();
    format!("<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>{paths}</t:AdditionalProperties>")
}

pub(crate) fn create(server: &Server, send: &str, properties: &str) -> String {
    server.ask(&format!(
        r#"<m:CreateItem SendMeetingInvitations="{send}"><m:Items><t:CalendarItem>{properties}</t:CalendarItem></m:Items></m:CreateItem>"#
    ))
}

/// Creates an event nobody is invited to; gives its id.
pub(crate) fn created(server: &Server, properties: &str) -> String {
    attribute(&create(server, "SendToNone", properties), "ItemId", "Id")
}

fn refusal(server: &Server, properties: &str) -> String {
    texts(&create(server, "SendToNone", properties), "ResponseCode").remove(0)
}

pub(crate) fn view(server: &Server, from: &str, to: &str, shape: &str) -> String {
    server.ask(&format!(
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape>{shape}</m:ItemShape><m:CalendarView StartDate="{from}" EndDate="{to}"/>
        <m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#
    ))
}

pub(crate) fn set(uri: &str, value: &str) -> String {
    format!(
        r#"<t:SetItemField><t:FieldURI FieldURI="{uri}"/><t:CalendarItem>{value}</t:CalendarItem></t:SetItemField>"#
    )
}

pub(crate) fn update(server: &Server, id: &str, send: &str, updates: &str) -> String {
    server.ask(&format!(
        r#"<m:UpdateItem MessageDisposition="SaveOnly" ConflictResolution="AlwaysOverwrite" SendMeetingInvitationsOrCancellations="{send}">
        <m:ItemChanges><t:ItemChange>{id}<t:Updates>{updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
    ))
}

fn item_id(id: &str) -> String {
    format!(r#"<t:ItemId Id="{id}"/>"#)
}

fn occurrence_id(master: &str, index: i64) -> String {
    format!(r#"<t:OccurrenceItemId RecurringMasterId="{master}" InstanceIndex="{index}"/>"#)
}

fn get(server: &Server, id: &str, shape: &str) -> String {
    server.ask(&format!("<m:GetItem><m:ItemShape>{shape}</m:ItemShape><m:ItemIds>{id}</m:ItemIds></m:GetItem>"))
}

fn delete(server: &Server, id: &str) -> String {
    server.code(&format!(
        r#"<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone"><m:ItemIds>{id}</m:ItemIds></m:DeleteItem>"#
    ))
}

/// Weekly on Tuesdays at 9 in New York, from before the clocks change to after.
const WEEKLY: &str = r#"<t:Subject>Weekly</t:Subject><t:Start>2024-02-27T09:00:00</t:Start><t:End>2024-02-27T10:00:00</t:End>
    <t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Tuesday</t:DaysOfWeek></t:WeeklyRecurrence>
    <t:NumberedRecurrence><t:StartDate>2024-02-27</t:StartDate><t:NumberOfOccurrences>4</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>
    <t:StartTimeZone Id="Eastern Standard Time"/>"#;

/// The elements of a calendar item in a recorded GetItem answer of 15.20, AllProperties at Exchange2010.
const RECORDED: &str = "ItemId ParentFolderId ItemClass Subject Sensitivity Body DateTimeReceived Size Importance IsSubmitted IsDraft \
    IsFromMe IsResend IsUnmodified DateTimeSent DateTimeCreated ResponseObjects ReminderDueBy ReminderIsSet \
    ReminderMinutesBeforeStart DisplayCc DisplayTo HasAttachments Culture EffectiveRights LastModifiedName LastModifiedTime \
    IsAssociated WebClientReadFormQueryString ConversationId UID DateTimeStamp Start End IsAllDayEvent LegacyFreeBusyStatus \
    IsMeeting IsCancelled IsRecurring MeetingRequestWasSent IsResponseRequested CalendarItemType MyResponseType Organizer \
    Duration TimeZone AppointmentSequenceNumber AppointmentState IsOnlineMeeting";

#[test]
fn an_event_shows_what_recorded_servers_show() {
    let server = Server::new("2010");
    let id = created(
        &server,
        "<t:Subject>Test Get Item 2</t:Subject><t:Start>2015-07-01T08:00:00Z</t:Start><t:End>2015-07-01T09:00:00Z</t:End>",
    );
    let item = server.item(&id, ALL);
    let inside = item.split("<t:CalendarItem>").nth(1).unwrap().split("</t:CalendarItem>").next().unwrap();
    let mut depth = 0;
    let mut names = Vec::new();
    for piece in inside.split('<').skip(1) {
        let tag = piece.split('>').next().unwrap();
        if tag.starts_with('/') {
            depth -= 1;
            continue;
        }
        if depth == 0 {
            names.push(tag.split([' ', '/']).next().unwrap().trim_start_matches("t:"));
        }
        depth += i32::from(!tag.ends_with('/'));
    }
    assert_eq!(names.join(" "), RECORDED.split_whitespace().collect::<Vec<_>>().join(" "));
    for (element, value) in [
        ("ReminderDueBy", "2015-07-01T08:00:00Z"),
        ("ReminderIsSet", "true"),
        ("ReminderMinutesBeforeStart", "15"),
        ("LegacyFreeBusyStatus", "Busy"),
        ("CalendarItemType", "Single"),
        ("MyResponseType", "Organizer"),
        ("Duration", "PT1H"),
        ("TimeZone", "UTC"),
        ("AppointmentState", "0"),
    ] {
        assert_eq!(texts(&item, element), [value], "{element}");
    }
    assert!(texts(&item, "UID")[0].starts_with("040000008200E00074C5B7101A82E00800000000"));
}

#[test]
fn a_series_keeps_its_time_on_the_clock() {
    let server = Server::new("se");
    let master = created(&server, WEEKLY);
    let found = view(&server, "2024-01-01T00:00:00Z", "2024-12-31T00:00:00Z", ALL);
    assert_eq!(
        texts(&found, "Start"),
        ["2024-02-27T14:00:00Z", "2024-03-05T14:00:00Z", "2024-03-12T13:00:00Z", "2024-03-19T13:00:00Z"]
    );
    assert_eq!(texts(&found, "CalendarItemType"), ["Occurrence"; 4]);
    assert_eq!(texts(&found, "IsRecurring"), ["true"; 4]);
    let item = server.item(&master, ALL);
    assert_eq!(texts(&item, "CalendarItemType"), ["RecurringMaster"]);
    assert_eq!(texts(&item, "IsRecurring"), ["false"]);
    assert_eq!(texts(&item, "StartDate"), ["2024-02-27Z"]);
    assert_eq!(texts(&item, "NumberOfOccurrences"), ["4"]);
    // Start of the master, of the first and of the last occurrence.
    assert_eq!(texts(&item, "Start"), ["2024-02-27T14:00:00Z", "2024-02-27T14:00:00Z", "2024-03-19T13:00:00Z"]);
    let keys = attributes(&found, "ItemId", "ChangeKey");
    assert!(keys.iter().all(|key| *key == attribute(&item, "ItemId", "ChangeKey")));
    // Without a view there is the master alone.
    let listed = server.ask(
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape>
        <m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#,
    );
    assert_eq!(texts(&listed, "CalendarItemType"), ["RecurringMaster"]);
    assert_eq!(server.items("calendar"), [master]);
}

#[test]
fn occurrences_are_found_by_number_and_lead_back() {
    let server = Server::new("se");
    let master = created(&server, WEEKLY);
    let shape = fields("calendar:Start calendar:OriginalStart calendar:RecurrenceId calendar:CalendarItemType");
    let third = get(&server, &occurrence_id(&master, 3), &shape);
    assert_eq!(texts(&third, "OriginalStart"), ["2024-03-12T13:00:00Z"]);
    assert_eq!(texts(&third, "RecurrenceId"), ["2024-03-12T13:00:00Z"]);
    let id = attribute(&third, "ItemId", "Id");
    assert_eq!(attribute(&get(&server, &item_id(&id), &shape), "ItemId", "Id"), id);
    let back = get(&server, &format!(r#"<t:RecurringMasterItemId OccurrenceId="{id}"/>"#), &shape);
    assert_eq!(attribute(&back, "ItemId", "Id"), master);
    let code = |id: &str| texts(&get(&server, id, &shape), "ResponseCode").remove(0);
    assert_eq!(delete(&server, &occurrence_id(&master, 2)), "NoError");
    assert_eq!(code(&occurrence_id(&master, 2)), "ErrorCalendarOccurrenceIsDeletedFromRecurrence");
    for index in [0, 5, -1] {
        assert_eq!(code(&occurrence_id(&master, index)), "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange");
    }
    let single = created(&server, "<t:Start>2024-01-01T08:00:00Z</t:Start>");
    assert_eq!(code(&occurrence_id(&single, 1)), "ErrorCalendarCannotUseIdForOccurrenceId");
    let wrong = format!(r#"<t:RecurringMasterItemId OccurrenceId="{single}"/>"#);
    assert_eq!(code(&wrong), "ErrorCalendarCannotUseIdForRecurringMasterId");
    let moved = format!(
        r#"<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="deleteditems"/></m:ToFolderId><m:ItemIds>{}</m:ItemIds></m:MoveItem>"#,
        item_id(&id)
    );
    assert_eq!(server.code(&moved), "ErrorCalendarCannotMoveOrCopyOccurrence");
}

#[test]
fn a_changed_occurrence_is_an_exception() {
    let server = Server::new("se");
    let master = created(&server, WEEKLY);
    let state = texts(&server.sync("calendar", ""), "SyncState").remove(0);
    let times = set("calendar:Start", "<t:Start>2024-03-13T18:00:00Z</t:Start>")
        + &set("calendar:End", "<t:End>2024-03-13T19:30:00Z</t:End>")
        + &set("item:Subject", "<t:Subject>Moved</t:Subject>");
    let answer = update(&server, &occurrence_id(&master, 3), "SendToNone", &times);
    let id = attribute(&answer, "ItemId", "Id");
    let item = get(&server, &item_id(&id), ALL);
    assert_eq!(texts(&item, "CalendarItemType"), ["Exception"]);
    assert_eq!(
        (texts(&item, "Subject").remove(0), texts(&item, "Duration").remove(0)),
        ("Moved".into(), "PT1H30M".into())
    );
    assert_eq!(texts(&item, "OriginalStart"), ["2024-03-12T13:00:00Z"]);
    assert_eq!(delete(&server, &occurrence_id(&master, 1)), "NoError");
    let whole = server.item(&master, ALL);
    let modified = whole.split("<t:ModifiedOccurrences>").nth(1).unwrap().split("</t:Mod").next().unwrap();
    assert_eq!(attribute(modified, "ItemId", "Id"), id);
    assert_eq!(texts(modified, "Start"), ["2024-03-13T18:00:00Z"]);
    assert_eq!(texts(modified, "OriginalStart"), ["2024-03-12T13:00:00Z"]);
    let deleted = whole.split("<t:DeletedOccurrences>").nth(1).unwrap();
    assert_eq!(texts(deleted, "Start")[0], "2024-02-27T14:00:00Z");
    let first = whole.split("<t:FirstOccurrence>").nth(1).unwrap();
    assert_eq!(texts(first, "Start")[0], "2024-03-05T14:00:00Z");
    // The sync tells of the master, once.
    let news = server.sync("calendar", &state);
    assert_eq!((attributes(&news, "ItemId", "Id"), news.matches("<t:Update>").count()), (vec![master.clone()], 1));
    // What the exception has not of its own follows the master.
    update(
        &server,
        &item_id(&master),
        "SendToNone",
        &(set("item:Subject", "<t:Subject>New</t:Subject>")
            + &set("calendar:Location", "<t:Location>Here</t:Location>")),
    );
    let item = get(&server, &item_id(&id), ALL);
    assert_eq!(
        (texts(&item, "Subject").remove(0), texts(&item, "Location").remove(0)),
        ("Moved".into(), "Here".into())
    );
    // No occurrence passes another, nor shares its day.
    for start in ["2024-03-19T08:00:00Z", "2024-03-25T08:00:00Z", "2024-03-05T20:00:00Z"] {
        let times = set("calendar:Start", &format!("<t:Start>{start}</t:Start>"));
        let times = times + &set("calendar:End", &format!("<t:End>{}</t:End>", start.replace(":00:00Z", ":30:00Z")));
        let answer = update(&server, &item_id(&id), "SendToNone", &times);
        assert_eq!(texts(&answer, "ResponseCode"), ["ErrorOccurrenceCrossingBoundary"], "{start}");
    }
    // Other times for the whole series end all that.
    update(&server, &item_id(&master), "SendToNone", &set("calendar:End", "<t:End>2024-02-27T15:30:00Z</t:End>"));
    let whole = server.item(&master, ALL);
    assert!(!whole.contains("ModifiedOccurrences") && !whole.contains("DeletedOccurrences"));
    assert_eq!(texts(&get(&server, &occurrence_id(&master, 1), ALL), "Duration"), ["PT1H30M"]);
}

/// There are no pages to go on with: whoever was given a part without asking for one would have no way to the rest.
#[test]
fn a_view_of_more_than_a_thousand_is_refused_unless_its_size_is_asked_for() {
    for (version, code) in
        [("2007_SP1", "NoError"), ("2010_SP2", "ErrorExceededFindCountLimit"), ("se", "ErrorExceededFindCountLimit")]
    {
        let server = Server::new(version);
        for hour in [8, 9] {
            let daily = format!(
                "<t:Start>2024-01-01T0{hour}:00:00Z</t:Start><t:End>2024-01-01T0{hour}:30:00Z</t:End><t:Recurrence>\
                 <t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence><t:NumberedRecurrence>\
                 <t:StartDate>2024-01-01</t:StartDate><t:NumberOfOccurrences>600</t:NumberOfOccurrences>\
                 </t:NumberedRecurrence></t:Recurrence>"
            );
            created(&server, &daily);
        }
        let find = |most: &str| {
            server.ask(&format!(
                r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>
                <m:CalendarView {most}StartDate="2024-01-01T00:00:00Z" EndDate="2025-12-31T00:00:00Z"/>
                <m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#
            ))
        };
        let whole = find("");
        assert_eq!(texts(&whole, "ResponseCode"), [code], "{version}");
        if code == "NoError" {
            assert_eq!(attributes(&whole, "ItemId", "Id").len(), 1200);
            continue;
        }
        assert!(whole.contains(r#"<t:Value Name="PolicyLimit">1000</t:Value>"#), "{whole}");
        let part = find(r#"MaxEntriesReturned="1000" "#);
        assert_eq!(attributes(&part, "ItemId", "Id").len(), 1000);
        assert_eq!(attributes(&part, "RootFolder", "IncludesLastItemInRange"), ["false"]);
        assert_eq!(attributes(&part, "RootFolder", "TotalItemsInView"), ["1200"]);
        assert_eq!(texts(&find(r#"MaxEntriesReturned="1001" "#), "ResponseCode"), [code], "{version}");
    }
}

#[test]
fn the_view_has_its_limits() {
    let server = Server::new("se");
    for day in 1..6 {
        created(&server, &format!("<t:Subject>{day}</t:Subject><t:Start>2024-05-0{}T08:00:00Z</t:Start>", 6 - day));
    }
    let shape = fields("item:Subject");
    let code = |from: &str, to: &str| texts(&view(&server, from, to, &shape), "ResponseCode").remove(0);
    assert_eq!(code("2024-05-02T00:00:00Z", "2024-05-01T00:00:00Z"), "ErrorCalendarEndDateIsEarlierThanStartDate");
    assert_eq!(code("2024-05-02T00:00:00Z", "2026-06-01T00:00:00Z"), "ErrorCalendarViewRangeTooBig");
    let all = view(&server, "2024-05-01T00:00:00Z", "2024-05-31T00:00:00Z", &shape);
    assert_eq!(texts(&all, "Subject"), ["5", "4", "3", "2", "1"]);
    let few = server.ask(
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape>
        <m:CalendarView MaxEntriesReturned="2" StartDate="2024-05-01T00:00:00Z" EndDate="2024-05-31T00:00:00Z"/>
        <m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#,
    );
    assert_eq!(texts(&few, "Subject"), ["5", "4"]);
    assert_eq!(attributes(&few, "RootFolder", "IncludesLastItemInRange"), ["false"]);
    // What ends when the span begins is in it, what begins when it ends is not.
    let beside = view(&server, "2024-05-01T08:30:00Z", "2024-05-02T08:00:00Z", &shape);
    assert_eq!(texts(&beside, "Subject"), ["5"]);
    let restricted = server.ask(
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>
        <m:CalendarView StartDate="2024-05-01T00:00:00Z" EndDate="2024-05-31T00:00:00Z"/>
        <m:Restriction><t:Exists><t:FieldURI FieldURI="item:Subject"/></t:Exists></m:Restriction>
        <m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#,
    );
    assert_eq!(texts(&restricted, "ResponseCode"), ["ErrorInvalidOperation"]);
    let mail = server.ask(
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>
        <m:CalendarView StartDate="2024-05-01T00:00:00Z" EndDate="2024-05-31T00:00:00Z"/>
        <m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>"#,
    );
    assert_eq!(texts(&mail, "ResponseCode"), ["ErrorCalendarFolderIsInvalidForCalendarView"]);
}

#[test]
fn what_cannot_be_is_refused() {
    let server = Server::new("se");
    let span = |start: &str, end: &str| format!("<t:Start>{start}</t:Start><t:End>{end}</t:End>");
    assert_eq!(
        refusal(&server, &span("2024-01-02T00:00:00Z", "2024-01-01T00:00:00Z")),
        "ErrorCalendarEndDateIsEarlierThanStartDate"
    );
    assert_eq!(
        refusal(&server, &span("2024-01-02T00:00:00Z", "2029-02-01T00:00:00Z")),
        "ErrorCalendarDurationIsTooLong"
    );
    let series = |pattern: &str, range: &str| {
        let span = span("2024-01-02T08:00:00Z", "2024-01-02T09:00:00Z");
        refusal(&server, &format!("{span}<t:Recurrence>{pattern}{range}</t:Recurrence>"))
    };
    let ten = "<t:NumberedRecurrence><t:StartDate>2024-01-02</t:StartDate><t:NumberOfOccurrences>10</t:NumberOfOccurrences></t:NumberedRecurrence>";
    let daily = |interval: i64| format!("<t:DailyRecurrence><t:Interval>{interval}</t:Interval></t:DailyRecurrence>");
    assert_eq!(series(&daily(0), ten), "ErrorCalendarInvalidRecurrence");
    let weekly =
        "<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Weekday</t:DaysOfWeek></t:WeeklyRecurrence>";
    assert_eq!(series(weekly, ten), "ErrorCalendarInvalidDayForWeeklyRecurrence");
    let until = |end: &str| {
        format!(
            "<t:EndDateRecurrence><t:StartDate>2024-01-02</t:StartDate><t:EndDate>{end}</t:EndDate></t:EndDateRecurrence>"
        )
    };
    assert_eq!(series(&daily(1), &until("2024-01-01")), "ErrorRecurrenceHasNoOccurrence");
    assert_eq!(series(&daily(1), &until("4501-01-01")), "ErrorRecurrenceEndDateTooBig");
    let long = span("2024-01-02T08:00:00Z", "2024-01-03T09:00:00Z");
    let long = refusal(&server, &format!("{long}<t:Recurrence>{}{ten}</t:Recurrence>", daily(1)));
    assert_eq!(long, "ErrorOccurrenceTimeSpanTooBig");
    let zone = r#"<t:Start>2024-01-02T08:00:00</t:Start><t:StartTimeZone Id="Middle Earth Standard Time"/>"#;
    assert_eq!(refusal(&server, zone), "ErrorCalendarInvalidTimeZone");
    let without = server.ask("<m:CreateItem><m:Items><t:CalendarItem/></m:Items></m:CreateItem>");
    assert_eq!(texts(&without, "ResponseCode"), ["ErrorSendMeetingInvitationsRequired"]);
    let nobody = "<t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>nobody</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees>";
    assert_eq!(refusal(&server, nobody), "ErrorInvalidRecipients");
}

#[test]
fn times_are_read_and_written_in_zones() {
    let server = Server::new("se");
    let shape = fields(
        "calendar:Start calendar:End calendar:TimeZone calendar:StartTimeZone calendar:EndTimeZone calendar:MeetingTimeZone",
    );
    let id = created(
        &server,
        r#"<t:Start>2024-07-01T09:00:00</t:Start><t:End>2024-07-01T20:00:00</t:End>
        <t:StartTimeZone Id="Pacific Standard Time"/><t:EndTimeZone Id="Eastern Standard Time"/>"#,
    );
    let item = server.item(&id, &shape);
    assert_eq!(
        (texts(&item, "Start"), texts(&item, "End")),
        (vec!["2024-07-01T16:00:00Z".into()], vec!["2024-07-02T00:00:00Z".into()])
    );
    assert_eq!(texts(&item, "TimeZone"), ["(UTC-08:00) Pacific Time (US & Canada)".replace('&', "&amp;")]);
    assert_eq!(attributes(&item, "StartTimeZone", "Id"), ["Pacific Standard Time"]);
    assert_eq!(attributes(&item, "EndTimeZone", "Id"), ["Eastern Standard Time"]);
    let header =
        r#"<t:TimeZoneContext><t:TimeZoneDefinition Id="Tokyo Standard Time"/></t:TimeZoneContext></soap:Header>"#;
    let request = format!(
        r#"<m:GetItem><m:ItemShape>{shape}</m:ItemShape><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:GetItem>"#
    );
    let (_, there) = server.document("anna@example.org", &server.envelope(&request).replace("</soap:Header>", header));
    assert_eq!(texts(&there, "Start"), ["2024-07-02T01:00:00+09:00"]);
    let request = r#"<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem><t:Start>2024-07-01T09:00:00</t:Start></t:CalendarItem></m:Items></m:CreateItem>"#;
    let (_, made) = server.document("anna@example.org", &server.envelope(request).replace("</soap:Header>", header));
    let item = server.item(&attribute(&made, "ItemId", "Id"), &shape);
    assert_eq!(
        (texts(&item, "Start").remove(0), attribute(&item, "StartTimeZone", "Id")),
        ("2024-07-01T00:00:00Z".into(), "Tokyo Standard Time".into())
    );
    let wrong = header.replace("Tokyo", "Atlantis");
    let (status, fault) =
        server.document("anna@example.org", &server.envelope(request).replace("</soap:Header>", &wrong));
    assert_eq!(status, 500, "{fault}");
    assert!(fault.contains("ErrorTimeZone"));
}

#[test]
fn a_zone_of_the_clients_own_is_honoured() {
    let server = Server::new("se");
    let zone = r#"<t:StartTimeZone Id="Mine" Name="My zone"><t:Periods><t:Period Bias="-PT1H" Name="Standard" Id="s"/><t:Period Bias="-PT3H" Name="Daylight" Id="d"/></t:Periods>
        <t:TransitionsGroups><t:TransitionsGroup Id="0"><t:RecurringDateTransition><t:To Kind="Period">d</t:To><t:TimeOffset>PT2H</t:TimeOffset><t:Month>5</t:Month><t:Day>10</t:Day></t:RecurringDateTransition>
        <t:RecurringDayTransition><t:To Kind="Period">s</t:To><t:TimeOffset>PT2H</t:TimeOffset><t:Month>9</t:Month><t:DayOfWeek>Monday</t:DayOfWeek><t:Occurrence>1</t:Occurrence></t:RecurringDayTransition></t:TransitionsGroup></t:TransitionsGroups>
        <t:Transitions><t:Transition><t:To Kind="Group">0</t:To></t:Transition></t:Transitions></t:StartTimeZone>"#;
    let daily = "<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence><t:NumberedRecurrence><t:StartDate>2024-05-09</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>";
    let id = created(
        &server,
        &format!("<t:Start>2024-05-09T12:00:00</t:Start><t:End>2024-05-09T13:00:00</t:End>{daily}{zone}"),
    );
    let found = view(&server, "2024-05-01T00:00:00Z", "2024-06-01T00:00:00Z", &fields("calendar:Start"));
    assert_eq!(texts(&found, "Start"), ["2024-05-09T11:00:00Z", "2024-05-10T09:00:00Z", "2024-05-11T09:00:00Z"]);
    let item = server.item(&id, &fields("calendar:StartTimeZone calendar:TimeZone"));
    assert_eq!(attributes(&item, "StartTimeZone", "Id"), ["Mine"]);
    assert_eq!(attributes(&item, "Period", "Bias"), ["-PT1H", "-PT3H"]);
    assert_eq!(texts(&item, "TimeZone"), ["My zone"]);
}

#[test]
fn all_day_events_run_from_midnight_to_midnight_where_they_are() {
    let server = Server::new("se");
    let id = created(
        &server,
        r#"<t:Start>2024-07-01T00:00:00</t:Start><t:End>2024-07-02T00:00:00</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>
        <t:StartTimeZone Id="W. Europe Standard Time"/><t:EndTimeZone Id="W. Europe Standard Time"/>"#,
    );
    let shape = fields("calendar:Start calendar:End calendar:IsAllDayEvent calendar:Duration");
    let item = server.item(&id, &shape);
    assert_eq!(texts(&item, "Start"), ["2024-06-30T22:00:00Z"]);
    assert_eq!(
        (texts(&item, "End"), texts(&item, "Duration")),
        (vec!["2024-07-01T22:00:00Z".into()], vec!["P1D".into()])
    );
    let odd = created(
        &server,
        r#"<t:Start>2024-07-01T09:00:00Z</t:Start><t:End>2024-07-02T09:30:00Z</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>"#,
    );
    let item = server.item(&odd, &shape);
    assert_eq!(
        (texts(&item, "Start"), texts(&item, "End")),
        (vec!["2024-07-01T00:00:00Z".into()], vec!["2024-07-03T00:00:00Z".into()])
    );
}

#[test]
fn zones_are_all_there_with_their_rules() {
    let server = Server::new("se");
    let all = server.ask(r#"<m:GetServerTimeZones ReturnFullTimeZoneData="true"/>"#);
    assert!(attributes(&all, "TimeZoneDefinition", "Id").len() >= 139);
    let one = server.ask(
        r#"<m:GetServerTimeZones ReturnFullTimeZoneData="true"><m:Ids><t:Id>Eastern Standard Time</t:Id></m:Ids></m:GetServerTimeZones>"#,
    );
    assert_eq!(attributes(&one, "Period", "Bias"), ["PT5H", "PT4H", "PT5H", "PT4H"]);
    assert_eq!(texts(&one, "Month"), ["4", "10", "3", "11"]);
    assert_eq!(texts(&one, "DateTime"), ["2007-01-01T00:00:00"]);
}

#[test]
fn uids_are_kept_found_and_survive_a_migration() {
    let server = Server::new("se");
    let id = created(&server, "<t:UID>one@example.org</t:UID><t:Start>2024-01-02T08:00:00Z</t:Start>");
    let native = created(&server, "<t:Start>2024-01-03T08:00:00Z</t:Start>");
    let named = |id: &str| {
        format!(r#"<t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="{id}" PropertyType="Binary"/>"#)
    };
    let shape = format!(
        r#"<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="calendar:UID"/>{}{}
        <t:ExtendedFieldURI PropertyTag="0x300b" PropertyType="Binary"/></t:AdditionalProperties>"#,
        named("3"),
        named("35")
    );
    let item = server.item(&id, &shape);
    assert_eq!(texts(&item, "UID"), ["one@example.org"]);
    let clean = texts(&item, "Value").remove(1);
    let find = |value: &str| {
        let found = server.ask(&format!(
            r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>
            <m:Restriction><t:IsEqualTo>{}<t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>
            <m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#,
            named("35")
        ));
        attributes(&found, "ItemId", "Id")
    };
    assert_eq!(find(&clean), std::slice::from_ref(&id));
    assert_eq!(
        texts(&update(&server, &item_id(&id), "SendToNone", &set("calendar:UID", "<t:UID>x</t:UID>")), "ResponseCode"),
        ["ErrorInvalidPropertySet"]
    );
    let before = [server.item(&id, &shape), server.item(&native, &shape)];
    server.exchange.migrate("anna@example.org").unwrap();
    assert_eq!(texts(&server.item(&id, &shape), "ResponseCode"), ["ErrorItemNotFound"]);
    let now = find(&clean);
    assert_ne!(now, [id]);
    let after = server.item(&now[0], &shape);
    assert_eq!((texts(&after, "UID"), texts(&after, "Value")), (texts(&before[0], "UID"), texts(&before[0], "Value")));
    assert_eq!(find(&texts(&before[1], "Value")[1]).len(), 1);
}

#[test]
fn the_client_s_version_decides_what_is_shown() {
    let properties = r#"<t:Start>2024-07-01T09:00:00Z</t:Start><t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek></t:WeeklyRecurrence><t:NoEndRecurrence><t:StartDate>2024-07-01</t:StartDate></t:NoEndRecurrence></t:Recurrence>"#;
    let zone = |inside: &str| format!(r#"{properties}<t:MeetingTimeZone TimeZoneName="Eastern Standard Time"{inside}"#);
    let old = Server::new("2007_SP1");
    let id = created(&old, &zone("/>"));
    let item = old.item(&id, &fields("calendar:Recurrence calendar:MeetingTimeZone calendar:TimeZone"));
    assert!(!item.contains("FirstDayOfWeek") && item.contains("<t:BaseOffset>PT5H</t:BaseOffset>"), "{item}");
    assert_eq!(texts(&item, "TimeZone"), ["(UTC-05:00) Eastern Time (US &amp; Canada)"]);
    assert!(
        old.refused(&format!(
            "<m:GetItem><m:ItemShape>{}</m:ItemShape><m:ItemIds><t:ItemId Id=\"{id}\"/></m:ItemIds></m:GetItem>",
            fields("calendar:StartTimeZone")
        ))
        .contains("ErrorSchemaValidation")
    );
    let new = Server::new("se");
    let id = created(&new, properties);
    let item = new.item(
        &id,
        &fields("calendar:Recurrence calendar:EnhancedLocation calendar:IsOrganizer calendar:StartWallClock"),
    );
    assert_eq!(
        (texts(&item, "FirstDayOfWeek"), texts(&item, "IsOrganizer")),
        (vec!["Sunday".into()], vec!["true".into()])
    );
}

#[test]
fn an_event_has_mapi_names() {
    let server = Server::new("se");
    let named = |set: &str, id: i64, of: &str| {
        format!(r#"<t:ExtendedFieldURI DistinguishedPropertySetId="{set}" PropertyId="{id}" PropertyType="{of}"/>"#)
    };
    let valued =
        |uri: String, value: &str| format!("<t:ExtendedProperty>{uri}<t:Value>{value}</t:Value></t:ExtendedProperty>");
    let id = created(
        &server,
        &format!(
            "<t:Subject>x</t:Subject>{}{}<t:Start>2024-07-01T08:00:00Z</t:Start><t:End>2024-07-01T09:30:00Z</t:End>",
            valued(named("Appointment", 0x8205, "Integer"), "3"),
            valued(named("Appointment", 0x8208, "String"), "Attic")
        ),
    );
    created(&server, WEEKLY);
    let shape = format!(
        "<t:BaseShape>Default</t:BaseShape><t:AdditionalProperties>{}</t:AdditionalProperties>",
        [
            named("Appointment", 0x820d, "SystemTime"),
            named("Appointment", 0x820e, "SystemTime"),
            named("Appointment", 0x8213, "Integer"),
            named("Appointment", 0x8223, "Boolean"),
            named("Appointment", 0x8216, "Binary"),
            named("Common", 0x8503, "Boolean"),
        ]
        .concat()
    );
    let item = server.item(&id, &shape);
    assert_eq!(texts(&item, "Value"), ["2024-07-01T08:00:00Z", "2024-07-01T09:30:00Z", "90", "false", "true"]);
    assert_eq!(
        (texts(&item, "LegacyFreeBusyStatus").remove(0), texts(&item, "Location").remove(0)),
        ("OOF".into(), "Attic".into())
    );
    // As DavMail looks for masters.
    let found = server.ask(&format!(
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape>
        <m:Restriction><t:IsEqualTo>{}<t:FieldURIOrConstant><t:Constant Value="true"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>
        <m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="calendar:Start"/></t:FieldOrder></m:SortOrder>
        <m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#,
        named("Appointment", 0x8223, "Boolean")
    ));
    assert_eq!(texts(&found, "Subject"), ["Weekly"]);
}

#[test]
fn what_is_at_the_same_time_is_counted() {
    let server = Server::new("se");
    let at = |from: &str, to: &str| {
        created(
            &server,
            &format!(
                "<t:Subject>{from}</t:Subject><t:Start>2024-07-01T{from}:00Z</t:Start><t:End>2024-07-01T{to}:00Z</t:End>"
            ),
        )
    };
    let id = at("08:00", "09:00");
    at("08:30", "10:00");
    at("09:00", "11:00");
    at("12:00", "13:00");
    let shape = fields(
        "calendar:ConflictingMeetingCount calendar:AdjacentMeetingCount calendar:ConflictingMeetings calendar:AdjacentMeetings",
    );
    let item = server.item(&id, &shape);
    assert_eq!(texts(&item, "ConflictingMeetingCount"), ["1"]);
    assert_eq!(texts(&item, "AdjacentMeetingCount"), ["1"]);
    assert_eq!(texts(&item, "Subject"), ["08:30", "09:00"]);
}

#[test]
fn an_occurrence_has_attachments_of_its_own() {
    let server = Server::new("se");
    let master = created(&server, WEEKLY);
    let attach = |id: &str, name: &str| {
        server.ask(&format!(
            r#"<m:CreateAttachment><m:ParentItemId Id="{id}"/><m:Attachments><t:FileAttachment><t:Name>{name}</t:Name>
            <t:Content>aGVsbG8=</t:Content></t:FileAttachment></m:Attachments></m:CreateAttachment>"#
        ))
    };
    attach(&master, "all.txt");
    let second = attribute(&get(&server, &occurrence_id(&master, 2), ALL), "ItemId", "Id");
    let made = attach(&second, "second.txt");
    assert_eq!(attribute(&made, "AttachmentId", "RootItemId"), second);
    let names = |id: &str| texts(&get(&server, id, &fields("item:Attachments")), "Name");
    assert_eq!(names(&item_id(&second)), ["all.txt", "second.txt"]);
    assert_eq!(names(&occurrence_id(&master, 3)), ["all.txt"]);
    assert_eq!(names(&item_id(&master)), ["all.txt"]);
    assert_eq!(texts(&get(&server, &item_id(&second), ALL), "CalendarItemType"), ["Exception"]);
    let id = attribute(&made, "AttachmentId", "Id");
    let got = server.ask(&format!(
        r#"<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id="{id}"/></m:AttachmentIds></m:GetAttachment>"#
    ));
    assert_eq!((texts(&got, "Name"), texts(&got, "Content")), (vec!["second.txt".into()], vec!["aGVsbG8=".into()]));
    let gone = format!(
        r#"<m:DeleteAttachment><m:AttachmentIds><t:AttachmentId Id="{id}"/></m:AttachmentIds></m:DeleteAttachment>"#
    );
    assert_eq!(server.code(&gone), "NoError");
    assert_eq!(names(&item_id(&second)), ["all.txt"]);
}

#[test]
fn the_same_zone_in_other_words_moves_nothing() {
    let server = Server::new("se");
    let master = created(&server, WEEKLY);
    assert_eq!(delete(&server, &occurrence_id(&master, 2)), "NoError");
    let zone = server.item(&master, &fields("calendar:StartTimeZone"));
    let definition = zone.split("<t:StartTimeZone").nth(1).unwrap().split("</t:StartTimeZone>").next().unwrap();
    let given = set(
        "calendar:StartTimeZone",
        &format!("<t:StartTimeZone{definition}</t:StartTimeZone>").replace("Eastern Standard Time\"", "Mine\""),
    );
    update(&server, &item_id(&master), "SendToNone", &given);
    assert!(server.item(&master, ALL).contains("DeletedOccurrences"));
    let other = set("calendar:StartTimeZone", r#"<t:StartTimeZone Id="India Standard Time"/>"#);
    update(&server, &item_id(&master), "SendToNone", &other);
    assert!(!server.item(&master, ALL).contains("DeletedOccurrences"));
}
