//! Learning that something changed: one streaming subscription for the whole mailbox, or looking now and then.
//!
//! An event is a hint to look at a folder, no more. After every gap all folders in use are looked at, so a lost
//! event delays news and loses none.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ews::op::get_events::{Event, Notification, Object};
use ews::op::subscribe::{Delivery, EventType, Subscribe};
use ews::{ErrorKind, Heard, StreamingEvent};

use crate::due;
use crate::error::Tried;
use crate::folder_state::FolderState;
use crate::listing::Listing;
use crate::live::Live;

/// How changes are learnt of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watching {
    /// The subscription is being asked for; who looks now may have to look again.
    Starting,
    /// Exchange tells.
    Streaming,
    /// Exchange does not tell; folders in use are looked at now and then.
    Polling,
}

/// How often folders are looked at where Exchange does not tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Poll {
    /// Those that are being watched.
    pub(crate) every: Duration,
    /// One that a client asks for.
    asked: Duration,
}

impl Poll {
    /// What an operator configured holds whatever clients ask; else they get news sooner than others.
    pub(crate) fn new(configured: Option<Duration>, default: Duration) -> Self {
        Self { every: configured.unwrap_or(default), asked: configured.unwrap_or(default.min(ASKED)) }
    }
}

/// What an event tells of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Came,
    Changed,
    Went,
    Other,
}

/// Why a subscription ended.
enum Ending {
    /// Exchange has no such thing, or refuses it for good.
    Impossible,
    /// It broke after having worked.
    Broken,
    /// It could not be had.
    Failed(Option<Duration>),
}

impl Ending {
    /// That of what could not be had.
    fn of(error: &ews::Error) -> Ending {
        match error.kind {
            ErrorKind::Unsupported | ErrorKind::Denied | ErrorKind::Refused => Ending::Impossible,
            _ => Ending::Failed(error.retry_after()),
        }
    }
}

impl Live {
    /// Watches for as long as the mailbox is live and its password good.
    pub(crate) async fn watch_changes(self: Arc<Self>) {
        self.recall_version().await;
        let mut failures = 0;
        while !self.is_refused() {
            let began = Instant::now();
            let ending = self.subscription().await;
            if *self.watching.borrow() == Watching::Streaming {
                // Until now Exchange told.
                self.heard_now();
            }
            self.watching.send_replace(Watching::Polling);
            failures = if began.elapsed() > WORKED { 1 } else { failures + 1 };
            let pause = match ending {
                Ending::Impossible => TRY_STREAMING_AGAIN,
                Ending::Broken => due::delay(failures, None),
                Ending::Failed(hint) => due::delay(failures, hint),
            };
            tokio::select! {
                () = self.poll_for(pause) => {}
                () = self.returned() => failures = 0,
            }
        }
    }

    /// Waits until it is known how changes are learnt of, so that one look serves for the state before and after.
    pub(crate) async fn watching_settled(&self) {
        let mut watching = self.watching.subscribe();
        let settled = watching.wait_for(|watching| *watching != Watching::Starting);
        self.await_news(SETTLE, settled).await;
    }

    /// Where Exchange does not tell, an old look is no look.
    pub(crate) fn want_if_polling(&self, state: &FolderState) {
        let age = match *self.watching.borrow() {
            Watching::Polling => self.poll.asked,
            _ if state.foreign.load(Ordering::SeqCst) => self.poll.asked.min(ASKED),
            _ => return,
        };
        if state.is_older_than(age) && state.due.is_met() {
            state.due.want();
        }
    }

