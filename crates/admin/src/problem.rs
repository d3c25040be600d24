//! What went wrong, as programs read it (RFC 9457) and as pages show it.

use std::borrow::Cow;

use accounts::Fault;
use http::StatusCode;
use serde_json::{Value, json};

/// What went wrong: whose move it is, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Of HTTP.
    pub status: StatusCode,
    /// What happened, to what, and what to do. No secrets.
    pub detail: Cow<'static, str>,
}

impl Problem {
    /// One.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into() }
    }

    /// The request makes no sense.
    #[must_use]
    pub fn bad(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// It is not there.
    #[must_use]
    pub fn missing(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// RFC 9457 section 3.1.
    pub(crate) fn json(&self) -> Value {
        let title = self.status.canonical_reason().unwrap_or("Problem");
        json!({ "type": "about:blank", "title": title, "status": self.status.as_u16(), "detail": self.detail })
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(sentence) => Self::new(StatusCode::CONFLICT, sentence),
            Fault::Broken(sentence) => {
                tracing::error!(reason = sentence, "the register of accounts cannot be used");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The register of accounts cannot be used; the log says why",
                )
            }
        }
    }
}
