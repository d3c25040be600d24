//! Certificates from an authority that speaks ACME (RFC 8555), such as Let's Encrypt or the one of an organisation, and new ones
//! before they end.
//!
//! The certificate and its key are one file, which [`serve::Certificates`] reads again when it changes. A name is proved by
//! tls-alpn-01 (RFC 8737) on the listeners that are there, or by http-01 on one of its own.

mod error;
mod files;
mod http01;
mod order;
mod transport;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serve::{Certificates, Shutdown};
use tokio::net::TcpListener;
use tracing::{info, warn};

pub use error::{Error, Result};
use files::Files;
use http01::Tokens;
use order::{Authority, Proofs};

/// Of whom certificates are had, and for what.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the authority's directory is (RFC 8555, section 7.1.1).
    pub directory: String,
    /// What is believed beside the system's authorities when the directory is asked: a PEM file.
    pub ca: Option<PathBuf>,
    /// Whom the authority tells of trouble, as a URL such as `mailto:postmaster@corp.example`.
    pub contact: Option<String>,
    /// By what the authority knows a customer (RFC 8555, section 7.3.4), if it asks for that: an id, and a key in base64url.
    pub binding: Option<(String, String)>,
    /// The names the certificate is for, the first of which is its subject.
    pub names: Vec<String>,
    /// Where http-01 is answered; `None` for tls-alpn-01.
    pub http01: Option<SocketAddr>,
    /// Where account, certificate and keys are kept.
    pub state: PathBuf,
}

/// Has certificates made, for as long as the gateway runs.
pub struct Acme {
    settings: Settings,
    files: Files,
    listener: Option<TcpListener>,
}

impl Acme {
    /// Where the certificate and its key will be, in one PEM file.
    #[must_use]
    pub fn file(state: &std::path::Path) -> PathBuf {
        Files::new(state).certificate()
    }

    /// Sees to it that there is a certificate to begin with, which nobody believes if the authority was never asked, and
    /// listens for http-01.
    ///
    /// # Errors
    /// The directory cannot be written to, or the address cannot be listened on.
    pub async fn open(settings: Settings) -> Result<Self> {
        let files = Files::new(&settings.state);
        let (kept, names) = (files.clone(), settings.names.clone());
        tokio::task::spawn_blocking(move || kept.prepare(&names))
            .await
            .map_err(|_| Error::ours("a certificate to begin with was not made"))??;
        let listener = match settings.http01 {
            Some(address) => Some(TcpListener::bind(address).await.map_err(|error| {
                Error::ours(format!("cannot listen on {address} for the authority's http-01: {error}"))
            })?),
            None => None,
        };
        Ok(Self { settings, files, listener })
    }

    /// Where http-01 is answered.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Gets a certificate when there is none, when that which is there is for other names, and when a third of its time is left;
    /// tries again later when that fails, with the certificate before in use. Until a shutdown is requested.
    pub async fn keep(self, certificates: Certificates, mut shutdown: Shutdown) {
        let proofs = match self.listener {
            Some(listener) => {
                let tokens = Tokens::default();
                tokio::spawn(http01::serve(listener, tokens.clone(), shutdown.clone()));
                Proofs::Http(tokens)
            }
            None => Proofs::Tls(certificates.challenges()),
        };
        let authority = Authority { settings: self.settings, files: self.files, proofs };
        let mut failures = 0;
        loop {
            let made_out = tokio::select! {
                made_out = authority.renew() => made_out,
                () = shutdown.requested() => return,
            };
            let Err(reason) = made_out else {
                failures = 0;
                info!(names = ?authority.settings.names, "a new certificate was made out");
                let taken = certificates.clone();
                let _ = tokio::task::spawn_blocking(move || taken.reload()).await;
                continue;
            };
            let pause = after(failures);
            failures += 1;
            warn!(%reason, again_in_seconds = pause.as_secs(), "no new certificate; the one before stays in use");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.requested() => return,
            }
        }
    }
}

impl Authority {
    /// Waits until a certificate is due, and has it made out.
    async fn renew(&self) -> Result<()> {
        while let Some(wait) = self.due() {
            // Clocks are set, and machines sleep: nothing is waited for in one piece.
            tokio::time::sleep(wait.clamp(SHORTEST, LONGEST)).await;
        }
        let made_out = tokio::time::timeout(PATIENCE, self.certify()).await;
        made_out.unwrap_or_else(|_| Err(Error::theirs("it did not come to an end")))?;
        // Or it would be asked for another one at once, and again.
        self.due().map(drop).ok_or_else(|| Error::theirs("what it made out is for other names, or ends at once"))
    }

    /// How long the certificate that is there does for; `None` if a new one is due.
    fn due(&self) -> Option<Duration> {
        self.files.due(&self.settings.names, SystemTime::now()).filter(|wait| !wait.is_zero())
    }
}

/// How long to wait after so many failures in a row: authorities count what fails, and refuse whoever comes too often.
fn after(failures: u32) -> Duration {
    Duration::from_secs(60).saturating_mul(2_u32.saturating_pow(failures.min(10))).min(Duration::from_secs(12 * 3600))
}

/// How long a certificate may take to be made out.
const PATIENCE: Duration = Duration::from_secs(300);
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_waited_out_longer_and_longer() {
        let waits: Vec<u64> = [0, 1, 2, 6, 9, 10, 1_000].map(|failures| after(failures).as_secs()).into();
        assert_eq!(waits, [60, 120, 240, 3_840, 30_720, 43_200, 43_200]);
    }
}
