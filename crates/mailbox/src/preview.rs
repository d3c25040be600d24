//! How a message begins, for lists of messages (RFC 8970): a line of its text, without markup.

use std::io;

use mail_parser::decoders::html::html_to_text;

use crate::Content;
use crate::search::beginning::{Beginning, beginning};

/// Characters of a preview at most (RFC 8970 section 3.1: 200 are recommended, 256 allowed).
pub const LONGEST: usize = 200;

/// The preview of a message: the beginning of its first text, or nothing if it has none. The same bytes give the same
/// preview.
///
/// # Errors
/// Those of reading the message, of which only the beginning is read.
pub fn of(content: &Content) -> io::Result<String> {
    let read = content.read(0, READ)?;
    Ok(match beginning(&read) {
        Some(Beginning::Plain(text)) => shortened(&text),
        Some(Beginning::Html(text)) => shortened(&html_to_text(&text)),
        None => String::new(),
    })
}

/// Text as it stands in a preview: its words on one line, and no more than fit. What cannot be seen is left out: mailers
/// fill up the beginning with it, and it can turn the direction of what follows.
#[must_use]
pub fn shortened(text: &str) -> String {
    let mut line = String::new();
    let mut left = LONGEST;
    for word in text.split(|char: char| char.is_whitespace() || char.is_control()) {
        let mut seen = word.chars().filter(|char| !is_invisible(*char)).peekable();
        if seen.peek().is_none() {
            continue;
        }
        let space = usize::from(!line.is_empty());
        if left <= space {
            break;
        }
        if space > 0 {
            line.push(' ');
            left -= 1;
        }
        for char in seen.take(left) {
            line.push(char);
            left -= 1;
        }
    }
    line
}

/// Spaces without width, soft hyphens, and what changes the direction of text.
fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{34f}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// Octets of a message that are looked at.
const READ: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn preview(message: &str) -> String {
        of(&Content::memory(message.replace('\n', "\r\n").into_bytes())).unwrap()
    }

    #[test]
    fn a_preview_is_the_text_a_reader_sees_first() {
        for (message, expected) in [
            ("Subject: a\n\n  Hello,\n\n\tworld \u{200b} \u{ad}\n", "Hello, world"),
            ("Subject: a\n\n", ""),
            ("Subject: a", ""),
            (
                "Content-Type: text/html; charset=utf-8\n\n<style>p{}</style><p>Gr&uuml;&szlig;e<br>an&nbsp;alle</p>",
                "Grüße an alle",
            ),
            (
                "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=\n=DFe",
                "Grüße",
            ),
            ("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nR3LDvMOf\nZQ==\n", "Grüße"),
            ("Content-Type: application/pdf\n\nJVBERi0=", ""),
            (
                "Content-Type: multipart/mixed; boundary=a\n\npreamble\n--a\nContent-Type: text/plain\nContent-Disposition: attachment\n\nnot this\n--a\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<b>html</b>\n--b\nContent-Type: text/plain\n\nplain\n--b--\n--a--\n",
                "plain",
            ),
            (
                "Content-Type: multipart/related; boundary=a\n\n--a\nContent-Type: text/html\n\n<i>only html</i>\n--a--\n",
                "only html",
            ),
            (
                "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: image/png\n\nx\n--a\nContent-Type: message/rfc822\n\nSubject: b\n\ninside\n--a--\n",
                "inside",
            ),
        ] {
            assert_eq!(preview(message), expected, "{message}");
        }
    }

    #[test]
    fn a_preview_is_short_however_long_the_message_is() {
        let long = preview(&format!("Subject: a\n\n{}", "schön ".repeat(100_000)));
        assert_eq!(long.chars().count(), LONGEST);
        let one = preview(&format!("Subject: a\n\n{}", "ö".repeat(2_000_000)));
        assert_eq!(one.chars().count(), LONGEST);
        let base64 = format!("Content-Transfer-Encoding: base64\n\n{}", "R3LDvMOf\n".repeat(500_000));
        assert_eq!(preview(&base64).chars().count(), LONGEST);
        let line = format!("Content-Transfer-Encoding: base64\n\n{}", "R3LDvMOf".repeat(500_000));
        assert_eq!(preview(&line).chars().count(), LONGEST);
    }

    #[test]
    fn nesting_is_no_trouble() {
        let nested: String =
            (0..5_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
        assert_eq!(preview(&nested), "");
    }

    #[test]
    fn lines_turn_in_no_direction() {
        assert_eq!(shortened("a\u{202e}b \u{2066}\n c\u{0}d"), "ab c d");
    }
}
