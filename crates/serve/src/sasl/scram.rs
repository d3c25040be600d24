//! SCRAM-SHA-256 from the server's side (RFC 5802, RFC 7677), as values: the client shows that it knows a password, and the
//! server that it knew it before. Without channel binding.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};
use zeroize::Zeroizing;

use super::{BASE64, Failure};

/// What the client says first: who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFirst {
    user: String,
    /// As it came; it comes again.
    header: String,
    bare: String,
    nonce: String,
}

/// What is kept of a password (RFC 5802 section 3).
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// SHA-256 of the client's key.
    pub stored: [u8; 32],
    /// By which the server shows that it knows the password.
    pub server: [u8; 32],
}

/// The proof is awaited.
#[derive(Debug)]
pub struct Awaiting {
    header: String,
    nonce: String,
    /// What was said so far, as far as it is signed.
    said: String,
}

/// The client has shown that it knows a password.
pub struct Proven {
    /// The key that only the password gives; cleared from memory when dropped.
    pub client_key: Zeroizing<[u8; 32]>,
    /// What the server shows in return, in base64. The client answers it with nothing.
    pub server_final: String,
}

impl ClientFirst {
    /// ```text
    /// client-first-message      = gs2-header client-first-message-bare
    /// gs2-header                = gs2-cbind-flag "," [ "a=" saslname ] ","
    /// client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
    /// ```
    /// (RFC 5802 section 7). The flag is `n` or `y`: no channel is bound to here.
    pub(super) fn read(message: &[u8]) -> Result<Self, Failure> {
        let text = std::str::from_utf8(message).map_err(|_| Failure::Malformed)?;
        let (identity, bare) = text
            .strip_prefix("n,")
            .or_else(|| text.strip_prefix("y,"))
            .and_then(|rest| rest.split_once(','))
            .ok_or(Failure::Malformed)?;
        let header = text.get(..text.len() - bare.len()).ok_or(Failure::Malformed)?.to_owned();
        let mut parts = bare.split(',');
        let user = parts.next().and_then(|part| part.strip_prefix("n=")).and_then(name).ok_or(Failure::Malformed)?;
        let nonce = parts.next().and_then(|part| part.strip_prefix("r=")).ok_or(Failure::Malformed)?;
        let is_printable = nonce.bytes().all(|byte| byte.is_ascii_graphic());
        if user.is_empty() || nonce.is_empty() || !is_printable {
            return Err(Failure::Malformed);
        }
        match identity.strip_prefix("a=").map(name) {
            None if !identity.is_empty() => return Err(Failure::Malformed),
            Some(None) => return Err(Failure::Malformed),
            Some(Some(identity)) if identity != user => return Err(Failure::OtherIdentity),
            None | Some(Some(_)) => {}
        }
        Ok(Self { user, header, bare: bare.to_owned(), nonce: nonce.to_owned() })
    }

    /// The name.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What to send, in base64. `nonce` is new for each sign-in.
    ///
    /// `server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]`
    #[must_use]
    pub fn challenge(self, (salt, iterations): (&[u8], u32), nonce: &str) -> (String, Awaiting) {
        let nonce = format!("{}{nonce}", self.nonce);
        let first = format!("r={nonce},s={},i={iterations}", STANDARD.encode(salt));
        let said = format!("{},{first}", self.bare);
        (STANDARD.encode(first), Awaiting { header: self.header, nonce, said })
    }
}

impl Awaiting {
    /// Takes the client's proof, in base64, and says which of these keys it is of: none if the password is wrong.
    ///
    /// ```text
    /// client-final-message = client-final-message-without-proof "," proof
    /// client-final-message-without-proof = channel-binding "," nonce ["," extensions]
    /// ```
    ///
    /// # Errors
    /// If it is no proof, or the client gave up.
    pub fn check(self, response: &[u8], keys: &[Keys]) -> Result<Option<Proven>, Failure> {
        if response == b"*" {
            return Err(Failure::Cancelled);
        }
        let decoded = BASE64.decode(response.trim_ascii()).map_err(|_| Failure::NotBase64)?;
        let text = std::str::from_utf8(&decoded).map_err(|_| Failure::Malformed)?;
        let (without, proof) = text.rsplit_once(",p=").ok_or(Failure::Malformed)?;
        let expected = format!("c={},r={}", STANDARD.encode(&self.header), self.nonce);
        if without != expected && !without.starts_with(&format!("{expected},")) {
            return Err(Failure::Malformed);
        }
        let proof: [u8; 32] =
            BASE64.decode(proof).ok().and_then(|proof| proof.try_into().ok()).ok_or(Failure::Malformed)?;
        let signed = format!("{},{without}", self.said);
        Ok(keys.iter().find_map(|keys| prove(keys, &proof, &signed)))
    }
}

