//! How many calls may be in flight at once, and who is next: a limit that finds its own height.
//!
//! Exchange tells nobody what it allows (EWS "EWS throttling in Exchange"), so the limit starts low, is halved when
//! Exchange says that it is busy, and grows by one after a window of good calls in which all of it was wanted. What
//! once was too much is not tried again for a while, so that a steady state has no refusals in it.
//!
//! What nobody waits for takes all but one of the places while nobody else wants anything. Exchange and its network are
//! shared all the same, so it goes one by one from the call on with which somebody else comes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

/// Who waits for a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Nobody: caches are filled, sizes found out.
    Background,
    /// A client that idles, and would like to hear of news soon.
    Idle,
    /// A person in front of a client.
    #[default]
    User,
}

/// For whom a call is made: calls of equal priority take turns by session, however many each of them has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Who waits for it.
    pub priority: Priority,
    /// Which session of an identity it belongs to, by a number of the caller's choice; 0 for none.
    pub session: u64,
}

/// How high a limit may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Height {
    /// To begin with.
    pub(crate) start: usize,
    /// At most.
    pub(crate) most: usize,
}

/// Leave for a number of calls at once.
#[derive(Debug)]
pub(crate) struct Limiter {
    state: Mutex<State>,
    /// The limit above this one, and which session of it this one is.
    above: Option<(Arc<Limiter>, u64)>,
}

/// Leave for one call, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    limiter: Arc<Limiter>,
    caller: Caller,
    /// When it was given.
    since: Instant,
}

#[derive(Debug)]
struct State {
    limit: usize,
    most: usize,
    /// What was too much, and until when it is believed to be.
    ceiling: Option<(usize, Instant)>,
    in_flight: usize,
    /// Those of them that no person waits for.
    unattended: usize,
    /// Those in flight or waiting that a person waits for.
    attended: usize,
    /// The sessions of which a person wanted something last, and when.
    people: [Option<(u64, Instant)>; 2],
    /// Good answers since the limit last changed.
    good: usize,
    /// All of the limit was wanted since it last changed.
    wanted: bool,
    cut: Option<Instant>,
    sessions: HashMap<u64, Session>,
    waiting: Vec<Waiting>,
    counter: u64,
}

/// What is known of a session that has calls in flight or waiting.
#[derive(Debug, Default)]
struct Session {
    in_flight: usize,
    waiting: usize,
    /// Those in flight that nobody waits for.
    background: usize,
    /// Those in flight or waiting that a person waits for.
    attended: usize,
    /// When it last got leave, by the limiter's own count.
    served: u64,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    caller: Caller,
    since: Instant,
    leave: oneshot::Sender<Permit>,
}

impl Limiter {
    pub(crate) fn new(height: Height) -> Limiter {
        let most = height.most.max(1);
        let state = State {
            limit: height.start.clamp(1, most),
            most,
            ceiling: None,
            in_flight: 0,
            unattended: 0,
            people: [None; 2],
            attended: 0,
            good: 0,
            wanted: false,
            cut: None,
            sessions: HashMap::new(),
            waiting: Vec::new(),
            counter: 0,
        };
        Limiter { state: Mutex::new(state), above: None }
    }

    /// The same, as a session of a limit above it: what people want of its other sessions counts here too.
    pub(crate) fn below(self, above: Arc<Limiter>, session: u64) -> Limiter {
        Limiter { above: Some((above, session)), ..self }
    }

    /// Waits for leave. May be cancelled.
    pub(crate) async fn permit(self: &Arc<Self>, caller: Caller) -> Permit {
        loop {
            let (number, leave) = self.queue(caller);
            let _place = Place { limiter: self, number };
            self.admit();
            // The sender stands in the queue until it has sent, so this fails only if the place was lost.
            if let Ok(permit) = leave.await {
                return permit;
            }
        }
    }

    /// Exchange answered a call made with leave since then.
    pub(crate) fn good(self: &Arc<Self>, since: Instant) {
        self.lock().good(since);
        self.admit();
    }

    /// Exchange was too busy for a call made with leave since then. Those that were on their way together count once.
    pub(crate) fn busy(&self, since: Instant) {
        self.lock().busy(since, Instant::now());
    }

    /// The limit begins at least there.
    pub(crate) fn at_least(self: &Arc<Self>, start: usize) {
        {
            let mut state = self.lock();
            if state.cut.is_none() {
                state.limit = state.limit.max(start.min(state.most));
            }
        }
        self.admit();
    }

