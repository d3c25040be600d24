//! Reports about people (RFC 3744 sections 9.2 to 9.5, and Apple's calendarserver-principal-search).

use std::sync::Arc;

use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use mailbox::objects::{Objects, PersonKind};

use super::search;
use crate::Body;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::multistatus;
use crate::place::Place;
use crate::property::{self, Asked, Subject};
use crate::request::MINIMAL;
use crate::resource::{Resource, Who};
use crate::xml::{self, CALDAV, CALENDAR_SERVER, DAV, Element};

/// Somebody who may be meant.
struct Somebody {
    who: Who,
    name: String,
    addresses: Vec<String>,
    kind: PersonKind,
}

/// A property that people are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Name,
    Address,
    Kind,
}

/// What is looked for: a text in any of these properties.
struct Search {
    keys: Vec<Key>,
    text: String,
}

/// principal-property-search (RFC 3744 section 9.4): "the search is a caseless substring match".
pub(super) async fn search<A: Objects>(context: &Context<A>, root: &Element) -> Answer {
    let searches: Vec<Search> = root.all(DAV, "property-search").map(Search::read).collect::<Result<_, _>>()?;
    if searches.is_empty() {
        return Err(Error::bad("principal-property-search says what to search for in property-search"));
    }
    // An extension of Apple's, as is the limit: RFC 3744 knows "all of" only.
    let any = root.attribute("test") == Some("anyof");
    found(context, root, searches, any, root.child(DAV, "limit"), None).await
}

/// calendarserver-principal-search: words that all occur in the name or in an address.
pub(super) async fn calendar_server_search<A: Objects>(context: &Context<A>, root: &Element) -> Answer {
    let words = root.all(CALENDAR_SERVER, "search-token").map(|word| word.text().to_lowercase());
    let searches: Vec<Search> = words
        .filter(|word| !word.is_empty())
        .map(|text| Search { keys: vec![Key::Name, Key::Address], text })
        .collect();
    if searches.is_empty() {
        return Err(Error::bad("calendarserver-principal-search says what to search for in search-token"));
    }
    let places = root.attribute("context").map(|context| matches!(context, "location" | "resource"));
    let limit = root.child(CALENDAR_SERVER, "limit");
    found(context, root, searches, false, limit, places).await
}

/// principal-match (RFC 3744 section 9.3): the principal of the user, or what names it in a property.
pub(super) async fn matching<A: Objects>(context: &Context<A>, root: &Element) -> Answer {
    let asked = Asked::of(root).unwrap_or(Asked::These(Vec::new()));
    let here = context.resource().await?;
    let me = Place::Principal { user: context.facts.user().to_owned() };
    let found = if root.child(DAV, "self").is_some() {
        match here {
            Resource::Principals | Resource::Root | Resource::Principal(Who::Me) => vec![Resource::Principal(Who::Me)],
            _ => Vec::new(),
        }
    } else {
        let property = root.child(DAV, "principal-property").and_then(|element| element.elements().next());
        let property = property.ok_or_else(|| Error::bad("principal-match asks for self or a principal-property"))?;
        let names_me = |resource: &Resource| {
            let subject = Subject { facts: &context.facts, resource, token: None, text: None, person: None };
            let value = property::value(&subject, property).unwrap_or_default();
            let document = format!("<x{}>{value}</x>", xml::namespaces());
            let value = xml::read(document.as_bytes(), xml::Limits::default());
            value.is_ok_and(|value| value.all(DAV, "href").any(|href| Place::of_href(&href.text()).as_ref() == Ok(&me)))
        };
        members(context, &here).into_iter().filter(names_me).collect()
    };
    let mut told = Vec::new();
    for resource in found {
        let token = context.token(&resource, &asked).await?;
        told.push((context.href(&resource), context.propstats(&resource, token, None, &asked)));
    }
    Ok(all(told, false, context.request.path.clone()))
}

/// acl-principal-prop-set (RFC 3744 section 9.2): whoever the access control list names, which is the user.
pub(super) async fn of_acl<A: Objects>(context: &Context<A>, root: &Element) -> Answer {
    context.resource().await?;
    let asked = Asked::of(root).unwrap_or(Asked::These(Vec::new()));
    let me = Resource::Principal(Who::Me);
    let told = (context.href(&me), context.propstats(&me, None, None, &asked));
    Ok(all(vec![told], false, context.request.path.clone()))
}

/// principal-search-property-set (RFC 3744 section 9.5).
pub(super) fn searchable() -> Answer {
    let mut document =
        format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:principal-search-property-set{}>", xml::namespaces());
    for (namespace, name, _, description) in KEYS {
        let Some(name) = xml::prefixed(namespace, name) else { continue };
        document.push_str(&format!(
            "<D:principal-search-property><D:prop><{name}/></D:prop>\
             <D:description xml:lang=\"en\">{description}</D:description></D:principal-search-property>"
        ));
    }
    document.push_str("</D:principal-search-property-set>\n");
    let mut response = Response::new(Body::whole(document));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=utf-8"));
    Ok(response)
}

impl Search {
    /// `<!ELEMENT property-search (prop, match)>`
    fn read(element: &Element) -> Result<Self, Error> {
        let prop = element.child(DAV, "prop").ok_or_else(|| Error::bad("A property-search has no prop"))?;
        let text = element.child(DAV, "match").ok_or_else(|| Error::bad("A property-search has no match"))?;
        let key = |element: &Element| KEYS.iter().find(|(namespace, name, ..)| element.is(namespace, name));
        // A property nobody is found by matches nobody (RFC 3744 section 9.4).
        let keys = prop.elements().filter_map(key).map(|(_, _, key, _)| *key).collect();
        let text = text.text().to_lowercase();
        Ok(Self { keys, text: text.strip_prefix("mailto:").unwrap_or(&text).to_owned() })
    }

