//! Scripted conversations: what clients send and what they must be answered, as text.
//!
//! ```text
//! # RFC 2177: news arrives while the client idles
//! 1 signs in
//! 1 C: a SELECT INBOX
//! 1 S: * 0 EXISTS
//! 1 S: a OK [READ-WRITE] ...
//! 1 C: b IDLE
//! 1 S: + ...
//! exchange: deliver INBOX hello.eml
//! 1 S: * 1 EXISTS
//! 1 C: DONE
//! 1 S: b OK ...
//! ```
//!
//! - Numbers name connections, which are opened when first named; the greeting is theirs to await or not.
//! - `C:` sends a line. `R:` sends text as it is, with `\r`, `\n`, `\\` and `\xNN` in it and no line end. `F:` sends
//!   one such text many times: `1 F: 70000 x`.
//! - `S:` lines that follow one another are awaited together: untagged ones may come in any order, with others
//!   between them, before the tagged one or the `+`, and no other tagged one may come. `...` matches anything, or
//!   nothing; `$name` matches a word and remembers it, or matches the word it remembered, and stands for it in `C:`
//!   and `R:`. `$sent`, `$trash` and `$junk` are the names of these folders.
//!   Octets of literals stand behind `{n}`, with `\r` and `\n` for line ends.
//! - `S: ! pattern` must not come among the lines awaited.
//! - `closed` awaits the end of the connection, `closes` ends it from the client's side.
//! - `compresses` sends and awaits deflated octets from now on (RFC 4978), `expands` no longer.
//! - `exchange:` is what happens behind the server's back, and is up to the [`World`]. Any world can
//!   `deliver FOLDER FILE` (with a number behind it: so many times); most can `remove FOLDER UID` and
//!   `flag FOLDER UID +FLAG`. What a world does not know makes the dialog [`Outcome::Unsupported`] there.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use miniz_oxide::deflate::core::{CompressorOxide, TDEFLFlush, compress_to_output, create_comp_flags_from_zip_params};
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush};
use script::{Memory, unescaped};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What a dialog is held with.
pub trait World {
    /// A connection to the server.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send;

    /// Opens one.
    fn connect(&mut self) -> impl Future<Output = Self::Stream>;

    /// The name and the password for `signs in`; in `C:` lines they are `$user` and `$password`.
    fn user(&self) -> (String, String);

    /// What the folders for sent mail, for what is deleted and for junk are called, as the server writes it: in lines of
    /// scripts `$sent`, `$trash` and `$junk`.
    fn folders(&self) -> [String; 3];

    /// Does what an `exchange:` line says.
    fn exchange(&mut self, words: &[&str]) -> impl Future<Output = Exchange>;
}

/// What came of an `exchange:` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// It is done.
    Done,
    /// This world has no such thing: the dialog is not for it.
    Unsupported,
    /// It should have worked and did not.
    Failed(String),
}

/// How a dialog went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As written.
    Passed,
    /// It asks for something this world cannot do.
    Unsupported(String),
    /// Not as written: the line of the script, what went wrong, and what was said until then.
    Failed(String),
}

