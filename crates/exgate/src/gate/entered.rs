//! What somebody who came in can use: the mailbox, or what those find who are held in quarantine.

use std::sync::Arc;

use bytes::Bytes;
use exchange::Account;
use mailbox::objects::{
    Calendaring, Collection, CollectionChange, Condition, DeltaStart, FreeBusy, NewCollection, NewObject, Object,
    ObjectDelta, ObjectEntry, ObjectName, ObjectResult, Objects, Person, Principal, Put, Range, SyncToken, Way,
};
use mailbox::search::Query;
use mailbox::submit::{Accepted, Address, Limits, Refused, Submission, SubmissionId, Submit};
use mailbox::{
    Access, Annotation, AnnotationChange, AnnotationSeq, Appended, Bell, Content, Delta, Depth, Details, Error,
    ErrorKind, Expunged, FlagChange, Folder, FolderId, FolderPath, FolderRights, Grantee, Haste, Mail, ModSeq,
    Namespaces, NewMessage, Progress, Quota, Result, RightsChange, Snapshot, SpecialUse, Status, Stored, Subscription,
    Transferred, Uid, Watch,
};

use super::inbox::Inbox;
use super::standing::Standing;

/// A mailbox, as far as its owner may see it. Clones share everything.
#[derive(Clone)]
pub(crate) struct Entered {
    account: Account,
    /// `None` where no rule is asked.
    standing: Option<Arc<Standing>>,
}

impl Entered {
    /// All of it.
    pub(super) fn freely(account: Account) -> Self {
        Self { account, standing: None }
    }

    /// As the rules say.
    pub(super) fn as_ruled(account: Account, standing: Arc<Standing>) -> Self {
        Self { account, standing: Some(standing) }
    }

    /// What is in the mailbox's place. Whoever had not said what they are is judged now.
    fn held(&self) -> Option<&Inbox> {
        self.standing.as_ref().and_then(|standing| standing.held())
    }

    /// For what those who are held do not have at all.
    fn own(&self) -> Result<&Account> {
        match self.held() {
            None => Ok(&self.account),
            Some(_) => {
                Err(Error::new(ErrorKind::NotAdmitted, "This mailbox is held back: the message in the inbox says why"))
            }
        }
    }
}

/// What is asked of the mailbox, or of what is in its place.
macro_rules! asked_of_either {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {$(
        async fn $name(&self, $($argument: $kind),*) -> $answer {
            match self.held() {
                None => self.account.$name($($argument),*).await,
                Some(inbox) => inbox.$name($($argument),*).await,
            }
        }
    )*};
}

/// What is asked of the mailbox only.
macro_rules! asked_of_own {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {$(
        async fn $name(&self, $($argument: $kind),*) -> $answer {
            self.own()?.$name($($argument),*).await
        }
    )*};
}

impl Mail for Entered {
    asked_of_either! {
        namespaces() -> Result<Namespaces>;
        visit(path: &FolderPath, depth: Depth) -> Result<()>;
        folders() -> Result<Arc<[Folder]>>;
        folder(path: &FolderPath) -> Result<Option<Folder>>;
        create_folder(path: &FolderPath) -> Result<FolderId>;
        create_folder_for(path: &FolderPath, role: SpecialUse) -> Result<FolderId>;
        rename_folder(from: &FolderPath, to: &FolderPath) -> Result<()>;
        delete_folder(path: &FolderPath) -> Result<()>;
        subscribe(path: &FolderPath, wish: Subscription) -> Result<()>;
        subscriptions() -> Result<Vec<FolderPath>>;
        quota(path: &FolderPath) -> Result<Option<Quota>>;
        rights(folder: FolderId) -> Result<FolderRights>;
        permissions(folder: FolderId) -> Result<Vec<(Grantee, FolderRights)>>;
        permit(folder: FolderId, who: &Grantee, change: RightsChange) -> Result<()>;
        annotations(folder: Option<FolderId>) -> Result<Vec<Annotation>>;
        annotate(folder: Option<FolderId>, changes: &[(String, Option<Vec<u8>>)], most: usize) -> Result<bool>;
        annotation_changes(since: Option<AnnotationSeq>) -> Result<(AnnotationSeq, Vec<AnnotationChange>)>;
        status(folder: FolderId) -> Result<Status>;
        deleted_size(folder: FolderId) -> Result<u64>;
        open(folder: FolderId, access: Access) -> Result<Snapshot>;
        listed(folder: FolderId, below: u32) -> Result<()>;
        delta(folder: FolderId, since: ModSeq) -> Result<Delta>;
        vanished(folder: FolderId, since: ModSeq) -> Result<Option<Vec<Uid>>>;
        details(folder: FolderId, uids: &[Uid]) -> Result<Vec<Details>>;
        sizes(folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, u64)>>;
        exact_sizes(folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<u64>)>>;
        headers(folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Bytes>)>>;
        letterheads(folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Bytes>)>>;
        contents(folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Content>)>>;
        search(folder: FolderId, query: &Query, progress: &Progress) -> Result<Vec<Uid>>;
        append(folder: FolderId, message: NewMessage) -> Result<Appended>;
        append_all(folder: FolderId, messages: Vec<NewMessage>) -> Result<Vec<Appended>>;
        discard(folder: FolderId, uids: &[Uid]) -> Result<Expunged>;
        previews(folder: FolderId, uids: &[Uid], haste: Haste) -> Result<Vec<(Uid, Result<Option<String>>)>>;
        store(folder: FolderId, uids: &[Uid], change: &FlagChange, since: Option<ModSeq>) -> Result<Stored>;
        copy(folder: FolderId, uids: &[Uid], to: FolderId) -> Result<Transferred>;
        relocate(folder: FolderId, uids: &[Uid], to: FolderId) -> Result<Transferred>;
        expunge(folder: FolderId, only: Option<&[Uid]>) -> Result<Expunged>;
    }

