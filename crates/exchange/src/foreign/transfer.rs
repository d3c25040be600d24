//! COPY and MOVE from one mailbox to another: by Exchange where it does that, else message by message.
//!
//! Exchange tells no new ids when items go to another mailbox or to a public folder, so the folder they went to is looked
//! at, and they are known by their EMAILIDs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ews::{ErrorKind as Theirs, FolderRef};
use idmap::{IdMap, ItemRow};
use mailbox::{
    Error, ErrorKind, FlagChange, FlagOperation, Flags, FolderId, ModSeq, NewMessage, SystemFlags, Transferred, Uid,
};

use crate::copy_all::Copies;
use crate::error::Result;
use crate::folder_state::FolderState;
use crate::live::Live;
use crate::store::ForEach;
use crate::sync::existing;
use crate::transfer::{Batch, Way};

/// Copies or moves messages between folders as the client knows them, in whatever mailboxes they are.
pub(crate) async fn between(
    live: &Arc<Live>,
    way: Way,
    folder: FolderId,
    uids: &[Uid],
    to: FolderId,
) -> Result<Transferred> {
    let (here, folder) = live.at(folder).await?;
    let (there, to) = live.at(to).await?;
    if Arc::ptr_eq(&here, &there) {
        return match way {
            Way::Copy => here.copy_all(folder, uids, to).await,
            Way::Move => here.move_each(folder, uids, to).await,
        };
    }
    let (from, to) = (Site { live: here, folder }, Site { live: there, folder: to });
    let uid_validity = to.live.folder_row(to.folder).await?.uid_validity;
    let mut done = Transferred { uid_validity, pairs: Vec::new(), failed: Vec::new() };
    if way == Way::Copy {
        let (there, uids) = (Arc::clone(&to.live), uids.to_vec());
        return there
            .to_the_end(async move {
                let all = transfer(way, &from, &uids, &to, &mut done).await;
                to.live.all_or_none(all, &uids, Copies::new(to.folder, done)).await
            })
            .await;
    }
    transfer(way, &from, uids, &to, &mut done).await?;
    done.pairs.sort_unstable();
    Ok(done)
}

/// A folder in a mailbox.
#[derive(Clone, Debug)]
struct Site {
    live: Arc<Live>,
    folder: FolderId,
}

/// What became of a batch.
#[derive(Default)]
struct Sorted {
    /// It is done, or may be: the other folder tells.
    went: Vec<ItemRow>,
    /// It only may be done.
    unclear: bool,
    /// Exchange does not do it between these folders.
    by_hand: Vec<ItemRow>,
    failed: Vec<(Uid, Error)>,
}

async fn transfer(way: Way, from: &Site, uids: &[Uid], to: &Site, done: &mut Transferred) -> Result<()> {
    let state = existing(&from.live, from.folder).await?;
    let there = existing(&to.live, to.folder).await?;
    for some in uids.chunks(BATCH) {
        if way == Way::Copy && !done.failed.is_empty() {
            break;
        }
        let rows = from.live.map.items(from.folder, some).await?;
        if rows.is_empty() {
            continue;
        }
        // What arrives is told from what is there.
        to.live.fresh(to.folder).await?;
        let before = to.live.map.status(to.folder).await?.state.highest_modseq;
        let target = to.live.folder_ref(to.folder).await?;
        let mut sorted = by_exchange(way, from, &state, &target, rows).await?;
        if !sorted.went.is_empty() {
            there.due.want();
            to.live.look(&there).await?;
        }
        if way == Way::Copy && sorted.unclear {
            let gone = gone(from, &state, &mut sorted.went).await?;
            sorted.failed.extend(way.tried().because(&Theirs::NotFound, None).of(gone));
        }
        done.failed.extend(sorted.failed);
        let lost = arrived(way, from, &state, to, before, sorted.went, done).await?;
        done.failed.extend(way.tried().because(&Theirs::Unavailable, None).of(lost));
        for row in sorted.by_hand {
            match by_hand(way, from, to, &row).await {
                Ok(uid) => done.pairs.push((row.uid, uid)),
                Err(error) => done.failed.push((row.uid, error)),
            }
        }
    }
    Ok(())
}

