//! What an administrator does, by a page or by the interface: the same steps, and the same line in the audit log.

use accounts::{Account, AccountState, Chain, Change, Device, DeviceId, Happening, Store};
use http::StatusCode;
use jiff::Timestamp;
use mailbox::{Scopes, Secret};

use crate::Inner;
use crate::ask::Asked;
use crate::guard::Who;
use crate::house::{Extent, House, Made, Status, Wanted};
use crate::listing::ListingView;
use crate::problem::Problem;
use crate::trial::Order;

/// What is to be changed of an account; what is not named stays.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    pub(crate) state: Option<AccountState>,
    pub(crate) scopes: Option<Scopes>,
    pub(crate) labels: Vec<(String, Option<String>)>,
}

/// Where the audit log stands, and whether it is as it was written.
pub(crate) struct Verdict {
    pub(crate) entries: u64,
    /// The last hash, in hexadecimal.
    pub(crate) head: String,
    /// The first entry that is not as it was written.
    pub(crate) broken: Option<u64>,
}

impl<S: Store, H: House> Inner<S, H> {
    /// How the gateway does.
    pub(crate) async fn status(&self, asked: &Asked) -> Result<Status, Problem> {
        Ok(Status { draining: asked.is_draining(), ..self.house.status().await? })
    }

    /// Somebody's account.
    pub(crate) async fn account(&self, address: &str) -> Result<Account, Problem> {
        let found = self.store.account(address).await?;
        found.ok_or_else(|| Problem::missing(format!("There is no account {address}")))
    }

    pub(crate) async fn change(&self, who: &Who, address: &str, wish: Wish) -> Result<Account, Problem> {
        let account = self.account(address).await?;
        let address = account.address;
        let mut changes = Vec::new();
        if let Some(scopes) = wish.scopes.filter(|scopes| *scopes != account.scopes) {
            changes.push(Change::SetScopes { address: address.clone(), scopes });
        }
        for (name, value) in wish.labels {
            changes.push(Change::Label {
                address: address.clone(),
                name,
                value: value.filter(|text| !text.is_empty()),
            });
        }
        if let Some(state) = wish.state.filter(|state| *state != account.state) {
            changes.push(Change::SetState { address: address.clone(), state });
        }
        if !changes.is_empty() {
            self.store.commit(&who.actor(), Timestamp::now(), changes).await?;
        }
        self.account(&address).await
    }

    /// Has somebody's mailbox looked at: what Exchange did not tell of, if there is any, is known then.
    pub(crate) async fn synchronise(&self, who: &Who, address: &str) -> Result<Account, Problem> {
        let account = self.account(address).await?;
        if !self.house.look_again(&account).await {
            let told =
                format!("The mailbox of {} is not in use; it is looked at as soon as somebody comes", account.address);
            return Err(Problem::new(StatusCode::CONFLICT, told));
        }
        let note = Happening {
            action: "mailbox.synchronise".to_owned(),
            subject: account.address.clone(),
            detail: String::new(),
        };
        self.store.commit(&who.actor(), Timestamp::now(), vec![Change::Note(note)]).await?;
        Ok(account)
    }

    /// Begins to bring all that is known of somebody's mailbox up to date.
    pub(crate) async fn begin_listing(&self, who: &Who, address: &str, extent: Extent) -> Result<ListingView, Problem> {
        let account = self.account(address).await?;
        let subject = account.address.clone();
        let begun = self.listings.begin(&self.house, who, account, extent)?;
        let detail = if extent == Extent::Full { "all of it anew" } else { "what changed" }.to_owned();
        let note = Happening { action: "mailbox.list".to_owned(), subject, detail };
        self.store.commit(&who.actor(), Timestamp::now(), vec![Change::Note(note)]).await?;
        Ok(begun)
    }

    pub(crate) async fn remove(&self, who: &Who, address: &str) -> Result<(), Problem> {
        let account = self.account(address).await?;
        self.house.remove(&who.actor(), &account).await
    }

