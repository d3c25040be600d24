//! Judging messages.

use std::cell::OnceCell;
use std::io;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Query;
use super::message::{body_holds, fields, header_holds, header_length};
use super::text::Needle;
use crate::{Content, EmailId, Flags, Keyword, ModSeq, SystemFlags, ThreadId, Uid};

/// What is known of a message so far.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'f> {
    /// Its UID.
    pub uid: Uid,
    /// Its flags.
    pub flags: &'f Flags,
    /// Its last change.
    pub modseq: ModSeq,
    /// INTERNALDATE. Days begin in UTC.
    pub received: Timestamp,
    /// SAVEDATE, where it is known.
    pub saved: Option<Timestamp>,
    /// RFC822.SIZE, as a client is told; `None` if only the message itself can tell.
    pub size: Option<u64>,
    /// Its EMAILID.
    pub email_id: Option<EmailId>,
    /// Its THREADID.
    pub thread_id: Option<ThreadId>,
    /// Its header block, if it is there already.
    pub header: Option<&'f [u8]>,
    /// The whole of it, if it is there already. Then no header is needed.
    pub content: Option<&'f Content>,
}

/// Whether a message matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// The header must be known to decide, or to know that the content must be.
    NeedsHeader,
    /// The content must be known to decide.
    NeedsContent,
}

/// Judges one message. For many, make a [`Program`] once.
///
/// # Errors
/// Those of reading the content.
pub fn evaluate(query: &Query, facts: &Facts<'_>) -> io::Result<Verdict> {
    query.program().evaluate(facts)
}

/// A query made ready to judge many messages: simplified, cheap questions first, texts folded.
#[derive(Clone, Debug)]
pub struct Program(Node);

impl Query {
    /// The program that does what this query means.
    #[must_use]
    pub fn program(&self) -> Program {
        Program(node(self))
    }
}

impl Program {
    /// Judges one message by what is known of it. With the content, the verdict is `Yes` or `No`.
    ///
    /// Of a message above 16 MiB only the first 16 MiB are read, so text behind that is not found.
    ///
    /// # Errors
    /// Those of reading the content.
    pub fn evaluate(&self, facts: &Facts<'_>) -> io::Result<Verdict> {
        let message = Message { facts, bytes: OnceCell::new() };
        message.judge(&self.0)
    }

    pub(super) fn node(&self) -> &Node {
        &self.0
    }

    /// `Yes` or `No` if every message gets that verdict without a look at it; else what is needed at most.
    #[must_use]
    pub fn needs(&self) -> Verdict {
        match &self.0 {
            Node::Always => Verdict::Yes,
            Node::Never => Verdict::No,
            other => other.cost(),
        }
    }

    /// True if the header by itself may settle something.
    #[must_use]
    pub fn heeds_header(&self) -> bool {
        self.0.heeds_header()
    }
}

/// A query in the form in which it is judged.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Always,
    Never,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    /// Ascending, and none touches another.
    Uids(Vec<(Uid, Uid)>),
    Flag(SystemFlags),
    Keyword(Keyword),
    Larger(u64),
    Smaller(u64),
    ModSeq(ModSeq),
    EmailId(EmailId),
    ThreadId(ThreadId),
    /// INTERNALDATE at or after the first and before the second day.
    Received(Option<Date>, Option<Date>),
    /// INTERNALDATE at or after the first and at or before the second moment.
    Moment(Timestamp, Timestamp),
    /// As `Received`, of SAVEDATE.
    Saved(Option<Date>, Option<Date>),
    /// The same of the Date field.
    Sent(Option<Date>, Option<Date>),
    Header(String, Needle),
    Body(Needle),
    Text(Needle),
}

