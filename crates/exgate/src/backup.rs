//! `exgate backup` and `exgate restore`: what must survive, copied while the gateway runs, and brought back.
//!
//! A backup is a directory with the files as they lie below `state`, and a list of them with their checksums, which is written
//! last: without it there is no backup. Databases are copied as they were at one moment each. Nothing is opened that is sealed.

mod files;

use std::path::{Path, PathBuf};

use exchange::SPOOL;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spool::Spool;

use crate::config::{Config, StoreKind};
use crate::gateway::{make_private, say};
use crate::{Failure, backup::files::Copied};

/// The list of what is in a backup.
#[derive(Debug, Serialize, Deserialize)]
struct List {
    /// The version of the program that made it.
    version: String,
    made: String,
    files: Vec<Copied>,
}

/// Copies what is below the state directory.
pub(crate) fn back_up(config: &Config, directory: &Path) -> Result<(), Failure> {
    if directory.exists() {
        return Err(Failure::mistake(format!(
            "{} is there already; name a directory that is not",
            directory.display()
        )));
    }
    let state = &config.state;
    if !state.is_dir() {
        return Err(Failure::mistake(format!("state: there is nothing in {}", state.display())));
    }
    make_private(directory)?;
    // So that the key that is copied is the one the database was sealed under.
    let _held = accounts::hold_keys(state).map_err(|error| Failure::new(error.to_string()))?;
    // Databases first: a file that comes later is one nobody knows of yet, which does no harm.
    let mut found = files::below(state).map_err(trouble)?;
    found.sort_by_key(|file| (!files::is_database(&state.join(file)), file.clone()));
    let mut copied = Vec::new();
    for file in found {
        copied.extend(files::copy(state, directory, &file).map_err(|error| in_file(&state.join(&file), error))?);
    }
    let (count, octets) = (copied.len(), copied.iter().map(|file| file.octets).sum::<u64>());
    let list =
        List { version: env!("CARGO_PKG_VERSION").to_owned(), made: Timestamp::now().to_string(), files: copied };
    let text = serde_json::to_vec_pretty(&list).map_err(|error| Failure::new(error.to_string()))?;
    files::write(&directory.join(LIST), &text).map_err(|error| in_file(&directory.join(LIST), error))?;
    say(&format!(
        "{count} files, {octets} octets, are in {}; keep them as safe as {}",
        directory.display(),
        state.display()
    ))?;
    match config.store.kind {
        StoreKind::Sqlite => Ok(()),
        StoreKind::Postgres => say(DATABASE),
    }
}

/// Brings it back.
pub(crate) fn restore(config: &Config, directory: &Path, force: bool) -> Result<(), Failure> {
    let list = read_list(directory)?;
    // All of it is looked at before anything is touched.
    for file in &list.files {
        files::check(directory, file).map_err(|error| in_file(&directory.join(&file.name), error))?;
    }
    let state = &config.state;
    make_private(state)?;
    let is_set_aside = |name: &PathBuf| name.starts_with(COMING) || name.to_string_lossy().starts_with(ASIDE);
    let mut there = files::entries(state).map_err(trouble)?;
    there.retain(|name| !is_set_aside(name));
    if !there.is_empty() && !force {
        let sentence = "holds state already; stop the gateway, and say --force to have that moved aside";
        return Err(Failure::mistake(format!("{} {sentence}", state.display())));
    }
    let _alone = alone(state)?;
    let coming = state.join(COMING);
    files::remove(&coming).map_err(trouble)?;
    make_private(&coming)?;
    for file in &list.files {
        files::bring(directory, &coming, file).map_err(|error| in_file(&coming.join(&file.name), error))?;
    }
    go_on_safely(&coming, &list)?;
    let aside = state.join(format!("{ASIDE}{}", Timestamp::now().as_millisecond()));
    if !there.is_empty() {
        make_private(&aside)?;
        files::carry(state, &aside, &there).map_err(trouble)?;
        say(&format!("what was in {} is in {}", state.display(), aside.display()))?;
    }
    files::carry(&coming, state, &files::entries(&coming).map_err(trouble)?).map_err(trouble)?;
    files::remove(&coming).map_err(trouble)?;
    say(&format!("{} files of {} are back in {}", list.files.len(), list.made, state.display()))?;
    say("messages keep their UIDs; clients look at all folders anew, and calendars are read again")
}

/// A backup is older than what clients have seen, and than what was sent.
fn go_on_safely(coming: &Path, list: &List) -> Result<(), Failure> {
    for map in list.files.iter().filter(|file| file.name.extension().is_some_and(|end| end == "idmap")) {
        idmap::sqlite::restored(&coming.join(&map.name)).map_err(|error| Failure::new(error.to_string()))?;
    }
    if coming.join(SPOOL).is_dir() {
        let spool = Spool::open(&coming.join(SPOOL)).map_err(|error| Failure::new(error.to_string()))?;
        spool.restored().map_err(|error| Failure::new(error.to_string()))?;
    }
    Ok(())
}

/// Fails if a gateway runs with this state; while the answer is held, none sends from it.
pub(crate) fn alone(state: &Path) -> Result<Option<Spool>, Failure> {
    if !state.join(SPOOL).is_dir() {
        return Ok(None);
    }
    let spool = Spool::open(&state.join(SPOOL)).map_err(|error| Failure::new(error.to_string()))?;
    match spool.lead(Timestamp::now()).map_err(|error| Failure::new(error.to_string()))? {
        true => Ok(Some(spool)),
        false => Err(Failure::new(format!("a gateway runs with {}; stop it first", state.display()))),
    }
}

fn read_list(directory: &Path) -> Result<List, Failure> {
    let file = directory.join(LIST);
    let text = std::fs::read(&file).map_err(|error| {
        Failure::mistake(format!("{} cannot be read: {error}; is it a whole backup?", file.display()))
    })?;
    serde_json::from_slice(&text).map_err(|error| Failure::mistake(format!("{} is damaged: {error}", file.display())))
}

fn trouble(error: std::io::Error) -> Failure {
    Failure::new(error.to_string())
}

fn in_file(file: &Path, error: std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", file.display()))
}

const LIST: &str = "backup.json";
/// Where the files are put together, within the state directory.
const COMING: &str = ".coming-back";
/// Where state goes that was there, followed by the time.
const ASIDE: &str = ".before-";
const DATABASE: &str = "the database (store.url) is not among them: pg_dump --format=custom --file=exgate.dump URL, pg_restore --dbname=URL exgate.dump";
