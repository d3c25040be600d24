//! Requests and answers as files, for checks against the schema.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Writes `NNNNNN-Operation-request.xml` and `NNNNNN-Operation-response.xml`; an answer that was damaged on purpose is
/// called `.damaged` instead, and the documents of a streaming answer `NNNNNN-Operation-response.stream-MMMM.xml`.
pub(super) struct Recorder {
    directory: PathBuf,
    next: AtomicU64,
}

impl Recorder {
    /// Numbers go on after those already in the directory.
    pub(super) fn open(directory: &Path) -> Result<Self, String> {
        let unusable = |error| format!("record directory {}: {error}", directory.display());
        fs::create_dir_all(directory).map_err(unusable)?;
        let last = fs::read_dir(directory)
            .map_err(unusable)?
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.split('-').next()?.parse::<u64>().ok())
            .max();
        Ok(Self { directory: directory.to_owned(), next: AtomicU64::new(last.unwrap_or(0) + 1) })
    }

    /// Takes the next number and writes the request.
    pub(super) fn request(&self, operation: &str, body: &[u8]) -> Entry {
        let safe = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
        let operation: String = operation.chars().map(safe).collect();
        let entry = Entry { stem: self.directory.join(format!("{:06}-{operation}", self.next.fetch_add(1, Relaxed))) };
        entry.write("-request.xml", body);
        entry
    }
}

/// One exchange of request and answer.
pub(super) struct Entry {
    stem: PathBuf,
}

impl Entry {
    /// Writes an answer that should be valid.
    pub(super) fn response(&self, body: &[u8]) {
        self.write("-response.xml", body);
    }

    /// Writes an answer that a fault made unreadable.
    pub(super) fn damaged(&self, body: &[u8]) {
        self.write("-response.damaged", body);
    }

    /// Writes one document of a streaming answer.
    pub(super) fn streamed(&self, number: usize, body: &[u8]) {
        self.write(&format!("-response.stream-{number:04}.xml"), body);
    }

    /// Under its name a record is whole or not there: the simulator may be killed at any time.
    fn write(&self, ending: &str, body: &[u8]) {
        let mut path = self.stem.clone().into_os_string();
        path.push(ending);
        let mut partial = path.clone();
        partial.push(".partial");
        if let Err(error) = fs::write(&partial, body).and_then(|()| fs::rename(&partial, &path)) {
            tracing::warn!(path = %Path::new(&path).display(), %error, "cannot record");
        }
    }
}
