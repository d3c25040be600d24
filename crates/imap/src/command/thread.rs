//! THREAD (RFC 5256).

use imap_proto::Numbering;
use imap_proto::command::thread::{Algorithm, Thread};
use imap_proto::response::{self, ThreadNode};
use mailbox::SignIn;

use crate::command::reading::{Wanted, read};
use crate::command::search::found;
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::order::{Facts, Letters, Threaded};
use crate::session::Session;
use crate::view::View;

pub(crate) async fn thread<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    thread: &Thread,
) -> Result<Answer, Stop> {
    let now = (session.settings.clock)();
    let (account, view) = session.state.selected()?;
    let found = found(account, view, connection, &thread.key, now).await?;
    let mut letters = Letters::default();
    let take = |facts: &Facts<'_>| match thread.algorithm {
        Algorithm::References => letters.add(facts.uid, facts.received, facts.header),
        Algorithm::OrderedSubject => letters.add_subject(facts.uid, facts.received, facts.header),
    };
    let wanted = Wanted { received: true, size: false, header: true };
    read(account, connection, view.folder, &found, wanted, take).await?;
    let threads = match thread.algorithm {
        Algorithm::References => letters.by_references(),
        Algorithm::OrderedSubject => letters.by_subject(),
    };
    let nodes: Vec<ThreadNode> = threads.iter().map(|node| told(view, thread.numbering, node)).collect();
    response::thread(&mut connection.out, &nodes);
    Ok(Answer::ok("Threaded"))
}

fn told(view: &View, numbering: Numbering, node: &Threaded) -> ThreadNode {
    let number = node.uid.and_then(|uid| match numbering {
        Numbering::Uid => Some(uid.get()),
        Numbering::Sequence => view.sequence(uid),
    });
    ThreadNode { number, children: node.children }
}
