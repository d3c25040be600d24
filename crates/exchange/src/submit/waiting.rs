//! What waits on disk is sent as soon as Exchange takes it, or its sender is told.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mailbox::submit::Refused;
use mailbox::{Content, Error, ErrorKind, Flags, NewMessage};
use spool::{Entry, Step};

use super::clock::{between, later};
use super::forward::{Found, NOT_KNOWN, Outcome, token};
use super::outgoing::{Outgoing, header};
use super::report::report;
use super::taking::parcel;
use crate::error::{Result, Tried};
use crate::live::Live;
use crate::rendering::split_header;

impl Live {
    /// Sends what waits, for as long as the mailbox is live.
    pub(crate) async fn send_what_waits(self: Arc<Self>) {
        let Some(out) = &self.outgoing else { return };
        // Once Exchange is back, nobody has to wait for the end of a pause that was made because it was away.
        let mut at_once = false;
        loop {
            let owner = out.owner.clone();
            let next = match out.lead().await {
                Ok(()) => out.spooled(move |spool| spool.next(&owner)).await,
                Err(error) => Err(error),
            };
            let next = match next {
                Ok(next) => next,
                Err(_) => {
                    tokio::time::sleep(GLANCE).await;
                    continue;
                }
            };
            out.is_waiting.store(next.is_some(), Ordering::SeqCst);
            let Some(entry) = next else {
                at_once = false;
                out.wake.notified().await;
                continue;
            };
            let wait = between(out.clock.now(), entry.next);
            let is_due = wait.is_zero() || at_once && entry.step != Step::Given;
            if is_due && !self.is_refused() && !self.is_away() {
                at_once &= self.deal_with(out, entry).await;
                continue;
            }
            // The spool is looked at now and then, since `exgate spool` changes it too.
            let wait = if is_due { GLANCE } else { wait.min(GLANCE) };
            tokio::select! {
                () = out.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
                () = self.returned() => at_once = true,
            }
        }
    }

    /// Somebody signed in with a password that is right, or something is to be sent.
    pub(crate) fn wake_sender(&self) {
        if let Some(out) = &self.outgoing {
            out.wake.notify_one();
        }
    }

    /// One message's turn. False if the next one need not be tried.
    async fn deal_with(self: &Arc<Self>, out: &Outgoing, entry: Entry) -> bool {
        let name = entry.message_id.clone().unwrap_or_else(|| token(entry.id));
        let _turn = out.turn(&name).await;
        let done = match entry.step {
            Step::Failed => self.tell_sender(out, &entry).await,
            _ => self.try_again(out, &entry).await,
        };
        match done {
            Ok(is_fine) => is_fine,
            Err(error) => {
                tracing::warn!(user = self.user, id = %entry.id, %error, "a message that waits cannot be dealt with");
                let (id, step) = (entry.id, entry.step);
                let next = later(out.clock.now(), delay(entry.tries + 1, &error));
                // Why it was not sent stays what its sender is told.
                let text = entry.trouble.filter(|_| step == Step::Failed).unwrap_or_else(|| error.to_string());
                if out.spooled(move |spool| spool.postpone(id, &text, next)).await.is_err() {
                    tokio::time::sleep(GLANCE).await;
                }
                false
            }
        }
    }

