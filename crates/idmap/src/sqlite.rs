//! The map in one SQLite file per mailbox.
//!
//! WAL with synchronous=FULL: what was answered is on disk. Writes go one after the other and share commits; reads see
//! the last commit and wait for nobody. Nothing is kept in memory between calls, so that several processes may use one
//! file and a killed one leaves nothing behind.

use std::path::Path;

use crate::{Error, Mailbox, Result};

mod file;
mod pool;
mod restored;
#[cfg(test)]
mod tests;

pub(crate) use file::check;
#[cfg(test)]
pub(crate) use file::open_writer;
pub(crate) use pool::Pool;
pub use restored::restored;

/// Opens the map of the mailbox `name` in `directory`, or makes an empty one. Both are readable by us alone.
///
/// # Errors
/// `Unusable` if the file is damaged, foreign, or from a newer version; it is left as it is. `Store` if it cannot be
/// opened or made.
pub async fn open(directory: &Path, name: &str) -> Result<Mailbox> {
    let (file, name) = (file::path(directory, name), name.to_owned());
    let open = move || Pool::open(file, &name);
    let pool = tokio::task::spawn_blocking(open).await.map_err(|_| Error::Closed)??;
    Ok(Mailbox::in_file(pool))
}

/// The names of all mailboxes whose maps are in `directory`, ascending. Each file is looked into; of what is no map,
/// nothing is said.
///
/// # Errors
/// `Store` if the directory cannot be read.
pub async fn all(directory: &Path) -> Result<Vec<String>> {
    let directory = directory.to_owned();
    tokio::task::spawn_blocking(move || file::names(&directory)).await.map_err(|_| Error::Closed)?
}

/// The same of those that have messages Exchange cannot give.
///
/// # Errors
/// `Store` if the directory cannot be read.
pub async fn troubled(directory: &Path) -> Result<Vec<String>> {
    let directory = directory.to_owned();
    tokio::task::spawn_blocking(move || file::troubled(&directory)).await.map_err(|_| Error::Closed)?
}

/// True if [`open`] would find a map there, and not make one.
#[must_use]
pub fn exists(directory: &Path, name: &str) -> bool {
    file::path(directory, name).exists()
}
