//! Sending, as far as a mailbox in memory goes: what is taken can be looked at, and is delivered to nobody.

use super::{Account, Call, lock};
use crate::submit::{Accepted, Address, Limits, Refused, Submission, SubmissionId, Submit, Taker};
use crate::{Error, ErrorKind, Result};

/// What was sent, and what may be.
#[derive(Debug)]
pub(super) struct Outbox {
    limits: Limits,
    addresses: Vec<Address>,
    sent: Vec<Submission>,
    heard: Vec<SubmissionId>,
    refusals: Vec<Refused>,
    taker: Taker,
}

impl Outbox {
    /// A user sends in the name they sign in with, if that is an address, or else as somebody at `example.org`.
    pub(super) fn of(user: &str) -> Self {
        let (local, domain) = user.rsplit_once('@').unwrap_or((user, "example.org"));
        Self {
            limits: Limits { message: 150 << 20, recipients: 1000 },
            addresses: Address::new(local, domain).into_iter().collect(),
            sent: Vec::new(),
            heard: Vec::new(),
            refusals: Vec::new(),
            taker: Taker::Exchange,
        }
    }
}

impl Account {
    /// What was taken so far, in its order.
    #[must_use]
    pub fn sent(&self) -> Vec<Submission> {
        lock(&self.outbox).sent.clone()
    }

    /// Of which of these the client has heard.
    #[must_use]
    pub fn heard_of(&self) -> Vec<SubmissionId> {
        lock(&self.outbox).heard.clone()
    }

    /// The user may send in this name, too.
    pub fn lend(&self, address: Address) {
        lock(&self.outbox).addresses.push(address);
    }

    /// From now on, these are the limits of what is sent.
    pub fn set_send_limits(&self, limits: Limits) {
        lock(&self.outbox).limits = limits;
    }

    /// The next message is not taken, for this reason.
    pub fn refuse_next(&self, refused: Refused) {
        lock(&self.outbox).refusals.push(refused);
    }

    /// From now on, messages are taken by this one.
    pub fn set_taker(&self, taker: Taker) {
        lock(&self.outbox).taker = taker;
    }
}

impl Submit for Account {
    fn limits(&self) -> Limits {
        lock(&self.outbox).limits
    }

    async fn may_send_as(&self, address: &Address) -> Result<()> {
        self.enter(Call::MaySendAs).await?;
        match lock(&self.outbox).addresses.contains(address) {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Denied, format!("You may not send as {address}"))),
        }
    }

    async fn submit(&self, submission: Submission) -> std::result::Result<Accepted, Refused> {
        self.enter(Call::Submit).await?;
        let mut outbox = lock(&self.outbox);
        if !outbox.refusals.is_empty() {
            return Err(outbox.refusals.remove(0));
        }
        outbox.sent.push(submission);
        Ok(Accepted { by: outbox.taker })
    }

    fn heard(&self, id: SubmissionId) {
        lock(&self.outbox).heard.push(id);
    }
}