    fn holds(&self, somebody: &Somebody) -> bool {
        self.keys.iter().any(|key| match key {
            Key::Name => somebody.name.to_lowercase().contains(&self.text),
            Key::Address => somebody.addresses.iter().any(|address| address.to_lowercase().contains(&self.text)),
            Key::Kind => property::kind_name(somebody.kind).to_lowercase().contains(&self.text),
        })
    }
}

/// Asks the directory, and tells of those that match.
async fn found<A: Objects>(
    context: &Context<A>,
    root: &Element,
    searches: Vec<Search>,
    any: bool,
    limit: Option<&Element>,
    places: Option<bool>,
) -> Answer {
    let number = limit.and_then(|limit| limit.elements().find(|child| child.name.local == "nresults"));
    let limit: usize = number.and_then(|number| number.text().parse().ok()).unwrap_or(MOST).min(MOST);
    let asked = Asked::of(root).unwrap_or(Asked::These(Vec::new()));
    let matches = |somebody: &Somebody| {
        let is_place = matches!(somebody.kind, PersonKind::Room | PersonKind::Resource);
        let kind = places.is_none_or(|places| places == is_place);
        let mut all = searches.iter().map(|search| search.holds(somebody));
        kind && if any { all.any(|holds| holds) } else { all.all(|holds| holds) }
    };
    let everybody = candidates(context, &searches, any).await?;
    let mut found: Vec<Somebody> = everybody.into_iter().filter(matches).collect();
    let cut = found.len() > limit;
    found.truncate(limit);
    let told = found.into_iter().map(|somebody| told(context, somebody, &asked)).collect();
    Ok(all(told, cut, context.request.path.clone()))
}

/// The user, those who let the user in, and whom the directory finds by what is looked for.
async fn candidates<A: Objects>(context: &Context<A>, searches: &[Search], any: bool) -> Result<Vec<Somebody>, Error> {
    let principal = &context.facts.principal;
    let mut all = vec![Somebody {
        who: Who::Me,
        name: principal.display_name.clone(),
        addresses: principal.addresses.clone(),
        kind: PersonKind::Individual,
    }];
    for who in context.facts.others() {
        let Who::Other { address, name } = &who else { continue };
        let (name, addresses) = (name.clone(), vec![address.clone()]);
        all.push(Somebody { who, name, addresses, kind: PersonKind::Individual });
    }
    // Where all must hold, one question finds everybody; the longest text finds the fewest.
    let mut words: Vec<&str> =
        searches.iter().map(|search| search.text.trim()).filter(|text| !text.is_empty()).collect();
    words.sort_by_key(|text| std::cmp::Reverse(text.len()));
    words.truncate(if any { MOST_WORDS } else { 1 });
    for text in words {
        for person in context.account.find_people(text, MOST).await? {
            let is = |somebody: &Somebody| {
                somebody.addresses.iter().any(|address| address.eq_ignore_ascii_case(&person.address))
            };
            match all.iter_mut().find(|somebody| is(somebody)) {
                Some(known) => known.kind = person.kind,
                None => all.push(Somebody {
                    who: Who::Other { address: person.address.clone(), name: person.display_name.clone() },
                    name: person.display_name,
                    addresses: vec![person.address],
                    kind: person.kind,
                }),
            }
        }
    }
    Ok(all)
}

/// The href of somebody, and the properties asked for.
fn told<A: Objects>(context: &Context<A>, somebody: Somebody, asked: &Asked) -> (String, String) {
    let resource = Resource::Principal(somebody.who);
    let person = Some(somebody.kind);
    let subject = Subject { facts: &context.facts, resource: &resource, token: None, text: None, person };
    (context.href(&resource), property::propstats(&subject, asked, context.request.prefers(MINIMAL)))
}

fn all(told: Vec<(String, String)>, cut: bool, path: String) -> Response<Body> {
    multistatus::answer(move |mut out| async move {
        for (href, propstats) in told {
            out.properties(&href, &propstats).await?;
        }
        if cut {
            out.error(&path, &search::too_many()).await?;
        }
        Ok(out)
    })
}

/// A resource's members that need not be asked for.
fn members<A: Objects>(context: &Context<A>, resource: &Resource) -> Vec<Resource> {
    let facts = &context.facts;
    match resource {
        Resource::Principals => [Who::Me].into_iter().chain(facts.others()).map(Resource::Principal).collect(),
        Resource::Home(family, who) => {
            facts.of_home(*family, who).map(|collection| Resource::Collection(Arc::new(collection.clone()))).collect()
        }
        Resource::Homes(family) => [Who::Me].into_iter().map(|who| Resource::Home(*family, who)).collect(),
        _ => vec![resource.clone()],
    }
}

/// What people are found by.
const KEYS: [(&str, &str, Key, &str); 4] = [
    (DAV, "displayname", Key::Name, "Name"),
    (CALDAV, "calendar-user-address-set", Key::Address, "Address for invitations"),
    (CALENDAR_SERVER, "email-address-set", Key::Address, "E-mail address"),
    (CALDAV, "calendar-user-type", Key::Kind, "Person, group, room or resource"),
];

/// People told of at once.
const MOST: usize = 100;
/// Questions to the directory for one report.
const MOST_WORDS: usize = 4;
