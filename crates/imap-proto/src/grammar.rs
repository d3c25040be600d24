//! The small words of the grammar: spaces, atoms, strings, numbers (RFC 3501 section 9), and the errors of parsers.

use std::borrow::Cow;

use nom::branch::alt;
use nom::bytes::complete::{tag_no_case, take_while, take_while1};
use nom::combinator::{map, opt, value};
use nom::error::ErrorKind;
use nom::sequence::{delimited, preceded, terminated};
use nom::{Err, IResult, Parser};

use crate::command::Reason;

/// What parsers answer.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, Trouble<'a>>;

/// Where a parser stopped, and why.
#[derive(Debug, PartialEq)]
pub(crate) struct Trouble<'a> {
    /// What was not read, which tells the place.
    pub(crate) at: &'a [u8],
    /// What is wrong there.
    pub(crate) reason: Reason,
}

impl<'a> nom::error::ParseError<&'a [u8]> for Trouble<'a> {
    fn from_error_kind(at: &'a [u8], _: ErrorKind) -> Self {
        Self { at, reason: Reason::Expected("something else") }
    }

    fn append(_: &'a [u8], _: ErrorKind, other: Self) -> Self {
        other
    }

    /// Of two alternatives, the one that came further knows better.
    fn or(self, other: Self) -> Self {
        if self.at.len() <= other.at.len() { self } else { other }
    }
}

/// An error here: something else was expected.
pub(crate) fn expected<'a, T>(at: &'a [u8], what: &'static str) -> Parsed<'a, T> {
    Err(Err::Error(Trouble { at, reason: Reason::Expected(what) }))
}

/// An error that no alternative mends.
pub(crate) fn failure<T>(at: &[u8], reason: Reason) -> Parsed<'_, T> {
    Err(Err::Failure(Trouble { at, reason }))
}

/// Gives the parser's error words of its own, if the parser failed at its first octet.
pub(crate) fn named<'a, T>(
    what: &'static str,
    mut parser: impl Parser<&'a [u8], Output = T, Error = Trouble<'a>>,
) -> impl Parser<&'a [u8], Output = T, Error = Trouble<'a>> {
    move |input: &'a [u8]| match parser.parse(input) {
        Err(Err::Error(trouble)) if trouble.at.len() == input.len() => expected(input, what),
        other => other,
    }
}

/// Reads all of `bytes`, which are no suffix of the command (a string's content, say); its errors tell no place.
pub(crate) fn whole<'a, T>(
    bytes: &'a [u8],
    mut parser: impl Parser<&'a [u8], Output = T, Error = Trouble<'a>>,
) -> Option<T> {
    parser.parse(bytes).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, output)| output)
}

/// `SP`, one at least: clients exist that send several.
pub(crate) fn sp(input: &[u8]) -> Parsed<'_, ()> {
    named("a space", value((), take_while1(|byte| byte == b' '))).parse(input)
}

/// Spaces, where the grammar has none.
pub(crate) fn spaces(input: &[u8]) -> Parsed<'_, ()> {
    value((), take_while(|byte| byte == b' ')).parse(input)
}

/// The end of the command; clients exist that send a space before CRLF.
pub(crate) fn end(input: &[u8]) -> Parsed<'_, ()> {
    let (rest, ()) = spaces(input)?;
    if rest.is_empty() { Ok((rest, ())) } else { expected(rest, "the end of the command") }
}

/// A word of the grammar in any case, wholly: no letter or digit follows.
pub(crate) fn keyword<'a>(word: &'static str) -> impl Parser<&'a [u8], Output = (), Error = Trouble<'a>> {
    move |input: &'a [u8]| {
        let (rest, _) = named(word, tag_no_case(word)).parse(input)?;
        if rest.first().is_some_and(u8::is_ascii_alphanumeric) { expected(input, word) } else { Ok((rest, ())) }
    }
}

/// One octet.
pub(crate) fn octet<'a>(octet: u8, what: &'static str) -> impl Parser<&'a [u8], Output = (), Error = Trouble<'a>> {
    move |input: &'a [u8]| match input.split_first() {
        Some((&first, rest)) if first == octet => Ok((rest, ())),
        _ => expected(input, what),
    }
}

