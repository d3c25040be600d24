//! LIST, LSUB, XLIST.

use std::collections::{BTreeMap, HashSet};

use imap_proto::command::list::List;
use imap_proto::response::{self, Attribute, ListLine};
use imap_proto::{MailboxName, Pattern};
use mailbox::{Depth, Folder, FolderPath, Mail, SignIn, SpecialUse};
use tracing::debug;

use crate::command::{acl, metadata, status};
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::names::{self, DELIMITER};
use crate::session::Session;

/// LIST (RFC 3501 section 6.3.8), selected and extended as in RFC 5258, 5819, 6154, 8440 and 9590.
pub(crate) async fn list<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    list: &List,
) -> Result<Answer, Stop> {
    let select = &list.select;
    if select.recursive_match && !select.subscribed && !select.special_use {
        return Err(Answer::bad("RECURSIVEMATCH needs another selection").into());
    }
    for Listed { line, folder } in listed(session, connection, list).await? {
        response::list(&mut connection.out, session.names, &line);
        if let Some(folder) = folder {
            let returns = &list.returns;
            if returns.my_rights {
                acl::after_list(session, connection, &line.name, folder.id).await?;
            }
            if folder.selectable && !returns.status.is_empty() {
                status::after_list(session, connection, &line.name, folder.id, &returns.status).await?;
            }
            if !returns.metadata.is_empty() {
                metadata::after_list(session, connection, &line.name, &folder, &returns.metadata).await?;
            }
        }
        connection.relieve().await?;
    }
    Ok(Answer::ok("That is all"))
}

/// XLIST: what LIST was with special uses before RFC 6154.
pub(crate) async fn xlist<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    list: &List,
) -> Result<Answer, Stop> {
    for listed in listed(session, connection, list).await? {
        response::xlist(&mut connection.out, session.names, &listed.line);
        connection.relieve().await?;
    }
    Ok(Answer::ok("That is all"))
}

/// LSUB (RFC 3501 section 6.3.9): subscribed names, whether there is such a folder or not. If a pattern ends with
/// `%` and only names below a name are subscribed, that one is shown with `\Noselect`.
pub(crate) async fn lsub<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    list: &List,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let folders = connection.patiently(account.folders()).await??;
    let subscribed = connection.patiently(account.subscriptions()).await??;
    let subscribed: HashSet<FolderPath> = subscribed.into_iter().collect();
    let selectable: HashSet<&FolderPath> =
        folders.iter().filter(|folder| folder.selectable).map(|folder| &folder.path).collect();
    let mut shown: BTreeMap<FolderPath, Vec<Attribute>> = BTreeMap::new();
    for path in &subscribed {
        let there = selectable.contains(path);
        shown.insert(path.clone(), if there { Vec::new() } else { vec![Attribute::NoSelect] });
        let mut above = path.parent();
        while let Some(path) = above {
            above = path.parent();
            if !subscribed.contains(&path) {
                shown.insert(path, vec![Attribute::NoSelect]);
            }
        }
    }
    let patterns = patterns(list);
    for (path, attributes) in shown {
        let name = names::name(&path);
        let implied = !subscribed.contains(&path);
        let matches = patterns.iter().any(|pattern| (!implied || pattern.0.ends_with('%')) && matches(pattern, &name));
        if matches {
            response::lsub(&mut connection.out, session.names, &line(attributes, name));
            connection.relieve().await?;
        }
    }
    Ok(Answer::ok("That is all"))
}

/// A line, and the folder it is about if there is one and more is to be told of it.
struct Listed {
    line: ListLine,
    folder: Option<Folder>,
}

