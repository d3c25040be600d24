//! The values of Content-Type and its kin: tokens, parameters, comments. What a value says is kept as written,
//! encoded words and RFC 2231 pieces included, because that is what BODYSTRUCTURE carries.

use crate::tokens::{comment, quoted_string};

/// A value with parameters: `text/plain; charset=utf-8`, `attachment; filename="a.pdf"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameterized {
    /// What stands before the first semicolon.
    pub(crate) value: Vec<u8>,
    /// Names and values, quotes and folding removed.
    pub(crate) parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

/// `type "/" subtype` (RFC 2045 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContentType {
    pub(crate) kind: Vec<u8>,
    pub(crate) subtype: Vec<u8>,
    pub(crate) parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

impl ContentType {
    /// RFC 2045 section 5.2: what a part is that does not say.
    pub(crate) fn text_plain() -> Self {
        Self {
            kind: b"text".to_vec(),
            subtype: b"plain".to_vec(),
            parameters: vec![(b"charset".to_vec(), b"us-ascii".to_vec())],
        }
    }

    /// RFC 2046 section 5.1.5: the same within multipart/digest.
    pub(crate) fn message() -> Self {
        Self { kind: b"message".to_vec(), subtype: b"rfc822".to_vec(), parameters: Vec::new() }
    }

    /// `None` if there is no type and subtype in it.
    pub(crate) fn parse(field: &[u8]) -> Option<Self> {
        let Parameterized { value, parameters } = Parameterized::parse(field);
        let slash = memchr::memchr(b'/', &value)?;
        let (kind, subtype) = (value.get(..slash)?.trim_ascii(), value.get(slash + 1..)?.trim_ascii());
        if kind.is_empty() || subtype.is_empty() {
            return None;
        }
        Some(Self { kind: kind.to_vec(), subtype: subtype.to_vec(), parameters })
    }

    pub(crate) fn is(&self, kind: &str, subtype: &str) -> bool {
        self.is_a(kind) && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    pub(crate) fn is_a(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
    }

    /// The first parameter of that name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&[u8]> {
        self.parameters
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
    }
}

impl Parameterized {
    /// `value *(";" attribute "=" value)` (RFC 2045 section 5.1, RFC 2183 section 2). Parameters that are none are
    /// passed over.
    pub(crate) fn parse(field: &[u8]) -> Self {
        let mut cursor = Cursor { rest: field };
        let value = cursor.value();
        let mut parameters = Vec::new();
        while cursor.next_parameter() {
            let name = cursor.until(b"=;");
            if !cursor.take(b'=') {
                continue;
            }
            let value = cursor.value();
            if !name.is_empty() && parameters.len() < MOST_PARAMETERS {
                parameters.push((name, value));
            }
        }
        Self { value, parameters }
    }
}

/// `language-list = Language-tag *("," Language-tag)` (RFC 3282).
pub(crate) fn languages(field: &[u8]) -> Vec<Vec<u8>> {
    let mut cursor = Cursor { rest: field };
    let mut tags = Vec::new();
    while !cursor.rest.is_empty() && tags.len() < MOST_PARAMETERS {
        let tag = cursor.until(b",");
        if !tag.is_empty() {
            tags.push(tag);
        }
        cursor.take(b',');
    }
    tags
}

