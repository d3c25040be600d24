//! Setting properties of an item: what CreateItem, UpdateItem and CreateAttachment have in common.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    calendar::{
        change::{self, Changes, Context},
        day::DAY,
        ical::{self, Override},
    },
    compose::{Edits, addresses, words},
    items,
    mime::parse::{Attachment, Person, parse},
    op::Trouble,
    property::{Extended, Path},
    soap::Element,
    store::{Item, Kind, PropertyKey, PropertyName, Value, Verb},
    time,
};

/// Changes gathered for one item.
#[derive(Default)]
pub(crate) struct Patch {
    edits: Edits,
    mime: Option<Vec<u8>>,
    attachments: Vec<Attachment>,
    /// Of a calendar item.
    event: Changes,
    /// The calendar object it was made of.
    calendar: Option<ical::Read>,
    /// Which of them is the picture of a contact.
    photo: Option<usize>,
    /// PidTagMessageFlags was set.
    flags_set: bool,
    /// Something other than the read flag was set.
    alters: bool,
    read: Option<bool>,
}

impl Patch {
    /// Sets a property from the element that carries its value.
    pub(crate) fn set(&mut self, item: &mut Item, element: &Element) -> Result<(), Trouble> {
        if element.name == "IsRead" {
            self.read = Some(element.text.trim() == "true" || element.text.trim() == "1");
            return Ok(());
        }
        self.alters = true;
        if items::set(item, element)? {
            return Ok(());
        }
        if item.kind == Kind::CalendarItem && Changes::takes(&element.name) {
            return self.event.set(element);
        }
        if let Some((_, field)) = HEADERS.iter().find(|(name, _)| *name == element.name) {
            self.edits.fields.push((field, Some(header_value(element))));
        }
        match element.name.as_str() {
            "MimeContent" => self.set_mime(item, element)?,
            "ItemClass" => set_class(item, element.text.trim()),
            "Body" => {
                let html = element.attribute("BodyType") == Some("HTML");
                self.edits.body = Some((html, element.text.clone()));
            }
            "Categories" => {
                item.extra_mut().categories = element.children.iter().map(|child| child.text.clone()).collect();
            }
            "Flag" => {
                item.extra_mut().flag = match element.child_text("FlagStatus") {
                    Some("Flagged") => Some(2),
                    Some("Complete") => Some(1),
                    _ => None,
                };
            }
            "ExtendedProperty" => self.set_extended(item, element)?,
            "Attachments" => {
                for child in &element.children {
                    self.attach(attachment(child)?, child.is_true("IsContactPhoto"));
                }
            }
            "IsAssociated" if item.key == 0 => item.associated = element.text.trim() == "true",
            name if READ_ONLY.contains(&name) => {
                return Err(Trouble::new("ErrorInvalidPropertySet", "Set action is invalid for property."));
            }
            name if HEADERS.iter().any(|(known, _)| *known == name) => {}
            name => {
                change::place(item, element);
                let _ = item.extra_mut().fields.insert(name.to_owned(), element.clone());
            }
        }
        Ok(())
    }

    /// Sets the property a path names from the element that carries its value.
    pub(crate) fn update(&mut self, item: &mut Item, path: &Path, element: &Element) -> Result<(), Trouble> {
        if items::update(item, path, element)? {
            self.alters = true;
            return Ok(());
        }
        self.set(item, element)
    }

