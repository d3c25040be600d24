//! One try: a message to Exchange, or the news that it has it.
//!
//! Exchange is given the message and sends it in one call, with a copy in Sent Items that carries the submission's id. Where
//! no copy is wanted nothing would tell afterwards whether it was sent; so a draft is made first, which is gone once it is.
//!
//! A connection that is lost does not end what Exchange does for it. So a look tells nothing for good until Exchange must be
//! done (`submit.lost_answer_seconds`): the one look that is needed is taken then, before the next try.

use std::sync::Arc;

use ews::op::create_item::{CreateItem, Disposition};
use ews::op::find_in_folders::FindInFolders;
use ews::op::send_item::SendItem;
use ews::{Comparison, DistinguishedFolder, ErrorKind as Theirs, ItemId, ItemShape, Restriction, Value};
use jiff::Timestamp;
use mailbox::submit::{About, Address, Header, Refused, SubmissionId};
use mailbox::{Error, ErrorKind};
use spool::{Entry, Step};

use super::clock::later;
use super::outgoing::Outgoing;
use super::parcel::Parcel;
use super::waiting::delay;
use crate::append::token_field;
use crate::convert;
use crate::error::{self, Result, Sending, Tried};
use crate::live::Live;

/// What a try came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Exchange has it.
    Sent,
    /// Exchange does not want it.
    Refused(Refused),
    /// Exchange does not have it, and cannot take it now.
    NotNow(Error),
    /// Exchange was given it just now, and may take it yet, or have taken it.
    Unknown(Error),
    /// Exchange was given it before, and nothing new is known; when it can be.
    Open(Error, Timestamp),
    /// Somebody took it back meanwhile.
    Gone,
}

/// Where a message was found.
#[derive(Debug)]
pub(super) enum Found {
    /// Sent; and Exchange's copy in Sent Items, if it is there.
    Sent(Option<ItemId>),
    /// On its way out, after which Exchange makes its copy.
    Leaving,
    /// It is a draft yet.
    Draft(ItemId),
    /// Exchange does not have it.
    Nowhere,
}

impl Live {
    /// Hands a message over that may have been handed over before.
    pub(super) async fn forward(
        self: &Arc<Self>,
        out: &Outgoing,
        entry: &Entry,
        (header, parcel): (&Header, &Parcel),
    ) -> Outcome {
        let mut draft = None;
        if entry.step == Step::Given {
            let until = out.open_until(entry);
            if out.clock.now() < until {
                return Outcome::Open(Error::new(ErrorKind::Unavailable, NOT_KNOWN), until);
            }
            match self.find_sent(entry).await {
                Ok(Found::Sent(copy)) => {
                    self.drop_second_copy(out, entry, header, copy).await;
                    return Outcome::Sent;
                }
                // Its copy is yet to come: if the client filed its own, that has to be waited for.
                Ok(Found::Leaving) => match self.is_copied_since(out, header, entry.accepted).await {
                    Ok(true) if !entry.quiet => {
                        let next = later(out.clock.now(), out.settings.lost_answer);
                        return Outcome::Open(Error::new(ErrorKind::Unavailable, LEAVING), next);
                    }
                    _ => return Outcome::Sent,
                },
                Ok(Found::Draft(id)) => draft = Some(id),
                Ok(Found::Nowhere) => {}
                Err(error) => {
                    let next = later(out.clock.now(), delay(entry.tries + 1, &error));
                    return Outcome::Open(error, next);
                }
            }
        }
        let quiet = match self.is_copy_unwanted(out, header).await {
            Ok(quiet) => quiet,
            Err(error) => return Outcome::NotNow(error),
        };
        let (id, now) = (entry.id, out.clock.now());
        match out.spooled(move |spool| spool.given(id, quiet, now)).await {
            Ok(true) => {}
            Ok(false) => return Outcome::Gone,
            Err(error) => return Outcome::NotNow(error),
        }
        self.hand_over(out, &Entry { quiet, step: Step::Given, ..entry.clone() }, (header, parcel), draft).await
    }

    /// Hands it over, now that the spool says so.
    pub(super) async fn hand_over(
        self: &Arc<Self>,
        out: &Outgoing,
        entry: &Entry,
        (header, parcel): (&Header, &Parcel),
        draft: Option<ItemId>,
    ) -> Outcome {
        let outcome = match (draft, entry.quiet) {
            (Some(draft), _) => self.send_draft(out, entry, header, draft).await,
            (None, true) => match self.make_draft(entry, header, parcel).await {
                Ok(draft) => self.send_draft(out, entry, header, draft).await,
                Err(outcome) => outcome,
            },
            (None, false) => self.send_at_once(entry, (header, parcel)).await,
        };
        for sender in senders(entry, header) {
            match &outcome {
                Outcome::Sent => self.learn_send_as(sender, false),
                Outcome::Refused(Refused { about: About::Sender(denied), .. }) if denied == sender => {
                    self.learn_send_as(sender, true);
                }
                _ => {}
            }
        }
        outcome
    }

