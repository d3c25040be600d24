//! What is said of sending: limits, addresses, lists, rights.

use clap::Args;
use exchange_sim::{Limits, Waiting};

/// Limits, addresses, lists and rights that mail goes by.
#[derive(Debug, Args)]
pub(super) struct SubmissionArguments {
    /// Bytes a message that is sent may have (MaxSendSize)
    #[arg(long, value_name = "BYTES")]
    max_message: Option<u64>,
    /// Bytes a message may have that mailboxes take (MaxReceiveSize)
    #[arg(long, value_name = "BYTES")]
    max_receive: Option<u64>,
    /// Recipients one message may have (RecipientLimits); with more it comes back with a report
    #[arg(long, value_name = "N")]
    max_recipients: Option<usize>,
    /// Messages a mailbox may send per minute (MessageRateLimit); more wait in their folder
    #[arg(long, value_name = "N")]
    message_rate: Option<usize>,
    /// Recipients a mailbox may address per day (RecipientRateLimit)
    #[arg(long, value_name = "N")]
    recipient_rate: Option<usize>,
    /// Bytes in a mailbox beyond which its owner may not send (ProhibitSendQuota)
    #[arg(long, value_name = "BYTES")]
    prohibit_send: Option<u64>,
    /// Seconds a message stays in its folder, submitted, before it is sent
    #[arg(long, value_name = "SECONDS")]
    linger: Option<u32>,
    /// Where messages wait that are created and sent in one request: drafts or outbox
    #[arg(long, value_name = "FOLDER", default_value = "drafts", value_parser = Waiting::named)]
    waiting_in: Waiting,
    /// Let a copy of what was sent as somebody be in their Sent Items, too (MessageCopyForSentAsEnabled)
    #[arg(long)]
    copy_for_send_as: bool,
    /// The same of what was sent on their behalf (MessageCopyForSendOnBehalfEnabled)
    #[arg(long)]
    copy_for_send_on_behalf: bool,
    /// Let From be another address of the sender's; else it becomes the primary one
    #[arg(long)]
    send_from_aliases: bool,
    /// Give every message that is sent a Message-ID of the server's
    #[arg(long)]
    rewrite_message_id: bool,
    /// Another address of a mailbox
    #[arg(long = "alias", value_name = "MAILBOX=ADDRESS", value_parser = alias)]
    pub(super) aliases: Vec<(String, String)>,
    /// A distribution list; members may be lists themselves, or outside
    #[arg(long = "list", value_name = "ADDRESS=MEMBER,...", value_parser = list)]
    pub(super) lists: Vec<(String, Vec<String>)>,
    /// Someone who may send as the owner of a mailbox, or as a list
    #[arg(long = "send-as", value_name = "USER:MAILBOX", value_parser = right)]
    pub(super) send_as: Vec<(String, String)>,
    /// Someone who may send on behalf of the owner of a mailbox
    #[arg(long = "send-on-behalf", value_name = "USER:MAILBOX", value_parser = right)]
    pub(super) send_on_behalf: Vec<(String, String)>,
}

impl SubmissionArguments {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            max_message: self.max_message,
            max_receive: self.max_receive,
            recipients: self.max_recipients,
            message_rate: self.message_rate,
            recipient_rate: self.recipient_rate,
            prohibit_send: self.prohibit_send,
            linger: self.linger,
            waiting_in: self.waiting_in,
            copy_for_send_as: self.copy_for_send_as,
            copy_for_send_on_behalf: self.copy_for_send_on_behalf,
            send_from_aliases: self.send_from_aliases,
            rewrite_message_id: self.rewrite_message_id,
        }
    }
}

fn alias(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((mailbox, address)) if mailbox.contains('@') && address.contains('@') => {
            Ok((mailbox.to_owned(), address.to_owned()))
        }
        _ => Err("an alias looks like MAILBOX=ADDRESS".to_owned()),
    }
}

fn list(text: &str) -> Result<(String, Vec<String>), String> {
    match text.split_once('=') {
        Some((address, members)) if address.contains('@') => {
            Ok((address.to_owned(), members.split(',').map(str::to_owned).collect()))
        }
        _ => Err("a list looks like ADDRESS=MEMBER,MEMBER".to_owned()),
    }
}

fn right(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((user, mailbox)) if user.contains('@') && mailbox.contains('@') => {
            Ok((user.to_owned(), mailbox.to_owned()))
        }
        _ => Err("a right to send looks like USER:MAILBOX".to_owned()),
    }
}
