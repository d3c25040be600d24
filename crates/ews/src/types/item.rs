use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::moment::read_utc;
use super::words::words;
use super::{
    AttachmentId, Calendar, Contact, DistributionList, EffectiveRights, ExtendedProperties, FolderId, ItemId, Meeting,
    Task,
};
use crate::soap::{Element, Xml};

/// An item as far as it was asked for: what is None or empty was not asked, or is not set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    /// Which of Exchange's item types it is.
    pub kind: ItemKind,
    /// Its id and change key.
    pub id: Option<ItemId>,
    /// The folder it is in.
    pub parent: Option<FolderId>,
    /// Such as `IPM.Note`.
    pub class: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// Bytes as Exchange stores it; not the length of its MIME.
    pub size: Option<u64>,
    /// When it arrived.
    pub received: Option<Timestamp>,
    /// When it was sent.
    pub sent: Option<Timestamp>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was last changed.
    pub last_modified: Option<Timestamp>,
    /// Who changed it last.
    pub last_modified_name: Option<String>,
    /// How important.
    pub importance: Option<Importance>,
    /// Who may see it.
    pub sensitivity: Option<Sensitivity>,
    /// There is a reminder.
    pub reminder_is_set: Option<bool>,
    /// The time the reminder counts back from.
    pub reminder_due_by: Option<Timestamp>,
    /// How many minutes before that it comes.
    pub reminder_minutes: Option<i32>,
    /// The language, such as `en-US`.
    pub culture: Option<String>,
    /// What the signed-in user may do with it.
    pub effective_rights: Option<EffectiveRights>,
    /// Has been read. Absent on items that are no messages.
    pub is_read: Option<bool>,
    /// Not sent yet.
    pub is_draft: Option<bool>,
    /// Has attachments; those shown inline do not count.
    pub has_attachments: Option<bool>,
    /// Folder-associated (settings, hidden from users).
    pub is_associated: Option<bool>,
    /// Message-ID, brackets included.
    pub message_id: Option<String>,
    /// In-Reply-To.
    pub in_reply_to: Option<String>,
    /// References.
    pub references: Option<String>,
    /// How its text begins, from 2013 on.
    pub preview: Option<String>,
    /// The conversation, from 2010 on: an opaque id.
    pub conversation_id: Option<String>,
    /// PidTagConversationIndex, decoded.
    pub conversation_index: Option<Vec<u8>>,
    /// The subject without prefixes.
    pub conversation_topic: Option<String>,
    /// Categories, in Exchange's order.
    pub categories: Vec<String>,
    /// Names of the To recipients, joined by `; `.
    pub display_to: Option<String>,
    /// Names of the Cc recipients, joined by `; `.
    pub display_cc: Option<String>,
    /// From; only the name in listings.
    pub from: Option<Address>,
    /// Sender; only the name in listings.
    pub sender: Option<Address>,
    /// To.
    pub to: Vec<Address>,
    /// Cc.
    pub cc: Vec<Address>,
    /// Bcc.
    pub bcc: Vec<Address>,
    /// Reply-To.
    pub reply_to: Vec<Address>,
    /// Headers as Exchange parsed them.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Option<Body>,
    /// The body as plain text, whatever its form; from 2013 on.
    pub text_body: Option<String>,
    /// What hangs on it, without content.
    pub attachments: Vec<AttachmentInfo>,
    /// The follow-up flag, from 2013 on.
    pub flag: Option<FlagStatus>,
    /// MAPI properties asked for.
    pub extended: ExtendedProperties,
    /// What calendar items have, and messages about meetings of it.
    pub calendar: Option<Box<Calendar>>,
    /// What messages about meetings have.
    pub meeting: Option<Box<Meeting>>,
    /// What tasks have.
    pub task: Option<Box<Task>>,
    /// What contacts have.
    pub contact: Option<Box<Contact>>,
    /// What distribution lists have.
    pub list: Option<Box<DistributionList>>,
}

