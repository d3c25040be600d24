//! What the spool promises: that each step is there after a kill at any moment, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use mailbox::Content;
use mailbox::submit::{Address, Body, Envelope, Recipient, SubmissionId};
use proptest::prelude::*;

use crate::{Copy, Digest, Entry, Owner, Spool, Step};

pub(crate) fn address(text: &str) -> Address {
    let (local, domain) = text.split_once('@').unwrap();
    Address::new(local, domain).unwrap()
}

pub(crate) fn envelope(recipients: &[&str]) -> Envelope {
    let recipient = |text: &&str| Recipient { address: address(text), notify: None, original: None };
    Envelope {
        sender: Some(address("anna@a.example")),
        recipients: recipients.iter().map(recipient).collect(),
        body: Body::SevenBit,
        smtp_utf8: false,
        returned: None,
        envelope_id: None,
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn owner(mailbox: &str) -> Owner {
    Owner { organisation: "corp".to_owned(), mailbox: mailbox.to_owned() }
}

fn entry(number: u128) -> Entry {
    Entry {
        id: SubmissionId(number),
        owner: owner("anna"),
        user: "anna@a.example".to_owned(),
        top: Some("AAMkTop".to_owned()),
        envelope: envelope(&["ben@a.example"]),
        digest: Digest([u8::try_from(number % 200).unwrap(); 32]),
        message_id: Some(format!("<{number}@a.example>")),
        author: Some("anna@a.example".to_owned()),
        size: 5,
        step: Step::Waiting,
        kept: false,
        quiet: false,
        draft: None,
        heard: false,
        accepted: at(1000),
        changed: at(1000),
        tries: 0,
        next: at(1000),
        trouble: None,
    }
}

fn text(number: u128) -> Content {
    Content::memory(format!("Subject: {number}\r\n\r\n").into_bytes())
}

fn bytes(content: &Content) -> Vec<u8> {
    content.read(0, 1 << 20).unwrap().to_vec()
}

/// What is found after the process was killed now: what is on disk, and no lock.
fn after_kill(from: &Path) -> (tempfile::TempDir, Spool) {
    let directory = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.file_name() != "spool.sqlite-shm" {
            std::fs::copy(file.path(), directory.path().join(file.file_name())).unwrap();
        }
    }
    let spool = Spool::open(directory.path()).unwrap();
    (directory, spool)
}

#[test]
fn each_step_outlives_the_process() {
    let home = tempfile::tempdir().unwrap();
    let spool = Spool::open(home.path()).unwrap();
    assert!(spool.lead(at(0)).unwrap());
    let expected = |step: Step, kept: bool| {
        let (_directory, again) = after_kill(home.path());
        assert!(again.lead(at(0)).unwrap());
        let found = again.get(SubmissionId(1)).unwrap().unwrap();
        assert_eq!((found.step, found.kept), (step, kept));
        assert_eq!(again.message(SubmissionId(1)).is_ok(), kept && step != Step::Sent);
        assert_eq!(again.next(&owner("anna")).unwrap().is_some(), kept && step != Step::Sent);
    };
    spool.put(&entry(1)).unwrap();
    expected(Step::Waiting, false);
    assert!(spool.given(SubmissionId(1), false, at(1001)).unwrap());
    expected(Step::Given, false);
    let given = spool.get(SubmissionId(1)).unwrap().unwrap();
    spool.keep(&given, &text(1)).unwrap();
    expected(Step::Given, true);
    spool.again(SubmissionId(1), Step::Waiting, "away", (at(1002), at(1010))).unwrap();
    expected(Step::Waiting, true);
    let waiting = spool.next(&owner("anna")).unwrap().unwrap();
    assert_eq!((waiting.tries, waiting.next, waiting.trouble.as_deref()), (1, at(1010), Some("away")));
    assert_eq!(bytes(&spool.message(SubmissionId(1)).unwrap()), bytes(&text(1)));
    assert!(spool.given(SubmissionId(1), true, at(1010)).unwrap());
    spool.drafted(SubmissionId(1), Some("AAMkDraft")).unwrap();
    spool.sent(SubmissionId(1), at(1011)).unwrap();
    expected(Step::Sent, true);
    let sent = spool.get(SubmissionId(1)).unwrap().unwrap();
    assert_eq!((sent.quiet, sent.draft.as_deref(), sent.trouble), (true, Some("AAMkDraft"), None));
    assert!(!spool.given(SubmissionId(1), false, at(1012)).unwrap(), "what was sent is not sent again");
    spool.tidy(at(1012)).unwrap();
    assert!(spool.get(SubmissionId(1)).unwrap().is_none());
}

#[test]
fn one_process_sends() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (Spool::open(home.path()).unwrap(), Spool::open(home.path()).unwrap());
    assert!(one.lead(at(0)).unwrap() && !other.lead(at(0)).unwrap() && one.lead(at(0)).unwrap());
    drop(one);
    assert!(other.lead(at(0)).unwrap());
}

