//! A rotation, killed at each step; keys that lie in clear, or under another one.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use mailbox::{Credentials, Secret};

use super::*;
use crate::{Detail, Feeds, Grants, NewFeed, OuterKey, Token};

/// Feeds and grants, as a gateway has them open all the while.
struct House {
    home: tempfile::TempDir,
    safe: Safe,
    feeds: Feeds,
    grants: Grants,
    tokens: Vec<Token>,
}

impl House {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let safe = Safe::at(home.path());
        let (feeds, grants) = (Feeds::open(&safe).unwrap(), Grants::open(&safe).unwrap());
        let mut house = Self { home, safe, feeds, grants, tokens: Vec::new() };
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
        self.all_opens_with(&self.safe);
    }

    /// For a gateway that starts now, and is given these keys.
    fn all_opens_with(&self, safe: &Safe) {
        self.all_opens(&Feeds::open(safe).unwrap(), &Grants::open(safe).unwrap());
    }

    /// This house, for somebody who is given these keys: the one from now on, and a former one.
    fn given(&self, outer: [Option<&str>; 2]) -> Safe {
        let [now, old] = outer.map(|text| text.map(|text| OuterKey::parse(text).unwrap()));
        Safe::at(self.home.path()).under(now, old)
    }

    /// A gateway that starts anew with this key from elsewhere, and takes it up if it is not in use yet.
    fn move_to(&mut self, outer: Option<&str>) {
        self.safe = self.given([outer, None]);
        take_over(&self.safe).unwrap();
        (self.feeds, self.grants) = (Feeds::open(&self.safe).unwrap(), Grants::open(&self.safe).unwrap());
    }

    fn key(&self) -> Vec<u8> {
        std::fs::read(self.safe.key_file()).unwrap()
    }

    fn sealed(&self) -> Vec<Vec<u8>> {
        let vault = Vault::open(&self.safe).unwrap();
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
    assert_eq!(rotate(&house.safe).unwrap(), Rotated { secrets: 10, wiped: true });
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
    assert_eq!(rotate(&house.safe).unwrap().secrets, 12);
    house.add(6);
    house.all_opens_everywhere();
}

#[test]
fn killed_at_any_step_everything_opens_and_the_next_rotation_goes_on() {
    for killed_at in STEPS {
        let mut house = House::new();
        let before = house.key();
        kill(&house.safe, [None, None], killed_at);
        let next = house.safe.next_file();
        let left = std::fs::read(&next).ok();
        assert_eq!(left.is_some(), ![Reached::Begun, Reached::InPlace].contains(&killed_at), "{killed_at:?}");
        house.all_opens_everywhere();
        house.add(5);
        house.all_opens_everywhere();
        assert_eq!(rotate(&house.safe).unwrap(), Rotated { secrets: 12, wiped: true }, "{killed_at:?}");
        house.all_opens_everywhere();
        assert!(house.key() != before && Some(house.key()) != left && !next.exists(), "{killed_at:?}");
    }
}

