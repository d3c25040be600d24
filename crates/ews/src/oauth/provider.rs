use http::Uri;
use serde_json::Value;

use super::OAuthConfig;
use super::form::escaped;
use crate::{Ask, Error, ErrorKind};

/// Where an identity provider takes what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Where somebody consents in a browser.
    pub authorize: String,
    /// Where tokens are given out.
    pub token: String,
    /// Where device codes are given out (RFC 8628), if anywhere.
    pub device: Option<String>,
    /// It is AD FS, which wants the resource apart from the scope.
    pub is_ad_fs: bool,
}

/// Hosts that are trusted to give out tokens for Exchange although no operator named them: Entra ID, worldwide and
/// national.
pub const WELL_KNOWN_AUTHORITIES: [&str; 5] = [
    "login.microsoftonline.com",
    "login.windows.net",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
];

impl Provider {
    /// Entra ID, v2.0 endpoints ("Microsoft identity platform").
    pub fn entra(authority: &str, tenant: &str) -> Provider {
        let base = format!("{}/{}/oauth2/v2.0", authority.trim_end_matches('/'), escaped(tenant));
        Provider {
            authorize: format!("{base}/authorize"),
            token: format!("{base}/token"),
            device: Some(format!("{base}/devicecode")),
            is_ad_fs: false,
        }
    }

    /// AD FS 2016 and later ("AD FS OpenID Connect/OAuth flows"). The authority ends in `/adfs`.
    pub fn ad_fs(authority: &str) -> Provider {
        let base = format!("{}/oauth2", authority.trim_end_matches('/'));
        Provider {
            authorize: format!("{base}/authorize/"),
            token: format!("{base}/token/"),
            device: Some(format!("{base}/devicecode")),
            is_ad_fs: true,
        }
    }

    /// The one a configuration means, if nobody has to be asked for that.
    pub(super) fn known(config: &OAuthConfig) -> Option<Provider> {
        if config.authority.trim_end_matches('/').ends_with("/adfs") {
            return Some(Provider::ad_fs(&config.authority));
        }
        let is_entra =
            || host_of(&config.authority).is_some_and(|host| WELL_KNOWN_AUTHORITIES.contains(&host.as_str()));
        match &config.tenant {
            Some(tenant) => Some(Provider::entra(&config.authority, tenant)),
            None if is_entra() => Some(Provider::entra(&config.authority, "organizations")),
            None => None,
        }
    }

    /// What to ask if it is not known (OpenID Connect Discovery 1.0 section 4.1, RFC 8414 section 3).
    pub(super) fn discovery(config: &OAuthConfig) -> String {
        format!("{}/.well-known/openid-configuration", config.authority.trim_end_matches('/'))
    }

    /// Reads such a document. What it names must be at the authority's own host or at one that is allowed, so that
    /// nobody is told a secret whom the operator does not know.
    pub(super) fn read(config: &OAuthConfig, document: &[u8]) -> Result<Provider, Error> {
        let bad = |what: String| Error::new(ErrorKind::Protocol, format!("{}: {what}", Provider::discovery(config)));
        let document: Value =
            serde_json::from_slice(document).map_err(|_| bad("is no document that can be read".to_owned()))?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let authority = config.authority.trim_end_matches('/');
        if text("issuer").map(|issuer| issuer.trim_end_matches('/')) != Some(authority) {
            return Err(bad("is of another issuer; set oauth.authority to the issuer it names".to_owned()));
        }
        let endpoint = |name: &str| match text(name) {
            Some(url) if is_allowed(url, config) => Ok(Some(url.to_owned())),
            Some(url) => {
                let host = host_of(url).unwrap_or_default();
                Err(bad(format!("sends us to {host}, which oauth.allow_authorities does not name")))
            }
            None => Ok(None),
        };
        let must = |name: &str| endpoint(name)?.ok_or_else(|| bad(format!("does not name {name}")));
        Ok(Provider {
            authorize: must("authorization_endpoint")?,
            token: must("token_endpoint")?,
            device: endpoint("device_authorization_endpoint")?,
            is_ad_fs: false,
        })
    }
}

