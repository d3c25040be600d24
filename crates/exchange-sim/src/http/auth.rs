//! Who signs in, and how: `WWW-Authenticate` and `Authorization` (RFC 9110 section 11).
//!
//! Basic and Bearer are shown with every request; NTLM and Negotiate sign a connection in ([`handshake`]). Where there are
//! tokens, the server answers as one with modern authentication: it takes Bearer (RFC 6750) and says where tokens are
//! given out. A refused client hears 401 and no more; why it was refused stands in the record ([`record`]).

mod handshake;
mod record;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::RwLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};

use super::{
    Server, Token, User,
    connection::{Connection, Way},
    settings::{Scheme, SignIn},
};
use crate::{
    idp::{self, Judged},
    ntlm::Refusal,
};

pub(super) use handshake::Handshake;
pub(super) use record::{Entry, Record};

/// Who there is. Names are looked up without regard to case, as Active Directory does.
pub(super) struct Directory {
    accounts: RwLock<HashMap<String, Account>>,
    tokens: RwLock<HashMap<String, Grant>>,
    netbios: Option<String>,
    lockout: Option<u32>,
}

struct Account {
    address: String,
    password: String,
    /// Wrong passwords since the last right one.
    wrong: u32,
}

/// For whom a token is, and whether it still counts.
struct Grant {
    address: String,
    revoked: bool,
}

/// What the server makes of a request's `Authorization` field and of its connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The owner of this mailbox.
    Known(String),
    /// A program that may act for others, by its client id.
    Program(String),
    /// A handshake goes on with this field.
    Continue(String),
    /// Nothing was shown.
    Anonymous,
    /// Something was shown, and it is wrong.
    Wrong,
    /// A token was shown that never counted.
    WrongToken,
    /// A token was shown that counted once.
    ExpiredToken,
    /// A token of the identity provider was shown that does not count here.
    Token(idp::Refusal),
}

