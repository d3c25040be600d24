//! SEARCH finds the same whether or not Exchange has an index to ask, before and after the messages were read, and what
//! the words of RFC 9051 section 6.4.4 mean.

use exgate_tests::{Gateway, Imap, Options, Site};

/// A message as this test knows it.
struct Letter {
    from: &'static str,
    to: &'static str,
    cc: Option<&'static str>,
    subject: &'static str,
    body: String,
    /// Days of March 2026.
    sent: u32,
    received: u32,
    flags: String,
}

/// Whether a program is true of a message; `None` where only the answers are compared with each other.
type Meaning = Option<fn(&Letter) -> bool>;

#[tokio::test]
async fn an_index_at_exchange_changes_no_answer() {
    let letters: Vec<Letter> = (0..LETTERS).map(letter).collect();
    let mut answers: Vec<(String, Vec<Vec<usize>>)> = Vec::new();
    for (index, asked) in [("on", "off"), ("off", "off"), ("on", "phrases"), ("off", "phrases")] {
        let simulator = Options::preset("empty").with("--aqs", index).start().await;
        let site = Site::with(&simulator, &format!("\n[imap]\nsearch_index = \"{asked}\"\n"));
        let gateway = unread(&site, &letters).await;
        let mut imap = gateway.login().await;
        assert_eq!(imap.select("INBOX").await.exists as usize, letters.len());
        answers.push((format!("index {index}, asked for {asked}, unread"), search(&mut imap).await));
        imap.ok("FETCH 1:* (RFC822.SIZE BODY.PEEK[])").await;
        answers.push((format!("index {index}, asked for {asked}, read"), search(&mut imap).await));
        gateway.stop().await;
    }
    for (when, found) in &answers {
        for ((program, meaning), found) in PROGRAMS.iter().zip(found) {
            let Some(meaning) = meaning else { continue };
            let wanted: Vec<usize> =
                letters.iter().enumerate().filter(|(_, letter)| meaning(letter)).map(|(place, _)| place + 1).collect();
            assert_eq!(found, &wanted, "{when}: SEARCH {program}");
            assert!(!wanted.is_empty() && wanted.len() < letters.len(), "{program} tells nothing apart");
        }
    }
    let (first, expected) = &answers[0];
    for (when, found) in &answers[1..] {
        for (((program, _), found), expected) in PROGRAMS.iter().zip(found).zip(expected) {
            assert_eq!(found, expected, "{when}, and {first}: SEARCH {program}");
        }
    }
}

#[tokio::test]
async fn an_index_that_may_be_asked_saves_fetching() {
    let simulator = Options::preset("empty").with("--aqs", "on").start().await;
    let site = Site::with(&simulator, "\n[imap]\nsearch_index = \"words\"\n");
    let letters: Vec<Letter> = (0..LETTERS).map(letter).collect();
    let gateway = unread(&site, &letters).await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    simulator.settle().await;
    simulator.reset().await;
    let found = imap.ok("SEARCH BODY figures").await.words("SEARCH");
    let wanted: Vec<String> = letters
        .iter()
        .enumerate()
        .filter(|(_, letter)| has(&letter.body, "figures"))
        .map(|(place, _)| (place + 1).to_string())
        .collect();
    assert_eq!(found, wanted);
    assert_eq!(simulator.stats().await.operation("FindItem"), 1);
    for (message, calls) in [(&wanted[0], 0), (&"1".to_owned(), 1)] {
        simulator.reset().await;
        imap.ok(&format!("FETCH {message} BODY.PEEK[TEXT]")).await;
        assert_eq!(simulator.stats().await.operation("GetItem"), calls, "message {message}");
    }
    gateway.stop().await;
}

/// A gateway that has read none of these messages, which another put there.
async fn unread(site: &Site, letters: &[Letter]) -> Gateway {
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    for letter in letters {
        append(&mut imap, letter).await;
    }
    drop(imap);
    gateway.stop().await;
    std::fs::remove_dir_all(site.state()).unwrap();
    std::fs::create_dir_all(site.state()).unwrap();
    site.start().await
}

