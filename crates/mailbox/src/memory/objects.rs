//! Calendars, task lists and address books in memory: the traits' side, and what tests do behind a client's back.

use std::sync::Arc;

use bytes::Bytes;

use super::collections::{Change, Collections};
use super::{Account, Call, lock};
use crate::objects::{
    Calendaring, Collection, CollectionChange, Condition, DeltaStart, FreeBusy, NewCollection, NewObject, Object,
    ObjectDelta, ObjectEntry, ObjectKind, ObjectName, ObjectResult, Objects, Person, Principal, Put, Range, Span,
    SyncToken, Way,
};
use crate::{Bell, FolderId, Result, Watch};

/// What an object's text says that the index needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gist {
    /// What it is.
    pub kind: ObjectKind,
    /// Its UID.
    pub uid: Option<String>,
    /// Within this lies all of it; `None` if nobody looked.
    pub span: Option<Span>,
    /// True if it has an organizer: a meeting, with a schedule tag.
    pub is_meeting: bool,
}

/// What a backend makes of a text that it does not keep verbatim.
pub type Rewriter = fn(&[u8]) -> Vec<u8>;

impl Objects for Account {
    async fn principal(&self) -> Result<Arc<Principal>> {
        self.enter(Call::Principal).await?;
        Ok(Arc::new(self.held_objects().principal.clone()))
    }

    async fn collections(&self) -> Result<Arc<[Collection]>> {
        self.enter(Call::Collections).await?;
        Ok(self.held_objects().listing().into())
    }

    async fn open_mailbox(&self, address: &str) -> Result<bool> {
        self.enter(Call::OpenMailbox).await?;
        Ok(self.held_objects().open(address))
    }

    async fn create_collection(&self, collection: &NewCollection) -> Result<FolderId> {
        self.enter(Call::CreateCollection).await?;
        self.held_objects().create(collection)
    }

    async fn change_collection(&self, collection: FolderId, change: &CollectionChange) -> Result<()> {
        self.enter(Call::ChangeCollection).await?;
        self.held_objects().change(collection, change)
    }

    async fn delete_collection(&self, collection: FolderId) -> Result<()> {
        self.enter(Call::DeleteCollection).await?;
        self.held_objects().delete(collection)
    }

    async fn sync_token(&self, collection: FolderId) -> Result<SyncToken> {
        self.enter(Call::SyncToken).await?;
        Ok(self.held_objects().get(collection)?.token())
    }

    async fn entries(&self, collection: FolderId, span: Option<Range>) -> Result<Vec<ObjectEntry>> {
        self.enter(Call::Entries).await?;
        Ok(self.held_objects().get(collection)?.entries(span))
    }

    async fn entry(&self, collection: FolderId, name: &ObjectName) -> Result<Option<ObjectEntry>> {
        self.enter(Call::Entry).await?;
        Ok(self.held_objects().get(collection)?.entry(name))
    }

    async fn object_delta(
        &self,
        collection: FolderId,
        since: DeltaStart,
        limit: Option<usize>,
    ) -> ObjectResult<ObjectDelta> {
        self.enter(Call::ObjectDelta).await?;
        self.held_objects().get(collection)?.delta(since, limit)
    }

    fn watch_objects(&self, collection: FolderId) -> Watch {
        match self.held_objects().get(collection) {
            Ok(collection) => collection.bell.watch(),
            // Nothing will ever happen there.
            Err(_) => Bell::new().watch(),
        }
    }

    async fn objects(&self, collection: FolderId, names: &[ObjectName]) -> Result<Vec<(ObjectName, Result<Object>)>> {
        self.enter(Call::Objects).await?;
        let store = self.held_objects();
        Ok(names.iter().map(|name| (name.clone(), store.object(collection, name))).collect())
    }

    async fn put(&self, collection: FolderId, object: NewObject, condition: Condition) -> ObjectResult<Put> {
        self.enter(Call::Put).await?;
        self.held_objects().put(collection, object, &condition)
    }

    async fn remove(
        &self,
        collection: FolderId,
        name: &ObjectName,
        condition: Condition,
        _calendaring: Calendaring,
    ) -> ObjectResult<()> {
        self.enter(Call::RemoveObject).await?;
        self.held_objects().remove(collection, name, &condition)
    }

