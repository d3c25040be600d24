//! Letting people in: whom Exchange knows, and how often it is asked.

mod token;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use ews::op::get_folder::GetFolder;
use ews::{Client, DistinguishedFolder, FolderRef, Identity, Server, ServerConfig, Trust};
use idmap::IdMap;
use mailbox::{Credentials, Error, ErrorKind, Secret, SignIn};
use sha2::{Digest, Sha256};

use crate::account::{Account, Live, Parts};
use crate::bodies::Bodies;
use crate::body_cache::BodyCache;
use crate::convert::ROLES;
use crate::error::{Result, Tried};
use crate::holdback::{CredentialHash, FORGET, Holdback};
use crate::objects::{Bytes, quota_of, quota_shape};
use crate::settings::{Organisation, Settings};

/// Everyone who may have mail here. Clones share everything; mailboxes live until the last clone is gone.
#[derive(Clone, Debug)]
pub struct Directory(Arc<Inner>);

struct Inner {
    settings: Settings,
    servers: Vec<Server>,
    cache: BodyCache,
    desks: DashMap<Key, Arc<Desk>>,
    salt: [u8; 16],
}

/// A person: which organisation, and the user name in lower case without a domain.
///
/// `anna@one.example` and `ONE\anna` may well be one account, so that their wrong passwords count together. Should they
/// be two, one waits for the other's mistakes, which is better than an account that is locked.
type Key = (usize, String);

/// Where one person's sign-ins meet.
#[derive(Default)]
struct Desk {
    /// One verification at a time.
    door: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<DeskState>,
}

#[derive(Default)]
struct DeskState {
    passwords: Holdback,
    /// Whoever makes up tokens locks no account by that, and keeps no password out.
    tokens: Holdback,
    /// Mailboxes, by the whole user name.
    live: HashMap<String, Opened>,
}

/// A mailbox that is live.
struct Opened {
    /// What Exchange accepted last.
    hash: CredentialHash,
    means: Means,
    live: Arc<Live>,
}

/// What somebody signs in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    Password,
    Token,
}

impl DeskState {
    fn holdback(&mut self, means: Means) -> &mut Holdback {
        match means {
            Means::Password => &mut self.passwords,
            Means::Token => &mut self.tokens,
        }
    }
}

impl Directory {
    /// Makes the state directory, and reads the certificates. Nobody is contacted. To be called within a Tokio
    /// runtime, where the housekeeping then runs until the last clone is gone.
    ///
    /// # Errors
    /// One sentence for the operator: what is wrong with which directory or organisation.
    pub fn new(settings: Settings) -> Result<Self> {
        let trouble = |what: String| Error::new(ErrorKind::Internal, what);
        let mut servers = Vec::with_capacity(settings.organisations.len());
        for organisation in &settings.organisations {
            let config = ServerConfig {
                trust: Trust { ca_file: organisation.ca_file.clone(), ..Trust::default() },
                allow_http: organisation.allow_http,
                ..ServerConfig::new(&organisation.url)
            };
            let server = Server::new(config);
            servers
                .push(server.map_err(|error| trouble(format!("exchange {}: {}", organisation.name, error.message)))?);
        }
        let bodies = settings.state.join("bodies");
        let cache = BodyCache::open(bodies.clone(), settings.cache_bytes)
            .map_err(|error| trouble(format!("{} cannot be used: {error}", bodies.display())))?;
        let salt = uuid::Uuid::new_v4().into_bytes();
        let inner = Arc::new(Inner { settings, servers, cache, desks: DashMap::new(), salt });
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(housekeeping(inner.cache.clone(), Arc::downgrade(&inner)));
        }
        Ok(Self(inner))
    }
}

impl SignIn for Directory {
    type Account = Account;

