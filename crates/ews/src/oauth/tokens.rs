use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::answer::{Grant, Refusal};
use super::client::{blocking, load};
use super::{Challenge, Flow, OAuth, TokenFuture, TokenSource};
use crate::{Cause, Error, ErrorKind, Secret};

/// The access tokens of one user: each until three quarters of its life are over, then the next.
///
/// All who need one wait for the one question that is asked; a refusal is remembered for a while, or until somebody signs
/// in again. A new refresh token is on disk before the access token that came with it is given to anybody.
#[derive(Clone)]
pub struct Tokens {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    oauth: OAuth,
    user: String,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    access: Option<Access>,
    /// What the next token must have: a server has asked for it.
    claims: Option<String>,
    /// A refresh token that could not be stored, and the one it was given for.
    unsaved: Option<(Option<Secret>, Secret)>,
    failure: Option<Failure>,
}

#[derive(Clone)]
struct Access {
    token: Secret,
    /// From then on another one is asked for.
    renew: Instant,
    expires: Instant,
}

struct Failure {
    error: Error,
    /// Nobody is asked before then, unless there is another refresh token.
    until: Instant,
    refresh: Option<Secret>,
}

impl Tokens {
    pub(super) fn new(oauth: OAuth, user: &str) -> (Tokens, Weak<Inner>) {
        let inner = Arc::new(Inner { oauth, user: user.to_owned(), held: Arc::default() });
        let weak = Arc::downgrade(&inner);
        (Tokens { inner }, weak)
    }

    pub(super) fn of(inner: Arc<Inner>) -> Tokens {
        Tokens { inner }
    }

    pub(super) async fn keep(&self, grant: Grant) -> Result<(), Error> {
        let mut held = self.inner.held.clone().lock_owned().await;
        *held = Held::default();
        self.inner.take(&mut held, None, grant).await?;
        self.inner.want(None).await
    }

    pub(super) async fn forget(&self) -> Result<bool, Error> {
        let mut held = self.inner.held.clone().lock_owned().await;
        *held = Held::default();
        let (store, user) = (self.inner.oauth.inner.store.clone(), self.inner.user.clone());
        blocking(move || store.remove(&user)).await
    }

    async fn good(&self, refused: Option<&Challenge>) -> Result<Secret, Error> {
        let mut held = self.inner.held.clone().lock_owned().await;
        if let Some(challenge) = refused {
            held.refused(challenge);
        }
        if let Some(access) = held.access.as_ref().filter(|access| Instant::now() < access.renew) {
            return Ok(access.token.clone());
        }
        // A task of its own: a caller that goes away must not lose a refresh token on its way to the disk.
        let inner = self.inner.clone();
        let renewed = tokio::spawn(async move { inner.renew(held).await });
        renewed.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Local, "the sign-in could not be renewed")))
    }
}

impl Held {
    /// A server did not take a token. If it is ours, it is not given to anybody again.
    fn refused(&mut self, challenge: &Challenge) {
        let ours = |access: &Access| challenge.token.as_ref().is_none_or(|token| *token == access.token);
        if self.access.as_ref().is_some_and(ours) {
            self.access = None;
            if challenge.bearer.claims.is_some() {
                self.claims.clone_from(&challenge.bearer.claims);
            }
        }
    }
}

