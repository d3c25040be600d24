//! Cards that groups of the same collection name.

use std::sync::Arc;

use idmap::{ObjectMap, ObjectRow};
use mailbox::FolderId;
use mailbox::objects::{CollectionKind, ObjectKind};

use crate::convert::native::CardRef;
use crate::error::Result;
use crate::live::Live;

impl Live {
    /// The cards of a collection, if it is one of contacts.
    pub(crate) async fn cards(&self, folder: FolderId, kind: CollectionKind) -> Result<Arc<[CardRef]>> {
        if kind != CollectionKind::Contacts {
            return Ok(Arc::default());
        }
        let rows = self.map.objects(folder, None).await?;
        let card = |row: ObjectRow| Some(CardRef { uid: row.entry.uid?, item_id: row.item_id });
        Ok(rows.into_iter().filter(|row| row.entry.kind == ObjectKind::Card).filter_map(card).collect())
    }
}
