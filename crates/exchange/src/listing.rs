//! From the folders of the ID map to the folders a client lists. Pure.
//!
//! Shown are mail folders: those of class `IPF.Note`, those of no class at all (most that users make), and those an
//! IMAP import made. A folder of another kind is shown only as a step on the way to a mail folder below it, and
//! cannot be opened. What Exchange hides stays hidden, with everything below it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use idmap::FolderRow;
use mailbox::objects::CollectionKind;
use mailbox::{Access, Folder, FolderId, FolderPath, SpecialUse, Subscription};

use crate::objects::pseudo_kind;

/// The folders as they are now.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// For the client: parents before their children.
    pub(crate) folders: Arc<[Folder]>,
    /// What LSUB shows: the folders that are subscribed, and subscribed paths without a folder.
    pub(crate) subscribed: Vec<FolderPath>,
    by_path: HashMap<FolderPath, FolderId>,
    by_exchange_id: HashMap<String, FolderId>,
    rows: HashMap<FolderId, FolderRow>,
    /// Folders outside the mailbox's own tree, with their owners.
    asides: HashMap<FolderId, String>,
    /// The schedule inbox, if there is one.
    pub(crate) schedule_inbox: Option<FolderId>,
}

impl Listing {
    /// Puts the folders in their places. A folder is subscribed unless the user said otherwise: Exchange knows no
    /// subscriptions, and a client that shows only what is subscribed would show a new user nothing.
    /// At the top no folder can have one of the `reserved` names.
    pub(crate) fn new(rows: Vec<FolderRow>, wishes: &[(FolderPath, Subscription)], reserved: &[String]) -> Self {
        let wished = |wish| wishes.iter().filter(move |(_, this)| *this == wish).map(|(path, _)| path);
        let unsubscribed: HashSet<&FolderPath> = wished(Subscription::Unsubscribed).collect();
        let tree = Tree::new(&rows, reserved);
        let mut folders = Vec::with_capacity(rows.len());
        tree.list(None, &FolderPath(Vec::new()), &unsubscribed, &mut folders);
        let by_path: HashMap<FolderPath, FolderId> =
            folders.iter().map(|folder: &Folder| (folder.path.clone(), folder.id)).collect();
        let mut subscribed: Vec<FolderPath> =
            folders.iter().filter(|folder| folder.subscribed).map(|folder| folder.path.clone()).collect();
        subscribed.extend(wished(Subscription::Subscribed).filter(|path| !by_path.contains_key(path)).cloned());
        let by_exchange_id = rows.iter().map(|row| (row.folder.exchange_id.clone(), row.id)).collect();
        let rows = rows.into_iter().map(|row| (row.id, row)).collect();
        let folders = folders.into();
        Self { folders, subscribed, by_path, by_exchange_id, rows, ..Self::default() }
    }

    /// With a folder that a client made for archiving, as long as Exchange has none and it was not thrown away.
    pub(crate) fn with_archive(mut self, made: Option<FolderId>) -> Self {
        let has_one = self.folders.iter().any(|folder| folder.special_use == Some(SpecialUse::Archive));
        let Some(made) = made.filter(|made| !has_one && !self.is_within(*made, "deleteditems")) else { return self };
        let with_role = |folder: &Folder| match folder.id == made {
            true => Folder { special_use: Some(SpecialUse::Archive), ..folder.clone() },
            false => folder.clone(),
        };
        self.folders = self.folders.iter().map(with_role).collect();
        self
    }

    /// With folders that are not shown as mail, each with its owner.
    pub(crate) fn with_aside(mut self, asides: Vec<(FolderRow, String)>) -> Self {
        for (row, owner) in asides {
            if pseudo_kind(row.folder.class.as_deref()) == Some(CollectionKind::ScheduleInbox) {
                self.schedule_inbox = Some(row.id);
            }
            self.asides.insert(row.id, owner);
            self.rows.insert(row.id, row);
        }
        self
    }

    /// Who owns a folder outside the mailbox's own tree; nobody if Exchange has no such folder.
    pub(crate) fn owner(&self, id: FolderId) -> Option<&str> {
        self.asides.get(&id).map(String::as_str)
    }

    /// The folder at a path, if it is shown.
    pub(crate) fn at(&self, path: &FolderPath) -> Option<&FolderRow> {
        self.by_path.get(path).and_then(|id| self.rows.get(id))
    }

    /// A folder by its id.
    pub(crate) fn row(&self, id: FolderId) -> Option<&FolderRow> {
        self.rows.get(&id)
    }

