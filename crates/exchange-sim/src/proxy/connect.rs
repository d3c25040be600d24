//! HTTP CONNECT: requests until one is granted, then a tunnel (RFC 9110 sections 9.3.6 and 11.7).

use std::io;

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Auth, Note, Proxy, Target, carry};
use crate::{
    fresh,
    ntlm::{self, Names, Pending},
};

/// Serves one client.
pub(super) async fn serve(mut stream: TcpStream, proxy: &Proxy, note: &Note) -> io::Result<()> {
    let mut gate = Gate { proxy, pending: None };
    let mut input = Vec::new();
    loop {
        let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") else {
            if input.len() > LONGEST {
                note.refused("too long");
                return stream.write_all(&answer("431 Request Header Fields Too Large", None)).await;
            }
            if stream.read_buf(&mut input).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let head = String::from_utf8_lossy(&input.drain(..end + 4).collect::<Vec<u8>>()).into_owned();
        let Some(request) = Request::parse(&head) else {
            note.refused("no CONNECT");
            return stream.write_all(&answer("400 Bad Request", None)).await;
        };
        note.write(|entry| entry.target = Some(request.target.clone()));
        match gate.judge(request.authorization) {
            Ok(user) => {
                note.write(|entry| entry.user = user);
                return tunnel(stream, &request.target, input, proxy, note).await;
            }
            Err((reason, challenge)) => {
                note.refused(reason);
                stream.write_all(&answer("407 Proxy Authentication Required", Some(&challenge))).await?;
            }
        }
    }
}

/// `early` came behind the request.
async fn tunnel(mut stream: TcpStream, target: &Target, early: Vec<u8>, proxy: &Proxy, note: &Note) -> io::Result<()> {
    match proxy.dial(target).await {
        Ok(mut server) => {
            note.opened(&server)?;
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            server.write_all(&early).await?;
            carry(stream, server, note).await
        }
        Err(error) => {
            note.refused("unreachable");
            stream.write_all(&answer("502 Bad Gateway", None)).await?;
            Err(error)
        }
    }
}

/// What a request says that matters here.
struct Request<'a> {
    target: Target,
    authorization: Option<&'a str>,
}

impl<'a> Request<'a> {
    fn parse(head: &'a str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if method != "CONNECT" || !version.starts_with("HTTP/1.") {
            return None;
        }
        let field =
            |line: &'a str| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("Proxy-Authorization"));
        Some(Self { target: target.parse().ok()?, authorization: lines.find_map(field).map(|(_, value)| value.trim()) })
    }
}

/// Who may pass. NTLM takes several requests on one connection.
struct Gate<'a> {
    proxy: &'a Proxy,
    pending: Option<Pending>,
}

impl Gate<'_> {
    /// The name of who may pass, or the reason for a refusal with its `Proxy-Authenticate`.
    fn judge(&mut self, authorization: Option<&str>) -> Result<Option<String>, (&'static str, String)> {
        let settings = &self.proxy.settings;
        if settings.users.is_empty() {
            return Ok(None);
        }
        let offer = match settings.auth {
            Auth::Basic => "Basic realm=\"proxy\"",
            Auth::Ntlm => "NTLM",
        };
        let refuse = |reason| Err((reason, offer.to_owned()));
        let Some((scheme, shown)) = authorization.and_then(|value| value.split_once(' ')) else {
            return refuse("no credentials");
        };
        let shown = STANDARD.decode(shown.trim()).unwrap_or_default();
        match settings.auth {
            Auth::Basic if scheme.eq_ignore_ascii_case("Basic") => {
                let shown = String::from_utf8(shown).unwrap_or_default();
                let (name, password) = shown.split_once(':').unwrap_or_default();
                match self.proxy.knows(name, password) {
                    true => Ok(Some(name.to_owned())),
                    false => refuse("wrong credentials"),
                }
            }
            Auth::Ntlm if scheme.eq_ignore_ascii_case("NTLM") => match (ntlm::kind(&shown), self.pending.take()) {
                (Some(ntlm::NEGOTIATE), _) => {
                    match ntlm::challenge(&shown, &names(), fresh::nonce(), fresh::filetime()) {
                        Some(pending) => {
                            let challenge = format!("NTLM {}", STANDARD.encode(&pending.challenge));
                            self.pending = Some(pending);
                            Err(("in the middle of the handshake", challenge))
                        }
                        None => refuse("malformed"),
                    }
                }
                (Some(ntlm::AUTHENTICATE), Some(pending)) => {
                    let claims = ntlm::claims(&shown).unwrap_or_default();
                    let name = match claims.domain.as_str() {
                        "" => claims.user,
                        domain => format!("{domain}\\{}", claims.user),
                    };
                    match self.proxy.password(&name).is_some_and(|password| pending.prove(&shown, password).is_ok()) {
                        true => Ok(Some(name)),
                        false => refuse("wrong credentials"),
                    }
                }
                _ => refuse("malformed"),
            },
            _ => refuse("another scheme"),
        }
    }
}

fn names() -> Names {
    Names { domain: "PROXY".to_owned(), dns_domain: "proxy.test".to_owned(), computer: "PROXY01".to_owned() }
}

/// The connection stays open: a client with NTLM goes on with it.
fn answer(status: &str, challenge: Option<&str>) -> Vec<u8> {
    let challenge = challenge.map(|challenge| format!("Proxy-Authenticate: {challenge}\r\n")).unwrap_or_default();
    format!("HTTP/1.1 {status}\r\n{challenge}Content-Type: text/html\r\nContent-Length: {}\r\n\r\n{PAGE}", PAGE.len())
        .into()
}

const PAGE: &str = "<html><body>The proxy does not let you through.</body></html>";

const LONGEST: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connect_is_understood() {
        let request =
            Request::parse("CONNECT a.test:443 HTTP/1.1\r\nHost: a\r\nproxy-authorization:  Basic eA==\r\n\r\n");
        let request = request.unwrap();
        assert_eq!((request.target.to_string(), request.authorization), ("a.test:443".to_owned(), Some("Basic eA==")));
        for head in [
            "GET http://a.test/ HTTP/1.1\r\n\r\n",
            "CONNECT a.test HTTP/1.1\r\n\r\n",
            "CONNECT a.test:1\r\n\r\n",
            "\r\n\r\n",
        ] {
            assert!(Request::parse(head).is_none(), "{head}");
        }
    }
}
