//! imap-codec, written by others, as a second opinion: what it reads we read too, and as the same; what we write it
//! reads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "oracle/grammar.rs"]
mod grammar;
mod samples;
#[path = "oracle/translate.rs"]
mod translate;

use std::cell::Cell;

use imap_codec::encode::Encoder;
use imap_codec::imap_types::command::CommandBody as Theirs;
use imap_codec::{CommandCodec, decode::Decoder};
use imap_proto::{Command, Framer, Limits, Names, ParseError, RawCommand, Step, Verb};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// Lines of each command.
const CASES: u32 = 300;

/// Why we may refuse, or read differently, what they read.
fn known_difference(theirs: &Theirs<'_>, text: &str, ours: Option<&ParseError>) -> Option<&'static str> {
    use imap_proto::command::Reason;
    match theirs {
        Theirs::Authenticate { .. } if text.ends_with(" \r\n") => {
            return Some("they take a space at the end for an empty response, which is =");
        }
        _ => {}
    }
    match ours.map(|error| &error.reason) {
        Some(Reason::BadCharset) => Some("they leave the charset to the caller"),
        Some(Reason::Expected(what)) if what.contains("UTF-7") => Some("they leave mailbox names encoded"),
        Some(Reason::Expected(what)) if what.contains("UTF-8") => Some("they leave texts undecoded"),
        Some(Reason::Expected(what)) if what.contains("an entry as") => {
            Some("they leave names of entries to the caller")
        }
        Some(Reason::Expected(what)) if what.contains("VANISHED") => Some("they do not know that UID is needed"),
        Some(Reason::Expected(what)) if what.contains("at least one") => {
            Some("they take FETCH and STATUS without items")
        }
        Some(Reason::Expected(what)) if what.contains("a date") => Some("they take dates that are none"),
        Some(Reason::Expected(what)) if what.contains("ORDEREDSUBJECT") => Some("they take algorithms that are none"),
        _ if text.to_ascii_uppercase().contains("(MODSEQ") => Some("they write MODSEQ in a way of their own"),
        _ => None,
    }
}

/// Ours, by way of the framer; `None` if it is no single command.
fn ours(bytes: &[u8]) -> Option<Result<Command, ParseError>> {
    let mut framer = Framer::new(Limits::default());
    framer.push(bytes);
    loop {
        match framer.next() {
            Step::Continue => {}
            Step::Command(raw) | Step::Append(raw) => return Some(Command::parse(&raw, Names::ModifiedUtf7)),
            _ => return None,
        }
    }
}

/// Panics if we and they differ; true if they read it.
fn compare(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line).into_owned();
    let Ok((b"", theirs)) = CommandCodec::new().decode(line) else { return false };
    let found = ours(line).unwrap_or_else(|| panic!("no command: {text}"));
    if known_difference(&theirs.body, &text, found.as_ref().err()).is_some() {
        return true;
    }
    let found = found.unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(found.tag.as_str(), theirs.tag.inner(), "{text}");
    if let Some(theirs) = translate::verb(&theirs.body) {
        assert_eq!(translate::plain(found.verb.clone()), theirs, "{text}");
    }
    let written = CommandCodec::new().encode(&theirs).dump();
    let again = ours(&written).unwrap_or_else(|| panic!("no command: {}", String::from_utf8_lossy(&written)));
    assert_eq!(again.as_ref(), Ok(&found), "{text} / {}", String::from_utf8_lossy(&written));
    true
}

fn with_line_end(mut line: Vec<u8>) -> Vec<u8> {
    line.extend(b"\r\n");
    line
}

#[test]
fn what_they_read_we_read_alike() {
    let read = samples::good().into_iter().filter(|line| compare(&with_line_end(line.clone()))).count();
    // Most samples are plain; if they read few, the comparison is worth nothing.
    assert!(read > 100, "{read}");
}

/// Every command they know, with arguments of each kind, is one to them, and the same one to us.
#[test]
fn every_command_is_read_alike() {
    for (name, lines) in grammar::commands() {
        let read = Cell::new(0);
        let mut runner =
            TestRunner::new(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() });
        let run = runner.run(&lines, |line| {
            read.set(read.get() + u32::from(compare(&with_line_end(line.into_bytes()))));
            Ok(())
        });
        run.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(read.get() >= CASES * 9 / 10, "{name}: they read {} of {CASES}", read.get());
    }
}

#[test]
fn appends_are_read_alike() {
    let mut read = 0;
    for mut line in samples::append() {
        let command = Command::parse(&RawCommand::new(line.clone()), Names::ModifiedUtf7).unwrap();
        let Verb::Append(append) = command.verb else { continue };
        let size = append.said.literal.map_or(0, |literal| literal.size);
        if size <= 1000 {
            line.extend(b"\r\n");
            line.extend(std::iter::repeat_n(b'x', size as usize));
            read += usize::from(compare(&with_line_end(line)));
        }
    }
    assert!(read >= 4, "{read}");
}

#[test]
fn what_we_refuse_they_refuse() {
    for line in ["a NOOP x", "a FETCH 0 FLAGS", "a SELECT", "a STORE 1 FLAG x", "a SEARCH", "* NOOP"] {
        assert!(CommandCodec::new().decode(format!("{line}\r\n").as_bytes()).is_err(), "{line}");
        assert!(Command::parse(&RawCommand::new(line), Names::ModifiedUtf7).is_err(), "{line}");
    }
}

/// Samples with words taken out, doubled, or put in from others.
fn mixed() -> impl Strategy<Value = Vec<u8>> {
    let samples = samples::good();
    let words: Vec<Vec<u8>> =
        samples.iter().flat_map(|line| line.split(|&byte| byte == b' ').skip(2).map(<[u8]>::to_vec)).collect();
    let edit = (0..3, any::<prop::sample::Index>(), prop::sample::select(words));
    (prop::sample::select(samples), vec(edit, 0..4)).prop_map(|(line, edits)| {
        let mut line: Vec<Vec<u8>> = line.split(|&byte| byte == b' ').map(<[u8]>::to_vec).collect();
        for (kind, at, word) in edits {
            let at = at.index(line.len());
            match kind {
                0 => line[at] = word,
                1 => line.insert(at, word),
                _ if line.len() > 1 => drop(line.remove(at)),
                _ => {}
            }
        }
        with_line_end(line.join(&b' '))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mixed_commands_are_read_alike(line in mixed()) {
        compare(&line);
    }
}
