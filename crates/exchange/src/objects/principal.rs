//! Who the user is: names and addresses, asked for once a day.

use std::sync::{Arc, Mutex, PoisonError};

use ews::op::resolve_names::{Resolution, ResolveNames, SearchScope};
use idmap::IdMap;
use jiff::{SignedDuration, Timestamp};
use mailbox::FolderId;
use mailbox::objects::Principal;

use crate::account::Live;
use crate::convert::native::Context;
use crate::error::{Result, Tried};

/// What is known of the user.
#[derive(Debug, Default)]
pub(crate) struct Myself(Mutex<Option<Arc<Principal>>>);

impl Myself {
    fn known(&self) -> Option<Arc<Principal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, principal: &Arc<Principal>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(principal));
    }
}

impl Live {
    /// Who the user is.
    pub(crate) async fn principal(self: &Arc<Self>) -> Result<Arc<Principal>> {
        if let Some(known) = self.myself.known() {
            return Ok(known);
        }
        let now = Timestamp::now();
        let noted = self.map.note(NOTE).await?.and_then(|note| self.from_note(&note));
        let principal = match noted {
            Some((at, principal)) if now.duration_since(at) < REFRESH => principal,
            noted => match (self.ask_who().await, noted) {
                (Ok(principal), _) => {
                    self.map.put_note(NOTE, &note(now, &principal)).await?;
                    principal
                }
                // What was known yesterday is better than nothing.
                (Err(_), Some((_, principal))) => principal,
                (Err(error), None) => return Err(error),
            },
        };
        let principal = Arc::new(principal);
        self.myself.learn(&principal);
        Ok(principal)
    }

    /// For whom objects of a collection are rendered; the UID is each object's own.
    pub(crate) async fn context(self: &Arc<Self>, _folder: FolderId) -> Result<Context> {
        let principal = self.principal().await?;
        Ok(Context {
            me: principal.addresses.iter().map(|address| address.to_lowercase()).collect(),
            my_name: Some(principal.display_name.clone()).filter(|name| !name.is_empty()),
            ..Context::default()
        })
    }

    async fn ask_who(&self) -> Result<Principal> {
        let tried = Tried::new("it could not be found out who you are");
        // `DOMAIN\user` is an alias in the directory.
        let entry = match self.user.rsplit_once('\\') {
            Some((_, alias)) => alias.to_owned(),
            None if self.user.contains('@') => format!("smtp:{}", self.user),
            None => self.user.clone(),
        };
        let ask = ResolveNames { entry, scope: SearchScope::ActiveDirectory, full: true };
        let answer = self.client()?.call(&ask).await.map_err(|error| self.failed(&tried, &error))?;
        let mine = |one: &&Resolution| addresses(one).iter().any(|address| *address == self.user);
        let found = answer.found.iter().find(mine).or_else(|| answer.found.first().filter(|_| answer.found.len() == 1));
        let mut all = found.map(addresses).unwrap_or_default();
        if self.user.contains('@') && !all.contains(&self.user) {
            all.push(self.user.clone());
        }
        let name = found.and_then(|one| one.address.name.clone());
        Ok(Principal {
            user: self.user.clone(),
            display_name: name.filter(|name| !name.is_empty()).unwrap_or_else(|| self.user.clone()),
            addresses: all,
            quota: None,
        })
    }

    fn from_note(&self, note: &str) -> Option<(Timestamp, Principal)> {
        let mut lines = note.lines();
        let at = lines.next()?.parse().ok()?;
        let display_name = lines.next()?.to_owned();
        let addresses: Vec<String> = lines.map(str::to_owned).collect();
        Some((at, Principal { user: self.user.clone(), display_name, addresses, quota: None }))
    }
}

fn note(at: Timestamp, principal: &Principal) -> String {
    let name = principal.display_name.replace(['\r', '\n'], " ");
    let mut lines = vec![at.to_string(), name];
    lines.extend(principal.addresses.iter().cloned());
    lines.join("\n")
}

/// All SMTP addresses of somebody in lower case, the primary one first.
pub(crate) fn addresses(one: &Resolution) -> Vec<String> {
    let smtp = |routing: Option<&str>| routing.is_none_or(|routing| routing.eq_ignore_ascii_case("SMTP"));
    let mut all = Vec::new();
    let mut add = |address: &str| {
        // The directory tells proxy addresses with their kind: the primary one in capitals.
        let bare = match address.split_once(':') {
            Some((kind, bare)) if kind.eq_ignore_ascii_case("smtp") => bare,
            Some(_) => return,
            None => address,
        };
        let bare = bare.trim().to_lowercase();
        if bare.contains('@') && !all.contains(&bare) {
            all.push(bare);
        }
    };
    if smtp(one.address.routing.as_deref()) {
        one.address.address.iter().for_each(|address| add(address));
    }
    let contact = one.data.as_ref().and_then(|data| data.contact.as_ref());
    let emails = contact.iter().flat_map(|contact| &contact.emails).map(|(_, entry)| entry);
    emails.filter(|entry| smtp(entry.routing.as_deref())).for_each(|entry| add(&entry.address));
    all
}

/// The map's note that holds what is known of the user.
const NOTE: &str = "principal";
const REFRESH: SignedDuration = SignedDuration::from_hours(24);