    fn watch_any(&self) -> Watch {
        self.held().map_or_else(|| self.account.watch_any(), Mail::watch_any)
    }

    fn watch_list(&self) -> Watch {
        self.held().map_or_else(|| self.account.watch_list(), Mail::watch_list)
    }

    fn watch(&self, folder: FolderId) -> Watch {
        self.held().map_or_else(|| self.account.watch(folder), |inbox| inbox.watch(folder))
    }

    /// Sessions ask for this before they look at anything: nobody is judged for it.
    fn notice(&self) -> Option<&'static str> {
        match &self.standing {
            Some(standing) => standing.judged()?.held.as_ref().map_or_else(|| self.account.notice(), Mail::notice),
            None => self.account.notice(),
        }
    }
}

impl Objects for Entered {
    asked_of_own! {
        principal() -> Result<Arc<Principal>>;
        collections() -> Result<Arc<[Collection]>>;
        open_mailbox(address: &str) -> Result<bool>;
        create_collection(collection: &NewCollection) -> Result<FolderId>;
        change_collection(collection: FolderId, change: &CollectionChange) -> Result<()>;
        delete_collection(collection: FolderId) -> Result<()>;
        sync_token(collection: FolderId) -> Result<SyncToken>;
        entries(collection: FolderId, span: Option<Range>) -> Result<Vec<ObjectEntry>>;
        entry(collection: FolderId, name: &ObjectName) -> Result<Option<ObjectEntry>>;
        object_delta(collection: FolderId, since: DeltaStart, limit: Option<usize>) -> ObjectResult<ObjectDelta>;
        objects(collection: FolderId, names: &[ObjectName]) -> Result<Vec<(ObjectName, Result<Object>)>>;
        put(collection: FolderId, object: NewObject, condition: Condition) -> ObjectResult<Put>;
        remove(from: FolderId, name: &ObjectName, only: Condition, calendaring: Calendaring) -> ObjectResult<()>;
        relocate_object(way: Way, from: Named<'_>, to: Named<'_>, overwrite: bool) -> ObjectResult<bool>;
        free_busy(addresses: &[String], range: Range) -> Result<Vec<Option<FreeBusy>>>;
        find_people(words: &str, limit: usize) -> Result<Vec<Person>>;
    }

    fn watch_objects(&self, collection: FolderId) -> Watch {
        self.own().map_or_else(|_| Bell::new().watch(), |account| account.watch_objects(collection))
    }
}

impl Submit for Entered {
    fn limits(&self) -> Limits {
        self.account.limits()
    }

    async fn may_send_as(&self, address: &Address) -> Result<()> {
        self.own()?.may_send_as(address).await
    }

    async fn submit(&self, submission: Submission) -> std::result::Result<Accepted, Refused> {
        self.own()?.submit(submission).await
    }

    fn heard(&self, id: SubmissionId) {
        self.account.heard(id);
    }
}

/// An object in a collection.
type Named<'n> = (FolderId, &'n ObjectName);

#[cfg(test)]
mod tests {
    /// What is left out is not asked of the mailbox: the traits have answers of their own for some of it.
    #[test]
    fn every_call_of_the_seams_is_passed_on() {
        let this = include_str!("entered.rs");
        let seams = [
            ("trait Mail:", include_str!("../../../mailbox/src/backend.rs")),
            ("trait Objects:", include_str!("../../../mailbox/src/objects.rs")),
            ("trait Submit:", include_str!("../../../mailbox/src/submit.rs")),
        ];
        for (name, text) in seams {
            let body = text.split_once(name).unwrap().1.split_once("\n}\n").unwrap().0;
            let calls: Vec<&str> =
                body.lines().filter_map(|line| line.trim().strip_prefix("fn ")?.split('(').next()).collect();
            assert!(calls.len() > 3, "{name}");
            for call in calls {
                let is_there =
                    this.lines().map(|line| line.trim().trim_start_matches("async fn ").trim_start_matches("fn "));
                assert!(is_there.clone().any(|line| line.starts_with(&format!("{call}("))), "{name} {call}");
            }
        }
    }
}
