//! Free and busy: windows, views, zones, and how much of it others may know.

use crate::soap::{Server, texts};

fn event(server: &Server, subject: &str, start: &str, end: &str, more: &str) {
    let answer = server.ask(&format!(
        r#"<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem><t:Subject>{subject}</t:Subject>{more}</t:CalendarItem></m:Items></m:CreateItem>"#,
        more = more.replace("START", &format!("<t:Start>{start}</t:Start><t:End>{end}</t:End>"))
    ));
    assert_eq!(texts(&answer, "ResponseCode"), ["NoError"], "{answer}");
}

const ZONE: &str = "<t:TimeZone><t:Bias>-60</t:Bias><t:StandardTime><t:Bias>0</t:Bias><t:Time>03:00:00</t:Time><t:DayOrder>5</t:DayOrder>
    <t:Month>10</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime><t:DaylightTime><t:Bias>-60</t:Bias><t:Time>02:00:00</t:Time>
    <t:DayOrder>5</t:DayOrder><t:Month>3</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:DaylightTime></t:TimeZone>";

fn request(mailboxes: &[&str], start: &str, end: &str, view: &str) -> String {
    let data: String = mailboxes
        .iter()
        .map(|address| {
            format!(
                "<t:MailboxData><t:Email><t:Address>{address}</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType></t:MailboxData>"
            )
        })
        .collect();
    format!(
        "<m:GetUserAvailabilityRequest>{ZONE}<m:MailboxDataArray>{data}</m:MailboxDataArray><t:FreeBusyViewOptions><t:TimeWindow>
        <t:StartTime>{start}</t:StartTime><t:EndTime>{end}</t:EndTime></t:TimeWindow><t:MergedFreeBusyIntervalInMinutes>60</t:MergedFreeBusyIntervalInMinutes>
        <t:RequestedView>{view}</t:RequestedView></t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>"
    )
}

#[test]
fn free_and_busy_is_told_as_far_as_it_is_granted() {
    let server = Server::new("se");
    event(
        &server,
        "Secret plan",
        "2026-01-05T09:00:00Z",
        "2026-01-05T10:30:00Z",
        "START<t:LegacyFreeBusyStatus>Busy</t:LegacyFreeBusyStatus><t:Location>Attic</t:Location>",
    );
    event(
        &server,
        "Maybe",
        "2026-01-05T10:00:00Z",
        "2026-01-05T11:00:00Z",
        "START<t:LegacyFreeBusyStatus>Tentative</t:LegacyFreeBusyStatus>",
    );
    event(
        &server,
        "Every day",
        "2026-01-04T13:00:00Z",
        "2026-01-04T14:00:00Z",
        "START<t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus><t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>
        <t:NumberedRecurrence><t:StartDate>2026-01-04</t:StartDate><t:NumberOfOccurrences>5</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>",
    );
    let day = |view: &str, mailboxes: &[&str]| request(mailboxes, "2026-01-05T08:00:00", "2026-01-05T16:00:00", view);
    let own = server.ask(&day("DetailedMerged", &["anna@example.org", "nobody@example.org"]));
    assert_eq!(texts(&own, "ResponseCode"), ["NoError", "ErrorMailRecipientNotFound"]);
    // Local time is an hour ahead of UTC.
    assert_eq!(texts(&own, "MergedFreeBusy"), ["00220030"]);
    assert_eq!(texts(&own, "StartTime"), ["2026-01-05T10:00:00", "2026-01-05T11:00:00", "2026-01-05T14:00:00"]);
    assert_eq!(texts(&own, "BusyType"), ["Busy", "Tentative", "OOF"]);
    assert_eq!(texts(&own, "Subject"), ["Secret plan", "Maybe", "Every day"]);
    assert_eq!(texts(&own, "IsRecurring"), ["false", "false", "true"]);
    assert!(own.contains("<t:Location>Attic</t:Location>"));
    let as_bob = || {
        let (_, answer) =
            server.document("bob@example.org", &server.envelope(&day("DetailedMerged", &["anna@example.org"])));
        answer
    };
    let other = as_bob();
    assert_eq!(texts(&other, "FreeBusyViewType"), ["FreeBusyMerged"]);
    assert!(!other.contains("Secret plan") && other.contains("00220030"), "{other}");
    let grant = |level: &str| {
        server.code(&format!(
            r#"<m:UpdateFolder><m:FolderChanges><t:FolderChange><t:DistinguishedFolderId Id="calendar"/><t:Updates><t:SetFolderField>
            <t:FieldURI FieldURI="folder:PermissionSet"/><t:CalendarFolder><t:PermissionSet><t:CalendarPermissions><t:CalendarPermission><t:UserId>
            <t:DistinguishedUser>Default</t:DistinguishedUser></t:UserId><t:CalendarPermissionLevel>{level}</t:CalendarPermissionLevel></t:CalendarPermission>
            </t:CalendarPermissions></t:PermissionSet></t:CalendarFolder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>"#
        ))
    };
    assert_eq!(grant("FreeBusyTimeAndSubjectAndLocation"), "NoError");
    let other = as_bob();
    assert!(other.contains("Secret plan") && !other.contains("<t:ID>"), "{other}");
    assert_eq!(grant("None"), "NoError");
    assert_eq!(texts(&as_bob(), "ResponseCode"), ["ErrorNoFreeBusyAccess"]);
}

#[test]
fn windows_have_limits() {
    let server = Server::new("se");
    let anna = &["anna@example.org"][..];
    for (end, view, code) in [
        ("2026-02-17T00:00:00", "FreeBusy", "ErrorTimeIntervalTooBig"),
        ("2026-01-04T00:00:00", "FreeBusy", "ErrorInvalidTimeInterval"),
        ("2026-01-05T00:30:00", "FreeBusy", "ErrorInvalidMergedFreeBusyInterval"),
        ("2026-01-06T00:00:00", "None", "ErrorInvalidFreeBusyViewType"),
    ] {
        let refused = server.refused(&request(anna, "2026-01-05T00:00:00", end, view));
        assert!(refused.contains(code), "{refused}");
    }
    let most = server.ask(
        &request(anna, "2026-01-05T00:00:00", "2026-02-16T00:00:00", "MergedOnly").replace("2026-02-16", "2026-02-15"),
    );
    assert_eq!(texts(&most, "FreeBusyViewType"), ["MergedOnly"]);
}
