//! A client hands a message over: it is sent, or it is on disk, or the client is told why not.

use std::sync::Arc;

use jiff::Timestamp;
use mailbox::submit::{Accepted, Header, Refused, Submission, Taker};
use mailbox::{Content, Error, ErrorKind};
use spool::{Entry, Step, digest};

use super::clock::{before, later};
use super::elsewhere::Claimed;
use super::forward::Outcome;
use super::outgoing::Outgoing;
use super::parcel::Parcel;
use super::waiting;
use crate::caller::{caller, on_behalf};
use crate::error::Result;
use crate::live::Live;
use crate::settings::SpoolPolicy;

/// What is known of the same message.
enum Known {
    /// It is sent, or will be.
    Taken(Entry),
    /// It was begun, and nobody knows what came of it.
    Begun(Entry),
    /// Nothing.
    New,
}

impl Live {
    /// Takes a message, whether or not the client waits for the end.
    pub(super) async fn submit(self: &Arc<Self>, submission: Submission) -> Result<Accepted, Refused> {
        let live = Arc::clone(self);
        let work = on_behalf(caller(), async move { Box::pin(live.take_message(submission)).await });
        let stopping = || Error::new(ErrorKind::Unavailable, "the gateway is stopping").into();
        tokio::spawn(work).await.unwrap_or_else(|_| Err(stopping()))
    }

    async fn take_message(self: Arc<Self>, submission: Submission) -> Result<Accepted, Refused> {
        let out = self.outgoing()?;
        out.lead().await?;
        let (message, envelope) = (submission.message.clone(), submission.envelope.clone());
        let digest = blocking(move || digest(&message, &envelope)).await?;
        let _turn = out.turn(&submission.message_id()).await;
        let new = out.entry(&submission, digest);
        let arrived = before(new.accepted, submission.arrived.elapsed());
        let Submission { message, header, .. } = submission;
        // Its client hung up, came again, was quicker, and knows by now that it is not sent.
        if let Some(refused) = out.refused_since(&new.digest, arrived) {
            tracing::info!(user = self.user, id = %new.id, "a message that was refused since it came overtook itself");
            return Err(refused);
        }
        let id = new.id;
        let claimed = match known(out, &new, arrived).await? {
            Known::Taken(before) => {
                tracing::info!(user = self.user, id = %new.id, before = %before.id, "a message that was taken before came again");
                out.is_another(new.id, before.id);
                return Ok(Accepted { by: Taker::Before });
            }
            Known::Begun(before) => {
                tracing::info!(user = self.user, id = %new.id, before = %before.id, "a message that was begun before came again");
                out.is_another(new.id, before.id);
                match out.claim(before).await? {
                    Claimed::Ours(before) => Claimed::Begun(before),
                    elsewhere => elsewhere,
                }
            }
            Known::New => out.claim(new).await?,
        };
        let entry = match claimed {
            Claimed::Ours(entry) => *entry,
            Claimed::Begun(before) => return self.go_on(out, *before, (message, header)).await,
            Claimed::Taken(before) => {
                tracing::info!(user = self.user, %id, %before, "a message came again that another node has taken");
                out.is_another(id, before);
                return Ok(Accepted { by: Taker::Before });
            }
        };
        if out.settings.spool == SpoolPolicy::Always {
            return Ok(keep(out, Entry { step: Step::Waiting, ..entry }, message).await?);
        }
        let parcel = parcel(&entry, &message, &header).await?;
        let entry = Entry { quiet: self.is_copy_unwanted(out, &header).await?, ..entry };
        let row = entry.clone();
        out.spooled(move |spool| spool.put(&row)).await?;
        let outcome = self.hand_over(out, &entry, (&header, &parcel), None).await;
        self.settle(out, entry, (message, header), outcome).await
    }

    /// Takes a message up that was begun before, here or at another node.
    async fn go_on(
        self: &Arc<Self>,
        out: &Outgoing,
        before: Entry,
        (message, header): (Content, Header),
    ) -> Result<Accepted, Refused> {
        let row = before.clone();
        out.spooled(move |spool| if spool.get(row.id)?.is_none() { spool.put(&row) } else { Ok(()) }).await?;
        let parcel = parcel(&before, &message, &header).await?;
        let outcome = self.forward(out, &before, (&header, &parcel)).await;
        self.settle(out, before, (message, header), outcome).await
    }

