//! The schedule inbox (RFC 6638 section 2.2): invitations, answers and cancellations that lie in the inbox among mail.
//!
//! They have no folder of their own, so they are looked for by class, all of them each time: there are few, and they
//! stay only until somebody answers or deletes them.

use std::sync::Arc;

use ews::op::find_item::{Condition, FindItem, Traversal};
use ews::{DistinguishedFolder, Field, ItemShape, Match, Page, Restriction};
use idmap::{IdMap as _, ObjectChange, ObjectMap, ObjectPage};
use mailbox::objects::CollectionKind;

use crate::convert::object;
use crate::error::{Result, Tried};
use crate::folder_state::FolderState;
use crate::live::Live;

impl Live {
    /// Lists what waits.
    pub(crate) async fn look_into_inbox(self: &Arc<Self>, state: &FolderState) -> Result<()> {
        let tried = Tried::new("invitations could not be looked for");
        let client = self.client()?;
        let kind = CollectionKind::ScheduleInbox;
        let is_meeting = Restriction::Contains(Field::CLASS.into(), Match::Prefix, CLASS.to_owned());
        let mut found = Vec::new();
        let mut offset = 0;
        loop {
            let ask = FindItem {
                folder: DistinguishedFolder::Inbox.into(),
                shape: ItemShape::of(object::index_paths(kind)),
                condition: Some(Condition::Restriction(is_meeting.clone())),
                sort: Vec::new(),
                page: Some(Page { offset, max: PAGE }),
                traversal: Traversal::Shallow,
            };
            let page = client.call(&ask).await.map_err(|error| self.failed(&tried, &error))?;
            found.extend(page.items.iter().filter_map(|item| object::entry(item, kind)));
            match page.next {
                Some(next) if next > offset => offset = next,
                _ => break,
            }
        }
        // A listing from the start: what is not in it is gone.
        let point = self.map.begin_resync(state.id).await?;
        // Answers to one invitation share its UID.
        let changes = found.into_iter().map(|item| ObjectChange::Upsert(idmap::ObjectItem { uid: None, ..item }));
        let page = ObjectPage { changes: changes.collect(), sync_state: "listed".to_owned(), last: true };
        if self.map.apply_objects(state.id, point.epoch, page).await?.changed {
            state.bell.ring();
        }
        Ok(())
    }
}

/// MS-OXOCAL 2.2.6: requests, responses, cancellations.
const CLASS: &str = "IPM.Schedule.Meeting";
const PAGE: u32 = 250;
