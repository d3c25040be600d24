//! The directory of the organisation: people, distribution lists, rooms and equipment, with or without a mailbox here.

use std::sync::Arc;

/// What an entry of the directory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntryKind {
    /// Someone with a mailbox.
    #[default]
    Person,
    /// A distribution list.
    List,
    /// A room that can be booked.
    Room,
    /// Equipment that can be booked.
    Equipment,
    /// A distribution list of rooms, shown by GetRoomLists.
    RoomList,
}

/// An entry of the directory. Empty texts stand for nothing.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// The primary SMTP address.
    pub address: String,
    /// The display name.
    pub name: String,
    /// The given name.
    pub given_name: String,
    /// The family name.
    pub surname: String,
    /// The job title.
    pub title: String,
    /// The department.
    pub department: String,
    /// The company.
    pub company: String,
    /// The office.
    pub office: String,
    /// The telephone at work.
    pub phone: String,
    /// The mobile telephone.
    pub mobile: String,
    /// The city of the business address.
    pub city: String,
    /// The country of the business address.
    pub country: String,
    /// Notes.
    pub notes: String,
    /// The address of the manager.
    pub manager: String,
    /// The addresses of the members of a list.
    pub members: Vec<String>,
    /// Its other addresses (proxy addresses), at which mail comes too.
    pub aliases: Vec<String>,
    /// A portrait as JPEG or PNG.
    pub photo: Option<Arc<[u8]>>,
}

impl Entry {
    /// Someone of whom only address and name are known; the name's last word is taken for the family name.
    pub fn person(address: &str, name: &str) -> Entry {
        let (given, surname) = name.rsplit_once(' ').unwrap_or((name, ""));
        Entry {
            address: address.to_owned(),
            name: name.to_owned(),
            given_name: given.to_owned(),
            surname: surname.to_owned(),
            ..Entry::default()
        }
    }

    /// `MailboxType`.
    pub(crate) fn mailbox_type(&self) -> &'static str {
        match self.is_list() {
            true => "PublicDL",
            false => "Mailbox",
        }
    }

    /// Whether it is something that is booked by inviting it.
    pub(crate) fn books(&self) -> bool {
        matches!(self.kind, EntryKind::Room | EntryKind::Equipment)
    }

    /// Whether it has members.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.kind, EntryKind::List | EntryKind::RoomList)
    }

    /// The part of the address before the `@`, which serves as mail nickname.
    pub(crate) fn alias(&self) -> &str {
        self.address.split('@').next().unwrap_or_default()
    }

    /// Ambiguous name resolution: names, alias and address are compared from their beginning, and every word asked for
    /// must begin one of them (MS-ADTS 3.1.1.3.1.3.4).
    pub(crate) fn answers_to(&self, wanted: &str) -> bool {
        let wanted = wanted.trim().to_lowercase();
        let starts = |text: &str| text.to_lowercase().starts_with(&wanted);
        if wanted.is_empty() {
            return false;
        }
        let names = [self.name.as_str(), &self.address, self.alias(), &self.surname, &self.given_name, &self.office];
        if names.into_iter().chain(self.aliases.iter().map(String::as_str)).any(starts) {
            return true;
        }
        let words: Vec<String> = self.name.to_lowercase().split([' ', ',', '(']).map(str::to_owned).collect();
        wanted.split_ascii_whitespace().all(|part| words.iter().any(|word| word.starts_with(part)))
    }
}

/// All entries, in the order of their names.
#[derive(Default)]
pub(crate) struct Directory {
    entries: Vec<Entry>,
}

impl Directory {
    /// Adds an entry; one with the same address is replaced.
    pub(crate) fn add(&mut self, entry: Entry) {
        self.entries.retain(|known| !known.address.eq_ignore_ascii_case(&entry.address));
        self.entries.push(entry);
        self.entries.sort_by_key(|entry| entry.name.to_lowercase());
    }

    /// The entry with that address.
    pub(crate) fn find(&self, address: &str) -> Option<&Entry> {
        let address =
            address.get(..5).filter(|start| start.eq_ignore_ascii_case("smtp:")).map_or(address, |_| &address[5..]);
        self.entries.iter().find(|entry| entry.address.eq_ignore_ascii_case(address))
    }

    /// The entry that mail to an address is for: the address may be any that it has.
    pub(crate) fn known_as(&self, address: &str) -> Option<&Entry> {
        let other = |entry: &&Entry| entry.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(address));
        self.find(address).or_else(|| self.entries.iter().find(other))
    }

    /// Gives an entry one address more; tells whether it is there.
    pub(crate) fn add_alias(&mut self, address: &str, alias: &str) -> bool {
        let found = self.entries.iter_mut().find(|entry| entry.address.eq_ignore_ascii_case(address));
        found.map(|entry| entry.aliases.push(alias.to_owned())).is_some()
    }

    /// All entries.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The members of a list that are in the directory.
    pub(crate) fn members<'a>(&'a self, list: &'a Entry) -> impl Iterator<Item = &'a Entry> {
        list.members.iter().filter_map(|address| self.find(address))
    }
}
