//! Texts: from the ID map, or read in batches and rendered.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use ews::op::get_attachment::GetAttachment;
use ews::op::get_item::GetItem;
use ews::{AttachmentId, AttachmentInfo, ErrorKind as Theirs, ItemId, ItemKind, ItemRef};
use idmap::{ObjectMap, ObjectNumber, ObjectRead, ObjectRow, ObjectText, TextState};
use mailbox::objects::{CollectionKind, Object, ObjectName};
use mailbox::{Error, FolderId};

use super::collections::no_object;
use crate::convert::native::{Context, File, Native, Rendered};
use crate::convert::object;
use crate::error::{Result, Tried};
use crate::folder_state::FolderState;
use crate::live::Live;

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Clients have something to be told.
    pub(crate) changed: bool,
    /// Exchange does not know these ids (any more).
    missing: Vec<ObjectNumber>,
    failed: HashMap<ObjectNumber, Error>,
}

impl Live {
    /// Objects with their texts, in the order asked for.
    pub(crate) async fn objects(
        self: &Arc<Self>,
        folder: FolderId,
        names: &[ObjectName],
    ) -> Result<Vec<(ObjectName, Result<Object>)>> {
        let kind = self.objects_in(folder).await?;
        if kind == CollectionKind::Directory {
            return self.directory_objects(folder, names).await;
        }
        let state = self.fresh(folder).await?;
        let mut failed: HashMap<ObjectNumber, Error> = HashMap::new();
        // What is gone may go by another id since a migration, and what changes while it is read is read again.
        for _ in 0..TRIES {
            let unread = self.unread(folder, names, &failed).await?;
            if unread.is_empty() {
                break;
            }
            let reading = state.reading.lock().await;
            // Somebody else may have read some of it while we waited.
            let unread = self.unread(folder, names, &failed).await?;
            let unread = self.with_more(folder, names.len(), unread).await?;
            let mut missing = false;
            for rows in unread.chunks(BATCH) {
                let outcome = self.read(&state, kind, rows).await?;
                missing |= !outcome.missing.is_empty();
                failed.extend(outcome.failed);
            }
            drop(reading);
            if missing {
                state.due.want();
                // What cannot be looked at now is told as it stands.
                drop(self.look(&state).await);
            }
        }
        self.as_kept(folder, names, &failed).await
    }

    async fn unread(
        &self,
        folder: FolderId,
        names: &[ObjectName],
        failed: &HashMap<ObjectNumber, Error>,
    ) -> Result<Vec<ObjectRow>> {
        let mut rows = self.map.objects_named(folder, names).await?;
        let mut seen = HashSet::new();
        rows.retain(|row| {
            row.text == TextState::Unread && !failed.contains_key(&row.number) && seen.insert(row.number)
        });
        Ok(rows)
    }

    /// Whoever reads many objects nobody has read reads them all: some of the others come along.
    async fn with_more(&self, folder: FolderId, asked: usize, mut unread: Vec<ObjectRow>) -> Result<Vec<ObjectRow>> {
        if asked < MANY || unread.is_empty() || unread.len() >= BATCH {
            return Ok(unread);
        }
        let wanted: HashSet<ObjectNumber> = unread.iter().map(|row| row.number).collect();
        let next = self.map.unread_objects(folder, BATCH).await?;
        let next = next.into_iter().filter(|row| !wanted.contains(&row.number));
        unread.extend(next.take(BATCH.saturating_sub(wanted.len())));
        Ok(unread)
    }

    async fn as_kept(
        &self,
        folder: FolderId,
        names: &[ObjectName],
        failed: &HashMap<ObjectNumber, Error>,
    ) -> Result<Vec<(ObjectName, Result<Object>)>> {
        let rows = self.map.objects_named(folder, names).await?;
        let rows: HashMap<&ObjectName, &ObjectRow> = rows.iter().map(|row| (&row.entry.name, row)).collect();
        let names = fitting(names, &rows);
        let numbers: Vec<ObjectNumber> = names.iter().filter_map(|name| rows.get(name)).map(|row| row.number).collect();
        let texts: HashMap<ObjectNumber, Bytes> = self.map.object_texts(folder, &numbers).await?.into_iter().collect();
        let busy = || Tried::new("the object could not be read").because(&Theirs::Stale, None);
        let object = |name: &ObjectName| {
            let row = rows.get(name).ok_or_else(no_object)?;
            match texts.get(&row.number) {
                Some(text) => Ok(Object { entry: row.entry.clone(), text: text.clone() }),
                None => Err(failed.get(&row.number).cloned().unwrap_or_else(busy)),
            }
        };
        Ok(names.iter().map(|name| (name.clone(), object(name))).collect())
    }

