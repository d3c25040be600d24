//! Answer bodies: one document, or frames as they come.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::mpsc;

use super::{
    connection::Busy,
    stats::{InFlight, Stats},
};

/// A body whose length the head does not tell, so hyper sends it chunked, as IIS was recorded to do; a [`Body::page`]
/// has a Content-Length.
pub(super) struct Body {
    source: Source,
    stats: Arc<Stats>,
    /// Until the body is gone the request counts as in flight.
    _flight: Option<InFlight>,
    /// Until then its connection is not idle.
    _busy: Option<Busy>,
}

enum Source {
    Page(Option<Bytes>),
    Document(Option<Bytes>),
    Frames(mpsc::Receiver<io::Result<Bytes>>),
}

impl Body {
    /// A short page of known length.
    pub(super) fn page(stats: &Arc<Stats>, page: impl Into<Bytes>) -> Self {
        Self { source: Source::Page(Some(page.into())), stats: stats.clone(), _flight: None, _busy: None }
    }

    /// The same body; while it lasts, its connection is at work.
    pub(super) fn on(self, busy: Busy) -> Self {
        Self { _busy: Some(busy), ..self }
    }

    /// One document.
    pub(super) fn document(stats: &Arc<Stats>, document: Vec<u8>, flight: InFlight) -> Self {
        Self {
            source: Source::Document(Some(document.into())),
            stats: stats.clone(),
            _flight: Some(flight),
            _busy: None,
        }
    }

    /// Frames until the sender is dropped; an error cuts the connection.
    pub(super) fn frames(stats: &Arc<Stats>, frames: mpsc::Receiver<io::Result<Bytes>>, flight: InFlight) -> Self {
        Self { source: Source::Frames(frames), stats: stats.clone(), _flight: Some(flight), _busy: None }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let next = match &mut self.source {
            Source::Page(page) => page.take().map(Ok),
            Source::Document(document) => document.take().map(Ok),
            Source::Frames(frames) => std::task::ready!(frames.poll_recv(context)),
        };
        if let Some(Ok(bytes)) = &next {
            self.stats.sent(bytes.len());
        }
        Poll::Ready(next.map(|bytes| bytes.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Page(page) => SizeHint::with_exact(page.as_ref().map_or(0, |page| page.len() as u64)),
            Source::Document(_) | Source::Frames(_) => SizeHint::default(),
        }
    }
}
