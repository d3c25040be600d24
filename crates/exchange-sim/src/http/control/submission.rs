//! What a test asks and orders about mail on its way.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{Refusal, changed, refusal};
use crate::{Exchange, form::Form};

/// Answers `/deliveries`, `/outside` and `/submission`; `None` where there is no such thing.
pub(super) fn control(
    exchange: &Exchange,
    method: &Method,
    path: &str,
    query: &Form,
    body: &[u8],
) -> Option<Result<Value, Refusal>> {
    let answer = match (method.as_str(), path) {
        ("GET", "/deliveries") => deliveries(exchange, query),
        ("GET", "/deliveries/counts") => Ok(exchange.deliveries_by_id()),
        ("GET", "/outside") => number(query, "number").and_then(|number| exchange.outside(number).map_err(refusal)),
        ("GET", "/submission") => Ok(exchange.submission_state()),
        ("POST", path) => order(exchange, path, query, body)?.map(|()| json!({ "ok": true })),
        _ => return None,
    };
    Some(answer)
}

fn deliveries(exchange: &Exchange, query: &Form) -> Result<Value, Refusal> {
    let after = number(query, "after")?.unwrap_or(0);
    if let Some(seconds) = number(query, "wait")? {
        let longest = Duration::from_secs(seconds as u64);
        // In vain is no mistake: nothing came.
        let _ = super::wait(async { tokio::time::timeout(longest, exchange.more_deliveries(after)).await });
    }
    Ok(exchange.deliveries(after))
}

fn order(exchange: &Exchange, path: &str, query: &Form, body: &[u8]) -> Option<Result<(), Refusal>> {
    match path {
        "/deliveries/forget" => exchange.forget_deliveries(),
        "/outside/forget" => exchange.forget_outside(),
        "/outside/refuse" => return Some(refuse(exchange, query)),
        "/submission" => {
            let limits = changed(&exchange.submission_limits(), body);
            return Some(limits.map(|limits| exchange.limit_submission(limits)));
        }
        "/submission/hold" => exchange.hold_transport(true),
        "/submission/release" => exchange.hold_transport(false),
        _ => return None,
    }
    Some(Ok(()))
}

fn refuse(exchange: &Exchange, query: &Form) -> Result<(), Refusal> {
    let (address, status) = (query.need("address")?, query.need("status")?);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if status != "none" && !(status.split('.').count() == 3 && status.split('.').all(digits)) {
        return Err(refusal("status is none or such as 5.1.1"));
    }
    exchange.refuse_outside(address, Some(status).filter(|status| *status != "none"));
    Ok(())
}

fn number(query: &Form, name: &str) -> Result<Option<usize>, Refusal> {
    query.get(name).map(str::parse).transpose().map_err(refusal)
}
