//! Sign-ins at identity providers: `exgate login` makes them, `exgate logout` forgets them, the gateway uses them.

use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use accounts::Grants;
use ews::Egress;
use ews::oauth::{Attempt, Flow, Grant, OAuth, Prompt, TokenStore, Waited};
use exchange::{Organisation, Person, Proof, Way};
use jiff::Timestamp;
use mailbox::Secret;

use crate::command::Login;
use crate::config::Config;
use crate::gateway::{self, say};
use crate::{Failure, log};

/// The organisations of a configuration, with the sign-ins kept in that directory.
pub(crate) fn organisations(config: &Config, state: &Path) -> Result<Vec<Organisation>, Failure> {
    let mut all = config.organisations();
    if all.iter().any(|organisation| matches!(organisation.proof, Proof::OAuth(_))) {
        let grants = open(state)?;
        for organisation in &mut all {
            let kept = Kept { grants: Arc::clone(&grants), organisation: organisation.name.clone() };
            organisation.store = Some(Arc::new(kept));
        }
    }
    Ok(all)
}

/// Signs somebody in.
pub(crate) async fn login(options: Login) -> Result<(), Failure> {
    let config = Config::read(&options.config)?;
    log::start(&log::errors_only(false));
    let (person, organisation) = find(&config, &options.address)?;
    let told = |error: ews::Error| Failure::new(error.message);
    let oauth = exchange::oauth(&organisation, &url(&organisation)?, Egress::new(organisation.egress.clone()));
    let oauth = oauth.map_err(told)?;
    if oauth.config().flow == Flow::ClientCredentials {
        return Err(Failure::mistake("oauth.flow is \"client_credentials\": the gateway signs in by itself"));
    }
    let grants = open(&config.state)?;
    let mut attempt = begin(&oauth, &grants, &organisation.name, &person.name).await?;
    match consent(&mut attempt).await? {
        Some(grant) => {
            oauth.keep(&person.name, grant).await.map_err(told)?;
            forget_attempt(&grants, &organisation.name, &person.name);
            say(&format!("{} is signed in; `exgate check {}` shows whether Exchange agrees", person.name, person.name))
        }
        None => {
            let kept = Secret::new(attempt.save().expose().to_owned());
            let kept = grants.put(&under_way(&organisation.name), &person.name, &kept, Timestamp::now());
            kept.map_err(|error| Failure::new(error.to_string()))?;
            Err(Failure::new("nobody has signed in so far (oauth.timeout); the same command goes on waiting"))
        }
    }
}

/// Forgets a sign-in.
pub(crate) fn logout(options: &Login) -> Result<(), Failure> {
    let config = Config::read(&options.config)?;
    let (person, organisation) = find(&config, &options.address)?;
    let grants = open(&config.state)?;
    forget_attempt(&grants, &organisation.name, &person.name);
    match grants.delete(&organisation.name, &person.name).map_err(|error| Failure::new(error.to_string()))? {
        true => say(&format!("{} is signed out here; tokens in use end within the hour", person.name)),
        false => Err(Failure::mistake(format!("nobody is signed in as {}", person.name))),
    }
}

fn find(config: &Config, address: &str) -> Result<(Person, Organisation), Failure> {
    let all = organisations(config, &config.state)?;
    let found = Person::find(&all, address).and_then(|person| {
        let organisation = all.into_iter().nth(person.organisation)?;
        Some((person, organisation))
    });
    let (person, organisation) = found.ok_or_else(|| {
        Failure::mistake(format!("no exchange table has the domain of {address}; name it in its domains"))
    })?;
    match &organisation.proof {
        Proof::OAuth(_) => Ok((person, organisation)),
        Proof::Password(_) => Err(Failure::mistake(format!(
            "exchange.{}.auth is not \"oauth\": {} signs in with a password",
            organisation.name, person.name
        ))),
    }
}