    /// All folders of the mailbox's own tree, shown or not, in no order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &FolderRow> {
        self.rows.values().filter(|row| !self.asides.contains_key(&row.id))
    }

    /// How many folders are above a folder.
    pub(crate) fn depth(&self, id: FolderId) -> usize {
        self.way_up(id).count().saturating_sub(1)
    }

    /// A folder by what Exchange calls it.
    pub(crate) fn by_exchange_id(&self, id: &str) -> Option<FolderId> {
        self.by_exchange_id.get(id).copied()
    }

    /// True if the folder or one above it has this role.
    pub(crate) fn is_within(&self, id: FolderId, role: &str) -> bool {
        self.way_up(id).any(|row| row.folder.role.as_deref() == Some(role))
    }

    /// The folder, and those above it, as far as they form no ring.
    fn way_up(&self, id: FolderId) -> impl Iterator<Item = &FolderRow> {
        let mut seen = HashSet::new();
        let above = |row: &&FolderRow| {
            let parent = row.folder.parent.as_deref().and_then(|parent| self.by_exchange_id(parent));
            parent.and_then(|parent| self.rows.get(&parent))
        };
        std::iter::successors(self.rows.get(&id), above).take_while(move |row| seen.insert(row.id))
    }
}

struct Tree<'a> {
    /// Children by the row of their parent; those of the top by none.
    children: HashMap<Option<FolderId>, Vec<&'a FolderRow>>,
    /// Folders that are shown, openable or not.
    shown: HashSet<FolderId>,
    /// Names that belong to others at the top.
    reserved: &'a [String],
}

impl<'a> Tree<'a> {
    fn new(rows: &'a [FolderRow], reserved: &'a [String]) -> Self {
        let by_exchange_id: HashMap<&str, &FolderRow> =
            rows.iter().map(|row| (row.folder.exchange_id.as_str(), row)).collect();
        let mut children: HashMap<Option<FolderId>, Vec<&FolderRow>> = HashMap::new();
        for row in rows.iter().filter(|row| !row.folder.hidden) {
            let parent = row.folder.parent.as_deref().and_then(|parent| by_exchange_id.get(parent));
            children.entry(parent.map(|parent| parent.id)).or_default().push(row);
        }
        let mut tree = Self { children, shown: HashSet::new(), reserved };
        let top: Vec<_> = tree.children.get(&None).cloned().unwrap_or_default();
        for row in top {
            tree.mark(row);
        }
        tree
    }

    /// Marks a folder and those below it; true if there is anything to show. Rows that form a ring hang on no top
    /// and are never reached, so this ends.
    fn mark(&mut self, row: &FolderRow) -> bool {
        let below: Vec<_> = self.children.get(&Some(row.id)).cloned().unwrap_or_default();
        let mut show = is_mail(row);
        for child in below {
            show |= self.mark(child);
        }
        if show {
            self.shown.insert(row.id);
        }
        show
    }

    fn list(
        &self,
        parent: Option<FolderId>,
        above: &FolderPath,
        unsubscribed: &HashSet<&FolderPath>,
        folders: &mut Vec<Folder>,
    ) {
        // By name, the inbox first; equal names are told apart in the order of their ids.
        let mut named: BTreeMap<(bool, String, FolderId), &FolderRow> = BTreeMap::new();
        for row in self.children.get(&parent).into_iter().flatten().filter(|row| self.shown.contains(&row.id)) {
            let inbox = is_inbox(row);
            let name = if inbox { "INBOX".to_owned() } else { shown_name(row, parent, self.reserved) };
            named.insert((!inbox, name, row.id), row);
        }
        let mut taken = HashSet::new();
        for ((_, name, _), row) in named {
            let mut path = above.clone();
            path.0.push(unique(name, &mut taken));
            let has_children = self
                .children
                .get(&Some(row.id))
                .is_some_and(|below| below.iter().any(|row| self.shown.contains(&row.id)));
            folders.push(Folder {
                id: row.id,
                selectable: is_mail(row),
                has_children,
                special_use: row.folder.special_use,
                subscribed: !unsubscribed.contains(&path),
                access: Access::ReadWrite,
                path: path.clone(),
            });
            self.list(Some(row.id), &path, unsubscribed, folders);
        }
    }
}

fn is_inbox(row: &FolderRow) -> bool {
    row.folder.role.as_deref() == Some("inbox")
}

fn is_mail(row: &FolderRow) -> bool {
    match row.folder.class.as_deref() {
        None | Some("") => true,
        Some(class) => MAIL_CLASSES.iter().any(|mail| {
            let rest =
                class.get(..mail.len()).filter(|start| start.eq_ignore_ascii_case(mail)).and(class.get(mail.len()..));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        }),
    }
}

/// The name, without characters no client can show; a second INBOX at the top is none, nor what stands for others'
/// mailboxes.
fn shown_name(row: &FolderRow, parent: Option<FolderId>, reserved: &[String]) -> String {
    let name: String = row
        .folder
        .name
        .chars()
        .map(|char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char })
        .collect();
    match name.as_str() {
        "" => "(no name)".to_owned(),
        _ if parent.is_none() && (name.eq_ignore_ascii_case("INBOX") || reserved.contains(&name)) => {
            format!("{name} (folder)")
        }
        _ => name,
    }
}

fn unique(name: String, taken: &mut HashSet<String>) -> String {
    let mut attempt = name.clone();
    let mut number = 2;
    while !taken.insert(attempt.clone()) {
        attempt = format!("{name} ({number})");
        number += 1;
    }
    attempt
}

/// MS-OXOSFLD 2.2.5; the last two come from imports and provisioning.
const MAIL_CLASSES: [&str; 2] = ["IPF.Note", "IPF.Imap"];

