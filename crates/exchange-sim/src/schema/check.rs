//! Holds a request against the schema, as Exchange does before it looks at what is asked.

use super::{Attribute, Node, Part, Schema, Type};
use crate::{
    Version,
    soap::{Element, Ns},
};

/// Why a request is not what the schema wants, and where.
#[derive(Debug)]
pub(crate) struct Violation {
    /// Offset in the request.
    pub(crate) at: usize,
    /// In the words of the .NET validator, which Exchange passes on.
    pub(crate) text: String,
}

/// Checks `element` against the type `of` as a server of version `server` knows it. Gives the lowest schema version
/// that has everything used.
pub(crate) fn check(element: &Element, of: &str, server: Version) -> Result<Version, Violation> {
    let mut checker = Checker { schema: Schema::get(), server, needs: Version::Exchange2007Sp1 };
    checker.element(element, of)?;
    Ok(checker.needs)
}

struct Checker {
    schema: &'static Schema,
    server: Version,
    needs: Version,
}

impl Checker {
    fn element(&mut self, element: &Element, of: &str) -> Result<(), Violation> {
        match self.schema.named(of) {
            Some(Type::Complex { .. }) => {
                self.attributes(element, of)?;
                self.content(element, of)
            }
            Some(Type::Text { base, .. }) => {
                self.attributes(element, of)?;
                self.no_children(element)?;
                self.text(element, &element.text, base)
            }
            Some(_) => {
                self.no_children(element)?;
                self.text(element, element.text.trim(), of)
            }
            None if of == "xs:anyType" => Ok(()),
            None => {
                self.no_children(element)?;
                self.text(element, &element.text, of)
            }
        }
    }

    fn no_children(&self, element: &Element) -> Result<(), Violation> {
        match element.children.first() {
            None => Ok(()),
            Some(child) => Err(violation(
                child,
                format!(
                    "The element {} cannot contain child element {} because the parent element's content model is text only.",
                    quoted(element),
                    quoted(child)
                ),
            )),
        }
    }

    fn content(&mut self, element: &Element, of: &str) -> Result<(), Violation> {
        if !element.text.trim().is_empty() {
            return Err(violation(element, format!("The element {} cannot contain text.", quoted(element))));
        }
        let mut chain = Vec::new();
        let mut next = Some(of);
        while let Some(name) = next {
            let Some(Type::Complex { base, model, .. }) = self.schema.named(name) else { break };
            chain.push(model);
            next = *base;
        }
        let mut at = 0;
        for model in chain.into_iter().rev() {
            for part in model {
                self.part(element, part, &mut at)?;
            }
        }
        match element.children.get(at) {
            None => Ok(()),
            Some(child) => Err(unexpected(element, child)),
        }
    }

    fn part(&mut self, parent: &Element, part: &Part, at: &mut usize) -> Result<(), Violation> {
        let mut times = 0;
        while times == 0 || part.repeated {
            let Some(child) = parent.children.get(*at) else { break };
            if !self.starts(&part.node, child) {
                break;
            }
            let before = *at;
            self.node(parent, &part.node, at)?;
            times += 1;
            if *at == before {
                break;
            }
        }
        if times > 0 || part.optional || self.empty(&part.node) {
            return Ok(());
        }
        match parent.children.get(*at) {
            Some(child) => Err(unexpected(parent, child)),
            None => Err(violation(parent, format!("The element {} has incomplete content.", quoted(parent)))),
        }
    }

    fn node(&mut self, parent: &Element, node: &Node, at: &mut usize) -> Result<(), Violation> {
        match node {
            Node::Any => *at += 1,
            Node::Element { of, since, .. } => {
                if let Some(child) = parent.children.get(*at) {
                    self.needs = self.needs.max(*since);
                    self.element(child, of)?;
                }
                *at += 1;
            }
            Node::Sequence(parts) => {
                for part in parts {
                    self.part(parent, part, at)?;
                }
            }
            Node::Choice(parts) => {
                let Some(child) = parent.children.get(*at) else { return Ok(()) };
                if let Some(part) = parts.iter().find(|part| self.starts(&part.node, child)) {
                    self.part(parent, part, at)?;
                }
            }
        }
        Ok(())
    }

    /// Whether `child` can be the first element of `node`.
    fn starts(&self, node: &Node, child: &Element) -> bool {
        match node {
            Node::Any => true,
            Node::Element { ns, name, since, .. } => *name == child.name && *ns == child.ns && *since <= self.server,
            Node::Choice(parts) => parts.iter().any(|part| self.starts(&part.node, child)),
            Node::Sequence(parts) => {
                for part in parts {
                    if self.starts(&part.node, child) {
                        return true;
                    }
                    if !part.optional && !self.empty(&part.node) {
                        return false;
                    }
                }
                false
            }
        }
    }

