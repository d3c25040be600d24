//! Queries and what they find.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::{Facts, Query, Verdict, evaluate};
use crate::{Content, EmailId, Flags, Keyword, ModSeq, SystemFlags, ThreadId, Uid};

struct Message {
    uid: Uid,
    flags: Flags,
    received: Timestamp,
    content: Content,
}

impl Message {
    fn facts(&self) -> Facts<'_> {
        Facts {
            uid: self.uid,
            flags: &self.flags,
            modseq: ModSeq(u64::from(self.uid.get()) * 10),
            received: self.received,
            saved: None,
            size: Some(self.content.len()),
            email_id: Some(EmailId([u8::try_from(self.uid.get()).unwrap(); 16])),
            thread_id: Some(ThreadId([u8::try_from(self.uid.get() % 2).unwrap(); 16])),
            header: None,
            content: None,
        }
    }

    fn whole(&self, query: &Query) -> bool {
        match evaluate(query, &Facts { content: Some(&self.content), ..self.facts() }).unwrap() {
            Verdict::Yes => true,
            Verdict::No => false,
            need => panic!("{need:?} with the whole message"),
        }
    }

    /// As a backend does it: more only when it is needed. Answers what was fetched.
    fn staged(&self, query: &Query) -> (bool, Verdict) {
        let facts = self.facts();
        let message = self.content.read(0, usize::MAX).unwrap();
        let header = &message[..super::message::header_length(&message)];
        let first = evaluate(query, &facts).unwrap();
        let second = match first {
            Verdict::NeedsHeader => evaluate(query, &Facts { header: Some(header), ..facts }).unwrap(),
            other => other,
        };
        assert_ne!(second, Verdict::NeedsHeader);
        match second {
            Verdict::NeedsContent => (self.whole(query), Verdict::NeedsContent),
            other => (other == Verdict::Yes, first),
        }
    }
}

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn corpus() -> Vec<Message> {
    let seen = Flags::new(SystemFlags::SEEN.with(SystemFlags::ANSWERED), [Keyword::new("Work")]);
    let flagged = Flags::system(SystemFlags::FLAGGED);
    let all: [(Flags, &str, &[u8]); 6] = [
        (seen, "2024-05-01T23:30:00Z", PLAIN),
        (flagged, "2024-05-02T00:30:00Z", ENCODED),
        (Flags::default(), "2024-05-03T12:00:00Z", MULTIPART),
        (Flags::default(), "2024-06-01T12:00:00Z", FORWARD),
        (Flags::system(SystemFlags::DRAFT), "2024-06-02T12:00:00Z", BROKEN),
        (Flags::default(), "2024-06-03T12:00:00Z", b""),
    ];
    let message = |(number, (flags, received, bytes)): (u32, (Flags, &str, &[u8]))| Message {
        uid: uid(number),
        flags,
        received: received.parse().unwrap(),
        content: Content::memory(bytes.to_vec()),
    };
    (1..).zip(all).map(message).collect()
}

/// Folded, with a comment, and written on another day than it came.
const PLAIN: &[u8] = b"From: \"Berg, Anna\" <anna@example.org>\r\n\
To: Team: bob@example.net, \"Carol \\\"C\\\" Day\" <carol@example.net>;\r\n\
Subject: Quarterly\r\n report for May\r\n\
Date: Thu, 2 May 2024 01:30:00 +0200\r\n\
X-Empty:\r\n\
\r\n\
Hello team,\r\nthe NUMBERS are in.\r\n";

/// RFC 2047 in header and address, quoted-printable in ISO 8859-1.
const ENCODED: &[u8] = b"From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <jm@example.de>\r\n\
Cc: list@example.org\r\n\
Subject: =?utf-8?b?R3LDvMOfZSBh?=\r\n =?utf-8?b?dXMgS8O2bG4=?=\r\n\
Date: 30 Apr 2024 10:00 GMT\r\n\
Content-Type: text/plain; charset=iso-8859-1\r\n\
Content-Transfer-Encoding: quoted-printable\r\n\
\r\n\
Sch=F6ne Gr=FC=DFe=20=\r\naus dem Norden\r\n";

/// A text in base64 and UTF-8, an HTML, an attachment whose bytes are nobody's text.
const MULTIPART: &[u8] = b"From: robot@example.com\r\n\
Subject: parts\r\n\
Date: Fri, 3 May 2024 12:00:00 -0700\r\n\
Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\
\r\n\
preamble words\r\n\
--=_b\r\n\
Content-Type: text/plain; charset=utf-8\r\n\
Content-Transfer-Encoding: base64\r\n\
\r\n\
0J/RgNC40LLQtdGCLCDQnNC+0YHQutCy0LAh\r\n\
--=_b\r\n\
Content-Type: text/html; charset=shift_jis\r\n\
\r\n\
<b>\x93\xfa\x96\x7b</b>\r\n\
--=_b\r\n\
Content-Type: application/octet-stream\r\n\
Content-Disposition: attachment; filename=\"budget-2024.xls\"\r\n\
Content-Transfer-Encoding: base64\r\n\
\r\n\
c2VjcmV0d29yZA==\r\n\
--=_b--\r\n\
epilogue words\r\n";

