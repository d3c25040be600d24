//! Every request an operation writes is valid against Microsoft's schema, whose order of elements Exchange enforces.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod objects;

use std::path::PathBuf;
use std::process::Command;

use ews::op::convert_id::{ConvertId, IdFormat};
use ews::op::copy_item::CopyItem;
use ews::op::create_attachment::{CreateAttachment, NewFile};
use ews::op::create_folder::{CreateFolder, NewFolder};
use ews::op::create_item::{CreateItem, CreateItems, Disposition, NewMessage};
use ews::op::delete_attachment::DeleteAttachment;
use ews::op::delete_folder::DeleteFolder;
use ews::op::delete_item::DeleteItem;
use ews::op::empty_folder::{EmptyFolder, Subfolders};
use ews::op::find_folder::{FindFolder, Traversal as FolderTraversal};
use ews::op::find_in_folders::FindInFolders;
use ews::op::find_item::{Condition, FindItem, Traversal};
use ews::op::get_attachment::GetAttachment;
use ews::op::get_events::GetEvents;
use ews::op::get_folder::GetFolder;
use ews::op::get_item::GetItem;
use ews::op::get_mime::GetMime;
use ews::op::get_streaming_events::GetStreamingEvents;
use ews::op::mark_all_items_as_read::MarkAllItemsAsRead;
use ews::op::move_folder::MoveFolder;
use ews::op::move_item::MoveItem;
use ews::op::resolve_names::{ResolveNames, SearchScope};
use ews::op::send_item::SendItem;
use ews::op::subscribe::{Delivery, EventType, Subscribe};
use ews::op::sync_folder_hierarchy::SyncFolderHierarchy;
use ews::op::sync_folder_items::SyncFolderItems;
use ews::op::unsubscribe::Unsubscribe;
use ews::op::update_folder::{FolderUpdate, UpdateFolder};
use ews::op::update_item::{ConflictResolution, FieldChange, ItemUpdate, UpdateItem};
use ews::op::{DeleteType, Invitations};
use ews::*;

#[test]
fn requests_are_valid() {
    let Some(schema) = schema("exchange-se") else { return };
    let requests = Requests::collect();
    validate(&schema, &requests.0);
}

/// Old schemas lack much of what later ones have: requests cut down for them must not use any of that.
#[test]
fn requests_for_old_servers_hold_nothing_newer() {
    for (name, version) in [
        ("exchange2007_sp1", Version::Exchange2007Sp1),
        ("exchange2010_sp1", Version::Exchange2010Sp1),
        ("exchange2010_sp2", Version::Exchange2010Sp2),
        ("exchange2013_sp1", Version::Exchange2013Sp1),
    ] {
        let Some(schema) = schema(name) else { return };
        let old: Vec<_> = Requests::collect().0.into_iter().filter(|request| request.version == version).collect();
        assert!(old.len() > 100, "only {} requests for {name}", old.len());
        validate(&schema, &old);
    }
}

#[test]
fn versions_are_as_low_as_can_be() {
    let wished = |shape: ItemShape| GetItem { items: vec![], shape }.wished();
    assert_eq!(wished(ItemShape::of([Field::SUBJECT.into()])), Version::Exchange2007);
    assert_eq!(wished(ItemShape::of([Field::SUBJECT.into(), Field::CONVERSATION_ID.into()])), Version::Exchange2010);
    assert_eq!(wished(ItemShape::of([Field::FLAG.into()])), Version::Exchange2013);
    let inbox = GetFolder { folders: vec![DistinguishedFolder::Inbox.into()], shape: FolderShape::default() };
    assert_eq!(inbox.wished(), Version::Exchange2007);
    let archive = GetFolder { folders: vec![DistinguishedFolder::ArchiveRoot.into()], shape: FolderShape::default() };
    assert_eq!(archive.wished(), Version::Exchange2010Sp1);
}

#[test]
fn what_xml_cannot_carry_is_left_out() {
    let folder = CreateFolder {
        parent: DistinguishedFolder::Inbox.into(),
        folders: vec![NewFolder { name: "a\u{0}b\u{1F}<&>\"\u{FFFE}\u{1F600}".into(), class: None }],
    };
    let xml = String::from_utf8(soap::request(&folder, Version::Exchange2007Sp1, None)).unwrap();
    assert!(xml.contains("<t:DisplayName>ab&lt;&amp;&gt;"), "{xml}");
    assert!(xml.contains("\u{1F600}</t:DisplayName>"), "{xml}");
}

