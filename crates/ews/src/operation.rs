use std::time::Duration;

use crate::mime::MimeSource;
use crate::soap::{Element, Xml};
use crate::types::Version;
use crate::{Error, ItemError};

/// One EWS operation: what is asked, and how its answer is read. Pure; the client does the talking.
pub trait Operation: Sync {
    /// What the payload of one response message is gathered into.
    type Payload: Payload;
    /// What the caller gets.
    type Answer: Send;

    /// The name in the wsdl, such as `GetItem`.
    const NAME: &'static str;

    /// Doing it twice does the same as doing it once, so it is tried again when an answer is lost.
    const IDEMPOTENT: bool = true;

    /// Which of Exchange's budgets it counts against.
    const BUDGET: Budget = Budget::Call;

    /// It belongs to a subscription, which lives on one server: it must get to that one.
    const AFFINE: bool = false;

    /// The oldest version that can do it at all.
    fn required(&self) -> Version {
        Version::Exchange2007
    }

    /// The lowest version that has everything asked for; what is newer than the server is then left out.
    fn wished(&self) -> Version {
        self.required()
    }

    /// Mail goes out by it: unless it is sure that nothing was done, it is not tried again here.
    fn sends(&self) -> bool {
        false
    }

    /// Nothing is asked for: the answer is known without asking, for Exchange refuses empty lists.
    fn is_empty(&self) -> bool {
        false
    }

    /// Writes the request, which is the one child of the SOAP body, in the schema of `version`.
    fn write(&self, xml: &mut Xml, version: Version);

    /// Messages to be sent where [`Xml::splice`] was called, one for each call.
    fn mime(&self) -> Vec<&MimeSource> {
        Vec::new()
    }

    /// How long all of it may take.
    fn time_limit(&self) -> Duration {
        Duration::from_secs(600)
    }

    /// Makes the answer of the response messages, one for each thing asked for, in the order asked.
    fn answer(&self, messages: Vec<Result<Self::Payload, ItemError>>) -> Result<Self::Answer, Error>;
}

/// What Exchange counts calls against (EWS "EWS throttling in Exchange").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// EWSMaxConcurrency.
    Call,
    /// ConcurrentSyncCalls, within EWSMaxConcurrency.
    Sync,
}

/// Gathers what one response message holds, one element at a time, so that no whole answer stands in memory.
pub trait Payload: Default + Send {
    /// Takes a finished element; `container` is the element it stood in, such as `Items`, or the response message.
    fn take(&mut self, container: &str, element: Element);
}

/// The answer of an operation with one response message.
pub(crate) fn only<P>(mut messages: Vec<Result<P, ItemError>>) -> Result<P, Error> {
    match (messages.pop(), messages.is_empty()) {
        (Some(message), true) => Ok(message?),
        _ => Err(Error::protocol("the answer does not have exactly one response message").maybe_done()),
    }
}

/// The answers of a batch, after checking that each input has one.
pub(crate) fn each<P, T>(
    asked: usize,
    messages: Vec<Result<P, ItemError>>,
    read: impl Fn(P) -> Result<T, ItemError>,
) -> Result<Vec<Result<T, ItemError>>, Error> {
    if messages.len() != asked {
        let told = format!("{asked} were asked for and {} answered", messages.len());
        return Err(Error::protocol(told).maybe_done());
    }
    Ok(messages.into_iter().map(|message| message.and_then(&read)).collect())
}

/// The payload of operations that tell nothing but whether they worked.
#[derive(Debug, Default)]
pub struct Nothing;

impl Payload for Nothing {
    fn take(&mut self, _container: &str, _element: Element) {}
}
