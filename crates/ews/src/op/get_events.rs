//! GetEvents: what a pull subscription has to tell.

use jiff::Timestamp;

use super::subscribe::EventType;
use crate::operation::{Operation, Payload, only};
use crate::soap::{Element, Xml};
use crate::types::{FolderId, ItemId, Version};
use crate::{Error, ItemError};

/// Asks for events after a watermark.
#[derive(Clone, Debug)]
pub struct GetEvents {
    /// Of which subscription.
    pub subscription: String,
    /// The last watermark seen.
    pub watermark: String,
}

/// What one subscription tells.
#[derive(Clone, Debug, Default)]
pub struct Notification {
    /// Which subscription.
    pub subscription: String,
    /// Where to go on; None when streaming.
    pub watermark: Option<String>,
    /// There is more to get at once.
    pub more: bool,
    /// The events. Nothing in them says what changed: sync the folders they name.
    pub events: Vec<Event>,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventType,
    /// When.
    pub at: Option<Timestamp>,
    /// To what.
    pub object: Object,
    /// The folder it is in now.
    pub parent: Option<FolderId>,
    /// The folder it was in before, for moves and copies.
    pub old_parent: Option<FolderId>,
    /// Its id before, for moves and copies of items.
    pub old_item: Option<ItemId>,
    /// For a folder that changed only because of what is in it: how many unread items it has now.
    pub unread: Option<u32>,
}

/// What an event happened to.
#[derive(Clone, Debug)]
pub enum Object {
    /// An item. For moves, its id after the move.
    Item(ItemId),
    /// A folder.
    Folder(FolderId),
}

impl Operation for GetEvents {
    type Payload = Told;
    type Answer = Notification;
    const NAME: &'static str = "GetEvents";
    const AFFINE: bool = true;

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:GetEvents", &[], |xml| {
            xml.text("m:SubscriptionId", &self.subscription);
            xml.text("m:Watermark", &self.watermark);
        });
    }

    fn answer(&self, messages: Vec<Result<Told, ItemError>>) -> Result<Notification, Error> {
        only(messages)?.0.ok_or_else(|| Error::protocol("the answer has no notification"))
    }
}

/// The payload of GetEvents.
#[derive(Debug, Default)]
pub struct Told(Option<Notification>);

impl Payload for Told {
    fn take(&mut self, _container: &str, element: Element) {
        if element.name() == "Notification" {
            self.0 = Some(Notification::read(&element));
        }
    }
}

impl Notification {
    pub(crate) fn read(element: &Element) -> Notification {
        let mut notification = Notification::default();
        for child in element.all() {
            match child.name() {
                "SubscriptionId" => notification.subscription = child.text().to_owned(),
                "MoreEvents" => notification.more = child.truth().unwrap_or(false),
                "PreviousWatermark" => {}
                _ => notification.take(child),
            }
        }
        notification
    }

    /// Every event, the idle StatusEvent too, carries the watermark to go on from.
    fn take(&mut self, event: &Element) {
        if let Some(watermark) = event.child("Watermark") {
            self.watermark = Some(watermark.text().to_owned());
        }
        self.events.extend(Event::read(event));
    }
}

impl Event {
    fn read(element: &Element) -> Option<Event> {
        let folder = |name| element.child(name).and_then(FolderId::read);
        let object = match element.child("ItemId").and_then(ItemId::read) {
            Some(item) => Object::Item(item),
            None => Object::Folder(folder("FolderId")?),
        };
        Some(Event {
            kind: EventType::from_name(element.name())?,
            at: element.child("TimeStamp").and_then(Element::parse),
            object,
            parent: folder("ParentFolderId"),
            old_parent: folder("OldParentFolderId"),
            old_item: element.child("OldItemId").and_then(ItemId::read),
            unread: element.child("UnreadCount").and_then(Element::parse),
        })
    }
}
