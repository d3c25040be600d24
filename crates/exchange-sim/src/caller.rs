//! Who asks, for whom, and by which way: the account that signed in, the mailbox it acts as, and the header fields that
//! lead a request to a server.

use crate::{
    Version,
    exchange::Organisation,
    permission::sid,
    soap::{Element, Fault},
};

/// Who asks, and how the request came here. Of the header fields only what a real server looks at is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The account that signed in: an address, or any name that [`crate::Exchange::allow_impersonation`] was told.
    pub account: String,
    /// `X-AnchorMailbox`.
    pub anchor: Option<String>,
    /// `X-PublicFolderMailbox`.
    pub public_folder_mailbox: Option<String>,
    /// The cookie `X-BackEndOverrideCookie`.
    pub back_end: Option<String>,
    /// The number of the front end that took the request.
    pub front_end: usize,
}

impl Caller {
    /// Somebody of whom nothing else is known.
    pub fn of(account: &str) -> Caller {
        Caller { account: account.to_owned(), ..Caller::default() }
    }
}

/// The role ApplicationImpersonation: an account, and the mailboxes it may act as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Impersonator {
    pub(crate) account: String,
    /// A management scope: everybody where there is none, else a domain, the members of a list, or one address.
    pub(crate) scope: Option<String>,
}

impl Impersonator {
    fn covers(&self, organisation: &Organisation, address: &str) -> bool {
        let Some(scope) = &self.scope else { return true };
        if !scope.contains('@') {
            return address.rsplit('@').next().is_some_and(|domain| domain.eq_ignore_ascii_case(scope));
        }
        let list = organisation.directory.find(scope).filter(|entry| entry.is_list());
        match list {
            Some(list) => list.members.iter().any(|member| member.eq_ignore_ascii_case(address)),
            None => scope.eq_ignore_ascii_case(address),
        }
    }
}

/// The mailbox a request acts as: that of the account, or the one in the `ExchangeImpersonation` header
/// (D/impersonation-and-ews, R/exchangeimpersonation, R/responsecode).
pub(crate) fn acting_as(organisation: &Organisation, envelope: &Element, account: &str) -> Result<usize, Fault> {
    let header = envelope.child("Header").and_then(|header| header.child("ExchangeImpersonation"));
    let Some(header) = header else {
        return organisation
            .find(account)
            .ok_or_else(|| Fault::new("ErrorNonExistentMailbox", "The user has no mailbox on this server."));
    };
    let who = header.child("ConnectingSID").and_then(|sid| sid.children.first());
    let who = who.filter(|who| !who.text.trim().is_empty()).ok_or_else(|| {
        Fault::new("ErrorInvalidExchangeImpersonationHeaderData", "The ExchangeImpersonation header is not valid.")
    })?;
    let wanted = who.text.trim();
    if wanted.eq_ignore_ascii_case(account)
        && let Some(own) = organisation.find(account)
    {
        return Ok(own);
    }
    let mut roles =
        organisation.impersonators.iter().filter(|role| role.account.eq_ignore_ascii_case(account)).peekable();
    if roles.peek().is_none() {
        return Err(denied(organisation.options.version));
    }
    let found = match who.name.as_str() {
        "SID" if !wanted.starts_with("S-1-") => return Err(Fault::new("ErrorInvalidSid", "The SID is not valid.")),
        "SID" => organisation.people().find(|(_, mailbox)| sid(&mailbox.address) == wanted).map(|(index, _)| index),
        _ => organisation.find(wanted),
    };
    let found = found.ok_or_else(|| nobody(&who.name))?;
    let address = &organisation.mailboxes[found].address;
    match roles.any(|role| role.covers(organisation, address)) {
        true => Ok(found),
        false => Err(out_of_scope()),
    }
}

/// 2007 asks for a right on the server first, and has a code of its own for that.
fn denied(version: Version) -> Fault {
    match version {
        Version::Exchange2007Sp1 => Fault::new(
            "ErrorImpersonationDenied",
            "The account does not have permission to impersonate through this server.",
        ),
        _ => out_of_scope(),
    }
}

fn out_of_scope() -> Fault {
    Fault::new("ErrorImpersonateUserDenied", "The account does not have permission to impersonate the requested user.")
}

/// Each way of naming somebody has its own code for nobody.
fn nobody(way: &str) -> Fault {
    match way {
        "SID" => Fault::new("ErrorInvalidUserSid", "The user SID is not valid."),
        "PrincipalName" => Fault::new("ErrorInvalidUserPrincipalName", "The user principal name is not valid."),
        _ => Fault::new("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it."),
    }
}
