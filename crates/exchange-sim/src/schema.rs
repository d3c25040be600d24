//! What the EWS schema says: the order of elements, their types, and the version that introduced them.
//!
//! The facts are in `schema/types.txt`, one type per line, drawn from Microsoft's published schemas. A `~` names the
//! version that added an element, attribute or value; no `~` means it was there in Exchange 2007 SP1.
//!
//! ```text
//! request GetItem m:GetItemType
//! complex NAME : BASE @ATTRIBUTE=TYPE[!] ... ; MODEL      (! = required)
//! text    NAME : BASE @ATTRIBUTE=TYPE[!] ... ;            (text with attributes)
//! simple  NAME enum VALUE... | of BASE FACET... | list TYPE
//! MODEL = sequence of ELEMENT=TYPE and ( a | b | ) with ? * + as usual; m: is the messages namespace
//! ```

mod check;

use std::{collections::HashMap, sync::OnceLock};

use crate::{Version, soap::Ns};

pub(crate) use check::{Violation, check};

/// All types, by name; types of the messages namespace carry the prefix `m:`.
pub(crate) struct Schema {
    types: HashMap<&'static str, Type>,
    requests: HashMap<&'static str, &'static str>,
}

/// One named type.
pub(crate) enum Type {
    /// Elements and attributes.
    Complex {
        /// The type it extends: its attributes and elements come first.
        base: Option<&'static str>,
        attributes: Vec<Attribute>,
        model: Vec<Part>,
    },
    /// Text with attributes.
    Text { base: &'static str, attributes: Vec<Attribute> },
    /// One of these values.
    Enumeration(Vec<(String, Version)>),
    /// Another type with limits.
    Restricted { base: &'static str, minimum: Option<i64>, maximum: Option<i64>, min_length: Option<usize> },
    /// Values of a type, separated by blanks.
    List(&'static str),
}

/// An attribute of a complex type.
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) of: &'static str,
    pub(crate) required: bool,
    pub(crate) since: Version,
}

/// One step of a content model.
pub(crate) struct Part {
    pub(crate) node: Node,
    pub(crate) optional: bool,
    pub(crate) repeated: bool,
}

/// What a step of a content model matches.
pub(crate) enum Node {
    Element { ns: Ns, name: &'static str, of: &'static str, since: Version },
    Sequence(Vec<Part>),
    Choice(Vec<Part>),
    Any,
}

impl Schema {
    /// The compiled-in facts.
    pub(crate) fn get() -> &'static Schema {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        SCHEMA.get_or_init(|| Schema::read(include_str!("schema/types.txt")))
    }

    /// The type of the request element of an operation.
    pub(crate) fn request(&self, operation: &str) -> Option<&'static str> {
        self.requests.get(operation).copied()
    }

    /// A type by name.
    pub(crate) fn named(&self, name: &str) -> Option<&Type> {
        self.types.get(name)
    }

    /// The elements of a complex type with the version that introduced each, in the order the schema wants them.
    pub(crate) fn elements(&self, of: &str) -> Vec<(&'static str, Version)> {
        fn gather(parts: &[Part], into: &mut Vec<(&'static str, Version)>) {
            for part in parts {
                match &part.node {
                    Node::Element { name, since, .. } => into.push((name, *since)),
                    Node::Sequence(parts) | Node::Choice(parts) => gather(parts, into),
                    Node::Any => {}
                }
            }
        }
        let mut elements = Vec::new();
        if let Some(Type::Complex { base, model, .. }) = self.named(of) {
            if let Some(base) = base {
                elements = self.elements(base);
            }
            gather(model, &mut elements);
        }
        elements
    }

    /// The version that introduced a value of an enumeration; `None` if there is no such value.
    #[cfg(test)]
    pub(crate) fn value_since(&self, of: &str, value: &str) -> Option<Version> {
        match self.named(of)? {
            Type::Enumeration(values) => values.iter().find(|(name, _)| name == value).map(|(_, since)| *since),
            _ => None,
        }
    }

    fn read(facts: &'static str) -> Schema {
        let mut schema = Schema { types: HashMap::new(), requests: HashMap::new() };
        for line in facts.lines() {
            let mut words = line.split_ascii_whitespace();
            match (words.next(), words.next()) {
                (Some("request"), Some(name)) => {
                    schema.requests.insert(name, words.next().unwrap_or_default());
                }
                (Some("complex"), Some(name)) => {
                    let (base, attributes) = head(&mut words);
                    let base = (base != "-").then_some(base);
                    let model = parts(&mut words);
                    schema.types.insert(name, Type::Complex { base, attributes, model });
                }
                (Some("text"), Some(name)) => {
                    let (base, attributes) = head(&mut words);
                    schema.types.insert(name, Type::Text { base, attributes });
                }
                (Some("simple"), Some(name)) => {
                    schema.types.insert(name, simple(&mut words));
                }
                _ => {}
            }
        }
        schema
    }
}

type Words = std::str::SplitAsciiWhitespace<'static>;

fn head(words: &mut Words) -> (&'static str, Vec<Attribute>) {
    let base = words.by_ref().find(|word| *word != ":").unwrap_or("-");
    let mut attributes = Vec::new();
    for word in words.by_ref().take_while(|word| *word != ";") {
        let (word, since) = versioned(word.trim_start_matches('@'));
        let (name, of) = word.split_once('=').unwrap_or((word, "xs:string"));
        attributes.push(Attribute { name, of: of.trim_end_matches('!'), required: of.ends_with('!'), since });
    }
    (base, attributes)
}

