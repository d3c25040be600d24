//! The register, wherever the operator keeps it.

use jiff::Timestamp;

use crate::account::Account;
use crate::administrator::Administrator;
use crate::audit::Entry;
use crate::device::{Device, Kept, Sighting};
use crate::store::{Change, Committed, Fault, Store};
use crate::{postgres, sqlite};

/// The register of accounts, in one place or another.
#[derive(Clone, Debug)]
pub enum Register {
    /// In a file of this gateway.
    File(sqlite::Register),
    /// In a database that several gateways share.
    Database(postgres::Register),
}

macro_rules! each {
    ($self:ident, $register:ident => $asked:expr) => {
        match $self {
            Self::File($register) => $asked.await,
            Self::Database($register) => $asked.await,
        }
    };
}

impl Register {
    /// Sees to it that nothing of what was removed is left in the files of this gateway. A database server keeps what it
    /// removes until it tidies by itself.
    ///
    /// # Errors
    /// `Broken` if that cannot be done.
    pub async fn fold(&self) -> Result<(), Fault> {
        match self {
            Self::File(register) => register.fold().await,
            Self::Database(_) => Ok(()),
        }
    }
}

impl Store for Register {
    async fn commit(&self, actor: &str, at: Timestamp, changes: Vec<Change>) -> Result<Committed, Fault> {
        each!(self, register => register.commit(actor, at, changes))
    }

    async fn account(&self, address: &str) -> Result<Option<Account>, Fault> {
        each!(self, register => register.account(address))
    }

    async fn account_of(&self, organisation: &str, mailbox: &str) -> Result<Option<Account>, Fault> {
        each!(self, register => register.account_of(organisation, mailbox))
    }

    async fn accounts(&self) -> Result<Vec<Account>, Fault> {
        each!(self, register => register.accounts())
    }

    async fn kept(&self, selector: &str) -> Result<Option<Kept>, Fault> {
        each!(self, register => register.kept(selector))
    }

    async fn devices(&self, address: Option<&str>) -> Result<Vec<Device>, Fault> {
        each!(self, register => register.devices(address))
    }

    async fn sightings(&self, address: Option<&str>) -> Result<Vec<Sighting>, Fault> {
        each!(self, register => register.sightings(address))
    }

    async fn administrators(&self) -> Result<Vec<Administrator>, Fault> {
        each!(self, register => register.administrators())
    }

    async fn audit(&self, after: u64, most: u32) -> Result<Vec<Entry>, Fault> {
        each!(self, register => register.audit(after, most))
    }

    async fn generation(&self) -> Result<u64, Fault> {
        each!(self, register => register.generation())
    }

    async fn pepper(&self) -> Result<[u8; 32], Fault> {
        each!(self, register => register.pepper())
    }
}
