//! Files of a backup: found, copied whole, and held against their checksums.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A file of a backup.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Copied {
    /// Below the state directory.
    pub(super) name: PathBuf,
    pub(super) octets: u64,
    sha256: String,
}

/// The files below a state directory that belong into a backup.
pub(super) fn below(state: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut ahead = entries(state)?;
    while let Some(name) = ahead.pop() {
        let text = name.to_string_lossy();
        // Bodies can be had again, what is arriving was answered to nobody, and journals are copied with their databases.
        if ["bodies", "spool"].contains(&text.as_ref())
            || text.starts_with('.')
            || LEFT_OUT.iter().any(|end| text.ends_with(end))
        {
            continue;
        }
        let path = state.join(&name);
        match fs::symlink_metadata(&path) {
            Ok(data) if data.is_dir() => ahead.extend(entries(&path)?.into_iter().map(|below| name.join(below))),
            Ok(data) if data.is_file() => found.push(name),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// What is in a directory, by name.
pub(super) fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(PathBuf::from(entry?.file_name()));
    }
    names.sort();
    Ok(names)
}

/// True for a database of SQLite.
pub(super) fn is_database(file: &Path) -> bool {
    let mut head = [0; 16];
    File::open(file).and_then(|mut file| file.read_exact(&mut head)).is_ok() && &head == b"SQLite format 3\0"
}

/// Copies one of them. `None` if it is gone by now, as a message is that was sent.
pub(super) fn copy(from: &Path, to: &Path, name: &Path) -> io::Result<Option<Copied>> {
    let (source, target) = (from.join(name), to.join(name));
    make_parents(&target)?;
    if is_database(&source) {
        copy_database(&source, &target).map_err(io::Error::other)?;
    } else {
        match File::open(&source) {
            Ok(mut opened) => drop(io::copy(&mut opened, &mut create(&target)?)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    File::open(&target)?.sync_all()?;
    let (octets, sha256) = sum(&target)?;
    Ok(Some(Copied { name: name.to_owned(), octets, sha256 }))
}

/// Brings one of them back.
pub(super) fn bring(from: &Path, to: &Path, file: &Copied) -> io::Result<()> {
    let target = to.join(&file.name);
    make_parents(&target)?;
    let mut copy = create(&target)?;
    io::copy(&mut File::open(from.join(&file.name))?, &mut copy)?;
    copy.sync_all()?;
    check(to, file)
}

/// Fails if a file is not what it was when it was copied, or would lie elsewhere.
pub(super) fn check(directory: &Path, file: &Copied) -> io::Result<()> {
    let is_below = file.name.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if !is_below {
        return Err(io::Error::other("it does not lie below the state directory"));
    }
    match sum(&directory.join(&file.name))? == (file.octets, file.sha256.clone()) {
        true => Ok(()),
        false => Err(io::Error::other("it is not what was copied; use another backup")),
    }
}

/// Writes a file whole.
pub(super) fn write(file: &Path, octets: &[u8]) -> io::Result<()> {
    let mut new = create(file)?;
    new.write_all(octets)?;
    new.sync_all()
}

/// Moves entries of one directory into another one on the same disk.
pub(super) fn carry(from: &Path, to: &Path, names: &[PathBuf]) -> io::Result<()> {
    names.iter().try_for_each(|name| fs::rename(from.join(name), to.join(name)))?;
    File::open(to)?.sync_all()
}

/// Takes a directory away. One that is not there is gone.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// As it is at one moment, whoever writes it meanwhile.
fn copy_database(source: &Path, target: &Path) -> rusqlite::Result<()> {
    let from = Connection::open_with_flags(source, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    drop(create(target).map_err(|_| rusqlite::Error::InvalidPath(target.to_owned()))?);
    let mut to = Connection::open(target)?;
    {
        let backup = Backup::new(&from, &mut to)?;
        // In one step it reads one moment, and writers go on beside it.
        while backup.step(-1)? != StepResult::Done {
            std::thread::sleep(BUSY);
        }
    }
    // A single file, without a journal beside it.
    to.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
}

fn make_parents(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(directory) => DirBuilder::new().recursive(true).mode(0o700).create(directory),
        None => Ok(()),
    }
}

/// For its owner's eyes only.
fn create(file: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

fn sum(file: &Path) -> io::Result<(u64, String)> {
    let mut reader = BufReader::new(File::open(file)?);
    let mut sha = Sha256::new();
    let octets = io::copy(&mut reader, &mut sha)?;
    Ok((octets, sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// Ends of names of files that are no part of a backup.
const LEFT_OUT: [&str; 5] = ["-wal", "-shm", "-journal", ".lock", ".part"];
const BUSY: std::time::Duration = std::time::Duration::from_millis(20);
