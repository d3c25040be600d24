//! SEARCH (RFC 3501 section 6.4.4), with RETURN (RFC 4731, 9394), and what it saves for `$` (RFC 5182).

use imap_proto::command::search::{Key, Return, Search};
use imap_proto::response::{self, Esearch, Paged, Source};
use imap_proto::{Numbering, SequenceSet, Tag};
use jiff::{SignedDuration, Timestamp};
use mailbox::search::Query;
use mailbox::{EmailId, Keyword, Mail, ModSeq, SignIn, SystemFlags, ThreadId, Uid};

use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::session::Session;
use crate::view::View;

pub(crate) async fn search<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    tag: &Tag,
    search: &Search,
) -> Result<Answer, Stop> {
    let now = (session.settings.clock)();
    let (account, view) = session.state.selected()?;
    // RFC 9051 section 6.4.4: there, SEARCH is as if all was asked for.
    let returns = search.returns.as_deref().or_else(|| view.enabled.rev2.then_some(ALL));
    let outcome = found(account, view, connection, &search.key, now).await;
    let found = saving(view, returns, outcome)?;
    let numbers = numbers(view, search.numbering, &found);
    let mod_seq = mod_seq(|uid| view.modseq(uid), &search.key, returns, &found);
    match returns {
        None => response::search(&mut connection.out, &numbers, mod_seq),
        Some(returns) => {
            let head = Head { tag, source: None, numbering: search.numbering };
            tell(&mut connection.out, head, returns, &numbers, mod_seq);
            keep(view, returns, &found);
        }
    }
    Ok(Answer::ok("Searched"))
}

const ALL: &[Return] = &[Return::All];

/// The messages of the selected folder for which the key holds, ascending. Messages that came since the client was last
/// told have no number yet, and no UID it knows.
pub(super) async fn found<A: Mail, T: Transport>(
    account: &A,
    view: &View,
    connection: &mut Connection<T>,
    key: &Key,
    now: Timestamp,
) -> Result<Vec<Uid>, Stop> {
    let query = query(key, Numbers::View(view), now)?;
    let progress = connection.progress();
    let mut found = connection.patiently(account.search(view.folder, &query, &progress)).await??;
    found.retain(|uid| view.sequence(*uid).is_some());
    Ok(found)
}

/// RFC 5182 section 2.1: what could not be searched leaves nothing in `$`. A command that made no sense leaves what was
/// there.
pub(super) fn saving<V>(view: &mut View, returns: Option<&[Return]>, outcome: Result<V, Stop>) -> Result<V, Stop> {
    let saves = returns.is_some_and(|returns| returns.contains(&Return::Save));
    if saves && matches!(&outcome, Err(Stop::Answer(answer)) if answer.is_no()) {
        view.save(&[]);
    }
    outcome
}

/// What an ESEARCH answer begins with.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) tag: &'a Tag,
    pub(super) source: Option<Source<'a>>,
    pub(super) numbering: Numbering,
}

/// Answers by ESEARCH. The numbers are in the order of the mailbox, or in that of a SORT.
pub(super) fn tell(out: &mut Vec<u8>, head: Head<'_>, returns: &[Return], numbers: &[u32], mod_seq: Option<u64>) {
    // Who only saves is told nothing (RFC 5182 section 2.2, first example).
    if returns.iter().all(|option| *option == Return::Save) {
        return;
    }
    let wants = |what| returns.contains(&what);
    let partial = returns.iter().find_map(|option| match option {
        Return::Partial(page) => {
            Some(Paged { page: *page, numbers: numbers.get(page.of(numbers.len())).unwrap_or_default() })
        }
        _ => None,
    });
    let esearch = Esearch {
        tag: head.tag,
        source: head.source,
        numbering: head.numbering,
        min: numbers.first().copied().filter(|_| wants(Return::Min)),
        max: numbers.last().copied().filter(|_| wants(Return::Max)),
        count: wants(Return::Count).then_some(u32::try_from(numbers.len()).unwrap_or(u32::MAX)),
        all: wants(Return::All).then_some(numbers),
        partial,
        mod_seq,
    };
    response::esearch(out, &esearch);
}

