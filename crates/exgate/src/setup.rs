//! What clients need to set themselves up: documents they fetch, pages people read, and records for the name server. They say
//! where the gateway is and nothing else; whoever asks says nothing about themselves.

mod apple;
mod autoconfig;
mod clients;
pub(crate) mod code;
mod dns;
mod signed;

use std::path::Path;
use std::sync::Arc;

use dav::{Page, Pages};
use http::StatusCode;

pub(crate) use self::clients::{Client, Step};
pub(crate) use self::signed::{Signing, Unsigned};
use crate::Failure;
use crate::config::Config;
use crate::enroll;
use crate::gate::Gate;
use crate::gateway::say;

/// Where clients find what, as they see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    host: String,
    /// What people call it.
    name: String,
    imaps: Option<u16>,
    submissions: Option<u16>,
    https: Option<u16>,
}

/// What is served to anybody who asks by HTTP; nothing if it is not known by which name the gateway goes.
pub(crate) fn pages(config: &Config, gate: &Gate, signing: Option<Signing>) -> Pages {
    let Some(place) = place(config) else { return Pages::default() };
    let xml = Arc::new(autoconfig::document(&place));
    let (shown, enrolls) = (place.clone(), config.enrolls());
    let pages = Pages::new(move |path| match path {
        "/mail/config-v1.1.xml" | "/.well-known/autoconfig/mail/config-v1.1.xml" => {
            Some(Page::new("text/xml; charset=utf-8", xml.as_str()))
        }
        "/exgate.mobileconfig" => Some(offered(&shown, signing.as_ref())),
        "/setup.css" => Some(Page::new("text/css; charset=utf-8", enroll::STYLE)),
        "/setup" => Some(enroll::dressed(enroll::clients(&shown, enrolls))),
        path => {
            let named = path.strip_prefix("/setup/")?;
            let client = Client::ALL.into_iter().find(|client| client.name() == named)?;
            Some(enroll::dressed(enroll::client(&shown, client)))
        }
    });
    if enrolls { enroll::pages(pages, gate.clone(), place) } else { pages }
}

/// The profile by which Apple's devices set themselves up, for this user or for anybody; signed, if somebody signs.
pub(crate) fn profile(place: &Place, user: Option<&str>, signing: Option<&Signing>) -> Result<Vec<u8>, Unsigned> {
    let profile = apple::profile(place, user).into_bytes();
    match signing {
        Some(signing) => signing.sign(&profile),
        None => Ok(profile),
    }
}

fn offered(place: &Place, signing: Option<&Signing>) -> Page {
    match profile(place, None, signing) {
        Ok(profile) => Page::new("application/x-apple-aspen-config", profile),
        Err(reason) => {
            tracing::error!(%reason, "the profile is not signed, and is not handed out");
            let sentence = "The profile cannot be signed at the moment; tell those who run this server\n";
            Page { status: StatusCode::INTERNAL_SERVER_ERROR, ..Page::new("text/plain; charset=utf-8", sentence) }
        }
    }
}

/// Where people get device passwords for themselves, if they do.
pub(crate) fn enroll_url(config: &Config) -> Option<String> {
    let url = place(config)?.url()?;
    config.enrolls().then(|| format!("{url}enroll"))
}

/// `exgate dns DOMAIN`: prints what the domain's name server is to say.
pub(crate) fn dns(config: &Path, domain: &str) -> Result<(), Failure> {
    let place = place(&Config::read(config)?).ok_or_else(no_place)?;
    dns::records(&place, domain).iter().try_for_each(|line| say(line))
}

pub(crate) fn no_place() -> Failure {
    Failure::mistake("clients.host: missing; set it to the name by which clients reach the gateway")
}

pub(crate) fn place(config: &Config) -> Option<Place> {
    let clients = &config.clients;
    let host = clients.host.clone()?;
    Some(Place {
        name: clients.name.clone().unwrap_or_else(|| host.clone()),
        host,
        imaps: clients.imaps.or(config.listen.imaps.port()),
        submissions: clients.submissions.or(config.listen.submissions.port()),
        https: clients.https.or(config.listen.https.port()),
    })
}

impl Place {
    /// What people call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What a program asks for beside name and password: what it is called, and what it is.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let server = |port: Option<u16>| port.map(|port| format!("{}:{port} (SSL/TLS)", self.host));
        let all = [
            ("incoming mail (IMAP)", server(self.imaps)),
            ("outgoing mail (SMTP)", server(self.submissions)),
            ("calendars and contacts", self.url()),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The address of calendars and address books.
    fn url(&self) -> Option<String> {
        Some(match self.https? {
            443 => format!("https://{}/", self.host),
            port => format!("https://{}:{port}/", self.host),
        })
    }
}

/// Text within XML and HTML, attributes included.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
pub(crate) fn example() -> Place {
    Place {
        host: "mail.corp.example".to_owned(),
        name: "Corp & Sons".to_owned(),
        imaps: Some(993),
        submissions: Some(465),
        https: Some(8443),
    }
}
