//! What must be done at Exchange so that an item says what a text says: values only, in the order they are done.

use ews::op::create_attachment::NewFile;
use ews::op::update_item::FieldChange;
use ews::{AttachmentId, ItemId, ItemKind};
use mailbox::objects::ObjectKind;

/// All there is to do for one object.
///
/// The engine makes the item or changes it, then its occurrences, then the attachments, then answers; reads it back,
/// renders it for its digest, and keeps the text.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// What the object is.
    pub(crate) kind: ObjectKind,
    /// UID of iCalendar or vCard. Where Exchange has no place for it, the engine keeps it in [`super::kept::UID`].
    pub(crate) uid: String,
    /// Which element the properties stand in.
    pub(crate) item: ItemKind,
    /// Such as `IPM.StickyNote`; of new items only, where the element alone does not say it.
    pub(crate) class: Option<&'static str>,
    /// Properties to set or clear. Of an item that is to be made: all of them, and none is cleared. Nothing if the item
    /// says it already.
    ///
    /// Setting the recurrence of a series makes Exchange forget its exceptions; then `occurrences` has all of them.
    pub(crate) changes: Vec<FieldChange>,
    /// Single occurrences of a series.
    pub(crate) occurrences: Vec<OccurrenceChange>,
    /// Attachments of the item to add.
    pub(crate) attach: Vec<NewFile>,
    /// Attachments of the item to take away.
    pub(crate) detach: Vec<AttachmentId>,
    /// Who is told of the changes above. Not more than `Calendaring` allows.
    pub(crate) invitations: Invitations,
    /// The user's answer to an invitation, if it became another.
    pub(crate) answer: Option<Answer>,
    /// What is kept beside the native fields; nothing if they say it all.
    pub(crate) keep: Option<String>,
}

/// A change of one occurrence.
#[derive(Clone, Debug)]
pub(crate) struct OccurrenceChange {
    /// Which.
    pub(crate) which: Occurrence,
    /// What becomes of it.
    pub(crate) fate: Fate,
}

/// An occurrence of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Occurrence {
    /// By its number in the series, counted from 1 over all the pattern gives, deleted ones included
    /// (EWS "InstanceIndex").
    Index(u32),
    /// By the id it has as an exception.
    Item(ItemId),
}

/// What becomes of an occurrence.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It differs from its series in this.
    Changed {
        /// Properties to set or clear.
        changes: Vec<FieldChange>,
        /// Attachments to add.
        attach: Vec<NewFile>,
        /// Attachments to take away.
        detach: Vec<AttachmentId>,
    },
    /// It does not take place.
    Deleted,
}

/// Who hears of a change (EWS "SendMeetingInvitationsOrCancellations").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Invitations {
    /// Nobody: no meeting, somebody else's, or the client sends itself (SCHEDULE-AGENT=CLIENT or NONE).
    #[default]
    Nobody,
    /// All attendees: "SendToAllAndSaveCopy".
    All,
    /// Those who came, and those who went: "SendToChangedAndSaveCopy".
    Changed,
}

/// An answer to an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Yes, perhaps, no.
    pub(crate) response: Response,
    /// To which occurrence; to all of them if `None`.
    pub(crate) occurrence: Option<Occurrence>,
    /// Some words for the organizer.
    pub(crate) comment: Option<String>,
    /// False if the organizer is not to be told (SCHEDULE-AGENT=CLIENT or NONE).
    pub(crate) tell: bool,
}

/// What is answered (RFC 5545 section 3.2.12 PARTSTAT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    /// ACCEPTED
    Accept,
    /// TENTATIVE
    Tentative,
    /// DECLINED
    Decline,
}
