use std::io::{self, Read};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::mime::MimeSource;

/// A request's body: XML, or XML with messages in base64 in the middle of it. Its length is known before it is sent,
/// because IIS does not take chunked requests.
#[derive(Debug)]
pub(crate) struct RequestBody {
    before: Bytes,
    /// The messages, and the XML between them.
    middle: Option<mpsc::Receiver<io::Result<Bytes>>>,
    between: Vec<Bytes>,
    after: Bytes,
    left: u64,
    progress: Progress,
}

/// When a body last moved: an upload that moves is not a server that hangs.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Arc<Mutex<Instant>>);

impl Progress {
    fn now() -> Progress {
        Progress(Arc::new(Mutex::new(Instant::now())))
    }

    fn moved(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// When.
    pub(crate) fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RequestBody {
    /// XML and nothing else.
    pub(crate) fn xml(xml: Bytes) -> RequestBody {
        let left = xml.len() as u64;
        let between = Vec::new();
        RequestBody { before: xml, middle: None, between, after: Bytes::new(), left, progress: Progress::now() }
    }

    /// XML with messages at these places, ascending, which are read on a blocking thread a little ahead of the network.
    pub(crate) fn with_mime(xml: Bytes, messages: &[(usize, &MimeSource)]) -> RequestBody {
        let (pieces, middle) = mpsc::channel(2);
        let mime: u64 = messages.iter().map(|(_, source)| source.length().div_ceil(3) * 4).sum();
        let left = xml.len() as u64 + mime;
        let mut before = xml;
        // From the last place to the first, each cuts off what follows it.
        let mut behind: Vec<Bytes> =
            messages.iter().rev().map(|(place, _)| before.split_off((*place).min(before.len()))).collect();
        let after = if behind.is_empty() { Bytes::new() } else { behind.remove(0) };
        behind.reverse();
        let sources: Vec<MimeSource> = messages.iter().map(|(_, source)| (*source).clone()).collect();
        let between = behind.clone();
        tokio::task::spawn_blocking(move || encode_all(&sources, &behind, &pieces));
        RequestBody { before, middle: Some(middle), between, after, left, progress: Progress::now() }
    }

    /// Its XML, without the messages in the middle of it.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let between = self.between.iter().map(|xml| &xml[..]);
        [&self.before[..]].into_iter().chain(between).chain([&self.after[..]])
    }

    /// How long the messages in the middle are, in base64.
    pub(crate) fn mime_length(&self) -> Option<u64> {
        let xml = self.pieces().map(|piece| piece.len() as u64).sum::<u64>();
        self.middle.as_ref().map(|_| self.left - xml.min(self.left))
    }

    /// Tells when it last moved, while it is on its way.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    fn out(&mut self, bytes: Bytes) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.progress.moved();
        let length = bytes.len() as u64;
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Some(Err(wrong_length()))),
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let body = self.get_mut();
        if !body.before.is_empty() {
            let bytes = std::mem::take(&mut body.before);
            return body.out(bytes);
        }
        if let Some(middle) = &mut body.middle {
            match middle.poll_recv(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(bytes))) => return body.out(bytes),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => body.middle = None,
            }
        }
        if !body.after.is_empty() {
            let bytes = std::mem::take(&mut body.after);
            return body.out(bytes);
        }
        // A message shorter than promised: failing cuts the connection, and Exchange throws the request away.
        if body.left > 0 { Poll::Ready(Some(Err(wrong_length()))) } else { Poll::Ready(None) }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Sends messages on with the XML between them, until nobody wants them.
fn encode_all(sources: &[MimeSource], between: &[Bytes], pieces: &mpsc::Sender<io::Result<Bytes>>) {
    let mut between = between.iter();
    for source in sources {
        if encode(source, pieces).is_err() {
            return;
        }
        if let Some(xml) = between.next()
            && pieces.blocking_send(Ok(xml.clone())).is_err()
        {
            return;
        }
    }
}

/// Nobody wants the rest, or there is none that could be wanted.
struct Stopped;

/// Reads a message in pieces, encodes them, and sends them on. One that is not as long as it was said to be ends all.
fn encode(source: &MimeSource, pieces: &mpsc::Sender<io::Result<Bytes>>) -> Result<(), Stopped> {
    let mut left = source.length();
    let mut reader = match source.open() {
        Ok(reader) => reader.take(left),
        Err(error) => {
            let _ = pieces.blocking_send(Err(error));
            return Err(Stopped);
        }
    };
    loop {
        let mut plain = Vec::with_capacity(PIECE);
        // Whole groups of three in each piece but the last, so the pieces' base64 can be joined.
        let piece = match reader.by_ref().take(PIECE as u64).read_to_end(&mut plain) {
            Ok(0) if left == 0 => return Ok(()),
            Ok(0) => Err(wrong_length()),
            Ok(read) => {
                left -= read as u64;
                Ok(Bytes::from(STANDARD.encode(&plain)))
            }
            Err(error) => Err(error),
        };
        let failed = piece.is_err();
        if pieces.blocking_send(piece).is_err() || failed {
            return Err(Stopped);
        }
    }
}

fn wrong_length() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the message is not as long as it was said to be")
}

/// Divisible by three.
const PIECE: usize = 48 * 1024;

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn sent(mime: MimeSource) -> io::Result<(u64, Bytes)> {
        let body = RequestBody::with_mime(Bytes::from_static(b"<a></a>"), &[(3, &mime)]);
        let said = body.size_hint().exact().unwrap();
        Ok((said, body.collect().await?.to_bytes()))
    }

    #[tokio::test]
    async fn a_message_is_encoded_on_its_way() {
        for length in [0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 2] {
            let message: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let (said, body) = sent(MimeSource::bytes(message.clone())).await.unwrap();
            assert_eq!(said, body.len() as u64);
            let base64 = body.strip_prefix(b"<a>").unwrap().strip_suffix(b"</a>").unwrap();
            assert_eq!(STANDARD.decode(base64).unwrap(), message);
        }
    }

    #[tokio::test]
    async fn several_messages_go_to_their_places() {
        let [one, two, three] = [&b"1"[..], b"22", b""].map(MimeSource::bytes);
        let xml = Bytes::from_static(b"<a><b></b><c></c><d></d></a>");
        let body = RequestBody::with_mime(xml, &[(6, &one), (13, &two), (20, &three)]);
        assert_eq!(body.mime_length(), Some(8));
        let xml: Vec<&[u8]> = body.pieces().collect();
        assert_eq!(xml, [&b"<a><b>"[..], b"</b><c>", b"</c><d>", b"</d></a>"]);
        let said = body.size_hint().exact().unwrap();
        let sent = body.collect().await.unwrap().to_bytes();
        assert_eq!(sent, &b"<a><b>MQ==</b><c>MjI=</c><d></d></a>"[..]);
        assert_eq!(said, sent.len() as u64);
        let short = MimeSource::reader(100, || Ok(&b"short"[..]));
        let body = RequestBody::with_mime(Bytes::from_static(b"<a></a>"), &[(3, &short), (3, &two)]);
        assert!(body.collect().await.is_err());
    }

    #[tokio::test]
    async fn a_message_of_another_length_fails() {
        let short = MimeSource::reader(100, || Ok(&b"short"[..]));
        assert_eq!(sent(short).await.unwrap_err().to_string(), "the message is not as long as it was said to be");
        let missing = MimeSource::file("/nonexistent/message", 100);
        assert_eq!(sent(missing).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
