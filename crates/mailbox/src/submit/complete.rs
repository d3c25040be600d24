//! What is sent: the message as it came, without Bcc, and with what its header lacks (RFC 6409 section 8).

use std::io;

use bytes::BytesMut;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::TimeZone;

use super::{Address, Header, Submission, SubmissionId};
use crate::Content;

impl Submission {
    /// The message as others may read it. Its body is that of [`Submission::message`], octet for octet, and so is each field
    /// of its header but Bcc.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn completed(&self, now: Timestamp) -> io::Result<Content> {
        self.header.completed(&self.message, self.id, self.envelope.sender.as_ref(), now)
    }

    /// The Message-ID it has, or is given by [`Submission::completed`].
    #[must_use]
    pub fn message_id(&self) -> String {
        self.header.message_id.clone().unwrap_or_else(|| self.header.new_id(self.id, self.envelope.sender.as_ref()))
    }
}

impl Header {
    /// The message without Bcc, and with From, Date and Message-ID where they are missing.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn completed(
        &self,
        message: &Content,
        id: SubmissionId,
        sender: Option<&Address>,
        now: Timestamp,
    ) -> io::Result<Content> {
        let added = self.added(id, sender, now);
        if self.hidden.is_empty() && added.is_empty() && self.start == 0 && self.body > self.end {
            return Ok(message.clone());
        }
        let mut head = BytesMut::from(added.as_bytes());
        let mut from = self.start;
        for &(start, end) in self.hidden.iter().chain([&(self.end, self.end)]) {
            let length = usize::try_from(start.saturating_sub(from)).unwrap_or(usize::MAX);
            head.extend_from_slice(&message.read(from, length)?);
            from = end;
        }
        if !head.ends_with(b"\n") && !head.is_empty() {
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        Ok(Content::joined(head.freeze(), message.slice(self.body, u64::MAX)))
    }

    /// Fields that are missing, with their line ends.
    fn added(&self, id: SubmissionId, sender: Option<&Address>, now: Timestamp) -> String {
        let mut added = String::new();
        if !self.has_date {
            let date = DateTimePrinter::new().zoned_to_string(&now.to_zoned(TimeZone::UTC)).unwrap_or_default();
            added.push_str(&format!("Date: {date}\r\n"));
        }
        if let Some(sender) = sender.filter(|_| self.from.is_empty()) {
            added.push_str(&format!("From: {sender}\r\n"));
        }
        if self.message_id.is_none() {
            added.push_str(&format!("Message-ID: {}\r\n", self.new_id(id, sender)));
        }
        added
    }

    /// In the name of the sender's domain: nobody else gives ids in it that look like this.
    fn new_id(&self, id: SubmissionId, sender: Option<&Address>) -> String {
        let named = sender.or_else(|| self.senders().next().map(|mailbox| &mailbox.address));
        let domain = named.map(Address::domain).filter(|domain| domain.is_ascii()).unwrap_or("exgate.invalid");
        format!("<{id}@{domain}>")
    }
}
