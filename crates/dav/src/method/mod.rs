//! Methods, one file each.

mod find;
mod options;

use http::StatusCode;
use http::header::{ALLOW, HeaderValue};
use mailbox::objects::Objects;

use crate::context::Context;
use crate::error::{Answer, Error};
use crate::report;

pub(crate) use options::{CLASSES, options};

/// Answers a request of somebody who is signed in.
pub(crate) async fn run<A: Objects>(context: &Context<A>) -> Answer {
    match context.request.method.as_str() {
        "PROPFIND" => find::run(context).await,
        "REPORT" => {
            let root = context.request.xml()?.ok_or_else(|| Error::bad("A REPORT says in its body what to report"))?;
            report::dispatch(context, &root).await
        }
        _ => Err(not_allowed()),
    }
}

/// 405 with what is allowed (RFC 9110 section 15.5.6).
fn not_allowed() -> Error {
    Error::new(StatusCode::METHOD_NOT_ALLOWED, "This method is not offered here")
        .with(ALLOW, HeaderValue::from_static(options::METHODS))
}
