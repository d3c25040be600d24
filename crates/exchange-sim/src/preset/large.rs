//! Very many small messages, made when they are asked for.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{Exchange, Original, Received};

/// Puts `count` messages into the inbox of `mailbox`, oldest first, a minute apart.
///
/// # Errors
/// What the organisation refused.
pub fn fill(exchange: &Exchange, mailbox: &str, count: u32) -> Result<(), String> {
    for number in 0..count {
        let to: Arc<str> = mailbox.into();
        let made = Original::Made(Arc::new(move || message(number, &to)));
        let received = Received {
            read: number % 3 != 0,
            flagged: number % 50 == 7,
            length: u32::try_from(message(number, mailbox).len()).ok(),
            ..Received::at(date(number))
        };
        exchange.import(mailbox, "inbox", made, received)?;
    }
    Ok(())
}

/// Message `number`, the same bytes each time; each tenth is multipart.
pub fn message(number: u32, to: &str) -> Vec<u8> {
    let date = jiff::fmt::rfc2822::to_string(&date(number).to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default();
    let sender = number % 97;
    let head = format!(
        "Received: from mail.example.org (192.0.2.1) by ex01.demo.test;\r\n {date}\r\nDate: {date}\r\n\
         From: Sender {sender} <sender{sender}@example.org>\r\nTo: <{to}>\r\nSubject: Message {number}\r\n\
         Message-ID: <large.{number}@example.org>\r\nMIME-Version: 1.0\r\n"
    );
    let text = format!("This is message {number}.\r\n");
    match number % 10 {
        9 => format!(
            "{head}Content-Type: multipart/alternative; boundary=\"b{number}\"\r\n\r\n--b{number}\r\n\
             Content-Type: text/plain; charset=us-ascii\r\n\r\n{text}\r\n--b{number}\r\n\
             Content-Type: text/html; charset=us-ascii\r\n\r\n<p>{text}</p>\r\n--b{number}--\r\n"
        ),
        _ => format!("{head}Content-Type: text/plain; charset=us-ascii\r\n\r\n{text}"),
    }
    .into_bytes()
}

fn date(number: u32) -> Timestamp {
    Timestamp::from_second(FIRST + i64::from(number) * 60).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// 2025-01-01T00:00:00Z.
const FIRST: i64 = 1_735_689_600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::parse::parse;

    #[test]
    fn each_message_is_its_own() {
        let parsed = parse(&message(9, "a@a.test"));
        assert_eq!(parsed.subject, "Message 9");
        assert_eq!(parsed.html.as_deref(), Some("<p>This is message 9.\r\n</p>"));
        assert_eq!(parsed.date, Some(FIRST + 9 * 60));
        assert_eq!(parsed.message_id.as_deref(), Some("<large.9@example.org>"));
    }
}
