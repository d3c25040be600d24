//! STARTTLS (RFC 3207)

use mailbox::SignIn;

use crate::connection::{Connection, Transport};
use crate::error::{Stop, out_of_place};
use crate::proto::Reply;
use crate::session::Session;
use crate::state::State;

/// The answer goes out in clear, everything after it does not. What was known of the client is forgotten (section 4.2).
pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
) -> Result<Reply, Stop> {
    if session.state.is_signed_in() || connection.is_tls() {
        return Err(out_of_place("STARTTLS comes before signing in, and once").into());
    }
    if !connection.can_start_tls() {
        return Err(Reply::new(502, 5, 1, "TLS is not to be had here").into());
    }
    session.state = State::Greeted;
    connection.say(&Reply::new(220, 0, 0, "Go on under TLS"));
    connection.start_tls().await?;
    Err(Stop::Silent)
}
