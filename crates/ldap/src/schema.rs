//! The two entries by which a program learns what it has before it: the root DSE (RFC 4512 section 5.1), and the schema
//! (section 4.2), as far as it concerns what is told.

use crate::attribute::{KINDS, Kind, Syntax};
use crate::proto::Name;

/// The name of the schema's entry.
pub(crate) const SUBSCHEMA: &str = "cn=Subschema";

/// What decides about the root DSE.
pub(crate) struct Circumstances<'a> {
    pub(crate) base: &'a Name,
    pub(crate) can_start_tls: bool,
    /// Somebody can sign in here and now.
    pub(crate) can_sign_in: bool,
}

pub(crate) fn root(here: &Circumstances<'_>) -> Vec<(&'static str, Vec<String>)> {
    let some = |condition: bool, text: &str| condition.then(|| text.to_owned());
    vec![
        ("objectClass", vec!["top".to_owned()]),
        ("namingContexts", vec![here.base.to_string()]),
        ("defaultNamingContext", vec![here.base.to_string()]),
        ("subschemaSubentry", vec![SUBSCHEMA.to_owned()]),
        ("supportedLDAPVersion", vec!["3".to_owned()]),
        ("supportedControl", vec![PAGED_RESULTS.to_owned()]),
        (
            "supportedExtension",
            [some(here.can_start_tls, START_TLS), some(true, WHO_AM_I)].into_iter().flatten().collect(),
        ),
        ("supportedSASLMechanisms", some(here.can_sign_in, "PLAIN").into_iter().collect()),
        // RFC 3673 and 4526: `+` asks for what is operational; filters may be empty.
        ("supportedFeatures", vec!["1.3.6.1.4.1.4203.1.5.1".to_owned(), "1.3.6.1.4.1.4203.1.5.3".to_owned()]),
        ("vendorName", vec!["Exgate".to_owned()]),
    ]
}

pub(crate) fn subschema() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("objectClass", ["top", "subentry", "subschema", "extensibleObject"].map(str::to_owned).to_vec()),
        ("cn", vec!["Subschema".to_owned()]),
        ("attributeTypes", KINDS.iter().map(attribute_type).collect()),
        ("objectClasses", OBJECT_CLASSES.map(str::to_owned).to_vec()),
        ("ldapSyntaxes", SYNTAXES.map(|(_, oid, name)| format!("( {oid} DESC '{name}' )")).to_vec()),
    ]
}

/// `AttributeTypeDescription` (RFC 4512 section 4.1.2)
fn attribute_type(kind: &Kind) -> String {
    let quoted = |name: &&str| format!("'{name}'");
    let names: Vec<String> = std::iter::once(&kind.name).chain(kind.aliases).map(quoted).collect();
    let names = if kind.aliases.is_empty() { names.concat() } else { format!("( {} )", names.join(" ")) };
    let syntax = SYNTAXES.iter().find(|(syntax, ..)| *syntax == kind.syntax).map_or("", |(_, oid, _)| oid);
    let equality = match kind.syntax {
        Syntax::Text => " EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch",
        Syntax::Ascii => " EQUALITY caseIgnoreIA5Match SUBSTR caseIgnoreIA5SubstringsMatch",
        Syntax::Telephone => " EQUALITY telephoneNumberMatch SUBSTR telephoneNumberSubstringsMatch",
        Syntax::Oid => " EQUALITY objectIdentifierMatch",
        Syntax::Jpeg => "",
    };
    format!("( {} NAME {names}{equality} SYNTAX {syntax} )", kind.oid)
}

/// RFC 4517 section 3.3
const SYNTAXES: [(Syntax, &str, &str); 5] = [
    (Syntax::Text, "1.3.6.1.4.1.1466.115.121.1.15", "Directory String"),
    (Syntax::Ascii, "1.3.6.1.4.1.1466.115.121.1.26", "IA5 String"),
    (Syntax::Telephone, "1.3.6.1.4.1.1466.115.121.1.50", "Telephone Number"),
    (Syntax::Oid, "1.3.6.1.4.1.1466.115.121.1.38", "OID"),
    (Syntax::Jpeg, "1.3.6.1.4.1.1466.115.121.1.28", "JPEG"),
];

/// RFC 4512 section 2.4.1, 4519 section 3, 2798
const OBJECT_CLASSES: [&str; 5] = [
    "( 2.5.6.0 NAME 'top' ABSTRACT MUST objectClass )",
    "( 2.5.6.6 NAME 'person' SUP top STRUCTURAL MUST ( sn $ cn ) MAY telephoneNumber )",
    "( 2.5.6.7 NAME 'organizationalPerson' SUP person STRUCTURAL MAY ( title $ facsimileTelephoneNumber $ street $ postalCode $ ou $ st $ l ) )",
    "( 2.16.840.1.113730.3.2.2 NAME 'inetOrgPerson' SUP organizationalPerson STRUCTURAL MAY ( displayName $ givenName $ homePhone $ jpegPhoto $ mail $ mobile $ o $ uid $ company $ department $ co $ proxyAddresses $ mailNickname ) )",
    "( 2.5.6.5 NAME 'organizationalUnit' SUP top STRUCTURAL MUST ou )",
];

/// RFC 2696
pub(crate) const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
/// RFC 4511 section 4.14
pub(crate) const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// RFC 4532
pub(crate) const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";
