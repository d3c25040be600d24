use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;

use super::answer::{Grant, Refusal};
use super::assertion::Claims;
use super::form::Form;
use super::provider;
use super::tokens::{self, Tokens};
use super::{Credential, Flow, OAuthConfig, Provider, TokenStore, explain, random};
use crate::refusal::retry_after;
use crate::{Ask, Error, ErrorKind, Secret, Told, Web};

/// Gets tokens for one organisation's Exchange, and keeps them good. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct OAuth {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) config: OAuthConfig,
    pub(super) store: Arc<dyn TokenStore>,
    network: Arc<dyn Network>,
    provider: OnceCell<Provider>,
    /// How far the provider's clock is ahead of ours.
    skew: Mutex<Option<SignedDuration>>,
    /// One for each user, so that no two ask for the same at a time.
    tokens: Mutex<HashMap<String, Weak<tokens::Inner>>>,
}

/// What is needed of [`Web`].
pub(super) trait Network: Send + Sync {
    fn ask<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Result<Told, Error>> + Send + 'a>>;
}

impl Network for Web {
    fn ask<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Result<Told, Error>> + Send + 'a>> {
        Box::pin(Web::ask(self, ask))
    }
}

impl OAuth {
    /// Checks the configuration. Nobody is asked yet.
    ///
    /// The error is one sentence for the operator.
    pub fn new(config: OAuthConfig, web: Web, store: Arc<dyn TokenStore>) -> Result<OAuth, Error> {
        OAuth::over(config, Arc::new(web), store)
    }

    pub(super) fn over(
        config: OAuthConfig,
        network: Arc<dyn Network>,
        store: Arc<dyn TokenStore>,
    ) -> Result<OAuth, Error> {
        let bad = |what: &str| Err(Error::new(ErrorKind::Local, what.to_owned()));
        if config.client_id.is_empty() {
            return bad("oauth.client_id: must be given");
        }
        if provider::host_of(&config.authority).is_none() {
            return bad("oauth.authority: must be a URL such as https://login.microsoftonline.com");
        }
        if config.scope.is_none() && provider::host_of(&config.resource).is_none() {
            return bad(
                "oauth.resource: must be the URL by which Exchange is reached, such as https://mail.example.org",
            );
        }
        if config.flow == Flow::ClientCredentials && matches!(config.credential, Credential::Public) {
            return bad("oauth.flow: client_credentials needs oauth.client_secret, or oauth.certificate and oauth.key");
        }
        let provider = OnceCell::new_with(Provider::known(&config));
        let inner = Inner { config, store, network, provider, skew: Mutex::default(), tokens: Mutex::default() };
        Ok(OAuth { inner: Arc::new(inner) })
    }

    /// What was configured.
    pub fn config(&self) -> &OAuthConfig {
        &self.inner.config
    }

    /// Who gives tokens out; asks for that once, if it does not follow from the configuration.
    pub async fn provider(&self) -> Result<&Provider, Error> {
        let read = || async {
            let url = Provider::discovery(&self.inner.config);
            let told = self.inner.network.ask(provider::ask(&url)).await?;
            match told.status {
                200 => Provider::read(&self.inner.config, &told.body),
                status => Err(Error::unavailable(format!(
                    "{url} answers {status}; set oauth.authority to the issuer, or oauth.tenant for Entra ID"
                ))),
            }
        };
        self.inner.provider.get_or_try_init(read).await
    }

    /// How far the identity provider's clock is ahead of ours, give or take a second; None before it has told.
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        *self.inner.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tokens of a user, or of the gateway itself where it acts for itself. Whoever asks for the same user shares them.
    pub fn tokens(&self, user: &str) -> Tokens {
        let mut all = self.inner.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(user).and_then(Weak::upgrade) {
            return Tokens::of(known);
        }
        all.retain(|_, tokens| tokens.strong_count() > 0);
        let (tokens, shared) = Tokens::new(self.clone(), user);
        all.insert(user.to_owned(), shared);
        tokens
    }

    /// Keeps what somebody signed in for: the refresh token in the store, the access token for use.
    pub async fn keep(&self, user: &str, grant: Grant) -> Result<(), Error> {
        self.tokens(user).keep(grant).await
    }

    /// Forgets a stored sign-in. False if there was none. Tokens that were given out last until they end.
    pub async fn forget(&self, user: &str) -> Result<bool, Error> {
        self.tokens(user).forget().await
    }

