//! CreateItem.

use std::borrow::Cow;

use super::{Call, FolderPlace, Reply, Trouble, respond};
use crate::{
    calendar::change::Context,
    compose::{Edits, addresses},
    items,
    meeting::{self, Mailing},
    mime::{
        class,
        parse::{Parsed, Person, parse},
    },
    patch::Patch,
    property::write_item_id,
    soap::{Element, Fault, Writer},
    store::{EventKind, Item, Kind, Subject, Verb},
    submission::{self, Submission, new_message_id},
    time,
};

pub(super) fn create_item(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let replies = request.list("Items").iter().map(|element| create(call, request, element)).collect();
    Ok(respond("CreateItem", "<m:Items/>", replies))
}

/// `MessageDisposition`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposition {
    SaveOnly,
    SendOnly,
    SendAndSaveCopy,
}

impl Disposition {
    /// Reads the attribute, which mail needs and other items do not.
    pub(super) fn read(request: &Element, mail: bool) -> Result<Disposition, Trouble> {
        match request.attribute("MessageDisposition") {
            Some("SendOnly") => Ok(Disposition::SendOnly),
            Some("SendAndSaveCopy") => Ok(Disposition::SendAndSaveCopy),
            None if mail => Err(Trouble::new(
                "ErrorMessageDispositionRequired",
                "Message disposition is required when the item is a message.",
            )),
            _ => Ok(Disposition::SaveOnly),
        }
    }
}

fn create(call: &mut Call<'_>, request: &Element, element: &Element) -> Reply {
    let saved = request.child("SavedItemFolderId");
    let disposition = request.attribute("MessageDisposition");
    if let Some(reply) = meeting::respond(call, element, disposition) {
        return reply;
    }
    let item = match element.name.as_str() {
        "CancelCalendarItem" => return meeting::cancel_item(call, element, disposition),
        "RemoveItem" => return meeting::remove_item(call, element),
        "SuppressReadReceipt" => return suppress_receipt(call, element),
        "ReplyToItem" | "ReplyAllToItem" | "ForwardItem" => response_item(call, element)?,
        name => {
            let kind = Kind::of_element(name)
                .ok_or_else(|| Trouble::new("ErrorInvalidRequest", format!("This server cannot create {name}.")))?;
            let mailbox = saved.and_then(|saved| call.target_folder(Some(saved)).ok()).map_or(call.me, |at| at.mailbox);
            let element = &*with_members(call, element)?;
            let mut item = new_item(kind, element, &call.context(mailbox))?;
            if kind == Kind::Message && element.child("MimeContent").is_none() {
                stamp(&mut item, &call.organisation.mailboxes[call.me].address);
            }
            item
        }
    };
    let mail = matches!(item.kind, Kind::Message);
    let disposition = Disposition::read(request, mail)?;
    if item.kind == Kind::CalendarItem && request.attribute("SendMeetingInvitations").is_none() {
        return Err(Trouble::new(
            "ErrorSendMeetingInvitationsRequired",
            "The SendMeetingInvitations attribute is required for calendar items.",
        ));
    }
    if mail && disposition != Disposition::SaveOnly {
        return send(call, disposition, saved, item);
    }
    let place = match saved {
        Some(_) => call.target_folder(saved)?,
        None => own_folder(call, home(item.kind))?,
    };
    let mailing = Mailing::read(request.attribute("SendMeetingInvitations"));
    let (notices, item) = meeting::invitations(item, mailing);
    let about = item.clone();
    let reply = save(call, place, item)?;
    meeting::send_notices(call.organisation, place.mailbox, &about, notices, mailing);
    Ok(reply)
}

