//! NTLMv2 as a client speaks it (MS-NLMP). Pure: the caller brings nonce and clock.
//!
//! NTLMv1 is never spoken. Nothing is sealed after the sign-in, so that no session key is sent; what is signed is the
//! list of mechanisms around it, if there is one (SPNEGO).

use hmac::{Hmac, Mac};
use md4::Md4;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use crate::Secret;

/// Who signs in, to what, and over what.
#[derive(Debug)]
pub(crate) struct Ntlm<'a> {
    /// `DOMAIN\user`, or a user principal name, which goes without a domain.
    pub(crate) user: &'a str,
    pub(crate) password: &'a Secret,
    /// Such as `HTTP/mail.example.org` (MsvAvTargetName).
    pub(crate) target: String,
    /// Over TLS, the hash of its channel binding (MsvAvChannelBindings).
    pub(crate) binding: Option<[u8; 16]>,
    /// Random.
    pub(crate) nonce: [u8; 8],
    /// Ticks of 100 ns since 1601, for servers that do not tell the time.
    pub(crate) now: u64,
}

/// A challenge that cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswerable {
    /// It is no CHALLENGE_MESSAGE.
    Malformed,
    /// The server knows NTLMv1 only.
    NoTargetInfo,
}

/// An AUTHENTICATE_MESSAGE, and what can be signed once it was sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authenticate {
    pub(crate) message: Vec<u8>,
    session: Zeroizing<[u8; 16]>,
    flags: u32,
}

impl Authenticate {
    /// The first signature of the client: GSS_GetMIC (MS-NLMP sections 3.4.4.2 and 3.4.5.2). None if the two sides did
    /// not agree on signing.
    pub(crate) fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let agreed = SIGN | EXTENDED_SESSION_SECURITY;
        if self.flags & agreed != agreed {
            return None;
        }
        let key: [u8; 16] = Md5::new().chain_update(*self.session).chain_update(SIGNING_KEY).finalize().into();
        let number = [0; 4];
        let checksum = hmac(&key, &[&number, text]);
        Some([&1u32.to_le_bytes()[..], checksum.get(..8)?, &number].concat())
    }
}

/// The NEGOTIATE_MESSAGE (MS-NLMP section 2.2.1.1), with these flags.
pub(crate) fn negotiate(flags: u32) -> Vec<u8> {
    let mut message = Vec::with_capacity(40);
    message.extend_from_slice(SIGNATURE);
    message.extend_from_slice(&1u32.to_le_bytes());
    message.extend_from_slice(&flags.to_le_bytes());
    // Neither domain nor workstation: no server needs them.
    message.extend_from_slice(&[0; 16]);
    message.extend_from_slice(&VERSION);
    message
}

impl Ntlm<'_> {
    /// The AUTHENTICATE_MESSAGE (MS-NLMP section 2.2.1.3) that answers a challenge; `negotiate` is what was sent first.
    pub(crate) fn authenticate(&self, negotiate: &[u8], challenge: &[u8]) -> Result<Authenticate, Unanswerable> {
        let asked = u32::from_le_bytes(chunk(negotiate, 12)?);
        let told = Challenge::parse(challenge)?;
        let (domain, user) = self.user.split_once('\\').unwrap_or(("", self.user));
        let key = response_key(user, domain, self.password);
        let temp = self.temp(&told);
        let proof = hmac(&key, &[&told.nonce, &temp]);
        let response = [&proof[..], &temp].concat();
        let lm = match told.time {
            // MS-NLMP section 3.1.5.1.2: where the server tells the time, the old response is empty.
            Some(_) => [0; 24].to_vec(),
            None => [&hmac(&key, &[&told.nonce, &self.nonce])[..], &self.nonce].concat(),
        };
        let flags = (asked & told.flags) | TARGET_INFO;
        let session = Zeroizing::new(hmac(&key, &[&proof]));
        let mut message = authenticate_message(flags, &utf16(domain), &utf16(user), &lm, &response);
        if told.time.is_some() {
            let mic = hmac(&session, &[negotiate, challenge, &message]);
            message.get_mut(MIC).ok_or(Unanswerable::Malformed)?.copy_from_slice(&mic);
        }
        Ok(Authenticate { message, session, flags })
    }

    /// What is proved (MS-NLMP section 3.3.2, `temp`).
    fn temp(&self, told: &Challenge) -> Vec<u8> {
        let mut pairs: Vec<(u16, Vec<u8>)> = told.pairs.clone();
        pairs.retain(|(id, _)| !matches!(*id, AV_FLAGS | AV_TARGET_NAME | AV_CHANNEL_BINDINGS));
        let flags = told.pairs.iter().find(|(id, _)| *id == AV_FLAGS).and_then(|(_, flags)| flags.first_chunk());
        let mut flags = flags.map_or(0, |flags| u32::from_le_bytes(*flags));
        if told.time.is_some() {
            flags |= AV_FLAG_MIC;
        }
        if flags != 0 {
            pairs.push((AV_FLAGS, flags.to_le_bytes().to_vec()));
        }
        pairs.push((AV_CHANNEL_BINDINGS, self.binding.unwrap_or_default().to_vec()));
        pairs.push((AV_TARGET_NAME, utf16(&self.target)));
        let mut temp = vec![1, 1, 0, 0, 0, 0, 0, 0];
        temp.extend_from_slice(&told.time.unwrap_or(self.now).to_le_bytes());
        temp.extend_from_slice(&self.nonce);
        temp.extend_from_slice(&[0; 4]);
        for (id, value) in &pairs {
            temp.extend_from_slice(&id.to_le_bytes());
            temp.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
            temp.extend_from_slice(
                value.get(..usize::from(u16::try_from(value.len()).unwrap_or(0))).unwrap_or_default(),
            );
        }
        temp.extend_from_slice(&[0; 8]);
        temp
    }
}

