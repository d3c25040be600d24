//! Somebody of the directory as a vCard 4.0 (RFC 6350), the same however they were found.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mailbox::objects::{Person, PersonKind};

/// Somebody of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) kind: PersonKind,
    pub(super) name: String,
    pub(super) surname: String,
    pub(super) given: String,
    pub(super) company: String,
    pub(super) department: String,
    pub(super) title: String,
    /// Numbers, each with what kind of line it is (RFC 6350 section 6.4.1).
    pub(super) phones: Vec<(&'static str, String)>,
    /// SMTP addresses in lower case, the primary one first; at least one.
    pub(super) addresses: Vec<String>,
}

impl Card {
    /// The primary address.
    pub(super) fn address(&self) -> &str {
        self.addresses.first().map_or("", String::as_str)
    }

    /// With the card's text; the photo is a JPEG.
    pub(super) fn person(self, photo: Option<&[u8]>) -> Person {
        let card = self.text(photo);
        Person { address: self.address().to_owned(), display_name: self.name, kind: self.kind, card }
    }

    fn text(&self, photo: Option<&[u8]>) -> String {
        let mut text = String::new();
        let mut line = |line: &str| fold(&mut text, line);
        line("BEGIN:VCARD");
        line("VERSION:4.0");
        line(&format!("KIND:{}", kind(self.kind)));
        line(&format!("FN:{}", escaped(&self.name)));
        line(&format!("N:{};{};;;", escaped(&self.surname), escaped(&self.given)));
        line(&format!("UID:mailto:{}", self.address()));
        self.addresses.iter().for_each(|address| line(&format!("EMAIL:{}", escaped(address))));
        if !(self.company.is_empty() && self.department.is_empty()) {
            line(&format!("ORG:{};{}", escaped(&self.company), escaped(&self.department)));
        }
        if !self.title.is_empty() {
            line(&format!("TITLE:{}", escaped(&self.title)));
        }
        let phones = self.phones.iter().filter(|(_, number)| !number.trim().is_empty());
        phones.for_each(|(kind, number)| line(&format!("TEL;VALUE=text;TYPE={kind}:{}", escaped(number))));
        if let Some(photo) = photo {
            line(&format!("PHOTO:data:image/jpeg;base64,{}", STANDARD.encode(photo)));
        }
        line("END:VCARD");
        text
    }
}

/// RFC 6350 section 6.1.4; RFC 6869 for what is booked.
fn kind(kind: PersonKind) -> &'static str {
    match kind {
        PersonKind::Individual => "individual",
        PersonKind::Group => "group",
        PersonKind::Room => "location",
        PersonKind::Resource => "device",
    }
}

/// RFC 6350 section 3.2: 75 octets, then a blank before what follows.
fn fold(text: &mut String, line: &str) {
    let mut width = 0;
    for char in line.chars() {
        if width + char.len_utf8() > 75 {
            text.push_str("\r\n ");
            width = 1;
        }
        width += char.len_utf8();
        let _ = text.write_char(char);
    }
    text.push_str("\r\n");
}

/// RFC 6350 section 3.4.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\\' | ',' | ';' => escaped.extend(['\\', char]),
            '\n' => escaped.push_str("\\n"),
            '\r' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_a_card() {
        let card = Card {
            kind: PersonKind::Room,
            name: "Grüner Raum; mit Blick, ".repeat(5),
            surname: String::new(),
            given: String::new(),
            company: "Company, Ltd".to_owned(),
            department: String::new(),
            title: String::new(),
            phones: vec![("work", "+1 555".to_owned()), ("cell", " ".to_owned())],
            addresses: vec!["green@x.example".to_owned(), "g@x.example".to_owned()],
        };
        let name = card.name.clone();
        let person = card.person(Some(&[0xff; 200]));
        assert!(person.card.lines().all(|line| line.len() <= 75));
        let read = pim::parse(&person.card).unwrap().remove(0);
        assert_eq!(read.text("FN").unwrap(), name);
        assert_eq!(read.text("KIND").unwrap(), "location");
        assert_eq!((read.properties("EMAIL").count(), read.properties("TEL").count()), (2, 1));
        let photo = read.property("PHOTO").unwrap().value.clone();
        assert_eq!(STANDARD.decode(photo.strip_prefix("data:image/jpeg;base64,").unwrap()).unwrap(), [0xff; 200]);
    }
}
