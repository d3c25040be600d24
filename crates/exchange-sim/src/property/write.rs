//! Writing an item: which properties a shape wants, and the form of each.

use std::{collections::HashMap, sync::OnceLock};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    ALL, DEFAULT, Extended, FIELDS, Field, Path, Shape, View, calendar, extended,
    fields::{MAIL, NO_LIST},
    shape::Base,
};
use crate::{
    Version, items,
    mime::parse::{Attachment, Person},
    permission::{Reach, Rights, Sight},
    schema::Schema,
    soap::{Element, Writer},
    store::{Item, Kind, Mailbox, Value, ids},
};

/// Writes `t:ItemId`.
pub(crate) fn write_item_id(w: &mut Writer, mailbox: &Mailbox, folder: u64, item: &Item) {
    let id = mailbox.id(item.target(folder));
    let key = ids::change_key(mailbox.guid, item.kind.facts().2, item.changed);
    w.empty("t:ItemId", &[("Id", &id), ("ChangeKey", &key)]);
}

/// Writes an item in a shape: elements in schema order, none that the client's schema version lacks.
pub(crate) fn write_item(w: &mut Writer, view: &View<'_>, shape: &Shape) {
    let (element, _, _, _) = view.item.kind.facts();
    let element = format!("t:{element}");
    w.open(&element, &[]);
    for (name, since) in layout(view.item.kind) {
        if *since > view.version {
            continue;
        }
        match *name {
            "ItemId" => write_item_id(w, view.mailbox, view.folder.key, view.item),
            "MimeContent" if matches!(view.item.kind, Kind::Contact | Kind::DistributionList) => {}
            "MimeContent" if shape.mime || shape.asks("item:MimeContent") => {
                w.text_with("t:MimeContent", &[("CharacterSet", "UTF-8")], &STANDARD.encode(view.mime_content()));
            }
            "ExtendedProperty" => {
                for path in &shape.additional {
                    if let Path::Extended(extended) = path {
                        write_extended(w, view, extended);
                    }
                }
            }
            name => write_named(w, view, shape, name),
        }
    }
    w.close(&element);
}

fn write_named(w: &mut Writer, view: &View<'_>, shape: &Shape, name: &str) {
    if calendar::write(w, view, shape, name) {
        return;
    }
    let mail = view.item.kind.is_mail();
    if !mail && name.starts_with("Reminder") && shape.base == Base::AllProperties && view.stored_element(name).is_some()
    {
        // Of contacts and tasks only what was set.
        w.text(&format!("t:{name}"), &reminder(view, name));
        return;
    }
    match FIELDS.iter().find(|field| field.element == name && (mail || field.shapes & MAIL == 0)) {
        Some(field) => {
            if wanted(shape, field) {
                write_field(w, view, shape, field);
            }
        }
        None => {
            let by_shape = match shape.base {
                Base::IdOnly => false,
                Base::Default => items::in_default(view.item.kind, name),
                Base::AllProperties => true,
            };
            let by_name = shape.additional.iter().any(|path| match path {
                Path::Field(uri) => uri.split(':').nth(1) == Some(name),
                _ => false,
            });
            let by_entry = shape.additional.iter().any(|path| match path {
                Path::Indexed(uri, _) => uri.split(':').nth(1).is_some_and(|field| indexed(field, name)),
                _ => false,
            });
            if !by_shape && !by_name && !by_entry {
                return;
            }
            let Some(shown) = items::shown(view, name, shape.list) else { return };
            if by_shape || by_name {
                write_stored(w, &shown);
            } else if let Some(some) = items::subset(&shown, &shape.additional) {
                write_stored(w, &some);
            }
        }
    }
}

/// A flag may have been set as `1`.
fn reminder(view: &View<'_>, name: &str) -> String {
    match view.stored(name).as_deref() {
        Some("1") if name == "ReminderIsSet" => "true".to_owned(),
        Some(text) => text.to_owned(),
        None => String::new(),
    }
}

/// `contacts:EmailAddress` addresses entries of `EmailAddresses`, `contacts:PhysicalAddress:Street` of
/// `PhysicalAddresses`, and so on.
fn indexed(field: &str, element: &str) -> bool {
    element.strip_suffix("es").or_else(|| element.strip_suffix('s')).is_some_and(|singular| field.starts_with(singular))
}

fn wanted(shape: &Shape, field: &Field) -> bool {
    if shape.asks(field.uri) {
        // Asking FindItem for what it never gives is not an error: it is left out.
        return !shape.list || field.shapes & NO_LIST == 0 || field.uri == "item:Categories";
    }
    let by_shape = match shape.base {
        Base::IdOnly => false,
        Base::Default => field.shapes & DEFAULT != 0,
        Base::AllProperties => field.shapes & ALL != 0,
    };
    by_shape && !(shape.list && field.shapes & NO_LIST != 0)
}

