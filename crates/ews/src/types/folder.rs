use super::{DistinguishedFolder, EffectiveRights, ExtendedProperties, FolderId, Permission, ReadAccess};
use crate::soap::Element;

/// A folder as far as it was asked for: what is None was not asked, or is not set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folder {
    /// Which of Exchange's folder types it is.
    pub kind: FolderKind,
    /// Its id.
    pub id: Option<FolderId>,
    /// The folder it is in. Its change key is a stub and useless.
    pub parent: Option<FolderId>,
    /// Such as `IPF.Note`; most folders users made have none, which means mail.
    pub class: Option<String>,
    /// The name shown.
    pub name: Option<String>,
    /// Number of items.
    pub total: Option<u32>,
    /// Number of folders directly in it.
    pub children: Option<u32>,
    /// Number of unread items; calendars and contact folders have no such number.
    pub unread: Option<u32>,
    /// Its part in the mailbox; only from 2013 on, only for some.
    pub distinguished: Option<DistinguishedFolder>,
    /// What the signed-in user may do with it.
    pub effective_rights: Option<EffectiveRights>,
    /// What is shared of it with the signed-in user, if it is somebody else's calendar or contacts.
    pub sharing_rights: Option<ReadAccess>,
    /// Who may do what in it.
    pub permissions: Vec<Permission>,
    /// MAPI properties asked for.
    pub extended: ExtendedProperties,
}

/// Exchange's folder types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FolderKind {
    /// Mail, or anything without a type of its own.
    #[default]
    Folder,
    /// A calendar.
    Calendar,
    /// Contacts.
    Contacts,
    /// A stored search; its items live elsewhere and it cannot be synced.
    Search,
    /// Tasks.
    Tasks,
}

impl FolderKind {
    /// The element's name in a request, prefix included.
    pub(crate) fn element(self) -> &'static str {
        match self {
            FolderKind::Folder => "t:Folder",
            FolderKind::Calendar => "t:CalendarFolder",
            FolderKind::Contacts => "t:ContactsFolder",
            FolderKind::Search => "t:SearchFolder",
            FolderKind::Tasks => "t:TasksFolder",
        }
    }

    /// The kind a folder of a class is made as.
    pub fn of_class(class: &str) -> FolderKind {
        let is = |wanted: &str| class == wanted || class.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'));
        match () {
            () if is("IPF.Appointment") => FolderKind::Calendar,
            () if is("IPF.Contact") => FolderKind::Contacts,
            () if is("IPF.Task") => FolderKind::Tasks,
            () => FolderKind::Folder,
        }
    }
}

impl Folder {
    /// True for an element of the folder choice (`Folder`, `CalendarFolder` ...).
    pub(crate) fn is(element: &Element) -> bool {
        KINDS.iter().any(|(name, _)| *name == element.name())
    }

    pub(crate) fn read(element: &Element) -> Folder {
        let kind = KINDS.iter().find(|(name, _)| *name == element.name()).map_or(FolderKind::Folder, |(_, kind)| *kind);
        let mut folder = Folder { kind, ..Folder::default() };
        for child in element.all() {
            match child.name() {
                "FolderId" => folder.id = FolderId::read(child),
                "ParentFolderId" => folder.parent = FolderId::read(child),
                "FolderClass" => folder.class = Some(child.text().to_owned()),
                "DisplayName" => folder.name = Some(child.text().to_owned()),
                "TotalCount" => folder.total = child.parse(),
                "ChildFolderCount" => folder.children = child.parse(),
                "UnreadCount" => folder.unread = child.parse(),
                "DistinguishedFolderId" => folder.distinguished = DistinguishedFolder::from_name(child.text()),
                "EffectiveRights" => folder.effective_rights = Some(EffectiveRights::read(child)),
                "SharingEffectiveRights" => folder.sharing_rights = ReadAccess::from_name(child.text()),
                "PermissionSet" => {
                    let lists = child.all().iter().filter(|list| list.name() != "UnknownEntries");
                    folder.permissions = lists.flat_map(Element::all).map(Permission::read).collect();
                }
                "ExtendedProperty" => folder.extended.take(child),
                _ => {}
            }
        }
        folder
    }
}

const KINDS: [(&str, FolderKind); 5] = [
    ("Folder", FolderKind::Folder),
    ("CalendarFolder", FolderKind::Calendar),
    ("ContactsFolder", FolderKind::Contacts),
    ("SearchFolder", FolderKind::Search),
    ("TasksFolder", FolderKind::Tasks),
];
