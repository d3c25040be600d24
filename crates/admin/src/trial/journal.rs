//! The journal of one job: lines of JSON, each on disk before what it tells of counts.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Order;
use crate::house::Outcome;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    /// What is to be done, and who wants it.
    Begin { at: Timestamp, by: String, order: Order },
    /// What was found of one mailbox.
    Result { address: String, outcome: Outcome },
    /// It is not to go on.
    Stop,
}

/// Where the lines of a job are.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    pub(super) id: u64,
    file: PathBuf,
}

impl Journal {
    pub(super) fn of(directory: &Path, id: u64) -> Self {
        Self { id, file: directory.join(format!("{id}.jsonl")) }
    }

    /// Adds a line; it is on disk when this returns.
    pub(super) async fn write(self, line: Line) -> io::Result<()> {
        let done = tokio::task::spawn_blocking(move || {
            let mut text = serde_json::to_vec(&line)?;
            text.push(b'\n');
            let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.file)?;
            file.write_all(&text)?;
            file.sync_data()
        });
        done.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// All lines that are whole. What a crash has cut off is taken away, so that the next line begins where it should.
    fn read(&self) -> io::Result<Vec<Line>> {
        let mut text = Vec::new();
        File::open(&self.file)?.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            OpenOptions::new().write(true).open(&self.file)?.set_len(whole as u64)?;
            text.truncate(whole);
        }
        Ok(text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }
}

/// The newest journals of a directory, by number; older ones are deleted. Makes the directory if it is not there.
pub(super) fn all(directory: &Path, kept: usize) -> io::Result<Vec<(Journal, Vec<Line>)>> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        ids.extend(name.to_str().and_then(|name| name.strip_suffix(".jsonl")?.parse::<u64>().ok()));
    }
    ids.sort_unstable();
    let old = ids.len().saturating_sub(kept);
    for id in ids.drain(..old) {
        std::fs::remove_file(Journal::of(directory, id).file)?;
    }
    ids.into_iter().map(|id| Journal::of(directory, id)).map(|journal| Ok((journal.clone(), journal.read()?))).collect()
}
