//! Why TLS did not come about, in words that name the remedy.

use std::io;

use jiff::Timestamp;
use rustls::{AlertDescription, CertificateError, Error as TlsError, PeerIncompatible};
use rustls_pki_types::UnixTime;

use crate::{Cause, Error};

/// What a failed handshake with a host means.
pub(super) fn trouble(host: &str, error: &io::Error) -> Error {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    let (cause, sentence) = match tls {
        Some(TlsError::InvalidCertificate(error)) => certificate(host, error),
        Some(TlsError::AlertReceived(AlertDescription::ProtocolVersion) | TlsError::PeerIncompatible(_))
            if is_about_age(tls) =>
        {
            (Cause::TlsTooOld, too_old(host, "TLS 1.0 or 1.1"))
        }
        Some(TlsError::AlertReceived(AlertDescription::HandshakeFailure)) => {
            (Cause::TlsTooOld, too_old(host, "cipher suites of Windows Server 2012 R2 and older"))
        }
        Some(TlsError::AlertReceived(AlertDescription::CertificateRequired)) => (
            Cause::CertificateOfOurs,
            format!("{host} asks for a certificate of ours; set client_certificate and client_key"),
        ),
        Some(TlsError::AlertReceived(
            AlertDescription::BadCertificate | AlertDescription::UnknownCA | AlertDescription::CertificateUnknown,
        )) => (
            Cause::CertificateOfOurs,
            format!("{host} does not accept our certificate; have client_certificate signed by whom it trusts"),
        ),
        Some(TlsError::InvalidMessage(_)) => {
            (Cause::NotTls, format!("{host} does not speak TLS on this port; is it the port of http?"))
        }
        _ => (Cause::Tls, format!("TLS with {host}: {error}")),
    };
    Error::unavailable(sentence).because(cause)
}

fn is_about_age(error: Option<&TlsError>) -> bool {
    !matches!(
        error,
        Some(TlsError::PeerIncompatible(incompatible))
            if !matches!(
                incompatible,
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                    | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                    | PeerIncompatible::Tls12NotOffered
                    | PeerIncompatible::Tls12NotOfferedOrEnabled
            )
    )
}

fn too_old(host: &str, what: &str) -> String {
    format!(
        "{host} offers only {what}, which are not safe; update the server, or, if that cannot be, use a build with the \
         feature tls-openssl and set tls.legacy"
    )
}

fn certificate(host: &str, error: &CertificateError) -> (Cause, String) {
    match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            (Cause::CertificateExpired, expired(host, &format!("on {}", day(not_after))))
        }
        CertificateError::Expired => (Cause::CertificateExpired, expired(host, "some time ago")),
        CertificateError::NotValidYetContext { not_before, .. } => {
            let from = day(not_before);
            let sentence = format!(
                "the certificate of {host} is valid only from {from} on; set the clock of this machine, or of the server's CA"
            );
            (Cause::CertificateNotYetValid, sentence)
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names = presented.iter().take(5).map(|name| name_in(name)).collect::<Vec<_>>().join(", ");
            let sentence = format!(
                "the certificate of {host} is for {names}; use such a name in url, or have one made for {host}"
            );
            (Cause::CertificateName, sentence)
        }
        CertificateError::NotValidForName => (
            Cause::CertificateName,
            format!("the certificate of {host} is for another name; use that in url, or have one made for {host}"),
        ),
        CertificateError::UnknownIssuer => (
            Cause::CertificateIssuer,
            format!(
                "nobody whom this machine trusts vouches for the certificate of {host}; put the certificate of its CA into a \
                 file and set ca_file, or have the server send its intermediate certificates too"
            ),
        ),
        CertificateError::ApplicationVerificationFailure => (
            Cause::CertificatePin,
            format!("the certificate of {host} is not one of those in pin; if it was renewed, put its SHA-256 there"),
        ),
        CertificateError::Revoked => (
            Cause::CertificateRevoked,
            format!("the certificate of {host} was revoked; its administrator has to renew it"),
        ),
        other => (Cause::Tls, format!("the certificate of {host} cannot be used: {other}")),
    }
}

fn expired(host: &str, when: &str) -> String {
    format!("the certificate of {host} expired {when}; its administrator has to renew it")
}

/// `DnsName("mail.example.org")` is how webpki names a name.
fn name_in(presented: &str) -> &str {
    presented.split('"').nth(1).unwrap_or(presented)
}

fn day(time: &UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .map_or_else(|_| "an unknown day".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}
