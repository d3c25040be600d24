use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout};

use super::answer::{Device, Grant, Refusal};
use super::form::{Form, fields};
use super::landing::{Landing, is_loopback};
use super::{Flow, OAuth, code_challenge, random};
use crate::{Error, ErrorKind, Secret};

/// A sign-in that somebody was asked for. It may be waited for again and again: a late consent counts.
#[derive(Debug)]
pub struct Attempt {
    oauth: OAuth,
    prompt: Prompt,
    way: Way,
}

/// What somebody is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Open an address.
    Browser {
        /// Which.
        url: String,
        /// Where the browser is sent back to.
        redirect: String,
        /// It comes back to this machine. Otherwise the address it ends at is to be given to [`Attempt::accept`].
        comes_back: bool,
    },
    /// Open an address and enter a code.
    Device {
        /// Which address.
        url: String,
        /// Which code.
        code: String,
        /// An address that has the code in it.
        complete: Option<String>,
        /// For how long the code is good.
        expires_in: Duration,
    },
}

/// What came of waiting.
#[derive(Clone, Debug)]
pub enum Waited {
    /// Somebody signed in.
    Done(Grant),
    /// Nobody did so far. The sentence says so, and that waiting again is possible.
    NotYet(String),
}

#[derive(Debug)]
enum Way {
    Browser { state: Secret, verifier: Secret, redirect: String, hints: Hints, landing: Option<Landing> },
    Device { device: Device, interval: Duration, next: Instant, expires: Instant },
}

/// Who is wanted, and what a server wants of the token.
#[derive(Clone, Debug, Default)]
struct Hints {
    user: Option<String>,
    claims: Option<String>,
}

impl OAuth {
    /// Asks somebody to sign in. `user` is who is wanted, as a hint; `claims` what a server wants of the token
    /// ([`super::TokenStore::want`]).
    pub async fn begin(&self, user: Option<&str>, claims: Option<&str>) -> Result<Attempt, Error> {
        match self.config().flow {
            Flow::Code => {
                let redirect = self.config().redirect.clone().unwrap_or_else(|| "http://localhost".to_owned());
                let (state, verifier) = (random()?, random()?);
                let hints = Hints { user: user.map(str::to_owned), claims: claims.map(str::to_owned) };
                self.browser(state, verifier, &redirect, hints).await
            }
            Flow::Device => {
                let device = self.device_code(claims).await?;
                Ok(self.device(device, None))
            }
            Flow::ClientCredentials => {
                Err(Error::new(ErrorKind::Local, "oauth.flow is client_credentials: nobody has to sign in"))
            }
        }
    }

    /// Goes on with an attempt that another process began, as [`Attempt::save`] told it.
    pub async fn resume(&self, saved: &Secret) -> Result<Attempt, Error> {
        let bad = || Error::new(ErrorKind::Local, "the sign-in that was begun cannot be gone on with: begin anew");
        let saved: Value = serde_json::from_str(saved.expose()).map_err(|_| bad())?;
        let text = |name: &str| saved.get(name).and_then(Value::as_str).ok_or_else(bad);
        if let Ok(verifier) = text("verifier") {
            let secrets = (Secret::new(text("state")?), Secret::new(verifier));
            let hint = |name: &str| saved.get(name).and_then(Value::as_str).map(str::to_owned);
            let hints = Hints { user: hint("user"), claims: hint("claims") };
            return self.browser(secrets.0, secrets.1, text("redirect")?, hints).await;
        }
        let seconds = |name: &str| saved.get(name).and_then(Value::as_i64).ok_or_else(bad);
        let left = seconds("expires")?.saturating_sub(self.now().as_second());
        let device = Device {
            code: Secret::new(text("code")?),
            user_code: text("user_code")?.to_owned(),
            url: text("url")?.to_owned(),
            complete: saved.get("complete").and_then(Value::as_str).map(str::to_owned),
            expires_in: Duration::from_secs(left.try_into().unwrap_or(0)),
            interval: Duration::from_secs(seconds("interval")?.try_into().unwrap_or(5)),
        };
        Ok(self.device(device, Some(Duration::ZERO)))
    }

