use std::time::Duration;

use tokio::time::Instant;

use crate::mime::MimeSink;
use crate::op::get_mime::GetMime;
use crate::{Error, EventStream, Identity, Impersonation, Operation, Server, Version};

/// Calls Exchange as one identity. Cheap to clone; clones share connections, back-off and sign-in state.
#[derive(Clone, Debug)]
pub struct Client {
    _server: Server,
    _identity: Identity,
}

impl Client {
    pub(crate) fn new(server: Server, identity: Identity) -> Client {
        Client { _server: server, _identity: identity }
    }

    /// The same client, whose calls wait up to `patience` for a busy Exchange.
    pub fn with_patience(&self, _patience: Duration) -> Client {
        self.clone()
    }

    /// The same client, whose requests are routed to this mailbox's server (X-AnchorMailbox).
    pub fn with_anchor(&self, _mailbox: &str) -> Client {
        self.clone()
    }

    /// The same client acting for somebody else.
    pub fn impersonating(&self, _whom: Impersonation) -> Client {
        self.clone()
    }

    /// Until when calls fail without asking Exchange, because it refused this identity; None if it may be asked.
    pub fn refused_until(&self) -> Option<Instant> {
        None
    }

    /// The newest request version this server understands, once it has answered.
    pub fn server_version(&self) -> Option<Version> {
        None
    }

    /// Does one operation.
    ///
    /// The error says whether it may have been carried out all the same; items of a batch fail one by one inside the answer.
    pub async fn call<O: Operation>(&self, _operation: &O) -> Result<O::Answer, Error> {
        Err(Error::unavailable("not connected"))
    }

    /// Fetches messages as MIME, decoded into a sink while they arrive.
    ///
    /// On an error, every item that had not ended was told `failed` first.
    pub async fn get_mime<S: MimeSink>(&self, _operation: &GetMime, _sink: &mut S) -> Result<(), Error> {
        Err(Error::unavailable("not connected"))
    }

    /// Opens a stream of the events of these subscriptions, for 1 to 30 minutes, on a connection of its own.
    pub async fn stream(&self, _subscriptions: &[String], _minutes: u8) -> Result<EventStream, Error> {
        Err(Error::unavailable("not connected"))
    }
}
