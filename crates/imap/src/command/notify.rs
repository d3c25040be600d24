//! NOTIFY (RFC 5465).

use imap_proto::command::notify::Notify as Asked;
use mailbox::SignIn;

use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::notify::{Manner, Notify, Told};
use crate::session::Session;
use crate::view::Expunges;

/// What happened in the selected mailbox until now is told as it was asked for until now (section 3.1).
pub(crate) async fn notify<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    asked: &Asked,
) -> Result<Answer, Stop> {
    let account = session.state.account()?.clone();
    let Asked::Set { status, groups } = asked else {
        session.told = Told::Nothing;
        return Ok(Answer::ok("Nothing more is told"));
    };
    let mut notify = Notify::begin(&account, connection, groups).await?;
    notify.tell_closed(&mut connection.out, session.names);
    if *status {
        let manner =
            Manner { names: session.names, modseq: session.enabled.condstore, selected: session.state.folder() };
        notify.tell_all(&account, connection, &manner).await?;
    }
    session.news(connection, Expunges::Tell).await?;
    session.told = Told::Asked(Box::new(notify));
    Ok(Answer::ok("You will be told"))
}
