//! The way of a message from its author to its recipients.
//!
//! CreateItem, SendItem and UpdateItem hand a message in. It is refused at once (no recipients, somebody else's name,
//! too large, no room), or taken: it then waits in its folder (deferred, or too many a minute), or goes on to transport,
//! and a copy stays where the sender wants it. Transport expands lists, stamps the copies that are delivered, puts them
//! into inboxes or out of the house, and reports what could not be delivered.
//!
//! | what | as | source |
//! |---|---|---|
//! | no or bad recipients | ErrorInvalidRecipients | R/responsecode ErrorMissingRecipients |
//! | From is somebody else, without the right to send for him | ErrorSendAsDenied, and of a new message a draft stays | R/responsecode |
//! | larger than MaxSendSize | ErrorMessageSizeExceeded | R/responsecode |
//! | the mailbox is over ProhibitSendQuota | ErrorQuotaExceeded | R/responsecode |
//! | more recipients a day than RecipientRateLimit | ErrorSubmissionQuotaExceeded | R/responsecode |
//! | more messages a minute than MessageRateLimit | taken; waits | Set-ThrottlingPolicy |
//! | PidTagDeferredSendTime | taken; waits | MS-OXOMSG 2.2.3.4 |
//! | more recipients than RecipientLimits | taken; report 5.5.3 | Exchange's message limits |
//! | nobody of that name here | taken; report 5.1.10 (5.1.1 until 2013) | Exchange's list of report codes |
//! | the recipient's mailbox is full | taken; report 5.2.2 | the same |
//! | larger than the recipient's MaxReceiveSize | taken; report 5.2.3 | the same |
//! | the recipient takes mail from few only | taken; report 5.7.1 | the same |

mod author;
mod ledger;
mod limits;
mod outside;
mod queue;
mod receipt;
mod report;
mod route;
mod stamp;
mod transport;

use crate::{
    compose::date,
    exchange::Organisation,
    mime::parse::{Parsed, Person, parse},
    op::{FolderPlace, Trouble},
    store::{EventKind, Item, Subject},
};

pub(crate) use author::Right;
pub(crate) use ledger::Ledger;
pub use limits::{Limits, Waiting};
pub(crate) use outside::Outside;
use queue::Waiter;
pub(crate) use receipt::{deleted_unread, marked_read, settle as settle_receipt};
pub(crate) use stamp::new_message_id;
use transport::Mail;
pub(crate) use transport::{arrive, carry_letter, mailboxes};

/// What the organisation keeps of mail on its way.
#[derive(Default)]
pub(crate) struct Post {
    pub(crate) limits: Limits,
    /// Who may send as whom, or on whose behalf.
    pub(crate) rights: Vec<Right>,
    /// Addresses that take mail from some only: the address, and who may.
    pub(crate) restricted: Vec<(String, String)>,
    pub(crate) ledger: Ledger,
    pub(crate) outside: Outside,
    /// Messages in their folders until their time comes.
    waiting: Vec<Waiter>,
    /// Messages that were taken and are not delivered yet.
    queue: Vec<Mail>,
    /// Transport takes messages and delivers none.
    held: bool,
    rates: queue::Rates,
}

impl Post {
    /// Whether an address takes mail from some only, of whom this author is none.
    pub(crate) fn refuses(&self, address: &str, author: &str) -> bool {
        let mut rules = self.restricted.iter().filter(|(known, _)| known.eq_ignore_ascii_case(address)).peekable();
        rules.peek().is_some() && !rules.any(|(_, who)| who.eq_ignore_ascii_case(author))
    }
}

/// A message that somebody wants to be sent.
pub(crate) struct Submission {
    /// The mailbox of the one who sends.
    pub(crate) from: usize,
    /// The mailbox it is written in, whose owner is the author if the message names none.
    pub(crate) principal: usize,
    pub(crate) item: Item,
    /// Where a copy is kept.
    pub(crate) copy: Option<FolderPlace>,
    /// Where the message is, if it was saved before.
    pub(crate) saved: Option<(FolderPlace, u64)>,
}

