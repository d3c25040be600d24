//! The texts of many objects, no more of them held than the backend gives at once.

use mailbox::objects::{Object, ObjectName, Objects};
use mailbox::{Error, ErrorKind, FolderId, Result};

/// What became of an object that was asked for.
pub(crate) type Fetched = (ObjectName, Result<Object>);

/// The texts that are still to come, in the order asked for.
pub(crate) struct Texts<A> {
    account: A,
    collection: FolderId,
    wanted: std::vec::IntoIter<ObjectName>,
    here: std::vec::IntoIter<Fetched>,
}

impl<A: Objects> Texts<A> {
    /// Those of these objects of one collection.
    pub(crate) fn of(account: &A, collection: FolderId, names: Vec<ObjectName>) -> Self {
        Self { account: account.clone(), collection, wanted: names.into_iter(), here: Vec::new().into_iter() }
    }

    /// The next one; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Fetched>> {
        self.fetch().await?;
        Ok(self.here.next())
    }

    /// Sees to it that the next one is here, so that a failure can be told before anything else is.
    pub(crate) async fn fetch(&mut self) -> Result<()> {
        let wanted = self.wanted.as_slice();
        let wanted = &wanted[..wanted.len().min(AT_ONCE)];
        if self.here.len() > 0 || wanted.is_empty() {
            return Ok(());
        }
        let here = self.account.objects(self.collection, wanted).await?;
        if here.is_empty() {
            return Err(Error::new(ErrorKind::Unavailable, "the server gave none of the objects it was asked for"));
        }
        self.wanted.by_ref().take(here.len()).for_each(drop);
        self.here = here.into_iter();
        Ok(())
    }
}

/// Objects asked for together.
const AT_ONCE: usize = 50;
