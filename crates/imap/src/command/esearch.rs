//! ESEARCH: a search in several mailboxes (RFC 7377).

use std::collections::HashSet;

use imap_proto::command::esearch::Esearch;
use imap_proto::command::scope::Scope;
use imap_proto::command::search::{Key, Return};
use imap_proto::response::Source;
use imap_proto::{Bound, Numbering, SequenceSet, Tag};
use jiff::Timestamp;
use mailbox::{Access, ErrorKind, Folder, FolderPath, Mail, SignIn, Uid, UidValidity};
use tracing::debug;

use crate::command::search::{Head, Numbers, found, is_modseq, keep, mod_seq, query, saving, tell};
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::names;
use crate::session::Session;
use crate::state::State;

/// Each mailbox in which something was found has a line of its own. Mailboxes that are not there, or not to be read,
/// are passed over.
pub(crate) async fn esearch<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    tag: &Tag,
    esearch: &Esearch,
) -> Result<Answer, Stop> {
    let now = (session.settings.clock)();
    let account = session.state.account()?.clone();
    if esearch.scopes.iter().any(Scope::is_selected) {
        session.state.selected()?;
    }
    // RFC 7377 section 2.2: `$` is of the selected mailbox.
    let only_selected = esearch.scopes.iter().all(Scope::is_selected);
    if esearch.returns.contains(&Return::Save) && !only_selected {
        return Err(Answer::bad("SAVE is for the selected mailbox alone").into());
    }
    for folder in targets(session, connection, &account, &esearch.scopes).await? {
        let Found { uid_validity, uids, mod_seq } = match &mut session.state {
            State::Selected { view, .. } if view.folder == folder.id => {
                let outcome = found(&account, view, connection, &esearch.key, now).await;
                let uids = saving(view, Some(&esearch.returns), outcome)?;
                keep(view, &esearch.returns, &uids);
                let mod_seq = mod_seq(|uid| view.modseq(uid), &esearch.key, Some(&esearch.returns), &uids);
                Found { uid_validity: view.uid_validity, uids, mod_seq }
            }
            _ => match elsewhere(&account, connection, &folder, esearch, now).await? {
                Some(found) => found,
                None => continue,
            },
        };
        if uids.is_empty() && !only_selected {
            continue;
        }
        let mailbox = names::name(&folder.path);
        let source = Source { mailbox: &mailbox, names: session.names, uid_validity: uid_validity.0.get() };
        let head = Head { tag, source: Some(source), numbering: Numbering::Uid };
        let numbers: Vec<u32> = uids.iter().map(|uid| uid.get()).collect();
        tell(&mut connection.out, head, &esearch.returns, &numbers, mod_seq);
        connection.relieve().await?;
    }
    Ok(Answer::ok("Searched"))
}

/// What is found in one mailbox.
struct Found {
    uid_validity: UidValidity,
    uids: Vec<Uid>,
    mod_seq: Option<u64>,
}

/// What is found in a folder that is not selected; `None` if it cannot be looked into.
async fn elsewhere<A: Mail, T: Transport>(
    account: &A,
    connection: &mut Connection<T>,
    folder: &Folder,
    esearch: &Esearch,
    now: Timestamp,
) -> Result<Option<Found>, Stop> {
    // Only who writes `*`, or asks for MODSEQ, has to know all messages.
    let key = &esearch.key;
    let known = match key.any(&has_star) || key.any(&is_modseq) {
        true => {
            let opened = connection.patiently(account.open(folder.id, Access::ReadOnly)).await?;
            opened.map(|snapshot| (snapshot.state, snapshot.entries))
        }
        false => connection.patiently(account.status(folder.id)).await?.map(|status| (status.state, Vec::new())),
    };
    let answer = match known {
        Err(error) => Err(error),
        Ok((state, entries)) => {
            let query = query(key, Numbers::Folder(entries.last().map(|entry| entry.uid)), now)?;
            let progress = connection.progress();
            let found = connection.patiently(account.search(folder.id, &query, &progress)).await?;
            let of = |uid: Uid| {
                let place = entries.binary_search_by_key(&uid, |entry| entry.uid).ok()?;
                entries.get(place).map(|entry| entry.modseq)
            };
            found.map(|uids| {
                let mod_seq = mod_seq(of, key, Some(&esearch.returns), &uids);
                Found { uid_validity: state.uid_validity, uids, mod_seq }
            })
        }
    };
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Denied) => {
            debug!(%error, "passed over");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn has_star(key: &Key) -> bool {
    match key {
        Key::Uid(SequenceSet::Spans(spans)) => {
            spans.iter().any(|span| span.from == Bound::Star || span.to == Bound::Star)
        }
        _ => false,
    }
}

/// The folders to look into, each once.
async fn targets<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    account: &B::Account,
    scopes: &[Scope],
) -> Result<Vec<Folder>, Stop> {
    for scope in scopes {
        for path in scope.named().iter().filter_map(names::path) {
            if let Err(error) = connection.patiently(account.visit(&path, names::reach(scope))).await? {
                debug!(%error, "passed over");
            }
        }
    }
    let folders = connection.patiently(account.folders()).await??;
    let subscribed = match scopes.contains(&Scope::Subscribed) {
        true => connection.patiently(account.subscriptions()).await??,
        false => Vec::new(),
    };
    let namespaces = connection.patiently(account.namespaces()).await??;
    let known = Known {
        selected: match &session.state {
            State::Selected { view, .. } => Some(view.folder),
            _ => None,
        },
        subscribed: subscribed.into_iter().collect(),
        foreign: namespaces.others.into_iter().chain(namespaces.shared).collect(),
    };
    let wanted = |folder: &&Folder| folder.selectable && scopes.iter().any(|scope| known.is_in(scope, folder));
    Ok(folders.iter().filter(wanted).cloned().collect())
}

/// What decides which folders are meant.
struct Known {
    selected: Option<mailbox::FolderId>,
    subscribed: HashSet<FolderPath>,
    /// Where folders are that are not the user's own.
    foreign: Vec<FolderPath>,
}

impl Known {
    fn is_in(&self, scope: &Scope, folder: &Folder) -> bool {
        let path = &folder.path;
        match scope {
            Scope::Selected | Scope::SelectedDelayed => self.selected == Some(folder.id),
            Scope::Inboxes => path.is_inbox(),
            Scope::Personal => !self.foreign.iter().any(|top| path == top || path.is_below(top)),
            Scope::Subscribed => self.subscribed.contains(path),
            Scope::Subtree(_) | Scope::SubtreeOne(_) | Scope::Mailboxes(_) => names::reaches(scope, path),
        }
    }
}
