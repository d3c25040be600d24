//! What tests order over the control interface.

use std::collections::HashMap;

use super::{Provider, State, client, client::Registered, device::Answer, error::Failure, origin, token::Wanted};
use crate::form::Form;

/// How the provider behaves from now on.
pub(super) struct Rules {
    /// Who has consented to everything without a page.
    pub(super) consent: Option<String>,
    /// Seconds the clock is ahead.
    pub(super) ahead: i64,
    /// Seconds that access tokens to come are valid.
    pub(super) lifetime: i64,
    /// Seconds between two questions of a device.
    pub(super) interval: i64,
    /// Seconds a device code counts.
    pub(super) device_lifetime: i64,
    /// Seconds after which users must sign in anew.
    pub(super) frequency: Option<i64>,
    /// What programs may do.
    pub(super) roles: Vec<String>,
    /// Whether tokens for Exchange Online count here.
    pub(super) online: bool,
    /// Claims that tokens must be asked with, by user in lower case.
    pub(super) claims: HashMap<String, String>,
    errors: Vec<Ordered<Failure>>,
    troubles: Vec<Ordered<Trouble>>,
}

/// How the web server of the provider can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No answer.
    Hang,
    /// A page of that status in place of JSON.
    Page(u16),
}

/// Something to come.
struct Ordered<T> {
    what: T,
    /// The endpoint: `token`, `authorize` or `devicecode`.
    at: String,
    /// `None` for always.
    times: Option<u32>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            consent: None,
            ahead: 0,
            lifetime: 3599,
            interval: 5,
            device_lifetime: 900,
            frequency: None,
            roles: vec!["full_access_as_app".to_owned()],
            online: true,
            claims: HashMap::new(),
            errors: Vec::new(),
            troubles: Vec::new(),
        }
    }
}

impl Provider {
    /// Does what the control interface orders; the table there tells what can be.
    pub(crate) fn order(&self, form: &Form) -> Result<(), String> {
        let state = &mut *self.lock();
        if form.pairs().next().is_none() {
            return Err("nothing is ordered".to_owned());
        }
        for (name, value) in form.pairs() {
            state.order(name, value, form)?;
        }
        Ok(())
    }
}

impl State {
    fn order(&mut self, name: &str, value: &str, form: &Form) -> Result<(), String> {
        let number = || value.parse::<i64>().map_err(|_| format!("{name} is a number of seconds"));
        match name {
            "consent" => self.rules.consent = (value != "ask").then(|| value.to_owned()),
            "advance" => self.rules.ahead += number()?,
            "lifetime" => self.rules.lifetime = number()?,
            "interval" => self.rules.interval = number()?,
            "device_lifetime" => self.rules.device_lifetime = number()?,
            "frequency" => self.rules.frequency = if value == "none" { None } else { Some(number()?) },
            "roles" => self.rules.roles = value.split_whitespace().map(str::to_owned).collect(),
            "online" => self.rules.online = value == "true",
            "resource" => self.resources.push(origin(value)),
            "unknown_resource" => self.resources.retain(|known| *known != origin(value)),
            "revoke" => {
                let theirs =
                    self.refreshes.values_mut().filter(|one| value == "*" || one.user.eq_ignore_ascii_case(value));
                theirs.for_each(|refresh| refresh.revoked = true);
            }
            "expire" => {
                let theirs = self.tokens.values_mut().filter(|one| {
                    value == "*" || one.user.as_ref().is_some_and(|user| user.eq_ignore_ascii_case(value))
                });
                theirs.for_each(|token| token.expired = true);
            }
            "claims" => {
                let wanted = form.get("value").unwrap_or(CLAIMS).to_owned();
                self.rules.claims.insert(value.to_lowercase(), wanted);
            }
            "no_claims" => {
                self.rules.claims.remove(&value.to_lowercase());
            }
            "approve" | "decline" => {
                let answer = match name {
                    "approve" => Answer::Approved(form.need("user")?.to_owned()),
                    _ => Answer::Declined,
                };
                if !self.approve(value, answer) {
                    return Err(format!("no device waits with the code {value}"));
                }
            }
            "client" => {
                let client: client::Client = value.parse()?;
                self.clients.retain(|known| known.id != client.id);
                self.clients.push(Registered::new(&client)?);
            }
            "expire_secret" => self.registered(value)?.expire(),
            "add_secret" => {
                let secret = form.need("secret")?.to_owned();
                self.registered(value)?.add(&secret);
            }
            "error" if value == "none" => self.rules.errors.clear(),
            "error" => {
                let code = value.parse().ok().filter(|code| Failure::known(*code));
                let mut failure = Failure::new(code.ok_or_else(|| format!("no such error: {value}"))?);
                failure.claims = form.get("value").map(str::to_owned);
                self.rules.errors.push(Ordered::new(failure, form)?);
            }
            "trouble" => {
                let trouble = match value {
                    "hang" => Trouble::Hang,
                    "html" => Trouble::Page(200),
                    "429" => Trouble::Page(429),
                    "500" => Trouble::Page(500),
                    "503" => Trouble::Page(503),
                    _ => return Err(format!("no such trouble: {value}")),
                };
                self.rules.troubles.push(Ordered::new(trouble, form)?);
            }
            "clear" => {
                self.rules = Rules { ahead: self.rules.ahead, ..Rules::default() };
                self.seen.clear();
            }
            // They belong to another order.
            "user" | "value" | "at" | "times" | "secret" => {}
            _ => return Err(format!("no such order: {name}")),
        }
        Ok(())
    }

    fn registered(&mut self, id: &str) -> Result<&mut Registered, String> {
        self.clients.iter_mut().find(|client| client.id == id).ok_or_else(|| format!("no client {id}"))
    }

    /// The error that was ordered for an endpoint, if any.
    pub(super) fn ordered(&mut self, endpoint: &str, wanted: &Wanted) -> Result<(), Failure> {
        match take(&mut self.rules.errors, endpoint) {
            Some(failure) => Err(failure.with(&wanted.resource)),
            None => Ok(()),
        }
    }

    /// An administrator consents: nobody hears any more that this is missing.
    pub(super) fn consent(&mut self) {
        self.rules.errors.retain(|ordered| !ordered.what.is_missing_consent());
    }

    /// The trouble that was ordered for an endpoint, if any.
    pub(super) fn trouble(&mut self, endpoint: &str) -> Option<Trouble> {
        take(&mut self.rules.troubles, endpoint)
    }
}

impl<T> Ordered<T> {
    fn new(what: T, form: &Form) -> Result<Self, String> {
        let times = match form.get("times") {
            None => Some(1),
            Some("always") => None,
            Some(times) => Some(times.parse().map_err(|_| "times is a number, or always")?),
        };
        Ok(Self { what, at: form.get("at").unwrap_or("token").to_owned(), times })
    }
}

/// The first of what is to come at an endpoint.
fn take<T: Clone>(orders: &mut Vec<Ordered<T>>, endpoint: &str) -> Option<T> {
    let at = orders.iter().position(|ordered| ordered.at == endpoint)?;
    let ordered = orders.get_mut(at)?;
    let what = ordered.what.clone();
    ordered.times = ordered.times.map(|times| times.saturating_sub(1));
    if ordered.times == Some(0) {
        orders.remove(at);
    }
    Some(what)
}

/// What continuous access evaluation demands: a token made after a certain time.
const CLAIMS: &str = "{\"access_token\":{\"nbf\":{\"essential\":true,\"value\":\"1604106651\"}}}";
