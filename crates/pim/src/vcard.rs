//! vCard 3.0 (RFC 2426) and 4.0 (RFC 6350): what is valid, and one version from the other without loss.

mod convert;
pub mod date;
pub mod media;
mod validate;

pub(crate) use convert::canonical;
pub use convert::{to_v3, to_v4};
pub use date::PartialDate;
pub use validate::{CardKind, ValidCard, validate};

use crate::Component;

/// The version of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// 2.1, which is read but not stored.
    V2,
    /// 3.0
    V3,
    /// 4.0
    V4,
}

impl Version {
    /// Its number, as VERSION has it and the media type `text/vcard;version=...`.
    #[must_use]
    pub fn number(self) -> &'static str {
        match self {
            Self::V2 => "2.1",
            Self::V3 => "3.0",
            Self::V4 => "4.0",
        }
    }
}

/// The version a card says it has.
#[must_use]
pub fn version(card: &Component) -> Option<Version> {
    let number = card.value("VERSION")?.trim();
    [Version::V2, Version::V3, Version::V4].into_iter().find(|version| version.number() == number)
}
