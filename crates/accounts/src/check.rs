//! Whether a device password is the right one, without a slow hash for each request.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::Semaphore;

use crate::device::{DeviceId, Kept};
use crate::password::{ClientKey, DevicePassword};

/// Checks device passwords. Clones share what they know.
#[derive(Clone)]
pub struct Checker(Arc<Inner>);

struct Inner {
    /// New in each run, so that what is kept in memory is worth nothing elsewhere.
    key: hmac::Key,
    /// Those that were right a short while ago.
    known: Mutex<HashMap<[u8; 32], (DeviceId, Instant)>>,
    /// Each hash takes 19 MiB and a core.
    hashes: Arc<Semaphore>,
}

impl Checker {
    /// One that knows nothing yet. `None` if the system gives no random numbers.
    #[must_use]
    pub fn new() -> Option<Self> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).ok()?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let hashes = Arc::new(Semaphore::new(AT_ONCE));
        Some(Self(Arc::new(Inner { key, known: Mutex::default(), hashes })))
    }

    /// What opens what is remembered for the device, if this is its password.
    pub async fn check(&self, password: &DevicePassword, kept: &Kept) -> Option<ClientKey> {
        let name = self.name(password);
        let id = kept.device.id;
        let is_known = self.knows(&name, id);
        // Nobody waits for the hashes of others with a password that was right just now.
        let permit = if is_known { None } else { Some(Arc::clone(&self.0.hashes).acquire_owned().await.ok()?) };
        let (password, verifier) = (password.clone(), kept.verifier.clone());
        let checked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            (is_known || verifier.is_of(&password)).then(|| password.client_key(&verifier)).flatten()
        });
        let key = checked.await.ok().flatten()?;
        if !is_known {
            self.keep(name, id);
        }
        Some(key)
    }

    fn knows(&self, name: &[u8; 32], id: DeviceId) -> bool {
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).is_some_and(|(device, until)| *device == id && *until > Instant::now())
    }

    fn keep(&self, name: [u8; 32], id: DeviceId) {
        let now = Instant::now();
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (_, until)| *until > now);
        if known.len() < MOST {
            known.insert(name, (id, now + KNOWN));
        }
    }

    fn name(&self, password: &DevicePassword) -> [u8; 32] {
        let mut name = [0; 32];
        name.copy_from_slice(hmac::sign(&self.0.key, password.expose().as_bytes()).as_ref());
        name
    }
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checker")
    }
}

/// Hashes that run at the same time.
const AT_ONCE: usize = 2;
/// How long a password that was right is believed without a hash.
const KNOWN: Duration = Duration::from_secs(10 * 60);
/// Passwords that are remembered at the same time; above that, each costs a hash.
const MOST: usize = 10_000;
