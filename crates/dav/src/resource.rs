//! What is at a place, for one user: resolved once per request from the listing of collections.

use std::sync::Arc;

use mailbox::objects::{Collection, CollectionKind, ObjectEntry, ObjectKind, ObjectName, Objects, Owner, Principal};
use mailbox::{ErrorKind, Scope, Scopes};

use crate::Settings;
use crate::error::Error;
use crate::place::{Family, Place};

/// What every request of a user needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// Who the user is.
    pub(crate) principal: Arc<Principal>,
    /// All collections there are for the user.
    pub(crate) collections: Arc<[Collection]>,
    /// What the operator has set.
    pub(crate) settings: Arc<Settings>,
}

/// Something that is there.
#[derive(Clone, Debug)]
pub(crate) enum Resource {
    /// `/dav/`
    Root,
    /// `/dav/principals/`
    Principals,
    /// `/dav/calendars/`, `/dav/addressbooks/`
    Homes(Family),
    /// Somebody.
    Principal(Who),
    /// Somebody's collections of a family.
    Home(Family, Who),
    /// A collection.
    Collection(Arc<Collection>),
    /// RFC 6638 section 2.1: where free/busy is asked. There is nothing in it.
    Outbox,
    /// An object in a collection.
    Object(Arc<Collection>, Box<ObjectEntry>),
}

/// Whose something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The user.
    Me,
    /// Somebody who lets the user in.
    Other {
        /// Primary SMTP address, which is the segment, too.
        address: String,
        /// The name a person sees.
        name: String,
    },
}

impl Facts {
    /// Asks for them.
    pub(crate) async fn of<A: Objects>(account: &A, settings: Arc<Settings>) -> Result<Self, Error> {
        Ok(Self { principal: account.principal().await?, collections: account.collections().await?, settings })
    }

    /// The same with the collections that somebody may use, and no others.
    pub(crate) fn within(mut self, scopes: Scopes) -> Self {
        let is_open = |collection: &&Collection| scopes.has(scope_of(collection.kind));
        if !self.collections.iter().all(|collection| is_open(&collection)) {
            self.collections = self.collections.iter().filter(is_open).cloned().collect();
        }
        self
    }

    /// The same with the user called as this place calls the user, if it does so by another address: clients compare the
    /// paths they are told with those they know.
    pub(crate) fn called_by(mut self, place: &Place) -> Self {
        let (Place::Principal { user }
        | Place::Home { user, .. }
        | Place::Collection { user, .. }
        | Place::Object { user, .. }) = place
        else {
            return self;
        };
        if self.user() != user && self.who(user) == Some(Who::Me) {
            let principal = Principal { user: user.clone(), ..self.principal.as_ref().clone() };
            self.principal = Arc::new(principal);
        }
        self
    }

    /// The user's segment.
    pub(crate) fn user(&self) -> &str {
        &self.principal.user
    }

    /// Whose segment this is: the user by sign-in name or any address, or somebody who lets the user in.
    pub(crate) fn who(&self, segment: &str) -> Option<Who> {
        let is = |name: &str| name.eq_ignore_ascii_case(segment) || name.to_lowercase() == segment.to_lowercase();
        if is(self.user()) || self.principal.addresses.iter().any(|address| is(address)) {
            return Some(Who::Me);
        }
        self.others().into_iter().find(|who| matches!(who, Who::Other { address, .. } if is(address)))
    }

    /// Everybody who lets the user in, in the order of the listing.
    pub(crate) fn others(&self) -> Vec<Who> {
        let mut found: Vec<Who> = Vec::new();
        for collection in self.collections.iter() {
            let who = Who::of(&collection.owner);
            if who != Who::Me && !found.contains(&who) {
                found.push(who);
            }
        }
        found
    }

    /// Somebody's collections of a family, in the order of the listing.
    pub(crate) fn of_home<'a>(&'a self, family: Family, who: &'a Who) -> impl Iterator<Item = &'a Collection> {
        self.collections
            .iter()
            .filter(move |collection| family_of(collection.kind) == family && Who::of(&collection.owner) == *who)
    }

