//! Search (RFC 4511 section 4.5), as a whole or in pages (RFC 2696).

use std::collections::VecDeque;
use std::time::Duration;

use mailbox::SignIn;
use mailbox::objects::Objects;
use tokio::time::Instant;

use crate::connection::{Connection, Ended, Transport};
use crate::directory::{Finding, Place, Reach, base_entry, place, reaches_base, reaches_people};
use crate::error::{End, refused, sign_in_first};
use crate::proto::{Code, Control, Entry, Name, Outcome, Response, Scope, Search};
use crate::schema::{self, Circumstances, PAGED_RESULTS, SUBSCHEMA};
use crate::select;
use crate::session::Session;

/// What is left of a search that is told in pages.
#[derive(Debug)]
pub(crate) struct Pages {
    cookie: Vec<u8>,
    left: VecDeque<Entry>,
    /// How the search went as a whole.
    outcome: Outcome,
}

pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    id: u32,
    search: Search,
    controls: &[Control],
) -> Result<(), End>
where
    B::Account: Objects,
{
    let page = controls.iter().find(|control| control.kind == PAGED_RESULTS).map(Control::page);
    let done = |outcome| Response::SearchDone(outcome, None);
    let (size, pages) = match page {
        None => {
            let Some((found, outcome)) = found(session, connection, id, &search).await? else { return Ok(()) };
            for entry in found {
                connection.say(id, &Response::Entry(entry)).await?;
            }
            return connection.say(id, &done(outcome)).await;
        }
        Some(Err(_)) => {
            return connection.say(id, &done(Outcome::new(Code::ProtocolError, "This names no page"))).await;
        }
        Some(Ok((size, cookie))) if cookie.is_empty() => {
            session.pages = None;
            let Some((found, outcome)) = found(session, connection, id, &search).await? else { return Ok(()) };
            session.cookies += 1;
            (size, Some(Pages { cookie: session.cookies.to_string().into(), left: found.into(), outcome }))
        }
        Some(Ok((size, cookie))) => (size, session.pages.take().filter(|pages| pages.cookie == cookie)),
    };
    let Some(pages) = pages else {
        let outcome = Outcome::new(Code::UnwillingToPerform, "This search is over; begin it anew");
        return connection.say(id, &done(outcome)).await;
    };
    tell_page(session, connection, id, size, pages).await
}

/// A page of no entries ends it (RFC 2696 section 3). How the search went is told with the last one.
async fn tell_page<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    id: u32,
    size: u32,
    mut pages: Pages,
) -> Result<(), End> {
    let size = usize::try_from(size).unwrap_or(usize::MAX).min(pages.left.len());
    let is_given_up = size == 0 && !pages.left.is_empty();
    for entry in pages.left.drain(..size) {
        connection.say(id, &Response::Entry(entry)).await?;
    }
    if is_given_up {
        return connection.say(id, &Response::SearchDone(Outcome::success(), Some(Vec::new()))).await;
    }
    if pages.left.is_empty() {
        return connection.say(id, &Response::SearchDone(pages.outcome, Some(Vec::new()))).await;
    }
    let more = Response::SearchDone(Outcome::success(), Some(pages.cookie.clone()));
    session.pages = Some(pages);
    connection.say(id, &more).await
}

/// What was found, and how that went; `None` if nobody wants it any more.
async fn found<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    id: u32,
    search: &Search,
) -> Result<Option<(Vec<Entry>, Outcome)>, End>
where
    B::Account: Objects,
{
    let Some(name) = Name::parse(&search.base) else {
        return none(Code::InvalidDnSyntax, "The base is no name of an entry");
    };
    let settings = &session.settings;
    let place = place(&settings.base, &name);
    // Who has not signed in learns how to (RFC 4513 section 5.1.1), and nothing else.
    match (&place, search.scope) {
        (Place::Root, Scope::Base) => {
            let here = Circumstances {
                base: &settings.base,
                can_start_tls: connection.can_start_tls(),
                can_sign_in: session.may_send_passwords(connection),
            };
            return Ok(Some((vec![plain_entry("", search, schema::root(&here))], Outcome::success())));
        }
        (Place::Subschema, Scope::Base | Scope::Sub) => {
            return Ok(Some((vec![plain_entry(SUBSCHEMA, search, schema::subschema())], Outcome::success())));
        }
        _ => {}
    }
    let Some(user) = &session.user else { return Ok(Some((Vec::new(), sign_in_first()))) };
    let mut finding = Finding::new(&user.account, &settings.base, search, settings.most_people);
    if reaches_base(&place, search.scope) {
        finding.found.extend(base_entry(&settings.base, search));
    }
    let asked = async {
        match &place {
            Place::Nowhere => Err(mailbox::Error::new(mailbox::ErrorKind::NotFound, "There is no such entry")),
            Place::Person(_) if search.scope == Scope::One => Ok(Reach::All),
            Place::Person(address) => finding.person(address).await,
            _ if reaches_people(&place, search.scope) => finding.people().await,
            _ => Ok(Reach::All),
        }
    };
    let ended = connection.patiently(id, Instant::now() + time(search, settings.search), asked).await?;
    let outcome = match ended {
        Ended::Abandoned => return Ok(None),
        Ended::TooLate => Outcome::new(Code::TimeLimitExceeded, "It takes too long to look everybody up"),
        Ended::Done(Err(error)) => refused(&error),
        Ended::Done(Ok(Reach::All)) => Outcome::success(),
        Ended::Done(Ok(Reach::Some)) => {
            Outcome::new(Code::AdminLimitExceeded, "There are more; look for more of the name")
        }
        Ended::Done(Ok(Reach::Unbounded)) => Outcome::new(Code::AdminLimitExceeded, UNBOUNDED),
    };
    Ok(Some(limited(finding.found, outcome, search.size_limit)))
}

/// No more than the client wants (RFC 4511 section 4.5.1.4).
fn limited(mut found: Vec<Entry>, outcome: Outcome, size_limit: u32) -> (Vec<Entry>, Outcome) {
    let most = usize::try_from(size_limit).unwrap_or(usize::MAX);
    if most == 0 || found.len() <= most {
        return (found, outcome);
    }
    found.truncate(most);
    (found, Outcome::new(Code::SizeLimitExceeded, "There are more than were asked for"))
}

/// How long the search may take: no longer than the client wants, nor than the operator does.
fn time(search: &Search, most: Duration) -> Duration {
    match search.time_limit {
        0 => most,
        seconds => most.min(Duration::from_secs(seconds.into())),
    }
}

/// The entries by which programs learn what this is are there whatever they look for.
fn plain_entry(dn: &str, search: &Search, all: Vec<(&'static str, Vec<String>)>) -> Entry {
    Entry { dn: dn.to_owned(), attributes: select::of_list(search, all) }
}

fn none(code: Code, text: &'static str) -> Result<Option<(Vec<Entry>, Outcome)>, End> {
    Ok(Some((Vec::new(), Outcome::new(code, text))))
}

const UNBOUNDED: &str = "The directory is too large to be listed: look for the beginning of a name or an address";
