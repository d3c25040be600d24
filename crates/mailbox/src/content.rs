//! A message's bytes: small ones in memory, large ones on disk, read in pieces either way.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

/// The bytes of one message. Cheap to clone. A file stays readable for as long as a clone exists, even after
/// it was deleted from its folder.
#[derive(Clone)]
pub struct Content(Source);

#[derive(Clone)]
enum Source {
    Memory(Bytes),
    File { file: Arc<File>, start: u64, len: u64 },
    Joined { head: Bytes, tail: Arc<Content> },
}

impl Content {
    /// Bytes in memory.
    #[must_use]
    pub fn memory(bytes: impl Into<Bytes>) -> Self {
        Self(Source::Memory(bytes.into()))
    }

    /// `len` bytes of a file, from `start`. The file is not written to any more.
    #[must_use]
    pub fn file(file: Arc<File>, start: u64, len: u64) -> Self {
        Self(Source::File { file, start, len })
    }

    /// Bytes in memory, and others behind them.
    #[must_use]
    pub fn joined(head: Bytes, tail: Self) -> Self {
        Self(Source::Joined { head, tail: Arc::new(tail) })
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.0 {
            Source::Memory(bytes) => bytes.len() as u64,
            Source::File { len, .. } => *len,
            Source::Joined { head, tail } => head.len() as u64 + tail.len(),
        }
    }

    /// True if there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Up to `most` bytes from `offset`; fewer only at the end.
    ///
    /// # Errors
    /// Those of reading the file, which is local: a page of it is a matter of microseconds, so callers that
    /// read in small pieces need not leave their thread.
    pub fn read(&self, offset: u64, most: usize) -> io::Result<Bytes> {
        let left = self.len().saturating_sub(offset);
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(most);
        match &self.0 {
            Source::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes.slice(from..from + want))
            }
            Source::File { file, start, .. } => {
                let mut piece = vec![0; want];
                file.read_exact_at(&mut piece, start + offset)?;
                Ok(piece.into())
            }
            Source::Joined { head, tail } => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(head.len());
                let first = head.slice(from..head.len().min(from.saturating_add(want)));
                if first.is_empty() {
                    return tail.read(offset.saturating_sub(head.len() as u64), want);
                }
                if first.len() == want {
                    return Ok(first);
                }
                let mut piece = Vec::with_capacity(want);
                piece.extend_from_slice(&first);
                piece.extend_from_slice(&tail.read(0, want - first.len())?);
                Ok(piece.into())
            }
        }
    }

    /// A part of the message, clipped to what there is.
    #[must_use]
    pub fn slice(&self, offset: u64, len: u64) -> Self {
        let offset = offset.min(self.len());
        let len = len.min(self.len() - offset);
        match &self.0 {
            Source::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let to = usize::try_from(offset + len).unwrap_or(usize::MAX);
                Self::memory(bytes.slice(from..to))
            }
            Source::File { file, start, .. } => Self::file(Arc::clone(file), start + offset, len),
            Source::Joined { head, tail } => {
                let of_head = Self::memory(head.clone()).slice(offset, len);
                let rest = tail.slice(offset.saturating_sub(head.len() as u64), len - of_head.len());
                match of_head.0 {
                    Source::Memory(head) if !head.is_empty() => Self::joined(head, rest),
                    _ => rest,
                }
            }
        }
    }

    /// A reader from the first byte to the last.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader { content: self.clone(), offset: 0 }
    }
}

/// Mail must not find its way into a log.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.len())
    }
}

/// Reads a [`Content`] from front to back.
#[derive(Debug)]
pub struct Reader {
    content: Content,
    offset: u64,
}

impl io::Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.content.read(self.offset, buffer.len())?;
        buffer[..piece.len()].copy_from_slice(&piece);
        self.offset += piece.len() as u64;
        Ok(piece.len())
    }
}

/// Takes bytes as they come and gives them back as a [`Content`]: the first ones are held in memory, and from
/// a limit on everything goes to an unnamed temporary file, which the system removes even after a kill -9.
pub struct Spool {
    directory: PathBuf,
    limit: usize,
    memory: Vec<u8>,
    file: Option<File>,
    len: u64,
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spool({} bytes)", self.len)
    }
}

impl Spool {
    /// A spool that holds up to `limit` bytes in memory and puts more into `directory`.
    #[must_use]
    pub fn new(directory: &Path, limit: usize) -> Self {
        Self { directory: directory.to_owned(), limit, memory: Vec::new(), file: None, len: 0 }
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if nothing was taken yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What was taken, whole.
    ///
    /// # Errors
    /// Those of writing the file.
    pub fn finish(self) -> io::Result<Content> {
        Ok(match self.file {
            None => Content::memory(self.memory),
            Some(file) => Content::file(Arc::new(file), 0, self.len),
        })
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.file.is_none() && self.memory.len() + bytes.len() > self.limit {
            let mut file = tempfile::tempfile_in(&self.directory)?;
            file.write_all(&std::mem::take(&mut self.memory))?;
            self.file = Some(file);
        }
        match &mut self.file {
            Some(file) => file.write_all(bytes)?,
            None => self.memory.extend_from_slice(bytes),
        }
        self.len += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn debug_shows_no_mail() {
        let mut spool = Spool::new(&std::env::temp_dir(), 100);
        spool.write_all(b"private").unwrap();
        assert_eq!(format!("{spool:?}"), "Spool(7 bytes)");
        assert_eq!(format!("{:?}", spool.finish().unwrap()), "Content(7 bytes)");
    }

    #[test]
    fn memory_and_file_read_alike() {
        let text: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
        for limit in [10, 1_000_000] {
            let mut spool = Spool::new(&std::env::temp_dir(), limit);
            text.chunks(777).for_each(|piece| spool.write_all(piece).unwrap());
            let content = spool.finish().unwrap();
            assert_eq!(content.len(), 100_000);
            assert_eq!(content.read(99_990, 100).unwrap(), &text[99_990..]);
            assert_eq!(content.read(100_001, 5).unwrap(), &b""[..]);
            assert_eq!(content.slice(10, 20).slice(5, 100).read(0, 100).unwrap(), &text[15..30]);
            let mut read = Vec::new();
            content.reader().read_to_end(&mut read).unwrap();
            assert_eq!(read, text);
        }
    }

    #[test]
    fn joined_reads_as_one() {
        let mut spool = Spool::new(&std::env::temp_dir(), 0);
        spool.write_all(b"0123456789").unwrap();
        let joined = Content::joined(Bytes::from_static(b"abcde"), spool.finish().unwrap().slice(2, 6));
        let text = b"abcde234567";
        assert_eq!(joined.len(), 11);
        for from in 0..=12 {
            for length in 0..=12 {
                let wanted = &text[from.min(11)..(from + length).min(11)];
                assert_eq!(joined.read(from as u64, length).unwrap(), wanted);
                let slice = joined.slice(from as u64, length as u64);
                assert_eq!((slice.len(), slice.read(0, 99).unwrap().as_ref()), (wanted.len() as u64, wanted));
            }
        }
    }
}
