//! Following a mailbox to another server while it is live.

use std::sync::{Arc, Weak};

use ews::Identity;

use super::place::Person;
use super::upstream::Upstream;
use crate::foreign::Scout;
use crate::live::Live;

/// Who looks for a mailbox, and by what right.
pub(super) struct Seeker {
    pub(super) upstream: Arc<Upstream>,
    pub(super) person: Person,
    pub(super) identity: Identity,
}

impl Seeker {
    /// Asks Autodiscover for others than the person's own mailbox, by the same right.
    pub(super) fn scout(&self) -> Scout {
        let (upstream, identity) = (Arc::clone(&self.upstream), self.identity.clone());
        Arc::new(move |address| {
            let (upstream, identity) = (Arc::clone(&upstream), identity.clone());
            Box::pin(async move { upstream.settings_of(&address, &identity).await })
        })
    }

    /// Asks Autodiscover whenever the server seems to have the mailbox no more, until the mailbox is put to rest.
    pub(super) async fn follow(self, live: Weak<Live>) {
        // The new server is known, and has not opened the mailbox yet.
        let mut behind = false;
        loop {
            let Some(astray) = live.upgrade().map(|live| live.astray()) else { return };
            astray.notified().await;
            behind |= self.upstream.find_again(&self.person, &self.identity).await.is_some();
            if !behind {
                continue;
            }
            match self.upstream.enter(&self.person, &self.identity, Vec::new()).await {
                Ok(entered) => {
                    let Some(live) = live.upgrade() else { return };
                    live.greeted(entered.greeting);
                    live.renew(entered.client);
                    behind = false;
                }
                Err(error) => {
                    tracing::warn!(user = self.person.name, %error, "the mailbox's new server does not open it")
                }
            }
        }
    }
}
