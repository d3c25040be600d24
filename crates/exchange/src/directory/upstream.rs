//! One organisation's Exchange, as the gateway reaches it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ews::{Egress, Identity, Schemes, Server, ServerConfig};
use mailbox::{Error, ErrorKind};

use crate::error::Result;
use crate::settings::{Organisation, Proof, Way};

/// One organisation.
pub(super) struct Upstream {
    pub(super) organisation: Organisation,
    /// Everything that belongs to the organisation leaves by it.
    egress: Egress,
    /// The servers that were needed so far, by their addresses.
    servers: Mutex<HashMap<Vec<String>, Server>>,
}

impl Upstream {
    /// Reads the certificates and checks the addresses; nobody is contacted.
    pub(super) fn new(organisation: Organisation) -> Result<Upstream> {
        let egress = Egress::new(organisation.egress.clone());
        let upstream = Upstream { organisation, egress, servers: Mutex::default() };
        if let Way::Urls(urls) = &upstream.organisation.way {
            upstream.at(urls)?;
        }
        Ok(upstream)
    }

    /// The server of somebody.
    pub(super) async fn server(&self) -> Result<Server> {
        match &self.organisation.way {
            Way::Urls(urls) => self.at(urls),
            Way::Discover(_) => Err(Error::new(ErrorKind::Internal, "Autodiscover is not asked yet; set url")),
        }
    }

    /// Somebody who signs in with a password.
    pub(super) fn identity(&self, user: &str, password: ews::Secret) -> Identity {
        let schemes = match &self.organisation.proof {
            Proof::Password(schemes) => schemes.clone(),
            Proof::OAuth(_) => Schemes::auto(),
        };
        Identity::Password { user: user.to_owned(), password, schemes }
    }

    /// The server at these addresses: one, however many ask.
    fn at(&self, urls: &[String]) -> Result<Server> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = servers.get(urls) {
            return Ok(server.clone());
        }
        let organisation = &self.organisation;
        let config = ServerConfig {
            urls: urls.to_vec(),
            failover: organisation.failover,
            trust: organisation.trust.clone(),
            allow_http: organisation.allow_http,
            egress: self.egress.clone(),
            channel_binding: organisation.channel_binding,
            limits: organisation.limits.clone(),
        };
        let server = Server::new(config).map_err(|error| {
            Error::new(ErrorKind::Internal, format!("exchange {}: {}", organisation.name, error.message))
        })?;
        servers.insert(urls.to_vec(), server.clone());
        Ok(server)
    }
}
