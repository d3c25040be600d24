//! Messages on disk: one file for each EMAILID of each mailbox, as many as fit, those used last.
//!
//! A file is written under another name and renamed when it is whole. It ends with a seal that tells its length and
//! its checksum, and is held against it when it is first used in a run: disks write in any order, so that a power cut
//! may leave a file with its end and without its middle. That costs less than to wait for the disk each time. A kill
//! -9 leaves only files in `new/`, which the next start removes.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use mailbox::{Content, EmailId};
use sha2::{Digest, Sha256};

use crate::status::CacheStatus;

/// The cache of all mailboxes. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct BodyCache {
    root: Arc<PathBuf>,
    limit: u64,
    used: Arc<Mutex<Used>>,
}

/// One mailbox's part of the cache.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    cache: BodyCache,
    name: Arc<str>,
}

/// What lies on disk, by when it was used.
#[derive(Debug, Default)]
struct Used {
    bytes: u64,
    clock: u64,
    files: HashMap<PathBuf, Kept>,
    order: BTreeMap<u64, PathBuf>,
    /// What earlier runs left is among them.
    is_counted: bool,
    hits: u64,
    misses: u64,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    len: u64,
    /// Its place in the order.
    at: u64,
    seen: Seen,
}

impl BodyCache {
    /// A cache in this directory. What an earlier run left there counts from when [`BodyCache::recount`] is done.
    ///
    /// # Errors
    /// If the directory cannot be made or written.
    pub(crate) fn open(root: PathBuf, limit: u64) -> io::Result<Self> {
        let new = root.join(NEW);
        if new.exists() {
            fs::remove_dir_all(&new)?;
        }
        fs::create_dir_all(&new)?;
        Ok(Self { root: Arc::new(root), limit, used: Arc::default() })
    }

    /// The part of one mailbox, by a name that can be a file name.
    pub(crate) fn shelf(&self, name: &str) -> Shelf {
        Shelf { cache: self.clone(), name: name.into() }
    }

    /// Looks through the directory, oldest files first, and removes what is too much. Blocks.
    pub(crate) fn recount(&self) -> io::Result<()> {
        let mut found: Vec<(SystemTime, PathBuf, u64)> = Vec::new();
        for shelf in subdirectories(&self.root)? {
            for bin in subdirectories(&shelf)? {
                for entry in fs::read_dir(bin)? {
                    let entry = entry?;
                    let facts = entry.metadata()?;
                    found.push((facts.modified().unwrap_or(SystemTime::UNIX_EPOCH), entry.path(), facts.len()));
                }
            }
        }
        found.sort_unstable();
        for (_, path, len) in found {
            self.note(path, len, Seen::Before);
        }
        self.used.lock().unwrap_or_else(PoisonError::into_inner).is_counted = true;
        Ok(())
    }

    /// Where large messages are gathered while they arrive.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join(NEW)
    }

    fn note(&self, path: PathBuf, len: u64, seen: Seen) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let known = used.files.contains_key(&path);
        if known && seen == Seen::Before {
            return;
        }
        used.touch(path, len, seen);
        let mut doomed = Vec::new();
        while used.bytes > self.limit && used.order.len() > 1 {
            doomed.extend(used.pop_oldest());
        }
        drop(used);
        for path in doomed {
            // Readers that have it open keep it; if it cannot be removed the next start counts it again.
            let _ = fs::remove_file(path);
        }
    }

    /// What it holds, and how often what was asked for was there.
    pub(crate) fn status(&self) -> CacheStatus {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        CacheStatus { bytes: used.bytes, messages: used.files.len(), hits: used.hits, misses: used.misses }
    }

    /// When the file was seen last; `None` if there certainly is none. Without a look at the disk.
    fn seen(&self, path: &Path) -> Option<Seen> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let not_counted = (!used.is_counted).then_some(Seen::Before);
        used.files.get(path).map(|kept| kept.seen).or(not_counted)
    }

    /// True if this run has written the file, or held it against its seal.
    fn is_sound(&self, path: &Path) -> bool {
        self.seen(path) == Some(Seen::Now)
    }

    fn forget(&self, path: &Path) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }
}

/// When a file was written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// In this run.
    Now,
    /// In an earlier one.
    Before,
}

impl Used {
    fn touch(&mut self, path: PathBuf, len: u64, seen: Seen) {
        self.remove(&path);
        self.clock += 1;
        self.bytes += len;
        self.order.insert(self.clock, path.clone());
        self.files.insert(path, Kept { len, at: self.clock, seen });
    }

    fn remove(&mut self, path: &Path) {
        if let Some(Kept { len, at, .. }) = self.files.remove(path) {
            self.bytes -= len;
            self.order.remove(&at);
        }
    }

