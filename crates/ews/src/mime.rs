use std::fmt;
use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::types::{Item, ItemId};
use crate::{Error, ItemError};

/// Takes messages as they arrive. Each asked-for item gets either `start`, `data`..., `end`, or at any point `failed`.
/// If a connection breaks off in the middle of one, it is started once more, and what came of it before is void.
pub trait MimeSink: Send {
    /// The MIME of the item asked for at `index` begins.
    fn start(&mut self, index: usize, id: &ItemId) -> impl Future<Output = io::Result<()>> + Send;

    /// The next bytes of it, decoded.
    fn data(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> + Send;

    /// All of it has come, whole and valid; `item` has the other properties asked for, the change key among them.
    fn end(&mut self, index: usize, item: Item) -> impl Future<Output = io::Result<()>> + Send;

    /// There is none, or what came of it must be thrown away.
    fn failed(&mut self, index: usize, error: MimeError) -> impl Future<Output = io::Result<()>> + Send;
}

/// Why one message did not come.
#[derive(Clone, Debug)]
pub enum MimeError {
    /// Exchange said so.
    Refused(ItemError),
    /// It came, but is not base64: ask for this one alone, then rebuild it from properties.
    BadBase64,
    /// Exchange called it a success but sent no MIME.
    Missing,
    /// The answer broke off in the middle of it, or before it.
    Cut(Error),
}

impl fmt::Display for MimeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MimeError::Refused(error) => error.fmt(out),
            MimeError::BadBase64 => out.write_str("the message's MIME is not valid base64"),
            MimeError::Missing => out.write_str("Exchange sent no MIME for the message"),
            MimeError::Cut(error) => error.fmt(out),
        }
    }
}

/// A message to be sent to Exchange, of known length, readable again if a try must be repeated.
#[derive(Clone)]
pub struct MimeSource {
    length: u64,
    open: Arc<Opener>,
}

type Opener = dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync;

impl MimeSource {
    /// A message in memory.
    pub fn bytes(bytes: impl Into<Bytes>) -> MimeSource {
        let bytes: Bytes = bytes.into();
        let length = bytes.len() as u64;
        MimeSource::reader(length, move || Ok(Cursor::new(bytes.clone())))
    }

    /// A message in a file of this many bytes.
    pub fn file(path: impl Into<PathBuf>, length: u64) -> MimeSource {
        let path = path.into();
        MimeSource::reader(length, move || std::fs::File::open(&path))
    }

    /// A message anywhere; `open` is called on a blocking thread, once for each try.
    ///
    /// If it then yields more or fewer than `length` bytes, the call fails and Exchange does nothing.
    pub fn reader<R: Read + Send + 'static>(
        length: u64,
        open: impl Fn() -> io::Result<R> + Send + Sync + 'static,
    ) -> MimeSource {
        MimeSource { length, open: Arc::new(move || Ok(Box::new(open()?) as Box<dyn Read + Send>)) }
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        (self.open)()
    }
}

impl fmt::Debug for MimeSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "MimeSource({} bytes)", self.length)
    }
}
