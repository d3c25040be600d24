//! BER as LDAP uses it (RFC 4511 section 5.1): definite lengths, one octet of tag. What is longer than what holds it, or
//! leaves something over, is no value.

use std::fmt;

/// Octets that are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BerError;

impl fmt::Display for BerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("This is no LDAP request")
    }
}

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// `[n]` of a primitive value, `[n]` of one that holds others, and the same for `[APPLICATION n]`.
pub(super) const fn context(number: u8) -> u8 {
    0x80 | number
}

pub(super) const fn context_of_values(number: u8) -> u8 {
    0xa0 | number
}

pub(super) const fn application(number: u8) -> u8 {
    0x40 | number
}

pub(super) const fn application_of_values(number: u8) -> u8 {
    0x60 | number
}

/// Values one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    pub(super) fn of(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The tag of the next value, if there is one.
    pub(super) fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next value, whatever it is: its tag and what it holds.
    pub(super) fn any(&mut self) -> Result<(u8, &'a [u8]), BerError> {
        let (&tag, _) = self.0.split_first().ok_or(BerError)?;
        let (head, length) = match header(self.0) {
            Header::Whole { head, length } => (head, length),
            Header::Cut | Header::Wrong => return Err(BerError),
        };
        let whole = head.checked_add(length).ok_or(BerError)?;
        let content = self.0.get(head..whole).ok_or(BerError)?;
        self.0 = self.0.get(whole..).ok_or(BerError)?;
        Ok((tag, content))
    }

    /// The next value, which must have this tag.
    pub(super) fn next(&mut self, tag: u8) -> Result<&'a [u8], BerError> {
        if self.tag() == Some(tag) { self.any().map(|(_, content)| content) } else { Err(BerError) }
    }

    /// The next value, if it has this tag.
    pub(super) fn perhaps(&mut self, tag: u8) -> Result<Option<&'a [u8]>, BerError> {
        if self.tag() == Some(tag) { self.next(tag).map(Some) } else { Ok(None) }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, BerError> {
        text(self.next(OCTET_STRING)?)
    }

    /// `INTEGER (0 .. maxInt)`
    pub(super) fn number(&mut self) -> Result<u32, BerError> {
        number(self.next(INTEGER)?)
    }

    pub(super) fn enumerated(&mut self) -> Result<u32, BerError> {
        number(self.next(ENUMERATED)?)
    }

    pub(super) fn boolean(&mut self) -> Result<bool, BerError> {
        boolean(self.next(BOOLEAN)?)
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), BerError> {
        if self.0.is_empty() { Ok(()) } else { Err(BerError) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// UTF-8.
pub(super) fn text(content: &[u8]) -> Result<&str, BerError> {
    std::str::from_utf8(content).map_err(|_| BerError)
}

pub(super) fn boolean(content: &[u8]) -> Result<bool, BerError> {
    match content {
        [octet] => Ok(*octet != 0),
        _ => Err(BerError),
    }
}

/// A number that is not negative and not above 2^31 - 1 (RFC 4511 section 4.1.1).
pub(super) fn number(content: &[u8]) -> Result<u32, BerError> {
    let is_fine = matches!(content, [first, ..] if *first < 0x80) && content.len() <= 4;
    if !is_fine {
        return Err(BerError);
    }
    Ok(content.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet)))
}

/// How a value begins.
pub(super) enum Header {
    /// Octets of its head, and of what it holds.
    Whole {
        /// Tag and length.
        head: usize,
        /// What follows them.
        length: usize,
    },
    /// More has to come before that can be told.
    Cut,
    /// A tag or a length that LDAP has not.
    Wrong,
}

/// Reads tag and length.
pub(super) fn header(octets: &[u8]) -> Header {
    let (tag, length) = match octets {
        [] => return Header::Cut,
        [tag] => (*tag, None),
        [tag, length, ..] => (*tag, Some(*length)),
    };
    if tag & 0x1f == 0x1f {
        return Header::Wrong;
    }
    match length {
        None => Header::Cut,
        Some(length @ 0..=0x7f) => Header::Whole { head: 2, length: usize::from(length) },
        // Of indefinite length, or of more than anybody sends.
        Some(0x80 | 0x85..) => Header::Wrong,
        Some(long) => {
            let head = 2 + usize::from(long & 0x7f);
            let Some(digits) = octets.get(2..head) else { return Header::Cut };
            let length = digits.iter().fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet));
            usize::try_from(length).map_or(Header::Wrong, |length| Header::Whole { head, length })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_strictly() {
        let mut values = Values::of(b"\x04\x02hi\x02\x01\x05\x0a\x01\x02\x01\x01\xff");
        assert_eq!(values.text(), Ok("hi"));
        assert_eq!(values.number(), Ok(5));
        assert_eq!(values.enumerated(), Ok(2));
        assert_eq!(values.boolean(), Ok(true));
        assert!(values.end().is_ok());
        assert_eq!(Values::of(b"\x04\x81\x02hi").text(), Ok("hi"));
        assert_eq!(Values::of(b"\x04\x84\0\0\0\x02hi").text(), Ok("hi"));
        for wrong in [
            &b""[..],
            b"\x04",
            b"\x04\x03hi",
            b"\x04\x80hi\0\0",
            b"\x04\x85\0\0\0\0\x02hi",
            b"\x1f\x04\x02hi",
            b"\x04\x84\xff\xff\xff\xffhi",
            b"\x04\x01\xff",
            b"\x02\x02hi",
        ] {
            assert_eq!(Values::of(wrong).text(), Err(BerError), "{wrong:x?}");
        }
        for wrong in [&b"\x02\0"[..], b"\x02\x01\xff", b"\x02\x05\0\0\0\0\x01"] {
            assert_eq!(Values::of(wrong).number(), Err(BerError), "{wrong:x?}");
        }
    }
}
