//! In whose name a message is sent.

use crate::{Version, exchange::Organisation, mime::parse::Person, op::Trouble};

/// Somebody may send for somebody else.
pub(crate) struct Right {
    /// The address whose name is used: of a mailbox or a list.
    pub(crate) principal: String,
    /// Who may use it.
    pub(crate) user: String,
    /// SendAs, where nobody sees who sent it; else GrantSendOnBehalfTo, where Sender tells.
    pub(crate) send_as: bool,
}

/// What stands in From and Sender.
#[derive(Debug)]
pub(super) struct Author {
    pub(super) from: Person,
    /// Who sent it on behalf of the author.
    pub(super) sender: Option<Person>,
}

/// The author of a message that `me` sends, written in the mailbox of `principal`. What the message says of Sender does not
/// count: that is who signed in.
pub(super) fn of(
    organisation: &Organisation,
    me: usize,
    principal: usize,
    given: Option<&Person>,
) -> Result<Author, Trouble> {
    let owner = |mailbox: usize| {
        let mailbox = &organisation.mailboxes[mailbox];
        Person { name: mailbox.display_name.clone(), address: mailbox.address.clone() }
    };
    let own = owner(me);
    let wanted = given.filter(|person| !person.address.is_empty()).cloned().unwrap_or_else(|| owner(principal));
    if organisation.resolve(&wanted.address) == Some(me) {
        let aliases = organisation.post.limits.send_from_aliases;
        let from = if aliases { Person { address: wanted.address, ..own } } else { own };
        return Ok(Author { from, sender: None });
    }
    // Only what the directory knows can have given a right.
    let entry = organisation.directory.known_as(&wanted.address);
    let from = entry.map(|entry| Person { name: entry.name.clone(), address: entry.address.clone() });
    let denied = || denied(organisation.options.version);
    let from = from.ok_or_else(denied)?;
    let rights = organisation.post.rights.iter().filter(|right| {
        right.principal.eq_ignore_ascii_case(&from.address) && right.user.eq_ignore_ascii_case(&own.address)
    });
    let rights: Vec<bool> = rights.map(|right| right.send_as).collect();
    if rights.contains(&true) {
        return Ok(Author { from, sender: None });
    }
    // A delegate may send on behalf of his principal (D/delegate-access).
    let delegates = organisation.find(&from.address).map(|owner| &organisation.mailboxes[owner].delegates);
    let delegate = delegates.is_some_and(|all| all.iter().any(|one| one.address.eq_ignore_ascii_case(&own.address)));
    match delegate || !rights.is_empty() {
        true => Ok(Author { from, sender: Some(own) }),
        false => Err(denied()),
    }
}

/// As documented for 2007; later servers add which step it was.
fn denied(version: Version) -> Trouble {
    let step = if version < Version::Exchange2013 { "" } else { ", Cannot submit message." };
    let text = "The user account which was used to submit this request does not have the right to send mail on behalf of \
                the specified sending account.";
    Trouble::new("ErrorSendAsDenied", format!("{text}{step}"))
}
