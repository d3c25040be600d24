//! AddDelegate, GetDelegate, UpdateDelegate and RemoveDelegate. A delegate is somebody with permissions on the default
//! folders, who may be sent copies of meeting messages and shown what is private.

use super::{Call, Trouble, frame};
use crate::{
    permission::{Permission, Rights, Who, sid},
    soap::{Element, Fault, Writer},
    store::Mailbox,
};

/// Somebody who acts for the owner of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delegate {
    pub(crate) address: String,
    pub(crate) copies: bool,
    pub(crate) private: bool,
}

pub(super) fn get_delegate(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let with = matches!(request.attribute("IncludePermissions"), Some("true" | "1"));
    let asked = request.list("UserIds");
    let outcome = mailbox(call, request).map(|mailbox| {
        let known = &call.organisation.mailboxes[mailbox];
        match asked {
            [] => known.delegates.iter().map(|delegate| Ok(shown(call, mailbox, delegate, with))).collect(),
            asked => asked
                .iter()
                .map(|user| {
                    let delegate = address(call, user).and_then(|address| find(known, &address))?;
                    Ok(shown(call, mailbox, delegate, with))
                })
                .collect(),
        }
    });
    let deliver = mailbox(call, request).ok().map(|mailbox| call.organisation.mailboxes[mailbox].deliver.clone());
    Ok(respond("GetDelegateResponse", outcome, deliver.as_deref()))
}

pub(super) fn add_delegate(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    Ok(change(call, request, "AddDelegateResponse", |known, address| match find(known, address) {
        Ok(_) => Err(Trouble::new("ErrorDelegateAlreadyExists", "The user is already a delegate for the mailbox.")),
        Err(_) => {
            known.delegates.push(Delegate { address: address.to_owned(), copies: false, private: false });
            Ok(())
        }
    }))
}

pub(super) fn update_delegate(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    Ok(change(call, request, "UpdateDelegateResponse", |known, address| find(known, address).map(|_| ())))
}

pub(super) fn remove_delegate(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let outcome = mailbox(call, request).map(|mailbox| {
        request
            .list("UserIds")
            .iter()
            .map(|user| {
                let address = address(call, user)?;
                find(&call.organisation.mailboxes[mailbox], &address)?;
                let known = &mut call.organisation.mailboxes[mailbox];
                known.delegates.retain(|delegate| delegate.address != address);
                for (_, folder) in LEVELS {
                    permit(known, folder, &address, "", Rights::default());
                }
                Ok(String::new())
            })
            .collect()
    });
    Ok(respond("RemoveDelegateResponse", outcome, None))
}

/// Adds or updates delegates; `prepare` says whether the one at hand may be.
fn change(
    call: &mut Call<'_>,
    request: &Element,
    name: &str,
    prepare: fn(&mut Mailbox, &str) -> Result<(), Trouble>,
) -> String {
    let outcome = mailbox(call, request).map(|mailbox| {
        if let Some(deliver) = request.child_text("DeliverMeetingRequests") {
            call.organisation.mailboxes[mailbox].deliver = deliver.to_owned();
        }
        let users = request.list("DelegateUsers");
        users.iter().map(|user| one(call, mailbox, user, prepare)).collect()
    });
    respond(name, outcome, None)
}

fn one(
    call: &mut Call<'_>,
    mailbox: usize,
    user: &Element,
    prepare: fn(&mut Mailbox, &str) -> Result<(), Trouble>,
) -> Result<String, Trouble> {
    let address = address(call, user.child("UserId").ok_or_else(no_user)?)?;
    if call.organisation.find(&address) == Some(mailbox) {
        return Err(Trouble::new("ErrorDelegateCannotAddOwner", "The owner of a mailbox cannot be its delegate."));
    }
    let levels = user.list("DelegatePermissions");
    if levels.iter().any(|level| level.text.trim() == "Custom") {
        return Err(Trouble::new("ErrorInvalidDelegatePermission", "A custom permission level cannot be set."));
    }
    let name = call.organisation.directory.find(&address).map_or_else(|| address.clone(), |entry| entry.name.clone());
    let known = &mut call.organisation.mailboxes[mailbox];
    prepare(known, &address)?;
    let private = user.child("ViewPrivateItems").map(|_| user.is_true("ViewPrivateItems"));
    let copies = user.child("ReceiveCopiesOfMeetingMessages").map(|_| user.is_true("ReceiveCopiesOfMeetingMessages"));
    for delegate in known.delegates.iter_mut().filter(|delegate| delegate.address == address) {
        delegate.private = private.unwrap_or(delegate.private);
        delegate.copies = copies.unwrap_or(delegate.copies);
    }
    for level in levels {
        let folder = LEVELS.iter().find(|(element, _)| *element == level.name).map(|(_, folder)| *folder);
        if let (Some(folder), Some(rights)) = (folder, Rights::of_level(level.text.trim())) {
            permit(known, folder, &address, &name, rights);
        }
    }
    let delegate = find(&call.organisation.mailboxes[mailbox], &address)?.clone();
    Ok(shown(call, mailbox, &delegate, false))
}

