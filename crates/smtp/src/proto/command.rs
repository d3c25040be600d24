//! Commands (RFC 5321 section 4.1.1) out of lines.

use std::fmt;

use mailbox::Secret;
use mailbox::submit::{Address, Body, Notify, OriginalRecipient, Returned};

use super::cursor::Cursor;
use super::{parameter, path};

/// A command, as far as a line tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// EHLO, with the name the client gives itself.
    Ehlo(String),
    /// HELO, with the name the client gives itself.
    Helo(String),
    /// MAIL
    Mail(Mail),
    /// RCPT
    Rcpt(Rcpt),
    /// DATA
    Data,
    /// BDAT (RFC 3030)
    Bdat(Chunk),
    /// RSET
    Rset,
    /// NOOP
    Noop,
    /// HELP
    Help,
    /// VRFY
    Vrfy,
    /// EXPN
    Expn,
    /// QUIT
    Quit,
    /// STARTTLS (RFC 3207)
    StartTls,
    /// AUTH (RFC 4954)
    Auth {
        /// Its name, as it came.
        mechanism: String,
        /// The response that came with it, in base64.
        initial: Option<Secret<Vec<u8>>>,
    },
}

/// `mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// `None` for `<>`.
    pub sender: Option<Address>,
    /// SIZE: what the client thinks the message has, in octets (RFC 1870).
    pub size: Option<u64>,
    /// BODY
    pub body: Body,
    /// SMTPUTF8
    pub smtp_utf8: bool,
    /// RET
    pub returned: Option<Returned>,
    /// ENVID, decoded.
    pub envelope_id: Option<String>,
}

/// `rcpt = "RCPT TO:" Forward-path [SP Rcpt-parameters] CRLF`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rcpt {
    /// Who.
    pub recipient: Address,
    /// NOTIFY
    pub notify: Option<Notify>,
    /// ORCPT
    pub original: Option<OriginalRecipient>,
}

/// `bdat-cmd = "BDAT" SP chunk-size [ SP "LAST" ]` (RFC 3030 section 2)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// How many there are, right behind the line.
    pub octets: u64,
    /// Nothing follows it.
    pub last: bool,
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Longer than this command may be.
    TooLong,
    /// No command of this name.
    Unknown,
    /// A command that is not offered.
    NotImplemented,
    /// The line of another protocol, or of a message: whoever sends it does not take part in this conversation.
    NotSmtp,
    /// Not as the grammar has it.
    Syntax,
    /// An argument that is not as the grammar has it, or is there twice.
    Argument,
    /// MAIL has no address.
    Sender,
    /// RCPT has no address.
    Recipient,
    /// A parameter of MAIL or RCPT that was not announced.
    UnknownParameter,
    /// An address beyond ASCII, without SMTPUTF8.
    NotAscii,
    /// It cannot be told how long the chunk is, and so where the next command is.
    Chunk,
}

impl Command {
    /// Reads a line.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(line: &[u8]) -> Result<Self, ParseError> {
        let verb_end = line.iter().position(|&byte| byte == b' ').unwrap_or(line.len());
        let verb = line.get(..verb_end).unwrap_or_default().to_ascii_uppercase();
        let Some(form) = FORMS.iter().find(|form| form.verb.as_bytes() == verb) else { return Err(stranger(&verb)) };
        let is_last = form.verb == "BDAT";
        if line.len() + 2 > form.longest {
            return Err(if is_last { ParseError::Chunk } else { ParseError::TooLong });
        }
        let rest = std::str::from_utf8(line.get(verb_end..).unwrap_or_default());
        let rest = rest.map_err(|_| if is_last { ParseError::Chunk } else { ParseError::Syntax })?;
        // White space at the end is old, and forgiven (RFC 5321 section 4.1.1).
        (form.read)(rest.strip_prefix(' ').unwrap_or_default().trim_end_matches([' ', '\t']))
    }

    /// What logs call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ehlo(_) => "EHLO",
            Self::Helo(_) => "HELO",
            Self::Mail(_) => "MAIL",
            Self::Rcpt(_) => "RCPT",
            Self::Data => "DATA",
            Self::Bdat(_) => "BDAT",
            Self::Rset => "RSET",
            Self::Noop => "NOOP",
            Self::Help => "HELP",
            Self::Vrfy => "VRFY",
            Self::Expn => "EXPN",
            Self::Quit => "QUIT",
            Self::StartTls => "STARTTLS",
            Self::Auth { .. } => "AUTH",
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "The line is too long",
            Self::Unknown => "There is no such command",
            Self::NotImplemented => "This command is not offered",
            Self::NotSmtp => "This is SMTP",
            Self::Syntax => "This cannot be read",
            Self::Argument => "An argument cannot be read, or is there twice",
            Self::Sender => "The sender is no address: MAIL FROM:<anna@example.org>",
            Self::Recipient => "The recipient is no address: RCPT TO:<ben@example.org>",
            Self::UnknownParameter => "This parameter is not offered",
            Self::NotAscii => "Such an address needs SMTPUTF8",
            Self::Chunk => "The size of the chunk cannot be read",
        })
    }
}

