//! `[limits]`: how many clients there may be at once.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::listen::Listen;
use super::mistake::Mistake;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    connections: usize,
    per_address: usize,
    per_network: usize,
    longest_refusal_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let usual = serve::Settings::default();
        Self {
            connections: usual.connections,
            per_address: usual.connections_per_address,
            per_network: usual.connections_per_network,
            longest_refusal_seconds: 10,
        }
    }
}

impl Limits {
    /// What the listeners keep to, all together.
    pub(crate) fn settings(&self, listen: &Listen) -> serve::Settings {
        serve::Settings {
            connections: self.connections,
            connections_per_address: self.per_address,
            connections_per_network: self.per_network,
            proxies: listen.proxies.networks(),
            http_proxies: listen.http_proxies.networks(),
            ..serve::Settings::default()
        }
    }

    /// The longest that somebody who is refused again and again waits for the answer.
    pub(crate) fn longest_refusal(&self) -> Duration {
        Duration::from_secs(self.longest_refusal_seconds)
    }

    pub(super) fn check(&self, file: &Path) -> Result<(), Mistake> {
        for (key, most) in
            [("connections", self.connections), ("per_address", self.per_address), ("per_network", self.per_network)]
        {
            if most == 0 {
                let sentence = "0 would let nobody in; set at least 1".to_owned();
                return Err(Mistake::new(file, format!("limits.{key}"), sentence));
            }
        }
        match self.longest_refusal_seconds {
            // Clients wait half a minute for an answer, and then try again.
            0..=MOST_PATIENT => Ok(()),
            longer => {
                let sentence = format!("{longer} is longer than clients wait; set at most {MOST_PATIENT}");
                Err(Mistake::new(file, "limits.longest_refusal_seconds", sentence))
            }
        }
    }
}

const MOST_PATIENT: u64 = 30;
