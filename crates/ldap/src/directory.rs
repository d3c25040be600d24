//! The tree of names, which is small: the root, the schema, one entry that holds the people, and the people.

use std::collections::HashSet;

use mailbox::objects::Objects;
use mailbox::{Error, ErrorKind, Result};

use crate::attribute::{Kind, Someone};
use crate::matching::{Values, matches};
use crate::proto::{Entry, Name, Scope, Search};
use crate::schema::SUBSCHEMA;
use crate::select;
use crate::words::words;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The top of everything.
    Root,
    /// The schema.
    Subschema,
    /// What holds the people.
    Base,
    /// Somebody, by address.
    Person(String),
    /// Nothing.
    Nowhere,
}

/// Where a search begins.
pub(crate) fn place(base: &Name, name: &Name) -> Place {
    if name.is_root() {
        return Place::Root;
    }
    if name.is(base) {
        return Place::Base;
    }
    if Name::parse(SUBSCHEMA).is_some_and(|subschema| name.is(&subschema)) {
        return Place::Subschema;
    }
    match name.own() {
        Some((RDN, address)) if name.parent().is_some_and(|above| above.is(base)) => Place::Person(address.to_owned()),
        _ => Place::Nowhere,
    }
}

/// True if the entry that holds the people is within reach.
pub(crate) fn reaches_base(place: &Place, scope: Scope) -> bool {
    matches!((place, scope), (Place::Root, Scope::One | Scope::Sub) | (Place::Base, Scope::Base | Scope::Sub))
}

/// True if the people are.
pub(crate) fn reaches_people(place: &Place, scope: Scope) -> bool {
    matches!((place, scope), (Place::Root, Scope::Sub) | (Place::Base, Scope::One | Scope::Sub))
}

/// The entry that holds the people, if it is as wanted.
pub(crate) fn base_entry(base: &Name, search: &Search) -> Option<Entry> {
    let (attribute, value) = base.own()?;
    let own = |kind: &'static Kind| -> Values {
        match kind.name {
            "objectClass" => vec![b"top".to_vec(), b"organizationalUnit".to_vec()],
            name if name.eq_ignore_ascii_case(attribute) => vec![value.as_bytes().to_vec()],
            _ => Values::new(),
        }
    };
    let attributes = || select::of_kinds(search, &own);
    (matches(&search.filter, &own) == Some(true)).then(|| Entry { dn: base.to_string(), attributes: attributes() })
}

/// Looks people up: those whom the filter means, told as they were asked for.
pub(crate) struct Finding<'a, A> {
    pub(crate) account: &'a A,
    pub(crate) base: &'a Name,
    pub(crate) search: &'a Search,
    /// The most people that are looked at for one word.
    pub(crate) most: usize,
    pub(crate) found: Vec<Entry>,
    /// Addresses of those that were looked at.
    known: HashSet<String>,
}

/// How much of what there is was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All of it.
    All,
    /// There may be more.
    Some,
    /// Nothing was looked for: the filter narrows nothing down.
    Unbounded,
}

impl<'a, A: Objects> Finding<'a, A> {
    pub(crate) fn new(account: &'a A, base: &'a Name, search: &'a Search, most: usize) -> Self {
        Self { account, base, search, most, found: Vec::new(), known: HashSet::new() }
    }

    /// Everybody whom the filter means. What was found stays, whatever comes in between.
    ///
    /// # Errors
    /// Those of the directory.
    pub(crate) async fn people(&mut self) -> Result<Reach> {
        let Some(words) = words(&self.search.filter) else { return Ok(Reach::Unbounded) };
        let mut reach = if words.len() > MOST_WORDS { Reach::Some } else { Reach::All };
        for word in words.iter().take(MOST_WORDS) {
            let people = self.account.find_people(word, self.most.saturating_add(1)).await?;
            if people.len() > self.most {
                reach = Reach::Some;
            }
            people.into_iter().take(self.most).filter_map(Someone::of).for_each(|one| self.look_at(&one));
        }
        Ok(reach)
    }

    /// Whoever has this address.
    ///
    /// # Errors
    /// Those of the directory; `NotFound` if there is nobody.
    pub(crate) async fn person(&mut self, address: &str) -> Result<Reach> {
        let people = self.account.find_people(address, AS_MANY).await?.into_iter();
        let is = |one: &Someone| one.address().eq_ignore_ascii_case(address);
        match people.filter_map(Someone::of).find(is) {
            Some(one) => self.look_at(&one),
            None => return Err(Error::new(ErrorKind::NotFound, "There is nobody of this address")),
        }
        Ok(Reach::All)
    }

    fn look_at(&mut self, one: &Someone) {
        let of = |kind: &'static Kind| kind.values(one);
        if self.known.insert(one.address().to_lowercase()) && matches(&self.search.filter, &of) == Some(true) {
            let dn = self.base.child(RDN, one.address()).to_string();
            self.found.push(Entry { dn, attributes: select::of_kinds(self.search, &of) });
        }
    }
}

/// What people are called by.
pub(crate) const RDN: &str = "mail";

/// Questions that one search asks.
const MOST_WORDS: usize = 5;

/// People that are looked at to find one by address.
const AS_MANY: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_places() {
        let base = Name::parse("ou=people,dc=x").unwrap();
        for (name, wanted) in [
            ("", Place::Root),
            ("CN=subschema", Place::Subschema),
            ("OU=People,DC=X", Place::Base),
            ("mail=anna@x.example,ou=people,dc=x", Place::Person("anna@x.example".into())),
            ("cn=anna,ou=people,dc=x", Place::Nowhere),
            ("mail=anna@x.example", Place::Nowhere),
            ("dc=x", Place::Nowhere),
        ] {
            assert_eq!(place(&base, &Name::parse(name).unwrap()), wanted, "{name}");
        }
        assert!(reaches_people(&Place::Root, Scope::Sub) && !reaches_people(&Place::Root, Scope::One));
        assert!(reaches_base(&Place::Root, Scope::One) && !reaches_base(&Place::Base, Scope::One));
    }
}