/// A message in a message, without a date of its own, lines ended by LF alone.
const FORWARD: &[u8] = b"From: dora@example.org\nBcc: hidden@example.org\nSubject: FW\n\
Content-Type: multipart/mixed; boundary=outer\n\n\
--outer\nContent-Type: message/rfc822\n\n\
Subject: =?iso-8859-1?q?Caf=E9?=\nFrom: emil@example.org\n\nInner words of Emil\n\
--outer--\n";

/// No header worth the name, an impossible date, eight-bit bytes.
const BROKEN: &[u8] =
    b"nonsense line\r\nDate: Wed, 45 Foo 2024 99:00:00\r\nSubject: na\xc3\xafve\r\n\r\ncaf\xe9 \xff\r\n";

fn header(name: &str, text: &str) -> Query {
    Query::Header { name: name.to_owned(), text: text.to_owned() }
}

fn body(text: &str) -> Query {
    Query::Body(text.to_owned())
}

fn text(text: &str) -> Query {
    Query::Text(text.to_owned())
}

fn both(one: Query, other: Query) -> Query {
    Query::And(vec![one, other])
}

fn either(one: Query, other: Query) -> Query {
    Query::Or(Box::new(one), Box::new(other))
}

fn without(query: Query) -> Query {
    Query::Not(Box::new(query))
}

const MAY_1: Date = date(2024, 5, 1);
const MAY_2: Date = date(2024, 5, 2);

fn table() -> Vec<(Query, &'static [u32])> {
    vec![
        (Query::All, &[1, 2, 3, 4, 5, 6]),
        (Query::And(vec![]), &[1, 2, 3, 4, 5, 6]),
        (without(Query::All), &[]),
        (Query::Uids(vec![(uid(5), uid(9)), (uid(1), uid(2))]), &[1, 2, 5, 6]),
        (Query::Uids(vec![(uid(3), uid(2))]), &[]),
        (Query::Flag(SystemFlags::SEEN), &[1]),
        (Query::Flag(SystemFlags::SEEN.with(SystemFlags::FLAGGED)), &[]),
        (without(Query::Flag(SystemFlags::SEEN)), &[2, 3, 4, 5, 6]),
        (Query::Keyword(Keyword::new("work")), &[1]),
        (Query::Smaller(1), &[6]),
        (Query::Larger(FORWARD.len() as u64 - 1), &[2, 3, 4]),
        (Query::ModSeq(ModSeq(50)), &[5, 6]),
        (Query::EmailId(EmailId([2; 16])), &[2]),
        (Query::ThreadId(ThreadId([0; 16])), &[2, 4, 6]),
        (Query::On(MAY_1), &[1]),
        (Query::Before(MAY_2), &[1]),
        (Query::Since(MAY_2), &[2, 3, 4, 5, 6]),
        // The writer's calendar counts: the first was written on May 2 his time, the second on April 30.
        (Query::SentOn(MAY_2), &[1]),
        (Query::SentBefore(MAY_2), &[2]),
        (Query::SentOn(date(2024, 5, 3)), &[3]),
        // Without a readable date, INTERNALDATE stands in.
        (Query::SentSince(date(2024, 6, 1)), &[4, 5, 6]),
        (header("SUBJECT", "report for"), &[1]),
        (header("Subject", "quarterly report"), &[1]),
        (header("subject", "grüße aus köln"), &[2]),
        (header("Subject", "=?UTF-8?b?"), &[2]),
        (header("Subject", "UTF-8"), &[]),
        (header("Subject", "NAÏVE"), &[5]),
        (header("Subject", ""), &[1, 2, 3, 4, 5]),
        (header("X-Empty", ""), &[1]),
        (header("X-Empty", "a"), &[]),
        (header("X-Missing", ""), &[]),
        (header("From", "JÜRGEN müller"), &[2]),
        (header("From", "jm@EXAMPLE"), &[2]),
        (header("From", "berg, anna"), &[1]),
        (header("To", "carol \"c\" day"), &[1]),
        (header("To", "team"), &[1]),
        (header("Cc", "list@"), &[2]),
        (header("Bcc", "hidden"), &[4]),
        (header("nonsense line", ""), &[]),
        (body("numbers"), &[1]),
        (body("Quarterly"), &[]),
        (text("quarterly"), &[1]),
        (body("schöne grüße aus"), &[2]),
        (body("Привет, МОСКВА"), &[3]),
        (body("日本"), &[3]),
        (body("secretword"), &[]),
        (body("c2VjcmV0"), &[]),
        (body("budget-2024"), &[3]),
        (body("inner WORDS"), &[4]),
        (body("café"), &[4]),
        (body("emil@example.org"), &[4]),
        (body("caf"), &[4, 5]),
        (body(""), &[1, 2, 3, 4, 5, 6]),
        (text("example.org"), &[1, 2, 4]),
        (text("köln"), &[2]),
        (without(text("e")), &[6]),
        (both(text("example.org"), without(header("Cc", "list"))), &[1, 4]),
        (either(body("numbers"), header("Subject", "fw")), &[1, 4]),
        (both(Query::Flag(SystemFlags::SEEN), without(body("numbers"))), &[]),
        (without(either(Query::Flag(SystemFlags::SEEN), text("parts"))), &[2, 4, 5, 6]),
        (both(without(without(Query::Before(MAY_2))), Query::All), &[1]),
    ]
}

