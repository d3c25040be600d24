//! Texts into what Exchange is asked to do: as little as makes the item say what the text says.

use std::collections::BTreeMap;
use std::sync::Arc;

use ews::op::update_item::FieldChange;
use ews::{Field, Importance, ItemKind, Sensitivity};
use jiff::civil::Date;
use mailbox::objects::{ObjectError, ObjectKind, ObjectResult, Precondition};
use pim::Component;

use super::aspect::{Aspect, What, body_changed};
use super::native::{calendar_of, exception_id, home, zone_of};
use super::text::{Meetings, Reading, person};
use super::value::{Event, Fields, Reply, Times};
use super::{files, people, render};
use crate::convert::native::{Context, Native};
use crate::convert::plan::{Answer, Fate, Invitations, Occurrence, OccurrenceChange, Plan, Response};
use crate::convert::series::{End, Series};
use crate::convert::zone::Place;

/// What makes an event of a text, or makes the item that is there say what the text says.
///
/// # Errors
/// `ValidObject` for what iCalendar does not allow, `Unrepresentable` for what Exchange cannot hold; `AttendeeChange`
/// and `OrganizerChange` (RFC 6638 sections 3.2.2.1, 3.2.4); `MaxResourceSize`, `MinDate`, `MaxDate`.
pub(crate) fn plan(text: &str, current: Option<&Native>, context: &Context) -> ObjectResult<Plan> {
    let calendar = render::calendar(text)
        .ok_or_else(|| ObjectError::precondition(Precondition::ValidData, "the text is no iCalendar object"))?;
    let received = current.is_some_and(|native| Event::of_native(native, context).received);
    let meetings = if received { Meetings::Received } else { Meetings::Own };
    let after = Reading::of(&calendar, meetings, context)?;
    possible(&after)?;
    let mut plan = Plan {
        kind: ObjectKind::Event,
        uid: after.master.text("UID").unwrap_or_default(),
        item: ItemKind::CalendarItem,
        class: None,
        changes: Vec::new(),
        occurrences: Vec::new(),
        attach: Vec::new(),
        detach: Vec::new(),
        invitations: Invitations::Nobody,
        answer: None,
        keep: None,
    };
    match current {
        None => create(&after, context, &mut plan),
        Some(native) => update(&after, native, meetings, context, &mut plan)?,
    }
    plan.keep = Some(kept(text, &calendar, &after, plan.invitations)?);
    Ok(plan)
}

fn create(after: &Reading<'_>, context: &Context, plan: &mut Plan) {
    let home = home(context);
    let event = &after.event;
    if !plan.uid.is_empty() {
        plan.changes.push(FieldChange::Set(ews::Property::Uid(plan.uid.clone())));
    }
    for aspect in Aspect::ALL.into_iter().filter(|aspect| !is_default(*aspect, &event.fields)) {
        plan.changes.extend(aspect.changes(&event.fields, None, What::Whole(&home)));
    }
    if let Some(series) = &event.series {
        plan.changes.push(FieldChange::Set(ews::Property::Recurrence(series.to_native())));
    }
    plan.attach = files::added(after.master, &[]);
    if people::any_served(&event.fields) {
        plan.invitations = Invitations::All;
    }
    let differences = Differences { after, before: None, native: None, home: &home, context };
    plan.occurrences = differences.occurrences();
}

fn update(
    after: &Reading<'_>,
    native: &Native,
    meetings: Meetings,
    context: &Context,
    plan: &mut Plan,
) -> ObjectResult<()> {
    let served = render::render(native, context).text;
    let calendar = render::calendar(&served).unwrap_or_default();
    let reading = Reading::of(&calendar, meetings, context);
    let (before, master) = match &reading {
        Ok(reading) => (reading.event.clone(), reading.master),
        // What was served cannot be understood, so all there is to compare with is the item.
        Err(_) => (Event::of_native(native, context), &calendar),
    };
    same_organizer(after, &before)?;
    if meetings == Meetings::Received {
        only_ones_own(&before, &after.event, context)?;
        plan.answer = answer(after, &before, master, native, context);
    }
    let zone = zone_of(&calendar_of(&native.item), context);
    let home = if calendar_of(&native.item).is_all_day == Some(true) { zone } else { Arc::new(home(context)) };
    let differences = Differences { after, before: Some(&before), native: Some(native), home: &home, context };
    plan.changes = differences.master();
    plan.occurrences = differences.occurrences();
    let had = &before.fields.files;
    plan.attach = files::added(after.master, had);
    plan.detach = files::removed(had, &after.event.fields.files, native);
    if meetings == Meetings::Own {
        plan.invitations = differences.invitations(&plan.occurrences);
    }
    Ok(())
}

