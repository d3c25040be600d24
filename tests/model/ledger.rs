//! What must be true over all clients and for ever: which message is under which UID, where each lies, and its flags.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use exgate_tests::Value;

use crate::model::client::FLAGS;

pub(crate) type Flags = BTreeSet<String>;

/// Whether a message lies where it was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Here,
    Gone,
    /// A command about it was not answered with OK, or somebody else was at it.
    Maybe,
}

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) folder: usize,
    /// Its Message-ID, which copies share.
    pub(crate) key: String,
    /// Its UID, once somebody saw it.
    pub(crate) uid: Option<u32>,
    /// It may as well be another one with that Message-ID that has it.
    guessed: bool,
    pub(crate) place: Place,
    pub(crate) flags: Flags,
    /// Of these it is not known.
    pub(crate) unsure: Flags,
    /// The draft that it was edited to, which Exchange calls the same: what is done to this one is done to that one as
    /// long as the gateway has not heard.
    pub(crate) became: Option<usize>,
    /// Outlook has marked it as unread, of which the gateway may not have heard.
    pub(crate) unread: bool,
}

/// A message as it is shown, or as Exchange has it. A draft that was edited has another subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shown {
    pub(crate) key: String,
    pub(crate) subject: String,
    pub(crate) flags: Flags,
}

/// A folder, whatever it is called.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    pub(crate) name: String,
    id: Option<String>,
    uid_validity: Option<u32>,
    uid_next: u32,
    highest: u64,
    uids: BTreeMap<u32, usize>,
    /// Flags by UID and MODSEQ.
    told: BTreeMap<(u32, u64), Flags>,
    /// What never changes, by UID and item.
    facts: BTreeMap<(u32, String), u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) folders: Vec<Folder>,
    pub(crate) messages: Vec<Message>,
    /// Message-IDs of drafts that were edited, so that copies may have other content.
    edited: BTreeSet<String>,
}

/// What a client is told against the standard, or against what is true.
pub(crate) type Violation = String;

impl Ledger {
    pub(crate) fn new(names: &[&str]) -> Self {
        let folders = names.iter().map(|name| Folder { name: (*name).to_owned(), ..Folder::default() }).collect();
        Self { folders, messages: Vec::new(), edited: BTreeSet::new() }
    }

    /// A message that is there now; `uid` if it was told.
    pub(crate) fn add(&mut self, folder: usize, key: &str, flags: Flags, place: Place) -> usize {
        let unsure = Flags::new();
        self.messages.push(Message {
            folder,
            key: key.to_owned(),
            uid: None,
            guessed: false,
            place,
            flags,
            unsure,
            became: None,
            unread: false,
        });
        self.messages.len() - 1
    }

    /// A message was told to be here under this UID; somebody may have seen it already.
    pub(crate) fn arrive(&mut self, folder: usize, key: &str, flags: Flags, uid: u32) -> Result<usize, Violation> {
        let waits = |message: &Message| {
            message.folder == folder && message.key == key && message.uid.is_none() && message.place == Place::Maybe
        };
        let at = self.at(folder, uid).or_else(|| self.messages.iter().position(waits));
        let at = at.unwrap_or_else(|| self.add(folder, key, Flags::new(), Place::Maybe));
        self.bind(at, uid)?;
        let message = &mut self.messages[at];
        if message.key != key {
            return Err(format!("UID {uid} was told to be {key}: {message:?}"));
        }
        // Gone already: others were at it.
        if message.place == Place::Maybe {
            (message.place, message.flags) = (Place::Here, flags);
        }
        Ok(at)
    }

    /// The message under a UID, if that was ever seen.
    pub(crate) fn at(&self, folder: usize, uid: u32) -> Option<usize> {
        self.folders[folder].uids.get(&uid).copied()
    }

    /// A UID was told to belong to this message.
    pub(crate) fn bind(&mut self, message: usize, uid: u32) -> Result<(), Violation> {
        let folder = self.messages[message].folder;
        if let Some(other) = self.folders[folder].uids.insert(uid, message)
            && other != message
        {
            return Err(format!("UID {uid} was given twice: {:?} {:?}", self.messages[other], self.messages[message]));
        }
        if self.messages[message].uid.replace(uid).is_some_and(|known| known != uid) {
            return Err(format!("{:?} was under another UID", self.messages[message]));
        }
        Ok(())
    }

