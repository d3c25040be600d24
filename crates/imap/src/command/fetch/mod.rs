//! FETCH (RFC 3501 section 6.4.5).
//!
//! What is wanted decides what the mailbox is asked: flags and UIDs are in the view, dates and ids in the index,
//! header fields come without bodies, and only the rest asks for whole messages. All is done some messages at a
//! time, so that memory does not grow with the set.

mod binary;
pub(crate) mod section;
mod view_only;
mod write;

use std::path::PathBuf;

use bytes::Bytes;
use imap_proto::command::fetch::{Fetch, Item};
use imap_proto::response::{self, Code};
use imap_proto::{Numbering, Section, SectionText, SequenceSet};
use mailbox::{
    Access, Content, Details, Entry, FlagChange, FlagOperation, Flags, Haste, Mail, ModSeq, SignIn, SystemFlags, Uid,
};
use tracing::debug;

use self::view_only::Spelling;
use crate::connection::{Connection, Transport};
use crate::enabled::Enabled;
use crate::error::{Answer, End, Stop, partly};
use crate::session::Session;
use crate::view::{Picked, View};

pub(crate) async fn fetch<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    fetch: &Fetch,
) -> Result<Answer, Stop> {
    let with_removals = fetch.vanished && session.enabled.qresync;
    let spool = session.settings.spool.clone();
    let (account, view) = session.state.selected()?;
    if fetch.vanished && !with_removals {
        return Err(Answer::bad("ENABLE QRESYNC comes before VANISHED").into());
    }
    let items = items(fetch, view.enabled)?;
    let needs = Needs::of(&items);
    let mut picked = view.pick(&fetch.set, fetch.numbering)?;
    if let Some(since) = fetch.changed_since.map(ModSeq) {
        picked = view.changed_since(since, picked);
        if with_removals {
            tell_removals(account, view, connection, &fetch.set, since).await?;
        }
    }
    if let Some(page) = fetch.partial {
        picked = picked.get(page.of(picked.len())).unwrap_or_default().to_vec();
    }
    let mut work = Work {
        account: account.clone(),
        view,
        items,
        needs,
        spool,
        failed: Vec::new(),
        gone: 0,
        undecodable: 0,
        to_mark: Vec::new(),
        spelling: Spelling::default(),
    };
    let outcome = work.all(connection, &picked).await;
    work.mark_rest(connection).await?;
    outcome?;
    let (failed, gone) = (work.failed, work.gone);
    if work.undecodable > 0 {
        return Err(Answer::no(Code::UnknownCte, "A part is encoded in a way that is not known here").into());
    }
    if failed.is_empty() && gone > 0 {
        return Err(Answer::no(Code::ExpungeIssued, "Some of the messages are gone").into());
    }
    Ok(partly(failed, Answer::ok("Fetched")))
}

/// `VANISHED` (RFC 7162 section 3.2.6): what was removed meanwhile is told before what changed.
async fn tell_removals<A: Mail, T: Transport>(
    account: &A,
    view: &View,
    connection: &mut Connection<T>,
    set: &SequenceSet,
    since: ModSeq,
) -> Result<(), Stop> {
    let asked = view.given(set);
    let gone = match connection.patiently(account.vanished(view.folder, since)).await?? {
        Some(vanished) => view.vanished_of(&vanished, &asked),
        None => view.gaps(&asked),
    };
    response::vanished_earlier(&mut connection.out, &gone);
    Ok(())
}

/// What is to be answered, in order. A FETCH by UID tells the UID, asked or not; one with CHANGEDSINCE the MODSEQ (RFC
/// 7162 section 3.1.4.1).
fn items(fetch: &Fetch, enabled: Enabled) -> Result<Vec<Item>, Answer> {
    let mut items = fetch.items.clone();
    if fetch.numbering == Numbering::Uid && !enabled.uid_only && !items.contains(&Item::Uid) {
        items.insert(0, Item::Uid);
    }
    if fetch.changed_since.is_some() && !items.contains(&Item::ModSeq) {
        items.push(Item::ModSeq);
    }
    Ok(items)
}

/// Where the answer to an item comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    View,
    Details,
    Size,
    Header,
    Content,
    Preview,
    /// The content, and where its parts are.
    Structure,
}

