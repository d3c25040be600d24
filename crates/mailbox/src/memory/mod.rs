//! A mailbox in memory, for the tests of the front ends: everything the traits promise, and a hand on the
//! switches. What another client or the server would do ([`Account::deliver`], [`Account::edit_flags`],
//! [`Account::remove`]) can be done to it, calls can be made to fail ([`Account::fail_next`],
//! [`Account::fail_message`]) or to wait ([`Account::hold`]).

mod collections;
mod mail;
mod objects;
mod search;
mod store;
mod submit;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    Access, Content, Credentials, Error, ErrorKind, FlagChange, Flags, FolderPath, Quota, Result, Secret, SignIn,
    SpecialUse, Uid, UidValidity,
};
use collections::Collections;
pub use objects::{Gist, Rewriter};
use store::{Door, Store};
use submit::Outbox;

/// Some users, each with a mailbox.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<HashMap<String, User>>>);

#[derive(Debug)]
struct User {
    password: String,
    account: Account,
}

/// One user's mailbox.
#[derive(Clone, Debug)]
pub struct Account {
    user: Arc<str>,
    store: Arc<Mutex<Store>>,
    objects: Arc<Mutex<Collections>>,
    outbox: Arc<Mutex<Outbox>>,
    switches: Arc<Mutex<Switches>>,
    held: watch::Sender<bool>,
}

/// What goes wrong, and when.
#[derive(Debug, Default)]
struct Switches {
    next: Vec<(Call, ErrorKind)>,
    messages: HashMap<Uid, ErrorKind>,
}

/// The calls of [`crate::Mail`], [`crate::objects::Objects`] and [`crate::submit::Submit`], and sign-in, as what can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Call {
    /// Whichever comes.
    Any,
    SignIn,
    Visit,
    Folders,
    CreateFolder,
    RenameFolder,
    DeleteFolder,
    Subscribe,
    Quota,
    Rights,
    Permissions,
    Permit,
    Annotations,
    Annotate,
    Status,
    Open,
    Delta,
    Details,
    Sizes,
    Headers,
    Contents,
    Search,
    Append,
    Discard,
    Previews,
    Store,
    Copy,
    Relocate,
    Expunge,
    Principal,
    Collections,
    OpenMailbox,
    CreateCollection,
    ChangeCollection,
    DeleteCollection,
    SyncToken,
    Entries,
    Entry,
    ObjectDelta,
    Objects,
    Put,
    RemoveObject,
    RelocateObject,
    FreeBusy,
    FindPeople,
    MaySendAs,
    Submit,
}

impl Memory {
    /// Nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a user, whose mailbox has an inbox and folders with the usual roles, a calendar, a task list, an address
    /// book and a schedule inbox.
    pub fn add_user(&self, name: &str, password: &str) -> Account {
        let account = Account::new(name);
        let user = User { password: password.to_owned(), account: account.clone() };
        lock(&self.0).insert(name.to_owned(), user);
        account
    }

    /// A user's mailbox.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<Account> {
        lock(&self.0).get(name).map(|user| user.account.clone())
    }
}

impl SignIn for Memory {
    type Account = Account;

    async fn sign_in(&self, credentials: &Credentials) -> Result<Account> {
        let found = lock(&self.0)
            .get(&credentials.user)
            .map(|user| (user.account.clone(), user.password == *credentials.password.expose()));
        match found {
            Some((account, right)) => {
                account.enter(Call::SignIn).await?;
                if right { Ok(account) } else { Err(wrong()) }
            }
            None => Err(wrong()),
        }
    }

    fn takes_tokens(&self) -> bool {
        true
    }

    /// A token is `token-` and the name of somebody.
    async fn sign_in_with_token(&self, token: &Secret<String>) -> Result<Account> {
        let account = token.expose().strip_prefix("token-").and_then(|name| self.account(name)).ok_or_else(wrong)?;
        account.enter(Call::SignIn).await?;
        Ok(account)
    }
}

impl Account {
    fn new(user: &str) -> Self {
        let mut store = Store::default();
        store.add(FolderPath::inbox(), None);
        for (name, role) in ROLES {
            store.add(FolderPath(vec![name.to_owned()]), Some(role));
        }
        let held = watch::Sender::new(false);
        let objects = Arc::new(Mutex::new(Collections::of(user)));
        let outbox = Arc::new(Mutex::new(Outbox::of(user)));
        let store = Arc::new(Mutex::new(store));
        Self { user: user.into(), store, objects, outbox, switches: Arc::default(), held }
    }

    /// Mail comes in from outside.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder.
    pub fn deliver(&self, folder: &FolderPath, message: impl Into<Bytes>) -> Result<Uid> {
        self.deliver_at(folder, message, Timestamp::now())
    }

