//! From bytes to a tree.

use std::fmt;

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{NamespaceResolver, PrefixDeclaration, ResolveResult};

use super::{Element, Name, Node, XML};

/// What a document may not exceed. Its length is the caller's to bound.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Elements within elements.
    pub depth: usize,
    /// Elements, attributes and pieces of text in all.
    pub nodes: usize,
    /// Attributes of one element.
    pub attributes: usize,
    /// Octets of a namespace: each name in it has a copy.
    pub namespace: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64, nodes: 200_000, attributes: 64, namespace: 255 }
    }
}

/// Why a document cannot be read, as a sentence for whoever wrote the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// Reads one document: its root element.
///
/// # Errors
/// It is not well-formed, not UTF-8, has a document type or an entity of its own, or exceeds the limits.
pub fn read(document: &[u8], limits: Limits) -> Result<Element, Malformed> {
    let text = std::str::from_utf8(document).map_err(|_| malformed("The XML is not UTF-8"))?;
    if text.contains(|char| !is_allowed(char)) {
        return Err(malformed("The XML has a character that XML forbids"));
    }
    let mut reader = NsReader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    reader.config_mut().expand_empty_elements = true;
    let mut tree = Tree { limits, nodes: 0, open: Vec::new(), root: None };
    loop {
        let event = reader.read_event().map_err(|error| malformed(format!("The XML is not well-formed: {error}")))?;
        match event {
            Event::Start(start) => tree.open(element(&start, reader.resolver(), limits)?)?,
            Event::End(_) => tree.close(),
            Event::Text(piece) => tree.text(&piece.xml10_content())?,
            Event::CData(piece) => tree.text(&piece.xml10_content())?,
            Event::GeneralRef(reference) => tree.text(&referred(&reference)?)?,
            Event::Decl(declaration) => match declaration.encoding() {
                Some(Ok(encoding)) if !is_utf8(&encoding) => return Err(malformed("The XML must be in UTF-8")),
                Some(Err(_)) => return Err(malformed("The XML declaration cannot be read")),
                _ => {}
            },
            // RFC 4918 section 20.6 allows to refuse what could pull in other things or grow without end.
            Event::DocType(_) => return Err(malformed("A document type is not accepted here")),
            Event::Empty(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return tree.done(),
        }
    }
}

/// What is open, from the root on.
struct Tree {
    limits: Limits,
    nodes: usize,
    open: Vec<Element>,
    root: Option<Element>,
}

impl Tree {
    fn count(&mut self, nodes: usize) -> Result<(), Malformed> {
        self.nodes += nodes;
        if self.nodes > self.limits.nodes { Err(malformed("The XML has too many elements")) } else { Ok(()) }
    }

    fn open(&mut self, element: Element) -> Result<(), Malformed> {
        self.count(1 + element.attributes.len())?;
        if self.open.len() >= self.limits.depth {
            return Err(malformed("The XML is nested too deep"));
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(malformed("The XML has more than one root element"));
        }
        self.open.push(element);
        Ok(())
    }

    fn close(&mut self) {
        // The reader has checked that ends belong to beginnings.
        let Some(done) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(done)),
            None => self.root = Some(done),
        }
    }

    fn text(&mut self, piece: &str) -> Result<(), Malformed> {
        if piece.contains(|char| !is_allowed(char)) {
            return Err(malformed("The XML has a character that XML forbids"));
        }
        let Some(parent) = self.open.last_mut() else {
            return if piece.trim().is_empty() { Ok(()) } else { Err(malformed("The XML has text outside its root")) };
        };
        if let Some(Node::Text(before)) = parent.children.last_mut() {
            before.push_str(piece);
            return Ok(());
        }
        parent.children.push(Node::Text(piece.to_owned()));
        self.count(1)
    }

    fn done(self) -> Result<Element, Malformed> {
        if !self.open.is_empty() {
            return Err(malformed("The XML ends before its root element does"));
        }
        self.root.ok_or_else(|| malformed("There is no XML element"))
    }
}

