//! How the gateway is looked after: pages for people, an interface by HTTP for programs (`/api/v1`), and who may do what
//! there.
//!
//! [`Admin::answer`] takes a request and gives an answer; it sees no socket. Every path stands in a table with the role it
//! needs at least (`route.rs`), and so does the document that describes the interface. What is changed is changed in the
//! [`Store`], whose audit log then says who did it; what only the running gateway can do is asked of a
//! [`House`].

mod act;
mod answer;
mod api;
mod ask;
mod form;
mod guard;
mod house;
mod listing;
mod openapi;
mod page;
mod problem;
mod route;
mod trial;
mod view;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use accounts::Store;
use mailbox::Secret;

pub use answer::Answer;
pub use ask::{Asked, From};
pub use house::{
    Cache, Certificate, Event, Extent, House, Listed, Made, Mailbox, MailboxState, Organisation, Outcome, Point,
    Session, Severity, Spool, Status, Step, StepState, Unreadable, Upstream, Wanted,
};
pub use problem::Problem;
pub use trial::Trials;

/// Looks after a gateway. Clones share everything.
pub struct Admin<S, H>(Arc<Inner<S, H>>);

struct Inner<S, H> {
    store: S,
    house: Arc<H>,
    guard: guard::Guard,
    trials: Trials<S, H>,
    listings: listing::Listings,
}

impl<S: Store, H: House> Admin<S, H> {
    /// One for this register and this gateway. `None` if the system gives no random numbers.
    #[must_use]
    pub fn new(store: S, house: Arc<H>, trials: Trials<S, H>, longest_refusal: std::time::Duration) -> Option<Self> {
        let guard = guard::Guard::new(longest_refusal)?;
        Some(Self(Arc::new(Inner { store, house, guard, trials, listings: listing::Listings::default() })))
    }

    /// What `exgate` on this machine sends as an administrator's password (RFC 6750), to be kept where only the gateway's owner reads:
    /// whoever can read that can do all of it without. It lets an operator in, from a loopback address, named by the header
    /// `exgate-user`, until the gateway ends.
    #[must_use]
    pub fn ticket(&self) -> &Secret<String> {
        self.0.guard.ticket()
    }

    /// Answers a request, whatever it is.
    pub async fn answer(&self, asked: Asked) -> Answer {
        let answer = match asked.path().strip_prefix(api::ROOT) {
            Some(_) => self.0.api(&asked).await,
            None => self.0.page(&asked).await,
        };
        answer::hardened(answer)
    }
}

impl<S, H> Clone for Admin<S, H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, H> std::fmt::Debug for Admin<S, H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin")
    }
}
