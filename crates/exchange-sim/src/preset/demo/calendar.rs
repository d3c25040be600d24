//! Calendars that look real, around the day of the demonstration: meetings among the users, series with exceptions,
//! all-day events, other zones, and a second calendar.

use jiff::{ToSpan, civil::Date, tz::TimeZone};

use super::request::{ask, create, escaped, own};
use crate::{Exchange, Version, http::User, preset::dice::Dice};

/// Fills the calendars; gives the number of items. `today` is in the middle of what is there.
///
/// # Errors
/// What the organisation refused.
pub(super) fn fill(exchange: &Exchange, users: &[User], today: Date) -> Result<usize, String> {
    let mut count = 0;
    let monday = today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).unwrap_or(today);
    let others: Vec<&str> = users.iter().skip(1).map(|user| user.address.as_str()).collect();
    for (place, user) in users.iter().enumerate() {
        let page = Page { exchange, user, modern: exchange.options().version >= Version::Exchange2010 };
        count += page.own_events(monday, place)?;
        if place == 0 {
            count += page.series(monday)?;
            count += page.meetings(monday, &others)?;
            count += page.second(monday)?;
        } else if place == 1 {
            count += page.invite_back(monday, users.first().map_or("", |user| &user.address))?;
            page.share("calendar", "Reviewer")?;
        } else if place == 2 {
            page.share("calendar", "FreeBusyTimeAndSubjectAndLocation")?;
        }
    }
    Ok(count)
}

struct Page<'a> {
    exchange: &'a Exchange,
    user: &'a User,
    /// The server knows zones by name.
    modern: bool,
}

