//! Letting people in: whom Exchange knows, and how often it is asked.

mod desk;
mod elsewhere;
mod endpoints;
mod file_name;
mod greeting;
mod homes;
mod housekeeping;
mod place;
mod seeker;
mod token;
mod upstream;
mod waking;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use ews::Identity;
use idmap::IdMap;
use jiff::Timestamp;
use mailbox::{Bell, Credentials, Error, ErrorKind, Secret, SignIn, Trace};
use sha2::{Digest, Sha256};
use spool::{Owner, Spool};

use self::desk::{Desk, Means, Opened};
pub(crate) use self::file_name::file_name;
use self::homes::Homes;
pub(crate) use self::homes::known_homes;
use self::housekeeping::keep_house;
pub use self::place::Person;
use self::place::person;
use self::seeker::Seeker;
use self::upstream::{Entered, Upstream};
use self::waking::resume;
use crate::account::Account;
use crate::bodies::Bodies;
use crate::body_cache::BodyCache;
use crate::error::{Result, Tried};
use crate::foreign::{Known, Opener, Root, Routes};
use crate::holdback::CredentialHash;
use crate::live::{Live, Parts};
use crate::maps::{self, Maps};
use crate::settings::{Organisation, Settings, Way};
use crate::status::CacheStatus;
use crate::submit::{Outgoing, SPOOL};
use crate::watch::Poll;

pub(crate) use self::greeting::{Greeting, greet};
pub(crate) use self::upstream::is_astray;
pub use self::upstream::{explain_service, refuse_cloud};

/// Everyone who may have mail here. Clones share everything; mailboxes live until the last clone is gone.
#[derive(Clone, Debug)]
pub struct Directory(Arc<Inner>);

struct Inner {
    settings: Settings,
    maps: Maps,
    upstreams: Vec<Arc<Upstream>>,
    /// For each organisation the mailboxes that are live, by the names their state is found by.
    live: Vec<tokio::sync::Mutex<Rooms>>,
    cache: BodyCache,
    spool: Spool,
    desks: DashMap<Key, Arc<Desk>>,
    salt: [u8; 16],
}

/// The mailboxes of one organisation.
struct Rooms {
    homes: Homes,
    live: HashMap<String, Room>,
}

/// A mailbox that is live.
struct Room {
    live: Arc<Live>,
    /// What its owner signed in with.
    means: Means,
}

/// A person: which organisation, and the user name in lower case without a domain.
///
/// `anna@one.example` and `ONE\anna` may well be one account, so that their wrong passwords count together. Should they
/// be two, one waits for the other's mistakes, which is better than an account that is locked.
type Key = (usize, String);

impl Directory {
    /// Makes the state directory, and reads the certificates. Nobody is contacted. To be called within a Tokio
    /// runtime, where the housekeeping then runs until the last clone is gone.
    ///
    /// # Errors
    /// One sentence for the operator: what is wrong with which directory or organisation.
    pub fn new(settings: Settings) -> Result<Self> {
        let trouble = |what: String| Error::new(ErrorKind::Internal, what);
        let open = |organisation: &Organisation| Upstream::new(organisation.clone(), &settings.state).map(Arc::new);
        let upstreams = settings.organisations.iter().map(open).collect::<Result<Vec<_>>>()?;
        let rooms = |organisation: &Organisation| {
            let homes = match &settings.shared {
                None => Homes::in_files(&settings.state.join(maps::DIRECTORY).join(file_name(&organisation.name))),
                Some(shared) => Homes::of_all_nodes(shared.clone(), organisation.name.clone()),
            };
            tokio::sync::Mutex::new(Rooms { homes, live: HashMap::new() })
        };
        let live = settings.organisations.iter().map(rooms).collect();
        let bodies = settings.state.join("bodies");
        let cache = BodyCache::open(bodies.clone(), settings.cache_bytes)
            .map_err(|error| trouble(format!("{} cannot be used: {error}", bodies.display())))?;
        let spool = Spool::open(&settings.state.join(SPOOL)).map_err(|error| trouble(error.to_string()))?;
        let salt = uuid::Uuid::new_v4().into_bytes();
        let maps = match &settings.shared {
            None => Maps::Files(settings.state.join(maps::DIRECTORY)),
            Some(shared) => Maps::Shared(shared.clone()),
        };
        let inner = Arc::new(Inner { settings, maps, upstreams, live, cache, spool, desks: DashMap::new(), salt });
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(resume(Arc::downgrade(&inner)));
            runtime.spawn(keep_house(inner.cache.clone(), Arc::downgrade(&inner)));
            if let Maps::Shared(shared) = &inner.maps {
                runtime.spawn(elsewhere::listen(shared.server.changes(), Arc::downgrade(&inner)));
            }
        }
        Ok(Self(inner))
    }
}

