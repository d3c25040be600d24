//! STATUS (RFC 3501 section 6.3.10), of the selected folder too: clients do ask.

use imap_proto::MailboxName;
use imap_proto::command::status::{Item, Status};
use imap_proto::response::{self, StatusValue};
use mailbox::{FolderId, Mail, ModSeq, SignIn};
use tracing::debug;

use crate::command::find;
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::session::Session;
use crate::settings::Settings;
use crate::state::State;

pub(crate) async fn status<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    status: &Status,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let folder = find(account, connection, &status.mailbox).await?;
    let mut counts = connection.patiently(account.status(folder.id)).await??;
    counts.state.highest_modseq = told(session, folder.id, counts.state.highest_modseq);
    write(session, connection, &status.mailbox, folder.id, &status.items, &counts).await?;
    Ok(Answer::ok("That is all"))
}

/// A STATUS that follows a LIST line (RFC 5819 section 2); of a folder that cannot be counted now, there is none.
pub(crate) async fn after_list<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    name: &MailboxName,
    folder: FolderId,
    items: &[Item],
) -> Result<(), Stop> {
    let account = session.state.account()?;
    match connection.patiently(account.status(folder)).await? {
        Ok(mut counts) => {
            counts.state.highest_modseq = told(session, folder, counts.state.highest_modseq);
            write(session, connection, name, folder, items, &counts).await?;
        }
        Err(error) => debug!(%error, "no counts"),
    }
    Ok(())
}

/// RFC 7162 section 3.2: of the selected folder, no change is named before it was told.
fn told<B: SignIn>(session: &Session<B>, folder: FolderId, highest: ModSeq) -> ModSeq {
    match &session.state {
        State::Selected { view, .. } if view.folder == folder => view.settled(),
        _ => highest,
    }
}

async fn write<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    name: &MailboxName,
    folder: FolderId,
    items: &[Item],
    counts: &mailbox::Status,
) -> Result<(), Stop> {
    // It is not kept count of, so that it is asked for only if somebody wants to know.
    let deleted_size = match counts.deleted > 0 && items.contains(&Item::DeletedStorage) {
        true => connection.patiently(session.state.account()?.deleted_size(folder)).await?.unwrap_or_default(),
        false => 0,
    };
    let value = |&item| (item, value(item, folder, counts, deleted_size, &session.settings));
    let values: Vec<(Item, StatusValue)> = items.iter().map(value).collect();
    response::status(&mut connection.out, session.names, name, &values);
    Ok(())
}

fn value(
    item: Item,
    folder: FolderId,
    counts: &mailbox::Status,
    deleted_size: u64,
    settings: &Settings,
) -> StatusValue {
    StatusValue::Number(match item {
        Item::Messages => counts.messages.into(),
        Item::Recent => counts.recent.into(),
        Item::UidNext => counts.state.uid_next.get().into(),
        Item::UidValidity => counts.state.uid_validity.0.get().into(),
        Item::Unseen => counts.unseen.into(),
        Item::Deleted => counts.deleted.into(),
        Item::DeletedStorage => deleted_size,
        Item::Size => counts.size,
        Item::HighestModSeq => counts.state.highest_modseq.0,
        Item::AppendLimit => settings.largest_message,
        Item::MailboxId => return StatusValue::Id(folder.to_string()),
    })
}
