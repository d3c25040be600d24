use super::Version;
use crate::soap::{Element, Xml};

/// An item's id: opaque, case matters, up to 512 bytes; another one after every move or copy (EWS "ItemId").
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId {
    /// The id itself.
    pub id: String,
    /// The state of the item this id was read at; needed to send, and to update with conflict checks.
    pub change_key: Option<String>,
}

impl ItemId {
    /// An id without a change key.
    pub fn new(id: impl Into<String>) -> ItemId {
        ItemId { id: id.into(), change_key: None }
    }

    /// The same item at a known state.
    pub fn with_change_key(id: impl Into<String>, change_key: impl Into<String>) -> ItemId {
        ItemId { id: id.into(), change_key: Some(change_key.into()) }
    }

    pub(crate) fn write(&self, xml: &mut Xml) {
        self.write_as(xml, "t:ItemId");
    }

    pub(crate) fn write_as(&self, xml: &mut Xml, name: &'static str) {
        write_id(xml, name, &self.id, self.change_key.as_deref());
    }

    pub(crate) fn read(element: &Element) -> Option<ItemId> {
        let (id, change_key) = read_id(element)?;
        Some(ItemId { id, change_key })
    }
}

/// An item named in a request: by its id, or by its place in a series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ItemRef {
    /// By its id.
    Id(ItemId),
    /// By the id of the series' master and its number, counted from 1 over all occurrences the rule gives, the deleted
    /// ones included.
    Occurrence(ItemId, u32),
    /// The master of the series that an occurrence with this id belongs to.
    MasterOf(ItemId),
}

impl ItemRef {
    pub(crate) fn write(&self, xml: &mut Xml) {
        let series = |xml: &mut Xml, name, attribute, id: &ItemId, index: Option<&str>| {
            let mut attributes = vec![(attribute, id.id.as_str())];
            attributes.extend(id.change_key.as_deref().map(|key| ("ChangeKey", key)));
            attributes.extend(index.map(|index| ("InstanceIndex", index)));
            xml.empty(name, &attributes);
        };
        match self {
            ItemRef::Id(id) => id.write(xml),
            ItemRef::Occurrence(master, index) => {
                series(xml, "t:OccurrenceItemId", "RecurringMasterId", master, Some(&index.to_string()));
            }
            ItemRef::MasterOf(occurrence) => {
                series(xml, "t:RecurringMasterItemId", "OccurrenceId", occurrence, None);
            }
        }
    }
}

impl From<ItemId> for ItemRef {
    fn from(id: ItemId) -> ItemRef {
        ItemRef::Id(id)
    }
}

/// A folder's id: opaque, case matters, stays the same when the folder is moved or renamed (EWS "FolderId").
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderId {
    /// The id itself.
    pub id: String,
    /// The state of the folder this id was read at.
    pub change_key: Option<String>,
}

impl FolderId {
    /// An id without a change key.
    pub fn new(id: impl Into<String>) -> FolderId {
        FolderId { id: id.into(), change_key: None }
    }

    pub(crate) fn write(&self, xml: &mut Xml) {
        write_id(xml, "t:FolderId", &self.id, self.change_key.as_deref());
    }

    pub(crate) fn read(element: &Element) -> Option<FolderId> {
        let (id, change_key) = read_id(element)?;
        Some(FolderId { id, change_key })
    }
}

/// An attachment's id (EWS "AttachmentId").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttachmentId {
    /// The id itself.
    pub id: String,
    /// The item it hangs on, with that item's new change key, as CreateAttachment and DeleteAttachment tell it.
    pub root: Option<ItemId>,
}

impl AttachmentId {
    pub(crate) fn read(element: &Element) -> Option<AttachmentId> {
        let root = element.attribute("RootItemId").map(|id| ItemId {
            id: id.to_owned(),
            change_key: element.attribute("RootItemChangeKey").map(str::to_owned),
        });
        Some(AttachmentId { id: element.attribute("Id")?.to_owned(), root })
    }
}

/// A folder named in a request: by id, or by the part it plays in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FolderRef {
    /// By its id.
    Id(FolderId),
    /// By its part in the signed-in user's mailbox.
    Distinguished(DistinguishedFolder),
    /// By its part in somebody else's mailbox, named by primary SMTP address.
    DistinguishedOf(DistinguishedFolder, String),
}

