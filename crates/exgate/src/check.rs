//! `exgate check`: what stands between the gateway and a mailbox, step by step, each with its cause and remedy.

mod autodiscover;
mod mailbox;
mod network;
mod report;
mod trouble;

use std::sync::Arc;

use ews::oauth::registration;
use ews::{Client, Egress, Identity, Schemes, Secret, Server, ServerConfig};
use exchange::{Organisation, Proof, Way};

use self::report::{Report, Step};
use self::trouble::Trouble;
use crate::command::Check;
use crate::config::{Config, StoreKind};
use crate::{Failure, grants, log, password, store};

/// Checks the way to one mailbox, or to the servers only.
pub(crate) async fn run(options: Check) -> Result<(), Failure> {
    let config = Config::read(&options.config)?.traced(options.trace_ews.as_deref())?;
    log::start(&log::errors_only(options.json));
    let mut report = Report::new(options.json);
    report.ok(Step::Config, format!("{} is right", options.config.display()));
    if config.store.kind == StoreKind::Postgres {
        report.step(Step::Database, database(&config)).await;
    }
    let address = options.address.as_deref();
    for scene in scenes(grants::organisations(&config, &config.safe())?, address)? {
        report.organisation(&scene.organisation.name);
        scene.check(&mut report, &options).await?;
    }
    report.end()
}

/// Whether the database answers, and how old its tables are. None are made.
async fn database(config: &Config) -> Result<((), String), Trouble> {
    let remedy = "see store.url: is the database up, does its name resolve, may this user sign in from here?";
    let told = store::look(config).await.map_err(|sentence| Trouble::new(sentence, remedy))?;
    Ok(((), told))
}

/// One organisation, and whose mailbox is looked at.
struct Scene {
    organisation: Organisation,
    egress: Egress,
    person: Option<exchange::Person>,
}

/// The organisation an address belongs to; without an address, all of them.
fn scenes(all: Vec<Organisation>, address: Option<&str>) -> Result<Vec<Scene>, Failure> {
    let scene = |organisation: Organisation, person| Scene {
        egress: Egress::new(organisation.egress.clone()),
        organisation,
        person,
    };
    let Some(address) = address else {
        return Ok(all.into_iter().map(|organisation| scene(organisation, None)).collect());
    };
    let person = exchange::Person::find(&all, address).ok_or_else(|| {
        Failure::mistake(format!("no exchange table has the domain of {address}; name it in its domains"))
    })?;
    let organisation = all.into_iter().nth(person.organisation);
    Ok(organisation.map(|organisation| scene(organisation, Some(person))).into_iter().collect())
}

impl Scene {
    async fn check(&self, report: &mut Report, options: &Check) -> Result<(), Failure> {
        let identity = self.identity()?;
        let wanted = options.autodiscover || matches!(self.organisation.way, Way::Discover(_));
        let found = match (wanted, &self.person) {
            (true, Some(person)) => autodiscover::check(self, person, identity.as_ref(), report).await,
            (true, None) => {
                report.skipped(Step::Autodiscover, "it is asked for an address; give one");
                None
            }
            (false, _) => None,
        };
        let urls = match &self.organisation.way {
            Way::Urls(urls) => urls.clone(),
            Way::Discover(_) => found.into_iter().collect(),
        };
        if urls.is_empty() {
            report.skip_rest("no server is known");
            return Ok(());
        }
        for url in &urls {
            network::check(self, url, report).await;
        }
        if report.has_failed() {
            report.skip_rest("the server is not reached");
            return Ok(());
        }
        let Some(identity) = self.identity_by_token(&urls)?.or(identity) else {
            report.skip_rest("it is looked at for an address; give one");
            return Ok(());
        };
        let client = self.server(&urls).map_err(|error| Failure::mistake(error.message))?.client(identity.clone());
        mailbox::check(self, &client, &identity, urls.first().map_or("", String::as_str), options.send, report).await;
        Ok(())
    }

    /// Who signs in: the service account, or the person, whose password is asked for.
    fn identity(&self) -> Result<Option<Identity>, Failure> {
        let by_password = |user: &str, password: Secret| Identity::Password {
            user: user.to_owned(),
            password,
            schemes: self.schemes(),
        };
        if let Some(service) = &self.organisation.service
            && let Some(password) = service.password.clone()
        {
            return Ok(Some(by_password(&service.user, password)));
        }
        match (&self.person, &self.organisation.proof) {
            (Some(person), Proof::Password(_)) => {
                let password = password::ask(&person.sign_in)?;
                Ok(Some(by_password(&person.sign_in, Secret::new(password))))
            }
            _ => Ok(None),
        }
    }

    /// Who signs in by a token.
    fn identity_by_token(&self, urls: &[String]) -> Result<Option<Identity>, Failure> {
        let service = self.organisation.service.as_ref();
        let user = match (&self.organisation.proof, service, &self.person) {
            (Proof::OAuth(_), Some(service), _) if service.password.is_none() => &service.user,
            (Proof::OAuth(_), None, Some(person)) => &person.name,
            _ => return Ok(None),
        };
        let url = urls.first().map_or("", String::as_str);
        let oauth = exchange::oauth(&self.organisation, url, self.egress.clone());
        let oauth = oauth.map_err(|error| Failure::mistake(error.message))?;
        Ok(Some(Identity::Tokens(Arc::new(oauth.tokens(user)))))
    }

    /// What has to be registered at the identity provider, if there is one.
    fn registration(&self, url: &str) -> Option<String> {
        let oauth = exchange::oauth(&self.organisation, url, self.egress.clone()).ok()?;
        Some(registration(oauth.config()))
    }

    fn schemes(&self) -> Schemes {
        match &self.organisation.proof {
            Proof::Password(schemes) => schemes.clone(),
            Proof::OAuth(_) => Schemes::auto(),
        }
    }

    fn server(&self, urls: &[String]) -> Result<Server, ews::Error> {
        let organisation = &self.organisation;
        let discover_http = matches!(&organisation.way, Way::Discover(discover) if discover.allow_http);
        Server::new(ServerConfig {
            urls: urls.to_vec(),
            failover: organisation.failover,
            trust: organisation.trust.clone(),
            allow_http: organisation.allow_http || discover_http,
            egress: self.egress.clone(),
            channel_binding: organisation.channel_binding,
            limits: organisation.limits.clone(),
            trace: organisation.trace.clone(),
            command: || None,
        })
    }
}

/// A client whose calls do not wait long for a busy Exchange: that it is busy is what is wanted to know.
fn impatient(client: &Client) -> Client {
    client.with_patience(std::time::Duration::from_secs(2))
}