impl Need {
    fn of(item: &Item) -> Self {
        match item {
            Item::Flags | Item::ModSeq | Item::Uid => Self::View,
            Item::InternalDate | Item::EmailId | Item::ThreadId | Item::SaveDate => Self::Details,
            Item::Rfc822Size => Self::Size,
            Item::Envelope | Item::Rfc822Header => Self::Header,
            Item::Rfc822 | Item::Rfc822Text => Self::Content,
            Item::Body | Item::BodyStructure => Self::Structure,
            Item::Section { section: Section { part, .. }, .. } if !part.is_empty() => Self::Structure,
            Item::Section { section: Section { text: SectionText::All | SectionText::Text, .. }, .. } => Self::Content,
            Item::Section { .. } => Self::Header,
            Item::Binary { part, .. } | Item::BinarySize(part) if part.is_empty() => Self::Content,
            Item::Binary { .. } | Item::BinarySize(_) => Self::Structure,
            Item::Preview { .. } => Self::Preview,
        }
    }
}

/// What all items need together.
#[derive(Clone, Copy, Debug)]
struct Needs {
    details: bool,
    size: bool,
    header: bool,
    content: bool,
    structure: bool,
    /// The preview, and how long may be looked for it.
    preview: Option<Haste>,
    /// Reading it this way sets `\Seen`.
    marks_seen: bool,
}

impl Needs {
    fn of(items: &[Item]) -> Self {
        let any = |need| items.iter().any(|item| Need::of(item) == need);
        let (content, structure) = (any(Need::Content), any(Need::Structure));
        let marks = |item: &Item| {
            let reads = matches!(item, Item::Section { peek: false, .. } | Item::Binary { peek: false, .. });
            reads || matches!(item, Item::Rfc822 | Item::Rfc822Text)
        };
        let haste = |item: &Item| match item {
            Item::Preview { lazy: true } => Some(Haste::AtOnce),
            Item::Preview { lazy: false } => Some(Haste::Patient),
            _ => None,
        };
        let hastes: Vec<Haste> = items.iter().filter_map(haste).collect();
        let patient = hastes.iter().find(|haste| **haste == Haste::Patient);
        Self {
            details: any(Need::Details),
            size: any(Need::Size),
            header: any(Need::Header),
            content: content || structure,
            structure,
            preview: patient.or(hastes.first()).copied(),
            marks_seen: items.iter().any(marks),
        }
    }

    /// Messages to be asked for at once.
    fn batch(&self) -> usize {
        if self.content {
            CONTENTS
        } else if self.header || self.preview.is_some() {
            HEADERS
        } else {
            ENTRIES
        }
    }
}

/// A FETCH under way.
struct Work<'a, A> {
    account: A,
    view: &'a mut View,
    items: Vec<Item>,
    needs: Needs,
    /// Where decoded parts that are large are put.
    spool: PathBuf,
    failed: Vec<(Uid, mailbox::Error)>,
    /// Messages that are not there any more.
    gone: usize,
    /// Messages with a part that cannot be decoded.
    undecodable: usize,
    /// Messages that were told and have no `\Seen` yet.
    to_mark: Vec<Uid>,
    spelling: Spelling,
}

/// What is known of a message that is to be told.
struct Row {
    picked: Picked,
    details: Option<Details>,
    size: Option<u64>,
    header: Option<Bytes>,
    content: Option<Content>,
    /// How it begins, if that is known.
    preview: Option<String>,
    /// `\Seen` was set by this very FETCH.
    newly_seen: bool,
}

