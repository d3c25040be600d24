//! A form in a browser, for anybody, such as that by which people get a password for a device.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use mailbox::Secret;
use zeroize::Zeroizing;

use crate::Page;
use crate::error::{Answer, Error};
use crate::sign_in::Peer;

/// What somebody sends.
pub struct Sent {
    /// What was filled in; `None` for somebody who asks for the form.
    pub fields: Option<Vec<(String, Secret<String>)>>,
    /// The cookies of the request, as they came.
    pub cookies: String,
    /// Where it comes from.
    pub from: IpAddr,
}

/// A form, and what becomes of it.
#[derive(Clone)]
pub(crate) struct Form {
    pub(crate) path: &'static str,
    fill: Arc<Fill>,
}

type Fill = dyn Fn(Sent) -> Pin<Box<dyn Future<Output = Page> + Send>> + Send + Sync;

impl Form {
    pub(crate) fn new<F>(path: &'static str, fill: impl Fn(Sent) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Page> + Send + 'static,
    {
        Self { path, fill: Arc::new(move |sent| Box::pin(fill(sent))) }
    }

    /// Shows it, or takes what was filled in: from its own page only, and where nobody on the way can read it.
    pub(crate) async fn answer(&self, head: &Parts, body: Incoming, from: Peer, patience: Duration) -> Answer {
        let fields = match head.method {
            Method::GET | Method::HEAD => None,
            Method::POST if is_foreign(&head.headers) => {
                return Err(Error::new(StatusCode::FORBIDDEN, "Forms of other sites are not taken here"));
            }
            Method::POST if !from.is_safe => {
                return Err(Error::new(StatusCode::FORBIDDEN, "Passwords are taken under TLS only: use https"));
            }
            Method::POST if !is_form(&head.headers) => {
                return Err(Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "This is no form"));
            }
            Method::POST => Some(read(body, patience).await?),
            _ => return Err(Error::new(StatusCode::METHOD_NOT_ALLOWED, "It can be read and sent, and nothing else")),
        };
        let cookies: Vec<&str> = head.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
        Ok((self.fill)(Sent { fields, cookies: cookies.join("; "), from: from.address }).await.response())
    }
}

/// True if another site's page sent it. Browsers say so; other programs have no user who could be misled.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_elsewhere = text("sec-fetch-site").is_some_and(|site| !["same-origin", "none"].contains(&site));
    let host = text(HOST.as_str()).unwrap_or_default();
    let is_other = |origin: &str| origin.split_once("://").is_none_or(|(_, origin)| !origin.eq_ignore_ascii_case(host));
    is_elsewhere || text(ORIGIN.as_str()).is_some_and(is_other)
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()?.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// In the encoding of HTML forms (WHATWG URL, application/x-www-form-urlencoded).
async fn read(mut body: Incoming, patience: Duration) -> Result<Vec<(String, Secret<String>)>, Error> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST));
    loop {
        let frame = tokio::time::timeout(patience, body.frame()).await;
        let frame = frame.map_err(|_| Error::new(StatusCode::REQUEST_TIMEOUT, "The form did not come"))?;
        let Some(frame) = frame else { break };
        let piece = frame.map_err(|_| Error::bad("The form broke off"))?.into_data().unwrap_or_default();
        if bytes.len() + piece.len() > LARGEST {
            return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, "This form is too long"));
        }
        bytes.extend_from_slice(&piece);
    }
    let pairs = form_urlencoded::parse(&bytes);
    Ok(pairs.map(|(name, value)| (name.into_owned(), Secret::new(value.into_owned()))).collect())
}

/// Octets of a form.
const LARGEST: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_come_from_their_own_page() {
        let foreign = |fields: &[(&'static str, &str)]| {
            let own = [("host", "mail.corp.example:8443")];
            let fields = own.iter().chain(fields);
            is_foreign(&fields.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect())
        };
        for (fields, expected) in [
            (&[][..], false),
            (&[("origin", "https://mail.corp.example:8443")], false),
            (&[("origin", "https://MAIL.corp.example:8443"), ("sec-fetch-site", "same-origin")], false),
            (&[("origin", "https://mail.corp.example")], true),
            (&[("origin", "https://evil.example")], true),
            (&[("origin", "null")], true),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("sec-fetch-site", "none")], false),
        ] {
            assert_eq!(foreign(fields), expected, "{fields:?}");
        }
    }
}
