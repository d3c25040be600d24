//! One group: subscriptions made on one way, one stream for all of them.

use std::collections::{BTreeMap, HashSet};
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::line::{Events, Line, Route};
use super::{Groups, Heard, Key, Number};
use crate::backoff::{Backoff, jitter};
use crate::op::get_events::Notification;
use crate::op::subscribe::Subscribe;
use crate::{Error, ErrorKind, StreamingEvent};

/// A group at work.
pub(super) struct Switchboard<L: Line> {
    number: Number,
    groups: Groups<L>,
    orders: UnboundedReceiver<Order<L>>,
    members: BTreeMap<Key, Member<L>>,
    /// The way of the group, once somebody has begun it.
    way: Option<Way<L>>,
    /// Who begins is chosen then, of those who have come by then.
    founding: Option<Instant>,
    subscribing: JoinSet<(Key, L, Result<String, Error>)>,
    /// The stream to come, and what will be on it.
    opening: Option<(Opening<L::Stream>, HashSet<String>)>,
    stream: Option<Open<L::Stream>>,
    /// The stream before, and how long it is listened to: it may still tell what happened before the change.
    old: Option<(Open<L::Stream>, Instant)>,
    /// When the next stream is opened, for those who are not on this one.
    due: Option<Instant>,
    /// When the last one was.
    opened: Option<Instant>,
    /// Nothing is tried before that.
    rest: Option<Instant>,
    /// Something may not have been told to those who were on a stream.
    gap: bool,
    failures: u32,
    /// Exchange leaves a stream open that another one follows, so that each change of streams costs a look at all mailboxes.
    lingers: bool,
    minutes: u8,
}

/// What the board says to a group.
pub(super) enum Order<L> {
    Join(Box<Member<L>>),
    Leave(Key),
}

/// One subscription in a group.
pub(super) struct Member<L> {
    pub(super) key: Key,
    pub(super) line: L,
    ask: Subscribe,
    pub(super) tell: UnboundedSender<Heard>,
    /// How many groups there may be.
    pub(super) most: usize,
    /// Groups that could not serve it.
    pub(super) avoid: Vec<Number>,
    state: State,
    /// When the stream refused its subscription last.
    struck: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Wanted,
    Asked,
    Subscribed(String),
}

/// The way of a group.
struct Way<L> {
    anchor: L,
    route: Route,
    /// Whose subscription brings the cookie, as long as it is not there.
    founder: Option<Key>,
}

struct Open<S> {
    stream: S,
    ids: HashSet<String>,
    since: Instant,
}

type Opening<S> = Pin<Box<dyn Future<Output = Result<S, Error>> + Send>>;

enum Happening<L: Line> {
    Order(Option<Order<L>>),
    Subscribed(Key, L, Result<String, Error>),
    Opened(Result<L::Stream, Error>),
    Told(Result<StreamingEvent, Error>),
    ToldLate(Result<StreamingEvent, Error>),
    Time,
}

impl<L: Line> Switchboard<L> {
    pub(super) fn new(number: Number, groups: Groups<L>, orders: UnboundedReceiver<Order<L>>) -> Switchboard<L> {
        Switchboard {
            number,
            groups,
            orders,
            members: BTreeMap::new(),
            way: None,
            founding: None,
            subscribing: JoinSet::new(),
            opening: None,
            stream: None,
            old: None,
            due: None,
            opened: None,
            rest: None,
            gap: false,
            failures: 0,
            lingers: false,
            minutes: MINUTES,
        }
    }

