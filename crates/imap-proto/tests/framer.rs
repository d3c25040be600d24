//! The framer: what comes out for what goes in, and that memory stays small.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imap_proto::framer::{Fatal, Limit};
use imap_proto::{Framer, Limits, RawCommand, Step};

const SMALL: Limits = Limits { line: 40, literals: 10, message: 100, skip: 200 };

/// Steps up to the first that wants bytes, as words.
fn steps(framer: &mut Framer) -> Vec<String> {
    let text = |raw: &RawCommand| String::from_utf8_lossy(raw.bytes()).into_owned();
    let mut words = Vec::new();
    loop {
        words.push(match framer.next() {
            Step::NeedBytes => return words,
            Step::Continue => "+".to_owned(),
            Step::Command(raw) => format!("command {}", text(&raw)),
            Step::Append(raw) => format!("append {}", text(&raw)),
            Step::AppendNext(raw) => format!("next {}", text(&raw)),
            Step::AppendEnd(raw) => format!("end {}", text(&raw)),
            Step::Literal(piece) => format!("piece {}", String::from_utf8_lossy(&piece)),
            Step::Line(line) => format!("line {}", line.expose_text()),
            Step::Refused(refusal) => {
                format!("refused {:?} {}", refusal.limit, refusal.tag.map_or("*".into(), |tag| tag.to_string()))
            }
            Step::Fatal(fatal) => {
                words.push(format!("fatal {fatal:?}"));
                return words;
            }
        });
    }
}

fn all(input: &[u8]) -> Vec<String> {
    let mut framer = Framer::new(SMALL);
    framer.push(input);
    steps(&mut framer)
}

#[test]
fn lines_and_literals() {
    let table: &[(&str, &[&str])] = &[
        ("a NOOP\r\nb NOOP\nc N", &["command a NOOP", "command b NOOP"]),
        ("\r\n\n\r\na NOOP\r\n", &["command a NOOP"]),
        ("a LOGIN {3}\r\nx\r\n {0}\r\n\r\n", &["+", "+", "command a LOGIN {3}\r\nx\r\n {0}\r\n"]),
        ("a LOGIN {1+}\nx {1-}\ny\n", &["command a LOGIN {1+}\r\nx {1-}\r\ny"]),
        ("a X ~{2+}\r\nab\r\n", &["command a X ~{2+}\r\nab"]),
        // No literals, and for the parser to refuse.
        (
            "a X {}\r\na X {1x}\r\na X {-}\r\n{1 }\r\n",
            &["command a X {}", "command a X {1x}", "command a X {-}", "command {1 }"],
        ),
        ("a X\0\rY\r\n", &["command a X\0\rY"]),
    ];
    for (input, wanted) in table {
        assert_eq!(all(input.as_bytes()), *wanted, "{input}");
    }
}

#[test]
fn messages_come_in_pieces() {
    let table: &[(&str, &[&str])] = &[
        ("a APPEND x {3+}\r\nabc\r\nb NOOP\r\n", &["append a APPEND x {3+}", "piece abc", "end ", "command b NOOP"]),
        ("a APPEND x {3}\r\nab", &["append a APPEND x {3}", "+", "piece ab"]),
        ("a append {1+}\r\nx {1+}\r\ny\n", &["append a append {1+}\r\nx {1+}", "piece y", "end "]),
        ("a APPEND x {0+}\r\n\r\n", &["append a APPEND x {0+}", "end "]),
        (
            "a APPEND  x (\\Seen) {1+}\r\ny {2+}\r\nzz)\r\n",
            &["append a APPEND  x (\\Seen) {1+}", "piece y", "next  {2+}", "piece zz", "end )"],
        ),
        ("a APPENDX x {1+}\r\ny\r\n", &["command a APPENDX x {1+}\r\ny"]),
        ("a UID  replace 4 x {1+}\r\ny\r\n", &["append a UID  replace 4 x {1+}", "piece y", "end "]),
        ("a REPLACE * {1+}\r\nx ~{1+}\r\ny\r\n", &["append a REPLACE * {1+}\r\nx ~{1+}", "piece y", "end "]),
        ("a REPLACE {1+}\r\ny\r\n", &["command a REPLACE {1+}\r\ny"]),
        (
            "a APPEND x CATENATE (URL {2+}\r\n/b TEXT {1+}\r\ny URL /c)\r\n",
            &["append a APPEND x CATENATE (URL {2+}", "piece /b", "next  TEXT {1+}", "piece y", "end  URL /c)"],
        ),
        ("a APPEND x CATENATE (URL /b)\r\n", &["command a APPEND x CATENATE (URL /b)"]),
    ];
    for (input, wanted) in table {
        assert_eq!(all(input.as_bytes()), *wanted, "{input}");
    }
}

#[test]
fn a_refused_message_costs_only_itself() {
    let mut framer = Framer::new(SMALL);
    framer.push(b"a APPEND x {3}\r\nb NOOP\r\nc APPEND x {3+}\r\nabc {2+}\r\nzz x {5}\r\nd NOOP\r\n");
    assert!(matches!(framer.next(), Step::Append(_)));
    framer.abandon();
    assert!(matches!(framer.next(), Step::Command(raw) if raw.bytes() == b"b NOOP"));
    assert!(matches!(framer.next(), Step::Append(_)));
    framer.abandon();
    assert_eq!(steps(&mut framer), ["command d NOOP"]);
}

#[test]
fn a_message_can_be_given_up_half_way() {
    let mut framer = Framer::new(SMALL);
    framer.push(b"a APPEND x {9}\r\n");
    assert_eq!(steps(&mut framer), ["append a APPEND x {9}", "+"]);
    framer.push(b"abc");
    assert_eq!(steps(&mut framer), ["piece abc"]);
    framer.abandon();
    framer.abandon();
    framer.push(b"b NOOP\n");
    assert!(steps(&mut framer).is_empty());
    framer.push(b"\r\nc NOOP\r\n");
    assert_eq!(steps(&mut framer), ["command c NOOP"]);
}

