//! Scripted conversations over HTTP, for tests: what clients send and what they must be answered, as text.
//!
//! ```text
//! # RFC 4791 section 5.3.2: a new event
//! 1 C: PUT ${calendar}a.ics
//! 1 C: If-None-Match: *
//! 1 C: Content-Type: text/calendar
//! 1 C:
//! 1 C: BEGIN:VCALENDAR
//! ...
//! 1 S: 201
//! 1 S: ETag: "$etag"
//! exchange: remove calendar a.ics
//! 1 C: GET ${calendar}a.ics
//! 1 S: 404
//! ```
//!
//! - Numbers name connections, which are opened when first named. `C:` lines that follow one another are a request: the
//!   first is method and path, then come headers, and behind an empty line the body, whose lines end in CRLF. Host,
//!   Authorization and Content-Length are added where the script has none; `Authorization: none` leaves it out.
//! - `R:` sends text as it is, with `\r`, `\n`, `\\` and `\xNN` in it. `F:` sends one such text many times:
//!   `1 F: 70000 x`.
//! - `S:` lines that follow one another are awaited as one answer. The first is its status; then:
//!   - `Name: value` is a header; `! Name` must not be there;
//!   - `<xml` must stand in the body, `! <xml` must not;
//!   - `| line` are lines of the body, in this order, others between them; `! | line` must not be there;
//!   - `/href` has a response in the multistatus, `/href 404` one with this status of its own,
//!     `/href 200 <xml` one with this in the propstat of that status; `!` before it: has not;
//!   - `responses 3` counts them; `empty` is a body without octets.
//! - `...` matches anything, `$name` matches a word and remembers it, or matches the word it remembered, and stands for
//!   it in what is sent. `${name}` is the same where a letter follows.
//! - `one of 1 2 3: 204 412` awaits an answer on each of these connections: one with the first status, all others with
//!   the second.
//! - `closed` awaits the end of the connection, `closes` ends it from the client's side.
//! - `exchange:` is what happens behind the server's back, and is up to the [`World`]; lines that begin with `>` and
//!   follow it are its text.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use script::{Memory, unescaped};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::xml::{self, DAV, Element};

/// What a dialog is held with.
pub trait World {
    /// A connection to the server.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send;

    /// Opens one.
    fn connect(&mut self) -> impl Future<Output = Self::Stream>;

    /// The name and the password requests are made with.
    fn user(&self) -> (String, String);

    /// What is known before the dialog begins: `user`, the segment of the user's URLs; `calendar`, `tasks`, `contacts`,
    /// the paths of the default collections.
    fn known(&self) -> Vec<(String, String)>;

    /// Does what an `exchange:` line says.
    fn exchange(&mut self, words: &[&str], text: &str) -> impl Future<Output = Exchange>;
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
    /// Not as written: the line of the script, what went wrong, and the last answer.
    Failed(String),
}

/// Holds the dialog of `script`.
pub async fn hold<W: World>(script: &str, world: &mut W) -> Outcome {
    let steps = match steps(script) {
        Ok(steps) => steps,
        Err(reason) => return Outcome::Failed(reason),
    };
    let mut memory = Memory::new(ENDS);
    world.known().iter().for_each(|(name, word)| memory.put(name, word));
    let mut stage = Stage { world, connections: HashMap::new(), memory, last: String::new() };
    for (number, step) in &steps {
        match stage.play(step).await {
            Ok(()) => {}
            Err(Trouble::Unsupported(what)) => return Outcome::Unsupported(what),
            Err(Trouble::Failed(reason)) => {
                let last: String = stage.last.chars().take(SHOWN).collect();
                return Outcome::Failed(format!("line {number}: {reason}\n--- the last answer:\n{last}"));
            }
        }
    }
    Outcome::Passed
}

/// A step of a script: lines that belong together.
#[derive(Debug)]
enum Step {
    Exchange(String, Vec<String>),
    Request(u32, Vec<String>),
    Raw(u32, String),
    Often(u32, String),
    Answer(u32, Vec<String>),
    OneOf(Vec<u32>, String, String),
    AwaitsEnd(u32),
    Closes(u32),
}

