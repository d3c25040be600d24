//! Which place at Exchange a value of a card takes, by the words of its TYPE.

use ews::{AddressKey, EmailKey, ImKey, PhoneKey};
use pim::Property;

/// The words of TYPE, in upper case. Those of vCard 2.1 stand as parameters of their own.
pub(super) fn types(property: &Property) -> Vec<String> {
    let words = property.parameter_values("TYPE").flat_map(|list| list.split(','));
    let bare = property.parameters.iter().filter(|parameter| parameter.values.is_empty());
    words.chain(bare.map(|parameter| parameter.name.as_str())).map(|word| word.trim().to_ascii_uppercase()).collect()
}

/// Where a telephone number may go, the best place first.
pub(super) fn phone(types: &[String]) -> Vec<PhoneKey> {
    let is = |word: &str| types.iter().any(|has| has == word);
    let named = PHONES.iter().find(|(words, _)| words.iter().any(|word| is(word)));
    let mut keys: Vec<PhoneKey> = match () {
        () if is("FAX") && is("HOME") => vec![PhoneKey::HomeFax, PhoneKey::OtherFax],
        () if is("FAX") && is("WORK") => vec![PhoneKey::BusinessFax, PhoneKey::OtherFax],
        () if is("FAX") => return vec![PhoneKey::OtherFax, PhoneKey::BusinessFax, PhoneKey::HomeFax],
        () => named.map_or(vec![], |(_, keys)| keys.to_vec()),
    };
    keys.push(PhoneKey::Other);
    keys
}

/// TYPE of a telephone number in a place.
pub(super) fn phone_types(key: PhoneKey) -> &'static [&'static str] {
    match key {
        PhoneKey::HomeFax => &["HOME", "FAX"],
        PhoneKey::BusinessFax => &["WORK", "FAX"],
        PhoneKey::OtherFax => &["FAX"],
        PhoneKey::Home | PhoneKey::Home2 => &["HOME", "VOICE"],
        PhoneKey::Business | PhoneKey::Business2 => &["WORK", "VOICE"],
        PhoneKey::Mobile => &["CELL"],
        PhoneKey::Other => &["VOICE"],
        other => {
            let row = PHONES.iter().find(|(_, keys)| keys.first() == Some(&other));
            row.map_or(&["VOICE"], |(words, _)| words.get(..1).unwrap_or(words))
        }
    }
}

/// Where a postal address may go, the best place first.
pub(super) fn address(types: &[String]) -> Vec<AddressKey> {
    let is = |word: &str| types.iter().any(|has| has == word);
    match (is("HOME"), is("WORK")) {
        (true, _) => vec![AddressKey::Home, AddressKey::Other],
        (_, true) => vec![AddressKey::Business, AddressKey::Other],
        _ => vec![AddressKey::Other],
    }
}

/// TYPE of a postal address in a place.
pub(super) fn address_type(key: AddressKey) -> &'static str {
    match key {
        AddressKey::Home => "HOME",
        AddressKey::Business => "WORK",
        AddressKey::Other => "OTHER",
    }
}

pub(super) const EMAILS: [EmailKey; 3] = [EmailKey::First, EmailKey::Second, EmailKey::Third];
pub(super) const IMS: [ImKey; 3] = [ImKey::First, ImKey::Second, ImKey::Third];

/// Properties of their own for instant messaging, older than IMPP (RFC 4770), with the scheme IMPP has for them.
pub(super) const MESSENGERS: [(&str, &str); 11] = [
    ("X-JABBER", "xmpp"),
    ("X-AIM", "aim"),
    ("X-ICQ", "icq"),
    ("X-MSN", "msnim"),
    ("X-YAHOO", "ymsgr"),
    ("X-SKYPE", "skype"),
    ("X-SKYPE-USERNAME", "skype"),
    ("X-GADUGADU", "gg"),
    ("X-GROUPWISE", "groupwise"),
    ("X-GOOGLE-TALK", "xmpp"),
    ("X-QQ", "qq"),
];

/// Words of TYPE, the one that is written first, and the places they mean. The first row that fits is taken, so what
/// says more stands before HOME and WORK.
const PHONES: [(&[&str], &[PhoneKey]); 14] = [
    (&["PAGER"], &[PhoneKey::Pager]),
    (&["X-ASSISTANT", "X-EVOLUTION-ASSISTANT", "ASSISTANT"], &[PhoneKey::Assistant]),
    (&["X-CALLBACK", "X-EVOLUTION-CALLBACK", "CALLBACK"], &[PhoneKey::Callback]),
    (&["CAR"], &[PhoneKey::Car]),
    (&["X-COMPANY", "X-EVOLUTION-COMPANY", "COMPANY"], &[PhoneKey::CompanyMain]),
    (&["ISDN"], &[PhoneKey::Isdn]),
    (&["X-RADIO", "X-EVOLUTION-RADIO", "RADIO"], &[PhoneKey::Radio]),
    (&["X-TELEX", "X-EVOLUTION-TELEX", "TELEX"], &[PhoneKey::Telex]),
    (&["TEXTPHONE", "X-EVOLUTION-TTYTDD", "X-TTY"], &[PhoneKey::TtyTdd]),
    (&["CELL", "MOBILE", "IPHONE", "X-MOBILE"], &[PhoneKey::Mobile]),
    (&["MAIN"], &[PhoneKey::Primary]),
    (&["HOME"], &[PhoneKey::Home, PhoneKey::Home2]),
    (&["WORK"], &[PhoneKey::Business, PhoneKey::Business2]),
    (&["PREF"], &[PhoneKey::Primary]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same_place() {
        for key in PhoneKey::ALL {
            let types: Vec<String> = phone_types(*key).iter().map(|word| (*word).to_owned()).collect();
            assert!(phone(&types).contains(key), "{key:?} is written as {types:?}");
        }
        for key in AddressKey::ALL {
            assert_eq!(address(&[address_type(*key).to_owned()]).first(), Some(key));
        }
    }

    #[test]
    fn words_in_any_spelling() {
        let of = |line: &str| {
            let card = format!("BEGIN:VCARD\r\n{line}:1\r\nEND:VCARD\r\n");
            phone(&types(pim::parse(&card).unwrap()[0].property("TEL").unwrap()))[0]
        };
        for (line, key) in [
            ("TEL;TYPE=cell,voice,pref", PhoneKey::Mobile),
            ("TEL;TYPE=\"work,fax\"", PhoneKey::BusinessFax),
            ("TEL;type=HOME;type=pref", PhoneKey::Home),
            ("TEL;HOME;FAX", PhoneKey::HomeFax),
            ("TEL;TYPE=work;TYPE=cell", PhoneKey::Mobile),
            ("TEL;TYPE=fax", PhoneKey::OtherFax),
            ("TEL;TYPE=pref", PhoneKey::Primary),
            ("TEL", PhoneKey::Other),
            ("TEL;TYPE=X-EVOLUTION-RADIO", PhoneKey::Radio),
        ] {
            assert_eq!(of(line), key, "{line}");
        }
    }
}
