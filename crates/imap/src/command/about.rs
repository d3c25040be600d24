//! What a server says of itself: CAPABILITY, ID, NAMESPACE, ENABLE, and goodbye.

use imap_proto::response::{self, Namespace, Namespaces};
use imap_proto::{MailboxName, Tag};
use mailbox::{FolderPath, Mail, SignIn};
use tracing::debug;

use crate::connection::{Connection, Transport};
use crate::error::{Answer, End, Stop};
use crate::names::{self, DELIMITER};
use crate::session::Session;

/// CAPABILITY (RFC 3501 section 6.1.1)
pub(crate) fn capability<B: SignIn, T: Transport>(session: &Session<B>, connection: &mut Connection<T>) -> Answer {
    let capabilities = session.capabilities(connection);
    response::capability(&mut connection.out, capabilities.iter().map(String::as_str));
    Answer::ok("That is all")
}

/// LOGOUT (RFC 3501 section 6.1.3)
pub(crate) async fn logout<T: Transport>(connection: &mut Connection<T>, tag: &Tag) -> Result<Answer, Stop> {
    response::bye(&mut connection.out, None, "See you");
    Answer::ok("Signed out").write(&mut connection.out, Some(tag));
    Err(End::Gone.into())
}

/// ID (RFC 2971). What some clients enable and do not keep to is not offered to them from then on.
pub(crate) fn id<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    client: &[(String, Option<String>)],
) -> Answer {
    debug!(?client, "client says who it is");
    let name = client.iter().find(|(field, _)| field.eq_ignore_ascii_case("name"));
    session.client = name.and_then(|(_, name)| name.clone());
    if let Some(name) = &session.client {
        session.pass.introduce(name);
    }
    let fields = [("name", Some(session.settings.name.as_str())), ("version", Some(session.settings.version.as_str()))];
    response::id(&mut connection.out, fields);
    Answer::ok("Pleased to meet you")
}

/// NAMESPACE (RFC 2342): the user's own without a prefix, then what the backend has of others.
pub(crate) async fn namespace<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let told = connection.patiently(account.namespaces()).await??;
    let below = |paths: &[FolderPath]| {
        let prefix = |path: &FolderPath| MailboxName(format!("{}{DELIMITER}", names::name(path).0));
        let space = |path| Namespace { prefix: prefix(path), delimiter: Some(DELIMITER) };
        paths.iter().map(space).collect()
    };
    let own = Namespace { prefix: MailboxName(String::new()), delimiter: Some(DELIMITER) };
    let all = Namespaces { personal: vec![own], others: below(&told.others), shared: below(&told.shared) };
    response::namespace(&mut connection.out, session.names, &all);
    Ok(Answer::ok("That is all"))
}

/// ENABLE (RFC 5161). What is not offered is passed over.
pub(crate) fn enable<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    wishes: &[String],
) -> Result<Answer, Stop> {
    session.state.account()?;
    let offered = session.capabilities(connection);
    let mut enabled = session.enabled;
    let mut told = Vec::new();
    for wish in wishes.iter().filter(|wish| offered.iter().any(|name| name.eq_ignore_ascii_case(wish))) {
        if let Some((with, name)) = enabled.with(wish) {
            enabled = with;
            told.push(name);
        }
    }
    response::enabled(&mut connection.out, told);
    session.enable(connection, enabled);
    Ok(Answer::ok("Done"))
}
