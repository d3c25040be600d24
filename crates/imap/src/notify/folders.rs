//! What is other about the folders of an account: names and subscriptions.

use std::collections::{BTreeSet, HashMap, HashSet};

use mailbox::{Folder, FolderId, FolderPath};

/// Names that came, went or are others' now, with the old one if they were renamed; what is below a folder that was
/// renamed goes with it in silence. Who is above what came or went is touched as well (RFC 5465 section 5.4).
pub(super) fn changed(before: &[Folder], now: &[Folder]) -> Vec<(FolderPath, Option<FolderPath>)> {
    let by_id = |folders: &[Folder]| folders.iter().map(|folder| (folder.id, folder.path.clone())).collect();
    let (were, are): (HashMap<FolderId, FolderPath>, HashMap<FolderId, FolderPath>) = (by_id(before), by_id(now));
    let mut changed = Vec::new();
    let touched = |path: &FolderPath| path.parent().map(|parent| (parent, None));
    for folder in now {
        match were.get(&folder.id) {
            None => {
                changed.push((folder.path.clone(), None));
                changed.extend(touched(&folder.path));
            }
            Some(old) if *old != folder.path && !went_along(old, &folder.path, &were, &are) => {
                changed.push((folder.path.clone(), Some(old.clone())));
            }
            Some(_) => {}
        }
    }
    let there: HashSet<&FolderPath> = now.iter().map(|folder| &folder.path).collect();
    for folder in before.iter().filter(|folder| !are.contains_key(&folder.id) && !there.contains(&folder.path)) {
        changed.push((folder.path.clone(), None));
        changed.extend(touched(&folder.path));
    }
    // A line with an old name says more than one without.
    changed.sort_by_key(|(_, old)| old.is_some());
    changed
}

/// Names that are subscribed now and were not, or the other way round, but for those of folders that kept their subscription
/// and have another name: of these, OLDNAME says it all.
pub(super) fn resubscribed<'a>(
    before: &'a [Folder],
    now: &'a [Folder],
    were: &'a BTreeSet<FolderPath>,
    are: &'a BTreeSet<FolderPath>,
) -> impl Iterator<Item = &'a FolderPath> {
    let old: HashMap<FolderId, &FolderPath> = before.iter().map(|folder| (folder.id, &folder.path)).collect();
    let renamed = now.iter().filter_map(|folder| Some((*old.get(&folder.id)?, &folder.path)));
    let kept = renamed.filter(|(old, new)| old != new && were.contains(*old) && are.contains(*new));
    let kept: HashSet<&FolderPath> = kept.flat_map(|(old, new)| [old, new]).collect();
    were.symmetric_difference(are).filter(move |path| !kept.contains(path))
}

/// True if a folder is elsewhere only because one above it is.
fn went_along(
    old: &FolderPath,
    new: &FolderPath,
    were: &HashMap<FolderId, FolderPath>,
    are: &HashMap<FolderId, FolderPath>,
) -> bool {
    let (Some(above), Some(parent)) = (old.parent(), new.parent()) else { return false };
    let same = were.iter().find(|(_, path)| **path == above).and_then(|(id, _)| are.get(id));
    old.name() == new.name() && above != parent && same == Some(&parent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailbox::Access;

    fn folder(id: u64, path: &str) -> Folder {
        Folder {
            id: FolderId(id),
            path: FolderPath(path.split('/').map(str::to_owned).collect()),
            selectable: true,
            has_children: false,
            special_use: None,
            subscribed: false,
            access: Access::ReadWrite,
        }
    }

    fn told(before: &[Folder], now: &[Folder]) -> Vec<(String, Option<String>)> {
        let text = |path: FolderPath| path.0.join("/");
        changed(before, now).into_iter().map(|(path, old)| (text(path), old.map(text))).collect()
    }

    #[test]
    fn folders_come_go_and_are_renamed() {
        let before = [folder(1, "INBOX"), folder(2, "a"), folder(3, "a/b"), folder(4, "c")];
        let now = [folder(1, "INBOX"), folder(2, "z"), folder(3, "z/b"), folder(5, "d/e")];
        let gone = ("c".to_owned(), None);
        let came = [("d/e".to_owned(), None), ("d".to_owned(), None)];
        let renamed = ("z".to_owned(), Some("a".to_owned()));
        assert_eq!(told(&before, &now), [came[0].clone(), came[1].clone(), gone, renamed]);
        assert_eq!(told(&now, &now), []);
    }

    #[test]
    fn a_subscription_that_goes_along_is_not_told() {
        let paths = |names: &[&str]| names.iter().map(|name| folder(0, name).path).collect::<BTreeSet<FolderPath>>();
        let before = [folder(1, "INBOX"), folder(2, "a"), folder(3, "a/b"), folder(4, "c")];
        let now = [folder(1, "INBOX"), folder(2, "z"), folder(3, "z/b"), folder(4, "d")];
        let told = |were: &[&str], are: &[&str]| {
            let (were, are) = (paths(were), paths(are));
            resubscribed(&before, &now, &were, &are).map(|path| path.0.join("/")).collect::<Vec<_>>()
        };
        assert_eq!(told(&["a", "a/b", "INBOX"], &["z", "z/b", "INBOX"]), [""; 0]);
        // One that was lost on the way, one that was won, and one of a name without a folder.
        assert_eq!(told(&["a", "a/b", "INBOX"], &["z", "d", "x"]), ["INBOX", "a/b", "d", "x"]);
    }

    #[test]
    fn a_folder_that_moved_by_itself_is_told_of() {
        let before = [folder(1, "a"), folder(2, "a/b"), folder(3, "c")];
        let now = [folder(1, "a"), folder(2, "c/b"), folder(3, "c")];
        assert_eq!(told(&before, &now), [("c/b".to_owned(), Some("a/b".to_owned()))]);
    }
}