    /// Asks the token endpoint.
    pub(super) async fn token(&self, form: Form) -> Result<Result<Grant, Refusal>, Error> {
        let provider = self.provider().await?;
        let form = self.identified(form, provider)?;
        match self.post(&provider.token, &form).await? {
            Ok(body) => match Grant::read(&body) {
                Some(grant) => Ok(Ok(grant)),
                None => Err(Error::protocol(format!("{} gives out nothing that is a token", provider.token))),
            },
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// The form of a question for tokens, with what is asked for.
    pub(super) fn form(&self, grant: &str, is_ad_fs: bool) -> Form {
        let config = &self.inner.config;
        let form = Form::default()
            .with("grant_type", grant)
            .with("client_id", &config.client_id)
            .with("scope", &config.scope(is_ad_fs));
        form.with_some("resource", is_ad_fs.then_some(config.resource.as_str()))
    }

    /// RFC 6749 section 2.3.1, RFC 7523 section 2.2.
    fn identified(&self, form: Form, provider: &Provider) -> Result<Form, Error> {
        Ok(match &self.inner.config.credential {
            Credential::Public => form,
            Credential::Secret(secret) => form.with("client_secret", secret.expose()),
            Credential::Key(key) => {
                let id = random()?;
                let claims = Claims {
                    client_id: &self.inner.config.client_id,
                    audience: &provider.token,
                    id: id.expose(),
                    now: self.now().as_second(),
                };
                let assertion = key.assertion(&claims, provider.is_ad_fs)?;
                form.with("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                    .with("client_assertion", assertion.expose())
            }
        })
    }

    pub(super) async fn post(&self, url: &str, form: &Form) -> Result<Result<Bytes, Refusal>, Error> {
        let body = Bytes::copy_from_slice(form.as_str().as_bytes());
        let ask = Ask::post(url, "application/x-www-form-urlencoded", body);
        let ask = Ask { headers: vec![("accept", "application/json".to_owned())], ..ask };
        let told = self.inner.network.ask(ask).await?;
        self.compare_clocks(told.header("date"));
        if told.status == 200 {
            return Ok(Ok(told.body));
        }
        let mut refusal = Refusal::read(&told.body);
        refusal.retry_after = retry_after(told.header("retry-after"));
        if refusal.error.is_empty() {
            refusal.description = format!("{url} answers {}", told.status);
        }
        Ok(Err(refusal))
    }

    /// A refusal as an error, explained.
    pub(super) fn refused(&self, refusal: Refusal, redirect: Option<&str>) -> Error {
        explain(refusal, &self.inner.config, redirect).into_error()
    }

    /// What time it is at the identity provider.
    pub(super) fn now(&self) -> Timestamp {
        let ours = Timestamp::try_from(SystemTime::now()).unwrap_or_default();
        ours.checked_add(self.clock_skew().unwrap_or_default()).unwrap_or(ours)
    }

    fn compare_clocks(&self, date: Option<&str>) {
        let told = date.and_then(|date| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        let (Some(told), Ok(ours)) = (told, Timestamp::try_from(SystemTime::now())) else { return };
        let skew = told.duration_since(ours);
        let before = self.inner.skew.lock().unwrap_or_else(PoisonError::into_inner).replace(skew);
        if skew.abs() > WORTH_A_WARNING && before.is_none_or(|before| before.abs() <= WORTH_A_WARNING) {
            let seconds = skew.as_secs();
            tracing::warn!(
                seconds,
                "the identity provider's clock is ahead of ours by so many seconds; set this machine's clock"
            );
        }
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OAuthConfig { authority, client_id, resource, .. } = &self.inner.config;
        write!(out, "OAuth({authority}, {client_id}, {resource})")
    }
}

pub(super) fn stored(sentence: String) -> Error {
    Error::unavailable(format!("the stored sign-in cannot be read or written: {sentence}"))
}

/// Runs what may block for a moment.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(stored),
        Err(_) => Err(stored("the store failed".to_owned())),
    }
}

/// The user's stored refresh token.
pub(super) async fn load(oauth: &OAuth, user: &str) -> Result<Option<Secret>, Error> {
    let (store, user) = (oauth.inner.store.clone(), user.to_owned());
    blocking(move || store.load(&user)).await
}

/// Five minutes is what identity providers mostly allow.
const WORTH_A_WARNING: SignedDuration = SignedDuration::from_secs(60);
