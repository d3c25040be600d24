//! `CARDDAV:address-data` in requests: which properties of a card come back, in which version of vCard (RFC 6352
//! section 10.4).

use http::StatusCode;
use pim::Component;

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Three,
    Four,
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
            "3.0" => Some(Version::Three),
            "4.0" => Some(Version::Four),
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
        let version = match card.value("VERSION").map(str::trim) {
            Some("4.0") => Version::Four,
            Some("3.0" | "2.1") | None => Version::Three,
            Some(_) => return Err(unconvertible()),
        };
        if self.version != version {
            return Err(unconvertible());
        }
        let Some(wanted) = &self.wanted else { return Ok(None) };
        let mut left = Component::new(card.name.clone());
        left.properties = select(&card.properties, wanted);
        Ok(Some(left))
    }
}

/// RFC 6352 section 8.7.2 shows it.
fn unconvertible() -> Error {
    let sentence = "This card has a version that cannot be converted";
    Error::condition(StatusCode::UNSUPPORTED_MEDIA_TYPE, "CR:supported-address-data-conversion", sentence)
}
