//! DAV-XML as values: a reader that is hard to hurt, and what is needed to write.
//!
//! Requests are small trees. There are no DTDs and no entities but the five of XML itself; depth, size and number of
//! elements are bounded before anything is built. Names are resolved: prefixes are the client's own business.

mod read;
mod write;

pub use read::{Limits, Malformed, read};
pub use write::{attribute_into, escape, escape_into, inner, namespaces, open, prefixed};

/// `DAV:` (RFC 4918).
pub const DAV: &str = "DAV:";
/// CalDAV (RFC 4791, 6638).
pub const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
/// CardDAV (RFC 6352).
pub const CARDDAV: &str = "urn:ietf:params:xml:ns:carddav";
/// Apple's Calendar Server: getctag, proxies.
pub const CALENDAR_SERVER: &str = "http://calendarserver.org/ns/";
/// Apple's calendar application: colour, order.
pub const APPLE: &str = "http://apple.com/ns/ical/";

/// What the prefix `xml` is bound to (Namespaces in XML 1.0 section 3).
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// An element's or attribute's name with its namespace, empty where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The namespace.
    pub namespace: String,
    /// The local name.
    pub local: String,
}

impl Name {
    /// A name in a namespace.
    #[must_use]
    pub fn new(namespace: &str, local: &str) -> Self {
        Self { namespace: namespace.to_owned(), local: local.to_owned() }
    }

    /// True if it is this one.
    #[must_use]
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.local == local && self.namespace == namespace
    }
}

/// An element and all that is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// What it is called.
    pub name: Name,
    /// Its attributes, namespace declarations left out.
    pub attributes: Vec<(Name, String)>,
    /// What stands in it.
    pub children: Vec<Node>,
}

/// What stands in an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text, with its references resolved.
    Text(String),
}

impl Element {
    /// An element without content.
    #[must_use]
    pub fn new(namespace: &str, local: &str) -> Self {
        Self { name: Name::new(namespace, local), attributes: Vec::new(), children: Vec::new() }
    }

    /// True if it is called so.
    #[must_use]
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.name.is(namespace, local)
    }

    /// The elements in it.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first element of that name in it.
    #[must_use]
    pub fn child(&self, namespace: &str, local: &str) -> Option<&Element> {
        self.elements().find(|element| element.is(namespace, local))
    }

    /// The elements of that name in it.
    pub fn all<'a>(&'a self, namespace: &'a str, local: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements().filter(move |element| element.is(namespace, local))
    }

    /// The value of an attribute without namespace.
    #[must_use]
    pub fn attribute(&self, local: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name.is("", local)).map(|(_, value)| value.as_str())
    }

    /// The text that stands directly in it, white space at both ends cut off.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for node in &self.children {
            if let Node::Text(piece) = node {
                text.push_str(piece);
            }
        }
        text.trim().to_owned()
    }
}
