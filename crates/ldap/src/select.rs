//! What of an entry was asked for (RFC 4511 section 4.5.1.8).

use crate::attribute::{KINDS, Kind};
use crate::matching::Values;
use crate::proto::{Attribute, Search};

/// Of somebody: all attributes where none is named or `*` is. They come under the names they were asked by, since a program
/// that asks for `streetAddress` looks for that in the answer.
pub(crate) fn of_kinds(search: &Search, of: &dyn Fn(&'static Kind) -> Values) -> Vec<Attribute> {
    let mut told: Vec<&'static str> = Vec::new();
    let mut attributes = Vec::new();
    let mut tell = |name: &str, kind: &'static Kind| {
        let values = of(kind);
        // A name stands once, whatever it was asked by.
        if !values.is_empty() && !told.contains(&kind.name) {
            told.push(kind.name);
            attributes.push(Attribute { name: name.to_owned(), values: cut(search, values) });
        }
    };
    for name in &search.attributes {
        if let Some(kind) = Kind::named(name) {
            tell(name, kind);
        }
    }
    if wants_all(search) {
        KINDS.iter().for_each(|kind| tell(kind.name, kind));
    }
    attributes
}

/// Of an entry that is no person's: what of this was named. `+` names it all, too: it is operational.
pub(crate) fn of_list(search: &Search, all: Vec<(&'static str, Vec<String>)>) -> Vec<Attribute> {
    let everything = wants_all(search) || search.attributes.iter().any(|name| name == "+");
    let wanted = |name: &str| everything || search.attributes.iter().any(|asked| asked.eq_ignore_ascii_case(name));
    let chosen = all.into_iter().filter(|(name, values)| !values.is_empty() && wanted(name));
    let octets = |values: Vec<String>| values.into_iter().map(String::into_bytes).collect();
    chosen.map(|(name, values)| Attribute { name: name.to_owned(), values: cut(search, octets(values)) }).collect()
}

fn wants_all(search: &Search) -> bool {
    search.attributes.is_empty() || search.attributes.iter().any(|name| name == "*")
}

fn cut(search: &Search, values: Values) -> Values {
    if search.types_only { Values::new() } else { values }
}
