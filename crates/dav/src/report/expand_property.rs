//! expand-property (RFC 3253 section 3.8): properties that hold addresses, with what is at these addresses.

use std::collections::HashSet;
use std::fmt::Write;
use std::pin::Pin;

use http::StatusCode;
use mailbox::objects::Objects;

use crate::context::Context;
use crate::error::{Answer, Error};
use crate::multistatus;
use crate::place::Place;
use crate::property::{self, Asked, Subject};
use crate::resource::Resource;
use crate::xml::{self, DAV, Element, Name};

/// Answers for the resource asked about.
pub(super) async fn run<A: Objects>(context: &Context<A>, root: &Element) -> Answer {
    let resource = context.resource().await?;
    let mut room = MOST;
    let propstats = expanded(context, &resource, root, 0, &mut room).await?;
    let href = context.href(&resource);
    Ok(multistatus::answer(move |mut out| async move {
        out.properties(&href, &propstats).await?;
        Ok(out)
    }))
}

/// The `propstat` elements for what the `property` elements in `wanted` name.
fn expanded<'a, A: Objects>(
    context: &'a Context<A>,
    resource: &'a Resource,
    wanted: &'a Element,
    depth: usize,
    room: &'a mut usize,
) -> Pin<Box<dyn Future<Output = Result<String, Error>> + Send + 'a>> {
    Box::pin(async move {
        *room = room.checked_sub(1).filter(|_| depth < DEEPEST).ok_or_else(too_much)?;
        let names: Vec<(&Element, Element)> = wanted
            .all(DAV, "property")
            .map(|element| Some((element, named(element)?)))
            .collect::<Option<_>>()
            .ok_or_else(nameless)?;
        let mut seen = HashSet::new();
        let names: Vec<_> = names.into_iter().filter(|(_, name)| seen.insert(name.name.clone())).collect();
        let asked = Asked::These(names.iter().map(|(_, name)| name.clone()).collect());
        let token = context.token(resource, &asked).await?;
        let (mut found, mut missing) = (String::new(), String::new());
        for (element, name) in names {
            let subject = Subject { facts: &context.facts, resource, token, text: None, person: None };
            match property::value(&subject, &name) {
                None => property::property(&mut missing, &name.name, ""),
                Some(value) if element.child(DAV, "property").is_none() => {
                    property::property(&mut found, &name.name, &value);
                }
                Some(value) => {
                    let value = followed(context, &value, element, depth, room).await?;
                    property::property(&mut found, &name.name, &value);
                }
            }
        }
        let mut out = String::new();
        if !found.is_empty() || missing.is_empty() {
            property::propstat(&mut out, &found, "200 OK");
        }
        if !missing.is_empty() {
            property::propstat(&mut out, &missing, "404 Not Found");
        }
        Ok(out)
    })
}

/// A value with each `href` replaced by the `response` for what is there.
async fn followed<A: Objects>(
    context: &Context<A>,
    value: &str,
    wanted: &Element,
    depth: usize,
    room: &mut usize,
) -> Result<String, Error> {
    let document = format!("<x{}>{value}</x>", xml::namespaces());
    let value = xml::read(document.as_bytes(), xml::Limits::default())?;
    let mut out = String::new();
    for href in value.all(DAV, "href").map(Element::text) {
        let inner = match there(context, &href).await {
            Ok(resource) => expanded(context, &resource, wanted, depth + 1, room).await?,
            Err(error) if error.status.is_server_error() => return Err(error),
            Err(error) => format!("<D:status>HTTP/1.1 {}</D:status>", multistatus::status(error.status)),
        };
        let _ = write!(out, "<D:response><D:href>{}</D:href>{inner}</D:response>", xml::escape(&href));
        if out.len() > LARGEST {
            return Err(too_much());
        }
    }
    Ok(out)
}

async fn there<A: Objects>(context: &Context<A>, href: &str) -> Result<Resource, Error> {
    context.facts.resolve(&context.account, &Place::of_href(href)?).await
}

/// `<!ATTLIST property name NMTOKEN #REQUIRED namespace NMTOKEN "DAV:">`
fn named(element: &Element) -> Option<Element> {
    let name = element.attribute("name").filter(|name| {
        let word = |char: char| char.is_alphanumeric() || matches!(char, '-' | '_' | '.');
        name.starts_with(|char: char| char.is_alphabetic() || char == '_') && name.chars().all(word)
    })?;
    let name = Name::new(element.attribute("namespace").unwrap_or(DAV), name);
    Some(Element { name, attributes: Vec::new(), children: Vec::new() })
}

fn nameless() -> Error {
    Error::bad("A property to be expanded has no name")
}

fn too_much() -> Error {
    Error::new(StatusCode::FORBIDDEN, "expand-property goes too deep or too far")
}

/// Properties within properties.
const DEEPEST: usize = 6;
/// Octets of an answer, which is whole in memory before it is sent.
const LARGEST: usize = 16 << 20;
/// Resources looked at.
const MOST: usize = 1000;