fn write_field(w: &mut Writer, view: &View<'_>, shape: &Shape, field: &Field) {
    let element = format!("t:{}", field.element);
    match field.element {
        "ParentFolderId" => w.empty(&element, &[("Id", &view.folder_id()), ("ChangeKey", "AQAAAA==")]),
        "ConversationId" => w.empty(&element, &[("Id", &view.conversation_id())]),
        "Body" | "UniqueBody" | "NormalizedBody" => {
            let (of, text) = view.body(shape.body);
            w.text_with(&element, &[("BodyType", of)], &text);
        }
        "TextBody" => w.text_with(&element, &[("BodyType", "Text")], &view.text_body()),
        "Attachments" => write_attachments(w, view),
        "InternetMessageHeaders" => write_headers(w, view),
        "ResponseObjects" => {
            if !view.item.draft {
                w.open(&element, &[]);
                for object in ["ReplyToItem", "ReplyAllToItem", "ForwardItem"] {
                    w.empty(&format!("t:{object}"), &[]);
                }
                w.close(&element);
            }
        }
        "EffectiveRights" => write_rights(w, view.version, &view.rights, Some(view.own)),
        "Flag" => write_flag(w, view),
        "From" | "Sender" => {
            let person = if field.element == "From" { view.summary().from.clone() } else { view.sender() };
            if let Some(person) = person {
                w.open(&element, &[]);
                write_person(w, &person, shape.list);
                w.close(&element);
            }
        }
        "ReceivedBy" | "ReceivedRepresenting" => {
            if view.item.transported {
                let me = Person { name: view.mailbox.display_name.clone(), address: view.mailbox.address.clone() };
                let message = view.item.event().and_then(|event| event.message.as_ref());
                let principal = message.and_then(|message| message.principal.clone());
                let whom = principal.filter(|_| element.ends_with("Representing")).unwrap_or(me);
                w.open(&element, &[]);
                write_person(w, &whom, shape.list);
                w.close(&element);
            }
        }
        "ToRecipients" => write_people(w, &element, &view.summary().to),
        "CcRecipients" => write_people(w, &element, &view.summary().cc),
        "BccRecipients" => write_people(w, &element, &view.summary().bcc),
        "ReplyTo" => write_people(w, &element, &view.summary().reply_to),
        _ => match (field.value)(view) {
            Some(Value::List(values)) => {
                w.open(&element, &[]);
                for value in values {
                    w.text("t:String", &value.write());
                }
                w.close(&element);
            }
            Some(Value::Time(at)) => w.text(&element, &view.time(at)),
            Some(value) => {
                let text = value.write();
                // R/finditem-operation: FindItem cuts streamed properties at 255 characters.
                let shown = if shape.list { text.chars().take(255).collect() } else { text };
                w.text(&element, &shown);
            }
            None => {}
        },
    }
}

fn write_people(w: &mut Writer, element: &str, people: &[Person]) {
    if people.is_empty() {
        return;
    }
    w.open(element, &[]);
    for person in people {
        write_person(w, person, false);
    }
    w.close(element);
}

/// R/finditem-operation: lists hold the name alone.
fn write_person(w: &mut Writer, person: &Person, name_only: bool) {
    w.open("t:Mailbox", &[]);
    let name = if person.name.is_empty() { &person.address } else { &person.name };
    w.text("t:Name", name);
    if !name_only && !person.address.is_empty() {
        w.text("t:EmailAddress", &person.address);
        w.text("t:RoutingType", "SMTP");
    }
    w.close("t:Mailbox");
}

fn write_attachments(w: &mut Writer, view: &View<'_>) {
    let attachments = view.attachments();
    if attachments.is_empty() {
        return;
    }
    w.open("t:Attachments", &[]);
    for (number, attachment) in attachments {
        let message = attachment.content_type == "message/rfc822";
        let element = if message { "t:ItemAttachment" } else { "t:FileAttachment" };
        w.open(element, &[]);
        write_attachment_head(w, view, number, attachment);
        write_photo_mark(w, view, number, message);
        w.close(element);
    }
    w.close("t:Attachments");
}

/// What lists and contents of attachments begin with.
pub(crate) fn write_attachment_head(w: &mut Writer, view: &View<'_>, number: u32, attachment: &Attachment) {
    let id = view.mailbox.id(view.item.attachment_target(view.folder.key, number));
    w.empty("t:AttachmentId", &[("Id", &id)]);
    w.text("t:Name", if attachment.name.is_empty() { "attachment" } else { &attachment.name });
    w.text("t:ContentType", &attachment.content_type);
    if let Some(content_id) = &attachment.content_id {
        w.text("t:ContentId", content_id);
    }
    if view.version >= Version::Exchange2010 {
        w.number("t:Size", attachment.bytes.len() + 250);
        w.text("t:LastModifiedTime", &crate::time::write(view.item.created_at));
        w.flag("t:IsInline", attachment.inline);
    }
}

