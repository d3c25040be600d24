use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::line::{Events, Line, Route};
use super::{Groups, Heard, Hearing, Place, place};
use crate::op::get_events::Notification;
use crate::op::subscribe::{Delivery, EventType, Subscribe};
use crate::{Error, ErrorKind, ItemError, ResponseCode, StreamingEvent};

#[test]
fn mailboxes_of_one_server_sit_together_as_long_as_there_is_room() {
    let (east, west) = (Some("east"), Some("west"));
    assert_eq!(place(&[], None, &[], 2), Place::New);
    assert_eq!(place(&[(1, None, 7)], None, &[], 2), Place::Group(1));
    assert_eq!(place(&[(1, None, 200)], None, &[], 2), Place::New);
    assert_eq!(place(&[(1, None, 7)], None, &[1], 2), Place::New, "that one could not serve it");
    assert_eq!(place(&[(1, east, 7)], west, &[], 2), Place::New);
    assert_eq!(place(&[(1, east, 7), (2, west, 200)], west, &[], 2), Place::Group(1), "better than none");
    assert_eq!(place(&[(1, None, 200), (2, None, 200)], None, &[], 2), Place::Nowhere);
    assert_eq!(place(&[(1, None, 7)], None, &[1], 1), Place::Nowhere);
}

#[tokio::test(start_paused = true)]
async fn those_who_come_together_share_a_way_and_a_stream() {
    let fake = Fake::default();
    let mut all = fake.hear_all(&["mia", "anna", "ben"]);
    for hearing in &mut all {
        listening(hearing).await;
    }
    let stream = fake.stream().await;
    assert_eq!(stream.ids, ["anna/1", "ben/3", "mia/2"], "whoever is first in the alphabet begins, alone");
    assert_eq!(fake.anchors(), ["anna", "anna", "anna"]);
    stream.events("mia/2");
    events(&mut all[0]).await;
    quiet(&mut all[1]).await;
    stream.is_open();
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_or_goes_disturbs_nobody() {
    let fake = Fake::default();
    let mut all = fake.hear_all(&["anna", "ben"]);
    for hearing in &mut all {
        listening(hearing).await;
    }
    let before = fake.stream().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut carl = fake.hear("carl");
    listening(&mut carl).await;
    let after = fake.stream().await;
    assert_eq!(after.ids, ["anna/1", "ben/2", "carl/3"]);
    before.is_open();
    // What was on its way on the old stream still counts.
    before.events("ben/2");
    after.events("anna/1");
    events(&mut all[1]).await;
    events(&mut all[0]).await;
    before.is_replaced();
    before.closes().await;
    // Nobody was told to look for anything.
    quiet(&mut all[0]).await;
    quiet(&mut all[1]).await;
    drop(carl);
    quiet(&mut all[0]).await;
    assert_eq!(fake.ended(), ["carl/3"]);
    after.is_open();
    fake.no_stream().await;
    // The last one closes the door.
    drop(all);
    after.closes().await;
}

/// Nobody of the first ones waits, nor looks for anything, while the others come.
#[tokio::test(start_paused = true)]
async fn where_each_group_has_streams_of_its_own_there_are_as_many_as_are_needed() {
    let fake = Fake(Arc::new(State { charged_to_mailbox: true, ..State::default() }));
    let names: Vec<String> = (0..450).map(|number| format!("user{number:03}")).collect();
    let mut all: Vec<Hearing> = names.iter().take(300).map(|name| fake.hear(name)).collect();
    for hearing in &mut all {
        listening(hearing).await;
    }
    let mut streams = fake.streams_of(300).await;
    all.extend(names.iter().skip(300).map(|name| fake.hear(name)));
    for hearing in all.iter_mut().skip(300) {
        listening(hearing).await;
    }
    let more = fake.streams_of(250).await;
    let mut sizes: Vec<usize> = more.iter().map(|stream| stream.ids.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [50, 200]);
    // The second group's first stream is replaced, and the first group's is as it was.
    let replaced = streams.iter().position(|stream| stream.ids.len() == 100).unwrap();
    let replaced = streams.swap_remove(replaced);
    replaced.is_replaced();
    replaced.closes().await;
    streams[0].is_open();
    quiet(&mut all[0]).await;
    quiet(&mut all[250]).await;
    assert_eq!(fake.ways(), 3);
}

/// What it was asked to tell may be on its way for ever.
#[tokio::test(start_paused = true)]
async fn what_a_stream_that_does_not_end_has_not_told_is_looked_for() {
    let fake = Fake::default();
    let mut all = fake.hear_all(&["anna", "ben"]);
    for hearing in &mut all {
        listening(hearing).await;
    }
    let before = fake.stream().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut carl = fake.hear("carl");
    listening(&mut carl).await;
    let after = fake.stream().await;
    before.replaced(&["ben/2"]);
    before.closes().await;
    listening(&mut all[0]).await;
    quiet(&mut all[1]).await;
    quiet(&mut carl).await;
    after.is_open();
}

#[tokio::test(start_paused = true)]
async fn many_who_come_one_by_one_are_collected() {
    let fake = Fake::default();
    let mut all = fake.hear_all(&["anna"]);
    listening(&mut all[0]).await;
    fake.stream().await.keep();
    let began = Instant::now();
    for number in 0..50 {
        all.push(fake.hear(&format!("user{number:02}")));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut opened = 0;
    loop {
        let stream = fake.stream().await;
        opened += 1;
        if stream.ids.len() == 51 {
            break;
        }
        stream.keep();
    }
    let took = began.elapsed().as_secs() + 1;
    assert!(opened <= took, "{opened} streams in {took} s");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_is_opened_again_and_all_look_for_what_they_missed() {
    let fake = Fake::default();
    let mut all = fake.hear_all(&["anna", "ben"]);
    for hearing in &mut all {
        listening(hearing).await;
    }
    let stream = fake.stream().await;
    stream.breaks();
    let again = fake.stream().await;
    assert_eq!(again.ids, ["anna/1", "ben/2"]);
    for hearing in &mut all {
        listening(hearing).await;
    }
    // It ends in good order: what happens until the next one waits there.
    tokio::time::sleep(Duration::from_secs(30 * 60)).await;
    again.tell(StreamingEvent::Closed);
    let last = fake.stream().await;
    quiet(&mut all[0]).await;
    // It ends too soon: somebody on the way may have ended it.
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    last.tell(StreamingEvent::Closed);
    fake.stream().await.is_open();
    for hearing in &mut all {
        listening(hearing).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_stream_refuses_is_made_anew_and_then_tried_elsewhere() {
    let fake = Fake::default();
    let mut all = fake.hear_all(&["anna", "ben"]);
    for hearing in &mut all {
        listening(hearing).await;
    }
    let first = fake.stream().await;
    first.refuses("ben/2");
    listening(&mut all[1]).await;
    let second = fake.stream().await;
    assert_eq!(second.ids, ["anna/1", "ben/3"]);
    first.is_replaced();
    second.refuses("ben/3");
    listening(&mut all[1]).await;
    let third = fake.stream().await;
    assert_eq!(third.ids, ["ben/4"], "a group of its own");
    assert_eq!(fake.anchors().last().unwrap(), "ben");
    third.events("ben/4");
    events(&mut all[1]).await;
    quiet(&mut all[0]).await;
    second.is_open();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_forgot_everybody_is_found_anew() {
    let fake = Fake::default();
    let mut all = fake.hear_all(&["anna", "ben"]);
    for hearing in &mut all {
        listening(hearing).await;
    }
    let stream = fake.stream().await;
    let ways = fake.ways();
    stream.tell(StreamingEvent::Refused { subscriptions: stream.ids.clone(), error: lost() });
    for hearing in &mut all {
        listening(hearing).await;
    }
    assert_eq!(fake.stream().await.ids, ["anna/3", "ben/4"]);
    assert_eq!(fake.ways(), ways + 1, "the old cookie led to the server that forgot");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_refused_alone_hears_it_alone() {
    let fake = Fake::default();
    fake.refuse("anna", Error::new(ErrorKind::Denied, "no"));
    let mut all = fake.hear_all(&["anna", "ben"]);
    assert!(matches!(all[0].next().await, Heard::Failed(error) if error.kind == ErrorKind::Denied));
    listening(&mut all[1]).await;
    assert_eq!(fake.stream().await.ids, ["ben/1"]);
}

#[tokio::test(start_paused = true)]
async fn where_one_stream_is_all_there_is_it_is_given_up_for_the_next() {
    let fake = Fake::default();
    fake.0.spare.forget_permits(1);
    let mut all = fake.hear_all(&["anna"]);
    listening(&mut all[0]).await;
    let before = fake.stream().await;
    all.push(fake.hear("ben"));
    listening(&mut all[1]).await;
    before.closes().await;
    let after = fake.stream().await;
    assert_eq!(after.ids, ["anna/1", "ben/2"]);
    listening(&mut all[0]).await;
}

#[tokio::test(start_paused = true)]
async fn exchange_that_is_away_leaves_everybody_to_themselves() {
    let fake = Fake::default();
    let mut all = fake.hear_all(&["anna", "ben"]);
    for hearing in &mut all {
        listening(hearing).await;
    }
    let stream = fake.stream().await;
    *fake.0.away.lock().unwrap() = true;
    stream.breaks();
    for hearing in &mut all {
        assert!(matches!(hearing.next().await, Heard::Failed(_)));
    }
    *fake.0.away.lock().unwrap() = false;
    let mut again = fake.hear("anna");
    listening(&mut again).await;
    assert_eq!(fake.stream().await.ids, ["anna/3"]);
}

/// An Exchange that gives ids `name/number`.
#[derive(Clone, Default)]
struct Fake(Arc<State>);

struct State {
    groups: Groups<Mailbox>,
    made: Mutex<u32>,
    refusals: Mutex<HashMap<String, Error>>,
    /// By which anchors subscriptions were made.
    anchors: Mutex<Vec<String>>,
    /// Ways that were begun: requests without a cookie.
    ways: Mutex<usize>,
    ended: Mutex<Vec<String>>,
    /// Each group has two streams, and not all of them together.
    charged_to_mailbox: bool,
    spare: Arc<Semaphore>,
    away: Mutex<bool>,
    opened: UnboundedSender<Stage>,
    openings: tokio::sync::Mutex<UnboundedReceiver<Stage>>,
}

#[derive(Clone)]
struct Mailbox {
    name: String,
    fake: Fake,
    route: Option<Route>,
}

/// The far end of a stream.
struct Stage {
    ids: Vec<String>,
    tell: UnboundedSender<Result<StreamingEvent, Error>>,
}

/// A stream that was opened.
struct Stream {
    told: UnboundedReceiver<Result<StreamingEvent, Error>>,
    _permit: OwnedSemaphorePermit,
}

impl Default for State {
    fn default() -> State {
        let (opened, openings) = unbounded_channel();
        State {
            groups: Groups::default(),
            made: Mutex::default(),
            refusals: Mutex::default(),
            anchors: Mutex::default(),
            ways: Mutex::default(),
            ended: Mutex::default(),
            charged_to_mailbox: false,
            spare: Arc::new(Semaphore::new(2)),
            away: Mutex::default(),
            opened,
            openings: tokio::sync::Mutex::new(openings),
        }
    }
}

impl Fake {
    fn hear(&self, name: &str) -> Hearing {
        let line = Mailbox { name: name.to_owned(), fake: self.clone(), route: None };
        let ask = Subscribe { folders: None, events: EventType::MAIL.to_vec(), delivery: Delivery::Streaming };
        let most = if self.0.charged_to_mailbox { usize::MAX } else { 2 };
        self.0.groups.hear(line, ask, most)
    }

    fn hear_all(&self, names: &[&str]) -> Vec<Hearing> {
        names.iter().map(|name| self.hear(name)).collect()
    }

    fn refuse(&self, name: &str, error: Error) {
        self.0.refusals.lock().unwrap().insert(name.to_owned(), error);
    }

    fn anchors(&self) -> Vec<String> {
        self.0.anchors.lock().unwrap().clone()
    }

    fn ways(&self) -> usize {
        *self.0.ways.lock().unwrap()
    }

    fn ended(&self) -> Vec<String> {
        self.0.ended.lock().unwrap().clone()
    }

    /// The next stream that is opened.
    async fn stream(&self) -> Stage {
        let mut openings = self.0.openings.lock().await;
        timeout(Duration::from_secs(3600), openings.recv()).await.expect("a stream is opened").unwrap()
    }

    /// The next streams, until so many subscriptions are on them; those before are left open.
    async fn streams_of(&self, subscriptions: usize) -> Vec<Stage> {
        let mut streams: Vec<Stage> = Vec::new();
        while streams.iter().map(|stream| stream.ids.len()).sum::<usize>() < subscriptions {
            streams.push(self.stream().await);
        }
        streams
    }

    async fn no_stream(&self) {
        let mut openings = self.0.openings.lock().await;
        assert!(timeout(Duration::from_secs(60), openings.recv()).await.is_err(), "no stream is opened");
    }
}

impl Line for Mailbox {
    type Stream = Stream;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn server(&self) -> Option<Arc<str>> {
        None
    }

    fn way(&self) -> Route {
        let streams = match self.fake.0.charged_to_mailbox {
            true => Arc::new(Semaphore::new(2)),
            false => Arc::clone(&self.fake.0.spare),
        };
        Route { anchor: Arc::from(self.name()), cookies: Arc::default(), streams }
    }

    fn routed(&self, route: &Route) -> Mailbox {
        Mailbox { route: Some(route.clone()), ..self.clone() }
    }

    async fn subscribe(&self, _ask: &Subscribe) -> Result<String, Error> {
        let state = &self.fake.0;
        if let Some(error) = state.refusals.lock().unwrap().get(&self.name) {
            return Err(error.clone());
        }
        let route = self.route.as_ref().unwrap();
        let begins = route.cookies.lock().unwrap().is_empty();
        if begins {
            *state.ways.lock().unwrap() += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
            route.cookies.lock().unwrap().push(("X-BackEndOverrideCookie".to_owned(), "1".to_owned()));
        }
        state.anchors.lock().unwrap().push(route.anchor.to_string());
        let mut made = state.made.lock().unwrap();
        *made += 1;
        Ok(format!("{}/{made}", self.name))
    }

    async fn unsubscribe(&self, id: String) {
        self.fake.0.ended.lock().unwrap().push(id);
    }

    async fn open(&self, mut ids: Vec<String>, _minutes: u8) -> Result<Stream, Error> {
        let (tell, told) = unbounded_channel();
        ids.sort();
        let streams = &self.route.as_ref().unwrap().streams;
        let permit = Arc::clone(streams).acquire_owned().await.unwrap();
        self.fake.0.opened.send(Stage { ids, tell }).unwrap();
        Ok(Stream { told, _permit: permit })
    }

    fn is_away(&self) -> bool {
        *self.fake.0.away.lock().unwrap()
    }
}

impl Events for Stream {
    async fn next(&mut self) -> Result<StreamingEvent, Error> {
        match self.told.recv().await {
            Some(told) => told,
            // A stream that is kept open.
            None => std::future::pending().await,
        }
    }
}

impl Stage {
    fn tell(&self, event: StreamingEvent) {
        self.tell.send(Ok(event)).unwrap();
    }

    fn events(&self, id: &str) {
        let notification = Notification { subscription: id.to_owned(), ..Notification::default() };
        self.tell(StreamingEvent::Events(vec![notification]));
    }

    fn refuses(&self, id: &str) {
        self.tell(StreamingEvent::Refused { subscriptions: vec![id.to_owned()], error: lost() });
    }

    /// Another stream has taken over these subscriptions.
    fn replaced(&self, ids: &[&str]) {
        let code = ResponseCode::new("ErrorNewEventStreamConnectionOpened");
        let error = ItemError { kind: ErrorKind::Refused, code, message: "another stream".to_owned() }.into();
        let subscriptions = ids.iter().map(|id| (*id).to_owned()).collect();
        self.tell(StreamingEvent::Refused { subscriptions, error });
    }

    fn is_replaced(&self) {
        self.replaced(&self.ids.iter().map(String::as_str).collect::<Vec<_>>());
    }

    fn breaks(&self) {
        self.tell.send(Err(Error::unavailable("broke"))).unwrap();
    }

    fn is_open(&self) {
        assert!(!self.tell.is_closed());
    }

    async fn closes(&self) {
        timeout(Duration::from_secs(60), self.tell.closed()).await.expect("the stream is closed");
    }

    /// It goes on, and says nothing more.
    fn keep(self) {}
}

fn lost() -> Error {
    let code = ResponseCode::new("ErrorSubscriptionNotFound");
    ItemError { kind: ErrorKind::SubscriptionLost, code, message: "gone".to_owned() }.into()
}

async fn listening(hearing: &mut Hearing) {
    let heard = timeout(Duration::from_secs(60), hearing.next()).await;
    assert!(matches!(heard, Ok(Heard::Listening)), "{heard:?}");
}

async fn events(hearing: &mut Hearing) {
    let heard = timeout(Duration::from_secs(60), hearing.next()).await;
    assert!(matches!(heard, Ok(Heard::Events(_))), "{heard:?}");
}

async fn quiet(hearing: &mut Hearing) {
    let heard = timeout(Duration::from_secs(5), hearing.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}
