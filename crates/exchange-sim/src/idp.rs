//! A simulated identity provider, as Microsoft Entra ID and AD FS are: it signs people and programs in by OAuth 2.0
//! (RFC 6749 with PKCE, RFC 7636; RFC 8628 for devices; RFC 7523 for certificates) and its tokens open EWS.
//!
//! `Provider::answer` answers one request; `Provider::judge` is what Exchange makes of a token; `Provider::order` is
//! how tests give consent, revoke, expire, move the clock and order errors. Errors carry the AADSTS codes of Entra.

mod assertion;
mod authorize;
mod client;
mod device;
mod error;
mod judge;
mod jwt;
mod metadata;
mod order;
mod token;

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{form::Form, reply::Reply, time};

pub use client::Client;
use error::Failure;
pub(crate) use judge::{Judged, Refusal};
use jwt::Key;
use order::Trouble;

/// How the provider is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// `scheme://host[:port]` under which clients know it, where that is not its address.
    pub url: Option<String>,
    /// The programs it knows; without any, a public one and one with a secret.
    pub clients: Vec<Client>,
    /// The resources it gives tokens for, beside Exchange Online and the places of EWS of this server.
    pub resources: Vec<String>,
}

/// The provider.
pub(crate) struct Provider {
    key: Key,
    state: Mutex<State>,
}

struct State {
    clients: Vec<client::Registered>,
    /// In lower case, as `scheme://host[:port]`.
    resources: Vec<String>,
    codes: HashMap<String, authorize::Code>,
    devices: HashMap<String, device::Device>,
    refreshes: HashMap<String, token::Refresh>,
    /// By the unique id in the token.
    tokens: HashMap<String, token::Issued>,
    /// Assertions that were used: they count once.
    assertions: HashSet<String>,
    rules: order::Rules,
    seen: Vec<Value>,
}

/// One request to the provider.
pub(crate) struct Request<'a> {
    pub(crate) post: bool,
    /// `scheme://host[:port]` as the client sees it.
    pub(crate) base: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: &'a str,
    /// Name and secret of an `Authorization: Basic` field.
    pub(crate) basic: Option<(String, String)>,
    /// The mailbox of somebody who shows this name and password.
    pub(crate) sign_in: &'a dyn Fn(&str, &str) -> Option<String>,
}

/// Which of its two faces a request came to.
struct Realm<'a> {
    /// The first part of the path.
    tenant: &'a str,
    base: &'a str,
}

impl Realm<'_> {
    fn adfs(&self) -> bool {
        self.tenant.eq_ignore_ascii_case("adfs")
    }
}

impl Provider {
    /// A provider with a key of its own that knows these clients, and gives tokens for `resources` and Exchange Online.
    ///
    /// # Errors
    /// A sentence when a certificate cannot be read.
    pub(crate) fn new(settings: &Settings, ews: &[String]) -> Result<Self, String> {
        let clients = match &settings.clients[..] {
            [] => client::defaults(),
            given => given.to_vec(),
        };
        let clients: Result<Vec<_>, _> = clients.iter().map(client::Registered::new).collect();
        let online = ["https://outlook.office365.com".to_owned(), "https://outlook.office.com".to_owned()];
        let resources = settings.resources.iter().chain(ews).chain(&online).map(|url| origin(url)).collect();
        let state = State {
            clients: clients?,
            resources,
            codes: HashMap::new(),
            devices: HashMap::new(),
            refreshes: HashMap::new(),
            tokens: HashMap::new(),
            assertions: HashSet::new(),
            rules: order::Rules::default(),
            seen: Vec::new(),
        };
        Ok(Self { key: Key::new()?, state: Mutex::new(state) })
    }

