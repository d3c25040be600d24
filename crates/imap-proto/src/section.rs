//! Sections of a message: what stands between the brackets of `BODY[...]`.

use nom::Parser;
use nom::bytes::complete::take_while1;
use nom::combinator::opt;
use nom::multi::separated_list1;
use nom::sequence::preceded;

use crate::grammar::{Parsed, after_sp, astring_text, expected, number64, nz_number, octet, parenthesized, whole};
use crate::response::word;

/// `section` (RFC 3501 section 6.4.5): a part and what of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Section {
    /// Part numbers from the outside in, each at least 1; empty for the message itself.
    pub part: Vec<u32>,
    /// What of it.
    pub text: SectionText,
}

/// What of a part is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum SectionText {
    /// All of it: the whole message, or the content of the part.
    #[default]
    All,
    /// `HEADER`: of the message, or of the message that the part is.
    Header,
    /// `HEADER.FIELDS (...)`: names as sent.
    HeaderFields(Vec<String>),
    /// `HEADER.FIELDS.NOT (...)`: names as sent.
    HeaderFieldsNot(Vec<String>),
    /// `TEXT`: what follows the header.
    Text,
    /// `MIME`: the header of the part.
    Mime,
}

/// `<offset.length>`: some octets of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// First octet, from 0.
    pub offset: u64,
    /// Octets wanted, at least 1.
    pub length: u64,
}

impl Section {
    /// Reads what stands between the brackets; `None` if it is no section.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        whole(&[b"[", text, b"]"].concat(), section)
    }

    /// Writes it as between the brackets of an answer.
    pub fn write(&self, out: &mut Vec<u8>) {
        for (index, &number) in self.part.iter().enumerate() {
            if index > 0 {
                out.push(b'.');
            }
            word::number(out, number);
        }
        if !self.part.is_empty() && self.text != SectionText::All {
            out.push(b'.');
        }
        match &self.text {
            SectionText::All => {}
            SectionText::Header => out.extend_from_slice(b"HEADER"),
            SectionText::HeaderFields(fields) => write_fields(out, b"HEADER.FIELDS (", fields),
            SectionText::HeaderFieldsNot(fields) => write_fields(out, b"HEADER.FIELDS.NOT (", fields),
            SectionText::Text => out.extend_from_slice(b"TEXT"),
            SectionText::Mime => out.extend_from_slice(b"MIME"),
        }
    }
}

fn write_fields(out: &mut Vec<u8>, start: &[u8], fields: &[String]) {
    out.extend_from_slice(start);
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        word::astring(out, field.as_bytes());
    }
    out.push(b')');
}

/// ```text
/// section      = "[" [section-spec] "]"
/// section-spec = section-msgtext / (section-part ["." section-text])
/// ```
pub(crate) fn section(input: &[u8]) -> Parsed<'_, Section> {
    let (rest, ()) = octet(b'[', "[").parse(input)?;
    if let [b']', rest @ ..] = rest {
        return Ok((rest, Section::default()));
    }
    let (rest, part) = part(rest)?;
    let (rest, text) = match rest {
        [b']', ..] if !part.is_empty() => (rest, SectionText::All),
        [b'.', rest @ ..] if !part.is_empty() => section_text(rest)?,
        _ if part.is_empty() => section_text(rest)?,
        _ => return expected(rest, "] or a section name"),
    };
    if part.is_empty() && text == SectionText::Mime {
        return expected(input, "a part number before MIME");
    }
    let (rest, ()) = octet(b']', "]").parse(rest)?;
    Ok((rest, Section { part, text }))
}

/// `section-binary = "[" [section-part] "]"` (RFC 3516 section 7)
pub(crate) fn section_binary(input: &[u8]) -> Parsed<'_, Vec<u32>> {
    let (rest, (_, part, _)) = (octet(b'[', "["), part, octet(b']', "]")).parse(input)?;
    Ok((rest, part))
}

/// `section-part = nz-number *("." nz-number)`, or nothing.
fn part(input: &[u8]) -> Parsed<'_, Vec<u32>> {
    let (rest, part) = opt(separated_list1(octet(b'.', "."), nz_number)).parse(input)?;
    Ok((rest, part.unwrap_or_default()))
}

/// ```text
/// section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
/// section-text    = section-msgtext / "MIME"
/// header-list     = "(" header-fld-name *(SP header-fld-name) ")"
/// ```
fn section_text(input: &[u8]) -> Parsed<'_, SectionText> {
    let (rest, name) = take_while1(|byte: u8| byte.is_ascii_alphabetic() || byte == b'.').parse(input)?;
    let fields = |rest| {
        let (rest, fields) = after_sp(parenthesized(astring_text)).parse(rest)?;
        if fields.is_empty() { expected(rest, "a field name") } else { Ok((rest, fields)) }
    };
    match name.to_ascii_uppercase().as_slice() {
        b"HEADER" => Ok((rest, SectionText::Header)),
        b"TEXT" => Ok((rest, SectionText::Text)),
        b"MIME" => Ok((rest, SectionText::Mime)),
        b"HEADER.FIELDS" => fields(rest).map(|(rest, fields)| (rest, SectionText::HeaderFields(fields))),
        b"HEADER.FIELDS.NOT" => fields(rest).map(|(rest, fields)| (rest, SectionText::HeaderFieldsNot(fields))),
        _ => expected(input, "HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME"),
    }
}

/// `partial = "<" number "." nz-number ">"`, in 64 bits as of RFC 9051.
pub(crate) fn partial(input: &[u8]) -> Parsed<'_, Option<Partial>> {
    let numbers = (number64, preceded(octet(b'.', "."), number64));
    let Ok((rest, ())) = octet(b'<', "<").parse(input) else { return Ok((input, None)) };
    let (after, ((offset, length), ())) = (numbers, octet(b'>', ">")).parse(rest)?;
    if length == 0 {
        return expected(rest, "a length above 0");
    }
    Ok((after, Some(Partial { offset, length })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_written_as_read() {
        let table = [
            "[]",
            "[1]",
            "[4.1.2]",
            "[HEADER]",
            "[TEXT]",
            "[1.MIME]",
            "[3.HEADER]",
            "[3.2.TEXT]",
            "[HEADER.FIELDS (DATE FROM)]",
            "[1.2.HEADER.FIELDS.NOT (a b)]",
            "[HEADER.FIELDS (\"a b\")]",
        ];
        for text in table {
            let section = whole(text.as_bytes(), section).expect(text);
            let mut out = vec![b'['];
            section.write(&mut out);
            out.push(b']');
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        for text in
            ["[", "[1", "[MIME]", "[0]", "[1.]", "[.1]", "[1 ]", "[HEADER.FIELDS]", "[HEADER.FIELDS ()]", "[FOO]"]
        {
            assert_eq!(whole(text.as_bytes(), section), None, "{text}");
        }
    }

    #[test]
    fn partials() {
        assert_eq!(whole(b"<0.393216>", partial), Some(Some(Partial { offset: 0, length: 393_216 })));
        assert_eq!(whole(b"", partial), Some(None));
        for text in ["<0>", "<0.0>", "<.1>", "<0.1", "<-1.1>"] {
            assert_eq!(whole(text.as_bytes(), partial), None, "{text}");
        }
    }
}
