//! Who is in now, and whose stay is over: because the device was revoked, the account closed, or time has passed. Another
//! process may have done it, so the register is watched.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use accounts::{Account, AccountState, Device, DeviceId, Fault, Store};
use jiff::{SignedDuration, Timestamp};
use mailbox::{Protocol, Scopes};
use tokio::sync::{mpsc, watch as signal};

use super::standing::{Judgement, Policy, Standing};

/// Everybody who is in.
pub(super) struct Stays {
    open: Mutex<HashMap<u64, Stay>>,
    next: AtomicU64,
    programs: mpsc::Sender<(u64, String)>,
    policy: Arc<Policy>,
    /// Something was said that may end a stay.
    news: AtomicBool,
}

struct Stay {
    guest: Guest,
    /// Nobody listens once the session is over.
    end: signal::Sender<Option<Arc<str>>>,
}

/// Somebody who is in.
#[derive(Clone)]
pub(crate) struct Guest {
    /// Whose account.
    pub(crate) address: String,
    /// By which device password; `None` by one of Exchange's own.
    pub(crate) device: Option<DeviceId>,
    /// What must be switched on for the account, at least one of it.
    pub(super) needs: Scopes,
    pub(crate) protocol: Protocol,
    pub(crate) from: IpAddr,
    /// What the program calls itself.
    pub(crate) program: Option<String>,
    pub(crate) since: Timestamp,
    /// When the device password expires.
    pub(super) expires: Option<Timestamp>,
    /// How they stand with the rules, once anybody has looked.
    pub(super) standing: OnceLock<Arc<Standing>>,
}

/// What the register says of everybody.
struct Facts {
    accounts: HashMap<String, Account>,
    devices: HashMap<DeviceId, Device>,
}

impl Stays {
    pub(super) fn new(programs: mpsc::Sender<(u64, String)>, policy: Arc<Policy>) -> Self {
        Self { open: Mutex::default(), next: AtomicU64::new(1), programs, policy, news: AtomicBool::new(false) }
    }

