//! What identity providers answer: tokens, device codes, refusals (RFC 6749 section 5, RFC 8628 section 3.2).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::Secret;

/// Tokens that were given out.
#[derive(Clone, Debug)]
pub struct Grant {
    /// What Exchange is shown.
    pub access: Secret,
    /// For how long, from now.
    pub expires_in: Duration,
    /// What the next access token is got with, if anything.
    pub refresh: Option<Secret>,
    /// Who signed in, as the identity provider calls them (`preferred_username` or `upn` of the ID token). It came over TLS
    /// from who gives tokens out, so that its signature need not be looked at (OpenID Connect Core section 3.1.3.7).
    pub user: Option<String>,
    /// What was granted, where it is said.
    pub scope: Option<String>,
}

/// A device code and what its owner is to be told.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) code: Secret,
    pub(super) user_code: String,
    pub(super) url: String,
    pub(super) complete: Option<String>,
    pub(super) expires_in: Duration,
    pub(super) interval: Duration,
}

/// A refusal (RFC 6749 section 5.2, with what Entra ID adds).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Such as `invalid_grant`.
    pub error: String,
    /// In the provider's own words.
    pub description: String,
    /// The number of the `AADSTS` code, or of the `MSIS` code of AD FS.
    pub code: Option<u32>,
    /// By which the provider finds it in its logs.
    pub correlation_id: Option<String>,
    /// What a token must have, where the provider will only give one to who signs in anew.
    pub claims: Option<String>,
    /// How long to wait, where it says so.
    pub retry_after: Option<Duration>,
}

impl Grant {
    /// None if it is no such answer.
    pub(super) fn read(body: &[u8]) -> Option<Grant> {
        let told = object(body)?;
        let text = |name: &str| told.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        Some(Grant {
            access: Secret::new(text("access_token")?),
            expires_in: seconds(told.get("expires_in")).unwrap_or(UNTOLD_LIFE),
            refresh: text("refresh_token").map(Secret::new),
            user: text("id_token").and_then(owner),
            scope: text("scope").map(str::to_owned),
        })
    }
}

impl Device {
    /// None if it is no such answer.
    pub(super) fn read(body: &[u8]) -> Option<Device> {
        let told = object(body)?;
        let text = |name: &str| told.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        Some(Device {
            code: Secret::new(text("device_code")?),
            user_code: text("user_code")?.to_owned(),
            // What Google and drafts called it.
            url: text("verification_uri").or_else(|| text("verification_url"))?.to_owned(),
            complete: text("verification_uri_complete").map(str::to_owned),
            expires_in: seconds(told.get("expires_in")).unwrap_or(Duration::from_secs(900)),
            interval: seconds(told.get("interval")).unwrap_or(Duration::from_secs(5)).max(Duration::from_secs(1)),
        })
    }
}

impl Refusal {
    /// Reads a refusal; of what is none, only that it is.
    pub fn read(body: &[u8]) -> Refusal {
        let told = object(body).unwrap_or_default();
        let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
        let description = text("error_description").unwrap_or_default();
        let listed = told.get("error_codes").and_then(|codes| codes.as_array()?.first()?.as_u64());
        Refusal {
            error: text("error").unwrap_or_default(),
            code: listed.and_then(|code| code.try_into().ok()).or_else(|| code_in(&description)),
            description: plain(&description),
            correlation_id: text("correlation_id"),
            claims: text("claims"),
            retry_after: None,
        }
    }

    /// Of the parameters of a redirect (RFC 6749 section 4.1.2.1).
    pub(super) fn of_redirect(error: &str, description: Option<&str>) -> Refusal {
        let description = description.unwrap_or_default();
        Refusal {
            error: error.to_owned(),
            code: code_in(description),
            description: plain(description),
            ..Refusal::default()
        }
    }
}

/// `AADSTS50011: The redirect URI ...`, or `MSIS9605: ...`.
fn code_in(description: &str) -> Option<u32> {
    let after = description.split_once("AADSTS").or_else(|| description.split_once("MSIS"))?.1;
    let digits = after.find(|c: char| !c.is_ascii_digit()).map_or(after, |end| after.get(..end).unwrap_or_default());
    digits.parse().ok()
}

