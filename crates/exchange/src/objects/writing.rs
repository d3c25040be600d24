//! PUT: what a text says, done at Exchange once, read back, and recorded.
//!
//! An item carries the name its client gave it, so that a crash between Exchange and the ID map, or an answer that got
//! lost, is healed by looking for it. Nothing that may have mailed somebody is done again before Exchange was asked.

use std::sync::Arc;
use std::time::Duration;

use ews::op::DeleteType;
use ews::op::Invitations as Mailed;
use ews::op::create_attachment::{CreateAttachment, NewFile};
use ews::op::create_item::Disposition;
use ews::op::create_object::CreateObject;
use ews::op::delete_attachment::DeleteAttachment;
use ews::op::delete_item::{DeleteItem, TaskOccurrences};
use ews::op::find_item::{Condition as Search, FindItem, Traversal};
use ews::op::get_item::GetItem;
use ews::op::respond::{Answer as Said, Respond};
use ews::op::update_item::{ConflictResolution, FieldChange, ItemUpdate, UpdateItem};
use ews::{
    AttachmentId, Body, BodyKind, Comparison, ErrorKind as Theirs, FolderRef, ItemId, ItemKind, ItemRef, ItemShape,
    Page, Path, Property, Restriction, Sent, Value,
};
use idmap::{ObjectMap, ObjectRead, ObjectRow, ObjectWritten};
use mailbox::objects::{
    Calendaring, CollectionKind, Condition, NewObject, ObjectError, ObjectName, ObjectResult, Precondition, Put,
};
use mailbox::{Error, ErrorKind, FolderId, Trace};

use super::condition::check;
use super::reading::text_of;
use crate::convert::kept::{self, Kept};
use crate::convert::native::{Context, Native};
use crate::convert::object;
use crate::convert::plan::{Answer, Fate, Invitations, Occurrence, OccurrenceChange, Plan, Response};
use crate::error::{Result, Tried};
use crate::folder_state::FolderState;
use crate::live::Live;

/// Why a try came to nothing.
enum Trouble {
    /// The item was changed or renamed meanwhile: look, and decide anew.
    Meanwhile(Error),
    Final(ObjectError),
}

impl Trouble {
    /// Exchange said no, and will say so again.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Final(ObjectError::Precondition(..)) => true,
            Self::Final(ObjectError::Mailbox(error)) => {
                matches!(error.kind, ErrorKind::Cannot | ErrorKind::TooBig | ErrorKind::OverQuota | ErrorKind::Denied)
            }
            Self::Meanwhile(_) => false,
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Final(error.into())
    }
}

impl From<ObjectError> for Trouble {
    fn from(error: ObjectError) -> Self {
        Self::Final(error)
    }
}

impl From<idmap::Error> for Trouble {
    fn from(error: idmap::Error) -> Self {
        Error::from(error).into()
    }
}

impl Live {
    /// Makes or replaces an object.
    pub(crate) async fn put(
        self: &Arc<Self>,
        folder: FolderId,
        object: NewObject,
        condition: Condition,
    ) -> ObjectResult<Put> {
        let kind = self.objects_in(folder).await?;
        let state = self.fresh(folder).await?;
        // A task of its own: a client that hangs up must not leave half of it.
        let live = Arc::clone(self);
        let put = tokio::spawn(Trace::carried(async move {
            let _gate = state.gate.lock().await;
            let writing = Writing { live: &live, state: &state, kind };
            let put = writing.put(&object, &condition).await;
            if put.is_ok() {
                state.bell.ring();
            }
            put
        }));
        let lost = |_| Error::new(ErrorKind::Internal, "the object could not be stored; the gateway's log says why");
        put.await.map_err(lost)?
    }
}

/// A change of one object, under the gate of its folder.
struct Writing<'a> {
    live: &'a Arc<Live>,
    state: &'a Arc<FolderState>,
    kind: CollectionKind,
}

