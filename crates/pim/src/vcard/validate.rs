//! What an address object resource must be: RFC 2426, RFC 6350 and RFC 6352 section 5.1.

use crate::violation::{Breach, Violation};
use crate::{Component, vcard};

use super::Version;

/// What an address object resource holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidCard {
    /// Its version: 3.0 or 4.0.
    pub version: Version,
    /// Its UID.
    pub uid: String,
    /// Whether it is a person or a group.
    pub kind: CardKind,
}

/// What a card stands for (KIND, or X-ADDRESSBOOKSERVER-KIND in 3.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CardKind {
    /// A person, an organisation, a place: one entry.
    Single,
    /// A list of members.
    Group,
}

/// Holds what was read from one text to the rules for one address object resource.
///
/// # Errors
/// The first rule it breaks.
pub fn validate(parsed: &[Component]) -> Result<ValidCard, Violation> {
    let data = |line, sentence: &str| Err(Violation::new(Breach::ValidData, line, sentence));
    let card = match parsed {
        [] => return data(0, "The text is empty; a VCARD is expected."),
        [card] if card.is("VCARD") => card,
        [other] => return data(other.line(), &format!("The text is a {}; a VCARD is expected.", other.name)),
        [_, second, ..] => {
            return data(second.line(), "The text holds more than one component; one VCARD is expected.");
        }
    };
    let Some(number) = card.property("VERSION") else {
        return data(card.line(), "The VCARD has no VERSION; 3.0 or 4.0 is expected.");
    };
    let version = match vcard::version(card) {
        Some(version @ (Version::V3 | Version::V4)) => version,
        _ => return Err(Violation::of(number, card, "must be 3.0 or 4.0.").breaching(Breach::Supported)),
    };
    for name in ONCE {
        // Alternatives of one another count as one (RFC 6350 section 5.4).
        let mut alone = card.properties(name).filter(|property| property.parameter("ALTID").is_none());
        if let Some(second) = alone.nth(1) {
            return Err(Violation::of(second, card, "is there twice."));
        }
    }
    if card.properties("FN").all(|name| name.text().trim().is_empty())
        && card.text("ORG").is_none_or(|org| org.is_empty())
    {
        return data(card.line(), "The VCARD has no name: FN is missing or empty.");
    }
    for property in
        card.properties.iter().filter(|property| ["B", "BASE64"].iter().any(|b| property.has_parameter("ENCODING", b)))
    {
        let digits = property.value.trim_end_matches('=');
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"+/ \t".contains(&byte);
        if !digits.bytes().all(fine) {
            return Err(Violation::of(property, card, "is not Base64, though its ENCODING says so."));
        }
    }
    let uid = card.text("UID").map(|uid| uid.trim().to_owned()).filter(|uid| !uid.is_empty());
    let Some(uid) = uid else { return data(card.line(), "The VCARD has no UID.") };
    let kind = card.value("KIND").or_else(|| card.value("X-ADDRESSBOOKSERVER-KIND"));
    let group = kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("group"));
    Ok(ValidCard { version, uid, kind: if group { CardKind::Group } else { CardKind::Single } })
}

const ONCE: [&str; 6] = ["VERSION", "UID", "N", "BDAY", "REV", "KIND"];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &str) -> Result<ValidCard, Violation> {
        validate(&crate::parse(&format!("BEGIN:VCARD\n{lines}\nEND:VCARD"))?)
    }

    #[test]
    fn cards_that_may_be_stored() {
        let card = check("VERSION:3.0\nUID:1\nFN:Ada\nN:;Ada;;;").unwrap();
        assert_eq!(card, ValidCard { version: Version::V3, uid: "1".into(), kind: CardKind::Single });
        let group = check("VERSION:4.0\nUID:urn:uuid:2\nFN:All\nKIND:Group\nMEMBER:urn:uuid:1").unwrap();
        assert_eq!((group.version, group.kind), (Version::V4, CardKind::Group));
        assert_eq!(
            check("VERSION:3.0\nUID:1\nFN:\nORG:ACME\nX-ADDRESSBOOKSERVER-KIND:group").unwrap().kind,
            CardKind::Group
        );
        assert!(check("VERSION:4.0\nUID:1\nFN:A\nN;ALTID=1;LANGUAGE=jp:A\nN;ALTID=1;LANGUAGE=en:B").is_ok());
    }

    #[test]
    fn cards_that_may_not_with_line_and_reason() {
        use Breach::{Supported, ValidData};
        for (lines, breach, sentence) in [
            ("FN:A", ValidData, "line 1: The VCARD has no VERSION; 3.0 or 4.0 is expected."),
            ("VERSION:2.1\nFN:A", Supported, "line 2: VERSION of the VCARD must be 3.0 or 4.0."),
            ("VERSION:3.0\nFN:A", ValidData, "line 1: The VCARD has no UID."),
            ("VERSION:3.0\nUID:1", ValidData, "line 1: The VCARD has no name: FN is missing or empty."),
            ("VERSION:3.0\nUID:1\nUID:2\nFN:A", ValidData, "line 4: UID of the VCARD is there twice."),
            (
                "VERSION:3.0\nUID:1\nFN:A\nPHOTO;ENCODING=b:é",
                ValidData,
                "line 5: PHOTO of the VCARD is not Base64, though its ENCODING says so.",
            ),
            (
                "VERSION:3.0\nUID:1\nFN:A\nEND:VCARD\nBEGIN:VCARD",
                ValidData,
                "line 6: The text holds more than one component; one VCARD is expected.",
            ),
        ] {
            let violation = check(lines).unwrap_err();
            assert_eq!((violation.to_string().as_str(), violation.breach), (sentence, breach), "{lines}");
        }
        assert!(validate(&[]).is_err());
    }
}
