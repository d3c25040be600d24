//! The running gateway, as administrators see it.

use std::sync::Arc;
use std::time::Instant;

use accounts::{Account, DevicePassword, Fault, Safe};
use admin::{
    Event, Extent, House, Listed, Made, Mailbox, MailboxState, Outcome, Point, Problem, Session, Status, Unreadable,
    Upstream, Wanted,
};
use exchange::{Organisation, Proof, Way};
use http::StatusCode;
use jiff::Timestamp;
use mailbox::{Credentials, ErrorKind, Secret, SignIn};

use crate::account;
use crate::gate::Gate;
use crate::issue::{self, Shown};
use crate::observe::{History, Observed, snapshot};
use crate::problems;
use crate::trial::{self, Closed};

/// What administrators see, and what they do it with.
pub(crate) struct Running {
    pub(crate) gate: Gate,
    pub(crate) observed: Observed,
    pub(crate) history: History,
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) safe: Safe,
    pub(crate) started: Instant,
}

impl House for Running {
    async fn status(&self) -> Result<Status, Problem> {
        let told = snapshot::take(&self.observed, self.gate.directory(), self.started).await;
        told.map_err(|error| {
            tracing::warn!(%error, "how the gateway does cannot be told");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "It cannot be looked up; the log says why")
        })
    }

    fn history(&self) -> Vec<Point> {
        self.history.list()
    }

    fn upstreams(&self) -> Vec<Upstream> {
        self.upstreams.clone()
    }

    async fn mailboxes(&self) -> Vec<Mailbox> {
        let now = Timestamp::now();
        let told = |one: exchange::MailboxStatus| Mailbox {
            organisation: one.organisation,
            mailbox: one.mailbox,
            state: state(one.state),
            sessions: one.sessions,
            synchronised: now.checked_sub(one.unheard).unwrap_or(now),
        };
        self.gate.directory().mailboxes().await.into_iter().map(told).collect()
    }

    async fn unreadable(&self, of: Option<&Account>) -> Result<Vec<Unreadable>, Problem> {
        let one = match of.map(|account| (account.organisation.as_str(), account.mailbox.as_deref())) {
            None => None,
            Some((organisation, Some(mailbox))) => Some((organisation, mailbox)),
            // Nobody was ever in.
            Some((_, None)) => return Ok(Vec::new()),
        };
        let found = self.gate.directory().unreadable(one).await.map_err(|error| {
            tracing::warn!(%error, "which messages Exchange cannot give cannot be told");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "It cannot be looked up; the log says why")
        })?;
        Ok(found.into_iter().flat_map(|(organisation, all)| problems::told(&organisation, all)).collect())
    }

    fn sessions(&self) -> Vec<Session> {
        let guests = self.gate.guests().into_iter();
        let told = guests.map(|(number, guest)| Session {
            number,
            address: guest.address,
            device: guest.device.map(|device| device.0),
            protocol: guest.protocol.as_str(),
            from: guest.from.to_string(),
            program: guest.program,
            since: guest.since,
        });
        told.collect()
    }

    fn end_session(&self, number: u64) -> Option<String> {
        self.gate.show_out(number)
    }

    fn events(&self, names: &[&str], most: usize) -> Vec<Event> {
        self.observed.events.list(names, most)
    }

    async fn make_device(
        &self,
        actor: &str,
        address: &str,
        wanted: Wanted,
        password: Option<Secret<String>>,
    ) -> Result<Made, Problem> {
        let directory = self.gate.directory();
        let unknown = || Problem::missing(format!("No Exchange server is set up for {address}"));
        let person = directory.person(address).ok_or_else(unknown)?;
        if password.as_ref().is_some_and(|password| DevicePassword::read(password.expose()).is_some()) {
            return Err(Problem::bad("This is a device password; the one of Exchange is needed here"));
        }
        let entered = match &password {
            Some(password) if directory.takes_passwords(&person) => {
                let credentials = Credentials { user: address.to_owned(), password: password.clone() };
                directory.sign_in(&credentials).await
            }
            _ if directory.takes_passwords(&person) => {
                return Err(Problem::bad(format!("The Exchange password of {address} is needed, to be tried once")));
            }
            _ if directory.opens_alone(&person) => directory.sign_in_known(address, None).await,
            _ => {
                let told = format!("{address} has to sign in at the identity provider first, with `exgate login`");
                return Err(Problem::new(StatusCode::CONFLICT, told));
            }
        };
        let account = entered.map_err(|error| refused(&error))?;
        let shown = Shown::new(directory, &person, &account, password);
        let (id, password) = issue::issue(self.gate.register(), actor, shown, wanted).await?;
        Ok(Made { id, password: Secret::new(password.expose().to_owned()) })
    }

    async fn remove(&self, actor: &str, account: &Account) -> Result<(), Problem> {
        let removed = account::purge(&self.safe, self.gate.register(), actor, account).await;
        removed.map(drop).map_err(|failure| Problem::from(Fault::Broken(failure.sentence)))
    }

    async fn look_again(&self, account: &Account) -> bool {
        match &account.mailbox {
            Some(mailbox) => self.gate.directory().look_again(&account.organisation, mailbox).await,
            None => false,
        }
    }

    async fn list(
        &self,
        account: &Account,
        extent: Extent,
        told: impl Fn(Listed) + Send + Sync,
    ) -> Result<(), Problem> {
        let closed = |closed: Closed| {
            let why = match closed {
                Closed::Skipped(why) => why.to_owned(),
                Closed::Failed(why) => why,
            };
            Problem::new(StatusCode::CONFLICT, format!("The mailbox of {} is not open: {why}", account.address))
        };
        let mailbox = trial::enter(self.gate.directory(), account).await.map_err(closed)?;
        let folders = match extent {
            Extent::Quick => mailbox.look_at_tree().await,
            Extent::Full => mailbox.list_tree_anew().await,
        };
        let folders = folders.map_err(|error| Problem::new(StatusCode::CONFLICT, error.to_string()))?;
        told(Listed::Tree { folders: folders.len() });
        for (folder, name) in folders {
            let found = match extent {
                Extent::Quick => mailbox.look_at_folder(folder).await,
                Extent::Full => mailbox.list_folder_anew(folder).await,
            };
            told(match found {
                Ok(found) => Listed::Folder { entries: found.entries, changed: found.changed },
                Err(error) => Listed::Failed { folder: name, told: error.to_string() },
            });
        }
        Ok(())
    }

    async fn try_mailbox(&self, account: &Account, outgoing: bool) -> Outcome {
        trial::run(self.gate.directory(), account, outgoing).await
    }
}

