//! GetRoomLists: the lists the organization's rooms are sorted into.

use crate::operation::{Operation, Payload, only};
use crate::soap::{Element, Xml};
use crate::types::{Address, Version};
use crate::{Error, ItemError};

/// Asks for the lists of rooms; [`super::get_rooms::GetRooms`] tells the rooms in one.
#[derive(Clone, Copy, Debug)]
pub struct GetRoomLists;

impl Operation for GetRoomLists {
    type Payload = Addresses;
    type Answer = Vec<Address>;
    const NAME: &'static str = "GetRoomLists";

    fn required(&self) -> Version {
        Version::Exchange2010
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.empty("m:GetRoomLists", &[]);
    }

    fn answer(&self, messages: Vec<Result<Addresses, ItemError>>) -> Result<Vec<Address>, Error> {
        Ok(only(messages)?.0)
    }
}

/// The payload of GetRoomLists.
#[derive(Debug, Default)]
pub struct Addresses(Vec<Address>);

impl Payload for Addresses {
    fn take(&mut self, _container: &str, element: Element) {
        if element.name() == "RoomLists" {
            self.0.extend(element.children("Address").map(Address::read));
        }
    }
}
