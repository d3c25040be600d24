//! What SORT and THREAD read in a header.

use imap_proto::response::Address;
use jiff::Timestamp;
use mailbox::search::decoded;

use super::casemap::casemap;
use super::sent::sent;
use super::subject::{Base, base};
use crate::envelope::addresses;
use crate::header::{first, unfolded};

/// A header, read for what is asked of it. Texts are ready to be compared octet for octet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letterhead<'h>(&'h [u8]);

impl<'h> Letterhead<'h> {
    pub(crate) fn new(block: &'h [u8]) -> Self {
        Self(block)
    }

    /// The moment of the Date field, or of arrival (RFC 5256 section 2.2).
    pub(crate) fn sent(self, received: Timestamp) -> Timestamp {
        first(self.0, "Date").and_then(sent).unwrap_or(received)
    }

    /// The base subject (section 2.1).
    pub(crate) fn subject(self) -> Base {
        let subject = first(self.0, "Subject").map(|value| base(&decoded(value)));
        let Base { text, is_reply } = subject.unwrap_or(Base { text: String::new(), is_reply: false });
        Base { text: casemap(&text), is_reply }
    }

    /// `addr-mailbox` of the first address; empty if there is none (section 3).
    pub(crate) fn local_part(self, field: &str) -> String {
        self.first_address(field).map_or_else(String::new, |address| text(address.mailbox))
    }

    /// The name of the first address; the address, where it has none (RFC 5957 section 3).
    pub(crate) fn display(self, field: &str) -> String {
        match self.first_address(field) {
            None => String::new(),
            Some(Address { name: Some(name), .. }) if !name.is_empty() => text(Some(name)),
            Some(Address { mailbox, host: Some(host), .. }) => {
                text(Some([mailbox.unwrap_or_default(), b"@".to_vec(), host].concat()))
            }
            // A group.
            Some(Address { mailbox, host: None, .. }) => text(mailbox),
        }
    }

    fn first_address(self, field: &str) -> Option<Address> {
        addresses(self.0, field).into_iter().next()
    }

    /// The Message-ID, if it is one.
    pub(crate) fn id(self) -> Option<Vec<u8>> {
        message_ids(&first(self.0, "Message-ID").map(unfolded)?).next()
    }

    /// What the message answers, the oldest first: all of References, or else the first of In-Reply-To (section 3,
    /// step 1). Of very many the last ones, which are the nearest.
    pub(crate) fn references(self) -> Vec<Vec<u8>> {
        let of = |field| first(self.0, field).map(unfolded).unwrap_or_default();
        let mut references: Vec<_> = message_ids(&of("References")).collect();
        if references.is_empty() {
            references.extend(message_ids(&of("In-Reply-To")).next());
        }
        references.split_off(references.len().saturating_sub(MOST_REFERENCES))
    }
}

fn text(bytes: Option<Vec<u8>>) -> String {
    casemap(&decoded(&bytes.unwrap_or_default()))
}

/// The message ids in a field, whatever stands between them, in the form in which all ways to write one are the same:
/// `<"a"@b>` is `<a@b>` (section 3, step 1).
///
/// `msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS]` (RFC 5322 section 3.6.4)
fn message_ids(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut rest = value;
    std::iter::from_fn(move || {
        loop {
            let start = memchr::memchr(b'<', rest)?;
            rest = rest.get(start + 1..)?;
            if let Some(id) = message_id(&mut rest) {
                return Some(id);
            }
        }
    })
}

/// Reads on from behind a `<`. What does not end is none; a further `<` begins anew.
fn message_id(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut id = Vec::new();
    let (mut quoted, mut at) = (false, false);
    while let Some((&byte, after)) = rest.split_first() {
        match (byte, quoted) {
            (b'<', false) => return None,
            (b'>', false) => {
                *rest = after;
                return Some(id).filter(|_| at);
            }
            (b'"', _) => quoted = !quoted,
            (b'\\', true) => {
                let (&escaped, behind) = after.split_first()?;
                id.push(escaped);
                *rest = behind;
                continue;
            }
            // Folded in the middle.
            (b' ' | b'\t', false) => {}
            (byte, quoted) => {
                at |= byte == b'@' && !quoted;
                id.push(byte);
            }
        }
        *rest = after;
    }
    None
}

/// A conversation is not longer, and one header is not to fill the memory.
const MOST_REFERENCES: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_however_they_are_written() {
        let found = |value: &str| {
            message_ids(value.as_bytes()).map(|id| String::from_utf8(id).unwrap()).collect::<Vec<_>>().join(" ")
        };
        for (value, wanted) in [
            ("<a@b>", "a@b"),
            (" <a@b> <c@d>", "a@b c@d"),
            ("<a@b><c@d>,<e@f>", "a@b c@d e@f"),
            ("<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>", "01KF8JCEOCBS0045PS@xxx.yyy.com"),
            ("<\"a\\\"b>\"@c>", "a\"b>@c"),
            ("Your message of \"Fri\" <a@b>", "a@b"),
            ("<a@ b>", "a@b"),
            ("<nothing>", ""),
            ("<\"a@b\">", ""),
            ("<a <b@c>", "b@c"),
            ("<a@b", ""),
            ("a@b", ""),
            ("<\"a@b>", ""),
            ("", ""),
        ] {
            assert_eq!(found(value), wanted, "{value}");
        }
    }

    #[test]
    fn references_come_before_in_reply_to() {
        let of = |header: &str| {
            let ids = Letterhead::new(header.as_bytes()).references();
            ids.iter().map(|id| String::from_utf8_lossy(id).into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of("References: <a@b>\r\n <c@d>\r\nIn-Reply-To: <e@f>\r\n"), "a@b c@d");
        assert_eq!(of("References: none\r\nIn-Reply-To: yours of <e@f> and <g@h>\r\n"), "e@f");
        assert_eq!(of("Subject: x\r\n"), "");
        let long = (0..700).map(|number| format!("<{number}@x>")).collect::<String>();
        assert!(of(&format!("References: {long}\r\n")).starts_with("200@x 201@x"));
    }

    #[test]
    fn addresses_have_a_display() {
        let header = "From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>, x@y\r\nTo: anna@Example.org\r\n\
            Cc: Friends: a@b;\r\nBcc:\r\nSender: \"Anna\" <anna>\r\nReply-To: \"\" <b@c>\r\n";
        let head = Letterhead::new(header.as_bytes());
        for (field, local, display) in [
            ("From", "JOERG", "JO\u{308}RG"),
            ("To", "ANNA", "ANNA@EXAMPLE.ORG"),
            ("Cc", "FRIENDS", "FRIENDS"),
            ("Bcc", "", ""),
            ("Sender", "ANNA", "ANNA"),
            ("Reply-To", "B", "B@C"),
            ("X-None", "", ""),
        ] {
            assert_eq!((head.local_part(field).as_str(), head.display(field).as_str()), (local, display), "{field}");
        }
    }
}
