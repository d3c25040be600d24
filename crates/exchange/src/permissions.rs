//! Who may do what in folders (RFC 4314), and how full the mailbox is (RFC 9208).
//!
//! What the user may do is known from the listing. Who else may do what is asked of Exchange, and kept for some minutes,
//! since there are clients that ask with each folder they open. A change replaces the whole list, so before one it is asked
//! anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ews::op::get_folder::GetFolder;
use ews::op::update_folder::{FolderUpdate, UpdateFolder};
use ews::{Field, FolderKind, FolderShape, Path, Permission, PermissionLevel, ReadAccess, UserId, Whose};
use mailbox::{Error, ErrorKind, FolderId, FolderPath, FolderRights, Grantee, Quota, Result, RightsChange};

use crate::error::{self, Tried};
use crate::foreign::{Root, is_container};
use crate::live::Live;

/// Lists that were asked for a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Lists(Mutex<HashMap<FolderId, (Instant, Vec<Permission>)>>);

impl Lists {
    fn get(&self, folder: FolderId) -> Option<Vec<Permission>> {
        self.lock().get(&folder).filter(|(at, _)| at.elapsed() < KEPT).map(|(_, list)| list.clone())
    }

    fn put(&self, folder: FolderId, list: &[Permission]) {
        let mut lists = self.lock();
        if lists.len() >= MOST_LISTS {
            lists.clear();
        }
        lists.insert(folder, (Instant::now(), list.to_vec()));
    }

