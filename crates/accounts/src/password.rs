//! Device passwords: how they are made and written, and what is kept of them.
//!
//! ```text
//! password = selector "-" group "-" group "-" group "-" group    selector = 8symbol    group = 6symbol
//! ```
//!
//! A symbol is a letter or digit that is taken for no other one. The selector says which row it is; the rest is the
//! secret, of about 119 random bits.

use std::fmt;
use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Params, Version};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hkdf, hmac, pbkdf2};
use zeroize::Zeroizing;

/// A device password, as it is shown once.
#[derive(Clone)]
pub struct DevicePassword(Zeroizing<String>);

/// SCRAM's salt of an account, of the store's pepper: all its devices have the same, since a client does not say which one it
/// is, and somebody who is not known has one, too.
#[must_use]
pub fn scram_salt(pepper: &[u8; 32], address: &str) -> Vec<u8> {
    hmac_of(pepper, address.to_lowercase().as_bytes()).iter().take(SALT).copied().collect()
}

/// What is kept of one, to know it again: an Argon2id hash (RFC 9106), and the keys of SCRAM-SHA-256 (RFC 5802 section 3,
/// RFC 7677).
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    /// Of the hash.
    pub salt: Vec<u8>,
    /// KiB of memory, passes, lanes.
    pub cost: (u32, u32, u32),
    /// The hash.
    pub hash: Vec<u8>,
    /// Of SCRAM: the salt, which all devices of an account share, since a client says only whose password it has.
    pub scram_salt: Vec<u8>,
    /// PBKDF2's.
    pub iterations: u32,
    /// SHA-256 of the client key.
    pub stored_key: [u8; 32],
    /// What the server shows that it knows.
    pub server_key: [u8; 32],
}

/// What is kept of a password that is only ever shown whole: an Argon2id hash (RFC 9106).
#[derive(Clone, PartialEq, Eq)]
pub struct Hashed {
    /// Of the hash.
    pub salt: Vec<u8>,
    /// KiB of memory, passes, lanes.
    pub cost: (u32, u32, u32),
    /// The hash.
    pub hash: Vec<u8>,
}

/// SCRAM's ClientKey: made of the password alone, shown to the server by each sign-in, and kept by nobody. What is
/// remembered for a device is sealed under a key made of it.
pub struct ClientKey(Zeroizing<[u8; 32]>);

impl DevicePassword {
    /// A new one. `None` if the system gives no random numbers.
    #[must_use]
    pub fn generate() -> Option<Self> {
        let mut symbols = Symbols { random: SystemRandom::new(), bytes: Zeroizing::new([0; 64]), left: 0 };
        let mut text = Zeroizing::new(String::with_capacity(LENGTH));
        for place in 0..LENGTH {
            text.push(if is_dash(place) { '-' } else { char::from(symbols.next()?) });
        }
        Some(Self(text))
    }

    /// Reads a text of this form; case does not matter. `None` if it is another password.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = Zeroizing::new(text.trim().to_ascii_lowercase());
        let fine = |(place, byte)| if is_dash(place) { byte == b'-' } else { SYMBOLS.contains(&byte) };
        (text.len() == LENGTH && text.bytes().enumerate().all(fine)).then_some(Self(text))
    }

    /// The text, for whom it is made.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What it is looked up by, which is no secret.
    #[must_use]
    pub fn selector(&self) -> &str {
        self.0.get(..SELECTOR).unwrap_or_default()
    }

    /// What is to be kept of it. Takes some tens of milliseconds. `None` if the system cannot.
    #[must_use]
    pub fn verifier(&self, scram_salt: &[u8]) -> Option<Verifier> {
        let mut salt = vec![0; SALT];
        SystemRandom::new().fill(&mut salt).ok()?;
        let hash = argon2id(self, &salt, COST)?;
        let salted = salted(self, scram_salt, ITERATIONS)?;
        let client_key = client_key(&salted);
        Some(Verifier {
            salt,
            cost: COST,
            hash,
            scram_salt: scram_salt.to_vec(),
            iterations: ITERATIONS,
            stored_key: client_key.stored(),
            server_key: hmac_of(&*salted, b"Server Key"),
        })
    }

    /// The same of one that is only ever shown whole. Takes some tens of milliseconds. `None` if the system cannot.
    #[must_use]
    pub fn hashed(&self) -> Option<Hashed> {
        let mut salt = vec![0; SALT];
        SystemRandom::new().fill(&mut salt).ok()?;
        let hash = argon2id(self, &salt, COST)?;
        Some(Hashed { salt, cost: COST, hash })
    }

    /// The key that is made of it.
    #[must_use]
    pub fn client_key(&self, verifier: &Verifier) -> Option<ClientKey> {
        Some(client_key(&*salted(self, &verifier.scram_salt, verifier.iterations)?))
    }
}

