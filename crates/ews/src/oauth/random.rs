use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

use crate::{Error, ErrorKind, Secret};

/// 256 random bits as text that needs no escaping.
pub(super) fn random() -> Result<Secret, Error> {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    SystemRandom::new()
        .fill(&mut *bytes)
        .map_err(|_| Error::new(ErrorKind::Local, "the system gives no random numbers"))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

/// `code_challenge = BASE64URL-ENCODE(SHA256(ASCII(code_verifier)))` (RFC 7636 section 4.2)
pub(super) fn code_challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(code_challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_ne!(one, other);
        // RFC 7636 section 4.1: 43 to 128 characters.
        assert_eq!(one.expose().len(), 43);
    }
}
