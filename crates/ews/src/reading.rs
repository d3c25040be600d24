use crate::mime::{MimeError, MimeSink};
use crate::op::get_mime::GetMime;
use crate::refusal;
use crate::soap::{Answer, Document, Event, Unreadable};
use crate::transport::Reply;
use crate::types::ServerVersion;
use crate::vigil::Vigil;
use crate::{Error, ErrorKind, Operation, Payload};

/// An answer being read: bytes from the lane, through the document, to events.
#[derive(Debug)]
pub(crate) struct Reading {
    reply: Reply,
    document: Document,
    host: String,
    beginning: Vec<u8>,
    vigil: Vigil,
    /// The lane cannot serve another request.
    pub(crate) broken: bool,
    /// What the server said it is.
    pub(crate) version: Option<ServerVersion>,
}

impl Reading {
    pub(crate) fn new(reply: Reply, document: Document, host: &str, vigil: Vigil) -> Reading {
        let host = host.to_owned();
        Reading { reply, document, host, vigil, beginning: Vec::new(), broken: false, version: None }
    }

    /// The next event; None when the body has ended and was whole.
    pub(crate) async fn event(&mut self) -> Result<Option<Event>, Error> {
        loop {
            match self.document.next() {
                Ok(Some(Event::Version(version))) => self.version = Some(version),
                Ok(Some(event)) => return Ok(Some(event)),
                Ok(None) => {
                    if !self.more().await? {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(self.unreadable(error).await),
            }
        }
    }

    /// Reads on; false at the end. A connection that breaks off after `</Envelope>` has brought a whole answer.
    async fn more(&mut self) -> Result<bool, Error> {
        match self.vigil.keep(self.reply.next()).await.and_then(|next| next) {
            Ok(Some(bytes)) => {
                let room = BEGINNING.saturating_sub(self.beginning.len());
                self.beginning.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
                self.document.push(&bytes);
                Ok(true)
            }
            Ok(None) => match self.document.finish() {
                Ok(()) => Ok(false),
                Err(error) => Err(self.unreadable(error).await),
            },
            Err(error) => {
                self.broken = true;
                if self.document.finish().is_ok() { Ok(false) } else { Err(error.maybe_done()) }
            }
        }
    }

    async fn unreadable(&mut self, error: Unreadable) -> Error {
        if error == Unreadable::NotSoap {
            let more = self.reply.beginning(BEGINNING.saturating_sub(self.beginning.len())).await;
            self.beginning.extend(more);
        }
        let location = self.reply.header("location");
        let told = refusal::unreadable(error, self.reply.status, &self.host, location, &self.beginning);
        self.hinted(told)
    }

    /// All of the answer, gathered.
    pub(crate) async fn answer<P: Payload>(&mut self) -> Result<Answer<P>, Error> {
        let mut answer = Answer::new();
        while let Some(event) = self.event().await? {
            answer.take(event);
        }
        if let Some(fault) = answer.fault.take() {
            return Err(self.hinted(refusal::fault(fault)));
        }
        Ok(answer)
    }

    /// All of the answer, MIME going to the sink as it comes.
    pub(crate) async fn mime<S: MimeSink>(
        &mut self,
        operation: &GetMime,
        sink: &mut Deliveries<'_, S>,
    ) -> Result<(), Error> {
        let mut answer = Answer::<<GetMime as Operation>::Payload>::new();
        while let Some(event) = self.event().await? {
            match event {
                Event::MimeStart => sink.start(operation).await?,
                Event::Mime(bytes) => sink.data(&bytes).await?,
                Event::MimeEnd(valid) => sink.valid = Some(valid),
                Event::Message(_) => {
                    answer.take(event);
                    if let Some(message) = answer.messages.pop() {
                        sink.end(operation, message.and_then(|items| items.one())).await?;
                    }
                }
                event => answer.take(event),
            }
        }
        match answer.fault.take() {
            Some(fault) => Err(self.hinted(refusal::fault(fault))),
            None => Ok(()),
        }
    }

    fn hinted(&self, error: Error) -> Error {
        refusal::hinted(error, refusal::retry_after(self.reply.header("retry-after"))).with_headers(&self.reply.headers)
    }
}

/// What a sink was told so far.
#[derive(Debug)]
pub(crate) struct Deliveries<'a, S> {
    sink: &'a mut S,
    /// Items that had their `end` or `failed`.
    pub(crate) done: usize,
    started: bool,
    /// Bytes came of the item that started last.
    pub(crate) any: bool,
    valid: Option<bool>,
    /// The first item that Exchange was too busy for.
    pub(crate) busy: Option<Error>,
}

impl<'a, S: MimeSink> Deliveries<'a, S> {
    pub(crate) fn new(sink: &'a mut S) -> Deliveries<'a, S> {
        Deliveries { sink, done: 0, started: false, any: false, valid: None, busy: None }
    }

    async fn start(&mut self, operation: &GetMime) -> Result<(), Error> {
        let id = operation.items.get(self.done).ok_or_else(unasked)?;
        (self.started, self.any, self.valid) = (true, false, None);
        self.sink.start(self.done, id).await.map_err(local)
    }

    async fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.any = true;
        self.sink.data(bytes).await.map_err(local)
    }

    async fn end(&mut self, operation: &GetMime, message: Result<crate::Item, crate::ItemError>) -> Result<(), Error> {
        if self.done >= operation.items.len() {
            return Err(unasked());
        }
        let index = self.done;
        self.done += 1;
        let told = match (message, self.started, self.valid) {
            (Err(error), ..) => {
                if error.kind.is_transient() && self.busy.is_none() {
                    self.busy = Some(error.clone().into());
                }
                self.sink.failed(index, MimeError::Refused(error)).await
            }
            (Ok(_), false, _) => self.sink.failed(index, MimeError::Missing).await,
            (Ok(_), true, Some(true)) if !self.any => self.sink.failed(index, MimeError::Missing).await,
            (Ok(item), true, Some(true)) => self.sink.end(index, item).await,
            (Ok(_), true, _) => self.sink.failed(index, MimeError::BadBase64).await,
        };
        self.started = false;
        told.map_err(local)
    }

    /// The answer will not go on: every item that has not ended fails.
    pub(crate) async fn cut(&mut self, operation: &GetMime, error: &Error) {
        for index in self.done..operation.items.len() {
            // A sink that fails while it is told of failures knows already.
            let _ = self.sink.failed(index, MimeError::Cut(error.clone())).await;
        }
    }
}

fn unasked() -> Error {
    Error::protocol("the answer holds more items than were asked for")
}

fn local(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Local, format!("storing a message: {error}"))
}

/// As much of an answer as is kept for error messages.
const BEGINNING: usize = 8 * 1024;
