//! JSON Web Tokens (RFC 7519) signed with a key of the run: ECDSA with P-256 and SHA-256 (RFC 7518 section 3.4).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A key pair that lasts as long as the program.
pub(super) struct Key {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    id: String,
}

/// A token taken apart, its signature not yet checked.
pub(super) struct Parts<'a> {
    pub(super) header: Value,
    pub(super) claims: Value,
    /// What is signed.
    pub(super) signed: &'a str,
    pub(super) signature: Vec<u8>,
}

impl Key {
    pub(super) fn new() -> Result<Self, String> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| "no key could be made")?;
        let pair =
            EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).map_err(|error| error.to_string())?;
        let id = encode(Sha256::digest(pair.public_key()).get(..15).unwrap_or_default());
        Ok(Self { pair, random, id })
    }

    /// A token with these claims.
    pub(super) fn sign(&self, claims: &Value) -> Result<String, String> {
        let header = json!({ "typ": "JWT", "alg": "ES256", "kid": self.id, "x5t": self.id });
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.pair.sign(&self.random, signed.as_bytes()).map_err(|_| "no signature could be made")?;
        Ok(format!("{signed}.{}", encode(signature)))
    }

    /// The claims of a token that this key signed.
    pub(super) fn open(&self, token: &str) -> Option<Value> {
        let parts = Parts::of(token)?;
        let own = parts.header["kid"] == self.id.as_str() && parts.header["alg"] == "ES256";
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key());
        (own && key.verify(parts.signed.as_bytes(), &parts.signature).is_ok()).then_some(parts.claims)
    }

    /// The public half (RFC 7517).
    pub(super) fn public(&self) -> Value {
        // RFC 5480 section 2.2: a four, then the two coordinates.
        let point = self.pair.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        json!({ "kty": "EC", "use": "sig", "crv": "P-256", "alg": "ES256", "kid": self.id, "x": encode(x), "y": encode(y) })
    }
}

impl<'a> Parts<'a> {
    pub(super) fn of(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let read = |part: &str| serde_json::from_slice::<Value>(&decode(part)?).ok().filter(Value::is_object);
        Some(Self { header: read(header)?, claims: read(claims)?, signed, signature: decode(signature)? })
    }
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Some writers pad.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}
