//! Read receipts (RFC 8098): sent when a message that asks for one is marked read, and when it is deleted unread.

use super::{
    report::{head, multipart},
    transport::carry_report,
};
use crate::{exchange::Organisation, mime::parse::Person, store::Item, time};

/// A message was marked read: whoever asked is told, unless `suppress`.
pub(crate) fn marked_read(organisation: &mut Organisation, mailbox: usize, folder: u64, item: u64, suppress: bool) {
    let owner = &mut organisation.mailboxes[mailbox];
    let Some(found) = owner.folders.get_mut(&folder).and_then(|folder| folder.items.get_mut(&item)) else { return };
    if !found.read || !is_pending(found) {
        return;
    }
    found.extra_mut().receipt_settled = true;
    let about = found.clone();
    if !suppress {
        send(organisation, mailbox, &about, true);
    }
}

/// A message is deleted: whoever wants to know that it was read is told that it was not.
pub(crate) fn deleted_unread(organisation: &mut Organisation, mailbox: usize, item: &Item, suppress: bool) {
    if !item.read && !suppress && is_pending(item) {
        send(organisation, mailbox, item, false);
    }
}

/// No receipt is sent for a message whatever happens to it (SuppressReadReceipt); tells whether one was due.
pub(crate) fn settle(item: &mut Item) -> bool {
    let due = is_pending(item);
    item.extra_mut().receipt_settled = true;
    due
}

/// Whether a receipt is due: for what came over a transport, and is no report itself.
fn is_pending(item: &Item) -> bool {
    item.transported
        && !item.extra.as_ref().is_some_and(|extra| extra.receipt_settled)
        && item.class().starts_with("IPM.")
        && item.summary().read_receipt_to.is_some()
}

fn send(organisation: &mut Organisation, reader: usize, about: &Item, read: bool) {
    let summary = about.summary();
    let Some(to) = summary.read_receipt_to.clone() else { return };
    let mailbox = &organisation.mailboxes[reader];
    let from = Person { name: mailbox.display_name.clone(), address: mailbox.address.clone() };
    let now = organisation.now();
    let (prefix, done, disposition) = match read {
        true => ("Read: ", "was read on", "automatic-action/MDN-sent-automatically; displayed"),
        false => {
            ("Not read: ", "was deleted without being read on", "automatic-action/MDN-sent-automatically; deleted")
        }
    };
    let said = format!(
        "Your message\r\n\r\n   To: {}\r\n   Subject: {}\r\n\r\n {done} {}.\r\n",
        from.name,
        summary.subject,
        time::write(now)
    );
    let id = summary.message_id.as_deref();
    let status = format!(
        "Reporting-UA: {}; Microsoft Exchange\r\nFinal-recipient: RFC822;{}\r\nOriginal-Message-ID: {}\r\n\
         Disposition: {disposition}\r\n",
        super::server(&from.address),
        from.address,
        id.unwrap_or_default()
    );
    let head = head(&from, &to, &format!("{prefix}{}", summary.subject), id, now);
    let message =
        multipart(&head, "disposition-notification", &said, ("message/disposition-notification", &status), None);
    carry_report(organisation, "receipt", Some(reader), &to, message, now);
}