fn element(start: &BytesStart<'_>, resolver: &NamespaceResolver, limits: Limits) -> Result<Element, Malformed> {
    let (namespace, local) = resolver.resolve_element(start.name());
    let name = Name { namespace: bound(namespace, limits)?, local: local.into_inner().to_owned() };
    // No prefix but xml can be bound to the namespace of xml:lang, and so nothing in it could be written again.
    if !is_name(&name.local) || name.namespace == XML {
        return Err(malformed("The XML has an element without a proper name"));
    }
    let mut attributes: Vec<(Name, String)> = Vec::new();
    for (count, attribute) in start.attributes().with_checks(false).enumerate() {
        if count >= limits.attributes {
            return Err(malformed("The XML has an element with too many attributes"));
        }
        let attribute = attribute.map_err(|error| malformed(format!("The XML has a broken attribute: {error}")))?;
        match attribute.key.as_namespace_binding() {
            // Namespaces in XML 1.0, section 2.2: a prefix cannot be bound to nothing.
            Some(PrefixDeclaration::Named(_)) if attribute.value.is_empty() => {
                return Err(malformed("The XML binds a prefix to no namespace"));
            }
            Some(_) => continue,
            None => {}
        }
        let (namespace, local) = resolver.resolve_attribute(attribute.key);
        let name = Name { namespace: bound(namespace, limits)?, local: local.into_inner().to_owned() };
        if !is_name(&name.local) {
            return Err(malformed("The XML has an attribute without a proper name"));
        }
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|error| malformed(format!("The XML has a broken attribute: {error}")))?;
        if value.contains(|char| !is_allowed(char)) {
            return Err(malformed("The XML has a character that XML forbids"));
        }
        if attributes.iter().any(|(other, _)| *other == name) {
            return Err(malformed("The XML has an attribute twice"));
        }
        attributes.push((name, value.into_owned()));
    }
    Ok(Element { name, attributes, children: Vec::new() })
}

fn bound(namespace: ResolveResult<'_>, limits: Limits) -> Result<String, Malformed> {
    match namespace {
        ResolveResult::Bound(namespace) if namespace.0.len() > limits.namespace => Err(too_long()),
        ResolveResult::Bound(namespace) => {
            let resolved = quick_xml::escape::unescape(namespace.0);
            let resolved = resolved.map_err(|_| malformed("The XML has a namespace that cannot be read"))?;
            if resolved.contains(|char| !is_allowed(char)) {
                return Err(malformed("The XML has a character that XML forbids"));
            }
            // As it will be written: what is kept must be read again within the same limit.
            let mut written = String::new();
            super::attribute_into(&mut written, &resolved);
            if written.len() > limits.namespace {
                return Err(too_long());
            }
            Ok(resolved.into_owned())
        }
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(_) => Err(malformed("The XML uses a prefix that it does not declare")),
    }
}

fn too_long() -> Malformed {
    malformed("The XML has a namespace that is too long")
}

/// A character reference, or one of the five entities every document has.
fn referred(reference: &quick_xml::events::BytesRef<'_>) -> Result<String, Malformed> {
    let unknown = || malformed("The XML refers to an entity that is not accepted here");
    if let Some(char) = reference.resolve_char_ref().map_err(|_| malformed("The XML has a broken reference"))? {
        return Ok(char.to_string());
    }
    let name = reference.xml10_content();
    quick_xml::escape::resolve_xml_entity(&name).map(str::to_owned).ok_or_else(unknown)
}

/// `NCName` of Namespaces in XML 1.0 section 3, and whatever is not ASCII: names are written again as they came.
fn is_name(name: &str) -> bool {
    let begins = |char: char| char.is_ascii_alphabetic() || char == '_' || !char.is_ascii();
    name.starts_with(begins) && name.chars().all(|char| begins(char) || char.is_ascii_digit() || "-.".contains(char))
}