#[test]
fn lines_asked_for() {
    let mut framer = Framer::new(SMALL);
    framer.push(b"a AUTHENTICATE PLAIN\r\n\r\nAGE=\r\nb IDLE\r\nDONE\r\nc NOOP\r\n");
    assert!(matches!(framer.next(), Step::Command(_)));
    framer.expect_line();
    assert!(matches!(framer.next(), Step::Line(line) if line.expose() == b""));
    framer.expect_line();
    assert!(matches!(framer.next(), Step::Line(line) if line.expose() == b"AGE="));
    assert!(matches!(framer.next(), Step::Command(_)));
    framer.expect_line();
    assert_eq!(steps(&mut framer), ["line DONE", "command c NOOP"]);
    framer.expect_line();
    framer.push(&[b'x'; 41]);
    assert_eq!(steps(&mut framer), ["refused Line *"]);
    framer.push(b"\r\nd NOOP\r\n");
    assert_eq!(steps(&mut framer), ["command d NOOP"]);
}

#[test]
fn what_breaks_a_limit_is_skipped() {
    let long = "x".repeat(50);
    let table = [
        (format!("a {long}\r\nb NOOP\r\n"), vec!["refused Line a", "command b NOOP"]),
        (format!("{long}\r\nb NOOP\r\n"), vec!["refused Line *", "command b NOOP"]),
        // What comes without being asked for is no command.
        (format!("a {long} {{8+}}\r\nb NOOP\r\n\r\nc NOOP\r\n"), vec!["refused Line a", "command c NOOP"]),
        // What is asked for never comes.
        (format!("a {long} {{8}}\r\nb NOOP\r\n"), vec!["refused Line a", "command b NOOP"]),
        (format!("a X {{1+}}\r\ny {long}\r\nb NOOP\r\n"), vec!["refused Line a", "command b NOOP"]),
        ("a X {11}\r\nb NOOP\r\n".to_owned(), vec!["refused Literals a", "command b NOOP"]),
        (
            "a X {11+}\r\n01234567890 {2+}\r\n\r\n z\r\nb NOOP\r\n".to_owned(),
            vec!["refused Literals a", "command b NOOP"],
        ),
        ("a X {6+}\r\n012345 {5}\r\nb NOOP\r\n".to_owned(), vec!["refused Literals a", "command b NOOP"]),
        ("a APPEND x {101}\r\nb NOOP\r\n".to_owned(), vec!["refused Message a", "command b NOOP"]),
        (
            "a APPEND x {1+}\r\ny {101}\r\nb NOOP\r\n".to_owned(),
            vec!["append a APPEND x {1+}", "piece y", "refused Message a", "command b NOOP"],
        ),
        ("a X {99999999999999999999999}\r\nb NOOP\r\n".to_owned(), vec!["refused Literals a", "command b NOOP"]),
        ("a X {99999999999999999999999+}\r\nb NOOP\r\n".to_owned(), vec!["fatal TooMuchToSkip"]),
        ("a APPEND x {201+}\r\n".to_owned(), vec!["fatal TooMuchToSkip"]),
        (format!("a {}", "x".repeat(300)), vec!["refused Line a", "fatal TooMuchToSkip"]),
        (format!("a {long} {{200+}}\r\n"), vec!["refused Line a", "fatal TooMuchToSkip"]),
    ];
    for (input, wanted) in table {
        assert_eq!(all(input.as_bytes()), wanted, "{input}");
    }
}

#[test]
fn the_end_is_final() {
    let mut framer = Framer::new(SMALL);
    framer.push(b"a X {999+}\r\nb NOOP\r\n");
    for _ in 0..3 {
        assert_eq!(framer.next(), Step::Fatal(Fatal::TooMuchToSkip));
        framer.push(b"b NOOP\r\n");
    }
    assert!(framer.take_rest().is_empty());
}

#[test]
fn what_follows_starttls_is_taken_out() {
    let mut framer = Framer::new(SMALL);
    framer.push(b"a STARTTLS\r\nb LOGIN x y\r\n");
    assert!(matches!(framer.next(), Step::Command(_)));
    assert_eq!(framer.take_rest(), b"b LOGIN x y\r\n");
    assert_eq!(framer.next(), Step::NeedBytes);
}

#[test]
fn a_hundred_megabytes_pass_through() {
    let mut framer = Framer::new(Limits::default());
    let size = 100 << 20;
    framer.push(format!("a APPEND x {{{size}+}}\r\n").as_bytes());
    assert!(matches!(framer.next(), Step::Append(_)));
    let (piece, mut got) = (vec![b'x'; 64 << 10], 0);
    for _ in 0..size / piece.len() {
        assert_eq!(framer.next(), Step::NeedBytes);
        framer.push(&piece);
        let Step::Literal(out) = framer.next() else { panic!() };
        assert!(out.len() <= piece.len());
        got += out.len();
    }
    framer.push(b"\r\n");
    assert_eq!((got, framer.next()), (size, Step::AppendEnd(RawCommand::new(""))));
}

#[test]
fn limits_can_change() {
    let mut framer = Framer::new(SMALL);
    framer.push(b"a X {11}\r\n");
    assert!(matches!(framer.next(), Step::Refused(refusal) if refusal.limit == Limit::Literals));
    framer.set_limits(Limits::default());
    framer.push(b"a X {11}\r\n");
    assert_eq!(framer.next(), Step::Continue);
}
