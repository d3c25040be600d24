use std::collections::VecDeque;

use crate::attempt::Exchange;
use crate::op::get_events::Notification;
use crate::op::get_streaming_events::Streamed;
use crate::operation::Payload;
use crate::refusal;
use crate::soap::{Event, Fault, Outcome};
use crate::{Client, Error, ErrorKind};

/// The events of streaming subscriptions, as they happen. Dropping it closes its connection.
#[derive(Debug)]
pub struct EventStream {
    client: Client,
    exchange: Exchange,
    /// The response message that is being read.
    message: Streamed,
    /// Those of this document that were read.
    messages: Vec<(Outcome, Streamed)>,
    fault: Option<Fault>,
    /// What was read and not told yet.
    told: VecDeque<StreamingEvent>,
}

/// What a stream says.
#[derive(Clone, Debug)]
pub enum StreamingEvent {
    /// Something happened.
    Events(Vec<Notification>),
    /// The stream does not serve these subscriptions (any more), and goes on for the others.
    Refused {
        /// Which.
        subscriptions: Vec<String>,
        /// Why.
        error: Error,
    },
    /// Nothing happened; the connection lives.
    Heartbeat,
    /// The server has ended the stream: open the next one. If that was before the time asked for, events may have been
    /// lost.
    Closed,
}

impl EventStream {
    pub(crate) fn new(client: Client, exchange: Exchange) -> EventStream {
        EventStream {
            client,
            exchange,
            message: Streamed::default(),
            messages: Vec::new(),
            fault: None,
            told: VecDeque::new(),
        }
    }

    /// Waits for the next document. After `Closed` or an error the stream is over.
    ///
    /// An error of kind `SubscriptionLost` wants a new subscription and a sync; `Unavailable` wants a new stream, and a
    /// sync too, for events may have been lost. May be cancelled and called again.
    pub async fn next(&mut self) -> Result<StreamingEvent, Error> {
        let told = self.document().await;
        told.map_err(|error| {
            self.exchange.blame(&self.client.shared.server, &error);
            self.client.shared.weather.busy(&error, self.exchange.since());
            error.with_request_id(&self.exchange.request_id)
        })
    }

    async fn document(&mut self) -> Result<StreamingEvent, Error> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Ok(told);
            }
            let Some(event) = self.exchange.reading.event().await? else {
                if self.exchange.reading.broken {
                    // The last document was whole, and those behind it are lost.
                    return Err(Error::told(ErrorKind::Unavailable, "the connection broke between two notifications"));
                }
                // The server ended the body between two documents without saying so: as good as said.
                return Ok(StreamingEvent::Closed);
            };
            match event {
                Event::Element(container, element) => self.message.take(container, element),
                Event::Message(outcome) => self.messages.push((outcome, std::mem::take(&mut self.message))),
                Event::Fault(fault) => self.fault = Some(fault),
                Event::End => self.tell()?,
                _ => {}
            }
        }
    }

    /// Takes what one document says, once it is whole.
    fn tell(&mut self) -> Result<(), Error> {
        if let Some(fault) = self.fault.take() {
            return Err(refusal::fault(fault));
        }
        let mut closed = false;
        for (outcome, message) in std::mem::take(&mut self.messages) {
            closed |= message.closed;
            let subscriptions = message.refused.clone();
            match outcome.judge(message).map_err(Error::from) {
                Ok(message) if message.notifications.is_empty() => {}
                Ok(message) => self.told.push_back(StreamingEvent::Events(message.notifications)),
                Err(error) if subscriptions.is_empty() => return Err(error),
                Err(error) => self.told.push_back(StreamingEvent::Refused { subscriptions, error }),
            }
        }
        if closed {
            self.told.push_back(StreamingEvent::Closed);
        }
        if self.told.is_empty() {
            self.told.push_back(StreamingEvent::Heartbeat);
        }
        Ok(())
    }
}
