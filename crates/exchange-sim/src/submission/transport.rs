//! From the sender's mailbox to the recipients' ones.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Role,
    ledger::{Entry, Outcome, Recipient},
    recipients, report,
    report::Failure,
    route::{Leg, Way, legs},
    stamp,
};
use crate::{
    Original, Version,
    exchange::Organisation,
    meeting,
    mime::{
        class,
        parse::{Person, parse},
    },
    op::FolderPlace,
    store::{EventKind, Item, Kind, PropertyKey, Subject, Value},
    time::{self, Seconds},
};

/// A message that transport has taken.
pub(super) struct Mail {
    /// Its number in the ledger.
    pub(super) number: usize,
    /// The mailbox it was sent from.
    from: usize,
    /// Where reports about it go.
    pub(super) return_to: String,
    pub(super) author: Person,
    /// With Bcc.
    pub(super) message: Arc<[u8]>,
    pub(super) message_id: Option<String>,
    pub(super) subject: String,
    people: Vec<(Person, Role)>,
    attachments: bool,
    /// The sender wants to know that it arrived.
    wants_delivery_receipt: bool,
    /// PidTagOriginatorNonDeliveryReportRequested is false: the sender does not want to know that it did not.
    wants_silence: bool,
    /// Named properties, which travel with a message inside an organisation.
    properties: BTreeMap<PropertyKey, Value>,
    submitted: Seconds,
    /// PidTagDeferredDeliveryTime: transport keeps it until then (MS-OXOMSG 2.2.3.5).
    pub(super) not_before: Seconds,
}

/// Makes mail of an item that is ready to be sent, and notes it.
pub(super) fn mail(
    organisation: &mut Organisation,
    from: usize,
    item: &Item,
    copy: Option<FolderPlace>,
    now: Seconds,
) -> Mail {
    let message = item.bytes();
    let parsed = parse(&message);
    let author = parsed.from.clone().unwrap_or_default();
    let properties = item.extra.as_ref().map(|extra| extra.properties.clone()).unwrap_or_default();
    let later = match properties.get(&PropertyKey::Tag(0x000f)) {
        Some(Value::Time(at)) => *at,
        _ => now,
    };
    let wants_silence = properties.get(&PropertyKey::Tag(0x0c08)) == Some(&Value::Flag(false));
    let copy = copy.and_then(|place| {
        let mailbox = organisation.mailboxes.get(place.mailbox)?;
        Some((mailbox.address.clone(), mailbox.folders.get(&place.folder)?.name.clone()))
    });
    let entry = Entry {
        kind: "message",
        at: now,
        sender: Some(organisation.mailboxes[from].address.clone()),
        author: author.address.clone(),
        message_id: parsed.message_id.clone(),
        subject: parsed.subject.clone(),
        size: message.len(),
        copy,
        recipients: Vec::new(),
    };
    Mail {
        number: organisation.post.ledger.note(entry),
        from,
        return_to: parsed.sender.as_ref().unwrap_or(&author).address.clone(),
        author,
        message_id: parsed.message_id.clone(),
        subject: parsed.subject.clone(),
        people: recipients(&parsed).unwrap_or_default(),
        attachments: parsed.has_attachments,
        wants_delivery_receipt: parsed.delivery_receipt_to.is_some(),
        wants_silence,
        properties: properties.into_iter().filter(|(key, _)| matches!(key, PropertyKey::Named(..))).collect(),
        submitted: now,
        not_before: later,
        message,
    }
}

/// Delivers mail now, or keeps it for later.
pub(super) fn accept(organisation: &mut Organisation, mail: Mail, now: Seconds) {
    match organisation.post.held || mail.not_before > now {
        true => organisation.post.queue.push(mail),
        false => deliver(organisation, mail, now),
    }
}

