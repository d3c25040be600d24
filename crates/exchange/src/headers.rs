//! Header blocks: kept in the ID map, taken from messages that are here, or asked for a hundred at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use ews::op::get_item::GetItem;
use ews::{ErrorKind as Theirs, Field, ItemId, ItemShape, Path};
use idmap::{IdMap, ItemRow};
use mailbox::{EmailId, Error, FolderId, Uid};

use crate::bodies::LOOK_AHEAD;
use crate::convert;
use crate::error::{Result, Tried};
use crate::header_block::HeaderBlock;
use crate::live::Live;
use crate::rebuilt::header_of;
use crate::rendering::{split_header, with_empty_line};

type Known = HashMap<EmailId, Result<Bytes>>;

impl Live {
    /// Header blocks, their empty lines included. Bodies are fetched only of messages Exchange keeps no header of.
    pub(crate) async fn headers(self: &Arc<Self>, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Bytes>)>> {
        self.headers_for(Purpose::Reading, folder, uids).await
    }

    /// The same for SORT and THREAD: of messages Exchange keeps no header of, what it tells of them takes its place, and
    /// no body is fetched.
    pub(crate) async fn letterheads(
        self: &Arc<Self>,
        folder: FolderId,
        uids: &[Uid],
    ) -> Result<Vec<(Uid, Result<Bytes>)>> {
        self.headers_for(Purpose::Ordering, folder, uids).await
    }

    async fn headers_for(
        self: &Arc<Self>,
        purpose: Purpose,
        folder: FolderId,
        uids: &[Uid],
    ) -> Result<Vec<(Uid, Result<Bytes>)>> {
        self.folder_row(folder).await?;
        self.note_learnt().await;
        let rows = self.map.items(folder, uids).await?;
        let mut seen = HashSet::new();
        let mut open: Vec<ItemRow> = rows.iter().filter(|row| seen.insert(row.email_id)).cloned().collect();
        let ids: Vec<EmailId> = open.iter().map(|row| row.email_id).collect();
        let stored = self.map.headers(&ids).await?;
        let mut known: Known = stored.into_iter().map(|(id, header)| (id, Ok(header.into()))).collect();
        open.retain(|row| !known.contains_key(&row.email_id));
        if purpose == Purpose::Ordering && !open.is_empty() {
            let ids: Vec<EmailId> = open.iter().map(|row| row.email_id).collect();
            let stored = self.map.letterheads(&ids).await?;
            known.extend(stored.into_iter().map(|(id, head)| (id, Ok(head.into()))));
            open.retain(|row| !known.contains_key(&row.email_id));
        }
        for some in std::mem::take(&mut open).chunks(BATCH) {
            let here = self.headers_here(some).await?;
            let missing: Vec<_> = some.iter().filter(|row| !here.contains_key(&row.email_id)).cloned().collect();
            known.extend(here);
            open.extend(self.transport_headers(purpose, folder, missing, &mut known).await?);
        }
        self.headers_of_contents(folder, open, &mut known).await?;
        Ok(rows.iter().map(|row| (row.uid, known.get(&row.email_id).cloned().unwrap_or_else(|| Err(gone())))).collect())
    }

    /// Headers of messages whose bodies are in the cache.
    async fn headers_here(&self, rows: &[ItemRow]) -> Result<Known> {
        let cached = self.here(rows).await?;
        let mut here = Known::new();
        for (id, content) in cached {
            let (block, _) = split_header(&content)?;
            here.insert(id, Ok(with_empty_line(&block)));
        }
        // Stand-ins are not to be remembered.
        let lasting: Vec<_> = here.iter().filter(|(id, _)| self.bodies.shelf.has(**id)).collect();
        let lasting: Vec<_> =
            lasting.into_iter().filter_map(|(id, header)| Some((*id, header.as_ref().ok()?.to_vec()))).collect();
        if !lasting.is_empty() {
            self.map.put_headers(lasting).await?;
        }
        Ok(here)
    }

    /// Asks for the headers as they were received. Gives back the messages for which there are none to be served.
    async fn transport_headers(
        self: &Arc<Self>,
        purpose: Purpose,
        folder: FolderId,
        rows: Vec<ItemRow>,
        known: &mut Known,
    ) -> Result<Vec<ItemRow>> {
        let mut described: Vec<(EmailId, Vec<u8>)> = Vec::new();
        let mut without = Vec::new();
        let mut round = rows;
        // The second round is for messages that Exchange calls otherwise by now.
        for last in [false, true] {
            if round.is_empty() {
                break;
            }
            let mut unknown = Vec::new();
            let mut found: Vec<(EmailId, Vec<u8>)> = Vec::new();
            let mut answered = Vec::new();
            for (row, answer) in self.ask_headers(purpose, round).await {
                match answer {
                    Answer::Header(header) => {
                        found.push((row.email_id, header.to_vec()));
                        known.insert(row.email_id, Ok(header));
                        answered.push(row);
                    }
                    Answer::Described(head) => {
                        described.push((row.email_id, head.to_vec()));
                        known.insert(row.email_id, Ok(head));
                    }
                    Answer::None => without.push(row),
                    Answer::Unknown(_) if !last => unknown.push(row),
                    Answer::Unknown(error) | Answer::Failed(error) => drop(known.insert(row.email_id, Err(error))),
                }
            }
            if !found.is_empty() {
                self.map.put_headers(found).await?;
                // A body that came meanwhile may have been served under a header that says more of it.
                known.extend(self.headers_here(&answered).await?);
            }
            round = Vec::new();
            if !unknown.is_empty() {
                let (renamed, missed) = self.renamed(folder, unknown, gone).await;
                known.extend(missed.into_iter().map(|(row, error)| (row.email_id, Err(error))));
                round = renamed;
            }
        }
        if !described.is_empty() {
            self.map.put_letterheads(described).await?;
        }
        Ok(without)
    }

