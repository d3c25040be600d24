//! Subscribe: be told of events, by asking (pull) or by a stream.

use crate::operation::{Operation, Payload, only};
use crate::soap::{Element, Xml};
use crate::types::{FolderRef, Version};
use crate::{Error, ItemError};

/// Subscribes to events.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// Of which folders; None for the whole mailbox, from 2010 on.
    pub folders: Option<Vec<FolderRef>>,
    /// To which kinds.
    pub events: Vec<EventType>,
    /// How they are fetched.
    pub delivery: Delivery,
}

/// How events are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// By [`crate::Client::stream`]; from 2010 SP1 on.
    Streaming,
    /// By [`super::get_events::GetEvents`].
    Pull {
        /// The subscription ends when nobody asks for this long; 1 to 1440 minutes.
        minutes: u16,
        /// Where an earlier subscription got to.
        watermark: Option<String>,
    },
}

/// Kinds of events (EWS "EventType").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// Something was copied.
    Copied,
    /// Something was made.
    Created,
    /// Something was deleted for good.
    Deleted,
    /// Something changed.
    Modified,
    /// Something was moved.
    Moved,
    /// Mail arrived.
    NewMail,
    /// Free/busy times changed; from 2010 on.
    FreeBusyChanged,
}

impl EventType {
    /// All that mail needs.
    pub const MAIL: [EventType; 6] = [
        EventType::Copied,
        EventType::Created,
        EventType::Deleted,
        EventType::Modified,
        EventType::Moved,
        EventType::NewMail,
    ];

    /// All there are; from 2010 on.
    pub const ALL: [EventType; 7] = [
        EventType::Copied,
        EventType::Created,
        EventType::Deleted,
        EventType::Modified,
        EventType::Moved,
        EventType::NewMail,
        EventType::FreeBusyChanged,
    ];

    fn as_str(self) -> &'static str {
        match self {
            EventType::Copied => "CopiedEvent",
            EventType::Created => "CreatedEvent",
            EventType::Deleted => "DeletedEvent",
            EventType::Modified => "ModifiedEvent",
            EventType::Moved => "MovedEvent",
            EventType::NewMail => "NewMailEvent",
            EventType::FreeBusyChanged => "FreeBusyChangedEvent",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<EventType> {
        EventType::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// Where GetEvents begins; None when streaming.
    pub watermark: Option<String>,
}

impl Operation for Subscribe {
    type Payload = Made;
    type Answer = Subscription;
    const NAME: &'static str = "Subscribe";
    const AFFINE: bool = true;
    /// A second one made by mistake costs one of the subscriptions a mailbox may have, until it times out.
    const IDEMPOTENT: bool = true;

    fn required(&self) -> Version {
        match (&self.delivery, &self.folders) {
            (Delivery::Streaming, _) => Version::Exchange2010Sp1,
            (_, None) => Version::Exchange2010,
            _ if self.events.contains(&EventType::FreeBusyChanged) => Version::Exchange2010,
            _ => Version::Exchange2007,
        }
    }

    fn wished(&self) -> Version {
        self.folders.iter().flatten().map(FolderRef::since).fold(self.required(), Version::max)
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        let name = match self.delivery {
            Delivery::Streaming => "m:StreamingSubscriptionRequest",
            Delivery::Pull { .. } => "m:PullSubscriptionRequest",
        };
        let all: &[(&str, &str)] = if self.folders.is_none() { &[("SubscribeToAllFolders", "true")] } else { &[] };
        xml.within("m:Subscribe", &[], |xml| {
            xml.within(name, all, |xml| {
                if let Some(folders) = &self.folders {
                    xml.within("t:FolderIds", &[], |xml| folders.iter().for_each(|folder| folder.write(xml)));
                }
                xml.within("t:EventTypes", &[], |xml| {
                    self.events.iter().for_each(|event| xml.text("t:EventType", event.as_str()));
                });
                if let Delivery::Pull { minutes, watermark } = &self.delivery {
                    if let Some(watermark) = watermark {
                        xml.text("t:Watermark", watermark);
                    }
                    xml.text("t:Timeout", &(*minutes).clamp(1, 1440).to_string());
                }
            });
        });
    }

    fn answer(&self, messages: Vec<Result<Made, ItemError>>) -> Result<Subscription, Error> {
        let made = only(messages)?;
        let id = made.id.ok_or_else(|| Error::protocol("the answer has no subscription id"))?;
        Ok(Subscription { id, watermark: made.watermark })
    }
}

/// The payload of Subscribe.
#[derive(Debug, Default)]
pub struct Made {
    id: Option<String>,
    watermark: Option<String>,
}

impl Payload for Made {
    fn take(&mut self, _container: &str, element: Element) {
        match element.name() {
            "SubscriptionId" => self.id = Some(element.text().to_owned()),
            "Watermark" => self.watermark = Some(element.text().to_owned()),
            _ => {}
        }
    }
}