impl FolderRef {
    pub(crate) fn write(&self, xml: &mut Xml) {
        match self {
            FolderRef::Id(id) => id.write(xml),
            FolderRef::Distinguished(folder) => xml.empty("t:DistinguishedFolderId", &[("Id", folder.as_str())]),
            FolderRef::DistinguishedOf(folder, mailbox) => {
                xml.within("t:DistinguishedFolderId", &[("Id", folder.as_str())], |xml| {
                    xml.within("t:Mailbox", &[], |xml| xml.text("t:EmailAddress", mailbox));
                });
            }
        }
    }

    /// The oldest version that knows this folder's name; asking an older server for it fails the whole request.
    pub fn since(&self) -> Version {
        match self {
            FolderRef::Id(_) => Version::Exchange2007,
            FolderRef::Distinguished(folder) | FolderRef::DistinguishedOf(folder, _) => folder.since(),
        }
    }
}

impl From<FolderId> for FolderRef {
    fn from(id: FolderId) -> FolderRef {
        FolderRef::Id(id)
    }
}

impl From<DistinguishedFolder> for FolderRef {
    fn from(folder: DistinguishedFolder) -> FolderRef {
        FolderRef::Distinguished(folder)
    }
}

macro_rules! distinguished_folders {
    ($($variant:ident $name:literal $since:ident,)*) => {
        /// A folder by the part it plays (EWS "DistinguishedFolderId"); each row names the first version with it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum DistinguishedFolder {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl DistinguishedFolder {
            /// Every folder there is a name for.
            pub const ALL: &[DistinguishedFolder] = &[$(DistinguishedFolder::$variant,)*];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(DistinguishedFolder::$variant => $name,)* }
            }

            /// The first version whose schema has the name.
            pub fn since(self) -> Version {
                match self { $(DistinguishedFolder::$variant => Version::$since,)* }
            }

            /// The folder with this name, if the name is known.
            pub fn from_name(name: &str) -> Option<DistinguishedFolder> {
                Self::ALL.iter().copied().find(|folder| folder.as_str() == name)
            }
        }
    };
}

distinguished_folders! {
    Calendar "calendar" Exchange2007,
    Contacts "contacts" Exchange2007,
    DeletedItems "deleteditems" Exchange2007,
    Drafts "drafts" Exchange2007,
    Inbox "inbox" Exchange2007,
    Journal "journal" Exchange2007,
    Notes "notes" Exchange2007,
    Outbox "outbox" Exchange2007,
    SentItems "sentitems" Exchange2007,
    Tasks "tasks" Exchange2007,
    Top "msgfolderroot" Exchange2007,
    PublicFolders "publicfoldersroot" Exchange2007,
    Root "root" Exchange2007,
    Junk "junkemail" Exchange2007,
    SearchFolders "searchfolders" Exchange2007,
    VoiceMail "voicemail" Exchange2007,
    RecoverableItems "recoverableitemsroot" Exchange2010Sp1,
    RecoverableItemsDeletions "recoverableitemsdeletions" Exchange2010Sp1,
    RecoverableItemsVersions "recoverableitemsversions" Exchange2010Sp1,
    RecoverableItemsPurges "recoverableitemspurges" Exchange2010Sp1,
    ArchiveRoot "archiveroot" Exchange2010Sp1,
    ArchiveTop "archivemsgfolderroot" Exchange2010Sp1,
    ArchiveDeletedItems "archivedeleteditems" Exchange2010Sp1,
    ArchiveInbox "archiveinbox" Exchange2013Sp1,
    SyncIssues "syncissues" Exchange2013,
    Conflicts "conflicts" Exchange2013,
    LocalFailures "localfailures" Exchange2013,
    ServerFailures "serverfailures" Exchange2013,
    RecipientCache "recipientcache" Exchange2013,
    QuickContacts "quickcontacts" Exchange2013,
    ConversationHistory "conversationhistory" Exchange2013,
    ToDoSearch "todosearch" Exchange2013,
    Directory "directory" Exchange2013,
    Favorites "favorites" Exchange2013,
    Archive "archive" Exchange2016,
}

fn write_id(xml: &mut Xml, name: &'static str, id: &str, change_key: Option<&str>) {
    match change_key {
        Some(change_key) => xml.empty(name, &[("Id", id), ("ChangeKey", change_key)]),
        None => xml.empty(name, &[("Id", id)]),
    }
}

fn read_id(element: &Element) -> Option<(String, Option<String>)> {
    Some((element.attribute("Id")?.to_owned(), element.attribute("ChangeKey").map(str::to_owned)))
}