    async fn sign_in(&self, credentials: &Credentials) -> Result<Account> {
        let (organisation, user) = self.0.place(&credentials.user).ok_or_else(unknown_domain)?;
        let hash = self.0.hash(&user, credentials.password.expose());
        let desk = self.0.desk((organisation, person(&user).to_owned()));
        if let Some(account) = desk.join(&user, &hash) {
            return Ok(account);
        }
        // A task of its own: a client that hangs up after its password was sent must not undo that it was refused.
        let (inner, password) = (Arc::clone(&self.0), ews::Secret::new(credentials.password.expose().as_str()));
        let verified = tokio::spawn(async move { inner.verify(&desk, organisation, user, password, hash).await });
        verified
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the gateway could not sign in; its log says why")))
    }

    fn takes_tokens(&self) -> bool {
        self.0.settings.tokens
    }

    async fn sign_in_with_token(&self, token: &Secret<String>) -> Result<Account> {
        match self.0.settings.tokens {
            true => self.0.sign_in_with_token(token).await,
            false => Err(Error::new(ErrorKind::SignIn, "tokens are not taken here: sign in with a password")),
        }
    }
}

impl Inner {
    /// Asks Exchange, unless somebody has meanwhile or the password is held back.
    async fn verify(
        self: Arc<Self>,
        desk: &Desk,
        organisation: usize,
        user: String,
        password: ews::Secret,
        hash: CredentialHash,
    ) -> Result<Account> {
        let _door = Arc::clone(&desk.door).lock_owned().await;
        if let Some(account) = desk.join(&user, &hash) {
            return Ok(account);
        }
        desk.check(&user, &hash, Means::Password)?;
        let server = self.servers.get(organisation).ok_or_else(unknown_domain)?;
        let client = server.client(Identity::basic(user.clone(), password));
        let greeting = match greet(&client, Vec::new()).await {
            Ok((greeting, _)) => greeting,
            Err(error) => {
                self.not_let_in(desk, &user, organisation, (Means::Password, hash), &error);
                return Err(Tried::new("you could not be signed in").failed(&error));
            }
        };
        self.admit(desk, organisation, user, client, greeting, (Means::Password, hash)).await
    }

    /// Exchange did not say yes.
    fn not_let_in(
        &self,
        desk: &Desk,
        user: &str,
        organisation: usize,
        (means, hash): (Means, CredentialHash),
        error: &ews::Error,
    ) {
        if error.kind == ews::ErrorKind::SignIn {
            tracing::info!(user, ?means, "Exchange refuses the sign-in");
            desk.refuse(hash, means);
        } else {
            // The user reads that it did not work; why, such as a certificate nobody vouches for, is for the operator.
            let organisation = self.name_of(organisation);
            tracing::warn!(user, organisation, %error, "Exchange cannot be asked whether a sign-in is right");
        }
    }

    /// Lets in whom Exchange accepted. To be called behind the desk's door.
    async fn admit(
        &self,
        desk: &Desk,
        organisation: usize,
        user: String,
        client: Client,
        greeting: Greeting,
        (means, hash): (Means, CredentialHash),
    ) -> Result<Account> {
        let known = desk.state().live.get(&user).map(|opened| (opened.means, Arc::clone(&opened.live)));
        let live = match known {
            // A token is over within the hour: what needs none goes on without.
            Some((Means::Password, live)) if means == Means::Token && !live.is_refused() => return Ok(live.join()),
            Some((_, live)) => {
                live.greeted(greeting);
                live.renew(client);
                live
            }
            None => self.bring_to_life(organisation, &user, client, greeting).await?,
        };
        let account = live.join();
        desk.accept(user, Opened { hash, means, live });
        Ok(account)
    }

    fn name_of(&self, organisation: usize) -> &str {
        self.settings.organisations.get(organisation).map_or("", |organisation| &organisation.name)
    }

