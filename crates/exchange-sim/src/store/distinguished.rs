//! The folders every mailbox has.

use crate::Version;

/// A folder known by a name that is the same in every language.
pub(crate) struct Distinguished {
    /// The `DistinguishedFolderId`.
    pub(crate) id: &'static str,
    /// The distinguished parent; empty for the root.
    pub(crate) parent: &'static str,
    /// In an English mailbox.
    pub(crate) display_name: &'static str,
    /// The folder class; empty where recorded servers send none.
    pub(crate) class: &'static str,
    /// The server version that brought it.
    pub(crate) since: Version,
    /// Not shown by clients (PidTagAttributeHidden).
    pub(crate) hidden: bool,
}

const fn row(
    id: &'static str,
    parent: &'static str,
    display_name: &'static str,
    class: &'static str,
    since: Version,
) -> Distinguished {
    Distinguished { id, parent, display_name, class, since, hidden: false }
}

const fn hidden(
    id: &'static str,
    parent: &'static str,
    display_name: &'static str,
    class: &'static str,
    since: Version,
) -> Distinguished {
    Distinguished { id, parent, display_name, class, since, hidden: true }
}

use Version::{Exchange2007Sp1 as V2007, Exchange2010 as V2010, Exchange2013 as V2013};

/// Those an archive mailbox has; it is asked for them with `archive` before the name (schema, `archiveroot` and so on).
pub(crate) const ARCHIVED: &[&str] = &[
    "root",
    "msgfolderroot",
    "deleteditems",
    "recoverableitemsroot",
    "recoverableitemsdeletions",
    "recoverableitemsversions",
    "recoverableitemspurges",
];

/// The name of a folder in an archive mailbox, for a distinguished name of the schema. `archive` alone is another folder.
pub(crate) fn in_archive(id: &str) -> Option<&str> {
    id.strip_prefix("archive").filter(|rest| !rest.is_empty())
}

/// The top of the public folders.
pub(crate) const PUBLIC: Distinguished = row("publicfoldersroot", "", "IPM_SUBTREE", "", V2007);

/// Parents before children.
pub(crate) const DISTINGUISHED: &[Distinguished] = &[
    row("root", "", "Root", "", V2007),
    row("msgfolderroot", "root", "Top of Information Store", "", V2007),
    row("calendar", "msgfolderroot", "Calendar", "IPF.Appointment", V2007),
    row("contacts", "msgfolderroot", "Contacts", "IPF.Contact", V2007),
    row("deleteditems", "msgfolderroot", "Deleted Items", "IPF.Note", V2007),
    row("drafts", "msgfolderroot", "Drafts", "IPF.Note", V2007),
    row("inbox", "msgfolderroot", "Inbox", "IPF.Note", V2007),
    row("journal", "msgfolderroot", "Journal", "IPF.Journal", V2007),
    row("junkemail", "msgfolderroot", "Junk E-Mail", "IPF.Note", V2007),
    row("notes", "msgfolderroot", "Notes", "IPF.StickyNote", V2007),
    row("outbox", "msgfolderroot", "Outbox", "IPF.Note", V2007),
    row("sentitems", "msgfolderroot", "Sent Items", "IPF.Note", V2007),
    row("tasks", "msgfolderroot", "Tasks", "IPF.Task", V2007),
    row("searchfolders", "root", "Finder", "", V2007),
    hidden("recoverableitemsroot", "root", "Recoverable Items", "", V2010),
    hidden("recoverableitemsdeletions", "recoverableitemsroot", "Deletions", "", V2010),
    hidden("recoverableitemsversions", "recoverableitemsroot", "Versions", "", V2010),
    hidden("recoverableitemspurges", "recoverableitemsroot", "Purges", "", V2010),
    row("conversationhistory", "msgfolderroot", "Conversation History", "IPF.Note", V2013),
    row("syncissues", "msgfolderroot", "Sync Issues", "IPF.Note", V2013),
    row("conflicts", "syncissues", "Conflicts", "IPF.Note", V2013),
    row("localfailures", "syncissues", "Local Failures", "IPF.Note", V2013),
    row("serverfailures", "syncissues", "Server Failures", "IPF.Note", V2013),
    hidden("recipientcache", "contacts", "Recipient Cache", "IPF.Contact.RecipientCache", V2013),
    hidden(
        "quickcontacts",
        "contacts",
        "{06967759-274D-40B2-A3EB-D7F9E73727D7}",
        "IPF.Contact.MOC.QuickContacts",
        V2013,
    ),
    hidden(
        "imcontactlist",
        "contacts",
        "{A9E2BC46-B3A0-4243-B315-60D991004455}",
        "IPF.Contact.MOC.ImContactList",
        V2013,
    ),
];
