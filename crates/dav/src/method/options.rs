//! OPTIONS (RFC 4918 section 10.1): what is offered, to anybody who asks.

use http::Response;
use http::header::{ALLOW, HeaderName, HeaderValue};

use crate::Body;

/// The answer, which is the same everywhere.
pub(crate) fn options() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(METHODS));
    headers.insert(HeaderName::from_static("dav"), HeaderValue::from_static(CLASSES));
    response
}

/// All of them. Locks are not offered, and so class 2 is not named.
pub(super) const METHODS: &str =
    "OPTIONS, GET, HEAD, POST, PUT, DELETE, COPY, MOVE, PROPFIND, PROPPATCH, MKCOL, MKCALENDAR, REPORT";

/// RFC 4918 classes 1 and 3, and what each extension is called: 3744, 4791, 6638, 6352, 5689, 5995 has none.
/// calendar-proxy is Apple's word for the way to other people's calendars.
pub(crate) const CLASSES: &str = "1, 3, access-control, calendar-access, calendar-auto-schedule, addressbook, \
    extended-mkcol, calendar-proxy";
