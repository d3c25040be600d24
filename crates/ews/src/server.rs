use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{Client, Error, Secret};

/// One Exchange endpoint: where it is, how it is trusted, and who it refused. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    pub(crate) inner: Arc<ServerInner>,
}

pub(crate) struct ServerInner {
    pub(crate) config: ServerConfig,
}

/// How to reach an endpoint.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Such as `https://mail.example.org/EWS/Exchange.asmx`.
    pub url: String,
    /// PEM certificates trusted beside the system's own.
    pub ca_file: Option<PathBuf>,
    /// Allow `http://` URLs, credentials and mail in clear.
    pub allow_http: bool,
    /// How much at once, and how long.
    pub limits: Limits,
}

impl ServerConfig {
    /// The defaults for a URL.
    pub fn new(url: impl Into<String>) -> ServerConfig {
        ServerConfig { url: url.into(), ca_file: None, allow_http: false, limits: Limits::default() }
    }
}

/// How much at once, and how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections of one identity at a time, not counting streaming ones. Exchange's own limit may be 10.
    pub lanes: usize,
    /// Sync calls of one identity at a time; Exchange 2016 and later limit them apart.
    pub sync_calls: usize,
    /// Streaming connections of one identity at a time; Exchange 2013 allows 3.
    pub streams: usize,
    /// An idle connection is closed after this; IIS closes them after 120 s.
    pub idle: Duration,
    /// A connection is not used again after this, so that changes of load balancers and certificates are followed.
    pub age: Duration,
    /// For name lookup, connect and TLS together.
    pub connect: Duration,
    /// Until the answer begins, from the last byte of the request.
    pub first_byte: Duration,
    /// Between two pieces of an answer.
    pub silence: Duration,
    /// How long a call may wait for a busy Exchange before its error goes to the caller.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            lanes: 4,
            sync_calls: 3,
            streams: 2,
            idle: Duration::from_secs(60),
            age: Duration::from_secs(600),
            connect: Duration::from_secs(15),
            first_byte: Duration::from_secs(120),
            silence: Duration::from_secs(60),
            patience: Duration::from_secs(10),
        }
    }
}

/// Who signs in, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Identity {
    /// HTTP Basic, sent with every request (RFC 7617).
    Basic {
        /// `DOMAIN\user` or `user@domain`.
        user: String,
        /// The password.
        password: Secret,
    },
}

/// On whose behalf a service account acts (EWS "ExchangeImpersonation").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Impersonation {
    /// By user principal name.
    PrincipalName(String),
    /// By primary SMTP address.
    PrimarySmtpAddress(String),
}

impl Server {
    /// Checks the configuration and loads the certificates.
    ///
    /// The error is one sentence for the operator.
    pub fn new(config: ServerConfig) -> Result<Server, Error> {
        Ok(Server { inner: Arc::new(ServerInner { config }) })
    }

    /// A client for one identity, with its own connections. What the endpoint refused before is remembered.
    pub fn client(&self, identity: Identity) -> Client {
        Client::new(self.clone(), identity)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Server({})", self.inner.config.url)
    }
}
