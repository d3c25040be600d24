//! APPEND (RFC 3501 section 6.3.11), of several messages too (RFC 3502), whole or put together (RFC 4469).

mod gather;
mod lines;
mod url;

use imap_proto::Tag;
use imap_proto::command::append::Append;
use imap_proto::response::Code;
use mailbox::{Appended, Mail, NewMessage, SignIn};

use crate::command::find_target;
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::session::Session;

pub(crate) use gather::{Command, Most};

/// Whether the messages are wanted is decided before the client is told to send them.
pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    tag: &Tag,
    append: Append,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let folder = find_target(account, connection, &append.mailbox).await?;
    let command = Command { tag, name: "APPEND", most: Most::Many };
    let mut messages = gather::messages(session, connection, &command, append.said).await?;
    let appended = match (messages.pop(), messages.is_empty()) {
        (Some(only), true) => vec![connection.patiently(account.append(folder.id, only)).await??],
        (last, _) => {
            messages.extend(last);
            connection.patiently(account.append_all(folder.id, messages)).await??
        }
    };
    let done = Answer::ok("Appended");
    Ok(append_uid(&appended).map_or(done.clone(), |code| done.with(code)))
}

/// The one message of a command that takes only one.
pub(crate) async fn only<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    command: &Command<'_>,
    append: Append,
) -> Result<NewMessage, Stop> {
    let mut messages = gather::messages(session, connection, command, append.said).await?;
    messages.pop().ok_or_else(|| Answer::bad("A message is wanted").into())
}

/// Where messages went (RFC 4315 section 3, RFC 3502): their UIDs in the order they were sent in.
pub(crate) fn append_uid(appended: &[Appended]) -> Option<Code> {
    let uid_validity = appended.first()?.uid_validity.0.get();
    Some(Code::AppendUid { uid_validity, uids: appended.iter().map(|appended| appended.uid.get()).collect() })
}
