//! Flags of a message and the properties of an item: both ways, as one table each.

use mailbox::{FlagChange, FlagOperation, Flags, Keyword, SystemFlags};

/// What Exchange knows about an item's state, as far as it was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ItemState {
    /// message:IsRead
    pub(crate) read: bool,
    /// PidTagFlagStatus 0x1090: 1 is complete, 2 is flagged.
    pub(crate) flag_status: Option<i32>,
    /// PidTagLastVerbExecuted 0x1081: 102 reply, 103 reply all, 104 forward (MS-OXOMSG 2.2.1.20).
    pub(crate) last_verb: Option<i32>,
    /// PidTagIconIndex 0x1080: 261 replied, 262 forwarded.
    pub(crate) icon: Option<i32>,
    /// PidLidImapDeleted, Common/0x8570: 1 if marked for deletion.
    pub(crate) imap_deleted: Option<i32>,
    /// PidTagMessageFlags 0x0E07: bit 8 is set while the message was not sent.
    pub(crate) message_flags: i32,
    /// The keywords its categories are.
    pub(crate) keywords: Vec<Keyword>,
}

impl ItemState {
    /// True for a draft.
    pub(crate) fn unsent(&self) -> bool {
        self.message_flags & MESSAGE_UNSENT != 0
    }

    /// The flags a client sees.
    pub(crate) fn flags(self) -> Flags {
        let answered = matches!(self.last_verb, Some(VERB_REPLY | VERB_REPLY_ALL)) || self.icon == Some(ICON_REPLIED);
        let forwarded = self.last_verb == Some(VERB_FORWARD) || self.icon == Some(ICON_FORWARDED);
        let table = [
            (self.read, SystemFlags::SEEN),
            (self.flag_status == Some(STATUS_FLAGGED), SystemFlags::FLAGGED),
            (answered, SystemFlags::ANSWERED),
            (self.imap_deleted == Some(1), SystemFlags::DELETED),
            (self.unsent(), SystemFlags::DRAFT),
        ];
        let system = table.into_iter().filter(|row| row.0).fold(SystemFlags::NONE, |flags, row| flags.with(row.1));
        let forwarded = forwarded.then(|| Keyword::new(FORWARDED));
        Flags::new(system, forwarded.into_iter().chain(self.keywords))
    }
}

/// A property to write: `Some` sets it, `None` takes it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// message:IsRead
    Read(bool),
    /// PidTagFlagStatus
    FlagStatus(Option<i32>),
    /// PidTagLastVerbExecuted
    LastVerb(Option<i32>),
    /// PidTagIconIndex
    Icon(Option<i32>),
    /// PidLidImapDeleted
    ImapDeleted(Option<i32>),
    /// item:Categories, by the keywords they are; none takes them away.
    Keywords(Vec<Keyword>),
}

/// What must be written so that an item with the flags `from` has the flags `to`.
///
/// `\Draft` is fixed when an item is made (EWS: message flags are read-only later), so it is passed over.
pub(crate) fn writes(from: &Flags, to: &Flags) -> Vec<Write> {
    writes_naming(&Flags::default(), from, to)
}

/// The same for a STORE. What it names is written even if it is so already, as far as is known: somebody else may have
/// changed it just now, and OK says that it is so.
pub(crate) fn stores(change: &FlagChange, from: &Flags, to: &Flags) -> Vec<Write> {
    match change.operation {
        _ if writes(from, to).is_empty() => Vec::new(),
        FlagOperation::Replace => {
            let mut writes = writes_naming(&Flags::system(SystemFlags(u8::MAX)), from, to);
            writes.retain(|write| !matches!(write, Write::Keywords(_)));
            writes.push(Write::Keywords(own_keywords(to)));
            writes
        }
        FlagOperation::Add | FlagOperation::Remove => writes_naming(&Flags::system(change.flags.system), from, to),
    }
}