impl Inner {
    async fn renew(&self, mut held: OwnedMutexGuard<Held>) -> Result<Secret, Error> {
        let renewed = match self.oauth.config().flow {
            Flow::ClientCredentials => self.for_itself(&mut held).await,
            Flow::Code | Flow::Device => self.refresh(&mut held).await,
        };
        match (renewed, &mut held.access) {
            (Ok(token), _) => Ok(token),
            // It is not the last moment yet.
            (Err(error), Some(access)) if error.kind.is_transient() && Instant::now() < access.expires => {
                tracing::debug!(user = self.user, %error, "a token could not be renewed yet");
                access.renew = Instant::now() + BETWEEN_TRIES;
                Ok(access.token.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn for_itself(&self, held: &mut Held) -> Result<Secret, Error> {
        held.check(None)?;
        let is_ad_fs = self.oauth.provider().await?.is_ad_fs;
        let form = self.oauth.form("client_credentials", is_ad_fs).with_some("claims", held.claims.as_deref());
        match self.oauth.token(form).await {
            Ok(Ok(grant)) => self.take(held, None, Grant { refresh: None, ..grant }).await,
            Ok(Err(refusal)) => Err(self.failed(held, refusal, None)),
            Err(error) => Err(held.unreachable(error, None)),
        }
    }

    /// RFC 6749 section 6.
    async fn refresh(&self, held: &mut Held) -> Result<Secret, Error> {
        if let Some((used, next)) = held.unsaved.take() {
            self.save(held, used, next).await?;
        }
        let mut refresh = load(&self.oauth, &self.user).await?.ok_or_else(|| self.nobody())?;
        loop {
            held.check(Some(&refresh))?;
            let is_ad_fs = self.oauth.provider().await?.is_ad_fs;
            let form = self.oauth.form("refresh_token", is_ad_fs).with("refresh_token", refresh.expose());
            match self.oauth.token(form.with_some("claims", held.claims.as_deref())).await {
                Ok(Ok(grant)) => return self.take(held, Some(refresh), grant).await,
                Ok(Err(refusal)) => {
                    // Somebody else, another process for instance, may have used it and stored the next one.
                    let now = load(&self.oauth, &self.user).await?;
                    match now {
                        Some(now) if now != refresh => refresh = now,
                        _ => {
                            let error = self.failed(held, refusal, Some(refresh));
                            if error.cause == Some(Cause::GrantLost)
                                && let Some(claims) = held.claims.clone()
                                && let Err(error) = self.want(Some(claims)).await
                            {
                                tracing::warn!(user = self.user, %error, "the next sign-in will not ask for the claims");
                            }
                            return Err(error);
                        }
                    }
                }
                Err(error) => return Err(held.unreachable(error, Some(refresh))),
            }
        }
    }

    /// Takes tokens in: the refresh token to the disk first.
    async fn take(&self, held: &mut Held, used: Option<Secret>, grant: Grant) -> Result<Secret, Error> {
        if let Some(next) = grant.refresh {
            self.save(held, used, next).await?;
        }
        let now = Instant::now();
        held.access = Some(Access {
            token: grant.access.clone(),
            renew: now + grant.expires_in.mul_f64(0.75),
            expires: now + grant.expires_in,
        });
        held.claims = None;
        held.failure = None;
        Ok(grant.access)
    }

    async fn save(&self, held: &mut Held, used: Option<Secret>, next: Secret) -> Result<(), Error> {
        let (store, user) = (self.oauth.inner.store.clone(), self.user.clone());
        let pair = (used.clone(), next.clone());
        let saved = blocking(move || store.replace(&user, pair.0.as_ref(), &pair.1)).await;
        if saved.is_err() {
            held.unsaved = Some((used, next));
        }
        saved
    }

    /// Keeps what the next sign-in has to ask for.
    async fn want(&self, claims: Option<String>) -> Result<(), Error> {
        let (store, user) = (self.oauth.inner.store.clone(), self.user.clone());
        blocking(move || store.want(&user, claims.as_deref())).await
    }

    fn failed(&self, held: &mut Held, refusal: Refusal, refresh: Option<Secret>) -> Error {
        if let Some(claims) = &refusal.claims {
            held.claims = Some(claims.clone());
        }
        let error = self.oauth.refused(refusal, None);
        tracing::info!(user = self.user, %error, "no new token");
        let pause = match &error.kind {
            ErrorKind::Busy { retry_after: Some(pause) } => (*pause).min(LONGEST_PAUSE),
            kind if kind.is_transient() => BETWEEN_TRIES,
            _ => LONGEST_PAUSE,
        };
        held.failure = Some(Failure { error: error.clone(), until: Instant::now() + pause, refresh });
        error
    }

    fn nobody(&self) -> Error {
        let told = format!("nobody has signed in for {} yet: exgate login {}", self.user, self.user);
        Error::new(ErrorKind::SignIn, told).because(Cause::GrantLost)
    }
}

impl Held {
    /// Fails while it is pointless to ask again with the same refresh token.
    fn check(&self, refresh: Option<&Secret>) -> Result<(), Error> {
        match &self.failure {
            Some(failure) if failure.refresh.as_ref() == refresh && Instant::now() < failure.until => {
                Err(failure.error.clone())
            }
            _ => Ok(()),
        }
    }

    fn unreachable(&mut self, error: Error, refresh: Option<Secret>) -> Error {
        let until = Instant::now() + AFTER_SILENCE;
        self.failure = Some(Failure { error: error.clone(), until, refresh });
        error
    }
}

impl TokenSource for Tokens {
    fn token<'a>(&'a self, refused: Option<&'a Challenge>) -> TokenFuture<'a> {
        Box::pin(self.good(refused))
    }

    fn key(&self) -> String {
        let config = self.inner.oauth.config();
        let tenant = config.tenant.as_deref().unwrap_or_default();
        format!("{} {tenant} {} {} {}", config.authority, config.client_id, config.resource, self.inner.user)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Tokens({})", self.key())
    }
}

/// After an identity provider had no time.
const BETWEEN_TRIES: Duration = Duration::from_secs(30);
/// After one could not be reached: callers that come together are spared the wait.
const AFTER_SILENCE: Duration = Duration::from_secs(3);
/// After one said no.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
