//! The only file that sees the socket: bytes in become steps of the framer, answers are gathered and sent.
//!
//! A connection that waits holds no buffers. What is gathered stays below [`SEND_FROM`] and what one answer adds to
//! it; a client that does not read is waited for, and then left. What is compressed comes out in pieces of the same size.

use std::future::Future;
use std::time::Duration;

use imap_proto::response::{self, Code, Condition};
use imap_proto::{Framer, Limits, Step, Tag};
use mailbox::Progress;
use serve::{Shutdown, Stream, Tls, arrive};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use crate::deflate::{Damaged, Deflate};
use crate::error::End;

/// What bytes go over.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// A client at the other end.
pub(crate) struct Connection<T> {
    /// `None` only while it goes over to TLS, and after that failed.
    stream: Option<Stream<T>>,
    start_tls: Option<Tls>,
    shutdown: Shutdown,
    /// There if both sides compress what they send.
    deflate: Option<Box<Deflate>>,
    framer: Framer,
    /// What is to be sent. Commands write here.
    pub(crate) out: Vec<u8>,
    /// What is on its way, as it goes over the line; the octets before `sent` have gone.
    line: Vec<u8>,
    sent: usize,
    /// The command that is being done, and how far that has come.
    working: Option<Tag>,
    progress: Progress,
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Awaited {
    /// Something the client may take its time for, until then: it is told of a shutdown meanwhile.
    Pause(Instant),
    /// The rest of something it began.
    Rest,
}

impl<T: Transport> Connection<T> {
    pub(crate) fn new(connection: serve::Connection<T>, limits: Limits) -> Self {
        Self {
            stream: Some(connection.stream),
            start_tls: connection.start_tls,
            shutdown: connection.shutdown,
            deflate: None,
            framer: Framer::new(limits),
            out: Vec::new(),
            line: Vec::new(),
            sent: 0,
            working: None,
            progress: Progress::default(),
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_tls)
    }

    /// True if STARTTLS is to be had.
    pub(crate) fn can_start_tls(&self) -> bool {
        self.start_tls.is_some() && !self.is_tls()
    }

    /// True if what is sent and what comes is compressed.
    pub(crate) fn is_compressed(&self) -> bool {
        self.deflate.is_some()
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.framer.set_limits(limits);
    }

    /// The next line is no command.
    pub(crate) fn expect_line(&mut self) {
        self.framer.expect_line();
    }

    /// The rest of an APPEND is not wanted.
    pub(crate) fn abandon(&mut self) {
        self.framer.abandon();
    }

    /// The framer's next step that somebody must decide about. All that was gathered is on its way before the
    /// client is waited for. Cancel-safe.
    pub(crate) async fn next(&mut self, awaited: Awaited) -> Result<Step, End> {
        loop {
            match self.framer.next() {
                Step::NeedBytes if self.inflate()? => tokio::task::yield_now().await,
                Step::NeedBytes => {
                    self.flush().await?;
                    self.read(awaited).await?;
                }
                Step::Continue => response::go_on(&mut self.out, "Go on"),
                step => return Ok(step),
            }
        }
    }

    async fn read(&mut self, awaited: Awaited) -> Result<(), End> {
        let Some(stream) = &mut self.stream else { return Err(End::Gone) };
        let until = match awaited {
            Awaited::Pause(until) => {
                (self.out, self.line) = (Vec::new(), Vec::new());
                if let Some(deflate) = &mut self.deflate {
                    deflate.rest();
                }
                until
            }
            Awaited::Rest => Instant::now() + PATIENCE,
        };
        let (framer, deflate) = (&mut self.framer, &mut self.deflate);
        let take = |piece: &[u8]| match deflate {
            Some(deflate) => deflate.take(piece),
            None => framer.push(piece),
        };
        let read = tokio::select! {
            read = arrive(stream, take) => read.map_err(|_| End::Gone)?,
            () = tokio::time::sleep_until(until) => return Err(End::Bye(None, "Nothing came for too long".into())),
            () = self.shutdown.requested(), if matches!(awaited, Awaited::Pause(_)) => return Err(going_down()),
        };
        if read == 0 { Err(End::Gone) } else { Ok(()) }
    }

    /// Hands some of what came compressed to the framer; false if nothing is left of it.
    fn inflate(&mut self) -> Result<bool, End> {
        let Some(deflate) = &mut self.deflate else { return Ok(false) };
        match deflate.inflate() {
            Ok(piece) => {
                self.framer.push(piece);
                Ok(!piece.is_empty())
            }
            Err(Damaged::Ended) => Err(End::Gone),
            Err(Damaged::Unreadable) => Err(End::Bye(None, "What came is not compressed as it should be".into())),
        }
    }

    /// True if the program is about to end.
    pub(crate) fn is_going_down(&self) -> bool {
        self.shutdown.is_requested()
    }

    /// Sends if much was gathered.
    pub(crate) async fn relieve(&mut self) -> Result<(), End> {
        if self.out.len() >= SEND_FROM { self.flush().await } else { Ok(()) }
    }