    /// Reads and renders a batch, and keeps the texts: with their attachments no more of them at a time than fit into
    /// [`FILE_BYTES`].
    pub(crate) async fn read(
        self: &Arc<Self>,
        state: &FolderState,
        kind: CollectionKind,
        rows: &[ObjectRow],
    ) -> Result<Outcome> {
        let ids: Vec<ItemRef> = rows.iter().map(|row| ItemId::new(&row.item_id).into()).collect();
        let natives = self.natives_without_files(kind, ids).await?;
        let mut outcome = Outcome::default();
        let mut context = self.context(state.id).await?;
        if natives.iter().flatten().any(|native| native.item.kind == ItemKind::DistributionList) {
            context.cards = self.cards(state.id, kind).await?;
        }
        let mut waiting = rows.iter().zip(natives).peekable();
        while waiting.peek().is_some() {
            let (mut some, mut natives, mut bytes) = (Vec::new(), Vec::new(), 0);
            while let Some((row, native)) = waiting.next_if(|(_, native)| {
                bytes += native.as_ref().map_or(0, |native| bytes_of_files(native, kind));
                some.is_empty() || bytes <= FILE_BYTES
            }) {
                some.push(row);
                natives.push(native);
            }
            self.fetch_files(kind, &mut natives).await?;
            let read = some.into_iter().zip(natives);
            let read = read.filter_map(|(row, native)| rendered(row, native, kind, &context, &mut outcome)).collect();
            outcome.changed |= self.map.objects_read(state.id, read).await?;
        }
        Ok(outcome)
    }

    /// Items with all it takes to render them: one call for the items, one for all exceptions if there are any, one for
    /// the files if there are any.
    pub(crate) async fn natives(
        &self,
        kind: CollectionKind,
        items: Vec<ItemRef>,
    ) -> Result<Vec<Result<Native, ews::ItemError>>> {
        let mut natives = self.natives_without_files(kind, items).await?;
        self.fetch_files(kind, &mut natives).await?;
        Ok(natives)
    }

    async fn natives_without_files(
        &self,
        kind: CollectionKind,
        items: Vec<ItemRef>,
    ) -> Result<Vec<Result<Native, ews::ItemError>>> {
        let tried = Tried::new(NOT_READ);
        let client = self.client()?;
        let shape = object::shape(kind);
        let ask = GetItem { items, shape: shape.clone() };
        let answers = client.call(&ask).await.map_err(|error| self.failed(&tried, &error))?;
        let needs =
            |item: &ews::Item| object::kind_of(item, kind).map(|kind| object::needs(item, kind)).unwrap_or_default();
        let wanted: Vec<ItemId> = answers.iter().flatten().flat_map(|item| needs(item).exceptions).collect();
        let mut exceptions: HashMap<String, ews::Item> = HashMap::new();
        for some in wanted.chunks(EXCEPTIONS) {
            let items = some.iter().map(|id| ItemId::new(&id.id).into()).collect();
            let ask = GetItem { items, shape: object::exception_shape(kind) };
            let answers = client.call(&ask).await.map_err(|error| self.failed(&tried, &error))?;
            // One that vanished meanwhile is told of by the next sync.
            let told = some.iter().zip(answers).filter_map(|(id, answer)| Some((id.id.clone(), answer.ok()?)));
            exceptions.extend(told);
        }
        let mut natives: Vec<Result<Native, ews::ItemError>> = Vec::with_capacity(answers.len());
        for answer in answers {
            natives.push(answer.map(|item| {
                let own = needs(&item).exceptions;
                let exceptions = own.iter().filter_map(|id| exceptions.get(&id.id).cloned()).collect();
                Native { item, exceptions, files: Vec::new() }
            }));
        }
        Ok(natives)
    }

