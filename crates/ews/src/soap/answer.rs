use super::{Event, Fault, Outcome};
use crate::{ItemError, Payload, ResponseCode};

/// Gathers the events of a document into one payload for each response message.
#[derive(Debug)]
pub(crate) struct Answer<P> {
    /// What has ended so far.
    pub(crate) messages: Vec<Result<P, ItemError>>,
    current: P,
    /// The whole request was refused.
    pub(crate) fault: Option<Fault>,
}

impl<P: Payload> Answer<P> {
    /// Nothing yet.
    pub(crate) fn new() -> Answer<P> {
        Answer { messages: Vec::new(), current: P::default(), fault: None }
    }

    /// Takes an event that concerns the answer's content; others are left alone.
    pub(crate) fn take(&mut self, event: Event) {
        match event {
            Event::Element(container, element) => self.current.take(container, element),
            Event::Message(outcome) => {
                let payload = std::mem::take(&mut self.current);
                self.messages.push(outcome.judge(payload));
            }
            Event::Fault(fault) => self.fault = Some(fault),
            _ => {}
        }
    }
}

impl Outcome {
    /// A warning is a success with a remark, unless it says that nothing was done.
    pub(crate) fn judge<P>(self, payload: P) -> Result<P, ItemError> {
        let failed = match self.class.as_str() {
            "Success" => false,
            "Warning" => self.code == "ErrorBatchProcessingStopped",
            _ => true,
        };
        if failed {
            Err(ItemError::new(ResponseCode::new(&self.code), self.text, self.retry_after))
        } else {
            Ok(payload)
        }
    }
}
