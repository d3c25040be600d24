//! What Exchange is given: the message, and whom it is for.
//!
//! Exchange takes To and Cc from the MIME it is given, and Bcc from the item's property, which is where it is put here (Bcc
//! in the header is taken out). Where the header names anybody who is not in the envelope, its To and Cc are written anew,
//! of those who are: Exchange mails whomever it shows. What it shows of a message that is sent again (Resent-*) is
//! whom it is sent to this time, for the same reason.

use std::fmt::Write;
use std::io;

use bytes::Bytes;
use ews::op::create_item::NewMessage as NewItem;
use ews::{ExtendedField, MimeSource, PropertyKind, Value};
use jiff::Timestamp;
use mailbox::Content;
use mailbox::submit::{Envelope, Header, Mailbox, Recipients, SubmissionId, address_list};

use crate::header_block::{Field, HeaderBlock};
use crate::rebuilt::quoted;
use crate::rendering::{split_header, with_empty_line};

/// A message and whom it is for, as Exchange is told.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    mime: Content,
    bcc: Vec<ews::Address>,
    class: Option<&'static str>,
    reports: Reports,
}

/// What Exchange is told to report (RFC 3461): it takes one wish for all who get a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reports {
    /// That it was delivered. Where somebody is to be reported, all of them are: who asked is not left without.
    success: bool,
    /// That it was not. Where somebody is to be reported, all of them are.
    failure: bool,
}

impl Reports {
    fn of(envelope: &Envelope) -> Self {
        let any = |wish: fn(&mailbox::submit::Notify) -> bool, by_itself: bool| {
            let recipients = &envelope.recipients;
            recipients.iter().any(|recipient| recipient.notify.as_ref().map_or(by_itself, wish))
        };
        // Nobody is left to hear of a failure where NOTIFY is NEVER, or SUCCESS or DELAY alone.
        Self { success: any(|notify| notify.success, false), failure: any(|notify| notify.failure, true) }
    }
}

impl Parcel {
    /// # Errors
    /// Those of reading the message.
    pub(super) fn new(
        id: SubmissionId,
        envelope: &Envelope,
        (message, header): (&Content, &Header),
        at: Timestamp,
    ) -> io::Result<Self> {
        let recipients = Recipients::new(envelope, header);
        let whole = header.completed(message, id, envelope.sender.as_ref(), at)?;
        let (block, body) = split_header(&whole)?;
        let mime = match must_be_addressed(&block, header, &recipients) {
            true => addressed(&block, whole.slice(body, u64::MAX), &recipients),
            false => whole,
        };
        Ok(Self {
            mime,
            bcc: recipients.bcc.iter().map(address).collect(),
            class: class(&block),
            reports: Reports::of(envelope),
        })
    }

    /// The item Exchange makes of it.
    pub(super) fn item(&self) -> NewItem {
        let content = self.mime.clone();
        let silence = (!self.reports.failure).then_some((FAILURE_REPORTED, Value::Boolean(false)));
        NewItem {
            mime: Some(MimeSource::reader(content.len(), move || Ok(content.reader()))),
            class: self.class.map(str::to_owned),
            bcc: self.bcc.clone(),
            delivery_receipt: self.reports.success,
            extended: silence.into_iter().collect(),
            ..NewItem::default()
        }
    }
}

fn must_be_addressed(block: &HeaderBlock, header: &Header, recipients: &Recipients) -> bool {
    let odd = |field: &Field<'_>| address_list(&String::from_utf8_lossy(value(field))).1 > 0;
    header.resent.is_some()
        || !recipients.unmailed_to.is_empty()
        || !recipients.unmailed_cc.is_empty()
        // What we cannot read Exchange may take for somebody.
        || block.fields().filter(names_recipients).any(|field| odd(&field))
}