/// What a new item has without being told.
fn is_default(aspect: Aspect, fields: &Fields) -> bool {
    match aspect {
        Aspect::Times | Aspect::Subject | Aspect::Availability | Aspect::Reminder => false,
        Aspect::Body => fields.body.text.is_empty() && fields.body.html.is_none(),
        Aspect::Location => fields.location.is_empty(),
        Aspect::Categories => fields.categories.is_empty(),
        Aspect::Importance => fields.importance == Importance::Normal,
        Aspect::Sensitivity => fields.sensitivity == Sensitivity::Normal,
        Aspect::People => fields.guests.is_empty(),
        Aspect::Files | Aspect::Online => true,
    }
}

/// Whether a client changed it.
fn changed(aspect: Aspect, before: &Fields, after: &Fields) -> bool {
    match aspect {
        Aspect::Body => body_changed(&before.body, &after.body),
        Aspect::People => !people::same(before, after, people::Compared::Invited),
        Aspect::Availability => before.free_busy != after.free_busy,
        Aspect::Files | Aspect::Online => false,
        other => !other.same(before, after),
    }
}

/// What became different between what was served and what is put.
struct Differences<'a> {
    after: &'a Reading<'a>,
    before: Option<&'a Event>,
    native: Option<&'a Native>,
    home: &'a Place,
    context: &'a Context,
}

