//! Which mailbox requests for public folders go to, as Autodiscover tells.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ews::autodiscover::Found;
use tokio::sync::Mutex;

use crate::error::Result;

/// Asks Autodiscover about an address; `None` if it does not tell. Behind a pointer, since who asks and whom is the
/// directory's affair.
pub(crate) type Scout =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Option<Found>> + Send>> + Send + Sync + 'static>;

/// What Autodiscover told.
#[derive(Default)]
pub(crate) struct Routes {
    scout: Option<Scout>,
    /// The user's own address.
    address: Option<String>,
    known: Mutex<HashMap<String, (Instant, Option<Found>)>>,
}

/// What requests for the tree of public folders bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) anchor: String,
    pub(crate) mailbox: String,
}

impl Routes {
    pub(crate) fn new(scout: Option<Scout>, address: Option<String>) -> Self {
        Self { scout, address, ..Self::default() }
    }

    /// Where the tree is; `None` on servers before 2013, which need no such thing, and if nobody tells.
    pub(crate) async fn tree(&self) -> Option<Tree> {
        let found = self.ask(self.address.clone()?).await?;
        let anchor = found.public_folder_mailbox?;
        // GUID@domain, which the documents take from what is told of the user (GetUserSettings) or of the mailbox with the
        // tree (POX). The latter is surely the tree's; older servers tell a host's name in either place.
        let of_tree = self.ask(anchor.clone()).await.and_then(|found| found.rpc_server);
        let mailbox = [of_tree, found.rpc_server].into_iter().flatten().find(|server| server.contains('@'));
        Some(Tree { mailbox: mailbox.unwrap_or_else(|| anchor.clone()), anchor })
    }

    /// The address of the mailbox with this GUID, which has contents of public folders; `None` as for the tree.
    pub(crate) async fn contents(&self, guid: &str) -> Result<Option<String>> {
        let Some(tree) = self.tree().await else { return Ok(None) };
        let domain = tree.anchor.rsplit_once('@').map(|(_, domain)| domain.to_owned()).unwrap_or_default();
        let address = format!("{guid}@{domain}");
        Ok(self.ask(address.clone()).await.map(|found| found.primary_address.unwrap_or(address)))
    }

    async fn ask(&self, address: String) -> Option<Found> {
        let scout = self.scout.as_ref()?;
        let mut known = self.known.lock().await;
        if let Some((at, found)) = known.get(&address) {
            let keep = if found.is_some() { KEEP } else { TRY_AGAIN };
            if at.elapsed() < keep {
                return found.clone();
            }
        }
        let found = scout(address.clone()).await;
        if found.is_none() {
            tracing::info!(address, "Autodiscover does not tell where public folders are");
        }
        known.insert(address, (Instant::now(), found.clone()));
        found
    }
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Settings are good for a week by the documents; a mailbox for public folders may be moved sooner.
const KEEP: Duration = Duration::from_secs(24 * 3600);
const TRY_AGAIN: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;
    use ews::autodiscover::{ServerKind, Step};

    fn found(public: Option<&str>, server: Option<&str>, address: Option<&str>) -> Found {
        Found {
            ews_url: String::new(),
            other_url: None,
            kind: ServerKind::OnPremises,
            schemas: Vec::new(),
            grouping: None,
            public_folder_mailbox: public.map(str::to_owned),
            rpc_server: server.map(str::to_owned),
            primary_address: address.map(str::to_owned),
            step: Step::Pox,
        }
    }

    fn routes(address: &str) -> Routes {
        let scout: Scout = Arc::new(|address| {
            let found = match address.as_str() {
                "anna@corp.example" => Some(found(Some("pf@corp.example"), Some("1234@corp.example"), None)),
                "ben@corp.example" => Some(found(Some("old@corp.example"), Some("ex01.corp.example"), None)),
                "pf@corp.example" => Some(found(None, Some("99@corp.example"), None)),
                "77@corp.example" => Some(found(None, None, Some("pf-two@corp.example"))),
                _ => None,
            };
            Box::pin(async move { found })
        });
        Routes::new(Some(scout), Some(address.to_owned()))
    }

    #[tokio::test]
    async fn the_tree_and_contents_are_found_where_autodiscover_says() {
        let tree = |anchor: &str, mailbox: &str| Tree { anchor: anchor.to_owned(), mailbox: mailbox.to_owned() };
        let routes = super::tests::routes("anna@corp.example");
        assert_eq!(routes.tree().await, Some(tree("pf@corp.example", "99@corp.example")));
        let old = super::tests::routes("ben@corp.example");
        assert_eq!(old.tree().await, Some(tree("old@corp.example", "old@corp.example")));
        assert_eq!(routes.contents("77").await.unwrap().as_deref(), Some("pf-two@corp.example"));
        assert_eq!(routes.contents("78").await.unwrap(), None);
        assert_eq!(Routes::default().tree().await, None);
    }
}
