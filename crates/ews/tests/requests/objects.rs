//! Requests about calendars, tasks, contacts and people.

use ews::op::calendar_view::CalendarView;
use ews::op::cancel_calendar_item::CancelCalendarItem;
use ews::op::create_item::Disposition;
use ews::op::create_object::CreateObject;
use ews::op::delete_item::{DeleteItem, TaskOccurrences};
use ews::op::expand_dl::ExpandDl;
use ews::op::find_people::FindPeople;
use ews::op::get_delegate::GetDelegate;
use ews::op::get_item::GetItem;
use ews::op::get_room_lists::GetRoomLists;
use ews::op::get_rooms::GetRooms;
use ews::op::get_server_time_zones::GetServerTimeZones;
use ews::op::get_user_availability::{GetUserAvailability, View};
use ews::op::get_user_oof_settings::GetUserOofSettings;
use ews::op::get_user_photo::{GetUserPhoto, PhotoSize};
use ews::op::resolve_names::{ResolveNames, SearchScope};
use ews::op::respond::{Answer, Respond};
use ews::op::set_user_oof_settings::SetUserOofSettings;
use ews::op::subscribe::{Delivery, EventType, Subscribe};
use ews::op::update_item::{ConflictResolution, FieldChange, ItemUpdate, UpdateItem};
use ews::op::{DeleteType, Invitations};
use ews::*;
use jiff::SignedDuration;
use jiff::civil::{date, time};

use super::{Requests, id, keywords};

/// What an item is made of comes back as it was, if a server gives it back as it stands.
#[test]
fn what_is_written_is_read_back() {
    let version = Version::Exchange2016;
    let calendar = *echo(ItemKind::CalendarItem, event(), version).calendar.unwrap();
    assert_eq!(calendar.start, Moment::parse("2025-01-31T09:00:00"));
    assert_eq!(calendar.end, Moment::parse("2025-01-31T09:00:00Z"));
    assert_eq!(calendar.start_zone, Some(zone()));
    assert_eq!(calendar.meeting_zone, None, "newer servers take the other one");
    assert_eq!(calendar.resources[1].mailbox, Address::smtp("b@x"));
    assert_eq!(calendar.enhanced_location.unwrap().latitude, Some(52.5));
    let old = *echo(ItemKind::CalendarItem, event(), Version::Exchange2007Sp1).calendar.unwrap();
    assert_eq!((old.meeting_zone, old.start_zone), (Some(meeting_zone()), None));
    let task = echo(ItemKind::Task, task(), version);
    assert_eq!(task.task.as_ref().unwrap().percent, Some(50.0));
    assert_eq!(task.task.as_ref().unwrap().companies, ["Example"]);
    assert_eq!((task.sensitivity, task.reminder_minutes), (Some(Sensitivity::Private), Some(15)));
    let contact = *echo(ItemKind::Contact, contact(), version).contact.unwrap();
    assert_eq!(contact.phones.len(), PhoneKey::ALL.len());
    assert_eq!(contact.address(AddressKey::Other).unwrap().part(AddressPart::Country), Some("CountryOrRegion"));
    assert_eq!(contact.email(EmailKey::Third).unwrap().name.as_deref(), Some("Anna"));
    let list = *echo(ItemKind::DistributionList, list(), version).list.unwrap();
    let Some(Property::Members(members)) = self::list().into_iter().last() else { panic!() };
    assert_eq!((list.members, list.file_as.as_deref()), (members, Some("Team")));
    for pattern in patterns() {
        for end in [End::Never, End::On(date(2026, 3, 1)), End::After(7)] {
            let recurrence = Recurrence { pattern: pattern.clone(), start: date(2025, 1, 31), end };
            let item = echo(ItemKind::Task, vec![Property::TaskRecurrence(recurrence.clone())], version);
            assert_eq!(item.task.unwrap().recurrence, Some(recurrence));
        }
    }
}

