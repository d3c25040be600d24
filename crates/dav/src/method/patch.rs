//! PROPPATCH (RFC 4918 section 9.2): all of it or nothing.

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use mailbox::objects::{CollectionChange, DeadProperty, Objects};

use super::empty;
use crate::condition;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::multistatus;
use crate::property::{self, Writing};
use crate::request::MINIMAL;
use crate::resource::{Kinds, Resource};
use crate::xml::{self, CALDAV, DAV, Element, Name};

/// Changes properties of a collection; of nothing else can any be changed.
pub(super) async fn run<A: Objects>(context: &Context<A>) -> Answer {
    let root = context.request.xml()?.filter(|root| root.is(DAV, "propertyupdate"));
    let root = root.ok_or_else(|| Error::bad("The body of a PROPPATCH is a DAV:propertyupdate"))?;
    let resource = context.resource().await?;
    let kind = Kinds::of(&resource);
    let mut changes = Changes::default();
    for step in root.elements() {
        let is_set = step.is(DAV, "set");
        if !is_set && !step.is(DAV, "remove") {
            continue;
        }
        for prop in step.all(DAV, "prop").flat_map(Element::elements) {
            if is_set {
                changes.set(prop, kind)
            } else {
                changes.remove(&prop.name, kind)
            }
            changes.count()?;
        }
    }
    if changes.all.is_empty() {
        return Err(Error::bad("The propertyupdate changes nothing"));
    }
    let mut refusal = None;
    if !changes.failed() {
        match &resource {
            Resource::Collection(collection) => {
                condition::of_collection(context).await?;
                refusal = match changes.is_too_much(&collection.dead) {
                    true => Some(too_large("All properties of a collection together are too large to be kept")),
                    false => {
                        context.account.change_collection(collection.id, &changes.change).await.err().map(Error::from)
                    }
                };
            }
            _ => refusal = Some(Error::new(StatusCode::FORBIDDEN, "Properties can only be set on collections")),
        }
    }
    if refusal.is_none() && !changes.failed() && context.request.prefers(MINIMAL) {
        // RFC 8144 section 2.1: that all went well needs no words.
        let mut response = empty(StatusCode::OK);
        let applied = HeaderValue::from_static(MINIMAL);
        response.headers_mut().insert(HeaderName::from_static("preference-applied"), applied);
        return Ok(response);
    }
    let (href, propstats) = (context.href(&resource), changes.propstats(refusal.as_ref()));
    Ok(multistatus::answer(move |mut out| async move {
        out.properties(&href, &propstats).await?;
        Ok(out)
    }))
}

/// Changes of properties, gathered and judged one by one.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// What is to be done if none of them is refused.
    pub(super) change: CollectionChange,
    /// Each with the reason why not, if there is one.
    all: Vec<(Name, Option<Error>)>,
}

impl Changes {
    /// One is to be set.
    pub(super) fn set(&mut self, prop: &Element, kind: Kinds) {
        let judged = self.try_set(prop, kind);
        self.all.push((prop.name.clone(), judged.err()));
    }

    fn try_set(&mut self, prop: &Element, kind: Kinds) -> Result<(), Error> {
        match property::writing(&prop.name, kind) {
            Some(Writing::Protected) => return Err(protected()),
            Some(Writing::DisplayName) if Kinds::NAMED.has(kind) => {
                let name = prop.text();
                if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
                    return Err(Error::new(StatusCode::CONFLICT, "This cannot be a name"));
                }
                self.change.display_name = Some(name);
                return Ok(());
            }
            Some(Writing::DisplayName) => return Err(protected()),
            Some(Writing::Kept) => look_at(prop)?,
            None if is_ours(&prop.name) => return Err(protected()),
            None => {}
        }
        let dead = DeadProperty {
            namespace: prop.name.namespace.clone(),
            name: prop.name.local.clone(),
            xml: xml::inner(prop),
        };
        if dead.xml.len() > LONGEST_VALUE {
            return Err(too_large("This property is too large to be kept"));
        }
        // RFC 4918 section 9.2: in order, so that the last one counts.
        self.forget(&prop.name);
        self.change.set.push(dead);
        Ok(())
    }

    /// One is to go.
    fn remove(&mut self, name: &Name, kind: Kinds) {
        let refused = match property::writing(name, kind) {
            Some(Writing::Protected | Writing::DisplayName) => Some(protected()),
            Some(Writing::Kept) | None => None,
        };
        if refused.is_none() {
            self.forget(name);
            self.change.remove.push((name.namespace.clone(), name.local.clone()));
        }
        self.all.push((name.clone(), refused));
    }

    /// An error as soon as there are too many of them: each is compared with all others.
    pub(super) fn count(&self) -> Result<(), Error> {
        if self.all.len() > MOST { Err(Error::bad("These are too many properties at once")) } else { Ok(()) }
    }

    fn forget(&mut self, name: &Name) {
        self.change.set.retain(|dead| !name.is(&dead.namespace, &dead.name));
        self.change.remove.retain(|(namespace, local)| !name.is(namespace, local));
    }

    /// True if a collection that has these properties would have too much to keep: they are read with each listing.
    pub(super) fn is_too_much(&self, before: &[DeadProperty]) -> bool {
        let replaced = |old: &DeadProperty| {
            let is = |namespace: &str, name: &str| old.namespace == namespace && old.name == name;
            self.change.set.iter().any(|new| is(&new.namespace, &new.name))
                || self.change.remove.iter().any(|(namespace, name)| is(namespace, name))
        };
        let left = before.iter().filter(|old| !replaced(old)).chain(&self.change.set);
        let (mut count, mut octets) = (0, 0);
        for one in left {
            count += 1;
            octets += one.namespace.len() + one.name.len() + one.xml.len();
        }
        !self.change.set.is_empty() && (count > MOST || octets > LARGEST_SUM)
    }

    /// True if one was refused, and so all are.
    pub(super) fn failed(&self) -> bool {
        self.all.iter().any(|(_, refused)| refused.is_some())
    }

    /// What came of each. `refusal` is why the backend did not do it, if all were fine.
    pub(super) fn propstats(&self, refusal: Option<&Error>) -> String {
        let mut out = String::new();
        let mut fine = String::new();
        for (name, refused) in &self.all {
            match refused.as_ref().or(refusal) {
                None => property::property(&mut fine, name, ""),
                Some(error) => {
                    let mut one = String::new();
                    property::property(&mut one, name, "");
                    let status = multistatus::status(error.status);
                    property::propstat_with(&mut out, &one, &status, &error.xml());
                }
            }
        }
        if !fine.is_empty() {
            let status = if self.failed() { "424 Failed Dependency" } else { "200 OK" };
            property::propstat(&mut out, &fine, status);
        }
        out
    }
}

