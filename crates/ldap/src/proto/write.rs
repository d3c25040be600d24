//! BER to be sent.

use super::ber::{BOOLEAN, ENUMERATED, INTEGER, OCTET_STRING};

/// Values one after the other.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn into_octets(self) -> Vec<u8> {
        self.0
    }

    /// A value with this content.
    pub(super) fn value(&mut self, tag: u8, content: &[u8]) -> &mut Self {
        self.0.push(tag);
        match u8::try_from(content.len()) {
            Ok(short @ 0..=0x7f) => self.0.push(short),
            _ => {
                let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
                let zeros = length.iter().take_while(|octet| **octet == 0).count();
                let digits = length.get(zeros..).unwrap_or_default();
                self.0.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
                self.0.extend_from_slice(digits);
            }
        }
        self.0.extend_from_slice(content);
        self
    }

    /// A value that holds others.
    pub(super) fn values(&mut self, tag: u8, write: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inner = Self::default();
        write(&mut inner);
        self.value(tag, &inner.0)
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.value(OCTET_STRING, text.as_bytes())
    }

    pub(super) fn number(&mut self, number: u32) -> &mut Self {
        self.value(INTEGER, &digits(number))
    }

    pub(super) fn enumerated(&mut self, number: u32) -> &mut Self {
        self.value(ENUMERATED, &digits(number))
    }

    #[cfg_attr(not(test), expect(dead_code, reason = "requests are written by tests only"))]
    pub(super) fn boolean(&mut self, value: bool) -> &mut Self {
        self.value(BOOLEAN, &[if value { 0xff } else { 0 }])
    }
}

/// As few octets as tell the number, with a zero before one that would look negative.
fn digits(number: u32) -> Vec<u8> {
    let octets = number.to_be_bytes();
    let zeros = octets.iter().take(3).take_while(|octet| **octet == 0).count();
    let digits = octets.get(zeros..).unwrap_or_default();
    match digits.first() {
        Some(0x80..) => [&[0], digits].concat(),
        _ => digits.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_short() {
        let mut out = Writer::default();
        out.number(0).number(127).number(128).number(256).enumerated(4).boolean(true).text("é");
        let wanted = b"\x02\x01\0\x02\x01\x7f\x02\x02\0\x80\x02\x02\x01\0\x0a\x01\x04\x01\x01\xff\x04\x02\xc3\xa9";
        assert_eq!(out.into_octets(), wanted);
        let mut out = Writer::default();
        out.text(&"x".repeat(127)).text(&"x".repeat(128)).text(&"x".repeat(300));
        let octets = out.into_octets();
        assert_eq!(octets[..2], [0x04, 127]);
        assert_eq!(octets[129..132], [0x04, 0x81, 128]);
        assert_eq!(octets[260..264], [0x04, 0x82, 1, 44]);
    }
}
