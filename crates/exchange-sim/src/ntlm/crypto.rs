//! The arithmetic of NTLMv2 (MS-NLMP sections 3.3.2 and 3.4).

use hmac::{Hmac, Mac};
use md4::Md4;
use md5::{Digest, Md5};

use super::message::{flag, utf16};

/// What every hash here yields.
pub(crate) type Key = [u8; 16];

/// `NTOWFv2(Passwd, User, UserDom)`. The name is in capitals, the domain as the client wrote it.
pub(crate) fn ntowf_v2(password: &str, user: &str, domain: &str) -> Key {
    let owner = [utf16(&capitals(user)), utf16(domain)].concat();
    hmac_md5(&Md4::digest(utf16(password)), &[&owner])
}

/// `NTProofStr`
pub(crate) fn proof(ntowf: &Key, nonce: &[u8; 8], temp: &[u8]) -> Key {
    hmac_md5(ntowf, &[nonce, temp])
}

/// `SessionBaseKey`, which with NTLMv2 is also the KeyExchangeKey.
pub(crate) fn session_base_key(ntowf: &Key, proof: &Key) -> Key {
    hmac_md5(ntowf, &[proof])
}

/// HMAC-MD5 (RFC 2104) over the pieces.
pub(crate) fn hmac_md5(key: &[u8], pieces: &[&[u8]]) -> Key {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(key) else { return Key::default() };
    pieces.iter().for_each(|piece| mac.update(piece));
    mac.finalize().into_bytes().into()
}

/// Whether two digests are the same, without telling by the time taken where they differ.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other)) == 0
}

/// Who signs a message.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Client,
    Server,
}

/// The signature of the first message a side signs, with extended session security (section 3.4.4.2).
pub(crate) fn signature(session_key: &Key, flags: u32, side: Side, message: &[u8]) -> [u8; 16] {
    let (signing, sealing) = keys(session_key, flags, side);
    let checksum = hmac_md5(&signing, &[&SEQUENCE, message]);
    let mut checksum = checksum.first_chunk::<8>().copied().unwrap_or_default();
    if flags & flag::KEY_EXCH != 0 {
        Rc4::new(&sealing).apply(&mut checksum);
    }
    let mut out = [0; 16];
    let parts = [&VERSION[..], &checksum, &SEQUENCE].into_iter().flatten();
    out.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
    out
}

/// `SIGNKEY` and `SEALKEY` of a side, with extended session security (sections 3.4.5.2 and 3.4.5.3).
pub(crate) fn keys(session_key: &Key, flags: u32, side: Side) -> (Key, Key) {
    let direction = match side {
        Side::Client => "client-to-server",
        Side::Server => "server-to-client",
    };
    let derive = |from: &[u8], purpose: &str| -> Key {
        let constant = format!("session key to {direction} {purpose} key magic constant\0");
        Md5::new_with_prefix(from).chain_update(constant).finalize().into()
    };
    let strength = match flags {
        flags if flags & flag::BITS_128 != 0 => 16,
        flags if flags & flag::BITS_56 != 0 => 7,
        _ => 5,
    };
    let weakened = session_key.get(..strength).unwrap_or(session_key);
    (derive(session_key, "signing"), derive(weakened, "sealing"))
}

/// The signature where integrity was not negotiated (section 3.4.4: NTLMSSP_NEGOTIATE_ALWAYS_SIGN alone).
pub(crate) const DUMMY_SIGNATURE: [u8; 16] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const VERSION: [u8; 4] = [1, 0, 0, 0];
const SEQUENCE: [u8; 4] = [0; 4];

/// RC4, which NTLM still exchanges keys with.
pub(crate) struct Rc4 {
    state: [u8; 256],
    i: u8,
    j: u8,
}

impl Rc4 {
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut state: [u8; 256] = std::array::from_fn(|at| u8::try_from(at).unwrap_or_default());
        let mut j = 0_u8;
        for (i, byte) in (0..=255_u8).zip(key.iter().cycle()) {
            j = j.wrapping_add(state[usize::from(i)]).wrapping_add(*byte);
            state.swap(usize::from(i), usize::from(j));
        }
        Self { state, i: 0, j: 0 }
    }

    pub(crate) fn apply(&mut self, data: &mut [u8]) {
        for byte in data {
            self.i = self.i.wrapping_add(1);
            let one = self.state[usize::from(self.i)];
            self.j = self.j.wrapping_add(one);
            let other = self.state[usize::from(self.j)];
            self.state.swap(usize::from(self.i), usize::from(self.j));
            *byte ^= self.state[usize::from(one.wrapping_add(other))];
        }
    }
}

/// Capitals as Windows makes them: one UTF-16 unit for one, so `ß` stays as it is.
fn capitals(text: &str) -> String {
    let capital = |letter: char| {
        let mut upper = letter.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(one), None) if one.len_utf16() == 1 && letter.len_utf16() == 1 => one,
            _ => letter,
        }
    };
    text.chars().map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rc4_is_as_published() {
        // RFC 6229 section 2: key 0x0102030405.
        let mut stream = [0; 16];
        Rc4::new(&[1, 2, 3, 4, 5]).apply(&mut stream);
        assert_eq!(stream, *b"\xb2\x39\x63\x05\xf0\x3d\xc0\x27\xcc\xc3\x52\x4a\x0a\x11\x18\xa8");
    }

    #[test]
    fn capitals_are_letter_by_letter() {
        assert_eq!(capitals("anna.groß-é\u{10428}"), "ANNA.GROß-É\u{10428}");
    }

    #[test]
    fn digests_are_compared_whole() {
        assert!(same(&[1, 2], &[1, 2]) && !same(&[1, 2], &[1, 3]) && !same(&[1], &[1, 2]));
    }
}
