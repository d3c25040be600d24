//! All that a mailbox holds, for tests: what a client shows must agree with it.

use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use crate::{
    store::{
        Folder, Item, Mailbox, PropertyKey, PropertyName,
        ids::{self, Target},
    },
    time,
};

impl Mailbox {
    /// Each folder that is not hidden by its path, `/` in a name as `\/`, with its items in the order of their arrival.
    pub(crate) fn contents(&self) -> Json {
        let folders = self.folders.values().filter(|folder| !folder.hidden);
        let named = folders.filter_map(|folder| {
            let items: Vec<Json> = folder.items.values().map(|item| self.described(folder, item)).collect();
            Some((self.path_of(folder)?, Json::Array(items)))
        });
        Json::Object(named.collect::<Map<String, Json>>())
    }

    /// Display names from below the top of the information store; `None` for what is not below it.
    fn path_of(&self, folder: &Folder) -> Option<String> {
        let top = self.top()?;
        let mut names = Vec::new();
        let mut at = folder;
        while at.key != top {
            names.push(at.name.replace('/', "\\/"));
            at = self.folders.get(&at.parent)?;
        }
        names.reverse();
        (!names.is_empty()).then(|| names.join("/"))
    }

    fn described(&self, folder: &Folder, item: &Item) -> Json {
        let summary = item.summary();
        let extra = item.extra.as_deref();
        let deleted = PropertyKey::Named(COMMON.to_owned(), PropertyName::Id(0x8570));
        let verb = extra.and_then(|extra| extra.verb).map(|verb| verb.verb);
        let bytes = item.bytes();
        json!({
            "item_id": self.id(Target::Item { folder: folder.key, item: item.key }),
            "change_key": ids::change_key(self.guid, item.kind.facts().2, item.changed),
            "class": item.class(),
            "article": item.article,
            "message_id": summary.message_id,
            "subject": summary.subject,
            "received": time::write(item.received_at),
            "read": item.read,
            "draft": item.draft,
            "submitted": item.is_submitted(),
            "uid": item.event().map(|event| event.uid.as_str()),
            "start": item.event().map(|event| time::write(event.start)),
            "end": item.event().map(|event| time::write(event.end)),
            "flagged": extra.and_then(|extra| extra.flag) == Some(2),
            "answered": matches!(verb, Some(102 | 103)),
            "forwarded": verb == Some(104),
            "deleted": extra.is_some_and(|extra| extra.properties.contains_key(&deleted)),
            "categories": extra.map_or(&[][..], |extra| extra.categories.as_slice()),
            "size": bytes.len(),
            "sha256": Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        })
    }
}

/// The property set Common.
const COMMON: &str = "00062008-0000-0000-c000-000000000046";
