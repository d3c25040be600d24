//! Flags between the wire and the mailbox.

use imap_proto::Flag;
use mailbox::{Flags, Keyword, SystemFlags};

/// Flags as a client names them. `\Recent` is the server's own and passed over, as are flags with a backslash that
/// nobody knows.
pub(crate) fn read(named: &[Flag]) -> Flags {
    let system = named.iter().filter_map(system_flag).fold(SystemFlags::NONE, SystemFlags::with);
    let keywords = named.iter().filter_map(|flag| match flag {
        Flag::Keyword(name) => Some(Keyword::new(name)),
        _ => None,
    });
    Flags::new(system, keywords)
}

/// Flags as a client reads them.
pub(crate) fn written(flags: &Flags, recent: Recent) -> Vec<Flag> {
    let system = SYSTEM.iter().filter(|(bit, _)| flags.system.contains(*bit)).map(|(_, flag)| flag.clone());
    let recent = (recent == Recent::Yes).then_some(Flag::Recent);
    system.chain(recent).chain(flags.keywords().iter().map(keyword)).collect()
}

/// All that a folder can hold: the flags with a backslash, and these keywords.
pub(crate) fn possible(keywords: &[Keyword]) -> Vec<Flag> {
    SYSTEM.iter().map(|(_, flag)| flag.clone()).chain(keywords.iter().map(keyword)).collect()
}

/// Whether this session is the first to see a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Recent {
    Yes,
    No,
}

fn keyword(keyword: &Keyword) -> Flag {
    Flag::Keyword(keyword.as_str().to_owned())
}

fn system_flag(flag: &Flag) -> Option<SystemFlags> {
    SYSTEM.iter().find(|(_, known)| known == flag).map(|&(bit, _)| bit)
}

static SYSTEM: [(SystemFlags, Flag); 5] = [
    (SystemFlags::ANSWERED, Flag::Answered),
    (SystemFlags::FLAGGED, Flag::Flagged),
    (SystemFlags::DELETED, Flag::Deleted),
    (SystemFlags::SEEN, Flag::Seen),
    (SystemFlags::DRAFT, Flag::Draft),
];
