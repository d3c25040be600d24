//! A map, the Exchange it mirrors, and everything clients were told.

use std::collections::{BTreeMap, HashMap};

use mailbox::{Access, EmailId, Flags, FolderId, ModSeq, SystemFlags, Uid, UidValidity};

use super::Deed;
use super::exchange::Exchange;
use crate::conformance::{Place, folder, uids};
use crate::{Epoch, Error, Estimated, IdMap, ItemRow, SyncPage};

pub(super) struct World<P: Place> {
    place: P,
    map: P::Map,
    exchange: Exchange,
    folders: [FolderId; 2],
    told: [Told; 2],
    held: Option<(usize, Epoch, SyncPage)>,
    /// What each UID named, and each EMAILID.
    named: HashMap<(usize, u32), u32>,
    contents: HashMap<EmailId, u32>,
}

/// What clients know of a folder.
#[derive(Default)]
struct Told {
    messages: BTreeMap<u32, (Flags, ModSeq)>,
    uid_validity: Option<UidValidity>,
    uid_next: u32,
    highest_modseq: ModSeq,
}

impl<P: Place> World<P> {
    pub(super) async fn new(place: P) -> Self {
        let map = place.open().await;
        let folders =
            [map.put_folder(folder("one", "One")).await.unwrap(), map.put_folder(folder("two", "Two")).await.unwrap()];
        let (exchange, told, held) = Default::default();
        Self { place, map, exchange, folders, told, held, named: HashMap::new(), contents: HashMap::new() }
    }

    pub(super) async fn perform(&mut self, deed: &Deed) {
        match *deed {
            Deed::Deliver { folder, kind } => drop(self.exchange.deliver(folder, kind)),
            Deed::Copy { pick, to } => {
                self.with_message(pick, |exchange, at| drop(exchange.copy(at, to)));
            }
            Deed::Move { pick, to } => {
                self.with_message(pick, |exchange, at| drop(exchange.relocate(at, to)));
            }
            Deed::Delete { pick } => self.with_message(pick, Exchange::delete),
            Deed::Flag { pick, flags } => {
                self.with_message(pick, |exchange, at| drop(exchange.flag(at, flags)));
            }
            Deed::Edit { pick } => self.with_message(pick, Exchange::edit),
            Deed::EditQuietly { pick } => self.edit_quietly(pick).await,
            Deed::Page { folder, size } => drop(self.page(folder, size).await),
            Deed::PageTwice { folder, size } => self.page_twice(folder, size).await,
            Deed::Hold { folder } => {
                let epoch = self.map.sync_state(self.folders[folder]).await.unwrap().epoch;
                let page = self.fetch(folder, 3).await;
                self.held = page.map(|page| (folder, epoch, page));
            }
            Deed::Late => self.late().await,
            Deed::Append { folder, kind } => {
                let item = self.exchange.deliver(folder, kind).item;
                self.map.created(self.folders[folder], vec![item]).await.unwrap();
            }
            Deed::OurMove { folder, pick, to } => self.our_move(folder, pick, to).await,
            Deed::OurCopy { folder, pick, to } => self.our_copy(folder, pick, to).await,
            Deed::OurFlag { folder, pick, flags } => self.our_flag(folder, pick, flags).await,
            Deed::OurRemove { folder, pick } => {
                if let Some((row, at)) = self.pick(folder, pick).await {
                    self.exchange.delete(at);
                    self.map.removed(self.folders[folder], &[row.uid]).await.unwrap();
                }
            }
            Deed::Migrate => self.exchange.migrate(),
            Deed::MigrateInPeace => self.migrate_in_peace().await,
            Deed::Relist { folder } => drop(self.map.begin_resync(self.folders[folder]).await.unwrap()),
            Deed::Kill => {
                self.place = self.place.after_kill();
                self.map = self.place.open().await;
            }
            Deed::Settle => self.settle().await,
        }
    }

    fn with_message(&mut self, pick: usize, deed: impl FnOnce(&mut Exchange, usize)) {
        if !self.exchange.messages.is_empty() {
            let at = pick % self.exchange.messages.len();
            deed(&mut self.exchange, at);
        }
    }

    /// Only what is synchronised can be told by a ChangeKey, and only where no other message is just like it.
    async fn edit_quietly(&mut self, pick: usize) {
        self.settle().await;
        self.held = None;
        self.with_message(pick, |exchange, at| {
            if exchange.messages[at].item.draft && !exchange.has_twin(at) {
                exchange.edit_quietly(at);
            }
        });
        self.settle().await;
    }

