//! A request as handlers see it: its place, its headers as values, its body within limits.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, header};

use crate::error::Error;
use crate::place::Place;
use crate::xml;

/// A request whose body has been read.
#[derive(Clone)]
pub(crate) struct Request {
    /// What to do.
    pub(crate) method: Method,
    /// What to do it to.
    pub(crate) place: Place,
    /// The path as it came, for Content-Location and the like.
    pub(crate) path: String,
    /// The query of the URL, if there is one: `add-member`.
    pub(crate) query: Option<String>,
    /// Everything else that was said, but for the credentials.
    pub(crate) headers: HeaderMap,
    /// What came along.
    pub(crate) body: Bytes,
}

/// Without what people write: bodies hold their days, paths of feeds are secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// RFC 4918 section 10.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The resource itself.
    Zero,
    /// And its members.
    One,
    /// And all below.
    Infinity,
}

impl Request {
    /// A header as text; `None` if it is not there or not ASCII.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// The Depth header, if there is one.
    pub(crate) fn depth(&self) -> Result<Option<Depth>, Error> {
        match self.header("depth").map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("0") => Ok(Some(Depth::Zero)),
            // Seen from old clients of WebFolders: "1,noroot". Nobody minds the root.
            Some("1" | "1,noroot") => Ok(Some(Depth::One)),
            Some("infinity") => Ok(Some(Depth::Infinity)),
            Some(_) => Err(Error::bad("Depth must be 0, 1 or infinity")),
        }
    }

    /// True if the client asks for this preference (RFC 7240): `return=minimal`. Apple's `Brief: t` is another way to
    /// say that one (RFC 8144 section 2.1 describes it).
    pub(crate) fn prefers(&self, preference: &str) -> bool {
        let brief = preference == MINIMAL && self.header("brief").is_some_and(|value| value.eq_ignore_ascii_case("t"));
        let wanted = |value: &header::HeaderValue| {
            let said = value.to_str().unwrap_or_default();
            said.split(',').any(|one| {
                let bare: String = one.split(';').next().unwrap_or_default().split_whitespace().collect();
                bare.replace('"', "").eq_ignore_ascii_case(preference)
            })
        };
        brief || self.headers.get_all("prefer").iter().any(wanted)
    }

    /// The body as XML; `None` if there is none.
    pub(crate) fn xml(&self) -> Result<Option<xml::Element>, Error> {
        if self.body.trim_ascii().is_empty() {
            return Ok(None);
        }
        Ok(Some(xml::read(&self.body, xml::Limits::default())?))
    }

    /// The media type of the body without parameters, in lower case, and its charset.
    pub(crate) fn content_type(&self) -> Option<(String, Option<String>)> {
        let mut parts = self.header("content-type")?.split(';');
        let kind = parts.next()?.trim().to_ascii_lowercase();
        let charset = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_ascii_lowercase())
        });
        Some((kind, charset))
    }
}

/// RFC 7240 section 4.2: leave out what says nothing.
pub(crate) const MINIMAL: &str = "return=minimal";
/// RFC 7240 section 4.2: answer a change with what came of it.
pub(crate) const REPRESENTATION: &str = "return=representation";
/// RFC 8144 section 4: a listing without what is listed.
pub(crate) const NO_ROOT: &str = "depth-noroot";
