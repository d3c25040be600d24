use http::Uri;
use http::uri::Scheme;

use crate::{Error, ErrorKind};

/// A checked EWS URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Name or address, brackets of an IPv6 address removed.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// What goes into `Host`.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) secure: bool,
}

impl Endpoint {
    /// Reads the URL of an Exchange; `http` must have been allowed.
    pub(crate) fn parse(url: &str, allow_http: bool) -> Result<Endpoint, Error> {
        Endpoint::named("Exchange URL", url, allow_http)
    }

    /// Reads a URL, which errors call by that name.
    pub(crate) fn named(name: &str, url: &str, allow_http: bool) -> Result<Endpoint, Error> {
        let bad = |what: &str| Error::new(ErrorKind::Local, format!("{name} {url}: {what}"));
        let uri: Uri = url.parse().map_err(|_| bad("is not a URL"))?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP && allow_http => false,
            Some(scheme) if *scheme == Scheme::HTTP => return Err(bad("plain http is not allowed here")),
            _ => return Err(bad("must begin with https://")),
        };
        let authority = uri.authority().ok_or_else(|| bad("names no host"))?;
        if authority.as_str().contains('@') {
            return Err(Error::new(ErrorKind::Local, format!("{name}: must not hold a user name or password")));
        }
        Ok(Endpoint {
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            authority: authority.as_str().to_owned(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            secure,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked() {
        let endpoint = Endpoint::parse("https://mail.example.org/EWS/Exchange.asmx", false).unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.secure), ("mail.example.org", 443, true));
        assert_eq!(endpoint.path, "/EWS/Exchange.asmx");
        let endpoint = Endpoint::parse("http://[::1]:8080/x?y", true).unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.path.as_str()), ("::1", 8080, "/x?y"));
        assert_eq!(endpoint.authority, "[::1]:8080");
        for (url, sentence) in [
            ("http://x/", "plain http is not allowed here"),
            ("ftp://x/", "must begin with https://"),
            ("mail.example.org", "must begin with https://"),
            ("not a url", "is not a URL"),
        ] {
            assert_eq!(Endpoint::parse(url, false).unwrap_err().message, format!("Exchange URL {url}: {sentence}"));
        }
        let error = Endpoint::parse("https://anna:geheim@x/", false).unwrap_err();
        assert!(!error.message.contains("geheim"));
    }
}
