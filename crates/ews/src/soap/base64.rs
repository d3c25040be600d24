use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Decodes base64 as it arrives in pieces; white space anywhere is passed over (RFC 2045 section 6.8).
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// Fewer than four characters waiting for the rest of their group.
    waiting: Vec<u8>,
    /// Padding was seen: nothing may follow.
    ended: bool,
    invalid: bool,
}

impl Decoder {
    /// The bytes of another piece. After something that is no base64 there are none any more.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let before = self.waiting.len();
        self.waiting.extend(piece.iter().filter(|byte| !byte.is_ascii_whitespace()));
        if self.invalid || (self.ended && self.waiting.len() > before) {
            self.invalid = true;
            return Vec::new();
        }
        let rest = self.waiting.split_off(self.waiting.len() / 4 * 4);
        let groups = std::mem::replace(&mut self.waiting, rest);
        self.ended |= groups.ends_with(b"=");
        match STANDARD.decode(groups) {
            Ok(_) if self.ended && !self.waiting.is_empty() => {
                self.invalid = true;
                Vec::new()
            }
            Ok(bytes) => bytes,
            Err(_) => {
                self.invalid = true;
                Vec::new()
            }
        }
    }

    /// True if everything was base64 and the last group whole.
    pub(super) fn finish(self) -> bool {
        !self.invalid && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(input: &str, piece: usize) -> Option<Vec<u8>> {
        let mut decoder = Decoder::default();
        let bytes = input.as_bytes().chunks(piece).flat_map(|bytes| decoder.push(bytes)).collect();
        decoder.finish().then_some(bytes)
    }

    #[test]
    fn pieces_of_any_size_give_the_same() {
        for (input, expected) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v\r\nYmFy\n", "foobar"), ("Zm9vYg = =", "foob")]
        {
            for piece in 1..=input.len().max(1) {
                assert_eq!(decode(input, piece).as_deref(), Some(expected.as_bytes()), "{input} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn what_is_no_base64_is_noticed() {
        for input in ["Zg", "Zg=", "Zg==Zg==", "Zm9v=== Truncated Data ===", "Zm*v", "====", "Zg==x"] {
            for piece in 1..=input.len() {
                assert_eq!(decode(input, piece), None, "{input} in pieces of {piece}");
            }
        }
    }
}
