//! A message on its way to a client: a dot before each line that begins with one (RFC 1939 section 3).

/// Where in a message a piece begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stuffing {
    place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Behind CRLF, or at the beginning.
    #[default]
    Line,
    /// Behind LF alone.
    BareLine,
    /// Behind CR.
    Cr,
    /// Somewhere else.
    Within,
}

impl Stuffing {
    /// Appends the next piece of the message, with its dots. A line that ends with LF alone ends all the same: many
    /// clients read lines so, and must not see the end of a message within it.
    pub fn put(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while let Some(&first) = rest.first() {
            if first == b'.' && matches!(self.place, Place::Line | Place::BareLine) {
                out.push(b'.');
            }
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (line, more) = rest.split_at(end);
            out.extend_from_slice(line);
            self.place = match line {
                [.., b'\r', b'\n'] => Place::Line,
                [b'\n'] if self.place == Place::Cr => Place::Line,
                [.., b'\n'] => Place::BareLine,
                [.., b'\r'] => Place::Cr,
                _ => Place::Within,
            };
            rest = more;
        }
    }

    /// Appends the end: a dot on a line of its own, whatever a client takes for the end of a line.
    pub fn end(self, out: &mut Vec<u8>) {
        if self.place != Place::Line {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stuffed(pieces: &[&str]) -> String {
        let (mut stuffing, mut out) = (Stuffing::default(), Vec::new());
        pieces.iter().for_each(|piece| stuffing.put(piece.as_bytes(), &mut out));
        stuffing.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dots_are_doubled_wherever_the_pieces_end() {
        assert_eq!(stuffed(&[".a\r\n", ".\r\n", "b."]), "..a\r\n..\r\nb.\r\n.\r\n");
        assert_eq!(stuffed(&["a\r", "\n", ".", "\r\n"]), "a\r\n..\r\n.\r\n");
        assert_eq!(stuffed(&["a\n.\nb\n"]), "a\n..\nb\n\r\n.\r\n");
        assert_eq!(stuffed(&["a\r.b\r\n"]), "a\r.b\r\n.\r\n");
        assert_eq!(stuffed(&[]), ".\r\n");
        assert_eq!(stuffed(&["a\r"]), "a\r\r\n.\r\n");
    }
}