    /// Serves the group for as long as it has members.
    pub(super) async fn run(mut self) {
        loop {
            match self.happening().await {
                Happening::Order(None) => return,
                Happening::Order(Some(Order::Join(member))) => {
                    self.members.insert(member.key, *member);
                }
                Happening::Order(Some(Order::Leave(key))) => self.left(key),
                Happening::Subscribed(key, line, result) => self.subscribed(key, line, result),
                Happening::Opened(Ok(stream)) => self.opened(stream),
                Happening::Opened(Err(error)) => {
                    self.opening = None;
                    self.broke(error, Duration::ZERO);
                }
                Happening::Told(told) => self.told(told),
                Happening::ToldLate(told) => self.told_late(told),
                Happening::Time => self.time_has_come(),
            }
            if self.members.is_empty() && self.groups.close(self.number) {
                return;
            }
            self.subscribe();
            self.open();
        }
    }

    async fn happening(&mut self) -> Happening<L> {
        let time = self.next_time();
        let Self { orders, subscribing, opening, stream, old, .. } = self;
        tokio::select! {
            order = orders.recv() => Happening::Order(order),
            Some(Ok((key, line, result))) = subscribing.join_next() => Happening::Subscribed(key, line, result),
            opened = async { match opening { Some((opening, _)) => opening.await, None => never().await } } => {
                Happening::Opened(opened)
            }
            told = async { match stream { Some(open) => open.stream.next().await, None => never().await } } => {
                Happening::Told(told)
            }
            told = async { match old { Some((open, _)) => open.stream.next().await, None => never().await } } => {
                Happening::ToldLate(told)
            }
            () = async { match time { Some(time) => sleep_until(time).await, None => never().await } } => {
                Happening::Time
            }
        }
    }

