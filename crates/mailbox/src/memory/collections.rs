//! What is held of calendars, task lists and address books: collections of objects, each with its history.

use std::collections::HashMap;
use std::num::NonZeroU32;

use bytes::Bytes;
use jiff::Timestamp;

use super::objects::{Gist, Rewriter};
use crate::objects::{
    Busy, Collection, CollectionChange, CollectionKind, Condition, DeltaStart, ETag, FreeBusy, NewCollection,
    NewObject, Object, ObjectDelta, ObjectEntry, ObjectError, ObjectKind, ObjectName, ObjectResult, Owner, Person,
    Precondition, Principal, Put, Range, Rights, Span, SyncToken, Way,
};
use crate::{Bell, Error, ErrorKind, FolderId, ModSeq, Result, UidValidity};

/// All of them, in the order of their making.
#[derive(Debug)]
pub(super) struct Collections {
    pub(super) principal: Principal,
    pub(super) people: Vec<Person>,
    pub(super) busy: HashMap<String, FreeBusy>,
    pub(super) unlisted: Vec<Collection>,
    pub(super) reader: fn(&[u8]) -> Gist,
    pub(super) rewriter: Option<Rewriter>,
    all: Vec<Data>,
    ids_given: u64,
}

#[derive(Debug)]
pub(super) struct Data {
    pub(super) bell: Bell,
    about: Collection,
    /// By ascending change.
    objects: Vec<Stored>,
    tombstones: Vec<(ObjectName, ModSeq)>,
    highest: ModSeq,
    numbers_given: u64,
}

#[derive(Clone, Debug)]
struct Stored {
    name: ObjectName,
    number: u64,
    version: u64,
    schedule_version: u64,
    modseq: ModSeq,
    modified: Timestamp,
    gist: Gist,
    text: Bytes,
}

/// How far an object has become another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// In any way.
    Content,
    /// Attendees have answered (RFC 6638 section 3.2.10).
    Answers,
}

impl Collections {
    pub(super) fn of(user: &str) -> Self {
        let address = if user.contains('@') { user.to_owned() } else { format!("{user}@example.org") };
        let mut held = Self {
            principal: Principal {
                user: user.to_owned(),
                display_name: user.to_owned(),
                addresses: vec![address],
                quota: None,
            },
            people: Vec::new(),
            busy: HashMap::new(),
            unlisted: Vec::new(),
            reader: scan,
            rewriter: None,
            all: Vec::new(),
            ids_given: 0,
        };
        for (name, display_name, kind) in OWN {
            held.add(Collection {
                id: FolderId(0),
                name: name.to_owned(),
                kind,
                display_name: display_name.to_owned(),
                is_default: true,
                parent: None,
                owner: Owner::Me,
                rights: Rights::ALL,
                dead: Vec::new(),
            });
        }
        held
    }

    pub(super) fn add(&mut self, collection: Collection) -> FolderId {
        self.ids_given += 1;
        // Mail folders count from 1, too; nothing may take one for the other.
        let id = FolderId(1000 + self.ids_given);
        self.all.push(Data {
            bell: Bell::new(),
            about: Collection { id, ..collection },
            objects: Vec::new(),
            tombstones: Vec::new(),
            highest: ModSeq(1),
            numbers_given: 0,
        });
        id
    }

    pub(super) fn listing(&self) -> Vec<Collection> {
        self.all.iter().map(|data| data.about.clone()).collect()
    }

    /// Lists what of somebody's is not listed yet.
    pub(super) fn open(&mut self, address: &str) -> bool {
        let is_theirs = |collection: &mut Collection| matches!(&collection.owner, Owner::Other { address: own, .. } if own.eq_ignore_ascii_case(address));
        let theirs: Vec<Collection> = self.unlisted.extract_if(.., is_theirs).collect();
        let any = !theirs.is_empty();
        for collection in theirs {
            self.add(collection);
        }
        any
    }

    pub(super) fn get(&self, id: FolderId) -> Result<&Data> {
        self.all.iter().find(|data| data.about.id == id).ok_or_else(no_collection)
    }

