//! Letting people in: whom Exchange knows, and how often it is asked.

mod desk;
mod file_name;
mod greeting;
mod place;
mod token;
mod upstream;

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use ews::Client;
use idmap::IdMap;
use mailbox::{Credentials, Error, ErrorKind, Secret, SignIn};
use sha2::{Digest, Sha256};

use self::desk::{Desk, Means, Opened};
pub(crate) use self::file_name::file_name;
use self::place::{Person, person};
use self::upstream::Upstream;
use crate::account::{Account, Live, Parts};
use crate::bodies::Bodies;
use crate::body_cache::BodyCache;
use crate::error::{Result, Tried};
use crate::foreign::{Known, Opener, Root};
use crate::holdback::{CredentialHash, FORGET};
use crate::settings::Settings;

pub(crate) use self::greeting::{Greeting, greet};

/// Everyone who may have mail here. Clones share everything; mailboxes live until the last clone is gone.
#[derive(Clone, Debug)]
pub struct Directory(Arc<Inner>);

struct Inner {
    settings: Settings,
    upstreams: Vec<Upstream>,
    cache: BodyCache,
    desks: DashMap<Key, Arc<Desk>>,
    salt: [u8; 16],
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
        let upstreams = settings.organisations.iter().cloned().map(Upstream::new).collect::<Result<Vec<_>>>()?;
        let bodies = settings.state.join("bodies");
        let cache = BodyCache::open(bodies.clone(), settings.cache_bytes)
            .map_err(|error| trouble(format!("{} cannot be used: {error}", bodies.display())))?;
        let salt = uuid::Uuid::new_v4().into_bytes();
        let inner = Arc::new(Inner { settings, upstreams, cache, desks: DashMap::new(), salt });
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(housekeeping(inner.cache.clone(), Arc::downgrade(&inner)));
        }
        Ok(Self(inner))
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
        let verified = tokio::spawn(async move { inner.verify(&desk, person, password, hash).await });
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
        let client = upstream.server().await?.client(upstream.identity(&person.sign_in, password));
        let greeting = match greet(&client, Vec::new()).await {
            Ok((greeting, _)) => greeting,
            Err(error) => {
                self.not_let_in(desk, &person, (Means::Password, hash), &error);
                return Err(Tried::new("you could not be signed in").failed(&error));
            }
        };
        self.admit(desk, person, client, greeting, (Means::Password, hash)).await
    }

    /// Exchange did not say yes.
    fn not_let_in(&self, desk: &Desk, person: &Person, (means, hash): (Means, CredentialHash), error: &ews::Error) {
        if error.kind == ews::ErrorKind::SignIn {
            tracing::info!(user = person.name, ?means, "Exchange refuses the sign-in");
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
        client: Client,
        greeting: Greeting,
        (means, hash): (Means, CredentialHash),
    ) -> Result<Account> {
        let known = desk.state().live.get(&person.name).map(|opened| (opened.means, Arc::clone(&opened.live)));
        let live = match known {
            // A token is over within the hour: what needs none goes on without.
            Some((Means::Password, live)) if means == Means::Token && !live.is_refused() => return Ok(live.join()),
            Some((_, live)) => {
                live.greeted(greeting);
                live.renew(client);
                live
            }
            None => self.bring_to_life(&person, client, greeting).await?,
        };
        let account = live.join();
        desk.accept(person.name, Opened { hash, means, live });
        Ok(account)
    }

    fn name_of(&self, organisation: usize) -> &str {
        self.settings.organisations.get(organisation).map_or("", |organisation| &organisation.name)
    }

    async fn bring_to_life(&self, person: &Person, client: Client, greeting: Greeting) -> Result<Arc<Live>> {
        let organisation = &self.upstream(person.organisation)?.organisation;
        let (name, user) = (organisation.name.as_str(), person.name.as_str());
        let directory: PathBuf = self.settings.state.join("maps").join(file_name(name));
        std::fs::create_dir_all(&directory)?;
        let map = idmap::sqlite::open(&directory, user).await?;
        let shelf = format!("{}.{}", file_name(&format!("{name}/{user}")), generation(&map).await?);
        tracing::info!(user, organisation = name, "mailbox live");
        Ok(Live::start(Parts {
            user: user.to_owned(),
            map,
            greeting,
            bodies: Bodies::new(self.cache.shelf(&shelf)),
            client,
            sizes: self.settings.sizes,
            poll: organisation.poll.unwrap_or(self.settings.poll),
            root: Root::Own,
            facts: Known::default(),
            opener: Some(Opener { directory, cache: self.cache.clone(), organisation: name.to_owned() }),
        }))
    }

    fn place(&self, user: &str) -> Option<Person> {
        Person::find(&self.settings.organisations, user)
    }

    fn upstream(&self, organisation: usize) -> Result<&Upstream> {
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

    fn tidy(&self) {
        let now = Instant::now();
        // Whoever tries name after name must not fill the memory.
        let memory = if self.desks.len() > MANY_DESKS { Duration::ZERO } else { FORGET };
        self.desks.retain(|_, desk| {
            let mut state = desk.state();
            state.live.retain(|user, Opened { live, .. }| {
                let deserted = live.is_deserted(self.settings.linger);
                if deserted {
                    tracing::info!(user, "mailbox put to rest");
                    live.stop();
                }
                !deserted
            });
            // Others who hold the desk are about to sign in.
            let quiet = state.passwords.is_over(now, memory) && state.tokens.is_over(now, memory);
            !state.live.is_empty() || !quiet || Arc::strong_count(desk) > 1
        });
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for desk in &self.desks {
            desk.state().live.drain().for_each(|(_, opened)| opened.live.stop());
        }
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Tells a map from one that was lost before it. A new map may give an EMAILID to other content than the old one did
/// (a draft that was edited in between), so bodies cached under the old one must not be served under the new.
pub(crate) async fn generation(map: &impl IdMap) -> Result<String> {
    if let Some(generation) = map.note(GENERATION).await? {
        return Ok(generation);
    }
    let generation = uuid::Uuid::new_v4().simple().to_string();
    map.put_note(GENERATION, &generation).await?;
    Ok(generation)
}

/// Counts what an earlier run left in the cache, then puts to rest mailboxes nobody uses.
async fn housekeeping(cache: BodyCache, inner: Weak<Inner>) {
    if let Ok(Err(error)) = tokio::task::spawn_blocking(move || cache.recount()).await {
        tracing::warn!(%error, "the message cache could not be counted");
    }
    loop {
        tokio::time::sleep(HOUSEKEEPING).await;
        let Some(inner) = inner.upgrade() else { return };
        inner.tidy();
    }
}

fn no_tokens() -> Error {
    Error::new(ErrorKind::SignIn, "tokens are not taken here: sign in with a password")
}

fn unknown_domain() -> Error {
    Error::new(ErrorKind::SignIn, "no Exchange server is set up for this user name; sign in as user@domain")
}

/// The map's note that holds its [`generation`].
const GENERATION: &str = "generation";
/// More people than this have seldom mistyped their passwords within an hour.
const MANY_DESKS: usize = 10_000;
const HOUSEKEEPING: Duration = Duration::from_secs(30);