/// Gives somebody rights on a distinguished folder.
fn permit(mailbox: &mut Mailbox, folder: &str, address: &str, name: &str, rights: Rights) {
    let Some(folder) = mailbox.distinguished(folder).and_then(|key| mailbox.folders.get_mut(&key)) else { return };
    let who = Who::User(address.to_owned());
    folder.permissions.retain(|permission| permission.who != who);
    if rights != Rights::default() {
        folder.permissions.push(Permission { who, name: name.to_owned(), rights });
    }
}

fn shown(call: &Call<'_>, mailbox: usize, delegate: &Delegate, permissions: bool) -> String {
    let known = &call.organisation.mailboxes[mailbox];
    let mut w = Writer::new();
    w.open("m:DelegateUser", &[]);
    w.open("t:UserId", &[]);
    w.text("t:SID", &sid(&delegate.address));
    w.text("t:PrimarySmtpAddress", &delegate.address);
    let entry = call.organisation.directory.find(&delegate.address);
    w.text("t:DisplayName", entry.map_or(&delegate.address, |entry| &entry.name));
    w.close("t:UserId");
    if permissions {
        w.open("t:DelegatePermissions", &[]);
        for (element, folder) in LEVELS {
            let folder = known.distinguished(folder).and_then(|key| known.folders.get(&key));
            let permissions = folder.map_or(&[][..], |folder| &folder.permissions);
            let who = Who::User(delegate.address.clone());
            let given = permissions.iter().find(|permission| permission.who == who);
            let rights = given.map(|permission| permission.rights).unwrap_or_default();
            let level = ["None", "Editor", "Reviewer", "Author"]
                .into_iter()
                .find(|level| Rights::of_level(level) == Some(rights))
                .unwrap_or("Custom");
            w.text(&format!("t:{element}"), level);
        }
        w.close("t:DelegatePermissions");
    }
    w.flag("t:ReceiveCopiesOfMeetingMessages", delegate.copies);
    w.flag("t:ViewPrivateItems", delegate.private);
    w.close("m:DelegateUser");
    w.finish()
}

fn respond(name: &str, outcome: Result<Vec<Result<String, Trouble>>, Trouble>, deliver: Option<&str>) -> String {
    let inside = outcome.map(|replies| {
        let mut w = Writer::new();
        if !replies.is_empty() {
            w.open("m:ResponseMessages", &[]);
            for reply in replies {
                let class = if reply.is_ok() { "Success" } else { "Error" };
                w.open("m:DelegateUserResponseMessageType", &[("ResponseClass", class)]);
                frame::outcome(&mut w, reply.as_ref().err());
                if let Ok(inside) = reply {
                    w.append(&inside);
                }
                w.close("m:DelegateUserResponseMessageType");
            }
            w.close("m:ResponseMessages");
        }
        if let Some(deliver) = deliver {
            w.text("m:DeliverMeetingRequests", deliver);
        }
        w.finish()
    });
    frame::alone(name, "", inside)
}

/// The mailbox whose delegates are meant: only its owner may look.
fn mailbox(call: &Call<'_>, request: &Element) -> Result<usize, Trouble> {
    let address = request.child("Mailbox").and_then(|mailbox| mailbox.child_text("EmailAddress")).unwrap_or_default();
    match call.organisation.find(address) {
        Some(mailbox) if mailbox == call.me => Ok(mailbox),
        Some(_) => Err(Trouble::new("ErrorAccessDenied", "Access is denied. Check credentials and try again.")),
        None => Err(Trouble::new("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")),
    }
}

/// The address of a `UserId`, which must be that of somebody with a mailbox.
fn address(call: &Call<'_>, user: &Element) -> Result<String, Trouble> {
    let given = user.child_text("PrimarySmtpAddress").map(str::to_owned).or_else(|| {
        let wanted = user.child_text("SID")?;
        let all = call.organisation.mailboxes.iter();
        all.map(|mailbox| mailbox.address.clone()).find(|address| sid(address) == wanted)
    });
    let index = given.and_then(|address| call.organisation.find(&address)).ok_or_else(no_user)?;
    Ok(call.organisation.mailboxes[index].address.clone())
}

fn find<'a>(mailbox: &'a Mailbox, address: &str) -> Result<&'a Delegate, Trouble> {
    let known = mailbox.delegates.iter().find(|delegate| delegate.address == address);
    known.ok_or_else(|| Trouble::new("ErrorNotDelegate", "The user is not a delegate for the mailbox."))
}

fn no_user() -> Trouble {
    Trouble::new("ErrorDelegateNoUser", "The delegate is not a user of this organisation.")
}

/// Elements of `DelegatePermissions` and the folders they are for.
const LEVELS: &[(&str, &str)] = &[
    ("CalendarFolderPermissionLevel", "calendar"),
    ("TasksFolderPermissionLevel", "tasks"),
    ("InboxFolderPermissionLevel", "inbox"),
    ("ContactsFolderPermissionLevel", "contacts"),
    ("NotesFolderPermissionLevel", "notes"),
    ("JournalFolderPermissionLevel", "journal"),
];
