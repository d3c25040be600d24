//! Items into values.

use std::sync::Arc;

use ews::{BodyKind, Calendar, CalendarItemKind, FreeBusy, Importance, Item, Moment, ResponseKind, Sensitivity};
use jiff::Timestamp;
use jiff::civil::Date;

use super::value::{Body, Event, Fields, FileKey, Guest, Person, Reply, Role, Times, half, nearest_day};
use crate::convert::html;
use crate::convert::native::{Context, Native};
use crate::convert::series::Series;
use crate::convert::zone::Place;

impl Event {
    /// The event of an item and its exceptions.
    pub(super) fn of_native(native: &Native, context: &Context) -> Event {
        let item = &native.item;
        let calendar = calendar_of(item);
        let zone = zone_of(&calendar, context);
        let received = is_received(&calendar, context);
        let fields = fields(item, &zone, native, context);
        let day = |moment: &Moment| fields.times.day_of(instant(moment, &zone), &zone.zone);
        let deleted = calendar.deleted.iter().map(day).collect();
        let original = |exception: &Item| original_start(exception, &calendar);
        let exceptions = native.exceptions.iter().filter_map(|exception| {
            let date = day(&original(exception)?);
            let own = self::fields(exception, &zone_of(&calendar_of(exception), context), native, context);
            let times = own.times.by_clocks_of(&fields.times);
            Some((date, Fields { times, ..own }))
        });
        let exceptions = exceptions.collect();
        let series = calendar.recurrence.as_ref().and_then(Series::of_native);
        Event { series, deleted, exceptions, received, fields }
    }
}

/// The id under which Exchange knows the exception of a day.
pub(super) fn exception_id(native: &Native, date: Date, context: &Context) -> Option<ews::ItemId> {
    let calendar = calendar_of(&native.item);
    let of_that_day = |start: Moment| day_of(&calendar, &start, context) == date;
    let found = calendar.modified.iter().find(|occurrence| occurrence.original_start.is_some_and(of_that_day));
    found.map(|occurrence| occurrence.id.clone())
}

/// The day of a series on which an occurrence would begin by the rule.
pub(super) fn day_of(master: &Calendar, original_start: &Moment, context: &Context) -> Date {
    let zone = zone_of(master, context);
    times(master, &zone).day_of(instant(original_start, &zone), &zone.zone)
}

/// What an item has beyond any item.
pub(super) fn calendar_of(item: &Item) -> Calendar {
    item.calendar.as_deref().cloned().unwrap_or_default()
}

/// The zone an item was made in, by whatever its server tells of it.
pub(super) fn zone_of(calendar: &Calendar, context: &Context) -> Arc<Place> {
    let told = calendar.start_zone.as_ref().and_then(Place::of_definition);
    let told = told.or_else(|| Place::named(calendar.start_zone_id.as_deref()?));
    let told = told.or_else(|| Place::of_meeting_zone(calendar.meeting_zone.as_ref()?));
    Arc::new(told.unwrap_or_else(|| home(context)))
}

/// The zone of whose calendar it is.
pub(super) fn home(context: &Context) -> Place {
    context.zone.as_deref().and_then(Place::named).unwrap_or_else(Place::utc)
}

fn fields(item: &Item, zone: &Arc<Place>, native: &Native, context: &Context) -> Fields {
    let calendar = calendar_of(item);
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().trim_end().to_owned();
    let subject = text(&item.subject);
    let free_busy = calendar.free_busy.filter(|status| *status != FreeBusy::NoData).unwrap_or(FreeBusy::Busy);
    let called_off = calendar.kind != Some(CalendarItemKind::Exception) && is_called_off(&subject, free_busy);
    let received = is_received(&calendar, context);
    let guests = guests(&calendar, received, context);
    let meeting = !guests.is_empty() || received;
    let organizer = calendar
        .organizer
        .as_ref()
        .filter(|_| meeting)
        .and_then(person)
        .map(|(address, name)| Person { address, name });
    let reminder = item.reminder_is_set.unwrap_or(false).then(|| item.reminder_minutes.unwrap_or(DEFAULT_REMINDER));
    Fields {
        subject,
        body: body(item),
        location: text(&calendar.location),
        times: times(&calendar, zone),
        categories: item.categories.iter().filter(|name| !name.is_empty()).cloned().collect(),
        importance: item.importance.unwrap_or(Importance::Normal),
        sensitivity: item.sensitivity.unwrap_or(Sensitivity::Normal),
        free_busy,
        cancelled: calendar.is_cancelled == Some(true) || called_off,
        reminder,
        organizer,
        guests,
        files: files(item, native),
        join_url: calendar.join_url.filter(|url| !url.trim().is_empty()),
    }
}

fn times(calendar: &Calendar, zone: &Arc<Place>) -> Times {
    let start = calendar.start.map_or(Timestamp::UNIX_EPOCH, |start| instant(&start, zone));
    let end_zone = calendar.end_zone.as_ref().and_then(Place::of_definition);
    let end_zone = end_zone.or_else(|| Place::named(calendar.end_zone_id.as_deref()?)).map(Arc::new);
    let end_zone = end_zone.unwrap_or_else(|| zone.clone());
    let end = calendar.end.map_or(start, |end| instant(&end, &end_zone)).max(start);
    if calendar.is_all_day != Some(true) {
        return Times::Span { start, end, zone: zone.clone(), end_zone };
    }
    let first = nearest_day(start, &zone.zone);
    let after = nearest_day(end, &end_zone.zone).max(first.tomorrow().unwrap_or(first));
    Times::Days { start: first, end: after }
}

