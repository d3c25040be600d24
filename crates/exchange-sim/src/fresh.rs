//! What is new each time it is asked for: the clock, and chance.

use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Eight bytes nobody can foresee.
pub(crate) fn nonce() -> [u8; 8] {
    Sha256::digest(Uuid::new_v4().as_bytes()).first_chunk().copied().unwrap_or_default()
}

/// The time as FILETIME: 100 ns since 1601.
pub(crate) fn filetime() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos() / 100).unwrap_or_default() + 116_444_736_000_000_000
}
