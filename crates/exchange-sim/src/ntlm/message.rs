//! The three messages as bytes (MS-NLMP section 2.2.1).

use super::av::{self, Pairs};

/// Flags of NEGOTIATE (MS-NLMP section 2.2.2.5).
pub(crate) mod flag {
    pub(crate) const UNICODE: u32 = 0x0000_0001;
    pub(crate) const OEM: u32 = 0x0000_0002;
    pub(crate) const REQUEST_TARGET: u32 = 0x0000_0004;
    pub(crate) const SIGN: u32 = 0x0000_0010;
    pub(crate) const SEAL: u32 = 0x0000_0020;
    pub(crate) const NTLM: u32 = 0x0000_0200;
    pub(crate) const ALWAYS_SIGN: u32 = 0x0000_8000;
    pub(crate) const TARGET_TYPE_DOMAIN: u32 = 0x0001_0000;
    pub(crate) const EXTENDED_SESSIONSECURITY: u32 = 0x0008_0000;
    pub(crate) const TARGET_INFO: u32 = 0x0080_0000;
    pub(crate) const VERSION: u32 = 0x0200_0000;
    pub(crate) const BITS_128: u32 = 0x2000_0000;
    pub(crate) const KEY_EXCH: u32 = 0x4000_0000;
    pub(crate) const BITS_56: u32 = 0x8000_0000;
}

/// What kind of message these bytes are, if any.
pub(crate) fn kind(message: &[u8]) -> Option<u32> {
    message.strip_prefix(SIGNATURE).and_then(|rest| number(rest, 0))
}

/// The flags of a NEGOTIATE_MESSAGE. What else it may carry says nothing about the person.
pub(crate) fn negotiate(message: &[u8]) -> Option<u32> {
    (kind(message) == Some(NEGOTIATE)).then(|| number(message, 12)).flatten()
}

/// A CHALLENGE_MESSAGE.
pub(crate) struct Challenge<'a> {
    pub(crate) flags: u32,
    pub(crate) nonce: [u8; 8],
    pub(crate) target: &'a str,
    pub(crate) info: &'a Pairs,
}

impl Challenge<'_> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let name = utf16(self.target);
        let info = self.info.encode();
        let mut out = SIGNATURE.to_vec();
        out.extend(CHALLENGE.to_le_bytes());
        field(&mut out, name.len(), CHALLENGE_HEAD);
        out.extend(self.flags.to_le_bytes());
        out.extend(self.nonce);
        out.extend([0; 8]);
        field(&mut out, info.len(), CHALLENGE_HEAD + name.len());
        out.extend(PRODUCT_VERSION);
        out.extend(name);
        out.extend(info);
        out
    }
}

/// An AUTHENTICATE_MESSAGE. Texts are as the client wrote them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authenticate<'a> {
    pub(crate) flags: u32,
    pub(crate) lm: &'a [u8],
    pub(crate) nt: &'a [u8],
    pub(crate) domain: String,
    pub(crate) user: String,
    pub(crate) workstation: String,
    /// EncryptedRandomSessionKey.
    pub(crate) session_key: &'a [u8],
}

impl<'a> Authenticate<'a> {
    pub(crate) fn decode(message: &'a [u8]) -> Option<Self> {
        if kind(message) != Some(AUTHENTICATE) {
            return None;
        }
        let flags = number(message, 60)?;
        let text = |at| payload(message, at).map(|bytes| text(bytes, flags));
        Some(Self {
            lm: payload(message, 12)?,
            nt: payload(message, 20)?,
            domain: text(28)?,
            user: text(36)?,
            workstation: text(44)?,
            session_key: payload(message, 52)?,
            flags,
        })
    }
}

/// The 16 bytes where an AUTHENTICATE_MESSAGE has its MIC, and the message with zeros there (section 3.1.5.1.2).
pub(crate) fn mic(message: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let mic = message.get(MIC)?;
    let without = [message.get(..MIC.start)?, &[0; 16], message.get(MIC.end..)?].concat();
    Some((mic, without))
}

/// NTLMv2_CLIENT_CHALLENGE (section 2.2.2.7), behind the 16 bytes of proof.
pub(crate) struct Response<'a> {
    pub(crate) proof: &'a [u8],
    /// Everything the proof is about; `temp` in section 3.3.2.
    pub(crate) temp: &'a [u8],
    pub(crate) pairs: Pairs,
}

impl<'a> Response<'a> {
    pub(crate) fn decode(nt: &'a [u8]) -> Option<Self> {
        let (proof, temp) = nt.split_at_checked(16)?;
        temp.strip_prefix(&[1, 1])?;
        Some(Self { proof, temp, pairs: av::decode(temp.get(28..)?)? })
    }
}

/// UTF-16LE.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A text of an AUTHENTICATE_MESSAGE. The OEM character set is read as Latin-1, which agrees with it in ASCII.
fn text(bytes: &[u8], flags: u32) -> String {
    match flags & flag::UNICODE {
        0 => bytes.iter().copied().map(char::from).collect(),
        _ => from_utf16(bytes),
    }
}

/// Text in UTF-16LE; half a character becomes U+FFFD.
pub(crate) fn from_utf16(bytes: &[u8]) -> String {
    let (units, _) = bytes.as_chunks::<2>();
    String::from_utf16_lossy(&units.iter().map(|unit| u16::from_le_bytes(*unit)).collect::<Vec<_>>())
}

/// Length, room and offset of something in the payload.
fn field(out: &mut Vec<u8>, length: usize, offset: usize) {
    let length = u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
    out.extend(length);
    out.extend(length);
    out.extend(u32::try_from(offset).unwrap_or(u32::MAX).to_le_bytes());
}

/// What the field at `at` points to. An offset counts only if there is something.
fn payload(message: &[u8], at: usize) -> Option<&[u8]> {
    let length = usize::from(u16::from_le_bytes(*message.get(at..)?.first_chunk()?));
    let offset = usize::try_from(number(message, at + 4)?).ok()?;
    if length == 0 {
        return Some(&[]);
    }
    message.get(offset..)?.get(..length)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

pub(crate) const SIGNATURE: &[u8] = b"NTLMSSP\0";
pub(crate) const NEGOTIATE: u32 = 1;
const CHALLENGE: u32 = 2;
pub(crate) const AUTHENTICATE: u32 = 3;

const CHALLENGE_HEAD: usize = 56;
const MIC: std::ops::Range<usize> = 72..88;

/// Windows 10, build 20348, NTLM revision 15.
const PRODUCT_VERSION: [u8; 8] = [10, 0, 0x7c, 0x4f, 0, 0, 0, 15];
