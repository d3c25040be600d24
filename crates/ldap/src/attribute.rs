//! What an entry says of somebody: one row for each attribute, read from the card of the directory.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mailbox::objects::Person;
use pim::text::split_fields;
use pim::{Component, Property};

/// Somebody of the directory.
#[derive(Debug)]
pub(crate) struct Someone {
    person: Person,
    card: Component,
}

impl Someone {
    /// Nobody if the card is none.
    pub(crate) fn of(person: Person) -> Option<Self> {
        let card = pim::parse(&person.card).ok()?.into_iter().next()?;
        Some(Self { person, card })
    }

    pub(crate) fn address(&self) -> &str {
        &self.person.address
    }

    fn texts(&self, property: &str) -> Vec<String> {
        self.card.properties(property).map(Property::text).filter(|text| !text.trim().is_empty()).collect()
    }

    /// A field of a property that has several, such as the street in ADR.
    fn field(&self, property: &str, at: usize) -> Vec<String> {
        let fields =
            self.card.properties(property).filter_map(|property| split_fields(&property.value).get(at).cloned());
        fields.map(|parts| parts.join(", ")).filter(|text| !text.trim().is_empty()).collect()
    }

    /// Numbers of this kind; `None` for those that are at work or of no kind.
    fn numbers(&self, kind: Option<&str>) -> Vec<String> {
        let kinds = ["cell", "home", "fax", "pager"];
        let is = |property: &&Property| match kind {
            Some(kind) => {
                property.has_parameter("TYPE", kind) && (kind == "fax" || !property.has_parameter("TYPE", "fax"))
            }
            None => !kinds.iter().any(|kind| property.has_parameter("TYPE", kind)),
        };
        let numbers = self.card.properties("TEL").filter(is).map(Property::text);
        numbers.map(|number| number.strip_prefix("tel:").map(str::to_owned).unwrap_or(number)).collect()
    }

    fn addresses(&self) -> Vec<String> {
        let primary = std::iter::once(self.person.address.clone());
        let others = self.texts("EMAIL").into_iter().filter(|one| !one.eq_ignore_ascii_case(&self.person.address));
        primary.chain(others).collect()
    }

    /// inetOrgPerson wants one of everybody.
    fn surname(&self) -> Vec<String> {
        let known = self.field("N", 0);
        if known.is_empty() { vec![self.person.display_name.clone()] } else { known }
    }

    fn photo(&self) -> Vec<Vec<u8>> {
        let data = |property: &Property| {
            let (_, octets) = property.value.split_once(";base64,")?;
            STANDARD.decode(octets).ok()
        };
        self.card.properties("PHOTO").filter_map(data).collect()
    }
}

/// An attribute.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// What it is called, too.
    pub(crate) aliases: &'static [&'static str],
    pub(crate) oid: &'static str,
    pub(crate) syntax: Syntax,
    /// The directory finds people by it.
    pub(crate) is_searched: bool,
    pub(crate) read: Read,
}

/// What values are, and how they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// Text, in whatever case.
    Text,
    /// The same in ASCII.
    Ascii,
    /// Numbers, with whatever between the digits.
    Telephone,
    /// Names of the schema.
    Oid,
    /// Octets, which are not compared.
    Jpeg,
}

pub(crate) enum Read {
    Texts(fn(&Someone) -> Vec<String>),
    Octets(fn(&Someone) -> Vec<Vec<u8>>),
}

impl Kind {
    /// By its name, in whatever case.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        let is = |other: &&str| other.eq_ignore_ascii_case(name);
        KINDS.iter().find(|kind| is(&kind.name) || kind.oid == name || kind.aliases.iter().any(is))
    }

    /// What somebody has of it.
    pub(crate) fn values(&self, of: &Someone) -> Vec<Vec<u8>> {
        match self.read {
            Read::Texts(read) => read(of).into_iter().map(String::into_bytes).collect(),
            Read::Octets(read) => read(of),
        }
    }
}

const fn row(
    name: &'static str,
    aliases: &'static [&'static str],
    oid: &'static str,
    syntax: Syntax,
    read: fn(&Someone) -> Vec<String>,
) -> Kind {
    Kind { name, aliases, oid, syntax, is_searched: false, read: Read::Texts(read) }
}

const fn searched(row: Kind) -> Kind {
    Kind { is_searched: true, ..row }
}

