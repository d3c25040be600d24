//! Web hooks: JSON that is sent to a web server of the operator's, and signed, so that it knows whom it is from. Redirects are
//! never followed.

use std::net::IpAddr;
use std::time::Duration;

use ews::{Ask, Secret, Told, Web, WebConfig};
use http::Uri;
use jiff::Timestamp;
use ring::hmac;

use crate::Failure;

/// Where something is sent. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    web: Web,
    url: String,
    secret: Option<Secret>,
    timeout: Duration,
}

impl Hook {
    /// Sends there, and waits so long for the answer.
    pub(crate) fn new(url: &str, secret: Option<Secret>, timeout: Duration) -> Result<Self, Failure> {
        let config = WebConfig { allow_http: true, connect: timeout, limit: LARGEST, ..WebConfig::default() };
        let web = Web::new(config).map_err(|error| Failure::new(error.to_string()))?;
        Ok(Self { web, url: url.to_owned(), secret, timeout })
    }

    /// Sends this. An answer of any status is one.
    ///
    /// The error is a sentence for the operator.
    pub(crate) async fn send(&self, body: &serde_json::Value, at: Timestamp) -> Result<Told, String> {
        let body = body.to_string();
        let mut headers = vec![("exgate-timestamp", at.as_second().to_string())];
        if let Some(secret) = &self.secret {
            headers.push(("exgate-signature", signature(secret.expose().as_bytes(), at, &body)));
        }
        let ask = Ask { headers, timeout: self.timeout, ..Ask::post(&self.url, "application/json", body) };
        self.web.ask(ask).await.map_err(|error| error.to_string())
    }

    /// The same where 2xx says that it was taken, and anything else that it was not.
    pub(crate) async fn deliver(&self, body: &serde_json::Value, at: Timestamp) -> Result<(), String> {
        let told = self.send(body, at).await?;
        match told.status {
            200..=299 => Ok(()),
            status => Err(format!("the web hook answered with {status}")),
        }
    }
}

/// `v1=` and the hexadecimal HMAC-SHA256 of the time, a dot, and the body.
fn signature(secret: &[u8], at: Timestamp, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("{}.{body}", at.as_second()).as_bytes());
    tag.as_ref().iter().fold("v1=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// True for an address that a hook may have: under TLS, or on this machine.
pub(crate) fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let Some(authority) = uri.authority().filter(|authority| !authority.as_str().contains('@')) else { return false };
    let host = authority.host().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_here,
        _ => false,
    }
}

/// Octets of an answer.
const LARGEST: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// As `printf '1700000000.{}' | openssl dgst -sha256 -hmac key` tells it.
    #[test]
    fn what_is_sent_is_signed_with_its_time() {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        assert_eq!(signature(b"key", at, "{}"), format!("v1={SIGNED}"));
        assert_ne!(signature(b"other", at, "{}"), format!("v1={SIGNED}"));
    }

    const SIGNED: &str = "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";

    #[test]
    fn what_is_sent_elsewhere_goes_under_tls() {
        for (url, is_fine) in [
            ("https://hook.corp.example/x", true),
            ("http://127.0.0.1:8080/x", true),
            ("http://localhost/x", true),
            ("http://[::1]:80/", true),
            ("http://hook.corp.example/x", false),
            ("http://127.0.0.1.corp.example/", false),
            ("https://user:word@hook.corp.example/", false),
            ("https:///x", false),
            ("ftp://127.0.0.1/", false),
            ("hook", false),
        ] {
            assert_eq!(is_safe(url), is_fine, "{url}");
        }
    }
}
