//! How full the mailbox is (RFC 4331, 9208): told with the sign-in, and asked again when somebody wants to know much later.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ews::op::get_folder::GetFolder;
use ews::{DistinguishedFolder, ExtendedField, Folder, FolderShape, Path, PropertyKind, Value};

use crate::error::Tried;
use crate::live::Live;

/// Bytes used and, if there is a limit, bytes allowed.
pub(crate) type Bytes = (u64, Option<u64>);

/// What is known of it.
#[derive(Debug)]
pub(crate) struct Fill {
    known: Mutex<(Option<Bytes>, Instant)>,
    asking: AtomicBool,
}

impl Fill {
    pub(crate) fn new(told: Option<Bytes>) -> Self {
        Self { known: Mutex::new((told, Instant::now())), asking: AtomicBool::new(false) }
    }

    /// Takes what Exchange tells now.
    pub(crate) fn learn(&self, told: Option<Bytes>) {
        *self.lock() = (told, Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, (Option<Bytes>, Instant)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// How full the mailbox is, as far as is known. What is old is asked for anew, and told next time.
    pub(crate) fn quota(self: &Arc<Self>) -> Option<Bytes> {
        let (known, at) = *self.quota.lock();
        if at.elapsed() >= REFRESH && !self.quota.asking.swap(true, Ordering::SeqCst) {
            let live = Arc::clone(self);
            self.spawn(async move {
                let told = live.ask_quota().await.or(known);
                live.quota.learn(told);
                live.quota.asking.store(false, Ordering::SeqCst);
            });
        }
        known
    }

    async fn ask_quota(&self) -> Option<Bytes> {
        let ask = GetFolder { folders: vec![DistinguishedFolder::Root.into()], shape: FolderShape::of(paths()) };
        let answer = self.client().ok()?.call(&ask).await;
        let tried = Tried::new("it could not be found out how full the mailbox is");
        let answer = answer.inspect_err(|error| tracing::info!(user = self.user, error = %self.failed(&tried, error)));
        quota_of(&answer.ok()?.pop()?.ok()?)
    }
}

/// What to ask the root folder for.
pub(crate) fn paths() -> [Path; 3] {
    [SIZE, RECEIVE_LIMIT, SEND_LIMIT].map(Path::from)
}

/// What the root folder tells of the mailbox. Limits are in kilobytes; none, or a negative one, means no limit.
pub(crate) fn quota_of(root: &Folder) -> Option<Bytes> {
    let number = |field| root.extended.get(&field).and_then(Value::as_integer);
    let used = u64::try_from(number(SIZE)?).ok()?;
    let limit = |field| u64::try_from(number(field)?).ok().map(|kilobytes| kilobytes * 1024);
    // Past the first nothing is stored any more; a mailbox may have but the second, which stops its owner's mail.
    Some((used, limit(RECEIVE_LIMIT).or_else(|| limit(SEND_LIMIT))))
}

/// PidTagMessageSizeExtended: of the root, the size of the mailbox in bytes.
const SIZE: ExtendedField = ExtendedField::tag(0x0e08, PropertyKind::Long);
/// PidTagProhibitReceiveQuota.
const RECEIVE_LIMIT: ExtendedField = ExtendedField::tag(0x666a, PropertyKind::Integer);
/// PidTagProhibitSendQuota.
const SEND_LIMIT: ExtendedField = ExtendedField::tag(0x666e, PropertyKind::Integer);
const REFRESH: Duration = Duration::from_secs(5 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_kilobytes_and_may_be_missing() {
        let told = |values: &[(ExtendedField, i64)]| {
            let mut root = Folder::default();
            values.iter().for_each(|(field, value)| root.extended.set(field.clone(), Value::Integer(*value)));
            quota_of(&root)
        };
        assert_eq!(told(&[(SIZE, 7), (RECEIVE_LIMIT, 2), (SEND_LIMIT, 1)]), Some((7, Some(2048))));
        assert_eq!(told(&[(SIZE, 7), (SEND_LIMIT, 1)]), Some((7, Some(1024))));
        assert_eq!(told(&[(SIZE, 7), (RECEIVE_LIMIT, -1)]), Some((7, None)));
        assert_eq!(told(&[(RECEIVE_LIMIT, 2)]), None);
    }
}
