use std::time::Duration;

use super::{Modern, SigningKey};
use crate::Secret;

/// How tokens for one organisation's Exchange are obtained.
#[derive(Clone, Debug)]
pub struct OAuthConfig {
    /// Who gives tokens out: `https://login.microsoftonline.com`, `https://adfs.corp.example/adfs`, or the issuer of
    /// anybody whose `.well-known/openid-configuration` can be read.
    pub authority: String,
    /// Which tenant of it, by id or domain. With one, the authority is taken for one with the addresses of Entra ID.
    pub tenant: Option<String>,
    /// As what the gateway is registered there.
    pub client_id: String,
    /// How the gateway proves that.
    pub credential: Credential,
    /// The URL by which Exchange is reached, without a path: `https://mail.corp.example`. The token is for that.
    pub resource: String,
    /// What is asked for, in place of what follows from the resource.
    pub scope: Option<String>,
    /// How somebody consents.
    pub flow: Flow,
    /// Where the browser is sent back to, exactly as registered. Without: `http://localhost` at a port that is free.
    pub redirect: Option<String>,
    /// How long one wait for somebody to sign in lasts.
    pub timeout: Duration,
    /// Hosts beside the authority's and [`super::WELL_KNOWN_AUTHORITIES`] that may be told secrets.
    pub allow_authorities: Vec<String>,
}

/// How somebody consents (RFC 6749 section 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// In a browser on this machine, or on another one with the address copied (RFC 6749 section 4.1, RFC 7636, RFC 8252).
    Code,
    /// In a browser anywhere, with a short code (RFC 8628).
    Device,
    /// An administrator did once: the gateway acts for itself (RFC 6749 section 4.4).
    ClientCredentials,
}

/// How a client proves that it is itself (RFC 6749 section 2.3).
#[derive(Clone, Debug)]
pub enum Credential {
    /// It does not: a public client.
    Public,
    /// By a secret that both know.
    Secret(Secret),
    /// By a key whose certificate is registered (RFC 7523 section 2.2).
    Key(SigningKey),
}

impl OAuthConfig {
    /// For a public client; the rest as it mostly is.
    pub fn new(authority: &str, client_id: &str, resource: &str) -> OAuthConfig {
        OAuthConfig {
            authority: authority.trim_end_matches('/').to_owned(),
            tenant: None,
            client_id: client_id.to_owned(),
            credential: Credential::Public,
            resource: resource.trim_end_matches('/').to_owned(),
            scope: None,
            flow: Flow::Code,
            redirect: None,
            timeout: Duration::from_secs(120),
            allow_authorities: Vec::new(),
        }
    }

    /// For what an Exchange said in its challenge (Hybrid Modern Authentication).
    pub fn modern(modern: &Modern, client_id: &str) -> OAuthConfig {
        let tenant = modern.tenant.clone();
        OAuthConfig { tenant, ..OAuthConfig::new(&modern.authority, client_id, &modern.resource) }
    }

    /// What is asked for (RFC 6749 section 3.3): the least that the flow can do with.
    pub(super) fn scope(&self, is_ad_fs: bool) -> String {
        if let Some(scope) = &self.scope {
            return scope.clone();
        }
        let resource = self.resource.trim_end_matches('/');
        match self.flow {
            // AD FS is told the resource apart, and knows permissions by the names the administrator gave them.
            Flow::Code | Flow::Device if is_ad_fs => "openid user_impersonation".to_owned(),
            Flow::ClientCredentials if is_ad_fs => "openid".to_owned(),
            Flow::Code | Flow::Device => format!("{resource}/EWS.AccessAsUser.All offline_access openid profile"),
            Flow::ClientCredentials => format!("{resource}/.default"),
        }
    }
}

impl Flow {
    /// As the configuration calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Flow::Code => "code",
            Flow::Device => "device",
            Flow::ClientCredentials => "client_credentials",
        }
    }
}
