use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::time::{Instant, sleep_until, timeout};

use super::dial::dial;
use super::{Endpoint, RequestBody};
use crate::{Error, ErrorKind, Limits};

/// One connection of one identity. It serves one request at a time and is never handed to another identity.
///
/// Basic goes with every request, so a lane is ready once connected. A scheme that signs the connection in (NTLM,
/// Negotiate) does its handshake here, between `open` and the first `send`.
#[derive(Debug)]
pub(crate) struct Lane {
    sender: SendRequest<RequestBody>,
    born: Instant,
    last_used: Instant,
    /// Requests answered on it.
    served: u64,
}

/// A request that did not get its answer's head.
#[derive(Debug)]
pub(crate) struct Unsent {
    /// The request, if not one byte of it was written: then it may go down another lane.
    pub(crate) request: Option<Box<Request<RequestBody>>>,
    /// What went wrong.
    pub(crate) error: Error,
}

impl Lane {
    /// Connects.
    pub(crate) async fn open(endpoint: &Endpoint, tls: &Arc<ClientConfig>, limits: &Limits) -> Result<Lane, Error> {
        let socket = timeout(limits.connect, dial(endpoint, tls)).await.map_err(|_| {
            let seconds = limits.connect.as_secs();
            Error::unavailable(format!("{} did not take a connection within {seconds} s", endpoint.host))
        })??;
        let (sender, connection) = Builder::new()
            .max_headers(200)
            .handshake(TokioIo::new(socket))
            .await
            .map_err(|error| Error::unavailable(format!("{}: {error}", endpoint.host)))?;
        // Ends when the lane is dropped or the server hangs up; what went wrong shows at the request it went wrong with.
        tokio::spawn(async move { drop(connection.await) });
        let now = Instant::now();
        Ok(Lane { sender, born: now, last_used: now, served: 0 })
    }

    /// Sends a request and waits for the head of its answer. The body must be read before the next request.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
        first_byte: Duration,
    ) -> Result<Response<Incoming>, Unsent> {
        if let Err(error) = self.sender.ready().await {
            return Err(Unsent { request: Some(Box::new(request)), error: told(&error) });
        }
        let progress = request.body().progress();
        let answer = self.sender.try_send_request(request);
        tokio::pin!(answer);
        loop {
            let limit = progress.last() + first_byte;
            tokio::select! {
                answer = &mut answer => {
                    self.last_used = Instant::now();
                    self.served += 1;
                    return answer.map_err(|mut error| Unsent {
                        request: error.take_message().map(Box::new),
                        error: told(error.error()),
                    });
                }
                () = sleep_until(limit) => {
                    if progress.last() + first_byte <= limit {
                        let error = format!("no answer within {} s", first_byte.as_secs());
                        return Err(Unsent { request: None, error: Error::unavailable(error) });
                    }
                }
            }
        }
    }

    /// Whether another request may go down it now.
    pub(crate) fn is_fresh(&self, limits: &Limits) -> bool {
        !self.sender.is_closed() && self.last_used.elapsed() < limits.idle && self.born.elapsed() < limits.age
    }

    /// Requests answered on it so far.
    pub(crate) fn served(&self) -> u64 {
        self.served
    }
}

/// hyper's errors in one sentence. One of a body is the caller's: its message could not be read.
fn told(error: &hyper::Error) -> Error {
    let mut sentence = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        sentence = format!("{sentence}: {inner}");
        source = inner.source();
    }
    let kind = if error.is_user() { ErrorKind::Local } else { ErrorKind::Unavailable };
    Error::new(kind, sentence)
}
