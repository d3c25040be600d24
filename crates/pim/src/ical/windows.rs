//! Windows' names of time zones and IANA's, by CLDR (`windowsZones`), for which `windows.tsv` is the table.

use std::collections::HashMap;
use std::sync::OnceLock;

/// IANA's zone for Windows' id such as `W. Europe Standard Time`, or for the name Outlook shows, such as
/// `(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna`, in whatever case.
#[must_use]
pub fn iana_of(windows_id: &str) -> Option<&'static str> {
    let name = match windows_id.trim().strip_prefix('(') {
        Some(shown) => shown.split_once(')')?.1.trim(),
        None => windows_id.trim(),
    };
    tables().iana.get(name.to_ascii_lowercase().as_str()).copied()
}

/// Windows' id for IANA's zone, links and older names included.
#[must_use]
pub fn windows_of(iana: &str) -> Option<&'static str> {
    tables().windows.get(iana.trim().to_ascii_lowercase().as_str()).copied()
}

/// All of Windows' ids that are in use now.
pub fn ids() -> impl Iterator<Item = &'static str> {
    rows().map(|row| row[0])
}

struct Tables {
    iana: HashMap<String, &'static str>,
    windows: HashMap<String, &'static str>,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let (mut iana, mut windows) = (HashMap::new(), HashMap::new());
        for [id, world, others, shown] in rows() {
            iana.insert(id.to_ascii_lowercase(), world);
            if !shown.is_empty() {
                iana.entry(shown.to_ascii_lowercase()).or_insert(world);
            }
            for zone in others.split(' ').chain([world]) {
                windows.insert(zone.to_ascii_lowercase(), id);
            }
        }
        for (id, zone) in LEGACY {
            iana.insert(id.to_ascii_lowercase(), zone);
        }
        Tables { iana, windows }
    })
}

fn rows() -> impl Iterator<Item = [&'static str; 4]> {
    let lines = include_str!("windows.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split('\t').collect::<Vec<_>>().try_into().ok())
}

/// Ids that Windows has given up, that stand in old appointments still.
const LEGACY: [(&str, &str); 12] = [
    ("Kamchatka Standard Time", "Asia/Kamchatka"),
    ("Mid-Atlantic Standard Time", "Etc/GMT+2"),
    ("Mexico Standard Time", "America/Mexico_City"),
    ("Mexico Standard Time 2", "America/Chihuahua"),
    ("Central America Standard Time 2", "America/Guatemala"),
    ("E. Europe Standard Time 2", "Europe/Chisinau"),
    ("Armenian Standard Time", "Asia/Yerevan"),
    ("Coordinated Universal Time", "Etc/UTC"),
    ("GMT Standard Time 2", "Europe/London"),
    ("Bolivia Standard Time", "America/La_Paz"),
    ("W. Europe", "Europe/Berlin"),
    ("Eastern", "America/New_York"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ical::zone::database;

    #[test]
    fn both_ways() {
        assert_eq!(iana_of("w. europe standard time"), Some("Europe/Berlin"));
        assert_eq!(iana_of("(GMT+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"), Some("Europe/Berlin"));
        assert_eq!(iana_of("Kamchatka Standard Time"), Some("Asia/Kamchatka"));
        assert_eq!(windows_of("Europe/Vienna"), Some("W. Europe Standard Time"));
        assert_eq!(windows_of("Asia/Calcutta"), windows_of("Asia/Kolkata"));
        assert_eq!(windows_of("UTC"), Some("UTC"));
        assert_eq!(
            (iana_of("Customized Time Zone"), iana_of("(broken"), windows_of("Mars/Phobos")),
            (None, None, None)
        );
    }

    #[test]
    fn every_row_is_whole_and_known() {
        assert_eq!(rows().count(), include_str!("windows.tsv").lines().count() - 1);
        for [id, world, others, _] in rows() {
            assert!(database().get(world).is_ok(), "{world}");
            assert_eq!(windows_of(iana_of(id).unwrap()), Some(id));
            for zone in others.split(' ').filter(|zone| !zone.is_empty()) {
                assert_eq!(windows_of(zone), Some(id), "{zone}");
            }
        }
        assert!(LEGACY.iter().all(|(_, zone)| database().get(zone).is_ok()));
    }
}