impl Writing<'_> {
    async fn put(&self, object: &NewObject, condition: &Condition) -> ObjectResult<Put> {
        let text = std::str::from_utf8(&object.text)
            .map_err(|_| ObjectError::precondition(Precondition::ValidData, "the text is not UTF-8"))?;
        let mut tries = 0;
        loop {
            tries += 1;
            if !self.state.due.is_met() {
                self.live.look_gated(self.state).await?;
            }
            match self.try_put(object, text, condition).await {
                Ok(put) => return Ok(put),
                Err(Trouble::Meanwhile(error)) if tries >= TRIES => return Err(error.into()),
                Err(Trouble::Meanwhile(_)) => self.state.due.want(),
                Err(Trouble::Final(error)) => return Err(error),
            }
        }
    }

    async fn try_put(&self, object: &NewObject, text: &str, condition: &Condition) -> Result<Put, Trouble> {
        let row = self.row(&object.name).await?;
        check(condition, row.as_ref().map(|row| &row.entry))?;
        let (row, current) = match row {
            None => (None, None),
            Some(row) => {
                let (row, native) = self.current(row).await?;
                check(condition, Some(&row.entry))?;
                (Some(row), Some(native))
            }
        };
        let context = self.context(row.as_ref()).await?;
        let mut plan = object::plan(text, self.kind, current.as_ref(), &context)?;
        self.check_uid(&object.name, row.as_ref(), &plan.uid).await?;
        if object.calendaring == Calendaring::Silent {
            plan.invitations = Invitations::Nobody;
            plan.answer = plan.answer.map(|answer| Answer { tell: false, ..answer });
        }
        let created = row.is_none();
        tracing::debug!(user = self.live.user, folder = %self.state.id, kind = ?plan.kind, created, "an object is stored");
        let context = Context { uid: plan.uid.clone(), ..context };
        let native = match (&row, current) {
            (Some(row), Some(current)) if says_it_already(&plan, &current) => {
                let told = self.live.map.object_texts(self.state.id, &[row.number]).await?;
                let verbatim = told.first().is_some_and(|(_, told)| *told == object.text);
                return Ok(Put { entry: row.entry.clone(), created: false, verbatim });
            }
            (_, None) => self.make(&object.name, &plan).await?,
            (Some(row), Some(current)) => match self.change(&plan, &current).await? {
                Some(native) => native,
                // Declined: it has left the calendar.
                None => {
                    self.live.map.objects_removed(self.state.id, &[row.number]).await?;
                    return Ok(Put { entry: row.entry.clone(), created: false, verbatim: false });
                }
            },
            (None, Some(_)) => return Err(Error::new(ErrorKind::Internal, "an object without a name").into()),
        };
        let native = self.keep(&plan, native, &context).await?;
        let entry = self.record(&object.name, &native, &context).await?;
        let told = self.live.map.object_texts(self.state.id, &[entry.number]).await?;
        let verbatim = told.first().is_some_and(|(_, told)| *told == object.text);
        Ok(Put { entry: entry.entry, created, verbatim })
    }

    async fn row(&self, name: &ObjectName) -> Result<Option<ObjectRow>> {
        Ok(self.live.map.objects_named(self.state.id, std::slice::from_ref(name)).await?.pop())
    }

    async fn context(&self, row: Option<&ObjectRow>) -> Result<Context> {
        let uid = row.and_then(|row| row.entry.uid.clone()).unwrap_or_default();
        let cards = self.live.cards(self.state.id, self.kind).await?;
        Ok(Context { uid, cards, ..self.live.context(self.state.id).await? })
    }

    /// The item as it is. If it is another than the index knows, the index learns it first.
    async fn current(&self, row: ObjectRow) -> Result<(ObjectRow, Native), Trouble> {
        let tried = Tried::new(NOT_STORED);
        let mut natives = self.live.natives(self.kind, vec![ItemId::new(&row.item_id).into()]).await?;
        let native = match natives.pop() {
            Some(Ok(native)) => native,
            Some(Err(error)) if error.kind == Theirs::NotFound => {
                return Err(Trouble::Meanwhile(tried.refused(&error)));
            }
            Some(Err(error)) => return Err(tried.refused(&error).into()),
            None => return Err(tried.because(&Theirs::Protocol, None).into()),
        };
        let key = native.item.id.as_ref().and_then(|id| id.change_key.clone()).unwrap_or_default();
        if key == row.change_key {
            return Ok((row, native));
        }
        let context = self.context(Some(&row)).await?;
        let text = text_of(object::render(&native, self.kind, &context)?);
        let modified = native.item.last_modified;
        let read = ObjectRead { number: row.number, asked: row.change_key.clone(), change_key: key, modified, text };
        self.live.map.objects_read(self.state.id, vec![read]).await?;
        let row = self.row(&row.entry.name).await?.ok_or_else(super::collections::no_object)?;
        Ok((row, native))
    }

    /// RFC 4791 section 5.3.2.1, no-uid-conflict.
    async fn check_uid(&self, name: &ObjectName, row: Option<&ObjectRow>, uid: &str) -> Result<(), Trouble> {
        let conflict = |name: &ObjectName| Err(ObjectError::precondition(Precondition::NoUidConflict, &name.0).into());
        if let Some(row) = row
            && row.entry.uid.as_deref() != Some(uid)
        {
            return conflict(name);
        }
        match self.live.map.object_of_uid(self.state.id, uid).await? {
            Some(other) if other.entry.name != *name => conflict(&other.entry.name),
            _ => Ok(()),
        }
    }

    /// Makes the item, its exceptions and its attachments.
    async fn make(&self, name: &ObjectName, plan: &Plan) -> Result<Native, Trouble> {
        let mut properties: Vec<Property> = Vec::with_capacity(plan.changes.len() + 4);
        properties.extend(plan.changes.iter().filter_map(|change| match change {
            FieldChange::Set(property) => Some(property.clone()),
            FieldChange::Delete(_) => None,
        }));
        properties.extend(plan.class.map(|class| Property::Class(class.to_owned())));
        properties.push(Property::Extended(kept::NAME.clone(), Value::Text(name.0.clone())));
        if plan.item != ItemKind::CalendarItem {
            properties.push(Property::Extended(kept::UID.clone(), Value::Text(plan.uid.clone())));
        }
        if let Some(text) = &plan.keep {
            let kept = Kept { digest: None, text: text.clone() };
            properties.push(Property::Extended(kept::OBJECT.clone(), kept.value()));
        }
        // Who is invited shall see the attachments too.
        let later = !plan.attach.is_empty() && plan.invitations != Invitations::Nobody;
        let ask = CreateObject {
            folder: Some(self.live.folder_ref(self.state.id).await?),
            kind: plan.item,
            properties,
            invitations: if later { Mailed::Nobody } else { mailed(plan.invitations) },
        };
        let expecting = self.state.expecting();
        let mut id = self.create(name, &ask).await?;
        self.state.expect(&id.id);
        drop(expecting);
        let mut mailed = plan.invitations != Invitations::Nobody && !later;
        let finished = async {
            self.attach(&mut id, &plan.attach).await?;
            if later {
                let again = FieldChange::Set(Property::Extended(kept::NAME.clone(), Value::Text(name.0.clone())));
                mailed = true;
                self.update(&mut id, plan.item, vec![again], plan.invitations).await?;
            }
            self.change_occurrences(&id, plan).await?;
            self.read_back(&id).await
        };
        match finished.await {
            Ok(Some(native)) => Ok(native),
            // Somebody was faster.
            Ok(None) => Err(Trouble::Meanwhile(Tried::new(NOT_STORED).because(&Theirs::NotFound, None))),
            Err(trouble) => {
                if trouble.is_refusal() && !mailed {
                    self.undo(&id).await;
                } else {
                    // What there is of it is told; the client may try again.
                    self.state.due.want();
                }
                Err(trouble)
            }
        }
    }

    /// A part of an object was refused: none of it shall be there.
    async fn undo(&self, id: &ItemId) {
        let Ok(client) = self.live.client() else { return };
        let ask = DeleteItem::quietly([ItemId::new(&id.id)], DeleteType::HardDelete);
        if let Err(error) = client.call(&ask).await {
            tracing::info!(user = self.live.user, %error, "an object that was refused in part may be there");
        }
        self.state.due.want();
    }

    async fn create(&self, name: &ObjectName, ask: &CreateObject) -> Result<ItemId, Trouble> {
        let tried = Tried::new(NOT_STORED);
        let error = match self.live.client()?.call(ask).await {
            Ok(id) => return Ok(id),
            Err(error) => error,
        };
        let ours = self.live.failed(&tried, &error);
        if error.sent == Sent::NotSent {
            if error.kind == Theirs::NotFound {
                // The folder is gone, or called otherwise since a migration: the tree tells.
                self.live.hierarchy.due.want();
                self.live.look_at_hierarchy().await?;
                return Err(Trouble::Meanwhile(ours));
            }
            return Err(ours.into());
        }
        tracing::info!(user = self.live.user, %error, "it is not known whether an object was made; looking for it");
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            if let Some(id) = self.find(name, ask.folder.as_ref()).await? {
                return Ok(id);
            }
        }
        // Should it be made after all, the next try looks first.
        self.state.due.want();
        Err(ours.into())
    }

    /// The item that carries this name.
    async fn find(&self, name: &ObjectName, folder: Option<&FolderRef>) -> Result<Option<ItemId>> {
        let Some(folder) = folder.cloned() else { return Ok(None) };
        let has_name = Restriction::Compare(kept::NAME.clone().into(), Comparison::Equal, name.0.clone());
        let ask = FindItem {
            folder,
            shape: ItemShape::default(),
            condition: Some(Search::Restriction(has_name)),
            sort: Vec::new(),
            page: Some(Page { offset: 0, max: 2 }),
            traversal: Traversal::Shallow,
        };
        let answer = self.live.client()?.call(&ask).await;
        let found = answer.map_err(|error| self.live.failed(&Tried::new(NOT_STORED), &error))?;
        Ok(found.items.into_iter().find_map(|item| item.id))
    }

    /// Changes the item, its exceptions and attachments, and answers. `None` if it left the calendar by that.
    async fn change(&self, plan: &Plan, current: &Native) -> Result<Option<Native>, Trouble> {
        let Some(mut id) = current.item.id.clone() else {
            return Err(Tried::new(NOT_STORED).because(&Theirs::Protocol, None).into());
        };
        self.state.expect(&id.id);
        let mut changes = plan.changes.clone();
        changes.extend(match &plan.keep {
            Some(text) => {
                let kept = Kept { digest: None, text: text.clone() };
                Some(FieldChange::Set(Property::Extended(kept::OBJECT.clone(), kept.value())))
            }
            None => Kept::of(&current.item).map(|_| FieldChange::Delete(Path::from(kept::OBJECT.clone()))),
        });
        if plan.item != ItemKind::CalendarItem && current.item.extended.get(&kept::UID).is_none() {
            let uid = Value::Text(plan.uid.clone());
            changes.push(FieldChange::Set(Property::Extended(kept::UID.clone(), uid)));
        }
        self.detach(&mut id, &plan.detach).await?;
        self.attach(&mut id, &plan.attach).await?;
        // A series that is set to what it is already keeps its exceptions; so it is set to another one first.
        let is_rule = |change: &FieldChange| matches!(change, FieldChange::Set(Property::Recurrence(_)));
        let mut rules = changes.iter().enumerate().filter(|(_, change)| is_rule(change)).map(|(index, _)| index);
        if let (Some(first), Some(_)) = (rules.next(), rules.next()) {
            let other = vec![changes.remove(first)];
            self.update(&mut id, plan.item, other, Invitations::Nobody).await?;
        }
        if !changes.is_empty() {
            // A change of what only we keep concerns nobody.
            let whom = if plan.changes.is_empty() { Invitations::Nobody } else { plan.invitations };
            if let Err(trouble) = self.update(&mut id, plan.item, changes, whom).await {
                id = self.as_changed(&id, plan, current).await.ok_or(trouble)?;
            }
        }
        self.change_occurrences(&id, plan).await?;
        if let Some(answer) = &plan.answer {
            self.answer(&id, answer).await?;
        }
        self.read_back(&id).await
    }

    /// After an answer that got lost: the item, if it keeps the new text already. Whoever put it would else be told that
    /// somebody else had changed it.
    async fn as_changed(&self, id: &ItemId, plan: &Plan, before: &Native) -> Option<ItemId> {
        let text = plan.keep.as_ref()?;
        let keeps = |native: &Native| Kept::of(&native.item).is_some_and(|kept| kept.text == *text);
        if keeps(before) {
            return None;
        }
        let native = self.read_back(id).await.ok()??;
        keeps(&native).then_some(native.item.id)?
    }

    async fn update(
        &self,
        id: &mut ItemId,
        kind: ItemKind,
        changes: Vec<FieldChange>,
        invitations: Invitations,
    ) -> Result<(), Trouble> {
        let tried = Tried::new(NOT_STORED);
        let ask = UpdateItem {
            items: vec![ItemUpdate { id: id.clone().into(), kind, changes }],
            conflict: ConflictResolution::NeverOverwrite,
            invitations: mailed(invitations),
        };
        let answer = self.live.client()?.call(&ask).await;
        let mut answers = answer.map_err(|error| self.unclear(&tried, &error))?;
        match answers.pop() {
            Some(Ok(now)) => {
                *id = now;
                Ok(())
            }
            Some(Err(error)) => Err(refused(&tried, &error)),
            None => Err(tried.because(&Theirs::Protocol, None).into()),
        }
    }

    /// A call failed as a whole. If it may have been done, the index finds out before the client is told.
    fn unclear(&self, tried: &Tried, error: &ews::Error) -> Trouble {
        let ours = self.live.failed(tried, error);
        match (error.sent, &error.kind) {
            (Sent::NotSent, Theirs::NotFound | Theirs::Stale) => Trouble::Meanwhile(ours),
            (Sent::NotSent, _) => ours.into(),
            (Sent::MaybeDone, _) => {
                self.live.changed_at_exchange(self.state);
                ours.into()
            }
        }
    }

    async fn change_occurrences(&self, master: &ItemId, plan: &Plan) -> Result<(), Trouble> {
        let tried = Tried::new("an occurrence could not be changed");
        let at = |which: &Occurrence| match which {
            Occurrence::Index(index) => ItemRef::Occurrence(ItemId::new(&master.id), *index),
            Occurrence::Item(id) => ItemRef::Id(id.clone()),
        };
        let changed = |change: &OccurrenceChange| match &change.fate {
            Fate::Changed { changes, .. } if !changes.is_empty() => {
                Some(ItemUpdate { id: at(&change.which), kind: plan.item, changes: changes.clone() })
            }
            _ => None,
        };
        let deleted = |change: &OccurrenceChange| matches!(change.fate, Fate::Deleted).then(|| at(&change.which));
        let client = self.live.client()?;
        let items: Vec<ItemUpdate> = plan.occurrences.iter().filter_map(changed).collect();
        let invitations = mailed(plan.invitations);
        // Each occurrence changes the whole series, so its key is of no use here.
        let ask = UpdateItem { items, conflict: ConflictResolution::AlwaysOverwrite, invitations };
        let answers = client.call(&ask).await.map_err(|error| self.unclear(&tried, &error))?;
        answers.into_iter().find_map(Result::err).map_or(Ok(()), |error| Err(refused(&tried, &error)))?;
        for change in &plan.occurrences {
            if let Fate::Changed { attach, detach, .. } = &change.fate
                && !(attach.is_empty() && detach.is_empty())
            {
                let mut id = self.occurrence_id(master, &change.which).await?;
                self.detach(&mut id, detach).await?;
                self.attach(&mut id, attach).await?;
            }
        }
        let items: Vec<ItemRef> = plan.occurrences.iter().filter_map(deleted).collect();
        let ask = DeleteItem {
            items,
            how: DeleteType::MoveToDeletedItems,
            cancellations: invitations,
            tasks: TaskOccurrences::This,
        };
        let answers = client.call(&ask).await.map_err(|error| self.unclear(&tried, &error))?;
        let error = answers.into_iter().filter_map(Result::err).find(|error| !is_gone(error));
        error.map_or(Ok(()), |error| Err(refused(&tried, &error)))
    }

    async fn occurrence_id(&self, master: &ItemId, which: &Occurrence) -> Result<ItemId, Trouble> {
        let tried = Tried::new("an occurrence could not be found");
        let item = match which {
            Occurrence::Item(id) => return Ok(id.clone()),
            Occurrence::Index(index) => ItemRef::Occurrence(ItemId::new(&master.id), *index),
        };
        let ask = GetItem { items: vec![item], shape: ItemShape::default() };
        let answer = self.live.client()?.call(&ask).await;
        let mut answers = answer.map_err(|error| self.live.failed(&tried, &error))?;
        match answers.pop() {
            Some(Ok(item)) => item.id.ok_or_else(|| tried.because(&Theirs::Protocol, None).into()),
            Some(Err(error)) => Err(refused(&tried, &error)),
            None => Err(tried.because(&Theirs::Protocol, None).into()),
        }
    }

    async fn attach(&self, item: &mut ItemId, files: &[NewFile]) -> Result<(), Trouble> {
        let tried = Tried::new("an attachment could not be stored");
        let ask = CreateAttachment { item: item.clone(), files: files.to_vec() };
        let answer = self.live.client()?.call(&ask).await;
        for answer in answer.map_err(|error| self.unclear(&tried, &error))? {
            match answer {
                Ok(AttachmentId { root: Some(root), .. }) => *item = root,
                Ok(_) => {}
                Err(error) => return Err(refused(&tried, &error)),
            }
        }
        Ok(())
    }

    async fn detach(&self, item: &mut ItemId, files: &[AttachmentId]) -> Result<(), Trouble> {
        let tried = Tried::new("an attachment could not be removed");
        let answer = self.live.client()?.call(&DeleteAttachment { attachments: files.to_vec() }).await;
        for answer in answer.map_err(|error| self.unclear(&tried, &error))? {
            match answer {
                Ok(root) => *item = root,
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(refused(&tried, &error)),
            }
        }
        Ok(())
    }

    async fn answer(&self, item: &ItemId, answer: &Answer) -> Result<(), Trouble> {
        let tried = Tried::new("the invitation could not be answered");
        let to = match &answer.occurrence {
            Some(which) => self.occurrence_id(item, which).await?,
            None => item.clone(),
        };
        let ask = Respond {
            to,
            answer: match answer.response {
                Response::Accept => Said::Accept,
                Response::Tentative => Said::Tentative,
                Response::Decline => Said::Decline,
            },
            comment: answer.comment.clone().map(|text| Body { kind: BodyKind::Text, text }),
            proposed: None,
            disposition: if answer.tell { Disposition::SendAndSaveCopy } else { Disposition::SaveOnly },
        };
        let answer = self.live.client()?.call(&ask).await;
        answer.map(drop).map_err(|error| self.unclear(&tried, &error))
    }

    /// The item as Exchange has it now; `None` if it is gone.
    async fn read_back(&self, id: &ItemId) -> Result<Option<Native>, Trouble> {
        let mut natives = self.live.natives(self.kind, vec![ItemId::new(&id.id).into()]).await?;
        let tried = Tried::new(NOT_STORED);
        match natives.pop() {
            Some(Ok(native)) => {
                native.exceptions.iter().filter_map(|item| item.id.as_ref()).for_each(|id| self.state.expect(&id.id));
                Ok(Some(native))
            }
            Some(Err(error)) if error.kind == Theirs::NotFound => Ok(None),
            Some(Err(error)) => Err(tried.refused(&error).into()),
            None => Err(tried.because(&Theirs::Protocol, None).into()),
        }
    }

    /// Ties the kept text to the native fields, now that it is known what Exchange made of them.
    async fn keep(&self, plan: &Plan, mut native: Native, context: &Context) -> Result<Native, Trouble> {
        let Some(text) = &plan.keep else { return Ok(native) };
        let digest = object::render(&native, self.kind, context)?.digest;
        let value = Kept { digest: Some(digest), text: text.clone() }.value();
        let Some(mut id) = native.item.id.clone() else { return Ok(native) };
        let change = FieldChange::Set(Property::Extended(kept::OBJECT.clone(), value.clone()));
        match self.update(&mut id, plan.item, vec![change], Invitations::Nobody).await {
            Ok(()) => {
                native.item.id = Some(id);
                native.item.extended.set(kept::OBJECT.clone(), value);
            }
            // It is stored. What is served is made of it and of the text, though not the text itself.
            Err(Trouble::Meanwhile(error)) => {
                tracing::info!(user = self.live.user, %error, "an object was changed while it was stored");
                self.live.changed_at_exchange(self.state);
            }
            Err(Trouble::Final(error)) => {
                tracing::info!(user = self.live.user, %error, "what Exchange has no place for may be merged");
                self.live.changed_at_exchange(self.state);
            }
        }
        Ok(native)
    }

    async fn record(&self, name: &ObjectName, native: &Native, context: &Context) -> Result<ObjectRow, Trouble> {
        let item = object::entry(&native.item, self.kind)
            .ok_or_else(|| Tried::new(NOT_STORED).because(&Theirs::Protocol, None))?;
        let text = object::render(native, self.kind, context).ok().map(text_of);
        let item = idmap::ObjectItem { uid: Some(context.uid.clone()), ..item };
        let written = ObjectWritten { name: name.clone(), item, text };
        Ok(self.live.map.object_written(self.state.id, written).await?)
    }
}