struct Request {
    name: &'static str,
    version: Version,
    xml: Vec<u8>,
}

/// Each operation in several forms, each in every version that has it.
struct Requests(Vec<Request>);

impl Requests {
    fn collect() -> Requests {
        let mut requests = Requests(Vec::new());
        requests.folders();
        requests.reading();
        requests.writing();
        requests.others();
        requests.objects();
        requests
    }

    fn add<O: Operation>(&mut self, operation: &O) {
        for version in VERSIONS.into_iter().filter(|version| *version >= operation.required()) {
            let acting_for = Impersonation::PrimarySmtpAddress("anna@example.org".into());
            for acting_for in [None, Some(&acting_for)] {
                let xml = soap::request(operation, version, acting_for);
                self.0.push(Request { name: O::NAME, version, xml });
            }
        }
    }

    fn folders(&mut self) {
        let id = || FolderId { id: "AAMk+/=".into(), change_key: Some("AQAAAA==".into()) };
        let hidden = ExtendedField::tag(0x10F4, PropertyKind::Boolean);
        let shape = FolderShape {
            base: BaseShape::Default,
            additional: vec![Field::FOLDER_PARENT.into(), Field::FOLDER_DISTINGUISHED.into(), hidden.clone().into()],
        };
        let named = FolderRef::DistinguishedOf(DistinguishedFolder::Inbox, "otto@example.org".into());
        self.add(&GetFolder {
            folders: vec![id().into(), DistinguishedFolder::Inbox.into(), named],
            shape: shape.clone(),
        });
        self.add(&FindFolder {
            parent: DistinguishedFolder::Top.into(),
            traversal: FolderTraversal::Deep,
            shape: shape.clone(),
            restriction: Some(Restriction::Excludes(hidden.clone().into(), 1)),
            page: Some(Page { offset: 0, max: 1000 }),
        });
        let folders =
            ["Mail & <more>", "b"].map(|name| NewFolder { name: name.into(), class: Some("IPF.Note".into()) });
        self.add(&CreateFolder { parent: id().into(), folders: folders.into() });
        let changes = vec![FolderUpdate {
            folder: id(),
            kind: FolderKind::Calendar,
            name: Some("new".into()),
            extended: vec![(hidden, Value::Boolean(true))],
            permissions: None,
        }];
        self.add(&UpdateFolder { changes });
        let somebody = |user| Permission { user, is_visible: Some(true), ..Permission::default() };
        let by =
            |address: &str| UserId { address: Some(address.into()), name: Some("Ben".into()), ..UserId::default() };
        let permissions = vec![
            somebody(UserId { distinguished: Some("Default".into()), ..UserId::default() }),
            Permission {
                edit: Some(Whose::All),
                read: Some(ReadAccess::FullDetails),
                ..somebody(by("ben@corp.example"))
            },
            Permission { level: Some(PermissionLevel::Reviewer), ..somebody(by("eve@corp.example")) },
        ];
        let kind = FolderKind::Folder;
        let change = FolderUpdate { folder: id(), kind, name: None, extended: vec![], permissions: Some(permissions) };
        self.add(&UpdateFolder { changes: vec![change] });
        self.add(&MoveFolder { folders: vec![id(), id()], to: DistinguishedFolder::Top.into() });
        self.add(&DeleteFolder { folders: vec![id()], how: DeleteType::HardDelete });
        let subfolders = Subfolders::Keep;
        self.add(&EmptyFolder { folders: vec![id().into()], how: DeleteType::SoftDelete, subfolders });
        self.add(&SyncFolderHierarchy { root: None, shape: shape.clone(), state: None });
        let root = Some(DistinguishedFolder::Top.into());
        self.add(&SyncFolderHierarchy { root, shape, state: Some("H4sI+/==".into()) });
    }