/// `ClientKey := ClientProof XOR HMAC(StoredKey, AuthMessage)`; it is right if its hash is the stored key.
fn prove(keys: &Keys, proof: &[u8; 32], signed: &str) -> Option<Proven> {
    let signature = hmac_of(&keys.stored, signed);
    let mut client_key = Zeroizing::new(*proof);
    client_key.iter_mut().zip(signature.as_ref()).for_each(|(byte, mask)| *byte ^= mask);
    if digest::digest(&digest::SHA256, &*client_key).as_ref() != keys.stored {
        return None;
    }
    let server = STANDARD.encode(hmac_of(&keys.server, signed).as_ref());
    Some(Proven { client_key, server_final: STANDARD.encode(format!("v={server}")) })
}

/// A new nonce. `None` if the system gives no random numbers.
#[must_use]
pub fn nonce() -> Option<String> {
    let mut bytes = [0; 18];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(STANDARD.encode(bytes))
}

fn hmac_of(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

/// `saslname = 1*(value-safe-char / "=2C" / "=3D")`
fn name(text: &str) -> Option<String> {
    let mut pieces = text.split('=');
    let mut name = pieces.next()?.to_owned();
    for piece in pieces {
        let (sign, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return None,
        };
        name.push(sign);
        name.push_str(rest);
    }
    (!name.contains('\0')).then_some(name)
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl fmt::Debug for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proven")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 section 3.
    const FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const FINAL: &str =
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    fn keys() -> Keys {
        // Of "pencil", with the salt and the 4096 iterations of the example.
        let key = |text: &str| STANDARD.decode(text).unwrap().try_into().unwrap();
        Keys {
            stored: key("WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="),
            server: key("wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="),
        }
    }

    fn awaiting() -> Awaiting {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let (challenge, awaiting) = ClientFirst::read(FIRST).unwrap().challenge((&salt, 4096), NONCE);
        let first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(challenge, STANDARD.encode(first));
        awaiting
    }

    #[test]
    fn the_example_of_the_standard() {
        let other = Keys { stored: [0; 32], server: [0; 32] };
        let proven = awaiting().check(STANDARD.encode(FINAL).as_bytes(), &[other.clone(), keys()]).unwrap().unwrap();
        assert_eq!(proven.server_final, STANDARD.encode("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert_eq!(digest::digest(&digest::SHA256, &*proven.client_key).as_ref(), keys().stored);
        assert!(awaiting().check(STANDARD.encode(FINAL).as_bytes(), &[other]).unwrap().is_none());
        assert!(awaiting().check(STANDARD.encode(FINAL).as_bytes(), &[]).unwrap().is_none());
    }

    #[test]
    fn names_may_hold_commas() {
        let first = ClientFirst::read(b"y,a=a=2Cb=3Dc,n=a=2Cb=3Dc,r=x").unwrap();
        assert_eq!((first.user(), first.header.as_str()), ("a,b=c", "y,a=a=2Cb=3Dc,"));
    }

    #[test]
    fn nonsense_is_told_apart() {
        for message in [
            &b""[..],
            b"n,,",
            b"n,,n=user",
            b"n,,n=,r=x",
            b"n,,n=user,r=",
            b"n,,m=x,n=user,r=x",
            b"n,,n=us=er,r=x",
            b"n,b=x,n=user,r=x",
            b"p=tls-unique,,n=user,r=x",
            b"n,,n=\xff,r=x",
        ] {
            assert_eq!(ClientFirst::read(message), Err(Failure::Malformed), "{message:?}");
        }
        assert_eq!(ClientFirst::read(b"n,a=bert,n=anna,r=x"), Err(Failure::OtherIdentity));
        let failed = |response: &[u8]| awaiting().check(response, &[keys()]).err();
        assert_eq!(failed(b"*"), Some(Failure::Cancelled));
        assert_eq!(failed(b"%%"), Some(Failure::NotBase64));
        for text in [
            FINAL.replace("c=biws", "c=eSws"),
            FINAL.replace("k0,p", "k1,p"),
            FINAL.replace("VQ=", ""),
            FINAL.replace(",p=", ",q="),
        ] {
            assert_eq!(failed(STANDARD.encode(&text).as_bytes()), Some(Failure::Malformed), "{text}");
        }
    }
}