async fn search(imap: &mut Imap) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for (program, _) in PROGRAMS {
        let answer = imap.ok(&format!("SEARCH {program}")).await;
        all.push(answer.words("SEARCH").iter().map(|word| word.parse().expect("a number")).collect());
    }
    all
}

async fn append(imap: &mut Imap, letter: &Letter) {
    let message = message(letter);
    let tag = imap
        .begin(&format!(
            "APPEND INBOX ({}) \"{:02}-Mar-2026 12:00:00 +0000\" {{{}+}}\r\n{message}",
            letter.flags,
            letter.received,
            message.len()
        ))
        .await
        .unwrap();
    let answer = imap.end(&tag).await.unwrap();
    assert_eq!(answer.status, exgate_tests::Status::Ok, "{answer:?}");
}

fn letter(number: usize) -> Letter {
    let body = format!(
        "{}\r\n{}\r\nLine {number} of 40.\r\n{}",
        ["The zebra sleeps.", "Quarterly FIGURES attached", "Übermut tut selten gut"][number % 3],
        ["Lunch at noon", "dinner", "see you in Köln", "nothing else", "zebra crossing ahead"][number % 5],
        "0123456789 abcdefghij\r\n".repeat(if number % 7 == 3 { 2500 } else { 3 }),
    );
    Letter {
        from: ["Bob Miller <bob@demo.test>", "carol@corp.test", "\"Dora, the first\" <dora@corp.test>"][number % 3],
        to: ["alice@demo.test", "alice@demo.test, team@corp.test"][number % 2],
        cc: [None, None, Some("Erik <erik@far.test>"), None][number % 4],
        subject: ["Budget", "Re: Budget 2026", "Grüße aus Zürich", "lunch?", "", "Zebra"][number % 6],
        body,
        sent: 1 + u32::try_from(number % 28).unwrap(),
        received: 2 + u32::try_from(number % 28).unwrap(),
        flags: [
            ["", "\\Seen", "\\Flagged", "\\Seen \\Answered"][number % 4],
            if number.is_multiple_of(5) { " $Work" } else { "" },
        ]
        .concat()
        .trim()
        .to_owned(),
    }
}

/// RFC 5322, with the subject in RFC 2047 and the body in one of the encodings of RFC 2045.
fn message(letter: &Letter) -> String {
    let cc = letter.cc.map_or(String::new(), |cc| format!("Cc: {cc}\r\n"));
    let subject = if letter.subject.is_ascii() {
        letter.subject.to_owned()
    } else {
        format!("=?utf-8?Q?{}?=", quoted(letter.subject).replace(' ', "_"))
    };
    let (encoding, body) = if letter.body.is_ascii() {
        ("7bit", letter.body.clone())
    } else {
        let lines: Vec<String> = letter.body.split("\r\n").map(quoted).collect();
        ("quoted-printable", lines.join("\r\n"))
    };
    format!(
        "From: {}\r\nTo: {}\r\n{cc}Subject: {subject}\r\nDate: {:02} Mar 2026 10:00:00 +0000\r\n\
         Message-ID: <{}.{}@letters.test>\r\nX-Team: {}\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}",
        letter.from,
        letter.to,
        letter.sent,
        letter.sent,
        letter.body.len(),
        if letter.sent.is_multiple_of(2) { "red" } else { "blue" },
    )
}

/// Quoted-printable of a line of text (RFC 2045 section 6.7).
fn quoted(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii() && byte != b'=' { char::from(byte).to_string() } else { format!("={byte:02X}") })
        .collect()
}

