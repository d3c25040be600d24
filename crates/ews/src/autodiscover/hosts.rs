//! Which hosts are whose.

use http::Uri;

/// Hosts that are trusted although no operator named them: Exchange Online's own.
pub const WELL_KNOWN_HOSTS: [&str; 2] = ["outlook.office365.com", "autodiscover-s.outlook.com"];

/// Whether a host is one of Exchange Online or Outlook.com.
pub fn is_exchange_online(host: &str) -> bool {
    CLOUD_HOSTS.iter().any(|cloud| is_within(host, cloud))
}

/// Where the mailboxes of a domain that only Exchange Online has are, as redirects to addresses name it.
pub(super) fn cloud_of(domain: &str) -> Option<&'static str> {
    CLOUD_DOMAINS.iter().find(|(suffix, _)| is_within(domain, suffix)).map(|(_, host)| *host)
}

/// Whether a pattern names a host: itself, or for `*.example.org` every name below it.
pub(super) fn names(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => host.len() > parent.len() && is_within(host, parent) && !host.eq_ignore_ascii_case(parent),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

/// The host of a URL in lower case, and whether it is reached by https on the port that is usual for it. None for what
/// cannot be asked.
pub(super) fn place(url: &str) -> Option<Place> {
    let uri: Uri = url.parse().ok()?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    let secure = match uri.scheme_str()? {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    Some(Place { host: authority.host().trim_end_matches('.').to_ascii_lowercase(), secure })
}

/// Where a URL leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) secure: bool,
}

/// Joins a `Location` (RFC 9110 section 10.2.2) to the URL that was asked. None if it is none of the kinds servers send.
pub(super) fn join(base: &str, location: &str) -> Option<String> {
    let location = location.split('#').next()?.trim();
    if location.contains("://") {
        return Some(location.to_owned());
    }
    let (scheme, rest) = base.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    match location.strip_prefix("//") {
        Some(there) => Some(format!("{scheme}://{there}")),
        None if location.starts_with('/') => Some(format!("{scheme}://{authority}{location}")),
        None => None,
    }
}

/// A URL as servers should write it: its scheme in lower case (RFC 3986 section 3.1).
pub(super) fn written_well(url: &str) -> String {
    match url.trim().split_once("://") {
        Some((scheme, rest)) => format!("{}://{rest}", scheme.to_ascii_lowercase()),
        None => url.trim().to_owned(),
    }
}

fn is_within(host: &str, parent: &str) -> bool {
    let Some(start) = host.len().checked_sub(parent.len()) else { return false };
    let Some((before, end)) = host.split_at_checked(start) else { return false };
    end.eq_ignore_ascii_case(parent) && (before.is_empty() || before.ends_with('.'))
}

/// Microsoft "Office 365 URLs and IP address ranges", worldwide and national clouds.
const CLOUD_HOSTS: [&str; 10] = [
    "outlook.office365.com",
    "outlook.office.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "outlook.office365.us",
    "outlook.office.us",
    "outlook-dod.office365.us",
    "webmail.apps.mil",
    "partner.outlook.cn",
];

/// Domains by which servers of an organisation speak of its mailboxes in Exchange Online.
const CLOUD_DOMAINS: [(&str, &str); 5] = [
    ("onmicrosoft.com", "outlook.office365.com"),
    ("onmicrosoft.us", "outlook.office365.us"),
    ("partner.onmschina.cn", "partner.outlook.cn"),
    ("outlook.com", "outlook.office365.com"),
    ("hotmail.com", "outlook.office365.com"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_apart_by_whole_labels() {
        for host in ["outlook.office365.com", "Autodiscover-S.Outlook.com", "eur.outlook.com", "partner.outlook.cn"] {
            assert!(is_exchange_online(host), "{host}");
        }
        for host in ["mail.corp.example", "myoutlook.com", "outlook.com.evil.example", "office365.com", ""] {
            assert!(!is_exchange_online(host), "{host}");
        }
        assert_eq!(cloud_of("corp.mail.onmicrosoft.com"), Some("outlook.office365.com"));
        assert_eq!(cloud_of("notonmicrosoft.com"), None);
        let table = [
            ("mail.a.example", "MAIL.a.example", true),
            ("*.a.example", "mail.a.example", true),
            ("*.a.example", "x.mail.a.example", true),
            ("*.a.example", "a.example", false),
            ("*.a.example", "mail.ba.example", false),
            ("*", "a.example", false),
            ("*.", "a.example", false),
        ];
        for (pattern, host, wanted) in table {
            assert_eq!(names(pattern, host), wanted, "{pattern} {host}");
        }
    }

    #[test]
    fn locations_are_joined_and_places_read() {
        let base = "https://a.example:444/x/y?z";
        for (location, wanted) in [
            ("https://b.example/c#d", Some("https://b.example/c")),
            ("/c?d", Some("https://a.example:444/c?d")),
            ("//b.example/c", Some("https://b.example/c")),
            ("c", None),
            ("", None),
        ] {
            assert_eq!(join(base, location).as_deref(), wanted, "{location}");
        }
        assert_eq!(written_well(" HTTPS://A.example/B "), "https://A.example/B");
        assert_eq!(place("https://A.example./"), Some(Place { host: "a.example".to_owned(), secure: true }));
        for bad in ["ftp://a.example/", "https://u:p@a.example/", "/x", "", "https://"] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }
}
