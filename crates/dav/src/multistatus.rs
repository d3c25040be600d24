//! `DAV:multistatus` (RFC 4918 section 13), written while it is being sent: never whole in memory.

use std::fmt::Write;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use crate::Body;
use crate::body::{Cut, Sink};
use crate::error::Error;
use crate::xml;

/// A multistatus being written.
pub(crate) struct Multistatus(Sink);

/// A 207 whose responses `write` writes.
pub(crate) fn answer<W, F>(write: W) -> Response<Body>
where
    W: FnOnce(Multistatus) -> F + Send + 'static,
    F: Future<Output = Result<Multistatus, Cut>> + Send + 'static,
{
    let body = Body::written(|mut sink| {
        let _ = write!(sink.out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus{}>", xml::namespaces());
        let written = write(Multistatus(sink));
        async move {
            let mut sink = written.await?.0;
            sink.out.push_str("</D:multistatus>\n");
            Ok(sink)
        }
    });
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::MULTI_STATUS;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=utf-8"));
    response
}

impl Multistatus {
    /// A response with properties: `propstats` as [`crate::property::propstats`] writes them.
    pub(crate) async fn properties(&mut self, href: &str, propstats: &str) -> Result<(), Cut> {
        self.response(href, propstats).await
    }

    /// A response with a status of its own: a member that is gone, or cannot be told of.
    pub(crate) async fn error(&mut self, href: &str, error: &Error) -> Result<(), Cut> {
        self.response(href, &format!("<D:status>HTTP/1.1 {}</D:status>{}", status(error.status), error.xml())).await
    }

    /// A response with nothing but a status: RFC 6578 section 3.5 wants it so for removed members.
    pub(crate) async fn status(&mut self, href: &str, code: StatusCode) -> Result<(), Cut> {
        self.response(href, &format!("<D:status>HTTP/1.1 {}</D:status>", status(code))).await
    }

    /// What stands behind the responses: `<D:sync-token>`, a `responsedescription`.
    pub(crate) async fn raw(&mut self, xml: &str) -> Result<(), Cut> {
        self.0.out.push_str(xml);
        self.0.relieve().await
    }

    async fn response(&mut self, href: &str, inner: &str) -> Result<(), Cut> {
        let out = &mut self.0.out;
        out.push_str("<D:response><D:href>");
        xml::escape_into(out, href);
        let _ = write!(out, "</D:href>{inner}</D:response>");
        self.0.relieve().await
    }
}

/// `404 Not Found`
pub(crate) fn status(code: StatusCode) -> String {
    format!("{} {}", code.as_u16(), code.canonical_reason().unwrap_or("Unknown"))
}