    async fn relocate_object(
        &self,
        way: Way,
        from: (FolderId, &ObjectName),
        to: (FolderId, &ObjectName),
        overwrite: bool,
    ) -> ObjectResult<bool> {
        self.enter(Call::RelocateObject).await?;
        self.held_objects().relocate(way, from, to, overwrite)
    }

    async fn free_busy(&self, addresses: &[String], range: Range) -> Result<Vec<Option<FreeBusy>>> {
        self.enter(Call::FreeBusy).await?;
        let store = self.held_objects();
        Ok(addresses.iter().map(|address| store.busy_of(address, range)).collect())
    }

    async fn find_people(&self, words: &str, limit: usize) -> Result<Vec<Person>> {
        self.enter(Call::FindPeople).await?;
        Ok(self.held_objects().people_named(words, limit))
    }
}

impl Account {
    /// Who the user is said to be.
    pub fn set_principal(&self, principal: Principal) {
        self.held_objects().principal = principal;
    }

    /// Has texts looked at by somebody who understands them; without, lines are looked for that begin with `UID`,
    /// `BEGIN`, `ORGANIZER`.
    pub fn set_reader(&self, reader: fn(&[u8]) -> Gist) {
        self.held_objects().reader = reader;
    }

    /// From now on, what clients put is stored as this makes of it: not verbatim.
    pub fn set_rewriter(&self, rewriter: Option<Rewriter>) {
        self.held_objects().rewriter = rewriter;
    }

    /// A collection there is, whoever made it; its id is given here.
    pub fn add_collection(&self, collection: Collection) -> FolderId {
        self.held_objects().add(collection)
    }

    /// Somebody else's collection, which is not listed before that mailbox is opened.
    pub fn add_unlisted(&self, collection: Collection) {
        self.held_objects().unlisted.push(collection);
    }

    /// Somebody is in the directory.
    pub fn add_person(&self, person: Person) {
        self.held_objects().people.push(person);
    }

    /// When somebody is busy.
    pub fn set_busy(&self, address: &str, busy: FreeBusy) {
        self.held_objects().busy.insert(address.to_lowercase(), busy);
    }

    /// Another client, or the server, makes or changes an object.
    ///
    /// # Errors
    /// `NotFound` if there is no such collection.
    pub fn put_object(&self, collection: &str, name: &str, text: impl Into<Bytes>) -> Result<()> {
        self.held_objects().put_behind(collection, name, text.into(), Change::Content)
    }

    /// The server enters attendees' answers: the ETag becomes another, the schedule tag stays.
    ///
    /// # Errors
    /// `NotFound` if there is no such collection.
    pub fn put_answers(&self, collection: &str, name: &str, text: impl Into<Bytes>) -> Result<()> {
        self.held_objects().put_behind(collection, name, text.into(), Change::Answers)
    }

