//! EHLO and HELO (RFC 5321 section 4.1.1.1)

use std::mem;

use mailbox::SignIn;
use mailbox::submit::Submit;

use crate::connection::{Connection, Transport};
use crate::error::Stop;
use crate::extension::{Circumstances, announced};
use crate::proto::Reply;
use crate::session::Session;
use crate::state::State;

/// The client says who it is, and hears what is to be had.
pub(crate) fn ehlo<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &Connection<T>,
    client: String,
) -> Result<Reply, Stop>
where
    B::Account: Submit,
{
    introduce(session, client);
    let settings = &session.settings;
    let (mut largest, mut recipients) = (settings.largest_message, settings.most_recipients);
    if let State::SignedIn(signed_in) = &session.state {
        let limits = signed_in.account.limits();
        (largest, recipients) = (largest.min(limits.message), recipients.min(limits.recipients));
    }
    let here = Circumstances {
        settings,
        largest,
        recipients,
        can_start_tls: connection.can_start_tls() && !session.state.is_signed_in(),
        can_sign_in: session.may_send_passwords(connection) && !session.state.is_signed_in(),
        takes_tokens: session.backend.takes_tokens(),
        takes_proofs: session.backend.takes_proofs(),
    };
    let lines: Vec<String> = [settings.name.clone()].into_iter().chain(announced(&here)).collect();
    Ok(Reply::bare(250, lines.join("\n")))
}

/// The same of old, without extensions.
pub(crate) fn helo<B: SignIn>(session: &mut Session<B>, client: String) -> Result<Reply, Stop>
where
    B::Account: Submit,
{
    introduce(session, client);
    Ok(Reply::bare(250, session.settings.name.clone()))
}

fn introduce<B: SignIn>(session: &mut Session<B>, client: String) {
    session.state = mem::replace(&mut session.state, State::Greeted).introduced(client);
}
