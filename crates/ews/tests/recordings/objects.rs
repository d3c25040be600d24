//! Calendars, tasks, contacts and people in answers nobody here wrote.

use std::path::Path;

use ews::op::expand_dl::ExpandDl;
use ews::op::find_people::FindPeople;
use ews::op::get_delegate::GetDelegate;
use ews::op::get_folder::GetFolder;
use ews::op::get_item::GetItem;
use ews::op::get_room_lists::GetRoomLists;
use ews::op::get_rooms::GetRooms;
use ews::op::get_server_time_zones::GetServerTimeZones;
use ews::op::get_user_availability::{GetUserAvailability, View};
use ews::op::get_user_oof_settings::GetUserOofSettings;
use ews::op::get_user_photo::{GetUserPhoto, PhotoSize};
use ews::op::resolve_names::{ResolveNames, SearchScope};
use ews::op::set_user_oof_settings::SetUserOofSettings;
use ews::op::sync_folder_items::{ItemChange, SyncFolderItems};
use ews::soap;
use ews::*;

use super::{find_item, recorded, samples};

#[test]
fn recorded_events_and_contacts_are_whole() {
    let Some(samples) = samples() else { return };
    let mut items = Vec::new();
    for (file, bytes) in recorded(&samples, "GetItemResponse") {
        let asked = String::from_utf8_lossy(&bytes).matches(" ResponseClass=\"").count();
        let get = GetItem { items: vec![ItemId::new("x").into(); asked], shape: ItemShape::default() };
        let answers = soap::read(&get, [&bytes[..]]).unwrap_or_else(|error| panic!("{file}: {error}"));
        items.extend(answers.into_iter().filter_map(Result::ok));
    }
    for (_, bytes) in recorded(&samples, "FindItemResponse") {
        items.extend(soap::read(&find_item(), [&bytes[..]]).unwrap().items);
    }
    let (mut events, mut contacts, mut mailed) = (0, 0, 0);
    for item in items {
        if let Some(calendar) = &item.calendar {
            assert_eq!(item.kind, ItemKind::CalendarItem);
            let (start, end) = (calendar.start.unwrap(), calendar.end.unwrap());
            assert!(start.instant().unwrap() <= end.instant().unwrap(), "{calendar:?}");
            assert!(calendar.uid.as_ref().is_some_and(|uid| !uid.is_empty()), "{calendar:?}");
            assert!(calendar.kind.is_some() && calendar.is_all_day.is_some() && calendar.free_busy.is_some());
            assert!(calendar.my_response.is_some() && calendar.organizer.as_ref().is_some_and(|o| o.name.is_some()));
            assert!(item.sensitivity.is_some() && item.effective_rights.is_some_and(|rights| rights.read));
            assert!(item.reminder_is_set.is_some() && item.reminder_minutes.is_some() && item.culture.is_some());
            events += 1;
        }
        if let Some(contact) = &item.contact {
            assert!(contact.display_name.is_some() && contact.file_as.is_some() && contact.file_as_mapping.is_some());
            assert!(contact.complete_name.as_ref().is_some_and(|name| name.full.is_some()), "{contact:?}");
            contacts += 1;
            mailed += usize::from(contact.email(EmailKey::First).is_some());
        }
    }
    assert!(events > 30, "{events} events");
    assert!(contacts > 10 && mailed > 5, "{contacts} contacts, {mailed} with an address");
}

#[test]
fn recorded_time_zones_are_whole() {
    let Some(samples) = samples() else { return };
    for (file, bytes) in recorded(&samples, "GetServerTimeZonesResponse") {
        let ask = GetServerTimeZones { ids: vec![], full: true };
        let zones = soap::read(&ask, [&bytes[..]]).unwrap_or_else(|error| panic!("{file}: {error}"));
        let text = String::from_utf8_lossy(&bytes);
        let count = |start: &str| text.matches(start).count();
        assert_eq!(zones.len(), count("<t:TimeZoneDefinition "), "{file}");
        let periods: usize = zones.iter().map(|zone| zone.periods.len()).sum();
        assert_eq!(periods, count("<t:Period "), "{file}");
        let turns: usize =
            zones.iter().flat_map(|zone| &zone.groups).map(|group| group.transitions.len()).sum::<usize>()
                + zones.iter().map(|zone| zone.transitions.len()).sum::<usize>();
        assert_eq!(turns, count("<t:To "), "{file}");
        assert!(zones.iter().all(|zone| zone.id.is_some() && zone.name.is_some()), "{file}");
    }
}

