//! How slow a client may be within a message.

use std::time::Duration;

/// How long a message of which so many octets have come may have taken: ten minutes, and what a bad line takes for them. A
/// client that only keeps the connection busy is over then.
pub(crate) fn patience(octets: u64) -> Duration {
    BASE + Duration::from_secs(octets / SLOWEST)
}

const BASE: Duration = Duration::from_secs(10 * 60);

/// Octets in a second.
const SLOWEST: u64 = 1 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_earns_time() {
        assert_eq!(patience(0), Duration::from_secs(600));
        assert_eq!(patience(3 << 20), Duration::from_secs(600 + 3 * 1024));
    }
}
