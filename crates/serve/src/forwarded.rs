//! What HTTP proxies say of their client: `Forwarded` (RFC 7239) and the `X-Forwarded-For` and `X-Forwarded-Proto` before it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::Networks;

/// Whom a request comes from, as the proxies tell that may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// The client.
    pub client: IpAddr,
    /// The client came to the first of the proxies under TLS, as far as is told.
    pub tls: bool,
}

/// The header fields of one request, each with its values in the order they came.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    /// `Forwarded`.
    pub forwarded: Vec<&'a str>,
    /// `X-Forwarded-For`.
    pub x_forwarded_for: Vec<&'a str>,
    /// `X-Forwarded-Proto`.
    pub x_forwarded_proto: Vec<&'a str>,
}

/// Why what a proxy says tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unclear(&'static str);

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Unclear {}

impl Forwarded {
    /// What the fields of a request say that came from one of `proxies`. Each proxy adds at the end, so they are read from
    /// there, past those that are listed too. A client can send such fields as well: where it does, through a proxy that
    /// writes only one kind of them, the kinds differ, and nothing is believed.
    ///
    /// # Errors
    /// No client is told, or two.
    pub fn read(fields: &Fields<'_>, proxies: &Networks) -> Result<Self, Unclear> {
        let standard = hops(&fields.forwarded, element);
        let plain = hops(&fields.x_forwarded_for, |hop| (node(hop), None));
        let standard = furthest(&standard, proxies)?;
        let plain = furthest(&plain, proxies)?.map(|(client, _)| {
            let last = fields.x_forwarded_proto.last().and_then(|protos| protos.rsplit(',').next());
            (client, last.map(|proto| proto.trim().eq_ignore_ascii_case("https")))
        });
        match (standard, plain) {
            (Some((one, _)), Some((other, _))) if one != other => {
                Err(Unclear("Forwarded and X-Forwarded-For name different clients"))
            }
            (Some((client, one)), Some((_, other))) => Ok(Self {
                client,
                tls: (one.is_some() || other.is_some()) && one != Some(false) && other != Some(false),
            }),
            (Some((client, tls)), None) | (None, Some((client, tls))) => Ok(Self { client, tls: tls == Some(true) }),
            (None, None) => Err(Unclear("neither Forwarded nor X-Forwarded-For names the client")),
        }
    }
}

type Hop = (Option<IpAddr>, Option<bool>);

fn hops(values: &[&str], read: fn(&str) -> Hop) -> Vec<Hop> {
    values.iter().flat_map(|value| value.split(',')).map(|hop| read(hop.trim())).collect()
}

/// `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )` (RFC 7239 section 4)
fn element(text: &str) -> (Option<IpAddr>, Option<bool>) {
    let (mut client, mut tls) = (None, None);
    for (name, value) in text.split(';').filter_map(|pair| pair.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => client = node(value),
            "proto" => tls = Some(value.eq_ignore_ascii_case("https")),
            _ => {}
        }
    }
    (client, tls)
}

/// The first, from the end, who is no proxy of ours; if all are, the one at the beginning.
fn furthest(hops: &[Hop], proxies: &Networks) -> Result<Option<(IpAddr, Option<bool>)>, Unclear> {
    let mut found = None;
    for (client, tls) in hops.iter().rev() {
        let client = client.ok_or(Unclear("what it says of its client is no address"))?;
        found = Some((client, *tls));
        if !proxies.contains(client) {
            break;
        }
    }
    Ok(found)
}

/// `node = nodename [ ":" node-port ]`, `nodename = IPv4address / "[" IPv6address "]" / "unknown" / obfnode` (RFC 7239
/// section 6); and IPv6 without brackets, as X-Forwarded-For has it.
fn node(text: &str) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']').and_then(|(address, _)| address.parse::<Ipv6Addr>().ok()).map(IpAddr::V6);
    }
    text.parse().ok().or_else(|| text.rsplit_once(':')?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(forwarded: &[&str], x_for: &[&str], x_proto: &[&str]) -> Result<(String, bool), Unclear> {
        let fields = Fields {
            forwarded: forwarded.to_vec(),
            x_forwarded_for: x_for.to_vec(),
            x_forwarded_proto: x_proto.to_vec(),
        };
        let proxies = Networks::parse(["10.0.0.0/8"]).unwrap();
        Forwarded::read(&fields, &proxies).map(|told| (told.client.to_string(), told.tls))
    }

    #[test]
    fn who_the_client_is() {
        let is = |client: &str, tls| Ok((client.to_owned(), tls));
        assert_eq!(read(&["for=192.0.2.1;proto=https"], &[], &[]), is("192.0.2.1", true));
        assert_eq!(read(&["For=\"[2001:db8::1]:4711\";Proto=http;by=10.0.0.1"], &[], &[]), is("2001:db8::1", false));
        assert_eq!(read(&["for=198.51.100.9, for=192.0.2.1", "for=10.2.3.4"], &[], &[]), is("192.0.2.1", false));
        assert_eq!(read(&[], &["198.51.100.9, 192.0.2.1, 10.2.3.4"], &["https"]), is("192.0.2.1", true));
        assert_eq!(read(&[], &["2001:db8::1"], &[]), is("2001:db8::1", false));
        assert_eq!(read(&[], &["192.0.2.1:55"], &["https, http"]), is("192.0.2.1", false));
        assert_eq!(read(&[], &["10.9.9.9, 10.2.3.4"], &[]), is("10.9.9.9", false));
        assert_eq!(read(&["for=192.0.2.1"], &["192.0.2.1"], &["https"]), is("192.0.2.1", true));
        assert_eq!(read(&["for=192.0.2.1;proto=http"], &["192.0.2.1"], &["https"]), is("192.0.2.1", false));
    }

    #[test]
    fn what_is_unclear_is_not_believed() {
        for (forwarded, x_for) in [
            (&[][..], &[][..]),
            (&["for=unknown"], &[]),
            (&["for=_hidden"], &[]),
            (&["proto=https"], &[]),
            (&[], &["nonsense"]),
            // The proxy writes X-Forwarded-For only, and its client the other one.
            (&["for=127.0.0.1"], &["192.0.2.1"]),
        ] {
            assert!(read(forwarded, x_for, &[]).is_err(), "{forwarded:?} {x_for:?}");
        }
    }
}
