//! What refusals of identity providers mean, and whose move it is.

use std::fmt;

use super::answer::Refusal;
use super::form::escaped;
use super::provider::host_of;
use super::{Flow, OAuthConfig, WELL_KNOWN_AUTHORITIES};
use crate::{Cause, Error, ErrorKind};

/// Whose move it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It passes by itself.
    Wait,
    /// The user has to sign in again.
    SignInAgain,
    /// An administrator has to change something.
    Administrator,
}

/// A refusal in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Whose move it is.
    pub class: Class,
    /// What happened and what to do, with the provider's own code.
    pub sentence: String,
    /// What the provider said.
    pub refusal: Refusal,
}

/// Explains a refusal. `redirect` is where the browser was to be sent back to, if there is a browser.
pub fn explain(refusal: Refusal, config: &OAuthConfig, redirect: Option<&str>) -> Explained {
    let by_code = refusal.code.and_then(|code| CODES.iter().find(|row| row.0 == code)).map(|row| (row.1, row.2));
    let by_name = || ERRORS.iter().find(|row| row.0 == refusal.error).map(|row| (row.1, row.2));
    let (class, meaning) =
        by_code.or_else(by_name).unwrap_or((Class::Wait, "the identity provider gives no answer that can be read"));
    let mut sentence = filled(meaning, config, redirect);
    let code = match refusal.code {
        Some(code) if !refusal.description.contains("MSIS") => format!("AADSTS{code}"),
        Some(code) => format!("MSIS{code}"),
        None => refusal.error.clone(),
    };
    let mut details: Vec<String> = Vec::new();
    if !code.is_empty() {
        details.push(code);
    }
    // What is not in the table is at least passed on.
    if by_code.is_none() && !refusal.description.is_empty() {
        details.push(refusal.description.clone());
    }
    if let Some(id) = &refusal.correlation_id {
        details.push(format!("correlation id {id}"));
    }
    if !details.is_empty() {
        sentence = format!("{sentence} ({})", details.join("; "));
    }
    Explained { class, sentence, refusal }
}

impl Explained {
    /// As an error of a call.
    pub fn into_error(self) -> Error {
        let retry_after = self.refusal.retry_after;
        let (kind, cause) = match self.class {
            Class::Wait if retry_after.is_some() => (ErrorKind::Busy { retry_after }, None),
            Class::Wait => (ErrorKind::Unavailable, None),
            Class::SignInAgain => (ErrorKind::SignIn, Some(Cause::GrantLost)),
            Class::Administrator => (ErrorKind::SignIn, Some(Cause::Administrator)),
        };
        Error { cause, ..Error::new(kind, self.sentence) }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.sentence)
    }
}

/// Where an administrator of the tenant grants the application what it asks for.
pub fn admin_consent_url(config: &OAuthConfig) -> Option<String> {
    let is_entra = host_of(&config.authority).is_some_and(|host| WELL_KNOWN_AUTHORITIES.contains(&host.as_str()));
    let tenant = config.tenant.as_deref().or(is_entra.then_some("organizations"))?;
    let (authority, client) = (config.authority.trim_end_matches('/'), escaped(&config.client_id));
    Some(format!("{authority}/{}/adminconsent?client_id={client}", escaped(tenant)))
}

/// A row's sentence with what the operator configured put in.
fn filled(meaning: &str, config: &OAuthConfig, redirect: Option<&str>) -> String {
    let consent = || match admin_consent_url(config) {
        Some(url) => format!("opening {url}"),
        None => "its permissions".to_owned(),
    };
    let puts: [(&str, &dyn Fn() -> String); 6] = [
        ("{redirect}", &|| {
            redirect.unwrap_or(if config.flow == Flow::Code { "http://localhost" } else { "none" }).to_owned()
        }),
        ("{client}", &|| config.client_id.clone()),
        ("{tenant}", &|| config.tenant.clone().unwrap_or_else(|| "organizations".to_owned())),
        ("{resource}", &|| config.resource.clone()),
        ("{consent}", &consent),
        ("{flow}", &|| config.flow.as_str().to_owned()),
    ];
    puts.iter().fold(meaning.to_owned(), |text, (name, value)| match text.contains(name) {
        true => text.replace(name, &value()),
        false => text,
    })
}

use Class::{Administrator, SignInAgain, Wait};

