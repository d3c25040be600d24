//! GetRooms: the rooms in a list of rooms.

use crate::operation::{Operation, Payload, only};
use crate::soap::{Element, Xml};
use crate::types::{Address, Version};
use crate::{Error, ItemError};

/// Asks for the rooms in a list.
#[derive(Clone, Debug)]
pub struct GetRooms {
    /// The list's address.
    pub list: String,
}

impl Operation for GetRooms {
    type Payload = Rooms;
    type Answer = Vec<Address>;
    const NAME: &'static str = "GetRooms";

    fn required(&self) -> Version {
        Version::Exchange2010
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:GetRooms", &[], |xml| Address::smtp(&self.list).write_as(xml, "m:RoomList"));
    }

    fn answer(&self, messages: Vec<Result<Rooms, ItemError>>) -> Result<Vec<Address>, Error> {
        Ok(only(messages)?.0)
    }
}

/// The payload of GetRooms.
#[derive(Debug, Default)]
pub struct Rooms(Vec<Address>);

impl Payload for Rooms {
    fn take(&mut self, _container: &str, element: Element) {
        if element.name() == "Rooms" {
            self.0.extend(element.children("Room").filter_map(|room| room.child("Id")).map(Address::read));
        }
    }
}
