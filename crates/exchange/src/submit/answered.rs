//! What a message answers or forwards is marked so, if its client does not do it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use idmap::IdMap;
use mailbox::submit::Header;
use mailbox::{FlagChange, FlagOperation, Flags, FolderId, Keyword, SystemFlags, Uid};

use crate::error::Result;
use crate::live::Live;

impl Live {
    /// Marks what a message that was sent answers. In the background: the client may do it itself, and is first then.
    pub(super) fn mark_originals(self: &Arc<Self>, header: &Header) {
        let answered = Flags::system(SystemFlags::ANSWERED);
        let (ids, flags) = match &header.forwarded {
            Some(id) => (vec![id.clone()], Flags::new(SystemFlags::NONE, [Keyword::new("$Forwarded")])),
            None if header.in_reply_to.is_empty() => (header.reference.iter().cloned().collect(), answered),
            None => (header.in_reply_to.iter().take(MOST).cloned().collect::<Vec<_>>(), answered),
        };
        if ids.is_empty() {
            return;
        }
        let live = Arc::clone(self);
        self.spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            if let Err(error) = live.mark(&ids, flags).await {
                tracing::info!(user = live.user, %error, "what a message answers could not be marked");
            }
        });
    }

    async fn mark(self: &Arc<Self>, message_ids: &[String], flags: Flags) -> Result<()> {
        let mut folders: BTreeMap<FolderId, Vec<Uid>> = BTreeMap::new();
        for (folder, uid) in self.map.named(message_ids.to_vec()).await? {
            folders.entry(folder).or_default().push(uid);
        }
        let change = FlagChange { operation: FlagOperation::Add, flags };
        for (folder, uids) in folders {
            let rows = self.map.items(folder, &uids).await?;
            let lacking = rows.iter().filter(|row| !row.draft && row.flags.changed(&change) != row.flags);
            let lacking: Vec<Uid> = lacking.map(|row| row.uid).collect();
            if !lacking.is_empty() {
                self.store(folder, &lacking, &change, None).await?;
            }
        }
        Ok(())
    }
}

/// How long the client has to do it itself.
const PATIENCE: Duration = Duration::from_secs(3);
/// Messages that one message answers.
const MOST: usize = 3;
