//! Server and schema versions, oldest first.

use std::{fmt, str::FromStr};

/// A version of the EWS schema, and of the server that introduced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Exchange 2007 SP1.
    Exchange2007Sp1,
    /// Exchange 2010.
    Exchange2010,
    /// Exchange 2010 SP1.
    Exchange2010Sp1,
    /// Exchange 2010 SP2 and SP3.
    Exchange2010Sp2,
    /// Exchange 2013.
    Exchange2013,
    /// Exchange 2013 SP1.
    Exchange2013Sp1,
    /// Exchange 2016.
    Exchange2016,
    /// Exchange 2019 and Exchange Server Subscription Edition.
    ExchangeSe,
}

impl Version {
    /// `MajorVersion`, `MinorVersion`, `MajorBuildNumber`, `MinorBuildNumber` and `Version` of `t:ServerVersionInfo`,
    /// as servers of that version were recorded to send them.
    pub fn server_info(self) -> (u32, u32, u32, u32, &'static str) {
        match self {
            Version::Exchange2007Sp1 => (8, 1, 436, 0, "Exchange2007_SP1"),
            Version::Exchange2010 => (14, 0, 639, 11, "Exchange2010"),
            Version::Exchange2010Sp1 => (14, 1, 289, 1, "Exchange2010_SP1"),
            Version::Exchange2010Sp2 => (14, 3, 195, 1, "Exchange2010_SP2"),
            Version::Exchange2013 => (15, 0, 516, 29, "Exchange2013"),
            Version::Exchange2013Sp1 => (15, 0, 1156, 0, "V2_23"),
            Version::Exchange2016 => (15, 1, 2507, 0, "V2017_07_11"),
            Version::ExchangeSe => (15, 2, 1748, 0, "V2017_07_11"),
        }
    }

    /// The schema a `t:RequestServerVersion` asks for; `None` for a name no server knows.
    pub fn requested(name: &str) -> Option<Version> {
        REQUESTED.iter().find(|(known, _)| *known == name).map(|(_, version)| *version)
    }
}

impl FromStr for Version {
    type Err = String;

    /// Reads the names of the `--version` option: `2007_SP1`, `2010`, `2010_SP1`, `2010_SP2`, `2013`, `2013_SP1`,
    /// `2016`, `2019`, `se`, `workmail` (case does not matter).
    fn from_str(name: &str) -> Result<Version, String> {
        let wanted = name.to_ascii_lowercase();
        let wanted = wanted.strip_prefix("exchange").unwrap_or(&wanted);
        OPTION.iter().find(|(known, _)| *known == wanted).map(|(_, version)| *version).ok_or_else(|| {
            let known: Vec<&str> = OPTION.iter().map(|(name, _)| *name).collect();
            format!("no such Exchange version: {name} (known: {})", known.join(", "))
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = OPTION.iter().find(|(_, version)| version == self).map_or("se", |(name, _)| name);
        f.write_str(name)
    }
}

const OPTION: &[(&str, Version)] = &[
    ("2007_sp1", Version::Exchange2007Sp1),
    ("2010", Version::Exchange2010),
    ("2010_sp1", Version::Exchange2010Sp1),
    ("2010_sp2", Version::Exchange2010Sp2),
    // Amazon WorkMail speaks EWS up to this schema, and refuses newer ones.
    ("workmail", Version::Exchange2010Sp2),
    ("2013", Version::Exchange2013),
    ("2013_sp1", Version::Exchange2013Sp1),
    ("2016", Version::Exchange2016),
    ("se", Version::ExchangeSe),
    ("2019", Version::ExchangeSe),
];

/// The names of `ExchangeVersionType` in the schemas of all versions.
const REQUESTED: &[(&str, Version)] = &[
    ("Exchange2007", Version::Exchange2007Sp1),
    ("Exchange2007_SP1", Version::Exchange2007Sp1),
    ("Exchange2010", Version::Exchange2010),
    ("Exchange2010_SP1", Version::Exchange2010Sp1),
    ("Exchange2010_SP2", Version::Exchange2010Sp2),
    ("Exchange2013", Version::Exchange2013),
    ("Exchange2013_SP1", Version::Exchange2013Sp1),
    ("Exchange2015", Version::Exchange2016),
    ("Exchange2016", Version::Exchange2016),
    ("V2015_10_05", Version::Exchange2016),
    ("V2016_01_06", Version::Exchange2016),
    ("V2016_04_13", Version::Exchange2016),
    ("V2016_07_13", Version::Exchange2016),
    ("V2016_10_10", Version::Exchange2016),
    ("V2017_01_07", Version::Exchange2016),
    ("V2017_04_14", Version::Exchange2016),
    ("V2017_07_11", Version::Exchange2016),
];
