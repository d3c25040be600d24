//! GetAttachment, CreateAttachment and DeleteAttachment.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Call, ItemPlace, Reply, Trouble, calendar, each, respond};
use crate::{
    Original,
    patch::{Patch, attachment},
    property::{Base, Shape, View, write_attachment_head, write_item, write_photo_mark},
    soap::{Element, Fault, Writer},
    store::{
        EventKind, Item, Kind, Mailbox, Subject,
        ids::{self, Target},
    },
};

pub(super) fn get_attachment(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let shape = Shape::read(request.child("AttachmentShape"), false);
    let replies = each(request.list("AttachmentIds"), |id| read(call, &shape, id));
    Ok(respond("GetAttachment", "<m:Attachments/>", replies))
}

fn read(call: &mut Call<'_>, shape: &Result<Shape, Trouble>, id: &Element) -> Reply {
    let shape = shape.as_ref().map_err(Clone::clone)?;
    let (place, number) = find(call, id)?;
    let version = call.version;
    let item = call.found(&place)?;
    let view = call.view_of(&place, &item)?;
    let attachments = view.attachments();
    let found = attachments.iter().find(|(known, _)| *known == number);
    let (_, attachment) =
        found.ok_or_else(|| Trouble::new("ErrorItemNotFound", "The specified object was not found in the store."))?;
    let mut w = Writer::new();
    w.open("m:Attachments", &[]);
    if attachment.content_type == "message/rfc822" {
        w.open("t:ItemAttachment", &[]);
        write_attachment_head(&mut w, &view, number, attachment);
        let inner =
            Item::new(Kind::Message, Some(Original::Bytes(attachment.bytes.clone().into())), view.item.created_at);
        let inner_view = View::new(view.mailbox, view.folder, &inner, version, view.mime, view.salt);
        let all = Shape { base: Base::AllProperties, ..shape.clone() };
        write_item(&mut w, &inner_view, &all);
        w.close("t:ItemAttachment");
    } else {
        w.open("t:FileAttachment", &[]);
        write_attachment_head(&mut w, &view, number, attachment);
        write_photo_mark(&mut w, &view, number, false);
        w.text("t:Content", &STANDARD.encode(&attachment.bytes));
        w.close("t:FileAttachment");
    }
    w.close("m:Attachments");
    Ok(w.finish())
}

pub(super) fn create_attachment(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let parent = request.child("ParentItemId").map(|id| Element { name: "ItemId".to_owned(), ..id.clone() });
    let replies = request
        .list("Attachments")
        .iter()
        .map(|element| create(call, parent.as_ref().ok_or_else(Trouble::not_found)?, element))
        .collect();
    Ok(respond("CreateAttachment", "<m:Attachments/>", replies))
}

fn create(call: &mut Call<'_>, parent: &Element, element: &Element) -> Reply {
    let place = call.item(parent)?;
    call.may_edit(&place)?;
    let new = attachment(element)?;
    call.has_room(place.mailbox, u64::try_from(new.bytes.len()).unwrap_or(u64::MAX))?;
    let kind = if new.content_type == "message/rfc822" { "t:ItemAttachment" } else { "t:FileAttachment" };
    let mut patch = Patch::default();
    patch.attach(new, element.is_true("IsContactPhoto"));
    let item = call.found(&place)?;
    alter(&mut call.organisation.mailboxes[place.mailbox], &place, item, patch)?;
    let item = call.found(&place)?;
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    let number = item.extra.as_ref().and_then(|extra| extra.attachments.as_ref()?.last().copied()).unwrap_or(0);
    let id = mailbox.id(item.attachment_target(place.folder, number));
    let root = mailbox.id(item.target(place.folder));
    let key = ids::change_key(mailbox.guid, item.kind.facts().2, item.changed);
    let mut w = Writer::new();
    w.open("m:Attachments", &[]);
    w.open(kind, &[]);
    w.empty("t:AttachmentId", &[("Id", &id), ("RootItemId", &root), ("RootItemChangeKey", &key)]);
    w.close(kind);
    w.close("m:Attachments");
    Ok(w.finish())
}

pub(super) fn delete_attachment(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let replies = each(request.list("AttachmentIds"), |id| delete(call, id));
    Ok(respond("DeleteAttachment", "", replies))
}

fn delete(call: &mut Call<'_>, id: &Element) -> Reply {
    let (place, number) = find(call, id)?;
    call.may_edit(&place)?;
    let mut item = call.found(&place)?;
    let mut patch = Patch::default();
    patch.detach(&mut item, number)?;
    alter(&mut call.organisation.mailboxes[place.mailbox], &place, item, patch)?;
    let item = call.found(&place)?;
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    let root = mailbox.id(item.target(place.folder));
    let key = ids::change_key(mailbox.guid, item.kind.facts().2, item.changed);
    let mut w = Writer::new();
    w.empty("m:RootItemId", &[("RootItemId", &root), ("RootItemChangeKey", &key)]);
    Ok(w.finish())
}

fn alter(mailbox: &mut Mailbox, place: &ItemPlace, mut item: Item, patch: Patch) -> Result<(), Trouble> {
    patch.finish(&mut item);
    calendar::keep(mailbox, place, item, &["Attachments".to_owned()])?;
    mailbox.notify(EventKind::Modified, Subject::Item { folder: place.folder, item: place.item }, None);
    mailbox.notify_folder(place.folder);
    Ok(())
}

fn find(call: &Call<'_>, id: &Element) -> Result<(ItemPlace, u32), Trouble> {
    let invalid = || Trouble::new("ErrorInvalidAttachmentId", "The attachment id is invalid.");
    let decoded = ids::decode(id.attribute("Id").unwrap_or_default()).ok_or_else(invalid)?;
    let mailbox = call.mailbox_of(decoded.mailbox)?;
    let (folder, item, occurrence, number) = match decoded.target {
        Target::Attachment { folder, item, number } => (folder, item, None, number),
        Target::OccurrenceAttachment { folder, item, day, number } => (folder, item, Some(day), number),
        _ => return Err(invalid()),
    };
    let place = ItemPlace { mailbox, folder, item, change: None, occurrence };
    call.may_see(&place)?;
    Ok((place, number))
}