/// Runs a rotation in another process, with these keys from elsewhere, and kills that at this step.
fn kill(safe: &Safe, outer: [Option<&str>; 2], step: Reached) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "rotation::tests::rotates_until_it_is_killed", "--nocapture", "--test-threads=1"])
        .env(VICTIM, safe.directory())
        .env(OUTER, outer.map(Option::unwrap_or_default).join(" "))
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
    let outer = std::env::var(OUTER).unwrap();
    let (now, old) = outer.split_once(' ').unwrap();
    let safe = Safe::at(Path::new(&directory)).under(OuterKey::parse(now), OuterKey::parse(old));
    let done = rotate_through(&safe, &mut |reached| {
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
    let safe = house.safe.clone();
    let rotations = std::thread::spawn(move || {
        for _ in 0..20 {
            rotate(&safe).unwrap();
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
    rotate(&house.safe).unwrap();
    drop(copy);
}

#[test]
fn while_keys_are_held_or_a_secret_does_not_open_nothing_changes() {
    let house = House::new();
    let key = house.key();
    let held = hold_keys(house.home.path()).unwrap();
    let sentence = rotate(&house.safe).unwrap_err().to_string();
    assert!(sentence.contains("a backup or another rotation is under way"), "{sentence}");
    drop(held);
    let vault = Vault::open(&house.safe).unwrap();
    vault.lock().execute("UPDATE feed SET user = 'bert' WHERE id = 3", []).unwrap();
    let sentence = rotate(&house.safe).unwrap_err().to_string();
    assert!(sentence.contains("feed 3 of bert does not open; revoke it with `exgate feed revoke`"), "{sentence}");
    vault.lock().execute("UPDATE feed SET user = 'anna' WHERE id = 3", []).unwrap();
    assert_eq!(house.key(), key);
    house.all_opens_everywhere();
}

#[test]
fn a_state_of_an_earlier_version_is_taken_over() {
    let house = House::new();
    Vault::open(&house.safe).unwrap().lock().execute("DELETE FROM sealed_under", []).unwrap();
    let file = house.safe.key_file();
    let key = std::fs::read(&file).unwrap();
    // Started without its key it notes no other one: the right one may come back.
    std::fs::rename(&file, house.home.path().join("aside")).unwrap();
    let feeds = Feeds::open(&house.safe).unwrap();
    assert!(feeds.redeem(house.tokens[0].expose(), Timestamp::UNIX_EPOCH).is_err());
    assert!(rotate(&house.safe).is_err());
    std::fs::rename(house.home.path().join("aside"), &file).unwrap();
    assert_eq!(rotate(&house.safe).unwrap().secrets, 10);
    house.all_opens_everywhere();
    assert_ne!(house.key(), key);
}

/// Each way the key may have lain, and is to lie from now on.
#[test]
fn killed_while_the_key_is_taken_over_everything_opens_and_the_next_start_goes_on() {
    for (before, after) in [(None, Some(ONE)), (Some(ONE), Some(TWO)), (Some(TWO), None)] {
        for killed_at in STEPS {
            let mut house = House::new();
            house.move_to(before);
            let lay = house.key();
            kill(&house.safe, [after, before], killed_at);
            let given = house.given([after, before]);
            house.all_opens_with(&given);
            let done = take_over(&given).unwrap();
            let is_done = killed_at == Reached::InPlace;
            assert_eq!(done, (!is_done).then_some(Rotated { secrets: 10, wiped: true }), "{killed_at:?}");
            assert_eq!(take_over(&given).unwrap(), None);
            // The former key is not needed any more, and lies nowhere.
            house.move_to(after);
            house.all_opens_with(&house.safe);
            house.add(5);
            for file in house.files() {
                let octets = std::fs::read(&file).unwrap();
                assert!(!octets.windows(lay.len()).any(|window| window == lay), "{}", file.display());
            }
            assert_eq!(rotate(&house.safe).unwrap().secrets, 12);
            house.all_opens_everywhere();
        }
    }
}

#[test]
fn without_the_key_from_elsewhere_nothing_opens_and_a_sentence_says_what_to_do() {
    let mut house = House::new();
    house.move_to(Some(ONE));
    let stolen = Safe::at(house.home.path());
    let other = house.given([Some(TWO), None]);
    for (safe, words) in [
        (&stolen, "accounts.key: is sealed under a key that is kept elsewhere; name that key in [accounts]"),
        (&other, "accounts.key: is sealed under another key than the one named in [accounts]; name the right one"),
    ] {
        for sentence in [
            safe.check().unwrap_err().to_string(),
            Feeds::open(safe).unwrap_err().to_string(),
            take_over(safe).unwrap_err().to_string(),
        ] {
            assert!(sentence.contains(words), "{sentence}");
        }
    }
    let whole = house.key();
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(house.safe.key_file(), damaged).unwrap();
    let sentence = house.safe.check().unwrap_err().to_string();
    assert!(sentence.ends_with("accounts.key: is damaged; put it back from a backup"), "{sentence}");
    std::fs::write(house.safe.key_file(), whole).unwrap();
    house.all_opens_everywhere();
}

#[test]
fn a_key_from_elsewhere_is_32_octets_in_base64() {
    assert_eq!(OuterKey::parse(ONE), OuterKey::parse(ONE));
    assert_ne!(OuterKey::parse(ONE), OuterKey::parse(TWO));
    for text in ["", "open sesame", &ONE[..40], &format!("{ONE}\n"), &ONE.repeat(2)] {
        assert_eq!(OuterKey::parse(text), None, "{text}");
    }
    assert!(!format!("{:?}", OuterKey::parse(ONE)).contains(&ONE[..4]));
}

const STEPS: [Reached; 5] =
    [Reached::Begun, Reached::NewKeyOnDisk, Reached::Resealed, Reached::Wiped, Reached::InPlace];
const ONE: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const TWO: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
const OUTER: &str = "EXGATE_TEST_OUTER_KEYS";
const VICTIM: &str = "EXGATE_TEST_ROTATION";
const STEP: &str = "EXGATE_TEST_ROTATION_STEP";