fn steps(script: &str) -> Result<Vec<(usize, Step)>, String> {
    let mut steps: Vec<(usize, Step)> = Vec::new();
    for (number, line) in script.lines().enumerate() {
        let number = number + 1;
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            // What an empty line parts does not belong together.
            steps.push((number, Step::Exchange(String::new(), Vec::new())));
            continue;
        }
        if let Some(text) = line.strip_prefix('>') {
            let text = text.strip_prefix(' ').unwrap_or(text).to_owned();
            match steps.last_mut() {
                Some((_, Step::Exchange(_, lines))) => lines.push(text),
                _ => return Err(format!("line {number}: text without an exchange line")),
            }
            continue;
        }
        if let Some(what) = line.strip_prefix("exchange:") {
            steps.push((number, Step::Exchange(what.trim().to_owned(), Vec::new())));
            continue;
        }
        let unreadable = || format!("line {number}: cannot be read: {line}");
        if let Some((who, statuses)) = line.strip_prefix("one of ").and_then(|rest| rest.split_once(':')) {
            let who = who.split_whitespace().map(str::parse).collect::<Result<_, _>>().map_err(|_| unreadable())?;
            let (first, others) = statuses.trim().split_once(' ').ok_or_else(unreadable)?;
            steps.push((number, Step::OneOf(who, first.to_owned(), others.to_owned())));
            continue;
        }
        let (who, what) = line.split_once(' ').ok_or_else(unreadable)?;
        let who: u32 = who.parse().map_err(|_| unreadable())?;
        let (kind, text) = what.split_once(':').unwrap_or((what, ""));
        let text = text.strip_prefix(' ').unwrap_or(text).to_owned();
        match (kind, steps.last_mut()) {
            ("C", Some((_, Step::Request(other, lines)))) if *other == who => lines.push(text),
            ("S", Some((_, Step::Answer(other, lines)))) if *other == who => lines.push(text),
            ("C", _) => steps.push((number, Step::Request(who, vec![text]))),
            ("S", _) => steps.push((number, Step::Answer(who, vec![text]))),
            ("R", _) => steps.push((number, Step::Raw(who, text))),
            ("F", _) => steps.push((number, Step::Often(who, text))),
            ("closed", _) => steps.push((number, Step::AwaitsEnd(who))),
            ("closes", _) => steps.push((number, Step::Closes(who))),
            _ => return Err(unreadable()),
        }
    }
    Ok(steps)
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
    last: String,
}