/// True if there is nothing to do.
fn says_it_already(plan: &Plan, current: &Native) -> bool {
    let kept = Kept::of(&current.item);
    let same_text = plan.keep.as_ref() == kept.as_ref().map(|kept| &kept.text);
    let tied = kept.is_none_or(|kept| kept.digest.is_some());
    let quiet = plan.changes.is_empty() && plan.occurrences.is_empty() && plan.answer.is_none();
    same_text && tied && quiet && plan.attach.is_empty() && plan.detach.is_empty()
}

fn mailed(invitations: Invitations) -> Mailed {
    match invitations {
        Invitations::Nobody => Mailed::Nobody,
        Invitations::All => Mailed::All,
        Invitations::Changed => Mailed::Changed,
    }
}

fn refused(tried: &Tried, error: &ews::ItemError) -> Trouble {
    match error.kind {
        Theirs::NotFound | Theirs::Stale => Trouble::Meanwhile(tried.refused(error)),
        _ => tried.refused(error).into(),
    }
}

/// It is not there any more, which is what was wanted.
fn is_gone(error: &ews::ItemError) -> bool {
    error.kind == Theirs::NotFound
        || matches!(error.code.as_str(), "ErrorCalendarOccurrenceIsDeletedFromRecurrence" | "ErrorAttachmentNotFound")
}

const NOT_STORED: &str = "the object could not be stored";
const TRIES: usize = 3;
/// When to look for an item that may have been made.
const LOOKS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
