//! What was sent to whom and what became of it, for tests: that each message came exactly once is counted here.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::Role;
use crate::{
    exchange::Organisation,
    time::{self, Seconds},
};

/// Every message that was taken, in the order in which it was.
#[derive(Default)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
}

/// One message.
pub(super) struct Entry {
    /// `message`, `meeting`, `report` or `receipt`.
    pub(super) kind: &'static str,
    pub(super) at: Seconds,
    /// The mailbox it was sent from; none for reports.
    pub(super) sender: Option<String>,
    /// The author it names.
    pub(super) author: String,
    pub(super) message_id: Option<String>,
    pub(super) subject: String,
    pub(super) size: usize,
    /// The mailbox and the folder that keep a copy.
    pub(super) copy: Option<(String, String)>,
    pub(super) recipients: Vec<Recipient>,
}

/// One recipient of a message.
pub(super) struct Recipient {
    pub(super) address: String,
    pub(super) role: Role,
    pub(super) list: Option<String>,
    pub(super) outcome: Outcome,
}

/// What became of a message for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is in his mailbox.
    Delivered,
    /// It left the organisation.
    Outside,
    /// It could not be delivered: the status, such as `5.1.10`.
    Failed(String),
}

impl Ledger {
    /// Notes a message that was taken; gives its number.
    pub(super) fn note(&mut self, entry: Entry) -> usize {
        self.entries.push(entry);
        self.entries.len() - 1
    }

    /// Notes what became of a message.
    pub(super) fn settle(&mut self, number: usize, recipients: Vec<Recipient>) {
        if let Some(entry) = self.entries.get_mut(number) {
            entry.recipients.extend(recipients);
        }
    }

    /// How many messages there are.
    pub(crate) fn count(&self) -> usize {
        self.entries.len()
    }

    /// The messages from a number on.
    pub(crate) fn json(&self, after: usize) -> Json {
        self.entries.iter().enumerate().skip(after).map(|(number, entry)| entry.json(number)).collect()
    }
}

impl Entry {
    fn json(&self, number: usize) -> Json {
        let recipients: Vec<Json> = self.recipients.iter().map(Recipient::json).collect();
        json!({
            "number": number,
            "kind": self.kind,
            "at": time::write(self.at),
            "sender": self.sender,
            "author": self.author,
            "message_id": self.message_id,
            "subject": self.subject,
            "size": self.size,
            "copy": self.copy.as_ref().map(|(mailbox, folder)| json!({ "mailbox": mailbox, "folder": folder })),
            "recipients": recipients,
        })
    }
}

impl Recipient {
    fn json(&self) -> Json {
        let (outcome, status) = match &self.outcome {
            Outcome::Delivered => ("delivered", None),
            Outcome::Outside => ("outside", None),
            Outcome::Failed(status) => ("failed", Some(status)),
        };
        json!({
            "address": self.address,
            "role": match self.role {
                Role::To => "to",
                Role::Cc => "cc",
                Role::Bcc => "bcc",
            },
            "list": self.list,
            "outcome": outcome,
            "status": status,
        })
    }
}

impl Organisation {
    /// By Message-ID: how often it was sent, how many copies the Sent Items of all mailboxes hold, and how often it reached
    /// each recipient. Reports and receipts are left out.
    pub(crate) fn deliveries_by_id(&self) -> Json {
        #[derive(Default)]
        struct Count<'a> {
            sent: usize,
            copies: usize,
            reached: BTreeMap<String, usize>,
            failed: BTreeMap<&'a str, usize>,
        }
        let mut counts: BTreeMap<String, Count<'_>> = BTreeMap::new();
        for entry in self.post.ledger.entries.iter().filter(|entry| ["message", "meeting"].contains(&entry.kind)) {
            let count = counts.entry(entry.message_id.clone().unwrap_or_default()).or_default();
            count.sent += 1;
            for recipient in &entry.recipients {
                match recipient.outcome {
                    Outcome::Failed(_) => *count.failed.entry(&recipient.address).or_default() += 1,
                    _ => *count.reached.entry(recipient.address.to_lowercase()).or_default() += 1,
                }
            }
        }
        for (_, mailbox) in self.people() {
            let folder = mailbox.distinguished("sentitems").and_then(|key| mailbox.folders.get(&key));
            for item in folder.into_iter().flat_map(|folder| folder.items.values()) {
                let id = item.summary().message_id.clone().unwrap_or_default();
                if let Some(count) = counts.get_mut(&id) {
                    count.copies += 1;
                }
            }
        }
        let told = |count: Count<'_>| json!({ "sent": count.sent, "copies": count.copies, "reached": count.reached, "failed": count.failed });
        Json::Object(counts.into_iter().map(|(id, count)| (id, told(count))).collect::<Map<String, Json>>())
    }
}
