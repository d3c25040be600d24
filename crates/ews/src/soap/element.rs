use std::str::FromStr;

/// A finished XML element. Names are without their prefix: servers differ in namespaces, not in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    name: Box<str>,
    attributes: Vec<(Box<str>, String)>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    /// An element without content yet.
    pub(crate) fn new(name: &str, attributes: Vec<(Box<str>, String)>) -> Element {
        Element { name: name.into(), attributes, ..Element::default() }
    }

    pub(crate) fn push(&mut self, child: Element) {
        self.children.push(child);
    }

    pub(crate) fn set_text(&mut self, text: String) {
        self.text = text;
    }

    /// Its name without prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| &**known == name).map(|(_, value)| value.as_str())
    }

    /// The text directly in it. Empty if it has elements in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Everything in it.
    pub fn all(&self) -> &[Element] {
        &self.children
    }

    /// The first element of that name directly in it.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name() == name)
    }

    /// The elements of that name directly in it.
    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> + 'a {
        self.children.iter().filter(move |child| child.name() == name)
    }

    /// Its text as a value; None if it is not one.
    pub(crate) fn parse<T: FromStr>(&self) -> Option<T> {
        self.text.trim().parse().ok()
    }

    /// Its text as an xs:boolean.
    pub(crate) fn truth(&self) -> Option<bool> {
        match self.text.trim() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }
}