/// Sends a new message. One that is refused because of its author stays as a draft (R/responsecode ErrorSendAsDenied).
fn send(call: &mut Call<'_>, disposition: Disposition, saved: Option<&Element>, item: Item) -> Reply {
    let copy = copy_place(call, disposition == Disposition::SendAndSaveCopy, saved)?;
    call.has_room(call.me, item.size())?;
    let principal = copy.map_or(call.me, |copy| copy.mailbox);
    let draft = copy.map(|_| item.clone());
    let submission = Submission { from: call.me, principal, item, copy, saved: None };
    let outcome = submission::submit(call.organisation, submission);
    if let (Err(trouble), Some(draft)) = (&outcome, draft)
        && trouble.code == "ErrorSendAsDenied"
    {
        let mailbox = &mut call.organisation.mailboxes[principal];
        if let Some(folder) = mailbox.distinguished("drafts")
            && let Some(item) = mailbox.insert(folder, draft)
        {
            mailbox.notify(EventKind::Created, Subject::Item { folder, item }, None);
            mailbox.notify_folder(folder);
        }
    }
    outcome.map(|()| "<m:Items/>".to_owned())
}

/// A message whose recipients are no lists of the sender's own: these, named by their ids, stand for their members.
fn with_members<'a>(call: &Call<'_>, element: &'a Element) -> Result<Cow<'a, Element>, Trouble> {
    let own_list = |mailbox: &Element| {
        mailbox.child("ItemId").filter(|_| mailbox.child_text("MailboxType") == Some("PrivateDL")).cloned()
    };
    let recipients = || element.children.iter().filter(|field| field.name.ends_with("Recipients"));
    if !recipients().any(|field| field.children.iter().any(|mailbox| own_list(mailbox).is_some())) {
        return Ok(Cow::Borrowed(element));
    }
    let mut message = element.clone();
    for field in message.children.iter_mut().filter(|field| field.name.ends_with("Recipients")) {
        let mut people = Vec::new();
        for mailbox in std::mem::take(&mut field.children) {
            match own_list(&mailbox) {
                None => people.push(mailbox),
                Some(id) => {
                    let members = super::expand_dl::private(call, &id)?;
                    people.extend(
                        members.iter().map(|member| Element { name: "Mailbox".to_owned(), ..member.element() }),
                    );
                }
            }
        }
        field.children = people;
    }
    Ok(Cow::Owned(message))
}

/// Where a copy of what is sent is to be kept.
pub(super) fn copy_place(
    call: &Call<'_>,
    keeps: bool,
    saved: Option<&Element>,
) -> Result<Option<FolderPlace>, Trouble> {
    if !keeps {
        return Ok(None);
    }
    let copy = match saved {
        None => own_folder(call, "sentitems")?,
        Some(_) => call.target_folder(saved).map_err(|trouble| match trouble.code {
            "ErrorItemNotFound" | "ErrorFolderNotFound" => {
                Trouble::new("ErrorSavedItemFolderNotFound", "The folder to save the item in could not be found.")
            }
            _ => trouble,
        })?,
    };
    call.only_private(copy)?;
    call.may_create(copy)?;
    Ok(Some(copy))
}

/// R/suppressreadreceipt: the one who reads sends no receipt.
fn suppress_receipt(call: &mut Call<'_>, element: &Element) -> Reply {
    let reference = element.child("ReferenceItemId").ok_or_else(Trouble::not_found)?;
    let place = call.item(&Element { name: "ItemId".to_owned(), ..reference.clone() })?;
    call.may_edit(&place)?;
    let mut due = false;
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    let changed = mailbox.alter(place.folder, place.item, |item| due = submission::settle_receipt(item));
    match (changed, due) {
        (Some(()), true) => Ok("<m:Items/>".to_owned()),
        _ => Err(Trouble::new("ErrorReadReceiptNotPending", "No read receipt is pending for the message.")),
    }
}

/// Where items go that are not told where.
fn home(kind: Kind) -> &'static str {
    match kind {
        Kind::CalendarItem => "calendar",
        Kind::Contact | Kind::DistributionList => "contacts",
        Kind::Task => "tasks",
        Kind::PostItem => "inbox",
        _ => "drafts",
    }
}