    /// UIDs stay, but for those of a draft and its copies, which cannot be told apart once one of them was edited.
    async fn migrate_in_peace(&mut self) {
        self.settle().await;
        let mut stay = [Vec::new(), Vec::new()];
        for (folder, stay) in stay.iter_mut().enumerate() {
            for row in self.rows(folder).await {
                let at = self.exchange.find(&row.item_id).unwrap();
                if !row.draft || !self.exchange.has_twin(at) {
                    stay.push(row.uid);
                }
            }
        }
        self.exchange.migrate();
        self.settle().await;
        for (folder, stay) in stay.iter().enumerate() {
            let now = uids(&self.map, self.folders[folder]).await;
            assert!(stay.iter().all(|uid| now.contains(uid)), "{stay:?} were there, and {now:?} are");
        }
    }

    /// A page from where the map stands; a refused state begins the folder anew.
    async fn fetch(&mut self, folder: usize, size: usize) -> Option<SyncPage> {
        let state = self.map.sync_state(self.folders[folder]).await.unwrap().state;
        let page = self.exchange.page(folder, state.as_deref(), size);
        if page.is_none() {
            self.map.begin_resync(self.folders[folder]).await.unwrap();
        }
        page
    }

    async fn page(&mut self, folder: usize, size: usize) -> Option<SyncPage> {
        let epoch = self.map.sync_state(self.folders[folder]).await.unwrap().epoch;
        let page = self.fetch(folder, size).await?;
        self.map.apply(self.folders[folder], epoch, page.clone()).await.unwrap();
        Some(page)
    }

    async fn page_twice(&mut self, folder: usize, size: usize) {
        let Some(page) = self.page(folder, size).await else { return };
        let before = self.rows(folder).await;
        let epoch = self.map.sync_state(self.folders[folder]).await.unwrap().epoch;
        let applied = self.map.apply(self.folders[folder], epoch, page).await.unwrap();
        assert!(!applied.changed);
        assert_eq!(self.rows(folder).await, before);
    }

    /// A page that was on its way while other things were done. Another page may not have been applied meanwhile, for
    /// one folder is synchronised by one.
    async fn late(&mut self) {
        let Some((folder, epoch, page)) = self.held.take() else { return };
        let point = self.map.sync_state(self.folders[folder]).await.unwrap();
        let from_here = self.exchange.page(folder, point.state.as_deref(), 3);
        let still_next = point.epoch != epoch || from_here.is_some_and(|next| next.changes.starts_with(&page.changes));
        if still_next {
            match self.map.apply(self.folders[folder], epoch, page).await {
                Ok(_) => assert_eq!(point.epoch, epoch),
                Err(error) => assert_eq!((error, point.epoch != epoch), (Error::Stale, true)),
            }
        }
    }

    /// One of our rows whose item is where we think it is.
    async fn pick(&self, folder: usize, pick: usize) -> Option<(ItemRow, usize)> {
        let rows = self.rows(folder).await;
        let row = rows.get(pick % rows.len().max(1))?.clone();
        let at = self.exchange.find(&row.item_id)?;
        Some((row, at))
    }

    async fn our_move(&mut self, folder: usize, pick: usize, to: usize) {
        let Some((row, at)) = self.pick(folder, pick).await else { return };
        let moved = self.exchange.relocate(at, to);
        // Known not to have been edited since.
        let told = self.named.get(&(folder, row.uid.get())).copied();
        let pairs = self.map.moved(self.folders[folder], self.folders[to], vec![(row.uid, moved.item)]).await.unwrap();
        let there = self.map.items(self.folders[to], &[pairs[0].1]).await.unwrap();
        if told == Some(moved.content) {
            assert_eq!(there[0].email_id, row.email_id);
        }
    }

    async fn our_copy(&mut self, folder: usize, pick: usize, to: usize) {
        let Some((row, at)) = self.pick(folder, pick).await else { return };
        let copy = self.exchange.copy(at, to);
        self.map.copied(self.folders[folder], self.folders[to], vec![(row.uid, copy.item)]).await.unwrap();
    }

    async fn our_flag(&mut self, folder: usize, pick: usize, bits: u8) {
        let Some((row, at)) = self.pick(folder, pick).await else { return };
        let item = self.exchange.flag(at, bits);
        let entries =
            self.map.flagged(self.folders[folder], vec![(row.uid, item.flags.clone(), item.change_key)]).await.unwrap();
        assert_eq!(entries[0].flags, item.flags);
    }

