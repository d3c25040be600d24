//! A request as a small tree.

use quick_xml::{
    NsReader,
    events::{BytesStart, Event},
    name::{Namespace, ResolveResult},
};

/// The namespaces a request may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ns {
    /// SOAP 1.1 envelope.
    Soap,
    /// EWS messages, usually `m:`.
    Messages,
    /// EWS types, usually `t:`.
    Types,
    /// Autodiscover over SOAP.
    Autodiscover,
    /// Requests of Autodiscover as plain XML.
    Pox,
    /// Any other, or none.
    Other,
}

impl Ns {
    /// The URI; empty for [`Ns::Other`].
    pub(crate) fn uri(self) -> &'static str {
        NAMESPACES.iter().find(|(ns, _)| *ns == self).map_or("", |(_, uri)| *uri)
    }
}

const NAMESPACES: &[(Ns, &str)] = &[
    (Ns::Soap, "http://schemas.xmlsoap.org/soap/envelope/"),
    (Ns::Messages, "http://schemas.microsoft.com/exchange/services/2006/messages"),
    (Ns::Types, "http://schemas.microsoft.com/exchange/services/2006/types"),
    (Ns::Autodiscover, "http://schemas.microsoft.com/exchange/2010/Autodiscover"),
    (Ns::Pox, "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"),
];

/// An element with what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) ns: Ns,
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
    /// All text directly inside.
    pub(crate) text: String,
    /// Offset in the request, for faults.
    pub(crate) at: usize,
}

impl Element {
    /// An element of the types namespace that no request brought.
    pub(crate) fn new(name: &str, text: impl Into<String>) -> Element {
        Element {
            ns: Ns::Types,
            name: name.to_owned(),
            attributes: Vec::new(),
            children: Vec::new(),
            text: text.into(),
            at: 0,
        }
    }

    /// The same with children.
    pub(crate) fn holding(name: &str, children: Vec<Element>) -> Element {
        Element { children, ..Element::new(name, "") }
    }

    /// The same with one more attribute.
    pub(crate) fn with(mut self, attribute: &str, value: impl Into<String>) -> Element {
        self.attributes.push((attribute.to_owned(), value.into()));
        self
    }

    /// The first child of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of that name, without blanks around it.
    pub(crate) fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim())
    }

    /// The children of the child of that name.
    pub(crate) fn list(&self, name: &str) -> &[Element] {
        self.child(name).map_or(&[], |child| &child.children)
    }

    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the text, or that of a child, is true.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        matches!(self.child_text(name), Some("true" | "1"))
    }
}

/// Reads a document. The error says what is wrong and at which offset.
pub(crate) fn read(document: &str) -> Result<Element, (usize, String)> {
    let mut reader = NsReader::from_str(document);
    let mut open: Vec<Element> = Vec::new();
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let (ns, event) = reader.read_resolved_event().map_err(|error| (at, error.to_string()))?;
        let ns = namespace(&ns);
        let done = match event {
            Event::Start(start) => {
                if open.len() >= MAX_DEPTH {
                    return Err((at, "the document is nested too deeply".to_owned()));
                }
                open.push(element(ns, &start, at)?);
                None
            }
            Event::Empty(start) => Some(element(ns, &start, at)?),
            Event::End(_) => open.pop(),
            Event::Text(text) => {
                push(&mut open, &text.xml10_content());
                None
            }
            Event::CData(text) => {
                push(&mut open, &text.xml10_content());
                None
            }
            Event::GeneralRef(reference) => {
                let known = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character.to_string(),
                    Ok(None) => entity(&reference.xml10_content()).map(str::to_owned).unwrap_or_default(),
                    Err(error) => return Err((at, error.to_string())),
                };
                if known.is_empty() {
                    return Err((at, "reference to undeclared entity".to_owned()));
                }
                push(&mut open, &known);
                None
            }
            Event::DocType(_) => return Err((at, "a document type definition is not allowed".to_owned())),
            Event::Eof => return Err((at, "the document ends too early".to_owned())),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => None,
        };
        let Some(done) = done else { continue };
        match open.last_mut() {
            Some(parent) => parent.children.push(done),
            None => return Ok(done),
        }
    }
}

fn namespace(resolved: &ResolveResult<'_>) -> Ns {
    match resolved {
        ResolveResult::Bound(Namespace(uri)) => {
            NAMESPACES.iter().find(|(_, known)| known == uri).map_or(Ns::Other, |(ns, _)| *ns)
        }
        _ => Ns::Other,
    }
}

fn element(ns: Ns, start: &BytesStart<'_>, at: usize) -> Result<Element, (usize, String)> {
    let name = start.local_name().as_ref().to_owned();
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| (at, error.to_string()))?;
        // Prefixed attributes are xmlns:…, xsi:… or SOAP's: none is part of EWS.
        if attribute.key.prefix().is_some() || attribute.key.as_ref() == "xmlns" {
            continue;
        }
        let value =
            attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|error| (at, error.to_string()))?;
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(Element { ns, name, attributes, children: Vec::new(), text: String::new(), at })
}

fn push(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn entity(name: &str) -> Option<&'static str> {
    match name {
        "amp" => Some("&"),
        "lt" => Some("<"),
        "gt" => Some(">"),
        "quot" => Some("\""),
        "apos" => Some("'"),
        _ => None,
    }
}

const MAX_DEPTH: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_attributes_and_namespaces_are_read() {
        let document = r#"<?xml version="1.0"?><a:E xmlns:a="http://schemas.xmlsoap.org/soap/envelope/">
            <x xmlns="http://schemas.microsoft.com/exchange/services/2006/types" Id="a&amp;&#x41;">&lt;b&gt;<![CDATA[&]]></x></a:E>"#;
        let root = read(document).unwrap();
        assert_eq!((root.ns, root.name.as_str()), (Ns::Soap, "E"));
        let child = root.child("x").unwrap();
        assert_eq!((child.ns, child.text.as_str(), child.attribute("Id")), (Ns::Types, "<b>&", Some("a&A")));
    }

    #[test]
    fn broken_documents_are_refused() {
        for document in ["", "<a>", "<a></b>", "<a>&nbsp;</a>", "<!DOCTYPE a><a/>", "text", "<a b=c/>"] {
            assert!(read(document).is_err(), "{document}");
        }
        assert!(read(&"<a>".repeat(100_000)).is_err());
    }
}