    fn reading(&mut self) {
        let shape = shape();
        let folder: FolderRef = DistinguishedFolder::Inbox.into();
        self.add(&SyncFolderItems { folder: folder.clone(), shape: shape.clone(), state: None, max: 512 });
        let state = Some("H4sI".into());
        self.add(&SyncFolderItems { folder: folder.clone(), shape: shape.clone(), state, max: 9999 });
        for condition in [None, Some(restriction()), Some(Condition::Query("subject:hello".into()))] {
            self.add(&FindItem {
                folder: folder.clone(),
                shape: shape.clone(),
                condition,
                sort: vec![Sort { by: Field::RECEIVED.into(), direction: Direction::Descending }],
                page: Some(Page { offset: 10, max: 100 }),
                traversal: Traversal::Shallow,
            });
        }
        if let Condition::Restriction(restriction) = restriction() {
            let folders = [DistinguishedFolder::SentItems, DistinguishedFolder::Outbox, DistinguishedFolder::Drafts];
            let folders = folders.into_iter().map(FolderRef::from).collect();
            self.add(&FindInFolders { folders, shape: shape.clone(), restriction, most: 2 });
        }
        self.add(&GetItem { items: vec![id().into(), ItemId::new("x").into()], shape: shape.clone() });
        self.add(&GetItem {
            items: vec![id().into()],
            shape: ItemShape { body: Some(BodyKind::Html), ..shape.clone() },
        });
        self.add(&GetMime { items: vec![id()], shape });
    }

    fn writing(&mut self) {
        let received: jiff::Timestamp = "2020-09-10T14:15:11Z".parse().unwrap();
        let whole = NewMessage {
            mime: Some(MimeSource::bytes("Subject: x\r\n\r\n")),
            categories: vec!["Red".into(), "a & b".into()],
            flag: Some(FlagStatus::Flagged),
            is_read: Some(true),
            ..NewMessage::default()
        };
        let message = whole.received(received).message_flags(1);
        let folder = Some(DistinguishedFolder::SentItems.into());
        let messages = vec![message.clone(), NewMessage::default(), message.clone()];
        self.add(&CreateItems { folder: DistinguishedFolder::Drafts.into(), messages });
        self.add(&CreateItem { disposition: Disposition::SaveOnly, folder: folder.clone(), message });
        let of_properties = NewMessage {
            class: Some("IPM.Note".into()),
            subject: Some("x".into()),
            body: Some(Body { kind: BodyKind::Text, text: "y\n".into() }),
            importance: Some(Importance::High),
            to: vec![Address::smtp("a@example.org")],
            cc: vec![Address { name: Some("B".into()), ..Address::smtp("b@example.org") }],
            bcc: vec![Address { routing: Some("SMTP".into()), ..Address::smtp("c@example.org") }],
            delivery_receipt: true,
            from: Some(Address::smtp("d@example.org")),
            ..NewMessage::default()
        };
        self.add(&CreateItem { disposition: Disposition::SendAndSaveCopy, folder: None, message: of_properties });
        self.update();
        self.add(&DeleteItem::quietly([id(), id()], DeleteType::MoveToDeletedItems));
        self.add(&MoveItem { items: vec![id()], to: DistinguishedFolder::DeletedItems.into() });
        self.add(&CopyItem { items: vec![id()], to: FolderId::new("AAMk").into() });
        self.add(&SendItem { items: vec![id()], save_to: folder });
        self.add(&SendItem { items: vec![id()], save_to: None });
        self.add(&MarkAllItemsAsRead { folders: vec![DistinguishedFolder::Inbox.into()], read: true });
    }

    fn update(&mut self) {
        let number = ExtendedField::tag(0x1090, PropertyKind::Integer);
        let changes = vec![
            Property::IsRead(true).into(),
            Property::Categories(vec!["Red".into()]).into(),
            Property::Categories(vec![]).into(),
            Property::Flag(FlagStatus::Flagged).into(),
            Property::Subject("new".into()).into(),
            Property::Extended(number.clone(), Value::Integer(2)).into(),
            Property::Extended(keywords(), Value::texts(["Red", "blue"])).into(),
            FieldChange::Delete(number.into()),
            FieldChange::Delete(Field::CATEGORIES.into()),
        ];
        let items = vec![
            ItemUpdate { id: id().into(), kind: ItemKind::Message, changes: changes.clone() },
            ItemUpdate { id: ItemId::new("y").into(), kind: ItemKind::Message, changes },
        ];
        self.add(&UpdateItem {
            items,
            conflict: ConflictResolution::AlwaysOverwrite,
            invitations: Invitations::Nobody,
        });
    }