/// `"(" [item *(SP item)] ")"`, spaces inside the parentheses allowed.
pub(crate) fn parenthesized<'a, T>(
    mut item: impl Parser<&'a [u8], Output = T, Error = Trouble<'a>>,
) -> impl Parser<&'a [u8], Output = Vec<T>, Error = Trouble<'a>> {
    move |input: &'a [u8]| {
        let (mut rest, ()) = terminated(octet(b'(', "("), spaces).parse(input)?;
        let mut items = Vec::new();
        loop {
            match rest {
                [b')', rest @ ..] => return Ok((rest, items)),
                [] => return expected(rest, ")"),
                _ => {}
            }
            let (after, one) = item.parse(rest)?;
            items.push(one);
            (rest, ()) = spaces(after)?;
            if rest.len() == after.len() && !matches!(rest, [] | [b')', ..]) {
                return expected(rest, "a space or )");
            }
        }
    }
}

/// `ATOM-CHAR = <any CHAR except atom-specials>`
pub(crate) fn is_atom_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

/// `ASTRING-CHAR = ATOM-CHAR / resp-specials`
pub(crate) fn is_astring_char(byte: u8) -> bool {
    is_atom_char(byte) || byte == b']'
}

/// `atom = 1*ATOM-CHAR`
pub(crate) fn atom(input: &[u8]) -> Parsed<'_, &str> {
    named("an atom", map(take_while1(is_atom_char), ascii)).parse(input)
}

/// `number = 1*DIGIT`, below 2^32
pub(crate) fn number(input: &[u8]) -> Parsed<'_, u32> {
    let (rest, number) = number64(input)?;
    u32::try_from(number).map_or_else(|_| expected(input, "a number below 4294967296"), |number| Ok((rest, number)))
}

/// `number64 = 1*DIGIT`, below 2^63 (RFC 9051 section 9); all that fit into 64 bits are taken.
pub(crate) fn number64(input: &[u8]) -> Parsed<'_, u64> {
    let (rest, digits) = named("a number", take_while1(|byte: u8| byte.is_ascii_digit())).parse(input)?;
    ascii(digits).parse().map_or_else(|_| expected(input, "a smaller number"), |number| Ok((rest, number)))
}

/// `nz-number = digit-nz *DIGIT`
pub(crate) fn nz_number(input: &[u8]) -> Parsed<'_, u32> {
    match number(input)? {
        (_, 0) => expected(input, "a number above 0"),
        other => Ok(other),
    }
}

/// `astring = 1*ASTRING-CHAR / string`
pub(crate) fn astring(input: &[u8]) -> Parsed<'_, Cow<'_, [u8]>> {
    named("an atom or a string", alt((map(take_while1(is_astring_char), Cow::Borrowed), string))).parse(input)
}

/// `astring` in UTF-8, which ASCII is too.
pub(crate) fn astring_text(input: &[u8]) -> Parsed<'_, String> {
    let (rest, bytes) = astring(input)?;
    match String::from_utf8(bytes.into_owned()) {
        Ok(text) => Ok((rest, text)),
        Err(_) => expected(input, "text in UTF-8"),
    }
}

/// `nstring = string / nil`
pub(crate) fn nstring(input: &[u8]) -> Parsed<'_, Option<Cow<'_, [u8]>>> {
    alt((value(None, keyword("NIL")), map(string, Some))).parse(input)
}

/// `string = quoted / literal`
pub(crate) fn string(input: &[u8]) -> Parsed<'_, Cow<'_, [u8]>> {
    named("a string", alt((quoted, literal))).parse(input)
}

/// ```text
/// quoted      = DQUOTE *QUOTED-CHAR DQUOTE
/// QUOTED-CHAR = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials / UTF8-2 / UTF8-3 / UTF8-4
/// ```
/// (RFC 9051 section 9). A backslash before any other character stands for itself: names like `DOMAIN\user` are typed
/// into clients that do not double it.
pub(crate) fn quoted(input: &[u8]) -> Parsed<'_, Cow<'_, [u8]>> {
    let (inside, ()) = octet(b'"', "a quoted string").parse(input)?;
    let stop = memchr::memchr3(b'"', b'\\', 0, inside).unwrap_or(inside.len());
    if let Some((content, [b'"', rest @ ..])) = inside.split_at_checked(stop)
        && is_quotable(content)
    {
        return Ok((rest, Cow::Borrowed(content)));
    }
    let mut content = Vec::new();
    let mut rest = inside;
    loop {
        rest = match rest {
            [b'"', rest @ ..] => return Ok((rest, Cow::Owned(content))),
            [b'\\', byte @ (b'"' | b'\\'), rest @ ..] => {
                content.push(*byte);
                rest
            }
            [byte, next @ ..] if is_quotable(&[*byte]) => {
                content.push(*byte);
                next
            }
            [] => return expected(rest, "the \" that ends the string"),
            _ => return expected(rest, "a character that can be quoted"),
        };
    }
}

