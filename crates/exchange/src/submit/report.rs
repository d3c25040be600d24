//! What a sender is told of a message that was not sent: a report as RFC 3464 and 6522 have it.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mailbox::submit::Address;
use spool::Entry;

use crate::header_block::HeaderBlock;
use crate::rebuilt::encoded;

/// The report of a message with this header, for its sender. `None` if nobody is to hear of it. `is_late` says that it was
/// tried for as long as it may be, and not refused.
pub(super) fn report(entry: &Entry, block: &HeaderBlock, (at, is_late): (Timestamp, bool)) -> Option<Vec<u8>> {
    let sender = entry.envelope.sender.as_ref()?;
    // RFC 3461 section 5.2.
    let told: Vec<_> = entry
        .envelope
        .recipients
        .iter()
        .filter(|recipient| recipient.notify.is_none_or(|notify| notify.failure))
        .collect();
    if told.is_empty() {
        return None;
    }
    let domain = if sender.domain().is_ascii() { sender.domain() } else { "exgate.invalid" };
    let boundary = format!("=_exgate-{}", entry.id);
    let subject = block.value("Subject").filter(|subject| !subject.is_empty());
    let title = match &subject {
        Some(subject) => format!("Not sent: {subject}"),
        None => "Not sent".to_owned(),
    };
    let why = entry.trouble.as_deref().unwrap_or("Exchange could not be reached");
    let mut text = String::new();
    let mut line = |line: &str| {
        text.push_str(line);
        text.push_str("\r\n");
    };
    line(&format!("From: Mail gateway <postmaster@{domain}>"));
    line(&format!("To: {sender}"));
    line(&format!("Subject: {}", encoded(&title)));
    line(&format!("Date: {}", date(at)));
    line(&format!("Message-ID: <{}.report@{domain}>", entry.id));
    if let Some(id) = &entry.message_id {
        line(&format!("In-Reply-To: {id}"));
    }
    line("Auto-Submitted: auto-replied");
    line("MIME-Version: 1.0");
    line(&format!("Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\""));
    line("");
    line(&format!("--{boundary}"));
    line("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n");
    line("Your message was NOT sent, and will not be tried again.");
    line("");
    if let Some(subject) = &subject {
        line(&format!("Subject:   {subject}"));
    }
    line(&format!("Written:   {}", date(entry.accepted)));
    told.iter().for_each(|recipient| line(&format!("Recipient: {}", recipient.address)));
    line("");
    line(&format!("Reason: {}", plain(why)));
    line("");
    line("Nobody has received it. To send it, open it in your mail program's Sent or Outbox folder");
    line("(its header is attached here), mend what the reason names, and send it again.");
    line("");
    line(&format!("--{boundary}"));
    line("Content-Type: message/delivery-status\r\n");
    line("Reporting-MTA: dns; exgate");
    if let Some(id) = &entry.envelope.envelope_id {
        line(&format!("Original-Envelope-Id: {}", xtext(id)));
    }
    line(&format!("Arrival-Date: {}", date(entry.accepted)));
    for recipient in &told {
        line("");
        if let Some(original) = &recipient.original {
            line(&format!("Original-Recipient: {};{}", plain(&original.kind), plain(&original.address)));
        }
        line(&format!("Final-Recipient: {};{}", kind(&recipient.address), recipient.address));
        line("Action: failed");
        line(&format!("Status: {}", if is_late { "4.4.7" } else { "5.0.0" }));
        line(&format!("Diagnostic-Code: x-exgate; {}", plain(why)));
        line(&format!("Last-Attempt-Date: {}", date(entry.changed)));
    }
    line("");
    line(&format!("--{boundary}"));
    // RFC 6522 section 4; the whole of it is what the sender has already.
    line("Content-Type: text/rfc822-headers\r\n");
    let mut report = text.into_bytes();
    report.extend_from_slice(block.bytes());
    report.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Some(report)
}

fn date(at: Timestamp) -> String {
    jiff::fmt::rfc2822::to_string(&at.to_zoned(TimeZone::UTC)).unwrap_or_default()
}

/// RFC 6533 section 3.
fn kind(address: &Address) -> &'static str {
    if address.is_ascii() { "rfc822" } else { "utf-8" }
}

/// One line.
fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// `xtext` (RFC 3461 section 4).
fn xtext(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'+' && byte != b'=' => out.push(char::from(byte)),
            // Writing to a string does not fail.
            _ => drop(write!(out, "+{byte:02X}")),
        }
    }
    out
}
