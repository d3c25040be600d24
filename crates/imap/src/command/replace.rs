//! REPLACE (RFC 8508): a message comes, and the one it replaces goes. The old one goes last, so that nothing is lost
//! whatever happens in between.

use imap_proto::Tag;
use imap_proto::command::append::Replace;
use imap_proto::response::{self, Code, Condition};
use mailbox::{Access, Mail, SignIn};
use tracing::warn;

use crate::command::append::{self, Command, Most};
use crate::command::expunge::read_only;
use crate::command::find_target;
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::session::Session;
use crate::view::Expunges;

/// Section 4.3: the new message is told before the old one's number goes, as clients find that easier to follow.
pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    tag: &Tag,
    replace: Replace,
) -> Result<Answer, Stop> {
    let (account, view) = session.state.selected()?;
    let (account, folder) = (account.clone(), view.folder);
    let Some(old) = view.pick(&replace.set(), replace.numbering)?.first().map(|picked| picked.uid) else {
        return Err(Answer::no(Code::NonExistent, "There is no such message").into());
    };
    if view.access == Access::ReadOnly {
        return Err(read_only().into());
    }
    let target = find_target(&account, connection, &replace.append.mailbox).await?;
    let command = Command { tag, name: "REPLACE", most: Most::One };
    let message = append::only(session, connection, &command, replace.append).await?;
    let new = connection.patiently(account.append(target.id, message)).await??;
    let removed = connection.patiently(account.discard(folder, &[old])).await?;
    let failed = removed.map_or_else(Some, |mut removed| removed.failed.pop().map(|(_, error)| error));
    if let Some(error) = failed {
        // Both or neither (section 3.1).
        match connection.patiently(account.discard(target.id, &[new.uid])).await? {
            Ok(taken_back) if taken_back.failed.is_empty() => {}
            _ => warn!("a replacement could not be taken back after the message it replaces could not be removed"),
        }
        return Err(error.into());
    }
    let code = append::append_uid(&[new]);
    response::untagged(&mut connection.out, Condition::Ok, code.as_ref(), "The replacement is there");
    session.news(connection, Expunges::Hold).await?;
    Ok(Answer::ok("Replaced"))
}
