//! The bytes of messages: one file each, whole or not there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mailbox::Content;
use mailbox::submit::SubmissionId;

/// Where they lie, for our eyes only.
#[derive(Debug)]
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        Ok(Self(directory.to_owned()))
    }

    /// Writes a message. When this returns it is on disk, under its name.
    pub(crate) fn put(&self, id: SubmissionId, message: &Content) -> io::Result<()> {
        let part = self.0.join(format!("{id}{PART}"));
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        let mut out = BufWriter::with_capacity(PIECE, file);
        let length = io::copy(&mut message.reader(), &mut out)?;
        if length != message.len() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a message is shorter than it said"));
        }
        out.flush()?;
        out.get_ref().sync_all()?;
        fs::rename(&part, self.path(id))?;
        // The name is on disk once its directory is.
        File::open(&self.0)?.sync_all()
    }

    /// A message. It stays readable while somebody holds it, whatever becomes of the file.
    pub(crate) fn get(&self, id: SubmissionId) -> io::Result<Content> {
        let file = File::open(self.path(id))?;
        let length = file.metadata()?.len();
        Ok(Content::file(Arc::new(file), 0, length))
    }

    /// Takes one away. What is not there is gone.
    pub(crate) fn remove(&self, id: SubmissionId) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes away what a process left that came to its end in between: files that nobody knows of.
    pub(crate) fn sweep(&self, known: impl Fn(SubmissionId) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_left = match name.strip_suffix(WHOLE).map(|id| u128::from_str_radix(id, 16)) {
                Some(Ok(id)) => !known(SubmissionId(id)),
                Some(Err(_)) => false,
                None => name.ends_with(PART),
            };
            if is_left {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    fn path(&self, id: SubmissionId) -> PathBuf {
        self.0.join(format!("{id}{WHOLE}"))
    }
}

const WHOLE: &str = ".eml";
const PART: &str = ".part";
const PIECE: usize = 256 << 10;
