//! Extended (MAPI) properties that mean something here; any other is kept as it was set.

use super::{
    Extended, View,
    fields::names,
    item::stored_property,
    path::{INTERNET_HEADERS, PUBLIC_STRINGS},
};
use crate::{
    items,
    store::{Folder, Mailbox, PropertyKey, PropertyName, Value, ids, ids::Target},
};

/// The value of an extended property of an item, if it is there and of that type.
pub(super) fn item_value(view: &View<'_>, extended: &Extended) -> Option<Value> {
    if let Some(value) = items::alias_value(view.item, &extended.key) {
        return value.is_of(&extended.of).then_some(value);
    }
    let value = match &extended.key {
        PropertyKey::Tag(tag) => match ITEM_TAGS.iter().find(|(known, _)| known == tag) {
            Some((_, read)) => read(view).or_else(|| stored_property(view.item, &extended.key)),
            None => stored_property(view.item, &extended.key),
        },
        PropertyKey::Named(set, PropertyName::Name(name)) if set == PUBLIC_STRINGS && name == "keywords" => {
            view.categories()
        }
        PropertyKey::Named(set, PropertyName::Name(name)) if set == INTERNET_HEADERS => {
            stored_property(view.item, &extended.key).or_else(|| header(&view.parsed().headers, name).map(Value::Text))
        }
        key => super::calendar::named(view, key).or_else(|| stored_property(view.item, key)),
    }?;
    value.is_of(&extended.of).then_some(value)
}

/// The value of an extended property of a folder.
pub(super) fn folder_value(mailbox: &Mailbox, folder: &Folder, extended: &Extended) -> Option<Value> {
    let value = match &extended.key {
        PropertyKey::Tag(tag) => FOLDER_TAGS
            .iter()
            .find(|(known, _)| known == tag)
            .and_then(|(_, read)| read(mailbox, folder))
            .or_else(|| folder.properties.get(&extended.key).cloned()),
        key => folder.properties.get(key).cloned(),
    }?;
    value.is_of(&extended.of).then_some(value)
}