/// The first line, without what only its writers can use.
fn plain(description: &str) -> String {
    let line = description.split(['\r', '\n']).next().unwrap_or_default();
    let line = line.split(" Trace ID:").next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Who an ID token is about.
fn owner(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let claims = object(&claims)?;
    let name =
        ["preferred_username", "upn", "unique_name", "email"].into_iter().find_map(|name| claims.get(name)?.as_str());
    name.map(str::to_owned).filter(|name| !name.contains(char::is_control))
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body).ok()? {
        Value::Object(told) => Some(told),
        _ => None,
    }
}

/// AD FS and old endpoints write numbers as text.
fn seconds(value: Option<&Value>) -> Option<Duration> {
    let value = value?;
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    Some(Duration::from_secs(number.min(LONGEST_LIFE)))
}

/// Where the provider leaves it out: RFC 6749 section 5.1 recommends that it does not.
const UNTOLD_LIFE: Duration = Duration::from_secs(300);
/// Four weeks, so that no clock overflows.
const LONGEST_LIFE: u64 = 28 * 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_and_never_shown() {
        let id = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode("{\"preferred_username\":\"anna@corp.example\"}"));
        let body = format!(
            "{{\"access_token\":\"canary-a\",\"refresh_token\":\"canary-r\",\"expires_in\":\"3599\",\"id_token\":\"{id}\"}}"
        );
        let grant = Grant::read(body.as_bytes()).unwrap();
        assert_eq!(grant.expires_in.as_secs(), 3599);
        assert_eq!(grant.user.as_deref(), Some("anna@corp.example"));
        assert_eq!(grant.refresh.as_ref().unwrap().expose(), "canary-r");
        assert!(!format!("{grant:?}").contains("canary"));
        assert_eq!(
            Grant::read(b"{\"access_token\":\"a\",\"expires_in\":99999999999}").unwrap().expires_in.as_secs(),
            LONGEST_LIFE
        );
        for bad in ["", "[]", "{}", "{\"access_token\":\"\"}", "{\"access_token\":7}", "access_token=a"] {
            assert!(Grant::read(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn refusals_are_read() {
        let body = r#"{"error":"invalid_grant","error_description":"AADSTS70043: The refresh token has expired. Trace ID: x\r\nCorrelation ID: y","error_codes":[70043],"correlation_id":"c-1","claims":"{}"}"#;
        let told = Refusal::read(body.as_bytes());
        assert_eq!((told.error.as_str(), told.code), ("invalid_grant", Some(70043)));
        assert_eq!(told.description, "AADSTS70043: The refresh token has expired.");
        assert_eq!((told.correlation_id.as_deref(), told.claims.as_deref()), (Some("c-1"), Some("{}")));
        let told = Refusal::of_redirect("access_denied", Some("AADSTS65004: User declined.\nmore"));
        assert_eq!((told.code, told.description.as_str()), (Some(65004), "AADSTS65004: User declined."));
        assert_eq!(Refusal::read(b"{\"error\":\"x\",\"error_description\":\"MSIS9605: no\"}").code, Some(9605));
        assert_eq!(Refusal::read(b"<html>"), Refusal::default());
        assert_eq!(code_in("AADSTS"), None);
        assert_eq!(code_in("AADSTS99999999999"), None);
    }

    #[test]
    fn device_codes_are_read() {
        let body = br#"{"device_code":"canary","user_code":"ABC","verification_uri":"https://x/device","interval":5,"expires_in":900}"#;
        let device = Device::read(body).unwrap();
        assert_eq!((device.user_code.as_str(), device.interval.as_secs()), ("ABC", 5));
        assert!(!format!("{device:?}").contains("canary"));
        let hasty = br#"{"device_code":"a","user_code":"b","verification_uri":"c","interval":0}"#;
        assert_eq!(Device::read(hasty).unwrap().interval.as_secs(), 1);
        assert!(Device::read(b"{\"device_code\":\"a\"}").is_none());
    }
}
