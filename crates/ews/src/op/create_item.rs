//! CreateItem: new messages, from MIME or from properties; saved, sent, or both.

use jiff::Timestamp;

use super::payload::Items;
use crate::mime::MimeSource;
use crate::operation::{Operation, each, only};
use crate::soap::Xml;
use crate::types::{
    Address, Body, ExtendedField, FlagStatus, FolderRef, Importance, ItemId, PropertyKind, Value, Version,
    write_property,
};
use crate::{Error, ItemError};

/// Makes one message. The answer is its id if it was saved, None if it was sent.
///
/// A message made from MIME is a draft unless [`MESSAGE_FLAGS`] says otherwise, and that cannot be changed later.
#[derive(Clone, Debug)]
pub struct CreateItem {
    /// What happens to it.
    pub disposition: Disposition,
    /// Where it is saved; in Drafts or Sent Items when None.
    pub folder: Option<FolderRef>,
    /// What it is.
    pub message: NewMessage,
}

/// What happens to a new message (EWS "MessageDisposition").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It is saved.
    SaveOnly,
    /// It is sent, and no copy is kept.
    SendOnly,
    /// It is sent, and a copy is saved.
    SendAndSaveCopy,
}

impl Disposition {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Disposition::SaveOnly => "SaveOnly",
            Disposition::SendOnly => "SendOnly",
            Disposition::SendAndSaveCopy => "SendAndSaveCopy",
        }
    }
}

/// A message to be; what is empty or None is not sent.
#[derive(Clone, Debug, Default)]
pub struct NewMessage {
    /// All of it as MIME.
    pub mime: Option<MimeSource>,
    /// Such as `IPM.Note`.
    pub class: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// The body.
    pub body: Option<Body>,
    /// Categories.
    pub categories: Vec<String>,
    /// How important.
    pub importance: Option<Importance>,
    /// MAPI properties.
    pub extended: Vec<(ExtendedField, Value)>,
    /// The follow-up flag; left out before 2013.
    pub flag: Option<FlagStatus>,
    /// To.
    pub to: Vec<Address>,
    /// Cc.
    pub cc: Vec<Address>,
    /// Bcc.
    pub bcc: Vec<Address>,
    /// A report of each delivery is wanted.
    pub delivery_receipt: bool,
    /// From, when sending for somebody else.
    pub from: Option<Address>,
    /// Has been read.
    pub is_read: Option<bool>,
}

impl NewMessage {
    /// Sets when it arrived, PidTagMessageDeliveryTime, which item:DateTimeReceived shows but does not let write.
    pub fn received(mut self, at: Timestamp) -> NewMessage {
        self.extended.push((DELIVERY_TIME, Value::Time(at)));
        self
    }

    /// Sets PidTagMessageFlags: 1 for a message that was read, 0 for one that was not, 8 more for a draft.
    pub fn message_flags(mut self, flags: i64) -> NewMessage {
        self.extended.push((MESSAGE_FLAGS, Value::Integer(flags)));
        self
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        if self.mime.is_some() {
            xml.within("t:MimeContent", &[("CharacterSet", "UTF-8")], Xml::splice);
        }
        write_some(xml, "t:ItemClass", self.class.as_deref());
        write_some(xml, "t:Subject", self.subject.as_deref());
        if let Some(body) = &self.body {
            xml.text_with("t:Body", &[("BodyType", body.kind.as_str())], &body.text);
        }
        if !self.categories.is_empty() {
            write_strings(xml, "t:Categories", &self.categories);
        }
        write_some(xml, "t:Importance", self.importance.map(Importance::as_str));
        for (field, value) in &self.extended {
            write_property(xml, field, value);
        }
        if let Some(flag) = self.flag.filter(|_| version >= Version::Exchange2013) {
            xml.within("t:Flag", &[], |xml| xml.text("t:FlagStatus", flag.as_str()));
        }
        write_addresses(xml, "t:ToRecipients", &self.to);
        write_addresses(xml, "t:CcRecipients", &self.cc);
        write_addresses(xml, "t:BccRecipients", &self.bcc);
        write_some(xml, "t:IsDeliveryReceiptRequested", self.delivery_receipt.then_some("true"));
        write_addresses(xml, "t:From", self.from.as_slice());
        write_some(xml, "t:IsRead", self.is_read.map(|read| if read { "true" } else { "false" }));
    }
}

