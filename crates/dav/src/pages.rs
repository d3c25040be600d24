//! Documents for anybody, without signing in, such as those by which clients set themselves up.

use std::fmt;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};

use crate::Body;
use crate::error::{Answer, Error};
use crate::form::{Form, Sent};

/// Which documents there are.
#[derive(Clone, Default)]
pub struct Pages {
    find: Option<Arc<Find>>,
    form: Option<Form>,
}

/// What stands at a path.
type Find = dyn Fn(&str) -> Option<Page> + Send + Sync;

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// 200, if nothing is wrong.
    pub status: StatusCode,
    /// Its media type.
    pub kind: &'static str,
    /// What else is said of it.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What it says.
    pub content: Vec<u8>,
}

impl Page {
    /// A document of that media type.
    #[must_use]
    pub fn new(kind: &'static str, content: impl Into<Vec<u8>>) -> Self {
        Self { status: StatusCode::OK, kind, headers: Vec::new(), content: content.into() }
    }

    pub(crate) fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::whole(self.content));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        response.headers_mut().extend(self.headers);
        response
    }
}

impl Pages {
    /// Those this function finds, by the path of the URL.
    pub fn new(find: impl Fn(&str) -> Option<Page> + Send + Sync + 'static) -> Self {
        Self { find: Some(Arc::new(find)), form: None }
    }

    /// The same, and a form at this path, which is shown and taken by that function.
    #[must_use]
    pub fn with_form<F>(self, path: &'static str, fill: impl Fn(Sent) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Page> + Send + 'static,
    {
        Self { form: Some(Form::new(path, fill)), ..self }
    }

    /// The form at a path.
    pub(crate) fn form(&self, path: &str) -> Option<&Form> {
        self.form.as_ref().filter(|form| form.path == path)
    }

    /// The answer to a request, if it is for one of the documents.
    pub(crate) fn answer(&self, method: &Method, path: &str) -> Option<Answer> {
        let page = self.find.as_ref()?(path)?;
        if ![Method::GET, Method::HEAD].contains(method) {
            return Some(Err(Error::new(StatusCode::METHOD_NOT_ALLOWED, "It can be read, and nothing else")));
        }
        Some(Ok(page.response()))
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages")
    }
}