    fn forget(&self, folder: FolderId) {
        self.lock().remove(&folder);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FolderId, (Instant, Vec<Permission>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// How full the mailbox is that a path belongs to; of others' it is not known.
    pub(crate) async fn quota_at(self: &Arc<Self>, path: &FolderPath) -> Result<Option<Quota>> {
        match self.is_own_path(path).await? {
            true => Ok(self.quota().map(|(used, allowed)| Quota { used, allowed })),
            false => Ok(None),
        }
    }

    /// What the user may do in a folder.
    pub(crate) async fn rights(self: &Arc<Self>, folder: FolderId) -> Result<FolderRights> {
        if is_container(folder) {
            return Ok(FolderRights { lookup: true, ..FolderRights::NONE });
        }
        let (live, folder) = self.at(folder).await?;
        if live.known_listing().await?.row(folder).is_none() {
            return Err(error::no_folder());
        }
        let facts = live.facts.of(folder);
        Ok(match live.root {
            Root::Own | Root::Archive => FolderRights::ALL,
            Root::Other(_) | Root::Public => FolderRights {
                lookup: true,
                read: facts.read,
                flag: facts.write,
                insert: facts.write,
                create: facts.create,
                expunge: facts.write,
                own: facts.own,
            },
        })
    }

    /// Who may do what in a folder.
    pub(crate) async fn permissions(self: &Arc<Self>, folder: FolderId) -> Result<Vec<(Grantee, FolderRights)>> {
        let (live, folder) = self.administered(folder).await?;
        let given = match live.permission_lists.get(folder) {
            Some(known) => known,
            None => live.ask_permissions(folder).await?,
        };
        let owner = Grantee::Person(live.owner(self).to_owned());
        let given = given.iter().filter_map(|permission| Some((grantee(&permission.user)?, rights(permission))));
        let told = given.filter(|(who, rights)| *who != owner && *rights != FolderRights::NONE);
        Ok([(owner.clone(), FolderRights::ALL)].into_iter().chain(told).collect())
    }

    /// Changes what somebody may do in a folder.
    pub(crate) async fn permit(self: &Arc<Self>, folder: FolderId, who: &Grantee, change: RightsChange) -> Result<()> {
        let (live, folder) = self.administered(folder).await?;
        if *who == Grantee::Person(live.owner(self).to_owned()) {
            return Err(Error::new(ErrorKind::Cannot, "the owner may do everything, always"));
        }
        let row = live.folder_row(folder).await?;
        let tried = Tried::new(format!("the rights in \"{}\" could not be changed", row.folder.name));
        let before = live.ask_permissions(folder).await?;
        let Some(permissions) = changed(&before, who, change) else { return Ok(()) };
        let update = FolderUpdate {
            folder: ews::FolderId::new(&row.folder.exchange_id),
            kind: FolderKind::Folder,
            name: None,
            extended: Vec::new(),
            permissions: Some(permissions),
        };
        let answer = live.client()?.call(&UpdateFolder { changes: vec![update] }).await;
        live.permission_lists.forget(folder);
        live.settled(&tried, answer)
    }

    /// The mailbox of a folder in which the user may say who may do what.
    async fn administered(self: &Arc<Self>, folder: FolderId) -> Result<(Arc<Self>, FolderId)> {
        match self.rights(folder).await?.own {
            true => self.at(folder).await,
            false => Err(Error::new(ErrorKind::Denied, "only the owner of this folder says who may do what in it")),
        }
    }

    async fn ask_permissions(self: &Arc<Self>, id: FolderId) -> Result<Vec<Permission>> {
        let tried = Tried::new("it could not be found out who may do what in the folder");
        let shape = FolderShape::of([Path::from(Field::FOLDER_PERMISSIONS)]);
        let ask = GetFolder { folders: vec![self.folder_ref(id).await?], shape };
        let answer = self.client()?.call(&ask).await.map_err(|error| self.failed(&tried, &error))?.pop();
        let folder = answer.ok_or_else(error::no_folder)?.map_err(|error| tried.refused(&error))?;
        self.permission_lists.put(id, &folder.permissions);
        Ok(folder.permissions)
    }

    /// Who owns this mailbox, as far as `user` knows.
    fn owner<'o>(&'o self, user: &'o Self) -> &'o str {
        match &self.root {
            Root::Other(address) => address,
            Root::Own | Root::Archive | Root::Public => &user.user,
        }
    }
}

/// The list as it shall be; `None` if it is so already. Those that are not meant stay as they are, in what IMAP has no
/// words for too.
fn changed(before: &[Permission], who: &Grantee, change: RightsChange) -> Option<Vec<Permission>> {
    let is_meant = |permission: &&Permission| grantee(&permission.user).as_ref() == Some(who);
    let known = before.iter().find(is_meant);
    let had = known.map(rights).unwrap_or_default();
    let has = change.of(had);
    if had == has {
        return None;
    }
    let blank = Permission { user: user(who), ..Permission::default() };
    let new = written(known.unwrap_or(&blank), had, has);
    let others = before.iter().filter(|permission| !is_meant(permission)).cloned();
    // Everybody and strangers are always on Exchange's list.
    let stays = has != FolderRights::NONE || !matches!(who, Grantee::Person(_));
    Some(others.chain(stays.then_some(new)).collect())
}

/// What IMAP says of a permission: rights for one's own items only are none.
fn rights(permission: &Permission) -> FolderRights {
    let own = permission.is_owner == Some(true);
    FolderRights {
        lookup: permission.is_visible == Some(true),
        read: permission.read == Some(ReadAccess::FullDetails),
        flag: permission.edit == Some(Whose::All),
        insert: permission.create_items == Some(true),
        create: permission.create_folders == Some(true),
        expunge: permission.delete == Some(Whose::All),
        own,
    }
}

/// The permission with these rights in place of those it had; what did not change keeps its finer meaning.
fn written(before: &Permission, had: FolderRights, has: FolderRights) -> Permission {
    let whose = |before: Option<Whose>, had: bool, has: bool| match (had == has, has) {
        (true, _) => before,
        (false, true) => Some(Whose::All),
        (false, false) => Some(Whose::Nobodys),
    };
    Permission {
        is_visible: Some(has.lookup),
        read: Some(if has.read { ReadAccess::FullDetails } else { ReadAccess::Nothing }),
        edit: whose(before.edit, had.flag, has.flag),
        create_items: Some(has.insert),
        create_folders: Some(has.create),
        delete: whose(before.delete, had.expunge, has.expunge),
        is_owner: Some(has.own),
        level: Some(PermissionLevel::Custom),
        ..before.clone()
    }
}

fn grantee(user: &UserId) -> Option<Grantee> {
    match user.distinguished.as_deref() {
        Some("Default") => Some(Grantee::Anyone),
        Some("Anonymous") => Some(Grantee::Anonymous),
        _ => {
            let name = [&user.address, &user.external, &user.name, &user.sid].into_iter().find_map(Option::as_deref);
            name.map(|name| Grantee::Person(name.to_lowercase()))
        }
    }
}

fn user(who: &Grantee) -> UserId {
    let distinguished = |word: &str| UserId { distinguished: Some(word.to_owned()), ..UserId::default() };
    match who {
        Grantee::Person(address) => UserId { address: Some(address.clone()), ..UserId::default() },
        Grantee::Anyone => distinguished("Default"),
        Grantee::Anonymous => distinguished("Anonymous"),
    }
}

const KEPT: Duration = Duration::from_secs(5 * 60);
const MOST_LISTS: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn author() -> Permission {
        Permission {
            user: UserId { address: Some("Ben@Corp.example".into()), sid: Some("S-1".into()), ..UserId::default() },
            create_items: Some(true),
            is_visible: Some(true),
            edit: Some(Whose::Own),
            delete: Some(Whose::Own),
            read: Some(ReadAccess::FullDetails),
            level: Some(PermissionLevel::Author),
            ..Permission::default()
        }
    }

    fn ben() -> Grantee {
        Grantee::Person("ben@corp.example".into())
    }

    const NONE: FolderRights = FolderRights::NONE;

    #[test]
    fn what_is_not_meant_stays_as_it_is() {
        let everybody = Permission { user: user(&Grantee::Anyone), ..Permission::default() };
        let before = [everybody.clone(), author()];
        let delete = RightsChange { give: FolderRights { expunge: true, ..NONE }, take: NONE };
        let after = changed(&before, &ben(), delete).unwrap();
        assert_eq!(after[0], everybody);
        assert_eq!(
            (after[1].edit, after[1].delete, after[1].level),
            (Some(Whose::Own), Some(Whose::All), Some(PermissionLevel::Custom))
        );
        assert_eq!(after[1].user, author().user);
    }

    #[test]
    fn who_may_nothing_is_not_on_the_list_but_everybody_is() {
        let everybody = Permission { user: user(&Grantee::Anyone), is_visible: Some(true), ..Permission::default() };
        let nothing = RightsChange { give: NONE, take: FolderRights::ALL };
        assert_eq!(changed(&[everybody.clone(), author()], &ben(), nothing), Some(vec![everybody.clone()]));
        let after = changed(&[everybody, author()], &Grantee::Anyone, nothing).unwrap();
        assert_eq!((after.len(), rights(&after[1])), (2, NONE));
        assert_eq!(changed(&[author()], &Grantee::Anonymous, nothing), None, "nothing to change");
    }

    #[test]
    fn somebody_new_is_named_by_address() {
        let give = FolderRights { lookup: true, read: true, ..NONE };
        let after = changed(&[], &ben(), RightsChange { give, take: FolderRights::ALL }).unwrap();
        assert_eq!((rights(&after[0]), after[0].user.address.as_deref()), (give, Some("ben@corp.example")));
    }
}