impl Operation for CreateItem {
    type Payload = Items;
    type Answer = Option<ItemId>;
    const NAME: &'static str = "CreateItem";
    const IDEMPOTENT: bool = false;

    fn wished(&self) -> Version {
        let flag = self.message.flag.map_or(self.required(), |_| Version::Exchange2013);
        self.folder.as_ref().map_or(flag, |folder| folder.since().max(flag))
    }

    fn sends(&self) -> bool {
        self.disposition != Disposition::SaveOnly
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        xml.within("m:CreateItem", &[("MessageDisposition", self.disposition.as_str())], |xml| {
            if let Some(folder) = &self.folder {
                xml.within("m:SavedItemFolderId", &[], |xml| folder.write(xml));
            }
            xml.within("m:Items", &[], |xml| {
                xml.within("t:Message", &[], |xml| self.message.write(xml, version));
            });
        });
    }

    fn mime(&self) -> Vec<&MimeSource> {
        self.message.mime.iter().collect()
    }

    fn answer(&self, messages: Vec<Result<Items, ItemError>>) -> Result<Option<ItemId>, Error> {
        let id = only(messages)?.id();
        match self.disposition {
            Disposition::SaveOnly if id.is_none() => Err(Error::protocol("the answer has no item id").maybe_done()),
            _ => Ok(id),
        }
    }
}

/// Makes several messages in one folder. The answers are their ids, or why one was not made; the others are made
/// all the same.
#[derive(Clone, Debug)]
pub struct CreateItems {
    /// Where they are saved.
    pub folder: FolderRef,
    /// What they are.
    pub messages: Vec<NewMessage>,
}

impl Operation for CreateItems {
    type Payload = Items;
    type Answer = Vec<Result<ItemId, ItemError>>;
    const NAME: &'static str = "CreateItem";
    const IDEMPOTENT: bool = false;

    fn wished(&self) -> Version {
        let flagged = self.messages.iter().any(|message| message.flag.is_some());
        let flag = if flagged { Version::Exchange2013 } else { self.required() };
        self.folder.since().max(flag)
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        xml.within("m:CreateItem", &[("MessageDisposition", Disposition::SaveOnly.as_str())], |xml| {
            xml.within("m:SavedItemFolderId", &[], |xml| self.folder.write(xml));
            xml.within("m:Items", &[], |xml| {
                for message in &self.messages {
                    xml.within("t:Message", &[], |xml| message.write(xml, version));
                }
            });
        });
    }

    fn mime(&self) -> Vec<&MimeSource> {
        self.messages.iter().filter_map(|message| message.mime.as_ref()).collect()
    }

    fn answer(&self, messages: Vec<Result<Items, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.messages.len(), messages, |items| items.id().ok_or(ItemError::incomplete("item id")))
    }
}

/// PidTagMessageFlags (MS-OXCMSG 2.2.1.6).
pub const MESSAGE_FLAGS: ExtendedField = ExtendedField::tag(0x0E07, PropertyKind::Integer);

/// PidTagMessageDeliveryTime (MS-OXOMSG 2.2.3.9).
pub const DELIVERY_TIME: ExtendedField = ExtendedField::tag(0x0E06, PropertyKind::SystemTime);

fn write_some(xml: &mut Xml, name: &'static str, text: Option<&str>) {
    if let Some(text) = text {
        xml.text(name, text);
    }
}

fn write_strings(xml: &mut Xml, name: &'static str, texts: &[String]) {
    xml.within(name, &[], |xml| texts.iter().for_each(|text| xml.text("t:String", text)));
}

fn write_addresses(xml: &mut Xml, name: &'static str, addresses: &[Address]) {
    if !addresses.is_empty() {
        xml.within(name, &[], |xml| addresses.iter().for_each(|address| address.write(xml)));
    }
}