    fn get_mut(&mut self, id: FolderId) -> Result<&mut Data> {
        self.all.iter_mut().find(|data| data.about.id == id).ok_or_else(no_collection)
    }

    pub(super) fn create(&mut self, new: &NewCollection) -> Result<FolderId> {
        if matches!(new.kind, CollectionKind::Directory | CollectionKind::ScheduleInbox) {
            return Err(Error::new(ErrorKind::Cannot, "Such a collection cannot be made"));
        }
        let display_name = new.display_name.clone().unwrap_or_else(|| new.name.clone());
        let own = |data: &&Data| data.about.owner == Owner::Me;
        if self
            .all
            .iter()
            .filter(own)
            .any(|data| data.about.name == new.name || data.about.display_name == display_name)
        {
            return Err(Error::new(ErrorKind::Exists, "There is a collection of that name already"));
        }
        Ok(self.add(Collection {
            id: FolderId(0),
            name: new.name.clone(),
            kind: new.kind,
            display_name,
            is_default: false,
            parent: None,
            owner: Owner::Me,
            rights: Rights::ALL,
            dead: new.dead.clone(),
        }))
    }

    pub(super) fn change(&mut self, id: FolderId, change: &CollectionChange) -> Result<()> {
        let is_taken =
            |data: &Data| data.about.id != id && Some(&data.about.display_name) == change.display_name.as_ref();
        let is_taken = self.all.iter().any(is_taken);
        let about = &mut self.get_mut(id)?.about;
        if !about.rights.administer {
            return Err(denied());
        }
        if is_taken {
            return Err(Error::new(ErrorKind::Exists, "Another collection has that name"));
        }
        if let Some(name) = &change.display_name {
            about.display_name.clone_from(name);
        }
        let goes = |namespace: &str, name: &str| {
            change.remove.iter().any(|(gone, local)| gone == namespace && local == name)
                || change.set.iter().any(|set| set.namespace == namespace && set.name == name)
        };
        about.dead.retain(|dead| !goes(&dead.namespace, &dead.name));
        about.dead.extend(change.set.iter().cloned());
        Ok(())
    }

    pub(super) fn delete(&mut self, id: FolderId) -> Result<()> {
        let data = self.get(id)?;
        if data.about.is_default {
            return Err(Error::new(ErrorKind::Cannot, "This collection must stay"));
        }
        if !data.about.rights.administer {
            return Err(denied());
        }
        data.bell.ring();
        self.all.retain(|data| data.about.id != id);
        Ok(())
    }

    pub(super) fn put(&mut self, id: FolderId, new: NewObject, condition: &Condition) -> ObjectResult<Put> {
        let (reader, rewriter) = (self.reader, self.rewriter);
        let data = self.get_mut(id)?;
        let before = data.find(&new.name).cloned();
        let rights = data.about.rights;
        if !(if before.is_some() { rights.modify } else { rights.create }) {
            return Err(denied().into());
        }
        data.check(before.as_ref(), condition)?;
        let text = rewriter.map_or_else(|| new.text.clone(), |rewrite| rewrite(&new.text).into());
        let gist = reader(&text);
        data.check_uid(&new.name, gist.uid.as_deref())?;
        let verbatim = text == new.text;
        let entry = data.store(new.name, text, gist, Change::Content);
        Ok(Put { entry, created: before.is_none(), verbatim })
    }

    pub(super) fn put_behind(&mut self, collection: &str, name: &str, text: Bytes, change: Change) -> Result<()> {
        let reader = self.reader;
        let gist = reader(&text);
        self.named(collection)?.store(ObjectName(name.to_owned()), text, gist, change);
        Ok(())
    }

    pub(super) fn remove_behind(&mut self, collection: &str, name: &str) -> Result<()> {
        self.named(collection)?.bury(&ObjectName(name.to_owned()))
    }

    pub(super) fn remove(&mut self, id: FolderId, name: &ObjectName, condition: &Condition) -> ObjectResult<()> {
        let data = self.get_mut(id)?;
        let before = data.find(name).cloned();
        if !data.about.rights.delete {
            return Err(denied().into());
        }
        if before.is_none() && condition.if_match.is_none() {
            return Err(no_object().into());
        }
        data.check(before.as_ref(), condition)?;
        Ok(data.bury(name)?)
    }