impl Item {
    /// Reads an element of the item choice.
    pub(crate) fn read(element: &Element) -> Item {
        let kind = ItemKind::from_name(element.name());
        let mut item = Item { kind, ..Item::default() };
        match kind {
            ItemKind::CalendarItem => item.calendar = Some(Box::default()),
            ItemKind::Task => item.task = Some(Box::default()),
            ItemKind::Contact => item.contact = Some(Box::default()),
            ItemKind::DistributionList => item.list = Some(Box::default()),
            kind if kind.is_meeting() => {
                item.calendar = Some(Box::default());
                item.meeting = Some(Box::default());
            }
            _ => {}
        }
        for child in element.all() {
            if !item.take_special(child) {
                item.take(child);
            }
        }
        item
    }

    /// Takes what belongs to the item's own type.
    fn take_special(&mut self, child: &Element) -> bool {
        self.meeting.as_mut().is_some_and(|meeting| meeting.take(child))
            || self.calendar.as_mut().is_some_and(|calendar| calendar.take(child))
            || self.task.as_mut().is_some_and(|task| task.take(child))
            || self.contact.as_mut().is_some_and(|contact| contact.take(child))
            || self.list.as_mut().is_some_and(|list| list.take(child))
    }

    fn take(&mut self, child: &Element) {
        let text = || Some(child.text().to_owned());
        match child.name() {
            "ItemId" => self.id = ItemId::read(child),
            "ParentFolderId" => self.parent = FolderId::read(child),
            "ItemClass" => self.class = text(),
            "Subject" => self.subject = text(),
            "Size" => self.size = child.parse(),
            "DateTimeReceived" => self.received = child.parse(),
            "DateTimeSent" => self.sent = child.parse(),
            "DateTimeCreated" => self.created = child.parse(),
            "LastModifiedTime" => self.last_modified = child.parse(),
            "LastModifiedName" => self.last_modified_name = text(),
            "Sensitivity" => self.sensitivity = Sensitivity::from_name(child.text()),
            "ReminderIsSet" => self.reminder_is_set = child.truth(),
            "ReminderDueBy" => self.reminder_due_by = read_utc(child),
            "ReminderMinutesBeforeStart" => self.reminder_minutes = child.parse(),
            "Culture" => self.culture = text(),
            "EffectiveRights" => self.effective_rights = Some(EffectiveRights::read(child)),
            "TextBody" => self.text_body = text(),
            "Preview" => self.preview = text(),
            "Importance" => self.importance = Importance::from_name(child.text()),
            "IsRead" => self.is_read = child.truth(),
            "IsDraft" => self.is_draft = child.truth(),
            "HasAttachments" => self.has_attachments = child.truth(),
            "IsAssociated" => self.is_associated = child.truth(),
            "InternetMessageId" => self.message_id = text(),
            "InReplyTo" => self.in_reply_to = text(),
            "References" => self.references = text(),
            "ConversationId" => self.conversation_id = child.attribute("Id").map(str::to_owned),
            "ConversationIndex" => self.conversation_index = STANDARD.decode(child.text().trim()).ok(),
            "ConversationTopic" => self.conversation_topic = text(),
            "Categories" => self.categories = strings(child),
            "DisplayTo" => self.display_to = text(),
            "DisplayCc" => self.display_cc = text(),
            "From" => self.from = Address::all(child).next(),
            "Sender" => self.sender = Address::all(child).next(),
            "ToRecipients" => self.to = Address::all(child).collect(),
            "CcRecipients" => self.cc = Address::all(child).collect(),
            "BccRecipients" => self.bcc = Address::all(child).collect(),
            "ReplyTo" => self.reply_to = Address::all(child).collect(),
            "InternetMessageHeaders" => self.headers = child.all().iter().filter_map(Header::read).collect(),
            "Body" => self.body = Some(Body::read(child)),
            "Attachments" => self.attachments = child.all().iter().filter_map(AttachmentInfo::read).collect(),
            "Flag" => self.flag = child.child("FlagStatus").and_then(|status| FlagStatus::from_name(status.text())),
            "ExtendedProperty" => self.extended.take(child),
            _ => {}
        }
    }
}

