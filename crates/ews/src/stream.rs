use crate::Error;
use crate::op::get_events::Notification;

/// The events of streaming subscriptions, as they happen.
pub struct EventStream {
    _private: (),
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
    /// Waits for the next document. After `Closed` or an error the stream is over.
    ///
    /// An error of kind `SubscriptionLost` wants a new subscription and a sync; `Unavailable` wants a new stream.
    pub async fn next(&mut self) -> Result<StreamingEvent, Error> {
        Ok(StreamingEvent::Closed)
    }
}
