//! Whatever comes, in whatever pieces: no panic, one result, little memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod samples;

use imap_proto::command::append::{Kind, Literal};
use imap_proto::{Command, Framer, Limits, MailboxName, Names, Step, Tag, Verb};
use proptest::collection::vec;
use proptest::prelude::*;

/// What a stream means: the steps, pieces of messages joined, each command as it is understood.
fn meaning(pieces: &[&[u8]], limits: Limits) -> Vec<String> {
    let mut framer = Framer::new(limits);
    let mut found: Vec<String> = Vec::new();
    let mut message = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            let step = framer.next();
            if !matches!(step, Step::Literal(_) | Step::NeedBytes) && !message.is_empty() {
                found.push(format!("{:?}", std::mem::take(&mut message)));
            }
            match step {
                Step::NeedBytes => break,
                Step::Literal(piece) => {
                    assert!(!piece.is_empty());
                    message.extend(piece);
                }
                Step::Command(raw) | Step::Append(raw) => {
                    assert!(raw.bytes().len() <= limits.line + limits.literals + 100 * 2);
                    let parsed = Command::parse(&raw, Names::ModifiedUtf7);
                    if let Ok(Command { verb: Verb::Idle | Verb::Authenticate(_), .. }) = parsed {
                        framer.expect_line();
                    }
                    if let Err(error) = &parsed {
                        assert!(error.position <= raw.bytes().len() && !error.to_string().is_empty());
                    }
                    found.push(format!("{:?} {parsed:?}", raw.bytes()));
                }
                Step::AppendNext(raw) | Step::AppendEnd(raw) => {
                    let tag = Tag::new("a").unwrap();
                    for (kind, utf8) in [(Kind::Message, false), (Kind::Message, true), (Kind::Text, false)] {
                        let before = Literal { kind, size: 0, utf8, binary: false };
                        let said = before.next(&tag, "APPEND", &raw);
                        if let Err(error) = &said {
                            assert!(error.position <= raw.bytes().len());
                        }
                        found.push(format!("{said:?}"));
                    }
                }
                Step::Line(line) => found.push(format!("{:?}", line.expose())),
                Step::Fatal(fatal) => {
                    found.push(format!("{fatal:?}"));
                    return found;
                }
                other => found.push(format!("{other:?}")),
            }
        }
    }
    if !message.is_empty() {
        found.push(format!("{message:?}"));
    }
    found
}

fn cut<'a>(stream: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    at.extend([0, stream.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

/// Sample commands, their messages, and noise.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let samples: Vec<Vec<u8>> = samples::good().into_iter().chain(samples::append()).collect();
    let words = [
        "{5+}\r\n",
        "{5}\r\n",
        "\r\n",
        "\n",
        "\"",
        "(",
        ")",
        "a APPEND x {3+}\r\n",
        "{9999+}\r\n",
        "\0",
        " ",
        "a UID REPLACE 4 x CATENATE (URL /a TEXT {3+}\r\n",
        " URL {2}\r\n",
        " UTF8 (~{3+}\r\n",
        " (\\Seen) ~{2+}\r\n",
    ];
    let part = prop_oneof![
        6 => prop::sample::select(samples).prop_map(|mut line| { line.extend(b"\r\n"); line }),
        3 => prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..40),
    ];
    vec(part, 0..8).prop_map(|parts| parts.concat())
}

fn limits() -> impl Strategy<Value = Limits> {
    let small = (0usize..60, 0usize..20, 0u64..50, 0u64..200);
    prop_oneof![
        Just(Limits::default()),
        small.prop_map(|(line, literals, message, skip)| Limits { line, literals, message, skip }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cut_makes_no_difference(
        mut stream in stream(),
        noise in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
        limits in limits(),
    ) {
        for (at, byte) in noise {
            if !stream.is_empty() {
                let at = at.index(stream.len());
                stream[at] = byte;
            }
        }
        let whole = meaning(&[&stream], limits);
        prop_assert_eq!(&whole, &meaning(&cut(&stream, &cuts), limits));
        let octets: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(&whole, &meaning(&octets, limits));
    }

    #[test]
    fn noise_is_no_panic(stream in vec(any::<u8>(), 0..300)) {
        meaning(&[&stream], Limits::default());
    }

    #[test]
    fn names_come_back(name in "\\PC{0,12}") {
        let wire = MailboxName(name.clone()).encode();
        prop_assert!(wire.iter().all(|byte| (b' '..=b'~').contains(byte)));
        let back = MailboxName::decode(&wire, Names::ModifiedUtf7).unwrap().0;
        prop_assert!(back == name || name.eq_ignore_ascii_case("INBOX"));
    }

    #[test]
    fn names_of_any_bytes_are_no_panic(wire in vec(any::<u8>(), 0..30)) {
        if let Some(name) = MailboxName::decode(&wire, Names::ModifiedUtf7) {
            prop_assert_eq!(MailboxName::decode(&name.encode(), Names::ModifiedUtf7), Some(name));
        }
    }
}
