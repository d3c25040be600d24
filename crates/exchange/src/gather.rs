//! Messages as they arrive: each into a spool, and when it is whole, served, into the cache.
//!
//! Several at a time are handed to a thread that may wait for the disk, while the next ones arrive: to hand over each by
//! itself takes longer than to write it.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ews::{ErrorKind as Theirs, ItemId, MimeError, MimeSink};
use idmap::ItemRow;
use mailbox::{Content, EmailId, Spool};
use tokio::task::JoinHandle;

use crate::bodies::Failure;
use crate::convert;
use crate::error::{Result, Tried};
use crate::header_block::HeaderBlock;
use crate::live::Live;
use crate::rendering::Rendering;

/// Takes what one call answers.
pub(crate) struct Gather<'a> {
    live: &'a Arc<Live>,
    rows: &'a [ItemRow],
    /// Headers that were served before.
    stored: HashMap<EmailId, Vec<u8>>,
    spool: Option<Spool>,
    waiting: Waiting,
    /// Those that are being put into the cache.
    keeping: Option<JoinHandle<Vec<Kept>>>,
    gathered: Gathered,
}

/// What came of a call.
pub(crate) struct Gathered {
    /// For each row; nothing for one that was not told of.
    pub(crate) results: Vec<Option<Result<Content, Failure>>>,
    /// Exchange did not do all of it.
    pub(crate) stopped: bool,
}

/// Messages that are whole and not yet on their way into the cache.
#[derive(Default)]
struct Waiting {
    messages: Vec<Whole>,
    /// What they hold together.
    bytes: u64,
    /// When the first of them came.
    since: Option<Instant>,
}

/// A message as Exchange sent it.
struct Whole {
    index: usize,
    id: EmailId,
    raw: Content,
    /// The header that was served of it before.
    known: Option<Vec<u8>>,
    /// The header as received.
    transport: Option<String>,
}

/// What became of it.
struct Kept {
    index: usize,
    id: EmailId,
    result: io::Result<Content>,
}

impl<'a> Gather<'a> {
    pub(crate) fn new(live: &'a Arc<Live>, rows: &'a [ItemRow], stored: HashMap<EmailId, Vec<u8>>) -> Self {
        let results = rows.iter().map(|_| None).collect();
        let gathered = Gathered { results, stopped: false };
        Self { live, rows, stored, spool: None, waiting: Waiting::default(), keeping: None, gathered }
    }

    /// The call is over: returns once all that came is in the cache.
    pub(crate) async fn finish(mut self) -> Gathered {
        self.keep().await;
        self.kept().await;
        self.gathered
    }

    /// Begins to put what waits into the cache, after what went before.
    async fn keep(&mut self) {
        self.kept().await;
        let Waiting { messages, .. } = std::mem::take(&mut self.waiting);
        if messages.is_empty() {
            return;
        }
        let live = Arc::clone(self.live);
        self.keeping = Some(tokio::task::spawn_blocking(move || {
            let kept: Vec<Kept> = messages.into_iter().map(|message| message.keep(&live)).collect();
            let landed: Vec<EmailId> = kept.iter().filter(|kept| kept.result.is_ok()).map(|kept| kept.id).collect();
            live.bodies.landed(&landed);
            kept
        }));
    }

    /// Returns once nothing is on its way into the cache. What a panic lost counts as not sent.
    async fn kept(&mut self) {
        let Some(keeping) = self.keeping.take() else { return };
        for Kept { index, result, .. } in keeping.await.unwrap_or_default() {
            let result = result.map_err(|error| {
                tracing::warn!(user = self.live.user, %error, "a message cannot be kept");
                Failure::Call(Tried::new("the message could not be read").because(&Theirs::Local, None))
            });
            self.settle(index, result);
        }
    }

    fn settle(&mut self, index: usize, result: Result<Content, Failure>) {
        if let Some(place) = self.gathered.results.get_mut(index) {
            *place = Some(result);
        }
    }
}

impl Waiting {
    fn push(&mut self, message: Whole) {
        self.bytes += message.raw.len();
        self.since.get_or_insert_with(Instant::now);
        self.messages.push(message);
    }

    /// They should wait no longer.
    fn is_enough(&self) -> bool {
        self.bytes >= TOGETHER_BYTES
            || self.messages.len() >= TOGETHER
            || self.since.is_some_and(|since| since.elapsed() >= SOON)
    }
}

impl Whole {
    /// Renders it into the cache. What is learnt of it is known before it can be read. Blocks.
    fn keep(self, live: &Live) -> Kept {
        let Self { index, id, raw, known, transport } = self;
        let rendered = || -> io::Result<Content> {
            // A header that was served once stays.
            let block = match &known {
                Some(header) => Some(HeaderBlock::from_served(header)),
                None => transport.as_deref().and_then(HeaderBlock::from_transport),
            };
            let rendering = Rendering::of(&raw, block.as_ref())?;
            let content = live.bodies.shelf.put(id, |out| rendering.write(&raw, out).map(drop))?;
            let is_new = known.as_ref().is_none_or(|known| *known != rendering.header);
            live.learnt.add(id, is_new.then(|| rendering.header.to_vec()), content.len());
            Ok(content)
        };
        Kept { index, id, result: rendered() }
    }
}

impl MimeSink for Gather<'_> {
    async fn start(&mut self, _index: usize, _id: &ItemId) -> io::Result<()> {
        self.spool = Some(Spool::new(&self.live.bodies.shelf.scratch(), SPOOL));
        Ok(())
    }

    async fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.waiting.is_enough() {
            self.keep().await;
        }
        match &mut self.spool {
            Some(spool) => spool.write_all(bytes),
            None => Ok(()),
        }
    }

    async fn end(&mut self, index: usize, item: ews::Item) -> io::Result<()> {
        let (Some(spool), Some(row)) = (self.spool.take(), self.rows.get(index)) else { return Ok(()) };
        if spool.is_empty() {
            self.settle(index, Err(Failure::Doubtful("Exchange sent empty MIME".to_owned())));
            return Ok(());
        }
        if row.draft && is_other_version(row, &item) {
            self.settle(index, Err(Failure::Changed));
            return Ok(());
        }
        let raw = spool.finish()?;
        let (id, known) = (row.email_id, self.stored.get(&row.email_id).cloned());
        let transport = item.extended.get(&convert::TRANSPORT_HEADERS).and_then(ews::Value::as_text).map(str::to_owned);
        self.waiting.push(Whole { index, id, raw, known, transport });
        if self.waiting.is_enough() {
            self.keep().await;
        }
        Ok(())
    }

    async fn failed(&mut self, index: usize, error: MimeError) -> io::Result<()> {
        self.spool = None;
        let failure = Failure::of_item(self.live, error);
        self.gathered.stopped |= matches!(failure, Failure::Later(_));
        self.settle(index, Err(failure));
        Ok(())
    }
}

/// True if a message was changed after the index learnt of it, by what both call its version.
fn is_other_version(row: &ItemRow, item: &ews::Item) -> bool {
    let now = item.id.as_ref().and_then(|id| id.change_key.as_ref());
    !row.change_key.is_empty() && now.is_some_and(|now| *now != row.change_key)
}

/// What of one arriving message is held in memory.
const SPOOL: usize = 256 * 1024;
/// So many messages are put into the cache together,
const TOGETHER: usize = 8;
/// or those that hold so many bytes,
const TOGETHER_BYTES: u64 = 128 * 1024;
/// or those that came in that time.
const SOON: Duration = Duration::from_millis(20);
