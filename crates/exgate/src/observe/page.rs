//! The listener `admin`: numbers, health, and how things are, for anybody who gets here; and the pages of administrators.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use accounts::Register;
use admin::{Admin, Answer, Asked};
use exchange::Directory;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mailbox::Secret;
use serve::{Connection, Protocol, Shutdown};
use tracing::{debug, warn};

use super::{Observed, snapshot};
use crate::house::Running;

/// Serves whoever asks how the gateway does, and those who look after it.
#[derive(Clone)]
pub(crate) struct Page(Arc<Inner>);

struct Inner {
    observed: Observed,
    directory: Directory,
    started: Instant,
    admin: Admin<Register, Running>,
}

impl Page {
    pub(crate) fn new(
        observed: Observed,
        directory: Directory,
        started: Instant,
        admin: Admin<Register, Running>,
    ) -> Self {
        Self(Arc::new(Inner { observed, directory, started, admin }))
    }

    /// What lets `exgate` on this machine ask for what operators may.
    pub(crate) fn ticket(&self) -> &Secret<String> {
        self.0.admin.ticket()
    }

    async fn answer(&self, request: Request<Incoming>, from: &From) -> Answer {
        let path = request.uri().path();
        if path != "/metrics" && !path.starts_with("/healthz/") {
            return match whole(request, from).await {
                Ok(asked) => self.0.admin.answer(asked).await,
                Err(refusal) => refusal,
            };
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match path {
            "/healthz/live" => plain(StatusCode::OK, "live\n"),
            // All listeners are open before this one is served.
            "/healthz/ready" if from.asked.is_requested() => plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
            "/healthz/ready" => plain(StatusCode::OK, "ready\n"),
            "/metrics" => self.metrics().await,
            _ => plain(StatusCode::NOT_FOUND, "there are /healthz/live and /healthz/ready\n"),
        }
    }

    async fn metrics(&self) -> Answer {
        let Inner { observed, directory, started, .. } = &*self.0;
        match snapshot::take(observed, directory, *started).await {
            Ok(now) => match observed.metrics.text(&now) {
                Ok(text) => typed(StatusCode::OK, METRICS, text),
                Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "it cannot be written down\n"),
            },
            Err(error) => {
                warn!(%error, "how the gateway does cannot be told");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "it cannot be looked up; the log says why\n")
            }
        }
    }
}

/// Where a request comes from.
struct From {
    peer: IpAddr,
    is_tls: bool,
    asked: Shutdown,
}

/// The request with its whole body, if that is not too large and comes in time.
async fn whole(request: Request<Incoming>, from: &From) -> Result<Asked, Answer> {
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(PATIENCE, Limited::new(body, LARGEST).collect()).await;
    match read {
        Ok(Ok(body)) => {
            let is_draining = from.asked.is_requested();
            let from = admin::From { peer: from.peer, is_tls: from.is_tls, is_draining };
            Ok(Asked::new(head, body.to_bytes(), from))
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(plain(StatusCode::PAYLOAD_TOO_LARGE, "that is too much\n"))
        }
        Ok(Err(_)) => Err(plain(StatusCode::BAD_REQUEST, "the body broke off\n")),
        Err(_) => Err(plain(StatusCode::REQUEST_TIMEOUT, "the body did not come\n")),
    }
}

impl Protocol for Page {
    const NAME: &'static str = "admin";
    const REFUSAL: &'static [u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

    async fn run(&self, connection: Connection) {
        let Connection { stream, peer, mut shutdown, .. } = connection;
        let from = Arc::new(From { peer: peer.ip(), is_tls: stream.is_tls(), asked: shutdown.clone() });
        let service = service_fn(move |request: Request<Incoming>| {
            let (page, from) = (self.clone(), Arc::clone(&from));
            async move { Ok::<_, Infallible>(page.answer(request, &from).await) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(SILENCE);
        let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = shutdown.requested() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(reason) = ended {
            debug!(%reason, "ended badly");
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    typed(status, "text/plain; charset=utf-8", text.to_owned())
}

fn typed(status: StatusCode, kind: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const SILENCE: Duration = Duration::from_secs(75);
/// For the body of a request, and its octets.
const PATIENCE: Duration = Duration::from_secs(20);
const LARGEST: usize = 64 << 10;
