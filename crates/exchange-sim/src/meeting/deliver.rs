//! A meeting message on its way: made, copied to Sent Items, put into inboxes, and taken up by the calendars there.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::answer_for_itself;
use crate::{
    calendar::{
        change::keep_exception,
        event::{Event, Message, Role},
        ical,
    },
    compose::{Edits, addresses, attached, date, words},
    exchange::Organisation,
    mime::parse::{Attachment, Person, parse},
    store::{EventKind, Item, Kind, Mailbox, Subject},
    submission, time,
};

/// A meeting message to be sent.
pub(super) struct Letter<'a> {
    pub(super) kind: Kind,
    /// The calendar item, or the occurrence of one, that it is about.
    pub(super) item: &'a Item,
    pub(super) to: Vec<Person>,
    pub(super) message: Message,
    /// Before the subject.
    pub(super) prefix: &'static str,
    /// In place of the item's: whether it is HTML, and the text.
    pub(super) body: Option<(bool, String)>,
    pub(super) copy: bool,
}

/// Sends a meeting message.
pub(super) fn send_letter(organisation: &mut Organisation, from: usize, letter: Letter<'_>) {
    let now = time::now();
    let sender = &organisation.mailboxes[from];
    let me = Person { name: sender.display_name.clone(), address: sender.address.clone() };
    let sent = sent_item(&letter, &me, now);
    if letter.copy {
        let mailbox = &mut organisation.mailboxes[from];
        if let Some(folder) = mailbox.distinguished("sentitems") {
            let mut copy = sent.clone();
            copy.read = true;
            let _ = arrive(mailbox, folder, copy, false);
        }
    }
    // What one sends to oneself is in one's calendar already.
    for to in submission::mailboxes(organisation, &letter.to).into_iter().filter(|to| *to != from) {
        let mailbox = &mut organisation.mailboxes[to];
        let mut received = sent.clone();
        received.transported = true;
        if let Some(event) = received.event_mut().filter(|_| letter.kind != Kind::MeetingResponse) {
            event.received = true;
        }
        attend(mailbox, &mut received);
        let folder = match copy_to_delegates(organisation, to, &received) {
            true => "deleteditems",
            false => "inbox",
        };
        let mailbox = &mut organisation.mailboxes[to];
        let Some(folder) = mailbox.distinguished(folder) else { continue };
        if let Some(request) = arrive(mailbox, folder, received, true) {
            answer_for_itself(organisation, to, folder, request);
        }
    }
    submission::carry_letter(organisation, from, &sent, &letter.to, letter.copy);
}

/// Gives a copy to each delegate of `owner` who gets them; whether the owner wants none besides
/// (R/delivermeetingrequests).
fn copy_to_delegates(organisation: &mut Organisation, owner: usize, message: &Item) -> bool {
    let mailbox = &organisation.mailboxes[owner];
    if mailbox.deliver == "NoForward" {
        return false;
    }
    let delegates = mailbox.delegates.iter().filter(|delegate| delegate.copies);
    let delegates: Vec<usize> = delegates.filter_map(|delegate| organisation.find(&delegate.address)).collect();
    let mut copy = message.clone();
    if let Some(said) = copy.event_mut().and_then(|event| event.message.as_mut()) {
        said.principal = Some(Person { name: mailbox.display_name.clone(), address: mailbox.address.clone() });
    }
    for &delegate in &delegates {
        let mailbox = &mut organisation.mailboxes[delegate];
        if let Some(inbox) = mailbox.distinguished("inbox") {
            let _ = arrive(mailbox, inbox, copy.clone(), true);
        }
    }
    !delegates.is_empty() && organisation.mailboxes[owner].deliver == "DelegatesOnly"
}

/// Puts a message into a folder and tells subscribers; gives its key there.
fn arrive(mailbox: &mut Mailbox, folder: u64, item: Item, new: bool) -> Option<u64> {
    let key = mailbox.insert(folder, item)?;
    let subject = Subject::Item { folder, item: key };
    mailbox.notify(EventKind::Created, subject, None);
    if new {
        mailbox.notify(EventKind::NewMail, subject, None);
    }
    mailbox.notify_folder(folder);
    Some(key)
}

