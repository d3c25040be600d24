//! Quoted strings and comments in header fields (RFC 5322 section 3.2), as real mailers write them. What has no end
//! goes on to the end of the field.

/// `quoted-string` (section 3.2.4), after its first quote; the folding in it is taken out.
pub(crate) fn quoted_string(rest: &mut &[u8]) -> Vec<u8> {
    let mut taken = Vec::new();
    while let Some(byte) = next(rest) {
        match byte {
            b'"' => break,
            b'\r' | b'\n' | 0 => {}
            b'\\' => taken.extend(next(rest)),
            byte => taken.push(byte),
        }
    }
    taken
}

/// `comment` (section 3.2.2), from its first parenthesis, nested to any depth. Answers its text; those within it stay
/// as they are.
pub(crate) fn comment(rest: &mut &[u8]) -> Vec<u8> {
    let mut taken = Vec::new();
    let mut depth = 0u32;
    while let Some(byte) = next(rest) {
        match byte {
            b'(' => {
                depth = depth.saturating_add(1);
                if depth > 1 {
                    taken.push(byte);
                }
            }
            b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
                taken.push(byte);
            }
            b'\\' => taken.extend(next(rest)),
            b'\r' | b'\n' | 0 => {}
            byte => taken.push(byte),
        }
    }
    taken.trim_ascii().to_vec()
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, others) = rest.split_first()?;
    *rest = others;
    Some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_end_where_they_end_or_with_the_field() {
        let table: [(&[u8], &[u8], &[u8]); 4] = [
            (b"a \\\"b\r\n c\" d", b"a \"b c", b" d"),
            (b"no end\\", b"no end", b""),
            (b"\"x", b"", b"x"),
            (b"", b"", b""),
        ];
        for (field, text, after) in table {
            let mut rest = field;
            assert_eq!((quoted_string(&mut rest).as_slice(), rest), (text, after));
        }
        let table: [(&[u8], &[u8], &[u8]); 3] =
            [(b"( a (b) \\) c ) d", b"a (b) ) c", b" d"), (b"(a (b)", b"a (b)", b""), (b"()", b"", b"")];
        for (field, text, after) in table {
            let mut rest = field;
            assert_eq!((comment(&mut rest).as_slice(), rest), (text, after));
        }
    }
}
