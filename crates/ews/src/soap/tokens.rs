use std::ops::Range;

use memchr::{memchr, memmem};

use super::Unreadable;

/// Cuts a stream of bytes into tags and text (XML 1.0 section 2.4). Text comes in pieces, so none is ever held whole.
///
/// Comments and processing instructions are dropped. A document type is refused: with it go entity declarations.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    buffer: Vec<u8>,
    /// What of the buffer was handed out.
    at: usize,
    within: Within,
}

/// One piece of a document. Bytes are as they came: references unresolved, UTF-8 unchecked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `<name attributes>` without its brackets.
    Open(&'a [u8]),
    /// `<name attributes/>` without its brackets and slash.
    Empty(&'a [u8]),
    /// The name in `</name>`.
    Close(&'a [u8]),
    /// Text in which references stand for characters.
    Text(&'a [u8]),
    /// Text in which they do not.
    Plain(&'a [u8]),
}

#[derive(Clone, Copy, Debug, Default)]
enum Within {
    #[default]
    Content,
    /// A tag, searched for its end up to here, perhaps within quotes.
    Tag { scanned: usize, quote: Option<u8> },
    /// Something dropped until this ends it.
    Dropped(&'static [u8]),
    /// `<![CDATA[`
    CData,
}

/// What [`Tokens::step`] found.
enum Step {
    Token(Kind, Range<usize>),
    Nothing,
    NeedBytes,
}

enum Kind {
    Tag,
    Text,
    Plain,
}

impl Tokens {
    /// Takes in more bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// True if no tag, comment or the like is cut off.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.within, Within::Content) && self.at == self.buffer.len()
    }

    /// The next token; None if more bytes are needed for one.
    pub(super) fn next(&mut self) -> Result<Option<Token<'_>>, Unreadable> {
        loop {
            match self.step()? {
                Step::NeedBytes => return Ok(None),
                Step::Nothing => {}
                Step::Token(kind, range) => {
                    let bytes = self.buffer.get(range).unwrap_or_default();
                    return Ok(Some(match kind {
                        Kind::Text => Token::Text(bytes),
                        Kind::Plain => Token::Plain(bytes),
                        Kind::Tag => tag(bytes),
                    }));
                }
            }
        }
    }

    fn step(&mut self) -> Result<Step, Unreadable> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(Step::NeedBytes);
        }
        match self.within {
            Within::Content if rest.first() != Some(&b'<') => {
                let length = memchr(b'<', rest).unwrap_or(rest.len());
                Ok(self.take(Kind::Text, 0, length, 0))
            }
            Within::Content => match opening(rest)? {
                None => Ok(Step::NeedBytes),
                Some((within, length)) => {
                    self.at += length;
                    self.within = within;
                    Ok(Step::Nothing)
                }
            },
            Within::Dropped(end) => Ok(self.drop_until(end)),
            Within::CData => Ok(self.cdata()),
            Within::Tag { scanned, quote } => self.tag(scanned, quote),
        }
    }

    /// Hands out `length` bytes after `before` others; `after` more are passed over.
    fn take(&mut self, kind: Kind, before: usize, length: usize, after: usize) -> Step {
        let start = self.at + before;
        self.at = start + length + after;
        Step::Token(kind, start..start + length)
    }

    /// `'<' Name (S Attribute)* S? '>'` (XML 1.0 section 3.1); a `>` within quotes does not end it.
    fn tag(&mut self, scanned: usize, mut quote: Option<u8>) -> Result<Step, Unreadable> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        for (at, byte) in rest.iter().enumerate().skip(scanned) {
            match (quote, byte) {
                (None, b'>') => {
                    self.within = Within::Content;
                    return Ok(self.take(Kind::Tag, 0, at, 1));
                }
                (None, b'"' | b'\'') => quote = Some(*byte),
                (Some(open), _) if open == *byte => quote = None,
                _ => {}
            }
        }
        if rest.len() > LONGEST_TAG {
            return Err(Unreadable::TooBig("a tag"));
        }
        self.within = Within::Tag { scanned: rest.len(), quote };
        Ok(Step::NeedBytes)
    }

    fn drop_until(&mut self, end: &'static [u8]) -> Step {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        match memmem::find(rest, end) {
            Some(at) => {
                self.at += at + end.len();
                self.within = Within::Content;
                Step::Nothing
            }
            None => {
                self.at += rest.len().saturating_sub(end.len() - 1);
                Step::NeedBytes
            }
        }
    }

    fn cdata(&mut self) -> Step {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        match memmem::find(rest, b"]]>") {
            Some(at) => {
                self.within = Within::Content;
                self.take(Kind::Plain, 0, at, 3)
            }
            None if rest.len() <= 2 => Step::NeedBytes,
            None => self.take(Kind::Plain, 0, rest.len() - 2, 0),
        }
    }
}