impl<A: Mail> Work<'_, A> {
    async fn all<T: Transport>(&mut self, connection: &mut Connection<T>, picked: &[Picked]) -> Result<(), Stop> {
        let mut rest = picked;
        while !rest.is_empty() {
            rest = self.some(connection, rest).await?;
            if self.to_mark.len() >= MARKS {
                self.mark_rest(connection).await?;
            }
        }
        Ok(())
    }

    /// Answers the first messages, and says which are left.
    async fn some<'p, T: Transport>(
        &mut self,
        connection: &mut Connection<T>,
        picked: &'p [Picked],
    ) -> Result<&'p [Picked], Stop> {
        let (batch, rest) = picked.split_at(picked.len().min(self.needs.batch()));
        if view_only::is_enough(&self.items) {
            self.tell_view(connection, batch).await?;
            return Ok(rest);
        }
        let (mut rows, covered) = self.rows(connection, batch).await?;
        self.add_details(connection, &mut rows).await?;
        self.add_sizes(connection, &mut rows).await?;
        self.add_previews(connection, &mut rows).await?;
        if self.needs.marks_seen && self.view.access == Access::ReadWrite {
            let only_batch = covered >= picked.len() && self.to_mark.is_empty();
            self.mark_seen(connection, &mut rows, only_batch).await?;
        }
        for row in rows {
            self.write(connection, row).await?;
        }
        Ok(picked.get(covered..).unwrap_or_default())
    }

    /// The messages with what has to be read of them, and how many of those asked for are done with.
    async fn rows<T: Transport>(
        &mut self,
        connection: &mut Connection<T>,
        batch: &[Picked],
    ) -> Result<(Vec<Row>, usize), Stop> {
        let uids: Vec<Uid> = batch.iter().map(|picked| picked.uid).collect();
        if self.needs.content {
            let contents = connection.patiently(self.account.contents(self.view.folder, &uids)).await??;
            // What was passed over below the last one that came is gone; what is above it comes next time.
            let covered = match contents.last() {
                Some((last, _)) => uids.partition_point(|uid| uid <= last),
                None => uids.len(),
            };
            let answered = batch.get(..covered).unwrap_or(batch);
            let rows = self.matched(answered, contents, |row, content| row.content = Some(content));
            Ok((rows, covered.max(1)))
        } else if self.needs.header {
            let headers = connection.patiently(self.account.headers(self.view.folder, &uids)).await??;
            Ok((self.matched(batch, headers, |row, header| row.header = Some(header)), batch.len()))
        } else {
            Ok((batch.iter().map(|&picked| Row::new(picked)).collect(), batch.len()))
        }
    }

    /// Rows for what came; what failed and what is missing is counted.
    fn matched<V>(
        &mut self,
        batch: &[Picked],
        came: Vec<(Uid, mailbox::Result<V>)>,
        put: impl Fn(&mut Row, V),
    ) -> Vec<Row> {
        let mut came = came.into_iter().peekable();
        let mut rows = Vec::with_capacity(batch.len());
        for &picked in batch {
            while came.next_if(|(uid, _)| *uid < picked.uid).is_some() {}
            match came.next_if(|(uid, _)| *uid == picked.uid) {
                Some((_, Ok(value))) => {
                    let mut row = Row::new(picked);
                    put(&mut row, value);
                    rows.push(row);
                }
                Some((uid, Err(error))) => {
                    debug!(%uid, %error, "cannot be fetched");
                    self.failed.push((uid, error));
                }
                None => self.gone += 1,
            }
        }
        rows
    }

    async fn add_details<T: Transport>(
        &mut self,
        connection: &mut Connection<T>,
        rows: &mut Vec<Row>,
    ) -> Result<(), Stop> {
        if !self.needs.details || rows.is_empty() {
            return Ok(());
        }
        let details = connection.patiently(self.account.details(self.view.folder, &uids(rows))).await??;
        let mut details = details.into_iter().peekable();
        for row in rows.iter_mut() {
            row.details = details.next_if(|details| details.uid == row.picked.uid);
        }
        self.drop_missing(rows, |row| row.details.is_some());
        Ok(())
    }

    /// A message that is at hand has its size; the others' are asked for.
    async fn add_sizes<T: Transport>(
        &mut self,
        connection: &mut Connection<T>,
        rows: &mut Vec<Row>,
    ) -> Result<(), Stop> {
        if !self.needs.size || rows.is_empty() {
            return Ok(());
        }
        if self.needs.content {
            rows.iter_mut().for_each(|row| row.size = row.content.as_ref().map(Content::len));
            return Ok(());
        }
        let sizes = connection.patiently(self.account.sizes(self.view.folder, &uids(rows))).await??;
        let mut sizes = sizes.into_iter().peekable();
        for row in rows.iter_mut() {
            row.size = sizes.next_if(|(uid, _)| *uid == row.picked.uid).map(|(_, size)| size);
        }
        self.drop_missing(rows, |row| row.size.is_some());
        Ok(())
    }

    /// RFC 8970: a message whose preview cannot be had is not told.
    async fn add_previews<T: Transport>(
        &mut self,
        connection: &mut Connection<T>,
        rows: &mut Vec<Row>,
    ) -> Result<(), Stop> {
        let Some(haste) = self.needs.preview.filter(|_| !rows.is_empty()) else { return Ok(()) };
        let previews = connection.patiently(self.account.previews(self.view.folder, &uids(rows), haste)).await??;
        let picked: Vec<Picked> = rows.iter().map(|row| row.picked).collect();
        let came = self.matched(&picked, previews, |row, preview| row.preview = preview);
        let mut came = came.into_iter().peekable();
        rows.retain_mut(|row| match came.next_if(|other| other.picked == row.picked) {
            Some(other) => {
                row.preview = other.preview;
                true
            }
            None => false,
        });
        Ok(())
    }

    fn drop_missing(&mut self, rows: &mut Vec<Row>, is_there: impl Fn(&Row) -> bool) {
        let before = rows.len();
        rows.retain(is_there);
        self.gone += before - rows.len();
    }

    /// RFC 3501 section 6.4.5: reading sets the flag, which is told along with the message. Where messages come in
    /// several batches it is set for many at once and told after them, because each change is a question to
    /// Exchange.
    async fn mark_seen<T: Transport>(
        &mut self,
        connection: &mut Connection<T>,
        rows: &mut [Row],
        only_batch: bool,
    ) -> Result<(), End> {
        let uids = self.unseen(connection, rows).await?;
        if !only_batch {
            self.to_mark.extend(uids);
            return Ok(());
        }
        let marked = self.mark(connection, &uids).await?;
        self.view.noted(&marked, &mut connection.out);
        for row in rows {
            row.newly_seen = marked.iter().any(|entry| entry.uid == row.picked.uid);
        }
        Ok(())
    }

    /// Those without `\Seen`, which somebody else may have set or taken away since the client was told.
    async fn unseen<T: Transport>(&self, connection: &mut Connection<T>, rows: &[Row]) -> Result<Vec<Uid>, End> {
        let delta = connection.patiently(self.account.delta(self.view.folder, self.view.since)).await?;
        let changed = delta.map(|delta| delta.changed).unwrap_or_default();
        let is_unseen = |uid: &Uid| {
            let now = changed.binary_search_by_key(uid, |entry| entry.uid).ok().and_then(|at| changed.get(at));
            let flags = now.map(|entry| entry.flags.clone()).or_else(|| self.view.flags(*uid));
            flags.is_some_and(|flags| !flags.system.contains(SystemFlags::SEEN))
        };
        Ok(rows.iter().map(|row| row.picked.uid).filter(is_unseen).collect())
    }

    async fn mark_rest<T: Transport>(&mut self, connection: &mut Connection<T>) -> Result<(), End> {
        let uids = std::mem::take(&mut self.to_mark);
        let marked = self.mark(connection, &uids).await?;
        self.view.flagged(&marked, &mut connection.out);
        Ok(())
    }

    /// That the flag could not be set, in a folder of somebody else's perhaps, is no reason to hold messages back.
    async fn mark<T: Transport>(&self, connection: &mut Connection<T>, uids: &[Uid]) -> Result<Vec<Entry>, End> {
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let change = FlagChange { operation: FlagOperation::Add, flags: Flags::system(SystemFlags::SEEN) };
        match connection.patiently(self.account.store(self.view.folder, uids, &change, None)).await? {
            Ok(stored) => Ok(stored.entries),
            Err(error) => {
                debug!(%error, "cannot mark as seen");
                Ok(Vec::new())
            }
        }
    }
}

impl Row {
    fn new(picked: Picked) -> Self {
        Self { picked, details: None, size: None, header: None, content: None, preview: None, newly_seen: false }
    }
}

fn uids(rows: &[Row]) -> Vec<Uid> {
    rows.iter().map(|row| row.picked.uid).collect()
}

const ENTRIES: usize = 500;
const HEADERS: usize = 100;
const CONTENTS: usize = 256;
const MARKS: usize = 250;