struct Form {
    verb: &'static str,
    /// Octets of a line, its end included.
    longest: usize,
    read: fn(&str) -> Result<Command, ParseError>,
}

/// RFC 5321 section 4.5.3.1.4, and what extensions add: SIZE 26, BODY 17, SMTPUTF8 10, RET and ENVID 112, AUTH 500 to MAIL, ORCPT and NOTIFY 535 to RCPT.
const FORMS: [Form; 14] = [
    Form { verb: "EHLO", longest: LONGEST, read: |rest| client(rest).map(Command::Ehlo) },
    Form { verb: "HELO", longest: LONGEST, read: |rest| client(rest).map(Command::Helo) },
    Form { verb: "MAIL", longest: LONGEST + 665, read: mail },
    Form { verb: "RCPT", longest: LONGEST + 535, read: rcpt },
    Form { verb: "DATA", longest: LONGEST, read: |rest| alone(rest, Command::Data) },
    Form { verb: "BDAT", longest: LONGEST, read: bdat },
    Form { verb: "RSET", longest: LONGEST, read: |rest| alone(rest, Command::Rset) },
    Form { verb: "NOOP", longest: LONGEST, read: |_| Ok(Command::Noop) },
    Form { verb: "HELP", longest: LONGEST, read: |_| Ok(Command::Help) },
    Form { verb: "VRFY", longest: LONGEST, read: |rest| named(rest, Command::Vrfy) },
    Form { verb: "EXPN", longest: LONGEST, read: |rest| named(rest, Command::Expn) },
    Form { verb: "QUIT", longest: LONGEST, read: |rest| alone(rest, Command::Quit) },
    Form { verb: "STARTTLS", longest: LONGEST, read: |rest| alone(rest, Command::StartTls) },
    Form { verb: "AUTH", longest: LONGEST_LINE, read: auth },
];

/// What is said to a verb that is none. No verb of SMTP has a colon: a field of a header, of a message or of HTTP, has.
fn stranger(verb: &[u8]) -> ParseError {
    match verb {
        b"SEND" | b"SOML" | b"SAML" | b"TURN" | b"ETRN" | b"ATRN" | b"BURL" => ParseError::NotImplemented,
        b"GET" | b"POST" | b"PUT" | b"HEAD" | b"OPTIONS" | b"CONNECT" | b"PRI" => ParseError::NotSmtp,
        verb if verb.contains(&b':') || verb.starts_with(b"\x16\x03") => ParseError::NotSmtp,
        _ => ParseError::Unknown,
    }
}

fn alone(rest: &str, command: Command) -> Result<Command, ParseError> {
    if rest.is_empty() { Ok(command) } else { Err(ParseError::Argument) }
}

fn named(rest: &str, command: Command) -> Result<Command, ParseError> {
    if rest.is_empty() { Err(ParseError::Argument) } else { Ok(command) }
}

/// `ehlo = "EHLO" SP ( Domain / address-literal )`. Clients call themselves all sorts of things, and nothing depends on it.
fn client(rest: &str) -> Result<String, ParseError> {
    let name = rest.trim();
    let fits = !name.is_empty() && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(ParseError::Argument) }
}

fn mail(rest: &str) -> Result<Command, ParseError> {
    let mut cursor = Cursor(rest);
    if !cursor.skip("FROM:") {
        return Err(ParseError::Syntax);
    }
    // Seen from Outlook: a space before the path.
    cursor.skip(" ");
    let sender = path::reverse_path(&mut cursor).ok_or(ParseError::Sender)?;
    let mut mail = Mail { sender, ..Mail::default() };
    parameter::of_mail(parameters(&cursor, ParseError::Sender)?, &mut mail)?;
    if !mail.smtp_utf8 && mail.sender.as_ref().is_some_and(|address| !address.is_ascii()) {
        return Err(ParseError::NotAscii);
    }
    Ok(Command::Mail(mail))
}

