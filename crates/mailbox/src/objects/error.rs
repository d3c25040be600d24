//! What a client must mend, in the words of the DAV standards, beside the errors everything can have.

use std::fmt;

use crate::{Error, ErrorKind};

/// Shorthand for what changes of objects answer.
pub type ObjectResult<T> = std::result::Result<T, ObjectError>;

/// Why an object was not stored, moved or told.
#[derive(Clone, Debug)]
pub enum ObjectError {
    /// The request lacks what a standard demands; the sentence says what exactly, and what to do.
    Precondition(Precondition, String),
    /// Any other.
    Mailbox(Error),
}

/// The preconditions of RFC 4791 section 5.3.2.1, 6352 section 6.3.2.1, 6578 section 3.2, 6638 sections 3.2.4, 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// If-Match or If-None-Match does not hold: 412.
    IfMatch,
    /// If-Schedule-Tag-Match does not hold: 412.
    ScheduleTag,
    /// The text is not iCalendar or vCard, or breaks its rules: valid-calendar-data, valid-address-data.
    ValidData,
    /// It is one, but not one this collection may hold: valid-calendar-object-resource.
    ValidObject,
    /// supported-calendar-component, supported-address-data.
    Supported,
    /// Another object here has that UID: no-uid-conflict. The text beside it is that object's name.
    NoUidConflict,
    /// A recurrence Exchange cannot represent; told as valid-calendar-object-resource with the sentence.
    Unrepresentable,
    /// max-resource-size.
    MaxResourceSize,
    /// max-instances.
    MaxInstances,
    /// max-attendees-per-instance.
    MaxAttendees,
    /// min-date-time.
    MinDate,
    /// max-date-time.
    MaxDate,
    /// valid-sync-token (RFC 6578).
    ValidSyncToken,
    /// An attendee changed what only the organizer may: allowed-attendee-scheduling-object-change (RFC 6638).
    AttendeeChange,
    /// The organizer field is not the user's to set: allowed-organizer-scheduling-object-change (RFC 6638).
    OrganizerChange,
}

impl ObjectError {
    /// A precondition with its sentence.
    #[must_use]
    pub fn precondition(which: Precondition, sentence: impl Into<String>) -> Self {
        Self::Precondition(which, sentence.into())
    }

    /// Any other error, by kind.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::Mailbox(Error::new(kind, message))
    }
}

impl From<Error> for ObjectError {
    fn from(error: Error) -> Self {
        Self::Mailbox(error)
    }
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Precondition(_, sentence) => f.write_str(sentence),
            Self::Mailbox(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ObjectError {}
