//! Scripted conversations: what clients send and what they must be answered, as text.
//!
//! ```text
//! == nothing is removed before QUIT
//! world: deliver Subject: a\r\n\r\nx\r\n
//! 1 signs in
//! 1 C: DELE 1
//! 1 S: +OK ...
//! 1 closes
//! 2 signs in
//! 2 C: STAT
//! 2 S: +OK 1 17
//! ```
//!
//! - `==` begins a dialog of its own, with a world of its own. What stands before the first belongs to all of them.
//! - Numbers name connections, which are opened when first named. The greeting is read and must be `+OK`.
//! - `C:` sends a line. `R:` sends text as it is, with `\r`, `\n`, `\\` and `\xNN` in it and no line end. `F:` sends
//!   one such text many times: `1 F: 70000 x`.
//! - `S:` awaits a line; `...` in it matches anything, or nothing, and `$name` a word that must be the same wherever the name
//!   comes again. Lines come in this order, with none between them.
//! - `closed` awaits the end of the connection with nothing said before it, `closes` ends it from the client's side.
//! - `signs in` says USER and PASS as the world's user.
//! - `world:` is what happens behind the server's back, or looks at what came of it; it is up to the [`World`].

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use script::{Memory, unescaped};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What a dialog is held with.
pub trait World {
    /// A connection to the server.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send;

    /// Opens one.
    fn connect(&mut self) -> impl Future<Output = Self::Stream>;

    /// The user's name and password.
    fn user(&self) -> (String, String);

    /// Does what a `world:` line says, or tells what is not as it says.
    fn does(&mut self, words: &str) -> impl Future<Output = Result<(), String>>;
}

/// The dialogs of a file: the name of each, and its lines with their numbers.
#[must_use]
pub fn dialogs(file: &str) -> Vec<(String, Vec<(usize, String)>)> {
    let mut common = Vec::new();
    let mut dialogs: Vec<(String, Vec<(usize, String)>)> = Vec::new();
    for (number, line) in file.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match (line.strip_prefix("== "), dialogs.last_mut()) {
            (Some(name), _) => dialogs.push((name.to_owned(), common.clone())),
            (None, Some((_, lines))) => lines.push((number, line.to_owned())),
            (None, None) => common.push((number, line.to_owned())),
        }
    }
    if dialogs.is_empty() { vec![(String::new(), common)] } else { dialogs }
}

/// Holds one dialog.
///
/// # Errors
/// The line of the script, what went wrong, and what was said until then.
pub async fn hold<W: World>(lines: &[(usize, String)], world: &mut W) -> Result<(), String> {
    let mut stage = Stage { world, connections: HashMap::new(), words: Memory::new(ENDS), said: Vec::new() };
    for (number, line) in lines {
        if let Err(reason) = stage.play(line).await {
            let said: Vec<String> = stage.said.iter().map(|line| line.chars().take(SHOWN).collect()).collect();
            return Err(format!("line {number}: {reason}\n--- said until then:\n{}", said.join("\n")));
        }
    }
    Ok(())
}

struct Stage<'w, W: World> {
    world: &'w mut W,
    connections: HashMap<u32, Client<W::Stream>>,
    words: Memory,
    said: Vec<String>,
}

