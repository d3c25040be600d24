//! One item as a request sees it.

use std::{
    cell::OnceCell,
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    ALL, BodyType, DEFAULT, Extended, FIELDS, Field, Path, Shape,
    body::{html_of_text, text_of_html},
    extended,
    fields::{MAIL, NO_LIST, importance},
    shape::Base,
};
use crate::{
    MimeMode, Version,
    mime::{
        parse::{Attachment, Parsed, Person, parse},
        render::render,
    },
    schema::Schema,
    soap::{Element, Writer},
    store::{
        Folder, Item, Kind, Mailbox, PropertyKey, Summary, Value,
        ids::{self, Target},
    },
    time::Seconds,
};

/// An item in its place, with what was found out about it so far.
pub(crate) struct View<'a> {
    pub(crate) mailbox: &'a Mailbox,
    pub(crate) folder: &'a Folder,
    pub(crate) item: &'a Item,
    /// The schema version the client asked for.
    pub(crate) version: Version,
    pub(crate) mime: MimeMode,
    /// Makes renderings differ.
    pub(crate) salt: u64,
    parsed: OnceCell<Parsed>,
    summary: OnceCell<Arc<Summary>>,
}

impl<'a> View<'a> {
    pub(crate) fn new(
        mailbox: &'a Mailbox,
        folder: &'a Folder,
        item: &'a Item,
        version: Version,
        mime: MimeMode,
        salt: u64,
    ) -> View<'a> {
        View { mailbox, folder, item, version, mime, salt, parsed: OnceCell::new(), summary: OnceCell::new() }
    }

    pub(crate) fn parsed(&self) -> &Parsed {
        self.parsed.get_or_init(|| parse(&self.item.bytes()))
    }

    pub(crate) fn summary(&self) -> &Summary {
        self.summary.get_or_init(|| self.item.summary())
    }

    pub(super) fn id(&self) -> String {
        self.mailbox.id(self.target())
    }

    pub(super) fn target(&self) -> Target {
        Target::Item { folder: self.folder.key, item: self.item.key }
    }

    pub(super) fn folder_id(&self) -> String {
        self.mailbox.id(Target::Folder { folder: self.folder.key })
    }

    /// An EWS property kept as it was set, as text.
    pub(super) fn stored(&self, element: &str) -> Option<String> {
        self.stored_element(element).map(|element| element.text.trim().to_owned())
    }

    pub(super) fn stored_element(&self, element: &str) -> Option<&Element> {
        self.item.extra.as_ref()?.fields.get(element)
    }

    /// PidTagMessageSize: what the store needs, which is not the length of the message.
    pub(super) fn size(&self) -> i64 {
        let length = i64::from(self.item.length());
        // Attachments are kept decoded, text in two bytes a character, and every property costs something.
        length * 4 / 5 + 1_900 + i64::try_from(self.item.origin % 617).unwrap_or_default()
    }

    pub(super) fn categories(&self) -> Option<Value> {
        let categories = &self.item.extra.as_ref()?.categories;
        (!categories.is_empty()).then(|| Value::List(categories.iter().cloned().map(Value::Text).collect()))
    }

    pub(super) fn importance(&self) -> String {
        self.stored("Importance").unwrap_or_else(|| importance(self.summary().importance).to_owned())
    }

    pub(super) fn flag(&self) -> i64 {
        self.item.extra.as_ref().and_then(|extra| extra.flag).unwrap_or(0)
    }

    pub(super) fn sent_at(&self) -> Seconds {
        self.item.sent_at.or(self.summary().date).unwrap_or(self.item.received_at)
    }

    pub(super) fn sender(&self) -> Option<Person> {
        self.summary().sender.clone().or_else(|| self.summary().from.clone())
    }

    /// The subject without its prefixes (PidTagConversationTopic).
    pub(super) fn topic(&self) -> String {
        let mut subject = self.summary().subject.trim();
        while let Some((prefix, rest)) = subject.split_once(':') {
            if prefix.is_empty() || prefix.chars().count() > 3 || !prefix.chars().all(char::is_alphabetic) {
                break;
            }
            subject = rest.trim_start();
        }
        subject.to_owned()
    }

    /// Replies share the conversation of the message they answer.
    fn conversation_seed(&self) -> Vec<u8> {
        let summary = self.summary();
        let first = |ids: &Option<String>| {
            ids.as_deref().and_then(|ids| ids.split_ascii_whitespace().next()).map(str::to_owned)
        };
        let root =
            first(&summary.references).or_else(|| first(&summary.in_reply_to)).or_else(|| summary.message_id.clone());
        match root {
            Some(root) => root.into_bytes(),
            None => format!("{}{}", self.topic(), self.item.origin).into_bytes(),
        }
    }

    pub(super) fn conversation_id(&self) -> String {
        ids::conversation_id(self.mailbox.guid, &self.conversation_seed())
    }

    pub(super) fn conversation_index(&self) -> Vec<u8> {
        let mut index = vec![1];
        index.extend(&ids::digest(&[&self.conversation_seed()])[..21]);
        index
    }

    pub(super) fn instance_key(&self) -> Vec<u8> {
        let mut key = vec![1, 0, 0, 0];
        key.extend(self.folder.key.to_be_bytes());
        key.extend(self.item.key.to_be_bytes());
        key
    }

    pub(super) fn web_link(&self) -> String {
        format!("?ae=Item&a=Open&t={}&id={}", self.item.class(), percent(&self.id()))
    }

    pub(super) fn icon(&self) -> &'static str {
        match self.item.extra.as_ref().and_then(|extra| extra.verb).map(|verb| verb.verb) {
            Some(102 | 103) => "MailReplied",
            Some(104) => "MailForwarded",
            _ if self.item.read => "MailRead",
            _ => "MailUnread",
        }
    }

    pub(super) fn text_body(&self) -> String {
        self.body(BodyType::Text).1
    }

    /// The body in a form, with the form it has.
    pub(super) fn body(&self, wanted: BodyType) -> (&'static str, String) {
        if let Some(body) = self.stored_element("Body") {
            return match body.attribute("BodyType") {
                Some("HTML") if wanted == BodyType::Text => ("Text", text_of_html(&body.text)),
                Some("HTML") => ("HTML", body.text.clone()),
                _ if wanted == BodyType::Html => ("HTML", html_of_text(&body.text)),
                _ => ("Text", body.text.clone()),
            };
        }
        let parsed = self.parsed();
        match (wanted, &parsed.html, &parsed.text) {
            (BodyType::Best | BodyType::Html, Some(html), _) => ("HTML", html.clone()),
            (BodyType::Html, None, text) => ("HTML", html_of_text(text.as_deref().unwrap_or_default())),
            (_, _, Some(text)) => ("Text", text.clone()),
            (_, Some(html), None) => ("Text", text_of_html(html)),
            (_, None, None) => ("Text", String::new()),
        }
    }

    /// The message as Exchange gives it out.
    pub(crate) fn mime_content(&self) -> Vec<u8> {
        match (self.item.kind, &self.item.content) {
            (Kind::CalendarItem, None) => crate::compose::calendar(self),
            (kind, _) if !kind.is_mail() || self.mime == MimeMode::Verbatim => self.item.bytes().to_vec(),
            _ => render(&self.item.bytes(), self.salt),
        }
    }

    /// Numbers and contents of the attachments.
    pub(crate) fn attachments(&self) -> Vec<(u32, &Attachment)> {
        let attachments = &self.parsed().attachments;
        self.item.attachment_numbers(attachments.len()).into_iter().zip(attachments).collect()
    }

    /// The value of a property.
    pub(crate) fn value(&self, path: &Path) -> Option<Value> {
        match path {
            Path::Extended(extended) => extended::item_value(self, extended),
            Path::Indexed(uri, index) if uri == "item:InternetMessageHeader" => {
                extended::header(&self.parsed().headers, index).map(Value::Text)
            }
            Path::Indexed(..) => None,
            Path::Field(uri) => match FIELDS.iter().find(|field| field.uri == uri) {
                Some(field) => (field.value)(self),
                None => {
                    let text = self.stored(uri.split(':').nth(1)?)?;
                    Some(match crate::time::parse(&text) {
                        Some(time) if text.len() >= 10 && text.contains('-') => Value::Time(time),
                        _ => Value::Text(text),
                    })
                }
            },
        }
    }
}

