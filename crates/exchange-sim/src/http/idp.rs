//! The identity provider over HTTP.

use std::{io, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Method, Response, header, request::Parts};
use http_body_util::BodyExt;
use hyper::{Request, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
};

use crate::{
    idp::{self, Provider},
    ntlm::Refusal,
};

use super::{ACCEPT_PAUSE, Server, autodiscover::text, body::Body, tls::Secure};

/// The provider, and where people and programs find it.
pub(super) struct Idp {
    pub(super) provider: Provider,
    /// `scheme://host:port`
    pub(super) url: String,
}

/// Serves the provider until dropped.
pub(super) async fn accept(listener: TcpListener, tls: Option<Secure>, server: Arc<Server>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                let (server, tls) = (server.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, "http", server).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.acceptor.accept(stream).await {
                                serve(stream, "https", server).await;
                            }
                        }
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, scheme: &'static str, server: Arc<Server>) {
    let service = hyper::service::service_fn(move |request| handle(request, scheme, server.clone()));
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn handle(request: Request<Incoming>, scheme: &str, server: Arc<Server>) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = http_body_util::Limited::new(body, MAX_BODY).collect().await.map_err(io::Error::other)?.to_bytes();
    let reply = match &server.beside.idp {
        Some(idp) => server.ask(&idp.provider, scheme, &head, &String::from_utf8_lossy(&body)),
        None => return Err(io::Error::other("there is no identity provider")),
    };
    match reply {
        Some(reply) => server.reply(reply),
        None => std::future::pending().await,
    }
}

impl Server {
    fn ask(&self, provider: &Provider, scheme: &str, head: &Parts, body: &str) -> Option<crate::reply::Reply> {
        let base = format!("{scheme}://{}", text(&head.headers, header::HOST).unwrap_or_default());
        let basic = text(&head.headers, header::AUTHORIZATION)
            .and_then(|value| STANDARD.decode(value.strip_prefix("Basic ")?).ok())
            .and_then(|shown| {
                let shown = String::from_utf8(shown).ok()?;
                shown.split_once(':').map(|(name, secret)| (name.to_owned(), secret.to_owned()))
            });
        let sign_in = |user: &str, password: &str| {
            let (domain, name) = user.split_once('\\').unwrap_or(("", user));
            let right = |known: &str| if known == password { Ok(()) } else { Err(Refusal::Proof) };
            self.directory.check(domain, name, right).ok().map(|(address, ())| address)
        };
        provider.answer(&idp::Request {
            post: head.method == Method::POST,
            base: &base,
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            body,
            basic,
            sign_in: &sign_in,
        })
    }
}

/// Enough for any form.
const MAX_BODY: usize = 1 << 20;
