//! How words and numbers in a table are read, whatever the table stands in.

use ipnet::IpNet;
use jiff::Timestamp;
use mailbox::{Protocol, Scopes};

use crate::administrator::Role;

/// Words nobody wrote here open nothing.
pub(crate) fn scopes(words: &str) -> Scopes {
    Scopes::read(words).unwrap_or(Scopes::NONE)
}

/// Separated by blanks. A network that cannot be read is one that nobody comes from.
pub(crate) fn networks(words: &str) -> Vec<IpNet> {
    words.split_whitespace().map(|word| word.parse().unwrap_or(NOWHERE)).collect()
}

/// A word nobody wrote here lets nobody change anything.
pub(crate) fn role(word: &str) -> Role {
    Role::named(word).unwrap_or(Role::Auditor)
}

pub(crate) fn protocol(word: &str) -> Protocol {
    let all = [Protocol::Imap, Protocol::Pop3, Protocol::Submission, Protocol::Dav, Protocol::Ldap];
    all.into_iter().find(|protocol| protocol.as_str() == word).unwrap_or(Protocol::Imap)
}

/// Seconds since 1970.
pub(crate) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

/// RFC 6666: what is sent there is thrown away.
const NOWHERE: IpNet = IpNet::V6(ipnet::Ipv6Net::new_assert(std::net::Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 128));
