//! Who the user is, and where: names, addresses, the time zone. Asked for once a day.

use std::sync::{Arc, Mutex, PoisonError};

use ews::op::get_user_availability::{GetUserAvailability, View};
use ews::op::resolve_names::{Resolution, ResolveNames, SearchScope};
use idmap::IdMap;
use jiff::{SignedDuration, Timestamp};
use mailbox::FolderId;
use mailbox::objects::Principal;

use super::home;
use crate::convert::native::Context;
use crate::error::{Result, Tried};
use crate::live::Live;

/// What is known of the user.
#[derive(Debug, Default)]
pub(crate) struct Myself {
    known: Mutex<Option<Known>>,
    /// Held while Exchange is asked, so that it is asked once.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct Known {
    principal: Arc<Principal>,
    /// Windows' id of the zone the user lives in.
    zone: Option<String>,
}

impl Myself {
    fn known(&self) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, known: &Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
    }
}

impl Live {
    /// Who the user is.
    pub(crate) async fn principal(self: &Arc<Self>) -> Result<Arc<Principal>> {
        let principal = self.known_of_me().await?.principal;
        Ok(match self.quota() {
            None => principal,
            quota => Arc::new(Principal { quota, ..(*principal).clone() }),
        })
    }

    async fn known_of_me(self: &Arc<Self>) -> Result<Known> {
        if let Some(known) = self.myself.known() {
            return Ok(known);
        }
        let _asking = self.myself.asking.lock().await;
        if let Some(known) = self.myself.known() {
            return Ok(known);
        }
        let now = Timestamp::now();
        let noted = self.map.note(NOTE).await?.and_then(|note| self.noted(&note));
        let known = match noted {
            Some((at, known)) if now.duration_since(at) < REFRESH => known,
            noted => match (self.ask_who().await, noted) {
                (Ok(principal), _) => {
                    let zone = self.ask_where(&principal, now).await;
                    let known = Known { principal: Arc::new(principal), zone };
                    self.map.put_note(NOTE, &note(now, &known)).await?;
                    known
                }
                // What was known yesterday is better than nothing.
                (Err(_), Some((_, known))) => known,
                (Err(error), None) => return Err(error),
            },
        };
        self.myself.learn(&known);
        Ok(known)
    }

    /// The zone the user lives in, as far as Exchange tells.
    async fn ask_where(&self, principal: &Principal, now: Timestamp) -> Option<String> {
        let ask = GetUserAvailability {
            mailboxes: vec![principal.addresses.first()?.clone()],
            start: now,
            end: now.checked_add(DAY).ok()?,
            view: View::FreeBusy,
            interval: 60,
        };
        let answer = self.client().ok()?.call(&ask).await;
        let answer = answer.inspect_err(|error| tracing::info!(user = self.user, %error, "no time zone is known"));
        let hours = answer.ok()?.into_iter().next()?.ok()?.hours?;
        home::zone_of(&hours, jiff::tz::TimeZone::UTC.to_datetime(now).year())
    }

    /// For whom objects of a collection are rendered; the UID is each object's own.
    pub(crate) async fn context(self: &Arc<Self>, folder: FolderId) -> Result<Context> {
        let Known { principal, zone } = self.known_of_me().await?;
        if let Some(owner) = self.known_listing().await?.owner(folder)
            && let Some((address, name)) = owner.split_once('\n')
        {
            let my_name = Some(name.to_owned());
            return Ok(Context { zone, me: vec![address.to_owned()], my_name, ..Context::default() });
        }
        Ok(Context {
            zone,
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
        let mine = |one: &&Resolution| addresses(one).contains(&self.user);
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

    fn noted(&self, note: &str) -> Option<(Timestamp, Known)> {
        let mut lines = note.lines();
        let at = lines.next()?.parse().ok()?;
        let zone = Some(lines.next()?.to_owned()).filter(|zone| !zone.is_empty());
        let display_name = lines.next()?.to_owned();
        let addresses: Vec<String> = lines.map(str::to_owned).collect();
        let principal = Principal { user: self.user.clone(), display_name, addresses, quota: None };
        Some((at, Known { principal: Arc::new(principal), zone }))
    }
}

fn note(at: Timestamp, known: &Known) -> String {
    let name = known.principal.display_name.replace(['\r', '\n'], " ");
    let mut lines = vec![at.to_string(), known.zone.clone().unwrap_or_default(), name];
    lines.extend(known.principal.addresses.iter().cloned());
    lines.join("\n")
}

/// All SMTP addresses of somebody in lower case, the primary one first.
pub(crate) fn addresses(one: &Resolution) -> Vec<String> {
    let contact = one.data.as_ref().and_then(|data| data.contact.as_ref());
    let emails = contact.iter().flat_map(|contact| &contact.emails);
    let more = emails.map(|(_, entry)| (Some(entry.address.as_str()), entry.routing.as_deref()));
    let first = (one.address.address.as_deref(), one.address.routing.as_deref());
    smtp_addresses([first].into_iter().chain(more))
}

/// Those of these addresses, each with its routing, that are SMTP addresses: in lower case, once, in this order.
pub(crate) fn smtp_addresses<'a>(told: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>) -> Vec<String> {
    let smtp = |routing: Option<&str>| routing.is_none_or(|routing| routing.eq_ignore_ascii_case("SMTP"));
    let mut all = Vec::new();
    for address in told.filter(|(_, routing)| smtp(*routing)).filter_map(|(address, _)| address) {
        // The directory tells proxy addresses with their kind: the primary one in capitals.
        let bare = match address.split_once(':') {
            Some((kind, bare)) if kind.eq_ignore_ascii_case("smtp") => bare,
            Some(_) => continue,
            None => address,
        };
        let bare = bare.trim().to_lowercase();
        if bare.contains('@') && !all.contains(&bare) {
            all.push(bare);
        }
    }
    all
}

/// The map's note that holds what is known of the user.
const NOTE: &str = "principal";
const REFRESH: SignedDuration = SignedDuration::from_hours(24);
const DAY: SignedDuration = SignedDuration::from_hours(24);
