//! The messages of one command, as they come: all into one file, one after the other.

use std::io::Write;

use imap_proto::command::append::{Event, Kind, Literal, Stretch};
use imap_proto::response::Code;
use imap_proto::{DateTime, Flag, Names, Step, Tag};
use mailbox::{Content, NewMessage, SignIn, Spool};

use super::lines::Lines;
use super::url;
use crate::connection::{Awaited, Connection, Transport};
use crate::error::{Answer, End, Stop};
use crate::session::{Session, refused};
use crate::settings::Settings;
use crate::{downgrade, flags};

/// A command that brings messages.
pub(crate) struct Command<'a> {
    pub(crate) tag: &'a Tag,
    pub(crate) name: &'static str,
    pub(crate) most: Most,
}

/// How many messages a command may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Most {
    One,
    Many,
}

/// Takes them all. Nothing is done with any before all are here.
pub(super) async fn messages<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    command: &Command<'_>,
    mut said: Stretch,
) -> Result<Vec<NewMessage>, Stop> {
    let mut incoming = Incoming::new(&session.settings, command.most);
    loop {
        for event in std::mem::take(&mut said.events) {
            match event {
                Event::Message { flags, date } => incoming.begin(flags, date)?,
                Event::Url(url) => {
                    incoming.count_url()?;
                    incoming.copy(&url::content(session, connection, &url).await?)?;
                }
            }
        }
        let Some(literal) = said.literal else { break };
        incoming.expect(&literal)?;
        let mut url = Vec::new();
        let raw = loop {
            match connection.next(Awaited::Rest).await? {
                Step::Literal(piece) if literal.kind == Kind::Url => url.extend(piece),
                Step::Literal(piece) => incoming.write(&piece, &literal)?,
                Step::AppendNext(raw) | Step::AppendEnd(raw) => break raw,
                Step::Refused(refusal) => return Err(refused(&refusal).into()),
                Step::Fatal(fatal) => return Err(End::Bye(Some(Code::TooBig), fatal.to_string().into()).into()),
                _ => return Err(End::Gone.into()),
            }
        };
        if literal.kind == Kind::Url {
            let url = String::from_utf8_lossy(&url);
            incoming.count_url()?;
            incoming.copy(&url::content(session, connection, &url).await?)?;
        }
        said = literal.next(command.tag, command.name, &raw).map_err(|error| Answer::bad(error.to_string()))?;
    }
    let spool = session.settings.spool.clone();
    let names = session.names;
    let messages = tokio::task::spawn_blocking(move || incoming.finish(&spool, names)).await;
    messages.map_err(|error| Stop::from(mailbox::Error::from(std::io::Error::other(error))))?
}

/// What is there so far.
struct Incoming {
    lines: Lines<Spool>,
    messages: Vec<Begun>,
    most: Most,
    urls: usize,
    /// Octets of one message at most.
    largest: u64,
}

/// A message that has begun, and mostly ended.
struct Begun {
    flags: Vec<Flag>,
    date: Option<DateTime>,
    start: u64,
    /// Some of it is binary (RFC 3516).
    binary: bool,
}

impl Incoming {
    fn new(settings: &Settings, most: Most) -> Self {
        let spool = Spool::new(&settings.spool, IN_MEMORY);
        Self { lines: Lines::into(spool), messages: Vec::new(), most, urls: 0, largest: settings.largest_message }
    }

    fn begin(&mut self, flags: Vec<Flag>, date: Option<DateTime>) -> Result<(), Answer> {
        self.is_something()?;
        if self.most == Most::One && !self.messages.is_empty() {
            return Err(Answer::bad("One message at a time"));
        }
        if self.messages.len() >= MOST_MESSAGES {
            return Err(Answer::no(Code::Limit, "These are too many messages for one command"));
        }
        self.lines.begin();
        self.messages.push(Begun { flags, date, start: self.lines.out.len(), binary: false });
        Ok(())
    }

    /// Octets are announced. RFC 3502 section 6.3.11: a message of none is how a client calls it all off.
    fn expect(&mut self, literal: &Literal) -> Result<(), Answer> {
        match literal.kind {
            Kind::Message if literal.size == 0 => Err(nothing()),
            Kind::Url if literal.size > LONGEST_URL => Err(Answer::bad("The URL is too long")),
            Kind::Url => Ok(()),
            Kind::Message | Kind::Text => self.has_room(literal.size),
        }
    }