    fn pop_oldest(&mut self) -> Option<PathBuf> {
        let (_, path) = self.order.pop_first()?;
        if let Some(Kept { len, .. }) = self.files.remove(&path) {
            self.bytes -= len;
        }
        Some(path)
    }
}

impl Shelf {
    /// A message, if it is here. Blocks for as long as opening and reading a local file takes.
    pub(crate) fn get(&self, id: EmailId) -> Option<Content> {
        let path = self.path(id);
        let found = self.cache.seen(&path).and_then(|seen| self.read(path, seen == Seen::Now));
        let mut used = self.cache.used.lock().unwrap_or_else(PoisonError::into_inner);
        match &found {
            Some(_) => used.hits += 1,
            None => used.misses += 1,
        }
        found
    }

    /// The same, if it is known to be whole: then this takes no longer than a page of a file does.
    pub(crate) fn get_sound(&self, id: EmailId) -> Option<Content> {
        let path = self.path(id);
        self.cache.is_sound(&path).then(|| self.read(path, true))?
    }

    fn read(&self, path: PathBuf, is_sound: bool) -> Option<Content> {
        let file = Arc::new(File::open(&path).ok()?);
        let Some(content) = unsealed(file, is_sound) else {
            tracing::warn!(file = %path.display(), "a cached message is damaged and will be fetched again");
            let _ = fs::remove_file(&path);
            self.cache.forget(&path);
            return None;
        };
        self.cache.note(path, content.len() + SEAL, Seen::Now);
        if content.len() > IN_MEMORY {
            return Some(content);
        }
        Some(Content::memory(content.read(0, IN_MEMORY as usize).ok()?))
    }

    /// True if it is known to be here, and whole.
    pub(crate) fn is_sound(&self, id: EmailId) -> bool {
        self.cache.is_sound(&self.path(id))
    }

    /// True if what is fetched before it is asked for does not drive out what is.
    pub(crate) fn is_roomy(&self) -> bool {
        self.cache.limit >= ROOMY
    }

    /// True if another message drives out no other one.
    pub(crate) fn has_room(&self) -> bool {
        let used = self.cache.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.bytes < self.cache.limit / 10 * 9
    }

    /// True if the message is here, without using it.
    pub(crate) fn has(&self, id: EmailId) -> bool {
        let path = self.path(id);
        self.cache.seen(&path).is_some() && path.exists()
    }

    /// Stores what `write` writes, whole or not at all. Blocks.
    ///
    /// # Errors
    /// Those of `write` and of the disk.
    pub(crate) fn put(
        &self,
        id: EmailId,
        write: impl FnOnce(&mut Sealing<'_>) -> io::Result<()>,
    ) -> io::Result<Content> {
        let path = self.path(id);
        let temporary = tempfile::NamedTempFile::new_in(self.cache.scratch())?;
        let mut out = Sealing::new(temporary.as_file());
        write(&mut out)?;
        let len = out.seal()?;
        let file = match temporary.persist(&path) {
            Err(failed) if failed.error.kind() == io::ErrorKind::NotFound => {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                failed.file.persist(&path)
            }
            persisted => persisted,
        };
        let file = file.map_err(|failed| failed.error)?;
        self.cache.note(path, len + SEAL, Seen::Now);
        Ok(Content::file(Arc::new(file), 0, len))
    }

    /// Where large messages are gathered while they arrive.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.cache.scratch()
    }

    fn path(&self, id: EmailId) -> PathBuf {
        let name = id.to_string();
        let bin = name.get(1..3).unwrap_or("00");
        self.cache.root.join(self.name.as_ref()).join(bin).join(&name)
    }
}

/// Takes a message on its way into a file.
pub(crate) struct Sealing<'a> {
    out: BufWriter<&'a File>,
    len: u64,
    sum: Sha256,
}

impl<'a> Sealing<'a> {
    fn new(file: &'a File) -> Self {
        Self { out: BufWriter::with_capacity(64 * 1024, file), len: 0, sum: Sha256::new() }
    }

    /// Writes the seal. Answers the message's length.
    fn seal(mut self) -> io::Result<u64> {
        self.out.write_all(&seal(self.len, self.sum))?;
        self.out.flush()?;
        Ok(self.len)
    }
}

impl Write for Sealing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.len += written as u64;
        self.sum.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The message in a file, if the file is whole. One that `is_sound` already is not read again.
fn unsealed(file: Arc<File>, is_sound: bool) -> Option<Content> {
    let len = file.metadata().ok()?.len().checked_sub(SEAL)?;
    let content = Content::file(Arc::clone(&file), 0, len);
    if !is_sound {
        let mut found = [0; SEAL as usize];
        file.read_exact_at(&mut found, len).ok()?;
        let mut sum = Sha256::new();
        io::copy(&mut io::BufReader::with_capacity(64 * 1024, content.reader()), &mut sum).ok()?;
        (found == seal(len, sum)).then_some(())?;
    }
    Some(content)
}