/// Organisations, as the configuration sets them up. No secrets.
pub(crate) fn upstreams(organisations: &[Organisation]) -> Vec<Upstream> {
    let told = organisations.iter().map(|one| Upstream {
        name: one.name.clone(),
        description: one.description.clone(),
        urls: match &one.way {
            Way::Urls(urls) => urls.clone(),
            Way::Discover(_) => Vec::new(),
        },
        domains: one.domains.clone(),
        opened_by: match (&one.service, &one.proof) {
            (Some(_), _) => "service account",
            (None, Proof::OAuth(_)) => "token",
            (None, Proof::Password(_)) => "password",
        },
    });
    told.collect()
}

/// What the running gateway gives its administrators, and the journal of their trials.
pub(crate) fn admin(
    running: Running,
    longest_refusal: std::time::Duration,
) -> Result<admin::Admin<accounts::Register, Running>, crate::Failure> {
    let (register, directory) = (running.gate.register().clone(), running.safe.directory().join("trials"));
    let house = Arc::new(running);
    let unusable = |error| crate::Failure::new(format!("{} cannot be used: {error}", directory.display()));
    let trials = admin::Trials::open(&directory, register.clone(), Arc::clone(&house)).map_err(unusable)?;
    let no_numbers = || crate::Failure::new("the system gives no random numbers");
    admin::Admin::new(register, house, trials, longest_refusal).ok_or_else(no_numbers)
}

fn state(state: exchange::MailboxState) -> MailboxState {
    match state {
        exchange::MailboxState::Starting => MailboxState::Starting,
        exchange::MailboxState::Streaming => MailboxState::Streaming,
        exchange::MailboxState::Polling => MailboxState::Polling,
        exchange::MailboxState::Away => MailboxState::Away,
        exchange::MailboxState::Refused => MailboxState::Refused,
    }
}

/// Why Exchange lets nobody in.
fn refused(error: &mailbox::Error) -> Problem {
    let status = match error.kind {
        ErrorKind::Unavailable | ErrorKind::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::CONFLICT,
    };
    Problem::new(status, format!("Exchange did not let them in: {error}"))
}