impl Verdict {
    /// `x-ms-diagnostics` of a refused token (D/instrumenting-client-requests; the sentences are our own).
    pub(super) fn diagnostics(&self) -> Option<String> {
        let text = match self {
            Verdict::Token(refusal) => return Some(refusal.diagnostics()),
            Verdict::WrongToken => "2000001;reason=\"The token is not valid.\";error_category=\"invalid_token\"",
            Verdict::ExpiredToken => "2000002;reason=\"The token has expired.\";error_category=\"token_expired\"",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

impl Server {
    /// Judges a request by what it shows, or else by who signed in on its connection.
    pub(super) fn sign_in(&self, connection: &Connection, headers: &HeaderMap) -> Verdict {
        let Some(authorization) = headers.get(header::AUTHORIZATION) else {
            return connection.handshake(|handshake| handshake.user()).map_or(Verdict::Anonymous, Verdict::Known);
        };
        let value = authorization.to_str().unwrap_or_default().trim();
        let (name, shown) = value.split_once(' ').map_or((value, ""), |(name, shown)| (name, shown.trim()));
        let entry = Entry::new(connection.number, name);
        let scheme = name.parse().ok().filter(|scheme| self.offered(&connection.way).contains(scheme));
        let Some(scheme) = scheme else {
            self.signins.add(entry.refused("not offered"));
            return Verdict::Wrong;
        };
        match scheme {
            Scheme::Basic => self.basic(connection, shown, entry),
            Scheme::Bearer => self.bearer(connection, headers, shown, entry),
            Scheme::Ntlm | Scheme::Negotiate => self.shake_hands(connection, scheme, shown, entry),
        }
    }

    /// `basic-credentials = token68` of `user-id ":" password` (RFC 7617 section 2).
    fn basic(&self, connection: &Connection, shown: &str, entry: Entry) -> Verdict {
        let decoded = STANDARD.decode(shown).ok().and_then(|shown| String::from_utf8(shown).ok());
        let Some((user, password)) = decoded.as_deref().and_then(|shown| shown.split_once(':')) else {
            self.signins.add(entry.refused("malformed"));
            return Verdict::Wrong;
        };
        let (domain, name) = user.split_once('\\').unwrap_or(("", user));
        let entry = entry.named(domain, name);
        let right = |known: &str| if known == password { Ok(()) } else { Err(Refusal::Proof) };
        match self.directory.check(domain, name, right) {
            Ok((address, ())) => {
                self.signed_in(connection, Scheme::Basic, &address, entry);
                Verdict::Known(address)
            }
            Err(failure) => {
                self.signins.add(entry.refused(failure.words()));
                Verdict::Wrong
            }
        }
    }

    /// A token is one that was given to this server as it started or by control, or one of the identity provider.
    fn bearer(&self, connection: &Connection, headers: &HeaderMap, shown: &str, entry: Entry) -> Verdict {
        let verdict = match (self.directory.bearer(shown), &self.beside.idp) {
            (Verdict::WrongToken, Some(idp)) => {
                let authority = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
                match idp.provider.judge(shown, authority, connection.way.tls) {
                    Judged::User(user) => Verdict::Known(user),
                    Judged::Program(id) => {
                        self.exchange.allow_program(&id);
                        Verdict::Program(id)
                    }
                    Judged::Refused(refusal) => Verdict::Token(refusal),
                }
            }
            (verdict, _) => verdict,
        };
        match &verdict {
            Verdict::Program(id) => self.signed_in(connection, Scheme::Bearer, id, entry),
            Verdict::Token(refusal) => self.signins.add(entry.refused(refusal.category())),
            Verdict::Known(address) => self.signed_in(connection, Scheme::Bearer, address, entry),
            Verdict::ExpiredToken => self.signins.add(entry.refused("expired token")),
            Verdict::Anonymous => {}
            _ => self.signins.add(entry.refused("wrong token")),
        }
        verdict
    }

    /// Keeps a sign-in: of those that come with every request, the first on a connection.
    fn signed_in(&self, connection: &Connection, scheme: Scheme, address: &str, entry: Entry) {
        if connection.used_by(scheme, address) {
            self.signins.add(entry.accepted(address));
        }
    }

    /// What is offered to those who come this way.
    fn offered(&self, way: &Way) -> Vec<Scheme> {
        let basic = way.tls || !self.has_tls || self.sign_in.basic_over_http;
        let mut schemes = self.sign_in.schemes.clone();
        schemes.retain(|&scheme| scheme != Scheme::Basic || basic);
        schemes.extend(Some(Scheme::Bearer).filter(|_| self.directory.modern() || self.beside.idp.is_some()));
        schemes.sort_unstable();
        schemes.dedup();
        schemes
    }

    /// The `WWW-Authenticate` fields of a 401, one per scheme. The one for Bearer is as Exchange with hybrid modern
    /// authentication sends it (documentation of Outlook for iOS), with `error` when a token was refused (recorded).
    pub(super) fn challenges(&self, way: &Way, verdict: &Verdict) -> Vec<String> {
        if let Verdict::Continue(field) = verdict {
            return vec![field.clone()];
        }
        let error = match verdict {
            Verdict::Token(refusal) => format!(", {}", refusal.error()),
            Verdict::WrongToken | Verdict::ExpiredToken => ", error=\"invalid_token\"".to_owned(),
            _ => String::new(),
        };
        let login = self.beside.idp.as_ref().map_or(LOGIN, |idp| &idp.url);
        let field = |scheme| match scheme {
            Scheme::Bearer => format!("{BEARER}authorization_uri=\"{login}/common/oauth2/authorize\"{error}"),
            Scheme::Negotiate => "Negotiate".to_owned(),
            Scheme::Ntlm => "NTLM".to_owned(),
            Scheme::Basic => BASIC.to_owned(),
        };
        self.offered(way).into_iter().map(field).collect()
    }
}

/// Why nobody was found behind a name and a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is no such person, or there are several.
    Unknown,
    /// Too many wrong passwords.
    Locked,
    /// The proof is no good.
    Refused(Refusal),
}

impl Failure {
    /// As `GET /signins` calls it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Unknown => "unknown user",
            Self::Locked => "locked out",
            Self::Refused(refusal) => match refusal {
                Refusal::Malformed => "malformed",
                Refusal::Nobody => "anonymous",
                Refusal::Version1 => "v1",
                Refusal::Proof => "wrong password",
                Refusal::NoMic => "no mic",
                Refusal::BadMic => "bad mic",
                Refusal::NoBinding => "no binding",
                Refusal::WrongBinding => "wrong binding",
            },
        }
    }
}

impl Directory {
    /// Everyone is known by address and, while that is unique, by the part before the `@`.
    pub(super) fn new(users: &[User], tokens: &[Token], rules: &SignIn) -> Self {
        let account =
            |user: &User| Account { address: user.address.clone(), password: user.password.clone(), wrong: 0 };
        let accounts = users.iter().map(|user| (key(&user.address), account(user))).collect();
        let directory = Self {
            accounts: RwLock::new(accounts),
            tokens: RwLock::default(),
            netbios: rules.netbios.clone(),
            lockout: rules.lockout,
        };
        tokens.iter().for_each(|token| directory.grant(&token.address, &token.token));
        directory
    }

