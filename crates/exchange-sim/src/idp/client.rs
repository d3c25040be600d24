//! The programs that are registered, and how they prove who they are.

use std::{path::PathBuf, str::FromStr};

use super::{Realm, Request, State, assertion, assertion::Certificate, error::Failure, need};
use crate::form::Form;

/// A program as an operator registers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// `client_id`
    pub id: String,
    /// Secrets; a client without secret and certificate is public.
    pub secrets: Vec<String>,
    /// PEM files of RSA certificates.
    pub certificates: Vec<PathBuf>,
    /// Where answers may be sent.
    pub redirects: Vec<String>,
}

impl FromStr for Client {
    type Err = String;

    /// `ID[,secret=TEXT][,certificate=FILE][,redirect=URL]…`
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let id = parts.next().filter(|id| !id.is_empty() && !id.contains('=')).ok_or("a client begins with its id")?;
        let mut client = Self { id: id.to_owned(), ..Self::default() };
        for part in parts {
            match part.split_once('=') {
                Some(("secret", secret)) => client.secrets.push(secret.to_owned()),
                Some(("certificate", path)) => client.certificates.push(path.into()),
                Some(("redirect", url)) => client.redirects.push(url.to_owned()),
                _ => return Err(format!("a client has secret=, certificate= and redirect=, not {part}")),
            }
        }
        Ok(client)
    }
}

/// Without any given: a public client, and one with a secret.
pub(super) fn defaults() -> Vec<Client> {
    let public = Client {
        id: "11111111-1111-4111-8111-111111111111".to_owned(),
        redirects: vec!["http://localhost".to_owned(), "http://127.0.0.1".to_owned()],
        ..Client::default()
    };
    let service = Client {
        id: "22222222-2222-4222-8222-222222222222".to_owned(),
        secrets: vec!["demo-secret".to_owned()],
        ..Client::default()
    };
    vec![public, service]
}

/// The same with its certificates read.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) id: String,
    secrets: Vec<String>,
    /// Secrets that counted once.
    expired: Vec<String>,
    certificates: Vec<Certificate>,
    pub(super) redirects: Vec<String>,
}

impl Registered {
    pub(super) fn new(client: &Client) -> Result<Self, String> {
        let certificates: Result<Vec<_>, _> = client.certificates.iter().map(|path| Certificate::read(path)).collect();
        Ok(Self {
            id: client.id.clone(),
            secrets: client.secrets.clone(),
            expired: Vec::new(),
            certificates: certificates?,
            redirects: client.redirects.clone(),
        })
    }

    /// Lets its secrets count no more.
    pub(super) fn expire(&mut self) {
        self.expired.append(&mut self.secrets);
    }

    /// Lets another secret count.
    pub(super) fn add(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    /// Whether it has nothing to prove itself with.
    pub(super) fn public(&self) -> bool {
        self.secrets.is_empty() && self.expired.is_empty() && self.certificates.is_empty()
    }

    /// Whether answers may be sent to a URL. On the loopback interface any port will do (RFC 8252 section 7.3); Entra
    /// does not look at the port of `localhost` either.
    pub(super) fn redirects_to(&self, wanted: &str) -> bool {
        let without_port = |url: &str| -> Option<String> {
            let rest = url.strip_prefix("http://")?;
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            let name = match authority.strip_prefix("[::1]") {
                Some(_) => "[::1]",
                None => authority.split(':').next().filter(|name| ["localhost", "127.0.0.1"].contains(name))?,
            };
            Some(format!("http://{name}{}", path.trim_end_matches('/')))
        };
        self.redirects
            .iter()
            .any(|own| own == wanted || without_port(own).is_some_and(|own| Some(own) == without_port(wanted)))
    }
}

impl State {
    /// Finds the client of a token request and lets it prove who it is. A public client need not, unless it `must`.
    pub(super) fn prove(
        &mut self,
        request: &Request<'_>,
        realm: &Realm<'_>,
        form: &Form,
        must: bool,
    ) -> Result<String, Failure> {
        let now = self.now();
        let form = match (&request.basic, form.get("client_id")) {
            (Some((id, _)), None) => &Form::parse(&crate::form::encode([("client_id", id.as_str())])),
            _ => form,
        };
        let client = self.client(form)?;
        let id = client.id.clone();
        let secret = form.get("client_secret").or(request.basic.as_ref().map(|(_, secret)| secret.as_str()));
        let used = match (secret, form.get("client_assertion")) {
            (None, None) if client.public() && !must => None,
            (None, None) => return Err(Failure::new(7000218)),
            _ if client.public() => return Err(Failure::new(700025)),
            (_, Some(shown)) => {
                if need(form, "client_assertion_type")? != ASSERTION {
                    return Err(Failure::new(50027).with("client_assertion_type is another"));
                }
                Some(assertion::check(shown, &id, &client.certificates, realm, now)?)
            }
            (Some(secret), None) if client.secrets.iter().any(|own| own == secret) => None,
            (Some(secret), None) if client.expired.iter().any(|own| own == secret) => {
                return Err(Failure::new(7000222));
            }
            (Some(_), None) => return Err(Failure::new(7000215)),
        };
        match used {
            Some(used) if !self.assertions.insert(used.clone()) => Err(Failure::new(50027).with("jti was used before")),
            _ => Ok(id),
        }
    }
}

/// RFC 7523 section 2.2
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_read() {
        let client: Client =
            "id,secret=a=b,redirect=http://localhost,redirect=https://x/y,certificate=/c.pem".parse().unwrap();
        assert_eq!(client.secrets, ["a=b"]);
        assert_eq!(client.redirects.len(), 2);
        for wrong in ["", "secret=a", "id,what=x", "id,word"] {
            assert!(wrong.parse::<Client>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn loopback_redirects_have_any_port() {
        let client: Client =
            "id,redirect=http://localhost,redirect=http://127.0.0.1:1/back,redirect=https://a.test:1/".parse().unwrap();
        let client = Registered::new(&client).unwrap();
        for (url, fits) in [
            ("http://localhost:4711", true),
            ("http://localhost:4711/", true),
            ("http://localhost/other", false),
            ("http://127.0.0.1:99/back", true),
            ("http://127.0.0.1:99", false),
            ("https://localhost:4711", false),
            ("https://a.test:1/", true),
            ("https://a.test:2/", false),
            ("http://localhost.a.test", false),
        ] {
            assert_eq!(client.redirects_to(url), fits, "{url}");
        }
    }
}