impl Differences<'_> {
    fn master(&self) -> Vec<FieldChange> {
        let (Some(before), after) = (self.before, &self.after.event) else { return Vec::new() };
        let aspects = Aspect::ALL.into_iter().filter(|aspect| changed(*aspect, &before.fields, &after.fields));
        let what = What::Whole(self.home);
        let mut changes: Vec<_> =
            aspects.flat_map(|aspect| aspect.changes(&after.fields, Some(&before.fields), what)).collect();
        match (&before.series, &after.series) {
            (Some(_), None) => changes.push(FieldChange::Delete(Field::RECURRENCE.into())),
            (had, Some(series)) if self.is_reset() => {
                if had.as_ref() == Some(series) {
                    // The same again would be no change; another one first makes it one.
                    let end = if series.end == End::After(1) { End::After(2) } else { End::After(1) };
                    let other = Series { end, ..series.clone() };
                    changes.push(FieldChange::Set(ews::Property::Recurrence(other.to_native())));
                }
                changes.push(FieldChange::Set(ews::Property::Recurrence(series.to_native())));
            }
            _ => {}
        }
        changes
    }

    /// Whether the series is set anew, by which Exchange forgets its exceptions. It has no other way to bring a deleted
    /// occurrence back.
    fn is_reset(&self) -> bool {
        let (Some(before), after) = (self.before, &self.after.event) else { return true };
        let restored = before.deleted.difference(&after.deleted).next().is_some();
        let moved = before.fields.times != after.fields.times;
        let has_exceptions = !before.deleted.is_empty() || !before.exceptions.is_empty();
        before.series != after.series || restored || moved && has_exceptions
    }

    fn occurrences(&self) -> Vec<OccurrenceChange> {
        let after = &self.after.event;
        if after.series.is_none() {
            return Vec::new();
        }
        let before = self.before.filter(|_| !self.is_reset());
        let mut changes = Vec::new();
        for date in &after.deleted {
            if before.is_some_and(|before| before.deleted.contains(date)) {
                continue;
            }
            changes.extend(self.which(*date).map(|which| OccurrenceChange { which, fate: Fate::Deleted }));
        }
        for (date, fields) in &after.exceptions {
            let had = before.and_then(|before| before.exceptions.get(date));
            let base = had.cloned().unwrap_or_else(|| after.occurrence(*date));
            // Whether an exception follows its series in what it did not differ in is for Exchange to say; so what
            // changed in the series is told of the exception too.
            let told = |aspect: &Aspect| {
                let master = had.is_some()
                    && before.is_some_and(|before| changed(*aspect, &before.fields, &after.fields))
                    && *aspect != Aspect::Times;
                changed(*aspect, &base, fields) || master
            };
            let aspects = Aspect::ALL.into_iter().filter(told);
            changes.extend(self.one(*date, aspects.collect(), fields, &base));
        }
        // What is no exception any more is made like its series; Exchange cannot make it one of it again.
        for (date, had) in before.iter().flat_map(|before| &before.exceptions) {
            if after.exceptions.contains_key(date) || after.deleted.contains(date) {
                continue;
            }
            let usual = after.occurrence(*date);
            let aspects = Aspect::ALL.into_iter().filter(|aspect| changed(*aspect, had, &usual));
            changes.extend(self.one(*date, aspects.collect(), &usual, had));
        }
        changes
    }

    fn one(&self, date: Date, aspects: Vec<Aspect>, fields: &Fields, base: &Fields) -> Option<OccurrenceChange> {
        // A day instead of times is from midnight to midnight where the series is.
        let what = What::Occurrence(self.after.event.fields.times.place().map_or(self.home, |place| &**place));
        let changes: Vec<_> = aspects.into_iter().flat_map(|aspect| aspect.changes(fields, Some(base), what)).collect();
        let attach = match self.after.overrides.get(&date) {
            Some(component) => {
                let mut had = base.files.clone();
                had.extend(self.after.event.fields.files.iter().cloned());
                files::added(component, &had)
            }
            None => Vec::new(),
        };
        if changes.is_empty() && attach.is_empty() {
            return None;
        }
        let fate = Fate::Changed { changes, attach, detach: Vec::new() };
        Some(OccurrenceChange { which: self.which(date)?, fate })
    }

    /// How Exchange knows the occurrence of a day.
    fn which(&self, date: Date) -> Option<Occurrence> {
        let known = self.native.filter(|_| !self.is_reset());
        let id = known.and_then(|native| exception_id(native, date, self.context)).map(Occurrence::Item);
        id.or_else(|| self.after.event.series.as_ref()?.index(date).map(Occurrence::Index))
    }

    /// Who is told (RFC 6638 section 3.2.1.1): all of what concerns all, those who came and went of nothing else.
    fn invitations(&self, occurrences: &[OccurrenceChange]) -> Invitations {
        let (Some(before), after) = (self.before, &self.after.event) else { return Invitations::Nobody };
        let all =
            |event: &Event| people::any_served(&event.fields) || event.exceptions.values().any(people::any_served);
        if !all(before) && !all(after) {
            return Invitations::Nobody;
        }
        let forced = self.after.master.properties("ATTENDEE").any(|attendee| attendee.has_parameter(FORCE, "REQUEST"));
        let concerns = SHARED.iter().any(|aspect| changed(*aspect, &before.fields, &after.fields));
        let series = before.series != after.series || before.deleted != after.deleted || matters(occurrences);
        if forced || concerns || series {
            Invitations::All
        } else if changed(Aspect::People, &before.fields, &after.fields) {
            Invitations::Changed
        } else {
            Invitations::Nobody
        }
    }
}

/// Whether a change of occurrences concerns others than oneself.
fn matters(occurrences: &[OccurrenceChange]) -> bool {
    use ews::Property;
    let own = |change: &FieldChange| {
        matches!(
            change,
            FieldChange::Set(
                Property::ReminderIsSet(_)
                    | Property::ReminderMinutes(_)
                    | Property::Categories(_)
                    | Property::FreeBusy(_)
                    | Property::Importance(_)
                    | Property::Sensitivity(_)
            )
        )
    };
    occurrences.iter().any(|occurrence| match &occurrence.fate {
        Fate::Deleted => true,
        Fate::Changed { changes, .. } => !changes.iter().all(own),
    })
}

