//! Properties with entries: e-mail addresses, telephone numbers, postal and instant messaging addresses.

use super::{keep, kept, local};
use crate::{op::Trouble, property::Path, soap::Element, store::Item};

/// The element that holds entries, the path to one entry, the path to all.
const DICTIONARIES: &[(&str, &str, &str)] = &[
    ("EmailAddresses", "contacts:EmailAddress", "contacts:EmailAddresses"),
    ("PhysicalAddresses", "contacts:PhysicalAddress", "contacts:PhysicalAddresses"),
    ("PhoneNumbers", "contacts:PhoneNumber", "contacts:PhoneNumbers"),
    ("ImAddresses", "contacts:ImAddress", "contacts:ImAddresses"),
];

/// Whether the element holds entries.
pub(super) fn element(name: &str) -> bool {
    DICTIONARIES.iter().any(|(known, _, _)| *known == name)
}

/// Whether the path names all entries.
pub(super) fn is_dictionary(uri: &str) -> bool {
    DICTIONARIES.iter().any(|(_, _, all)| *all == uri)
}

/// The element and the part of an address (`Street`) a path to one entry leads to.
fn resolve(uri: &str) -> Option<(&'static str, Option<&str>)> {
    DICTIONARIES.iter().find_map(|(element, one, _)| match uri.strip_prefix(one)? {
        "" => Some((*element, None)),
        rest => Some((*element, Some(rest.strip_prefix(':')?))),
    })
}

/// Sets one entry, or one part of one address, from an element that holds it alone.
pub(super) fn set(item: &mut Item, uri: &str, index: &str, element: &Element) -> Result<(), Trouble> {
    let mismatch = || {
        Trouble::new("ErrorUpdatePropertyMismatch", "The property in the path does not match the property in the item.")
    };
    let (name, part) = resolve(uri).ok_or_else(mismatch)?;
    if element.name != name {
        return Err(mismatch());
    }
    let [entry] = element.children.as_slice() else {
        return Err(Trouble::new(
            "ErrorIncorrectUpdatePropertyCount",
            "An object within a change description must contain one and only one property to modify.",
        ));
    };
    if entry.attribute("Key") != Some(index) {
        return Err(mismatch());
    }
    let text = match part {
        None => entry.text.clone(),
        Some(part) => {
            let [value] = entry.children.as_slice() else { return Err(mismatch()) };
            if value.name != part {
                return Err(mismatch());
            }
            value.text.clone()
        }
    };
    put(item, name, index, part, Some(&text));
    Ok(())
}

/// Removes one entry, or one part of one address.
pub(super) fn delete(item: &mut Item, uri: &str, index: &str) -> Result<(), Trouble> {
    let (name, part) = resolve(uri)
        .ok_or_else(|| Trouble::new("ErrorInvalidPropertyDelete", "Delete action is invalid for property."))?;
    put(item, name, index, part, None);
    Ok(())
}

/// Sets or removes an entry or a part of one; empty text removes as well.
pub(super) fn put(item: &mut Item, name: &str, key: &str, part: Option<&str>, text: Option<&str>) {
    let mut all = kept(item, name).cloned().unwrap_or_else(|| Element::new(name, ""));
    let text = text.filter(|text| !text.is_empty());
    let at = all.children.iter().position(|entry| entry.attribute("Key") == Some(key));
    match part {
        None => {
            if let Some(at) = at {
                all.children.remove(at);
            }
            if let Some(text) = text {
                all.children.push(Element::new("Entry", text).with("Key", key));
            }
        }
        Some(part) => {
            let mut entry = match at {
                Some(at) => all.children.remove(at),
                None => Element::new("Entry", "").with("Key", key),
            };
            entry.children.retain(|child| child.name != part);
            if let Some(text) = text {
                entry.children.push(Element::new(part, text));
                let place = |child: &Element| PARTS.iter().position(|known| *known == child.name);
                entry.children.sort_by_key(place);
            }
            if !entry.children.is_empty() {
                all.children.push(entry);
            }
        }
    }
    all.children.sort_by(|a, b| a.attribute("Key").cmp(&b.attribute("Key")));
    match all.children.is_empty() {
        true => super::drop_field(item, name),
        false => keep(item, all),
    }
}

/// The same element without entries that say nothing.
pub(super) fn without_empty(element: &Element) -> Element {
    let mut kept = element.clone();
    for entry in &mut kept.children {
        entry.children.retain(|part| !part.text.is_empty());
    }
    kept.children.retain(|entry| !entry.text.is_empty() || !entry.children.is_empty());
    kept
}

/// The text of one entry or part of one.
pub(crate) fn entry(all: &Element, uri: &str, index: &str) -> Option<String> {
    let (_, part) = resolve(uri)?;
    let entry = all.children.iter().find(|entry| entry.attribute("Key") == Some(index))?;
    match part {
        None => Some(entry.text.clone()),
        Some(part) => entry.child(part).map(|part| part.text.clone()),
    }
}

/// The element with only the entries that are asked for one by one; `None` if none of them is there.
pub(crate) fn subset(all: &Element, asked: &[Path]) -> Option<Element> {
    let mut some = all.clone();
    let wanted = |key: &str, part: Option<&str>| {
        asked.iter().any(|path| match path {
            Path::Indexed(uri, index) => {
                index == key && resolve(uri).is_some_and(|(name, of)| name == all.name && of == part)
            }
            Path::Field(uri) => local(uri) == all.name,
            Path::Extended(_) => false,
        })
    };
    some.children.retain_mut(|entry| {
        let key = entry.attribute("Key").unwrap_or_default().to_owned();
        if entry.children.is_empty() {
            return wanted(&key, None);
        }
        entry.children.retain(|part| wanted(&key, Some(&part.name)));
        !entry.children.is_empty()
    });
    (!some.children.is_empty()).then_some(some)
}

/// Parts of an address in schema order.
const PARTS: &[&str] = &["Street", "City", "State", "CountryOrRegion", "PostalCode"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Kind;

    #[test]
    fn entries_are_set_and_removed_one_by_one() {
        let mut item = Item::new(Kind::Contact, None, 0);
        put(&mut item, "EmailAddresses", "EmailAddress2", None, Some("b@example.org"));
        put(&mut item, "EmailAddresses", "EmailAddress1", None, Some("a@example.org"));
        put(&mut item, "PhysicalAddresses", "Home", Some("City"), Some("Ulm"));
        put(&mut item, "PhysicalAddresses", "Home", Some("Street"), Some("Weg 1"));
        let keys = |item: &Item, name: &str| -> Vec<String> {
            kept(item, name)
                .into_iter()
                .flat_map(|all| all.children.iter().map(|entry| entry.attribute("Key").unwrap().to_owned()))
                .collect()
        };
        assert_eq!(keys(&item, "EmailAddresses"), ["EmailAddress1", "EmailAddress2"]);
        let address = kept(&item, "PhysicalAddresses").unwrap();
        assert_eq!(address.children[0].children[0].name, "Street");
        assert_eq!(entry(address, "contacts:PhysicalAddress:City", "Home").as_deref(), Some("Ulm"));
        delete(&mut item, "contacts:PhysicalAddress:City", "Home").unwrap();
        delete(&mut item, "contacts:PhysicalAddress:Street", "Home").unwrap();
        assert!(kept(&item, "PhysicalAddresses").is_none());
        delete(&mut item, "contacts:EmailAddress", "EmailAddress1").unwrap();
        assert_eq!(keys(&item, "EmailAddresses"), ["EmailAddress2"]);
    }
}