    pub(super) fn relocate(
        &mut self,
        way: Way,
        from: (FolderId, &ObjectName),
        to: (FolderId, &ObjectName),
        overwrite: bool,
    ) -> ObjectResult<bool> {
        let source = self.get(from.0)?;
        let object = source.find(from.1).cloned().ok_or_else(no_object)?;
        if way == Way::Move && !source.about.rights.delete {
            return Err(denied().into());
        }
        let target = self.get(to.0)?;
        let replaces = target.find(to.1).is_some();
        let rights = target.about.rights;
        if !(if replaces { rights.modify } else { rights.create }) {
            return Err(denied().into());
        }
        if family(target.about.kind) != family(source.about.kind) {
            let sentence = "An object can only go to a collection of its kind";
            return Err(ObjectError::precondition(Precondition::Supported, sentence));
        }
        if replaces && !overwrite {
            return Err(ObjectError::precondition(Precondition::IfMatch, "Something is there already"));
        }
        // What moves within a collection is not in its own way.
        let leaves = way == Way::Move && from.0 == to.0;
        let other = target
            .objects
            .iter()
            .find(|other| other.gist.uid.is_some() && other.gist.uid == object.gist.uid && other.name != *to.1);
        if let Some(other) = other.filter(|other| !(leaves && other.name == *from.1)) {
            return Err(ObjectError::precondition(Precondition::NoUidConflict, other.name.0.clone()));
        }
        if way == Way::Move {
            self.get_mut(from.0)?.bury(from.1)?;
        }
        self.get_mut(to.0)?.store(to.1.clone(), object.text, object.gist, Change::Content);
        Ok(replaces)
    }

    pub(super) fn busy_of(&self, address: &str, range: Range) -> Option<FreeBusy> {
        let touches = |busy: &&Busy| {
            range.start.is_none_or(|start| busy.end > start) && range.end.is_none_or(|end| busy.start < end)
        };
        let found = self.busy.get(&address.to_lowercase())?;
        Some(FreeBusy { busy: found.busy.iter().filter(touches).copied().collect() })
    }

    /// An object; in a directory, somebody by address.
    pub(super) fn object(&self, collection: FolderId, name: &ObjectName) -> Result<Object> {
        let data = self.get(collection)?;
        if data.about.kind != CollectionKind::Directory {
            return data.object(name);
        }
        let address = name.0.strip_suffix(".vcf").unwrap_or_default();
        let person = self.people.iter().find(|person| person.address.eq_ignore_ascii_case(address));
        let text = Bytes::from(person.ok_or_else(no_object)?.card.clone());
        let gist = (self.reader)(&text);
        let (modseq, modified) = (ModSeq(1), Timestamp::UNIX_EPOCH);
        let (number, version, schedule_version) = (text.len() as u64, 1, 1);
        let stored = Stored {
            name: name.clone(),
            number,
            version,
            schedule_version,
            modseq,
            modified,
            gist,
            text: text.clone(),
        };
        Ok(Object { entry: stored.entry(), text })
    }

    pub(super) fn people_named(&self, words: &str, limit: usize) -> Vec<Person> {
        let wanted = words.to_lowercase();
        let begins = |text: &str| text.to_lowercase().starts_with(&wanted);
        let fits = |person: &&Person| {
            begins(&person.display_name)
                || begins(&person.address)
                || person.display_name.split_whitespace().any(begins)
        };
        self.people.iter().filter(fits).take(limit).cloned().collect()
    }

    fn named(&mut self, name: &str) -> Result<&mut Data> {
        self.all.iter_mut().find(|data| data.about.name == name).ok_or_else(no_collection)
    }
}

impl Data {
    pub(super) fn token(&self) -> SyncToken {
        SyncToken { validity: UidValidity(NonZeroU32::MIN), modseq: self.highest }
    }

