//! COMPRESS (RFC 4978).

use imap_proto::Tag;
use imap_proto::response::Code;
use mailbox::SignIn;

use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::session::Session;

/// The answer goes out as it is, everything after it is compressed. Strangers get none: it costs memory, and what they
/// guess of others' secrets must not show in lengths.
pub(crate) async fn compress<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    tag: &Tag,
    algorithm: &str,
) -> Result<Answer, Stop> {
    session.state.account()?;
    if connection.is_compressed() {
        return Err(Answer::bad("Compressed already").with(Code::CompressionActive).into());
    }
    if algorithm != "DEFLATE" {
        return Err(Answer::bad("There is DEFLATE only").into());
    }
    Answer::ok("DEFLATE active").write(&mut connection.out, Some(tag));
    connection.compress().await?;
    Err(Stop::Silent)
}