/// The message with To and Cc of those who get it.
fn addressed(block: &HeaderBlock, body: Content, recipients: &Recipients) -> Content {
    let mut head = Vec::with_capacity(block.bytes().len());
    for field in block.fields().filter(|field| !names_recipients(field)) {
        head.extend_from_slice(field.whole);
    }
    if !head.is_empty() && !head.ends_with(b"\n") {
        head.extend_from_slice(b"\r\n");
    }
    for (name, list) in [("To", &recipients.to), ("Cc", &recipients.cc)] {
        if !list.is_empty() {
            let shown: Vec<String> = list.iter().map(shown).collect();
            head.extend_from_slice(format!("{name}: {}\r\n", shown.join(",\r\n ")).as_bytes());
        }
    }
    let head: Bytes = with_empty_line(&HeaderBlock::from_message(&head));
    Content::joined(head, body)
}

fn names_recipients(field: &Field<'_>) -> bool {
    field.name.eq_ignore_ascii_case(b"to") || field.name.eq_ignore_ascii_case(b"cc")
}

fn value<'a>(field: &Field<'a>) -> &'a [u8] {
    let colon = field.whole.iter().position(|byte| *byte == b':').map_or(0, |at| at + 1);
    field.whole.get(colon..).unwrap_or_default()
}

fn shown(mailbox: &Mailbox) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = match &mailbox.name {
        Some(name) if !name.is_empty() => write!(text, "{} <{}>", quoted(name), mailbox.address),
        _ => write!(text, "{}", mailbox.address),
    };
    text
}

fn address(mailbox: &Mailbox) -> ews::Address {
    ews::Address { name: mailbox.name.clone(), ..ews::Address::smtp(mailbox.address.to_string()) }
}

/// The class of what Exchange takes for an ordinary message unless it is told: an answer to a wish for a receipt (RFC 8098).
fn class(block: &HeaderBlock) -> Option<&'static str> {
    let content_type = block.value("Content-Type")?.to_ascii_lowercase();
    let is_receipt = content_type.starts_with("multipart/report") && content_type.contains("disposition-notification");
    is_receipt.then_some("REPORT.IPM.NOTE.IPNRN")
}

/// PidTagOriginatorNonDeliveryReportRequested (MS-OXOMSG): without it, the sender hears of failures.
const FAILURE_REPORTED: ExtendedField = ExtendedField::tag(0x0c08, PropertyKind::Boolean);

#[cfg(test)]
mod tests {
    use mailbox::submit::{Address, Body, Notify, Recipient};

    use super::*;

    fn envelope(recipients: &[&str]) -> Envelope {
        let address = |text: &str| {
            let (local, domain) = text.split_once('@').unwrap();
            Address::new(local, domain).unwrap()
        };
        Envelope {
            sender: Some(address("anna@x")),
            recipients: recipients
                .iter()
                .map(|text| Recipient { address: address(text), notify: None, original: None })
                .collect(),
            body: Body::SevenBit,
            smtp_utf8: false,
            returned: None,
            envelope_id: None,
        }
    }

    /// What Exchange is told: the MIME, and who is in Bcc.
    fn told(text: &str, recipients: &[&str]) -> (String, Vec<String>) {
        let text = text.replace('\n', "\r\n");
        let message = Content::memory(text.into_bytes());
        let header = Header::read(&message).unwrap().unwrap();
        let at = Timestamp::from_second(0).unwrap();
        let parcel = Parcel::new(SubmissionId(1), &envelope(recipients), (&message, &header), at).unwrap();
        let mime = parcel.mime.read(0, 1 << 20).unwrap();
        let bcc = parcel.bcc.iter().map(|one| one.address.clone().unwrap()).collect();
        (String::from_utf8(mime.to_vec()).unwrap().replace("\r\n", "\n"), bcc)
    }

    const REST: &str = "From: anna@x\nDate: now\nMessage-ID: <1@x>\n";