/// Holds the dialog of `script`.
pub async fn hold<W: World>(script: &str, world: &mut W) -> Outcome {
    let (user, password) = world.user();
    let [sent, trash, junk] = world.folders();
    let known = [("user", user), ("password", password), ("sent", sent), ("trash", trash), ("junk", junk)];
    let mut memory = Memory::new(ENDS);
    known.iter().for_each(|(name, value)| memory.put(name, value));
    let mut stage = Stage { world, connections: HashMap::new(), memory, said: Vec::new() };
    let lines: Vec<(usize, Line<'_>)> = match script.lines().enumerate().map(|(at, text)| read(at + 1, text)).collect()
    {
        Ok(lines) => lines,
        Err(reason) => return Outcome::Failed(reason),
    };
    let mut rest = lines.as_slice();
    while let Some((number, line)) = rest.first() {
        let together = expected_together(rest);
        let done = stage.play(line, together).await;
        match done {
            Ok(()) => {}
            Err(Trouble::Unsupported(what)) => return Outcome::Unsupported(what),
            Err(Trouble::Failed(reason)) => {
                let said: Vec<String> = stage.said.iter().map(|line| line.chars().take(SHOWN).collect()).collect();
                let said = said.join("\n");
                return Outcome::Failed(format!("line {number}: {reason}\n--- said until then:\n{said}"));
            }
        }
        rest = rest.get(together.len().max(1)..).unwrap_or_default();
    }
    Outcome::Passed
}

/// A line of a script.
#[derive(Clone, Copy, Debug)]
enum Line<'a> {
    Nothing,
    Exchange(&'a str),
    SignsIn(u32),
    Sends(u32, &'a str),
    SendsRaw(u32, &'a str),
    SendsOften(u32, &'a str),
    Awaits(u32, &'a str),
    AwaitsEnd(u32),
    Closes(u32),
    Compresses(u32, bool),
}

fn read(number: usize, text: &str) -> Result<(usize, Line<'_>), String> {
    let text = text.trim_end();
    if text.is_empty() || text.starts_with('#') {
        return Ok((number, Line::Nothing));
    }
    if let Some(what) = text.strip_prefix("exchange:") {
        return Ok((number, Line::Exchange(what.trim())));
    }
    let unreadable = || format!("line {number}: cannot be read: {text}");
    let (who, what) = text.split_once(' ').ok_or_else(unreadable)?;
    let who = who.parse().map_err(|_| unreadable())?;
    let line = match what.split_once(':') {
        Some(("C", line)) => Line::Sends(who, line.strip_prefix(' ').unwrap_or(line)),
        Some(("R", line)) => Line::SendsRaw(who, line.strip_prefix(' ').unwrap_or(line)),
        Some(("F", line)) => Line::SendsOften(who, line.trim_start()),
        Some(("S", line)) => Line::Awaits(who, line.trim_start()),
        _ => match what {
            "signs in" => Line::SignsIn(who),
            "closed" => Line::AwaitsEnd(who),
            "closes" => Line::Closes(who),
            "compresses" => Line::Compresses(who, true),
            "expands" => Line::Compresses(who, false),
            _ => return Err(unreadable()),
        },
    };
    Ok((number, line))
}

/// The `S:` lines of one connection that the script begins with.
fn expected_together<'a, 's>(lines: &'a [(usize, Line<'s>)]) -> &'a [(usize, Line<'s>)] {
    let Some((_, Line::Awaits(who, _))) = lines.first() else { return &[] };
    let more = lines.iter().position(|(_, line)| !matches!(line, Line::Awaits(other, _) if other == who));
    lines.get(..more.unwrap_or(lines.len())).unwrap_or_default()
}

enum Trouble {
    Unsupported(String),
    Failed(String),
}

impl From<String> for Trouble {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

struct Stage<'w, W: World> {
    world: &'w mut W,
    connections: HashMap<u32, Client<W::Stream>>,
    memory: Memory,
    said: Vec<String>,
}

impl<W: World> Stage<'_, W> {
    async fn play(&mut self, line: &Line<'_>, together: &[(usize, Line<'_>)]) -> Result<(), Trouble> {
        match *line {
            Line::Nothing => {}
            Line::Exchange(what) => {
                self.said.push(format!("exchange: {what}"));
                let words: Vec<&str> = what.split_whitespace().collect();
                match self.world.exchange(&words).await {
                    Exchange::Done => {}
                    Exchange::Unsupported => return Err(Trouble::Unsupported(what.to_owned())),
                    Exchange::Failed(reason) => return Err(reason.into()),
                }
            }
            Line::SignsIn(who) => {
                let login = self.memory.filled("in LOGIN \"$user\" \"$password\"\r\n");
                self.client(who).await.send(login.as_bytes()).await?;
                self.expect(who, &["in OK ..."]).await?;
            }
            Line::Sends(who, text) => {
                let text = self.memory.filled(text);
                self.said.push(format!("{who} C: {text}"));
                self.client(who).await.send(format!("{text}\r\n").as_bytes()).await?;
            }
            Line::SendsRaw(who, text) => {
                let text = self.memory.filled(text);
                self.said.push(format!("{who} R: {text}"));
                self.client(who).await.send(&unescaped(&text)).await?;
            }
            Line::SendsOften(who, text) => {
                let (times, text) = text.split_once(' ').unwrap_or((text, ""));
                let times = times.parse().map_err(|_| format!("not a number: {times}"))?;
                self.said.push(format!("{who} F: {times} {text}"));
                self.client(who).await.send(&unescaped(text).repeat(times)).await?;
            }
            Line::Awaits(who, _) => {
                let patterns: Vec<&str> = together
                    .iter()
                    .filter_map(|(_, line)| if let Line::Awaits(_, text) = line { Some(*text) } else { None })
                    .collect();
                self.expect(who, &patterns).await?;
            }
            Line::AwaitsEnd(who) => {
                while let Some(line) = self.client(who).await.line().await? {
                    self.said.push(format!("{who} S: {line}"));
                }
            }
            Line::Closes(who) => {
                self.connections.remove(&who);
            }
            Line::Compresses(who, begins) => {
                self.client(who).await.deflate = begins.then(Deflate::new);
            }
        }
        Ok(())
    }

    async fn client(&mut self, who: u32) -> &mut Client<W::Stream> {
        if !self.connections.contains_key(&who) {
            let stream = self.world.connect().await;
            self.connections.insert(who, Client { stream, buffer: Vec::new(), deflate: None });
        }
        self.connections.entry(who).or_insert_with(|| unreachable!("it was opened above"))
    }

    /// Reads lines until every pattern has come.
    async fn expect(&mut self, who: u32, patterns: &[&str]) -> Result<(), Trouble> {
        let (forbidden, mut open): (Vec<&str>, Vec<&str>) =
            patterns.iter().partition(|pattern| pattern.starts_with('!'));
        while !open.is_empty() {
            let Some(line) =
                self.client(who).await.line().await.map_err(|reason| format!("{reason}, awaited: {open:?}"))?
            else {
                return Err(format!("the server closed the connection, awaited: {open:?}").into());
            };
            self.said.push(format!("{who} S: {line}"));
            for pattern in &forbidden {
                if self.memory.matches(pattern.trim_start_matches('!').trim(), &line) {
                    return Err(format!("this must not come: {line}").into());
                }
            }
            let untagged = line.starts_with("* ");
            match open.iter().position(|pattern| self.memory.matches(pattern, &line)) {
                Some(at) => {
                    open.remove(at);
                    if !untagged && !open.is_empty() {
                        return Err(format!("{line} came, and these did not: {open:?}").into());
                    }
                }
                None if untagged => {}
                None => return Err(format!("came: {line}\nawaited: {open:?}").into()),
            }
        }
        Ok(())
    }
}

