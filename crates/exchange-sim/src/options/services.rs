//! The part of the command line about what stands beside EWS.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use exchange_sim::{
    dns::Record,
    http::Services,
    idp::{self, Client},
};

#[derive(Debug, Args)]
pub(crate) struct ServiceArguments {
    /// Address of Autodiscover, over HTTPS if there are --tls-cert or --autodiscover-cert
    #[arg(long, value_name = "ADDR")]
    autodiscover: Option<SocketAddr>,
    /// PEM file of another certificate chain for Autodiscover
    #[arg(long, value_name = "FILE", requires = "autodiscover_key")]
    autodiscover_cert: Option<PathBuf>,
    /// PEM file of its key
    #[arg(long, value_name = "FILE", requires = "autodiscover_cert")]
    autodiscover_key: Option<PathBuf>,
    /// Address of the web server without TLS that leads to Autodiscover
    #[arg(long, value_name = "ADDR")]
    autodiscover_http: Option<SocketAddr>,
    /// What Autodiscover tells as the place of EWS; without it, this server's listener
    #[arg(long, value_name = "URL", default_value = "")]
    ews_url: String,
    /// Address of an identity provider whose tokens EWS takes, over HTTPS if there is --tls-cert
    #[arg(long, value_name = "ADDR")]
    idp: Option<SocketAddr>,
    /// Where clients find the identity provider, if not at its address
    #[arg(long, value_name = "URL", requires = "idp")]
    idp_url: Option<String>,
    /// A program the identity provider knows; without any, 11111111-1111-4111-8111-111111111111 for people and 22222222-2222-4222-8222-222222222222 with the secret demo-secret
    #[arg(long = "idp-client", value_name = "ID[,secret=TEXT][,certificate=FILE][,redirect=URL]", requires = "idp")]
    clients: Vec<Client>,
    /// A resource there are tokens for, beside the place of EWS and Exchange Online
    #[arg(long = "idp-resource", value_name = "URL", requires = "idp")]
    resources: Vec<String>,
    /// Address of a name server, over UDP and TCP
    #[arg(long, value_name = "ADDR")]
    dns: Option<SocketAddr>,
    /// What the name server knows, for instance "autodiscover.demo.test A 127.0.0.1" or "_autodiscover._tcp.demo.test SRV 0 0 443 mail.demo.test"
    #[arg(long = "dns-record", value_name = "RECORD")]
    records: Vec<Record>,
}

impl ServiceArguments {
    /// The services; `certificate` and its key are those of EWS.
    pub(crate) fn services(&self, certificate: Option<(PathBuf, PathBuf)>) -> Services {
        let own = self.autodiscover_cert.clone().zip(self.autodiscover_key.clone());
        Services {
            certificate,
            autodiscover_certificate: own,
            autodiscover: self.autodiscover,
            autodiscover_http: self.autodiscover_http,
            ews: self.ews_url.clone(),
            idp: self.idp.map(|listen| idp::Settings {
                listen,
                url: self.idp_url.clone(),
                clients: self.clients.clone(),
                resources: self.resources.clone(),
            }),
            dns: self.dns,
            records: self.records.clone(),
        }
    }
}
