//! The end of a message: it is looked at, and handed over. Whatever comes of it, the transaction is over.

use std::time::Instant;

use mailbox::SignIn;
use mailbox::submit::{
    About, Accepted, Address, Body, Envelope, Header, Refused, Session as Origin, Submission, SubmissionId, Submit,
    Taker,
};
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::connection::{Connection, Transport};
use crate::error::{Stop, no_disk, out_of_place, refused, wrong_header};
use crate::gather::{self, Gathering};
use crate::proto::Reply;
use crate::session::Session;
use crate::state::SignedIn;

pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    gathering: Gathering,
) -> Result<Reply, Stop>
where
    B::Account: Submit,
{
    let peer = session.peer;
    let signed_in = session.state.signed_in()?;
    let Some(mut transaction) = signed_in.transaction.take() else {
        return Err(out_of_place("No message is begun").into());
    };
    let arrived = Instant::now();
    let mut message = gathering.finish()?;
    if transaction.mail().body == Body::Binary {
        message = gather::without_binary(message, &session.settings.spool).await?;
    }
    let header = match Header::read(&message) {
        Ok(header) => header.map_err(wrong_header)?,
        Err(reason) => {
            error!(%reason, "a message cannot be read again");
            return Err(no_disk().into());
        }
    };
    let envelope = transaction.envelope();
    may_send(signed_in, &envelope, &header).await?;
    let id = SubmissionId(Uuid::new_v4().as_u128());
    let origin =
        Origin { user: signed_in.user.clone(), client: signed_in.client.clone(), peer, tls: connection.is_tls() };
    let (recipients, octets) = (envelope.recipients.len(), message.len());
    match signed_in.account.submit(Submission { id, envelope, message, header, session: origin, arrived }).await {
        Ok(accepted) => {
            info!(%id, user = signed_in.user, recipients, octets, by = ?accepted.by, "taken");
            let reply = taken(id, accepted);
            connection.say(&reply);
            connection.flush().await?;
            signed_in.unheard.push((id, connection.arrivals()));
            session.message_is_taken();
            Err(Stop::Silent)
        }
        Err(reason) => {
            warn!(%id, user = signed_in.user, recipients, octets, about = ?what(&reason.about), error = %reason, "not taken");
            Err(refused(&reason).into())
        }
    }
}

fn taken(id: SubmissionId, accepted: Accepted) -> Reply {
    Reply::new(
        250,
        0,
        0,
        match accepted.by {
            Taker::Exchange => format!("Sent as {id}"),
            Taker::Gateway => format!("Kept as {id}, and sent once Exchange takes it"),
            Taker::Before => format!("Taken before, and not sent again as {id}"),
        },
    )
}

/// Everybody in whose name it is sent must be somebody this user may send for, and somebody there must be.
async fn may_send<A: Submit>(signed_in: &SignedIn<A>, envelope: &Envelope, header: &Header) -> Result<(), Stop> {
    let senders: Vec<Address> = header.senders().map(|mailbox| mailbox.address.clone()).collect();
    if senders.is_empty() && envelope.sender.is_none() {
        return Err(Reply::new(554, 6, 0, "Neither the envelope nor the header names a sender").into());
    }
    for sender in senders {
        let allowed = signed_in.account.may_send_as(&sender).await;
        allowed.map_err(|error| refused(&Refused { error, about: About::Sender(sender) }))?;
    }
    Ok(())
}

/// For logs, which name nobody.
fn what(about: &About) -> &'static str {
    match about {
        About::Message => "message",
        About::Sender(_) => "sender",
        About::Recipient(_) => "recipient",
        About::RecipientCount => "number of recipients",
        About::Rate => "rate",
    }
}