    pub(super) fn entries(&self, span: Option<Range>) -> Vec<ObjectEntry> {
        let may_touch = |stored: &&Stored| match (stored.gist.span, span) {
            (Some(has), Some(range)) => {
                range.end.is_none_or(|end| has.start < end)
                    && range.start.is_none_or(|start| has.end.is_none_or(|end| end >= start))
            }
            _ => true,
        };
        self.objects.iter().filter(may_touch).map(Stored::entry).collect()
    }

    pub(super) fn entry(&self, name: &ObjectName) -> Option<ObjectEntry> {
        self.find(name).map(Stored::entry)
    }

    fn object(&self, name: &ObjectName) -> Result<Object> {
        let stored = self.find(name).ok_or_else(no_object)?;
        if !self.about.rights.read {
            return Err(denied());
        }
        Ok(Object { entry: stored.entry(), text: stored.text.clone() })
    }

    pub(super) fn delta(&self, since: DeltaStart, limit: Option<usize>) -> ObjectResult<ObjectDelta> {
        let after = match since {
            DeltaStart::Beginning => ModSeq(0),
            DeltaStart::After(token) if token.validity == self.token().validity && token.modseq <= self.highest => {
                token.modseq
            }
            DeltaStart::After(_) => {
                let sentence = "This sync token is not one of this collection: begin anew";
                return Err(ObjectError::precondition(Precondition::ValidSyncToken, sentence));
            }
        };
        let changed = self
            .objects
            .iter()
            .filter(|stored| stored.modseq > after)
            .map(|stored| (stored.modseq, Some(stored), None));
        let removed = self.tombstones.iter().filter(|(_, modseq)| after > ModSeq(0) && *modseq > after);
        let removed = removed.map(|(name, modseq)| (*modseq, None, Some(name)));
        let mut news: Vec<_> = changed.chain(removed).collect();
        news.sort_by_key(|(modseq, ..)| *modseq);
        let truncated = limit.is_some_and(|limit| news.len() > limit);
        news.truncate(limit.unwrap_or(usize::MAX));
        let modseq = match news.last() {
            Some((modseq, ..)) if truncated => *modseq,
            None if truncated => after,
            _ => self.highest,
        };
        Ok(ObjectDelta {
            changed: news.iter().filter_map(|(_, stored, _)| stored.map(Stored::entry)).collect(),
            removed: news.iter().filter_map(|(.., name)| name.cloned()).collect(),
            token: SyncToken { modseq, ..self.token() },
            truncated,
        })
    }

    fn find(&self, name: &ObjectName) -> Option<&Stored> {
        self.objects.iter().find(|stored| stored.name == *name)
    }

    fn check(&self, before: Option<&Stored>, condition: &Condition) -> ObjectResult<()> {
        let tag = before.map(Stored::etag);
        let among = |tags: &[ETag]| tag.as_ref().is_some_and(|tag| tags.is_empty() || tags.contains(tag));
        if condition.if_match.as_ref().is_some_and(|tags| !among(tags)) {
            return Err(ObjectError::precondition(Precondition::IfMatch, "The object has been changed meanwhile"));
        }
        if condition.if_none_match.as_ref().is_some_and(|tags| among(tags)) {
            return Err(ObjectError::precondition(Precondition::IfMatch, "There is such an object already"));
        }
        let schedule_tag = before.and_then(Stored::schedule_tag);
        if condition.if_schedule_tag.is_some() && condition.if_schedule_tag != schedule_tag {
            return Err(ObjectError::precondition(Precondition::ScheduleTag, "The meeting has been changed meanwhile"));
        }
        Ok(())
    }

    fn check_uid(&self, name: &ObjectName, uid: Option<&str>) -> ObjectResult<()> {
        let same = |other: &Stored| uid.is_some() && other.gist.uid.as_deref() == uid;
        // RFC 4791 section 5.3.2.1: neither stands a UID twice, nor is an object replaced by one of another UID.
        let in_the_way = |other: &&Stored| {
            if other.name == *name { other.gist.uid.is_some() && !same(other) } else { same(other) }
        };
        match self.objects.iter().find(in_the_way) {
            Some(other) => Err(ObjectError::precondition(Precondition::NoUidConflict, other.name.0.clone())),
            None => Ok(()),
        }
    }

