//! What people and programs write, read: protocols, networks, moments.

use accounts::IpNet;
use jiff::{SignedDuration, Timestamp};
use mailbox::{Scope, Scopes};

use crate::problem::Problem;

/// Protocols by their names.
pub(crate) fn scopes<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Scopes, Problem> {
    words.into_iter().try_fold(Scopes::NONE, |scopes, word| match Scope::named(word) {
        Some(scope) => Ok(scopes.with(scope, true)),
        None => Err(Problem::bad(format!("`{word}` is none of mail, submit, calendar, contacts, directory"))),
    })
}

/// Networks; a single address is one of its own.
pub(crate) fn networks<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Vec<IpNet>, Problem> {
    let network = |word: &str| {
        let read = word.parse().or_else(|_| word.parse().map(|address: std::net::IpAddr| address.into()));
        read.map_err(|_| Problem::bad(format!("`{word}` is no network; write it such as 192.0.2.0/24")))
    };
    words.into_iter().map(network).collect()
}

/// The end of so many days from now on.
pub(crate) fn in_days(text: &str, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let wrong = || Problem::bad(format!("`{text}` are no days; write a number such as 90"));
    let days = text.trim().parse::<u32>().map_err(|_| wrong())?;
    let span = SignedDuration::from_hours(i64::from(days) * 24);
    now.checked_add(span).map(Some).map_err(|_| wrong())
}

/// A name for something: not empty, not long, nothing that cannot be shown.
pub(crate) fn name(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    match text.is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        true => Err(Problem::bad("A name has 1 to 100 characters, and no control characters")),
        false => Ok(text.to_owned()),
    }
}

/// Characters of a name.
const LONGEST: usize = 100;
