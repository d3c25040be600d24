//! What Exchange makes of a token of the provider.

use serde_json::Value;

use super::{Provider, origin};

/// Whose token it is, or why it does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// Somebody, by address.
    User(String),
    /// A program that may act for everybody, by its client id.
    Program(String),
    Refused(Refusal),
}

/// Why a token does not count, as `x-ms-diagnostics` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    id: u32,
    reason: String,
    category: &'static str,
    /// What a new token must be asked with.
    claims: Option<String>,
}

impl Refusal {
    fn new(id: u32, category: &'static str, reason: impl Into<String>) -> Self {
        Self { id, reason: reason.into(), category, claims: None }
    }

    /// `x-ms-diagnostics`
    pub(crate) fn diagnostics(&self) -> String {
        format!("{};reason=\"{}\";error_category=\"{}\"", self.id, self.reason, self.category)
    }

    /// `error_category`
    pub(crate) fn category(&self) -> &'static str {
        self.category
    }

    /// What the challenge ends with.
    pub(crate) fn error(&self) -> String {
        match &self.claims {
            Some(claims) => {
                use base64::{Engine, engine::general_purpose::STANDARD};
                format!("error=\"insufficient_claims\", claims=\"{}\"", STANDARD.encode(claims))
            }
            None => "error=\"invalid_token\"".to_owned(),
        }
    }
}

impl Provider {
    /// Judges a token shown to the server `authority` (host and port as the client wrote them).
    pub(crate) fn judge(&self, token: &str, authority: &str, tls: bool) -> Judged {
        match self.try_judge(token, authority, tls) {
            Ok(judged) => judged,
            Err(refusal) => Judged::Refused(refusal),
        }
    }

    fn try_judge(&self, token: &str, authority: &str, tls: bool) -> Result<Judged, Refusal> {
        let claims = self.key.open(token);
        let claims = claims
            .ok_or_else(|| Refusal::new(2_000_001, "invalid_token", "The token is not signed by a trusted issuer."))?;
        let text = |name: &str| claims[name].as_str().unwrap_or_default();
        let state = self.lock();
        let issued = state.tokens.get(text("uti"));
        let now = state.now();
        let over = claims["exp"].as_i64().unwrap_or(0) <= now;
        if over || issued.is_none_or(|issued| issued.expired) {
            return Err(Refusal::new(2_000_002, "token_expired", "The token has expired."));
        }
        let here = origin(&format!("{}://{authority}", if tls { "https" } else { "http" }));
        let online = state.rules.online && ONLINE.contains(&text("aud"));
        if !online && !same(text("aud"), &here) {
            let reason = format!(
                "The hostname component of the audience claim value is invalid. Expected '{here}'. Actual '{}'.",
                text("aud")
            );
            return Err(Refusal::new(2_000_003, "invalid_resource", reason));
        }
        let has = |name: &str, wanted: &str| match &claims[name] {
            Value::String(words) => words.split(' ').any(|word| word == wanted),
            Value::Array(words) => words.iter().any(|word| word == wanted),
            _ => false,
        };
        let lacking =
            || Refusal::new(2_000_008, "invalid_grant", "The token contains not enough scope to make this call.");
        let Some(user) = issued.and_then(|issued| issued.user.as_ref()) else {
            let may = has("roles", "full_access_as_app");
            return if may { Ok(Judged::Program(text("appid").to_owned())) } else { Err(lacking()) };
        };
        if !has("scp", "EWS.AccessAsUser.All") && !has("scp", "full_access_as_user") {
            return Err(lacking());
        }
        let demanded = state.rules.claims.get(&user.to_lowercase());
        match demanded.filter(|demanded| issued.and_then(|issued| issued.claims.as_ref()) != Some(*demanded)) {
            Some(demanded) => Err(Refusal {
                claims: Some(demanded.clone()),
                ..Refusal::new(
                    2_000_002,
                    "insufficient_claims",
                    "The token does not meet the claims that are demanded.",
                )
            }),
            None => Ok(Judged::User(user.clone())),
        }
    }
}

/// Whether an audience is this server. Behind a proxy that knows names, the port is not part of the name.
fn same(audience: &str, here: &str) -> bool {
    let name = |url: &str| {
        let host = url.split_once("://").map_or(url, |(_, host)| host);
        host.split(':').next().unwrap_or_default().to_owned()
    };
    let scheme = |url: &str| url.split_once("://").map_or("", |(scheme, _)| scheme).to_owned();
    // A token for https may be shown to a listener without TLS: those are for tests only.
    name(audience) == name(here) && (scheme(audience) == scheme(here) || scheme(audience) == "https")
}

const ONLINE: &[&str] = &["https://outlook.office365.com", "https://outlook.office.com"];