/// A connection, as a client has it.
struct Client<S> {
    stream: S,
    buffer: Vec<u8>,
    deflate: Option<Deflate>,
}

/// What a client that compresses keeps.
struct Deflate {
    compressor: Box<CompressorOxide>,
    inflater: Box<InflateState>,
}

impl Deflate {
    fn new() -> Self {
        let compressor = Box::new(CompressorOxide::new(create_comp_flags_from_zip_params(6, -15, 0)));
        Self { compressor, inflater: InflateState::new_boxed(DataFormat::Raw) }
    }

    fn deflate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut sent = Vec::new();
        compress_to_output(&mut self.compressor, bytes, TDEFLFlush::Sync, |piece| {
            sent.extend_from_slice(piece);
            true
        });
        sent
    }

    fn inflate(&mut self, mut bytes: &[u8], into: &mut Vec<u8>) -> Result<(), String> {
        let mut piece = vec![0; SEND];
        loop {
            let done = inflate(&mut self.inflater, bytes, &mut piece, MZFlush::None);
            into.extend_from_slice(piece.get(..done.bytes_written).unwrap_or_default());
            bytes = bytes.get(done.bytes_consumed..).unwrap_or_default();
            match done.status {
                Ok(_) if done.bytes_written == piece.len() || !bytes.is_empty() => {}
                Ok(_) | Err(miniz_oxide::MZError::Buf) => return Ok(()),
                Err(error) => return Err(format!("what came is not deflated: {error:?}")),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// A server that has closed is noticed when it is read from.
    async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let deflated = self.deflate.as_mut().map(|deflate| deflate.deflate(bytes));
        for piece in deflated.as_deref().unwrap_or(bytes).chunks(SEND) {
            let sent = tokio::time::timeout(PATIENCE, self.stream.write_all(piece)).await;
            if sent.map_err(|_| "the server does not read")?.is_err() {
                break;
            }
        }
        let _ = self.stream.flush().await;
        Ok(())
    }

    /// A line with the literals in it, `None` at the end.
    async fn line(&mut self) -> Result<Option<String>, String> {
        let mut taken = 0;
        loop {
            let Some(end) = self.line_end(taken).await? else { return Ok(None) };
            let line = self.buffer.get(taken..end).unwrap_or_default();
            match literal(line) {
                Some(length) => {
                    while self.buffer.len() < end + 2 + length {
                        if !self.more().await? {
                            return Err("the server closed the connection within a literal".to_owned());
                        }
                    }
                    taken = end + 2 + length;
                }
                None => {
                    let whole: Vec<u8> = self.buffer.drain(..end + 2).collect();
                    return Ok(Some(shown(whole.strip_suffix(b"\r\n").unwrap_or(&whole))));
                }
            }
        }
    }

    async fn line_end(&mut self, from: usize) -> Result<Option<usize>, String> {
        loop {
            let rest = self.buffer.get(from..).unwrap_or_default();
            if let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
                return Ok(Some(from + at));
            }
            if !self.more().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err("the last line has no end".to_owned()) };
            }
        }
    }

    async fn more(&mut self) -> Result<bool, String> {
        let mut piece = vec![0; SEND];
        match tokio::time::timeout(PATIENCE, self.stream.read(&mut piece)).await {
            Ok(Ok(0) | Err(_)) => Ok(false),
            Ok(Ok(length)) => {
                let came = piece.get(..length).unwrap_or_default();
                match &mut self.deflate {
                    Some(deflate) => deflate.inflate(came, &mut self.buffer)?,
                    None => self.buffer.extend_from_slice(came),
                }
                Ok(true)
            }
            Err(_) => Err("nothing came".to_owned()),
        }
    }
}