fn rcpt(rest: &str) -> Result<Command, ParseError> {
    let mut cursor = Cursor(rest);
    if !cursor.skip("TO:") {
        return Err(ParseError::Syntax);
    }
    cursor.skip(" ");
    let recipient = path::path(&mut cursor).ok_or(ParseError::Recipient)?;
    let mut rcpt = Rcpt { recipient, notify: None, original: None };
    parameter::of_rcpt(parameters(&cursor, ParseError::Recipient)?, &mut rcpt)?;
    Ok(Command::Rcpt(rcpt))
}

/// What follows a path: nothing, or a space and parameters.
fn parameters<'a>(cursor: &Cursor<'a>, otherwise: ParseError) -> Result<&'a str, ParseError> {
    if cursor.is_at_end() { Ok("") } else { cursor.0.strip_prefix(' ').ok_or(otherwise) }
}

fn bdat(rest: &str) -> Result<Command, ParseError> {
    let (size, last) = match rest.split_once(' ') {
        Some((size, word)) if word.trim_start().eq_ignore_ascii_case("LAST") => (size, true),
        Some(_) => return Err(ParseError::Chunk),
        None => (rest, false),
    };
    let octets = parameter::number(size).ok().filter(|&octets| octets < u64::MAX).ok_or(ParseError::Chunk)?;
    Ok(Command::Bdat(Chunk { octets, last }))
}

/// `"AUTH" SP sasl-mech [SP initial-response]` (RFC 4954 section 4)
fn auth(rest: &str) -> Result<Command, ParseError> {
    let (mechanism, initial) = match rest.split_once(' ') {
        Some((mechanism, initial)) => (mechanism, Some(initial.trim_start())),
        None => (rest, None),
    };
    if mechanism.is_empty() || initial.is_some_and(|initial| initial.is_empty() || initial.contains(' ')) {
        return Err(ParseError::Argument);
    }
    let initial = initial.map(|initial| Secret::new(initial.as_bytes().to_vec()));
    Ok(Command::Auth { mechanism: mechanism.to_owned(), initial })
}

/// RFC 5321 section 4.5.3.1.4
const LONGEST: usize = 512;

