//! The message that those find who are held in quarantine: what happened, why, and what to do. The same for the same
//! reasons, to the byte.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// What it speaks of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter<'l> {
    /// Whom it is for.
    pub(super) address: &'l str,
    /// What the program calls itself.
    pub(super) program: Option<&'l str>,
    /// Why, in a sentence.
    pub(super) why: &'l str,
    /// Where a password for the device can be had.
    pub(super) enroll: Option<&'l str>,
    /// Whom to ask.
    pub(super) help: Option<&'l str>,
    /// The date it bears.
    pub(super) date: Timestamp,
}

impl Letter<'_> {
    /// RFC 5322 section 3.6, with the empty line at the end.
    pub(super) fn header(&self) -> String {
        let date = DateTimePrinter::new().timestamp_to_string(&self.date).unwrap_or_default();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.@".contains(c);
        // Who signs in with something else has no address to be put here.
        let domain =
            self.address.rsplit_once('@').map(|(_, domain)| domain).filter(|_| self.address.chars().all(is_plain));
        let to = domain.map_or("undisclosed-recipients:;", |_| self.address);
        format!(
            "From: Mail gateway <postmaster@{}>\r\nTo: {to}\r\nDate: {date}\r\n\
             Subject: Your mail is held back on this device\r\nAuto-Submitted: auto-generated\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
            domain.unwrap_or("localhost")
        )
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "Name and password are right, and yet your mail is not shown here.\n\nWhy: {}\nProgram: {}\n\n",
            line(self.why),
            self.program.map(line).filter(|name| !name.is_empty()).unwrap_or("has not said what it is".to_owned()),
        );
        if let Some(enroll) = self.enroll {
            text.push_str(&format!("To get a password for this device, sign in at {}\n", line(enroll)));
        }
        match self.help {
            Some(help) => text.push_str(&format!("Help: {}\n", line(help))),
            None => text.push_str("Ask your administrator, who can release it.\n"),
        }
        text.push_str(
            "\nNothing is lost: your mail is where it was, and comes back here by itself once this is released. Until \
             then nothing can be sent, and calendars and contacts are closed.\n",
        );
        text.replace('\n', "\r\n")
    }
}

/// A text on one line, as a line of a message may be long (RFC 5322 section 2.1.1).
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}

/// Characters, of up to four octets each.
const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_happened_and_what_to_do() {
        let letter = Letter {
            address: "anna@one.example",
            program: Some("Mail 2\r\nX: y"),
            why: "This program is not known yet",
            enroll: Some("https://mail.one.example/enroll"),
            help: Some("telephone 123"),
            date: Timestamp::from_second(1_700_000_000).unwrap(),
        };
        let (header, text) = (letter.header(), letter.text());
        assert!(
            header.starts_with("From: Mail gateway <postmaster@one.example>\r\nTo: anna@one.example\r\n"),
            "{header}"
        );
        assert!(
            header.contains("\r\nDate: Tue, 14 Nov 2023 22:13:20 ") && header.ends_with("8bit\r\n\r\n"),
            "{header}"
        );
        for part in ["Why: This program is not known yet\r\n", "Program: Mail 2  X: y\r\n", "one.example/enroll\r\n"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.contains("\r\nHelp: telephone 123\r\n") && text.lines().all(|line| line.len() < 998), "{text}");
    }

    #[test]
    fn a_name_that_is_no_address_gets_into_no_header() {
        let nobody = Letter {
            address: "corp\\anna\r\nBcc: x@y",
            program: None,
            why: "",
            enroll: None,
            help: None,
            date: Timestamp::default(),
        };
        assert!(nobody.header().contains("\r\nTo: undisclosed-recipients:;\r\n"));
        assert!(!nobody.header().contains("Bcc") && nobody.text().contains("Ask your administrator"));
    }
}
