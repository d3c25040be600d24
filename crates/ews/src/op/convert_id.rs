//! ConvertId: the same item's id in another form.

use crate::operation::{Operation, Payload, each};
use crate::soap::{Element, Xml};
use crate::types::Version;
use crate::{Error, ItemError};

/// Converts ids.
#[derive(Clone, Debug)]
pub struct ConvertId {
    /// Which.
    pub ids: Vec<String>,
    /// The form they have.
    pub from: IdFormat,
    /// The form wanted.
    pub to: IdFormat,
    /// The primary SMTP address of the mailbox they belong to.
    pub mailbox: String,
}

/// Forms of ids (EWS "IdFormat").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdFormat {
    /// EWS before 2007 SP1.
    EwsLegacyId,
    /// EWS.
    EwsId,
    /// MAPI, base64.
    EntryId,
    /// MAPI, hexadecimal.
    HexEntryId,
    /// Outlook Web Access before 2007.
    StoreId,
    /// Outlook Web Access.
    OwaId,
}

impl IdFormat {
    fn as_str(self) -> &'static str {
        match self {
            IdFormat::EwsLegacyId => "EwsLegacyId",
            IdFormat::EwsId => "EwsId",
            IdFormat::EntryId => "EntryId",
            IdFormat::HexEntryId => "HexEntryId",
            IdFormat::StoreId => "StoreId",
            IdFormat::OwaId => "OwaId",
        }
    }
}

impl Operation for ConvertId {
    type Payload = Converted;
    type Answer = Vec<Result<String, ItemError>>;
    const NAME: &'static str = "ConvertId";

    fn required(&self) -> Version {
        Version::Exchange2007Sp1
    }

    fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:ConvertId", &[("DestinationFormat", self.to.as_str())], |xml| {
            xml.within("m:SourceIds", &[], |xml| {
                for id in &self.ids {
                    let id = [("Format", self.from.as_str()), ("Id", id), ("Mailbox", &self.mailbox)];
                    xml.empty("t:AlternateId", &id);
                }
            });
        });
    }

    fn answer(&self, messages: Vec<Result<Converted, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.ids.len(), messages, |converted| converted.0.ok_or(ItemError::incomplete("id")))
    }
}

/// The payload of ConvertId.
#[derive(Debug, Default)]
pub struct Converted(Option<String>);

impl Payload for Converted {
    fn take(&mut self, _container: &str, element: Element) {
        if element.name() == "AlternateId" {
            self.0 = element.attribute("Id").map(str::to_owned);
        }
    }
}
