//! Public folders: one tree for everybody, with its content in several mailboxes, as it is since 2013
//! (D/public-folder-access, D/how-to-route-public-folder-hierarchy-requests and -content-requests).
//!
//! The tree is one mailbox here. What lies in which content mailbox matters only for the header fields a request must
//! bring: `X-AnchorMailbox` and `X-PublicFolderMailbox`.

use uuid::Uuid;

use crate::{
    Version,
    op::{Call, FolderPlace, Trouble},
};

/// The mailboxes behind the tree.
pub(crate) struct PublicFolders {
    /// Requests with wrong header fields are refused.
    pub(crate) routed: bool,
    /// The first has the hierarchy.
    pub(crate) mailboxes: Vec<Content>,
}

/// A public folder mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// What PidTagReplicaList names.
    pub(crate) guid: Uuid,
    /// `guid@domain`: what Autodiscover is asked, and tells as `Server`.
    pub(crate) by_guid: String,
    /// The SMTP address: `PublicFolderInformation` of the first one, `AutoDiscoverSMTPAddress` of each.
    pub(crate) address: String,
}

impl PublicFolders {
    /// Two mailboxes in a domain.
    pub(crate) fn new(domain: &str) -> PublicFolders {
        let mailbox = |number: usize| {
            let guid = Uuid::new_v4();
            Content { guid, by_guid: format!("{guid}@{domain}"), address: format!("PublicFolders{number}@{domain}") }
        };
        PublicFolders { routed: false, mailboxes: (1..=2).map(mailbox).collect() }
    }

    /// The mailbox with one of these addresses.
    pub(crate) fn named(&self, address: &str) -> Option<&Content> {
        self.mailboxes.iter().find(|mailbox| mailbox.is(address))
    }
}

impl Content {
    fn is(&self, address: &str) -> bool {
        self.by_guid.eq_ignore_ascii_case(address) || self.address.eq_ignore_ascii_case(address)
    }
}

/// What a request is about, which decides where it must be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Hierarchy,
    Content,
    /// GetFolder is told of in both ways; MoveItem and CopyItem know two folders.
    Any,
}

fn about(operation: &str) -> About {
    match operation {
        "CreateFolder" | "FindFolder" | "DeleteFolder" | "UpdateFolder" | "MoveFolder" => About::Hierarchy,
        "GetFolder" | "MoveItem" | "CopyItem" => About::Any,
        _ => About::Content,
    }
}

impl Call<'_> {
    /// Refuses what was not sent to the right public folder mailbox.
    pub(crate) fn routed(&self, place: FolderPlace) -> Result<(), Trouble> {
        let organisation = &*self.organisation;
        let Some(public) = organisation.public.as_ref().filter(|public| public.routed) else { return Ok(()) };
        if organisation.options.version < Version::Exchange2013 || !self.is_public(place.mailbox) {
            return Ok(());
        }
        let (anchor, mailbox) = (self.caller.anchor.as_deref(), self.caller.public_folder_mailbox.as_deref());
        let (Some(anchor), Some(mailbox)) = (anchor, mailbox) else {
            return Err(Trouble::new(
                "ErrorNoPublicFolderServerAvailable",
                "There is no public folder server available.",
            ));
        };
        let found = public.named(anchor).filter(|content| content.is(mailbox)).ok_or_else(|| {
            Trouble::new("ErrorPublicFolderMailboxDiscoveryFailed", "The public folder mailbox was not found.")
        })?;
        let folder = organisation.mailboxes[place.mailbox].folders.get(&place.folder);
        let holds = folder.and_then(|folder| folder.replica) == Some(found.guid);
        let first = public.mailboxes.first() == Some(found);
        let right = match about(self.operation) {
            About::Hierarchy => first,
            About::Content => holds,
            About::Any => true,
        };
        match right {
            true => Ok(()),
            false => Err(Trouble::new(
                "ErrorPublicFolderOperationFailed",
                "The public folder could not be opened in the mailbox the request was sent to.",
            )),
        }
    }

    /// Whether that is the tree of public folders.
    pub(crate) fn is_public(&self, mailbox: usize) -> bool {
        self.organisation.mailboxes[mailbox].is_public()
    }

    /// Refuses public folders to an operation that has nothing to do with them.
    pub(crate) fn only_private(&self, place: FolderPlace) -> Result<(), Trouble> {
        match self.is_public(place.mailbox) {
            true => Err(Trouble::new(
                "ErrorInvalidFolderTypeForOperation",
                format!("{} is not supported for public folders.", self.operation),
            )),
            false => Ok(()),
        }
    }

    /// Refuses to change the top of the public folders.
    pub(crate) fn not_public_root(&self, place: FolderPlace) -> Result<(), Trouble> {
        let mailbox = &self.organisation.mailboxes[place.mailbox];
        let root = mailbox.is_public() && mailbox.top() == Some(place.folder);
        match root {
            true => Err(Trouble::new(
                "ErrorOperationNotAllowedWithPublicFolderRoot",
                "The operation is not allowed with the public folder root.",
            )),
            false => Ok(()),
        }
    }
}
