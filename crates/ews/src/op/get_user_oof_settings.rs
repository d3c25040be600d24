//! GetUserOofSettings: the automatic replies of a mailbox.

use crate::operation::{Operation, Payload, only};
use crate::soap::{Element, Outcome, Xml};
use crate::types::{Audience, OutOfOffice, Version};
use crate::{Error, ItemError};

/// Asks for the automatic replies.
#[derive(Clone, Debug)]
pub struct GetUserOofSettings {
    /// Whose mailbox, by address.
    pub mailbox: String,
}

/// Automatic replies, and what the administrator allows of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserOofSettings {
    /// The settings.
    pub settings: OutOfOffice,
    /// Whom outside the organization replies may go to at most.
    pub allowed: Option<Audience>,
}

impl Operation for GetUserOofSettings {
    type Payload = Oof;
    type Answer = UserOofSettings;
    const NAME: &'static str = "GetUserOofSettings";

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:GetUserOofSettingsRequest", &[], |xml| write_mailbox(xml, &self.mailbox));
    }

    fn answer(&self, messages: Vec<Result<Oof, ItemError>>) -> Result<UserOofSettings, Error> {
        let oof = only(messages)?.judged()?;
        let settings = oof.settings.ok_or_else(|| Error::protocol("the answer has no automatic replies"))?;
        Ok(UserOofSettings { settings, allowed: oof.allowed })
    }
}

/// The payload of the operations on automatic replies.
#[derive(Debug, Default)]
pub struct Oof {
    outcome: Option<Outcome>,
    settings: Option<OutOfOffice>,
    allowed: Option<Audience>,
}

impl Oof {
    /// Fails if Exchange said so.
    pub(super) fn judged(mut self) -> Result<Oof, Error> {
        let outcome =
            self.outcome.take().ok_or_else(|| Error::protocol("the answer does not say how it turned out"))?;
        Ok(outcome.judge(self)?)
    }
}

impl Payload for Oof {
    fn take(&mut self, _container: &str, element: Element) {
        match element.name() {
            "ResponseMessage" => self.outcome = Some(Outcome::read(&element)),
            "OofSettings" => self.settings = OutOfOffice::read(&element),
            "AllowExternalOof" => self.allowed = Audience::from_name(element.text()),
            _ => {}
        }
    }
}

pub(super) fn write_mailbox(xml: &mut Xml, address: &str) {
    xml.within("t:Mailbox", &[], |xml| xml.text("t:Address", address));
}