/// Reads parts up to the end of the line or of the group.
fn parts(words: &mut Words) -> Vec<Part> {
    let mut done = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "(" => done.push(group(words)),
            _ => done.push(element(word)),
        }
    }
    done
}

/// Reads a group whose `(` is behind us; its `)` carries the occurrence.
fn group(words: &mut Words) -> Part {
    let mut alternatives: Vec<Vec<Part>> = vec![Vec::new()];
    let mut close = ")";
    while let Some(word) = words.next() {
        let part = match word {
            "|" => {
                alternatives.push(Vec::new());
                continue;
            }
            "(" => group(words),
            _ if word.starts_with(')') => {
                close = word;
                break;
            }
            _ => element(word),
        };
        if let Some(last) = alternatives.last_mut() {
            last.push(part);
        }
    }
    let (_, optional, repeated) = occurrence(close);
    let mut choice: Vec<Part> = alternatives.into_iter().map(one).collect();
    let node = match choice.len() {
        1 => match choice.pop() {
            Some(Part { node, optional: false, repeated: false }) => node,
            Some(part) => Node::Sequence(vec![part]),
            None => Node::Any,
        },
        _ => Node::Choice(choice),
    };
    Part { node, optional, repeated }
}

fn one(mut parts: Vec<Part>) -> Part {
    match (parts.len(), parts.pop()) {
        (1, Some(part)) => part,
        (_, Some(last)) => {
            parts.push(last);
            Part { node: Node::Sequence(parts), optional: false, repeated: false }
        }
        (_, None) => Part { node: Node::Sequence(parts), optional: true, repeated: false },
    }
}

fn element(word: &'static str) -> Part {
    let (word, since) = versioned(word);
    let (word, optional, repeated) = occurrence(word);
    if word == "any" {
        return Part { node: Node::Any, optional, repeated };
    }
    let (name, of) = word.split_once('=').unwrap_or((word, "xs:anyType"));
    let (ns, name) = match name.strip_prefix("m:") {
        Some(name) => (Ns::Messages, name),
        None => (Ns::Types, name),
    };
    Part { node: Node::Element { ns, name, of, since }, optional, repeated }
}

fn occurrence(word: &'static str) -> (&'static str, bool, bool) {
    match word.as_bytes().last() {
        Some(b'?') => (&word[..word.len() - 1], true, false),
        Some(b'*') => (&word[..word.len() - 1], true, true),
        Some(b'+') => (&word[..word.len() - 1], false, true),
        _ => (word, false, false),
    }
}

fn simple(words: &mut Words) -> Type {
    match words.next() {
        Some("enum") => Type::Enumeration(
            words
                .map(|word| {
                    let (value, since) = versioned(word);
                    (value.replace("%20", " "), since)
                })
                .collect(),
        ),
        Some("list") => Type::List(words.next().unwrap_or("xs:string")),
        _ => {
            let base = words.next().unwrap_or("xs:string");
            let (mut minimum, mut maximum, mut min_length) = (None, None, None);
            for facet in words {
                match facet.split_once('=') {
                    Some(("minInclusive", value)) => minimum = value.parse().ok(),
                    Some(("maxInclusive", value)) => maximum = value.parse().ok(),
                    Some(("minLength", value)) => min_length = value.parse().ok(),
                    _ => {}
                }
            }
            Type::Restricted { base, minimum, maximum, min_length }
        }
    }
}

fn versioned(word: &'static str) -> (&'static str, Version) {
    let Some((rest, mark)) = word.rsplit_once('~') else { return (word, Version::Exchange2007Sp1) };
    let since = match mark {
        "10" => Version::Exchange2010,
        "10s2" => Version::Exchange2010Sp2,
        "13" => Version::Exchange2013,
        "16" => Version::Exchange2016,
        _ => Version::ExchangeSe,
    };
    (rest, since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_named_exists() {
        fn visit(schema: &Schema, parts: &[Part], missing: &mut Vec<String>) {
            for part in parts {
                match &part.node {
                    Node::Element { of, .. } if !of.starts_with("xs:") && schema.named(of).is_none() => {
                        missing.push((*of).to_owned());
                    }
                    Node::Sequence(parts) | Node::Choice(parts) => visit(schema, parts, missing),
                    _ => {}
                }
            }
        }
        let schema = Schema::get();
        let mut missing = Vec::new();
        for known in schema.types.values() {
            if let Type::Complex { model, .. } = known {
                visit(schema, model, &mut missing);
            }
        }
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn versions_and_order_are_read() {
        let elements = Schema::get().elements("MessageType");
        let place = |name| elements.iter().position(|(known, _)| *known == name);
        assert!(place("MimeContent") < place("ItemId") && place("Subject") < place("From"));
        assert_eq!(elements[place("Flag").unwrap()].1, Version::Exchange2013);
        let since = |name| Schema::get().value_since("DistinguishedFolderIdNameType", name);
        assert_eq!(since("inbox"), Some(Version::Exchange2007Sp1));
        assert_eq!(since("archive"), Some(Version::Exchange2016));
        assert_eq!(since("nowhere"), None);
    }
}
