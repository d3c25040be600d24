//! What a filter means (RFC 4511 section 4.5.1.7): true, false, or undefined where it speaks of what nobody knows.

use crate::attribute::{Kind, Syntax};
use crate::proto::{Filter, Part};

/// What an entry has of an attribute.
pub(crate) type Values = Vec<Vec<u8>>;

/// `Some(true)`, `Some(false)`, or undefined. `of` tells what the entry has of an attribute.
pub(crate) fn matches(filter: &Filter, of: &dyn Fn(&'static Kind) -> Values) -> Option<bool> {
    match filter {
        Filter::And(all) => all.iter().map(|one| matches(one, of)).fold(Some(true), and),
        Filter::Or(all) => not(all.iter().map(|one| not(matches(one, of))).fold(Some(true), and)),
        Filter::Not(one) => not(matches(one, of)),
        Filter::Present(name) => Kind::named(name).map(|kind| !of(kind).is_empty()),
        Filter::Equal(name, value) | Filter::Like(name, value) => {
            any(name, of, &|kind, own| own == normal(kind.syntax, value))
        }
        Filter::Substrings(name, parts) => any(name, of, &|kind, own| has_parts(kind.syntax, own, parts)),
        Filter::AtLeast(name, value) => any(name, of, &|kind, own| *own >= *normal(kind.syntax, value)),
        Filter::AtMost(name, value) => any(name, of, &|kind, own| *own <= *normal(kind.syntax, value)),
        Filter::Rule { rule, attribute: Some(name), value } if is_known(rule.as_deref()) => {
            any(name, of, &|kind, own| own == normal(kind.syntax, value))
        }
        Filter::Rule { .. } => None,
    }
}

fn and(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn not(one: Option<bool>) -> Option<bool> {
    one.map(|one| !one)
}

/// True if one of the values is as wanted.
fn any(name: &str, of: &dyn Fn(&'static Kind) -> Values, wanted: &dyn Fn(&Kind, &str) -> bool) -> Option<bool> {
    let kind = Kind::named(name).filter(|kind| kind.syntax != Syntax::Jpeg)?;
    let values = of(kind);
    Some(
        values
            .iter()
            .filter_map(|own| std::str::from_utf8(own).ok())
            .any(|own| wanted(kind, &normal(kind.syntax, own))),
    )
}

/// As values are compared: case and spaces do not count, nor what stands between digits of a number.
pub(crate) fn normal(syntax: Syntax, value: &str) -> String {
    match syntax {
        Syntax::Telephone => value.chars().filter(|char| !char.is_whitespace() && !"-()./".contains(*char)).collect(),
        _ => value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase(),
    }
}

fn has_parts(syntax: Syntax, own: &str, parts: &[Part]) -> bool {
    let mut rest = own;
    for part in parts {
        let wanted = normal(syntax, part.text());
        let left = match part {
            Part::Initial(_) => rest.strip_prefix(wanted.as_str()),
            Part::Any(_) => rest.find(&wanted).and_then(|at| rest.get(at + wanted.len()..)),
            Part::Final(_) => rest.strip_suffix(wanted.as_str()).map(|_| ""),
        };
        let Some(left) = left else { return false };
        rest = left;
    }
    true
}

/// caseIgnoreMatch and what is like it for names and addresses (RFC 4517).
fn is_known(rule: Option<&str>) -> bool {
    rule.is_none_or(|rule| RULES.iter().any(|known| known.eq_ignore_ascii_case(rule)))
}

const RULES: [&str; 4] = ["caseIgnoreMatch", "2.5.13.2", "caseIgnoreIA5Match", "1.3.6.1.4.1.1466.109.114.2"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::someone;

    fn equal(name: &str, value: &str) -> Filter {
        Filter::Equal(name.into(), value.into())
    }

    #[test]
    fn filters_mean_what_they_say() {
        let anna = someone("FN:Anna Berg\r\nN:Berg;Anna;;;\r\nEMAIL:anna@x.example\r\nTEL;VALUE=text:+49 30 12-34\r\n");
        let of = |kind: &'static Kind| kind.values(&anna);
        let parts = |parts: &[Part]| Filter::Substrings("cn".into(), parts.to_vec());
        let (initial, any, last) =
            (|t: &str| Part::Initial(t.into()), |t: &str| Part::Any(t.into()), |t: &str| Part::Final(t.into()));
        let unknown = equal("shoeSize", "40");
        for (filter, wanted) in [
            (equal("cn", " ANNA  berg"), Some(true)),
            (equal("cn", "anna"), Some(false)),
            (equal("telephoneNumber", "+49301234"), Some(true)),
            (equal("objectClass", "INETORGPERSON"), Some(true)),
            (Filter::Like("sn".into(), "berg".into()), Some(true)),
            (parts(&[initial("an")]), Some(true)),
            (parts(&[any("BERG")]), Some(true)),
            (parts(&[initial("a"), any("na"), last("rg")]), Some(true)),
            (parts(&[initial("anna b"), any("b"), last("berg")]), Some(false)),
            (parts(&[initial("na")]), Some(false)),
            (Filter::AtLeast("sn".into(), "b".into()), Some(true)),
            (Filter::AtMost("sn".into(), "b".into()), Some(false)),
            (Filter::Present("mail".into()), Some(true)),
            (Filter::Present("mobile".into()), Some(false)),
            (unknown.clone(), None),
            (Filter::Not(Box::new(unknown.clone())), None),
            (Filter::Or(vec![unknown.clone(), equal("sn", "berg")]), Some(true)),
            (Filter::Or(vec![unknown.clone(), equal("sn", "x")]), None),
            (Filter::And(vec![unknown.clone(), equal("sn", "x")]), Some(false)),
            (Filter::And(vec![unknown, equal("sn", "berg")]), None),
            (Filter::And(Vec::new()), Some(true)),
            (Filter::Or(Vec::new()), Some(false)),
            (
                Filter::Rule { rule: Some("2.5.13.2".into()), attribute: Some("cn".into()), value: "anna berg".into() },
                Some(true),
            ),
            (Filter::Rule { rule: Some("1.2.3".into()), attribute: Some("cn".into()), value: "x".into() }, None),
        ] {
            assert_eq!(matches(&filter, &of), wanted, "{filter:?}");
        }
    }
}
