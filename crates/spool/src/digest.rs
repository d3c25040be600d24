//! By what a message is known again when a client brings it once more.

use std::io::{self, Read};

use mailbox::Content;
use mailbox::submit::{Address, Body, Envelope};
use sha2::{Digest as _, Sha256};

/// SHA-256 over a message, octet for octet, and its envelope. Message-ID alone never makes two messages one, and
/// another recipient makes one message two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

/// The digest of a message in its envelope. The order of recipients and the case of addresses make no odds; the octets of
/// the message and what is wanted for each recipient do.
///
/// # Errors
/// Those of reading the message.
pub fn digest(message: &Content, envelope: &Envelope) -> io::Result<Digest> {
    let mut sha = Sha256::new();
    let mut add = |part: &str| {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part);
    };
    add(&envelope.sender.as_ref().map(lower).unwrap_or_default());
    add(match envelope.body {
        Body::SevenBit | Body::EightBit => "text",
        Body::Binary => "binary",
    });
    let wanted = |recipient: &mailbox::submit::Recipient| {
        let original = recipient.original.as_ref().map(|original| (&original.kind, &original.address));
        format!("{} {:?} {original:?}", lower(&recipient.address), recipient.notify)
    };
    let mut recipients: Vec<String> = envelope.recipients.iter().map(wanted).collect();
    recipients.sort_unstable();
    recipients.iter().for_each(|recipient| add(recipient));
    add(&format!("{:?} {:?}", envelope.returned, envelope.envelope_id));
    let mut reader = message.reader();
    let mut piece = vec![0; PIECE];
    loop {
        match reader.read(&mut piece)? {
            0 => return Ok(Digest(sha.finalize().into())),
            length => sha.update(piece.get(..length).unwrap_or_default()),
        }
    }
}

fn lower(address: &Address) -> String {
    address.to_string().to_lowercase()
}

const PIECE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{address, envelope};

    #[test]
    fn what_makes_two_messages_one() {
        let text = Content::memory(&b"Message-ID: <1@a>\r\n\r\nx\r\n"[..]);
        let of = |text: &Content, envelope: &Envelope| digest(text, envelope).unwrap();
        let two = envelope(&["ben@a.example", "carl@a.example"]);
        let same = envelope(&["Carl@A.example", "ben@a.example"]);
        assert_eq!(of(&text, &two), of(&text, &same));
        assert_ne!(of(&text, &two), of(&text, &envelope(&["ben@a.example"])), "other recipients");
        let other = Content::memory(&b"Message-ID: <1@a>\r\n\r\ny\r\n"[..]);
        assert_ne!(of(&text, &two), of(&other, &two), "other words under the same Message-ID");
        let nobody = Envelope { sender: None, ..two.clone() };
        assert_ne!(of(&text, &two), of(&text, &nobody));
        let other = Envelope { sender: Some(address("z@a.example")), ..two.clone() };
        assert_ne!(of(&text, &two), of(&text, &other));
    }
}
