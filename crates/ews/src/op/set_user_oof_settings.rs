//! SetUserOofSettings: change the automatic replies of a mailbox.

use super::get_user_oof_settings::{Oof, write_mailbox};
use crate::operation::{Operation, only};
use crate::soap::Xml;
use crate::types::{OutOfOffice, Version};
use crate::{Error, ItemError};

/// Changes the automatic replies.
#[derive(Clone, Debug)]
pub struct SetUserOofSettings {
    /// Whose mailbox, by address.
    pub mailbox: String,
    /// All of the settings.
    pub settings: OutOfOffice,
}

impl Operation for SetUserOofSettings {
    type Payload = Oof;
    type Answer = ();
    const NAME: &'static str = "SetUserOofSettings";

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:SetUserOofSettingsRequest", &[], |xml| {
            write_mailbox(xml, &self.mailbox);
            self.settings.write(xml);
        });
    }

    fn answer(&self, messages: Vec<Result<Oof, ItemError>>) -> Result<(), Error> {
        only(messages)?.judged().map(|_| ())
    }
}