#[test]
fn a_recorded_zone_says_when_its_clocks_change() {
    let Some(samples) = samples() else { return };
    let bytes = std::fs::read(samples.join("recorded/exchangecalendar/ewsTimesZoneDefinitions_2007.xml")).unwrap();
    let zones = soap::read(&GetServerTimeZones { ids: vec![], full: true }, bytes.chunks(999)).unwrap();
    assert_eq!(zones.len(), 98);
    let berlin = zones.iter().find(|zone| zone.id.as_deref() == Some("W. Europe Standard Time")).unwrap();
    let biases: Vec<i64> = berlin.periods.iter().map(|period| period.bias.as_mins()).collect();
    assert!(biases.contains(&-60) && biases.contains(&-120), "{biases:?}");
    let turns: Vec<_> = berlin.groups[0].transitions.iter().map(|turn| &turn.when).collect();
    let march = Turn::Day { offset: jiff::SignedDuration::from_hours(2), month: 3, day: Day::Sunday, occurrence: -1 };
    assert!(turns.contains(&&march), "{turns:?}");
}

#[test]
fn documented_items_are_read() {
    let Some(samples) = samples() else { return };
    let item = |file: &str| read_item(&samples, &format!("GetItem/{file}-response.xml"));
    let series = item("3").calendar.unwrap();
    let recurrence = series.recurrence.unwrap();
    let pattern = Pattern::Weekly { interval: 1, days: vec![Day::Saturday], first: None };
    let start = jiff::civil::date(2014, 3, 8);
    assert_eq!(recurrence, Recurrence { pattern, start, end: End::After(10) });
    assert_eq!(series.kind, Some(CalendarItemKind::Master));
    assert_eq!(series.last.unwrap().original_start, Moment::parse("2014-05-10T20:21:00Z"));
    let task = item("24").task.unwrap();
    assert_eq!((task.status, task.percent), (Some(TaskStatus::NotStarted), Some(0.0)));
    assert_eq!((task.is_recurring, task.change_count), (Some(false), Some(1)));
    let contact = item("21").contact.unwrap();
    assert!(!contact.phones.is_empty(), "{contact:?}");
    let request = item("14");
    assert_eq!(request.kind, ItemKind::MeetingRequest);
    assert!(request.meeting.is_some());
    assert_eq!(request.calendar.unwrap().start, Moment::parse("2013-11-09T17:00:00Z"));
}

#[test]
fn a_documented_sync_brings_an_invitation() {
    let Some(samples) = samples() else { return };
    let folder = DistinguishedFolder::Inbox.into();
    let sync = SyncFolderItems { folder, shape: ItemShape::default(), state: None, max: 1 };
    let page = soap::read(&sync, [&document(&samples, "SyncFolderItems/3-response.xml")[..]]).unwrap();
    let requests = page.changes.iter().filter(|change| match change {
        ItemChange::Create(item) | ItemChange::Update(item) => item.kind == ItemKind::MeetingRequest,
        _ => false,
    });
    assert_eq!(requests.count(), 1);
}

