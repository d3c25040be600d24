//! What a group needs of Exchange.

use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use crate::op::subscribe::Subscribe;
use crate::op::unsubscribe::Unsubscribe;
use crate::{Client, Error, EventStream, Impersonation, StreamingEvent};

/// One mailbox's way to Exchange.
pub(crate) trait Line: Clone + Send + Sync + 'static {
    /// A stream that was opened.
    type Stream: Events + Send + 'static;

    /// The mailbox's address.
    fn name(&self) -> String;

    /// What its servers are called, if that is known.
    fn server(&self) -> Option<Arc<str>>;

    /// The way of a group that begins with this mailbox.
    fn way(&self) -> Route;

    /// The same mailbox on the way of its group.
    fn routed(&self, route: &Route) -> Self;

    /// Subscribes; the id.
    fn subscribe(&self, ask: &Subscribe) -> impl Future<Output = Result<String, Error>> + Send;

    /// Ends a subscription, if that can be done.
    fn unsubscribe(&self, id: String) -> impl Future<Output = ()> + Send;

    /// Opens a stream of these subscriptions.
    fn open(&self, ids: Vec<String>, minutes: u8) -> impl Future<Output = Result<Self::Stream, Error>> + Send;

    /// Whether Exchange does not answer at all.
    fn is_away(&self) -> bool;
}

/// What a stream tells.
pub(crate) trait Events {
    /// As [`EventStream::next`].
    fn next(&mut self) -> impl Future<Output = Result<StreamingEvent, Error>> + Send;
}

/// The way all requests of a group go, so that they come to the same server.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// `X-AnchorMailbox`.
    pub(crate) anchor: Arc<str>,
    /// What the first answer gave to be shown with all that follows.
    pub(crate) cookies: Arc<Mutex<Vec<(String, String)>>>,
    /// How many streams there may be of what the group's are charged to.
    pub(crate) streams: Arc<Semaphore>,
}

impl Route {
    /// Whether one more stream may be opened now.
    pub(crate) fn has_spare_stream(&self) -> bool {
        self.streams.available_permits() > 0
    }
}

impl Line for Client {
    type Stream = EventStream;

    fn name(&self) -> String {
        let acting_for = self.acting_for.as_deref().map(|whom| match whom {
            Impersonation::PrimarySmtpAddress(name) | Impersonation::PrincipalName(name) => name.as_str(),
        });
        self.anchor.as_deref().or(acting_for).unwrap_or_default().to_ascii_lowercase()
    }

    fn server(&self) -> Option<Arc<str>> {
        self.grouping.clone()
    }

    fn way(&self) -> Route {
        let streams = match self.is_charged_to_mailbox() {
            true => Arc::new(Semaphore::new(self.most_streams())),
            false => Arc::clone(&self.streams),
        };
        Route { anchor: Arc::from(self.name()), cookies: Arc::default(), streams }
    }

    fn routed(&self, route: &Route) -> Client {
        let (anchor, cookies) = (Some(Arc::clone(&route.anchor)), Arc::clone(&route.cookies));
        Client { anchor, cookies, streams: Arc::clone(&route.streams), ..self.clone() }
    }

    async fn subscribe(&self, ask: &Subscribe) -> Result<String, Error> {
        self.call(ask).await.map(|subscription| subscription.id)
    }

    async fn unsubscribe(&self, id: String) {
        if let Err(error) = self.call(&Unsubscribe { subscription: id }).await {
            tracing::debug!(%error, "a subscription was left to time out");
        }
    }

    async fn open(&self, ids: Vec<String>, minutes: u8) -> Result<EventStream, Error> {
        self.stream(&ids, minutes).await
    }

    fn is_away(&self) -> bool {
        Client::is_away(self)
    }
}

impl Events for EventStream {
    async fn next(&mut self) -> Result<StreamingEvent, Error> {
        EventStream::next(self).await
    }
}
