//! What a client makes its request depend on: If-Match, If-None-Match (RFC 9110 section 13), If (RFC 4918 section
//! 10.4), If-Schedule-Tag-Match (RFC 6638 section 8.2).
//!
//! Conditions on the object itself go to the backend, which holds them against the object in the same step that
//! changes it. The If header can speak of other resources, too; it is held against them here, and what it said of the
//! object goes to the backend as well.

use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use mailbox::objects::{Condition, ETag, ObjectEntry, ObjectName, Objects};

use crate::context::Context;
use crate::error::Error;
use crate::place::Place;
use crate::report;
use crate::request::Request;

/// The conditions of a request about an object, for the backend.
pub(crate) async fn of_object<A: Objects>(context: &Context<A>, now: Option<&ObjectEntry>) -> Result<Condition, Error> {
    let request = &context.request;
    let mut condition = Condition {
        if_match: tags(request, &IF_MATCH)?,
        if_none_match: tags(request, &IF_NONE_MATCH)?,
        if_schedule_tag: request.header("if-schedule-tag-match").map(|tag| unquoted(tag).to_owned()),
    };
    if hold_if(context).await? && condition.if_match.is_none() {
        // It was so a moment ago; whether it still is, only the backend can tell.
        match now {
            Some(entry) => condition.if_match = Some(vec![entry.etag.clone()]),
            None => condition.if_none_match = Some(Vec::new()),
        }
    }
    Ok(condition)
}

/// The conditions of a request about something that has no ETag: a collection. It is there.
pub(crate) async fn of_collection<A: Objects>(context: &Context<A>) -> Result<(), Error> {
    let request = &context.request;
    let is_star = |tags: &Vec<ETag>| tags.is_empty();
    let matched = tags(request, &IF_MATCH)?.is_none_or(|tags| is_star(&tags));
    let unmatched = tags(request, &IF_NONE_MATCH)?.is_none_or(|tags| !is_star(&tags));
    if !matched || !unmatched || request.header("if-schedule-tag-match").is_some() {
        return Err(Error::precondition("A collection has no ETag that this could match"));
    }
    hold_if(context).await.map(|_| ())
}

/// The conditions of a GET: `Some(true)` for a 304, `None` where nothing was asked.
pub(crate) fn is_known(request: &Request, etag: &str) -> Result<Option<bool>, Error> {
    if let Some(tags) = tags(request, &IF_MATCH)?
        && !tags.is_empty()
        && !tags.iter().any(|tag| tag.0 == etag)
    {
        return Err(Error::precondition("This has another ETag"));
    }
    // RFC 9110 section 13.1.2: compared weakly.
    let weak = |tag: &ETag| tag.0.strip_prefix(WEAK).unwrap_or(&tag.0) == etag;
    Ok(tags(request, &IF_NONE_MATCH)?.map(|tags| tags.is_empty() || tags.iter().any(weak)))
}

/// The entity tags of a header, all lines of it together; empty for `*`.
fn tags(request: &Request, name: &HeaderName) -> Result<Option<Vec<ETag>>, Error> {
    let mut found = Vec::new();
    let mut any = false;
    for value in request.headers.get_all(name) {
        let value = value.to_str().map_err(|_| Error::bad(format!("{name} cannot be read")))?.trim();
        any = true;
        if value == "*" {
            return Ok(Some(Vec::new()));
        }
        found.extend(list(value));
    }
    if any && found.is_empty() {
        return Err(Error::bad(format!("{name} names no entity tag")));
    }
    Ok(any.then_some(found))
}

/// `1#entity-tag`. A weak one keeps its mark, so that it never matches strongly.
/// Seen from scripts: tags without quotes.
fn list(value: &str) -> Vec<ETag> {
    let mut tags = Vec::new();
    let mut rest = value;
    loop {
        // A bracket is no part of a tag where no If header is read, and would never be passed.
        rest = rest.trim_start_matches([',', ']', ' ', '\t']);
        if rest.is_empty() {
            return tags;
        }
        let (tag, after) = entity_tag(rest);
        tags.push(ETag(tag));
        rest = after;
    }
}

/// One tag from the beginning of a text, and what follows.
fn entity_tag(text: &str) -> (String, &str) {
    let (mark, quoted) = match text.strip_prefix(WEAK) {
        Some(rest) => (WEAK, rest),
        None => ("", text),
    };
    match quoted.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        Some((tag, after)) => (format!("{mark}{tag}"), after),
        None => {
            let end = text.find([',', ']']).unwrap_or(text.len());
            let (tag, after) = text.split_at(end);
            (tag.trim().trim_matches('"').to_owned(), after)
        }
    }
}

fn unquoted(tag: &str) -> &str {
    tag.trim().trim_matches('"')
}

/// `If = "If" ":" ( 1*No-tag-list | 1*Tagged-list )` (RFC 4918 section 10.4.2): one list must hold in all its parts.
#[derive(Debug, PartialEq, Eq)]
struct Alternative {
    /// Of which resource it speaks; the one asked about if it does not say.
    resource: Option<String>,
    claims: Vec<Claim>,
}

#[derive(Debug, PartialEq, Eq)]
struct Claim {
    not: bool,
    what: Claimed,
}

#[derive(Debug, PartialEq, Eq)]
enum Claimed {
    State(String),
    Tag(String),
}