async fn by_exchange(
    way: Way,
    from: &Site,
    state: &Arc<FolderState>,
    target: &FolderRef,
    rows: Vec<ItemRow>,
) -> Result<Sorted> {
    let mut sorted = Sorted::default();
    let gate = state.gate.lock().await;
    let batch = from.live.ask(way, state, target, rows).await?;
    drop(gate);
    match batch {
        Batch::Answered(answers) => {
            for (row, answer) in answers {
                match answer {
                    Ok(_) => sorted.went.push(row),
                    Err(error) if refuses_the_way(&error.kind) => sorted.by_hand.push(row),
                    Err(error) => sorted.failed.push((row.uid, way.tried().refused(&error))),
                }
            }
        }
        Batch::Unclear(rows, _) => (sorted.went, sorted.unclear) = (rows, true),
        Batch::Failed(rows, error) if error.kind == ErrorKind::Cannot => sorted.by_hand = rows,
        Batch::Failed(rows, error) => sorted.failed = error.of(rows),
        Batch::Unknown(rows) => sorted.failed = way.tried().because(&Theirs::NotFound, None).of(rows),
    }
    Ok(sorted)
}

/// It is the pair of folders that Exchange does not like, not the message.
fn refuses_the_way(kind: &Theirs) -> bool {
    matches!(kind, Theirs::Refused | Theirs::Unsupported)
}

/// Takes out what left its folder meanwhile: if it is in the other one, somebody may have moved it there, and it must not
/// be taken back as a copy.
async fn gone(from: &Site, state: &Arc<FolderState>, went: &mut Vec<ItemRow>) -> Result<Vec<ItemRow>> {
    state.due.want();
    from.live.look(state).await?;
    let uids: Vec<Uid> = went.iter().map(|row| row.uid).collect();
    let here: HashSet<Uid> = from.live.map.items(from.folder, &uids).await?.iter().map(|row| row.uid).collect();
    Ok(went.extract_if(.., |row| !here.contains(&row.uid)).collect())
}

/// Finds what went among what is new in the other folder, and gives back what is not there.
async fn arrived(
    way: Way,
    from: &Site,
    state: &Arc<FolderState>,
    to: &Site,
    before: ModSeq,
    went: Vec<ItemRow>,
    done: &mut Transferred,
) -> Result<Vec<ItemRow>> {
    if went.is_empty() {
        return Ok(went);
    }
    let new: Vec<Uid> = to.live.map.delta(to.folder, before).await?.changed.iter().map(|entry| entry.uid).collect();
    let mut new = to.live.map.items(to.folder, &new).await?;
    // Exchange counts the size of an item anew in another mailbox, and with it the EMAILID may change.
    let by_content: fn(&ItemRow, &ItemRow) -> bool = |new, row| new.email_id == row.email_id;
    let by_name: fn(&ItemRow, &ItemRow) -> bool =
        |new, row| row.message_id.is_some() && new.message_id == row.message_id;
    let mut found: HashMap<Uid, Uid> = HashMap::new();
    for is_same in [by_content, by_name] {
        for row in &went {
            let place = new.iter().position(|new| is_same(new, row)).filter(|_| !found.contains_key(&row.uid));
            if let Some(place) = place {
                found.insert(row.uid, new.remove(place).uid);
            }
        }
    }
    let (went, lost): (Vec<ItemRow>, Vec<ItemRow>) = went.into_iter().partition(|row| found.contains_key(&row.uid));
    if way == Way::Move {
        let gone: Vec<Uid> = went.iter().map(|row| row.uid).collect();
        from.live.map.removed(from.folder, &gone).await?;
        state.bell.ring();
    }
    done.pairs.extend(went.iter().filter_map(|row| Some((row.uid, *found.get(&row.uid)?))));
    Ok(lost)
}

/// The message as its bytes: read here, added there, and taken away here if it moves.
async fn by_hand(way: Way, from: &Site, to: &Site, row: &ItemRow) -> Result<Uid> {
    let nothing = || way.tried().because(&Theirs::NotFound, None);
    let (_, content) = from.live.contents(from.folder, &[row.uid]).await?.pop().ok_or_else(nothing)?;
    let mut flags: Flags = row.flags.clone();
    flags.system = flags.system.without(SystemFlags::DELETED);
    let message = NewMessage { content: content?, flags, received: Some(row.received) };
    let uid = to.live.append(to.folder, message).await?.uid;
    if way == Way::Move {
        let change = FlagChange { operation: FlagOperation::Add, flags: Flags::system(SystemFlags::DELETED) };
        let marked = from.live.store(from.folder, &[row.uid], &change, None).await?;
        let expunged = from.live.expunge(from.folder, Some(&[row.uid])).await?;
        if let Some((_, error)) = marked.failed.into_iter().chain(expunged.failed).next() {
            return Err(error);
        }
    }
    Ok(uid)
}

/// MoveItem, CopyItem: one call for so many messages.
const BATCH: usize = 100;