    /// Asks for many at once. What fails as a whole, perhaps because of one message, is asked for in halves; of a message
    /// that fails alone there is no header.
    async fn ask_headers(&self, purpose: Purpose, rows: Vec<ItemRow>) -> Vec<(ItemRow, Answer)> {
        let mut all = Vec::with_capacity(rows.len());
        let mut open = vec![rows];
        while let Some(mut rows) = open.pop() {
            match self.ask_once(purpose, &rows).await {
                Some(answers) => all.extend(rows.into_iter().zip(answers)),
                None if rows.len() > 1 => {
                    let rest = rows.split_off(rows.len() / 2);
                    open.extend([rest, rows]);
                }
                None => all.extend(rows.into_iter().map(|row| (row, Answer::None))),
            }
        }
        all
    }

    /// One call; `None` if nothing came of it, and halves may fare better.
    async fn ask_once(&self, purpose: Purpose, rows: &[ItemRow]) -> Option<Vec<Answer>> {
        let tried = Tried::new("the message's header could not be read");
        let all = |answer: Answer| Some(vec![answer; rows.len()]);
        let items = rows.iter().map(|row| ItemId::new(&row.item_id).into()).collect();
        let ask = GetItem { items, shape: purpose.shape() };
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return all(Answer::Failed(error)),
        };
        let answers = match client.call(&ask).await {
            Ok(answers) => answers,
            Err(error) => match error.kind {
                Theirs::SignIn | Theirs::Denied | Theirs::Busy { .. } | Theirs::Unavailable => {
                    return all(Answer::Failed(self.failed(&tried, &error)));
                }
                _ => return None,
            },
        };
        let read = |item: &ews::Item, row: &ItemRow| {
            let text = item.extended.get(&convert::TRANSPORT_HEADERS).and_then(ews::Value::as_text);
            match (text.and_then(HeaderBlock::from_transport), purpose) {
                (Some(block), _) => Answer::Header(with_empty_line(&block)),
                (None, Purpose::Ordering) => Answer::Described(with_empty_line(&header_of(item, row.received))),
                (None, Purpose::Reading) => Answer::None,
            }
        };
        let judge = |(row, answer): (&ItemRow, Result<ews::Item, ews::ItemError>)| match answer {
            Ok(item) => read(&item, row),
            Err(error) => match error.kind {
                Theirs::NotFound => Answer::Unknown(tried.refused(&error)),
                Theirs::Denied | Theirs::Busy { .. } | Theirs::Unavailable => Answer::Failed(tried.refused(&error)),
                _ => Answer::None,
            },
        };
        Some(rows.iter().zip(answers).map(judge).collect())
    }

    /// Fetches messages for the sake of their headers.
    async fn headers_of_contents(
        self: &Arc<Self>,
        folder: FolderId,
        mut rows: Vec<ItemRow>,
        known: &mut Known,
    ) -> Result<()> {
        while !rows.is_empty() {
            let next: Vec<ItemRow> = rows.iter().take(LOOK_AHEAD).cloned().collect();
            let contents: HashMap<Uid, _> = self.contents_of(folder, next).await?.into_iter().collect();
            if contents.is_empty() {
                break;
            }
            for row in &rows {
                let Some(content) = contents.get(&row.uid) else { continue };
                let header = match content {
                    Ok(content) => Ok(with_empty_line(&split_header(content)?.0)),
                    Err(error) => Err(error.clone()),
                };
                known.insert(row.email_id, header);
            }
            rows.retain(|row| !contents.contains_key(&row.uid));
        }
        Ok(())
    }
}

/// What headers are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To be served.
    Reading,
    /// To put messages in order.
    Ordering,
}

impl Purpose {
    fn shape(self) -> ItemShape {
        let fields: &[Field] = match self {
            Self::Reading => &[],
            Self::Ordering => &LETTERHEAD,
        };
        ItemShape::of(fields.iter().copied().map(Path::from).chain([convert::TRANSPORT_HEADERS.into()]))
    }
}

fn gone() -> Error {
    Tried::new("the message's header could not be read").because(&Theirs::NotFound, None)
}

/// What SORT and THREAD go by.
const LETTERHEAD: [Field; 8] = [
    Field::SUBJECT,
    Field::FROM,
    Field::TO,
    Field::CC,
    Field::SENT,
    Field::MESSAGE_ID,
    Field::IN_REPLY_TO,
    Field::REFERENCES,
];

#[derive(Clone, Debug)]
enum Answer {
    Header(Bytes),
    /// Exchange keeps none, and tells this of the message.
    Described(Bytes),
    /// Exchange keeps none, or none that can be served.
    None,
    /// Exchange does not know the message's id.
    Unknown(Error),
    Failed(Error),
}

/// GetItem without bodies.
const BATCH: usize = 500;
