//! TLS with servers that are too old for rustls, by OpenSSL: only where the operator said so, and not without a warning.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::ssl::{ConnectConfiguration, SslConnector, SslFiletype, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::{X509, X509VerifyResult};
use rustls::CertificateError;
use rustls_pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::tls::{Legacy, Session, TlsVersion, Trust, certificates, unusable};
use super::tls_trouble::{self, Age};
use super::{ClientCertificate, Socket};
use crate::{Cause, Error, ErrorKind};

/// Speaks it.
#[derive(Debug)]
pub(crate) struct OldTls {
    connector: SslConnector,
    pins: Vec<[u8; 32]>,
    legacy: Legacy,
    /// The log has the warning.
    warned: AtomicBool,
}

impl OldTls {
    /// Loads the certificates. The error is one sentence for the operator.
    pub(super) fn new(trust: &Trust, legacy: Legacy) -> Result<OldTls, Error> {
        let connector = connector(trust, legacy)?;
        Ok(OldTls { connector, pins: trust.pins.clone(), legacy, warned: AtomicBool::new(false) })
    }

    /// Shakes hands with a host.
    pub(super) async fn connect(&self, host: &str, stream: TcpStream) -> Result<(Socket, Session), Error> {
        let ssl = self.configure().and_then(|configured| configured.into_ssl(host)).map_err(wrong)?;
        let mut stream = SslStream::new(ssl, stream).map_err(wrong)?;
        if let Err(error) = Pin::new(&mut stream).connect().await {
            return Err(trouble(host, &error, stream.ssl().verify_result(), self.legacy));
        }
        let shown = stream.ssl().peer_cert_chain().map(|chain| chain.iter().filter_map(|one| one.to_der().ok()));
        let chain: Vec<_> = shown.into_iter().flatten().map(CertificateDer::from).collect();
        if !self.pins.is_empty() && !self.is_pinned(stream.ssl().peer_certificate()) {
            let (cause, told) = tls_trouble::certificate(host, &CertificateError::ApplicationVerificationFailure);
            return Err(Error::unavailable(told).because(cause));
        }
        let session = Session {
            version: stream.ssl().version_str().to_owned(),
            suite: stream.ssl().current_cipher().map(|cipher| cipher.name().to_owned()).unwrap_or_default(),
            chain,
            legacy: true,
        };
        self.warn(host, &session);
        Ok((Socket::OldTls(Box::new(stream)), session))
    }

    fn configure(&self) -> Result<ConnectConfiguration, ErrorStack> {
        let mut configured = self.connector.configure()?;
        if !self.pins.is_empty() {
            // Whoever shows a pinned certificate and has its key is believed; that is looked at right after the handshake.
            configured.set_verify(SslVerifyMode::NONE);
            configured.set_verify_hostname(false);
        }
        Ok(configured)
    }

    fn is_pinned(&self, shown: Option<X509>) -> bool {
        let hash = shown.and_then(|shown| shown.digest(MessageDigest::sha256()).ok());
        hash.is_some_and(|hash| self.pins.iter().any(|pin| *pin == *hash))
    }

    fn warn(&self, host: &str, session: &Session) {
        let (legacy, version, suite) = (self.legacy.as_str(), &session.version, &session.suite);
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                host,
                legacy,
                version,
                suite,
                "this Exchange is spoken to by TLS that is not safe, because tls.legacy says so; have it updated"
            );
        }
    }
}

fn connector(trust: &Trust, legacy: Legacy) -> Result<SslConnector, Error> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(wrong)?;
    let oldest = match (legacy, trust.minimum) {
        (_, TlsVersion::Tls13) => SslVersion::TLS1_3,
        (Legacy::Tls12Cbc, _) => SslVersion::TLS1_2,
        (Legacy::Tls10, _) => SslVersion::TLS1,
    };
    builder.set_min_proto_version(Some(oldest)).map_err(wrong)?;
    builder.set_cipher_list(suites(legacy)).map_err(wrong)?;
    // HTTP/1.1 only, because Windows sign-in does not work over HTTP/2.
    builder.set_alpn_protos(b"\x08http/1.1").map_err(wrong)?;
    builder.set_cert_store(store(trust)?);
    if let Some(ClientCertificate { certificate, key }) = &trust.client {
        let chain = builder.set_certificate_chain_file(certificate);
        chain.map_err(|error| unusable(certificate, error))?;
        let loaded = builder.set_private_key_file(key, SslFiletype::PEM);
        loaded.and_then(|()| builder.check_private_key()).map_err(|error| unusable(key, error))?;
    }
    Ok(builder.build())
}