    fn others(&mut self) {
        let attachments = vec![AttachmentId { id: "AAMk".into(), root: None }];
        self.add(&GetAttachment { attachments: attachments.clone() });
        self.add(&DeleteAttachment { attachments });
        let file = NewFile {
            name: "a.txt".into(),
            content_type: Some("text/plain".into()),
            content_id: Some("x@y".into()),
            is_inline: true,
            is_contact_photo: true,
            content: b"hello".to_vec(),
        };
        self.add(&CreateAttachment {
            item: id(),
            files: vec![file, NewFile { name: "b".into(), ..NewFile::default() }],
        });
        let (from, to) = (IdFormat::EwsId, IdFormat::HexEntryId);
        self.add(&ConvertId { ids: vec!["AAMk".into()], from, to, mailbox: "anna@example.org".into() });
        self.add(&ResolveNames { entry: "smtp:a@b".into(), scope: SearchScope::ActiveDirectory, full: false });
        let events = EventType::MAIL.to_vec();
        let folders = Some(vec![DistinguishedFolder::Inbox.into()]);
        for folders in [None, folders] {
            let pull = Delivery::Pull { minutes: 30, watermark: folders.as_ref().map(|_| "AQAAAA==".into()) };
            for delivery in [Delivery::Streaming, pull] {
                self.add(&Subscribe { folders: folders.clone(), events: events.clone(), delivery });
            }
        }
        self.add(&Unsubscribe { subscription: "abc".into() });
        self.add(&GetEvents { subscription: "abc".into(), watermark: "AQAAAA==".into() });
        self.add(&GetStreamingEvents { subscriptions: vec!["abc".into(), "def".into()], minutes: 99 });
    }
}

fn id() -> ItemId {
    ItemId::with_change_key("AAMkAG+/=", "CQAAABYA")
}

fn keywords() -> ExtendedField {
    ExtendedField::named(PropertySet::PublicStrings, "Keywords", PropertyKind::StringArray)
}

fn shape() -> ItemShape {
    ItemShape::of([
        Field::SUBJECT.into(),
        Field::CONVERSATION_ID.into(),
        Field::FLAG.into(),
        Field::LAST_MODIFIED.into(),
        ExtendedField::tag(0x007D, PropertyKind::String).into(),
        ExtendedField::id(PropertySet::Common, 0x8570, PropertyKind::Integer).into(),
        keywords().into(),
        ExtendedField::id(PropertySet::Guid("00062008-0000-0000-c000-000000000047".into()), 1, PropertyKind::Binary)
            .into(),
        Path::Header("X-Spam".into()),
    ])
}

fn restriction() -> Condition {
    let subject = Restriction::Contains(Field::SUBJECT.into(), Match::Substring, "a \"quoted\" <thing>".into());
    let after = Restriction::Compare(Field::RECEIVED.into(), Comparison::GreaterOrEqual, "2024-01-31T00:00:00Z".into());
    let unread = Restriction::Not(Box::new(Restriction::Exists(Field::IS_READ.into())));
    Condition::Restriction(Restriction::And(vec![Restriction::Or(vec![subject, after]), unread]))
}

fn schema(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("EXGATE_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let schema = shared.join("ews-schema").join(name).join("soap.xsd");
    if !schema.exists() {
        println!("skipped: {} is not there (set EXGATE_SHARED)", schema.display());
        return None;
    }
    if Command::new("xmllint").arg("--version").output().is_err() {
        println!("skipped: xmllint is not installed (Debian: libxml2-utils)");
        return None;
    }
    Some(schema)
}

fn validate(schema: &std::path::Path, requests: &[Request]) {
    let directory = tempfile::tempdir().unwrap();
    let files = requests.iter().enumerate().map(|(number, request)| {
        let path = directory.path().join(format!("{number:04}-{}-{}.xml", request.name, request.version.as_str()));
        std::fs::write(&path, &request.xml).unwrap();
        path
    });
    let files: Vec<PathBuf> = files.collect();
    let output =
        Command::new("xmllint").args(["--nonet", "--noout", "--schema"]).arg(schema).args(&files).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let bad: Vec<&str> = told.lines().filter(|line| !line.ends_with(" validates")).take(10).collect();
    assert!(output.status.success(), "{} requests:\n{}", files.len(), bad.join("\n"));
}

const VERSIONS: [Version; 8] = [
    Version::Exchange2007,
    Version::Exchange2007Sp1,
    Version::Exchange2010,
    Version::Exchange2010Sp1,
    Version::Exchange2010Sp2,
    Version::Exchange2013,
    Version::Exchange2013Sp1,
    Version::Exchange2016,
];