    /// Somebody comes in. The stay is over when nobody holds its end any more.
    pub(super) fn begin(&self, guest: Guest) -> (u64, signal::Receiver<Option<Arc<str>>>) {
        let (end, ending) = signal::channel(None);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, Stay { guest, end });
        (number, ending)
    }

    /// The rules were asked about somebody.
    pub(super) fn stands(&self, number: u64, standing: &Arc<Standing>) {
        if let Some(stay) = self.lock().get(&number) {
            stay.guest.standing.get_or_init(|| Arc::clone(standing));
        }
    }

    /// Where programs introduce themselves.
    pub(super) fn programs(&self) -> mpsc::Sender<(u64, String)> {
        self.programs.clone()
    }

    /// A program says what it is called. Whose stay it is.
    pub(super) fn introduce(&self, number: u64, program: &str) -> Option<Guest> {
        let mut open = self.lock();
        let guest = &mut open.get_mut(&number)?.guest;
        guest.program = Some(program.to_owned());
        self.news.store(true, Ordering::Relaxed);
        Some(guest.clone())
    }

    /// Everybody, by the numbers of their stays.
    pub(super) fn guests(&self) -> Vec<(u64, Guest)> {
        let mut open = self.lock();
        open.retain(|_, stay| !stay.end.is_closed());
        let mut all: Vec<_> = open.iter().map(|(number, stay)| (*number, stay.guest.clone())).collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        all
    }

    /// Ends a stay, and says whose it was.
    pub(super) fn end(&self, number: u64, why: &str) -> Option<String> {
        let stay = self.lock().remove(&number).filter(|stay| !stay.end.is_closed())?;
        tracing::info!(address = stay.guest.address, why, "a session is ended");
        stay.end.send_replace(Some(why.into()));
        Some(stay.guest.address)
    }

    /// True if a device password of somebody who is in has expired.
    fn has_expired(&self, now: Timestamp) -> bool {
        let mut open = self.lock();
        open.retain(|_, stay| !stay.end.is_closed());
        open.values().any(|stay| stay.guest.expires.is_some_and(|expires| expires <= now))
    }

    /// The number of the next stay.
    fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Ends the stays of those who would not be let in now. The facts were read when the next stay was to be this one: of who
    /// came later they know nothing, perhaps not even the account. False if somebody did.
    fn review(&self, facts: &Facts, next: u64, now: Timestamp) -> bool {
        let objection = |guest: &Guest| {
            let objection = facts.objection(guest, self.policy.holds_new, now).map(str::to_owned);
            objection.or_else(|| self.ruled_out(facts, guest, now))
        };
        let mut is_all = true;
        self.lock().retain(|number, stay| {
            if *number >= next {
                is_all = false;
                return true;
            }
            let Some(why) = objection(&stay.guest) else { return true };
            tracing::info!(address = stay.guest.address, why = why.as_str(), "a session is ended");
            stay.end.send_replace(Some(why.into()));
            false
        });
        is_all
    }

    /// What the rules say against somebody's stay. A program that has had its time to say what it is has no name; one that is
    /// held counts as what it was when it was judged, so that nobody is sent to and fro.
    fn ruled_out(&self, facts: &Facts, guest: &Guest, now: Timestamp) -> Option<String> {
        let is_late = now.duration_since(guest.since) >= TIME_FOR_A_NAME;
        let account = facts.accounts.get(&guest.address)?;
        let standing = guest.standing.get();
        let judged = standing.and_then(|standing| standing.judged());
        let is_overruled = standing.is_some_and(|standing| standing.is_overruled());
        let program = match judged.filter(|judged| judged.held.is_some()) {
            Some(held) => Some(held.program.as_deref().unwrap_or_default()),
            None => guest.program.as_deref().or(is_late.then_some("")),
        };
        let (from, protocol, has_device) = (guest.from, guest.protocol, guest.device.is_some());
        let known = accounts::Facts { account, program, has_device, from, protocol, at: now };
        match (self.policy.judge(&known), judged.map(|judged| judged.held.is_some())) {
            (Judgement::Out(sentence), _) | (Judgement::Held(sentence), Some(false)) => Some(sentence),
            (Judgement::In(_), Some(true)) if !is_overruled => Some(RELEASED.to_owned()),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Stay>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Facts {
    async fn read(register: &impl Store) -> Result<Self, Fault> {
        let accounts = register.accounts().await?.into_iter().map(|account| (account.address.clone(), account));
        let devices = register.devices(None).await?.into_iter().map(|device| (device.id, device)).collect();
        Ok(Self { accounts: accounts.collect(), devices })
    }

    fn objection(&self, guest: &Guest, holds_new: bool, now: Timestamp) -> Option<&'static str> {
        let Some(account) = self.accounts.get(&guest.address) else { return Some(super::REMOVED) };
        match account.state {
            AccountState::Open => {}
            AccountState::Pending if holds_new => {}
            AccountState::Pending => return Some(super::PENDING),
            AccountState::Blocked => return Some(super::BLOCKED),
        }
        if account.scopes.and(guest.needs).is_empty() {
            return Some("The administrator has switched this off for the account");
        }
        match guest.device {
            None => None,
            Some(device) => match self.devices.get(&device) {
                None => Some(super::REMOVED),
                Some(device) => device.objection(guest.from, now),
            },
        }
    }
}

/// When the register was last looked at, and where it stood.
struct Seen {
    generation: Option<u64>,
    at: Timestamp,
}

/// Looks at the register while anybody may be in.
pub(super) async fn watch(stays: Weak<Stays>, register: impl Store) {
    let mut seen = Seen { generation: None, at: Timestamp::MIN };
    loop {
        tokio::time::sleep(OFTEN).await;
        let Some(stays) = stays.upgrade() else { return };
        let now = Timestamp::now();
        match look(&stays, &register, &mut seen, now).await {
            Ok(()) => {}
            Err(fault) => tracing::error!(%fault, "it cannot be seen whether somebody was revoked"),
        }
    }
}

async fn look(stays: &Stays, register: &impl Store, seen: &mut Seen, now: Timestamp) -> Result<(), Fault> {
    let has_expired = stays.has_expired(now);
    let has_news = stays.news.swap(false, Ordering::Relaxed) && !stays.policy.rules.is_empty();
    // Rules speak of hours, and of programs that stay silent.
    let is_time = !stays.policy.rules.is_empty() && now.duration_since(seen.at) >= AGAIN;
    let generation = register.generation().await?;
    if has_expired || has_news || is_time || seen.generation != Some(generation) {
        let next = stays.next();
        let is_all = stays.review(&Facts::read(register).await?, next, now);
        // Who came meanwhile is looked at next time.
        *seen = Seen { generation: is_all.then_some(generation), at: now };
    }
    Ok(())
}

const RELEASED: &str = "This program is released: sign in again to see your mail";
/// Whoever is revoked is out within a second.
const OFTEN: Duration = Duration::from_millis(400);
/// So often rules are held against everybody who is in, though nothing has changed but the time.
const AGAIN: SignedDuration = SignedDuration::from_secs(10);
/// How long after signing in a program may take to say what it is.
const TIME_FOR_A_NAME: SignedDuration = SignedDuration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use accounts::{Rule, Verdict};

    fn guest(since: Timestamp, program: Option<&str>) -> Guest {
        Guest {
            address: "anna@one.example".to_owned(),
            device: None,
            needs: Protocol::Imap.needs(),
            protocol: Protocol::Imap,
            from: [192, 0, 2, 7].into(),
            program: program.map(str::to_owned),
            since,
            expires: None,
            standing: OnceLock::new(),
        }
    }

    fn facts(state: AccountState, scopes: Scopes) -> Facts {
        let account = Account {
            address: "anna@one.example".to_owned(),
            organisation: "main".to_owned(),
            mailbox: None,
            state,
            scopes,
            labels: Default::default(),
            created: Timestamp::default(),
        };
        Facts { accounts: [(account.address.clone(), account)].into(), devices: HashMap::new() }
    }

    fn only_thunderbird() -> Vec<Rule> {
        let rule = |verdict, program: Option<&str>| Rule {
            verdict,
            account: Vec::new(),
            program: program.map(str::to_owned),
            networks: Vec::new(),
            protocols: Vec::new(),
            hours: None,
            unknown_only: false,
            say: None,
        };
        vec![rule(Verdict::Allow, Some("Thunderbird*")), rule(Verdict::Block, None)]
    }

    fn stays(policy: Vec<Rule>) -> Stays {
        Stays::new(mpsc::channel(1).0, Arc::new(Policy { rules: policy, ..Policy::default() }))
    }

    #[test]
    fn whoever_would_not_be_let_in_now_is_out() {
        let now = Timestamp::now();
        for (facts, stays_in) in [
            (facts(AccountState::Open, Scopes::ALL), true),
            (facts(AccountState::Blocked, Scopes::ALL), false),
            (facts(AccountState::Pending, Scopes::ALL), false),
            (facts(AccountState::Open, Scopes::ALL.with(mailbox::Scope::Mail, false)), false),
            (Facts { accounts: HashMap::new(), devices: HashMap::new() }, false),
        ] {
            let stays = stays(Vec::new());
            let (_, end) = stays.begin(guest(now, None));
            stays.review(&facts, stays.next(), now);
            assert_eq!(end.borrow().is_none(), stays_in);
        }
    }

    /// They may have an account since then, or have one no more: the next look tells.
    #[test]
    fn whoever_came_while_the_register_was_read_stays_until_it_is_read_again() {
        let (stays, now) = (stays(Vec::new()), Timestamp::now());
        let next = stays.next();
        let (_, end) = stays.begin(guest(now, None));
        let facts = Facts { accounts: HashMap::new(), devices: HashMap::new() };
        assert!(!stays.review(&facts, next, now) && end.borrow().is_none());
        assert!(stays.review(&facts, stays.next(), now) && end.borrow().is_some());
    }

    #[test]
    fn a_device_that_is_gone_is_out() {
        let (stays, now) = (stays(Vec::new()), Timestamp::now());
        let (_, end) = stays.begin(Guest { device: Some(DeviceId(7)), ..guest(now, None) });
        stays.review(&facts(AccountState::Open, Scopes::ALL), stays.next(), now);
        assert!(end.borrow().is_some());
    }

    #[test]
    fn a_program_has_its_time_to_say_what_it_is() {
        let (stays, since) = (stays(only_thunderbird()), Timestamp::now());
        let (silent, silent_end) = stays.begin(guest(since, None));
        let (named, named_end) = stays.begin(guest(since, None));
        let (_, wrong_end) = stays.begin(guest(since, Some("Outlook")));
        let facts = facts(AccountState::Open, Scopes::ALL);
        assert!(stays.introduce(named, "Thunderbird 140").is_some() && silent != named);
        stays.review(&facts, stays.next(), since);
        let is_in = |end: &signal::Receiver<Option<Arc<str>>>| end.borrow().is_none();
        assert!(is_in(&silent_end) && is_in(&named_end) && !is_in(&wrong_end));
        stays.review(&facts, stays.next(), since + TIME_FOR_A_NAME);
        assert!(!is_in(&silent_end) && is_in(&named_end));
    }

    #[test]
    fn whoever_has_left_is_forgotten() {
        let (stays, now) = (stays(Vec::new()), Timestamp::now());
        let (number, end) = stays.begin(guest(now, None));
        drop(end);
        assert!(!stays.has_expired(now) && stays.introduce(number, "late").is_none());
    }
}