    fn time_has_come(&mut self) {
        let now = Instant::now();
        self.rest.take_if(|until| *until <= now);
        if self.old.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.forsake_old();
        }
    }

    fn next_time(&self) -> Option<Instant> {
        let late = self.old.as_ref().map(|(_, until)| *until);
        // What is due while it rests is due after that.
        let work = self.rest.or_else(|| [self.founding, self.due].into_iter().flatten().min());
        late.into_iter().chain(work).min()
    }

    /// Asks for the subscriptions that are missing. The first brings the cookie that the others go by.
    fn subscribe(&mut self) {
        let now = Instant::now();
        let wanted = self.members.values().filter(|member| member.state == State::Wanted);
        if self.rest.is_some_and(|until| until > now) {
            return;
        }
        match &self.way {
            None => {
                let Some(founder) = wanted.min_by_key(|member| member.line.name()) else { return };
                if *self.founding.get_or_insert(now + MOMENT) > now {
                    return;
                }
                self.founding = None;
                let (anchor, key) = (founder.line.clone(), founder.key);
                self.way = Some(Way { route: anchor.way(), anchor, founder: Some(key) });
                self.ask(key);
            }
            Some(Way { founder: Some(_), .. }) => {}
            Some(_) => {
                let room = AT_ONCE.saturating_sub(self.subscribing.len());
                let keys: Vec<Key> = wanted.map(|member| member.key).take(room).collect();
                keys.into_iter().for_each(|key| self.ask(key));
            }
        }
    }

    fn ask(&mut self, key: Key) {
        let (Some(way), Some(member)) = (&self.way, self.members.get_mut(&key)) else { return };
        member.state = State::Asked;
        let (line, ask) = (member.line.routed(&way.route), member.ask.clone());
        self.subscribing.spawn(async move {
            let result = line.subscribe(&ask).await;
            (key, line, result)
        });
    }

    fn subscribed(&mut self, key: Key, line: L, result: Result<String, Error>) {
        let founds = self.way.as_mut().is_some_and(|way| way.founder.take_if(|founder| *founder == key).is_some());
        if founds && result.is_err() {
            self.way = None;
        }
        let Some(member) = self.members.get_mut(&key) else {
            if let Ok(id) = result {
                unsubscribe(line, id);
            }
            return;
        };
        match result {
            Ok(id) => {
                member.state = State::Subscribed(id);
                member.tell(Heard::Listening);
            }
            Err(error) if !founds && is_elsewhere(&error) => self.send_elsewhere(key, error),
            Err(error) => self.dismiss(key, error),
        }
    }

    /// Opens the stream that is missing, or one more for those who have come, once some more may have come.
    fn open(&mut self) {
        let now = Instant::now();
        let ids: HashSet<String> = self.members.values().filter_map(|member| member.id().map(str::to_owned)).collect();
        let Some(way) = self.way.as_ref().filter(|way| way.founder.is_none()) else {
            self.due = None;
            return;
        };
        let served = self.stream.as_ref().is_some_and(|open| ids.is_subset(&open.ids));
        if self.opening.is_some() || served || ids.is_empty() {
            self.due = None;
            return;
        }
        let line = way.anchor.routed(&way.route);
        let spare = self.old.is_some() || way.route.has_spare_stream();
        let moment = match self.opened {
            Some(opened) if !spare || self.lingers => (opened + CROWDED).max(now + MOMENT),
            Some(opened) => (opened + PAUSE).max(now + MOMENT),
            None => now + MOMENT,
        };
        if *self.due.get_or_insert(moment) > now || self.rest.is_some_and(|until| until > now) {
            return;
        }
        let route = way.route.clone();
        self.due = None;
        self.forsake_old();
        if !route.has_spare_stream() {
            // There can be no two at a time, so something may be lost between them.
            self.gap |= self.stream.take().is_some();
        }
        let (asked, minutes) = (ids.iter().cloned().collect(), self.minutes);
        self.opening = Some((Box::pin(async move { line.open(asked, minutes).await }), ids));
    }

    fn opened(&mut self, stream: L::Stream) {
        let Some((_, ids)) = self.opening.take() else { return };
        let now = Instant::now();
        tracing::debug!(group = self.number, subscriptions = ids.len(), "event stream opened");
        self.opened = Some(now);
        if std::mem::take(&mut self.gap) {
            self.members.values().filter(|member| member.is_on(&ids)).for_each(|member| member.tell(Heard::Listening));
        }
        let before = self.stream.replace(Open { stream, ids, since: now });
        self.old = before.filter(|open| !open.ids.is_empty()).map(|open| (open, now + LATE));
    }

    fn told(&mut self, told: Result<StreamingEvent, Error>) {
        let age = self.stream.as_ref().map_or(Duration::ZERO, |open| open.since.elapsed());
        if told.is_ok() && age >= PROVEN {
            self.failures = 0;
        }
        match told {
            Ok(StreamingEvent::Events(notifications)) => self.hand_on(notifications),
            Ok(StreamingEvent::Heartbeat) => {}
            Ok(StreamingEvent::Refused { subscriptions, error }) => self.refused(&subscriptions, &error),
            // The one to come has taken over all there was.
            Ok(StreamingEvent::Closed) if self.opening.is_some() => self.stream = None,
            Err(error) if self.opening.is_some() && is_replaced(&error) => self.stream = None,
            Ok(StreamingEvent::Closed) => {
                self.stream = None;
                self.due = Some(Instant::now());
                // What it told last may be lost on the way if it was not Exchange that ended it.
                self.gap |= age + EARLY < Duration::from_secs(60 * u64::from(self.minutes));
                if age < PROVEN {
                    self.failures += 1;
                    self.rest();
                }
            }
            Err(error) => {
                self.stream = None;
                self.gap = true;
                self.broke(error, age);
            }
        }
    }

    /// What the stream before tells. Once it refuses a subscription, which is on another one by now, it has told all
    /// there was to tell of it.
    fn told_late(&mut self, told: Result<StreamingEvent, Error>) {
        match told {
            Ok(StreamingEvent::Events(notifications)) => self.hand_on(notifications),
            Ok(StreamingEvent::Heartbeat) => {}
            Ok(StreamingEvent::Refused { subscriptions, .. }) => {
                if let Some((open, _)) = &mut self.old {
                    open.ids.retain(|id| !subscriptions.contains(id));
                }
                if self.old.take_if(|(open, _)| open.ids.is_empty()).is_some() {
                    self.lingers = false;
                }
            }
            Ok(StreamingEvent::Closed) => self.old = None,
            Err(error) if error.code.is_some() => self.old = None,
            Err(_) => self.forsake_old(),
        }
    }

    /// Nobody listens to the stream before any more. What it had still to tell is looked for.
    fn forsake_old(&mut self) {
        let Some((open, _)) = self.old.take() else { return };
        tracing::debug!(group = self.number, subscriptions = open.ids.len(), "the stream before did not end");
        self.lingers = true;
        let on_it = self.members.values().filter(|member| member.is_on(&open.ids));
        on_it.for_each(|member| member.tell(Heard::Listening));
    }

    fn hand_on(&self, notifications: Vec<Notification>) {
        for notification in notifications {
            let id = Some(notification.subscription.as_str());
            if let Some(member) = self.members.values().find(|member| member.id() == id) {
                member.tell(Heard::Events(vec![notification]));
            }
        }
    }

    /// The stream does not serve these subscriptions: they are made anew, here once, then in another group.
    fn refused(&mut self, ids: &[String], error: &Error) {
        if self.opening.is_some() && is_replaced(error) {
            if let Some(open) = &mut self.stream {
                open.ids.retain(|id| !ids.contains(id));
            }
            return;
        }
        let now = Instant::now();
        let is_refused = |member: &&Member<L>| member.id().is_some_and(|id| ids.iter().any(|refused| refused == id));
        let keys: Vec<Key> = self.members.values().filter(is_refused).map(|member| member.key).collect();
        let there = self.members.values().filter(|member| member.id().is_some()).count();
        tracing::info!(group = self.number, %error, refused = keys.len(), of = there, "subscriptions are lost");
        if keys.len() == there {
            // Not they, but the server they were made on.
            self.failures += 1;
            return self.begin_anew(error);
        }
        for key in keys {
            let Some(member) = self.members.get_mut(&key) else { continue };
            if member.struck.replace(now).is_some_and(|struck| now - struck < STRIKE) {
                self.send_elsewhere(key, error.clone());
            } else {
                member.state = State::Wanted;
            }
        }
    }

    /// The stream broke at that age, or did not open.
    fn broke(&mut self, error: Error, age: Duration) {
        let away = self.way.as_ref().is_some_and(|way| way.anchor.is_away());
        tracing::info!(group = self.number, %error, seconds = age.as_secs(), members = self.members.len(), "the event stream broke");
        self.gap = true;
        if age >= CUT {
            // Something on the way cuts connections of that age: the next one ends by itself before.
            self.minutes = u8::try_from(age.as_secs() / 60).unwrap_or(self.minutes).clamp(1, self.minutes);
            self.due = Some(Instant::now());
            self.failures = 0;
        } else {
            self.failures += 1;
        }
        if away || error.kind == ErrorKind::SignIn || self.failures > MOST_FAILURES {
            return self.end(&error);
        }
        if !error.kind.is_transient() {
            return self.begin_anew(&error);
        }
        if self.failures > 0 {
            self.rest_for(error.retry_after());
        }
    }

    /// All subscriptions are made anew, by another way.
    fn begin_anew(&mut self, error: &Error) {
        if self.failures > MOST_FAILURES {
            return self.end(error);
        }
        self.way = None;
        self.subscribing = JoinSet::new();
        (self.opening, self.stream, self.old, self.due) = (None, None, None, None);
        self.members.values_mut().for_each(|member| member.state = State::Wanted);
        // Each is told when it has its new one.
        self.gap = false;
        self.rest();
    }

    /// It does not work: everybody has to see for themselves.
    fn end(&mut self, error: &Error) {
        self.way = None;
        self.subscribing = JoinSet::new();
        (self.opening, self.stream, self.old, self.due, self.failures) = (None, None, None, None, 0);
        let all: Vec<Key> = self.members.keys().copied().collect();
        all.into_iter().for_each(|key| self.dismiss(key, error.clone()));
    }

    fn rest(&mut self) {
        self.rest_for(None);
    }

    fn rest_for(&mut self, hint: Option<Duration>) {
        let policy = Backoff { base: Duration::from_millis(500), max: Duration::from_secs(60) };
        self.rest = Some(Instant::now() + jitter(policy.delay(self.failures.saturating_sub(1), hint)));
    }

    fn left(&mut self, key: Key) {
        let Some(member) = self.members.remove(&key) else { return };
        if let (State::Subscribed(id), Some(way)) = (member.state, &self.way) {
            unsubscribe(member.line.routed(&way.route), id);
        }
    }

    fn send_elsewhere(&mut self, key: Key, error: Error) {
        if let Some(member) = self.members.remove(&key) {
            self.groups.transfer(member, self.number, error);
        }
    }

    fn dismiss(&mut self, key: Key, error: Error) {
        if let Some(member) = self.members.remove(&key) {
            self.groups.dismissed(key);
            member.tell(Heard::Failed(error));
        }
    }
}

