//! GetStreamingEvents: the request; the answer never ends and is read by [`crate::EventStream`].

use super::get_events::Notification;
use crate::operation::{Operation, Payload};
use crate::soap::{Element, Xml};
use crate::types::Version;
use crate::{Error, ItemError};

/// Asks for the events of subscriptions as they happen.
#[derive(Clone, Debug)]
pub struct GetStreamingEvents {
    /// Which, at most 200.
    pub subscriptions: Vec<String>,
    /// How long the stream shall last, 1 to 30.
    pub minutes: u8,
}

impl Operation for GetStreamingEvents {
    type Payload = Streamed;
    type Answer = Vec<Result<Streamed, ItemError>>;
    const NAME: &'static str = "GetStreamingEvents";
    const AFFINE: bool = true;

    fn required(&self) -> Version {
        Version::Exchange2010Sp1
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:GetStreamingEvents", &[], |xml| {
            xml.within("m:SubscriptionIds", &[], |xml| {
                self.subscriptions.iter().for_each(|id| xml.text("t:SubscriptionId", id));
            });
            xml.text("m:ConnectionTimeout", &self.minutes.clamp(1, 30).to_string());
        });
    }

    fn answer(&self, messages: Vec<Result<Streamed, ItemError>>) -> Result<Self::Answer, Error> {
        Ok(messages)
    }
}

/// What one document of the stream tells.
#[derive(Debug, Default)]
pub struct Streamed {
    /// What happened.
    pub notifications: Vec<Notification>,
    /// Subscriptions the stream does not serve (`ErrorSubscriptionIds`).
    pub refused: Vec<String>,
    /// The stream ends here.
    pub closed: bool,
}

impl Payload for Streamed {
    fn take(&mut self, _container: &str, element: Element) {
        match element.name() {
            "Notifications" => {
                self.notifications.extend(element.children("Notification").map(Notification::read));
            }
            "ErrorSubscriptionIds" => {
                self.refused.extend(element.children("SubscriptionId").map(|id| id.text().trim().to_owned()));
            }
            "ConnectionStatus" => self.closed = element.text().trim() == "Closed",
            _ => {}
        }
    }
}