    /// Where a collection is.
    pub(crate) fn place_of(&self, collection: &Collection) -> Place {
        Place::Collection {
            family: family_of(collection.kind),
            user: self.segment(&Who::of(&collection.owner)).to_owned(),
            name: collection.name.clone(),
        }
    }

    /// The segment that stands for somebody.
    pub(crate) fn segment<'a>(&'a self, who: &'a Who) -> &'a str {
        match who {
            Who::Me => self.user(),
            Who::Other { address, .. } => address,
        }
    }

    /// The collection at a place, if there is one.
    pub(crate) fn collection(&self, place: &Place) -> Option<&Collection> {
        let Place::Collection { family, user, name } = place else { return None };
        let who = self.who(user)?;
        self.collections.iter().find(|collection| {
            collection.name == *name && family_of(collection.kind) == *family && Who::of(&collection.owner) == who
        })
    }

    /// What is at a place; `NotFound` if nothing is.
    pub(crate) async fn resolve<A: Objects>(&self, account: &A, place: &Place) -> Result<Resource, Error> {
        let who = |user: &str| self.who(user).ok_or_else(Error::not_found);
        Ok(match place {
            Place::Root => Resource::Root,
            Place::Principals => Resource::Principals,
            Place::Homes(family) => Resource::Homes(*family),
            Place::Principal { user } => Resource::Principal(who(user)?),
            Place::Home { family, user } => Resource::Home(*family, who(user)?),
            Place::Collection { .. } => match self.collection(place) {
                Some(collection) => Resource::Collection(Arc::new(collection.clone())),
                None if self.is_outbox(place) => Resource::Outbox,
                None => return Err(Error::not_found()),
            },
            Place::Object { name, .. } => {
                let above = place.collection().ok_or_else(Error::not_found)?;
                let collection = self.collection(&above).ok_or_else(Error::not_found)?;
                let entry = entry(account, collection, ObjectName(name.clone())).await?;
                Resource::Object(Arc::new(collection.clone()), Box::new(entry.ok_or_else(Error::not_found)?))
            }
            Place::WellKnown | Place::Feed { .. } => return Err(Error::not_found()),
        })
    }

    fn is_outbox(&self, place: &Place) -> bool {
        matches!(place, Place::Collection { family: Family::Calendars, user, name }
            if name == OUTBOX && self.who(user) == Some(Who::Me))
    }

    /// Where a resource is.
    pub(crate) fn place(&self, resource: &Resource) -> Place {
        match resource {
            Resource::Root => Place::Root,
            Resource::Principals => Place::Principals,
            Resource::Homes(family) => Place::Homes(*family),
            Resource::Principal(who) => Place::Principal { user: self.segment(who).to_owned() },
            Resource::Home(family, who) => Place::Home { family: *family, user: self.segment(who).to_owned() },
            Resource::Collection(collection) => self.place_of(collection),
            Resource::Outbox => self.outbox(),
            Resource::Object(collection, entry) => {
                let above = self.place_of(collection);
                above.object(&entry.name.0).unwrap_or(above)
            }
        }
    }

    /// Where the user's outbox is.
    pub(crate) fn outbox(&self) -> Place {
        Place::Collection { family: Family::Calendars, user: self.user().to_owned(), name: OUTBOX.to_owned() }
    }

    /// The user's own collection of a kind that new objects go to.
    pub(crate) fn default_of(&self, kind: CollectionKind) -> Option<&Collection> {
        let mut own = self.collections.iter().filter(|one| one.kind == kind && one.owner == Owner::Me);
        own.clone().find(|collection| collection.is_default).or_else(|| own.next())
    }
}

impl Who {
    /// Whose a collection is.
    pub(crate) fn of(owner: &Owner) -> Self {
        match owner {
            Owner::Me => Self::Me,
            Owner::Other { address, name } => Self::Other { address: address.clone(), name: name.clone() },
        }
    }
}

