use crate::soap::Element;

/// A `RequestServerVersion`: which schema a request is written in (EWS "RequestServerVersion").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Exchange 2007 as first sold.
    Exchange2007,
    /// Exchange 2007 from service pack 1.
    Exchange2007Sp1,
    /// Exchange 2010 as first sold.
    Exchange2010,
    /// Exchange 2010 service pack 1: streaming notifications, EmptyFolder.
    Exchange2010Sp1,
    /// Exchange 2010 service packs 2 and 3.
    Exchange2010Sp2,
    /// Exchange 2013 as first sold: Flag, MarkAllItemsAsRead.
    Exchange2013,
    /// Exchange 2013 service pack 1: SuppressReadReceipts.
    Exchange2013Sp1,
    /// Exchange 2016, 2019, Subscription Edition and Online.
    Exchange2016,
}

impl Version {
    /// The word Exchange knows this version by.
    pub fn as_str(self) -> &'static str {
        TABLE.iter().find(|(version, _)| *version == self).map_or("Exchange2007_SP1", |(_, name)| name)
    }

    /// The version Exchange knows by this word.
    pub fn named(word: &str) -> Option<Version> {
        TABLE.iter().find(|(_, name)| *name == word).map(|(version, _)| *version)
    }

    /// The next older version, for a server that refused this one without saying which it knows.
    pub fn older(self) -> Option<Version> {
        let at = TABLE.iter().position(|(version, _)| *version == self)?;
        TABLE.get(at.checked_sub(1)?).map(|(version, _)| *version)
    }
}

/// What the server says it is, from the `ServerVersionInfo` header of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerVersion {
    /// 8 = 2007, 14 = 2010, 15 = everything newer.
    pub major: u16,
    /// Within 14: the service pack; within 15: 0 = 2013, 1 = 2016, 2 = 2019 and Subscription Edition, 20 = Online.
    pub minor: u16,
    /// Build number.
    pub build: u16,
    /// Minor build number.
    pub revision: u16,
}

impl ServerVersion {
    /// The newest request version such a server understands.
    ///
    /// Its own `Version` attribute is not asked: servers put names there (`V2_23`) that they refuse in requests.
    pub fn newest_request(self) -> Version {
        match (self.major, self.minor) {
            (..=7, _) | (8, 0) => Version::Exchange2007,
            (8..=13, _) => Version::Exchange2007Sp1,
            (14, 0) => Version::Exchange2010,
            (14, 1) => Version::Exchange2010Sp1,
            (14, _) => Version::Exchange2010Sp2,
            (15, 0) if self.build < FIRST_2013_SP1_BUILD => Version::Exchange2013,
            (15, 0) => Version::Exchange2013Sp1,
            _ => Version::Exchange2016,
        }
    }

    pub(crate) fn read(header: &Element) -> Option<ServerVersion> {
        let number = |name| header.attribute(name).and_then(|text| text.parse().ok());
        Some(ServerVersion {
            major: number("MajorVersion")?,
            minor: number("MinorVersion")?,
            build: number("MajorBuildNumber").unwrap_or(0),
            revision: number("MinorBuildNumber").unwrap_or(0),
        })
    }
}

impl std::fmt::Display for ServerVersion {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}.{}.{}.{}", self.major, self.minor, self.build, self.revision)
    }
}

const FIRST_2013_SP1_BUILD: u16 = 847;

const TABLE: [(Version, &str); 8] = [
    (Version::Exchange2007, "Exchange2007"),
    (Version::Exchange2007Sp1, "Exchange2007_SP1"),
    (Version::Exchange2010, "Exchange2010"),
    (Version::Exchange2010Sp1, "Exchange2010_SP1"),
    (Version::Exchange2010Sp2, "Exchange2010_SP2"),
    (Version::Exchange2013, "Exchange2013"),
    (Version::Exchange2013Sp1, "Exchange2013_SP1"),
    (Version::Exchange2016, "Exchange2016"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_understand_requests_of_their_time() {
        let newest = |major, minor, build| ServerVersion { major, minor, build, revision: 0 }.newest_request();
        assert_eq!(newest(8, 0, 700), Version::Exchange2007);
        assert_eq!(newest(8, 1, 436), Version::Exchange2007Sp1);
        assert_eq!(newest(14, 0, 639), Version::Exchange2010);
        assert_eq!(newest(14, 1, 289), Version::Exchange2010Sp1);
        assert_eq!(newest(14, 3, 195), Version::Exchange2010Sp2);
        assert_eq!(newest(15, 0, 516), Version::Exchange2013);
        assert_eq!(newest(15, 0, 1156), Version::Exchange2013Sp1);
        assert_eq!(newest(15, 1, 2507), Version::Exchange2016);
        assert_eq!(newest(15, 20, 9073), Version::Exchange2016);
    }

    #[test]
    fn stepping_down_ends_at_the_oldest() {
        assert_eq!(Version::Exchange2016.older(), Some(Version::Exchange2013Sp1));
        assert_eq!(Version::Exchange2007.older(), None);
    }
}