/// `IsContactPhoto` of a file.
pub(crate) fn write_photo_mark(w: &mut Writer, view: &View<'_>, number: u32, message: bool) {
    if !message && view.item.kind == Kind::Contact && view.version >= Version::Exchange2010 {
        w.flag("t:IsContactPhoto", view.item.extra.as_ref().and_then(|extra| extra.photo) == Some(number));
    }
}

fn write_headers(w: &mut Writer, view: &View<'_>) {
    if !view.item.transported {
        return;
    }
    let headers: Vec<(String, String)> = extended::headers(&view.parsed().headers).collect();
    if headers.is_empty() {
        return;
    }
    w.open("t:InternetMessageHeaders", &[]);
    for (name, value) in headers {
        w.text_with("t:InternetMessageHeader", &[("HeaderName", &name)], &value);
    }
    w.close("t:InternetMessageHeaders");
}

/// `EffectiveRights`: of a folder, or of an item (`own`: made by the one who asks).
pub(super) fn write_rights(w: &mut Writer, version: Version, rights: &Rights, item: Option<bool>) {
    let folder = item.is_none();
    let reaches = |reach: Reach| match item {
        None => rights.owner,
        Some(own) => reach == Reach::All || (reach == Reach::Owned && own),
    };
    w.open("t:EffectiveRights", &[]);
    w.flag("t:CreateAssociated", folder && rights.owner);
    w.flag("t:CreateContents", folder && rights.create);
    w.flag("t:CreateHierarchy", folder && rights.create_folders);
    w.flag("t:Delete", reaches(rights.delete));
    w.flag("t:Modify", reaches(rights.edit));
    w.flag("t:Read", rights.read == Sight::FullDetails);
    // Recorded answers to Exchange2010 requests never have it.
    if version >= Version::Exchange2010Sp1 {
        w.flag("t:ViewPrivateItems", rights.private);
    }
    w.close("t:EffectiveRights");
}

fn write_flag(w: &mut Writer, view: &View<'_>) {
    w.open("t:Flag", &[]);
    let status = match view.flag() {
        1 => "Complete",
        2 => "Flagged",
        _ => "NotFlagged",
    };
    w.text("t:FlagStatus", status);
    w.close("t:Flag");
}

fn write_extended(w: &mut Writer, view: &View<'_>, extended: &Extended) {
    let Some(value) = extended::item_value(view, extended) else { return };
    write_extended_value(w, extended, &value);
}

/// `t:ExtendedProperty` with the attributes it was asked by.
pub(super) fn write_extended_value(w: &mut Writer, extended: &Extended, value: &Value) {
    let attributes: Vec<(&str, &str)> =
        extended.echo.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    w.open("t:ExtendedProperty", &[]);
    w.empty("t:ExtendedFieldURI", &attributes);
    match value {
        Value::List(values) => {
            w.open("t:Values", &[]);
            for value in values {
                w.text("t:Value", &value.write());
            }
            w.close("t:Values");
        }
        value => w.text("t:Value", &value.write()),
    }
    w.close("t:ExtendedProperty");
}

/// Writes an element as it was set.
pub(crate) fn write_stored(w: &mut Writer, element: &Element) {
    let name = format!("t:{}", element.name);
    let attributes: Vec<(&str, &str)> =
        element.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    if element.children.is_empty() {
        w.text_with(&name, &attributes, &element.text);
        return;
    }
    w.open(&name, &attributes);
    for child in &element.children {
        write_stored(w, child);
    }
    w.close(&name);
}

/// The elements of a kind in schema order.
fn layout(kind: Kind) -> &'static [(&'static str, Version)] {
    static LAYOUTS: OnceLock<HashMap<&'static str, Vec<(&'static str, Version)>>> = OnceLock::new();
    let of = kind.facts().1;
    let layouts = LAYOUTS.get_or_init(|| {
        [
            "MessageType",
            "PostItemType",
            "CalendarItemType",
            "ContactItemType",
            "DistributionListType",
            "TaskType",
            "MeetingMessageType",
            "MeetingRequestMessageType",
            "MeetingResponseMessageType",
            "MeetingCancellationMessageType",
        ]
        .into_iter()
        .map(|of| (of, Schema::get().elements(of)))
        .collect()
    });
    layouts.get(of).map_or(&[], Vec::as_slice)
}
