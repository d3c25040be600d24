//! Cuts what comes into lines and messages, before anybody looks into them. What it holds is bounded by a line and by what
//! was pushed last.

use std::mem;

use zeroize::Zeroizing;

use super::dots::Dots;
use super::line_ends::LineFault;

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
    /// A line that is none. It may have been meant as one that says how what follows is to be read.
    BadLine(LineFault),
    /// Octets of a message.
    Text(Vec<u8>),
    /// The message, or the chunk of it, is over. What is wrong with the lines of a DATA; chunks are not looked into.
    End(Result<(), LineFault>),
    /// A line without end: nothing that follows can be trusted to be one.
    Endless,
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
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    Lines,
    Data(Dots),
    /// Octets of a chunk that are still to come.
    Chunk(u64),
    /// All of a message was given out, but for this.
    Over(Result<(), LineFault>),
}

impl Framer {
    /// Nothing came yet; lines are expected.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, buffer: Zeroizing::default(), taken: 0, skipped: None, mode: Mode::Lines }
    }

    /// Octets have come.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// What follows is the message of a DATA.
    pub fn expect_data(&mut self) {
        self.mode = Mode::Data(Dots::default());
    }

    /// What follows is a chunk of so many octets (RFC 3030 section 2).
    pub fn expect_chunk(&mut self, octets: u64) {
        self.mode = Mode::Chunk(octets);
    }

    /// True if nothing is left of what came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken == self.buffer.len()
    }

    /// Forgets what came and was not looked at.
    pub fn discard(&mut self) {
        self.taken = 0;
        self.buffer = Zeroizing::default();
    }

    /// What comes next.
    pub fn step(&mut self) -> Step {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let step = match &mut self.mode {
            Mode::Lines => self.line(),
            Mode::Data(dots) => {
                let mut text = Vec::new();
                let (used, end) = dots.take(rest, &mut text);
                self.taken += used;
                if let Some(end) = end {
                    self.mode = Mode::Over(end);
                }
                match end {
                    _ if !text.is_empty() => Step::Text(text),
                    Some(_) => return self.step(),
                    None => Step::NeedBytes,
                }
            }
            Mode::Chunk(0) => {
                self.mode = Mode::Lines;
                Step::End(Ok(()))
            }
            Mode::Chunk(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                let piece = rest.get(..length).unwrap_or_default().to_vec();
                *left -= length as u64;
                self.taken += length;
                if piece.is_empty() { Step::NeedBytes } else { Step::Text(piece) }
            }
            Mode::Over(end) => {
                let end = *end;
                self.mode = Mode::Lines;
                Step::End(end)
            }
        };
        if matches!(step, Step::NeedBytes) && self.is_empty() {
            self.discard();
        }
        step
    }

    fn line(&mut self) -> Step {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        if rest.starts_with(TLS) {
            self.discard();
            return Step::BadLine(LineFault::Tls);
        }
        let Some(end) = memchr::memchr(b'\n', rest) else {
            let length = rest.len();
            if let Some(skipped) = &mut self.skipped {
                *skipped += length;
                let is_over = *skipped > self.limits.skip;
                self.discard();
                return if is_over { Step::Endless } else { Step::NeedBytes };
            }
            if length > self.limits.line {
                self.skipped = Some(length);
                self.discard();
            }
            return Step::NeedBytes;
        };
        let line = rest.get(..end).unwrap_or_default();
        let step = match (line.strip_suffix(b"\r"), mem::take(&mut self.skipped)) {
            (_, Some(_)) => Step::BadLine(LineFault::TooLong),
            (None, _) => Step::BadLine(LineFault::BareLf),
            (Some(line), _) if line.len() + 2 > self.limits.line => Step::BadLine(LineFault::TooLong),
            (Some(line), _) if line.contains(&b'\r') => Step::BadLine(LineFault::BareCr),
            (Some(line), _) if line.contains(&0) => Step::BadLine(LineFault::Nul),
            (Some(line), _) => Step::Line(Zeroizing::new(line.to_vec())),
        };
        self.taken += end + 1;
        step
    }
}

/// A handshake record (RFC 8446 section 5.1).
///
/// Seen from Mail of iOS: a port is tried with TLS from the first octet before STARTTLS, and answered no sooner than the
/// server closes.
const TLS: &[u8] = b"\x16\x03";
