//! Cuts what comes into messages, before anybody looks into them. What it holds is bounded by a message and by what was
//! pushed last.

use zeroize::Zeroizing;

use super::ber::{Header, SEQUENCE, header};

/// A message as it came. It may hold a password, and is cleared from memory.
pub type Raw = Zeroizing<Vec<u8>>;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// More has to be pushed.
    NeedBytes,
    /// A message.
    Message(Raw),
    /// Nothing that follows can be trusted to be one.
    Lost(Fault),
}

/// Why that is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another protocol.
    NotLdap,
    /// A message that is longer than any request.
    TooLong,
}

/// Takes octets as they come and gives [`Step`]s.
#[derive(Debug)]
pub struct Framer {
    longest: usize,
    buffer: Zeroizing<Vec<u8>>,
    /// Octets of the buffer that were given out.
    taken: usize,
}

impl Framer {
    /// Nothing came yet. Messages have at most so many octets.
    #[must_use]
    pub fn new(longest: usize) -> Self {
        Self { longest, buffer: Zeroizing::default(), taken: 0 }
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

    /// Octets that came and were not looked at.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// What comes next: `LDAPMessage ::= SEQUENCE { ... }` (RFC 4511 section 4.1.1).
    pub fn step(&mut self) -> Step {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        match rest.first() {
            None => {
                self.discard();
                return Step::NeedBytes;
            }
            Some(&SEQUENCE) => {}
            Some(_) => return Step::Lost(Fault::NotLdap),
        }
        let whole = match header(rest) {
            Header::Cut => return Step::NeedBytes,
            Header::Wrong => return Step::Lost(Fault::NotLdap),
            Header::Whole { head, length } => head.saturating_add(length),
        };
        if whole > self.longest {
            return Step::Lost(Fault::TooLong);
        }
        let Some(message) = rest.get(..whole) else { return Step::NeedBytes };
        let message = Zeroizing::new(message.to_vec());
        self.taken += whole;
        Step::Message(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_wherever_the_pieces_end() {
        let stream = b"\x30\x02ab\x30\x81\x01c\x30\0";
        for size in 1..=stream.len() {
            let mut framer = Framer::new(100);
            let mut messages = Vec::new();
            for piece in stream.chunks(size) {
                framer.push(piece);
                while let Step::Message(message) = framer.step() {
                    messages.push(message.to_vec());
                }
            }
            assert_eq!(messages, [&b"\x30\x02ab"[..], b"\x30\x81\x01c", b"\x30\0"]);
        }
    }

    #[test]
    fn what_is_none_is_not_waited_for() {
        for (octets, fault) in [
            (&b"GET / HTTP/1.1\r\n"[..], Fault::NotLdap),
            (b"\x16\x03\x01\x02\0", Fault::NotLdap),
            (b"\x30\x80", Fault::NotLdap),
            (b"\x30\x84\x7f\xff\xff\xff", Fault::TooLong),
            (b"\x30\x64", Fault::TooLong),
        ] {
            let mut framer = Framer::new(100);
            framer.push(octets);
            assert_eq!(framer.step(), Step::Lost(fault), "{octets:x?}");
        }
    }
}
