//! As much of DER (X.690) as certificates and SPNEGO tokens need.

/// One value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    /// The identifier octet.
    pub(crate) tag: u8,
    /// What is inside.
    pub(crate) content: &'a [u8],
}

/// Takes the first value off `input`. Tags above 30, and lengths that are indefinite or above 2³², are not read.
pub(crate) fn take(input: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let (&tag, rest) = input.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (octets.iter().fold(0_usize, |length, &octet| length << 8 | usize::from(octet)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((Value { tag, content }, rest))
}

/// The content of the first value, if it has this tag.
pub(crate) fn inside(input: &[u8], tag: u8) -> Option<&[u8]> {
    take(input).filter(|(value, _)| value.tag == tag).map(|(value, _)| value.content)
}

/// All values of `input`, up to the first that cannot be read.
pub(crate) fn values(mut input: &[u8]) -> impl Iterator<Item = Value<'_>> {
    std::iter::from_fn(move || {
        let (value, rest) = take(input)?;
        input = rest;
        Some(value)
    })
}

/// A value with its tag and length.
pub(crate) fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let octets = length.to_be_bytes();
    let significant = octets.iter().position(|&octet| octet != 0).map_or(&octets[..0], |first| &octets[first..]);
    let mut out = vec![tag];
    if length < 0x80 {
        out.extend(u8::try_from(length));
    } else {
        out.extend(u8::try_from(significant.len()).map(|count| 0x80 | count));
        out.extend_from_slice(significant);
    }
    out.extend_from_slice(content);
    out
}

pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const SEQUENCE: u8 = 0x30;

/// The constructed, context-specific tag `[number]`.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_come_in_all_sizes() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x12345] {
            let content = vec![7; length];
            let wrapped = [wrap(OCTETS, &content), vec![1]].concat();
            assert_eq!(take(&wrapped), Some((Value { tag: OCTETS, content: &content }, &[1][..])), "{length}");
            assert!(length == 0 || take(&wrapped[..wrapped.len() - 2]).is_none(), "{length}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for input in
            [&[][..], &[4], &[4, 0x80, 0, 0], &[4, 0x84, 0xff, 0xff, 0xff, 0xff], &[4, 0x85, 0, 0, 0, 0, 0], &[0x1f, 0]]
        {
            assert_eq!(take(input), None, "{input:?}");
        }
        assert_eq!(values(&[4, 1, 7, 5, 0, 4, 9]).count(), 2);
    }
}
