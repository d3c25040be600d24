//! VJOURNAL (RFC 5545 section 3.6.3) and sticky notes: a subject and a text. A note has no time; DTSTART is kept.

use ews::op::update_item::FieldChange;
use ews::{Body, BodyKind, Field, Item, ItemKind, ItemShape};
use mailbox::objects::{ObjectError, ObjectKind, ObjectResult, Precondition, Span};
use pim::text::join_list;
use pim::{Component, Property};

use super::kept::Kept;
use super::native::{Context, Native, Rendered};
use super::plan::{Invitations, Plan};
use super::slots::{Fields, Said, block, changed, class, class_of, digest, joined, line, parted, sensitivity};

/// What a note can hold at Exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Summary,
    Description,
    /// One a line.
    Categories,
    /// A word of CLASS.
    Class,
}

/// What to ask for.
pub(crate) fn shape() -> ItemShape {
    let fields = [Field::SUBJECT, Field::SENSITIVITY, Field::CATEGORIES, Field::BODY, Field::CREATED];
    let mut shape = ItemShape::of(fields.map(Into::into));
    shape.body = Some(BodyKind::Text);
    shape
}

/// The text of a note.
pub(crate) fn render(native: &Native, context: &Context) -> Rendered {
    let fields = fields(&native.item);
    let digest = digest(&fields);
    let kept = Kept::of(&native.item).and_then(|kept| Some((kept.digest, calendar(&kept.text)?, kept.text)));
    let (calendar, verbatim) = match kept {
        Some((Some(known), calendar, text)) if known == digest => {
            let same = context.uid.is_empty()
                || journal(&calendar).and_then(|it| it.text("UID")).as_ref() == Some(&context.uid);
            (with_uid(calendar, &context.uid), same.then_some(text))
        }
        Some((_, kept, _)) => (with_uid(mended(kept, &fields), &context.uid), None),
        None => (made(&fields, native, context), None),
    };
    let span = pim::ical::span(&calendar).map(|(start, end)| Span { start, end });
    let text = verbatim.unwrap_or_else(|| calendar.write());
    Rendered { text, kind: ObjectKind::Journal, span, digest, schedule: None }
}

/// What must be done so that a note is what a text says.
///
/// # Errors
/// `Unrepresentable` for journals that repeat, `ValidObject` for what is no journal.
pub(crate) fn plan(text: &str, calendar: &Component, current: Option<&Native>) -> ObjectResult<Plan> {
    let mut journals = calendar.components("VJOURNAL");
    let journal = journals.next().ok_or_else(|| {
        ObjectError::precondition(
            Precondition::ValidObject,
            "a folder of notes holds VJOURNAL, and there is none in it",
        )
    })?;
    if journals.next().is_some() || ["RRULE", "RDATE", "RECURRENCE-ID"].iter().any(|name| journal.has(name)) {
        let sentence = "Exchange has no notes that repeat";
        return Err(ObjectError::precondition(Precondition::Unrepresentable, sentence));
    }
    Ok(Plan {
        kind: ObjectKind::Journal,
        uid: journal.text("UID").unwrap_or_default(),
        item: ItemKind::Message,
        class: Some("IPM.StickyNote"),
        changes: changes(current.map(|current| fields(&current.item)).as_ref(), &read(journal).fields),
        occurrences: Vec::new(),
        attach: Vec::new(),
        detach: Vec::new(),
        invitations: Invitations::Nobody,
        answer: None,
        keep: Some(text.to_owned()),
    })
}

/// What an item says.
fn fields(item: &Item) -> Fields<Slot> {
    let mut fields = Fields::from([
        (Slot::Summary, line(item.subject.as_deref().unwrap_or_default())),
        (Slot::Description, block(item.body.as_ref().map_or("", |body| &body.text))),
        (Slot::Categories, joined(item.categories.iter().cloned())),
        (Slot::Class, class_of(item.sensitivity)),
    ]);
    fields.retain(|_, value| !value.is_empty());
    fields
}

/// What a VJOURNAL says that has a place in Exchange.
fn read(journal: &Component) -> Said<Slot> {
    let mut said = Said::of(journal.properties.len());
    for (index, property) in journal.properties.iter().enumerate() {
        match property.name.to_ascii_uppercase().as_str() {
            "SUMMARY" => drop(said.say(index, Slot::Summary, line(&property.text()))),
            "DESCRIPTION" => drop(said.say(index, Slot::Description, block(&property.text()))),
            "CATEGORIES" => said.say_categories(index, Slot::Categories, &property.value),
            "CLASS" => drop(said.say(index, Slot::Class, class(&property.value))),
            _ => {}
        }
    }
    said
}

fn changes(before: Option<&Fields<Slot>>, after: &Fields<Slot>) -> Vec<FieldChange> {
    let nothing = Fields::new();
    let change = |(slot, value): (&Slot, Option<&str>)| {
        use ews::Property;
        let text = value.unwrap_or_default();
        FieldChange::Set(match slot {
            Slot::Summary => Property::Subject(text.to_owned()),
            Slot::Description => Property::Body(Body { kind: BodyKind::Text, text: text.to_owned() }),
            Slot::Categories => Property::Categories(parted(text)),
            Slot::Class => Property::Sensitivity(sensitivity(text)),
        })
    };
    changed(before.unwrap_or(&nothing), after).map(change).collect()
}

