use std::num::NonZeroU32;

use imap_proto::response::Code;
use mailbox::{Delta, FlagChange, FlagOperation, State};

use super::*;

fn uid(value: u32) -> Uid {
    Uid::new(value).unwrap()
}

fn state(next: u32, modseq: u64) -> State {
    State { uid_validity: UidValidity(NonZeroU32::MIN), uid_next: uid(next), highest_modseq: ModSeq(modseq) }
}

fn entry(value: u32) -> Entry {
    Entry { uid: uid(value), flags: Flags::default(), modseq: ModSeq(1) }
}

/// UIDs 10, 20, 30, 40.
fn view() -> View {
    let entries = [10, 20, 30, 40].map(entry).to_vec();
    let snapshot = Snapshot { state: state(41, 1), entries, recent_from: None, unlisted: 0 };
    View::new(FolderId(1), Access::ReadWrite, snapshot, Enabled::default())
}

fn span(from: u32, to: u32) -> Span {
    let bound = |value| NonZeroU32::new(value).map_or(Bound::Star, Bound::Number);
    Span { from: bound(from), to: bound(to) }
}

/// 0 is `*`.
fn picked(spans: &[(u32, u32)], numbering: Numbering) -> Option<Vec<(u32, u32)>> {
    let set = SequenceSet::Spans(spans.iter().map(|&(from, to)| span(from, to)).collect());
    let picked = view().pick(&set, numbering).ok()?;
    Some(picked.iter().map(|picked| (picked.sequence, picked.uid.get())).collect())
}

#[test]
fn a_message_is_few_bytes() {
    assert_eq!(size_of::<Message>(), 12);
}

#[test]
fn sets_name_messages_once_and_in_order() {
    use Numbering::{Sequence, Uid};
    assert_eq!(picked(&[(3, 3), (1, 2), (2, 3)], Sequence), Some(vec![(1, 10), (2, 20), (3, 30)]));
    assert_eq!(picked(&[(0, 3)], Sequence), Some(vec![(3, 30), (4, 40)]));
    assert_eq!(picked(&[(2, 9)], Sequence), Some(vec![(2, 20), (3, 30), (4, 40)]));
    assert_eq!(picked(&[(5, 5)], Sequence), None);
    assert_eq!(picked(&[(11, 30)], Uid), Some(vec![(2, 20), (3, 30)]));
    assert_eq!(picked(&[(99, 0)], Uid), Some(vec![(4, 40)]));
    assert_eq!(picked(&[(21, 29)], Uid), Some(vec![]));
    assert_eq!(picked(&[(1, u32::MAX)], Uid).unwrap().len(), 4);
}

#[test]
fn what_was_saved_shrinks_with_the_folder() {
    let mut view = view();
    let saved = |view: &View| {
        let picked = view.pick(&SequenceSet::Saved, Numbering::Sequence).unwrap();
        picked.iter().map(|picked| (picked.sequence, picked.uid.get())).collect::<Vec<_>>()
    };
    assert_eq!(saved(&view), []);
    view.save(&[40, 10, 20, 40, 99].map(uid));
    assert_eq!(view.saved, [(uid(10), uid(20)), (uid(40), uid(40))]);
    assert_eq!(saved(&view), [(1, 10), (2, 20), (4, 40)]);
    let delta =
        Delta { state: state(42, 5), changed: vec![entry(41)], vanished: vec![uid(10)], complete: true, unlisted: 0 };
    view.tell(&delta, Expunges::Tell, &mut Vec::new());
    assert_eq!(saved(&view), [(1, 20), (3, 40)]);
    view.save(&[]);
    assert_eq!(saved(&view), []);
}

