//! The octets after DATA: where the message ends, and what it is without the dots that were put in front of its own.
//!
//! The end is CRLF `.` CRLF and nothing else. Whatever other servers may take for one (`LF . LF`, `CR . CR`, and any mixture)
//! is found, and is an end too, but of a message that is refused and of a connection: what follows was perhaps never
//! meant as commands.

use super::line_ends::LineFault;

/// Reads the message of a DATA (RFC 5321 sections 4.1.1.4 and 4.5.2), octets as they come.
#[derive(Clone, Copy, Debug)]
pub struct Dots {
    place: Place,
    /// The line that is being read began after CRLF, or with the message.
    clean: bool,
    fault: Option<LineFault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    LineStart,
    /// Behind a dot that begins a line.
    Dot,
    /// Behind such a dot and a CR.
    DotCr,
    Line,
    Cr,
}

impl Default for Dots {
    fn default() -> Self {
        Self { place: Place::LineStart, clean: true, fault: None }
    }
}

impl Dots {
    /// Takes octets from `input`, and appends those of the message to `out`, unless it is refused already. Tells how many were
    /// taken, and at the end what is wrong with it. Behind the end nothing is taken.
    pub fn take(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Option<Result<(), LineFault>>) {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match (self.place, byte) {
                (Place::LineStart, b'.') => self.place = Place::Dot,
                (Place::Dot, b'\r') => self.place = Place::DotCr,
                (Place::Dot, b'\n') => return (at + 1, Some(Err(self.blame(LineFault::BareLf)))),
                (Place::DotCr, b'\n') if self.clean => return (at + 1, Some(self.fault.map_or(Ok(()), Err))),
                (Place::DotCr, b'\n') => return (at + 1, Some(Err(self.blame(LineFault::BareLf)))),
                (Place::DotCr, _) => return (at, Some(Err(self.blame(LineFault::BareCr)))),
                (Place::Cr, b'\n') => {
                    self.keep(b"\r\n", out);
                    (self.place, self.clean) = (Place::LineStart, true);
                }
                (Place::Cr, b'\r') => {
                    self.blame(LineFault::BareCr);
                }
                // Behind a bare CR some see a new line.
                (Place::Cr, _) => {
                    self.blame(LineFault::BareCr);
                    (self.place, self.clean) = (Place::LineStart, false);
                    continue;
                }
                (_, b'\r') => self.place = Place::Cr,
                (_, b'\n') => {
                    self.blame(LineFault::BareLf);
                    (self.place, self.clean) = (Place::LineStart, false);
                }
                (_, 0) => {
                    self.blame(LineFault::Nul);
                    self.place = Place::Line;
                }
                (_, _) => {
                    let rest = input.get(at..).unwrap_or_default();
                    let length = memchr::memchr3(b'\r', b'\n', 0, rest).unwrap_or(rest.len());
                    self.keep(rest.get(..length).unwrap_or_default(), out);
                    self.place = Place::Line;
                    at += length;
                    continue;
                }
            }
            at += 1;
        }
        (at, None)
    }

    /// True once it is known that the message is refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.fault.is_some()
    }

    /// The first fault is the one that is told.
    fn blame(&mut self, fault: LineFault) -> LineFault {
        *self.fault.get_or_insert(fault)
    }

    fn keep(&self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.fault.is_none() {
            out.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message, the fault, and what is left behind the end.
    fn read(text: &str, length: usize) -> Option<(Result<String, LineFault>, String)> {
        let mut dots = Dots::default();
        let mut out = Vec::new();
        let mut taken = 0;
        for piece in text.as_bytes().chunks(length) {
            let (used, end) = dots.take(piece, &mut out);
            taken += used;
            if let Some(end) = end {
                return Some((end.map(|()| String::from_utf8(out).unwrap()), text[taken..].to_owned()));
            }
        }
        None
    }

    #[test]
    fn the_end_is_crlf_dot_crlf() {
        for (text, message) in [
            (".\r\n", ""),
            ("a\r\n.\r\n", "a\r\n"),
            ("a\r\n..\r\n.\r\n", "a\r\n.\r\n"),
            ("..a\r\n...\r\n. \r\n.\r\n", ".a\r\n..\r\n \r\n"),
            ("\r\n\r\n.\r\n", "\r\n\r\n"),
            ("a.\r\n.\r\n", "a.\r\n"),
        ] {
            for length in 1..=text.len() + 4 {
                let whole = format!("{text}QUIT");
                assert_eq!(read(&whole, length), Some((Ok(message.to_owned()), "QUIT".to_owned())), "{text:?}");
            }
        }
    }

    #[test]
    fn every_other_end_is_an_end_of_a_refused_message() {
        use LineFault::{BareCr, BareLf, Nul};
        let ends = ["\r\n", "\n", "\r"];
        for before in ends {
            for after in ends {
                let text = format!("a{before}.{after}MAIL\r\n");
                let told = read(&text, 64);
                if before == "\r\n" && after == "\r\n" {
                    assert_eq!(told, Some((Ok("a\r\n".to_owned()), "MAIL\r\n".to_owned())));
                } else {
                    assert!(matches!(told, Some((Err(_), ref rest)) if rest == "MAIL\r\n"), "{text:?}: {told:?}");
                }
                assert!((1..9).all(|length| read(&text, length) == told), "{text:?}");
            }
        }
        for (text, fault) in [
            ("a\nb\r\n.\r\n", BareLf),
            ("a\rb\r\n.\r\n", BareCr),
            ("a\0b\r\n.\r\n", Nul),
            ("a\r\r\n.\r\n", BareCr),
            ("a\r\n\0.\r\n.\r\n", Nul),
            ("a\r\n.\0\r\n.\r\n", Nul),
            ("\n.\r\n", BareLf),
            (".\n", BareLf),
            ("..\n.\r\n", BareLf),
        ] {
            assert!((1..20).all(|length| read(text, length) == Some((Err(fault), String::new()))), "{text:?}");
        }
        assert_eq!(read("a\r\n\0\r\n..\r\n", 3), None);
    }
}
