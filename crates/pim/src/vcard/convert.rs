//! vCard 3.0 into 4.0 and back. What only one of them has stands under the name that clients of the other know, and
//! where there is none, as it is: unknown properties and parameters may stand in either version.

use super::date::{OMIT_YEAR, PartialDate};
use super::media::Media;
use super::{Version, version};
use crate::ical::value::{parse_offset, write_offset};
use crate::{Component, Parameter, Property, text};

/// A card as vCard 4.0 (RFC 6350). One that is of that version stays as it is.
#[must_use]
pub fn to_v4(card: &Component) -> Component {
    if version(card) == Some(Version::V4) { card.clone() } else { canonical(card) }
}

/// A card as vCard 4.0, with what has a name there under that name, also if it was of that version.
#[must_use]
pub(crate) fn canonical(card: &Component) -> Component {
    let mut out = card.clone();
    made_up_name_away(&mut out);
    labels_into_addresses(&mut out);
    sort_string_into_name(&mut out);
    labelled_into_named(&mut out);
    let properties = std::mem::take(&mut out.properties);
    out.properties = properties.into_iter().map(property_to_v4).collect();
    // RFC 6350 section 6.7.9: VERSION comes right after BEGIN.
    out.remove("VERSION");
    out.properties.insert(0, Property::new("VERSION", Version::V4.number()));
    out
}

/// A card as vCard 3.0 (RFC 2426). One that is of that version stays as it is.
#[must_use]
pub fn to_v3(card: &Component) -> Component {
    if version(card) == Some(Version::V3) {
        return card.clone();
    }
    let mut out = card.clone();
    addresses_into_labels(&mut out);
    name_into_sort_string(&mut out);
    named_into_labelled(&mut out);
    let properties = std::mem::take(&mut out.properties);
    out.properties = properties.into_iter().map(property_to_v3).collect();
    out.set(Property::new("VERSION", Version::V3.number()));
    name_made_up(&mut out);
    out
}

fn property_to_v4(mut property: Property) -> Property {
    plain_text(&mut property);
    types_to_v4(&mut property);
    rename(&mut property, |(old, new)| (old, new));
    match property.name.to_ascii_uppercase().as_str() {
        "PHOTO" | "LOGO" | "SOUND" | "KEY" => Media::of(&property).to_v4(&mut property),
        "BDAY" | "ANNIVERSARY" | "DEATHDATE" => date_to_v4(&mut property),
        "REV" => {
            if let Some(rev) = PartialDate::parse(&property.value) {
                property.value = rev.to_v4();
                property.remove_parameter("VALUE");
            }
        }
        "GEO" if !property.value.starts_with("geo:") => {
            if let Some((latitude, longitude)) = property.value.replace("\\;", ";").split_once(';') {
                property.value = format!("geo:{},{}", latitude.trim(), longitude.trim());
            }
        }
        "TZ" => match parse_offset(&property.value.replace(':', "")) {
            Some(offset) if !property.has_parameter("VALUE", "text") => {
                property.value = write_offset(offset);
                property.set_parameter("VALUE", "utc-offset");
            }
            _ => {
                property.remove_parameter("VALUE");
            }
        },
        "EMAIL" => {
            remove_type(&mut property, "INTERNET");
        }
        _ => {}
    }
    property
}