/// Exchange's item types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ItemKind {
    /// An item with no type of its own, as 2007 returned them.
    Item,
    /// Mail, and everything without a type of its own.
    #[default]
    Message,
    /// An appointment or a meeting.
    CalendarItem,
    /// A contact.
    Contact,
    /// A distribution list.
    DistributionList,
    /// A message about a meeting.
    MeetingMessage,
    /// An invitation.
    MeetingRequest,
    /// An answer to an invitation.
    MeetingResponse,
    /// A meeting called off.
    MeetingCancellation,
    /// A task.
    Task,
    /// A post in a folder.
    PostItem,
    /// Any other: people and networks, in newer versions.
    Other,
}

impl ItemKind {
    /// The element's name in a request, prefix included.
    pub(crate) fn element(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("t:Item", |(_, name)| name)
    }

    /// A message about a meeting.
    pub fn is_meeting(self) -> bool {
        matches!(
            self,
            ItemKind::MeetingMessage
                | ItemKind::MeetingRequest
                | ItemKind::MeetingResponse
                | ItemKind::MeetingCancellation
        )
    }

    /// Newer servers have types this client has no use for; they are items all the same.
    fn from_name(name: &str) -> ItemKind {
        KINDS
            .iter()
            .find(|(_, known)| known.strip_prefix("t:") == Some(name))
            .map_or(ItemKind::Other, |(kind, _)| *kind)
    }
}

/// How important an item is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    /// Less than usual.
    Low,
    /// Usual.
    Normal,
    /// More than usual.
    High,
}

impl Importance {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Importance::Low => "Low",
            Importance::Normal => "Normal",
            Importance::High => "High",
        }
    }

    fn from_name(name: &str) -> Option<Importance> {
        match name.trim() {
            "Low" => Some(Importance::Low),
            "Normal" => Some(Importance::Normal),
            "High" => Some(Importance::High),
            _ => None,
        }
    }
}

words! {
    /// Who may see an item (EWS "SensitivityChoicesType").
    Sensitivity {
        Normal "Normal",
        Personal "Personal",
        Private "Private",
        Confidential "Confidential",
    }
}

/// The follow-up flag (EWS "FlagStatus").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagStatus {
    /// None.
    NotFlagged,
    /// Set.
    Flagged,
    /// Done.
    Complete,
}

impl FlagStatus {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            FlagStatus::NotFlagged => "NotFlagged",
            FlagStatus::Flagged => "Flagged",
            FlagStatus::Complete => "Complete",
        }
    }

    fn from_name(name: &str) -> Option<FlagStatus> {
        [FlagStatus::NotFlagged, FlagStatus::Flagged, FlagStatus::Complete]
            .into_iter()
            .find(|status| status.as_str() == name.trim())
    }
}

/// Somebody mail is from or to (EWS "Mailbox").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// The name shown.
    pub name: Option<String>,
    /// The address; an X.500 name if `routing` is `EX`.
    pub address: Option<String>,
    /// `SMTP` or `EX`.
    pub routing: Option<String>,
    /// What is behind the address.
    pub kind: Option<MailboxKind>,
    /// The item that stands for it, of a contact or a private distribution list.
    pub item: Option<ItemId>,
}

words! {
    /// What is behind an address (EWS "MailboxTypeType").
    MailboxKind {
        Unknown "Unknown",
        OneOff "OneOff",
        Mailbox "Mailbox",
        PublicList "PublicDL",
        PrivateList "PrivateDL",
        Contact "Contact",
        PublicFolder "PublicFolder",
        GroupMailbox "GroupMailbox",
        ImplicitContact "ImplicitContact",
    }
}

impl Address {
    /// Every Mailbox directly inside an element.
    pub(crate) fn all(element: &Element) -> impl Iterator<Item = Address> + '_ {
        element.children("Mailbox").map(Address::read)
    }

    /// An SMTP address.
    pub fn smtp(address: impl Into<String>) -> Address {
        Address { address: Some(address.into()), ..Address::default() }
    }

    pub(crate) fn write(&self, xml: &mut Xml) {
        self.write_as(xml, "t:Mailbox");
    }

    /// Order as in the schema: Name, EmailAddress, RoutingType, MailboxType, ItemId.
    pub(crate) fn write_as(&self, xml: &mut Xml, name: &'static str) {
        xml.within(name, &[], |xml| {
            let parts = [("t:Name", &self.name), ("t:EmailAddress", &self.address), ("t:RoutingType", &self.routing)];
            for (name, text) in parts {
                if let Some(text) = text {
                    xml.text(name, text);
                }
            }
            if let Some(kind) = self.kind {
                xml.text("t:MailboxType", kind.as_str());
            }
            if let Some(item) = &self.item {
                item.write(xml);
            }
        });
    }

    pub(crate) fn read(mailbox: &Element) -> Address {
        let text = |name| mailbox.child(name).map(|child| child.text().to_owned());
        Address {
            name: text("Name"),
            address: text("EmailAddress"),
            routing: text("RoutingType"),
            kind: mailbox.child("MailboxType").and_then(|kind| MailboxKind::from_name(kind.text())),
            item: mailbox.child("ItemId").and_then(ItemId::read),
        }
    }
}

