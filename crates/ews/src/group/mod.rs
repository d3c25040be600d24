//! One stream for many mailboxes: few connections may hang, so subscriptions of up to 200 mailboxes share one (EWS "How to
//! maintain affinity between a group of subscriptions and the Mailbox server"). It is opened in the place of the group's
//! first mailbox, which it is charged to from Exchange 2013 on, so that there may be as many groups as are needed; before
//! that, as many as the account may have streams.
//!
//! Each group is one task (`switchboard`), which owns its stream and hands on what is told. Whoever comes or goes does
//! not disturb the others, and whatever may have been missed is said, so that it is looked for.

mod line;
mod switchboard;

#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

pub(crate) use self::line::Line;
use self::switchboard::{Member, Order, Switchboard};
use crate::op::get_events::Notification;
use crate::op::subscribe::Subscribe;
use crate::{Client, Error, ErrorKind, Version};

/// What one subscription tells, over a stream that it shares with others. Dropping it ends the subscription.
pub struct Hearing {
    heard: UnboundedReceiver<Heard>,
    /// Leaves the group when it is dropped.
    _seat: Box<dyn Any + Send + Sync>,
}

/// What is heard.
#[derive(Clone, Debug)]
pub enum Heard {
    /// There is a subscription, the first or another one, or the stream broke and is there again: what happened before may
    /// not have been told, and has to be looked for.
    Listening,
    /// Something happened.
    Events(Vec<Notification>),
    /// Nothing more will be heard.
    Failed(Error),
}

impl Hearing {
    /// Waits for what is told next; nothing follows [`Heard::Failed`]. May be cancelled and called again.
    pub async fn next(&mut self) -> Heard {
        let heard = self.heard.recv().await;
        heard.unwrap_or_else(|| Heard::Failed(Error::unavailable("the event stream is over")))
    }
}

impl fmt::Debug for Hearing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Hearing")
    }
}

impl Client {
    /// Whether it acts for somebody else, and so shares what one account may have with others.
    pub fn is_acting(&self) -> bool {
        self.acting_for.is_some()
    }

    /// The same client, told by which servers the mailbox can be reached (what Autodiscover calls `GroupingInformation`):
    /// mailboxes of one group share streams.
    pub fn with_grouping(&self, grouping: &str) -> Client {
        Client { grouping: Some(Arc::from(grouping)), ..self.clone() }
    }

    /// Subscribes, and hears of events by a stream shared with other mailboxes the same account acts for. To be called
    /// within a Tokio runtime.
    pub fn hear(&self, ask: Subscribe) -> Hearing {
        let most = if self.is_charged_to_mailbox() { usize::MAX } else { self.most_streams() };
        self.shared.groups.hear(self.clone(), ask, most)
    }

    /// Whether a stream opened in a mailbox's place counts as one of that mailbox's, and not of the account's that acts
    /// for it: then each group has streams of its own (EWS "How to maintain affinity", "throttling values").
    pub(crate) fn is_charged_to_mailbox(&self) -> bool {
        self.is_acting() && self.server_version().is_some_and(|version| version >= Version::Exchange2013)
    }

    /// How many streams there may be of one account, or mailbox.
    pub(crate) fn most_streams(&self) -> usize {
        self.shared.server.inner.limits.streams.max(1)
    }
}

/// The groups of one account.
pub(crate) struct Groups<L>(Arc<Mutex<Board<L>>>);

/// Who is in which group.
struct Board<L> {
    groups: Vec<Group<L>>,
    seats: HashMap<Key, Number>,
    next: u64,
}

struct Group<L> {
    number: Number,
    /// What the members' servers are called, if that is known.
    server: Option<Arc<str>>,
    size: usize,
    orders: UnboundedSender<Order<L>>,
}

/// A member, whichever group it is in.
type Key = u64;
/// A group.
type Number = u64;

/// A place in a group.
struct Seat<L: Line> {
    key: Key,
    groups: Groups<L>,
}

