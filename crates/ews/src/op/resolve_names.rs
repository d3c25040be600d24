//! ResolveNames: who is meant by a name or an address.

use crate::operation::{Operation, Payload};
use crate::soap::{Element, Xml};
use crate::types::{Address, Item, ItemId, Version};
use crate::{Error, ErrorKind, ItemError};

/// Looks a name up. Nobody found is an empty answer.
#[derive(Clone, Debug)]
pub struct ResolveNames {
    /// A name, the beginning of one, or an address with `smtp:` before it.
    pub entry: String,
    /// Where.
    pub scope: SearchScope,
    /// Telephone numbers, photos and the like shall come too.
    pub full: bool,
}

/// Where names are looked up (EWS "SearchScope").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchScope {
    /// In the address list.
    ActiveDirectory,
    /// There first, then in the user's contacts.
    ActiveDirectoryContacts,
    /// In the user's contacts.
    Contacts,
    /// There first, then in the address list.
    ContactsActiveDirectory,
}

/// Those found; Exchange gives 100 at most.
#[derive(Clone, Debug, Default)]
pub struct Resolutions {
    /// Each of them.
    pub found: Vec<Resolution>,
    /// There are no more.
    pub complete: bool,
}

/// Somebody.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// Name and address.
    pub address: Address,
    /// `Mailbox`, `PublicDL`, `Contact` ...
    pub kind: Option<String>,
    /// The contact, if it is one of the user's.
    pub contact: Option<ItemId>,
    /// Everything else that is known, if it was asked for: an item of kind `Contact`, without id if it is an entry of
    /// the directory.
    pub data: Option<Box<Item>>,
}

impl Operation for ResolveNames {
    type Payload = Found;
    type Answer = Resolutions;
    const NAME: &'static str = "ResolveNames";

    /// ContactDataShape came in 2010 SP1 and gives what 2007 gives unasked, and more.
    fn wished(&self) -> Version {
        if self.full { Version::Exchange2010Sp2 } else { self.required() }
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        let scope = match self.scope {
            SearchScope::ActiveDirectory => "ActiveDirectory",
            SearchScope::ActiveDirectoryContacts => "ActiveDirectoryContacts",
            SearchScope::Contacts => "Contacts",
            SearchScope::ContactsActiveDirectory => "ContactsActiveDirectory",
        };
        let full = if self.full { "true" } else { "false" };
        let mut attributes = vec![("ReturnFullContactData", full), ("SearchScope", scope)];
        if self.full && version >= Version::Exchange2010Sp2 {
            attributes.push(("ContactDataShape", "AllProperties"));
        }
        xml.within("m:ResolveNames", &attributes, |xml| xml.text("m:UnresolvedEntry", &self.entry));
    }

    fn answer(&self, messages: Vec<Result<Found, ItemError>>) -> Result<Resolutions, Error> {
        match crate::operation::only(messages) {
            Ok(found) => Ok(Resolutions { found: found.found, complete: found.complete }),
            Err(error) if error.kind == ErrorKind::NoMatch => Ok(Resolutions { found: Vec::new(), complete: true }),
            Err(error) => Err(error),
        }
    }
}

/// The payload of ResolveNames.
#[derive(Debug, Default)]
pub struct Found {
    found: Vec<Resolution>,
    complete: bool,
}

impl Payload for Found {
    fn take(&mut self, _container: &str, element: Element) {
        if element.name() == "ResolutionSet" {
            self.complete = element.attribute("IncludesLastItemInRange") != Some("false");
            self.found.extend(element.children("Resolution").filter_map(read_one));
        }
    }
}

fn read_one(element: &Element) -> Option<Resolution> {
    let mailbox = element.child("Mailbox")?;
    Some(Resolution {
        address: Address::read(mailbox),
        kind: mailbox.child("MailboxType").map(|kind| kind.text().to_owned()),
        contact: mailbox.child("ItemId").and_then(ItemId::read),
        data: element.child("Contact").map(|contact| Box::new(Item::read(contact))),
    })
}