impl Directory {
    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// What is live, by organisation.
    pub(crate) async fn live_mailboxes(&self) -> Vec<(String, Vec<Arc<Live>>)> {
        let mut all = Vec::new();
        for (organisation, rooms) in self.0.settings.organisations.iter().zip(&self.0.live) {
            let live = rooms.lock().await.live.values().map(|room| Arc::clone(&room.live)).collect();
            all.push((organisation.name.clone(), live));
        }
        all
    }

    /// How the cache of messages does.
    #[must_use]
    pub fn cache_status(&self) -> CacheStatus {
        self.0.cache.status()
    }

    /// How many messages wait to be sent, and since when the oldest of them. Blocks for as long as a look into the spool takes.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn spool_status(&self) -> Result<(usize, Option<Timestamp>)> {
        let waiting = self.0.spool.list().map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
        Ok((waiting.len(), waiting.first().map(|oldest| oldest.accepted)))
    }

    /// Who a name stands for; `None` if no organisation takes it.
    #[must_use]
    pub fn person(&self, user: &str) -> Option<Person> {
        self.0.place(user)
    }

    /// What an organisation is called.
    #[must_use]
    pub fn organisation(&self, person: &Person) -> &str {
        self.0.name_of(person.organisation)
    }

    /// True if the gateway opens somebody's mailbox without a password of theirs: by a service account, or by tokens.
    #[must_use]
    pub fn opens_alone(&self, person: &Person) -> bool {
        self.0.upstream(person.organisation).is_ok_and(|upstream| upstream.acts_alone(person))
    }

    /// True if somebody signs in with a password, and not by tokens only.
    #[must_use]
    pub fn takes_passwords(&self, person: &Person) -> bool {
        self.0.upstream(person.organisation).is_ok_and(|upstream| !upstream.takes_no_passwords())
    }

    /// Lets somebody in whom the gateway has recognised by itself, where it opens mailboxes without their passwords. The
    /// mailbox must be the one with this top, which they have once shown to be theirs; without one, it is whichever the name
    /// opens.
    ///
    /// # Errors
    /// `SignIn` if their mailbox is not opened without a password; `Unavailable`, `Busy` or `Administrator` if that cannot be done
    /// now.
    pub async fn sign_in_known(&self, user: &str, top: Option<&str>) -> Result<Account> {
        let person = self.0.place(user).ok_or_else(unknown_domain)?;
        // No password has this form: a client cannot send it.
        let hash = self.0.hash(&person.name, &format!("\0known {}", top.unwrap_or_default()));
        let desk = self.0.desk(&person);
        if let Some(account) = desk.join(&person.name, &hash) {
            return Ok(account);
        }
        let _door = Arc::clone(&desk.door).lock_owned().await;
        if let Some(account) = desk.join(&person.name, &hash) {
            return Ok(account);
        }
        let upstream = self.0.upstream(person.organisation)?;
        if !upstream.acts_alone(&person) {
            let told = "this mailbox is not opened without its Exchange password any more; make a new device password";
            return Err(Error::new(ErrorKind::SignIn, told));
        }
        match Box::pin(upstream.enter_alone(&person, top)).await {
            Ok((identity, entered)) => self.0.admit(&desk, person, identity, entered, (Means::Password, hash)).await,
            Err(Some(error)) => Err(not_opened(&error)),
            Err(None) => Err(Error::new(ErrorKind::Unavailable, "the mailbox cannot be opened now, try again shortly")),
        }
    }
}

impl SignIn for Directory {
    type Account = Account;

    async fn sign_in(&self, credentials: &Credentials) -> Result<Account> {
        let person = self.0.place(&credentials.user).ok_or_else(unknown_domain)?;
        let hash = self.0.hash(&person.name, credentials.password.expose());
        let desk = self.0.desk(&person);
        if let Some(account) = desk.join(&person.name, &hash) {
            return Ok(account);
        }
        // A task of its own: a client that hangs up after its password was sent must not undo that it was refused.
        let (inner, password) = (Arc::clone(&self.0), ews::Secret::new(credentials.password.expose().as_str()));
        let verified = tokio::spawn(Trace::carried(async move { inner.verify(&desk, person, password, hash).await }));
        verified
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the gateway could not sign in; its log says why")))
    }

    fn takes_tokens(&self) -> bool {
        self.0.settings.organisations.iter().any(|organisation| organisation.tokens)
    }