fn node(query: &Query) -> Node {
    let after = |day: &Date| day.tomorrow().ok();
    match query {
        Query::All => Node::Always,
        Query::And(all) => all_of(all.iter().map(node)),
        Query::Or(one, other) => not(all_of([not(node(one)), not(node(other))])),
        Query::Not(inner) => not(node(inner)),
        Query::Uids(ranges) => uids(ranges),
        Query::Flag(SystemFlags::NONE) => Node::Always,
        Query::Flag(flags) => Node::Flag(*flags),
        Query::Keyword(keyword) => Node::Keyword(keyword.clone()),
        Query::Larger(size) => Node::Larger(*size),
        Query::Smaller(size) => Node::Smaller(*size),
        Query::Before(day) => Node::Received(None, Some(*day)),
        Query::On(day) => Node::Received(Some(*day), after(day)),
        Query::Since(day) => Node::Received(Some(*day), None),
        Query::ReceivedUntil(moment) => Node::Moment(Timestamp::MIN, *moment),
        Query::ReceivedFrom(moment) => Node::Moment(*moment, Timestamp::MAX),
        Query::SavedBefore(day) => Node::Saved(None, Some(*day)),
        Query::SavedOn(day) => Node::Saved(Some(*day), after(day)),
        Query::SavedSince(day) => Node::Saved(Some(*day), None),
        Query::SentBefore(day) => Node::Sent(None, Some(*day)),
        Query::SentOn(day) => Node::Sent(Some(*day), after(day)),
        Query::SentSince(day) => Node::Sent(Some(*day), None),
        Query::Header { name, text } => Node::Header(name.clone(), Needle::new(text)),
        Query::Body(text) | Query::Text(text) if text.is_empty() => Node::Always,
        Query::Body(text) => Node::Body(Needle::new(text)),
        Query::Text(text) => Node::Text(Needle::new(text)),
        Query::ModSeq(modseq) => Node::ModSeq(*modseq),
        Query::EmailId(id) => Node::EmailId(*id),
        Query::ThreadId(id) => Node::ThreadId(*id),
    }
}

/// Nested lists become one, and what is cheap to know is asked first.
fn all_of(nodes: impl IntoIterator<Item = Node>) -> Node {
    let mut all = Vec::new();
    for node in nodes {
        match node {
            Node::Always => {}
            Node::Never => return Node::Never,
            Node::And(inner) => all.extend(inner),
            other => all.push(other),
        }
    }
    all.sort_by_key(Node::cost);
    match all.len() {
        0 => Node::Always,
        1 => all.pop().unwrap_or(Node::Always),
        _ => Node::And(all),
    }
}

fn not(node: Node) -> Node {
    match node {
        Node::Always => Node::Never,
        Node::Never => Node::Always,
        Node::Not(inner) => *inner,
        Node::And(all) => {
            // Flattened again: OR (OR a b) c is one question.
            let mut any = Vec::new();
            for negated in all.into_iter().map(not) {
                match negated {
                    Node::Or(inner) => any.extend(inner),
                    other => any.push(other),
                }
            }
            any.sort_by_key(Node::cost);
            Node::Or(any)
        }
        Node::Or(any) => all_of(any.into_iter().map(not)),
        other => Node::Not(Box::new(other)),
    }
}