/// One header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The field's name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Header {
    fn read(element: &Element) -> Option<Header> {
        Some(Header { name: element.attribute("HeaderName")?.to_owned(), value: element.text().to_owned() })
    }
}

/// A body, in the form asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Its form.
    pub kind: BodyKind,
    /// Its text.
    pub text: String,
}

impl Body {
    fn read(element: &Element) -> Body {
        let html = element.attribute("BodyType") == Some("HTML");
        Body { kind: if html { BodyKind::Html } else { BodyKind::Text }, text: element.text().to_owned() }
    }
}

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// HTML.
    Html,
    /// Plain text.
    Text,
}

impl BodyKind {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            BodyKind::Html => "HTML",
            BodyKind::Text => "Text",
        }
    }
}

/// An attachment without its content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttachmentInfo {
    /// Its id.
    pub id: Option<AttachmentId>,
    /// An item inside the item, rather than a file.
    pub is_item: bool,
    /// Its file name.
    pub name: Option<String>,
    /// Its media type, as the sender said.
    pub content_type: Option<String>,
    /// Its Content-ID.
    pub content_id: Option<String>,
    /// Bytes, roughly; from 2010 on.
    pub size: Option<u64>,
    /// When it was last changed; from 2010 on.
    pub last_modified: Option<Timestamp>,
    /// Shown inside the body; from 2010 on.
    pub is_inline: Option<bool>,
    /// The photo of the contact it hangs on; from 2010 on.
    pub is_contact_photo: Option<bool>,
    /// Where the file is, for one that is only referred to.
    pub location: Option<String>,
}

impl AttachmentInfo {
    pub(crate) fn read(element: &Element) -> Option<AttachmentInfo> {
        if !matches!(element.name(), "FileAttachment" | "ItemAttachment" | "ReferenceAttachment") {
            return None;
        }
        let text = |name| element.child(name).map(|child| child.text().to_owned());
        Some(AttachmentInfo {
            id: element.child("AttachmentId").and_then(AttachmentId::read),
            is_item: element.name() == "ItemAttachment",
            name: text("Name"),
            content_type: text("ContentType"),
            content_id: text("ContentId"),
            size: element.child("Size").and_then(Element::parse),
            last_modified: element.child("LastModifiedTime").and_then(read_utc),
            is_inline: element.child("IsInline").and_then(Element::truth),
            is_contact_photo: element.child("IsContactPhoto").and_then(Element::truth),
            location: text("ContentLocation").or_else(|| text("AttachLongPathName")),
        })
    }
}

/// The `String` elements in a list of texts.
pub(crate) fn strings(element: &Element) -> Vec<String> {
    element.children("String").map(|text| text.text().to_owned()).collect()
}

const KINDS: [(ItemKind, &str); 12] = [
    (ItemKind::Item, "t:Item"),
    (ItemKind::Message, "t:Message"),
    (ItemKind::Message, "t:SharingMessage"),
    (ItemKind::CalendarItem, "t:CalendarItem"),
    (ItemKind::Contact, "t:Contact"),
    (ItemKind::DistributionList, "t:DistributionList"),
    (ItemKind::MeetingMessage, "t:MeetingMessage"),
    (ItemKind::MeetingRequest, "t:MeetingRequest"),
    (ItemKind::MeetingResponse, "t:MeetingResponse"),
    (ItemKind::MeetingCancellation, "t:MeetingCancellation"),
    (ItemKind::Task, "t:Task"),
    (ItemKind::PostItem, "t:PostItem"),
];
