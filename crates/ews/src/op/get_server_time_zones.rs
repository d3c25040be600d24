//! GetServerTimeZones: the time zones the server knows.

use crate::operation::{Operation, Payload, only};
use crate::soap::{Element, Xml};
use crate::types::{TimeZoneDefinition, Version};
use crate::{Error, ItemError};

/// Asks for time zones; some 140 of them are half a megabyte.
#[derive(Clone, Debug)]
pub struct GetServerTimeZones {
    /// Which, by their names in Windows; all when empty.
    pub ids: Vec<String>,
    /// With their periods and transitions, or names only.
    pub full: bool,
}

impl Operation for GetServerTimeZones {
    type Payload = Zones;
    type Answer = Vec<TimeZoneDefinition>;
    const NAME: &'static str = "GetServerTimeZones";

    fn required(&self) -> Version {
        Version::Exchange2010
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        let full = if self.full { "true" } else { "false" };
        xml.within("m:GetServerTimeZones", &[("ReturnFullTimeZoneData", full)], |xml| {
            if !self.ids.is_empty() {
                xml.within("m:Ids", &[], |xml| self.ids.iter().for_each(|id| xml.text("t:Id", id)));
            }
        });
    }

    fn answer(&self, messages: Vec<Result<Zones, ItemError>>) -> Result<Vec<TimeZoneDefinition>, Error> {
        Ok(only(messages)?.0)
    }
}

/// The payload of GetServerTimeZones.
#[derive(Debug, Default)]
pub struct Zones(Vec<TimeZoneDefinition>);

impl Payload for Zones {
    fn take(&mut self, container: &str, element: Element) {
        if container == "TimeZoneDefinitions" {
            self.0.push(TimeZoneDefinition::read(&element));
        }
    }
}
