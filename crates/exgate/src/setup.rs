//! What clients need to set themselves up: documents they fetch, and records for the name server. They say where the gateway
//! is and nothing else; whoever asks says nothing about themselves.

mod apple;
mod autoconfig;
mod dns;

use std::path::Path;
use std::sync::Arc;

use dav::{Page, Pages};

use crate::Failure;
use crate::config::Config;
use crate::gateway::say;

/// Where clients find what, as they see it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    host: String,
    /// What people call it.
    name: String,
    imaps: Option<u16>,
    submissions: Option<u16>,
    https: Option<u16>,
}

/// What is served to anybody who asks by HTTP; nothing if it is not known by which name the gateway goes.
pub(crate) fn pages(config: &Config) -> Pages {
    let Some(place) = place(config) else { return Pages::default() };
    let (xml, profile) = (Arc::new(autoconfig::document(&place)), Arc::new(apple::profile(&place)));
    Pages::new(move |path| match path {
        "/mail/config-v1.1.xml" | "/.well-known/autoconfig/mail/config-v1.1.xml" => {
            Some(Page { kind: "text/xml; charset=utf-8", text: xml.to_string() })
        }
        "/exgate.mobileconfig" => Some(Page { kind: "application/x-apple-aspen-config", text: profile.to_string() }),
        _ => None,
    })
}

/// `exgate dns DOMAIN`: prints what the domain's name server is to say.
pub(crate) fn dns(config: &Path, domain: &str) -> Result<(), Failure> {
    let place = place(&Config::read(config)?).ok_or_else(|| {
        Failure::mistake("clients.host: missing; set it to the name by which clients reach the gateway")
    })?;
    dns::records(&place, domain).iter().try_for_each(|line| say(line))
}

fn place(config: &Config) -> Option<Place> {
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
    /// The address of calendars and address books.
    fn url(&self) -> Option<String> {
        Some(match self.https? {
            443 => format!("https://{}/", self.host),
            port => format!("https://{}:{port}/", self.host),
        })
    }
}

/// Text within XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
fn example() -> Place {
    Place {
        host: "mail.corp.example".to_owned(),
        name: "Corp & Sons".to_owned(),
        imaps: Some(993),
        submissions: Some(465),
        https: Some(8443),
    }
}