/// A moment without an offset is of the item's zone.
fn instant(moment: &Moment, zone: &Place) -> Timestamp {
    match moment {
        Moment::At(instant) => *instant,
        Moment::Local(local) => zone.zone.to_instant(*local),
    }
}

fn original_start(exception: &Item, master: &Calendar) -> Option<Moment> {
    let calendar = exception.calendar.as_deref();
    let own = calendar.and_then(|calendar| calendar.original_start);
    own.or_else(|| {
        let id = exception.id.as_ref()?;
        master.modified.iter().find(|occurrence| occurrence.id.id == id.id)?.original_start
    })
    .or_else(|| calendar?.recurrence_id)
}

fn body(item: &Item) -> Body {
    let Some(body) = &item.body else { return Body::default() };
    match body.kind {
        BodyKind::Text => Body { text: lines(&body.text), html: None },
        BodyKind::Html => {
            let text = html::text_of(&body.text);
            // Exchange makes HTML of nothing, too.
            let html = (!text.is_empty() || body.text.contains("<img")).then(|| lines(&body.text));
            Body { text, html }
        }
    }
}

/// Line ends as in texts, and none at the end.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end().to_owned()
}

/// Bit 2 of the state: it came as an invitation (MS-OXOCAL 2.2.1.10).
fn is_received(calendar: &Calendar, context: &Context) -> bool {
    if let Some(state) = calendar.state
        && state & 2 != 0
    {
        return true;
    }
    if let Some(mine) = calendar.is_organizer {
        return !mine && calendar.is_meeting == Some(true);
    }
    match calendar.my_response {
        Some(ResponseKind::Organizer) => false,
        _ => {
            let organizer = calendar.organizer.as_ref().and_then(person);
            let me = |(address, _): &(String, Option<String>)| context.me.contains(address);
            calendar.is_meeting == Some(true) && organizer.is_some_and(|organizer| !me(&organizer))
        }
    }
}

fn guests(calendar: &Calendar, received: bool, context: &Context) -> std::collections::BTreeMap<String, Guest> {
    let lists = [
        (Role::Required, &calendar.required),
        (Role::Optional, &calendar.optional),
        (Role::Resource, &calendar.resources),
    ];
    let mut guests = std::collections::BTreeMap::new();
    let organizer = calendar.organizer.as_ref().and_then(person).map(|(address, _)| address);
    for (role, attendees) in lists {
        for attendee in attendees {
            let Some((address, name)) = person(&attendee.mailbox) else { continue };
            // Exchange Online lists the organizer too.
            if Some(&address) == organizer.as_ref() || attendee.response == Some(ResponseKind::Organizer) {
                continue;
            }
            let answer = reply(attendee.response);
            guests.insert(address, Guest { name, role, answer, served: true });
        }
    }
    if received {
        let mine = guests.iter_mut().find(|(address, _)| context.me.contains(*address));
        match (mine, context.me.first()) {
            (Some((_, guest)), _) if calendar.my_response.is_some() => guest.answer = reply(calendar.my_response),
            (Some(_), _) | (None, None) => {}
            // Invited as one of a list: the answer needs a place.
            (None, Some(me)) => {
                let answer = reply(calendar.my_response);
                let guest = Guest { name: context.my_name.clone(), role: Role::Required, answer, served: true };
                guests.insert(me.clone(), guest);
            }
        }
    }
    guests
}

fn reply(response: Option<ResponseKind>) -> Reply {
    match response {
        Some(ResponseKind::Accept) => Reply::Yes,
        Some(ResponseKind::Tentative) => Reply::Perhaps,
        Some(ResponseKind::Decline) => Reply::No,
        _ => Reply::Nothing,
    }
}

/// Address and name. An X.500 name is no address a client could write to; it is still who it is.
fn person(mailbox: &ews::Address) -> Option<(String, Option<String>)> {
    let address = mailbox.address.as_deref().map(str::trim).filter(|address| !address.is_empty())?;
    let name = mailbox.name.as_deref().filter(|name| !name.is_empty() && *name != address).map(str::to_owned);
    Some((address.to_lowercase(), name))
}

/// Files a user attached; pictures inside an HTML body are part of that.
fn files(item: &Item, native: &Native) -> Vec<FileKey> {
    let shown = item.attachments.iter().filter(|info| is_file(info));
    let keys = shown.map(|info| {
        let file = native.files.iter().find(|file| file.info.id.is_some() && file.info.id == info.id);
        let content = file.and_then(|file| file.content.as_ref());
        FileKey {
            name: info.name.clone().unwrap_or_default(),
            hash: content.map(|bytes| half(bytes)),
            size: info.size.unwrap_or(0),
        }
    });
    let mut keys: Vec<_> = keys.collect();
    keys.sort_by(|one, other| (&one.name, one.size).cmp(&(&other.name, other.size)));
    keys
}

/// Whether an attachment is one that ATTACH tells of.
pub(super) fn is_file(info: &ews::AttachmentInfo) -> bool {
    !info.is_item && info.location.is_none() && info.is_inline != Some(true)
}

/// Whether an event is shown as called off, as Outlook shows it: by a word before the subject, and no time taken. An
/// occurrence is deleted instead.
pub(super) fn is_called_off(subject: &str, free_busy: FreeBusy) -> bool {
    free_busy == FreeBusy::Free
        && [CALLED_OFF, "Cancelled: ", "Abgesagt: "].iter().any(|word| subject.starts_with(word))
}

/// What Exchange puts before the subject of a meeting that was called off.
pub(super) const CALLED_OFF: &str = "Canceled: ";

/// Minutes; what Exchange itself means when it says no number.
const DEFAULT_REMINDER: i32 = 15;
