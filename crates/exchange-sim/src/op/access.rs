//! What the user may do in folders, his own and other people's.

use super::{Call, FolderPlace, ItemPlace, Trouble};
use crate::{
    permission::{Reach, Rights, Sight, rights},
    store::Item,
};

impl Call<'_> {
    /// Whether the user has a mailbox as its owner has: it is his own, or he was given full access.
    pub(crate) fn owns(&self, mailbox: usize) -> bool {
        let me = &self.organisation.mailboxes[self.me].address;
        let wanted = &self.organisation.mailboxes[mailbox];
        if wanted.is_public() {
            return false;
        }
        // Who has a mailbox has its archive.
        let primary = self.organisation.find(&wanted.address).and_then(|index| self.organisation.mailboxes.get(index));
        wanted.address == *me
            || primary.is_some_and(|primary| primary.full_access.iter().any(|user| user.eq_ignore_ascii_case(me)))
    }

    /// What the user may do in a folder.
    pub(crate) fn rights(&self, place: FolderPlace) -> Rights {
        if self.owns(place.mailbox) {
            let own =
                self.organisation.mailboxes[place.mailbox].address == self.organisation.mailboxes[self.me].address;
            return Rights { mine: own, ..Rights::OWNER };
        }
        let me = &self.organisation.mailboxes[self.me].address;
        let mailbox = &self.organisation.mailboxes[place.mailbox];
        let given = mailbox.folders.get(&place.folder).map_or(&[][..], |folder| &folder.permissions);
        let private = mailbox.delegates.iter().any(|delegate| delegate.address == *me && delegate.private);
        let found = rights(given, me);
        Rights { private: private || found.owner, ..found }
    }

    /// Refuses a folder the user may not know of.
    pub(crate) fn known(&self, place: FolderPlace) -> Result<FolderPlace, Trouble> {
        match self.rights(place).any() {
            true => Ok(place),
            false => Err(denied()),
        }
    }

    /// Refuses to show the items of a folder to those who may not read them.
    pub(crate) fn may_read(&self, place: FolderPlace) -> Result<(), Trouble> {
        allow(self.rights(place).read == Sight::FullDetails)
    }

    /// Refuses items that are private, and those in folders the user may not read.
    pub(crate) fn may_see(&self, place: &ItemPlace) -> Result<(), Trouble> {
        let folder = FolderPlace { mailbox: place.mailbox, folder: place.folder };
        let rights = self.rights(folder);
        let private =
            || self.organisation.mailboxes[place.mailbox].item(place.folder, place.item).is_some_and(is_private);
        allow(rights.read == Sight::FullDetails && (rights.private || !private()))
    }

    /// Refuses new items.
    pub(crate) fn may_create(&self, place: FolderPlace) -> Result<(), Trouble> {
        allow(self.rights(place).create)
    }

    /// Refuses what a mailbox has no room for.
    pub(crate) fn has_room(&self, mailbox: usize, bytes: u64) -> Result<(), Trouble> {
        match self.organisation.mailboxes[mailbox].is_full_for(bytes) {
            true => Err(Trouble::new("ErrorQuotaExceeded", "The mailbox quota has been exceeded.")),
            false => Ok(()),
        }
    }

    /// Refuses new folders.
    pub(crate) fn may_create_folders(&self, place: FolderPlace) -> Result<(), Trouble> {
        allow(self.rights(place).create_folders)
    }

    /// Refuses changes of the folder itself.
    pub(crate) fn may_own(&self, place: FolderPlace) -> Result<(), Trouble> {
        allow(self.rights(place).owner)
    }

    /// Refuses changes of an item.
    pub(crate) fn may_edit(&self, place: &ItemPlace) -> Result<(), Trouble> {
        self.may_reach(place, |rights| rights.edit)
    }

    /// Refuses to delete an item.
    pub(crate) fn may_delete(&self, place: &ItemPlace) -> Result<(), Trouble> {
        self.may_reach(place, |rights| rights.delete)
    }

    fn may_reach(&self, place: &ItemPlace, reach: fn(&Rights) -> Reach) -> Result<(), Trouble> {
        self.may_see(place)?;
        let folder = FolderPlace { mailbox: place.mailbox, folder: place.folder };
        match reach(&self.rights(folder)) {
            Reach::All => Ok(()),
            Reach::None => Err(denied()),
            Reach::Owned => {
                let me = &self.organisation.mailboxes[self.me].address;
                let item = self.organisation.mailboxes[place.mailbox].item(place.folder, place.item);
                let creator = item.and_then(|item| item.extra.as_ref()?.creator.as_deref());
                allow(creator == Some(me))
            }
        }
    }
}

/// Marked private (`Sensitivity`).
pub(crate) fn is_private(item: &Item) -> bool {
    let sensitivity = item.extra.as_ref().and_then(|extra| extra.fields.get("Sensitivity"));
    sensitivity.is_some_and(|sensitivity| sensitivity.text.trim() == "Private")
}

fn allow(allowed: bool) -> Result<(), Trouble> {
    match allowed {
        true => Ok(()),
        false => Err(denied()),
    }
}

pub(crate) fn denied() -> Trouble {
    Trouble::new("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
}
