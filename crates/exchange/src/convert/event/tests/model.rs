//! A calendar that does what a plan says, by the rules of Exchange's documentation: just enough to see whether plans do
//! what they are for.

use ews::op::create_attachment::NewFile;
use ews::op::update_item::FieldChange;
use ews::{
    AttachmentId, AttachmentInfo, Attendee, Body, BodyKind, Calendar, CalendarItemKind, Field, Item, ItemId, ItemKind,
    Moment, Path, Property, ResponseKind,
};
use jiff::civil::Date;

use super::super::native::{calendar_of, day_of, zone_of};
use crate::convert::kept::{Kept, OBJECT};
use crate::convert::native::{Context, File, Native};
use crate::convert::plan::{Fate, Occurrence, Plan};
use crate::convert::series::Series;

/// How exceptions behave when their series is changed: the documentation does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exceptions {
    /// They follow in what they did not differ in.
    Follow,
    /// They stay as they are.
    Stay,
}

/// One item.
pub(super) struct Model {
    pub(super) native: Native,
    pub(super) context: Context,
    exceptions: Exceptions,
    ids: u32,
}

impl Model {
    pub(super) fn new(plan: &Plan, context: &Context, exceptions: Exceptions) -> Model {
        let organizer = ews::Address { name: context.my_name.clone(), ..ews::Address::smtp(&context.me[0]) };
        let calendar = Calendar {
            kind: Some(CalendarItemKind::Single),
            organizer: Some(organizer),
            my_response: Some(ResponseKind::Organizer),
            is_meeting: Some(false),
            is_cancelled: Some(false),
            ..Calendar::default()
        };
        let item = Item {
            kind: ItemKind::CalendarItem,
            id: Some(ItemId::new("master")),
            created: Some("2026-01-02T03:04:05Z".parse().unwrap()),
            // As Exchange makes them.
            reminder_is_set: Some(true),
            reminder_minutes: Some(15),
            calendar: Some(Box::new(calendar)),
            ..Item::default()
        };
        let native = Native { item, ..Native::default() };
        let mut model = Model { native, context: context.clone(), exceptions, ids: 0 };
        model.apply(plan);
        model
    }

    /// Does what a plan says, and keeps its text as the engine does: with the digest of what is there afterwards.
    pub(super) fn apply(&mut self, plan: &Plan) {
        let before = self.native.item.clone();
        for change in &plan.changes {
            // The same rule again is no change.
            let same = matches!(change, FieldChange::Set(Property::Recurrence(rule)) if calendar_of(&self.native.item).recurrence.as_ref() == Some(rule));
            if is_recurrence(change) && !same {
                self.native.exceptions.clear();
                let calendar = self.calendar();
                calendar.modified.clear();
                calendar.deleted.clear();
            }
            set(&mut self.native.item, change);
        }
        if self.exceptions == Exceptions::Follow {
            let after = self.native.item.clone();
            self.native.exceptions.iter_mut().for_each(|exception| follow(exception, &before, &after));
        }
        for change in &plan.occurrences {
            let date = self.date_of(&change.which);
            match &change.fate {
                Fate::Deleted => self.delete(date),
                Fate::Changed { changes, attach, .. } => {
                    let exception = self.exception(date);
                    changes.iter().for_each(|change| set(&mut self.native.exceptions[exception], change));
                    let infos: Vec<_> = attach.iter().map(|file| self.attach(file)).collect();
                    self.native.exceptions[exception].attachments.extend(infos);
                    self.tell_modified(exception);
                }
            }
        }
        for file in &plan.attach {
            let info = self.attach(file);
            self.native.item.attachments.push(info);
        }
        for id in &plan.detach {
            let gone = |info: &AttachmentInfo| info.id.as_ref() == Some(id);
            assert!(self.native.item.attachments.iter().any(gone), "no attachment {id:?}");
            self.native.item.attachments.retain(|info| !gone(info));
            self.native.files.retain(|file| !gone(&file.info));
        }
        self.keep(plan.keep.clone());
    }

    /// Keeps a text with the digest of what is there.
    pub(super) fn keep(&mut self, text: Option<String>) {
        if let Some(text) = text {
            let digest = super::super::render(&self.native, &self.context).digest;
            self.native.item.extended.set(OBJECT.clone(), Kept { digest: Some(digest), text }.value());
        }
    }

    /// As if the gateway had never kept a text.
    pub(super) fn forget(&mut self) {
        self.native.item.extended = ews::ExtendedProperties::default();
    }

