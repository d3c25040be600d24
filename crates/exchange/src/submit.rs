//! Sending: each message once, whatever happens on the way.
//!
//! Before Exchange is given a message, the spool says so on disk, and the message carries its submission's id in a property
//! of ours. When it is not known whether Exchange took it, it is kept on disk until Exchange must be done with what it was given,
//! and then looked for by that, in Sent Items, the Outbox, Drafts and Deleted Items, before anything else is tried: in this run
//! or in the next one. What Exchange does not take now is kept on disk too, and sent in the background.

mod answered;
mod clock;
mod copies;
mod elsewhere;
mod forward;
mod outgoing;
mod parcel;
mod report;
mod rights;
mod taking;
mod waiting;

use mailbox::submit::{Accepted, Address, Limits, Refused, Submission, SubmissionId, Submit};

use crate::account::Account;
use crate::error::Result;

pub(crate) use outgoing::Outgoing;

impl Submit for Account {
    fn limits(&self) -> Limits {
        let sending = self.live().outgoing.as_ref().map(|out| out.settings.clone()).unwrap_or_default();
        Limits { message: sending.largest_message, recipients: sending.most_recipients }
    }

    async fn may_send_as(&self, address: &Address) -> Result<()> {
        self.live().may_send_as(address)
    }

    async fn submit(&self, submission: Submission) -> Result<Accepted, Refused> {
        self.attended(self.live().submit(submission)).await
    }

    fn heard(&self, id: SubmissionId) {
        self.live().heard(id);
    }
}

/// The directory of the spool, within that of the state.
pub const SPOOL: &str = "submissions";
