//! STLS (RFC 2595 section 4)

use mailbox::SignIn;

use crate::connection::{Connection, Transport};
use crate::error::Stop;
use crate::proto::Reply;
use crate::session::Session;
use crate::state::State;

/// The answer goes out in clear, everything after it does not. What USER said in clear is forgotten.
pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
) -> Result<Reply, Stop> {
    session.state.authorization()?;
    if !connection.can_start_tls() {
        let is_tls = connection.is_tls();
        return Err(Reply::err(if is_tls { "This is TLS already" } else { "TLS is not to be had here" }).into());
    }
    session.state = State::new();
    connection.say(&Reply::ok("Go on under TLS"));
    connection.start_tls().await?;
    Err(Stop::Answered)
}
