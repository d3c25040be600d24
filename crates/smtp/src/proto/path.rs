//! `Path = "<" [ A-d-l ":" ] Mailbox ">"` (RFC 5321 section 4.1.2, with the UTF-8 of RFC 6531 section 3.3)

use mailbox::submit::Address;

use super::cursor::Cursor;

/// `Reverse-path = Path / "<>"`. Within: `None` for `<>`.
pub(super) fn reverse_path(cursor: &mut Cursor<'_>) -> Option<Option<Address>> {
    if cursor.skip("<>") {
        return Some(None);
    }
    path(cursor).map(Some)
}

/// `Forward-path = Path`
pub(super) fn path(cursor: &mut Cursor<'_>) -> Option<Address> {
    if !cursor.skip("<") {
        return None;
    }
    // `A-d-l = At-domain *( "," At-domain )`: a route, which nobody follows any more (appendix C).
    if cursor.0.starts_with('@') {
        cursor.take_while(|character| character != ':' && character != '>');
        if !cursor.skip(":") {
            return None;
        }
    }
    let address = mailbox(cursor)?;
    cursor.skip(">").then_some(address)
}

/// `Mailbox = Local-part "@" ( Domain / address-literal )`
fn mailbox(cursor: &mut Cursor<'_>) -> Option<Address> {
    let local = local_part(cursor)?;
    if !cursor.skip("@") {
        return None;
    }
    Address::new(local, domain(cursor)?)
}

/// `Local-part = Dot-string / Quoted-string`. Dots may stand anywhere: addresses like `a..b@example.org` exist.
fn local_part(cursor: &mut Cursor<'_>) -> Option<String> {
    if cursor.skip("\"") {
        return quoted_string(cursor);
    }
    let text = cursor.take_while(|character| is_atext(character) || character == '.');
    (!text.is_empty()).then(|| text.to_owned())
}

/// `Quoted-string = DQUOTE *QcontentSMTP DQUOTE`, behind its first quote.
fn quoted_string(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut text = String::new();
    loop {
        match cursor.take()? {
            '"' => return Some(text),
            '\\' => text.push(cursor.take().filter(|character| (' '..='~').contains(character))?),
            character if character.is_control() => return None,
            character => text.push(character),
        }
    }
}

/// `Domain = sub-domain *("." sub-domain)`, or a literal in brackets. Underscores are no part of the grammar, but of names
/// that exist.
fn domain(cursor: &mut Cursor<'_>) -> Option<String> {
    if cursor.skip("[") {
        let literal = cursor.take_while(|character| character.is_ascii_alphanumeric() || ":.-".contains(character));
        return (cursor.skip("]") && !literal.is_empty()).then(|| format!("[{literal}]"));
    }
    let fits = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character) || is_utf8(character);
    let name = cursor.take_while(fits);
    let is_label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    (name.len() <= LONGEST_DOMAIN && name.split('.').all(is_label)).then(|| name.to_owned())
}

/// `atext` (RFC 5322 section 3.2.3)
fn is_atext(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character) || is_utf8(character)
}

/// `UTF8-non-ascii` (RFC 6532 section 3.1), but for what could hide something: control characters and white space.
fn is_utf8(character: char) -> bool {
    !character.is_ascii() && !character.is_control() && !character.is_whitespace()
}

/// RFC 5321 section 4.5.3.1.2
const LONGEST_DOMAIN: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let long = format!("<a@{}.example>", "x".repeat(250));
        for (text, wanted) in [
            ("<anna@corp.example>", Some("anna@corp.example")),
            ("<@a.example,@b.example:anna@corp.example>", Some("anna@corp.example")),
            ("<\"anna smith\"@corp.example>", Some("\"anna smith\"@corp.example")),
            ("<\"a\\\"b\\\\\"@corp.example>", Some("\"a\\\"b\\\\\"@corp.example")),
            ("<\"plain\"@corp.example>", Some("plain@corp.example")),
            ("<a+b/c=d@[192.0.2.1]>", Some("a+b/c=d@[192.0.2.1]")),
            ("<a@[IPv6:2001:db8::1]>", Some("a@[IPv6:2001:db8::1]")),
            ("<jörg@dömäne.example>", Some("jörg@dömäne.example")),
            ("<a..b.@corp.example>", Some("\"a..b.\"@corp.example")),
            ("<a@my_host>", Some("a@my_host")),
            ("anna@corp.example", None),
            ("<anna@corp.example", None),
            ("<anna>", None),
            ("<@a>", None),
            ("<@a:>", None),
            ("<anna@>", None),
            ("<@>", None),
            ("<anna@corp..example>", None),
            ("<anna@-corp.example>", None),
            ("<anna@corp.example.>", None),
            ("<anna smith@corp.example>", None),
            ("<anna@corp.example bcc:x@y>", None),
            ("<\"anna@corp.example>", None),
            ("<a@b@c>", None),
            ("<a\u{a0}b@c>", None),
            ("<a@[192.0.2.1>", None),
            ("<a@[]>", None),
            (long.as_str(), None),
        ] {
            let mut cursor = Cursor(text);
            let read = path(&mut cursor).filter(|_| cursor.is_at_end());
            assert_eq!(read.map(|address| address.to_string()).as_deref(), wanted, "{text}");
        }
        assert_eq!(reverse_path(&mut Cursor("<>")), Some(None));
    }
}
