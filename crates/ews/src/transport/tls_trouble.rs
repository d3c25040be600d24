//! Why TLS did not come about, in words that name the remedy.

use std::io;

use jiff::Timestamp;
use rustls::{AlertDescription, CertificateError, Error as TlsError, OtherError, PeerIncompatible};
use rustls_pki_types::UnixTime;

use super::tls::{Unvouched, Vouched};
use super::{Legacy, TlsVersion};
use crate::{Cause, Error};

/// What a failed handshake with a host means.
pub(super) fn trouble(host: &str, minimum: TlsVersion, error: &io::Error) -> Error {
    let (cause, sentence) = match tls_error(error) {
        Some(error) if minimum > TlsVersion::default() && is_about_age(error) => too_new(host),
        Some(error) => meaning(host, error),
        None => (Cause::Tls, format!("TLS with {host} broke off: {error}")),
    };
    Error::unavailable(sentence).because(cause)
}

/// What a server says of TLS after the handshake: in TLS 1.3 it looks at our certificate only then.
pub(crate) fn late_trouble(host: &str, error: &io::Error) -> Option<Error> {
    let (cause, sentence) = meaning(host, tls_error(error)?);
    Some(Error::unavailable(sentence).because(cause))
}

fn tls_error(error: &io::Error) -> Option<&TlsError> {
    error.get_ref()?.downcast_ref()
}

fn meaning(host: &str, error: &TlsError) -> (Cause, String) {
    use AlertDescription as Alert;
    match error {
        TlsError::InvalidCertificate(error) => certificate(host, error),
        TlsError::AlertReceived(Alert::ProtocolVersion) => too_old(host, Age::Version, None),
        TlsError::PeerIncompatible(incompatible) if is_about_version(incompatible) => too_old(host, Age::Version, None),
        TlsError::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity) => {
            too_old(host, Age::Suites, None)
        }
        TlsError::PeerIncompatible(_) => too_old(host, Age::Suites, None),
        TlsError::AlertReceived(Alert::CertificateRequired) => wants_certificate(host),
        TlsError::AlertReceived(
            Alert::BadCertificate
            | Alert::UnknownCA
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::UnsupportedCertificate
            | Alert::AccessDenied
            // The key is not that of the certificate it knows by this name.
            | Alert::DecryptError,
        ) => refuses_certificate(host),
        TlsError::InvalidMessage(_) => not_tls(host),
        error => (Cause::Tls, format!("TLS with {host}: {error}")),
    }
}

fn is_about_age(error: &TlsError) -> bool {
    use AlertDescription as Alert;
    matches!(
        error,
        TlsError::AlertReceived(Alert::ProtocolVersion | Alert::HandshakeFailure) | TlsError::PeerIncompatible(_)
    )
}

fn is_about_version(incompatible: &PeerIncompatible) -> bool {
    matches!(
        incompatible,
        PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
    )
}

/// A server that may be too old only for what the operator wants of it.
fn too_new(host: &str) -> (Cause, String) {
    (Cause::TlsTooOld, format!("{host} does not speak TLS 1.3; update the server, or set tls.min = \"1.2\""))
}

/// In what a server is too old.
#[derive(Clone, Copy, Debug)]
pub(super) enum Age {
    /// It speaks no version we do.
    Version,
    /// It has no cipher suite we have.
    Suites,
}

/// A server that is older than what is spoken with it, be that safe or what the operator allowed.
pub(super) fn too_old(host: &str, age: Age, allowed: Option<Legacy>) -> (Cause, String) {
    let (what, switch) = match age {
        Age::Version => ("TLS 1.0 or 1.1", Legacy::Tls10),
        Age::Suites => ("cipher suites of Windows Server 2012 R2 and older", Legacy::Tls12Cbc),
    };
    let sentence = match allowed {
        Some(Legacy::Tls10) => format!("{host} and this machine have no version or cipher suite of TLS in common"),
        Some(Legacy::Tls12Cbc) => format!("{host} offers only TLS 1.0 or 1.1, which needs tls.legacy = \"tls10\""),
        None => format!(
            "{host} offers only {what}, which are not safe; update the server, or, if that cannot be, use a build with \
             the feature tls-openssl and set tls.legacy = \"{}\"",
            switch.as_str()
        ),
    };
    (Cause::TlsTooOld, sentence)
}

