//! Subscribe, Unsubscribe, GetEvents and GetStreamingEvents.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Call, Reply, Trouble, respond};
use crate::{
    Version,
    soap::{Element, Fault, Writer},
    store::{
        Event, EventKind, Mailbox, Subject, Subscription,
        ids::{self, Target},
    },
    time,
};

pub(super) fn subscribe(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let reply = new_subscription(call, request);
    Ok(respond("Subscribe", "", vec![reply]))
}

fn new_subscription(call: &mut Call<'_>, request: &Element) -> Reply {
    let wanted = request.children.iter().find(|child| child.name.ends_with("SubscriptionRequest"));
    let wanted = wanted.ok_or_else(invalid_request)?;
    let streaming = match wanted.name.as_str() {
        "PullSubscriptionRequest" => false,
        "StreamingSubscriptionRequest" if call.version >= Version::Exchange2010Sp1 => true,
        _ => return Err(invalid_request()),
    };
    let all = matches!(wanted.attribute("SubscribeToAllFolders"), Some("true" | "1"));
    let folders = wanted.list("FolderIds");
    if all != folders.is_empty() {
        return Err(invalid_request());
    }
    let mut keys = BTreeSet::new();
    let mut target = None;
    for id in folders {
        let place = call.folder(id)?;
        let readable = call.is_public(place.mailbox) && call.may_read(place).is_ok();
        if !call.owns(place.mailbox) && !readable {
            return Err(Trouble::new(
                "ErrorSubscriptionDelegateAccessNotSupported",
                "Subscriptions are not supported for delegate user access.",
            ));
        }
        // D/handling-notification-related-errors: one mailbox per subscription.
        if *target.get_or_insert(place.mailbox) != place.mailbox {
            return Err(invalid_request());
        }
        keys.insert(place.folder);
    }
    let target = target.unwrap_or(call.me);
    let kinds: BTreeSet<EventKind> = wanted
        .list("EventTypes")
        .iter()
        .filter_map(|kind| EVENTS.iter().find(|(name, _)| *name == kind.text.trim()).map(|(_, kind)| *kind))
        .collect();
    let most = call.organisation.most_subscriptions.unwrap_or(usize::MAX);
    let alive = |subscription: &&Subscription| subscription.asked_at + subscription.patience >= time::now();
    if call.organisation.mailboxes[target].subscriptions.values().filter(alive).count() >= most {
        return Err(Trouble::new(
            "ErrorExceededSubscriptionCount",
            "The mailbox has as many subscriptions as it may have. Remove some and try again.",
        ));
    }
    let (owner, home) = (call.caller.account.clone(), call.organisation.home(call.caller, call.me));
    let mailbox = &mut call.organisation.mailboxes[target];
    let now = mailbox.watermark();
    let watermark = match wanted.child_text("Watermark") {
        None => now,
        Some(given) => read_watermark(mailbox, given).filter(|given| *given <= now).ok_or_else(invalid_watermark)?,
    };
    let id = uuid::Uuid::new_v4();
    let mut name = vec![16, 0];
    name.extend(mailbox.address.as_bytes());
    name.extend(id.as_bytes());
    let id = STANDARD.encode(name);
    let folders = (!all).then_some(keys);
    let minutes = wanted.child_text("Timeout").and_then(|text| text.parse().ok()).unwrap_or(STREAM_PATIENCE);
    let (patience, asked_at) = (60 * minutes, time::now());
    mailbox.subscriptions.insert(
        id.clone(),
        Subscription { folders, kinds, streaming, owner, home, patience, asked_at, queue: VecDeque::new(), watermark },
    );
    let mut w = Writer::new();
    w.text("m:SubscriptionId", &id);
    if !streaming {
        w.text("m:Watermark", &write_watermark(mailbox, watermark));
    }
    Ok(w.finish())
}

pub(super) fn unsubscribe(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let id = request.child_text("SubscriptionId").unwrap_or_default();
    let reply = find(call, id).map(|mailbox| {
        call.organisation.mailboxes[mailbox].subscriptions.remove(id);
        String::new()
    });
    Ok(respond("Unsubscribe", "", vec![reply]))
}

/// The mailbox of a subscription that the caller may use.
fn find(call: &Call<'_>, id: &str) -> Result<usize, Trouble> {
    let organisation = &call.organisation;
    let mut all = organisation.mailboxes.iter().enumerate();
    let (mailbox, found) =
        all.find_map(|(index, mailbox)| Some((index, mailbox.subscriptions.get(id)?))).ok_or_else(not_found)?;
    if organisation.affinity && found.home != organisation.home(call.caller, call.me) {
        return Err(not_found());
    }
    match found.owner.eq_ignore_ascii_case(&call.caller.account) {
        true => Ok(mailbox),
        false => Err(Trouble::new("ErrorSubscriptionAccessDenied", "The subscription was made by another account.")),
    }
}

