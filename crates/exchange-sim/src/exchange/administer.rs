//! What an administrator of the organisation does: rights, archives, public folders, older servers, moves.

use crate::{
    Caller, Edit, Exchange, Poison, Version,
    caller::Impersonator,
    permission::{Permission, Rights, Who},
    public_folders::PublicFolders,
    store::Mailbox,
    submission::Right,
};

use super::{Organisation, back_end, find_item, place};

impl Exchange {
    /// Gives an account the role ApplicationImpersonation: for everybody, or for a domain, the members of a list, or one
    /// address. The account need not have a mailbox.
    pub fn allow_impersonation(&self, account: &str, scope: Option<&str>) {
        let role = Impersonator { account: account.to_owned(), scope: scope.map(str::to_owned) };
        self.lock().impersonators.push(role);
    }

    /// Takes all impersonation roles of an account away; tells how many there were.
    pub fn forbid_impersonation(&self, account: &str) -> usize {
        let mut organisation = self.lock();
        let before = organisation.impersonators.len();
        organisation.impersonators.retain(|role| !role.account.eq_ignore_ascii_case(account));
        before - organisation.impersonators.len()
    }

    /// Gives `user` the permission FullAccess on somebody's mailbox.
    ///
    /// # Errors
    /// There is no such mailbox.
    pub fn grant_full_access(&self, mailbox: &str, user: &str) -> Result<(), String> {
        let mut organisation = self.lock();
        let index = organisation.find(mailbox).ok_or_else(|| format!("no mailbox {mailbox}"))?;
        organisation.mailboxes[index].full_access.push(user.to_owned());
        Ok(())
    }

    /// Lets `user` send as the owner of a mailbox, or as a list.
    ///
    /// # Errors
    /// There is no mailbox and no list of that address.
    pub fn grant_send_as(&self, mailbox: &str, user: &str) -> Result<(), String> {
        let mut organisation = self.lock();
        grant_right(&mut organisation, mailbox, user, true)
    }

    /// Lets `user` send on behalf of the owner of a mailbox: Sender tells who did.
    ///
    /// # Errors
    /// There is no mailbox and no list of that address.
    pub fn grant_send_on_behalf(&self, mailbox: &str, user: &str) -> Result<(), String> {
        grant_right(&mut self.lock(), mailbox, user, false)
    }

    /// Gives `user` a permission level such as `Reviewer` in a folder named as in [`Exchange::deliver`].
    ///
    /// # Errors
    /// The mailbox, the folder or the level is not known.
    pub fn permit(&self, mailbox: &str, folder: &str, user: &str, level: &str) -> Result<(), String> {
        let rights = Rights::of_level(level).ok_or_else(|| format!("no permission level {level}"))?;
        let mut organisation = self.lock();
        let (index, key) = place(&organisation, mailbox, folder)?;
        let name = organisation.directory.find(user).map_or_else(|| user.to_owned(), |entry| entry.name.clone());
        let who = match user {
            "default" => Who::Default,
            "anonymous" => Who::Anonymous,
            user => Who::User(user.to_owned()),
        };
        let mailbox = &mut organisation.mailboxes[index];
        if let Some(folder) = mailbox.folders.get_mut(&key) {
            folder.permissions.retain(|permission| permission.who != who);
            folder.permissions.push(Permission { who, name, rights });
        }
        mailbox.touch_folder(key);
        Ok(())
    }

    /// Whether a subscription is known only to the server it was made on, which clients find by the cookie
    /// `X-BackEndOverrideCookie` or the same anchor mailbox (2013), or by staying at a front end (2010).
    pub fn set_affinity(&self, affinity: bool) {
        self.lock().affinity = affinity;
    }

    /// A front end is gone, and with it the subscriptions it knew: until 2010 all that were made there.
    pub fn forget_subscriptions(&self, front_end: usize) {
        let mut organisation = self.lock();
        if organisation.options.version < Version::Exchange2013 {
            let home = organisation.home(&Caller { front_end, ..Caller::default() }, 0);
            for mailbox in &mut organisation.mailboxes {
                mailbox.subscriptions.retain(|_, subscription| subscription.home != home);
            }
        }
    }

    /// How many subscriptions a mailbox may have at a time, whoever made them; without a number any.
    pub fn limit_subscriptions(&self, most: Option<usize>) {
        self.lock().most_subscriptions = most;
    }

    /// The server behind the front ends that has somebody's mailbox, as the affinity cookie names it.
    pub fn back_end(&self, address: &str) -> Option<String> {
        self.lock().find(address).map(back_end)
    }

    /// Puts a mailbox on a server of an older version, in a mixed organisation; to be done before it is filled.
    ///
    /// # Errors
    /// There is no such mailbox.
    pub fn set_mailbox_version(&self, address: &str, version: Version) -> Result<(), String> {
        let mut organisation = self.lock();
        let index = organisation.find(address).ok_or_else(|| format!("no mailbox {address}"))?;
        organisation.mailboxes[index].age(version);
        Ok(())
    }