/// The message as an item: properties of the event, and a source with the calendar object in it.
fn sent_item(letter: &Letter<'_>, from: &Person, now: i64) -> Item {
    let mut event = letter.item.event().cloned();
    if let Some(event) = &mut event {
        event.message = Some(letter.message.clone());
        event.intended = Some(event.intended.clone().unwrap_or_else(|| event.busy.clone()));
        event.cancelled |= letter.kind == Kind::MeetingCancellation;
        event.my_response = if letter.kind == Kind::MeetingRequest { "NoResponseReceived" } else { "Unknown" };
    }
    let mut item = Item::new(letter.kind, None, now);
    item.sent_at = Some(now);
    if let Some(fields) = letter.item.extra.as_ref().map(|extra| extra.fields.clone()) {
        let kept = fields.into_iter().filter(|(name, _)| !name.starts_with("Reminder") && name != "Body");
        item.extra_mut().fields = kept.collect();
    }
    let class = match (letter.kind, letter.message.response) {
        (Kind::MeetingResponse, "Decline") => Some("IPM.Schedule.Meeting.Resp.Neg"),
        (Kind::MeetingResponse, "Tentative") => Some("IPM.Schedule.Meeting.Resp.Tent"),
        _ => None,
    };
    item.extra_mut().class = class.map(str::to_owned);
    item.set_content(source(letter, event.as_ref(), from, now));
    if let Some(event) = event {
        item.set_event(event);
    }
    item
}

fn source(letter: &Letter<'_>, event: Option<&Event>, from: &Person, now: i64) -> Vec<u8> {
    let original = parse(&letter.item.bytes());
    let in_role = |role: Role| -> Vec<Person> {
        let invited = event.map(|event| event.invited(role).map(|one| one.person.clone()).collect::<Vec<_>>());
        invited.unwrap_or_default()
    };
    let (to, cc) = match letter.kind {
        Kind::MeetingRequest => ([in_role(Role::Required), in_role(Role::Resource)].concat(), in_role(Role::Optional)),
        _ => (letter.to.clone(), Vec::new()),
    };
    let to = if to.is_empty() { letter.to.clone() } else { to };
    let domain = from.address.rsplit('@').next().unwrap_or("exchange");
    let mut fields = vec![
        ("Subject", Some(words(&format!("{}{}", letter.prefix, original.subject)))),
        ("From", Some(addresses(std::slice::from_ref(from)))),
        ("To", Some(addresses(&to))),
        ("Date", Some(date(now))),
        ("Message-ID", Some(format!("<{}@{domain}>", uuid::Uuid::new_v4().simple()))),
    ];
    if !cc.is_empty() {
        fields.push(("Cc", Some(addresses(&cc))));
    }
    let body =
        letter.body.clone().or(original.html.map(|html| (true, html))).or(original.text.map(|text| (false, text)));
    let (html, text) = body.unwrap_or((false, String::new()));
    let head = Edits { fields, body: Some((html, text)), attachments: None }.apply(b"", &Default::default());
    let attachments = if letter.kind == Kind::MeetingResponse { Vec::new() } else { original.attachments };
    with_attachments(with_calendar(head, &calendar(letter, from)), &attachments)
}

/// The calendar object of the message.
fn calendar(letter: &Letter<'_>, from: &Person) -> String {
    match letter.kind {
        Kind::MeetingRequest => ical::write("REQUEST", letter.item),
        Kind::MeetingCancellation => ical::write("CANCEL", letter.item),
        _ => {
            // RFC 5546 section 3.2.3: a reply names nobody but the one who replies.
            let mut item = letter.item.clone();
            if let Some(event) = item.event_mut() {
                event.attendees.retain(|attendee| attendee.person.address.eq_ignore_ascii_case(&from.address));
                event.attendees.iter_mut().for_each(|attendee| attendee.response = letter.message.response);
            }
            ical::write("REPLY", &item)
        }
    }
}

/// Puts a calendar part beside the one body part of a message.
fn with_calendar(message: Vec<u8>, calendar: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(&message).into_owned();
    let Some(at) = text.find("Content-Type:") else { return message };
    let (head, part) = text.split_at(at);
    let method = calendar.lines().find_map(|line| line.strip_prefix("METHOD:")).unwrap_or("REQUEST");
    let boundary = format!("_000_{}_", uuid::Uuid::new_v4().simple());
    let lines: Vec<String> = STANDARD
        .encode(calendar)
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!(
        "{head}Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n{part}\r\n--{boundary}\r\n\
         Content-Type: text/calendar; charset=\"utf-8\"; method={method}\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n\
         --{boundary}--\r\n",
        lines.join("\r\n")
    )
    .into_bytes()
}

