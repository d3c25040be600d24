use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::trace::Dialog;
use crate::{Cause, Error};

/// The answer's body as it arrives, under two limits: on silence, and on all of it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    /// Where it is written down.
    dialog: Option<Dialog>,
    silence: Duration,
    deadline: Instant,
}

impl Reply {
    pub(crate) fn new(response: http::Response<Incoming>, silence: Duration, deadline: Instant) -> Reply {
        let (mut head, body) = response.into_parts();
        let dialog = head.extensions.remove();
        Reply { status: head.status, headers: head.headers, body, dialog, silence, deadline }
    }

    /// The next bytes; None at the end the server announced. A slow drip is fine as long as something comes.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let told = self.read().await;
        if let Some(dialog) = &self.dialog {
            match &told {
                Ok(Some(bytes)) => dialog.body(bytes),
                Ok(None) => {}
                Err(error) => dialog.failed(error),
            }
        }
        told
    }

    async fn read(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let until = self.deadline.min(Instant::now() + self.silence);
            let frame =
                timeout_at(until, self.body.frame()).await.map_err(|_| Error::unavailable("the answer stalled"))?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => {
                    let told = format!("the answer broke off: {error}");
                    return Err(Error::unavailable(told).because(Cause::BrokeOff));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => return Ok(Some(bytes)),
                    Err(_trailers) => {}
                },
            }
        }
    }

    /// The beginning of the rest, for error messages; reads no more than `limit` bytes.
    pub(crate) async fn beginning(&mut self, limit: usize) -> Vec<u8> {
        let mut read = Vec::new();
        while read.len() < limit {
            match self.next().await {
                Ok(Some(bytes)) => read.extend_from_slice(&bytes),
                Ok(None) | Err(_) => break,
            }
        }
        read.truncate(limit);
        read
    }

    /// All of it, if it is not longer than `limit` bytes: then the lane can serve another request.
    pub(crate) async fn whole(&mut self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut read = Vec::new();
        while let Some(bytes) = self.next().await? {
            if read.len() + bytes.len() > limit {
                return Err(Error::protocol(format!("an answer of more than {limit} bytes, where a short one is due")));
            }
            read.extend_from_slice(&bytes);
        }
        Ok(read)
    }

    /// A header's value, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
