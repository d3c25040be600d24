//! calendar-query (RFC 4791 section 7.8).

use mailbox::objects::Objects;
use pim::ical::Zone;

use super::filter::{calendar::Filter, invalid};
use super::form::Form;
use super::search;
use super::zone;
use crate::context::Context;
use crate::error::Answer;
use crate::multistatus;
use crate::place::Family;
use crate::xml::{CALDAV, Element};

/// Tells of the objects that match a filter.
pub(super) async fn run<A: Objects>(context: &Context<A>, root: &Element) -> Answer {
    let form = Form::read(root)?;
    let filter = root.child(CALDAV, "filter").ok_or_else(|| invalid(root, "A calendar-query has a filter"))?;
    let filter = Filter::read(filter)?;
    let zone = zone::requested(root)?;
    let mut found = Vec::new();
    for target in search::targets(context, Family::Calendars).await? {
        let zone = zone.clone().unwrap_or_else(|| zone::of_collection(target.collection()));
        let candidates = target.candidates(context, filter.span(), |entry| filter.by_index(entry)).await?;
        found.push((candidates, form.clone().within(zone)));
    }
    let context = context.clone();
    Ok(multistatus::answer(move |mut out| async move {
        let mut room = context.facts.settings.most_members;
        for (candidates, form) in found {
            let floating: &Zone = form.floating();
            let judge = |calendar: &pim::Component| filter.matches(calendar, floating);
            if !search::tell(&context, &mut out, candidates, &form, &judge, &mut room).await? {
                search::tell_of_more(&context, &mut out).await?;
                break;
            }
        }
        Ok(out)
    }))
}
