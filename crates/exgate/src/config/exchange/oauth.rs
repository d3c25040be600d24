//! `[exchange.NAME.oauth]`: the identity provider, and what the gateway is there.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{Place, is_host};
use crate::config::mistake::{Mistake, readable};
use crate::config::text::{Span, Text};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OAuth {
    pub(crate) authority: Option<Text>,
    pub(crate) tenant: Option<Text>,
    pub(crate) client_id: Text,
    pub(crate) client_secret: Option<Text>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) resource: Option<Text>,
    pub(crate) scope: Option<Text>,
    #[serde(default)]
    pub(crate) flow: Flow,
    pub(crate) redirect: Option<Text>,
    pub(crate) timeout: Option<Span>,
    #[serde(default)]
    pub(crate) allow_authorities: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Flow {
    #[default]
    Code,
    Device,
    ClientCredentials,
}

impl OAuth {
    pub(super) fn settings(&self) -> exchange::OAuth {
        let text = |value: &Option<Text>| value.as_ref().map(|text| text.as_str().to_owned());
        let secret = self.client_secret.as_ref().map(|secret| exchange::ClientProof::Secret(secret.to_secret()));
        let files = self.certificate.clone().zip(self.key.clone());
        exchange::OAuth {
            authority: self.authority().to_owned(),
            tenant: text(&self.tenant),
            client_id: self.client_id.as_str().to_owned(),
            client: secret.or(files.map(|(certificate, key)| exchange::ClientProof::Certificate { certificate, key })),
            resource: text(&self.resource),
            scope: text(&self.scope),
            flow: match self.flow {
                Flow::Code => exchange::Flow::Code,
                Flow::Device => exchange::Flow::Device,
                Flow::ClientCredentials => exchange::Flow::ClientCredentials,
            },
            redirect: text(&self.redirect),
            timeout: self.timeout.map_or(TIMEOUT, |span| span.0),
            allow_authorities: self.allow_authorities.iter().map(|host| host.to_lowercase()).collect(),
        }
    }

    fn authority(&self) -> &str {
        self.authority.as_ref().map_or(ENTRA, Text::as_str)
    }

    pub(super) fn check(&self, place: Place<'_>) -> Result<(), Mistake> {
        let url = |text: &str| text.parse::<http::Uri>().ok().filter(|url| url.host().is_some());
        let authority = self.authority();
        match url(authority) {
            Some(read) if read.scheme_str() == Some("https") || read.host().is_some_and(super::is_loopback) => {}
            _ => {
                let sentence = format!("`{authority}` is no identity provider; write https://HOST, such as {ENTRA}");
                return place.wrong("oauth.authority", sentence);
            }
        }
        if self.tenant.is_none() && self.authority.is_none() {
            return place.wrong("oauth.tenant", "missing; Entra ID shows it as the directory (tenant) ID");
        }
        match (&self.client_secret, &self.certificate, &self.key) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                return place.wrong("oauth.client_secret", "one of client_secret and certificate with key, not both");
            }
            (None, Some(certificate), Some(key)) => {
                readable(place.file, &place.key("oauth.certificate"), certificate)?;
                readable(place.file, &place.key("oauth.key"), key)?;
            }
            (None, Some(_), None) => return place.wrong("oauth.key", "missing beside certificate"),
            (None, None, Some(_)) => return place.wrong("oauth.certificate", "missing beside key"),
            (None, None, None) if self.flow == Flow::ClientCredentials => {
                return place.wrong(
                    "oauth.client_secret",
                    "missing; flow = \"client_credentials\" needs it, or certificate and key",
                );
            }
            _ => {}
        }
        if let Some(redirect) = &self.redirect
            && !url(redirect.as_str())
                .is_some_and(|read| read.scheme_str() == Some("http") && read.host().is_some_and(super::is_loopback))
        {
            let sentence = format!(
                "`{}` does not lead back to this machine; write http://127.0.0.1:PORT/, as it is registered",
                redirect.as_str()
            );
            return place.wrong("oauth.redirect", sentence);
        }
        if self.resource.is_some() && self.scope.is_some() {
            return place.wrong("oauth.scope", "one of resource and scope, not both");
        }
        match self.allow_authorities.iter().find(|host| !is_host(host)) {
            Some(host) => place.wrong("oauth.allow_authorities", format!("`{host}` is no host name")),
            None => Ok(()),
        }
    }
}

const ENTRA: &str = "https://login.microsoftonline.com";
/// As long as a sign-in may take.
const TIMEOUT: Duration = Duration::from_secs(120);