#[test]
fn documented_people_are_read() {
    let Some(samples) = samples() else { return };
    for file in ["2", "3", "4"] {
        let ask = ResolveNames { entry: "x".into(), scope: SearchScope::ActiveDirectory, full: true };
        let bytes = document(&samples, &format!("ResolveNames/{file}-response.xml"));
        let found = soap::read(&ask, [&bytes[..]]).unwrap().found.pop().unwrap();
        assert!(found.address.address.is_some() && found.address.kind.is_some(), "{file}");
        let contact = found.data.unwrap().contact.unwrap();
        assert!(contact.display_name.is_some(), "{file}: {contact:?}");
        assert_eq!(contact.photo, None, "{file}: what the documentation cut in its middle is no base64");
    }
    let people = FindPeople::in_directory(None, Page { offset: 0, max: 10 });
    let page = soap::read(&people, [&document(&samples, "FindPeople/3-response.xml")[..]]).unwrap();
    assert_eq!(page.total, Some(1));
    assert_eq!(page.people[0].display_name.as_deref(), Some("Terry Adams"));
    let addresses: Vec<_> = page.people[0].emails.iter().filter_map(|email| email.address.as_deref()).collect();
    assert_eq!(addresses, ["terry@litwareinc.com", "tadams@contoso.com"]);
    let expand = ExpandDl { list: Address::smtp("x") };
    let members = soap::read(&expand, [&document(&samples, "ExpandDL/1-response.xml")[..]]).unwrap();
    assert_eq!((members.members.len(), members.complete), (4, true));
    let photo = GetUserPhoto { address: "x".into(), size: PhotoSize::Of48 };
    let text = String::from_utf8(document(&samples, "GetUserPhoto/2-response.xml")).unwrap();
    assert_eq!(soap::read(&photo, [text.as_bytes()]).unwrap(), None, "cut in its middle, too");
    let whole = text.replace("AD/02<", "AD/0g==<");
    assert_eq!(soap::read(&photo, [whole.as_bytes()]).unwrap().unwrap()[..3], [0xFF, 0xD8, 0xFF]);
}

#[test]
fn documented_rooms_and_delegates_are_read() {
    let Some(samples) = samples() else { return };
    let lists = soap::read(&GetRoomLists, [&document(&samples, "GetRoomLists/1-response.xml")[..]]).unwrap();
    assert_eq!(lists.len(), 3);
    assert_eq!(lists[0].address.as_deref(), Some("bldg1rooms@contoso.com"));
    assert_eq!(soap::read(&GetRoomLists, [&document(&samples, "GetRoomLists/2-response-2.xml")[..]]).unwrap(), []);
    let rooms = GetRooms { list: "x".into() };
    let rooms = soap::read(&rooms, [&document(&samples, "GetRooms/1-response.xml")[..]]).unwrap();
    assert!(rooms.len() == 3 && rooms.iter().all(|room| room.address.is_some()), "{rooms:?}");
    let ask = GetDelegate { mailbox: "x".into() };
    let mut answer = soap::read(&ask, [&document(&samples, "GetDelegate/1-response.xml")[..]]).unwrap();
    assert_eq!(answer.deliver.as_deref(), Some("DelegatesAndMe"));
    let delegate = answer.delegates.pop().unwrap().unwrap();
    assert_eq!(delegate.user.address.as_deref(), Some("User1@example.com"));
    assert_eq!(delegate.calendar, Some(PermissionLevel::Author));
    assert_eq!(delegate.tasks, None);
}

#[test]
fn documented_free_busy_and_automatic_replies_are_read() {
    let Some(samples) = samples() else { return };
    let time = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let (start, end) = (time("2014-02-13T00:00:00Z"), time("2014-02-14T00:00:00Z"));
    let mailboxes = vec!["x".to_owned(), "y".to_owned()];
    let ask = GetUserAvailability { mailboxes, start, end, view: View::FreeBusy, interval: 30 };
    let read = |file| soap::read(&ask, [&document(&samples, file)[..]]).unwrap().swap_remove(0).unwrap();
    let simple = read("GetUserAvailability/1-response.xml");
    assert_eq!(simple.events[1].start, time("2014-02-13T11:00:00Z"), "without an offset it is UTC, as asked");
    assert_eq!(simple.events[1].kind, FreeBusy::Busy);
    let hours = simple.hours.unwrap();
    assert_eq!((hours.bias, hours.daylight.unwrap().bias), (480, -60));
    assert!(hours.periods[0].0.contains(&Day::Monday), "{:?}", hours.periods);
    let detailed = read("GetUserAvailability/3-response.xml");
    assert_eq!(detailed.events[0].start, time("2006-10-16T13:00:00Z"));
    assert_eq!(detailed.merged.as_deref(), Some("000002220220000000000000"));
    let details = detailed.events[0].details.as_ref().unwrap();
    assert_eq!(details.subject.as_deref(), Some("Meet with Contoso Account Executives"));
    let get = GetUserOofSettings { mailbox: "x".into() };
    let oof = soap::read(&get, [&document(&samples, "GetUserOofSettings/1-response.xml")[..]]).unwrap();
    assert_eq!((oof.settings.state, oof.allowed), (OofState::Disabled, Some(Audience::All)));
    assert_eq!(oof.settings.span, Some((time("2006-11-03T23:00:00Z"), time("2006-11-04T23:00:00Z"))));
    let set = SetUserOofSettings { mailbox: "x".into(), settings: oof.settings };
    soap::read(&set, [&document(&samples, "SetUserOofSettings/7-response.xml")[..]]).unwrap();
}