impl<L: Line> Member<L> {
    pub(super) fn new(key: Key, line: L, ask: Subscribe, tell: UnboundedSender<Heard>, most: usize) -> Member<L> {
        Member { key, line, ask, tell, most, avoid: Vec::new(), state: State::Wanted, struck: None }
    }

    /// It is about to join another group.
    pub(super) fn moved_on(&mut self, from: Number) {
        self.avoid.push(from);
        self.state = State::Wanted;
        self.struck = None;
    }

    fn tell(&self, heard: Heard) {
        // Whoever does not listen any more is about to leave.
        let _ = self.tell.send(heard);
    }

    fn id(&self) -> Option<&str> {
        match &self.state {
            State::Subscribed(id) => Some(id),
            State::Wanted | State::Asked => None,
        }
    }

    fn is_on(&self, ids: &HashSet<String>) -> bool {
        self.id().is_some_and(|id| ids.contains(id))
    }
}

/// A subscription nobody reads counts against limits until it times out.
fn unsubscribe<L: Line>(line: L, id: String) {
    tokio::spawn(async move { line.unsubscribe(id).await });
}

/// A server that the group's way leads to does not have the mailbox.
fn is_elsewhere(error: &Error) -> bool {
    use crate::Cause;
    error.kind == ErrorKind::SubscriptionLost || error.cause == Some(Cause::MailboxElsewhere)
}

