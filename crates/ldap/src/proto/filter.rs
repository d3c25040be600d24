//! Filters (RFC 4511 section 4.5.1.7), as deep as anybody needs them.

use super::ber::{self, BerError, OCTET_STRING, SEQUENCE, Values, context, context_of_values};

/// What a search looks for. Names of attributes are as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// One of them.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// The attribute has this value.
    Equal(String, String),
    /// The attribute has a value with these parts, in this order.
    Substrings(String, Vec<Part>),
    /// It has one that is not before this.
    AtLeast(String, String),
    /// It has one that is not behind this.
    AtMost(String, String),
    /// It is there.
    Present(String),
    /// It has a value like this.
    Like(String, String),
    /// A rule of its own, which may name an attribute.
    Rule {
        /// The rule, by name or number.
        rule: Option<String>,
        /// The attribute.
        attribute: Option<String>,
        /// What it is applied to.
        value: String,
    },
}

/// A part of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// At the beginning.
    Initial(String),
    /// Behind the part before.
    Any(String),
    /// At the end.
    Final(String),
}

impl Part {
    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Initial(text) | Self::Any(text) | Self::Final(text) => text,
        }
    }
}

/// ```text
/// Filter ::= CHOICE {
///      and             [0] SET SIZE (1..MAX) OF filter Filter,
///      or              [1] SET SIZE (1..MAX) OF filter Filter,
///      not             [2] Filter,
///      equalityMatch   [3] AttributeValueAssertion,
///      substrings      [4] SubstringFilter,
///      greaterOrEqual  [5] AttributeValueAssertion,
///      lessOrEqual     [6] AttributeValueAssertion,
///      present         [7] AttributeDescription,
///      approxMatch     [8] AttributeValueAssertion,
///      extensibleMatch [9] MatchingRuleAssertion }
/// ```
/// An empty `and` is true and an empty `or` is false (RFC 4526).
pub(super) fn filter(values: &mut Values<'_>, depth: usize) -> Result<Filter, BerError> {
    let depth = depth.checked_sub(1).ok_or(BerError)?;
    let (tag, content) = values.any()?;
    let mut inner = Values::of(content);
    let filter = match tag {
        AND | OR => {
            let mut all = Vec::new();
            while !inner.is_empty() {
                all.push(filter(&mut inner, depth)?);
            }
            if tag == AND { Filter::And(all) } else { Filter::Or(all) }
        }
        NOT => Filter::Not(Box::new(filter(&mut inner, depth)?)),
        EQUAL | AT_LEAST | AT_MOST | LIKE => {
            let (attribute, value) = (inner.text()?.to_owned(), value(inner.next(OCTET_STRING)?));
            match tag {
                EQUAL => Filter::Equal(attribute, value),
                AT_LEAST => Filter::AtLeast(attribute, value),
                AT_MOST => Filter::AtMost(attribute, value),
                _ => Filter::Like(attribute, value),
            }
        }
        SUBSTRINGS => Filter::Substrings(inner.text()?.to_owned(), parts(inner.next(SEQUENCE)?)?),
        PRESENT => return Ok(Filter::Present(ber::text(content)?.to_owned())),
        RULE => {
            let text = |content: Option<&[u8]>| content.map(|text| ber::text(text).map(str::to_owned)).transpose();
            let rule = text(inner.perhaps(context(1))?)?;
            let attribute = text(inner.perhaps(context(2))?)?;
            let value = value(inner.next(context(3))?);
            inner.perhaps(context(4))?.map(ber::boolean).transpose()?;
            Filter::Rule { rule, attribute, value }
        }
        _ => return Err(BerError),
    };
    inner.end()?;
    Ok(filter)
}

/// ```text
/// substrings SEQUENCE SIZE (1..MAX) OF substring CHOICE {
///      initial [0] AssertionValue,  -- can occur at most once
///      any     [1] AssertionValue,
///      final   [2] AssertionValue } -- can occur at most once
/// ```
fn parts(content: &[u8]) -> Result<Vec<Part>, BerError> {
    let mut values = Values::of(content);
    let mut parts = Vec::new();
    while !values.is_empty() {
        let (tag, content) = values.any()?;
        let text = value(content);
        let (is_first, is_last) = (parts.is_empty(), values.is_empty());
        parts.push(match tag {
            INITIAL if is_first => Part::Initial(text),
            ANY => Part::Any(text),
            FINAL if is_last => Part::Final(text),
            _ => return Err(BerError),
        });
    }
    if parts.is_empty() { Err(BerError) } else { Ok(parts) }
}

/// Values are octets. Those of an address list are text, and what is none is like nothing in it.
fn value(content: &[u8]) -> String {
    String::from_utf8_lossy(content).into_owned()
}

const AND: u8 = context_of_values(0);
const OR: u8 = context_of_values(1);
const NOT: u8 = context_of_values(2);
const EQUAL: u8 = context_of_values(3);
const SUBSTRINGS: u8 = context_of_values(4);
const AT_LEAST: u8 = context_of_values(5);
const AT_MOST: u8 = context_of_values(6);
const PRESENT: u8 = context(7);
const LIKE: u8 = context_of_values(8);
const RULE: u8 = context_of_values(9);
const INITIAL: u8 = context(0);
const ANY: u8 = context(1);
const FINAL: u8 = context(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &[u8]) -> Result<Filter, BerError> {
        let mut values = Values::of(octets);
        let read = filter(&mut values, 4)?;
        values.end().map(|()| read)
    }

    #[test]
    fn filters_are_read() {
        // (&(cn=a)(!(mail=*)))
        let both = read(b"\xa0\x11\xa3\x07\x04\x02cn\x04\x01a\xa2\x06\x87\x04mail").unwrap();
        let not = Filter::Not(Box::new(Filter::Present("mail".into())));
        assert_eq!(both, Filter::And(vec![Filter::Equal("cn".into(), "a".into()), not]));
        // (cn=a*b*c)
        let parts = vec![Part::Initial("a".into()), Part::Any("b".into()), Part::Final("c".into())];
        let substrings = b"\xa4\x0f\x04\x02cn\x30\x09\x80\x01a\x81\x01b\x82\x01c";
        assert_eq!(read(substrings), Ok(Filter::Substrings("cn".into(), parts)));
        // (cn:2.5.13.2:=a)
        let rule = read(b"\xa9\x11\x81\x08\x32.5.13.2\x82\x02cn\x83\x01a").unwrap();
        let wanted = Filter::Rule { rule: Some("2.5.13.2".into()), attribute: Some("cn".into()), value: "a".into() };
        assert_eq!(rule, wanted);
        assert_eq!(read(b"\xa0\0"), Ok(Filter::And(Vec::new())));
    }

    #[test]
    fn what_is_none_is_refused_as_a_whole() {
        for wrong in [
            &b"\xa0\x09\xa3\x07\x04\x02cn\x04\x01"[..],
            b"\xa0\x0b\xa3\x07\x04\x02cn\x04\x01a\xa3\0",
            b"\xa3\x09\x04\x02cn\x04\x01a\x04\0",
            b"\xa2\x0c\x87\x04mail\x87\x04mail",
            b"\xa4\x06\x04\x02cn\x30\0",
            b"\xa4\x0c\x04\x02cn\x30\x06\x81\x01b\x80\x01a",
            b"\xaa\0",
            b"\x87\x01\xff",
            // Five deep.
            b"\xa2\x0e\xa2\x0c\xa2\x0a\xa2\x08\xa2\x06\x87\x04mail",
        ] {
            assert_eq!(read(wrong), Err(BerError), "{wrong:x?}");
        }
    }
}