fn property_to_v3(mut property: Property) -> Property {
    rename(&mut property, |(old, new)| (new, old));
    match property.name.to_ascii_uppercase().as_str() {
        "PHOTO" | "LOGO" | "SOUND" | "KEY" => Media::of(&property).to_v3(&mut property),
        "BDAY" | "X-ABDATE" | "X-ANNIVERSARY" | "DEATHDATE" => date_to_v3(&mut property),
        "REV" => {
            if let Some(rev) = PartialDate::parse(&property.value) {
                property.value = rev.to_v3("REV").value;
            }
        }
        "GEO" => {
            let place = property.value.strip_prefix("geo:").and_then(|place| place.split_once(','));
            if let Some((latitude, longitude)) = place.filter(|(_, rest)| !rest.contains([',', ';'])) {
                property.value = format!("{latitude};{longitude}");
                property.remove_parameter("VALUE");
            }
        }
        "TZ" => match parse_offset(&property.value) {
            Some(offset) if property.has_parameter("VALUE", "utc-offset") => {
                let basic = write_offset(offset);
                property.value =
                    basic.split_at_checked(3).map_or(basic.clone(), |(hours, rest)| format!("{hours}:{rest}"));
                property.remove_parameter("VALUE");
            }
            _ if property.parameter("VALUE").is_none() => property.set_parameter("VALUE", "text"),
            _ => {}
        },
        "TEL" if property.has_parameter("VALUE", "uri") => {
            if let Some(number) = property.value.strip_prefix("tel:").map(str::to_owned) {
                property.value = text::escape(&number);
                property.remove_parameter("VALUE");
            }
        }
        _ => {}
    }
    types_to_v3(&mut property);
    property
}

/// Properties that have a name in one version only.
fn rename(property: &mut Property, direction: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str)) {
    if let Some((_, to)) = NAMES.iter().map(|names| direction(*names)).find(|(from, _)| property.is(from)) {
        to.clone_into(&mut property.name);
    }
}

/// Words of vCard 2.1 in front of the value become TYPE; quoted-printable becomes TEXT.
fn plain_text(property: &mut Property) {
    if property.has_parameter("ENCODING", "QUOTED-PRINTABLE")
        || property.parameters.iter().any(|p| p.is("QUOTED-PRINTABLE"))
    {
        property.value = text_kept(&unquoted(&property.value));
        property.remove_parameter("ENCODING");
        property.remove_parameter("QUOTED-PRINTABLE");
    }
    if property.has_parameter("CHARSET", "UTF-8") {
        property.remove_parameter("CHARSET");
    }
    let bare =
        |parameter: &Parameter| parameter.values.is_empty() && !["B", "BASE64"].iter().any(|name| parameter.is(name));
    for parameter in property.parameters.iter_mut().filter(|parameter| bare(parameter)) {
        parameter.values = vec![std::mem::replace(&mut parameter.name, "TYPE".to_owned())];
    }
}

/// Line ends have no place in a value; separators of fields do.
fn text_kept(decoded: &str) -> String {
    decoded.replace("\r\n", "\n").replace('\n', "\\n")
}

