//! The properties of mail: name, element, shapes, and how each is read.

use super::View;
use crate::{
    mime::parse::{Importance, Person},
    store::{Kind, Value},
};

/// One property.
pub(crate) struct Field {
    /// The `FieldURI`.
    pub(crate) uri: &'static str,
    /// The element in an item.
    pub(crate) element: &'static str,
    /// [`DEFAULT`], [`ALL`], [`NO_LIST`].
    pub(crate) shapes: u8,
    /// Its value, to be searched, sorted and written.
    pub(crate) value: fn(&View<'_>) -> Option<Value>,
}

/// In the shape `Default`.
pub(crate) const DEFAULT: u8 = 1;
/// In the shape `AllProperties`.
pub(crate) const ALL: u8 = 2;
/// Never in the answers of FindItem and SyncFolderItems.
pub(super) const NO_LIST: u8 = 4;
/// Only for mail.
pub(super) const MAIL: u8 = 8;

const fn row(uri: &'static str, element: &'static str, shapes: u8, value: fn(&View<'_>) -> Option<Value>) -> Field {
    Field { uri, element, shapes, value }
}

const BOTH: u8 = DEFAULT | ALL;

/// Tables 2 and 3 of Microsoft's "property sets and response shapes", held against recorded AllProperties answers.
pub(crate) const FIELDS: &[Field] = &[
    row("item:MimeContent", "MimeContent", NO_LIST, |_| None),
    row("item:ItemId", "ItemId", BOTH, |view| text(view.id())),
    row("item:ParentFolderId", "ParentFolderId", ALL, |view| text(view.folder_id())),
    row("item:ItemClass", "ItemClass", ALL, |view| text(view.item.class())),
    row("item:Subject", "Subject", BOTH, |view| filled(&view.summary().subject)),
    row("item:Sensitivity", "Sensitivity", BOTH, |view| text(view.sensitivity())),
    row("item:Body", "Body", BOTH | NO_LIST, |view| text(view.text_body())),
    row("item:Attachments", "Attachments", BOTH | NO_LIST, |view| {
        Some(Value::Flag(!view.parsed().attachments.is_empty()))
    }),
    row("item:DateTimeReceived", "DateTimeReceived", ALL, |view| Some(Value::Time(view.item.received_at))),
    row("item:Size", "Size", BOTH, |view| Some(Value::Number(view.size()))),
    row("item:Categories", "Categories", ALL | NO_LIST, |view| view.categories()),
    row("item:Importance", "Importance", ALL, |view| text(view.importance())),
    row("item:InReplyTo", "InReplyTo", ALL, |view| view.summary().in_reply_to.clone().map(Value::Text)),
    row("item:IsSubmitted", "IsSubmitted", ALL, |view| Some(Value::Flag(view.item.is_submitted()))),
    row("item:IsDraft", "IsDraft", ALL, |view| Some(Value::Flag(view.item.draft))),
    row("item:IsFromMe", "IsFromMe", ALL, |view| Some(Value::Flag(view.is_from_me()))),
    row("item:IsResend", "IsResend", ALL, |_| Some(Value::Flag(false))),
    row("item:IsUnmodified", "IsUnmodified", ALL, |view| Some(Value::Flag(view.item.changed == view.item.key))),
    row("item:InternetMessageHeaders", "InternetMessageHeaders", ALL | NO_LIST | MAIL, |view| {
        view.item.transported.then(|| Value::Text(view.parsed().headers.clone()))
    }),
    row("item:DateTimeSent", "DateTimeSent", BOTH, |view| Some(Value::Time(view.sent_at()))),
    row("item:DateTimeCreated", "DateTimeCreated", BOTH, |view| Some(Value::Time(view.item.created_at))),
    row("item:ResponseObjects", "ResponseObjects", BOTH | NO_LIST | MAIL, |view| Some(Value::Flag(!view.item.draft))),
    row("item:ReminderIsSet", "ReminderIsSet", 0, |view| {
        Some(Value::Flag(view.stored("ReminderIsSet").is_some_and(|set| set == "true" || set == "1")))
    }),
    row("item:ReminderMinutesBeforeStart", "ReminderMinutesBeforeStart", 0, |view| {
        text(view.stored("ReminderMinutesBeforeStart").unwrap_or("0".into()))
    }),
    row("item:DisplayCc", "DisplayCc", ALL, |view| text(names(&view.summary().cc))),
    row("item:DisplayTo", "DisplayTo", ALL, |view| text(names(&view.summary().to))),
    row("item:HasAttachments", "HasAttachments", BOTH, |view| Some(Value::Flag(view.summary().has_attachments))),
    row("item:Culture", "Culture", ALL, |_| text("en-US")),
    row("item:EffectiveRights", "EffectiveRights", ALL, |_| Some(Value::Flag(true))),
    row("item:LastModifiedName", "LastModifiedName", ALL, |view| text(&*view.mailbox.display_name)),
    row("item:LastModifiedTime", "LastModifiedTime", ALL, |view| Some(Value::Time(view.item.modified_at))),
    row("item:IsAssociated", "IsAssociated", ALL, |view| Some(Value::Flag(view.item.associated))),
    row("item:WebClientReadFormQueryString", "WebClientReadFormQueryString", ALL, |view| text(view.web_link())),
    row("item:ConversationId", "ConversationId", ALL, |view| text(view.conversation_id())),
    row("item:UniqueBody", "UniqueBody", NO_LIST, |view| text(view.text_body())),
    row("item:Flag", "Flag", ALL, |view| Some(Value::Number(view.flag()))),
    row("item:InstanceKey", "InstanceKey", ALL, |view| Some(Value::Binary(view.instance_key()))),
    row("item:NormalizedBody", "NormalizedBody", NO_LIST, |view| text(view.text_body())),
    row("item:Preview", "Preview", ALL, |view| filled(&view.summary().preview)),
    row("item:TextBody", "TextBody", NO_LIST, |view| text(view.text_body())),
    row("item:IconIndex", "IconIndex", 0, |view| text(view.icon())),
    row("message:Sender", "Sender", ALL | MAIL, |view| person(view.sender().as_ref())),
    row("message:ToRecipients", "ToRecipients", BOTH | NO_LIST | MAIL, |view| people(&view.summary().to)),
    row("message:CcRecipients", "CcRecipients", BOTH | NO_LIST | MAIL, |view| people(&view.summary().cc)),
    row("message:BccRecipients", "BccRecipients", BOTH | NO_LIST | MAIL, |view| people(&view.summary().bcc)),
    row("message:IsReadReceiptRequested", "IsReadReceiptRequested", BOTH | MAIL, |view| {
        Some(Value::Flag(view.wants_read_receipt()))
    }),
    row("message:IsDeliveryReceiptRequested", "IsDeliveryReceiptRequested", BOTH | MAIL, |view| {
        Some(Value::Flag(view.wants_delivery_receipt()))
    }),
    row("message:ConversationIndex", "ConversationIndex", ALL | MAIL, |view| {
        Some(Value::Binary(view.conversation_index()))
    }),
    row("message:ConversationTopic", "ConversationTopic", ALL | MAIL, |view| filled(&view.topic())),
    row("message:From", "From", BOTH | MAIL, |view| person(view.summary().from.as_ref())),
    row("message:InternetMessageId", "InternetMessageId", ALL | MAIL, |view| {
        view.summary().message_id.clone().map(Value::Text)
    }),
    row("message:IsRead", "IsRead", BOTH, |view| {
        (view.item.kind != Kind::CalendarItem).then_some(Value::Flag(view.item.read))
    }),
    row("message:References", "References", ALL | MAIL, |view| view.summary().references.clone().map(Value::Text)),
    row("message:ReplyTo", "ReplyTo", ALL | NO_LIST | MAIL, |view| people(&view.summary().reply_to)),
    row("message:ReceivedBy", "ReceivedBy", ALL | MAIL, |view| {
        view.item.transported.then(|| Value::Text(view.mailbox.display_name.clone()))
    }),
    row("message:ReceivedRepresenting", "ReceivedRepresenting", ALL | MAIL, |view| {
        view.item.transported.then(|| Value::Text(view.mailbox.display_name.clone()))
    }),
];

fn text(text: impl Into<String>) -> Option<Value> {
    Some(Value::Text(text.into()))
}

/// Empty values are left out, not sent empty.
fn filled(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::Text(text.to_owned()))
}

fn person(person: Option<&Person>) -> Option<Value> {
    person.map(|person| Value::Text(shown(person)))
}

fn people(people: &[Person]) -> Option<Value> {
    let all: Vec<String> = people.iter().map(shown).collect();
    (!all.is_empty()).then(|| Value::Text(all.join("; ")))
}

fn shown(person: &Person) -> String {
    match person.name.as_str() {
        "" => person.address.clone(),
        name => format!("{name} <{}>", person.address),
    }
}

/// `DisplayTo` and `DisplayCc`.
pub(super) fn names(people: &[Person]) -> String {
    let names: Vec<&str> =
        people.iter().map(|person| if person.name.is_empty() { &*person.address } else { &*person.name }).collect();
    names.join("; ")
}

/// As EWS writes it.
pub(super) fn importance(importance: Importance) -> &'static str {
    match importance {
        Importance::Low => "Low",
        Importance::Normal => "Normal",
        Importance::High => "High",
    }
}
