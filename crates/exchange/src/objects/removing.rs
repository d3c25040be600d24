//! DELETE, MOVE, COPY.

use std::sync::Arc;

use ews::op::create_item::Disposition;
use ews::op::delete_item::{DeleteItem, TaskOccurrences};
use ews::op::move_item::MoveItem;
use ews::op::respond::{Answer, Respond};
use ews::op::update_item::{ConflictResolution, FieldChange, ItemUpdate, UpdateItem};
use ews::op::{DeleteType, Invitations};
use ews::{ErrorKind as Theirs, ItemId, Property, ResponseKind, Sent, Value};
use idmap::{ObjectMap, ObjectRow, TextState};
use mailbox::objects::{
    Calendaring, CollectionKind, Condition, NewObject, ObjectError, ObjectName, ObjectResult, Precondition, Way,
};
use mailbox::{Error, ErrorKind, FolderId};

use super::collections::no_object;
use super::condition::check;
use crate::convert::kept::{self, Kept};
use crate::convert::object;
use crate::error::{Result, Tried};
use crate::folder_state::FolderState;
use crate::live::Live;

/// Who hears that an object goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    Nobody,
    /// The user invited: those invited.
    Attendees,
    /// The user was invited: the organizer.
    Organizer,
}

impl Live {
    /// Removes an object: it goes to Deleted Items, where Outlook puts it too.
    pub(crate) async fn remove(
        self: &Arc<Self>,
        folder: FolderId,
        name: &ObjectName,
        condition: &Condition,
        calendaring: Calendaring,
    ) -> ObjectResult<()> {
        let kind = self.objects_in(folder).await?;
        if kind == CollectionKind::Directory {
            return Err(Error::new(ErrorKind::Denied, "the directory can be read, and nothing else").into());
        }
        let state = self.fresh(folder).await?;
        let _gate = state.gate.lock().await;
        if !state.due.is_met() {
            self.look_gated(&state).await?;
        }
        let row = self.there(folder, name).await?;
        check(condition, row.as_ref().map(|row| &row.entry))?;
        let row = row.ok_or_else(no_object)?;
        self.remove_row(&state, kind, &row, calendaring).await
    }

    async fn there(&self, folder: FolderId, name: &ObjectName) -> Result<Option<ObjectRow>> {
        Ok(self.map.objects_named(folder, std::slice::from_ref(name)).await?.pop())
    }

    async fn remove_row(
        self: &Arc<Self>,
        state: &Arc<FolderState>,
        kind: CollectionKind,
        row: &ObjectRow,
        calendaring: Calendaring,
    ) -> ObjectResult<()> {
        let tried = Tried::new("the object could not be removed");
        let farewell = match calendaring {
            Calendaring::Server => self.farewell(state.id, kind, row).await?,
            Calendaring::Silent => Farewell::Nobody,
        };
        state.expect_gone(&row.item_id);
        let client = self.client()?;
        if farewell == Farewell::Organizer {
            let key = ItemId::with_change_key(&row.item_id, &row.change_key);
            let disposition = Disposition::SendAndSaveCopy;
            let ask = Respond { to: key, answer: Answer::Decline, comment: None, proposed: None, disposition };
            if let Err(error) = client.call(&ask).await {
                self.changed_at_exchange(state);
                return Err(self.failed(&tried, &error).into());
            }
        }
        let ask = DeleteItem {
            items: vec![ItemId::new(&row.item_id).into()],
            how: DeleteType::MoveToDeletedItems,
            cancellations: if farewell == Farewell::Attendees { Invitations::All } else { Invitations::Nobody },
            tasks: TaskOccurrences::All,
        };
        match client.call(&ask).await {
            Ok(answers) => match answers.into_iter().next() {
                // Gone is gone: by the decline, or by somebody else.
                Some(Err(error)) if error.kind != Theirs::NotFound => return Err(tried.refused(&error).into()),
                _ => {}
            },
            Err(error) => {
                let ours = self.failed(&tried, &error);
                if error.sent == Sent::NotSent {
                    return Err(ours.into());
                }
                // Perhaps it is gone all the same.
                state.due.want();
                self.look_gated(state).await?;
                return match self.there(state.id, &row.entry.name).await? {
                    None => Ok(()),
                    Some(_) => Err(ours.into()),
                };
            }
        }
        self.map.objects_removed(state.id, &[row.number]).await.map_err(Error::from)?;
        state.bell.ring();
        Ok(())
    }

