//! One order (RFC 8555, section 7.4): an account, a proof for each name, a certificate.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instant_acme::{
    Account, AccountCredentials, AuthorizationHandle, AuthorizationStatus, ChallengeType, ExternalAccountKey,
    Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use serve::Challenges;

use crate::files::Files;
use crate::http01::Tokens;
use crate::transport::Transport;
use crate::{Error, Result, Settings};

pub(crate) struct Authority {
    pub(crate) settings: Settings,
    pub(crate) files: Files,
    pub(crate) proofs: Proofs,
}

/// Where proofs are shown.
pub(crate) enum Proofs {
    Tls(Challenges),
    Http(Tokens),
}

/// Takes back a proof that was shown.
struct Shown<'a> {
    proofs: &'a Proofs,
    of: String,
}

impl Authority {
    /// Has a certificate made out and keeps it.
    pub(crate) async fn certify(&self) -> Result<()> {
        let account = self.account().await?;
        let names: Vec<Identifier> = self.settings.names.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(Error::theirs)?;
        let shown = self.prove(&mut order).await?;
        let status = order.poll_ready(&POLLING).await.map_err(Error::theirs)?;
        if status != OrderStatus::Ready {
            return Err(self.refusal(&mut order).await);
        }
        drop(shown);
        let key = order.finalize().await.map_err(Error::theirs)?;
        let chain = order.poll_certificate(&POLLING).await.map_err(Error::theirs)?;
        self.files.put(&chain, &key)
    }

    async fn account(&self) -> Result<Account> {
        let transport = Box::new(Transport::new(self.settings.ca.as_deref())?);
        let builder = Account::builder_with_http(transport);
        let directory = &self.settings.directory;
        if let Some(kept) = self.files.account(directory) {
            let kept: AccountCredentials = serde_json::from_str(&kept).map_err(|_| unreadable())?;
            return builder.from_credentials(kept).await.map_err(Error::theirs);
        }
        let contact: Vec<&str> = self.settings.contact.iter().map(String::as_str).collect();
        let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let binding = self.settings.binding.as_ref().map(|(id, key)| binding(id, key)).transpose()?;
        let (account, made) = builder.create(&new, directory.clone(), binding.as_ref()).await.map_err(Error::theirs)?;
        let made = serde_json::to_value(&made).map_err(|_| unreadable())?;
        self.files.put_account(directory, &made)?;
        Ok(account)
    }

    /// Shows a proof for each name that is not proved yet, and tells the authority to look.
    async fn prove(&self, order: &mut Order) -> Result<Vec<Shown<'_>>> {
        let mut shown = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let authorization = authorization.map_err(Error::theirs)?;
            if authorization.status == AuthorizationStatus::Pending {
                shown.push(self.show(authorization).await?);
            }
        }
        Ok(shown)
    }

    async fn show(&self, mut authorization: AuthorizationHandle<'_>) -> Result<Shown<'_>> {
        let (kind, called) = match self.proofs {
            Proofs::Tls(_) => (ChallengeType::TlsAlpn01, "tls-alpn-01"),
            Proofs::Http(_) => (ChallengeType::Http01, "http-01"),
        };
        let mut challenge = authorization
            .challenge(kind)
            .ok_or_else(|| Error::theirs(format_args!("it does not offer {called} for one of the names")))?;
        let name = challenge.identifier().to_string();
        let proof = challenge.key_authorization();
        let of = match &self.proofs {
            Proofs::Tls(challenges) => {
                let (certificate, key) = proof_certificate(&name, proof.digest().as_ref())?;
                challenges
                    .put(&name, certificate.der().clone(), key.into())
                    .map_err(|error| Error::ours(error.to_string()))?;
                name
            }
            Proofs::Http(tokens) => {
                tokens.put(&challenge.token, proof.as_str());
                challenge.token.clone()
            }
        };
        let shown = Shown { proofs: &self.proofs, of };
        challenge.set_ready().await.map_err(Error::theirs)?;
        Ok(shown)
    }

    /// Why a name was not taken as proved, in the authority's words.
    async fn refusal(&self, order: &mut Order) -> Error {
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            let Ok(state) = authorization.refresh().await else { continue };
            let name = state.identifier().to_string();
            if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
                return Error::theirs(format_args!("{name} is not proved: {problem}"));
            }
        }
        Error::theirs("it does not take the names as proved")
    }
}

fn unreadable() -> Error {
    Error::ours("acme/account.json in the state directory is damaged; remove it, and a new account is made")
}

/// RFC 8737, section 3: the name, and the proof's digest in a critical extension.
fn proof_certificate(name: &str, digest: &[u8]) -> Result<(rcgen::Certificate, KeyPair)> {
    let failed = |error: rcgen::Error| Error::ours(format!("the proof for {name}: {error}"));
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::new(vec![name.to_owned()]).map_err(failed)?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    Ok((params.self_signed(&key).map_err(failed)?, key))
}

fn binding(id: &str, key: &str) -> Result<ExternalAccountKey> {
    let key = URL_SAFE_NO_PAD
        .decode(key.trim_end_matches('='))
        .map_err(|_| Error::ours("the key of the account's binding is not base64url, as the authority gives it"))?;
    Ok(ExternalAccountKey::new(id.to_owned(), &key))
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        match self.proofs {
            Proofs::Tls(challenges) => challenges.remove(&self.of),
            Proofs::Http(tokens) => tokens.remove(&self.of),
        }
    }
}

const POLLING: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));