fn writes_naming(named: &Flags, from: &Flags, to: &Flags) -> Vec<Write> {
    let mut writes = Vec::new();
    let differs =
        |flag: SystemFlags| named.system.contains(flag) || from.system.contains(flag) != to.system.contains(flag);
    let has = |flag: SystemFlags| to.system.contains(flag);
    if differs(SystemFlags::SEEN) {
        writes.push(Write::Read(has(SystemFlags::SEEN)));
    }
    if differs(SystemFlags::FLAGGED) {
        writes.push(Write::FlagStatus(has(SystemFlags::FLAGGED).then_some(STATUS_FLAGGED)));
    }
    if differs(SystemFlags::DELETED) {
        writes.push(Write::ImapDeleted(has(SystemFlags::DELETED).then_some(1)));
    }
    let answers = |flags: &Flags| (flags.system.contains(SystemFlags::ANSWERED), is_forwarded(flags));
    if answers(from) != answers(to) || named.system.contains(SystemFlags::ANSWERED) {
        let (verb, icon) = verb_and_icon(answers(to));
        writes.extend([Write::LastVerb(verb), Write::Icon(icon)]);
    }
    if categories(from) != categories(to) {
        writes.push(Write::Keywords(own_keywords(to)));
    }
    writes
}

/// The flags that writing can bring about: as wished, but a draft stays what it is.
pub(crate) fn reachable(from: &Flags, to: &Flags) -> Flags {
    let draft = SystemFlags(from.system.0 & SystemFlags::DRAFT.0);
    Flags::new(to.system.without(SystemFlags::DRAFT).with(draft), to.keywords().iter().cloned())
}

/// What a new item carries from the start. `\Seen` and `\Draft` are in the message flags.
pub(crate) fn initial(flags: &Flags) -> (i32, Vec<Write>) {
    let has = |flag: SystemFlags| flags.system.contains(flag);
    let read = if has(SystemFlags::SEEN) { MESSAGE_READ } else { 0 };
    let unsent = if has(SystemFlags::DRAFT) { MESSAGE_UNSENT } else { 0 };
    let writes = writes(&Flags::default(), flags).into_iter().filter(|write| !matches!(write, Write::Read(_)));
    (read | unsent, writes.collect())
}

fn is_forwarded(flags: &Flags) -> bool {
    flags.has_keyword(&Keyword::new(FORWARDED))
}

/// The keywords that are categories.
fn own_keywords(flags: &Flags) -> Vec<Keyword> {
    flags.keywords().iter().filter(|keyword| !keyword.as_str().eq_ignore_ascii_case(FORWARDED)).cloned().collect()
}

/// The same, as a value that compares without regard to order and case.
fn categories(flags: &Flags) -> Flags {
    Flags::new(SystemFlags::NONE, own_keywords(flags))
}

/// Exchange keeps one last verb and one icon, so that both at once are told by one each.
fn verb_and_icon((answered, forwarded): (bool, bool)) -> (Option<i32>, Option<i32>) {
    match (answered, forwarded) {
        (false, false) => (None, None),
        (true, false) => (Some(VERB_REPLY), Some(ICON_REPLIED)),
        (false, true) => (Some(VERB_FORWARD), Some(ICON_FORWARDED)),
        (true, true) => (Some(VERB_REPLY), Some(ICON_FORWARDED)),
    }
}

