//! Sign-ins at identity providers, as they are kept: `exgate login` makes them, `exgate logout` forgets them, the gateway
//! uses them.

use std::sync::Arc;

use accounts::{Grants, Safe};
use ews::oauth::TokenStore;
use exchange::{Organisation, Proof};
use jiff::Timestamp;
use mailbox::Secret;

use crate::config::Config;
use crate::{Failure, gateway};

/// The organisations of a configuration, with the sign-ins kept in that safe.
pub(crate) fn organisations(config: &Config, safe: &Safe) -> Result<Vec<Organisation>, Failure> {
    let mut all = config.organisations();
    if all.iter().any(|organisation| matches!(organisation.proof, Proof::OAuth(_))) {
        let grants = open(safe)?;
        for organisation in &mut all {
            let kept = Kept { grants: Arc::clone(&grants), organisation: organisation.name.clone() };
            organisation.store = Some(Arc::new(kept));
        }
    }
    Ok(all)
}

/// The sign-ins kept in that safe.
pub(crate) fn open(safe: &Safe) -> Result<Arc<Grants>, Failure> {
    gateway::make_private(safe.directory())?;
    Grants::open(safe).map(Arc::new).map_err(|error| Failure::new(error.to_string()))
}

/// Something about somebody's sign-in that is not a token of theirs: sealed like the tokens, under a name that no
/// organisation has, since names hold no blanks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Note {
    /// A sign-in that has not come to its end.
    UnderWay,
    /// The claims that the next one has to ask for.
    Claims,
}

impl Note {
    pub(crate) fn get(self, grants: &Grants, organisation: &str, user: &str) -> Result<Option<Secret<String>>, String> {
        grants.get(&self.place(organisation), user).map_err(|error| error.to_string())
    }

    pub(crate) fn put(self, grants: &Grants, organisation: &str, user: &str, text: &str) -> Result<(), String> {
        let text = Secret::new(text.to_owned());
        grants.put(&self.place(organisation), user, &text, Timestamp::now()).map_err(|error| error.to_string())
    }

    pub(crate) fn forget(self, grants: &Grants, organisation: &str, user: &str) -> Result<(), String> {
        grants.delete(&self.place(organisation), user).map(drop).map_err(|error| error.to_string())
    }

    fn place(self, organisation: &str) -> String {
        match self {
            Note::UnderWay => format!("{organisation} under way"),
            Note::Claims => format!("{organisation} claims"),
        }
    }
}

/// The sign-ins of one organisation.
#[derive(Debug)]
struct Kept {
    grants: Arc<Grants>,
    organisation: String,
}

impl TokenStore for Kept {
    fn load(&self, user: &str) -> Result<Option<ews::Secret>, String> {
        let found = self.grants.get(&self.organisation, user).map_err(|error| error.to_string())?;
        Ok(found.map(|token| ews::Secret::new(token.expose().as_str())))
    }

    fn replace(&self, user: &str, used: Option<&ews::Secret>, next: &ews::Secret) -> Result<(), String> {
        let ours = |token: &ews::Secret| Secret::new(token.expose().to_owned());
        let (next, now) = (ours(next), Timestamp::now());
        let kept = match used {
            None => self.grants.put(&self.organisation, user, &next, now),
            Some(used) => self.grants.replace(&self.organisation, user, (&ours(used), &next), now).map(drop),
        };
        kept.map_err(|error| error.to_string())
    }

    fn want(&self, user: &str, claims: Option<&str>) -> Result<(), String> {
        match claims {
            Some(claims) => Note::Claims.put(&self.grants, &self.organisation, user, claims),
            None => Note::Claims.forget(&self.grants, &self.organisation, user),
        }
    }

    fn remove(&self, user: &str) -> Result<bool, String> {
        self.grants.delete(&self.organisation, user).map_err(|error| error.to_string())
    }
}