/// The item a server would give back that stores what it was sent.
fn echo(kind: ItemKind, properties: Vec<Property>, version: Version) -> Item {
    let make = CreateObject { folder: None, kind, properties, invitations: Invitations::Nobody };
    let request = String::from_utf8(soap::request(&make, version, None)).unwrap();
    let (_, rest) = request.split_once("<m:Items>").unwrap();
    let (item, _) = rest.split_once("</m:Items>").unwrap();
    let answer = format!(
        "<s:Envelope xmlns:s='s'><s:Body><m:GetItemResponse><m:ResponseMessages><m:GetItemResponseMessage \
         ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode><m:Items>{item}</m:Items>\
         </m:GetItemResponseMessage></m:ResponseMessages></m:GetItemResponse></s:Body></s:Envelope>"
    );
    let get = GetItem { items: vec![id().into()], shape: ItemShape::default() };
    soap::read(&get, [answer.as_bytes()]).unwrap().pop().unwrap().unwrap()
}

impl Requests {
    pub(super) fn objects(&mut self) {
        self.made_and_changed(ItemKind::CalendarItem, &event());
        self.made_and_changed(ItemKind::Task, &task());
        self.made_and_changed(ItemKind::Contact, &contact());
        self.made_and_changed(ItemKind::DistributionList, &list());
        self.made_and_changed(ItemKind::Message, &note());
        for pattern in patterns() {
            self.repeated(pattern);
        }
        self.series();
        self.meetings();
        self.views();
        self.people();
    }

    /// The properties are given in the wrong order, and all of them at once.
    fn made_and_changed(&mut self, kind: ItemKind, properties: &[Property]) {
        let mut backwards = properties.to_vec();
        backwards.reverse();
        for (folder, properties) in [(None, backwards), (Some(FolderId::new("AAMk").into()), properties.to_vec())] {
            self.add(&CreateObject { folder, kind, properties, invitations: Invitations::Changed });
        }
        let set = properties.iter().cloned().map(FieldChange::Set);
        let delete = properties.iter().map(|property| FieldChange::Delete(property.path()));
        for (changes, invitations) in
            [(set.collect(), Invitations::Changed), (delete.collect::<Vec<_>>(), Invitations::All)]
        {
            let items = vec![ItemUpdate { id: id().into(), kind, changes }];
            self.add(&UpdateItem { items, conflict: ConflictResolution::NeverOverwrite, invitations });
        }
    }

    fn repeated(&mut self, pattern: Pattern) {
        let task = matches!(pattern, Pattern::Regeneration { .. });
        for end in [End::Never, End::On(date(2026, 3, 1)), End::After(7)] {
            let recurrence = Recurrence { pattern: pattern.clone(), start: date(2025, 1, 31), end };
            let (kind, property) = match task {
                true => (ItemKind::Task, Property::TaskRecurrence(recurrence)),
                false => (ItemKind::CalendarItem, Property::Recurrence(recurrence)),
            };
            let properties = vec![Property::Subject("again".into()), property];
            self.add(&CreateObject { folder: None, kind, properties, invitations: Invitations::Nobody });
        }
    }

    fn series(&mut self) {
        let items =
            vec![ItemRef::Occurrence(id(), 3), ItemRef::MasterOf(ItemId::new("AAMk")), ItemRef::Id(ItemId::new("x"))];
        let shape = ItemShape::of([Field::RECURRENCE.into(), Field::START_TIME_ZONE.into(), Field::UID.into()]);
        self.add(&GetItem { items: items.clone(), shape });
        for cancellations in [Invitations::Nobody, Invitations::All] {
            let how = DeleteType::MoveToDeletedItems;
            self.add(&DeleteItem { items: items.clone(), how, cancellations, tasks: TaskOccurrences::This });
        }
        let moved = vec![
            Property::Start(Moment::parse("2025-06-01T09:00:00").unwrap()).into(),
            Property::End(Moment::parse("2025-06-01T10:00:00Z").unwrap()).into(),
        ];
        let items = vec![ItemUpdate { id: items[0].clone(), kind: ItemKind::CalendarItem, changes: moved }];
        let conflict = ConflictResolution::AutoResolve;
        self.add(&UpdateItem { items, conflict, invitations: Invitations::Nobody });
    }

