//! Bodies of answers: whole, or written while they are being sent.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use mailbox::Trace;
use tokio::sync::mpsc;

/// The body of an answer.
pub struct Body(Kind);

enum Kind {
    Whole(Full<Bytes>),
    Written { chunks: mpsc::Receiver<Bytes>, writer: Option<Writing> },
}

type Writing = Pin<Box<dyn Future<Output = Result<(), Cut>> + Send>>;

/// A body ends here, before its end: the client sees a broken answer, which it must not take for a whole one.
#[derive(Debug)]
pub struct Cut(pub(crate) String);

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Cut {}

impl From<mailbox::Error> for Cut {
    fn from(error: mailbox::Error) -> Self {
        Self(error.to_string())
    }
}

/// What a body is written to. Text is gathered, and sent in pieces of some KiB; whoever writes faster than the client
/// reads waits.
pub(crate) struct Sink {
    /// What is to be sent.
    pub(crate) out: String,
    chunks: mpsc::Sender<Bytes>,
}

impl Body {
    /// Nothing.
    pub(crate) fn empty() -> Self {
        Self::whole(Bytes::new())
    }

    /// All of it at once.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Whole(Full::new(bytes.into())))
    }

    /// Whatever `write` writes, while it is being sent. It stops where it stands when the client leaves.
    pub(crate) fn written<W, F>(write: W) -> Self
    where
        W: FnOnce(Sink) -> F,
        F: Future<Output = Result<Sink, Cut>> + Send + 'static,
    {
        let (sender, chunks) = mpsc::channel(1);
        let work = write(Sink { out: String::new(), chunks: sender });
        // It is written when the request is answered already, and belongs to it all the same.
        let writer = Trace::carried(async move { work.await?.finish().await });
        Self(Kind::Written { chunks, writer: Some(Box::pin(writer)) })
    }
}

impl Sink {
    /// Sends what was gathered, if it is worth it.
    pub(crate) async fn relieve(&mut self) -> Result<(), Cut> {
        if self.out.len() >= PIECE { self.send().await } else { Ok(()) }
    }

    async fn send(&mut self) -> Result<(), Cut> {
        let piece = std::mem::take(&mut self.out);
        self.chunks.send(piece.into()).await.map_err(|_| Cut("the client has left".to_owned()))
    }

    async fn finish(mut self) -> Result<(), Cut> {
        if self.out.is_empty() { Ok(()) } else { self.send().await }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let (chunks, writer) = match &mut self.get_mut().0 {
            Kind::Whole(whole) => return Pin::new(whole).poll_frame(cx).map_err(|never: Infallible| match never {}),
            Kind::Written { chunks, writer } => (chunks, writer),
        };
        if let Some(work) = writer
            && let Poll::Ready(done) = work.as_mut().poll(cx)
        {
            *writer = None;
            if let Err(cut) = done {
                return Poll::Ready(Some(Err(cut)));
            }
        }
        // The channel ends when the writer, which holds the sender, is gone.
        chunks.poll_recv(cx).map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(whole) => whole.is_end_stream(),
            Kind::Written { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(whole) => whole.size_hint(),
            Kind::Written { .. } => SizeHint::default(),
        }
    }
}

const PIECE: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn what_is_written_comes_in_pieces() {
        let mut body = Body::written(|mut sink| async move {
            for _ in 0..5 {
                sink.out.push_str(&"x".repeat(10_000));
                sink.relieve().await?;
            }
            Ok(sink)
        });
        let mut lengths = Vec::new();
        while let Some(frame) = body.frame().await {
            lengths.push(frame.unwrap().into_data().unwrap().len());
        }
        assert_eq!(lengths, [20_000, 20_000, 10_000]);
    }

    #[tokio::test]
    async fn a_body_that_fails_does_not_end_well() {
        let body = Body::written(|mut sink| async move {
            sink.out.push_str(&"x".repeat(20_000));
            sink.relieve().await?;
            Err(Cut("no more".to_owned()))
        });
        assert!(body.collect().await.is_err());
    }
}