    /// Everything is fetched; then the map and Exchange must agree.
    async fn settle(&mut self) {
        for folder in 0..2 {
            let mut pages = 0;
            while self.page(folder, 5).await.is_none_or(|page| !page.last) {
                pages += 1;
                assert!(pages < 1000);
            }
            // What we made and somebody removed at once may be noticed only now.
            assert!(self.page(folder, 5).await.unwrap().changes.is_empty());
            assert!(self.map.sync_state(self.folders[folder]).await.unwrap().complete);
        }
        self.held = None;
        let mut unedited: HashMap<u32, EmailId> = HashMap::new();
        for folder in 0..2 {
            let rows = self.rows(folder).await;
            let here = self.exchange.messages.iter().filter(|message| message.folder == folder).count();
            assert_eq!(rows.len(), here);
            for row in rows {
                let message = &self.exchange.messages[self.exchange.find(&row.item_id).unwrap()];
                assert_eq!((message.folder, &message.item.flags), (folder, &row.flags));
                let content = message.content;
                assert_eq!(*self.named.entry((folder, row.uid.get())).or_insert(content), content);
                assert_eq!(*self.contents.entry(row.email_id).or_insert(content), content);
                let item = &message.item;
                let certain = !message.edited && !self.exchange.doubtful.contains(&content);
                if certain && (item.message_id.is_some() || item.search_key.is_some()) {
                    assert_eq!(*unedited.entry(content).or_insert(row.email_id), row.email_id);
                }
            }
        }
    }

    async fn rows(&self, folder: usize) -> Vec<ItemRow> {
        let uids = uids(&self.map, self.folders[folder]).await;
        self.map.items(self.folders[folder], &uids).await.unwrap()
    }

    /// What a client sees now must follow from what it was told before.
    pub(super) async fn look(&mut self) {
        for (told, id) in self.told.iter_mut().zip(self.folders) {
            let snapshot = self.map.snapshot(id, Access::ReadOnly).await.unwrap();
            let now: BTreeMap<u32, (Flags, ModSeq)> =
                snapshot.entries.iter().map(|entry| (entry.uid.get(), (entry.flags.clone(), entry.modseq))).collect();
            assert!(snapshot.entries.is_sorted_by(|one, other| one.uid < other.uid));
            assert_eq!(*told.uid_validity.get_or_insert(snapshot.state.uid_validity), snapshot.state.uid_validity);
            assert!(now.keys().all(|uid| told.messages.contains_key(uid) || *uid >= told.uid_next));
            assert!(now.keys().all(|uid| *uid < snapshot.state.uid_next.get()));

            let delta = self.map.delta(id, told.highest_modseq).await.unwrap();
            assert_eq!(delta.state, snapshot.state);
            assert_eq!(self.map.vanished(id, told.highest_modseq).await.unwrap().as_ref(), Some(&delta.vanished));
            for uid in &delta.vanished {
                told.messages.remove(&uid.get());
            }
            for entry in &delta.changed {
                assert!(entry.modseq > told.highest_modseq && entry.modseq <= delta.state.highest_modseq);
                told.messages.insert(entry.uid.get(), (entry.flags.clone(), entry.modseq));
            }
            assert_eq!(told.messages, now);
            told.uid_next = snapshot.state.uid_next.get();
            told.highest_modseq = snapshot.state.highest_modseq;

            let status = self.map.status(id).await.unwrap();
            let count = |flag| now.values().filter(|(flags, _)| flags.system.contains(flag)).count();
            assert_eq!(status.messages as usize, now.len());
            assert_eq!(status.unseen as usize, now.len() - count(SystemFlags::SEEN));
            assert_eq!(status.deleted as usize, count(SystemFlags::DELETED));
            assert_eq!(status.recent as usize, now.len());

            let uids: Vec<Uid> = snapshot.entries.iter().map(|entry| entry.uid).collect();
            let rows = self.map.items(id, &uids).await.unwrap();
            let estimated: Vec<u64> = rows.iter().filter(|row| row.exact_size.is_none()).map(|row| row.size).collect();
            let all: u64 = rows.iter().map(|row| row.exact_size.unwrap_or(row.size)).sum();
            let wanted = Estimated { messages: u32::try_from(estimated.len()).unwrap(), size: estimated.iter().sum() };
            assert_eq!(self.map.weight(id).await.unwrap(), (status, wanted));
            assert_eq!(status.size, all);
        }
    }
}
