//! EXPUNGE and UID EXPUNGE.

use imap_proto::response::Code;
use imap_proto::{Numbering, SequenceSet};
use mailbox::{Access, Mail, SignIn, Uid};

use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop, partly};
use crate::session::Session;

/// EXPUNGE (RFC 3501 section 6.4.3)
pub(crate) async fn all<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
) -> Result<Answer, Stop> {
    session.state.selected()?;
    expunge(session, connection, None).await
}

/// UID EXPUNGE (RFC 4315 section 2.1)
pub(crate) async fn some<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    set: &SequenceSet,
) -> Result<Answer, Stop> {
    let (_, view) = session.state.selected()?;
    let only: Vec<Uid> = view.pick(set, Numbering::Uid)?.iter().map(|picked| picked.uid).collect();
    expunge(session, connection, Some(&only)).await
}

async fn expunge<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    only: Option<&[Uid]>,
) -> Result<Answer, Stop> {
    let (account, view) = session.state.selected()?;
    if view.access == Access::ReadOnly {
        return Err(read_only().into());
    }
    if only.is_some_and(<[Uid]>::is_empty) {
        return Ok(Answer::ok("There was nothing to remove"));
    }
    let expunged = connection.patiently(account.expunge(view.folder, only)).await??;
    view.expunged(&expunged.gone, &mut connection.out);
    Ok(partly(expunged.failed, Answer::ok("Removed")))
}

/// What changes nothing because the folder was opened with EXAMINE.
pub(crate) fn read_only() -> Answer {
    Answer::no(Code::Cannot, "The mailbox was opened for reading only")
}
