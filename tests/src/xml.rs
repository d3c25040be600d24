//! XML as a tree, namespaces resolved: enough to read what a DAV server answers.

use quick_xml::NsReader;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;

/// An element.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// `{namespace}name`.
    pub name: String,
    /// Its attributes, by local name.
    pub attributes: Vec<(String, String)>,
    /// What is in it.
    pub children: Vec<Node>,
    /// The text directly in it.
    pub text: String,
}

impl Node {
    /// The root of a document.
    ///
    /// # Panics
    /// If it is not well-formed.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut reader = NsReader::from_str(text);
        let mut open = vec![Self::default()];
        loop {
            let (resolved, event) = reader.read_resolved_event().unwrap_or_else(|error| panic!("{error} in {text}"));
            let namespace = match resolved {
                ResolveResult::Bound(namespace) => namespace.0.to_owned(),
                _ => String::new(),
            };
            let named = |local: &str| format!("{{{namespace}}}{local}");
            match event {
                Event::Start(start) => {
                    let name = named(start.local_name().as_ref());
                    open.push(Self { name, attributes: attributes(&start), ..Self::default() });
                }
                Event::Empty(start) => {
                    let name = named(start.local_name().as_ref());
                    let node = Self { name, attributes: attributes(&start), ..Self::default() };
                    open.last_mut().expect("an open element").children.push(node);
                }
                Event::End(_) => {
                    let node = open.pop().expect("an open element");
                    open.last_mut().expect("a parent").children.push(node);
                }
                Event::Text(piece) => {
                    open.last_mut().expect("an open element").text += &piece.xml10_content();
                }
                Event::CData(piece) => {
                    open.last_mut().expect("an open element").text += &piece.xml10_content();
                }
                Event::GeneralRef(reference) => {
                    let character = match reference.xml10_content().as_ref() {
                        "lt" => '<',
                        "gt" => '>',
                        "amp" => '&',
                        "quot" => '"',
                        "apos" => '\'',
                        _ => reference.resolve_char_ref().expect("a reference").expect("a character reference"),
                    };
                    open.last_mut().expect("an open element").text.push(character);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        open.pop().and_then(|document| document.children.into_iter().next()).expect("a root element")
    }

    /// The first element of that local name below this one, at any depth.
    #[must_use]
    pub fn find(&self, local: &str) -> Option<&Self> {
        self.children.iter().find_map(|child| if child.is(local) { Some(child) } else { child.find(local) })
    }

    /// The elements of that local name directly in this one.
    pub fn all<'a>(&'a self, local: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(local))
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, local: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == local).map(|(_, value)| value.as_str())
    }

    fn is(&self, local: &str) -> bool {
        self.name.rsplit_once('}').is_some_and(|(_, name)| name == local)
    }
}

fn attributes(start: &quick_xml::events::BytesStart<'_>) -> Vec<(String, String)> {
    let read = |attribute: quick_xml::events::attributes::Attribute<'_>| {
        let value = quick_xml::escape::unescape(&attribute.value).expect("an attribute");
        (attribute.key.local_name().as_ref().to_owned(), value.into_owned())
    };
    start.attributes().map(|attribute| read(attribute.expect("an attribute"))).collect()
}
