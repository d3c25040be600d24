//! Hybrid Modern Authentication: an Exchange of one's own that takes tokens of Entra ID or AD FS.

use http::Uri;

use super::Bearer;
use super::provider::{host_of, is_allowed_authority};
use crate::{Ask, Cause, Error, ErrorKind, Web};

/// What an Exchange's challenge says of where its tokens come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modern {
    /// Who gives them out; on the list of those who may.
    pub authority: String,
    /// Of which tenant, if it says so.
    pub tenant: Option<String>,
    /// For whom they must be: the host by which Exchange is reached.
    pub resource: String,
    /// Who Exchange is to the authority.
    pub exchange: Option<String>,
    /// Whose tokens Exchange takes.
    pub trusted_issuers: Option<String>,
}

impl Modern {
    /// Asks an Exchange where its tokens come from: with an `Authorization` that holds none, so that nothing is given away.
    ///
    /// # Errors
    /// As [`Web::ask`], and as [`Modern::from_challenges`].
    pub async fn ask(web: &Web, ews_url: &str, allowed: &[String]) -> Result<Option<Modern>, Error> {
        let ask = Ask { headers: vec![("authorization", "Bearer".to_owned())], ..Ask::get(ews_url) };
        let told = web.ask(ask).await?;
        let offers = told.offers();
        Modern::from_challenges(offers.iter().map(String::as_str), ews_url, allowed)
    }

    /// Reads the `WWW-Authenticate` values an Exchange answered at `ews_url`. None if it does not take tokens, or does not say
    /// of whom.
    ///
    /// # Errors
    /// `Denied` if it names an authority that neither [`super::WELL_KNOWN_AUTHORITIES`] nor `allowed` names: a hostile server
    /// must not choose who is told secrets.
    pub fn from_challenges<'a>(
        values: impl IntoIterator<Item = &'a str>,
        ews_url: &str,
        allowed: &[String],
    ) -> Result<Option<Modern>, Error> {
        let Some(bearer) = Bearer::parse(values) else { return Ok(None) };
        let Some(uri) = bearer.authorization_uri else { return Ok(None) };
        if !is_allowed_authority(&uri, allowed) {
            let host = host_of(&uri).unwrap_or_else(|| "nobody".to_owned());
            let told = format!(
                "Exchange sends us to {host} for tokens, which oauth.allow_authorities does not name; name it there if it is yours"
            );
            return Err(Error::new(ErrorKind::Denied, told).because(Cause::NotAllowed));
        }
        let unreadable =
            || Error::new(ErrorKind::Protocol, "Exchange does not say in a way that can be read who gives tokens out");
        let parsed: Uri = uri.parse().map_err(|_| unreadable())?;
        let authority = parsed.authority().ok_or_else(unreadable)?;
        let base = format!("https://{authority}");
        // `/TENANT/oauth2/authorize`, `/common/oauth2/v2.0/authorize`, or `/adfs/oauth2/authorize` of AD FS.
        let (authority, tenant) = match parsed.path().split('/').find(|part| !part.is_empty()) {
            Some(adfs) if adfs.eq_ignore_ascii_case("adfs") => (format!("{base}/adfs"), None),
            Some("common" | "organizations") | None => (base, None),
            Some(tenant) => (base, Some(tenant.to_owned())),
        };
        Ok(Some(Modern {
            authority,
            tenant,
            resource: resource_of(ews_url).ok_or_else(unreadable)?,
            exchange: bearer.client_id,
            trusted_issuers: bearer.trusted_issuers,
        }))
    }
}

/// The audience of tokens for an EWS URL: `https://mail.corp.example`.
pub fn resource_of(ews_url: &str) -> Option<String> {
    host_of(ews_url).map(|host| format!("https://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EWS: &str = "https://mail.corp.example/EWS/Exchange.asmx";

    fn told(uri: &str, allowed: &[&str]) -> Result<Option<Modern>, Error> {
        let value = format!(
            "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", trusted_issuers=\"t@*\", authorization_uri=\"{uri}\""
        );
        let allowed: Vec<String> = allowed.iter().map(|&host| host.to_owned()).collect();
        Modern::from_challenges(["Negotiate", value.as_str()], EWS, &allowed)
    }

    #[test]
    fn the_authority_comes_from_the_challenge_and_the_audience_from_the_url() {
        let table = [
            ("https://login.windows.net/common/oauth2/authorize", "https://login.windows.net", None),
            (
                "https://login.microsoftonline.com/t-1/oauth2/v2.0/authorize",
                "https://login.microsoftonline.com",
                Some("t-1"),
            ),
            ("https://adfs.corp.example/adfs/oauth2/authorize", "https://adfs.corp.example/adfs", None),
        ];
        for (uri, authority, tenant) in table {
            let modern = told(uri, &["adfs.corp.example"]).unwrap().unwrap();
            assert_eq!((modern.authority.as_str(), modern.tenant.as_deref()), (authority, tenant));
            assert_eq!(modern.resource, "https://mail.corp.example");
            let config = super::super::OAuthConfig::modern(&modern, "app");
            assert!(config.scope(false).starts_with("https://mail.corp.example/EWS.AccessAsUser.All "));
        }
        let none = |value: &str| Modern::from_challenges([value], EWS, &[]).unwrap();
        assert_eq!((none("NTLM"), none("Bearer")), (None, None));
    }

    #[test]
    fn a_hostile_server_does_not_choose_who_is_told_secrets() {
        for uri in [
            "https://evil.example/common/oauth2/authorize",
            "http://login.microsoftonline.com/common/oauth2/authorize",
            "https://login.microsoftonline.com.evil.example/common/oauth2/authorize",
            "https://login.microsoftonline.com@evil.example/x",
            "https://anna@login.microsoftonline.com/x",
            "login.microsoftonline.com",
            "//login.microsoftonline.com/x",
            "",
        ] {
            let error = told(uri, &[]).unwrap_err();
            assert_eq!((error.kind, error.cause), (ErrorKind::Denied, Some(Cause::NotAllowed)), "{uri}");
        }
    }
}
