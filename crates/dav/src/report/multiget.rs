//! calendar-multiget and addressbook-multiget (RFC 4791 section 7.9, RFC 6352 section 8.7).

use std::sync::Arc;

use mailbox::ErrorKind;
use mailbox::objects::{Collection, ObjectName, Objects};

use super::form::Form;
use super::search::BATCH;
use super::zone;
use crate::body::Cut;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::multistatus::{self, Multistatus};
use crate::place::{Family, Place};
use crate::xml::{DAV, Element};

/// Tells of the objects that are named, each under the name it was asked for by.
pub(super) async fn run<A: Objects>(context: &Context<A>, root: &Element, family: Family) -> Answer {
    // The report must not tell whether something is there that the Request-URI does not lead to.
    context.resource().await?;
    let form = Form::read(root)?;
    let requested = zone::requested(root)?;
    let wanted: Vec<String> = root.all(DAV, "href").map(Element::text).collect();
    if wanted.len() > context.facts.settings.most_members {
        return Err(super::search::too_many());
    }
    let context = context.clone();
    Ok(multistatus::answer(move |mut out| async move {
        let mut wanted = wanted.into_iter().map(|href| Wanted::of(&context, href, family)).peekable();
        while let Some(first) = wanted.next() {
            let (collection, name) = match first.found {
                Ok(found) => found,
                Err(error) => {
                    out.error(&first.href, &error).await?;
                    continue;
                }
            };
            // Clients name what they want of one collection; what follows in the same is fetched at once.
            let mut batch = vec![(first.href, name)];
            while batch.len() < BATCH
                && let Some(next) = wanted.next_if(|next| next.is_in(collection))
                && let Ok((_, name)) = next.found
            {
                batch.push((next.href, name));
            }
            let zone = requested.clone().unwrap_or_else(|| zone::of_collection(collection));
            tell(&context, &mut out, &Arc::new(collection.clone()), batch, &form.clone().within(zone)).await?;
        }
        Ok(out)
    }))
}

/// An href, and what it leads to.
struct Wanted<'a> {
    href: String,
    found: Result<(&'a Collection, ObjectName), Error>,
}

impl<'a> Wanted<'a> {
    fn of<A: Objects>(context: &'a Context<A>, href: String, wanted: Family) -> Self {
        let place = Place::of_href(&href).map_err(Error::from);
        let found = place.and_then(|place| {
            let (Place::Object { family, name, .. }, Some(above)) = (&place, place.collection()) else {
                return Err(Error::not_found());
            };
            let collection = context.facts.collection(&above).filter(|_| *family == wanted);
            Ok((collection.ok_or_else(Error::not_found)?, ObjectName(name.clone())))
        });
        Self { href, found }
    }

    fn is_in(&self, collection: &Collection) -> bool {
        self.found.as_ref().is_ok_and(|(of, _)| of.id == collection.id)
    }
}

async fn tell<A: Objects>(
    context: &Context<A>,
    out: &mut Multistatus,
    collection: &Arc<Collection>,
    batch: Vec<(String, ObjectName)>,
    form: &Form,
) -> Result<(), Cut> {
    if !form.needs_text() {
        for (href, name) in batch {
            match context.account.entry(collection.id, &name).await {
                Ok(Some(entry)) => form.entry(context, out, collection, entry).await?,
                Ok(None) => out.error(&href, &Error::not_found()).await?,
                Err(error) => out.error(&href, &error.into()).await?,
            }
        }
        return Ok(());
    }
    let names: Vec<ObjectName> = batch.iter().map(|(_, name)| name.clone()).collect();
    let fetched = context.account.objects(collection.id, &names).await?;
    for ((href, _), (_, object)) in batch.into_iter().zip(fetched) {
        match object {
            Ok(object) => form.object(context, out, collection, object, None).await?,
            Err(error) if error.kind == ErrorKind::NotFound => out.error(&href, &Error::not_found()).await?,
            Err(error) => out.error(&href, &error.into()).await?,
        }
    }
    Ok(())
}