/// Takes a message, or refuses it.
pub(crate) fn submit(organisation: &mut Organisation, submission: Submission) -> Result<(), Trouble> {
    let mut submission = submission;
    let (from, item) = (submission.from, &mut submission.item);
    let parsed = parse(&item.bytes());
    let people = recipients(&parsed)?;
    let author = author::of(organisation, from, submission.principal, parsed.from.as_ref())?;
    let now = organisation.now();
    limits::check(organisation, from, u64::from(item.length()), people.len(), now)?;
    stamp::submitted(organisation, item, &parsed, &author, now);
    let due = queue::due(organisation, from, item, now);
    if due > now {
        return queue::wait(organisation, due, submission);
    }
    let Submission { item, copy, saved, .. } = submission;
    transmit(organisation, from, item, copy, saved);
    Ok(())
}

/// Sends a message that was taken: it leaves its folder, a copy stays, and transport has it.
fn transmit(
    organisation: &mut Organisation,
    from: usize,
    mut item: Item,
    copy: Option<FolderPlace>,
    saved: Option<(FolderPlace, u64)>,
) {
    if let Some((place, key)) = saved {
        let mailbox = &mut organisation.mailboxes[place.mailbox];
        mailbox.remove(place.folder, key);
        mailbox.notify(EventKind::Deleted, Subject::Item { folder: place.folder, item: key }, None);
        mailbox.notify_folder(place.folder);
    }
    let now = organisation.now();
    item.extra_mut().submitted = false;
    (item.draft, item.read, item.transported) = (false, true, false);
    let mail = transport::mail(organisation, from, &item, copy, now);
    if let Some(place) = copy {
        (item.received_at, item.created_at) = (now, now);
        transport::recognise_copy(organisation, place, &mut item);
        let mailbox = &mut organisation.mailboxes[place.mailbox];
        if let Some(key) = mailbox.insert(place.folder, item) {
            mailbox.notify(EventKind::Created, Subject::Item { folder: place.folder, item: key }, None);
            mailbox.notify_folder(place.folder);
        }
    }
    transport::accept(organisation, mail, now);
}

/// What was written beside the name of a field of recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    To,
    Cc,
    Bcc,
}

/// Everybody a message is for, each once.
fn recipients(parsed: &Parsed) -> Result<Vec<(Person, Role)>, Trouble> {
    let fields = [(&parsed.to, Role::To), (&parsed.cc, Role::Cc), (&parsed.bcc, Role::Bcc)];
    let mut seen = std::collections::HashSet::new();
    let mut all = Vec::new();
    for (people, role) in fields {
        for person in people {
            if !is_address(&person.address) {
                return Err(invalid_recipients());
            }
            if seen.insert(person.address.to_lowercase()) {
                all.push((person.clone(), role));
            }
        }
    }
    match all.is_empty() {
        true => Err(invalid_recipients()),
        false => Ok(all),
    }
}

fn invalid_recipients() -> Trouble {
    Trouble::new("ErrorInvalidRecipients", "At least one recipient isn't valid.")
}

/// `local@domain`, neither of them empty, and no blank anywhere but in a quoted `local`.
fn is_address(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let blank = |text: &str| text.contains(char::is_whitespace);
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let sound = !local.is_empty() && !domain.is_empty() && !address.contains(char::is_control);
    sound && !blank(domain) && (quoted || !blank(local))
}

/// The part of an address after the `@`.
fn domain(address: &str) -> &str {
    address.rsplit('@').next().unwrap_or_default()
}

/// What a server in that domain calls itself.
fn server(address: &str) -> String {
    format!("EX01.{}", domain(address))
}

/// `from a by b; date`, as a trace field (RFC 5321 section 4.4).
fn trace(from: &str, by: &str, with: &str, at: crate::time::Seconds) -> String {
    format!("Received: from {from} (10.0.0.11) by {by}\r\n (10.0.0.12) with {with}; {}\r\n", date(at))
}
