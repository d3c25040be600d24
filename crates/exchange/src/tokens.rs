//! An organisation's way to access tokens.

use std::sync::Arc;

use ews::oauth::{Credential, Flow as Theirs, OAuth, OAuthConfig, SigningKey, resource_of};
use ews::{Egress, ErrorKind, Web, WebConfig};

use crate::settings::{ClientProof, Flow, Organisation, Proof};

/// The identity provider of an organisation whose Exchange is at `url`.
///
/// # Errors
/// One sentence for the operator.
pub fn oauth(organisation: &Organisation, url: &str, egress: Egress) -> Result<OAuth, ews::Error> {
    let local = |told: String| ews::Error::told(ErrorKind::Local, told);
    let Proof::OAuth(settings) = &organisation.proof else {
        return Err(local(format!("exchange.{}.auth is not \"oauth\"", organisation.name)));
    };
    let store = organisation.store.clone().ok_or_else(|| local("there is no place to keep tokens in".to_owned()))?;
    let resource = settings.resource.clone().or_else(|| resource_of(url));
    let resource = resource.ok_or_else(|| local(format!("set oauth.resource: {url} does not tell it")))?;
    let config = OAuthConfig {
        tenant: settings.tenant.clone(),
        credential: match &settings.client {
            None => Credential::Public,
            Some(ClientProof::Secret(secret)) => Credential::Secret(secret.clone()),
            Some(ClientProof::Certificate { certificate, key }) => {
                let read = |path: &std::path::Path| {
                    std::fs::read(path).map_err(|error| local(format!("file {}: {error}", path.display())))
                };
                Credential::Key(SigningKey::from_pem(&read(certificate)?, &read(key)?)?)
            }
        },
        scope: settings.scope.clone(),
        flow: match settings.flow {
            Flow::Code => Theirs::Code,
            Flow::Device => Theirs::Device,
            Flow::ClientCredentials => Theirs::ClientCredentials,
        },
        redirect: settings.redirect.clone(),
        timeout: settings.timeout,
        allow_authorities: settings.allow_authorities.clone(),
        ..OAuthConfig::new(&settings.authority, &settings.client_id, &resource)
    };
    // The configuration lets plain http be used with a provider on this machine only.
    let allow_http = settings.authority.starts_with("http://");
    let web = Web::new(WebConfig { trust: organisation.trust.clone(), egress, allow_http, ..WebConfig::default() })?;
    OAuth::new(config, web, Arc::clone(&store))
}
