//! What a mailbox is, said once, in the words of the standards.
//!
//! A message is its RFC 5322 bytes plus metadata. Front ends (`imap`, `smtp`, `dav`) see the traits in
//! `backend`; [`memory`] implements them for tests, `exchange` for real. Nothing here knows a wire protocol
//! or an Exchange server.
//!
//! There is one way to learn of change: [`Mail::delta`] tells, [`Mail::watch`] only wakes.

mod access;
mod annotation;
mod backend;
mod content;
mod error;
mod flags;
mod folder;
mod ids;
mod message;
mod pass;
mod progress;
mod trace;
mod watch;

pub mod memory;
pub mod objects;
pub mod preview;
pub mod search;
pub mod submit;

pub use access::{FolderRights, Grantee, RightsChange};
pub use annotation::{Annotation, AnnotationChange, AnnotationSeq};
pub use backend::{Mail, SignIn};
pub use content::{Content, Spool};
pub use error::{Error, ErrorKind, Result};
pub use flags::{FlagChange, FlagOperation, Flags, Keyword, SystemFlags};
pub use folder::{
    Access, Depth, Folder, FolderPath, Namespaces, Quota, Snapshot, SpecialUse, State, Status, Subscription,
};
pub use ids::{EmailId, FolderId, ModSeq, ThreadId, Uid, UidValidity};
pub use message::{Appended, Delta, Details, Entry, Expunged, Haste, NewMessage, Stored, Transferred};
pub use pass::{Admitted, Caller, Pass, Protocol, Scope, Scopes};
pub use progress::Progress;
pub use trace::Trace;
pub use watch::{Bell, Watch};

mod credentials;
pub use credentials::{Credentials, Secret, Verifiers};
