//! What a handler has at hand.

use std::sync::Arc;

use http::StatusCode;
use mailbox::objects::{Collection, Objects, SyncToken};

use crate::error::Error;
use crate::property::{self, Asked, Subject};
use crate::request::{MINIMAL, Request};
use crate::resource::{Facts, Resource};

/// One request of one user. Clones share everything, so that bodies written later can take one along.
#[derive(Clone, Debug)]
pub(crate) struct Context<A> {
    /// What the user can use.
    pub(crate) account: A,
    /// What every request needs to know.
    pub(crate) facts: Arc<Facts>,
    /// What is asked.
    pub(crate) request: Arc<Request>,
}

impl<A: Objects> Context<A> {
    /// What is at the place asked about.
    pub(crate) async fn resource(&self) -> Result<Resource, Error> {
        self.facts.resolve(&self.account, &self.request.place).await
    }

    /// The collection asked about; 404 if nothing is there, 403 if it is something else.
    pub(crate) async fn collection(&self) -> Result<Arc<Collection>, Error> {
        match self.resource().await? {
            Resource::Collection(collection) => Ok(collection),
            _ => Err(Error::new(StatusCode::FORBIDDEN, "This is done to collections of objects only")),
        }
    }

    /// Where a resource stands, if what is asked needs it.
    pub(crate) async fn token(&self, resource: &Resource, asked: &Asked) -> Result<Option<SyncToken>, Error> {
        match resource {
            Resource::Collection(collection) if asked.needs_token() => {
                Ok(Some(self.account.sync_token(collection.id).await?))
            }
            _ => Ok(None),
        }
    }

    /// The `propstat` elements for a resource; `text` is for reports that fetched it.
    pub(crate) fn propstats(
        &self,
        resource: &Resource,
        token: Option<SyncToken>,
        text: Option<&bytes::Bytes>,
        asked: &Asked,
    ) -> String {
        let subject = Subject { facts: &self.facts, resource, token, text, person: None };
        property::propstats(&subject, asked, self.request.prefers(MINIMAL))
    }

    /// The path of a resource.
    pub(crate) fn href(&self, resource: &Resource) -> String {
        self.facts.place(resource).href()
    }
}
