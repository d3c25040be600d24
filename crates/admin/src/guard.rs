//! Who asks: by a password of their own with each request, or by a session that the page for signing in has begun.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use accounts::{Administrator, Delays, DevicePassword, Role, Store};
use http::header;
use mailbox::Secret;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::Semaphore;

use crate::ask::Asked;
use crate::problem::Problem;

/// An administrator who has shown who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// By which way they came, for the audit log.
    way: &'static str,
}

/// Knows passwords and sessions. What is kept in memory is worth nothing elsewhere, nor after a restart.
pub(crate) struct Guard {
    key: hmac::Key,
    /// What a program on this machine sends that can read the gateway's state. New in each run.
    ticket: Secret<String>,
    delays: Delays,
    /// Passwords that were right a short while ago.
    known: Mutex<HashMap<[u8; 32], Known>>,
    sessions: Mutex<HashMap<[u8; 32], Session>>,
    /// Each hash takes 19 MiB and a core.
    hashes: Arc<Semaphore>,
}

struct Known {
    selector: String,
    until: Instant,
}

struct Session {
    /// Whose: if somebody else gets the name, it is not theirs.
    selector: String,
    begun: Instant,
    used: Instant,
}

impl Guard {
    pub(crate) fn new(longest_refusal: Duration) -> Option<Self> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Some(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
            ticket: Secret::new(random_text()?),
            delays: Delays::new(longest_refusal),
            known: Mutex::default(),
            sessions: Mutex::default(),
            hashes: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// Whoever sends their password along (RFC 6750 section 2.1).
    pub(crate) async fn bearer(&self, store: &impl Store, asked: &Asked) -> Result<Who, Problem> {
        let unauthorized = |why| Problem::new(http::StatusCode::UNAUTHORIZED, why);
        let given = asked.header(header::AUTHORIZATION);
        let Some(given) =
            given.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        else {
            return Err(unauthorized("Send an administrator's password: `Authorization: Bearer PASSWORD`"));
        };
        if asked.peer().is_loopback() && self.name(given.1) == self.name(self.ticket.expose()) {
            let name = asked.headers().get(USER).and_then(|name| name.to_str().ok());
            let name = name.filter(|name| (1..=64).contains(&name.len())).unwrap_or("somebody").to_owned();
            return Ok(Who { name, role: Role::Operator, way: "command line" });
        }
        let one = self.right(store, None, given.1, asked).await?;
        one.ok_or_else(|| unauthorized("This is no administrator's password; `exgate admin add` makes one"))
            .map(Who::from)
    }

    /// See [`crate::Admin::ticket`].
    pub(crate) fn ticket(&self) -> &Secret<String> {
        &self.ticket
    }

    /// Begins a session for somebody whose name and password are right: what their browser is to send from now on.
    pub(crate) async fn sign_in(
        &self,
        store: &impl Store,
        (name, password): (&str, &str),
        asked: &Asked,
    ) -> Result<Option<String>, Problem> {
        let Some(one) = self.right(store, Some(name), password, asked).await? else { return Ok(None) };
        let trouble = || Problem::new(http::StatusCode::INTERNAL_SERVER_ERROR, "The system gives no random numbers");
        let token = random_text().ok_or_else(trouble)?;
        let now = Instant::now();
        let mut sessions = lock(&self.sessions);
        sessions.retain(|_, session| session.goes_on(now));
        if sessions.len() >= MOST {
            return Err(Problem::new(http::StatusCode::SERVICE_UNAVAILABLE, "Too many are signed in; try again later"));
        }
        sessions.insert(self.name(&token), Session { selector: one.selector, begun: now, used: now });
        Ok(Some(token))
    }

    /// Whose session a browser goes on with.
    pub(crate) async fn session(&self, store: &impl Store, asked: &Asked) -> Result<Option<Who>, Problem> {
        let Some(token) = cookie(asked) else { return Ok(None) };
        let now = Instant::now();
        let selector = {
            let mut sessions = lock(&self.sessions);
            let found = sessions.get_mut(&self.name(token)).filter(|session| session.goes_on(now));
            found.map(|session| {
                session.used = now;
                session.selector.clone()
            })
        };
        let Some(selector) = selector else { return Ok(None) };
        let all = store.administrators().await?;
        Ok(all.into_iter().find(|one| one.selector == selector).map(Who::from))
    }

    /// Ends it.
    pub(crate) fn sign_out(&self, asked: &Asked) {
        if let Some(token) = cookie(asked) {
            lock(&self.sessions).remove(&self.name(token));
        }
    }

    /// The administrator whose password this is, of that name if one is given. Whoever is wrong again and again is answered later
    /// and later.
    async fn right(
        &self,
        store: &impl Store,
        name: Option<&str>,
        password: &str,
        asked: &Asked,
    ) -> Result<Option<Administrator>, Problem> {
        let found = self.find(store, password).await?.filter(|one| name.is_none_or(|name| one.name == name));
        // Sessions of mail clients are counted apart from these.
        let account = format!("administrator {}", name.unwrap_or_default());
        match &found {
            Some(_) => self.delays.right(&account, asked.peer()),
            None => {
                tracing::warn!(from = %asked.peer(), "an administrator's password is not right");
                tokio::time::sleep(self.delays.refused(&account, asked.peer(), Instant::now())).await;
            }
        }
        Ok(found)
    }

    async fn find(&self, store: &impl Store, password: &str) -> Result<Option<Administrator>, Problem> {
        let Some(password) = DevicePassword::read(password) else { return Ok(None) };
        let all = store.administrators().await?;
        let Some(one) = all.into_iter().find(|one| one.selector == password.selector()) else { return Ok(None) };
        let name = self.name(password.expose());
        let is_known = lock(&self.known)
            .get(&name)
            .is_some_and(|known| known.selector == one.selector && known.until > Instant::now());
        if is_known {
            return Ok(Some(one));
        }
        let Ok(permit) = Arc::clone(&self.hashes).acquire_owned().await else { return Ok(None) };
        let hashed = one.password.clone();
        let checked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            hashed.is_of(&password)
        });
        if !checked.await.unwrap_or(false) {
            return Ok(None);
        }
        let now = Instant::now();
        let mut known = lock(&self.known);
        known.retain(|_, known| known.until > now);
        known.insert(name, Known { selector: one.selector.clone(), until: now + KNOWN });
        Ok(Some(one))
    }

    fn name(&self, secret: &str) -> [u8; 32] {
        let mut name = [0; 32];
        name.copy_from_slice(hmac::sign(&self.key, secret.as_bytes()).as_ref());
        name
    }
}