    /// Another client removes an object.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    pub fn remove_object(&self, collection: &str, name: &str) -> Result<()> {
        self.held_objects().remove_behind(collection, name)
    }

    fn held_objects(&self) -> std::sync::MutexGuard<'_, Collections> {
        lock(&self.objects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;
    use crate::objects::{CollectionKind, ETag, ObjectError, Precondition};

    fn account() -> Account {
        Memory::new().add_user("anna", "secret")
    }

    async fn calendar(account: &Account) -> FolderId {
        let all = account.collections().await.unwrap();
        all.iter().find(|one| one.kind == CollectionKind::Calendar).unwrap().id
    }

    fn event(name: &str, uid: &str) -> NewObject {
        let text = format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
        NewObject { name: ObjectName(name.to_owned()), text: text.into(), calendaring: Calendaring::Server }
    }

    fn precondition<T>(outcome: ObjectResult<T>) -> Precondition {
        match outcome {
            Err(ObjectError::Precondition(which, _)) => which,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("it was done"),
        }
    }

    #[tokio::test]
    async fn an_update_is_not_lost() {
        let account = account();
        let calendar = calendar(&account).await;
        let there = Condition { if_none_match: Some(Vec::new()), ..Condition::default() };
        let put = account.put(calendar, event("a.ics", "1"), there.clone()).await.unwrap();
        assert!(put.created && put.verbatim);
        assert_eq!(precondition(account.put(calendar, event("a.ics", "1"), there).await), Precondition::IfMatch);
        let known = Condition { if_match: Some(vec![put.entry.etag.clone()]), ..Condition::default() };
        let again = account.put(calendar, event("a.ics", "1"), known.clone()).await.unwrap();
        assert_ne!(again.entry.etag, put.entry.etag);
        assert_eq!(precondition(account.put(calendar, event("a.ics", "1"), known).await), Precondition::IfMatch);
        let name = ObjectName("a.ics".to_owned());
        let stale = Condition { if_match: Some(vec![ETag("x".to_owned())]), ..Condition::default() };
        assert_eq!(
            precondition(Objects::remove(&account, calendar, &name, stale, Calendaring::Server).await),
            Precondition::IfMatch
        );
    }

    #[tokio::test]
    async fn a_uid_stands_once() {
        let account = account();
        let calendar = calendar(&account).await;
        account.put(calendar, event("a.ics", "1"), Condition::default()).await.unwrap();
        assert_eq!(
            precondition(account.put(calendar, event("b.ics", "1"), Condition::default()).await),
            Precondition::NoUidConflict
        );
        let (a, b) = (ObjectName("a.ics".to_owned()), ObjectName("b.ics".to_owned()));
        assert_eq!(
            precondition(account.relocate_object(Way::Copy, (calendar, &a), (calendar, &b), true).await),
            Precondition::NoUidConflict
        );
        assert!(!account.relocate_object(Way::Move, (calendar, &a), (calendar, &b), true).await.unwrap());
    }

    #[tokio::test]
    async fn history_is_told_in_pieces() {
        let account = account();
        let calendar = calendar(&account).await;
        let before = account.sync_token(calendar).await.unwrap();
        for number in 0..5 {
            account.put(calendar, event(&number.to_string(), &number.to_string()), Condition::default()).await.unwrap();
        }
        account.remove_object("calendar", "1").unwrap();
        let (mut since, mut changed, mut removed) = (before, Vec::new(), Vec::new());
        loop {
            let delta = account.object_delta(calendar, DeltaStart::After(since), Some(2)).await.unwrap();
            assert!(delta.changed.len() + delta.removed.len() <= 2);
            changed.extend(delta.changed.into_iter().map(|entry| entry.name.0));
            removed.extend(delta.removed.into_iter().map(|name| name.0));
            since = delta.token;
            if !delta.truncated {
                break;
            }
        }
        assert_eq!((changed, removed), (vec!["0".into(), "2".into(), "3".into(), "4".into()], vec!["1".to_owned()]));
        assert_eq!(since, account.sync_token(calendar).await.unwrap());
        let all = account.object_delta(calendar, DeltaStart::Beginning, None).await.unwrap();
        assert_eq!((all.changed.len(), all.removed.len()), (4, 0));
        let unknown = SyncToken { modseq: crate::ModSeq(99), ..since };
        assert_eq!(
            precondition(account.object_delta(calendar, DeltaStart::After(unknown), None).await),
            Precondition::ValidSyncToken
        );
    }

    #[tokio::test]
    async fn answers_leave_the_schedule_tag_alone() {
        let account = account();
        let calendar = calendar(&account).await;
        let mut meeting = event("a.ics", "1");
        let text = String::from_utf8(meeting.text.to_vec()).unwrap().replace("UID", "ORGANIZER:mailto:a@b\r\nUID");
        meeting.text = text.clone().into();
        let first = account.put(calendar, meeting.clone(), Condition::default()).await.unwrap().entry;
        account.put_answers("calendar", "a.ics", text).unwrap();
        let answered = account.entry(calendar, &meeting.name).await.unwrap().unwrap();
        assert_ne!(answered.etag, first.etag);
        assert_eq!(answered.schedule_tag, first.schedule_tag);
        let known = Condition { if_schedule_tag: first.schedule_tag, ..Condition::default() };
        assert!(account.put(calendar, meeting.clone(), known.clone()).await.is_ok());
        assert_eq!(precondition(account.put(calendar, meeting, known).await), Precondition::ScheduleTag);
    }
}
