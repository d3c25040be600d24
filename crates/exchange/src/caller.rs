//! For whom Exchange is asked.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use ews::{Caller, Priority};
use mailbox::Trace;

tokio::task_local! {
    /// For whom this task asks Exchange; where it is not said, for nobody who waits.
    static CALLER: Caller;
}

/// Does it for a session, and for somebody who waits.
pub(crate) async fn attended<T>(session: u64, work: impl Future<Output = T>) -> T {
    // Boxed, so that what is deep does not become deeper.
    CALLER.scope(Caller { priority: Priority::User, session }, Box::pin(work)).await
}

/// For whom this task asks, so that another task can ask for the same.
///
/// The command of the client that it belongs to is the one of the task that calls this.
pub(crate) fn on_behalf<T>(caller: Option<Caller>, work: impl Future<Output = T>) -> impl Future<Output = T> {
    Trace::carried(async move {
        match caller {
            Some(caller) => CALLER.scope(caller, work).await,
            None => work.await,
        }
    })
}

/// For whom this task asks, if that was said.
pub(crate) fn caller() -> Option<Caller> {
    CALLER.try_with(|caller| *caller).ok()
}

/// A number for whoever takes turns at Exchange.
pub(crate) fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
