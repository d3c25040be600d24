//! SEARCH: what the index knows decides first, then headers, then whole messages, and only for those still open.

use std::collections::HashMap;
use std::sync::Arc;

use idmap::{IdMap, ItemRow};
use mailbox::search::{Facts, Program, Query, Verdict};
use mailbox::{Access, Content, Error, ErrorKind, FolderId, Progress, Uid};

use crate::bodies::LOOK_AHEAD;
use crate::error::Result;
use crate::live::Live;
use crate::sizes;
use crate::sync::existing;
use crate::word_index::Asked;

impl Live {
    /// Messages that match, ascending.
    pub(crate) async fn search(
        self: &Arc<Self>,
        folder: FolderId,
        query: &Query,
        progress: &Progress,
    ) -> Result<Vec<Uid>> {
        existing(self, folder).await?;
        self.note_learnt().await;
        let program = query.program();
        let mut index = Asked::new(self.index, &program);
        let entries = self.map.snapshot(folder, Access::ReadOnly).await?.entries;
        let uids: Vec<Uid> = entries.iter().map(|entry| entry.uid).collect();
        drop(entries);
        progress.begin(uids.len());
        let mut found = Vec::new();
        for some in uids.chunks(INDEX_ROWS) {
            let mut sieve = Sieve {
                live: self,
                program: &program,
                headers_first: index.is_wanted() && program.heeds_header(),
                found: Vec::new(),
                header: Vec::new(),
                content: Vec::new(),
            };
            for row in self.map.items(folder, some).await? {
                sieve.judge(row, None, None)?;
            }
            progress.advance(some.len().saturating_sub(sieve.header.len() + sieve.content.len()));
            for rows in std::mem::take(&mut sieve.header).chunks(HEADERS) {
                let before = sieve.content.len();
                sieve.by_header(folder, rows).await?;
                progress.advance((before + rows.len()).saturating_sub(sieve.content.len()));
            }
            let open = std::mem::take(&mut sieve.content);
            let before = open.len();
            sieve.content = index.worth_a_look(self, folder, open).await;
            progress.advance(before - sieve.content.len());
            sieve.by_content(folder, progress).await?;
            found.extend(sieve.found);
        }
        found.sort_unstable();
        Ok(found)
    }
}

/// Messages on their way through the stages.
struct Sieve<'a> {
    live: &'a Arc<Live>,
    program: &'a Program,
    /// What only the content can settle is held against its header first.
    headers_first: bool,
    found: Vec<Uid>,
    /// Wait for their headers.
    header: Vec<ItemRow>,
    /// Wait for their contents.
    content: Vec<ItemRow>,
}

impl Sieve<'_> {
    fn judge(&mut self, row: ItemRow, header: Option<&[u8]>, content: Option<&Content>) -> Result<()> {
        let facts = Facts {
            uid: row.uid,
            flags: &row.flags,
            modseq: row.modseq,
            received: row.received,
            saved: row.saved,
            size: sizes::known(self.live.sizes, row.exact_size, row.size),
            email_id: Some(row.email_id),
            thread_id: row.thread_id,
            header,
            content,
        };
        match self.program.evaluate(&facts)? {
            Verdict::Yes => self.found.push(row.uid),
            Verdict::No => {}
            Verdict::NeedsHeader if header.is_none() && content.is_none() => self.header.push(row),
            Verdict::NeedsContent if self.headers_first && header.is_none() && content.is_none() => {
                self.header.push(row)
            }
            Verdict::NeedsHeader | Verdict::NeedsContent if content.is_none() => self.content.push(row),
            Verdict::NeedsHeader | Verdict::NeedsContent => {}
        }
        Ok(())
    }

    async fn by_header(&mut self, folder: FolderId, rows: &[ItemRow]) -> Result<()> {
        let uids: Vec<Uid> = rows.iter().map(|row| row.uid).collect();
        let headers: HashMap<Uid, _> = self.live.headers(folder, &uids).await?.into_iter().collect();
        for row in rows {
            if let Some(header) = headers.get(&row.uid).and_then(there) {
                self.judge(row.clone(), Some(&header?), None)?;
            }
        }
        Ok(())
    }

    async fn by_content(&mut self, folder: FolderId, progress: &Progress) -> Result<()> {
        let mut rows = std::mem::take(&mut self.content);
        while !rows.is_empty() {
            let next: Vec<ItemRow> = rows.iter().take(LOOK_AHEAD).cloned().collect();
            let contents: HashMap<Uid, _> = self.live.contents_of(folder, next).await?.into_iter().collect();
            if contents.is_empty() {
                break;
            }
            for row in &rows {
                if let Some(content) = contents.get(&row.uid).and_then(there) {
                    self.judge(row.clone(), None, Some(&content?))?;
                }
            }
            rows.retain(|row| !contents.contains_key(&row.uid));
            progress.advance(contents.len());
        }
        Ok(())
    }
}

/// A message that vanished meanwhile does not match; one that cannot be read stops the search.
fn there<T: Clone>(result: &Result<T>) -> Option<Result<T, Error>> {
    match result {
        Err(error) if error.kind == ErrorKind::NotFound => None,
        other => Some(other.clone()),
    }
}

/// How many rows of the index are looked at together.
const INDEX_ROWS: usize = 1000;
/// How many headers are asked for together.
const HEADERS: usize = 500;
