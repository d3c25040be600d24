//! CAPA (RFC 2449 section 5)

use mailbox::SignIn;

use crate::capability::{Circumstances, announced};
use crate::connection::{Connection, Transport};
use crate::error::Stop;
use crate::proto::Reply;
use crate::session::Session;

pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
) -> Result<Reply, Stop> {
    let here = Circumstances {
        can_start_tls: connection.can_start_tls() && !session.state.is_signed_in(),
        can_sign_in: session.may_send_passwords(connection),
        takes_tokens: session.backend.takes_tokens(),
        takes_proofs: session.backend.takes_proofs(),
    };
    connection.say(&Reply::ok("This is offered"));
    connection
        .put(|out| {
            announced(&here).for_each(|line| out.extend_from_slice(format!("{line}\r\n").as_bytes()));
            out.extend_from_slice(b".\r\n");
        })
        .await?;
    Err(Stop::Answered)
}