    /// Subscribes, and listens for as long as that subscription works.
    async fn subscription(self: &Arc<Self>) -> Ending {
        let tried = Tried::new("changes could not be subscribed to");
        let Ok(client) = self.client() else { return Ending::Failed(None) };
        let ask = Subscribe { folders: None, events: EventType::MAIL.to_vec(), delivery: Delivery::Streaming };
        if client.is_acting() {
            return self.hear(&client, ask, &tried).await;
        }
        let subscription = match client.call(&ask).await {
            Ok(subscription) => [subscription.id],
            Err(error) => {
                tracing::info!(user = self.user, %error, "no streaming subscription");
                self.failed(&tried, &error);
                // The oldest servers, which stream nothing, are those of which it is worth most.
                self.keep_version().await;
                return Ending::of(&error);
            }
        };
        // In this order: who waits for it to be settled then looks once.
        self.catch_up().await;
        self.watching.send_replace(Watching::Streaming);
        self.keep_version().await;
        let mut failures = 0;
        let mut minutes = STREAM_MINUTES;
        let mut missed = false;
        loop {
            let began = Instant::now();
            let ended = async {
                let stream = client.stream(&subscription, minutes).await?;
                if missed {
                    // Not before: Exchange may go on telling on the broken one until there is another.
                    self.catch_up().await;
                }
                self.listen(stream).await
            };
            let ended = ended.await;
            let age = began.elapsed();
            if ended.is_ok() && !is_early(age, minutes) {
                (failures, missed) = (0, false);
                continue;
            }
            // What was told on a broken stream last is lost, also if it broke between two things it told.
            missed = true;
            let error = ended.err();
            let reason = error.as_ref().map(tracing::field::display);
            tracing::info!(user = self.user, error = reason, seconds = age.as_secs(), "the event stream broke");
            if let Some(error) = &error {
                self.failed(&tried, error);
            }
            if failures >= MOST_RECONNECTS || error.as_ref().is_some_and(|error| !error.kind.is_transient()) {
                return Ending::Broken;
            }
            if client.is_away() {
                self.heard_now();
                self.watching.send_replace(Watching::Polling);
                client.back().await;
                return Ending::Broken;
            }
            if age >= CUT {
                // Something on the way cuts connections of that age: the next one ends by itself before.
                minutes = u8::try_from(age.as_secs() / 60).unwrap_or(minutes).clamp(1, minutes);
                failures = 0;
                continue;
            }
            failures += 1;
            tokio::time::sleep(due::delay(failures, error.and_then(|error| error.retry_after()))).await;
        }
    }

    /// Listens together with other mailboxes a service account acts for, to which a stream of each would be too many.
    async fn hear(self: &Arc<Self>, client: &ews::Client, ask: Subscribe, tried: &Tried) -> Ending {
        let mut hearing = client.hear(ask);
        loop {
            let polling = *self.watching.borrow() == Watching::Polling;
            let heard = tokio::select! {
                heard = hearing.next() => heard,
                () = self.poll_for(TRY_STREAMING_AGAIN), if polling => continue,
            };
            match heard {
                Heard::Listening => {
                    self.catch_up().await;
                    self.watching.send_replace(Watching::Streaming);
                    self.keep_version().await;
                }
                Heard::Events(notifications) => self.told(&notifications).await,
                Heard::Failed(error) => {
                    tracing::info!(user = self.user, %error, "no event stream");
                    self.failed(tried, &error);
                    return Ending::of(&error);
                }
            }
        }
    }

    /// One stream, to its end.
    async fn listen(self: &Arc<Self>, mut stream: ews::EventStream) -> Result<(), ews::Error> {
        loop {
            match stream.next().await? {
                StreamingEvent::Events(notifications) => self.told(&notifications).await,
                StreamingEvent::Refused { error, .. } => return Err(error),
                StreamingEvent::Heartbeat => {}
                StreamingEvent::Closed => return Ok(()),
            }
        }
    }

    /// Takes what Exchange tells.
    pub(crate) async fn told(self: &Arc<Self>, notifications: &[Notification]) {
        let events: Vec<&Event> = notifications.iter().flat_map(|notification| &notification.events).collect();
        if are_about_the_tree(&events) {
            self.hierarchy_changed();
        }
        for event in events {
            if let Object::Item(item) = &event.object {
                self.item_touched(event, &item.id).await;
            }
        }
    }

    async fn item_touched(self: &Arc<Self>, event: &Event, item: &str) {
        let Ok(listing) = self.known_listing().await else { return };
        let folders = [event.parent.as_ref(), event.old_parent.as_ref()].into_iter().flatten();
        for folder in folders.filter_map(|folder| listing.by_exchange_id(&folder.id)) {
            if listing.is_within(folder, "inbox") {
                self.invitations_touched(&listing);
            }
            // Nobody uses it, nor listens to it: it is looked at when somebody does.
            let Some(state) = self.folders.get(&folder).map(|state| Arc::clone(&state)) else { continue };
            if !state.used.load(Ordering::SeqCst) && state.bell.listeners() == 0 {
                state.due.want();
                continue;
            }
            let there = event.parent.as_ref().and_then(|parent| listing.by_exchange_id(&parent.id));
            let what = match event.kind {
                EventType::Deleted => What::Went,
                EventType::Moved if there != Some(folder) => What::Went,
                EventType::Created | EventType::NewMail => What::Came,
                EventType::Modified => What::Changed,
                _ => What::Other,
            };
            let mut items: Vec<String> = event.old_item.iter().map(|item| item.id.clone()).collect();
            items.push(item.to_owned());
            if state.is_expecting() {
                let live = Arc::clone(self);
                self.spawn(async move {
                    state.expected().await;
                    live.judge(&state, what, &items);
                });
            } else {
                self.judge(&state, what, &items);
            }
        }
    }