/// Keeps for `$` what is to be saved.
pub(super) fn keep(view: &mut View, returns: &[Return], found: &[Uid]) {
    if returns.contains(&Return::Save) {
        view.save(&to_save(returns, found));
    }
}

/// The highest MODSEQ of what is told, if MODSEQ was asked for (RFC 7162 sections 3.1.5 and 3.1.10); `None` if nothing
/// was found.
pub(super) fn mod_seq(
    of: impl Fn(Uid) -> Option<ModSeq>,
    key: &Key,
    returns: Option<&[Return]>,
    found: &[Uid],
) -> Option<u64> {
    if !key.any(&is_modseq) {
        return None;
    }
    let told = returns.map_or_else(|| found.to_vec(), |returns| to_save(returns, found));
    told.iter().filter_map(|uid| of(*uid)).max().map(|modseq| modseq.0)
}

pub(super) fn is_modseq(key: &Key) -> bool {
    matches!(key, Key::ModSeq(_))
}

/// All that was found, unless fewer were asked for and not all counted (RFC 5182 section 2.4, RFC 9394 section 3.1).
fn to_save(returns: &[Return], found: &[Uid]) -> Vec<Uid> {
    let mut some = Vec::new();
    for option in returns {
        match option {
            Return::All | Return::Count => return found.to_vec(),
            Return::Min => some.extend(found.first()),
            Return::Max => some.extend(found.last()),
            Return::Partial(page) => some.extend_from_slice(found.get(page.of(found.len())).unwrap_or_default()),
            Return::Save => {}
        }
    }
    if returns.iter().all(|option| *option == Return::Save) { found.to_vec() } else { some }
}

/// What the answer calls them.
pub(super) fn numbers(view: &View, numbering: Numbering, uids: &[Uid]) -> Vec<u32> {
    match numbering {
        Numbering::Uid => uids.iter().map(|uid| uid.get()).collect(),
        Numbering::Sequence => uids.iter().filter_map(|uid| view.sequence(*uid)).collect(),
    }
}

/// What the numbers in a search program are.
#[derive(Clone, Copy)]
pub(super) enum Numbers<'v> {
    /// Those of the selected folder, as the client knows them.
    View(&'v View),
    /// Those of a folder that is not selected: UIDs, of which this is the largest.
    Folder(Option<Uid>),
}

impl Numbers<'_> {
    fn uids(self, set: &SequenceSet, numbering: Numbering) -> Result<Query, Answer> {
        match (self, numbering) {
            (Self::View(view), _) => Ok(Query::Uids(view.uid_ranges(set, numbering)?)),
            (Self::Folder(_), _) if *set == SequenceSet::Saved => {
                Err(Answer::bad("What was saved is of the selected mailbox"))
            }
            (Self::Folder(_), Numbering::Sequence) => {
                Err(Answer::bad("Only the selected mailbox has message sequence numbers"))
            }
            (Self::Folder(largest), Numbering::Uid) => {
                let ranges = set.merged(largest.map_or(0, Uid::get)).into_iter();
                let uids = ranges.filter_map(|range| Some((Uid::new(*range.start())?, Uid::new(*range.end())?)));
                Ok(Query::Uids(uids.collect()))
            }
        }
    }

    /// Messages are recent for a session that selected their folder (RFC 3501 section 2.3.2).
    fn recent(self) -> Query {
        match self {
            Self::View(view) => {
                Query::Uids(Uid::new(u32::MAX).map(|last| (view.recent_from(), last)).into_iter().collect())
            }
            Self::Folder(_) => nothing(),
        }
    }
}

