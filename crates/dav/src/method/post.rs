//! POST: to the outbox (RFC 6638 section 5), and to a collection to add a member whose name does not matter (RFC 5995).

use http::StatusCode;
use http::header::{HeaderValue, LOCATION};
use mailbox::objects::{Collection, CollectionKind, Condition, ObjectError, ObjectName, Objects, Precondition};
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
    let checked = object::check(&context.request, collection, &above)?;
    let (name, is_taken) = free_name(context, collection, &checked.uid).await?;
    let conflict = || ObjectError::precondition(Precondition::NoUidConflict, name.0.clone());
    if is_taken {
        return Err(Error::of_object(conflict(), &above));
    }
    let new = Condition { if_none_match: Some(Vec::new()), ..Condition::default() };
    let mut response = match put::store(context, &above, collection, name.clone(), new).await {
        // Somebody else has just stored it.
        Err(error) if error.status == StatusCode::PRECONDITION_FAILED => {
            return Err(Error::of_object(conflict(), &above));
        }
        stored => stored?,
    };
    let location = above.object(&name.0).map(|place: Place| place.href());
    if let Some(location) = location.and_then(|href| HeaderValue::from_str(&href).ok()) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// A name for an object of this UID; `true` if just such an object is there already.
async fn free_name<A: Objects>(
    context: &Context<A>,
    collection: &Collection,
    uid: &str,
) -> Result<(ObjectName, bool), Error> {
    let named = name(uid, collection.kind);
    match context.account.entry(collection.id, &named).await? {
        None => Ok((named, false)),
        Some(entry) if entry.uid.as_deref() == Some(uid) => Ok((named, true)),
        // A client has given this name to something else.
        Some(_) => Ok((ObjectName(format!("{}.{}", digest(uid), ending(collection.kind))), false)),
    }
}

/// From the UID: as it is where it makes a decent name, else its digest.
fn name(uid: &str, kind: CollectionKind) -> ObjectName {
    let is_decent = |byte: u8| byte.is_ascii_alphanumeric() || b"-_@.".contains(&byte);
    let fits = uid.len() <= 100 && !uid.starts_with('.') && uid.bytes().all(is_decent);
    let stem = if fits { uid.to_owned() } else { digest(uid) };
    ObjectName(format!("{stem}.{}", ending(kind)))
}

fn digest(uid: &str) -> String {
    Sha256::digest(uid).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn ending(kind: CollectionKind) -> &'static str {
    match kind {
        CollectionKind::Contacts | CollectionKind::Directory => "vcf",
        CollectionKind::Calendar | CollectionKind::Tasks | CollectionKind::Notes | CollectionKind::ScheduleInbox => {
            "ics"
        }
    }
}
