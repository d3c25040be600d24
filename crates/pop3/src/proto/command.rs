//! Commands (RFC 1939 sections 4 to 7) out of lines.

use std::fmt;
use std::num::NonZeroU32;

use mailbox::Secret;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// USER
    User(String),
    /// PASS
    Pass(Secret<String>),
    /// AUTH (RFC 5034)
    Auth {
        /// Its name, as it came.
        mechanism: String,
        /// The response that came with it, in base64.
        initial: Option<Secret<Vec<u8>>>,
    },
    /// AUTH alone: which mechanisms are there? (RFC 1734 as it was implemented)
    AuthList,
    /// APOP
    Apop,
    /// CAPA (RFC 2449)
    Capa,
    /// STLS (RFC 2595)
    Stls,
    /// UTF8 (RFC 6856)
    Utf8,
    /// STAT
    Stat,
    /// LIST, of one message or of all.
    List(Option<NonZeroU32>),
    /// UIDL, of one message or of all.
    Uidl(Option<NonZeroU32>),
    /// RETR
    Retr(NonZeroU32),
    /// TOP: the header, and so many lines behind it.
    Top(NonZeroU32, u64),
    /// DELE
    Dele(NonZeroU32),
    /// RSET
    Rset,
    /// NOOP
    Noop,
    /// QUIT
    Quit,
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Longer than this command may be.
    TooLong,
    /// No command of this name.
    Unknown,
    /// The line of another protocol: whoever sends it does not take part in this conversation.
    NotPop,
    /// An argument is missing, too many, or not UTF-8.
    Arguments,
    /// An argument is no number of a message.
    Number,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "The line is too long",
            Self::Unknown => "There is no such command",
            Self::NotPop => "This is POP3",
            Self::Arguments => "The arguments of this command are others",
            Self::Number => "Messages have numbers from 1 on",
        })
    }
}

impl Command {
    /// Reads a line: `command = keyword *(SP argument) CRLF`, keywords in any case.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(line: &[u8]) -> Result<Self, ParseError> {
        let keyword_end = line.iter().position(|&octet| octet == b' ').unwrap_or(line.len());
        let (keyword, rest) = line.split_at(keyword_end);
        let keyword = keyword.to_ascii_uppercase();
        let Some((_, longest, read)) = FORMS.iter().find(|(name, ..)| name.as_bytes() == keyword) else {
            return Err(stranger(&keyword));
        };
        if line.len() + 2 > *longest {
            return Err(ParseError::TooLong);
        }
        let rest = std::str::from_utf8(rest).map_err(|_| ParseError::Arguments)?;
        read(rest.strip_prefix(' ').unwrap_or_default())
    }

    /// What logs call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::User(_) => "USER",
            Self::Pass(_) => "PASS",
            Self::Auth { .. } | Self::AuthList => "AUTH",
            Self::Apop => "APOP",
            Self::Capa => "CAPA",
            Self::Stls => "STLS",
            Self::Utf8 => "UTF8",
            Self::Stat => "STAT",
            Self::List(_) => "LIST",
            Self::Uidl(_) => "UIDL",
            Self::Retr(_) => "RETR",
            Self::Top(..) => "TOP",
            Self::Dele(_) => "DELE",
            Self::Rset => "RSET",
            Self::Noop => "NOOP",
            Self::Quit => "QUIT",
        }
    }
}

type Read = fn(&str) -> Result<Command, ParseError>;

/// One row for each command: its name, octets of its line, and what reads the rest of the line.
const FORMS: [(&str, usize, Read); 16] = [
    ("USER", LONGEST_NAME, user),
    ("PASS", LONGEST_NAME, pass),
    ("AUTH", LONGEST_LINE, auth),
    ("APOP", LONGEST, |_| Ok(Command::Apop)),
    ("CAPA", LONGEST, |rest| alone(rest, Command::Capa)),
    ("STLS", LONGEST, |rest| alone(rest, Command::Stls)),
    ("UTF8", LONGEST, |rest| alone(rest, Command::Utf8)),
    ("STAT", LONGEST, |rest| alone(rest, Command::Stat)),
    ("LIST", LONGEST, |rest| Ok(Command::List(perhaps_number(rest)?))),
    ("UIDL", LONGEST, |rest| Ok(Command::Uidl(perhaps_number(rest)?))),
    ("RETR", LONGEST, |rest| Ok(Command::Retr(number(rest.trim_end_matches(' '))?))),
    ("TOP", LONGEST, top),
    ("DELE", LONGEST, |rest| Ok(Command::Dele(number(rest.trim_end_matches(' '))?))),
    ("RSET", LONGEST, |rest| alone(rest, Command::Rset)),
    ("NOOP", LONGEST, |rest| alone(rest, Command::Noop)),
    ("QUIT", LONGEST, |rest| alone(rest, Command::Quit)),
];

