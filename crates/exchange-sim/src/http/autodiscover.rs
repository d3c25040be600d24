//! Autodiscover over HTTP: sign-in where Exchange demands it, misbehaviour on request, and a log of who asked how.

use std::io;

use http::{
    HeaderMap, Method, Response, header,
    request::Parts,
    uri::{Authority, PathAndQuery},
};
use hyper::{Request, body::Incoming};
use serde_json::json;

use crate::{
    autodiscover::{Asked, Autodiscover, Fault, Here, Person, Step, about},
    reply::Reply,
};

use super::{Server, auth::Verdict, body::Body, connection::Connection, endpoint::SERVER, front_end::Face};

/// Whether a request is for Autodiscover.
pub(super) fn is_for(path: &str) -> bool {
    path.get(..BELOW.len()).is_some_and(|start| start.eq_ignore_ascii_case(BELOW))
}

const BELOW: &str = "/autodiscover/";

impl Server {
    /// Answers one request and writes it down.
    pub(super) async fn discover(
        &self,
        services: &Autodiscover,
        request: Request<Incoming>,
        face: Face,
        connection: &Connection,
    ) -> io::Result<Response<Body>> {
        let (head, body) = request.into_parts();
        let length = text(&head.headers, header::CONTENT_LENGTH).and_then(|text| text.parse().ok()).unwrap_or(0);
        let body = self.read(body, length).await?;
        match self.discovered(services, &head, &String::from_utf8_lossy(&body), face, connection) {
            Outcome::Reply(reply) => self.reply(reply),
            Outcome::Refuse(verdict) => self.refuse(connection, &verdict),
            Outcome::Hang => std::future::pending().await,
        }
    }

    fn discovered(
        &self,
        services: &Autodiscover,
        head: &Parts,
        body: &str,
        face: Face,
        connection: &Connection,
    ) -> Outcome {
        let tls = connection.way.tls;
        let authority = head.uri.authority().map(Authority::as_str);
        let authority = authority.or_else(|| text(&head.headers, header::HOST)).unwrap_or_default();
        let (host, path) = (host(authority), head.uri.path());
        let target = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let step = match (face, services.step(path)) {
            (Face::Redirect, Some(_)) => Some(Step::Redirect),
            (_, step) => step,
        };
        let authorization = head.headers.get(header::AUTHORIZATION);
        let query = head.uri.query().unwrap_or_default();
        let user = step.map(|step| about(step, path, query, body)).unwrap_or_default();
        let fault = step.map_or(Some(Fault::Off), |step| services.fault(&host, step, &user));
        let early = fault.as_ref().and_then(|fault| fault.early(&Here { tls, authority, target }));
        let person = |address: &str| {
            let (address, name) = self.exchange.person(address)?;
            Some(Person { address, name })
        };
        let asked = Asked { host: &host, path, query, body, person: &person };
        let outcome = match (step, early) {
            (_, Some(reply)) => Outcome::Reply(reply),
            _ if fault == Some(Fault::Hang) => Outcome::Hang,
            _ if fault == Some(Fault::Unauthorized) => Outcome::Refuse(Verdict::Wrong),
            (Some(step @ (Step::Soap | Step::Pox)), None) => match self.sign_in(connection, &head.headers) {
                Verdict::Known(_) | Verdict::Program(_) if head.method == Method::POST => {
                    Outcome::Reply(services.answer(step, &asked, fault.as_ref()))
                }
                Verdict::Known(_) | Verdict::Program(_) => {
                    Outcome::Reply(Reply::html(200, "<html><body>Autodiscover</body></html>"))
                }
                verdict => Outcome::Refuse(verdict),
            },
            (Some(step), None) => Outcome::Reply(services.answer(step, &asked, fault.as_ref())),
            (None, None) => Outcome::Reply(Reply::html(404, "")),
        };
        let scheme = authorization
            .map(|value| value.to_str().unwrap_or_default().split(' ').next().unwrap_or_default().to_ascii_lowercase());
        services.saw(json!({
            "host": host,
            "step": step.map(Step::name),
            "method": head.method.as_str(),
            "target": target,
            "user": user,
            "tls": tls,
            "credentials": scheme.is_some(),
            "scheme": scheme,
            "status": outcome.status(),
        }));
        outcome
    }

    /// Sends an answer of one of the small services.
    pub(super) fn reply(&self, reply: Reply) -> io::Result<Response<Body>> {
        let mut builder = Response::builder().status(reply.status).header(header::SERVER, SERVER);
        for (name, value) in reply.headers {
            builder = builder.header(name, value);
        }
        builder.body(Body::page(&self.stats, reply.body)).map_err(io::Error::other)
    }
}

enum Outcome {
    Reply(Reply),
    Refuse(Verdict),
    Hang,
}

impl Outcome {
    /// `None` for no answer.
    fn status(&self) -> Option<u16> {
        match self {
            Self::Reply(reply) => Some(reply.status),
            Self::Refuse(_) => Some(401),
            Self::Hang => None,
        }
    }
}

/// The name in `host:port`, in lower case.
pub(super) fn host(authority: &str) -> String {
    let name = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    name.unwrap_or_default().trim_end_matches('.').to_ascii_lowercase()
}

/// The value of a header field, where it is text.
pub(super) fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