/// Nobody knows how long the process before waited for Exchange's answer.
#[test]
fn what_exchange_was_given_by_the_process_before_was_given_until_now() {
    let home = tempfile::tempdir().unwrap();
    let spool = Spool::open(home.path()).unwrap();
    for number in [1, 2] {
        spool.keep(&entry(number), &text(number)).unwrap();
    }
    spool.given(SubmissionId(1), false, at(1001)).unwrap();
    let before = spool.get(SubmissionId(2)).unwrap().unwrap();
    drop(spool);
    let spool = Spool::open(home.path()).unwrap();
    let changed = |number| spool.get(SubmissionId(number)).unwrap().unwrap().changed;
    assert_eq!(changed(1), at(1001));
    assert!(spool.lead(at(2000)).unwrap());
    assert_eq!((changed(1), changed(2)), (at(2000), before.changed));
    // It is put off without being given again.
    spool.postpone(SubmissionId(1), "not yet", at(2300)).unwrap();
    assert!(spool.lead(at(2100)).unwrap());
    let open = spool.get(SubmissionId(1)).unwrap().unwrap();
    assert_eq!(
        (open.step, open.changed, open.next, open.trouble.as_deref()),
        (Step::Given, at(2000), at(2300), Some("not yet"))
    );
}

#[test]
fn what_was_left_half_written_is_taken_away_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let spool = Spool::open(home.path()).unwrap();
    spool.keep(&entry(1), &text(1)).unwrap();
    // Killed between the file and the row, and within the file.
    std::fs::write(home.path().join(format!("{}.eml", SubmissionId(2))), "x").unwrap();
    std::fs::write(home.path().join(format!("{}.part", SubmissionId(3))), "x").unwrap();
    std::fs::write(home.path().join("notes.eml"), "x").unwrap();
    assert!(spool.lead(at(0)).unwrap());
    let mut names: Vec<String> =
        std::fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("spool."));
    names.sort();
    assert_eq!(names, [format!("{}.eml", SubmissionId(1)), "notes.eml".to_owned()]);
}

#[test]
fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("spool");
    let spool = Spool::open(&place).unwrap();
    spool.keep(&entry(1), &text(1)).unwrap();
    for path in [place.clone()].into_iter().chain(std::fs::read_dir(&place).unwrap().map(|file| file.unwrap().path())) {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn a_message_is_known_again_until_its_client_has_heard() {
    let home = tempfile::tempdir().unwrap();
    let spool = Spool::open(home.path()).unwrap();
    let known = |mailbox: &str, digest: u8, since: i64| {
        let found = spool.same(&owner(mailbox), &Digest([digest; 32]), at(since), at(1001)).unwrap();
        found.iter().map(|entry| entry.id.0).collect::<Vec<_>>()
    };
    spool.put(&entry(7)).unwrap();
    assert_eq!(known("anna", 7, 900), [7]);
    assert!(known("ben", 7, 900).is_empty() && known("anna", 8, 900).is_empty() && known("anna", 7, 1001).is_empty());
    spool.heard(SubmissionId(7)).unwrap();
    assert!(known("anna", 7, 900).is_empty());
    // What had arrived before it was begun is the same all the same.
    let overtaken = |arrived| spool.same(&owner("anna"), &Digest([7; 32]), at(900), at(arrived)).unwrap().len();
    assert_eq!((overtaken(999), overtaken(1000)), (1, 0));
}

#[test]
fn what_exchange_may_have_is_not_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let spool = Spool::open(home.path()).unwrap();
    for (number, step, fine) in
        [(1, Step::Waiting, true), (2, Step::Given, false), (3, Step::Sent, false), (4, Step::Failed, true)]
    {
        spool.keep(&Entry { step, ..entry(number) }, &text(number)).unwrap();
        assert_eq!(spool.take_back(SubmissionId(number)).unwrap(), fine, "{step:?}");
        assert_eq!(spool.message(SubmissionId(number)).is_err(), fine);
    }
    assert!(!spool.take_back(SubmissionId(9)).unwrap());
    assert!(spool.hurry(SubmissionId(2)).unwrap() && !spool.hurry(SubmissionId(3)).unwrap());
    assert_eq!(spool.next(&owner("anna")).unwrap().unwrap().next, at(0));
}

