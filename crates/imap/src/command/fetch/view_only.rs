//! What stands in the view: UIDs, flags and MODSEQs, which clients ask for by the hundred thousand. Nothing is waited for,
//! and flags that many messages have are spelt once.

use std::collections::HashMap;

use imap_proto::command::fetch::Item;
use imap_proto::response::word;

use super::Work;
use crate::connection::{Connection, Transport};
use crate::error::End;
use crate::flags::{self, Recent};
use crate::view::{Mark, Picked, View};

/// True if the view alone can answer.
pub(super) fn is_enough(items: &[Item]) -> bool {
    items.iter().all(|item| matches!(item, Item::Uid | Item::Flags | Item::ModSeq))
}

/// Flags as they are told, by what the view keeps of them.
#[derive(Debug, Default)]
pub(super) struct Spelling(HashMap<(Option<Mark>, Recent), Vec<u8>>);

impl<A> Work<'_, A> {
    /// Answers for some messages from the view alone.
    pub(super) async fn tell_view<T: Transport>(
        &mut self,
        connection: &mut Connection<T>,
        batch: &[Picked],
    ) -> Result<(), End> {
        for &picked in batch {
            let mut line = self.view.line(picked, &mut connection.out);
            for item in &self.items {
                match item {
                    Item::Uid => line.uid(&mut connection.out, picked.uid.get()),
                    Item::Flags => line.flags_spelt(&mut connection.out, self.spelling.of(self.view, picked)),
                    _ => {
                        let modseq = self.view.modseq(picked.uid).map_or(1, |modseq| modseq.0);
                        line.mod_seq(&mut connection.out, modseq);
                        self.view.told_modseq(picked.uid);
                    }
                }
            }
            line.end(&mut connection.out);
            connection.relieve().await?;
        }
        Ok(())
    }
}

impl Spelling {
    fn of(&mut self, view: &View, picked: Picked) -> &[u8] {
        let (mark, recent) = (view.mark(picked), view.is_recent(picked.uid));
        self.0.entry((mark, recent)).or_insert_with(|| {
            let flags = mark.map(|mark| view.marked(mark)).unwrap_or_default();
            let mut spelt = Vec::new();
            word::flags(&mut spelt, &flags::written(&flags, recent));
            spelt
        })
    }
}