async fn listed<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    list: &List,
) -> Result<Vec<Listed>, Stop> {
    let account = session.state.account()?;
    // An empty pattern asks for the delimiter and the root of the reference.
    if matches!(list.patterns.as_slice(), [only] if only.0.is_empty()) && !list.extended {
        return Ok(vec![Listed { line: line(vec![Attribute::NoSelect], MailboxName(String::new())), folder: None }]);
    }
    let patterns = patterns(list);
    visit(account, connection, &patterns).await?;
    let folders = connection.patiently(account.folders()).await??;
    let subscribed = match list.select.subscribed || list.returns.subscribed {
        true => connection.patiently(account.subscriptions()).await??,
        false => Vec::new(),
    };
    let names_subscribed: HashSet<&FolderPath> = subscribed.iter().collect();
    let is_matched = |path: &FolderPath| {
        let name = names::name(path);
        patterns.iter().any(|pattern| matches(pattern, &name))
    };
    let mut listed = Vec::new();
    for (path, folder) in with_missing_parents(&folders, if list.select.subscribed { &subscribed } else { &[] }) {
        let is_subscribed = names_subscribed.contains(&path);
        let selected = (!list.select.subscribed || is_subscribed)
            && (!list.select.special_use || folder.is_some_and(|folder| folder.special_use.is_some()));
        let child_info = child_info(list, &path, &subscribed, selected, &is_matched);
        if !is_matched(&path) || (!selected && child_info.is_empty()) {
            continue;
        }
        let mut attributes = match folder {
            Some(folder) => attributes(folder),
            None => missing(&path, &folders),
        };
        if is_subscribed {
            attributes.push(Attribute::Subscribed);
        }
        let line = ListLine { child_info, ..line(attributes, names::name(&path)) };
        // RFC 8440 section 4: what is shown only for what is below it is told no more of.
        listed.push(Listed { line, folder: folder.filter(|_| selected).cloned() });
    }
    Ok(listed)
}

/// Goes where the patterns begin, so that what is there is listed. What cannot be entered has nothing to list.
async fn visit<A: Mail, T: Transport>(
    account: &A,
    connection: &mut Connection<T>,
    patterns: &[Pattern],
) -> Result<(), Stop> {
    for (path, depth) in patterns.iter().filter_map(beginning) {
        if let Err(error) = connection.patiently(account.visit(&path, depth)).await? {
            debug!(%error, "nothing to list there");
        }
    }
    Ok(())
}

/// The folder whose name a pattern spells out, and how far below it the wildcards look.
fn beginning(pattern: &Pattern) -> Option<(FolderPath, Depth)> {
    let Some(wild) = pattern.0.find(['*', '%']) else {
        return Some((names::path(&MailboxName(pattern.0.clone()))?, Depth::Levels(0)));
    };
    let (above, rest) = match pattern.0.get(..wild)?.rfind(DELIMITER) {
        Some(end) => (names::path(&MailboxName(pattern.0.get(..end)?.to_owned()))?, pattern.0.get(end + 1..)?),
        None => (FolderPath(Vec::new()), pattern.0.as_str()),
    };
    let depth = match rest.contains('*') {
        true => Depth::Infinite,
        false => Depth::Levels(rest.matches(DELIMITER).count() + 1),
    };
    Some((above, depth))
}

/// `CHILDINFO` (RFC 5258 section 3.5): with RECURSIVEMATCH, a folder says that folders below it are subscribed; if
/// it is not selected itself, only when some of those are not listed themselves.
fn child_info(
    list: &List,
    path: &FolderPath,
    subscribed: &[FolderPath],
    selected: bool,
    is_matched: &impl Fn(&FolderPath) -> bool,
) -> Vec<&'static str> {
    let wanted = list.select.recursive_match && list.select.subscribed;
    let mut below = subscribed.iter().filter(|other| other.is_below(path));
    match wanted && below.any(|other| selected || !is_matched(other)) {
        true => vec!["SUBSCRIBED"],
        false => Vec::new(),
    }
}