#[test]
fn copies_are_told_by_message_id_and_author() {
    let home = tempfile::tempdir().unwrap();
    let spool = Spool::open(home.path()).unwrap();
    let copy = Copy { message_id: "<1@a.example>".into(), author: "anna@a.example".into(), at: at(1000) };
    spool.copied(&owner("anna"), &copy).unwrap();
    let is = |mailbox, id, author, since| spool.is_copied(&owner(mailbox), id, author, at(since)).unwrap();
    assert!(is("anna", "<1@a.example>", "anna@a.example", 1000));
    assert!(!is("anna", "<1@a.example>", "ben@a.example", 1000) && !is("ben", "<1@a.example>", "anna@a.example", 1000));
    assert!(
        !is("anna", "<2@a.example>", "anna@a.example", 1000) && !is("anna", "<1@a.example>", "anna@a.example", 1001)
    );
    spool.put(&entry(1)).unwrap();
    let found = |author, since| spool.submitted(&owner("anna"), "<1@a.example>", author, at(since)).unwrap();
    assert_eq!(found("anna@a.example", 900).unwrap().id.0, 1);
    assert!(found("ben@a.example", 900).is_none() && found("anna@a.example", 1001).is_none());
    spool.failed(SubmissionId(1), "no", at(1000)).unwrap();
    assert!(found("anna@a.example", 900).is_none(), "it was not sent");
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Put,
    Keep,
    Given,
    Again,
    Sent,
    Failed,
    Forget,
    TakeBack,
}

fn acts() -> impl Strategy<Value = (Act, u128)> {
    use Act::*;
    (proptest::sample::select(vec![Put, Keep, Given, Again, Sent, Failed, Forget, TakeBack]), 0..4_u128)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is done in whatever order, a kill after each step finds what the model says.
    #[test]
    fn any_history_is_there_after_a_kill(history in proptest::collection::vec(acts(), 1..25)) {
        let home = tempfile::tempdir().unwrap();
        let spool = Spool::open(home.path()).unwrap();
        let mut model: BTreeMap<u128, (Step, bool)> = BTreeMap::new();
        for (act, number) in history {
            let id = SubmissionId(number);
            match act {
                Act::Put if !model.contains_key(&number) => {
                    spool.put(&entry(number)).unwrap();
                    model.insert(number, (Step::Waiting, false));
                }
                Act::Put => {}
                Act::Keep => {
                    let now = spool.get(id).unwrap().unwrap_or_else(|| entry(number));
                    if now.step == Step::Sent {
                        continue;
                    }
                    spool.keep(&now, &text(number)).unwrap();
                    model.insert(number, (now.step, true));
                }
                Act::Given => {
                    let done = spool.given(id, false, at(1)).unwrap();
                    let may = model.get(&number).is_some_and(|(step, _)| matches!(step, Step::Waiting | Step::Given));
                    prop_assert_eq!(done, may);
                    if may {
                        model.entry(number).and_modify(|row| row.0 = Step::Given);
                    }
                }
                Act::Again => {
                    if model.get(&number).is_some_and(|(step, _)| *step == Step::Given) {
                        spool.again(id, Step::Waiting, "x", (at(1), at(2))).unwrap();
                        model.entry(number).and_modify(|row| row.0 = Step::Waiting);
                    }
                }
                Act::Sent => {
                    spool.sent(id, at(1)).unwrap();
                    model.entry(number).and_modify(|row| row.0 = Step::Sent);
                }
                Act::Failed => {
                    if model.get(&number).is_some_and(|(step, _)| *step != Step::Sent) {
                        spool.failed(id, "x", at(1)).unwrap();
                        model.entry(number).and_modify(|row| row.0 = Step::Failed);
                    }
                }
                Act::Forget => {
                    spool.forget(id).unwrap();
                    model.remove(&number);
                }
                Act::TakeBack => {
                    let may = model.get(&number).is_some_and(|(step, kept)| *kept && matches!(step, Step::Waiting | Step::Failed));
                    prop_assert_eq!(spool.take_back(id).unwrap(), may);
                    if may {
                        model.remove(&number);
                    }
                }
            }
            let (_directory, again) = after_kill(home.path());
            prop_assert!(again.lead(at(0)).unwrap());
            for number in 0..4 {
                let found = again.get(SubmissionId(number)).unwrap().map(|entry| (entry.step, entry.kept));
                prop_assert_eq!(found, model.get(&number).copied());
                let has_bytes = again.message(SubmissionId(number)).is_ok();
                prop_assert_eq!(has_bytes, found.is_some_and(|(step, kept)| kept && step != Step::Sent));
            }
        }
    }
}
