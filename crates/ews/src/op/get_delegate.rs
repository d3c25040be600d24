//! GetDelegate: who acts for the owner of a mailbox.

use crate::operation::{Operation, Payload, only};
use crate::soap::{Element, Outcome, Xml};
use crate::types::{Address, PermissionLevel, UserId, Version};
use crate::{Error, ItemError};

/// Asks for the delegates of a mailbox.
#[derive(Clone, Debug)]
pub struct GetDelegate {
    /// Whose mailbox, by address.
    pub mailbox: String,
}

/// The delegates of a mailbox.
#[derive(Clone, Debug, Default)]
pub struct Delegates {
    /// Each of them; one that could not be looked up is an error of its own.
    pub delegates: Vec<Result<Delegate, ItemError>>,
    /// Who gets the invitations: `DelegatesOnly`, `DelegatesAndMe`, `DelegatesAndSendInformationToMe`, `NoForward`.
    pub deliver: Option<String>,
}

/// Somebody who acts for the owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delegate {
    /// Who.
    pub user: UserId,
    /// What is allowed in the calendar.
    pub calendar: Option<PermissionLevel>,
    /// What is allowed in tasks.
    pub tasks: Option<PermissionLevel>,
    /// What is allowed in the inbox.
    pub inbox: Option<PermissionLevel>,
    /// What is allowed in contacts.
    pub contacts: Option<PermissionLevel>,
    /// What is allowed in notes.
    pub notes: Option<PermissionLevel>,
    /// Gets copies of messages about meetings.
    pub receives_meetings: bool,
    /// Sees private items.
    pub views_private: bool,
}

impl Operation for GetDelegate {
    type Payload = Found;
    type Answer = Delegates;
    const NAME: &'static str = "GetDelegate";

    fn required(&self) -> Version {
        Version::Exchange2007Sp1
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:GetDelegate", &[("IncludePermissions", "true")], |xml| {
            Address::smtp(&self.mailbox).write_as(xml, "m:Mailbox");
        });
    }

    fn answer(&self, messages: Vec<Result<Found, ItemError>>) -> Result<Delegates, Error> {
        Ok(only(messages)?.0)
    }
}

/// The payload of GetDelegate.
#[derive(Debug, Default)]
pub struct Found(Delegates);

impl Payload for Found {
    fn take(&mut self, _container: &str, element: Element) {
        match element.name() {
            "ResponseMessages" => self.0.delegates.extend(element.all().iter().map(read_one)),
            "DeliverMeetingRequests" => self.0.deliver = Some(element.text().trim().to_owned()),
            _ => {}
        }
    }
}

fn read_one(message: &Element) -> Result<Delegate, ItemError> {
    Outcome::read(message).judge(())?;
    message.child("DelegateUser").map(Delegate::read).ok_or(ItemError::incomplete("delegate"))
}

impl Delegate {
    fn read(element: &Element) -> Delegate {
        let permissions = element.child("DelegatePermissions");
        let level = |name| {
            let level = permissions.and_then(|permissions| permissions.child(name))?;
            PermissionLevel::from_name(level.text())
        };
        let truth = |name| element.child(name).and_then(Element::truth).unwrap_or(false);
        Delegate {
            user: element.child("UserId").map(UserId::read).unwrap_or_default(),
            calendar: level("CalendarFolderPermissionLevel"),
            tasks: level("TasksFolderPermissionLevel"),
            inbox: level("InboxFolderPermissionLevel"),
            contacts: level("ContactsFolderPermissionLevel"),
            notes: level("NotesFolderPermissionLevel"),
            receives_meetings: truth("ReceiveCopiesOfMeetingMessages"),
            views_private: truth("ViewPrivateItems"),
        }
    }
}