/// Another stream has taken subscriptions over.
fn is_replaced(error: &Error) -> bool {
    error.code.as_ref().is_some_and(|told| told.as_str() == "ErrorNewEventStreamConnectionOpened")
}

async fn never<T>() -> T {
    std::future::pending().await
}

/// Those who come within this time of each other are served together.
const MOMENT: Duration = Duration::from_millis(200);
/// Streams are not opened more often than that, for somebody who has come.
const PAUSE: Duration = Duration::from_secs(1);
/// The same where the stream before must be given up first, or does not end by itself.
const CROWDED: Duration = Duration::from_secs(15);
/// So long a stream is listened to that another one follows, if it does not end by itself.
const LATE: Duration = Duration::from_secs(5);
/// So many subscriptions are asked for at once, if the account may make so many calls.
const AT_ONCE: usize = 16;
/// EWS "ConnectionTimeout": as long as there may be.
const MINUTES: u8 = 30;
/// A stream that ends no sooner than this before its time was ended by Exchange.
const EARLY: Duration = Duration::from_secs(5);
/// A stream that broke at this age was not broken by Exchange: it tells that it lives every 45 s.
const CUT: Duration = Duration::from_secs(50);
/// A stream of this age works.
const PROVEN: Duration = Duration::from_secs(10);
/// A subscription that is refused twice within this time does not belong here.
const STRIKE: Duration = Duration::from_secs(300);
/// After so many failures in a row the group is given up.
const MOST_FAILURES: u32 = 3;