/// What begins with this `<`, and how many bytes say so; None if that cannot be told yet.
fn opening(rest: &[u8]) -> Result<Option<(Within, usize)>, Unreadable> {
    let special: [(&[u8], Within); 3] =
        [(b"<!--", Within::Dropped(b"-->")), (b"<![CDATA[", Within::CData), (b"<?", Within::Dropped(b"?>"))];
    if let Some((start, within)) = special.iter().find(|(start, _)| rest.starts_with(start)) {
        return Ok(Some((*within, start.len())));
    }
    if special.iter().any(|(start, _)| start.starts_with(rest)) {
        return Ok(None);
    }
    match rest.get(1) {
        Some(b'!') => Err(Unreadable::Malformed("a document type")),
        _ => Ok(Some((Within::Tag { scanned: 0, quote: None }, 1))),
    }
}

fn tag(bytes: &[u8]) -> Token<'_> {
    match bytes {
        [b'/', name @ ..] => Token::Close(name.trim_ascii()),
        [content @ .., b'/'] => Token::Empty(content),
        content => Token::Open(content),
    }
}

/// Ids are at most 512 bytes and sync states are text, so tags are short.
const LONGEST_TAG: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8], piece: usize) -> Result<Vec<String>, Unreadable> {
        let mut tokens = Tokens::default();
        let mut seen: Vec<String> = Vec::new();
        for bytes in input.chunks(piece) {
            tokens.push(bytes);
            while let Some(token) = tokens.next()? {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let token = match token {
                    Token::Open(bytes) => format!("<{}>", text(bytes)),
                    Token::Empty(bytes) => format!("<{}/>", text(bytes)),
                    Token::Close(bytes) => format!("</{}>", text(bytes)),
                    Token::Text(bytes) | Token::Plain(bytes) => text(bytes),
                };
                match seen.last_mut() {
                    Some(last) if !last.starts_with('<') && !token.starts_with('<') => last.push_str(&token),
                    _ => seen.push(token),
                }
            }
        }
        assert!(tokens.is_between() || !input.ends_with(b">"));
        Ok(seen)
    }

    #[test]
    fn pieces_of_any_size_give_the_same() {
        let input = b"<?xml version='1.0'?><a b=\"x>y\"><!-- <no> --->t1&amp;<![CDATA[(raw)&amp;]]]>t2<c d='\"'/></a >";
        for piece in 1..input.len() {
            let expected = ["<a b=\"x>y\">", "t1&amp;(raw)&amp;]t2", "<c d='\"'/>", "</a>"];
            assert_eq!(all(input, piece).unwrap(), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn document_types_are_refused() {
        for input in ["<!DOCTYPE a [<!ENTITY x 'y'>]><a/>", "<a><!ENTITY x 'y'></a>", "<![INCLUDE["] {
            assert_eq!(all(input.as_bytes(), 3), Err(Unreadable::Malformed("a document type")), "{input}");
        }
    }

    #[test]
    fn endless_tags_are_refused() {
        let input = [b"<a b='".to_vec(), vec![b'x'; 2 * LONGEST_TAG]].concat();
        assert_eq!(all(&input, 1000), Err(Unreadable::TooBig("a tag")));
    }
}
