//! The seam: what a front end needs, and what a backend gives.

use std::future::Future;

use bytes::Bytes;

use crate::search::Query;
use crate::{
    Access, Admitted, Annotation, AnnotationChange, AnnotationSeq, Appended, Caller, Content, Credentials, Delta,
    Depth, Details, Error, ErrorKind, Expunged, FlagChange, Folder, FolderId, FolderPath, FolderRights, Grantee, Haste,
    ModSeq, Namespaces, NewMessage, Pass, Progress, Quota, Result, RightsChange, Secret, Snapshot, SpecialUse, Status,
    Stored, Subscription, Transferred, Uid, Verifiers, Watch,
};

/// Lets people in.
pub trait SignIn: Clone + Send + Sync + 'static {
    /// What somebody who is in can use.
    type Account: Mail;

    /// Checks a name and a password. Sessions of one user share what the backend keeps for that user.
    ///
    /// # Errors
    /// `SignIn` if they are wrong or held back after having been wrong; `Unavailable` or `Busy` if it cannot be
    /// known now.
    fn sign_in(&self, credentials: &Credentials) -> impl Future<Output = Result<Self::Account>> + Send;

    /// The same for somebody who comes by a front end, which keeps to the pass they get.
    ///
    /// # Errors
    /// As for `sign_in`; `NotAdmitted` if what they came with is right and does not open this.
    fn admit(
        &self,
        credentials: &Credentials,
        _caller: &Caller,
    ) -> impl Future<Output = Result<Admitted<Self::Account>>> + Send {
        async { Ok(Admitted { account: self.sign_in(credentials).await?, pass: Pass::unlimited() }) }
    }

    /// The same with a token.
    ///
    /// # Errors
    /// As for `admit`.
    fn admit_with_token(
        &self,
        token: &Secret<String>,
        _caller: &Caller,
    ) -> impl Future<Output = Result<Admitted<Self::Account>>> + Send {
        async { Ok(Admitted { account: self.sign_in_with_token(token).await?, pass: Pass::unlimited() }) }
    }

    /// True if [`SignIn::admit_with_proof`] can succeed.
    fn takes_proofs(&self) -> bool {
        false
    }

    /// What is kept of the passwords of somebody. Of somebody who is not known it looks the same, without keys.
    ///
    /// # Errors
    /// `SignIn` where proofs are not taken; `Internal`.
    fn verifiers(&self, _user: &str) -> impl Future<Output = Result<Verifiers>> + Send {
        async { Err(Error::new(ErrorKind::SignIn, "Sign in with a password")) }
    }

    /// Lets in whoever has shown that they know one of these passwords, by the ClientKey that only it gives.
    ///
    /// # Errors
    /// As for `admit`.
    fn admit_with_proof(
        &self,
        _user: &str,
        _client_key: &Secret<[u8; 32]>,
        _caller: &Caller,
    ) -> impl Future<Output = Result<Admitted<Self::Account>>> + Send {
        async { Err(Error::new(ErrorKind::SignIn, "Sign in with a password")) }
    }

    /// True if [`SignIn::sign_in_with_token`] can succeed.
    fn takes_tokens(&self) -> bool {
        false
    }

    /// Checks a token (RFC 6750 Bearer) that stands for name and password.
    ///
    /// # Errors
    /// As for `sign_in`; always `SignIn` where tokens are not taken.
    fn sign_in_with_token(&self, _token: &Secret<String>) -> impl Future<Output = Result<Self::Account>> + Send {
        async { Err(Error::new(ErrorKind::SignIn, "Tokens are not taken here: sign in with a password")) }
    }
}

