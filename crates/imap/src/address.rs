//! Address lists as ENVELOPE carries them: encoded words stay as they are, groups become their own entries.

use imap_proto::response::Address;

use crate::tokens::{comment, quoted_string};

/// `address-list = (address *("," address))` (RFC 5322 section 3.4), read so that whatever stands there gives
/// some address.
pub(crate) fn parse(value: &[u8]) -> Vec<Address> {
    let mut reader = Reader { rest: value, list: Vec::new(), in_group: false };
    while !reader.rest.is_empty() {
        reader.entry();
    }
    reader.end_group();
    reader.list
}

struct Reader<'a> {
    rest: &'a [u8],
    list: Vec<Address>,
    in_group: bool,
}

/// What was read of an entry so far: words before a `<`, or an address without one.
#[derive(Default)]
struct Words {
    /// As a display name: quotes removed, one space between words.
    name: Vec<u8>,
    /// As an address: no spaces but quoted ones; each `@` outside of quotes is remembered.
    compact: Vec<u8>,
    at: Option<usize>,
    comment: Option<Vec<u8>>,
}

impl Reader<'_> {
    /// Reads up to the comma or semicolon that ends an entry, or the colon that opens a group.
    fn entry(&mut self) {
        let mut words = Words::default();
        let mut angle = None;
        while let Some((&byte, rest)) = self.rest.split_first() {
            match byte {
                b',' => {
                    self.rest = rest;
                    break;
                }
                b';' => {
                    self.rest = rest;
                    self.push(words, angle);
                    return self.end_group();
                }
                b':' if angle.is_none() && words.at.is_none() && !self.in_group => {
                    self.rest = rest;
                    self.in_group = true;
                    return self.list.push(Address { mailbox: Some(words.name), ..Address::default() });
                }
                b'<' => {
                    self.rest = rest;
                    angle = Some(self.angle());
                }
                _ => self.word(&mut words),
            }
        }
        self.push(words, angle);
    }

    fn push(&mut self, words: Words, angle: Option<Address>) {
        if let Some(mut address) = angle {
            address.name = Some(words.name).filter(|name| !name.is_empty()).or(words.comment);
            self.list.push(address);
        } else if !words.compact.is_empty() {
            let (mailbox, host) = split(&words);
            let name = words.comment.filter(|comment| !comment.is_empty());
            self.list.push(Address { name, mailbox: Some(mailbox), host: Some(host) });
        }
    }

    fn end_group(&mut self) {
        if std::mem::take(&mut self.in_group) {
            self.list.push(Address::default());
        }
    }

    /// `angle-addr = "<" [obs-route] addr-spec ">"` (RFC 5322 sections 3.4 and 4.4), after its `<`.
    fn angle(&mut self) -> Address {
        let mut words = Words::default();
        while let Some((&byte, rest)) = self.rest.split_first() {
            match byte {
                b'>' => {
                    self.rest = rest;
                    break;
                }
                // `obs-route`: nobody needs it, and ENVELOPE's place for it is always NIL.
                b':' if words.compact.starts_with(b"@") => {
                    self.rest = rest;
                    words = Words::default();
                }
                b',' | b';' | b':' | b'<' => {
                    self.rest = rest;
                    words.compact.push(byte);
                }
                _ => self.word(&mut words),
            }
        }
        let (mailbox, host) = split(&words);
        Address { name: None, mailbox: Some(mailbox), host: Some(host) }
    }

    /// A word, a comment, a run of white space, or one character that means nothing here.
    fn word(&mut self, words: &mut Words) {
        let Some((&byte, rest)) = self.rest.split_first() else { return };
        match byte {
            b'"' => {
                self.rest = rest;
                let quoted = quoted_string(&mut self.rest);
                words.name.extend_from_slice(&quoted);
                words.compact.extend_from_slice(&quoted);
            }
            b'(' => {
                let comment = comment(&mut self.rest);
                words.comment = Some(comment);
            }
            byte if byte.is_ascii_whitespace() || byte == 0 => {
                self.rest = self.rest.trim_ascii_start();
                self.rest = self.rest.strip_prefix(b"\0").unwrap_or(self.rest);
                let ends = matches!(self.rest.first(), None | Some(b'<' | b',' | b';' | b':' | b'('));
                if !words.name.is_empty() && !ends {
                    words.name.push(b' ');
                }
            }
            byte => {
                self.rest = rest;
                if byte == b'@' && !words.compact.is_empty() {
                    words.at = Some(words.compact.len());
                }
                words.name.push(byte);
                words.compact.push(byte);
            }
        }
    }
}

/// Local part and domain. A host that is missing is empty and not NIL, which would mean a group.
fn split(words: &Words) -> (Vec<u8>, Vec<u8>) {
    match words.at {
        Some(at) => {
            let (mailbox, host) = words.compact.split_at(at);
            (mailbox.to_vec(), host.get(1..).unwrap_or_default().to_vec())
        }
        None => (words.compact.clone(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One entry per line: name | mailbox | host, `-` for NIL.
    fn shown(value: &str) -> String {
        let text = |bytes: &Option<Vec<u8>>| {
            bytes.as_ref().map_or_else(|| "-".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        parse(value.as_bytes())
            .iter()
            .map(|entry| format!("{}|{}|{}", text(&entry.name), text(&entry.mailbox), text(&entry.host)))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn addresses_as_they_come() {
        for (value, wanted) in [
            (" anna@example.org", "-|anna|example.org"),
            ("Anna <anna@example.org>", "Anna|anna|example.org"),
            ("\"Doe, Anna\" <anna@example.org>, b@c", "Doe, Anna|anna|example.org\n-|b|c"),
            ("Anna Q. Doe\r\n <anna@example.org>", "Anna Q. Doe|anna|example.org"),
            ("=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_M?= <j@d>", "=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_M?=|j|d"),
            ("anna@example.org (Anna (old) Doe)", "Anna (old) Doe|anna|example.org"),
            ("\"odd local\"@example.org", "-|odd local|example.org"),
            ("\"a@b\" <\"x@y\"@z>", "a@b|x@y|z"),
            ("<@a,@b:c@d>", "-|c|d"),
            ("Friends: a@b, C <c@d>;, e@f", "-|Friends|-\n-|a|b\nC|c|d\n-|-|-\n-|e|f"),
            ("undisclosed-recipients:;", "-|undisclosed-recipients|-\n-|-|-"),
            ("Never closed: a@b", "-|Never closed|-\n-|a|b\n-|-|-"),
            ("root", "-|root|"),
            ("Anna <anna>", "Anna|anna|"),
            ("<>", "-||"),
            ("a@[192.0.2.1], <b@[IPv6:::1]>", "-|a|[192.0.2.1]\n-|b|[IPv6:::1]"),
            (", ,", ""),
            ("", ""),
            ("<a@b", "-|a|b"),
            ("(only a comment)", ""),
        ] {
            assert_eq!(shown(value), wanted, "{value}");
        }
    }
}
