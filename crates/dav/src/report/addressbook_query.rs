//! addressbook-query (RFC 6352 section 8.6).

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use mailbox::ModSeq;
use mailbox::objects::{
    Collection, CollectionKind, ETag, Object, ObjectEntry, ObjectKind, ObjectName, Objects, Person, PersonKind,
};
use sha2::{Digest, Sha256};

use super::filter::{Verdict, card::Filter, invalid};
use super::form::Form;
use super::search::{self, Target};
use crate::body::Cut;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::multistatus::{self, Multistatus};
use crate::place::Family;
use crate::xml::{CARDDAV, Element};

/// Tells of the cards that match a filter.
pub(super) async fn run<A: Objects>(context: &Context<A>, root: &Element) -> Answer {
    let form = Form::read(root)?;
    let filter = root.child(CARDDAV, "filter").ok_or_else(|| invalid(root, "An addressbook-query has a filter"))?;
    let filter = Filter::read(filter)?;
    let most = context.facts.settings.most_members;
    let room = limit(root)?.map_or(most, |wanted| wanted.min(most));
    let (mut found, mut people) = (Vec::new(), Vec::new());
    for target in search::targets(context, Family::AddressBooks).await? {
        match target {
            Target::Collection(directory) if directory.kind == CollectionKind::Directory => {
                people.push((found_people(context, &filter, room).await?, directory));
            }
            target => found.push(target.candidates(context, None, |entry| filter.by_index(entry)).await?),
        }
    }
    let context = context.clone();
    Ok(multistatus::answer(move |mut out| async move {
        let mut room = room;
        let mut all = true;
        for candidates in found {
            let judge = |card: &pim::Component| filter.matches(card);
            all = all && search::tell(&context, &mut out, candidates, &form, &judge, &mut room).await?;
        }
        for (people, directory) in people {
            all = all && tell_people(&context, &mut out, &directory, people, &form, &mut room).await?;
        }
        if !all {
            search::tell_of_more(&context, &mut out).await?;
        }
        Ok(out)
    }))
}

/// `<!ELEMENT limit (nresults)>`
fn limit(root: &Element) -> Result<Option<usize>, Error> {
    let Some(limit) = root.child(CARDDAV, "limit") else { return Ok(None) };
    let number = limit.child(CARDDAV, "nresults").and_then(|number| number.text().parse().ok());
    number.map(Some).ok_or_else(|| Error::bad("limit holds an nresults with a number"))
}

/// A directory is too large to be read: it is asked for each text the filter looks for, and the filter looks at what
/// comes. A filter that looks for none gets none.
async fn found_people<A: Objects>(
    context: &Context<A>,
    filter: &Filter,
    room: usize,
) -> Result<Vec<(Person, pim::Component)>, Error> {
    let mut known = HashSet::new();
    let mut people = Vec::new();
    for words in filter.words().into_iter().take(MOST_WORDS).filter(|words| !words.trim().is_empty()) {
        for person in context.account.find_people(words, room.saturating_add(1).min(MOST_PEOPLE)).await? {
            let Some(card) = super::form::parsed(&Bytes::from(person.card.clone())) else { continue };
            if known.insert(person.address.to_lowercase()) && filter.matches(&card) {
                people.push((person, card));
            }
        }
    }
    Ok(people)
}

async fn tell_people<A: Objects>(
    context: &Context<A>,
    out: &mut Multistatus,
    directory: &Arc<Collection>,
    people: Vec<(Person, pim::Component)>,
    form: &Form,
    room: &mut usize,
) -> Result<bool, Cut> {
    for (person, card) in people {
        if *room == 0 {
            return Ok(false);
        }
        *room -= 1;
        form.object(context, out, directory, object_of(person, &card), Some(card)).await?;
    }
    Ok(true)
}

/// Somebody of the directory as an object of it, named by address.
fn object_of(person: Person, card: &pim::Component) -> Object {
    let text = Bytes::from(person.card);
    let digest = Sha256::digest(&text);
    let etag = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let kind = if person.kind == PersonKind::Group { ObjectKind::Group } else { ObjectKind::Card };
    let entry = ObjectEntry {
        name: ObjectName(format!("{}.vcf", person.address)),
        kind,
        etag: ETag(etag),
        schedule_tag: None,
        uid: card.text("UID"),
        span: None,
        length: u64::try_from(text.len()).ok(),
        modseq: ModSeq::default(),
        modified: None,
    };
    Object { entry, text }
}

impl Filter {
    /// What the index knows of cards is no property but the UID; without conditions it is enough.
    fn by_index(&self, _: &ObjectEntry) -> Verdict {
        if self.is_empty() { Verdict::Yes } else { Verdict::Maybe }
    }
}

/// Questions to the directory for one filter.
const MOST_WORDS: usize = 5;
/// What a directory is asked for at once.
const MOST_PEOPLE: usize = 100;