impl<W: World> Stage<'_, W> {
    async fn play(&mut self, line: &str) -> Result<(), String> {
        if let Some(words) = line.strip_prefix("world:") {
            self.said.push(line.to_owned());
            return self.world.does(words.trim()).await;
        }
        let unreadable = || format!("cannot be read: {line}");
        let (who, what) = line.split_once(' ').ok_or_else(unreadable)?;
        let who = who.parse().map_err(|_| unreadable())?;
        match what.split_once(':') {
            Some(("C", text)) => {
                let text = self.words.filled(text.strip_prefix(' ').unwrap_or(text));
                self.send(who, format!("{text}\r\n").as_bytes()).await
            }
            Some(("R", text)) => self.send(who, &unescaped(text.strip_prefix(' ').unwrap_or(text))).await,
            Some(("F", text)) => {
                let (times, text) = text.trim_start().split_once(' ').ok_or_else(unreadable)?;
                let times = times.parse().map_err(|_| unreadable())?;
                self.send(who, &unescaped(text).repeat(times)).await
            }
            Some(("S", pattern)) => self.expect(who, pattern.trim_start()).await,
            _ => match what {
                "signs in" => self.sign_in(who).await,
                "closed" => match self.client(who).await?.line().await? {
                    None => Ok(()),
                    Some(line) => Err(format!("this came: {line}")),
                },
                "closes" => {
                    self.connections.remove(&who);
                    Ok(())
                }
                _ => Err(unreadable()),
            },
        }
    }

    async fn sign_in(&mut self, who: u32) -> Result<(), String> {
        let (user, password) = self.world.user();
        self.send(who, format!("USER {user}\r\nPASS {password}\r\n").as_bytes()).await?;
        self.expect(who, "+OK ...").await?;
        self.expect(who, "+OK ...").await
    }

    async fn send(&mut self, who: u32, bytes: &[u8]) -> Result<(), String> {
        let start = bytes.get(..bytes.len().min(SHOWN)).unwrap_or_default();
        self.said.push(format!("{who} C: {}", String::from_utf8_lossy(start).escape_debug()));
        self.client(who).await?.send(bytes).await
    }

    async fn expect(&mut self, who: u32, pattern: &str) -> Result<(), String> {
        let line = self.client(who).await?.line().await?;
        let line = line.ok_or_else(|| format!("the server closed the connection, awaited: {pattern}"))?;
        self.said.push(format!("{who} S: {line}"));
        if self.words.matches(pattern, &line) { Ok(()) } else { Err(format!("{line} came, awaited: {pattern}")) }
    }

    async fn client(&mut self, who: u32) -> Result<&mut Client<W::Stream>, String> {
        if !self.connections.contains_key(&who) {
            let mut client = Client { stream: self.world.connect().await, buffer: Vec::new() };
            let greeting = client.line().await?.unwrap_or_default();
            if !greeting.starts_with("+OK ") {
                return Err(format!("this is no greeting: {greeting}"));
            }
            self.connections.insert(who, client);
        }
        self.connections.get_mut(&who).ok_or_else(|| "no connection".to_owned())
    }
}

/// A connection, as a client has it.
struct Client<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// A server that has closed is noticed when it is read from.
    async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        for piece in bytes.chunks(SEND) {
            let sent = tokio::time::timeout(PATIENCE, self.stream.write_all(piece)).await;
            if sent.map_err(|_| "the server does not read")?.is_err() {
                break;
            }
        }
        let _ = self.stream.flush().await;
        Ok(())
    }

    /// A line, `None` at the end.
    async fn line(&mut self) -> Result<Option<String>, String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(Some(String::from_utf8_lossy(line.get(..end).unwrap_or_default()).into_owned()));
            }
            let mut piece = vec![0; SEND];
            match tokio::time::timeout(PATIENCE, self.stream.read(&mut piece)).await {
                Ok(Ok(0) | Err(_)) if self.buffer.is_empty() => return Ok(None),
                Ok(Ok(0) | Err(_)) => return Err("the last line has no end".to_owned()),
                Ok(Ok(length)) => self.buffer.extend_from_slice(piece.get(..length).unwrap_or_default()),
                Err(_) => return Err("nothing came".to_owned()),
            }
        }
    }
}

/// What ends a word that is remembered.
const ENDS: &str = " .";

const SEND: usize = 16 << 10;

/// Octets of a line that are shown when a dialog fails.
const SHOWN: usize = 300;

/// Long, because it ends tests that fail and no others.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_dialogs() {
        let file = "# x\n1 signs in\n== a\n1 C: x\n== b\n1 C: y\n";
        let read = dialogs(file);
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].1, [(2, "1 signs in".to_owned()), (6, "1 C: y".to_owned())]);
    }
}
