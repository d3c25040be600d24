//! A message is the same however it comes, and whatever comes is answered in the form of answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use mailbox::memory::{Account, Memory};
use mailbox::submit::Body;
use proptest::collection::vec;
use proptest::prelude::*;
use serve::{Connection, Shutdown, Stream};
use smtp::Settings;
use smtp::proto::{Framer, LONGEST_LINE, Limits, LineFault, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Lines with what a dialog could stumble over.
fn lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let line = prop_oneof![
        3 => vec(prop_oneof![Just(b'.'), Just(b' '), 1..=255u8], 0..40),
        1 => Just(b".".to_vec()),
        1 => Just(b"..".to_vec()),
        1 => Just(b"QUIT".to_vec()),
        1 => Just(Vec::new()),
    ];
    let fine = |line: Vec<u8>| line.into_iter().filter(|byte| !b"\r\n".contains(byte)).collect::<Vec<u8>>();
    vec(line.prop_map(fine), 0..12)
}

fn message(lines: &[Vec<u8>]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_slice(), b"\r\n"].concat()).collect()
}

fn stuffed(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut stuffed = Vec::new();
    for line in lines {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

/// In pieces that end where `cuts` say, counted in octets from one to the next.
fn pieces<'a>(mut bytes: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut cuts = cuts.iter().cycle();
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let length = cuts.next().copied().unwrap_or(usize::MAX).clamp(1, bytes.len());
        let (piece, rest) = bytes.split_at(length);
        bytes = rest;
        Some(piece)
    })
}

/// How a message ended, if it did.
type End = Option<Result<(), LineFault>>;

/// What the framer makes of a DATA: the message, how it ended, and the lines behind it.
fn data<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, End, Vec<Vec<u8>>) {
    let mut framer = Framer::new(Limits { line: LONGEST_LINE, skip: 1 << 16 });
    framer.expect_data();
    let (mut text, mut end, mut behind) = (Vec::new(), None, Vec::new());
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.step() {
                Step::NeedBytes => break,
                Step::Text(more) => text.extend_from_slice(&more),
                Step::End(how) => end = Some(how),
                Step::Line(line) => behind.push(line.to_vec()),
                Step::BadLine(_) => behind.push(Vec::new()),
                other => panic!("{other:?}"),
            }
        }
    }
    (text, end, behind)
}

/// A session that somebody has signed in to, told this in these pieces. Everything it said after that.
fn told(bytes: &[u8], cuts: &[usize]) -> (Account, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let memory = Memory::new();
        let account = memory.add_user("anna", "secret");
        let (client, server) = tokio::io::duplex(1 << 20);
        let connection = Connection {
            stream: Stream::Plain(server),
            start_tls: None,
            peer: "127.0.0.1:1".parse().unwrap(),
            shutdown: Shutdown::never(),
        };
        let settings = Settings { delivery_reports: true, ..Settings::default() };
        let session = tokio::spawn(smtp::run(connection, memory, Arc::new(settings)));
        let (mut from, mut to) = tokio::io::split(client);
        let _ = to.write_all(b"HELO c\r\nAUTH PLAIN AGFubmEAc2VjcmV0\r\n").await;
        for piece in pieces(bytes, cuts) {
            let _ = to.write_all(piece).await;
            tokio::task::yield_now().await;
        }
        let _ = to.shutdown().await;
        let mut said = Vec::new();
        from.read_to_end(&mut said).await.unwrap();
        session.await.expect("a session never panics");
        (account, String::from_utf8(said).expect("answers are ASCII"))
    })
}

