//! The flags of many messages in few bytes: most have no keywords, and those that have share few sets of them.

use std::collections::HashMap;

use mailbox::{Flags, Keyword, SystemFlags};

/// The flags of one message: those with a backslash in the lowest octet, above them which keywords, as [`Marks`] knows
/// them; 0 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mark(u32);

impl Mark {
    fn new(place: u32, system: SystemFlags) -> Self {
        Self(place.min(MOST_SETS) << 8 | u32::from(system.0))
    }

    /// The flags with a backslash.
    pub(crate) fn system(self) -> SystemFlags {
        SystemFlags(self.0.to_le_bytes()[0])
    }

    fn place(self) -> u32 {
        self.0 >> 8
    }
}

/// The sets of keywords in use in one view.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    sets: Vec<Flags>,
    places: HashMap<String, u32>,
}

impl Marks {
    /// Flags made small.
    pub(crate) fn mark(&mut self, flags: &Flags) -> Mark {
        let place = if flags.keywords().is_empty() { 0 } else { self.place(flags) };
        Mark::new(place, flags.system)
    }

    /// The flags again.
    pub(crate) fn flags(&self, mark: Mark) -> Flags {
        let set = mark.place().checked_sub(1).and_then(|place| self.sets.get(usize::try_from(place).ok()?));
        let mut flags = set.cloned().unwrap_or_default();
        flags.system = mark.system();
        flags
    }

    fn place(&mut self, flags: &Flags) -> u32 {
        // Keywords are atoms: none holds a space.
        let name = flags.keywords().iter().map(Keyword::as_str).collect::<Vec<_>>().join(" ");
        if let Some(place) = self.places.get(&name) {
            return *place;
        }
        self.sets.push(flags.clone());
        let place = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        self.places.insert(name, place);
        place
    }
}

/// Sets of keywords that a mark can tell apart: far more than there are messages with keywords in any folder.
const MOST_SETS: u32 = (1 << 24) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_back_as_they_were() {
        let mut marks = Marks::default();
        let sets: Vec<Flags> = [&[][..], &["Work"], &["work"], &["Work", "Home"], &["Work"]]
            .iter()
            .zip([SystemFlags::NONE, SystemFlags::SEEN, SystemFlags::DRAFT, SystemFlags::NONE, SystemFlags::FLAGGED])
            .map(|(names, system)| Flags::new(system, names.iter().map(|name| Keyword::new(name))))
            .collect();
        let made: Vec<Mark> = sets.iter().map(|flags| marks.mark(flags)).collect();
        for (mark, flags) in made.iter().zip(&sets) {
            let again = marks.flags(*mark);
            assert_eq!(&again, flags);
            let names =
                |flags: &Flags| flags.keywords().iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
            assert_eq!(names(&again), names(flags));
        }
        assert_eq!(marks.sets.len(), 3);
    }
}