/// Who is trusted: the same as everywhere else here.
fn store(trust: &Trust) -> Result<X509Store, Error> {
    let mut store = X509StoreBuilder::new().map_err(wrong)?;
    // A broken certificate among the system's is the system's matter.
    for certificate in rustls_native_certs::load_native_certs().certs {
        if let Ok(certificate) = X509::from_der(&certificate) {
            store.add_cert(certificate).map_err(wrong)?;
        }
    }
    if let Some(path) = &trust.ca_file {
        for certificate in certificates(path)? {
            let certificate = X509::from_der(&certificate).map_err(|error| unusable(path, error))?;
            store.add_cert(certificate).map_err(wrong)?;
        }
    }
    Ok(store.build())
}

/// Those of Windows Server, the best first; SHA-1 in signatures needs level 0.
fn suites(legacy: Legacy) -> &'static str {
    match legacy {
        Legacy::Tls12Cbc => "ECDHE+AESGCM:ECDHE+AES:DHE+AESGCM:DHE+AES:RSA+AESGCM:RSA+AES:!aNULL:@SECLEVEL=1",
        Legacy::Tls10 => "ECDHE+AESGCM:ECDHE+AES:DHE+AESGCM:DHE+AES:RSA+AESGCM:RSA+AES:3DES:!aNULL:@SECLEVEL=0",
    }
}

/// What a failed handshake means, in the same words as with rustls.
fn trouble(host: &str, error: &openssl::ssl::Error, verified: X509VerifyResult, legacy: Legacy) -> Error {
    if let Some(error) = certificate_error(verified) {
        let (cause, told) = tls_trouble::certificate(host, &error);
        return Error::unavailable(told).because(cause);
    }
    let reasons: Vec<&str> = error
        .ssl_error()
        .map_or(Vec::new(), |stack| stack.errors().iter().filter_map(openssl::error::Error::reason).collect());
    let says = |word: &str| reasons.iter().any(|reason| reason.contains(word));
    let (cause, told) = match () {
        () if says("wrong version number") || says("http request") || says("packet length too long") => {
            tls_trouble::not_tls(host)
        }
        () if says("unsupported protocol") || says("protocol version") => {
            tls_trouble::too_old(host, Age::Version, Some(legacy))
        }
        () if says("handshake failure") || says("no shared cipher") || says("dh key too small") => {
            tls_trouble::too_old(host, Age::Suites, Some(legacy))
        }
        () if says("certificate required") => tls_trouble::wants_certificate(host),
        () if says("alert bad certificate") || says("alert unknown ca") || says("alert certificate unknown") => {
            tls_trouble::refuses_certificate(host)
        }
        () => {
            let io = error.io_error().map(io::Error::to_string);
            (Cause::Tls, format!("TLS with {host}: {}", io.unwrap_or_else(|| error.to_string())))
        }
    };
    Error::unavailable(told).because(cause)
}

/// Numbers of `x509_vfy.h`.
fn certificate_error(verified: X509VerifyResult) -> Option<CertificateError> {
    match verified.as_raw() {
        0 => None,
        9 => Some(CertificateError::NotValidYet),
        10 => Some(CertificateError::Expired),
        2 | 18..=21 => Some(CertificateError::UnknownIssuer),
        23 => Some(CertificateError::Revoked),
        62 | 64 => Some(CertificateError::NotValidForName),
        _ => None,
    }
}

fn wrong(error: ErrorStack) -> Error {
    Error::new(ErrorKind::Local, format!("TLS: {error}"))
}