/// `Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF`
fn is_reply(line: &str) -> bool {
    let (code, rest) = line.split_at_checked(3).unwrap_or_default();
    let known = matches!(code.parse(), Ok(200..=599));
    known && rest.starts_with([' ', '-']) && line.len() <= 510 && line.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_message_is_the_same_however_it_is_cut(lines in lines(), cuts in vec(1usize..30, 1..8)) {
        let mut line = stuffed(&lines);
        line.extend_from_slice(b"QUIT\r\n");
        let is_fine = !lines.iter().any(|line| line.contains(&0));
        let (text, end, behind) = data(pieces(&line, &cuts));
        prop_assert_eq!(behind, vec![b"QUIT".to_vec()]);
        if is_fine {
            prop_assert_eq!(end, Some(Ok(())));
            prop_assert_eq!(text, message(&lines));
        } else {
            prop_assert_eq!(end, Some(Err(LineFault::Nul)));
        }
    }

    #[test]
    fn whatever_follows_data_has_one_reading(bytes in vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'a')], 0..60), cuts in vec(1usize..5, 1..5)) {
        let whole = data(std::iter::once(bytes.as_slice()));
        prop_assert_eq!(&data(pieces(&bytes, &cuts)).1, &whole.1);
        // Only one thing is the end of a message that is taken.
        if whole.1 == Some(Ok(())) {
            let text = [b"\r\n".as_slice(), &bytes].concat();
            let at = text.windows(5).position(|five| five == b"\r\n.\r\n").unwrap();
            let before = &text[2..(at + 2).max(2)];
            prop_assert_eq!(String::from_utf8_lossy(before).replace("\r\n", "").find(['\r', '\n']), None);
            prop_assert_eq!(whole.0, message(&unstuffed(before)));
        }
    }

    #[test]
    fn data_and_chunks_bring_the_same(lines in lines(), cuts in vec(1usize..50, 1..6), sizes in vec(0usize..40, 1..6)) {
        let lines: Vec<Vec<u8>> = lines.into_iter().map(|line| line.into_iter().filter(|byte| *byte != 0).collect()).collect();
        let message = message(&lines);
        let begin = "MAIL FROM:<anna@example.org>\r\nRCPT TO:<ben@example.org>\r\n";
        let by_data = [begin.as_bytes(), b"DATA\r\n", &stuffed(&lines)].concat();
        let mut by_chunks = begin.as_bytes().to_vec();
        let mut rest = message.as_slice();
        for size in sizes {
            let (chunk, after) = rest.split_at(size.min(rest.len()));
            by_chunks.extend_from_slice(format!("BDAT {}\r\n", chunk.len()).as_bytes());
            by_chunks.extend_from_slice(chunk);
            rest = after;
        }
        by_chunks.extend_from_slice(format!("BDAT {} LAST\r\n", rest.len()).as_bytes());
        by_chunks.extend_from_slice(rest);
        let odd = mailbox::submit::Header::parse(&message).is_err();
        for way in [by_data, by_chunks] {
            let (account, said) = told(&way, &cuts);
            let sent = account.sent();
            prop_assert_eq!(sent.len(), usize::from(!odd && !said.contains("\r\n550 5.7.1 ")), "{}", said);
            if let Some(submission) = sent.first() {
                let kept = submission.message.read(0, usize::MAX).unwrap();
                prop_assert_eq!(kept.as_ref(), message.as_slice());
                prop_assert_eq!(submission.envelope.body, Body::SevenBit);
            }
        }
    }

    #[test]
    fn garbage_is_answered(words in vec(prop_oneof![
        Just(b"MAIL FROM:<anna@example.org>".to_vec()), Just(b"RCPT TO:<ben@example.org>".to_vec()), Just(b"DATA\r\n".to_vec()),
        Just(b"BDAT 5".to_vec()), Just(b" LAST".to_vec()), Just(b"\r\n".to_vec()), Just(b"\n".to_vec()), Just(b"\r\n.\r\n".to_vec()),
        Just(b"EHLO x".to_vec()), Just(b"RSET\r\n".to_vec()), Just(b"AUTH LOGIN\r\n".to_vec()), Just(b" BODY=BINARYMIME SMTPUTF8".to_vec()),
        Just(b"QUIT".to_vec()), vec(any::<u8>(), 0..20),
    ], 0..30), cuts in vec(1usize..60, 1..5)) {
        let bytes = words.concat();
        let (account, said) = told(&bytes, &cuts);
        prop_assert!(said.ends_with("\r\n"));
        for line in said.trim_end().split("\r\n") {
            prop_assert!(is_reply(line), "{}", line);
        }
        for submission in account.sent() {
            let octets = submission.message.read(0, usize::MAX).unwrap();
            let text = String::from_utf8_lossy(&octets).replace("\r\n", "");
            prop_assert!(!text.contains(['\r', '\n', '\0']), "{text:?}");
            prop_assert!(!submission.envelope.recipients.is_empty());
        }
    }
}

fn unstuffed(text: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let mut lines: Vec<&str> = text.split("\r\n").collect();
    lines.pop();
    lines.iter().map(|line| line.strip_prefix('.').unwrap_or(line).as_bytes().to_vec()).collect()
}
