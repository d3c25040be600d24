//! Calendars for tests: texts to put, somebody else at the same mailbox, and a client that follows.

use std::collections::BTreeMap;

use ews::op::create_object::CreateObject;
use ews::op::find_item::{FindItem, Traversal};
use ews::op::update_item::{ConflictResolution, FieldChange, ItemUpdate, UpdateItem};
use ews::op::{DeleteType, Invitations, delete_item::DeleteItem};
use ews::{Client, DistinguishedFolder, FolderRef, Identity, ItemId, ItemKind, Moment, Property, Server, ServerConfig};
use exchange::Account;
use mailbox::FolderId;
use mailbox::objects::{
    Calendaring, Condition, DeltaStart, ETag, NewObject, ObjectDelta, ObjectEntry, ObjectName, ObjectResult, Objects,
    Put, SyncToken,
};

use super::{Lab, PASSWORD};

/// An event of one hour.
pub fn event(uid: &str, summary: &str, more: &str) -> String {
    let more: String = more.lines().map(|line| format!("{line}\r\n")).collect();
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Lab//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n\
         DTSTART:20260310T090000Z\r\nDTEND:20260310T100000Z\r\nSUMMARY:{summary}\r\n{more}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

/// Somebody's own way to Exchange.
pub struct Someone(Client);

impl Someone {
    pub fn new(lab: &Lab, user: &str) -> Self {
        let config = ServerConfig { allow_http: true, ..ServerConfig::new(lab.running.url()) };
        let identity = Identity::basic(user, ews::Secret::new(PASSWORD));
        Self(Server::new(config).unwrap().client(identity))
    }

    pub async fn make(&self, folder: DistinguishedFolder, kind: ItemKind, properties: Vec<Property>) -> ItemId {
        let folder = Some(FolderRef::from(folder));
        let ask = CreateObject { folder, kind, properties, invitations: Invitations::Nobody };
        self.0.call(&ask).await.unwrap()
    }

    /// An event of one hour, so many days after the first of January.
    pub async fn make_event(&self, number: i64) -> ItemId {
        let start = jiff::Timestamp::from_second(1_767_225_600 + number * 86_400).unwrap();
        let end = jiff::Timestamp::from_second(start.as_second() + 3600).unwrap();
        let properties = vec![
            Property::Subject(format!("Event {number}")),
            Property::Start(Moment::At(start)),
            Property::End(Moment::At(end)),
        ];
        self.make(DistinguishedFolder::Calendar, ItemKind::CalendarItem, properties).await
    }

    pub async fn change(&self, id: &ItemId, kind: ItemKind, property: Property) {
        let ask = UpdateItem {
            items: vec![ItemUpdate { id: ItemId::new(&id.id).into(), kind, changes: vec![FieldChange::Set(property)] }],
            conflict: ConflictResolution::AlwaysOverwrite,
            invitations: Invitations::Nobody,
        };
        self.0.call(&ask).await.unwrap().pop().unwrap().unwrap();
    }

    pub async fn delete(&self, id: &ItemId) {
        let ask = DeleteItem::quietly([ItemId::new(&id.id)], DeleteType::HardDelete);
        self.0.call(&ask).await.unwrap().pop().unwrap().unwrap();
    }

    pub async fn only_item(&self, folder: DistinguishedFolder) -> ItemId {
        let ask = FindItem {
            folder: folder.into(),
            shape: ews::ItemShape::default(),
            condition: None,
            sort: Vec::new(),
            page: None,
            traversal: Traversal::Shallow,
        };
        self.0.call(&ask).await.unwrap().items.remove(0).id.unwrap()
    }

    pub fn client(&self) -> &Client {
        &self.0
    }
}

pub fn name(text: &str) -> ObjectName {
    ObjectName(text.to_owned())
}

pub fn new_object(under: &str, text: &str) -> NewObject {
    NewObject { name: name(under), text: text.to_owned().into(), calendaring: Calendaring::Server }
}

pub fn if_match(etag: &ETag) -> Condition {
    Condition { if_match: Some(vec![etag.clone()]), ..Condition::default() }
}

pub fn if_none() -> Condition {
    Condition { if_none_match: Some(Vec::new()), ..Condition::default() }
}

/// What a client does with a collection.
pub struct Follower {
    pub account: Account,
    pub collection: FolderId,
    pub here: BTreeMap<ObjectName, ObjectEntry>,
    pub token: Option<SyncToken>,
}

impl Follower {
    pub fn new(account: &Account, collection: FolderId) -> Self {
        Self { account: account.clone(), collection, here: BTreeMap::new(), token: None }
    }

    pub async fn sync(&mut self) -> ObjectDelta {
        let since = self.token.map_or(DeltaStart::Beginning, DeltaStart::After);
        let delta = self.account.object_delta(self.collection, since, None).await.unwrap();
        for name in &delta.removed {
            self.here.remove(name);
        }
        self.here.extend(delta.changed.iter().map(|entry| (entry.name.clone(), entry.clone())));
        self.token = Some(delta.token);
        delta
    }

    /// Waits for news; they may take a moment.
    pub async fn news(&mut self) -> ObjectDelta {
        let mut watch = self.account.watch_objects(self.collection);
        let wait = async {
            loop {
                let delta = self.sync().await;
                if !delta.changed.is_empty() || !delta.removed.is_empty() {
                    return delta;
                }
                watch.changed().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), wait).await.expect("no news came")
    }

    /// Waits until so many objects are here.
    pub async fn news_until(&mut self, count: usize) {
        while self.here.len() < count {
            self.news().await;
        }
    }

    pub async fn text(&self, under: &str) -> String {
        let objects = self.account.objects(self.collection, &[name(under)]).await.unwrap();
        let object = objects.into_iter().next().unwrap().1.unwrap();
        String::from_utf8(object.text.to_vec()).unwrap()
    }

    pub async fn put(&self, under: &str, text: &str, condition: Condition) -> ObjectResult<Put> {
        self.account.put(self.collection, new_object(under, text), condition).await
    }
}