    /// The limit may rise so far.
    pub(crate) fn up_to(&self, most: usize) {
        let mut state = self.lock();
        state.most = state.most.max(most);
    }

    /// How many calls may be in flight now, and how many are.
    pub(crate) fn level(&self) -> (usize, usize) {
        let state = self.lock();
        (state.limit, state.in_flight)
    }

    fn queue(&self, caller: Caller) -> (u64, oneshot::Receiver<Permit>) {
        let (leave, receiver) = oneshot::channel();
        let mut state = self.lock();
        state.counter += 1;
        let number = state.counter;
        state.session(caller.session).waiting += 1;
        state.wanted_by(caller, Instant::now());
        state.waiting.push(Waiting { number, caller, since: Instant::now(), leave });
        (number, receiver)
    }

    /// Gives leave to whoever is next, as long as there is any.
    fn admit(self: &Arc<Self>) {
        loop {
            let now = Instant::now();
            let others = self.above.as_ref().is_some_and(|(above, session)| above.lock().others_want(*session, now));
            let Some(next) = self.lock().next(now, others) else { return };
            let permit = Permit { limiter: Arc::clone(self), caller: next.caller, since: Instant::now() };
            // Whoever went away in this very moment leaves it to the next by dropping it.
            drop(next.leave.send(permit));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// When it was given.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limiter.lock().ended(self.caller, Instant::now());
        self.limiter.admit();
    }
}

impl State {
    /// Takes whoever is next out of the queue, and counts its call as in flight. What nobody waits for goes one by one
    /// while people want something of other sessions, here or, as `others` says, in the limit above.
    fn next(&mut self, now: Instant, others: bool) -> Option<Waiting> {
        if self.in_flight >= self.limit {
            self.wanted |= !self.waiting.is_empty();
            return None;
        }
        // One place is kept for people, if there are two.
        let room = self.unattended < self.limit.saturating_sub(1).max(1);
        let may = |waiting: &&Waiting| match waiting.caller.priority {
            Priority::User => true,
            Priority::Idle => room,
            Priority::Background => room && self.may_go_beside(waiting.caller.session, now, others),
        };
        let next = self.waiting.iter().filter(may).min_by_key(|waiting| self.rank(waiting, now))?.number;
        let next = self.leave_queue(next)?;
        self.counter += 1;
        let served = self.counter;
        let session = self.session(next.caller.session);
        session.in_flight += 1;
        session.background += usize::from(next.caller.priority == Priority::Background);
        session.served = served;
        self.wanted_by(next.caller, now);
        self.in_flight += 1;
        self.unattended += usize::from(next.caller.priority != Priority::User);
        Some(next)
    }

    /// The least comes first: by priority, then whose session has least in flight, then whose turn is longest ago.
    fn rank(&self, waiting: &Waiting, now: Instant) -> (std::cmp::Reverse<Priority>, usize, u64, u64) {
        let old = now.saturating_duration_since(waiting.since) >= LONG;
        let priority = if old { Priority::User } else { waiting.caller.priority };
        let (in_flight, served) =
            self.sessions.get(&waiting.caller.session).map_or((0, 0), |session| (session.in_flight, session.served));
        (std::cmp::Reverse(priority), in_flight, served, waiting.number)
    }

    fn leave_queue(&mut self, number: u64) -> Option<Waiting> {
        let at = self.waiting.iter().position(|waiting| waiting.number == number)?;
        let waiting = self.waiting.swap_remove(at);
        self.session(waiting.caller.session).waiting -= 1;
        self.left(waiting.caller);
        Some(waiting)
    }

    /// A session may have another call that nobody waits for.
    fn may_go_beside(&self, session: u64, now: Instant, others: bool) -> bool {
        let has_one = self.sessions.get(&session).is_some_and(|session| session.background > 0);
        !has_one || !(others || self.others_want(session, now))
    }

    /// People want, or wanted a moment ago, something of other sessions than this one.
    fn others_want(&self, session: u64, now: Instant) -> bool {
        let own = self.sessions.get(&session).map_or(0, |session| session.attended);
        let lately = |(other, at): &(u64, Instant)| *other != session && now.saturating_duration_since(*at) < MOMENT;
        self.attended > own || self.people.iter().flatten().any(lately)
    }