/// RFC 9051 section 2.3.2; it lives in properties of its own, not among the categories.
const FORWARDED: &str = "$Forwarded";
const STATUS_FLAGGED: i32 = 2;
const VERB_REPLY: i32 = 102;
const VERB_REPLY_ALL: i32 = 103;
const VERB_FORWARD: i32 = 104;
const ICON_REPLIED: i32 = 261;
const ICON_FORWARDED: i32 = 262;
const MESSAGE_READ: i32 = 1;
const MESSAGE_UNSENT: i32 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn apply(mut state: ItemState, writes: &[Write]) -> ItemState {
        for write in writes.iter().cloned() {
            match write {
                Write::Read(read) => state.read = read,
                Write::FlagStatus(status) => state.flag_status = status,
                Write::LastVerb(verb) => state.last_verb = verb,
                Write::Icon(icon) => state.icon = icon,
                Write::ImapDeleted(deleted) => state.imap_deleted = deleted,
                Write::Keywords(keywords) => state.keywords = keywords,
            }
        }
        state
    }

    #[test]
    fn what_outlook_writes_is_understood() {
        let state = |verb, icon| ItemState { last_verb: verb, icon, ..ItemState::default() }.flags();
        let answered = Flags::system(SystemFlags::ANSWERED);
        let forwarded = Flags::new(SystemFlags::NONE, [Keyword::new("$Forwarded")]);
        assert_eq!(state(Some(102), Some(261)), answered);
        assert_eq!(state(Some(103), None), answered);
        assert_eq!(state(None, Some(261)), answered);
        assert_eq!(state(Some(104), Some(262)), forwarded);
        assert_eq!(state(Some(0), Some(256)), Flags::default());
        assert_eq!(ItemState { flag_status: Some(1), ..ItemState::default() }.flags(), Flags::default());
    }

    #[test]
    fn nothing_is_written_that_does_not_change() {
        let flags = Flags::new(SystemFlags::SEEN, [Keyword::new("Work")]);
        assert_eq!(writes(&flags, &Flags::new(SystemFlags::SEEN, [Keyword::new("WORK")])), []);
        assert_eq!(writes(&flags, &Flags::system(SystemFlags::SEEN)), [Write::Keywords(vec![])]);
        assert_eq!(writes(&Flags::system(SystemFlags::DRAFT), &Flags::default()), []);
    }

    #[test]
    fn what_a_store_names_is_written_with_the_rest() {
        let (seen, flagged) = (Flags::system(SystemFlags::SEEN), Flags::system(SystemFlags::FLAGGED));
        let both = Flags::system(SystemFlags::SEEN.with(SystemFlags::FLAGGED));
        let add = |flags: &Flags| FlagChange { operation: FlagOperation::Add, flags: flags.clone() };
        assert_eq!(stores(&add(&both), &seen, &both), [Write::Read(true), Write::FlagStatus(Some(STATUS_FLAGGED))]);
        assert_eq!(stores(&add(&seen), &seen, &seen), []);
        let replace = FlagChange { operation: FlagOperation::Replace, flags: flagged.clone() };
        let written = stores(&replace, &seen, &flagged);
        assert!(written.contains(&Write::ImapDeleted(None)) && written.contains(&Write::Keywords(vec![])));
    }

    #[test]
    fn a_new_item_carries_seen_and_draft_in_its_message_flags() {
        let flags = Flags::new(SystemFlags(0x1f), [Keyword::new("$forwarded"), Keyword::new("Work")]);
        let (message_flags, writes) = initial(&flags);
        assert_eq!(message_flags, 9);
        assert!(!writes.iter().any(|write| matches!(write, Write::Read(_))));
        let state = ItemState { read: true, message_flags, ..ItemState::default() };
        assert_eq!(apply(state, &writes).flags(), flags);
    }

    fn any_flags() -> impl Strategy<Value = Flags> {
        (0u8..32, proptest::sample::subsequence(vec!["$Forwarded", "Work", "later", "x"], 0..4))
            .prop_map(|(system, keywords)| Flags::new(SystemFlags(system), keywords.into_iter().map(Keyword::new)))
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(before in any_flags(), after in any_flags()) {
            let (message_flags, written) = initial(&before);
            let state = apply(ItemState { message_flags, ..ItemState::default() }, &written);
            let state = apply(state, &[Write::Read(before.system.contains(SystemFlags::SEEN))]);
            prop_assert_eq!(state.clone().flags(), before.clone());
            let wish = reachable(&before, &after);
            prop_assert_eq!(apply(state, &writes(&before, &wish)).flags(), wish);
        }
    }
}
