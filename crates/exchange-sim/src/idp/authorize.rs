//! The authorization endpoint (RFC 6749 section 4.1.1, RFC 7636 section 4.3): a page to sign in, and a code for it.

use super::{Realm, Request, State, error::Failure, need, random, token::Wanted};
use crate::{
    form::{Form, encode},
    reply::{Reply, escape},
};

/// A code, and what it was asked with.
pub(super) struct Code {
    pub(super) client: String,
    pub(super) redirect: String,
    pub(super) user: String,
    pub(super) wanted: Wanted,
    /// `code_challenge` and whether it is a hash.
    pub(super) challenge: Option<(String, bool)>,
    pub(super) nonce: Option<String>,
    pub(super) until: i64,
    pub(super) redeemed: bool,
}

impl State {
    /// GET shows the page to sign in, or goes on at once where consent was ordered; POST takes name and password.
    pub(super) fn authorize(&mut self, request: &Request<'_>, realm: &Realm<'_>, form: &Form) -> Reply {
        // The page sends what it was asked in its own address.
        let asked = Form::parse(request.query);
        let known = self.client(&asked).and_then(|client| {
            let redirect = need(&asked, "redirect_uri")?;
            if client.redirects_to(redirect) { Ok(redirect) } else { Err(Failure::new(50011).with(redirect)) }
        });
        // Where the answer may go is not known: people read it here (RFC 6749 section 4.1.2.1).
        let redirect = match known {
            Ok(redirect) => redirect.to_owned(),
            Err(failure) => return page(400, &format!("<p id=error>{}</p>", escape(&failure.description(realm)))),
        };
        let back = |pairs: &[(&str, &str)]| {
            let state = asked.get("state").map(|state| ("state", state));
            let answer = encode(pairs.iter().copied().chain(state));
            let mark = if redirect.contains('?') { '&' } else { '?' };
            Reply::found(format!("{redirect}{mark}{answer}"))
        };
        let refuse =
            |failure: &Failure| back(&[("error", failure.error()), ("error_description", &failure.description(realm))]);
        let wanted = match self.wanted(&asked).and_then(|wanted| self.ordered("authorize", &wanted).map(|()| wanted)) {
            Ok(wanted) => wanted,
            Err(failure) => return refuse(&failure),
        };
        if asked.get("response_type") != Some("code") {
            return refuse(&Failure::new(900144).with("response_type"));
        }
        let user = match (&self.rules.consent, request.post) {
            (Some(user), _) => user.clone(),
            (None, true) => {
                let (name, password) = (form.get("login").unwrap_or_default(), form.get("passwd").unwrap_or_default());
                match (request.sign_in)(name, password) {
                    Some(user) => user,
                    None => return page(200, &format!("{}{}", wrong(realm), sign_in(name))),
                }
            }
            (None, false) if asked.get("prompt") == Some("none") => return refuse(&Failure::new(50076)),
            (None, false) => return page(200, &sign_in(asked.get("login_hint").unwrap_or_default())),
        };
        let code = random();
        let challenge = asked.get("code_challenge").map(|challenge| {
            (challenge.to_owned(), asked.get("code_challenge_method").is_some_and(|method| method == "S256"))
        });
        let until = self.now() + CODE_LIFETIME;
        let client = self.client(&asked).map(|client| client.id.clone()).unwrap_or_default();
        let nonce = asked.get("nonce").map(str::to_owned);
        let made = Code { client, redirect: redirect.clone(), user, wanted, challenge, nonce, until, redeemed: false };
        self.codes.insert(code.clone(), made);
        back(&[("code", &code)])
    }
}

impl State {
    /// The page on which an administrator consents for everybody; here opening it is enough.
    pub(super) fn admin_consent(&mut self, realm: &Realm<'_>, form: &Form) -> Reply {
        let redirect = form.get("redirect_uri").unwrap_or_default();
        match self.client(form) {
            Err(failure) => page(400, &format!("<p id=error>{}</p>", escape(&failure.description(realm)))),
            Ok(client) if redirect.is_empty() || client.redirects_to(redirect) => {
                self.consent();
                let state = form.get("state").map(|state| ("state", state));
                let answer = encode([("admin_consent", "True"), ("tenant", realm.tenant)].into_iter().chain(state));
                if redirect.is_empty() {
                    page(200, "<p>Consent is given.</p>")
                } else {
                    Reply::found(format!("{redirect}?{answer}"))
                }
            }
            Ok(_) => page(
                400,
                &format!("<p id=error>{}</p>", escape(&Failure::new(50011).with(redirect).description(realm))),
            ),
        }
    }
}

/// What a wrong name or password gets.
pub(super) fn wrong(realm: &Realm<'_>) -> String {
    format!("<p id=error>{}</p>", escape(&Failure::new(50126).description(realm)))
}

/// The form goes to the address of the page.
fn sign_in(name: &str) -> String {
    format!(
        "<form method=post><input name=login value=\"{}\"><input name=passwd type=password><button>Sign in</button></form>",
        escape(name)
    )
}

pub(super) fn page(status: u16, content: &str) -> Reply {
    Reply::html(
        status,
        format!("<html><head><title>Sign in to your account</title></head><body>{content}</body></html>"),
    )
}

/// Codes count for ten minutes.
const CODE_LIFETIME: i64 = 600;