    /// Attachments of items and exceptions, some megabytes at a time.
    async fn fetch_files(&self, kind: CollectionKind, natives: &mut [Result<Native, ews::ItemError>]) -> Result<()> {
        let tried = Tried::new("an attachment could not be read");
        let client = self.client()?;
        let mut infos = Vec::new();
        for (place, native) in natives.iter().enumerate() {
            let Ok(native) = native else { continue };
            infos.extend(files_of(native, kind).into_iter().map(|info| (place, info)));
        }
        let mut waiting: VecDeque<_> = infos.into();
        while !waiting.is_empty() {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while let Some((place, info)) = waiting.pop_front() {
                bytes += info.size.unwrap_or(0);
                batch.push((place, info));
                if bytes >= FILE_BYTES || batch.len() >= BATCH {
                    break;
                }
            }
            let attachments = batch.iter().filter_map(|(_, info)| info.id.clone()).collect();
            let answers = client.call(&GetAttachment { attachments }).await;
            let answers = answers.map_err(|error| self.failed(&tried, &error))?;
            for ((place, info), answer) in batch.into_iter().zip(answers) {
                let content = answer.ok().map(|attachment| Bytes::from(attachment.content));
                if let Some(Ok(native)) = natives.get_mut(place) {
                    native.files.push(File { info, content });
                }
            }
        }
        Ok(())
    }
}

/// What is kept of an object that was asked for; `None` if nothing is, which the outcome then tells of.
fn rendered(
    row: &ObjectRow,
    native: Result<Native, ews::ItemError>,
    kind: CollectionKind,
    context: &Context,
    outcome: &mut Outcome,
) -> Option<ObjectRead> {
    let native = match native {
        Ok(native) => native,
        Err(error) => {
            if error.kind == Theirs::NotFound {
                outcome.missing.push(row.number);
            } else {
                outcome.failed.insert(row.number, Tried::new(NOT_READ).refused(&error));
            }
            return None;
        }
    };
    let context = Context { uid: row.entry.uid.clone().unwrap_or_default(), ..context.clone() };
    let key = native.item.id.as_ref().and_then(|id| id.change_key.clone()).unwrap_or_default();
    match object::render(&native, kind, &context) {
        Ok(rendered) => Some(ObjectRead {
            number: row.number,
            asked: row.change_key.clone(),
            change_key: key,
            modified: native.item.last_modified,
            text: text_of(rendered),
        }),
        Err(error) => {
            outcome.failed.insert(row.number, error);
            None
        }
    }
}

/// The first of these, as many as are given at once.
fn fitting<'a>(names: &'a [ObjectName], rows: &HashMap<&ObjectName, &ObjectRow>) -> &'a [ObjectName] {
    let mut bytes = 0;
    let fits = |name: &&ObjectName| {
        bytes += rows.get(name).and_then(|row| row.entry.length).unwrap_or(0);
        bytes <= TEXT_BYTES
    };
    let fitting = names.iter().take_while(fits).count().max(1);
    names.get(..fitting).unwrap_or(names)
}

/// The attachments it takes to render an object.
fn files_of(native: &Native, kind: CollectionKind) -> Vec<AttachmentInfo> {
    let mut infos = Vec::new();
    for item in std::iter::once(&native.item).chain(&native.exceptions) {
        let Some(kind) = object::kind_of(item, kind) else { continue };
        let wanted = object::needs(item, kind).files;
        let info = |id: &AttachmentId| item.attachments.iter().find(|info| info.id.as_ref() == Some(id));
        infos.extend(wanted.iter().filter_map(info).cloned());
    }
    infos
}

fn bytes_of_files(native: &Native, kind: CollectionKind) -> u64 {
    files_of(native, kind).iter().filter_map(|info| info.size).sum()
}

/// What the map keeps of a rendering.
pub(crate) fn text_of(rendered: Rendered) -> ObjectText {
    ObjectText {
        text: rendered.text.into_bytes().into(),
        kind: rendered.kind,
        span: rendered.span,
        schedule: rendered.schedule,
    }
}

/// GetItem: one call for so many objects.
pub(crate) const BATCH: usize = 100;
/// GetItem: one call for so many exceptions, which are small.
const EXCEPTIONS: usize = 300;
/// From so many names on, more than was asked for is read.
const MANY: usize = 20;
/// Texts given at once.
const TEXT_BYTES: u64 = 8 << 20;
/// GetAttachment: one call for so much.
const FILE_BYTES: u64 = 8 << 20;
const TRIES: usize = 3;
const NOT_READ: &str = "the object could not be read";
