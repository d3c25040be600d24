//! Through an HTTP proxy by CONNECT (RFC 9110 section 9.3.6), signed in by Basic, NTLM or Negotiate if it asks.

use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::signin::{Caller, Dialogue, basic};
use crate::{Cause, Error, ErrorKind, Proxy, Scheme, Schemes, Secret};

/// Asks the proxy at the other end of a connection to connect to a host. What comes back is that host's.
pub(super) async fn connect(stream: TcpStream, proxy: &Proxy, host: &str, port: u16) -> Result<TcpStream, Error> {
    let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| failed(proxy, &error))?;
    tokio::spawn(async move { drop(connection.with_upgrades().await) });
    let mut talk = Talk { sender, proxy, target };
    let opened = talk.run().await?;
    let upgraded = hyper::upgrade::on(opened).await.map_err(|error| failed(proxy, &error))?;
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().map_err(|_| failed(proxy, &"the tunnel was lost"))?;
    // The host speaks after we did: whatever came before is the proxy's own.
    match parts.read_buf.is_empty() {
        true => Ok(parts.io.into_inner()),
        false => Err(failed(proxy, &"it spoke in place of the host")),
    }
}

struct Talk<'a> {
    sender: SendRequest<Empty<Bytes>>,
    proxy: &'a Proxy,
    /// `host:port`
    target: String,
}

impl Talk<'_> {
    async fn run(&mut self) -> Result<Response<Incoming>, Error> {
        let refused = self.ask(None).await?;
        if refused.status() != StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return self.opened(refused).await;
        }
        let offers = offers(&refused);
        self.drain(refused).await?;
        let Some((user, password)) = &self.proxy.credentials else {
            return Err(
                self.denied("asks for a user name and password; set egress.proxy_user and egress.proxy_password")
            );
        };
        let scheme = Schemes::auto().choose(offers.iter().map(String::as_str)).ok_or_else(|| {
            self.denied(&format!("offers {} for signing in, and nothing that is known here", offers.join(", ")))
        })?;
        let answer = match scheme {
            Scheme::Basic => self.ask(Some(basic(user, password)?)).await?,
            _ => self.by_dialogue(scheme, user, password).await?,
        };
        match answer.status() {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Err(self.denied(&format!("refuses egress.proxy_user or egress.proxy_password ({scheme})")))
            }
            _ => self.opened(answer).await,
        }
    }

    async fn by_dialogue(
        &mut self,
        scheme: Scheme,
        user: &str,
        password: &Secret,
    ) -> Result<Response<Incoming>, Error> {
        let dialogue = Dialogue::new(scheme, Caller { user, password, host: self.proxy.host.clone(), binding: None });
        let challenged = self.ask(Some(dialogue.first()?)).await?;
        if challenged.status() != StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Ok(challenged);
        }
        let offers = offers(&challenged);
        match dialogue.answer(offers.iter().map(String::as_str))? {
            None => Ok(challenged),
            Some(answer) => {
                self.drain(challenged).await?;
                self.ask(Some(answer)).await
            }
        }
    }

    async fn ask(&mut self, say: Option<HeaderValue>) -> Result<Response<Incoming>, Error> {
        let bad = || Error::new(ErrorKind::Local, format!("{} cannot be asked for", self.target));
        let uri = Uri::builder().authority(self.target.as_str()).build().map_err(|_| bad())?;
        let request = Request::builder().method(Method::CONNECT).uri(uri).header(HOST, &self.target);
        let mut request = request.body(Empty::new()).map_err(|_| bad())?;
        request.headers_mut().extend(say.map(|say| (PROXY_AUTHORIZATION, say)));
        self.sender.ready().await.map_err(|error| failed(self.proxy, &error))?;
        self.sender.send_request(request).await.map_err(|error| failed(self.proxy, &error))
    }

    /// What a refusal says is nobody's to read, but the connection goes on after it.
    async fn drain(&self, answer: Response<Incoming>) -> Result<(), Error> {
        let body = Limited::new(answer.into_body(), LARGEST_PAGE).collect().await;
        body.map(drop).map_err(|error| failed(self.proxy, &error))
    }

    async fn opened(&self, answer: Response<Incoming>) -> Result<Response<Incoming>, Error> {
        match answer.status() {
            status if status.is_success() => Ok(answer),
            StatusCode::FORBIDDEN => {
                Err(self.denied(&format!("does not allow connections to {}", self.target)).because(Cause::Proxy))
            }
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                let told = format!("does not reach {} ({})", self.target, answer.status());
                Err(failed(self.proxy, &told).because(Cause::Unreachable))
            }
            status => Err(failed(self.proxy, &format!("answered {status} when asked for {}", self.target))),
        }
    }

    fn denied(&self, what: &str) -> Error {
        let told = format!("proxy {}:{} {what}", self.proxy.host, self.proxy.port);
        Error::new(ErrorKind::Denied, told).because(Cause::ProxySignIn)
    }
}

fn offers(answer: &Response<Incoming>) -> Vec<String> {
    let values = answer.headers().get_all(PROXY_AUTHENTICATE);
    values.iter().filter_map(|value| value.to_str().ok().map(str::to_owned)).collect()
}

fn failed(proxy: &Proxy, what: &dyn std::fmt::Display) -> Error {
    Error::unavailable(format!("proxy {}:{}: {what}", proxy.host, proxy.port)).because(Cause::Proxy)
}

/// A page that refuses somebody is not longer.
const LARGEST_PAGE: usize = 256 << 10;