impl<W: World> Stage<'_, W> {
    async fn play(&mut self, step: &Step) -> Result<(), Trouble> {
        match step {
            Step::Exchange(what, _) if what.is_empty() => {}
            Step::Exchange(what, text) => {
                let what = self.memory.filled(what);
                let words: Vec<&str> = what.split_whitespace().collect();
                let text = self.memory.filled(&text.iter().map(|line| format!("{line}\r\n")).collect::<String>());
                match self.world.exchange(&words, &text).await {
                    Exchange::Done => {}
                    Exchange::Unsupported => return Err(Trouble::Unsupported(what)),
                    Exchange::Failed(reason) => return Err(reason.into()),
                }
            }
            Step::Request(who, lines) => {
                let (head_only, request) = self.request(lines);
                let client = self.client(*who).await;
                client.head_only.push(head_only);
                client.send(request.as_bytes()).await?;
            }
            Step::Raw(who, text) => {
                let text = self.memory.filled(text);
                self.client(*who).await.send(&unescaped(&text)).await?;
            }
            Step::Often(who, text) => {
                let (times, text) = text.split_once(' ').unwrap_or((text, ""));
                let times: usize = times.parse().map_err(|_| format!("not a number: {times}"))?;
                self.client(*who).await.send(&unescaped(text).repeat(times)).await?;
            }
            Step::Answer(who, lines) => {
                let answer = self.client(*who).await.answer().await?;
                self.last = answer.shown();
                for (count, line) in lines.iter().enumerate() {
                    self.expect(&answer, count, line, lines)?;
                }
            }
            Step::OneOf(all, first, others) => {
                let mut statuses = Vec::new();
                for who in all {
                    statuses.push(self.client(*who).await.answer().await?.status);
                }
                let chosen = statuses.iter().filter(|status| *status == first).count();
                if chosen != 1 || statuses.iter().any(|status| status != first && status != others) {
                    return Err(format!("these came: {statuses:?}").into());
                }
            }
            Step::AwaitsEnd(who) => {
                let rest = self.client(*who).await.rest().await?;
                self.last = String::from_utf8_lossy(&rest).into_owned();
            }
            Step::Closes(who) => {
                self.connections.remove(who);
            }
        }
        Ok(())
    }

    async fn client(&mut self, who: u32) -> &mut Client<W::Stream> {
        if !self.connections.contains_key(&who) {
            let stream = self.world.connect().await;
            self.connections.insert(who, Client { stream, buffer: Vec::new(), head_only: Vec::new() });
        }
        self.connections.entry(who).or_insert_with(|| unreachable!("it was opened above"))
    }

    /// A request as it goes over the wire, and whether its answer has no body whatever it says.
    fn request(&self, lines: &[String]) -> (bool, String) {
        let lines: Vec<String> = lines.iter().map(|line| self.memory.filled(line)).collect();
        let gap = lines.iter().position(String::is_empty).unwrap_or(lines.len());
        let (head, body) = lines.split_at(gap);
        let body: String = body.iter().skip(1).map(|line| format!("{line}\r\n")).collect();
        let mut request = format!("{} HTTP/1.1\r\n", head.first().map(String::as_str).unwrap_or_default());
        let has = |name: &str| {
            head.iter().any(|line| line.split_once(':').is_some_and(|(own, _)| own.eq_ignore_ascii_case(name)))
        };
        let (user, password) = self.world.user();
        let basic = format!("Authorization: Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let length = format!("Content-Length: {}", body.len());
        let added = [
            (!has("host")).then_some("Host: dav.example.org"),
            (!has("authorization")).then_some(basic.as_str()),
            (!has("content-length") && !has("transfer-encoding") && !body.is_empty()).then_some(length.as_str()),
        ];
        let own = head.iter().skip(1).map(String::as_str).filter(|line| *line != "Authorization: none");
        for line in own.chain(added.into_iter().flatten()) {
            request.push_str(line);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        request.push_str(&body);
        (head.first().is_some_and(|line| line.starts_with("HEAD ")), request)
    }

    fn expect(&mut self, answer: &Answer, count: usize, line: &str, all: &[String]) -> Result<(), Trouble> {
        let missing = || Trouble::Failed(format!("this did not come: {line}"));
        let forbidden = || Trouble::Failed(format!("this must not come: {line}"));
        if count == 0 {
            let status = line.split(' ').next().unwrap_or_default();
            return if answer.status == status {
                Ok(())
            } else {
                Err(Trouble::Failed(format!("status {} came, awaited: {status}", answer.status)))
            };
        }
        if let Some(pattern) = line.strip_prefix('!').map(str::trim_start) {
            let is_there = match pattern.chars().next() {
                Some('<') => self.find(pattern, &answer.body),
                Some('/' | '$') => self.response(answer, pattern),
                Some('|') => {
                    let wanted = pattern.trim_start_matches('|').trim_start();
                    answer.body.lines().any(|own| self.memory.matches(wanted, own))
                }
                _ => {
                    let name = pattern.split(':').next().unwrap_or_default();
                    answer.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
                }
            };
            return if is_there { Err(forbidden()) } else { Ok(()) };
        }
        let is_there = match line.chars().next() {
            Some('<') => self.find(line, &answer.body),
            Some('/' | '$') => self.response(answer, line),
            Some('|') => return self.lines(answer, count, all),
            _ if line == "empty" => answer.body.is_empty(),
            _ => match (line.strip_prefix("responses "), line.split_once(':')) {
                (Some(number), _) => answer.responses().len().to_string() == number,
                (None, Some((name, pattern))) => {
                    let values = answer.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
                    values
                        .map(|(_, value)| value.clone())
                        .collect::<Vec<_>>()
                        .iter()
                        .any(|value| self.memory.matches(pattern.trim(), value))
                }
                (None, None) => return Err(Trouble::Failed(format!("cannot be read: {line}"))),
            },
        };
        if is_there { Ok(()) } else { Err(missing()) }
    }

    /// All `|` lines together, when the first of them comes.
    fn lines(&mut self, answer: &Answer, count: usize, all: &[String]) -> Result<(), Trouble> {
        if all.iter().take(count).any(|line| line.starts_with('|')) {
            return Ok(());
        }
        let mut rest = answer.body.lines();
        for line in all.iter().filter_map(|line| line.strip_prefix('|')) {
            let wanted = line.strip_prefix(' ').unwrap_or(line);
            if !rest.any(|own| self.memory.matches(wanted, own)) {
                return Err(Trouble::Failed(format!("this line did not come: {wanted}")));
            }
        }
        Ok(())
    }

    /// `/href [status [pattern]]`
    fn response(&mut self, answer: &Answer, line: &str) -> bool {
        let mut words = line.splitn(3, ' ');
        let href = self.memory.filled(words.next().unwrap_or_default());
        let (status, pattern) = (words.next(), words.next());
        answer.responses().iter().filter(|response| response.href == href).any(|response| match (status, pattern) {
            (None, _) => true,
            (Some(status), None) => response.status.as_deref() == Some(status),
            (Some(status), Some(pattern)) => {
                let of_status = response.propstats.iter().filter(|(own, _)| own == status);
                of_status.map(|(_, prop)| prop.clone()).collect::<Vec<_>>().iter().any(|prop| self.find(pattern, prop))
            }
        })
    }

    /// True if the pattern stands somewhere in a text.
    fn find(&mut self, pattern: &str, text: &str) -> bool {
        self.memory.matches(&format!("...{pattern}..."), text)
    }
}

/// An answer, taken apart.
#[derive(Debug)]
struct Answer {
    status: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// A `DAV:response`: its own status, or its propstats as status and the XML of `prop`.
struct Told {
    href: String,
    status: Option<String>,
    propstats: Vec<(String, String)>,
}

impl Answer {
    fn shown(&self) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        format!("{}\n{headers}\n{}", self.status, self.body)
    }

    fn responses(&self) -> Vec<Told> {
        let Ok(root) = xml::read(self.body.as_bytes(), xml::Limits::default()) else { return Vec::new() };
        root.all(DAV, "response").map(|response| self.told(response)).collect()
    }

    fn told(&self, response: &Element) -> Told {
        let status = |element: &Element| {
            element.child(DAV, "status").and_then(|status| status.text().split(' ').nth(1).map(str::to_owned))
        };
        let href = response.child(DAV, "href").map(Element::text).unwrap_or_default();
        let raw = self.raw(&href);
        let mut props = raw.split("<D:propstat>").skip(1);
        let propstats = response
            .all(DAV, "propstat")
            .map(|propstat| (status(propstat).unwrap_or_default(), props.next().unwrap_or_default().to_owned()))
            .collect();
        Told { status: status(response), propstats, href }
    }

    /// A response as it stands in the body.
    fn raw(&self, href: &str) -> &str {
        let begin = format!("<D:response><D:href>{}</D:href>", xml::escape(href));
        let rest = self.body.split_once(begin.as_str()).map_or("", |(_, rest)| rest);
        rest.split("</D:response>").next().unwrap_or_default()
    }
}

/// A connection, as a client has it.
struct Client<S> {
    stream: S,
    buffer: Vec<u8>,
    /// For each request that awaits its answer: whether it was a HEAD.
    head_only: Vec<bool>,
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

    async fn answer(&mut self) -> Result<Answer, String> {
        let (status, headers) = loop {
            let head = self.until(b"\r\n\r\n").await?;
            let mut lines = head.lines();
            let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
            let header =
                |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
            let headers: Vec<(String, String)> = lines.filter_map(header).collect();
            if status != "100" {
                break (status, headers);
            }
        };
        let value = |name: &str| {
            headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        let head_only = if self.head_only.is_empty() { false } else { self.head_only.remove(0) };
        let body = if head_only || ["204", "304"].contains(&status.as_str()) {
            Vec::new()
        } else if value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            self.chunks().await?
        } else {
            let length = value("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            self.take(length).await?
        };
        Ok(Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        loop {
            let line = self.until(b"\r\n").await?;
            let length = usize::from_str_radix(line.trim(), 16).map_err(|_| format!("no chunk: {line}"))?;
            body.extend(self.take(length).await?);
            self.take(2).await?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    async fn until(&mut self, end: &[u8]) -> Result<String, String> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                let taken: Vec<u8> = self.buffer.drain(..at + end.len()).collect();
                return Ok(String::from_utf8_lossy(&taken).into_owned());
            }
            self.more().await?;
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, String> {
        while self.buffer.len() < length {
            self.more().await?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    async fn rest(&mut self) -> Result<Vec<u8>, String> {
        while self.more().await.is_ok() {}
        Ok(std::mem::take(&mut self.buffer))
    }

    async fn more(&mut self) -> Result<(), String> {
        let mut piece = vec![0; SEND];
        match tokio::time::timeout(PATIENCE, self.stream.read(&mut piece)).await {
            Ok(Ok(0) | Err(_)) => Err("the server closed the connection".to_owned()),
            Ok(Ok(length)) => {
                self.buffer.extend_from_slice(piece.get(..length).unwrap_or_default());
                Ok(())
            }
            Err(_) => Err("nothing came".to_owned()),
        }
    }
}

const SEND: usize = 16 << 10;

/// Characters of an answer that are shown when a dialog fails.
const SHOWN: usize = 6000;

/// What ends a word that is remembered.
const ENDS: &str = " \"<>()&;,";

/// Long, because it ends tests that fail and no others.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_belong_together() {
        let steps = steps("1 C: GET /\n1 C: A: b\n1 S: 200\n2 C: GET /\nexchange: x\n> 1\n> 2\n1 closed").unwrap();
        let kinds: Vec<String> = steps.iter().map(|(_, step)| format!("{step:?}")).collect();
        assert_eq!(kinds.len(), 5);
        assert_eq!(kinds[0], "Request(1, [\"GET /\", \"A: b\"])");
        assert_eq!(kinds[3], "Exchange(\"x\", [\"1\", \"2\"])");
    }
}
