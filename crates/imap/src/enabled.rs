//! What a client has switched on (RFC 5161), by ENABLE or by a command that tells of it.

/// The modes of a session. None is ever switched off again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Enabled {
    /// Changes are told with their MODSEQ.
    pub(crate) condstore: bool,
    /// Removals are told as VANISHED.
    pub(crate) qresync: bool,
    /// Messages are named by UID only.
    pub(crate) uid_only: bool,
    /// Names and strings are in UTF-8.
    pub(crate) utf8_accept: bool,
    /// It is IMAP4rev2 that is spoken: nothing is recent, what is found is told by ESEARCH, names are in UTF-8.
    pub(crate) rev2: bool,
}

impl Enabled {
    /// These modes with a capability as ENABLE names it, and how it is spelt in the answer; `None` if there is nothing
    /// in it to switch on.
    pub(crate) fn with(mut self, capability: &str) -> Option<(Self, &'static str)> {
        let (name, switch, _) = TABLE.iter().find(|(name, ..)| name.eq_ignore_ascii_case(capability))?;
        switch(&mut self);
        Some((self, name))
    }
}

type Switch = fn(&mut Enabled);

/// Name, what it switches on, and where that is written down.
const TABLE: &[(&str, Switch, &str)] = &[
    ("CONDSTORE", |enabled| enabled.condstore = true, "RFC 7162 section 3.1"),
    ("QRESYNC", |enabled| (enabled.condstore, enabled.qresync) = (true, true), "RFC 7162 section 3.2.3"),
    ("UIDONLY", |enabled| enabled.uid_only = true, "RFC 9586 section 3.1"),
    ("IMAP4rev2", |enabled| enabled.rev2 = true, "RFC 9051 section 6.3.1"),
    ("UTF8=ACCEPT", |enabled| enabled.utf8_accept = true, "RFC 9755"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_on_another_brings_it_along() {
        let (both, name) = Enabled::default().with("qresync").unwrap();
        assert_eq!((both, name), (Enabled { condstore: true, qresync: true, ..Enabled::default() }, "QRESYNC"));
        assert_eq!(both.with("CONDSTORE"), Some((both, "CONDSTORE")));
        assert_eq!(Enabled::default().with("IDLE"), None);
    }
}
