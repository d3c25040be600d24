//! Exchange Online, whose EWS ends.

/// True for hosts of Exchange Online and Outlook.com.
#[must_use]
pub fn is_exchange_online(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    HOSTS.iter().any(|known| host == *known || host.strip_suffix(known).is_some_and(|rest| rest.ends_with('.')))
}

/// Why it is refused, and what to do: after a sentence that says it was met.
pub const EXCHANGE_ONLINE: &str = "its EWS has been switched off tenant by tenant since 2026-10-01 and ends for good on \
                                   2027-04-01; if yours is still on, have its administrator put this application on \
                                   the allow list (EWSAllowedAppIDs), and set allow_exchange_online = true";

const HOSTS: [&str; 7] = [
    "outlook.office365.com",
    "outlook.office.com",
    "outlook.office365.us",
    "partner.outlook.cn",
    "outlook.com",
    "hotmail.com",
    "live.com",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_microsofts_own_are_meant() {
        for host in ["outlook.office365.com", "OUTLOOK.office365.com.", "eas.outlook.com", "outlook.com"] {
            assert!(is_exchange_online(host), "{host}");
        }
        for host in ["mail.corp.example", "outlook.com.corp.example", "notoutlook.com", "outlook.corp.example"] {
            assert!(!is_exchange_online(host), "{host}");
        }
    }
}
