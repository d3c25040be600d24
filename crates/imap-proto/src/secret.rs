//! What must not be printed.

use std::fmt;

/// A password or SASL response as the client sent it. Debug shows `<secret>`; there is no Display.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Closes the lid.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// Opens it: the bytes as sent.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Opens it as text: UTF-8, or, since old clients send their own code page, each byte as Latin-1.
    #[must_use]
    pub fn expose_text(&self) -> String {
        match std::str::from_utf8(&self.0) {
            Ok(text) => text.to_owned(),
            Err(_) => self.0.iter().map(|&byte| char::from(byte)).collect(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows() {
        let secret = Secret::new(*b"hunter2");
        assert_eq!(format!("{secret:?}"), "<secret>");
        assert_eq!(secret.expose_text(), "hunter2");
        assert_eq!(Secret::new([b'p', 0xe4]).expose_text(), "pä");
    }
}
