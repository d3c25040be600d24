use quick_xml::events::BytesStart;

use super::document::{attributes, local, name_of};
use super::text::Text;
use super::tokens::{Token, Tokens};
use super::{Element, Unreadable};

/// Reads a small XML document of any kind as a whole.
pub(crate) fn tree(bytes: &[u8]) -> Result<Element, Unreadable> {
    let mut tokens = Tokens::default();
    tokens.push(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes));
    let mut open: Vec<(Element, Text)> = Vec::new();
    let mut root = None;
    let mut any = false;
    let fresh = |any: bool, error| if any { error } else { Unreadable::NotSoap };
    while let Some(token) = tokens.next().map_err(|error| fresh(any, error))? {
        match token {
            Token::Text(text) | Token::Plain(text) if open.is_empty() => {
                if !text.trim_ascii().is_empty() {
                    return Err(fresh(any, Unreadable::Malformed("text outside of it")));
                }
            }
            Token::Text(text) => {
                if let Some((_, gathered)) = open.last_mut() {
                    gathered.push(text, bytes.len())?;
                }
            }
            Token::Plain(text) => {
                if let Some((_, gathered)) = open.last_mut() {
                    gathered.push_plain(text, bytes.len())?;
                }
            }
            Token::Open(_) | Token::Empty(_) if root.is_some() => {
                return Err(Unreadable::Malformed("a second element"));
            }
            Token::Open(tag) => {
                any = true;
                if open.len() >= DEEPEST {
                    return Err(Unreadable::TooBig("its depth"));
                }
                open.push((begin(tag)?, Text::default()));
            }
            Token::Empty(tag) => {
                any = true;
                place(begin(tag)?, &mut open, &mut root);
            }
            Token::Close(name) => {
                let Some((mut element, text)) = open.pop() else {
                    return Err(fresh(any, Unreadable::Malformed("an end")));
                };
                if element.name() != local(&String::from_utf8_lossy(name)) {
                    return Err(Unreadable::Malformed("an end that fits no beginning"));
                }
                if element.all().is_empty() {
                    element.set_text(text.finish());
                }
                place(element, &mut open, &mut root);
            }
        }
    }
    match root {
        Some(root) if tokens.is_between() => Ok(root),
        None if !any && tokens.is_between() => Err(Unreadable::Empty),
        _ => Err(fresh(any, Unreadable::Cut)),
    }
}

fn place(element: Element, open: &mut [(Element, Text)], root: &mut Option<Element>) {
    match open.last_mut() {
        Some((parent, _)) => parent.push(element),
        None => *root = Some(element),
    }
}

fn begin(tag: &[u8]) -> Result<Element, Unreadable> {
    let content = String::from_utf8_lossy(tag);
    let name = name_of(&content);
    let start = BytesStart::from_content(content.as_ref(), name.len());
    match local(name) {
        "" => Err(Unreadable::Malformed("a tag without a name")),
        name => Ok(Element::new(name, attributes(&start))),
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// No small document is deeper.
const DEEPEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_documents_are_read_and_others_refused() {
        let read =
            tree(b"\xEF\xBB\xBF<?xml version='1.0'?>\n<x:a n='&lt;1'><b>t &amp; u</b><!-- --><b/></x:a>\n").unwrap();
        assert_eq!((read.name(), read.attribute("n"), read.all().len()), ("a", Some("<1"), 2));
        assert_eq!(read.child("b").unwrap().text(), "t & u");
        for (bad, error) in [
            ("", Unreadable::Empty),
            (" \n", Unreadable::Empty),
            ("hello", Unreadable::NotSoap),
            ("<!DOCTYPE html><html></html>", Unreadable::NotSoap),
            ("<a><b></a></b>", Unreadable::Malformed("an end that fits no beginning")),
            ("<a>", Unreadable::Cut),
            ("<a></a", Unreadable::Cut),
            ("<a/><b/>", Unreadable::Malformed("a second element")),
            ("<a/>b", Unreadable::Malformed("text outside of it")),
            ("</a>", Unreadable::NotSoap),
            (&"<a>".repeat(100), Unreadable::TooBig("its depth")),
        ] {
            assert_eq!(tree(bad.as_bytes()), Err(error), "{bad}");
        }
    }
}
