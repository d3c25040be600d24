//! POST: to the outbox (RFC 6638 section 5), and to a collection to add a member whose name does not matter (RFC 5995).

use http::header::{HeaderValue, LOCATION};
use mailbox::objects::{Collection, CollectionKind, Condition, ObjectName, Objects};
use sha2::{Digest, Sha256};

use super::{not_allowed, put};
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::place::Place;
use crate::property::ADD_MEMBER;
use crate::resource::Resource;
use crate::{object, schedule};

/// Answers by what it is posted to.
pub(super) async fn run<A: Objects>(context: &Context<A>) -> Answer {
    match context.resource().await? {
        Resource::Outbox => schedule::post(context).await,
        Resource::Collection(collection) if context.request.query.as_deref() == Some(ADD_MEMBER) => {
            add_member(context, &collection).await
        }
        _ => Err(not_allowed()),
    }
}

async fn add_member<A: Objects>(context: &Context<A>, collection: &Collection) -> Answer {
    let above = context.facts.place_of(collection);
    let checked = object::check(&context.request, collection).map_err(|error| Error::of_object(error, &above))?;
    let name = name(&checked.uid, collection.kind);
    // Should the name be taken, then by an object of this UID, and that is a conflict of UIDs.
    let new = Condition { if_none_match: Some(Vec::new()), ..Condition::default() };
    let mut response = put::store(context, &above, collection, name.clone(), new).await?;
    let location = above.object(&name.0).map(|place: Place| place.href());
    if let Some(location) = location.and_then(|href| HeaderValue::from_str(&href).ok()) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// From the UID: as it is where it makes a decent name, else its digest.
fn name(uid: &str, kind: CollectionKind) -> ObjectName {
    let is_decent = |byte: u8| byte.is_ascii_alphanumeric() || b"-_@.".contains(&byte);
    let stem = if uid.len() <= 100 && !uid.starts_with('.') && uid.bytes().all(is_decent) {
        uid.to_owned()
    } else {
        Sha256::digest(uid).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    };
    let ending = match kind {
        CollectionKind::Contacts | CollectionKind::Directory => "vcf",
        CollectionKind::Calendar | CollectionKind::Tasks | CollectionKind::Notes | CollectionKind::ScheduleInbox => {
            "ics"
        }
    };
    ObjectName(format!("{stem}.{ending}"))
}
