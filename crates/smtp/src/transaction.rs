//! A message on its way in: its envelope, and what came of it by chunks.

use std::collections::HashSet;
use std::mem;

use mailbox::submit::{Address, Envelope, Recipient};

use crate::gather::Gathering;
use crate::proto::{Mail, Rcpt};

/// RFC 5321 section 3.3
#[derive(Debug)]
pub(crate) struct Transaction {
    mail: Mail,
    recipients: Vec<Recipient>,
    known: HashSet<Address>,
    /// There from the first BDAT on.
    pub(crate) chunks: Option<Gathering>,
}

impl Transaction {
    pub(crate) fn new(mail: Mail) -> Self {
        Self { mail, recipients: Vec::new(), known: HashSet::new(), chunks: None }
    }

    pub(crate) fn mail(&self) -> &Mail {
        &self.mail
    }

    /// How many it is for.
    pub(crate) fn recipients(&self) -> usize {
        self.recipients.len()
    }

    pub(crate) fn knows(&self, recipient: &Address) -> bool {
        self.known.contains(recipient)
    }

    /// It is for somebody else, too. Who is named twice gets it once, as they were named first.
    pub(crate) fn add(&mut self, rcpt: Rcpt) {
        if self.known.insert(rcpt.recipient.clone()) {
            let Rcpt { recipient, notify, original } = rcpt;
            self.recipients.push(Recipient { address: recipient, notify, original });
        }
    }

    /// All of the envelope.
    pub(crate) fn envelope(&mut self) -> Envelope {
        let mail = mem::take(&mut self.mail);
        Envelope {
            sender: mail.sender,
            recipients: mem::take(&mut self.recipients),
            body: mail.body,
            smtp_utf8: mail.smtp_utf8,
            returned: mail.returned,
            envelope_id: mail.envelope_id,
        }
    }
}