/// Puts attachments beside what a message holds.
fn with_attachments(message: Vec<u8>, attachments: &[Attachment]) -> Vec<u8> {
    let mark = b"Content-Type:";
    let at = message.windows(mark.len()).position(|window| window == mark).filter(|_| !attachments.is_empty());
    let Some((head, part)) = at.and_then(|at| message.split_at_checked(at)) else { return message };
    let boundary = format!("_000_{}_", uuid::Uuid::new_v4().simple());
    let mut out = head.to_vec();
    out.extend(format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n").into_bytes());
    let parts = std::iter::once(part.to_vec()).chain(attachments.iter().map(attached));
    for part in parts {
        out.extend(format!("--{boundary}\r\n").into_bytes());
        out.extend(part);
        out.extend(b"\r\n");
    }
    out.extend(format!("--{boundary}--\r\n").into_bytes());
    out
}

/// The calendar attendant: takes a message that arrives into the calendar.
pub(super) fn attend(mailbox: &mut Mailbox, message: &mut Item) {
    let Some(folder) = mailbox.distinguished("calendar") else { return };
    let Some(event) = message.event().cloned() else { return };
    let known = find(mailbox, folder, &event.uid);
    let changed = match message.kind {
        Kind::MeetingRequest => requested(mailbox, folder, known, message, &event),
        Kind::MeetingCancellation => cancelled(mailbox, folder, known, &event),
        _ => answered(mailbox, folder, known, message, &event),
    };
    if let Some(key) = changed {
        let kind = if known == Some(key) { EventKind::Modified } else { EventKind::Created };
        mailbox.notify(kind, Subject::Item { folder, item: key }, None);
        mailbox.notify_folder(folder);
    }
}

/// The item with a UID in a calendar.
pub(super) fn find(mailbox: &Mailbox, folder: u64, uid: &str) -> Option<u64> {
    let items = mailbox.folders.get(&folder)?.items.values();
    items
        .filter(|item| item.kind == Kind::CalendarItem)
        .find(|item| item.event().is_some_and(|event| event.uid == uid))
        .map(|item| item.key)
}

/// A request makes or changes a tentative entry.
fn requested(mailbox: &mut Mailbox, folder: u64, known: Option<u64>, message: &mut Item, event: &Event) -> Option<u64> {
    let Some(key) = known else {
        if event.organizer.as_ref().is_some_and(|organizer| organizer.address.eq_ignore_ascii_case(&mailbox.address)) {
            return None;
        }
        return mailbox.insert(folder, entry(message, event, None));
    };
    let there = mailbox.item(folder, key)?.clone();
    let old = there.event()?.clone();
    if !old.received {
        return None;
    }
    if event.sequence < old.sequence && event.instance.is_none() {
        if let Some(said) = message.event_mut().and_then(|event| event.message.as_mut()) {
            (said.out_of_date, said.request) = (true, "Outdated");
        }
        return None;
    }
    match (event.instance, old.series.is_some()) {
        (Some(instance), true) => {
            let mut master = there;
            let mut occurrence = master.occurrence(instance.day).ok()?;
            let before = occurrence.event().cloned();
            let fresh = entry(message, event, before.as_ref());
            occurrence.content = fresh.content;
            occurrence.set_content(message_content(message));
            occurrence.extra_mut().fields = fresh.extra.as_ref().map(|extra| extra.fields.clone()).unwrap_or_default();
            if let Some(event) = fresh.extra.and_then(|extra| extra.event) {
                occurrence.set_event(Event { alone: false, ..*event });
            }
            keep_exception(&mut master, occurrence, &["Start", "End", "Subject", "Location"].map(str::to_owned))
                .ok()?;
            mailbox.alter(folder, key, |item| *item = master)?;
        }
        _ => {
            let fresh = entry(message, event, Some(&old));
            mailbox.alter(folder, key, |item| {
                item.set_content(message_content(message));
                let extra = item.extra_mut();
                let reminders: Vec<_> = extra
                    .fields
                    .iter()
                    .filter(|(name, _)| name.starts_with("Reminder"))
                    .map(|(name, kept)| (name.clone(), kept.clone()))
                    .collect();
                extra.fields = fresh.extra.as_ref().map(|extra| extra.fields.clone()).unwrap_or_default();
                extra.fields.extend(reminders);
                extra.event = fresh.extra.and_then(|extra| extra.event);
            })?;
        }
    }
    Some(key)
}

/// The calendar entry of somebody invited.
fn entry(message: &Item, event: &Event, old: Option<&Event>) -> Item {
    let mut item = Item::new(Kind::CalendarItem, None, message.received_at);
    item.set_content(message_content(message));
    item.read = true;
    if let Some(extra) = &message.extra {
        item.extra_mut().fields = extra.fields.clone();
    }
    item.set_event(received(message, event, old));
    item
}

/// The event as an attendee has it. Who has answered need not do so again for a change that moves nothing.
fn received(message: &Item, event: &Event, old: Option<&Event>) -> Event {
    let informs = message
        .event()
        .and_then(|event| event.message.as_ref())
        .is_some_and(|said| said.request == "InformationalUpdate");
    let answered = old.filter(|old| informs && old.replied_at.is_some());
    let mut received = event.clone();
    received.message = None;
    received.received = true;
    received.sent = true;
    received.alone = event.instance.is_some();
    received.intended = Some(event.intended.clone().unwrap_or_else(|| event.busy.clone()));
    received.my_response = answered.map_or("NoResponseReceived", |old| old.my_response);
    received.replied_at = answered.and_then(|old| old.replied_at);
    received.busy = answered.map_or_else(|| "Tentative".to_owned(), |old| old.busy.clone());
    if let Some(series) = &mut received.series {
        for exception in series.exceptions.values_mut() {
            if let Some(own) = exception.item.event_mut() {
                (own.received, own.sent, own.my_response) = (true, true, "NoResponseReceived");
                own.intended = Some(own.busy.clone());
                own.busy = "Tentative".to_owned();
            }
        }
    }
    received
}

/// Subject and body of a message without what belongs to mail.
fn message_content(message: &Item) -> Vec<u8> {
    let parsed = parse(&message.bytes());
    let body = match (&parsed.html, &parsed.text) {
        (Some(html), _) => Some((true, html.clone())),
        (None, Some(text)) => Some((false, text.clone())),
        (None, None) => None,
    };
    let fields = vec![("Subject", Some(words(&parsed.subject)))];
    let attachments = Some(parsed.attachments.clone()).filter(|attachments| !attachments.is_empty());
    Edits { fields, body, attachments }.apply(b"", &Default::default())
}

/// A cancellation marks the entry; the user removes it.
fn cancelled(mailbox: &mut Mailbox, folder: u64, known: Option<u64>, event: &Event) -> Option<u64> {
    let key = known?;
    let there = mailbox.item(folder, key)?.clone();
    let old = there.event()?.clone();
    if !old.received {
        return None;
    }
    let mark = |item: &mut Item| {
        if let Some(own) = item.event_mut() {
            (own.cancelled, own.sequence) = (true, event.sequence.max(own.sequence));
            own.busy = "Free".to_owned();
        }
        let subject = item.summary().subject.clone();
        if !subject.starts_with("Canceled: ") {
            let bytes = item.bytes();
            let fields = vec![("Subject", Some(words(&format!("Canceled: {subject}"))))];
            item.set_content(Edits { fields, ..Edits::default() }.apply(&bytes, &parse(&bytes)));
        }
    };
    match (event.instance, old.series.is_some()) {
        (Some(instance), true) => {
            let mut master = there;
            let mut occurrence = master.occurrence(instance.day).ok()?;
            mark(&mut occurrence);
            keep_exception(&mut master, occurrence, &["Subject".to_owned()]).ok()?;
            mailbox.alter(folder, key, |item| *item = master)?;
        }
        _ => mailbox.alter(folder, key, mark)?,
    }
    Some(key)
}

/// A response is noted in the organizer's calendar.
fn answered(mailbox: &mut Mailbox, folder: u64, known: Option<u64>, message: &Item, event: &Event) -> Option<u64> {
    let key = known?;
    let said = event.message.as_ref()?.clone();
    let from = message.summary().from.clone()?;
    let at = message.received_at;
    let note = |item: &mut Item| {
        if let Some(attendee) = item.event_mut().and_then(|event| event.attendee(&from.address)) {
            (attendee.response, attendee.replied_at, attendee.proposed) = (said.response, Some(at), said.proposed);
        }
    };
    let there = mailbox.item(folder, key)?.clone();
    let series = there.event()?.series.is_some();
    match event.instance.filter(|_| series) {
        Some(instance) => {
            let mut master = there;
            let mut occurrence = master.occurrence(instance.day).ok()?;
            note(&mut occurrence);
            keep_exception(&mut master, occurrence, &["RequiredAttendees".to_owned()]).ok()?;
            mailbox.alter(folder, key, |item| *item = master)?;
        }
        None => mailbox.alter(folder, key, |item| {
            note(item);
            if let Some(series) = item.event_mut().and_then(|event| event.series.as_mut()) {
                // An answer to the series is one to each of its occurrences.
                for exception in series.exceptions.values_mut() {
                    note(&mut exception.item);
                }
            }
        })?,
    }
    Some(key)
}
