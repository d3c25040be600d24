//! From values to text.

use std::fmt::Write;

use super::{APPLE, CALDAV, CALENDAR_SERVER, CARDDAV, DAV, Element, Name, Node, XML};

/// The prefixes every document of ours declares at its root.
const PREFIXES: [(&str, &str); 5] = [("D", DAV), ("C", CALDAV), ("CR", CARDDAV), ("CS", CALENDAR_SERVER), ("A", APPLE)];

/// The declarations of all prefixes we use, with a space before each: for root elements.
#[must_use]
pub fn namespaces() -> String {
    PREFIXES.iter().fold(String::new(), |mut out, (prefix, namespace)| {
        let _ = write!(out, " xmlns:{prefix}=\"{namespace}\"");
        out
    })
}

/// `D:prop` for names whose prefix is declared at the root.
#[must_use]
pub fn prefixed(namespace: &str, local: &str) -> Option<String> {
    let (prefix, _) = PREFIXES.iter().find(|(_, known)| *known == namespace)?;
    Some(format!("{prefix}:{local}"))
}

/// Writes the beginning of an element without its `>`, and answers what its end is called. Names of other namespaces
/// declare them on the spot.
pub fn open(out: &mut String, name: &Name) -> String {
    if let Some(known) = prefixed(&name.namespace, &name.local) {
        out.push('<');
        out.push_str(&known);
        return known;
    }
    out.push('<');
    if name.namespace.is_empty() {
        out.push_str(&name.local);
        return name.local.clone();
    }
    let _ = write!(out, "X:{} xmlns:X=\"", name.local);
    attribute_into(out, &name.namespace);
    out.push('"');
    format!("X:{}", name.local)
}

/// Text with what XML reserves escaped.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(&mut out, text);
    out
}

/// The same, appended. Characters that XML cannot hold become U+FFFD.
pub fn escape_into(out: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A bare CR would be read back as LF (XML 1.0 section 2.11).
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => out.push(char),
            _ => out.push('\u{fffd}'),
        }
    }
}

/// What stands in an element, such that it can stand in another document: every element declares its namespace.
#[must_use]
pub fn inner(element: &Element) -> String {
    let mut out = String::new();
    for node in &element.children {
        write_node(&mut out, node);
    }
    out
}

fn write_node(out: &mut String, node: &Node) {
    let element = match node {
        Node::Text(text) => return escape_into(out, text),
        Node::Element(element) => element,
    };
    let name = &element.name;
    let _ = write!(out, "<{} xmlns=\"", name.local);
    attribute_into(out, &name.namespace);
    out.push('"');
    for (count, (name, value)) in element.attributes.iter().enumerate() {
        match name.namespace.as_str() {
            "" => {
                let _ = write!(out, " {}=\"", name.local);
            }
            // This prefix needs no declaration and allows none of another name.
            XML => {
                let _ = write!(out, " xml:{}=\"", name.local);
            }
            namespace => {
                let _ = write!(out, " xmlns:n{count}=\"");
                attribute_into(out, namespace);
                let _ = write!(out, "\" n{count}:{}=\"", name.local);
            }
        }
        attribute_into(out, value);
        out.push('"');
    }
    if element.children.is_empty() {
        return out.push_str("/>");
    }
    out.push('>');
    for child in &element.children {
        write_node(out, child);
    }
    let _ = write!(out, "</{}>", name.local);
}

/// An attribute's value, for double quotes. White space would be read back as spaces (XML 1.0 section 3.3.3).
pub fn attribute_into(out: &mut String, value: &str) {
    let escaped = escape(value).replace('"', "&quot;").replace('\t', "&#9;").replace('\n', "&#10;");
    out.push_str(&escaped);
}
