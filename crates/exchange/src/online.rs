//! Exchange Online, whose EWS ends.

use ews::ServerVersion;

pub use ews::autodiscover::is_exchange_online;

/// Why it is refused, and what to do: after a sentence that says it was met.
pub const EXCHANGE_ONLINE: &str = "its EWS has been switched off tenant by tenant since 2026-10-01 and ends for good on \
                                   2027-04-01; if yours is still on, have its administrator put this application on \
                                   the allow list (EWSAllowedAppIDs), and set allow_exchange_online = true";

/// True if what a server says it is, is Exchange Online: build 15.20.
pub(crate) fn is_online(build: ServerVersion) -> bool {
    (build.major, build.minor) == (15, 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchange_online_is_known_by_its_build() {
        let build = |major, minor| ServerVersion { major, minor, ..ServerVersion::default() };
        assert!(is_online(build(15, 20)));
        assert!(!is_online(build(15, 2)) && !is_online(build(14, 20)));
    }
}
