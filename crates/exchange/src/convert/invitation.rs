//! Invitations, answers and cancellations as iTIP (RFC 5546): the event they speak of, with a METHOD.

use ews::{ItemKind, ItemShape, Path, ResponseKind};
use mailbox::objects::ObjectKind;
use pim::{Component, Property};

use super::event;
use super::native::{Context, Native, Rendered};

/// What is asked of a message about a meeting.
pub(crate) fn shape() -> ItemShape {
    let ItemShape { base, body, mut additional } = event::shape();
    let more = [ews::Field::FROM, ews::Field::RESPONSE_TYPE, ews::Field::SENT];
    additional.extend(more.map(Path::from));
    ItemShape { base, body, additional }
}

/// Its text.
pub(crate) fn render(native: &Native, context: &Context) -> Rendered {
    let own = native.item.calendar.as_ref().and_then(|calendar| calendar.uid.clone()).unwrap_or_default();
    // The UID is that of the meeting, however many messages speak of it.
    let rendered = event::render(native, &Context { uid: own, ..context.clone() });
    let calendar = pim::parse(&rendered.text).ok().and_then(|all| all.into_iter().find(|one| one.is("VCALENDAR")));
    let text = calendar.map(|calendar| itip(calendar, native).write()).unwrap_or_default();
    Rendered { text, kind: ObjectKind::Message, schedule: None, ..rendered }
}

fn itip(mut calendar: Component, native: &Native) -> Component {
    let (method, status) = match native.item.kind {
        ItemKind::MeetingResponse => ("REPLY", None),
        ItemKind::MeetingCancellation => ("CANCEL", Some("CANCELLED")),
        _ => ("REQUEST", None),
    };
    calendar.set(Property::new("METHOD", method));
    for event in calendar.components.iter_mut().filter(|component| component.is("VEVENT")) {
        // RFC 5546 section 3.2: alarms are everybody's own.
        event.components.retain(|component| !component.is("VALARM"));
        if let Some(status) = status {
            event.set(Property::new("STATUS", status));
        }
        if method == "REPLY" {
            only_the_answer(event, native);
        }
    }
    calendar
}

/// RFC 5546 section 3.2.3: exactly one ATTENDEE, who answers.
fn only_the_answer(event: &mut Component, native: &Native) {
    let sender = native.item.from.as_ref();
    let answer =
        native.item.meeting.as_ref().and_then(|meeting| meeting.response).or(match native.item.class.as_deref() {
            Some(class) if class.ends_with(".Pos") => Some(ResponseKind::Accept),
            Some(class) if class.ends_with(".Neg") => Some(ResponseKind::Decline),
            Some(class) if class.ends_with(".Tent") => Some(ResponseKind::Tentative),
            _ => None,
        });
    let status = match answer {
        Some(ResponseKind::Accept) => "ACCEPTED",
        Some(ResponseKind::Decline) => "DECLINED",
        Some(ResponseKind::Tentative) => "TENTATIVE",
        _ => "NEEDS-ACTION",
    };
    event.properties.retain(|property| !property.is("ATTENDEE"));
    let address = sender.and_then(|sender| sender.address.as_deref()).unwrap_or_default();
    let attendee = Property::new("ATTENDEE", format!("mailto:{address}")).with("PARTSTAT", status);
    event.push(attendee);
}