/// A CHALLENGE_MESSAGE (MS-NLMP section 2.2.1.2).
#[derive(Debug)]
struct Challenge {
    flags: u32,
    nonce: [u8; 8],
    /// MsvAvTimestamp
    time: Option<u64>,
    /// TargetInfo, without its end.
    pairs: Vec<(u16, Vec<u8>)>,
}

impl Challenge {
    fn parse(message: &[u8]) -> Result<Challenge, Unanswerable> {
        let head = message.first_chunk::<12>().ok_or(Unanswerable::Malformed)?;
        if !head.starts_with(SIGNATURE) || !head.ends_with(&2u32.to_le_bytes()) {
            return Err(Unanswerable::Malformed);
        }
        let flags = u32::from_le_bytes(chunk(message, 20)?);
        let nonce = chunk(message, 24)?;
        let length = u16::from_le_bytes(chunk(message, 40).map_err(|_| Unanswerable::NoTargetInfo)?);
        let start = u32::from_le_bytes(chunk(message, 44)?) as usize;
        if flags & TARGET_INFO == 0 || length == 0 {
            return Err(Unanswerable::NoTargetInfo);
        }
        let info = message.get(start..).and_then(|rest| rest.get(..usize::from(length)));
        let pairs = pairs(info.ok_or(Unanswerable::Malformed)?)?;
        let time = pairs.iter().find(|(id, _)| *id == AV_TIMESTAMP).and_then(|(_, time)| time.first_chunk());
        Ok(Challenge { flags, nonce, time: time.map(|time| u64::from_le_bytes(*time)), pairs })
    }
}

/// AV_PAIRs (MS-NLMP section 2.2.2.1) up to their end.
fn pairs(mut info: &[u8]) -> Result<Vec<(u16, Vec<u8>)>, Unanswerable> {
    let mut pairs = Vec::new();
    loop {
        let id = u16::from_le_bytes(chunk(info, 0)?);
        let length = usize::from(u16::from_le_bytes(chunk(info, 2)?));
        if id == 0 {
            return Ok(pairs);
        }
        let (value, rest) =
            info.get(4..).and_then(|rest| rest.split_at_checked(length)).ok_or(Unanswerable::Malformed)?;
        pairs.push((id, value.to_vec()));
        info = rest;
    }
}

fn chunk<const N: usize>(message: &[u8], at: usize) -> Result<[u8; N], Unanswerable> {
    message.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(Unanswerable::Malformed)
}

/// Head, an empty MIC, and what the head points to.
fn authenticate_message(flags: u32, domain: &[u8], user: &[u8], lm: &[u8], nt: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut field = |value: &[u8]| {
        let length = u16::try_from(value.len()).unwrap_or(0).to_le_bytes();
        let start = u32::try_from(MIC.end + payload.len()).unwrap_or(0).to_le_bytes();
        payload.extend_from_slice(value);
        [length[0], length[1], length[0], length[1], start[0], start[1], start[2], start[3]]
    };
    // In the payload the names come first, as Windows writes it.
    let (domain, user, workstation) = (field(domain), field(user), field(&[]));
    let (lm, nt, session_key) = (field(lm), field(nt), field(&[]));
    let mut message = Vec::with_capacity(MIC.end + payload.len());
    message.extend_from_slice(SIGNATURE);
    message.extend_from_slice(&3u32.to_le_bytes());
    for field in [lm, nt, domain, user, workstation, session_key] {
        message.extend_from_slice(&field);
    }
    message.extend_from_slice(&flags.to_le_bytes());
    message.extend_from_slice(&VERSION);
    message.extend_from_slice(&[0; 16]);
    message.extend_from_slice(&payload);
    message
}

