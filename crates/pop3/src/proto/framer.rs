//! Cuts what comes into lines, before anybody looks into them. What it holds is bounded by a line and by what was pushed
//! last.

use std::mem;

use zeroize::Zeroizing;

/// A line without its end. It may hold a password, and is cleared from memory.
pub type Line = Zeroizing<Vec<u8>>;

/// How much is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a line, its end included.
    pub line: usize,
    /// Octets of a line that is too long, before it is given up.
    pub skip: usize,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// More has to be pushed.
    NeedBytes,
    /// A command, or a response in AUTH.
    Line(Line),
    /// A line that is none.
    BadLine(LineFault),
    /// Nothing that follows can be trusted to be a line.
    Lost(LineFault),
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// Longer than any command.
    TooLong,
    /// It holds a NUL, or a CR that ends nothing.
    Control,
    /// A TLS handshake where there is no TLS yet.
    Tls,
}

/// Takes octets as they come and gives [`Step`]s.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    buffer: Zeroizing<Vec<u8>>,
    /// Octets of the buffer that were given out.
    taken: usize,
    /// Octets of the line that is too long and is being passed over.
    skipped: Option<usize>,
}

impl Framer {
    /// Nothing came yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, buffer: Zeroizing::default(), taken: 0, skipped: None }
    }

    /// Octets have come.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Forgets what came and was not looked at.
    pub fn discard(&mut self) {
        self.taken = 0;
        self.buffer = Zeroizing::default();
    }

    /// What comes next. Lines end with CRLF, and LF alone is taken for it: nothing here depends on where a line ends but
    /// the line.
    pub fn step(&mut self) -> Step {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        if rest.starts_with(TLS) {
            self.discard();
            return Step::Lost(LineFault::Tls);
        }
        let Some(end) = memchr::memchr(b'\n', rest) else { return self.no_end(rest.len()) };
        let line = rest.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let step = match mem::take(&mut self.skipped) {
            Some(_) => Step::BadLine(LineFault::TooLong),
            None if line.len() + 2 > self.limits.line => Step::BadLine(LineFault::TooLong),
            None if line.iter().any(|octet| b"\r\0".contains(octet)) => Step::BadLine(LineFault::Control),
            None => Step::Line(Zeroizing::new(line.to_vec())),
        };
        self.taken += end + 1;
        step
    }

    /// A line of which so much came, and no end. What is too long is not kept.
    fn no_end(&mut self, came: usize) -> Step {
        if came == 0 {
            self.discard();
            return Step::NeedBytes;
        }
        if self.skipped.is_some() || came > self.limits.line {
            let skipped = self.skipped.unwrap_or(0).saturating_add(came);
            self.skipped = Some(skipped);
            self.discard();
            if skipped > self.limits.skip {
                return Step::Lost(LineFault::TooLong);
            }
        }
        Step::NeedBytes
    }
}

/// A handshake record (RFC 8446 section 5.1): a client that was set to the other port.
const TLS: &[u8] = b"\x16\x03";

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(pieces: &[&[u8]]) -> Vec<Step> {
        let mut framer = Framer::new(Limits { line: 10, skip: 40 });
        let mut steps = Vec::new();
        for piece in pieces {
            framer.push(piece);
            loop {
                match framer.step() {
                    Step::NeedBytes => break,
                    step => steps.push(step),
                }
            }
        }
        steps
    }

    fn line(text: &str) -> Step {
        Step::Line(Zeroizing::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn lines_are_cut_wherever_the_pieces_end() {
        assert_eq!(
            steps(&[b"NOOP\r\nSTAT\nQU", b"IT\r", b"\n\r\n"]),
            [line("NOOP"), line("STAT"), line("QUIT"), line("")]
        );
    }

    #[test]
    fn what_is_no_line_costs_only_itself() {
        let long = Step::BadLine(LineFault::TooLong);
        assert_eq!(steps(&[b"123456789\r\nNOOP\r\n"]), [Step::BadLine(LineFault::TooLong), line("NOOP")]);
        assert_eq!(steps(&[b"12345678901", b"2345678901", b"1\r\nNOOP\r\n"]), [long, line("NOOP")]);
        assert_eq!(
            steps(&[b"a\0b\r\na\rb\r\nx\r\n"])[..2],
            [Step::BadLine(LineFault::Control), Step::BadLine(LineFault::Control)]
        );
        assert_eq!(steps(&[&[b'x'; 41]]), [Step::Lost(LineFault::TooLong)]);
        assert_eq!(steps(&[b"\x16\x03\x01"]), [Step::Lost(LineFault::Tls)]);
    }
}
