//! Who asks, where proxies stand in between.

use std::net::SocketAddr;

use http::{HeaderMap, Request, StatusCode};
use serve::{Fields, Forwarded, Permit};
use tracing::{Span, warn};

use crate::Settings;
use crate::error::Error;
use crate::sign_in::Peer;

/// Whose request it is.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Where from, and whether nobody on the way can have read the password.
    pub(crate) from: Peer,
    _permit: Option<Permit>,
}

impl Caller {
    /// From the connection; from what the request says of its client where the peer is a proxy that is believed.
    ///
    /// # Errors
    /// 400 if the proxy does not tell its client, 503 if this client has too much in hand already.
    pub(crate) fn of<B>(
        request: &Request<B>,
        peer: SocketAddr,
        is_tls: bool,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let is_near = peer.ip().to_canonical().is_loopback();
        let proxies = &settings.limits.settings().http_proxies;
        if !proxies.contains(peer.ip()) {
            let is_safe = is_tls || is_near || settings.plaintext_passwords;
            return Ok(Self { from: Peer { address: peer.ip().to_canonical(), is_safe }, _permit: None });
        }
        let told = Forwarded::read(&fields(request.headers()), proxies).map_err(|reason| {
            warn!(proxy = %peer, %reason, "refused: this peer is listed as an HTTP proxy, and told no client");
            Error::bad("The proxy in between did not tell who asks")
        })?;
        Span::current().record("client", tracing::field::display(told.client));
        let came_safe = told.tls || told.client.to_canonical().is_loopback();
        let is_safe = came_safe && (is_tls || is_near) || settings.plaintext_passwords;
        match settings.limits.admit(told.client) {
            Some(permit) => {
                let from = Peer { address: told.client.to_canonical(), is_safe };
                Ok(Self { from, _permit: Some(permit) })
            }
            None => {
                warn!("too many requests at once");
                Err(Error::new(StatusCode::SERVICE_UNAVAILABLE, "Too many requests at once from this address"))
            }
        }
    }
}

fn fields(headers: &HeaderMap) -> Fields<'_> {
    let all = |name: &str| headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    Fields {
        forwarded: all("forwarded"),
        x_forwarded_for: all("x-forwarded-for"),
        x_forwarded_proto: all("x-forwarded-proto"),
    }
}

#[cfg(test)]
mod tests {
    use serve::{Limits, Networks};

    use super::*;

    fn settings() -> Settings {
        let http_proxies = Networks::parse(["10.0.0.0/8", "127.0.0.1"]).unwrap();
        let limits = serve::Settings { http_proxies, connections_per_address: 1, ..serve::Settings::default() };
        Settings { limits: Limits::new(limits), ..Settings::default() }
    }

    fn asked(peer: &str, is_tls: bool, fields: &[(&str, &str)], settings: &Settings) -> Result<Caller, StatusCode> {
        let request = fields.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        let peer = SocketAddr::new(peer.parse().unwrap(), 40_000);
        Caller::of(&request.body(()).unwrap(), peer, is_tls, settings).map_err(|error| error.status)
    }

    #[test]
    fn a_way_is_as_safe_as_its_worst_part() {
        let safe =
            |peer, is_tls, fields: &[_]| asked(peer, is_tls, fields, &settings()).map(|caller| caller.from.is_safe);
        let by_tls = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https")];
        let in_clear = [("forwarded", "for=192.0.2.1;proto=http")];
        assert_eq!(safe("127.0.0.1", false, &by_tls), Ok(true));
        assert_eq!(safe("127.0.0.1", false, &in_clear), Ok(false));
        assert_eq!(safe("127.0.0.1", false, &[("x-forwarded-for", "127.0.0.1")]), Ok(true));
        assert_eq!(safe("10.0.0.1", false, &by_tls), Ok(false));
        assert_eq!(safe("10.0.0.1", true, &by_tls), Ok(true));
        assert_eq!(safe("10.0.0.1", true, &in_clear), Ok(false));
        assert_eq!(safe("10.0.0.1", true, &[]), Err(StatusCode::BAD_REQUEST));
        // Who is not listed is believed nothing.
        assert_eq!(safe("192.0.2.9", false, &by_tls), Ok(false));
        assert_eq!(safe("192.0.2.9", true, &in_clear), Ok(true));
    }

    #[test]
    fn clients_behind_a_proxy_are_counted_by_themselves() {
        let settings = settings();
        let ask = |client| asked("10.0.0.1", true, &[("x-forwarded-for", client)], &settings);
        let first = ask("192.0.2.1");
        assert_eq!(ask("192.0.2.1").unwrap_err(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(ask("192.0.2.2").is_ok());
        drop(first);
        assert!(ask("192.0.2.1").is_ok());
    }
}