impl<L: Line> Groups<L> {
    fn hear(&self, line: L, ask: Subscribe, most: usize) -> Hearing {
        let (tell, heard) = unbounded_channel();
        let mut board = self.board();
        let key = board.number();
        let member = Member::new(key, line, ask, tell, most);
        let refused = Error::new(ErrorKind::Busy { retry_after: None }, "no more mailboxes fit on the event streams");
        self.seat(&mut board, member, refused);
        drop(board);
        Hearing { heard, _seat: Box::new(Seat { key, groups: self.clone() }) }
    }

    /// Finds another group for a member that this one cannot serve; if there is none, that is told.
    fn transfer(&self, mut member: Member<L>, from: Number, error: Error) {
        let mut board = self.board();
        if board.leave(member.key).is_some() {
            member.moved_on(from);
            self.seat(&mut board, member, error);
        }
    }

    /// A group has dismissed a member.
    fn dismissed(&self, key: Key) {
        self.board().leave(key);
    }

    /// Ends a group if it has no members.
    fn close(&self, number: Number) -> bool {
        let mut board = self.board();
        let before = board.groups.len();
        board.groups.retain(|group| group.number != number || group.size > 0);
        board.groups.len() < before
    }

    fn seat(&self, board: &mut Board<L>, member: Member<L>, refused: Error) {
        let server = member.line.server();
        let rows: Vec<_> =
            board.groups.iter().map(|group| (group.number, group.server.as_deref(), group.size)).collect();
        let number = match place(&rows, server.as_deref(), &member.avoid, member.most) {
            Place::Group(number) => number,
            Place::New => self.open(board, server),
            Place::Nowhere => {
                let _ = member.tell.send(Heard::Failed(refused));
                return;
            }
        };
        let Some(group) = board.groups.iter_mut().find(|group| group.number == number) else { return };
        group.size += 1;
        board.seats.insert(member.key, number);
        let _ = group.orders.send(Order::Join(Box::new(member)));
    }

    fn open(&self, board: &mut Board<L>, server: Option<Arc<str>>) -> Number {
        let number = board.number();
        let (orders, taken) = unbounded_channel();
        board.groups.push(Group { number, server, size: 0, orders });
        tokio::spawn(Switchboard::new(number, self.clone(), taken).run());
        number
    }

    fn board(&self) -> MutexGuard<'_, Board<L>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L> Board<L> {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Gives up a seat; whose it was.
    fn leave(&mut self, key: Key) -> Option<&Group<L>> {
        let number = self.seats.remove(&key)?;
        let group = self.groups.iter_mut().find(|group| group.number == number)?;
        group.size = group.size.saturating_sub(1);
        Some(group)
    }
}

impl<L: Line> Drop for Seat<L> {
    fn drop(&mut self) {
        if let Some(group) = self.groups.board().leave(self.key) {
            let _ = group.orders.send(Order::Leave(self.key));
        }
    }
}

impl<L> Clone for Groups<L> {
    fn clone(&self) -> Self {
        Groups(Arc::clone(&self.0))
    }
}

impl<L> Default for Groups<L> {
    fn default() -> Self {
        Groups(Arc::new(Mutex::new(Board { groups: Vec::new(), seats: HashMap::new(), next: 0 })))
    }
}

impl<L> fmt::Debug for Groups<L> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let board = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        out.debug_list().entries(board.groups.iter().map(|group| group.size)).finish()
    }
}

/// Where somebody is seated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Group(Number),
    New,
    Nowhere,
}

/// Finds a place among groups of (number, server, size), of which there may be `most`: with others of the same server,
/// else in a new group, else with whomever there is, for one front end often serves several servers.
fn place(groups: &[(Number, Option<&str>, usize)], server: Option<&str>, avoid: &[Number], most: usize) -> Place {
    let mut open = groups.iter().filter(|(number, _, size)| *size < LARGEST && !avoid.contains(number));
    match open.clone().find(|(_, theirs, _)| *theirs == server) {
        Some((number, ..)) => Place::Group(*number),
        None if groups.len() < most => Place::New,
        None => open.next().map_or(Place::Nowhere, |(number, ..)| Place::Group(*number)),
    }
}

/// Subscriptions in one GetStreamingEvents (EWS "Notification subscriptions, mailbox events, and EWS in Exchange").
const LARGEST: usize = 200;
