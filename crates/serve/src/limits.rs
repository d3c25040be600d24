//! How many connections there may be: in all, and from one place.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The numbers an operator can set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Connections at the same time, in all.
    pub connections: usize,
    /// Connections at the same time from one address (for IPv6: one /64 network).
    pub connections_per_address: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { connections: 10_000, connections_per_address: 200, handshake: Duration::from_secs(30) }
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
}

/// The right to one connection, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    place: IpAddr,
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
        let place = place(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let here = open.by_place.get(&place).copied().unwrap_or(0);
        if open.total >= self.settings.connections || here >= self.settings.connections_per_address {
            return None;
        }
        open.total += 1;
        open.by_place.insert(place, here + 1);
        Some(Permit { place, open: Arc::clone(&self.open) })
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
        if let Some(here) = open.by_place.get_mut(&self.place) {
            *here -= 1;
            if *here == 0 {
                open.by_place.remove(&self.place);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_all_and_per_place() {
        let limits =
            Limits::new(Settings { connections: 3, connections_per_address: 2, handshake: Duration::from_secs(1) });
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
}