/// The fields of a header block, unfolded.
pub(super) fn headers(block: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let mut lines = block.lines().peekable();
    std::iter::from_fn(move || {
        loop {
            let line = lines.next()?;
            let mut whole = line.to_owned();
            while let Some(next) = lines.next_if(|next| next.starts_with([' ', '\t'])) {
                whole.push_str(next);
            }
            if let Some((name, value)) = whole.split_once(':') {
                return Some((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
    })
}

/// The first field of that name.
pub(super) fn header(block: &str, name: &str) -> Option<String> {
    headers(block).find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

type ItemTag = (u16, fn(&View<'_>) -> Option<Value>);

/// Tags of items (MS-OXPROPS).
const ITEM_TAGS: &[ItemTag] = &[
    // PidTagImportance
    (0x0017, |view| {
        Some(Value::Number(match &*view.importance() {
            "Low" => 0,
            "High" => 2,
            _ => 1,
        }))
    }),
    // PidTagMessageClass
    (0x001a, |view| Some(Value::Text(view.item.class().to_owned()))),
    // PidTagOriginatorDeliveryReportRequested, PidTagReadReceiptRequested
    (0x0023, |view| Some(Value::Flag(view.wants_delivery_receipt()))),
    (0x0029, |view| Some(Value::Flag(view.wants_read_receipt()))),
    // PidTagSensitivity
    (0x0036, |view| {
        let known = ["Normal", "Personal", "Private", "Confidential"];
        let place = known.iter().position(|name| *name == view.sensitivity()).unwrap_or(0);
        i64::try_from(place).ok().map(Value::Number)
    }),
    // PidTagSubject
    (0x0037, |view| Some(Value::Text(view.summary().subject.clone()))),
    // PidTagClientSubmitTime
    (0x0039, |view| Some(Value::Time(view.sent_at()))),
    // PidTagSentRepresentingName
    (0x0042, |view| view.summary().from.as_ref().map(|person| Value::Text(person.name.clone()))),
    // PidTagSentRepresentingEmailAddress
    (0x0065, |view| view.summary().from.as_ref().map(|person| Value::Text(person.address.clone()))),
    // PidTagConversationTopic
    (0x0070, |view| Some(Value::Text(view.topic()))),
    // PidTagConversationIndex
    (0x0071, |view| Some(Value::Binary(view.conversation_index()))),
    // PidTagTransportMessageHeaders: only what came over a transport has them
    (0x007d, |view| view.item.transported.then(|| Value::Text(format!("{}\r\n", view.parsed().headers.trim_end())))),
    // PidTagSenderName, PidTagSenderEmailAddress
    (0x0c1a, |view| view.sender().map(|person| Value::Text(person.name))),
    (0x0c1f, |view| view.sender().map(|person| Value::Text(person.address))),
    // PidTagDisplayBcc, PidTagDisplayCc, PidTagDisplayTo
    (0x0e02, |view| Some(Value::Text(names(&view.summary().bcc)))),
    (0x0e03, |view| Some(Value::Text(names(&view.summary().cc)))),
    (0x0e04, |view| Some(Value::Text(names(&view.summary().to)))),
    // PidTagMessageDeliveryTime
    (0x0e06, |view| Some(Value::Time(view.item.received_at))),
    // PidTagMessageFlags
    (0x0e07, |view| Some(Value::Number(message_flags(view)))),
    // PidTagMessageSize
    (0x0e08, |view| Some(Value::Number(view.size()))),
    // PidTagHasAttachments
    (0x0e1b, |view| Some(Value::Flag(view.summary().has_attachments))),
    // PidTagNormalizedSubject
    (0x0e1d, |view| Some(Value::Text(view.topic()))),
    // PidTagInternetArticleNumber
    (0x0e23, |view| Some(Value::Number(i64::from(view.item.article)))),
    // PidTagRead
    (0x0e69, |view| Some(Value::Flag(view.item.read))),
    // PidTagRecordKey, PidTagEntryId
    (0x0ff9, |view| Some(Value::Binary(ids::entry_id(view.mailbox.guid, view.target())))),
    (0x0fff, |view| Some(Value::Binary(ids::entry_id(view.mailbox.guid, view.target())))),
    // PidTagBody
    (0x1000, |view| Some(Value::Text(view.text_body()))),
    // PidTagHtml
    (0x1013, |view| view.parsed().html.as_ref().map(|html| Value::Binary(html.as_bytes().to_vec()))),
    // PidTagInternetMessageId, PidTagInternetReferences, PidTagInReplyToId
    (0x1035, |view| view.summary().message_id.clone().map(Value::Text)),
    (0x1039, |view| view.summary().references.clone().map(Value::Text)),
    (0x1042, |view| view.summary().in_reply_to.clone().map(Value::Text)),
    // PidTagIconIndex: what a client set (MS-OXOMSG 2.2.1.10), else what goes with the last verb.
    (0x1080, |view| {
        if let Some(set) = stored_property(view.item, &PropertyKey::Tag(0x1080)) {
            return Some(set);
        }
        Some(Value::Number(match view.item.extra.as_ref().and_then(|extra| extra.verb).map(|verb| verb.verb) {
            Some(102 | 103) => 261,
            Some(104) => 262,
            _ if view.item.read => 256,
            _ => -1,
        }))
    }),
    // PidTagLastVerbExecuted, PidTagLastVerbExecutionTime
    (0x1081, |view| Some(Value::Number(view.item.extra.as_ref()?.verb?.verb))),
    (0x1082, |view| Some(Value::Time(view.item.extra.as_ref()?.verb?.at))),
    // PidTagFlagStatus
    (0x1090, |view| view.item.extra.as_ref()?.flag.map(Value::Number)),
    // PidTagCreationTime, PidTagLastModificationTime
    (0x3007, |view| Some(Value::Time(view.item.created_at))),
    (0x3008, |view| Some(Value::Time(view.item.modified_at))),
    // PidTagSearchKey
    (0x300b, |view| {
        let key = ids::digest(&[view.mailbox.birth.as_bytes(), &view.item.origin.to_le_bytes()]);
        Some(Value::Binary(key[..16].to_vec()))
    }),
    // PidTagInternetCodepage
    (0x3fde, |_| Some(Value::Number(65001))),
    // PidTagSourceKey, PidTagChangeKey, PidTagPredecessorChangeList
    (0x65e0, |view| Some(Value::Binary(ids::change_bytes(view.mailbox.guid, view.item.key)))),
    (0x65e2, |view| Some(Value::Binary(ids::change_bytes(view.mailbox.guid, view.item.changed)))),
    (0x65e3, |view| Some(Value::Binary(predecessors(view.mailbox, view.item.changed)))),
];

fn predecessors(mailbox: &Mailbox, change: u64) -> Vec<u8> {
    let mut list = vec![22];
    list.extend(ids::change_bytes(mailbox.guid, change));
    list
}

/// MSGFLAG_READ 1, _UNMODIFIED 2, _SUBMIT 4, _UNSENT 8, _HASATTACH 0x10, _FROMME 0x20, mfNotifyRead 0x100.
fn message_flags(view: &View<'_>) -> i64 {
    let item = view.item;
    let pending = || item.transported && !item.extra.as_ref().is_some_and(|extra| extra.receipt_settled);
    [
        (item.read, 1),
        (item.changed == item.key, 2),
        (item.is_submitted(), 4),
        (item.draft, 8),
        (view.summary().has_attachments, 0x10),
        (view.is_from_me(), 0x20),
        (!item.read && view.wants_read_receipt() && pending(), 0x100),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .map(|(_, bit)| bit)
    .sum()
}

type FolderTag = (u16, fn(&Mailbox, &Folder) -> Option<Value>);

/// Tags of folders (MS-OXPROPS).
const FOLDER_TAGS: &[FolderTag] = &[
    // PidTagMessageSizeExtended: the root stands for the whole mailbox
    (0x0e08, |mailbox, folder| {
        let size = if folder.parent == 0 { mailbox.size() } else { folder.size };
        i64::try_from(size).ok().map(Value::Number)
    }),
    // PidTagRecordKey, PidTagEntryId
    (0x0ff9, |mailbox, folder| Some(Value::Binary(entry_id(mailbox, folder)))),
    (0x0fff, |mailbox, folder| Some(Value::Binary(entry_id(mailbox, folder)))),
    // PidTagAttributeHidden
    (0x10f4, |_, folder| Some(Value::Flag(folder.hidden))),
    // PidTagDisplayName
    (0x3001, |_, folder| Some(Value::Text(folder.name.clone()))),
    // PidTagCreationTime, PidTagLastModificationTime
    (0x3007, |_, folder| Some(Value::Time(folder.created_at))),
    (0x3008, |_, folder| Some(Value::Time(folder.committed_at))),
    // PidTagFolderType: generic, or the root
    (0x3601, |_, folder| Some(Value::Number(i64::from(folder.parent != 0)))),
    // PidTagContentCount, PidTagContentUnreadCount
    (0x3602, |_, folder| i64::try_from(folder.total()).ok().map(Value::Number)),
    (0x3603, |_, folder| Some(Value::Number(i64::from(folder.unread)))),
    // PidTagSubfolders
    (0x360a, |mailbox, folder| Some(Value::Flag(mailbox.children(folder.key).next().is_some()))),
    // PidTagContainerClass
    (0x3613, |_, folder| folder.class.clone().map(Value::Text)),
    // PidTagStorageQuotaLimit, PidTagProhibitSendReceiveQuota, PidTagProhibitSendQuota (MS-OXCSTOR 2.2.2.1)
    (0x3ff5, |mailbox, folder| quota(mailbox, folder, 90)),
    (0x666a, |mailbox, folder| quota(mailbox, folder, 100)),
    (0x666e, |mailbox, folder| quota(mailbox, folder, 100)),
    // PidTagSourceKey, PidTagChangeKey
    (0x65e0, |mailbox, folder| Some(Value::Binary(ids::change_bytes(mailbox.guid, folder.key)))),
    (0x65e2, |mailbox, folder| Some(Value::Binary(ids::change_bytes(mailbox.guid, folder.changed)))),
    (0x65e3, |mailbox, folder| Some(Value::Binary(predecessors(mailbox, folder.changed)))),
    // PidTagReplicaList: the public folder mailbox with the items, as text that ends in a zero
    (0x6698, |_, folder| Some(Value::Binary(format!("{}\0", folder.replica?).into_bytes()))),
    // PidTagLocalCommitTimeMax, PidTagDeletedCountTotal
    (0x670a, |_, folder| Some(Value::Time(folder.committed_at))),
    (0x670b, |_, folder| i64::try_from(folder.departures.len()).ok().map(Value::Number)),
    // PidTagInternetArticleNumberNext, PidTagImapLastArticleId
    (0x6751, |_, folder| Some(Value::Number(i64::from(folder.next_article)))),
    (0x6752, |_, folder| Some(Value::Number(i64::from(folder.next_article) - 1))),
];

/// A part of the quota in KB, which the mailbox has and not its folders: its root shows it.
fn quota(mailbox: &Mailbox, folder: &Folder, percent: u64) -> Option<Value> {
    let tops = ["root", "msgfolderroot"];
    let top = folder.distinguished.is_some_and(|id| tops.contains(&id));
    i64::try_from(mailbox.quota / 1024 * percent / 100).ok().filter(|_| top).map(Value::Number)
}

fn entry_id(mailbox: &Mailbox, folder: &Folder) -> Vec<u8> {
    ids::entry_id(mailbox.guid, Target::Folder { folder: folder.key })
}