fn url(organisation: &Organisation) -> Result<String, Failure> {
    match (&organisation.way, &organisation.proof) {
        (Way::Urls(urls), _) => Ok(urls.first().cloned().unwrap_or_default()),
        (Way::Discover(_), Proof::OAuth(oauth)) if oauth.resource.is_some() => Ok(String::new()),
        _ => Err(Failure::mistake(format!(
            "exchange.{}.oauth.resource: missing; without url nobody knows whose tokens are wanted",
            organisation.name
        ))),
    }
}

/// A new sign-in, or the one that is under way.
async fn begin(oauth: &OAuth, grants: &Grants, organisation: &str, user: &str) -> Result<Attempt, Failure> {
    let saved = grants.get(&under_way(organisation), user).map_err(|error| Failure::new(error.to_string()))?;
    if let Some(saved) = saved {
        match oauth.resume(&ews::Secret::new(saved.expose().as_str())).await {
            Ok(attempt) => return Ok(attempt),
            Err(_) => forget_attempt(grants, organisation, user),
        }
    }
    oauth.begin(Some(user), None).await.map_err(|error| Failure::new(error.message))
}

/// Tells what to do, and waits for it. None if it was not done in time.
async fn consent(attempt: &mut Attempt) -> Result<Option<Grant>, Failure> {
    let told = |error: ews::Error| Failure::new(error.message);
    let prompt = attempt.prompt().clone();
    match &prompt {
        Prompt::Browser { url, .. } => say(&format!("Open this address in a browser and sign in:\n{url}"))?,
        Prompt::Device { url, code, .. } => say(&format!("Open {url} in any browser and enter the code {code}"))?,
    }
    if let Prompt::Browser { comes_back: false, .. } = &prompt {
        say("Then give the address at which the browser ends:")?;
        let read = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line).map(|_| line)
        });
        let line = read.await.map_err(|error| Failure::new(error.to_string()))?;
        let line = line.map_err(|error| Failure::new(format!("the address cannot be read: {error}")))?;
        return attempt.accept(&line).await.map(Some).map_err(told);
    }
    match attempt.wait().await.map_err(told)? {
        Waited::Done(grant) => Ok(Some(grant)),
        Waited::NotYet(_) => Ok(None),
    }
}

fn open(state: &Path) -> Result<Arc<Grants>, Failure> {
    gateway::make_private(state)?;
    Grants::open(state).map(Arc::new).map_err(|error| Failure::new(error.to_string()))
}

/// Under which name a sign-in that has not come to its end is kept, sealed like the others. No organisation has it: names
/// hold no blanks.
fn under_way(organisation: &str) -> String {
    format!("{organisation} under way")
}

fn forget_attempt(grants: &Grants, organisation: &str, user: &str) {
    if let Err(error) = grants.delete(&under_way(organisation), user) {
        tracing::warn!(%error, "a sign-in that is over cannot be forgotten");
    }
}

/// The sign-ins of one organisation.
#[derive(Debug)]
struct Kept {
    grants: Arc<Grants>,
    organisation: String,
}

impl TokenStore for Kept {
    fn load(&self, user: &str) -> Result<Option<ews::Secret>, String> {
        let found = self.grants.get(&self.organisation, user).map_err(|error| error.to_string())?;
        Ok(found.map(|token| ews::Secret::new(token.expose().as_str())))
    }

    fn replace(&self, user: &str, used: Option<&ews::Secret>, next: &ews::Secret) -> Result<(), String> {
        let ours = |token: &ews::Secret| Secret::new(token.expose().to_owned());
        let (next, now) = (ours(next), Timestamp::now());
        let kept = match used {
            None => self.grants.put(&self.organisation, user, &next, now),
            Some(used) => self.grants.replace(&self.organisation, user, (&ours(used), &next), now).map(drop),
        };
        kept.map_err(|error| error.to_string())
    }

    fn remove(&self, user: &str) -> Result<bool, String> {
        self.grants.delete(&self.organisation, user).map_err(|error| error.to_string())
    }
}