/// The same question in the mailbox's words: what only this session knows, numbers and `\Recent`, becomes UIDs, and
/// ages become moments.
pub(super) fn query(key: &Key, numbers: Numbers<'_>, now: Timestamp) -> Result<Query, Answer> {
    let query = |key| query(key, numbers, now);
    let header = |name: &str, text: &String| Query::Header { name: name.to_owned(), text: text.clone() };
    Ok(match key {
        Key::And(keys) => Query::And(keys.iter().map(query).collect::<Result<_, _>>()?),
        Key::Or(one, other) => Query::Or(Box::new(query(one)?), Box::new(query(other)?)),
        Key::Not(key) => Query::Not(Box::new(query(key)?)),
        Key::All => Query::All,
        Key::Answered => Query::Flag(SystemFlags::ANSWERED),
        Key::Deleted => Query::Flag(SystemFlags::DELETED),
        Key::Draft => Query::Flag(SystemFlags::DRAFT),
        Key::Flagged => Query::Flag(SystemFlags::FLAGGED),
        Key::Seen => Query::Flag(SystemFlags::SEEN),
        Key::Recent => numbers.recent(),
        Key::New => Query::And(vec![numbers.recent(), Query::Not(Box::new(Query::Flag(SystemFlags::SEEN)))]),
        Key::Old => Query::Not(Box::new(numbers.recent())),
        Key::Keyword(name) => Query::Keyword(Keyword::new(name)),
        Key::Bcc(text) => header("Bcc", text),
        Key::Cc(text) => header("Cc", text),
        Key::From(text) => header("From", text),
        Key::To(text) => header("To", text),
        Key::Subject(text) => header("Subject", text),
        Key::Header(name, text) => header(name, text),
        Key::Body(text) => Query::Body(text.clone()),
        Key::Text(text) => Query::Text(text.clone()),
        Key::Before(date) => Query::Before(*date),
        Key::On(date) => Query::On(*date),
        Key::Since(date) => Query::Since(*date),
        Key::SentBefore(date) => Query::SentBefore(*date),
        Key::SentOn(date) => Query::SentOn(*date),
        Key::SentSince(date) => Query::SentSince(*date),
        Key::Younger(seconds) => Query::ReceivedFrom(before(now, *seconds)),
        Key::Older(seconds) => Query::ReceivedUntil(before(now, *seconds)),
        Key::SavedBefore(date) => Query::SavedBefore(*date),
        Key::SavedOn(date) => Query::SavedOn(*date),
        Key::SavedSince(date) => Query::SavedSince(*date),
        // RFC 8514 section 4.3: the mailbox keeps save dates, if not of each message.
        Key::SaveDateSupported => Query::All,
        Key::Larger(octets) => Query::Larger(*octets),
        Key::Smaller(octets) => Query::Smaller(*octets),
        Key::Sequence(set) => numbers.uids(set, Numbering::Sequence)?,
        Key::Uid(set) => numbers.uids(set, Numbering::Uid)?,
        Key::ModSeq(number) => Query::ModSeq(ModSeq(*number)),
        Key::EmailId(id) => objectid(id, 'M').map_or_else(nothing, |id| Query::EmailId(EmailId(id))),
        Key::ThreadId(id) => objectid(id, 'T').map_or_else(nothing, |id| Query::ThreadId(ThreadId(id))),
    })
}

/// RFC 5032 section 3: seconds before now, at which both OLDER and YOUNGER hold.
fn before(now: Timestamp, seconds: u32) -> Timestamp {
    now.checked_sub(SignedDuration::from_secs(i64::from(seconds))).unwrap_or(Timestamp::MIN)
}

fn nothing() -> Query {
    Query::Not(Box::new(Query::All))
}

/// An EMAILID or THREADID as we write them: a letter and 32 hexadecimal digits. Another one names nothing here.
fn objectid(written: &str, kind: char) -> Option<[u8; 16]> {
    let digits = written.strip_prefix(kind).filter(|digits| digits.len() == 32 && digits.is_ascii())?;
    let mut id = [0; 16];
    for (index, byte) in id.iter_mut().enumerate() {
        let pair = digits.get(2 * index..2 * index + 2)?;
        *byte = u8::from_str_radix(pair, 16).ok().filter(|_| !pair.starts_with('+'))?;
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_as_they_are_written() {
        let id = EmailId(*b"0123456789abcdef");
        assert_eq!(objectid(&id.to_string(), 'M'), Some(id.0));
        assert_eq!(objectid(&id.to_string(), 'T'), None);
        assert_eq!(objectid("M12", 'M'), None);
        assert_eq!(objectid(&format!("M{}", "+1".repeat(16)), 'M'), None);
    }
}