fn uids(ranges: &[(Uid, Uid)]) -> Node {
    let mut sorted: Vec<(Uid, Uid)> = ranges.iter().copied().filter(|(first, last)| first <= last).collect();
    sorted.sort();
    let mut merged: Vec<(Uid, Uid)> = Vec::with_capacity(sorted.len());
    for (first, last) in sorted {
        match merged.last_mut() {
            Some((_, end)) if first.get() <= end.get().saturating_add(1) => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    if merged.is_empty() { Node::Never } else { Node::Uids(merged) }
}

impl Node {
    /// What it may take to judge it.
    fn cost(&self) -> Verdict {
        match self {
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().map(Self::cost).max().unwrap_or(Verdict::Yes),
            Self::Not(inner) => inner.cost(),
            Self::Sent(..) | Self::Header(..) => Verdict::NeedsHeader,
            Self::Body(_) | Self::Text(_) => Verdict::NeedsContent,
            _ => Verdict::Yes,
        }
    }

    fn heeds_header(&self) -> bool {
        match self {
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().any(Self::heeds_header),
            Self::Not(inner) => inner.heeds_header(),
            Self::Sent(..) | Self::Header(..) | Self::Text(_) => true,
            _ => false,
        }
    }
}

/// A message under judgement. What is read of it is read once.
struct Message<'f> {
    facts: &'f Facts<'f>,
    bytes: OnceCell<Bytes>,
}

impl Message<'_> {
    fn judge(&self, node: &Node) -> io::Result<Verdict> {
        let facts = self.facts;
        let yes = match node {
            Node::Always => true,
            Node::Never => false,
            Node::And(all) => return self.judge_all(all, Verdict::No),
            Node::Or(any) => return self.judge_all(any, Verdict::Yes),
            Node::Not(inner) => return Ok(opposite(self.judge(inner)?)),
            Node::Uids(ranges) => {
                let at = ranges.partition_point(|(_, last)| *last < facts.uid);
                ranges.get(at).is_some_and(|(first, _)| *first <= facts.uid)
            }
            Node::Flag(flags) => facts.flags.system.contains(*flags),
            Node::Keyword(keyword) => facts.flags.has_keyword(keyword),
            Node::ModSeq(modseq) => facts.modseq >= *modseq,
            Node::EmailId(id) => facts.email_id == Some(*id),
            Node::ThreadId(id) => facts.thread_id == Some(*id),
            Node::Received(from, before) => within(day(facts.received), *from, *before),
            Node::Moment(from, until) => (*from..=*until).contains(&facts.received),
            Node::Saved(from, before) => within(day(facts.saved.unwrap_or(facts.received)), *from, *before),
            Node::Larger(size) => return Ok(self.judge_size(|ours| ours > *size)),
            Node::Smaller(size) => return Ok(self.judge_size(|ours| ours < *size)),
            Node::Sent(..) | Node::Header(..) => return self.judge_header(node),
            Node::Text(needle) => return self.judge_text(needle),
            Node::Body(needle) => match self.content()? {
                None => return Ok(Verdict::NeedsContent),
                Some(message) => body_holds(message, needle),
            },
        };
        Ok(verdict(yes))
    }

    /// The first that settles it does; else what is needed least, for that alone may settle it.
    fn judge_all(&self, nodes: &[Node], settles: Verdict) -> io::Result<Verdict> {
        let mut needed: Option<Verdict> = None;
        for node in nodes {
            match self.judge(node)? {
                verdict if verdict == settles => return Ok(settles),
                need @ (Verdict::NeedsHeader | Verdict::NeedsContent) => {
                    needed = Some(needed.map_or(need, |before| before.min(need)));
                }
                Verdict::Yes | Verdict::No => {}
            }
        }
        Ok(needed.unwrap_or(opposite(settles)))
    }

    fn judge_size(&self, matches: impl Fn(u64) -> bool) -> Verdict {
        match self.facts.size.or(self.facts.content.map(Content::len)) {
            Some(size) => verdict(matches(size)),
            None => Verdict::NeedsContent,
        }
    }

    fn judge_header(&self, node: &Node) -> io::Result<Verdict> {
        let Some(block) = self.header()? else { return Ok(Verdict::NeedsHeader) };
        Ok(verdict(match node {
            Node::Sent(from, before) => {
                // A message without a readable date was sent when it came, as far as anybody knows.
                let sent = fields(block).find(|field| field.is_named("Date")).and_then(|field| field.date());
                within(sent.unwrap_or_else(|| day(self.facts.received)), *from, *before)
            }
            Node::Header(name, needle) => {
                fields(block).filter(|field| field.is_named(name)).any(|field| field.holds(needle))
            }
            _ => false,
        }))
    }

    /// A header that is there may settle it before the content is.
    fn judge_text(&self, needle: &Needle) -> io::Result<Verdict> {
        if let Some(block) = self.header()?
            && header_holds(block, needle)
        {
            return Ok(Verdict::Yes);
        }
        Ok(match self.content()? {
            Some(message) => verdict(body_holds(message, needle)),
            None => Verdict::NeedsContent,
        })
    }

    fn header(&self) -> io::Result<Option<&[u8]>> {
        if let Some(block) = self.facts.header {
            return Ok(Some(block));
        }
        let message = self.content()?;
        Ok(message.map(|message| message.get(..header_length(message)).unwrap_or_default()))
    }

    fn content(&self) -> io::Result<Option<&Bytes>> {
        let Some(content) = self.facts.content else { return Ok(None) };
        if self.bytes.get().is_none() {
            // A message in memory is not copied here.
            drop(self.bytes.set(content.read(0, AT_MOST)?));
        }
        Ok(self.bytes.get())
    }
}

fn verdict(yes: bool) -> Verdict {
    if yes { Verdict::Yes } else { Verdict::No }
}

fn opposite(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Yes => Verdict::No,
        Verdict::No => Verdict::Yes,
        need => need,
    }
}

fn within(day: Date, from: Option<Date>, before: Option<Date>) -> bool {
    from.is_none_or(|from| day >= from) && before.is_none_or(|before| day < before)
}

fn day(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

/// Bytes of a message that are read to be searched.
const AT_MOST: usize = 16 << 20;