/// An object's entry. A directory has no index: whoever is in it is found by name.
async fn entry<A: Objects>(
    account: &A,
    collection: &Collection,
    name: ObjectName,
) -> Result<Option<ObjectEntry>, Error> {
    if collection.kind != CollectionKind::Directory {
        return Ok(account.entry(collection.id, &name).await?);
    }
    match account.objects(collection.id, &[name]).await?.pop() {
        Some((_, Ok(object))) => Ok(Some(object.entry)),
        Some((_, Err(error))) if error.kind != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(None),
    }
}

/// What somebody must be allowed to see a collection.
fn scope_of(kind: CollectionKind) -> Scope {
    match (kind, family_of(kind)) {
        (CollectionKind::Directory, _) => Scope::Directory,
        (_, Family::Calendars) => Scope::Calendar,
        (_, Family::AddressBooks) => Scope::Contacts,
    }
}

/// Where collections of a kind stand.
pub(crate) fn family_of(kind: CollectionKind) -> Family {
    match kind {
        CollectionKind::Calendar | CollectionKind::Tasks | CollectionKind::Notes | CollectionKind::ScheduleInbox => {
            Family::Calendars
        }
        CollectionKind::Contacts | CollectionKind::Directory => Family::AddressBooks,
    }
}

/// A set of kinds of resources: what a property belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u16);

impl Kinds {
    pub(crate) const ROOT: Self = Self(1);
    pub(crate) const PRINCIPALS: Self = Self(2);
    pub(crate) const HOMES: Self = Self(4);
    pub(crate) const PRINCIPAL: Self = Self(8);
    pub(crate) const CALENDAR_HOME: Self = Self(16);
    pub(crate) const BOOK_HOME: Self = Self(32);
    /// Calendars, task lists, notes.
    pub(crate) const CALENDAR: Self = Self(64);
    /// Address books and the directory.
    pub(crate) const BOOK: Self = Self(128);
    pub(crate) const INBOX: Self = Self(256);
    pub(crate) const OUTBOX: Self = Self(512);
    /// Events, tasks, notes.
    pub(crate) const ENTRY: Self = Self(1024);
    /// vCards.
    pub(crate) const CARD: Self = Self(2048);
    /// iTIP messages.
    pub(crate) const MESSAGE: Self = Self(4096);

    /// Whatever there is.
    pub(crate) const ALL: Self = Self(8191);
    pub(crate) const OBJECTS: Self = Self::ENTRY.and(Self::CARD).and(Self::MESSAGE);
    /// Collections with a history.
    pub(crate) const SYNCED: Self = Self::CALENDAR.and(Self::BOOK).and(Self::INBOX);
    /// Collections whose names and dead properties can be set.
    pub(crate) const NAMED: Self = Self::CALENDAR.and(Self::BOOK);

    /// Both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True if a kind is among them.
    pub(crate) fn has(self, kind: Self) -> bool {
        self.0 & kind.0 != 0
    }

    /// The one kind a resource is of.
    pub(crate) fn of(resource: &Resource) -> Self {
        match resource {
            Resource::Root => Self::ROOT,
            Resource::Principals => Self::PRINCIPALS,
            Resource::Homes(_) => Self::HOMES,
            Resource::Principal(_) => Self::PRINCIPAL,
            Resource::Home(Family::Calendars, _) => Self::CALENDAR_HOME,
            Resource::Home(Family::AddressBooks, _) => Self::BOOK_HOME,
            Resource::Outbox => Self::OUTBOX,
            Resource::Collection(collection) => match collection.kind {
                CollectionKind::Calendar | CollectionKind::Tasks | CollectionKind::Notes => Self::CALENDAR,
                CollectionKind::Contacts | CollectionKind::Directory => Self::BOOK,
                CollectionKind::ScheduleInbox => Self::INBOX,
            },
            Resource::Object(_, entry) => match entry.kind {
                ObjectKind::Event | ObjectKind::Todo | ObjectKind::Journal => Self::ENTRY,
                ObjectKind::Card | ObjectKind::Group => Self::CARD,
                ObjectKind::Message => Self::MESSAGE,
            },
        }
    }
}

/// The segment of the outbox.
pub(crate) const OUTBOX: &str = "outbox";