/// What Exchange would refuse, or do otherwise.
fn possible(after: &Reading<'_>) -> ObjectResult<()> {
    let event = &after.event;
    let year = event.fields.times.local_start().year();
    if year < FIRST_YEAR {
        return Err(ObjectError::precondition(Precondition::MinDate, "Exchange has no dates before 1601"));
    }
    if year > LAST_YEAR {
        return Err(ObjectError::precondition(Precondition::MaxDate, "Exchange has no dates after 4500"));
    }
    let refused = |sentence: String| Err(ObjectError::precondition(Precondition::Unrepresentable, sentence));
    if after.master.has("RDATE") && people::any_served(&event.fields) {
        return refused("Exchange cannot invite to dates beside the rule (RDATE); a meeting of its own can".to_owned());
    }
    let Some(series) = &event.series else { return Ok(()) };
    if series.end != End::Never && series.dates().all(|date| event.deleted.contains(&date)) {
        return refused("no occurrence of the series is left".to_owned());
    }
    let Some(last) = event.exceptions.keys().next_back() else { return Ok(()) };
    let mut previous: Option<(Date, bool)> = None;
    let mut past = false;
    for date in series.dates().filter(|date| !event.deleted.contains(date)) {
        let exception = event.exceptions.get(&date);
        let day = exception.map_or(date, |fields| start_day(fields, &event.fields));
        let moved = exception.is_some();
        if let Some((other, other_moved)) = previous
            && day <= other
            && (moved || other_moved)
        {
            return refused(format!("Exchange cannot move an occurrence to or past the day of another one: {day}"));
        }
        // One more after the last exception has to be looked at.
        if past {
            break;
        }
        past = date >= *last;
        previous = Some((day, moved));
    }
    Ok(())
}

/// The day on which an exception starts, where its series is.
fn start_day(fields: &Fields, master: &Fields) -> Date {
    match (&fields.times, master.times.place()) {
        (Times::Span { start, .. }, Some(place)) => place.zone.to_local(*start).date(),
        (times, _) => times.local_start().date(),
    }
}

/// The organizer of a meeting stays who it is (RFC 6638 section 3.2.4.2).
fn same_organizer(after: &Reading<'_>, before: &Event) -> ObjectResult<()> {
    let Some(organizer) = &before.fields.organizer else { return Ok(()) };
    match after.master.property("ORGANIZER").and_then(person) {
        Some(other) if other.address != organizer.address => Err(ObjectError::precondition(
            Precondition::OrganizerChange,
            format!("the organizer is {}, and cannot become {}", organizer.address, other.address),
        )),
        _ => Ok(()),
    }
}

/// An attendee changes nothing that is the organizer's (RFC 6638 section 3.2.2.1).
fn only_ones_own(before: &Event, after: &Event, context: &Context) -> ObjectResult<()> {
    let check = |had: &Fields, now: &Fields| {
        let foreign = |aspect: &&(Aspect, &str)| {
            changed(aspect.0, had, now) || aspect.0 == Aspect::People && others_answered(had, now, context)
        };
        match ORGANIZERS.iter().find(foreign) {
            Some((_, name)) => Err(ObjectError::precondition(
                Precondition::AttendeeChange,
                format!("only the organizer of a meeting can change {name}"),
            )),
            None => Ok(()),
        }
    };
    check(&before.fields, &after.fields)?;
    if before.series != after.series || before.deleted.difference(&after.deleted).next().is_some() {
        return Err(ObjectError::precondition(
            Precondition::AttendeeChange,
            "only the organizer of a meeting can change when it repeats",
        ));
    }
    for (date, fields) in &after.exceptions {
        let had = before.exceptions.get(date).cloned().unwrap_or_else(|| before.occurrence(*date));
        check(&had, fields)?;
    }
    Ok(())
}

/// Whether somebody's answer became another who is not the user.
fn others_answered(before: &Fields, after: &Fields, context: &Context) -> bool {
    let answers = |fields: &Fields| -> BTreeMap<String, Reply> {
        let others = fields.guests.iter().filter(|(address, _)| !context.me.contains(*address));
        others.map(|(address, guest)| (address.clone(), guest.answer)).collect()
    };
    answers(before) != answers(after)
}

