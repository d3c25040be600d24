//! What stands beside EWS: Autodiscover, the web server that leads to it, an identity provider, and a name server.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    Version,
    autodiscover::Autodiscover,
    dns::{self, Names, Record},
    idp::{self as provider, Provider},
};

use super::{
    PATH, Server, bind,
    front_end::{Door, Face, FrontEnd},
    idp::{self, Idp},
    settings::TlsRules,
    tls::{self, Secure},
};

/// Which services stand beside EWS, and where; port 0 takes a free one.
#[derive(Clone, Debug, Default)]
pub struct Services {
    /// PEM files of a certificate chain and its key; without them Autodiscover and the identity
    /// provider speak plain HTTP.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The same for Autodiscover alone.
    pub autodiscover_certificate: Option<(PathBuf, PathBuf)>,
    /// Autodiscover, which then also answers beside EWS.
    pub autodiscover: Option<SocketAddr>,
    /// The web server without TLS that leads to Autodiscover.
    pub autodiscover_http: Option<SocketAddr>,
    /// What Autodiscover tells as the place of EWS; empty for the listener of this server.
    pub ews: String,
    /// An identity provider, whose tokens EWS takes.
    pub idp: Option<provider::Settings>,
    /// A name server, over UDP and TCP.
    pub dns: Option<SocketAddr>,
    /// What the name server knows.
    pub records: Vec<Record>,
}

/// Listeners that are bound and wait to be served.
pub(super) struct Bound {
    autodiscover: Option<(Door, TcpListener)>,
    redirect: Option<(Door, TcpListener)>,
    idp: Option<(Door, TcpListener)>,
}

/// What the requests to the services need.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) autodiscover: Option<Autodiscover>,
    pub(super) idp: Option<Idp>,
    pub(super) names: Option<Arc<Names>>,
}

impl Services {
    /// Takes the addresses.
    pub(super) async fn bind(&self, rules: &TlsRules) -> Result<Bound, String> {
        let acceptor = |files: &Option<(PathBuf, PathBuf)>| {
            files.as_ref().map(|(chain, key)| tls::acceptor(chain, key, rules)).transpose()
        };
        let own = acceptor(&self.autodiscover_certificate)?;
        let common = acceptor(&self.certificate)?;
        Ok(Bound {
            autodiscover: door(self.autodiscover, own.or(common.clone())).await?,
            idp: door(self.idp.as_ref().map(|idp| idp.listen), common).await?,
            redirect: door(self.autodiscover_http, None).await?,
        })
    }

    /// What the requests need; `ews` is where this server has EWS.
    pub(super) fn beside(&self, version: Version, ews: &str, bound: &Bound) -> Result<Beside, String> {
        let ews = if self.ews.is_empty() { ews } else { &self.ews };
        let wanted = self.autodiscover.or(self.autodiscover_http).is_some();
        let idp = match (&self.idp, &bound.idp) {
            (Some(settings), Some((door, _))) => {
                let places = [ews.to_owned(), ews.replace("http://", "https://")];
                let url = settings.url.clone().unwrap_or_else(|| url(door));
                Some(Idp { provider: Provider::new(settings, &places)?, url })
            }
            _ => None,
        };
        Ok(Beside {
            idp,
            autodiscover: wanted.then(|| Autodiscover::new(version, ews)),
            names: self.dns.map(|_| Arc::new(Names::new(&self.records))),
        })
    }

    /// Serves what is bound. Gives the names of the services with their addresses, and what must be closed at the end.
    pub(super) async fn open(
        &self,
        bound: Bound,
        server: &Arc<Server>,
        tasks: &mut JoinSet<()>,
    ) -> Result<(Vec<(&'static str, String)>, Vec<Arc<FrontEnd>>), String> {
        let (mut told, mut doors) = (Vec::new(), Vec::new());
        for (name, door, face) in [
            ("autodiscover", bound.autodiscover, Face::Exchange),
            ("autodiscover-http", bound.redirect, Face::Redirect),
        ] {
            let Some((door, listener)) = door else { continue };
            told.push((name, url(&door)));
            let front_end = Arc::new(FrontEnd::new(0, vec![door]).with(face));
            front_end.open(vec![listener], server);
            doors.push(front_end);
        }
        if let Some((door, listener)) = bound.idp {
            told.push(("idp", url(&door)));
            tasks.spawn(idp::accept(listener, door.tls, server.clone()));
        }
        if let (Some(address), Some(names)) = (self.dns, &server.beside.names) {
            told.push(("dns", dns::serve(address, names.clone(), tasks).await?.to_string()));
        }
        Ok((told, doors))
    }
}

fn url(door: &Door) -> String {
    format!("{}://{}", if door.tls.is_some() { "https" } else { "http" }, door.address)
}

/// The URL of EWS at an address.
pub(super) fn ews(address: SocketAddr, tls: bool) -> String {
    format!("{}://{address}{PATH}", if tls { "https" } else { "http" })
}

async fn door(address: Option<SocketAddr>, tls: Option<Secure>) -> Result<Option<(Door, TcpListener)>, String> {
    let Some(address) = address else { return Ok(None) };
    let (address, listener) = bind(address).await?;
    Ok(Some((Door { address, tls }, listener)))
}