/// Microsoft "Microsoft Entra authentication and authorization error codes".
const CODES: &[(u32, Class, &str)] = &[
    (16000, SignInAgain, "the identity provider does not know which account is meant: sign in again"),
    (
        50001,
        Administrator,
        "the identity provider does not know the resource {resource}: the administrator has to register it as a service principal name, or oauth.resource is wrong",
    ),
    (
        50011,
        Administrator,
        "the identity provider refuses the redirect URI: the administrator has to register exactly {redirect} for the application {client}, under mobile and desktop applications",
    ),
    (
        50012,
        Administrator,
        "the identity provider refuses oauth.client_secret or oauth.certificate of the application {client}",
    ),
    (
        50013,
        Administrator,
        "the identity provider refuses the assertion signed with oauth.key: register oauth.certificate for the application {client}, and look at the clock",
    ),
    (50020, SignInAgain, "the account is not one of the tenant {tenant}: sign in with another one"),
    (50034, SignInAgain, "the account is not known in the tenant {tenant}: sign in with another one"),
    (50053, Wait, "the account is locked for a while, after too many wrong passwords or for where they came from"),
    (50055, SignInAgain, "the password has expired: choose a new one, then sign in again"),
    (50057, Administrator, "the account is disabled: the administrator has to enable it"),
    (50058, SignInAgain, "nobody is signed in in that browser: sign in again"),
    (50059, Administrator, "the identity provider cannot tell which tenant is meant: set oauth.tenant"),
    (50072, SignInAgain, "a second factor has to be set up for the account: sign in again"),
    (50074, SignInAgain, "a second factor is wanted: sign in again"),
    (50076, SignInAgain, "a second factor is wanted since something changed, for instance the network: sign in again"),
    (50078, SignInAgain, "the second factor was shown too long ago: sign in again"),
    (50079, SignInAgain, "a second factor has to be set up for the account: sign in again"),
    (50089, SignInAgain, "the sign-in has expired: sign in again"),
    (
        50097,
        Administrator,
        "only known devices may sign in: the administrator has to exempt the application {client} from that policy",
    ),
    (
        50105,
        Administrator,
        "the account is not assigned to the application {client}: the administrator has to assign it",
    ),
    (50126, SignInAgain, "user name or password are wrong: sign in again"),
    (50128, Administrator, "the identity provider does not know the tenant {tenant}: oauth.tenant is wrong"),
    (
        50129,
        Administrator,
        "only devices joined to the organisation may sign in: the administrator has to exempt the application {client}",
    ),
    (
        50131,
        Administrator,
        "a policy of the organisation refuses the sign-in, for the place or the device it comes from: the administrator has to exempt the gateway",
    ),
    (50132, SignInAgain, "the sign-in was revoked, or the password was changed: sign in again"),
    (50133, SignInAgain, "the sign-in ended because the password was changed or has expired: sign in again"),
    (50158, SignInAgain, "another provider wants to see the user: sign in again"),
    (50173, SignInAgain, "the sign-in was revoked, for instance by a new password: sign in again"),
    (50194, Administrator, "the application {client} is not for several tenants: set oauth.tenant"),
    (50196, Wait, "the identity provider was asked the same too often and wants to be left alone"),
    (
        53000,
        Administrator,
        "a policy of the organisation lets only devices in that comply: the administrator has to exempt the gateway",
    ),
    (
        53001,
        Administrator,
        "a policy of the organisation lets only devices in that are joined to it: the administrator has to exempt the gateway",
    ),
    (
        53002,
        Administrator,
        "a policy of the organisation allows only certain applications: the administrator has to allow {client}",
    ),
    (
        53003,
        Administrator,
        "a conditional access policy refuses the sign-in: the administrator has to exempt the application {client} or the gateway's address",
    ),
    (53004, SignInAgain, "the account is at risk and has to be secured first: sign in in a browser, then again here"),
    (
        65001,
        Administrator,
        "nobody has agreed to what the application {client} asks for: the administrator does so by {consent}",
    ),
    (65004, SignInAgain, "the user did not agree to what the application asks for: sign in again and agree"),
    (70000, SignInAgain, "the stored sign-in is no longer good: sign in again"),
    (70002, Administrator, "the identity provider refuses oauth.client_secret of the application {client}"),
    (70008, SignInAgain, "the stored sign-in has expired: sign in again"),
    (
        70011,
        Administrator,
        "the identity provider does not know what is asked for: oauth.resource ({resource}) or oauth.scope is wrong",
    ),
    (70016, Wait, "nobody has entered the code yet"),
    (70020, SignInAgain, "the code was not entered in time: sign in again"),
    (70043, SignInAgain, "the organisation wants everybody to sign in again from time to time: sign in again"),
    (90002, Administrator, "the identity provider does not know the tenant {tenant}: oauth.tenant is wrong"),
    (
        90013,
        Administrator,
        "the identity provider does not understand the question; oauth.scope or oauth.redirect may be wrong",
    ),
    (
        90014,
        Administrator,
        "the identity provider misses something in the question; oauth.redirect or oauth.scope may be wrong",
    ),
    (90019, Administrator, "the identity provider cannot tell which tenant is meant: set oauth.tenant"),
    (90033, Wait, "the identity provider is out of order for the moment"),
    (90072, SignInAgain, "the account is of another tenant: sign in with one of the tenant {tenant}"),
    (
        90094,
        Administrator,
        "only an administrator may agree to what the application {client} asks for, and does so by {consent}",
    ),
    (
        90095,
        Administrator,
        "only an administrator may agree to what the application {client} asks for, and does so by {consent}",
    ),
    (135_010, Administrator, "the identity provider does not find the key of the application {client}"),
    (
        500_011,
        Administrator,
        "the identity provider does not know the resource {resource}: the administrator has to register every URL of Exchange as a service principal name of Exchange Online, or oauth.resource is wrong",
    ),
    (500_014, Administrator, "the resource {resource} is disabled in the tenant: the administrator has to enable it"),
    (
        500_113,
        Administrator,
        "no redirect URI is registered for the application {client}: the administrator has to register {redirect}, under mobile and desktop applications",
    ),
    (
        501_051,
        Administrator,
        "the account is not assigned to the application {client}: the administrator has to assign it",
    ),
    (
        530_003,
        Administrator,
        "a policy of the organisation lets only managed devices in: the administrator has to exempt the gateway",
    ),
    (
        530_034,
        Administrator,
        "a policy of the organisation does not allow the flow {flow}: the administrator has to allow it, or set oauth.flow to another",
    ),
    (650_052, Administrator, "the tenant {tenant} has no subscription to the resource {resource}"),
    (
        650_057,
        Administrator,
        "the resource {resource} is not among the permissions of the application {client}: the administrator has to add EWS.AccessAsUser.All to it",
    ),
    (700_003, SignInAgain, "the device that signed in is no longer known: sign in again"),
    (
        700_016,
        Administrator,
        "the tenant {tenant} does not know the application {client}: oauth.client_id or oauth.tenant is wrong",
    ),
    (
        700_024,
        Administrator,
        "the identity provider finds the signed assertion too old or too new: set this machine's clock",
    ),
    (
        700_025,
        Administrator,
        "the application {client} is a public client: take oauth.client_secret and oauth.certificate out",
    ),
    (
        700_027,
        Administrator,
        "the identity provider does not know the certificate of oauth.key: register oauth.certificate for the application {client}",
    ),
    (700_082, SignInAgain, "the sign-in was not used for too long: sign in again"),
    (
        700_084,
        SignInAgain,
        "the sign-in of a browser application has ended: sign in again; the redirect URI should be one of mobile and desktop applications",
    ),
    (900_144, Administrator, "the identity provider misses something in the question; oauth.scope may be wrong"),
    (
        900_561,
        Administrator,
        "the identity provider does not take the question, which has been seen of conditional access policies: the administrator has to look at the sign-in log",
    ),
    (
        1_002_012,
        Administrator,
        "the identity provider wants a scope that ends in /.default for a service: oauth.scope is wrong",
    ),
    (
        7_000_112,
        Administrator,
        "the application {client} is disabled in the tenant: the administrator has to enable it",
    ),
    (7_000_114, Administrator, "the application {client} may not act for itself: the administrator has to allow it"),
    (7_000_215, Administrator, "oauth.client_secret is wrong: it must be the secret's value, not its id"),
    (
        7_000_218,
        Administrator,
        "the application {client} must prove itself: give oauth.client_secret or oauth.certificate, or let the administrator allow public client flows",
    ),
    (
        7_000_222,
        Administrator,
        "oauth.client_secret has expired: the administrator has to make a new one for the application {client}",
    ),
];

