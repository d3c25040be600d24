//! POST to the outbox: when are these people free? (RFC 6638 section 5.)

use std::fmt::Write;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use jiff::Timestamp;
use mailbox::ErrorKind;
use mailbox::objects::{FreeBusy, Objects, Range};
use pim::ical::{Moment, Zone, Zones};
use pim::{Component, Property};

use super::free_busy;
use crate::Body;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::place::Place;
use crate::resource::Who;
use crate::xml;

/// Answers a free/busy request, for each recipient on its own.
///
/// # Errors
/// `supported-calendar-data`, `valid-calendar-data`, `valid-scheduling-message`, `valid-organizer`.
pub(crate) async fn post<A: Objects>(context: &Context<A>) -> Answer {
    let request = Asked::read(context)?;
    let addresses: Vec<String> =
        request.attendees.iter().filter_map(|attendee| address(&attendee.value)).map(str::to_owned).collect();
    let told = ask(context, &addresses, request.range).await?;
    let mut told = told.into_iter();
    let mut document =
        format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<C:schedule-response{}>", xml::namespaces());
    for attendee in &request.attendees {
        let times = address(&attendee.value).and_then(|_| told.next().flatten());
        respond(&mut document, &request, attendee, times);
    }
    document.push_str("</C:schedule-response>\n");
    let mut response = Response::new(Body::whole(document));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
    Ok(response)
}

/// A free/busy request (RFC 5546 section 3.3.2).
struct Asked {
    uid: Option<Property>,
    organizer: Property,
    attendees: Vec<Property>,
    range: Range,
}

impl Asked {
    fn read<A: Objects>(context: &Context<A>) -> Result<Self, Error> {
        if !matches!(context.request.content_type(), Some((kind, _)) if kind == "text/calendar") {
            return Err(Error::forbidden("C:supported-calendar-data", "A free/busy request is text/calendar"));
        }
        let text = std::str::from_utf8(&context.request.body).map_err(|_| not_calendar("it is not UTF-8"))?;
        let mut parsed = pim::parse(text).map_err(|error| not_calendar(&error.to_string()))?;
        let (Some(calendar), true) = (parsed.pop(), parsed.is_empty()) else {
            return Err(not_calendar("there is to be one VCALENDAR"));
        };
        if !calendar.is("VCALENDAR") {
            return Err(not_calendar("it is no VCALENDAR"));
        }
        let asked = Self::of(&calendar).map_err(|sentence| Error::forbidden("C:valid-scheduling-message", sentence))?;
        if !is_me(context, asked.organizer.value.trim()) {
            return Err(Error::forbidden("C:valid-organizer", "The ORGANIZER must be you, by one of your addresses"));
        }
        Ok(asked)
    }

    /// One VFREEBUSY that says who asks whom about what.
    fn of(calendar: &Component) -> Result<Self, &'static str> {
        if !calendar.value("METHOD").is_some_and(|method| method.trim().eq_ignore_ascii_case("REQUEST")) {
            return Err("A free/busy request has METHOD:REQUEST");
        }
        let mut parts = calendar.components.iter().filter(|part| !part.is("VTIMEZONE"));
        let (Some(part), None) = (parts.next(), parts.next()) else {
            return Err("A request posted here holds one VFREEBUSY");
        };
        if !part.is("VFREEBUSY") {
            return Err("Only free/busy requests are taken here; invitations are sent when the event is stored");
        }
        let attendees: Vec<Property> = part.properties("ATTENDEE").cloned().collect();
        if attendees.is_empty() || attendees.len() > MOST_ATTENDEES {
            return Err("A free/busy request has between one and a hundred ATTENDEEs");
        }
        let zones = Zones::of(calendar);
        let at = |name: &str| {
            let moment = part.property(name).and_then(Moment::of)?;
            Some(zones.instant(&moment, &Zone::Utc))
        };
        let (Some(start), Some(end)) = (at("DTSTART"), at("DTEND")) else {
            return Err("A free/busy request has DTSTART and DTEND");
        };
        if end <= start {
            return Err("A free/busy request ends after it begins");
        }
        Ok(Self {
            uid: part.property("UID").cloned(),
            organizer: part.property("ORGANIZER").ok_or("A free/busy request has an ORGANIZER")?.clone(),
            attendees,
            range: Range { start: Some(start), end: Some(end) },
        })
    }
}

/// True if this is one of the user's addresses (`calendar-user-address-set`), which the principal is, too.
/// Seen from Evolution 3.50: the sign-in name behind `mailto:`.
fn is_me<A: Objects>(context: &Context<A>, organizer: &str) -> bool {
    let who = match organizer.split_once(':') {
        Some((scheme, name)) if scheme.eq_ignore_ascii_case("mailto") => context.facts.who(name),
        _ => match Place::of_href(organizer) {
            Ok(Place::Principal { user }) => context.facts.who(&user),
            _ => None,
        },
    };
    who == Some(Who::Me)
}

/// Asks Exchange; a range that is too long for it is an answer, too.
async fn ask<A: Objects>(
    context: &Context<A>,
    addresses: &[String],
    range: Range,
) -> Result<Vec<Option<FreeBusy>>, Error> {
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    match context.account.free_busy(addresses, range).await {
        Ok(told) => Ok(told),
        Err(error) if error.kind == ErrorKind::Cannot => {
            Err(Error::forbidden("C:valid-scheduling-message", error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// `<!ELEMENT response (recipient, request-status, calendar-data?, ...)>` (RFC 6638 section 10.2); codes of RFC 5546
/// section 3.6.
fn respond(out: &mut String, request: &Asked, attendee: &Property, times: Option<FreeBusy>) {
    let recipient = xml::escape(attendee.value.trim());
    let _ = write!(out, "<C:response><C:recipient><D:href>{recipient}</D:href></C:recipient>");
    match times {
        None => out.push_str("<C:request-status>3.7;Invalid calendar user</C:request-status>"),
        Some(times) => {
            let text = xml::escape(&reply(request, attendee, &times).write());
            let _ = write!(
                out,
                "<C:request-status>2.0;Success</C:request-status><C:calendar-data>{text}</C:calendar-data>"
            );
        }
    }
    out.push_str("</C:response>");
}

/// RFC 5546 section 3.3.3: METHOD:REPLY with the busy times of one attendee.
fn reply(request: &Asked, attendee: &Property, times: &FreeBusy) -> Component {
    let busy = times.busy.iter().map(free_busy::told).collect();
    let mut calendar = free_busy::answer(Timestamp::now(), request.range, busy);
    calendar.push(Property::new("METHOD", "REPLY"));
    if let Some(answer) = calendar.components.first_mut() {
        let said = request.uid.iter().chain([&request.organizer, attendee]).cloned();
        answer.properties.splice(..0, said);
    }
    calendar
}

/// The address of a `mailto:`.
fn address(uri: &str) -> Option<&str> {
    let (scheme, address) = uri.trim().split_once(':')?;
    (scheme.eq_ignore_ascii_case("mailto") && address.contains('@')).then_some(address)
}

fn not_calendar(reason: &str) -> Error {
    Error::condition(StatusCode::FORBIDDEN, "C:valid-calendar-data", format!("This cannot be read: {reason}"))
}

/// Exchange answers for a hundred mailboxes at once (EWS "GetUserAvailability").
const MOST_ATTENDEES: usize = 100;