impl Page<'_> {
    fn put(&self, items: &str, invite: &str) -> Result<Vec<String>, String> {
        let attributes = format!("SendMeetingInvitations=\"{invite}\"");
        create(self.exchange, &self.user.address, &own("calendar"), &attributes, items)
    }

    /// A day and a time of day in a zone: times are local there.
    fn span(&self, day: Date, from: &str, to: &str, inner: &str, zone: &str, recurrence: &str) -> String {
        let zone = match self.modern {
            true => format!("<t:StartTimeZone Id=\"{zone}\"/><t:EndTimeZone Id=\"{zone}\"/>"),
            false => String::new(),
        };
        format!("<t:Start>{day}T{from}:00</t:Start><t:End>{day}T{to}:00</t:End>{inner}{recurrence}{zone}")
    }

    /// Single events over nine weeks.
    fn own_events(&self, monday: Date, place: usize) -> Result<usize, String> {
        let mut dice = Dice::new(40 + place as u64);
        let mut items = String::new();
        let mut count = 0;
        for week in -4..5i64 {
            for _ in 0..2 + dice.below(2) {
                let (subject, location, category) = dice.pick(ERRANDS);
                let day = monday.checked_add((7 * week + dice.below(5) as i64).days()).unwrap_or(monday);
                let hour = 8 + dice.below(9);
                let state = dice.pick(&["Busy", "Busy", "Tentative", "Free"]);
                let inner = format!(
                    "<t:LegacyFreeBusyStatus>{state}</t:LegacyFreeBusyStatus><t:Location>{location}</t:Location>"
                );
                let span = self.span(day, &format!("{hour:02}:00"), &format!("{hour:02}:45"), &inner, BERLIN, "");
                items += &format!(
                    "<t:CalendarItem><t:Subject>{}</t:Subject><t:Categories><t:String>{category}</t:String></t:Categories>{span}</t:CalendarItem>",
                    escaped(subject)
                );
                count += 1;
            }
        }
        self.put(&items, "SendToNone")?;
        Ok(count)
    }

    /// What recurs, with exceptions.
    fn series(&self, monday: Date) -> Result<usize, String> {
        let past = monday.checked_sub(28.days()).unwrap_or(monday);
        let no_end = |start: Date| {
            format!("<t:NoEndRecurrence><t:StartDate>{start}</t:StartDate></t:NoEndRecurrence></t:Recurrence>")
        };
        let weekdays = "<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday Tuesday Wednesday Thursday Friday</t:DaysOfWeek></t:WeeklyRecurrence>";
        let last_friday = "<t:Recurrence><t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Friday</t:DaysOfWeek><t:DayOfWeekIndex>Last</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence>";
        let yearly = "<t:Recurrence><t:AbsoluteYearlyRecurrence><t:DayOfMonth>14</t:DayOfMonth><t:Month>May</t:Month></t:AbsoluteYearlyRecurrence>";
        let ten = format!(
            "<t:Recurrence><t:DailyRecurrence><t:Interval>3</t:Interval></t:DailyRecurrence><t:NumberedRecurrence><t:StartDate>{past}</t:StartDate><t:NumberOfOccurrences>10</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>"
        );
        let birthday = past.with().year(past.year() - 1).month(5).day(14).build().unwrap_or(past);
        let fair = monday.checked_add(15.days()).unwrap_or(monday);
        let end = fair.checked_add(3.days()).unwrap_or(fair);
        let call = monday.checked_add(3.days()).unwrap_or(monday);
        let whole = |from: Date, to: Date, inner: &str, recurrence: &str| {
            let zone = if self.modern {
                format!("<t:StartTimeZone Id=\"{BERLIN}\"/><t:EndTimeZone Id=\"{BERLIN}\"/>")
            } else {
                String::new()
            };
            format!(
                "<t:Start>{from}T00:00:00</t:Start><t:End>{to}T00:00:00</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>{inner}{recurrence}{zone}"
            )
        };
        let item = |head: &str, rest: &str| format!("<t:CalendarItem>{head}{rest}</t:CalendarItem>");
        let items = [
            item(
                "<t:Subject>Stand-up</t:Subject><t:ReminderIsSet>true</t:ReminderIsSet><t:ReminderMinutesBeforeStart>5</t:ReminderMinutesBeforeStart>",
                &self.span(
                    past,
                    "09:15",
                    "09:30",
                    "<t:Location>Elm</t:Location>",
                    BERLIN,
                    &format!("{weekdays}{}", no_end(past)),
                ),
            ),
            item(
                "<t:Subject>Review of the month</t:Subject><t:Importance>High</t:Importance>",
                &self.span(
                    past,
                    "14:00",
                    "15:30",
                    "<t:Location>Oak</t:Location>",
                    BERLIN,
                    &format!("{last_friday}{}", no_end(past)),
                ),
            ),
            item(
                "<t:Subject>Birthday of Jürgen Weißblum</t:Subject>",
                &whole(
                    birthday,
                    birthday.tomorrow().unwrap_or(birthday),
                    "<t:LegacyFreeBusyStatus>Free</t:LegacyFreeBusyStatus>",
                    &format!("{yearly}{}", no_end(birthday)),
                ),
            ),
            item(
                "<t:Subject>Physiotherapy</t:Subject><t:Sensitivity>Private</t:Sensitivity>",
                &self.span(past, "17:30", "18:15", "", BERLIN, &ten),
            ),
            item(
                "<t:Subject>Trade fair in Milan</t:Subject><t:Categories><t:String>Travel</t:String></t:Categories>",
                &whole(
                    fair,
                    end,
                    "<t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus><t:Location>Milano</t:Location>",
                    "",
                ),
            ),
            item(
                "<t:Subject>Call with 桜田 みどり</t:Subject><t:Body BodyType=\"HTML\">&lt;p&gt;Bring the &lt;b&gt;drawings&lt;/b&gt;.&lt;/p&gt;</t:Body>",
                &self.span(call, "16:00", "17:00", "", "Tokyo Standard Time", ""),
            ),
        ];
        let ids = self.put(&items.concat(), "SendToNone")?;
        if let Some(daily) = ids.first() {
            self.exceptions(daily, past)?;
        }
        Ok(items.len())
    }

    /// The sixth stand-up is later, the eighth does not take place.
    fn exceptions(&self, master: &str, first: Date) -> Result<(), String> {
        let day = first.checked_add(7.days()).unwrap_or(first);
        let occurrence =
            |index: u32| format!("<t:OccurrenceItemId RecurringMasterId=\"{master}\" InstanceIndex=\"{index}\"/>");
        let set = |name: &str, value: &str| {
            format!(
                "<t:SetItemField><t:FieldURI FieldURI=\"{name}\"/><t:CalendarItem>{value}</t:CalendarItem></t:SetItemField>"
            )
        };
        let updates = [
            set("calendar:Start", &format!("<t:Start>{day}T10:00:00Z</t:Start>")),
            set("calendar:End", &format!("<t:End>{day}T10:15:00Z</t:End>")),
            set("item:Subject", "<t:Subject>Stand-up (later)</t:Subject>"),
        ];
        ask(
            self.exchange,
            &self.user.address,
            &format!(
                "<m:UpdateItem ConflictResolution=\"AlwaysOverwrite\" SendMeetingInvitationsOrCancellations=\"SendToNone\"><m:ItemChanges><t:ItemChange>{}<t:Updates>{}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>",
                occurrence(6),
                updates.concat()
            ),
        )?;
        ask(
            self.exchange,
            &self.user.address,
            &format!(
                "<m:DeleteItem DeleteType=\"HardDelete\" SendMeetingCancellations=\"SendToNone\"><m:ItemIds>{}</m:ItemIds></m:DeleteItem>",
                occurrence(8)
            ),
        )?;
        Ok(())
    }

    /// Meetings with the other users, who get the invitations.
    fn meetings(&self, monday: Date, others: &[&str]) -> Result<usize, String> {
        if others.is_empty() {
            return Ok(0);
        }
        let weekly = format!(
            "<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Tuesday</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>{monday}</t:StartDate><t:NumberOfOccurrences>26</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>"
        );
        let tuesday = monday.tomorrow().unwrap_or(monday);
        let guests: String = others.iter().map(|other| guest(other)).collect();
        let required = format!("<t:RequiredAttendees>{guests}</t:RequiredAttendees>");
        let resources = format!("<t:Resources>{}</t:Resources>", guest("room.oak@demo.test"));
        let thursday = monday.checked_add(10.days()).unwrap_or(monday);
        let items = [
            format!("<t:CalendarItem><t:Subject>Planning round</t:Subject><t:Body BodyType=\"Text\">What is next?</t:Body>{}</t:CalendarItem>",
                self.span(tuesday, "10:00", "11:00", &format!("<t:Location>Oak</t:Location>{required}{resources}"), BERLIN, &weekly)),
            format!("<t:CalendarItem><t:Subject>Visit of the northern works</t:Subject>{}</t:CalendarItem>",
                self.span(thursday, "13:00", "16:00", &format!("<t:LegacyFreeBusyStatus>Busy</t:LegacyFreeBusyStatus><t:Location>Harbour</t:Location>{required}"), BERLIN, "")),
        ];
        for item in &items {
            self.put(item, "SendToAllAndSaveCopy")?;
        }
        Ok(items.len())
    }

    fn invite_back(&self, monday: Date, first: &str) -> Result<usize, String> {
        let day = monday.checked_add(2.days()).unwrap_or(monday);
        let inner =
            format!("<t:Location>Workshop</t:Location><t:RequiredAttendees>{}</t:RequiredAttendees>", guest(first));
        let item = format!(
            "<t:CalendarItem><t:Subject>Werkstattrunde</t:Subject>{}</t:CalendarItem>",
            self.span(day, "15:00", "16:00", &inner, BERLIN, "")
        );
        self.put(&item, "SendToAllAndSaveCopy")?;
        Ok(1)
    }

    /// A second calendar below the first.
    fn second(&self, monday: Date) -> Result<usize, String> {
        self.exchange.create_folder(&self.user.address, "calendar/Choir", "IPF.Appointment")?;
        let folder = find_folder(self.exchange, &self.user.address, "calendar", "Choir")?;
        let items: String = (0..8i64)
            .map(|week| {
                let day = monday.checked_add((7 * week + 3).days()).unwrap_or(monday);
                format!(
                    "<t:CalendarItem><t:Subject>Rehearsal {}</t:Subject>{}</t:CalendarItem>",
                    week + 1,
                    self.span(day, "19:30", "21:30", "<t:Location>Town hall</t:Location>", BERLIN, "")
                )
            })
            .collect();
        create(self.exchange, &self.user.address, &folder, "SendMeetingInvitations=\"SendToNone\"", &items)?;
        Ok(8)
    }

    /// Lets everybody see the calendar.
    fn share(&self, folder: &str, level: &str) -> Result<(), String> {
        ask(self.exchange, &self.user.address, &format!(
            "<m:UpdateFolder><m:FolderChanges><t:FolderChange>{}<t:Updates><t:SetFolderField><t:FieldURI FieldURI=\"folder:PermissionSet\"/><t:CalendarFolder><t:PermissionSet><t:CalendarPermissions><t:CalendarPermission><t:UserId><t:DistinguishedUser>Default</t:DistinguishedUser></t:UserId><t:CalendarPermissionLevel>{level}</t:CalendarPermissionLevel></t:CalendarPermission></t:CalendarPermissions></t:PermissionSet></t:CalendarFolder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>",
            own(folder)
        ))
        .map(|_| ())
    }
}