/// RFC 4791 sections 5.2.2, RFC 6638 section 9.1: what these may hold.
fn look_at(prop: &Element) -> Result<(), Error> {
    if prop.is(CALDAV, "calendar-timezone") {
        let is_zone = pim::parse(&prop.text()).is_ok_and(|parsed| {
            let [calendar] = parsed.as_slice() else { return false };
            calendar.is("VCALENDAR") && calendar.components("VTIMEZONE").count() == 1
        });
        if !is_zone {
            return Err(Error::forbidden("C:valid-calendar-data", "This is to be a VCALENDAR with one VTIMEZONE"));
        }
    }
    if prop.is(CALDAV, "schedule-calendar-transp") {
        let mut elements = prop.elements();
        let known = |element: &Element| element.is(CALDAV, "opaque") || element.is(CALDAV, "transparent");
        if !elements.next().is_some_and(known) || elements.next().is_some() {
            return Err(Error::new(StatusCode::CONFLICT, "This is opaque or transparent"));
        }
    }
    Ok(())
}

/// `DAV:` is the standards' own: what is not live there cannot become something else.
fn is_ours(name: &Name) -> bool {
    name.namespace == DAV && !name.is(DAV, "displayname") && property::is_live(DAV, &name.local)
}

fn protected() -> Error {
    Error::forbidden("D:cannot-modify-protected-property", "This property cannot be set")
}

fn too_large(sentence: &str) -> Error {
    Error::new(StatusCode::INSUFFICIENT_STORAGE, sentence)
}

const LONGEST_NAME: usize = 255;
const LONGEST_VALUE: usize = 128 << 10;
/// Properties changed at once, and kept with one collection.
const MOST: usize = 500;
/// Octets of all that one collection keeps.
const LARGEST_SUM: usize = 512 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_collection_keeps_has_an_end() {
        let dead = |name: &str, size| DeadProperty {
            namespace: "urn:x".to_owned(),
            name: name.to_owned(),
            xml: "x".repeat(size),
        };
        let before: Vec<_> = ["a", "b", "c", "d"].map(|name| dead(name, 127 << 10)).into();
        let setting = |name, size| {
            let change = CollectionChange { set: vec![dead(name, size)], ..CollectionChange::default() };
            Changes { change, all: Vec::new() }
        };
        assert!(!setting("e", 10).is_too_much(&before), "there is room left");
        assert!(setting("e", 5 << 10).is_too_much(&before));
        assert!(!setting("a", 128 << 10).is_too_much(&before), "it takes another's place");
        let mut instead = setting("e", 100 << 10);
        instead.remove(&Name::new("urn:x", "d"), Kinds::CALENDAR);
        assert!(!instead.is_too_much(&before));
        let many: Vec<_> = (0..MOST).map(|number| dead(&format!("a{number}"), 1)).collect();
        assert!(setting("e", 1).is_too_much(&many) && !setting("a0", 1).is_too_much(&many));
    }

    #[test]
    fn what_is_changed_at_once_has_an_end() {
        let mut changes = Changes::default();
        for number in 0..=MOST {
            changes.count().unwrap();
            changes.set(&Element::new("urn:x", &format!("a{number}")), Kinds::CALENDAR);
        }
        assert!(changes.count().is_err());
    }
}
