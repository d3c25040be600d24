//! APPEND (RFC 3501 section 6.3.11): the message goes to disk as it comes.

use std::io::Write;

use imap_proto::Step;
use imap_proto::command::append::Append;
use imap_proto::response::Code;
use mailbox::{Mail, NewMessage, SignIn, Spool};

use crate::command::find_target;
use crate::connection::{Awaited, Connection, Transport};
use crate::error::{Answer, End, Stop};
use crate::flags;
use crate::session::{Session, refused};

/// Whether the message is wanted is decided before the client is told to send it.
pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    append: Append,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let folder = find_target(account, connection, &append.mailbox).await?;
    let message = append.message;
    if message.utf8 {
        return Err(Answer::bad("UTF8 is not offered").into());
    }
    let mut spool = Spool::new(&session.settings.spool, IN_MEMORY);
    loop {
        match connection.next(Awaited::Rest).await? {
            Step::Literal(piece) => spool.write_all(&piece).map_err(mailbox::Error::from)?,
            Step::AppendEnd(rest) if rest.bytes().trim_ascii().is_empty() => break,
            Step::AppendEnd(_) => return Err(Answer::bad("Something follows the message").into()),
            Step::AppendNext(_) => return Err(Answer::bad("One message at a time").into()),
            Step::Refused(refusal) => return Err(refused(&refusal).into()),
            Step::Fatal(fatal) => return Err(End::Bye(Some(Code::TooBig), fatal.to_string().into()).into()),
            _ => return Err(End::Gone.into()),
        }
    }
    let content = spool.finish().map_err(mailbox::Error::from)?;
    let flags = flags::read(&message.flags);
    let received = message.date.map(|date| date.at);
    let appended = connection.patiently(account.append(folder.id, NewMessage { content, flags, received })).await??;
    let (uid_validity, uids) = (appended.uid_validity.0.get(), vec![appended.uid.get()]);
    Ok(Answer::ok("Appended").with(Code::AppendUid { uid_validity, uids }))
}

/// Octets of a message that are held in memory before it goes to disk.
const IN_MEMORY: usize = 64 << 10;
