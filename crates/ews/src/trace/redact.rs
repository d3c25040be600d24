//! Takes out of an XML document what people wrote, and leaves its structure. Pure.

use super::kept::KEPT;

/// Cuts a document that arrives in pieces. What is cut leaves a comment with its size.
#[derive(Debug, Default)]
pub(super) struct Redactor {
    state: State,
    /// The tag that is being read.
    tag: Vec<u8>,
    /// The document is one of ours; None as long as that is not known.
    known: Option<bool>,
    /// The text that comes now stays.
    keep: bool,
    /// The property whose value comes is a number or a date.
    scalar: bool,
    /// So many bytes were cut since the last tag.
    cut: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Tag,
    /// In an attribute's value, until this quote.
    Quoted(u8),
    /// Nothing more is let through.
    Closed,
}

impl Redactor {
    /// Takes the next bytes, and gives what may be shown of them.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            match self.state {
                State::Closed => self.cut += 1,
                State::Text if byte == b'<' => {
                    self.tell_cut(out);
                    self.tag.push(byte);
                    self.state = State::Tag;
                }
                State::Text => self.text(byte, out),
                State::Quoted(quote) => {
                    self.tag.push(byte);
                    if byte == quote {
                        self.state = State::Tag;
                    }
                }
                State::Tag => self.tag_goes_on(byte, out),
            }
            if self.tag.len() > LONGEST_TAG {
                self.close();
            }
        }
    }

    /// Nothing more will come.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.cut += std::mem::take(&mut self.tag).len() as u64;
        self.tell_cut(out);
    }

    fn text(&mut self, byte: u8, out: &mut Vec<u8>) {
        let is_space = byte.is_ascii_whitespace() && self.cut == 0;
        let is_mark = BYTE_ORDER_MARK.contains(&byte) && self.known.is_none();
        match self.known {
            // No XML at all.
            None if !is_space && !is_mark => {
                self.close();
                self.cut += 1;
            }
            _ if self.keep || is_space || is_mark => out.push(byte),
            _ => self.cut += 1,
        }
    }

    fn tag_goes_on(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.tag.push(byte);
        let (is_comment, is_data) = (self.tag.starts_with(b"<!--"), self.tag.starts_with(b"<![CDATA["));
        let is_markup = !self.tag.starts_with(b"<!") || self.tag.starts_with(b"<!D");
        match byte {
            b'>' if is_comment && !self.tag.ends_with(b"-->") => {}
            b'>' if is_data && !self.tag.ends_with(b"]]>") => {}
            b'>' if is_comment || is_data => {
                self.cut += std::mem::take(&mut self.tag).len() as u64;
                self.state = State::Text;
            }
            b'>' => self.tag_ends(out),
            b'"' | b'\'' if is_markup => self.state = State::Quoted(byte),
            _ => {}
        }
    }

    fn tag_ends(&mut self, out: &mut Vec<u8>) {
        self.state = State::Text;
        let bytes = std::mem::take(&mut self.tag);
        let tag = Tag::of(&bytes);
        if self.known.is_none() && !tag.is_prolog() {
            let known = DOCUMENTS.contains(&tag.name);
            self.known = Some(known);
            if !known {
                self.cut += bytes.len() as u64;
                return self.close();
            }
        }
        if tag.name == "ExtendedFieldURI" {
            let kind = tag.attributes().find(|(name, _)| *name == "PropertyType").map_or("", |(_, kind)| kind);
            self.scalar = SCALARS.contains(&kind.trim_end_matches("Array"));
        }
        self.keep = tag.opens() && (KEPT.binary_search(&tag.name).is_ok() || self.is_kept_value(&tag));
        tag.write(out);
    }

    /// Values of properties that are no text, and those that stand beside error messages.
    fn is_kept_value(&self, tag: &Tag<'_>) -> bool {
        tag.name == "Value" && (self.scalar || tag.attributes().any(|(name, _)| name == "Name"))
    }

    fn close(&mut self) {
        self.cut += std::mem::take(&mut self.tag).len() as u64;
        self.state = State::Closed;
    }

    fn tell_cut(&mut self, out: &mut Vec<u8>) {
        match std::mem::take(&mut self.cut) {
            0 => {}
            bytes => out.extend_from_slice(format!("<!-- {bytes} bytes -->").as_bytes()),
        }
    }
}

/// One tag, from `<` to `>`.
struct Tag<'a> {
    text: &'a str,
    /// Without its prefix.
    name: &'a str,
}

impl<'a> Tag<'a> {
    fn of(bytes: &'a [u8]) -> Tag<'a> {
        let text = std::str::from_utf8(bytes).unwrap_or("<?>");
        let inner = text.trim_start_matches(['<', '/']).trim_end_matches('>');
        let whole = inner.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        Tag { text, name: whole.rsplit(':').next().unwrap_or_default() }
    }

    fn is_prolog(&self) -> bool {
        self.text.starts_with("<?") || self.text.starts_with("<!")
    }

    fn opens(&self) -> bool {
        !self.is_prolog() && !self.text.starts_with("</") && !self.text.ends_with("/>")
    }

    /// Names and values.
    fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = self.text;
        std::iter::from_fn(move || {
            let (before, after) = rest.split_once('=')?;
            let name = before.rsplit(char::is_whitespace).find(|word| !word.is_empty())?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, next) = after.get(1..)?.split_once(quote)?;
            rest = next;
            Some((name, value))
        })
    }

    /// With the values emptied that people wrote.
    fn write(&self, out: &mut Vec<u8>) {
        let mut rest = self.text;
        for (name, value) in self.attributes().filter(|(name, _)| is_text(self.name, name)) {
            // It is a piece of what is left, so that it is found there.
            let at = value.as_ptr() as usize - rest.as_ptr() as usize;
            let _ = name;
            out.extend_from_slice(rest.get(..at).unwrap_or_default().as_bytes());
            rest = rest.get(at + value.len()..).unwrap_or_default();
        }
        out.extend_from_slice(rest.as_bytes());
    }
}

