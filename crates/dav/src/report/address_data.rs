//! `CARDDAV:address-data` in requests: which properties of a card come back, in which version of vCard (RFC 6352
//! section 10.4).

use http::StatusCode;
use pim::Component;
use pim::vcard::{Version, to_v3, to_v4, version};

use super::filter::unmet;
use super::selection::{Wanted, select};
use crate::error::Error;
use crate::xml::Element;

/// What is to be left of a card.
#[derive(Clone, Debug)]
pub(crate) struct AddressData {
    version: Version,
    wanted: Option<Vec<Wanted>>,
}

impl AddressData {
    /// Reads the element of a request. Where no version is named, it is 3.0: `<!ATTLIST address-data ... version CDATA
    /// "3.0">`.
    ///
    /// # Errors
    /// `supported-address-data`.
    pub(crate) fn read(element: &Element) -> Result<Self, Error> {
        let kind = element.attribute("content-type").unwrap_or("text/vcard").trim();
        let version = match element.attribute("version").unwrap_or("3.0").trim() {
            "3.0" => Some(Version::V3),
            "4.0" => Some(Version::V4),
            _ => None,
        };
        let version = version
            .filter(|_| kind.eq_ignore_ascii_case("text/vcard"))
            .ok_or_else(|| unmet(element, "supported-address-data", "Cards here are text/vcard, version 3.0 or 4.0"))?;
        Ok(Self { version, wanted: Wanted::read(element)? })
    }

    /// What comes back of a card; `None` if that is the card as it is, to the octet.
    ///
    /// # Errors
    /// 415 `supported-address-data-conversion` for a card of a version nobody knows.
    pub(crate) fn of(&self, card: &Component) -> Result<Option<Component>, Error> {
        let has = version(card).ok_or_else(unconvertible)?;
        let converted = match self.version {
            wanted if wanted == has => None,
            Version::V4 => Some(to_v4(card)),
            Version::V2 | Version::V3 => Some(to_v3(card)),
        };
        let Some(wanted) = &self.wanted else { return Ok(converted) };
        let mut left = Component::new(card.name.clone());
        left.properties = select(converted.as_ref().map_or(&card.properties, |card| &card.properties), wanted);
        Ok(Some(left))
    }
}

/// RFC 6352 section 8.7.2 shows it.
fn unconvertible() -> Error {
    let sentence = "This card has a version that cannot be converted";
    Error::condition(StatusCode::UNSUPPORTED_MEDIA_TYPE, "CR:supported-address-data-conversion", sentence)
}
