//! The flags of many messages in few bytes: most have no keywords, and those that have share few sets of them.

use std::collections::HashMap;

use mailbox::{Flags, Keyword, SystemFlags};

/// The flags of one message; what the keywords are, [`Marks`] knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// 0 for none.
    keywords: u32,
    pub(crate) system: SystemFlags,
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
        let keywords = if flags.keywords().is_empty() { 0 } else { self.place(flags) };
        Mark { keywords, system: flags.system }
    }

    /// The flags again.
    pub(crate) fn flags(&self, mark: Mark) -> Flags {
        let set = mark.keywords.checked_sub(1).and_then(|place| self.sets.get(usize::try_from(place).ok()?));
        let mut flags = set.cloned().unwrap_or_default();
        flags.system = mark.system;
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
