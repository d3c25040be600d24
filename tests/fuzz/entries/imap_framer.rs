//! The IMAP framer and parser on a stream in pieces: no panic, memory within limits, and the same steps however the
//! stream is cut. The first octet of the input says into pieces of how many octets.

use imap_proto::command::append::{Kind, Literal};
use imap_proto::{Command, Framer, Limits, Names, Step, Tag, Verb};

pub fn run(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else { return };
    let limits = match size & 1 {
        0 => Limits::default(),
        _ => Limits { line: 100, literals: 20, message: 50, skip: 200 },
    };
    let whole = steps(stream.chunks(usize::MAX), limits);
    let pieces = steps(stream.chunks(1 + usize::from(size / 2)), limits);
    assert_eq!(whole, pieces);
}

/// The steps, pieces of a message joined.
fn steps<'a>(pieces: impl Iterator<Item = &'a [u8]>, limits: Limits) -> Vec<(Step, Option<String>)> {
    let mut framer = Framer::new(limits);
    let mut found: Vec<(Step, Option<String>)> = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            let step = framer.next();
            let mut parsed = None;
            match &step {
                Step::NeedBytes => break,
                Step::Fatal(_) => {
                    found.push((step, None));
                    return found;
                }
                Step::Literal(more) => {
                    if let Some((Step::Literal(message), _)) = found.last_mut() {
                        message.extend_from_slice(more);
                        continue;
                    }
                }
                Step::Command(raw) | Step::Append(raw) => {
                    // Announcements of literals are lines too, so the line ends between them are all that is added.
                    assert!(raw.bytes().len() <= 3 * limits.line + limits.literals);
                    let command = Command::parse(raw, Names::ModifiedUtf7);
                    if let Ok(Command { verb: Verb::Idle | Verb::Authenticate(_), .. }) = command {
                        framer.expect_line();
                    }
                    parsed = Some(format!("{command:?}"));
                }
                Step::AppendNext(raw) | Step::AppendEnd(raw) => {
                    if let Some(tag) = Tag::new("a") {
                        let said =
                            [(Kind::Message, false), (Kind::Message, true), (Kind::Text, false), (Kind::Url, false)]
                                .map(|(kind, utf8)| {
                                    let before = Literal { kind, size: 0, utf8, binary: false };
                                    before.next(&tag, "APPEND", raw)
                                });
                        parsed = Some(format!("{said:?}"));
                    }
                }
                _ => {}
            }
            found.push((step, parsed));
        }
    }
    found
}