    /// Begins to move a mailbox to another server. For so many seconds of the organisation's clock it answers
    /// ErrorMailboxMoveInProgress; then its ids are others if `new_ids`, and only the front end `to` serves it, if one is
    /// named.
    ///
    /// # Errors
    /// There is no such mailbox.
    pub fn move_mailbox(&self, address: &str, seconds: u32, new_ids: bool, to: Option<usize>) -> Result<(), String> {
        let mut organisation = self.lock();
        let index = organisation.find(address).ok_or_else(|| format!("no mailbox {address}"))?;
        organisation.begin_move(index, i64::from(seconds), new_ids, to);
        drop(organisation);
        self.inner.news.notify_waiters();
        Ok(())
    }

    /// Ends the move of a mailbox now.
    ///
    /// # Errors
    /// There is no such mailbox.
    pub fn finish_move(&self, address: &str) -> Result<(), String> {
        let mut organisation = self.lock();
        let index = organisation.find(address).ok_or_else(|| format!("no mailbox {address}"))?;
        organisation.mailboxes[index].finish_move();
        Ok(())
    }

    /// Puts the clock of the organisation ahead: moves of mailboxes go by it.
    pub fn put_ahead(&self, seconds: u32) {
        self.lock().ahead += i64::from(seconds);
    }

    /// Whether searches may use query strings; without an index they are refused.
    pub fn set_indexed(&self, indexed: bool) {
        self.lock().indexed = indexed;
    }

    /// Lets an item fail for good, or heals it; see [`Poison`].
    ///
    /// # Errors
    /// There is no such mailbox or item.
    pub fn poison(&self, mailbox: &str, item: &Edit, poison: Option<Poison>) -> Result<(), String> {
        let mut organisation = self.lock();
        let index = organisation.named(mailbox).ok_or_else(|| format!("no mailbox {mailbox}"))?;
        let (folder, key) = find_item(&organisation.mailboxes[index], item).ok_or("no such item")?;
        let found =
            organisation.mailboxes[index].folders.get_mut(&folder).and_then(|folder| folder.items.get_mut(&key));
        found.ok_or("no such item")?.extra_mut().poison = poison;
        Ok(())
    }

    /// Gives somebody an archive mailbox; does nothing if there is one.
    ///
    /// # Errors
    /// There is no mailbox of that address.
    pub fn add_archive(&self, address: &str) -> Result<(), String> {
        let mut organisation = self.lock();
        let index = organisation.find(address).ok_or_else(|| format!("no mailbox {address}"))?;
        if organisation.archive_of(index).is_none() {
            let owner = &organisation.mailboxes[index];
            let archive = Mailbox::archive(&owner.address, &format!("Online Archive - {}", owner.display_name));
            organisation.mailboxes.push(archive);
        }
        Ok(())
    }

    /// Adds public folders for everybody, with their mailboxes in `domain`; `owner` owns what is made there.
    pub fn add_public_folders(&self, domain: &str, owner: &str) {
        let mut organisation = self.lock();
        if organisation.public.is_some() {
            return;
        }
        let public = PublicFolders::new(domain);
        let mut tree = Mailbox::public();
        let replica = public.mailboxes.first().map(|first| first.guid);
        let level = |level| Rights::of_level(level).unwrap_or_default();
        if let Some(root) = tree.top().and_then(|key| tree.folders.get_mut(&key)) {
            root.replica = replica;
            root.permissions = vec![
                Permission { who: Who::Default, name: String::new(), rights: level("Author") },
                Permission { who: Who::Anonymous, name: String::new(), rights: level("None") },
                Permission { who: Who::User(owner.to_owned()), name: String::new(), rights: level("Owner") },
            ];
        }
        organisation.mailboxes.push(tree);
        organisation.public = Some(public);
    }

    /// Whether requests for public folders must bring the header fields that lead them to the right mailbox, as of 2013.
    pub fn route_public_folders(&self, routed: bool) {
        if let Some(public) = &mut self.lock().public {
            public.routed = routed;
        }
    }

    /// Where the public folders are, the hierarchy first: `guid@domain`, and the SMTP address of each mailbox.
    pub fn public_folder_mailboxes(&self) -> Vec<(String, String)> {
        let organisation = self.lock();
        let mailboxes = organisation.public.iter().flat_map(|public| &public.mailboxes);
        mailboxes.map(|mailbox| (mailbox.by_guid.clone(), mailbox.address.clone())).collect()
    }

    /// Puts the items of a public folder into the public folder mailbox of that number.
    ///
    /// # Errors
    /// The folder or the mailbox is not there.
    pub fn place_public_folder(&self, folder: &str, mailbox: usize) -> Result<(), String> {
        let mut organisation = self.lock();
        let (index, key) = place(&organisation, "public", folder)?;
        let found = organisation.public.as_ref().and_then(|public| public.mailboxes.get(mailbox));
        let guid = found.ok_or("no such public folder mailbox")?.guid;
        if let Some(folder) = organisation.mailboxes[index].folders.get_mut(&key) {
            folder.replica = Some(guid);
        }
        Ok(())
    }
}

fn grant_right(organisation: &mut Organisation, principal: &str, user: &str, send_as: bool) -> Result<(), String> {
    let entry = organisation.directory.find(principal).ok_or_else(|| format!("nobody has the address {principal}"))?;
    let right = Right { principal: entry.address.clone(), user: user.to_owned(), send_as };
    organisation.post.rights.push(right);
    Ok(())
}