    fn store(&mut self, name: ObjectName, text: Bytes, gist: Gist, change: Change) -> ObjectEntry {
        self.highest.0 += 1;
        let modseq = self.highest;
        let (number, version, schedule_version) = match self.find(&name) {
            Some(before) => {
                let schedules = u64::from(change == Change::Content);
                (before.number, before.version + 1, before.schedule_version + schedules)
            }
            None => {
                self.numbers_given += 1;
                (self.numbers_given, 1, 1)
            }
        };
        self.objects.retain(|stored| stored.name != name);
        self.tombstones.retain(|(gone, _)| *gone != name);
        let modified = Timestamp::now();
        let stored = Stored { name, number, version, schedule_version, modseq, modified, gist, text };
        let entry = stored.entry();
        self.objects.push(stored);
        self.bell.ring();
        entry
    }

    fn bury(&mut self, name: &ObjectName) -> Result<()> {
        self.find(name).ok_or_else(no_object)?;
        self.highest.0 += 1;
        self.objects.retain(|stored| stored.name != *name);
        self.tombstones.push((name.clone(), self.highest));
        self.bell.ring();
        Ok(())
    }
}

impl Stored {
    fn entry(&self) -> ObjectEntry {
        ObjectEntry {
            name: self.name.clone(),
            kind: self.gist.kind,
            etag: self.etag(),
            schedule_tag: self.schedule_tag(),
            uid: self.gist.uid.clone(),
            span: self.gist.span,
            length: Some(self.text.len() as u64),
            modseq: self.modseq,
            modified: Some(self.modified),
        }
    }

    fn etag(&self) -> ETag {
        ETag(format!("{}-{}", self.number, self.version))
    }

    fn schedule_tag(&self) -> Option<String> {
        self.gist.is_meeting.then(|| format!("s{}-{}", self.number, self.schedule_version))
    }
}

/// What can be seen without understanding the text: unfolded lines that begin with well-known words.
fn scan(text: &[u8]) -> Gist {
    let text = String::from_utf8_lossy(text).replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "");
    let value = |name: &str| {
        text.lines().find_map(|line| {
            let (before, value) = line.split_once(':')?;
            let bare = before.split(';').next().unwrap_or_default();
            bare.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let begins = |name: &str| text.lines().any(|line| line.eq_ignore_ascii_case(&format!("BEGIN:{name}")));
    let is_group = [value("KIND"), value("X-ADDRESSBOOKSERVER-KIND")]
        .into_iter()
        .flatten()
        .any(|kind| kind.eq_ignore_ascii_case("group"));
    let kind = match () {
        () if begins("VCARD") && is_group => ObjectKind::Group,
        () if begins("VCARD") => ObjectKind::Card,
        () if value("METHOD").is_some() => ObjectKind::Message,
        () if begins("VTODO") => ObjectKind::Todo,
        () if begins("VJOURNAL") => ObjectKind::Journal,
        () => ObjectKind::Event,
    };
    Gist { kind, uid: value("UID"), span: None::<Span>, is_meeting: value("ORGANIZER").is_some() }
}

/// What may stand beside what: text of another kind cannot go there.
fn family(kind: CollectionKind) -> u8 {
    match kind {
        CollectionKind::Calendar | CollectionKind::ScheduleInbox => 0,
        CollectionKind::Tasks => 1,
        CollectionKind::Notes => 2,
        CollectionKind::Contacts | CollectionKind::Directory => 3,
    }
}

fn no_collection() -> Error {
    Error::new(ErrorKind::NotFound, "There is no such collection")
}

fn no_object() -> Error {
    Error::new(ErrorKind::NotFound, "There is no such object")
}

fn denied() -> Error {
    Error::new(ErrorKind::Denied, "You may not do this here")
}

/// What everybody has from the beginning.
const OWN: [(&str, &str, CollectionKind); 4] = [
    ("calendar", "Calendar", CollectionKind::Calendar),
    ("tasks", "Tasks", CollectionKind::Tasks),
    ("contacts", "Contacts", CollectionKind::Contacts),
    ("inbox", "Inbox", CollectionKind::ScheduleInbox),
];
