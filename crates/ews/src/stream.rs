use crate::attempt::Exchange;
use crate::op::get_events::Notification;
use crate::op::get_streaming_events::Streamed;
use crate::refusal;
use crate::soap::{Answer, Event};
use crate::{Client, Error};

/// The events of streaming subscriptions, as they happen. Dropping it closes its connection.
#[derive(Debug)]
pub struct EventStream {
    client: Client,
    exchange: Exchange,
    answer: Answer<Streamed>,
}

/// What a stream says.
#[derive(Clone, Debug)]
pub enum StreamingEvent {
    /// Something happened.
    Events(Vec<Notification>),
    /// Nothing happened; the connection lives.
    Heartbeat,
    /// The time asked for is over: open the next stream.
    Closed,
}

impl EventStream {
    pub(crate) fn new(client: Client, exchange: Exchange) -> EventStream {
        EventStream { client, exchange, answer: Answer::new() }
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
        while let Some(event) = self.exchange.reading.event().await? {
            let ended = event == Event::End;
            self.answer.take(event);
            if ended {
                return told(std::mem::replace(&mut self.answer, Answer::new()));
            }
        }
        // The server ended the body between two documents without saying so: as good as said.
        Ok(StreamingEvent::Closed)
    }
}

/// What one document says.
fn told(answer: Answer<Streamed>) -> Result<StreamingEvent, Error> {
    if let Some(fault) = answer.fault {
        return Err(refusal::fault(fault));
    }
    let mut notifications = Vec::new();
    let mut closed = false;
    for message in answer.messages {
        let message = message?;
        notifications.extend(message.notifications);
        closed |= message.closed;
    }
    Ok(match (notifications.is_empty(), closed) {
        (false, _) => StreamingEvent::Events(notifications),
        (true, true) => StreamingEvent::Closed,
        (true, false) => StreamingEvent::Heartbeat,
    })
}
