//! DELETE (RFC 4918 section 9.6).

use http::StatusCode;
use mailbox::objects::{Calendaring, Objects};

use super::empty;
use crate::condition;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::request::Depth;
use crate::resource::Resource;

/// Removes an object, or a collection with all that is in it.
pub(super) async fn run<A: Objects>(context: &Context<A>) -> Answer {
    match context.resource().await? {
        Resource::Object(collection, entry) => {
            let condition = condition::of_object(context, Some(&entry)).await?;
            // RFC 6638 section 8.1: an attendee may go without a word.
            let silent = context.request.header("schedule-reply").is_some_and(|value| value.eq_ignore_ascii_case("f"));
            let calendaring = if silent { Calendaring::Silent } else { Calendaring::Server };
            let above = context.facts.place_of(&collection);
            context
                .account
                .remove(collection.id, &entry.name, condition, calendaring)
                .await
                .map_err(|error| Error::of_object(error, &above))?;
        }
        Resource::Collection(collection) => {
            if !matches!(context.request.depth()?, None | Some(Depth::Infinity)) {
                return Err(Error::bad("A collection is removed with all that is in it: Depth must be infinity"));
            }
            condition::of_collection(context).await?;
            context.account.delete_collection(collection.id).await?;
        }
        _ => return Err(Error::new(StatusCode::FORBIDDEN, "This cannot be removed")),
    }
    Ok(empty(StatusCode::NO_CONTENT))
}