fn guest(address: &str) -> String {
    format!("<t:Attendee><t:Mailbox><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox></t:Attendee>")
}

/// Names a folder right below a distinguished one.
pub(super) fn find_folder(exchange: &Exchange, address: &str, parent: &str, name: &str) -> Result<String, String> {
    let answer = ask(
        exchange,
        address,
        &format!(
            "<m:FindFolder Traversal=\"Shallow\"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:ParentFolderIds>{}</m:ParentFolderIds></m:FindFolder>",
            own(parent)
        ),
    )?;
    let place =
        answer.find(&format!("<t:DisplayName>{name}</t:DisplayName>")).ok_or_else(|| format!("no folder {name}"))?;
    let before = answer.get(..place).unwrap_or_default();
    let id = before.rsplit("<t:FolderId Id=\"").next().and_then(|rest| rest.split('"').next()).unwrap_or_default();
    Ok(format!("<t:FolderId Id=\"{id}\"/>"))
}

/// The day it is.
pub(super) fn today() -> Date {
    jiff::Timestamp::now().to_zoned(TimeZone::UTC).date()
}

const BERLIN: &str = "W. Europe Standard Time";

/// Subject, place, category.
const ERRANDS: &[(&str, &str, &str)] = &[
    ("Offer for the station roof", "Office", "Projects"),
    ("Lunch with Nora", "Canteen", "Private"),
    ("Samples & colours", "Workshop", "Projects"),
    ("Dentist", "Market square 3", "Private"),
    ("Budget", "Oak", "Accounts"),
    ("Interview", "Elm", "Staff"),
    ("Site inspection", "Harbour", "Projects"),
    ("Запуск сайта", "Fir", "Projects"),
    ("Tax advisor", "Phone", "Accounts"),
    ("Déjeuner d'équipe", "Bistro", "Staff"),
];