#[cfg(test)]
mod tests {
    use super::*;
    use idmap::ExchangeFolder;
    use mailbox::UidValidity;
    use std::num::NonZeroU32;

    fn row(id: u64, parent: u64, name: &str, class: Option<&str>) -> FolderRow {
        FolderRow {
            id: FolderId(id),
            uid_validity: UidValidity(NonZeroU32::MIN),
            folder: ExchangeFolder {
                exchange_id: format!("E{id}"),
                parent: Some(format!("E{parent}")),
                name: name.to_owned(),
                class: class.map(str::to_owned),
                role: None,
                special_use: None,
                hidden: false,
                total: None,
            },
            complete: false,
        }
    }

    fn shown(rows: Vec<FolderRow>) -> Vec<(String, bool, bool)> {
        let listing = Listing::new(rows, &[], &[]);
        listing.folders.iter().map(|folder| (folder.path.0.join(">"), folder.selectable, folder.has_children)).collect()
    }

    #[test]
    fn mail_folders_are_shown_in_their_places() {
        let mut inbox = row(1, 0, "Posteingang", Some("IPF.Note"));
        inbox.folder.role = Some("inbox".to_owned());
        let mut hidden = row(8, 0, "Hidden", Some("IPF.Note"));
        hidden.folder.hidden = true;
        let rows = vec![
            row(9, 8, "Below hidden", None),
            row(3, 2, "a/b", None),
            row(2, 0, "Archiv", Some("ipf.note.OutlookHomepage")),
            row(4, 1, "Sub", Some("")),
            row(5, 0, "Kontakte", Some("IPF.Contact")),
            row(6, 5, "Mail in contacts", None),
            row(7, 0, "Kalender", Some("IPF.Appointment")),
            row(10, 0, "inbox", None),
            row(11, 0, "Notes?", Some("IPF.Notebook")),
            row(20, 21, "ring", None),
            row(21, 20, "ring", None),
            hidden,
            inbox,
        ];
        assert_eq!(
            shown(rows),
            [
                ("INBOX".to_owned(), true, true),
                ("INBOX>Sub".to_owned(), true, false),
                ("Archiv".to_owned(), true, true),
                ("Archiv>a/b".to_owned(), true, false),
                ("Kontakte".to_owned(), false, true),
                ("Kontakte>Mail in contacts".to_owned(), true, false),
                ("inbox (folder)".to_owned(), true, false),
            ]
        );
    }

    #[test]
    fn a_folder_made_for_archiving_is_one_while_there_is_no_other() {
        let role_of = |listing: &Listing, id| {
            listing.folders.iter().find(|folder| folder.id == FolderId(id)).and_then(|folder| folder.special_use)
        };
        let mut trash = row(1, 0, "Deleted Items", None);
        trash.folder.role = Some("deleteditems".to_owned());
        let rows = vec![trash, row(2, 1, "thrown away", None), row(3, 0, "Old mail", None)];
        let listing =
            |rows: &[FolderRow], made| Listing::new(rows.to_vec(), &[], &[]).with_archive(Some(FolderId(made)));
        assert_eq!(role_of(&listing(&rows, 3), 3), Some(SpecialUse::Archive));
        assert_eq!(role_of(&listing(&rows, 2), 2), None);
        let mut theirs = row(4, 0, "Archive", None);
        theirs.folder.special_use = Some(SpecialUse::Archive);
        let rows = [rows, vec![theirs]].concat();
        assert_eq!(role_of(&listing(&rows, 3), 3), None);
    }

    #[test]
    fn roles_subscriptions_and_equal_names() {
        let mut sent = row(1, 0, "Gesendet", None);
        sent.folder.special_use = Some(SpecialUse::Sent);
        sent.folder.role = Some("sentitems".to_owned());
        let rows = vec![sent, row(2, 0, "Gesendet", None), row(3, 1, "x", None)];
        let path = |names: &[&str]| FolderPath(names.iter().map(|name| (*name).to_owned()).collect());
        let wishes = [
            (path(&["Gesendet", "x"]), Subscription::Unsubscribed),
            (path(&["Gone"]), Subscription::Subscribed),
            (path(&["Gone too"]), Subscription::Unsubscribed),
        ];
        let listing = Listing::new(rows, &wishes, &["x".to_owned(), "Gesendet (2)".to_owned()]);
        let sent = listing.folders.first().unwrap();
        assert_eq!((sent.special_use, sent.subscribed), (Some(SpecialUse::Sent), true));
        assert_eq!(listing.at(&path(&["Gesendet (2)"])).unwrap().id, FolderId(2));
        assert!(!listing.folders.get(1).unwrap().subscribed);
        assert_eq!(listing.subscribed, [path(&["Gesendet"]), path(&["Gesendet (2)"]), path(&["Gone"])]);
        assert!(listing.is_within(FolderId(3), "sentitems"));
        assert!(!listing.is_within(FolderId(2), "sentitems"));
        assert_eq!(listing.by_exchange_id("E3"), Some(FolderId(3)));
    }
}