/// `Char` of XML 1.0 section 2.2.
fn is_allowed(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn is_utf8(encoding: &str) -> bool {
    ["utf-8", "utf8", "us-ascii"].iter().any(|name| encoding.eq_ignore_ascii_case(name))
}

fn malformed(sentence: impl Into<String>) -> Malformed {
    Malformed(sentence.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{CALDAV, DAV, inner};

    fn good(text: &str) -> Element {
        read(text.as_bytes(), Limits::default()).unwrap()
    }

    fn bad(text: &str) -> String {
        read(text.as_bytes(), Limits::default()).unwrap_err().0
    }

    #[test]
    fn prefixes_are_the_clients_own_business() {
        for text in [
            "<D:propfind xmlns:D='DAV:'><D:prop><C:x xmlns:C='urn:ietf:params:xml:ns:caldav'/></D:prop></D:propfind>",
            "<propfind xmlns='DAV:'><prop><x xmlns='urn:ietf:params:xml:ns:caldav'></x></prop></propfind>",
            "\u{feff}<?xml version='1.0' encoding='UTF-8'?>\n<a:propfind xmlns:a='DAV:' xmlns:b='urn:ietf:params:xml:ns:caldav'>\
             <!-- why --><a:prop><b:x/></a:prop></a:propfind>\n",
        ] {
            let root = good(text);
            assert!(root.is(DAV, "propfind"));
            assert!(root.child(DAV, "prop").unwrap().child(CALDAV, "x").is_some(), "{text}");
        }
        assert!(good("<propfind/>").is("", "propfind"));
    }

    #[test]
    fn text_is_joined_and_references_resolved() {
        let root = good("<a> x &lt;<![CDATA[<&]]>&#65;&amp; </a>");
        assert_eq!(root.text(), "x <<&A&");
        assert_eq!(good("<a b='1&quot;2'/>").attribute("b"), Some("1\"2"));
    }

    #[test]
    fn what_could_hurt_is_refused() {
        assert_eq!(bad("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), "A document type is not accepted here");
        assert_eq!(bad("<a>&b;</a>"), "The XML refers to an entity that is not accepted here");
        assert!(bad("<a b='&c;'/>").starts_with("The XML has a broken attribute"));
        assert_eq!(bad(&format!("{}{}", "<a>".repeat(65), "</a>".repeat(65))), "The XML is nested too deep");
        assert_eq!(bad(&format!("<a>{}</a>", "<b/>".repeat(200_001))), "The XML has too many elements");
        let many: String = (0..65).map(|n| format!(" b{n}=''")).collect();
        assert_eq!(bad(&format!("<a{many}/>")), "The XML has an element with too many attributes");
        let many = format!("<a>{}</a>", "<b c='' d='' e=''/>".repeat(50_001));
        assert_eq!(bad(&many), "The XML has too many elements");
        let long = format!("<a xmlns='urn:{}'/>", "x".repeat(255));
        assert_eq!(bad(&long), "The XML has a namespace that is too long");
        let longer_when_written = format!("<a xmlns='urn:{}'/>", ">".repeat(200));
        assert_eq!(bad(&longer_when_written), "The XML has a namespace that is too long");
        assert_eq!(bad("<a>&#0;</a>"), "The XML has a broken reference");
        assert_eq!(bad("<a>\u{1}</a>"), "The XML has a character that XML forbids");
    }

    #[test]
    fn what_is_no_document_is_refused() {
        assert_eq!(bad(""), "There is no XML element");
        assert_eq!(bad("<a/><b/>"), "The XML has more than one root element");
        assert_eq!(bad("<a>"), "The XML ends before its root element does");
        assert_eq!(bad("<x:a/>"), "The XML uses a prefix that it does not declare");
        assert_eq!(bad("<a b='' b=''/>"), "The XML has an attribute twice");
        assert_eq!(bad("<?xml version='1.0' encoding='UTF-16'?><a/>"), "The XML must be in UTF-8");
        assert_eq!(bad("<1/>"), "The XML has an element without a proper name");
        assert_eq!(bad("<a=b/>"), "The XML has an element without a proper name");
        assert_eq!(bad("<xml:a/>"), "The XML has an element without a proper name");
        assert_eq!(bad("<a xmlns:x=''/>"), "The XML binds a prefix to no namespace");
        assert!(bad("<a></b>").starts_with("The XML is not well-formed"));
        assert_eq!(read(b"<a>\xff</a>", Limits::default()).unwrap_err().0, "The XML is not UTF-8");
    }

    #[test]
    fn what_is_kept_stands_for_itself() {
        let root = good("<a xmlns:x='urn:&amp;\"'> <x:b c='&lt;\"' x:d='e\n' xml:lang='de'>t&amp;<f/>&#13;</x:b></a>");
        let kept = inner(&root);
        let again = good(&format!("<a>{kept}</a>"));
        assert_eq!(again, root);
    }
}
