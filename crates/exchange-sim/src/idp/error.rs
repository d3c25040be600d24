//! Errors as Entra and AD FS write them.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Realm;
use crate::reply::Reply;

/// An error with its code, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: u32,
    about: String,
    /// What the client must hand on to be let in.
    pub(super) claims: Option<String>,
}

/// What is fixed for a code.
struct Kind {
    code: u32,
    /// `error` (RFC 6749 section 5.2, RFC 8628 section 3.5, OpenID Connect).
    error: &'static str,
    status: u16,
    /// `suberror`, where Entra gives one.
    suberror: &'static str,
    /// Begins the description; `{}` is what it is about.
    text: &'static str,
}

/// One row per code (learn.microsoft.com, Microsoft Entra authentication and authorization error codes); the sentences
/// are our own.
const KINDS: &[Kind] = &[
    kind(28000, "invalid_request", 400, "", "The scopes belong to more than one resource: {}."),
    kind(50011, "invalid_request", 400, "", "The redirect URI '{}' is not registered for the application."),
    kind(50027, "invalid_client", 401, "", "The assertion is not a valid token: {}."),
    kind(50053, "invalid_grant", 400, "", "The account is locked."),
    kind(50055, "invalid_grant", 400, "user_password_expired", "The password has expired."),
    kind(50057, "invalid_grant", 400, "", "The account is disabled."),
    kind(50076, "interaction_required", 400, "basic_action", "Multi-factor authentication is needed to reach '{}'."),
    kind(50079, "interaction_required", 400, "basic_action", "The user must enrol in multi-factor authentication."),
    kind(50126, "invalid_grant", 400, "", "The user name or the password is wrong."),
    kind(50173, "invalid_grant", 400, "bad_token", "The grant was revoked; a new sign-in is needed."),
    kind(53003, "invalid_grant", 400, "message_only", "Conditional access policies refuse a token."),
    kind(54005, "invalid_grant", 400, "", "The authorization code was redeemed already."),
    kind(65001, "invalid_grant", 400, "consent_required", "Neither user nor administrator has consented to '{}'."),
    kind(65004, "access_denied", 400, "", "The user declined."),
    kind(70000, "invalid_grant", 400, "", "The grant is not valid."),
    kind(70003, "unsupported_grant_type", 400, "", "The grant type '{}' is not supported."),
    kind(70008, "invalid_grant", 400, "", "The code or the refresh token has expired."),
    kind(70011, "invalid_scope", 400, "", "The scope is not valid: '{}'."),
    kind(70016, "authorization_pending", 400, "", "The user has not finished signing in."),
    kind(70018, "bad_verification_code", 400, "", "The device code is not known."),
    kind(70020, "expired_token", 400, "", "The device code has expired."),
    kind(70043, "invalid_grant", 400, "token_expired", "The refresh token is older than the sign-in frequency allows."),
    kind(90002, "invalid_request", 400, "", "There is no tenant '{}'."),
    kind(90033, "temporarily_unavailable", 503, "", "A passing failure; try again."),
    kind(90094, "access_denied", 400, "", "An administrator must consent to '{}'."),
    kind(500011, "invalid_resource", 400, "", "There is no resource principal named {} in the tenant."),
    kind(500112, "invalid_grant", 400, "", "The redirect URI is not the one the code was asked with."),
    kind(501481, "invalid_grant", 400, "", "The code verifier does not match the code challenge."),
    kind(700016, "unauthorized_client", 400, "", "There is no application with the identifier '{}' in the tenant."),
    kind(700021, "invalid_client", 401, "", "The assertion is for another application than the client_id."),
    kind(700023, "invalid_client", 401, "", "The audience of the assertion is not this provider: '{}'."),
    kind(700024, "invalid_client", 401, "", "The assertion is outside its time."),
    kind(700025, "invalid_client", 401, "", "The client is public: it must show neither secret nor assertion."),
    kind(700027, "invalid_client", 401, "", "The signature of the assertion does not hold: {}."),
    kind(700082, "invalid_grant", 400, "bad_token", "The refresh token was not used for too long."),
    kind(900144, "invalid_request", 400, "", "The request must contain the parameter '{}'."),
    kind(1002012, "invalid_scope", 400, "", "With client credentials the scope must end in /.default: '{}'."),
    kind(7000215, "invalid_client", 401, "", "The client secret is wrong."),
    kind(7000218, "invalid_client", 401, "", "The request must contain client_assertion or client_secret."),
    kind(7000222, "invalid_client", 401, "", "The client secret has expired."),
    // Not a code of Entra: RFC 8628 section 3.5.
    kind(SLOW_DOWN, "slow_down", 400, "", "The device asks too often."),
];

