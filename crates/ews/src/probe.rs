//! One address of Exchange looked at step by step, for whoever wants to know what stands in the way.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::header::{DATE, SERVER};
use jiff::Timestamp;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::signin::{Outcome, Terms, by_dialogue};
use crate::transport::{Dialer, Endpoint, Lane, Tls, late_trouble};
use crate::{Cause, ChannelBinding, Egress, Error, ErrorKind, Scheme, Secret, Trust};

/// One address, and how it is reached.
#[derive(Debug)]
pub struct Probe {
    dialer: Dialer,
    endpoint: Endpoint,
    limit: Duration,
}

/// What TLS came to.
#[derive(Clone, Debug)]
pub struct TlsFound {
    /// Such as `TLSv1.3`.
    pub version: String,
    /// Such as `TLS13_AES_256_GCM_SHA384`.
    pub suite: String,
    /// How many certificates the server sent.
    pub chain: usize,
    /// It is not safe, and spoken because the operator said so.
    pub legacy: bool,
    /// What the server's own certificate says, if it can be read.
    pub certificate: Option<Certificate>,
}

/// What a certificate says (RFC 5280).
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The hosts it is for.
    pub names: Vec<String>,
    /// Until when it is valid.
    pub not_after: Timestamp,
}

/// What an address answers to somebody who has not signed in.
#[derive(Clone, Debug)]
pub struct Offers {
    /// Such as 401.
    pub status: u16,
    /// The values of `WWW-Authenticate`.
    pub schemes: Vec<String>,
    /// What time the server has (RFC 9110 section 6.6.1).
    pub date: Option<Timestamp>,
    /// `Server`.
    pub server: Option<String>,
}

/// What Extended Protection asks of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedProtection {
    /// A sign-in that is not bound to its connection is refused.
    Required,
    /// It is taken too.
    NotRequired,
}

impl Probe {
    /// Reads the certificates. The error is one sentence for the operator.
    pub fn new(url: &str, trust: &Trust, egress: Egress, limit: Duration) -> Result<Probe, Error> {
        let dialer = Dialer::new(egress, Tls::new(trust)?);
        Ok(Probe { dialer, endpoint: Endpoint::parse(url, true)?, limit })
    }

    /// The host and port of the address.
    pub fn host(&self) -> (&str, u16) {
        (&self.endpoint.host, self.endpoint.port)
    }

    /// True for `https`.
    pub fn is_secure(&self) -> bool {
        self.endpoint.secure
    }

    /// Looks up who is connected to: the host, or the proxy before it.
    pub async fn look_up(&self) -> Result<Vec<IpAddr>, Error> {
        let egress = self.dialer.egress();
        egress.check(&self.endpoint.host)?;
        let found = async {
            match &egress.config().proxy {
                None => egress.addresses(&self.endpoint.host).await,
                Some(proxy) => egress.proxy_addresses(proxy).await,
            }
        };
        self.in_time("name servers", found).await
    }

    /// Connects, through the proxy if there is one, and no more.
    pub async fn reach(&self) -> Result<SocketAddr, Error> {
        let clear = Endpoint { secure: false, ..self.endpoint.clone() };
        let connection = self.in_time(&self.endpoint.host, self.dialer.dial(&clear)).await?;
        Ok(connection.peer)
    }

    /// Starts TLS. None for an address without.
    pub async fn secure(&self) -> Result<Option<TlsFound>, Error> {
        let mut connection = self.in_time(&self.endpoint.host, self.dialer.dial(&self.endpoint)).await?;
        // In TLS 1.3 a server looks at our certificate after the handshake, and says then what is wrong with it.
        let said = timeout(AFTERTHOUGHT, connection.socket.read(&mut [0])).await;
        if let Ok(Err(error)) = said {
            return Err(late_trouble(&self.endpoint.host, &error).unwrap_or_else(|| {
                Error::unavailable(format!("{} broke off: {error}", self.endpoint.host)).because(Cause::BrokeOff)
            }));
        }
        Ok(connection.tls.map(|session| TlsFound {
            certificate: session.chain.first().and_then(|der| Certificate::read(der)),
            version: session.version,
            suite: session.suite,
            chain: session.chain.len(),
            legacy: session.legacy,
        }))
    }

    /// Asks without signing in.
    pub async fn ask(&self) -> Result<Offers, Error> {
        let mut lane = self.lane().await?;
        let answered = lane.get(None, self.limit).await?;
        let text = |name| answered.values(name).next().map(str::to_owned);
        let date = text(DATE).and_then(|date| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(&date).ok());
        Ok(Offers {
            status: answered.status.as_u16(),
            schemes: answered.values(http::header::WWW_AUTHENTICATE).map(str::to_owned).collect(),
            date,
            server: text(SERVER),
        })
    }

    /// Whether a sign-in that is not bound to its connection is taken. To be asked only of a user and password that are
    /// known to be right: where it is required, this try is refused.
    pub async fn extended_protection(
        &self,
        scheme: Scheme,
        user: &str,
        password: &Secret,
    ) -> Result<ExtendedProtection, Error> {
        let mut lane = self.lane().await?;
        let terms = Terms { binding: ChannelBinding::Off, first_byte: self.limit };
        match by_dialogue(&mut lane, scheme, (user, password), &terms).await {
            Ok(Outcome::In) => Ok(ExtendedProtection::NotRequired),
            Ok(Outcome::NotTaken(error)) => Err(error),
            Err(error) if error.kind == ErrorKind::SignIn => Ok(ExtendedProtection::Required),
            Err(error) => Err(error),
        }
    }

    async fn lane(&self) -> Result<Lane, Error> {
        Lane::open((0, &self.endpoint), &self.dialer, self.limit).await
    }

    async fn in_time<T>(&self, whom: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let done = timeout(self.limit, work).await;
        done.unwrap_or_else(|_| {
            let told = format!("{whom} did not answer within {} s", self.limit.as_secs());
            Err(Error::unavailable(told).because(Cause::Unreachable))
        })
    }
}

impl Certificate {
    fn read(der: &[u8]) -> Option<Certificate> {
        let (_, read) = X509Certificate::from_der(der).ok()?;
        let alternatives = read.subject_alternative_name().ok().flatten();
        let names = alternatives.into_iter().flat_map(|names| &names.value.general_names);
        let hosts = names.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        });
        Some(Certificate {
            subject: read.subject().to_string(),
            issuer: read.issuer().to_string(),
            names: hosts.collect(),
            not_after: Timestamp::from_second(read.validity().not_after.timestamp()).ok()?,
        })
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    let sixteen = <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from);
    four.or(sixteen).map(|address| address.to_string())
}

/// So long a server is waited for that may have second thoughts.
const AFTERTHOUGHT: Duration = Duration::from_millis(300);
