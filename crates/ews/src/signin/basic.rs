use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::{Error, ErrorKind, Secret};

/// `Basic` credentials (RFC 7617 section 2), in UTF-8.
pub(crate) fn basic(user: &str, password: &Secret) -> Result<HeaderValue, Error> {
    let plain = Zeroizing::new(format!("{user}:{}", password.expose()));
    secret_value(&format!("Basic {}", STANDARD.encode(plain.as_bytes())))
}

/// A token (RFC 6750 section 2.1).
pub(crate) fn bearer_value(token: &Secret) -> Result<HeaderValue, Error> {
    let value = Zeroizing::new(format!("Bearer {}", token.expose()));
    secret_value(&value)
}

/// A header's value that is never printed.
fn secret_value(value: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(value)
        .map_err(|_| Error::new(ErrorKind::SignIn, "the user name, password or token cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}