    /// Sends what was gathered. Cancel-safe: what was sent is not sent again.
    pub(crate) async fn flush(&mut self) -> Result<(), End> {
        while !(self.line.is_empty() && self.out.is_empty()) {
            if self.line.is_empty() {
                match &mut self.deflate {
                    Some(deflate) => {
                        self.line = deflate.deflate(&self.out);
                        self.out.clear();
                    }
                    None => std::mem::swap(&mut self.line, &mut self.out),
                }
            }
            self.send_line().await?;
        }
        Ok(())
    }

    /// Sends the rest of what is on its way.
    async fn send_line(&mut self) -> Result<(), End> {
        let Some(stream) = &mut self.stream else { return Err(End::Gone) };
        while let Some(rest) = self.line.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match timeout(PATIENCE, stream.write(rest)).await {
                Ok(Ok(more)) if more > 0 => self.sent += more,
                _ => return Err(End::Gone),
            }
        }
        match timeout(PATIENCE, stream.flush()).await {
            Ok(Ok(())) => {}
            _ => return Err(End::Gone),
        }
        self.line.clear();
        self.sent = 0;
        Ok(())
    }

    /// A command begins.
    pub(crate) fn begin(&mut self, tag: &Tag) {
        self.working = Some(tag.clone());
        self.progress.begin(0);
    }

    /// Where to tell how far the command has come.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Waits for the mailbox, and lets the client know that somebody is still there: many give up after a minute
    /// of silence. The words are those of RFC 9585. What was gathered before does not wait as well.
    pub(crate) async fn patiently<V>(&mut self, work: impl Future<Output = V> + Send) -> Result<V, End> {
        tokio::pin!(work);
        if !self.out.is_empty() {
            let send = async {
                tokio::time::sleep(NOT_AT_ONCE).await;
                self.flush().await
            };
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                sent = send => sent?,
            }
        }
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = tokio::time::sleep(STILL_WORKING) => {
                    let Self { working, progress, .. } = &*self;
                    let (tag, done, goal) = (working.clone(), progress.done(), progress.goal());
                    let code = Code::InProgress { tag, done, goal };
                    response::untagged(&mut self.out, Condition::Ok, Some(&code), "Still working");
                    self.flush().await?;
                }
            }
        }
    }

    /// Goes on under TLS (RFC 3501 section 6.2.1). What the client sent before the handshake was not protected:
    /// whoever sends any is an attacker, or takes up their trade.
    pub(crate) async fn start_tls(&mut self) -> Result<(), End> {
        self.flush().await?;
        if !self.framer.take_rest().is_empty() {
            return Err(End::Gone);
        }
        let (Some(stream), Some(tls)) = (self.stream.take(), self.start_tls.take()) else { return Err(End::Gone) };
        match timeout(PATIENCE, stream.upgrade(&tls)).await {
            Ok(Ok(stream)) => self.stream = Some(stream),
            _ => return Err(End::Gone),
        }
        Ok(())
    }

    /// Goes on compressed, both ways (RFC 4978). What came behind the command is compressed already.
    pub(crate) async fn compress(&mut self) -> Result<(), End> {
        self.flush().await?;
        let mut deflate = Deflate::default();
        deflate.take(&self.framer.take_rest());
        self.deflate = Some(Box::new(deflate));
        Ok(())
    }

    /// Goes on without compression, if there is any: our side after what was gathered, the client's after its last
    /// command (RFC 8437 section 5.1).
    pub(crate) async fn decompress(&mut self) -> Result<(), End> {
        self.flush().await?;
        let Some(deflate) = self.deflate.take() else { return Ok(()) };
        match deflate.end().filter(|_| self.framer.take_rest().is_empty()) {
            Some(rest) => self.framer.push(&rest),
            None => return Err(End::Bye(None, "It cannot be told where the compression ends".into())),
        }
        Ok(())
    }

    /// The end of whoever may not stay, whatever is being done. Nothing is said in the middle of an answer.
    pub(crate) fn cut(&self, why: &str) -> End {
        match self.out.is_empty() && self.line.is_empty() {
            true => End::Bye(Some(Code::AuthorizationFailed), why.to_owned().into()),
            false => End::Gone,
        }
    }

    /// Says goodbye if that is still possible, and closes.
    pub(crate) async fn close(mut self, end: End) {
        if let End::Bye(code, text) = end {
            response::bye(&mut self.out, code.as_ref(), &text);
        }
        let _ = self.flush().await;
        if let Some(mut stream) = self.stream.take() {
            let _ = timeout(PATIENCE, stream.shutdown()).await;
        }
    }
}

pub(crate) fn going_down() -> End {
    End::Bye(Some(Code::Unavailable), "The gateway is being restarted, please come again".into())
}

const SEND_FROM: usize = 64 << 10;

/// How long a client may stay in the middle of something without moving.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// What takes longer than this is waited for.
const NOT_AT_ONCE: Duration = Duration::from_millis(3);
/// RFC 9585 section 4 advises 10 to 15 seconds.
const STILL_WORKING: Duration = Duration::from_secs(10);
