//! PROPFIND (RFC 4918 section 9.1).

use std::sync::Arc;

use mailbox::Trace;
use mailbox::objects::{Collection, Objects, SyncToken};
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::body::Cut;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::multistatus::{self, Multistatus};
use crate::place::Family;
use crate::property::Asked;
use crate::request::{Depth, NO_ROOT};
use crate::resource::{Resource, Who};
use crate::xml::DAV;

/// Answers for the resource, and with Depth 1 for its members.
pub(super) async fn run<A: Objects>(context: &Context<A>) -> Answer {
    let asked = match context.request.xml()? {
        // RFC 4918 section 9.1: no body asks for all.
        None => Asked::All(Vec::new()),
        Some(root) if root.is(DAV, "propfind") => {
            Asked::of(&root).ok_or_else(|| Error::bad("A propfind asks for prop, propname or allprop"))?
        }
        Some(_) => return Err(Error::bad("The body of a PROPFIND is a DAV:propfind")),
    };
    let with_members = match context.request.depth()? {
        Some(Depth::Zero) => false,
        Some(Depth::One) => true,
        // RFC 4918 section 9.1: a request without the header means infinity.
        Some(Depth::Infinity) | None => {
            return Err(Error::forbidden("D:propfind-finite-depth", "Ask with Depth 0 or 1"));
        }
    };
    let resource = context.resource().await?;
    let members = if with_members { members(context, &resource).await? } else { Vec::new() };
    let token = context.token(&resource, &asked).await?;
    let tokens = tokens(context, &members, &asked);
    let context = context.clone();
    Ok(multistatus::answer(move |mut out| async move {
        // RFC 8144 section 4: the members only.
        if !(with_members && context.request.prefers(NO_ROOT)) {
            let propstats = context.propstats(&resource, token, None, &asked);
            out.properties(&href(&context, &resource), &propstats).await?;
        }
        for (member, token) in members.iter().zip(tokens) {
            write(&mut out, &context, member, token, &asked).await?;
        }
        Ok(out)
    }))
}

/// The root is called as it was asked for.
fn href<A: Objects>(context: &Context<A>, resource: &Resource) -> String {
    match resource {
        Resource::Root if context.request.path == "/" => "/".to_owned(),
        _ => context.href(resource),
    }
}

/// What is directly in a resource.
async fn members<A: Objects>(context: &Context<A>, resource: &Resource) -> Result<Vec<Resource>, Error> {
    let facts = &context.facts;
    let everybody = || [Who::Me].into_iter().chain(facts.others());
    Ok(match resource {
        Resource::Root => {
            vec![Resource::Principals, Resource::Homes(Family::Calendars), Resource::Homes(Family::AddressBooks)]
        }
        Resource::Principals => everybody().map(Resource::Principal).collect(),
        Resource::Homes(family) => everybody()
            .filter(|who| *who == Who::Me || facts.of_home(*family, who).next().is_some())
            .map(|who| Resource::Home(*family, who))
            .collect(),
        Resource::Home(family, who) => {
            let collection = |one: &Collection| Resource::Collection(Arc::new(one.clone()));
            let outbox = (*family == Family::Calendars && *who == Who::Me).then_some(Resource::Outbox);
            facts.of_home(*family, who).map(collection).chain(outbox).collect()
        }
        Resource::Collection(collection) => {
            let entries = context.account.entries(collection.id, None).await?;
            let object = |entry| Resource::Object(Arc::clone(collection), Box::new(entry));
            entries.into_iter().map(object).collect()
        }
        Resource::Principal(_) | Resource::Outbox | Resource::Object(..) => Vec::new(),
    })
}

/// A question on its way; `None` where there is nothing to ask.
type Pending = Option<JoinHandle<mailbox::Result<SyncToken>>>;

/// Asks where each member stands, all at once: a collection that was never looked at is synchronised first, and the
/// others need not wait for it.
fn tokens<A: Objects>(context: &Context<A>, members: &[Resource], asked: &Asked) -> Vec<Pending> {
    let ask = |member: &Resource| match member {
        Resource::Collection(collection) if asked.needs_token() => {
            let (account, id) = (context.account.clone(), collection.id);
            let ask = Trace::carried(async move { account.sync_token(id).await });
            Some(tokio::spawn(ask.in_current_span()))
        }
        _ => None,
    };
    members.iter().map(ask).collect()
}

/// A member that cannot be told of does not spoil the others.
async fn write<A: Objects>(
    out: &mut Multistatus,
    context: &Context<A>,
    member: &Resource,
    token: Pending,
    asked: &Asked,
) -> Result<(), Cut> {
    let href = context.href(member);
    let token = match token {
        None => None,
        Some(pending) => match pending.await {
            Ok(Ok(token)) => Some(token),
            Ok(Err(error)) => return out.error(&href, &error.into()).await,
            Err(failed) => return Err(Cut(failed.to_string())),
        },
    };
    out.properties(&href, &context.propstats(member, token, None, asked)).await
}
