//! The CalDAV and CardDAV front end: HTTP over any [`mailbox`] with [`mailbox::objects::Objects`].
//!
//! Bytes become requests in `connection`, requests become answers in `method` and `report`, one file each; what is
//! said of a resource is a row of the table in `property`. Listings are streamed: none is ever whole in memory.

mod body;
mod caller;
mod card;
mod condition;
mod connection;
mod context;
mod error;
mod feed;
mod form;
mod method;
mod multistatus;
mod object;
mod pages;
mod patient;
mod place;
mod property;
mod report;
mod request;
mod resource;
mod schedule;
mod settings;
mod sign_in;
mod texts;
mod whole;

#[cfg(feature = "dialog")]
pub mod dialog;
pub mod xml;

use std::sync::Arc;

use mailbox::SignIn;
use mailbox::objects::Objects;
use serve::Protocol;
use tokio::io::{AsyncRead, AsyncWrite};

pub use body::{Body, Cut};
pub use feed::{Detail, Feed, Feeds, NoFeeds};
pub use form::Sent;
pub use pages::{Page, Pages};
pub use settings::Settings;

/// CalDAV and CardDAV over a mailbox, for [`serve::listen`]. Clones share what they know of sign-ins.
pub struct Dav<S: SignIn, F = NoFeeds> {
    shared: Arc<Shared<S, F>>,
}

impl<S: SignIn, F> Clone for Dav<S, F> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

/// What all connections have in common.
struct Shared<S: SignIn, F> {
    backend: S,
    settings: Arc<Settings>,
    known: sign_in::Known<S::Account>,
    feeds: F,
    seen: feed::Seen,
}

impl<S: SignIn> Dav<S>
where
    S::Account: Objects,
{
    /// Serves what `backend` lets people into.
    pub fn new(backend: S, settings: Settings) -> Self {
        Self::with_feeds(backend, settings, NoFeeds)
    }
}

impl<S: SignIn, F: Feeds<S::Account>> Dav<S, F>
where
    S::Account: Objects,
{
    /// The same, and calendars under secret addresses: `/feed/<token>/<name>.ics`.
    pub fn with_feeds(backend: S, settings: Settings, feeds: F) -> Self {
        let known = sign_in::Known::default();
        let shared = Shared { backend, settings: Arc::new(settings), known, feeds, seen: feed::Seen::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Serves one client until it leaves or has to.
    pub async fn serve<T>(&self, connection: serve::Connection<T>)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        connection::run(connection, Arc::clone(&self.shared)).await;
    }
}

impl<S: SignIn, F: Feeds<S::Account>> Protocol for Dav<S, F>
where
    S::Account: Objects,
{
    const NAME: &'static str = "dav";
    const REFUSAL: &'static [u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

    const TELLS_CLIENTS: bool = true;

    async fn run(&self, connection: serve::Connection) {
        self.serve(connection).await;
    }
}
