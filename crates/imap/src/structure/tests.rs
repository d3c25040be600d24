use mail_parser::{MessageParser, MimeHeaders, PartType};
use proptest::prelude::*;

use super::*;

fn scanned(text: &str) -> Part {
    scan(&Content::memory(text.as_bytes().to_vec())).unwrap()
}

/// The tree as text: type, header and body as octets from and to, lines.
fn shown(part: &Part) -> String {
    let kind =
        String::from_utf8_lossy(&[&part.content_type.kind[..], b"/", &part.content_type.subtype].concat()).into_owned();
    let own = format!("{kind} {:?} {}", part.body, part.lines);
    let inside: Vec<String> = match &part.inside {
        Inside::Leaf => return own,
        Inside::Parts(parts) => parts.iter().map(shown).collect(),
        Inside::Message(message) => vec![shown(message)],
    };
    format!("{own} [{}]", inside.join(", "))
}

#[test]
fn a_text_is_one_part() {
    assert_eq!(shown(&scanned("A: b\r\n\r\none\r\ntwo\r\n")), "text/plain 8..18 2");
    assert_eq!(shown(&scanned("A: b\r\n\r\none\r\ntwo")), "text/plain 8..16 2");
    assert_eq!(shown(&scanned("A: b\r\n\r\n")), "text/plain 8..8 0");
    assert_eq!(shown(&scanned("A: b\r\n")), "text/plain 6..6 0");
    assert_eq!(shown(&scanned("")), "text/plain 0..0 0");
    assert_eq!(shown(&scanned("\r\nbody")), "text/plain 2..6 1");
}