    /// Adds to a property.
    pub(crate) fn append(&mut self, item: &mut Item, element: &Element) -> Result<(), Trouble> {
        let parsed = parse(&item.bytes());
        let mut all = element.clone();
        self.alters = true;
        if items::append(item, element)? {
            return Ok(());
        }
        match element.name.as_str() {
            "Body" => {
                let html = parsed.html.is_some();
                let now = parsed.html.or(parsed.text).unwrap_or_default();
                self.edits.body = Some((html, now.trim_end_matches(['\r', '\n']).to_owned() + &element.text));
                Ok(())
            }
            "ToRecipients" | "CcRecipients" | "BccRecipients" | "ReplyTo" => {
                let there = match element.name.as_str() {
                    "ToRecipients" => parsed.to,
                    "CcRecipients" => parsed.cc,
                    "BccRecipients" => parsed.bcc,
                    _ => parsed.reply_to,
                };
                let field = HEADERS.iter().find(|(name, _)| *name == element.name).map_or("To", |(_, field)| field);
                let added = people(&all);
                let everybody: Vec<Person> = there.into_iter().chain(added).collect();
                self.edits.fields.push((field, Some(addresses(&everybody))));
                Ok(())
            }
            "Categories" => {
                item.extra_mut().categories.extend(all.children.drain(..).map(|child| child.text));
                Ok(())
            }
            _ => Err(Trouble::new("ErrorInvalidPropertyAppend", "Append action is invalid for property.")),
        }
    }

