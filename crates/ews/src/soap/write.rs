use std::borrow::Cow;

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

/// Writes a request. Prefixes are part of the names: `s` soap, `t` types, `m` messages.
pub struct Xml {
    writer: Writer<Vec<u8>>,
    splices: Vec<usize>,
}

impl Xml {
    pub(crate) fn new() -> Xml {
        Xml { writer: Writer::new(Vec::new()), splices: Vec::new() }
    }

    /// An element with what `content` writes in it.
    pub fn within(&mut self, name: &'static str, attributes: &[(&str, &str)], content: impl FnOnce(&mut Xml)) {
        self.event(Event::Start(start(name, attributes)));
        content(self);
        self.event(Event::End(BytesEnd::new(name)));
    }

    /// An element with nothing in it.
    pub fn empty(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.event(Event::Empty(start(name, attributes)));
    }

    /// An element with text in it; characters XML cannot carry are left out.
    pub fn text(&mut self, name: &'static str, text: &str) {
        self.text_with(name, &[], text);
    }

    /// An element with attributes and text in it.
    pub fn text_with(&mut self, name: &'static str, attributes: &[(&str, &str)], text: &str) {
        self.within(name, attributes, |xml| xml.event(Event::Text(BytesText::new(&legal(text)))));
    }

    /// Where the next of the operation's messages goes, as MIME in base64.
    pub fn splice(&mut self) {
        self.splices.push(self.writer.get_ref().len());
    }

    /// What was written, and where messages go into it.
    pub(crate) fn finish(self) -> (Vec<u8>, Vec<usize>) {
        (self.writer.into_inner(), self.splices)
    }

    fn event(&mut self, event: Event<'_>) {
        // Writing to a Vec cannot fail.
        let _ = self.writer.write_event(event);
    }
}

fn start(name: &'static str, attributes: &[(&str, &str)]) -> BytesStart<'static> {
    let mut start = BytesStart::new(name);
    for (name, value) in attributes {
        start.push_attribute((*name, &*legal(value)));
    }
    start
}

/// `Char ::= #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]` (XML 1.0 section 2.2)
fn legal(text: &str) -> Cow<'_, str> {
    let fine = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    if text.chars().all(fine) { Cow::Borrowed(text) } else { Cow::Owned(text.chars().filter(|c| fine(*c)).collect()) }
}