    /// Whether `node` also matches nothing.
    fn empty(&self, node: &Node) -> bool {
        let skippable = |part: &Part| part.optional || self.empty(&part.node);
        match node {
            Node::Any | Node::Element { .. } => false,
            Node::Sequence(parts) => parts.iter().all(skippable),
            Node::Choice(parts) => parts.iter().any(skippable),
        }
    }

    fn attributes(&mut self, element: &Element, of: &str) -> Result<(), Violation> {
        let mut known: Vec<&Attribute> = Vec::new();
        let mut next = Some(of);
        while let Some(name) = next {
            next = match self.schema.named(name) {
                Some(Type::Complex { base, attributes, .. }) => {
                    known.extend(attributes);
                    *base
                }
                Some(Type::Text { base, attributes }) => {
                    known.extend(attributes);
                    Some(base)
                }
                _ => None,
            };
        }
        for (name, value) in &element.attributes {
            let Some(attribute) = known.iter().find(|known| known.name == *name && known.since <= self.server) else {
                return Err(violation(element, format!("The '{name}' attribute is not declared.")));
            };
            self.needs = self.needs.max(attribute.since);
            self.value(value, attribute.of)
                .map_err(|reason| violation(element, format!("The '{name}' attribute is invalid - {reason}")))?;
        }
        match known.iter().find(|known| known.required && element.attribute(known.name).is_none()) {
            None => Ok(()),
            Some(missing) => Err(violation(element, format!("The required attribute '{}' is missing.", missing.name))),
        }
    }

    fn text(&mut self, element: &Element, text: &str, of: &str) -> Result<(), Violation> {
        self.value(text, of)
            .map_err(|reason| violation(element, format!("The {} element is invalid - {reason}", quoted(element))))
    }

    fn value(&mut self, value: &str, of: &str) -> Result<(), String> {
        let shown = if value.len() > 80 { "..." } else { value };
        let refused = |why: &str| {
            let namespace = if of.starts_with("xs:") { "http://www.w3.org/2001/XMLSchema" } else { Ns::Types.uri() };
            let of = of.rsplit(':').next().unwrap_or(of);
            Err(format!("The value '{shown}' is invalid according to its datatype '{namespace}:{of}' - {why}"))
        };
        match self.schema.named(of) {
            Some(Type::Enumeration(values)) => match values.iter().find(|(known, _)| known == value) {
                Some((_, since)) if *since <= self.server => {
                    self.needs = self.needs.max(*since);
                    Ok(())
                }
                _ => refused("The Enumeration constraint failed."),
            },
            Some(Type::List(item)) => value.split_ascii_whitespace().try_for_each(|value| self.value(value, item)),
            Some(Type::Restricted { base, minimum, maximum, min_length }) => {
                self.value(value, base)?;
                let number: Option<i64> = value.trim().parse().ok();
                if number.zip(*minimum).is_some_and(|(number, minimum)| number < minimum) {
                    return refused("The MinInclusive constraint failed.");
                }
                if number.zip(*maximum).is_some_and(|(number, maximum)| number > maximum) {
                    return refused("The MaxInclusive constraint failed.");
                }
                match min_length {
                    Some(least) if value.chars().count() < *least => refused("The MinLength constraint failed."),
                    _ => Ok(()),
                }
            }
            Some(Type::Text { base, .. }) => self.value(value, base),
            Some(Type::Complex { .. }) => Ok(()),
            None => match built_in(value, of) {
                true => Ok(()),
                false => refused("The string is not a valid value."),
            },
        }
    }
}

/// The few XML Schema types that are easily got wrong.
fn built_in(value: &str, of: &str) -> bool {
    let value = value.trim();
    match of {
        "xs:int" => value.parse::<i32>().is_ok(),
        "xs:short" => value.parse::<i16>().is_ok(),
        "xs:long" => value.parse::<i64>().is_ok(),
        "xs:boolean" => matches!(value, "true" | "false" | "1" | "0"),
        "xs:double" => value.parse::<f64>().is_ok(),
        "xs:dateTime" => crate::time::parse(value).is_some(),
        _ => true,
    }
}

fn unexpected(parent: &Element, child: &Element) -> Violation {
    violation(child, format!("The element {} has invalid child element {}.", quoted(parent), quoted(child)))
}

fn quoted(element: &Element) -> String {
    format!("'{}' in namespace '{}'", element.name, element.ns.uri())
}

fn violation(element: &Element, text: String) -> Violation {
    Violation { at: element.at, text }
}
