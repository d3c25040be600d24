//! Who signs in, and how: `WWW-Authenticate` and `Authorization` (RFC 9110 section 11).
//!
//! Where there are tokens, the server answers as one with modern authentication: it takes Bearer (RFC 6750) beside Basic
//! and says where tokens are given out.

use std::{collections::HashMap, sync::RwLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;

use super::{Token, User};

/// Who there is. Names are looked up without regard to case, as Active Directory does.
pub(super) struct Directory {
    accounts: RwLock<HashMap<String, Account>>,
    tokens: RwLock<HashMap<String, Grant>>,
}

struct Account {
    address: String,
    password: String,
}

/// For whom a token is, and whether it still counts.
struct Grant {
    address: String,
    revoked: bool,
}

/// What the server makes of the `Authorization` field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The owner of this mailbox.
    Known(String),
    /// Nothing was shown.
    Anonymous,
    /// Something was shown, and it is wrong.
    Wrong,
    /// A token was shown that never counted.
    WrongToken,
    /// A token was shown that counted once.
    ExpiredToken,
}

impl Verdict {
    /// `x-ms-diagnostics` of a refused token (D/instrumenting-client-requests; the sentences are our own).
    pub(super) fn diagnostics(&self) -> Option<&'static str> {
        match self {
            Verdict::WrongToken => Some("2000001;reason=\"The token is not valid.\";error_category=\"invalid_token\""),
            Verdict::ExpiredToken => Some("2000002;reason=\"The token has expired.\";error_category=\"token_expired\""),
            _ => None,
        }
    }
}

impl Directory {
    /// Everyone is known by address and, while that is unique, by the part before the `@`.
    pub(super) fn new(users: &[User], tokens: &[Token]) -> Self {
        let accounts = users
            .iter()
            .map(|user| {
                (key(&user.address), Account { address: user.address.clone(), password: user.password.clone() })
            })
            .collect();
        let directory = Self { accounts: RwLock::new(accounts), tokens: RwLock::default() };
        tokens.iter().for_each(|token| directory.grant(&token.address, &token.token));
        directory
    }

    /// Judges what was shown.
    pub(super) fn judge(&self, authorization: Option<&HeaderValue>) -> Verdict {
        let Some(authorization) = authorization else { return Verdict::Anonymous };
        let value = authorization.to_str().unwrap_or_default().trim();
        let (scheme, shown) = value.split_once(' ').unwrap_or((value, ""));
        match &*scheme.to_ascii_lowercase() {
            "basic" => self.basic(shown.trim()).map_or(Verdict::Wrong, Verdict::Known),
            "bearer" if self.modern() => self.bearer(shown.trim()),
            _ => Verdict::Wrong,
        }
    }

    /// `basic-credentials = token68` of `user-id ":" password` (RFC 7617 section 2).
    fn basic(&self, token: &str) -> Option<String> {
        let shown = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
        let (name, password) = shown.split_once(':')?;
        self.mailbox(name, password)
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

    /// The `WWW-Authenticate` fields of a 401, one per scheme. The one for Bearer is as Exchange with hybrid modern
    /// authentication sends it (documentation of Outlook for iOS), with `error` when a token was refused (recorded).
    pub(super) fn challenges(&self, verdict: &Verdict) -> Vec<String> {
        let mut challenges = Vec::new();
        if self.modern() {
            let error = if verdict.diagnostics().is_some() { ", error=\"invalid_token\"" } else { "" };
            challenges.push(format!("{BEARER}{error}"));
        }
        challenges.push(BASIC.to_owned());
        challenges
    }

    /// The mailbox of `name`, which may be an address, `DOMAIN\name` or the bare name.
    fn mailbox(&self, name: &str, password: &str) -> Option<String> {
        let accounts = self.accounts.read().ok()?;
        let wanted = key(name.rsplit('\\').next().unwrap_or(name));
        let account = match wanted.contains('@') {
            true => accounts.get(&wanted)?,
            false => {
                let mut alike = accounts.iter().filter(|(known, _)| known.split('@').next() == Some(&wanted));
                alike.next().filter(|_| alike.next().is_none())?.1
            }
        };
        (account.password == password).then(|| account.address.clone())
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
    token_types=\"app_asserted_user_v1 service_asserted_app_v1\", \
    authorization_uri=\"https://login.windows.net/common/oauth2/authorize\"";

fn key(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(directory: &Directory, credentials: &str) -> Verdict {
        let value = format!("Basic {}", STANDARD.encode(credentials));
        directory.judge(Some(&HeaderValue::from_str(&value).unwrap()))
    }

    fn directory() -> Directory {
        let user = |address: &str| User { address: address.into(), name: String::new(), password: "a:b".into() };
        Directory::new(&[user("Anna@a.test"), user("ben@a.test"), user("ben@b.test")], &[])
    }

    #[test]
    fn names_come_in_three_forms() {
        let directory = directory();
        for name in ["anna@a.test", "ANNA@A.TEST", "A\\anna", "anna"] {
            assert_eq!(judge(&directory, &format!("{name}:a:b")), Verdict::Known("Anna@a.test".into()), "{name}");
        }
        assert_eq!(judge(&directory, "ben:a:b"), Verdict::Wrong, "two people of that name");
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let directory = directory();
        assert_eq!(directory.judge(None), Verdict::Anonymous);
        assert_eq!(judge(&directory, "anna:x"), Verdict::Wrong);
        assert_eq!(judge(&directory, "nobody:a:b"), Verdict::Wrong);
        for value in ["Basic", "Basic !!!", "Bearer x", "NTLM TlRMTVNTUAAB"] {
            assert_eq!(directory.judge(Some(&HeaderValue::from_static(value))), Verdict::Wrong, "{value}");
        }
    }

    #[test]
    fn a_changed_password_counts_at_once() {
        let directory = directory();
        assert!(directory.change_password("anna@a.test", "new"));
        assert_eq!(judge(&directory, "anna:a:b"), Verdict::Wrong);
        assert_eq!(judge(&directory, "anna:new"), Verdict::Known("Anna@a.test".into()));
        assert!(!directory.change_password("nobody@a.test", "new"));
    }
}