    /// A call waits or begins.
    fn wanted_by(&mut self, caller: Caller, now: Instant) {
        if caller.priority == Priority::User {
            self.attended += 1;
            self.session(caller.session).attended += 1;
            self.note_person(caller.session, now);
        }
    }

    /// A call waits no more, or is over.
    fn left(&mut self, caller: Caller) {
        if caller.priority == Priority::User {
            self.attended -= 1;
            self.session(caller.session).attended -= 1;
        }
    }

    fn note_person(&mut self, session: u64, now: Instant) {
        // What no session asks for, as when a mailbox comes to life, tells of nobody who may want more.
        if session == 0 {
            return;
        }
        if let [Some((last, _)), _] = self.people
            && last != session
        {
            self.people.swap(0, 1);
        }
        self.people[0] = Some((session, now));
    }

    /// A call that had leave is over.
    fn ended(&mut self, caller: Caller, now: Instant) {
        self.wanted |= self.in_flight >= self.limit;
        self.in_flight -= 1;
        self.unattended -= usize::from(caller.priority != Priority::User);
        let session = self.session(caller.session);
        session.in_flight -= 1;
        session.background -= usize::from(caller.priority == Priority::Background);
        if caller.priority == Priority::User {
            self.note_person(caller.session, now);
        }
        self.left(caller);
    }

    /// What is known of a session. Whose turn was when is forgotten once there are too many to remember.
    fn session(&mut self, number: u64) -> &mut Session {
        if self.sessions.len() >= MANY {
            self.sessions.retain(|_, session| session.in_flight + session.waiting > 0);
        }
        self.sessions.entry(number).or_default()
    }

    fn good(&mut self, since: Instant) {
        if self.cut.is_some_and(|cut| since < cut) {
            return;
        }
        self.good += 1;
        if self.good < self.limit * WINDOW {
            return;
        }
        let grows = self.wanted && self.limit < self.highest(Instant::now());
        self.limit += usize::from(grows);
        (self.good, self.wanted) = (0, false);
    }

    fn busy(&mut self, since: Instant, now: Instant) {
        if self.cut.is_some_and(|cut| since < cut) {
            return;
        }
        // A server that is busy with others says so at any number, which tells nothing of what is too much.
        if self.wanted || self.in_flight >= self.limit {
            self.ceiling = Some((self.limit.saturating_sub(1).max(1), now + REMEMBERED));
        }
        self.limit = (self.limit / 2).max(1);
        self.cut = Some(now);
        (self.good, self.wanted) = (0, false);
    }

    fn highest(&self, now: Instant) -> usize {
        match self.ceiling {
            Some((ceiling, until)) if now < until => ceiling.min(self.most),
            _ => self.most,
        }
    }
}

/// A place in the queue, given up when dropped.
struct Place<'a> {
    limiter: &'a Limiter,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        drop(self.limiter.lock().leave_queue(self.number));
    }
}

