//! Exchange Online, whose EWS ends.

pub use ews::autodiscover::is_exchange_online;

/// Why it is refused, and what to do: after a sentence that says it was met.
pub const EXCHANGE_ONLINE: &str = "its EWS has been switched off tenant by tenant since 2026-10-01 and ends for good on \
                                   2027-04-01; if yours is still on, have its administrator put this application on \
                                   the allow list (EWSAllowedAppIDs), and set allow_exchange_online = true";