/// One user's mail. Clones share everything.
///
/// What speaks of the index (`folders`, `status`, `open`, `delta`, `details`) asks Exchange nothing once a folder
/// is synchronised; the first call for a folder waits until it is.
///
/// Lists of UIDs are ascending, without repetition; UIDs that are not there are passed over in silence. Methods
/// that take many UIDs batch them as far as Exchange allows.
pub trait Mail: Clone + Send + Sync + 'static {
    /// Where folders are that are not the user's own.
    ///
    /// # Errors
    /// `Internal` only.
    fn namespaces(&self) -> impl Future<Output = Result<Namespaces>> + Send {
        async { Ok(Namespaces::default()) }
    }

    /// A client names a folder, or asks what is below it; an empty path is the top of everything. Outside the user's own tree this is what opens somebody
    /// else's mailbox, and brings the list of its folders up to date; `folders` shows what was opened once.
    ///
    /// # Errors
    /// `Denied` if the user is not let in; `NotFound` if there is no such mailbox; `Unavailable` or `Busy` if that
    /// cannot be known now. Nothing is wrong with a path of the user's own, whether there is such a folder or not.
    fn visit(&self, _path: &FolderPath, _depth: Depth) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// All folders that are known, parents before their children.
    ///
    /// # Errors
    /// `Unavailable` or `Busy` before the first listing is there.
    fn folders(&self) -> impl Future<Output = Result<std::sync::Arc<[Folder]>>> + Send;

    /// One of them. A backend that knows for certain that it is there need not bring the others up to date first.
    ///
    /// # Errors
    /// As for `folders`.
    fn folder(&self, path: &FolderPath) -> impl Future<Output = Result<Option<Folder>>> + Send {
        async move { Ok(self.folders().await?.iter().find(|folder| folder.path == *path).cloned()) }
    }

    /// Makes a folder, and those above it that are missing.
    ///
    /// # Errors
    /// `Exists`, `Denied`, `Cannot` for a name that is not possible.
    fn create_folder(&self, path: &FolderPath) -> impl Future<Output = Result<FolderId>> + Send;

    /// Makes a folder that has a role from then on (RFC 6154 section 3).
    ///
    /// # Errors
    /// Those of `create_folder`; `Cannot`, and nothing is made, if a folder has this role already or none can be given
    /// it.
    fn create_folder_for(
        &self,
        _path: &FolderPath,
        _role: SpecialUse,
    ) -> impl Future<Output = Result<FolderId>> + Send {
        async { Err(Error::new(ErrorKind::Cannot, "The use of a folder cannot be chosen")) }
    }

    /// Gives a folder another path; folders below go along, ids stay. Renaming the inbox moves its messages to a
    /// new folder and leaves it empty (RFC 9051 section 6.3.6).
    ///
    /// # Errors
    /// `NotFound`, `Exists`, `Denied`, `Cannot` for folders that must stay where they are.
    fn rename_folder(&self, from: &FolderPath, to: &FolderPath) -> impl Future<Output = Result<()>> + Send;

    /// Deletes a folder that has none below it, and its messages.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, `Cannot` for the inbox, folders with a role, and folders with children.
    fn delete_folder(&self, path: &FolderPath) -> impl Future<Output = Result<()>> + Send;

    /// Remembers whether a folder is subscribed. The folder need not exist (RFC 9051 section 6.3.7).
    ///
    /// # Errors
    /// `Internal` only.
    fn subscribe(&self, path: &FolderPath, wish: Subscription) -> impl Future<Output = Result<()>> + Send;

    /// Paths that are subscribed, whether there is such a folder or not.
    ///
    /// # Errors
    /// `Internal` only.
    fn subscriptions(&self) -> impl Future<Output = Result<Vec<FolderPath>>> + Send;

    /// How full the mailbox is that a folder of this path belongs to, whether there is such a folder or not; `None`
    /// where that is not known. It may be some minutes old.
    ///
    /// # Errors
    /// `Internal` only.
    fn quota(&self, _path: &FolderPath) -> impl Future<Output = Result<Option<Quota>>> + Send {
        async { Ok(None) }
    }

    /// What the user may do in a folder, as far as is known without asking.
    ///
    /// # Errors
    /// `NotFound`.
    fn rights(&self, folder: FolderId) -> impl Future<Output = Result<FolderRights>> + Send;

    /// Who may do what in a folder. Its owner, who may do everything, comes first.
    ///
    /// # Errors
    /// `NotFound`; `Denied` unless the user owns it; `Cannot` where there is no such list.
    fn permissions(&self, folder: FolderId) -> impl Future<Output = Result<Vec<(Grantee, FolderRights)>>> + Send;

    /// Changes what somebody may do in a folder. Who may do nothing any more is not on the list.
    ///
    /// # Errors
    /// As for `permissions`; `NotFound` if there is no such person; `Cannot` for the owner.
    fn permit(&self, folder: FolderId, who: &Grantee, change: RightsChange) -> impl Future<Output = Result<()>> + Send;

    /// The notes on a folder, or on the mailbox as a whole, by name.
    ///
    /// # Errors
    /// `NotFound`.
    fn annotations(&self, folder: Option<FolderId>) -> impl Future<Output = Result<Vec<Annotation>>> + Send;

    /// Sets notes, and removes those without a value: all of it or nothing. False, and nothing changed, if there would
    /// be more than `most` notes there then. They go with the folder, wherever it goes.
    ///
    /// # Errors
    /// `NotFound`.
    fn annotate(
        &self,
        folder: Option<FolderId>,
        changes: &[(String, Option<Vec<u8>>)],
        most: usize,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// What happened to notes after `since`, in the user's own mailbox; without `since`, nothing but where it stands.
    ///
    /// # Errors
    /// `Internal` only.
    fn annotation_changes(
        &self,
        since: Option<AnnotationSeq>,
    ) -> impl Future<Output = Result<(AnnotationSeq, Vec<AnnotationChange>)>> + Send;

    /// Wakes with the watch of any folder, and with [`Mail::watch_list`].
    fn watch_any(&self) -> Watch;

    /// Wakes when the folders, the subscriptions or the notes may have changed.
    fn watch_list(&self) -> Watch;

    /// Counts of a folder.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` or `Busy` if it was never synchronised.
    fn status(&self, folder: FolderId) -> impl Future<Output = Result<Status>> + Send;

    /// The sum of the sizes, in bytes, of the messages with `\Deleted`; takes time in proportion to the folder.
    ///
    /// # Errors
    /// As for `status`.
    fn deleted_size(&self, folder: FolderId) -> impl Future<Output = Result<u64>> + Send;

    /// All messages of a folder. Of one that is large and was never opened, the newest may be known before the others,
    /// for which UIDs are reserved then.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` or `Busy` if it was never synchronised.
    fn open(&self, folder: FolderId, access: Access) -> impl Future<Output = Result<Snapshot>> + Send;

    /// Returns once fewer UIDs than that are reserved for messages of which nothing is known; `delta` then tells of some.
    /// They come in descending order.
    ///
    /// # Errors
    /// `NotFound` if the folder is gone; `Unavailable` or `Busy` if Exchange does not go on telling.
    fn listed(&self, _folder: FolderId, _below: u32) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// What happened in a folder after `since`.
    ///
    /// # Errors
    /// `NotFound` if the folder is gone.
    fn delta(&self, folder: FolderId, since: ModSeq) -> impl Future<Output = Result<Delta>> + Send;

    /// Messages that were removed from a folder after `since`, ascending. `None` if not all of them are remembered any
    /// more: every UID that is not in a snapshot may be one.
    ///
    /// # Errors
    /// `NotFound` if the folder is gone.
    fn vanished(&self, folder: FolderId, since: ModSeq) -> impl Future<Output = Result<Option<Vec<Uid>>>> + Send;

    /// What people should know now of the mailbox as a whole, in a sentence; `None` if all is as always.
    fn notice(&self) -> Option<&'static str> {
        None
    }

    /// Wakes when `delta` of this folder may have something to tell.
    fn watch(&self, folder: FolderId) -> Watch;

    /// Dates and ids.
    ///
    /// # Errors
    /// `NotFound` if the folder is gone.
    fn details(&self, folder: FolderId, uids: &[Uid]) -> impl Future<Output = Result<Vec<Details>>> + Send;

    /// RFC822.SIZE: exact where a message's rendering is known, else as the backend is told to answer.
    ///
    /// # Errors
    /// `NotFound` if the folder is gone; those of `contents` if sizes must be exact.
    fn sizes(&self, folder: FolderId, uids: &[Uid]) -> impl Future<Output = Result<Vec<(Uid, u64)>>> + Send;

    /// Exactly how many octets messages have. What was never read is read, and known from then on; the answer may cover
    /// only some of them, at least one.
    ///
    /// # Errors
    /// As for `contents`.
    fn exact_sizes(
        &self,
        folder: FolderId,
        uids: &[Uid],
    ) -> impl Future<Output = Result<Vec<(Uid, Result<u64>)>>> + Send {
        async move {
            let contents = self.contents(folder, uids).await?;
            Ok(contents.into_iter().map(|(uid, content)| (uid, content.map(|content| content.len()))).collect())
        }
    }

    /// Header blocks, the empty line at their end included, without fetching bodies where Exchange allows it.
    /// They are the same bytes that `contents` begins with.
    ///
    /// # Errors
    /// `NotFound` if the folder is gone; else per message.
    fn headers(&self, folder: FolderId, uids: &[Uid])
    -> impl Future<Output = Result<Vec<(Uid, Result<Bytes>)>>> + Send;

    /// What SORT and THREAD read in headers (RFC 5256): Date, From, To, Cc, Subject, Message-ID, In-Reply-To and
    /// References, as a header block. No body is fetched for it: of a message whose header is not to be had otherwise,
    /// these fields say what the backend knows of it.
    ///
    /// # Errors
    /// As for `headers`.
    fn letterheads(
        &self,
        folder: FolderId,
        uids: &[Uid],
    ) -> impl Future<Output = Result<Vec<(Uid, Result<Bytes>)>>> + Send {
        self.headers(folder, uids)
    }

    /// Whole messages. A UID's bytes never change. Callers pass all the UIDs they want next (some hundreds), so that
    /// the backend can batch, and take what comes; the answer may cover only the first ones, at least one.
    ///
    /// # Errors
    /// `NotFound` if the folder is gone; else per message.
    fn contents(
        &self,
        folder: FolderId,
        uids: &[Uid],
    ) -> impl Future<Output = Result<Vec<(Uid, Result<Content>)>>> + Send;

    /// Messages that match, ascending. Ids, dates and flags come from the index; what needs headers or bodies is
    /// decided by [`crate::search::evaluate`] on the same bytes a client would see. How far it has come is told in
    /// messages.
    ///
    /// # Errors
    /// `NotFound` if the folder is gone; those of `contents` if a message cannot be read to decide.
    fn search(
        &self,
        folder: FolderId,
        query: &Query,
        progress: &Progress,
    ) -> impl Future<Output = Result<Vec<Uid>>> + Send;

    /// Adds a message. When this returns it is in Exchange, and its UID is on disk.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, `OverQuota`, `TooBig`, `Cannot` if Exchange cannot read it as mail.
    fn append(&self, folder: FolderId, message: NewMessage) -> impl Future<Output = Result<Appended>> + Send;

    /// Adds several messages, all of them or none (RFC 3502). When this returns they are in Exchange, and their UIDs,
    /// answered in the order given, are on disk. After a failure, or a crash, none of them is there for long.
    ///
    /// # Errors
    /// As for `append`: what is wrong with the first message that is not taken.
    fn append_all(
        &self,
        folder: FolderId,
        messages: Vec<NewMessage>,
    ) -> impl Future<Output = Result<Vec<Appended>>> + Send;

    /// Removes these messages for good, whatever their flags.
    ///
    /// # Errors
    /// As for `expunge`.
    fn discard(&self, folder: FolderId, uids: &[Uid]) -> impl Future<Output = Result<Expunged>> + Send;

    /// How messages begin, in words, on one line, at most [`crate::preview::LONGEST`] characters; the same for a
    /// message whenever it is asked for (RFC 8970). `None` if that is not known, and not to be found out with this
    /// haste.
    ///
    /// # Errors
    /// `NotFound` if the folder is gone; else per message.
    fn previews(
        &self,
        folder: FolderId,
        uids: &[Uid],
        haste: Haste,
    ) -> impl Future<Output = Result<Vec<(Uid, Result<Option<String>>)>>> + Send;

    /// Changes flags; with `unchanged_since`, only of messages that have not changed after it.
    ///
    /// # Errors
    /// `NotFound` if the folder is gone; else per message.
    fn store(
        &self,
        folder: FolderId,
        uids: &[Uid],
        change: &FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> impl Future<Output = Result<Stored>> + Send;

    /// Copies messages, all of them or none (RFC 9051 section 6.4.7); flags and INTERNALDATE go along.
    ///
    /// # Errors
    /// `NotFound` for either folder; else per message, and then none was copied.
    fn copy(&self, folder: FolderId, uids: &[Uid], to: FolderId) -> impl Future<Output = Result<Transferred>> + Send;

    /// Moves messages; the EMAILID goes along.
    ///
    /// # Errors
    /// `NotFound` for either folder; else per message.
    fn relocate(
        &self,
        folder: FolderId,
        uids: &[Uid],
        to: FolderId,
    ) -> impl Future<Output = Result<Transferred>> + Send;

    /// Removes the messages that carry `\Deleted`, for good; with `only`, those of them that are named.
    ///
    /// # Errors
    /// `NotFound` if the folder is gone; else per message.
    fn expunge(&self, folder: FolderId, only: Option<&[Uid]>) -> impl Future<Output = Result<Expunged>> + Send;
}
