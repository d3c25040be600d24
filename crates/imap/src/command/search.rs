//! SEARCH (RFC 3501 section 6.4.4), and RETURN (RFC 4731).

use imap_proto::command::search::{Key, Return, Search};
use imap_proto::response::{self, Esearch};
use imap_proto::{Numbering, Tag};
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
    let (account, view) = session.state.selected()?;
    let query = query(&search.key, view)?;
    if search.returns.as_ref().is_some_and(|returns| returns.contains(&Return::Save)) {
        return Err(Answer::bad("SAVE is not offered").into());
    }
    let found = connection.patiently(account.search(view.folder, &query)).await??;
    // Messages that came since the client was last told have no number yet, and no UID it knows.
    let numbers: Vec<u32> = found
        .into_iter()
        .filter_map(|uid| match search.numbering {
            Numbering::Sequence => view.sequence(uid),
            Numbering::Uid => view.sequence(uid).map(|_| uid.get()),
        })
        .collect();
    match &search.returns {
        None => response::search(&mut connection.out, &numbers, None),
        Some(returns) => {
            let wants = |what| returns.contains(&what);
            let esearch = Esearch {
                tag,
                numbering: search.numbering,
                min: numbers.first().copied().filter(|_| wants(Return::Min)),
                max: numbers.last().copied().filter(|_| wants(Return::Max)),
                count: wants(Return::Count).then_some(u32::try_from(numbers.len()).unwrap_or(u32::MAX)),
                all: wants(Return::All).then_some(numbers.as_slice()),
                mod_seq: None,
            };
            response::esearch(&mut connection.out, &esearch);
        }
    }
    Ok(Answer::ok("Searched"))
}

/// The same question in the mailbox's words: what only this session knows, numbers and `\Recent`, becomes UIDs.
fn query(key: &Key, view: &View) -> Result<Query, Answer> {
    let header = |name: &str, text: &String| Query::Header { name: name.to_owned(), text: text.clone() };
    Ok(match key {
        Key::And(keys) => Query::And(keys.iter().map(|key| query(key, view)).collect::<Result<_, _>>()?),
        Key::Or(one, other) => Query::Or(Box::new(query(one, view)?), Box::new(query(other, view)?)),
        Key::Not(key) => Query::Not(Box::new(query(key, view)?)),
        Key::All => Query::All,
        Key::Answered => Query::Flag(SystemFlags::ANSWERED),
        Key::Deleted => Query::Flag(SystemFlags::DELETED),
        Key::Draft => Query::Flag(SystemFlags::DRAFT),
        Key::Flagged => Query::Flag(SystemFlags::FLAGGED),
        Key::Seen => Query::Flag(SystemFlags::SEEN),
        Key::Recent => recent(view),
        Key::New => Query::And(vec![recent(view), Query::Not(Box::new(Query::Flag(SystemFlags::SEEN)))]),
        Key::Old => Query::Not(Box::new(recent(view))),
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
        Key::Younger(_) | Key::Older(_) => return Err(Answer::bad("YOUNGER and OLDER are not offered")),
        Key::Larger(octets) => Query::Larger(*octets),
        Key::Smaller(octets) => Query::Smaller(*octets),
        Key::Sequence(set) => Query::Uids(view.uid_ranges(set, Numbering::Sequence)?),
        Key::Uid(set) => Query::Uids(view.uid_ranges(set, Numbering::Uid)?),
        Key::ModSeq(number) => Query::ModSeq(ModSeq(*number)),
        Key::EmailId(id) => objectid(id, 'M').map_or_else(nothing, |id| Query::EmailId(EmailId(id))),
        Key::ThreadId(id) => objectid(id, 'T').map_or_else(nothing, |id| Query::ThreadId(ThreadId(id))),
    })
}

fn recent(view: &View) -> Query {
    Query::Uids(Uid::new(u32::MAX).map(|last| (view.recent_from(), last)).into_iter().collect())
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
