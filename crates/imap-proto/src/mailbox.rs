//! Names of mailboxes, and patterns for them.

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::combinator::map;

use crate::grammar::{Trouble, astring, expected, is_astring_char, named, string};

/// How names are written on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Names {
    /// Modified UTF-7 (RFC 3501 section 5.1.3): the default.
    #[default]
    ModifiedUtf7,
    /// As they are: after `ENABLE UTF8=ACCEPT` (RFC 6855) or `ENABLE IMAP4rev2`.
    Utf8,
}

/// A mailbox name in Unicode, decoded. The inbox is always `INBOX`, however the client wrote it; of names below it
/// (`Inbox/Sub`) the case is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MailboxName(pub String);

/// A `list-mailbox` in Unicode, decoded: a name in which `*` stands for anything and `%` for anything without a
/// hierarchy delimiter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(pub String);

impl MailboxName {
    /// The inbox.
    #[must_use]
    pub fn inbox() -> Self {
        Self(INBOX.to_owned())
    }

    /// True for the inbox, not for mailboxes below it.
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        self.0 == INBOX
    }

    /// The name on the wire: modified UTF-7.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode_utf7(&self.0)
    }

    /// The name that `wire` stands for; `None` if it stands for none. Names that are not ASCII are taken as UTF-8
    /// even where modified UTF-7 is to be used: clients exist that do not ask first. Names of more than 2000 octets
    /// in UTF-8 are none.
    #[must_use]
    pub fn decode(wire: &[u8], names: Names) -> Option<Self> {
        let name = decode(wire, names)?;
        Some(if name.eq_ignore_ascii_case(INBOX) { Self::inbox() } else { Self(name) })
    }
}

impl Pattern {
    /// True if the name matches. The case of `INBOX`, alone or at the beginning of a path, does not count.
    /// Takes time in proportion to the product of both lengths, whatever the pattern.
    #[must_use]
    pub fn matches(&self, name: &MailboxName, delimiter: Option<char>) -> bool {
        let pattern: Vec<char> = self.0.chars().collect();
        let below_inbox =
            name.0.strip_prefix(INBOX).is_some_and(|rest| rest.is_empty() || rest.chars().next() == delimiter);
        // at[i]: the first i characters of the pattern match the characters of the name so far.
        let mut at = vec![false; pattern.len() + 1];
        set(&mut at, 0);
        pass_wildcards(&pattern, &mut at);
        for (index, char) in name.0.chars().enumerate() {
            if !at.contains(&true) {
                return false;
            }
            let any_case = below_inbox && index < INBOX.len();
            let mut next = vec![false; pattern.len() + 1];
            for (index, &wanted) in pattern.iter().enumerate().filter(|&(index, _)| at.get(index) == Some(&true)) {
                match wanted {
                    '*' => set(&mut next, index),
                    '%' if Some(char) != delimiter => set(&mut next, index),
                    '%' => {}
                    _ if wanted == char || any_case && wanted.eq_ignore_ascii_case(&char) => set(&mut next, index + 1),
                    _ => {}
                }
            }
            pass_wildcards(&pattern, &mut next);
            at = next;
        }
        at.last() == Some(&true)
    }
}

fn set(at: &mut [bool], index: usize) {
    if let Some(at) = at.get_mut(index) {
        *at = true;
    }
}

/// Wildcards match nothing, too.
fn pass_wildcards(pattern: &[char], at: &mut [bool]) {
    for (index, char) in pattern.iter().enumerate() {
        if matches!(char, '*' | '%') && at.get(index) == Some(&true) {
            set(at, index + 1);
        }
    }
}

/// `mailbox = "INBOX" / astring`
pub(crate) fn mailbox<'a>(names: Names) -> impl Parser<&'a [u8], Output = MailboxName, Error = Trouble<'a>> {
    move |input: &'a [u8]| {
        let (rest, wire) = named("a mailbox name", astring).parse(input)?;
        match MailboxName::decode(&wire, names) {
            Some(name) => Ok((rest, name)),
            None => expected(input, BAD_NAME),
        }
    }
}

/// ```text
/// list-mailbox = 1*list-char / string
/// list-char    = ATOM-CHAR / list-wildcards / resp-specials
/// ```
pub(crate) fn pattern<'a>(names: Names) -> impl Parser<&'a [u8], Output = Pattern, Error = Trouble<'a>> {
    move |input: &'a [u8]| {
        let bare = map(take_while1(|byte| is_astring_char(byte) || matches!(byte, b'*' | b'%')), Into::into);
        let (rest, wire) = named("a mailbox pattern", alt((bare, string))).parse(input)?;
        match decode(&wire, names) {
            Some(pattern) => Ok((rest, Pattern(pattern))),
            None => expected(input, BAD_NAME),
        }
    }
}

fn decode(wire: &[u8], names: Names) -> Option<String> {
    let text = std::str::from_utf8(wire).ok().filter(|text| !text.chars().any(is_forbidden))?;
    let name = match names {
        Names::Utf8 => text.to_owned(),
        Names::ModifiedUtf7 => decode_utf7(text)?,
    };
    Some(name).filter(|name| name.len() <= LONGEST)
}

/// Control characters, and what separates lines and paragraphs (RFC 9755 section 3).
fn is_forbidden(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}' | '\u{2029}')
}

