//! HTTP to the authority, over TLS: a connection for each of the few requests a certificate takes.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, HeaderValue};
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{Error, Result};

#[derive(Clone)]
pub(crate) struct Transport(Arc<ClientConfig>);

type Fault = Box<dyn std::error::Error + Send + Sync>;

impl Transport {
    /// Believes the system's authorities, and those of this file.
    pub(crate) fn new(ca: Option<&Path>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = ca {
            let unusable = |error: &dyn std::fmt::Display| Error::ours(format!("file {}: {error}", file.display()));
            let read =
                CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>);
            for certificate in read.map_err(|error| unusable(&error))? {
                roots.add(certificate).map_err(|error| unusable(&error))?;
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::ours(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    async fn exchange(self, mut request: Request<Bytes>) -> std::result::Result<BytesResponse, Fault> {
        let whole = std::mem::take(request.uri_mut());
        let (host, port) = address(&whole)?;
        // A server is asked for the path alone (RFC 9112, section 3.2.1).
        *request.uri_mut() = Uri::try_from(whole.path_and_query().map_or("/", http::uri::PathAndQuery::as_str))?;
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
        let stream = TlsConnector::from(self.0).connect(name, stream).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let carried = tokio::spawn(connection);
        let answer = async {
            let (parts, body) = sender.send_request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, LARGEST).collect().await?.to_bytes();
            Ok(BytesResponse { parts, body: Box::new(body) })
        }
        .await;
        carried.abort();
        answer
    }
}

/// ACME is spoken over HTTPS only (RFC 8555, section 6.1).
fn address(uri: &Uri) -> std::result::Result<(&str, u16), Fault> {
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(host)) => Ok((host, uri.port_u16().unwrap_or(443))),
        _ => Err(format!("{uri} is no address of HTTPS").into()),
    }
}

impl HttpClient for Transport {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = std::result::Result<BytesResponse, instant_acme::Error>> + Send>> {
        let transport = self.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let host = parts.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
            parts.headers.extend(host.map(|host| (HOST, host)));
            let whole = parts.uri.clone();
            let exchange = transport.exchange(Request::from_parts(parts, body));
            let answer = tokio::time::timeout(PATIENCE, exchange).await;
            let answer = answer.unwrap_or_else(|_| Err("no answer".into()));
            answer.map_err(|reason| instant_acme::Error::Other(format!("{whole}: {reason}").into()))
        })
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
/// No answer of ACME is near this size.
const LARGEST: usize = 1 << 20;