    pub(super) fn text(&self) -> String {
        super::super::render(&self.native, &self.context).text
    }

    pub(super) fn calendar(&mut self) -> &mut Calendar {
        self.native.item.calendar.as_mut().unwrap()
    }

    /// Somebody changes one occurrence in Outlook.
    pub(super) fn edit(&mut self, date: Date, edit: impl FnOnce(&mut Item)) {
        let exception = self.exception(date);
        edit(&mut self.native.exceptions[exception]);
        self.tell_modified(exception);
    }

    /// Somebody deletes one occurrence in Outlook.
    pub(super) fn delete(&mut self, date: Date) {
        assert!(self.series().index(date).is_some(), "{date} is no occurrence");
        let start = self.start_on(date);
        let calendar = self.calendar();
        assert!(!calendar.deleted.contains(&start), "ErrorCalendarOccurrenceIsDeletedFromRecurrence {date}");
        calendar.deleted.push(start);
        let gone: Vec<_> = calendar.modified.iter().filter(|one| one.original_start == Some(start)).cloned().collect();
        calendar.modified.retain(|one| one.original_start != Some(start));
        self.native.exceptions.retain(|one| gone.iter().all(|gone| one.id.as_ref() != Some(&gone.id)));
    }

    fn series(&self) -> Series {
        Series::of_native(calendar_of(&self.native.item).recurrence.as_ref().unwrap()).unwrap()
    }

    fn start_on(&self, date: Date) -> Moment {
        let calendar = calendar_of(&self.native.item);
        let zone = zone_of(&calendar, &self.context);
        let start = zone.zone.to_local(calendar.start.unwrap().instant().unwrap());
        Moment::At(zone.zone.to_instant(date.to_datetime(start.time())))
    }

    fn date_of(&self, which: &Occurrence) -> Date {
        match which {
            Occurrence::Index(index) => self.series().dates().nth(*index as usize - 1).expect("past the end"),
            Occurrence::Item(id) => {
                let calendar = calendar_of(&self.native.item);
                let one = calendar.modified.iter().find(|one| one.id == *id).expect("no such exception");
                day_of(&calendar, &one.original_start.unwrap(), &self.context)
            }
        }
    }

    /// The place of the exception of a day; a new one is as its series.
    fn exception(&mut self, date: Date) -> usize {
        let start = self.start_on(date);
        let calendar = calendar_of(&self.native.item);
        assert!(!calendar.deleted.contains(&start), "ErrorCalendarOccurrenceIsDeletedFromRecurrence {date}");
        let known = calendar.modified.iter().find(|one| one.original_start == Some(start));
        if let Some(known) = known {
            return self.native.exceptions.iter().position(|one| one.id.as_ref() == Some(&known.id)).unwrap();
        }
        self.ids += 1;
        let id = ItemId::new(format!("exception {}", self.ids));
        let mut item = Item { id: Some(id.clone()), attachments: Vec::new(), ..self.native.item.clone() };
        item.extended = ews::ExtendedProperties::default();
        let zone = zone_of(&calendar, &self.context);
        let local = |moment: Option<Moment>| zone.zone.to_local(moment.unwrap().instant().unwrap());
        let days = local(calendar.start).date().until(date).unwrap();
        let end = Moment::At(zone.zone.to_instant(local(calendar.end).checked_add(days).unwrap()));
        let own = item.calendar.as_mut().unwrap();
        **own = Calendar {
            kind: Some(CalendarItemKind::Exception),
            start: Some(start),
            end: Some(end),
            original_start: Some(start),
            recurrence: None,
            modified: Vec::new(),
            deleted: Vec::new(),
            ..calendar
        };
        let told = ews::Occurrence { id, start, end, original_start: Some(start) };
        self.calendar().modified.push(told);
        self.native.exceptions.push(item);
        self.native.exceptions.len() - 1
    }

    fn tell_modified(&mut self, exception: usize) {
        let item = &self.native.exceptions[exception];
        let (id, calendar) = (item.id.clone().unwrap(), calendar_of(item));
        let told = self.calendar().modified.iter_mut().find(|one| one.id == id).unwrap();
        (told.start, told.end) = (calendar.start.unwrap(), calendar.end.unwrap());
    }

    /// Hangs a file on the item or an exception.
    pub(super) fn attach(&mut self, file: &NewFile) -> AttachmentInfo {
        self.ids += 1;
        let id = AttachmentId { id: format!("file {}", self.ids), root: None };
        let info = AttachmentInfo {
            id: Some(id),
            name: Some(file.name.clone()),
            content_type: file.content_type.clone(),
            size: Some(file.content.len() as u64 + 300),
            is_inline: Some(false),
            ..AttachmentInfo::default()
        };
        self.native.files.push(File { info: info.clone(), content: Some(file.content.clone().into()) });
        info
    }
}