fn calendar(text: &str) -> Option<Component> {
    pim::parse(text).ok()?.into_iter().find(|calendar| journal(calendar).is_some())
}

fn journal(calendar: &Component) -> Option<&Component> {
    calendar.component("VJOURNAL")
}

fn with_uid(mut calendar: Component, uid: &str) -> Component {
    let journal = calendar.components.iter_mut().find(|component| component.is("VJOURNAL"));
    if let Some(journal) = journal.filter(|it| !uid.is_empty() && it.text("UID").as_deref() != Some(uid)) {
        journal.set(Property::of_text("UID", uid));
    }
    calendar
}

fn made(fields: &Fields<Slot>, native: &Native, context: &Context) -> Component {
    let created = native.item.created.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let stamp = pim::ical::DateOrTime::of_timestamp(created).to_string();
    let mut journal = Component::new("VJOURNAL")
        .with(Property::of_text("UID", &context.uid))
        .with(Property::new("DTSTAMP", stamp.clone()))
        .with(Property::new("CREATED", stamp));
    journal.properties.extend(drawn(fields));
    Component::new("VCALENDAR")
        .with(Property::new("VERSION", "2.0"))
        .with(Property::new("PRODID", "-//Exgate//Exgate//EN"))
        .with_component(journal)
}

/// A kept text after Exchange was changed by others.
fn mended(mut calendar: Component, fields: &Fields<Slot>) -> Component {
    if let Some(journal) = calendar.components.iter_mut().find(|component| component.is("VJOURNAL")) {
        let (mut properties, rest) = read(journal).mended(&journal.properties, fields);
        properties.extend(drawn(&rest));
        journal.properties = properties;
    }
    calendar
}

fn drawn(fields: &Fields<Slot>) -> Vec<Property> {
    let property = |(slot, value): (&Slot, &String)| match slot {
        Slot::Summary => Property::of_text("SUMMARY", value),
        Slot::Description => Property::of_text("DESCRIPTION", value),
        Slot::Categories => Property::new("CATEGORIES", join_list(parted(value))),
        Slot::Class => Property::new("CLASS", value),
    };
    fields.iter().map(property).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::kept;
    use crate::convert::pretend::stored;

    fn context() -> Context {
        Context { uid: "note@tests".into(), ..Context::default() }
    }

    const NOTE: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\nBEGIN:VJOURNAL\r\nUID:note@tests\r\n\
        DTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260101\r\nSUMMARY:Milk\r\nDESCRIPTION:Milk\\nBread\r\n\
        CATEGORIES:a,b\r\nX-K:y\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\n";

    fn put(text: &str, current: Option<&Native>) -> Native {
        let plan = plan(text, &calendar(text).unwrap(), current).unwrap();
        assert_eq!(plan.class, Some("IPM.StickyNote"));
        let item = stored(current.map(|current| &current.item), ItemKind::Message, &plan.changes);
        let mut native = Native { item, ..Native::default() };
        let kept = Kept { digest: Some(render(&native, &context()).digest), text: plan.keep.unwrap() };
        native.item.extended = native.item.extended.with(kept::OBJECT.clone(), kept.value());
        native
    }

    #[test]
    fn a_journal_is_a_note_and_comes_back_to_the_byte() {
        let mut native = put(NOTE, None);
        assert_eq!(native.item.subject.as_deref(), Some("Milk"));
        assert_eq!(native.item.body.as_ref().unwrap().text, "Milk\r\nBread\r\n");
        assert_eq!(render(&native, &context()).text, NOTE);
        assert!(plan(NOTE, &calendar(NOTE).unwrap(), Some(&native)).unwrap().changes.is_empty());
        native.item.body.as_mut().unwrap().text = "Milk\r\nEggs\r\n".into();
        let text = render(&native, &context()).text;
        let expected = NOTE.replace("DESCRIPTION:Milk\\nBread\r\n", "");
        assert_eq!(text, expected.replace("X-K:y\r\n", "X-K:y\r\nDESCRIPTION:Milk\\nEggs\r\n"));
        let native = put(&NOTE.replace("DESCRIPTION:Milk\\nBread\r\n", ""), Some(&native));
        assert_eq!(native.item.body.as_ref().unwrap().text.trim(), "");
    }

    #[test]
    fn a_note_of_outlook_is_shown() {
        let mut item = stored(None, ItemKind::Message, &[]);
        item.subject = Some("Call Otto".into());
        let text = render(&Native { item, ..Native::default() }, &context()).text;
        assert!(text.contains("BEGIN:VJOURNAL\r\nUID:note@tests\r\nDTSTAMP:20260102T030405Z\r\n"), "{text}");
        assert!(text.contains("SUMMARY:Call Otto\r\nEND:VJOURNAL\r\n"), "{text}");
    }

    #[test]
    fn journals_that_repeat_are_refused() {
        let text = NOTE.replace("SUMMARY", "RRULE:FREQ=DAILY\r\nSUMMARY");
        let error = plan(&text, &calendar(&text).unwrap(), None).unwrap_err();
        assert!(matches!(error, ObjectError::Precondition(Precondition::Unrepresentable, _)));
    }
}
