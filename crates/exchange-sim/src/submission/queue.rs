//! Messages whose time has not come: deferred by their author, or too many a minute.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::{Submission, limits::Waiting, transmit, transport};
use crate::{
    exchange::Organisation,
    op::{FolderPlace, Trouble},
    store::{EventKind, Item, PropertyKey, Subject, Value},
    time::{self, Seconds},
};

/// A message in its folder that is to be sent.
pub(super) struct Waiter {
    pub(super) due: Seconds,
    pub(super) from: usize,
    pub(super) copy: Option<FolderPlace>,
    pub(super) place: FolderPlace,
    pub(super) key: u64,
}

/// What each mailbox sent lately.
#[derive(Default)]
pub(super) struct Rates {
    /// When messages are sent, oldest first; what waits counts for the time it is due.
    sent: HashMap<usize, Vec<Seconds>>,
    /// Numbers of recipients, and when.
    addressed: HashMap<usize, Vec<(Seconds, usize)>>,
}

impl Rates {
    /// Whether so many recipients more are not too many for a day; if so, they are counted.
    pub(super) fn addressed(&mut self, from: usize, count: usize, most: Option<usize>, now: Seconds) -> bool {
        let Some(most) = most else { return true };
        let lately = self.addressed.entry(from).or_default();
        lately.retain(|(at, _)| *at > now - DAY);
        let fits = lately.iter().map(|(_, count)| count).sum::<usize>() + count <= most;
        if fits {
            lately.push((now, count));
        }
        fits
    }

    /// When the next message may go.
    fn next(&mut self, from: usize, most: Option<usize>, now: Seconds) -> Seconds {
        let Some(most) = most else { return now };
        let sent = self.sent.entry(from).or_default();
        sent.retain(|at| *at > now - MINUTE);
        let at = match sent.len().checked_sub(most.max(1)).and_then(|place| sent.get(place)) {
            Some(earlier) => now.max(earlier + MINUTE),
            None => now,
        };
        sent.push(at);
        at
    }
}

/// When a message may be sent.
pub(super) fn due(organisation: &mut Organisation, from: usize, item: &Item, now: Seconds) -> Seconds {
    let wanted = deferred(item, now).unwrap_or(now);
    let (most, linger) = (organisation.post.limits.message_rate, organisation.post.limits.linger);
    let due = if wanted > now { wanted } else { organisation.post.rates.next(from, most, now) };
    due + linger.map_or(0, i64::from)
}

/// PidTagDeferredSendTime, which PidTagDeferredSendNumber and PidTagDeferredSendUnits overrule (MS-OXOMSG 2.2.3.2 to 2.2.3.4).
fn deferred(item: &Item, now: Seconds) -> Option<Seconds> {
    let properties = &item.extra.as_ref()?.properties;
    let property = |tag| properties.get(&PropertyKey::Tag(tag));
    if let (Some(Value::Number(number)), Some(Value::Number(unit))) = (property(0x3feb), property(0x3fec)) {
        let unit = [MINUTE, 60 * MINUTE, DAY, 7 * DAY].get(usize::try_from(*unit).ok()?)?;
        return Some(now.saturating_add(number.saturating_mul(*unit)));
    }
    match property(0x3fef) {
        Some(Value::Time(at)) => Some(*at),
        _ => None,
    }
}