    /// Lets `proof` judge the password of whoever is named, and gives their address. Only a wrong password counts
    /// against an account, and a right one makes good for those before it.
    pub(super) fn check<T>(
        &self,
        domain: &str,
        name: &str,
        proof: impl FnOnce(&str) -> Result<T, Refusal>,
    ) -> Result<(String, T), Failure> {
        let Ok(mut accounts) = self.accounts.write() else { return Err(Failure::Unknown) };
        let account = self.find(&accounts, domain, name).ok_or(Failure::Unknown)?;
        let account = accounts.get_mut(&account).ok_or(Failure::Unknown)?;
        if self.locked(account) {
            return Err(Failure::Locked);
        }
        match proof(&account.password) {
            Ok(proved) => {
                account.wrong = 0;
                Ok((account.address.clone(), proved))
            }
            Err(refusal) => {
                account.wrong += u32::from(refusal == Refusal::Proof);
                Err(Failure::Refused(refusal))
            }
        }
    }

    /// The key of the account: an address (UPN) stands alone, `DOMAIN\name` is taken apart, and a bare name must be
    /// unique.
    fn find(&self, accounts: &HashMap<String, Account>, domain: &str, name: &str) -> Option<String> {
        let wanted = key(name);
        if wanted.contains('@') {
            return Some(wanted).filter(|wanted| domain.is_empty() && accounts.contains_key(wanted));
        }
        let fits = |of: &str| match &self.netbios {
            Some(netbios) => domain.is_empty() || [netbios, of].iter().any(|known| known.eq_ignore_ascii_case(domain)),
            None => true,
        };
        let mut alike =
            accounts.keys().filter(|known| known.split_once('@').is_some_and(|(n, d)| n == wanted && fits(d)));
        alike.next().filter(|_| alike.next().is_none()).cloned()
    }

    fn locked(&self, account: &Account) -> bool {
        self.lockout.is_some_and(|limit| account.wrong >= limit)
    }

    /// The addresses of those who are locked out.
    pub(super) fn locked_out(&self) -> Vec<String> {
        let Ok(accounts) = self.accounts.read() else { return Vec::new() };
        accounts.values().filter(|account| self.locked(account)).map(|account| account.address.clone()).collect()
    }

    /// Forgets the wrong passwords for `user`. `false` when there is no such user.
    pub(super) fn unlock(&self, user: &str) -> bool {
        let Ok(mut accounts) = self.accounts.write() else { return false };
        accounts.get_mut(&key(user)).map(|account| account.wrong = 0).is_some()
    }

    /// `credentials = "Bearer" 1*SP b64token` (RFC 6750 section 2.1). With no token, clients ask what is offered.
    fn bearer(&self, token: &str) -> Verdict {
        if token.is_empty() {
            return Verdict::Anonymous;
        }
        match self.tokens.read().ok().as_ref().and_then(|tokens| tokens.get(token)) {
            Some(grant) if grant.revoked => Verdict::ExpiredToken,
            Some(grant) => Verdict::Known(grant.address.clone()),
            None => Verdict::WrongToken,
        }
    }

    /// Whether there are or were tokens.
    fn modern(&self) -> bool {
        self.tokens.read().is_ok_and(|tokens| !tokens.is_empty())
    }

    /// Lets a token sign in as `user` from now on.
    pub(super) fn grant(&self, user: &str, token: &str) {
        let Ok(mut tokens) = self.tokens.write() else { return };
        tokens.insert(token.to_owned(), Grant { address: user.to_owned(), revoked: false });
    }

    /// Lets the tokens of `user` count no more; gives how many.
    pub(super) fn revoke(&self, user: &str) -> usize {
        let Ok(mut tokens) = self.tokens.write() else { return 0 };
        let theirs = tokens.values_mut().filter(|grant| !grant.revoked && grant.address.eq_ignore_ascii_case(user));
        theirs.map(|grant| grant.revoked = true).count()
    }

    /// Gives `user` another password. `false` when there is no such user.
    pub(super) fn change_password(&self, user: &str, password: &str) -> bool {
        let Ok(mut accounts) = self.accounts.write() else { return false };
        let account = accounts.get_mut(&key(user));
        account.map(|account| account.password = password.to_owned()).is_some()
    }
}

const BASIC: &str = "Basic realm=\"exchange.demo.test\"";

/// The client id is that of Exchange, the first issuer that of Entra, wherever they run.
const BEARER: &str = "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", \
    trusted_issuers=\"00000001-0000-0000-c000-000000000000@5de110f8-2e0f-4d45-891d-bcf2218e253d\", \
    token_types=\"app_asserted_user_v1 service_asserted_app_v1\", ";

/// Where tokens are given out, unless there is an identity provider here.
const LOGIN: &str = "https://login.windows.net";

fn key(name: &str) -> String {
    name.to_lowercase()
}
