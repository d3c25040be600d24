//! Answers, and what is said with each of them.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::problem::Problem;

/// What is sent back.
pub type Answer = Response<Full<Bytes>>;

/// A document of this media type.
pub(crate) fn typed(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// A value.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(text) => typed(status, "application/json", text),
        Err(_) => problem(&Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "It cannot be written down")),
    }
}

/// Nothing to say.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// RFC 9457. RFC 9110 section 11.6.1 demands what else is said of a missing password.
pub(crate) fn problem(problem: &Problem) -> Answer {
    let text = problem.json().to_string();
    let mut answer = typed(problem.status, "application/problem+json", text);
    if problem.status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"exgate\""));
    }
    answer
}

/// Go there.
pub(crate) fn see(place: &str) -> Answer {
    let mut answer = empty(StatusCode::SEE_OTHER);
    if let Ok(place) = HeaderValue::from_str(place) {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    answer
}

/// Nothing is kept by anybody in between, nothing runs but what is served here, and no other site shows it within its own.
pub(crate) fn hardened(mut answer: Answer) -> Answer {
    for (name, value) in ALWAYS {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    answer
}

const ALWAYS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // A page without a referrer at all would send its forms from an unknown place.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
];
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
