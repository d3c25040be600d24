//! What an operator can set.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use imap_proto::Limits;
use jiff::Timestamp;

/// Settings of the IMAP front end.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the greeting and ID call this server.
    pub name: String,
    /// The version ID tells.
    pub version: String,
    /// True to take passwords over any connection in clear. Connections from the machine itself may always send
    /// them.
    pub plaintext_passwords: bool,
    /// Capabilities that nobody is offered, as `MOVE`; what is not offered cannot be enabled.
    pub capabilities_off: Vec<String>,
    /// Capabilities that some are not offered.
    pub withheld: Vec<Withheld>,
    /// Where messages being appended are kept while they come.
    pub spool: PathBuf,
    /// Octets of the largest message taken.
    pub largest_message: u64,
    /// How long somebody who has signed in may be silent; RFC 3501 section 5.4 wants at least half an hour.
    pub inactivity: Duration,
    /// How long signing in may take.
    pub sign_in: Duration,
    /// Wrong passwords on one connection before it is closed.
    pub attempts: u32,
    /// What time it is, for searches by age (RFC 5032); tests have their own.
    pub clock: fn() -> Timestamp,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "Exgate".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            plaintext_passwords: false,
            capabilities_off: Vec::new(),
            withheld: vec![Withheld::quirk()],
            spool: std::env::temp_dir(),
            largest_message: 150 << 20,
            inactivity: Duration::from_secs(31 * 60),
            sign_in: Duration::from_secs(2 * 60),
            attempts: 5,
            clock: Timestamp::now,
        }
    }
}

/// Capabilities that some are not offered: a client, a user, or that client of that user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Withheld {
    /// The name the client tells by ID (RFC 2971), in any case; a `*` at its end stands for any ending. `None` for every
    /// client.
    pub client: Option<String>,
    /// The name somebody signs in with, in any case. `None` for everybody.
    pub user: Option<String>,
    /// The capabilities, as `UIDONLY`.
    pub capabilities: Vec<String>,
}

impl Withheld {
    /// What a client is known to enable and not to keep to.
    ///
    /// Seen from Outlook's synchronisation by Microsoft's servers (15.20): UIDONLY is enabled, and messages are then
    /// fetched by number.
    #[must_use]
    pub fn quirk() -> Self {
        Self { client: Some("Microsoft Office 365".to_owned()), user: None, capabilities: vec!["UIDONLY".to_owned()] }
    }

    /// True if it is about this client and this user, as far as it is known who they are.
    pub(crate) fn is_about(&self, client: Option<&str>, user: Option<&str>) -> bool {
        let named = |rule: &Option<String>, name: Option<&str>, is: fn(&str, &str) -> bool| match rule {
            Some(rule) => name.is_some_and(|name| is(rule, name)),
            None => true,
        };
        named(&self.client, client, is_called) && named(&self.user, user, str::eq_ignore_ascii_case)
    }
}

fn is_called(rule: &str, name: &str) -> bool {
    match rule.strip_suffix('*') {
        Some(start) => name.get(..start.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(start)),
        None => name.eq_ignore_ascii_case(rule),
    }
}

impl Settings {
    /// True if this client of this user is not offered it.
    pub(crate) fn withholds(&self, capability: &str, client: Option<&str>, user: Option<&str>) -> bool {
        let is_named = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case(capability));
        is_named(&self.capabilities_off)
            || self.withheld.iter().any(|rule| is_named(&rule.capabilities) && rule.is_about(client, user))
    }

    /// What a stranger may send. Access tokens of some identity providers are long, and come in base64.
    pub(crate) fn limits_before_sign_in(&self) -> Limits {
        Limits { line: 16 << 10, literals: 16 << 10, message: u64::MAX, skip: 64 << 10 }
    }

    /// What a user may send.
    pub(crate) fn limits(&self) -> Limits {
        Limits { message: self.largest_message, skip: self.largest_message.saturating_mul(2), ..Limits::default() }
    }

    /// True if passwords may come from there in clear.
    pub(crate) fn trusts(&self, peer: SocketAddr) -> bool {
        self.plaintext_passwords || peer.ip().to_canonical().is_loopback()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_about_who_they_name() {
        let rule = |client: Option<&str>, user: Option<&str>| Withheld {
            client: client.map(str::to_owned),
            user: user.map(str::to_owned),
            capabilities: vec!["MOVE".to_owned()],
        };
        let outlook = Some("microsoft office 365");
        assert!(Withheld::quirk().is_about(outlook, None));
        assert!(!Withheld::quirk().is_about(Some("Microsoft Office 365 Mail"), None));
        assert!(rule(Some("Microsoft *"), None).is_about(outlook, Some("anna")));
        assert!(!rule(Some("Microsoft *"), None).is_about(Some("Micro"), None));
        assert!(!rule(Some("Microsoft*"), None).is_about(None, None));
        assert!(rule(None, Some("Anna@corp.example")).is_about(None, Some("anna@corp.example")));
        assert!(!rule(Some("Mutt"), Some("anna")).is_about(Some("mutt"), Some("ben")));
        let settings = Settings {
            capabilities_off: vec!["idle".to_owned()],
            withheld: vec![rule(None, Some("anna"))],
            ..Settings::default()
        };
        let withheld = ["IDLE", "MOVE", "UIDONLY"].map(|name| settings.withholds(name, outlook, Some("anna")));
        assert_eq!(withheld, [true, true, false]);
    }
}
