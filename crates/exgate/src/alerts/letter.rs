//! An alert as a mail.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use mailbox::Content;
use mailbox::submit::{Address, Body, Envelope, Header, Recipient, Session, Submission, SubmissionId};
use ring::rand::{SecureRandom, SystemRandom};

use super::judge::Alert;

pub(super) struct Letter<'l> {
    pub(super) from: &'l str,
    pub(super) to: &'l [String],
    pub(super) alert: &'l Alert,
    pub(super) at: Timestamp,
}

impl Letter<'_> {
    /// For the mailbox of its sender.
    pub(super) fn submission(&self) -> Result<Submission, String> {
        let address = |text: &str| {
            let parts = text.rsplit_once('@').and_then(|(local, domain)| Address::new(local, domain));
            parts.ok_or_else(|| format!("{text} is no address"))
        };
        let recipient = |text: &String| Ok(Recipient { address: address(text)?, notify: None, original: None });
        let mut number = [0; 16];
        SystemRandom::new().fill(&mut number).map_err(|_| "the system gives no random numbers".to_owned())?;
        let id = SubmissionId(u128::from_be_bytes(number));
        let text = self.text(id);
        let (head, _) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let header = Header::parse(format!("{head}\r\n\r\n").as_bytes()).map_err(|fault| format!("{fault:?}"))?;
        Ok(Submission {
            id,
            envelope: Envelope {
                sender: Some(address(self.from)?),
                recipients: self.to.iter().map(recipient).collect::<Result<_, String>>()?,
                body: Body::EightBit,
                smtp_utf8: false,
                returned: None,
                envelope_id: None,
            },
            message: Content::memory(text),
            header,
            session: Session {
                user: self.from.to_owned(),
                client: "alerts".to_owned(),
                peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                tls: true,
            },
            arrived: Instant::now(),
        })
    }

    fn text(&self, id: SubmissionId) -> String {
        let Alert { kind, about, is_over, sentence } = self.alert;
        let state = if *is_over { "Over" } else { "Alert" };
        let date = DateTimePrinter::new().timestamp_to_string(&self.at).unwrap_or_default();
        let domain = self.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        // Names come from certificates and configurations.
        let plain: String = about.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
        format!(
            "From: Mail gateway <{}>\r\nTo: {}\r\nDate: {date}\r\nMessage-ID: <{id}@{domain}>\r\n\
             Subject: {state}: {kind}, {plain}\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{sentence}.\r\n",
            self.from,
            self.to.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_a_message_to_those_who_want_it() {
        let (to, about) = (["ops@one.example".to_owned()], "main\r\nBcc: x@y".to_owned());
        let alert = Alert { kind: "mailboxes", about, is_over: false, sentence: "51 of 100 fail".to_owned() };
        let letter = Letter { from: "alerts@one.example", to: &to, alert: &alert, at: Timestamp::default() };
        let submission = letter.submission().unwrap();
        let text = String::from_utf8(submission.message.read(0, 10_000).unwrap().to_vec()).unwrap();
        assert!(text.contains("\r\nSubject: Alert: mailboxes, mainBcc: x@y\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n51 of 100 fail.\r\n") && !text.contains("\r\nBcc"), "{text}");
        assert!(Letter { from: "nobody", ..letter }.submission().is_err());
    }
}