#[test]
fn queries_find_what_they_mean() {
    let corpus = corpus();
    let mut wrong = Vec::new();
    for (query, expected) in table() {
        let found: Vec<u32> =
            corpus.iter().filter(|message| message.whole(&query)).map(|message| message.uid.get()).collect();
        if found != expected {
            wrong.push((query, found, expected));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_more_is_fetched_than_is_needed() {
    let corpus = corpus();
    let fetched = |query: &Query| corpus.iter().map(|message| message.staged(query).1).collect::<Vec<_>>();
    use Verdict::{NeedsContent, NeedsHeader, No, Yes};
    let seen_with = |query| both(query, Query::Flag(SystemFlags::SEEN));
    assert_eq!(fetched(&seen_with(body("numbers"))), [NeedsContent, No, No, No, No, No]);
    assert_eq!(fetched(&either(body("x"), Query::All)), [Yes; 6]);
    assert_eq!(fetched(&seen_with(header("Subject", "q"))), [NeedsHeader, No, No, No, No, No]);
    let header_first = both(body("numbers"), header("Subject", "quarterly"));
    assert_eq!(fetched(&header_first), [NeedsContent, NeedsHeader, NeedsHeader, NeedsHeader, NeedsHeader, NeedsHeader]);
    assert_eq!(Query::Not(Box::new(Query::All)).program().needs(), No);
    assert_eq!(header_first.program().needs(), NeedsContent);
}

#[test]
fn a_size_only_the_message_can_tell() {
    let corpus = corpus();
    let facts = Facts { size: None, ..corpus[0].facts() };
    assert_eq!(evaluate(&Query::Larger(10), &facts).unwrap(), Verdict::NeedsContent);
    let facts = Facts { content: Some(&corpus[0].content), ..facts };
    assert_eq!(evaluate(&Query::Larger(10), &facts).unwrap(), Verdict::Yes);
}

/// Seen from nobody yet, but free for anybody to send.
#[test]
fn hostile_nesting_is_harmless() {
    let mut deep = b"Content-Type: message/rfc822\r\n\r\n".repeat(200_000);
    deep.extend_from_slice(b"Subject: x\r\n\r\nneedle\r\n");
    let mut wide = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    wide.extend(b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".repeat(20_000));
    for bytes in [deep, wide] {
        let content = Content::memory(bytes);
        let flags = Flags::default();
        let mut message = corpus().remove(0);
        message.flags = flags;
        message.content = content;
        assert!(!message.whole(&body("needle")));
    }
}

fn queries() -> impl Strategy<Value = Query> {
    let all: Vec<Query> = table().into_iter().map(|(query, _)| query).collect();
    prop::sample::select(all).prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Query::And),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| either(one, other)),
            inner.prop_map(without),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn stages_agree_with_the_whole(query in queries()) {
        for message in corpus() {
            prop_assert_eq!(message.staged(&query).0, message.whole(&query));
        }
    }

    #[test]
    fn de_morgan(one in queries(), other in queries()) {
        for message in corpus() {
            let (this, that) = (message.whole(&one), message.whole(&other));
            let (one, other) = (one.clone(), other.clone());
            let neither = both(without(one.clone()), without(other.clone()));
            prop_assert_eq!(message.whole(&without(either(one.clone(), other.clone()))), !(this || that));
            prop_assert_eq!(message.whole(&neither), !(this || that));
            prop_assert_eq!(message.whole(&both(one.clone(), other.clone())), this && that);
            prop_assert_eq!(message.whole(&without(one)), !this);
        }
    }

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..400), query in queries()) {
        let mut message = corpus().remove(0);
        message.content = Content::memory(bytes);
        message.whole(&query);
    }
}