    /// What came or went may be an invitation.
    fn invitations_touched(self: &Arc<Self>, listing: &Listing) {
        let Some(inbox) = listing.schedule_inbox else { return };
        let Some(state) = self.folders.get(&inbox).map(|state| Arc::clone(&state)) else { return };
        match state.used.load(Ordering::SeqCst) && state.bell.listeners() > 0 {
            true => self.changed_at_exchange(&state),
            false => state.due.want(),
        }
    }

    fn judge(self: &Arc<Self>, state: &Arc<FolderState>, what: What, items: &[String]) {
        let ours = match what {
            What::Went => items.iter().any(|item| state.is_echo_of_going(item)),
            _ => items.iter().any(|item| state.is_echo(item)),
        };
        match (ours, what, items) {
            (false, What::Came, [item]) => self.came_at_exchange(state, item.clone()),
            (false, ..) => self.changed_at_exchange(state),
            // Ours, or somebody else's at the same time.
            (true, What::Changed, _) => self.echoed(state),
            // An item we made, moved, copied or deleted: nobody else can have done the same to the same id.
            (true, ..) => {}
        }
    }

    /// Something may have been missed: look at the tree, and at those folders in use that have changed.
    pub(crate) async fn catch_up(self: &Arc<Self>) {
        self.stamps.sign_in_is_over();
        let used: Vec<_> = self.folders.iter().map(|state| Arc::clone(&state)).collect();
        self.hierarchy.due.want();
        self.hierarchy.due.forgive();
        used.iter().for_each(|state| {
            state.due.want();
            state.due.forgive();
        });
        // Together: somebody who has just signed in waits for both.
        let (unchanged, tree) = tokio::join!(self.pass_over_unchanged(), Box::pin(self.look_at_hierarchy()));
        if tree.is_err() {
            self.send_for_hierarchy();
        }
        if let Err(error) = unchanged {
            tracing::info!(user = self.user, %error, "every folder in use has to be looked at");
        }
        for state in used.iter().filter(|state| is_followed(state) && !state.due.is_met()) {
            self.changed_at_exchange(state);
        }
    }

    /// Looks at what is being watched, every now and then, for that long.
    async fn poll_for(self: &Arc<Self>, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        let mut rounds = 0_u32;
        while tokio::time::Instant::now() < end && !self.is_refused() {
            tokio::time::sleep_until(end.min(tokio::time::Instant::now() + jitter(self.poll.every))).await;
            rounds += 1;
            let old = |state: &Arc<FolderState>| is_followed(state) && state.is_older_than(self.poll.every);
            let old: Vec<_> = self.folders.iter().map(|state| Arc::clone(&state)).filter(old).collect();
            // One question for all of them costs less than one for each.
            if old.len() > MOST_ONE_BY_ONE {
                old.iter().for_each(|state| state.due.want());
                if let Err(error) = self.pass_over_unchanged().await {
                    tracing::info!(user = self.user, %error, "every folder that is watched has to be looked at");
                }
            }
            for state in old.iter().filter(|state| old.len() <= MOST_ONE_BY_ONE || !state.due.is_met()) {
                self.changed_at_exchange(state);
            }
            if rounds.is_multiple_of(TREE_EVERY) {
                self.hierarchy_changed();
            }
        }
    }
}

