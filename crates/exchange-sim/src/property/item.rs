//! One item as a request sees it.

use std::{cell::OnceCell, sync::Arc};

use super::{
    BodyType, FIELDS, Path,
    body::{html_of_text, text_of_html},
    extended,
    fields::importance,
};
use crate::{
    MimeMode, Version,
    calendar::{
        day::{write_local, write_offset},
        ical,
        zone::Zone,
    },
    items,
    mime::{
        parse::{Attachment, Parsed, Person, parse},
        render::render,
    },
    permission::Rights,
    soap::Element,
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
    /// What the one who asks may do in the folder.
    pub(crate) rights: Rights,
    /// Made by the one who asks.
    pub(crate) own: bool,
    /// Times are written in it.
    zone: Option<Arc<Zone>>,
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
        View {
            mailbox,
            folder,
            item,
            version,
            mime,
            salt,
            rights: Rights::OWNER,
            own: true,
            zone: None,
            parsed: OnceCell::new(),
            summary: OnceCell::new(),
        }
    }

    /// The same for somebody with these rights, by address.
    pub(crate) fn for_user(self, rights: Rights, address: &str) -> View<'a> {
        let own = match self.item.extra.as_ref().and_then(|extra| extra.creator.as_deref()) {
            Some(creator) => creator == address,
            None => self.mailbox.address == address,
        };
        View { rights, own, ..self }
    }

    /// The same with times in a zone.
    pub(crate) fn in_zone(self, zone: Option<Arc<Zone>>) -> View<'a> {
        View { zone, ..self }
    }

    /// A point in time as the client wants it written: in UTC, or in the zone of its header.
    pub(super) fn time(&self, at: Seconds) -> String {
        match &self.zone {
            None => crate::time::write(at),
            Some(zone) => {
                let offset = zone.offset(at);
                write_local(at + offset) + &write_offset(offset)
            }
        }
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
        self.item.target(self.folder.key)
    }

    pub(super) fn folder_id(&self) -> String {
        self.mailbox.id(Target::Folder { folder: self.folder.key })
    }

    /// An EWS property kept as it was set, as text.
    pub(super) fn stored(&self, element: &str) -> Option<String> {
        self.stored_element(element).map(|element| element.text.trim().to_owned())
    }

    pub(crate) fn stored_element(&self, element: &str) -> Option<&Element> {
        self.item.extra.as_ref()?.fields.get(element)
    }

    /// PidTagMessageSize: what the store needs, which is not the length of the message.
    pub(super) fn size(&self) -> i64 {
        i64::try_from(self.item.size()).unwrap_or(i64::MAX)
    }

    pub(super) fn categories(&self) -> Option<Value> {
        let categories = &self.item.extra.as_ref()?.categories;
        (!categories.is_empty()).then(|| Value::List(categories.iter().cloned().map(Value::Text).collect()))
    }

    pub(super) fn importance(&self) -> String {
        self.stored("Importance").unwrap_or_else(|| importance(self.summary().importance).to_owned())
    }

    pub(super) fn sensitivity(&self) -> String {
        let set = self.stored("Sensitivity").filter(|set| !set.is_empty());
        set.unwrap_or_else(|| match self.item.kind.is_mail() {
            true if !self.summary().sensitivity.is_empty() => self.summary().sensitivity.to_owned(),
            _ => "Normal".to_owned(),
        })
    }

    pub(super) fn is_from_me(&self) -> bool {
        self.item.extra.as_ref().is_some_and(|extra| extra.from_me)
    }

    pub(super) fn wants_read_receipt(&self) -> bool {
        self.switch("IsReadReceiptRequested").unwrap_or_else(|| self.summary().read_receipt_to.is_some())
    }

    pub(super) fn wants_delivery_receipt(&self) -> bool {
        self.switch("IsDeliveryReceiptRequested").unwrap_or_else(|| self.summary().delivery_receipt_to.is_some())
    }

    /// A property that is true or false, where it was set.
    fn switch(&self, element: &str) -> Option<bool> {
        self.stored(element).map(|set| set == "true" || set == "1")
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
        ids::conversation_id(self.mailbox.guid, &self.conversation_index())
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
            (Kind::CalendarItem, _) => ical::write("PUBLISH", self.item).into_bytes(),
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
            Path::Indexed(uri, index) => {
                let name = uri.split(':').nth(1)?;
                let name = if name == "PhysicalAddress" || name == "EmailAddress" || name == "ImAddress" {
                    format!("{name}es")
                } else {
                    format!("{name}s")
                };
                items::entry(self.stored_element(&name)?, uri, index).map(Value::Text)
            }
            Path::Field(uri) if let Some(value) = super::calendar::value(self, uri) => value,
            Path::Field(uri) => match FIELDS.iter().find(|field| field.uri == uri) {
                Some(field) => (field.value)(self),
                None => {
                    let text = items::shown(self, uri.split(':').nth(1)?, true)?.text.trim().to_owned();
                    Some(match crate::time::parse(&text) {
                        Some(time) if text.len() >= 10 && text.contains('-') => Value::Time(time),
                        _ => Value::Text(text),
                    })
                }
            },
        }
    }
}

fn percent(id: &str) -> String {
    id.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

/// An extended property as it was set.
pub(crate) fn stored_property(item: &Item, key: &PropertyKey) -> Option<Value> {
    item.extra.as_ref()?.properties.get(key).cloned()
}