#[test]
fn expunges_wait_until_they_may_be_told() {
    let mut view = view();
    let mut out = Vec::new();
    let gone = Delta {
        state: state(42, 5),
        changed: vec![entry(41)],
        vanished: vec![uid(10), uid(30)],
        complete: true,
        unlisted: 0,
    };
    view.tell(&gone, Expunges::Hold, &mut out);
    assert_eq!(String::from_utf8(std::mem::take(&mut out)).unwrap(), "* 5 EXISTS\r\n* 1 RECENT\r\n");
    assert_eq!(view.sequence(uid(40)), Some(4));
    view.tell(&Delta { changed: vec![], vanished: vec![], ..gone }, Expunges::Tell, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n");
    assert_eq!((view.len(), view.sequence(uid(40))), (3, Some(2)));
}

#[test]
fn only_what_the_client_does_not_know_is_told() {
    let mut view = view();
    let mut out = Vec::new();
    let seen = Entry { flags: Flags::new(SystemFlags::SEEN, [Keyword::new("Work")]), ..entry(20) };
    let change = FlagChange { operation: FlagOperation::Add, flags: seen.flags.clone() };
    view.flagged_silently(std::slice::from_ref(&seen), &change, &mut out);
    assert_eq!(out, b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Work)\r\n");
    out.clear();
    let delta = Delta { state: state(41, 6), changed: vec![seen], vanished: vec![], complete: true, unlisted: 0 };
    view.tell(&delta, Expunges::Tell, &mut out);
    assert!(out.is_empty());
    let delta = Delta { state: state(41, 7), changed: vec![entry(20)], vanished: vec![], complete: true, unlisted: 0 };
    view.tell(&delta, Expunges::Tell, &mut out);
    assert_eq!(out, b"* 2 FETCH (UID 20 FLAGS ())\r\n");
}

/// The same for a client that understands everything.
fn view_with_qresync() -> View {
    View { enabled: Enabled { condstore: true, qresync: true, ..Enabled::default() }, ..view() }
}

fn changed(value: u32, modseq: u64, flags: SystemFlags) -> Entry {
    Entry { uid: uid(value), flags: Flags::system(flags), modseq: ModSeq(modseq) }
}

fn seen() -> FlagChange {
    FlagChange { operation: FlagOperation::Add, flags: Flags::system(SystemFlags::SEEN) }
}

fn told(act: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    act(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_held_back_removal_keeps_highestmodseq_below_it() {
    let mut view = view_with_qresync();
    let news = Delta {
        state: state(41, 7),
        changed: vec![changed(40, 7, SystemFlags::SEEN)],
        vanished: vec![uid(20)],
        complete: true,
        unlisted: 0,
    };
    let said = told(|out| view.tell(&news, Expunges::Hold, out));
    assert_eq!(said, "* 4 FETCH (UID 40 FLAGS (\\Seen) MODSEQ (7))\r\n");
    assert_eq!(view.settle(), Some(Code::HighestModSeq(1)));
    assert_eq!((view.settle(), view.settled()), (None, ModSeq(1)));
    let nothing = Delta { state: state(41, 8), changed: vec![], vanished: vec![], complete: true, unlisted: 0 };
    assert_eq!(told(|out| view.tell(&nothing, Expunges::Hold, out)), "");
    assert_eq!(view.settle(), None);
    assert_eq!(told(|out| view.tell(&nothing, Expunges::Tell, out)), "* VANISHED 20\r\n");
    assert_eq!((view.settle(), view.settle()), (Some(Code::HighestModSeq(8)), None));
}

#[test]
fn a_change_of_ours_is_told_once_and_what_came_before_it_is_not_forgotten() {
    let mut view = view_with_qresync();
    let said = told(|out| view.flagged_silently(&[changed(10, 6, SystemFlags::SEEN)], &seen(), out));
    assert_eq!(said, "* 1 FETCH (UID 10 MODSEQ (6))\r\n");
    // The mailbox cannot be asked what happened up to 6.
    assert_eq!(view.settle(), Some(Code::HighestModSeq(1)));
    let news = Delta {
        state: state(41, 6),
        changed: vec![changed(10, 6, SystemFlags::SEEN), changed(30, 5, SystemFlags::NONE)],
        vanished: vec![],
        complete: true,
        unlisted: 0,
    };
    let said = told(|out| view.tell(&news, Expunges::Tell, out));
    assert_eq!(said, "* 3 FETCH (UID 30 FLAGS () MODSEQ (5))\r\n");
    assert_eq!(view.settle(), None);
}

#[test]
fn who_does_not_understand_modseq_hears_of_flags_only() {
    let mut view = view();
    let news = Delta {
        state: state(41, 9),
        changed: vec![changed(10, 9, SystemFlags::NONE)],
        vanished: vec![],
        complete: true,
        unlisted: 0,
    };
    assert_eq!(told(|out| view.tell(&news, Expunges::Tell, out)), "");
    assert_eq!(told(|out| view.flagged_silently(&[changed(20, 10, SystemFlags::SEEN)], &seen(), out)), "");
    assert_eq!((view.settle(), view.modseq(uid(10)), view.modseq(uid(20))), (None, Some(ModSeq(9)), Some(ModSeq(10))));
}

#[test]
fn silence_does_not_hide_what_somebody_else_did() {
    let mut view = view();
    let both = changed(20, 5, SystemFlags::SEEN.with(SystemFlags::FLAGGED));
    let said = told(|out| view.flagged_silently(&[both], &seen(), out));
    assert_eq!(said, "* 2 FETCH (UID 20 FLAGS (\\Flagged \\Seen))\r\n");
}

fn set(text: &str) -> SequenceSet {
    let bound = |word: &str| word.parse().ok().map_or(Bound::Star, Bound::Number);
    let spans = text.split(',').map(|span| span.split_once(':').unwrap_or((span, span)));
    SequenceSet::Spans(spans.map(|(from, to)| Span { from: bound(from), to: bound(to) }).collect())
}

#[test]
fn what_vanished_is_told_of_those_asked_for() {
    let view = view();
    let gone = |text: &str| view.vanished_of(&[5, 6, 7, 10, 25, 38].map(uid), &view.given(&set(text)));
    assert_eq!(gone("1:*"), [5..=7, 25..=25, 38..=38]);
    assert_eq!(gone("6,7:25"), [6..=7, 25..=25]);
    assert_eq!(gone("26:30"), []);
    assert_eq!(view.given(&set("35:*,2,3:4,90")), [2..=4, 35..=40]);
    assert_eq!(view.given(&set("90:95")), []);
    assert_eq!(view.all_given(), std::slice::from_ref(&(1..=40)));
}

#[test]
fn where_removals_are_forgotten_everything_between_is_gone() {
    let view = view();
    let gaps = |text: &str| view.gaps(&view.given(&set(text)));
    assert_eq!(gaps("1:*"), [1..=9, 11..=19, 21..=29, 31..=39]);
    assert_eq!(gaps("10,20:21,35"), [21..=21, 35..=35]);
    assert_eq!(gaps("40"), []);
}

#[test]
fn below_a_match_nothing_is_gone() {
    let view = view();
    let above = |numbers: &str, uids: &str| view.above_match(&(set(numbers), set(uids)), view.all_given());
    assert_eq!(above("1,3", "10,30"), [31..=40]);
    assert_eq!(above("1,2,3", "10,30,40"), [11..=40]);
    assert_eq!(above("1:4294967295", "1:4294967295"), [1..=40]);
    assert_eq!(above("4", "40"), []);
    assert!(is_one_to_one(&(set("1:3,7"), set("4,5:6,90"))) && !is_one_to_one(&(set("1:3"), set("10,20"))));
}

#[test]
fn changes_are_picked_by_modseq() {
    let mut view = view();
    view.noted(&[changed(20, 5, SystemFlags::SEEN), changed(40, 6, SystemFlags::SEEN)], &mut Vec::new());
    let picked =
        |since| view.changed_of(ModSeq(since), &view.all_given()).iter().map(|one| one.sequence).collect::<Vec<u32>>();
    assert_eq!([0, 1, 5, 6].map(picked), [vec![1, 2, 3, 4], vec![2, 4], vec![4], vec![]]);
}

/// Of five messages the newest two are known; then the next two, one of them read; then it is over, and the fifth was none.
/// Meanwhile nobody who comes back may take for known what is still to be listed.
#[test]
fn what_is_listed_later_is_no_news() {
    let entries = [4, 5].map(entry).to_vec();
    let snapshot = Snapshot { state: state(6, 1), entries, recent_from: None, unlisted: 3 };
    let enabled = Enabled { condstore: true, ..Enabled::default() };
    let mut view = View::new(FolderId(1), Access::ReadWrite, snapshot, enabled);
    let waits = |view: &View, from, to, numbering| view.waits_for(&SequenceSet::Spans(vec![span(from, to)]), numbering);
    assert_eq!((view.len(), view.first_unseen()), (5, None));
    assert!(waits(&view, 3, 5, Numbering::Sequence) && !waits(&view, 4, 0, Numbering::Sequence));
    assert!(waits(&view, 3, 3, Numbering::Uid) && !waits(&view, 4, 9, Numbering::Uid));
    let seen = changed(3, 2, SystemFlags::SEEN);
    let delta = |modseq, changed, unlisted| Delta {
        state: state(6, modseq),
        changed,
        vanished: vec![],
        complete: true,
        unlisted,
    };
    assert_eq!(told(|out| view.tell(&delta(2, vec![entry(2), seen.clone()], 1), Expunges::Tell, out)), "");
    assert_eq!((view.flags(uid(3)), view.unlisted(), view.settled()), (Some(seen.flags), 1, ModSeq(1)));
    let said = told(|out| view.tell(&delta(3, vec![changed(5, 3, SystemFlags::NONE)], 1), Expunges::Tell, out));
    assert_eq!(
        (said.as_str(), view.settle()),
        ("* 5 FETCH (UID 5 FLAGS () MODSEQ (3))\r\n", Some(Code::HighestModSeq(1)))
    );
    assert_eq!(told(|out| view.tell(&delta(4, vec![], 0), Expunges::Tell, out)), "* 1 EXPUNGE\r\n");
    assert_eq!((view.len(), view.first_unseen(), view.settled()), (4, Some(1), ModSeq(4)));
    assert_eq!((view.settle(), view.settle()), (Some(Code::HighestModSeq(4)), None));
}