    async fn send_at_once(self: &Arc<Self>, entry: &Entry, (header, parcel): (&Header, &Parcel)) -> Outcome {
        let mut message = parcel.item();
        message.extended.push((token_field(), Value::Text(token(entry.id))));
        let ask = CreateItem {
            disposition: Disposition::SendAndSaveCopy,
            folder: Some(DistinguishedFolder::SentItems.into()),
            message,
        };
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return Outcome::NotNow(error),
        };
        let error = match client.call(&ask).await {
            Ok(_) => return Outcome::Sent,
            Err(error) => error,
        };
        let outcome = self.judge_sending(entry, header, &error);
        match &outcome {
            Outcome::Refused(_) if error.code.is_some() => self.clear_away(entry),
            Outcome::Unknown(_) => {
                tracing::info!(user = self.user, id = %entry.id, %error, "it is not known whether a message was sent");
            }
            _ => {}
        }
        outcome
    }

    /// # Errors
    /// What it came to, if there is no draft.
    async fn make_draft(&self, entry: &Entry, header: &Header, parcel: &Parcel) -> Result<ItemId, Outcome> {
        let mut message = parcel.item();
        message.extended.push((token_field(), Value::Text(token(entry.id))));
        let folder = Some(DistinguishedFolder::Drafts.into());
        let client = self.client().map_err(Outcome::NotNow)?;
        let error = match client.call(&CreateItem { disposition: Disposition::SaveOnly, folder, message }).await {
            Ok(Some(id)) => return Ok(id),
            Ok(None) => ews::Error::told(Theirs::Protocol, "the answer has no item id"),
            Err(error) => error,
        };
        Err(self.judge_sending(entry, header, &error))
    }

    async fn send_draft(self: &Arc<Self>, out: &Outgoing, entry: &Entry, header: &Header, draft: ItemId) -> Outcome {
        let (id, item) = (entry.id, draft.id.clone());
        match out.spooled(move |spool| spool.drafted(id, Some(&item))).await {
            Ok(true) => {}
            Ok(false) => return Outcome::Gone,
            Err(error) => return Outcome::Unknown(error),
        }
        if let Err(error) = out.drafted_elsewhere(entry, &draft.id).await {
            return Outcome::Unknown(error);
        }
        let entry = Entry { draft: Some(draft.id.clone()), ..entry.clone() };
        let save_to = (!entry.quiet).then(|| DistinguishedFolder::SentItems.into());
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return Outcome::Unknown(error),
        };
        let answer = client.call(&SendItem { items: vec![draft.clone()], save_to }).await;
        let answer = answer.and_then(|mut items| match items.pop() {
            // A draft that is not there any more, or not as it was, may have been sent.
            Some(Err(gone)) if matches!(gone.kind, Theirs::NotFound | Theirs::Stale) => {
                Err(ews::Error { sent: ews::Sent::MaybeDone, ..gone.into() })
            }
            Some(answer) => answer.map_err(ews::Error::from),
            None => Err(ews::Error { sent: ews::Sent::MaybeDone, ..ews::Error::told(Theirs::Protocol, "no answer") }),
        });
        let error = match answer {
            Ok(()) => return Outcome::Sent,
            Err(error) => error,
        };
        match self.judge_sending(&entry, header, &error) {
            Outcome::Refused(refused) => {
                self.discard_draft(draft).await;
                Outcome::Refused(refused)
            }
            // There is a draft, which is found by the next try.
            Outcome::NotNow(ours) => Outcome::Unknown(ours),
            outcome => outcome,
        }
    }

    /// Exchange may leave in Drafts what it made of a message before it refused to send it. Nobody waits for this.
    fn clear_away(self: &Arc<Self>, entry: &Entry) {
        let (live, entry) = (Arc::clone(self), entry.clone());
        self.spawn(async move {
            match live.find_sent(&entry).await {
                Ok(Found::Draft(draft)) => live.discard_draft(draft).await,
                Ok(Found::Nowhere) => {}
                Ok(Found::Sent(_) | Found::Leaving) => {
                    tracing::error!(user = live.user, id = %entry.id, "Exchange sent what it refused")
                }
                Err(error) => {
                    tracing::info!(user = live.user, %error, "nobody knows whether a draft is left in Drafts")
                }
            }
        });
    }

    /// A draft that will not be sent is nobody's.
    async fn discard_draft(&self, draft: ItemId) {
        self.take_away(draft, "the draft of a message that was refused is left in Drafts").await;
    }

    async fn take_away(&self, item: ItemId, or: &str) {
        use ews::op::DeleteType;
        use ews::op::delete_item::DeleteItem;
        let Ok(client) = self.client() else { return };
        if let Err(error) = client.call(&DeleteItem::quietly([item], DeleteType::HardDelete)).await {
            tracing::info!(user = self.user, %error, "{or}");
        }
    }

    /// While nobody knew that Exchange makes a copy, the client may have put its own into Sent Items, which stays.
    async fn drop_second_copy(&self, out: &Outgoing, entry: &Entry, header: &Header, copy: Option<ItemId>) {
        let Some(copy) = copy.filter(|_| !entry.quiet) else { return };
        match self.is_copied_since(out, header, entry.accepted).await {
            Ok(true) => self.take_away(copy, "a second copy is left in Sent Items").await,
            Ok(false) => {}
            Err(error) => tracing::info!(user = self.user, %error, "a second copy may be left in Sent Items"),
        }
    }

    /// Looks for a message by its submission's id, in one call.
    pub(super) async fn find_sent(&self, entry: &Entry) -> Result<Found> {
        use DistinguishedFolder::{DeletedItems, Drafts, Outbox, SentItems};
        let tried = Tried::new("the message could not be looked for");
        let ask = FindInFolders {
            // In the order of its way, since it may go on while one after the other is searched.
            folders: [Drafts, Outbox, SentItems, DeletedItems].into_iter().map(Into::into).collect(),
            shape: ItemShape::of([convert::MESSAGE_FLAGS.into()]),
            restriction: Restriction::Compare(token_field().into(), Comparison::Equal, token(entry.id)),
            most: 1,
        };
        let answers = self.client()?.call(&ask).await.map_err(|error| self.failed(&tried, &error))?;
        let mut found = Vec::with_capacity(answers.len());
        for answer in answers {
            match answer {
                Ok(page) => found.push(page.items.into_iter().next()),
                // It has no such folder.
                Err(error) if error.kind == Theirs::NotFound => found.push(None),
                Err(error) => return Err(tried.refused(&error)),
            }
        }
        Ok(match found.as_slice() {
            [_, _, Some(item), ..] => Found::Sent(item.id.clone()),
            [_, Some(_), ..] => Found::Leaving,
            // What Exchange has yet to send may wait in Drafts, too.
            [Some(item), ..] if has_flag(item, SUBMITTED) => Found::Leaving,
            // Its copy may have been thrown away already.
            [_, _, _, Some(item)] if !has_flag(item, UNSENT) => Found::Sent(None),
            [Some(ews::Item { id: Some(draft), .. }), ..] => Found::Draft(draft.clone()),
            // Whatever was a draft and is none any more was sent.
            _ if entry.draft.is_some() => Found::Sent(None),
            _ => Found::Nowhere,
        })
    }

    /// What an error of sending means.
    fn judge_sending(&self, entry: &Entry, header: &Header, error: &ews::Error) -> Outcome {
        let recipients: Vec<&Address> = entry.envelope.recipients.iter().map(|recipient| &recipient.address).collect();
        let sender = senders(entry, header).into_iter().find(|sender| !self.is_own(sender));
        let sender = sender.or(entry.envelope.sender.as_ref());
        // A refused password is noted on the way.
        let ours = self.failed(&Tried::new("the message could not be sent"), error);
        if error::broke_midway(error) {
            return Outcome::Unknown(ours);
        }
        let refused = error::refused(&Sending { sender, recipients: &recipients }, error);
        match (refused.error.kind, &refused.about) {
            (ErrorKind::Busy { .. } | ErrorKind::Unavailable | ErrorKind::Administrator, About::Message) => {
                Outcome::NotNow(refused.error)
            }
            (ErrorKind::SignIn, _) => Outcome::NotNow(refused.error),
            _ => Outcome::Refused(refused),
        }
    }

    fn is_own(&self, address: &Address) -> bool {
        let own = self.outgoing.as_ref().and_then(|out| out.address.as_deref());
        own.is_some_and(|own| own.eq_ignore_ascii_case(&address.to_string()))
    }
}

/// Whether an item has a flag (MS-OXCMSG 2.2.1.6).
fn has_flag(item: &ews::Item, flag: i64) -> bool {
    let flags = item.extended.get(&convert::MESSAGE_FLAGS).and_then(Value::as_integer);
    flags.is_some_and(|flags| flags & flag != 0)
}

/// In whose names a message goes out.
fn senders<'a>(entry: &'a Entry, header: &'a Header) -> Vec<&'a Address> {
    let named: Vec<&Address> = header.senders().map(|mailbox| &mailbox.address).collect();
    match named.is_empty() {
        true => entry.envelope.sender.iter().collect(),
        false => named,
    }
}

/// What the item carries.
pub(super) fn token(id: SubmissionId) -> String {
    id.to_string()
}

/// Of what was handed over to be sent (mfSubmitted), and of what was not (mfUnsent).
const SUBMITTED: i64 = 4;
const UNSENT: i64 = 8;
const LEAVING: &str = "Exchange has it, and is about to send it";
pub(super) const NOT_KNOWN: &str = "it is not known yet whether Exchange took it";