impl Verifier {
    /// True if this is the password. Takes some tens of milliseconds, and memory as [`Verifier::cost`] says.
    #[must_use]
    pub fn is_of(&self, password: &DevicePassword) -> bool {
        argon2id(password, &self.salt, self.cost).is_some_and(|hash| is_same(&hash, &self.hash))
    }
}

impl Hashed {
    /// True if this is the password. Takes as long, and as much memory, as [`Hashed::cost`] says.
    #[must_use]
    pub fn is_of(&self, password: &DevicePassword) -> bool {
        argon2id(password, &self.salt, self.cost).is_some_and(|hash| is_same(&hash, &self.hash))
    }
}

impl ClientKey {
    /// As a client's proof shows it.
    #[must_use]
    pub fn proven(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// SCRAM's StoredKey.
    #[must_use]
    pub fn stored(&self) -> [u8; 32] {
        sha256(&*self.0)
    }

    /// Seals what only the holder of the password shall open again, and only for this purpose.
    #[must_use]
    pub fn seal(&self, secret: &[u8], purpose: &str) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut out = nonce.to_vec();
        let mut sealed = Zeroizing::new(secret.to_vec());
        let aad = Aad::from(purpose.as_bytes());
        let tag =
            self.sealing()?.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
        out.extend_from_slice(&sealed);
        out.extend_from_slice(tag.as_ref());
        Some(out)
    }

    /// Opens it. `None` if it was sealed with another password, for another purpose, or is damaged.
    #[must_use]
    pub fn unseal(&self, sealed: &[u8], purpose: &str) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut buffer = Zeroizing::new(rest.to_vec());
        let length = self.sealing()?.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut buffer).ok()?.len();
        buffer.truncate(length);
        Some(buffer)
    }

    fn sealing(&self) -> Option<LessSafeKey> {
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, b"exgate").extract(&*self.0);
        let info: [&[u8]; 1] = [b"what is remembered for a device"];
        let key = secret.expand(&info, &CHACHA20_POLY1305).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }
}

impl fmt::Debug for DevicePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-<secret>", self.selector())
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

impl fmt::Debug for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashed")
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// Random symbols, each as likely as any other.
struct Symbols {
    random: SystemRandom,
    bytes: Zeroizing<[u8; 64]>,
    left: usize,
}

impl Symbols {
    fn next(&mut self) -> Option<u8> {
        loop {
            if self.left == 0 {
                self.random.fill(&mut *self.bytes).ok()?;
                self.left = self.bytes.len();
            }
            self.left -= 1;
            // Five bits are one of 32; the symbol there is none for is drawn again.
            let drawn = self.bytes.get(self.left)? & 31;
            if let Some(symbol) = SYMBOLS.get(usize::from(drawn)) {
                return Some(*symbol);
            }
        }
    }
}

fn is_dash(place: usize) -> bool {
    place >= SELECTOR && (place - SELECTOR).is_multiple_of(GROUP + 1)
}

fn argon2id(password: &DevicePassword, salt: &[u8], (memory, passes, lanes): (u32, u32, u32)) -> Option<Vec<u8>> {
    let params = Params::new(memory, passes, lanes, Some(HASH)).ok()?;
    let mut hash = vec![0; HASH];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(password.0.as_bytes(), salt, &mut hash).ok()?;
    Some(hash)
}

/// Takes the same time wherever they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// `SaltedPassword := Hi(Normalize(password), salt, i)` (RFC 5802 section 3). ASCII is normal already.
fn salted(password: &DevicePassword, salt: &[u8], iterations: u32) -> Option<Zeroizing<[u8; 32]>> {
    let mut out = Zeroizing::new([0; 32]);
    let iterations = NonZeroU32::new(iterations)?;
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, password.0.as_bytes(), &mut *out);
    Some(out)
}