    pub(crate) async fn make_device(
        &self,
        who: &Who,
        address: &str,
        wanted: Wanted,
        password: Option<Secret<String>>,
    ) -> Result<Made, Problem> {
        if wanted.scopes.is_empty() {
            return Err(Problem::bad(
                "A device is for something: name at least one of mail, submit, calendar, contacts, directory",
            ));
        }
        if wanted.expires.is_some_and(|expires| expires <= Timestamp::now()) {
            return Err(Problem::bad("That the device expires is over already"));
        }
        self.house.make_device(&who.actor(), address, wanted, password).await
    }

    pub(crate) async fn device(&self, id: i64) -> Result<Device, Problem> {
        let found = self.store.devices(None).await?.into_iter().find(|device| device.id == DeviceId(id));
        found.ok_or_else(|| Problem::missing(format!("There is no device {id}")))
    }

    /// Done again it changes nothing.
    pub(crate) async fn revoke(&self, who: &Who, id: i64) -> Result<Device, Problem> {
        let device = self.device(id).await?;
        if device.revoked.is_none() {
            self.store.commit(&who.actor(), Timestamp::now(), vec![Change::Revoke(DeviceId(id))]).await?;
        }
        Ok(device)
    }

    pub(crate) async fn end_session(&self, who: &Who, number: u64) -> Result<(), Problem> {
        let whose = self.house.end_session(number);
        let subject = whose.ok_or_else(|| Problem::missing(format!("There is no session {number} any more")))?;
        let note = Happening { action: "session.end".to_owned(), subject, detail: format!("session {number}") };
        self.store.commit(&who.actor(), Timestamp::now(), vec![Change::Note(note)]).await?;
        Ok(())
    }

    /// Begins to try mailboxes: those named, or all whose accounts are not blocked.
    pub(crate) async fn begin_trial(&self, who: &Who, order: Order) -> Result<u64, Problem> {
        let mut order = order;
        if order.accounts.is_empty() {
            let all = self.store.accounts().await?;
            order.accounts =
                all.into_iter().filter(|one| one.state != AccountState::Blocked).map(|one| one.address).collect();
        } else {
            for address in &mut order.accounts {
                *address = self.account(address).await?.address;
            }
        }
        if order.accounts.is_empty() {
            return Err(Problem::new(StatusCode::CONFLICT, "There is no account to be tried"));
        }
        let detail =
            format!("{} mailboxes{}", order.accounts.len(), if order.outgoing { ", sending included" } else { "" });
        let id = self.trials.begin(who, order).await?;
        let note = Happening { action: "trial.begin".to_owned(), subject: format!("trial {id}"), detail };
        self.store.commit(&who.actor(), Timestamp::now(), vec![Change::Note(note)]).await?;
        Ok(id)
    }

    pub(crate) async fn stop_trial(&self, who: &Who, id: u64) -> Result<(), Problem> {
        if self.trials.stop(id).await? {
            let note =
                Happening { action: "trial.stop".to_owned(), subject: format!("trial {id}"), detail: String::new() };
            self.store.commit(&who.actor(), Timestamp::now(), vec![Change::Note(note)]).await?;
        }
        Ok(())
    }

    /// Reads the whole log.
    pub(crate) async fn verify(&self) -> Result<Verdict, Problem> {
        let mut chain = Chain::EMPTY;
        loop {
            let some = self.store.audit(chain.length, PAGE).await?;
            if some.is_empty() {
                return Ok(Verdict { entries: chain.length, head: chain.hex(), broken: None });
            }
            let before = chain;
            chain = match chain.follow(&some) {
                Ok(chain) => chain,
                Err(broken) => {
                    return Ok(Verdict { entries: before.length, head: before.hex(), broken: Some(broken.0) });
                }
            };
        }
    }
}

/// Entries that are read at a time.
const PAGE: u32 = 1000;