/// Holds the If header against what is there. `true` if it holds and spoke of the entity tag of the resource asked
/// about; 412 if it does not hold.
pub(crate) async fn hold_if<A: Objects>(context: &Context<A>) -> Result<bool, Error> {
    let Some(header) = context.request.headers.get("if") else { return Ok(false) };
    let text = header.to_str().ok().and_then(alternatives).ok_or_else(|| Error::bad("The If header cannot be read"))?;
    for alternative in &text {
        let place = match &alternative.resource {
            Some(href) => Place::of_href(href).ok(),
            None => Some(context.request.place.clone()),
        };
        if holds(context, place.as_ref(), &alternative.claims).await? {
            let is_own = place.as_ref() == Some(&context.request.place);
            let of_tag = |claim: &Claim| !claim.not && matches!(claim.what, Claimed::Tag(_));
            return Ok(is_own && alternative.claims.iter().any(of_tag));
        }
    }
    Err(Error::precondition("What the If header demands does not hold"))
}

async fn holds<A: Objects>(context: &Context<A>, place: Option<&Place>, claims: &[Claim]) -> Result<bool, Error> {
    for claim in claims {
        let is_so = match &claim.what {
            Claimed::Tag(tag) => etag(context, place).await?.is_some_and(|etag| etag.0 == *tag),
            Claimed::State(token) => state(context, place).await?.is_some_and(|state| state == *token),
        };
        if is_so == claim.not {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn etag<A: Objects>(context: &Context<A>, place: Option<&Place>) -> Result<Option<ETag>, Error> {
    let Some(Place::Object { name, .. }) = place else { return Ok(None) };
    let above = place.and_then(Place::collection);
    let Some(collection) = above.and_then(|above| context.facts.collection(&above).cloned()) else { return Ok(None) };
    Ok(context.account.entry(collection.id, &ObjectName(name.clone())).await?.map(|entry| entry.etag))
}

/// Nothing here is ever locked; a collection's state is its sync token (RFC 6578 section 5).
async fn state<A: Objects>(context: &Context<A>, place: Option<&Place>) -> Result<Option<String>, Error> {
    let Some(collection) = place.and_then(|place| context.facts.collection(place)) else { return Ok(None) };
    let token = context.account.sync_token(collection.id).await?;
    Ok(Some(report::sync_token_uri(&collection.id, token)))
}

fn alternatives(text: &str) -> Option<Vec<Alternative>> {
    let mut found = Vec::new();
    let mut resource = None;
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(tagged) = rest.strip_prefix('<') {
            let (href, after) = tagged.split_once('>')?;
            resource = Some(href.to_owned());
            rest = after.trim_start();
            // A tag without a list behind it says nothing.
            if !rest.starts_with('(') {
                return None;
            }
        }
        let (claims, after) = claims(rest.strip_prefix('(')?)?;
        found.push(Alternative { resource: resource.clone(), claims });
        rest = after.trim_start();
    }
    let all: usize = found.iter().map(|one| one.claims.len()).sum();
    (!found.is_empty() && all <= MOST).then_some(found)
}

/// What stands in one pair of parentheses, and what follows it.
fn claims(text: &str) -> Option<(Vec<Claim>, &str)> {
    let mut claims = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix(')') {
            return (!claims.is_empty()).then_some((claims, after));
        }
        let not = rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("not"));
        if not {
            rest = rest.get(3..)?.trim_start();
        }
        let what = if let Some(state) = rest.strip_prefix('<') {
            let (token, after) = state.split_once('>')?;
            rest = after;
            Claimed::State(token.to_owned())
        } else {
            let (tag, after) = entity_tag(rest.strip_prefix('[')?);
            rest = after.trim_start().strip_prefix(']')?;
            Claimed::Tag(tag)
        };
        claims.push(Claim { not, what });
        rest = rest.trim_start();
    }
}

const WEAK: &str = "W/";

/// Claims of all lists together: each is a look at the index.
const MOST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_tags() {
        let tags = |value| list(value).into_iter().map(|tag| tag.0).collect::<Vec<_>>();
        assert_eq!(tags("\"a\""), ["a"]);
        assert_eq!(tags("\"a,b\" , W/\"c\",\"\""), ["a,b", "W/c", ""]);
        assert_eq!(tags("a-1, b"), ["a-1", "b"]);
        assert_eq!(tags(", ,"), [""; 0]);
        assert_eq!(tags("]"), [""; 0]);
        assert_eq!(tags("\"a\"], W/], b]]"), ["a", "W/", "b"]);
    }

    #[test]
    fn the_if_header() {
        let tag = |tag: &str| Claim { not: false, what: Claimed::Tag(tag.to_owned()) };
        let state = |not, token: &str| Claim { not, what: Claimed::State(token.to_owned()) };
        let list = |claims| Alternative { resource: None, claims };
        assert_eq!(
            alternatives("(<urn:x> [\"a\"]) (Not <DAV:no-lock>)"),
            Some(vec![list(vec![state(false, "urn:x"), tag("a")]), list(vec![state(true, "DAV:no-lock")])])
        );
        let tagged = alternatives("<http://h/a> ([\"1\"]) ([\"2\"])<http://h/b>([\"3\"])").unwrap();
        let resources: Vec<_> = tagged.iter().map(|one| one.resource.as_deref().unwrap()).collect();
        assert_eq!(resources, ["http://h/a", "http://h/a", "http://h/b"]);
        for broken in ["", "()", "(", "<http://h/a>", "(x)", "([\"a\"", "([\"a\"]", "(<a)", "(Not)", "\"a\""] {
            assert_eq!(alternatives(broken), None, "{broken}");
        }
        assert!(alternatives(&"([\"a\"])".repeat(MOST)).is_some());
        assert_eq!(alternatives(&"([\"a\"] [\"b\"])".repeat(MOST)), None);
    }
}
