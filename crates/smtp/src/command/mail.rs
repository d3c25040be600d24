//! MAIL (RFC 5321 section 4.1.1.2): who sends, and what the client says of the message.

use mailbox::SignIn;
use mailbox::submit::{About, Refused, Submit};

use crate::error::{Stop, misunderstood, out_of_place, refused, too_big};
use crate::proto::{Mail, ParseError, Reply};
use crate::session::Session;
use crate::transaction::Transaction;

pub(crate) async fn run<B: SignIn>(session: &mut Session<B>, mail: Mail) -> Result<Reply, Stop>
where
    B::Account: Submit,
{
    let signed_in = session.state.signed_in()?;
    if signed_in.transaction.is_some() {
        return Err(out_of_place("A message is begun already").into());
    }
    let wants_reports = mail.returned.is_some() || mail.envelope_id.is_some();
    if wants_reports && !session.settings.delivery_reports {
        return Err(misunderstood(ParseError::UnknownParameter));
    }
    let most = session.settings.largest_message.min(signed_in.account.limits().message);
    if mail.size.is_some_and(|size| size > most) {
        return Err(too_big(most).into());
    }
    if let Some(sender) = &mail.sender {
        let allowed = signed_in.account.may_send_as(sender).await;
        allowed.map_err(|error| refused(&Refused { error, about: About::Sender(sender.clone()) }))?;
    }
    signed_in.transaction = Some(Transaction::new(mail));
    Ok(Reply::new(250, 1, 0, "Whom is it for?"))
}