/// So many good answers for each call that may be in flight make a window.
const WINDOW: usize = 10;
/// How long what was too much is not tried again.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// Whoever has waited that long is treated as if somebody waited for it.
const LONG: Duration = Duration::from_secs(10);
/// A person who wanted something may want more within that time.
const MOMENT: Duration = Duration::from_secs(1);
/// So many sessions are remembered.
const MANY: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::task::JoinSet;

    use super::*;

    const USER: Caller = Caller { priority: Priority::User, session: 1 };
    const SECOND: Duration = Duration::from_secs(1);

    fn limiter(start: usize, most: usize) -> Arc<Limiter> {
        Arc::new(Limiter::new(Height { start, most }))
    }

    fn caller(priority: Priority, session: u64) -> Caller {
        Caller { priority, session }
    }

    /// Queues these in order while everything is taken, and tells in which order they get leave when one at a time does.
    async fn order(turns: &[(Priority, u64)]) -> Vec<(Priority, u64)> {
        let limiter = limiter(1, 1);
        let first = limiter.permit(caller(Priority::User, u64::MAX)).await;
        let (done, mut told) = tokio::sync::mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        for (priority, session) in turns.iter().copied() {
            let (limiter, done) = (Arc::clone(&limiter), done.clone());
            tasks.spawn(async move {
                let _permit = limiter.permit(caller(priority, session)).await;
                let _ = done.send((priority, session));
            });
            tokio::task::yield_now().await;
        }
        drop((first, done));
        let mut order = Vec::new();
        while let Some(next) = told.recv().await {
            order.push(next);
        }
        order
    }

    #[tokio::test(start_paused = true)]
    async fn people_come_before_idling_clients_and_these_before_what_nobody_waits_for() {
        use Priority::{Background, Idle, User};
        let told = order(&[(Background, 1), (Idle, 2), (User, 3), (Background, 4), (User, 5)]).await;
        assert_eq!(told, [(User, 3), (User, 5), (Idle, 2), (Background, 1), (Background, 4)]);
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_take_turns_however_much_each_of_them_wants() {
        let user = |session| (Priority::User, session);
        let told = order(&[user(1), user(1), user(1), user(1), user(2), user(2), user(3)]).await;
        assert_eq!(told.iter().map(|(_, session)| *session).collect::<Vec<_>>(), [1, 2, 3, 1, 2, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let limiter = limiter(1, 1);
        let taken = limiter.permit(USER).await;
        let background = tokio::spawn({
            let limiter = Arc::clone(&limiter);
            async move { limiter.permit(caller(Priority::Background, 2)).await }
        });
        tokio::time::sleep(LONG).await;
        let user = tokio::spawn({
            let limiter = Arc::clone(&limiter);
            async move { limiter.permit(USER).await }
        });
        tokio::task::yield_now().await;
        drop(taken);
        drop(background.await.unwrap());
        drop(user.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn one_place_is_kept_for_people() {
        let limiter = limiter(3, 3);
        let _one = limiter.permit(caller(Priority::Background, 1)).await;
        let _two = limiter.permit(caller(Priority::Idle, 2)).await;
        let third = limiter.permit(caller(Priority::Background, 3));
        assert!(tokio::time::timeout(SECOND, third).await.is_err());
        let _user = limiter.permit(USER).await;
        assert_eq!(limiter.level(), (3, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_waits_for_goes_widely_only_while_nobody_else_wants_anything() {
        let background = caller(Priority::Background, 1);
        let limiter = limiter(8, 8);
        drop(limiter.permit(USER).await);
        let mut wide = Vec::new();
        for _ in 0..7 {
            wide.push(limiter.permit(background).await);
        }
        let person = limiter.permit(caller(Priority::User, 2)).await;
        drop(person);
        wide.truncate(1);
        assert!(tokio::time::timeout(MOMENT / 2, limiter.permit(background)).await.is_err());
        let other = limiter.permit(caller(Priority::Background, 3)).await;
        drop(other);
        tokio::time::advance(MOMENT).await;
        wide.push(limiter.permit(background).await);
        assert_eq!(limiter.level(), (8, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn people_above_count_too() {
        let background = caller(Priority::Background, 1);
        let above = limiter(8, 8);
        let limiter = Arc::new(Limiter::new(Height { start: 8, most: 8 }).below(Arc::clone(&above), 5));
        let _own = above.permit(caller(Priority::User, 5)).await;
        let _wide = (limiter.permit(background).await, limiter.permit(background).await);
        let other = above.permit(caller(Priority::User, 6)).await;
        assert!(tokio::time::timeout(SECOND, limiter.permit(background)).await.is_err());
        drop(other);
        tokio::time::advance(MOMENT).await;
        drop(limiter.permit(background).await);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_goes_away_leaves_the_queue() {
        let limiter = limiter(1, 1);
        let taken = limiter.permit(USER).await;
        assert!(tokio::time::timeout(SECOND, limiter.permit(USER)).await.is_err());
        drop(taken);
        drop(limiter.permit(USER).await);
        assert_eq!(limiter.level(), (1, 0));
        assert!(limiter.lock().waiting.is_empty());
    }

    /// Good calls, as many at once as may be, until a server that allows `allowed` has refused or time is over.
    async fn use_up(limiter: &Arc<Limiter>, allowed: usize, rounds: usize) -> usize {
        let mut refused = 0;
        for _ in 0..rounds {
            let mut permits = Vec::new();
            while limiter.level().1 < limiter.level().0 {
                permits.push(limiter.permit(USER).await);
            }
            let waiting = limiter.permit(USER);
            tokio::pin!(waiting);
            assert!(tokio::time::timeout(Duration::from_millis(1), &mut waiting).await.is_err());
            let busy = permits.len() > allowed;
            for permit in permits {
                if busy {
                    limiter.busy(permit.since())
                } else {
                    limiter.good(permit.since())
                }
                tokio::time::advance(Duration::from_millis(10)).await;
            }
            refused += usize::from(busy);
        }
        refused
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_grows_while_all_is_well_and_wanted() {
        let limiter = limiter(4, 10);
        assert_eq!(use_up(&limiter, 100, 200).await, 0);
        assert_eq!(limiter.level(), (10, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn it_stays_where_it_is_if_nobody_wants_more() {
        let limiter = limiter(4, 10);
        for _ in 0..1000 {
            let permit = limiter.permit(USER).await;
            limiter.good(permit.since());
        }
        assert_eq!(limiter.level(), (4, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_too_much_is_not_tried_again_soon() {
        let limiter = limiter(4, 10);
        assert_eq!(use_up(&limiter, 6, 200).await, 1, "one refusal, and then it is known");
        assert_eq!(limiter.level().0, 6);
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(use_up(&limiter, 8, 400).await, 1, "more is tried after a while");
        assert_eq!(limiter.level().0, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_refused_together_count_once() {
        let limiter = limiter(8, 10);
        let mut permits = Vec::new();
        for _ in 0..8 {
            permits.push(limiter.permit(USER).await);
        }
        tokio::time::advance(SECOND).await;
        permits.iter().for_each(|permit| limiter.busy(permit.since()));
        assert_eq!(limiter.level().0, 4);
        permits.iter().for_each(|permit| limiter.good(permit.since()));
        drop(permits);
        let late = limiter.permit(USER).await;
        limiter.busy(late.since());
        assert_eq!(limiter.level().0, 2);
        for _ in 0..10 {
            tokio::time::advance(SECOND).await;
            limiter.busy(Instant::now());
        }
        assert_eq!(limiter.level().0, 1, "one call at a time is always left");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever sessions ask for, and whoever gives up: never more than the limit, nobody is forgotten, and no
        /// session gets much less than another that wants as much.
        #[test]
        fn never_more_than_the_limit_and_everybody_in_turn(
            most in 1_usize..10,
            calls in proptest::collection::vec((0_u64..5, 0_usize..3, 1_u64..50, any::<bool>()), 1..120),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let limiter = limiter(most, most);
                let flying = Arc::new(std::sync::atomic::AtomicUsize::new(0));
                let mut tasks = JoinSet::new();
                for (session, priority, takes, gives_up) in calls {
                    let priority = [Priority::User, Priority::Idle, Priority::Background][priority];
                    let (limiter, flying) = (Arc::clone(&limiter), Arc::clone(&flying));
                    tasks.spawn(async move {
                        let wait = if gives_up { Duration::from_millis(takes) } else { Duration::MAX };
                        let leave = tokio::time::timeout(wait, limiter.permit(caller(priority, session))).await;
                        let Ok(_permit) = leave else { return };
                        let now = flying.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
                        assert!(now <= most, "{now} in flight of {most}");
                        tokio::time::sleep(Duration::from_millis(takes)).await;
                        flying.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    });
                }
                while let Some(ended) = tasks.join_next().await {
                    ended.unwrap();
                }
                assert_eq!(limiter.level(), (most, 0));
                assert_eq!(limiter.lock().unattended, 0);
                assert!(limiter.lock().waiting.is_empty());
            });
        }

        /// Two sessions that always want more get as much as each other, whatever number of calls each has waiting.
        #[test]
        fn a_greedy_session_gets_no_more_than_a_modest_one(most in 1_usize..8, greedy in 1_usize..60) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let limiter = limiter(most, most);
                let served = Arc::new([0, 0].map(std::sync::atomic::AtomicUsize::new));
                let mut tasks = JoinSet::new();
                for session in std::iter::repeat_n(0_u64, greedy.max(most)).chain(std::iter::repeat_n(1_u64, most)) {
                    let (limiter, served) = (Arc::clone(&limiter), Arc::clone(&served));
                    tasks.spawn(async move {
                        loop {
                            let _permit = limiter.permit(caller(Priority::User, session)).await;
                            tokio::time::sleep(Duration::from_millis(10)).await;
                            let count = &served[usize::try_from(session).unwrap()];
                            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        }
                    });
                }
                tokio::time::sleep(Duration::from_secs(10)).await;
                tasks.abort_all();
                let [greedy, modest] = [0, 1].map(|n| served[n].load(std::sync::atomic::Ordering::SeqCst));
                assert!(greedy.abs_diff(modest) <= 10 * most, "{greedy} and {modest} with {most} at once");
            });
        }
    }
}