/// In what it did not differ from its series, an exception becomes what that is now.
fn follow(exception: &mut Item, before: &Item, after: &Item) {
    macro_rules! follow {
        ($($field:ident)*) => { $(if exception.$field == before.$field { exception.$field = after.$field.clone(); })* };
    }
    follow!(subject body categories importance sensitivity reminder_is_set reminder_minutes);
    let (own, before, after) = (exception.calendar.as_mut().unwrap(), calendar_of(before), calendar_of(after));
    macro_rules! follow_calendar {
        ($($field:ident)*) => { $(if own.$field == before.$field { own.$field = after.$field.clone(); })* };
    }
    follow_calendar!(location free_busy required optional resources is_meeting organizer);
}

fn is_recurrence(change: &FieldChange) -> bool {
    match change {
        FieldChange::Set(Property::Recurrence(_)) => true,
        FieldChange::Delete(path) => *path == Path::from(Field::RECURRENCE),
        FieldChange::Set(_) => false,
    }
}

fn set(item: &mut Item, change: &FieldChange) {
    let property = match change {
        FieldChange::Set(property) => property.clone(),
        FieldChange::Delete(_) => {
            let calendar = item.calendar.as_mut().unwrap();
            assert!(is_recurrence(change), "{change:?}");
            calendar.recurrence = None;
            calendar.kind = Some(CalendarItemKind::Single);
            return;
        }
    };
    let calendar = item.calendar.as_mut().unwrap();
    match property {
        Property::Subject(subject) => item.subject = Some(subject),
        Property::Sensitivity(sensitivity) => item.sensitivity = Some(sensitivity),
        Property::Importance(importance) => item.importance = Some(importance),
        Property::Categories(categories) => item.categories = categories,
        Property::Body(body) => item.body = Some(stored(body)),
        Property::ReminderIsSet(is_set) => item.reminder_is_set = Some(is_set),
        Property::ReminderMinutes(minutes) => item.reminder_minutes = Some(minutes),
        Property::Uid(uid) => calendar.uid = Some(uid),
        Property::Start(start) => calendar.start = Some(start),
        Property::End(end) => calendar.end = Some(end),
        Property::IsAllDay(is_all_day) => calendar.is_all_day = Some(is_all_day),
        Property::FreeBusy(free_busy) => calendar.free_busy = Some(free_busy),
        Property::Location(location) => calendar.location = Some(location),
        Property::RequiredAttendees(list) => calendar.required = answered(&calendar.required, list),
        Property::OptionalAttendees(list) => calendar.optional = answered(&calendar.optional, list),
        Property::Resources(list) => calendar.resources = answered(&calendar.resources, list),
        Property::Recurrence(recurrence) => {
            calendar.recurrence = Some(recurrence);
            calendar.kind = Some(CalendarItemKind::Master);
        }
        Property::StartTimeZone(zone) => calendar.start_zone = Some(zone),
        Property::EndTimeZone(zone) => calendar.end_zone = Some(zone),
        // From 2010 on nobody hears of it.
        Property::MeetingTimeZone(_) => {}
        other => panic!("{other:?}"),
    }
    let people = calendar.required.len() + calendar.optional.len() + calendar.resources.len();
    calendar.is_meeting = Some(people > 0);
}

/// Exchange stores HTML in its own words, and ends every text in a line end.
fn stored(body: Body) -> Body {
    let text = match body.kind {
        BodyKind::Text if body.text.is_empty() => String::new(),
        BodyKind::Text => format!("{}\r\n", body.text.replace('\n', "\r\n")),
        BodyKind::Html => {
            format!(
                "<html>\r\n<head>\r\n<meta name=\"x\">\r\n</head>\r\n<body>\r\n{}\r\n</body>\r\n</html>\r\n",
                body.text
            )
        }
    };
    Body { kind: body.kind, text }
}

/// Those who stay have answered what they had.
fn answered(had: &[Attendee], list: Vec<Attendee>) -> Vec<Attendee> {
    let answer = |mut attendee: Attendee| {
        let known = had.iter().find(|one| one.mailbox.address == attendee.mailbox.address);
        attendee.response = known.map_or(Some(ResponseKind::Unknown), |known| known.response);
        attendee
    };
    list.into_iter().map(answer).collect()
}
