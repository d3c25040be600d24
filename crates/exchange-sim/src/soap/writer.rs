//! Writing answers.

use crate::Version;

/// Writes elements one after the other; names carry their prefix (`t:` types, `m:` messages).
#[derive(Default)]
pub(crate) struct Writer {
    out: String,
}

impl Writer {
    pub(crate) fn new() -> Writer {
        Writer::default()
    }

    /// `<name attributes>`
    pub(crate) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.push('>');
    }

    /// `</name>`
    pub(crate) fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// `<name attributes/>`
    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.push_str("/>");
    }

    /// `<name>text</name>`
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.text_with(name, &[], text);
    }

    /// `<name attributes>text</name>`
    pub(crate) fn text_with(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.open(name, attributes);
        escape(&mut self.out, text, false);
        self.close(name);
    }

    /// `<name>true</name>`
    pub(crate) fn flag(&mut self, name: &str, value: bool) {
        self.text(name, if value { "true" } else { "false" });
    }

    /// `<name>5</name>`
    pub(crate) fn number(&mut self, name: &str, value: impl std::fmt::Display) {
        self.text(name, &value.to_string());
    }

    /// What another writer wrote.
    pub(crate) fn append(&mut self, other: &str) {
        self.out.push_str(other);
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape(&mut self.out, value, true);
            self.out.push('"');
        }
    }
}

/// Wraps a response element into an envelope with the `ServerVersionInfo` header.
pub(crate) fn envelope(server: Version, body: &str) -> Vec<u8> {
    let mut w = Writer::new();
    w.append("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    w.open("s:Envelope", &[("xmlns:s", "http://schemas.xmlsoap.org/soap/envelope/")]);
    w.open("s:Header", &[]);
    version_info(&mut w, server);
    w.close("s:Header");
    w.open("s:Body", &[]);
    w.append(body);
    w.close("s:Body");
    w.close("s:Envelope");
    w.finish().into_bytes()
}

/// The `ServerVersionInfo` header.
pub(super) fn version_info(w: &mut Writer, server: Version) {
    let (major, minor, build, revision, version) = server.server_info();
    let numbers = [major, minor, build, revision].map(|number| number.to_string());
    let [major, minor, build, revision] = &numbers;
    let mut attributes = vec![
        ("xmlns:h", "http://schemas.microsoft.com/exchange/services/2006/types"),
        ("MajorVersion", major.as_str()),
        ("MinorVersion", minor.as_str()),
        ("MajorBuildNumber", build.as_str()),
        ("MinorBuildNumber", revision.as_str()),
    ];
    if !version.is_empty() {
        attributes.push(("Version", version));
    }
    w.empty("h:ServerVersionInfo", &attributes);
}

/// Escapes what must be; leaves out what XML 1.0 cannot hold.
fn escape(out: &mut String, text: &str, attribute: bool) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            '\n' | '\t' if attribute => out.push(' '),
            '\n' | '\t' => out.push(character),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => out.push(character),
        }
    }
}
