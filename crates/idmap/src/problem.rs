//! Messages that Exchange has and cannot give.

use jiff::Timestamp;
use mailbox::{FolderId, Uid};

/// A message that Exchange cannot give. Another message is served in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is.
    pub folder: FolderId,
    /// Which it is there.
    pub uid: Uid,
    /// InternetMessageId.
    pub message_id: Option<String>,
    /// DateTimeReceived.
    pub received: Timestamp,
    /// What Exchange said last.
    pub reason: String,
    /// When Exchange did not give it for the first time, to the second.
    pub since: Timestamp,
    /// When it did not for the last time, to the second.
    pub tried: Timestamp,
}

/// What is served in its place: as long as a UID stands for it, it is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandIn {
    /// When Exchange was asked last for the message itself, to the second.
    pub tried: Timestamp,
    /// The message that is served.
    pub message: Vec<u8>,
}