    /// Whom Exchange shall tell (RFC 6638 sections 3.2.1.3, 3.2.2.3). What is known to be no meeting costs no call.
    async fn farewell(self: &Arc<Self>, folder: FolderId, kind: CollectionKind, row: &ObjectRow) -> Result<Farewell> {
        let no_meeting = row.text != TextState::Unread && row.entry.schedule_tag.is_none();
        if kind != CollectionKind::Calendar || no_meeting {
            return Ok(Farewell::Nobody);
        }
        let natives = self.natives(kind, vec![ItemId::new(&row.item_id).into()]).await?;
        let Some(Ok(native)) = natives.into_iter().next() else { return Ok(Farewell::Nobody) };
        let Some(calendar) = &native.item.calendar else { return Ok(Farewell::Nobody) };
        if calendar.is_meeting != Some(true) || Kept::of(&native.item).is_some_and(|kept| sends_itself(&kept.text)) {
            return Ok(Farewell::Nobody);
        }
        let me = self.context(folder).await?.me;
        let organizer = calendar.organizer.as_ref().and_then(|organizer| organizer.address.as_deref());
        let mine = calendar.my_response == Some(ResponseKind::Organizer)
            || organizer.is_some_and(|organizer| me.iter().any(|mine| mine.eq_ignore_ascii_case(organizer)));
        let over = calendar.is_cancelled == Some(true) || calendar.my_response == Some(ResponseKind::Decline);
        Ok(match (mine, over) {
            (true, _) => Farewell::Attendees,
            (false, false) => Farewell::Organizer,
            (false, true) => Farewell::Nobody,
        })
    }

    /// Moves or copies an object. `true` if something was there before and was replaced.
    pub(crate) async fn relocate(
        self: &Arc<Self>,
        way: Way,
        from: (FolderId, &ObjectName),
        to: (FolderId, &ObjectName),
        overwrite: bool,
    ) -> ObjectResult<bool> {
        let (kind, target) = (self.objects_in(from.0).await?, self.objects_in(to.0).await?);
        if kind != target {
            return Err(ObjectError::precondition(Precondition::Supported, "that collection holds other objects"));
        }
        let source = self.fresh(from.0).await?;
        let row = self.there(from.0, from.1).await?.ok_or_else(no_object)?;
        let there = {
            self.fresh(to.0).await?;
            self.there(to.0, to.1).await?
        };
        if there.is_some() && !overwrite {
            return Err(ObjectError::precondition(Precondition::IfMatch, "there is an object of that name already"));
        }
        let uid = row.entry.uid.clone().unwrap_or_default();
        let twin = self.map.object_of_uid(to.0, &uid).await.map_err(Error::from)?;
        let in_the_way = |other: &ObjectRow| other.entry.name != *to.1;
        let itself = |other: &ObjectRow| way == Way::Move && from.0 == to.0 && other.number == row.number;
        if let Some(other) = twin.filter(|other| in_the_way(other) && !itself(other)) {
            return Err(ObjectError::precondition(Precondition::NoUidConflict, other.entry.name.0));
        }
        match way {
            Way::Copy => self.copy_object(from, to).await?,
            Way::Move => {
                if let Some(there) = there.filter(|there| from.0 != to.0 || there.number != row.number) {
                    let state = self.state(to.0);
                    let gate = state.gate.lock().await;
                    self.remove_row(&state, target, &there, Calendaring::Silent).await?;
                    drop(gate);
                    self.move_object(&source, kind, &row, to).await?;
                    return Ok(true);
                }
                self.move_object(&source, kind, &row, to).await?;
                return Ok(false);
            }
        }
        Ok(there.is_some())
    }

