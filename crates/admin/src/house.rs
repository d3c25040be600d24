//! The seam: what is asked of the running gateway beside its register.

use std::collections::BTreeMap;
use std::future::Future;

use accounts::{Account, DeviceId, IpNet};
use jiff::Timestamp;
use mailbox::{Scopes, Secret};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// A running gateway.
pub trait House: Send + Sync + 'static {
    /// How it does, but for whether it is about to end.
    ///
    /// # Errors
    /// If that cannot be looked up.
    fn status(&self) -> impl Future<Output = Result<Status, Problem>> + Send;

    /// How it did, the oldest first: one point a minute, of a day at most.
    fn history(&self) -> Vec<Point>;

    /// The organisations and their servers, as they are set up.
    fn upstreams(&self) -> Vec<Upstream>;

    /// Mailboxes that are in use, or were until a while ago.
    fn mailboxes(&self) -> impl Future<Output = Vec<Mailbox>> + Send;

    /// Who is in.
    fn sessions(&self) -> Vec<Session>;

    /// Shows somebody out; whose session it was, if there was one.
    fn end_session(&self, number: u64) -> Option<String>;

    /// What happened since the start, the newest first: up to `most`; of one of these names, if there are any.
    fn events(&self, names: &[&str], most: usize) -> Vec<Event>;

    /// Messages that Exchange cannot give: those of one mailbox if one is named, which need not be in use.
    ///
    /// # Errors
    /// If that cannot be looked up.
    fn unreadable(&self, of: Option<&Account>) -> impl Future<Output = Result<Vec<Unreadable>, Problem>> + Send;

    /// Has somebody show that a mailbox is theirs, and makes a device password for it, as done by `actor`. A password of
    /// Exchange's is needed but where only tokens are taken.
    ///
    /// # Errors
    /// What stands in the way.
    fn make_device(
        &self,
        actor: &str,
        address: &str,
        wanted: Wanted,
        password: Option<Secret<String>>,
    ) -> impl Future<Output = Result<Made, Problem>> + Send;

    /// Forgets somebody, with everything of theirs that opens anything, as done by `actor`. Done again, it goes on where it was
    /// cut off.
    ///
    /// # Errors
    /// If that cannot be done.
    fn remove(&self, actor: &str, account: &Account) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Looks whether anything of a mailbox that is in use was missed. False if it is not in use.
    fn look_again(&self, account: &Account) -> impl Future<Output = bool> + Send;

    /// Brings what is known of a mailbox up to date, one folder after the other, and tells of each; opens the mailbox for that if need be
    /// and the gateway can.
    ///
    /// # Errors
    /// If the mailbox cannot be opened, or its folders cannot be listed.
    fn list(
        &self,
        account: &Account,
        extent: Extent,
        told: impl Fn(Listed) + Send + Sync,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Tries whether mail comes in, goes out (only if asked), and whether calendars and address books open.
    fn try_mailbox(&self, account: &Account, outgoing: bool) -> impl Future<Output = Outcome> + Send;
}

/// How a gateway does: numbers, nobody by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// Of the program.
    pub version: String,
    /// Since the start.
    pub uptime_seconds: f64,
    /// It is about to end.
    pub draining: bool,
    /// By protocol.
    pub connections: BTreeMap<String, usize>,
    /// In the order of the configuration.
    pub organisations: Vec<Organisation>,
    /// What waits to be sent.
    pub spool: Spool,
    /// Of messages.
    pub cache: Cache,
    /// Those that are shown to clients.
    pub certificates: Vec<Certificate>,
}

/// How one organisation does.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Organisation {
    /// As the configuration calls it.
    pub name: String,
    /// Mailboxes in use, or until a while ago.
    pub mailboxes: usize,
    /// Of these, those of which Exchange tells news by itself.
    pub streaming: usize,
    /// Of these, those whose Exchange does not answer.
    pub away: usize,
    /// In mailboxes.
    pub sessions: usize,
    /// The longest for which nothing was heard of Exchange about a mailbox that has sessions.
    pub unheard_seconds: f64,
    /// Messages in these mailboxes that Exchange cannot give.
    pub problems: usize,
}

/// Messages that wait to be sent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Spool {
    /// How many.
    pub waiting: usize,
    /// The age of the oldest.
    pub oldest_seconds: f64,
}

/// The cache of messages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Cache {
    /// On disk.
    pub bytes: u64,
    /// On disk.
    pub messages: usize,
    /// Asked for and there, since the start.
    pub hits: u64,
    /// Asked for and not there.
    pub misses: u64,
}

/// A certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Certificate {
    /// The name it is shown for, or `default`.
    pub name: String,
    /// Below zero if it has ended.
    pub valid_seconds: f64,
}

/// Some numbers of one moment.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// Connections of clients.
    pub connections: usize,
    /// Mailboxes that Exchange answers for.
    pub mailboxes: usize,
    /// Mailboxes whose Exchange is away.
    pub away: usize,
    /// Calls of Exchange that ended well since the point before.
    pub calls: u64,
    /// Those that did not.
    pub failed: u64,
}

