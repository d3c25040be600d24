//! What an administrator, or a test, does with mail on its way.

use serde_json::Value as Json;

use crate::{Entry, EntryKind, Exchange, Limits};

impl Exchange {
    /// The limits of submission.
    pub fn submission_limits(&self) -> Limits {
        self.lock().post.limits.clone()
    }

    /// Sets the limits of submission.
    pub fn limit_submission(&self, limits: Limits) {
        self.lock().post.limits = limits;
    }

    /// The limits of submission, and what waits to be sent or delivered, as JSON.
    pub fn submission_state(&self) -> Json {
        self.lock().post_state()
    }

    /// Lets transport keep what it takes (`true`), or deliver it.
    pub fn hold_transport(&self, held: bool) {
        self.lock().hold_post(held);
        self.inner.news.notify_waiters();
    }

    /// Comes back when there is mail that waits for its time.
    pub async fn mail_waits(&self) {
        while !self.lock().post_waits() {
            self.inner.waiting.notified().await;
        }
    }

    /// Sends and delivers what is due by the clock of the organisation.
    pub fn settle_submissions(&self) {
        if self.lock().settle_post() {
            self.inner.news.notify_waiters();
        }
    }

    /// Every message that was sent from number `after` on: from whom, to whom, and what became of it, as JSON.
    pub fn deliveries(&self, after: usize) -> Json {
        self.lock().post.ledger.json(after)
    }

    /// Comes back when there are more than so many.
    pub async fn more_deliveries(&self, than: usize) {
        loop {
            let mut news = std::pin::pin!(self.inner.news.notified());
            news.as_mut().enable();
            if self.lock().post.ledger.count() > than {
                return;
            }
            news.await;
        }
    }

    /// How often each message was sent, kept and delivered, by Message-ID, as JSON.
    pub fn deliveries_by_id(&self) -> Json {
        self.lock().deliveries_by_id()
    }

    /// Forgets what was sent so far.
    pub fn forget_deliveries(&self) {
        self.lock().post.ledger = Default::default();
    }

    /// What left the organisation, as JSON: all of it without sources, or one message with its source.
    ///
    /// # Errors
    /// There is no message of that number.
    pub fn outside(&self, number: Option<usize>) -> Result<Json, String> {
        let organisation = self.lock();
        match number {
            None => Ok(organisation.post.outside.json()),
            Some(number) => organisation.post.outside.one(number).ok_or_else(|| format!("no message {number}")),
        }
    }

    /// Forgets what left the organisation.
    pub fn forget_outside(&self) {
        self.lock().post.outside.forget();
    }

    /// Lets the world outside refuse an address, or a domain such as `@x.example`, with a status such as `5.1.1`;
    /// without one it takes mail for it again.
    pub fn refuse_outside(&self, address: &str, status: Option<&str>) {
        self.lock().post.outside.refuse(address, status);
    }

    /// Gives a mailbox or a list one address more.
    ///
    /// # Errors
    /// Nobody has the first address, or somebody the second.
    pub fn add_alias(&self, address: &str, alias: &str) -> Result<(), String> {
        let mut organisation = self.lock();
        if organisation.directory.known_as(alias).is_some() {
            return Err(format!("somebody has the address {alias}"));
        }
        match organisation.directory.add_alias(address, alias) {
            true => Ok(()),
            false => Err(format!("nobody has the address {address}")),
        }
    }

    /// Makes a distribution list, in place of one with the same address.
    pub fn add_list(&self, address: &str, name: &str, members: Vec<String>) {
        self.add_to_directory(Entry { kind: EntryKind::List, members, ..Entry::person(address, name) });
    }

    /// Lets a mailbox or list take mail only from `user`, and from others that were named before.
    pub fn restrict(&self, address: &str, user: &str) {
        self.lock().post.restricted.push((address.to_owned(), user.to_owned()));
    }

    /// Lets one mailbox hold so many bytes.
    ///
    /// # Errors
    /// There is no such mailbox.
    pub fn set_mailbox_quota(&self, mailbox: &str, bytes: u64) -> Result<(), String> {
        let mut organisation = self.lock();
        let index = organisation.named(mailbox).ok_or_else(|| format!("no mailbox {mailbox}"))?;
        organisation.mailboxes[index].quota = bytes;
        Ok(())
    }
}