/// `ClientKey := HMAC(SaltedPassword, "Client Key")`
fn client_key(salted: &[u8; 32]) -> ClientKey {
    ClientKey(Zeroizing::new(hmac_of(salted, b"Client Key")))
}

fn hmac_of(key: &[u8], text: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
    let mut out = [0; 32];
    out.copy_from_slice(tag.as_ref());
    out
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// Without 0 and o, 1, i and l.
const SYMBOLS: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";
const SELECTOR: usize = 8;
const GROUP: usize = 6;
const LENGTH: usize = SELECTOR + 4 * (GROUP + 1);
const SALT: usize = 16;
const HASH: usize = 32;
/// What OWASP's cheat sheet on password storage asks for: 19 MiB, two passes, one lane.
const COST: (u32, u32, u32) = (19 << 10, 2, 1);
/// RFC 7677 section 4. The passwords are random, so that more of them protect nothing.
pub const ITERATIONS: u32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_written_in_groups_of_symbols_that_cannot_be_mistaken() {
        let password = DevicePassword::generate().unwrap();
        let text = password.expose();
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 6, 6, 6, 6], "{text}");
        assert!(!text.contains(['0', 'o', '1', 'i', 'l']), "{text}");
        assert_ne!(text, DevicePassword::generate().unwrap().expose());
        let typed = format!(" {} ", text.to_uppercase());
        assert_eq!(DevicePassword::read(&typed).unwrap().expose(), text);
        assert_eq!(format!("{password:?}"), format!("{}-<secret>", &text[..8]));
    }

    #[test]
    fn other_passwords_are_other_passwords() {
        let text = DevicePassword::generate().unwrap();
        let text = text.expose();
        for other in ["", "opensesame", &text[1..], &text.replace('-', "+"), &format!("0{}", &text[1..])] {
            assert!(DevicePassword::read(other).is_none(), "{other}");
        }
        assert!(DevicePassword::read(&"ä".repeat(18)).is_none());
    }

    #[test]
    fn a_password_is_known_again_and_no_other() {
        let (password, other) = (DevicePassword::generate().unwrap(), DevicePassword::generate().unwrap());
        let verifier = password.verifier(b"salt of the account").unwrap();
        assert!(verifier.is_of(&password) && !verifier.is_of(&other));
        let hashed = password.hashed().unwrap();
        assert!(hashed.is_of(&password) && !hashed.is_of(&other));
        assert_eq!(verifier.cost, (19_456, 2, 1));
        assert_eq!(password.client_key(&verifier).unwrap().stored(), verifier.stored_key);
        assert_ne!(other.client_key(&verifier).unwrap().stored(), verifier.stored_key);
    }

    #[test]
    fn what_is_remembered_opens_with_its_password_only() {
        let (password, other) = (DevicePassword::generate().unwrap(), DevicePassword::generate().unwrap());
        let verifier = password.verifier(b"salt of the account").unwrap();
        let key = password.client_key(&verifier).unwrap();
        let sealed = key.seal(b"opensesame", "device of anna").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"sesame"));
        assert_eq!(&**key.unseal(&sealed, "device of anna").unwrap(), b"opensesame");
        assert!(key.unseal(&sealed, "device of bert").is_none());
        assert!(key.unseal(b"short", "device of anna").is_none());
        assert!(other.client_key(&verifier).unwrap().unseal(&sealed, "device of anna").is_none());
    }

    /// RFC 7677 section 3.
    #[test]
    fn the_keys_of_scram_are_those_of_the_standard() {
        let password = DevicePassword(Zeroizing::new("pencil".to_owned()));
        let salt = [0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81];
        let salted = salted(&password, &salt, 4096).unwrap();
        let auth = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = hmac_of(&hmac_of(&*salted, b"Server Key"), auth.as_bytes());
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        assert_eq!(STANDARD.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        let key = client_key(&salted);
        let signed = hmac_of(&key.stored(), auth.as_bytes());
        let proof: Vec<u8> = key.0.iter().zip(signed).map(|(a, b)| a ^ b).collect();
        assert_eq!(STANDARD.encode(proof), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    }
}