    #[test]
    fn as_it_is_where_readers_see_those_who_get_it() {
        let text = format!("To: Ben <ben@x>,\n carl@x\n{REST}\nbody\n");
        assert_eq!(told(&text, &["carl@x", "BEN@x"]), (text.clone(), vec![]));
        assert_eq!(told(&text, &["carl@x", "ben@x", "eve@x"]), (text.clone(), vec!["eve@x".to_owned()]));
        let hidden = format!("Bcc: eve@x\nTo: ben@x\n{REST}\nbody\n");
        let (mime, bcc) = told(&hidden, &["ben@x", "eve@x"]);
        assert_eq!((mime, bcc), (format!("To: ben@x\n{REST}\nbody\n"), vec!["eve@x".to_owned()]));
    }

    #[test]
    fn whoever_is_not_in_the_envelope_is_not_named_to_exchange() {
        let text = format!("To: \"Ben, jun.\" <ben@x>, carl@x\nCC: dora@x\n{REST}\nbody\n");
        let (mime, bcc) = told(&text, &["ben@x", "eve@x"]);
        assert_eq!(mime, format!("{REST}To: \"Ben, jun.\" <ben@x>\n\nbody\n"));
        assert_eq!(bcc, ["eve@x"]);
        let (mime, bcc) = told(&text, &["eve@x"]);
        assert_eq!((mime, bcc), (format!("{REST}\nbody\n"), vec!["eve@x".to_owned()]));
        let (mime, _) = told(&format!("To: J\u{f6}rg <ben@x>, carl@x\n{REST}\nbody\n"), &["ben@x"]);
        assert_eq!(mime, format!("{REST}To: =?utf-8?B?SsO2cmc=?= <ben@x>\n\nbody\n"));
    }

    #[test]
    fn what_cannot_be_read_is_nobody() {
        let (mime, _) = told(&format!("To: ben@x, not an address\n{REST}\nbody\n"), &["ben@x"]);
        assert_eq!(mime, format!("{REST}To: ben@x\n\nbody\n"));
        let (mime, bcc) = told(&format!("To: {}\n{REST}\nbody\n", "(".repeat(1000)), &["ben@x"]);
        assert_eq!((mime, bcc), (format!("{REST}\nbody\n"), vec!["ben@x".to_owned()]));
    }

    #[test]
    fn sent_again_it_is_for_those_it_is_sent_to_this_time() {
        let text = format!("Resent-From: anna@x\nResent-To: eve@x\nTo: ben@x\n{REST}\nbody\n");
        let (mime, bcc) = told(&text, &["eve@x"]);
        assert_eq!(mime, format!("Resent-From: anna@x\nResent-To: eve@x\n{REST}To: eve@x\n\nbody\n"));
        assert!(bcc.is_empty());
    }

    #[test]
    fn one_wish_for_reports_is_made_of_all() {
        let never = Notify::default();
        let both = Notify { success: true, failure: true, delay: false };
        let failure = Notify { success: false, ..both };
        for (wishes, success, failure) in [
            (&[None, None][..], false, true),
            (&[Some(both), Some(both)], true, true),
            (&[None, Some(both)], true, true),
            (&[Some(failure), Some(failure)], false, true),
            (&[Some(never), Some(failure)], false, true),
            (&[Some(never), None], false, true),
            (&[Some(never), Some(never)], false, false),
            (&[Some(Notify { failure: false, ..both })], true, false),
        ] {
            let names: Vec<String> = (0..wishes.len()).map(|number| format!("b{number}@x")).collect();
            let mut envelope = envelope(&names.iter().map(String::as_str).collect::<Vec<_>>());
            envelope.recipients.iter_mut().zip(wishes).for_each(|(recipient, wish)| recipient.notify = *wish);
            assert_eq!(Reports::of(&envelope), Reports { success, failure }, "{wishes:?}");
        }
    }

    #[test]
    fn receipts_have_a_class_of_their_own() {
        let of = |text: &str| class(&HeaderBlock::from_message(text.as_bytes()));
        let receipt = "Content-Type: multipart/report;\r\n report-type=disposition-notification; boundary=x\r\n";
        assert_eq!(of(receipt), Some("REPORT.IPM.NOTE.IPNRN"));
        assert_eq!(of("Content-Type: multipart/report; report-type=delivery-status\r\n"), None);
        assert_eq!(of("Subject: x\r\n"), None);
    }
}
