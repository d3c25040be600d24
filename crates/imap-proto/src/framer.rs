//! Cuts what a client sends into commands, before anything is parsed: a bad command costs only itself, and limits
//! live here.
//!
//! Lines end with CRLF or a bare LF. Literals of ordinary commands become part of the command; messages of APPEND and
//! REPLACE are handed out in pieces as they come, so that none is ever whole in memory. Memory stays below
//! [`Limits::line`] + [`Limits::literals`] + what was pushed last, as long as bytes are pushed only when
//! [`Step::NeedBytes`] asks for them. How the stream is cut makes no difference to the steps, but for the lengths of
//! the pieces of a message.

mod step;

use std::mem;

use crate::command::Tag;
use crate::secret::Secret;

pub use step::{Fatal, Limit, Limits, RawCommand, Refusal, Step};

/// Bytes in, steps out.
///
/// ```
/// use imap_proto::{Framer, Limits, Step};
/// let mut framer = Framer::new(Limits::default());
/// framer.push(b"a LOGIN anna {6}\r\n");
/// assert!(matches!(framer.next(), Step::Continue));
/// assert!(matches!(framer.next(), Step::NeedBytes));
/// framer.push(b"secret\r\nb NO");
/// assert!(matches!(framer.next(), Step::Command(_)));
/// assert!(matches!(framer.next(), Step::NeedBytes));
/// ```
pub struct Framer {
    limits: Limits,
    /// What was pushed; the octets before `start` are used up, those before `searched` hold no LF.
    input: Vec<u8>,
    start: usize,
    searched: usize,
    state: State,
    /// The command so far, its literals included.
    command: Vec<u8>,
    /// Octets of it that are literals.
    literals: usize,
    /// The tag of the APPEND or REPLACE under way, `None` if there is none.
    append: Option<Option<Tag>>,
}

enum State {
    /// In a line of a command, mostly its first.
    Command,
    /// In a literal that becomes part of the command.
    Literal { left: usize },
    /// In a line that was asked for.
    Line,
    /// A message was announced; the caller has not yet said whether it wants it.
    Announced(Literal),
    /// In a message.
    Message { left: u64 },
    /// In what is thrown away: first `left` octets, then a line, and so on. `tail` is the end of that line so far.
    Skip { left: u64, tail: Vec<u8>, skipped: u64 },
    /// Given up.
    Dead,
}

/// `literal = "{" number ["+"] "}" CRLF` (RFC 7888 section 8)
#[derive(Clone, Copy)]
struct Literal {
    size: u64,
    /// True if the client waits for `+`.
    synchronising: bool,
}