/// RFC 3501 section 5.1.3. What should not have been encoded, as `&AGE-` for `a`, is decoded all the same.
fn decode_utf7(mut text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    while let Some((plain, rest)) = text.split_once('&') {
        name.push_str(plain);
        let (shifted, rest) = rest.split_once('-')?;
        if shifted.is_empty() {
            name.push('&')
        } else {
            name.push_str(&decode_shifted(shifted)?)
        }
        text = rest;
    }
    name.push_str(text);
    Some(name)
}

/// UTF-16 in base64 with `,` for `/` and without `=`.
fn decode_shifted(shifted: &str) -> Option<String> {
    let mut units = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for byte in shifted.bytes() {
        let digit = BASE64.iter().position(|&digit| digit == byte)?;
        bits = bits << 6 | u32::try_from(digit).ok()?;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push(u16::try_from(bits >> count).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    let complete = count < 6 && bits == 0;
    String::from_utf16(&units).ok().filter(|text| complete && !text.contains('\0'))
}

fn encode_utf7(name: &str) -> Vec<u8> {
    let mut wire = Vec::with_capacity(name.len());
    let mut shifted = String::new();
    for char in name.chars() {
        match char {
            ' '..='~' => {
                encode_shifted(&mut wire, &mut shifted);
                wire.push(char as u8);
                if char == '&' {
                    wire.push(b'-');
                }
            }
            _ => shifted.push(char),
        }
    }
    encode_shifted(&mut wire, &mut shifted);
    wire
}

fn encode_shifted(wire: &mut Vec<u8>, shifted: &mut String) {
    if shifted.is_empty() {
        return;
    }
    wire.push(b'&');
    let (mut bits, mut count) = (0u32, 0);
    for unit in shifted.encode_utf16() {
        bits = bits << 16 | u32::from(unit);
        count += 16;
        while count >= 6 {
            count -= 6;
            wire.push(digit(bits >> count));
            bits &= (1 << count) - 1;
        }
    }
    if count > 0 {
        wire.push(digit(bits << (6 - count)));
    }
    wire.push(b'-');
    shifted.clear();
}

fn digit(bits: u32) -> u8 {
    BASE64.get((bits & 63) as usize).copied().unwrap_or(b'A')
}

const INBOX: &str = "INBOX";
/// Octets of a name or pattern. Exchange's names have 255 characters, and its paths few of them; matching
/// a pattern takes time in proportion to its length.
const LONGEST: usize = 2000;
const BAD_NAME: &str = "a mailbox name in modified UTF-7 (& alone is written &-)";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_read() {
        let table = [
            ("INBOX", "INBOX"),
            ("~peter/mail/\u{53f0}\u{5317}/\u{65e5}\u{672c}\u{8a9e}", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("AT&T", "AT&-T"),
            ("&&", "&-&-"),
            ("\u{1f4e7} mail", "&2D3c5w- mail"),
            ("tab\there", "tab&AAk-here"),
            ("", ""),
        ];
        for (name, wire) in table {
            assert_eq!(String::from_utf8(MailboxName(name.into()).encode()).unwrap(), wire);
            assert_eq!(MailboxName::decode(wire.as_bytes(), Names::ModifiedUtf7).unwrap().0, name);
        }
    }

    #[test]
    fn names_that_are_none() {
        for wire in ["&", "AT&T", "&Jjo", "&Jjo!-", "&2D0-", "&AA-", "&AAB-", "a\tb", "&AAA-"] {
            assert_eq!(MailboxName::decode(wire.as_bytes(), Names::ModifiedUtf7), None, "{wire}");
        }
        assert_eq!(MailboxName::decode(b"\xff", Names::Utf8), None);
        assert_eq!(MailboxName::decode("a\u{2028}".as_bytes(), Names::Utf8), None);
        assert_eq!(MailboxName::decode("a\u{85}".as_bytes(), Names::Utf8), None);
        assert_eq!(MailboxName::decode(&[b'a'; 2001], Names::Utf8), None);
    }

    #[test]
    fn names_in_utf8() {
        assert_eq!(MailboxName::decode("AT&T".as_bytes(), Names::Utf8).unwrap().0, "AT&T");
        assert_eq!(MailboxName::decode("Entwürfe".as_bytes(), Names::ModifiedUtf7).unwrap().0, "Entwürfe");
        assert!(MailboxName::decode(b"inBox", Names::Utf8).unwrap().is_inbox());
        assert_eq!(MailboxName::decode(b"Inbox/a", Names::Utf8).unwrap().0, "Inbox/a");
    }

    #[test]
    fn patterns() {
        let table = [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%", "a", true),
            ("%/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("a/*", "a/b/c", true),
            ("a*c", "a/b/c", true),
            ("a%c", "abc", true),
            ("a%c", "a/c", false),
            ("", "", true),
            ("", "a", false),
            ("inbox", "INBOX", true),
            ("Inbox/%", "INBOX/Sub", true),
            ("Inbox/%", "INBOX/Sub/Sub", false),
            ("inb%", "INBOX", true),
            ("inboxes", "INBOXES", false),
            ("A", "a", false),
            ("Entw*", "Entwürfe", true),
        ];
        for (pattern, name, wanted) in table {
            let found = Pattern(pattern.into()).matches(&MailboxName(name.into()), Some('/'));
            assert_eq!(found, wanted, "{pattern} {name}");
        }
        assert!(Pattern("%".into()).matches(&MailboxName("a/b".into()), None));
        let long = MailboxName("a".repeat(1000));
        assert!(!Pattern("*a".repeat(500) + "b").matches(&long, Some('/')));
    }
}
