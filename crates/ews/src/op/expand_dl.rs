//! ExpandDL: who is in a distribution list, one level deep.

use crate::operation::{Operation, Payload, only};
use crate::soap::{Element, Xml};
use crate::types::{Address, Version};
use crate::{Error, ItemError};

/// Asks who is in a list of the directory, by its address, or in a private one, by its item.
#[derive(Clone, Debug)]
pub struct ExpandDl {
    /// The list.
    pub list: Address,
}

/// Those in a list.
#[derive(Clone, Debug, Default)]
pub struct Expansion {
    /// Each of them; lists among them are told apart by their kind.
    pub members: Vec<Address>,
    /// There are no more.
    pub complete: bool,
}

impl Operation for ExpandDl {
    type Payload = Found;
    type Answer = Expansion;
    const NAME: &'static str = "ExpandDL";

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:ExpandDL", &[], |xml| self.list.write_as(xml, "m:Mailbox"));
    }

    fn answer(&self, messages: Vec<Result<Found, ItemError>>) -> Result<Expansion, Error> {
        Ok(only(messages)?.0)
    }
}

/// The payload of ExpandDL.
#[derive(Debug, Default)]
pub struct Found(Expansion);

impl Payload for Found {
    fn take(&mut self, _container: &str, element: Element) {
        if element.name() == "DLExpansion" {
            self.0.complete = element.attribute("IncludesLastItemInRange") != Some("false");
            self.0.members.extend(Address::all(&element));
        }
    }
}