    /// Removes a property.
    pub(crate) fn delete(&mut self, item: &mut Item, path: &Path) -> Result<(), Trouble> {
        self.alters = true;
        if items::delete(item, path)? {
            return Ok(());
        }
        if let Path::Field(uri) = path
            && item.kind == Kind::CalendarItem
            && let Some(name) = uri.split(':').nth(1).filter(|name| Changes::takes(name))
        {
            return self.event.delete(name);
        }
        match path {
            Path::Extended(extended) => {
                if items::remove_alias(item, &extended.key) {
                    return Ok(());
                }
                set_special(item, &extended.key, None);
                item.extra_mut().properties.remove(&extended.key);
                if is_keywords(&extended.key) {
                    item.extra_mut().categories.clear();
                }
            }
            Path::Field(uri) | Path::Indexed(uri, _) => {
                let name = uri.split(':').nth(1).unwrap_or_default();
                if READ_ONLY.contains(&name) || name == "IsRead" {
                    return Err(Trouble::new("ErrorInvalidPropertyDelete", "Delete action is invalid for property."));
                }
                if let Some((_, field)) = HEADERS.iter().find(|(known, _)| *known == name) {
                    self.edits.fields.push((field, None));
                }
                match name {
                    "Body" => self.edits.body = Some((false, String::new())),
                    "Categories" => item.extra_mut().categories.clear(),
                    "Flag" => item.extra_mut().flag = None,
                    name => {
                        item.extra_mut().fields.remove(name);
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes the changes to what makes a calendar item an event.
    pub(crate) fn settle(&mut self, item: &mut Item, context: &Context) -> Result<(), Trouble> {
        match item.kind {
            Kind::CalendarItem => std::mem::take(&mut self.event).apply(item, context),
            _ => Ok(()),
        }
    }

    /// Adds an attachment, which may be the picture of a contact.
    pub(crate) fn attach(&mut self, attachment: Attachment, photo: bool) {
        self.alters = true;
        if photo {
            self.photo = Some(self.attachments.len());
        }
        self.attachments.push(attachment);
    }

    /// Takes one of the attachments away.
    pub(crate) fn detach(&mut self, item: &mut Item, number: u32) -> Result<(), Trouble> {
        let mut attachments = parse(&item.bytes()).attachments;
        let mut numbers = item.attachment_numbers(attachments.len());
        let Some(at) = numbers.iter().position(|known| *known == number).filter(|at| *at < attachments.len()) else {
            return Err(Trouble::not_found());
        };
        let extra = item.extra_mut();
        extra.attachments_given = extra.attachments_given.max(numbers.iter().max().map_or(0, |last| last + 1));
        attachments.remove(at);
        numbers.remove(at);
        extra.photo = extra.photo.filter(|photo| *photo != number);
        extra.attachments = Some(numbers);
        self.alters = true;
        self.edits.attachments = Some(attachments);
        Ok(())
    }

    /// Whether PidTagMessageFlags was set: else a new message is a draft.
    pub(crate) fn flags_set(&self) -> bool {
        self.flags_set
    }

    /// The message that was given as MIME.
    pub(crate) fn mime(&self) -> Option<&[u8]> {
        self.mime.as_deref()
    }

    /// The read flag, if it is all that changes.
    pub(crate) fn only_read(&self) -> Option<bool> {
        self.read.filter(|_| !self.alters)
    }

    /// What else a calendar object says: to be given to [`Patch::except`] once the content is there.
    pub(crate) fn calendar(&mut self) -> Option<ical::Read> {
        self.calendar.take()
    }

    /// Takes occurrences out of a series and changes others, as a calendar object says.
    pub(crate) fn except(item: &mut Item, read: ical::Read, context: &Context) -> Result<(), Trouble> {
        let day_of = |item: &Item, at| item.event().map_or(0, |event| event.zone.local(at).div_euclid(DAY));
        for at in read.deleted {
            let day = day_of(item, at);
            if let Some(series) = item.event_mut().and_then(|event| event.series.as_mut()) {
                let _ = series.deleted.insert(day);
            }
        }
        for Override { original, properties } in read.overrides {
            let Ok(mut occurrence) = item.occurrence(day_of(item, original)) else { continue };
            let mut patch = Patch::default();
            let kept = properties.iter().filter(|property| !matches!(property.name.as_str(), "UID" | "StartTimeZone"));
            let mut names = Vec::new();
            for property in kept {
                patch.set(&mut occurrence, property)?;
                names.push(property.name.clone());
            }
            patch.settle(&mut occurrence, context)?;
            patch.finish(&mut occurrence);
            change::keep_exception(item, occurrence, &names)?;
        }
        Ok(())
    }

    /// Makes the changes to the content.
    pub(crate) fn finish(mut self, item: &mut Item) {
        if let Some(read) = self.read {
            item.read = read;
        }
        if let Some(mime) = self.mime.take() {
            item.set_content(mime);
        }
        if self.edits.is_empty() && self.attachments.is_empty() {
            return;
        }
        let bytes = item.bytes();
        let parsed = parse(&bytes);
        if !self.attachments.is_empty() {
            let mut all = self.edits.attachments.take().unwrap_or_else(|| parsed.attachments.clone());
            let mut numbers = item.attachment_numbers(all.len());
            let extra = item.extra_mut();
            let mut next = extra.attachments_given.max(numbers.iter().max().map_or(0, |last| last + 1));
            for (place, attachment) in self.attachments.into_iter().enumerate() {
                all.push(attachment);
                numbers.push(next);
                if self.photo == Some(place) {
                    extra.photo = Some(next);
                }
                next += 1;
            }
            extra.attachments_given = next;
            extra.attachments = Some(numbers);
            self.edits.attachments = Some(all);
        }
        let message = self.edits.apply(&bytes, &parsed);
        item.set_content(message);
    }

    fn set_mime(&mut self, item: &mut Item, element: &Element) -> Result<(), Trouble> {
        let compact: String = element.text.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(&compact).map_err(|_| {
            Trouble::new("ErrorMimeContentInvalidBase64String", "The MIME content string is not a valid Base64 string.")
        })?;
        match item.kind {
            Kind::CalendarItem => {
                let read = ical::read(&String::from_utf8_lossy(&bytes));
                let read =
                    read.ok_or_else(|| Trouble::new("ErrorMimeContentInvalid", "The MIME content is invalid."))?;
                for property in &read.properties {
                    self.set(item, property)?;
                }
                self.calendar = Some(read);
            }
            // exchangelib's tests write tasks with their source; contacts and lists have none that could be written.
            kind if !kind.is_mail() && kind != Kind::Task => {
                return Err(Trouble::new(
                    "ErrorUnsupportedMimeConversion",
                    "The conversion from MIME is not supported.",
                ));
            }
            _ => {
                if bytes.is_empty() {
                    return Err(Trouble::new("ErrorMimeContentInvalid", "The MIME content is invalid."));
                }
                self.mime = Some(bytes);
            }
        }
        Ok(())
    }

    fn set_extended(&mut self, item: &mut Item, element: &Element) -> Result<(), Trouble> {
        let uri = element.child("ExtendedFieldURI").ok_or_else(|| {
            Trouble::new("ErrorInvalidExtendedProperty", "The extended property attribute combination is invalid.")
        })?;
        let Path::Extended(extended) = Path::read(uri)? else { return Ok(()) };
        let value = extended_value(&extended, element)?;
        if let Some(alias) = change::alias(&extended.key, &value).filter(|_| item.kind == Kind::CalendarItem) {
            // Of an event that is there the id stays as it is.
            return if alias.name == "UID" && item.event().is_some() { Ok(()) } else { self.set(item, &alias) };
        }
        match (&extended.key, &value) {
            (PropertyKey::Tag(0x0037), Value::Text(text)) => self.edits.fields.push(("Subject", Some(words(text)))),
            (PropertyKey::Tag(0x1000), Value::Text(text)) => self.edits.body = Some((false, text.clone())),
            (PropertyKey::Tag(0x0e07), _) => self.flags_set = true,
            _ => {}
        }
        if items::set_alias(item, &extended.key, &value) {
            return Ok(());
        }
        if is_keywords(&extended.key)
            && let Value::List(values) = &value
        {
            item.extra_mut().categories = values.iter().map(Value::write).collect();
        } else if !set_special(item, &extended.key, Some(&value)) {
            item.extra_mut().properties.insert(extended.key, value);
        }
        Ok(())
    }
}

/// The value in a `t:ExtendedProperty`.
pub(crate) fn extended_value(extended: &Extended, element: &Element) -> Result<Value, Trouble> {
    let wrong = || {
        Trouble::new(
            "ErrorInvalidExtendedPropertyValue",
            "The extended property value is not valid for the property type.",
        )
    };
    if extended.of.ends_with("Array") {
        let values = element.list("Values").iter().map(|value| Value::read(&extended.of, &value.text));
        return values.collect::<Option<Vec<_>>>().map(Value::List).ok_or_else(wrong);
    }
    let text = element.child("Value").map(|value| value.text.as_str()).ok_or_else(wrong)?;
    Value::read(&extended.of, text).ok_or_else(wrong)
}

fn is_keywords(key: &PropertyKey) -> bool {
    matches!(key, PropertyKey::Named(set, PropertyName::Name(name))
        if name == "keywords" && set == "00020329-0000-0000-c000-000000000046")
}

/// Sets an extended property that is something else here; tells whether it is one.
fn set_special(item: &mut Item, key: &PropertyKey, value: Option<&Value>) -> bool {
    let PropertyKey::Tag(tag) = key else { return false };
    match (tag, value) {
        (0x001a, Some(Value::Text(class))) => set_class(item, class),
        (0x0023, Some(Value::Flag(wanted))) => set_switch(item, "IsDeliveryReceiptRequested", *wanted),
        (0x0029, Some(Value::Flag(wanted))) => set_switch(item, "IsReadReceiptRequested", *wanted),
        (0x0039, Some(Value::Time(at))) => item.sent_at = Some(*at),
        (0x0e06, Some(Value::Time(at))) => item.received_at = *at,
        (0x0e07, Some(Value::Number(flags))) if item.key == 0 => {
            // Whether it was sent is fixed once the item is there.
            item.draft = flags & 8 != 0;
            item.read = flags & 1 != 0;
        }
        (0x0e69, Some(Value::Flag(read))) => item.read = *read,
        (0x1081, Some(Value::Number(verb))) => {
            let at = item.extra.as_ref().and_then(|extra| extra.verb).map_or_else(time::now, |verb| verb.at);
            item.extra_mut().verb = (*verb != 0).then_some(Verb { verb: *verb, at });
        }
        (0x1081, None) => item.extra_mut().verb = None,
        (0x1082, Some(Value::Time(at))) => {
            let verb = item.extra.as_ref().and_then(|extra| extra.verb).map_or(0, |verb| verb.verb);
            item.extra_mut().verb = Some(Verb { verb, at: *at });
        }
        (0x1090, Some(Value::Number(flag))) => item.extra_mut().flag = (*flag != 0).then_some(*flag),
        (0x1090, None) => item.extra_mut().flag = None,
        (0x3007, Some(Value::Time(at))) => item.created_at = *at,
        (0x0037 | 0x1000, Some(_)) => {}
        // Fixed once the item is there: setting it is no error and changes nothing.
        (0x0e07, Some(_)) => {}
        _ => return false,
    }
    true
}

fn set_switch(item: &mut Item, name: &str, on: bool) {
    item.extra_mut().fields.insert(name.to_owned(), Element::new(name, on.to_string()));
}

fn set_class(item: &mut Item, class: &str) {
    // The element an item is sent as goes with its class, but the kind of content stays.
    match Kind::of_class(class) {
        Some(kind) if kind.is_mail() == item.kind.is_mail() => item.kind = kind,
        _ => {}
    }
    item.extra_mut().class = Some(class.to_owned());
}

/// The attachment in a `FileAttachment` or `ItemAttachment`.
pub(crate) fn attachment(element: &Element) -> Result<Attachment, Trouble> {
    let text = |name| element.child_text(name).map(str::to_owned);
    if element.name == "ItemAttachment" {
        let inner = element.children.iter().find(|child| Kind::of_element(&child.name).is_some());
        let mut item = Item::new(Kind::Message, None, time::now());
        let mut patch = Patch::default();
        for property in inner.map_or(&[][..], |inner| &inner.children) {
            patch.set(&mut item, property)?;
        }
        patch.finish(&mut item);
        return Ok(Attachment {
            name: text("Name").unwrap_or_default(),
            content_type: "message/rfc822".to_owned(),
            content_id: text("ContentId"),
            inline: false,
            bytes: item.bytes().to_vec(),
        });
    }
    let content: String = element.child_text("Content").unwrap_or_default().split_ascii_whitespace().collect();
    let bytes = STANDARD
        .decode(content)
        .map_err(|_| Trouble::new("ErrorInvalidArgument", "The attachment content is not a valid Base64 string."))?;
    Ok(Attachment {
        name: text("Name").unwrap_or_default(),
        content_type: text("ContentType")
            .filter(|of| !of.is_empty() && of.contains('/') && !of.contains(['\r', '\n']))
            .unwrap_or_else(|| "application/octet-stream".to_owned()),
        content_id: text("ContentId"),
        inline: element.is_true("IsInline"),
        bytes,
    })
}

fn header_value(element: &Element) -> String {
    match element.name.as_str() {
        "Subject" => words(&element.text),
        "Importance" | "Sensitivity" | "InternetMessageId" | "References" | "InReplyTo" => words(element.text.trim()),
        _ => addresses(&people(element)),
    }
}

fn people(element: &Element) -> Vec<Person> {
    element
        .children
        .iter()
        .filter(|child| child.name == "Mailbox")
        .map(|mailbox| Person {
            name: mailbox.child_text("Name").unwrap_or_default().to_owned(),
            address: mailbox.child_text("EmailAddress").unwrap_or_default().to_owned(),
        })
        .collect()
}

/// Properties that live in header fields.
const HEADERS: &[(&str, &str)] = &[
    ("Subject", "Subject"),
    ("Importance", "Importance"),
    ("InReplyTo", "In-Reply-To"),
    ("ToRecipients", "To"),
    ("CcRecipients", "Cc"),
    ("BccRecipients", "Bcc"),
    ("From", "From"),
    ("Sender", "Sender"),
    ("InternetMessageId", "Message-ID"),
    ("References", "References"),
    ("ReplyTo", "Reply-To"),
];

/// What clients cannot set.
const READ_ONLY: &[&str] = &[
    "ItemId",
    "ParentFolderId",
    "DateTimeReceived",
    "Size",
    "IsSubmitted",
    "IsDraft",
    "IsFromMe",
    "IsResend",
    "IsUnmodified",
    "InternetMessageHeaders",
    "DateTimeSent",
    "DateTimeCreated",
    "ResponseObjects",
    "DisplayCc",
    "DisplayTo",
    "HasAttachments",
    "EffectiveRights",
    "LastModifiedName",
    "LastModifiedTime",
    "ConversationId",
    "UniqueBody",
    "InstanceKey",
    "Preview",
    "TextBody",
    "NormalizedBody",
];
