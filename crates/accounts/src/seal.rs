//! Secrets at rest: ChaCha20-Poly1305 (RFC 8439) under a key in a file only its owner can read.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::safe::Safe;

/// Seals and opens. What was sealed for one purpose does not open for another.
pub(crate) struct Seal {
    file: PathBuf,
    id: KeyId,
    key: LessSafeKey,
    random: SystemRandom,
}

/// Tells keys apart, and nothing of them.
pub(crate) type KeyId = [u8; 16];

impl Seal {
    /// Reads the key file; makes it, with a new key, if it is missing.
    ///
    /// # Errors
    /// If the file cannot be read or made, is no key, or can be read by others.
    pub(crate) fn open(file: &Path, safe: &Safe) -> Result<Self> {
        match Self::read(file, safe)? {
            Some(seal) => Ok(seal),
            None => make(file, safe),
        }
    }

    /// Reads the key file, if it is there.
    ///
    /// # Errors
    /// If the file cannot be read, is no key, or can be read by others.
    pub(crate) fn read(file: &Path, safe: &Safe) -> Result<Option<Self>> {
        let Some(kept) = read_file(file)? else { return Ok(None) };
        Self::new(file, &safe.take_out(file, kept)?).map(Some)
    }

    /// Puts a new key into the file, whatever is in it. Nobody else may do so meanwhile.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub(crate) fn replace(file: &Path, safe: &Safe) -> Result<Self> {
        let partial = file.with_extension("new");
        let bytes = write(&partial, safe)?;
        std::fs::rename(&partial, file)
            .and_then(|()| sync_directory(file))
            .map_err(|error| cannot_be_made(file, &error))?;
        Self::new(file, &bytes)
    }

    /// Which key it is.
    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// A key of 32 bytes; what goes wrong is told of that file.
    pub(crate) fn new(file: &Path, bytes: &[u8]) -> Result<Self> {
        let unbound = UnboundKey::new(&CHACHA20_POLY1305, bytes);
        let key = unbound.map_err(|_| Error::new(file, "is no key: it must hold 32 bytes"))?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"exgate key id");
        let mut id = KeyId::default();
        id.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        Ok(Self { file: file.to_owned(), id, key: LessSafeKey::new(key), random: SystemRandom::new() })
    }

    /// Seals a secret for a purpose.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(crate) fn seal(&self, secret: &[u8], purpose: &str) -> Result<Vec<u8>> {
        let fault = |_| Error::new(&self.file, "the system gives no random numbers");
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(fault)?;
        let mut sealed = secret.to_vec();
        let tag = self.key.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(purpose.as_bytes()),
            &mut sealed,
        );
        let tag = tag.map_err(|_| Error::new(&self.file, "a secret could not be sealed"))?;
        let mut out = nonce.to_vec();
        out.append(&mut sealed);
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Opens what was sealed for that purpose.
    ///
    /// # Errors
    /// If it was sealed with another key, for another purpose, or is damaged.
    pub(crate) fn unseal(&self, sealed: &[u8], purpose: &str) -> Result<Zeroizing<Vec<u8>>> {
        let wrong = || lost(&self.file);
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let mut buffer = Zeroizing::new(rest.to_vec());
        let length = match self.key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut buffer) {
            Ok(plain) => plain.len(),
            Err(_) => return Err(wrong()),
        };
        buffer.truncate(length);
        Ok(buffer)
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seal({})", self.file.display())
    }
}

/// What stands in a file that only its owner can read, if it is there.
pub(crate) fn read_file(file: &Path) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let mut opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::new(file, format!("cannot be read: {error}"))),
    };
    let mode = opened.metadata().map_err(|error| Error::new(file, format!("cannot be read: {error}")))?.mode();
    if mode & 0o077 != 0 {
        return Err(Error::new(file, format!("others can read it; chmod 600 {}", file.display())));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    opened.read_to_end(&mut bytes).map_err(|error| Error::new(file, format!("cannot be read: {error}")))?;
    Ok(Some(bytes))
}

/// Under its name the key is whole or not there. Of two that make one at a time, the first wins.
fn make(file: &Path, safe: &Safe) -> Result<Seal> {
    let trouble = |error: std::io::Error| cannot_be_made(file, &error);
    let partial = file.with_extension(format!("new-{}", std::process::id()));
    let bytes = write(&partial, safe)?;
    let linked = std::fs::hard_link(&partial, file);
    std::fs::remove_file(&partial).map_err(trouble)?;
    match linked {
        Ok(()) => sync_directory(file).map_err(trouble).and_then(|()| Seal::new(file, &bytes)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Seal::read(file, safe)?.ok_or_else(|| Error::new(file, "was there and is gone; try again"))
        }
        Err(error) => Err(trouble(error)),
    }
}

/// Writes a new key to disk, as it is to lie there, under a name nobody looks for. Gives the key itself.
fn write(partial: &Path, safe: &Safe) -> Result<Zeroizing<Vec<u8>>> {
    let trouble = |error: std::io::Error| cannot_be_made(partial, &error);
    let mut bytes = Zeroizing::new(vec![0; KEY_LENGTH]);
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::new(partial, "the system gives no random numbers"))?;
    let _ = std::fs::remove_file(partial);
    let mut made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial).map_err(trouble)?;
    made.write_all(&safe.wrap(&bytes)?).and_then(|()| made.sync_all()).map_err(trouble)?;
    Ok(bytes)
}

/// The name of a file is on disk when this returns.
pub(crate) fn sync_directory(file: &Path) -> std::io::Result<()> {
    file.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// What is said where the key is not the right one.
pub(crate) fn lost(file: &Path) -> Error {
    Error::new(file, "does not open a stored secret; put the key back it was sealed with")
}

fn cannot_be_made(file: &Path, error: &std::io::Error) -> Error {
    Error::new(file, format!("cannot be made: {error}"))
}

/// So many bytes has a key.
pub(crate) const KEY_LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_it_sealed_also_after_a_restart() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("key");
        let sealed = Seal::open(&file, &Safe::at(home.path())).unwrap().seal(b"secret", "feed 1").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        let again = Seal::open(&file, &Safe::at(home.path())).unwrap();
        assert_eq!(&**again.unseal(&sealed, "feed 1").unwrap(), b"secret");
        assert!(again.unseal(&sealed, "feed 2").is_err());
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(again.unseal(&damaged, "feed 1").is_err(), "byte {at}");
        }
        assert!(again.unseal(b"short", "feed 1").is_err());
        let other = Seal::open(&home.path().join("other"), &Safe::at(home.path())).unwrap();
        assert!(other.unseal(&sealed, "feed 1").is_err());
    }

    #[test]
    fn a_key_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("key");
        Seal::open(&file, &Safe::at(home.path())).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let sentence = Seal::open(&file, &Safe::at(home.path())).unwrap_err().to_string();
        assert!(sentence.ends_with(&format!("others can read it; chmod 600 {}", file.display())), "{sentence}");
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, b"short").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Seal::open(&file, &Safe::at(home.path())).unwrap_err().to_string().contains("32 bytes"));
    }
}
