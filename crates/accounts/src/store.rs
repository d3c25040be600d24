//! The seam: what a store of accounts gives, whatever it is kept in.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;

use jiff::Timestamp;
use mailbox::Scopes;

use crate::account::{Account, AccountState};
use crate::administrator::Administrator;
use crate::audit::{Entry, Happening};
use crate::device::{Device, DeviceId, Kept, NewDevice, Sighting};

/// Accounts, devices, and the log of what was done to them. Clones share everything; several processes may have one open.
pub trait Store: Clone + Send + Sync + 'static {
    /// Makes changes, all of them or none, and writes those that count in the audit log, as done by `actor`. When this
    /// returns they are on disk; if it is dropped, they are made all the same.
    ///
    /// # Errors
    /// `Refused` if one of them cannot be made; `Broken` if the store cannot be used. Nothing was changed then.
    fn commit(
        &self,
        actor: &str,
        at: Timestamp,
        changes: Vec<Change>,
    ) -> impl Future<Output = Result<Committed, Fault>> + Send;

    /// Somebody, by address.
    ///
    /// # Errors
    /// `Broken` only, as for all that follows.
    fn account(&self, address: &str) -> impl Future<Output = Result<Option<Account>, Fault>> + Send;

    /// Somebody, by what the gateway calls their mailbox.
    ///
    /// # Errors
    /// As above.
    fn account_of(
        &self,
        organisation: &str,
        mailbox: &str,
    ) -> impl Future<Output = Result<Option<Account>, Fault>> + Send;

    /// Everybody, by address.
    ///
    /// # Errors
    /// As above.
    fn accounts(&self) -> impl Future<Output = Result<Vec<Account>, Fault>> + Send;

    /// A device, by what its password begins with, revoked ones too.
    ///
    /// # Errors
    /// As above.
    fn kept(&self, selector: &str) -> impl Future<Output = Result<Option<Kept>, Fault>> + Send;

    /// The devices, the oldest first; of one account, if one is given. Revoked ones are among them.
    ///
    /// # Errors
    /// As above.
    fn devices(&self, address: Option<&str>) -> impl Future<Output = Result<Vec<Device>, Fault>> + Send;

    /// The programs that were seen, those seen last first; of one account, if one is given.
    ///
    /// # Errors
    /// As above.
    fn sightings(&self, address: Option<&str>) -> impl Future<Output = Result<Vec<Sighting>, Fault>> + Send;

    /// The administrators, by name.
    ///
    /// # Errors
    /// As above.
    fn administrators(&self) -> impl Future<Output = Result<Vec<Administrator>, Fault>> + Send;

    /// Up to `most` entries of the audit log after the one of that number, in order.
    ///
    /// # Errors
    /// As above.
    fn audit(&self, after: u64, most: u32) -> impl Future<Output = Result<Vec<Entry>, Fault>> + Send;

    /// A number that is another one after anybody has committed anything. It means nothing to another clone.
    ///
    /// # Errors
    /// As above.
    fn generation(&self) -> impl Future<Output = Result<u64, Fault>> + Send;

    /// What an account's SCRAM salt is made of: random, the same for as long as the store lives.
    ///
    /// # Errors
    /// As above.
    fn pepper(&self) -> impl Future<Output = Result<[u8; 32], Fault>> + Send;
}

/// Something to be done.
#[derive(Clone, Debug)]
pub enum Change {
    /// Somebody is known from now on. Who was known before keeps everything, and learns what their mailbox is called.
    Know {
        /// Their address.
        address: String,
        /// Where they belong.
        organisation: String,
        /// What the gateway calls their mailbox.
        mailbox: Option<String>,
        /// Whether they are let in, if they are new.
        state: AccountState,
    },
    /// Lets somebody in, or not.
    SetState {
        /// Whom.
        address: String,
        /// Whether.
        state: AccountState,
    },
    /// Switches protocols on and off.
    SetScopes {
        /// Whose.
        address: String,
        /// What is on.
        scopes: Scopes,
    },
    /// Writes a label on somebody, or takes it off.
    Label {
        /// On whom.
        address: String,
        /// What it is called.
        name: String,
        /// What it says.
        value: Option<String>,
    },
    /// Forgets somebody: the account, its devices, its programs. What the audit log says stays.
    Remove {
        /// Whom.
        address: String,
    },
    /// Makes a device.
    AddDevice(Box<NewDevice>),
    /// Revokes a device for good. What was remembered for it is forgotten.
    Revoke(DeviceId),
    /// Somebody may look after the gateway from now on.
    AddAdministrator(Administrator),
    /// Somebody may no more.
    RemoveAdministrator {
        /// Who.
        name: String,
    },
    /// Something was done that is kept elsewhere, or nowhere. For the log only.
    Note(Happening),
    /// A device was used. Not for the log.
    Used {
        /// Which.
        device: DeviceId,
        /// From where.
        from: IpAddr,
    },
    /// A program was seen. Not for the log. Of the two times the later one counts.
    Seen(Sighting),
}

/// What a commit has made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The numbers of the devices that were made, in order.
    pub devices: Vec<DeviceId>,
}

/// Why nothing was changed, or told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The change makes no sense: a sentence for whoever wanted it.
    Refused(String),
    /// The store cannot be used: a sentence for the operator.
    Broken(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(sentence) | Self::Broken(sentence) => f.write_str(sentence),
        }
    }
}

impl std::error::Error for Fault {}
