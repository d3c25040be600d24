//! Categories and the keywords they are: the map's table, remembered in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use idmap::IdMap;
use mailbox::Keyword;

/// What the ID map said so far; a pair never changes once it is made.
#[derive(Debug, Default)]
pub(crate) struct Keywords(Mutex<HashMap<String, Keyword>>);

impl Keywords {
    /// Learns the keywords of these categories, in one query for those that are new.
    pub(crate) async fn learn<'a>(
        &self,
        map: &impl IdMap,
        categories: impl Iterator<Item = &'a String>,
    ) -> idmap::Result<()> {
        let mut unknown: Vec<String> = {
            let known = self.lock();
            categories.filter(|category| !known.contains_key(*category)).cloned().collect()
        };
        unknown.sort_unstable();
        unknown.dedup();
        if unknown.is_empty() {
            return Ok(());
        }
        let keywords = map.keywords_for(&unknown).await?;
        self.lock().extend(unknown.into_iter().zip(keywords));
        Ok(())
    }

    /// The keywords of categories that were learnt.
    pub(crate) fn of(&self, categories: &[String]) -> Vec<Keyword> {
        let known = self.lock();
        categories.iter().filter_map(|category| known.get(category).cloned()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Keyword>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
