//! Methods, one file each.

mod delete;
mod find;
mod get;
mod make;
mod options;
mod patch;
mod post;
mod put;
mod transfer;

use http::header::{ALLOW, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use mailbox::objects::{Objects, Way};

use crate::Body;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::report;
use crate::request::MINIMAL;

pub(crate) use options::{CLASSES, options};

/// Answers a request of somebody who is signed in.
pub(crate) async fn run<A: Objects>(context: &Context<A>) -> Answer {
    let mut response = by_method(context).await?;
    if response.status() == StatusCode::MULTI_STATUS && context.request.prefers(MINIMAL) {
        // RFC 7240 section 3, RFC 8144 section 2.1
        let applied = HeaderValue::from_static(MINIMAL);
        response.headers_mut().insert(HeaderName::from_static("preference-applied"), applied);
    }
    Ok(response)
}

async fn by_method<A: Objects>(context: &Context<A>) -> Answer {
    match context.request.method.as_str() {
        "GET" | "HEAD" => get::run(context).await,
        "PUT" => put::run(context).await,
        "DELETE" => delete::run(context).await,
        "COPY" => transfer::run(context, Way::Copy).await,
        "MOVE" => transfer::run(context, Way::Move).await,
        "POST" => post::run(context).await,
        "PROPFIND" => find::run(context).await,
        "PROPPATCH" => patch::run(context).await,
        "MKCALENDAR" | "MKCOL" => make::run(context).await,
        "REPORT" => {
            let root = context.request.xml()?.ok_or_else(|| Error::bad("A REPORT says in its body what to report"))?;
            report::dispatch(context, &root).await
        }
        // RFC 3744 section 8.1: nobody has write-acl, since rights are given in Exchange.
        "ACL" => Err(Error::forbidden("D:need-privileges", "Rights are given in Outlook or Exchange, not here")),
        _ => Err(not_allowed()),
    }
}

/// An answer without a body.
fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// 405 with what is allowed (RFC 9110 section 15.5.6).
fn not_allowed() -> Error {
    Error::new(StatusCode::METHOD_NOT_ALLOWED, "This method is not offered here")
        .with(ALLOW, HeaderValue::from_static(options::METHODS))
}
