//! A new key for everything that is sealed, while the gateway runs.
//!
//! 1. The new key is put on disk beside the one there is.
//! 2. Everything is sealed under it, in one transaction of the database, which from then on names the new key.
//! 3. It is put in the place of the other one, which is gone then.
//!
//! Cut off between any two of these, everything opens with what is there, and the next rotation goes on. Whoever has the
//! database open finds the key it names.

#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::{Error, Result};
use crate::safe::Safe;
use crate::seal::Seal;
use crate::vault::Vault;

/// What a rotation has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// So many secrets are sealed under the new key.
    pub secrets: usize,
    /// Nothing that the old key opens is left in the files of the database. False if somebody has read them all the while.
    pub wiped: bool,
}

/// Makes a new key, seals everything in that safe under it, and takes the old one away.
///
/// # Errors
/// If another rotation or a backup is under way, a secret does not open, or a file cannot be written. Everything opens as before
/// then.
pub fn rotate(safe: &Safe) -> Result<Rotated> {
    rotate_through(safe, &mut |_| {})
}

/// Rotates where the key does not lie as it is to: in clear, though there is a key to keep it under, or under another one than now. What
/// lay there otherwise is in backups, and opens nothing that is sealed from now on. `None` where all is as it is to be.
///
/// # Errors
/// As [`rotate`].
pub fn take_over(safe: &Safe) -> Result<Option<Rotated>> {
    if safe.is_as_wanted()? { Ok(None) } else { rotate(safe).map(Some) }
}

/// Keeps keys from being changed until what this returns is dropped. Waits for a rotation that is under way.
///
/// # Errors
/// If the directory cannot be used.
pub fn hold_keys(directory: &Path) -> Result<HeldKeys> {
    let file = directory.join(LOCK);
    let held = lock_file(&file).and_then(|lock| lock.lock_shared().map(|()| HeldKeys(lock)));
    held.map_err(|error| Error::new(&file, format!("cannot be locked: {error}")))
}

/// While this is held nobody else changes the keys.
///
/// It is let go explicitly: a program that is being started by another thread holds a copy of the open file until it runs, so
/// that closing ours does not let go of it.
#[derive(Debug)]
pub struct HeldKeys(File);

impl Drop for HeldKeys {
    fn drop(&mut self) {
        // Should it fail, closing the file is left, which follows.
        let _ = self.0.unlock();
    }
}

/// A point that a rotation has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Begun,
    NewKeyOnDisk,
    Resealed,
    Wiped,
    InPlace,
}

fn rotate_through(safe: &Safe, reached: &mut impl FnMut(Reached)) -> Result<Rotated> {
    let _alone = alone(safe.directory())?;
    let vault = Vault::open(safe)?;
    // One that was cut off: its key has sealed everything by now, and may have lain there for long.
    vault.put_in_place()?;
    reached(Reached::Begun);
    let next = Seal::replace(&safe.next_file(), safe)?;
    reached(Reached::NewKeyOnDisk);
    let secrets = vault.reseal(&next)?;
    reached(Reached::Resealed);
    let wiped = vault.wipe()?;
    reached(Reached::Wiped);
    vault.put_in_place()?;
    reached(Reached::InPlace);
    Ok(Rotated { secrets, wiped })
}

fn alone(directory: &Path) -> Result<HeldKeys> {
    let file = directory.join(LOCK);
    let fault = |error: std::io::Error| Error::new(&file, format!("cannot be locked: {error}"));
    let lock = lock_file(&file).map_err(fault)?;
    match lock.try_lock() {
        Ok(()) => Ok(HeldKeys(lock)),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(&file, "a backup or another rotation is under way; try again when it is done"))
        }
        Err(TryLockError::Error(error)) => Err(fault(error)),
    }
}

fn lock_file(file: &Path) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(file)
}

const LOCK: &str = "accounts.key.lock";