/// The user's own answer, if it became another.
fn answer(
    after: &Reading<'_>,
    before: &Event,
    served: &Component,
    native: &Native,
    context: &Context,
) -> Option<Answer> {
    let mine = |fields: &Fields| {
        let guest = fields.guests.iter().find(|(address, _)| context.me.contains(*address));
        guest.map_or(Reply::Nothing, |(_, guest)| guest.answer)
    };
    let response = |reply: Reply| match reply {
        Reply::Nothing => None,
        Reply::Yes => Some(Response::Accept),
        Reply::Perhaps => Some(Response::Tentative),
        Reply::No => Some(Response::Decline),
    };
    let event = &after.event;
    let organizer = after.master.property("ORGANIZER");
    let agent = organizer.and_then(|organizer| organizer.parameter("SCHEDULE-AGENT"));
    let tell = agent.is_none_or(|agent| agent.eq_ignore_ascii_case("SERVER"));
    let forced = organizer.is_some_and(|organizer| organizer.has_parameter(FORCE, "REPLY"));
    let comment = |component: &Component| {
        let comment = component.text("COMMENT").filter(|comment| !comment.trim().is_empty());
        comment.filter(|comment| served.text("COMMENT").as_ref() != Some(comment))
    };
    let now = mine(&event.fields);
    if now != mine(&before.fields) || forced {
        let response = response(now)?;
        return Some(Answer { response, occurrence: None, comment: comment(after.master), tell });
    }
    event.exceptions.iter().find_map(|(date, fields)| {
        let had = before.exceptions.get(date).map_or_else(|| mine(&before.fields), mine);
        let now = mine(fields);
        let response = response(now).filter(|_| now != had)?;
        let known = exception_id(native, *date, context).map(Occurrence::Item);
        let index = || event.series.as_ref()?.index(*date).map(Occurrence::Index);
        let comment = after.overrides.get(date).and_then(|component| comment(component));
        Some(Answer { response, occurrence: Some(known.or_else(index)?), comment, tell })
    })
}

/// The text to keep: as it is, but for the bytes of its files, which the item has, and for what the server has to say of
/// its sending (RFC 6638 sections 3.2.9, 7.2).
fn kept(text: &str, calendar: &Component, after: &Reading<'_>, invitations: Invitations) -> ObjectResult<String> {
    let mut kept = calendar.clone();
    let mut other = files::without_files(&mut kept);
    for event in kept.components.iter_mut().filter(|component| component.is("VEVENT")) {
        for property in &mut event.properties {
            let attendee = property.is("ATTENDEE");
            if attendee || property.is("ORGANIZER") {
                other |= property.remove_parameter(FORCE);
            }
            let guest = person(property).and_then(|person| after.event.fields.guests.get(&person.address));
            if attendee && invitations == Invitations::All && guest.is_some_and(|guest| guest.served) {
                let said = property.parameter("SCHEDULE-STATUS").is_some();
                if !said {
                    property.set_parameter("SCHEDULE-STATUS", SENT);
                    other = true;
                }
            }
        }
    }
    let kept = if other { kept.write() } else { text.to_owned() };
    if kept.len() > MOST_KEPT {
        return Err(ObjectError::precondition(
            Precondition::MaxResourceSize,
            format!("without its files the event is {} bytes long; {MOST_KEPT} are kept", kept.len()),
        ));
    }
    Ok(kept)
}

/// What of a meeting is the organizer's, and what it is called.
const ORGANIZERS: [(Aspect, &str); 5] = [
    (Aspect::Times, "when it is"),
    (Aspect::Subject, "its title (SUMMARY)"),
    (Aspect::Location, "where it is (LOCATION)"),
    (Aspect::Body, "its description"),
    (Aspect::People, "who takes part"),
];

/// What everybody invited sees.
const SHARED: [Aspect; 4] = [Aspect::Times, Aspect::Subject, Aspect::Location, Aspect::Body];

const FORCE: &str = "SCHEDULE-FORCE-SEND";

/// RFC 5546 section 3.6: on its way.
const SENT: &str = "1.1";

/// Bytes of a text beside its files. Exchange would take more; nobody writes more.
const MOST_KEPT: usize = 1 << 20;

/// MS-OXOCAL counts minutes from 1601 on, and 4500 stands for ever.
const FIRST_YEAR: i16 = 1601;
const LAST_YEAR: i16 = 4499;
