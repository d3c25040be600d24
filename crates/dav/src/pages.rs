//! Documents for anybody, without signing in, such as those by which clients set themselves up.

use std::fmt;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response};

use crate::Body;
use crate::error::{Answer, Error};

/// Which documents there are.
#[derive(Clone, Default)]
pub struct Pages(Option<Arc<Find>>);

/// What stands at a path.
type Find = dyn Fn(&str) -> Option<Page> + Send + Sync;

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its media type.
    pub kind: &'static str,
    /// What it says.
    pub text: String,
}

impl Pages {
    /// Those this function finds, by the path of the URL.
    pub fn new(find: impl Fn(&str) -> Option<Page> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(find)))
    }

    /// The answer to a request, if it is for one of them.
    pub(crate) fn answer(&self, method: &Method, path: &str) -> Option<Answer> {
        let page = self.0.as_ref()?(path)?;
        if ![Method::GET, Method::HEAD].contains(method) {
            return Some(Err(Error::new(http::StatusCode::METHOD_NOT_ALLOWED, "It can be read, and nothing else")));
        }
        let mut response = Response::new(Body::whole(page.text));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(page.kind));
        Some(Ok(response))
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages")
    }
}
