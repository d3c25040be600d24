//! Line ends of messages that come.

use std::io::{self, Write};

/// Lines end in CRLF (RFC 5322 section 2.3). Scripts append files as they lie on disk, with bare line feeds; what is
/// fetched again must be mail all the same.
pub(super) struct Lines<W> {
    pub(super) out: W,
    after_return: bool,
}

impl<W: Write> Lines<W> {
    pub(super) fn into(out: W) -> Self {
        Self { out, after_return: false }
    }

    /// What comes next has nothing to do with what came.
    pub(super) fn begin(&mut self) {
        self.after_return = false;
    }

    pub(super) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        for line in piece.split_inclusive(|octet| *octet == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(text) if text.last().map_or(!self.after_return, |last| *last != b'\r') => {
                    self.out.write_all(text)?;
                    self.out.write_all(b"\r\n")?;
                }
                _ => self.out.write_all(line)?,
            }
            self.after_return = line.ends_with(b"\r");
        }
        Ok(())
    }

    /// Octets that are to stay as they are.
    pub(super) fn write_binary(&mut self, piece: &[u8]) -> io::Result<()> {
        self.after_return = piece.last().map_or(self.after_return, |last| *last == b'\r');
        self.out.write_all(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_crlf_however_the_message_comes() {
        let message = b"\nA: b\nC: d\r\n\r\n\n\rx\r\n\ny";
        for size in 1..=message.len() {
            let mut lines = Lines::into(Vec::new());
            message.chunks(size).for_each(|piece| lines.write(piece).unwrap());
            assert_eq!(lines.out, b"\r\nA: b\r\nC: d\r\n\r\n\r\n\rx\r\n\r\ny", "in pieces of {size}");
        }
    }

    #[test]
    fn binary_stays_as_it_is() {
        let mut lines = Lines::into(Vec::new());
        lines.write_binary(b"a\nb\r").unwrap();
        lines.write(b"\nc\n").unwrap();
        assert_eq!(lines.out, b"a\nb\r\nc\r\n");
    }
}