    fn meetings(&mut self) {
        let comment = || Some(Body { kind: BodyKind::Text, text: "gladly".into() });
        let proposed = Some((at("2025-06-01T09:00:00Z"), at("2025-06-01T10:00:00Z")));
        for (answer, comment, proposed) in [
            (Answer::Accept, comment(), None),
            (Answer::Tentative, comment(), proposed),
            (Answer::Decline, None, proposed),
        ] {
            for disposition in [Disposition::SendAndSaveCopy, Disposition::SaveOnly] {
                self.add(&Respond { to: id(), answer, comment: comment.clone(), proposed, disposition });
            }
        }
        self.add(&CancelCalendarItem { item: id(), comment: comment() });
        self.add(&CancelCalendarItem { item: id(), comment: None });
    }

    fn views(&mut self) {
        let shape = ItemShape::of([Field::START.into(), Field::CALENDAR_ITEM_TYPE.into()]);
        let folder = FolderRef::DistinguishedOf(DistinguishedFolder::Calendar, "otto@example.org".into());
        for max in [None, Some(500)] {
            let (start, end) = (at("2025-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"));
            self.add(&CalendarView { folder: folder.clone(), shape: shape.clone(), start, end, max });
        }
        self.add(&GetServerTimeZones { ids: vec![], full: true });
        self.add(&GetServerTimeZones { ids: vec!["W. Europe Standard Time".into()], full: false });
        for view in [View::Merged, View::FreeBusy, View::Detailed] {
            self.add(&GetUserAvailability {
                mailboxes: vec!["anna@example.org".into(), "otto@example.org".into()],
                start: at("2025-01-01T00:00:00Z"),
                end: at("2025-01-08T00:00:00Z"),
                view,
                interval: 30,
            });
        }
        let all = Subscribe { folders: None, events: EventType::ALL.to_vec(), delivery: Delivery::Streaming };
        self.add(&all);
    }

    fn people(&mut self) {
        let scope = SearchScope::ContactsActiveDirectory;
        self.add(&ResolveNames { entry: "ann".into(), scope, full: true });
        let page = Page { offset: 0, max: 100 };
        self.add(&FindPeople::in_directory(Some("ann".into()), page));
        self.add(&FindPeople::in_directory(None, page));
        self.add(&ExpandDl { list: Address::smtp("all@example.org") });
        let private = Address { kind: Some(MailboxKind::PrivateList), item: Some(id()), ..Address::default() };
        self.add(&ExpandDl { list: private });
        self.add(&GetUserPhoto { address: "anna@example.org".into(), size: PhotoSize::Of240 });
        self.add(&GetRoomLists);
        self.add(&GetRooms { list: "rooms@example.org".into() });
        self.add(&GetDelegate { mailbox: "anna@example.org".into() });
        self.add(&GetUserOofSettings { mailbox: "anna@example.org".into() });
        let settings = OutOfOffice {
            state: OofState::Scheduled,
            audience: Audience::Known,
            span: Some((at("2025-01-01T00:00:00Z"), at("2025-01-08T00:00:00Z"))),
            internal: Some("away".into()),
            external: Some("<b>away</b>".into()),
        };
        self.add(&SetUserOofSettings { mailbox: "anna@example.org".into(), settings });
    }
}

fn any() -> Vec<Property> {
    vec![
        Property::Subject("Lunch & more".into()),
        Property::Sensitivity(Sensitivity::Private),
        Property::Body(Body { kind: BodyKind::Html, text: "<p>x</p>".into() }),
        Property::Categories(vec!["Red".into()]),
        Property::Importance(Importance::Low),
        Property::ReminderDueBy(Moment::At(at("2025-01-01T00:00:00Z"))),
        Property::ReminderIsSet(true),
        Property::ReminderMinutes(15),
        Property::Extended(keywords(), Value::texts(["a", "b"])),
        Property::Extended(ExtendedField::id(PropertySet::Common, 0x8506, PropertyKind::Boolean), Value::Boolean(true)),
        Property::Culture("de-DE".into()),
    ]
}

