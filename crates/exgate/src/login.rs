//! `exgate login` and `exgate logout`: somebody signs in at the identity provider, once, and the gateway keeps the right to
//! go on with it.

use std::io::BufRead;

use accounts::Grants;
use ews::oauth::{Attempt, Flow, Grant, OAuth, Prompt, Waited, registration};
use ews::op::get_folder::GetFolder;
use ews::{BaseShape, Cause, DistinguishedFolder, Egress, FolderRef, FolderShape, Identity, Server, ServerConfig};
use exchange::{Organisation, Person, Proof, Way};
use tokio::sync::mpsc;

use crate::command::Login;
use crate::config::Config;
use crate::gateway::say;
use crate::grants::{self, Note};
use crate::{Failure, log};

/// Signs somebody in.
pub(crate) async fn login(options: Login) -> Result<(), Failure> {
    let config = Config::read(&options.config)?;
    log::start(&log::errors_only(false));
    let (person, organisation) = find(&config, &options.address)?;
    let oauth = exchange::oauth(&organisation, &url(&organisation)?, Egress::new(organisation.egress.clone()));
    let oauth = oauth.map_err(|error| Failure::new(error.message))?;
    if oauth.config().flow == Flow::ClientCredentials {
        return Err(Failure::mistake("oauth.flow is \"client_credentials\": the gateway signs in by itself"));
    }
    let desk = Desk { oauth, grants: grants::open(&config.safe())?, person, organisation };
    desk.sign_in().await
}

/// Forgets a sign-in.
pub(crate) fn logout(options: &Login) -> Result<(), Failure> {
    let config = Config::read(&options.config)?;
    let (person, organisation) = find(&config, &options.address)?;
    let grants = grants::open(&config.safe())?;
    for note in [Note::UnderWay, Note::Claims] {
        note.forget(&grants, &organisation.name, &person.name).map_err(Failure::new)?;
    }
    match grants.delete(&organisation.name, &person.name).map_err(|error| Failure::new(error.to_string()))? {
        true => say(&format!("{} is signed out here; tokens in use end within the hour", person.name)),
        false => Err(Failure::mistake(format!("nobody is signed in as {}", person.name))),
    }
}

