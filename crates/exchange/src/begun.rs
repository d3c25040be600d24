//! What was begun and is not settled: notes in the map, from before something is done until it is done or taken back, so
//! that the next run takes back what a run left half done.

use std::sync::Arc;

use idmap::IdMap;

use crate::append_all::APPENDS;
use crate::copy_all::COPIES;
use crate::error::Result;
use crate::live::Live;

/// Notes of one kind, a line each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun(pub(crate) &'static str);

impl Live {
    /// Takes back what an earlier run began and did not end.
    pub(crate) async fn clear_begun(self: Arc<Self>) {
        self.clear_appends().await;
        self.clear_copies().await;
    }

    /// True if something is under way, or an earlier run left it half done.
    pub(crate) async fn is_anything_begun(&self) -> Result<bool> {
        Ok(!self.begun(APPENDS).await?.is_empty() || !self.begun(COPIES).await?.is_empty())
    }

    /// The lines of a kind.
    pub(crate) async fn begun(&self, kind: Begun) -> Result<Vec<String>> {
        let note = self.map.note(kind.0).await?.unwrap_or_default();
        Ok(note.lines().map(str::to_owned).collect())
    }

    /// Strikes one line out and puts another one in, in one step.
    pub(crate) async fn note_begun(&self, kind: Begun, settled: Option<&str>, new: Option<&str>) -> Result<()> {
        let _alone = self.noting.lock().await;
        let mut lines = self.begun(kind).await?;
        lines.retain(|line| Some(line.as_str()) != settled);
        lines.extend(new.map(str::to_owned));
        let note: String = lines.iter().map(|line| format!("{line}\n")).collect();
        Ok(self.map.put_note(kind.0, &note).await?)
    }
}