/// A server that wants to see a certificate of ours.
pub(super) fn wants_certificate(host: &str) -> (Cause, String) {
    let sentence = format!("{host} asks for a certificate of ours; set client_certificate and client_key");
    (Cause::CertificateOfOurs, sentence)
}

/// A server that does not like ours.
pub(super) fn refuses_certificate(host: &str) -> (Cause, String) {
    let sentence = format!(
        "{host} does not accept our certificate; have client_certificate signed by whom it trusts, and renewed"
    );
    (Cause::CertificateOfOurs, sentence)
}

/// Something that does not speak TLS.
pub(super) fn not_tls(host: &str) -> (Cause, String) {
    (Cause::NotTls, format!("{host} does not speak TLS on this port; is it the port of http?"))
}

/// A certificate that is not believed.
pub(super) fn certificate(host: &str, error: &CertificateError) -> (Cause, String) {
    match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            (Cause::CertificateExpired, expired(host, &format!("on {}", day(not_after))))
        }
        CertificateError::Expired => (Cause::CertificateExpired, expired(host, "some time ago")),
        CertificateError::NotValidYetContext { not_before, .. } => {
            (Cause::CertificateNotYetValid, not_yet(host, &format!("from {} on", day(not_before))))
        }
        CertificateError::NotValidYet => (Cause::CertificateNotYetValid, not_yet(host, "from a later day on")),
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            let names = presented.iter().take(5).map(|name| name_in(name)).collect::<Vec<_>>().join(", ");
            let sentence = format!(
                "the certificate of {host} is for {names}; use such a name in url, or have one made for {host}"
            );
            (Cause::CertificateName, sentence)
        }
        CertificateError::NotValidForNameContext { .. } => (
            Cause::CertificateName,
            format!(
                "the certificate of {host} has no subjectAltName, which names hosts; have one made for {host}, or set pin"
            ),
        ),
        CertificateError::NotValidForName => (
            Cause::CertificateName,
            format!("the certificate of {host} is for another name; use that in url, or have one made for {host}"),
        ),
        CertificateError::UnknownIssuer => (Cause::CertificateIssuer, unknown_issuer(host, None)),
        CertificateError::Other(OtherError(other)) if other.is::<Unvouched>() => {
            (Cause::CertificateIssuer, unknown_issuer(host, other.downcast_ref()))
        }
        CertificateError::ApplicationVerificationFailure => (
            Cause::CertificatePin,
            format!("the certificate of {host} is not one of those in pin; if it was renewed, put its SHA-256 there"),
        ),
        CertificateError::Revoked => (
            Cause::CertificateRevoked,
            format!("the certificate of {host} was revoked; its administrator has to renew it"),
        ),
        other => {
            (Cause::Tls, format!("the certificate of {host} cannot be used: {other}; have it renewed, or set pin"))
        }
    }
}

fn unknown_issuer(host: &str, known: Option<&Unvouched>) -> String {
    let Some(Unvouched { issuer, chain }) = known else {
        return format!(
            "nobody whom this machine trusts vouches for the certificate of {host}; put the certificate of its CA into a \
             file and set ca_file, or have the server send its intermediate certificates too"
        );
    };
    match chain {
        Vouched::Itself => format!(
            "the certificate of {host} is vouched for by nobody but itself; put it into a file and set ca_file, or set pin"
        ),
        Vouched::OneMissing => format!(
            "the certificate of {host} is signed by {issuer}, whom this machine does not know, and the server sends no \
             other; if that is a CA of your own, put its certificate into a file and set ca_file, else have the server \
             send its intermediate certificates too"
        ),
        Vouched::Others => format!(
            "the certificate of {host} leads to {issuer}, whom this machine does not trust; put the certificate of that \
             CA into a file and set ca_file"
        ),
    }
}

fn expired(host: &str, when: &str) -> String {
    format!("the certificate of {host} expired {when}; its administrator has to renew it")
}

fn not_yet(host: &str, when: &str) -> String {
    format!("the certificate of {host} is valid only {when}; set the clock of this machine, or of the server's CA")
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