    /// RFC 6749 section 4.1.1 with RFC 7636.
    async fn browser(&self, state: Secret, verifier: Secret, redirect: &str, hints: Hints) -> Result<Attempt, Error> {
        let landing = if is_loopback(redirect) { Some(Landing::open(redirect).await?) } else { None };
        let redirect = landing.as_ref().map_or(redirect, |landing| &landing.redirect).to_owned();
        let provider = self.provider().await?;
        let query = Form::default()
            .with("client_id", &self.config().client_id)
            .with("response_type", "code")
            .with("response_mode", "query")
            .with("redirect_uri", &redirect)
            .with("scope", &self.config().scope(provider.is_ad_fs))
            .with_some("resource", provider.is_ad_fs.then_some(self.config().resource.as_str()))
            .with("state", state.expose())
            .with("code_challenge", &code_challenge(&verifier))
            .with("code_challenge_method", "S256")
            .with_some("login_hint", hints.user.as_deref().filter(|user| user.contains('@')))
            .with_some("claims", hints.claims.as_deref());
        let separator = if provider.authorize.contains('?') { '&' } else { '?' };
        let prompt = Prompt::Browser {
            url: format!("{}{separator}{}", provider.authorize, query.as_str()),
            redirect: redirect.clone(),
            comes_back: landing.is_some(),
        };
        Ok(Attempt { oauth: self.clone(), prompt, way: Way::Browser { state, verifier, redirect, hints, landing } })
    }

    /// RFC 8628 section 3.1
    async fn device_code(&self, claims: Option<&str>) -> Result<Device, Error> {
        let provider = self.provider().await?;
        let Some(url) = &provider.device else {
            let told = "the identity provider has no device codes: set oauth.flow to \"code\"";
            return Err(Error::new(ErrorKind::Local, told));
        };
        let form = Form::default()
            .with("client_id", &self.config().client_id)
            .with("scope", &self.config().scope(provider.is_ad_fs))
            .with_some("resource", provider.is_ad_fs.then_some(self.config().resource.as_str()))
            .with_some("claims", claims);
        match self.post(url, &form).await? {
            Ok(body) => Device::read(&body)
                .ok_or_else(|| Error::protocol(format!("{url} gives out nothing that is a device code"))),
            Err(refusal) => Err(self.refused(refusal, None)),
        }
    }

    fn device(&self, device: Device, first: Option<Duration>) -> Attempt {
        let now = Instant::now();
        let prompt = Prompt::Device {
            url: device.url.clone(),
            code: device.user_code.clone(),
            complete: device.complete.clone(),
            expires_in: device.expires_in,
        };
        let interval = device.interval;
        let way =
            Way::Device { interval, next: now + first.unwrap_or(interval), expires: now + device.expires_in, device };
        Attempt { oauth: self.clone(), prompt, way }
    }
}

impl Attempt {
    /// What to tell who shall sign in.
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// What another process needs to go on with it: secret, and to be kept like a password.
    pub fn save(&self) -> Secret {
        let saved = match &self.way {
            Way::Browser { state, verifier, redirect, hints, .. } => json!({
                "state": state.expose(), "verifier": verifier.expose(), "redirect": redirect,
                "user": hints.user, "claims": hints.claims,
            }),
            Way::Device { device, interval, expires, .. } => {
                let left = expires.saturating_duration_since(Instant::now());
                let expires = self.oauth.now().checked_add(left).unwrap_or(Timestamp::UNIX_EPOCH).as_second();
                json!({
                    "code": device.code.expose(), "user_code": device.user_code, "url": device.url,
                    "complete": device.complete, "interval": interval.as_secs(), "expires": expires,
                })
            }
        };
        Secret::new(saved.to_string())
    }

