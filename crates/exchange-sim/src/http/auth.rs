//! Who signs in, and how: `WWW-Authenticate` and `Authorization` (RFC 9110 section 11).

use std::{collections::HashMap, sync::RwLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;

use super::User;

/// Who there is. Names are looked up without regard to case, as Active Directory does.
pub(super) struct Directory {
    accounts: RwLock<HashMap<String, Account>>,
}

struct Account {
    address: String,
    password: String,
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
}

impl Directory {
    /// Everyone is known by address and, while that is unique, by the part before the `@`.
    pub(super) fn new(users: &[User]) -> Self {
        let accounts = users
            .iter()
            .map(|user| {
                (key(&user.address), Account { address: user.address.clone(), password: user.password.clone() })
            })
            .collect();
        Self { accounts: RwLock::new(accounts) }
    }

    /// Judges `Basic` credentials: `basic-credentials = token68` of `user-id ":" password` (RFC 7617 section 2).
    pub(super) fn judge(&self, authorization: Option<&HeaderValue>) -> Verdict {
        let Some(authorization) = authorization else { return Verdict::Anonymous };
        let shown = authorization.to_str().ok().and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            if !scheme.eq_ignore_ascii_case("Basic") {
                return None;
            }
            String::from_utf8(STANDARD.decode(token.trim()).ok()?).ok()
        });
        shown
            .as_deref()
            .and_then(|shown| shown.split_once(':'))
            .and_then(|(name, password)| self.mailbox(name, password))
            .map_or(Verdict::Wrong, Verdict::Known)
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

/// What a 401 offers, one field per scheme.
pub(super) const OFFERED: &[&str] = &["Basic realm=\"exchange.demo.test\""];

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
        Directory::new(&[user("Anna@a.test"), user("ben@a.test"), user("ben@b.test")])
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