    async fn bring_to_life(
        &self,
        organisation: usize,
        user: &str,
        client: Client,
        greeting: Greeting,
    ) -> Result<Arc<Live>> {
        let name = self.name_of(organisation);
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
            poll: self.settings.poll,
        }))
    }

    /// Which organisation somebody belongs to, and the name to sign in with there: in lower case, with the domain
    /// added if there is only one it can be.
    fn place(&self, user: &str) -> Option<(usize, String)> {
        let user = user.trim().to_lowercase();
        let organisations = || self.settings.organisations.iter().enumerate();
        let has = |organisation: &Organisation, domain: &str| {
            let short = !domain.contains('.');
            organisation.domains.iter().any(|known| {
                let known = known.to_lowercase();
                known == domain || short && known.split('.').next() == Some(domain)
            })
        };
        let domain =
            user.rsplit_once('@').map(|(_, domain)| domain).or_else(|| user.split_once('\\').map(|(domain, _)| domain));
        let claimed = domain.and_then(|domain| organisations().find(|(_, organisation)| has(organisation, domain)));
        let open = || organisations().find(|(_, organisation)| organisation.domains.is_empty());
        let only = || organisations().next().filter(|_| domain.is_none() && self.settings.organisations.len() == 1);
        let (index, organisation) = claimed.or_else(open).or_else(only)?;
        Some(match (domain, organisation.domains.as_slice()) {
            (None, [only]) if !user.is_empty() => (index, format!("{user}@{}", only.to_lowercase())),
            _ => (index, user),
        })
    }

    fn desk(&self, key: Key) -> Arc<Desk> {
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

impl Desk {
    /// A session, if this is what Exchange accepted last and has not refused since.
    fn join(&self, user: &str, hash: &CredentialHash) -> Option<Account> {
        let state = self.state();
        let opened = state.live.get(user)?;
        (opened.hash == *hash && !opened.live.is_refused()).then(|| opened.live.join())
    }

    /// Fails if this must not be tried now.
    fn check(&self, user: &str, hash: &CredentialHash, means: Means) -> Result<()> {
        let now = Instant::now();
        let mut state = self.state();
        // Refused while in use: that was its try.
        if let Some(opened) = state.live.get_mut(user).filter(|opened| opened.hash == *hash && opened.live.is_refused())
        {
            opened.hash = CredentialHash::default();
            state.holdback(means).refused(*hash, now);
        }
        match state.holdback(means).held(hash, now) {
            None => Ok(()),
            Some(until) => Err(held_back(until.saturating_duration_since(now))),
        }
    }

    fn accept(&self, user: String, opened: Opened) {
        let mut state = self.state();
        state.holdback(opened.means).accepted(&opened.hash);
        state.live.insert(user, opened);
    }

    fn state(&self) -> MutexGuard<'_, DeskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A user name without its domain.
fn person(user: &str) -> &str {
    let name = user.rsplit_once('@').map_or(user, |(name, _)| name);
    name.split_once('\\').map_or(name, |(_, name)| name)
}

/// What the mailbox tells whoever signs in.
#[derive(Clone, Debug)]
pub(crate) struct Greeting {
    /// Exchange ids of the folders with a part to play, in any language.
    pub(crate) roles: Vec<(String, DistinguishedFolder)>,
    /// How full it is.
    pub(crate) quota: Option<Bytes>,
}

/// One cheap call that proves the password. It looks at `others` too, and tells the ids of those that are open.
pub(crate) async fn greet(
    client: &Client,
    others: Vec<FolderRef>,
) -> Result<(Greeting, Vec<Option<String>>), ews::Error> {
    let oldest = ews::Version::Exchange2007;
    let known = ROLES.iter().map(|(role, _)| *role).filter(|role| role.since() == oldest);
    let asked: Vec<DistinguishedFolder> =
        [DistinguishedFolder::Top].into_iter().chain(known).chain([DistinguishedFolder::Root]).collect();
    let folders = asked.iter().map(|folder| (*folder).into()).chain(others).collect();
    let mut answers = client.call(&GetFolder { folders, shape: quota_shape() }).await?;
    let id = |folder: ews::Folder| folder.id.map(|id| id.id);
    let others = answers.split_off(asked.len().min(answers.len()));
    let others = others.into_iter().map(|other| id(other.ok()?)).collect();
    let quota = answers.pop().and_then(|root| quota_of(&root.ok()?));
    // Without the top of it there is no mailbox. It may lack others, such as junk mail before its owner first signs
    // in: that is no error.
    if let Some(Err(error)) = answers.first() {
        return Err(error.clone().into());
    }
    let roles = answers.into_iter().zip(asked).filter_map(|(answer, role)| Some((id(answer.ok()?)?, role))).collect();
    Ok((Greeting { roles, quota }, others))
}

/// Tells a map from one that was lost before it. A new map may give an EMAILID to other content than the old one did
/// (a draft that was edited in between), so bodies cached under the old one must not be served under the new.
async fn generation(map: &impl IdMap) -> Result<String> {
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

fn unknown_domain() -> Error {
    Error::new(ErrorKind::SignIn, "no Exchange server is set up for this user name; sign in as user@domain")
}

fn held_back(wait: Duration) -> Error {
    let minutes = wait.as_secs().div_ceil(60);
    let sentence = format!(
        "Exchange did not accept this user name and password; to keep the account from being locked it is not asked \
         again for {minutes} min"
    );
    Error::new(ErrorKind::SignIn, sentence)
}

/// A file name that tells one name from every other: letters, digits and `@._+-` stand for themselves.
fn file_name(name: &str) -> String {
    let mut safe = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'@' | b'_' | b'+' | b'-' => safe.push(byte as char),
            b'.' if !safe.is_empty() => safe.push('.'),
            other => safe.push_str(&format!("%{other:02x}")),
        }
    }
    if safe.len() > LONGEST_FILE_NAME {
        let hash: [u8; 32] = Sha256::digest(name).into();
        safe.truncate(LONGEST_FILE_NAME - 40);
        safe.push('%');
        hash.iter().take(16).for_each(|byte| safe.push_str(&format!("{byte:02x}")));
    }
    safe
}

/// The map's note that holds its [`generation`].
const GENERATION: &str = "generation";
/// More people than this have seldom mistyped their passwords within an hour.
const MANY_DESKS: usize = 10_000;
const HOUSEKEEPING: Duration = Duration::from_secs(30);
const LONGEST_FILE_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn organisation(name: &str, domains: &[&str]) -> Organisation {
        Organisation {
            name: name.to_owned(),
            url: format!("https://{name}.example/EWS/Exchange.asmx"),
            domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
            ca_file: None,
            allow_http: false,
        }
    }

    fn place(organisations: Vec<Organisation>, user: &str) -> Option<(usize, String)> {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings::new(directory.path(), organisations);
        Directory::new(settings).unwrap().0.place(user)
    }

    #[test]
    fn people_belong_where_their_domain_is() {
        let two = || vec![organisation("one", &["one.example", "uno.example"]), organisation("two", &["Two.Example"])];
        for (user, expected) in [
            ("Anna@One.Example", Some((0, "anna@one.example"))),
            ("ben@two.example", Some((1, "ben@two.example"))),
            ("TWO\\ben", Some((1, "two\\ben"))),
            ("carl@three.example", None),
            ("carl", None),
        ] {
            assert_eq!(place(two(), user), expected.map(|(n, user)| (n, user.to_owned())), "{user}");
        }
        let open = || vec![organisation("one", &["one.example"]), organisation("rest", &[])];
        assert_eq!(place(open(), "carl@three.example").unwrap().0, 1);
        assert_eq!(place(vec![organisation("one", &["one.example"])], "anna").unwrap().1, "anna@one.example");
    }

    #[test]
    fn file_names_are_safe_and_different() {
        assert_eq!(file_name("anna@one.example"), "anna@one.example");
        assert_eq!(file_name("../x"), "%2e.%2fx");
        assert_ne!(file_name("a/b"), file_name("a%2fb"));
        let long = file_name(&"ä".repeat(300));
        assert!(long.len() <= LONGEST_FILE_NAME);
        assert_ne!(long, file_name(&"ä".repeat(301)));
    }
}
