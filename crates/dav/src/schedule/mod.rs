//! Scheduling (RFC 6638): what is POSTed to the outbox.

pub(crate) mod free_busy;

use mailbox::objects::Objects;

use crate::context::Context;
use crate::error::{Answer, Error};

/// Answers a POST to the outbox: a free/busy request.
pub(crate) async fn post<A: Objects>(_context: &Context<A>) -> Answer {
    Err(Error::forbidden("C:supported-calendar-data", "Only free/busy requests are taken here"))
}