    async fn sign_in_with_token(&self, token: &Secret<String>) -> Result<Account> {
        match self.takes_tokens() {
            true => self.0.sign_in_with_token(token).await,
            false => Err(no_tokens()),
        }
    }
}

impl Inner {
    /// Asks Exchange, unless somebody has meanwhile or the password is held back.
    async fn verify(
        self: Arc<Self>,
        desk: &Desk,
        person: Person,
        password: ews::Secret,
        hash: CredentialHash,
    ) -> Result<Account> {
        let _door = Arc::clone(&desk.door).lock_owned().await;
        if let Some(account) = desk.join(&person.name, &hash) {
            return Ok(account);
        }
        desk.check(&person.name, &hash, Means::Password)?;
        let upstream = self.upstream(person.organisation)?;
        if upstream.takes_no_passwords() {
            let told = "this Exchange takes no passwords: set the client up for OAuth 2.0 (XOAUTH2 or OAUTHBEARER)";
            return Err(Error::new(ErrorKind::SignIn, told));
        }
        let identity = upstream.identity(&person.sign_in, password);
        match Box::pin(upstream.enter(&person, &identity, Vec::new())).await {
            Ok(entered) => {
                desk.remember(&person.name, hash, upstream.memory(&entered));
                self.admit(desk, person, identity, entered, (Means::Password, hash)).await
            }
            Err(error) => {
                if error.kind != ews::ErrorKind::SignIn
                    && let Some(memory) = desk.recall(&person.name, &hash)
                    && let Some(entered) = Box::pin(upstream.enter_by_memory(&person, &identity, memory)).await
                {
                    tracing::info!(user = person.name, "let in by a password that was right before Exchange went away");
                    return self.admit(desk, person, identity, entered, (Means::Password, hash)).await;
                }
                self.not_let_in(desk, &person, (Means::Password, hash), &error);
                Err(Tried::new("you could not be signed in").not_let_in(&error))
            }
        }
    }

    /// Exchange did not say yes.
    fn not_let_in(&self, desk: &Desk, person: &Person, (means, hash): (Means, CredentialHash), error: &ews::Error) {
        if error.kind == ews::ErrorKind::SignIn {
            tracing::info!(user = person.name, ?means, %error, "Exchange refuses the sign-in");
            desk.refuse(hash, means);
        } else {
            // The user reads that it did not work; why, such as a certificate nobody vouches for, is for the operator.
            let organisation = self.name_of(person.organisation);
            tracing::warn!(user = person.name, organisation, %error, "Exchange cannot be asked whether a sign-in is right");
        }
    }

    /// Lets in whom Exchange accepted. To be called behind the desk's door.
    async fn admit(
        &self,
        desk: &Desk,
        person: Person,
        identity: Identity,
        entered: Entered,
        (means, hash): (Means, CredentialHash),
    ) -> Result<Account> {
        let upstream = self.upstream(person.organisation)?;
        let rooms = self.live.get(person.organisation).ok_or_else(unknown_domain)?;
        let mut rooms = rooms.lock().await;
        let home = rooms.homes.name(&person.name, entered.greeting.top()).await?;
        let known = rooms.live.get(&home).filter(|room| !room.live.is_at_rest());
        let goes_on = known.is_some_and(|room| keeps_its_client(room, means, upstream));
        let live = match known {
            Some(room) if goes_on => Arc::clone(&room.live),
            Some(room) => {
                let live = Arc::clone(&room.live);
                live.greeted(entered.greeting);
                live.renew(entered.client);
                rooms.live.insert(home, Room { live: Arc::clone(&live), means });
                live
            }
            None => {
                let seeker = Seeker { upstream: Arc::clone(upstream), person: person.clone(), identity };
                let live = self.bring_to_life(&home, entered, seeker).await?;
                rooms.live.insert(home, Room { live: Arc::clone(&live), means });
                live
            }
        };
        let account = live.join().ok_or_else(|| Error::new(ErrorKind::Unavailable, "try again in a moment"))?;
        let until = upstream.is_served().then(|| Instant::now() + BELIEVED);
        desk.accept(person.name, Opened { hash, until, means, live }, goes_on);
        Ok(account)
    }

    fn name_of(&self, organisation: usize) -> &str {
        self.settings.organisations.get(organisation).map_or("", |organisation| &organisation.name)
    }

