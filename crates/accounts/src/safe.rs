//! Where secrets are kept, and where the key lies under which they are sealed: in a file beside them, which itself may be sealed
//! under a key that whoever runs the gateway keeps elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::seal::{KEY_LENGTH, KeyId, Seal, read_file};

/// A directory with secrets, and with what its key opens.
#[derive(Clone, Debug)]
pub struct Safe {
    directory: PathBuf,
    outer: Option<OuterKey>,
    old: Option<OuterKey>,
}

/// A key that is kept elsewhere. It cannot be printed.
#[derive(Clone, Debug)]
pub struct OuterKey(Arc<Seal>);

impl Safe {
    /// In that directory, with the key as it is in its file.
    #[must_use]
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), outer: None, old: None }
    }

    /// Its file is sealed under the first of these keys when it is next written; until then the second may open it.
    #[must_use]
    pub fn under(self, outer: Option<OuterKey>, old: Option<OuterKey>) -> Self {
        Self { outer, old, ..self }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file the key is in.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.directory.join(KEY)
    }

    /// Looks whether the key can be had, if there is one. Nothing is written.
    ///
    /// # Errors
    /// If it cannot be read, or is sealed under a key that was not given.
    pub fn check(&self) -> Result<()> {
        [self.key_file(), self.next_file()].iter().try_for_each(|file| Seal::read(file, self).map(drop))
    }

    /// Where the key is that is to be next, while it is put in the place of the one there is.
    pub(crate) fn next_file(&self) -> PathBuf {
        self.directory.join(NEXT)
    }

    /// True if there is no key yet, or its file is sealed under the key it is to be sealed under from now on.
    pub(crate) fn is_as_wanted(&self) -> Result<bool> {
        let wanted = self.outer.as_ref().map(OuterKey::id);
        Ok(read_file(&self.key_file())?.is_none_or(|kept| parts(&kept).map(|(id, _)| id) == wanted))
    }

    /// What is to stand in the file of a key.
    pub(crate) fn wrap(&self, key: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let Some(OuterKey(outer)) = &self.outer else { return Ok(Zeroizing::new(key.to_vec())) };
        Ok(Zeroizing::new([TITLE, &outer.id(), &outer.seal(key, PURPOSE)?].concat()))
    }

    /// The key, of what stands in its file.
    pub(crate) fn take_out(&self, file: &Path, kept: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>> {
        // As it is: of a gateway that was not given another key to keep it under.
        let Some((id, sealed)) = parts(&kept) else { return Ok(kept) };
        let given: Vec<&OuterKey> = [&self.outer, &self.old].into_iter().flatten().collect();
        match given.iter().find(|outer| outer.id() == id) {
            Some(outer) => {
                let damaged = |_| Error::new(file, "is damaged; put it back from a backup");
                outer.0.unseal(sealed, PURPOSE).map_err(damaged)
            }
            None if given.is_empty() => Err(Error::new(
                file,
                "is sealed under a key that is kept elsewhere; name that key in [accounts], as key, or as old_key to do without it \
                 from now on",
            )),
            None => Err(Error::new(
                file,
                "is sealed under another key than the one named in [accounts]; name the right one, as key, or as old_key beside \
                 the one that is to be used from now on",
            )),
        }
    }
}

impl OuterKey {
    /// Reads 32 octets in base64 (RFC 4648 section 4). `None` if it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
        (bytes.len() == KEY_LENGTH).then(|| Seal::new(Path::new(KEY), &bytes).ok()).flatten().map(Arc::new).map(Self)
    }

    fn id(&self) -> KeyId {
        self.0.id()
    }
}

impl PartialEq for OuterKey {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

/// What a sealed key's file says: under which key, and the sealed key.
fn parts(kept: &[u8]) -> Option<(KeyId, &[u8])> {
    kept.strip_prefix(TITLE)?.split_first_chunk().map(|(id, sealed)| (*id, sealed))
}

pub(crate) const KEY: &str = "accounts.key";
const NEXT: &str = "accounts.key.next";
/// A key as it is has fewer bytes than a file that begins so.
const TITLE: &[u8] = b"exgate key, sealed\n";
const PURPOSE: &str = "the key of what is sealed";
