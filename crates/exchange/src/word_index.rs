//! Exchange's own index of words, asked before messages are fetched to be searched (`imap.search_index`).

use std::collections::HashSet;
use std::sync::Arc;

use ews::op::find_item::{Condition, FindItem, Traversal};
use ews::{ItemShape, Page};
use idmap::ItemRow;
use jiff::{SignedDuration, Timestamp};
use mailbox::FolderId;
use mailbox::search::{Program, Words};

use crate::error::{Result, Tried};
use crate::live::Live;
use crate::settings::SearchIndex;

/// What one search asks the index.
#[derive(Debug)]
pub(crate) struct Asked {
    words: Option<Words>,
    /// ItemIds of the messages in which, as the index knows, the words stand. `None` before it was asked.
    named: Option<HashSet<String>>,
}

impl Asked {
    /// What is to be asked for a program. It is asked when the first message needs it.
    pub(crate) fn new(index: SearchIndex, program: &Program) -> Self {
        Self { words: index.wording().and_then(|wording| program.words(wording)), named: None }
    }

    /// True if there is something to ask. Then headers are looked at first: an index knows few of their fields.
    pub(crate) fn is_wanted(&self) -> bool {
        self.words.is_some()
    }

    /// Of messages that only their content can settle, those that are worth a look: the index knows the words in them,
    /// or they came too lately for it, or they are here.
    pub(crate) async fn worth_a_look(
        &mut self,
        live: &Arc<Live>,
        folder: FolderId,
        mut rows: Vec<ItemRow>,
    ) -> Vec<ItemRow> {
        let lately = Timestamp::now().saturating_sub(INDEX_LAG).unwrap_or(Timestamp::MIN);
        let at_hand =
            |row: &ItemRow| row.saved.is_some_and(|saved| saved > lately) || live.bodies.shelf.has(row.email_id);
        if rows.iter().all(at_hand) {
            return rows;
        }
        if let (Some(words), None) = (&self.words, &self.named) {
            let asked = live.named_by_index(folder, words).await;
            match asked {
                Ok(named) => self.named = Some(named),
                Err(error) => {
                    tracing::warn!(user = live.user, %error, "Exchange's index cannot be asked: messages are fetched");
                    self.words = None;
                }
            }
        }
        if let Some(named) = &self.named {
            rows.retain(|row| named.contains(&row.item_id) || at_hand(row));
        }
        rows
    }
}

impl Live {
    async fn named_by_index(self: &Arc<Self>, folder: FolderId, words: &Words) -> Result<HashSet<String>> {
        let mut ask = FindItem {
            folder: self.folder_ref(folder).await?,
            shape: ItemShape::default(),
            condition: Some(Condition::Query(query(words))),
            sort: Vec::new(),
            page: Some(Page { offset: 0, max: PAGE }),
            traversal: Traversal::Shallow,
        };
        let mut named = HashSet::new();
        loop {
            let tried = Tried::new("the folder could not be searched");
            let page = self.client()?.call(&ask).await.map_err(|error| self.failed(&tried, &error))?;
            named.extend(page.items.into_iter().filter_map(|item| item.id).map(|id| id.id));
            let offset = ask.page.map_or(0, |page| page.offset);
            match page.next.filter(|next| *next > offset) {
                Some(next) => ask.page = Some(Page { offset: next, max: PAGE }),
                None => return Ok(named),
            }
        }
    }
}

/// Advanced Query Syntax. Words of letters and digits mean themselves and those that begin with them.
fn query(words: &Words) -> String {
    let list = |words: &[Words], between: &str| {
        let words: Vec<String> = words.iter().map(query).collect();
        match words.as_slice() {
            [only] => only.clone(),
            _ => format!("({})", words.join(between)),
        }
    };
    match words {
        Words::Word(word) => word.clone(),
        Words::All(all) => list(all, " AND "),
        Words::Any(any) => list(any, " OR "),
    }
}

impl SearchIndex {
    fn wording(self) -> Option<mailbox::search::Wording> {
        match self {
            Self::Off => None,
            Self::Phrases => Some(mailbox::search::Wording::Inner),
            Self::Words => Some(mailbox::search::Wording::All),
        }
    }
}

/// Items in a call; with a query Exchange gives 250 at most.
const PAGE: u32 = 1000;

/// How long it may take until a new message is in the index.
const INDEX_LAG: SignedDuration = SignedDuration::from_mins(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_a_query() {
        let word = |word: &str| Words::Word(word.to_owned());
        let all = Words::All(vec![word("zebra"), word("sleeps")]);
        assert_eq!(query(&all), "(zebra AND sleeps)");
        assert_eq!(query(&Words::Any(vec![all, Words::All(vec![word("lion")])])), "((zebra AND sleeps) OR lion)");
    }
}