/// True if folders came, went, or changed by themselves.
///
/// Whatever happens to an item, Exchange tells of its folder as well, whose unread items it counts anew (ModifiedEvent,
/// remarks). It may also tell them of a folder that was renamed, so that a folder is passed over once for what happened to
/// items in it just before.
fn are_about_the_tree(events: &[&Event]) -> bool {
    let mut to_be_counted: HashSet<&str> = HashSet::new();
    let mut about_the_tree = false;
    for event in events {
        match &event.object {
            Object::Item(_) => {
                let parents = [event.parent.as_ref(), event.old_parent.as_ref()].into_iter().flatten();
                to_be_counted.extend(parents.map(|parent| parent.id.as_str()));
            }
            Object::Folder(folder) => {
                let counts = event.kind == EventType::Modified && event.unread.is_some();
                about_the_tree |= !(counts && to_be_counted.remove(folder.id.as_str()));
            }
        }
    }
    about_the_tree
}

/// True if somebody listens to a folder who has seen what is in it. Who has not misses nothing.
fn is_followed(state: &Arc<FolderState>) -> bool {
    state.bell.listeners() > 0 && state.used.load(Ordering::SeqCst)
}

/// A stream of that age that was to last so many minutes was ended by somebody on the way, rather than by Exchange.
pub(crate) fn is_early(age: Duration, minutes: u8) -> bool {
    age + EARLY < Duration::from_secs(60 * u64::from(minutes))
}

/// Up to a fifth more, so that mailboxes are not all looked at together.
fn jitter(wait: Duration) -> Duration {
    let [random, ..] = *uuid::Uuid::new_v4().as_bytes();
    wait + wait.mul_f64(f64::from(random) / 256.0 / 5.0)
}

/// A stream that ends no sooner than this before its time was ended by Exchange.
const EARLY: Duration = Duration::from_secs(5);
/// A stream that broke at this age was not broken by Exchange: it tells that it lives every 45 s.
const CUT: Duration = Duration::from_secs(50);
/// EWS "ConnectionTimeout": as long as there may be.
const STREAM_MINUTES: u8 = 30;
/// A first look waits this long for the subscription.
const SETTLE: Duration = Duration::from_secs(3);
/// A subscription that held this long was a good one.
const WORKED: Duration = Duration::from_secs(60);
/// A server that does not stream may have been updated after this.
const TRY_STREAMING_AGAIN: Duration = Duration::from_secs(30 * 60);
/// After this many broken streams in a row the subscription is given up too.
const MOST_RECONNECTS: u32 = 3;
/// Where Exchange does not tell, a client that asks gets news not older than this.
const ASKED: Duration = Duration::from_secs(5);
/// So many folders are looked at without asking first which of them have changed.
const MOST_ONE_BY_ONE: usize = 3;
/// The folder tree is polled every so many rounds.
const TREE_EVERY: u32 = 10;

#[cfg(test)]
mod tests {
    use ews::{FolderId, ItemId};

    use super::*;

    fn item(kind: EventType, folder: &str, from: Option<&str>) -> Event {
        let object = Object::Item(ItemId::new("item"));
        let parent = Some(FolderId::new(folder));
        Event { kind, object, parent, old_parent: from.map(FolderId::new), old_item: None, unread: None, at: None }
    }

    fn folder(kind: EventType, id: &str, unread: Option<u32>) -> Event {
        let object = Object::Folder(FolderId::new(id));
        Event { kind, object, parent: Some(FolderId::new("top")), old_parent: None, old_item: None, unread, at: None }
    }

    #[test]
    fn folders_that_count_anew_are_no_news_of_the_tree() {
        let counted = |id| folder(EventType::Modified, id, Some(1));
        let came = || [item(EventType::Created, "a", None), item(EventType::NewMail, "a", None)];
        let moved = || item(EventType::Moved, "b", Some("a"));
        let about = |events: Vec<Event>| are_about_the_tree(&events.iter().collect::<Vec<_>>());
        assert!(!about(came().into_iter().chain([counted("a")]).collect()));
        assert!(!about(vec![moved(), counted("a"), counted("b"), moved(), counted("b"), counted("a")]));
        // Renamed by itself, or beside what happened in it.
        assert!(about(vec![counted("a")]));
        assert!(about(came().into_iter().chain([counted("a"), counted("a")]).collect()));
        assert!(about([counted("a")].into_iter().chain(came()).chain([counted("a")]).collect()));
        assert!(about(vec![moved(), counted("c")]));
        // What is not counted is something else.
        assert!(about(vec![moved(), folder(EventType::Modified, "a", None)]));
        assert!(about(vec![moved(), folder(EventType::Deleted, "a", None)]));
    }
}