/// An organisation, as it is set up. No secrets.
#[derive(Clone, Debug, Serialize)]
pub struct Upstream {
    /// As the configuration calls it.
    pub name: String,
    /// What it is, for people.
    pub description: Option<String>,
    /// Where its servers are; empty if Autodiscover finds them.
    pub urls: Vec<String>,
    /// Domains of its people; empty for everybody no other one claims.
    pub domains: Vec<String>,
    /// How its mailboxes are opened: `password`, `token` or `service account`.
    pub opened_by: &'static str,
}

/// A mailbox that is in use, or was until a while ago.
#[derive(Clone, Debug, Serialize)]
pub struct Mailbox {
    /// Of which organisation.
    pub organisation: String,
    /// What the gateway calls it.
    pub mailbox: String,
    /// How it does.
    pub state: MailboxState,
    /// Sessions in it.
    pub sessions: usize,
    /// When it was last known to be as it is at Exchange.
    pub synchronised: Timestamp,
}

/// How a mailbox does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailboxState {
    /// It is being opened.
    Starting,
    /// Exchange tells news by itself.
    Streaming,
    /// It is looked at now and then.
    Polling,
    /// Exchange does not answer.
    Away,
    /// Exchange takes the password no more.
    Refused,
}

/// A message that Exchange has and cannot give. Another one is served in its place.
#[derive(Clone, Debug, Serialize)]
pub struct Unreadable {
    /// Of which organisation.
    pub organisation: String,
    /// What the gateway calls the mailbox.
    pub mailbox: String,
    /// Its path, with slashes.
    pub folder: String,
    /// What its clients call what is served.
    pub uid: u32,
    /// Its Message-ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// When it was received.
    pub received: Timestamp,
    /// What Exchange said last.
    pub reason: String,
    /// When Exchange did not give it for the first time.
    pub since: Timestamp,
    /// When it did not for the last time.
    pub tried: Timestamp,
}

/// Somebody who is in.
#[derive(Clone, Debug, Serialize)]
pub struct Session {
    /// By which it is ended.
    pub number: u64,
    /// Whose account.
    pub address: String,
    /// By which device password, if not by one of Exchange's own.
    pub device: Option<i64>,
    /// What is spoken.
    pub protocol: &'static str,
    /// Where they come from.
    pub from: String,
    /// What the program calls itself, if it has.
    pub program: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// Something that happened to a mailbox or somebody's sign-in.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Ascending since the start.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// How bad it is.
    pub severity: Severity,
    /// Whose: an address or the name they signed in with.
    pub account: String,
    /// What happened.
    pub what: String,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be, or again as it should be.
    Info,
    /// Worth a look.
    Warning,
    /// Somebody has to do something.
    Error,
}

/// A device to be made.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What to call it.
    pub name: String,
    /// What it may use.
    pub scopes: Scopes,
    /// It may change and send nothing.
    pub read_only: bool,
    /// Where it may come from; empty for anywhere.
    pub networks: Vec<IpNet>,
    /// Until when.
    pub expires: Option<Timestamp>,
}

/// A device that was made.
#[derive(Debug)]
pub struct Made {
    /// Its number.
    pub id: DeviceId,
    /// Its password, to be shown once.
    pub password: Secret<String>,
}

/// How much of a mailbox is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// What Exchange has changed since.
    Quick,
    /// All that there is, as if nothing were known; what is found again keeps its ids.
    Full,
}

/// What is told while a mailbox is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// So many folders are going to be looked at.
    Tree {
        /// How many.
        folders: usize,
    },
    /// One of them was.
    Folder {
        /// What is in it.
        entries: usize,
        /// What was not as at Exchange.
        changed: usize,
    },
    /// One of them could not be looked at.
    Failed {
        /// What it is called.
        folder: String,
        /// Why, in a sentence.
        told: String,
    },
}

/// What a trial of a mailbox found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Mail is read.
    pub incoming: Step,
    /// Mail is sent.
    pub outgoing: Step,
    /// Calendars open.
    pub calendar: Step,
    /// Address books open.
    pub contacts: Step,
}

/// One part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What came of it.
    pub state: StepState,
    /// A sentence.
    pub told: String,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// It works.
    Ok,
    /// It does not.
    Failed,
    /// It was not tried.
    Skipped,
}

impl Step {
    /// One.
    #[must_use]
    pub fn new(state: StepState, told: impl Into<String>) -> Self {
        Self { state, told: told.into() }
    }
}

impl Outcome {
    /// Nothing was tried, for this reason.
    #[must_use]
    pub fn skipped(why: &str) -> Self {
        let step = || Step::new(StepState::Skipped, why);
        Self { incoming: step(), outgoing: step(), calendar: step(), contacts: step() }
    }

    /// Each part, with its name.
    #[must_use]
    pub fn steps(&self) -> [(&'static str, &Step); 4] {
        [
            ("incoming", &self.incoming),
            ("outgoing", &self.outgoing),
            ("calendar", &self.calendar),
            ("contacts", &self.contacts),
        ]
    }

    /// True if a part failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.steps().iter().any(|(_, step)| step.state == StepState::Failed)
    }
}

impl MailboxState {
    /// As it is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Streaming => "streaming",
            Self::Polling => "polling",
            Self::Away => "away",
            Self::Refused => "refused",
        }
    }
}