/// Whether a URL leads to somebody who may be told secrets: to the configured authority, or, by https, to an allowed host.
fn is_allowed(url: &str, config: &OAuthConfig) -> bool {
    let of = |url: &str| {
        let uri: Uri = url.parse().ok()?;
        Some((uri.scheme_str()?.to_owned(), uri.authority()?.as_str().to_ascii_lowercase()))
    };
    let same = of(url).is_some() && of(url) == of(&config.authority);
    same || is_allowed_authority(url, &config.allow_authorities)
}

/// Whether an https URL's host is one that is allowed by name or well known.
pub(super) fn is_allowed_authority(url: &str, allowed: &[String]) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    let Some(host) = host_of(url) else { return false };
    let known = WELL_KNOWN_AUTHORITIES.contains(&host.as_str());
    plain && uri.scheme_str() == Some("https") && (known || allowed.iter().any(|name| name.eq_ignore_ascii_case(&host)))
}

/// The host of a whole URL, in lower case.
pub(super) fn host_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    uri.scheme()?;
    Some(uri.host()?.to_ascii_lowercase())
}

/// Asks for the document.
pub(super) fn ask(url: &str) -> Ask<'_> {
    Ask::get(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_tokens_out_follows_from_the_configuration() {
        let config = |authority: &str, tenant: Option<&str>| OAuthConfig {
            tenant: tenant.map(str::to_owned),
            ..OAuthConfig::new(authority, "id", "https://mail.corp.example/")
        };
        let known =
            |authority: &str, tenant| Provider::known(&config(authority, tenant)).map(|provider| provider.token);
        let table = [
            (
                known("https://login.microsoftonline.com", Some("corp.example")),
                "https://login.microsoftonline.com/corp.example/oauth2/v2.0/token",
            ),
            (
                known("https://login.microsoftonline.us/", None),
                "https://login.microsoftonline.us/organizations/oauth2/v2.0/token",
            ),
            (known("https://adfs.corp.example/adfs/", None), "https://adfs.corp.example/adfs/oauth2/token/"),
            (known("http://127.0.0.1:1", Some("t")), "http://127.0.0.1:1/t/oauth2/v2.0/token"),
        ];
        for (told, wanted) in table {
            assert_eq!(told.as_deref(), Some(wanted));
        }
        assert_eq!(known("https://id.corp.example/realms/mail", None), None);
    }

    #[test]
    fn a_discovery_document_does_not_choose_whom_we_trust() {
        let config = OAuthConfig::new("https://id.corp.example/realms/mail", "id", "https://mail.corp.example");
        let document = |issuer: &str, token: &str| {
            format!(
                "{{\"issuer\":\"{issuer}\",\"authorization_endpoint\":\"https://id.corp.example/a\",\"token_endpoint\":\"{token}\"}}"
            )
        };
        let issuer = "https://id.corp.example/realms/mail";
        let read = |config: &OAuthConfig, text: String| Provider::read(config, text.as_bytes());
        assert_eq!(
            read(&config, document(issuer, "https://id.corp.example/t")).unwrap().token,
            "https://id.corp.example/t"
        );
        for (text, told) in [
            (document(issuer, "https://evil.example/t"), "sends us to evil.example"),
            (document(issuer, "http://id.corp.example/t"), "sends us to id.corp.example"),
            (document(issuer, "https://id.corp.example:444/t"), "sends us to id.corp.example"),
            (document(issuer, "https://id.corp.example@evil.example/t"), "sends us to"),
            (document("https://evil.example", "https://id.corp.example/t"), "is of another issuer"),
            ("{}".to_owned(), "is of another issuer"),
            ("<html>".to_owned(), "is no document"),
        ] {
            let error = read(&config, text).unwrap_err();
            assert!(error.message.contains(told), "{}", error.message);
        }
        let allowed = OAuthConfig { allow_authorities: vec!["tokens.corp.example".to_owned()], ..config };
        assert!(read(&allowed, document(issuer, "https://tokens.corp.example/t")).is_ok());
    }
}
