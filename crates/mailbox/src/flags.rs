//! Flags and keywords of a message (RFC 9051 section 2.3.2).

use std::sync::Arc;

/// A keyword: an IMAP atom, compared without regard to ASCII case, its case kept.
#[derive(Clone, Debug)]
pub struct Keyword(Arc<str>);

impl Keyword {
    /// Takes `name` as it is; whoever parsed it has checked that it is an atom.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The keyword as first written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

/// The flags that begin with a backslash, as a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SystemFlags(pub u8);

impl SystemFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// `\Seen`
    pub const SEEN: Self = Self(1);
    /// `\Answered`
    pub const ANSWERED: Self = Self(2);
    /// `\Flagged`
    pub const FLAGGED: Self = Self(4);
    /// `\Deleted`
    pub const DELETED: Self = Self(8);
    /// `\Draft`
    pub const DRAFT: Self = Self(16);

    /// True if every flag of `other` is set.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags of both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These flags without those of `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// All flags of one message. Small (16 bytes), because a view holds one for every message: the keywords,
/// which most messages lack, stand behind one shared pointer.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The flags with a backslash.
    pub system: SystemFlags,
    keywords: Option<Arc<Vec<Keyword>>>,
}

impl Flags {
    /// Flags without keywords.
    #[must_use]
    pub fn system(system: SystemFlags) -> Self {
        Self { system, keywords: None }
    }

    /// Flags with keywords; a keyword named twice is kept once, as first written.
    #[must_use]
    pub fn new(system: SystemFlags, keywords: impl IntoIterator<Item = Keyword>) -> Self {
        let mut flags = Self::system(system);
        flags.add_keywords(keywords);
        flags
    }

    /// The keywords, in the order in which they were set.
    #[must_use]
    pub fn keywords(&self) -> &[Keyword] {
        self.keywords.as_ref().map_or(&[], |keywords| keywords)
    }

    /// True if the keyword is set, in any case.
    #[must_use]
    pub fn has_keyword(&self, keyword: &Keyword) -> bool {
        self.keywords().contains(keyword)
    }

    /// These flags after a STORE (RFC 9051 section 6.4.6).
    #[must_use]
    pub fn changed(&self, change: &FlagChange) -> Self {
        let named = &change.flags;
        match change.operation {
            FlagOperation::Replace => named.clone(),
            FlagOperation::Add => {
                let mut flags = self.clone();
                flags.system = flags.system.with(named.system);
                flags.add_keywords(named.keywords().iter().cloned());
                flags
            }
            FlagOperation::Remove => Self::new(
                self.system.without(named.system),
                self.keywords().iter().filter(|keyword| !named.has_keyword(keyword)).cloned(),
            ),
        }
    }

    fn add_keywords(&mut self, keywords: impl IntoIterator<Item = Keyword>) {
        for keyword in keywords {
            if !self.has_keyword(&keyword) {
                Arc::make_mut(self.keywords.get_or_insert_default()).push(keyword);
            }
        }
    }
}

/// Order does not count, nor does the case of keywords.
impl PartialEq for Flags {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.keywords(), other.keywords());
        self.system == other.system && ours.len() == theirs.len() && ours.iter().all(|keyword| theirs.contains(keyword))
    }
}

impl Eq for Flags {}

/// What a STORE does with the flags it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagOperation {
    /// `FLAGS`
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// A STORE: an operation and the flags it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagChange {
    /// Replace, add or remove.
    pub operation: FlagOperation,
    /// The flags named.
    pub flags: Flags,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_keep_their_case_and_are_one_whatever_it_is() {
        let flags = Flags::new(SystemFlags::SEEN, [Keyword::new("Work"), Keyword::new("WORK")]);
        assert_eq!(flags.keywords().iter().map(Keyword::as_str).collect::<Vec<_>>(), ["Work"]);
        let without = flags.changed(&FlagChange {
            operation: FlagOperation::Remove,
            flags: Flags::new(SystemFlags::NONE, [Keyword::new("work")]),
        });
        assert_eq!(without, Flags::system(SystemFlags::SEEN));
    }

    #[test]
    fn flags_of_one_message_are_two_words() {
        assert_eq!(size_of::<Flags>(), 16);
    }
}