/// RFC 4519, 4524, 2798; those of Active Directory where mail programs ask for them.
pub(crate) const KINDS: [Kind; 24] = [
    row("objectClass", &[], "2.5.4.0", Syntax::Oid, |_| CLASSES.map(str::to_owned).to_vec()),
    searched(row("cn", &["commonName", "name"], "2.5.4.3", Syntax::Text, |of| vec![of.person.display_name.clone()])),
    searched(row("displayName", &[], "2.16.840.1.113730.3.1.241", Syntax::Text, |of| {
        vec![of.person.display_name.clone()]
    })),
    searched(row("sn", &["surname"], "2.5.4.4", Syntax::Text, Someone::surname)),
    searched(row("givenName", &["gn"], "2.5.4.42", Syntax::Text, |of| of.field("N", 1))),
    searched(row("mail", &["rfc822Mailbox", "email"], "0.9.2342.19200300.100.1.3", Syntax::Ascii, Someone::addresses)),
    searched(row("uid", &["userid"], "0.9.2342.19200300.100.1.1", Syntax::Text, |of| vec![of.person.address.clone()])),
    searched(row("proxyAddresses", &[], "1.2.840.113556.1.2.210", Syntax::Text, |of| {
        let marked = |(at, address): (usize, String)| format!("{}{address}", if at == 0 { "SMTP:" } else { "smtp:" });
        of.addresses().into_iter().enumerate().map(marked).collect()
    })),
    searched(row("mailNickname", &[], "1.2.840.113556.1.2.447", Syntax::Text, |of| {
        of.person.address.split('@').next().map(str::to_owned).into_iter().collect()
    })),
    row("telephoneNumber", &[], "2.5.4.20", Syntax::Telephone, |of| of.numbers(None)),
    row("mobile", &["mobileTelephoneNumber"], "0.9.2342.19200300.100.1.41", Syntax::Telephone, |of| {
        of.numbers(Some("cell"))
    }),
    row("homePhone", &["homeTelephoneNumber"], "0.9.2342.19200300.100.1.20", Syntax::Telephone, |of| {
        of.numbers(Some("home"))
    }),
    row("facsimileTelephoneNumber", &["fax"], "2.5.4.23", Syntax::Telephone, |of| of.numbers(Some("fax"))),
    row("title", &[], "2.5.4.12", Syntax::Text, |of| of.texts("TITLE")),
    row("o", &["organizationName"], "2.5.4.10", Syntax::Text, |of| of.field("ORG", 0)),
    row("company", &[], "1.2.840.113556.1.2.146", Syntax::Text, |of| of.field("ORG", 0)),
    row("ou", &["organizationalUnitName"], "2.5.4.11", Syntax::Text, |of| of.field("ORG", 1)),
    row("department", &[], "1.2.840.113556.1.2.141", Syntax::Text, |of| of.field("ORG", 1)),
    row("street", &["streetAddress"], "2.5.4.9", Syntax::Text, |of| of.field("ADR", 2)),
    row("l", &["localityName"], "2.5.4.7", Syntax::Text, |of| of.field("ADR", 3)),
    row("st", &["stateOrProvinceName"], "2.5.4.8", Syntax::Text, |of| of.field("ADR", 4)),
    row("postalCode", &[], "2.5.4.17", Syntax::Text, |of| of.field("ADR", 5)),
    row("co", &["friendlyCountryName"], "0.9.2342.19200300.100.1.43", Syntax::Text, |of| of.field("ADR", 6)),
    Kind {
        name: "jpegPhoto",
        aliases: &["thumbnailPhoto"],
        oid: "0.9.2342.19200300.100.1.60",
        syntax: Syntax::Jpeg,
        is_searched: false,
        read: Read::Octets(Someone::photo),
    },
];

/// Of everybody, groups and rooms included: who asks for people to write to asks for these.
pub(crate) const CLASSES: [&str; 4] = ["top", "person", "organizationalPerson", "inetOrgPerson"];

/// Somebody with this card.
#[cfg(test)]
pub(crate) fn someone(card: &str) -> Someone {
    let text = format!("BEGIN:VCARD\r\nVERSION:4.0\r\n{card}END:VCARD\r\n");
    let parsed = pim::parse(&text).unwrap().remove(0);
    let person = Person {
        display_name: parsed.text("FN").unwrap(),
        address: parsed.text("EMAIL").unwrap(),
        kind: mailbox::objects::PersonKind::Individual,
        card: text,
    };
    Someone::of(person).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: &str = "FN:Anna Berg\r\nN:Berg;Anna;;;\r\nEMAIL:anna@x.example\r\nEMAIL:a.berg@x.example\r\nORG:Corp\\; Ltd;Sales\r\nTITLE:Head\r\nTEL;VALUE=text:+49 1\r\nTEL;TYPE=cell;VALUE=text:+49 2\r\nTEL;TYPE=work,fax;VALUE=text:+49 3\r\nADR:;;Street 1;Berlin;;10115;Germany\r\nPHOTO:data:image/jpeg;base64,/9j/\r\n";

    #[test]
    fn rows_say_what_the_card_says() {
        let anna = someone(ANNA);
        for (name, wanted) in [
            ("CN", &["Anna Berg"][..]),
            ("surname", &["Berg"]),
            ("givenname", &["Anna"]),
            ("mail", &["anna@x.example", "a.berg@x.example"]),
            ("proxyAddresses", &["SMTP:anna@x.example", "smtp:a.berg@x.example"]),
            ("2.5.4.20", &["+49 1"]),
            ("mobile", &["+49 2"]),
            ("fax", &["+49 3"]),
            ("homePhone", &[]),
            ("o", &["Corp; Ltd"]),
            ("department", &["Sales"]),
            ("streetAddress", &["Street 1"]),
            ("l", &["Berlin"]),
            ("st", &[]),
            ("postalCode", &["10115"]),
            ("co", &["Germany"]),
        ] {
            let values = Kind::named(name).unwrap().values(&anna);
            let values: Vec<&str> = values.iter().map(|value| std::str::from_utf8(value).unwrap()).collect();
            assert_eq!(values, wanted, "{name}");
        }
        assert_eq!(Kind::named("jpegPhoto").unwrap().values(&anna), [b"\xff\xd8\xff"]);
        let group = someone("FN:All\r\nEMAIL:all@x.example\r\n");
        assert_eq!(Kind::named("sn").unwrap().values(&group), [b"All"]);
        assert!(Kind::named("userPassword").is_none());
    }
}