    async fn bring_to_life(&self, home: &str, entered: Entered, seeker: Seeker) -> Result<Arc<Live>> {
        let organisation = &seeker.upstream.organisation;
        let name = organisation.name.as_str();
        let map = self.maps.open(name, home).await?;
        let shelf = format!("{}.{}", file_name(&format!("{name}/{home}")), generation(&map).await?);
        tracing::info!(user = home, organisation = name, "mailbox live");
        let any = Bell::new();
        let outgoing = Outgoing::new(
            self.spool.clone(),
            Owner { organisation: name.to_owned(), mailbox: home.to_owned() },
            (seeker.person.name.clone(), seeker.person.address.clone()),
            entered.greeting.top().map(str::to_owned),
            self.settings.sending.clone(),
            self.maps.nodes().cloned(),
        );
        let live = Live::start(Parts {
            user: home.to_owned(),
            map,
            greeting: entered.greeting,
            bodies: Bodies::new(self.cache.shelf(&shelf)),
            client: entered.client,
            sizes: self.settings.sizes,
            index: self.settings.index,
            prefetch: self.settings.prefetch,
            poll: Poll::new(organisation.poll, self.settings.poll),
            root: Root::Own,
            facts: Known::default(),
            list: any.below(),
            any,
            opener: Some(Opener {
                maps: self.maps.clone(),
                cache: self.cache.clone(),
                organisation: name.to_owned(),
                routes: Arc::new(Routes::new(Some(seeker.scout()), seeker.person.address.clone())),
            }),
            outgoing: Some(outgoing),
            nodes: self.maps.nodes().cloned(),
        });
        if matches!(organisation.way, Way::Discover(_)) {
            live.spawn(seeker.follow(Arc::downgrade(&live)));
        }
        Ok(live)
    }

    fn place(&self, user: &str) -> Option<Person> {
        Person::find(&self.settings.organisations, user)
    }

    fn upstream(&self, organisation: usize) -> Result<&Arc<Upstream>> {
        self.upstreams.get(organisation).ok_or_else(unknown_domain)
    }

    fn desk(&self, who: &Person) -> Arc<Desk> {
        let key = (who.organisation, person(&who.name).to_owned());
        Arc::clone(&self.desks.entry(key).or_default())
    }

    /// The password is kept as this only. The salt is new in each run, so a hash is worth nothing outside it.
    fn hash(&self, user: &str, password: &str) -> CredentialHash {
        let mut sha = Sha256::new();
        sha.update(self.salt);
        sha.update((user.len() as u64).to_be_bytes());
        sha.update(user);
        sha.update(password);
        sha.finalize().into()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for rooms in &mut self.live {
            rooms.get_mut().live.drain().for_each(|(_, room)| room.live.stop());
        }
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// True if a mailbox goes on as it is when its owner signs in again.
fn keeps_its_client(room: &Room, means: Means, upstream: &Upstream) -> bool {
    // A token is over within the hour: what needs none goes on without. Nor does a service account need one.
    let lasts = upstream.is_served() || room.means == Means::Password && means == Means::Token;
    lasts && !room.live.is_refused()
}

/// Tells a map from one that was lost before it. A new map may give an EMAILID to other content than the old one did
/// (a draft that was edited in between), so bodies cached under the old one must not be served under the new.
pub(crate) async fn generation(map: &impl IdMap) -> Result<String> {
    if let Some(generation) = map.note(GENERATION).await? {
        return Ok(generation);
    }
    let new = uuid::Uuid::new_v4().simple().to_string();
    match map.swap_note(GENERATION, None, &new).await? {
        true => Ok(new),
        // Another node was first.
        false => Ok(map.note(GENERATION).await?.unwrap_or(new)),
    }
}

fn no_tokens() -> Error {
    Error::new(ErrorKind::SignIn, "tokens are not taken here: sign in with a password")
}

fn unknown_domain() -> Error {
    Error::new(ErrorKind::SignIn, "no Exchange server is set up for this user name; sign in as user@domain")
}

/// What is told to somebody whose mailbox Exchange does not open for the gateway. They have shown who they are: nothing they sign
/// in with is wrong.
fn not_opened(error: &ews::Error) -> Error {
    let told = Tried::new("the mailbox cannot be opened now").not_let_in(error);
    match told.kind {
        ErrorKind::NotFound => Error {
            kind: ErrorKind::Administrator,
            message: "the mailbox cannot be opened now: Exchange has no mailbox of this name; tell the administrator"
                .to_owned(),
            ..told
        },
        ErrorKind::Administrator | ErrorKind::Busy { .. } => told,
        _ => Error { kind: ErrorKind::Unavailable, ..told },
    }
}

/// The map's note that holds its [`generation`].
const GENERATION: &str = "generation";
/// So long a password is believed where a service account does the work.
const BELIEVED: Duration = Duration::from_secs(10 * 60);
