//! Who is in now, and whose stay is over: because the device was revoked, the account closed, or time has passed. Another
//! process may have done it, so the register is watched.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use accounts::{Account, AccountState, Device, DeviceId, Fault, Store};
use jiff::Timestamp;
use mailbox::{Protocol, Scopes};
use tokio::sync::{mpsc, watch as signal};

/// Everybody who is in.
pub(super) struct Stays {
    open: Mutex<HashMap<u64, Stay>>,
    next: AtomicU64,
    programs: mpsc::Sender<(u64, String)>,
}

struct Stay {
    guest: Guest,
    /// Nobody listens once the session is over.
    end: signal::Sender<Option<Arc<str>>>,
}

/// Somebody who is in.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    /// Whose account.
    pub(super) address: String,
    /// By which device password; `None` by one of Exchange's own.
    pub(super) device: Option<DeviceId>,
    /// What must be switched on for the account, at least one of it.
    pub(super) needs: Scopes,
    pub(super) protocol: Protocol,
    pub(super) from: IpAddr,
    /// When the device password expires.
    pub(super) expires: Option<Timestamp>,
}

/// What the register says of everybody.
struct Facts {
    accounts: HashMap<String, Account>,
    devices: HashMap<DeviceId, Device>,
}

impl Stays {
    pub(super) fn new(programs: mpsc::Sender<(u64, String)>) -> Self {
        Self { open: Mutex::default(), next: AtomicU64::new(1), programs }
    }

    /// Somebody comes in. The stay is over when nobody holds its end any more.
    pub(super) fn begin(&self, guest: Guest) -> (u64, signal::Receiver<Option<Arc<str>>>) {
        let (end, ending) = signal::channel(None);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, Stay { guest, end });
        (number, ending)
    }

    /// Where programs introduce themselves.
    pub(super) fn programs(&self) -> mpsc::Sender<(u64, String)> {
        self.programs.clone()
    }

    /// Whose stay this is.
    pub(super) fn guest(&self, number: u64) -> Option<Guest> {
        self.lock().get(&number).map(|stay| stay.guest.clone())
    }

    /// True if a device password of somebody who is in has expired.
    fn has_expired(&self, now: Timestamp) -> bool {
        let mut open = self.lock();
        open.retain(|_, stay| !stay.end.is_closed());
        open.values().any(|stay| stay.guest.expires.is_some_and(|expires| expires <= now))
    }

    /// Ends the stays of those who would not be let in now.
    fn review(&self, facts: &Facts, now: Timestamp) {
        self.lock().retain(|_, stay| match facts.objection(&stay.guest, now) {
            Some(why) => {
                tracing::info!(address = stay.guest.address, why, "a session is ended");
                stay.end.send_replace(Some(why.into()));
                false
            }
            None => true,
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Stay>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Facts {
    async fn read(register: &impl Store) -> Result<Self, Fault> {
        let accounts = register.accounts().await?.into_iter().map(|account| (account.address.clone(), account));
        let devices = register.devices(None).await?.into_iter().map(|device| (device.id, device)).collect();
        Ok(Self { accounts: accounts.collect(), devices })
    }

    fn objection(&self, guest: &Guest, now: Timestamp) -> Option<&'static str> {
        let Some(account) = self.accounts.get(&guest.address) else { return Some(super::REMOVED) };
        match account.state {
            AccountState::Open => {}
            AccountState::Pending => return Some(super::PENDING),
            AccountState::Blocked => return Some(super::BLOCKED),
        }
        if account.scopes.and(guest.needs).is_empty() {
            return Some("The administrator has switched this off for the account");
        }
        match guest.device {
            None => None,
            Some(device) => match self.devices.get(&device) {
                None => Some(super::REMOVED),
                Some(device) => device.objection(guest.from, now),
            },
        }
    }
}

/// Looks at the register while anybody may be in.
pub(super) async fn watch(stays: Weak<Stays>, register: impl Store) {
    let mut seen = None;
    loop {
        tokio::time::sleep(OFTEN).await;
        let Some(stays) = stays.upgrade() else { return };
        let now = Timestamp::now();
        match look(&stays, &register, &mut seen, now).await {
            Ok(()) => {}
            Err(fault) => tracing::error!(%fault, "it cannot be seen whether somebody was revoked"),
        }
    }
}

async fn look(stays: &Stays, register: &impl Store, seen: &mut Option<u64>, now: Timestamp) -> Result<(), Fault> {
    let has_expired = stays.has_expired(now);
    let generation = register.generation().await?;
    if has_expired || *seen != Some(generation) {
        stays.review(&Facts::read(register).await?, now);
        *seen = Some(generation);
    }
    Ok(())
}

/// Whoever is revoked is out within a second.
const OFTEN: Duration = Duration::from_millis(400);