/// Leaves a message in its folder, or puts it into one, until it is due. It has another change key from then on.
pub(super) fn wait(organisation: &mut Organisation, due: Seconds, submission: Submission) -> Result<(), Trouble> {
    let Submission { from, mut item, copy, saved, .. } = submission;
    item.extra_mut().submitted = true;
    item.draft = true;
    let (place, key, kind) = match saved {
        Some((place, key)) => {
            let mailbox = &mut organisation.mailboxes[place.mailbox];
            mailbox.alter(place.folder, key, |now| *now = item).ok_or_else(Trouble::not_found)?;
            (place, key, EventKind::Modified)
        }
        None => {
            let folder = organisation.post.limits.waiting_in.folder();
            let mailbox = &mut organisation.mailboxes[from];
            let folder = mailbox.distinguished(folder).ok_or_else(Trouble::not_found)?;
            let key = mailbox.insert(folder, item).ok_or_else(Trouble::not_found)?;
            (FolderPlace { mailbox: from, folder }, key, EventKind::Created)
        }
    };
    let mailbox = &mut organisation.mailboxes[place.mailbox];
    mailbox.notify(kind, Subject::Item { folder: place.folder, item: key }, None);
    mailbox.notify_folder(place.folder);
    organisation.post.waiting.push(Waiter { due, from, copy, place, key });
    Ok(())
}

impl Organisation {
    /// Sends what is due, and delivers what transport has, unless it is held. Tells whether anything happened.
    pub(crate) fn settle_post(&mut self) -> bool {
        if self.post.waiting.is_empty() && self.post.queue.is_empty() {
            return false;
        }
        let now = self.now();
        let (mut due, later): (Vec<Waiter>, Vec<Waiter>) =
            std::mem::take(&mut self.post.waiting).into_iter().partition(|waiter| waiter.due <= now);
        self.post.waiting = later;
        due.sort_by_key(|waiter| waiter.due);
        let mut happened = !due.is_empty();
        for waiter in due {
            let (place, key) = (waiter.place, waiter.key);
            let item = self.mailboxes.get(place.mailbox).and_then(|mailbox| mailbox.item(place.folder, key));
            // Who deletes or moves it while it waits takes it back.
            let Some(item) = item.filter(|item| item.is_submitted()).cloned() else { continue };
            transmit(self, waiter.from, item, waiter.copy, Some((place, key)));
        }
        if !self.post.held {
            let (ready, later): (Vec<_>, Vec<_>) =
                std::mem::take(&mut self.post.queue).into_iter().partition(|mail| mail.not_before <= now);
            self.post.queue = later;
            happened |= !ready.is_empty();
            for mail in ready {
                transport::deliver(self, mail, now);
            }
        }
        happened
    }

    /// Whether mail waits for its time.
    pub(crate) fn post_waits(&self) -> bool {
        !self.post.waiting.is_empty() || (!self.post.queue.is_empty() && !self.post.held)
    }

    /// Lets transport keep what it takes, or deliver again.
    pub(crate) fn hold_post(&mut self, held: bool) {
        self.post.held = held;
        self.settle_post();
    }

    /// The limits, and what waits.
    pub(crate) fn post_state(&self) -> Json {
        let post = &self.post;
        let waiting: Vec<Json> = post.waiting.iter().filter_map(|waiter| self.shown(waiter)).collect();
        json!({ "limits": post.limits, "held": post.held, "queued": post.queue.len(), "waiting": waiting })
    }

    fn shown(&self, waiter: &Waiter) -> Option<Json> {
        let (place, key) = (waiter.place, waiter.key);
        let mailbox = self.mailboxes.get(place.mailbox)?;
        let item = mailbox.item(place.folder, key).filter(|item| item.is_submitted())?;
        let folder = mailbox.folders.get(&place.folder).map(|folder| folder.name.as_str());
        let summary = item.summary();
        Some(json!({
            "mailbox": mailbox.address,
            "folder": folder,
            "message_id": summary.message_id,
            "subject": summary.subject,
            "due": time::write(waiter.due),
        }))
    }
}

impl Waiting {
    /// Reads the name of a folder.
    ///
    /// # Errors
    /// It is another word.
    pub fn named(name: &str) -> Result<Waiting, String> {
        match name {
            "drafts" => Ok(Waiting::Drafts),
            "outbox" => Ok(Waiting::Outbox),
            _ => Err(format!("no such folder to wait in: {name} (drafts or outbox)")),
        }
    }
}

const MINUTE: Seconds = 60;
const DAY: Seconds = 86_400;