fn event() -> Vec<Property> {
    let guests = |address: &str| vec![Attendee::new(Address::smtp(address)), Attendee::new(Address::smtp("b@x"))];
    let own = vec![
        Property::Uid("abc@example.org".into()),
        Property::Start(Moment::parse("2025-01-31T09:00:00").unwrap()),
        Property::End(Moment::parse("2025-01-31T10:00:00+01:00").unwrap()),
        Property::IsAllDay(false),
        Property::FreeBusy(FreeBusy::OutOfOffice),
        Property::Location("Room 1".into()),
        Property::IsResponseRequested(true),
        Property::RequiredAttendees(guests("a@example.org")),
        Property::OptionalAttendees(guests("o@example.org")),
        Property::Resources(guests("r@example.org")),
        Property::Recurrence(Recurrence {
            pattern: Pattern::Weekly { interval: 2, days: vec![Day::Monday, Day::Friday], first: Some(Day::Monday) },
            start: date(2025, 1, 31),
            end: End::After(10),
        }),
        Property::MeetingTimeZone(meeting_zone()),
        Property::StartTimeZone(zone()),
        Property::EndTimeZone(TimeZoneDefinition::named("W. Europe Standard Time")),
        Property::ConferenceType(0),
        Property::AllowNewTimeProposal(true),
        Property::IsOnlineMeeting(false),
        Property::MeetingWorkspaceUrl("http://example.org/w".into()),
        Property::NetShowUrl("http://example.org/n".into()),
        Property::EnhancedLocation(EnhancedLocation {
            display_name: "Room 1".into(),
            city: Some("Berlin".into()),
            latitude: Some(52.5),
            source: Some("Resource".into()),
            ..EnhancedLocation::default()
        }),
    ];
    [any(), own].concat()
}

fn zone() -> TimeZoneDefinition {
    let period = |id: &str, hours| Period { id: id.into(), name: id.into(), bias: SignedDuration::from_hours(hours) };
    let turn = |to: &str, month, occurrence| Transition {
        to: Target::Period(to.into()),
        when: Turn::Day { offset: SignedDuration::from_hours(2), month, day: Day::Sunday, occurrence },
    };
    let fixed = Transition {
        to: Target::Period("Std".into()),
        when: Turn::Date { offset: SignedDuration::ZERO, month: 1, day: 1 },
    };
    TimeZoneDefinition {
        id: Some("W. Europe Standard Time".into()),
        name: Some("(UTC+01:00) Berlin".into()),
        periods: vec![period("Std", -1), period("Dlt", -2)],
        groups: vec![
            Transitions { id: "0".into(), transitions: vec![turn("Dlt", 3, -1), turn("Std", 10, -1)] },
            Transitions { id: "1".into(), transitions: vec![fixed] },
        ],
        transitions: vec![
            Transition { to: Target::Group("0".into()), when: Turn::Always },
            Transition { to: Target::Group("1".into()), when: Turn::At(date(2030, 1, 1).at(0, 0, 0, 0)) },
        ],
    }
}

fn meeting_zone() -> MeetingTimeZone {
    let change = |offset, month| TimeChange {
        name: None,
        offset: SignedDuration::from_mins(offset),
        on: Some(ChangeDay::Relative { month, day: Day::Sunday, index: Index::Last }),
        time: time(2, 0, 0, 0),
    };
    MeetingTimeZone {
        name: Some("W. Europe Standard Time".into()),
        base: Some(SignedDuration::from_mins(-60)),
        standard: Some(change(0, 10)),
        daylight: Some(change(-60, 3)),
    }
}