#[test]
fn parts_end_before_their_delimiter() {
    let text = "Content-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n--x\r\n\r\none\r\n--x \r\nContent-Type: a/b\r\n\r\ntwo\r\n\r\n--x--\r\nepilogue\r\n--x\r\n";
    let root = scanned(text);
    let Inside::Parts(parts) = &root.inside else { panic!() };
    let bodies: Vec<&str> = parts.iter().map(|part| &text[part.body.start as usize..part.body.end as usize]).collect();
    assert_eq!(bodies, ["one", "two\r\n"]);
    assert_eq!(parts.iter().map(|part| part.lines).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(&text[parts[1].header.start as usize..parts[1].header.end as usize], "Content-Type: a/b\r\n\r\n");
}

#[test]
fn a_delimiter_is_the_whole_line() {
    let root = scanned("Content-Type: multipart/mixed; boundary=aa\r\n\r\n--aa\r\n\r\n--aab\r\nin\r\n--aa--\r\n");
    assert_eq!(root.find(&[1]).unwrap().lines, 2);
    assert!(root.find(&[2]).is_none());
}

#[test]
fn an_outer_delimiter_ends_what_is_inside() {
    let text = "Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\nContent-Type: multipart/alternative; boundary=\"in\"\r\n\r\n--in\r\n\r\na\r\n--out\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nb\r\n--out--\r\n";
    let root = scanned(text);
    assert_eq!(root.find(&[1, 1]).unwrap().lines, 1);
    let message = root.find(&[2]).unwrap().message().unwrap();
    assert_eq!(message.field("Subject"), Some(&b" s"[..]));
    assert_eq!(root.find(&[2, 1]).unwrap().body, message.body);
    assert!(root.find(&[3]).is_none() && root.find(&[2, 2]).is_none() && root.find(&[1, 1, 1]).is_none());
}

#[test]
fn every_message_has_a_part_one() {
    let root = scanned("A: b\r\n\r\ntext");
    assert_eq!(root.find(&[1]).unwrap().body, 8..12);
    assert!(root.find(&[2]).is_none() && root.find(&[0]).is_none());
}

#[test]
fn a_digest_holds_messages() {
    let root =
        scanned("Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nSubject: in\r\n\r\nb\r\n--x--\r\n");
    assert!(root.find(&[1]).unwrap().message().is_some());
}

#[test]
fn pieces_make_no_difference() {
    let long = "y".repeat(PIECE - 30);
    for more in 0..80 {
        let fill = "z".repeat(more);
        let text = format!(
            "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n{long}{fill}\r\n--x\r\nA: b\r\n\r\ntwo\r\n--x--\r\n"
        );
        let root = scanned(&text);
        assert_eq!(root.find(&[1]).unwrap().body.end - root.find(&[1]).unwrap().body.start, (long.len() + more) as u64);
        let two = root.find(&[2]).unwrap();
        assert_eq!(&text[two.body.start as usize..two.body.end as usize], "two", "{more}");
    }
}

#[test]
fn depth_and_number_are_bounded() {
    let deep: String = (0..500)
        .map(|level| format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"))
        .collect();
    let mut depth = 0;
    let root = scanned(&deep);
    let mut part = &root;
    while let Inside::Parts(parts) = &part.inside {
        part = &parts[0];
        depth += 1;
    }
    assert!(depth < MOST_DEPTH);
    let many = format!("Content-Type: multipart/mixed; boundary=x\r\n\r\n{}", "--x\r\n\r\na\r\n".repeat(50_000));
    let Inside::Parts(parts) = scanned(&many).inside else { panic!() };
    assert!(parts.len() < MOST_PARTS + 1);
    let nested = format!("{}text", "Content-Type: message/rfc822\r\n\r\n".repeat(1000));
    assert!(shown(&scanned(&nested)).contains("message/rfc822"));
}

proptest! {
    /// Whatever the bytes, the parts lie within one another, and have a structure that can be written.
    #[test]
    fn any_bytes_are_a_message(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60)) {
        let text = pieces.concat();
        let root = scanned(&text);
        prop_assert_eq!(root.body.end, text.len() as u64);
        check_nesting(&root, 0..text.len() as u64)?;
        let mut out = Vec::new();
        crate::envelope::structure(&root).write_extended(&mut out);
        prop_assert!(out.starts_with(b"(") && out.ends_with(b")"));
    }
}

fn check_nesting(part: &Part, within: Range<u64>) -> Result<(), TestCaseError> {
    prop_assert!(within.start <= part.header.start && part.header.end <= part.body.start);
    prop_assert!(part.header.start <= part.header.end && part.body.start <= part.body.end);
    prop_assert!(part.body.end <= within.end, "{:?} in {:?}", part.body, within);
    prop_assert!(part.lines <= part.body.end - part.body.start);
    match &part.inside {
        Inside::Leaf => Ok(()),
        Inside::Parts(parts) => parts.iter().try_for_each(|inner| check_nesting(inner, part.body.clone())),
        Inside::Message(message) => check_nesting(message, part.body.clone()),
    }
}

const PIECES: [&str; 16] = [
    "\r\n",
    "\n",
    "\r",
    "--x",
    "--",
    "--y\r\n",
    "--x--\r\n",
    "--x\r\n",
    "Content-Type: multipart/mixed; boundary=x\r\n",
    "Content-Type: multipart/digest; boundary=\"y\"\r\n\r\n",
    "Content-Type: message/rfc822\r\n\r\n",
    "Content-Type: text/plain;\r\n charset=\"",
    "From: a <b@c>, g: h@i;\r\n",
    "\0",
    "text",
    "\r\n\r\n",
];

/// mail-parser reads the same messages: where both see a part, they see the same octets.
#[test]
fn another_parser_sees_the_same_parts() {
    for text in MESSAGES {
        let text = text.replace('\n', "\r\n");
        let root = scanned(&text);
        let parsed = MessageParser::default().parse(text.as_bytes()).unwrap();
        compare(&root, &parsed, 0, &text);
    }
}

fn compare(part: &Part, message: &mail_parser::Message<'_>, id: u32, text: &str) {
    let theirs = &message.parts[id as usize];
    assert_eq!(u64::from(theirs.offset_body), part.body.start, "{text}");
    match (&theirs.body, &part.inside) {
        (PartType::Multipart(children), Inside::Parts(parts)) => {
            assert_eq!(children.len(), parts.len(), "{text}");
            for (child, part) in children.iter().zip(parts) {
                compare(part, message, *child, text);
            }
        }
        (PartType::Message(inner), Inside::Message(root)) => {
            assert_eq!(inner.root_part().offset_body as u64, root.body.start, "{text}");
        }
        (_, Inside::Leaf) => {
            assert_eq!(u64::from(theirs.offset_end), part.body.end, "{text}");
            if let Some(kind) = theirs.content_type() {
                assert!(part.content_type.is_a(&kind.c_type), "{text}");
            }
        }
        _ => panic!("another tree: {text}"),
    }
}

const MESSAGES: [&str; 5] = [
    "Subject: plain\n\nHello\nworld\n",
    "Content-Type: multipart/alternative;\n boundary=\"=_a b\"\n\npre\n--=_a b\nContent-Type: text/plain\n\none\n\n--=_a b\nContent-Type: text/html\n\n<p>\n--=_a b--\n",
    "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/related; boundary=i\n\n--i\nContent-Type: text/html\n\nx\n--i\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n--i--\n\n--o\nContent-Type: application/pdf; name=\"a.pdf\"\n\n%PDF\n\n\n--o--\nend\n",
    "Content-Type: message/rfc822\n\nSubject: in\n\nbody\n",
    "Content-Type: multipart/mixed; boundary=x\n\n--x\n\n\n--x\n\na\n--x--\n",
];
