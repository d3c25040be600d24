//! The only file that sees the socket: octets in become requests, answers are gathered and sent.
//!
//! Answers are sent when the client is waited for, and when there is much of them. Requests are answered one after the other;
//! while one is, the next ones are listened for, since they may say that its answer is not wanted any more.

use std::collections::VecDeque;
use std::time::Duration;

use serve::{Shutdown, Stream, Tls, arrive};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use crate::error::{End, going_down, lost, notice, too_slow};
use crate::proto::{Code, Framer, Message, Outcome, Raw, Request, Response, Step};

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
    /// Requests that came while another was being answered.
    waiting: VecDeque<Raw>,
    out: Vec<u8>,
    /// Octets of `out` that are sent.
    sent: usize,
}

/// How work ended that a client waited for.
#[derive(Debug)]
pub(crate) enum Ended<R> {
    /// It is done.
    Done(R),
    /// It took too long.
    TooLate,
    /// The client does not want it any more.
    Abandoned,
}

impl<T: Transport> Connection<T> {
    pub(crate) fn new(connection: serve::Connection<T>, longest_request: usize) -> Self {
        Self {
            stream: Some(connection.stream),
            start_tls: connection.start_tls,
            shutdown: connection.shutdown,
            framer: Framer::new(longest_request),
            waiting: VecDeque::new(),
            out: Vec::new(),
            sent: 0,
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_tls)
    }

    /// True if StartTLS is to be had.
    pub(crate) fn can_start_tls(&self) -> bool {
        self.start_tls.is_some() && !self.is_tls()
    }

    /// True if the program is about to end.
    pub(crate) fn is_going_down(&self) -> bool {
        self.shutdown.is_requested()
    }

    /// Says something, and sends if much was gathered.
    pub(crate) async fn say(&mut self, id: u32, response: &Response) -> Result<(), End> {
        if let Some(code) = response.code() {
            tracing::Span::current().record("outcome", code as u32);
        }
        response.write(id, &mut self.out);
        if self.out.len() >= SEND_FROM { self.flush().await } else { Ok(()) }
    }

    /// The next request. All that was said is on its way before the client is waited for, which is told of a shutdown
    /// meanwhile. Cancel-safe.
    pub(crate) async fn next(&mut self, until: Instant) -> Result<Raw, End> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(message);
            }
            match self.framer.step() {
                Step::Message(message) => return Ok(message),
                Step::Lost(fault) => return Err(lost(fault)),
                Step::NeedBytes => {}
            }
            self.flush().await?;
            self.out = Vec::new();
            let Some(stream) = &mut self.stream else { return Err(End::Silent) };
            let framer = &mut self.framer;
            let read = tokio::select! {
                read = arrive(stream, |piece| framer.push(piece)) => read.map_err(|_| End::Silent)?,
                () = tokio::time::sleep_until(until) => return Err(too_slow()),
                () = self.shutdown.requested() => return Err(going_down()),
            };
            if read == 0 {
                return Err(End::Silent);
            }
        }
    }

    /// Works for the request of this id, for as long as its answer is wanted. Who has gone, or says so, wants none.
    pub(crate) async fn patiently<R>(
        &mut self,
        id: u32,
        until: Instant,
        work: impl Future<Output = R> + Send,
    ) -> Result<Ended<R>, End> {
        let mut work = std::pin::pin!(work);
        // What is known already is told, whatever came behind the request.
        tokio::select! {
            biased;
            done = &mut work => return Ok(Ended::Done(done)),
            () = std::future::ready(()) => {}
        }
        loop {
            if self.heard_of_end(id)? {
                return Ok(Ended::Abandoned);
            }
            let may_listen = self.waiting.len() < MOST_WAITING && self.framer.waiting() < MOST_OCTETS;
            let Some(stream) = &mut self.stream else { return Err(End::Silent) };
            let framer = &mut self.framer;
            let read = tokio::select! {
                biased;
                done = &mut work => return Ok(Ended::Done(done)),
                () = tokio::time::sleep_until(until) => return Ok(Ended::TooLate),
                read = arrive(stream, |piece| framer.push(piece)), if may_listen => read.map_err(|_| End::Silent)?,
            };
            if read == 0 {
                return Err(End::Silent);
            }
        }
    }

    /// Looks through what came. True if the answer to this request is not wanted any more (RFC 4511 section 4.11).
    fn heard_of_end(&mut self, id: u32) -> Result<bool, End> {
        while self.waiting.len() < MOST_WAITING
            && let Step::Message(raw) = self.framer.step()
        {
            match Message::parse(&raw).map(|message| message.request) {
                Ok(Request::Abandon(of)) if of == id => return Ok(true),
                Ok(Request::Unbind) => return Err(End::Silent),
                _ => self.waiting.push_back(raw),
            }
        }
        Ok(false)
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

    /// Goes on under TLS (RFC 4511 section 4.14). What came behind the request was not protected, and is forgotten: whoever
    /// sent it may have been somebody else.
    pub(crate) async fn start_tls(&mut self) -> Result<(), End> {
        self.framer.discard();
        self.waiting.clear();
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
            true => End::Notice(Outcome::new(Code::InsufficientAccessRights, why.to_owned())),
            false => End::Silent,
        }
    }

    /// Says why, if that is still possible, and closes.
    pub(crate) async fn close(mut self, end: End) {
        let is_heard = matches!(end, End::Notice(_));
        if let End::Notice(outcome) = end {
            notice(outcome).write(0, &mut self.out);
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

/// Requests, and octets of them, that may wait while one is being answered.
const MOST_WAITING: usize = 32;
const MOST_OCTETS: usize = 128 << 10;

/// How long is read what nobody wants any more.
const LINGER: Duration = Duration::from_secs(2);

/// How long a client may leave unread what it is told.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
