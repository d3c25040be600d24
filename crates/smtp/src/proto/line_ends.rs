//! Line ends are CRLF, and nothing else is (RFC 5321 section 2.3.8). Who takes other things for one can be made to see
//! commands in the middle of a message.

use std::fmt;

/// What must not be in a message or a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// CR without LF behind it.
    BareCr,
    /// LF without CR before it.
    BareLf,
    /// NUL (RFC 5321 section 4.5.2).
    Nul,
    /// More octets than a line may have; not of messages.
    TooLong,
    /// The beginning of TLS, from a client that takes this port for another; not of messages.
    Tls,
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BareCr => "a CR without LF",
            Self::BareLf => "an LF without CR",
            Self::Nul => "a NUL",
            Self::TooLong => "too many octets in a line",
            Self::Tls => "TLS",
        })
    }
}

/// Watches line ends over pieces, however they are cut.
#[derive(Clone, Copy, Debug, Default)]
pub struct LineEnds {
    after_cr: bool,
}

impl LineEnds {
    /// Looks at the next piece.
    ///
    /// # Errors
    /// The first fault.
    pub fn look(&mut self, piece: &[u8]) -> Result<(), LineFault> {
        let Some((&first, _)) = piece.split_first() else { return Ok(()) };
        if self.after_cr && first != b'\n' {
            return Err(LineFault::BareCr);
        }
        for at in memchr::memchr3_iter(b'\r', b'\n', 0, piece) {
            let before = match at.checked_sub(1) {
                Some(before) => piece.get(before) == Some(&b'\r'),
                None => self.after_cr,
            };
            match piece.get(at) {
                Some(b'\n') if !before => return Err(LineFault::BareLf),
                Some(b'\r') if piece.get(at + 1).is_some_and(|&next| next != b'\n') => return Err(LineFault::BareCr),
                Some(0) => return Err(LineFault::Nul),
                _ => {}
            }
        }
        self.after_cr = piece.ends_with(b"\r");
        Ok(())
    }

    /// Looks at the end.
    ///
    /// # Errors
    /// A CR is the last octet.
    pub fn end(self) -> Result<(), LineFault> {
        if self.after_cr { Err(LineFault::BareCr) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_seen_however_pieces_are_cut() {
        for (text, wanted) in [
            ("", Ok(())),
            ("a\r\n\r\nb", Ok(())),
            ("a\nb", Err(LineFault::BareLf)),
            ("\n", Err(LineFault::BareLf)),
            ("a\r\n\n", Err(LineFault::BareLf)),
            ("a\rb", Err(LineFault::BareCr)),
            ("a\r\r\n", Err(LineFault::BareCr)),
            ("a\r", Err(LineFault::BareCr)),
            ("a\0b\r\n", Err(LineFault::Nul)),
        ] {
            for length in 1..=text.len().max(1) {
                let mut ends = LineEnds::default();
                let seen =
                    text.as_bytes().chunks(length).try_for_each(|piece| ends.look(piece)).and_then(|()| ends.end());
                assert_eq!(seen, wanted, "{text:?} by {length}");
            }
        }
    }
}