#[test]
fn refusals_inside_bare_answers_are_errors() {
    let refused = "<s:Envelope xmlns:s='s'><s:Body><GetUserOofSettingsResponse><ResponseMessage ResponseClass='Error'>\
        <MessageText>no</MessageText><ResponseCode>ErrorAccessDenied</ResponseCode></ResponseMessage>\
        </GetUserOofSettingsResponse></s:Body></s:Envelope>";
    let get = GetUserOofSettings { mailbox: "x".into() };
    assert_eq!(soap::read(&get, [refused.as_bytes()]).unwrap_err().kind, ErrorKind::Denied);
    let mixed = "<s:Envelope xmlns:s='s'><s:Body><GetUserAvailabilityResponse><FreeBusyResponseArray><FreeBusyResponse>\
        <ResponseMessage ResponseClass='Error'><ResponseCode>ErrorMailRecipientNotFound</ResponseCode></ResponseMessage>\
        <FreeBusyView/></FreeBusyResponse><FreeBusyResponse><ResponseMessage ResponseClass='Success'>\
        <ResponseCode>NoError</ResponseCode></ResponseMessage></FreeBusyResponse></FreeBusyResponseArray>\
        </GetUserAvailabilityResponse></s:Body></s:Envelope>";
    let now = jiff::Timestamp::UNIX_EPOCH;
    let mailboxes = vec!["x".to_owned(), "y".to_owned()];
    let ask = GetUserAvailability { mailboxes, start: now, end: now, view: View::Merged, interval: 30 };
    let answers = soap::read(&ask, [mixed.as_bytes()]).unwrap();
    assert!(answers[0].is_err() && answers[1].is_ok(), "{answers:?}");
    let empty = "<s:Envelope xmlns:s='s'><s:Body><GetRoomListsResponse/></s:Body></s:Envelope>";
    assert_eq!(soap::read(&GetRoomLists, [empty.as_bytes()]).unwrap_err().kind, ErrorKind::Protocol);
}

#[test]
fn documented_permissions_are_read() {
    let Some(samples) = samples() else { return };
    let mut permissions = 0;
    for file in ["GetFolder/3-response.xml", "GetFolder/4-response.xml", "GetFolder/7-response.xml"] {
        let ask = GetFolder { folders: vec![DistinguishedFolder::Calendar.into()], shape: FolderShape::default() };
        let folder = soap::read(&ask, [&document(&samples, file)[..]]).unwrap().pop().unwrap().unwrap();
        assert!(folder.effective_rights.is_some() || !folder.permissions.is_empty(), "{file}");
        assert!(folder.permissions.iter().all(|permission| permission.level.is_some()), "{file}");
        permissions += folder.permissions.len();
    }
    assert!(permissions >= 2, "{permissions}");
}

fn read_item(samples: &Path, file: &str) -> Item {
    let get = GetItem { items: vec![ItemId::new("x").into()], shape: ItemShape::default() };
    soap::read(&get, document(samples, file).chunks(77)).unwrap().pop().unwrap().unwrap()
}

fn document(samples: &Path, file: &str) -> Vec<u8> {
    std::fs::read(samples.join("ms-docs").join(file)).unwrap()
}