/// Delivers mail to everybody it is for, and reports what could not be.
pub(super) fn deliver(organisation: &mut Organisation, mail: Mail, now: Seconds) {
    let too_many = organisation.post.limits.recipients.is_some_and(|most| mail.people.len() > most);
    let (mode, salt) = (organisation.options.mime, organisation.salt);
    organisation.salt += 1;
    let copy = stamp::delivered(&mail.message, &mail.author.address, mail.attachments, mode, salt, now);
    let copy: Arc<[u8]> = Arc::from(copy);
    let class = class::of(&copy);
    let mut settled = Vec::new();
    let (mut outside, mut arrived, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for leg in legs(organisation, &mail.people) {
        let outcome = match leg.way {
            _ if too_many => Err(Failure::new("5.5.3", "RESOLVER.ADR.RecipLimit; too many recipients")),
            Way::Here(owner) => drop_off(organisation, &mail, &leg, owner, &copy, class, now),
            Way::Outside => match organisation.post.outside.refuses(&leg.address) {
                Some(status) => Err(Failure::new(status, &format!("<{}>: recipient refused", leg.address))),
                None => Ok(Outcome::Outside),
            },
            Way::Nobody if organisation.options.version < Version::Exchange2016 => {
                Err(Failure::new("5.1.1", "RESOLVER.ADR.RecipNotFound; not found"))
            }
            Way::Nobody => Err(Failure::new(
                "5.1.10",
                "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
            )),
        };
        let outcome = match outcome {
            Ok(Outcome::Outside) => {
                outside.push(leg.address.clone());
                Outcome::Outside
            }
            Ok(outcome) => outcome,
            Err(failure) => {
                let status = failure.status.clone();
                failed.push((leg.address.clone(), leg.name.clone(), failure));
                Outcome::Failed(status)
            }
        };
        // Members of a list are not told of: the list is the sender's recipient.
        if mail.wants_delivery_receipt && leg.list.is_none() && !matches!(outcome, Outcome::Failed(_)) {
            arrived.push((leg.address.clone(), leg.name.clone(), outcome.clone()));
        }
        settled.push(Recipient { address: leg.address, role: leg.role, list: leg.list, outcome });
    }
    if !outside.is_empty() {
        organisation.post.outside.take(Some(&mail.return_to), outside, Arc::from(stamp::leaving(&copy)));
    }
    organisation.post.ledger.settle(mail.number, settled);
    copy_for_author(organisation, &mail, now);
    if !mail.wants_silence {
        report::undeliverable(organisation, &mail, &failed, now);
    }
    report::delivered(organisation, &mail, &arrived, now);
}

/// Puts a copy into the Sent Items of the author of what somebody else sent, if that is wanted.
fn copy_for_author(organisation: &mut Organisation, mail: &Mail, now: Seconds) {
    let limits = &organisation.post.limits;
    let wanted = match mail.return_to.eq_ignore_ascii_case(&mail.author.address) {
        true => limits.copy_for_send_as,
        false => limits.copy_for_send_on_behalf,
    };
    let author = organisation.resolve(&mail.author.address).filter(|author| wanted && *author != mail.from);
    let Some(author) = author.and_then(|author| organisation.mailboxes.get_mut(author)) else { return };
    let mut item = Item::new(Kind::Message, Some(Original::Bytes(Arc::clone(&mail.message))), now);
    (item.sent_at, item.read) = (Some(mail.submitted), true);
    let extra = item.extra_mut();
    extra.class = class::of(&mail.message).map(str::to_owned);
    extra.properties.clone_from(&mail.properties);
    let Some(folder) = author.distinguished("sentitems").filter(|_| !author.is_full_for(item.size())) else { return };
    if let Some(item) = author.insert(folder, item) {
        author.notify(EventKind::Created, Subject::Item { folder, item }, None);
        author.notify_folder(folder);
    }
}

/// Puts a copy into the mailbox of a recipient.
fn drop_off(
    organisation: &mut Organisation,
    mail: &Mail,
    leg: &Leg,
    owner: usize,
    copy: &Arc<[u8]>,
    class: Option<&'static str>,
    now: Seconds,
) -> Result<Outcome, Failure> {
    let addressed = [Some(leg.address.as_str()), leg.list.as_deref()];
    if addressed.into_iter().flatten().any(|address| organisation.post.refuses(address, &mail.author.address)) {
        return Err(Failure::new("5.7.1", "RESOLVER.RST.NotAuthorized; not authorized"));
    }
    if organisation.post.limits.max_receive.is_some_and(|most| copy.len() as u64 > most) {
        return Err(Failure::new("5.2.3", "RESOLVER.RST.RecipSizeLimit; message too large for this recipient"));
    }
    let mut item = Item::new(Kind::Message, Some(Original::Bytes(Arc::clone(copy))), now);
    item.sent_at = Some(mail.submitted);
    let extra = item.extra_mut();
    extra.class = class.map(str::to_owned);
    extra.properties.clone_from(&mail.properties);
    extra.from_me = owner == mail.from;
    match put(organisation, owner, None, item) {
        true => Ok(Outcome::Delivered),
        false => Err(Failure::new("5.2.2", "STOREDRV.Deliver; mailbox full")),
    }
}

/// Puts a report or receipt into its recipient's mailbox, or sends it out of the house.
pub(super) fn carry_report(
    organisation: &mut Organisation,
    kind: &'static str,
    from: Option<usize>,
    to: &Person,
    message: Vec<u8>,
    now: Seconds,
) {
    let parsed = parse(&message);
    let sender = from.and_then(|from| organisation.mailboxes.get(from)).map(|mailbox| mailbox.address.clone());
    let mut settled = Vec::new();
    let message: Arc<[u8]> = Arc::from(message);
    for leg in legs(organisation, &[(to.clone(), Role::To)]) {
        let outcome = match leg.way {
            Way::Here(owner) => {
                let mut item = Item::new(Kind::Message, Some(Original::Bytes(Arc::clone(&message))), now);
                item.extra_mut().class = class::of(&message).map(str::to_owned);
                match put(organisation, owner, None, item) {
                    true => Outcome::Delivered,
                    false => Outcome::Failed("5.2.2".to_owned()),
                }
            }
            Way::Outside => {
                organisation.post.outside.take(None, vec![leg.address.clone()], Arc::clone(&message));
                Outcome::Outside
            }
            Way::Nobody => Outcome::Failed("5.1.10".to_owned()),
        };
        settled.push(Recipient { address: leg.address, role: leg.role, list: leg.list, outcome });
    }
    organisation.post.ledger.note(Entry {
        kind,
        at: now,
        sender,
        author: parsed.from.map(|from| from.address).unwrap_or_default(),
        message_id: parsed.message_id,
        subject: parsed.subject,
        size: message.len(),
        copy: None,
        recipients: settled,
    });
}

/// The mailboxes that mail to these people comes to, each once.
pub(crate) fn mailboxes(organisation: &Organisation, people: &[Person]) -> Vec<usize> {
    let people: Vec<(Person, Role)> = people.iter().map(|person| (person.clone(), Role::To)).collect();
    let here = |leg: Leg| match leg.way {
        Way::Here(mailbox) => Some(mailbox),
        Way::Outside | Way::Nobody => None,
    };
    legs(organisation, &people).into_iter().filter_map(here).collect()
}

/// Notes a meeting message that was put into the mailboxes it is for, and sends it to those who have none here.
pub(crate) fn carry_letter(organisation: &mut Organisation, from: usize, letter: &Item, people: &[Person], copy: bool) {
    let sender = organisation.mailboxes[from].address.clone();
    let summary = letter.summary();
    let people: Vec<(Person, Role)> = people.iter().map(|person| (person.clone(), Role::To)).collect();
    let mut outside = Vec::new();
    let mut settled = Vec::new();
    for leg in legs(organisation, &people) {
        let outcome = match leg.way {
            // Nobody invites himself by mail.
            Way::Here(owner) if owner == from => continue,
            Way::Here(_) => Outcome::Delivered,
            Way::Outside => {
                outside.push(leg.address.clone());
                Outcome::Outside
            }
            Way::Nobody => Outcome::Failed("5.1.10".to_owned()),
        };
        settled.push(Recipient { address: leg.address, role: leg.role, list: leg.list, outcome });
    }
    organisation.post.outside.take(Some(&sender), outside, letter.bytes());
    let kept = copy.then(|| (sender.clone(), "Sent Items".to_owned()));
    organisation.post.ledger.note(Entry {
        kind: "meeting",
        at: organisation.now(),
        author: sender.clone(),
        sender: Some(sender),
        message_id: summary.message_id.clone(),
        subject: summary.subject.clone(),
        size: letter.bytes().len(),
        copy: kept,
        recipients: settled,
    });
}

/// The copy in Sent Items is what the message is: a meeting message, signed, or a plain one.
pub(super) fn recognise_copy(organisation: &Organisation, place: FolderPlace, item: &mut Item) {
    if item.class() == "IPM.Note" {
        meeting::recognise(&organisation.mailboxes[place.mailbox], item);
    }
}

/// A message comes in from elsewhere: into `folder`, else into the inbox. A mailbox without room takes none.
pub(crate) fn arrive(organisation: &mut Organisation, owner: usize, folder: Option<u64>, message: Original) {
    let mut item = Item::new(Kind::Message, Some(message), time::now());
    if let Some(class) = class::of(&item.bytes()) {
        item.extra_mut().class = Some(class.to_owned());
    }
    put(organisation, owner, folder, item);
}

/// Puts a message into a mailbox; tells whether there was room.
fn put(organisation: &mut Organisation, owner: usize, folder: Option<u64>, mut item: Item) -> bool {
    let mailbox = &mut organisation.mailboxes[owner];
    let Some(folder) = folder.or_else(|| mailbox.distinguished("inbox")) else { return false };
    item.transported = true;
    if mailbox.is_full_for(item.size()) {
        return false;
    }
    if mailbox.distinguished("inbox") == Some(folder) {
        meeting::take_up(mailbox, &mut item);
    }
    if let Some(key) = mailbox.insert(folder, item) {
        // One mail makes three events (documentation capture).
        let subject = Subject::Item { folder, item: key };
        mailbox.notify(EventKind::Created, subject, None);
        mailbox.notify(EventKind::NewMail, subject, None);
        mailbox.notify_folder(folder);
        meeting::answer_for_itself(organisation, owner, folder, key);
    }
    true
}
