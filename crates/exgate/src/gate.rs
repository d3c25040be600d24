//! Who gets in, before Exchange is asked: accounts that are open, device passwords and what they are for.
//!
//! A device password becomes what Exchange takes: the password that is remembered for the device, sealed under the
//! device's own; or the service account or tokens, where the gateway opens mailboxes without passwords. Any other password
//! goes to Exchange as it is, unless the organisation takes device passwords only.

mod decider;
mod device;
mod enroll;
mod entered;
mod inbox;
mod letter;
mod notes;
mod standing;
mod stays;

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use accounts::{
    Account as Known, AccountState, Change, Checker, Delays, DeviceId, DevicePassword, Fault, Register, Store,
};
use exchange::{Account, Directory, Person};
use jiff::Timestamp;
use mailbox::{
    Admitted, Caller, Credentials, Error, ErrorKind, Pass, Result, Scope, Scopes, Secret, SignIn, Verifiers,
};
use tokio::sync::mpsc;

use self::decider::Decider;
pub(crate) use self::enroll::Enrolled;
pub(crate) use self::entered::Entered;
use self::notes::Notes;
use self::standing::{Judgement, Policy, Standing};
pub(crate) use self::stays::Guest;
use self::stays::Stays;
use crate::config::{Approval, Config, DevicePasswords, HookSettings};
use crate::news::News;
use crate::{Failure, setup};

/// Stands before the backend. Clones share everything.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    directory: Directory,
    register: Register,
    checker: Checker,
    rules: Rules,
    policy: Arc<Policy>,
    decider: Option<Decider>,
    news: Option<News>,
    stays: Arc<Stays>,
    notes: Notes,
    delays: Delays,
}

/// What the operator has set.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Whoever is new waits to be let in.
    approve_each: bool,
    /// Organisations that take device passwords only.
    devices_only: HashSet<String>,
    policy: Policy,
    decider: Option<Decider>,
    /// Who is told of new mail.
    hooks: Vec<HookSettings>,
    /// All of them do.
    only_devices: bool,
    /// The longest that a refusal is held back.
    longest_refusal: Duration,
}

impl Rules {
    pub(crate) fn of(config: &Config) -> std::result::Result<Self, Failure> {
        let required = config.exchange.iter().filter(|(_, one)| one.device_passwords == DevicePasswords::Required);
        Ok(Self {
            approve_each: config.accounts.approval != Approval::Automatic,
            policy: Policy {
                rules: config.accounts.rules(),
                holds_new: config.accounts.approval == Approval::Quarantine,
                enroll: setup::enroll_url(config),
                help: config.accounts.help.clone(),
            },
            only_devices: config.exchange.values().all(|one| one.device_passwords == DevicePasswords::Required),
            devices_only: required.map(|(name, _)| name.clone()).collect(),
            longest_refusal: config.limits.longest_refusal(),
            decider: config.accounts.decide.as_ref().map(Decider::new).transpose()?,
            hooks: config.hooks.clone(),
        })
    }
}

impl Gate {
    /// Stands before this backend from now on, with that register. To be called within a Tokio runtime.
    pub(crate) fn open(
        directory: Directory,
        register: Register,
        mut rules: Rules,
    ) -> std::result::Result<Self, Failure> {
        let checker = Checker::new().ok_or_else(|| Failure::new("the system gives no random numbers"))?;
        let (programs, introduced) = mpsc::channel(MANY);
        let policy = Arc::new(rules.policy.clone());
        let stays = Arc::new(Stays::new(programs, Arc::clone(&policy)));
        let notes = Notes::new(register.clone());
        tokio::spawn(stays::watch(Arc::downgrade(&stays), register.clone()));
        tokio::spawn(notes::listen(introduced, Arc::downgrade(&stays), notes.clone()));
        let decider = rules.decider.take();
        let news = News::new(&rules.hooks, register.clone())?;
        let delays = Delays::new(rules.longest_refusal);
        Ok(Self(Arc::new(Inner { directory, register, checker, rules, policy, decider, news, stays, notes, delays })))
    }

    /// Who may use the gateway.
    pub(crate) fn register(&self) -> &Register {
        &self.0.register
    }

    /// Who is in, by the numbers of their stays.
    pub(crate) fn guests(&self) -> Vec<(u64, Guest)> {
        self.0.stays.guests()
    }

    /// Shows somebody out; whose account it was, if they were in.
    pub(crate) fn show_out(&self, number: u64) -> Option<String> {
        self.0.stays.end(number, SHOWN_OUT)
    }

    /// What lies behind it.
    pub(crate) fn directory(&self) -> &Directory {
        &self.0.directory
    }
}

impl SignIn for Gate {
    type Account = Entered;