/// `exgate-2`, the length, and the first half of the checksum.
fn seal(len: u64, sum: Sha256) -> [u8; SEAL as usize] {
    let mut seal = [0; SEAL as usize];
    let parts = MAGIC.iter().copied().chain(len.to_le_bytes()).chain(sum.finalize());
    seal.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
    seal
}

fn subdirectories(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && entry.file_name() != NEW {
            found.push(entry.path());
        }
    }
    Ok(found)
}

const NEW: &str = "new";
const MAGIC: &[u8; 8] = b"exgate-2";
const SEAL: u64 = 32;
/// With less than that, everything kept is soon driven out.
const ROOMY: u64 = 128 << 20;
/// Messages up to here are handed out as memory, so that no file stays open for them.
const IN_MEMORY: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn put(shelf: &Shelf, n: u8, bytes: &[u8]) {
        shelf.put(EmailId([n; 16]), |out| out.write_all(bytes)).unwrap();
    }

    fn read(shelf: &Shelf, n: u8) -> Option<Vec<u8>> {
        shelf.get(EmailId([n; 16])).map(|content| content.read(0, usize::MAX).unwrap().to_vec())
    }

    #[test]
    fn what_is_put_is_got_also_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let cache = BodyCache::open(directory.path().join("b"), 1 << 20).unwrap();
        put(&cache.shelf("anna"), 1, b"hello");
        put(&cache.shelf("anna"), 2, &vec![7; 100_000]);
        assert_eq!(read(&cache.shelf("anna"), 1).unwrap(), b"hello");
        assert_eq!(read(&cache.shelf("ben"), 1), None);
        let cache = BodyCache::open(directory.path().join("b"), 1 << 20).unwrap();
        cache.recount().unwrap();
        assert_eq!(read(&cache.shelf("anna"), 2).unwrap(), vec![7; 100_000]);
        assert_eq!(cache.used.lock().unwrap().bytes, 100_005 + 2 * SEAL);
        put(&cache.shelf("anna"), 3, b"later");
        assert_eq!(
            (read(&cache.shelf("anna"), 3).unwrap().as_slice(), read(&cache.shelf("anna"), 4)),
            (&b"later"[..], None)
        );
        assert_eq!([3, 4].map(|n| cache.shelf("anna").has(EmailId([n; 16]))), [true, false]);
    }

    #[test]
    fn the_one_used_longest_ago_goes_first() {
        let directory = tempfile::tempdir().unwrap();
        let cache = BodyCache::open(directory.path().to_owned(), 2 * (100 + SEAL)).unwrap();
        let shelf = cache.shelf("anna");
        put(&shelf, 1, &[1; 100]);
        put(&shelf, 2, &[2; 100]);
        assert!(read(&shelf, 1).is_some());
        put(&shelf, 3, &[3; 100]);
        assert_eq!((read(&shelf, 1).is_some(), read(&shelf, 2), read(&shelf, 3).is_some()), (true, None, true));
    }

    #[test]
    fn a_hole_is_found_in_the_next_run() {
        let directory = tempfile::tempdir().unwrap();
        let open = || BodyCache::open(directory.path().to_owned(), 1 << 20).unwrap();
        let shelf = open().shelf("anna");
        for n in [1, 2] {
            put(&shelf, n, &vec![7; 100_000]);
        }
        let path = shelf.path(EmailId([1; 16]));
        fs::OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&[0; 4096], 8192).unwrap();
        let cache = open();
        cache.recount().unwrap();
        assert_eq!(read(&cache.shelf("anna"), 1), None);
        assert_eq!(read(&cache.shelf("anna"), 2).unwrap(), vec![7; 100_000]);
    }

    #[test]
    fn halves_are_thrown_away() {
        let directory = tempfile::tempdir().unwrap();
        let cache = BodyCache::open(directory.path().to_owned(), 1 << 20).unwrap();
        let shelf = cache.shelf("anna");
        for len in [10, 36] {
            put(&shelf, 1, b"whole");
            let path = shelf.path(EmailId([1; 16]));
            fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(len).unwrap();
            let shelf = BodyCache::open(directory.path().to_owned(), 1 << 20).unwrap().shelf("anna");
            assert_eq!(read(&shelf, 1), None);
            assert!(!path.exists());
        }
        let failed = shelf.put(EmailId([2; 16]), |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("cut"))
        });
        assert!(failed.is_err());
        assert_eq!(read(&shelf, 2), None);
        assert_eq!(fs::read_dir(cache.scratch()).unwrap().count(), 0);
    }
}