pub(super) fn get_events(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let reply = pull(call, request);
    Ok(respond("GetEvents", "", vec![reply]))
}

fn pull(call: &mut Call<'_>, request: &Element) -> Reply {
    let id = request.child_text("SubscriptionId").unwrap_or_default();
    let given = request.child_text("Watermark").unwrap_or_default();
    let index = find(call, id)?;
    let mailbox = &mut call.organisation.mailboxes[index];
    let from = read_watermark(mailbox, given).ok_or_else(invalid_watermark)?;
    let now = mailbox.watermark();
    let subscription = mailbox.subscriptions.get_mut(id).ok_or_else(not_found)?;
    if subscription.streaming {
        return Err(Trouble::new("ErrorInvalidSubscription", "The subscription is not a pull subscription."));
    }
    if from < subscription.watermark || from > now {
        return Err(invalid_watermark());
    }
    subscription.asked_at = time::now();
    subscription.queue.retain(|event| event.watermark > from);
    subscription.watermark = from;
    let more = subscription.queue.len() > PAGE;
    let events: Vec<Event> = subscription.queue.iter().take(PAGE).cloned().collect();
    let mailbox = &mut call.organisation.mailboxes[index];
    let mut w = Writer::new();
    w.open("m:Notification", &[]);
    w.text("t:SubscriptionId", id);
    w.text("t:PreviousWatermark", &write_watermark(mailbox, from));
    w.flag("t:MoreEvents", more);
    for event in &events {
        write_event(&mut w, mailbox, event, true);
    }
    if events.is_empty() {
        w.open("t:StatusEvent", &[]);
        w.text("t:Watermark", &write_watermark(mailbox, now));
        w.close("t:StatusEvent");
    }
    w.close("m:Notification");
    Ok(w.finish())
}

/// Reached only when a subscription is not there: good ones become a stream.
pub(super) fn get_streaming_events(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let missing = match streams(call, request) {
        Ok(_) => Vec::new(),
        Err(missing) => missing,
    };
    Ok(gone(&missing))
}

/// The subscriptions that a GetStreamingEvents request names, each once.
pub(crate) fn named(request: &Element) -> Vec<String> {
    let mut seen = HashSet::new();
    let ids = request.list("SubscriptionIds").iter().map(|child| child.text.trim());
    ids.filter(|id| seen.insert(*id)).map(str::to_owned).collect()
}

/// The subscriptions of a GetStreamingEvents request, or those that are not there.
pub(crate) fn streams(call: &Call<'_>, request: &Element) -> Result<Vec<String>, Vec<String>> {
    let ids = named(request);
    let streaming = |mailbox: usize, id: &str| {
        call.organisation.mailboxes[mailbox].subscriptions.get(id).is_some_and(|subscription| subscription.streaming)
    };
    let known = |id: &&String| find(call, id).is_ok_and(|mailbox| streaming(mailbox, id));
    let missing: Vec<String> = ids.iter().filter(|id| !known(id)).cloned().collect();
    match missing.is_empty() {
        true => Ok(ids),
        false => Err(missing),
    }
}

/// The answer that names subscriptions that are not there.
fn gone(missing: &[String]) -> String {
    trouble_with(missing, not_found())
}

/// The document of a stream that names the subscriptions another one serves from now on.
pub(crate) fn taken_over(subscriptions: &[String]) -> String {
    let text = "Another connection was opened against this subscription.";
    trouble_with(subscriptions, Trouble::new("ErrorNewEventStreamConnectionOpened", text))
}

/// Ids stand in the messages namespace on the wire.
fn trouble_with(subscriptions: &[String], trouble: Trouble) -> String {
    let mut ids = Writer::new();
    ids.open("m:ErrorSubscriptionIds", &[]);
    for id in subscriptions {
        ids.text("m:SubscriptionId", id);
    }
    ids.close("m:ErrorSubscriptionIds");
    respond("GetStreamingEvents", &ids.finish(), vec![Err(trouble)])
}

/// A document of a stream that holds what is new for these subscriptions, which may be of many mailboxes; `None` if
/// nothing is. The error names subscriptions that have gone.
pub(crate) fn notifications(mailboxes: &mut [Mailbox], ids: &[String]) -> Result<Option<String>, String> {
    let places = places(mailboxes, ids);
    let missing: Vec<String> = ids.iter().filter(|id| !places.contains_key(id.as_str())).cloned().collect();
    if !missing.is_empty() {
        return Err(gone(&missing));
    }
    let mut w = Writer::new();
    for id in ids {
        let Some(mailbox) = places.get(id.as_str()).and_then(|place| mailboxes.get_mut(*place)) else { continue };
        let Some(subscription) = mailbox.subscriptions.get_mut(id) else { continue };
        subscription.asked_at = time::now();
        let events: Vec<Event> = subscription.queue.drain(..).collect();
        if events.is_empty() {
            continue;
        }
        w.open("m:Notification", &[]);
        w.text("t:SubscriptionId", id);
        for event in &events {
            write_event(&mut w, mailbox, event, false);
        }
        w.close("m:Notification");
    }
    let notifications = w.finish();
    if notifications.is_empty() {
        return Ok(None);
    }
    let inside = format!("<m:Notifications>{notifications}</m:Notifications>");
    Ok(Some(respond("GetStreamingEvents", "", vec![Ok(inside)])))
}