/// The inbox first, the rest by name; folders that are there only as part of other folders' paths, or only as
/// subscriptions, have no entry.
fn with_missing_parents<'f>(folders: &'f [Folder], subscribed: &[FolderPath]) -> Vec<(FolderPath, Option<&'f Folder>)> {
    let mut all: BTreeMap<(bool, FolderPath), Option<&Folder>> = BTreeMap::new();
    let key = |path: FolderPath| (path.0.first().is_none_or(|first| first != "INBOX"), path);
    for path in folders.iter().map(|folder| &folder.path).chain(subscribed) {
        let mut next = Some(path.clone());
        while let Some(path) = next {
            next = path.parent();
            all.entry(key(path)).or_insert(None);
        }
    }
    all.extend(folders.iter().map(|folder| (key(folder.path.clone()), Some(folder))));
    all.into_iter().map(|((_, path), folder)| (path, folder)).collect()
}

/// `\NonExistent` means `\Noselect` to those who know it (RFC 5258 section 3); others are told both.
pub(crate) fn missing(path: &FolderPath, folders: &[Folder]) -> Vec<Attribute> {
    let mut attributes = vec![Attribute::NonExistent, Attribute::NoSelect];
    if folders.iter().any(|folder| folder.path.is_below(path)) {
        attributes.push(Attribute::HasChildren);
    }
    attributes
}

/// What is told of a folder that there is.
pub(crate) fn attributes(folder: &Folder) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    if !folder.selectable {
        attributes.push(Attribute::NoSelect);
    }
    attributes.push(if folder.has_children { Attribute::HasChildren } else { Attribute::HasNoChildren });
    attributes.extend(folder.special_use.map(special_use));
    attributes
}

/// How a role is told.
pub(crate) fn special_use(role: SpecialUse) -> Attribute {
    match role {
        SpecialUse::Archive => Attribute::Archive,
        SpecialUse::Drafts => Attribute::Drafts,
        SpecialUse::Junk => Attribute::Junk,
        SpecialUse::Sent => Attribute::Sent,
        SpecialUse::Trash => Attribute::Trash,
    }
}

/// A line without anything extended.
/// A folder as it is called, and as a client called it, if that is not the same (RFC 9051 section 6.3.9.7).
pub(super) fn named(folder: &Folder, asked: &MailboxName) -> ListLine {
    let name = names::name(&folder.path);
    let old_name = Some(asked.clone()).filter(|asked| *asked != name);
    ListLine { old_name, ..line(attributes(folder), name) }
}

pub(crate) fn line(attributes: Vec<Attribute>, name: MailboxName) -> ListLine {
    ListLine { attributes, delimiter: Some(DELIMITER), name, child_info: Vec::new(), old_name: None }
}

/// The reference is put before each pattern. One that is longer than any name matches none.
fn patterns(list: &List) -> Vec<Pattern> {
    let whole = list.patterns.iter().map(|pattern| format!("{}{}", list.reference.0, pattern.0));
    whole.filter(|pattern| pattern.len() <= LONGEST_PATTERN).map(Pattern).collect()
}

fn matches(pattern: &Pattern, name: &MailboxName) -> bool {
    pattern.matches(name, Some(DELIMITER))
}

const LONGEST_PATTERN: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_begin_at_folders() {
        for (pattern, expected) in [
            ("*", Some(("", Depth::Infinite))),
            ("%", Some(("", Depth::Levels(1)))),
            ("Oth*", Some(("", Depth::Infinite))),
            ("%/%", Some(("", Depth::Levels(2)))),
            ("Other Users/%", Some(("Other Users", Depth::Levels(1)))),
            ("Other Users/ben*", Some(("Other Users", Depth::Infinite))),
            ("Other Users/ben/*", Some(("Other Users>ben", Depth::Infinite))),
            ("Public/%/%", Some(("Public", Depth::Levels(2)))),
            ("Public/a%/b", Some(("Public", Depth::Levels(2)))),
            ("Public/a", Some(("Public>a", Depth::Levels(0)))),
            ("Public//%", None),
        ] {
            let found = beginning(&Pattern(pattern.to_owned()));
            let found = found.map(|(path, depth)| (path.0.join(">"), depth));
            assert_eq!(found, expected.map(|(path, depth)| (path.to_owned(), depth)), "{pattern}");
        }
    }
}