    /// What a try came to is on disk before anybody hears of it.
    async fn settle(
        self: &Arc<Self>,
        out: &Outgoing,
        entry: Entry,
        (message, header): (Content, Header),
        outcome: Outcome,
    ) -> Result<Accepted, Refused> {
        let (id, now) = (entry.id, out.clock.now());
        match outcome {
            Outcome::Sent => {
                // Exchange has it, whatever the disk says: at worst it is looked for once more.
                drop(out.spooled(move |spool| spool.sent(id, now)).await);
                out.sent_elsewhere(&entry).await;
                self.mark_originals(&header);
                Ok(Accepted { by: Taker::Exchange })
            }
            Outcome::Gone => Err(Error::new(ErrorKind::Unavailable, "the message was taken out of the spool").into()),
            Outcome::Refused(refused) => {
                out.note_refused(&entry, &refused);
                out.give_up_elsewhere(&entry).await;
                out.spooled(move |spool| spool.forget(id)).await?;
                Err(refused)
            }
            Outcome::NotNow(error) if out.settings.spool == SpoolPolicy::Never || error.kind == ErrorKind::SignIn => {
                out.give_up_elsewhere(&entry).await;
                out.spooled(move |spool| spool.forget(id)).await?;
                Err(error.into())
            }
            Outcome::NotNow(error) => {
                let next = later(now, waiting::delay(1, &error));
                tracing::info!(user = self.user, %id, %error, "a message is kept until Exchange takes it");
                let entry = Entry { step: Step::Waiting, tries: 1, next, trouble: Some(error.to_string()), ..entry };
                Ok(keep(out, entry, message).await?)
            }
            // Whatever the operator wants kept: a client that is told to bring it again may bring it as another message (a new
            // Date, a new Message-ID), and nobody could know that it is the one that may be sent. So it is told that this one is
            // taken, and that is so: it will be sent, or come back with a report.
            Outcome::Unknown(error) => {
                tracing::info!(user = self.user, %id, %error, "a message is kept until it is known whether it was sent");
                let entry =
                    Entry { step: Step::Given, changed: now, tries: 1, trouble: Some(error.to_string()), ..entry };
                let next = out.open_until(&entry);
                Ok(keep(out, Entry { next, ..entry }, message).await?)
            }
            Outcome::Open(error, next) => {
                tracing::info!(user = self.user, %id, %error, "a message is kept until it is known whether it was sent");
                let trouble = Some(error.to_string());
                Ok(keep(out, Entry { step: Step::Given, next, trouble, ..entry }, message).await?)
            }
        }
    }
}

/// What is known of this message. A Message-ID of the client's own makes two submissions of the same octets to the same people
/// one message if nobody was told of the first; without one, only a submission that is not done yet is taken up again. A client
/// that hung up and came again may have been told of the later one while the first was on its way here.
async fn known(out: &Outgoing, new: &Entry, arrived: Timestamp) -> Result<Known> {
    let (owner, digest, since) = (new.owner.clone(), new.digest, before(new.accepted, AGAIN));
    let found = out.spooled(move |spool| spool.same(&owner, &digest, since, arrived)).await?;
    for entry in found {
        match entry.step {
            Step::Given | Step::Waiting if !entry.kept => return Ok(Known::Begun(entry)),
            Step::Given | Step::Waiting | Step::Sent if entry.message_id.is_some() => return Ok(Known::Taken(entry)),
            _ => {}
        }
    }
    Ok(Known::New)
}

/// The gateway has it now.
async fn keep(out: &Outgoing, entry: Entry, message: Content) -> Result<Accepted> {
    let id = entry.id;
    if let Err(error) = out.keep_elsewhere(&entry).await {
        out.spooled(move |spool| spool.forget(id)).await?;
        return Err(error);
    }
    out.spooled(move |spool| {
        // What was noted on the way, such as the draft that was made, stays.
        let known = spool.get(entry.id)?.unwrap_or_else(|| entry.clone());
        spool.keep(&Entry { kept: true, quiet: known.quiet, draft: known.draft, ..entry }, &message)
    })
    .await?;
    out.wake.notify_one();
    Ok(Accepted { by: Taker::Gateway })
}

/// What Exchange is given of a message.
pub(super) async fn parcel(entry: &Entry, message: &Content, header: &Header) -> Result<Parcel> {
    let (entry, message, header) = (entry.clone(), message.clone(), header.clone());
    blocking(move || Parcel::new(entry.id, &entry.envelope, (&message, &header), entry.accepted)).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)??)
}

/// For how long a message is known again: as long as clients try on by themselves.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(6 * 60 * 60);
