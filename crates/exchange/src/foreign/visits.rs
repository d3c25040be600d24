//! Where a client goes beside the user's own mailbox, and in which mailbox a folder or a path is.

use std::sync::Arc;
use std::time::Duration;

use ews::Version;
use mailbox::{Depth, Error, ErrorKind, FolderId, FolderPath, Namespaces};

use super::mounts::client_for;
use super::place::{self, Number, Place, Root};
use crate::error::{self, Result};
use crate::live::Live;

impl Live {
    /// Where folders are that are not the user's own.
    pub(crate) async fn namespaces(self: &Arc<Self>) -> Result<Namespaces> {
        let names = self.names().await?;
        let shared = match self.has(&Root::Public).await {
            true => vec![names.path(&Root::Public)],
            false => Vec::new(),
        };
        Ok(Namespaces { others: vec![FolderPath(vec![names.others])], shared })
    }

    /// Goes where a client looks.
    pub(crate) async fn visit(self: &Arc<Self>, path: &FolderPath, depth: Depth) -> Result<()> {
        if path.0.is_empty() {
            return self.look_around(depth).await;
        }
        match self.names().await?.place(path) {
            Place::Own | Place::Others => Ok(()),
            Place::In(Root::Other(address), rest) => self.visit_other(&address, &rest, depth).await,
            Place::In(root, rest) => match self.has(&root).await {
                true => {
                    let (_, live) = self.mount(&root).await?;
                    match root {
                        Root::Public => live.walk(&rest, depth).await,
                        _ => live.visited_at(&rest, depth).await,
                    }
                }
                false => Ok(()),
            },
        }
    }

    /// A client lists all there is: the archive belongs to that, and that there are public folders. What is in those,
    /// and in others' mailboxes, is shown as it was when somebody last looked into them.
    async fn look_around(self: &Arc<Self>, depth: Depth) -> Result<()> {
        self.has(&Root::Public).await;
        if self.has(&Root::Archive).await && depth > Depth::Levels(1) {
            let (_, live) = self.mount(&Root::Archive).await?;
            live.revisit(REVISIT).await?;
        }
        Ok(())
    }

    async fn visit_other(self: &Arc<Self>, address: &str, rest: &FolderPath, depth: Depth) -> Result<()> {
        if !address.contains('@') {
            let sentence = "others' mailboxes are named by address, such as \"Other Users/ben@corp.example\"";
            return Err(Error::new(ErrorKind::NotFound, sentence));
        }
        if *address == self.user {
            return Err(Error::new(ErrorKind::NotFound, "this is your own mailbox; its folders are at the top"));
        }
        let root = Root::Other(address.to_owned());
        let mut version = None;
        if !self.rows().await?.iter().any(|row| row.root == root) {
            version = self.knock(&root).await?;
        }
        let (number, live) = self.mount(&root).await?;
        live.learn_version(version);
        live.visited_at(rest, depth).await?;
        live.keep_version().await;
        self.show(number, true).await
    }

    /// Whoever names mailbox after mailbox makes no map for those that do not let them in.
    /// Who is let in learns what the mailbox's server understands, which may be older than the user's own.
    async fn knock(&self, root: &Root) -> Result<Option<Version>> {
        if let Some(error) = self.mounts.turned_away(root) {
            return Err(error);
        }
        let client = client_for(&self.client()?, root);
        let Err(error) = self.try_doors(&client, root).await else { return Ok(client.server_version()) };
        if matches!(error.kind, ErrorKind::Denied | ErrorKind::NotFound) {
            self.mounts.turn_away(root, &error);
        }
        Err(error)
    }

    /// A client looks at a folder of this mailbox, or below it.
    async fn visited_at(self: &Arc<Self>, rest: &FolderPath, depth: Depth) -> Result<()> {
        // Whoever opens a folder that is known gets it from what is known.
        let known = depth == Depth::Levels(0) && self.known_listing().await?.at(rest).is_some();
        self.revisit(if known { REVISIT_KNOWN } else { REVISIT }).await
    }

    /// Whoever unsubscribes somebody's mailbox as a whole does not want it listed any more; what is kept of it stays, so
    /// that its UIDs are the same when it comes back.
    pub(crate) async fn unsubscribed(self: &Arc<Self>, path: &FolderPath) -> Result<()> {
        let Place::In(root @ Root::Other(_), rest) = self.names().await?.place(path) else { return Ok(()) };
        let row = self.rows().await?.into_iter().find(|row| row.root == root && rest.0.is_empty());
        match row {
            Some(row) => self.show(row.number, false).await,
            None => Ok(()),
        }
    }

    /// The mailbox a folder is in, and what that calls it.
    ///
    /// # Errors
    /// `NotFound`; `Denied` if its owner does not let the user in any more.
    pub(crate) async fn at(self: &Arc<Self>, folder: FolderId) -> Result<(Arc<Live>, FolderId)> {
        let (number, inner) = place::local(folder);
        if number == 0 {
            return Ok((Arc::clone(self), folder));
        }
        let row = self.rows().await?.into_iter().find(|row| row.number == number).ok_or_else(error::no_folder)?;
        let (_, live) = self.mount(&row.root).await?;
        live.visited.verdict()?;
        match live.root {
            Root::Public => Ok((live.holder_of(self, inner).await?, inner)),
            _ => Ok((live, inner)),
        }
    }

    /// The mailbox a path is in, its number, and the path there.
    pub(crate) async fn at_path(self: &Arc<Self>, path: &FolderPath) -> Result<(Number, Arc<Live>, FolderPath)> {
        match self.names().await?.place(path) {
            Place::In(root, rest) if self.is_there(&root).await? => {
                let (number, live) = self.mount(&root).await?;
                Ok((number, live, rest))
            }
            _ => Ok((0, Arc::clone(self), path.clone())),
        }
    }

    /// True if what is at a path, or would be, is in the user's own mailbox.
    pub(crate) async fn is_own_path(self: &Arc<Self>, path: &FolderPath) -> Result<bool> {
        Ok(self.names().await?.place(path) == Place::Own)
    }

    /// Makes a folder, in whichever mailbox its path lies.
    pub(crate) async fn create_anywhere(self: &Arc<Self>, path: &FolderPath) -> Result<FolderId> {
        let (number, live, path) = self.at_path(path).await?;
        if path.0.is_empty() {
            return Err(Error::new(ErrorKind::Exists, "this name stands for a mailbox; choose another one below it"));
        }
        Ok(place::global(number, live.create_folder(&path).await?))
    }

    /// Gives a folder another path in the same mailbox.
    pub(crate) async fn rename_anywhere(self: &Arc<Self>, from: &FolderPath, to: &FolderPath) -> Result<()> {
        let (number, live, from) = self.at_path(from).await?;
        let (other, _, to) = self.at_path(to).await?;
        if number != other || to.0.is_empty() {
            let sentence = "a folder cannot go to another mailbox; make one there and move the messages";
            return Err(Error::new(ErrorKind::Cannot, sentence));
        }
        live.rename_folder(&from, &to).await
    }

    async fn is_there(self: &Arc<Self>, root: &Root) -> Result<bool> {
        Ok(self.rows().await?.iter().any(|row| row.root == *root && row.shown))
    }
}

/// A tree that is listed is looked at again after this.
const REVISIT: Duration = Duration::from_secs(15);
/// A tree of which a folder is opened that is known.
const REVISIT_KNOWN: Duration = Duration::from_secs(600);