/// RFC 6749 sections 4.1.2.1 and 5.2, RFC 8628 section 3.5, OpenID Connect Core section 3.1.2.6.
const ERRORS: &[(&str, Class, &str)] = &[
    (
        "invalid_request",
        Administrator,
        "the identity provider does not understand the question; oauth.scope or oauth.redirect may be wrong",
    ),
    (
        "invalid_client",
        Administrator,
        "the identity provider does not take the application {client}: oauth.client_id, oauth.client_secret or oauth.certificate is wrong",
    ),
    ("invalid_grant", SignInAgain, "the stored sign-in is no longer good: sign in again"),
    (
        "unauthorized_client",
        Administrator,
        "the application {client} may not sign in by the flow {flow}: the administrator has to allow it",
    ),
    (
        "unsupported_grant_type",
        Administrator,
        "the identity provider does not know the flow {flow}: set oauth.flow to another",
    ),
    (
        "unsupported_response_type",
        Administrator,
        "the identity provider does not know the flow {flow}: set oauth.flow to another",
    ),
    (
        "invalid_scope",
        Administrator,
        "the identity provider does not know what is asked for: oauth.resource ({resource}) or oauth.scope is wrong",
    ),
    (
        "invalid_resource",
        Administrator,
        "the identity provider does not know the resource {resource}: the administrator has to register it, or oauth.resource is wrong",
    ),
    (
        "invalid_target",
        Administrator,
        "the identity provider does not know the resource {resource}: the administrator has to register it, or oauth.resource is wrong",
    ),
    ("access_denied", SignInAgain, "the sign-in was declined: sign in again and agree"),
    ("authorization_declined", SignInAgain, "the sign-in was declined: sign in again and agree"),
    ("temporarily_unavailable", Wait, "the identity provider is out of order for the moment"),
    ("server_error", Wait, "the identity provider is out of order for the moment"),
    ("slow_down", Wait, "the identity provider is asked too often"),
    ("authorization_pending", Wait, "nobody has signed in yet"),
    ("expired_token", SignInAgain, "the code was not entered in time: sign in again"),
    ("bad_verification_code", SignInAgain, "the identity provider does not know the code: sign in again"),
    ("interaction_required", SignInAgain, "the identity provider wants to see the user: sign in again"),
    ("login_required", SignInAgain, "the identity provider wants to see the user: sign in again"),
    (
        "account_selection_required",
        SignInAgain,
        "the identity provider does not know which account is meant: sign in again",
    ),
    (
        "consent_required",
        Administrator,
        "nobody has agreed to what the application {client} asks for: the administrator does so by {consent}",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> OAuthConfig {
        let config = OAuthConfig::new("https://login.microsoftonline.com", "app-1", "https://mail.corp.example");
        OAuthConfig { tenant: Some("corp.example".to_owned()), ..config }
    }

    fn told(code: u32) -> Explained {
        let text = format!(
            "{{\"error\":\"x\",\"error_description\":\"AADSTS{code}: Words. Trace ID: t\",\"correlation_id\":\"c-9\"}}"
        );
        explain(Refusal::read(text.as_bytes()), &config(), Some("http://localhost:8400/"))
    }

    #[test]
    fn refusals_say_whose_move_it_is_and_what_exactly_to_do() {
        let table = [
            (
                50011,
                Administrator,
                "the administrator has to register exactly http://localhost:8400/ for the application app-1",
            ),
            (
                65001,
                Administrator,
                "by opening https://login.microsoftonline.com/corp.example/adminconsent?client_id=app-1",
            ),
            (
                90094,
                Administrator,
                "by opening https://login.microsoftonline.com/corp.example/adminconsent?client_id=app-1",
            ),
            (500_011, Administrator, "does not know the resource https://mail.corp.example"),
            (7_000_222, Administrator, "oauth.client_secret has expired"),
            (53003, Administrator, "conditional access"),
            (50076, SignInAgain, "a second factor is wanted"),
            (70043, SignInAgain, "sign in again"),
            (700_082, SignInAgain, "not used for too long"),
            (50173, SignInAgain, "revoked"),
            (90033, Wait, "out of order"),
        ];
        for (code, class, words) in table {
            let told = told(code);
            assert_eq!(told.class, class, "{code}");
            assert!(told.sentence.contains(words), "{}", told.sentence);
            assert!(told.sentence.ends_with(&format!("(AADSTS{code}; correlation id c-9)")), "{}", told.sentence);
        }
        let unknown = told(4_000_000_000);
        assert_eq!(unknown.class, Wait);
        assert!(unknown.sentence.contains("AADSTS4000000000: Words."), "{}", unknown.sentence);
    }

    #[test]
    fn errors_of_the_standards_are_known_and_kinds_follow() {
        let error = |name: &str| {
            let refusal = Refusal { error: name.to_owned(), ..Refusal::default() };
            explain(refusal, &config(), None).into_error()
        };
        assert_eq!(
            (error("invalid_grant").kind, error("invalid_grant").cause),
            (ErrorKind::SignIn, Some(Cause::GrantLost))
        );
        assert_eq!(error("invalid_client").cause, Some(Cause::Administrator));
        assert!(error("temporarily_unavailable").kind.is_transient());
        assert!(error("").kind.is_transient());
        assert!(error("invalid_scope").message.ends_with("(invalid_scope)"));
    }

    #[test]
    fn the_tables_are_in_order_and_hold_nothing_twice() {
        assert!(CODES.is_sorted_by(|one, next| one.0 < next.0));
        for (number, (name, ..)) in ERRORS.iter().enumerate() {
            assert!(!ERRORS[..number].iter().any(|row| row.0 == *name), "{name}");
        }
        for (.., sentence) in CODES {
            assert!(!filled(sentence, &config(), None).contains('{'), "{sentence}");
        }
    }
}
