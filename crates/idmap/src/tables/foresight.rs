//! What a page is going to be asked of, read some dozens at a time: a server is a round trip away.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::edit::{Edit, KNOWN, Known, known, known_columns};
use super::fault::Outcome;
use crate::Item;
use crate::key::{self, Hash};
use crate::sql::Parameter;

/// Answers read ahead. Whatever may have made one wrong takes it away, and then the tables are asked.
#[derive(Default)]
pub(crate) struct Foresight(RefCell<Seen>);

#[derive(Default)]
struct Seen {
    /// Messages by their ItemIds. Each is told once, since whoever asks may change it.
    messages: HashMap<Hash, Option<Known>>,
    /// ItemIds of nothing that waits for its UID or that we removed.
    nowhere: HashSet<Hash>,
    /// Derived EMAILIDs that are neither ambiguous nor another's.
    plain: HashSet<Hash>,
}

impl Foresight {
    pub(crate) fn message(&self, hash: Hash) -> Option<Option<Known>> {
        self.0.borrow_mut().messages.remove(&hash)
    }

    pub(crate) fn is_nowhere(&self, hash: Hash) -> bool {
        self.0.borrow().nowhere.contains(&hash)
    }

    pub(crate) fn is_plain(&self, derived: Hash) -> bool {
        self.0.borrow().plain.contains(&derived)
    }

    /// Something waits under this ItemId now.
    pub(crate) fn waits(&self, hash: Hash) {
        self.0.borrow_mut().nowhere.remove(&hash);
    }

    /// A derived EMAILID means something else now.
    pub(crate) fn derived_otherwise(&self) {
        self.0.borrow_mut().plain.clear();
    }
}

impl Edit<'_> {
    /// Looks at what is known of these items. A few are not worth it.
    pub(crate) fn foresee<'i>(&self, items: impl Iterator<Item = &'i Item>) -> Outcome<()> {
        let (hashes, derived): (Vec<Hash>, Vec<Option<Hash>>) =
            items.map(|item| (key::item_id(&item.item_id), key::content(item).map(|id| id.0))).unzip();
        if hashes.len() < FEW {
            return Ok(());
        }
        let derived: Vec<Hash> = derived.into_iter().flatten().collect();
        let messages = self.messages(&hashes)?;
        let here = self.keys_in(
            "SELECT hash FROM staged WHERE folder = ?65 AND hash IN (KEYS)
                                 UNION ALL SELECT hash FROM tombstone WHERE folder = ?65 AND hash IN (KEYS)",
            &hashes,
            &[&self.folder],
        )?;
        let special = self.keys_in(
            "SELECT email_id FROM ambiguous WHERE email_id IN (KEYS)
                                    UNION ALL SELECT derived FROM alias WHERE derived IN (KEYS)",
            &derived,
            &[],
        )?;
        let beside =
            |all: Vec<Hash>, some: &HashSet<Hash>| all.into_iter().filter(|hash| !some.contains(hash)).collect();
        let (nowhere, plain) = (beside(hashes, &here), beside(derived, &special));
        *self.foresight.0.borrow_mut() = Seen { messages, nowhere, plain };
        Ok(())
    }

    fn messages(&self, hashes: &[Hash]) -> Outcome<HashMap<Hash, Option<Known>>> {
        let mut messages: HashMap<Hash, Option<Known>> = hashes.iter().map(|hash| (*hash, None)).collect();
        let mut rows = Vec::new();
        let (first, last) = self.keys();
        let sql = format!("SELECT {KNOWN} FROM item WHERE hash IN (KEYS) AND key BETWEEN ?65 AND ?66");
        self.connection.each_of(&sql, hashes, &[&first, &last], |row| {
            rows.push(known_columns(row)?);
            Ok(())
        })?;
        for row in rows {
            let message = known(Some(row))?;
            message.map(|message| messages.insert(message.hash, Some(message)));
        }
        Ok(messages)
    }

    fn keys_in(&self, sql: &str, keys: &[Hash], others: &[&dyn Parameter]) -> Outcome<HashSet<Hash>> {
        let mut found = HashSet::new();
        self.connection.each_of(sql, keys, others, |row| {
            found.insert(row.get(0)?);
            Ok(())
        })?;
        Ok(found)
    }
}

/// Fewer than this are asked for one by one.
const FEW: usize = 8;