/// The row of an error that has no number.
pub(super) const SLOW_DOWN: u32 = 0;

const fn kind(code: u32, error: &'static str, status: u16, suberror: &'static str, text: &'static str) -> Kind {
    Kind { code, error, status, suberror, text }
}

/// What AD FS says in their place; its errors have no codes of their own in the answer.
const OF_ADFS: &[(u32, &str)] = &[
    (500011, "MSIS9602: The resource in the parameter 'resource' is not registered."),
    (7000215, "MSIS9622: The client could not be authenticated."),
    (70000, "MSIS9615: The refresh token in the parameter 'refresh_token' is not valid."),
    (54005, "MSIS9612: The authorization code in the parameter 'code' is not valid."),
    (700016, "MSIS9223: There is no client with this 'client_id'."),
    (50011, "MSIS9224: The 'redirect_uri' is not registered for the client."),
];

impl Failure {
    pub(super) fn new(code: u32) -> Self {
        Self { code, about: String::new(), claims: None }
    }

    /// Whether the table has a row for the code.
    pub(super) fn known(code: u32) -> bool {
        KINDS.iter().any(|kind| kind.code == code)
    }

    /// Whether it goes away when somebody consents.
    pub(super) fn is_missing_consent(&self) -> bool {
        matches!(self.code, 65001 | 90094)
    }

    /// The same with what it is about.
    pub(super) fn with(self, about: &str) -> Self {
        Self { about: about.to_owned(), ..self }
    }

    /// `error`
    pub(super) fn error(&self) -> &'static str {
        self.kind().map_or("invalid_request", |kind| kind.error)
    }

    /// `error_description`
    pub(super) fn description(&self, realm: &Realm<'_>) -> String {
        if realm.adfs() {
            let own = OF_ADFS.iter().find(|(code, _)| *code == self.code).map(|(_, text)| (*text).to_owned());
            return own.unwrap_or_else(|| format!("MSIS9605: {}", self.sentence()));
        }
        let time = now();
        let code = if self.code == SLOW_DOWN { String::new() } else { format!("AADSTS{}: ", self.code) };
        format!(
            "{code}{} Trace ID: {} Correlation ID: {} Timestamp: {time}",
            self.sentence(),
            Uuid::new_v4(),
            Uuid::new_v4()
        )
    }

    /// The answer of the token endpoint.
    pub(super) fn reply(&self, realm: &Realm<'_>) -> Reply {
        let description = self.description(realm);
        let part = |name: &str| {
            let rest = description.split_once(name).map_or("", |(_, rest)| rest);
            rest.split_whitespace().next().unwrap_or_default().to_owned()
        };
        let mut body = json!({ "error": self.error(), "error_description": description });
        if let (false, Some(fields)) = (realm.adfs(), body.as_object_mut()) {
            fields.insert("error_codes".into(), json!([self.code]));
            fields.insert("timestamp".into(), now().into());
            fields.insert("trace_id".into(), part("Trace ID: ").into());
            fields.insert("correlation_id".into(), part("Correlation ID: ").into());
            fields.insert("error_uri".into(), format!("{}/error?code={}", realm.base, self.code).into());
            if let Some(suberror) = self.kind().map(|kind| kind.suberror).filter(|text| !text.is_empty()) {
                fields.insert("suberror".into(), suberror.into());
            }
            if let Some(claims) = &self.claims {
                fields.insert("claims".into(), claims.as_str().into());
            }
        }
        json_page(self.kind().map_or(400, |kind| kind.status), &body)
    }

    fn kind(&self) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.code == self.code)
    }

    fn sentence(&self) -> String {
        self.kind().map_or("", |kind| kind.text).replace("{}", &self.about)
    }
}

/// JSON that nobody may keep (RFC 6749 section 5.1).
pub(super) fn json_page(status: u16, body: &Value) -> Reply {
    Reply::page(status, "application/json; charset=utf-8", body.to_string())
        .with("cache-control", "no-store, no-cache")
        .with("pragma", "no-cache")
}

/// `2026-01-09 02:02:12Z`
fn now() -> String {
    Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
