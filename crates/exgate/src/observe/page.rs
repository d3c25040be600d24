//! The listener `admin`: numbers, health, and how things are, over plain HTTP.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exchange::Directory;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serve::{Connection, Protocol};
use tracing::{debug, warn};

use super::{Observed, Snapshot};

/// Serves whoever asks how the gateway does.
#[derive(Clone)]
pub(crate) struct Page(Arc<Inner>);

struct Inner {
    observed: Observed,
    directory: Directory,
    started: Instant,
}

type Answer = Response<Full<Bytes>>;

impl Page {
    pub(crate) fn new(observed: Observed, directory: Directory) -> Self {
        Self(Arc::new(Inner { observed, directory, started: Instant::now() }))
    }

    async fn answer<B>(&self, request: Request<B>, draining: bool) -> Answer {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match request.uri().path() {
            "/healthz/live" => plain(StatusCode::OK, "live\n"),
            // All listeners are open before this one is served.
            "/healthz/ready" if draining => plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
            "/healthz/ready" => plain(StatusCode::OK, "ready\n"),
            "/metrics" => self.told(draining, METRICS, |now| self.0.observed.metrics.text(now).ok()).await,
            "/api/v1/status" => self.told(draining, "application/json", |now| serde_json::to_string(now).ok()).await,
            _ => plain(StatusCode::NOT_FOUND, "there are /metrics, /healthz/live, /healthz/ready and /api/v1/status\n"),
        }
    }

    async fn told(
        &self,
        draining: bool,
        kind: &'static str,
        write: impl FnOnce(&Snapshot) -> Option<String>,
    ) -> Answer {
        let Inner { observed, directory, started } = &*self.0;
        match Snapshot::take(observed, directory, *started, draining).await {
            Ok(now) => match write(&now) {
                Some(text) => typed(StatusCode::OK, kind, text),
                None => plain(StatusCode::INTERNAL_SERVER_ERROR, "it cannot be written down\n"),
            },
            Err(error) => {
                warn!(%error, "how the gateway does cannot be told");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "it cannot be looked up; the log says why\n")
            }
        }
    }
}

impl Protocol for Page {
    const NAME: &'static str = "admin";
    const REFUSAL: &'static [u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

    async fn run(&self, connection: Connection) {
        let Connection { stream, mut shutdown, .. } = connection;
        let asked = shutdown.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (page, draining) = (self.clone(), asked.is_requested());
            async move { Ok::<_, Infallible>(page.answer(request, draining).await) }
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