    /// Waits for somebody to sign in, as long as `oauth.timeout` says.
    ///
    /// # Errors
    /// If the sign-in was declined, or cannot come to an end any more: then a new attempt is needed.
    pub async fn wait(&mut self) -> Result<Waited, Error> {
        let limit = self.oauth.config().timeout;
        let deadline = Instant::now() + limit;
        let not_yet = || {
            let told = format!("nobody has signed in within {} s (oauth.timeout)", limit.as_secs());
            Ok(Waited::NotYet(format!("{told}; the sign-in stays open, and can be waited for again")))
        };
        if let Way::Device { .. } = &self.way {
            return match self.poll_until(deadline).await? {
                Some(grant) => Ok(Waited::Done(grant)),
                None => not_yet(),
            };
        }
        loop {
            let Way::Browser { landing: Some(landing), .. } = &mut self.way else {
                let told = "the browser does not come back to this machine: give the address at which it ends";
                return Err(Error::new(ErrorKind::Local, told));
            };
            let Ok(Some(arrival)) = timeout(deadline.saturating_duration_since(Instant::now()), landing.next()).await
            else {
                return not_yet();
            };
            // Who does not know the state is not who was sent away from here.
            let Some(answer) = self.answered(&arrival.query) else {
                arrival.tell("Not this sign-in", "This address belongs to another sign-in. Begin anew.").await;
                continue;
            };
            let redeemed = match answer {
                Ok(code) => self.redeem(&code).await,
                Err(error) => Err(error),
            };
            match &redeemed {
                Ok(_) => arrival.tell("Signed in", "You can close this window and go back.").await,
                Err(error) => arrival.tell("Not signed in", &error.message).await,
            }
            return redeemed.map(Waited::Done);
        }
    }

    /// Takes the address at which a browser on another machine ended, or its query.
    pub async fn accept(&self, address: &str) -> Result<Grant, Error> {
        let query = address.trim().split_once('?').map_or(address.trim(), |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        match self.answered(query) {
            Some(Ok(code)) => self.redeem(&code).await,
            Some(Err(error)) => Err(error),
            None => Err(Error::new(ErrorKind::Local, "that address does not belong to this sign-in")),
        }
    }

    /// What a redirect says (RFC 6749 section 4.1.2); None if it is not of this attempt.
    fn answered(&self, query: &str) -> Option<Result<Secret, Error>> {
        let Way::Browser { state, redirect, .. } = &self.way else { return None };
        let fields = fields(query);
        let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if field("state") != Some(state.expose()) {
            return None;
        }
        match (field("code"), field("error")) {
            (Some(code), None) => Some(Ok(Secret::new(code))),
            (_, error) => {
                let refusal = Refusal::of_redirect(error.unwrap_or("invalid_request"), field("error_description"));
                Some(Err(self.oauth.refused(refusal, Some(redirect))))
            }
        }
    }

    /// RFC 6749 section 4.1.3
    async fn redeem(&self, code: &Secret) -> Result<Grant, Error> {
        let Way::Browser { verifier, redirect, .. } = &self.way else {
            return Err(Error::new(ErrorKind::Local, "this sign-in has no code"));
        };
        let is_ad_fs = self.oauth.provider().await?.is_ad_fs;
        let form = self
            .oauth
            .form("authorization_code", is_ad_fs)
            .with("code", code.expose())
            .with("redirect_uri", redirect)
            .with("code_verifier", verifier.expose());
        self.oauth.token(form).await?.map_err(|refusal| self.oauth.refused(refusal, Some(redirect)))
    }

    /// RFC 8628 section 3.4; None if nobody has entered the code by then.
    async fn poll_until(&mut self, deadline: Instant) -> Result<Option<Grant>, Error> {
        let Way::Device { device, interval, next, expires } = &mut self.way else { return Ok(None) };
        let is_ad_fs = self.oauth.provider().await?.is_ad_fs;
        while *next < deadline {
            sleep_until(*next).await;
            if *next >= *expires {
                return Err(self
                    .oauth
                    .refused(Refusal { error: "expired_token".to_owned(), ..Refusal::default() }, None));
            }
            let form = self.oauth.form(DEVICE_GRANT, is_ad_fs).with("device_code", device.code.expose());
            match self.oauth.token(form).await {
                Ok(Ok(grant)) => return Ok(Some(grant)),
                Ok(Err(refusal)) => match refusal.error.as_str() {
                    "authorization_pending" => {}
                    "slow_down" => *interval += SLOWER,
                    _ => return Err(self.oauth.refused(refusal, None)),
                },
                // RFC 8628 section 3.5: a provider that does not answer is asked less often.
                Err(error) if error.kind.is_transient() => *interval = (*interval * 2).min(SLOWEST),
                Err(error) => return Err(error),
            }
            *next = Instant::now() + *interval;
        }
        sleep_until(deadline).await;
        Ok(None)
    }
}

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const SLOWER: Duration = Duration::from_secs(5);
const SLOWEST: Duration = Duration::from_secs(60);
