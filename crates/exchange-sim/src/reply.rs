//! What the small services beside EWS answer: a status, header fields and a body.

/// An answer over HTTP, apart from the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Reply {
    /// A page of that type.
    pub(crate) fn page(status: u16, content_type: &str, body: impl Into<String>) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    /// A page for people.
    pub(crate) fn html(status: u16, body: impl Into<String>) -> Self {
        Self::page(status, "text/html; charset=utf-8", body)
    }

    /// 302 to another place.
    pub(crate) fn found(location: impl Into<String>) -> Self {
        Self::html(302, "<html><head><title>Object moved</title></head></html>").with("location", location)
    }

    /// The same with one more header field.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The value of a header field.
    #[cfg(test)]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Text that may stand in a page or an attribute.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
