//! STAT (RFC 1939 section 5)

use mailbox::SignIn;

use crate::error::Stop;
use crate::proto::Reply;
use crate::session::Session;

/// Messages that are marked do not count.
pub(crate) async fn run<B: SignIn>(session: &mut Session<B>) -> Result<Reply, Stop> {
    let policy = session.settings.sizes;
    let maildrop = session.state.maildrop()?;
    maildrop.measure(None, policy).await?;
    let (count, octets) =
        maildrop.listed().fold((0_u64, 0_u64), |(count, sum), (_, _, octets)| (count + 1, sum + octets));
    Ok(Reply::ok(format!("{count} {octets}")))
}
