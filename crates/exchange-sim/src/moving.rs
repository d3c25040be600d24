//! Mailboxes on older servers of a mixed organisation, and mailboxes that move from one server to another.

use crate::{
    Caller, Version,
    exchange::Organisation,
    soap::{Element, Fault},
    store::Mailbox,
    time::{self, Seconds},
};

/// A move that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moving {
    /// When it is over, by the clock of the organisation.
    until: Seconds,
    /// Whether every id, change key and sync state is another one afterwards.
    new_ids: bool,
    /// The only front end that serves the mailbox afterwards.
    to: Option<usize>,
}

impl Organisation {
    /// Begins to move a mailbox for so many seconds.
    pub(crate) fn begin_move(&mut self, mailbox: usize, seconds: Seconds, new_ids: bool, to: Option<usize>) {
        let until = self.now() + seconds;
        if let Some(mailbox) = self.mailboxes.get_mut(mailbox) {
            mailbox.moving = Some(Moving { until, new_ids, to });
            mailbox.subscriptions.clear();
        }
    }

    /// Ends moves whose time has come.
    pub(crate) fn settle_moves(&mut self) {
        let now = self.now();
        for mailbox in &mut self.mailboxes {
            if let Some(moving) = mailbox.moving.filter(|moving| moving.until <= now) {
                mailbox.arrive(moving);
            }
        }
    }

    /// The organisation's clock.
    pub(crate) fn now(&self) -> Seconds {
        time::now() + self.ahead
    }

    /// Refuses a mailbox that moves (R/responsecode), and one that moved away from the front end that was asked
    /// (D/handling-notification-related-errors: look it up again by Autodiscover).
    pub(crate) fn available(&self, mailbox: usize, caller: &Caller) -> Result<(), Fault> {
        let Some(mailbox) = self.mailboxes.get(mailbox) else { return Ok(()) };
        if mailbox.moving.is_some() {
            return Err(Fault::new("ErrorMailboxMoveInProgress", "Mailbox move in progress. Try again later."));
        }
        match mailbox.front_end {
            Some(there) if there != caller.front_end => Err(Fault::new(
                "ErrorProxyRequestNotAllowed",
                "The mailbox is in another site, and requests for it are not passed on.",
            )),
            _ => Ok(()),
        }
    }

    /// The version of the servers that work on a request: that of this one, or the oldest of those with a mailbox it is
    /// about. A request must not ask for a newer schema than that.
    pub(crate) fn working_version(&self, me: usize, body: &Element, asked: Version) -> Result<Version, Fault> {
        let mut mailboxes = vec![me];
        named(body, &mut |address| mailboxes.extend(self.find(address)));
        let versions = mailboxes.iter().filter_map(|mailbox| self.mailboxes.get(*mailbox)?.version);
        let version = versions.fold(self.options.version, Version::min);
        match asked <= version {
            true => Ok(version),
            false => Err(Fault::new(
                "ErrorInvalidSchemaVersionForMailboxVersion",
                "The request's schema version is newer than the server of the mailbox knows.",
            )),
        }
    }
}

impl Mailbox {
    fn arrive(&mut self, moving: Moving) {
        self.moving = None;
        self.front_end = moving.to;
        if moving.new_ids {
            self.migrate();
        }
    }

    /// Ends a move now.
    pub(crate) fn finish_move(&mut self) {
        if let Some(moving) = self.moving {
            self.arrive(moving);
        }
    }
}

/// The mailboxes whose folders a request names.
fn named(element: &Element, found: &mut impl FnMut(&str)) {
    if element.name == "DistinguishedFolderId"
        && let Some(address) = element.child("Mailbox").and_then(|mailbox| mailbox.child_text("EmailAddress"))
    {
        found(address);
    }
    for child in &element.children {
        named(child, found);
    }
}
