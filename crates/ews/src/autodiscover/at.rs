//! Asking one Autodiscover service that somebody vouches for, such as the one beside the EWS that is set.

use http::Method;

use super::answer::Said;
use super::{Found, STEP_TIMEOUT, ServerKind, Step, pox};
use crate::{Ask, Error, ErrorKind, Identity, Web};

/// The Autodiscover document of the server that has this EWS URL.
pub fn beside(ews_url: &str) -> Option<String> {
    let (scheme, rest) = ews_url.split_once("://")?;
    let host = rest.split('/').next().filter(|host| !host.is_empty())?;
    Some(pox::url(scheme, host))
}

/// Asks one document by POX, which is signed in to and leads nowhere else.
///
/// # Errors
/// `NotFound` if it knows nothing of the address, and those of [`Web::ask`].
pub async fn ask_at(web: &Web, url: &str, address: &str, identity: &Identity) -> Result<Found, Error> {
    let ask = Ask {
        method: Method::POST,
        body: Some(("text/xml; charset=utf-8", pox::request(address))),
        identity: Some(identity),
        timeout: STEP_TIMEOUT,
        ..Ask::get(url)
    };
    let told = web.ask(ask).await?;
    match pox::read(&told.body) {
        Said::Settings(settings) => Ok(Found {
            ews_url: settings.external.clone().or_else(|| settings.internal.clone()).unwrap_or_default(),
            other_url: settings.internal.filter(|_| settings.external.is_some()),
            kind: ServerKind::OnPremises,
            schemas: settings.schemas,
            grouping: settings.grouping,
            public_folder_mailbox: settings.public_folder_mailbox,
            rpc_server: settings.rpc_server,
            primary_address: settings.primary_address,
            step: Step::Pox,
        }),
        _ => Err(Error::new(ErrorKind::NotFound, format!("{url} does not tell of {address} (HTTP {})", told.status))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn autodiscover_is_beside_ews() {
        let url = beside("https://mail.corp.example/EWS/Exchange.asmx");
        assert_eq!(url.as_deref(), Some("https://mail.corp.example/autodiscover/autodiscover.xml"));
        assert_eq!(beside("mail"), None);
    }
}