/// Which mailbox each of these subscriptions is of, found by one look at all: a stream has hundreds among thousands.
fn places<'a>(mailboxes: &[Mailbox], ids: &'a [String]) -> HashMap<&'a str, usize> {
    let wanted: HashSet<&'a str> = ids.iter().map(String::as_str).collect();
    let of = |(place, mailbox): (usize, &Mailbox)| {
        let found = mailbox.subscriptions.keys().filter_map(|id| Some((*wanted.get(id.as_str())?, place)));
        found.collect::<Vec<_>>()
    };
    mailboxes.iter().enumerate().flat_map(of).collect()
}

/// Still there.
pub(crate) fn heartbeat() -> String {
    status("OK")
}

/// The stream is at its end.
pub(crate) fn closed() -> String {
    status("Closed")
}

fn status(status: &str) -> String {
    let mut w = Writer::new();
    w.text("m:ConnectionStatus", status);
    respond("GetStreamingEvents", "", vec![Ok(w.finish())])
}

fn write_event(w: &mut Writer, mailbox: &Mailbox, event: &Event, watermark: bool) {
    let name = EVENTS.iter().find(|(_, kind)| *kind == event.kind).map_or("ModifiedEvent", |(name, _)| *name);
    let element = format!("t:{name}");
    w.open(&element, &[]);
    if watermark {
        w.text("t:Watermark", &write_watermark(mailbox, event.watermark));
    }
    w.text("t:TimeStamp", &time::write(event.at));
    write_subject(w, mailbox, &event.subject, "");
    if let Some(old) = &event.old {
        write_subject(w, mailbox, old, "Old");
    }
    if let Some(unread) = event.unread {
        w.number("t:UnreadCount", unread);
    }
    w.close(&element);
}

/// Change keys in events are stubs: 9 for items, 1 for folders.
fn write_subject(w: &mut Writer, mailbox: &Mailbox, subject: &Subject, old: &str) {
    let folder_key = ids::change_key(mailbox.guid, 1, 0);
    let (name, target, parent, key) = match *subject {
        Subject::Item { folder, item } => {
            let key = mailbox.item(folder, item).map_or(item, |item| item.changed);
            ("ItemId", Target::Item { folder, item }, folder, ids::change_key(mailbox.guid, 9, key))
        }
        Subject::Folder { folder, parent } => ("FolderId", Target::Folder { folder }, parent, folder_key.clone()),
    };
    w.empty(&format!("t:{old}{name}"), &[("Id", &mailbox.id(target)), ("ChangeKey", &key)]);
    let parent = mailbox.id(Target::Folder { folder: parent });
    w.empty(&format!("t:{old}ParentFolderId"), &[("Id", &parent), ("ChangeKey", &folder_key)]);
}

fn write_watermark(mailbox: &Mailbox, number: u64) -> String {
    let mut bytes = mailbox.guid.as_bytes().get(..4).unwrap_or_default().to_vec();
    bytes.extend(number.to_le_bytes());
    bytes.push(1);
    STANDARD.encode(bytes)
}

fn read_watermark(mailbox: &Mailbox, text: &str) -> Option<u64> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    let rest = bytes.strip_prefix(mailbox.guid.as_bytes().get(..4)?)?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    (rest == [1]).then(|| u64::from_le_bytes(*number))
}

fn invalid_request() -> Trouble {
    Trouble::new("ErrorInvalidSubscriptionRequest", "The subscription request is invalid.")
}

fn invalid_watermark() -> Trouble {
    Trouble::new("ErrorInvalidWatermark", "The watermark is invalid.")
}

fn not_found() -> Trouble {
    Trouble::new("ErrorSubscriptionNotFound", "The specified subscription was not found.")
}

const EVENTS: &[(&str, EventKind)] = &[
    ("CopiedEvent", EventKind::Copied),
    ("CreatedEvent", EventKind::Created),
    ("DeletedEvent", EventKind::Deleted),
    ("ModifiedEvent", EventKind::Modified),
    ("MovedEvent", EventKind::Moved),
    ("NewMailEvent", EventKind::NewMail),
    ("FreeBusyChangedEvent", EventKind::FreeBusyChanged),
];

/// Minutes a streaming subscription lives without a stream.
const STREAM_PATIENCE: i64 = 30;

/// Events in one GetEvents answer.
const PAGE: usize = 50;
