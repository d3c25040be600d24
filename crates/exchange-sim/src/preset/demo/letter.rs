//! The head of a message.

use jiff::{
    Timestamp,
    tz::{Offset, TimeZone},
};

use super::people::Person;
use crate::preset::compose::{mailbox, words};

/// Everything above the body.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    /// Unlike any other letter's.
    pub(super) number: u64,
    pub(super) from: Person,
    pub(super) to: Vec<Person>,
    pub(super) cc: Vec<Person>,
    pub(super) subject: String,
    pub(super) sent: Timestamp,
    /// Hours east of Greenwich where it was written.
    pub(super) zone: i8,
    /// Message-ID with its brackets, if it has one.
    pub(super) id: Option<String>,
    /// Message-IDs of the letters before it in its thread.
    pub(super) references: Vec<String>,
    /// More fields, each line ended.
    pub(super) extra: String,
    /// Whether it came over SMTP.
    pub(super) transported: bool,
    /// Whether names and subject stand as raw UTF-8 (RFC 6532) instead of encoded words.
    pub(super) raw: bool,
    pub(super) dated: bool,
}

impl Letter {
    /// The header fields before those of the body, each line ended.
    pub(super) fn fields(&self) -> String {
        let zone = TimeZone::fixed(Offset::from_hours(self.zone).unwrap_or(Offset::UTC));
        let date = |seconds: i64| {
            let at = Timestamp::from_second(self.sent.as_second() + seconds).unwrap_or(self.sent);
            jiff::fmt::rfc2822::to_string(&at.to_zoned(zone.clone())).unwrap_or_default()
        };
        let mut out = String::new();
        let domain = self.from.address.rsplit('@').next().unwrap_or("example.com");
        if self.transported {
            let owner = self.to.first().map_or("postmaster@demo.test", |to| to.address.as_str());
            out += &format!(
                "Received: from EX02.demo.test (10.0.0.12) by EX01.demo.test (10.0.0.11) with Microsoft SMTP\r\n \
                 Server (version=TLS1_2) id 15.2.1748.10; {}\r\n\
                 Received: from mail.{domain} (mail.{domain} [192.0.2.{}])\r\n\tby mx.demo.test with ESMTPS id {:08x}\r\n\t\
                 for <{owner}>; {}\r\n",
                date(4),
                self.number % 250 + 1,
                self.number.wrapping_mul(2_654_435_761) as u32,
                date(2),
            );
        }
        let people = |list: &[Person]| list.iter().map(|one| self.person(one)).collect::<Vec<_>>().join(",\r\n ");
        out += &format!("From: {}\r\n", self.person(&self.from));
        match self.to.is_empty() {
            true => out += "To: undisclosed-recipients:;\r\n",
            false => out += &format!("To: {}\r\n", people(&self.to)),
        }
        if !self.cc.is_empty() {
            out += &format!("Cc: {}\r\n", people(&self.cc));
        }
        if !self.subject.is_empty() {
            out += &format!("Subject: {}\r\n", if self.raw { self.subject.clone() } else { words(&self.subject) });
        }
        if self.dated {
            out += &format!("Date: {}\r\n", date(0));
        }
        if let Some(id) = &self.id {
            out += &format!("Message-ID: {id}\r\n");
        }
        if let Some(last) = self.references.last() {
            out += &format!("In-Reply-To: {last}\r\nReferences: {}\r\n", self.references.join("\r\n "));
        }
        out += &self.extra;
        out += "MIME-Version: 1.0\r\n";
        out
    }

    fn person(&self, person: &Person) -> String {
        match self.raw {
            true => format!("\"{}\" <{}>", person.name, person.address),
            false => mailbox(&person.name, &person.address),
        }
    }
}