pub(super) fn own_folder(call: &Call<'_>, id: &str) -> Result<FolderPlace, Trouble> {
    let folder = call.organisation.mailboxes[call.me].distinguished(id).ok_or_else(Trouble::not_found)?;
    Ok(FolderPlace { mailbox: call.me, folder })
}

fn new_item(kind: Kind, element: &Element, context: &Context) -> Result<Item, Trouble> {
    let mut item = Item::new(kind, None, time::now());
    // A new message is a draft, and nobody has to read what he wrote himself.
    item.draft = kind == Kind::Message;
    if matches!(kind, Kind::Contact | Kind::DistributionList | Kind::Task) {
        // Recorded of contacts: they were never sent.
        item.draft = true;
    }
    item.read = true;
    let mut patch = Patch::default();
    for property in &element.children {
        patch.set(&mut item, property)?;
    }
    if kind == Kind::Message && item.extra.as_ref().is_none_or(|extra| extra.class.is_none()) {
        let class = patch.mime().and_then(class::of);
        if let Some(class) = class {
            item.extra_mut().class = Some(class.to_owned());
        }
    }
    patch.settle(&mut item, context)?;
    let calendar = patch.calendar();
    if patch.flags_set() && item.sent_at.is_none() && item.draft {
        item.sent_at = Some(item.received_at);
    }
    patch.finish(&mut item);
    if let Some(calendar) = calendar {
        Patch::except(&mut item, calendar, context)?;
    }
    Ok(item)
}

/// A message made of properties gets its Message-ID when it is made (recorded from all servers), one made of MIME
/// keeps what it has.
fn stamp(item: &mut Item, address: &str) {
    let bytes = item.bytes();
    let parsed = parse(&bytes);
    if parsed.message_id.is_none() {
        let edits = Edits { fields: vec![("Message-ID", Some(new_message_id(address)))], ..Edits::default() };
        item.set_content(edits.apply(&bytes, &parsed));
    }
}

/// A reply or forward, which starts from another item.
fn response_item(call: &mut Call<'_>, element: &Element) -> Result<Item, Trouble> {
    let reference = element.child("ReferenceItemId").ok_or_else(Trouble::not_found)?;
    let as_item_id = Element { name: "ItemId".to_owned(), ..reference.clone() };
    let place = call.item(&as_item_id)?;
    let view = call.view(place.mailbox, place.folder, place.item)?;
    let original = view.parsed().clone();
    let forward = element.name == "ForwardItem";
    let mut item = Item::new(Kind::Message, None, time::now());
    (item.draft, item.read) = (true, true);
    let mut fields = Vec::new();
    if let Some(id) = &original.message_id {
        let references = format!("{} {id}", original.references.as_deref().unwrap_or_default());
        fields.push(("References", Some(references.trim().to_owned())));
        fields.push(("In-Reply-To", Some(id.clone())));
    }
    let prefix = if forward { "FW: " } else { "RE: " };
    fields.push(("Subject", Some(crate::compose::words(&format!("{prefix}{}", original.subject)))));
    if !forward {
        let to: Vec<Person> = match original.reply_to.is_empty() {
            true => original.from.iter().cloned().collect(),
            false => original.reply_to.clone(),
        };
        fields.push(("To", Some(addresses(&to))));
        if element.name == "ReplyAllToItem" {
            let me = call.organisation.mailboxes[call.me].address.clone();
            let others: Vec<Person> =
                original.to.iter().chain(&original.cc).filter(|person| person.address != me).cloned().collect();
            if !others.is_empty() {
                fields.push(("Cc", Some(addresses(&others))));
            }
        }
    }
    let body = quoted(&original, element.child("NewBodyContent"));
    let attachments = forward.then(|| original.attachments.clone());
    let edits = Edits { fields, body: Some(body), attachments };
    item.set_content(edits.apply(b"", &Default::default()));
    let mut patch = Patch::default();
    for property in &element.children {
        if !matches!(property.name.as_str(), "ReferenceItemId" | "NewBodyContent") {
            patch.set(&mut item, property)?;
        }
    }
    patch.finish(&mut item);
    let verb = match element.name.as_str() {
        "ReplyToItem" => 102,
        "ReplyAllToItem" => 103,
        _ => 104,
    };
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    let subject = Subject::Item { folder: place.folder, item: place.item };
    let _ = mailbox.alter(place.folder, place.item, |item| {
        item.extra_mut().verb = Some(Verb { verb, at: time::now() });
    });
    mailbox.notify(EventKind::Modified, subject, None);
    Ok(item)
}

