//! People: the user, and those in the directory.

use std::fmt;

/// The user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The name signed in with; the segment of the principal's URL.
    pub user: String,
    /// The name a person sees.
    pub display_name: String,
    /// All SMTP addresses, the primary one first.
    pub addresses: Vec<String>,
    /// Bytes used and bytes allowed, where known.
    pub quota: Option<(u64, Option<u64>)>,
}

/// What kind of entry of the directory (RFC 5545 section 3.2.3 CUTYPE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonKind {
    /// INDIVIDUAL
    Individual,
    /// GROUP
    Group,
    /// ROOM
    Room,
    /// RESOURCE
    Resource,
}

/// Somebody of the directory. Debug shows only who.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// The name a person sees.
    pub display_name: String,
    /// SMTP address.
    pub address: String,
    /// What it is.
    pub kind: PersonKind,
    /// All that is known, as a vCard 4.0.
    pub card: String,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("address", &self.address).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What a change may send to others (RFC 6638).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Calendaring {
    /// The server sends invitations, answers, cancellations.
    #[default]
    Server,
    /// Nothing is sent: `Schedule-Reply: F` on a DELETE.
    Silent,
}