    /// A Message-ID was seen under a UID.
    pub(crate) fn identify(&mut self, folder: usize, uid: u32, key: &str) -> Result<usize, Violation> {
        if let Some(known) = self.at(folder, uid) {
            let message = &self.messages[known];
            return if message.key == key {
                Ok(known)
            } else {
                Err(format!("UID {uid} names {key} and was {message:?}"))
            };
        }
        let fits = |message: &Message| message.folder == folder && message.key == key && message.uid.is_none();
        let fitting: Vec<usize> = (0..self.messages.len()).filter(|at| fits(&self.messages[*at])).collect();
        let at = |place| fitting.iter().copied().find(|at| self.messages[*at].place == place);
        let Some(found) = at(Place::Here).or_else(|| at(Place::Maybe)).or(at(Place::Gone)) else {
            return Err(format!("UID {uid} of {}: {key} came from nowhere", self.folders[folder].name));
        };
        self.messages[found].guessed = fitting.iter().any(|at| *at != found && self.messages[*at].place != Place::Gone);
        self.bind(found, uid)?;
        Ok(found)
    }

    /// What SELECT told of a folder.
    pub(crate) fn selected(&mut self, folder: usize, id: &str, uid_validity: u32) -> Result<(), Violation> {
        let known = &mut self.folders[folder];
        let before = known.id.get_or_insert_with(|| id.to_owned());
        if before != id {
            return Err(format!("MAILBOXID of {} was {before}", known.name));
        }
        match *known.uid_validity.get_or_insert(uid_validity) {
            before if before != uid_validity => Err(format!("UIDVALIDITY of {} was {before}", known.name)),
            _ => Ok(()),
        }
    }

    pub(crate) fn uid_validity(&self, folder: usize) -> Option<u32> {
        self.folders[folder].uid_validity
    }

    /// UIDNEXT never falls.
    pub(crate) fn uid_next(&mut self, folder: usize, uid_next: u32) -> Result<(), Violation> {
        let known = &mut self.folders[folder];
        if uid_next < known.uid_next {
            return Err(format!("UIDNEXT {uid_next} of {} was {}", known.name, known.uid_next));
        }
        known.uid_next = uid_next;
        Ok(())
    }

    /// Nor does HIGHESTMODSEQ, as it is told to those who come.
    pub(crate) fn highest(&mut self, folder: usize, highest: u64) -> Result<(), Violation> {
        let known = &mut self.folders[folder];
        if highest < known.highest {
            return Err(format!("HIGHESTMODSEQ {highest} of {} was {}", known.name, known.highest));
        }
        known.highest = highest;
        Ok(())
    }

    /// RFC 7162 section 3.1: a message has a MODSEQ of its own for each set of flags.
    pub(crate) fn stamp(&mut self, folder: usize, uid: u32, mod_seq: u64, flags: &Flags) -> Result<(), Violation> {
        let known = self.folders[folder].told.entry((uid, mod_seq)).or_insert_with(|| flags.clone());
        match known == flags {
            true => Ok(()),
            false => Err(format!("UID {uid} at MODSEQ {mod_seq} has {flags:?} and had {known:?}")),
        }
    }

    /// What is told of a message's content is the same for ever.
    pub(crate) fn fact(&mut self, folder: usize, uid: u32, item: &str, value: &Value) -> Result<(), Violation> {
        let mut hasher = DefaultHasher::new();
        format!("{value:?}").hash(&mut hasher);
        let digest = hasher.finish();
        let known = *self.folders[folder].facts.entry((uid, item.to_owned())).or_insert(digest);
        if known == digest { Ok(()) } else { Err(format!("{item} of UID {uid} has changed: {value:?}")) }
    }

    /// Somebody was told that the message is gone.
    pub(crate) fn gone(&mut self, folder: usize, uid: u32) -> Result<(), Violation> {
        let Some(at) = self.at(folder, uid) else { return Ok(()) };
        let at = self.guessed_wrong(at, uid).unwrap_or(at);
        let message = &self.messages[at];
        if message.place == Place::Here {
            let same = |other: &&Message| other.folder == folder && other.key == message.key;
            let same: Vec<&Message> = self.messages.iter().filter(same).collect();
            return Err(format!("nobody removed UID {uid}: {message:?}; with the same Message-ID: {same:?}"));
        }
        self.messages[at].place = Place::Gone;
        Ok(())
    }

    /// The message that was under a UID, if it was guessed to be another that is there still: a draft, perhaps, as it
    /// was before Outlook edited it, which nobody had seen then.
    fn guessed_wrong(&mut self, at: usize, uid: u32) -> Option<usize> {
        let Message { folder, key, guessed: true, place: Place::Here, .. } = self.messages[at].clone() else {
            return None;
        };
        let fits = |message: &Message| {
            message.folder == folder && message.key == key && message.uid.is_none() && message.place == Place::Maybe
        };
        let other = self.messages.iter().position(fits)?;
        (self.messages[at].uid, self.messages[other].uid) = (None, Some(uid));
        self.messages[at].guessed = false;
        self.doubt(at, FLAGS.iter().map(|flag| (*flag).to_owned()));
        self.folders[folder].uids.insert(uid, other);
        Some(other)
    }

    /// Sets or clears a flag for certain.
    pub(crate) fn set(&mut self, message: usize, flag: &str, on: bool) {
        let message = &mut self.messages[message];
        message.unsure.remove(flag);
        message.unread &= flag != "\\Seen";
        if on {
            message.flags.insert(flag.to_owned());
        } else {
            message.flags.remove(flag);
        }
    }