impl Framer {
    /// A framer before the first byte.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            input: Vec::new(),
            start: 0,
            searched: 0,
            state: State::Command,
            command: Vec::new(),
            literals: 0,
            append: None,
        }
    }

    /// Sets other limits: strangers get less than users. What is under way is measured by the new ones.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Dead) {
            return;
        }
        if self.start > 0 {
            self.input.drain(..self.start);
            self.searched = self.searched.saturating_sub(self.start);
            self.start = 0;
        }
        self.input.extend_from_slice(bytes);
    }

    /// The next line is no command: a response of SASL, or `DONE`. Call it right after the command that makes it so.
    pub fn expect_line(&mut self) {
        if matches!(self.state, State::Command) && self.command.is_empty() && self.append.is_none() {
            self.state = State::Line;
        }
    }

    /// The rest of the APPEND under way is not wanted: a literal that the client still asks for never comes, what
    /// is on its way is skipped. The caller has answered, or does so now. Without APPEND, does nothing.
    pub fn abandon(&mut self) {
        if self.append.take().is_none() {
            return;
        }
        self.command.clear();
        match self.state {
            State::Announced(literal) if literal.synchronising => self.state = State::Command,
            State::Announced(literal) => self.skip(literal.size),
            State::Message { left } => self.skip(left),
            _ => self.skip(0),
        }
    }

    /// All bytes that were pushed and not used: what follows STARTTLS or COMPRESS belongs to another layer, or is
    /// an attack (RFC 3501 section 6.2.1: the client must not send any).
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.input.split_off(self.start.min(self.input.len()));
        self.forget_input();
        rest
    }

    /// What comes next.
    // Not an iterator: it never ends, and it is asked again after NeedBytes.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Step {
        loop {
            let step = match self.state {
                State::Command => self.command_line(),
                State::Literal { left } => self.literal(left),
                State::Line => self.expected_line(),
                State::Announced(literal) => {
                    self.state = State::Message { left: literal.size };
                    literal.synchronising.then_some(Step::Continue)
                }
                State::Message { left } => self.message(left),
                State::Skip { .. } => self.skip_on(),
                State::Dead => Some(Step::Fatal(Fatal::TooMuchToSkip)),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    fn command_line(&mut self) -> Option<Step> {
        let taken = self.command.len() - self.literals;
        let line = match self.take_line(self.limits.line.saturating_sub(taken)) {
            Line::Whole(line) => line,
            Line::Partial => return Some(Step::NeedBytes),
            Line::TooLong => {
                let tag = self.tag_of_long_line();
                self.skip(0);
                return Some(Step::Refused(Refusal { tag, limit: Limit::Line }));
            }
        };
        // Seen from iPhone Mail 16.5: an empty line before a command.
        if line.is_empty() && self.command.is_empty() && self.append.is_none() {
            return None;
        }
        match announced(&line) {
            Some(literal) if self.append.is_some() || announces_message(&self.command, &line) => {
                Some(self.announce(literal, line))
            }
            Some(literal) => self.begin_literal(literal, &line),
            None => {
                let mut bytes = mem::take(&mut self.command);
                bytes.extend_from_slice(&line);
                self.literals = 0;
                let raw = RawCommand(bytes);
                Some(if self.append.take().is_some() { Step::AppendEnd(raw) } else { Step::Command(raw) })
            }
        }
    }

    fn begin_literal(&mut self, literal: Literal, line: &[u8]) -> Option<Step> {
        let room = self.limits.literals.saturating_sub(self.literals);
        match usize::try_from(literal.size) {
            Ok(left) if left <= room => {
                self.command.extend_from_slice(line);
                self.command.extend_from_slice(b"\r\n");
                self.state = State::Literal { left };
                literal.synchronising.then_some(Step::Continue)
            }
            _ => Some(self.refuse(literal, line, Limit::Literals)),
        }
    }

    fn announce(&mut self, literal: Literal, line: Vec<u8>) -> Step {
        if literal.size > self.limits.message {
            return self.refuse(literal, &line, Limit::Message);
        }
        let first = self.append.is_none();
        if first {
            self.append = Some(self.tag(&line));
        }
        let mut bytes = mem::take(&mut self.command);
        bytes.extend_from_slice(&line);
        self.literals = 0;
        self.state = State::Announced(literal);
        if first { Step::Append(RawCommand(bytes)) } else { Step::AppendNext(RawCommand(bytes)) }
    }

    /// RFC 7888 section 4: a literal that the client waits to send is refused by the answer alone; one that comes
    /// anyhow is read and thrown away, or the connection is closed.
    fn refuse(&mut self, literal: Literal, line: &[u8], limit: Limit) -> Step {
        let tag = self.tag(line);
        if literal.synchronising {
            self.reset();
        } else {
            self.skip(literal.size);
        }
        match self.state {
            State::Dead => Step::Fatal(Fatal::TooMuchToSkip),
            _ => Step::Refused(Refusal { tag, limit }),
        }
    }

    fn literal(&mut self, left: usize) -> Option<Step> {
        let end = self.input.len().min(self.start.saturating_add(left));
        let piece = self.input.get(self.start..end).unwrap_or_default();
        let (length, missing) = (piece.len(), left - piece.len());
        self.command.extend_from_slice(piece);
        self.literals += length;
        self.start = end;
        self.state = if missing == 0 { State::Command } else { State::Literal { left: missing } };
        (missing > 0).then_some(Step::NeedBytes)
    }

    fn message(&mut self, left: u64) -> Option<Step> {
        if left == 0 {
            self.state = State::Command;
            return None;
        }
        let there = self.input.len() - self.start;
        if there == 0 {
            return Some(Step::NeedBytes);
        }
        let length = usize::try_from(left).map_or(there, |left| left.min(there));
        let piece = if self.start == 0 && length == there {
            self.searched = 0;
            mem::take(&mut self.input)
        } else {
            let piece = self.input.get(self.start..self.start + length).unwrap_or_default().to_vec();
            self.start += length;
            piece
        };
        self.state = State::Message { left: left - length as u64 };
        Some(Step::Literal(piece))
    }

    fn expected_line(&mut self) -> Option<Step> {
        Some(match self.take_line(self.limits.line) {
            Line::Whole(line) => {
                self.state = State::Command;
                Step::Line(Secret::new(line))
            }
            Line::Partial => Step::NeedBytes,
            Line::TooLong => {
                self.skip(0);
                Step::Refused(Refusal { tag: None, limit: Limit::Line })
            }
        })
    }

    /// The next line without its end, if it is there and has at most `limit` octets.
    fn take_line(&mut self, limit: usize) -> Line {
        let from = self.searched.max(self.start);
        let found = memchr::memchr(b'\n', self.input.get(from..).unwrap_or_default());
        let end = found.map_or(self.input.len(), |at| from + at);
        let line = self.input.get(self.start..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > limit {
            return Line::TooLong;
        }
        if found.is_none() {
            match self.start == end {
                // Who waits holds no memory.
                true => self.forget_input(),
                false => self.searched = end,
            }
            return Line::Partial;
        }
        let line = line.to_vec();
        self.start = end + 1;
        Line::Whole(line)
    }

    fn skip(&mut self, left: u64) {
        self.reset();
        self.state = if left > self.limits.skip {
            self.forget_input();
            State::Dead
        } else {
            State::Skip { left, tail: Vec::new(), skipped: 0 }
        };
    }

    /// Throws away what there is. The line may end with literals that come without being asked for, and these are
    /// no commands.
    fn skip_on(&mut self) -> Option<Step> {
        let State::Skip { left, tail, skipped } = &mut self.state else { return None };
        let there = self.input.get(self.start..).unwrap_or_default();
        if there.is_empty() {
            return Some(Step::NeedBytes);
        }
        let (length, line_ends) = if *left > 0 {
            let length = usize::try_from(*left).map_or(there.len(), |left| left.min(there.len()));
            *left -= length as u64;
            (length, false)
        } else {
            let end = memchr::memchr(b'\n', there);
            let length = end.map_or(there.len(), |at| at + 1);
            tail.extend_from_slice(there.get(length.saturating_sub(TAIL)..length).unwrap_or_default());
            tail.drain(..tail.len().saturating_sub(TAIL));
            (length, end.is_some())
        };
        self.start += length;
        *skipped += length as u64;
        let next = if line_ends { announced(tail.trim_ascii_end()).filter(|next| !next.synchronising) } else { None };
        if *skipped > self.limits.skip || next.is_some_and(|next| next.size > self.limits.skip - *skipped) {
            self.forget_input();
            self.state = State::Dead;
        } else if let Some(next) = next {
            (*left, *tail) = (next.size, Vec::new());
        } else if line_ends {
            self.state = State::Command;
        }
        None
    }

    /// The tag of the command under way, of which `line` is the last line so far.
    fn tag(&self, line: &[u8]) -> Option<Tag> {
        match &self.append {
            Some(tag) => tag.clone(),
            None => Tag::leading(if self.command.is_empty() { line } else { &self.command }).map(|(tag, _)| tag),
        }
    }

    /// The same for a line that breaks the limit. Only the octets within the limit are looked at, because more may
    /// or may not have come.
    fn tag_of_long_line(&self) -> Option<Tag> {
        let there = self.input.get(self.start..).unwrap_or_default();
        let line = there.get(..self.limits.line).unwrap_or(there);
        let line = memchr::memrchr(b' ', line).and_then(|at| line.get(..at)).unwrap_or_default();
        self.tag(line)
    }

    fn reset(&mut self) {
        self.command.clear();
        self.literals = 0;
        self.append = None;
        self.state = State::Command;
    }

    fn forget_input(&mut self) {
        self.input = Vec::new();
        (self.start, self.searched) = (0, 0);
    }
}

enum Line {
    Whole(Vec<u8>),
    Partial,
    TooLong,
}

/// The literal that `line` ends with. `{n-}` is in no RFC; it is taken like `{n+}`, because a client that marks its
/// literals does not wait.
fn announced(line: &[u8]) -> Option<Literal> {
    let inside = line.strip_suffix(b"}")?;
    let open = memchr::memrchr(b'{', inside)?;
    let (digits, synchronising) = match inside.get(open + 1..)? {
        [digits @ .., b'+' | b'-'] => (digits, false),
        digits => (digits, true),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits.iter().fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(Literal { size, synchronising })
}

/// True if the literal at the end of `line` is a message, or a part of one: a literal of APPEND or REPLACE that is not
/// the name of its mailbox.
fn announces_message(command: &[u8], line: &[u8]) -> bool {
    let Some((_, rest)) = Tag::leading(if command.is_empty() { line } else { command }) else { return false };
    let Some(arguments) = message_arguments(rest) else { return false };
    let names_mailbox = command.is_empty() && matches!(arguments.trim_ascii_start(), [b'{', ..]);
    !names_mailbox
}

/// What follows `APPEND`, or `REPLACE` and its number (RFC 8508 section 6), with or without `UID`; `None` for other
/// commands.
fn message_arguments(rest: &[u8]) -> Option<&[u8]> {
    if let Some(arguments) = after_word(rest, b"APPEND") {
        return Some(arguments);
    }
    let arguments = after_word(after_word(rest, b"UID").unwrap_or(rest), b"REPLACE")?.trim_ascii_start();
    let number = arguments.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'*').count();
    arguments.get(number..)
}

/// What follows this word, if `text` begins with it.
fn after_word<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (first, rest) = text.trim_ascii_start().split_at_checked(word.len())?;
    (first.eq_ignore_ascii_case(word) && rest.first() == Some(&b' ')).then_some(rest)
}

/// Octets that `{n+}` and the end of its line have at most, for any `n` that fits into 64 bits.
const TAIL: usize = 26;
