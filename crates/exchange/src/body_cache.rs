//! Messages on disk: one file for each EMAILID of each mailbox, as many as fit, those used last.
//!
//! A file is written under another name and renamed when it is whole. It ends with a seal that tells its length,
//! so that what a power cut left half-written is known for what it is and thrown away. A kill -9 leaves only files
//! in `new/`, which the next start removes.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use mailbox::{Content, EmailId};

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
    files: HashMap<PathBuf, (u64, u64)>,
    order: BTreeMap<u64, PathBuf>,
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
        Ok(())
    }

    /// Where large messages are gathered while they arrive.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join(NEW)
    }

    fn note(&self, path: PathBuf, len: u64, seen: Seen) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let known = used.files.contains_key(&path);
        if known && matches!(seen, Seen::Before) {
            return;
        }
        used.touch(path, len);
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

    fn forget(&self, path: &Path) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }
}

/// When a file came to our notice.
enum Seen {
    Now,
    Before,
}

impl Used {
    fn touch(&mut self, path: PathBuf, len: u64) {
        self.remove(&path);
        self.clock += 1;
        self.bytes += len;
        self.order.insert(self.clock, path.clone());
        self.files.insert(path, (len, self.clock));
    }

    fn remove(&mut self, path: &Path) {
        if let Some((len, at)) = self.files.remove(path) {
            self.bytes -= len;
            self.order.remove(&at);
        }
    }

    fn pop_oldest(&mut self) -> Option<PathBuf> {
        let (_, path) = self.order.pop_first()?;
        if let Some((len, _)) = self.files.remove(&path) {
            self.bytes -= len;
        }
        Some(path)
    }
}

impl Shelf {
    /// A message, if it is here. Blocks for as long as opening and reading a local file takes.
    pub(crate) fn get(&self, id: EmailId) -> Option<Content> {
        let path = self.path(id);
        let file = File::open(&path).ok()?;
        let Some(len) = sealed_length(&file) else {
            tracing::warn!(file = %path.display(), "a cached message is damaged and will be fetched again");
            let _ = fs::remove_file(&path);
            self.cache.forget(&path);
            return None;
        };
        self.cache.note(path, len + SEAL, Seen::Now);
        let content = Content::file(Arc::new(file), 0, len);
        if len > IN_MEMORY {
            return Some(content);
        }
        Some(Content::memory(content.read(0, IN_MEMORY as usize).ok()?))
    }

    /// True if the message is here, without using it.
    pub(crate) fn has(&self, id: EmailId) -> bool {
        self.path(id).exists()
    }

    /// Stores what `write` writes, whole or not at all. Blocks.
    ///
    /// # Errors
    /// Those of `write` and of the disk.
    pub(crate) fn put(
        &self,
        id: EmailId,
        write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<u64>,
    ) -> io::Result<Content> {
        let path = self.path(id);
        let temporary = tempfile::NamedTempFile::new_in(self.cache.scratch())?;
        let mut out = BufWriter::with_capacity(64 * 1024, temporary.as_file());
        let len = write(&mut out)?;
        out.write_all(MAGIC)?;
        out.write_all(&len.to_le_bytes())?;
        out.flush()?;
        drop(out);
        if let Some(bin) = path.parent() {
            fs::create_dir_all(bin)?;
        }
        let file = temporary.persist(&path).map_err(|error| error.error)?;
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

/// The length of the message in a file, if the file is whole.
fn sealed_length(file: &File) -> Option<u64> {
    let len = file.metadata().ok()?.len().checked_sub(SEAL)?;
    let mut seal = [0; SEAL as usize];
    file.read_exact_at(&mut seal, len).ok()?;
    let (magic, told) = seal.split_at(MAGIC.len());
    (magic == MAGIC && told == len.to_le_bytes()).then_some(len)
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
const MAGIC: &[u8; 8] = b"exgate-1";
const SEAL: u64 = 16;
/// Messages up to here are handed out as memory, so that no file stays open for them.
const IN_MEMORY: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn put(shelf: &Shelf, n: u8, bytes: &[u8]) {
        shelf.put(EmailId([n; 16]), |out| out.write_all(bytes).map(|()| bytes.len() as u64)).unwrap();
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
    }

    #[test]
    fn the_one_used_longest_ago_goes_first() {
        let directory = tempfile::tempdir().unwrap();
        let cache = BodyCache::open(directory.path().to_owned(), 250).unwrap();
        let shelf = cache.shelf("anna");
        put(&shelf, 1, &[1; 100]);
        put(&shelf, 2, &[2; 100]);
        assert!(read(&shelf, 1).is_some());
        put(&shelf, 3, &[3; 100]);
        assert_eq!((read(&shelf, 1).is_some(), read(&shelf, 2), read(&shelf, 3).is_some()), (true, None, true));
    }

    #[test]
    fn halves_are_thrown_away() {
        let directory = tempfile::tempdir().unwrap();
        let cache = BodyCache::open(directory.path().to_owned(), 1 << 20).unwrap();
        let shelf = cache.shelf("anna");
        put(&shelf, 1, b"whole");
        let path = shelf.path(EmailId([1; 16]));
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(10).unwrap();
        assert_eq!(read(&shelf, 1), None);
        assert!(!path.exists());
        let failed = shelf.put(EmailId([2; 16]), |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("cut"))
        });
        assert!(failed.is_err());
        assert_eq!(read(&shelf, 2), None);
        assert_eq!(fs::read_dir(cache.scratch()).unwrap().count(), 0);
    }
}
