//! http-01 (RFC 8555, section 8.3): proofs in clear text at port 80, and nothing else there but the way to HTTPS.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serve::Shutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::debug;

/// The proofs that are asked for now, by their token. Clones are one.
#[derive(Clone, Default)]
pub(crate) struct Tokens(Arc<Mutex<HashMap<String, String>>>);

impl Tokens {
    pub(crate) fn put(&self, token: &str, proof: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), proof.to_owned());
    }

    pub(crate) fn remove(&self, token: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let asked = [Method::GET, Method::HEAD].contains(request.method());
        let token = request.uri().path().strip_prefix("/.well-known/acme-challenge/").filter(|_| asked);
        let proof = token.and_then(|token| self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned());
        let (status, text) = match proof {
            Some(proof) => (StatusCode::OK, proof),
            None => (StatusCode::NOT_FOUND, "certificate authorities are answered here, and nobody else\n".to_owned()),
        };
        let mut answer = Response::new(Full::new(Bytes::from(text)));
        *answer.status_mut() = status;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        answer
    }
}

/// Answers until a shutdown is requested.
pub(crate) async fn serve(listener: TcpListener, tokens: Tokens, mut shutdown: Shutdown) {
    let room = Arc::new(Semaphore::new(MOST));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.requested() => return,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        // Whoever finds no room comes again: authorities do.
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
        let tokens = tokens.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let _ = tokio::time::timeout(PATIENCE, answer(stream, tokens)).await;
        });
    }
}

async fn answer(stream: TcpStream, tokens: Tokens) {
    let service = service_fn(|request| {
        let answer = tokens.answer(&request);
        async move { Ok::<_, Infallible>(answer) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(reason) = served {
        debug!(%reason, "a connection for http-01 broke off");
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
const MOST: usize = 64;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_now_is_told() {
        let tokens = Tokens::default();
        let status = |method: &str, path: &str| {
            let request = Request::builder().method(method).uri(path).body(()).unwrap();
            tokens.answer(&request).status().as_u16()
        };
        assert_eq!(status("GET", "/.well-known/acme-challenge/abc"), 404);
        tokens.put("abc", "abc.proof");
        assert_eq!(status("GET", "/.well-known/acme-challenge/abc"), 200);
        assert_eq!(status("POST", "/.well-known/acme-challenge/abc"), 404);
        assert_eq!(status("GET", "/.well-known/acme-challenge/"), 404);
        assert_eq!(status("GET", "/abc"), 404);
        tokens.remove("abc");
        assert_eq!(status("GET", "/.well-known/acme-challenge/abc"), 404);
    }
}
