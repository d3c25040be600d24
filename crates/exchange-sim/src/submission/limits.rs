//! What a sender may send. Nothing said is no limit.

use serde::{Deserialize, Serialize};

use crate::{exchange::Organisation, op::Trouble, time::Seconds};

/// The limits of submission, as administrators set them, and how the server behaves where servers differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// MaxSendSize: bytes of a message; beyond it ErrorMessageSizeExceeded.
    pub max_message: Option<u64>,
    /// MaxReceiveSize: bytes of a message that mailboxes take; beyond it a report.
    pub max_receive: Option<u64>,
    /// RecipientLimits: recipients of one message, where a list counts once; beyond it a report.
    pub recipients: Option<usize>,
    /// MessageRateLimit: messages per minute from one mailbox; what is more waits.
    pub message_rate: Option<usize>,
    /// RecipientRateLimit: recipients per day from one mailbox; beyond it ErrorSubmissionQuotaExceeded.
    pub recipient_rate: Option<usize>,
    /// ProhibitSendQuota: bytes in a mailbox; whoever has more gets ErrorQuotaExceeded.
    pub prohibit_send: Option<u64>,
    /// Seconds every message stays where it was made before transport has it and its copy is kept, as the servers that do
    /// this are others than the one that answered.
    pub linger: Option<u32>,
    /// The folder in which messages wait that were created and sent in one request.
    pub waiting_in: Waiting,
    /// MessageCopyForSentAsEnabled: whoever is the author of what somebody else sent as him finds a copy in his Sent Items,
    /// too.
    pub copy_for_send_as: bool,
    /// MessageCopyForSendOnBehalfEnabled: the same of what was sent on his behalf.
    pub copy_for_send_on_behalf: bool,
    /// Whether From may be another address of the sender's; else it becomes the primary one.
    pub send_from_aliases: bool,
    /// Whether the server gives every message a Message-ID of its own.
    pub rewrite_message_id: bool,
}

/// The folder in which messages wait (Set-ThrottlingPolicy, MessageRateLimit: Outbox or Drafts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Waiting {
    /// Drafts, where EWS makes what it sends.
    #[default]
    Drafts,
    /// Outbox.
    Outbox,
}

impl Waiting {
    /// The distinguished folder.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Waiting::Drafts => "drafts",
            Waiting::Outbox => "outbox",
        }
    }
}

/// Refuses what the sender may not send.
pub(super) fn check(
    organisation: &mut Organisation,
    from: usize,
    length: u64,
    recipients: usize,
    now: Seconds,
) -> Result<(), Trouble> {
    let limits = &organisation.post.limits;
    if limits.max_message.is_some_and(|most| length > most) {
        return Err(Trouble::new("ErrorMessageSizeExceeded", "The message exceeds the maximum supported size."));
    }
    if limits.prohibit_send.is_some_and(|most| organisation.mailboxes[from].size() > most) {
        return Err(Trouble::new("ErrorQuotaExceeded", "The mailbox quota has been exceeded."));
    }
    let most = limits.recipient_rate;
    match organisation.post.rates.addressed(from, recipients, most, now) {
        true => Ok(()),
        false => Err(Trouble::new(
            "ErrorSubmissionQuotaExceeded",
            "The message can't be submitted because the sender's submission quota was exceeded. Please try again later.",
        )),
    }
}