/// New text above that of the message it answers, with what Outlook says in between; whether it is HTML, and the text.
fn quoted(original: &Parsed, new: Option<&Element>) -> (bool, String) {
    let fresh = new.map_or("", |body| body.text.as_str());
    let fresh_html = new.is_some_and(|body| body.attribute("BodyType") == Some("HTML"));
    let people = |people: &[Person]| {
        people.iter().map(|one| format!("{} <{}>", one.name, one.address)).collect::<Vec<_>>().join("; ")
    };
    let from: Vec<Person> = original.from.iter().cloned().collect();
    let about = [("From", people(&from)), ("To", people(&original.to)), ("Subject", original.subject.clone())];
    let about: String = about.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    if !fresh_html && original.html.is_none() {
        return (false, format!("{fresh}\r\n\r\n{about}\r\n{}", original.text.as_deref().unwrap_or_default()));
    }
    let escaped = |text: &str| {
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        format!("<div>{}</div>\r\n", escaped.replace("\r\n", "<br>\r\n"))
    };
    let fresh = if fresh_html { fresh.to_owned() } else { escaped(fresh) };
    let old = match (&original.html, &original.text) {
        (Some(html), _) => html.clone(),
        (None, text) => escaped(text.as_deref().unwrap_or_default()),
    };
    (true, format!("{fresh}<hr>{}{old}", escaped(&about)))
}

/// Puts an item into a folder and answers with its id.
fn save(call: &mut Call<'_>, place: FolderPlace, mut item: Item) -> Reply {
    call.may_create(place)?;
    if place.mailbox != call.me {
        item.extra_mut().creator = Some(call.organisation.mailboxes[call.me].address.clone());
    }
    let element = format!("t:{}", item.kind.facts().0);
    let folder = call.organisation.mailboxes[place.mailbox].folders.get(&place.folder);
    if let Some(trouble) = items::misplaced(item.kind, folder.and_then(|folder| folder.class.as_deref())) {
        return Err(trouble);
    }
    items::settle(call.organisation, place.mailbox, None, &mut item);
    call.has_room(place.mailbox, item.size())?;
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    let key = mailbox.insert(place.folder, item).ok_or_else(Trouble::not_found)?;
    mailbox.notify(EventKind::Created, Subject::Item { folder: place.folder, item: key }, None);
    mailbox.notify_folder(place.folder);
    let mut w = Writer::new();
    w.open("m:Items", &[]);
    if let Some(item) = mailbox.item(place.folder, key) {
        w.open(&element, &[]);
        write_item_id(&mut w, mailbox, place.folder, item);
        if let Some(numbers) = item.extra.as_ref().and_then(|extra| extra.attachments.as_ref()) {
            // Clients learn the ids of attachments from here.
            let target = |number| crate::store::ids::Target::Attachment { folder: place.folder, item: key, number };
            w.open("t:Attachments", &[]);
            for (number, attachment) in numbers.iter().zip(&parse(&item.bytes()).attachments) {
                let message = attachment.content_type == "message/rfc822";
                let element = if message { "t:ItemAttachment" } else { "t:FileAttachment" };
                w.open(element, &[]);
                w.empty("t:AttachmentId", &[("Id", &mailbox.id(target(*number)))]);
                w.close(element);
            }
            w.close("t:Attachments");
        }
        w.close(&element);
    }
    w.close("m:Items");
    Ok(w.finish())
}