    /// The same, as if it had come at another time.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder.
    pub fn deliver_at(&self, folder: &FolderPath, message: impl Into<Bytes>, received: Timestamp) -> Result<Uid> {
        let mut store = self.store();
        let id = store.find(folder)?.id;
        Ok(store.put(id, Content::memory(message), Flags::default(), received)?.uid)
    }

    /// Somebody else lets this user into their mailbox, which has these folders. It is listed once it was named.
    pub fn share(&self, mailbox: &FolderPath, folders: &[FolderPath], access: Access) {
        let mut store = self.store();
        for folder in folders {
            store.add_restricted(folder.clone(), access);
        }
        store.add_others(mailbox.clone(), Door::Unopened);
    }

    /// Somebody else does not let this user in.
    pub fn shut(&self, mailbox: &FolderPath) {
        self.store().add_others(mailbox.clone(), Door::Shut);
    }

    /// Another client changes flags.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder or message.
    pub fn edit_flags(&self, folder: &FolderPath, uid: Uid, change: &FlagChange) -> Result<()> {
        let mut store = self.store();
        let id = store.find(folder)?.id;
        store.flag(id, &[uid], change, None)?.entries.pop().map(|_| ()).ok_or_else(no_message)
    }

    /// Another client removes a message.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder or message.
    pub fn remove(&self, folder: &FolderPath, uid: Uid) -> Result<()> {
        let mut store = self.store();
        let id = store.find(folder)?.id;
        let gone = store.remove(id, |message| message.uid == uid)?;
        if gone.is_empty() { Err(no_message()) } else { Ok(()) }
    }

    /// A folder has no role any more.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder.
    pub fn take_use(&self, folder: &FolderPath) -> Result<()> {
        self.store().take_use(folder)
    }

    /// From now on it is known how full the mailbox is.
    pub fn set_quota(&self, quota: Option<Quota>) {
        self.store().quota = quota;
    }

    /// What was removed from a folder so far is not remembered any more.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder.
    pub fn forget_removals(&self, folder: &FolderPath) -> Result<()> {
        let mut store = self.store();
        let id = store.find(folder)?.id;
        store.folder_mut(id)?.forget();
        Ok(())
    }

    /// Gives a folder's UIDs another generation, as after the loss of the ID map.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder.
    pub fn set_uid_validity(&self, folder: &FolderPath, uid_validity: UidValidity) -> Result<()> {
        let mut store = self.store();
        let id = store.find(folder)?.id;
        store.folder_mut(id)?.uid_validity = uid_validity;
        Ok(())
    }

    /// The next such call fails. Calls of this kind that were made to fail before come first.
    pub fn fail_next(&self, call: Call, kind: ErrorKind) {
        lock(&self.switches).next.push((call, kind));
    }

    /// From now on, what concerns a message of this UID, in whatever folder, fails; `None` mends it.
    pub fn fail_message(&self, uid: Uid, kind: Option<ErrorKind>) {
        let messages = &mut lock(&self.switches).messages;
        match kind {
            Some(kind) => messages.insert(uid, kind),
            None => messages.remove(&uid),
        };
    }

    /// Calls that begin from now on wait.
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Calls that wait go on.
    pub fn release(&self) {
        self.held.send_replace(false);
    }

    /// The beginning of each call: waits if held, fails if told to.
    async fn enter(&self, call: Call) -> Result<()> {
        // The sender lives in self, so this cannot fail.
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        let next = &mut lock(&self.switches).next;
        match next.iter().position(|(wanted, _)| *wanted == call || *wanted == Call::Any) {
            Some(at) => Err(fault(next.remove(at).1)),
            None => Ok(()),
        }
    }

    /// The UIDs that fail, apart from those that do not.
    fn sort_out(&self, uids: &[Uid]) -> (Vec<Uid>, Vec<(Uid, Error)>) {
        let switches = lock(&self.switches);
        let mut good = Vec::new();
        let mut failed = Vec::new();
        for &uid in uids {
            match switches.messages.get(&uid) {
                Some(&kind) => failed.push((uid, fault(kind))),
                None => good.push(uid),
            }
        }
        (good, failed)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fault(kind: ErrorKind) -> Error {
    Error::new(kind, format!("a test asked for {kind:?}")).traced("trace-1")
}

fn wrong() -> Error {
    Error::new(ErrorKind::SignIn, "The user name or the password is wrong")
}

fn no_message() -> Error {
    Error::new(ErrorKind::NotFound, "There is no such message")
}

const ROLES: [(&str, SpecialUse); 5] = [
    ("Archive", SpecialUse::Archive),
    ("Drafts", SpecialUse::Drafts),
    ("Junk", SpecialUse::Junk),
    ("Sent", SpecialUse::Sent),
    ("Trash", SpecialUse::Trash),
];

#[cfg(test)]
mod tests;
