//! calendar-multiget and addressbook-multiget (RFC 4791 section 7.9, RFC 6352 section 8.7).

use std::sync::Arc;

use mailbox::ErrorKind;
use mailbox::objects::{Collection, ObjectName, Objects};

use super::form::Form;
use super::zone;
use crate::body::Cut;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::multistatus::{self, Multistatus};
use crate::place::{Family, Place};
use crate::texts::Texts;
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
    let parts = parts(context, wanted, family);
    // A failure before anything is told can be told in the status, so that the client comes again.
    let mut first = match parts.iter().find(|part| matches!(part, Part::Batch(..))) {
        Some(Part::Batch(collection, batch)) if form.needs_text() => Some(texts(context, collection, batch)),
        _ => None,
    };
    if let Some(first) = &mut first {
        first.fetch().await?;
    }
    let context = context.clone();
    Ok(multistatus::answer(move |mut out| async move {
        let mut first = first;
        for part in parts {
            match part {
                Part::Nowhere(href, error) => out.error(&href, &error).await?,
                Part::Batch(collection, batch) => {
                    let zone = requested.clone().unwrap_or_else(|| zone::of_collection(&collection));
                    tell(&context, &mut out, &collection, batch, &form.clone().within(zone), first.take()).await?;
                }
            }
        }
        Ok(out)
    }))
}

/// What is answered at once, in the order of the request.
enum Part {
    /// An href that leads to no object.
    Nowhere(String, Error),
    /// Clients name what they want of one collection; what follows in the same is fetched together.
    Batch(Arc<Collection>, Vec<(String, ObjectName)>),
}

fn parts<A: Objects>(context: &Context<A>, wanted: Vec<String>, family: Family) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut wanted = wanted.into_iter().map(|href| Wanted::of(context, href, family)).peekable();
    while let Some(first) = wanted.next() {
        let (collection, name) = match first.found {
            Ok(found) => found,
            Err(error) => {
                parts.push(Part::Nowhere(first.href, error));
                continue;
            }
        };
        let mut batch = vec![(first.href, name)];
        while let Some(next) = wanted.next_if(|next| next.is_in(collection))
            && let Ok((_, name)) = next.found
        {
            batch.push((next.href, name));
        }
        parts.push(Part::Batch(Arc::new(collection.clone()), batch));
    }
    parts
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
    fetched: Option<Texts<A>>,
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
    let mut texts = fetched.unwrap_or_else(|| texts(context, collection, &batch));
    for (href, _) in batch {
        let Some((_, object)) = texts.next().await? else { break };
        match object {
            Ok(object) => form.object(context, out, collection, object, None).await?,
            Err(error) if error.kind == ErrorKind::NotFound => out.error(&href, &Error::not_found()).await?,
            Err(error) => out.error(&href, &error.into()).await?,
        }
    }
    Ok(())
}

fn texts<A: Objects>(context: &Context<A>, collection: &Collection, batch: &[(String, ObjectName)]) -> Texts<A> {
    Texts::of(&context.account, collection.id, batch.iter().map(|(_, name)| name.clone()).collect())
}