fn literal(line: &[u8]) -> Option<usize> {
    let inside = line.strip_suffix(b"}")?;
    let open = inside.iter().rposition(|&byte| byte == b'{')?;
    std::str::from_utf8(inside.get(open + 1..)?).ok()?.parse().ok()
}

/// A line as scripts write it. What follows `{n}` is the literal, without the line end before it.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.replace('\0', "\\x00").replace('\r', "\\r").replace('\n', "\\n");
    let mut shown = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("}\\r\\n") {
        let (before, after) = rest.split_at(at);
        let digits = before.rfind('{').and_then(|open| before.get(open + 1..)).unwrap_or("");
        let is_literal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        shown.push_str(before);
        shown.push_str(if is_literal { "}" } else { "}\\r\\n" });
        rest = after.get(5..).unwrap_or_default();
    }
    shown.push_str(rest);
    shown
}

const SEND: usize = 16 << 10;

/// Characters of a line that are shown when a dialog fails.
const SHOWN: usize = 1000;

/// What ends a word that is remembered.
const ENDS: &str = " ()]}";

/// Long, because it ends tests that fail and no others.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_shown_in_their_line() {
        assert_eq!(shown(b"* 1 FETCH (BODY[] {4}\r\na\r\nb)"), "* 1 FETCH (BODY[] {4}a\\r\\nb)");
    }
}