fn is_quotable(content: &[u8]) -> bool {
    memchr::memchr3(b'\r', b'\n', 0, content).is_none()
}

/// `literal = "{" number ["+"] "}" CRLF *CHAR8` (RFC 7888 section 8) and `literal8 = "~{" ...` (RFC 3516 section 7),
/// the only one that may hold NUL. The framer has seen to it that all octets are there.
fn literal(input: &[u8]) -> Parsed<'_, Cow<'_, [u8]>> {
    let (rest, (may_hold_nul, size)) = announcement(input)?;
    let (rest, _) = named("the line end of a literal", nom::bytes::complete::tag("\r\n")).parse(rest)?;
    let content = usize::try_from(size).ok().and_then(|size| rest.split_at_checked(size));
    let Some((content, after)) = content else { return expected(rest, "the octets of a literal") };
    match memchr::memchr(0, content).filter(|_| !may_hold_nul) {
        Some(at) => expected(rest.get(at..).unwrap_or_default(), "no NUL"),
        None => Ok((after, Cow::Borrowed(content))),
    }
}

/// `["~"] "{" number ["+"] "}"`: whether it was a literal8, and the number of octets.
pub(crate) fn announcement(input: &[u8]) -> Parsed<'_, (bool, u64)> {
    let (rest, tilde) = opt(octet(b'~', "a literal")).parse(input)?;
    let sign = alt((octet(b'+', "+"), octet(b'-', "-")));
    let (rest, size) = delimited(octet(b'{', "a literal"), number64, (opt(sign), octet(b'}', "}"))).parse(rest)?;
    Ok((rest, (tilde.is_some(), size)))
}

/// `SP` and then something.
pub(crate) fn after_sp<'a, T>(
    parser: impl Parser<&'a [u8], Output = T, Error = Trouble<'a>>,
) -> impl Parser<&'a [u8], Output = T, Error = Trouble<'a>> {
    preceded(sp, parser)
}

/// What may follow at the end of a command: nothing, or `SP` and something. If there is something, its errors count.
pub(crate) fn opt_after_sp<'a, T>(
    parser: impl Parser<&'a [u8], Output = T, Error = Trouble<'a>>,
) -> impl Parser<&'a [u8], Output = Option<T>, Error = Trouble<'a>> {
    let mut parser = after_sp(parser);
    move |input: &'a [u8]| match end(input) {
        Ok((rest, ())) => Ok((rest, None)),
        Err(_) => parser.parse(input).map(|(rest, found)| (rest, Some(found))),
    }
}

/// What is known to be ASCII as text.
fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings() {
        let table: &[(&[u8], Option<&[u8]>)] = &[
            (b"\"\"", Some(b"")),
            (b"\"a b\"", Some(b"a b")),
            (b"\"a\\\"b\\\\\"", Some(b"a\"b\\")),
            (b"\"DOMAIN\\user\"", Some(b"DOMAIN\\user")),
            (b"\"gr\xc3\xbc\xc3\x9fe\"", Some("grüße".as_bytes())),
            (b"{3}\r\na\r\n", Some(b"a\r\n")),
            (b"{0+}\r\n", Some(b"")),
            (b"~{2}\r\n\0\0", Some(b"\0\0")),
            (b"{1}\r\n\0", None),
            (b"{4}\r\nabc", None),
            (b"{18446744073709551616}\r\n", None),
            (b"\"a", None),
            (b"\"a\0\"", None),
            (b"\"a\\", None),
            (b"\"a\r\"", None),
        ];
        for (input, wanted) in table {
            let found = whole(input, string);
            assert_eq!(found.as_deref(), *wanted, "{}", String::from_utf8_lossy(input));
        }
    }

    #[test]
    fn lists_may_hold_spaces() {
        for input in ["(a b)", "( a  b )", "(a b )"] {
            assert_eq!(whole(input.as_bytes(), parenthesized(atom)).unwrap(), ["a", "b"]);
        }
        assert!(whole(b"( )", parenthesized(atom)).unwrap().is_empty());
        assert_eq!(whole(b"(a", parenthesized(atom)), None);
        let trouble = parenthesized(atom).parse(b"(a (").unwrap_err();
        assert!(matches!(trouble, Err::Error(Trouble { at: b"(", .. })), "{trouble:?}");
    }
}
