//! A new key for everything that is sealed, while the gateway runs.
//!
//! 1. The new key is put on disk beside the one there is.
//! 2. Everything is sealed under it, in one transaction of the database, which from then on names the new key.
//! 3. It is put in the place of the other one, which is gone then.
//!
//! Cut off between any two of these, everything opens with what is there, and the next rotation goes on. Whoever has the
//! database open finds the key it names.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::{Error, Result};
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

/// Makes a new key, seals everything in that directory under it, and takes the old one away.
///
/// # Errors
/// If another rotation or a backup is under way, a secret does not open, or a file cannot be written. Everything opens as before
/// then.
pub fn rotate(directory: &Path) -> Result<Rotated> {
    rotate_through(directory, &mut |_| {})
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

fn rotate_through(directory: &Path, reached: &mut impl FnMut(Reached)) -> Result<Rotated> {
    let _alone = alone(directory)?;
    let vault = Vault::open(directory)?;
    // One that was cut off: its key has sealed everything by now, and may have lain there for long.
    vault.put_in_place()?;
    reached(Reached::Begun);
    let next = Seal::replace(&vault.next_file())?;
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::path::PathBuf;
    use std::process::{Command, Stdio};

    use jiff::Timestamp;
    use mailbox::{Credentials, Secret};

    use super::*;
    use crate::vault::KEY;
    use crate::{Detail, Feeds, Grants, NewFeed, Token};

    /// Feeds and grants, as a gateway has them open all the while.
    struct House {
        home: tempfile::TempDir,
        feeds: Feeds,
        grants: Grants,
        tokens: Vec<Token>,
    }

    impl House {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let (feeds, grants) = (Feeds::open(home.path()).unwrap(), Grants::open(home.path()).unwrap());
            let mut house = Self { home, feeds, grants, tokens: Vec::new() };
            for number in 0..5 {
                house.add(number);
            }
            house
        }

        /// Somebody who makes a feed and signs in.
        fn add(&mut self, number: usize) {
            let password = Secret::new(format!("password {number}"));
            let feed = NewFeed {
                credentials: Credentials { user: "anna".to_owned(), password },
                calendar: "calendar".to_owned(),
                detail: Detail::Full,
                past_days: None,
                future_days: None,
            };
            self.tokens.push(self.feeds.create(&feed, Timestamp::UNIX_EPOCH).unwrap().1);
            let grant = Secret::new(format!("grant {number}"));
            self.grants.put("corp", &number.to_string(), &grant, Timestamp::UNIX_EPOCH).unwrap();
        }

        fn all_opens(&self, feeds: &Feeds, grants: &Grants) {
            for (number, token) in self.tokens.iter().enumerate() {
                let (_, credentials) = feeds.redeem(token.expose(), Timestamp::UNIX_EPOCH).unwrap().unwrap();
                assert_eq!(credentials.password.expose(), &format!("password {number}"));
                let grant = grants.get("corp", &number.to_string()).unwrap().unwrap();
                assert_eq!(grant.expose(), &format!("grant {number}"));
            }
        }

        /// For a gateway that has it open, and for one that starts now.
        fn all_opens_everywhere(&self) {
            self.all_opens(&self.feeds, &self.grants);
            self.all_opens(&Feeds::open(self.home.path()).unwrap(), &Grants::open(self.home.path()).unwrap());
        }

        fn key(&self) -> Vec<u8> {
            std::fs::read(self.home.path().join(KEY)).unwrap()
        }

        fn sealed(&self) -> Vec<Vec<u8>> {
            let vault = Vault::open(self.home.path()).unwrap();
            let open = vault.lock();
            let (feeds, grants) = (crate::feed::pieces(&open).unwrap(), crate::grant::pieces(&open).unwrap());
            feeds.into_iter().chain(grants).map(|piece| piece.sealed).collect()
        }

        fn files(&self) -> Vec<PathBuf> {
            std::fs::read_dir(self.home.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
        }
    }

    #[test]
    fn what_was_sealed_opens_under_the_new_key_and_nothing_under_the_old_one_is_left() {
        let mut house = House::new();
        let (key, sealed) = (house.key(), house.sealed());
        assert_eq!(rotate(house.home.path()).unwrap(), Rotated { secrets: 10, wiped: true });
        house.all_opens_everywhere();
        assert_ne!(house.key(), key);
        for file in house.files() {
            let octets = std::fs::read(&file).unwrap();
            for old in sealed.iter().chain([&key]) {
                assert!(!octets.windows(old.len()).any(|window| window == old), "{}", file.display());
            }
        }
        // A gateway that runs meanwhile writes under the new one.
        house.add(5);
        assert_eq!(rotate(house.home.path()).unwrap().secrets, 12);
        house.add(6);
        house.all_opens_everywhere();
    }

    #[test]
    fn killed_at_any_step_everything_opens_and_the_next_rotation_goes_on() {
        for killed_at in [Reached::Begun, Reached::NewKeyOnDisk, Reached::Resealed, Reached::Wiped, Reached::InPlace] {
            let mut house = House::new();
            let before = house.key();
            kill(house.home.path(), killed_at);
            let next = house.home.path().join("accounts.key.next");
            let left = std::fs::read(&next).ok();
            assert_eq!(left.is_some(), ![Reached::Begun, Reached::InPlace].contains(&killed_at), "{killed_at:?}");
            house.all_opens_everywhere();
            house.add(5);
            house.all_opens_everywhere();
            assert_eq!(rotate(house.home.path()).unwrap(), Rotated { secrets: 12, wiped: true }, "{killed_at:?}");
            house.all_opens_everywhere();
            assert!(house.key() != before && Some(house.key()) != left && !next.exists(), "{killed_at:?}");
        }
    }

    /// Runs a rotation in another process, and kills that at this step.
    fn kill(directory: &Path, step: Reached) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "rotation::tests::rotates_until_it_is_killed", "--nocapture", "--test-threads=1"])
            .env(VICTIM, directory)
            .env(STEP, format!("{step:?}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(|line| line.ok());
        assert!(lines.any(|line| line.contains("reached ")), "{step:?}");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// In the process that is killed. Without somebody to kill it, it has nothing to do.
    #[test]
    fn rotates_until_it_is_killed() {
        let Some(directory) = std::env::var_os(VICTIM) else { return };
        let step = std::env::var(STEP).unwrap();
        let done = rotate_through(Path::new(&directory), &mut |reached| {
            if format!("{reached:?}") == step {
                println!("reached {step}");
                loop {
                    std::thread::park();
                }
            }
        });
        panic!("it was not killed: {done:?}");
    }

    #[test]
    fn writers_and_rotations_beside_each_other_lose_nothing() {
        let mut house = House::new();
        let home = house.home.path().to_owned();
        let rotations = std::thread::spawn(move || {
            for _ in 0..20 {
                rotate(&home).unwrap();
            }
        });
        let mut number = 5;
        while !rotations.is_finished() && number < 200 {
            house.add(number);
            number += 1;
        }
        rotations.join().unwrap();
        house.all_opens_everywhere();
    }

    #[test]
    fn what_was_held_is_let_go_also_while_a_program_that_is_being_started_has_a_copy() {
        let house = House::new();
        let held = hold_keys(house.home.path()).unwrap();
        let copy = held.0.try_clone().unwrap();
        drop(held);
        rotate(house.home.path()).unwrap();
        drop(copy);
    }

    #[test]
    fn while_keys_are_held_or_a_secret_does_not_open_nothing_changes() {
        let house = House::new();
        let key = house.key();
        let held = hold_keys(house.home.path()).unwrap();
        let sentence = rotate(house.home.path()).unwrap_err().to_string();
        assert!(sentence.contains("a backup or another rotation is under way"), "{sentence}");
        drop(held);
        let vault = Vault::open(house.home.path()).unwrap();
        vault.lock().execute("UPDATE feed SET user = 'bert' WHERE id = 3", []).unwrap();
        let sentence = rotate(house.home.path()).unwrap_err().to_string();
        assert!(sentence.contains("feed 3 of bert does not open; revoke it with `exgate feed revoke`"), "{sentence}");
        vault.lock().execute("UPDATE feed SET user = 'anna' WHERE id = 3", []).unwrap();
        assert_eq!(house.key(), key);
        house.all_opens_everywhere();
    }

    #[test]
    fn a_state_of_an_earlier_version_is_taken_over() {
        let house = House::new();
        Vault::open(house.home.path()).unwrap().lock().execute("DELETE FROM sealed_under", []).unwrap();
        let file = house.home.path().join(KEY);
        let key = std::fs::read(&file).unwrap();
        // Started without its key it notes no other one: the right one may come back.
        std::fs::rename(&file, house.home.path().join("aside")).unwrap();
        let feeds = Feeds::open(house.home.path()).unwrap();
        assert!(feeds.redeem(house.tokens[0].expose(), Timestamp::UNIX_EPOCH).is_err());
        assert!(rotate(house.home.path()).is_err());
        std::fs::rename(house.home.path().join("aside"), &file).unwrap();
        assert_eq!(rotate(house.home.path()).unwrap().secrets, 10);
        house.all_opens_everywhere();
        assert_ne!(house.key(), key);
    }

    const VICTIM: &str = "EXGATE_TEST_ROTATION";
    const STEP: &str = "EXGATE_TEST_ROTATION_STEP";
}