    /// Each asks for a message.
    fn count_url(&mut self) -> Result<(), Answer> {
        self.urls += 1;
        match self.urls > MOST_URLS {
            true => Err(Answer::no(Code::Limit, "These are too many URLs for one command")),
            false => Ok(()),
        }
    }

    fn has_room(&self, more: u64) -> Result<(), Answer> {
        let all = self.lines.out.len();
        let this = all - self.messages.last().map_or(0, |message| message.start);
        match this.saturating_add(more) > self.largest || all.saturating_add(more) > self.largest.saturating_mul(4) {
            true => Err(Answer::no(Code::TooBig, "What is to be appended is too big")),
            false => Ok(()),
        }
    }

    fn write(&mut self, piece: &[u8], literal: &Literal) -> Result<(), Stop> {
        if literal.binary {
            self.messages.iter_mut().next_back().into_iter().for_each(|message| message.binary = true);
            return self.lines.write_binary(piece).map_err(disk);
        }
        self.lines.write(piece).map_err(disk)
    }

    /// What a URL names becomes part of the message.
    fn copy(&mut self, content: &Content) -> Result<(), Stop> {
        self.has_room(content.len())?;
        let mut offset = 0;
        loop {
            let piece = content.read(offset, PIECE).map_err(disk)?;
            if piece.is_empty() {
                return Ok(());
            }
            self.lines.write_binary(&piece).map_err(disk)?;
            offset += piece.len() as u64;
        }
    }

    /// The message that came last has some octets.
    fn is_something(&self) -> Result<(), Answer> {
        match self.messages.last() {
            Some(last) if last.start == self.lines.out.len() => Err(nothing()),
            _ => Ok(()),
        }
    }

    /// Octets above ASCII in a header are taken from everybody: RFC 9755 section 4 would refuse them without ENABLE, and so
    /// the old mail that has them could not be brought here.
    fn finish(mut self, spool: &std::path::Path, names: Names) -> Result<Vec<NewMessage>, Stop> {
        self.is_something()?;
        self.lines.out.flush().map_err(disk)?;
        let end = self.lines.out.len();
        let all = self.lines.out.finish().map_err(disk)?;
        let ends: Vec<u64> = self.messages.iter().skip(1).map(|message| message.start).chain([end]).collect();
        let mut messages = Vec::with_capacity(self.messages.len());
        for (begun, end) in self.messages.into_iter().zip(ends) {
            let mut content = all.slice(begun.start, end - begun.start);
            if names == Names::Utf8 {
                content = without_marker(content).map_err(disk)?;
            }
            if begun.binary {
                content = downgrade::without_binary(&content, spool).map_err(disk)?;
            }
            let received = begun.date.map(|date| date.at);
            messages.push(NewMessage { content, flags: flags::read(&begun.flags), received });
        }
        Ok(messages)
    }
}

/// Seen from Python's imaplib up to 3.14: after ENABLE, `UTF8 (` and `)` come within the literal.
fn without_marker(content: Content) -> std::io::Result<Content> {
    let (length, inside) = (content.len(), MARKER.len() as u64);
    let is_marked =
        length > inside && content.read(0, MARKER.len())? == MARKER && content.read(length - 1, 1)?.as_ref() == b")";
    Ok(if is_marked { content.slice(inside, length - inside - 1) } else { content })
}

fn nothing() -> Answer {
    Answer::no(Code::Cannot, "A message of no octets is none, and nothing was appended")
}

fn disk(error: std::io::Error) -> Stop {
    mailbox::Error::from(error).into()
}

const MARKER: &[u8] = b"UTF8 (";
/// Octets that are held in memory before they go to disk.
const IN_MEMORY: usize = 64 << 10;
/// Messages of one command.
const MOST_MESSAGES: usize = 5_000;
/// URLs of one command.
const MOST_URLS: usize = 500;
/// Octets of a URL.
const LONGEST_URL: u64 = 8 << 10;
const PIECE: usize = 64 << 10;
