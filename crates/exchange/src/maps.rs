//! Where the maps of mailboxes are kept: a file for each, or one database for several gateways.

use std::path::{Path, PathBuf};

use idmap::Copied;
use mailbox::{Error, ErrorKind};
use nodes::Nodes;

use crate::directory::{file_name, known_homes};
use crate::error::Result;

/// The map of one mailbox.
pub(crate) use idmap::Mailbox as Map;

/// What several gateways share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The maps of all mailboxes.
    pub server: idmap::postgres::Server,
    /// The gateways.
    pub nodes: Nodes,
}

/// The maps of all mailboxes.
#[derive(Clone, Debug)]
pub(crate) enum Maps {
    /// A directory for each organisation, in this one.
    Files(PathBuf),
    /// A database, and the other gateways that use it.
    Shared(Shared),
}

impl Maps {
    /// Opens the map of a mailbox, or makes an empty one. An organisation's name holds no blanks.
    pub(crate) async fn open(&self, organisation: &str, name: &str) -> Result<Map> {
        Ok(match self {
            Self::Files(directory) => {
                let directory = directory.join(file_name(organisation));
                std::fs::create_dir_all(&directory)?;
                idmap::sqlite::open(&directory, name).await?
            }
            Self::Shared(shared) => shared.server.mailbox(&named(organisation, name)).await?,
        })
    }

    pub(crate) fn nodes(&self) -> Option<&Nodes> {
        match self {
            Self::Files(_) => None,
            Self::Shared(shared) => Some(&shared.nodes),
        }
    }
}

impl Shared {
    /// The name by which the state of a mailbox is found, on all nodes.
    pub(crate) async fn home(&self, organisation: &str, user: &str, top: &str) -> Result<String> {
        let has_state = self.server.exists(&named(organisation, user)).await?;
        self.nodes.home(organisation, user, top, has_state).await.map_err(|error| {
            tracing::error!(user, %error, "it cannot be found out which state belongs to a mailbox");
            Error::new(ErrorKind::Unavailable, "the gateway's database does not answer; try again in a moment")
        })
    }
}

/// Copies the maps of an organisation's mailboxes from the files below a state directory to the database, and what the
/// mailboxes are called. Those that are there are left alone. Each is told: its name, and how many rows were copied.
///
/// # Errors
/// Those of either place. What was copied until then is there, and another try goes on.
pub async fn copy_maps(
    state: &Path,
    organisation: &str,
    to: &Shared,
    mut tell: impl FnMut(&str, Option<u64>),
) -> Result<()> {
    let directory = state.join(DIRECTORY).join(file_name(organisation));
    if !directory.is_dir() {
        return Ok(());
    }
    for name in idmap::sqlite::all(&directory).await? {
        let map = idmap::sqlite::open(&directory, &name).await?;
        match idmap::copy(&map, &to.server, &named(organisation, &name)).await? {
            Copied::Rows(rows) => tell(&name, Some(rows)),
            Copied::There => tell(&name, None),
        }
    }
    for (top, name) in known_homes(&directory) {
        to.home(organisation, &name, &top).await?;
    }
    Ok(())
}

/// What a map is called among those of all organisations.
pub(crate) fn named(organisation: &str, name: &str) -> String {
    format!("{organisation} {name}")
}

/// Where the maps are, below the state directory.
pub(crate) const DIRECTORY: &str = "maps";