/// Whether an attribute holds what people wrote.
fn is_text(element: &str, attribute: &str) -> bool {
    match attribute {
        "Name" => !["Value", "Period", "TimeZoneDefinition", "UserConfigurationName"].contains(&element),
        "Value" => element != "Bitmask",
        _ => ["Mailbox", "Etoken", "InitialName", "FinalName", "ObjectName"].contains(&attribute),
    }
}

/// What is read here; anything else is cut as a whole.
const DOCUMENTS: [&str; 2] = ["Envelope", "Autodiscover"];
/// MapiPropertyTypeType, without texts, bytes and objects.
const SCALARS: [&str; 11] = [
    "ApplicationTime",
    "Boolean",
    "CLSID",
    "Currency",
    "Double",
    "Error",
    "Float",
    "Integer",
    "Long",
    "Short",
    "SystemTime",
];
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
const LONGEST_TAG: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> String {
        let whole = pieces(text, text.len().max(1));
        assert_eq!(pieces(text, 1), whole, "however it arrives");
        whole
    }

    fn pieces(text: &str, size: usize) -> String {
        let (mut redactor, mut out) = (Redactor::default(), Vec::new());
        text.as_bytes().chunks(size).for_each(|piece| redactor.push(piece, &mut out));
        redactor.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(KEPT.is_sorted());
    }

    #[test]
    fn structure_stays_and_text_goes() {
        for (text, expected) in [
            ("<t:Subject>Lunch?</t:Subject>", "<t:Subject><!-- 6 bytes --></t:Subject>"),
            ("<t:Size>123</t:Size>", "<t:Size>123</t:Size>"),
            ("<t:Body BodyType=\"HTML\">&lt;b&gt;</t:Body>", "<t:Body BodyType=\"HTML\"><!-- 9 bytes --></t:Body>"),
            ("<x:Unheard>of</x:Unheard>", "<x:Unheard><!-- 2 bytes --></x:Unheard>"),
            ("<t:Subject/>after", "<t:Subject/><!-- 5 bytes -->"),
            ("<Size>1</Size>2", "<Size>1</Size><!-- 1 bytes -->"),
            ("<t:Subject><![CDATA[a > b]]></t:Subject>", "<t:Subject><!-- 17 bytes --></t:Subject>"),
            ("<!-- a > \" b --><t:Size\n>1</t:Size>", "<!-- 16 bytes --><t:Size\n>1</t:Size>"),
            ("<t:Entry Key='a' Name='Anna > B'>x</t:Entry>", "<t:Entry Key='a' Name=''><!-- 1 bytes --></t:Entry>"),
            ("<t:Constant Value = \"secret\" />", "<t:Constant Value = \"\" />"),
            (
                "<t:Value Name=\"BackOffMilliseconds\">20</t:Value>",
                "<t:Value Name=\"BackOffMilliseconds\">20</t:Value>",
            ),
            ("\r\n  <t:Size>1</t:Size>\r\n", "\r\n  <t:Size>1</t:Size>\r\n"),
            ("<t:Subject>cut off", "<t:Subject><!-- 7 bytes -->"),
            ("<t:Subject", "<!-- 10 bytes -->"),
        ] {
            assert_eq!(cut(&format!("<s:Envelope>{text}")), format!("<s:Envelope>{expected}"));
        }
    }

    #[test]
    fn values_of_properties_stay_if_they_are_no_text() {
        let value = |kind: &str, text: &str| {
            format!("<e:Envelope><t:ExtendedFieldURI PropertyType=\"{kind}\"/><t:Value>{text}</t:Value></e:Envelope>")
        };
        assert_eq!(cut(&value("Integer", "7")), value("Integer", "7"));
        assert_eq!(cut(&value("String", "7")), value("String", "<!-- 1 bytes -->"));
        assert_eq!(cut(&value("BinaryArray", "7")), value("BinaryArray", "<!-- 1 bytes -->"));
    }

    #[test]
    fn what_is_no_document_of_ours_goes_as_a_whole() {
        let start = "\u{feff}<?xml version=\"1.0\"?>";
        assert_eq!(cut(&format!("{start}<s:Envelope/>")), format!("{start}<s:Envelope/>"));
        assert_eq!(cut("{\"access_token\":\"x\"}"), "<!-- 20 bytes -->");
        assert_eq!(cut("grant_type=<a>"), "<!-- 14 bytes -->");
        assert_eq!(cut("<html><input value=secret>"), "<!-- 26 bytes -->");
        let long = format!("<s:Envelope><t:{}>secret", "x".repeat(LONGEST_TAG));
        assert!(!cut(&long).contains("secret"));
        assert_eq!(cut(""), "");
    }
}
