//! Finding objects: the index first, texts in batches where it does not say enough, answers as they are found.

use std::sync::Arc;

use http::StatusCode;
use mailbox::ErrorKind;
use mailbox::objects::{Collection, ObjectEntry, ObjectName, Objects};
use pim::Component;

use super::filter::Verdict;
use super::form::{Form, parsed};
use crate::body::Cut;
use crate::context::Context;
use crate::error::Error;
use crate::multistatus::Multistatus;
use crate::place::Family;
use crate::request::Depth;
use crate::resource::Resource;
use crate::texts::Texts;

/// Objects of one collection that may be told of.
#[derive(Debug)]
pub(crate) struct Candidates {
    pub(crate) collection: Arc<Collection>,
    pub(crate) entries: Vec<(ObjectEntry, Verdict)>,
}

/// Where a query looks.
#[derive(Debug)]
pub(crate) enum Target {
    /// In a collection.
    Collection(Arc<Collection>),
    /// At one object.
    Object(Arc<Collection>, ObjectEntry),
}

/// Where a query looks that was sent to this place with this Depth.
///
/// # Errors
/// 404.
pub(crate) async fn targets<A: Objects>(context: &Context<A>, family: Family) -> Result<Vec<Target>, Error> {
    let depth = context.request.depth()?;
    Ok(match context.resource().await? {
        Resource::Object(collection, entry) => vec![Target::Object(collection, *entry)],
        // Without a Depth, 0 is meant (RFC 4791 section 7.8), which of a collection is nothing: no client can mean that.
        Resource::Collection(_) if depth == Some(Depth::Zero) => Vec::new(),
        Resource::Collection(collection) => vec![Target::Collection(collection)],
        // The members of a home are collections, theirs are objects. RFC 6638 section 2.2: what waits in the inbox is
        // told of only if the inbox itself is asked.
        Resource::Home(home, who) if depth == Some(Depth::Infinity) && home == family => context
            .facts
            .of_home(family, &who)
            .filter(|collection| collection.kind != mailbox::objects::CollectionKind::ScheduleInbox)
            .map(|collection| Target::Collection(Arc::new(collection.clone())))
            .collect(),
        _ => Vec::new(),
    })
}

impl Target {
    pub(crate) fn collection(&self) -> &Collection {
        match self {
            Self::Collection(collection) | Self::Object(collection, _) => collection,
        }
    }

    /// What is there and may match, by the index.
    pub(crate) async fn candidates<A: Objects>(
        self,
        context: &Context<A>,
        span: Option<mailbox::objects::Range>,
        by_index: impl Fn(&ObjectEntry) -> Verdict,
    ) -> Result<Candidates, Error> {
        let (collection, entries) = match self {
            Self::Object(collection, entry) => (collection, vec![entry]),
            Self::Collection(collection) => {
                let entries = context.account.entries(collection.id, span).await?;
                (collection, entries)
            }
        };
        let judged = entries.into_iter().map(|entry| {
            let verdict = by_index(&entry);
            (entry, verdict)
        });
        Ok(Candidates { collection, entries: judged.filter(|(_, verdict)| *verdict != Verdict::No).collect() })
    }
}

/// Tells of the candidates that match, in order, until `room` is used up. `false` if it was.
pub(crate) async fn tell<A: Objects>(
    context: &Context<A>,
    out: &mut Multistatus,
    candidates: Candidates,
    form: &Form,
    judge: &(dyn Fn(&Component) -> bool + Send + Sync),
    room: &mut usize,
) -> Result<bool, Cut> {
    let Candidates { collection, entries } = candidates;
    let wanted = entries.iter().filter(|(_, verdict)| needs(*verdict, form));
    let wanted: Vec<ObjectName> = wanted.map(|(entry, _)| entry.name.clone()).collect();
    let mut texts = Texts::of(&context.account, collection.id, wanted);
    for (entry, verdict) in entries {
        let object = if needs(verdict, form) { texts.next().await?.map(|(_, object)| object) } else { None };
        let (object, tree) = match object {
            None => (None, None),
            Some(Err(error)) if error.kind == ErrorKind::NotFound => continue,
            // What cannot be read cannot be known to match; a client that reads on must not miss it silently.
            Some(Err(error)) => {
                let href = context.href(&Resource::Object(Arc::clone(&collection), Box::new(entry)));
                out.error(&href, &error.into()).await?;
                continue;
            }
            Some(Ok(object)) => {
                let tree = if verdict == Verdict::Maybe { parsed(&object.text) } else { None };
                (Some(object), tree)
            }
        };
        if verdict == Verdict::Maybe && !tree.as_ref().is_some_and(judge) {
            continue;
        }
        if *room == 0 {
            return Ok(false);
        }
        *room -= 1;
        match object {
            Some(object) => form.object(context, out, &collection, object, tree).await?,
            None => form.entry(context, out, &collection, entry).await?,
        }
    }
    Ok(true)
}

/// RFC 6352 section 8.6.2, RFC 6578 section 3.6: there is more than is told.
pub(crate) async fn tell_of_more<A: Objects>(context: &Context<A>, out: &mut Multistatus) -> Result<(), Cut> {
    out.error(&context.request.path, &too_many()).await
}

/// `DAV:number-of-matches-within-limits`
pub(crate) fn too_many() -> Error {
    let sentence = "There is more than was asked for, or than is told at once";
    Error::condition(StatusCode::INSUFFICIENT_STORAGE, "D:number-of-matches-within-limits", sentence)
}

fn needs(verdict: Verdict, form: &Form) -> bool {
    verdict == Verdict::Maybe || form.needs_text()
}
