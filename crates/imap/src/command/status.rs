//! STATUS (RFC 3501 section 6.3.10), of the selected folder too: clients do ask.

use imap_proto::command::status::{Item, Status};
use imap_proto::response::{self, StatusValue};
use mailbox::{FolderId, Mail, SignIn};

use crate::command::find;
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::session::Session;
use crate::settings::Settings;

pub(crate) async fn status<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    status: &Status,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let folder = find(account, connection, &status.mailbox).await?;
    let counts = connection.patiently(account.status(folder.id)).await??;
    let values: Vec<(Item, StatusValue)> =
        status.items.iter().map(|&item| (item, value(item, folder.id, &counts, &session.settings))).collect();
    response::status(&mut connection.out, session.names, &status.mailbox, &values);
    Ok(Answer::ok("That is all"))
}

fn value(item: Item, folder: FolderId, counts: &mailbox::Status, settings: &Settings) -> StatusValue {
    StatusValue::Number(match item {
        Item::Messages => counts.messages.into(),
        Item::Recent => counts.recent.into(),
        Item::UidNext => counts.state.uid_next.get().into(),
        Item::UidValidity => counts.state.uid_validity.0.get().into(),
        Item::Unseen => counts.unseen.into(),
        Item::Deleted => counts.deleted.into(),
        Item::Size => counts.size,
        Item::HighestModSeq => counts.state.highest_modseq.0,
        Item::AppendLimit => settings.largest_message,
        Item::MailboxId => return StatusValue::Id(folder.to_string()),
    })
}
