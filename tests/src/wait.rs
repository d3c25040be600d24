//! Waiting for what happens in other processes, and finding what lies beside the checkout.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Asks again and again until the answer is there.
///
/// # Panics
/// If it is not there within `limit`.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> F,
) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        sleep(PAUSE).await;
    }
}

/// The directory with schemas, samples and other people's programs, if this machine has it.
#[must_use]
pub fn shared() -> Option<PathBuf> {
    let path = std::env::var_os("EXGATE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    path.is_dir().then_some(path)
}

/// Another process gives no sign that could be waited for.
const PAUSE: Duration = Duration::from_millis(25);
