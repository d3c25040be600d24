//! Objects that are a set of independent fields: tasks, contacts, lists, notes. Their native side is a map from slots
//! to texts, and so is what a text says of it; each property of the text knows which slots it fills.
//!
//! Where Exchange was changed by others, a property stays as the client wrote it if its slots still say the same, goes
//! if one of them says something else, and stays in any case if it fills none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use ews::Sensitivity;
use pim::Property;
use pim::text::split_list;
use sha2::{Digest, Sha256};

/// The native side of an object. A slot that is not there is empty.
pub(super) type Fields<S> = BTreeMap<S, String>;

/// What a text says.
#[derive(Clone, Debug)]
pub(super) struct Said<S> {
    /// What it says of the native side.
    pub(super) fields: Fields<S>,
    /// For each property of the component, in order, the slots it says something of.
    pub(super) lines: Vec<Vec<S>>,
}

impl<S: Ord + Clone> Said<S> {
    /// Nothing yet of a component with so many properties.
    pub(super) fn of(properties: usize) -> Self {
        Said { fields: Fields::new(), lines: vec![Vec::new(); properties] }
    }

    /// A property says that there is something in a slot; false if another has said so before.
    pub(super) fn say(&mut self, line: usize, slot: S, value: impl Into<String>) -> bool {
        if self.fields.contains_key(&slot) {
            return false;
        }
        let value = value.into();
        if !value.is_empty() {
            self.fields.insert(slot.clone(), value);
        }
        self.tie(line, slot);
        true
    }

    /// A property is about a slot, whether there is something in it or not.
    pub(super) fn tie(&mut self, line: usize, slot: S) {
        if let Some(slots) = self.lines.get_mut(line) {
            slots.push(slot);
        }
    }

    /// CATEGORIES: there may be several, which are one list.
    pub(super) fn say_categories(&mut self, line: usize, slot: S, value: &str) {
        let before = self.fields.remove(&slot).unwrap_or_default();
        let all = joined(parted(&before).into_iter().chain(split_list(value)));
        if !all.is_empty() {
            self.fields.insert(slot.clone(), all);
        }
        self.tie(line, slot);
    }

    /// What is left of a text's properties once Exchange says something else, and the slots they leave to be told anew.
    pub(super) fn mended(&self, properties: &[Property], native: &Fields<S>) -> (Vec<Property>, Fields<S>) {
        let says = |slot: &S| self.fields.get(slot) == native.get(slot);
        let lines = properties.iter().zip(&self.lines);
        let (kept, told): (Vec<_>, Vec<_>) = lines.filter(|(_, slots)| slots.iter().all(says)).unzip();
        let told: BTreeSet<&S> = told.into_iter().flatten().collect();
        let rest = native.iter().filter(|(slot, _)| !told.contains(slot));
        let rest = rest.map(|(slot, value)| (slot.clone(), value.clone())).collect();
        let kept: Vec<Property> = kept.into_iter().cloned().collect();
        (without_orphans(kept), rest)
    }
}

/// Labels of groups whose properties went (`item1.X-ABLabel:Work`) label nothing.
fn without_orphans(properties: Vec<Property>) -> Vec<Property> {
    let is_label = |property: &Property| property.is("X-ABLABEL") || property.is("X-ABADR");
    let group = |property: &Property| property.group.as_ref().map(|group| group.to_ascii_lowercase());
    let used: BTreeSet<String> = properties.iter().filter(|property| !is_label(property)).filter_map(group).collect();
    let stays = |property: &Property| !is_label(property) || group(property).is_none_or(|group| used.contains(&group));
    properties.into_iter().filter(|property| stays(property)).collect()
}

/// The fields in a canonical form, hashed.
pub(super) fn digest<S: Debug>(fields: &Fields<S>) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for (slot, value) in fields {
        hasher.update(format!("{slot:?} {}\n{value}\n", value.len()));
    }
    let mut digest = [0; 16];
    digest.iter_mut().zip(hasher.finalize()).for_each(|(byte, hashed)| *byte = hashed);
    digest
}

/// The slots whose values are not the same, with the new value; `None` if it is empty now.
pub(super) fn changed<'a, S: Ord>(
    before: &'a Fields<S>,
    after: &'a Fields<S>,
) -> impl Iterator<Item = (&'a S, Option<&'a str>)> {
    let slots: BTreeSet<&S> = before.keys().chain(after.keys()).collect();
    let differ = slots.into_iter().filter(|slot| before.get(*slot) != after.get(*slot));
    differ.map(|slot| (slot, after.get(slot).map(String::as_str)))
}

/// Text as Exchange gives it back: lines end in LF, nothing blank at the end.
pub(super) fn block(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").trim_end().to_owned()
}

/// Text of one line as Exchange gives it back; it takes no more than 255 characters.
pub(super) fn line(text: &str) -> String {
    text.replace("\r\n", "\n").trim().chars().take(LONGEST_LINE).collect::<String>().trim_end().to_owned()
}

/// A list as one value, and back.
pub(super) fn joined(list: impl IntoIterator<Item = String>) -> String {
    let list: BTreeSet<String> = list.into_iter().map(|one| line(&one)).filter(|one| !one.is_empty()).collect();
    list.into_iter().collect::<Vec<_>>().join("\n")
}

/// The list that [`joined`] made a value of.
pub(super) fn parted(value: &str) -> Vec<String> {
    value.split('\n').filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// A word of CLASS (RFC 5545 section 3.8.1.3): PUBLIC is nothing, and a word nobody knows is PRIVATE.
pub(super) fn class(value: &str) -> &'static str {
    match value.trim().to_ascii_uppercase().as_str() {
        "PUBLIC" | "" => "",
        "CONFIDENTIAL" => "CONFIDENTIAL",
        _ => "PRIVATE",
    }
}

/// The word of CLASS for what Exchange has.
pub(super) fn class_of(sensitivity: Option<Sensitivity>) -> String {
    match sensitivity {
        Some(Sensitivity::Private | Sensitivity::Personal) => "PRIVATE",
        Some(Sensitivity::Confidential) => "CONFIDENTIAL",
        Some(Sensitivity::Normal) | None => "",
    }
    .to_owned()
}

/// What Exchange has for a word of CLASS.
pub(super) fn sensitivity(class: &str) -> Sensitivity {
    match class {
        "PRIVATE" => Sensitivity::Private,
        "CONFIDENTIAL" => Sensitivity::Confidential,
        _ => Sensitivity::Normal,
    }
}

const LONGEST_LINE: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_goes_if_one_of_its_slots_says_something_else() {
        let mut said: Said<&str> = Said::of(4);
        assert!(said.say(0, "a", "1") && said.say(1, "b", "2") && said.say(1, "c", ""));
        assert!(!said.say(2, "a", "again"));
        let properties = ["A", "BC", "X", "X-ABLabel"].map(|name| Property::new(name, "v").in_group(name));
        let native: Fields<&str> = [("a", "1"), ("c", "3"), ("d", "4")].map(|(k, v)| (k, v.to_owned())).into();
        let (kept, rest) = said.mended(&properties, &native);
        let names: Vec<_> = kept.iter().map(|property| property.name.as_str()).collect();
        assert_eq!(names, ["A", "X"]);
        assert_eq!(rest.keys().copied().collect::<Vec<_>>(), ["c", "d"]);
        let changes: Vec<_> = changed(&said.fields, &native).collect();
        assert_eq!(changes, [(&"b", None), (&"c", Some("3")), (&"d", Some("4"))]);
        assert_ne!(digest(&native), digest(&said.fields));
    }
}