    /// Answers one request; `None` is silence on request.
    pub(crate) fn answer(&self, request: &Request<'_>) -> Option<Reply> {
        let mut words = request.path.trim_matches('/').splitn(2, '/');
        let (tenant, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let realm = Realm { tenant, base: request.base };
        let form = Form::parse(if request.post { request.body } else { request.query });
        let state = &mut *self.lock();
        let endpoint = match rest {
            "v2.0/.well-known/openid-configuration" | ".well-known/openid-configuration" => "configuration",
            "discovery/v2.0/keys" | "discovery/keys" => "keys",
            "discovery/instance" => "instance",
            "oauth2/v2.0/authorize" | "oauth2/authorize" => "authorize",
            "v2.0/adminconsent" | "adminconsent" => "adminconsent",
            "oauth2/v2.0/devicecode" | "oauth2/devicecode" if request.post => "devicecode",
            "oauth2/deviceauth" => "deviceauth",
            "oauth2/v2.0/token" | "oauth2/token" if request.post => "token",
            _ => return Some(Reply::html(404, "<html><body>404</body></html>")),
        };
        // The page to sign in keeps what it was asked in its own address.
        state.saw(endpoint, &realm, if endpoint == "authorize" { Form::parse(request.query) } else { form.clone() });
        let reply = match state.trouble(endpoint) {
            Some(Trouble::Hang) => return None,
            Some(Trouble::Page(status)) => {
                Reply::html(status, format!("<html><head><title>{status}</title></head></html>"))
                    .with("retry-after", "7")
            }
            None => match endpoint {
                "configuration" if tenant_is_known(&realm) => metadata::configuration(&realm),
                "configuration" => Failure::new(90002).with(tenant).reply(&realm),
                "keys" => metadata::keys(&self.key),
                "instance" => metadata::instance(&realm),
                "authorize" => state.authorize(request, &realm, &form),
                "adminconsent" => state.admin_consent(&realm, &form),
                "devicecode" => state.device_code(&realm, &form),
                "deviceauth" => state.device_page(request, &realm, &form),
                _ => {
                    let outcome = state.token(&self.key, request, &realm, &form);
                    outcome.unwrap_or_else(|failure| failure.reply(&realm))
                }
            },
        };
        state.answered(&reply);
        Some(reply)
    }

    /// Each request seen, without its secrets.
    pub(crate) fn json(&self) -> Value {
        let state = self.lock();
        json!({
            "requests": state.seen,
            "clients": state.clients.iter().map(|client| client.id.as_str()).collect::<Vec<_>>(),
            "resources": state.resources,
            "now": state.now(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The provider's clock, in seconds since 1970; tests move it.
    fn now(&self) -> i64 {
        time::now().saturating_add(self.rules.ahead)
    }

    /// The client of a request.
    fn client(&self, form: &Form) -> Result<&client::Registered, Failure> {
        let id = need(form, "client_id")?;
        let client = self.clients.iter().find(|client| client.id.eq_ignore_ascii_case(id));
        client.ok_or_else(|| Failure::new(700016).with(id))
    }

    /// Writes a request down: names of parameters, and the values of those that are no secrets.
    fn saw(&mut self, endpoint: &str, realm: &Realm<'_>, form: Form) {
        let mut seen = json!({
            "endpoint": endpoint,
            "tenant": realm.tenant,
            "parameters": form.pairs().map(|(name, _)| name).collect::<Vec<_>>(),
            "pkce": form.get("code_challenge_method").or(form.get("code_verifier").map(|_| "verifier")),
        });
        for name in OPEN {
            if let (Some(value), Some(seen)) = (form.get(name), seen.as_object_mut()) {
                seen.insert((*name).to_owned(), value.into());
            }
        }
        self.seen.push(seen);
    }

    /// Adds what became of it: the status, and the error where the answer has one.
    fn answered(&mut self, reply: &Reply) {
        let Some(seen) = self.seen.last_mut().and_then(Value::as_object_mut) else { return };
        seen.insert("status".to_owned(), reply.status.into());
        if let Ok(Value::Object(body)) = serde_json::from_str(&reply.body) {
            for name in ["error", "error_codes"] {
                if let Some(value) = body.get(name) {
                    seen.insert(name.to_owned(), value.clone());
                }
            }
        }
    }
}

/// The parameters that may be told.
const OPEN: &[&str] = &[
    "grant_type",
    "scope",
    "resource",
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "prompt",
    "login_hint",
    "domain_hint",
    "claims",
    "client_assertion_type",
];

/// `scheme://host[:port]` of a URL, in lower case.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.strip_suffix(":443").filter(|_| scheme == "https").unwrap_or(host);
    format!("{scheme}://{host}").to_ascii_lowercase()
}

/// A parameter, or the error that it is missing.
fn need<'a>(form: &'a Form, name: &str) -> Result<&'a str, Failure> {
    form.get(name).filter(|value| !value.is_empty()).ok_or_else(|| Failure::new(900144).with(name))
}

/// Whether a tenant is the one of this provider, by name, by id or by a word that stands for all.
fn tenant_is_known(realm: &Realm<'_>) -> bool {
    let tenant = realm.tenant.to_ascii_lowercase();
    realm.adfs()
        || tenant == TENANT
        || ["common", "organizations", "demo.test"].contains(&tenant.as_str())
        || tenant.contains(".onmicrosoft.")
}

/// Nobody can guess it.
fn random() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// The id of the tenant.
const TENANT: &str = "5de110f8-2e0f-4d45-891d-bcf2218e253d";

#[cfg(test)]
mod tests;
