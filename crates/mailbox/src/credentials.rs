//! Who signs in, and with what.

use std::fmt;

use zeroize::Zeroize;

/// Something that cannot be printed: Debug shows `<secret>`, there is no Display, memory is cleared at the end.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Closes the lid.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Opens it: for the one line that needs the value.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// What is kept of somebody's passwords, by which SCRAM-SHA-256 (RFC 5802) knows them again. It opens nothing by itself.
#[derive(Clone)]
pub struct Verifiers {
    /// The same for all of them, whether there are any or not.
    pub salt: Vec<u8>,
    /// Of PBKDF2.
    pub iterations: u32,
    /// StoredKey and ServerKey of each.
    pub keys: Vec<([u8; 32], [u8; 32])>,
}

impl fmt::Debug for Verifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifiers({})", self.keys.len())
    }
}

/// A user name as typed (`user@domain` or `DOMAIN\user`) and a password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name, as typed.
    pub user: String,
    /// The password.
    pub password: Secret<String>,
}
