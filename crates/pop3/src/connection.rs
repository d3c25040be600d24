//! The only file that sees the socket: octets in become steps of the framer, answers are gathered and sent.
//!
//! Answers are sent when the client is waited for, so that commands in one piece are answered in one (RFC 2449 section
//! 6.6), and when there is much of them: of a message no more than two pieces are held. A connection that waits holds no
//! buffers.

use std::time::Duration;

use serve::{Shutdown, Stream, Tls, arrive};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use crate::error::{End, going_down};
use crate::proto::{Code, Framer, Limits, Reply, Step};

/// What octets go over.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// A client at the other end.
pub(crate) struct Connection<T> {
    /// `None` only while it goes over to TLS, and after that failed.
    stream: Option<Stream<T>>,
    start_tls: Option<Tls>,
    shutdown: Shutdown,
    framer: Framer,
    out: Vec<u8>,
    /// Octets of `out` that are sent.
    sent: usize,
}

impl<T: Transport> Connection<T> {
    pub(crate) fn new(connection: serve::Connection<T>, limits: Limits) -> Self {
        Self {
            stream: Some(connection.stream),
            start_tls: connection.start_tls,
            shutdown: connection.shutdown,
            framer: Framer::new(limits),
            out: Vec::new(),
            sent: 0,
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_tls)
    }

    /// True if STLS is to be had.
    pub(crate) fn can_start_tls(&self) -> bool {
        self.start_tls.is_some() && !self.is_tls()
    }

    /// True if the program is about to end.
    pub(crate) fn is_going_down(&self) -> bool {
        self.shutdown.is_requested()
    }

    pub(crate) fn say(&mut self, reply: &Reply) {
        reply.write(&mut self.out);
    }

    /// Lets octets be appended to what will be sent, and sends if there are many.
    pub(crate) async fn put(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), End> {
        write(&mut self.out);
        self.relieve().await
    }

    /// The framer's next step. All that was said is on its way before the client is waited for, which is told of a
    /// shutdown meanwhile. Cancel-safe.
    pub(crate) async fn next(&mut self, until: Instant) -> Result<Step, End> {
        loop {
            match self.framer.step() {
                Step::NeedBytes => {
                    self.flush().await?;
                    self.read(until).await?;
                }
                step => return Ok(step),
            }
        }
    }

    async fn read(&mut self, until: Instant) -> Result<(), End> {
        let Some(stream) = &mut self.stream else { return Err(End::Silent) };
        self.out = Vec::new();
        let framer = &mut self.framer;
        let read = tokio::select! {
            read = arrive(stream, |piece| framer.push(piece)) => read.map_err(|_| End::Silent)?,
            // RFC 1939 section 3: who is silent for too long is left without a word.
            () = tokio::time::sleep_until(until) => return Err(End::Silent),
            () = self.shutdown.requested() => return Err(going_down()),
        };
        if read == 0 { Err(End::Silent) } else { Ok(()) }
    }

    /// Sends if much was gathered.
    pub(crate) async fn relieve(&mut self) -> Result<(), End> {
        if self.out.len() >= SEND_FROM { self.flush().await } else { Ok(()) }
    }

    /// Sends what was gathered. Cancel-safe: what was sent is not sent again.
    async fn flush(&mut self) -> Result<(), End> {
        if self.out.is_empty() {
            return Ok(());
        }
        let Some(stream) = &mut self.stream else { return Err(End::Silent) };
        while let Some(rest) = self.out.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match timeout(PATIENCE, stream.write(rest)).await {
                Ok(Ok(more)) if more > 0 => self.sent += more,
                _ => return Err(End::Silent),
            }
        }
        match timeout(PATIENCE, stream.flush()).await {
            Ok(Ok(())) => {}
            _ => return Err(End::Silent),
        }
        self.out.clear();
        self.sent = 0;
        Ok(())
    }

    /// Goes on under TLS (RFC 2595 section 4). What came behind the command was not protected, and is forgotten: whoever
    /// sent it may have been somebody else.
    pub(crate) async fn start_tls(&mut self) -> Result<(), End> {
        self.framer.discard();
        self.flush().await?;
        let (Some(stream), Some(tls)) = (self.stream.take(), self.start_tls.take()) else { return Err(End::Silent) };
        match timeout(PATIENCE, stream.upgrade(&tls)).await {
            Ok(Ok(stream)) => self.stream = Some(stream),
            _ => return Err(End::Silent),
        }
        Ok(())
    }

    /// The end of whoever may not stay, whatever is being done. Nothing is said in the middle of an answer.
    pub(crate) fn cut(&self, why: &str) -> End {
        match self.out.is_empty() {
            true => End::Bye(Reply::Err(Some(Code::Auth), why.to_owned().into())),
            false => End::Silent,
        }
    }

    /// Says goodbye if that is still possible, and closes.
    pub(crate) async fn close(mut self, end: End) {
        let is_heard = matches!(end, End::Bye(_));
        if let End::Bye(reply) = end {
            self.say(&reply);
        }
        let _ = self.flush().await;
        let Some(mut stream) = self.stream.take() else { return };
        let _ = timeout(PATIENCE, stream.shutdown()).await;
        // A system that closes with something unread says so at once, and the client loses what it was told last.
        if is_heard {
            let unread = async { while matches!(arrive(&mut stream, |_| {}).await, Ok(1..)) {} };
            let _ = timeout(LINGER, unread).await;
        }
    }
}

const SEND_FROM: usize = 64 << 10;

/// How long is read what nobody wants any more.
const LINGER: Duration = Duration::from_secs(2);

/// How long a client may leave unread what it is told.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
