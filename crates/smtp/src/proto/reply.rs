//! Answers (RFC 5321 section 4.2) with enhanced status codes (RFC 2034, 3463).

use std::borrow::Cow;
use std::fmt;

/// `status-code = class "." subject "." detail` (RFC 3463 section 2)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enhanced(pub u8, pub u16, pub u16);

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// None in the greeting, in answers to EHLO and HELO, and where more is awaited (RFC 2034 section 4).
    pub enhanced: Option<Enhanced>,
    /// In lines.
    pub text: Cow<'static, str>,
}

impl Reply {
    /// An answer with an enhanced code. Its class is the first digit of the code.
    pub fn new(code: u16, subject: u16, detail: u16, text: impl Into<Cow<'static, str>>) -> Self {
        let class = u8::try_from(code / 100).unwrap_or(5);
        Self { code, enhanced: Some(Enhanced(class, subject, detail)), text: text.into() }
    }

    /// An answer without.
    pub fn bare(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, enhanced: None, text: text.into() }
    }

    /// Appends it, a line for each of its text, and more where a line would be too long. What is no printable ASCII
    /// cannot be said here.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut lines: Vec<String> = self.text.lines().flat_map(pieces).collect();
        let last = lines.pop().unwrap_or_default();
        for (mark, line) in lines.iter().map(|line| ('-', line)).chain([(' ', &last)]) {
            let enhanced = self.enhanced.map(|enhanced| format!("{enhanced} ")).unwrap_or_default();
            out.extend_from_slice(format!("{}{mark}{enhanced}{line}\r\n", self.code).as_bytes());
        }
    }
}

/// A line, in pieces that fit (RFC 5321 section 4.5.3.1.5).
fn pieces(line: &str) -> Vec<String> {
    let said: String = line.chars().map(|said| if (' '..='~').contains(&said) { said } else { '?' }).collect();
    let mut pieces = vec![String::new()];
    for word in said.split(' ') {
        let word: String = word.chars().take(LONGEST).collect();
        match pieces.last_mut() {
            Some(piece) if piece.is_empty() => *piece = word,
            Some(piece) if piece.len() + 1 + word.len() <= LONGEST => {
                piece.push(' ');
                piece.push_str(&word);
            }
            _ => pieces.push(word),
        }
    }
    pieces
}

const LONGEST: usize = 480;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn answers_are_lines_that_fit() {
        assert_eq!(written(&Reply::new(250, 2, 0, "Done")), "250 2.2.0 Done\r\n");
        assert_eq!(written(&Reply::bare(250, "a\nb")), "250-a\r\n250 b\r\n");
        assert_eq!(written(&Reply::new(550, 7, 1, "Jörg\r\nevil\0")), "550-5.7.1 J?rg\r\n550 5.7.1 evil?\r\n");
        assert_eq!(written(&Reply::bare(354, "")), "354 \r\n");
        let long = written(&Reply::new(451, 3, 0, "word ".repeat(400)));
        assert!(long.lines().count() > 3 && long.split_inclusive("\r\n").all(|line| line.len() <= 512));
    }
}
