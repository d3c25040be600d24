//! Where mail goes: lists expanded, other addresses of a mailbox known, each recipient once.

use std::collections::HashSet;

use super::{Role, domain};
use crate::{exchange::Organisation, mime::parse::Person};

/// One recipient of a message.
pub(super) struct Leg {
    /// The address mail for him goes to.
    pub(super) address: String,
    /// As the sender named him.
    pub(super) name: String,
    pub(super) role: Role,
    /// The list he is a member of, if the sender named that.
    pub(super) list: Option<String>,
    pub(super) way: Way,
}

/// How a recipient is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A mailbox here.
    Here(usize),
    /// Another organisation, or a server that is not simulated.
    Outside,
    /// Nobody, in a domain of this organisation.
    Nobody,
}

/// The recipients of a message, lists replaced by their members.
pub(super) fn legs(organisation: &Organisation, people: &[(Person, Role)]) -> Vec<Leg> {
    let ours: HashSet<String> =
        organisation.people().map(|(_, mailbox)| domain(&mailbox.address).to_lowercase()).collect();
    let mut legs = Vec::new();
    let mut seen = HashSet::new();
    for (person, role) in people {
        // Lists are met breadth first; one that holds itself is met once.
        let mut open = vec![(person.address.clone(), None::<String>)];
        while let Some((address, list)) = open.pop() {
            let entry = organisation.directory.known_as(&address);
            let primary = entry.map_or(address.as_str(), |entry| &entry.address);
            if !seen.insert(primary.to_lowercase()) {
                continue;
            }
            if let Some(entry) = entry.filter(|entry| entry.is_list()) {
                let named = list.or_else(|| Some(entry.address.clone()));
                open.extend(entry.members.iter().rev().map(|member| (member.clone(), named.clone())));
                continue;
            }
            let way = match organisation.find(primary) {
                Some(mailbox) => Way::Here(mailbox),
                None if entry.is_none() && ours.contains(&domain(primary).to_lowercase()) => Way::Nobody,
                None => Way::Outside,
            };
            let name = match &list {
                None => person.name.clone(),
                Some(_) => entry.map_or_else(String::new, |entry| entry.name.clone()),
            };
            legs.push(Leg { address: primary.to_owned(), name, role: *role, list, way });
        }
    }
    legs
}