impl Session {
    fn goes_on(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun) < LONGEST && now.saturating_duration_since(self.used) < SILENT
    }
}

impl From<Administrator> for Who {
    fn from(one: Administrator) -> Self {
        Self { name: one.name, role: one.role, way: "administrator" }
    }
}

impl Who {
    /// What the audit log calls them.
    pub(crate) fn actor(&self) -> String {
        format!("{} ({})", self.name, self.way)
    }
}

/// What a browser is told to keep; nothing, once it is signed out. A name with this prefix is taken only as it is set here (RFC
/// 6265bis section 4.1.3.2).
pub(crate) fn set_cookie(token: Option<&str>, is_tls: bool) -> String {
    let (name, secure) = if is_tls { (TLS_COOKIE, "; Secure") } else { (COOKIE, "") };
    match token {
        Some(token) => format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict{secure}"),
        None => format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{secure}"),
    }
}

fn random_text() -> Option<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}

fn cookie(asked: &Asked) -> Option<&str> {
    let wanted = if asked.is_tls() { TLS_COOKIE } else { COOKIE };
    let all = asked.headers().get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, token)| token)
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who types the command, as their system calls them.
const USER: &str = "exgate-user";
const COOKIE: &str = "exgate";
const TLS_COOKIE: &str = "__Host-exgate";
const AT_ONCE: usize = 2;
const KNOWN: Duration = Duration::from_secs(10 * 60);
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);
const SILENT: Duration = Duration::from_secs(60 * 60);
/// Sessions at the same time.
const MOST: usize = 1000;
