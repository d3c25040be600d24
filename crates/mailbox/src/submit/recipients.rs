//! The envelope decides who gets a message; the header decides where each of them is shown.

use std::collections::HashSet;

use super::{Address, Envelope, Header, Mailbox};

/// Who gets a message, by where its readers see them. Each address of the envelope is in exactly one of the first three
/// lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    /// Those of the envelope whom To names.
    pub to: Vec<Mailbox>,
    /// Those whom Cc names.
    pub cc: Vec<Mailbox>,
    /// Those whom neither names: nobody sees them.
    pub bcc: Vec<Mailbox>,
    /// Whom To names, and who is not in the envelope: not mailed, but readers see them.
    pub unmailed_to: Vec<Mailbox>,
    /// The same of Cc.
    pub unmailed_cc: Vec<Mailbox>,
}

impl Recipients {
    /// Sorts the recipients of an envelope. Where a message is sent again, what counts is whom it is sent to this time:
    /// To and Cc are then part of what is sent (RFC 5322 section 3.6.6).
    #[must_use]
    pub fn new(envelope: &Envelope, header: &Header) -> Self {
        let (to, cc, bcc) = match &header.resent {
            Some(resent) => (&resent.to, &resent.cc, &resent.bcc),
            None => (&header.to, &header.cc, &header.bcc),
        };
        let mut left: HashSet<&Address> = envelope.recipients.iter().map(|recipient| &recipient.address).collect();
        let mut shown = HashSet::new();
        let mut recipients = Self::default();
        for (list, mailed, unmailed) in [
            (to, &mut recipients.to, &mut recipients.unmailed_to),
            (cc, &mut recipients.cc, &mut recipients.unmailed_cc),
        ] {
            for mailbox in list.iter().filter(|mailbox| shown.insert(&mailbox.address)) {
                let place = if left.remove(&mailbox.address) { &mut *mailed } else { &mut *unmailed };
                place.push(mailbox.clone());
            }
        }
        for recipient in &envelope.recipients {
            if left.remove(&recipient.address) {
                let known = bcc.iter().find(|mailbox| mailbox.address == recipient.address);
                let name = known.and_then(|mailbox| mailbox.name.clone());
                recipients.bcc.push(Mailbox { name, address: recipient.address.clone() });
            }
        }
        recipients
    }

    /// True if readers see exactly those who get it, as Exchange has it by itself.
    #[must_use]
    pub fn are_as_shown(&self) -> bool {
        self.bcc.is_empty() && self.unmailed_to.is_empty() && self.unmailed_cc.is_empty()
    }
}