fn has(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

const LETTERS: usize = 40;

const PROGRAMS: [(&str, Meaning); 43] = [
    ("SEEN", Some(|l| has(&l.flags, "Seen"))),
    ("UNSEEN", Some(|l| !has(&l.flags, "Seen"))),
    ("FLAGGED", Some(|l| has(&l.flags, "Flagged"))),
    ("ANSWERED UNFLAGGED", Some(|l| has(&l.flags, "Answered"))),
    ("KEYWORD $Work", Some(|l| has(&l.flags, "$Work"))),
    ("UNKEYWORD $Work SEEN", Some(|l| !has(&l.flags, "$Work") && has(&l.flags, "Seen"))),
    ("FROM bob", Some(|l| has(l.from, "bob"))),
    ("FROM \"corp.test\"", Some(|l| has(l.from, "corp.test"))),
    ("FROM \"Dora, the first\"", Some(|l| has(l.from, "dora"))),
    ("TO team", Some(|l| has(l.to, "team"))),
    ("CC erik", Some(|l| l.cc.is_some())),
    ("NOT CC erik", Some(|l| l.cc.is_none())),
    ("SUBJECT budget", Some(|l| has(l.subject, "budget"))),
    ("SUBJECT \"Re: Budget\"", Some(|l| has(l.subject, "Re: Budget"))),
    ("CHARSET UTF-8 SUBJECT {7+}\r\nZürich", Some(|l| has(l.subject, "Zürich"))),
    ("CHARSET UTF-8 SUBJECT {7+}\r\nZÜRICH", Some(|l| has(l.subject, "Zürich"))),
    ("NOT SUBJECT budget", Some(|l| !has(l.subject, "budget"))),
    ("HEADER X-Team red", Some(|l| l.sent.is_multiple_of(2))),
    ("HEADER X-Team \"\" FROM bob", Some(|l| has(l.from, "bob"))),
    ("HEADER Cc \"\"", Some(|l| l.cc.is_some())),
    ("HEADER Message-ID \"<3.\"", Some(|l| l.sent == 3)),
    ("BODY zebra", Some(|l| has(&l.body, "zebra"))),
    ("BODY figures", Some(|l| has(&l.body, "figures"))),
    ("CHARSET UTF-8 BODY {5+}\r\nKöln", Some(|l| has(&l.body, "Köln"))),
    ("CHARSET UTF-8 BODY {8+}\r\nübermut", Some(|l| has(&l.body, "übermut"))),
    ("BODY \"the zebra sleeps\"", Some(|l| has(&l.body, "the zebra sleeps"))),
    ("BODY \"ebra cross\"", Some(|l| has(&l.body, "zebra crossing"))),
    ("NOT BODY zebra", Some(|l| !has(&l.body, "zebra"))),
    ("TEXT zebra", Some(|l| has(&l.body, "zebra") || has(l.subject, "zebra"))),
    ("TEXT dora@corp.test", Some(|l| has(l.from, "dora"))),
    ("SENTON 5-Mar-2026", Some(|l| l.sent == 5)),
    ("SENTSINCE 20-Mar-2026", Some(|l| l.sent >= 20)),
    ("SENTBEFORE 4-Mar-2026", Some(|l| l.sent < 4)),
    ("ON 5-Mar-2026", Some(|l| l.received == 5)),
    ("SINCE 20-Mar-2026 BEFORE 25-Mar-2026", Some(|l| (20..25).contains(&l.received))),
    ("NOT SINCE 10-Mar-2026", Some(|l| l.received < 10)),
    ("LARGER 20000", Some(|l| l.body.len() > 20_000)),
    ("SMALLER 20000 FROM bob", Some(|l| l.body.len() < 20_000 && has(l.from, "bob"))),
    ("OR FROM bob SUBJECT lunch", Some(|l| has(l.from, "bob") || has(l.subject, "lunch"))),
    (
        "OR (SEEN BODY zebra) NOT TO team",
        Some(|l| has(&l.flags, "Seen") && has(&l.body, "zebra") || !has(l.to, "team")),
    ),
    ("NOT (OR BODY zebra BODY figures)", Some(|l| !has(&l.body, "zebra") && !has(&l.body, "figures"))),
    ("1:20 BODY noon UNSEEN", None),
    (
        "BODY noon OR SUBJECT budget SENTSINCE 15-Mar-2026",
        Some(|l| has(&l.body, "noon") && (has(l.subject, "budget") || l.sent >= 15)),
    ),
];