    /// For what is no session of anybody's: a password of Exchange's own, of an account that is open.
    async fn sign_in(&self, credentials: &Credentials) -> Result<Entered> {
        if DevicePassword::read(credentials.password.expose()).is_some() {
            return Err(Error::new(ErrorKind::SignIn, "Device passwords are not taken here"));
        }
        let account = self.0.directory.sign_in(credentials).await?;
        let person = self.0.person(&credentials.user)?;
        self.0.known(&person, &account).await.and_then(|known| open(&known))?;
        Ok(Entered::freely(account))
    }

    async fn admit(&self, credentials: &Credentials, caller: &Caller) -> Result<Admitted<Entered>> {
        let admitted = match DevicePassword::read(credentials.password.expose()) {
            Some(password) => self.0.admit_device(&credentials.user, &password, caller).await,
            None => self.0.admit_person(credentials, caller).await,
        };
        self.0.slowly(&credentials.user, caller, admitted).await
    }

    /// A client that can prove a password tries no other way, and one of Exchange's own cannot be proved here: so proofs are
    /// taken only where every password is a device's.
    fn takes_proofs(&self) -> bool {
        self.0.rules.only_devices
    }

    async fn verifiers(&self, user: &str) -> Result<Verifiers> {
        self.0.device_verifiers(user).await
    }

    async fn admit_with_proof(
        &self,
        user: &str,
        client_key: &Secret<[u8; 32]>,
        caller: &Caller,
    ) -> Result<Admitted<Entered>> {
        self.0.admit_proven(user, client_key, caller).await
    }

    fn takes_tokens(&self) -> bool {
        self.0.directory.takes_tokens()
    }

    async fn sign_in_with_token(&self, token: &Secret<String>) -> Result<Entered> {
        let account = self.0.directory.sign_in_with_token(token).await?;
        let person = self.0.person(account.mailbox())?;
        self.0.known(&person, &account).await.and_then(|known| open(&known))?;
        Ok(Entered::freely(account))
    }

    async fn admit_with_token(&self, token: &Secret<String>, caller: &Caller) -> Result<Admitted<Entered>> {
        let account = self.0.directory.sign_in_with_token(token).await?;
        let person = self.0.person(account.mailbox())?;
        self.0.let_in(&person, account, caller).await
    }
}

impl Inner {
    /// The answer, later if it is a refusal after many.
    async fn slowly<T>(&self, user: &str, caller: &Caller, answer: Result<T>) -> Result<T> {
        let name = self.directory.person(user).map_or_else(|| user.to_lowercase(), |person| address(&person));
        match &answer {
            Ok(_) => self.delays.right(&name, caller.address),
            Err(error) if error.kind == ErrorKind::SignIn => {
                tokio::time::sleep(self.delays.refused(&name, caller.address, Instant::now())).await;
            }
            Err(_) => {}
        }
        answer
    }

    /// Somebody with a password of Exchange's own.
    async fn admit_person(&self, credentials: &Credentials, caller: &Caller) -> Result<Admitted<Entered>> {
        let person = self.person(&credentials.user)?;
        if self.rules.devices_only.contains(self.directory.organisation(&person)) {
            return Err(Error::new(ErrorKind::SignIn, DEVICES_ONLY));
        }
        let account = self.directory.sign_in(credentials).await?;
        self.let_in(&person, account, caller).await
    }

    /// Somebody whom Exchange let in.
    async fn let_in(&self, person: &Person, account: Account, caller: &Caller) -> Result<Admitted<Entered>> {
        // As for devices: the stay first.
        let known = self.known(person, &account).await?;
        let (number, end) = self.stays.begin(guest(&known.address, caller));
        let known = self.known(person, &account).await?;
        self.open(&known)?;
        reaches(known.scopes, caller)?;
        self.notes.seen(&notes::Program::of(&known.address, None, caller));
        let pass = Pass::new((known.scopes, false), end, (number, self.stays.programs()));
        let address = known.address.clone();
        let (standing, pass) = self.ruled((known, None), caller, (number, pass)).await?;
        self.attend(&address, &account);
        Ok(Admitted { account: Entered::as_ruled(account, standing), pass })
    }

    /// Somebody's account, by whatever name they sign in. Whoever is new has one from now on.
    async fn known(&self, person: &Person, account: &Account) -> Result<Known> {
        let (organisation, mailbox) = (self.directory.organisation(person), account.mailbox());
        if let Some(known) = self.register.account_of(organisation, mailbox).await.map_err(broken)? {
            return Ok(known);
        }
        let state = if self.rules.approve_each { AccountState::Pending } else { AccountState::Open };
        let change = Change::Know {
            address: address(person),
            organisation: organisation.to_owned(),
            mailbox: Some(mailbox.to_owned()),
            state,
        };
        self.register.commit("sign-in", Timestamp::now(), vec![change]).await.map_err(broken)?;
        let known = self.register.account(&address(person)).await.map_err(broken)?;
        known.ok_or_else(|| Error::new(ErrorKind::NotAdmitted, REMOVED))
    }

