//! How many connections there may be: in all, from one place, and from around it.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::Networks;

/// What an operator can set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Connections at the same time, in all.
    pub connections: usize,
    /// Connections at the same time from one address (for IPv6: one /64 network).
    pub connections_per_address: usize,
    /// Connections at the same time from one network: 256 addresses of IPv4, a /48 of IPv6.
    pub connections_per_network: usize,
    /// How long a TLS handshake may take, and a proxy to tell its client.
    pub handshake: Duration,
    /// Peers that tell their clients by the PROXY protocol, always, and are believed.
    pub proxies: Networks,
    /// Peers that tell their clients in each request, where the protocol is HTTP, and are believed.
    pub http_proxies: Networks,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 200,
            connections_per_network: 4_000,
            handshake: Duration::from_secs(30),
            proxies: Networks::default(),
            http_proxies: Networks::default(),
        }
    }
}

/// Counts connections. Clones count together, so that listeners can share one.
#[derive(Clone, Debug)]
pub struct Limits {
    settings: Settings,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_place: HashMap<IpAddr, usize>,
    by_network: HashMap<IpAddr, usize>,
}

/// The right to one connection, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    address: Option<IpAddr>,
    open: Arc<Mutex<Open>>,
}

impl Limits {
    /// Nobody there yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, open: Arc::default() }
    }

    /// The numbers set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts one more connection, or `None` if there are enough.
    #[must_use]
    pub fn admit(&self, address: IpAddr) -> Option<Permit> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let here = open.by_place.get(&place(address)).copied().unwrap_or(0);
        let around = open.by_network.get(&network(address)).copied().unwrap_or(0);
        let Settings { connections, connections_per_address, connections_per_network, .. } = self.settings;
        if open.total >= connections || here >= connections_per_address || around >= connections_per_network {
            return None;
        }
        open.total += 1;
        open.by_place.insert(place(address), here + 1);
        open.by_network.insert(network(address), around + 1);
        Some(Permit { address: Some(address), open: Arc::clone(&self.open) })
    }

    /// The same for a connection of a proxy, which is no client: it counts in all only.
    #[must_use]
    pub fn admit_proxy(&self) -> Option<Permit> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= self.settings.connections {
            return None;
        }
        open.total += 1;
        Some(Permit { address: None, open: Arc::clone(&self.open) })
    }

    /// Connections there are now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total = open.total.saturating_sub(1);
        if let Some(address) = self.address {
            one_less(&mut open.by_place, place(address));
            one_less(&mut open.by_network, network(address));
        }
    }
}

fn one_less<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

/// One household has one IPv4 address, or a whole IPv6 /64.
fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// What one provider or one office has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_all_and_per_place() {
        let limits = Limits::new(Settings { connections: 3, connections_per_address: 2, ..Settings::default() });
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let same: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        let first = limits.admit(one).unwrap();
        let _second = limits.admit(same).unwrap();
        assert!(limits.admit(one).is_none());
        let _third = limits.admit("2001:db8::1".parse().unwrap()).unwrap();
        assert!(limits.admit("2001:db8::2".parse().unwrap()).is_none());
        drop(first);
        assert_eq!(limits.open(), 2);
        assert!(limits.admit("2001:db8::2".parse().unwrap()).is_some());
        assert!(limits.admit("2001:db8:0:0:1::".parse().unwrap()).is_some());
    }

    #[test]
    fn counts_around_a_place_too() {
        let limits = Limits::new(Settings { connections_per_network: 2, ..Settings::default() });
        let first = limits.admit("192.0.2.1".parse().unwrap()).unwrap();
        let _second = limits.admit("192.0.2.2".parse().unwrap()).unwrap();
        assert!(limits.admit("192.0.2.3".parse().unwrap()).is_none());
        assert!(limits.admit("192.0.3.3".parse().unwrap()).is_some());
        let _six = limits.admit("2001:db8:0:1::1".parse().unwrap()).unwrap();
        let _six = limits.admit("2001:db8:0:2::1".parse().unwrap()).unwrap();
        assert!(limits.admit("2001:db8:0:3::1".parse().unwrap()).is_none());
        assert!(limits.admit("2001:db8:1::1".parse().unwrap()).is_some());
        drop(first);
        assert!(limits.admit("192.0.2.3".parse().unwrap()).is_some());
    }

    #[test]
    fn a_proxy_counts_in_all_only() {
        let limits = Limits::new(Settings { connections: 2, connections_per_address: 1, ..Settings::default() });
        let first = limits.admit_proxy().unwrap();
        let _second = limits.admit_proxy().unwrap();
        assert!(limits.admit_proxy().is_none());
        drop(first);
        assert_eq!(limits.open(), 1);
    }
}