    async fn try_again(self: &Arc<Self>, out: &Outgoing, entry: &Entry) -> Result<bool> {
        let (id, now) = (entry.id, out.clock.now());
        if between(entry.accepted, now) >= out.settings.give_up {
            // What may have been sent is no failure before it is known.
            let open = out.open_until(entry);
            if entry.step == Step::Given && now < open {
                out.spooled(move |spool| spool.postpone(id, NOT_KNOWN, open)).await?;
                return Ok(true);
            }
            let is_sent =
                entry.step == Step::Given && matches!(self.find_sent(entry).await?, Found::Sent(_) | Found::Leaving);
            if is_sent {
                out.spooled(move |spool| spool.sent(id, now)).await?;
                return Ok(true);
            }
            let last = entry.trouble.as_deref().unwrap_or("Exchange could not be reached");
            let why = format!("it was tried for {} in vain; the last time: {last}", span(out.settings.give_up));
            out.spooled(move |spool| spool.failed(id, &why, now)).await?;
            return Ok(true);
        }
        let message = out.spooled(move |spool| spool.message(id)).await?;
        let header = header(&message)?;
        let parcel = parcel(entry, &message, &header).await?;
        let outcome = self.forward(out, entry, (&header, &parcel)).await;
        let now = out.clock.now();
        match outcome {
            Outcome::Sent => {
                out.spooled(move |spool| spool.sent(id, now)).await?;
                tracing::info!(user = self.user, %id, "a message that waited is sent");
                self.mark_originals(&header);
                Ok(true)
            }
            Outcome::Gone => Ok(true),
            // Whoever has sent too much waits.
            Outcome::Refused(Refused { error, .. }) if matches!(error.kind, ErrorKind::Busy { .. }) => {
                let (next, text) = (later(now, delay(entry.tries + 1, &error).max(RATE)), error.to_string());
                out.spooled(move |spool| spool.again(id, Step::Waiting, &text, (now, next))).await?;
                Ok(false)
            }
            Outcome::Refused(refused) => {
                tracing::warn!(user = self.user, %id, error = %refused.error, "a message that waited is refused");
                let why = refused.error.to_string();
                out.spooled(move |spool| spool.failed(id, &why, now)).await?;
                Ok(true)
            }
            Outcome::NotNow(error) => {
                let (next, text) = (later(now, delay(entry.tries + 1, &error)), error.to_string());
                out.spooled(move |spool| spool.again(id, Step::Waiting, &text, (now, next))).await?;
                Ok(false)
            }
            Outcome::Unknown(error) => {
                let open = out.open_until(&Entry { changed: now, ..entry.clone() });
                let (next, text) = (open.max(later(now, delay(entry.tries + 1, &error))), error.to_string());
                out.spooled(move |spool| spool.again(id, Step::Given, &text, (now, next))).await?;
                Ok(false)
            }
            Outcome::Open(error, next) => {
                let (is_early, text) = (next <= out.open_until(entry), error.to_string());
                out.spooled(move |spool| spool.postpone(id, &text, next)).await?;
                Ok(is_early)
            }
        }
    }

    /// Puts a report into the sender's inbox: once, by a token of its own.
    async fn tell_sender(self: &Arc<Self>, out: &Outgoing, entry: &Entry) -> Result<bool> {
        let (id, now) = (entry.id, out.clock.now());
        let message = out.spooled(move |spool| spool.message(id)).await?;
        let (block, _) = split_header(&message)?;
        let is_late = between(entry.accepted, entry.changed) >= out.settings.give_up;
        if let Some(text) = report(entry, &block, (now, is_late)) {
            let inbox = ews::DistinguishedFolder::Inbox.into();
            let token = format!("{}-report", token(id));
            let is_there = entry.tries > 0 && !self.carrying(&inbox, &token, 1).await?.is_empty();
            if !is_there {
                let new = NewMessage { content: Content::memory(text), flags: Flags::default(), received: Some(now) };
                self.put_report(&inbox, &new, &token).await?;
            }
            tracing::warn!(user = self.user, %id, "a message was not sent; its sender is told");
        } else {
            tracing::warn!(user = self.user, %id, "a message was not sent, and nobody wants to hear of it");
        }
        out.spooled(move |spool| spool.forget(id)).await?;
        Ok(true)
    }

    async fn put_report(&self, inbox: &ews::FolderRef, new: &NewMessage, token: &str) -> Result<()> {
        use ews::op::create_item::{CreateItem, Disposition};
        let message = self.new_item(new, token).await?;
        let ask = CreateItem { disposition: Disposition::SaveOnly, folder: Some(inbox.clone()), message };
        let made = self.client()?.call(&ask).await;
        made.map(drop).map_err(|error| self.failed(&Tried::new("the report could not be written"), &error))
    }
}

/// How long to wait before the next try: two seconds, doubling to five minutes; the server's own hint wins.
pub(super) fn delay(tries: u32, error: &Error) -> Duration {
    let own = FIRST.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1))).min(LONGEST);
    match error.kind {
        ErrorKind::Busy { retry_after: Some(hint) } => hint,
        _ => own,
    }
}

fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 2 * 86_400 => format!("{} days", seconds / 86_400),
        seconds if seconds >= 2 * 3600 => format!("{} hours", seconds / 3600),
        seconds => format!("{} minutes", seconds / 60),
    }
}

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(300);
/// Exchange counts what is sent by the minute, and by the day.
const RATE: Duration = Duration::from_secs(60);
/// How often the spool is looked at while something waits.
const GLANCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_a_hint_wins() {
        let away = Error::new(ErrorKind::Unavailable, "away");
        let pauses: Vec<u64> = (1..=10).map(|tries| delay(tries, &away).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        let busy = Error::new(ErrorKind::Busy { retry_after: Some(Duration::from_secs(7)) }, "busy");
        assert_eq!(delay(9, &busy).as_secs(), 7);
    }
}
