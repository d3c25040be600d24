//! Where mail of others stands in the user's tree of folders. Pure.

use ews::{DistinguishedFolder, FolderRef};
use mailbox::{FolderId, FolderPath};

/// Whose folders these are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Root {
    /// The user's own mailbox.
    Own,
    /// Somebody else's, by address in lower case.
    Other(String),
    /// The user's online archive.
    Archive,
    /// The organisation's public folders.
    Public,
}

impl Root {
    /// True for the user's own mailbox.
    pub(crate) fn is_own(&self) -> bool {
        *self == Self::Own
    }

    /// How a folder with a part to play is named in the first request. From then on ids serve: they know whose they are,
    /// and Exchange refuses a mailbox beside them.
    pub(crate) fn folder(&self, folder: DistinguishedFolder) -> FolderRef {
        match self {
            Self::Other(address) => FolderRef::DistinguishedOf(folder, address.clone()),
            Self::Own | Self::Archive | Self::Public => folder.into(),
        }
    }

    /// What stands at the top of it.
    pub(crate) fn top(&self) -> DistinguishedFolder {
        match self {
            Self::Own | Self::Other(_) => DistinguishedFolder::Top,
            Self::Archive => DistinguishedFolder::ArchiveTop,
            Self::Public => DistinguishedFolder::PublicFolders,
        }
    }

    /// As it is written in a note, and in the name of a file.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Own => "own".to_owned(),
            Self::Other(address) => format!("other {address}"),
            Self::Archive => "archive".to_owned(),
            Self::Public => "public".to_owned(),
        }
    }

    /// The reverse of [`Root::written`].
    pub(crate) fn read(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            Some(("other", address)) => Some(Self::Other(address.to_owned())),
            None if text == "archive" => Some(Self::Archive),
            None if text == "public" => Some(Self::Public),
            _ => None,
        }
    }
}

/// The names under which the user's tree has what is not in the mailbox: each the first that no folder at its top had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) others: String,
    pub(crate) archive: String,
    pub(crate) public: String,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A folder of the user's own, or none.
    Own,
    /// The folder all others' mailboxes are in.
    Others,
    /// A folder in what is not the user's own mailbox; an empty path is what stands at its top.
    In(Root, FolderPath),
}

impl Names {
    /// Names that none of these folders has. Outlook likes to make a folder "Archive" in the mailbox itself, so that
    /// the archive is often called as Outlook calls it.
    pub(crate) fn beside(taken: &[&str]) -> Self {
        let free = |wishes: [&str; 3]| {
            let free = wishes.into_iter().find(|wish| !taken.iter().any(|name| name.eq_ignore_ascii_case(wish)));
            free.unwrap_or(wishes[2]).to_owned()
        };
        Self {
            others: free(["Other Users", "Other Users (Exchange)", "Other Users (shared)"]),
            archive: free(["Archive", "Online Archive", "Online Archive (Exchange)"]),
            public: free(["Public", "Public Folders", "Public Folders (Exchange)"]),
        }
    }

    pub(crate) fn written(&self) -> String {
        [&self.others, &self.archive, &self.public].map(String::as_str).join("\n")
    }

    pub(crate) fn read(note: &str) -> Option<Self> {
        let mut lines = note.lines().map(str::to_owned);
        Some(Self { others: lines.next()?, archive: lines.next()?, public: lines.next()? })
    }

    /// What a path names, as far as its words tell.
    pub(crate) fn place(&self, path: &FolderPath) -> Place {
        let rest = |from: usize| FolderPath(path.0.get(from..).unwrap_or_default().to_vec());
        match path.0.as_slice() {
            [first] if *first == self.others => Place::Others,
            [first, address, ..] if *first == self.others => Place::In(Root::Other(address.to_lowercase()), rest(2)),
            [first, ..] if *first == self.archive => Place::In(Root::Archive, rest(1)),
            [first, ..] if *first == self.public => Place::In(Root::Public, rest(1)),
            _ => Place::Own,
        }
    }

    /// Where the top of it stands.
    pub(crate) fn path(&self, root: &Root) -> FolderPath {
        FolderPath(match root {
            Root::Own => Vec::new(),
            Root::Other(address) => vec![self.others.clone(), address.clone()],
            Root::Archive => vec![self.archive.clone()],
            Root::Public => vec![self.public.clone()],
        })
    }
}

/// The number of a mailbox among those of the user; the user's own is 0.
pub(crate) type Number = u32;

/// A folder as the client knows it: the mailbox's number stands before the folder's own.
pub(crate) fn global(number: Number, folder: FolderId) -> FolderId {
    FolderId((u64::from(number) << LOCAL_BITS) | folder.0)
}

/// The mailbox a folder is in, and what that calls it.
pub(crate) fn local(folder: FolderId) -> (Number, FolderId) {
    let number = u32::try_from(folder.0 >> LOCAL_BITS).unwrap_or(Number::MAX);
    (number, FolderId(folder.0 & ((1 << LOCAL_BITS) - 1)))
}

/// True for what only stands for a mailbox, or for all others', and is no folder of any.
pub(crate) fn is_container(folder: FolderId) -> bool {
    let (number, folder) = local(folder);
    number != 0 && folder.0 == 0
}

/// No mailbox has had a million million folders, nor anybody eight million mailboxes.
const LOCAL_BITS: u32 = 40;
/// The folder all others' mailboxes are in.
pub(crate) const OTHERS: Number = (1 << 23) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> FolderPath {
        FolderPath(text.split('/').map(str::to_owned).collect())
    }

    #[test]
    fn paths_are_in_their_places() {
        let names = Names::beside(&["Inbox", "archive"]);
        assert_eq!(Names::read(&names.written()), Some(names.clone()));
        assert_eq!(names.place(&path("Archive/2019")), Place::Own);
        for (written, root, rest) in [
            ("Other Users/Ben@Corp.example/INBOX", Root::Other("ben@corp.example".to_owned()), "INBOX"),
            ("Online Archive/2019", Root::Archive, "2019"),
            ("Public/News/2026", Root::Public, "News/2026"),
        ] {
            assert_eq!(names.place(&path(written)), Place::In(root.clone(), path(rest)), "{written}");
            assert_eq!(names.path(&root).0.len() + path(rest).0.len(), path(written).0.len());
        }
        assert_eq!(names.place(&path("Other Users")), Place::Others);
        assert_eq!(names.place(&path("Public")), Place::In(Root::Public, FolderPath(Vec::new())));
        assert_eq!(names.place(&path("public")), Place::Own);
        assert_eq!(names.place(&FolderPath(Vec::new())), Place::Own);
    }

    #[test]
    fn roots_come_back_as_they_were_written() {
        for root in [Root::Other("ben@corp.example".to_owned()), Root::Archive, Root::Public] {
            assert_eq!(Root::read(&root.written()), Some(root));
        }
        assert_eq!(Root::read("own"), None);
    }

    #[test]
    fn folders_of_one_mailbox_are_not_those_of_another() {
        for (number, folder) in [(0, 7), (1, 7), (3, 0), (OTHERS, 1 << 30)] {
            assert_eq!(local(global(number, FolderId(folder))), (number, FolderId(folder)));
        }
        assert_eq!(global(0, FolderId(7)), FolderId(7));
    }
}
