//! sync-collection (RFC 6578): what changed since a token.

use std::num::NonZeroUsize;
use std::sync::Arc;

use http::StatusCode;
use mailbox::ErrorKind;
use mailbox::objects::{Collection, DeltaStart, ObjectEntry, ObjectName, Objects, SyncToken};

use super::form::Form;
use super::search;
use super::sync_token_uri;
use super::zone;
use crate::body::Cut;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::multistatus::{self, Multistatus};
use crate::request::Depth;
use crate::resource::Resource;
use crate::texts::Texts;
use crate::xml::{self, DAV, Element};

/// Tells of the members that changed or are gone, and of the token to go on from.
pub(super) async fn run<A: Objects>(context: &Context<A>, root: &Element) -> Answer {
    let collection = context.collection().await?;
    check_level(context, root)?;
    let form = Form::read(root)?.within(zone::of_collection(&collection));
    let since = since(root, &collection)?;
    let limit = limit(root)?;
    let delta = context.account.object_delta(collection.id, since, limit.map(NonZeroUsize::get)).await;
    let delta = delta.map_err(|error| Error::of_object(error, &context.request.place))?;
    let context = context.clone();
    Ok(multistatus::answer(move |mut out| async move {
        tell_changed(&context, &mut out, &collection, delta.changed, &form).await?;
        for ObjectName(name) in delta.removed {
            if let Some(place) = context.facts.place_of(&collection).object(&name) {
                out.status(&place.href(), StatusCode::NOT_FOUND).await?;
            }
        }
        if delta.truncated {
            let href = context.href(&Resource::Collection(Arc::clone(&collection)));
            out.error(&href, &search::too_many()).await?;
        }
        let token = xml::escape(&sync_token_uri(&collection.id, delta.token));
        out.raw(&format!("<D:sync-token>{token}</D:sync-token>")).await?;
        Ok(out)
    }))
}

/// "This report is only defined when the Depth header has value 0"; how deep it looks is said in its body. Clients of
/// its first drafts say it in the header, and some say both: a Depth of 1 is taken for what they mean (RFC 6578
/// appendix A). No collection here holds another, so that all levels are one.
fn check_level<A: Objects>(context: &Context<A>, root: &Element) -> Result<(), Error> {
    if context.request.depth()? == Some(Depth::Infinity) {
        return Err(Error::bad("sync-collection is sent with Depth: 0; how deep it looks is its sync-level"));
    }
    match root.child(DAV, "sync-level").map(Element::text).as_deref() {
        None | Some("1" | "infinite" | "infinity") => Ok(()),
        Some(_) => Err(Error::bad("sync-level is 1 or infinite")),
    }
}

/// An empty token, or none, begins at the beginning.
fn since(root: &Element, collection: &Collection) -> Result<DeltaStart, Error> {
    let text = root.child(DAV, "sync-token").map(Element::text).unwrap_or_default();
    if text.is_empty() {
        return Ok(DeltaStart::Beginning);
    }
    let prefix = format!("urn:exgate:sync:{}-", collection.id.0);
    let token = text.strip_prefix(&prefix).and_then(|token| token.parse::<SyncToken>().ok());
    token.map(DeltaStart::After).ok_or_else(|| {
        let sentence = "This is no sync token of this collection; begin again with an empty one";
        Error::forbidden("D:valid-sync-token", sentence)
    })
}

/// `<!ELEMENT limit (nresults)>` (RFC 5323 section 5.17).
fn limit(root: &Element) -> Result<Option<NonZeroUsize>, Error> {
    let Some(limit) = root.child(DAV, "limit") else { return Ok(None) };
    let number: usize = limit
        .child(DAV, "nresults")
        .and_then(|number| number.text().parse().ok())
        .ok_or_else(|| Error::bad("limit holds an nresults with a number"))?;
    // RFC 6578 section 3.6: a limit that cannot be met is refused.
    NonZeroUsize::new(number).map(Some).ok_or_else(search::too_many)
}

async fn tell_changed<A: Objects>(
    context: &Context<A>,
    out: &mut Multistatus,
    collection: &Arc<Collection>,
    changed: Vec<ObjectEntry>,
    form: &Form,
) -> Result<(), Cut> {
    let names: Vec<ObjectName> = match form.needs_text() {
        true => changed.iter().map(|entry| entry.name.clone()).collect(),
        false => Vec::new(),
    };
    let mut texts = Texts::of(&context.account, collection.id, names);
    for entry in changed {
        match texts.next().await?.map(|(_, object)| object) {
            Some(Ok(object)) => form.object(context, out, collection, object, None).await?,
            // It is gone meanwhile: the next report tells.
            Some(Err(error)) if error.kind == ErrorKind::NotFound => {}
            // The token that follows would step over what was not told. So the answer ends here, and is no answer.
            Some(Err(error)) if matches!(error.kind, ErrorKind::Busy { .. } | ErrorKind::Unavailable) => {
                return Err(error.into());
            }
            // What cannot be read today cannot be read tomorrow; that it changed can be told.
            Some(Err(_)) | None => form.entry(context, out, collection, entry).await?,
        }
    }
    Ok(())
}