/// A value that is one token: Content-Transfer-Encoding. Comments are left out.
pub(crate) fn token(field: &[u8]) -> Vec<u8> {
    Cursor { rest: field }.until(b";")
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    /// On to what follows the next semicolon.
    fn next_parameter(&mut self) -> bool {
        self.until(b";");
        self.take(b';')
    }

    fn take(&mut self, wanted: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == wanted => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// `value = token / quoted-string`. Seen from many mailers: spaces within a value that has no quotes.
    fn value(&mut self) -> Vec<u8> {
        self.white_space();
        if self.take(b'"') { quoted_string(&mut self.rest) } else { self.until(b";") }
    }

    /// Up to one of `ends`, which stays; white space around it and comments are left out.
    fn until(&mut self, ends: &[u8]) -> Vec<u8> {
        self.white_space();
        let mut taken = Vec::new();
        while let Some((&byte, rest)) = self.rest.split_first() {
            if ends.contains(&byte) {
                break;
            }
            if byte == b'(' && taken.last().is_none_or(u8::is_ascii_whitespace) {
                let mut behind = Cursor { rest: self.rest };
                behind.white_space();
                // Seen from many mailers: what ends with a comment has one; `My file (1).pdf` has none.
                let (comments, rest) = self.rest.split_at(self.rest.len() - behind.rest.len());
                self.rest = rest;
                if rest.first().is_some_and(|next| !ends.contains(next)) {
                    taken.extend(comments.iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
                }
                continue;
            }
            self.rest = rest;
            match byte {
                b'\r' | b'\n' | 0 => {}
                b'"' if ends == b";" && taken.is_empty() => taken.extend(quoted_string(&mut self.rest)),
                byte => taken.push(byte),
            }
        }
        taken.trim_ascii().to_vec()
    }

    fn white_space(&mut self) {
        loop {
            self.rest = self.rest.trim_ascii_start();
            if !self.rest.starts_with(b"(") {
                return;
            }
            comment(&mut self.rest);
        }
    }
}

const MOST_PARAMETERS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_comments_take_no_more_time_than_others() {
        let name = format!("{}{} x", " (x".repeat(50_000), ")".repeat(50_000));
        let field = format!("attachment; filename=a{name}; size=1");
        let parsed = Parameterized::parse(field.as_bytes());
        let expected = [(b"filename".to_vec(), format!("a{name}").into_bytes()), (b"size".to_vec(), b"1".to_vec())];
        assert!(parsed.parameters == expected);
        let many = format!("a{} b", " (x)".repeat(100_000));
        assert!(token(many.as_bytes()) == many.as_bytes());
    }

    fn shown(field: &str) -> String {
        let parsed = Parameterized::parse(field.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut shown = text(&parsed.value);
        for (name, value) in &parsed.parameters {
            shown += &format!(" | {} = {}", text(name), text(value));
        }
        shown
    }

    #[test]
    fn values_and_parameters() {
        for (field, wanted) in [
            (" text/plain", "text/plain"),
            (" text/plain; charset=utf-8", "text/plain | charset = utf-8"),
            ("text/plain;charset=\"utf-8\";\r\n format=flowed", "text/plain | charset = utf-8 | format = flowed"),
            ("text/plain (a (nested) comment) ; charset=us-ascii (Plain)", "text/plain | charset = us-ascii"),
            (
                "attachment; filename=My report (1).pdf; size=12",
                "attachment | filename = My report (1).pdf | size = 12",
            ),
            ("attachment; filename=report(1).pdf", "attachment | filename = report(1).pdf"),
            ("attachment; filename=\"a \\\"b\\\" ;c\"", "attachment | filename = a \"b\" ;c"),
            ("a/b; name*0*=utf-8''x%20; name*1=\"y\"", "a/b | name*0* = utf-8''x%20 | name*1 = y"),
            ("multipart/mixed; boundary=\"==_a;b\" junk; x=y", "multipart/mixed | boundary = ==_a;b | x = y"),
            ("a/b;;; x; =y; z=", "a/b | z = "),
            ("a/b; name=\"no end", "a/b | name = no end"),
            ("(never closed", ""),
            ("", ""),
        ] {
            assert_eq!(shown(field), wanted, "{field}");
        }
    }

    #[test]
    fn types_tokens_languages() {
        assert!(ContentType::parse(b" TEXT / Html ; charset=x").unwrap().is("text", "html"));
        assert_eq!(ContentType::parse(b"text"), None);
        assert_eq!(ContentType::parse(b"/plain"), None);
        assert_eq!(token(b" base64 (comment)"), b"base64");
        assert_eq!(languages(b"de, en (really),,fr"), [b"de".to_vec(), b"en".to_vec(), b"fr".to_vec()]);
    }
}
