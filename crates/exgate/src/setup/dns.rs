//! Records by which clients find the gateway from an address alone: SRV for mail (RFC 6186, 8314) and for calendars and
//! address books (RFC 6764), and the name at which autoconfiguration asks.

use super::Place;

/// As lines of a zone file. A service that is not offered says so by the target `.`, so that nobody guesses.
pub(super) fn records(place: &Place, domain: &str) -> Vec<String> {
    let domain = domain.trim_end_matches('.');
    let host = &place.host;
    let services = [
        ("imaps", place.imaps),
        ("submissions", place.submissions),
        ("caldavs", place.https),
        ("carddavs", place.https),
        ("imap", None),
        ("submission", None),
        ("caldav", None),
        ("carddav", None),
    ];
    let mut lines: Vec<String> = services
        .iter()
        .map(|(service, port)| match port {
            Some(port) => format!("_{service}._tcp.{domain}. IN SRV 0 1 {port} {host}."),
            None => format!("_{service}._tcp.{domain}. IN SRV 0 0 0 ."),
        })
        .collect();
    if place.https.is_some() {
        let path = |service| format!("_{service}._tcp.{domain}. IN TXT \"path=/\"");
        lines.extend(["caldavs", "carddavs"].map(path));
        lines.push(format!("autoconfig.{domain}. IN CNAME {host}."));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_and_what_is_not() {
        let place = Place { submissions: None, ..super::super::example() };
        let lines = records(&place, "corp.example.");
        for line in [
            "_imaps._tcp.corp.example. IN SRV 0 1 993 mail.corp.example.",
            "_submissions._tcp.corp.example. IN SRV 0 0 0 .",
            "_caldavs._tcp.corp.example. IN SRV 0 1 8443 mail.corp.example.",
            "_carddavs._tcp.corp.example. IN TXT \"path=/\"",
            "_imap._tcp.corp.example. IN SRV 0 0 0 .",
            "autoconfig.corp.example. IN CNAME mail.corp.example.",
        ] {
            assert!(lines.iter().any(|one| one == line), "no {line} in {lines:#?}");
        }
    }
}