/// Octets of the longest line there is, its end included: what a client says in AUTH (RFC 4954 section 4).
pub const LONGEST_LINE: usize = 12_288;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, ParseError> {
        Command::parse(line.as_bytes())
    }

    fn address(local: &str) -> Address {
        Address::new(local, "x.example").unwrap()
    }

    #[test]
    fn mail_with_all_it_can_have() {
        let line = "mail from:<a@x.example> SIZE=1000 body=8bitmime SMTPUTF8 RET=HDRS ENVID=QQ+2B314 AUTH=<>";
        let wanted = Mail {
            sender: Some(address("a")),
            size: Some(1000),
            body: Body::EightBit,
            smtp_utf8: true,
            returned: Some(Returned::Headers),
            envelope_id: Some("QQ+314".to_owned()),
        };
        assert_eq!(parse(line), Ok(Command::Mail(wanted)));
        assert_eq!(parse("MAIL FROM: <>  "), Ok(Command::Mail(Mail::default())));
        let huge = Mail { size: Some(u64::MAX), ..Mail::default() };
        assert_eq!(parse("MAIL FROM:<> SIZE=99999999999999999999"), Ok(Command::Mail(huge)));
    }

    #[test]
    fn rcpt_with_all_it_can_have() {
        let rcpt = |notify, original: Option<(&str, &str)>| {
            let original = original.map(|(kind, address)| (kind.to_owned(), address.to_owned()));
            let original = original.map(|(kind, address)| OriginalRecipient { kind, address });
            Ok(Command::Rcpt(Rcpt { recipient: address("b"), notify, original }))
        };
        assert_eq!(parse("RCPT TO:<b@x.example>"), rcpt(None, None));
        let line = "RCPT TO:<b@x.example> NOTIFY=SUCCESS,delay ORCPT=rfc822;b+2Bc@x.example";
        let notify = Notify { success: true, failure: false, delay: true };
        assert_eq!(parse(line), rcpt(Some(notify), Some(("rfc822", "b+c@x.example"))));
        assert_eq!(parse("RCPT TO:<b@x.example> NOTIFY=NEVER"), rcpt(Some(Notify::default()), None));
        let line = "RCPT TO:<b@x.example> ORCPT=utf-8;j\\x{F6}rg@x.example";
        assert_eq!(parse(line), rcpt(None, Some(("utf-8", "jörg@x.example"))));
    }

    #[test]
    fn chunks_and_words() {
        assert_eq!(parse("BDAT 86 LAST"), Ok(Command::Bdat(Chunk { octets: 86, last: true })));
        assert_eq!(parse("bdat 0"), Ok(Command::Bdat(Chunk { octets: 0, last: false })));
        assert_eq!(parse("EHLO [192.0.2.1]"), Ok(Command::Ehlo("[192.0.2.1]".to_owned())));
        assert_eq!(parse("NOOP with words"), Ok(Command::Noop));
        let auth = |initial: Option<&str>| {
            let initial = initial.map(|text| Secret::new(text.as_bytes().to_vec()));
            Ok(Command::Auth { mechanism: "PLAIN".to_owned(), initial })
        };
        assert_eq!(parse("AUTH PLAIN"), auth(None));
        assert_eq!(parse("AUTH PLAIN dGVzdA=="), auth(Some("dGVzdA==")));
        assert!(!format!("{:?}", parse("AUTH PLAIN dGVzdA==")).contains("dGVz"));
    }

    #[test]
    fn what_is_no_command() {
        use ParseError::*;
        let long = "x".repeat(512);
        for (line, error) in [
            ("", Unknown),
            ("HELLO x", Unknown),
            ("MAILFROM:<a@x.example>", NotSmtp),
            ("ETRN x", NotImplemented),
            ("GET / HTTP/1.1", NotSmtp),
            ("Subject: hello", NotSmtp),
            ("\u{16}\u{3}\u{1}", NotSmtp),
            (&format!("NOOP {long}"), TooLong),
            (&format!("MAIL FROM:<{long}{long}{long}@x>"), TooLong),
            ("EHLO", Argument),
            ("EHLO \u{7}", Argument),
            ("DATA now", Argument),
            ("MAIL", Syntax),
            ("MAIL TO:<a@x.example>", Syntax),
            ("MAIL FROM:a@x.example", Sender),
            ("MAIL FROM:<a>", Sender),
            ("MAIL FROM:<a@x.example>SIZE=1", Sender),
            ("MAIL FROM:<a@x.example> SIZE=", Argument),
            ("MAIL FROM:<a@x.example> SIZE=-1", Argument),
            ("MAIL FROM:<a@x.example> SIZE=1 SIZE=1", Argument),
            ("MAIL FROM:<a@x.example> BODY=9BIT", Argument),
            ("MAIL FROM:<a@x.example> SMTPUTF8=yes", Argument),
            ("MAIL FROM:<a@x.example> ENVID=a+0D+0A", Argument),
            ("MAIL FROM:<a@x.example> ENVID=a+0", Argument),
            ("MAIL FROM:<a@x.example> X=1", UnknownParameter),
            ("MAIL FROM:<a@x.example> REQUIRETLS", UnknownParameter),
            ("MAIL FROM:<jörg@x.example>", NotAscii),
            ("RCPT TO:<>", Recipient),
            ("RCPT TO:<postmaster>", Recipient),
            ("RCPT TO:<a@x.example>,<b@x.example>", Recipient),
            ("RCPT FROM:<a@x.example>", Syntax),
            ("RCPT TO:<a@x.example> NOTIFY=NEVER,SUCCESS", Argument),
            ("RCPT TO:<a@x.example> ORCPT=a@x.example", Argument),
            ("RCPT TO:<a@x.example> ORCPT=rfc822;", Argument),
            ("BDAT", Chunk),
            ("BDAT -1", Chunk),
            ("BDAT 0x10", Chunk),
            ("BDAT 1 FIRST", Chunk),
            ("BDAT 99999999999999999999", Chunk),
            ("BDAT 1 LAST LAST", Chunk),
            ("AUTH", Argument),
            ("AUTH PLAIN a b", Argument),
            ("VRFY", Argument),
        ] {
            assert_eq!(parse(line), Err(error), "{line}");
        }
        assert_eq!(Command::parse(b"MAIL FROM:<\xff@x.example>"), Err(Syntax));
    }
}