fn find(config: &Config, address: &str) -> Result<(Person, Organisation), Failure> {
    let all = grants::organisations(config, &config.safe())?;
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

/// Where one person signs in.
struct Desk {
    oauth: OAuth,
    grants: std::sync::Arc<Grants>,
    person: Person,
    organisation: Organisation,
}

impl Desk {
    async fn sign_in(&self) -> Result<(), Failure> {
        let name = &self.person.name;
        let mut attempt = self.begin().await?;
        let consented = consent(&mut attempt).await;
        if !matches!(consented, Ok(Waited::NotYet(_))) {
            self.forget_attempt();
        }
        match consented {
            Ok(Waited::Done(grant)) => {
                self.check_owner(&grant).await?;
                self.oauth.keep(name, grant).await.map_err(|error| Failure::new(error.message))?;
                say(&format!("{name} is signed in; `exgate check {name}` shows whether Exchange agrees"))
            }
            Ok(Waited::NotYet(sentence)) => {
                let kept = attempt.save();
                Note::UnderWay.put(&self.grants, &self.organisation.name, name, kept.expose()).map_err(Failure::new)?;
                // A redirect address that is not registered is told in the browser, and nobody comes back.
                let redirect = match attempt.prompt() {
                    Prompt::Browser { redirect, .. } => format!(
                        "; if the browser shows an error about the redirect address, have the application registered \
                         as follows (the address was {redirect}):\n{}",
                        registration(self.oauth.config()).trim_end()
                    ),
                    Prompt::Device { .. } => String::new(),
                };
                Err(Failure::new(format!("{sentence}: run the same command again{redirect}")))
            }
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// A new sign-in, or the one that is under way.
    async fn begin(&self) -> Result<Attempt, Failure> {
        let note =
            |note: Note| note.get(&self.grants, &self.organisation.name, &self.person.name).map_err(Failure::new);
        if let Some(saved) = note(Note::UnderWay)? {
            match self.oauth.resume(&ews::Secret::new(saved.expose().as_str())).await {
                Ok(attempt) => return Ok(attempt),
                Err(_) => self.forget_attempt(),
            }
        }
        let claims = note(Note::Claims)?;
        let begun = self.oauth.begin(Some(&self.person.name), claims.as_ref().map(|claims| claims.expose().as_str()));
        begun.await.map_err(|error| self.refused(&error))
    }

    /// A refusal. Where an administrator has to change something, it is said what all has to be registered.
    fn refused(&self, error: &ews::Error) -> Failure {
        match error.cause {
            Some(Cause::Administrator) => Failure::new(format!(
                "{}\nWhat has to be registered, and no more:\n{}",
                error.message,
                registration(self.oauth.config()).trim_end()
            )),
            _ => Failure::new(error.message.clone()),
        }
    }

    /// Fails unless the one who signed in is the one who is to be signed in: by the same name, or since Exchange opens
    /// the same mailbox for both names.
    async fn check_owner(&self, grant: &Grant) -> Result<(), Failure> {
        let wanted = &self.person;
        let names = [Some(&wanted.name), Some(&wanted.sign_in), wanted.address.as_ref()];
        if let Some(owner) = &grant.user
            && names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(owner))
        {
            return Ok(());
        }
        let same = self.opens(grant).await;
        if matches!(same, Ok(true)) {
            return Ok(());
        }
        let owner = grant.user.as_deref().unwrap_or("somebody whom the identity provider does not name");
        let because = match same {
            Err(error) => format!(" ({})", error.message),
            Ok(_) => String::new(),
        };
        Err(Failure::new(format!(
            "{owner} has signed in, and that is not {}{because}; nothing was kept: sign in as {}, or run `exgate login \
             {}`",
            wanted.name,
            wanted.name,
            grant.user.as_deref().unwrap_or("ADDRESS")
        )))
    }

    /// Whether Exchange opens the mailbox of the wanted name as the own one of who has signed in.
    async fn opens(&self, grant: &Grant) -> Result<bool, ews::Error> {
        let (Way::Urls(urls), organisation) = (&self.organisation.way, &self.organisation) else { return Ok(false) };
        let server = Server::new(ServerConfig {
            urls: urls.clone(),
            failover: organisation.failover,
            trust: organisation.trust.clone(),
            allow_http: organisation.allow_http,
            egress: Egress::new(organisation.egress.clone()),
            channel_binding: organisation.channel_binding,
            limits: organisation.limits.clone(),
            trace: organisation.trace.clone(),
            command: || None,
        })?;
        let client = server.client(Identity::Bearer { token: grant.access.clone() });
        let address = self.person.address.clone().unwrap_or_else(|| self.person.name.clone());
        let own = DistinguishedFolder::Top;
        let folders = vec![own.into(), FolderRef::DistinguishedOf(own, address)];
        let shape = FolderShape { base: BaseShape::IdOnly, ..FolderShape::default() };
        let answers = client.call(&GetFolder { folders, shape }).await?;
        let ids: Vec<String> = answers.into_iter().filter_map(|answer| Some(answer.ok()?.id?.id)).collect();
        Ok(matches!(ids.as_slice(), [own, theirs] if own == theirs))
    }

    fn forget_attempt(&self) {
        if let Err(error) = Note::UnderWay.forget(&self.grants, &self.organisation.name, &self.person.name) {
            tracing::warn!(error, "a sign-in that is over cannot be forgotten");
        }
    }
}

/// Tells what to do, and waits for it: for the browser that comes back, or for its address, which is pasted where the
/// browser is on another machine.
async fn consent(attempt: &mut Attempt) -> Result<Waited, ews::Error> {
    let told = |failure: Failure| ews::Error::told(ews::ErrorKind::Local, failure.sentence);
    match attempt.prompt() {
        Prompt::Browser { url, comes_back, .. } => {
            say(&format!("Open this address in a browser and sign in:\n{url}")).map_err(told)?;
            let what = match comes_back {
                true => {
                    "If the browser is on another machine, it ends at an address that it cannot open: paste that here."
                }
                false => "Then paste the address at which the browser ends:",
            };
            say(what).map_err(told)?;
        }
        Prompt::Device { url, code, .. } => {
            say(&format!("Open {url} in any browser and enter the code {code}")).map_err(told)?;
            return attempt.wait().await;
        }
    }
    let comes_back = matches!(attempt.prompt(), Prompt::Browser { comes_back: true, .. });
    let mut pasted = pasted();
    let line = tokio::select! {
        waited = attempt.wait(), if comes_back => return waited,
        Some(line) = pasted.recv() => line,
    };
    attempt.accept(&line).await.map(Waited::Done)
}

/// Lines of standard input that hold something. Its thread is left alone: reading cannot be called off.
fn pasted() -> mpsc::Receiver<String> {
    let (tell, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok).filter(|line| !line.trim().is_empty()) {
            if tell.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}