/// Quoted-printable (RFC 2045 section 6.7), already unfolded.
fn unquoted(value: &str) -> String {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let hex = |range| std::str::from_utf8(more.get(range)?).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
        rest = more;
        match (first, hex(0..2)) {
            (b'=', Some(octet)) => {
                octets.push(octet);
                rest = more.get(2..).unwrap_or_default();
            }
            _ => octets.push(*first),
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// TYPE=pref becomes PREF=1.
fn types_to_v4(property: &mut Property) {
    if remove_type(property, "pref") {
        property.set_parameter("PREF", "1");
    }
    for parameter in property.parameters.iter_mut().filter(|parameter| parameter.is(X_PREF)) {
        "PREF".clone_into(&mut parameter.name);
    }
}

/// PREF=1 becomes TYPE=pref; a lesser preference stands in a parameter of its own.
fn types_to_v3(property: &mut Property) {
    // `TYPE="home,work"` is a list too in 4.0 (RFC 6350 section 5.6).
    for parameter in property.parameters.iter_mut().filter(|parameter| parameter.is("TYPE")) {
        parameter.values = parameter.values.iter().flat_map(|list| list.split(',')).map(str::to_owned).collect();
    }
    match property.parameter("PREF").map(str::to_owned) {
        Some(pref) if pref.trim() == "1" => {
            property.remove_parameter("PREF");
            match property.parameters.iter_mut().find(|parameter| parameter.is("TYPE")) {
                Some(types) => types.values.push("pref".to_owned()),
                None => property.set_parameter("TYPE", "pref"),
            }
        }
        Some(_) => {
            for parameter in property.parameters.iter_mut().filter(|parameter| parameter.is("PREF")) {
                X_PREF.clone_into(&mut parameter.name);
            }
        }
        None => {}
    }
}

/// Takes one word out of TYPE; says whether it was there.
fn remove_type(property: &mut Property, word: &str) -> bool {
    let mut found = false;
    for parameter in property.parameters.iter_mut().filter(|parameter| parameter.is("TYPE")) {
        let values = std::mem::take(&mut parameter.values);
        let words = values.iter().flat_map(|list| list.split(','));
        parameter.values = words
            .filter(|has| {
                let is = has.eq_ignore_ascii_case(word);
                found |= is;
                !is
            })
            .map(str::to_owned)
            .collect();
    }
    property.parameters.retain(|parameter| !parameter.is("TYPE") || !parameter.values.is_empty());
    found
}

fn date_to_v4(property: &mut Property) {
    if let Some(date) = PartialDate::of_property(property) {
        property.value = date.to_v4();
        property.remove_parameter(OMIT_YEAR);
        property.remove_parameter("VALUE");
    }
}

fn date_to_v3(property: &mut Property) {
    if let Some(date) = PartialDate::of_property(property) {
        property.remove_parameter("VALUE");
        let as_v3 = date.to_v3(&property.name);
        property.value = as_v3.value;
        property.parameters.extend(as_v3.parameters);
    }
}

/// LABEL of 3.0 becomes a parameter of the ADR of the same TYPE (RFC 6350 section 6.3.1).
fn labels_into_addresses(card: &mut Component) {
    let labels: Vec<Property> = card.properties("LABEL").take(MOST_PAIRED).cloned().collect();
    for label in labels {
        let types = type_words(&label);
        let address = card.properties.iter_mut().find(|property| {
            property.is("ADR") && property.parameter("LABEL").is_none() && type_words(property) == types
        });
        if let Some(address) = address {
            address.set_parameter("LABEL", label.text());
            card.properties.retain(|property| *property != label);
        }
    }
}

fn addresses_into_labels(card: &mut Component) {
    let labelled = |mut property: Property| {
        let text = property.parameter("LABEL").filter(|_| property.is("ADR")).map(str::to_owned);
        let label = text.map(|text| {
            property.remove_parameter("LABEL");
            let kept = property.parameters.iter().filter(|parameter| parameter.is("TYPE") || parameter.is("PREF"));
            let parameters = kept.cloned().collect();
            Property { group: property.group.clone(), parameters, ..Property::of_text("LABEL", &text) }
        });
        [Some(property), label].into_iter().flatten()
    };
    card.properties = std::mem::take(&mut card.properties).into_iter().flat_map(labelled).collect();
}

fn type_words(property: &Property) -> Vec<String> {
    let words = property.parameter_values("TYPE").flat_map(|list| list.split(','));
    let mut words: Vec<String> = words.map(str::to_ascii_lowercase).collect();
    words.sort_unstable();
    words
}

/// SORT-STRING of 3.0 is SORT-AS of N in 4.0.
fn sort_string_into_name(card: &mut Component) {
    let Some(sort) = card.text("SORT-STRING") else { return };
    if let Some(name) = card.property_mut("N").filter(|name| name.parameter("SORT-AS").is_none()) {
        name.set_parameter("SORT-AS", sort);
        card.remove("SORT-STRING");
    }
}

fn name_into_sort_string(card: &mut Component) {
    let Some(name) = card.property_mut("N") else { return };
    let sort: Vec<String> = name.parameter_values("SORT-AS").map(str::to_owned).collect();
    if !sort.is_empty() {
        name.remove_parameter("SORT-AS");
        card.push(Property::of_text("SORT-STRING", &sort.join(",")));
    }
}

/// What Apple writes as X-ABDATE and X-ABRELATEDNAMES with a label of the same group has a name in 4.0.
fn labelled_into_named(card: &mut Component) {
    for (apple, label, named, kind) in LABELLED {
        let groups: Vec<String> = groups_labelled(card, label);
        for group in groups {
            // 4.0 has one ANNIVERSARY at most; a second stays what it was.
            if *named == "ANNIVERSARY" && (card.has("ANNIVERSARY") || card.has("X-ANNIVERSARY")) {
                continue;
            }
            let members = card.properties.iter().filter(|property| property.group.as_deref() == Some(&group)).count();
            let in_group = |property: &Property| property.group.as_deref() == Some(group.as_str());
            let Some(property) = card.properties.iter_mut().find(|property| property.is(apple) && in_group(property))
            else {
                continue;
            };
            // A group of more than value and label stays together as it is.
            if members != 2 {
                continue;
            }
            (*named).clone_into(&mut property.name);
            property.group = None;
            if let Some(kind) = kind {
                property.parameters.push(Parameter { name: "TYPE".into(), values: vec![(*kind).to_owned()] });
                property.set_parameter("VALUE", "text");
            }
            card.properties.retain(|property| !in_group(property));
        }
    }
}

fn named_into_labelled(card: &mut Component) {
    let (mut index, mut made) = (0, 0);
    while let Some(property) = card.properties.get(index).filter(|_| made < MOST_PAIRED) {
        index += 1;
        let of_kind = |kind: &Option<&str>| match kind {
            Some(kind) => {
                type_words(property).iter().any(|word| word == kind) && property.has_parameter("VALUE", "text")
            }
            None => true,
        };
        let Some((apple, label, _, kind)) =
            LABELLED.iter().find(|(_, _, named, kind)| property.is(named) && of_kind(kind))
        else {
            continue;
        };
        if property.group.is_some() {
            continue;
        }
        let group = free_group(card);
        let Some(property) = card.properties.get_mut(index - 1) else { return };
        (*apple).clone_into(&mut property.name);
        property.group = Some(group.clone());
        if let Some(kind) = kind {
            remove_type(property, kind);
            property.remove_parameter("VALUE");
        }
        card.properties.insert(index, Property::new("X-ABLabel", *label).in_group(group));
        index += 1;
        made += 1;
    }
}

/// RFC 2426 section 3.1.2: N must be there, and some clients show nothing else. In 4.0 it may be missing; then the whole
/// name stands for it, with a mark by which it goes again.
fn name_made_up(card: &mut Component) {
    if !card.has("N")
        && let Some(whole) = whole_name(card)
    {
        let place = card.properties.iter().position(|property| property.is("FN")).map_or(0, |index| index + 1);
        card.properties.insert(place, Property::new("N", whole).with(MADE_FROM, "FN"));
    }
}

fn made_up_name_away(card: &mut Component) {
    let whole = whole_name(card);
    let made_up = |property: &Property| property.is("N") && property.has_parameter(MADE_FROM, "FN");
    // What somebody has changed since is a name of its own.
    card.properties.retain(|property| !(made_up(property) && whole.as_deref() == Some(property.value.as_str())));
    for name in card.properties.iter_mut().filter(|property| property.is("N")) {
        name.remove_parameter(MADE_FROM);
    }
}

fn whole_name(card: &Component) -> Option<String> {
    card.text("FN").map(|name| format!("{};;;;", text::escape(&name)))
}

fn groups_labelled(card: &Component, label: &str) -> Vec<String> {
    let labels = card.properties("X-ABLabel").filter(|property| property.text().eq_ignore_ascii_case(label));
    labels.filter_map(|property| property.group.clone()).take(MOST_PAIRED).collect()
}

/// A group that no property is in: `item1` or the next.
fn free_group(card: &Component) -> String {
    let taken = |name: &str| {
        card.properties
            .iter()
            .any(|property| property.group.as_deref().is_some_and(|group| group.eq_ignore_ascii_case(name)))
    };
    let names = (1..=card.properties.len() + 1).map(|number| format!("item{number}"));
    names.into_iter().find(|name| !taken(name)).unwrap_or_default()
}

/// Marks an N that was made from FN.
const MADE_FROM: &str = "X-MADE-FROM";

/// Properties that are put together with another one: each is looked for among all. Beyond, they stay as they are.
const MOST_PAIRED: usize = 200;

/// PREF other than 1 in vCard 3.0.
const X_PREF: &str = "X-PREF";

/// What is the same but for its name: in 3.0, in 4.0.
const NAMES: [(&str, &str); 4] = [
    ("X-ADDRESSBOOKSERVER-KIND", "KIND"),
    ("X-ADDRESSBOOKSERVER-MEMBER", "MEMBER"),
    ("X-GENDER", "GENDER"),
    ("X-ANNIVERSARY", "ANNIVERSARY"),
];

/// Apple's property and label in 3.0; name and TYPE in 4.0.
const LABELLED: &[(&str, &str, &str, Option<&str>)] = &[
    ("X-ABDATE", "_$!<Anniversary>!$_", "ANNIVERSARY", None),
    ("X-ABRELATEDNAMES", "_$!<Spouse>!$_", "RELATED", Some("spouse")),
    ("X-ABRELATEDNAMES", "_$!<Child>!$_", "RELATED", Some("child")),
    ("X-ABRELATEDNAMES", "_$!<Parent>!$_", "RELATED", Some("parent")),
    ("X-ABRELATEDNAMES", "_$!<Sibling>!$_", "RELATED", Some("sibling")),
    ("X-ABRELATEDNAMES", "_$!<Friend>!$_", "RELATED", Some("friend")),
    ("X-ABRELATEDNAMES", "_$!<Partner>!$_", "RELATED", Some("sweetheart")),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn card(version: &str, lines: &str) -> Component {
        crate::parse(&format!("BEGIN:VCARD\nVERSION:{version}\n{lines}\nEND:VCARD")).unwrap().remove(0)
    }

    fn lines(card: &Component) -> Vec<String> {
        card.properties.iter().skip(1).map(Property::write_line).collect()
    }

    /// 3.0, 4.0: each is the other.
    const SAME: &[(&str, &str)] = &[
        ("TEL;TYPE=cell,pref:+49 89 1", "TEL;TYPE=cell;PREF=1:+49 89 1"),
        ("TEL;TYPE=home;X-PREF=2:+49 89 1", "TEL;TYPE=home;PREF=2:+49 89 1"),
        ("EMAIL;TYPE=HOME:a@example.com", "EMAIL;TYPE=HOME:a@example.com"),
        ("BDAY:1996-04-15", "BDAY:19960415"),
        ("BDAY;X-APPLE-OMIT-YEAR=1604:1604-04-15", "BDAY:--0415"),
        ("BDAY;VALUE=date-time:1953-10-15T23:10:00Z", "BDAY:19531015T231000Z"),
        ("BDAY;VALUE=text:circa 1800", "BDAY;VALUE=text:circa 1800"),
        ("X-ADDRESSBOOKSERVER-KIND:group", "KIND:group"),
        ("X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1", "MEMBER:urn:uuid:1"),
        ("X-GENDER:F", "GENDER:F"),
        ("GEO:48.1;11.5", "GEO:geo:48.1,11.5"),
        ("TZ:-05:00", "TZ;VALUE=utc-offset:-0500"),
        ("TZ;VALUE=text:Europe/Berlin", "TZ:Europe/Berlin"),
        ("REV:1995-10-31T22:27:10Z", "REV:19951031T222710Z"),
        ("IMPP;X-SERVICE-TYPE=Jabber;TYPE=pref:xmpp:a@b.example", "IMPP;X-SERVICE-TYPE=Jabber;PREF=1:xmpp:a@b.example"),
        ("X-JABBER:a@b.example", "X-JABBER:a@b.example"),
        ("PHOTO;ENCODING=b;TYPE=JPEG:/9j/", "PHOTO:data:image/jpeg;base64,/9j/"),
        ("item1.URL:https://a.example\nitem1.X-ABLabel:Blog", "item1.URL:https://a.example\nitem1.X-ABLabel:Blog"),
        ("item1.X-ABDATE:2009-08-08\nitem1.X-ABLabel:_$!<Anniversary>!$_", "ANNIVERSARY:20090808"),
        ("item1.X-ABRELATEDNAMES:Jane\nitem1.X-ABLabel:_$!<Spouse>!$_", "RELATED;TYPE=spouse;VALUE=text:Jane"),
        (
            "ADR;TYPE=home:;;Street 1;Town;;1;\nLABEL;TYPE=home:Street 1\\nTown",
            "ADR;TYPE=home;LABEL=Street 1^nTown:;;Street 1;Town;;1;",
        ),
        ("N:van Dam;Jan;;;\nSORT-STRING:Dam\\, Jan", "N;SORT-AS=\"Dam, Jan\":van Dam;Jan;;;"),
        ("CLASS:PRIVATE\nX-FOO;X-BAR=1:z", "CLASS:PRIVATE\nX-FOO;X-BAR=1:z"),
    ];

    #[test]
    fn one_from_the_other() {
        for (old, new) in SAME {
            let (three, four) = (card("3.0", old), card("4.0", new));
            assert_eq!(lines(&to_v4(&three)), lines(&four), "{old}");
            assert_eq!(lines(&to_v3(&four)), lines(&three), "{new}");
            assert_eq!((to_v3(&three), to_v4(&four)), (three, four));
        }
    }

    #[test]
    fn what_is_told_in_another_way() {
        for (old, new) in [
            ("EMAIL;TYPE=INTERNET,HOME,pref:a@example.com", "EMAIL;TYPE=HOME;PREF=1:a@example.com"),
            ("TEL;HOME;PREF:1", "TEL;TYPE=HOME;PREF=1:1"),
            ("NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Gr=C3=BC=C3=9Fe=0D=0A!", "NOTE:Grüße\\n!"),
            ("BDAY;VALUE=date:19900101", "BDAY:19900101"),
            ("X-ANNIVERSARY:2009-08-08", "ANNIVERSARY:20090808"),
            (
                "item1.X-ABDATE:2009-08-08\nitem1.X-ABLabel:First met",
                "item1.X-ABDATE:2009-08-08\nitem1.X-ABLabel:First met",
            ),
        ] {
            assert_eq!(lines(&to_v4(&card("3.0", old))), lines(&card("4.0", new)), "{old}");
        }
        for (new, old) in [
            ("TEL;VALUE=uri;TYPE=\"home,voice\";PREF=1:tel:+1-555;ext=5", "TEL;TYPE=home,voice,pref:+1-555\\;ext=5"),
            (
                "item1.X-A:1\nANNIVERSARY:20090808",
                "item1.X-A:1\nitem2.X-ABDATE:2009-08-08\nitem2.X-ABLabel:_$!<Anniversary>!$_",
            ),
        ] {
            assert_eq!(lines(&to_v3(&card("4.0", new))), lines(&card("3.0", old)), "{new}");
        }
        let unnamed = card("4.0", "FN:Ada Lovelace\nTEL:1");
        let made = to_v3(&unnamed);
        assert_eq!(lines(&made), ["FN:Ada Lovelace", "N;X-MADE-FROM=FN:Ada Lovelace;;;;", "TEL:1"]);
        assert_eq!(to_v4(&made), unnamed);
        let last = card("3.0", "FN:A");
        let moved = Component { properties: last.properties.iter().rev().cloned().collect(), ..last };
        assert_eq!(to_v4(&moved).properties[0].write_line(), "VERSION:4.0");
    }
}
