//! RCPT (RFC 5321 section 4.1.1.3): whom a message is for. Who they are is known to Exchange, once it has the message.

use mailbox::SignIn;
use mailbox::submit::Submit;

use crate::error::{Stop, misunderstood, out_of_place};
use crate::proto::{ParseError, Rcpt, Reply};
use crate::session::Session;

pub(crate) fn run<B: SignIn>(session: &mut Session<B>, rcpt: Rcpt) -> Result<Reply, Stop>
where
    B::Account: Submit,
{
    let most = session.settings.most_recipients;
    let takes_reports = session.settings.delivery_reports;
    let (account, transaction) = session.state.begun()?;
    if transaction.chunks.is_some() {
        return Err(out_of_place("The message has begun already").into());
    }
    if (rcpt.notify.is_some() || rcpt.original.is_some()) && !takes_reports {
        return Err(misunderstood(ParseError::UnknownParameter));
    }
    if !rcpt.recipient.is_ascii() && !transaction.mail().smtp_utf8 {
        return Err(misunderstood(ParseError::NotAscii));
    }
    let most = most.min(account.limits().recipients);
    if transaction.recipients() >= most && !transaction.knows(&rcpt.recipient) {
        return Err(Reply::new(452, 5, 3, format!("A message is for up to {most}")).into());
    }
    transaction.add(rcpt);
    Ok(Reply::new(250, 1, 5, "Noted"))
}