fn task() -> Vec<Property> {
    let own = vec![
        Property::TaskActualWork(30),
        Property::TaskBilling("42".into()),
        Property::TaskCompanies(vec!["Example".into()]),
        Property::TaskCompleted(Moment::parse("2025-01-31T00:00:00Z").unwrap()),
        Property::TaskContacts(vec!["Anna".into()]),
        Property::TaskDue(Moment::parse("2025-02-01T00:00:00").unwrap()),
        Property::TaskMileage("7 km".into()),
        Property::TaskPercent(50.0),
        Property::TaskRecurrence(Recurrence {
            pattern: Pattern::Daily { interval: 1 },
            start: date(2025, 1, 31),
            end: End::Never,
        }),
        Property::TaskStart(Moment::parse("2025-01-31T00:00:00").unwrap()),
        Property::TaskStatus(TaskStatus::Waiting),
        Property::TaskTotalWork(60),
    ];
    [any(), own].concat()
}

fn contact() -> Vec<Property> {
    let mut own = vec![
        Property::FileAs("Adams, Anna".into()),
        Property::FileAsMapping(FileAsMapping::LastCommaFirst),
        Property::DisplayName("Anna Adams".into()),
        Property::GivenName("Anna".into()),
        Property::Initials("A. A.".into()),
        Property::MiddleName("B.".into()),
        Property::Nickname("An".into()),
        Property::CompanyName("Example".into()),
        Property::AssistantName("Otto".into()),
        Property::Birthday(Moment::parse("1980-02-29T11:59:00Z").unwrap()),
        Property::BusinessHomePage("http://example.org/".into()),
        Property::Children(vec!["Carl".into()]),
        Property::Companies(vec!["Example".into(), "Other".into()]),
        Property::Department("Tests".into()),
        Property::Generation("Jr.".into()),
        Property::JobTitle("Tester".into()),
        Property::Manager("Max".into()),
        Property::Mileage("1".into()),
        Property::Office("42".into()),
        Property::PostalIndex(PostalIndex::Home),
        Property::Profession("Chemist".into()),
        Property::Spouse("Paul".into()),
        Property::Surname("Adams".into()),
        Property::Anniversary(Moment::parse("2005-05-05T11:59:00Z").unwrap()),
    ];
    let named = EmailEntry { name: Some("Anna".into()), ..EmailEntry::new("anna@example.org") };
    own.extend(EmailKey::ALL.iter().map(|key| Property::Email(*key, named.clone())));
    own.extend(PhoneKey::ALL.iter().map(|key| Property::Phone(*key, "+49 30 1".into())));
    own.extend(ImKey::ALL.iter().map(|key| Property::Im(*key, "xmpp:anna@example.org".into())));
    for key in AddressKey::ALL {
        own.extend(AddressPart::ALL.iter().map(|part| Property::Postal(*key, *part, part.as_str().to_owned())));
    }
    [any(), own].concat()
}

fn list() -> Vec<Property> {
    let contact = Address { kind: Some(MailboxKind::Contact), item: Some(id()), ..Address::smtp("a@example.org") };
    let one_off = Address { name: Some("B".into()), kind: Some(MailboxKind::OneOff), ..Address::smtp("b@example.org") };
    let members = vec![Member::new(contact), Member { key: Some("AAAA".into()), ..Member::new(one_off) }];
    [any(), vec![Property::FileAs("Team".into()), Property::DisplayName("Team".into()), Property::Members(members)]]
        .concat()
}

fn note() -> Vec<Property> {
    let own =
        vec![Property::Class("IPM.StickyNote".into()), Property::IsRead(true), Property::Flag(FlagStatus::Flagged)];
    [any(), own].concat()
}

fn patterns() -> Vec<Pattern> {
    let mut patterns = vec![
        Pattern::Daily { interval: 3 },
        Pattern::Weekly { interval: 1, days: vec![Day::Sunday], first: None },
        Pattern::AbsoluteMonthly { interval: 1, day: 31 },
        Pattern::RelativeMonthly { interval: 2, day: Day::Weekday, index: Index::Last },
        Pattern::AbsoluteYearly { month: 2, day: 29 },
        Pattern::RelativeYearly { month: 12, day: Day::Any, index: Index::Fourth },
    ];
    patterns.extend(Unit::ALL.iter().map(|unit| Pattern::Regeneration { unit: *unit, interval: 2 }));
    patterns
}

fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}
