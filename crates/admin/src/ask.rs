//! A request as it is answered: its body has been read, and it is known where it comes from.

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use percent_encoding::percent_decode_str;

/// A request.
pub struct Asked {
    head: Parts,
    body: Bytes,
    from: From,
}

/// Where a request comes from, and when.
#[derive(Clone, Copy, Debug)]
pub struct From {
    /// Who asks.
    pub peer: IpAddr,
    /// Under TLS.
    pub is_tls: bool,
    /// The gateway is about to end.
    pub is_draining: bool,
}

impl Asked {
    /// One whose body is there.
    #[must_use]
    pub fn new(head: Parts, body: Bytes, from: From) -> Self {
        Self { head, body, from }
    }

    pub(crate) fn method(&self) -> &Method {
        &self.head.method
    }

    pub(crate) fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The path with its query.
    pub(crate) fn target(&self) -> &str {
        self.head.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    pub(crate) fn peer(&self) -> IpAddr {
        self.from.peer
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.from.is_tls
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.from.is_draining
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// A header as text; `None` if it is not there or not ASCII.
    pub(crate) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// Pairs of the query, decoded.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        pairs(self.head.uri.query().unwrap_or_default().as_bytes())
    }

    /// Pairs of a form that was sent, decoded.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        pairs(&self.body)
    }

    /// True if the request comes from a page of ours, as the browser says: a page of another site can make a browser send a form,
    /// but not under another name than its own.
    pub(crate) fn is_ours(&self) -> bool {
        let host = self.header(header::HOST);
        match self.header(header::ORIGIN) {
            Some(origin) => {
                let at = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
                at.is_some() && at == host
            }
            None => self.head.headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin"),
        }
    }
}

/// A piece of a path, decoded. `None` if it is no text.
pub(crate) fn piece(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}