/// `"USER" SP name`, which may hold spaces all the same.
fn user(rest: &str) -> Result<Command, ParseError> {
    if rest.is_empty() { Err(ParseError::Arguments) } else { Ok(Command::User(rest.to_owned())) }
}

/// `"PASS" SP string`: all of it, spaces included (RFC 1939 section 7).
fn pass(rest: &str) -> Result<Command, ParseError> {
    Ok(Command::Pass(Secret::new(rest.to_owned())))
}

/// `auth-command = "AUTH" SP sasl-mech [SP initial-response]` (RFC 5034 section 7)
fn auth(rest: &str) -> Result<Command, ParseError> {
    let mut words = rest.split(' ').filter(|word| !word.is_empty());
    let Some(mechanism) = words.next() else { return Ok(Command::AuthList) };
    let initial = words.next().map(|word| Secret::new(word.as_bytes().to_vec()));
    match words.next() {
        None => Ok(Command::Auth { mechanism: mechanism.to_owned(), initial }),
        Some(_) => Err(ParseError::Arguments),
    }
}

/// `"TOP" SP msg SP n`
fn top(rest: &str) -> Result<Command, ParseError> {
    let (message, lines) = rest.trim_end_matches(' ').split_once(' ').ok_or(ParseError::Arguments)?;
    Ok(Command::Top(number(message)?, lines.parse().map_err(|_| ParseError::Arguments)?))
}

/// Spaces at the end are forgiven.
fn alone(rest: &str, command: Command) -> Result<Command, ParseError> {
    if rest.trim_end_matches(' ').is_empty() { Ok(command) } else { Err(ParseError::Arguments) }
}

fn perhaps_number(rest: &str) -> Result<Option<NonZeroU32>, ParseError> {
    match rest.trim_end_matches(' ') {
        "" => Ok(None),
        rest => number(rest).map(Some),
    }
}

/// `msg = nz-number`
fn number(text: &str) -> Result<NonZeroU32, ParseError> {
    let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(ParseError::Number)
}

fn stranger(keyword: &[u8]) -> ParseError {
    let of_others: [&[u8]; 8] = [b"GET", b"POST", b"HEAD", b"PUT", b"CONNECT", b"OPTIONS", b"EHLO", b"HELO"];
    if of_others.contains(&keyword) { ParseError::NotPop } else { ParseError::Unknown }
}

/// Octets of a command's line: RFC 2449 section 4.
const LONGEST: usize = 255;

/// Names and passwords may be longer than that.
const LONGEST_NAME: usize = 1024;

/// A token in AUTH is longer than anything else.
pub const LONGEST_LINE: usize = 12_288;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn lines_are_commands() {
        for (line, command) in [
            ("user anna@x.example", Command::User("anna@x.example".into())),
            ("PASS  two  spaces ", Command::Pass(Secret::new(" two  spaces ".into()))),
            ("AUTH", Command::AuthList),
            ("AUTH PLAIN", Command::Auth { mechanism: "PLAIN".into(), initial: None }),
            (
                "AUTH plain AAA=",
                Command::Auth { mechanism: "plain".into(), initial: Some(Secret::new(b"AAA=".into())) },
            ),
            ("LIST", Command::List(None)),
            ("LIST 2 ", Command::List(Some(message(2)))),
            ("UIDL 007", Command::Uidl(Some(message(7)))),
            ("Retr 4294967295", Command::Retr(message(u32::MAX))),
            ("TOP 1 0", Command::Top(message(1), 0)),
            ("STAT ", Command::Stat),
        ] {
            assert_eq!(Command::parse(line.as_bytes()), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_is_none_says_why() {
        let long = format!("RETR {}", "1".repeat(300));
        for (line, error) in [
            ("", ParseError::Unknown),
            ("XTND XMIT", ParseError::Unknown),
            ("GET / HTTP/1.1", ParseError::NotPop),
            ("USER", ParseError::Arguments),
            ("STAT 1", ParseError::Arguments),
            ("RETR", ParseError::Number),
            ("RETR 0", ParseError::Number),
            ("RETR -1", ParseError::Number),
            ("RETR +1", ParseError::Number),
            ("RETR 4294967296", ParseError::Number),
            ("RETR 1 2", ParseError::Number),
            ("TOP 1", ParseError::Arguments),
            ("TOP 1 -1", ParseError::Arguments),
            ("AUTH PLAIN = =", ParseError::Arguments),
            (&long, ParseError::TooLong),
        ] {
            assert_eq!(Command::parse(line.as_bytes()), Err(error), "{line}");
        }
        assert_eq!(Command::parse(b"USER \xff"), Err(ParseError::Arguments));
        let shown = format!("{:?}", Command::parse(b"PASS sesame"));
        assert!(!shown.contains("sesame"), "{shown}");
    }
}
