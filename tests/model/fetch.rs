//! FETCH and UIDFETCH: which message is meant, and what is told of it.

use std::collections::BTreeMap;

use exgate_tests::Value;

use super::{Kind, Session, Slot};
use crate::model::ledger::{Flags, Ledger};
use crate::model::line;

impl Session {
    pub(super) fn fetched(&mut self, ledger: &mut Ledger, by_uid: bool, number: u32, items: &BTreeMap<String, Value>) {
        let (kind, condstore, qresync) = (self.kind, self.condstore, self.enables_qresync());
        self.check(by_uid == (kind == Kind::UidOnly), "FETCH and UIDFETCH are not for the same clients");
        let opening = self.opening;
        let count = self.view_or_new(opening).slots.len();
        let told = items.get("UID").map(|uid| uid.text().parse::<u32>().unwrap());
        let at = match (by_uid, told) {
            (true, _) => {
                self.check(told.is_none_or(|uid| uid == number), "UIDFETCH tells two UIDs");
                self.place_of(number)
            }
            (false, _) => usize::try_from(number).unwrap().wrapping_sub(1),
        };
        self.check(at < count, "there is no message of that number");
        let uid = if by_uid { Some(number) } else { told };
        if by_uid && self.view.as_ref().unwrap().slots[at].uid.is_some_and(|uid| uid != number) {
            self.make_room(at);
        }
        if self.command.starts_with("UID ") {
            self.check(uid.is_some(), "RFC 3501 section 6.4.8: an answer to a UID command has the UID");
        }
        // A copy is numbered once all of it is up to date.
        if let Some(flags) = items.get("FLAGS").map(flags_of)
            && let (true, Some((folder, _)), Some(uid)) = (by_uid, opening, uid)
        {
            let view = self.view_or_new(opening);
            view.flags.insert(uid, flags.clone());
            let mod_seq =
                items.get("MODSEQ").map(|value| value.text().trim_matches(['(', ')']).parse::<u64>().unwrap());
            view.seen = view.seen.max(mod_seq.unwrap_or(0));
            self.named(&flags);
            return self.hold(mod_seq.map_or(Ok(()), |mod_seq| ledger.stamp(folder, uid, mod_seq, &flags)));
        }
        if let Some(uid) = uid {
            self.number(at, uid);
        }
        let mod_seq = items.get("MODSEQ").map(|value| value.text().trim_matches(['(', ')']).parse::<u64>().unwrap());
        self.check(mod_seq.is_none() || condstore || self.enables, "MODSEQ is for those who know CONDSTORE");
        let flags = items.get("FLAGS").map(flags_of);
        let asked = self.command.contains("FETCH ");
        if flags.is_some() && !asked {
            self.check(!condstore || mod_seq.is_some(), "flags changed, and no MODSEQ is told");
            self.check(!qresync || uid.is_some(), "flags changed, and no UID is told");
        }
        let view = self.view.as_mut().unwrap();
        let (folder, uid) = (view.folder, view.slots[at].uid);
        view.seen = view.seen.max(mod_seq.unwrap_or(0));
        let Some(uid) = uid else { return };
        if let Some(mod_seq) = mod_seq {
            let before = view.mod_seqs.insert(uid, mod_seq).unwrap_or(0);
            self.check(before <= mod_seq, "MODSEQ has fallen");
        }
        if let Some(flags) = flags {
            if let Some(mod_seq) = mod_seq {
                self.hold(ledger.stamp(folder, uid, mod_seq, &flags));
            }
            self.named(&flags);
            self.view.as_mut().unwrap().flags.insert(uid, flags);
        }
        for (name, value) in items {
            if name == line::MESSAGE_ID {
                let field = value.text();
                let key = field.split_once(':').map_or("", |(_, key)| key.trim()).to_owned();
                self.hold(ledger.identify(folder, uid, &key));
            } else if !["UID", "FLAGS", "MODSEQ", "RFC822.SIZE", "PREVIEW"].contains(&name.as_str()) {
                self.hold(ledger.fact(folder, uid, name, value));
            }
        }
    }

    /// RFC 9051 section 7.3.5: FLAGS tells every flag that there may be.
    fn named(&self, flags: &Flags) {
        let Some(view) = &self.view else { return };
        for flag in flags {
            self.check(view.names.contains(&flag.to_ascii_lowercase()), &format!("FLAGS does not tell of {flag}"));
        }
    }

    /// The place of a message of which only the UID is told.
    fn place_of(&self, uid: u32) -> usize {
        let slots = &self.view.as_ref().unwrap().slots;
        let known = slots.iter().position(|slot| slot.uid == Some(uid));
        let below = slots.iter().rposition(|slot| slot.uid.is_some_and(|other| other < uid));
        known.unwrap_or(below.map_or(0, |below| below + 1))
    }

    /// Where no numbers are told, another of those of which nothing is known is the one that is here.
    fn make_room(&mut self, at: usize) {
        let slots = &mut self.view.as_mut().unwrap().slots;
        let Some(unknown) = slots.iter().rposition(|slot| slot.uid.is_none()) else {
            self.fail("one more message than there are")
        };
        let slot = slots.remove(unknown);
        slots.insert(if unknown < at { at - 1 } else { at }, slot);
    }

    fn number(&mut self, at: usize, uid: u32) {
        let slots = &mut self.view.as_mut().unwrap().slots;
        if self.kind == Kind::UidOnly {
            settle_floor(slots, at, uid);
        }
        let before = slots[..at].iter().filter_map(|slot| slot.uid).max();
        let after = slots[at + 1..].iter().find_map(|slot| slot.uid);
        let fits = before.is_none_or(|before| before < uid) && after.is_none_or(|after| after > uid);
        let slot = &mut slots[at];
        let (known, floor) = (slot.uid, slot.floor);
        slot.uid = Some(uid);
        self.check(known.is_none_or(|known| known == uid), "the number was another UID's");
        self.check(fits, "UIDs do not ascend");
        self.check(known.is_some() || uid >= floor, &format!("came after UIDNEXT {floor} and has a lower UID"));
    }
}

/// Where no numbers are told, nobody knows which of the unknown messages came when. The one at this place has this UID: of
/// the floors it can have had it takes the highest, so that the others can be told of whichever way they came.
pub(super) fn settle_floor(slots: &mut [Slot], at: usize, uid: u32) {
    let unknown = |slot: &Slot| slot.uid.is_none();
    if !slots.get(at).is_some_and(unknown) {
        return;
    }
    let fitting = (0..slots.len()).filter(|other| unknown(&slots[*other]) && slots[*other].floor <= uid);
    if let Some(best) = fitting.max_by_key(|other| slots[*other].floor) {
        (slots[at].floor, slots[best].floor) = (slots[best].floor, slots[at].floor);
    }
}

/// Flags without `\Recent`.
fn flags_of(value: &Value) -> Flags {
    let Value::List(flags) = value else { panic!("flags are a list: {value:?}") };
    flags.iter().map(Value::text).filter(|flag| flag != "\\Recent").collect()
}