    /// A draft has other content now: for IMAP that is another message. What nobody has heard of yet.
    pub(crate) fn edit(&mut self, at: usize) {
        self.edited.insert(self.messages[at].key.clone());
        self.replace(at, Place::Here);
    }

    /// What is under this UID may be under another one soon.
    fn replace(&mut self, at: usize, place: Place) {
        let message = self.messages[at].clone();
        self.messages[at].place = Place::Maybe;
        let new = self.add(message.folder, &message.key, message.flags, place);
        self.doubt(new, message.unsure);
        self.messages[at].became = Some(new);
    }

    /// Every message has another id at Exchange. Copies in one folder of a draft that was edited get new UIDs where their
    /// flags do not tell for certain which is which.
    pub(crate) fn migrate(&mut self) {
        let mut copies: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
        for (at, message) in self.messages.iter().enumerate() {
            if message.place != Place::Gone && self.edited.contains(&message.key) {
                copies.entry((message.folder, &message.key)).or_default().push(at);
            }
        }
        let mut alike = Vec::new();
        for group in copies.into_values().filter(|group| group.len() > 1) {
            let of = |at: &usize| &self.messages[*at];
            let sure = group.iter().map(of).all(|message| message.place == Place::Here && message.unsure.is_empty());
            let shared = |at: &usize| group.iter().any(|other| other != at && of(other).flags == of(at).flags);
            alike.extend(group.iter().copied().filter(|at| !sure || shared(at)));
        }
        alike.retain(|at| self.messages[*at].became.is_none());
        alike.into_iter().for_each(|at| self.replace(at, Place::Maybe));
    }

    /// These messages, and what they became.
    pub(crate) fn with_edited(&self, messages: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let edited = |at: usize| std::iter::successors(Some(at), |at| self.messages[*at].became);
        messages.into_iter().flat_map(edited).collect()
    }

    pub(crate) fn doubt(&mut self, message: usize, flags: impl IntoIterator<Item = String>) {
        self.messages[message].unsure.extend(flags);
    }

    /// The message may be gone from now on.
    pub(crate) fn doubt_place(&mut self, message: usize) {
        if self.messages[message].place == Place::Here {
            self.messages[message].place = Place::Maybe;
        }
    }

    /// This was copied to a folder, and the answer may have been lost. If Outlook moved it there meanwhile, what is found there
    /// under its name may be the one or the other.
    pub(crate) fn doubt_arrivals(&mut self, folder: usize, source: &Message) {
        if source.place != Place::Maybe {
            return;
        }
        let unseen = |message: &&mut Message| {
            message.folder == folder
                && message.key == source.key
                && message.uid.is_none()
                && message.place == Place::Here
        };
        self.messages.iter_mut().filter(unseen).for_each(|message| message.place = Place::Maybe);
    }

    /// True if a message may be gone from a folder, or may have come there.
    pub(crate) fn is_in_doubt(&self, folder: usize) -> bool {
        self.messages.iter().any(|message| message.folder == folder && message.place == Place::Maybe)
    }

    /// Messages that certainly lie in a folder and of which nothing else has the same key there.
    pub(crate) fn alone(&self, folder: usize) -> Vec<usize> {
        let in_folder = || (0..self.messages.len()).filter(|at| self.messages[*at].folder == folder);
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for at in in_folder().filter(|at| self.messages[*at].place != Place::Gone) {
            *counts.entry(&self.messages[at].key).or_default() += 1;
        }
        in_folder()
            .filter(|at| self.messages[*at].place == Place::Here && counts[self.messages[*at].key.as_str()] == 1)
            .collect()
    }

    /// Everything is quiet, and this is what a folder shows by UID. What was not known is known now.
    pub(crate) fn settle(&mut self, folder: usize, shown: &BTreeMap<u32, Shown>) -> Result<(), Violation> {
        for (uid, Shown { key, flags, .. }) in shown {
            let at = self.identify(folder, *uid, key)?;
            let message = &mut self.messages[at];
            if message.place == Place::Gone {
                return Err(format!("UID {uid} is back: {message:?}"));
            }
            let wrong = message.flags.symmetric_difference(flags).any(|flag| !message.unsure.contains(flag));
            if wrong {
                return Err(format!("UID {uid} has {flags:?}: {message:?}"));
            }
            message.place = Place::Here;
            message.flags.clone_from(flags);
            message.unsure.clear();
            message.unread = false;
        }
        for message in self.messages.iter_mut().filter(|message| message.folder == folder) {
            message.became = None;
            if message.uid.is_some_and(|uid| shown.contains_key(&uid)) {
                continue;
            }
            if message.place == Place::Here {
                return Err(format!("lost: {message:?}"));
            }
            message.place = Place::Gone;
        }
        Ok(())
    }
}