    /// Fails for whom a rule keeps out, or whoever decides instead. Of whom it cannot be said yet, [`Standing`] and [`Stays`]
    /// decide.
    async fn ruled(
        &self,
        (account, device): (Known, Option<DeviceId>),
        caller: &Caller,
        (number, mut pass): (u64, Pass),
    ) -> Result<(Arc<Standing>, Pass)> {
        let (address, program, from) = (account.address.clone(), &caller.program, &caller.address);
        let rules = (Arc::clone(&self.policy), self.notes.clone());
        let standing = Standing::new(rules, (account, device.is_some()), caller, pass.name());
        let mut judgement = standing.at_the_door();
        if let (Some(decider), Judgement::In(_) | Judgement::Unsure) = (&self.decider, &judgement) {
            let undecided = || Error::new(ErrorKind::Unavailable, UNDECIDED);
            match decider.decide(standing.account(), device, caller).await.ok_or_else(undecided)? {
                Judgement::In(_) | Judgement::Unsure => {}
                other => judgement = standing.overruled(other),
            }
        }
        let standing = Arc::new(standing);
        self.stays.stands(number, &standing);
        match standing.enters(judgement) {
            Judgement::In(_) | Judgement::Unsure => Ok((standing, pass)),
            Judgement::Held(_) => {
                (pass.scopes, pass.read_only) = (Scopes::of(&[Scope::Mail]), true);
                Ok((standing, pass))
            }
            Judgement::Out(sentence) => {
                tracing::warn!(address, program, %from, "a rule keeps somebody out");
                Err(Error::new(ErrorKind::NotAdmitted, sentence))
            }
        }
    }

    fn attend(&self, address: &str, account: &Account) {
        if let Some(news) = &self.news {
            news.attend(address, account);
        }
    }

    /// Fails for an account that is not open, but for one that waits and is held.
    fn open(&self, account: &Known) -> Result<()> {
        match account.state {
            AccountState::Pending if self.policy.holds_new => Ok(()),
            _ => open(account),
        }
    }

    fn person(&self, user: &str) -> Result<Person> {
        let unknown = "no Exchange server is set up for this user name; sign in as user@domain";
        self.directory.person(user).ok_or_else(|| Error::new(ErrorKind::SignIn, unknown))
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

/// What an account of somebody is found by.
pub(crate) fn address(person: &Person) -> String {
    person.address.clone().unwrap_or_else(|| person.name.clone()).to_lowercase()
}

/// Fails for an account that is not open.
fn open(account: &Known) -> Result<()> {
    match account.state {
        AccountState::Open => Ok(()),
        AccountState::Pending => Err(Error::new(ErrorKind::NotAdmitted, PENDING)),
        AccountState::Blocked => Err(Error::new(ErrorKind::NotAdmitted, BLOCKED)),
    }
}

/// Fails where what is asked for is switched off for an account.
fn reaches(scopes: Scopes, caller: &Caller) -> Result<()> {
    if scopes.and(caller.protocol.needs()).is_empty() {
        let needed = caller.protocol.needs().to_string().replace(' ', " and ");
        return Err(Error::new(
            ErrorKind::NotAdmitted,
            format!("The administrator has switched off {needed} for this account"),
        ));
    }
    Ok(())
}

fn guest(address: &str, caller: &Caller) -> Guest {
    Guest {
        address: address.to_owned(),
        device: None,
        needs: caller.protocol.needs(),
        protocol: caller.protocol,
        from: caller.address,
        program: caller.program.clone(),
        since: Timestamp::now(),
        expires: None,
        standing: OnceLock::new(),
    }
}

/// The register's trouble is the operator's to read.
fn broken(fault: Fault) -> Error {
    tracing::error!(%fault, "the register of accounts cannot be used");
    Error::new(ErrorKind::Internal, "the gateway cannot use its register of accounts; its log says why")
}

const DEVICES_ONLY: &str = "Only device passwords are taken here, not the one of Exchange: ask your administrator for \
                            one (`exgate device add`)";
const PENDING: &str = "This account waits for an administrator, who lets it in with `exgate account approve`";
const BLOCKED: &str = "This account is blocked; ask your administrator";
const SHOWN_OUT: &str = "An administrator has ended this session";
const UNDECIDED: &str = "It cannot be decided now whether you may come in; try again in a few minutes";
const REMOVED: &str = "This account was removed";
/// Programs that may introduce themselves while others are written down.
const MANY: usize = 256;