    async fn copy_object(
        self: &Arc<Self>,
        from: (FolderId, &ObjectName),
        to: (FolderId, &ObjectName),
    ) -> ObjectResult<()> {
        let mut objects = self.objects(from.0, std::slice::from_ref(from.1)).await?;
        let (_, object) = objects.pop().ok_or_else(no_object)?;
        let copy = NewObject { name: to.1.clone(), text: object?.text, calendaring: Calendaring::Silent };
        self.put(to.0, copy, Condition::default()).await.map(drop)
    }

    async fn move_object(
        self: &Arc<Self>,
        source: &Arc<FolderState>,
        kind: CollectionKind,
        row: &ObjectRow,
        to: (FolderId, &ObjectName),
    ) -> ObjectResult<()> {
        let tried = Tried::new("the object could not be moved");
        let target = self.state(to.0);
        let _gates = two_gates(source, &target).await;
        source.expect_gone(&row.item_id);
        let expecting = target.expecting();
        let client = self.client()?;
        let mut id = ItemId::new(&row.item_id);
        if source.id != target.id {
            let ask = MoveItem { items: vec![id.clone()], to: self.folder_ref(to.0).await? };
            let answer = client.call(&ask).await.map_err(|error| {
                self.changed_at_exchange(source);
                self.changed_at_exchange(&target);
                self.failed(&tried, &error)
            })?;
            id = match answer.into_iter().next() {
                Some(Ok(Some(id))) => id,
                Some(Ok(None)) | None => return Err(tried.because(&Theirs::Protocol, None).into()),
                Some(Err(error)) => return Err(tried.refused(&error).into()),
            };
            target.expect(&id.id);
        }
        drop(expecting);
        let name = Property::Extended(kept::NAME.clone(), Value::Text(to.1.0.clone()));
        let ask = UpdateItem {
            items: vec![ItemUpdate {
                id: ItemId::new(&id.id).into(),
                kind: object::item_kind(row.entry.kind),
                changes: vec![FieldChange::Set(name)],
            }],
            conflict: ConflictResolution::AlwaysOverwrite,
            invitations: Invitations::Nobody,
        };
        if let Ok(answers) = client.call(&ask).await
            && let Some(Ok(now)) = answers.into_iter().next()
        {
            id = now;
        }
        let natives = self.natives(kind, vec![ItemId::new(&id.id).into()]).await?;
        let native = match natives.into_iter().next() {
            Some(Ok(native)) => native,
            Some(Err(error)) => return Err(tried.refused(&error).into()),
            None => return Err(tried.because(&Theirs::Protocol, None).into()),
        };
        let item = object::entry(&native.item, kind)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "the object was moved, but it is not there any more"))?;
        let from = (source.id, row.number);
        self.map.object_moved(from, (to.0, to.1.clone()), item).await.map_err(Error::from)?;
        source.bell.ring();
        target.bell.ring();
        Ok(())
    }
}

/// Both gates, always in the same order, or the one if they are one.
async fn two_gates<'a>(
    one: &'a FolderState,
    other: &'a FolderState,
) -> (tokio::sync::MutexGuard<'a, ()>, Option<tokio::sync::MutexGuard<'a, ()>>) {
    match one.id.cmp(&other.id) {
        std::cmp::Ordering::Less => (one.gate.lock().await, Some(other.gate.lock().await)),
        std::cmp::Ordering::Greater => (other.gate.lock().await, Some(one.gate.lock().await)),
        std::cmp::Ordering::Equal => (one.gate.lock().await, None),
    }
}

/// RFC 6638 section 7.1: the client, or nobody, tells the others.
fn sends_itself(text: &str) -> bool {
    let unfolded = text.replace("\r\n ", "").to_ascii_uppercase();
    let organizer = unfolded.lines().filter(|line| line.starts_with("ORGANIZER"));
    organizer.into_iter().any(|line| line.contains("SCHEDULE-AGENT=CLIENT") || line.contains("SCHEDULE-AGENT=NONE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_organizer_line_says_who_sends() {
        assert!(sends_itself("BEGIN:VEVENT\r\nORGANIZER;SCHEDULE-AGE\r\n NT=client:mailto:a@b\r\n"));
        assert!(!sends_itself("ORGANIZER:mailto:a@b\r\nX-A:SCHEDULE-AGENT=CLIENT\r\n"));
    }
}