/// Writes `t:ItemId`.
pub(crate) fn write_item_id(w: &mut Writer, mailbox: &Mailbox, folder: u64, item: &Item) {
    let id = mailbox.id(Target::Item { folder, item: item.key });
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
    let mail = view.item.kind.is_mail();
    match FIELDS.iter().find(|field| field.element == name && (mail || field.shapes & MAIL == 0)) {
        Some(field) => {
            if wanted(shape, field) {
                write_field(w, view, shape, field);
            }
        }
        None => {
            let Some(stored) = view.stored_element(name) else { return };
            let by_name = shape.additional.iter().any(|path| match path {
                Path::Field(uri) | Path::Indexed(uri, _) => {
                    uri.split(':').nth(1).is_some_and(|field| field == name || indexed(field, name))
                }
                Path::Extended(_) => false,
            });
            if by_name || shape.base != Base::IdOnly {
                write_stored(w, stored);
            }
        }
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
        "EffectiveRights" => write_rights(w, view.version, true),
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
                w.open(&element, &[]);
                write_person(w, &me, shape.list);
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
        w.close(element);
    }
    w.close("t:Attachments");
}

/// What lists and contents of attachments begin with.
pub(crate) fn write_attachment_head(w: &mut Writer, view: &View<'_>, number: u32, attachment: &Attachment) {
    let id = view.mailbox.id(Target::Attachment { folder: view.folder.key, item: view.item.key, number });
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

/// `EffectiveRights` of one's own items and folders.
pub(super) fn write_rights(w: &mut Writer, version: Version, item: bool) {
    w.open("t:EffectiveRights", &[]);
    for right in ["CreateAssociated", "CreateContents", "CreateHierarchy"] {
        w.flag(&format!("t:{right}"), !item);
    }
    for right in ["Delete", "Modify", "Read"] {
        w.flag(&format!("t:{right}"), true);
    }
    if version >= Version::Exchange2010 {
        w.flag("t:ViewPrivateItems", true);
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

fn percent(id: &str) -> String {
    id.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

/// An extended property as it was set.
pub(crate) fn stored_property(item: &Item, key: &PropertyKey) -> Option<Value> {
    item.extra.as_ref()?.properties.get(key).cloned()
}