/// NTOWFv2 (MS-NLMP section 3.3.2).
fn response_key(user: &str, domain: &str, password: &Secret) -> [u8; 16] {
    let password = Zeroizing::new(utf16(password.expose()));
    let hash = Zeroizing::new(<[u8; 16]>::from(Md4::digest(&*password)));
    hmac(&hash, &[&utf16(&user.to_uppercase()), &utf16(domain)])
}

/// HMAC-MD5. Keys may have any length, so that this cannot fail.
fn hmac(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    let Ok(mut mac) = <Hmac<Md5> as Mac>::new_from_slice(key) else { return [0; 16] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

const SIGNATURE: &[u8] = b"NTLMSSP\0";

/// UNICODE, REQUEST_TARGET, NTLM, ALWAYS_SIGN, EXTENDED_SESSIONSECURITY, VERSION, 128, 56 (MS-NLMP section 2.2.2.5).
pub(crate) const FLAGS: u32 = 0xa208_8205;
/// Something is signed.
pub(crate) const SIGN: u32 = 0x0000_0010;
const EXTENDED_SESSION_SECURITY: u32 = 0x0008_0000;
const TARGET_INFO: u32 = 0x0080_0000;

/// Windows 10, revision 15: some servers look at it.
const VERSION: [u8; 8] = [10, 0, 0x61, 0x4a, 0, 0, 0, 15];

/// MS-NLMP section 3.4.5.2, of the client.
const SIGNING_KEY: &[u8] = b"session key to client-to-server signing key magic constant\0";

/// Where the MIC stands in an AUTHENTICATE_MESSAGE.
const MIC: std::ops::Range<usize> = 72..88;

const AV_FLAGS: u16 = 6;
const AV_TIMESTAMP: u16 = 7;
const AV_TARGET_NAME: u16 = 9;
const AV_CHANNEL_BINDINGS: u16 = 10;
/// In MsvAvFlags: a MIC is there.
const AV_FLAG_MIC: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    /// MS-NLMP section 4.2.4: user `User` of `Domain` with `Password`, all keys and messages.
    fn example(secret: &Secret) -> Ntlm<'_> {
        Ntlm { user: "Domain\\User", password: secret, target: String::new(), binding: None, nonce: [0xaa; 8], now: 0 }
    }

    const SERVER_NONCE: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    /// A CHALLENGE_MESSAGE with these pairs.
    fn challenge(pairs: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut info = Vec::new();
        for (id, value) in pairs.iter().chain([&(0, Vec::new())]) {
            info.extend_from_slice(&id.to_le_bytes());
            info.extend_from_slice(&(value.len() as u16).to_le_bytes());
            info.extend_from_slice(value);
        }
        let mut message = SIGNATURE.to_vec();
        message.extend_from_slice(&2u32.to_le_bytes());
        message.extend_from_slice(&[0, 0, 0, 0, 56, 0, 0, 0]);
        message.extend_from_slice(&(FLAGS | TARGET_INFO).to_le_bytes());
        message.extend_from_slice(&SERVER_NONCE);
        message.extend_from_slice(&[0; 8]);
        message.extend_from_slice(&(info.len() as u16).to_le_bytes());
        message.extend_from_slice(&(info.len() as u16).to_le_bytes());
        message.extend_from_slice(&56u32.to_le_bytes());
        message.extend_from_slice(&VERSION);
        message.extend_from_slice(&info);
        message
    }

    #[test]
    fn keys_and_proofs_are_those_of_the_specification() {
        let secret = Secret::new("Password");
        let key = response_key("User", "Domain", &secret);
        assert_eq!(key.to_vec(), hex("0c868a403bfd7a93a3001ef22ef02e3f"));
        // 4.2.4.1.3 `temp`, without what we add to the pairs of the server.
        let temp = hex("01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000
             02000c0044006f006d00610069006e0001000c00530065007200760065007200 0000000000000000");
        let proof = hmac(&key, &[&SERVER_NONCE, &temp]);
        assert_eq!(proof.to_vec(), hex("68cd0ab851e51c96aabc927bebef6a1c"));
        assert_eq!(hmac(&key, &[&proof]).to_vec(), hex("8de40ccadbc14a82f15cb0ad0de95ca3"));
        // 4.2.4.2.1: where the server does not tell the time, the old response comes in version 2.
        let message =
            example(&secret).authenticate(&negotiate(FLAGS), &challenge(&[(1, utf16("Server"))])).unwrap().message;
        let lm = usize::try_from(u32::from_le_bytes(chunk(&message, 16).unwrap())).unwrap();
        assert_eq!(message[lm..lm + 24], hex("86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"));
        assert_eq!(message[MIC], [0; 16]);
    }

    #[test]
    fn a_server_that_tells_the_time_gets_a_proof_of_all_messages() {
        let secret = Secret::new("Password");
        let first = negotiate(FLAGS);
        let told = challenge(&[(2, utf16("Domain")), (AV_FLAGS, vec![4, 0, 0, 0]), (AV_TIMESTAMP, vec![9; 8])]);
        let bound = Ntlm { binding: Some([7; 16]), target: "HTTP/mail".into(), ..example(&secret) };
        let mut message = bound.authenticate(&first, &told).unwrap().message;
        let mic = message[MIC].to_vec();
        message[MIC].fill(0);
        let nt = usize::try_from(u32::from_le_bytes(chunk(&message, 24).unwrap())).unwrap();
        let length = usize::from(u16::from_le_bytes(chunk(&message, 20).unwrap()));
        let response = message[nt..nt + length].to_vec();
        let key = response_key("User", "Domain", &secret);
        assert_eq!(response[..16], hmac(&key, &[&SERVER_NONCE, &response[16..]]));
        let session = hmac(&key, &[&response[..16]]);
        assert_eq!(mic, hmac(&session, &[&first, &told, &message]));
        // Time and pairs as the server told them; flags with the one for the MIC; binding and target beside them.
        assert_eq!(response[24..32], [9; 8]);
        let said = pairs(&response[44..]).unwrap();
        let of = |id: u16| said.iter().find(|(known, _)| *known == id).map(|(_, value)| value.clone());
        assert_eq!(of(2), Some(utf16("Domain")));
        assert_eq!(of(AV_FLAGS), Some(vec![6, 0, 0, 0]));
        assert_eq!(of(AV_CHANNEL_BINDINGS), Some(vec![7; 16]));
        assert_eq!(of(AV_TARGET_NAME), Some(utf16("HTTP/mail")));
        let lm = usize::try_from(u32::from_le_bytes(chunk(&message, 16).unwrap())).unwrap();
        assert_eq!(message[lm..lm + 24], [0; 24]);
    }

    #[test]
    fn a_name_with_an_at_sign_goes_without_a_domain() {
        let secret = Secret::new("Pässwörd€");
        let ntlm = Ntlm { user: "user@example.org", ..example(&secret) };
        let message = ntlm.authenticate(&negotiate(FLAGS), &challenge(&[(2, utf16("Domain"))])).unwrap().message;
        let field = |at: usize| {
            let length = usize::from(u16::from_le_bytes(chunk(&message, at).unwrap()));
            let start = u32::from_le_bytes(chunk(&message, at + 4).unwrap()) as usize;
            message[start..start + length].to_vec()
        };
        assert_eq!((field(28), field(36)), (Vec::new(), utf16("user@example.org")));
    }

    /// MS-NLMP section 4.2.4.4 has the signing key of this session key, with a key exchange that we do not make.
    #[test]
    fn signatures_are_made_with_the_key_of_the_specification() {
        let session: [u8; 16] = hex("55555555555555555555555555555555").try_into().unwrap();
        let signed = |flags| Authenticate { message: vec![], session: Zeroizing::new(session), flags }.sign(b"list");
        let key: [u8; 16] = hex("4788dc861b4782f35d43fd98fe1a2d39").try_into().unwrap();
        let expected = [&[1, 0, 0, 0][..], &hmac(&key, &[&[0; 4], b"list"])[..8], &[0; 4]].concat();
        assert_eq!(signed(SIGN | EXTENDED_SESSION_SECURITY), Some(expected));
        assert_eq!((signed(EXTENDED_SESSION_SECURITY), signed(SIGN)), (None, None));
    }

    #[test]
    fn what_is_no_challenge_is_told() {
        let secret = Secret::new("x");
        let ntlm = example(&secret);
        let good = challenge(&[(2, utf16("Domain"))]);
        for end in 0..good.len() {
            assert!(ntlm.authenticate(&negotiate(FLAGS), &good[..end]).is_err(), "cut at {end}");
        }
        let mut old = good.clone();
        old[22] &= 0x7f;
        assert_eq!(ntlm.authenticate(&negotiate(FLAGS), &old), Err(Unanswerable::NoTargetInfo));
        let mut far = good;
        far[44..48].fill(0xff);
        assert_eq!(ntlm.authenticate(&negotiate(FLAGS), &far), Err(Unanswerable::Malformed));
    }
}
