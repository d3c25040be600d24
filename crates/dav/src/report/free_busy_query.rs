//! free-busy-query (RFC 4791 section 7.10).

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use jiff::Timestamp;
use mailbox::ErrorKind;
use mailbox::objects::{Collection, ObjectName, Objects, Owner, Range};
use pim::ical::{Busy, busy_times};

use super::filter::{Verdict, invalid, time};
use super::form::parsed;
use super::search;
use super::zone;
use crate::Body;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::place::Family;
use crate::resource::Resource;
use crate::schedule::free_busy;
use crate::texts::Texts;
use crate::xml::{CALDAV, Element};

/// Answers with a VFREEBUSY.
pub(super) async fn run<A: Objects>(context: &Context<A>, root: &Element) -> Answer {
    let mut ranges = root.all(CALDAV, "time-range");
    let (Some(range), None) = (ranges.next(), ranges.next()) else {
        return Err(invalid(root, "A free-busy-query has exactly one time-range"));
    };
    let range = time::closed(range)?;
    if matches!(context.resource().await?, Resource::Object(..)) {
        return Err(Error::new(StatusCode::FORBIDDEN, "Free and busy times are those of a calendar, not of an event"));
    }
    let mut busy = Vec::new();
    for target in search::targets(context, Family::Calendars).await? {
        busy.extend(of_collection(context, target.collection(), range).await?);
    }
    let calendar = free_busy::answer(Timestamp::now(), range, busy);
    let mut response = Response::new(Body::whole(calendar.write()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/calendar; charset=utf-8"));
    Ok(response)
}

/// When a calendar's owner is busy by it. Where only that may be seen, Exchange tells it of the owner.
async fn of_collection<A: Objects>(
    context: &Context<A>,
    collection: &Collection,
    range: Range,
) -> Result<Vec<Busy>, Error> {
    if let (false, Owner::Other { address, .. }) = (collection.rights.read, &collection.owner) {
        let told = context.account.free_busy(std::slice::from_ref(address), range).await?;
        return Ok(told.iter().flatten().flat_map(|person| &person.busy).map(free_busy::told).collect());
    }
    let zone = zone::of_collection(collection);
    let entries = context.account.entries(collection.id, Some(super::filter::widened(range))).await?;
    let within = |entry: &mailbox::objects::ObjectEntry| super::filter::by_span(range, entry) != Verdict::No;
    let names: Vec<ObjectName> = entries.into_iter().filter(within).map(|entry| entry.name).collect();
    let mut busy = Vec::new();
    let mut texts = Texts::of(&context.account, collection.id, names);
    while let Some((_, object)) = texts.next().await? {
        match object {
            Ok(object) => {
                let calendar = parsed(&object.text);
                let times = |calendar| busy_times(calendar, &time::span(range), &zone, MOST_INSTANCES);
                busy.extend(calendar.iter().flat_map(times));
            }
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Corrupt) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(busy)
}

/// Instances of one object looked at: every hour of a year, and some.
const MOST_INSTANCES: usize = 10_000;
